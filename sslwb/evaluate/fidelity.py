"""Samples beside data, both embedded by one encoder: how many samples could be data, how much of the data could be
samples, and how far apart both lie. Lesson 16."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sslwb.core import as_embeddings, typed, usual
from sslwb.nets import seeded

PIECE = 1000  # rows whose distances are held at once


class PrecisionRecall(NamedTuple):
    """The share of samples that lie where data lie, and the share of data that lie where samples lie."""

    precision: float
    recall: float


class KID(NamedTuple):
    """The kernel distance over subsets: its mean, and its deviation."""

    mean: float
    std: float


@typed
@usual()
def precision_recall(real_z: Tensor, made_z: Tensor, k: int = 3) -> PrecisionRecall:
    """Precision: how good samples are. Recall: how many kinds of data come among them.

    Where data lie: in the union of spheres, one round each embedding, up to its k-th nearest neighbour among its own
    kind. Of samples the same. A generator that makes one good picture has precision 1 and recall near 0.
    Source: Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models", section 2.

    Args:
        real_z, made_z: embeddings (N, D) and (M, D) of one encoder; both measures depend on N, M and k, so compare
            numbers of equal ones only.

    Raises:
        TypeError: no numbers.
        ValueError: shapes that do not fit, NaN, k below 1, or no more than k embeddings.
    """
    real, made = _both(real_z, made_z)
    if k < 1 or min(len(real), len(made)) <= k:
        raise ValueError(
            f"k is {k}, with {len(real)} and {len(made)} embeddings; expected 1 or more, and fewer than both"
        )
    return PrecisionRecall(_inside(made, real, k), _inside(real, made, k))


def _inside(z: Tensor, among: Tensor, k: int) -> float:
    """The share of z (N, D) within any of the spheres round `among`."""
    radius = torch.cat([torch.cdist(part, among).kthvalue(k + 1).values for part in among.split(PIECE)])  # 0: itself
    return sum(int((torch.cdist(part, among) <= radius).any(1).sum()) for part in z.split(PIECE)) / len(z)


@typed
@usual()
def kid(real_z: Tensor, made_z: Tensor, subset: int = 500, subsets: int = 20, seed: int = 0) -> KID:
    """The kernel distance between embeddings of data and of samples, by torchmetrics: (N, D), (M, D).

    The squared maximum mean discrepancy with the kernel (x·y / D + 1)³, unbiased, so 0 on average where both come from
    one distribution. The paper's encoder is an Inception net trained on ImageNet; here it is one of our own, so that
    numbers of different encoders, and those of papers, are not compared.
    Source: Bińkowski et al. 2018, "Demystifying MMD GANs".

    Args:
        subset: how many of each are compared at once.
        subsets: how often, each time with others.
        seed: of the subsets.

    Raises:
        TypeError: no numbers.
        ValueError: shapes that do not fit, NaN, fewer embeddings than a subset, or no subset.
    """
    real, made = _both(real_z, made_z)
    if not 2 <= subset <= min(len(real), len(made)) or subsets < 1:
        raise ValueError(
            f"subset is {subset} and subsets {subsets}, with {len(real)} and {len(made)} embeddings; expected 2 or "
            "more, no more than both, and 1 or more"
        )
    from torchmetrics.image.kid import KernelInceptionDistance  # takes seconds to load

    with warnings.catch_warnings(), seeded(seed):  # it draws from torch's own generator
        warnings.simplefilter("ignore", UserWarning)  # that it keeps all embeddings in memory
        metric = KernelInceptionDistance(nn.Identity(), subsets, subset)
        metric.update(real, real=True)
        metric.update(made, real=False)
        mean, std = metric.compute()
    return KID(float(mean), float(std))


def _both(real_z: Tensor, made_z: Tensor) -> tuple[Tensor, Tensor]:
    real, made = as_embeddings("real_z", real_z).float().cpu(), as_embeddings("made_z", made_z).float().cpu()
    if real.shape[1] != made.shape[1]:
        raise ValueError(f"real_z has {real.shape[1]} features and made_z {made.shape[1]}; expected the same encoder's")
    for name, z in (("real_z", real), ("made_z", made)):
        if not torch.isfinite(z).all():
            raise ValueError(f"{name} has NaN or infinite values; expected finite embeddings")
    return real, made
