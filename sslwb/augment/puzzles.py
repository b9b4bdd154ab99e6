"""Pictures taken apart as puzzles: turned by quarters, or cut into shuffled tiles. Lesson 09.

A puzzle can be solved by what it asks for, or by a trace that the cutting left. Each recipe has the counter-measures
of its paper as settings, so that a lesson can take them away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.augment.images import Augment, RandomViews, as_float, weak
from sslwb.core import recorded, typed, usual


class Turns(NamedTuple):
    """A picture turned by 0, 90, 180 and 270 degrees; `augment.puzzles.rotation` makes them."""

    by_0: Tensor  # (B, C, size, size) each
    by_90: Tensor
    by_180: Tensor
    by_270: Tensor


class Tiles(NamedTuple):
    """Tiles of each picture in a random order, and which order; `augment.puzzles.jigsaw` makes them."""

    tiles: Tensor  # (B, T, C, h, w)
    order: Tensor  # int64 (B,)


@recorded
@dataclass(frozen=True)
class Turned:
    """`Turns`: four views, turned by 0, 90, 180 and 270 degrees anticlockwise. Source: Gidaris et al. 2018, section 2.

    A quarter turn moves pixels and computes none, so that no trace of it is left in their values.
    """

    of: RandomViews

    def __call__(self, batch: Any, generator: torch.Generator) -> Turns:
        pictures = self.of(batch, generator)[0]
        return Turns(*(pictures.rot90(quarter, (2, 3)) for quarter in range(4)))


@typed
def rotation(size: int = 32, **settings: Any) -> Turned:
    """The four turns of one view. Crop and flip as in `weak`; `settings` override any strength of `Augment`."""
    return Turned(weak(size, **settings))


@recorded
@dataclass(frozen=True)
class Shuffled:
    """`Tiles`: (B, T, C, h, w) in a random order, and which order (B,) int64.

    Source: Noroozi and Favaro 2016, section 3. Tile k of a shuffled picture comes from place orders[which][k].

    Args:
        of: the recipe that makes the picture.
        orders: the permutations that occur; `far_apart` finds some.
        side: tiles along each side.
        gap: pixels cut from each tile's cell, at random sides, so that edges do not continue in the next tile.
        colours: how each tile is recoloured, apart from the others; None leaves the colours.
        lens: how much larger red is drawn than green, and blue smaller: a share of the picture, as lenses do.

    Raises:
        ValueError: orders of another number of tiles, pictures that the tiles do not divide, a gap that leaves nothing.
    """

    of: RandomViews
    orders: tuple[tuple[int, ...], ...]
    side: int = 2
    gap: int = 2
    colours: Augment | None = None
    lens: float = 0.0

    def __post_init__(self) -> None:
        if not self.orders or any(sorted(order) != list(range(self.side**2)) for order in self.orders):
            raise ValueError(f"orders holds {self.orders[:2]} …; expected permutations of the {self.side**2} tiles")

    def __call__(self, batch: Any, generator: torch.Generator) -> Tiles:
        pictures = self.of(batch, generator)[0]
        b, channels, height, width = pictures.shape
        cell, tile = height // self.side, height // self.side - self.gap
        if height != width or height % self.side or not 0 < tile <= cell:
            raise ValueError(
                f"the pictures have {height}×{width} pixels; expected squares that {self.side}×{self.side} tiles "
                f"divide, each larger than the gap, {self.gap}"
            )
        if self.lens:
            pictures = through_lens(pictures, self.lens)
        draw = torch.rand(3, b, self.side**2, generator=generator, device=pictures.device, dtype=torch.float32)
        # (B, T, 1): where each tile begins, jittered inside its cell
        place = torch.arange(self.side**2, device=pictures.device)
        top, left = (
            (cell * p + (u * (self.gap + 1)).long())[:, :, None]
            for p, u in zip((place // self.side, place % self.side), draw, strict=False)
        )
        step = torch.arange(tile, device=pictures.device)
        rows, columns = (top + step)[:, :, None, :, None], (left + step)[:, :, None, None, :]
        item = torch.arange(b, device=pictures.device)[:, None, None, None, None]
        channel = torch.arange(channels, device=pictures.device)[:, None, None]
        tiles = pictures[item, channel, rows, columns]  # (B, T, C, tile, tile)
        if self.colours is not None:
            tiles = self.colours(tiles.flatten(0, 1), generator).view(tiles.shape)
        which = (draw[2, :, 0] * len(self.orders)).long()
        order = torch.tensor(self.orders, device=pictures.device)[which]
        return Tiles(tiles[item[:, :, 0, 0, 0], order], which)


@typed
def jigsaw(
    size: int = 32,
    side: int = 2,
    count: int = 24,
    gap: int = 2,
    lens: float = 0.0,
    gray: float = 0.3,
    jitter: float = 0.2,
    **settings: Any,
) -> Shuffled:
    """Shuffled tiles with the paper's counter-measures: a gap, and each tile recoloured or grey.

    Args:
        size: of the picture before it is cut, pixels.
        side: tiles along each side.
        count: how many orders occur, as far apart as can be; at most all of them.
        gap: pixels cut from each tile.
        lens: the chromatic hint, see `Shuffled`.
        gray: probability that a tile loses its colours.
        jitter: brightness and contrast of each tile change by up to this share; 0 with gray=0 leaves colours alone.
        settings: of `weak`, which makes the picture.
    """
    orders = far_apart(side**2, count)
    plain = not gray and not jitter
    colours = None if plain else Augment(size // side - gap, brightness=jitter, contrast=jitter, gray=gray)
    return Shuffled(weak(size, **settings), orders, side, gap, colours, lens)


@usual(gradients=None, dtype=False)
def through_lens(x: Tensor, share: float) -> Tensor:
    """Pictures (B, 3, H, W) whose red is drawn larger by `share`, and whose blue smaller: lateral chromatic aberration.

    Towards the border colours part, away from the centre: in every part of a picture in another direction.
    """
    x = as_float(x)
    if x.shape[1] != 3:
        raise ValueError(f"x has shape {tuple(x.shape)}; expected (B, 3, H, W): a lens parts red, green and blue")
    eye = torch.eye(2, 3, device=x.device, dtype=x.dtype)
    parts = []
    for channel, scale in zip(x.split(1, 1), (1 - share, 1.0, 1 + share), strict=True):
        places = F.affine_grid((scale * eye).expand(len(x), 2, 3), list(channel.shape), align_corners=False)
        parts.append(F.grid_sample(channel, places, "bilinear", "border", align_corners=False))
    return torch.cat(parts, 1)


@typed
@usual()
def far_apart(tiles: int, count: int) -> tuple[tuple[int, ...], ...]:
    """`count` permutations of the tiles, each in turn the one that differs in most places from all chosen before.

    Source: Noroozi and Favaro 2016, algorithm 1: distance is the number of tiles that lie elsewhere (Hamming). From 8
    tiles on, the choice is among 5,040 permutations drawn once and for all.

    Raises:
        ValueError: fewer than two permutations, or more than there are.
    """
    most = math.factorial(tiles) if tiles < 8 else 5040
    if not 2 <= count <= most:
        raise ValueError(f"count is {count}; expected 2 to {most} orders of {tiles} tiles")
    g = torch.Generator().manual_seed(0)
    every: Sequence[Sequence[int]] = (
        list(permutations(range(tiles)))
        if tiles < 8
        else [torch.randperm(tiles, generator=g).tolist() for _ in range(most)]
    )
    pool = torch.tensor(every)
    chosen, nearest = [0], torch.full((len(pool),), tiles)
    distance = torch.zeros(len(pool), dtype=torch.int64)
    while len(chosen) < count:
        away = (pool != pool[chosen[-1]]).sum(1)
        distance, nearest = distance + away, torch.minimum(nearest, away)
        chosen.append(int((distance * (nearest > 0)).argmax()))
    return tuple(tuple(row) for row in pool[chosen].tolist())
