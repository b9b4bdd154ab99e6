"""Measuring: against scikit-learn, against known information, and with what must be refused."""

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from sslwb import evaluate as ev
from sslwb import nets
from sslwb.augment import images
from sslwb.core import Views
from sslwb.data import Images, Items, Pairs, load
from sslwb.evaluate import embedding, probes
from sslwb.evaluate.faults import FAULTS
from sslwb.methods.base import Method
from sslwb.methods.simclr import SimCLR
from sslwb.train import Diverged, History, fit

Split = tuple[Tensor, Tensor, Tensor, Tensor]
MEASURES: dict[str, Callable[..., float]] = {"knn": ev.knn, "linear": ev.linear}


def blobs(spread: float = 3.0, n: int = 360, d: int = 12, classes: int = 6) -> Split:
    """Clouds that overlap, so that no classifier is perfect: (train_z, train_y, test_z, test_y)."""
    x, y = make_blobs(n, d, centers=classes, cluster_std=spread, center_box=(-4, 4), random_state=61)
    z, labels = torch.from_numpy(x).float(), torch.from_numpy(y).long()
    return z[: n // 2], labels[: n // 2], z[n // 2 :], labels[n // 2 :]


def normal(*shape: int, seed: int = 61) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=192, seed=61, size=12)


# ── kNN and linear probe


def random_case(case: int) -> Split:
    """Correlated embeddings of any size and scale, more features than rows among them, and labels that they half tell:
    (train_z, train_y, test_z, test_y), with 2,000 test rows, so that three tenths of a per cent are six of them."""
    g = torch.Generator().manual_seed(case)
    n, d, classes = (int(torch.randint(low, high, (), generator=g)) for low, high in ((40, 250), (2, 200), (2, 9)))
    mix = torch.randn(d, d, generator=g) * torch.logspace(0, -2, d)
    z = torch.randn(n + 2000, d, generator=g) @ mix.T * torch.logspace(-2, 2, d) + 3 * torch.randn(d, generator=g)
    taste = torch.randn(d, classes, generator=g)
    unit = (z - z.mean(0)) / z.std(0)
    y = (unit @ taste / d**0.5 + torch.randn(n + 2000, classes, generator=g)).argmax(1)
    y[:classes] = torch.arange(classes)
    return z[:n], y[:n], z[n:], y[n:]


@pytest.mark.parametrize("case", range(20))
def test_knn_is_scikit_learns_weighted_vote(case: int) -> None:
    train_z, train_y, test_z, test_y = random_case(case)
    k, temperature = (1, 5, 20, 1000)[case % 4], (0.05, 0.1, 0.5)[case % 3]
    mean = train_z.mean(0)
    vote = KNeighborsClassifier(
        min(k, len(train_z)), metric="cosine", weights=lambda distance: np.exp(-distance / temperature)
    ).fit((train_z - mean).numpy(), train_y)
    assert abs(ev.knn(train_z, train_y, test_z, test_y, k, temperature) - vote.score(test_z - mean, test_y)) <= 0.003


@pytest.mark.parametrize("temperature", [1e-3, 1e-9, 1e-38])
def test_a_temperature_near_zero_is_one_neighbour(temperature: float) -> None:
    split = blobs()
    nearest = ev.knn(*split, k=1)
    assert nearest > 0.4
    assert abs(ev.knn(*split, temperature=temperature) - nearest) < 0.01


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
@pytest.mark.parametrize("name", MEASURES)
def test_embeddings_of_another_precision_are_measured_as_well(name: str, dtype: torch.dtype) -> None:
    train_z, train_y, test_z, test_y = blobs()
    one = MEASURES[name](train_z, train_y, test_z, test_y)
    assert abs(MEASURES[name](train_z.to(dtype), train_y, test_z.to(dtype), test_y) - one) < 0.02


def objective(z: Tensor, y: Tensor, weights: Tensor, bias: Tensor, decay: float) -> float:
    scores = z.double() @ weights.double() + bias.double()
    return float(nn.functional.cross_entropy(scores, y) + decay * weights.double().square().sum())


@pytest.mark.parametrize("case", range(20))
def test_the_linear_probe_is_scikit_learns_logistic_regression(case: int) -> None:
    """All features, standardised; the same objective at its least, and so the same accuracy."""
    train_z, train_y, test_z, test_y = random_case(case)
    decay = (1e-1, *probes.DECAYS)[case % 4]
    scale = StandardScaler().fit(train_z.double().numpy())
    a, b = (scale.transform(z.double().numpy()) for z in (train_z, test_z))
    two = len(train_y.unique()) == 2  # then scikit-learn fits one column, the difference of ours
    theirs = LogisticRegression(C=1 / ((1 if two else 2) * len(a) * decay), tol=1e-7, max_iter=10_000).fit(a, train_y)
    ours_a, ours_b = probes._standardised(train_z, test_z)
    assert np.allclose(ours_a, a, atol=1e-3)
    (ours,) = probes.logistic(ours_a, train_y, [decay])
    weights, bias = torch.from_numpy(theirs.coef_), torch.from_numpy(theirs.intercept_)
    if two:
        weights, bias = torch.cat((-weights, weights)) / 2, torch.cat((-bias, bias)) / 2
    least = objective(torch.from_numpy(a), train_y, weights.T, bias, decay)
    assert abs(objective(torch.from_numpy(a), train_y, ours.weights, ours.bias, decay) - least) < 1e-4
    assert abs(ours.accuracy(ours_b, test_y) - theirs.score(b, test_y)) <= 0.003


def test_the_probe_chooses_its_weight_decay_without_the_test_set() -> None:
    train_z, train_y, test_z, test_y = random_case(6)
    chosen = probes._best_decay(*(probes._standardised(train_z, test_z)[0], train_y))
    (probe,) = probes.logistic(probes._standardised(train_z, test_z)[0], train_y, [chosen])
    assert ev.linear(train_z, train_y, test_z, test_y) == probe.accuracy(
        probes._standardised(train_z, test_z)[1], test_y
    )


@pytest.mark.parametrize("name", MEASURES)
def test_perfect_and_useless_embeddings(name: str) -> None:
    y = torch.arange(400) % 4
    known = torch.eye(4)[y] + 0.05 * normal(400, 4)
    assert MEASURES[name](known[:300], y[:300], known[300:], y[300:]) == 1
    noise = normal(400, 4, seed=62)
    assert abs(MEASURES[name](noise[:300], y[:300], noise[300:], y[300:]) - 0.25) < 0.12


@pytest.mark.parametrize("name", MEASURES)
def test_the_order_of_the_rows_does_not_matter(name: str) -> None:
    train_z, train_y, test_z, test_y = blobs()
    g = torch.Generator().manual_seed(1)
    i, j = torch.randperm(len(train_z), generator=g), torch.randperm(len(test_z), generator=g)
    one = MEASURES[name](train_z, train_y, test_z, test_y)
    # the probe's weight decay is chosen on a fifth of the rows, which the order decides
    assert abs(MEASURES[name](train_z[i], train_y[i], test_z[j], test_y[j]) - one) <= (0 if name == "knn" else 0.02)


def test_a_turn_a_shift_and_a_scale_do_not_matter_to_knn() -> None:
    train_z, train_y, test_z, test_y = blobs()
    turn = torch.linalg.qr(normal(12, 12)).Q
    moved = [7 * z @ turn + 100 for z in (train_z, test_z)]
    assert abs(ev.knn(moved[0], train_y, moved[1], test_y) - ev.knn(train_z, train_y, test_z, test_y)) < 0.01


def test_scales_of_single_features_do_not_matter_to_the_probe() -> None:
    train_z, train_y, test_z, test_y = blobs()
    scale = torch.logspace(-3, 3, 12)
    one, other = (ev.linear(a, train_y, b, test_y) for a, b in ((train_z, test_z), (train_z * scale, test_z * scale)))
    assert abs(one - other) < 0.01
    dead = torch.cat((train_z, torch.full((len(train_z), 3), 5.0)), 1), torch.cat((test_z, normal(len(test_z), 3)), 1)
    assert abs(ev.linear(dead[0], train_y, dead[1], test_y) - one) < 0.01  # a constant feature says nothing


def test_the_probe_reads_all_features_of_wide_embeddings() -> None:
    """What it asks for may lie in the direction that varies least, of more than a few hundred."""
    z, y = normal(1500, 512), torch.arange(1500) % 2
    z[:, 7] += 0.01 * z[:, :500].sum(1)
    hidden = z[:, 7] - 0.01 * z[:, :500].sum(1)
    y = (hidden > 0).long()
    assert ev.linear(z[:1000], y[:1000], z[1000:], y[1000:]) > 0.8


def test_classes_may_have_gaps() -> None:
    train_z, train_y, test_z, test_y = blobs()
    for measure in MEASURES.values():
        assert abs(measure(train_z, 3 * train_y, test_z, 3 * test_y) - measure(train_z, train_y, test_z, test_y)) < 0.02


def test_a_single_neighbour_and_a_single_test_item_do() -> None:
    z, y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    for measure in MEASURES.values():
        assert measure(z, y, z[:1], y[:1]) == 1
    assert ev.knn(z[:1], y[:1], z[:1], y[:1]) == 1


GOOD = blobs(n=40)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize(
    ("place", "wrong", "error", "said"),
    [
        (0, torch.zeros(20), ValueError, r"train_z has shape \(20,\)"),
        (1, torch.zeros(19, dtype=torch.long), ValueError, r"train_y \(19,\); expected \(N, D\) and \(N,\)"),
        (2, torch.zeros(0, 12), ValueError, "test_z has shape"),
        (3, torch.zeros(20, 1, dtype=torch.long), ValueError, r"test_y \(20, 1\)"),
        (1, torch.zeros(20), TypeError, r"train_y is torch\.float32; expected torch\.int64"),
        (0, torch.full((20, 12), math.nan), ValueError, "train_z has NaN or infinite values"),
        (2, torch.full((20, 12), math.inf), ValueError, "test_z has NaN or infinite values"),
        (2, torch.rand(20, 11), ValueError, "train_z has 12 features and test_z 11"),
        (1, torch.zeros(20, dtype=torch.long), ValueError, r"class\(es\) \[1, .*no sample in train_y"),
        (0, torch.ones(20, 12), ValueError, "the same embedding for every item: the encoder has collapsed"),
    ],
)
def test_embeddings_that_cannot_be_measured_are_reported(
    name: str, place: int, wrong: Tensor, error: type[Exception], said: str
) -> None:
    inputs = [*GOOD]
    inputs[place] = wrong
    with pytest.raises(error, match=said):
        MEASURES[name](*inputs)


@pytest.mark.parametrize("settings", [{"k": 0}, {"temperature": 0}, {"temperature": math.nan}])
def test_knn_tells_numbers_without_sense(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected k ≥ 1 and temperature > 0"):
        ev.knn(*GOOD, **settings)


# ── causes


def world(n: int, seed: int) -> tuple[Images, dict[str, Tensor]]:
    """Pictures of nothing with known causes, and each cause as numbers that a linear map can read."""
    g = torch.Generator().manual_seed(seed)
    kind, amount, angle = (
        torch.randint(0, 4, (n,), generator=g),
        torch.randn(n, generator=g),
        torch.rand(n, generator=g),
    )
    known = {
        "kind": torch.eye(4)[kind],
        "amount": amount[:, None],
        "angle": torch.stack(((2 * math.pi * angle).cos(), (2 * math.pi * angle).sin()), 1),
    }
    factors = {"kind": kind, "amount": amount, "angle": torch.where(kind == 0, math.nan, angle), "same": torch.ones(n)}
    x = torch.zeros(n, 1, 8, 8, dtype=torch.uint8)
    return Images(x, kind, ("a", "b", "c", "d"), factors, {"kind": tuple("abcd")}, frozenset({"angle"})), known


@pytest.mark.parametrize("inside", ["kind", "amount", "angle"])
def test_a_cause_in_the_embedding_is_read_and_the_others_are_not(inside: str) -> None:
    (train, a), (test, b) = world(600, 1), world(300, 2)
    z = [torch.cat((k[inside], 0.3 * normal(len(k[inside]), 6, seed=s)), 1) for s, k in ((3, a), (4, b))]
    scores = ev.probe_causes(z[0], train, z[1], test)
    assert list(scores) == ["kind", "amount", "angle"]  # what does not vary is no cause
    for name, score in scores.items():
        if name == inside:
            assert score.known > 0.98
        else:
            assert score.known < 0.1
    largest = torch.bincount(train.labels).max() / 600  # test labels tell nothing but how right an answer is
    assert (scores["kind"].kind, scores["kind"].chance) == ("accuracy", float(largest))
    assert (scores["amount"].kind, scores["amount"].chance) == ("R²", 0.0)


def test_half_of_a_quantity_is_scikit_learns_r2() -> None:
    (train, a), (test, b) = world(600, 1), world(300, 2)
    z = [k["amount"] + normal(len(k["amount"]), 1, seed=s) for s, k in ((3, a), (4, b))]
    score = ev.probe_causes(z[0], train, z[1], test)["amount"].score
    ridge = Ridge(1e-2 * 600).fit(StandardScaler().fit_transform(z[0].numpy()), a["amount"])
    guess = ridge.predict(((z[1] - z[0].mean()) / z[0].std(correction=0)).numpy())
    assert abs(score - r2_score(b["amount"], guess)) < 1e-3
    assert 0.35 < score < 0.65


def test_an_angle_that_wraps_is_not_a_quantity() -> None:
    (train, a), (test, b) = world(600, 1), world(300, 2)
    straight = [Images(d.x, d.y, d.classes, d.factors, d.levels) for d in (train, test)]  # nothing is periodic
    round_ = ev.probe_causes(a["angle"], train, b["angle"], test)["angle"].score
    flat = ev.probe_causes(a["angle"], straight[0], b["angle"], straight[1])["angle"].score
    assert round_ > 0.98
    assert flat < 0.8


def test_the_label_alone_is_a_cause_where_nothing_else_is_known() -> None:
    (train, a), (test, b) = world(600, 1), world(300, 2)
    bare = [Images(d.x, d.y) for d in (train, test)]
    assert ev.probe_causes(a["kind"], bare[0], b["kind"], bare[1])["label"].score == 1


def test_causes_that_cannot_be_probed_are_reported() -> None:
    (train, a), (test, b) = world(60, 1), world(30, 2)
    with pytest.raises(ValueError, match="neither labels nor hidden causes that vary"):
        ev.probe_causes(a["kind"], Images(train.x), b["kind"], test)
    with pytest.raises(ValueError, match="test lacks amount, angle"):
        ev.probe_causes(a["kind"], train, b["kind"], Images(test.x, test.y, factors={"kind": test.labels}))


def test_known_runs_from_chance_to_perfect() -> None:
    assert ev.CauseScore(0.25, 0.25, "accuracy").known == 0
    assert ev.CauseScore(0.1, 0.25, "accuracy").known == 0
    assert ev.CauseScore(1.0, 0.25, "accuracy").known == 1
    assert ev.CauseScore(1.0, 1.0, "accuracy").known == 0  # one class in the test set: nothing can be known


# ── few labels


def test_more_labels_tell_more(data: Images) -> None:
    (train, a), (test, b) = world(600, 1), world(300, 2)
    z = [k["kind"] + 0.5 * normal(len(k["kind"]), 4, seed=s) for s, k in ((3, a), (4, b))]
    curve = ev.label_curve(z[0], train, z[1], test, counts=(1, 5, 50), seeds=(0, 1, 2, 3))
    assert {count: len(scores) for count, scores in curve.items()} == {1: 4, 5: 4, 50: 4}
    means = [sum(scores) / 4 for scores in curve.values()]
    assert 0.3 < means[0] < means[1] < means[2] <= 1
    assert curve == ev.label_curve(z[0], train, z[1], test, counts=(1, 5, 50), seeds=(0, 1, 2, 3))


def test_few_labels_and_many_features_are_no_harm() -> None:
    """Raw pixels with eight labels: thousands of features that hardly vary among them."""
    train, test = world(400, 1)[0], world(300, 2)[0]
    pattern = normal(4, 3000)
    z = [pattern[d.labels] + normal(len(d), 3000, seed=s) for s, d in ((3, train), (4, test))]
    assert min(ev.label_curve(z[0], train, z[1], test, counts=(2,))[2]) > 0.95


def test_a_count_that_a_class_lacks_is_reported(data: Images) -> None:
    z = ev.raw(data)
    with pytest.raises(ValueError, match="10000"):
        ev.label_curve(z, data, z, data, counts=(10_000,))


# ── embed, raw, untrained


def test_embed_is_the_encoder_in_evaluation_mode_and_leaves_no_trace(
    data: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = nets.conv(4)
    encoder(data.x[:64].float() / 255)  # statistics that are not the first ones
    frozen = encoder.body[1].eval()
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    z = ev.embed(encoder, data, "fp32")
    assert encoder.training
    assert not frozen.training
    assert all(torch.equal(v, before[k]) for k, v in encoder.state_dict().items())
    with torch.no_grad():
        expected = encoder.eval()(data.x.float() / 255)
    assert (z.shape, z.dtype, z.requires_grad) == ((192, encoder.dim), torch.float32, False)
    assert torch.allclose(z, expected, atol=1e-5)
    assert not encoder.training
    ev.embed(encoder, data)
    assert not encoder.training
    monkeypatch.setattr(embedding, "BATCH", 50)  # batches of another size, the last one smaller
    assert torch.allclose(ev.embed(encoder, data.x, "fp32"), z, atol=1e-5)
    assert torch.allclose(ev.embed(encoder, data[5], "fp32"), z[5:6], atol=1e-5)


def test_embed_in_half_precision_is_nearly_the_same(data: Images) -> None:
    encoder = nets.conv(4)
    a, b = ev.embed(encoder, data, "fp32"), ev.embed(encoder, data, "bf16")
    assert b.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(a, b).min() > 0.999


class Bent(nn.Module):
    """An encoder whose output passes through a function."""

    dim = 32

    def __init__(self, bend: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.net, self.bend = nets.conv(4, seed=61), bend

    def forward(self, x: Tensor) -> Tensor:
        return self.bend(self.net(x))


def test_embeddings_that_are_no_numbers_are_reported(data: Images) -> None:
    encoder = Bent(lambda z: z / 0).train()
    with pytest.raises(ValueError, match="encoder gave NaN or infinite embeddings"):
        ev.embed(encoder, data)
    assert encoder.training
    with pytest.raises(
        ValueError, match=r"encoder gave embeddings of shape \(192, 8, 4\) for 192 items; expected \(N, dim\)"
    ):
        ev.embed(Bent(lambda z: z.unflatten(1, (8, 4))), data)


def test_an_encoder_that_fails_keeps_its_mode(data: Images) -> None:
    encoder = Bent(lambda z: z @ z).train()
    with pytest.raises(RuntimeError):
        ev.embed(encoder, data)
    assert encoder.training


def test_raw_pixels_are_the_pictures(data: Images) -> None:
    z = ev.raw(data)
    assert z.shape == (192, 3 * 12 * 12)
    assert torch.equal((z.view_as(data.x) * 255).round().to(torch.uint8), data.x)


@pytest.mark.parametrize("make", [lambda: nets.conv(4), lambda: nets.vit(dim=16, depth=1, heads=2), nets.resnet18])
def test_untrained_draws_every_weight_anew(make: Callable[[], nn.Module]) -> None:
    encoder = make()
    with torch.no_grad():
        for tensor in (*encoder.parameters(), *encoder.buffers()):
            tensor.fill_(3)
    before = torch.get_rng_state()
    fresh, same, other = ev.untrained(encoder, 1), ev.untrained(encoder, 1), ev.untrained(encoder, 2)
    assert torch.equal(torch.get_rng_state(), before)
    assert all((p == 3).all() for p in encoder.parameters())
    assert not any((p == 3).any() for p in fresh.state_dict().values())
    pairs = zip(fresh.parameters(), same.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not all(torch.equal(a, b) for a, b in zip(fresh.parameters(), other.parameters(), strict=True))


def test_a_weight_that_nobody_can_draw_is_reported() -> None:
    encoder = nn.Sequential(nn.Linear(3, 3))
    encoder.scale = nn.Parameter(torch.ones(3))
    with pytest.raises(ValueError, match=r"weights \['scale'\] in modules without reset_parameters\(\)"):
        ev.untrained(encoder)


# ── diagnosis


def losses(*values: float) -> History:
    return History(terms={"loss": list(values)})


FALLING = losses(*(3 - 0.05 * i for i in range(40)))


@pytest.mark.parametrize(
    ("verdict", "history", "bend"),
    [
        ("healthy", FALLING, lambda z: z),
        ("collapsed", FALLING, lambda z: 1 + 1e-3 * z),
        ("collapsed", FALLING, lambda z: torch.zeros_like(z)),
        ("dimensionally collapsed", FALLING, lambda z: (z[:, :1] - z[:, :1].mean()) * torch.ones(32)),
        ("not learning", losses(*[3.0] * 40), lambda z: z),
        ("not learning", losses(*[3.0] * 20, *[3.1] * 20), lambda z: z),
        ("diverged", losses(3, 2, math.nan), lambda z: z),
        ("diverged", losses(*[3.0] * 20, *[9.0] * 20), lambda z: z),
    ],
)
def test_a_diagnosis_of_each_kind(
    data: Images, verdict: str, history: History, bend: Callable[[Tensor], Tensor]
) -> None:
    spread = Bent(lambda z: bend((z - z.mean(0)) / (z.std(0) + 1e-6)))  # all pictures are in one batch
    with torch.no_grad():
        for p in spread.parameters():
            p.mul_(1.01)  # it was trained, as its norms say
    diagnosis = ev.diagnose(history, spread, data)
    assert diagnosis.verdict == verdict, str(diagnosis)
    assert diagnosis.evidence
    assert diagnosis.suggestion.endswith(".")
    assert str(diagnosis).startswith(f"{verdict} (")


def test_a_weight_or_a_statistic_that_is_no_number_is_a_divergence(data: Images) -> None:
    for spoil in (lambda e: e.net.body[0].weight, lambda e: next(e.net.buffers())):
        encoder = Bent(lambda z: z)
        with torch.no_grad():
            spoil(encoder).fill_(math.nan)
        assert ev.diagnose(FALLING, encoder, data).verdict == "diverged"


class Attract(Method):
    """The squared distance of two views alone: what collapses."""

    def forward(self, views: Views) -> dict[str, Tensor]:
        a, b = (self.encoder(v) for v in views)
        return {"loss": (a - b).square().sum(1).mean()}


EXACT: dict[str, Any] = {"batch_size": 48, "seed": 61, "device": "cpu", "precision": "fp32", "progress": False}


def test_real_runs_are_told_apart(data: Images) -> None:
    views = images.simclr(12)
    good = SimCLR(nets.conv(4, seed=61), seed=61)
    assert ev.diagnose(fit(good, data, views, steps=60, **EXACT), good.encoder, data).verdict == "healthy"

    bad = Attract(Bent(lambda z: nn.functional.linear(z, torch.ones(32, 32)) + 1))
    verdict = ev.diagnose(fit(bad, data, views, steps=60, lr=0.05, **EXACT), bad.encoder, data).verdict
    assert verdict in ("collapsed", "dimensionally collapsed")

    seen: list[History] = []
    wild = Attract(Bent(lambda z: z * (math.nan if len(seen) >= 5 else 1)))
    with pytest.raises(Diverged):
        fit(wild, data, views, steps=60, on_step=lambda h: seen.append(h), **EXACT)
    wild.encoder.bend = lambda z: z
    assert ev.diagnose(seen[-1], wild.encoder, data).verdict == "diverged"


def test_too_little_for_a_diagnosis_is_reported(data: Images) -> None:
    with pytest.raises(ValueError, match="history has 0 steps"):
        ev.diagnose(History(), nets.conv(4), data)
    with pytest.raises(ValueError, match="data 15 items; expected ≥ 1 step and ≥ 16 items"):
        ev.diagnose(FALLING, nets.conv(4), data[:15])


# ── the table, fine-tuning


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path))
    return tmp_path / "runs"


def test_the_table_stands_beside_its_baselines(data: Images, store: Path) -> None:
    train, test, encoder = data[:128], data[128:], nets.conv(4, seed=61)
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    scores = ev.evaluate(encoder, train, test, images.simclr(12), control_steps=3)
    assert list(scores.rows) == ["raw pixels", "random encoder", "this encoder", "supervised"]
    assert all(torch.equal(v, before[k]) for k, v in encoder.state_dict().items())
    z, zt = ev.embed(encoder, train), ev.embed(encoder, test)
    assert scores.knn == scores["this encoder"]["knn"] == ev.knn(z, train.labels, zt, test.labels)
    assert scores.linear == scores["this encoder"]["linear"] == ev.linear(z, train.labels, zt, test.labels)
    assert list(scores["supervised"]) == ["knn", "linear", "rank", "uniformity", "alignment"]
    assert list(scores["raw pixels"]) == ["knn", "linear"]
    (file,) = store.iterdir()
    stamp = file.stat().st_mtime_ns
    again = ev.evaluate(encoder, train, test, control_steps=3)
    assert again["supervised"]["knn"] == scores["supervised"]["knn"]
    assert "alignment" not in again["this encoder"]
    assert file.stat().st_mtime_ns == stamp  # the control was not trained again

    lines = str(scores).splitlines()
    assert lines[0].split() == list(scores["this encoder"])
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert f"{scores.knn:.3f}" in lines[3]
    with pytest.raises(KeyError, match="no row 'other'; expected one of raw pixels, random encoder"):
        scores["other"]


def test_tables_that_make_no_sense_are_reported(data: Images, store: Path) -> None:
    with pytest.raises(ValueError, match=r"train has pictures of \(3, 12, 12\) and test pictures of \(3, 16, 16\)"):
        ev.evaluate(nets.conv(4), data, load("shapes", n=8, size=16))
    with pytest.raises(ValueError, match="has no labels"):
        ev.evaluate(nets.conv(4), Images(data.x), data)


class BothSides(nn.Module):
    """An encoder of pairs."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__()
        self.dim = 4
        self.net = nn.Linear(one + other, 4)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        z: Tensor = self.net(torch.cat((a, b), 1))
        return z


def test_pairs_are_measured_like_any_container(store: Path) -> None:
    def pairs(width: int = 5) -> Pairs:
        g = torch.Generator().manual_seed(3)
        y = torch.arange(24) % 2
        return Pairs(Items(torch.randn(24, 3, generator=g), y), Items(torch.randn(24, width, generator=g)))

    scores = ev.evaluate(BothSides(3, 5), pairs(), pairs(), control_steps=2)
    assert next(iter(scores.rows)) == "raw input, raw input"
    assert math.isfinite(scores.knn)
    with pytest.raises(ValueError, match=r"train has pairs of \(3,\), \(5,\) and test pairs of \(3,\), \(6,\)"):
        ev.evaluate(BothSides(3, 5), pairs(), pairs(6))
    with pytest.raises(ValueError, match=r"train has pairs of \(3,\), \(5,\) and test items of \(3,\)"):
        ev.evaluate(BothSides(3, 5), pairs(), pairs().a)


def test_fine_tuning_trains_a_copy(data: Images) -> None:
    encoder = nets.conv(4, seed=61)
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    train = data[:128]
    accuracy = ev.fine_tune(encoder, train, train, steps=60, lr=1e-2)
    assert all(torch.equal(v, before[k]) for k, v in encoder.state_dict().items())
    assert accuracy > 0.3  # of what it was shown, chance is 0.125: so few steps teach little of other pictures
    with pytest.raises(ValueError, match="no labels"):
        ev.fine_tune(encoder, Images(train.x), train, steps=1)


class Faint(nn.Module):
    """An encoder whose features vary little beside their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nets.conv(8, seed=1)
        self.dim = self.net.dim

    def forward(self, x: Tensor) -> Tensor:
        return 5 + 0.1 * self.net(x)


def test_fine_tuning_standardises_faint_features() -> None:
    data = load("shapes", n=256, seed=8, size=16)
    with_faint, plain = (ev.fine_tune(e, data, data, steps=60, lr=1e-2) for e in (Faint(), nets.conv(8, seed=1)))
    assert with_faint > plain - 0.15


CELLS = """
import torch
from torch import nn
from sslwb.augment.images import simclr
from sslwb.data import load
from sslwb.evaluate import diagnose, embed, evaluate
from sslwb.methods.base import Method
from sslwb.train import trained

class Mine(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.dim, self.line = dim, nn.Linear(3 * 12 * 12, dim)

    def forward(self, x):
        return self.line(nn.functional.interpolate(x, (12, 12)).flatten(1))

class Near(Method):
    pairs = True

    def forward(self, views):
        a, b = (self.encoder(v) for v in views)
        return {"loss": (a - b).square().mean() + (1 - a.std(0)).relu().mean()}

# cell
data, views = load("digits", n=64, seed=1), simclr(12)
method = Near(Mine())
history = trained(method, data, views, steps=4, batch_size=16, progress=False)
print(len(evaluate(method.encoder, data, data, control_steps=2).rows), diagnose(history, method.encoder, data).verdict)
"""


@pytest.mark.long
def test_classes_of_a_notebooks_cell_are_measured_and_trained(tmp_path: Path) -> None:
    """As lesson 18 asks of everybody: an encoder and a method that are defined in one cell and used in the next."""
    script = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell; "
        "shell = InteractiveShell.instance(); "
        "[shell.run_cell(cell, store_history=True).raise_error() for cell in sys.argv[1].split('# cell')]"
    )
    environment = os.environ | {"SSLWB_CACHE": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}
    run = subprocess.run(
        [sys.executable, "-c", script, CELLS], capture_output=True, text=True, env=environment, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    rows, verdict = run.stdout.split(maxsplit=1)
    assert rows == "4"
    assert verdict.strip() in {"healthy", *(fault.verdict for fault in FAULTS)}
