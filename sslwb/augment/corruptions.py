"""Pictures as a bad camera gives them, to measure how far a finished net falls: noise, blur, and something in front.

Source of the first two: Hendrycks & Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations". Lesson 21.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from sslwb.augment.images import as_float, gaussian_blur
from sslwb.core import as_tensor, typed

GREY = 0.5


@typed
def noise(x: Tensor, std: float = 0.1, *, seed: int = 0) -> Tensor:
    """Add a normal number to every value, uint8 or floats from 0 to 1, (B, C, H, W) → the same type.

    Args:
        x: pictures.
        std: standard deviation, where white is 1.
        seed: of the numbers.

    Raises:
        TypeError: x is no tensor of bytes or floats.
        ValueError: std below 0 or not finite, another shape, or floats outside 0 to 1.
    """
    _check("std", std, math.inf)
    g = torch.Generator().manual_seed(seed)
    return _changed(x, lambda p: p + std * torch.randn(p.shape, generator=g).to(p))


@typed
def blur(x: Tensor, sigma: float = 1.0) -> Tensor:
    """Blur pictures as a lens out of focus does, with a Gaussian, (B, C, H, W) → the same type.

    Args:
        x: pictures, uint8 or floats from 0 to 1.
        sigma: standard deviation, pixels; 0 leaves them as they are.

    Raises:
        TypeError: x is no tensor of bytes or floats.
        ValueError: sigma below 0 or not finite, another shape, or floats outside 0 to 1.
    """
    _check("sigma", sigma, math.inf)
    if not sigma:
        return _changed(x, lambda p: p)
    return _changed(x, lambda p: gaussian_blur(p, p.new_full((len(p),), sigma), sigma))


@typed
def occlude(x: Tensor, share: float = 0.1, *, seed: int = 0) -> Tensor:
    """Put a grey square of this share of the area somewhere in front of each picture, (B, C, H, W) → the same type.

    Args:
        x: pictures, uint8 or floats from 0 to 1.
        share: of each picture's area, 0 to 1.
        seed: of the places.

    Raises:
        TypeError: x is no tensor of bytes or floats.
        ValueError: share outside 0 to 1, another shape, or floats outside 0 to 1.
    """
    _check("share", share, 1)
    g = torch.Generator().manual_seed(seed)

    def hidden(p: Tensor) -> Tensor:
        inside = torch.ones(1, 1, 1, 1, dtype=torch.bool)
        for axis, side in ((2, p.shape[2]), (3, p.shape[3])):
            long = round(side * math.sqrt(share))
            start = (torch.rand(len(p), 1, generator=g) * (side - long + 1)).long()
            at = torch.arange(side)
            here = (at >= start) & (at < start + long)  # (B, side)
            inside = inside & (here[:, None, :, None] if axis == 2 else here[:, None, None])
        return torch.where(inside.to(p.device), GREY, p)

    return _changed(x, hidden)


def _check(name: str, value: float, most: float) -> None:
    if not 0 <= value <= most or math.isinf(value):
        raise ValueError(f"{name} is {value}; expected {'0 or more' if most == math.inf else f'0 to {most:g}'}")


def _changed(x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    x = as_tensor("x", x)
    y = change(as_float(x)).clamp(0, 1)
    return (y * 255).round().to(torch.uint8) if x.dtype == torch.uint8 else y
