"""Detection: a small head says at each place what stands there and how far its box reaches. Lesson 21.

Sources: Tian et al. 2019, "FCOS: Fully Convolutional One-Stage Object Detection" (a box for each place, no anchors,
only places near an object's middle answer for it, of two objects the smaller); Zhou et al. 2019, "Objects as Points"
(a box as offset and size); Li et al. 2020, "Generalized Focal Loss" (the score is trained to be the overlap of the
box, so that it also says which box is best); Rezatofighi et al. 2019, "Generalized Intersection over Union".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import Views, as_views, check_classes, check_shapes, recorded, usual, whole
from sslwb.data import Items
from sslwb.data.scenes import Scenes
from sslwb.evaluate.embedding import BATCH, WithoutEncoder, check_encoder, evaluating, untrained
from sslwb.methods.base import Method, full_precision
from sslwb.nets import seeded
from sslwb.tasks.head import beside, features, items_of
from sslwb.tasks.places import Regions, as_maps, check_scenes
from sslwb.train.loop import fit

RARE = 0.01  # the score of every place before training: most places see no object (Lin et al. 2017, section 4.1)
BOX = 2.0  # weight of the box's term (FCOS and its successors weigh it 1 to 2)
TINY = 1e-9  # areas are divided by no less
NEAR = 1.0  # places this near the middle of an object answer for it, in steps from place to place
LEAST_SCORE, MOST_FOUND, SAME = 0.02, 100, 0.5  # of boxes that are kept, and the overlap of two that are one object


class Boxed(NamedTuple):
    """What is seen and what stands where in it, as `BoxedViews()` makes it."""

    x: Tensor  # (B, …), as the encoder takes it
    boxes: Tensor  # (B, K, 4): x1, y1, x2, y2 as shares of the picture's width and height
    kinds: Tensor  # int64 (B, K), -1 where there is no object


@recorded
@dataclass(frozen=True)
class BoxedViews:
    """Pictures as they are, or features, with the boxes and kinds of their objects: batch, generator → `Boxed`."""

    def __call__(self, batch: Any, generator: torch.Generator) -> Boxed:
        scenes = cast(Scenes, items_of(batch))
        height, width = scenes.shape[1:]
        (x,) = batch.inputs()
        return Boxed(x, scenes.boxes / scenes.boxes.new_tensor((width, height, width, height)), scenes.kinds)


class Found(NamedTuple):
    """What a detector sees in one picture, the surest first."""

    boxes: Tensor  # float32 (D, 4): x1, y1, x2, y2, pixels
    kinds: Tensor  # int64 (D,)
    scores: Tensor  # float32 (D,), 0 to 1


class Detector(Method):
    """Encoder, and at each place a perceptron of one hidden layer: a score for each kind, an offset and a size.

    Args:
        encoder: any encoder with `features` in a map or in a square of tokens.
        classes: how many kinds there are.
        width: of the hidden layer.
        seed: of the head's first weights.

    Raises:
        ValueError: classes or width below 1; in training, boxes that do not fit the features.
    """

    def __init__(self, encoder: nn.Module, classes: int, width: int = 64, seed: int = 0) -> None:
        super().__init__(encoder)
        self.classes = whole("classes", classes, least=1)
        dim = self.encoder.dim
        with seeded(seed):
            # Features of all encoders begin with mean 0 and deviation 1, as `fine_tune` has them.
            self.norm = nn.BatchNorm2d(dim, affine=False)
            self.head = nn.Conv2d(dim, whole("width", width, least=1), 1)
            self.out = nn.Conv2d(width, classes + 4, 1)
        begin = torch.cat((torch.full((classes,), math.log(RARE / (1 - RARE))), torch.zeros(4)))
        self.out.bias = nn.Parameter(begin)

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, boxes, kinds = as_views(views, Boxed, boxes="B K 4", kinds="int64 B K")
        check_classes("kinds", kinds.clamp_min(0), self.classes, "Detector has {} classes")
        maps = as_maps(self.encoder.features(x))
        return detection_loss(*self.said(maps), boxes, kinds, (maps.shape[2], maps.shape[3]))

    def said(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """What each place of features (B, dim, H, W) says: logits (B, H · W, C) and boxes (B, H · W, 4), as shares."""
        out = self.out(F.relu(self.head(self.norm(maps)))).float()
        height, width = out.shape[2:]
        logits, offset, size = out.flatten(2).transpose(1, 2).split((self.classes, 2, 2), 2)
        step = offset.new_tensor((1 / width, 1 / height))
        centre = middles(height, width).to(offset) + offset * step
        half = size.clamp(max=5).exp() * step  # a box begins two steps wide and high
        return logits, torch.cat((centre - half, centre + half), 2)

    @usual()
    def detect(self, data: Items) -> list[Found]:
        """What it sees in each picture, the surest first: at most 100 boxes; two of a kind overlap by half at most."""
        from torchvision.ops import batched_nms, clip_boxes_to_image  # takes a second to load

        height, width = cast(Scenes, data).shape[1:]
        device = self.out.weight.device
        found = []
        with evaluating(self):
            for part in torch.arange(len(data)).split(BATCH):
                said = self.said(as_maps(features(self.encoder, data[part]).to(device)))
                for logits, shares in zip(*(t.cpu() for t in said), strict=True):
                    scores, number = logits.sigmoid().flatten().sort(descending=True, stable=True)
                    number = number[scores >= LEAST_SCORE][: 10 * MOST_FOUND]
                    scores, kinds = scores[: len(number)], number % self.classes
                    boxes = shares[number // self.classes] * torch.tensor((width, height, width, height))
                    boxes = clip_boxes_to_image(boxes, (height, width))
                    kept = batched_nms(boxes, scores, kinds, SAME)[:MOST_FOUND]
                    found.append(Found(boxes[kept], kinds[kept], scores[kept]))
        return found


def middles(height: int, width: int) -> Tensor:
    """(H · W, 2): x and y of the middle of each place of a map, as shares of the picture, in reading order."""
    rows, columns = (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
    return torch.stack((columns.expand(height, -1), rows[:, None].expand(-1, width)), 2).flatten(0, 1)


def assigned(boxes: Tensor, kinds: Tensor, grid: tuple[int, int]) -> Tensor:
    """Which object each place answers for: (B, K, 4) as shares, int64 (B, K) → int64 (B, H · W), -1 for none.

    A place answers for an object in whose box it lies, not farther than a step from the middle; and every object has at
    least the place that is nearest to its middle. Of several objects it takes the smallest.
    """
    middle = middles(*grid).to(boxes)[:, None]  # (L, 1, 2)
    low, high = boxes[:, None, :, :2], boxes[:, None, :, 2:]
    steps = (middle - (low + high) / 2).abs() * boxes.new_tensor((grid[1], grid[0]))
    away = steps.amax(3)  # (B, L, K)
    inside = ((middle > low) & (middle < high)).all(3)
    nearest = torch.zeros_like(inside).scatter_(1, away.argmin(1, keepdim=True), True)
    right = (kinds >= 0)[:, None] & ((inside & (away <= NEAR)) | nearest)
    area = torch.where(right, ((high - low).prod(3)).expand(right.shape), torch.inf)
    smallest, number = area.min(2)
    return torch.where(smallest < torch.inf, number, -1)


@full_precision
def detection_loss(
    logits: Tensor, guesses: Tensor, boxes: Tensor, kinds: Tensor, grid: tuple[int, int]
) -> dict[str, Tensor]:
    """Of places that answer for an object, 1 - GIoU of the box; of all, how far scores are from that overlap.

    Args:
        logits: (B, L, C) of each place and kind.
        guesses: (B, L, 4), a box for each place: x1, y1, x2, y2 as shares of the picture.
        boxes, kinds: (B, K, 4) and int64 (B, K), the truth; kind -1 where there is no object.
        grid: rows and columns of places, L = rows · columns.

    Returns:
        "loss", and its terms "score" and "box", each a mean over the places that answer.

    Raises:
        ValueError: shapes that do not fit.
    """
    check_shapes(
        logits=(logits, "B L C"), guesses=(guesses, "B L 4"), boxes=(boxes, "B K 4"), kinds=(kinds, "int64 B K")
    )
    number = assigned(boxes, kinds, grid)
    answers = number >= 0
    target = boxes.gather(1, number.clamp_min(0)[:, :, None].expand(-1, -1, 4))
    kind = kinds.gather(1, number.clamp_min(0)).clamp_min(0)
    overlap, generalised = overlaps(guesses, target)
    count = answers.sum().clamp_min(1)
    wanted = F.one_hot(kind, logits.shape[2]) * (overlap.detach() * answers)[:, :, None]
    error = (wanted - logits.sigmoid()).square() * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    terms = {"score": error.sum() / count, "box": ((1 - generalised) * answers).sum() / count}
    return {"loss": terms["score"] + BOX * terms["box"], **terms}


def overlaps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union of boxes row by row, and its generalised form: (…, 4) twice → (…) twice.

    GIoU takes off the share of the smallest box round both that neither fills, so that boxes apart have a slope too.
    """
    (a1, a2), (b1, b2) = a.split(2, -1), b.split(2, -1)
    both = (torch.minimum(a2, b2) - torch.maximum(a1, b1)).clamp_min(0).prod(-1)
    either = (a2 - a1).prod(-1) + (b2 - b1).prod(-1) - both
    around = (torch.maximum(a2, b2) - torch.minimum(a1, b1)).prod(-1)
    overlap = both / either.clamp_min(TINY)
    return overlap, overlap - (around - either) / around.clamp_min(TINY)


def average_precision(found: Sequence[Found], scenes: Items) -> dict[str, float]:
    """How right boxes and kinds are: "mAP50", and "mAP", the mean over overlaps from 0.5 to 0.95; 0 to 1.

    Of each kind, boxes of all pictures are taken from the surest to the least sure; one is right where it overlaps an
    object of its kind, which no surer box has taken, by the share asked for. The average precision is the area under
    precision over recall, read at 101 places; its mean is over the kinds that `scenes` show. Boxes of other kinds do
    not count. As COCO defines it (Lin et al. 2014), computed by torchmetrics and faster-coco-eval.

    Args:
        found: of each picture, in the order of `scenes`.
        scenes: with boxes and kinds.

    Raises:
        TypeError: scenes without boxes.
        ValueError: another number of pictures, or no object in any of them: then there is nothing to be found.
    """
    from torchmetrics.detection import MeanAveragePrecision  # takes seconds to load

    check_scenes("scenes", scenes, "boxes")
    truth = cast(Scenes, scenes)
    if len(found) != len(truth):
        raise ValueError(f"found is of {len(found)} pictures and scenes holds {len(truth)}; expected as many")
    if not truth.there.any():
        raise ValueError("scenes show no object; expected at least one: where nothing is, nothing can be found")
    meter = MeanAveragePrecision(backend="faster_coco_eval")
    meter.warn_on_many_detections = False
    meter.update(
        [{"boxes": f.boxes, "labels": f.kinds, "scores": f.scores} for f in found],
        [
            {"boxes": boxes[there], "labels": kinds[there]}
            for boxes, kinds, there in zip(truth.boxes.cpu(), truth.kinds.cpu(), truth.there.cpu(), strict=True)
        ],
    )
    measured = meter.compute()
    return {"mAP": float(measured["map"]), "mAP50": float(measured["map_50"])}


@recorded
@dataclass(frozen=True)
class Detection:
    """A task: train a detector's head on `train`, and measure its boxes on `test`: {"mAP": …, "mAP50": …}.

    Without an encoder it is what a program knows of pictures without having learned: connected regions that differ from
    the border, each called after the cut-out of `train` that looks most like it (see `places.Regions`).

    Args:
        steps: of training.
        lr: the peak learning rate.
        batch_size: pictures a step; all of `train` where there are fewer.
        tune: whether the encoder learns too; a copy does.
        seed: of the head's first weights, and of the order.

    Raises (when called):
        TypeError: data without boxes, or an encoder without `features`.
        ValueError: no items; `test` shows no object.
    """

    steps: int = 200
    lr: float = 1e-2
    batch_size: int = 32
    tune: bool = False
    seed: int = 0

    def __call__(self, encoder: nn.Module, train: Items, test: Items) -> dict[str, float]:
        check_encoder(encoder)
        check_scenes("train", train, "boxes")
        check_scenes("test", test, "boxes")
        if isinstance(encoder, WithoutEncoder):
            found = [Found(boxes, kinds, scores) for boxes, kinds, scores, _ in Regions(train)(test)]
        else:
            found = self.fitted(encoder, train).detect(test)
        return average_precision(found, test)

    def fitted(self, encoder: nn.Module, train: Items) -> Detector:
        """A detector trained on `train`. Its encoder is the one given, or with `tune` a copy that learned too."""
        check_scenes("train", train, "boxes")
        inner, items = beside(encoder, train, self.tune)
        detector = Detector(inner, len(train.classes), seed=self.seed)
        batch = min(self.batch_size, len(train))
        settings: dict[str, Any] = {"steps": self.steps, "lr": self.lr, "batch_size": batch, "seed": self.seed}
        fit(detector, items, BoxedViews(), progress=False, **settings)
        if not self.tune:
            detector.encoder = cast(Any, encoder)
        return detector

    def control(self, encoder: nn.Module, train: Items) -> nn.Module:
        """The same encoder from random weights, trained whole on all boxes of `train`."""
        return replace(self, tune=True).fitted(untrained(encoder), train).encoder
