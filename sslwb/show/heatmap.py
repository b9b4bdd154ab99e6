"""Numbers as colours: a table with a number in each cell, and a similarity matrix with its positives."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from sslwb.show.card import LETTERS, WIDTH, Card, bare_cells, blank, fitting, headed, numbers, scale_bar
from sslwb.show.colours import BLUES, EMPTY, INK, PAPER, SIGNED, SOFT

MOST = 60  # rows or columns whose numbers can be read


def heatmap(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Any,
    *,
    title: str = "",
    fmt: str = ".2f",
    low: float | None = None,
    high: float | None = None,
    caption: str = "",
) -> Card:
    """A table as colours, with every number in its cell: operations × causes.

    Blue is much; where some values are below 0, orange is below and blue above.

    Args:
        rows, columns: names.
        values: (rows, columns); NaN is an empty cell.
        title: what the figure says.
        fmt: format of the numbers, such as ".2f" or ".0%".
        low, high: values of the palest and the strongest colour; None takes them from the values.
        caption: a line below.

    Raises:
        ValueError: another shape, or more than 60 rows or columns.
    """
    v = numbers("values", values, 2)
    if v.shape != (len(rows), len(columns)) or max(v.shape) > MOST:
        raise ValueError(
            f"values has shape {v.shape}; expected {len(rows)} rows and {len(columns)} columns of names, at most "
            f"{MOST} of each: show those that matter"
        )
    finite = v[np.isfinite(v)]
    low = float(finite.min()) if low is None and len(finite) else low or 0.0
    high = float(finite.max()) if high is None and len(finite) else (1.0 if high is None else high)
    signed = low < 0
    if signed:
        low, high = -max(-low, high), max(-low, high)
    width = min(WIDTH, 2.6 + 0.85 * len(columns))
    beside = [fitting(row, 8 * LETTERS) for row in rows]
    letters = int((width - 0.6 - 0.09 * max(map(len, beside))) / len(columns) / 0.085)
    words = [len(word) for column in columns for word in fitting(column, 8 * 2 * LETTERS).split()]
    slanted = bool(words) and max(words) > max(letters + 1, 6)  # a name is not broken inside a word
    heads = [fitting(c, 8 * LETTERS) for c in columns]
    if not slanted:
        letters = max(letters, 6, *(n for n in words if n == letters + 1))  # one more fits
        heads = ["\n".join(textwrap.wrap(fitting(c, 8 * 2 * LETTERS), letters)) for c in columns]
    above = 0.055 * max(map(len, heads)) + 0.1 if slanted else 0.17 * max(head.count("\n") + 1 for head in heads)
    figure, ((ax,),) = blank(0.38 + above + 0.36 * len(rows) + (0.3 if title else 0), width=width)
    colours = colour_map(signed)
    ax.imshow(np.ma.masked_invalid(v), cmap=colours, vmin=low, vmax=high if high > low else low + 1, aspect="auto")
    for i, j in np.ndindex(v.shape):
        strength = (v[i, j] - low) / ((high - low) or 1)
        dark = strength > 0.6 or (signed and strength < 0.25)
        ax.text(
            j,
            i,
            f"{v[i, j]:{fmt}}" if np.isfinite(v[i, j]) else "–",
            ha="center",
            va="center",
            fontsize=10,
            color=PAPER if dark and np.isfinite(v[i, j]) else INK,
        )
    ax.set_xticks(range(len(columns)), heads)
    ax.set_yticks(range(len(rows)), beside)
    bare_cells(ax, *v.shape, gap=2)
    if slanted:
        for head in ax.get_xticklabels():
            head.set(rotation=38, ha="left", rotation_mode="anchor")
    headed(figure, title)
    described = "; ".join(
        f"{row}: " + ", ".join(f"{c} {x:{fmt}}" for c, x in zip(columns, line, strict=True) if np.isfinite(x))
        for row, line in zip(rows, v, strict=True)
    )
    return Card(figure, f"{title or 'Table as colours'}. {described}.", caption)


def matrix(
    similarity: Any, *, views: int = 2, title: str = "", names: Sequence[str] | None = None, caption: str = ""
) -> Card:
    """A similarity matrix with the positives outlined; what a picture has with itself is crossed out.

    Args:
        similarity: (V·B, V·B) for V views laid one batch after the other; (B, B) anchors × positives for views=1.
        views: how many views there are of each picture; 1 takes the diagonal as the positives.
        title: what the figure says.
        names: of the rows, such as ["a1", "b1", "a2", "b2"].
        caption: a line below.

    Raises:
        ValueError: not square, or a size that `views` does not divide.
    """
    s = numbers("similarity", similarity, 2)
    n = len(s)
    if s.shape[1] != n or views < 1 or n % views or (names is not None and len(names) != n):
        raise ValueError(
            f"similarity has shape {s.shape}, views is {views}, names {names}; expected a square matrix, "
            "with views · B rows and a name for each, or no names"
        )
    from matplotlib.patches import Rectangle

    b, small = n // views, n <= 12
    side = min(5.6, max(3.0, 0.5 * n + 0.9))
    figure, ((ax,),) = blank(side + (0.25 if title else 0), width=side + 0.9)
    shown = ax.imshow(s, cmap=colour_map(s.min() < 0), vmin=-abs(s).max() if s.min() < 0 else 0, vmax=abs(s).max())
    positives = 0
    for i, j in np.ndindex(s.shape):
        if i % b != j % b:
            pass
        elif i == j and views > 1:
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=EMPTY, edgecolor=SOFT, linewidth=0, zorder=2))
            ax.plot([j - 0.3, j + 0.3], [i - 0.3, i + 0.3], color=SOFT, linewidth=0.8, zorder=3)
            continue
        else:
            positives += 1
            for edge, line in ((PAPER, 3.6), (INK, 1.6)):  # seen on every colour
                ax.add_patch(
                    Rectangle(
                        (j - 0.45, i - 0.45),
                        0.9,
                        0.9,
                        fill=False,
                        edgecolor=edge,
                        linewidth=line if small else line / 2,
                        zorder=4,
                    )
                )
        if small:
            ax.text(
                j,
                i,
                f"{s[i, j]:.2f}",
                ha="center",
                va="center",
                fontsize=8.5 if n <= 8 else 7,
                color=PAPER if abs(s[i, j]) > 0.62 * abs(s).max() else INK,
            )
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    if small:
        labels = [fitting(name, 8 * LETTERS / 3) for name in names] if names is not None else [str(i) for i in range(n)]
        ax.set_xticks(range(n), labels)
        ax.set_yticks(range(n), labels)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
    scale_bar(figure, shown, ax=ax, shrink=0.75, aspect=24, pad=0.02)
    headed(figure, title)
    mask = np.equal.outer(np.arange(n) % b, np.arange(n) % b)
    mine = mask & ~np.eye(n, dtype=bool) if views > 1 else mask
    described = f"{positives} positives are outlined, with a mean similarity of {s[mine].mean():.2f}; "
    described += f"the negatives' mean is {s[~mask].mean():.2f}" if (~mask).any() else "there are no negatives"
    return Card(figure, f"{title or 'Similarity matrix'}, {n} by {n}. {described}.", caption)


def colour_map(signed: bool) -> Any:
    """White to blue; orange to white to blue where values may be negative. Both grow darker away from white."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("course", SIGNED if signed else BLUES).with_extremes(bad=EMPTY)
