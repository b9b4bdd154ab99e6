"""The control: the same encoder, trained with every label. It says what SSL could reach, not how. Lesson 00."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.methods.base import Method, Views
from sslwb.nets import seeded


class Supervised(Method):
    """Encoder, linear classifier, cross-entropy on the labels, which the loop puts behind the views.

    Args:
        encoder: any encoder of `sslwb.nets`.
        classes: how many.
        seed: of the classifier's first weights.

    Raises:
        ValueError: fewer than two classes, or, in training, a label beyond them.
    """

    labelled = True

    def __init__(self, encoder: nn.Module, classes: int, seed: int = 0) -> None:
        super().__init__(encoder)
        if classes < 2:
            raise ValueError(f"classes is {classes}; expected 2 or more")
        with seeded(seed):
            self.classifier = nn.Linear(self.encoder.dim, classes)

    def forward(self, views: Views) -> dict[str, Tensor]:
        *pictures, y = views
        classes = self.classifier.out_features
        if y.max() >= classes:  # a GPU would only report an assertion, and be of no use until a restart
            raise ValueError(
                f"labels run to {int(y.max())}, but Supervised has {classes} classes: expected 0 to {classes - 1}"
            )
        logits = [self.classifier(self.encoder(x)).float() for x in pictures]
        losses = [F.cross_entropy(z, y) for z in logits]
        right = sum((z.argmax(1) == y).float().mean() for z in logits)
        return {"loss": sum(losses) / len(losses), "accuracy": right / len(logits)}
