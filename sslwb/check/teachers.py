"""Exercises on teachers: the moving average, the queue's loss, BYOL's loss. Lessons 04 and 05."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.check.losses import COMMON
from sslwb.check.report import Mistake, Report, Trial, judge
from sslwb.methods import byol, moco


def moving_average(f: Any) -> Report:
    """Check `f(teacher, student, momentum)`, two tensors → the teacher's new value, m · teacher + (1 - m) · student."""

    def truth(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
        return momentum * teacher + (1 - momentum) * student

    mistakes = [
        Mistake(
            "Teacher and student are exchanged: the momentum belongs to the teacher, which is to move slowly.",
            lambda t, s, m: m * s + (1 - m) * t,
        ),
        Mistake("The shares add up to more than 1: the student's is 1 - momentum.", lambda t, s, m: m * t + s),
        Mistake(
            "You took the mean of the two. The teacher keeps the share `momentum` of itself.",
            lambda t, s, m: (t + s) / 2,
        ),
        Mistake("You copied the student: that is momentum 0.", lambda t, s, m: s),
        Mistake("The teacher does not move at all: that is momentum 1.", lambda t, s, m: t),
        Mistake(
            "You add the student to the whole teacher: the teacher shrinks to its share first, momentum · teacher.",
            lambda t, s, m: t + (1 - m) * s,
        ),
        Mistake(
            "You step away from the student: teacher + (1 - momentum) · (student - teacher) is the step to it.",
            lambda t, s, m: t - (1 - m) * (s - t),
        ),
    ]
    g = torch.Generator().manual_seed(0)
    trials = [
        Trial(f"momentum {m}", (torch.randn(3, 2, generator=g), torch.randn(3, 2, generator=g), m))
        for m in (0.9, 0.99, 0.0, 1.0, 0.3)
    ]
    return judge(
        "moving_average",
        f,
        truth,
        trials,
        mistakes,
        arguments=("teacher", "student", "momentum"),
        agrees_with="sslwb.methods.teacher.ema_update",
    )


def queue_loss(f: Any) -> Report:
    """Check `f(query, key, queue, temperature)`: (B, D), (B, D), (K, D) → scalar, against `moco.queue_loss`."""

    def unit(z: Tensor) -> Tensor:
        return F.normalize(z, dim=1)

    def loss(q: Tensor, k: Tensor, n: Tensor, t: float, reduction: str = "mean") -> Tensor:
        logits = torch.cat(((q * k).sum(1, keepdim=True), q @ n.T), dim=1) / t
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long), reduction=reduction)

    def without_positive(q: Tensor, k: Tensor, n: Tensor, t: float) -> Tensor:
        q, k, n = unit(q), unit(k), unit(n)
        return ((q @ n.T / t).logsumexp(1) - (q * k).sum(1) / t).mean()

    def with_the_batch(q: Tensor, k: Tensor, n: Tensor, t: float) -> Tensor:
        q, k, n = unit(q), unit(k), unit(n)
        return F.cross_entropy(torch.cat((q @ k.T, q @ n.T), dim=1) / t, torch.arange(len(q)))

    mistakes = [
        Mistake(COMMON["unnormalised"], loss),
        Mistake(
            "The queue is not normalised: its keys get length 1 as well.",
            lambda q, k, n, t: loss(unit(q), unit(k), n, t),
        ),
        Mistake(COMMON["temperature multiplied"], lambda q, k, n, t: loss(unit(q), unit(k), unit(n), 1 / t)),
        Mistake(COMMON["temperature forgotten"], lambda q, k, n, t: loss(unit(q), unit(k), unit(n), 1.0)),
        Mistake(COMMON["sum"], lambda q, k, n, t: loss(unit(q), unit(k), unit(n), t, "sum")),
        Mistake(COMMON["sign"], lambda q, k, n, t: -loss(unit(q), unit(k), unit(n), t)),
        Mistake(COMMON["positive not in denominator"], without_positive),
        Mistake(
            "The other keys of the batch are among your negatives. In MoCo the queue alone holds negatives.",
            with_the_batch,
        ),
        Mistake(
            "The queue is missing: you compare with the batch's keys. MoCo's negatives stand in the queue.",
            lambda q, k, n, t: F.cross_entropy(unit(q) @ unit(k).T / t, torch.arange(len(q))),
        ),
        Mistake(
            "You only pull query and key together. All pictures in one point would be perfect: the queue pushes.",
            lambda q, k, n, t: -F.cosine_similarity(q, k).mean(),
        ),
    ]
    g = torch.Generator().manual_seed(0)
    trials = []
    for b, d, size, temperature in ((4, 8, 6, 0.5), (2, 3, 10, 1.0), (5, 2, 5, 0.2), (3, 16, 7, 2.0)):
        q = torch.randn(b, d, generator=g)
        k = q + 0.5 * torch.randn(b, d, generator=g)
        inputs = q, 2 * k, 3 * torch.randn(size, d, generator=g), temperature
        trials.append(Trial(f"B = {b}, D = {d}, a queue of {size}, temperature {temperature}", inputs))
    return judge(
        "queue_loss",
        f,
        moco.queue_loss,
        trials,
        mistakes,
        agrees_with="sslwb.methods.moco.queue_loss",
        arguments=("query", "key", "queue", "temperature"),
    )


def byol_loss(f: Any) -> Report:
    """Check `f(p1, p2, t1, t2)`: predictions and targets of two views, (B, D) each → scalar, against `byol.byol_loss`.

    p1 predicts t2 and p2 predicts t1: the mean of 2 - 2 cos over both directions.
    """

    def truth(p1: Tensor, p2: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
        return byol.byol_loss(torch.stack((p1, p2)), torch.stack((t1, t2)))

    def cos(a: Tensor, b: Tensor) -> Tensor:
        return F.cosine_similarity(a, b).mean()

    mistakes = [
        Mistake(
            "Each prediction meets the target of its own view. It must predict the *other* view: p1 with t2.",
            lambda p1, p2, t1, t2: 2 - cos(p1, t1) - cos(p2, t2),
        ),
        Mistake(
            COMMON["unnormalised"],
            lambda p1, p2, t1, t2: ((p1 - t2).square().sum(1) + (p2 - t1).square().sum(1)).mean() / 2,
        ),
        Mistake(
            "Only the first view predicts: p2 predicts t1 as well. Take the mean of both.",
            lambda p1, p2, t1, t2: 2 - 2 * cos(p1, t2),
        ),
        Mistake(
            "You added both directions: take their mean.", lambda p1, p2, t1, t2: 4 - 2 * cos(p1, t2) - 2 * cos(p2, t1)
        ),
        Mistake(
            "This is minus the cosine (SimSiam's form). BYOL's squared distance is 2 - 2 · cosine.",
            lambda p1, p2, t1, t2: -(cos(p1, t2) + cos(p2, t1)) / 2,
        ),
        Mistake(
            "This is the cosine itself: the loss must fall as they agree, 2 - 2 · cosine.",
            lambda p1, p2, t1, t2: (cos(p1, t2) + cos(p2, t1)) / 2,
        ),
        Mistake(
            "This is 1 - cosine, half of the squared distance: 2 - 2 · cosine.",
            lambda p1, p2, t1, t2: 1 - (cos(p1, t2) + cos(p2, t1)) / 2,
        ),
        Mistake(
            "You compare the two predictions. A prediction must meet a target.",
            lambda p1, p2, t1, t2: 2 - 2 * cos(p1, p2),
        ),
        Mistake(
            "You compare the two targets: then the predictor, and all that learns, is not in the loss.",
            lambda p1, p2, t1, t2: 2 - 2 * cos(t1, t2),
        ),
        Mistake("You summed over the batch: take the mean.", lambda p1, p2, t1, t2: len(p1) * truth(p1, p2, t1, t2)),
    ]
    g = torch.Generator().manual_seed(0)
    trials = [
        Trial(f"B = {b}, D = {d}", tuple(torch.randn(4, b, d, generator=g) * 2)) for b, d in ((4, 8), (2, 3), (5, 16))
    ]
    return judge(
        "byol_loss",
        f,
        truth,
        trials,
        mistakes,
        arguments=("p1", "p2", "t1", "t2"),
        agrees_with="sslwb.methods.byol.byol_loss",
    )
