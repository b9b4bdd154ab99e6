"""BiGAN: a generator, a discriminator, and an encoder that inverts the generator. Source: Donahue et al. 2017,
"Adversarial Feature Learning"; the same game: Dumoulin et al. 2017, "Adversarially Learned Inference"; the game itself:
Goodfellow et al. 2014, "Generative Adversarial Nets"; spectral norm: Miyato et al. 2018. Lesson 16."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from sslwb.augment.images import as_float
from sslwb.core import Views, as_views, check_shapes, number, usual, whole
from sslwb.methods.autoencoder import channels_of, check_size
from sslwb.methods.base import Method, detached, full_precision
from sslwb.methods.vae import Drawn
from sslwb.nets import Decoder, seeded

BETAS = (0.5, 0.99)  # of Adam, for both sides: a memory as long as usual lags behind an opponent that moves


@full_precision
def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """The cross-entropy of calling real pictures real and made ones made, mean + mean: scores (B,) twice → scalar.

    Scores are logits: σ(score) is the probability of being real. Source: Goodfellow et al. 2014, equation 1.

    Raises:
        TypeError: no tensors of floats.
        ValueError: different shapes.
    """
    check_shapes(real=(real, "B"), made=(made, "B"))
    return F.softplus(-real).mean() + F.softplus(made).mean()  # -log σ(real) - log(1 - σ(made))


@full_precision
def generator_loss(made: Tensor) -> Tensor:
    """The non-saturating loss, the mean of -log σ(made): scores (B,) → scalar. Goodfellow et al. 2014, section 3.

    Raises:
        TypeError: no tensor of floats.
        ValueError: another shape.
    """
    check_shapes(made=(made, "B"))
    return F.softplus(-made).mean()


class Discriminator(nn.Module):
    """Pictures (B, channels, size, size) and codes (B, latent) → scores (B,): were they made from the code, or real?

    Args:
        width: channels of the first of three layers, each of which halves the picture.
        spectral: whether each layer's largest singular value is held at 1, so that scores cannot change faster than
            what is judged.
    """

    def __init__(self, channels: int, size: int, latent: int, width: int, spectral: bool) -> None:
        super().__init__()

        def held(layer: nn.Module) -> nn.Module:
            return spectral_norm(layer) if spectral else layer

        layers: list[nn.Module] = []
        for a, b in ((channels, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [held(nn.Conv2d(a, b, 3, stride=2, padding=1)), nn.LeakyReLU(0.2, inplace=True)]
        self.pictures = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        self.codes = nn.Sequential(held(nn.Linear(latent, 4 * width)), nn.LeakyReLU(0.2, inplace=True))
        both = 4 * width * (-(-size // 8)) ** 2 + 4 * width
        hidden = held(nn.Linear(both, 8 * width))
        self.pairs = nn.Sequential(hidden, nn.LeakyReLU(0.2, inplace=True), held(nn.Linear(8 * width, 1)))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        maps = self.pictures((2 * x - 1).contiguous(memory_format=torch.channels_last))
        score: Tensor = self.pairs(torch.cat((maps.flatten(1), self.codes(code)), 1))
        return score[:, 0].float()


class BiGAN(Method):
    """A generator paints pictures of noise, an encoder makes codes of pictures, a discriminator tells pairs apart.

    It is shown (x, code of x) and (picture of noise, noise). Where it can no longer tell them, codes are distributed as
    noise is and the encoder inverts the generator. One loss trains both sides: the discriminator's term sees pictures
    and codes detached, and the term of generator and encoder sees the discriminator detached. Their sum is least,
    4 ln 2 (2.77), where every score is 0, and does not say who is winning: look at "discriminator", "generator", and
    at "score_real" and "score_made", the mean probabilities of being real.

    Args:
        encoder: of pictures, such as `nets.bottleneck(nets.conv(16), 64, size)`; the code is a linear map behind it.
        size: of the pictures, pixels.
        latent: numbers of noise, and of a code: `augment.with_noise(weak(size), latent)`.
        width: channels of the generator's maps, and twice those of the discriminator's first layer.
        spectral: whether the discriminator's layers have spectral norm.
        discriminator_lr: its learning rate, where it is to be another one than that of generator and encoder.
        seed: of the first weights.

    Raises:
        TypeError: an encoder that does not say how many channels its pictures have.
        ValueError: a latent below 1, a width below 2, a learning rate of 0 or less, sizes that do not fit; views of
            another number or shape.
    """

    moving_targets = True
    opponents = ("score_real", "score_made")

    def __init__(
        self,
        encoder: nn.Module,
        size: int = 32,
        latent: int = 32,
        width: int = 32,
        spectral: bool = True,
        discriminator_lr: float | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        self.size, self.latent = whole("size", size, least=8), whole("latent", latent, least=1)
        whole("width", width, least=2)
        if discriminator_lr is not None and not number("discriminator_lr", discriminator_lr) > 0:
            raise ValueError(f"discriminator_lr is {discriminator_lr}; expected a number above 0, or None")
        self.discriminator_lr = discriminator_lr
        self.channels = channels_of(encoder, size)
        with seeded(seed):
            self.code = nn.Linear(self.encoder.dim, latent)
            self.generator: nn.Module = Decoder(latent, self.channels, size, width)
            self.discriminator = Discriminator(self.channels, size, latent, width // 2, spectral)

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, noise = as_views(views, Drawn, x="B C H W", noise="B Z")
        code, picture = self.encode(x), self.paint(noise)
        pairs = torch.cat((x, picture)), torch.cat((code, noise))
        # Each of the two passes moves spectral norm's vectors by a power iteration; both see the same weights.
        real, made = self.discriminator(*(t.detach() for t in pairs)).chunk(2)
        theirs, own = detached(self.discriminator)(*pairs).chunk(2)
        discriminator = discriminator_loss(real, made)
        generator = generator_loss(own) + generator_loss(-theirs)  # the encoder's pairs are to pass for made ones
        scores = {"score_real": real.sigmoid().mean(), "score_made": made.sigmoid().mean()}
        return {"loss": discriminator + generator, "discriminator": discriminator, "generator": generator, **scores}

    def param_groups(self) -> list[dict[str, Any]]:
        judge = {id(p) for p in self.discriminator.parameters()}
        own_lr = {} if self.discriminator_lr is None else {"lr": self.discriminator_lr}
        groups = []
        for group in super().param_groups():
            sides = [[p for p in group["params"] if (id(p) in judge) == judges] for judges in (False, True)]
            groups += [{**group, "params": p, "betas": BETAS, **lr} for p, lr in zip(sides, ({}, own_lr), strict=True)]
        return groups

    def encode(self, x: Tensor) -> Tensor:
        """The code of pictures as an encoder is given them: (B, C, size, size) → (B, latent)."""
        check_size(x, self.channels, self.size)
        code: Tensor = self.code(self.encoder(x)).float()
        return code

    def paint(self, code: Tensor) -> Tensor:
        """The generator's pictures: (B, latent) → (B, C, size, size) in [0, 1].

        Raises ValueError where the codes have another length.
        """
        if code.shape[1:] != (self.latent,):
            raise ValueError(
                f"noise has shape {tuple(code.shape)}; expected (B, {self.latent}): "
                f"augment.with_noise(…, {self.latent})"
            )
        pictures: Tensor = self.generator(code).float().sigmoid()
        return pictures

    @usual(dtype=False)
    def sample(self, noise: Tensor) -> Tensor:
        """Pictures of standard normal noise: (B, latent) → (B, C, size, size) in [0, 1]."""
        return self.paint(noise)

    @usual(dtype=False)
    def codes(self, x: Tensor) -> Tensor:
        """The codes of pictures, (B, C, size, size) in [0, 1] or bytes → (B, latent): noise that would make them."""
        return self.encode(as_float(x))

    @usual(dtype=False)
    def reconstruct(self, x: Tensor) -> Tensor:
        """The pictures that the generator makes of the codes: (B, C, size, size) → the same shape, in [0, 1]."""
        return self.paint(self.codes(x))
