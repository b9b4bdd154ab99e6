"""VICReg. Source: Bardes, Ponce and LeCun 2022, "Variance-Invariance-Covariance Regularization". Lesson 06."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views
from sslwb.methods.base import Method, check_embeddings, check_weight, full_precision, one_batch
from sslwb.nets import mlp, seeded


@full_precision
def vicreg_loss(
    *views: Tensor, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> dict[str, Tensor]:
    """Three terms and their weighted sum, for two or more views, each (B, D) → four scalars; the paper's algorithm 1.

    `invariance`: mean squared distance of two views (with more of them, of each view from the mean of the others), a
        mean over features too, where equation 5 has their sum.
    `variance`: how much each feature's standard deviation over the batch falls short of 1, the mean over features.
    `covariance`: squared covariances of different features over the batch, summed and divided by D.

    The variance and covariance terms are summed over two views, as in equation 6; with more, twice their mean.

    Raises:
        TypeError: a view that is no tensor of floats.
        ValueError: fewer than two views, a batch of one, different shapes, or a negative weight.
    """
    check_embeddings(*views)
    for name, weight in (("invariance", invariance), ("variance", variance), ("covariance", covariance)):
        check_weight(weight, name)
    z = torch.stack(views)  # (V, B, D)
    v, b, d = z.shape
    apart = F.mse_loss(z, (z.sum(0) - z) / (v - 1))
    centred = z - z.mean(1, keepdim=True)
    spread = (centred.square().sum(1) / (b - 1) + 1e-4).sqrt()  # (V, D)
    flat = 2 * F.relu(1 - spread).mean()
    cov = centred.transpose(1, 2) @ centred / (b - 1)  # (V, D, D)
    off = cov.square().sum((1, 2)) - cov.diagonal(dim1=1, dim2=2).square().sum(1)
    linked = 2 * (off / d).mean()
    loss = invariance * apart + variance * flat + covariance * linked
    return {"loss": loss, "invariance": apart, "variance": flat, "covariance": linked}


class VICReg(Method):
    """Encoder, projector ("expander" in the paper), and three terms: alike, spread out, independent.

    Args:
        encoder: any encoder of `sslwb.nets`.
        invariance: weight of the distance between views; λ in the paper.
        variance: weight of the spread of each feature; μ.
        covariance: weight of the independence of the features; ν.
        projector: widths of the projector's layers.
        seed: of the projector's first weights.

    Raises:
        ValueError: a negative weight, a batch of one or views of different batches.
    """

    pairs = True
    batch_statistics = True
    against_collapse = "variance"

    def __init__(
        self,
        encoder: nn.Module,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
        projector: Sequence[int] = (256, 256),
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        for name, weight in (("invariance", invariance), ("variance", variance), ("covariance", covariance)):
            check_weight(weight, name)
        with seeded(seed):
            self.projector = mlp(self.encoder.dim, *projector)
        self.invariance, self.variance, self.covariance = invariance, variance, covariance

    def forward(self, views: Views) -> dict[str, Tensor]:
        z = self.projector(self.encoder(one_batch(views)))
        weights = {"invariance": self.invariance, "variance": self.variance, "covariance": self.covariance}
        return vicreg_loss(*map(ranks.gather, z.chunk(len(views))), **weights)

    def loss_space(self, h: Tensor) -> Tensor:
        z: Tensor = self.projector(h)
        return z
