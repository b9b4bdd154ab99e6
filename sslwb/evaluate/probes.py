"""What embeddings know: by their neighbours, by a linear map, with few labels, and of every hidden cause."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import as_embeddings, as_labels, as_tensor, typed, usual
from sslwb.data import Items, subset_per_class

DECAYS = (1e-2, 1e-3, 1e-4)  # of the linear probe; one of them is chosen
PIECE = 50_000  # rows of a bank that are compared at once


@typed
@usual()
def knn(
    train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, k: int = 20, temperature: float = 0.1
) -> float:
    """Accuracy, 0 to 1, of a vote of the k nearest training embeddings, weighted by exp(cosine / temperature).

    The training set's mean is taken off first: pooled ReLU features share one large direction that tells nothing.
    Source: Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", section 3.4.

    Args:
        train_z: (N, D) of any floats, with labels train_y (N,), whole numbers from 0 on; arrays and lists are taken.
        test_z: (M, D), with labels test_y (M,).
        k: how many neighbours vote; all where there are fewer.
        temperature: small values let the nearest decide.

    Raises:
        TypeError: embeddings that are no numbers, labels that are no whole numbers.
        ValueError: shapes that do not fit, a class without samples, a label below 0, NaN, or embeddings that are all
            the same.
    """
    train_z, train_y, test_z, test_y = _checked(train_z, train_y, test_z, test_y)
    if k < 1 or not temperature > 0:
        raise ValueError(f"k is {k} and temperature is {temperature}; expected k ≥ 1 and temperature > 0")
    classes, place = train_y.unique(return_inverse=True)
    mean, right = train_z.mean(0, dtype=torch.float32), 0
    for z, y in zip(test_z.split(1000), test_y.split(1000), strict=True):
        similarity, index = _nearest(train_z, z, mean, k)
        weight = ((similarity - similarity[:, :1]) / temperature).exp()  # 1 for the nearest, however small the others
        votes = torch.zeros(len(z), len(classes)).scatter_add_(1, place[index], weight)
        right += int((classes[votes.argmax(1)] == y).sum())
    return right / len(test_y)


def _nearest(bank: Tensor, z: Tensor, mean: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Cosine with the k nearest of the bank once the mean is taken off, and which they are: (m, k) each.

    The bank is read piece by piece, so that it may be a map of a file larger than memory.
    """
    z, found = F.normalize(z.float() - mean, dim=1), []
    for first in range(0, len(bank), PIECE):
        piece = F.normalize(bank[first : first + PIECE].float() - mean, dim=1)
        similarity, index = (z @ piece.T).topk(min(k, len(piece)), dim=1)
        found.append((similarity, index + first))
    if len(found) == 1:
        return found[0]
    similarity, index = (torch.cat(parts, 1) for parts in zip(*found, strict=True))
    similarity, best = similarity.topk(min(k, len(bank)), dim=1)
    return similarity, index.gather(1, best)


@usual()
def linear(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor) -> float:
    """Accuracy, 0 to 1, of multinomial logistic regression on all standardised features: the linear probe.

    The weight decay is chosen from `DECAYS` on a fifth of the training set, never on the test set. Shapes and errors
    are `knn`'s.
    """
    train_z, train_y, test_z, test_y = _checked(train_z, train_y, test_z, test_y)
    train_z, test_z = _standardised(train_z, test_z)
    (probe,) = logistic(train_z, train_y, [_best_decay(train_z, train_y)])
    return probe.accuracy(test_z, test_y)


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


@usual()
def probe_causes(train_z: Tensor, train: Items, test_z: Tensor, test: Items) -> dict[str, CauseScore]:
    """A linear probe for each hidden cause that varies in `train`.

    Categories: logistic regression, accuracy, chance = the share of the largest class of the training set.
    Quantities: ridge regression, R² cut at 0, chance 0. Periodic quantities (an angle) are predicted as (cos, sin).
    Items without the cause (NaN) are left out.

    Raises:
        ValueError: nothing varies and nothing is labelled, or `test` lacks one of the causes.
    """
    if not train.causes:
        raise ValueError("train has neither labels nor hidden causes that vary; there is nothing to probe for")
    train_z, test_z = _of(train_z, train, "train"), _of(test_z, test, "test")
    train_z, test_z = _standardised(train_z, test_z)
    truth = {**test.factors, **({} if test.y is None else {"label": test.y})}
    if missing := train.causes.keys() - truth.keys():
        raise ValueError(f"test lacks {', '.join(sorted(missing))}, which varies in train; expected the same causes")
    scores = {}
    for name, a in train.causes.items():
        a, b = a.cpu(), truth[name].cpu()
        if a.is_floating_point():
            (za, a), (zb, b) = _defined(train_z, a), _defined(test_z, b)
            scores[name] = CauseScore(_r2(za, a, zb, b, name in train.periodic), 0.0, "R²")
        else:
            chance = float(torch.bincount(a).max() / len(a))
            (probe,) = logistic(train_z, a, [1e-3])
            scores[name] = CauseScore(probe.accuracy(test_z, b), chance, "accuracy")
    return scores


@typed
@usual()
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
    train_z, test_z = _of(train_z, train, "train"), _of(test_z, test, "test")
    rows = Items(torch.arange(len(train)), train.y, train.classes, name=train.name)
    curve: dict[int, list[float]] = {}
    for count in counts:
        for seed in seeds:
            few = subset_per_class(rows, count, seed).x
            za, zb = _standardised(train_z[few], test_z)
            (probe,) = logistic(za, train.labels.cpu()[few], [1e-2])
            curve.setdefault(count, []).append(probe.accuracy(zb, test.labels.cpu()))
    return curve


class Logistic(NamedTuple):
    """A fitted multinomial logistic regression: weights (D, C), bias (C,), and the C labels that it knows."""

    weights: Tensor
    bias: Tensor
    classes: Tensor

    def accuracy(self, z: Tensor, y: Tensor) -> float:
        """The share of embeddings (N, D) whose label it names."""
        return float((self.classes[(z @ self.weights + self.bias).argmax(1)] == y).float().mean())


def logistic(z: Tensor, y: Tensor, decays: Sequence[float]) -> list[Logistic]:
    """Those that minimise cross-entropy + decay · |W|², one for each decay. It is convex, so there is one answer."""
    classes, y = y.unique(return_inverse=True)
    if z.shape[1] > len(z):  # W lies in the span of the rows, so it is looked for there
        basis, rows = torch.linalg.qr(z.T)
        return [p._replace(weights=basis @ p.weights) for p in logistic(rows.T, classes[y], decays)]
    curvature = z.T @ z / (len(z) * len(classes))  # at W = 0
    return [Logistic(*_least(z, y, len(classes), decay, curvature), classes) for decay in decays]


def _least(z: Tensor, y: Tensor, classes: int, decay: float, curvature: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (D, C) and bias (C,) of the least objective, by L-BFGS, to a gradient below 1e-5.

    The unknown is v = rootᵀ W, in which the curvature at W = 0 is the identity. So 30 to 80 evaluations do, where
    scikit-learn's solver takes 400 to 900 to the same optimum, and a minute for one encoder.
    """
    rounding = 1e-6 * float(curvature.trace())
    root = torch.linalg.cholesky(curvature + (2 * decay + rounding) * torch.eye(len(curvature)))
    v, bias = torch.zeros(z.shape[1], classes), torch.zeros(classes)
    columns = z.T.contiguous()  # a product with few rows is fastest beside long ones

    def weights() -> Tensor:
        w: Tensor = torch.linalg.solve_triangular(root.T, v, upper=True)
        return w

    def objective() -> float:
        w = weights()
        scores = w.T @ columns + bias[:, None]  # (C, N)
        normaliser = scores.logsumexp(0)
        value = (normaliser - scores.gather(0, y[None])[0]).mean() + decay * w.square().sum()
        error = (scores - normaliser).exp().scatter_add(0, y[None], torch.full((1, len(z)), -1.0)) / len(z)
        v.grad = torch.linalg.solve_triangular(root, (error @ z).T + 2 * decay * w, upper=False).contiguous()
        bias.grad = error.sum(1)
        return float(value)

    torch.optim.LBFGS(
        [v, bias], max_iter=1000, max_eval=4000, tolerance_grad=1e-5, history_size=20, line_search_fn="strong_wolfe"
    ).step(objective)
    return weights(), bias


def _best_decay(z: Tensor, y: Tensor) -> float:
    """The one of DECAYS that does best on a fifth of the training set."""
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(0))
    held, kept = order[: len(z) // 5], order[len(z) // 5 :]
    if not len(held) or set(y[held].tolist()) - set(y[kept].tolist()):
        return DECAYS[0]
    fits = logistic(z[kept], y[kept], DECAYS)
    return max(zip(fits, DECAYS, strict=True), key=lambda pair: pair[0].accuracy(z[held], y[held]))[1]


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
    train_z, test_z = train_z.detach().float(), test_z.detach().float()
    mean, std = train_z.mean(0), train_z.std(0, correction=0)
    std = torch.where(std > 1e-6 * std.max().clamp_min(1e-12), std, torch.inf)  # a constant feature says nothing
    return (train_z - mean) / std, (test_z - mean) / std


def _of(z: Tensor, data: Items, what: str) -> Tensor:
    """The embeddings of these data, on the CPU, where their labels and causes are looked at."""
    z = as_embeddings(f"{what}_z", z).cpu()
    if len(z) != len(data):
        raise ValueError(f"{what}_z has {len(z)} rows and {what} {len(data)} items; expected one row an item")
    if not torch.isfinite(z).all():
        raise ValueError(f"{what}_z has NaN or infinite values; expected finite embeddings")
    return z


def _checked(*came: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Embeddings as floats and labels as int64, on the CPU, where they fit together."""
    names = ("train_z", "train_y", "test_z", "test_y")
    train_z, train_y, test_z, test_y = (as_tensor(n, t).detach().cpu() for n, t in zip(names, came, strict=True))
    for what, z, y in (("train", train_z, train_y), ("test", test_z, test_y)):
        if z.ndim != 2 or y.shape != (len(z),) or not len(z):
            raise ValueError(
                f"{what}_z has shape {tuple(z.shape)} and {what}_y {tuple(y.shape)}; expected (N, D) and (N,), N ≥ 1"
            )
        if not all(bool(torch.isfinite(piece).all()) for piece in z.split(PIECE)):  # z may be a map of a large file
            raise ValueError(f"{what}_z has NaN or infinite values; expected finite embeddings")
        if int(as_labels(f"{what}_y", y).min()) < 0:
            raise ValueError(f"{what}_y holds {int(y.min())}; expected labels from 0 on: leave out what has no label")
    if train_z.shape[1] != test_z.shape[1]:
        raise ValueError(f"train_z has {train_z.shape[1]} features and test_z {test_z.shape[1]}; expected the same")
    if len(missing := sorted(set(test_y.tolist()) - set(train_y.tolist()))):
        raise ValueError(
            f"class(es) {missing[:5]} are in test_y but have no sample in train_y; expected all of them there"
        )
    if len(train_z) > 1 and not any(bool((piece != train_z[0]).any()) for piece in train_z.split(PIECE)):
        raise ValueError(
            "train_z holds the same embedding for every item: the encoder has collapsed to a constant, and "
            "every score would be chance. See diagnose(history, encoder, data)."
        )
    return (
        as_embeddings("train_z", train_z),
        as_labels("train_y", train_y),
        as_embeddings("test_z", test_z),
        as_labels("test_y", test_y),
    )
