"""Exercises on soft assignments: Sinkhorn's even codes, and a teacher that is centred and sharpened. Lesson 07."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sslwb.check.report import Mistake, Report, Trial, judge
from sslwb.methods import dino, swav


def sinkhorn(f: Any) -> Report:
    """Check `f(scores, epsilon, rounds)`: (B, K) → (B, K), rows that sum to 1, against `swav.sinkhorn`.

    In each round first the columns, then the rows of exp(scores / epsilon) are divided by their sums.
    """

    def scaled(q: Tensor, rounds: int, dims: tuple[int, ...] = (0, 1)) -> Tensor:
        for _ in range(rounds):
            for dim in dims:
                q = q / q.sum(dim, keepdim=True)
        return q

    def alternate(scores: Tensor, epsilon: float, rounds: int, dims: tuple[int, ...] = (0, 1)) -> Tensor:
        return scaled((scores / epsilon).exp(), rounds, dims)

    mistakes = [
        Mistake(
            "This is the softmax of each row: nothing makes the prototypes be used alike. Scale the columns first.",
            lambda s, e, n: (s / e).softmax(1),
        ),
        Mistake(
            "You scaled the rows first and the columns last, so that a picture's codes need not sum to 1.",
            lambda s, e, n: alternate(s, e, n, (1, 0)),
        ),
        Mistake(
            "You scaled the columns alone: each round ends with the rows.", lambda s, e, n: alternate(s, e, n, (0,))
        ),
        Mistake("You did one round, whatever `rounds` says.", lambda s, e, n: alternate(s, e, 1)),
        Mistake("epsilon is missing: exp(scores / epsilon).", lambda s, e, n: alternate(s, 1.0, n)),
        Mistake("You multiplied by epsilon: divide.", lambda s, e, n: alternate(s, 1 / e, n)),
        Mistake("The exponential is missing.", lambda s, e, n: scaled(s / e, n)),
        Mistake(
            "The sign is turned round: near prototypes have high scores, exp(scores / epsilon).",
            lambda s, e, n: alternate(-s, e, n),
        ),
        Mistake(
            "You divided by the number of pictures as in the paper's Q, which sums to 1 over all. The codes are "
            "Q · B: each row sums to 1.",
            lambda s, e, n: alternate(s, e, n) / len(s),
        ),
    ]
    g = torch.Generator().manual_seed(0)
    trials = [
        Trial(f"B = {b}, K = {k}, epsilon {e}, {n} rounds", (torch.rand(b, k, generator=g) * 2 - 1, e, n))
        for b, k, e, n in ((6, 3, 0.5, 3), (4, 5, 0.25, 2), (8, 2, 1.0, 4))
    ]
    return judge(
        "sinkhorn",
        f,
        swav.sinkhorn,
        trials,
        mistakes,
        arguments=("scores", "epsilon", "rounds"),
        agrees_with="sslwb.methods.swav.sinkhorn",
    )


def sharpened(f: Any) -> Report:
    """Check `f(scores, centre, temperature)`: (B, K), (K,) → softmax((scores - centre) / temperature), as in DINO."""

    mistakes = [
        Mistake("The centre is missing: subtract it from the scores.", lambda s, c, t: (s / t).softmax(1)),
        Mistake(
            "The centre is added: subtract it, so that a prototype that is always high is brought down.",
            lambda s, c, t: ((s + c) / t).softmax(1),
        ),
        Mistake(
            "The centre is subtracted after the division: (scores - centre) / temperature.",
            lambda s, c, t: (s / t - c).softmax(1),
        ),
        Mistake("The temperature is missing: without it nothing is sharpened.", lambda s, c, t: (s - c).softmax(1)),
        Mistake(
            "You multiplied by the temperature: divide, so that a small one sharpens.",
            lambda s, c, t: ((s - c) * t).softmax(1),
        ),
        Mistake(
            "You took the softmax over the batch (dim=0): each picture chooses among the prototypes, dim=1.",
            lambda s, c, t: ((s - c) / t).softmax(0),
        ),
        Mistake(
            "You centred with the mean of this batch: the centre that you are given remembers many batches.",
            lambda s, c, t: ((s - s.mean(0)) / t).softmax(1),
        ),
        Mistake("This is the logarithm of it: softmax, not log_softmax.", lambda s, c, t: ((s - c) / t).log_softmax(1)),
    ]
    g = torch.Generator().manual_seed(0)
    trials = [
        Trial(
            f"B = {b}, K = {k}, temperature {t}",
            (torch.rand(b, k, generator=g) * 2 - 1, torch.rand(k, generator=g) - 0.5, t),
        )
        for b, k, t in ((6, 3, 0.5), (4, 5, 0.25), (8, 2, 2.0))
    ]
    return judge(
        "sharpened",
        f,
        dino.sharpened,
        trials,
        mistakes,
        arguments=("scores", "centre", "temperature"),
        agrees_with="sslwb.methods.dino.sharpened",
    )
