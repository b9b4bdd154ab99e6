"""Methods, one row each: a slow oracle, stated invariances, finite gradients, a loss that falls, no collapse."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import images
from sslwb.data import Images, load
from sslwb.evaluate import embed
from sslwb.geometry import effective_rank, feature_std
from sslwb.methods.base import Method, Views, full_precision
from sslwb.methods.simclr import SimCLR, nt_xent
from sslwb.methods.supervised import Supervised
from sslwb.train import History, fit


@dataclass(frozen=True)
class Row:
    """What is known about a method."""

    make: Callable[[], Method]
    views: images.MakeViews
    lr: float = 3e-3


METHODS = {
    "SimCLR": Row(lambda: SimCLR(nets.conv(8, seed=5), projector=(32, 16), seed=5), images.simclr(16)),
    "SimCLR, four views": Row(lambda: SimCLR(nets.conv(8, seed=5), seed=5), images.simclr(12, views=4)),
    "SimCLR without a projector": Row(lambda: SimCLR(nets.conv(8, seed=5), projector=()), images.simclr(16)),
    "Supervised": Row(lambda: Supervised(nets.conv(8, seed=5), 8, seed=5), images.weak(16)),
}
rows = pytest.mark.parametrize("row", METHODS.values(), ids=METHODS.keys())


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=256, seed=31, size=16)


def train(row: Row, data: Images, steps: int) -> tuple[Method, History]:
    method = row.make()
    history = fit(
        method, data, row.views, steps=steps, batch_size=64, lr=row.lr, seed=5, device="cpu", precision="fp32",
        progress=False,
    )  # fmt: skip
    return method, history


def batch(row: Row, data: Images, n: int = 12) -> Views:
    views = row.views(data.x[:n], torch.Generator().manual_seed(1))
    return [*views, data.labels[:n]] if row.make().labelled else views


# ── every method


@rows
def test_a_method_gives_a_loss_and_finite_gradients(row: Row, data: Images) -> None:
    method = row.make()
    terms = method(batch(row, data))
    assert terms["loss"].ndim == 0
    assert all(t.ndim == 0 and t.isfinite() for t in terms.values())
    terms["loss"].backward()
    for name, weight in method.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name


@rows
def test_every_weight_is_in_one_group_and_vectors_are_not_decayed(row: Row) -> None:
    method = row.make()
    groups = method.param_groups()
    grouped = [id(p) for g in groups for p in g["params"]]
    assert sorted(grouped) == sorted(id(p) for p in method.parameters())
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
    method, history = train(row, data, steps=40)
    assert sum(history["loss"][-8:]) < 0.95 * sum(history["loss"][:8])
    z = embed(method.encoder, data, "fp32")
    assert feature_std(z) > 0.2
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


def test_an_encoder_without_dim_is_told() -> None:
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
    loss = nt_xent.__wrapped__  # without full_precision, which would turn doubles into floats
    assert torch.autograd.gradcheck(lambda *v: loss(*v, temperature=temperature), z)


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
def test_views_without_sense_are_told(views: list[Tensor], settings: dict[str, float], said: str) -> None:
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


# ── the control


def test_supervised_is_cross_entropy_over_all_views(data: Images) -> None:
    method = METHODS["Supervised"].make().eval()
    x, y = data.x[:9].float() / 255, data.labels[:9]
    logits = method.classifier(method.encoder(x))
    terms = method([x, x.flip(3), y])
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
