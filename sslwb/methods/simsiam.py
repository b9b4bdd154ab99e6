"""SimSiam. Source: Chen and He 2021, "Exploring Simple Siamese Representation Learning". Lesson 05."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sslwb.core import Views
from sslwb.methods.base import Method, one_batch
from sslwb.methods.byol import byol_loss
from sslwb.nets import mlp, seeded


class SimSiam(Method):
    """BYOL without a teacher: the targets are the student's own projections, through which no gradient goes back.

    The loss is BYOL's, 2 - 2 cos; the paper writes -cos, which has the same gradient up to a factor of 2.

    Args:
        encoder: any encoder of `sslwb.nets`.
        projector: widths of the projector's layers; its end is normalised, as in the paper.
        predictor: width of the predictor's hidden layer; 0 leaves the predictor out.
        stop_gradient: False lets the gradient through the targets as well: the paper's collapse.
        batch_norm: False leaves the batch norms of projector and predictor out.
        seed: of the heads' first weights.

    Raises:
        ValueError: a batch of one or views of different batches.
    """

    pairs = True

    def __init__(
        self,
        encoder: nn.Module,
        projector: Sequence[int] = (128,),
        predictor: int = 256,
        stop_gradient: bool = True,
        batch_norm: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        with seeded(seed):
            self.projector = mlp(self.encoder.dim, *projector, norm=batch_norm, last_norm=batch_norm)
            heads = projector[-1], predictor, projector[-1]
            self.predictor = mlp(*heads, norm=batch_norm) if predictor else nn.Identity()
        self.stop_gradient = stop_gradient

    def forward(self, views: Views) -> dict[str, Tensor]:
        z = self.projector(self.encoder(one_batch(views)))
        targets = z.detach() if self.stop_gradient else z
        shape = len(views), len(views[0]), -1
        return {"loss": byol_loss(self.predictor(z).view(shape), targets.view(shape))}

    def loss_space(self, h: Tensor) -> Tensor:
        z: Tensor = self.projector(h)
        return z
