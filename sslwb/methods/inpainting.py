"""Inpainting. Source: Pathak et al. 2016, "Context Encoders: Feature Learning by Inpainting", without the adversarial
term. Lesson 09."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslwb.augment.images import as_float
from sslwb.augment.masks import Hole
from sslwb.core import Views, as_views, check_shapes, may_read, usual, whole
from sslwb.methods.base import Method, full_precision
from sslwb.nets import Decoder, seeded
from sslwb.nets.convolutional import ConvEncoder

GREY = 0.5  # what the encoder sees in place of the hidden region


@full_precision
def region_loss(painted: Tensor, x: Tensor, hidden: Tensor) -> Tensor:
    """The mean squared error inside the hidden region: (B, C, H, W) twice, bool (B, H, W) → scalar. Equation 1.

    Raises:
        TypeError: no tensors of floats, or a mask that is not of bools.
        ValueError: different shapes, or nothing hidden.
    """
    check_shapes(painted=(painted, "B C H W"), x=(x, "B C H W"), hidden=(hidden, "bool B H W"))
    if may_read(hidden) and not hidden.any():
        raise ValueError("hidden marks no pixel; expected a region: the loss is of hidden pixels alone")
    return ((painted - x).square().mean(1) * hidden).sum() / hidden.sum()


class Inpainting(Method):
    """Paint a hidden region from what is around it: encoder, a wide bottleneck, a small decoder, squared error.

    Args:
        encoder: the small convolutional encoder, `sslwb.nets.conv`, which halves a picture three times.
        size: of the pictures, pixels.
        code: length of the bottleneck through which all that is painted has to pass.
        seed: of the decoder's first weights.

    Raises:
        TypeError: an encoder that is not convolutional.
        ValueError: pictures of another size, masks that do not fit.
    """

    encoder: ConvEncoder

    def __init__(self, encoder: nn.Module, size: int = 32, code: int = 256, seed: int = 0) -> None:
        super().__init__(encoder)
        if not isinstance(encoder, ConvEncoder):
            raise TypeError(f"encoder is {type(encoder).__name__}; expected a convolutional one: nets.conv(…)")
        channels = self.encoder.channels
        whole("code", code, least=1)
        if whole("size", size, least=8) % 8:
            raise ValueError(f"size is {size}; expected a multiple of 8: encoder and decoder halve and double it")
        self.size = size
        places = size // 8 * (size // 8)  # the encoder halves the picture three times
        with seeded(seed):
            self.code = nn.Sequential(nn.Flatten(), nn.Linear(self.encoder.dim * places, code), nn.ReLU(inplace=True))
            self.decoder = Decoder(code, channels, size)

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, hidden = as_views(views, Hole, x="B C H W", hidden="bool B H W")
        return {"loss": region_loss(self.paint(x, hidden), x, hidden)}

    def answers(self, views: Views) -> Tensor:
        x, hidden = as_views(views, Hole, x="B C H W", hidden="bool B H W")
        return x.movedim(1, 3)[hidden]

    def paint(self, x: Tensor, hidden: Tensor) -> Tensor:
        """What the decoder makes of what is around the hidden region: (B, C, H, W), bool (B, H, W) → (B, C, H, W)."""
        side = self.size
        if x.shape[2:] != (side, side) or hidden.shape != (len(x), side, side):
            raise ValueError(
                f"x has shape {tuple(x.shape)} and hidden {tuple(hidden.shape)}; this decoder paints {side}×{side} "
                f"pixels: expected (B, C, {side}, {side}) and (B, {side}, {side})"
            )
        pixels: Tensor = self.decoder(self.code(self.encoder.features(torch.where(hidden[:, None], GREY, x))))
        return pixels

    @usual(dtype=False)
    def reconstruct(self, x: Tensor, hidden: Tensor) -> Tensor:
        """The pictures with the hidden region painted: (B, C, H, W) in [0, 1], bool (B, H, W) → (B, C, H, W)."""
        x = as_float(x)
        return torch.where(hidden[:, None], self.paint(x, hidden).float().clamp(0, 1), x)
