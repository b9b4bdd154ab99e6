"""Methods, one row each: a slow oracle, stated invariances, finite gradients, a loss that falls, no collapse."""

import copy
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import dequantised, images, labelled, masks, puzzles, tokens, with_noise
from sslwb.augment.noise import denoising
from sslwb.core import MakeViews, Views
from sslwb.data import Images, Texts, load
from sslwb.data.pairs import sentence_pairs
from sslwb.evaluate import embed
from sslwb.geometry import effective_rank, feature_std
from sslwb.methods.autoencoder import Autoencoder
from sslwb.methods.barlow_twins import BarlowTwins, barlow_twins_loss, cross_correlation
from sslwb.methods.bart import BART
from sslwb.methods.base import Method, by_size, full_precision, mean_of_other_views
from sslwb.methods.bert import BERT
from sslwb.methods.byol import BYOL, byol_loss
from sslwb.methods.denoising import DenoisingAutoencoder
from sslwb.methods.densecl import DenseCL, dense_nt_xent, in_places, matches
from sslwb.methods.dino import DINO, dino_loss
from sslwb.methods.gan import BiGAN
from sslwb.methods.gpt import GPT
from sslwb.methods.hard_negatives import HardNegatives, hard_nt_xent
from sslwb.methods.inpainting import Inpainting
from sslwb.methods.jepa import JEPA
from sslwb.methods.jigsaw import Jigsaw
from sslwb.methods.mae import MAE
from sslwb.methods.moco import MoCo, queue_loss
from sslwb.methods.rotation import Rotation
from sslwb.methods.simclr import SimCLR, nt_xent
from sslwb.methods.simcse import SimCSE, dropped_out
from sslwb.methods.simsiam import SimSiam
from sslwb.methods.supcon import SupCon, supcon_loss
from sslwb.methods.supervised import Supervised
from sslwb.methods.swav import SwAV, sinkhorn, swapped_loss
from sslwb.methods.teacher import ema_update, momentum_schedule, teacher_of
from sslwb.methods.vae import VAE
from sslwb.methods.vicreg import VICReg, vicreg_loss
from sslwb.methods.vqvae import VQVAE
from sslwb.train import History, fit
from sslwb.train.checkpoint import save_checkpoint
from sslwb.train.loop import Loop


@dataclass(frozen=True)
class Row:
    """What is known about a method."""

    make: Callable[[], Method]
    views: MakeViews
    lr: float = 3e-3
    steps: int = 40  # until the loss has fallen
    falls: str = "loss"  # the term that falls: of a game, one side's
    data: Callable[[], Texts] | None = None  # texts instead of pictures


@functools.cache
def tales() -> Texts:
    return load("tales", n=256, seed=31)


@functools.cache
def pairs_of_tales() -> Texts:
    return sentence_pairs(tales())


def lit_from_above(batch: Images, generator: torch.Generator) -> Views:
    """Four turns of pictures that are darker below: the world of shapes alone has no upright."""
    light = torch.linspace(1, 0.3, batch.x.shape[2], device=batch.x.device)[:, None]
    return puzzles.rotation(16)(batch.x / 255 * light, generator)


METHODS = {
    "SimCLR": Row(lambda: SimCLR(nets.conv(8, seed=5), projector=(32, 16), seed=5), images.simclr(16)),
    "SimCLR, four views": Row(lambda: SimCLR(nets.conv(8, seed=5), seed=5), images.simclr(12, views=4)),
    "SimCLR without a projector": Row(lambda: SimCLR(nets.conv(8, seed=5), projector=()), images.simclr(16)),
    "SimCLR, hard negatives": Row(
        lambda: HardNegatives(nets.conv(8, seed=5), prior=0.05, projector=(32, 16), seed=5), images.simclr(16)
    ),
    "DenseCL": Row(lambda: DenseCL(nets.conv(8, seed=5), projector=(32, 16), seed=5), images.simclr(16)),
    "DenseCL, tokens, three views": Row(
        lambda: DenseCL(nets.vit(4, 32, 2, 2, seed=5), projector=(32, 16), seed=5), images.simclr(16, views=3)
    ),
    "MoCo": Row(
        lambda: MoCo(nets.conv(8, seed=5), queue=384, projector=(32, 16), seed=5), images.simclr(16), steps=120
    ),
    "BYOL": Row(lambda: BYOL(nets.conv(8, seed=5), projector=(32, 16), predictor=32, seed=5), images.simclr(16)),
    "BYOL, four views": Row(lambda: BYOL(nets.conv(8, seed=5), seed=5), images.simclr(12, views=4)),
    "SimSiam": Row(lambda: SimSiam(nets.conv(8, seed=5), projector=(32, 32), predictor=8, seed=5), images.simclr(16)),
    "Barlow Twins": Row(lambda: BarlowTwins(nets.conv(8, seed=5), projector=(32, 16), seed=5), images.simclr(16)),
    "VICReg": Row(lambda: VICReg(nets.conv(8, seed=5), projector=(32, 16), seed=5), images.simclr(16)),
    "SwAV": Row(lambda: SwAV(nets.conv(8, seed=5), 32, projector=(32, 16), seed=5), images.multicrop(16, 8, 2)),
    "DINO": Row(lambda: DINO(nets.conv(8, seed=5), 32, projector=(32, 16), seed=5), images.multicrop(16, 8, 2)),
    "DINO, transformer": Row(
        lambda: DINO(nets.vit(4, 32, 2, 2, seed=5), 32, projector=(32, 16), seed=5),
        images.multicrop(16, 8, 2),
        steps=120,
    ),
    "BERT": Row(lambda: BERT(nets.bert(168, 80, 32, 2, 2, seed=5), seed=5), tokens.mask(168, 0.3), data=tales),
    "BERT, pairs": Row(
        lambda: BERT(nets.bert(168, 90, 32, 2, 2, seed=5), next_sentence=True, seed=5),
        tokens.mask(168, 0.3, next_sentence=True),
        data=pairs_of_tales,
    ),
    "GPT": Row(lambda: GPT(nets.gpt(168, 80, 32, 2, 2, seed=5)), tokens.next_token(), data=tales),
    "BART": Row(lambda: BART(nets.encoder_decoder(168, 80, 32, 2, 2, seed=5)), tokens.corrupt(), data=tales),
    "BART, what is missing": Row(
        lambda: BART(nets.encoder_decoder(168, 110, 32, 2, 2, seed=5)), tokens.corrupt(0.3, whole=False), data=tales
    ),
    "SimCSE": Row(
        lambda: SimCSE(nets.bert(168, 80, 32, 2, 2, seed=5), seed=5), tokens.dropped(32, 2), data=tales, steps=60
    ),
    "Rotation": Row(lambda: Rotation(nets.conv(8, seed=5), seed=5), lit_from_above),
    "Jigsaw": Row(
        lambda: Jigsaw(nets.conv(8, seed=5), hidden=32, seed=5), puzzles.jigsaw(16, gap=0, gray=0, jitter=0), steps=150
    ),
    "Inpainting": Row(lambda: Inpainting(nets.conv(8, seed=5), 16, code=32, seed=5), masks.inpainting(16)),
    "MAE": Row(lambda: MAE(nets.vit(4, 32, 2, 2, seed=5), dim=16, seed=5), masks.mae(16)),
    "MAE, normalised": Row(
        lambda: MAE(nets.vit(4, 32, 2, 2, seed=5), dim=16, normalise=True, seed=5), masks.mae(16), steps=60
    ),
    "I-JEPA": Row(lambda: JEPA(nets.vit(4, 32, 2, 2, seed=5), dim=16, seed=5), masks.jepa(16, count=2)),
    "I-JEPA, spread": Row(
        lambda: JEPA(nets.vit(4, 32, 2, 2, seed=5), spread=1.0, dim=16, seed=5), masks.jepa(16, count=2)
    ),
    "Autoencoder": Row(
        lambda: Autoencoder(nets.bottleneck(nets.conv(8, seed=5), 32, 16, seed=5), 16, seed=5),
        images.weak(16),
        steps=250,  # the lights of the backgrounds come first, two or three directions; others later
    ),
    "Autoencoder, linear": Row(
        lambda: Autoencoder(nets.linear(32, size=16, seed=5), 16, linear=True, seed=5), images.weak(16)
    ),
    "Denoising autoencoder": Row(
        lambda: DenoisingAutoencoder(nets.bottleneck(nets.conv(8, seed=5), 32, 16, seed=5), 16, seed=5),
        denoising(16, std=0.2, masked=0.25, patch=4),
        steps=250,
    ),
    "BiGAN": Row(
        lambda: BiGAN(nets.bottleneck(nets.conv(8, seed=5), 32, 16, seed=5), 16, 8, 16, seed=5),
        with_noise(images.weak(16), 8),
        lr=1e-3,
        steps=120,
        falls="discriminator",
    ),
    "VAE": Row(
        lambda: VAE(nets.bottleneck(nets.conv(8, seed=5), 32, 16, seed=5), 16, 8, seed=5),
        with_noise(images.weak(16), 8),
        steps=250,
    ),
    "VAE, Gaussian": Row(
        lambda: VAE(nets.bottleneck(nets.conv(8, seed=5), 32, 16, seed=5), 16, 8, "gaussian", warmup=0.5, seed=5),
        dequantised(with_noise(images.weak(16), 8)),
        steps=250,
    ),
    "VQ-VAE": Row(lambda: VQVAE(nets.conv(8, seed=5), 16, codes=16, dim=8, seed=5), images.weak(16), steps=250),
    "SupCon": Row(lambda: SupCon(nets.conv(8, seed=5), projector=(32, 16), seed=5), labelled(images.simclr(16))),
    "Supervised": Row(lambda: Supervised(nets.conv(8, seed=5), 8, seed=5), labelled(images.weak(16))),
}
rows = pytest.mark.parametrize("row", METHODS.values(), ids=METHODS.keys())


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=256, seed=31, size=16)


def given(row: Row, data: Images) -> Images | Texts:
    return row.data() if row.data else data


def train(row: Row, data: Images, steps: int) -> tuple[Method, History]:
    method = row.make()
    history = fit(
        method,
        given(row, data),
        row.views,
        steps=steps,
        batch_size=64,
        lr=row.lr,
        seed=5,
        device="cpu",
        precision="fp32",
        progress=False,
    )
    return method, history


def batch(row: Row, data: Images, n: int = 12) -> Views:
    return row.views(given(row, data)[:n], torch.Generator().manual_seed(1))


def learning(method: Method) -> list[tuple[str, nn.Parameter]]:
    """All weights but a teacher's."""
    return [(name, p) for name, p in method.named_parameters() if not name.startswith("teacher.")]


# ── every method


@rows
def test_a_method_gives_a_loss_and_finite_gradients(row: Row, data: Images) -> None:
    method = row.make()
    terms = method(batch(row, data))
    assert terms["loss"].ndim == 0
    assert all(t.ndim == 0 and t.isfinite() for t in terms.values())
    terms["loss"].backward()
    for name, weight in learning(method):
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name


@rows
def test_every_weight_is_in_one_group_and_vectors_are_not_decayed(row: Row) -> None:
    method = row.make()
    groups = method.param_groups()
    grouped = [id(p) for g in groups for p in g["params"]]
    assert sorted(grouped) == sorted(id(p) for _, p in learning(method))
    assert all(g.get("weight_decay") == 0.0 for g in groups if any(p.ndim <= 1 for p in g["params"]))
    assert all("weight_decay" not in g for g in groups if any(p.ndim > 1 for p in g["params"]))


@rows
def test_frozen_weights_are_left_out(row: Row) -> None:
    method = row.make()
    method.encoder.requires_grad_(False)
    left = [p for g in method.param_groups() for p in g["params"]]
    assert not {id(p) for p in left} & {id(p) for p in method.encoder.parameters()}


@rows
def test_the_loss_does_not_depend_on_the_order_of_the_batch(row: Row, data: Images) -> None:
    views = batch(row, data)
    order = torch.randperm(len(views[0]), generator=torch.Generator().manual_seed(2))
    one, other = row.make()(views)["loss"], row.make()([v[order] for v in views])["loss"]
    assert torch.allclose(one, other, rtol=1e-4)


@rows
def test_the_loss_falls_and_the_geometry_stays_alive(row: Row, data: Images) -> None:
    method, history = train(row, data, row.steps)
    assert sum(history[row.falls][-8:]) < 0.95 * sum(history[row.falls][:8])
    z = embed(method.encoder, given(row, data), "fp32")
    # a mean over words holds a large part that all texts share
    assert feature_std(z - z.mean(0) if row.data else z) > 0.2
    assert effective_rank(z - z.mean(0)) > 5


@rows
def test_the_same_seed_gives_the_same_history(row: Row, data: Images) -> None:
    (_, one), (_, other) = train(row, data, steps=5), train(row, data, steps=5)
    assert one.terms == other.terms


@rows
def test_a_method_moves_no_global_generator(row: Row, data: Images) -> None:
    views, before = batch(row, data), torch.get_rng_state()
    row.make()(views)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_encoder_without_dim_is_reported() -> None:
    with pytest.raises(TypeError, match=r"encoder is Linear without an integer \.dim; expected one of sslwb\.nets"):
        SimCLR(nn.Linear(3, 3))


# ── NT-Xent


def embeddings(n: int, b: int = 6, d: int = 5, seed: int = 8) -> list[Tensor]:
    return list(torch.randn(n, b, d, generator=torch.Generator().manual_seed(seed)))


def slow_nt_xent(views: list[Tensor], temperature: float) -> float:
    """The docstring's sentence with loops, in plain floats."""

    def unit(v: list[float]) -> list[float]:
        return [a / math.hypot(*v) for a in v]

    def similar(a: list[float], b: list[float]) -> float:
        return math.exp(sum(p * q for p, q in zip(a, b, strict=True)) / temperature)

    z = [[unit(row.tolist()) for row in view] for view in views]
    losses = []
    for n, view in enumerate(z):
        for i, anchor in enumerate(view):
            mates = [other[i] for m, other in enumerate(z) if m != n]
            positive = similar(anchor, unit([sum(values) for values in zip(*mates, strict=True)]))
            negative = sum(similar(anchor, row) for other in z for j, row in enumerate(other) if j != i)
            losses.append(-math.log(positive / (positive + negative)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("views", [2, 3, 4])
@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_nt_xent_is_what_loops_give(views: int, temperature: float) -> None:
    z = embeddings(views)
    assert math.isclose(float(nt_xent(*z, temperature=temperature)), slow_nt_xent(z, temperature), rel_tol=1e-5)


def test_two_views_are_equation_1_as_a_cross_entropy() -> None:
    """The usual form: 2B rows, the row itself hidden, the other view as the class."""
    a, b = embeddings(2)
    z = F.normalize(torch.cat((a, b)), dim=1)
    logits = (z @ z.T / 0.3).fill_diagonal_(-torch.inf)
    partner = torch.arange(12).roll(6)
    assert torch.allclose(nt_xent(a, b, temperature=0.3), F.cross_entropy(logits, partner), rtol=1e-5)


@pytest.mark.parametrize("views", [2, 3])
def test_nt_xent_is_symmetric_and_blind_to_scale_and_turns(views: int) -> None:
    z = embeddings(views)
    loss = nt_xent(*z)
    turn = torch.linalg.qr(embeddings(1, 5, 5)[0]).Q
    lengths = 0.1 + 10 * torch.rand(views, 6, 1, generator=torch.Generator().manual_seed(1))
    for other in (z[::-1], [v[[3, 1, 0, 5, 4, 2]] for v in z], [v @ turn for v in z], [*(torch.stack(z) * lengths)]):
        assert torch.allclose(nt_xent(*other), loss, rtol=1e-5)


def test_nt_xent_knows_its_bounds() -> None:
    b, t = 8, 0.5
    corners = torch.eye(b)
    best = nt_xent(corners, corners, temperature=t)
    assert math.isclose(float(best), math.log(1 + 2 * (b - 1) * math.exp(-1 / t)), rel_tol=1e-5)
    collapsed = torch.ones(b, 4)
    assert math.isclose(float(nt_xent(collapsed, collapsed, temperature=t)), math.log(2 * b - 1), rel_tol=1e-5)


@pytest.mark.parametrize("temperature", [0.01, 0.5])
def test_nt_xent_has_the_gradient_of_its_value(temperature: float) -> None:
    z = [v.double().requires_grad_() for v in embeddings(3, 3, 3)]
    assert torch.autograd.gradcheck(lambda *v: nt_xent(*v, temperature=temperature), z)


def test_nt_xent_survives_what_bf16_would_not() -> None:
    z = [1e-4 * v for v in embeddings(2, 64, 16)]
    expected = nt_xent(*z, temperature=0.05)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(nt_xent(*z, temperature=0.05), expected)
        assert nt_xent(*(v.bfloat16() for v in z)).dtype == torch.float32


def test_full_precision_is_left_again_behind_the_loss() -> None:
    loss = full_precision(lambda a, b: (a @ b).sum())
    a, b = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(1))
    expected = loss(a, b)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(loss(a, b), expected)
        assert (a @ b).dtype == torch.bfloat16


def test_zero_embeddings_give_a_number() -> None:
    z = [v.clone().requires_grad_() for v in embeddings(2)]
    loss = nt_xent(z[0] * 0, z[1])
    loss.backward()
    assert loss.isfinite()
    assert z[1].grad.isfinite().all()


@pytest.mark.parametrize(
    ("views", "settings", "said"),
    [
        (embeddings(2), {"temperature": 0}, "temperature is 0; expected a number above 0"),
        (embeddings(2), {"temperature": -0.5}, "temperature is -0.5"),
        (embeddings(2), {"temperature": math.nan}, "temperature is nan"),
        (embeddings(1), {}, r"views holds 1 view\(s\); expected at least 2"),
        ([], {}, r"views holds 0 view\(s\)"),
        (embeddings(2, b=1), {}, r"the batch has 1 picture\(s\); expected 2 or more"),
        ([torch.rand(3, 4), torch.rand(2, 4)], {}, r"the views have batch sizes \[3, 2\]"),
        ([torch.rand(3, 4), torch.rand(3, 5)], {}, r"the views have shapes \[\(3, 4\), \(3, 5\)\]; expected \(B, D\)"),
        ([torch.rand(3, 4, 1), torch.rand(3, 4, 1)], {}, r"expected \(B, D\), all alike"),
    ],
)
def test_views_without_sense_are_reported(views: list[Tensor], settings: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        nt_xent(*views, **settings)


def test_simclr_wants_views_of_one_batch() -> None:
    method, x = METHODS["SimCLR"].make(), torch.rand(4, 3, 16, 16)
    with pytest.raises(ValueError, match="views holds 1 view"):
        method([x])
    with pytest.raises(ValueError, match=r"batch sizes \[4, 3\]"):
        method([x, x[:3]])
    with pytest.raises(ValueError, match=r"the batch has 1 picture"):
        method([x[:1], x[:1]])


def test_simclr_is_encoder_projector_and_nt_xent() -> None:
    method, x = METHODS["SimCLR"].make(), torch.rand(2, 5, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    z = method.projector(method.encoder(x.flatten(0, 1)))  # both views through one batch norm
    assert torch.allclose(method([*x])["loss"], nt_xent(*z.chunk(2), temperature=0.2), rtol=1e-5)
    bare = METHODS["SimCLR without a projector"].make()
    assert isinstance(bare.projector, nn.Identity)


def test_the_seed_draws_the_head() -> None:
    one, other = (SimCLR(nets.conv(8), projector=(8, 4), seed=s).projector[0].weight for s in (1, 2))
    assert not torch.equal(one, other)


# ── what the family shares


def test_the_others_of_two_views_are_the_other_one() -> None:
    z = torch.stack(embeddings(2))
    assert torch.allclose(mean_of_other_views(z), F.normalize(z, dim=2).flip(0), atol=1e-6)


def test_views_of_one_size_share_one_pass() -> None:
    seen = []
    views = [torch.full((3, 1, size, size), float(i)) for i, size in enumerate((8, 8, 4, 4, 4))]
    out = by_size(lambda x: seen.append(tuple(x.shape)) or x.mean((1, 2, 3))[:, None], views)
    assert seen == [(6, 1, 8, 8), (9, 1, 4, 4)]
    assert [float(z[0]) for z in out] == [0, 1, 2, 3, 4]
    assert all(z.shape == (3, 1) for z in out)


def test_a_teacher_follows_and_takes_no_gradient() -> None:
    student = nets.conv(4, seed=1)
    teacher = teacher_of(nets.conv(4, seed=2))
    before = [p.clone() for p in teacher.parameters()]
    ema_update(teacher, student, 0.9)
    for now, old, new in zip(teacher.parameters(), before, student.parameters(), strict=True):
        assert torch.allclose(now, 0.9 * old + 0.1 * new, atol=1e-7)
        assert not now.requires_grad


def test_the_momentum_rises_to_one_as_the_paper_says() -> None:
    assert momentum_schedule(0.9, 0) == pytest.approx(0.9)
    assert momentum_schedule(0.9, 0.5) == pytest.approx(1 - 0.1 * 0.5)
    assert momentum_schedule(0.9, 1) == 1


TEACHERS = [name for name, row in METHODS.items() if hasattr(row.make(), "teacher")]


@pytest.mark.parametrize("name", TEACHERS)
def test_only_the_moving_average_moves_a_teacher(name: str, data: Images) -> None:
    method = METHODS[name].make()
    before = [p.clone() for p in method.teacher.parameters()]
    optimiser = torch.optim.SGD(method.param_groups(), lr=0.1)
    method(batch(METHODS[name], data))["loss"].backward()
    optimiser.step()
    assert all(p.grad is None for p in method.teacher.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, method.teacher.parameters(), strict=True))
    method.after_step(0.0)
    assert not all(torch.equal(a, b) for a, b in zip(before, method.teacher.parameters(), strict=True))


@rows
def test_a_stop_and_a_resume_lose_nothing(row: Row, data: Images, tmp_path: Path) -> None:
    """Weights, and what else a method remembers: queue, teacher, centre."""
    settings = {"steps": 6, "batch_size": 32, "seed": 5, "device": "cpu", "precision": "fp32", "progress": False}
    whole = row.make()
    fit(whole, given(row, data), row.views, **settings)
    half = Loop(row.make(), given(row, data), row.views, on_step=lambda history: len(history) == 3, **settings)
    half.run()
    save_checkpoint(tmp_path / "run.pt", half.state_dict())
    resumed = row.make()
    fit(resumed, given(row, data), row.views, **settings, checkpoint=tmp_path / "run.pt")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


# ── other ideas of what a negative is


def slow_hard_nt_xent(views: list[Tensor], temperature: float, prior: float, hardness: float) -> float:
    """The docstring's sentences with loops, in double precision."""
    z, losses = F.normalize(torch.stack(views).double(), dim=2), []
    n, b, _ = z.shape
    for v in range(n):
        for i in range(b):
            mates = sum(z[m, i] for m in range(n) if m != v)
            p = math.exp(float(z[v, i] @ F.normalize(mates, dim=0)) / temperature)
            s = [float(z[v, i] @ z[m, j]) / temperature for m in range(n) for j in range(b) if j != i]
            weights = [math.exp(hardness * x) for x in s]
            whole = sum(w * math.exp(x) for w, x in zip(weights, s, strict=True)) / (sum(weights) / len(s))
            whole = max((whole - prior * len(s) * p) / (1 - prior), len(s) * math.exp(-1 / temperature))
            losses.append(-math.log(p / (p + whole)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("views", [2, 4])
@pytest.mark.parametrize("weighing", [(0.0, 0.0), (0.1, 0.0), (0.9, 0.0), (0.0, 0.7), (0.3, 1.5)])
@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_hard_nt_xent_is_what_loops_give(views: int, weighing: tuple[float, float], temperature: float) -> None:
    z, (prior, hardness) = embeddings(views), weighing
    found = hard_nt_xent(*z, temperature=temperature, prior=prior, hardness=hardness)
    assert math.isclose(float(found), slow_hard_nt_xent(z, temperature, prior, hardness), rel_tol=1e-4)


def test_without_weights_it_is_nt_xent() -> None:
    z = embeddings(3)
    assert torch.equal(hard_nt_xent(*z, temperature=0.1), nt_xent(*z, temperature=0.1))


@pytest.mark.parametrize("weighing", [(0.05, 0.0), (0.0, 1.0), (0.95, 0.5)])
def test_hard_nt_xent_has_the_gradient_of_its_value(weighing: tuple[float, float]) -> None:
    z = [v.double().requires_grad_() for v in embeddings(3, 3, 3)]
    assert torch.autograd.gradcheck(lambda *v: hard_nt_xent(*v, prior=weighing[0], hardness=weighing[1]), z)


def test_weighed_negatives_stay_finite_where_all_is_one_point() -> None:
    same = torch.ones(5, 4, requires_grad=True)
    for temperature, prior in ((0.01, 0.99), (0.01, 0.5), (0.5, 0.1)):
        loss = hard_nt_xent(same, same, temperature=temperature, prior=prior, hardness=3.0)
        (gradient,) = torch.autograd.grad(loss, same)
        assert loss.isfinite()
        assert gradient.isfinite().all()


@pytest.mark.parametrize(("weighing", "said"), [({"prior": 1.0}, "prior is 1"), ({"hardness": -1}, "hardness is -1")])
def test_weighing_without_sense_is_reported(weighing: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        hard_nt_xent(*embeddings(2), **weighing)
    with pytest.raises(ValueError, match=said):
        HardNegatives(nets.conv(4), **weighing)


def slow_supcon_loss(z: Tensor, labels: Tensor, temperature: float) -> float:
    """Equation 2 of the paper with loops."""
    z, losses = F.normalize(z.double(), dim=1), []
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        below = sum(math.exp(float(z[i] @ z[a]) / temperature) for a in others)
        positive = [p for p in others if labels[p] == labels[i]]
        if positive:
            terms = [math.log(math.exp(float(z[i] @ z[p]) / temperature) / below) for p in positive]
            losses.append(-sum(terms) / len(terms))
    return sum(losses) / len(losses)


def test_supcon_is_equation_2_and_leaves_out_who_is_alone() -> None:
    z, labels = embeddings(1, 9, 4)[0], torch.tensor([0, 1, 1, 2, 0, 0, 3, 1, 2])
    assert math.isclose(float(supcon_loss(z, labels, 0.2)), slow_supcon_loss(z, labels, 0.2), rel_tol=1e-5)
    assert float(supcon_loss(z, torch.arange(9))) == 0


def test_supcon_with_pictures_as_classes_is_nt_xent() -> None:
    a, b = embeddings(2)
    found = supcon_loss(torch.cat((a, b)), torch.arange(6).repeat(2), 0.3)
    assert torch.allclose(found, nt_xent(a, b, temperature=0.3), rtol=1e-5)


def test_supcon_has_the_gradient_of_its_value() -> None:
    z, labels = embeddings(1, 6, 3)[0].double().requires_grad_(), torch.tensor([0, 1, 1, 0, 2, 1])
    assert torch.autograd.gradcheck(lambda z: supcon_loss(z, labels), [z])


def test_supcon_says_what_does_not_fit() -> None:
    z = torch.rand(4, 3)
    with pytest.raises(ValueError, match=r"labels has shape \(3,\); expected \(4,\)"):
        supcon_loss(z, torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="z has 1 row; expected 2 or more"):
        supcon_loss(z[:1], torch.zeros(1, dtype=torch.long))
    with pytest.raises(ValueError, match="temperature is 0"):
        SupCon(nets.conv(4), temperature=0)
    with pytest.raises(ValueError, match=r"make_views must be sslwb\.augment\.labelled"):
        SupCon(nets.conv(4))([torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8)])


# ── MoCo


def unit(v: list[float]) -> list[float]:
    return [a / math.hypot(*v) for a in v]


def dot(a: list[float], b: list[float]) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True))


def test_queue_loss_is_what_loops_give() -> None:
    q, k = embeddings(2)
    queue = torch.cat(embeddings(2, seed=9))
    t, losses = 0.3, []
    for i in range(len(q)):
        anchor = unit(q[i].tolist())
        right = math.exp(dot(anchor, unit(k[i].tolist())) / t)
        wrong = sum(math.exp(dot(anchor, unit(n.tolist())) / t) for n in queue)
        losses.append(-math.log(right / (right + wrong)))
    assert math.isclose(float(queue_loss(q, k, queue, t)), sum(losses) / len(losses), rel_tol=1e-5)


def test_no_gradient_reaches_key_or_queue() -> None:
    q, k, n = (v.requires_grad_() for v in embeddings(3))
    queue_loss(q, k, n).backward()
    assert q.grad is not None
    assert k.grad is None
    assert n.grad is None


@pytest.mark.parametrize("n", [2, 3])
def test_moco_asks_with_every_view_for_the_keys_of_the_others(n: int, data: Images) -> None:
    method = MoCo(nets.conv(8, seed=5), queue=48, projector=(16, 8), seed=5)
    views = images.simclr(16, views=n)(data.x[:8], torch.Generator().manual_seed(1))
    q = method.projector(method.encoder(torch.cat(views))).chunk(n)
    k = [F.normalize(key, dim=1) for key in method.teacher(torch.cat(views)).chunk(n)]
    losses = []
    for v in range(n):
        others = torch.stack([k[w] for w in range(n) if w != v]).mean(0)
        losses.append(queue_loss(q[v], others, method.queue, method.temperature))
    assert torch.allclose(method(views)["loss"], torch.stack(losses).mean(), rtol=1e-4)


def test_the_projector_ends_without_a_direction_that_all_keys_share(data: Images) -> None:
    method = METHODS["MoCo"].make()
    keys = method.projector(method.encoder(data.x[:32] / 255))
    assert float(keys.detach().mean(0).norm()) < 1e-4


def test_the_queue_takes_the_newest_keys_and_drops_the_oldest(data: Images) -> None:
    method = MoCo(nets.conv(8), queue=48, projector=(16, 8), seed=1)
    first = method.queue.clone()
    views = images.simclr(16)(data.x[:8], torch.Generator().manual_seed(1))
    for turn in range(4):
        method(views)
        keys = method._keys.clone()
        method.after_step(0.0)
        where = slice(16 * (turn % 3), 16 * (turn % 3) + 16)
        assert torch.equal(method.queue[where], keys)
        assert int(method.place) == 16 * (turn + 1) % 48
        if turn == 0:
            assert torch.equal(method.queue[16:], first[16:])
    assert torch.allclose(method.queue.norm(dim=1), torch.ones(48), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"queue": 1}, "queue is 1; expected 2 or more"),
        ({"momentum": 1.1}, r"momentum is 1.1; expected 0 .* to 1"),
        ({"momentum": -0.1}, "momentum is -0.1"),
        ({"temperature": 0}, "temperature is 0; expected a number above 0"),
    ],
)
def test_moco_without_sense_is_reported(settings: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MoCo(nets.conv(8), **settings)


def test_a_queue_that_the_keys_of_a_step_do_not_divide_is_reported(data: Images) -> None:
    method = MoCo(nets.conv(8), queue=36)
    with pytest.raises(ValueError, match="queue is 36 but 2 views of 12 items give 24 keys; expected a multiple"):
        method(batch(METHODS["MoCo"], data))


def test_queue_and_keys_must_fit() -> None:
    q, k = embeddings(2)
    with pytest.raises(
        ValueError, match=r"query, key and queue have shapes .* expected \(B, D\), \(B, D\) and \(K, D\)"
    ):
        queue_loss(q, k, torch.rand(4, 9))


# ── BYOL and SimSiam


@pytest.mark.parametrize("views", [2, 3])
def test_byol_loss_is_what_loops_give(views: int) -> None:
    p, t = embeddings(views), embeddings(views, seed=9)
    losses = []
    for v in range(views):
        for i in range(len(p[0])):
            rest = [unit(t[w][i].tolist()) for w in range(views) if w != v]
            target = unit([sum(values) for values in zip(*rest, strict=True)])
            guess = unit(p[v][i].tolist())
            losses.append(sum((a - b) ** 2 for a, b in zip(guess, target, strict=True)))
    assert math.isclose(float(byol_loss(torch.stack(p), torch.stack(t))), sum(losses) / len(losses), rel_tol=1e-5)


def test_byol_loss_runs_from_0_to_4() -> None:
    a = embeddings(1)[0]
    pair = torch.stack((a, a))
    assert math.isclose(float(byol_loss(pair, 3 * pair)), 0, abs_tol=1e-5)
    assert math.isclose(float(byol_loss(pair, -pair)), 4, rel_tol=1e-5)


def test_simsiam_is_byol_with_its_own_projections_as_targets(data: Images) -> None:
    method = METHODS["SimSiam"].make()
    views = batch(METHODS["SimSiam"], data)
    z = method.projector(method.encoder(torch.cat(views)))
    p = method.predictor(z)
    expected = 2 - F.cosine_similarity(p[:12], z[12:].detach()).mean() - F.cosine_similarity(p[12:], z[:12]).mean()
    assert torch.allclose(method(views)["loss"], expected, rtol=1e-4)


def test_with_the_stop_gradient_targets_give_no_gradient(data: Images) -> None:
    """The projector's gradient differs once the targets pass theirs on."""
    views = batch(METHODS["SimSiam"], data)
    grads = []
    for stop in (True, False):
        method = SimSiam(nets.conv(8, seed=5), projector=(32, 32), predictor=8, stop_gradient=stop, seed=5)
        method(views)["loss"].backward()
        grads.append(method.projector[0].weight.grad.clone())
    assert not torch.allclose(*grads)


def test_byol_without_stop_gradient_has_no_teacher() -> None:
    assert not hasattr(BYOL(nets.conv(8), stop_gradient=False), "teacher")
    assert isinstance(BYOL(nets.conv(8), predictor=0).predictor, nn.Identity)
    with pytest.raises(ValueError, match="momentum is 2"):
        BYOL(nets.conv(8), momentum=2)


# ── Barlow Twins and VICReg


def test_cross_correlation_is_what_numpy_gives() -> None:
    a, b = embeddings(2, b=20)
    expected = np.corrcoef(a.T.numpy(), b.T.numpy())[:5, 5:]
    assert np.allclose(cross_correlation(a, b).numpy(), expected, atol=1e-5)
    assert torch.allclose(cross_correlation(a, a).diagonal(), torch.ones(5), atol=1e-5)


@pytest.mark.parametrize("views", [2, 3])
def test_barlow_twins_loss_is_what_loops_give(views: int) -> None:
    z = embeddings(views, b=9)
    pairs = []
    for m in range(views):
        for n in range(m + 1, views):
            c = np.corrcoef(z[m].T.numpy(), z[n].T.numpy())[:5, 5:]
            on = sum((1 - c[i, i]) ** 2 for i in range(5))
            off = sum(c[i, j] ** 2 for i in range(5) for j in range(5) if i != j)
            pairs.append(on + 0.1 * off)
    loss = barlow_twins_loss(*z, redundancy=0.1)
    assert math.isclose(float(loss), sum(pairs) / len(pairs), rel_tol=1e-4)


def test_barlow_twins_is_symmetric_and_blind_to_scale_and_shift() -> None:
    a, b = embeddings(2, b=9)
    loss = barlow_twins_loss(a, b)
    for one, other in ((b, a), (7 * a + 3, b), (a[[4, 1, 0, 3, 2, 8, 7, 6, 5]], b[[4, 1, 0, 3, 2, 8, 7, 6, 5]])):
        assert torch.allclose(barlow_twins_loss(one, other), loss, rtol=1e-4)
    assert float(barlow_twins_loss(a, a, redundancy=0)) < 1e-6


def test_vicreg_loss_is_what_loops_give() -> None:
    a, b = (v.numpy().astype(float) for v in embeddings(2, b=9))
    n, d = a.shape
    apart = sum((a[i, j] - b[i, j]) ** 2 for i in range(n) for j in range(d)) / (n * d)
    flat = sum(max(0.0, 1 - math.sqrt(z[:, j].var(ddof=1) + 1e-4)) for z in (a, b) for j in range(d)) / d
    covs = [np.cov(z.T) for z in (a, b)]
    linked = sum(c[i, j] ** 2 for c in covs for i in range(d) for j in range(d) if i != j) / d
    terms = vicreg_loss(torch.tensor(a).float(), torch.tensor(b).float(), invariance=2.0, variance=3.0, covariance=0.5)
    assert math.isclose(float(terms["invariance"]), apart, rel_tol=1e-4)
    assert math.isclose(float(terms["variance"]), flat, rel_tol=1e-4)
    assert math.isclose(float(terms["covariance"]), linked, rel_tol=1e-4)
    assert math.isclose(float(terms["loss"]), 2 * apart + 3 * flat + 0.5 * linked, rel_tol=1e-4)


def test_vicreg_is_symmetric_and_blind_to_shift() -> None:
    a, b = embeddings(2, b=9)
    loss = vicreg_loss(a, b)["loss"]
    assert torch.allclose(vicreg_loss(b, a)["loss"], loss, rtol=1e-5)
    assert torch.allclose(vicreg_loss(a + 2, b + 2)["loss"], loss, rtol=1e-4)


@pytest.mark.parametrize("name", ["invariance", "variance", "covariance"])
def test_a_negative_weight_is_reported(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is -1; expected a weight of 0 or more"):
        VICReg(nets.conv(8), **{name: -1})
    with pytest.raises(ValueError, match="redundancy is -1"):
        BarlowTwins(nets.conv(8), redundancy=-1)


@pytest.mark.parametrize("loss", [barlow_twins_loss, vicreg_loss])
def test_a_batch_too_small_for_its_statistics_is_reported(loss: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match=r"the batch has 1 picture\(s\); expected 2 or more"):
        loss(*embeddings(2, b=1))
    with pytest.raises(ValueError, match=r"batch sizes \[3, 2\]"):
        loss(torch.rand(3, 4), torch.rand(2, 4))


# ── SwAV and DINO


def test_sinkhorn_uses_every_prototype_alike() -> None:
    scores = torch.randn(12, 4, generator=torch.Generator().manual_seed(3))
    codes = sinkhorn(scores, 0.5, rounds=50)
    assert torch.allclose(codes.sum(1), torch.ones(12), atol=1e-4)
    assert torch.allclose(codes.sum(0), torch.full((4,), 3.0), atol=1e-3)


def test_sinkhorn_is_what_the_papers_code_gives() -> None:
    scores = torch.randn(6, 3, generator=torch.Generator().manual_seed(3))
    q = (scores / 0.25).exp().T.double()  # (K, B), appendix A
    q /= q.sum()
    for _ in range(3):
        q /= q.sum(1, keepdim=True) * 3
        q /= q.sum(0, keepdim=True) * 6
    assert torch.allclose(sinkhorn(scores, 0.25), (q * 6).T.float(), atol=1e-5)


def test_swav_shares_out_the_codes_of_all_large_views_together(data: Images) -> None:
    method, views = METHODS["SwAV"].make(), batch(METHODS["SwAV"], data)
    net = nn.Sequential(method.encoder, method.head)
    large, small = net(torch.cat(views[:2])), net(torch.cat(views[2:]))
    codes = sinkhorn(large, method.epsilon).view(2, 12, -1)
    expected = swapped_loss(torch.cat((large, small)).view(4, 12, -1), codes, method.temperature)
    assert torch.allclose(method(views)["loss"], expected, rtol=1e-4)


def slow_cross_entropies(scores: list[Tensor], targets: list[Tensor], temperature: float) -> float:
    """The mean over a target's view, another view and the batch, in plain floats."""
    losses = []
    for i, target in enumerate(targets):
        for v, score in enumerate(scores):
            if v != i:
                for p, q in zip(score.tolist(), target.tolist(), strict=True):
                    total = sum(math.exp(a / temperature) for a in p)
                    losses.append(
                        -sum(b * math.log(math.exp(a / temperature) / total) for a, b in zip(p, q, strict=True))
                    )
    return sum(losses) / len(losses)


def test_swapped_loss_is_what_loops_give() -> None:
    scores = embeddings(3)
    codes = [s.softmax(1) for s in embeddings(2, seed=9)]
    expected = slow_cross_entropies(scores, codes, 0.5)
    assert math.isclose(float(swapped_loss(torch.stack(scores), torch.stack(codes), 0.5)), expected, rel_tol=1e-5)


def test_dino_loss_is_what_loops_give() -> None:
    student, teacher, centre = embeddings(3), embeddings(2, seed=9), torch.linspace(-1, 1, 5)
    targets = [((t - centre) / 0.2).softmax(1) for t in teacher]
    loss = dino_loss(torch.stack(student), torch.stack(teacher), centre, 0.5, 0.2)
    assert math.isclose(float(loss), slow_cross_entropies(student, targets, 0.5), rel_tol=1e-5)


def test_the_recorded_entropy_is_that_of_the_teachers_word(data: Images) -> None:
    views, method = batch(METHODS["DINO"], data), METHODS["DINO"].make()
    method.centre += torch.linspace(-1, 1, 32)
    with torch.no_grad():
        said = ((method.teacher(torch.cat(views[:2])) - method.centre) / 0.04).softmax(1)
    slow = [-sum(p * math.log(p) for p in row if p > 0) for row in said.tolist()]
    assert math.isclose(float(method(views)["entropy"]), sum(slow) / len(slow), rel_tol=1e-3)


def test_the_centre_is_a_moving_average_of_the_teachers_outputs(data: Images) -> None:
    views = batch(METHODS["DINO"], data)
    method = METHODS["DINO"].make()
    with torch.no_grad():
        mean = method.teacher(torch.cat(views[:2])).mean(0)
    method(views)
    method.after_step(0.0)
    assert torch.allclose(method.centre, 0.1 * mean, atol=1e-6)
    off = DINO(nets.conv(8, seed=5), 32, centring=False)
    off(views)
    off.after_step(0.0)
    assert not off.centre.any()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SwAV(nets.conv(8), prototypes=1), "prototypes is 1; expected 2 or more"),
        (lambda: SwAV(nets.conv(8), temperature=0), "temperature is 0"),
        (lambda: SwAV(nets.conv(8), epsilon=-1), "epsilon is -1; expected a number above 0"),
        (lambda: DINO(nets.conv(8), prototypes=1), "prototypes is 1"),
        (lambda: DINO(nets.conv(8), teacher_temperature=0), "teacher_temperature is 0"),
        (lambda: DINO(nets.conv(8), momentum=-1), "momentum is -1"),
        (lambda: sinkhorn(torch.rand(3)), r"scores has shape \(3,\); expected \(B, K\)"),
    ],
)
def test_settings_without_sense_are_reported(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


HIDDEN = ("Rotation", "Jigsaw", "Inpainting", "MAE", "I-JEPA", "Autoencoder", "Denoising", "BiGAN", "VAE", "VQ")
PAIRED = [name for name, row in METHODS.items() if not name.startswith(("Sup", *HIDDEN)) and row.data is None]


@pytest.mark.parametrize("name", PAIRED)
def test_views_that_do_not_fit_are_reported(name: str) -> None:
    method, x = METHODS[name].make(), torch.rand(12, 3, 16, 16)
    for views, said in (([x], "views holds 1 view"), ([x, x[:6]], r"batch sizes"), ([x[:1], x[:1]], "1 picture")):
        with pytest.raises(ValueError, match=said):
            method(views)


# ── the control


def test_supervised_is_cross_entropy_over_all_views(data: Images) -> None:
    method = METHODS["Supervised"].make().eval()
    x, y = data.x[:9].float() / 255, data.labels[:9]
    logits = method.classifier(method.encoder(x))
    terms = method(labelled(lambda batch, g: [x, x.flip(3)])(data[:9], torch.Generator()))
    flipped = method.classifier(method.encoder(x.flip(3)))
    assert torch.allclose(terms["loss"], (F.cross_entropy(logits, y) + F.cross_entropy(flipped, y)) / 2, rtol=1e-5)
    right = ((logits.argmax(1) == y).float().mean() + (flipped.argmax(1) == y).float().mean()) / 2
    assert torch.allclose(terms["accuracy"], right)


def test_supervised_wants_two_classes() -> None:
    with pytest.raises(ValueError, match="classes is 1; expected 2 or more"):
        Supervised(nets.conv(8), 1)


def test_supervised_tells_labels_that_it_has_no_class_for(data: Images) -> None:
    method = Supervised(nets.conv(8), 3)
    with pytest.raises(ValueError, match=r"labels run to 7, .* 3 classes"):
        method([data.x[:64].float() / 255, data.labels[:64]])


def test_a_copy_trains_apart(data: Images) -> None:
    method = METHODS["SimCLR"].make()
    before = copy.deepcopy(method.state_dict())
    twin = copy.deepcopy(method)
    fit(twin, data, images.simclr(16), steps=2, batch_size=16, device="cpu", progress=False)
    assert all(torch.equal(a, b) for a, b in zip(method.state_dict().values(), before.values(), strict=True))


def test_byol_refuses_one_view_and_targets_of_another_shape() -> None:
    one, two = torch.randn(1, 4, 3), torch.randn(2, 4, 3)
    with pytest.raises(ValueError, match="views holds 1 view"):
        byol_loss(one, one)
    with pytest.raises(ValueError, match=r"targets has shape \(1, 4, 3\)"):
        byol_loss(two, one)


# ── SimCSE


def test_dropping_nothing_is_the_encoder_itself() -> None:
    encoder, x = METHODS["SimCSE"].make().encoder, tales().x[:6]
    keep = torch.ones(6, 3, x.shape[1], 32)
    assert torch.allclose(dropped_out(encoder, x, keep), encoder(x), atol=1e-6)
    with pytest.raises(ValueError, match=r"keep has shape .*augment\.tokens\.dropped\(32, 2\)"):
        dropped_out(encoder, x, keep[:, :2])


def test_simcse_is_two_dropped_passes_head_and_nt_xent() -> None:
    method, g = METHODS["SimCSE"].make(), torch.Generator().manual_seed(3)
    views = tokens.dropped(32, 2, 0.3)(tales()[:5], g)
    one, other = (method.head(dropped_out(method.encoder, views.tokens, k)) for k in views.keep.unbind(1))
    assert not torch.allclose(one, other, atol=1e-3)
    assert torch.allclose(method(views)["loss"], nt_xent(one, other, temperature=0.05), rtol=1e-4)
    assert views.keep.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert float((views.keep == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(tokens.dropped(32, 2, 0.0)(tales()[:5], g).keep.min()) == 1


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: SimCSE(nets.conv(8)), TypeError, r"encoder is ConvEncoder; expected an encoder of texts"),
        (lambda: SimCSE(nets.gpt(20, 8, 16, 1, 2)), ValueError, "encoder is causal"),
        (lambda: SimCSE(nets.bert(20, 8, 16, 1, 2), temperature=0), ValueError, "temperature is 0"),
        (lambda: tokens.dropped(16, 1, 1.0), ValueError, r"p is 1\.0"),
        (lambda: tokens.dropped(0, 1), ValueError, "dim is 0"),
        (lambda: SimCSE(nets.bert(20, 8, 16, 1, 2))([torch.ones(2, 3)]), ValueError, "expected tokens, keep"),
    ],
)
def test_what_simcse_cannot_take_is_reported(make: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


# ── DenseCL


def test_dense_nt_xent_is_what_loops_give() -> None:
    g = torch.Generator().manual_seed(4)
    r, t = torch.randn(3, 4, 5, generator=g), torch.randn(3, 6, 5, generator=g)
    match = torch.randint(6, (3, 4), generator=g)
    units = F.normalize(t, dim=2)
    losses = []
    for b in range(3):
        for i in range(4):
            query = F.normalize(r[b, i], dim=0)
            right = math.exp(float(query @ units[b, match[b, i]]) / 0.3)
            others = [units[o].mean(0) for o in range(3) if o != b]
            wrong = sum(math.exp(float(query @ F.normalize(o, dim=0)) / 0.3) for o in others)
            losses.append(-math.log(right / (right + wrong)))
    assert float(dense_nt_xent(r, t, match, 0.3)) == pytest.approx(sum(losses) / 12, rel=1e-5)


def test_a_place_is_matched_with_itself_wherever_it_went() -> None:
    h = torch.randn(2, 9, 8, generator=torch.Generator().manual_seed(1))
    order = torch.randperm(9, generator=torch.Generator().manual_seed(2))
    assert torch.equal(matches(h, 3 * h[:, order]), order.argsort().expand(2, -1))
    maps = torch.arange(24.0).view(1, 2, 3, 4)
    assert in_places(maps)[0, 5].tolist() == [maps[0, 0, 1, 1], maps[0, 1, 1, 1]]  # row 1, column 1 of four
    assert torch.equal(in_places(h), h)


def test_densecl_without_its_dense_term_is_simclr() -> None:
    views = batch(METHODS["SimCLR"], load("shapes", n=12, size=16))
    one = DenseCL(nets.conv(8, seed=5), dense=0, projector=(32, 16), seed=5)
    other = SimCLR(nets.conv(8, seed=5), projector=(32, 16), seed=5)
    terms = one(views)
    assert torch.allclose(terms["loss"], other(views)["loss"], rtol=1e-5)
    half = DenseCL(nets.conv(8, seed=5), projector=(32, 16), seed=5)(views)
    assert torch.allclose(half["loss"], (terms["global"] + terms["dense"]) / 2, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: DenseCL(nets.conv(8), dense=1.5), ValueError, r"dense is 1\.5; expected a share of the loss"),
        (lambda: DenseCL(nets.conv(8), dense="all"), TypeError, "dense is 'all'"),
        (lambda: DenseCL(nets.conv(8), temperature=0), ValueError, "temperature is 0"),
        (lambda: in_places(torch.ones(2, 3)), ValueError, r"encoder\.features gave \(2, 3\)"),
        (
            lambda: dense_nt_xent(torch.ones(1, 2, 3), torch.ones(1, 2, 3), torch.zeros(1, 2).long()),
            ValueError,
            "at least two",
        ),
        (
            lambda: dense_nt_xent(torch.ones(2, 2, 3), torch.ones(2, 2, 3), torch.full((2, 2), 2)),
            ValueError,
            "match runs from 2 to 2; expected 0 to 1",
        ),
        (
            lambda: dense_nt_xent(torch.ones(2, 2, 3), torch.ones(2, 2, 4), torch.zeros(2, 2).long()),
            ValueError,
            r"shapes \(2, 2, 3\), \(2, 2, 4\)",
        ),
    ],
)
def test_what_densecl_cannot_take_is_reported(make: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()
