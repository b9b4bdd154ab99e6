"""Exercises on teachers: the moving average, the queue's loss, BYOL's loss. Lessons 04 and 05."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.check.losses import COMMON
from sslwb.check.report import Mistake, Report, drawn, judge, variations
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
        Mistake(
            "The shares add up to less than 1: the teacher keeps momentum · teacher.", lambda t, s, m: (1 - m) * (t + s)
        ),
        Mistake("Both get the share `momentum`: the student's is 1 - momentum.", lambda t, s, m: m * (t + s)),
        Mistake("The student's part is missing: + (1 - momentum) · student.", lambda t, s, m: m * t),
        Mistake("The teacher's part is missing: momentum · teacher +", lambda t, s, m: (1 - m) * s),
        Mistake("You added the two: they are mixed in shares, momentum and 1 - momentum.", lambda t, s, m: t + s),
        Mistake(
            "You subtract the student's part: add it, momentum · teacher + (1 - momentum) · student.",
            lambda t, s, m: m * t - (1 - m) * s,
        ),
        Mistake(
            "The step to the student has the length `momentum`: it is 1 - momentum, so that the teacher moves slowly.",
            lambda t, s, m: t + m * (s - t),
        ),
        Mistake(
            "This is the step alone: the teacher's new value is teacher + step.", lambda t, s, m: (1 - m) * (s - t)
        ),
        Mistake(
            "This is an optimiser's momentum, which adds up: a moving average keeps shares that sum to 1.",
            lambda t, s, m: m * t + (s - t),
        ),
        Mistake("You divided by the momentum, or left it: momentum · teacher.", lambda t, s, m: t / m + (1 - m) * s),
        Mistake(
            "The momentum is fixed in your function at 0.99: use the argument.", lambda t, s, m: 0.99 * t + 0.01 * s
        ),
        Mistake("The momentum is fixed in your function at 0.9: use the argument.", lambda t, s, m: 0.9 * t + 0.1 * s),
        Mistake(
            "The momentum is fixed in your function at 0.996: use the argument.", lambda t, s, m: 0.996 * t + 0.004 * s
        ),
        Mistake(
            "The momentum is fixed in your function at 0.999: use the argument.", lambda t, s, m: 0.999 * t + 0.001 * s
        ),
        Mistake(
            "Brackets are missing: (1 - momentum) · student, not 1 - momentum · student.",
            lambda t, s, m: m * t + 1 - m * s,
        ),
        Mistake(
            "The student's weights are averaged to one number: each weight meets its own.",
            lambda t, s, m: m * t + (1 - m) * s.mean(),
        ),
        Mistake(
            "The step to the student is multiplied by the momentum too: it is 1 - momentum, once.",
            lambda t, s, m: t + m * (1 - m) * (s - t),
        ),
        Mistake(
            "The momentum is rounded to a whole number: leave out int() or round().",
            lambda t, s, m: int(m) * t + (1 - int(m)) * s,
        ),
        Mistake(
            "You took the mean of the result, one number: every weight has its own.",
            lambda t, s, m: (m * t + (1 - m) * s).mean(),
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

    def draw(g: torch.Generator, shape: tuple[int, ...], momentum: float) -> tuple[Any, ...]:
        return torch.randn(shape, generator=g), torch.randn(shape, generator=g), momentum

    trials = drawn(
        draw,
        "weights of shape {shape}, momentum {momentum}",
        *({"shape": (3, 2), "momentum": m} for m in (0.9, 0.99, 0.0, 1.0, 0.3)),
        {"shape": (4,), "momentum": 0.6},
        {"shape": (2, 3, 2, 2), "momentum": 0.6},
    )
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

    def loss(
        query: Tensor,
        key: Tensor,
        queue: Tensor,
        temperature: float,
        *,
        query_dim: int | None = 1,
        key_dim: int | None = 1,
        queue_dim: int | None = 1,
        scale: str = "divided",
        negatives: str = "queue",
        labels: str = "first",
        end: str = "mean",
    ) -> Tensor:
        """The loss, each of whose parts may be done in another way."""

        def unit(z: Tensor, dim: int | None) -> Tensor:
            return z if dim is None else F.normalize(z, dim=dim)

        q, k, n = unit(query, query_dim), unit(key, key_dim), unit(queue, queue_dim)
        one, many, row = (q * k).sum(1, keepdim=True), q @ n.T, torch.arange(len(q))
        if negatives == "queue and batch":
            one, many, labels = q @ k.T, many, "arange"
        if negatives == "batch":
            one, many, labels = q @ k.T, many[:, :0], "arange"
        if negatives == "batch, label 0":
            one = q @ k.T
        if negatives == "keys to queue":
            many = k @ n.T
        if negatives == "keys summed":
            one = (q @ k.T).sum(1, keepdim=True)
        if negatives == "one query":
            many = many[:1].expand_as(many)
        if scale != "positive alone":
            many = many / temperature
        if scale != "negatives alone":
            one = one / temperature
        logits = torch.cat((one, many), dim=1)
        if scale == "multiplied":
            logits = logits * temperature**2
        if scale == "none":
            logits = logits * temperature
        right = {"arange": row, "last": 0 * row + logits.shape[1] - 1, "ones": 0 * row + 1}.get(labels, 0 * row)
        if end == "softmax twice":
            logits = logits.softmax(1)
        if end == "over the batch":
            return -logits.log_softmax(0)[row, right].mean()
        above, below = logits[row, right], logits.logsumexp(1)
        if end == "without positive":
            below = logits[:, 1:].logsumexp(1)
        if end == "mean below":
            below = below - math.log(logits.shape[1])
        share = above - below
        ends = {
            "sum": -share.sum(),
            "turned": share.mean(),
            "no logarithm": -share.exp().mean(),
            "log of mean": -share.exp().mean().log(),
            "positive alone": -above.mean(),
        }
        return ends.get(end, -share.mean())

    wrong: dict[str, dict[str, Any]] = {
        "The key is not normalised: it gets the length 1, as query and queue do.": {"key_dim": None},
        "The query is not normalised: it gets the length 1, as key and queue do.": {"query_dim": None},
        "The queue is not normalised: its keys get length 1 as well.": {"queue_dim": None},
        "Query and key are not normalised: they get the length 1, as the queue does.": {
            "query_dim": None,
            "key_dim": None,
        },
        "Key and queue are not normalised: they get the length 1, as the query does.": {
            "key_dim": None,
            "queue_dim": None,
        },
        COMMON["unnormalised"]: {"query_dim": None, "key_dim": None, "queue_dim": None},
        COMMON["normalised over the batch"]: {"query_dim": 0, "key_dim": 0, "queue_dim": 0},
        "The query is normalised along the batch (dim=0): each row gets length 1, dim=1.": {"query_dim": 0},
        "The key is normalised along the batch (dim=0): each row gets length 1, dim=1.": {"key_dim": 0},
        "The queue is normalised along its K keys (dim=0): each row gets length 1, dim=1.": {"queue_dim": 0},
        COMMON["temperature multiplied"]: {"scale": "multiplied"},
        COMMON["temperature forgotten"]: {"scale": "none"},
        "Only the positive is divided by the temperature: the negatives as well.": {"scale": "positive alone"},
        "Only the negatives are divided by the temperature: the positive as well.": {"scale": "negatives alone"},
        "Your labels are arange(B), as in a batch of pairs. Here the positive stands in column 0 of every row, so all "
        "labels are 0: torch.zeros(B, dtype=torch.long).": {"labels": "arange"},
        "Your labels point to the last column, and the positive stands in the first: all labels are 0.": {
            "labels": "last"
        },
        "Your label points to the first negative. Where the positive comes first, the label is 0; where it comes "
        "last, behind the K negatives, the label is K. Put the positive where the label points.": {"labels": "ones"},
        "The other keys of the batch are among your negatives. In MoCo the queue alone holds negatives.": {
            "negatives": "queue and batch"
        },
        "The query is compared with all keys of the batch, and all labels are 0, which is the first key for "
        "every query: the positive is one number a row, (query * key).sum(1, keepdim=True).": {
            "negatives": "batch, label 0"
        },
        "The queue is missing: you compare with the batch's keys. MoCo's negatives stand in the queue.": {
            "negatives": "batch"
        },
        "Your negatives compare the key with the queue: it is the query that looks among the keys.": {
            "negatives": "keys to queue"
        },
        "The positive's score sums over all keys of the batch: it is that of the query's own key alone, "
        "(query * key).sum(1, keepdim=True).": {"negatives": "keys summed"},
        "The first query's negatives are used for all: each query has its own row, query @ queue.T.": {
            "negatives": "one query"
        },
        COMMON["sum"]: {"end": "sum"},
        COMMON["sign"]: {"end": "turned"},
        COMMON["positive not in denominator"]: {"end": "without positive"},
        COMMON["mean below"]: {"end": "mean below"},
        COMMON["softmax twice"]: {"end": "softmax twice"},
        COMMON["no logarithm"]: {"end": "no logarithm"},
        COMMON["mean before logarithm"]: {"end": "log of mean"},
        "You took the softmax over the batch (dim=0): each query, a row, chooses among 1 + K keys, dim=1.": {
            "end": "over the batch"
        },
        "You only pull query and key together. All pictures in one point would be perfect: the queue pushes.": {
            "end": "positive alone"
        },
    }
    mistakes = [
        *variations(loss, wrong),
        Mistake(
            "You only pull query and key together. All pictures in one point would be perfect: the queue pushes.",
            lambda q, k, n, t: -F.cosine_similarity(q, k).mean(),
        ),
    ]

    def draw(g: torch.Generator, B: int, D: int, K: int, temperature: float) -> tuple[Any, ...]:
        q = torch.randn(B, D, generator=g)
        k = q + 0.5 * torch.randn(B, D, generator=g)
        length = 0.5 + torch.rand(B, 1, generator=g)
        return q * length, 2 * k, 3 * torch.randn(K, D, generator=g), temperature

    sizes = ((4, 8, 6, 0.5), (2, 3, 10, 1.0), (5, 2, 5, 0.2), (3, 16, 7, 2.0))
    trials = drawn(
        draw,
        "B = {B}, D = {D}, a queue of {K}, temperature {temperature}",
        *({"B": b, "D": d, "K": k, "temperature": t} for b, d, k, t in sizes),
    )
    return judge(
        "queue_loss",
        f,
        moco.queue_loss,
        trials,
        mistakes,
        agrees_with="sslwb.methods.moco.queue_loss",
        arguments=("query", "key", "queue", "temperature"),
        trained=("query",),
        fixed=("key", "queue"),
    )


def byol_loss(f: Any) -> Report:
    """Check `f(p1, p2, t1, t2)`: predictions and targets of two views, (B, D) each → scalar, against `byol.byol_loss`.

    p1 predicts t2 and p2 predicts t1: the mean of 2 - 2 cos over both directions.
    """

    def truth(p1: Tensor, p2: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
        return byol.byol_loss(torch.stack((p1, p2)), torch.stack((t1, t2)))

    def loss(
        p1: Tensor,
        p2: Tensor,
        t1: Tensor,
        t2: Tensor,
        *,
        p_dim: int | None = 1,
        t_dim: int | None = 1,
        pairs: str = "other view",
        distance: str = "squared",
        over: str = "mean",
        directions: str = "mean",
    ) -> Tensor:
        """The loss, each of whose parts may be done in another way."""

        def unit(z: Tensor, dim: int | None) -> Tensor:
            return z if dim is None else F.normalize(z, dim=dim)

        p1, p2, t1, t2 = unit(p1, p_dim), unit(p2, p_dim), unit(t1, t_dim), unit(t2, t_dim)
        both = {
            "own view": ((p1, t1), (p2, t2)),
            "first own view": ((p1, t1), (p1, t1)),
            "predictions": ((p1, p2), (p2, p1)),
            "targets": ((t1, t2), (t2, t1)),
            "first twice": ((p1, t2), (p1, t2)),
            "second twice": ((p2, t1), (p2, t1)),
            "one prediction": ((p1, t1), (p1, t2)),
            "one target": ((p1, t1), (p2, t1)),
            "second target": ((p1, t2), (p2, t2)),
        }.get(pairs, ((p1, t2), (p2, t1)))

        def apart(p: Tensor, t: Tensor) -> Tensor:
            gap = p - t
            distances: dict[str, Tensor] = {
                "distance": gap.norm(dim=1),
                "absolute": gap.abs().sum(1),
                "minus cosine": -(p * t).sum(1),
                "cosine": (p * t).sum(1),
                "half": 1 - (p * t).sum(1),
                "mse": gap.square().mean(1),
                "signed": gap.sum(1),
                "no 2": 2 - (p * t).sum(1),
                "plus": 2 + 2 * (p * t).sum(1),
                "all pairs": torch.cdist(p, t).square().mean(1),
            }
            each = distances.get(distance, gap.square().sum(1))
            ends: dict[str, Tensor] = {"sum": each.sum(), "max": each.max()}
            return ends.get(over, each.mean())

        a, b = (apart(*pair) for pair in both)
        together: dict[str, Tensor] = {"sum": a + b, "difference": a - b, "product": a * b}
        return together.get(directions, (a + b) / 2)

    wrong: dict[str, dict[str, Any]] = {
        "Each prediction meets the target of its own view. It must predict the *other* view: p1 with t2.": {
            "pairs": "own view"
        },
        "Only the first view predicts, and meets its own target: p1 with t2, p2 with t1, the mean of both.": {
            "pairs": "first own view"
        },
        COMMON["unnormalised"]: {"p_dim": None, "t_dim": None},
        "Only the targets are normalised: the predictions get the length 1 as well.": {"p_dim": None},
        "Only the predictions are normalised: the targets get the length 1 as well.": {"t_dim": None},
        COMMON["normalised over the batch"]: {"p_dim": 0, "t_dim": 0},
        "The predictions are normalised along the batch (dim=0): each row gets length 1, dim=1.": {"p_dim": 0},
        "The targets are normalised along the batch (dim=0): each row gets length 1, dim=1.": {"t_dim": 0},
        "Only the first view predicts: p2 predicts t1 as well. Take the mean of both.": {"pairs": "first twice"},
        "Only the second view predicts: p1 predicts t2 as well. Take the mean of both.": {"pairs": "second twice"},
        "Both times the first prediction is used: the second pair is p2 with t1.": {"pairs": "one prediction"},
        "Both times the target t1 is used: p1 predicts t2.": {"pairs": "one target"},
        "Both times the target t2 is used: p2 predicts t1.": {"pairs": "second target"},
        "You compare the two predictions. A prediction must meet a target.": {"pairs": "predictions"},
        "You compare the two targets: then the predictor, and all that learns, is not in the loss.": {
            "pairs": "targets"
        },
        "You added both directions: take their mean.": {"directions": "sum"},
        "You subtracted one direction from the other: take their mean.": {"directions": "difference"},
        "You multiplied both directions: take their mean.": {"directions": "product"},
        "You took the mean over the D coordinates too, as F.mse_loss does: sum over them (dim=1), then take the "
        "mean over the "
        "batch.": {"distance": "mse"},
        "The square is missing: this is the distance, and the squared distance is asked for.": {"distance": "distance"},
        "The square is missing: you took absolute differences. Square them.": {"distance": "absolute"},
        "The square is missing: you summed the differences, where plus and minus cancel.": {"distance": "signed"},
        "This is minus the cosine (SimSiam's form). BYOL's squared distance is 2 - 2 · cosine.": {
            "distance": "minus cosine"
        },
        "This is the cosine itself: the loss must fall as they agree, 2 - 2 · cosine.": {"distance": "cosine"},
        "This is 1 - cosine, half of the squared distance: 2 - 2 · cosine.": {"distance": "half"},
        "The second 2 is missing: the squared distance is 2 - 2 · cosine.": {"distance": "no 2"},
        "The sign before the cosine is turned round: 2 - 2 · cosine, which is 0 where both agree.": {
            "distance": "plus"
        },
        "You compared all rows with all rows: compare row i with row i.": {"distance": "all pairs"},
        "You summed over the batch: take the mean.": {"over": "sum"},
        "You took the largest distance in the batch: take the mean.": {"over": "max"},
    }
    mistakes = variations(loss, wrong)

    def draw(g: torch.Generator, B: int, D: int) -> tuple[Any, ...]:
        return tuple(torch.randn(4, B, D, generator=g) * 2)

    trials = drawn(draw, "B = {B}, D = {D}", *({"B": b, "D": d} for b, d in ((4, 8), (2, 3), (5, 16))))
    return judge(
        "byol_loss",
        f,
        truth,
        trials,
        mistakes,
        arguments=("p1", "p2", "t1", "t2"),
        trained=("p1", "p2"),
        agrees_with="sslwb.methods.byol.byol_loss",
    )
