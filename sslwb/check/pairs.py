"""Exercise on the pairing game: the label of each view, which nobody has to write. Lesson 00."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sslwb.check.report import Mistake, Report, drawn, judge


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
            "All your labels point to first views. That is right for the second views; the partners of the first "
            "B rows are "
            "the second views, rows B to 2B - 1.",
            lambda b: torch.arange(b).repeat(2) % (2 * b),
        ),
        Mistake(
            "Your labels stand B rows further for all, and run beyond the last row, 2B - 1: from the second half "
            "you come "
            "back to the top (% 2B, or minus B).",
            lambda b: torch.arange(2 * b) + b,
        ),
        Mistake(
            "You went back to the top at B instead of 2B: there are 2B rows.",
            lambda b: (torch.arange(2 * b) + b) % b,
        ),
        Mistake(
            "You went back to the top one row too soon, at 2B - 1 instead of 2B: there are 2B rows.",
            lambda b: (torch.arange(2 * b) + b) % max(2 * b - 1, 1),
        ),
        Mistake(
            "Each label is the next row, as if the partner stood one row below. It stands B rows further.",
            lambda b: torch.arange(2 * b).roll(-1),
        ),
        Mistake(
            "Each label is the row before. The partner stands B rows further.", lambda b: torch.arange(2 * b).roll(1)
        ),
        Mistake(
            "Your labels are one row off: row 0 belongs to row B.", lambda b: (torch.arange(2 * b) + b - 1) % (2 * b)
        ),
        Mistake(
            "Your labels are one row off: row 0 belongs to row B.", lambda b: (torch.arange(2 * b) + b + 1) % (2 * b)
        ),
        Mistake(
            "These say which of its two views a row is, 0 or 1. What is asked is the row in which its partner stands.",
            lambda b: torch.arange(2 * b) // b,
        ),
        Mistake(
            "These say which of its two views a row is, 1 or 0. What is asked is the row in which its partner stands.",
            lambda b: 1 - torch.arange(2 * b) // b,
        ),
        Mistake(
            "These are the labels of the first B rows alone. The second views look for their partners too: 2B labels.",
            lambda b: torch.arange(b, 2 * b),
        ),
        Mistake(
            "Your labels number the pictures once, 0 to B - 1. What is asked is a row for each of the 2B views.",
            lambda b: torch.arange(b),
        ),
        Mistake(
            "Each label comes twice in a row, as if the two views of a picture stood side by side. Here all "
            "first views "
            "come first.",
            lambda b: torch.arange(b).repeat_interleave(2),
        ),
        Mistake(
            "This is a table of all pairs. For each row a single number is asked: the column of the partner.",
            lambda b: torch.eye(2 * b).roll(b, 0),
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
        drawn(lambda g, pictures: (pictures,), "{pictures} pictures", *({"pictures": b} for b in (4, 7, 2, 3))),
        mistakes,
        arguments=("pictures",),
        agrees_with="what is known from making the views",
        lists=True,
        places=lambda pictures: {
            "the labels of the first views (the first B rows)": torch.arange(2 * pictures) < pictures,
            "the labels of the second views (the last B rows)": torch.arange(2 * pictures) >= pictures,
        },
    )
