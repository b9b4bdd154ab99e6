"""The world of shapes: one object on a background, drawn from signed distances, with every cause known.

A signed distance says how far a point lies outside (+) or inside (-) a shape. A picture is then one expression:
`coverage = clamp(0.5 - distance in pixels)`, which is anti-aliased by itself. Formulas after Inigo Quilez,
"2D distance functions"; (u, v) are coordinates in the object's own frame, where the object has radius 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sslwb.core import typed, usual
from sslwb.data.containers import Images
from sslwb.data.worlds import SPLITS, stream

COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
HUES = torch.tensor([0.0, 0.075, 0.16, 0.34, 0.5, 0.63, 0.77, 0.89], dtype=torch.float32, device="cpu")
TEXTURES = ("plain", "stripes", "checks", "dots")
BACKGROUNDS = ("plain", "coloured", "textured")
# cause → the uniform number that it is made of; the hue of a background that is not grey is number 12
DRAWN = {"shape": 0, "colour": 1, "size": 2, "x": 3, "y": 4, "angle": 5, "texture": 6, "light": 7, "background": 8}


def _disc(u: Tensor, v: Tensor) -> Tensor:
    return torch.hypot(u, v) - 0.85


def _ring(u: Tensor, v: Tensor) -> Tensor:
    return (torch.hypot(u, v) - 0.66).abs() - 0.22


def _square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) - 0.72


def _polygon(u: Tensor, v: Tensor, sides: int, inner: float) -> Tensor:
    """Distance to the edge lines of a regular polygon; `inner` is the radius of the circle inside it."""
    angle = torch.atan2(u, -v)
    sector = 2 * math.pi / sides
    return torch.cos(torch.round(angle / sector) * sector - angle) * torch.hypot(u, v) - inner


def _triangle(u: Tensor, v: Tensor) -> Tensor:
    return _polygon(u, v, 3, 0.5)


def _star(u: Tensor, v: Tensor) -> Tensor:
    # Fold the plane into one tenth, then measure to the line from a tip (radius 1) to a notch (radius 0.42).
    sector = math.pi / 5
    angle, r = torch.atan2(u, -v), torch.hypot(u, v)
    a = torch.abs(angle - 2 * sector * torch.round(angle / (2 * sector)))
    tip, notch = (1.0, 0.0), (0.42 * math.cos(sector), 0.42 * math.sin(sector))
    ex, ey = notch[0] - tip[0], notch[1] - tip[1]
    return ((r * torch.cos(a) - tip[0]) * -ey + r * torch.sin(a) * ex) / -math.hypot(ex, ey)


def _cross(u: Tensor, v: Tensor) -> Tensor:
    a, b = u.abs(), v.abs()
    return torch.minimum(torch.maximum(a - 0.95, b - 0.3), torch.maximum(a - 0.3, b - 0.95))


def _moon(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(torch.hypot(u, v) - 0.92, 0.7 - torch.hypot(u - 0.5, v))


def _heart(u: Tensor, v: Tensor) -> Tensor:
    # A square on its corner and two discs on its upper sides.
    s = 0.62
    a, b = (u + v) * math.sqrt(0.5), (v - u) * math.sqrt(0.5)
    box = torch.maximum((a + 0.08).abs(), (b + 0.08).abs()) - s + 0.02
    left, right = torch.hypot(a + 0.08, b + 0.08 + s - 0.02), torch.hypot(a + 0.08 + s - 0.02, b + 0.08)
    return torch.minimum(box, torch.minimum(left, right) - s + 0.02)


# name → (signed distance, number of turns that leave the shape as it is; 0: every turn does)
SHAPES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], int]] = {
    "disc": (_disc, 0),
    "ring": (_ring, 0),
    "square": (_square, 4),
    "triangle": (_triangle, 3),
    "star": (_star, 5),
    "cross": (_cross, 4),
    "moon": (_moon, 1),
    "heart": (_heart, 1),
}


@typed
@usual()
def make_shapes(
    n: int = 8192,
    split: str = "train",
    seed: int = 0,
    *,
    size: int = 32,
    background: str = "plain",
    texture: str = "plain",
    light: str = "even",
    redraw: str | Sequence[str] = (),
) -> Images:
    """Pictures of one object each, uint8 (n, 3, size, size); the label is the shape, every cause is in `.factors`.

    The first m of n pictures are the same whatever n is, and no two splits share a picture, whatever the seeds.

    Args:
        n: how many pictures.
        split: "train", "val" or "test": disjoint streams.
        seed: another seed, other pictures.
        size: height and width in pixels, from 8.
        background: "plain" greys, "coloured", or "textured" with stripes in two colours (a shortcut for SSL).
        texture: "plain" objects, or "mixed": stripes, checks and dots too.
        light: "even", or "varied": brightness 0.4 to 1.6.
        redraw: a cause, or several, drawn anew: the pictures are those without it but for these causes. A size is one
            of those that fit at the place; an angle is counted in the turns of its shape, which another shape changes.

    Raises:
        ValueError: an unknown split or dial, n < 1 or size < 8, or a cause to redraw that does not vary.
    """
    for what, came, known in (
        ("split", split, SPLITS),
        ("background", background, BACKGROUNDS),
        ("texture", texture, ("plain", "mixed")),
        ("light", light, ("even", "varied")),
    ):
        if came not in known:
            raise ValueError(f"{what} is {came!r}; the world of shapes has {', '.join(map(repr, known))}")
    if n < 1 or size < 8:
        raise ValueError(f"n is {n} and size is {size}; expected n ≥ 1 pictures of size ≥ 8 pixels")

    anew = (redraw,) if isinstance(redraw, str) else tuple(redraw)
    varied = [c for c in DRAWN if not ((c == "texture" and texture == "plain") or (c == "light" and light == "even"))]
    if wrong := [cause for cause in anew if cause not in varied]:
        raise ValueError(f"redraw names {wrong[0]!r}; what varies with these dials is {', '.join(varied)}")

    # One row of uniform numbers a picture, so that a longer data set begins with the shorter one.
    r, fresh = (
        torch.rand(n, 16, generator=torch.Generator().manual_seed(stream(world, split, seed)))
        for world in ("shapes", "shapes, drawn anew")
    )
    for cause in anew:
        if cause != "size":
            column = 12 if cause == "background" and background != "plain" else DRAWN[cause]
            r[:, column] = fresh[:, column]
    shape, colour = (r[:, 0] * len(SHAPES)).long(), (r[:, 1] * len(COLOURS)).long()
    radius = 0.44 + 0.30 * r[:, 2]  # in half-widths of the picture
    room = 0.92 - radius  # all but the tips of the largest objects lies inside
    px, py = (2 * r[:, 3] - 1) * room, (2 * r[:, 4] - 1) * room
    if "size" in anew:  # the place stays, and p(size | place) ∝ 1 / room², up to the largest object that fits there
        largest = (0.92 - torch.maximum(px.abs(), py.abs())).clamp(0.44, 0.74)
        least, most = 1 / 0.48, 1 / (0.92 - largest)
        radius = 0.92 - 1 / (least + fresh[:, 2] * (most - least))
    turn = r[:, 5]  # a full turn is 1
    pattern = (r[:, 6] * len(TEXTURES)).long() if texture == "mixed" else torch.zeros(n, dtype=torch.long)
    brightness = 0.4 + 1.2 * r[:, 7] if light == "varied" else torch.ones(n)
    grey = 0.25 + 0.5 * r[:, 8]
    hue = (HUES[colour] + 0.03 * (r[:, 9] - 0.5)) % 1
    ink = rgb(hue, 0.75 + 0.25 * r[:, 10], 0.8 + 0.2 * r[:, 11])
    paper, stripe = grounds(background, grey, r[:, 12], r[:, 13])

    x = torch.empty(n, 3, size, size, dtype=torch.uint8)
    for k, (distance, _) in enumerate(SHAPES.values()):
        for i in (shape == k).nonzero()[:, 0].split(256):  # 256 pictures at a time stay in the cache
            x[i] = _draw(
                distance,
                size,
                radius[i],
                px[i],
                py[i],
                turn[i],
                pattern[i],
                ink[i],
                paper[i],
                stripe[i],
                r[i, 14],
                r[i, 15],
                brightness[i],
                background == "textured",
            )

    period = torch.tensor([float(turns) for _, turns in SHAPES.values()])[shape]
    factors = {
        "shape": shape,
        "colour": colour,
        "size": radius,
        "x": px,
        "y": py,
        "angle": torch.where(period > 0, (turn * period) % 1, torch.nan),  # a square looks the same every quarter turn
        "texture": pattern,
        "background": r[:, 12].clone() if background != "plain" else grey,
        "light": brightness,
    }
    levels = {"shape": tuple(SHAPES), "colour": COLOURS, "texture": TEXTURES}
    periodic = {"angle"} | ({"background"} if background != "plain" else set())
    return Images(x, shape.clone(), tuple(SHAPES), factors, levels, frozenset(periodic), "shapes")


def _draw(
    distance: Callable[[Tensor, Tensor], Tensor],
    size: int,
    radius: Tensor,
    px: Tensor,
    py: Tensor,
    turn: Tensor,
    pattern: Tensor,
    ink: Tensor,
    paper: Tensor,
    stripe: Tensor,
    tilt: Tensor,
    phase: Tensor,
    brightness: Tensor,
    striped: bool,
) -> Tensor:
    """uint8 (B, 3, size, size): the pictures of B objects of one shape."""
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    u, v = frame(axis - px[:, None], axis - py[:, None], radius, turn)
    pixels = (radius * (size / 2))[:, None, None]  # one unit of the object's frame, in pixels
    cover = (0.5 - distance(u, v) * pixels).clamp_(0, 1)[:, None]
    ink_here = shaded(ink, pattern, u, v)
    back = paper[:, :, None, None]
    if striped:
        back = back + stripes(axis, tilt, phase) * (stripe - paper)[:, :, None, None]
    picture = (back + cover * (ink_here - back)) * brightness[:, None, None, None]
    return picture.clamp_(0, 1).mul_(255).round_().to(torch.uint8)


def frame(dx: Tensor, dy: Tensor, radius: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
    """(u, v), each (B, H, W): pixels in the frames of B objects.

    dx (B, W) and dy (B, H) are the places of columns and rows from each object's centre, in half-widths of the picture.
    """
    c, s = torch.cos(2 * math.pi * turn) / radius, torch.sin(2 * math.pi * turn) / radius
    u = (c[:, None] * dx)[:, None, :] + (s[:, None] * dy)[:, :, None]
    v = (c[:, None] * dy)[:, :, None] - (s[:, None] * dx)[:, None, :]
    return u, v


def shaded(ink: Tensor, pattern: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """The ink of each pixel: (B, 3) in textures int64 (B,) → (B, 3, H, W), or (B, 3, 1, 1) where all are plain."""
    if not pattern.any():
        return ink[:, :, None, None]
    wave_u, wave_v = torch.sin(9 * u), torch.sin(9 * v)
    shade = torch.stack([torch.ones_like(u), wave_u, wave_u * wave_v, (wave_u + wave_v) * 0.7])
    shade = shade[pattern, torch.arange(len(pattern))]
    return ink[:, :, None, None] * (0.72 + 0.28 * (4 * shade).clamp(-1, 1))[:, None]


def grounds(background: str, grey: Tensor, hue: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """The colours of a background and of its stripes, (N, 3) each, of uniform numbers (N,); alike unless textured."""
    n = len(grey)
    paper = grey[:, None].expand(n, 3) if background == "plain" else rgb(hue, 0.6 * torch.ones(n), 0.4 + 0.5 * grey)
    if background != "textured":
        return paper, paper
    return paper, rgb((hue + 0.25 + 0.5 * other) % 1, 0.7 * torch.ones(n), grey)


def stripes(axis: Tensor, tilt: Tensor, phase: Tensor) -> Tensor:
    """(B, 1, size, size): how far each pixel of a background is of the stripes' colour, 0 to 1."""
    a, b = torch.cos(2 * math.pi * tilt), torch.sin(2 * math.pi * tilt)
    along = (a[:, None] * axis)[:, None, :] + (b[:, None] * axis)[:, :, None]
    return (2 * torch.sin(9 * along + (6.28 * phase)[:, None, None])).clamp_(-1, 1)[:, None] * 0.5 + 0.5


def rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """(N, 3) RGB of (N,) hue, saturation and value, each 0 to 1."""
    k = (torch.tensor([5.0, 3.0, 1.0]) + hue[:, None] * 6) % 6
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))
