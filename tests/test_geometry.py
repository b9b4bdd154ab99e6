"""Collapse meters: known answers, invariances, and what is refused."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sslwb import geometry as g

METERS: dict[str, Callable[[Tensor], object]] = {
    "feature_std": g.feature_std,
    "effective_rank": g.effective_rank,
    "spectrum": g.spectrum,
    "alignment": lambda z: g.alignment(z, z.flip(0)),
    "uniformity": g.uniformity,
}


def normal(n: int, d: int, seed: int = 5) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


# ── known answers


def test_one_point_is_a_collapse_in_every_meter() -> None:
    z = normal(1, 16).expand(50, 16)
    assert g.feature_std(z) < 1e-5
    assert abs(g.effective_rank(z) - 1) < 1e-2
    assert g.spectrum(z).max() < 1e-10
    assert g.alignment(z, z) == 0
    assert abs(g.uniformity(z)) < 1e-5


def test_zeros_are_a_collapse_and_not_a_number_error() -> None:
    z = torch.zeros(8, 4)
    assert (g.feature_std(z), g.effective_rank(z), g.alignment(z, z), g.uniformity(z)) == (0, 1, 0, 0)


def test_a_full_sphere() -> None:
    z = normal(4000, 32)
    assert abs(g.feature_std(z) - 1) < 0.01
    assert 31 < g.effective_rank(z) <= 32
    assert abs(g.alignment(z, normal(4000, 32, seed=6)) - 2) < 0.05
    # E exp(-2 · (2 - 2c)) over directions: c is nearly normal with variance 1/D
    assert abs(g.uniformity(z) - (-4 + 16 / 2 / 32)) < 0.05


def test_two_opposite_points_on_a_line_fill_it() -> None:
    assert g.feature_std(torch.tensor([[3.0], [-7.0]])) == 1


def test_orthonormal_embeddings_use_every_direction() -> None:
    q = torch.linalg.qr(normal(40, 12)).Q
    assert abs(g.effective_rank(q) - 12) < 1e-3
    assert torch.allclose(g.spectrum(torch.cat((q, -q))), torch.full((12,), 1 / 40), atol=1e-5)


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_effective_rank_counts_directions(rank: int) -> None:
    z = torch.linalg.qr(normal(60, rank)).Q @ torch.linalg.qr(normal(20, rank, 6)).Q.T
    assert abs(g.effective_rank(z) - rank) < 0.01
    assert int((g.spectrum(z) > 1e-7).sum()) == rank


def test_effective_rank_is_the_papers_formula() -> None:
    z = normal(30, 9) * torch.arange(1, 10)
    s = torch.linalg.svdvals(z.double())
    p = s / s.sum()
    assert math.isclose(g.effective_rank(z), float(torch.exp(-(p * p.log()).sum())), rel_tol=1e-5)


def test_spectrum_is_the_variances_along_the_axes_in_order() -> None:
    z = normal(5000, 3) * torch.tensor([1.0, 3.0, 2.0])
    s = g.spectrum(z)
    assert torch.allclose(s, torch.tensor([9.0, 4.0, 1.0]), rtol=0.1)
    assert torch.allclose(s.sum(), z.var(0, correction=0).sum(), rtol=1e-4)
    assert g.spectrum(normal(10, 1)).shape == (1,)
    assert (g.spectrum(normal(4, 20)) >= 0).all()  # fewer items than features


def test_alignment_and_uniformity_by_a_slow_loop() -> None:
    a, b = normal(7, 5), normal(7, 5, seed=6)
    unit = [[v / v.norm() for v in z] for z in (a, b)]
    mean = sum(float((p - q).square().sum()) for p, q in zip(*unit, strict=True)) / 7
    assert math.isclose(g.alignment(a, b), mean, rel_tol=1e-5)
    pairs = [math.exp(-2 * float((unit[0][i] - unit[0][j]).square().sum())) for i in range(7) for j in range(i)]
    assert math.isclose(g.uniformity(a), math.log(sum(pairs) / len(pairs)), rel_tol=1e-5)


def test_opposite_views_are_as_far_as_can_be() -> None:
    z = normal(6, 3)
    assert math.isclose(g.alignment(z, -z), 4, rel_tol=1e-5)


# ── invariances


@pytest.mark.parametrize("name", ["feature_std", "effective_rank", "alignment", "uniformity"])
def test_scale_does_not_matter(name: str) -> None:
    z = normal(40, 8)
    one, hundred = METERS[name](z), METERS[name](100 * z)
    assert math.isclose(one, hundred, rel_tol=1e-4)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["effective_rank", "spectrum", "alignment", "uniformity"])
def test_a_turn_of_the_space_does_not_matter(name: str) -> None:
    z, turn = normal(40, 8), torch.linalg.qr(normal(8, 8, seed=9)).Q
    assert torch.allclose(torch.as_tensor(METERS[name](z @ turn)), torch.as_tensor(METERS[name](z)), rtol=1e-3)


@pytest.mark.parametrize("name", ["feature_std", "effective_rank", "spectrum", "uniformity"])
def test_the_order_does_not_matter(name: str) -> None:
    z = normal(40, 8)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(torch.as_tensor(METERS[name](z[order])), torch.as_tensor(METERS[name](z)), rtol=1e-4)


def test_half_precision_and_gradients_are_welcome() -> None:
    z = normal(40, 8)
    for name, meter in METERS.items():
        half = torch.as_tensor(meter(z.bfloat16().requires_grad_()))
        assert torch.allclose(half, torch.as_tensor(meter(z)), rtol=0.05), name


# ── what is wrong is reported


@pytest.mark.parametrize("name", METERS)
@pytest.mark.parametrize(
    ("z", "said"),
    [
        (torch.zeros(1, 4), r"z has shape \(1, 4\); expected \(N, D\) with N ≥ 2"),
        (torch.zeros(8), r"z has shape \(8,\)"),
        (torch.zeros(2, 3, 4), "expected"),
        (torch.tensor([[1.0, 2.0], [math.nan, 0.0], [0.0, 1.0]]), "z has 1 rows with NaN or infinite values"),
        (torch.tensor([[1.0, math.inf], [0.0, 1.0]]), "finite"),
    ],
)
def test_what_is_no_set_of_embeddings_is_reported(name: str, z: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        METERS[name](z)


def test_views_that_do_not_belong_together_are_reported() -> None:
    with pytest.raises(ValueError, match=r"z1 has shape \(3, 4\) and z2 \(2, 4\); expected two views, row for row"):
        g.alignment(torch.rand(3, 4), torch.rand(2, 4))


# ── two representations, and views of one item


def test_cka_by_its_definition_over_pairs_of_items() -> None:
    a, b = normal(20, 5, 1), normal(20, 7, 2)
    centre = torch.eye(20) - 1 / 20
    k, m = centre @ a @ a.T @ centre, centre @ b @ b.T @ centre  # the centred kernels of Gretton et al.'s HSIC
    assert g.linear_cka(a, b) == pytest.approx(float((k * m).sum() / (k.norm() * m.norm())), abs=1e-5)


def test_cka_is_one_for_a_turn_and_low_for_strangers() -> None:
    z = normal(500, 6)
    turn = torch.linalg.qr(normal(6, 6, 7)).Q
    assert g.linear_cka(z, 3 * z @ turn + 2) == pytest.approx(1, abs=1e-5)
    assert g.linear_cka(z, normal(500, 6, 8)) < 0.1
    assert g.linear_cka(z, torch.zeros(500, 2)) == 0


def test_lidar_counts_the_directions_that_tell_items_apart() -> None:
    items, change = torch.zeros(400, 10), 1 + torch.arange(4)
    items[:, :3] = normal(400, 3, 1)  # three directions differ from item to item
    views = torch.stack([items + 0.05 * torch.nn.functional.pad(normal(400, 7, int(i)), (3, 0)) for i in change])
    assert g.effective_rank(views[0]) > 3.2
    assert 2.9 < g.lidar(views) < 3.1
    turn = torch.linalg.qr(normal(10, 10, 7)).Q
    assert g.lidar(views @ turn) == pytest.approx(g.lidar(views), abs=1e-3)


def test_lidar_sees_a_collapse() -> None:
    assert g.lidar(torch.ones(2, 30, 5)) == 1
    one = normal(30, 1) @ normal(1, 5)
    assert g.lidar(torch.stack((one, one))) == pytest.approx(1, abs=1e-3)


def test_what_cannot_be_compared_is_reported() -> None:
    with pytest.raises(ValueError, match="a has 5 rows and b 4; expected two representations of the same items"):
        g.linear_cka(normal(5, 3), normal(4, 3))
    with pytest.raises(ValueError, match=r"views has shape \(5, 3\); expected \(V, N, D\)"):
        g.lidar(normal(5, 3))
    with pytest.raises(ValueError, match="two views of each item or more"):
        g.lidar(normal(5, 3)[None])


def test_epps_pulley_is_its_integral() -> None:
    """By adaptive quadrature over all t, and as three sums of Gaussians, which the integral is in closed form."""
    from scipy.integrate import quad

    draws = torch.Generator().manual_seed(0)
    columns = torch.randn(50, generator=draws), 1.5 * torch.rand(50, generator=draws) - 2, torch.full((50,), 0.3)
    x = torch.stack(columns, 1).double()
    for column, value in zip(x.T, g.epps_pulley(x), strict=True):

        def under(t: float, column: Tensor = column) -> float:
            phi, normal = complex(torch.exp(1j * t * column).mean()), math.exp(-t * t / 2)
            return abs(phi - normal) ** 2 * normal

        direct, _ = quad(under, -math.inf, math.inf)
        apart = torch.exp(-(column[:, None] - column).square() / 2).mean() * math.sqrt(math.tau)
        closed = apart - 2 * math.sqrt(math.pi) * torch.exp(-column.square() / 4).mean() + math.sqrt(math.tau / 3)
        assert float(closed) == pytest.approx(direct, abs=1e-8)
        assert float(value) == pytest.approx(direct, abs=2e-5)


def test_epps_pulley_falls_towards_normal_and_lets_gradients_through() -> None:
    x = torch.randn(2000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    near, far, apart = (float(g.epps_pulley(z)) for z in (x, 3 * x, x.sign() + 0.1 * x))
    assert near < 0.002 < 0.05 < min(far, apart)
    assert torch.autograd.gradcheck(g.epps_pulley, (x[:7].repeat(1, 2).requires_grad_(),))
    with pytest.raises(ValueError, match=r"x has shape \(7,\); expected"):
        g.epps_pulley(x[:7, 0])
