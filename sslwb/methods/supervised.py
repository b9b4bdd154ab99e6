"""The control: the same encoder, trained with every label. It says what SSL could reach, not how. Lesson 00."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import Views, check_classes
from sslwb.methods.base import Method, check_labels, check_views
from sslwb.nets import seeded


class Supervised(Method):
    """Encoder, linear classifier, cross-entropy on the labels, the last of the views: see `augment.labelled`.

    Args:
        encoder: any encoder of `sslwb.nets`.
        classes: how many.
        seed: of the classifier's first weights.

    Raises:
        ValueError: fewer than two classes, or, in training, views without labels, or a label beyond the classes.
    """

    def __init__(self, encoder: nn.Module, classes: int, seed: int = 0) -> None:
        super().__init__(encoder)
        if classes < 2:
            raise ValueError(f"classes is {classes}; expected 2 or more")
        with seeded(seed):
            self.classifier = nn.Linear(self.encoder.dim, classes)

    def forward(self, views: Views) -> dict[str, Tensor]:
        check_views(views, at_least=2, of=1)
        *inputs, y = views
        check_labels(y, len(inputs[0]))
        check_classes("labels", y, self.classifier.out_features, "Supervised has {} classes")
        logits = self.classifier(self.encoder(*inputs)).float()
        return {"loss": F.cross_entropy(logits, y), "accuracy": (logits.argmax(1) == y).float().mean()}

    def answers(self, views: Views) -> Tensor:
        return views[-1]

    def encoder_inputs(self, views: Views) -> list[tuple[Tensor, ...]]:
        return [tuple(views[:-1])]
