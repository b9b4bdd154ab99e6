"""How embeddings lie in space: meters for collapse. Pure tensor functions; z is (N, D), one embedding a row."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import as_embeddings, as_tensor, check_shapes, usual

WITHIN = 1e-4  # added to the variances within an item's views


@usual()
def feature_std(z: Tensor) -> float:
    """Mean standard deviation of the normalised embeddings, times √D: 1 fills the sphere, 0 is collapse.

    Source: Chen and He 2021 (SimSiam), section 4.1, whose 1/√D is our 1.
    """
    z = _embeddings(z)
    return float(F.normalize(z, dim=1).std(0, correction=0).mean() * math.sqrt(z.shape[1]))


@usual()
def effective_rank(z: Tensor) -> float:
    """exp of the entropy of the singular values: how many directions the embeddings really use, 1 to min(N, D).

    Source: Garrido et al. 2023 (RankMe), equation 1.
    """
    p = torch.linalg.svdvals(_embeddings(z))
    p = p / p.sum().clamp_min(torch.finfo(p.dtype).tiny)
    return float(torch.exp(torch.special.entr(p).sum()))


@usual()
def spectrum(z: Tensor) -> Tensor:
    """(D,) variances along the principal axes, largest first; a cliff in it is a dimensional collapse.

    Source: Jing et al. 2022, "Understanding Dimensional Collapse", section 3.
    """
    z = _embeddings(z)
    values: Tensor = (
        torch.linalg.eigvalsh(torch.cov(z.T, correction=0).reshape(z.shape[1], z.shape[1])).flip(0).clamp_min(0)
    )
    return values


@usual()
def alignment(z1: Tensor, z2: Tensor) -> float:
    """Mean squared distance on the sphere between two views of the same picture; 0 is perfect, 2 is chance.

    Source: Wang and Isola 2020, section 4.2, with α = 2.

    Raises:
        ValueError: the two have different shapes.
    """
    z1, z2 = as_tensor("z1", z1), as_tensor("z2", z2)
    if z1.shape != z2.shape:
        raise ValueError(f"z1 has shape {tuple(z1.shape)} and z2 {tuple(z2.shape)}; expected two views, row for row")
    return float((F.normalize(_embeddings(z1), dim=1) - F.normalize(_embeddings(z2), dim=1)).square().sum(1).mean())


@usual()
def uniformity(z: Tensor) -> float:
    """log of the mean of exp(-2 · squared distance) over pairs of embeddings on the sphere: 0 collapsed, to -4 spread.

    Source: Wang and Isola 2020, section 4.2, with t = 2.
    """
    return float(torch.pdist(F.normalize(_embeddings(z), dim=1)).square().mul(-2).exp().mean().log())


@usual()
def linear_cka(a: Tensor, b: Tensor) -> float:
    """How alike two representations of the same items are: (N, D1), (N, D2) → 0 to 1, whatever turns and scales them.

    Source: Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited", the linear CKA.

    Raises:
        ValueError: other than one row of each for each item.
    """
    a, b = (_embeddings(z).double() for z in (a, b))
    if len(a) != len(b):
        raise ValueError(f"a has {len(a)} rows and b {len(b)}; expected two representations of the same items")
    a, b = a - a.mean(0), b - b.mean(0)
    scale = torch.linalg.matrix_norm(a.T @ a) * torch.linalg.matrix_norm(b.T @ b)
    return float(torch.linalg.matrix_norm(a.T @ b).square() / scale.clamp_min(torch.finfo(scale.dtype).tiny))


@usual()
def lidar(views: Tensor) -> float:
    """The effective rank of what tells items apart, beside what differs between views of one item: (V, N, D) → 1 to D.

    An embedding that only holds what the views change has a high rank, and a low one here.

    Source: Thilak et al. 2024, "LiDAR: Sensing Linear Probing Performance in Joint Embedding SSL Architectures".

    Raises:
        ValueError: fewer than two views, or of another shape.
    """
    views = as_tensor("views", views)
    if views.ndim != 3 or len(views) < 2:
        raise ValueError(f"views has shape {tuple(views.shape)}; expected (V, N, D), two views of each item or more")
    z = torch.stack([_embeddings(view).double() for view in views])
    own = z.mean(0)  # (N, D): the mean of an item's views
    between = (own - own.mean(0)).T @ (own - own.mean(0)) / len(own)
    apart = (z - own).flatten(0, 1)
    within = apart.T @ apart / len(apart) + WITHIN * torch.eye(z.shape[2], dtype=z.dtype)
    values, axes = torch.linalg.eigh(within)
    white = axes @ torch.diag(values.rsqrt()) @ axes.T
    p = torch.linalg.eigvalsh(white @ between @ white).clamp_min(0)
    p = p / p.sum().clamp_min(torch.finfo(p.dtype).tiny)
    return float(torch.exp(torch.special.entr(p).sum()))


def epps_pulley(x: Tensor, reach: float = 5.0, points: int = 17) -> Tensor:
    """How far samples are from a standard normal distribution, 0 or more: K columns of N numbers, (N, K) → (K,).

    ∫ |φ(t) - exp(-t²/2)|² exp(-t²/2) dt, where φ is the sample's characteristic function, the mean of exp(i t x); by
    the trapezoid rule from -reach to reach. It lets gradients through. The test of 1983 multiplies it by N.

    Source: Epps and Pulley 1983, "A test for normality based on the empirical characteristic function"; with these
    numbers of points in Balestriero and LeCun 2025, "LeJEPA". Lesson 18.

    Raises:
        TypeError: no tensor of floats.
        ValueError: another shape.
    """
    check_shapes(x=(x, "N K"))
    t = torch.linspace(-reach, reach, points, dtype=x.dtype, device=x.device)
    normal = (-t.square() / 2).exp()
    angles = x[..., None] * t  # (N, K, points)
    gap = (angles.cos().mean(0) - normal).square() + angles.sin().mean(0).square()
    return torch.trapezoid(gap * normal, t)


def _embeddings(z: Tensor) -> Tensor:
    z = as_embeddings("z", z, least=2)
    if not torch.isfinite(z).all():
        bad = int((~torch.isfinite(z).all(1)).sum())
        raise ValueError(
            f"z has {bad} rows with NaN or infinite values; expected finite numbers: the training diverged"
        )
    return z.float()
