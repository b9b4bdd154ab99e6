"""Exercises on the statistics of a batch: cross-correlation, and VICReg's variance term. Lesson 06."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.check.report import Mistake, Report, Trial, drawn, judge
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
        Mistake(
            "You normalised each feature over the batch (F.normalize with dim=0): subtract its mean first; the "
            "product is "
            "then complete, and is not divided by B.",
            lambda a, b: F.normalize(a, dim=0).T @ F.normalize(b, dim=0),
        ),
        Mistake(
            "F.normalize(dim=0) gives each feature the length 1 over the batch, which is no standard deviation "
            "of 1: subtract "
            "the mean, divide by z.std(0, correction=0).",
            lambda a, b: F.normalize(a, dim=0).T @ F.normalize(b, dim=0) / len(a),
        ),
        Mistake(
            "The mean is taken off, but F.normalize(dim=0) gives each feature the length 1 over the batch: then "
            "the product is "
            "complete, and is not divided by B again.",
            lambda a, b: F.normalize(centred(a), dim=0).T @ F.normalize(centred(b), dim=0) / len(a),
        ),
        Mistake(
            "You gave each embedding the length 1. Here features, not embeddings, are standardised.",
            lambda a, b: F.normalize(a, dim=1).T @ F.normalize(b, dim=1),
        ),
        Mistake(
            "You divided by the variance: divide by the standard deviation, its root.",
            lambda a, b: (centred(a) / a.var(0, correction=0)).T @ (centred(b) / b.var(0, correction=0)) / len(a),
        ),
        Mistake(
            "You divided by B - 1 at the end: the standard deviation divides by B, so divide the product by B.",
            lambda a, b: scaled(a).T @ scaled(b) / (len(a) - 1),
        ),
        Mistake(
            "You standardised over all numbers at once: each feature has its own mean and standard deviation, dim=0.",
            lambda a, b: ((a - a.mean()) / a.std(correction=0)).T @ ((b - b.mean()) / b.std(correction=0)) / len(a),
        ),
        Mistake("You standardised z1 alone: z2 as well.", lambda a, b: scaled(a).T @ b / len(a)),
        Mistake("You standardised z2 alone: z1 as well.", lambda a, b: a.T @ scaled(b) / len(a)),
        Mistake("Nothing is standardised: subtract each feature's mean, and divide.", lambda a, b: a.T @ b / len(a)),
        Mistake("Nothing is standardised: subtract each feature's mean, and divide.", lambda a, b: a.T @ b),
        Mistake(
            "z2 is standardised with the mean and deviation of z1: each view has its own.",
            lambda a, b: scaled(a).T @ ((b - a.mean(0)) / a.std(0, correction=0)) / len(a),
        ),
        Mistake(
            "You divided the whole matrix by its diagonal: divide each feature by its standard deviation.",
            lambda a, b: (centred(a).T @ centred(b)) / (centred(a).T @ centred(b)).diagonal(),
        ),
        Mistake(
            "You multiplied the views entry by entry, which pairs feature i with feature i alone: a matrix "
            "product, z1.T @ z2.",
            lambda a, b: (scaled(a) * scaled(b)).mean(0),
        ),
        Mistake("You correlated the second view with itself.", lambda a, b: scaled(b).T @ scaled(b) / len(a)),
        Mistake(
            "This is Barlow Twins' loss, or a part of it: the matrix is asked for.",
            lambda a, b: (1 - (scaled(a).T @ scaled(b) / len(a)).diagonal()).square().sum(),
        ),
        Mistake(
            "You correlated pictures, (B, B). Features are asked for, (D, D): z1.T @ z2.",
            lambda a, b: scaled(a) @ scaled(b).T / len(a),
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
        trained=("z1", "z2"),
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
            "The standard deviation divides by B: divide by B - 1 here, as z.std(0) does.",
            lambda z: F.relu(1 - z.std(0, correction=0)).mean(),
        ),
        Mistake(
            "The standard deviation is over the batch, but you took the largest shortfall: take the mean.",
            lambda z: F.relu(1 - z.std(0)).max(),
        ),
        Mistake(
            "You squared the variance's shortfall: the hinge takes the standard deviation, and is linear.",
            lambda z: F.relu(1 - z.var(0)).square().mean(),
        ),
        Mistake(
            "You cut off above 1 too (clamp(0, 1)) before subtracting: max(0, 1 - std) alone.",
            lambda z: z.std(0).clamp(0, 1).mean(),
        ),
        Mistake(
            "You took the distance to 1, whose sign counts not: spread above 1 costs nothing.",
            lambda z: (1 - z.std(0)).abs().mean(),
        ),
        Mistake(
            "You squared the distance to 1: spread above 1 costs nothing, and the hinge is linear.",
            lambda z: (1 - z.std(0)).square().mean(),
        ),
        Mistake(
            "max(0, …) stands outside the mean: apply it to each feature, then take the mean.",
            lambda z: F.relu((1 - z.std(0)).mean()),
        ),
        Mistake(
            "You gave each embedding the length 1 first: VICReg does not normalise.",
            lambda z: F.relu(1 - F.normalize(z, dim=1).std(0)).mean(),
        ),
        Mistake(
            "You summed over the features and divided by the batch: divide by the number of features.",
            lambda z: F.relu(1 - z.std(0)).sum() / len(z),
        ),
        Mistake(
            "You took the root of the second moment: subtract the mean of each feature before squaring.",
            lambda z: F.relu(1 - z.square().mean(0).sqrt()).mean(),
        ),
        Mistake(
            "This is the mean variance. What is asked for is what the standard deviation lacks to 1.",
            lambda z: z.var(0).mean(),
        ),
        Mistake(
            "You counted the features below 1: take how far each falls short.",
            lambda z: (z.std(0) < 1).float().mean(),
        ),
        Mistake(
            "Only features that fall short are in your mean: those with enough spread count too, with 0.",
            lambda z: (1 - z.std(0))[z.std(0) < 1].mean(),
        ),
        Mistake(
            "0.1 is added to the standard deviation: a spread of 0.9 then counts as enough. No more than a tiny "
            "number.",
            lambda z: F.relu(0.9 - z.std(0)).mean(),
        ),
        Mistake(
            "The standard deviation is over all numbers at once: one for each feature, z.std(0).",
            lambda z: F.relu(1 - z.std()),
        ),
    ]

    def draw(g: torch.Generator, B: int, spread: tuple[float, ...]) -> tuple[Any, ...]:
        z = torch.randn(B, len(spread), generator=g)
        return ((z - z.mean(0)) / z.std(0) * torch.tensor(spread) + 0.6,)

    trials = drawn(
        draw,
        "B = {B}, standard deviations {spread}",
        {"B": 6, "spread": (0.2, 0.5, 2.0)},
        {"B": 4, "spread": (0.15, 0.9, 0.4, 3.0)},
        {"B": 12, "spread": (0.0, 1.5)},
        {"B": 5, "spread": (2.5, 0.3, 0.6)},
        {"B": 7, "spread": (0.5, 0.3, 0.1)},
    )
    return judge(
        "variance",
        f,
        truth,
        trials,
        mistakes,
        arguments=("z",),
        agrees_with="VICReg's variance term",
        tolerance=0.006,
        trained=("z",),
    )


def _pairs() -> list[Trial]:
    """Two views that resemble each other, with means and spreads of their own."""

    def draw(g: torch.Generator, B: int, D: int) -> tuple[Any, ...]:
        z1 = torch.randn(B, D, generator=g) * (0.5 + torch.rand(D, generator=g)) + torch.randn(D, generator=g)
        return z1, z1 + 0.5 * torch.randn(B, D, generator=g)

    return drawn(draw, "B = {B}, D = {D}", *({"B": b, "D": d} for b, d in ((6, 3), (9, 2), (4, 4), (12, 5))))
