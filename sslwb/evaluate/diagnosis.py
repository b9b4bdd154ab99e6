"""Is this run healthy? A verdict, what it was seen by, and one thing to try. The faults themselves are in `faults`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from sslwb.core import MakeViews
from sslwb.data import Items
from sslwb.evaluate.faults import FAULTS
from sslwb.evaluate.signs import Signs, collect
from sslwb.methods.base import Method
from sslwb.train.loop import History

HEALTHY = "The loss falls and the embeddings spread. Measure with kNN before you trust it."
IN_PLAY = "Neither side has won, and the embeddings spread. That says nothing of the samples: look at them, and count."


@dataclass(frozen=True)
class Diagnosis:
    """A verdict, its evidence, one suggestion, and what else was found.

    The verdict is "healthy", or one of `faults.FAULTS`: a fault, or "cannot tell", whose suggestion says why.
    """

    verdict: str
    evidence: dict[str, float]
    suggestion: str
    also: tuple[Diagnosis, ...] = ()

    def __str__(self) -> str:
        seen = ", ".join(f"{k} {v:.3g}" for k, v in self.evidence.items())
        return "\nAlso ".join((f"{self.verdict} ({seen}). {self.suggestion}", *map(str, self.also)))


def diagnose(
    history: History,
    encoder: nn.Module,
    data: Items,
    *,
    method: Method | None = None,
    make_views: MakeViews | None = None,
    transform: Callable[[Tensor], Tensor] | None = None,
) -> Diagnosis:
    """Look at a training and its encoder without any label, and say what is the matter; it takes one to three seconds.

    A method is judged by what it declares (`methods.base.Method`): whether it compares pairs, has negatives, moving
    targets, answers that are known. The verdict is the first fault in the order of `faults.FAULTS`: what was set
    wrongly before what follows from it. Each fault is looked for where its evidence is at hand, and the more is given,
    the more can be found.

    Args:
        history: what `fit` returned: the losses and the settings.
        encoder: the trained encoder.
        data: items that it was trained on, or others like them; up to 1,024 are looked at, all for exact copies.
        method: what was trained, for what its loss sees behind the encoder: some collapses show only there. None: what
            the history names, with the weights that it began with, for what it declares.
        make_views: how the views were made: for views that are too weak, too strong, or leak. None: as the history
            says, where they can be made again from it.
        transform: how evaluation shows items to the encoder, the column x → its input; None: as `data.inputs()` does.
            It is compared with the views.

    Raises:
        ValueError: no steps were recorded, or fewer than 16 items.
    """
    losses = history.terms.get("loss", [])
    if not losses or len(data) < 16:
        raise ValueError(
            f"history has {len(losses)} steps and data {len(data)} items; expected ≥ 1 step and ≥ 16 items"
        )
    return judged(collect(history, encoder, data, method, make_views, transform))


def judged(signs: Signs) -> Diagnosis:
    """The verdict on signs that were collected. Further causes are named too; what a cause leads to is not."""
    found = [(fault, seen) for fault in FAULTS if (seen := fault.seen(signs)) is not None]
    if not found:
        names = ("first_loss", "last_loss", "feature_std", "effective_rank", "dimensions", "views_match")
        scores = ("score_of_real", "score_of_made")
        if signs.is_a_game:
            return Diagnosis("healthy", _named(signs.some(*scores, *names[2:])), IN_PLAY)
        return Diagnosis("healthy", _named(signs.some(*names)), HEALTHY)
    first, *others = (Diagnosis(fault.verdict, _named(seen), fault.suggestion) for fault, seen in found)
    further = tuple(other for other, (fault, _) in zip(others, found[1:], strict=True) if fault.cause)
    return Diagnosis(first.verdict, first.evidence, first.suggestion, further)


def _named(seen: dict[str, float]) -> dict[str, float]:
    return {name.replace("_", " "): value for name, value in seen.items()}
