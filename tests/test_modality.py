"""A modality that the library does not have, in this one file: bags of points with a weight each and a caption.

Container, recipe, encoder, method and task are new; training, resuming, embedding, evaluating, the run store and the
doctor take them as they are, and no file of the package names them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import sslwb
from sslwb.core import Views, as_views, describe, rebuild, recorded
from sslwb.data import Items, Texts
from sslwb.evaluate import diagnose, embed, evaluate, fine_tune, probe_causes, raw
from sslwb.methods.base import Method, detached
from sslwb.methods.defaults import suited
from sslwb.train import History, fit, start, trained
from sslwb.train.loop import Loop
from sslwb.train.store import run_path

WORDS = ("<pad>", "<mask>", "<sep>", "ring", "line", "cloud", "wide ring", "wide line", "wide cloud")
EXACT: dict[str, Any] = {"batch_size": 32, "seed": 3, "device": "cpu", "precision": "fp32"}


@dataclass(frozen=True)
class Bags(Items):
    """x: float (N, P, 2), the points; weights (N, P); captions, a container of as many texts; lengths in a dict."""

    weights: Tensor | None = None
    captions: Texts | None = None
    extras: Any = None
    item: ClassVar[str] = "bag"

    def inputs(self) -> tuple[Tensor, ...]:
        return self.x, self.weights

    def baseline(self) -> tuple[str, Tensor]:
        return "moments", torch.cat((self.x.mean(1), self.x.std(1)), 1)


class BagViews(NamedTuple):
    """Points twice moved, their weights, and what is said of them; `TurnedBags` makes them."""

    first: Tensor
    second: Tensor
    weights: Tensor
    words: Tensor
    when: Tensor


@recorded
@dataclass(frozen=True)
class TurnedBags:
    noise: float = 0.05

    def __call__(self, batch: Bags, generator: torch.Generator) -> BagViews:
        assert isinstance(batch, Bags)
        assert batch.captions is not None
        one, two = (
            turned(batch.x, generator) + self.noise * torch.randn(batch.x.shape, generator=generator) for _ in range(2)
        )
        return BagViews(one, two, batch.weights, batch.captions.x, batch.extras["when"])


def turned(x: Tensor, generator: torch.Generator) -> Tensor:
    angle = 2 * math.pi * torch.rand(len(x), 1, generator=generator)
    c, s = angle.cos(), angle.sin()
    return torch.stack((c * x[..., 0] - s * x[..., 1], s * x[..., 0] + c * x[..., 1]), -1)


@recorded
class BagEncoder(nn.Module):
    """The weighted mean of what a perceptron makes of each point and its neighbourhood."""

    def __init__(self, dim: int = 16) -> None:
        super().__init__()
        self.dim = dim
        self.points = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, dim))

    def features(self, x: Tensor, weights: Tensor) -> Tensor:
        r = x.norm(dim=2, keepdim=True)
        pairs = torch.cdist(x, x).mean(2, keepdim=True)
        return self.points(torch.cat((r, r.square(), pairs, x.std(1, keepdim=True).expand_as(x), r.log1p()), 2))

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        return (self.features(x, weights) * weights[:, :, None]).sum(1) / weights.sum(1, keepdim=True)


class NameTheBag(Method):
    """Two turns of a bag agree, and its embedding predicts the caption's word; the word's term only now and then."""

    pairs = True

    def __init__(self, encoder: nn.Module, weight: float = 1.0) -> None:
        super().__init__(encoder)
        self.head = nn.Linear(encoder.dim, len(WORDS))
        self.weight = weight
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, views: Views) -> dict[str, Tensor]:
        v = as_views(views, BagViews)
        a, b = self.encoder(v.first, v.weights), self.encoder(v.second, v.weights)
        word = F.cross_entropy(self.head(a), v.words[:, 0])
        terms = {"loss": (a - b).square().mean() + self.weight * word}
        return terms | ({"word": word} if int(self.steps) % 2 else {})

    def after_step(self, progress: float) -> None:
        self.steps += 1

    def encoder_inputs(self, views: Views) -> list[tuple[Tensor, ...]]:
        v = as_views(views, BagViews)
        return [(v.first, v.weights), (v.second, v.weights)]


def bags(n: int, seed: int) -> Bags:
    g = torch.Generator().manual_seed(seed)
    kind = torch.randint(6, (n,), generator=g)
    angle, r = 2 * math.pi * torch.rand(n, 24, generator=g), torch.randn(n, 24, generator=g)
    ring = torch.stack((angle.cos(), angle.sin()), 2)
    line = torch.stack((1.4 * r, torch.zeros_like(r)), 2)
    cloud = torch.randn(n, 24, 2, generator=g) * 0.7
    x = torch.stack((ring, line, cloud))[kind % 3, torch.arange(n)] * (1 + kind // 3)[
        :, None, None
    ] + 0.05 * torch.randn(n, 24, 2, generator=g)
    captions = Texts((3 + kind)[:, None], vocabulary=WORDS, name="captions")
    weights = torch.rand(n, 24, generator=g) + 0.1
    when = {"when": torch.arange(n)}
    return Bags(x, kind, WORDS[3:], {"kind": kind}, name="bags", weights=weights, captions=captions, extras=when)


@pytest.fixture(scope="module")
def train() -> Bags:
    return bags(192, 1)


@pytest.fixture(scope="module")
def test() -> Bags:
    return bags(96, 2)


def method(seed: int = 0) -> NameTheBag:
    torch.manual_seed(seed)
    return NameTheBag(BagEncoder())


def test_rows_keep_their_columns_and_nothing_is_checked_again(train: Bags, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Bags, Texts, Items):
        monkeypatch.setattr(kind, "__post_init__", lambda self: pytest.fail("checked again"))
    some = train[torch.tensor([5, 0, 7])].to("cpu")
    assert torch.equal(some.captions.x, train.captions.x[[5, 0, 7]])
    assert torch.equal(some.weights, train.weights[[5, 0, 7]])
    assert some.extras["when"].tolist() == [5, 0, 7]
    assert torch.equal(some.factors["kind"], train.y[[5, 0, 7]])
    assert len(train[2:5]) == 3


def test_it_trains_and_its_terms_stay_aligned(train: Bags) -> None:
    made = method()
    history = fit(made, train, TurnedBags(), steps=40, lr=1e-2, progress=False, **EXACT)
    assert sum(history["loss"][-5:]) < sum(history["loss"][:5])
    assert [math.isnan(v) for v in history["word"]] == [i % 2 == 0 for i in range(40)]
    assert len(history) == 40


def test_it_starts_stops_and_resumes(train: Bags, tmp_path: Path) -> None:
    settings = {"steps": 12, "lr": 1e-2, **EXACT}
    whole, part, again = method(), method(), method(9)
    expected = fit(whole, train, TurnedBags(), progress=False, **settings)
    until = {"on_step": lambda history: len(history) == 5, "progress": False}
    half = Loop(part, train, TurnedBags(), checkpoint=tmp_path / "run.pt", **until, **settings)
    half.run()
    from sslwb.train import save_checkpoint

    save_checkpoint(tmp_path / "run.pt", half.state_dict())
    history = fit(again, train, TurnedBags(), progress=False, checkpoint=tmp_path / "run.pt", **settings)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert repr(history.terms) == repr(expected.terms)
    in_background = method()
    assert repr(start(in_background, train, TurnedBags(), **settings).wait().terms) == repr(expected.terms)


def test_it_is_embedded_and_measured_beside_its_baselines(train: Bags, test: Bags) -> None:
    made = method()
    fit(made, train, TurnedBags(), steps=150, lr=1e-2, progress=False, **EXACT)
    z = embed(made.encoder, test, "fp32")
    assert torch.allclose(z, made.encoder(test.x, test.weights), atol=1e-6)
    scores = evaluate(made.encoder, train, test)
    assert list(scores.rows) == ["moments", "random encoder", "this encoder", "supervised"]
    assert scores.knn > 0.8
    assert torch.equal(raw(test), test.baseline()[1])
    assert probe_causes(embed(made.encoder, train), train, z, test)["kind"].score > 0.8
    assert fine_tune(made.encoder, train, test, steps=60, lr=1e-2) > 0.8


def test_a_task_of_its_own_keeps_the_baselines(train: Bags, test: Bags) -> None:
    def caption_distance(encoder: nn.Module, train: Bags, test: Bags) -> dict[str, float]:
        z, words = embed(encoder, train), train.captions.x[:, 0]
        centres = torch.stack([z[words == w].mean(0) for w in range(3, 9)])
        near = torch.cdist(embed(encoder, test), centres).argmin(1) + 3
        return {"word found": float((near == test.captions.x[:, 0]).float().mean())}

    scores = evaluate(method().encoder, train, test, task=caption_distance)
    assert list(scores.rows) == ["moments", "random encoder", "this encoder", "supervised"]
    assert all(list(row) == ["word found"] for row in scores.rows.values())


def test_the_run_store_finds_it_again_and_tells_it_from_others(
    train: Bags, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path))
    settings = {"steps": 3, **EXACT}
    one, two = method(), method()
    first = trained(one, train, TurnedBags(), progress=False, **settings)
    second = trained(two, train, TurnedBags(), progress=False, **settings)
    assert repr(first) == repr(second)
    assert all(torch.equal(v, two.state_dict()[k]) for k, v in one.state_dict().items())
    here = run_path(method(), train, TurnedBags(), **settings)
    assert run_path(method(), train, TurnedBags(0.1), **settings) != here
    assert run_path(method(), bags(192, 4), TurnedBags(), **settings) != here
    other = Bags(train.x, train.y, train.classes, weights=train.weights.flip(0), captions=train.captions)
    assert run_path(method(), other, TurnedBags(), **settings) != here
    changed = method()
    changed.encoder.points[1] = nn.Tanh()  # the same weights, another net
    assert run_path(changed, train, TurnedBags(), **settings) != here


def test_it_is_rebuilt_from_what_a_run_says_of_itself(train: Bags) -> None:
    made = method()
    history = fit(made, train, TurnedBags(0.02), steps=2, progress=False, **EXACT)
    again, recipe = rebuild(history.settings["method"]), rebuild(history.settings["views"])
    again.load_state_dict(made.state_dict())
    assert (recipe, describe(again)) == (TurnedBags(0.02), describe(made))


def test_a_default_method_of_another_kind_refuses_it_in_words(train: Bags) -> None:
    with pytest.raises(ValueError, match="simclr is a method for pictures, and bags holds items"):
        suited("simclr", train)


def test_the_doctor_takes_it(train: Bags) -> None:
    made = method()
    history = fit(made, train, TurnedBags(), steps=150, lr=1e-2, progress=False, **EXACT)
    seen = diagnose(history, made.encoder, train, method=made, make_views=TurnedBags())
    assert seen.verdict == "healthy", str(seen)
    still = History(history.settings, {"loss": [1.0] * 50, "word": [1.0] * 50})
    with torch.no_grad():
        made.encoder.points[2].weight.zero_()
        made.encoder.points[2].bias.fill_(1.0)
    assert diagnose(still, made.encoder, train, method=made, make_views=TurnedBags()).verdict == "collapsed"


def test_one_summed_loss_trains_two_sides() -> None:
    """A generator's term sees the discriminator detached: it moves the generator and leaves the discriminator."""
    one, other = nn.Linear(3, 3), nn.Linear(3, 1)
    detached(other)(one(torch.ones(2, 3))).sum().backward()
    assert one.weight.grad is not None
    assert one.weight.grad.any()
    assert other.weight.grad is None


def test_no_file_of_the_package_knows_it() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(sslwb.__file__).parent.rglob("*.py")]
    assert not any("Bags" in source or "bags" in source for source in sources)
