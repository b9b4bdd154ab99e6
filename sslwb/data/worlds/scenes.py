"""The world of scenes: several objects of the world of shapes in one picture, the nearer ones before the farther ones.

A picture is painted from the front to the back, as light comes: each object adds its colour where the nearer ones let
it through, and the background what is left (Porter & Duff 1984, "Compositing Digital Images": the operator *over*).
"""

from __future__ import annotations

import torch
from torch import Tensor

from sslwb.core import typed, usual
from sslwb.data.scenes import Scenes
from sslwb.data.worlds import SPLITS, stream
from sslwb.data.worlds.shapes import (
    BACKGROUNDS,
    COLOURS,
    HUES,
    SHAPES,
    TEXTURES,
    frame,
    grounds,
    rgb,
    shaded,
    stripes,
)

MOST = 8  # objects that a picture can be asked for: as many are drawn for every picture, whatever the dial says
LEAST_VISIBLE = 0.25  # of an object's pixels: one of which less is to be seen is not in the picture
SMALLEST, LARGEST = 0.2, 0.45  # radius, in half-widths of the picture
REACH = {"heart": 1.3}  # how far, in its radius, a shape reaches; the others not beyond …
REACH_OF_OTHERS = 1.03
CHUNK = 512  # pictures that are painted at once
PICTURE, OBJECT = 8, 12  # uniform numbers of a picture, and of each object


@typed
@usual()
def make_scenes(
    n: int = 8192,
    split: str = "train",
    seed: int = 0,
    *,
    size: int = 64,
    objects: int = 4,
    background: str = "plain",
    texture: str = "plain",
    light: str = "even",
) -> Scenes:
    """Pictures of 1 to `objects` objects each, uint8 (n, 3, size, size), with their boxes, kinds, masks and order.

    An object of which nearer ones leave less than a quarter is left out of the picture, so that all that is drawn is
    listed, from the nearest to the farthest. The label is the kind of the object of which most pixels are visible. A
    pixel is an object's where the object covers half of it or more and no nearer one does; a box goes round its pixels.

    The first m of n pictures are the same whatever n is, and no two splits share a picture, whatever the seeds.

    Args:
        n: how many pictures.
        split: "train", "val" or "test": disjoint streams.
        seed: another seed, other pictures.
        size: height and width in pixels, from 32.
        objects: the most that a picture may have, 1 to 8; each number up to it is as likely, before what is hidden is
            left out.
        background: "plain" greys, "coloured", or "textured" with stripes in two colours.
        texture: "plain" objects, or "mixed": stripes, checks and dots too.
        light: "even", or "varied": brightness 0.4 to 1.6.

    Raises:
        ValueError: an unknown split or dial, n < 1, size < 32, or objects outside 1 to 8.
    """
    for what, came, known in (
        ("split", split, SPLITS),
        ("background", background, BACKGROUNDS),
        ("texture", texture, ("plain", "mixed")),
        ("light", light, ("even", "varied")),
    ):
        if came not in known:
            raise ValueError(f"{what} is {came!r}; the world of scenes has {', '.join(map(repr, known))}")
    if n < 1 or size < 32 or not 1 <= objects <= MOST:
        raise ValueError(
            f"n is {n}, size is {size} and objects is {objects}; expected n ≥ 1 pictures of size ≥ 32 pixels with 1 to "
            f"{MOST} objects at most"
        )

    # One row of uniform numbers a picture, so that a longer data set begins with the shorter one.
    generator = torch.Generator().manual_seed(stream("scenes", split, seed))
    r = torch.rand(n, PICTURE + MOST * OBJECT, generator=generator)
    r, o = r[:, :PICTURE], r[:, PICTURE:].view(n, MOST, OBJECT)[:, :objects]
    count = 1 + (r[:, 0] * objects).long()
    grey, brightness = 0.25 + 0.5 * r[:, 1], 0.4 + 1.2 * r[:, 2] if light == "varied" else torch.ones(n)
    paper, stripe = grounds(background, grey, r[:, 3], r[:, 4])

    # What each object is, (n, objects); the first is the nearest.
    kind, colour = (o[..., 0] * len(SHAPES)).long(), (o[..., 1] * len(COLOURS)).long()
    radius = SMALLEST + (LARGEST - SMALLEST) * o[..., 2]
    room = 1 - radius  # all but the tips of hearts lies inside
    px, py, turn = (2 * o[..., 3] - 1) * room, (2 * o[..., 4] - 1) * room, o[..., 5]
    pattern = (o[..., 6] * len(TEXTURES)).long() if texture == "mixed" else torch.zeros_like(kind)
    hue = (HUES[colour] + 0.03 * (o[..., 7] - 0.5)) % 1
    ink = rgb(hue.flatten(), 0.75 + 0.25 * o[..., 8].flatten(), 0.8 + 0.2 * o[..., 9].flatten()).view(n, -1, 3)

    x = torch.empty(n, 3, size, size, dtype=torch.uint8)
    masks = torch.empty(n, size, size, dtype=torch.uint8)
    slot = torch.full((n, objects), -1)  # where each object is listed; -1: it is not in the picture
    boxes, area, share = torch.zeros(n, objects, 4), torch.zeros(n, objects), torch.zeros(n, objects)
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    for i in torch.arange(n).split(CHUNK):
        back = paper[i, :, None, None]
        if background == "textured":
            back = back + stripes(axis, r[i, 5], r[i, 6]) * (stripe - paper)[i, :, None, None]
        drawn = kind[i], radius[i], px[i], py[i], turn[i], pattern[i], ink[i]
        picture, masks[i], slot[i], boxes[i], area[i], share[i] = _paint(size, count[i], back, *drawn)
        picture = picture * brightness[i, None, None, None]
        x[i] = picture.clamp_(0, 1).mul_(255).round_().to(torch.uint8)

    listed = {
        "colour": colour,
        "size": radius,
        "x": px,
        "y": py,
        "angle": torch.where(_turns(kind) > 0, (turn * _turns(kind)) % 1, torch.nan),
        "texture": pattern,
        "visible": share,
    }
    kinds, area = _listed(kind, slot), _listed(area, slot)
    there = kinds >= 0
    factors = {
        "objects": there.sum(1),
        "background": r[:, 3].clone() if background != "plain" else grey,
        "light": brightness,
    }
    return Scenes(
        x,
        kinds.gather(1, area.nan_to_num(0).argmax(1, keepdim=True))[:, 0],
        tuple(SHAPES),
        factors,
        {"colour": COLOURS, "texture": TEXTURES},
        frozenset({"angle"} | ({"background"} if background != "plain" else set())),
        "scenes",
        boxes=torch.stack([_listed(side, slot) for side in boxes.unbind(2)], 2).nan_to_num(0),
        kinds=kinds,
        masks=masks,
        depth=torch.where(there, torch.arange(objects), -1),
        objects={cause: _listed(values, slot) for cause, values in listed.items()},
    )


def _paint(
    size: int,
    count: Tensor,
    back: Tensor,
    kind: Tensor,
    radius: Tensor,
    px: Tensor,
    py: Tensor,
    turn: Tensor,
    pattern: Tensor,
    ink: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """B pictures of up to K objects, drawn from the nearest to the farthest.

    Returns the picture, float (B, 3, size, size), before its light; the masks; and (B, K) of each object: at which
    number it is listed, the box round its visible pixels, how many they are, and which share of its pixels.
    """
    b, most = kind.shape
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    red_green_blue = torch.zeros(3, b * size * size)
    through = torch.ones(b * size * size)  # how much of what is behind comes through
    masks = torch.zeros(b * size * size, dtype=torch.uint8)
    slot, listed = torch.full((b, most), -1), torch.zeros(b, dtype=torch.long)
    boxes, area, share = torch.zeros(b, most, 4), torch.zeros(b, most), torch.zeros(b, most)
    # Only a window round each object is computed. Its side is a multiple of 8, so that every number goes through the
    # same vector instruction whatever else is in the batch.
    reach = torch.tensor([REACH.get(name, REACH_OF_OTHERS) for name in SHAPES])[kind]
    sides = (8 * ((reach * radius * size + 2) / 8).ceil().long()).clamp(max=size)
    left, top = (
        (((p + 1) * (size / 2)).round().long() - sides // 2).clamp_min(0).minimum(size - sides) for p in (px, py)
    )
    for k in range(most):
        group = torch.where(k < count, kind[:, k] * (size + 1) + sides[:, k], -1)
        for number in group.unique().tolist():
            if number < 0:
                continue
            i = (group == number).nonzero()[:, 0]
            shape, side = divmod(number, size + 1)
            distance, r = tuple(SHAPES.values())[shape][0], radius[i, k]
            columns, rows = (corner[i, k, None] + torch.arange(side) for corner in (left, top))
            at = ((i[:, None, None] * size + rows[:, :, None]) * size + columns[:, None, :]).flatten()
            u, v = frame(axis[columns] - px[i, k, None], axis[rows] - py[i, k, None], r, turn[i, k])
            cover = (0.5 - distance(u, v) * (r * (size / 2))[:, None, None]).clamp_(0, 1)
            own, nearer = cover >= 0.5, masks.index_select(0, at).view(cover.shape)
            seen = own & (nearer == 0)
            part = seen.sum((1, 2)) / own.sum((1, 2))
            kept = part >= LEAST_VISIBLE
            seen &= kept[:, None, None]
            cover *= kept[:, None, None]
            light = through.index_select(0, at).view(cover.shape)
            here = shaded(ink[i, k], pattern[i, k], u, v) * (light * cover)[:, None]
            for channel in range(3):
                red_green_blue[channel].scatter_add_(0, at, here[:, channel].flatten())
            through.scatter_(0, at, (light * (1 - cover)).flatten())
            name = (listed[i] + 1).to(torch.uint8)
            masks.scatter_(0, at, torch.where(seen, name[:, None, None], nearer).flatten())
            boxes[i, k] = (_box(seen) + torch.stack((left[i, k], top[i, k]) * 2, 1)).float()
            slot[i, k], area[i, k], share[i, k] = torch.where(kept, listed[i], -1), seen.sum((1, 2)).float(), part
            listed[i] += kept
    picture = red_green_blue.view(3, b, size, size).transpose(0, 1) + through.view(b, 1, size, size) * back
    return picture, masks.view(b, size, size), slot, boxes, area, share


def _box(seen: Tensor) -> Tensor:
    """The boxes round what is true, bool (B, H, W) → (B, 4): x1, y1, x2, y2, in pixels."""
    lines = [seen.to(torch.uint8).amax(dim) for dim in (1, 2)]  # columns, rows; argmax finds the first of equals
    return torch.stack(
        [line.argmax(1) for line in lines] + [line.shape[1] - line.flip(1).argmax(1) for line in lines], 1
    )


def _listed(values: Tensor, slot: Tensor) -> Tensor:
    """A cause of each object, (N, K), in the order in which they are listed; -1 or NaN behind the last of them."""
    nothing = torch.nan if values.is_floating_point() else -1
    listed = torch.full((len(values), values.shape[1] + 1), nothing, dtype=values.dtype)
    listed.scatter_(1, torch.where(slot < 0, values.shape[1], slot), values)  # what is left out goes to the last column
    return listed[:, :-1].contiguous()


def _turns(kind: Tensor) -> Tensor:
    """The number of turns that leave each shape as it is."""
    return torch.tensor([float(turns) for _, turns in SHAPES.values()])[kind]
