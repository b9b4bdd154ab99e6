"""What the doctor looks at in methods that generate: who wins a game, which latents speak, which codes are used.

As in `signs`, nothing here judges, and what cannot be had is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sslwb.core import Views
from sslwb.evaluate.embedding import evaluating
from sslwb.methods.base import Method
from sslwb.train.loop import History

ACTIVE = 0.1  # nats that a latent says of an item, on average, to count as one in use


@dataclass(kw_only=True)
class Generative:
    """These signs; `signs.Signs` has them beside its own."""

    is_a_game: bool = False  # the loss is the sum of two sides, and need not fall
    score_of_real: float | None = None  # mean probabilities of being real, over the last tenth of the steps
    score_of_made: float | None = None
    latents: float | None = None
    latents_in_use: float | None = None
    nats_of_all_latents: float | None = None
    codes: float | None = None
    codes_in_use: float | None = None  # the perplexity of a batch, over the last tenth of the steps


def of_terms(history: History, method: Method | None) -> dict[str, Any]:
    """What recorded terms say: the scores of a game, and the use of a codebook."""
    if method is None:
        return {}
    signs: dict[str, Any] = {}
    if method.opponents:
        real, made = (_last(history, term) for term in method.opponents)
        signs |= {"is_a_game": True, "score_of_real": real, "score_of_made": made}
    if method.codebook_use and (used := _last(history, method.codebook_use)) is not None:
        signs |= {"codes": float(method.codes), "codes_in_use": used}  # type: ignore[arg-type]
    return signs


def of_latents(method: Method, views: Views) -> dict[str, float]:
    """How many latents say at least ACTIVE nats of an item, and how many nats all say together."""
    with evaluating(method):
        nats = method.latent_nats(views)
    if nats is None:
        return {}
    each = nats.float().mean(0)
    return {
        "latents": len(each),
        "latents_in_use": int((each > ACTIVE).sum()),
        "nats_of_all_latents": float(each.sum()),
    }


def _last(history: History, term: str) -> float | None:
    """The mean over the last tenth of the steps; None where the term was not recorded."""
    values = [v for v in history.terms.get(term, []) if v == v]
    tenth = max(1, len(values) // 10)
    return sum(values[-tenth:]) / tenth if values else None
