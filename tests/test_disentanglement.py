"""Disentanglement: MIG and DCI by loops, on codes of which the answer is known, and beside the package `disent`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sslwb.data import Images, Items, load
from sslwb.evaluate.disentanglement import active_units, dci, information_gaps, mig


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def items(n: int = 2000, **settings: Any) -> Items:
    """A category, a quantity, and a periodic quantity, independent of each other."""
    kind = torch.randint(4, (n,), generator=generator(1))
    u, turn = torch.rand(2, n, generator=generator(2))
    factors = {"kind": kind, "place": u, "turn": turn}
    return Items(torch.zeros(n, 1), factors=factors, **{"periodic": frozenset({"turn"}), "name": "mine", **settings})


def separate(data: Items) -> Tensor:
    """A latent for each cause, and one of noise."""
    columns = [t.float() * scale for t, scale in zip(data.factors.values(), (3.0, -1.0, 0.5), strict=True)]
    return torch.stack([*columns, torch.randn(len(data), generator=generator(3))], 1)


def mixed(z: Tensor) -> Tensor:
    """Every latent a mixture of all four, in equal parts."""
    pair = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
    return ((z - z.mean(0)) / z.std(0)) @ torch.kron(pair, pair) / 2


# ── MIG


def slow_mig(z: np.ndarray, causes: list[list[Any]], bins: int) -> float:
    """Probabilities from counts, in plain floats."""

    def bin_of(value: float, low: float, high: float) -> int:
        return min(bins - 1, int((value - low) / (high - low) * bins))

    def entropy(labels: list[Any]) -> float:
        return -sum(c / len(labels) * math.log(c / len(labels)) for c in Counter(labels).values())

    gaps = []
    for cause in causes:
        shared = []
        for column in z.T.tolist():
            cut = [bin_of(v, min(column), max(column)) for v in column]
            shared.append(entropy(cut) + entropy(cause) - entropy([*zip(cut, cause, strict=True)]))
        second, first = sorted(shared)[-2:]
        gaps.append((first - second) / entropy(cause))
    return sum(gaps) / len(gaps)


@pytest.mark.parametrize("bins", [5, 20])
def test_mig_is_what_loops_give(bins: int) -> None:
    data = items(300)
    z = mixed(separate(data)).double()
    quantities = {
        name: [min(bins - 1, int((v - min(t)) / (max(t) - min(t)) * bins)) for v in t]
        for name, t in ((name, data.factors[name].double().tolist()) for name in ("place", "turn"))
    }
    slow = slow_mig(z.float().double().numpy(), [data.factors["kind"].tolist(), *quantities.values()], bins)
    # a value on the edge of a bin may fall to either side
    assert math.isclose(mig(z, data, bins).score, slow, abs_tol=2e-3)


def test_mig_agrees_with_disent() -> None:
    theirs = pytest.importorskip("disent.metrics._mig", reason="disent, of the extra `test`, is not installed")
    factors = {f"cause {k}": torch.randint(2 + 3 * k, (1000,), generator=generator(k)) for k in range(4)}
    data = Items(torch.zeros(1000, 1), factors=factors)
    noise = torch.randn(1000, 4, generator=generator(5))
    z = torch.stack([t.float() for t in factors.values()], 1) + noise * torch.tensor([0.1, 0.5, 1.0, 3.0])
    for latents in (z, mixed(z)):
        expected = theirs._compute_mig(latents.numpy().T, torch.stack([*factors.values()]).numpy())
        assert math.isclose(mig(latents, data).score, expected["mig.discrete_score"], rel_tol=1e-5)


def test_mig_is_high_where_causes_are_apart_and_low_where_they_are_mixed() -> None:
    data = items()
    apart, together = mig(separate(data), data), mig(mixed(separate(data)), data)
    assert min(apart.gaps.values()) > 0.9
    assert max(together.gaps.values()) < 0.3
    assert apart.information.argmax(0).tolist() == [0, 1, 2]
    assert math.isclose(apart.score, sum(apart.gaps.values()) / 3, rel_tol=1e-6)
    assert list(apart.gaps) == ["kind", "place", "turn"]


def test_a_cause_that_two_latents_hold_has_no_gap() -> None:
    data = items()
    z = separate(data)
    assert mig(torch.cat((z, z), 1), data).score == 0
    circle = 2 * math.pi * data.factors["turn"]
    as_angle = torch.stack((circle.cos(), circle.sin(), *z[:, :2].T), 1)
    assert mig(as_angle, data).gaps["turn"] < 0.1


def test_mig_is_blind_to_order_and_scale_of_latents() -> None:
    data = items()
    z = mixed(separate(data))
    assert math.isclose(mig(z[:, [2, 0, 3, 1]] * 8 - 3, data).score, mig(z, data).score, abs_tol=1e-3)


def test_latents_that_say_nothing_share_nothing() -> None:
    data = items(5000)
    noise = torch.randn(5000, 3, generator=generator(6))
    noise[:, 2] = 0.5  # a collapsed latent
    found = mig(noise, data)
    assert found.information[2].abs().max() < 1e-6
    assert found.score < 0.03


def test_items_without_a_cause_are_left_out() -> None:
    """The nats are those of the items that have it; the latents are cut into bins as for all items."""
    data, there = items(), torch.rand(2000, generator=generator(7)) < 0.5
    z, place = separate(data), data.factors["place"]
    low, high = z.min(0), z.max(0)
    there[low.indices] = there[high.indices] = True  # so that all items, and those that have it, have the same ends
    half = Items(data.x, factors={"kind": data.factors["kind"], "place": place.where(there, math.nan)})
    alone = Items(data.x[there], factors={"place": place[there]})
    assert torch.allclose(mig(z, half).information[:, 1], mig(z[there], alone).information[:, 0], atol=1e-4)


# ── DCI


def test_dci_is_high_where_causes_are_apart_and_low_where_they_are_mixed() -> None:
    data = items()
    apart, together = dci(separate(data), data), dci(mixed(separate(data)), data)
    assert min(apart.disentanglement, apart.completeness) > 0.9
    assert max(together.disentanglement, together.completeness) < 0.4
    assert min(apart.informativeness.values()) > 0.9
    assert apart.importances.shape == (4, 3)
    assert apart.importances.argmax(0).tolist() == [0, 1, 2]
    assert torch.allclose(apart.importances.sum(0), torch.ones(3), atol=1e-5)


def test_dci_of_importances_is_what_loops_give() -> None:
    data = items(400)
    found = dci(separate(data) @ torch.tensor([[1.0, 0.5, 0, 0], [0, 1, 0.5, 0], [0, 0, 1, 0.5], [0, 0, 0, 1]]), data)
    r = found.importances.double().tolist()

    def entropy(values: list[float]) -> float:
        shares = [v / sum(values) for v in values]
        return -sum(s * math.log(s) for s in shares if s) / math.log(len(values))

    total = sum(map(sum, r))
    disentanglement = sum(sum(row) / total * (1 - entropy(row)) for row in r)
    completeness = sum(1 - entropy([*column]) for column in zip(*r, strict=True)) / 3
    assert math.isclose(found.disentanglement, disentanglement, abs_tol=1e-6)
    assert math.isclose(found.completeness, completeness, abs_tol=1e-6)


def test_one_latent_for_two_causes_is_complete_and_not_disentangled() -> None:
    kind, other = torch.randint(4, (2, 2000), generator=generator(1))
    data = Items(torch.zeros(2000, 1), factors={"kind": kind, "other": other})
    both = torch.stack(((4 * kind + other).float(), torch.randn(2000, generator=generator(3))), 1)
    found = dci(both, data)
    assert found.completeness > 0.9
    assert found.disentanglement < 0.1
    assert min(found.informativeness.values()) > 0.95


def test_informativeness_is_of_items_that_the_forest_has_not_seen() -> None:
    """Noise says nothing, however well a forest learns it by heart; a quantity gets 0, a category its largest class."""
    data = items()
    found = dci(torch.randn(2000, 4, generator=generator(9)), data).informativeness
    assert found["place"] == found["turn"] == 0
    assert found["kind"] < 0.4
    assert max(dci(torch.zeros(2000, 2), data).informativeness.values()) < 0.4


def test_both_take_the_world_of_shapes_as_it_is() -> None:
    """Angles that some shapes lack, categories, and causes that do not vary (light, texture) are dealt with."""
    data = load("shapes", n=400, size=8)
    z = data.baseline()[1][:, :6]
    varying = ["shape", "colour", "size", "x", "y", "angle", "background"]
    assert list(mig(z, data).gaps) == varying
    assert list(dci(z, data).informativeness) == varying
    again = dci(z, data)
    assert torch.equal(again.importances, dci(z, data).importances)


def test_active_units_are_those_whose_means_vary() -> None:
    means = torch.cat(
        (
            torch.randn(200, 2, generator=generator()),
            0.05 * torch.randn(200, 1, generator=generator(4)),
            torch.ones(200, 1),
        ),
        1,
    )
    assert active_units(means).tolist() == [True, True, False, False]


# ── bad input

DATA = items(60)
LATENTS = torch.randn(60, 3, generator=generator(1))


@pytest.mark.parametrize("measure", [mig, dci])
@pytest.mark.parametrize(
    ("z", "data", "error", "said"),
    [
        (LATENTS[:50], DATA, ValueError, "z has 50 rows and data 60 items; expected one row an item"),
        (LATENTS[:, :1], DATA, ValueError, "z has one latent; expected two or more"),
        (LATENTS[0], DATA, ValueError, r"z has shape \(3,\); expected \(N, D\)"),
        ("z", DATA, TypeError, "z is 'z', a str"),
        (LATENTS.index_fill(0, torch.tensor([3]), math.nan), DATA, ValueError, "z has NaN or infinite values"),
        (LATENTS, DATA.x, TypeError, r"data is Tensor; expected a container such as load\(…\) gives"),
        (
            LATENTS,
            Images(torch.zeros(60, 1, 8, 8, dtype=torch.uint8), torch.arange(60) % 3, name="digits"),
            ValueError,
            r"digits has no hidden causes that vary; expected items of a world that knows them, such as load\(",
        ),
        (LATENTS, Items(DATA.x, factors={"still": torch.ones(60)}), ValueError, "data has no hidden causes that vary"),
    ],
)
def test_what_cannot_be_measured_is_named(
    measure: Callable[..., object], z: Any, data: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        measure(z, data)


def test_each_says_what_it_needs_besides() -> None:
    with pytest.raises(ValueError, match="bins is 1; expected 2 or more"):
        mig(LATENTS, DATA, 1)
    with pytest.raises(TypeError, match=r"bins is 2\.5"):
        mig(LATENTS, DATA, 2.5)
    with pytest.raises(ValueError, match="z has 40 rows; expected 50 or more"):
        dci(LATENTS[:40], DATA[:40])
    with pytest.raises(ValueError, match="data has the one cause place; expected two or more"):
        dci(LATENTS, Items(DATA.x, factors={"place": DATA.factors["place"]}))
    with pytest.raises(ValueError, match="information has one row; expected two latents or more"):
        information_gaps(torch.rand(1, 3), torch.rand(3))
    with pytest.raises(ValueError, match=r"information has shape \(2, 3\) and entropy \(2,\)"):
        information_gaps(torch.rand(2, 3), torch.rand(2))
    with pytest.raises(ValueError, match=r"means has shape \(5,\); expected \(N, Z\)"):
        active_units(torch.rand(5))
