"""Rotation. Source: Gidaris et al. 2018, "Unsupervised Representation Learning by Predicting Image Rotations".
Lesson 09."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.augment.puzzles import Turns
from sslwb.core import Views, as_views
from sslwb.methods.base import Method, check_views
from sslwb.nets import seeded


class Rotation(Method):
    """Tell by how many quarters a picture was turned: encoder, linear classifier, cross-entropy over four turns.

    All four turns of a picture are in one batch, as in the paper's section 2.

    Args:
        encoder: any encoder of `sslwb.nets`.
        seed: of the classifier's first weights.

    Raises:
        ValueError: not four views of one shape.
    """

    def __init__(self, encoder: nn.Module, seed: int = 0) -> None:
        super().__init__(encoder)
        with seeded(seed):
            self.classifier = nn.Linear(self.encoder.dim, 4)

    def forward(self, views: Views) -> dict[str, Tensor]:
        views = as_views(views, Turns)
        check_views(views, at_least=4, of=1)
        if any(v.shape != views[0].shape for v in views):
            raise ValueError(
                f"views have shapes {[tuple(v.shape) for v in views]}; expected four turns of the same squares: "
                "make_views must be sslwb.augment.puzzles.rotation"
            )
        turns = torch.arange(4, device=views[0].device).repeat_interleave(len(views[0]))
        logits = self.classifier(self.encoder(torch.cat([*views]))).float()
        return {"loss": F.cross_entropy(logits, turns), "accuracy": (logits.argmax(1) == turns).float().mean()}

    def answers(self, views: Views) -> Tensor:
        return torch.arange(4).repeat_interleave(len(views[0]))
