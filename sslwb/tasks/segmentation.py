"""Segmentation: a linear head names the kind of what is seen at each pixel. Lesson 21.

Source: Long, Shelhamer & Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation", without its skips: the
head scores the places of the last map, and the scores are brought to the size of the picture. As a frozen probe of
features it is used by Caron et al. 2021 and Oquab et al. 2024, "DINOv2", section 7.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import Views, as_views, check_classes, check_shapes, recorded, usual, whole
from sslwb.data import Items
from sslwb.data.scenes import Scenes
from sslwb.evaluate.embedding import BATCH, WithoutEncoder, check_encoder, evaluating, untrained
from sslwb.methods.base import Method
from sslwb.nets import seeded
from sslwb.tasks.head import beside, features, items_of
from sslwb.tasks.places import Regions, as_maps, check_scenes
from sslwb.train.loop import fit


class Masked(NamedTuple):
    """What is seen and what each of its pixels is, as `MaskedViews()` makes it."""

    x: Tensor  # (B, …), as the encoder takes it
    masks: Tensor  # int64 (B, H, W): 0 background, 1 + kind


@recorded
@dataclass(frozen=True)
class MaskedViews:
    """Pictures as they are, or their features, with the kind of each pixel: batch, generator → `Masked`."""

    def __call__(self, batch: Any, generator: torch.Generator) -> Masked:
        (x,) = batch.inputs()
        return Masked(x, cast(Scenes, items_of(batch)).semantic)


class Segmenter(Method):
    """Encoder, a linear map at each place, its scores brought to the size of the picture, cross-entropy of each pixel.

    Args:
        encoder: any encoder with `features` in a map or in a square of tokens.
        classes: how many there are, with the background as 0.
        seed: of the head's first weights.

    Raises:
        ValueError: classes below 2; in training, pixels of other classes.
    """

    def __init__(self, encoder: nn.Module, classes: int, seed: int = 0) -> None:
        super().__init__(encoder)
        with seeded(seed):
            # Features of all encoders begin with mean 0 and deviation 1, as `fine_tune` has them.
            self.norm = nn.BatchNorm2d(self.encoder.dim, affine=False)
            self.classifier = nn.Conv2d(self.encoder.dim, whole("classes", classes, least=2), 1)

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, masks = as_views(views, Masked, masks="int64 B H W")
        check_classes("masks", masks, self.classifier.out_channels, "Segmenter has {} classes")
        logits = self.said(as_maps(self.encoder.features(x)), (masks.shape[1], masks.shape[2]))
        return {"loss": F.cross_entropy(logits, masks), "accuracy": (logits.argmax(1) == masks).float().mean()}

    def answers(self, views: Views) -> Tensor:
        return views[1].flatten()

    def said(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """Scores of each pixel: features (B, dim, h, w) → (B, classes, H, W) with (H, W) = size."""
        scores = self.classifier(self.norm(maps)).float()
        return F.interpolate(scores, size, mode="bilinear")

    @usual()
    def segment(self, data: Items) -> Tensor:
        """int64 (N, H, W): what each pixel shows, 0 for the background, 1 + kind."""
        height, width = cast(Scenes, data).shape[1:]
        device = self.classifier.weight.device
        masks = torch.empty(len(data), height, width, dtype=torch.int64)
        with evaluating(self):
            for part in torch.arange(len(data)).split(BATCH):
                maps = as_maps(features(self.encoder, data[part]).to(device))
                for some, of in zip(maps.split(64), part.split(64), strict=True):  # scores of all would fill memory
                    masks[of] = self.said(some, (height, width)).argmax(1).cpu()
        return masks


def mean_iou(guess: Tensor, truth: Tensor, classes: int) -> float:
    """Intersection over union of each class over all pixels, and its mean over classes, 0 to 1.

    Classes that neither guess nor truth shows are left out; one that only the guess shows counts 0. As PASCAL VOC has
    it (Everingham et al. 2010); computed by torchmetrics.

    Args:
        guess, truth: int64 (N, H, W).
        classes: how many there are, the background as 0 among them.

    Raises:
        ValueError: different shapes, no pixel, or a number that is no class.
    """
    from torchmetrics.functional.classification import multiclass_jaccard_index  # takes seconds to load

    check_shapes(guess=(guess, "int64 N H W"), truth=(truth, "int64 N H W"))
    check_classes("guess", guess, classes)
    check_classes("truth", truth, classes)
    return float(multiclass_jaccard_index(guess, truth, num_classes=classes, average="macro", validate_args=False))


@recorded
@dataclass(frozen=True)
class Segmentation:
    """A task: train a linear head on the masks of `train`, and measure its pixels on `test`: {"mIoU": …}.

    The mean is over the background and the kinds; those that neither head nor truth shows are left out. Without an
    encoder it is what a program knows of pictures without having learned: the pixels of connected regions that differ
    from the border, each region called after the cut-out of `train` that looks most like it (see `places.Regions`).

    Args:
        steps: of training.
        lr: the peak learning rate.
        batch_size: pictures a step; all of `train` where there are fewer.
        tune: whether the encoder learns too; a copy does.
        seed: of the head's first weights, and of the order.

    Raises (when called):
        TypeError: data without masks, or an encoder without `features`.
        ValueError: no items.
    """

    steps: int = 200
    lr: float = 1e-2
    batch_size: int = 32
    tune: bool = False
    seed: int = 0

    def __call__(self, encoder: nn.Module, train: Items, test: Items) -> dict[str, float]:
        check_encoder(encoder)
        check_scenes("train", train, "masks")
        check_scenes("test", test, "masks")
        if isinstance(encoder, WithoutEncoder):
            parts = [
                torch.cat((kinds.new_zeros(1), kinds + 1))[regions] for _, kinds, _, regions in Regions(train)(test)
            ]
            guess = torch.stack(parts)
        else:
            guess = self.fitted(encoder, train).segment(test)
        return {"mIoU": mean_iou(guess, cast(Scenes, test).semantic.cpu(), len(train.classes) + 1)}

    def fitted(self, encoder: nn.Module, train: Items) -> Segmenter:
        """A segmenter trained on `train`. Its encoder is the one given, or with `tune` a copy that learned too."""
        check_scenes("train", train, "masks")
        inner, items = beside(encoder, train, self.tune)
        segmenter = Segmenter(inner, len(train.classes) + 1, seed=self.seed)
        batch = min(self.batch_size, len(train))
        settings: dict[str, Any] = {"steps": self.steps, "lr": self.lr, "batch_size": batch, "seed": self.seed}
        fit(segmenter, items, MaskedViews(), progress=False, **settings)
        if not self.tune:
            segmenter.encoder = cast(Any, encoder)
        return segmenter

    def control(self, encoder: nn.Module, train: Items) -> nn.Module:
        """The same encoder from random weights, trained whole on all masks of `train`."""
        return replace(self, tune=True).fitted(untrained(encoder), train).encoder
