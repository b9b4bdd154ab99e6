"""What is hidden: masks drawn for a whole batch at once, beside the pictures they belong to.

A recipe makes the pictures with one of `images`' recipes, and draws the masks from the same generator. True means the
named part: hidden, context, target. Lessons 09, 10 and 11.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sslwb.augment.images import MakeViews, Range, Views, weak

Draw = Callable[[Tensor, torch.Generator], list[Tensor]]
TRIES = 50  # draws of blocks until every picture keeps some context


@dataclass(frozen=True)
class Masked:
    """uint8 (B, C, H, W), generator → [pictures (B, C, size, size), masks …]: one view, and what `draw` hides of it."""

    of: MakeViews
    draw: Draw

    def __call__(self, x: Tensor, generator: torch.Generator) -> Views:
        pictures = self.of(x, generator)[0]
        return [pictures, *self.draw(pictures, generator)]


@dataclass(frozen=True)
class RandomPatches:
    """Hidden patches, in each picture others and equally many: → [bool (B, L)]. Source: He et al. 2022, section 3.

    Args:
        patch: side of a patch, pixels.
        ratio: share of the patches that is hidden.

    Raises:
        ValueError: a ratio that hides nothing or everything; pictures that the patch does not divide.
    """

    patch: int = 4
    ratio: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError(
                f"ratio is {self.ratio}; expected a share between 0 and 1, both excluded: something has to be seen, "
                "and something hidden"
            )

    def __call__(self, x: Tensor, generator: torch.Generator) -> list[Tensor]:
        rows, columns = _grid(x, self.patch)
        count = round(self.ratio * rows * columns)
        if not 0 < count < rows * columns:
            raise ValueError(
                f"ratio is {self.ratio}, which hides {count} of {rows * columns} patches; expected at least one hidden "
                "and one visible: choose a smaller patch or another ratio"
            )
        draw = torch.rand(len(x), rows * columns, generator=generator, device=x.device)
        return [draw.argsort(1).argsort(1) < count]  # the rank of each patch among all of its picture


@dataclass(frozen=True)
class Blocks:
    """I-JEPA's masks: → [context bool (B, L), targets bool (B, count, L)]. Source: Assran et al. 2023, section 3.

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

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count is {self.count}; expected 1 target or more")
        for name, (low, high) in (("target", self.target), ("context", self.context)):
            if not 0 < low <= high <= 1:
                raise ValueError(f"{name} is ({low}, {high}); expected (low, high) with 0 < low ≤ high ≤ 1")

    def __call__(self, x: Tensor, generator: torch.Generator) -> list[Tensor]:
        grid, b, device = _grid(x, self.patch), len(x), x.device
        size = _size(grid, self.target, (0.75, 1.5), generator, device)
        large = _size(grid, self.context, (1.0, 1.0), generator, device)
        targets = torch.ones(b, self.count, *grid, dtype=torch.bool, device=device)
        context = torch.zeros(b, *grid, dtype=torch.bool, device=device)
        for _ in range(TRIES):
            # The poorest picture sets the context of all: whoever has less than a quarter is drawn again.
            poor = context.sum((1, 2)) < max(1, grid[0] * grid[1] // 4)
            if not bool(poor.any()):
                break
            new = _placed(b, self.count, grid, size, generator, device)
            targets = torch.where(poor[:, None, None, None], new, targets)
            around = _placed(b, 1, grid, large, generator, device)[:, 0] & ~new.any(1)
            context = torch.where(poor[:, None, None], around, context)
        else:
            raise ValueError(
                f"{self.count} targets, each {self.target} of the picture, leave less than a quarter of it as context "
                f"({TRIES} draws); expected fewer or smaller targets"
            )
        targets, context = targets.flatten(2), context.flatten(1)
        least = int(context.sum(1).min())
        draw = torch.rand(context.shape, generator=generator, device=x.device).masked_fill(~context, 2.0)
        return [draw.argsort(1).argsort(1) < least, targets]


@dataclass(frozen=True)
class Scattered:
    """MAE's mask in I-JEPA's form: → [context bool (B, L), one target bool (B, 1, L)], which together are all patches.

    Args:
        patch: side of a patch, pixels.
        ratio: share of the patches that is the target.

    Raises:
        ValueError: see `RandomPatches`.
    """

    patch: int = 4
    ratio: float = 0.75

    def __post_init__(self) -> None:
        RandomPatches(self.patch, self.ratio)

    def __call__(self, x: Tensor, generator: torch.Generator) -> list[Tensor]:
        (hidden,) = RandomPatches(self.patch, self.ratio)(x, generator)
        return [~hidden, hidden[:, None]]


@dataclass(frozen=True)
class Region:
    """One hidden square at a random place: → [bool (B, H, W)]. Source: Pathak et al. 2016, section 3.3.

    Args:
        share: of the picture's area.

    Raises:
        ValueError: a share that hides nothing or everything.
    """

    share: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share is {self.share}; expected a share of the area between 0 and 1, both excluded")

    def __call__(self, x: Tensor, generator: torch.Generator) -> list[Tensor]:
        height, width = x.shape[2:]
        size = (max(1, round(height * math.sqrt(self.share))), max(1, round(width * math.sqrt(self.share))))
        return [_placed(len(x), 1, (height, width), size, generator, x.device)[:, 0]]


def mae(size: int = 32, patch: int = 4, ratio: float = 0.75, **settings: Any) -> Masked:
    """MAE's view: [pictures, hidden (B, L)]. Crop and flip as in `weak`; `settings` override any strength."""
    return Masked(weak(size, **settings), RandomPatches(patch, ratio))


def jepa(size: int = 32, patch: int = 4, count: int = 4, **settings: Any) -> Masked:
    """I-JEPA's view: [pictures, context (B, L), targets (B, count, L)]. `settings` override any strength of `weak`."""
    return Masked(weak(size, **settings), Blocks(patch, count))


def inpainting(size: int = 32, share: float = 0.25, **settings: Any) -> Masked:
    """The context encoder's view: [pictures, hidden (B, H, W)]. `settings` override any strength of `weak`."""
    return Masked(weak(size, **settings), Region(share))


def _size(
    grid: tuple[int, int], share: Range, aspect: Range, generator: torch.Generator, device: torch.device
) -> tuple[int, int]:
    """Rows and columns of a rectangle whose share of the grid and whose rows / columns are drawn from these ranges."""
    rows, columns = grid
    u = torch.rand(2, generator=generator, device=device).tolist()
    area = rows * columns * (share[0] + u[0] * (share[1] - share[0]))
    tall = math.exp(math.log(aspect[0]) + u[1] * (math.log(aspect[1]) - math.log(aspect[0])))
    return min(rows, max(1, round(math.sqrt(area * tall)))), min(columns, max(1, round(math.sqrt(area / tall))))


def _placed(
    b: int, count: int, grid: tuple[int, int], size: tuple[int, int], generator: torch.Generator, device: torch.device
) -> Tensor:
    """bool (B, count, rows, columns): rectangles of `size`, each at a place of its own."""
    inside = []
    for u, length, side in zip(torch.rand(2, b, count, 1, generator=generator, device=device), grid, size, strict=True):
        first = (u * (length - side + 1)).long()
        place = torch.arange(length, device=device)
        inside.append((place >= first) & (place < first + side))
    return inside[0][:, :, :, None] & inside[1][:, :, None, :]


def _grid(x: Tensor, patch: int) -> tuple[int, int]:
    if patch < 1 or x.shape[2] % patch or x.shape[3] % patch:
        raise ValueError(
            f"patch is {patch} and the pictures have {x.shape[2]}×{x.shape[3]} pixels; expected a patch that divides "
            "both sides"
        )
    return x.shape[2] // patch, x.shape[3] // patch
