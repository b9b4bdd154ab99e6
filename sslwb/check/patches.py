"""Exercises on what is hidden: pictures cut into patches, and a mask that hides equally many of each. Lesson 10."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sslwb.check.report import Mistake, Report, Trial, judge
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
        parts: Tensor = x.unflatten(3, (p, -1)).unflatten(
            2, (p, -1)
        )  # pixel (r, c) to patch (r mod rows, c mod columns)
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
            "You rescaled the values: a patch holds the pixels as they are.",
            lambda x, p: (patches.patchify(x, p) - 0.5) * 4,
        ),
    ]
    g = torch.Generator().manual_seed(0)
    trials = [
        Trial(f"x of shape {shape}, patch {p}", (torch.rand(shape, generator=g), p))
        for shape, p in (((2, 3, 4, 4), 2), ((1, 1, 6, 6), 3), ((2, 3, 4, 8), 2), ((3, 2, 6, 9), 3))
    ]
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
            "You cut the count off, int(ratio · L): round it.",
            lambda n, r: n.argsort(1).argsort(1) < int(r * n.shape[1]),
        ),
        Mistake("You hid 1 - ratio of the patches: the ratio is the hidden share.", lambda n, r: hidden(n, 1 - r)),
        Mistake(
            "You hid the first patches of each picture: the noise says which.",
            lambda n, r: (torch.arange(n.shape[1]) < count(n, r)).expand_as(n),
        ),
    ]
    g = torch.Generator().manual_seed(0)
    trials = [
        Trial(f"B = {b}, L = {length}, ratio {ratio}", (torch.rand(b, length, generator=g), ratio))
        for b, length, ratio in ((4, 8, 0.75), (3, 9, 0.3), (6, 16, 0.6), (5, 6, 0.3))
    ]
    return judge(
        "mask_sampling", f, hidden, trials, mistakes, arguments=("noise", "ratio"), agrees_with="MAE's random masks"
    )
