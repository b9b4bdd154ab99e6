"""Encoders that end in a few numbers: one linear map of all places of an encoder, or of the pixels themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslwb.core import recorded, whole
from sslwb.nets.encoder import EncoderModule, as_pictures
from sslwb.nets.seeds import seeded


class Bottleneck(EncoderModule):
    """Pictures (B, C, size, size) → (B, dim): an encoder's places behind each other, and one linear map of them.

    `conv` takes the mean over its places, and where a thing is cannot be painted from a mean.

    Attributes:
        encoder: what is in front of the map; None: the pixels themselves.
    """

    def __init__(self, encoder: nn.Module | None, dim: int, channels: int, size: int) -> None:
        super().__init__()
        self.encoder, self.channels, self.size = encoder, channels, size
        self.dim = whole("dim", dim, least=1)
        with torch.no_grad():
            places = self._places(torch.zeros(1, channels, size, size)).shape[1]
        self.map = nn.Linear(places, dim)

    def features(self, x: Tensor) -> Tensor:
        """The numbers behind the map, of which there is one place: (B, C, size, size) → (B, 1, dim)."""
        z: Tensor = self(x)
        return z[:, None]

    def forward(self, x: Tensor) -> Tensor:
        """Raises ValueError unless x is (B, C, size, size), TypeError where it is no tensor of floats."""
        x = as_pictures(x, self.channels, self)
        if x.shape[2:] != (self.size, self.size):
            raise ValueError(
                f"x has shape {tuple(x.shape)}; this encoder was made for size={self.size}: expected (B, "
                f"{self.channels}, {self.size}, {self.size})"
            )
        z: Tensor = self.map(self._places(x))
        return z

    def _places(self, x: Tensor) -> Tensor:
        places: Tensor = (x - 0.5) if self.encoder is None else self.encoder.features(x)  # type: ignore[operator]
        return places.flatten(1)


@recorded
def bottleneck(encoder: nn.Module, dim: int, size: int = 32, seed: int = 0) -> Bottleneck:
    """One linear map of all places of an encoder: pictures (B, C, size, size) → (B, dim).

    Raises:
        TypeError: an encoder without `features` and `channels`, such as `nets.conv` has.
        ValueError: a dim below 1, or pictures that the encoder does not take.
    """
    if not isinstance(encoder, nn.Module) or not hasattr(encoder, "features") or not hasattr(encoder, "channels"):
        raise TypeError(
            f"encoder is {type(encoder).__name__}; expected one that knows places, such as nets.conv(…) or nets.vit(…)"
        )
    whole("size", size, least=1)
    training = encoder.training
    with seeded(seed):
        made = Bottleneck(encoder.eval(), dim, encoder.channels, size)  # type: ignore[arg-type]
    encoder.train(training)
    return made


@recorded
def linear(dim: int, channels: int = 3, size: int = 32, seed: int = 0) -> Bottleneck:
    """One linear map of the pixels, each less one half: pictures (B, channels, size, size) → (B, dim).

    Raises:
        TypeError, ValueError: an argument that is no whole number of 1 or more.
    """
    whole("channels", channels, least=1)
    whole("size", size, least=1)
    with seeded(seed):
        return Bottleneck(None, dim, channels, size)
