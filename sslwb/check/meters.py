"""Exercises on the meters of a collapse: feature std and effective rank. Lesson 08."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb import geometry
from sslwb.check.report import Mistake, Report, Trial, judge


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
        Mistake("You summed over the features: take their mean.", lambda z: std(unit(z)).sum() * math.sqrt(z.shape[1])),
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
        Mistake(
            "You divided by the largest value: the shares divide by the sum.",
            lambda z: torch.exp(entropy(torch.linalg.svdvals(z) / torch.linalg.svdvals(z).max())),
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
    )


def _clouds() -> list[Trial]:
    """Embeddings that fill some directions more than others, round a mean of their own."""
    g = torch.Generator().manual_seed(0)
    trials = []
    for n, spread in (
        (8, (1.0, 1.0, 1.0)),
        (12, (2.0, 0.5, 0.1, 1.0)),
        (6, (1.0, 0.02)),
        (20, (1.5, 1.0, 0.7, 0.4, 0.2)),
    ):
        d = len(spread)
        turn = torch.linalg.qr(torch.randn(d, d, generator=g)).Q
        z = torch.randn(n, d, generator=g) * torch.tensor(spread) @ turn + torch.randn(d, generator=g)
        trials.append(Trial(f"N = {n}, D = {d}", (z,)))
    return trials
