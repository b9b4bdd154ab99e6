"""Supervised contrastive learning. Source: Khosla et al. 2020, "Supervised Contrastive Learning". Lesson 04."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views, check_shapes
from sslwb.methods.base import check_labels, check_temperature, check_views, full_precision
from sslwb.methods.simclr import SimCLR


@full_precision
def supcon_loss(z: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    """Every other item of one's own label is a positive: embeddings (N, D), labels (N,) → scalar.

    The mean over items i of -1/|P| Σ log( exp(z·p/t) / Σ exp(z·a/t) ), p over the P others of i's label, a over all
    others, with unit vectors: equation 2 of the paper. An item that is alone with its label asks nothing, and is not
    counted; where all are alone the loss is 0.

    Raises:
        TypeError: z is no tensor of floats, or labels are no whole numbers.
        ValueError: temperature ≤ 0, shapes that do not fit, or fewer than two items.
    """
    check_temperature(temperature)
    check_shapes(z=(z, "N D"))
    if labels.shape != z.shape[:1]:
        raise ValueError(f"labels has shape {tuple(labels.shape)}; expected ({len(z)},), one for each row of z")
    if len(z) < 2:
        raise ValueError(f"z has {len(z)} row; expected 2 or more: an item needs others")
    z = F.normalize(z, dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    log_share = (z @ z.T / temperature).masked_fill(itself, -torch.inf).log_softmax(1)  # (N, N)
    positive = (labels[:, None] == labels) & ~itself
    count = positive.sum(1)
    each = -log_share.masked_fill(~positive, 0.0).sum(1) / count.clamp_min(1)
    return each.sum() / (count > 0).sum().clamp_min(1)


class SupCon(SimCLR):
    """SimCLR's networks, and a contrastive loss that is told the labels, the last of the views: `augment.labelled`.

    It is no self-supervised method. It says what SimCLR would be if it knew which pictures are of one class.

    Args:
        encoder: any encoder of `sslwb.nets`.
        temperature: of the softmax.
        projector: widths of the projector's layers; () trains on the encoder's output itself.
        seed: of the projector's first weights.

    Raises:
        ValueError: temperature ≤ 0, or, in training, views without labels.
    """

    pairs = False  # views of one picture stand behind each other in one tensor, beside those of their class

    def __init__(
        self, encoder: nn.Module, temperature: float = 0.1, projector: Sequence[int] = (256, 128), seed: int = 0
    ) -> None:
        super().__init__(encoder, temperature, projector, seed)

    def forward(self, views: Views) -> dict[str, Tensor]:
        check_views(views, at_least=2)
        *inputs, y = views
        check_labels(y, len(inputs[0]))
        z = ranks.gather(self.projector(self.encoder(*inputs)))
        return {"loss": supcon_loss(z, ranks.gather(y), self.temperature)}

    def negatives(self, batch_size: int, views: int) -> None:
        return None  # how many depends on the labels

    def encoder_inputs(self, views: Views) -> list[tuple[Tensor, ...]]:
        return [tuple(views[:-1])]
