"""Barlow Twins. Source: Zbontar et al. 2021, "Self-Supervised Learning via Redundancy Reduction". Lesson 06."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views, check_shapes
from sslwb.methods.base import Method, check_embeddings, check_views, check_weight, full_precision, one_batch
from sslwb.nets import mlp, seeded


def cross_correlation(a: Tensor, b: Tensor) -> Tensor:
    """(B, D), (B, D) → (D, D): correlation over the batch of each feature of a with each of b, from -1 to 1.

    The standard deviation divides by B, as the product does, so that identical views reach exactly 1.

    Raises:
        TypeError: no tensors of floats.
        ValueError: different batches, or a batch of one.
    """
    check_shapes(a=(a, "B D"), b=(b, "B E"))
    check_views((a, b))
    a, b = ((z - z.mean(0)) / z.std(0, correction=0).clamp_min(1e-6) for z in (a, b))
    return a.T @ b / len(a)


@full_precision
def barlow_twins_loss(*views: Tensor, redundancy: float = 0.005) -> Tensor:
    """Σ (1 - C_ii)² + redundancy · Σ_{i≠j} C_ij², C the cross-correlation of two views, each (B, D) → scalar.

    Equation 1 of the paper; with more than two views the mean over their pairs.

    Raises:
        TypeError: a view that is no tensor of floats.
        ValueError: fewer than two views, a batch of one, different shapes, or redundancy < 0.
    """
    check_embeddings(*views)
    check_weight(redundancy, "redundancy")
    losses = []
    for a, b in combinations(views, 2):
        c = cross_correlation(a, b)
        on, off = (1 - c.diagonal()).square().sum(), c.square().sum() - c.diagonal().square().sum()
        losses.append(on + redundancy * off)
    return torch.stack(losses).mean()


class BarlowTwins(Method):
    """Encoder, projector, and a cross-correlation matrix that is to become the identity.

    Args:
        encoder: any encoder of `sslwb.nets`.
        redundancy: weight of the off-diagonal part, λ in the paper.
        projector: widths of the projector's layers.
        seed: of the projector's first weights.

    Raises:
        ValueError: redundancy < 0, a batch of one or views of different batches.
    """

    pairs = True
    batch_statistics = True

    def __init__(
        self, encoder: nn.Module, redundancy: float = 0.005, projector: Sequence[int] = (256, 256), seed: int = 0
    ) -> None:
        super().__init__(encoder)
        check_weight(redundancy, "redundancy")
        with seeded(seed):
            self.projector = mlp(self.encoder.dim, *projector)
        self.redundancy = redundancy

    def forward(self, views: Views) -> dict[str, Tensor]:
        z = self.projector(self.encoder(one_batch(views)))
        z = map(ranks.gather, z.chunk(len(views)))
        return {"loss": barlow_twins_loss(*z, redundancy=self.redundancy)}

    def loss_space(self, h: Tensor) -> Tensor:
        z: Tensor = self.projector(h)
        return z
