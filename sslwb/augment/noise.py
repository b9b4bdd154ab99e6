"""Noise on pictures that are kept clean beside it: what a denoising autoencoder is given. Lesson 14."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sslwb.augment.images import RandomViews, weak
from sslwb.augment.masks import RandomPatches
from sslwb.core import recorded, typed, whole


class Noisy(NamedTuple):
    """Pictures with noise, and the same pictures without it; `augment.noise.denoising` makes them."""

    noisy: Tensor  # (B, C, H, W)
    clean: Tensor  # (B, C, H, W)


@recorded
@dataclass(frozen=True)
class Corrupted:
    """Pictures, generator → one view of them, with noise and without it: `Noisy`; see `denoising`."""

    of: RandomViews
    std: float = 0.0
    masked: float = 0.0
    patch: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.std < math.inf:
            raise ValueError(f"std is {self.std}; expected a standard deviation of 0 or more, such as 0.3")
        if not 0 <= self.masked < 1:
            raise ValueError(f"masked is {self.masked}; expected a share from 0 to below 1: something has to be seen")
        whole("patch", self.patch, least=1)

    def __call__(self, batch: Any, generator: torch.Generator) -> Noisy:
        x = noisy = self.of(batch, generator)[0]
        if self.std:
            draw = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
            noisy = (x + self.std * draw).clamp_(0, 1)
        if self.masked:
            hidden, _ = RandomPatches(self.patch, self.masked)(x, generator)
            rows, columns = x.shape[2] // self.patch, x.shape[3] // self.patch
            places = hidden.view(-1, 1, rows, columns)
            for axis in (2, 3):
                places = places.repeat_interleave(self.patch, axis)
            noisy = torch.where(places, 0.5, noisy)  # grey, which is 0 to an encoder
        return Noisy(noisy, x)


@typed
def denoising(size: int = 32, std: float = 0.0, masked: float = 0.0, patch: int = 1, **settings: Any) -> Corrupted:
    """The denoising autoencoder's view: `Noisy`. With neither noise nor mask it is the plain autoencoder's.

    Args:
        size: of the pictures, pixels.
        std: standard deviation of Gaussian noise, the same in every picture (`Augment(noise=…)` draws it anew for
            each); values are cut to [0, 1] after it.
        masked: share of the pixels, or of the squares, that are grey: in each picture others and equally many.
        patch: side of the squares, pixels; 1 hides single pixels.
        settings: override any strength of `weak`.

    Raises:
        ValueError: std below 0, a share outside [0, 1), squares that do not divide the picture.
    """
    return Corrupted(weak(size, **settings), std, masked, patch)
