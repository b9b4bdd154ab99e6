"""I-JEPA. Source: Assran et al. 2023, "Self-Supervised Learning from Images with a Joint-Embedding Predictive
Architecture". The spread of the features as a second term: Bardes et al. 2022, "VICReg". Lesson 11."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import ranks
from sslwb.augment.masks import Context
from sslwb.core import Views, as_views, check_shapes
from sslwb.methods.base import Method, check_weight, full_precision
from sslwb.methods.mae import check_head, check_transformer, encode_some
from sslwb.methods.teacher import check_momentum, ema_update, momentum_schedule, teacher_of
from sslwb.methods.vicreg import vicreg_loss
from sslwb.nets import seeded
from sslwb.nets.patches import grid_of, take
from sslwb.nets.transformer import Block, ViT, sine_positions


@full_precision
def jepa_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """The mean squared distance of predicted and true representations: both (N, k, D) → scalar. Section 3, "Loss".

    Raises:
        TypeError: no tensors of floats.
        ValueError: different shapes.
    """
    check_shapes(predictions=(predictions, "N k D"), targets=(targets, "N k D"))
    return F.mse_loss(predictions, targets)


class JEPA(Method):
    """From the context's patches, predict what a teacher, who sees all of the picture, makes of the hidden blocks.

    Args:
        encoder: a transformer, `sslwb.nets.vit`.
        momentum: of the teacher at the beginning; it rises to 1 along a cosine.
        spread: weight of VICReg's variance and covariance terms, 25 to 1, over all of the batch's context patches; 0 is
            the paper. In small, plain pictures a teacher alone keeps what is easy to predict, and drops the rest.
        dim: width of the predictor.
        depth: of the predictor, blocks.
        heads: of the predictor's attention.
        seed: of the predictor's first weights.

    Raises:
        TypeError: an encoder without patches.
        ValueError: momentum outside [0, 1], a negative spread, masks that do not fit.
    """

    encoder: ViT

    moving_targets = True

    def __init__(
        self,
        encoder: nn.Module,
        momentum: float = 0.99,
        spread: float = 0.0,
        dim: int = 48,
        depth: int = 1,
        heads: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        check_transformer(encoder, "JEPA")
        check_head(dim, depth, heads)
        check_momentum(momentum)
        check_weight(spread, "spread")
        with seeded(seed):
            self.bridge = nn.Linear(self.encoder.dim, dim)
            self.mask_token = nn.Parameter(0.02 * torch.randn(dim))
            self.predictor = nn.Sequential(*[Block(dim, heads) for _ in range(depth)], nn.LayerNorm(dim))
            self.back = nn.Linear(dim, self.encoder.dim)
        self.teacher: Any = teacher_of(self.encoder)
        self.momentum, self.spread = momentum, spread

    def forward(self, views: Views) -> dict[str, Tensor]:
        shapes = {
            "context": "bool B L",
            "targets": "bool B T L",
            "context_at": "int64 B c",
            "targets_at": "int64 B T k",
        }
        x, *masks, context_at, targets_at = as_views(views, Context, x="B C H W", **shapes)
        context, targets = masks if context_at is None or targets_at is None else (context_at, targets_at)
        with torch.no_grad():
            z = self.teacher.features(x)
            z = F.layer_norm(z.float(), z.shape[2:])  # (B, L, D): no patch's target is longer than another's
        count = targets.shape[1]
        truth = take(z.repeat_interleave(count, 0), targets.flatten(0, 1))
        seen = encode_some(self.encoder, x, context)  # (B, k, D)
        loss = jepa_loss(self.predict_from(seen, x, context, targets), truth)
        if not self.spread:
            return {"loss": loss}
        rows = ranks.gather(seen.flatten(0, 1))  # twice, as two views: vicreg_loss sums both
        narrow = vicreg_loss(rows, rows, invariance=0.0, variance=0.5, covariance=0.02)["loss"]
        return {"loss": loss + self.spread * narrow, "distance": loss, "narrow": narrow}

    def predict(self, x: Tensor, context: Tensor, targets: Tensor) -> Tensor:
        """What stands at the targets: (B · count, k, D); a target knows the context, and no other target.

        Context and targets are masks, bool (B, L) and (B, count, L), or places, int64 (B, c) and (B, count, k).
        """
        return self.predict_from(encode_some(self.encoder, x, context), x, context, targets)

    def predict_from(self, seen: Tensor, x: Tensor, context: Tensor, targets: Tensor) -> Tensor:
        """The same from the context's features (B, k, D); of x only the size is used."""
        positions = sine_positions(*grid_of(x, self.encoder.patch), self.bridge.out_features).to(x)
        places = positions.expand(len(x), -1, -1)
        seen = self.bridge(seen)
        seen = seen + take(places, context).to(seen)
        count = targets.shape[1]
        asked = take(places.repeat_interleave(count, 0), targets.flatten(0, 1)) + self.mask_token
        both = torch.cat((seen.repeat_interleave(count, 0), asked.to(seen)), 1)
        predicted: Tensor = self.back(self.predictor(both)[:, seen.shape[1] :])
        return predicted

    def after_step(self, progress: float) -> None:
        ema_update(self.teacher, self.encoder, momentum_schedule(self.momentum, progress))
