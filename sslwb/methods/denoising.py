"""Denoising autoencoder. Source: Vincent et al. 2008, "Extracting and Composing Robust Features with Denoising
Autoencoders"; 2010, "Stacked Denoising Autoencoders". Lesson 14."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from sslwb.augment.noise import Noisy
from sslwb.core import Views, as_views, check_shapes
from sslwb.methods.autoencoder import Autoencoder, reconstruction_loss


def denoising_loss(network: Callable[[Tensor], Tensor], clean: Tensor, noisy: Tensor) -> Tensor:
    """What a network makes of noisy pictures, compared with the clean ones: (B, C, H, W) twice → scalar.

    The mean squared error of all values: of those that the noise left alone too.

    Args:
        network: encoder and decoder, pictures (B, C, H, W) → (B, C, H, W).

    Raises:
        TypeError: no tensors of floats.
        ValueError: different shapes.
    """
    check_shapes(clean=(clean, "B C H W"), noisy=(noisy, "B C H W"))
    return reconstruction_loss(network(noisy), clean)


class DenoisingAutoencoder(Autoencoder):
    """Paint the clean picture from the code of a noisy one; all else is the autoencoder's.

    A copy no longer does, however long the code is: what was lost has to be guessed from what is left. The views are
    `augment.noise.denoising(size, std=…, masked=…)`; `reconstruct(x)` takes noise off any picture.
    """

    def forward(self, views: Views) -> dict[str, Tensor]:
        noisy, clean = as_views(views, Noisy, noisy="B C H W", clean="B C H W")
        return {"loss": denoising_loss(self.paint, clean, noisy)}

    def answers(self, views: Views) -> Tensor:
        return as_views(views, Noisy, noisy="B C H W", clean="B C H W").clean.flatten(1)
