"""Exercises on soft assignments: Sinkhorn's even codes, and a teacher that is centred and sharpened. Lesson 07."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sslwb.check.report import Mistake, Report, drawn, judge
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

    def by_largest(scores: Tensor, epsilon: float, rounds: int) -> Tensor:
        q = (scores / epsilon).exp()
        for _ in range(rounds):
            q = q / q.amax(0)
            q = q / q.amax(1, keepdim=True)
        return q

    def by_mean(scores: Tensor, epsilon: float, rounds: int) -> Tensor:
        return alternate(scores, epsilon, rounds) * scores.shape[1]

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
        Mistake(
            "You scaled the columns alone and divided by the number of pictures: each round ends with the rows, whose "
            "sums are 1.",
            lambda s, e, n: alternate(s, e, n, (0,)) / len(s),
        ),
        Mistake(
            "You scaled the columns alone, and the rows only once, at the very end: both in every round.",
            lambda s, e, n: scaled(alternate(s, e, n, (0,)), 1, (1,)),
        ),
        Mistake(
            "You scaled the rows alone: the columns come first, so that all prototypes are used alike.",
            lambda s, e, n: alternate(s, e, n, (1,)),
        ),
        Mistake(
            "One round is missing: range(rounds) already runs `rounds` times.", lambda s, e, n: alternate(s, e, n - 1)
        ),
        Mistake(
            "One round is missing: range(rounds) already runs `rounds` times.",
            lambda s, e, n: alternate(s - s.max(), e, n - 1),
        ),
        Mistake("You did one round too many.", lambda s, e, n: alternate(s, e, n + 1)),
        Mistake("You did three rounds, whatever `rounds` says.", lambda s, e, n: alternate(s, e, 3)),
        Mistake(
            "You scaled all of it to the sum 1 in place of each column: q / q.sum(0).",
            lambda s, e, n: alternate(s, e, n, (1,)) / len(s),
        ),
        Mistake(
            "You stopped after the columns: the last step of each round is the rows, which then sum to 1.",
            lambda s, e, n: scaled(alternate(s, e, n - 1), 1, (0,)),
        ),
        Mistake(
            "You took a softmax of the rows first: begin with exp(scores / epsilon), and then scale columns and rows.",
            lambda s, e, n: scaled((s / e).softmax(1), n, (1, 0)),
        ),
        Mistake(
            "You subtracted the sums: divide by them.",
            lambda s, e, n: (s / e).exp() - (s / e).exp().sum(0) - (s / e).exp().sum(1, keepdim=True),
        ),
        Mistake("You divided by the largest entry of each column and row: divide by their sums.", by_largest),
        Mistake("You divided by the means of columns and rows: divide by their sums.", by_mean),
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

    def draw(g: torch.Generator, B: int, K: int, epsilon: float, rounds: int) -> tuple[Any, ...]:
        return torch.rand(B, K, generator=g) * 2 - 1, epsilon, rounds

    sizes = ((6, 3, 0.5, 3), (4, 5, 0.25, 2), (8, 2, 1.0, 4), (5, 4, 0.5, 1))
    trials = drawn(
        draw,
        "B = {B}, K = {K}, epsilon {epsilon}, {rounds} round(s)",
        *({"B": b, "K": k, "epsilon": e, "rounds": n} for b, k, e, n in sizes),
    )
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
        Mistake(
            "You took a sigmoid of each score: the softmax makes the prototypes of a row share 1.",
            lambda s, c, t: ((s - c) / t).sigmoid(),
        ),
        Mistake(
            "The difference is turned round, centre - scores: it is scores - centre.",
            lambda s, c, t: ((c - s) / t).softmax(1),
        ),
        Mistake("The softmax is missing: these are the sharpened scores.", lambda s, c, t: (s - c) / t),
        Mistake(
            "The exponential is there, but not the division by the sum of each row.",
            lambda s, c, t: ((s - c) / t).exp(),
        ),
        Mistake(
            "You divided by the sum of all entries: each row sums to 1, dim=1.",
            lambda s, c, t: ((s - c) / t).exp() / ((s - c) / t).exp().sum(),
        ),
        Mistake(
            "You subtracted the centre from the shares, after the softmax: subtract it from the scores, before.",
            lambda s, c, t: (s / t).softmax(1) - c,
        ),
        Mistake(
            "You divided the centre by the temperature once too often, or the scores not at all: (scores - centre) / "
            "temperature.",
            lambda s, c, t: (s - c / t).softmax(1),
        ),
        Mistake(
            "You divided the shares by the temperature, after the softmax: divide the scores, before it.",
            lambda s, c, t: (s - c).softmax(1) / t,
        ),
        Mistake("You took the softmax twice: once is enough.", lambda s, c, t: ((s - c) / t).softmax(1).softmax(1)),
        Mistake(
            "You took the mean of the centre, one number: each prototype has its own.",
            lambda s, c, t: ((s - c.mean()) / t).softmax(1),
        ),
        Mistake(
            "You subtracted each picture's own mean: the centre has one number a prototype, dim=0.",
            lambda s, c, t: ((s - s.mean(1, keepdim=True)) / t).softmax(1),
        ),
        Mistake(
            "This gives all to the largest score (argmax, one-hot): soft shares are asked for.",
            lambda s, c, t: torch.nn.functional.one_hot((s - c).argmax(1), s.shape[1]),
        ),
        Mistake("This is the logarithm of it: softmax, not log_softmax.", lambda s, c, t: ((s - c) / t).log_softmax(1)),
    ]

    def draw(g: torch.Generator, B: int, K: int, temperature: float) -> tuple[Any, ...]:
        return torch.rand(B, K, generator=g) * 2 - 1, torch.rand(K, generator=g) - 0.5, temperature

    trials = drawn(
        draw,
        "B = {B}, K = {K}, temperature {temperature}",
        *({"B": b, "K": k, "temperature": t} for b, k, t in ((6, 3, 0.5), (4, 5, 0.25), (8, 2, 2.0), (3, 3, 0.1))),
    )
    return judge(
        "sharpened",
        f,
        dino.sharpened,
        trials,
        mistakes,
        arguments=("scores", "centre", "temperature"),
        agrees_with="sslwb.methods.dino.sharpened",
    )
