"""Words: which ones could stand at a place, and where each one looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sslwb.show.card import FAINT, INK, PALETTE, PAPER, SOFT, Card, blank, by_name, numbers
from sslwb.show.plots import colour_map


def candidates(
    columns: Mapping[str, Sequence[tuple[str, float]]], sentence: str = "", *, title: str = "", caption: str = ""
) -> Card:
    """Which words could stand at a place of a sentence, a panel for each one that was asked.

    Args:
        columns: {who was asked: (word, probability) pairs, the likeliest first}; see `evaluate.fill_mask`.
        sentence: what was asked.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: nobody was asked, more than four were, or no word was named.
    """
    by_name("columns", columns)
    words = list(dict.fromkeys(word for column in columns.values() for word, _ in column))
    if len(columns) > 4 or not words:
        raise ValueError(f"columns holds {len(columns)} columns and {len(words)} words; expected 1 to 4, with words")
    figure, ((*axes,),) = blank(0.7 + 0.27 * len(words) + (0.3 if title else 0), columns=len(columns), sharey=True)
    most = max(p for column in columns.values() for _, p in column)
    described = []
    for i, (ax, (name, column)) in enumerate(zip(axes, columns.items(), strict=True)):
        p = dict(column)
        ax.barh(
            range(len(words)), [p.get(word, 0.0) for word in words], color=("#8fbfdc", "#f0b27e")[i % 2], height=0.7
        )
        for row, word in enumerate(words):
            written = f"{p[word]:.3f}" if word in p else f"< {max(column[-1][1], 0.001):.3f}" if column else ""
            ax.annotate(
                written,
                (p.get(word, 0.0), row),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=INK if word in p else SOFT,
            )
        ax.set_xlim(0, most * (1.2 + 0.12 * len(columns)))  # before the ticks, which are the same in all panels
        ax.locator_params(axis="x", nbins=4)
        ax.set_xticks([tick for tick in ax.get_xticks() if 0 <= tick <= min(1, ax.get_xlim()[1])])
        ax.set_title(name, loc="left", fontsize=10, color=PALETTE[i % 2], fontweight="bold")
        ax.tick_params(axis="y", length=0, labelcolor=INK, labelsize=10)
        ax.grid(axis="x", color=FAINT, linewidth=0.7)
        described.append(f"{name}: " + ", ".join(f"{word} {value:.2f}" for word, value in column))
    axes[0].set_yticks(range(len(words)), words)
    axes[0].invert_yaxis()
    if title:
        figure.suptitle(title, x=0.015, ha="left", fontsize=11, fontweight="bold", color=INK)
    asked = f" for “{sentence}”" if sentence else ""
    return Card(figure, f"{title or 'Candidates'}{asked}. {'; '.join(described)}.", caption or sentence)


def attention(words: Sequence[str], weights: Any, *, title: str = "", caption: str = "") -> Card:
    """Where each word looks: a row for each word, dark where it looks much.

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
    side = 0.25 * n + 0.09 * max(map(len, words))
    figure, ((ax,),) = blank(min(7.5, side + (1.05 if title else 0.7)), width=min(7.9, side + 1.8))
    shown = ax.imshow(w, cmap=colour_map(False), vmin=0, vmax=w.max() or 1)
    ax.set_xticks(range(n), words, rotation=90)
    ax.set_yticks(range(n), words)
    ax.set_ylabel("this word looks …")
    ax.set_xlabel("… at this one")
    ax.xaxis.set_label_position("top")
    ax.tick_params(
        top=True,
        bottom=False,
        labeltop=True,
        labelbottom=False,
        length=0,
        labelcolor=INK,
        labelsize=10 if n <= 20 else 7,
    )
    ax.set_xticks(np.arange(n - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(n - 1) + 0.5, minor=True)
    ax.grid(which="minor", color=PAPER, linewidth=1)
    ax.tick_params(which="minor", length=0, top=False, bottom=False, left=False)
    ax.spines[:].set_visible(False)
    bar = figure.colorbar(shown, ax=ax, shrink=0.75, aspect=24, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=SOFT, labelsize=9, length=0)
    if title:
        figure.suptitle(title, x=0.015, ha="left", fontsize=11, fontweight="bold", color=INK)
    described = "; ".join(f"{words[i]} at {words[int(row.argmax())]} ({row.max():.0%})" for i, row in enumerate(w))
    return Card(figure, f"{title or 'Attention'}. Each word looks most: {described}.", caption)
