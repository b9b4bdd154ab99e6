"""Bars: a mean over seeds for each name, and a dot for each seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sslwb.show.card import LETTERS, WIDTH, Card, blank, by_name, dashed_line, fitting, numbers, titled
from sslwb.show.colours import FAINT, INK, PALE, PALETTE, PAPER, SOFT


def bars(
    values: Mapping[str, Sequence[float] | float],
    *,
    title: str = "",
    unit: str = "",
    fmt: str = ".2f",
    chance: float | None = None,
    caption: str = "",
) -> Card:
    """A bar for each name: the mean over seeds, a dot for each seed, and the number beside it.

    Args:
        values: {name: [one value a seed]} or {name: value}.
        title: what the figure says.
        unit: what the axis measures.
        fmt: format of the numbers, such as ".2f" or ".0%".
        chance: what guessing gives, drawn as a dashed line.
        caption: a line below.
    """
    names = list(by_name("values", values))
    seeds = [numbers(name, _listed(values[name])) for name in names]
    figure, ((ax,),) = blank(0.75 + 0.36 * len(names) + (0.3 if title else 0))
    mean = [float(s.mean()) for s in seeds]
    written = [
        f"{m:{fmt}} ± {s.std(ddof=1):{fmt}}" if len(s) > 1 else f"{m:{fmt}}" for m, s in zip(mean, seeds, strict=True)
    ]
    ax.barh(range(len(names)), mean, color=PALE[0], height=0.66)
    for i, s in enumerate(seeds):
        if len(s) > 1:
            ax.plot(s, [i] * len(s), "o", color=PALETTE[0], markersize=4.5, markeredgecolor=PAPER, markeredgewidth=0.5)
        ax.annotate(
            written[i],
            (max(s.max(), mean[i], 0), i),
            (7, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9.5,
        )
    ax.set_yticks(range(len(names)), [fitting(name, 8 * LETTERS) for name in names])
    ax.tick_params(axis="y", length=0, labelcolor=INK, labelsize=10)
    ax.invert_yaxis()
    low, high = min(0.0, *(s.min() for s in seeds)), max(0.0, *(s.max() for s in seeds))
    ax.set_xlim(low * 1.15, low + (high - low or 1) * 1.22)
    if fmt.endswith("%") and high <= 1:  # the room for the numbers is no share above 100%
        ax.set_xticks([tick for tick in ax.get_xticks() if low <= tick <= 1])
    ax.xaxis.set_major_formatter(lambda v, _: f"{v:{'.0%' if fmt.endswith('%') else 'g'}}")
    ax.spines["left"].set_visible(low == 0)
    if low < 0:
        ax.axvline(0, color=SOFT, linewidth=0.8)
    ax.grid(axis="x", color=FAINT, linewidth=0.7)
    ax.set_xlabel(unit)
    dashed_line(ax, chance, "chance", vertical=True)
    beside = 0.08 * max(len(label.get_text()) for label in ax.get_yticklabels())
    titled(ax, title, pad=9 if chance is None else 20, width=WIDTH - beside)
    described = "; ".join(f"{n} {w}" for n, w in zip(names, written, strict=True))
    return Card(figure, f"{title or 'Bars'}{f' ({unit})' if unit else ''}: {described}.", caption)


def _listed(value: Any) -> Any:
    """A single number as a list of one."""
    return [value] if getattr(value, "ndim", None) == 0 or isinstance(value, (int, float)) else value
