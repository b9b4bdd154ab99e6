"""Views of pictures: every operation for the whole batch at once, with its own random parameters per sample.

Crop, flip, rotation and resize are one resampling (an affine map from output to input places); brightness, contrast,
saturation, hue and grayscale are one 3×3 matrix and one offset. The same code runs on CPU and GPU and draws all of
its randomness from the generator it is given.

Source: Chen et al. 2020, "A Simple Framework for Contrastive Learning" (SimCLR), appendix A. Lesson 01.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import as_tensor, check_generator, check_shapes, may_read, recorded, tensor_of, typed, usual, whole

Range = tuple[float, float]
COLOUR = ("brightness", "contrast", "saturation", "hue", "gray")
OPERATIONS = ("crop", "flip", "rotate", *COLOUR, "blur", "solarise", "noise", "cutout")
EPS = 1e-4  # a crop of the whole picture is not a little less than the whole
LUMA = (0.2989, 0.587, 0.114)  # ITU-R 601, the weights that torchvision uses


@recorded
@dataclass(frozen=True)
class Augment:
    """One random view of each picture: uint8 or float (B, C, H, W) → float32 (B, C, size, size) in [0, 1].

    Each operation has its strength; at its default it does nothing. Operations run in the order of the fields.

    Args:
        size: height and width of the view, pixels.
        crop: range of the share of the area that the crop keeps, (0.2, 1.0) for SimCLR. The crop's sides are cut to
            the picture; torchvision draws again instead.
        ratio: range of width / height of the crop, drawn evenly in its logarithm.
        flip: probability of a mirror image, left to right.
        rotate: greatest turn to either side, degrees. Corners are filled by reflection; torchvision fills with black.
        jitter: probability that brightness, contrast, saturation and hue act on a sample at all.
        brightness: b draws a factor from [max(0, 1 - b), 1 + b].
        contrast: the same, about the mean grey of the view.
        saturation: the same, about each pixel's grey.
        hue: h turns the colours by [-h, h] of a full circle, h ≤ 0.5. The turn is about the grey axis of RGB: linear,
            it keeps R + G + B where torchvision's HSV turn keeps max(R, G, B); hue angles agree to 2.3 degrees.
        gray: probability that the colours are lost.
        blur: probability of a Gaussian blur.
        sigma: range of the blur's standard deviation, pixels of the view.
        solarise: probability that values above one half are inverted.
        noise: n adds Gaussian noise with a standard deviation drawn from [0, n].
        cutout: share of the area that a grey square hides, at a random place.

    Colours are cut to [0, 1] once, after all of the linear operations; torchvision cuts after each.

    Raises:
        ValueError: a range or probability that makes no sense; pictures of another shape.
    """

    size: int = 32
    crop: Range = (1.0, 1.0)
    ratio: Range = (3 / 4, 4 / 3)
    flip: float = 0.0
    rotate: float = 0.0
    jitter: float = 1.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    gray: float = 0.0
    blur: float = 0.0
    sigma: Range = (0.1, 2.0)
    solarise: float = 0.0
    noise: float = 0.0
    cutout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("flip", "jitter", "gray", "blur", "solarise", "cutout"):
            _check(name, getattr(self, name), 0.0, 1.0, "a share from 0 to 1")
        for name in ("brightness", "contrast", "saturation", "noise"):
            _check(name, getattr(self, name), 0.0, math.inf, "a strength ≥ 0")
        _check("hue", self.hue, 0.0, 0.5, "a share of the colour circle from 0 to 0.5")
        _check("rotate", self.rotate, 0.0, 180.0, "degrees from 0 to 180")
        _check("size", self.size, 1, math.inf, "pixels, 1 or more")
        for name, low, high in (("crop", 1e-6, 1.0), ("ratio", 1e-6, math.inf), ("sigma", 1e-6, math.inf)):
            a, b = getattr(self, name)
            if not low <= a <= b <= high:
                raise ValueError(f"{name} is ({a}, {b}); expected (low, high) with {low} ≤ low ≤ high ≤ {high}")

    @usual(gradients=None, dtype=False)
    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        x = as_float(x)
        b, channels = x.shape[:2]
        check_generator(generator, x.device)
        r = torch.rand(b, 20, generator=generator, device=x.device, dtype=x.dtype)
        x = self._resampled(x, r)
        if self._linear and (self.jitter or self.gray):
            x = recolour(x, *self._colours(r)) if channels == 3 else recolour(x, *self._colours(r)[:2])
        if self.blur:
            x = self._blurred(x, r)
        if self.solarise:
            x = torch.where((r[:, 15] < self.solarise)[:, None, None, None] & (x > 0.5), 1 - x, x)
        if self.noise:
            draw = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
            x = (x + draw * (self.noise * r[:, 16])[:, None, None, None]).clamp_(0, 1)
        if self.cutout:
            x = self._cut(x, r)
        return x

    @property
    def _linear(self) -> bool:
        return any((self.brightness, self.contrast, self.saturation, self.hue, self.gray))

    def _resampled(self, x: Tensor, r: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, size, size), each pixel read where `_places` says.

        Read between four pixels, a crop of twice the view's width or more would leave out pixels in between, and fine
        patterns would turn into coarse ones. Such a picture is first made smaller, by the filter of `plain`, and by the
        whole number that leaves its crop one to two pixels for each pixel of the view.
        """
        places, area = self._places(r)
        outside = "reflection" if self.rotate else "border"  # without a turn the same values, in less time
        read = partial(F.grid_sample, mode="bilinear", padding_mode=outside, align_corners=False)
        width = math.sqrt(x.shape[2] * x.shape[3]) / self.size  # of the whole picture, in pixels of the view
        largest = int(width * math.sqrt(self.crop[1]) + EPS)
        if largest < 2:
            return read(x, places)
        views, factor = read(x, places), (width * area.sqrt() + EPS).floor()
        for by in range(2, largest + 1):
            chosen = factor == by
            rows = chosen.nonzero()[:, 0] if may_read(chosen) else None
            if rows is None:
                views = torch.where(chosen[:, None, None, None], read(smaller(x, by), places), views)
            elif len(rows):
                views = views.index_copy(0, rows, read(smaller(x[rows], by), places[rows]))
        return views

    def _places(self, r: Tensor) -> tuple[Tensor, Tensor]:
        """(B, size, size, 2): where in the input, in [-1, 1], each pixel of the view is read; (B,) the crop's area."""
        area = _between(r[:, 0], self.crop)
        log_ratio = _between(r[:, 1], (math.log(self.ratio[0]), math.log(self.ratio[1])))
        if self.crop == (1.0, 1.0):
            log_ratio = torch.zeros_like(log_ratio)
        w = (area * log_ratio.exp()).sqrt().clamp(max=1)
        h = (area / log_ratio.exp()).sqrt().clamp(max=1)
        cx, cy = (2 * r[:, 2] - 1) * (1 - w), (2 * r[:, 3] - 1) * (1 - h)
        mirror = 1 - 2 * (r[:, 4] < self.flip).to(r)
        turn = (2 * r[:, 5] - 1) * math.radians(self.rotate)
        return affine_places(w, h, cx, cy, mirror, turn, self.size), w * h

    def _colours(self, r: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Per-sample factors (brightness, contrast, saturation), hue turn in circles, and whether grey."""
        on = (r[:, 6] < self.jitter).to(r)
        factors = [
            1 + on * (_between(u, (max(0.0, 1 - s), 1 + s)) - 1)
            for u, s in zip(r[:, 7:10].unbind(1), (self.brightness, self.contrast, self.saturation), strict=True)
        ]
        return factors[0], factors[1], factors[2], on * (2 * r[:, 10] - 1) * self.hue, r[:, 11] < self.gray

    def _blurred(self, x: Tensor, r: Tensor) -> Tensor:
        chosen, sigma = r[:, 12] < self.blur, _between(r[:, 13], self.sigma)
        if not may_read(chosen):  # how many are chosen would have to be read
            return torch.where(chosen[:, None, None, None], gaussian_blur(x, sigma, self.sigma[1]), x)
        few = chosen.nonzero()[:, 0]
        return x.index_copy(0, few, gaussian_blur(x[few], sigma[few], self.sigma[1]))

    def _cut(self, x: Tensor, r: Tensor) -> Tensor:
        side = math.sqrt(self.cutout)
        place = (torch.arange(self.size, device=x.device, dtype=x.dtype) + 0.5) / self.size
        hidden = [((place - (side / 2 + u * (1 - side))[:, None]).abs() < side / 2) for u in r[:, 17:19].unbind(1)]
        return x.masked_fill((hidden[0][:, None, :] & hidden[1][:, :, None])[:, None], 0.5)


@recorded
@dataclass(frozen=True)
class RandomViews:
    """Several random views of each picture: pictures (B, C, H, W), generator → [(B, C, size, size), …].

    `kinds` says how many views each `Augment` gives. `change` and `without` make the variants that a lesson compares.
    """

    kinds: tuple[tuple[int, Augment], ...]

    def __post_init__(self) -> None:
        pairs = isinstance(self.kinds, tuple) and all(isinstance(k, tuple) and len(k) == 2 for k in self.kinds)
        if not pairs or not all(isinstance(augment, Augment) for _, augment in self.kinds):
            raise TypeError(f"kinds is {self.kinds!r:.80}; expected pairs, such as ((2, Augment(size=32)),)")
        if not self.kinds:
            raise ValueError("kinds is empty; expected at least one kind of view")
        for count, _ in self.kinds:
            whole("views", count, least=1)

    def __call__(self, batch: Any, generator: torch.Generator) -> list[Tensor]:
        x = tensor_of(batch)
        _check_pictures(x)  # a single picture would be repeated into a batch of views of one
        if not len(x):
            raise ValueError(f"the batch has shape {tuple(x.shape)}; expected at least one picture")
        views: list[Tensor] = []
        for count, augment in self.kinds:
            # All views of one kind in one pass: the batch, repeated.
            views += augment(x.repeat(count, 1, 1, 1), generator).chunk(count)
        return views

    def change(self, **settings: Any) -> RandomViews:
        """The same recipe with other settings of `Augment`, in every kind of view."""
        return RandomViews(tuple((count, replace(a, **_known(settings))) for count, a in self.kinds))

    def without(self, *operations: str) -> RandomViews:
        """The same recipe with these operations switched off: "crop", "flip", "hue", …; "colour" means all of them."""
        names = [n for o in operations for n in (COLOUR if o == "colour" else (o,))]
        return self.change(**{n: getattr(Augment, n) for n in _known(dict.fromkeys(names), OPERATIONS)})


@typed
def simclr(size: int = 32, views: int = 2, **settings: Any) -> RandomViews:
    """SimCLR's views for small pictures: crop, flip, strong colour jitter, grayscale (Chen et al. 2020, appendix B.9).

    Blur stays off, as in the paper's CIFAR-10 experiments. `settings` override any strength of `Augment`.
    """
    base = Augment(
        size, crop=(0.2, 1.0), flip=0.5, jitter=0.8, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, gray=0.2
    )
    return RandomViews(((views, replace(base, **_known(settings))),))


def moco(size: int = 32, **settings: Any) -> RandomViews:
    """MoCo v2's two views: SimCLR's with blur on half of them (Chen et al. 2020, "Improved Baselines")."""
    return simclr(size, blur=0.5, sigma=(0.1, 1.0), **settings)


def byol(size: int = 32, **settings: Any) -> RandomViews:
    """BYOL's two unlike views: one always blurred, one seldom, and sometimes solarised (Grill et al. 2020, app. B)."""
    base = replace(simclr(size).kinds[0][1], brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1, sigma=(0.1, 1.0))
    first, second = replace(base, blur=1.0), replace(base, blur=0.1, solarise=0.2)
    return RandomViews(((1, first), (1, second))).change(**settings)


@typed
def multicrop(size: int = 32, small: int = 16, count: int = 4, **settings: Any) -> RandomViews:
    """SwAV's and DINO's views: two large crops and `count` small ones (Caron et al. 2020, section 3.3)."""
    whole("count", count, least=1)
    base = simclr(size, **settings).kinds[0][1]
    large, tiny = replace(base, crop=(0.4, 1.0)), replace(base, size=small, crop=(0.1, 0.4))
    return RandomViews(((2, large), (count, tiny)))


@typed
def weak(size: int = 32, views: int = 1, **settings: Any) -> RandomViews:
    """Crop a little and flip: what a supervised classifier is trained with."""
    return RandomViews(((views, Augment(size, **_known({"crop": (0.7, 1.0), "flip": 0.5, **settings}))),))


def plain(size: int = 32) -> Callable[[Tensor], Tensor]:
    """No randomness: uint8 (B, C, H, W) → float32 (B, C, size, size). How a trained encoder is shown pictures."""

    whole("size", size, least=1)

    def resize(x: Tensor) -> Tensor:
        x = as_float(x)
        if x.shape[-2:] == (size, size):
            return x
        return F.interpolate(x, (size, size), mode="bilinear", antialias=True)

    return resize


def smaller(x: Tensor, by: int) -> Tensor:
    """Pictures (B, C, H, W) whose sides are divided by a whole number, antialiased."""
    height, width = (max(1, side // by) for side in x.shape[2:])
    return F.interpolate(x, (height, width), mode="bilinear", antialias=True)


def as_float(x: Tensor) -> Tensor:
    """uint8 0 … 255 or float 0 … 1, (B, C, H, W) → float32; an array and a list are taken as a tensor.

    Raises:
        TypeError: another dtype.
        ValueError: another shape, C not 1 or 3, or floats outside 0 … 1.
    """
    x = as_tensor("x", x)
    _check_pictures(x)
    if x.dtype == torch.uint8:
        return x.float().div_(255)
    if not x.is_floating_point():
        raise TypeError(f"x is {x.dtype}; expected torch.uint8 (0 to 255) or a float type (0 to 1)")
    low, high = (float(v) for v in x.aminmax()) if x.numel() and may_read(x) else (0.0, 1.0)
    if not (low >= -1e-3 and high <= 1.001):  # NaN fails too
        raise ValueError(f"x runs from {low:.3g} to {high:.3g}; expected floats from 0 to 1, or torch.uint8")
    return x.float()


def affine_places(w: Tensor, h: Tensor, cx: Tensor, cy: Tensor, mirror: Tensor, turn: Tensor, size: int) -> Tensor:
    """(B, size, size, 2) input places of a crop (w, h: share of each side; cx, cy: centre in [-1, 1]), then mirrored
    (-1 or 1), then turned by `turn` radians, anticlockwise as torchvision's `rotate`."""
    axis = (torch.arange(size, device=w.device, dtype=w.dtype) + 0.5) * (2 / size) - 1
    c, s = torch.cos(turn), torch.sin(turn)
    # output place (x, y) → turned back (c x - s y, s x + c y) → mirrored in x → scaled and shifted into the crop
    # complex numbers hold (x, y) as one value, so that every place is one addition
    columns = torch.complex(w * mirror * c, h * s)[:, None] * axis  # (B, size): what a column adds
    rows = torch.complex(cx[:, None] - (w * mirror * s)[:, None] * axis, cy[:, None] + (h * c)[:, None] * axis)
    return torch.view_as_real(columns[:, None] + rows[:, :, None])


@usual(gradients=None, dtype=False)
def recolour(
    x: Tensor,
    brightness: Tensor,
    contrast: Tensor,
    saturation: Tensor | None = None,
    hue: Tensor | None = None,
    gray: Tensor | None = None,
) -> Tensor:
    """Brightness, contrast, saturation, hue and grayscale of (B, C, H, W), in this order, as one matrix and one offset.

    The factors are (B,), `hue` in circles, `gray` bool. One channel knows only brightness and contrast.
    """
    given = {"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}
    check_shapes(x=(x, "B C H W"), **{name: (t, "B") for name, t in given.items() if t is not None})
    channels, flat = x.shape[1], x.flatten(2)
    mean = flat.mean(2)
    luma = x.new_tensor(LUMA) if channels == 3 else x.new_ones(1)
    # contrast: f x + (1 - f) · mean grey, after brightness
    offset = ((1 - contrast) * brightness * (mean @ luma))[:, None, None]
    scale = (contrast * brightness)[:, None, None]
    if channels == 1:
        return (flat * scale + offset).clamp_(0, 1).view_as(x)
    if saturation is None or hue is None or gray is None:
        raise ValueError("pictures with three channels need saturation, hue and gray; one of them is None")
    eye, to_gray = torch.eye(3, device=x.device, dtype=x.dtype), luma.expand(3, 3)
    m = saturation[:, None, None] * eye + (1 - saturation)[:, None, None] * to_gray
    # Rodrigues' rotation about (1, 1, 1)/√3: cos I + (1 - cos) J/3 + sin K/√3
    c, s = torch.cos(2 * math.pi * hue)[:, None, None], torch.sin(2 * math.pi * hue)[:, None, None]
    cross = x.new_tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    m = (c * eye + (1 - c) / 3 + s / math.sqrt(3) * cross) @ m
    m = torch.where(gray[:, None, None], to_gray @ m, m) * scale
    # every matrix above keeps grey as it is, so the offset, which is grey, passes through unchanged
    return torch.bmm(m, flat).add_(offset).clamp_(0, 1).view_as(x)


def gaussian_blur(x: Tensor, sigma: Tensor, largest: float | None = None) -> Tensor:
    """Blur (B, C, H, W) with a standard deviation per sample, (B,) pixels; reflected edges.

    The kernel reaches three of the largest deviations to each side, as far as the picture allows; `largest` names it
    where it is known, so that it need not be read from `sigma`.
    """
    if len(x) == 0:
        return x
    check_shapes(x=(x, "B C H W"), sigma=(sigma, "B"))
    largest = float(sigma.max()) if largest is None else largest
    reach = min(math.ceil(3 * largest), min(x.shape[-2:]) - 1)
    tap = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (tap / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, :, None, None, None]
    for dim in (-1, -2):
        pad = (reach, reach, 0, 0) if dim == -1 else (0, 0, reach, reach)
        wide, n = F.pad(x, pad, mode="reflect"), x.shape[dim]
        x = sum(kernel[:, i] * wide.narrow(dim, i, n) for i in range(2 * reach + 1))  # type: ignore[assignment]
    return x


def _between(u: Tensor, bounds: Range) -> Tensor:
    return bounds[0] + u * (bounds[1] - bounds[0])


def _check_pictures(x: Tensor) -> None:
    if x.ndim != 4 or x.shape[1] not in (1, 3):
        raise ValueError(f"x has shape {tuple(x.shape)}; expected a batch of pictures (B, C, H, W) with C 1 or 3")


def _check(name: str, came: float, low: float, high: float, expected: str) -> None:
    if not low <= came <= high:
        raise ValueError(f"{name} is {came}; expected {expected}")


def _known(settings: dict[str, Any], known: Sequence[str] = ()) -> dict[str, Any]:
    known = known or [f.name for f in fields(Augment)]
    for name in settings:
        if name not in known:
            raise ValueError(f"there is no operation {name!r}; expected one of {', '.join(known)}")
    return settings
