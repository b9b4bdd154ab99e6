"""Nearest neighbours: which pictures an embedding places beside a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sslwb.show.card import Card, by_name, numbers
from sslwb.show.pictures import Cell, as_rgb, grid, label_names

if TYPE_CHECKING:
    from sslwb.data import Images


def neighbours(
    images: Images, spaces: Mapping[str, Any], queries: Sequence[int], k: int = 5, *, title: str = "", caption: str = ""
) -> Card:
    """Each query and its k nearest neighbours in each space; a blue frame has the query's label, a dashed one another.

    Nearness is the cosine after the mean is taken off, as in `evaluate.knn`.

    Args:
        images: N pictures.
        spaces: {name: (N, …) embeddings of these pictures, row for row}.
        queries: positions among the pictures.
        k: neighbours shown.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: embeddings of another number of pictures, a query that is not there, k < 1 or ≥ N.
    """
    units = {name: unit_rows(name, z, len(images)) for name, z in by_name("spaces", spaces).items()}
    queries = [int(q) for q in queries]
    if not queries or not all(0 <= q < len(images) for q in queries) or not 1 <= k < len(images):
        raise ValueError(f"queries is {queries} and k is {k}; expected positions below {len(images)}, and 1 ≤ k < that")
    shown, labels = as_rgb("images", images), getattr(images, "y", None)

    def cell(query: int, other: int) -> Cell:
        return Cell(shown[other], frame=agreement(labels, query, other))

    names = label_names(images[queries]) or [""] * len(queries)
    first = [Cell(shown[q], name) for q, name in zip(queries, names, strict=True)]
    found = {
        name: [[cell(q, j) for j in row] for q, row in zip(queries, nearest(unit, queries, k), strict=True)]
        for name, unit in units.items()
    }
    described = []
    for name, block in found.items():
        same = sum(c.frame == "same" for row in block for c in row)
        described.append(name if labels is None else f"{name}: {same} of {len(queries) * k} share the label")
    alt = f"{title or 'Nearest neighbours'} of {len(queries)} pictures. {'; '.join(described)}."
    if labels is not None:
        caption = caption or f"{'. '.join(described)}. Blue frame: the query's label; dashed orange: another."
    if 1 + k * len(spaces) <= 16:
        rows = [[a, *(c for block in found.values() for c in block[i])] for i, a in enumerate(first)]
        heads = {0: "query"} | {1 + k * i: name for i, name in enumerate(found)}
        return grid(rows, heads=heads, title=title, caption=caption, alt=alt)
    stacked: list[list[Cell | None]] = []
    for i, a in enumerate(first):
        for j, block in enumerate(found.values()):
            stacked.append([a if j == 0 else None, *block[i]])
    names = list(found) * len(first)
    return grid(stacked, names=names, heads={0: "query", 1: "nearest first"}, title=title, caption=caption, alt=alt)


def unit_rows(name: str, z: Any, count: int) -> np.ndarray:
    """(N, …) embeddings → (N, D) float32 directions: the mean taken off, each row scaled to length 1.

    Without that, whatever all embeddings have in common (pooled ReLU features share one large direction) would make
    all of them similar. `evaluate.knn` does the same.

    Raises:
        ValueError: not one row for each of `count` pictures.
    """
    shape = tuple(getattr(z, "shape", np.shape(z)))
    if len(shape) < 2 or shape[0] != count:
        raise ValueError(f"{name!r} has shape {shape}; expected one row for each of {count} pictures")
    flat = numbers(name, z, len(shape)).reshape(count, -1)
    flat = flat - flat.mean(0)
    unit: np.ndarray = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    return unit.astype(np.float32)


def nearest(unit: np.ndarray, queries: Sequence[int], k: int) -> list[list[int]]:
    """For each query the k rows of greatest cosine, itself left out, nearest first; `unit` is what `unit_rows` gave."""
    similarity = unit[list(queries)] @ unit.T
    similarity[np.arange(len(queries)), list(queries)] = -np.inf
    nearest: list[list[int]] = np.argsort(-similarity, axis=1, kind="stable")[:, :k].tolist()
    return nearest


def agreement(labels: Any, query: int, other: int) -> str:
    """ "same" or "other", by the two pictures' labels; nothing without labels."""
    return "" if labels is None else "same" if int(labels[query]) == int(labels[other]) else "other"
