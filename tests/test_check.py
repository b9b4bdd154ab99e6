"""Every check passes the right answer, and names the mistake of each wrong one."""

import inspect
import itertools
import json
import math
import pydoc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import kendalltau, rankdata, spearmanr
from torch import Tensor, nn

from sslwb import check, evaluate, nets, tasks
from sslwb.augment import Unchanged, puzzles
from sslwb.check import losses, probes
from sslwb.methods.base import Method
from sslwb.methods.simclr import SimCLR, nt_xent
from sslwb.methods.vicreg import VICReg

Case = tuple[str, Callable[..., Any], str]  # check, answer, what the message must say


# What learners write: on their own, not with the checker's own wrong answers.


def loops(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    n = len(z)
    total = torch.zeros(())
    for i in range(n):
        j = (i + n // 2) % n
        below = sum(torch.exp(z[i] @ z[k] / temperature) for k in range(n) if k != i)
        total = total - torch.log(torch.exp(z[i] @ z[j] / temperature) / below)
    return total / n


def by_cross_entropy(z1: Tensor, z2: Tensor, temperature: float, **how: Any) -> Tensor:
    """The usual vectorised form, with one thing that may be different."""
    b = len(z1)
    z = torch.cat([z1, z2])
    z = z if how.get("raw") else F.normalize(z, dim=how.get("dim", 1))
    s = -(torch.cdist(z, z) ** 2) if how.get("distance") else z @ z.T
    s = how.get("scale", lambda s, t: s / t)(s, temperature)
    if how.get("mask", True):
        s = s.masked_fill(torch.eye(how.get("mask_size", 2) * b, dtype=torch.bool), float("-inf"))
    if how.get("cross"):
        s[:b, :b] = s[b:, b:] = float("-inf")
    target = how.get("target", lambda b: torch.cat([torch.arange(b, 2 * b), torch.arange(b)]))(b)
    if how.get("one_way"):
        s, target = s[:b], target[:b]
    if how.get("twice"):
        s = s.softmax(1)
    return F.cross_entropy(s, target, reduction=how.get("reduction", "mean"))


def variant(**how: Any) -> Callable[..., Tensor]:
    return lambda z1, z2, temperature: by_cross_entropy(z1, z2, temperature, **how)


def without_positive_below(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    b, z = len(z1), F.normalize(torch.cat([z1, z2]), dim=1)
    e = torch.exp(z @ z.T / temperature)
    positive = torch.cat([e.diagonal(b), e.diagonal(-b)])
    return -torch.log(positive / (e.sum(1) - e.diagonal() - positive)).mean()


def detached(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    return nt_xent(z1.detach(), z2, temperature=temperature)


NT_XENT: list[Case] = [
    ("nt_xent", variant(mask=False), "similarity with itself: mask the diagonal"),
    ("nt_xent", variant(raw=True), "did not normalise"),
    ("nt_xent", variant(dim=0), "dim=0"),
    ("nt_xent", variant(scale=lambda s, t: s * t), "multiplied by the temperature"),
    ("nt_xent", variant(scale=lambda s, t: s), "left out the temperature"),
    ("nt_xent", variant(reduction="sum"), "summed over the rows"),
    ("nt_xent", lambda *a: variant(reduction="sum")(*a) / len(a[0]), "twice too large"),
    ("nt_xent", variant(mask_size=1), "mask and targets must cover all"),
    ("nt_xent", variant(target=lambda b: torch.arange(b)), "mask and targets must cover all"),
    ("nt_xent", variant(target=lambda b: torch.arange(2 * b) ^ 1), "wrong offset"),
    ("nt_xent", variant(target=lambda b: (torch.arange(2 * b) + 1) % (2 * b)), "one row off"),
    ("nt_xent", variant(one_way=True), "Only the first view"),
    ("nt_xent", variant(distance=True), "minus the squared distance"),
    ("nt_xent", variant(cross=True), "2B - 2 negatives"),
    ("nt_xent", variant(twice=True), "softmax twice"),
    ("nt_xent", lambda *a: -loops(*a), "sign is turned round"),
    ("nt_xent", without_positive_below, "missing from the denominator"),
    ("nt_xent", lambda a, b, t: (F.normalize(a) - F.normalize(b)).pow(2).sum(1).mean(), "only pull the views together"),
    ("nt_xent", variant(mask=False, raw=True), "Two things"),
    ("nt_xent", variant(reduction="none"), "take their mean"),
    ("nt_xent", lambda *a: loops(*a).item(), "no gradient flows back"),
    ("nt_xent", detached, "gradient is not"),
    ("nt_xent", lambda *a: loops(*a) + 1, "off by +1"),
    ("nt_xent", lambda *a: loops(*a) * 3, "3 times the right value"),
    ("nt_xent", lambda *a: loops(*a) * len(a[0]) / 4, "right for B = 4"),
    ("nt_xent", lambda z1, z2: loops(z1, z2, 0.5), "will be called with (z1, z2, temperature)"),
    ("nt_xent", lambda z1, z2, t: "low", "returned str"),
    ("nt_xent", lambda z1, z2, t: loops(z1.div_(z1.norm(dim=1, keepdim=True)), z2, t), "overwrites its arguments"),
]


def clip_like(a: Tensor, p: Tensor, temperature: float) -> Tensor:
    s = F.normalize(a, dim=1) @ F.normalize(p, dim=1).T / temperature
    return (F.cross_entropy(s, torch.arange(len(a))) + F.cross_entropy(s.T, torch.arange(len(a)))) / 2


def one_direction(a: Tensor, p: Tensor, temperature: float, **how: Any) -> Tensor:
    a, p = (a, p) if how.get("raw") else (F.normalize(a, dim=1), F.normalize(p, dim=1))
    s = how.get("scale", lambda s, t: s / t)(a @ p.T, temperature)
    if how.get("mask"):
        s = s.masked_fill(torch.eye(len(s), dtype=torch.bool), -1e9)
    return F.cross_entropy(s.T if how.get("columns") else s, torch.arange(len(a)), reduction=how.get("r", "mean"))


def single(**how: Any) -> Callable[..., Tensor]:
    return lambda anchors, positives, temperature: one_direction(anchors, positives, temperature, **how)


INFO_NCE: list[Case] = [
    ("info_nce", clip_like, "both directions"),
    ("info_nce", single(raw=True), "did not normalise"),
    ("info_nce", single(scale=lambda s, t: s * t), "multiplied by the temperature"),
    ("info_nce", single(scale=lambda s, t: s), "left out the temperature"),
    ("info_nce", single(columns=True), "dim=0"),
    ("info_nce", single(r="sum"), "summed over the rows"),
    ("info_nce", loops, "NT-Xent of both views"),
    ("info_nce", lambda a, p, t: -single()(a, p, t), "sign is turned round"),
    ("info_nce", lambda a, p, t: -torch.exp(-one_direction(a, p, t, r="none")).mean(), "logarithm is missing"),
]


def unit(z: Tensor) -> Tensor:
    return z / z.norm(dim=1, keepdim=True)


GEOMETRY: list[Case] = [
    ("alignment", lambda a, b: ((a - b) ** 2).sum(1).mean(), "did not normalise"),
    ("alignment", lambda a, b: ((unit(a) - unit(b)) ** 2).mean(), "over the D coordinates"),
    ("alignment", lambda a, b: ((unit(a) - unit(b)) ** 2).sum(), "summed over the pairs"),
    ("alignment", lambda a, b: (unit(a) - unit(b)).norm(dim=1).mean(), "square it"),
    ("alignment", lambda a, b: 1 - F.cosine_similarity(a, b).mean(), "half of the squared distance"),
    ("alignment", lambda a, b: F.cosine_similarity(a, b).mean(), "cosine similarity"),
    ("alignment", lambda a, b: (torch.cdist(unit(a), unit(b)) ** 2).mean(), "all pictures with all"),
    ("uniformity", lambda z: torch.pdist(z).pow(2).mul(-2).exp().mean().log(), "did not normalise"),
    ("uniformity", lambda z: torch.exp(-2 * torch.cdist(unit(z), unit(z)) ** 2).mean().log(), "distance to itself"),
    ("uniformity", lambda z: torch.pdist(unit(z)).pow(2).mul(-2).exp().mean(), "logarithm is missing"),
    ("uniformity", lambda z: torch.pdist(unit(z)).pow(2).mul(-1).exp().mean().log(), "The 2 in"),
    ("uniformity", lambda z: torch.pdist(unit(z)).mul(-2).exp().mean().log(), "square it"),
    ("uniformity", lambda z: -2 * torch.pdist(unit(z)).pow(2).mean(), "logarithm before the mean"),
]


def my_knn(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, k: int, **how: Any) -> float:
    """Loops over test pictures, as a learner might."""
    mean = how.get("mean", train_z.mean(0))
    a, right = train_z - mean, 0
    b = test_z - how.get("test_mean", lambda z: mean)(test_z)
    for z, y in zip(b, test_y.tolist(), strict=True):
        s = a @ z if how.get("dot") else F.cosine_similarity(a, z[None])
        order = s.argsort(descending=not how.get("far"))[: how.get("use_k", k)]
        votes = [0.0] * 10
        for i in order.tolist():
            votes[int(train_y[i])] += how.get("weight", lambda c: torch.exp(c / 0.1))(s[i]).item()
        right += votes.index(max(votes)) == y
    return how.get("score", lambda r, n: r / n)(right, len(test_y))


def knn_variant(**how: Any) -> Callable[..., float]:
    return lambda train_z, train_y, test_z, test_y, k: my_knn(train_z, train_y, test_z, test_y, k, **how)


def leaking(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, k: int) -> float:
    return my_knn(test_z, test_y, test_z, test_y, k)


def euclidean(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, k: int) -> float:
    votes = train_y[torch.cdist(test_z, train_z).topk(k, largest=False).indices]
    return float((votes.mode(1).values == test_y).float().mean())


KNN: list[Case] = [
    ("knn", knn_variant(weight=lambda c: torch.ones(())), "vote alike"),
    ("knn", knn_variant(weight=lambda c: c), "weighed with the cosine itself"),
    ("knn", knn_variant(weight=lambda c: torch.exp(c * 0.1)), "multiplied the cosine"),
    ("knn", knn_variant(mean=torch.zeros(1)), "did not take off the mean"),
    ("knn", knn_variant(test_mean=lambda z: z.mean(0)), "its own mean"),
    ("knn", knn_variant(dot=True, weight=lambda c: torch.exp((c - 20) / 0.1)), "knn: "),
    ("knn", knn_variant(far=True), "k farthest"),
    ("knn", knn_variant(use_k=1), "single nearest"),
    ("knn", knn_variant(use_k=20), "k does not change anything"),
    ("knn", knn_variant(score=lambda r, n: r), "how many are right"),
    ("knn", knn_variant(score=lambda r, n: 100 * r / n), "percentage"),
    ("knn", knn_variant(score=lambda r, n: 1 - r / n), "share that is wrong"),
    ("knn", leaking, "in the test set itself"),
    ("knn", euclidean, "Euclidean"),
]


def my_probe(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, **how: Any) -> float:
    """Gradient descent with Adam, as a learner might."""
    if how.get("on_test"):
        train_z, train_y = test_z, test_y
    if how.get("of_train"):
        test_z, test_y = train_z, train_y
    mean, std = train_z.mean(0), train_z.std(0)
    a, b = (train_z - mean) / std, (test_z - mean) / std
    if how.get("own"):
        b = (test_z - test_z.mean(0)) / test_z.std(0)
    if how.get("raw"):
        a, b = train_z, test_z
    torch.manual_seed(0)
    net = torch.nn.Linear(a.shape[1], int(train_y.max()) + 1, bias=not how.get("no_bias"))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(how.get("steps", 300)):
        loss = F.cross_entropy(net(a), train_y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    right = (net(b).argmax(1) == test_y).float()
    return how.get("score", lambda r: r.mean().item())(right)


def probe_variant(**how: Any) -> Callable[..., float]:
    return lambda train_z, train_y, test_z, test_y: my_probe(train_z, train_y, test_z, test_y, **how)


PROBE: list[Case] = [
    ("linear_probe", probe_variant(of_train=True), "measured on the training set"),
    ("linear_probe", probe_variant(on_test=True), "trained on the test set"),
    ("linear_probe", probe_variant(own=True), "its own mean and deviation"),
    ("linear_probe", probe_variant(raw=True), "standardise"),
    ("linear_probe", probe_variant(no_bias=True), "bias"),
    ("linear_probe", probe_variant(score=lambda r: r.sum()), "how many are right"),
    ("linear_probe", probe_variant(score=lambda r: 100 * r.mean()), "percentage"),
]


def step(method: Any, optimiser: Any, views: list[Tensor]) -> float:
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def steps_of(order: str) -> Callable[..., Any]:
    """A training step from letters: f forward, z clear, b backward, s step."""

    def f(method: Any, optimiser: Any, views: list[Tensor]) -> float:
        loss = torch.zeros(())
        for part in order:
            if part == "f":
                loss = method(views)["loss"]
            elif part == "h":
                loss = method(views)["loss"] / 2
            else:
                {"z": optimiser.zero_grad, "b": loss.backward, "s": optimiser.step}[part]()
        return loss.item()

    return f


def frozen(method: Any, optimiser: Any, views: list[Tensor]) -> float:
    with torch.no_grad():
        loss = method(views)["loss"]
    loss.backward()
    return loss.item()


STEP: list[Case] = [
    ("training_step", steps_of("fbs"), "never cleared"),
    ("training_step", steps_of("fbsz"), "the old ones are cleared first"),
    ("training_step", steps_of("fbzs"), "between backward"),
    ("training_step", steps_of("fzsb"), "before loss.backward"),
    ("training_step", steps_of("fzs"), "backward() is missing"),
    ("training_step", steps_of("fzb"), "step() is missing"),
    ("training_step", steps_of("fzbss"), "2 times"),
    ("training_step", steps_of("hzbs"), "not those of one step"),
    ("training_step", lambda method, optimiser, views: 1.0, "never asks the method"),
    ("training_step", frozen, "cut the gradient"),
    ("training_step", lambda *, method, optimiser, views: {"loss": step(method, optimiser, views)}, "returns the dict"),
    (
        "training_step",
        lambda method, optimiser, views: bool(step(method, optimiser, views)),
        "returns 1",
    ),
]


def gather(x: Tensor, top: Tensor, left: Tensor, size: int, **how: Any) -> Tensor:
    rows = top[:, None] + torch.arange(size) + how.get("late", 0)
    columns = left[:, None] + torch.arange(size) + how.get("late", 0)
    if how.get("swap"):
        rows, columns = columns, rows
    picture = torch.arange(len(x))[:, None, None, None]
    channel = torch.arange(x.shape[1])[:, None, None]
    return x[picture, channel, rows[:, None, :, None], columns[:, None, None, :]]


CROP: list[Case] = [
    ("crop", lambda x, top, left, size: x[:, :, top[0] : top[0] + size, left[0] : left[0] + size], "first picture"),
    ("crop", lambda x, top, left, size: x[:, :, top[-1] : top[-1] + size, left[-1] : left[-1] + size], "last picture"),
    ("crop", lambda x, top, left, size: x[:, :, top : top + size, left : left + size], "cannot bound a slice"),
    ("crop", lambda x, top, left, size: x[:, :, :size, :size], "start at the corner"),
    ("crop", lambda x, top, left, size: gather(x, top, left, size).transpose(2, 3), "turned over"),
    ("crop", lambda x, top, left, size: gather(x, top, left, size, late=1), "one row and one column late"),
    ("crop", lambda x, top, left, size: gather(x, top, left[:1].expand(len(x)), size), "left edge is the same"),
    ("crop", lambda x, top, left, size: gather(x, top, left, size)[:, 0], "expected (4, 3, 5, 5)"),
]


def gray(x: Tensor, chosen: Tensor, w: tuple[float, float, float] = (0.2989, 0.587, 0.114)) -> Tensor:
    y = x.clone()
    y[chosen] = (w[0] * x[:, 0] + w[1] * x[:, 1] + w[2] * x[:, 2])[chosen][:, None].expand(-1, 3, -1, -1)
    return y


GRAY: list[Case] = [
    ("grayscale", lambda x, chosen: gray(x, chosen, (1 / 3, 1 / 3, 1 / 3)), "plain mean"),
    ("grayscale", lambda x, chosen: gray(x, torch.ones_like(chosen)), "Every picture is grey"),
    ("grayscale", lambda x, chosen: gray(x, chosen[:1].expand(len(x))), "first picture's choice"),
    ("grayscale", lambda x, chosen: gray(x, ~chosen), "turned round"),
    ("grayscale", lambda x, chosen: gray(x, chosen, (0.114, 0.587, 0.2989)), "order of B, G, R"),
    ("grayscale", lambda x, chosen: gray(x, chosen, (1, 0, 0)), "One channel alone"),
    ("grayscale", lambda x, chosen: gray(x, chosen)[:, :1], "expected (4, 3, 5, 6)"),
    ("grayscale", lambda x, chosen: torch.where(chosen, gray(x, chosen), x), "chosen[:, None, None, None]"),
]


def bright(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    u = torch.rand(len(x), 1, 1, 1, generator=generator)
    return (x * (1 + strength * (2 * u - 1))).clamp(0, 1)


def brightness_of(*shape: int, draw: Callable[..., Tensor] = torch.rand) -> Callable[..., Tensor]:
    def f(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        u = draw([n or m for n, m in zip(shape, x.shape, strict=True)], generator=generator)
        return (x * (1 + strength * (2 * u - 1))).clamp(0, 1)

    return f


BRIGHT: list[Case] = [
    ("brightness", brightness_of(1, 1, 1, 1), "one random number for the whole batch"),
    ("brightness", brightness_of(0, 0, 1, 1), "each channel has its own"),
    ("brightness", brightness_of(0, 1, 0, 0), "each pixel has its own"),
    ("brightness", brightness_of(0, 1, 1, 1, draw=torch.randn), "your factors run from"),
    ("brightness", lambda x, s, g: x + s * (torch.rand(len(x), 1, 1, 1, generator=g) - 0.5) / 4, "you added"),
    ("brightness", lambda x, s, g: (x + x * s * torch.rand(len(x), 1, 1, 1, generator=g)).clamp(0, 1), "run from 1.00"),
    ("brightness", lambda x, s, g: x * (1 + s * (2 * torch.rand(len(x), 1, 1, 1, generator=g) - 1)), "above 1"),
    ("brightness", lambda x, s, g: bright(x, s, torch.Generator().manual_seed(3)), "every seed gives the same"),
    ("brightness", lambda x, s, g: bright(x, s, torch.Generator().manual_seed(g.seed())), "other pictures"),
    ("brightness", lambda x, s, g: bright(x, 0.4, g), "with strength 0"),
    ("brightness", lambda x, s, g: bright(x, s, g).mul_(0).add_(x), "nothing has changed"),
    ("brightness", lambda x, s, g: x * torch.rand(len(x), generator=g), "(B, 1, 1, 1)"),
    ("brightness", lambda x, s, g: x.copy_(bright(x, s, g)), "overwrites x"),
]


def average(t: Tensor, s: Tensor, m: float) -> Tensor:
    return t + (1 - m) * (s - t)


TEACHER: list[Case] = [
    ("moving_average", lambda t, s, m: s * m + t * (1 - m), "exchanged"),
    ("moving_average", lambda t, s, m: t * m + s, "more than 1"),
    ("moving_average", lambda t, s, m: 0.5 * (t + s), "mean of the two"),
    ("moving_average", lambda t, s, m: s.clone(), "momentum 0"),
    ("moving_average", lambda t, s, m: t.clone(), "momentum 1"),
    ("moving_average", lambda t, s, m: t + s - m * s, "shrinks to its share"),
    ("moving_average", lambda t, s, m: t.mul_(m).add_(s * (1 - m)), "overwrites its arguments"),
]


def queue_rows(q: Tensor, k: Tensor, n: Tensor, t: float, **how: Any) -> Tensor:
    """One query after the other."""
    losses = []
    for i in range(len(q)):
        a, p = q[i] / q[i].norm(), k[i] / k[i].norm()
        negatives = n if how.get("raw") else n / n.norm(dim=1, keepdim=True)
        scores = torch.cat([(a @ p)[None], negatives @ a])
        scores = how.get("scale", lambda s, t: s / t)(scores, t)
        below = scores[1:] if how.get("without") else scores
        losses.append(below.logsumexp(0) - scores[0])
    return torch.stack(losses).sum() if how.get("sum") else torch.stack(losses).mean()


def in_batch(q: Tensor, k: Tensor, n: Tensor, t: float) -> Tensor:
    keys = torch.cat([k, n])
    return F.cross_entropy(unit(q) @ unit(keys).T / t, torch.arange(len(q)))


QUEUE: list[Case] = [
    ("queue_loss", lambda *a: queue_rows(*a, raw=True), "queue is not normalised"),
    ("queue_loss", lambda *a: queue_rows(*a, scale=lambda s, t: s * t), "multiplied by the temperature"),
    ("queue_loss", lambda *a: queue_rows(*a, scale=lambda s, t: s), "left out the temperature"),
    ("queue_loss", lambda *a: queue_rows(*a, sum=True), "summed over the rows"),
    ("queue_loss", lambda *a: queue_rows(*a, without=True), "missing from the denominator"),
    ("queue_loss", lambda *a: -queue_rows(*a), "sign is turned round"),
    ("queue_loss", in_batch, "queue alone holds negatives"),
    ("queue_loss", lambda q, k, n, t: in_batch(q, k, n[:0], t), "The queue is missing"),
    ("queue_loss", lambda q, k, n, t: -(unit(q) * unit(k)).sum(1).mean(), "only pull"),
]


def apart(a: Tensor, b: Tensor) -> Tensor:
    return (unit(a) - unit(b)).pow(2).sum(1).mean()


BYOL: list[Case] = [
    ("byol_loss", lambda p1, p2, t1, t2: (apart(p1, t1) + apart(p2, t2)) / 2, "view. It must predict the *other*"),
    ("byol_loss", lambda p1, p2, t1, t2: ((p1 - t2).pow(2) + (p2 - t1).pow(2)).sum(1).mean() / 2, "did not normalise"),
    ("byol_loss", lambda p1, p2, t1, t2: apart(p1, t2), "Only the first view"),
    ("byol_loss", lambda p1, p2, t1, t2: apart(p1, t2) + apart(p2, t1), "take their mean"),
    ("byol_loss", lambda p1, p2, t1, t2: (apart(p1, t2) + apart(p2, t1)) / 4, "half of the squared"),
    ("byol_loss", lambda p1, p2, t1, t2: (apart(p1, t2) + apart(p2, t1)) / 4 - 1, "SimSiam's form"),
    ("byol_loss", lambda p1, p2, t1, t2: apart(p1, p2), "two predictions"),
    ("byol_loss", lambda p1, p2, t1, t2: apart(t1, t2), "two targets"),
]


def correlation(a: Tensor, b: Tensor, **how: Any) -> Tensor:
    out = torch.zeros(a.shape[1], b.shape[1])
    for i in range(a.shape[1]):
        for j in range(b.shape[1]):
            x, y = a[:, i], b[:, j]
            if how.get("centre", True):
                x, y = x - x.mean(), y - y.mean()
            out[i, j] = (x * y).sum() / how.get("n", len)(a)
            if how.get("scale", True):
                out[i, j] /= x.std(correction=how.get("c", 0)) * y.std(correction=how.get("c", 0))
    return out


CORRELATION: list[Case] = [
    ("cross_correlation", lambda a, b: correlation(a, b, scale=False), "this is the covariance"),
    ("cross_correlation", lambda a, b: torch.cov(torch.cat([a, b], 1).T)[: a.shape[1], a.shape[1] :], "B - 1 instead"),
    ("cross_correlation", lambda a, b: correlation(a, b, c=1), "never reach 1"),
    ("cross_correlation", lambda a, b: correlation(a, b, n=lambda z: 1), "forgot to divide by B"),
    ("cross_correlation", lambda a, b: correlation(a, b, n=lambda z: z.shape[1]), "the mean runs over the batch"),
    ("cross_correlation", lambda a, b: correlation(b, a), "exchanged"),
    ("cross_correlation", lambda a, b: correlation(a, a), "with itself"),
    ("cross_correlation", lambda a, b: torch.corrcoef(torch.cat([a, b]))[: len(a), len(a) :], "expected ("),
    ("variance", lambda z: torch.clamp(1 - z.var(0), min=0).mean(), "its root"),
    ("variance", lambda z: torch.clamp(1 - z.std(1), min=0).mean(), "dim=1"),
    ("variance", lambda z: (1 - z.std(0)).mean(), "is missing"),
    ("variance", lambda z: torch.clamp(z.std(0) - 1, min=0).mean(), "turned round"),
    ("variance", lambda z: torch.clamp(1 - z.std(0), min=0).sum(), "summed"),
    ("variance", lambda z: torch.clamp(1 - z.std(0).mean(), min=0), "hides another's collapse"),
    ("variance", lambda z: torch.clamp(1 - z.std(0), min=0).pow(2).mean(), "linear"),
]


def even(scores: Tensor, epsilon: float, rounds: int, last: str = "rows") -> Tensor:
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        steps = (0, 1) if last == "rows" else (1, 0)
        for dim in steps:
            q = q / q.sum(dim, keepdim=True)
    return q


CLUSTERS: list[Case] = [
    ("sinkhorn", lambda s, e, n: torch.softmax(s / e, dim=1), "softmax of each row"),
    ("sinkhorn", lambda s, e, n: even(s, e, n, last="columns"), "rows first"),
    ("sinkhorn", lambda s, e, n: torch.softmax(s / e, dim=0), "columns alone"),
    ("sinkhorn", lambda s, e, n: even(s, e, 1), "one round"),
    ("sinkhorn", lambda s, e, n: even(s, 1, n), "epsilon is missing"),
    ("sinkhorn", lambda s, e, n: even(-s, e, n), "turned round"),
    ("sinkhorn", lambda s, e, n: even(s, e, n) / len(s), "each row sums to 1"),
    ("sharpened", lambda s, c, t: torch.softmax(s / t, 1), "centre is missing"),
    ("sharpened", lambda s, c, t: torch.softmax((s + c) / t, 1), "centre is added"),
    ("sharpened", lambda s, c, t: torch.softmax(s / t - c, 1), "after the division"),
    ("sharpened", lambda s, c, t: torch.softmax(s - c, 1), "temperature is missing"),
    ("sharpened", lambda s, c, t: torch.softmax((s - c) * t, 1), "multiplied"),
    ("sharpened", lambda s, c, t: torch.softmax((s - c) / t, 0), "dim=0"),
    ("sharpened", lambda s, c, t: torch.softmax((s - s.mean(0)) / t, 1), "mean of this batch"),
]


def head(q: Tensor, k: Tensor, v: Tensor, **how: Any) -> Tensor:
    weights = torch.softmax(q @ k.T * how.get("scale", 1 / q.shape[1] ** 0.5), dim=how.get("dim", 1))
    return weights @ how.get("values", v)


ATTENTION: list[Case] = [
    ("attention", lambda q, k, v: head(q, k, v, scale=1), "√d is missing"),
    ("attention", lambda q, k, v: head(q, k, v, scale=1 / q.shape[1]), "divided by d"),
    ("attention", lambda q, k, v: head(q, k, v, scale=1 / len(q) ** 0.5), "number of tokens"),
    ("attention", lambda q, k, v: head(q, k, v, dim=0), "dim=0"),
    ("attention", lambda q, k, v: head(k, q, v), "q @ k.T"),
    ("attention", lambda q, k, v: head(q, k, k), "of the values"),
    ("attention", lambda q, k, v: q @ k.T / q.shape[1] ** 0.5 @ v, "softmax is missing"),
    ("attention", lambda q, k, v: head(unit(q), unit(k), v, scale=1), "not cosines"),
]


def on_sphere(z: Tensor, **how: Any) -> Tensor:
    """The meter of SimSiam with loops over features, and with one thing that may be different."""
    if how.get("unit", True):
        z = z / z.pow(2).sum(1, keepdim=True).sqrt()
    spread = [(z[:, d] - z[:, d].mean()).pow(2).mean() ** how.get("power", 0.5) for d in range(z.shape[1])]
    return sum(spread) / len(spread) * z.shape[1] ** how.get("size", 0.5)


def directions(z: Tensor, **how: Any) -> Tensor:
    s = torch.linalg.eigvalsh(z.T @ z).clamp_min(0) ** how.get("power", 0.5)  # of the Gram matrix: squares of them
    p = s / s.sum() if how.get("shares", True) else s
    h = -(p * p.clamp_min(1e-30).log()).sum() * how.get("sign", 1) / how.get("base", 1)
    return h.exp() if how.get("exp", True) else h


METERS: list[Case] = [
    ("feature_std", lambda z: on_sphere(z, unit=False), "did not normalise: a long"),
    ("feature_std", lambda z: on_sphere(z, size=0), "√D is missing: on a sphere"),
    ("feature_std", lambda z: on_sphere(z, size=1), "multiplied by D"),
    ("feature_std", lambda z: on_sphere(z, power=1.0, size=1), "took the variance"),
    ("feature_std", lambda z: on_sphere(z) * z.shape[1], "summed"),
    ("feature_std", lambda z: unit(z).std(1, correction=0).mean() * z.shape[1] ** 0.5, "dim=1"),
    ("effective_rank", lambda z: directions(z, exp=False), "This is the entropy"),
    ("effective_rank", lambda z: directions(z, sign=-1), "sign is missing"),
    ("effective_rank", lambda z: directions(z, power=1.0), "squared"),
    ("effective_rank", lambda z: directions(z, base=torch.tensor(2.0).log()), "base 2"),
    ("effective_rank", lambda z: directions(z, shares=False), "do not sum to 1"),
    ("effective_rank", lambda z: torch.linalg.matrix_rank(z), "counts"),
    ("effective_rank", lambda z: directions(z - z.mean(0)), "subtracted the mean"),
]


def shown(x: Tensor, chosen: Tensor, fate: Tensor, another: Tensor, **how: Any) -> Tensor:
    """The 80/10/10 rule word by word, with one thing that may be different."""
    out = x.clone()
    for b, t in itertools.product(range(len(x)), range(x.shape[1])):
        word, c, u = int(x[b, t]), float(chosen[b, t]), float(fate[b, t])
        if word < how.get("words", 3) or not how.get("asked", lambda c: c < 0.15)(c):
            continue
        hidden, other = how.get("hidden", 0.8), how.get("other", 0.9)
        out[b, t] = how.get("sign", 1) if u < hidden else another[b, t] if u < other else word
    return out


def masking(**how: Any) -> Callable[..., Tensor]:
    return lambda x, chosen, fate, another: shown(x, chosen, fate, another, **how)


def asked_words(logits: Tensor, targets: Tensor, **how: Any) -> Tensor:
    """MLM's loss in one line, with one thing that may be different."""
    p = how.get("p", lambda z: z.softmax(-1))(logits)
    nats = how.get("nats", lambda p: -p.log())(p.gather(2, targets[..., None])[..., 0])
    return how.get("mean", lambda n, t: n[t > 0].mean())(nats, targets)


def asking(**how: Any) -> Callable[..., Tensor]:
    return lambda logits, targets: asked_words(logits, targets, **how)


def table(length: int, **how: Any) -> Tensor:
    """The places that each place sees, entry by entry, with one thing that may be different."""
    seen = torch.zeros(length, length, dtype=how.get("dtype", torch.bool))
    for i, j in itertools.product(range(length), repeat=2):
        seen[i, j] = how.get("may", lambda i, j: j <= i)(i, j)
    return seen


def seeing(may: Callable[[int, int], bool] = lambda i, j: j <= i, **how: Any) -> Callable[..., Tensor]:
    return lambda length: table(length, may=may, **how)


WORDS: list[Case] = [
    ("mask_tokens", masking(words=0), "numbers from 3 on are words"),
    ("mask_tokens", masking(words=1), "your <sep> is"),
    ("mask_tokens", masking(hidden=1.1), "Every asked word is hidden"),
    ("mask_tokens", masking(other=0.0), "No word is replaced"),
    ("mask_tokens", masking(other=1.1), "No asked word stays"),
    ("mask_tokens", masking(asked=lambda c: True), "All words are asked"),
    ("mask_tokens", masking(asked=lambda c: c >= 0.15), "the other 85 %"),
    ("mask_tokens", masking(sign=0), "have become padding"),
    ("mask_tokens", lambda x, c, f, a: x * ((c < 0.15) & (x > 2)), "This is what is asked"),
    ("mask_tokens", lambda x, c, f, a: x if c < 0.15 else a, "torch.where instead of if"),
    ("mlm_loss", lambda z, t: F.cross_entropy(z.mT, t), "as if padding were the answer"),
    ("mlm_loss", asking(mean=lambda n, t: (n * (t > 0)).mean()), "divided by all B · L places"),
    ("mlm_loss", asking(mean=lambda n, t: n[t > 0].sum()), "summed over the words"),
    ("mlm_loss", asking(mean=lambda n, t: n[t > 0].sum() / len(t)), "number of texts"),
    ("mlm_loss", asking(p=lambda z: z.softmax(-1).softmax(-1)), "softmax twice"),
    ("mlm_loss", asking(nats=torch.log), "sign is turned round"),
    ("mlm_loss", asking(nats=torch.neg), "logarithm is missing"),
    ("mlm_loss", asking(nats=lambda p: p, mean=lambda n, t: -n[t > 0].mean().log()), "first -log of each"),
    ("mlm_loss", asking(p=lambda z: z.exp()), "softmax is missing"),
    ("mlm_loss", asking(p=lambda z: z.softmax(1)), "dim=1"),
    ("mlm_loss", lambda z, t: F.cross_entropy(z, t, ignore_index=0), "wants (M, V) and (M,)"),
    ("mlm_loss", lambda z, t: asking()(z.detach(), t), "no gradient flows back"),
    ("causal_mask", seeing(lambda i, j: True), "Nothing is masked"),
    ("causal_mask", seeing(lambda i, j: j >= i), "turned round"),
    ("causal_mask", seeing(lambda i, j: j < i), "does not see itself"),
    ("causal_mask", seeing(lambda i, j: j <= i + 1), "one place too many"),
    ("causal_mask", seeing(lambda i, j: j > i), "True and False are exchanged"),
    ("causal_mask", seeing(lambda i, j: i - 1 <= j <= i), "only itself and the one before"),
    ("causal_mask", seeing(lambda i, j: j == i), "sees itself alone"),
    ("causal_mask", seeing(dtype=torch.float32), "another dtype"),
    (
        "causal_mask",
        lambda length: torch.zeros(length, length).masked_fill(~table(length), -torch.inf),
        "additive mask",
    ),
]


def searched(q: Tensor, x: Tensor, k1: float, b: float, **how: Any) -> Tensor:
    """BM25 word by word, with one thing that may be different."""
    out, mean = torch.zeros(len(q), len(x), dtype=q.dtype), float(x.sum()) / len(x)
    for i, j, w in itertools.product(range(len(q)), range(len(x)), range(q.shape[1])):
        if not (tf := float(x[j, w])):
            continue
        n = how.get("n", lambda column: sum(float(v) > 0 for v in column))(x[:, w])
        idf = how.get("idf", lambda n, p: math.log(1 + (p - n + 0.5) / (n + 0.5)))(n, len(x))
        held = how.get("held", lambda length: 1 - b + b * length / mean)(float(x[j].sum()))
        tamed = how.get("tamed", lambda t, d: t / (t + k1 * d))(tf, held)
        out[i, j] += how.get("times", lambda t: t)(float(q[i, w])) * idf * tamed
    return out


def searching(**how: Any) -> Callable[..., Tensor]:
    return lambda queries, passages, k1, b: searched(queries, passages, k1, b, **how)


def overlap(answer: str, right: list[str], **how: Any) -> float:
    """The F1 of SQuAD's script, with one thing that may be different."""
    found = []
    for one in right:
        a, b = how.get("cut", str.split)(answer), how.get("cut", str.split)(one)
        count = how.get("count", lambda a, b: sum(min(a.count(w), b.count(w)) for w in set(a)))(a, b)
        mean = how.get("mean", lambda p, r: 2 * p * r / (p + r))
        found.append(mean(count / len(a), count / len(b)) if count else 0.0)
    return how.get("over", max)(found)


def overlapping(**how: Any) -> Callable[..., float]:
    return lambda answer, right: overlap(answer, right, **how)


def unguarded(answer: str, right: list[str]) -> float:
    a, b = answer.split(), right[0].split()
    p, r = (len(set(a) & set(b)) / len(x) for x in (a, b))
    return 2 * p * r / (p + r)


SEARCH: list[Case] = [
    ("bm25", searching(idf=lambda n, p: 1), "The idf is missing"),
    ("bm25", searching(idf=lambda n, p: math.log((p - n + 0.5) / (n + 0.5))), "The 1 inside the logarithm is missing"),
    ("bm25", searching(idf=lambda n, p: math.log(p / n)), "that of tf-idf"),
    ("bm25", searching(n=lambda column: float(column.sum())), "how many passages have the word"),
    ("bm25", searching(times=lambda t: float(t > 0)), "says twice counts once"),
    ("bm25", searching(held=lambda length: 1.0), "Long passages are not held back"),
    ("bm25", searching(tamed=lambda t, d: t), "not tamed"),
    ("bm25", searching(tamed=lambda t, d: t / (t + d)), "k1 is missing"),
    ("bm25", lambda q, x, k1, b: (k1 + 1) * searched(q, x, k1, b), "The factor k1 + 1 stands above"),
    ("bm25", lambda q, x, k1, b: searched(q, x, k1, 1 - b), "b and 1 - b are exchanged"),
    ("bm25", lambda q, x, k1, b: searched(q, x, k1, b).T, "transpose"),
    ("bm25", lambda q, x, k1, b: q @ x, "queries @ weights.T gives (Q, P)"),
    ("span_f1", overlapping(count=lambda a, b: len(set(a) & set(b))), "Each word counts once"),
    ("span_f1", overlapping(count=lambda a, b: sum(w in b for w in a)), "is found twice in a right answer"),
    ("span_f1", overlapping(over=lambda found: sum(found) / len(found)), "the mean over the right answers"),
    ("span_f1", overlapping(over=lambda found: found[0]), "Only the first right answer"),
    ("span_f1", overlapping(mean=lambda p, r: p), "This is the precision alone"),
    ("span_f1", overlapping(mean=lambda p, r: r), "This is the recall alone"),
    ("span_f1", overlapping(mean=lambda p, r: (p + r) / 2), "harmonic mean"),
    ("span_f1", overlapping(mean=lambda p, r: p * r / (p + r)), "The factor 2 is missing"),
    ("span_f1", overlapping(cut=list), "Letters are counted"),
    ("span_f1", lambda answer, right: 100 * overlap(answer, right), "in per cent"),
    ("span_f1", lambda answer, right: float(answer in right), "exact match"),
    ("span_f1", unguarded, "return 0 there"),
]


FAMILY = [*METERS, *TEACHER, *QUEUE, *BYOL, *CORRELATION, *CLUSTERS]


def squares(x: Tensor, patch: int, **how: Any) -> Tensor:
    """Slices in loops, as a learner might."""
    found = []
    rows, columns = range(0, x.shape[2], patch), range(0, x.shape[how.get("width", 3)], patch)
    places = [(r, c) for r in rows for c in columns]
    for r, c in [(r, c) for c in columns for r in rows] if how.get("down") else places:
        square = x[:, :, r : r + patch, c : c + patch]
        if how.get("pixels"):
            square = square.permute(0, 2, 3, 1)
        if how.get("turned"):
            square = square.transpose(2, 3)
        found.append(square.flatten(1))
    return torch.stack(found, how.get("dim", 1))


def every_nth(x: Tensor, patch: int) -> Tensor:
    rows, columns = x.shape[2] // patch, x.shape[3] // patch
    return torch.stack([x[:, :, r::rows, c::columns].flatten(1) for r in range(rows) for c in range(columns)], 1)


def smallest(noise: Tensor, ratio: float, **how: Any) -> Tensor:
    """The indices of the smallest, then a mask that is True there."""
    count = how.get("count", round)(ratio * noise.shape[1])
    chosen = noise.topk(count, dim=1, largest=how.get("largest", False)).indices
    return torch.zeros_like(noise, dtype=torch.bool).scatter(1, chosen, True)


HIDDEN: list[Case] = [
    ("patchify", lambda x, p: squares(x, p, pixels=True), "channel by channel"),
    ("patchify", lambda x, p: squares(x, p, down=True), "run down the columns"),
    ("patchify", lambda x, p: squares(x, p, turned=True), "rows for columns"),
    ("patchify", lambda x, p: x.view(len(x), -1, x.shape[1] * p * p), "You only reshaped"),
    ("patchify", every_nth, "the wrong way round"),
    ("patchify", lambda x, p: F.unfold(x, p, stride=p), "returned shape (2, 12, 4); expected (2, 4, 12)"),
    (
        "patchify",
        lambda x, p: squares(x, p, width=2),
        "for x of shape (2, 3, 4, 8), patch 2, your function returned shape (2, 4, 12)",
    ),
    ("patchify", lambda x, p: (squares(x, p) - 0.5) * 4, "rescaled the values"),
    (
        "patchify",
        lambda x, p: x.reshape(len(x), x.shape[1], x.shape[2] // p, p, x.shape[3] // p, p).reshape(
            len(x), -1, x.shape[1] * p * p
        ),
        "You only reshaped",
    ),
    ("mask_sampling", lambda n, r: ~smallest(n, r), "what stays visible"),
    ("mask_sampling", lambda n, r: smallest(n, r, largest=True), "with the largest noise"),
    ("mask_sampling", lambda n, r: n < r, "compared the noise with the ratio"),
    ("mask_sampling", lambda n, r: n.argsort(1) < round(r * n.shape[1]), "Sort twice"),
    ("mask_sampling", lambda n, r: smallest(n, r)[0].repeat(len(n), 1), "one and the same mask"),
    ("mask_sampling", lambda n, r: smallest(n.T, r).T, "dim=1"),
    ("mask_sampling", lambda n, r: smallest(n.view(1, -1), r).view(n.shape), "all pictures together"),
    ("mask_sampling", lambda n, r: smallest(n, r, count=int), "cut the count off"),
    ("mask_sampling", lambda n, r: smallest(n, 1 - r), "the ratio is the hidden share"),
    (
        "mask_sampling",
        lambda n, r: (torch.arange(n.shape[1]) < round(r * n.shape[1])).repeat(len(n), 1),
        "first patches",
    ),
]


def turn_by_loops(x: Tensor, **how: Any) -> tuple[Tensor, Tensor]:
    """Turn after turn, a pixel at a time, as a learner might."""
    rows, labels, now = [], [], x.clone()
    for quarter in range(4):
        for picture in now:
            rows.append(picture)
            labels.append(quarter)
        after, last = torch.empty_like(now), x.shape[-1] - 1
        for r, c in itertools.product(range(last + 1), repeat=2):
            after[:, :, r, c] = now[:, :, last - c, r] if how.get("clockwise") else now[:, :, c, last - r]
        now = after
    return torch.stack(rows), torch.tensor(labels)


def turning(**how: Any) -> Callable[[Tensor], Any]:
    """The usual short form, with one thing that may be different."""

    def f(x: Tensor) -> Any:
        default = [x, x.mT.flip(2), x.flip(2, 3), x.mT.flip(3)]
        turns = how.get("turns", lambda x: default)(x)
        pictures = how.get("join", torch.cat)(turns)
        labels = how.get("labels", lambda b: torch.arange(4 * b) // b)(len(x))
        return how.get("give", lambda pictures, labels: (pictures, labels))(pictures, labels)

    return f


def turn_the_turned(x: Tensor) -> list[Tensor]:
    turns = []
    for k in range(4):
        x = x.rot90(k, (2, 3))
        turns.append(x)
    return turns


def by_transposing(x: Tensor) -> list[Tensor]:
    turns = [x]
    for _ in range(3):
        turns.append(turns[-1].transpose(2, 3))
    return turns


def one_turn_each(x: Tensor) -> tuple[Tensor, Tensor]:
    which = torch.arange(len(x)) % 4
    return torch.stack([picture.rot90(int(k), (1, 2)) for picture, k in zip(x, which, strict=True)]), which


def picture_by_picture(x: Tensor) -> tuple[Tensor, Tensor]:
    rows = [picture.rot90(k, (1, 2)) for picture in x for k in range(4)]
    return torch.stack(rows), torch.arange(4).repeat(len(x))


def by_the_library(x: Tensor) -> tuple[Tensor, Tensor]:
    turns = puzzles.Turned(Unchanged())(x, torch.Generator().manual_seed(0))
    return torch.cat([*turns]), torch.arange(4).repeat_interleave(len(x))


TURNS: list[Case] = [
    ("rotation_batch", lambda x: turn_by_loops(x, clockwise=True), "turned clockwise"),
    ("rotation_batch", picture_by_picture, "picture by picture"),
    (
        "rotation_batch",
        turning(turns=lambda x: [x, x.mT, x.flip(2, 3), x.flip(2, 3).mT]),
        "odd turns are only transposed",
    ),
    ("rotation_batch", turning(turns=by_transposing), "twice gives back the picture"),
    ("rotation_batch", turning(turns=lambda x: [x, x.mT.flip(2), x.flip(2), x.mT.flip(3)]), "flips the rows alone"),
    ("rotation_batch", turning(turns=lambda x: [x, x.mT.flip(2), x.flip(3), x.mT.flip(3)]), "flips the columns alone"),
    ("rotation_batch", turning(turns=turn_the_turned), "0, 1, 3, 6 quarters"),
    ("rotation_batch", turning(turns=lambda x: [x.rot90(d, (2, 3)) for d in (0, 90, 180, 270)]), "counts quarters"),
    ("rotation_batch", turning(turns=lambda x: [x.rot90(k, (2, 3)) for k in range(1, 5)]), "begin with 90"),
    ("rotation_batch", turning(turns=lambda x: [x, x, x, x]), "No picture is turned"),
    ("rotation_batch", turning(turns=lambda x: [x.rot90(k) for k in range(4)]), "Turn rows and columns"),
    ("rotation_batch", one_turn_each, "All four turns of every picture"),
    ("rotation_batch", turning(join=torch.stack), "torch.cat, and not on an axis of their own"),
    ("rotation_batch", turning(labels=lambda b: torch.arange(4).repeat(b)), "repeat_interleave(B)"),
    ("rotation_batch", turning(labels=lambda b: torch.arange(b).repeat(4)), "labels name the picture"),
    ("rotation_batch", turning(labels=lambda b: torch.arange(4 * b)), "labels number the rows"),
    ("rotation_batch", turning(labels=lambda b: torch.arange(4 * b) // b * 90), "labels are degrees"),
    ("rotation_batch", turning(labels=lambda b: torch.arange(4 * b) // b + 1), "begin with 1"),
    ("rotation_batch", turning(labels=lambda b: (4 - torch.arange(4 * b) // b) % 4), "count clockwise"),
    ("rotation_batch", turning(labels=lambda b: torch.zeros(4 * b, dtype=torch.int64)), "All your labels are 0"),
    ("rotation_batch", turning(labels=lambda b: torch.arange(4)), "One label for each of the 4B rows"),
    ("rotation_batch", turning(labels=lambda b: F.one_hot(torch.arange(4 * b) // b)), "No one-hot rows"),
    ("rotation_batch", turning(labels=lambda b: torch.arange(4 * b).view(4, b) // b), "One axis is enough"),
    ("rotation_batch", turning(labels=lambda b: (torch.arange(4 * b) // b).float()), "labels are float32"),
    ("rotation_batch", turning(give=lambda pictures, labels: pictures), "returned Tensor; expected two tensors"),
    ("rotation_batch", turning(give=lambda pictures, labels: (labels, pictures)), "the labels first"),
    ("rotation_batch", turning(give=lambda pictures, labels: (pictures, labels.tolist())), "tuple of Tensor, list"),
    ("rotation_batch", lambda x: turning()(x.mul_(255)), "overwrites its arguments"),
]


def partners(pictures: int) -> list[int]:
    return [row + pictures if row < pictures else row - pictures for row in range(2 * pictures)]


PARTNERS: list[Case] = [
    ("partner_labels", lambda pictures: torch.arange(2 * pictures), "names itself"),
    ("partner_labels", lambda pictures: [row % pictures for row in range(2 * pictures)], "name the picture"),
    ("partner_labels", lambda pictures: [row % pictures + pictures for row in range(2 * pictures)], "to second views"),
    ("partner_labels", lambda pictures: [row ^ 1 for row in range(2 * pictures)], "side by side"),
    ("partner_labels", lambda pictures: list(range(2 * pictures))[::-1], "runs backwards"),
    ("partner_labels", lambda pictures: [row + 1 for row in partners(pictures)], "count rows from 1"),
    ("partner_labels", lambda pictures: partners(pictures)[:pictures], "expected (8,)"),
    ("partner_labels", partners, "torch.tensor(…) makes one of your list"),
]


def to_clean(network: Callable[[Tensor], Tensor], clean: Tensor, noisy: Tensor) -> Tensor:
    return F.mse_loss(network(noisy), clean)


def drawn_latent(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    return mean + torch.sqrt(log_variance.exp()) * noise


def kl_by_torch(mean: Tensor, log_variance: Tensor) -> Tensor:
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    return torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1)


def critic(real: Tensor, made: Tensor, labels: tuple[float, float] = (1.0, 0.0), **how: Any) -> Tensor:
    parts = zip((real, made), labels, strict=True)
    return sum(
        (F.binary_cross_entropy_with_logits(s, torch.full_like(s, y), **how) for s, y in parts), torch.tensor(0.0)
    )


def fooled(made: Tensor) -> Tensor:
    return -F.logsigmoid(made).mean()


def gaps(information: Tensor, entropy: Tensor, other: int = 1) -> Tensor:
    """The gap of each cause, in nats: the best latent and the `other` best, one cause after the other."""
    ranked = [column.sort(descending=True).values for column in information.T]
    return torch.stack([column[0] - column[other] for column in ranked])


def components(x: Tensor, k: int, **how: Any) -> Tensor:
    """By the eigenvectors of the covariance, which come with the smallest first."""
    middle = how.get("middle", lambda x: x.mean(0))(x)
    vectors = torch.linalg.eigh((x - middle).T @ (x - middle))[1].flip(1)
    vectors = how.get("which", lambda v, k: v[:, :k])(vectors, k)
    return (x - middle) @ vectors @ vectors.T + how.get("back", lambda m: m)(middle)


def painting(**how: Any) -> Callable[..., Tensor]:
    return lambda x, k: components(x, k, **how)


def svd_by_columns(x: Tensor, k: int) -> Tensor:
    vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)[2]
    return (x - x.mean(0)) @ vh[:, :k] @ vh[:, :k].T + x.mean(0)


def whitening(x: Tensor, k: int) -> Tensor:
    u, _, vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return u[:, :k] @ vh[:k] + x.mean(0)


GENERATIVE: list[Case] = [
    ("pca_reconstruction", painting(middle=lambda x: torch.zeros(x.shape[1])), "mean was not taken off first"),
    ("pca_reconstruction", painting(back=lambda m: 0 * m), "mean is missing at the end"),
    ("pca_reconstruction", painting(middle=lambda x: x.mean()), "mean of everything"),
    ("pca_reconstruction", painting(middle=lambda x: x.mean(1, keepdim=True)), "each row's own mean"),
    ("pca_reconstruction", painting(which=lambda v, k: v[:, -k:]), "the last components"),
    ("pca_reconstruction", painting(which=lambda v, k: v[:, : k + 1]), "k + 1 components"),
    ("pca_reconstruction", painting(which=lambda v, k: v[:, k - 1 : k]), "k-th component alone"),
    ("pca_reconstruction", painting(which=lambda v, k: v[:, 1 : k + 1]), "first component is left out"),
    ("pca_reconstruction", whitening, "by the singular values"),
    ("pca_reconstruction", svd_by_columns, "its components are the rows"),
    ("pca_reconstruction", lambda x, k: x - components(x, k), "is what is lost"),
    ("pca_reconstruction", lambda x, k: (x - x.mean(0)) @ torch.linalg.eigh(x.T.cov())[1][:, -k:], "(20, 3)"),
    ("denoising_loss", lambda net, clean, noisy: F.mse_loss(net(noisy), noisy), "compared with the noisy pictures"),
    ("denoising_loss", lambda net, clean, noisy: F.mse_loss(net(clean), clean), "is given the clean pictures"),
    ("denoising_loss", lambda net, clean, noisy: F.mse_loss(net(clean), noisy), "are exchanged"),
    ("denoising_loss", lambda net, clean, noisy: F.mse_loss(net(noisy), noisy - clean), "target is the noise"),
    ("denoising_loss", lambda net, clean, noisy: F.l1_loss(net(noisy), clean), "absolute error"),
    ("denoising_loss", lambda net, clean, noisy: F.mse_loss(net(noisy), clean, reduction="sum"), "take their mean"),
    ("denoising_loss", lambda net, clean, noisy: F.mse_loss(noisy, clean), "network is not asked"),
    ("reparameterise", lambda m, v, e: m + torch.exp(v) * e, "by the variance"),
    ("reparameterise", lambda m, v, e: m + v * e, "logarithm of the variance"),
    ("reparameterise", lambda m, v, e: m + e, "noise is added as it is"),
    ("reparameterise", lambda m, v, e: torch.exp(0.5 * v) * e, "mean is missing"),
    ("reparameterise", lambda m, v, e: torch.exp(0.5 * v) * (m + e), "mean is multiplied too"),
    ("reparameterise", lambda m, v, e: m + torch.exp(0.5 * v) * e[0], "each picture has its own"),
    ("reparameterise", lambda m, v, e: drawn_latent(m.detach(), v, e), "none reaches `m"),
    ("reparameterise", lambda m, v, e: drawn_latent(m, v, e).detach(), "no gradient flows back"),
    ("gaussian_kl", lambda m, v: 2 * kl_by_torch(m, v), "factor ½"),
    ("gaussian_kl", lambda m, v: -kl_by_torch(m, v), "a KL is 0 or more"),
    ("gaussian_kl", lambda m, v: kl_by_torch(m, v) - (m**2).sum(1) / 2, "mean's square is missing"),
    ("gaussian_kl", lambda m, v: kl_by_torch(m, v) + m.shape[1] / 2, "1 of each latent is missing"),
    ("gaussian_kl", lambda m, v: kl_by_torch(m, 2 * v), "logarithm of the standard deviation"),
    ("gaussian_kl", lambda m, v: kl_by_torch(m, v).mean(), "mean over pictures"),
    ("gaussian_kl", lambda m, v: ((m**2 + v.exp() - v).sum(1) - 1) / 2, "once for each latent"),
    ("discriminator_loss", lambda r, m: critic(r, m, (0.0, 1.0)), "labels are exchanged"),
    ("discriminator_loss", lambda r, m: critic(r, m, (1.0, 1.0)), "called real"),
    (
        "discriminator_loss",
        lambda r, m: F.binary_cross_entropy_with_logits(m, torch.zeros_like(m)),
        "real pictures are missing",
    ),
    ("discriminator_loss", lambda r, m: critic(r, m, reduction="sum"), "added up over the batch"),
    ("discriminator_loss", lambda r, m: critic(r.sigmoid(), m.sigmoid()), "sigmoid twice"),
    ("discriminator_loss", lambda r, m: m.mean() - r.mean(), "Wasserstein"),
    ("discriminator_loss", lambda r, m: critic(r, m.detach()), "none reaches `m"),
    ("generator_loss", lambda m: F.softplus(m).mean(), "found out"),
    ("generator_loss", lambda m: torch.log(1 - m.sigmoid()).mean(), "saturating"),
    ("generator_loss", lambda m: F.logsigmoid(m).mean(), "sign is turned round"),
    ("generator_loss", lambda m: -F.logsigmoid(m).sum(), "take the mean"),
    ("generator_loss", lambda m: -m.mean(), "Wasserstein"),
    ("generator_loss", lambda m: -torch.log(m.sigmoid().mean()), "mean comes before the logarithm"),
    ("mig", lambda i, h: gaps(i, h).mean(), "did not divide by the entropy"),
    ("mig", lambda i, h: (i.max(0).values / h).mean(), "second best latent is missing"),
    ("mig", lambda i, h: (gaps(i, h, -1) / h).mean(), "worst latent"),
    ("mig", lambda i, h: gaps(i, h).sum() / h.sum(), "mean gap by the mean entropy"),
    ("mig", lambda i, h: gaps(i, h) / h, "take their mean"),
    ("mig", lambda i, h: gaps(i.T, h).mean(), "compared the causes of a latent"),
]

# lesson 18


def epps(
    x: Tensor,
    t: Tensor,
    normal: Any = lambda t: (-(t**2) / 2).exp(),
    weight: float = 1.0,
    imaginary: float = 1.0,
    integral: Callable[..., Tensor] = torch.trapezoid,
) -> Tensor:
    phi = torch.complex((x[:, None] * t).cos().mean(0), imaginary * (x[:, None] * t).sin().mean(0))
    return integral((phi - normal(t)).abs() ** 2 * normal(t) ** weight, t)


class Mine(Method):
    """Two views are brought together, and nothing holds them apart; `how` breaks it."""

    def __init__(self, encoder: nn.Module, how: str = "") -> None:
        super().__init__(encoder)
        self.how = how
        if how == "another encoder":
            self.encoder = nets.conv(8)

    def forward(self, views: Any) -> Any:
        z = torch.stack([F.normalize(self.encoder(v), dim=1) for v in views])
        if self.how == "detached":
            z = z.detach()
        if self.how == "random":
            z = z + torch.randn_like(z)
        apart = (z - z.mean(0)).square().sum(2)
        mean = apart.mean()
        broken = {"rows": apart.mean(0), "log": (mean * 0).log(), "still": 1 + mean - mean.detach()}
        loss = broken.get(self.how, mean)
        return {"tensor": loss, "name": {"cost": loss}}.get(self.how, {"loss": loss})


def mine(how: str) -> Callable[[nn.Module], Method]:
    return lambda encoder: Mine(encoder, how)


OWN: list[tuple[str, Callable[..., Any], str]] = [
    ("epps_pulley", lambda x, t: epps(x, t, imaginary=0.0), "sine is missing"),
    ("epps_pulley", lambda x, t: epps(x, t, weight=0.0), "weight exp(-t²/2) is missing"),
    ("epps_pulley", lambda x, t: len(x) * epps(x, t), "N times the integral"),
    (
        "epps_pulley",
        lambda x, t: epps(x, t, lambda t: (-(t**2) / 2).exp() / (2 * math.pi) ** 0.5),
        "that is its density",
    ),
    ("epps_pulley", lambda x, t: epps(x, t, lambda t: (-(t**2)).exp()), "with the ½"),
    ("epps_pulley", lambda x, t: epps(x, t, integral=lambda gap, t: gap.sum()), "without the step"),
    ("slices", lambda z, n: z @ n.T, "as long as they came"),
    ("slices", lambda z, n: z @ F.normalize(n, dim=0).T, "over the K directions"),
    ("slices", lambda z, n: F.normalize(z, dim=1) @ F.normalize(n, dim=1).T, "These are cosines"),
    ("slices", lambda z, n: F.normalize(n, dim=1) @ z.T, "turned"),
    ("slices", lambda z, n: z @ n.T / n.shape[1] ** 0.5, "√D"),
    ("method", mine("another encoder"), "super().__init__(encoder)"),
    ("method", mine("detached"), "something is detached"),
    ("method", mine("random"), "random numbers"),
    ("method", mine("rows"), 'the term "loss" is a tensor of shape (32,)'),
    ("method", mine("log"), "is -inf at the first step"),
    ("method", mine("tensor"), "forward(views) gives Tensor"),
    ("method", mine("name"), "forward(views) gives a dict of 'cost'"),
    ("method", mine("still"), "did not fall"),
    ("method", lambda encoder: encoder, "expected a Method"),
]

# lesson 17


def ranked(x: Tensor, ties: str = "average") -> Tensor:
    return torch.from_numpy(rankdata(x.numpy(), method=ties)).float()


def spearman(a: Tensor, b: Tensor, ties: str = "average") -> Tensor:
    return torch.corrcoef(torch.stack([ranked(a, ties), ranked(b, ties)]))[0, 1]


def by_differences(a: Tensor, b: Tensor, ties: str = "average", power: int = 2) -> Tensor:
    n = len(a)
    return 1 - 6 * ((ranked(a, ties) - ranked(b, ties)) ** power).sum() / (n * (n**2 - 1))


def product_of_ranks(a: Tensor, b: Tensor, more: int = 0, deviations: int | None = 0) -> Tensor:
    a, b = ranked(a), ranked(b)
    total = ((a - a.mean()) * (b - b.mean())).sum() / (len(a) - more)
    return total if deviations is None else total / a.std(correction=deviations) / b.std(correction=deviations)


def cka(
    a: Tensor,
    b: Tensor,
    centre: Callable[..., Tensor] = lambda z: z - z.mean(0, keepdim=True),
    above: Callable[..., Tensor] = lambda a, b: (a.T @ b).pow(2).sum(),
    below: Callable[..., Tensor] = lambda a, b: (a @ a.T).norm() * (b @ b.T).norm(),
) -> Tensor:
    a, b = centre(a), centre(b)
    return above(a, b) / below(a, b)


def cka_of_tables(a: Tensor, b: Tensor) -> Tensor:
    h = torch.eye(len(a)) - 1 / len(a)
    k, m = h @ a @ a.T @ h, h @ b @ b.T @ h
    return (k * m).sum() / ((k * k).sum() * (m * m).sum()).sqrt()


AGREEMENT: list[Case] = [
    ("rank_correlation", lambda a, b: torch.corrcoef(torch.stack([a, b]))[0, 1], "This is Pearson's correlation"),
    (
        "rank_correlation",
        lambda a, b: torch.corrcoef(torch.stack([a.argsort().argsort(), b.argsort().argsort()]))[0, 1],
        "by the place where they stand",
    ),
    (
        "rank_correlation",
        lambda a, b: torch.corrcoef(torch.stack([a.argsort(), b.argsort()]))[0, 1],
        "an order, not ranks",
    ),
    ("rank_correlation", lambda a, b: spearman(a, b, "min"), "the smallest of these ranks"),
    ("rank_correlation", lambda a, b: spearman(a, b, "max"), "the largest of these ranks"),
    ("rank_correlation", lambda a, b: spearman(a, b, "dense"), "no rank is skipped"),
    ("rank_correlation", by_differences, "only holds where no two values are equal"),
    ("rank_correlation", lambda a, b: by_differences(a, b, power=1), "alone they add up to 0"),
    ("rank_correlation", lambda a, b: -spearman(a, b), "The sign is turned round"),
    ("rank_correlation", lambda a, b: spearman(a, -b), "counted from the largest value on"),
    ("rank_correlation", lambda a, b: product_of_ranks(a, b, deviations=None), "This is the covariance of the ranks"),
    ("rank_correlation", lambda a, b: product_of_ranks(a, b, more=1), "give more than 1"),
    ("rank_correlation", lambda a, b: product_of_ranks(a, b, deviations=1), "never reach 1"),
    ("rank_correlation", lambda a, b: kendalltau(a.numpy(), b.numpy())[0], "Kendall's tau"),
    ("rank_correlation", lambda a, b: spearman(a, b) ** 2, "You squared the correlation"),
    ("rank_correlation", lambda a, b: spearman(a, b).abs(), "You took the absolute value"),
    ("rank_correlation", lambda a, b: spearman(a, b, "min").abs(), "Two things"),
    ("rank_correlation", lambda a, b: a.argsort().argsort().mean() + b.mean(), "are whole numbers: .float()"),
    ("linear_cka", lambda a, b: cka(a, b, lambda z: z), "Nothing was taken off"),
    ("linear_cka", lambda a, b: cka(a, b, lambda z: z - z.mean(1, keepdim=True)), "each item's own mean"),
    ("linear_cka", lambda a, b: cka(a, b, lambda z: z - z.mean(1)), "a.mean(0), one number a feature"),
    ("linear_cka", lambda a, b: cka(a - a.mean(0), b, lambda z: z), "Only `a` has it taken off"),
    ("linear_cka", lambda a, b: cka(a, b - b.mean(0), lambda z: z), "Only `b` has it taken off"),
    ("linear_cka", lambda a, b: cka(a, b, lambda z: (z - z.mean(0)) / z.std(0)), "its standard deviation too"),
    ("linear_cka", lambda a, b: cka(F.normalize(a), F.normalize(b)), "each row the length 1 first"),
    ("linear_cka", lambda a, b: cka(a, b, above=lambda a, b: (a.T @ b).norm()), "above the line is not squared"),
    ("linear_cka", lambda a, b: cka(a, b, above=lambda a, b: (a @ b.T).norm()), "a.T @ b is (4, 3)"),
    ("linear_cka", lambda a, b: cka(a, b, below=lambda a, b: (a.T @ a).norm()), "divided by ‖AᵀA‖ only"),
    ("linear_cka", lambda a, b: cka(a, b, below=lambda a, b: a.norm() * b.norm()), "of a and b themselves"),
    ("linear_cka", lambda a, b: cka(a, b, below=lambda a, b: (a**2).sum() * (b**2).sum()), "their traces"),
    (
        "linear_cka",
        lambda a, b: cka(a, b, below=lambda a, b: (a.T @ a).pow(2).sum() * (b.T @ b).pow(2).sum()),
        "Below the line the norms are not squared",
    ),
    ("linear_cka", lambda a, b: cka(a, b).sqrt(), "You took the root of the result"),
    ("linear_cka", lambda a, b: F.cosine_similarity(a.flatten(), b.flatten(), dim=0), "entry by entry"),
    (
        "linear_cka",
        lambda a, b: cka(a, b, lambda z: z, below=lambda a, b: a.norm() * b.norm()),
        "Two things",
    ),
]

# ── what was found


def precisions(scores: Tensor, right: Tensor, total: int, start: int = 1, at: str = "right") -> float:
    """A loop down the ranking."""
    found, summed = 0, 0.0
    for rank, i in enumerate(scores.argsort(descending=True).tolist(), start):
        found += int(right[i])
        summed += found / rank if rank and (at == "all" or right[i]) else 0.0
    return summed / total


def by_margin(shares: Tensor, named: Tensor, how: Callable[[list[float]], float] | None = None) -> Tensor:
    """One picture after the other."""
    how = how or (lambda row: row[-1] - row[-2])
    rows = [i for i in range(len(shares)) if not named[i]]
    return torch.tensor(sorted(rows, key=lambda i: how(sorted(shares[i].tolist()))), dtype=torch.int64)


def one_by_one(a: Tensor, b: Tensor, cut: bool = True, over: str = "union") -> Tensor:
    """Two loops over the boxes."""
    table = torch.zeros(len(a), len(b))
    for i, (x1, y1, x2, y2) in enumerate(a.tolist()):
        for j, (u1, v1, u2, v2) in enumerate(b.tolist()):
            width, height = min(x2, u2) - max(x1, u1), min(y2, v2) - max(y1, v1)
            shared = max(0.0, width) * max(0.0, height) if cut else width * height
            one, other = (x2 - x1) * (y2 - y1), (u2 - u1) * (v2 - v1)
            below = {"union": one + other - shared, "sum": one + other, "least": min(one, other), "a": one, "": 1.0}
            table[i, j] = shared / below[over]
    return table


def by_loops(b: Tensor, s: Tensor, overlap: float, order: list[int] | None = None, dropped: str = "") -> Tensor:
    """The surest of what is left stays, and what overlaps with it goes."""
    shared, stay, gone = one_by_one(b, b), [], []
    for i in s.argsort(descending=True).tolist() if order is None else order:
        others = stay + gone if dropped == "counts" else stay
        (gone if any(shared[i, j] > overlap for j in others) else stay).append(i)
    return torch.tensor(gone if dropped == "asked" else stay)


FOUND: list[tuple[str, Callable[..., Any], str]] = [
    ("nms", lambda b, s, o: by_loops(b, s, o, s.argsort().tolist()), "began with the box of the lowest score"),
    ("nms", lambda b, s, o: by_loops(b, s, o, dropped="counts"), "Only a box that stays can drop others"),
    ("nms", lambda b, s, o: by_loops(b, s, o, dropped="asked"), "These are the boxes that go"),
    ("nms", lambda b, s, o: by_loops(b, s, o).sort().values, "the surest comes first"),
    ("nms", lambda b, s, o: by_loops(b, s, o - 1e-6), "exactly `overlap` stays"),
    ("nms", lambda b, s, o: torch.isin(torch.arange(len(s)), by_loops(b, s, o)), "whether it stays"),
    ("nms", lambda b, s, o: by_loops(b, s, o)[:1], "kept the surest box alone"),
    ("nms", lambda b, s, o: by_loops(b, s, 2.0), "kept all boxes, sorted"),
    ("nms", lambda b, s, o: b[by_loops(b, s, o)], "These are the boxes themselves"),
    ("average_precision", lambda s, r, t: precisions(-s, r, t), "from the lowest score on"),
    ("average_precision", lambda s, r, t: precisions(-torch.arange(len(s)), r, t), "as they come. Sort them"),
    ("average_precision", lambda s, r, t: precisions(s, r, max(1, int(r.sum()))), "not found counts as precision 0"),
    ("average_precision", lambda s, r, t: precisions(s, r, len(s)), "divided by the number of results"),
    ("average_precision", lambda s, r, t: precisions(s, r, t, start=2), "Yours begin at 2"),
    ("average_precision", lambda s, r, t: precisions(s, r, t, at="all"), "added the precision at wrong results too"),
    ("average_precision", lambda s, r, t: precisions(s, r, 1), "The division is missing"),
    ("average_precision", lambda s, r, t: r.float().mean(), "precision of the whole list"),
    ("least_sure", lambda s, n: by_margin(s, n).flip(0), "turned round: the surest"),
    ("least_sure", lambda s, n: by_margin(s, ~n), "have a name already"),
    ("least_sure", lambda s, n: by_margin(s, torch.zeros_like(n)), "pictures that have a name too"),
    ("least_sure", lambda s, n: by_margin(s, n, lambda row: row[-1]), "the largest probability alone"),
    ("least_sure", lambda s, n: by_margin(s, n, lambda row: sum(p * math.log(p) for p in row)), "You took the entropy"),
    ("least_sure", lambda s, n: by_margin(s, n, lambda row: row[-1] - row[0]), "the largest minus the smallest"),
    ("least_sure", lambda s, n: by_margin(s[~n], n[~n]), "before you sorted"),
    ("iou", lambda a, b: one_by_one(a, b, over="sum"), "what they share is in it twice"),
    ("iou", lambda a, b: one_by_one(a, b, cut=False), "two negative sides"),
    ("iou", lambda a, b: one_by_one(a, b, over="least"), "the smaller of the two areas"),
    ("iou", lambda a, b: one_by_one(a, b, over="a"), "the area of `a` alone"),
    ("iou", lambda a, b: one_by_one(a, b, over=""), "the shared area itself"),
    ("iou", lambda a, b: one_by_one(b, a), "lies on its side"),
    ("iou", lambda a, b: 100 * one_by_one(a, b), "in percent"),
]


# ── spans


def damaged(x: Tensor, hidden: Tensor, **how: Any) -> Tensor:
    """What is read, text by text, with one thing that may be different."""
    made = torch.zeros_like(x)
    for row, (words, gone) in enumerate(zip(x.tolist(), hidden.tolist(), strict=True)):
        out, before = [], how.get("wrap", False) and gone[-1] and words[-1] > 0
        for word, hides in zip(words, gone, strict=True):
            if word == 0 and not (how.get("padding", False) and hides):
                continue
            if hides == how.get("hides", True):
                out += [how.get("sign", 1)] if not before or how.get("each", False) else how.get("rest", [])
            else:
                out.append(word)
            before = hides == how.get("hides", True)
        made[row, : len(out)] = torch.tensor(out[: x.shape[1]], dtype=torch.int64)
    return made


def damage(**how: Any) -> Callable[..., Tensor]:
    return lambda x, hidden: damaged(x, hidden, **how)


def through_unique(x: Tensor, hidden: Tensor) -> Tensor:
    rows = [torch.unique_consecutive(t[t > 0]) for t in torch.where(hidden & (x > 0), 1, x)]
    return torch.stack([F.pad(row, (0, x.shape[1] - len(row))) for row in rows])


def without_masks(x: Tensor, hidden: Tensor) -> Tensor:
    rows = [t[~gone & (t > 0)] for t, gone in zip(x, hidden, strict=True)]
    return torch.stack([F.pad(row, (0, x.shape[1] - len(row))) for row in rows])


SPANS: list[Case] = [
    ("span_corruption", damage(each=True), "Every hidden word has a <mask> of its own, as in BERT"),
    ("span_corruption", without_masks, "nothing says where"),
    ("span_corruption", through_unique, "Equal words next to each other have become one"),
    ("span_corruption", damage(rest=[0]), "words behind a span do not move up"),
    ("span_corruption", damage(padding=True), "Padding is hidden too"),
    ("span_corruption", damage(wrap=True), "is taken for the last one of the text"),
    ("span_corruption", damage(hides=False), "You hide the words that are to be seen"),
    ("span_corruption", damage(sign=2), "Spans stand behind <sep>"),
    ("span_corruption", damage(sign=0), "Spans have become padding"),
    ("span_corruption", lambda x, h: without_masks(x, ~h), "This is what is missing, and what the decoder"),
    ("span_corruption", lambda x, h: x, "Nothing has changed"),
    ("span_corruption", lambda x, h: (y := damaged(x, h))[:, : (y > 0).sum(1).max()], "Your rows are as long as"),
    ("span_corruption", lambda x, h: damaged(x, h[:1].expand_as(h)), "The first text's choice holds for all"),
    ("span_corruption", lambda x, h: x if h else damaged(x, h), "Each place has its own choice"),
]


WRONG = [
    *SPANS,
    *FOUND,
    *AGREEMENT,
    *OWN,
    *GENERATIVE,
    *PARTNERS,
    *TURNS,
    *HIDDEN,
    *FAMILY,
    *ATTENTION,
    *WORDS,
    *SEARCH,
    *NT_XENT,
    *INFO_NCE,
    *GEOMETRY,
    *KNN,
    *PROBE,
    *STEP,
    *CROP,
    *GRAY,
    *BRIGHT,
]
EXERCISES = [name for name in check.__all__ if name != "Report"]

RIGHT: list[tuple[str, Callable[..., Any]]] = [
    ("average_precision", precisions),
    ("iou", one_by_one),
    ("nms", by_loops),
    ("least_sure", by_margin),
    ("partner_labels", lambda pictures: torch.tensor(partners(pictures))),
    ("partner_labels", lambda pictures: torch.arange(2 * pictures).roll(pictures)),
    ("rotation_batch", turn_by_loops),
    ("rotation_batch", turning()),
    ("rotation_batch", turning(give=lambda pictures, labels: [pictures, labels])),
    ("rotation_batch", by_the_library),
    ("patchify", squares),
    ("patchify", lambda x, patch: F.unfold(x, patch, stride=patch).mT),
    ("mask_sampling", smallest),
    ("mask_sampling", lambda noise, ratio: noise.argsort(1).argsort(1) < round(ratio * noise.shape[1])),
    ("mask_tokens", shown),
    ("span_corruption", damaged),
    ("mlm_loss", asked_words),
    ("mlm_loss", lambda z, t: F.cross_entropy(z.flatten(0, 1), t.flatten(), ignore_index=0)),
    ("causal_mask", table),
    ("bm25", searched),
    ("span_f1", overlap),
    ("span_f1", tasks.f1),
    ("causal_mask", lambda length: torch.ones(length, length).tril().bool()),
    ("causal_mask", lambda n: torch.arange(n)[:, None] >= torch.arange(n)),
    ("feature_std", on_sphere),
    ("effective_rank", directions),
    ("moving_average", average),
    ("queue_loss", lambda q, k, n, t: queue_rows(q, k.detach(), n.detach(), t)),
    ("byol_loss", lambda p1, p2, t1, t2: (apart(p1, t2) + apart(p2, t1)) / 2),
    ("cross_correlation", correlation),
    ("variance", lambda z: torch.clamp(1 - z.std(0), min=0).mean()),
    ("variance", lambda z: F.relu(1 - torch.sqrt(z.var(0) + 1e-4)).mean()),
    ("sinkhorn", even),
    ("sharpened", lambda s, c, t: torch.softmax((s - c) / t, dim=-1)),
    ("attention", head),
    ("attention", lambda q, k, v: F.scaled_dot_product_attention(q, k, v)),
    ("nt_xent", loops),
    ("nt_xent", variant()),
    ("nt_xent", nt_xent),
    ("nt_xent", lambda temperature, z2, z1: loops(z1, z2, temperature)),  # names, not places
    ("nt_xent", lambda a, b, tau: {"loss": loops(a, b, tau)}),
    ("info_nce", single()),
    ("alignment", lambda a, b: 2 - 2 * F.cosine_similarity(a, b).mean()),
    ("uniformity", lambda z: torch.pdist(unit(z)).pow(2).mul(-2).exp().mean().log()),
    ("knn", knn_variant()),
    ("knn", evaluate.knn),
    ("linear_probe", probe_variant()),
    ("linear_probe", probe_variant(steps=150)),
    ("linear_probe", evaluate.linear),
    ("training_step", step),
    ("training_step", steps_of("zfbs")),
    ("pca_reconstruction", components),
    ("pca_reconstruction", lambda x, k: torch.stack([components(x, k)[i] for i in range(len(x))])),
    ("denoising_loss", to_clean),
    ("denoising_loss", lambda network, clean, noisy: ((clean - network(noisy)) ** 2).mean()),
    ("reparameterise", drawn_latent),
    ("gaussian_kl", kl_by_torch),
    ("discriminator_loss", critic),
    ("generator_loss", fooled),
    ("mig", lambda i, h: (gaps(i, h) / h).mean()),
    ("rank_correlation", spearman),
    ("rank_correlation", product_of_ranks),
    ("rank_correlation", lambda a, b: spearmanr(a.numpy(), b.numpy()).statistic),
    ("linear_cka", cka),
    ("linear_cka", cka_of_tables),
    ("epps_pulley", epps),
    ("slices", lambda z, noise: z @ (noise / noise.norm(dim=1, keepdim=True)).T),
    ("method", Mine),
    ("method", SimCLR),
    ("method", lambda encoder: VICReg(encoder, projector=(64, 64))),
    ("crop", gather),
    ("grayscale", gray),
    ("brightness", bright),
    ("brightness", lambda x, s, g: (x * torch.empty(len(x), 1, 1, 1).uniform_(1 - s, 1 + s, generator=g)).clamp(0, 1)),
]


@pytest.mark.parametrize(("name", "f"), RIGHT, ids=[f"{n}-{i}" for i, (n, _) in enumerate(RIGHT)])
def test_the_right_answer_passes(name: str, f: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    report = getattr(check, name)(f)
    assert report.passed, report.message
    assert report
    assert capsys.readouterr().out == report.message + "\n"
    assert report.message.startswith(f"✓ {name}: ")


@pytest.mark.parametrize(("name", "f", "says"), WRONG, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(WRONG)])
def test_a_wrong_answer_is_told_its_mistake(name: str, f: Callable[..., Any], says: str) -> None:
    report = getattr(check, name)(f)
    assert not report.passed
    assert report.attempted
    assert report.message.startswith(f"✗ {name}: ")
    assert says in report.message


@pytest.mark.parametrize("name", EXERCISES)
def test_each_exercise_knows_five_mistakes(name: str) -> None:
    assert sum(n == name for n, _, _ in WRONG) >= 5
    assert any(n == name for n, _ in RIGHT)


def raises(*_: Any) -> None:
    raise NotImplementedError


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("f", [None, ..., lambda *_: None, lambda *_: ..., raises])
def test_not_attempted_is_said_kindly(name: str, f: Any, capsys: pytest.CaptureFixture[str]) -> None:
    report = getattr(check, name)(f)
    assert (report.passed, report.attempted) == (False, False)
    out = capsys.readouterr().out
    assert out.startswith(f"○ {name}: not tried yet")
    assert "goes on" in out


@pytest.mark.parametrize("name", EXERCISES)
def test_a_result_instead_of_the_function_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="function itself"):
        getattr(check, name)(torch.tensor(1.0))


@pytest.mark.parametrize("name", EXERCISES)
def test_an_error_in_the_function_stops_nothing(name: str) -> None:
    report = getattr(check, name)(lambda *_: 1 // 0)
    assert "ZeroDivisionError" in report.message
    assert report.attempted


def test_overflow_is_a_remark_and_no_failure() -> None:
    assert "beyond float32" in check.nt_xent(loops).message
    assert "A remark" not in check.nt_xent(variant()).message


def test_too_many_neighbours_are_a_remark() -> None:
    def f(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, k: int) -> float:
        assert k <= len(train_z)
        return evaluate.knn(train_z, train_y, test_z, test_y, k)

    report = check.knn(f)
    assert report.passed
    assert "min(k, len(train_z))" in report.message


def test_a_loss_kept_with_its_graph_is_a_remark() -> None:
    def f(method: Any, optimiser: Any, views: list[Tensor]) -> Tensor:
        loss = method(views)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss

    report = check.training_step(f)
    assert report.passed
    assert "loss.item()" in report.message


def test_a_check_draws_no_number_that_others_see() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    for name, f in (("nt_xent", variant()), ("brightness", bright), ("training_step", step), ("knn", evaluate.knn)):
        assert getattr(check, name)(f).passed
    assert torch.equal(torch.rand(3), expected)


def test_no_two_mistakes_look_alike() -> None:
    """Each known mistake of the votes, probes and losses gives other numbers than the right way and every other one."""
    votes = {n: lambda *i, n=n: probes._vote(*i, wrong=n) for n in ("", *probes.VOTES)}
    two = {n: lambda *i, n=n: losses._two_views(*i, frozenset([n])) for n in ("", *losses.TWO_VIEWS)}
    one = {n: lambda *i, n=n: losses._one_view(*i, frozenset([n])) for n in ("", *losses.ONE_VIEW)}
    crowds, pairs = probes._crowds(), losses._pairs()
    families = [(crowds, votes, 1 / 300), (pairs, two, 1e-3), (pairs, one, 1e-3)]
    for trials, ways, margin in families:
        values = {name: torch.tensor([float(way(*t.inputs)) for t in trials]) for name, way in ways.items()}
        for (a, va), (b, vb) in itertools.combinations(values.items(), 2):
            assert not torch.allclose(va, vb, rtol=margin, atol=margin), (a, b)


# What a hint claims is tried first.


def told(name: str, f: Callable[..., Any]) -> str:
    report = getattr(check, name)(f)
    assert not report.passed
    return str(report.message)


def mixed(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
    return momentum * teacher + (1 - momentum) * student


def test_of_several_parts_the_right_one_is_told() -> None:
    assert "return the first part alone" in told("moving_average", lambda t, s, m: (mixed(t, s, m), s))
    assert "return the second part alone" in told("moving_average", lambda t, s, m: [s, mixed(t, s, m)])
    assert "torch.stack makes it" in told("moving_average", lambda t, s, m: list(mixed(t, s, m)))
    neither = told("moving_average", lambda t, s, m: (t, s))
    assert "the parts are: shape (3, 2), shape (3, 2)" in neither
    assert not re.search("alone|torch", neither)


def test_an_argument_is_not_called_unused_where_nothing_is_left_of_it() -> None:
    def first_axis(noise: Tensor, ratio: float) -> Tensor:
        places = noise.argsort(dim=1)[: round(ratio * noise.shape[1])]
        return torch.zeros(noise.shape, dtype=torch.bool).scatter(1, places, True)

    rows = told("mask_sampling", first_axis)
    assert "does not depend" not in rows
    assert "whole rows are chosen, or left out" in rows
    empty = told("mlm_loss", lambda z, t: F.cross_entropy(z[t == 1], t[t == 1]))
    assert "does not depend" not in empty
    assert "`cross_entropy` is given an empty tensor" in empty


def test_right_for_a_number_is_said_only_where_it_is_no_accident() -> None:
    def almost(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
        return mixed(teacher, student, momentum) * (1 + 2e-5 + momentum**2 / 9)

    assert "It is right for" not in told("moving_average", almost)

    def softmax_first(scores: Tensor, epsilon: float, rounds: int) -> Tensor:
        q = (scores / epsilon).softmax(1)
        for _ in range(rounds):
            q = q / q.sum(0)
            q = q / q.sum(1, keepdim=True)
        return q

    assert "It is right for" not in told("sinkhorn", softmax_first)


def test_a_known_mistake_is_named_only_where_it_gives_the_very_numbers() -> None:
    named = "The student's part is missing"
    assert named in told("moving_average", lambda t, s, m: m * t)
    assert named not in told("moving_average", lambda t, s, m: m * t + 4e-5 * (t + s))
    views = told("partner_labels", lambda b: torch.cat((torch.ones(b), torch.zeros(b))).long())
    assert "which of its two views a row is" in views
    other = told("partner_labels", lambda b: torch.arange(2 * b) % 2)
    assert "the largest takes all" not in other


def test_the_nearest_mean_is_not_called_a_step_of_descent() -> None:
    def middles(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor) -> float:
        mean, std = train_z.mean(0), train_z.std(0)
        a, b = (train_z - mean) / std, (test_z - mean) / std
        means = torch.stack([a[train_y == c].mean(0) for c in range(int(train_y.max()) + 1)])
        return float((torch.cdist(b, means).argmin(1) == test_y).float().mean())

    assert "the class with the nearest mean" in told("linear_probe", middles)


def test_an_eleventh_class_counts() -> None:
    def ten(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor) -> float:
        keep = train_y < 10
        return evaluate.linear(train_z[keep], train_y[keep], test_z, test_y)

    assert "twelve classes" in told("linear_probe", ten)


def test_the_argument_with_the_wrong_share_is_told() -> None:
    message = told("moving_average", lambda t, s, m: m * t + (1 - m**2) ** 0.5 * s)
    assert "The share of `t` is right; that of `s` is 0.4359 instead of 0.1" in message

    def own(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
        return momentum**0.5 * teacher + (1 - momentum) * student

    assert "that of `teacher` is 0.9487 instead of 0.9" in told("moving_average", own)


def test_sizes_that_differ_are_shown_without_a_guess() -> None:
    def f(x: Tensor, top: Tensor, left: Tensor, size: int) -> Tensor:
        return torch.stack([x[i, :, top[i] : size, left[i] : size] for i in range(len(x))])

    message = told("crop", f)
    assert "got [3, 3, 4] at entry 0 and [3, 5, 5] at entry 1" in message
    assert "torch.stack([x[i, :, top[i] : size" in message
    assert not re.search("edge|below 0|mixed up", message)


def test_the_number_in_a_hint_is_what_was_tried() -> None:
    assert "targets > 3" in told("mlm_loss", lambda z, t: F.cross_entropy(z[t > 3], t[t > 3]))


# What the lessons write down: the cell that asks, and the answer folded below it.

LESSONS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
CELLS = [(path.stem, cell) for path in LESSONS for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
SOURCES = [(lesson, cell["cell_type"], "".join(cell["source"])) for lesson, cell in CELLS]
ASKED = [
    (lesson, found[1], found[2], source)
    for lesson, kind, source in SOURCES
    if kind == "code" and (found := re.search(r"^check\.(\w+)\((my_\w+)\)", source, re.MULTILINE))
]
ANSWERS = {
    (lesson, found[2]): found[1]
    for lesson, kind, source in SOURCES
    if kind == "markdown" and (found := re.search(r"<details>.*```python\n(def (my_\w+).*?)```", source, re.DOTALL))
}


def defined(source: str, name: str) -> Callable[..., Any]:
    """The function of that name that a cell defines."""
    names: dict[str, Any] = {"torch": torch, "F": F}
    exec(source.partition("\ncheck.")[0], names)
    f: Callable[..., Any] = names[name]
    return f


@pytest.mark.parametrize(
    ("name", "mine", "source"),
    [pytest.param(*a[1:], id=f"{a[0][:2]}-{a[1]}") for a in ASKED],
)
def test_the_cell_asks_for_the_arguments_that_the_check_gives(name: str, mine: str, source: str) -> None:
    signature = inspect.signature(defined(source, mine))

    def nothing(**_: Any) -> None:
        """Takes the cell's arguments by their names alone, so that other names cannot stand for them."""

    by_name = [p.replace(kind=p.KEYWORD_ONLY, default=p.empty) for p in signature.parameters.values()]
    nothing.__signature__ = signature.replace(parameters=by_name)  # type: ignore[attr-defined]
    report = getattr(check, name)(nothing)
    assert not report.attempted, report.message


@pytest.mark.parametrize(
    ("name", "answer"),
    [(name, ANSWERS[lesson, mine]) for lesson, name, mine, _ in ASKED if (lesson, mine) in ANSWERS],
    ids=[name for lesson, name, mine, _ in ASKED if (lesson, mine) in ANSWERS],
)
def test_the_folded_answer_passes(name: str, answer: str) -> None:
    report = getattr(check, name)(defined(answer, re.findall(r"def (my_\w+)", answer)[0]))
    assert report.passed, report.message


def test_the_lessons_were_read() -> None:
    assert len(ASKED) >= 15
    assert {("02_loop_and_probe", "my_knn"), ("09_pretext", "my_rotation_batch")} <= set(ANSWERS)


def test_what_a_check_agrees_with_is_there() -> None:
    sources = (path.read_text(encoding="utf-8") for path in Path(check.__file__).parent.glob("*.py"))
    names = [name for source in sources for name in re.findall(r'agrees_with="(sslwb[\w.]+)"', source)]
    assert len(names) > 10
    assert [name for name in names if pydoc.locate(name) is None] == []
