"""Pictures of several things, each with its place: what detection and segmentation learn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from sslwb.core import typed
from sslwb.data.containers import Images


@dataclass(frozen=True)
class Scenes(Images):
    """Pictures and what stands where in them; the other attributes as in `Images`.

    A picture has up to K objects; what is left of its row is padding. A picture without an object is a picture too.

    Attributes:
        classes: the names of the kinds 0, 1, 2, …, and of the labels, where there are labels.
        boxes: float32 (N, K, 4): x1, y1, x2, y2 of what is visible of each object, in pixels from the picture's upper
            left corner, 0 ≤ x1 < x2 ≤ W and 0 ≤ y1 < y2 ≤ H. Where there is no object they mean nothing.
        kinds: int64 (N, K): what each object is; -1 where there is none.
        masks: uint8 (N, H, W): k + 1 where object k is visible, 0 where no object is; None where nobody knows.
        depth: int64 (N, K): 0 for the object that is nearest, 1 for the next; -1 where there is none. An object covers
            those behind it. None where nobody knows.
        objects: in a world, the hidden causes of each object, (N, K), as `factors` are those of a picture; -1 or NaN
            where there is no object.

    Raises:
        TypeError: a column is no tensor of its type.
        ValueError: a shape does not fit; a box outside its picture or without area; a kind beyond the classes; a mask
            of another size, or that names an object which is not there.
    """

    boxes: Tensor = field(kw_only=True)
    kinds: Tensor = field(kw_only=True)
    masks: Tensor | None = field(default=None, kw_only=True)
    depth: Tensor | None = field(default=None, kw_only=True)
    objects: dict[str, Tensor] = field(default_factory=dict, kw_only=True)

    item: ClassVar[str] = "picture"

    def __post_init__(self) -> None:
        super().__post_init__()
        n, k = len(self.x), self.kinds.shape[1] if isinstance(self.kinds, Tensor) and self.kinds.ndim == 2 else "K"
        height, width = self.shape[1:]
        columns = {
            "kinds": (self.kinds, torch.int64, (n, k), "one number an object, -1 where there is none"),
            "boxes": (self.boxes, torch.float32, (n, k, 4), "x1, y1, x2, y2 for each of the kinds"),
            "masks": (self.masks, torch.uint8, (n, height, width), "the size of the pictures"),
            "depth": (self.depth, torch.int64, (n, k), "one number for each of the kinds"),
            **{
                f"objects[{name!r}]": (t, None, (n, k), "one value for each of the kinds")
                for name, t in self.objects.items()
            },
        }
        for name, (t, dtype, shape, meaning) in columns.items():
            if t is None and name in ("masks", "depth"):
                continue
            if not isinstance(t, Tensor) or (dtype and t.dtype != dtype):
                came = t.dtype if isinstance(t, Tensor) else type(t).__name__
                raise TypeError(f"{name} is {came}; expected a tensor of {dtype or 'numbers'}")
            if t.shape != shape:
                wanted = f"({', '.join(map(str, shape))})"
                raise ValueError(f"{name} has shape {tuple(t.shape)}; expected {wanted}: {meaning}")
        self._check_kinds()
        self._check_boxes(width, height)
        self._check_masks()

    @property
    def there(self) -> Tensor:
        """bool (N, K): where there is an object."""
        return self.kinds >= 0

    @property
    def semantic(self) -> Tensor:
        """int64 (N, H, W): 1 + the kind of what is visible at each pixel, 0 where no object is.

        Raises:
            ValueError: nobody knows the masks.
        """
        if self.masks is None:
            raise ValueError(
                f"{self.name or 'this data set'} has no masks (masks is None); expected pictures whose pixels are "
                'labelled, such as load("scenes") gives'
            )
        known = torch.cat((torch.zeros_like(self.kinds[:, :1]), self.kinds + 1), 1)  # (N, 1 + K)
        return known.gather(1, self.masks.flatten(1).long()).view(self.masks.shape)

    def _check_kinds(self) -> None:
        if not self.kinds.numel():
            return
        low, high = (int(bound) for bound in self.kinds.aminmax())
        most = len(self.classes) - 1 if self.classes else high
        if low < -1 or high > most:
            raise ValueError(
                f"kinds run from {low} to {high}; expected -1, for no object, or 0 to {most}: one number for each of "
                f"the {len(self.classes)} classes"
            )

    def _check_boxes(self, width: int, height: int) -> None:
        x1, y1, x2, y2 = self.boxes.unbind(2)
        inside = (x1 >= 0) & (y1 >= 0) & (x2 <= width) & (y2 <= height)  # not a number is not inside
        for right, fault, hint in (
            (inside, "lies outside", "cut it to the picture, or leave the object out"),
            ((x1 < x2) & (y1 < y2), "has no area in", "x1 < x2 and y1 < y2, or kind -1 for padding"),
        ):
            if (wrong := self.there & ~right).any():
                i, k = wrong.nonzero()[0].tolist()
                came = [round(v, 3) for v in self.boxes[i, k].tolist()]
                raise ValueError(
                    f"boxes[{i}, {k}] is {came}, which {fault} its picture; expected x1, y1, x2, y2 in pixels, x from "
                    f"0 to {width} and y from 0 to {height}: {hint}"
                )

    def _check_masks(self) -> None:
        if self.masks is None or not self.masks.numel():
            return
        if (most := int(self.masks.max())) > self.kinds.shape[1]:
            raise ValueError(f"masks run to {most}; expected 0 to {self.kinds.shape[1]}: k + 1 where object k is seen")
        named = torch.zeros(len(self), self.kinds.shape[1] + 1, dtype=torch.bool, device=self.device)
        named.scatter_(1, self.masks.flatten(1).long(), True)
        if (wrong := named[:, 1:] & ~self.there).any():
            i, k = wrong.nonzero()[0].tolist()
            raise ValueError(
                f"masks[{i}] shows object {k}, whose kind is -1; expected pixels of objects that are there, or 0"
            )


@typed
def relations(scenes: Scenes, index: int) -> list[tuple[int, str, int]]:
    """What is true of two objects of one picture: (j, "left of" | "above" | "in front of", k), by their numbers.

    j is left of k where neither reaches the other's centre: j ends before the middle of k, and k begins behind the
    middle of j. So things that stand in each other are neither. "above" is the same of y. j is in front of k where
    their boxes overlap and j is nearer; only where the depth is known.

    Raises:
        IndexError: there is no such picture.
    """
    scene = scenes[index]
    numbers = scene.there[0].nonzero()[:, 0].tolist()
    boxes = scene.boxes[0].tolist()
    depth = None if scene.depth is None else scene.depth[0].tolist()
    found = []
    for j in numbers:
        for k in numbers:
            if j == k:
                continue
            a, b = boxes[j], boxes[k]
            for word, low, high in (("left of", 0, 2), ("above", 1, 3)):
                if a[high] < (b[low] + b[high]) / 2 and b[low] > (a[low] + a[high]) / 2:
                    found.append((j, word, k))
            overlap = a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
            if depth is not None and overlap and depth[j] < depth[k]:
                found.append((j, "in front of", k))
    return found


@typed
def tiles(pictures: Images, side: int = 32, tries: int = 2, *, seed: int = 0) -> Images:
    """A square of each picture, as it is: of some random ones that with the most contrast. No label says where.

    Contrast is the standard deviation of the pixels' values. Two views of a tile show the same thing more often than
    two views of a whole scene.

    Args:
        pictures: N pictures.
        side: height and width of the tiles, pixels.
        tries: squares that are drawn of each picture; 1 takes any.
        seed: of the places.

    Returns:
        N pictures (C, side, side), without labels.

    Raises:
        ValueError: side below 1 or larger than the pictures, tries below 1, or no pictures.
    """
    height, width = pictures.shape[1:]
    if not 1 <= side <= min(height, width):
        raise ValueError(f"side is {side}; expected 1 to {min(height, width)}: the pictures are {height} × {width}")
    if tries < 1 or not len(pictures):
        raise ValueError(f"tries is {tries} of {len(pictures)} pictures; expected 1 or more of both")
    g = torch.Generator().manual_seed(seed)
    row, place = torch.arange(len(pictures)), torch.arange(side)
    best, most = torch.zeros(0), torch.full((len(row),), -1.0)
    for _ in range(tries):
        top, left = (torch.randint(0, long - side + 1, (len(row),), generator=g) for long in (height, width))
        rows, columns = top[:, None] + place, left[:, None] + place
        cut = pictures.x.cpu()[row[:, None, None], :, rows[:, :, None], columns[:, None]].movedim(3, 1)
        spread = cut.float().std((1, 2, 3), correction=0)
        best = torch.where((spread > most)[:, None, None, None], cut, best) if len(best) else cut
        most = torch.maximum(most, spread)
    return Images(best.contiguous(), name=f"tiles of {pictures.name}")
