"""Lesson 07: one head of attention."""

import torch
import torch.nn.functional as F

from . import right, wrong


@right("attention")
def _(q, k, v):
    scores = torch.einsum("id,jd->ij", q, k) / q.shape[-1] ** 0.5
    return torch.einsum("ij,jd->id", scores.softmax(-1), v)


@right("attention")
def _(q, k, v):
    out = []
    for query in q:
        weights = torch.exp(k @ query / len(query) ** 0.5)
        out.append((weights[:, None] * v).sum(0) / weights.sum())
    return torch.stack(out)


@wrong("attention", "√d|root|scale|divide")
def _(q, k, v):
    return (q @ k.T).softmax(1) @ v


@wrong("attention", "root|√d|d instead")
def _(q, k, v):
    return (q @ k.T / q.shape[1]).softmax(1) @ v


@wrong("attention", "dim=0|row|queries|keys")
def _(q, k, v):
    return (q @ k.T / q.shape[1] ** 0.5).softmax(0) @ v


@wrong("attention", "softmax")
def _(q, k, v):
    return (q @ k.T / q.shape[1] ** 0.5) @ v


@wrong("attention", "changed queries and keys|exchanged|turned")
def _(q, k, v):
    return (k @ q.T / q.shape[1] ** 0.5).softmax(1) @ v


@wrong("attention", "length 1|cosine", "row")
def _(q, k, v):
    return (F.normalize(q, dim=1) @ F.normalize(k, dim=1).T / q.shape[1] ** 0.5).softmax(1) @ v


@wrong("attention", "in line|transpose", "in line")
def _(q, k, v):
    return (q @ k / q.shape[1] ** 0.5).softmax(1) @ v


@wrong("attention", "stands where|k.*v|values", "does not depend on `v`")
def _(q, k, v):
    return (q @ k.T / q.shape[1] ** 0.5).softmax(1) @ k


@wrong("attention", "number of rows|length|√L")
def _(q, k, v):
    return (q @ k.T / len(q) ** 0.5).softmax(1) @ v
