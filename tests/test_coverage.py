"""What comes among samples: causes counted, precision and recall by loops, KID by its definition."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sslwb import nets
from sslwb.data import Images, Items, load
from sslwb.evaluate import CauseReader, coverage, kid, precision_recall
from sslwb.evaluate.coverage import THIRDS


class Places(nn.Module):
    """Items in four places; an encoder that gives them as they are."""

    dim = 4

    def features(self, x: Tensor) -> Tensor:
        return x.view(len(x), -1, 4).float()

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).mean(1)


def world(n: int = 600, seed: int = 0) -> Items:
    """Rows that show a metal (one of 3), a weight, a turn, and a depth that some lack."""
    g = torch.Generator().manual_seed(seed)
    metal, weight, turn = torch.randint(3, (n,), generator=g), torch.rand(n, generator=g), torch.rand(n, generator=g)
    depth = torch.where(metal > 0, turn, torch.nan)
    shown = torch.cat((torch.eye(3)[metal] * 4, weight[:, None], torch.zeros(n, 4)), 1)
    factors = {"metal": metal, "weight": weight, "turn": turn, "depth": depth, "place": torch.zeros(n)}
    return Items(
        shown, metal, factors=factors, levels={"metal": ("tin", "copper", "iron")}, periodic=frozenset({"turn"})
    )


@pytest.fixture(scope="module")
def reader() -> CauseReader:
    return CauseReader(Places(), world())


# ── causes


def test_a_reader_reads_what_can_be_read(reader: CauseReader) -> None:
    assert reader.values == {"metal": ("tin", "copper", "iron"), "weight": THIRDS}  # no turn, no depth, no constant
    right = reader.accuracy(world(400, 1))
    assert right["metal"] == 1.0
    assert right["weight"] > 0.9
    assert list(CauseReader(Places(), world(), ["weight"]).values) == ["weight"]


def test_thirds_are_of_equal_share_in_the_data_that_the_reader_learned_from(reader: CauseReader) -> None:
    weight = world().factors["weight"]
    truth = torch.bucketize(weight, reader.edges["weight"])
    assert torch.bincount(truth).tolist() == [200, 200, 200]
    assert [round(float(weight[truth == k].mean()), 1) for k in range(3)] == [0.2, 0.5, 0.8]


def test_counts_are_what_a_counter_gives(reader: CauseReader) -> None:
    samples, data = world(300, 2), world(500, 3)
    counts = coverage(reader, samples, data)
    assert list(counts) == ["metal", "weight"]
    for name, count in counts.items():
        for items, shares in ((data, count.data), (samples, count.samples)):
            found = Counter(reader.read(items)[name].tolist())
            assert shares.tolist() == pytest.approx([found[k] / len(items) for k in range(3)])
        apart = sum(max(0.0, float(a - b)) for a, b in zip(count.data, count.samples, strict=True))
        assert count.distance == pytest.approx(apart, abs=1e-6)


def test_what_is_left_out_is_missing_and_moved_as_far_as_it_should(reader: CauseReader) -> None:
    data = world(900, 4)
    metal = data.factors["metal"]
    whole = coverage(reader, data, data)
    assert [c.distance for c in whole.values()] == [0.0, 0.0]
    assert [c.missing for c in whole.values()] == [(), ()]
    without = coverage(reader, data[metal != 1], data)["metal"]
    assert without.missing == ("copper",)
    assert without.distance == pytest.approx(float((metal == 1).float().mean()), abs=1e-6)
    one = coverage(reader, data[metal == 2], data)["metal"]
    assert one.missing == ("tin", "copper")
    assert one.samples.tolist() == [0, 0, 1]
    rare = torch.cat(((metal != 1).nonzero()[:, 0], (metal == 1).nonzero()[:5, 0]))  # 5 of 300: the reader might err so
    assert coverage(reader, data[rare], data)["metal"].missing == ("copper",)


@pytest.mark.parametrize("kept", ["red", "blue"])
def test_in_the_world_of_shapes_a_lost_colour_is_found(kept: str) -> None:
    """Even an untrained encoder sees colours and places, so no training is needed to test this."""
    train, data = load("shapes", n=1500, size=16), load("shapes", "val", n=1000, size=16)
    reader = CauseReader(nets.conv(16), train, ["colour", "x", "y"])
    right = reader.accuracy(data)
    assert right["colour"] > 0.95
    assert min(right["x"], right["y"]) > 0.7
    code = data.levels["colour"].index(kept)
    found = coverage(reader, data[data.factors["colour"] == code].x, data)  # bare pictures, as a generator gives them
    assert kept not in found["colour"].missing
    assert len(found["colour"].missing) >= 5  # of 7: a few of the kept ones are read as a neighbouring hue
    assert found["x"].missing == ()
    assert found["colour"].distance > 0.8 > 0.2 > found["x"].distance


def test_floats_are_counted_as_bytes_are() -> None:
    data = load("shapes", n=400, size=16)
    reader = CauseReader(nets.conv(4), data, ["colour"])
    assert torch.equal(reader.read(data.x)["colour"], reader.read(data.x.float() / 255)["colour"])


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda r: CauseReader(nn.Linear(8, 2), world()), TypeError, "encoder is Linear without .features"),
        (lambda r: CauseReader("conv", world()), TypeError, "encoder is str; expected an encoder"),
        (lambda r: CauseReader(Places(), torch.rand(3, 8)), TypeError, "data is Tensor; expected a container"),
        (lambda r: CauseReader(Places(), Items(torch.rand(3, 8))), ValueError, "has no hidden causes that can be read"),
        (lambda r: CauseReader(Places(), world(), ["turn"]), ValueError, "causes names 'turn'; .*: metal, weight"),
        (lambda r: r.accuracy(Items(torch.rand(3, 8))), ValueError, "data lacks the cause 'metal'"),
        (lambda r: coverage("r", world(), world()), TypeError, "reader is str; expected a CauseReader"),
        (lambda r: coverage(r, world()[:0], world()), ValueError, "samples holds no pictures"),
        (lambda r: coverage(r, world(), world()[:0]), ValueError, "data holds no pictures"),
        (lambda r: coverage(r, torch.full((2, 8), torch.nan), world()), ValueError, "NaN"),
    ],
)
def test_what_cannot_be_counted_is_reported(call: Any, kind: type[Exception], said: str, reader: CauseReader) -> None:
    with pytest.raises(kind, match=said):
        call(reader)


# ── precision and recall


def cloud(n: int, seed: int, d: int = 3) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def slow(real: list[list[float]], made: list[list[float]], k: int) -> tuple[float, float]:
    def inside(points: list[list[float]], among: list[list[float]]) -> float:
        radius = [sorted(math.dist(a, b) for j, b in enumerate(among) if j != i)[k - 1] for i, a in enumerate(among)]
        hits = [any(math.dist(p, a) <= r for a, r in zip(among, radius, strict=True)) for p in points]
        return sum(hits) / len(hits)

    return inside(made, real), inside(real, made)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_precision_and_recall_are_what_loops_give(k: int, shift: float) -> None:
    real, made = cloud(40, 1), 0.7 * cloud(31, 2) + shift
    expected = slow(real.tolist(), made.tolist(), k)
    assert 0 < expected[0] < 1 or shift == 0
    assert precision_recall(real, made, k) == pytest.approx(expected, abs=1e-6)
    assert precision_recall(made, real, k) == pytest.approx(expected[::-1], abs=1e-6)  # each is the other's


def test_a_sample_that_is_data_counts_and_one_far_away_does_not() -> None:
    z = cloud(50, 3)
    assert precision_recall(z, z) == (1.0, 1.0)
    assert precision_recall(z, z + 100) == (0.0, 0.0)


def test_a_lost_mode_costs_recall_and_not_precision() -> None:
    two = torch.cat((cloud(200, 4), cloud(200, 5) + 50))
    found = precision_recall(two, cloud(400, 6))
    assert found.precision > 0.9
    assert 0.3 < found.recall <= 0.5
    noisy = precision_recall(cloud(400, 6), two)
    assert noisy.recall > 0.9
    assert 0.3 < noisy.precision <= 0.5


def test_more_rows_than_one_piece_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from sslwb.evaluate import fidelity

    real, made = cloud(60, 7), cloud(45, 8) * 1.3
    whole = precision_recall(real, made)
    monkeypatch.setattr(fidelity, "PIECE", 7)
    assert precision_recall(real, made) == pytest.approx(whole)


# ── KID


def slow_kid(x: Tensor, y: Tensor) -> float:
    """The unbiased estimate of equation 3 of the paper, all pairs one by one, in double precision."""

    def kernel(a: list[float], b: list[float]) -> float:
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    m, a, b = len(x), x.double().tolist(), y.double().tolist()
    pairs = [(i, j) for i in range(m) for j in range(m)]
    own = sum(kernel(s[i], s[j]) for s in (a, b) for i, j in pairs if i != j) / (m * (m - 1))
    return own - 2 * sum(kernel(a[i], b[j]) for i, j in pairs) / m**2


def test_kid_of_one_whole_subset_is_the_definition() -> None:
    x, y = cloud(20, 9), cloud(20, 10) + 0.5
    found = kid(x, y, subset=20, subsets=3)
    assert found.mean == pytest.approx(slow_kid(x, y), rel=1e-3)
    assert found.std < 1e-4  # the subsets are all there is, in another order


def test_kid_is_near_0_for_one_distribution_and_grows_with_the_distance() -> None:
    real = cloud(1000, 11, 8)
    same, near, far = (kid(real, cloud(1000, 12, 8) + shift, subset=300) for shift in (0.0, 0.5, 1.0))
    assert abs(same.mean) < 3 * same.std
    assert 3 * same.std < near.mean < far.mean


def test_kid_is_the_seeds_and_moves_no_global_generator() -> None:
    x, y = cloud(60, 13), cloud(60, 14)
    before = torch.get_rng_state()
    one, again, other = (kid(x, y, 20, 4, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda z: precision_recall(z, z[:, :2]), ValueError, "real_z has 3 features and made_z 2"),
        (lambda z: precision_recall(z, z, 0), ValueError, "k is 0, with 9 and 9 embeddings"),
        (lambda z: precision_recall(z, z[:3]), ValueError, "k is 3, with 9 and 3 embeddings"),
        (lambda z: precision_recall(z, z * torch.nan), ValueError, "made_z has NaN"),
        (lambda z: precision_recall(z[0], z), ValueError, r"real_z has shape \(3,\)"),
        (lambda z: precision_recall("z", z), TypeError, "real_z is 'z'"),
        (lambda z: kid(z, z, 10), ValueError, "subset is 10 and subsets 20, with 9 and 9 embeddings"),
        (lambda z: kid(z, z, 1), ValueError, "subset is 1"),
        (lambda z: kid(z, z, 5, 0), ValueError, "subsets 0"),
        (lambda z: kid(z, z, 5.0), TypeError, "subset is 5.0, a float"),
    ],
)
def test_embeddings_without_sense_are_reported(call: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        call(cloud(9, 15))


def test_a_container_of_another_kind_is_read_too() -> None:
    """Nothing here asks for pictures."""
    data = dataclasses.replace(world(), y=None)
    assert not isinstance(data, Images)
    assert coverage(CauseReader(Places(), data, ["metal"]), data, data)["metal"].distance == 0
