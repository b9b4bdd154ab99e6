"""What detection and segmentation share: maps of features, the items they ask for, and regions without an encoder."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.augment.images import as_float
from sslwb.data import Items

DIFFERENT = 0.06  # from the border's colour, in one channel, from 0 to 1: more than rounding and light noise
FEWEST = 12  # pixels of a region: fewer are noise, or a rim
SIDE = 12  # pixels of a cut-out that is compared with others


def as_maps(h: Tensor) -> Tensor:
    """Features in place as maps: (B, D, H, W) as they are; tokens (B, L, D) of a square grid → (B, D, √L, √L).

    Raises:
        ValueError: another shape, or tokens that fill no square.
    """
    if h.ndim == 4:
        return h
    side = math.isqrt(h.shape[1]) if h.ndim == 3 else 0
    if h.ndim != 3 or side * side != h.shape[1]:
        raise ValueError(
            f"encoder.features gave {tuple(h.shape)}; expected maps (B, dim, H, W), or tokens (B, L, dim) that fill a "
            "square: use square pictures, and an encoder without other tokens than patches"
        )
    maps: Tensor = h.transpose(1, 2).unflatten(2, (side, side))
    return maps


def check_scenes(name: str, data: Items, column: str) -> None:
    """Raise unless these items say what stands where.

    Raises:
        TypeError: items without boxes, or without masks.
        ValueError: no items.
    """
    if getattr(data, column, None) is None:
        raise TypeError(
            f"{name} is {type(data).__name__} without {column}; expected pictures that know their {column}, such as "
            'load("scenes") gives (sslwb.data.Scenes)'
        )
    if not len(data):
        raise ValueError(f"{name} has no items; expected at least one")


class Regions:
    """What finds objects without an encoder: connected regions unlike the picture's border, named after a cut-out.

    Each region's pixels, scaled to one size, are compared with those in the boxes of `train`; the kind of the nearest
    is its name. So it knows what raw pixels tell and learns nothing else. Objects that touch are one region to it.

    Args:
        train: pictures with boxes and kinds.
    """

    def __init__(self, train: Any) -> None:
        where = train.there.cpu().nonzero()
        boxes, kinds = train.boxes.cpu(), train.kinds.cpu()
        x = as_float(train.x).cpu()
        self.kinds = kinds[where[:, 0], where[:, 1]]
        cut = [_cut(x[i], boxes[i, k]) for i, k in where.tolist()]
        self.known = torch.stack(cut) if cut else torch.zeros(0, x.shape[1] * SIDE**2)

    def __call__(self, data: Any) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Of each picture: boxes (R, 4), pixels; kinds int64 (R,); likeness (R,); int64 (H, W), 0 or 1 + region."""
        return [self._of(picture) for picture in as_float(data.x).cpu()]

    def _of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        from scipy import ndimage  # half a second to load

        border = torch.cat((x[:, 0], x[:, -1], x[:, 1:-1, 0], x[:, 1:-1, -1]), 1).median(1).values
        unlike = ((x - border[:, None, None]).abs() > DIFFERENT).any(0)
        numbers, _ = ndimage.label(unlike.numpy())
        regions = torch.zeros(x.shape[1:], dtype=torch.int64)
        boxes = []
        for number, part in enumerate(ndimage.find_objects(numbers)):
            inside = torch.from_numpy(np.asarray(numbers[part] == number + 1))
            if int(inside.sum()) < FEWEST:
                continue
            rows, columns = part
            boxes.append([columns.start, rows.start, columns.stop, rows.stop])
            regions[rows, columns][inside] = len(boxes)
        found = torch.tensor(boxes, dtype=torch.float32).view(-1, 4)
        if not len(found) or not len(self.known):
            nothing = torch.zeros(0)
            return found[:0], nothing.long(), nothing, torch.zeros_like(regions)
        likeness, nearest = (torch.stack([_cut(x, box) for box in found]) @ self.known.T).max(1)
        return found, self.kinds[nearest], likeness, regions


def _cut(x: Tensor, box: Tensor) -> Tensor:
    """The pixels of a box of one picture (C, H, W), scaled to SIDE × SIDE, as one direction of length 1."""
    x1, y1, x2, y2 = (int(v) for v in (*box[:2].floor(), *box[2:].ceil()))
    small = F.interpolate(x[None, :, y1:y2, x1:x2], (SIDE, SIDE), mode="bilinear", antialias=True)[0]
    return F.normalize((small - small.mean((1, 2), keepdim=True)).flatten(), dim=0)
