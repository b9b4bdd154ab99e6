"""SimCLR. Source: Chen et al. 2020, "A Simple Framework for Contrastive Learning". Lesson 03."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views
from sslwb.methods.base import (
    Method,
    check_embeddings,
    check_temperature,
    full_precision,
    mean_of_other_views,
    one_batch,
)
from sslwb.nets import mlp, seeded


@full_precision
def nt_xent(*views: Tensor, temperature: float = 0.5) -> Tensor:
    """The normalised temperature-scaled cross-entropy of two or more views, each (B, D) → scalar.

    Each view z looks for its positive p, the mean direction of the other views of its picture, among all views of all
    other pictures: the mean over views of -log( exp(z·p/t) / (exp(z·p/t) + Σ exp(z·n/t)) ), with unit vectors.
    For two views the positive is the other view, and this is equation 1 of the paper. With more of them, the mean is a
    steadier target than any single view. Lesson 03 derives it with loops.

    Raises:
        TypeError: a view that is no tensor of floats.
        ValueError: temperature ≤ 0, fewer than two views, different shapes, or a batch of one.
    """
    check_temperature(temperature)
    check_embeddings(*views)
    n, b = len(views), len(views[0])
    z = F.normalize(torch.stack(views), dim=2)  # (V, B, D)
    positive = (z * mean_of_other_views(z)).sum(2).flatten() / temperature  # (VB,)
    similar = z.flatten(0, 1) @ z.flatten(0, 1).T / temperature  # (VB, VB)
    same = torch.eye(b, dtype=torch.bool, device=z.device).repeat(n, n)  # pairs of views of one picture
    negative = similar.masked_fill(same, -torch.inf).logsumexp(1)  # (VB,)
    return (torch.logaddexp(positive, negative) - positive).mean()


class SimCLR(Method):
    """Encoder, projector, NT-Xent.

    Args:
        encoder: any encoder of `sslwb.nets`.
        temperature: small values look at the hardest negatives alone.
        projector: widths of the projector's layers; () trains on the encoder's output itself.
        seed: of the projector's first weights.

    Raises:
        ValueError: temperature ≤ 0, a batch of one or views of different batches.
    """

    pairs = True

    def __init__(
        self, encoder: nn.Module, temperature: float = 0.2, projector: Sequence[int] = (256, 128), seed: int = 0
    ) -> None:
        super().__init__(encoder)
        check_temperature(temperature)
        with seeded(seed):
            self.projector = mlp(self.encoder.dim, *projector) if projector else nn.Identity()
        self.temperature = temperature

    def forward(self, views: Views) -> dict[str, Tensor]:
        z = self.projector(self.encoder(one_batch(views)))
        z = map(ranks.gather, z.chunk(len(views)))  # other ranks' pictures are negatives too
        return {"loss": nt_xent(*z, temperature=self.temperature)}

    def negatives(self, batch_size: int, views: int) -> int | None:
        return views * (batch_size - 1)

    def loss_space(self, h: Tensor) -> Tensor:
        z: Tensor = self.projector(h)
        return z
