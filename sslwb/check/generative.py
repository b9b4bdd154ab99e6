"""Exercises on making pictures: PCA, what a denoiser is compared with, a VAE's draw and its KL, a GAN's two losses, and
the mutual information gap. Lessons 14 to 16."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.check.report import Mistake, Report, drawn, judge, variations
from sslwb.evaluate.disentanglement import information_gaps
from sslwb.methods import denoising, gan, vae

Network = Callable[[Tensor], Tensor]


def pca_reconstruction(f: Any) -> Report:
    """Check `f(x, k)`, rows (N, D) → (N, D): what the first k principal components make of them, and the mean.

    Source: Pearson 1901, "On Lines and Planes of Closest Fit to Systems of Points in Space".
    """

    def truth(x: Tensor, k: int) -> Tensor:
        from sklearn.decomposition import PCA  # takes a second to load

        pca = PCA(k, svd_solver="full").fit(x.numpy())
        return torch.from_numpy(pca.inverse_transform(pca.transform(x.numpy())))

    def painted(
        x: Tensor, k: int, centre: str = "pixel", back: bool = True, part: str = "first", by: str = ""
    ) -> Tensor:
        middle = {"pixel": x.mean(0), "all": x.mean(), "row": x.mean(1, keepdim=True), "none": torch.zeros(())}[centre]
        scale = x.std(0) if by == "deviation" else torch.ones(())
        centred = (x - middle) / scale
        lengths, components = torch.linalg.svd(centred, full_matrices=False)[1:]
        chosen = {
            "first": slice(k),
            "last": slice(-k, None),
            "fewer": slice(k - 1),
            "more": slice(k + 1),
            "one": slice(k - 1, k),
            "second": slice(1, k + 1),
        }[part]
        v, lengths = components[chosen], lengths[chosen]
        codes = centred @ v.T
        codes = {"length": codes / lengths, "lengths": codes * lengths}.get(by, codes)
        made: Tensor = codes @ v * scale + (middle if back else 0)
        return made

    hints: dict[str, dict[str, Any]] = {
        "The mean was not taken off first, so the first component points at the mean picture: subtract x.mean(0), and "
        "add it at the end.": {"centre": "none"},
        "The mean is missing at the end: add x.mean(0) to what the components make.": {"back": False},
        "You took off one number, the mean of everything: each column has its own, x.mean(0).": {"centre": "all"},
        "You took off each row's own mean: expected that of each column over all rows, x.mean(0).": {"centre": "row"},
        "These are the last components, along which the rows vary least: expected the first. torch.linalg.eigh gives "
        "the smallest first, svd the largest.": {"part": "last"},
        "These are k - 1 components: the first k are [:k].": {"part": "fewer"},
        "These are k + 1 components: the first k are [:k].": {"part": "more"},
        "This is the k-th component alone: expected all of the first k.": {"part": "one"},
        "The first component is left out: counting begins at 0.": {"part": "second"},
        "You divided each column by its deviation: PCA takes the mean off and nothing else.": {"by": "deviation"},
        "You divided the numbers of the code by the singular values: that is whitening, and paints too little. The "
        "code is (x - mean) @ components.T alone.": {"by": "length"},
        "The singular values came in twice: (x - mean) @ components.T has their size already.": {"by": "lengths"},
    }

    def projected(x: Tensor, v: Tensor) -> Tensor:
        """What the columns of v (D, k) make of the rows."""
        return (x - x.mean(0)) @ v @ v.T + x.mean(0)

    mistakes = [
        *variations(painted, hints),
        Mistake(
            "You took the first k columns of what torch.linalg.svd gives last: its components are the rows, [:k].",
            lambda x, k: projected(x, torch.linalg.svd(x - x.mean(0))[2][:, :k]),
        ),
        Mistake(
            "You took the last k rows of what torch.linalg.eigh gives: its components are the columns, [:, -k:].",
            lambda x, k: projected(x, torch.linalg.eigh((x - x.mean(0)).T.cov())[1][-k:].T),
        ),
        Mistake("All columns were kept, so this is x itself: expected k components.", lambda x, k: x),
        Mistake("This is the mean for every row: add what the k components make.", lambda x, k: x.mean(0).expand_as(x)),
        Mistake("This is what is lost, x less its painting: expected the painting.", lambda x, k: x - painted(x, k)),
        Mistake(
            "The components of x are right, and x is projected with its mean still in it: (x - mean) @ components.T.",
            lambda x, k: projected(x + x.mean(0), torch.linalg.svd(x - x.mean(0))[2][:k].T),
        ),
    ]

    def draw(g: torch.Generator, N: int, D: int, k: int) -> tuple[Any, ...]:
        mixed = torch.linalg.qr(torch.randn(D, D, generator=g))[0]
        rows = torch.randn(N, D, generator=g) * torch.linspace(2, 0.4, D)
        return rows @ mixed + 2 * torch.randn(D, generator=g), k

    settings = ({"N": 20, "D": 6, "k": 3}, {"N": 9, "D": 5, "k": 2}, {"N": 30, "D": 8, "k": 4})
    return judge(
        "pca_reconstruction",
        f,
        truth,
        drawn(draw, "x of shape ({N}, {D}), k = {k}", *settings),
        [replace(mistake, within=1e-4) for mistake in mistakes],  # svd and eigh round differently
        arguments=("x", "k"),
        agrees_with="scikit-learn's PCA",
    )


def denoising_loss(f: Any) -> Report:
    """Check `f(network, clean, noisy)` → scalar: the mean squared error of what the network makes of the noisy pictures
    (B, C, H, W), beside the clean ones. Source: Vincent et al. 2008, section 2.3."""

    def loss(network: Network, clean: Tensor, noisy: Tensor, given: str = "noisy", target: str = "clean") -> Tensor:
        kinds = {"clean": clean, "noisy": noisy, "noise": noisy - clean}
        return (network(kinds[given]) - kinds[target]).square().mean()

    hints = {
        "The result is compared with the noisy pictures: the target is the clean ones. Copying would be the best "
        "answer to yours.": {"target": "noisy"},
        "The network is given the clean pictures, so there is no noise to take away: give it the noisy ones.": {
            "given": "clean"
        },
        "Clean and noisy pictures are exchanged: the noisy ones go in, and the clean ones are the target.": {
            "given": "clean",
            "target": "noisy",
        },
        "The target is the noise, noisy - clean, as diffusion models have it: here it is the clean pictures.": {
            "target": "noise"
        },
    }

    def errors(how: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
        return lambda network, clean, noisy: how(network(noisy) - clean)

    mistakes = [
        *(Mistake(hint, lambda *i, how=how: loss(*i, **how)) for hint, how in hints.items()),
        Mistake("This is the absolute error: square the differences.", errors(lambda e: e.abs().mean())),
        Mistake("The root is too much: the mean of the squares.", errors(lambda e: e.square().mean().sqrt())),
        Mistake("You added the squares up: take their mean.", errors(lambda e: e.square().sum())),
        Mistake(
            "You added up the squares of each picture, and took the mean over the batch alone: the mean runs over all "
            "numbers.",
            errors(lambda e: e.flatten(1).square().sum(1).mean()),
        ),
        Mistake("The differences are not squared, so that they cancel.", errors(lambda e: e.mean())),
        Mistake(
            "A half stands before your loss: expected the mean of the squares.", errors(lambda e: e.square().mean() / 2)
        ),
        Mistake(
            "The network is not asked: this compares noisy and clean pictures.",
            lambda network, clean, noisy: (noisy - clean).square().mean(),
        ),
        Mistake(
            "The network goes over the pictures twice: once is enough.",
            lambda network, clean, noisy: (network(network(noisy)) - clean).square().mean(),
        ),
        Mistake(
            "The network is asked for the clean pictures too, and both results are compared: the target is the clean "
            "pictures themselves.",
            lambda network, clean, noisy: (network(noisy) - network(clean)).square().mean(),
        ),
        Mistake(
            "This is the cross-entropy: here the error is squared.",
            lambda network, clean, noisy: F.binary_cross_entropy_with_logits(network(noisy), clean),
        ),
    ]

    def draw(g: torch.Generator, B: int, C: int, side: int) -> tuple[Any, ...]:
        weight, shift = torch.randn(2, C, 1, 1, generator=g)

        def network(x: Tensor) -> Tensor:
            made: Tensor = (x * weight + shift).sigmoid()
            return made

        clean = torch.rand(B, C, side, side, generator=g)
        return network, clean, clean + 0.3 * torch.randn(B, C, side, side, generator=g)

    sizes = ((4, 3, 5), (2, 1, 8), (7, 2, 3))
    settings = (dict(zip(("B", "C", "side"), size, strict=True)) for size in sizes)
    return judge(
        "denoising_loss",
        f,
        denoising.denoising_loss,
        drawn(draw, "{B} pictures of {C} channel(s), {side}×{side}", *settings),
        mistakes,
        arguments=("network", "clean", "noisy"),
        agrees_with="sslwb.methods.denoising.denoising_loss",
    )


def reparameterise(f: Any) -> Report:
    """Check `f(mean, log_variance, noise)`, (B, Z) each → (B, Z): mean + exp(½ log variance) · noise, through which
    gradients flow. Source: Kingma and Welling 2014, section 2.4."""

    mistakes = [
        Mistake(
            "You multiplied the noise by the variance, exp(log_variance): by the standard deviation, its root, "
            "exp(log_variance / 2).",
            lambda m, v, e: m + v.exp() * e,
        ),
        Mistake(
            "You multiplied the noise by the logarithm of the variance: exp(log_variance / 2).",
            lambda m, v, e: m + v * e,
        ),
        Mistake(
            "You multiplied the noise by half the logarithm of the variance: take exp of it.",
            lambda m, v, e: m + v / 2 * e,
        ),
        Mistake("The noise is added as it is: multiply it by the standard deviation.", lambda m, v, e: m + e),
        Mistake("The noise is missing: this is no draw, but the mean.", lambda m, v, e: m + 0 * e),
        Mistake("The mean is missing: mean +", lambda m, v, e: (v / 2).exp() * e),
        Mistake(
            "The standard deviation is added, and the noise multiplies nothing: mean + exp(log_variance / 2) · noise.",
            lambda m, v, e: m + (v / 2).exp(),
        ),
        Mistake("The mean is multiplied too: only the noise is.", lambda m, v, e: (v / 2).exp() * (m + e)),
        Mistake(
            "All three are added: the standard deviation multiplies the noise.", lambda m, v, e: m + (v / 2).exp() + e
        ),
        Mistake(
            "You took the root of the exponent's exponent, exp(log_variance) ** 2, or doubled the logarithm: halve it.",
            lambda m, v, e: m + (2 * v).exp() * e,
        ),
        Mistake(
            "You divided by the standard deviation: multiply the noise by it.", lambda m, v, e: m + e / (v / 2).exp()
        ),
        Mistake(
            "This takes a draw back to noise, (… - mean) / deviation: the other way round, mean + deviation · noise.",
            lambda m, v, e: (e - m) / (v / 2).exp(),
        ),
        Mistake("You took the noise off: add it.", lambda m, v, e: m - (v / 2).exp() * e),
        Mistake(
            "exp(log_variance) + 1, or softplus, is no standard deviation here: exp(log_variance / 2).",
            lambda m, v, e: m + F.softplus(v) * e,
        ),
        Mistake("You took the root of the logarithm: exp comes first.", lambda m, v, e: m + v.abs().sqrt() * e),
        Mistake(
            "One number of noise serves all latents of a picture: each latent has its own.",
            lambda m, v, e: m + (v / 2).exp() * e[:, :1],
        ),
        Mistake(
            "One row of noise serves all pictures: each picture has its own.", lambda m, v, e: m + (v / 2).exp() * e[:1]
        ),
    ]

    def explain(error: Exception, _: Any) -> str:
        if "normal expects all elements of std" in str(error):
            return (
                "torch.normal lets no gradient through, and the noise comes in: mean + exp(log_variance / 2) · noise."
            )
        return ""

    def draw(g: torch.Generator, B: int, Z: int) -> tuple[Any, ...]:
        return tuple(torch.randn(3, B, Z, generator=g))

    return judge(
        "reparameterise",
        f,
        vae.reparameterise,
        drawn(draw, "B = {B}, Z = {Z}", *({"B": b, "Z": z} for b, z in ((4, 3), (1, 5), (6, 2)))),
        mistakes,
        arguments=("mean", "log_variance", "noise"),
        agrees_with="sslwb.methods.vae.reparameterise",
        trained=("mean", "log_variance"),
        explain=explain,
    )


def gaussian_kl(f: Any) -> Report:
    """Check `f(mean, log_variance)`, (B, Z) each → (B,): the KL from N(mean, variance) to N(0, 1), summed over the
    latents, nats. Source: Kingma and Welling 2014, appendix B."""

    def kl(m: Tensor, v: Tensor, half: float = 0.5, mean: int = 1, log: int = 1, one: int = 1, to: int = 2) -> Tensor:
        return half * (mean * m.abs().pow(to) + v.exp() - log * v - one).sum(1)

    hints: dict[str, dict[str, Any]] = {
        "The factor ½ is missing.": {"half": 1.0},
        "The sign is turned round: a KL is 0 or more.": {"half": -0.5},
        "The mean's square is missing: a posterior far from 0 costs something.": {"mean": 0},
        "The sign of the mean's square is turned round.": {"mean": -1},
        "The mean is not squared.": {"to": 1},
        "The logarithm of the variance is missing: -log_variance.": {"log": 0},
        "The sign of the logarithm is turned round: -log_variance.": {"log": -1},
        "The 1 of each latent is missing: with mean 0 and variance 1 the KL is 0.": {"one": 0},
        "The sign of the 1 is turned round: with mean 0 and variance 1 the KL is 0.": {"one": -1},
    }
    each = "sum over the latents, and keep the pictures apart: .sum(1)."
    mistakes = [
        *variations(kl, hints),
        Mistake(f"You gave the KL of each latent, (B, Z): {each}", lambda m, v: (m**2 + v.exp() - v - 1) / 2),
        Mistake(f"You took the mean over the latents: {each}", lambda m, v: kl(m, v) / m.shape[1]),
        Mistake(f"You added up over the pictures: {each}", lambda m, v: ((m**2 + v.exp() - v - 1) / 2).sum(0)),
        Mistake(f"You gave one number for the batch, the sum: {each}", lambda m, v: kl(m, v).sum()),
        Mistake(f"You gave one number for the batch, the mean over pictures: {each}", lambda m, v: kl(m, v).mean()),
        Mistake(f"You gave the mean of all numbers: {each}", lambda m, v: kl(m, v).mean() / m.shape[1]),
        Mistake(
            "`log_variance` is taken for the variance: it is its logarithm, so the variance is log_variance.exp().",
            lambda m, v: 0.5 * (m**2 + v - v.abs().log() - 1).sum(1),
        ),
        Mistake(
            "`log_variance` is taken for the logarithm of the standard deviation: the variance is its exp, without a "
            "square.",
            lambda m, v: 0.5 * (m**2 + (2 * v).exp() - 2 * v - 1).sum(1),
        ),
        Mistake(
            "The variance is missing, or the standard deviation stands in its place: log_variance.exp().",
            lambda m, v: 0.5 * (m**2 + (v / 2).exp() - v - 1).sum(1),
        ),
        Mistake("The variance is missing: + log_variance.exp().", lambda m, v: 0.5 * (m**2 - v - 1).sum(1)),
        Mistake(
            "The 1 is taken off once for each picture: once for each latent, inside the sum.",
            lambda m, v: 0.5 * ((m**2 + v.exp() - v).sum(1) - 1),
        ),
        Mistake(
            "The two distributions are exchanged: this is the KL from N(0, 1) to the posterior.",
            lambda m, v: 0.5 * ((1 + m**2) / v.exp() + v - 1).sum(1),
        ),
        Mistake(
            "The KL is divided by ln 2, which makes bits of it: nats are asked for.",
            lambda m, v: kl(m, v) / math.log(2),
        ),
        Mistake(
            "This is the posterior's entropy: the KL compares it with N(0, 1).",
            lambda m, v: 0.5 * (v + 1 + math.log(2 * math.pi)).sum(1),
        ),
    ]

    def draw(g: torch.Generator, B: int, Z: int) -> tuple[Any, ...]:
        return tuple(torch.randn(2, B, Z, generator=g))

    return judge(
        "gaussian_kl",
        f,
        vae.gaussian_kl,
        drawn(draw, "B = {B}, Z = {Z}", *({"B": b, "Z": z} for b, z in ((4, 3), (2, 5), (6, 2)))),
        mistakes,
        arguments=("mean", "log_variance"),
        agrees_with="sslwb.methods.vae.gaussian_kl",
        trained=("mean", "log_variance"),
    )


def discriminator_loss(f: Any) -> Report:
    """Check `f(real, made)`, scores (B,) without a sigmoid → scalar: the cross-entropy of calling real pictures real
    and made ones made, mean + mean. Source: Goodfellow et al. 2014, equation 1."""

    loss = gan.discriminator_loss
    mistakes = [
        Mistake(
            "The labels are exchanged: your discriminator calls real pictures made, and made ones real.",
            lambda r, m: loss(-r, -m),
        ),
        Mistake("Both are called real: this is what the generator wants of the made ones.", lambda r, m: loss(r, -m)),
        Mistake("Both are called made: real pictures are to be called real.", lambda r, m: loss(-r, m)),
        Mistake("The real pictures are missing.", lambda r, m: F.softplus(m).mean()),
        Mistake("The made pictures are missing.", lambda r, m: F.softplus(-r).mean()),
        Mistake("The sign is turned round: a loss falls where the discriminator is right.", lambda r, m: -loss(r, m)),
        Mistake("You took the mean of both halves: mean + mean.", lambda r, m: loss(r, m) / 2),
        Mistake("You added up over the batch: the mean over each of both.", lambda r, m: loss(r, m) * len(r)),
        Mistake(
            "The scores went through a sigmoid twice: binary_cross_entropy_with_logits has its own.",
            lambda r, m: loss(r.sigmoid(), m.sigmoid()),
        ),
        Mistake(
            "This is Wasserstein's loss, mean(made) - mean(real): here scores are logits, softplus(-real) and "
            "softplus(made).",
            lambda r, m: m.mean() - r.mean(),
        ),
        Mistake("This is Wasserstein's loss with its sign turned round.", lambda r, m: r.mean() - m.mean()),
        Mistake(
            "This is the hinge loss: here the cross-entropy is asked for.",
            lambda r, m: F.relu(1 - r).mean() + F.relu(1 + m).mean(),
        ),
        Mistake(
            "This is the squared error of least-squares GANs: here the cross-entropy is asked for.",
            lambda r, m: (r - 1).square().mean() + m.square().mean(),
        ),
        Mistake(
            "You took the logarithm of the probability of being real for the made ones as well, log σ(made): log(1 - "
            "σ(made)).",
            lambda r, m: F.softplus(-r).mean() - F.softplus(-m).mean(),
        ),
        Mistake(
            "The probabilities themselves stand where their logarithms belong.",
            lambda r, m: -(r.sigmoid() + 1 - m.sigmoid()).mean(),
        ),
        Mistake(
            "The probabilities themselves stand where their logarithms belong.",
            lambda r, m: (1 - r.sigmoid()).mean() + m.sigmoid().mean(),
        ),
    ]

    def draw(g: torch.Generator, B: int, scale: float) -> tuple[Any, ...]:
        return tuple(scale * torch.randn(2, B, generator=g))

    settings = ({"B": b, "scale": s} for b, s in ((5, 1.0), (3, 3.0), (8, 0.5)))
    return judge(
        "discriminator_loss",
        f,
        gan.discriminator_loss,
        drawn(draw, "{B} scores of about {scale}", *settings),
        mistakes,
        arguments=("real", "made"),
        agrees_with="sslwb.methods.gan.discriminator_loss",
        trained=("real", "made"),
    )


def generator_loss(f: Any) -> Report:
    """Check `f(made)`, scores (B,) without a sigmoid → scalar: the non-saturating loss, the mean of -log σ(made).
    Source: Goodfellow et al. 2014, section 3."""

    mistakes = [
        Mistake(
            "This is the discriminator's side: with it the generator would learn to be found out. It wants its "
            "pictures to be called real.",
            lambda m: F.softplus(m).mean(),
        ),
        Mistake(
            "This is the saturating loss, log(1 - σ(made)): where the discriminator is sure, its gradient is nearly 0. "
            "The non-saturating one is -log σ(made).",
            lambda m: -F.softplus(m).mean(),
        ),
        Mistake("The sign is turned round: -log σ(made).", lambda m: -F.softplus(-m).mean()),
        Mistake("You added up over the batch: take the mean.", lambda m: F.softplus(-m).sum()),
        Mistake("You gave a loss for each picture: take the mean.", lambda m: F.softplus(-m)),
        Mistake("This is Wasserstein's loss, -mean(made): here -log σ(made).", lambda m: -m.mean()),
        Mistake("This is the mean score, which the generator would lower.", lambda m: m.mean()),
        Mistake(
            "The scores went through a sigmoid twice: binary_cross_entropy_with_logits has its own.",
            lambda m: F.softplus(-m.sigmoid()).mean(),
        ),
        Mistake("The logarithm is missing: -log σ(made).", lambda m: -m.sigmoid().mean()),
        Mistake("The logarithm is missing: -log σ(made), and not 1 - σ(made).", lambda m: (1 - m.sigmoid()).mean()),
        Mistake(
            "The mean comes before the logarithm: the logarithm of each picture first.",
            lambda m: -m.sigmoid().mean().log(),
        ),
        Mistake(
            "This is the squared error of least-squares GANs: here -log σ(made).", lambda m: (m - 1).square().mean()
        ),
        Mistake("A half stands before your loss.", lambda m: F.softplus(-m).mean() / 2),
    ]

    def draw(g: torch.Generator, B: int, scale: float) -> tuple[Any, ...]:
        return (scale * torch.randn(B, generator=g),)

    settings = ({"B": b, "scale": s} for b, s in ((5, 1.0), (3, 3.0), (8, 0.5)))
    return judge(
        "generator_loss",
        f,
        gan.generator_loss,
        drawn(draw, "{B} scores of about {scale}", *settings),
        mistakes,
        arguments=("made",),
        agrees_with="sslwb.methods.gan.generator_loss",
        trained=("made",),
    )


def mig(f: Any) -> Report:
    """Check `f(information, entropy)` → scalar, the mutual information gap: (latents, causes) nats that a latent tells
    about a cause, and (causes,) nats of each cause. Source: Chen et al. 2018, equation 6."""

    def truth(information: Tensor, entropy: Tensor) -> Tensor:
        return information_gaps(information, entropy).mean()

    def gap(
        information: Tensor, entropy: Tensor, second: int = 1, over: str = "latents", scaled: str = "each"
    ) -> Tensor:
        best = information.sort(0 if over == "latents" else 1, descending=True).values
        best = best if over == "latents" else best.T
        between = best[0] - (best[second] if second else 0)
        if scaled == "each":
            return (between / entropy).mean()
        return between.mean() / entropy.mean() if scaled == "means" else between.mean()

    mistakes = [
        Mistake("You did not divide by the entropy of the cause.", lambda i, h: gap(i, h, scaled="no")),
        Mistake(
            "You divided the mean gap by the mean entropy: each cause's gap by its own entropy, then the mean.",
            lambda i, h: gap(i, h, scaled="means"),
        ),
        Mistake(
            "The second best latent is missing: this is what the best one knows, and not the gap.",
            lambda i, h: gap(i, h, second=0),
        ),
        Mistake("You took the gap to the worst latent: to the second best.", lambda i, h: gap(i, h, second=-1)),
        Mistake("You took the gap to the third best latent: to the second.", lambda i, h: gap(i, h, second=2)),
        Mistake(
            "You took the gap to the mean of the latents: to the second best.",
            lambda i, h: ((i.amax(0) - i.mean(0)) / h).mean(),
        ),
        Mistake(
            "You compared the causes of a latent (dim=1): the latents of a cause are sorted, dim=0.",
            lambda i, h: gap(i, h.mean().expand(len(i)), over="causes"),
        ),
        Mistake(
            "You compared the causes of a latent (dim=1), and did not divide by the entropy: the latents of a cause "
            "are sorted, dim=0.",
            lambda i, h: gap(i, h, over="causes", scaled="no"),
        ),
        Mistake(
            "You gave one number a cause: take their mean.", lambda i, h: i.topk(2, 0).values.diff(dim=0)[0].neg() / h
        ),
        Mistake("You added up over the causes: take their mean.", lambda i, h: gap(i, h) * len(h)),
        Mistake("The best is taken from the second best: the other way round.", lambda i, h: -gap(i, h)),
        Mistake(
            "You divided by the best latent's information: by the entropy of the cause.",
            lambda i, h: ((i.topk(2, 0).values[0] - i.topk(2, 0).values[1]) / i.amax(0)).mean(),
        ),
        Mistake("You multiplied by the entropy: divide by it.", lambda i, h: gap(i, 1 / h)),
        Mistake("You took the mean over the latents too: a cause has one gap.", lambda i, h: gap(i, h) / len(i)),
    ]

    def draw(g: torch.Generator, latents: int, causes: int) -> tuple[Any, ...]:
        entropy = 1 + torch.rand(causes, generator=g)
        return entropy * torch.rand(latents, causes, generator=g), entropy

    settings = ({"latents": n, "causes": k} for n, k in ((4, 3), (6, 5), (5, 2), (8, 4)))
    return judge(
        "mig",
        f,
        truth,
        drawn(draw, "{latents} latents and {causes} causes", *settings),
        mistakes,
        arguments=("information", "entropy"),
        agrees_with="the mean of sslwb.evaluate.disentanglement.information_gaps",
    )
