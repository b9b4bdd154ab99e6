"""Filters without any training: whitened patches of the pictures themselves.

Source: Coates and Ng 2011, "The Importance of Encoding Versus Training with Sparse Coding and Vector Quantization".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import check_shapes, number, whole
from sslwb.nets.encoder import EncoderModule, as_pictures

FLAT = 10 / 255**2  # added to a patch's variance: 10 grey values squared, as in the paper
SMALL = 0.1  # added to the eigenvalues before whitening
SAMPLE = 20_000  # patches from which the whitening is computed


class WhitenedPatches(EncoderModule):
    """Pictures (B, C, H, W) → (B, dim): how much each place looks like each of some patches, pooled over quarters.

    Each patch of the picture is brought to mean 0 and deviation 1, whitened, and compared with the filters; what lies
    above `threshold` counts, and what lies below -threshold counts apart. Nothing is trained. `whitened_patches` makes
    one from pictures.

    Attributes:
        dim: 2 · filters · pool².
    """

    def __init__(
        self, filters: Tensor, whitening: Tensor, mean: Tensor, patch: int, threshold: float, pool: int
    ) -> None:
        super().__init__()
        self.patch, self.threshold, self.pool = patch, threshold, pool
        self.channels = filters.shape[1] // patch**2
        self.dim = 2 * len(filters) * pool**2
        weights = filters @ whitening  # (K, C · patch²): one filter on patches that are not yet whitened
        self.weight: Tensor
        self.shift: Tensor
        self.register_buffer("weight", weights.unflatten(1, (self.channels, patch, patch)).contiguous())
        self.register_buffer("shift", weights @ mean)

    def features(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, 2 · filters, pool, pool), the mean over each part of the picture.

        Raises:
            TypeError: x is no tensor of floats.
            ValueError: other than pictures of these channels, at least as large as a patch.
        """
        x = as_pictures(x, self.channels, self)
        if min(x.shape[2:]) < self.patch + self.pool - 1:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; expected pictures of {self.patch + self.pool - 1} pixels or more: the "
                f"filters have {self.patch}, at {self.pool}×{self.pool} places or more"
            )
        # w · (p - mean(p)) / σ(p) for every patch p, without cutting them out: sums over a window are convolutions too
        mean = F.avg_pool2d(x, self.patch, stride=1).mean(1, keepdim=True)
        variance = F.avg_pool2d(x.square(), self.patch, stride=1).mean(1, keepdim=True) - mean.square()
        alike = F.conv2d(x, self.weight) - mean * self.weight.sum((1, 2, 3))[:, None, None]
        alike = alike / (variance.clamp_min(0) + FLAT).sqrt() - self.shift[:, None, None]
        parts = torch.cat(((alike - self.threshold).relu(), (-alike - self.threshold).relu()), 1)
        return F.adaptive_avg_pool2d(parts, self.pool)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).flatten(1)


def whitened_patches(
    x: Tensor, filters: int = 400, patch: int = 6, threshold: float = 0.25, pool: int = 2, seed: int = 0
) -> WhitenedPatches:
    """Filters that are random whitened patches of some pictures, float (N, C, H, W) in [0, 1].

    Args:
        filters: how many.
        patch: their side, pixels.
        threshold: what a comparison must exceed to count.
        pool: the picture is pooled over pool × pool parts.

    Raises:
        TypeError: no tensor of floats.
        ValueError: another shape, pictures smaller than a patch, or numbers below 1.
    """
    check_shapes(x=(x, "N C H W"))
    for name, value in (("filters", filters), ("patch", patch), ("pool", pool)):
        whole(name, value, least=1)
    if min(x.shape[2:]) < patch:
        raise ValueError(f"x has shape {tuple(x.shape)}; expected pictures of {patch} pixels or more, the patch's side")
    if not number("threshold", threshold) >= 0:
        raise ValueError(f"threshold is {threshold}; expected 0 or more")
    g = torch.Generator().manual_seed(seed)
    patches = normalised_patches(x, patch, max(SAMPLE, filters), g)
    mean, whitening = zca(patches)
    chosen = (normalised_patches(x, patch, filters, g) - mean) @ whitening
    return WhitenedPatches(F.normalize(chosen, dim=1), whitening, mean, patch, threshold, pool).to(x.device)


def zca(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and whitening matrix of some rows (N, D) → (D,), (D, D): (rows - mean) @ matrix is uncorrelated.

    Of a direction with variance λ, λ / (λ + SMALL) is left, so that what hardly varies is not blown up.
    """
    mean = rows.mean(0)
    values, vectors = torch.linalg.eigh((rows - mean).T.cov())
    return mean, vectors @ torch.diag((values.clamp_min(0) + SMALL).rsqrt()) @ vectors.T


def normalised_patches(x: Tensor, patch: int, count: int, generator: torch.Generator) -> Tensor:
    """Patches from random places, each with mean 0 and deviation 1: (N, C, H, W) → (count, C · patch²)."""

    def places(bound: int) -> Tensor:
        return torch.randint(bound, (count,), generator=generator).to(x.device)

    which, top, left = places(len(x)), places(x.shape[2] - patch + 1), places(x.shape[3] - patch + 1)
    side = torch.arange(patch, device=x.device)
    rows, columns = top[:, None, None] + side[:, None], left[:, None, None] + side
    cut = x[which[:, None, None], :, rows, columns].movedim(3, 1).flatten(1)  # (count, C · patch²)
    cut = cut - cut.mean(1, keepdim=True)
    return cut / (cut.square().mean(1, keepdim=True) + FLAT).sqrt()
