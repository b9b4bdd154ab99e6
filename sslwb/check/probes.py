"""Exercises on measuring: the vote of the neighbours and the linear probe. Lesson 02."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb import evaluate
from sslwb.check.report import Mistake, Report, Trial, judge

FOUR = ("train_z", "train_y", "test_z", "test_y")

VOTES = {
    "equal votes": "All k neighbours vote alike. Here a nearer one counts more: weigh its vote with exp(cosine / 0.1).",
    "cosine as weight": "The votes are weighed with the cosine itself: take exp(cosine / 0.1).",
    "temperature multiplied": "You multiplied the cosine by 0.1: divide by it, exp(cosine / 0.1).",
    "not centred": "You did not take off the mean. Subtract train_z.mean(0) from both sets first: a direction that all "
    "embeddings share says nothing.",
    "own mean": "You centred the test set with its own mean: use that of the training set for both, as for a single "
    "new picture.",
    "dot product": "You did not normalise: divide by the lengths, or long embeddings are near to everything.",
    "Euclidean": "You took the nearest by Euclidean distance: take the greatest cosine.",
    "farthest": "You took the k farthest: topk gives the largest values, and near means a large cosine.",
    "nearest alone": "Only the single nearest neighbour decides: let the k nearest vote.",
    "k fixed": "k does not change anything: use the argument, not a fixed number.",
    "position as label": "You took the neighbours' positions for their labels: look them up, train_y[index].",
    "within the test set": "You looked for neighbours in the test set itself, where each picture is its own: look in "
    "the training set.",
    "count": "You returned how many are right: divide by how many there are.",
    "percent": "You returned a percentage: expected a share, 0 to 1.",
    "error": "You returned the share that is wrong: 1 minus that.",
}


def knn(f: Any) -> Report:
    """Check `f(train_z, train_y, test_z, test_y, k)`, the accuracy of a weighted vote, against `evaluate.knn`."""

    def wrong(name: str) -> Any:
        return functools.partial(_vote, wrong=name)

    return judge(
        "knn",
        f,
        evaluate.knn,
        _crowds(),
        [Mistake(hint, wrong(name)) for name, hint in VOTES.items()],
        arguments=(*FOUR, "k"),
        agrees_with="sslwb.evaluate.knn",
        tolerance=1 / 300,
        edge=_few(),
        edge_hint="with k = 50 and 30 training pictures yours stops or differs: use min(k, len(train_z)).",
        explain=lambda error, _: (
            "Votes for each class: torch.zeros(len(test_z), classes).scatter_add_(1, train_y[index], weight)."
            if "scatter" in str(error)
            else ""
        ),
    )


PROBES = {
    "train accuracy": "You measured on the training set: train there, measure on the test set.",
    "trained on test": "You trained on the test set: it may only be measured on.",
    "own standardisation": "You standardised the test set with its own mean and deviation: use the training set's for "
    "both.",
    "not trained": "Your classifier guesses as it was drawn: did the optimiser step on its weights?",
    "no bias": "The bias is missing: a boundary through the origin cannot stand where the data want it.",
    "count": "You returned how many are right: divide by how many there are.",
    "percent": "You returned a percentage: expected a share, 0 to 1.",
    "error": "You returned the share that is wrong: 1 minus that.",
}


def linear_probe(f: Any) -> Report:
    """Check `f(train_z, train_y, test_z, test_y)`, the accuracy of a linear classifier, against `evaluate.linear`.

    Right is whatever comes within 5 points: training stops a little earlier or later.
    """

    def wrong(name: str) -> Any:
        return functools.partial(_probe, wrong=name)

    return judge(
        "linear_probe",
        f,
        evaluate.linear,
        _probe_trials(),
        [Mistake(hint, wrong(name)) for name, hint in PROBES.items()],
        arguments=FOUR,
        agrees_with="sslwb.evaluate.linear (to 5 points)",
        tolerance=0.03,
        explain=lambda error, _: (
            "The classifier gives a number for each class: (D, classes) weights, and the classes are train_y.max() + 1."
            if "out of bounds" in str(error) or "must match" in str(error)
            else ""
        ),
    )


def _vote(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, k: int, wrong: str) -> float:
    """The vote with one mistake in it."""
    if wrong == "within the test set":
        train_z, train_y = test_z, test_y
    k = {"nearest alone": 1, "k fixed": 20}.get(wrong, k)
    mean = torch.zeros(1) if wrong == "not centred" else train_z.mean(0)
    a, b = train_z - mean, test_z - (test_z.mean(0) if wrong == "own mean" else mean)
    if wrong == "dot product":
        similarity = b @ a.T
    else:
        similarity = F.normalize(b, dim=1) @ F.normalize(a, dim=1).T
    order = -torch.cdist(test_z, train_z) if wrong == "Euclidean" else similarity
    index = order.topk(k, dim=1, largest=wrong != "farthest").indices
    near = similarity.gather(1, index)
    weight = {
        "equal votes": torch.ones_like(near),
        "cosine as weight": near,
        "Euclidean": torch.ones_like(near),
        "temperature multiplied": (near * 0.1).exp(),
    }.get(wrong, (near / 0.1).exp())
    if wrong == "position as label":
        return float((index[:, 0] == test_y).float().mean())
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[index], weight)
    return _told(votes.argmax(1) == test_y, wrong)


def _probe(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, wrong: str) -> float:
    """The linear probe with one mistake in it."""
    if wrong == "trained on test":
        train_z, train_y = test_z, test_y
    if wrong == "train accuracy":
        test_z, test_y = train_z, train_y
    mean, std = train_z.mean(0), train_z.std(0)
    own = wrong == "own standardisation"
    a = (train_z - mean) / std
    b = (test_z - test_z.mean(0)) / test_z.std(0) if own else (test_z - mean) / std
    w, bias = torch.zeros(a.shape[1], 4, requires_grad=True), torch.zeros(4, requires_grad=wrong != "no bias")
    solver = torch.optim.LBFGS([p for p in (w, bias) if p.requires_grad], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = F.cross_entropy(a @ w + bias, train_y) + 1e-3 * w.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        if wrong == "not trained":
            w = torch.zeros_like(w)
        else:
            solver.step(loss)
    return _told((b @ w + bias).argmax(1) == test_y, wrong)


def _told(right: Tensor, wrong: str) -> float:
    accuracy = float(right.float().mean())
    return {"count": float(right.sum()), "percent": 100 * accuracy, "error": 1 - accuracy}.get(wrong, accuracy)


def _crowds() -> list[Trial]:
    """Overlapping classes, of several lengths and off the origin, so that every way to vote gives another accuracy."""
    g = torch.Generator().manual_seed(3)
    trials = []
    for n, m, d, k in ((200, 300, 6, 10), (150, 300, 4, 40), (240, 300, 8, 5)):
        centres = torch.randn(4, d, generator=g)
        offset = 2 * torch.randn(d, generator=g)
        parts = []
        for size, shift in ((n, 0.0), (m, 0.7)):  # the test set lies a little elsewhere
            y = torch.arange(size) % 4
            z = centres[y] + 0.9 * torch.randn(size, d, generator=g) * (0.3 + 1.5 * torch.rand(size, 1, generator=g))
            parts += [z + offset + shift * torch.randn(d, generator=g), y]
        trials.append(Trial(f"{n} training and {m} test embeddings, D = {d}, k = {k}", (*parts, k)))
    return trials


def _few() -> Trial:
    g = torch.Generator().manual_seed(1)
    y = torch.arange(30) % 3
    centres = torch.randn(3, 5, generator=g)
    train, test = (centres[y] + 0.5 * torch.randn(30, 5, generator=g) for _ in range(2))
    return Trial("30 training embeddings, k = 50", (train, y, test, y, 50))


def _probe_trials() -> list[Trial]:
    g = torch.Generator().manual_seed(5)

    def crowd(y: Tensor, centres: Tensor, spread: float = 0.8) -> Tensor:
        return centres[y] + spread * torch.randn(len(y), centres.shape[1], generator=g)

    centres, even = 1.2 * torch.randn(4, 8, generator=g), torch.arange(400) % 4
    moved = centres + 0.35 * (centres.roll(1, 0) - centres)  # each class has gone towards its neighbour
    scales = torch.logspace(-3, 3, 8)
    one = torch.zeros(100, dtype=torch.int64)
    rare = (torch.arange(400) % 10 == 0).long()
    pair = torch.tensor([[0.0] * 8, [0.9] * 8])
    return [
        Trial("a test set that has moved", (crowd(even, centres), even, crowd(even, moved, 1.2), even)),
        Trial(
            "features of very different sizes",
            (crowd(even, centres) * scales, even, crowd(even, centres) * scales, even),
            "The features run from thousandths to thousands here: standardise them with the training set's mean and "
            "standard deviation, and train until the loss no longer falls.",
        ),
        Trial(
            "a test set of one class",
            (crowd(even, centres), even, crowd(one, centres), one),
            "Do you standardise the test set with its own mean and deviation? Use the training set's for both.",
        ),
        Trial(
            "a rare class",
            (crowd(rare, pair, 0.5), rare, crowd(even % 2, pair, 0.5), even % 2),
            "One training picture in ten belongs to the second class: is there a bias, and is it trained to the end?",
        ),
    ]
