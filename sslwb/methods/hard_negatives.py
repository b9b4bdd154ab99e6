"""SimCLR with other weights for its negatives: by hardness, or debiased. Lesson 04.

Sources: Chuang et al. 2020, "Debiased Contrastive Learning"; Robinson et al. 2021, "Contrastive Learning with Hard
Negative Samples".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views, number
from sslwb.methods.base import (
    check_embeddings,
    check_temperature,
    check_weight,
    full_precision,
    mean_of_other_views,
    one_batch,
)
from sslwb.methods.simclr import SimCLR


@full_precision
def hard_nt_xent(*views: Tensor, temperature: float = 0.5, prior: float = 0.0, hardness: float = 0.0) -> Tensor:
    """NT-Xent whose negatives are weighed by hardness and debiased: two or more views, each (B, D) → scalar.

    As `nt_xent`, with another sum over the N negatives s = z·n/t of a view. Each is weighed by exp(hardness · s), with
    a mean weight of 1 (Robinson et al.). And if a share `prior` of them shows the view's own class, as its positive p
    does, their part is taken off: (Σ - prior · N · exp(z·p/t)) / (1 - prior), but never less than N · exp(-1/t)
    (Chuang et al.). With 0 and 0 it is `nt_xent`.

    Raises:
        TypeError: a view that is no tensor of floats.
        ValueError: temperature ≤ 0, prior outside [0, 1), hardness < 0, fewer than two views, different shapes, or a
            batch of one.
    """
    check_temperature(temperature)
    _check_weighing(prior, hardness)
    check_embeddings(*views)
    n, b = len(views), len(views[0])
    z = F.normalize(torch.stack(views), dim=2)  # (V, B, D)
    positive = (z * mean_of_other_views(z)).sum(2).flatten() / temperature  # (VB,)
    similar = z.flatten(0, 1) @ z.flatten(0, 1).T / temperature  # (VB, VB)
    same = torch.eye(b, dtype=torch.bool, device=z.device).repeat(n, n)  # pairs of views of one picture
    similar, count = similar.masked_fill(same, -torch.inf), n * (b - 1)
    # log Σ w exp(s), where w = exp(hardness · s) over its mean
    negative = ((1 + hardness) * similar).logsumexp(1)
    if hardness:
        negative = negative - (hardness * similar).logsumexp(1) + math.log(count)
    if prior:
        # log(Σ - τ N exp(p)) = log Σ + log(1 - τ N exp(p) / Σ); where nothing is left, the least that there can be
        left = 1 - prior * count * (positive - negative).clamp(max=60).exp()
        rest = torch.where(left > 0, left.clamp_min(1e-30).log(), -torch.inf) - math.log(1 - prior)
        negative = (negative + rest).clamp_min(math.log(count) - 1 / temperature)
    return (torch.logaddexp(positive, negative) - positive).mean()


class HardNegatives(SimCLR):
    """SimCLR with `hard_nt_xent`.

    Args:
        encoder: any encoder of `sslwb.nets`.
        temperature: small values look at the hardest negatives alone.
        prior: the share of negatives that is thought to show the view's own class; 1/8 with eight equal classes.
        hardness: how much more a similar negative counts; 0: all as they come.
        projector: widths of the projector's layers; () trains on the encoder's output itself.
        seed: of the projector's first weights.

    Raises:
        ValueError: temperature ≤ 0, prior outside [0, 1), hardness < 0, a batch of one or views of different batches.
    """

    def __init__(
        self,
        encoder: nn.Module,
        temperature: float = 0.2,
        prior: float = 0.0,
        hardness: float = 0.5,
        projector: Sequence[int] = (256, 128),
        seed: int = 0,
    ) -> None:
        super().__init__(encoder, temperature, projector, seed)
        _check_weighing(prior, hardness)
        self.prior, self.hardness = prior, hardness

    def forward(self, views: Views) -> dict[str, Tensor]:
        z = map(ranks.gather, self.projector(self.encoder(one_batch(views))).chunk(len(views)))
        weighing = {"prior": self.prior, "hardness": self.hardness}
        return {"loss": hard_nt_xent(*z, temperature=self.temperature, **weighing)}


def _check_weighing(prior: float, hardness: float) -> None:
    if not 0 <= number("prior", prior) < 1:
        raise ValueError(f"prior is {prior}; expected a share from 0 to less than 1, such as 1 / number of classes")
    check_weight(hardness, "hardness")
