"""VAE. Source: Kingma and Welling 2014, "Auto-Encoding Variational Bayes"; β: Higgins et al. 2017, "beta-VAE"; one
learned σ: Rybkin et al. 2021, "Simple and Effective VAE Training with Calibrated Decoders"; the importance-weighted
bound: Burda et al. 2016, "Importance Weighted Autoencoders". Lesson 15."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sslwb.core import Views, as_views, check_shapes, number, usual, whole
from sslwb.methods.autoencoder import channels_of, check_size
from sslwb.methods.base import Method, check_weight, full_precision
from sslwb.methods.likelihoods import bernoulli_log_likelihood, gaussian_log_likelihood
from sslwb.nets import Decoder, seeded

PART = 500  # pictures that are encoded or painted at once outside of training
FIRST_SIGMA, SIGMA_LR = 0.2, 0.03  # of the Gaussian likelihood: about the spread of pixels; log σ, one number, is fast


class Drawn(NamedTuple):
    """Pictures, and standard normal noise for each latent; `augment.with_noise(…, latent)` makes them."""

    x: Tensor  # (B, C, H, W)
    noise: Tensor  # (B, latent)


@full_precision
def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """A draw from N(mean, variance) that lets gradients through: mean + exp(½ log variance) · noise, (…, Z) each.

    Source: Kingma and Welling 2014, section 2.4. Lesson 15 derives it.

    Raises:
        TypeError: no tensors of floats.
        ValueError: different shapes.
    """
    check_shapes(mean=(mean, "* Z"), log_variance=(log_variance, "* Z"), noise=(noise, "* Z"))
    return mean + (log_variance / 2).exp() * noise


@full_precision
def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """The KL from N(mean, variance) to N(0, 1), summed over the latents, nats: (B, Z) twice → (B,).

    Source: Kingma and Welling 2014, appendix B. Lesson 15 derives it.

    Raises:
        TypeError: no tensors of floats.
        ValueError: different shapes.
    """
    check_shapes(mean=(mean, "B Z"), log_variance=(log_variance, "B Z"))
    return (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2


@full_precision
def elbo(log_likelihood: Tensor, kl: Tensor, beta: float | Tensor = 1.0) -> Tensor:
    """The mean over pictures of log p(x | z) - β · KL, nats: (B,) twice → scalar.

    With β = 1 it is, on average over z, a lower bound of log p(x): Kingma and Welling 2014, equation 3.

    Raises:
        TypeError: no tensors of floats.
        ValueError: shapes that do not fit.
    """
    check_shapes(log_likelihood=(log_likelihood, "B"), kl=(kl, "B"))
    return (log_likelihood - beta * kl).mean()


class VAE(Method):
    """Encoder, a Gaussian posterior of a few latents, a decoder; trained on the evidence lower bound (ELBO).

    Recorded are the loss, -ELBO with the β of the step, and its parts, "reconstruction", which is -log p(x | z), and
    "kl"; all in nats a picture: summed over pixels and latents.

    Args:
        encoder: of pictures, such as `nets.bottleneck(nets.conv(16), 64, size)`. The posterior's mean and log variance
            are one linear map of encoder(x).
        size: of the pictures, pixels.
        latent: how many latents z there are. `augment.with_noise(weak(size), latent)` gives each its noise.
        likelihood: "bernoulli", of values from 0 to 1; or "gaussian", with one σ that is learned.
        beta: weight of the KL; 1 is the ELBO.
        warmup: the share of the steps over which β rises from 0.
        seed: of the first weights of posterior and decoder.

    Raises:
        TypeError: an encoder that does not say how many channels its pictures have.
        ValueError: a latent below 1, β < 0, a warm-up outside [0, 1], another likelihood, sizes that do not fit; data
            outside [0, 1] for a Bernoulli likelihood; views of another number or shape.
    """

    weight: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        size: int = 32,
        latent: int = 16,
        likelihood: str = "bernoulli",
        beta: float = 1.0,
        warmup: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        self.size, self.latent = whole("size", size, least=1), whole("latent", latent, least=1)
        self.channels = channels_of(encoder, size)
        check_weight(beta, "beta")
        if not 0 <= number("warmup", warmup) <= 1:
            raise ValueError(f"warmup is {warmup}; expected a share of the steps, from 0 to 1")
        if likelihood not in ("bernoulli", "gaussian"):
            raise ValueError(f'likelihood is {likelihood!r}; expected "bernoulli" or "gaussian"')
        self.likelihood, self.beta, self.warmup = likelihood, beta, warmup
        with seeded(seed):
            self.to_posterior = nn.Linear(self.encoder.dim, 2 * latent)
            self.decoder: nn.Module = Decoder(latent, self.channels, size)
        if likelihood == "gaussian":
            self.log_sigma = nn.Parameter(torch.tensor(math.log(FIRST_SIGMA)))
        self.register_buffer("weight", torch.tensor(float(beta)), persistent=False)  # β in this step

    def param_groups(self) -> list[dict[str, Any]]:
        if self.likelihood == "bernoulli":
            return super().param_groups()
        rest = [{**g, "params": [p for p in g["params"] if p is not self.log_sigma]} for g in super().param_groups()]
        return [*rest, {"params": [self.log_sigma], "lr": SIGMA_LR, "weight_decay": 0.0}]

    def before_step(self, progress: float) -> None:
        self.weight.fill_(self.beta * min(1.0, progress / self.warmup if self.warmup else 1.0))

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, noise = as_views(views, Drawn, x="B C H W", noise="B Z")
        mean, log_variance = self.posterior(x)
        fits = self.log_likelihood(self.decoder(self._draw(mean, log_variance, noise)), x)
        kl = gaussian_kl(mean, log_variance)
        loss = -elbo(fits, kl, self.weight)
        return {"loss": loss, "reconstruction": -fits.mean(), "kl": kl.mean()}

    def loss_space(self, h: Tensor) -> Tensor:
        return self._halves(h)[0]

    def latent_nats(self, views: Views) -> Tensor:
        mean, log_variance = self.posterior(views[0])
        return gaussian_kl(mean.reshape(-1, 1), log_variance.reshape(-1, 1)).view_as(mean)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of each latent: pictures (B, C, size, size) → (B, latent) twice.

        Raises ValueError where x has another shape.
        """
        check_size(x, self.channels, self.size)
        return self._halves(self.encoder(x))

    def log_likelihood(self, painted: Tensor, x: Tensor) -> Tensor:
        """log p(x | z) of each picture, nats: what the decoder made of z, (B, C, H, W), and x → (B,)."""
        if self.likelihood == "bernoulli":
            return bernoulli_log_likelihood(painted, x)
        return gaussian_log_likelihood(painted, x, self.log_sigma)

    @usual(dtype=False)
    def bound(self, x: Tensor, noise: Tensor) -> Tensor:
        """The importance-weighted lower bound of log p(x), nats: (B, C, size, size), (B, k, latent) → (B,).

        log (1/k) Σ p(x, z) / q(z | x) over k draws z from the posterior. With k = 1 its mean over noise is the ELBO;
        the more draws, the nearer to log p(x). Source: Burda et al. 2016, section 3.

        Raises:
            TypeError: no tensors of floats.
            ValueError: shapes that do not fit.
        """
        check_shapes(x=(x, "B C H W"), noise=(noise, "B k Z"))
        k = noise.shape[1]
        mean, log_variance = (t[:, None].expand(-1, k, -1) for t in _in_parts(self.posterior, x))
        z = self._draw(mean, log_variance, noise)
        # log p(z) - log q(z | x): the constants of both densities cancel
        log_weights = (noise.square() + log_variance - z.square()).sum(2) / 2  # (B, k)
        rows = torch.arange(len(x), device=x.device).repeat_interleave(k)
        (fits,) = _in_parts(lambda z, row: (self.log_likelihood(self.decoder(z), x[row]),), z.flatten(0, 1), rows)
        bound: Tensor = (log_weights + fits.view_as(log_weights)).logsumexp(1) - math.log(k)
        return bound

    @usual(dtype=False)
    def means(self, x: Tensor) -> Tensor:
        """The posterior's mean, a picture's representation: (B, C, size, size) → (B, latent)."""
        return _in_parts(self.posterior, x)[0]

    @usual(dtype=False)
    def paint(self, z: Tensor) -> Tensor:
        """The mean picture of each z: (B, latent) → (B, C, size, size) in [0, 1]."""
        check_shapes(z=(z, "B Z"))
        (pictures,) = _in_parts(lambda z: (self.decoder(z),), z)
        return pictures.sigmoid() if self.likelihood == "bernoulli" else pictures.clamp(0, 1)

    def sample(self, noise: Tensor) -> Tensor:
        """Pictures from the prior, which is standard normal: noise (B, latent) → (B, C, size, size) in [0, 1]."""
        return self.paint(noise)

    def _halves(self, h: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.to_posterior(h).chunk(2, dim=1)
        return mean, log_variance

    def _draw(self, mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
        if noise.shape != mean.shape:
            raise ValueError(
                f"noise has shape {tuple(noise.shape)}; expected {tuple(mean.shape)}, a number for each of the "
                f"{self.latent} latents: augment.with_noise(…, {self.latent})"
            )
        return reparameterise(mean, log_variance, noise)


def _in_parts(function: Callable[..., tuple[Tensor, ...]], *inputs: Tensor) -> list[Tensor]:
    """What a function of rows gives, some rows at a time: many draws of many pictures do not fill the memory."""
    parts = [function(*rows) for rows in zip(*(t.split(PART) for t in inputs), strict=True)]
    return [torch.cat(made) for made in zip(*parts, strict=True)]
