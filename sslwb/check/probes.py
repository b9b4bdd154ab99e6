"""Exercises on measuring: the vote of the neighbours and the linear probe. Lesson 02."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb import evaluate
from sslwb.check.report import Bound, Mistake, NotAttempted, Report, Trial, Wrong, answer, drawn, judge

FOUR = ("train_z", "train_y", "test_z", "test_y")

VOTES = {
    "equal votes": "All k neighbours vote alike. Here a nearer one counts more: weigh its vote with exp(cosine / 0.1).",
    "cosine as weight": "The votes are weighed with the cosine itself: take exp(cosine / 0.1).",
    "temperature multiplied": "You multiplied the cosine by 0.1: divide by it, exp(cosine / 0.1).",
    "not centred": "You did not take off the mean. Subtract train_z.mean(0) from both sets first: a direction that all "
    "embeddings share says nothing.",
    "own mean": "You centred the test set with its own mean: use that of the training set for both, as for a single "
    "new picture.",
    "dot product, stable": "You did not normalise: divide by the lengths, or long embeddings are near to everything.",
    "dot product": "You did not normalise: divide by the lengths, or long embeddings are near to everything.",
    "Euclidean": "You took the nearest by Euclidean distance: take the greatest cosine.",
    "farthest": "You took the k farthest: topk gives the largest values, and near means a large cosine.",
    "nearest alone": "Only the single nearest neighbour decides: let the k nearest vote.",
    "k fixed": "k does not change anything: use the argument, not a fixed number.",
    "temperature 1": "The temperature is missing: exp(cosine / 0.1), not exp(cosine).",
    "temperature 0.07": "You divided by 0.07: exp(cosine / 0.1).",
    "one too many": "k + 1 neighbours vote: take k. The test pictures are not in the training set, so none is itself.",
    "nearest left out": "You leave the nearest neighbour out. The test pictures are not in the training set, so none "
    "is itself: all k count.",
    "any of them": "You count a picture as right if any of its k neighbours has its label: let them vote, one answer "
    "a picture.",
    "mean label": "You took the mean of the neighbours' labels as if they were quantities: labels are names, so let "
    "the "
    "neighbours vote for classes.",
    "votes overwritten": "Votes overwrite each other: a class has the vote of one of its neighbours alone. Add them "
    "up, "
    "scatter_add_.",
    "class mean": "You compare with the mean of each class: the k nearest training embeddings vote.",
    "training set raw": "Only the test set is centred: subtract train_z.mean(0) from both.",
    "test set raw": "Only the training set is centred: subtract train_z.mean(0) from both.",
    "standardised": "You divided the features by their deviation: subtract the mean, and no more.",
    "feature lengths": "You normalised along the batch (dim=0): each embedding, a row, gets length 1, dim=1.",
    "normalised first": "You took the mean off after you normalised: first the mean, then the length.",
    "mean over both": "Your mean is taken over training and test set together: use that of the training set.",
    "least votes": "You took the class with the fewest votes: argmax.",
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
        [
            *(Mistake(hint, wrong(name)) for name, hint in VOTES.items()),
            *(
                Mistake(f"Two things: 1. {hint}\n  2. {VOTES[other]}", functools.partial(_vote, wrong=name, end=other))
                for name, hint in VOTES.items()
                for other in ("count", "percent", "error")
                if name not in ("count", "percent", "error", "position as label")
            ),
        ],
        arguments=(*FOUR, "k"),
        agrees_with="sslwb.evaluate.knn",
        tolerance=1 / 300,
        twists=False,
        edge=_few(),
        edge_hint="with k = 50 and 30 training pictures yours stops or differs: use min(k, len(train_z)).",
        explain=lambda error, _: (
            "Votes for each class: torch.zeros(len(test_z), classes).scatter_add_(1, train_y[index], weight), and the "
            "classes are train_y.max() + 1, no fixed number."
            if "scatter" in str(error)
            else ""
        ),
    )


PROBES = {
    "train accuracy": "You measured on the training set: train there, measure on the test set.",
    "trained on test": "You trained on the test set: it may only be measured on.",
    "test set raw": "You standardised the training set and not the test set: both with the training set's mean and "
    "deviation.",
    "each picture": "You standardised each picture over its features (dim=1): each feature over the training set, "
    "dim=0.",
    "a fifth": "The classifier comes from the first fifth of the training set alone: the last training takes all of "
    "it.",
    "label numbers": "This is a regression on the numbers of the labels: a class is a name, so give each one a "
    "score of "
    "its own, and take the largest.",
    "one step": "This is a single step of descent: step on until the loss no longer falls.",
    "class mean": "No classifier is trained: this takes the class with the nearest mean. A linear classifier, "
    "a @ w + bias, is to be trained with the cross-entropy.",
    "nearest": "This asks the nearest neighbour: a linear classifier, a @ w + bias, is asked for.",
    "own standardisation": "You standardised the test set with its own mean and deviation: use the training set's for "
    "both.",
    "not trained": "Your classifier guesses as it was drawn: did the optimiser step on its weights?",
    "no bias": "The bias is missing: a boundary through the origin cannot stand where the data want it.",
    "count": "You returned how many are right: divide by how many there are.",
    "percent": "You returned a percentage: expected a share, 0 to 1.",
    "error": "You returned the share that is wrong: 1 minus that.",
}


# Nothing is trained in these, so that they give the same to the last picture.
WITHOUT_TRAINING = ("one step", "class mean", "nearest", "label numbers")


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
        [Mistake(hint, wrong(name), *(() if name in WITHOUT_TRAINING else (0.03,))) for name, hint in PROBES.items()],
        arguments=FOUR,
        agrees_with="sslwb.evaluate.linear (to 5 points)",
        tolerance=0.03,
        twists=False,
        draws=True,
        complaint=lambda call: _looks_at_test_labels(call) or _guesses(call) or _wants_standardised(call),
        explain=lambda error, _: (
            "The classifier gives a number for each class: (D, classes) weights, and the classes are train_y.max() + 1."
            if "out of bounds" in str(error) or "must match" in str(error)
            else ""
        ),
    )


def _looks_at_test_labels(call: Bound) -> str:
    """A complaint where what is predicted depends on the test labels.

    Each test picture is predicted to be in one class. So if all test labels were class 0, then all class 1, and so on,
    the accuracies would add up to 1. They add up to more if the best step, or the best weight decay, is chosen by them.
    """
    for trial in (_probe_trials()[1], _few_and_wide()):
        train_z, train_y, test_z, test_y = trial.inputs
        total = 0.0
        for c in range(int(train_y.max()) + 1):
            labels = torch.full_like(test_y, c)
            try:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(0)  # what it draws is the same each time
                    value = answer(call, Trial(trial.about, (train_z, train_y, test_z, labels)), draws=True)
                total += float(value)
            except (Wrong, NotAttempted, TypeError, ValueError, RuntimeError):
                return ""
        if 1.03 < total < 2.5:
            return (
                f"your predictions depend on the test labels: with all of them 0, then all 1, and so on, the "
                f"accuracies add up to {total:.2f} instead of 1. Do you keep the best test accuracy on the way, or "
                "choose a setting by it? Train with the training set alone, and measure once, at the end."
            )
    return ""


def _few_and_wide() -> Trial:
    """So few pictures with so many features, and labels by chance, that every setting predicts something else."""
    g = torch.Generator().manual_seed(8)
    y = torch.arange(60) % 4
    return Trial(
        "60 pictures of 40 features",
        (torch.randn(60, 40, generator=g), y, torch.randn(200, 40, generator=g), y.repeat(4)[:200]),
    )


def _guesses(call: Bound) -> str:
    """A complaint where no more is read than guessing gives, in the simplest case."""
    trial = _probe_trials()[0]
    try:
        value = float(answer(call, trial, draws=True))
    except (Wrong, NotAttempted, TypeError, ValueError, RuntimeError):
        return ""
    if abs(value - 0.25) < 0.05:
        return (
            f"For {trial.about}, {value:.2f} is what one guesses of four classes: nothing is learnt, or what is learnt "
            "is not used. Do the steps of training change the weights that are measured?"
        )
    return ""


def _wants_standardised(call: Bound) -> str:
    """A complaint where the answer is wrong for features of different sizes, and right for standardised ones."""
    trial = next(t for t in _probe_trials() if "sizes" in t.about)
    train_z, train_y, test_z, test_y = trial.inputs
    mean, std = train_z.mean(0), train_z.std(0)
    right = evaluate.linear(*trial.inputs)

    def near(*inputs: Any) -> bool:
        value = answer(call, Trial(trial.about, inputs), draws=True)
        return abs(float(value) - right) < 0.03

    try:
        if near(*trial.inputs):
            return ""
        if near(train_z, train_y, (test_z - mean) / std, test_y):
            return PROBES["test set raw"]
        if near((train_z - mean) / std, train_y, (test_z - mean) / std, test_y):
            return (
                "Yours becomes right when both sets are standardised before, with the training set's mean and standard "
                "deviation. That is missing."
            )
    except (Wrong, NotAttempted, TypeError, ValueError, RuntimeError):
        pass
    return ""


def _vote(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, k: int, wrong: str, end: str = "") -> float:
    """The vote with one mistake in it, and perhaps one at its end."""
    classes = int(train_y.max()) + 1
    if wrong == "within the test set":
        train_z, train_y = test_z, test_y
    if wrong == "class mean":
        train_z = torch.stack([train_z[train_y == c].mean(0) for c in range(classes)]) + 0 * train_z.mean(0)
        train_y, k = torch.arange(classes), 1
    k = {
        "nearest alone": 1,
        "k fixed": 20,
        "one too many": k + 1,
        "nearest left out": k + 1,
    }.get(wrong, k)
    mean = torch.zeros(1) if wrong == "not centred" else train_z.mean(0)
    if wrong == "mean over both":
        mean = torch.cat((train_z, test_z)).mean(0)
    if wrong == "normalised first":
        train_z, test_z = F.normalize(train_z, dim=1), F.normalize(test_z, dim=1)
        mean = train_z.mean(0)
    a = train_z - (0 * mean if wrong == "training set raw" else mean)
    b = test_z - {"own mean": test_z.mean(0), "test set raw": 0 * mean}.get(wrong, mean)
    if wrong == "standardised":
        a, b = a / train_z.std(0), b / train_z.std(0)
    if wrong.startswith("dot product"):
        similarity = b @ a.T
    elif wrong == "feature lengths":
        similarity = F.normalize(b, dim=0) @ F.normalize(a, dim=0).T
    else:
        similarity = F.normalize(b, dim=1) @ F.normalize(a, dim=1).T
    order = -torch.cdist(test_z, train_z) if wrong == "Euclidean" else similarity
    index = order.topk(k, dim=1, largest=wrong != "farthest").indices
    index = index[:, 1:] if wrong == "nearest left out" else index
    near = similarity.gather(1, index)
    weight = {
        "equal votes": torch.ones_like(near),
        "cosine as weight": near,
        "Euclidean": torch.ones_like(near),
        "temperature multiplied": (near * 0.1).exp(),
        "temperature 1": near.exp(),
        "temperature 0.07": (near / 0.07).exp(),
    }.get(wrong, (near / 0.1).exp())
    if wrong == "dot product, stable":  # exp of large numbers is infinite, unless the largest is taken off first
        weight = ((near - near.amax(1, keepdim=True)) / 0.1).exp()
    if wrong == "any of them":
        return float((train_y[index] == test_y[:, None]).any(1).float().mean())
    if wrong == "mean label":
        share = weight / weight.sum(1, keepdim=True)
        return float(((share * train_y[index]).sum(1).round() == test_y).float().mean())
    if wrong == "votes overwritten":
        votes = torch.zeros(len(test_z), classes).scatter_(1, train_y[index], weight)
        return float((votes.argmax(1) == test_y).float().mean())
    if wrong == "position as label":
        return float((index[:, 0] == test_y).float().mean())
    votes = torch.zeros(len(test_z), classes).scatter_add_(1, train_y[index], weight)
    return _told((-votes if wrong == "least votes" else votes).argmax(1) == test_y, end or wrong)


def _probe(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, wrong: str) -> float:
    """The linear probe with one mistake in it."""
    if wrong == "trained on test":
        train_z, train_y = test_z, test_y
    if wrong == "train accuracy":
        test_z, test_y = train_z, train_y
    mean, std = train_z.mean(0), train_z.std(0)
    a, b = (train_z - mean) / std, (test_z - mean) / std
    if wrong == "own standardisation":
        b = (test_z - test_z.mean(0)) / test_z.std(0)
    if wrong == "test set raw":
        b = test_z
    if wrong == "each picture":
        a, b = ((z - z.mean(1, keepdim=True)) / z.std(1, keepdim=True) for z in (train_z, test_z))
    if wrong == "a fifth":
        a, train_y = a[: len(a) // 5], train_y[: len(a) // 5]
    classes = int(train_y.max()) + 1
    if wrong == "nearest":
        return _told(train_y[torch.cdist(b, a).argmin(1)] == test_y, wrong)
    if wrong == "class mean":
        middles = torch.stack([a[train_y == c].mean(0) for c in range(classes)])
        return _told(torch.cdist(b, middles).argmin(1) == test_y, wrong)
    if wrong == "label numbers":
        one = torch.ones(len(a), 1), torch.ones(len(b), 1)
        line = torch.linalg.lstsq(torch.cat((a, one[0]), 1), train_y.float()[:, None]).solution
        return _told((torch.cat((b, one[1]), 1) @ line)[:, 0].round() == test_y, wrong)
    if wrong == "one step":
        truth = F.one_hot(train_y).float()
        error = truth - 1 / truth.shape[1]
        return _told((b @ a.T @ error + error.sum(0)).argmax(1) == test_y, wrong)
    w, bias = torch.zeros(a.shape[1], classes, requires_grad=True), torch.zeros(classes)
    bias.requires_grad_(wrong != "no bias")
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

    def draw(g: torch.Generator, N: int, M: int, D: int, k: int, classes: int) -> tuple[Any, ...]:
        centres = torch.randn(classes, D, generator=g)
        offset = 2 * torch.randn(D, generator=g)
        parts = []
        for size, shift in ((N, 0.0), (M, 0.7)):  # the test set lies a little elsewhere
            y = torch.arange(size) % classes
            z = centres[y] + 0.9 * torch.randn(size, D, generator=g) * (0.3 + 1.5 * torch.rand(size, 1, generator=g))
            parts += [z + offset + shift * torch.randn(D, generator=g), y]
        return *parts, k

    sizes = ((200, 300, 6, 10, 4), (150, 300, 4, 40, 4), (240, 300, 8, 5, 7))
    *first, last = drawn(
        draw,
        "{N} training and {M} test embeddings of {classes} classes, D = {D}, k = {k}",
        *(dict(zip(("N", "M", "D", "k", "classes"), s, strict=True)) for s in sizes),
    )
    return [*first, last.again(3)]  # numbers for which no two mistakes look alike


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
    pairs = torch.arange(400) % 2

    dozen, twelve = torch.arange(480) % 12, 3 * torch.eye(12)

    def together(y: Tensor) -> Tensor:
        """The first feature is the class and the second one: only their difference shows the class well."""
        other = torch.randn(len(y), 1, generator=g)
        first = 1.2 * (y[:, None] - 0.5) + 0.4 * torch.randn(len(y), 1, generator=g) + other
        return torch.cat((first, other), 1)

    return [
        Trial(
            "a test set like the training set",
            (crowd(even, centres), even, crowd(even, centres), even),
            "Even here, where nothing is difficult, less is read than can be.",
        ),
        Trial("a test set that has moved", (crowd(even, centres), even, crowd(even, moved, 1.2), even)),
        Trial(
            "features of very different sizes",
            (crowd(even, centres) * scales, even, crowd(even, centres) * scales, even),
            "What is wrong shows where the features run from thousandths to thousands.",
        ),
        Trial(
            "a test set of one class",
            (crowd(even, centres), even, crowd(one, centres), one),
            "What is wrong shows where the test set is of one class, so that its mean is not that of the training set.",
        ),
        Trial(
            "a rare class",
            (crowd(rare, pair, 0.5), rare, crowd(even % 2, pair, 0.5), even % 2),
            "What is wrong shows where one training picture in ten belongs to the second class.",
        ),
        Trial(
            "classes that overlap",
            (crowd(even, centres, 2.2), even, crowd(even, centres, 2.2), even),
            "What is wrong shows where classes overlap, so that a single neighbour, or few pictures, say little.",
        ),
        Trial(
            "features that vary together",
            (together(pairs), pairs, together(pairs), pairs),
            "What is wrong shows where features vary together, so that the difference of two classes' means does not "
            "show the border.",
        ),
        Trial(
            "twelve classes",
            (crowd(dozen, twelve), dozen, crowd(dozen, twelve), dozen),
            "What is wrong shows where there are twelve classes; there were two or four before.",
        ),
    ]
