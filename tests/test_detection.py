"""Detection and segmentation: the measures against slow ones written here, what a head learns, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import labelled
from sslwb.augment.images import simclr
from sslwb.core import describe, rebuild
from sslwb.data import Images, Scenes
from sslwb.data.worlds.scenes import make_scenes
from sslwb.data.worlds.shapes import make_shapes
from sslwb.evaluate import evaluate
from sslwb.evaluate.embedding import WithoutEncoder, untrained
from sslwb.methods.supervised import Supervised
from sslwb.nets import EncoderModule
from sslwb.tasks import Detection, Segmentation
from sslwb.tasks.detection import (
    BoxedViews,
    Detector,
    Found,
    assigned,
    average_precision,
    detection_loss,
    middles,
    overlaps,
)
from sslwb.tasks.places import Regions, as_maps
from sslwb.tasks.segmentation import MaskedViews, Segmenter, mean_iou
from sslwb.train import fit

# ── slow references


def iou(a: list[float], b: list[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, width) * max(0.0, height)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def slow_ap(found: list[Found], scenes: Scenes, share: float) -> float:
    """Average precision as COCO has it, by hand: the mean over the kinds that are there."""
    of_kinds = []
    for kind in range(len(scenes.classes)):
        truth = [
            [box for box, k in zip(scenes.boxes[i].tolist(), scenes.kinds[i].tolist(), strict=True) if k == kind]
            for i in range(len(scenes))
        ]
        total = sum(map(len, truth))
        if not total:
            continue
        guesses = [
            (score, i, box)
            for i, f in enumerate(found)
            for box, k, score in zip(f.boxes.tolist(), f.kinds.tolist(), f.scores.tolist(), strict=True)
            if k == kind
        ]
        guesses.sort(key=lambda guess: -guess[0])  # stable: of equal scores, the earlier picture first
        taken: set[tuple[int, int]] = set()
        hits = []
        for _, i, box in guesses:
            best, at = share - 1e-10, None
            for j, other in enumerate(truth[i]):
                if (i, j) not in taken and iou(box, other) >= best:
                    best, at = iou(box, other), j
            hits.append(at is not None)
            if at is not None:
                taken.add((i, at))
        right, precision, recall = 0, [], []
        for n, hit in enumerate(hits, 1):
            right += hit
            precision.append(right / n)
            recall.append(right / total)
        points = []
        for point in torch.linspace(0, 1, 101, dtype=torch.float64).tolist():
            points.append(max((p for p, r in zip(precision, recall, strict=True) if r >= point - 1e-12), default=0.0))
        of_kinds.append(sum(points) / 101)
    return sum(of_kinds) / len(of_kinds)


def boxes_from(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).view(-1, 4)


def found(boxes: Tensor, kinds: list[int], scores: list[float]) -> Found:
    return Found(boxes, torch.tensor(kinds, dtype=torch.long), torch.tensor(scores))


NOTHING = found(boxes_from(), [], [])


def scenes(rows: list[tuple[Tensor, list[int]]], classes: int = 3, size: int = 40) -> Scenes:
    most = max(1, *(len(kinds) for _, kinds in rows))
    boxes, kinds = torch.zeros(len(rows), most, 4), torch.full((len(rows), most), -1)
    for i, (b, k) in enumerate(rows):
        boxes[i, : len(k)], kinds[i, : len(k)] = b, torch.tensor(k, dtype=torch.long)
    x = torch.zeros(len(rows), 3, size, size, dtype=torch.uint8)
    return Scenes(x, classes=tuple("abcdefgh"[:classes]), boxes=boxes, kinds=kinds)


def random_case(seed: int, equal: bool) -> tuple[list[Found], Scenes]:
    g = torch.Generator().manual_seed(seed)
    rows, guesses = [], []
    for _ in range(12):
        n = int(torch.randint(0, 4, (1,), generator=g))
        corner = 24 * torch.rand(n, 2, generator=g)
        boxes = torch.cat((corner, corner + 4 + 12 * torch.rand(n, 2, generator=g)), 1)
        kinds = torch.randint(0, 3, (n,), generator=g)
        rows.append((boxes, kinds.tolist()))
        near = (boxes.repeat(2, 1) + 2 * torch.randn(2 * n, 4, generator=g)).clamp(0, 40)
        near[:, 2:] = torch.maximum(near[:, 2:], near[:, :2] + 1)
        named = torch.where(torch.rand(2 * n, generator=g) < 0.7, kinds.repeat(2), 0)
        scores = torch.rand(2 * n, generator=g)
        guesses.append(Found(near, named, (scores * 3).round() / 3 if equal else scores))
    return guesses, scenes(rows)


@pytest.mark.parametrize("equal", [False, True], ids=["scores apart", "equal scores"])
@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_a_slow_reference(seed: int, equal: bool) -> None:
    guesses, truth = random_case(seed, equal)
    measured = average_precision(guesses, truth)
    assert 0.05 < measured["mAP50"] < 0.95
    assert measured["mAP50"] == pytest.approx(slow_ap(guesses, truth, 0.5), abs=1e-6)
    steps = [slow_ap(guesses, truth, share) for share in torch.linspace(0.5, 0.95, 10, dtype=torch.float64).tolist()]
    assert measured["mAP"] == pytest.approx(sum(steps) / 10, abs=1e-6)


BOX = boxes_from([2, 2, 12, 12])


@pytest.mark.parametrize(
    ("guesses", "rows", "expected"),
    [
        ([found(BOX, [1], [0.9])], [(BOX, [1])], 1.0),
        ([found(BOX, [1], [0.01])], [(BOX, [1])], 1.0),  # only the order of the scores counts
        ([NOTHING], [(BOX, [1])], 0.0),
        ([found(BOX, [0], [0.9])], [(BOX, [1])], 0.0),  # another kind
        ([found(BOX + 20, [1], [0.9])], [(BOX, [1])], 0.0),  # another place
        ([found(BOX.repeat(2, 1), [1, 1], [0.9, 0.8])], [(BOX, [1])], 1.0),  # the second is wrong, and comes last
        ([found(torch.cat((BOX + 20, BOX)), [1, 1], [0.9, 0.8])], [(BOX, [1])], 0.5),
        ([found(BOX, [1], [0.9]), NOTHING], [(BOX, [1]), (boxes_from(), [])], 1.0),
        ([NOTHING, found(BOX, [1], [0.9])], [(BOX, [1]), (boxes_from(), [])], 0.0),  # seen where nothing is
        ([found(BOX, [1], [0.9]), NOTHING], [(BOX, [1]), (BOX, [1])], 51 / 101),  # recall one half
        ([found(BOX, [1], [0.9])], [(torch.cat((BOX, BOX + 20)), [1, 2])], 0.5),  # the mean of two kinds
    ],
)
def test_average_precision_in_cases_that_are_known(
    guesses: list[Found], rows: list[tuple[Tensor, list[int]]], expected: float
) -> None:
    truth = scenes(rows)
    assert average_precision(guesses, truth)["mAP50"] == pytest.approx(expected, abs=1e-6)
    assert slow_ap(guesses, truth, 0.5) == pytest.approx(expected, abs=1e-6)


def test_average_precision_where_nothing_can_be_found_is_an_error() -> None:
    with pytest.raises(ValueError, match="scenes show no object; expected at least one"):
        average_precision([NOTHING], scenes([(boxes_from(), [])]))
    with pytest.raises(ValueError, match="found is of 2 pictures and scenes holds 1; expected as many"):
        average_precision([NOTHING] * 2, scenes([(BOX, [1])]))


def slow_iou(guess: Tensor, truth: Tensor, classes: int) -> float:
    shares = []
    for c in range(classes):
        a, b = {*(guess == c).flatten().nonzero()[:, 0].tolist()}, {*(truth == c).flatten().nonzero()[:, 0].tolist()}
        if a | b:
            shares.append(len(a & b) / len(a | b))
    return sum(shares) / len(shares)


@pytest.mark.parametrize("seed", range(3))
def test_mean_iou_is_that_of_a_slow_reference(seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    guess, truth = torch.randint(0, 5, (2, 4, 6, 7), generator=g)
    for a, b in ((guess, truth), (guess.clamp(max=2), truth.clamp(max=1)), (guess * 0, truth), (truth, truth)):
        assert mean_iou(a, b, 7) == pytest.approx(slow_iou(a, b, 7), abs=1e-6)  # 5 and 6 are nowhere: left out
    assert mean_iou(truth, truth, 7) == 1
    assert mean_iou(torch.full_like(truth, 6), truth, 7) == 0
    with pytest.raises(ValueError, match="guess run to 4, but there are 4"):
        mean_iou(guess, truth.clamp(max=3), 4)


# ── the head's parts


def test_overlaps_are_those_of_a_slow_reference() -> None:
    g = torch.Generator().manual_seed(0)
    corner = torch.rand(2, 50, 2, generator=g)
    a, b = torch.cat((corner, corner + 0.05 + torch.rand(2, 50, 2, generator=g)), 2)
    plain, general = overlaps(a, b)
    for i in range(50):
        x, y = a[i].tolist(), b[i].tolist()
        assert float(plain[i]) == pytest.approx(iou(x, y), abs=1e-5)
        around = (max(x[2], y[2]) - min(x[0], y[0])) * (max(x[3], y[3]) - min(x[1], y[1]))
        areas = (x[2] - x[0]) * (x[3] - x[1]) + (y[2] - y[0]) * (y[3] - y[1])
        either = areas / (1 + iou(x, y))  # union = areas - union · IoU
        assert float(general[i]) == pytest.approx(iou(x, y) - (around - either) / around, abs=1e-4)
    same = overlaps(a, a)
    assert torch.allclose(same[0], torch.ones(50))
    assert torch.allclose(same[1], torch.ones(50))


def test_middles_are_in_reading_order() -> None:
    assert middles(1, 2).tolist() == [[0.25, 0.5], [0.75, 0.5]]
    assert middles(2, 1).tolist() == [[0.5, 0.25], [0.5, 0.75]]


def test_each_object_has_places_and_each_place_the_smallest() -> None:
    boxes = torch.tensor([[[0.0, 0.0, 0.5, 0.5], [0.3, 0.3, 0.45, 0.45], [0.9, 0.9, 0.92, 0.92], [0, 0, 1, 1]]])
    number = assigned(boxes, torch.tensor([[0, 1, 2, -1]]), (8, 8))[0].view(8, 8)
    assert number[1:3, 1:3].tolist() == [[0, 0], [0, 1]]  # within one step of the middle, the small one before the big
    assert number[3, 3] == -1 or number[3, 3] == 1
    assert number[7, 7] == 2  # smaller than a place, and still there
    assert set(number.flatten().tolist()) == {-1, 0, 1, 2}  # padding has no place
    assert (assigned(boxes, torch.full((1, 4), -1), (8, 8)) == -1).all()
    data = make_scenes(200, seed=41)
    shares = data.boxes / 64
    number = assigned(shares, data.kinds, (8, 8))
    for i in range(200):
        there = [*range(int(data.there[i].sum()))]
        missing = set(there) - set(number[i].tolist())
        assert len(missing) <= len(there) // 2  # only where two have their middle in one place
        for place in (number[i] >= 0).nonzero()[:, 0].tolist():
            k = int(number[i, place])
            away = (middles(8, 8)[place] - (shares[i, k, :2] + shares[i, k, 2:]) / 2).abs() * 8
            assert away.max() <= 1.001


def test_the_loss_is_zero_for_the_truth_and_has_a_slope_elsewhere() -> None:
    data = make_scenes(8, seed=41)
    boxes, kinds = data.boxes / 64, data.kinds
    number = assigned(boxes, kinds, (8, 8))
    answers = number >= 0
    right = boxes.gather(1, number.clamp_min(0)[:, :, None].expand(-1, -1, 4))
    kind = kinds.gather(1, number.clamp_min(0)).clamp_min(0)
    logits = torch.where((nn.functional.one_hot(kind, 8) * answers[:, :, None]).bool(), 30.0, -30.0)
    terms = detection_loss(logits, right, boxes, kinds, (8, 8))
    assert float(terms["loss"]) < 1e-4
    guesses, said = (right + 0.3).requires_grad_(), (0 * logits).requires_grad_()
    terms = detection_loss(said, guesses, boxes, kinds, (8, 8))
    terms["loss"].backward()
    assert terms["box"] > 0.5
    assert (guesses.grad[answers].abs().sum(1) > 0).all()
    assert (guesses.grad[~answers] == 0).all()
    assert torch.isfinite(said.grad).all()
    empty = detection_loss(said, guesses, boxes, torch.full_like(kinds, -1), (8, 8))
    assert float(empty["box"].detach()) == 0
    assert torch.isfinite(empty["loss"])


def test_tokens_of_a_square_are_a_map() -> None:
    h = torch.arange(2 * 9 * 5.0).view(2, 9, 5)
    maps = as_maps(h)
    assert maps.shape == (2, 5, 3, 3)
    assert torch.equal(maps[1, :, 2, 0], h[1, 6])
    assert as_maps(maps) is maps
    with pytest.raises(ValueError, match=r"encoder.features gave \(2, 8, 5\); expected maps .* fill a square"):
        as_maps(torch.zeros(2, 8, 5))


# ── what is learnt


class Knowing(EncoderModule):
    """Gives in place, 16 × 16, what the masks say: it looks up each picture that it was shown."""

    def __init__(self, *known: Scenes) -> None:
        super().__init__()
        self.dim = 13
        self.known = {
            p.numpy().tobytes(): maps for data in known for p, maps in zip(data.x, self.maps(data), strict=True)
        }

    def maps(self, data: Scenes) -> Tensor:
        """Of each place: whose middle is near, its kind; and how far the sides of its box are."""
        number = assigned(data.boxes / 64, data.kinds, (16, 16))
        kind = torch.where(number < 0, 8, data.kinds.gather(1, number.clamp_min(0)))
        boxes = (data.boxes / 64).gather(1, number.clamp_min(0)[:, :, None].expand(-1, -1, 4))
        middle = middles(16, 16)
        where = torch.cat(((boxes[..., :2] + boxes[..., 2:]) / 2 - middle, (boxes[..., 2:] - boxes[..., :2]).log()), 2)
        known = torch.cat((nn.functional.one_hot(kind, 9), where * (number >= 0)[:, :, None]), 2)
        return known.transpose(1, 2).unflatten(2, (16, 16)).float()

    def features(self, x: Tensor) -> Tensor:
        pictures = (x * 255).round().to(torch.uint8)
        return torch.stack([self.known[p.numpy().tobytes()] for p in pictures])

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).mean((2, 3))


class Blind(EncoderModule):
    """Knows nothing: the same features for every picture."""

    dim = 4

    def features(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), 4, 8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).mean((2, 3))


class Seen(EncoderModule):
    """Gives in place the share of each kind's pixels, 16 × 16."""

    dim = 9

    def __init__(self, *known: Scenes) -> None:
        super().__init__()
        self.known = {}
        for data in known:
            shares = nn.functional.avg_pool2d(nn.functional.one_hot(data.semantic, 9).movedim(3, 1).float(), 4)
            self.known |= {p.numpy().tobytes(): s for p, s in zip(data.x, shares, strict=True)}

    features, forward = Knowing.features, Knowing.forward


@pytest.fixture(scope="module")
def train() -> Scenes:
    return make_scenes(100, "train", 41)


@pytest.fixture(scope="module")
def test() -> Scenes:
    return make_scenes(60, "test", 41)


def test_one_that_knows_finds_all_and_one_that_knows_nothing_finds_nothing(train: Scenes, test: Scenes) -> None:
    task = Detection(steps=100, lr=2e-2)
    assert task(Knowing(train, test), train, test)["mAP50"] > 0.9
    assert replace(task, steps=30)(Blind(), train, test)["mAP50"] < 0.05
    pixels = Segmentation(steps=60, lr=5e-2)
    assert pixels(Seen(train, test), train, test)["mIoU"] > 0.6
    assert replace(pixels, steps=20)(Blind(), train, test)["mIoU"] < 0.12  # the background of nine


@pytest.mark.long
def test_a_head_on_features_that_know_shapes_beats_random_ones_and_no_encoder() -> None:
    """Over seeds 0 to 2, mAP50: 0.22 to 0.25, beside 0.07 to 0.08 and 0.13 to 0.21; mIoU: 0.19 to 0.22, beside 0.13."""
    shapes = make_shapes(2048, "train", 1)
    method = Supervised(nets.conv(12, seed=1), 8, seed=1)
    views = labelled(simclr(24, views=1, crop=(0.5, 1.0), rotate=180, hue=0.5))
    fit(method, shapes, views, steps=150, batch_size=64, lr=1e-2, seed=1, progress=False)
    train, test = (make_scenes(60, split, 1, objects=6) for split in ("train", "val"))
    task, random = Detection(steps=100, seed=1), nets.conv(12, seed=1)
    learnt, drawn, none = (task(e, train, test)["mAP50"] for e in (method.encoder, random, WithoutEncoder(3)))
    assert learnt > drawn + 0.08
    assert learnt > none + 0.02
    pixels = Segmentation(steps=60, seed=1)
    assert pixels(method.encoder, train, test)["mIoU"] > pixels(random, train, test)["mIoU"] + 0.02


def test_the_same_seed_gives_the_same_numbers(train: Scenes, test: Scenes) -> None:
    encoder = nets.conv(8)
    for task in (Detection(steps=12), Segmentation(steps=12), Detection(steps=6, tune=True)):
        few, before = train[:32], torch.get_rng_state()
        one = task.fitted(encoder, few)
        assert torch.equal(torch.get_rng_state(), before)
        two, other = task.fitted(encoder, few), replace(task, seed=1).fitted(encoder, few)
        for name, value in one.state_dict().items():
            assert torch.equal(value, two.state_dict()[name]), name
        assert any(not torch.equal(v, other.state_dict()[k]) for k, v in one.state_dict().items())
        assert rebuild(describe(task)) == task
    assert task(encoder, few, test[:20]) == task(encoder, few, test[:20])


def test_an_encoder_stays_as_it_is_unless_it_is_tuned(train: Scenes) -> None:
    encoder = nets.conv(8)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    for kind in (Detection, Segmentation):
        frozen, tuned = (kind(steps=4, tune=tune).fitted(encoder, train[:16]) for tune in (False, True))
        assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
        assert frozen.encoder is encoder
        assert any(not torch.equal(v, before[k]) for k, v in tuned.encoder.state_dict().items())


def test_tokens_are_taken_as_maps_are(train: Scenes, test: Scenes) -> None:
    vit = nets.vit(8, 32, 1, 2)
    small = train[:16]
    (seen,) = Detection(steps=3).fitted(vit, small).detect(test[:1])
    assert seen.boxes.shape == (len(seen.kinds), 4)
    assert Segmentation(steps=3).fitted(vit, small).segment(test[:3]).shape == (3, 64, 64)


def test_what_is_found_is_ordered_and_inside(train: Scenes, test: Scenes) -> None:
    seen = Detection(steps=60, lr=1e-2).fitted(nets.conv(8), train[:64]).detect(test[:30])
    assert sum(len(f.scores) for f in seen) > 60
    for f in seen:
        assert (f.scores[:-1] >= f.scores[1:]).all()
        assert (f.boxes >= 0).all()
        assert (f.boxes <= 64).all()
        assert ((f.kinds >= 0) & (f.kinds < 8)).all()
        assert len(f.scores) <= 100
        for i in range(len(f.scores)):
            for j in range(i):
                if f.kinds[i] == f.kinds[j]:
                    assert float(overlaps(f.boxes[i], f.boxes[j])[0]) <= 0.5


def test_without_an_encoder_regions_are_found_and_named(train: Scenes, test: Scenes) -> None:
    one = make_scenes(60, "test", 41, objects=1)
    seen = Regions(train)(one)
    for (boxes, kinds, scores, regions), truth, mask in zip(seen, one.boxes[:, 0], one.masks, strict=True):
        assert len(boxes) == len(kinds) == len(scores) == int(regions.max())
        assert (boxes[0] - truth).abs().max() <= 2.5  # with its soft rim
        assert ((regions > 0) == (mask > 0)).float().mean() > 0.93
    named = torch.stack([kinds[0] for _, kinds, _, _ in seen]) == one.kinds[:, 0]
    assert named.float().mean() > 0.3  # one in eight by chance
    row = Detection()(WithoutEncoder(3), train, test)
    assert 0.1 < row["mAP50"] < 0.7
    flat = Images(torch.full((2, 3, 16, 16), 9, dtype=torch.uint8))
    assert [len(boxes) for boxes, *_ in Regions(train)(flat)] == [0, 0]
    nothing = scenes([(boxes_from(), [])])
    assert [len(boxes) for boxes, *_ in Regions(nothing)(test[:2])] == [0, 0]


@pytest.mark.parametrize("task", [Detection(steps=3), Segmentation(steps=3)], ids=lambda task: type(task).__name__)
def test_it_is_a_task_of_evaluate(task: Any, train: Scenes, test: Scenes) -> None:
    table = evaluate(nets.conv(4), train[:16], test[:20], task=task)
    assert list(table.rows) == ["raw pixels", "random encoder", "this encoder", "supervised"]
    names = {"Detection": ["mAP", "mAP50"], "Segmentation": ["mIoU"]}[type(task).__name__]
    assert all(list(row) == names and all(map(math.isfinite, row.values())) for row in table.rows.values())


# ── what is refused


def test_data_that_do_not_know_what_stands_where_are_refused(train: Scenes, test: Scenes) -> None:
    plain, encoder = Images(train.x, train.y, train.classes), nets.conv(4)
    with pytest.raises(TypeError, match="train is Images without boxes; expected pictures that know their boxes"):
        Detection()(encoder, plain, test)
    with pytest.raises(TypeError, match="test is Images without boxes"):
        Detection()(encoder, train, plain)
    with pytest.raises(TypeError, match="train is Scenes without masks"):
        Segmentation()(encoder, replace(train, masks=None), test)
    with pytest.raises(ValueError, match="train has no items"):
        Detection()(encoder, train[:0], test)
    with pytest.raises(TypeError, match="encoder is Linear without features"):
        Detection()(nn.Linear(3, 3), train, test)
    with pytest.raises(TypeError, match="encoder is str; expected an encoder"):
        Segmentation()("conv", train, test)
    with pytest.raises(ValueError, match="steps is 0; expected 1 or more"):
        Detection(steps=0)(encoder, train, test)


def test_views_that_do_not_fit_are_refused(train: Scenes) -> None:
    x, boxes, kinds = BoxedViews()(train[:4], torch.Generator())
    with pytest.raises(ValueError, match="Detector has 3 classes"):
        Detector(nets.conv(4), 3)((x, boxes, kinds.clamp(-1, 0) + 4))
    with pytest.raises(ValueError, match=r"boxes .*\(4, 4\).*expected .*views are What is seen and what stands where"):
        Detector(nets.conv(4), 8)((x, boxes[:, 0], kinds))
    with pytest.raises(ValueError, match="classes is 0; expected 1 or more"):
        Detector(nets.conv(4), 0)
    x, masks = MaskedViews()(train[:4], torch.Generator())
    with pytest.raises(ValueError, match="Segmenter has 2 classes"):
        Segmenter(nets.conv(4), 2)((x, masks))
    with pytest.raises(ValueError, match="classes is 1; expected 2 or more"):
        Segmenter(nets.conv(4), 1)
    with pytest.raises(TypeError, match="masks"):
        Segmenter(nets.conv(4), 9)((x, masks.float()))


def test_a_random_encoder_is_drawn_anew(train: Scenes) -> None:
    encoder = nets.conv(4, seed=3)
    control = Detection(steps=2).control(encoder, train[:16])
    assert type(control) is type(encoder)
    fresh = untrained(encoder)
    assert any(not torch.equal(a, b) for a, b in zip(control.parameters(), fresh.parameters(), strict=True))
