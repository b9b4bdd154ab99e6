"""BYOL. Source: Grill et al. 2020, "Bootstrap Your Own Latent". Lesson 05."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import Views, check_shapes
from sslwb.methods.base import Method, check_embeddings, full_precision, mean_of_other_views, one_batch
from sslwb.methods.teacher import check_momentum, ema_update, momentum_schedule, teacher_of
from sslwb.nets import mlp, seeded


@full_precision
def byol_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """How far predictions are from the targets of the other views: both (V, B, D) → scalar from 0 to 4.

    The mean of ‖p - t‖² = 2 - 2 p·t over views and pictures, with unit vectors: equation 2 of the paper, made
    symmetric, over two. t is the mean direction of the targets of the other views; with two views it is the other one.

    Raises:
        TypeError: no tensors of floats.
        ValueError: fewer than two views, a batch of one, or different shapes.
    """
    check_shapes(targets=(targets, "V B D"), predictions=(predictions, "V B D"))
    check_embeddings(*predictions)
    return 2 - 2 * (F.normalize(predictions, dim=2) * mean_of_other_views(targets)).sum(2).mean()


class BYOL(Method):
    """Encoder, projector and predictor predict what a teacher makes of the other views. There are no negatives.

    Args:
        encoder: any encoder of `sslwb.nets`.
        momentum: of the teacher at the beginning; it rises to 1 along a cosine.
        projector: widths of the projector's layers; its end is normalised, as in MoCo v3 and SimSiam.
        predictor: width of the predictor's hidden layer; 0 leaves the predictor out.
        stop_gradient: False lets the gradient through the targets as well, and the student is then its own teacher.
        batch_norm: False leaves the batch norms of projector and predictor out.
        seed: of the heads' first weights.

    Raises:
        ValueError: momentum outside [0, 1], a batch of one or views of different batches.
    """

    pairs = True
    moving_targets = True

    def __init__(
        self,
        encoder: nn.Module,
        momentum: float = 0.99,
        projector: Sequence[int] = (128,),
        predictor: int = 256,
        stop_gradient: bool = True,
        batch_norm: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        check_momentum(momentum)
        with seeded(seed):
            self.projector = mlp(self.encoder.dim, *projector, norm=batch_norm, last_norm=batch_norm)
            heads = projector[-1], predictor, projector[-1]
            self.predictor = mlp(*heads, norm=batch_norm) if predictor else nn.Identity()
        self.momentum, self.stop_gradient = momentum, stop_gradient
        if stop_gradient:
            self.teacher = teacher_of(nn.Sequential(self.encoder, self.projector))

    def forward(self, views: Views) -> dict[str, Tensor]:
        x = one_batch(views)
        z = self.projector(self.encoder(x))
        if self.stop_gradient:
            with torch.no_grad():
                targets = self.teacher(x)
        else:
            targets = z
        shape = len(views), len(views[0]), -1
        return {"loss": byol_loss(self.predictor(z).view(shape), targets.view(shape))}

    def after_step(self, progress: float) -> None:
        if self.stop_gradient:
            student = nn.ModuleList((self.encoder, self.projector))
            ema_update(self.teacher, student, momentum_schedule(self.momentum, progress))

    def loss_space(self, h: Tensor) -> Tensor:
        z: Tensor = self.projector(h)
        return z
