"""What is hidden: masks drawn for a whole batch at once, beside the pictures they belong to.

A recipe makes the pictures with one of `images`' recipes, and draws the masks from the same generator. True means the
named part: hidden, context, target. Lessons 09, 10 and 11.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from sslwb.augment.images import RandomViews, Range, weak
from sslwb.core import Views, host_generator, recorded, typed

TRIES = 50  # draws of blocks until every picture keeps some context


class Hidden(NamedTuple):
    """Pictures, and which patches are hidden; `augment.masks.mae` makes them."""

    x: Tensor  # (B, C, H, W)
    hidden: Tensor  # bool (B, L), equally many in each picture
    visible: Tensor | None = None  # int64 (B, k): the places of the others, so that no GPU has to count them


class Context(NamedTuple):
    """Pictures, which patches are the context, and which the targets; `augment.masks.jepa` makes them."""

    x: Tensor  # (B, C, H, W)
    context: Tensor  # bool (B, L), equally many in each picture
    targets: Tensor  # bool (B, count, L), equally many in each
    context_at: Tensor | None = None  # int64 (B, k): the places of the context
    targets_at: Tensor | None = None  # int64 (B, count, m): the places of each target


class Hole(NamedTuple):
    """Pictures, and which of their pixels are hidden; `augment.masks.inpainting` makes them."""

    x: Tensor  # (B, C, H, W)
    hidden: Tensor  # bool (B, H, W)


@recorded
@dataclass(frozen=True)
class Masked:
    """Pictures, generator → one view of them, and what `draw` hides of it, by name: `Hidden`, `Context` or `Hole`."""

    of: RandomViews
    draw: RandomPatches | Blocks | Scattered | Region

    def __call__(self, batch: Any, generator: torch.Generator) -> Views:
        pictures = self.of(batch, generator)[0]
        return cast(Views, self.draw.view(pictures, *self.draw(pictures, generator)))


@recorded
@dataclass(frozen=True)
class RandomPatches:
    """Hidden patches, in each picture others and equally many: → hidden, visible as in `Hidden`.

    Source: He et al. 2022, section 3.

    Args:
        patch: side of a patch, pixels.
        ratio: share of the patches that is hidden.

    Raises:
        ValueError: a ratio that hides nothing or everything; pictures that the patch does not divide.
    """

    patch: int = 4
    ratio: float = 0.75
    view: ClassVar = Hidden

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError(
                f"ratio is {self.ratio}; expected a share between 0 and 1, both excluded: something has to be seen, "
                "and something hidden"
            )

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        rows, columns = _grid(x, self.patch)
        count = round(self.ratio * rows * columns)
        if not 0 < count < rows * columns:
            raise ValueError(
                f"ratio is {self.ratio}, which hides {count} of {rows * columns} patches; expected at least one hidden "
                "and one visible: choose a smaller patch or another ratio"
            )
        draw = torch.rand(len(x), rows * columns, generator=generator, device=x.device, dtype=torch.float32)
        order = draw.argsort(1)
        return order.argsort(1) < count, order[:, count:].sort(1).values  # by the rank of each patch in its picture


@recorded
@dataclass(frozen=True)
class Blocks:
    """I-JEPA's masks: → context, targets and their places as in `Context`. Source: Assran et al. 2023, section 3.

    The targets are rectangles of patches; the context is a large rectangle without them. In one batch all targets have
    one size, and every picture keeps as many patches of context as the one that has fewest, so that they fill tensors.

    Args:
        patch: side of a patch, pixels.
        count: how many targets a picture has.
        target: range of a target's share of the picture.
        context: range of the context's share, before the targets are taken out.

    Raises:
        ValueError: fewer than one target, a range that makes no sense, targets that leave too little context.
    """

    patch: int = 4
    count: int = 4
    target: Range = (0.15, 0.2)
    context: Range = (0.85, 1.0)
    view: ClassVar = Context

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count is {self.count}; expected 1 target or more")
        for name, (low, high) in (("target", self.target), ("context", self.context)):
            if not 0 < low <= high <= 1:
                raise ValueError(f"{name} is ({low}, {high}); expected (low, high) with 0 < low ≤ high ≤ 1")

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        # Drawn on the host: how many patches a target or a context has is the shape of what follows.
        grid, b, rng = _grid(x, self.patch), len(x), host_generator(generator)
        size, large = _size(grid, self.target, (0.75, 1.5), rng), _size(grid, self.context, (1.0, 1.0), rng)
        targets, context = np.ones((b, self.count, *grid), bool), np.zeros((b, *grid), bool)
        for _ in range(TRIES):
            # The poorest picture sets the context of all: whoever has less than a quarter is drawn again.
            poor = context.sum((1, 2)) < max(1, grid[0] * grid[1] // 4)
            if not poor.any():
                break
            new = _placed(int(poor.sum()), self.count, grid, size, rng)
            targets[poor] = new
            context[poor] = _placed(len(new), 1, grid, large, rng)[:, 0] & ~new.any(1)
        else:
            raise ValueError(
                f"{self.count} targets, each {self.target} of the picture, leave less than a quarter of it as context "
                f"({TRIES} draws); expected fewer or smaller targets"
            )
        flat_targets, flat_context = targets.reshape(b, self.count, -1), context.reshape(b, -1)
        # Every picture keeps as many patches as the one that has fewest.
        draw = np.where(flat_context, rng.random(flat_context.shape), 2.0)
        kept = np.sort(draw.argsort(1)[:, : int(flat_context.sum(1).min())], 1)
        seen = np.zeros_like(flat_context)
        np.put_along_axis(seen, kept, True, 1)
        masks = seen, flat_targets, kept, flat_targets.nonzero()[2].reshape(b, self.count, -1)
        return tuple(torch.from_numpy(mask).to(x.device, non_blocking=True) for mask in masks)


@recorded
@dataclass(frozen=True)
class Scattered:
    """MAE's mask in I-JEPA's form: → context, one target and their places, as in `Context`; together all patches.

    Args:
        patch: side of a patch, pixels.
        ratio: share of the patches that is the target.

    Raises:
        ValueError: see `RandomPatches`.
    """

    patch: int = 4
    ratio: float = 0.75
    view: ClassVar = Context

    def __post_init__(self) -> None:
        RandomPatches(self.patch, self.ratio)

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        hidden, visible = RandomPatches(self.patch, self.ratio)(x, generator)
        order = hidden.int().argsort(dim=1, stable=True)  # the visible ones first, then the hidden ones, each in order
        return ~hidden, hidden[:, None], visible, order[:, None, visible.shape[1] :]


@recorded
@dataclass(frozen=True)
class Region:
    """One hidden square at a random place: → hidden as in `Hole`. Source: Pathak et al. 2016, section 3.3.

    Args:
        share: of the picture's area.

    Raises:
        ValueError: a share that hides nothing or everything.
    """

    share: float = 0.25
    view: ClassVar = Hole

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share is {self.share}; expected a share of the area between 0 and 1, both excluded")

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor]:
        inside = []
        draw = torch.rand(2, len(x), 1, generator=generator, device=x.device, dtype=torch.float32)
        for u, length in zip(draw, x.shape[2:], strict=True):
            side = max(1, round(length * math.sqrt(self.share)))
            first, place = (u * (length - side + 1)).long(), torch.arange(length, device=x.device)
            inside.append((place >= first) & (place < first + side))
        return (inside[0][:, :, None] & inside[1][:, None, :],)


@typed
def mae(size: int = 32, patch: int = 4, ratio: float = 0.75, **settings: Any) -> Masked:
    """MAE's view: `Hidden`. Crop and flip as in `weak`; `settings` override any strength."""
    return Masked(weak(size, **settings), RandomPatches(patch, ratio))


@typed
def jepa(size: int = 32, patch: int = 4, count: int = 4, **settings: Any) -> Masked:
    """I-JEPA's view: `Context`. `settings` override any strength of `weak`."""
    return Masked(weak(size, **settings), Blocks(patch, count))


@typed
def inpainting(size: int = 32, share: float = 0.25, **settings: Any) -> Masked:
    """The context encoder's view: `Hole`. `settings` override any strength of `weak`."""
    return Masked(weak(size, **settings), Region(share))


def _size(grid: tuple[int, int], share: Range, aspect: Range, rng: np.random.Generator) -> tuple[int, int]:
    """Rows and columns of a rectangle whose share of the grid and whose rows / columns are drawn from these ranges."""
    rows, columns = grid
    area = rows * columns * rng.uniform(*share)
    tall = math.exp(rng.uniform(math.log(aspect[0]), math.log(aspect[1])))
    return min(rows, max(1, round(math.sqrt(area * tall)))), min(columns, max(1, round(math.sqrt(area / tall))))


def _placed(b: int, count: int, grid: tuple[int, int], size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """bool (b, count, rows, columns): rectangles of `size`, each at a place of its own."""
    inside = []
    for length, side in zip(grid, size, strict=True):
        first, place = rng.integers(length - side + 1, size=(b, count, 1)), np.arange(length)
        inside.append((place >= first) & (place < first + side))
    return inside[0][:, :, :, None] & inside[1][:, :, None, :]


def _grid(x: Tensor, patch: int) -> tuple[int, int]:
    if patch < 1 or x.shape[2] % patch or x.shape[3] % patch:
        raise ValueError(
            f"patch is {patch} and the pictures have {x.shape[2]}×{x.shape[3]} pixels; expected a patch that divides "
            "both sides"
        )
    return x.shape[2] // patch, x.shape[3] // patch
