"""Lessons 20 and 21: a ranking, two boxes, and one object found twice."""

import torch
from sklearn.metrics import average_precision_score
from torchvision.ops import box_iou, nms

from . import right, wrong

# average precision


@right("average_precision")
def _(scores, right, total):
    found, precisions = 0, []
    for rank, i in enumerate(sorted(range(len(scores)), key=lambda i: -scores[i].item()), start=1):
        if right[i]:
            found += 1
            precisions.append(found / rank)
    return sum(precisions) / total


@right("average_precision")
def _(scores, right, total):
    if not right.any():
        return torch.tensor(0.0)
    found = average_precision_score(right.numpy(), scores.numpy())
    return torch.tensor(found * right.sum().item() / total)


@right("average_precision")
def _(scores, right, total):
    hits = right[torch.argsort(-scores)].float()
    at = torch.nonzero(hits)[:, 0] + 1
    return (torch.arange(1, len(at) + 1) / at).sum() / total


@wrong("average_precision", "lowest score", "order|[Ss]ort")
def _(scores, right, total):
    hits = right[scores.argsort()].float()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    return (precision * hits).sum() / total


@wrong("average_precision", "as they come", "[Ss]ort")
def _(scores, right, total):
    hits = right.float()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    return (precision * hits).sum() / total


@wrong("average_precision", "not found counts as precision 0", "total")
def _(scores, right, total):
    hits = right[scores.argsort(descending=True)]
    precision = hits.float().cumsum(0) / torch.arange(1, len(hits) + 1)
    return precision[hits].sum() / max(1, int(hits.sum()))


@wrong("average_precision", "among the results", "total")
def _(scores, right, total):
    return torch.tensor(average_precision_score(right.numpy(), scores.numpy()))


@wrong("average_precision", "right or wrong|only ranks with a right", "precision")
def _(scores, right, total):
    hits = right[scores.argsort(descending=True)].float()
    return (hits.cumsum(0) / torch.arange(1, len(hits) + 1)).mean()


@wrong("average_precision", "reciprocal rank", "first")
def _(scores, right, total):
    for rank, i in enumerate(scores.argsort(descending=True).tolist(), 1):
        if right[i]:
            return 1 / rank
    return 0.0


@wrong("average_precision", "interpolated|largest that comes later")
def _(scores, right, total):
    hits = right[scores.argsort(descending=True)]
    precision = hits.float().cumsum(0) / torch.arange(1, len(hits) + 1)
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    return precision[hits].sum() / total


@wrong("average_precision", "before it and not itself", "precision")
def _(scores, right, total):
    found, summed = 0, 0.0
    for rank, i in enumerate(scores.argsort(descending=True).tolist(), 1):
        if right[i]:
            summed += found / rank
            found += 1
    return summed / total


@wrong("average_precision", "recall", "precision")
def _(scores, right, total):
    return right.sum() / total


# what to name next


@right("least_sure")
def _(shares, named):
    best = shares.sort(dim=1, descending=True).values
    margin = best[:, 0] - best[:, 1]
    margin[named] = float("inf")
    return margin.argsort(stable=True)[: int((~named).sum())]


@right("least_sure")
def _(shares, named):
    free = torch.nonzero(~named)[:, 0]
    two = shares[free].topk(2).values
    return free[torch.argsort(two[:, 0] - two[:, 1], stable=True)]


@wrong("least_sure", "largest probability alone", "margin")
def _(shares, named):
    free = torch.nonzero(~named)[:, 0]
    return free[shares[free].max(1).values.argsort()]


@wrong("least_sure", "entropy", "margin")
def _(shares, named):
    free = torch.nonzero(~named)[:, 0]
    h = torch.distributions.Categorical(probs=shares[free]).entropy()
    return free[h.argsort(descending=True)]


@wrong("least_sure", "turned round|surest", "order")
def _(shares, named):
    free = torch.nonzero(~named)[:, 0]
    two = shares[free].topk(2).values
    return free[torch.argsort(two[:, 0] - two[:, 1], descending=True)]


@wrong("least_sure", "count the others only|before you sorted", "named")
def _(shares, named):
    two = shares[~named].topk(2).values
    return torch.argsort(two[:, 0] - two[:, 1])


@wrong("least_sure", "a name too", "named")
def _(shares, named):
    two = shares.topk(2).values
    return torch.argsort(two[:, 0] - two[:, 1])


@wrong("least_sure", "margins themselves|argsort")
def _(shares, named):
    two = shares[~named].topk(2).values
    return (two[:, 0] - two[:, 1]).sort().values


# intersection over union


@right("iou")
def _(a, b):
    return box_iou(a, b)


@right("iou")
def _(a, b):
    table = torch.zeros(len(a), len(b))
    for i, (x1, y1, x2, y2) in enumerate(a.tolist()):
        for j, (u1, v1, u2, v2) in enumerate(b.tolist()):
            shared = max(0.0, min(x2, u2) - max(x1, u1)) * max(0.0, min(y2, v2) - max(y1, v1))
            table[i, j] = shared / ((x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - shared)
    return table


def sides(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0)


def shared(a, b, clamp=True):
    low, high = torch.max(a[:, None, :2], b[:, :2]), torch.min(a[:, None, 2:], b[:, 2:])
    side = high - low
    return (side.clamp(min=0) if clamp else side).prod(2)


@wrong("iou", "sum of both areas|without what they share", "union")
def _(a, b):
    return shared(a, b) / (sides(a).prod(1)[:, None] + sides(b).prod(1))


@wrong("iou", "negative", "clamp")
def _(a, b):
    s = shared(a, b, clamp=False)
    return s / (sides(a).prod(1)[:, None] + sides(b).prod(1) - s)


@wrong("iou", "added 1 to each side")
def _(a, b):
    low, high = torch.max(a[:, None, :2], b[:, :2]), torch.min(a[:, None, 2:], b[:, 2:])
    s = (high - low + 1).clamp(min=0).prod(2)
    return s / ((sides(a) + 1).prod(1)[:, None] + (sides(b) + 1).prod(1) - s)


@wrong("iou", "x, y, width, height|two corners")
def _(a, b):
    return box_iou(torch.cat((a[:, :2], a[:, :2] + a[:, 2:]), 1), torch.cat((b[:, :2], b[:, :2] + b[:, 2:]), 1))


@wrong("iou", "row for each box of `a`|on its side", "shape")
def _(a, b):
    return box_iou(b, a)


@wrong("iou", "smaller of the two areas", "union")
def _(a, b):
    return shared(a, b) / torch.min(sides(a).prod(1)[:, None], sides(b).prod(1))


@wrong("iou", "shared area itself", "union")
def _(a, b):
    return shared(a, b)


@wrong("iou", "Dice", "union")
def _(a, b):
    return 2 * shared(a, b) / (sides(a).prod(1)[:, None] + sides(b).prod(1))


@wrong("iou", "area of `b` alone", "union")
def _(a, b):
    return shared(a, b) / sides(b).prod(1)


# non-maximum suppression


@right("nms")
def _(boxes, scores, overlap):
    return nms(boxes, scores, overlap)


@right("nms")
def _(boxes, scores, overlap):
    left, kept = scores.argsort(descending=True), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[box_iou(boxes[best][None], boxes[left])[0] <= overlap]
    return torch.stack(kept)


@right("nms")
def _(boxes, scores, overlap):
    scores, kept = scores.clone(), []
    while scores.max() > 0:
        i = int(scores.argmax())
        kept.append(i)
        scores[box_iou(boxes[i : i + 1], boxes)[0] > overlap] = 0
        scores[i] = 0
    return torch.tensor(kept)


@wrong("nms", r"any\* surer box|dropped itself", "stays")
def _(boxes, scores, overlap):
    order = scores.argsort(descending=True)
    twice = (box_iou(boxes[order], boxes[order]) > overlap).tril(-1).any(1)
    return order[~twice]


@wrong("nms", "lowest score", "surest")
def _(boxes, scores, overlap):
    return nms(boxes, 1 - scores, overlap)


@wrong("nms", "less than `overlap`|other way", "overlap")
def _(boxes, scores, overlap):
    left, kept = scores.argsort(descending=True), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[box_iou(boxes[best][None], boxes[left])[0] >= overlap]
    return torch.stack(kept)


@wrong("nms", "exactly `overlap`", "more than")
def _(boxes, scores, overlap):
    left, kept = scores.argsort(descending=True), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[box_iou(boxes[best][None], boxes[left])[0] < overlap]
    return torch.stack(kept)


@wrong("nms", "order of their numbers", "surest")
def _(boxes, scores, overlap):
    stays = torch.ones(len(scores), dtype=torch.bool)
    for i in scores.argsort(descending=True):
        if stays[i]:
            for j in range(len(scores)):
                if scores[j] < scores[i] and box_iou(boxes[i][None], boxes[j][None]) > overlap:
                    stays[j] = False
    return torch.nonzero(stays)[:, 0]


@wrong("nms", "places in the sorted list", "order")
def _(boxes, scores, overlap):
    ranked = boxes[scores.argsort(descending=True)]
    kept = []
    for i in range(len(ranked)):
        if not kept or (box_iou(ranked[i][None], ranked[kept]) <= overlap).all():
            kept.append(i)
    return torch.tensor(kept)


@wrong("nms", "whether it stays", "numbers")
def _(boxes, scores, overlap):
    stays = torch.zeros(len(scores), dtype=torch.bool)
    stays[nms(boxes, scores, overlap)] = True
    return stays


@wrong("nms", "one before it", "all")
def _(boxes, scores, overlap):
    order = scores.argsort(descending=True)
    kept = [int(order[0])]
    for before, i in zip(order.tolist(), order[1:].tolist(), strict=False):
        if box_iou(boxes[before][None], boxes[i][None]) <= overlap:
            kept.append(i)
    return torch.tensor(kept)


@wrong("nms", "smaller of the two areas", "union")
def _(boxes, scores, overlap):
    order, kept = scores.argsort(descending=True), []
    for i in order.tolist():
        least = [torch.min(sides(boxes[[i]]).prod(), sides(boxes[[j]]).prod()) for j in kept]
        if all(shared(boxes[[i]], boxes[[j]])[0, 0] / area <= overlap for j, area in zip(kept, least, strict=True)):
            kept.append(i)
    return torch.tensor(kept)
