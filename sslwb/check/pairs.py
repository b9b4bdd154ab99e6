"""Exercise on the pairing game: the label of each view, which nobody has to write. Lesson 00."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sslwb.check.report import Mistake, Report, Trial, judge


def partner_labels(f: Any) -> Report:
    """Check `f(pictures)`: a number B → int64 (2B,), for each of 2B views the row of the other view of its picture.

    The rows are the first views of pictures 0 to B - 1, then the second views in the same order.
    """

    def truth(pictures: int) -> Tensor:
        return torch.arange(2 * pictures).roll(pictures)

    mistakes = [
        Mistake(
            "Each view names itself. That is no choice: a view is always most like itself. Its partner stands B rows "
            "further down, or, for a second view, B rows further up.",
            lambda b: torch.arange(2 * b),
        ),
        Mistake(
            "Your labels name the picture, 0 to B - 1, twice. What is asked is a row: where among the 2B views the "
            "partner stands.",
            lambda b: torch.arange(b).repeat(2),
        ),
        Mistake(
            "All your labels point to second views. That is right for the first B rows; the partners of the second "
            "views are the first ones, rows 0 to B - 1.",
            lambda b: torch.arange(b, 2 * b).repeat(2),
        ),
        Mistake(
            "You paired rows 0 and 1, 2 and 3 …, as if the two views of a picture stood side by side. Here all first "
            "views come first: row i and row i + B belong together.",
            lambda b: torch.arange(2 * b).view(b, 2).flip(1).flatten(),
        ),
        Mistake(
            "Your second half runs backwards: the last row is paired with the first. The second views stand in the "
            "same order as the first: row i and row i + B belong together.",
            lambda b: torch.arange(2 * b).flip(0),
        ),
        Mistake(
            "Your labels count rows from 1. Rows are counted from 0, as everywhere in Python.",
            lambda b: torch.arange(2 * b).roll(b) + 1,
        ),
    ]
    return judge(
        "partner_labels",
        f,
        truth,
        [Trial(f"{b} pictures", (b,)) for b in (4, 7, 2, 3)],
        mistakes,
        arguments=("pictures",),
        agrees_with="what is known from making the views",
    )
