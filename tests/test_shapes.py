"""The world of shapes: streams, counts, and that every factor is the truth about its picture."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.data import Images, load
from sslwb.data.worlds.shapes import BACKGROUNDS, COLOURS, HUES, SHAPES, TEXTURES, make_shapes

HARD: dict[str, Any] = {"background": "textured", "texture": "mixed", "light": "varied"}
TURNS = torch.tensor([turns for _, turns in SHAPES.values()])


@pytest.fixture(scope="module")
def plain() -> Images:
    return make_shapes(600, seed=21, size=64)


def hue_of(rgb: Tensor) -> Tensor:
    """(N, 3) → (N,) hue, 0 to 1."""
    top, low = rgb.amax(1), rgb.amin(1)
    r, g, b = rgb.unbind(1)
    span = (top - low).clamp_min(1e-6)
    h = torch.where(top == r, (g - b) / span % 6, torch.where(top == g, (b - r) / span + 2, (r - g) / span + 4))
    return h / 6


def apart(a: Tensor, b: Tensor) -> Tensor:
    """Distance on a circle of circumference 1."""
    return ((a - b + 0.5) % 1 - 0.5).abs()


def cover(data: Images) -> Tensor:
    """(N, H, W): how far each pixel is from the background's grey, as a share of the farthest: 0 paper, 1 ink."""
    away = (data.x.float() / 255 - data.factors["background"][:, None, None, None]).norm(dim=1)
    away = torch.where(away > 0.006, away, 0)  # rounding of the grey to 8 bits
    return away / away.amax((1, 2), keepdim=True)


# ── streams


@pytest.mark.parametrize("dials", [{}, HARD], ids=["easy", "hard"])
def test_a_longer_set_begins_with_the_shorter(dials: dict[str, Any]) -> None:
    longest = make_shapes(700, seed=21, size=16, **dials)
    for n in (1, 2, 33, 300):
        shorter = make_shapes(n, seed=21, size=16, **dials)
        assert torch.equal(shorter.x, longest.x[:n])
        assert torch.equal(shorter.labels, longest.labels[:n])
        for name, values in shorter.factors.items():
            assert torch.equal(values.nan_to_num(-1), longest.factors[name][:n].nan_to_num(-1))


def test_splits_and_seeds_share_no_picture() -> None:
    seen: set[bytes] = set()
    for split in ("train", "val", "test"):
        for seed in range(3):
            pictures = {p.tobytes() for p in make_shapes(150, split, seed, size=16).x.numpy()}
            assert len(pictures) == 150
            assert not pictures & seen
            seen |= pictures


def test_the_same_call_gives_the_same_pictures_and_moves_no_generator() -> None:
    before = torch.get_rng_state()
    one = make_shapes(40, seed=21, size=16, **HARD)
    torch.manual_seed(99)
    two = make_shapes(40, seed=21, size=16, **HARD)
    assert torch.equal(one.x, two.x)
    torch.set_rng_state(before)
    make_shapes(40)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_value_of_a_category_is_as_likely_as_the_others() -> None:
    data = make_shapes(4000, seed=21, size=8, texture="mixed")
    for name, levels in data.levels.items():
        counts = torch.bincount(data.factors[name], minlength=len(levels))
        expected = 4000 / len(levels)
        assert ((counts - expected).abs() < 4 * math.sqrt(expected)).all(), (name, counts)
    pairs = torch.bincount(data.labels * 8 + data.factors["colour"], minlength=64)  # independent of one another
    assert ((pairs - 62.5).abs() < 5 * math.sqrt(62.5)).all()


def test_the_label_is_the_shape() -> None:
    data = make_shapes(50, seed=21)
    assert torch.equal(data.labels, data.factors["shape"])
    assert data.classes == data.levels["shape"] == tuple(SHAPES)
    assert data.shape == (3, 32, 32)
    assert data.name == "shapes"


# ── factors are true


def test_undoing_place_size_and_angle_shows_the_bare_shape(plain: Images) -> None:
    """Read each picture in its object's own frame, as its factors tell: there lies the shape's signed distance."""
    f = plain.factors
    axis = torch.linspace(-1.1, 1.1, 45)
    u, v = axis[None, :].expand(45, 45), axis[:, None].expand(45, 45)
    turn = torch.where(f["angle"].isnan(), 0.0, f["angle"] / TURNS[plain.labels].clamp_min(1))
    c, s = (w(2 * math.pi * turn)[:, None, None] for w in (torch.cos, torch.sin))
    size = f["size"][:, None, None]
    places = torch.stack(
        (f["x"][:, None, None] + size * (c * u - s * v), f["y"][:, None, None] + size * (s * u + c * v)), -1
    )
    seen = F.grid_sample(cover(plain)[:, None], places, "bilinear", "border", align_corners=False)[:, 0]
    on_paper = (places.abs() < 1).all(-1)
    distance = torch.stack([d(u, v) for d, _ in SHAPES.values()])[plain.labels]
    inside, outside = (distance < -0.1) & on_paper, (distance > 0.1) & on_paper
    assert inside.sum((1, 2)).min() > 100
    assert seen[inside].min() > 0.9
    assert seen[outside].max() < 0.1


def test_the_mean_place_of_the_ink_is_the_place(plain: Images) -> None:
    ink = cover(plain)
    axis = (torch.arange(64) + 0.5) / 32 - 1
    whole = (ink[:, [0, -1]].amax((1, 2)) < 0.05) & (ink[:, :, [0, -1]].amax((1, 2)) < 0.05)
    centred = torch.tensor([name not in ("moon", "heart") for name in SHAPES])[plain.labels]
    chosen = whole & centred
    assert chosen.sum() > 200
    weight = ink[chosen] / ink[chosen].sum((1, 2), keepdim=True)
    assert ((weight * axis).sum((1, 2)) - plain.factors["x"][chosen]).abs().max() < 0.004
    assert ((weight * axis[:, None]).sum((1, 2)) - plain.factors["y"][chosen]).abs().max() < 0.004


def test_the_area_of_the_ink_grows_with_the_square_of_the_size(plain: Images) -> None:
    ink = cover(plain)
    whole = (ink[:, [0, -1]].amax((1, 2)) < 0.05) & (ink[:, :, [0, -1]].amax((1, 2)) < 0.05)
    for k in range(len(SHAPES)):
        chosen = whole & (plain.labels == k)
        share = ink[chosen].sum((1, 2)) / plain.factors["size"][chosen] ** 2
        assert share.max() / share.min() < 1.02, plain.classes[k]


def test_the_ink_has_the_colour(plain: Images) -> None:
    ink = cover(plain)
    place = ink.flatten(1).argmax(1)
    rgb = plain.x.flatten(2).gather(2, place[:, None, None].expand(-1, 3, 1))[:, :, 0].float() / 255
    to_each = apart(hue_of(rgb)[:, None], HUES[None])
    assert torch.equal(to_each.argmin(1), plain.factors["colour"])
    assert to_each.amin(1).max() < 0.025
    assert plain.levels["colour"] == COLOURS


def test_the_paper_has_the_grey(plain: Images) -> None:
    grey = (plain.factors["background"] * 255).round().to(torch.uint8)[:, None, None, None]
    same = (plain.x == grey).all(1).float().mean((1, 2))
    assert same.min() > 0.2


@pytest.mark.parametrize("background", ["coloured", "textured"])
def test_the_paper_has_the_hue(background: str) -> None:
    data = make_shapes(300, seed=21, background=background)
    hue = hue_of((data.x.float() / 255).permute(0, 2, 3, 1).reshape(-1, 3)).view(300, -1)
    near = (apart(hue, data.factors["background"][:, None]) < 0.02).float().mean(1)
    assert near.min() > (0.2 if background == "coloured" else 0.0)
    assert near.mean() > (0.5 if background == "coloured" else 0.15)
    assert "background" in data.periodic


def test_light_scales_the_whole_picture() -> None:
    even, varied = make_shapes(300, seed=21), make_shapes(300, seed=21, light="varied")
    light = varied.factors["light"]
    assert light.min() < 0.45
    assert light.max() > 1.55
    expected = (even.x * light[:, None, None, None]).clamp(0, 255)
    assert (varied.x - expected).abs().max() < 1.5  # both are rounded
    assert (even.factors["light"] == 1).all()


def test_textures_are_on_the_object_and_nowhere_else() -> None:
    even, mixed = make_shapes(300, seed=21, size=48), make_shapes(300, seed=21, size=48, texture="mixed")
    outside = cover(even) == 0
    assert (even.x.int() - mixed.x.int()).abs().amax(1)[outside].max() <= 3  # the softest rim
    inside = cover(even) > 0.99
    for k, name in enumerate(TEXTURES):
        chosen = mixed.factors["texture"] == k
        assert chosen.any()
        shades = [p.movedim(0, 2)[i].float().std(0).max() for p, i in zip(mixed.x[chosen], inside[chosen], strict=True)]
        assert (max(shades) < 1.5) if name == "plain" else (min(shades) > 3), name
    assert (even.factors["texture"] == 0).all()


@pytest.mark.parametrize("dial", [{"background": b} for b in BACKGROUNDS] + [{"texture": "mixed"}, {"light": "varied"}])
def test_a_dial_moves_its_own_cause_alone(dial: dict[str, str]) -> None:
    easy, turned = make_shapes(100, seed=21), make_shapes(100, seed=21, **dial)
    for name in easy.factors.keys() - dial.keys():
        assert torch.equal(easy.factors[name].nan_to_num(-1), turned.factors[name].nan_to_num(-1)), name


def test_angles_are_turns_within_the_shapes_period(plain: Images) -> None:
    angle = plain.factors["angle"]
    assert torch.equal(angle.isnan(), TURNS[plain.labels] == 0)
    there = angle[~angle.isnan()]
    assert (there >= 0).all()
    assert (there < 1).all()
    assert plain.periodic == {"angle"}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_its_period_and_no_shorter_one(name: str) -> None:
    distance, turns = SHAPES[name]
    u, v = torch.rand(2, 3000, generator=torch.Generator().manual_seed(1)) * 2 - 1

    def moved(share: float) -> float:
        c, s = math.cos(2 * math.pi * share), math.sin(2 * math.pi * share)
        turned, still = distance(c * u - s * v, s * u + c * v), distance(u, v)
        return float(((turned < 0) != (still < 0)).float().mean())

    if turns == 0:
        assert all(moved(share) == 0 for share in (0.1, 0.23, 0.5))
    else:
        assert moved(1 / turns) < 2e-3
        assert all(moved(1 / (turns * k)) > 0.03 for k in (2, 3, 5))


def test_a_shape_is_unlike_every_turn_of_the_others() -> None:
    """What rotation can confuse no encoder could learn: compare areas of overlap over all turns."""
    axis = torch.linspace(-1.05, 1.05, 61)
    u, v = axis[None].expand(61, 61), axis[:, None].expand(61, 61)
    shares = torch.arange(0, 1, 1 / 60) * 2 * math.pi
    for a, (d, _) in SHAPES.items():
        for b, (e, _) in SHAPES.items():
            if a < b:
                still = d(u, v) < 0
                turned = torch.stack([e(u * t.cos() - v * t.sin(), u * t.sin() + v * t.cos()) < 0 for t in shares])
                overlap = (still & turned).sum((1, 2)) / (still | turned).sum((1, 2))
                assert overlap.max() < 0.9, (a, b)


# ── one cause drawn anew


def redrawn(cause: str | tuple[str, ...], n: int = 600, **dials: Any) -> Images:
    return make_shapes(n, seed=21, size=32, redraw=cause, **dials)


@pytest.mark.parametrize("dials", [{}, HARD], ids=["easy", "hard"])
def test_what_is_drawn_anew_is_that_cause_alone(dials: dict[str, Any]) -> None:
    before = make_shapes(600, seed=21, **dials)
    assert torch.equal(redrawn((), **dials).x, before.x)
    for cause in before.causes:
        after = redrawn(cause, **dials)
        for name, values in before.factors.items():
            same = (after.factors[name] == values) | (after.factors[name].isnan() & values.isnan())
            if name == cause:
                assert same.float().mean() < 0.3, name  # one shape in eight comes again, and discs have no angle
            elif (cause, name) != ("shape", "angle"):
                assert same.all(), (cause, name)
        changed = (after.x != before.x).flatten(1).any(1)
        alike = after.factors[cause] == before.factors[cause]
        assert changed[~alike & ~after.factors[cause].isnan()].float().mean() > 0.98, cause
        assert torch.equal(redrawn(cause, 100, **dials).x, after.x[:100])


def test_only_the_pixels_of_that_cause_change() -> None:
    before = make_shapes(600, seed=21)
    there = cover(before)
    for cause in ("shape", "colour", "size", "x", "y", "angle"):
        after = redrawn(cause)
        outside = (there == 0) & (cover(after) == 0)
        moved = (after.x.int() - before.x.int()).abs().amax(1)
        assert moved[outside].max() <= 3, cause  # the softest rim
        assert moved.max() > 50, cause
    inside = there > 0.995
    assert (redrawn("background").x.int() - before.x.int()).abs().movedim(1, 3)[inside].max() <= 2
    assert (cover(redrawn("colour")) - there).abs().mean() < 0.01
    round_ones = TURNS[before.labels] == 0
    assert (redrawn("angle").x.int() - before.x.int()).abs()[round_ones].max() <= 1


def test_what_is_drawn_anew_has_the_world_s_own_distribution() -> None:
    """As likely with the other causes as before: a size must still fit, and the more often be small at the rim."""
    before = make_shapes(6000, seed=21, size=8)
    for cause in ("shape", "colour", "size", "x", "angle", "background"):
        after = make_shapes(6000, seed=21, size=8, redraw=cause)
        a, b = (d.factors[cause].float() for d in (before, after))
        a, b = a[~a.isnan()].sort().values, b[~b.isnan()].sort().values
        quantiles = torch.linspace(0.05, 0.95, 10)
        spread = a.std()
        assert (torch.quantile(a, quantiles) - torch.quantile(b, quantiles)).abs().max() < 0.1 * spread + (
            cause in before.levels
        ), cause
        assert (a.mean() - b.mean()).abs() < 0.06 * spread, cause
    size, far = ((f := make_shapes(6000, seed=21, size=8, redraw="size").factors)["size"], f["x"].abs())
    assert (torch.maximum(far, f["y"].abs()) <= 0.92 - size + 1e-6).all()
    old = torch.corrcoef(torch.stack((before.factors["size"], before.factors["x"].abs())))[0, 1]
    assert torch.corrcoef(torch.stack((size, far)))[0, 1] == pytest.approx(float(old), abs=0.04)


def test_several_causes_at_once() -> None:
    both = redrawn(("x", "y")).factors
    before = make_shapes(600, seed=21).factors
    assert torch.equal(both["x"], redrawn("x").factors["x"])
    assert torch.equal(both["y"], redrawn("y").factors["y"])
    assert torch.equal(both["colour"], before["colour"])


# ── drawing


def test_edges_are_soft() -> None:
    data = make_shapes(200, seed=21)
    soft = ((cover(data) > 0.1) & (cover(data) < 0.9)).sum((1, 2))
    assert soft.min() >= 8


def test_a_small_picture_is_the_large_one_averaged() -> None:
    small, large = make_shapes(100, seed=21), make_shapes(100, seed=21, size=96)
    averaged = F.avg_pool2d(large.x.float(), 3)
    assert (averaged - small.x).abs().mean() < 1.0
    assert (averaged - small.x).abs().mean((1, 2, 3)).max() < 3.0


def test_raw_pixels_tell_the_shape_badly() -> None:
    """Else the world would teach nothing."""
    from sslwb.evaluate import knn, raw

    train, test = make_shapes(1500, "train", 21, size=16), make_shapes(400, "test", 21, size=16)
    assert knn(raw(train), train.labels, raw(test), test.labels) < 0.5


def test_load_hands_the_dials_on() -> None:
    data = load("shapes", split="val", n=20, seed=4, size=24, **HARD)
    assert torch.equal(data.x, make_shapes(20, "val", 4, size=24, **HARD).x)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"split": "tset"}, "split is 'tset'; the world of shapes has 'train', 'val', 'test'"),
        ({"background": "noisy"}, "background is 'noisy'; the world of shapes has 'plain', 'coloured', 'textured'"),
        ({"texture": "wool"}, "texture is 'wool'"),
        ({"light": "dim"}, "light is 'dim'"),
        ({"n": 0}, "n is 0 and size is 32; expected n ≥ 1"),
        ({"size": 7}, "size is 7; expected n ≥ 1 pictures of size ≥ 8"),
        (
            {"redraw": "weight"},
            "redraw names 'weight'; what varies with these dials is shape, colour, size, x, y, angle, ",
        ),
        ({"redraw": ("x", "light")}, "redraw names 'light'"),
    ],
)
def test_an_unknown_dial_is_reported(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_shapes(**{"n": 10, **settings})
