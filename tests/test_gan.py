"""BiGAN: both losses by loops, one summed loss against two optimisers, spectral norm, and who wins."""

from __future__ import annotations

import copy
import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import Unchanged, images, with_noise
from sslwb.core import Views
from sslwb.data import Images, load
from sslwb.methods.base import detached
from sslwb.methods.gan import BETAS, BiGAN, Discriminator, discriminator_loss, generator_loss
from sslwb.train import fit, save_checkpoint
from sslwb.train.loop import Loop

SIZE, LATENT = 16, 6
EXACT: dict[str, Any] = {"batch_size": 16, "seed": 3, "device": "cpu", "precision": "fp32"}


def recipe(size: int = SIZE, latent: int = LATENT) -> Any:
    return with_noise(images.weak(size), latent)


def bigan(seed: int = 5, size: int = SIZE, latent: int = LATENT, **settings: Any) -> BiGAN:
    encoder = nets.bottleneck(nets.conv(4, seed=seed), 8, size, seed=seed)
    return BiGAN(encoder, size, latent, 8, seed=seed, **settings)


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=64, seed=31, size=SIZE)


def batch(data: Images, n: int = 8) -> Views:
    return recipe()(data[:n], torch.Generator().manual_seed(1))


def scores(seed: int, n: int = 7) -> Tensor:
    return 3 * torch.randn(n, generator=torch.Generator().manual_seed(seed))


def sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-score))


# ── the losses


def test_both_losses_are_what_loops_give() -> None:
    real, made = scores(1), scores(2)
    called = [
        -math.log(sigmoid(r)) - math.log(1 - sigmoid(m)) for r, m in zip(real.tolist(), made.tolist(), strict=True)
    ]
    assert math.isclose(float(discriminator_loss(real, made)), sum(called) / len(called), rel_tol=1e-5)
    fooled = [-math.log(sigmoid(m)) for m in made.tolist()]
    assert math.isclose(float(generator_loss(made)), sum(fooled) / len(fooled), rel_tol=1e-5)


def test_both_are_torchs_cross_entropy_and_stay_finite_where_a_side_is_sure() -> None:
    real, made = scores(3), scores(4)
    cross_entropy = F.binary_cross_entropy_with_logits
    expected = cross_entropy(real, torch.ones(7)) + cross_entropy(made, torch.zeros(7))
    assert torch.allclose(discriminator_loss(real, made), expected)
    assert torch.allclose(generator_loss(made), cross_entropy(made, torch.ones(7)))
    sure = torch.full((3,), -300.0, requires_grad=True)
    generator_loss(sure).backward()
    assert sure.grad is not None
    assert torch.allclose(sure.grad, torch.full((3,), -1 / 3))  # it does not saturate: the slope stays


def test_the_losses_have_the_gradients_of_their_values() -> None:
    real, made = (scores(s).double().requires_grad_() for s in (5, 6))
    assert torch.autograd.gradcheck(discriminator_loss, (real, made))
    assert torch.autograd.gradcheck(generator_loss, (made,))


def test_the_sum_of_both_sides_is_least_where_nobody_knows_anything() -> None:
    """So it does not say who is winning: every score but 0, of whichever sign, makes it larger."""

    def both(real: Tensor, made: Tensor) -> float:
        return float(discriminator_loss(real, made) + generator_loss(made) + generator_loss(-real))

    assert math.isclose(both(torch.zeros(4), torch.zeros(4)), 4 * math.log(2), rel_tol=1e-6)
    for seed in range(20):
        real, made = scores(seed), scores(seed + 100)
        assert both(real, made) > 4 * math.log(2)
        assert math.isclose(both(real, made), both(made, real), rel_tol=1e-5)


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (
            lambda: discriminator_loss(torch.zeros(3), torch.zeros(4)),
            ValueError,
            r"real has shape \(3,\) and made \(4,\)",
        ),
        (lambda: discriminator_loss(torch.zeros(3, 1), torch.zeros(3, 1)), ValueError, r"expected \(B,\)"),
        (lambda: discriminator_loss([0.0], torch.zeros(1)), TypeError, "real is .*expected a tensor"),
        (lambda: generator_loss(torch.zeros(3, dtype=torch.int64)), TypeError, "made is torch.int64; expected floats"),
        (lambda: generator_loss(torch.zeros(0)), ValueError, r"made has shape \(0,\)"),
    ],
)
def test_scores_without_sense_are_reported(call: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        call()


# ── one summed loss, two sides


def by_hand(method: BiGAN, views: Views, side: str) -> dict[str, Tensor]:
    """One side's gradients from its own loss alone, the other side's weights held still as people do it elsewhere."""
    x, noise = views
    judge = method.discriminator
    if side == "discriminator":
        with torch.no_grad():
            code, picture = method.encode(x), method.paint(noise)
        real, made = judge(torch.cat((x, picture)), torch.cat((code, noise))).chunk(2)
        (discriminator_loss(real, made)).backward()
    else:
        judge.requires_grad_(False)
        code, picture = method.encode(x), method.paint(noise)
        with torch.no_grad():
            judge(torch.cat((x, picture)), torch.cat((code, noise)))  # the other side's pass moves spectral norm
        real, made = judge(torch.cat((x, picture)), torch.cat((code, noise))).chunk(2)
        (F.softplus(-made).mean() + F.softplus(real).mean()).backward()
    return {name: p.grad for name, p in method.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("spectral", [True, False])
def test_one_summed_loss_has_the_gradients_of_two(spectral: bool, data: Images) -> None:
    method, views = bigan(spectral=spectral), batch(data)
    expected = {}
    for side in ("discriminator", "generator and encoder"):
        expected |= by_hand(copy.deepcopy(method), views, side)
    method(views)["loss"].backward()
    found = {name: p.grad for name, p in method.named_parameters()}
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        assert torch.allclose(gradient, expected[name], rtol=1e-4, atol=1e-7), name


def test_one_step_is_that_of_two_optimisers(data: Images) -> None:
    method = bigan(discriminator_lr=4e-3)
    hand = copy.deepcopy(method)
    how = {**EXACT, "lr": 1e-3, "weight_decay": 0.1, "warmup": 0.0}
    seen: list[Views] = []

    def views(items: Any, generator: torch.Generator) -> Views:
        seen.append(recipe()(items, generator))
        return seen[-1]

    fit(method, data, views, steps=1, progress=False, **how)
    (played,) = seen
    hand.train()
    gradients = {}
    for side in ("discriminator", "generator and encoder"):
        gradients |= by_hand(copy.deepcopy(hand), played, side)
    for judges, lr in ((True, 4e-3), (False, 1e-3)):
        for decay, several in ((0.1, True), (0.0, False)):
            own = {
                name: p
                for name, p in hand.named_parameters()
                if name.startswith("discriminator.") == judges and (p.ndim > 1) == several
            }
            for name, p in own.items():
                p.grad = gradients[name]
            torch.optim.AdamW(own.values(), lr=lr, betas=(0.5, 0.99), weight_decay=decay).step()
    for name, p in method.named_parameters():
        # a bias in front of a batch norm has no true gradient: Adam makes a whole step of its rounding errors
        if gradients[name].abs().max() > 1e-6:
            assert torch.allclose(p, dict(hand.named_parameters())[name], rtol=1e-3, atol=1e-5), name


def test_each_side_has_its_own_rate_and_both_a_short_memory() -> None:
    for rate, expected in ((None, [None, None]), (2e-4, [None, 2e-4])):
        method = bigan(discriminator_lr=rate)
        judge = {id(p) for p in method.discriminator.parameters()}
        found: dict[bool, set[Any]] = {False: set(), True: set()}
        for group in method.param_groups():
            assert group["betas"] == BETAS
            for p in group["params"]:
                found[id(p) in judge].add(group.get("lr"))
        assert [found[False], found[True]] == [{rate} for rate in expected]


def test_the_recorded_scores_are_the_discriminators(data: Images) -> None:
    method, (x, noise) = bigan().eval(), batch(data)
    with torch.no_grad():
        terms = method([x, noise])
        real = method.discriminator(x, method.codes(x))
        made = method.discriminator(method.sample(noise), noise)
    assert torch.allclose(terms["score_real"], real.sigmoid().mean(), atol=1e-6)
    assert torch.allclose(terms["score_made"], made.sigmoid().mean(), atol=1e-6)
    assert torch.allclose(terms["discriminator"], discriminator_loss(real, made), atol=1e-6)
    assert torch.allclose(terms["generator"], generator_loss(made) + generator_loss(-real), atol=1e-6)
    assert torch.allclose(terms["loss"], terms["discriminator"] + terms["generator"])


# ── spectral norm


def layers(net: nn.Module) -> list[nn.Module]:
    return [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def test_spectral_norm_holds_the_largest_singular_value_at_one(data: Images) -> None:
    method, views = bigan(), batch(data)
    for _ in range(30):  # a power iteration in each pass
        method(views)
    largest = [float(torch.linalg.matrix_norm(m.weight.detach().flatten(1), 2)) for m in layers(method.discriminator)]
    assert largest == pytest.approx([1.0] * 6, abs=0.05)
    free = bigan(spectral=False)
    assert not list(free.discriminator.buffers())
    assert len(layers(free.discriminator)) == 6


def test_a_detached_discriminator_gives_the_same_scores_and_keeps_no_gradient() -> None:
    judge = Discriminator(3, SIZE, LATENT, 4, spectral=True).eval()  # in evaluation no iteration moves it
    x, code = torch.rand(5, 3, SIZE, SIZE, requires_grad=True), torch.randn(5, LATENT, requires_grad=True)
    score = detached(judge)(x, code)
    assert torch.equal(score, judge(x, code))
    score.sum().backward()
    assert x.grad is not None
    assert code.grad is not None
    assert x.grad.any()
    assert code.grad.any()
    assert all(p.grad is None for p in judge.parameters())


def test_half_precision_leaves_the_loss_and_the_iteration_in_fp32(data: Images) -> None:
    method, views = bigan(), batch(data)
    exact = copy.deepcopy(method)(views)
    with torch.autocast("cpu", torch.bfloat16):
        terms = method(views)
    assert terms["loss"].dtype == torch.float32
    assert all(b.dtype == torch.float32 for b in method.discriminator.buffers())
    for name, value in terms.items():
        assert torch.allclose(value, exact[name], atol=0.05), name
    terms["loss"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_resumes_bit_for_bit(precision: str, data: Images, tmp_path: Path) -> None:
    settings = {**EXACT, "precision": precision, "steps": 9, "lr": 1e-3}
    whole, part, again = bigan(discriminator_lr=2e-3), bigan(discriminator_lr=2e-3), bigan(9, discriminator_lr=2e-3)
    expected = fit(whole, data, recipe(), progress=False, **settings)
    half = Loop(part, data, recipe(), on_step=lambda history: len(history) == 4, **settings)
    half.run()
    save_checkpoint(tmp_path / "run.pt", half.state_dict())
    history = fit(again, data, recipe(), progress=False, checkpoint=tmp_path / "run.pt", **settings)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert history.terms == expected.terms


# ── what it makes


@pytest.mark.parametrize("size", [8, 12, 16, 20])
def test_samples_codes_and_reconstructions_have_their_shapes(size: int) -> None:
    method = bigan(size=size).eval()
    x = load("shapes", n=5, size=size).x
    noise = torch.randn(5, LATENT, generator=torch.Generator().manual_seed(2))
    made = method.sample(noise)
    assert made.shape == (5, 3, size, size)
    assert 0 <= float(made.min()) <= float(made.max()) <= 1
    assert method.codes(x).shape == (5, LATENT)
    assert torch.equal(method.codes(x), method.codes(x.float() / 255))
    assert torch.equal(method.reconstruct(x), method.sample(method.codes(x)))
    assert not made.requires_grad
    assert torch.isfinite(method([x.float() / 255, noise])["loss"])


def test_grey_pictures_are_taken_too() -> None:
    grey = BiGAN(nets.bottleneck(nets.conv(4, channels=1), 8, 8), 8, 3, 4)
    assert grey.sample(torch.zeros(2, 3)).shape == (2, 1, 8, 8)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_generator_learns_the_one_colour_that_there_is(seed: int) -> None:
    colour = torch.tensor([200, 60, 90], dtype=torch.uint8)[:, None, None]
    data = Images(colour.expand(64, 3, 8, 8).contiguous())
    method, noise = bigan(seed, size=8), torch.randn(64, LATENT, generator=torch.Generator().manual_seed(2))

    def apart() -> float:
        return float((method.eval().sample(noise).mean((0, 2, 3)) - colour.flatten() / 255).abs().mean())

    before = apart()
    fit(method, data, with_noise(Unchanged(), LATENT), steps=150, lr=4e-3, progress=False, **{**EXACT, "seed": seed})
    assert apart() < before / 3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_discriminator_that_wins_outright_is_seen_in_what_is_recorded(seed: int, data: Images) -> None:
    method = bigan(seed, spectral=False, discriminator_lr=1e-2)
    settings = {**EXACT, "seed": seed, "lr": 1e-5, "weight_decay": 0.0}
    history = fit(method, data, recipe(), steps=60, progress=False, **settings)
    last = {name: sum(values[-10:]) / 10 for name, values in history.terms.items()}
    assert last["score_real"] > 0.95
    assert last["score_made"] < 0.05
    assert last["discriminator"] < 0.1
    assert last["generator"] > 2 * history["generator"][0]
    assert last["loss"] > history["loss"][0]


# ── bad input


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"latent": 0}, ValueError, "latent is 0; expected 1 or more"),
        ({"latent": 2.5}, TypeError, "latent is 2.5, a float; expected a whole number"),
        ({"width": 1}, ValueError, "width is 1; expected 2 or more"),
        ({"size": 4}, ValueError, "size is 4; expected 8 or more"),
        ({"size": 32}, ValueError, "size is 32, and the encoder was made for size=16"),
        ({"discriminator_lr": 0}, ValueError, "discriminator_lr is 0; expected a number above 0, or None"),
        ({"discriminator_lr": math.nan}, ValueError, "discriminator_lr is nan; expected a number above 0"),
        ({"discriminator_lr": "fast"}, TypeError, "discriminator_lr is 'fast', a str; expected a number"),
    ],
)
def test_settings_without_sense_are_reported(settings: dict[str, Any], kind: type[Exception], said: str) -> None:
    encoder = nets.bottleneck(nets.conv(4), 8, SIZE)
    with pytest.raises(kind, match=said):
        BiGAN(encoder, **{"size": SIZE, "latent": LATENT, **settings})


def test_a_size_that_cannot_be_painted_is_reported() -> None:
    with pytest.raises(ValueError, match="size is 18; expected a multiple of 4"):
        BiGAN(nets.conv(4), 18, LATENT)
    with pytest.raises(TypeError, match=r"encoder is Wordy without an integer \.channels"):
        BiGAN(Wordy())


class Wordy(nn.Module):
    dim = 4


@pytest.mark.parametrize(
    ("views", "kind", "said"),
    [
        ([torch.rand(4, 3, 16, 16)], ValueError, r"views holds 1 tensor\(s\); expected x, noise"),
        ([torch.rand(4, 3, 16, 16), torch.rand(3, 6)], ValueError, "with_noise"),
        ([torch.rand(4, 3, 16, 16), torch.rand(4, 5)], ValueError, r"noise has shape \(4, 5\); expected \(B, 6\)"),
        ([torch.rand(4, 3, 20, 20), torch.rand(4, 6)], ValueError, r"expected \(B, 3, 16, 16\)"),
        ([torch.rand(4, 1, 16, 16), torch.rand(4, 6)], ValueError, r"expected \(B, 3, 16, 16\)"),
        ([torch.rand(4, 3, 16, 16), torch.arange(4)], TypeError, "noise is torch.int64; expected floats"),
    ],
)
def test_views_without_sense_are_reported(views: list[Tensor], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        bigan()(views)


def test_one_picture_alone_can_be_played_with(data: Images) -> None:
    method = bigan()
    assert all(torch.isfinite(t) for t in method(batch(data, 1)).values())


def test_settings_are_no_dead_switches(data: Images) -> None:
    """Each setting changes what is computed."""
    views = batch(data)
    losses = [float(bigan(**s)(views)["discriminator"].detach()) for s in ({}, {"spectral": False}, {"seed": 6})]
    assert len({round(loss, 6) for loss in losses}) == 3
    assert all(a != b for a, b in itertools.pairwise(losses))
