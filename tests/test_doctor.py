"""The doctor: every fault is found in a run that has it, healthy runs pass, and the command says the same of a file."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import Unchanged, labelled, masks, paired, puzzles, tokens, with_noise
from sslwb.augment.images import Augment, RandomViews, as_float, plain, simclr, weak
from sslwb.cli import main
from sslwb.core import PAD
from sslwb.data import Images, Items, load, questions
from sslwb.data.worlds.languages import parallel
from sslwb.evaluate import Diagnosis, diagnose
from sslwb.evaluate.diagnosis import judged
from sslwb.evaluate.faults import FAULTS
from sslwb.evaluate.signs import (
    LEAST,
    Signs,
    affordable,
    directions,
    found,
    mutual_information,
    nearer,
    of_items,
    of_the_best_guess,
    relative_distance,
)
from sslwb.methods.barlow_twins import BarlowTwins
from sslwb.methods.bart import BART
from sslwb.methods.base import Method
from sslwb.methods.bert import BERT
from sslwb.methods.byol import BYOL
from sslwb.methods.dino import DINO
from sslwb.methods.gan import BiGAN
from sslwb.methods.gpt import GPT
from sslwb.methods.inpainting import Inpainting
from sslwb.methods.jepa import JEPA
from sslwb.methods.jigsaw import Jigsaw
from sslwb.methods.mae import MAE
from sslwb.methods.moco import MoCo
from sslwb.methods.rotation import Rotation
from sslwb.methods.simclr import SimCLR
from sslwb.methods.simcse import SimCSE
from sslwb.methods.simsiam import SimSiam
from sslwb.methods.supcon import SupCon
from sslwb.methods.supervised import Supervised
from sslwb.methods.swav import SwAV
from sslwb.methods.vae import VAE
from sslwb.methods.vicreg import VICReg
from sslwb.methods.vqvae import VQVAE
from sslwb.tasks.retrieval import TwoSides
from sslwb.train import History, fit, save_checkpoint

EXACT: dict[str, Any] = {"seed": 7, "device": "cpu", "precision": "fp32", "progress": False}
RECIPE = simclr(16, crop=(0.5, 1.0), flip=0.0, rotate=15)
SAME = RandomViews(((2, Augment(16)),))


@pytest.fixture(scope="module")
def digits() -> Images:
    return load("digits", n=600, seed=7)


def trained(
    method: Method, data: Items, views: Callable = RECIPE, *, steps: int = 60, lr: float = 8e-3, batch_size: int = 32
) -> History:
    return fit(method, data, views, steps=steps, lr=lr, batch_size=batch_size, **EXACT)


def small(data: Images) -> Images:
    """The pictures at the size of the views, as a lesson would measure them."""
    x = F.interpolate(as_float(data.x), (16, 16), mode="area")
    return Images((x * 255).round().to(torch.uint8), data.y, data.classes, name=data.name)


def net() -> Any:
    return nets.conv(8, seed=7)


# ── a run with a fault


def stamped(batch: Images, generator: torch.Generator) -> list[Tensor]:
    """The same random corner in both views of a picture."""
    views = [v.clone() for v in RECIPE(batch, generator)]
    stamp = torch.rand(len(batch), 3, 4, 4, generator=generator)
    for view in views:
        view[:, :, :4, :4] = stamp
    return views


def doubled(data: Images) -> Images:
    return data[torch.arange(len(data)) % 400]


def levels(x: Tensor) -> Tensor:
    return x.float()


CASES: dict[str, tuple[str, Callable[[], Method], dict[str, Any]]] = {
    "BYOL without a stop-gradient": ("collapsed", lambda: BYOL(net(), stop_gradient=False, seed=7), {"steps": 100}),
    "VICReg without variance": ("collapsed", lambda: VICReg(net(), variance=0.0, seed=7), {}),
    "VICReg without covariance": (
        "dimensionally collapsed",
        lambda: VICReg(net(), covariance=0.0, seed=7),
        {"steps": 100},
    ),
    "SimCLR, four pictures": ("batch too small", lambda: SimCLR(net(), seed=7), {"batch_size": 4, "steps": 12}),
    "Barlow Twins, few": ("batch too small", lambda: BarlowTwins(net(), seed=7), {"batch_size": 6, "steps": 12}),
    "SimCLR, cold": ("temperature too low", lambda: SimCLR(net(), temperature=0.005, seed=7), {"steps": 12}),
    "MoCo, cold": ("temperature too low", lambda: MoCo(net(), temperature=0.005, seed=7), {"steps": 12}),
    "SimCLR, hot": ("temperature too high", lambda: SimCLR(net(), temperature=5.0, seed=7), {"steps": 12}),
    "MoCo, hot": ("temperature too high", lambda: MoCo(net(), temperature=5.0, seed=7), {"steps": 12}),
    "SimCLR, fast": ("learning rate too high", lambda: SimCLR(net(), seed=7), {"lr": 0.5, "steps": 40}),
    "VICReg, slow": ("learning rate too low", lambda: VICReg(net(), seed=7), {"lr": 1e-6, "steps": 12}),
    "SimCLR, equal views": ("augmentation too weak", lambda: SimCLR(net(), seed=7), {"views": SAME, "steps": 12}),
    "VICReg, crops of two pixels": (
        "augmentation too strong",
        lambda: VICReg(net(), seed=7),
        {"views": RECIPE.change(crop=(0.005, 0.02)), "steps": 30},
    ),
    "DINO without centring": (
        "collapsed",
        lambda: DINO(net(), prototypes=64, centring=False, seed=7),
        {"steps": 120},
    ),
    "BYOL, a teacher that stands still": (
        "teacher not updated",
        lambda: BYOL(net(), momentum=1.0, seed=7),
        {"steps": 12},
    ),
    "SimCLR, a stamp": ("positive pairs leak", lambda: SimCLR(net(), seed=7), {"views": stamped, "steps": 12}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_found(digits: Images, name: str) -> None:
    verdict, make, settings = CASES[name]
    method, data = make(), small(digits)
    history = trained(method, data, **settings)
    seen = diagnose(history, method.encoder, data, method=method, make_views=settings.get("views", RECIPE))
    assert seen.verdict == verdict, str(seen)
    assert seen.evidence
    assert all(map(math.isfinite, seen.evidence.values()))
    assert str(seen).startswith(f"{verdict} ({next(iter(seen.evidence))} ")


@pytest.fixture(scope="module")
def good(digits: Images) -> tuple[History, SimCLR, Images]:
    data = small(digits)
    method = SimCLR(net(), seed=7)
    return trained(method, data), method, data


def test_copies_are_found_exact_or_nearly(good: tuple[History, SimCLR, Images]) -> None:
    history, method, data = good
    assert diagnose(history, method.encoder, doubled(data)).verdict == "duplicates"
    noisy = doubled(data).x.int() + torch.randint(-1, 2, data.x.shape, generator=torch.Generator().manual_seed(7))
    seen = diagnose(history, method.encoder, Images(noisy.clamp(0, 255).to(torch.uint8)))
    assert seen.verdict == "duplicates"
    assert 0.5 < seen.evidence["copies"] < 0.8  # 200 of 400 are there twice: two of three pictures


def test_quiet_items_are_no_copies() -> None:
    quiet = 1e-4 * torch.randn(64, 200, generator=torch.Generator().manual_seed(7))
    assert of_items(Items(quiet), torch.arange(64))["copies"] == 0
    copied = torch.cat((quiet, quiet[:32] + 1e-6))
    assert of_items(Items(copied), torch.arange(96))["copies"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "transform",
    [levels, lambda x: 1 - as_float(x), lambda x: (as_float(x) - 0.45) / 0.225, plain(48)],
    ids=["0 to 255", "inverted", "standardised", "three times the size"],
)
def test_another_way_to_show_pictures_is_found(good: tuple[History, SimCLR, Images], transform: Any) -> None:
    history, method, data = good
    seen = diagnose(history, method.encoder, data, make_views=RECIPE, transform=transform)
    assert seen.verdict == "transforms disagree", str(seen)


def test_supervised_runs_have_transforms_too(digits: Images) -> None:
    data, views = small(digits), labelled(weak(16, flip=0.0))
    method = Supervised(net(), 10, seed=7)
    history = trained(method, data, views)
    assert diagnose(history, method.encoder, data, method=method, make_views=views).verdict == "healthy"
    seen = diagnose(history, method.encoder, data, method=method, make_views=views, transform=levels)
    assert seen.verdict == "transforms disagree"


@pytest.mark.parametrize("method", [SimCLR, BYOL, VICReg])
def test_an_encoder_that_takes_no_gradient_is_found(digits: Images, method: Any) -> None:
    data = small(digits)
    learner = method(net().requires_grad_(False), seed=7)
    history = trained(learner, data, steps=12)
    assert diagnose(history, learner.encoder, data, method=learner).verdict == "encoder not trained"
    assert diagnose(history, learner.encoder, data).evidence["moved by"] == 0


def test_another_encoder_than_the_trained_one_is_found(good: tuple[History, SimCLR, Images]) -> None:
    history, _, data = good
    assert diagnose(history, net(), data).verdict == "encoder not trained"


OUT_OF_STEP: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "rolled": lambda view, g: view.roll(1, 0),
    "flipped": lambda view, g: view.flip(0),
    "permuted": lambda view, g: view[torch.randperm(len(view), generator=g)],
}


@pytest.mark.parametrize("way", OUT_OF_STEP)
@pytest.mark.parametrize(("count", "which"), [(2, 1), (2, 0), (4, 2)])
def test_views_that_are_out_of_step_are_found(digits: Images, way: str, count: int, which: int) -> None:
    recipe = simclr(16, views=count, crop=(0.5, 1.0), flip=0.0, rotate=15)

    def views(batch: Images, generator: torch.Generator) -> list[Tensor]:
        made = list(recipe(batch, generator))
        made[which] = OUT_OF_STEP[way](made[which], generator)
        return made

    data, method = small(digits), SimCLR(net(), seed=7)
    history = trained(method, data, views, steps=20)
    seen = diagnose(history, method.encoder, data, method=method, make_views=views)
    assert seen.verdict == "positives mismatched", str(seen)
    assert seen.evidence["least raw views match"] == pytest.approx(0.5, abs=0.05)
    assert seen.evidence["least raw views match alone"] > 0.75  # as in step


def test_views_that_share_nothing_are_in_step_all_the_same(digits: Images) -> None:
    def views(batch: Images, generator: torch.Generator) -> list[Tensor]:
        a, b = RECIPE(batch, generator)
        return [a, torch.rand(b.shape, generator=generator)]

    data, method = small(digits), SimCLR(net(), seed=7)
    history = trained(method, data, views, steps=20)
    seen = diagnose(history, method.encoder, data, method=method, make_views=views)
    assert seen.verdict != "positives mismatched", str(seen)
    assert "positives mismatched" not in [other.verdict for other in seen.also]


def test_shuffled_labels_teach_nothing(digits: Images) -> None:
    data, method, views = small(digits), Supervised(net(), 10, seed=7), labelled(weak(16, flip=0.0))
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(7))
    shuffled = Images(data.x, data.labels[order], data.classes, name=data.name)
    history = trained(method, shuffled, views, steps=40, lr=2e-3)
    seen = diagnose(history, method.encoder, shuffled, method=method, make_views=views)
    assert seen.verdict == "not learning", str(seen)
    assert seen.evidence["loss of guessing"] == pytest.approx(math.log(10), abs=0.05)


def test_a_variance_term_that_loses_is_found(digits: Images) -> None:
    data, method = small(digits), VICReg(net(), covariance=100.0, seed=7)
    history = trained(method, data, steps=100)
    seen = diagnose(history, method.encoder, data, method=method, make_views=RECIPE)
    assert seen.verdict == "terms out of balance", str(seen)


def test_what_guessing_costs_is_known_of_every_answer(tales: Any) -> None:
    assert of_the_best_guess(torch.tensor([0, 1, 2, 3])) == pytest.approx(math.log(4))
    assert of_the_best_guess(torch.tensor([[0.0, 4.0], [2.0, 4.0]])) == pytest.approx(0.5)
    assert of_the_best_guess(torch.tensor([[0, 1], [-1, -1]])) == pytest.approx(math.log(2))  # -1: nothing is asked
    g = torch.Generator().manual_seed(7)
    method = GPT(nets.gpt(len(tales.vocabulary), tales.shape[0] + 2, 32, 1, 2, seed=7))
    words = method.answers(tokens.next_token(whole=False)(tales, g))
    assert words.ndim == 1
    assert (words != PAD).all()


def test_a_contrast_of_labels_is_not_held_against_guessing_them(digits: Images) -> None:
    views = labelled(RECIPE)(digits, torch.Generator().manual_seed(7))
    assert SupCon(net(), seed=7).answers(views) is None
    assert Supervised(net(), 10, seed=7).answers(views).tolist() == digits.labels.repeat(2).tolist()


class AnotherPicture(JEPA):
    """What is predicted for a picture is compared with what the teacher says of the next one."""

    def predict_from(self, seen: Tensor, x: Tensor, context: Tensor, targets: Tensor) -> Tensor:
        return super().predict_from(seen, x, context, targets).roll(targets.shape[1], 0)


def test_targets_of_another_picture_make_it_impossible_to_tell(digits: Images) -> None:
    data, views = small(digits), masks.jepa(16, flip=0.0)
    method = AnotherPicture(nets.vit(4, 48, 2, 2, seed=7), spread=1.0, seed=7)
    history = trained(method, data, views, steps=120, lr=4e-3)
    before = {name: t.clone() for name, t in method.state_dict().items()}
    seen = diagnose(history, method.encoder, data, method=method, make_views=views)
    assert seen.verdict == "cannot tell", str(seen)
    assert "exchanged" in seen.suggestion
    assert all(torch.equal(t, before[name]) for name, t in method.state_dict().items())


def test_a_large_encoder_is_shown_fewer_items(good: tuple[History, SimCLR, Images]) -> None:
    _, method, data = good
    assert affordable(method.encoder, [as_float(data.x)]) == len(data)

    class Slow(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            time.sleep(0.01 * len(x))
            return x.flatten(1)

    assert affordable(Slow(), [as_float(data.x)]) == LEAST


def test_views_are_made_again_from_the_history(digits: Images) -> None:
    data, method = small(digits), SimCLR(net(), seed=7)
    history = trained(method, data, SAME, steps=12)
    assert diagnose(history, method.encoder, data).verdict == "augmentation too weak"


# ── what generates: a sick run and its healthy twin, three seeds each


class Following(VQVAE):
    """A codebook that begins far away; its entries follow what is near to them, and the others stay where they are."""

    def before_step(self, progress: float) -> None:
        self.codebook.mul_(30.0 if progress == 0 else 1.0)

    def after_step(self, progress: float) -> None:
        if self._seen is None:
            return
        (z, index), self._seen = self._seen, None
        for code in index.unique():
            self.codebook[code].lerp_(z[index == code].mean(0), 1 - self.decay)


def with_places(seed: int) -> Any:
    return nets.bottleneck(nets.conv(4, seed=seed), 16, 16, seed=seed)


NOISY, PLAIN = with_noise(weak(16, flip=0.0), 8), weak(16, flip=0.0)
GENERATIVE: dict[str, tuple[Callable[[int], Method], Callable[[int], Method], Any, float]] = {
    "discriminator wins": (
        lambda seed: BiGAN(with_places(seed), 16, 8, 8, spectral=False, discriminator_lr=1e-2, seed=seed),
        lambda seed: BiGAN(with_places(seed), 16, 8, 8, spectral=False, discriminator_lr=2e-3, seed=seed),
        NOISY,
        1e-4,
    ),
    "posterior collapsed": (
        lambda seed: VAE(with_places(seed), 16, 8, beta=300.0, seed=seed),
        lambda seed: VAE(with_places(seed), 16, 8, seed=seed),
        NOISY,
        4e-3,
    ),
    "codebook collapsed": (
        lambda seed: Following(nets.conv(4, seed=seed), 16, codes=64, dim=8, seed=seed),
        lambda seed: VQVAE(nets.conv(4, seed=seed), 16, codes=64, dim=8, seed=seed),
        PLAIN,
        4e-3,
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("verdict", GENERATIVE)
def test_what_generates_is_found_sick_and_passes_healthy(digits: Images, verdict: str, seed: int) -> None:
    sick, healthy, views, sick_lr = GENERATIVE[verdict]
    data = small(digits)
    for make, expected, lr in ((sick, verdict, sick_lr), (healthy, "healthy", 4e-3)):
        method = make(seed)
        history = fit(method, data, views, steps=120, lr=lr, batch_size=32, **{**EXACT, "seed": seed})
        seen = diagnose(history, method.encoder, data, method=method)
        assert seen.verdict == expected, str(seen)
    assert seen.also == ()


def test_without_the_method_scores_and_codebook_are_read_from_the_history(digits: Images) -> None:
    data = small(digits)
    for verdict in ("discriminator wins", "codebook collapsed"):
        make, _, views, lr = GENERATIVE[verdict]
        method = make(0)
        history = fit(method, data, views, steps=120, lr=lr, batch_size=32, **EXACT)
        known = {} if verdict == "discriminator wins" else {"method": method}  # a test's own class is not rebuilt
        assert diagnose(history, method.encoder, data, **known).verdict == verdict


def test_nats_of_latents_are_those_of_the_kl(digits: Images) -> None:
    method, data = VAE(with_places(0), 16, 8, seed=0).eval(), small(digits)[:20]
    views = NOISY(data, torch.Generator().manual_seed(7))
    with torch.no_grad():
        nats = method.latent_nats(views)
        assert nats.shape == (20, 8)
        assert float(nats.sum(1).mean()) == pytest.approx(float(method(views)["kl"]), rel=1e-5)


# ── healthy runs


@pytest.mark.parametrize(
    ("make", "views"),
    [
        (SimCLR, simclr(16, views=4, crop=(0.5, 1.0), flip=0.0, rotate=15)),
        (MoCo, RECIPE),
        (VICReg, RECIPE),
        (BarlowTwins, RECIPE),
        (SimSiam, RECIPE),
        (BYOL, RECIPE),
        (SwAV, RECIPE),
        (DINO, RECIPE),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_healthy_run_passes(digits: Images, make: Any, views: RandomViews) -> None:
    method, data = make(net(), seed=7), small(digits)
    history = trained(method, data, views, steps=80)
    seen = diagnose(history, method.encoder, data, method=method, make_views=views)
    assert (seen.verdict, seen.also) == ("healthy", ()), str(seen)
    assert diagnose(history, method.encoder, data).verdict == "healthy"


def group_norm(data: Items) -> Any:
    layers = [nn.Conv2d(3, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU()]
    return nets.wrap(nn.Sequential(*layers), size=16)


OTHERS: dict[str, tuple[Callable[[Items], Method], Callable[..., Any]]] = {
    "MAE": (lambda data: MAE(nets.vit(4, 48, 2, 2, seed=7), seed=7), masks.mae(16, flip=0.0)),
    "JEPA": (lambda data: JEPA(nets.vit(4, 48, 2, 2, seed=7), spread=1.0, seed=7), masks.jepa(16, flip=0.0)),
    "inpainting": (lambda data: Inpainting(net(), 16, seed=7), masks.inpainting(16, flip=0.0)),
    "rotation": (lambda data: Rotation(net(), seed=7), puzzles.rotation(16, flip=0.0)),
    "jigsaw": (lambda data: Jigsaw(net(), seed=7), puzzles.jigsaw(32)),
    "SimCLR, group norm": (lambda data: SimCLR(group_norm(data), seed=7), RECIPE),
    "supervised, group norm": (lambda data: Supervised(group_norm(data), 10, seed=7), labelled(weak(16, flip=0.0))),
}


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_a_healthy_run_without_pairs_or_without_batch_norm_passes(digits: Images, name: str) -> None:
    make, views = OTHERS[name]
    data = small(digits)
    method = make(data)
    history = trained(method, data, views, steps=120, lr=4e-3)
    for known in ({}, {"method": method, "make_views": views}):
        seen = diagnose(history, method.encoder, data, **known)
        assert (seen.verdict, seen.also) == ("healthy", ()), str(seen)


@pytest.fixture(scope="module")
def tales() -> Any:
    return load("tales", n=512, seed=7)


@pytest.mark.parametrize("name", ["bert", "gpt", "encoder_decoder"])
def test_texts_are_judged_by_their_words(tales: Any, name: str) -> None:
    size = {"dim": 32, "depth": 1, "heads": 2, "seed": 7}
    encoder = getattr(nets, name)(len(tales.vocabulary), tales.shape[0] + 2, **size)
    method, views = {
        "bert": (BERT, tokens.mask(len(tales.vocabulary))),
        "gpt": (GPT, tokens.next_token(whole=False)),
        "encoder_decoder": (BART, tokens.corrupt()),
    }[name]
    method = method(encoder)
    history = trained(method, tales, views, steps=150)
    seen = diagnose(history, encoder, tales, method=method, make_views=views)
    assert (seen.verdict, seen.also) == ("healthy", ()), str(seen)
    copied = tales[torch.arange(512) % 64]
    assert diagnose(history, encoder, copied).verdict == "duplicates"


@dataclass(frozen=True)
class OneMask:
    """What dropout leaves of the first view is left of the second too."""

    views: Callable[..., tokens.DroppedTokens]

    def __call__(self, batch: Items, generator: torch.Generator) -> tokens.DroppedTokens:
        words, keep = self.views(batch, generator)
        return tokens.DroppedTokens(words, keep[:, :1].repeat(1, 2, 1, 1, 1))


@pytest.mark.parametrize(
    ("views", "verdict"),
    [
        (tokens.dropped(32, 1), "healthy"),
        (tokens.dropped(32, 1, 0.0), "augmentation too weak"),
        (OneMask(tokens.dropped(32, 1)), "augmentation too weak"),
    ],
    ids=["dropout", "none", "one mask"],
)
def test_views_that_an_encoder_makes_itself_are_compared_behind_it(tales: Any, views: Any, verdict: str) -> None:
    method = SimCSE(nets.bert(len(tales.vocabulary), tales.shape[0] + 2, 32, 1, 2, seed=7), seed=7)
    history = trained(method, tales, views, steps=40, lr=2e-3)
    seen = diagnose(history, method.encoder, tales, method=method, make_views=views)
    assert (seen.verdict, seen.also) == (verdict, ()), str(seen)
    if not isinstance(views, OneMask):  # which no history makes again
        assert diagnose(history, method.encoder, tales).verdict == verdict


def test_an_encoder_of_one_side_is_shown_one_side(tales: Any) -> None:
    views = paired(Unchanged(), Unchanged())
    for pairs in (parallel(tales), questions(tales)):
        method = TwoSides(nets.bert(len(pairs.a.vocabulary), 100, 32, 1, 2, seed=7))  # type: ignore[attr-defined]
        history = trained(method, pairs, views, steps=40, lr=2e-3)
        for known in ({}, {"method": method, "make_views": views}):
            seen = diagnose(history, method.encoder, pairs, **known)
            # Tales ask few questions over and over: of which story one is cannot be learned, and may end in a collapse.
            allowed = ("healthy",) if pairs.name != "questions on tales" else ("healthy", "collapsed")
            assert seen.verdict in allowed, str(seen)
            assert seen.also == ()


def test_no_label_is_looked_at_and_nothing_is_changed(good: tuple[History, SimCLR, Images]) -> None:
    history, method, data = good
    method.train()
    method.encoder.body[1].eval()
    before = {name: t.clone() for name, t in method.state_dict().items()}
    state = torch.get_rng_state()
    seen = diagnose(history, method.encoder, Images(data.x), method=method, make_views=RECIPE)
    assert seen == diagnose(history, method.encoder, data, method=method, make_views=RECIPE)
    assert all(torch.equal(t, before[name]) for name, t in method.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert method.encoder.training
    assert not method.encoder.body[1].training


# ── what the doctor's book says of signs alone

WELL: dict[str, Any] = {
    "steps": 100,
    "first_loss": 4.0,
    "highest_early_loss": 4.0,
    "last_loss": 1.6,
    "loss_fallen_by": 0.6,
}
SHARES: dict[str, Any] = {"prototypes": 256}
COLD: dict[str, Any] = {"temperature": 0.05, "first_loss": 12.0, "loss_of_guessing": 4.0}
GROWN: dict[str, Any] = {"weights_grown_by": 20.0, "norms_moved_by": 1.0}


def test_a_cause_comes_before_what_it_leads_to_and_other_causes_are_told_too() -> None:
    signs = WELL | {"feature_std": 0.01, "copies": 0.5, "batch": 4, "negatives_in_the_batch": 6}
    seen = judged(Signs(**signs))
    assert (seen.verdict, [other.verdict for other in seen.also]) == ("duplicates", ["batch too small"])
    assert str(seen).count("\nAlso batch too small (") == 1
    assert judged(Signs(**WELL | {"feature_std": 0.01})).verdict == "collapsed"


def test_what_was_not_looked_at_is_not_found() -> None:
    assert judged(Signs(**WELL)).verdict == "healthy"
    assert [fault.verdict for fault in FAULTS if fault.seen(Signs(**WELL)) is not None] == []


@pytest.mark.parametrize(
    ("signs", "verdict"),
    [
        ({"not_finite": True}, "diverged"),
        ({"last_loss": 7.0, "loss_fallen_by": -0.75}, "diverged"),
        ({"loss_fallen_by": 0.0}, "not learning"),
        ({"loss_fallen_by": 0.0, "targets_move": True}, "cannot tell"),  # a teacher's targets: the loss says nothing
        ({"loss_fallen_by": 0.0, "targets_move": True, "views_match": 0.9}, "healthy"),
        ({"loss_fallen_by": 0.1, "steps": 5}, "cannot tell"),
        ({"loss_of_guessing": 2.08, "of_guessing": 1.0}, "not learning"),
        ({"loss_of_guessing": 2.08, "of_guessing": 0.96}, "cannot tell"),
        ({"loss_of_guessing": 2.08, "of_guessing": 0.9}, "healthy"),
        ({"loss_of_guessing": 0.6, "of_guessing": 1.5}, "cannot tell"),  # it does not even know the shares of classes
        ({"loss_of_guessing": 0.6, "of_guessing": 1.5, "feature_std": 0.04}, "cannot tell"),
        ({"loss_of_guessing": 0.6, "of_guessing": 1.5, "loss_fallen_by": 0.0}, "not learning"),
        (COLD, "temperature too low"),
        (COLD | {"of_two_things": True}, "healthy"),  # nothing says that they begin near each other
        (COLD | {"raw_views_match": 0.5, "views_match": 0.9}, "temperature too low"),
        (COLD | {"raw_views_match": 0.5, "views_match": 0.5, "loss_fallen_by": 0.1}, "augmentation too strong"),
        ({"views_differ_by": 0.0, "untrained_views_match": 1.0}, "augmentation too weak"),
        ({"views_differ_by": 0.2, "views_match": 0.9}, "healthy"),
        ({"views_differ_by": 1.0, "views_match": 0.55, "loss_fallen_by": 0.1}, "augmentation too strong"),
        ({"moved_by": 0.0}, "encoder not trained"),
        ({"moved_by": 0.0, "loss_fallen_by": 0.0}, "encoder not trained"),
        ({"moved_by": 0.1, "norms_moved_by": 0.0}, "healthy"),
        ({"least_raw_views_match": 0.5, "least_raw_views_match_alone": 0.6}, "positives mismatched"),
        ({"least_raw_views_match": 0.5, "least_raw_views_match_alone": 0.54}, "healthy"),  # they share nothing
        ({"least_raw_views_match": 0.6, "least_raw_views_match_alone": 0.7}, "healthy"),
        ({"teacher_moved_by": 0.0}, "teacher not updated"),
        ({"teacher_moved_by": 1e-6}, "healthy"),
        ({"term_against_collapse_grown_by": 0.3}, "terms out of balance"),
        ({"feature_std": 0.01}, "collapsed"),
        ({"feature_std": 0.08, "untrained_feature_std": 0.18}, "healthy"),  # a net without batch norm begins low
        ({"feature_std": 0.02, "untrained_feature_std": 0.18}, "collapsed"),
        ({"loss_fallen_by": 0.0, "views_match": 0.9, "untrained_views_match": 0.6}, "healthy"),
        ({"loss_fallen_by": 0.0, "norms_moved_by": 0.0}, "encoder not trained"),  # or another than the trained one
        ({"loss_fallen_by": 0.0, "norms_moved_by": 1e-5}, "learning rate too low"),
        ({"loss_fallen_by": 0.0, "all_steps_by": 1e-3}, "learning rate too low"),
        (GROWN | {"one_step_moves_a_weight_by": 4.0}, "learning rate too high"),
        (GROWN | {"one_step_moves_a_weight_by": 0.1}, "healthy"),  # a long run
        (SHARES | {"nats_for_the_loss": 0.01, "prototypes_for_the_loss": 1.1}, "collapsed"),
        (SHARES | {"nats_for_the_loss": 0.2, "prototypes_for_the_loss": 3.3}, "collapsed"),  # two of 256 win
        (SHARES | {"nats_for_the_loss": 0.2, "prototypes_for_the_loss": 130.0}, "healthy"),
        (
            SHARES | {"nats_for_the_loss": 2.0, "prototypes_for_the_loss": 8.0},
            "healthy",
        ),  # few, and each for some items
        ({"nats_for_the_loss": 0.2, "prototypes_for_the_loss": 3.3, "prototypes": 4}, "healthy"),  # all that there are
        ({"nats_for_the_loss": 0.2, "prototypes_for_the_loss": 1.4, "prototypes": 4}, "collapsed"),
        (SHARES | {"nats_for_the_loss": 0.001, "prototypes_for_the_loss": 255.0}, "collapsed"),
        (
            SHARES | {"nats_for_the_loss": 0.02, "prototypes_for_the_loss": 255.0},
            "cannot tell",
        ),  # it may have only begun
        ({"is_a_game": True, "loss_fallen_by": 0.0, "targets_move": True}, "healthy"),  # its sum need not fall
        ({"is_a_game": True, "last_loss": 12.0, "loss_fallen_by": -2.0}, "healthy"),
        ({"is_a_game": True, "score_of_real": 0.95, "score_of_made": 0.05}, "discriminator wins"),
        ({"is_a_game": True, "score_of_real": 0.7, "score_of_made": 0.3, "loss_fallen_by": 0.0}, "healthy"),
        ({"is_a_game": True, "norms_moved_by": 1e-5}, "learning rate too low"),
        ({"latents": 16, "latents_in_use": 0, "nats_of_all_latents": 0.01}, "posterior collapsed"),
        ({"latents": 16, "latents_in_use": 1, "nats_of_all_latents": 2.0}, "posterior collapsed"),
        ({"latents": 2, "latents_in_use": 1, "nats_of_all_latents": 2.0}, "healthy"),
        ({"codes": 128.0, "codes_in_use": 1.1}, "codebook collapsed"),
        ({"codes": 128.0, "codes_in_use": 12.0}, "healthy"),
        ({"codes": 4.0, "codes_in_use": 1.2}, "healthy"),
        ({"loss_rises_when_exchanged": 0.0003}, "cannot tell"),
        ({"loss_rises_when_exchanged": 0.03}, "healthy"),
        ({"effective_rank": 3.0, "dimensions": 128.0}, "dimensionally collapsed"),
        ({"views_match": 0.55, "raw_views_match": 0.6}, "collapsed"),  # the loss fell by half, for nothing
        ({"views_match": 0.55, "raw_views_match": 0.6, "loss_fallen_by": 0.1}, "augmentation too strong"),
        ({"best_place_finds": 1.0, "places_that_find": 0.9, "raw_views_match": 1.0}, "augmentation too weak"),
        ({"best_place_finds": 1.0, "places_that_find": 0.1, "raw_views_match": 1.0}, "positive pairs leak"),
    ],
)
def test_signs_and_their_verdict(signs: dict[str, Any], verdict: str) -> None:
    assert judged(Signs(**WELL | signs)).verdict == verdict


def test_every_suggestion_is_a_sentence_and_every_fault_explains_itself() -> None:
    for fault in FAULTS:
        assert fault.suggestion.endswith(".")
        assert fault.seen.__doc__
        assert isinstance(judged(Signs(**WELL)), Diagnosis)


def normal(*shape: int, seed: int = 7) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_matches_are_what_loops_count() -> None:
    a, b = normal(20, 3), normal(20, 3)
    b = a + 0.7 * normal(20, 3, seed=8)
    b[3] = b[4]  # a tie
    apart = [[float((p - q).norm()) for q in b] for p in a]
    pairs = [(apart[i][i], apart[i][j]) for i in range(20) for j in range(20) if j != i]
    assert nearer(a, b) == pytest.approx(sum((o < d) + 0.5 * (o == d) for o, d in pairs) / len(pairs), abs=1e-3)
    first = [(apart[i][i] == min(apart[i])) / apart[i].count(apart[i][i]) for i in range(20)]
    assert found(a, b) == pytest.approx(sum(first) / 20, abs=1e-6)
    assert (nearer(a, a), found(a, a)) == (1, 1)
    same = torch.zeros(20, 3)
    assert (nearer(same, same), found(same, same)) == (0.5, pytest.approx(1 / 20))


def test_directions_and_nats_know_their_extremes() -> None:
    line = normal(400, 1) @ normal(1, 8)
    assert directions(line) == pytest.approx(1, abs=1e-3)
    assert directions(torch.cat((torch.eye(8), -torch.eye(8)))) == pytest.approx(8, abs=1e-3)
    assert mutual_information(torch.full((10, 5), 0.2)) == pytest.approx(0, abs=1e-6)
    assert mutual_information(torch.eye(5)[torch.zeros(10, dtype=torch.long)]) == pytest.approx(0, abs=1e-6)
    assert mutual_information(torch.eye(5).repeat(2, 1)) == pytest.approx(math.log(5), abs=1e-6)


def test_a_distance_is_a_share_of_the_first_length() -> None:
    first, now = (torch.tensor([3.0]), torch.tensor([[0.0, 4.0]])), (torch.tensor([3.0]), torch.tensor([[1.0, 4.0]]))
    assert relative_distance(zip(now, first, strict=True)) == pytest.approx(1 / 5)
    assert relative_distance(zip(first, first, strict=True)) == 0


# ── the command


def test_the_command_says_what_is_the_matter_with_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = load("shapes", n=256, seed=7), tmp_path / "run.pt"
    method = SimCLR(net(), seed=7)
    fit(method, data, RandomViews(((2, Augment(16)),)), steps=8, batch_size=32, checkpoint=out, **EXACT)
    assert main(["doctor", str(out)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("SimCLR on shapes: 8 of 8 steps, batch 32")
    assert "✗ augmentation too weak\n    seen by: raw views match 1\n    → The pixels alone solve the task." in printed
    assert "!" not in printed


def test_a_misspelt_sign_fails() -> None:
    with pytest.raises(TypeError, match="feature_sdt"):
        Signs(**WELL, feature_sdt=0.1)
    with pytest.raises(AttributeError, match="feature_sdt"):
        Signs(**WELL).some("feature_sdt")


def test_a_file_of_something_else_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> str:
        assert main(["doctor", *words]) == 2
        return capsys.readouterr().err

    assert "there is no file" in said(str(tmp_path / "none.pt"))
    (tmp_path / "text.pt").write_text("hello")
    assert "is not a checkpoint of sslwb" in said(str(tmp_path / "text.pt"))
    save_checkpoint(tmp_path / "other.pt", {"weights": torch.zeros(2)})
    assert "other.pt holds no training" in said(str(tmp_path / "other.pt"))
    content = bytearray((tmp_path / "other.pt").read_bytes())
    content[-1] ^= 1
    (tmp_path / "torn.pt").write_bytes(content)
    assert "torn.pt is damaged" in said(str(tmp_path / "torn.pt"))
    record = {"settings": {"data": "folder:mine", "method": {"make": "os.getcwd"}}, "terms": {"loss": [1.0]}}
    save_checkpoint(tmp_path / "mine.pt", {"method": {}, "history": record})
    assert "--data NAME" in said(str(tmp_path / "mine.pt"))
    assert "there is no recorded constructor 'os.getcwd'" in said(str(tmp_path / "mine.pt"), "--data", "digits")
    assert "--data goes with RUN" in said("--data", "digits")


def test_a_run_of_the_store_is_found_by_its_name(
    good: tuple[History, SimCLR, Images],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path))
    history, method, _ = good
    record = {
        "settings": history.settings | {"views": {"unknown": "__main__.mine"}},
        "terms": history.terms,
        "seconds": 1.0,
    }
    save_checkpoint(tmp_path / "runs" / "SimCLR-1.pt", {"method": method.state_dict(), "history": record})
    assert main(["doctor", "SimCLR-1"]) == 0
    out = capsys.readouterr().out
    assert "✓ healthy" in out
    assert "! its views cannot be made again" in out
