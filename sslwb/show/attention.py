"""Which words each word attends to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sslwb.show.card import LETTERS, Card, bare_cells, blank, fitting, headed, numbers, scale_bar
from sslwb.show.heatmap import colour_map


def attention(words: Sequence[str], weights: Any, *, title: str = "", caption: str = "") -> Card:
    """Which words each word attends to: a row for each query word, dark where its attention weight is large.

    Args:
        words: L of them.
        weights: (L, L) of one head, or (heads, L, L), of which the mean is shown; each row sums to 1.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: another shape, or more than 40 words.
    """
    shape = tuple(getattr(weights, "shape", np.shape(weights)))
    w = numbers("weights", weights, len(shape) if len(shape) in (2, 3) else 2)
    w = w if w.ndim == 2 else w.mean(0)
    n = len(words)
    if w.shape != (n, n) or n > 40:
        raise ValueError(f"weights has shape {shape} for {n} words; expected (L, L) or (heads, L, L) with L ≤ 40")
    shown_words = [fitting(word, 8 * LETTERS / 2) for word in words]
    side = 0.25 * n + 0.09 * max(map(len, shown_words))
    figure, ((ax,),) = blank(min(7.5, side + (1.05 if title else 0.7)), width=min(7.9, side + 1.8))
    shown = ax.imshow(w, cmap=colour_map(False), vmin=0, vmax=w.max() or 1)
    ax.set_xticks(range(n), shown_words, rotation=90)
    ax.set_yticks(range(n), shown_words)
    ax.set_ylabel("query: this word attends …")
    ax.set_xlabel("key: … to this one")
    ax.xaxis.set_label_position("top")
    bare_cells(ax, n, n, gap=1)
    ax.tick_params(labelsize=10 if n <= 20 else 7)
    scale_bar(figure, shown, ax=ax, shrink=0.75, aspect=24, pad=0.03)
    headed(figure, title)
    described = "; ".join(f"“{word}” to {attended(words, row, 1)}" for word, row in zip(words, w, strict=True))
    return Card(figure, f"{title or 'Attention'}. Each word attends most: {described}.", caption)


def attended(words: Sequence[str], weights: np.ndarray, count: int) -> str:
    """The `count` words with the largest of one query's weights (L,), such as “ben” (45%), “anna” (20%)."""
    best = np.argsort(-weights, kind="stable")[:count]
    return ", ".join(f"“{words[i]}” ({weights[i]:.0%})" for i in best)
