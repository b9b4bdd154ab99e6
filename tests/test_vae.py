"""The VAE: its terms by hand, its bounds on a model whose likelihood is known, and what it is given."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, MultivariateNormal, Normal, kl_divergence

from sslwb import nets
from sslwb.augment import Unchanged, binarised, dequantised, images, with_noise
from sslwb.data import Images, load
from sslwb.methods import vae
from sslwb.methods.likelihoods import bernoulli_log_likelihood, gaussian_log_likelihood
from sslwb.methods.vae import VAE, elbo, gaussian_kl, reparameterise
from sslwb.train import fit


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=generator(seed))


def small(likelihood: str = "bernoulli", **settings: Any) -> VAE:
    encoder = nets.bottleneck(nets.conv(4, seed=5), 8, 16, seed=5)
    return VAE(encoder, 16, 4, likelihood, seed=5, **settings).eval()


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=64, seed=31, size=16)


# ── terms


def test_the_kl_is_torchs_and_what_loops_give() -> None:
    mean, log_variance = normal(5, 3), normal(5, 3, seed=4)
    kl = gaussian_kl(mean, log_variance)
    theirs = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(kl, theirs, rtol=1e-5)
    for found, m, v in zip(kl.tolist(), mean.tolist(), log_variance.tolist(), strict=True):
        slow = sum(0.5 * (a**2 + math.exp(b) - b - 1) for a, b in zip(m, v, strict=True))
        assert math.isclose(found, slow, rel_tol=1e-5)
    assert (gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 3)) == 0).all()


def test_the_kl_is_the_mean_of_log_q_less_log_p() -> None:
    """200,000 draws, and five standard errors of room."""
    mean, log_variance = normal(4).double(), normal(4, seed=4).double()
    noise = torch.randn(200_000, 4, generator=generator(), dtype=torch.float64)
    z = reparameterise(mean.expand_as(noise), log_variance.expand_as(noise), noise)
    q, p = Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)
    apart = (q.log_prob(z) - p.log_prob(z)).sum(1)
    error = float(apart.std()) / math.sqrt(len(z))
    assert abs(float(apart.mean()) - float(gaussian_kl(mean[None], log_variance[None]))) < 5 * error


def test_a_draw_has_the_posteriors_moments_and_lets_gradients_through() -> None:
    mean, log_variance = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 1.5])
    noise = normal(100_000, 2)
    z = reparameterise(mean.expand_as(noise), log_variance.expand_as(noise), noise)
    assert torch.allclose(z.mean(0), mean, atol=0.05)
    assert torch.allclose(z.var(0), log_variance.exp(), rtol=0.05)
    a, b = normal(3, 2).double().requires_grad_(), normal(3, 2, seed=4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: reparameterise(a, b, normal(3, 2, seed=5).double()), (a, b))
    assert torch.autograd.gradcheck(gaussian_kl, (a, b))


def test_likelihoods_are_torchs_summed_over_a_picture() -> None:
    painted, x = 3 * normal(4, 3, 5, 6), torch.rand(4, 3, 5, 6, generator=generator())
    coins = x.round()
    theirs = Bernoulli(logits=painted).log_prob(coins).sum((1, 2, 3))
    assert torch.allclose(bernoulli_log_likelihood(painted, coins), theirs, rtol=1e-5)
    grey = (x * painted.sigmoid().log() + (1 - x) * (1 - painted.sigmoid()).log()).sum((1, 2, 3))
    assert torch.allclose(bernoulli_log_likelihood(painted, x), grey, rtol=1e-4)
    theirs = Normal(painted, 0.3).log_prob(x).sum((1, 2, 3))
    assert torch.allclose(gaussian_log_likelihood(painted, x, torch.tensor(0.3).log()), theirs, rtol=1e-5)


def test_the_gaussian_is_a_density() -> None:
    """It integrates to 1 over all pictures of one pixel."""
    x = torch.linspace(-6, 7, 20_001, dtype=torch.float64)[:, None, None, None]
    density = gaussian_log_likelihood(torch.full_like(x, 0.4), x, torch.tensor(0.7).log()).exp()
    assert math.isclose(float(torch.trapezoid(density, x[:, 0, 0, 0])), 1, abs_tol=1e-6)


def test_the_elbo_weighs_the_kl() -> None:
    fits, kl = normal(5), normal(5, seed=4).square()
    for beta in (0.0, 1.0, 4.0):
        slow = sum(float(a) - beta * float(b) for a, b in zip(fits, kl, strict=True)) / 5
        assert math.isclose(float(elbo(fits, kl, beta)), slow, rel_tol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert elbo(fits.bfloat16(), kl).dtype == torch.float32


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_what_is_recorded_is_nats_a_picture(likelihood: str, data: Images) -> None:
    method = small(likelihood, beta=2.5)
    x, noise = with_noise(images.weak(16), 4)(data[:6], generator())
    terms = method([x, noise])
    mean, log_variance = method.posterior(x)
    z = mean + (log_variance / 2).exp() * noise
    painted = method.decoder(z)
    if likelihood == "bernoulli":
        p = Bernoulli(logits=painted, validate_args=False)
    else:
        p = Normal(painted, method.log_sigma.exp())
    fits = p.log_prob(x).sum((1, 2, 3))
    kl = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(terms["reconstruction"], -fits.mean(), rtol=1e-5)
    assert torch.allclose(terms["kl"], kl.mean(), rtol=1e-5)
    assert torch.allclose(terms["loss"], (2.5 * kl - fits).mean(), rtol=1e-5)
    assert torch.equal(method.loss_space(method.encoder(x)), mean)


def test_beta_rises_over_the_warm_up() -> None:
    method = small(beta=4.0, warmup=0.5)
    seen = []
    for progress in (0.0, 0.125, 0.25, 0.5, 0.75, 1.0):
        method.before_step(progress)
        seen.append(float(method.weight))
    assert seen == [0.0, 1.0, 2.0, 4.0, 4.0, 4.0]
    still = small(beta=4.0)
    still.before_step(0.0)
    assert float(still.weight) == 4.0


def test_the_warm_up_runs_with_the_training(data: Images) -> None:
    """Without a KL in the loss at first, the loss of the first step is its reconstruction."""
    method = small(warmup=1.0)
    history = fit(
        method, data, with_noise(images.weak(16), 4), steps=4, batch_size=16, device="cpu", progress=False, seed=1
    )
    for step, (loss, fits, kl) in enumerate(zip(*(history[t] for t in ("loss", "reconstruction", "kl")), strict=True)):
        assert math.isclose(loss, fits + step / 4 * kl, rel_tol=1e-5)


def test_sigma_is_learned_at_a_rate_of_its_own() -> None:
    method = small("gaussian")
    groups = [g for g in method.param_groups() if any(p is method.log_sigma for p in g["params"])]
    assert [(len(g["params"]), g["lr"], g["weight_decay"]) for g in groups] == [(1, vae.SIGMA_LR, 0.0)]


def test_sigma_comes_to_the_error_that_is_left(data: Images) -> None:
    """The likelihood is greatest where σ² is the mean squared error (Rybkin et al. 2021): here of a decoder at rest."""
    method, recipe = small("gaussian"), with_noise(dequantised(Unchanged()), 4)
    for p in method.parameters():
        p.requires_grad_(p is method.log_sigma)
    fit(method, data, recipe, steps=300, batch_size=64, device="cpu", precision="fp32", progress=False)
    method.train()  # batch statistics, as in training
    x, noise = recipe(data, generator(1))
    with torch.no_grad():
        mean, log_variance = method.posterior(x)
        error = (method.decoder(reparameterise(mean, log_variance, noise)) - x).square().mean().sqrt()
    assert math.isclose(float(method.log_sigma.detach().exp()), float(error), rel_tol=0.05)


# ── bounds, on a model whose likelihood is known: x = W z + b + σ ε, with the columns of W at right angles, so that the
# exact posterior has independent latents too

SIGMA = 0.3


def linear_gaussian(off: float = 0.0) -> tuple[VAE, MultivariateNormal]:
    """A VAE with this model as its decoder and its exact posterior, moved by `off`; and the distribution of x."""
    w = torch.linalg.qr(normal(16, 3).double()).Q * torch.tensor([1.5, 1.0, 0.5], dtype=torch.float64)
    b = normal(16, seed=5).double()
    method = VAE(nets.linear(3, 1, 4), 4, 3, "gaussian").double()
    # posterior: variance σ² / (|w|² + σ²) of each latent, mean Wᵀ (x - b) / (|w|² + σ²)
    inner = w.square().sum(0) + SIGMA**2
    with torch.no_grad():
        method.log_sigma.fill_(math.log(SIGMA))
        method.encoder.map.weight.copy_(w.T / inner[:, None])  # type: ignore[union-attr]
        method.encoder.map.bias.copy_((w.T / inner[:, None]) @ (0.5 - b))  # the encoder takes 0.5 off each pixel
        method.to_posterior.weight.copy_(torch.cat((torch.eye(3), torch.zeros(3, 3))))
        method.to_posterior.bias.copy_(torch.cat((torch.zeros(3), (SIGMA**2 / inner).log())) + off)
        decoder = nn.Linear(3, 16).double()
        decoder.weight.copy_(w)
        decoder.bias.copy_(b)
    method.decoder = nn.Sequential(decoder, nn.Unflatten(1, (1, 4, 4)))
    covariance = w @ w.T + SIGMA**2 * torch.eye(16, dtype=torch.float64)
    return method.eval(), MultivariateNormal(b, covariance)


def pictures_of(truth: MultivariateNormal, n: int) -> Tensor:
    draws = torch.randn(n, 16, generator=generator(7), dtype=torch.float64)
    return (truth.loc + draws @ truth.scale_tril.T).view(n, 1, 4, 4)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator(8), dtype=torch.float64)


def test_with_the_exact_posterior_every_bound_is_the_likelihood() -> None:
    method, truth = linear_gaussian()
    x = pictures_of(truth, 20)
    known = truth.log_prob(x.flatten(1))
    for k in (1, 7):
        assert torch.allclose(method.bound(x, noise(20, k, 3)), known, rtol=1e-9)


@torch.no_grad()
def test_the_elbo_is_the_likelihood_where_the_posterior_is_exact_and_below_it_by_the_kl_elsewhere() -> None:
    """20,000 draws a picture; 5 standard errors of room."""
    for off in (0.0, 0.4):
        method, truth = linear_gaussian(off)
        x = pictures_of(truth, 4)
        mean, log_variance = method.posterior(x)
        exact, _ = linear_gaussian()
        m, v = exact.posterior(x)
        between = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(m, (v / 2).exp())).sum(1)
        for i in range(4):
            draws = noise(20_000, 3)
            z = reparameterise(mean[i].expand_as(draws), log_variance[i].expand_as(draws), draws)
            fits = method.log_likelihood(method.decoder(z), x[i].expand(len(z), -1, -1, -1))
            found = float(elbo(fits, gaussian_kl(mean[i : i + 1], log_variance[i : i + 1]).expand(len(draws))))
            error = float(fits.std()) / math.sqrt(len(draws))
            expected = float(truth.log_prob(x[i].flatten()) - between[i])
            assert abs(found - expected) < 5 * error + 1e-9


def test_the_bound_tightens_with_the_number_of_draws_and_stays_below() -> None:
    """With a wrong posterior. Means over 50 pictures and 400 sets of draws; differences in standard errors of pairs."""
    method, truth = linear_gaussian(off=0.5)
    x = pictures_of(truth, 50)
    known = truth.log_prob(x.flatten(1))
    sets = 400
    means, errors = [], []
    for k in (1, 4, 16, 64):
        bounds = method.bound(x.repeat_interleave(sets, 0), noise(50 * sets, k, 3)).view(50, sets)
        means.append(bounds.mean(1))
        errors.append(bounds.std(1) / math.sqrt(sets))
    gaps = [float((known - mean).mean()) for mean in means]
    room = [5 * float(error.square().sum().sqrt()) / 50 for error in errors]
    assert all(gap > -r for gap, r in zip(gaps, room, strict=True))  # below the likelihood
    for (one, r), (other, s) in itertools.pairwise(zip(gaps, room, strict=True)):
        assert other < one - r - s  # nearer to it
    assert gaps[-1] < 0.1 * gaps[0]


def test_the_bound_is_what_loops_give_whatever_the_parts(data: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    method = small()
    (x,) = data[:3].inputs()
    draws = normal(3, 5, 4)
    slow = []
    with torch.no_grad():
        mean, log_variance = method.posterior(x)
        q = Normal(mean, (log_variance / 2).exp())
        for i in range(3):
            weights = []
            for j in range(5):
                z = mean[i] + q.stddev[i] * draws[i, j]
                p = Bernoulli(logits=method.decoder(z[None])[0], validate_args=False).log_prob(x[i]).sum()
                weights.append(p + Normal(0.0, 1.0).log_prob(z).sum() - Normal(mean[i], q.stddev[i]).log_prob(z).sum())
            slow.append(torch.stack(weights).logsumexp(0) - math.log(5))
    assert torch.allclose(method.bound(x, draws), torch.stack(slow), rtol=1e-5)
    monkeypatch.setattr(vae, "PART", 2)
    assert torch.allclose(method.bound(x, draws), torch.stack(slow), rtol=1e-5)
    assert torch.allclose(method.means(x), mean, atol=1e-6)


# ── pictures


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_what_is_painted_is_a_picture(likelihood: str, data: Images) -> None:
    method, (x,) = small(likelihood), data[:5].inputs()
    z = method.means(x)
    assert z.shape == (5, 4)
    for pictures in (method.paint(z), method.sample(9 * normal(5, 4))):
        assert pictures.shape == x.shape
        assert pictures.min() >= 0
        assert pictures.max() <= 1


def test_dequantised_pictures_are_their_bytes_and_noise(data: Images) -> None:
    x, extra = dequantised(with_noise(Unchanged(), 3))(data, generator())
    assert torch.equal((x * 256).floor().to(torch.uint8), data.x)
    inside = x * 256 - data.x
    assert (float(inside.min()) >= 0, float(inside.max()) < 1) == (True, True)
    assert math.isclose(float(inside.mean()), 0.5, abs_tol=0.01)
    assert math.isclose(float(inside.var()), 1 / 12, abs_tol=0.005)
    assert extra.shape == (64, 3)
    assert torch.equal(*(dequantised(Unchanged())(data, generator(2))[0] for _ in range(2)))


def test_bits_of_dequantised_bytes_are_a_codes_length() -> None:
    """Bytes all alike likely take 8 bits each; the uniform density on [0, 1) gives 0 nats, so 8. And a density that is
    constant inside each step gives the entropy of the bytes, here of two equally likely ones: 1 bit."""
    pictures = torch.tensor([10, 200], dtype=torch.uint8).repeat(500)[:, None, None, None].expand(-1, 1, 8, 8).clone()
    (x,) = dequantised(Unchanged())(Images(pictures), generator())
    inside = ((x * 256).floor() == 10) | ((x * 256).floor() == 200)
    nats = torch.where(inside, math.log(128.0), -math.inf).flatten(1).sum(1)  # 256 steps, two of them hold half each
    assert math.isclose(-float(nats.mean()) / (64 * math.log(2)) + 8, 1, rel_tol=1e-5)


def test_binarised_pictures_are_drawn_by_their_greys(data: Images) -> None:
    x, _ = binarised(with_noise(lambda batch, g: [torch.full((64, 1, 16, 16), 0.3)], 3))(data, generator())
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert math.isclose(float(x.mean()), 0.3, abs_tol=0.02)
    black_and_white = (data.x > 99).to(torch.uint8) * 255
    assert torch.equal(binarised(Unchanged())(Images(black_and_white), generator())[0] * 255, black_and_white)


# ── bad input


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: VAE(nets.conv(4), 16, 0), ValueError, "latent is 0; expected 1 or more"),
        (lambda: VAE(nets.conv(4), 16, 2.5), TypeError, "latent is 2.5"),
        (lambda: small(beta=-1.0), ValueError, "beta is -1.0; expected a weight of 0 or more"),
        (lambda: small(beta=math.nan), ValueError, "beta is nan"),
        (lambda: small(warmup=1.5), ValueError, "warmup is 1.5; expected a share of the steps, from 0 to 1"),
        (lambda: small(warmup=math.nan), ValueError, "warmup is nan"),
        (lambda: small("laplace"), ValueError, 'likelihood is \'laplace\'; expected "bernoulli" or "gaussian"'),
        (lambda: VAE(nets.conv(4), 18, 2), ValueError, "size is 18; expected a multiple of 4"),
        (lambda: VAE(nets.linear(4, 3, 16), 32, 2), ValueError, "size is 32, and the encoder was made for size=16"),
        (lambda: VAE(nets.bert(20, 8, 16, 1, 2), 16, 2), TypeError, r"without an integer \.channels"),
        (lambda: small()([torch.rand(2, 3, 16, 16)]), ValueError, r"views holds 1 tensor\(s\); expected x, noise"),
        (
            lambda: small()([torch.rand(2, 3, 16, 16), torch.rand(2, 5)]),
            ValueError,
            r"noise has shape \(2, 5\); expected \(2, 4\), a number for each of the 4 latents: augment\.with_noise",
        ),
        (lambda: small()([torch.rand(2, 3, 16, 16), torch.rand(3, 4)]), ValueError, r"noise \(3, 4\)"),
        (
            lambda: small()([torch.rand(2, 3, 12, 12), torch.rand(2, 4)]),
            ValueError,
            r"x has shape \(2, 3, 12, 12\); expected \(B, 3, 16, 16\)",
        ),
        (
            lambda: small()([torch.rand(2, 3, 16, 16) + 0.5, torch.rand(2, 4)]),
            ValueError,
            r"x runs from 0\.\d+ to 1\.\d+; a Bernoulli likelihood expects values from 0 to 1",
        ),
        (lambda: bernoulli_log_likelihood(normal(2, 1, 2, 2), torch.full((2, 1, 2, 2), -0.1)), ValueError, "x runs"),
        (lambda: bernoulli_log_likelihood(normal(2, 1, 2, 2), torch.full((2, 1, 2, 2), math.nan)), ValueError, "nan"),
        (lambda: gaussian_log_likelihood(normal(2, 1, 2, 2), normal(2, 1, 2, 3), torch.zeros(())), ValueError, "mean"),
        (lambda: gaussian_kl(normal(2, 3), normal(2, 1)), ValueError, r"mean has shape \(2, 3\) and log_variance"),
        (lambda: reparameterise(normal(2, 3), normal(2, 3), 0.5), TypeError, "noise is 0.5, a float"),
        (lambda: elbo(normal(2), normal(3)), ValueError, r"log_likelihood has shape \(2,\) and kl \(3,\)"),
        (lambda: small().bound(torch.rand(2, 3, 16, 16), torch.rand(2, 4)), ValueError, r"noise \(2, 4\)"),
        (lambda: small().bound(torch.rand(2, 3, 16, 16), torch.rand(2, 3, 5)), ValueError, r"expected \(2, 3, 4\)"),
        (lambda: small().paint(normal(4)), ValueError, r"z has shape \(4,\)"),
        (lambda: dequantised(3), TypeError, "of is a int; expected a recipe"),
        (lambda: binarised(None), TypeError, "of is a NoneType; expected a recipe"),
    ],
)
def test_what_makes_no_sense_is_named(call: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
