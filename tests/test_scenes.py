"""Scenes: that what is said of each picture is true, what the container refuses, and the reader of COCO128."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from sslwb import nets
from sslwb.data import DataError, Scenes, load, relations, store, tiles
from sslwb.data.coco import coco128, squared
from sslwb.data.registry import SOURCES, File
from sslwb.data.worlds.scenes import LEAST_VISIBLE, REACH, REACH_OF_OTHERS, make_scenes
from sslwb.data.worlds.shapes import COLOURS, HUES, SHAPES, TEXTURES
from sslwb.evaluate import evaluate
from sslwb.tasks.detection import Found, average_precision

HARD: dict[str, Any] = {"background": "textured", "texture": "mixed", "light": "varied"}
KINDS, TURNS = tuple(SHAPES), torch.tensor([turns for _, turns in SHAPES.values()])


@pytest.fixture(scope="module")
def plain() -> Scenes:
    return make_scenes(300, seed=31, objects=5)


def covers(data: Scenes, i: int) -> Tensor:
    """(K, H, W): how far each object of a picture would cover each pixel if nothing were before it, from its causes."""
    size, causes = data.shape[1], data.objects
    place = (torch.arange(size) + 0.5) * 2 / size - 1
    made = []
    for k in range(int(data.there[i].sum())):
        kind, radius = int(data.kinds[i, k]), float(causes["size"][i, k])
        turn = 0.0 if TURNS[kind] == 0 else float(causes["angle"][i, k]) / int(TURNS[kind])
        c, s = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
        dx = (place[None, :] - float(causes["x"][i, k])) / radius
        dy = (place[:, None] - float(causes["y"][i, k])) / radius
        distance = SHAPES[KINDS[kind]][0]((c * dx + s * dy), (c * dy - s * dx))
        made.append((0.5 - distance * radius * size / 2).clamp(0, 1))
    return torch.stack(made)


def owners(cover: Tensor, depth: Tensor) -> Tensor:
    """(H, W): 1 + the nearest object that covers half of a pixel or more, 0 where none does."""
    owner = torch.zeros(cover.shape[1:], dtype=torch.long)
    for k in depth.argsort(descending=True).tolist():  # from the farthest on, each over the last
        owner[cover[k] >= 0.5] = k + 1
    return owner


def box_of(mask: Tensor) -> list[float]:
    rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
    return [float(columns[0]), float(rows[0]), float(columns[-1]) + 1, float(rows[-1]) + 1]


# ── streams


@pytest.mark.parametrize("dials", [{}, {"objects": 8, **HARD}], ids=["easy", "hard"])
def test_a_longer_set_begins_with_the_shorter(dials: dict[str, Any]) -> None:
    longest = make_scenes(600, seed=31, **dials)
    for n in (1, 2, 33, 520):
        shorter = make_scenes(n, seed=31, **dials)
        for name in ("x", "y", "boxes", "kinds", "masks", "depth"):
            assert torch.equal(getattr(shorter, name), getattr(longest, name)[:n]), name
        for cause, values in shorter.objects.items():
            assert torch.equal(values.nan_to_num(-1), longest.objects[cause][:n].nan_to_num(-1)), cause
        for cause, values in shorter.factors.items():
            assert torch.equal(values, longest.factors[cause][:n]), cause


def test_splits_and_seeds_share_no_picture() -> None:
    seen: set[bytes] = set()
    for split in ("train", "val", "test"):
        for seed in range(2):
            pictures = {p.tobytes() for p in make_scenes(100, split, seed, size=32).x.numpy()}
            assert len(pictures) == 100
            assert not pictures & seen
            seen |= pictures


def test_the_same_call_gives_the_same_pictures_and_moves_no_generator() -> None:
    before = torch.get_rng_state()
    one = make_scenes(40, seed=31, **HARD)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.x, make_scenes(40, seed=31, **HARD).x)


# ── what is said is true


@pytest.mark.parametrize("dials", [{"objects": 5}, {"objects": 8, "size": 48, **HARD}], ids=["easy", "hard"])
def test_masks_and_depth_are_what_the_causes_draw(dials: dict[str, Any]) -> None:
    """Each object drawn alone, in a slow way of its own, laid over the farther ones: who is seen at each pixel."""
    data, overlapping = make_scenes(60, seed=31, **dials), 0
    for i in range(60):
        cover = covers(data, i)
        depth = data.depth[i, : len(cover)]
        assert sorted(depth.tolist()) == [*range(len(cover))]
        clear = ((cover - 0.5).abs() > 1e-3).all(0)  # a rim may fall to either side
        owner = owners(cover, depth)
        assert torch.equal(owner[clear], data.masks[i].long()[clear])
        both = (cover >= 0.5).sum(0) > 1
        overlapping += int(both.any())
        if both.any():  # any other order would be seen
            assert not torch.equal(owners(cover, -depth)[clear], data.masks[i].long()[clear])
        seen = torch.stack([(data.masks[i] == k + 1).sum() / (c >= 0.5).sum() for k, c in enumerate(cover)])
        assert (seen - data.objects["visible"][i, : len(cover)]).abs().max() < 0.02
    assert overlapping > 15


@pytest.mark.parametrize("dials", [{"objects": 5}, HARD], ids=["easy", "hard"])
def test_boxes_go_round_the_pixels_that_are_visible(dials: dict[str, Any]) -> None:
    data = make_scenes(200, seed=31, **dials)
    for i in range(200):
        there = data.there[i].nonzero()[:, 0].tolist()
        assert there == [*range(len(there))]  # padding is behind
        assert int(data.masks[i].max()) == len(there) == int(data.factors["objects"][i])
        for k in there:
            assert data.boxes[i, k].tolist() == box_of(data.masks[i] == k + 1)
        assert (data.boxes[i, len(there) :] == 0).all()
        area = torch.stack([(data.masks[i] == k + 1).sum() for k in there])
        assert data.kinds[i, area.argmax()] == data.y[i]


def test_nothing_is_drawn_that_is_not_listed(plain: Scenes) -> None:
    """What the causes of the listed objects do not reach has the background's grey; each inside has its own hue."""
    for i in range(60):
        cover, picture = covers(plain, i), plain.x[i].float() / 255
        nothing = (cover == 0).all(0)
        assert ((picture - plain.factors["background"][i])[:, nothing].abs() < 0.004).all()
        for k in range(len(cover)):
            inside = (plain.masks[i] == k + 1) & (cover[k] == 1) & ((cover > 0).sum(0) == 1)
            if inside.any():
                r, g, b = picture[:, inside].mean(1).tolist()
                hue = math.atan2(math.sqrt(3) * (g - b), 2 * r - g - b) / (2 * math.pi)
                said = float(HUES[plain.objects["colour"][i, k]])
                assert abs((hue - said + 0.5) % 1 - 0.5) < 0.04
    assert plain.levels["colour"] == COLOURS


def test_what_is_nearly_hidden_is_left_out() -> None:
    data = make_scenes(1500, seed=31, objects=8)
    share = data.objects["visible"][data.there]
    assert share.min() >= LEAST_VISIBLE
    assert share.min() < LEAST_VISIBLE + 0.1
    assert (share == 1).float().mean() < 0.9
    assert (data.objects["visible"][:, 0] == 1).all()  # nothing is before the nearest
    count = data.factors["objects"].bincount(minlength=9).float() / 1500
    assert count[0] == 0
    assert count[1] == pytest.approx(1 / 8, abs=0.03)
    assert count[8] < 1 / 8  # some of eight are hidden


def test_every_number_and_kind_is_as_likely_as_the_others() -> None:
    data = make_scenes(3000, seed=31, objects=3)
    kinds = data.kinds[data.there].bincount(minlength=8).float()
    assert (kinds / kinds.mean() - 1).abs().max() < 0.15
    counts = data.factors["objects"].bincount(minlength=4)[1:].float() / 3000
    assert (counts - 1 / 3).abs().max() < 0.05


def test_no_shape_reaches_beyond_the_window_that_is_drawn() -> None:
    axis = torch.linspace(-1.5, 1.5, 601)
    for name, (distance, _) in SHAPES.items():
        inside = distance(axis[None].expand(601, 601), axis[:, None].expand(601, 601)) < 0
        reach = float(torch.hypot(axis[None], axis[:, None])[inside].max())
        assert reach <= REACH.get(name, REACH_OF_OTHERS), name


def test_light_texture_and_background_move_no_box() -> None:
    easy = make_scenes(80, seed=31)
    for dial in ({"background": "textured"}, {"background": "coloured"}, {"texture": "mixed"}, {"light": "varied"}):
        other = make_scenes(80, seed=31, **dial)
        assert torch.equal(easy.boxes, other.boxes)
        assert torch.equal(easy.masks, other.masks)
        assert not torch.equal(easy.x, other.x)
    mixed = make_scenes(80, seed=31, texture="mixed")
    assert set(mixed.objects["texture"][mixed.there].tolist()) == {*range(len(TEXTURES))}
    varied = make_scenes(80, seed=31, light="varied")
    light = varied.factors["light"][:, None, None, None]
    assert ((easy.x * light).clamp(0, 255) - varied.x).abs().max() < 1.5


def test_relations_are_true(plain: Scenes) -> None:
    told = {"left of": 0, "above": 0, "in front of": 0}
    for i in range(80):
        there = range(int(plain.there[i].sum()))
        middle = torch.stack([(plain.masks[i] == k + 1).nonzero().float().mean(0) for k in there])  # row, column
        found = relations(plain, i)
        for j, word, k in found:
            told[word] += 1
            if word == "in front of":
                assert plain.depth[i, j] < plain.depth[i, k]
            else:
                axis = 1 if word == "left of" else 0
                assert middle[j, axis] < middle[k, axis]
            assert (k, word, j) not in found
        cover = covers(plain, i) >= 0.5
        for j in there:  # what hides a part of another is in front of it
            for k in there:
                hidden = cover[k] & (plain.masks[i] == j + 1)
                if j != k and hidden.sum() > 12:
                    assert (j, "in front of", k) in found or not overlap(plain.boxes[i, j], plain.boxes[i, k])
    assert min(told.values()) > 40
    with pytest.raises(IndexError, match="out of range"):
        relations(plain, 300)
    assert {word for _, word, _ in relations(replace(plain, depth=None), 0)} <= {"left of", "above"}


def overlap(a: Tensor, b: Tensor) -> bool:
    return bool((a[:2] < b[2:]).all() and (b[:2] < a[2:]).all())


# ── one who knows the world finds nearly everything, and raw pixels tell little


def test_a_solver_that_knows_the_world_finds_the_objects() -> None:
    """Pixels of one exact colour are one object's inside; its outline, moved and scaled to one form, tells the kind."""
    data = make_scenes(150, "val", 31)
    places = torch.linspace(-2.2, 2.2, 33)
    u, v = places[None].expand(33, 33), places[:, None].expand(33, 33)
    templates, names = [], []
    for kind, (distance, turns) in enumerate(SHAPES.values()):
        for angle in torch.arange(0, 1, 1 / 36) * 2 * math.pi / max(1, turns):
            c, s = angle.cos(), angle.sin()
            templates.append(normal((distance(1.5 * (c * u + s * v), 1.5 * (c * v - s * u)) < 0).float(), places))
            names.append(kind)
    known = F.normalize(torch.stack(templates).flatten(1), dim=1)
    found = []
    for picture in data.x:
        colours, counts = picture.flatten(1).T.unique(dim=0, return_counts=True)
        order = counts.argsort(descending=True)
        boxes, outlines = [], []
        for colour in colours[order[1:]][counts[order[1:]] >= 12]:  # the most frequent is the background
            inside = (picture == colour[:, None, None]).all(0)
            x1, y1, x2, y2 = box_of(inside)
            boxes.append([max(0, x1 - 0.5), max(0, y1 - 0.5), min(64, x2 + 0.5), min(64, y2 + 0.5)])
            outlines.append(normal(inside.float(), torch.arange(64.0)))
        likeness = F.normalize(torch.stack(outlines).flatten(1), dim=1) @ known.T
        score, best = likeness.max(1)
        found.append(Found(torch.tensor(boxes), torch.tensor(names)[best], score))
    measured = average_precision(found, data)
    assert measured["mAP50"] > 0.8
    assert measured["mAP"] > 0.6


def normal(picture: Tensor, places: Tensor) -> Tensor:
    """(H, W) → (20, 20): moved so that its middle is in the middle, and scaled to one spread."""
    weight = picture / picture.sum()
    x, y = (weight.sum(0) * places).sum(), (weight.sum(1) * places).sum()
    spread = ((weight.sum(0) * (places - x).square()).sum() + (weight.sum(1) * (places - y).square()).sum()).sqrt()
    axis = torch.linspace(-2, 2, 20) * spread
    low, width = places[0], places[-1] - places[0]
    at = torch.stack(torch.meshgrid(x + axis, y + axis, indexing="xy"), -1)
    return F.grid_sample(picture[None, None], ((at - low) / width * 2 - 1)[None], align_corners=True)[0, 0]


def test_load_hands_the_dials_on() -> None:
    data = load("scenes", split="val", n=20, seed=4, size=48, objects=2, **HARD)
    assert isinstance(data, Scenes)
    assert torch.equal(data.x, make_scenes(20, "val", 4, size=48, objects=2, **HARD).x)
    assert data.classes == KINDS
    assert data.name == "scenes"
    assert (data.kind, data.plain_view()(data, torch.Generator())[0].shape) == ("pictures", (20, 3, 48, 48))


def test_a_scene_is_measured_as_any_picture_is(plain: Scenes) -> None:
    """The label is the kind of what most is seen of, so the default task works; causes are those of the picture."""
    table = evaluate(nets.conv(4), plain[:200], plain[200:], control_steps=2)
    assert list(table.rows) == ["raw pixels", "random encoder", "this encoder", "supervised"]
    assert set(plain.causes) == {"objects", "background"}
    assert set(make_scenes(20, light="varied", background="coloured").causes) == {"objects", "background", "light"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"split": "tset"}, "split is 'tset'; the world of scenes has 'train', 'val', 'test'"),
        ({"background": "noisy"}, "background is 'noisy'"),
        ({"texture": "wool"}, "texture is 'wool'"),
        ({"light": "dim"}, "light is 'dim'"),
        ({"n": 0}, "n is 0, size is 64 and objects is 4; expected n ≥ 1"),
        ({"size": 31}, "size is 31 and objects is 4; expected n ≥ 1 pictures of size ≥ 32"),
        ({"objects": 9}, "objects is 9; expected .* with 1 to 8"),
    ],
)
def test_an_unknown_dial_is_reported(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_scenes(**{"n": 10, **settings})


# ── the container


def scene(**columns: Any) -> Scenes:
    """Two pictures of 8×6 pixels; the first has two objects, the second has none."""
    made = {
        "x": torch.zeros(2, 3, 6, 8, dtype=torch.uint8),
        "classes": ("cup", "jug"),
        "boxes": torch.tensor([[[0.0, 0, 4, 6], [2, 1, 8, 5]], [[0, 0, 0, 0], [0, 0, 0, 0]]]),
        "kinds": torch.tensor([[1, 0], [-1, -1]]),
        "masks": torch.zeros(2, 6, 8, dtype=torch.uint8),
    }
    return Scenes(**{**made, **columns})


def test_a_picture_without_an_object_is_a_picture() -> None:
    data = scene()
    assert data.there.tolist() == [[True, True], [False, False]]
    assert len(data[1]) == 1
    assert relations(data, 1) == []
    assert relations(data, 0) == []  # their middles lie in each other, and nobody knows the depth


def test_rows_keep_their_columns_and_nothing_is_checked_again(plain: Scenes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scenes, "__post_init__", lambda self: pytest.fail("checked again"))
    some = plain[torch.tensor([5, 0])].to("cpu")
    for name in ("boxes", "kinds", "masks", "depth"):
        assert torch.equal(getattr(some, name), getattr(plain, name)[[5, 0]])
    assert torch.equal(some.objects["colour"], plain.objects["colour"][[5, 0]])


def test_the_semantic_mask_names_the_kind_of_each_pixel(plain: Scenes) -> None:
    data = plain[:20]
    for i in range(20):
        for y in range(0, 64, 7):
            for x in range(0, 64, 7):
                k = int(data.masks[i, y, x])
                assert int(data.semantic[i, y, x]) == (0 if k == 0 else int(data.kinds[i, k - 1]) + 1)
    with pytest.raises(ValueError, match=r"this data set has no masks \(masks is None\); expected"):
        scene(masks=None).semantic  # noqa: B018


@pytest.mark.parametrize(
    ("columns", "kind", "said"),
    [
        ({"boxes": torch.zeros(2, 2, 4, dtype=torch.int64)}, TypeError, "boxes is torch.int64; expected .*float32"),
        ({"boxes": torch.zeros(2, 3, 4)}, ValueError, r"boxes has shape \(2, 3, 4\); expected \(2, 2, 4\)"),
        ({"boxes": [[1, 2, 3, 4]]}, TypeError, "boxes is list; expected"),
        ({"kinds": torch.zeros(2, 2)}, TypeError, "kinds is torch.float32; expected a tensor of torch.int64"),
        ({"kinds": torch.zeros(2, dtype=torch.int64)}, ValueError, r"kinds has shape \(2,\); expected \(2, K\)"),
        ({"kinds": torch.tensor([[1, 2], [-1, -1]])}, ValueError, "kinds run from -1 to 2; expected -1.* or 0 to 1"),
        ({"kinds": torch.tensor([[1, -2], [-1, -1]])}, ValueError, "kinds run from -2 to 1"),
        ({"masks": torch.zeros(2, 6, 8)}, TypeError, "masks is torch.float32; expected a tensor of torch.uint8"),
        ({"masks": torch.zeros(2, 8, 6, dtype=torch.uint8)}, ValueError, r"\(2, 8, 6\); expected \(2, 6, 8\)"),
        ({"masks": torch.full((2, 6, 8), 3, dtype=torch.uint8)}, ValueError, "masks run to 3; expected 0 to 2"),
        ({"masks": torch.ones(2, 6, 8, dtype=torch.uint8)}, ValueError, r"masks\[1\] shows object 0, whose kind is -1"),
        ({"depth": torch.zeros(2, 3, dtype=torch.int64)}, ValueError, "depth has shape"),
        ({"objects": {"hue": torch.zeros(2)}}, ValueError, r"objects\['hue'\] has shape \(2,\); expected \(2, 2\)"),
    ],
)
def test_columns_that_do_not_fit_are_reported(columns: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        scene(**columns)


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ([0, 0, 9, 6], r"boxes\[0, 1\] is \[0.0, 0.0, 9.0, 6.0\], which lies outside its picture; .*x from 0 to 8"),
        ([-1, 0, 4, 6], "lies outside its picture"),
        ([0, 0, 4, 6.5], "lies outside its picture; .* y from 0 to 6"),
        ([2, 2, 2, 5], "has no area in its picture; .*x1 < x2 and y1 < y2, or kind -1 for padding"),
        ([4, 2, 2, 5], "has no area"),
        ([math.nan, 2, 4, 5], "lies outside"),
    ],
)
def test_boxes_that_cannot_be_are_reported(box: list[float], said: str) -> None:
    boxes = scene().boxes.clone()
    boxes[0, 1] = torch.tensor(box)
    with pytest.raises(ValueError, match=said):
        scene(boxes=boxes)
    boxes[1, 1] = torch.tensor(box)
    assert len(scene(boxes=boxes, kinds=torch.tensor([[1, -1], [-1, -1]]))) == 2  # padding may hold anything


# ── COCO128


def archive(folder: Path, change: Any = None) -> Path:
    """A tiny archive like the set's own: for each split a wide photograph and a tall one."""
    files: dict[str, bytes] = {"object_detection/config.yaml": b"path: .\n\nnames:\n  0: person\n  1: dining table\n"}
    for inside in ("train2017", "val2017"):
        for name, (width, height) in {"000000000009": (60, 40), "000000000025": (40, 80)}.items():
            picture = np.zeros((height, width, 3), np.uint8)
            picture[:, width // 2 :, 0] = 255  # the right half is red
            stream = io.BytesIO()
            Image.fromarray(picture).save(stream, "WEBP", lossless=True)
            files[f"images/{inside}/{name}.webp"] = stream.getvalue()
    # the wide one: 20 to 40 of its 40 rows, columns 30 to 60, of which 10 fall away; and one wholly at the left rim
    files["object_detection/labels/train2017/000000000009.txt"] = b"1 0.75 0.75 0.5 0.5\n0 0.05 0.5 0.1 0.5\n"
    files.update(change or {})
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "coco128_416.zip", "w") as made:
        for name, data in files.items():
            if data is not None:
                made.writestr(name, data)
    return folder


def test_coco_is_read_cut_square_and_scaled(tmp_path: Path) -> None:
    data = coco128(archive(tmp_path), "train", None, 0, size=20)
    assert (data.shape, data.classes, data.y, data.masks) == ((3, 20, 20), ("person", "dining table"), None, None)
    assert data.kinds.tolist() == [[1], [-1]]  # what lies at the rim of the wide one is cut off; the tall one has none
    # 40 × 40 of 60 × 40 are kept, from column 10 on, and halved
    assert torch.allclose(data.boxes[0, 0], torch.tensor([10.0, 10.0, 20.0, 20.0]))
    red = data.x[0, 0, 12:, :]
    assert red[:, 11:].min() > 200  # its left border is the border of the red half
    assert red[:, :9].max() < 50
    assert len(coco128(archive(tmp_path), "test", None, 0)) == 2
    assert torch.equal(coco128(tmp_path, "train", 1, 3).x[0], coco128(tmp_path, "train", 2, 3).x[0])


def test_boxes_move_with_the_square() -> None:
    boxes = torch.tensor([[0.0, 0, 100, 100], [40, 10, 60, 30], [0, 0, 30, 20], [48, 10, 52, 12], [90, 0, 100, 50]])
    moved, kept = squared(boxes, 100, 50, 25)  # columns 25 to 75, halved
    assert kept.tolist() == [True, True, False, False, False]  # 5 of 30 columns left; one row high; outside
    assert moved[0].tolist() == [0, 0, 25, 25]
    assert moved[1].tolist() == [7.5, 5, 17.5, 15]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"object_detection/config.yaml": None}, "is not the archive of coco128"),
        ({"object_detection/config.yaml": b"names:\n  1: person\n"}, "does not number the kinds from 0"),
        ({"object_detection/labels/train2017/000000000009.txt": b"2 .5 .5 .1 .1"}, "no kind, 0 to 1"),
        ({"object_detection/labels/train2017/000000000009.txt": b"1 .5 .5"}, "with four numbers"),
        ({"object_detection/labels/train2017/000000000009.txt": b"1 a b c d"}, "could not convert"),
        ({"images/train2017/000000000009.webp": b"no picture"}, "is not the archive of coco128, or is damaged"),
    ],
)
def test_a_damaged_archive_is_reported(tmp_path: Path, change: dict[str, bytes | None], said: str) -> None:
    with pytest.raises(DataError, match=said):
        coco128(archive(tmp_path, change), "train", None, 0)
    (tmp_path / "coco128_416.zip").write_bytes(b"not a zip")
    with pytest.raises(DataError, match="sslwb data verify coco128"):
        coco128(tmp_path, "train", None, 0)
    with pytest.raises(ValueError, match="size is 8; expected 16 pixels or more"):
        coco128(tmp_path, "train", None, 0, size=8)
    with pytest.raises(ValueError, match="n is 0"):
        coco128(archive(tmp_path), "train", 0, 0)


def test_load_finds_it_and_says_how_to_bring_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = archive(tmp_path / "coco128") / "coco128_416.zip"
    known = File(file.name, file.stat().st_size, store._digest(file, "sha256:"))
    monkeypatch.setitem(SOURCES, "coco128", replace(SOURCES["coco128"], files=(known,)))
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SSLWB_DATA", raising=False)
    assert load("coco128", path=tmp_path, size=16).shape == (3, 16, 16)
    with pytest.raises(DataError, match=r"(?s)coco128 is not on this machine.*bring coco128_416.zip by hand") as caught:
        load("coco128")
    assert "sslwb data get" not in str(caught.value)
    assert "lightly-ai/coco128_yolo" in str(caught.value)


@pytest.mark.parametrize("split", ["train", "test"])
def test_real_coco(split: str) -> None:
    if store.find("coco128") is None:
        pytest.skip("coco128 is not on this machine: set SSLWB_DATA")
    data = load("coco128", split)
    assert (len(data), data.shape, len(data.classes), data.classes[0]) == (128, (3, 128, 128), 80, "person")
    assert int(data.there.sum()) == {"train": 755, "test": 740}[split]
    assert data.kinds[data.there].bincount().argmax() == 0


def test_a_tile_is_a_square_of_its_picture_and_of_more_tries_it_has_more_contrast() -> None:
    data = load("scenes", n=12)
    one, many = tiles(data, 24, 1, seed=3), tiles(data, 24, 20, seed=3)
    for cut in (one, many):
        assert cut.x.shape == (12, 3, 24, 24)
        assert cut.y is None
        for i in range(12):
            windows = data.x[i].unfold(1, 24, 1).unfold(2, 24, 1).movedim(0, 2)  # (41, 41, 3, 24, 24)
            assert (windows == cut.x[i]).flatten(2).all(2).any()
    spread = [cut.x.float().std((1, 2, 3)) for cut in (one, many)]
    assert (spread[1] >= spread[0] - 1e-4).all()
    assert spread[1].mean() > spread[0].mean() + 5
    assert torch.equal(tiles(data, 24, 20, seed=3).x, many.x)
    assert not torch.equal(tiles(data, 24, 20, seed=4).x, many.x)
    assert torch.equal(tiles(data, 64).x, data.x)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda d: tiles(d, 65), "side is 65; expected 1 to 64"),
        (lambda d: tiles(d, 0), "side is 0"),
        (lambda d: tiles(d, tries=0), "tries is 0 of 3 pictures"),
        (lambda d: tiles(d[:0]), "tries is 2 of 0 pictures"),
    ],
)
def test_what_cannot_be_cut_is_reported(make: Callable[[Scenes], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make(load("scenes", n=3))
