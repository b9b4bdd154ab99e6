"""Lessons 22 and 23: which passage answers a question, and how much of a right answer was said."""

import math
from collections import Counter

import torch

from . import right, wrong

# BM25


def rare(passages):
    n = (passages > 0).sum(0).double()
    return torch.log(1 + (len(passages) - n + 0.5) / (n + 0.5))


def lengths(passages, b):
    words = passages.sum(1, keepdim=True)
    return 1 - b + b * words / words.mean()


@right("bm25")
def _(queries, passages, k1, b):
    weight = passages / (passages + k1 * lengths(passages, b)) * rare(passages)
    return queries @ weight.nan_to_num(0).T


@right("bm25")
def _(queries, passages, k1, b):
    scores = torch.zeros(len(queries), len(passages), dtype=torch.float64)
    mean = passages.sum().item() / len(passages)
    for i, query in enumerate(queries.tolist()):
        for j, passage in enumerate(passages.tolist()):
            long = 1 - b + b * sum(passage) / mean
            for word, times in enumerate(query):
                if times and passage[word]:
                    n = int((passages[:, word] > 0).sum())
                    idf = math.log(1 + (len(passages) - n + 0.5) / (n + 0.5))
                    scores[i, j] += times * idf * passage[word] / (passage[word] + k1 * long)
    return scores


@wrong("bm25", "idf is missing", "idf")
def _(queries, passages, k1, b):
    return queries @ (passages / (passages + k1 * lengths(passages, b))).nan_to_num(0).T


@wrong("bm25", "how many passages have the word", "idf|n")
def _(queries, passages, k1, b):
    n = passages.sum(0)
    idf = torch.log1p((len(passages) - n + 0.5) / (n + 0.5))
    return queries @ (passages / (passages + k1 * lengths(passages, b)) * idf).nan_to_num(0).T


@wrong("bm25", "Long passages are not held back", "length|B")
def _(queries, passages, k1, b):
    return queries @ (passages / (passages + k1) * rare(passages)).T


@wrong("bm25", "k1 \\+ 1", "factor")
def _(queries, passages, k1, b):
    weight = passages * (k1 + 1) / (passages + k1 * lengths(passages, b)) * rare(passages)
    return queries @ weight.nan_to_num(0).T


@wrong("bm25", "counts once|says twice", "quer")
def _(queries, passages, k1, b):
    weight = passages / (passages + k1 * lengths(passages, b)) * rare(passages)
    return (queries > 0).double() @ weight.nan_to_num(0).T


@wrong("bm25", "tf-idf", "idf")
def _(queries, passages, k1, b):
    idf = torch.log(len(passages) / (passages > 0).sum(0).clamp(min=1))
    return queries @ (passages / (passages + k1 * lengths(passages, b)) * idf).nan_to_num(0).T


@wrong("bm25", "transpose|\\(Q, P\\)", "shape")
def _(queries, passages, k1, b):
    weight = passages / (passages + k1 * lengths(passages, b)) * rare(passages)
    return weight.nan_to_num(0) @ queries.T


# F1 of words


def shared(a, b):
    return sum((Counter(a) & Counter(b)).values())


@right("span_f1")
def _(answer, right):
    best = 0.0
    for one in right:
        a, b = answer.split(), one.split()
        both = shared(a, b)
        if both:
            best = max(best, 2 * both / (len(a) + len(b)))  # Dice's measure, which is the same
    return best


@right("span_f1")
def _(answer, right):
    def one(a, b):
        both = shared(a, b)
        if both == 0:
            return 0.0
        precision, recall = both / len(a), both / len(b)
        return 2 * precision * recall / (precision + recall)

    return max(one(answer.split(), r.split()) for r in right)


@wrong("span_f1", "precision alone", "recall")
def _(answer, right):
    return max(shared(answer.split(), r.split()) / max(1, len(answer.split())) for r in right)


@wrong("span_f1", "recall alone", "precision")
def _(answer, right):
    return max(shared(answer.split(), r.split()) / max(1, len(r.split())) for r in right)


@wrong("span_f1", "exact match", "words")
def _(answer, right):
    return float(answer in right)


@wrong("span_f1", "Each word counts once", "count")
def _(answer, right):
    best = 0.0
    for r in right:
        a, b = set(answer.split()), set(r.split())
        if a & b:
            p, q = len(a & b) / len(answer.split()), len(a & b) / len(r.split())
            best = max(best, 2 * p * q / (p + q))
    return best


@wrong("span_f1", "first right answer", "right")
def _(answer, right):
    a, b = answer.split(), right[0].split()
    both = shared(a, b)
    return 2 * both / (len(a) + len(b)) if both else 0.0


@wrong("span_f1", "mean over the right answers", "best")
def _(answer, right):
    found = []
    for r in right:
        a, b = answer.split(), r.split()
        both = shared(a, b)
        found.append(2 * both / (len(a) + len(b)) if both else 0.0)
    return sum(found) / len(found)


@wrong("span_f1", "Letters are counted", "words")
def _(answer, right):
    best = 0.0
    for r in right:
        both = shared(answer, r)
        best = max(best, 2 * both / (len(answer) + len(r)) if both else 0.0)
    return best
