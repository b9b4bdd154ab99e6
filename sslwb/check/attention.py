"""The exercise on one head of attention. Lesson 07."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.check.report import Mistake, Report, drawn, judge


def attention(f: Any) -> Report:
    """Check `f(q, k, v)`: (L, d) each → (L, d), scaled dot-product attention.

    Source: Vaswani et al. 2017, equation 1.
    """

    def truth(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q[None], k[None], v[None])[0]

    def scores(q: Tensor, k: Tensor) -> Tensor:
        dots: Tensor = q @ k.T
        return dots / math.sqrt(q.shape[1])

    mistakes = [
        Mistake(
            "√d is missing: divide the scores by the root of the length of a query.",
            lambda q, k, v: (q @ k.T).softmax(1) @ v,
        ),
        Mistake("You divided by d: by its square root.", lambda q, k, v: (q @ k.T / q.shape[1]).softmax(1) @ v),
        Mistake(
            "You divided by the root of the number of tokens: by that of the length d of a query.",
            lambda q, k, v: (q @ k.T / len(q) ** 0.5).softmax(1) @ v,
        ),
        Mistake("You multiplied by √d: divide by it.", lambda q, k, v: (q @ k.T * q.shape[1] ** 0.5).softmax(1) @ v),
        Mistake(
            "Your softmax runs down the columns (dim=0): each *row*, a token that asks, sums to 1 (dim=1).",
            lambda q, k, v: scores(q, k).softmax(0) @ v,
        ),
        Mistake("The softmax is missing: the weights of a row are to sum to 1.", lambda q, k, v: scores(q, k) @ v),
        Mistake(
            "You changed queries and keys: q @ k.T, a row for each query.", lambda q, k, v: scores(k, q).softmax(1) @ v
        ),
        Mistake("You turned the weights round: weights @ v.", lambda q, k, v: scores(q, k).softmax(1).T @ v),
        Mistake(
            "You took the weighted mean of the keys: of the values v.", lambda q, k, v: scores(q, k).softmax(1) @ k
        ),
        Mistake(
            "You scaled the queries to length 1: attention takes dot products, not cosines.",
            lambda q, k, v: (F.normalize(q, dim=1) @ F.normalize(k, dim=1).T).softmax(1) @ v,
        ),
        Mistake(
            "You divided the scores by their sum in place of a softmax: scores may be negative.",
            lambda q, k, v: scores(q, k) / scores(q, k).sum(1, keepdim=True) @ v,
        ),
        Mistake("You gave back the weights: the result is weights @ v.", lambda q, k, v: scores(q, k).softmax(1)),
        Mistake(
            "You divided by √d after the softmax: divide the scores, before it.",
            lambda q, k, v: (q @ k.T).softmax(1) / math.sqrt(q.shape[1]) @ v,
        ),
        Mistake(
            "You added the query to the result, as the block round the attention does: the weights @ v alone.",
            lambda q, k, v: q + scores(q, k).softmax(1) @ v,
        ),
        *(
            Mistake(
                f"{n:g} stands where √d belongs: d is the length of a query, q.shape[1].",
                lambda q, k, v, n=n: (q @ k.T / n).softmax(1) @ v,
            )
            for n in (8.0, 2.0, 4.0, 64.0)
        ),
        Mistake(
            "√d is cut to a whole number: leave out int() or //.",
            lambda q, k, v: (q @ k.T / int(q.shape[1] ** 0.5)).softmax(1) @ v,
        ),
        Mistake(
            "This is causal attention: a token sees itself and what stands before. Here each sees all.",
            lambda q, k, v: F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0],
        ),
        Mistake(
            "Your scores are cosines: attention takes dot products, divided by √d.",
            lambda q, k, v: (F.normalize(q, dim=1) @ F.normalize(k, dim=1).T / math.sqrt(q.shape[1])).softmax(1) @ v,
        ),
        Mistake(
            "You took the value of the largest score alone: a softmax takes a share of each.",
            lambda q, k, v: v[scores(q, k).argmax(1)],
        ),
    ]

    def draw(g: torch.Generator, L: int, d: int) -> tuple[Any, ...]:
        return tuple(2 * torch.randn(3, L, d, generator=g))

    sizes = ((4, 3), (6, 6), (3, 8), (5, 2))
    trials = drawn(draw, "L = {L} tokens, d = {d}", *({"L": n, "d": d} for n, d in sizes))
    return judge(
        "attention",
        f,
        truth,
        trials,
        mistakes,
        arguments=("q", "k", "v"),
        agrees_with="torch.nn.functional.scaled_dot_product_attention",
        trained=("q", "k", "v"),
    )
