"""Exercises on what was found: a ranking, what to name next, two boxes, and one object found twice. Lessons 20, 21."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sslwb.check.report import Mistake, Report, Trial, drawn, judge

# intersection over union


def _overlap(
    a: Tensor,
    b: Tensor,
    *,
    more: float = 0.0,
    clamp: tuple[bool, bool] = (True, True),
    low: Callable[[Tensor, Tensor], Tensor] = torch.maximum,
    high: Callable[[Tensor, Tensor], Tensor] = torch.minimum,
) -> Tensor:
    """(N, M): how much each pair of boxes shares."""
    sides = high(a[:, None, 2:], b[None, :, 2:]) - low(a[:, None, :2], b[None, :, :2]) + more
    across, down = (side.clamp(min=0) if cut else side for side, cut in zip(sides.unbind(2), clamp, strict=True))
    return across * down


def _areas(boxes: Tensor, more: float = 0.0) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0] + more) * (boxes[:, 3] - boxes[:, 1] + more)


def _corners(boxes: Tensor) -> Tensor:
    """Boxes read as x, y, width, height."""
    return torch.cat((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 1)


def _iou(
    a: Tensor,
    b: Tensor,
    *,
    below: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda a, b, shared: a + b - shared,
    of: Callable[[Tensor], Tensor] = lambda boxes: boxes,
    more: float = 0.0,
    **how: Any,
) -> Tensor:
    a, b = of(a), of(b)
    shared = _overlap(a, b, more=more, **how)
    return shared / below(_areas(a, more)[:, None], _areas(b, more)[None], shared)


def _boxes(g: torch.Generator, n: int, m: int, away: bool = False) -> tuple[Tensor, Tensor]:
    def made(count: int, right: float) -> Tensor:
        corner, side = 20 * torch.rand(count, 2, generator=g), 6 + 14 * torch.rand(count, 2, generator=g)
        corner[:, 0] += right
        return torch.cat((corner, corner + side), 1)

    return made(n, 0.0), made(m, 50.0 if away else 0.0)


def iou(f: Any) -> Report:
    """Check `f(a, b)`: boxes (N, 4) and (M, 4), each x1, y1, x2, y2 with x1 < x2 and y1 < y2 → (N, M), 0 to 1.

    Intersection over union: the area that two boxes share, divided by the area that at least one of them covers;
    coordinates are lengths, so a box is x2 - x1 wide. Source: Everingham et al. 2010, section 4.2.
    """
    far = "Boxes that lie apart in x and in y have two negative sides, and their product looks like an area"
    wrong: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "You divided by the sum of both areas: what they share is in it twice. The union is that sum without what they "
        "share.": partial(_iou, below=lambda a, b, shared: a + b),
        "This is Dice's measure: twice the shared area over the sum of the areas. Here the union stands below the "
        "line.": lambda a, b: 2 * _iou(a, b, below=lambda x, y, shared: x + y),
        "You divided by the smaller of the two areas, so a small box inside a large one gets 1: divide by the union.": (
            partial(_iou, below=lambda a, b, shared: torch.minimum(a, b))
        ),
        "You divided by the larger of the two areas: divide by the union, what at least one of them covers.": partial(
            _iou, below=lambda a, b, shared: torch.maximum(a, b)
        ),
        "You divided by the area of `a` alone: divide by the union.": partial(_iou, below=lambda a, b, shared: a),
        "You divided by the area of `b` alone: divide by the union.": partial(_iou, below=lambda a, b, shared: b),
        f"{far}. Both sides of the intersection want .clamp(min=0) before they are multiplied.": partial(
            _iou, clamp=(False, False)
        ),
        "The width of the intersection is not cut off at 0: where boxes lie side by side, apart in x, it is "
        "negative. .clamp(min=0).": partial(_iou, clamp=(False, True)),
        "The height of the intersection is not cut off at 0: where boxes lie one above the other, apart in y, it is "
        "negative. .clamp(min=0).": partial(_iou, clamp=(True, False)),
        f"{far}. You cut the product off at 0 and not the two sides.": lambda a, b: (
            (shared := _overlap(a, b, clamp=(False, False)).clamp(min=0))
            / (_areas(a)[:, None] + _areas(b)[None] - shared)
        ),
        f"{far}. You cut the result off at 0 and not the two sides.": lambda a, b: _iou(
            a, b, clamp=(False, False)
        ).clamp(min=0),
        "You added 1 to each side, as for boxes that count pixels. Here coordinates are lengths: x2 - x1.": partial(
            _iou, more=1.0
        ),
        "Smallest and largest are mixed up: the intersection begins at the larger of the two x1 and ends at the "
        "smaller of the two x2. Yours is the box round both.": partial(_iou, low=torch.minimum, high=torch.maximum),
        "Yours begins at the smaller of the two x1. The intersection begins where the later box begins: at the larger "
        "one.": partial(_iou, low=torch.minimum),
        "Yours ends at the larger of the two x2. The intersection ends where the first box ends: at the smaller "
        "one.": partial(_iou, high=torch.maximum),
        "You read the boxes as x, y, width, height. They are x1, y1, x2, y2: two corners.": partial(_iou, of=_corners),
        "This is the shared area itself: divide by the union.": _overlap,
        "This is the union: what they share stands above the line.": lambda a, b: (
            _areas(a)[:, None] + _areas(b)[None] - _overlap(a, b)
        ),
        "This is 1 minus the intersection over union, a distance. Asked is how much they share.": lambda a, b: (
            1 - _iou(a, b)
        ),
        "This is in percent. A number from 0 to 1 is asked.": lambda a, b: 100 * _iou(a, b),
        "Your table lies on its side: a row for each box of `a`, a column for each of `b`, (N, M).": lambda a, b: (
            _iou(a, b).T
        ),
        "You compared the boxes row by row. Each box of `a` meets each box of `b`: a[:, None] and b[None].": (
            lambda a, b: _iou(a[: len(b)], b[: len(a)]).diagonal()
        ),
        "Whether they overlap at all is not asked, but how much of the union they share.": lambda a, b: (
            _overlap(a, b) > 0
        ).float(),
        "This is generalised IoU, which also takes off the empty part of the box round both.": _generalised,
    }
    return judge(
        "iou",
        f,
        _iou,
        [
            *drawn(
                _boxes,
                "{n} and {m} boxes",
                {"n": 5, "m": 3},
                {"n": 4, "m": 6},
                {"n": 1, "m": 7},
                {"n": 6, "m": 2, "away": True},
            ),
            Trial("a box beside itself", (torch.tensor([[1.0, 2.0, 4.0, 8.0]]), torch.tensor([[1.0, 2.0, 4.0, 8.0]]))),
        ],
        [Mistake(hint, make) for hint, make in wrong.items()],
        arguments=("a", "b"),
        agrees_with="torchvision.ops.box_iou",
    )


def _generalised(a: Tensor, b: Tensor) -> Tensor:
    around = _overlap(a, b, low=torch.minimum, high=torch.maximum)
    union = _areas(a)[:, None] + _areas(b)[None] - _overlap(a, b)
    return _iou(a, b) - (around - union) / around


# non-maximum suppression


def _kept(
    boxes: Tensor,
    scores: Tensor,
    overlap: float,
    *,
    same: Callable[[Tensor, float], Tensor] = lambda shared, overlap: shared > overlap,
    falling: bool = True,
    of: Callable[[Tensor, Tensor], Tensor] = _iou,
    greedy: bool = True,
) -> Tensor:
    """A box goes where a surer one that stays shares too much with it."""
    order = scores.argsort(descending=falling, stable=True)
    twice = same(of(boxes[order], boxes[order]), overlap)
    stays = torch.ones(len(order), dtype=torch.bool)
    for i in range(len(order)):
        stays[i] = not (twice[i, :i] & (stays[:i] if greedy else True)).any()
    return order[stays]


def _crowd(g: torch.Generator, objects: int, each: int) -> tuple[Tensor, Tensor, float]:
    """Some boxes round each of some objects, so that many chains of overlapping boxes occur."""
    corner = 30 * torch.rand(objects, 1, 2, generator=g) + 7 * torch.rand(objects, each, 2, generator=g)
    boxes = torch.cat((corner, corner + 10 + 4 * torch.rand(objects, each, 2, generator=g)), 2).flatten(0, 1)
    scores = torch.randperm(len(boxes), generator=g).float().add(1) / (len(boxes) + 1)
    return boxes, scores, 0.4


def nms(f: Any) -> Report:
    """Check `f(boxes, scores, overlap)`: (N, 4) as x1, y1, x2, y2, (N,), no two alike, a number → int64 (M,).

    Non-maximum suppression: from the surest box on, a box stays unless it shares more than `overlap` (intersection over
    union) with one that stays. The numbers of the boxes that stay, the surest first.
    Source: Felzenszwalb et al. 2010, "Object Detection with Discriminatively Trained Part-Based Models", section 7.2.
    """
    wrong: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
        "You began with the box of the lowest score. The surest comes first: argsort(descending=True).": partial(
            _kept, falling=False
        ),
        "You dropped what overlaps with *any* surer box, even one that was dropped itself. Only a box that stays can "
        "drop others.": partial(_kept, greedy=False),
        "You dropped boxes that share less than `overlap`, and kept those that share more: it is the other way "
        "round.": partial(_kept, same=lambda shared, overlap: shared < overlap),
        "A box that shares exactly `overlap` stays: more than that is asked, >.": partial(
            _kept, same=lambda shared, overlap: shared >= overlap
        ),
        "These are the right boxes in the order of their numbers: the surest comes first.": lambda b, s, o: (
            _kept(b, s, o).sort().values
        ),
        "These are places in the sorted list. The numbers of the boxes are asked: order[…].": lambda b, s, o: s.argsort(
            descending=True
        ).argsort()[_kept(b, s, o)],
        "This says for each box whether it stays. Their numbers are asked, the surest first.": lambda b, s, o: (
            torch.zeros(len(s), dtype=torch.bool).index_fill(0, _kept(b, s, o), True)
        ),
        "These are the boxes that go. Those that stay are asked.": lambda b, s, o: _without(s, _kept(b, s, o)),
        "You kept the surest box alone. Boxes elsewhere are other objects: go on with what is left.": lambda b, s, o: (
            s.argmax()[None]
        ),
        "You kept all boxes, sorted. Those that share more than `overlap` with a surer one go.": lambda b, s, o: _order(
            s
        ),
        "You compared each box with the one before it in the sorted list alone. Each meets all that stay.": _beside,
        "You measured what is shared by the smaller of the two areas: intersection over union is asked.": partial(
            _kept, of=lambda a, b: _iou(a, b, below=lambda x, y, shared: torch.minimum(x, y))
        ),
        "You compared the shared area itself with `overlap`: divide it by the union.": partial(_kept, of=_overlap),
        "These are the boxes themselves. Their numbers are asked.": lambda b, s, o: b[_kept(b, s, o)],
        "These are the scores of the boxes that stay. Their numbers are asked.": lambda b, s, o: s[_kept(b, s, o)],
        "You dropped boxes whose score is below `overlap`. It is about how much two boxes share.": lambda b, s, o: (
            _order(s)[: int((s >= o).sum())]
        ),
    }
    exact = torch.tensor([[0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 1.0, 1.0], [5.0, 5.0, 7.0, 7.0]])
    return judge(
        "nms",
        f,
        _kept,
        [
            *drawn(
                _crowd,
                "{objects} objects, {each} boxes round each",
                {"objects": 3, "each": 5},
                {"objects": 2, "each": 9},
                {"objects": 5, "each": 3},
                {"objects": 1, "each": 1},
            ),
            Trial("two boxes that share exactly the half", (exact, torch.tensor([0.6, 0.9, 0.3]), 0.5)),
        ],
        [Mistake(hint, make) for hint, make in wrong.items()],
        arguments=("boxes", "scores", "overlap"),
        agrees_with="torchvision.ops.nms",
    )


def _without(scores: Tensor, kept: Tensor) -> Tensor:
    order = _order(scores)
    return order[~torch.isin(order, kept)]


def _beside(boxes: Tensor, scores: Tensor, overlap: float) -> Tensor:
    order = _order(scores)
    shared = _iou(boxes[order], boxes[order]).diagonal(-1)
    return order[torch.cat((torch.ones(1, dtype=torch.bool), shared <= overlap))]


# average precision


def _order(scores: Tensor) -> Tensor:
    return scores.argsort(descending=True, stable=True)


def _ap(
    scores: Tensor,
    right: Tensor,
    total: int,
    *,
    order: Callable[[Tensor], Tensor] = _order,
    precision: Callable[[Tensor, Tensor], Tensor] = lambda found, rank: found / rank,
    over: Callable[[Tensor, int], float] = lambda right, total: total,
) -> Tensor:
    hits = right[order(scores)].double()
    rank = torch.arange(1, len(hits) + 1).double()
    return ((precision(hits.cumsum(0), rank) * hits).sum() / over(right, total)).float()


def _ranked(g: torch.Generator, n: int, right: int, missing: int) -> tuple[Tensor, Tensor, int]:
    scores = torch.rand(n, generator=g)
    hits = torch.zeros(n, dtype=torch.bool)
    # right ones lean to the front, and not all of them
    lean = scores + 0.6 * torch.rand(n, generator=g)
    hits[lean.topk(right).indices] = True
    return scores, hits, right + missing


def average_precision(f: Any) -> Report:
    """Check `f(scores, right, total)`: float (N,), bool (N,) and a number → scalar, 0 to 1.

    N results with their scores, no two alike, and which of them are right; `total` right ones exist, of which some may
    not be among the N. In the order of falling scores: the precision at each right one, the share of right ones among
    all up to there, added up and divided by `total`.
    Source: Manning, Raghavan and Schütze 2008, "Introduction to Information Retrieval", section 8.4.
    """
    count = "There are `total` right ones, and one that was not found counts as precision 0"
    wrong: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
        "You went through the results from the lowest score on. The highest comes first: argsort(descending=True).": (
            partial(_ap, order=lambda s: s.argsort(stable=True))
        ),
        "You took the results as they come. Sort them first, from the highest score on.": partial(
            _ap, order=lambda s: torch.arange(len(s))
        ),
        f"You divided by the right ones among the results. {count}.": partial(
            _ap, over=lambda r, t: max(1.0, float(r.sum()))
        ),
        f"You divided by the right ones among the results, which may be none. {count}.": partial(
            _ap, over=lambda r, t: float(r.sum())
        ),
        "You divided by the number of results, so what is wrong counts too: divide by `total`.": partial(
            _ap, over=lambda r, t: len(r)
        ),
        "Ranks are counted from 1: the first result, if right, has precision 1 of 1. Yours begin at 2.": partial(
            _ap, precision=lambda found, rank: found / (rank + 1)
        ),
        "You divided by a rank that is counted from 0. The first result has rank 1.": partial(
            _ap, precision=lambda found, rank: found / (rank - 1)
        ),
        "This is the mean over the right ones of 1 / rank. Precision at a rank is the number of right ones up to "
        "there, divided by the rank.": partial(_ap, precision=lambda found, rank: 1 / rank),
        "This adds up recall, the share of all right ones found so far. Precision is asked: their share among the "
        "results so far.": lambda s, r, t: _ap(s, r, t, precision=lambda found, rank: found / t),
        "At each right one you counted the right ones before it and not itself: cumsum has it in.": partial(
            _ap, precision=lambda found, rank: (found - 1) / rank
        ),
        "You raised each precision to the largest that comes later, as detection benchmarks do (interpolated). Here it "
        "stays as it is.": partial(_ap, precision=_interpolated),
        "This is the precision of the whole list. It is asked at each right one, so that their places count.": (
            lambda s, r, t: r.double().mean().float()
        ),
        "This is the recall of the whole list: how many were found, wherever they stand.": lambda s, r, t: (
            r.double().sum() / t
        ).float(),
        "You took the mean of the precision over all ranks, right or wrong: only ranks with a right result count.": (
            lambda s, r, t: _at_all(s, r, len(r))
        ),
        "You added the precision at wrong results too: only ranks with a right result count.": lambda s, r, t: _at_all(
            s, r, t
        ),
        "This is the precision at one rank, the number of right ones that there are (R-precision). It is asked at each "
        "right one.": lambda s, r, t: (r[_order(s)].double()[:t].sum() / t).float(),
        "This is 1 / rank of the first right one, the reciprocal rank. All right ones count.": lambda s, r, t: (
            r.any() / (r[_order(s)].double().argmax() + 1)
        ).float(),
        "This is in percent. A number from 0 to 1 is asked.": lambda s, r, t: 100 * _ap(s, r, t),
        "This is the area by trapezoids under precision over recall, which smooths between right ones: add up the "
        "precision at each.": _trapezoids,
        "You multiplied scores into it. They only say the order.": lambda s, r, t: (
            (s[_order(s)].double() * r[_order(s)]).sum() / t
        ).float(),
        "The division is missing: add up the precision at each right one, and divide by `total`.": partial(
            _ap, over=lambda r, t: 1.0
        ),
    }
    trials = drawn(
        _ranked,
        "{n} results, {right} of them right, {missing} more not found",
        {"n": 10, "right": 4, "missing": 0},
        {"n": 12, "right": 5, "missing": 3},
        {"n": 7, "right": 1, "missing": 1},
        {"n": 30, "right": 11, "missing": 2},
    )
    none = Trial("4 results, none of them right", (torch.tensor([0.3, 0.9, 0.1, 0.4]), torch.zeros(4).bool(), 2))
    return judge(
        "average_precision",
        f,
        _ap,
        [*trials, replace(none, suspicion="where nothing right was found, the answer is 0")],
        [Mistake(hint, make) for hint, make in wrong.items()],
        arguments=("scores", "right", "total"),
        agrees_with="scikit-learn's average_precision_score",
    )


def _interpolated(found: Tensor, rank: Tensor) -> Tensor:
    return (found / rank).flip(0).cummax(0).values.flip(0)


def _at_all(scores: Tensor, right: Tensor, over: int) -> Tensor:
    hits = right[_order(scores)].double()
    return ((hits.cumsum(0) / torch.arange(1, len(hits) + 1)).sum() / over).float()


def _trapezoids(scores: Tensor, right: Tensor, total: int) -> Tensor:
    found = right[_order(scores)].double().cumsum(0)
    precision, recall = found / torch.arange(1, len(found) + 1), found / total
    one, zero = torch.ones(1).double(), torch.zeros(1).double()
    return torch.trapezoid(torch.cat((one, precision)), torch.cat((zero, recall))).float()


# what to name next


def _margin(shares: Tensor) -> Tensor:
    two = shares.topk(2, 1).values
    return two[:, 0] - two[:, 1]


def _sure(
    shares: Tensor,
    named: Tensor,
    *,
    of: Callable[[Tensor], Tensor] = _margin,
    falling: bool = False,
    left: Callable[[Tensor], Tensor] = lambda named: ~named,
) -> Tensor:
    order = of(shares).argsort(stable=True, descending=falling)
    return order[left(named)[order]]


def _entropy(shares: Tensor) -> Tensor:
    return -(shares * shares.clamp_min(1e-12).log()).sum(1)


def _answers(g: torch.Generator, n: int, classes: int, named: int) -> tuple[Tensor, Tensor]:
    shares = (2 * torch.randn(n, classes, generator=g)).softmax(1)
    return shares, torch.randperm(n, generator=g) < named


def least_sure(f: Any) -> Report:
    """Check `f(shares, named)`: probabilities (N, C) and bool (N,) → int64 (M,), the M pictures without a name.

    The least sure comes first: that whose likeliest class is the least ahead of the next (its margin).
    """
    margin = "How sure is the margin: the largest probability of a picture minus its second largest"
    wrong: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "Yours are the pictures that have a name already: those without one are asked for, ~named.": partial(
            _sure, left=lambda named: named
        ),
        "Your list holds pictures that have a name too: leave them out.": partial(
            _sure, left=lambda named: torch.ones_like(named)
        ),
        "Your order is turned round: the surest comes first.": partial(_sure, falling=True),
        f"You took the largest probability alone. {margin}.": partial(_sure, of=lambda s: s.amax(1)),
        f"You took the second largest probability alone. {margin}.": partial(
            _sure, of=lambda s: s.topk(2, 1).values[:, 1]
        ),
        f"You took the second largest probability, from the largest on. {margin}.": partial(
            _sure, of=lambda s: s.topk(2, 1).values[:, 1], falling=True
        ),
        f"You took the largest minus the smallest. {margin}.": partial(_sure, of=lambda s: s.amax(1) - s.amin(1)),
        f"You took the entropy, the most uncertain first: a good measure too, but another order. {margin}.": partial(
            _sure, of=_entropy, falling=True
        ),
        f"You took the entropy, from the smallest on, so the surest comes first; and another measure is asked. "
        f"{margin}.": partial(_sure, of=_entropy),
        f"You took the first class minus the second, whichever they are. {margin}.": partial(
            _sure, of=lambda s: s[:, 0] - s[:, 1]
        ),
        f"You divided the largest by the second largest. {margin}.": partial(
            _sure, of=lambda s: s.topk(2, 1).values[:, 0] / s.topk(2, 1).values[:, 1]
        ),
        "You sorted, and gave back the margins themselves: the pictures' numbers are asked, argsort.": lambda s, n: (
            _margin(s[~n]).sort().values
        ),
        "You took out the named pictures before you sorted, so your numbers count the others only. Sort all, and leave "
        "the named ones out of the order.": lambda s, n: _sure(s[~n], n[~n]),
        "You give one picture. All that have no name are asked for, in order.": lambda s, n: _sure(s, n)[:1],
        "Your numbers are ranks, one for each picture: argsort of argsort. The order itself is asked, the least sure "
        "first.": lambda s, n: _sure(s, torch.zeros_like(n)).argsort()[~n],
    }
    return judge(
        "least_sure",
        f,
        _sure,
        drawn(
            _answers,
            "{n} pictures, {classes} classes, {named} with a name",
            {"n": 9, "classes": 4, "named": 3},
            {"n": 14, "classes": 3, "named": 6},
            {"n": 6, "classes": 5, "named": 0},
            {"n": 12, "classes": 2, "named": 5},
            {"n": 5, "classes": 3, "named": 5},
        ),
        [Mistake(hint, make) for hint, make in wrong.items()],
        arguments=("shares", "named"),
        agrees_with="sslwb.tasks.least_sure",
    )
