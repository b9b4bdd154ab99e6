"""From a vector back to pictures: what autoencoders and inpainting paint with, and what a GAN generates with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslwb.core import check_shapes, recorded, whole
from sslwb.nets.seeds import seeded


class Decoder(nn.Module):
    """Vectors (B, dim) → pictures (B, channels, size, size): maps of a quarter of the side, doubled twice.

    What comes out is any number: a loss or a likelihood says what it means.

    Args:
        size: side of the pictures, pixels, a multiple of 4.
        width: channels of the maps.

    Raises:
        TypeError: an argument is no whole number.
        ValueError: one below 1, or a size that is no multiple of 4.
    """

    def __init__(self, dim: int, channels: int = 3, size: int = 32, width: int = 32) -> None:
        super().__init__()
        for name, value in (("dim", dim), ("channels", channels), ("width", width)):
            whole(name, value, least=1)
        if whole("size", size, least=4) % 4:
            raise ValueError(f"size is {size}; expected a multiple of 4: the decoder doubles maps twice")
        self.dim, self.size, self.width = dim, size, width
        self.begin = nn.Linear(dim, width * (size // 4) ** 2)
        layers: list[nn.Module] = []
        for a, b in ((width, width), (width, channels)):
            layers += [
                nn.BatchNorm2d(a),
                nn.ReLU(inplace=True),
                nn.Upsample(scale_factor=2),
                nn.Conv2d(a, b, 3, padding=1),
            ]
        self.layers = nn.Sequential(*layers).to(memory_format=torch.channels_last)

    def forward(self, z: Tensor) -> Tensor:
        """Raises ValueError unless z is (B, dim), TypeError where it is no tensor of floats."""
        check_shapes(z=(z, "B dim"))
        if z.shape[1] != self.dim:
            raise ValueError(f"z has shape {tuple(z.shape)}; this decoder expects (B, {self.dim})")
        side = self.size // 4
        maps = self.begin(z).view(len(z), self.width, side, side)
        pictures: Tensor = self.layers(maps.contiguous(memory_format=torch.channels_last))
        return pictures


@recorded
def decoder(dim: int, channels: int = 3, size: int = 32, width: int = 32, seed: int = 0) -> Decoder:
    """A small convolutional decoder, (B, dim) → (B, channels, size, size); see `Decoder`."""
    with seeded(seed):
        return Decoder(dim, channels, size, width)
