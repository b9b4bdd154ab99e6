"""Exercises on the meters of a collapse: feature std and effective rank. Lesson 08."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb import geometry
from sslwb.check.report import Mistake, Report, Trial, drawn, judge


def feature_std(f: Any) -> Report:
    """Check `f(z)`: (N, D) → 0 where all embeddings point one way, 1 where they fill the sphere."""

    def unit(z: Tensor, dim: int = 1) -> Tensor:
        return F.normalize(z, dim=dim)

    def std(z: Tensor, dim: int = 0) -> Tensor:
        return z.std(dim, correction=0)

    mistakes = [
        Mistake(
            "You did not normalise: a long embedding is not a spread one. Give each embedding the length 1 first.",
            lambda z: std(z).mean() * math.sqrt(z.shape[1]),
        ),
        Mistake("You did not normalise, and √D is missing.", lambda z: std(z).mean()),
        Mistake("√D is missing: on a sphere in D dimensions a feature varies by 1/√D.", lambda z: std(unit(z)).mean()),
        Mistake("You multiplied by D: its root, √D, is asked for.", lambda z: std(unit(z)).mean() * z.shape[1]),
        Mistake(
            "The standard deviation is over the features of a picture (dim=1): it is over the pictures, dim=0.",
            lambda z: std(unit(z), 1).mean() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You normalised each feature over the pictures (dim=0): each embedding gets the length 1, dim=1.",
            lambda z: std(unit(z, 0)).mean() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You took the variance: its root is asked for.", lambda z: unit(z).var(0, correction=0).mean() * z.shape[1]
        ),
        Mistake(
            "You took the variance: its root for each feature is asked for, before the mean.",
            lambda z: unit(z).var(0, correction=0).mean() * math.sqrt(z.shape[1]),
        ),
        Mistake("You summed over the features: take their mean.", lambda z: std(unit(z)).sum() * math.sqrt(z.shape[1])),
        Mistake(
            "The standard deviation divides by N - 1: divide by N, z.std(0, correction=0).",
            lambda z: unit(z).std(0).mean() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You divided by √D: multiply, so that a filled sphere gives 1.",
            lambda z: std(unit(z)).mean() / z.shape[1] ** 0.5,
        ),
        Mistake(
            "You multiplied by √N, the number of pictures: by √D, the number of features.",
            lambda z: std(unit(z)).mean() * math.sqrt(len(z)),
        ),
        Mistake("√D is missing, and you summed over the features: take their mean.", lambda z: std(unit(z)).sum()),
        *(
            Mistake(
                f"{n:g} stands where √D belongs: D is the number of features, z.shape[1].",
                lambda z, n=n: std(unit(z)).mean() * n,
            )
            for n in (2.0, 4.0, 8.0, 128**0.5)
        ),
        Mistake(
            "The mean is not taken off: this is the root of the mean square of each feature, which is 1 for any "
            "cloud on "
            "the sphere that points one way too. Take the standard deviation over the pictures.",
            lambda z: unit(z).square().mean(0).sqrt().mean() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You standardised the features before: then nothing is left of their spread.",
            lambda z: std(unit((z - z.mean(0)) / z.std(0))).mean() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You took the root of the mean variance: take the root for each feature first, then the mean.",
            lambda z: unit(z).var(0, correction=0).mean().sqrt() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You took the smallest standard deviation: take the mean over the features.",
            lambda z: std(unit(z)).min() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You took the largest standard deviation: take the mean over the features.",
            lambda z: std(unit(z)).max() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You divided by the largest length: give each embedding the length 1 by its own.",
            lambda z: std(z / z.norm(dim=1).max()).mean() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You divided by the sum of absolute values (p=1): the length is the root of the sum of squares.",
            lambda z: std(F.normalize(z, p=1, dim=1)).mean() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "You divided by the length of the whole matrix: give each row the length 1 by its own, dim=1.",
            lambda z: std(z / z.norm()).mean() * math.sqrt(z.shape[1]),
        ),
        Mistake(
            "One standard deviation over all numbers sees how they differ within a picture too: one for each "
            "feature, then the mean.",
            lambda z: unit(z).std(correction=0) * math.sqrt(z.shape[1]),
        ),
    ]
    return judge(
        "feature_std",
        f,
        geometry.feature_std,
        _clouds(),
        mistakes,
        arguments=("z",),
        agrees_with="sslwb.geometry.feature_std",
        tolerance=1e-3,
    )


def effective_rank(f: Any) -> Report:
    """Check `f(z)`: (N, D) → exp of the entropy of the singular values' shares, against `geometry.effective_rank`."""

    def shares(z: Tensor, power: int = 1) -> Tensor:
        s = torch.linalg.svdvals(z) ** power
        share: Tensor = s / s.sum()
        return share

    def entropy(p: Tensor) -> Tensor:
        entropy: Tensor = torch.special.entr(p).sum()
        return entropy

    mistakes = [
        Mistake(
            "This is the entropy. Its exponential is asked for: two equal directions then count as 2.",
            lambda z: entropy(shares(z)),
        ),
        Mistake("The sign is missing: the entropy is -Σ p log p.", lambda z: torch.exp(-entropy(shares(z)))),
        Mistake(
            "You squared the singular values: RankMe takes the shares of the values themselves.",
            lambda z: torch.exp(entropy(shares(z, 2))),
        ),
        Mistake(
            "The logarithm is to base 2: with exp it has to be the natural one.",
            lambda z: torch.exp(entropy(shares(z)) / math.log(2)),
        ),
        Mistake(
            "The singular values do not sum to 1 yet: divide them by their sum.",
            lambda z: torch.exp(entropy(torch.linalg.svdvals(z))),
        ),
        Mistake(
            "This counts the values above 0: the rank. A direction that hardly varies should hardly count.",
            lambda z: float(torch.linalg.matrix_rank(z)),
        ),
        *(
            Mistake(
                f"This counts the values above {share} of the largest: no threshold, but the exponential of the "
                "entropy.",
                lambda z, share=share: (torch.linalg.svdvals(z) > share * torch.linalg.svdvals(z).max()).sum(),
            )
            for share in (0.5, 0.2, 0.1, 0.05, 0.01)
        ),
        Mistake(
            "You divided by the largest value: the shares divide by the sum.",
            lambda z: torch.exp(entropy(torch.linalg.svdvals(z) / torch.linalg.svdvals(z).max())),
        ),
        Mistake(
            "You gave the singular values the length 1: their shares sum to 1, divide by the sum.",
            lambda z: torch.exp(entropy(F.normalize(torch.linalg.svdvals(z), dim=0))),
        ),
        Mistake(
            "You took a softmax of the singular values: their shares are the values divided by their sum.",
            lambda z: torch.exp(entropy(torch.linalg.svdvals(z).softmax(0))),
        ),
        Mistake(
            "You took the mean of -p log p: the entropy is the sum.",
            lambda z: torch.exp(torch.special.entr(shares(z)).mean()),
        ),
        Mistake(
            "You raised 2 to a natural logarithm's entropy: exp belongs to log, 2 to log2.",
            lambda z: 2 ** entropy(shares(z)),
        ),
        Mistake("The logarithm is missing: the entropy is -Σ p log p.", lambda z: torch.exp(shares(z).square().sum())),
        Mistake(
            "This is 1 / Σ p², another way to count (the participation ratio): the exponential of the entropy is "
            "asked for.",
            lambda z: 1 / shares(z).square().sum(),
        ),
        Mistake(
            "This is (Σ s)² / Σ s² with squared values, another way to count: the exponential of the entropy is "
            "asked for.",
            lambda z: 1 / shares(z, 2).square().sum(),
        ),
        Mistake(
            "The p before the logarithm is missing: the entropy is -Σ p log p.",
            lambda z: torch.exp(-shares(z).log().sum()),
        ),
        Mistake(
            "This is the sum of the singular values over the largest: take the entropy of their shares.",
            lambda z: torch.linalg.svdvals(z).sum() / torch.linalg.svdvals(z).max(),
        ),
        Mistake(
            "You took the singular values of the Gram or covariance matrix, which are squares: take those of z itself.",
            lambda z: torch.exp(entropy(shares(torch.cov(z.T, correction=0).reshape(z.shape[1], -1)))),
        ),
        Mistake(
            "You divided the entropy by log D: its exponential is asked for, not a share.",
            lambda z: entropy(shares(z)) / math.log(z.shape[1]),
        ),
        Mistake(
            "You divided by D: a number of directions is asked for, 1 to min(N, D), not a share of them.",
            lambda z: torch.exp(entropy(shares(z))) / z.shape[1],
        ),
        Mistake(
            "You standardised the features first: the embeddings are taken as they are.",
            lambda z: torch.exp(entropy(shares((z - z.mean(0)) / z.std(0)))),
        ),
        Mistake(
            "You took the variances of the features. A feature may copy another: only singular values see that.",
            lambda z: torch.exp(entropy(z.var(0) / z.var(0).sum())),
        ),
        Mistake(
            "You gave each embedding the length 1 first: the embeddings are taken as they are.",
            lambda z: torch.exp(entropy(shares(F.normalize(z, dim=1)))),
        ),
        Mistake(
            "You subtracted the mean: this exercise takes the embeddings as they are given.",
            lambda z: torch.exp(entropy(shares(z - z.mean(0)))),
        ),
    ]
    return judge(
        "effective_rank",
        f,
        geometry.effective_rank,
        _clouds(),
        mistakes,
        arguments=("z",),
        agrees_with="sslwb.geometry.effective_rank",
        tolerance=1e-3,
        edge=_flat(),
        edge_hint="where a direction is not used at all, as after a collapse, yours gives NaN: log 0 is infinite. "
        "torch.special.entr(p), or a clamp before the logarithm, takes 0 · log 0 as 0.",
    )


def _flat() -> Trial:
    g = torch.Generator().manual_seed(0)
    return Trial("a direction that is not used", (torch.randn(8, 3, generator=g) * torch.tensor([1.0, 1.0, 0.0]),))


def _clouds() -> list[Trial]:
    """Embeddings that fill some directions more than others, round a mean of their own."""

    def draw(g: torch.Generator, N: int, D: int) -> tuple[Any, ...]:
        spread = torch.tensor(
            [(1.0, 1.0, 1.0), (2.0, 0.5, 0.1, 1.0), (1.0, 0.02), (1.5, 1.0, 0.7, 0.4, 0.2)][[3, 4, 2, 5].index(D)]
        )
        turn = torch.linalg.qr(torch.randn(D, D, generator=g)).Q
        return (torch.randn(N, D, generator=g) * spread @ turn + torch.randn(D, generator=g),)

    return drawn(draw, "N = {N}, D = {D}", *({"N": n, "D": d} for n, d in ((8, 3), (12, 4), (6, 2), (20, 5))))
