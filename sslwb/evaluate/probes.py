"""What embeddings know: by their neighbours, by a linear map, with few labels, and of every hidden cause."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.data import Items, subset_per_class

DECAYS = (1e-3, 1e-4)  # of the linear probe, strong first
PIECE = 50_000  # rows of a bank that are compared at once
WIDEST = 256  # features; of wider embeddings, such as raw pixels, a linear probe sees as many principal components


def knn(
    train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, k: int = 20, temperature: float = 0.1
) -> float:
    """Accuracy, 0 to 1, of a vote of the k nearest training embeddings, weighted by exp(cosine / temperature).

    The training set's mean is taken off first: pooled ReLU features share one large direction that tells nothing.
    Source: Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", section 3.4.

    Args:
        train_z: (N, D), with labels train_y (N,) int64.
        test_z: (M, D), with labels test_y (M,) int64.
        k: how many neighbours vote; all where there are fewer.
        temperature: small values let the nearest decide.

    Raises:
        ValueError: shapes that do not fit, a class without samples, NaN, or embeddings that are all the same.
    """
    _check(train_z, train_y, test_z, test_y)
    if k < 1 or not temperature > 0:
        raise ValueError(f"k is {k} and temperature is {temperature}; expected k ≥ 1 and temperature > 0")
    mean, classes, right = train_z.mean(0), int(train_y.max()) + 1, 0
    for z, y in zip(test_z.split(1000), test_y.split(1000), strict=True):
        similarity, index = _nearest(train_z, z, mean, k)
        weight = ((similarity - 1) / temperature).exp()
        votes = torch.zeros(len(z), classes).scatter_add_(1, train_y[index], weight)
        right += int((votes.argmax(1) == y).sum())
    return right / len(test_y)


def _nearest(bank: Tensor, z: Tensor, mean: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Cosine with the k nearest of the bank once the mean is taken off, and which they are: (m, k) each.

    The bank is read piece by piece, so that it may be a map of a file larger than memory.
    """
    z, found = F.normalize(z - mean, dim=1), []
    for first in range(0, len(bank), PIECE):
        piece = F.normalize(bank[first : first + PIECE] - mean, dim=1)
        similarity, index = (z @ piece.T).topk(min(k, len(piece)), dim=1)
        found.append((similarity, index + first))
    if len(found) == 1:
        return found[0]
    similarity, index = (torch.cat(parts, 1) for parts in zip(*found, strict=True))
    similarity, best = similarity.topk(min(k, len(bank)), dim=1)
    return similarity, index.gather(1, best)


def linear(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor) -> float:
    """Accuracy, 0 to 1, of multinomial logistic regression on standardised embeddings: the linear probe.

    The weight decay is chosen on a fifth of the training set, never on the test set. Shapes and errors are `knn`'s.
    """
    _check(train_z, train_y, test_z, test_y)
    train_z, test_z = _standardised(train_z, test_z)
    fits = _path(train_z, train_y, DECAYS[: _best_decay(train_z, train_y) + 1])
    return _accuracy(fits[-1], test_z, test_y)


@dataclass(frozen=True)
class CauseScore:
    """How well a linear probe reads one cause (accuracy of a category, R² of a quantity), and what chance gives."""

    score: float
    chance: float
    kind: str

    @property
    def known(self) -> float:
        """The score between chance (0) and perfect (1); 0 where chance is perfect, so that nothing can be measured."""
        return max(0.0, (self.score - self.chance) / (1 - self.chance)) if self.chance < 1 else 0.0


def probe_causes(train_z: Tensor, train: Items, test_z: Tensor, test: Items) -> dict[str, CauseScore]:
    """A linear probe for each hidden cause that varies in `train`.

    Categories: logistic regression, accuracy, chance = the largest class. Quantities: ridge regression, R² cut at 0,
    chance 0. Periodic quantities (an angle) are predicted as (cos, sin). Items without the cause (NaN) are left out.

    Raises:
        ValueError: nothing varies and nothing is labelled, or `test` lacks one of the causes.
    """
    if not train.causes:
        raise ValueError("train has neither labels nor hidden causes that vary; there is nothing to probe for")
    train_z, test_z = _standardised(train_z, test_z)
    truth = {**test.factors, **({} if test.y is None else {"label": test.y})}
    if missing := train.causes.keys() - truth.keys():
        raise ValueError(f"test lacks {', '.join(sorted(missing))}, which varies in train; expected the same causes")
    scores = {}
    for name, a in train.causes.items():
        b = truth[name]
        if a.is_floating_point():
            (za, a), (zb, b) = _defined(train_z, a), _defined(test_z, b)
            scores[name] = CauseScore(_r2(za, a, zb, b, name in train.periodic), 0.0, "R²")
        else:
            chance = float(torch.bincount(b).max() / len(b))
            scores[name] = CauseScore(_accuracy(_logistic(train_z, a, 1e-3), test_z, b), chance, "accuracy")
    return scores


def label_curve(
    train_z: Tensor,
    train: Items,
    test_z: Tensor,
    test: Items,
    counts: Sequence[int] = (1, 2, 5, 10, 50),
    seeds: Sequence[int] = (0, 1, 2),
) -> dict[int, list[float]]:
    """Accuracy of the linear probe with few labels: for each number of labels a class, one accuracy for each seed.

    Raises:
        ValueError: a class has fewer samples than a count asks for.
    """
    rows = Items(torch.arange(len(train)), train.y, train.classes, name=train.name)
    curve: dict[int, list[float]] = {}
    for count in counts:
        for seed in seeds:
            few = subset_per_class(rows, count, seed).x
            za, zb = _standardised(train_z[few], test_z)
            accuracy = _accuracy(_logistic(za, train.labels[few], 1e-2), zb, test.labels)
            curve.setdefault(count, []).append(accuracy)
    return curve


def _logistic(z: Tensor, y: Tensor, decay: float, first: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """Weights and bias that minimise cross-entropy + decay · |W|²: convex, so the answer is one."""
    z, classes = z.detach(), int(y.max()) + 1
    w, b = first or (torch.zeros(z.shape[1], classes), torch.zeros(classes))
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    solver = torch.optim.LBFGS([w, b], max_iter=60, history_size=10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = F.cross_entropy(z @ w + b, y) + decay * w.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        solver.step(loss)
    return w.detach(), b.detach()


def _path(z: Tensor, y: Tensor, decays: Sequence[float]) -> list[tuple[Tensor, Tensor]]:
    """One fit for each decay, each starting where the one before ended."""
    fits: list[tuple[Tensor, Tensor]] = []
    for decay in decays:
        fits.append(_logistic(z, y, decay, fits[-1] if fits else None))
    return fits


def _best_decay(z: Tensor, y: Tensor) -> int:
    """The index in DECAYS that does best on a fifth of the training set."""
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(0))
    held, kept = order[: len(z) // 5], order[len(z) // 5 :]
    if not len(held) or set(y[held].tolist()) - set(y[kept].tolist()):
        return 0
    scores = [_accuracy(f, z[held], y[held]) for f in _path(z[kept], y[kept], DECAYS)]
    return max(range(len(DECAYS)), key=scores.__getitem__)


def _accuracy(weights: tuple[Tensor, Tensor], z: Tensor, y: Tensor) -> float:
    return float(((z @ weights[0] + weights[1]).argmax(1) == y).float().mean())


def _r2(train_z: Tensor, a: Tensor, test_z: Tensor, b: Tensor, periodic: bool) -> float:
    if len(a) < 2 or len(b) < 2:
        return 0.0
    ta, tb = (
        torch.stack((torch.cos(2 * math.pi * t), torch.sin(2 * math.pi * t)), 1) if periodic else t[:, None]
        for t in (a, b)
    )
    mean, d = ta.mean(0), train_z.shape[1]
    gram = train_z.T @ train_z + 1e-2 * len(train_z) * torch.eye(d)
    guess = test_z @ torch.linalg.solve(gram, train_z.T @ (ta - mean)) + mean
    return max(0.0, 1 - float((guess - tb).square().sum() / (tb - tb.mean(0)).square().sum()))


def _defined(z: Tensor, cause: Tensor) -> tuple[Tensor, Tensor]:
    there = ~torch.isnan(cause)
    return z[there], cause[there]


def _standardised(train_z: Tensor, test_z: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = train_z.mean(0), train_z.std(0, correction=0)
    std = torch.where(std > 1e-6 * std.max().clamp_min(1e-12), std, torch.inf)  # a constant feature says nothing
    train_z, test_z = (train_z - mean) / std, (test_z - mean) / std
    if min(train_z.shape) > WIDEST:
        from sklearn.decomposition import PCA  # takes a second to load

        pca = PCA(WIDEST, whiten=True, svd_solver="randomized", iterated_power=2, random_state=0).fit(train_z.numpy())
        train_z, test_z = (torch.from_numpy(pca.transform(z.numpy())).float() for z in (train_z, test_z))
    return train_z, test_z


def _check(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor) -> None:
    for what, z, y in (("train", train_z, train_y), ("test", test_z, test_y)):
        if z.ndim != 2 or y.shape != (len(z),) or not len(z):
            raise ValueError(
                f"{what}_z has shape {tuple(z.shape)} and {what}_y {tuple(y.shape)}; expected (N, D) and (N,), N ≥ 1"
            )
        if not torch.isfinite(z).all():
            raise ValueError(f"{what}_z has NaN or infinite values; expected finite embeddings")
        if y.dtype != torch.int64:
            raise TypeError(f"{what}_y is {y.dtype}; expected torch.int64 labels")
    if train_z.shape[1] != test_z.shape[1]:
        raise ValueError(f"train_z has {train_z.shape[1]} features and test_z {test_z.shape[1]}; expected the same")
    if len(missing := sorted(set(test_y.tolist()) - set(train_y.tolist()))):
        raise ValueError(
            f"class(es) {missing[:5]} are in test_y but have no sample in train_y; expected all of them there"
        )
    if len(train_z) > 1 and not (train_z != train_z[0]).any():
        raise ValueError(
            "train_z holds the same embedding for every item: the encoder has collapsed to a constant, and "
            "every score would be chance. See diagnose(history, encoder, data)."
        )
