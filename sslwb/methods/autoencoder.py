"""Autoencoder. Source: Hinton and Salakhutdinov 2006, "Reducing the Dimensionality of Data with Neural Networks";
that a linear one is PCA: Baldi and Hornik 1989, "Neural Networks and Principal Component Analysis". Lesson 14."""

from __future__ import annotations

from torch import Tensor, nn

from sslwb.augment.images import as_float
from sslwb.core import Views, check_shapes, usual, whole
from sslwb.methods.base import Method, check_views, full_precision
from sslwb.nets import Decoder, seeded


@full_precision
def reconstruction_loss(painted: Tensor, x: Tensor) -> Tensor:
    """The mean squared error of all values of all pixels: (B, C, H, W) twice → scalar.

    Raises:
        TypeError: no tensors of floats.
        ValueError: different shapes.
    """
    check_shapes(painted=(painted, "B C H W"), x=(x, "B C H W"))
    return (painted - x).square().mean()


class Autoencoder(Method):
    """Paint a picture from its code: encoder(x) → (B, encoder.dim) is all that the decoder is given.

    A code of fewer numbers than the picture has is a bottleneck (under-complete); with as many or more of them a copy
    would do (over-complete).

    Args:
        encoder: of pictures, its `.dim` the length of the code: `nets.bottleneck(nets.conv(16), dim, size)`. A mean
            over places, as `nets.conv` alone takes it, does not say where a thing is.
        size: of the pictures, pixels.
        linear: whether the decoder is one linear map. With `nets.linear(dim, channels, size)` as the encoder, the
            decoder's columns then span what PCA's first `dim` components span.
        seed: of the decoder's first weights.

    Raises:
        TypeError: an encoder that does not say how many channels its pictures have.
        ValueError: an encoder made for another size; a size that the decoder cannot paint; other pictures.
    """

    def __init__(self, encoder: nn.Module, size: int = 32, linear: bool = False, seed: int = 0) -> None:
        super().__init__(encoder)
        whole("size", size, least=1)
        self.channels, self.size, dim = channels_of(encoder, size), size, self.encoder.dim
        self.decoder: nn.Module
        with seeded(seed):
            if linear:
                shape = (self.channels, size, size)
                self.decoder = nn.Sequential(nn.Linear(dim, self.channels * size**2), nn.Unflatten(1, shape))
            else:
                self.decoder = Decoder(dim, self.channels, size)

    def forward(self, views: Views) -> dict[str, Tensor]:
        x = one_picture(views)
        return {"loss": reconstruction_loss(self.paint(x), x)}

    def answers(self, views: Views) -> Tensor:
        return one_picture(views).flatten(1)

    def paint(self, x: Tensor) -> Tensor:
        """What the decoder makes of the code: (B, C, size, size) → the same shape, any number.

        Raises ValueError where x has another shape.
        """
        check_size(x, self.channels, self.size)
        pixels: Tensor = self.decoder(self.encoder(x))
        return pixels

    @usual(dtype=False)
    def reconstruct(self, x: Tensor) -> Tensor:
        """The pictures as they come through the code: (B, C, size, size) in [0, 1] or bytes → the same, in [0, 1]."""
        return self.paint(as_float(x)).float().clamp(0, 1)


def channels_of(encoder: nn.Module, size: int) -> int:
    """How many channels the pictures of an encoder have.

    Raises:
        TypeError: it does not say so.
        ValueError: it was made for pictures of another size.
    """
    channels, made_for = getattr(encoder, "channels", None), getattr(encoder, "size", size)
    if not isinstance(channels, int):
        raise TypeError(
            f"encoder is {type(encoder).__name__} without an integer .channels; expected one of pictures, such as "
            "nets.bottleneck(nets.conv(16), 32, size)"
        )
    if made_for != size:
        raise ValueError(f"size is {size}, and the encoder was made for size={made_for}; expected the same for both")
    return channels


def check_size(x: Tensor, channels: int, size: int) -> None:
    """Raise ValueError unless x is a batch of pictures (B, channels, size, size)."""
    if x.shape[1:] != (channels, size, size):
        raise ValueError(f"x has shape {tuple(x.shape)}; expected (B, {channels}, {size}, {size})")


def one_picture(views: Views) -> Tensor:
    """The only view. Raises ValueError where there are several, or it is no batch of pictures (B, C, H, W)."""
    check_views(views, at_least=1, of=1)
    if len(views) > 1:
        raise ValueError(
            f"views holds {len(views)} tensors; expected one, which is painted as it is: augment.images.weak(size)"
        )
    check_shapes(x=(views[0], "B C H W"))
    return views[0]
