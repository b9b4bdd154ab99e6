"""Exercises on what is hidden: pictures cut into patches, and a mask that hides equally many of each. Lesson 10."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from sslwb.check.report import Mistake, Report, drawn, judge
from sslwb.nets import patches


def patchify(f: Any) -> Report:
    """Check `f(x, patch)`: (B, C, H, W) → (B, L, C · patch²) in reading order, against `nets.patches.patchify`."""

    def cut(x: Tensor, p: int) -> Tensor:
        """(B, C, rows, patch, columns, patch)."""
        parts: Tensor = x.unflatten(3, (-1, p)).unflatten(2, (-1, p))
        return parts

    def ordered(x: Tensor, p: int, *dims: int) -> Tensor:
        """The axes of `cut` in this order, then as rows of patches."""
        return cut(x, p).permute(0, *dims).reshape(len(x), -1, x.shape[1] * p * p)

    def strided(x: Tensor, p: int) -> Tensor:
        # pixel (r, c) to patch (r mod rows, c mod columns)
        parts: Tensor = x.unflatten(3, (p, -1)).unflatten(2, (p, -1))
        return parts.permute(0, 3, 5, 1, 2, 4).reshape(len(x), -1, x.shape[1] * p * p)

    mistakes = [
        Mistake(
            "You gave a patch pixel by pixel, red, green, blue. Here it is channel by channel: all red values "
            "first. Put the channel before the pixels of the patch.",
            lambda x, p: ordered(x, p, 2, 4, 3, 5, 1),
        ),
        Mistake(
            "Your patches run down the columns. Reading order: along the first row, then the second.",
            lambda x, p: ordered(x, p, 4, 2, 1, 3, 5),
        ),
        Mistake(
            "Each of your patches is turned over, rows for columns: inside a patch the row comes first.",
            lambda x, p: ordered(x, p, 2, 4, 1, 5, 3),
        ),
        Mistake(
            "You only reshaped: neighbours in memory are pixels of one row, not of one square. Split height and "
            "width into (rows, patch) and (columns, patch), bring rows and columns forward, then reshape.",
            lambda x, p: x.reshape(len(x), -1, x.shape[1] * p * p),
        ),
        Mistake(
            "You split the sides the wrong way round: height is (rows, patch), in this order. Yours puts pixels "
            "that lie far apart into one patch.",
            strided,
        ),
        Mistake(
            "The pixels come first and the patches last: (B, L, C · patch²), so exchange the last two axes.",
            lambda x, p: patches.patchify(x, p).mT,
        ),
        Mistake(
            "Your patches are mixed across channels: height and width were split, but the channel stayed in "
            "front, so a row holds pixels of several places. Bring rows and columns forward, then channel and pixels.",
            lambda x, p: ordered(x, p, 1, 2, 4, 3, 5),
        ),
        Mistake(
            "Inside a patch the channel stands between row and column: channel first, then row, then column.",
            lambda x, p: ordered(x, p, 2, 4, 3, 1, 5),
        ),
        Mistake(
            "Pixel by pixel, and each patch turned over: the order inside a patch is channel, row, column.",
            lambda x, p: ordered(x, p, 2, 4, 5, 3, 1),
        ),
        Mistake(
            "You exchanged the columns of patches with the rows of pixels: the order is patch row, patch column, "
            "channel, row, column.",
            lambda x, p: ordered(x, p, 2, 3, 1, 4, 5),
        ),
        Mistake(
            "Each channel became patches of its own: one row holds all channels of a place, C · patch² numbers.",
            lambda x, p: cut(x, p).permute(0, 1, 2, 4, 3, 5).reshape(len(x), -1, p * p),
        ),
        Mistake(
            "Your squares overlap: they are a patch apart (stride=patch).",
            lambda x, p: torch.nn.functional.unfold(x, p).mT,
        ),
        Mistake(
            "Your patches run down the columns, and each is turned over: rows before columns, outside and inside.",
            lambda x, p: ordered(x, p, 4, 2, 1, 5, 3),
        ),
        Mistake(
            "Only the first channel is there: a patch holds all of them, C · patch² numbers.",
            lambda x, p: patches.patchify(x[:, :1], p),
        ),
        Mistake(
            "You took the mean of each patch: keep all its numbers.",
            lambda x, p: cut(x, p).mean((3, 5)).flatten(2).mT,
        ),
        Mistake(
            "You kept rows and columns of patches apart: put them together, L = rows · columns.",
            lambda x, p: cut(x, p).permute(0, 2, 4, 1, 3, 5).flatten(3),
        ),
        Mistake(
            "You kept channel, row and column of a patch apart: put them together, C · patch² numbers.",
            lambda x, p: cut(x, p).permute(0, 2, 4, 1, 3, 5).flatten(1, 2),
        ),
        Mistake(
            "You scaled each patch to mean 0 and deviation 1: a patch holds the pixels as they are.",
            lambda x, p: torch.nn.functional.layer_norm(patches.patchify(x, p), (x.shape[1] * p * p,)),
        ),
        Mistake(
            "You rescaled the values: a patch holds the pixels as they are.",
            lambda x, p: (patches.patchify(x, p) - 0.5) * 4,
        ),
    ]

    def draw(g: torch.Generator, B: int, C: int, H: int, W: int, patch: int) -> tuple[Any, ...]:
        return torch.rand(B, C, H, W, generator=g), patch

    shapes = ((2, 3, 4, 4, 2), (1, 1, 6, 6, 3), (2, 3, 4, 8, 2), (3, 2, 6, 9, 3))
    trials = drawn(
        draw,
        "x of shape ({B}, {C}, {H}, {W}), patch {patch}",
        *(dict(zip(("B", "C", "H", "W", "patch"), shape, strict=True)) for shape in shapes),
    )
    return judge(
        "patchify",
        f,
        patches.patchify,
        trials,
        mistakes,
        arguments=("x", "patch"),
        agrees_with="sslwb.nets.patches.patchify",
    )


def mask_sampling(f: Any) -> Report:
    """Check `f(noise, ratio)`: (B, L) numbers, all different → bool (B, L), True where a patch is hidden.

    In each row the round(ratio · L) patches with the smallest noise are hidden. Source: He et al. 2022, section 3.
    """

    def count(noise: Tensor, ratio: float) -> int:
        return round(ratio * noise.shape[1])

    def hidden(noise: Tensor, ratio: float) -> Tensor:
        return noise.argsort(1).argsort(1) < count(noise, ratio)

    mistakes = [
        Mistake("You marked what stays visible. True means hidden here.", lambda n, r: ~hidden(n, r)),
        Mistake(
            "You hid the patches with the largest noise: it is those with the smallest.", lambda n, r: hidden(-n, r)
        ),
        Mistake(
            "You compared the noise with the ratio. That hides about the right share, in one picture more and in "
            "the next fewer, and rows of different length fill no tensor. Sort, and count.",
            lambda n, r: n < r,
        ),
        Mistake(
            "argsort says which patch comes first, second …; you need the rank of each patch. Sort twice: "
            "noise.argsort(1).argsort(1).",
            lambda n, r: n.argsort(1) < count(n, r),
        ),
        Mistake(
            "All your pictures have one and the same mask: each row has noise of its own.",
            lambda n, r: hidden(n, r)[:1].expand_as(n),
        ),
        Mistake(
            "You sorted along the batch (dim=0): each picture, a row, is sorted by itself (dim=1).",
            lambda n, r: n.argsort(0).argsort(0) < round(r * len(n)),
        ),
        Mistake(
            "You sorted all pictures together: each row hides equally many.",
            lambda n, r: (n.flatten().argsort().argsort() < round(r * n.numel())).view_as(n),
        ),
        Mistake(
            "You sorted all pictures together: each row hides equally many.",
            lambda n, r: (n.flatten().argsort().argsort() < count(n, r) * len(n)).view_as(n),
        ),
        Mistake(
            "The count is of the rows (pictures): round(ratio · L) with L = noise.shape[1].",
            lambda n, r: n.argsort(1).argsort(1) < round(r * len(n)),
        ),
        Mistake(
            "You cut the count off, int(ratio · L): round it.",
            lambda n, r: n.argsort(1).argsort(1) < int(r * n.shape[1]),
        ),
        Mistake(
            "You rounded the count up, ceil(ratio · L): round it to the nearest.",
            lambda n, r: n.argsort(1).argsort(1) < math.ceil(r * n.shape[1]),
        ),
        Mistake(
            "You hide one patch too many: `<` in place of `<=`, as ranks count from 0.",
            lambda n, r: n.argsort(1).argsort(1) <= count(n, r),
        ),
        Mistake(
            "You hide one patch too few: `<=` in place of `<`, if you compare with the largest noise that is "
            "still hidden.",
            lambda n, r: n.argsort(1).argsort(1) < count(n, r) - 1,
        ),
        Mistake(
            "You counted the visible ones by rounding and hid the rest in the wrong place: the smallest noise is "
            "hidden, not "
            "the last of the sorted.",
            lambda n, r: n.argsort(1).argsort(1) >= n.shape[1] - count(n, r),
        ),
        Mistake(
            "You compared with the quantile or the mean of the noise: count the patches, so that all rows hide "
            "equally many.",
            lambda n, r: n < n.mean(1, keepdim=True),
        ),
        Mistake(
            "You compared with a quantile over all pictures: sort each row by itself, and count.",
            lambda n, r: n < n.quantile(r),
        ),
        Mistake(
            "You compared with a quantile of each row, which need not hide round(ratio · L): sort, and count.",
            lambda n, r: n < n.quantile(r, dim=1, keepdim=True),
        ),
        Mistake(
            "You compared with a quantile of each row, which need not hide round(ratio · L): sort, and count.",
            lambda n, r: n <= n.quantile(r, dim=1, keepdim=True),
        ),
        Mistake(
            "You compared the noise with 1 - ratio. That hides equally many only by luck: sort, and count.",
            lambda n, r: n < 1 - r,
        ),
        Mistake("You compared the noise with 1 - ratio: sort, and count.", lambda n, r: n > 1 - r),
        Mistake("You compared the noise with the ratio: sort, and count.", lambda n, r: n > r),
        Mistake(
            "Half of the patches are hidden, whatever the ratio is: round(ratio · L).",
            lambda n, r: n.argsort(1).argsort(1) < n.shape[1] // 2,
        ),
        Mistake(
            "Three quarters of the patches are hidden, whatever the ratio is: round(ratio · L).",
            lambda n, r: n.argsort(1).argsort(1) < round(0.75 * n.shape[1]),
        ),
        Mistake("All patches are hidden.", lambda n, r: torch.ones_like(n).bool()),
        Mistake("No patch is hidden.", lambda n, r: torch.zeros_like(n).bool()),
        Mistake(
            "These are the numbers of the hidden patches. A mask is asked for: bool (B, L), True where a patch "
            "is hidden, "
            "for instance zeros.scatter(1, numbers, True).",
            lambda n, r: n.argsort(1)[:, : count(n, r)],
        ),
        Mistake(
            "You hid in each row the last of its patches in order of place: the noise says which.",
            lambda n, r: (torch.arange(n.shape[1]) >= n.shape[1] - count(n, r)).expand_as(n),
        ),
        Mistake("You hid 1 - ratio of the patches: the ratio is the hidden share.", lambda n, r: hidden(n, 1 - r)),
        Mistake(
            "You hid the first patches of each picture: the noise says which.",
            lambda n, r: (torch.arange(n.shape[1]) < count(n, r)).expand_as(n),
        ),
    ]

    def draw(g: torch.Generator, B: int, L: int, ratio: float) -> tuple[Any, ...]:
        return torch.rand(B, L, generator=g), ratio

    # round, ceil and int all differ from each other somewhere: 2.7, 9.6, 1.8 and 2.4 patches
    sizes = ((4, 8, 0.75), (3, 9, 0.3), (6, 16, 0.6), (5, 6, 0.3), (4, 8, 0.3))
    trials = drawn(draw, "B = {B}, L = {L}, ratio {ratio}", *({"B": b, "L": n, "ratio": r} for b, n, r in sizes))
    return judge(
        "mask_sampling",
        f,
        hidden,
        trials,
        mistakes,
        arguments=("noise", "ratio"),
        agrees_with="MAE's random masks",
        places=lambda noise, ratio: {
            "the patch with the largest noise that is to be hidden": noise.argsort(1).argsort(1)
            == count(noise, ratio) - 1,
            "the patch with the smallest noise that is to stay": noise.argsort(1).argsort(1) == count(noise, ratio),
        },
    )
