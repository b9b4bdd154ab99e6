"""Exercises on the statistics of a batch: cross-correlation, and VICReg's variance term. Lesson 06."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.check.report import Mistake, Report, Trial, judge
from sslwb.methods import barlow_twins


def cross_correlation(f: Any) -> Report:
    """Check `f(z1, z2)`: (B, D), (B, D) → (D, D), against `barlow_twins.cross_correlation`."""

    def scaled(z: Tensor, dim: int = 0, correction: int = 0, centre: bool = True) -> Tensor:
        centred = z - z.mean(dim, keepdim=True) if centre else z
        return centred / z.std(dim, correction=correction, keepdim=True)

    def centred(z: Tensor) -> Tensor:
        return z - z.mean(0)

    mistakes = [
        Mistake(
            "You did not subtract the mean over the batch, feature by feature: z - z.mean(0).",
            lambda a, b: scaled(a, centre=False).T @ scaled(b, centre=False) / len(a),
        ),
        Mistake(
            "You did not divide by the standard deviation: this is the covariance.",
            lambda a, b: centred(a).T @ centred(b) / len(a),
        ),
        Mistake(
            "You did not divide by the standard deviation, and by B - 1 instead of B: this is the covariance.",
            lambda a, b: centred(a).T @ centred(b) / (len(a) - 1),
        ),
        Mistake(
            "The standard deviation divides by B - 1 and the product by B, so that identical views never reach 1: "
            "z.std(0, correction=0).",
            lambda a, b: scaled(a, correction=1).T @ scaled(b, correction=1) / len(a),
        ),
        Mistake(
            "You standardised each picture (dim=1). Each feature is standardised over the batch: dim=0.",
            lambda a, b: scaled(a, dim=1).T @ scaled(b, dim=1) / len(a),
        ),
        Mistake(
            "You correlated pictures, (B, B). Features are asked for, (D, D): z1.T @ z2.",
            lambda a, b: scaled(a) @ scaled(b).T / a.shape[1],
        ),
        Mistake("You forgot to divide by B.", lambda a, b: scaled(a).T @ scaled(b)),
        Mistake(
            "You divided by D: the mean runs over the batch, B.", lambda a, b: scaled(a).T @ scaled(b) / a.shape[1]
        ),
        Mistake(
            "The two views are exchanged: row i belongs to z1, column j to z2.",
            lambda a, b: scaled(b).T @ scaled(a) / len(a),
        ),
        Mistake("You correlated the first view with itself.", lambda a, b: scaled(a).T @ scaled(a) / len(a)),
        Mistake(
            "You gave each embedding the length 1. Here features, not embeddings, are standardised.",
            lambda a, b: F.normalize(a, dim=1).T @ F.normalize(b, dim=1) / len(a),
        ),
    ]
    return judge(
        "cross_correlation",
        f,
        barlow_twins.cross_correlation,
        _pairs(),
        mistakes,
        arguments=("z1", "z2"),
        agrees_with="sslwb.methods.barlow_twins.cross_correlation",
        tolerance=1e-3,
    )


def variance(f: Any) -> Report:
    """Check `f(z)`: (B, D) → how far the features' standard deviations fall short of 1, the mean of max(0, 1 - std).

    Source: Bardes et al. 2022, equation 1, with γ = 1; their ε of 1e-4 is within the tolerance.
    """

    def truth(z: Tensor) -> Tensor:
        return F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()

    mistakes = [
        Mistake(
            "You compare the variance with 1: the standard deviation, its root, is asked for. The root also keeps "
            "the gradient alive near collapse.",
            lambda z: F.relu(1 - z.var(0)).mean(),
        ),
        Mistake(
            "The standard deviation is over the D features of a picture (dim=1): it is over the batch, dim=0.",
            lambda z: F.relu(1 - z.std(1)).mean(),
        ),
        Mistake(
            "max(0, …) is missing: features with more than enough spread would pay for others with none.",
            lambda z: (1 - z.std(0)).mean(),
        ),
        Mistake(
            "The sign is turned round: spread below 1 is punished, not spread above it.",
            lambda z: F.relu(z.std(0) - 1).mean(),
        ),
        Mistake("You summed over the features: take their mean.", lambda z: F.relu(1 - z.std(0)).sum()),
        Mistake(
            "You took the mean standard deviation first: one feature's spread then hides another's collapse.",
            lambda z: F.relu(1 - z.std(0).mean()),
        ),
        Mistake("You squared the shortfall: VICReg's hinge is linear.", lambda z: F.relu(1 - z.std(0)).square().mean()),
        Mistake(
            "This is the mean standard deviation. What is asked for is what it lacks to 1.", lambda z: z.std(0).mean()
        ),
        Mistake(
            "The standard deviation is over all numbers at once: one for each feature, z.std(0).",
            lambda z: F.relu(1 - z.std()),
        ),
    ]
    g = torch.Generator().manual_seed(0)
    trials = []
    for b, spread in ((6, (0.2, 0.5, 2.0)), (4, (0.1, 0.9, 0.4, 3.0)), (12, (0.0, 1.5)), (5, (2.5, 0.3, 0.6))):
        z = torch.randn(b, len(spread), generator=g)
        z = (z - z.mean(0)) / z.std(0) * torch.tensor(spread) + 1.0
        trials.append(Trial(f"B = {b}, standard deviations {', '.join(map(str, spread))}", (z,)))
    return judge(
        "variance", f, truth, trials, mistakes, arguments=("z",), agrees_with="VICReg's variance term", tolerance=0.006
    )


def _pairs() -> list[Trial]:
    """Two views that resemble each other, with means and spreads of their own."""
    g = torch.Generator().manual_seed(0)
    trials = []
    for b, d in ((6, 3), (9, 2), (4, 4), (12, 5)):
        z1 = torch.randn(b, d, generator=g) * (0.5 + torch.rand(d, generator=g)) + torch.randn(d, generator=g)
        z2 = z1 + 0.5 * torch.randn(b, d, generator=g)
        trials.append(Trial(f"B = {b}, D = {d}", (z1, z2)))
    return trials
