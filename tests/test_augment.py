"""Views: each operation sample by sample against torchvision's functional form with the same parameters."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision.transforms.v2.functional as TF
from torch import Tensor
from torchvision.transforms import InterpolationMode

from sslwb.augment import images
from sslwb.augment.images import Augment, RandomViews, affine_places, gaussian_blur, recolour

B = 6
ONE_OF_EACH: list[dict[str, Any]] = [
    {"crop": (0.2, 0.9)},
    {"flip": 0.5},
    {"rotate": 45.0},
    {"brightness": 0.5},
    {"contrast": 0.5},
    {"saturation": 0.8},
    {"hue": 0.4},
    {"gray": 0.5},
    {"blur": 0.7, "sigma": (0.5, 2.0)},
    {"solarise": 0.5},
    {"noise": 0.2},
    {"cutout": 0.2},
]
RECIPES: list[tuple[Callable[..., RandomViews], dict[str, Any], list[int]]] = [
    (images.simclr, {}, [32, 32]),
    (images.simclr, {"size": 24, "views": 4}, [24] * 4),
    (images.moco, {"size": 16}, [16, 16]),
    (images.byol, {}, [32, 32]),
    (images.multicrop, {"size": 20, "small": 12, "count": 3}, [20, 20, 12, 12, 12]),
    (images.weak, {}, [32]),
    (images.weak, {"size": 8, "views": 2}, [8, 8]),
]


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = B, size: int = 20, channels: int = 3, seed: int = 11) -> Tensor:
    """uint8, smooth enough that bilinear readings at nearly the same place are nearly the same."""
    rough = torch.rand(n, channels, 6, 6, generator=seeded(seed))
    smooth = torch.nn.functional.interpolate(rough, (size, size), mode="bicubic").clamp(0, 1)
    return (smooth * 255).round().to(torch.uint8)


def dull(x: Tensor) -> Tensor:
    """Floats from 0.3 to 0.6, so that no colour operation below leaves [0, 1] on the way."""
    return 0.3 + 0.3 * x.float() / 255


def view(x: Tensor, w: float, h: float, cx: float, cy: float, mirror: float, degrees: float, size: int) -> Tensor:
    """The resampling of `Augment` with these parameters, the same for each sample."""
    numbers = [torch.full((len(x),), v) for v in (w, h, cx, cy, mirror, math.radians(degrees))]
    places = affine_places(*numbers, size)
    return torch.nn.functional.grid_sample(x, places, "bilinear", "reflection", align_corners=False)


# ── places


def test_nothing_is_done_by_default() -> None:
    x = pictures()
    assert torch.allclose(Augment(20)(x, seeded()), x / 255, atol=1e-5)


def test_a_crop_of_whole_pixels_copies_them() -> None:
    x = pictures().float() / 255
    for left, top in ((0, 0), (3, 5), (12, 12)):
        cx, cy = (2 * left + 8) / 20 - 1, (2 * top + 8) / 20 - 1
        assert torch.allclose(view(x, 0.4, 0.4, cx, cy, 1, 0, 8), TF.crop(x, top, left, 8, 8), atol=1e-5)


@pytest.mark.parametrize(("top", "left", "height", "width"), [(0, 0, 20, 20), (2, 5, 10, 8), (7, 0, 6, 13)])
def test_crop_and_resize_are_torchvisions(top: int, left: int, height: int, width: int) -> None:
    x, size = pictures().float() / 255, 26
    expected = TF.resized_crop(x, top, left, height, width, [size, size], antialias=False)
    w, h = width / 20, height / 20
    got = view(x, w, h, 2 * left / 20 - 1 + w, 2 * top / 20 - 1 + h, 1, 0, size)
    # torchvision repeats the crop's edge over the outermost half pixel; ours reads on into the picture.
    i, j = (math.ceil(size / side) for side in (height, width))
    whole = (height, width) == (20, 20)
    inner = (..., slice(None), slice(None)) if whole else (..., slice(i, -i), slice(j, -j))
    assert torch.allclose(got[inner], expected[inner], atol=1e-5)


def test_flip_is_torchvisions() -> None:
    x = pictures().float() / 255
    assert torch.allclose(view(x, 1, 1, 0, 0, -1, 0, 20), TF.hflip(x), atol=1e-6)


@pytest.mark.parametrize("degrees", [-130.0, -45.0, 10.0, 90.0])
def test_rotation_is_torchvisions_inside(degrees: float) -> None:
    x = pictures().float() / 255
    expected = TF.rotate(x, degrees, interpolation=InterpolationMode.BILINEAR)
    axis = (torch.arange(20) + 0.5) / 10 - 1
    inside = torch.hypot(axis[:, None], axis[None]) < 0.9
    assert torch.allclose(view(x, 1, 1, 0, 0, 1, degrees, 20)[..., inside], expected[..., inside], atol=1e-4)


def test_a_view_is_cropped_then_mirrored_then_turned() -> None:
    x = pictures(size=24).float() / 255
    expected = TF.rotate(TF.hflip(TF.crop(x, 4, 6, 12, 12)), 90)
    got = view(x, 0.5, 0.5, 0, (2 * 4 + 12) / 24 - 1, -1, 90, 12)
    assert torch.allclose(got, expected, atol=1e-5)


def test_corners_of_a_turned_view_are_reflections() -> None:
    white = torch.full((1, 3, 16, 16), 255, dtype=torch.uint8)
    assert (Augment(16, rotate=180)(white, seeded()) > 0.999).all()


def test_a_crop_keeps_the_share_of_the_area_that_was_asked_for() -> None:
    # A picture whose channels are its own coordinates tells where a view was read.
    axis = torch.linspace(0, 1, 64)
    x = torch.stack((axis.expand(64, 64), axis[:, None].expand(64, 64), torch.zeros(64, 64)))
    out = Augment(16, crop=(0.3, 0.5))(x.repeat(400, 1, 1, 1), seeded())
    w, h = ((out[:, k].amax((1, 2)) - out[:, k].amin((1, 2))) * 16 / 15 for k in (0, 1))
    area, ratio = w * h, w / h
    assert 0.28 < area.min() < 0.32
    assert 0.48 < area.max() < 0.52
    assert 0.7 < ratio.min() < 0.8
    assert 1.25 < ratio.max() < 1.4
    assert abs(float(ratio.log().mean())) < 0.05


# ── colours


def colour_parameters(operation: str) -> list[Tensor]:
    """(brightness, contrast, saturation, hue, gray), all neutral but one."""
    draw = torch.rand(B, generator=seeded())
    values = [torch.ones(B), torch.ones(B), torch.ones(B), torch.zeros(B), torch.zeros(B, dtype=torch.bool)]
    place = ["brightness", "contrast", "saturation", "hue", "gray"].index(operation)
    values[place] = {"hue": draw - 0.5, "gray": torch.arange(B) % 2 == 0}.get(operation, 0.5 + draw)
    return values


@pytest.mark.parametrize("operation", ["brightness", "contrast", "saturation"])
def test_a_linear_colour_operation_is_torchvisions(operation: str) -> None:
    x, values = dull(pictures()), colour_parameters(operation)
    adjust = getattr(TF, f"adjust_{operation}")
    factors = values[["brightness", "contrast", "saturation"].index(operation)]
    expected = torch.stack([adjust(picture, float(f)) for picture, f in zip(x, factors, strict=True)])
    assert torch.allclose(recolour(x, *values), expected, atol=1e-5)


def test_grayscale_is_torchvisions_and_only_where_drawn() -> None:
    x, values = dull(pictures()), colour_parameters("gray")
    expected = torch.where(values[4][:, None, None, None], TF.rgb_to_grayscale(x, 3), x)
    assert torch.allclose(recolour(x, *values), expected, atol=1e-5)


def test_colour_operations_follow_one_another_as_in_torchvision() -> None:
    x, draw = dull(pictures()), torch.rand(B, 3, generator=seeded())
    brightness, contrast, saturation = (0.8 + 0.4 * draw).unbind(1)
    gray = torch.arange(B) % 2 == 0
    expected = []
    for k, picture in enumerate(x):
        picture = TF.adjust_brightness(picture, float(brightness[k]))
        picture = TF.adjust_saturation(TF.adjust_contrast(picture, float(contrast[k])), float(saturation[k]))
        expected.append(TF.rgb_to_grayscale(picture, 3) if gray[k] else picture)
    got = recolour(x, brightness, contrast, saturation, torch.zeros(B), gray)
    assert torch.allclose(got, torch.stack(expected), atol=1e-5)


def chroma_angle(x: Tensor) -> Tensor:
    """Degrees about the grey axis."""
    r, g, b = x.unbind(1)
    return torch.rad2deg(torch.atan2(math.sqrt(3) * (g - b), 2 * r - g - b))


def apart(a: Tensor, b: Tensor) -> Tensor:
    return ((a - b + 180) % 360 - 180).abs()


def test_hue_turns_about_the_grey_axis_and_keeps_the_sum() -> None:
    x, values = dull(pictures()), colour_parameters("hue")
    got = recolour(x, *values)
    assert torch.allclose(got.sum(1), x.sum(1), atol=1e-5)
    strong = x.amax(1) - x.amin(1) > 0.05
    turned = chroma_angle(x) + 360 * values[3][:, None, None]
    assert apart(chroma_angle(got), turned)[strong].max() < 0.05


def test_hue_agrees_with_torchvisions_angle() -> None:
    x, values = dull(pictures()), colour_parameters("hue")
    expected = torch.stack([TF.adjust_hue(p, float(h)) for p, h in zip(x, values[3], strict=True)])
    strong = x.amax(1) - x.amin(1) > 0.05
    assert apart(chroma_angle(recolour(x, *values)), chroma_angle(expected))[strong].max() < 2.3


def test_colours_are_cut_to_the_range_once() -> None:
    x = pictures().float() / 255
    got = recolour(x, torch.full((B,), 3.0), *colour_parameters("brightness")[1:])
    assert torch.allclose(got, (3 * x).clamp(0, 1), atol=1e-5)


def test_one_channel_knows_brightness_and_contrast() -> None:
    x, factors = dull(pictures(channels=1)), 0.5 + torch.rand(B, generator=seeded())
    expected = torch.stack([TF.adjust_contrast(p, float(f)) for p, f in zip(x, factors, strict=True)])
    assert torch.allclose(recolour(x, torch.ones(B), factors), expected, atol=1e-5)


def test_three_channels_want_all_colour_parameters() -> None:
    with pytest.raises(ValueError, match="need saturation, hue and gray"):
        recolour(dull(pictures()), torch.ones(B), torch.ones(B))


# ── the rest


@pytest.mark.parametrize("sigma", [0.4, 1.0, 1.7])
def test_blur_is_torchvisions_with_the_same_kernel(sigma: float) -> None:
    x, reach = pictures().float() / 255, min(math.ceil(3 * sigma), 6)
    expected = TF.gaussian_blur(x, [2 * reach + 1] * 2, [sigma, sigma])
    assert torch.allclose(gaussian_blur(x, torch.full((B,), sigma)), expected, atol=1e-5)


def test_each_sample_is_blurred_by_its_own_sigma() -> None:
    x, sigma = pictures().float() / 255, torch.tensor([0.2, 0.5, 0.8, 1.1, 1.4, 2.0])
    expected = torch.stack([TF.gaussian_blur(p, [13, 13], [s, s]) for p, s in zip(x, sigma.tolist(), strict=True)])
    assert torch.allclose(gaussian_blur(x, sigma), expected, atol=1e-5)


def test_blur_takes_pictures_that_are_not_square() -> None:
    x = pictures().float()[:, :, :3] / 255
    assert gaussian_blur(x, torch.full((B,), 2.0)).shape == x.shape


def test_solarise_is_torchvisions_where_drawn() -> None:
    x = pictures()
    augment = Augment(20, solarise=0.5)
    drawn = torch.rand(B, 20, generator=seeded())[:, 15] < 0.5
    assert drawn.any()
    assert not drawn.all()
    expected = torch.where(drawn[:, None, None, None], TF.solarize(x / 255, 0.5), x / 255)
    assert torch.allclose(augment(x, seeded()), expected, atol=1e-6)


def test_noise_has_its_strength_and_stays_in_range() -> None:
    grey = torch.full((300, 3, 16, 16), 0.5)
    out = Augment(16, noise=0.1)(grey, seeded())
    std = out.std((1, 2, 3))
    assert 0.09 < std.max() < 0.12
    assert std.min() < 0.01
    assert abs(float(out.mean()) - 0.5) < 1e-3
    loud = Augment(16, noise=5.0)(grey, seeded())
    assert (loud.min(), loud.max()) == (0, 1)


def test_cutout_hides_its_share() -> None:
    white = torch.ones(200, 3, 32, 32)
    hidden = (Augment(32, cutout=0.25)(white, seeded()) == 0.5).float()
    assert torch.allclose(hidden.mean((1, 2, 3)), torch.full((200,), 0.25), atol=0.04)
    assert (hidden.amax((0, 1, 2)) > 0).all()  # in any column
    assert (hidden.amax((0, 1, 3)) > 0).all()  # in any row
    assert torch.equal(hidden[:, 0], hidden[:, 2])


@pytest.mark.parametrize("operation", ["flip", "gray", "blur", "solarise"])
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_an_operation_acts_on_its_share_of_the_samples(operation: str, share: float) -> None:
    x = pictures(1, seed=12).repeat(1000, 1, 1, 1)
    out = Augment(20, sigma=(1.0, 1.0), **{operation: share})(x, seeded())
    changed = ((out - x / 255).abs().amax((1, 2, 3)) > 1e-3).float().mean()
    assert abs(float(changed) - share) < 0.05 * (0 < share < 1) + 1e-6


def test_jitter_is_the_share_of_samples_whose_colours_change() -> None:
    x = pictures(1).repeat(1000, 1, 1, 1)
    out = Augment(20, jitter=0.3, brightness=0.5, hue=0.3)(x, seeded())
    assert abs(float(((out - x / 255).abs().amax((1, 2, 3)) > 1e-3).float().mean()) - 0.3) < 0.05


# ── randomness


@pytest.mark.parametrize("settings", ONE_OF_EACH, ids=lambda s: next(iter(s)))
def test_each_sample_has_parameters_of_its_own(settings: dict[str, Any]) -> None:
    x = pictures(1).repeat(40, 1, 1, 1)
    out = Augment(20, **settings)(x, seeded()).flatten(1)
    kinds = len({tuple(row.tolist()) for row in (out * 1000).round()})
    if next(iter(settings)) in ("flip", "gray", "solarise"):  # done or not done
        assert kinds == 2
    else:
        assert kinds >= 20


@pytest.mark.parametrize("settings", ONE_OF_EACH, ids=lambda s: next(iter(s)))
@pytest.mark.parametrize("channels", [1, 3])
def test_seeds_ranges_and_dtypes(settings: dict[str, Any], channels: int) -> None:
    x, augment = pictures(32, channels=channels), Augment(20, **settings)
    before = torch.get_rng_state()
    one, same, other = augment(x, seeded(5)), augment(x, seeded(5)), augment(x, seeded(6))
    assert torch.equal(torch.get_rng_state(), before), "the global generator was touched"
    assert torch.equal(one, same)
    colour_of_grey = channels == 1 and next(iter(settings)) in ("saturation", "hue", "gray")
    assert torch.equal(one, other) == colour_of_grey
    assert torch.equal(augment(x / 255, seeded(5)), one)
    assert one.dtype == torch.float32
    assert one.shape == (32, channels, 20, 20)
    assert one.min() >= 0
    assert one.max() <= 1


def test_the_input_is_left_alone() -> None:
    for x in (pictures(), pictures().float() / 255):
        copy = x.clone()
        images.byol(20)(x, seeded())
        assert torch.equal(x, copy)


def test_a_sample_does_not_depend_on_its_neighbours() -> None:
    """Views are made for a batch at once; still, each picture's view is its own."""
    x, augment = pictures(8), images.simclr(16).kinds[0][1]
    changed = x.clone()
    changed[4:] = 255 - changed[4:]
    assert torch.equal(augment(x, seeded())[:4], augment(changed, seeded())[:4])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_same_code_runs_on_a_gpu() -> None:
    x = pictures(64).cuda()
    views = images.byol(24, cutout=0.1, noise=0.1, rotate=20)(x, torch.Generator("cuda").manual_seed(0))
    assert {v.device.type for v in views} == {"cuda"}
    assert all(v.shape == (64, 3, 24, 24) and v.isfinite().all() for v in views)
    draws = [torch.rand(6, generator=seeded()) for _ in range(3)]
    values = [1 + 0.5 * d for d in draws] + [draws[0] - 0.5, draws[1] > 0.5]
    small = pictures().float() / 255
    there = recolour(small.cuda(), *(v.cuda() for v in values)).cpu()
    assert torch.allclose(there, recolour(small, *values), atol=1e-5)


# ── recipes


@pytest.mark.parametrize(("recipe", "settings", "sizes"), RECIPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_recipe_gives_its_views(
    recipe: Callable[..., RandomViews], settings: dict[str, Any], sizes: list[int], channels: int
) -> None:
    views = recipe(**settings)(pictures(5, 28, channels), seeded())
    assert [tuple(v.shape) for v in views] == [(5, channels, s, s) for s in sizes]
    assert all(v.dtype == torch.float32 and v.min() >= 0 and v.max() <= 1 for v in views)
    assert all(not torch.equal(a, b) for i, a in enumerate(views) for b in views[:i] if a.shape == b.shape)


def test_views_of_a_picture_stand_in_its_place() -> None:
    x = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 3, 8, 8) * 60
    for v in RandomViews(((3, Augment(8, crop=(0.5, 1.0), flip=0.5)),))(x, seeded()):
        assert torch.allclose(v.mean((1, 2, 3)) * 255, torch.tensor([0.0, 60, 120, 180]), atol=0.01)


def test_without_colour_leaves_the_colours_alone() -> None:
    x = torch.rand(8, 3, 1, 1, generator=seeded()).expand(8, 3, 16, 16)
    for recipe in (images.simclr, images.moco):
        for v in recipe(16).without("colour")(x, seeded()):
            assert torch.allclose(v, x, atol=1e-5)


@pytest.mark.parametrize("name", images.OPERATIONS)
def test_without_switches_one_operation_off(name: str) -> None:
    everything = {k: v for s in ONE_OF_EACH for k, v in s.items()}
    alone = next(s for s in ONE_OF_EACH if name in s)
    x = pictures(16)
    recipe = images.weak(20, **everything)
    assert recipe.without(name) == images.weak(20, **{**everything, name: getattr(Augment, name)})
    off = images.simclr(20, **{**dict.fromkeys(images.OPERATIONS, 0.0), "crop": (1.0, 1.0), **alone}).without(name)
    assert torch.allclose(off(x, seeded())[0], x / 255, atol=1e-6)


def test_change_reaches_every_kind_of_view() -> None:
    recipe = images.multicrop(16, 8, 2).change(rotate=30.0, blur=1.0)
    assert [(n, a.size, a.rotate, a.blur) for n, a in recipe.kinds] == [(2, 16, 30.0, 1.0), (2, 8, 30.0, 1.0)]
    assert images.byol(16, solarise=0.0).kinds[1][1].solarise == 0


def test_recipes_are_the_papers() -> None:
    ((count, s),) = images.simclr().kinds
    assert (count, s.crop, s.flip, s.jitter, s.gray, s.blur) == (2, (0.2, 1.0), 0.5, 0.8, 0.2, 0.0)
    assert (s.brightness, s.contrast, s.saturation, s.hue) == (0.4, 0.4, 0.4, 0.1)
    first, second = (a for _, a in images.byol().kinds)
    assert (first.blur, first.solarise, second.blur, second.solarise) == (1.0, 0.0, 0.1, 0.2)


def test_plain_resizes_without_chance() -> None:
    x = pictures(size=32)
    assert torch.equal(images.plain(32)(x), x / 255)
    expected = TF.resize(x.float() / 255, [16, 16], antialias=True)
    assert torch.allclose(images.plain(16)(x), expected, atol=1e-6)


# ── pictures larger than their views


def fine(size: int) -> Tensor:
    """Patterns that a view of a third of the size cannot show: checks of one pixel, and noise."""
    place = torch.arange(size)
    checks = ((place[:, None] + place) % 2).float()
    return torch.stack((checks, torch.rand(size, size, generator=seeded())))[:, None].expand(-1, 3, -1, -1)


@pytest.mark.parametrize(("size", "view"), [(96, 32), (97, 32), (64, 32), (32, 16), (224, 32)])
def test_a_view_of_the_whole_picture_is_what_a_trained_encoder_is_shown(size: int, view: int) -> None:
    x = fine(size)
    plain = images.plain(view)(x)
    assert plain[0].std() < 0.01  # of checks nothing is left but grey
    assert torch.allclose(Augment(view)(x, seeded()), plain, atol=1e-5 if size % view == 0 else 0.08)
    if size >= 3 * view:
        turned = Augment(view, rotate=30, crop=(0.95, 1.0))(x, seeded())
        assert turned[0].std() < 0.05, "checks must not turn into coarser ones"


def test_a_picture_is_made_smaller_by_its_own_crop_alone() -> None:
    """Each view of a batch is what it is alone, and a crop of less than twice the view's width is read as it is."""
    x, recipe = fine(96).repeat(8, 1, 1, 1), Augment(32, crop=(0.1, 1.0))
    together = recipe(x, seeded(3))
    r = torch.rand(16, 20, generator=seeded(3))
    places, area = recipe._places(r)
    sides = area.sqrt() * 3
    assert {int(side) for side in sides} == {0, 1, 2}
    read = torch.nn.functional.grid_sample(x, places, "bilinear", "border", align_corners=False)
    near = sides < 2
    assert torch.equal(together[near], read[near])
    halves = torch.nn.functional.grid_sample(images.smaller(x, 2), places, "bilinear", "border", align_corners=False)
    assert torch.allclose(together[~near], halves[~near], atol=1e-6)
    noise = slice(1, None, 2)
    assert together[noise][~near[noise]].std() < 0.7 * read[noise][~near[noise]].std()


def test_where_nothing_may_be_read_large_pictures_give_the_same_views(monkeypatch: pytest.MonkeyPatch) -> None:
    x, recipe = fine(96).repeat(8, 1, 1, 1), images.simclr(32, rotate=20)
    expected = recipe(x, seeded(3))
    monkeypatch.setattr(images, "may_read", lambda _: False)  # as on a GPU
    for view, other in zip(recipe(x, seeded(3)), expected, strict=True):
        assert torch.allclose(view, other, atol=1e-6)


def test_pictures_that_are_not_much_larger_are_read_as_before() -> None:
    x = fine(32)
    for recipe in (Augment(32), Augment(24), Augment(17), Augment(12, crop=(0.1, 0.4))):
        places, _ = recipe._places(torch.rand(2, 20, generator=seeded(2)))
        expected = torch.nn.functional.grid_sample(x, places, "bilinear", "border", align_corners=False)
        assert torch.equal(recipe(x, seeded(2)), expected)


def test_blur_has_the_deviation_that_was_asked_for() -> None:
    x, place = torch.zeros(1, 1, 129, 129), torch.arange(129) - 64.0
    x[0, 0, 64, 64] = 1
    for sigma in (1.0, 2.0, 5.0, 10.0):
        weights = gaussian_blur(x, torch.tensor([sigma]))[0, 0].sum(0)
        assert float((weights * place**2).sum().sqrt()) == pytest.approx(sigma, rel=0.03)


# ── what is wrong is reported


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"flip": 1.5}, "flip is 1.5; expected a share from 0 to 1"),
        ({"gray": -0.1}, "gray is -0.1"),
        ({"brightness": -1}, "brightness is -1; expected a strength"),
        ({"noise": math.nan}, "noise is nan"),
        ({"hue": 0.6}, "hue is 0.6; expected a share of the colour circle from 0 to 0.5"),
        ({"rotate": 200}, "rotate is 200; expected degrees"),
        ({"size": 0}, "size is 0; expected pixels"),
        ({"crop": (0.5, 0.2)}, r"crop is \(0.5, 0.2\); expected \(low, high\)"),
        ({"crop": (0.0, 1.0)}, "crop is"),
        ({"ratio": (-1, 2)}, "ratio is"),
        ({"sigma": (0.0, 1.0)}, "sigma is"),
    ],
)
def test_a_setting_without_sense_is_reported(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Augment(**settings)
    with pytest.raises(ValueError, match=said):
        images.simclr(**settings)


@pytest.mark.parametrize(
    "make",
    [
        lambda: images.simclr(colour=1),
        lambda: images.weak(colour=1),
        lambda: images.simclr().without("colours"),
        lambda: images.simclr().without("jitter"),
        lambda: images.simclr().without("size"),
        lambda: images.simclr().change(twirl=1),
    ],
)
def test_an_unknown_operation_lists_those_there_are(make: Callable[[], RandomViews]) -> None:
    with pytest.raises(ValueError, match=r"there is no operation '.*'; expected one of .*crop.*cutout"):
        make()


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (torch.zeros(3, 8, 8, dtype=torch.uint8), ValueError, r"shape \(3, 8, 8\); expected a batch"),
        (torch.zeros(2, 4, 8, 8, dtype=torch.uint8), ValueError, "C 1 or 3"),
        (torch.zeros(2, 8, 8, 3, dtype=torch.uint8), ValueError, "C 1 or 3"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.int64), TypeError, "x is torch.int64; expected torch.uint8"),
        (torch.full((2, 3, 8, 8), 255.0), ValueError, "x runs from 255.* to 255.*; expected floats from 0 to 1"),
        (torch.full((2, 3, 8, 8), -1.0), ValueError, "expected floats from 0 to 1"),
        (torch.full((2, 3, 8, 8), math.nan), ValueError, "expected floats from 0 to 1"),
    ],
)
def test_pictures_of_another_kind_are_reported(x: Tensor, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        images.simclr(8)(x, seeded())
    with pytest.raises(error, match=said):
        images.plain(8)(x)
