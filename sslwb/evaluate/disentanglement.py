"""Disentanglement: does each latent hold one hidden cause, and does each cause lie in one latent? For data whose causes
are known; and, of any data, which latents are in use. Lesson 15."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sslwb.core import as_embeddings, check_shapes, typed, usual
from sslwb.data import Items

ACTIVE = 0.01  # the variance over items above which a latent's mean is in use
HELD = 5  # one item in so many is kept, for how well a cause is predicted
FOREST: dict[str, Any] = {"n_estimators": 20, "max_features": 1.0, "min_samples_leaf": 5, "random_state": 0}


@dataclass(frozen=True)
class MIG:
    """The mutual information gap of each cause, 0 to 1, and `score`, their mean.

    `information` holds the nats that latents and causes share, a row a latent and a column a cause: (D, K).
    """

    score: float
    gaps: dict[str, float]
    information: Tensor


@dataclass(frozen=True)
class DCI:
    """Disentanglement and completeness, 0 to 1; informativeness, how well all latents together predict each cause.

    Of a category it is accuracy, of a quantity R² (cut at 0), on items that the forest was not shown. `importances` of
    the latents for each cause, which sum to 1: (D, K).
    """

    disentanglement: float
    completeness: float
    informativeness: dict[str, float]
    importances: Tensor


@typed
@usual()
def mig(z: Tensor, data: Items, bins: int = 20) -> MIG:
    """The mutual information gap: by how much the latent that says most of a cause says more than the next one.

    The gap in nats is divided by the cause's entropy; the score is the mean over the causes that vary. Latents and
    quantities are cut into bins of equal width. Items without a cause (NaN) are left out of its gap. A cause that two
    latents share, as an angle in its cosine and sine, has no gap, however well it is known.
    Source: Chen et al. 2018, "Isolating Sources of Disentanglement in Variational Autoencoders", section 4.

    Args:
        z: latents (N, D), such as a VAE's posterior means, D ≥ 2.
        data: the N items that they belong to, from a world that knows their causes.

    Raises:
        TypeError: z holds no numbers.
        ValueError: shapes that do not fit, one latent alone, NaN, fewer than two bins, or no cause that varies.
    """
    from sklearn.metrics import mutual_info_score  # scikit-learn loads when it is first used

    latents = _latents(z, data)
    if bins < 2:
        raise ValueError(f"bins is {bins}; expected 2 or more")
    entropies, information = {}, []
    cut = [_binned(column, bins) for column in latents.T]
    for name, cause in _causes(data).items():
        there = ~np.isnan(cause)
        values = cause[there] if name not in _quantities(data) else _binned(cause[there], bins)
        shared = np.array([mutual_info_score(values, column[there]) for column in cut])
        entropies[name] = mutual_info_score(values, values)
        information.append(torch.from_numpy(shared).float())
    shared_nats = torch.stack(information, 1)
    gaps = information_gaps(shared_nats, torch.tensor([*entropies.values()]).float())
    return MIG(float(gaps.mean()), dict(zip(entropies, gaps.tolist(), strict=True)), shared_nats)


def information_gaps(information: Tensor, entropy: Tensor) -> Tensor:
    """Of each cause, the nats that its best latent shares with it less the next one's, over its entropy, nats.

    (D, K), (K,) → (K,): Chen et al. 2018, section 4, before its mean over causes.

    Raises:
        TypeError: no tensors of floats.
        ValueError: shapes that do not fit, or one latent alone.
    """
    check_shapes(information=(information, "D K"), entropy=(entropy, "K"))
    if len(information) < 2:
        raise ValueError("information has one row; expected two latents or more: a gap lies between the best two")
    first, second = information.topk(2, dim=0).values
    gaps: Tensor = (first - second) / entropy
    return gaps


@usual()
def dci(z: Tensor, data: Items) -> DCI:
    """Disentanglement, completeness and informativeness, from the importance of each latent for each cause.

    A random forest predicts each cause from all latents (a category as a class, a periodic quantity as its cosine and
    sine), and says how much each latent contributed. A latent's disentanglement is 1 less the entropy of its
    importances over the K causes, in units of log K, and the latents are weighted by their share of all importance. A
    cause's completeness is the same over the D latents; its mean over causes counts those too that no latent knows.
    Source: Eastwood and Williams 2018, "A Framework for the Quantitative Evaluation of Disentangled Representations";
    of its two predictors, Lasso and forest, the one that sees more than straight lines.

    Args:
        z: latents (N, D), such as a VAE's posterior means, D ≥ 2.
        data: the N items that they belong to, from a world that knows their causes.

    Raises:
        TypeError: z holds no numbers.
        ValueError: shapes that do not fit, one latent alone, NaN, fewer than 50 items, or fewer than two causes.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    latents = _latents(z, data)
    if len(latents) < 50:
        raise ValueError(f"z has {len(latents)} rows; expected 50 or more: a fifth of them is kept for the prediction")
    causes = _causes(data)
    if len(causes) < 2:
        raise ValueError(f"data has the one cause {', '.join(causes)}; expected two or more, which latents could mix")
    held = np.random.default_rng(0).permutation(len(latents)) % HELD == 0
    informativeness, importances = {}, []
    for name, cause in causes.items():
        train, test = (~np.isnan(cause) & part for part in (~held, held))
        circle = 2 * np.pi * cause
        target = np.stack((np.cos(circle), np.sin(circle)), 1) if name in data.periodic else cause
        forest = (RandomForestRegressor if name in _quantities(data) else RandomForestClassifier)(**FOREST)
        forest.fit(latents[train], target[train])
        informativeness[name] = max(0.0, float(forest.score(latents[test], target[test])))
        importances.append(torch.from_numpy(forest.feature_importances_).float())
    r = torch.stack(importances, 1)  # (D, K)
    share = r.sum(1) / r.sum().clamp_min(1e-12)
    disentanglement = float((share * (1 - _spread(r, 1))).sum())
    return DCI(disentanglement, float((1 - _spread(r, 0)).mean()), informativeness, r)


def active_units(means: Tensor) -> Tensor:
    """Which latents say anything: those whose posterior mean varies over items, (N, Z) → bool (Z,).

    Source: Burda et al. 2016, "Importance Weighted Autoencoders", section 5.2.

    Raises:
        TypeError: no tensor of floats.
        ValueError: another shape.
    """
    check_shapes(means=(means, "N Z"))
    return means.var(0, correction=0) > ACTIVE


def _spread(r: Tensor, dim: int) -> Tensor:
    """The entropy of importances along a dimension, 0 (one has all) to 1 (all alike; also where all are 0)."""
    total = r.sum(dim, keepdim=True)
    shares = torch.where(total > 0, r / total, 1 / r.shape[dim])
    spread: Tensor = torch.special.entr(shares).sum(dim) / math.log(r.shape[dim])
    return spread


def _binned(values: np.ndarray, bins: int) -> np.ndarray:
    """The number of the bin of each value, from the least to the greatest of them in bins of equal width."""
    number: np.ndarray = np.digitize(values, np.histogram_bin_edges(values, bins)[:-1])
    return number


def _causes(data: Items) -> dict[str, np.ndarray]:
    """The causes that vary over the items that have them, by name: (N,), NaN where an item has none."""
    causes = {name: t.cpu().numpy() for name, t in data.factors.items()}
    varying = {name: t for name, t in causes.items() if len(np.unique(t[~np.isnan(t)])) > 1}
    if not varying:
        raise ValueError(
            f"{data.name or 'data'} has no hidden causes that vary; expected items of a world that knows them, such as "
            'load("shapes")'
        )
    return varying


def _quantities(data: Items) -> set[str]:
    return {name for name, t in data.factors.items() if t.is_floating_point()}


def _latents(z: Tensor, data: Items) -> np.ndarray:
    if not isinstance(data, Items):
        raise TypeError(f"data is {type(data).__name__}; expected a container such as load(…) gives")
    latents: np.ndarray = as_embeddings("z", z).float().cpu().numpy()
    if len(latents) != len(data):
        raise ValueError(f"z has {len(latents)} rows and data {len(data)} items; expected one row an item")
    if latents.shape[1] < 2:
        raise ValueError("z has one latent; expected two or more, to see which of them holds a cause")
    if not np.isfinite(latents).all():
        raise ValueError("z has NaN or infinite values; expected finite latents")
    return latents
