"""Named points by two numbers of each, such as a cheap measure of an encoder and its score. Lesson 17."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from sslwb.show.card import Card, blank, by_name, fitting, numbers, short, titled
from sslwb.show.colours import FAINT, INK, MARKERS, PALETTE, PAPER, SOFT

MOST = 40  # points whose names can be read
LETTER, LINE = 0.068, 0.15  # inches that a letter of a name is wide, and high
PLACES = [*product((0.09,), (0.0, 0.11, -0.11)), (-0.09, 0.0), (0.0, 0.13), (0.0, -0.13), (-0.09, 0.11), (-0.09, -0.11)]


def scatter(
    points: Mapping[str, tuple[Sequence[float] | float, Sequence[float] | float]],
    x: str,
    y: str,
    *,
    kinds: Mapping[str, str] | None = None,
    title: str = "",
    caption: str = "",
) -> Card:
    """A point for each name, with thin lines from the least to the greatest of its seeds.

    Args:
        points: {name: (number, number)}, or a list for either, with one number a seed.
        x, y: what the axes measure.
        kinds: {name: group}, drawn in one colour and with one mark.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: no points, more than 40, two numbers missing, or a name without a kind.
    """
    named = by_name("points", points)
    if len(named) > MOST:
        raise ValueError(f"points holds {len(named)}; expected {MOST} at most: show those that matter")
    if wrong := [name for name, point in named.items() if not isinstance(point, Sequence) or len(point) != 2]:
        raise ValueError(f"{wrong[0]} has no two numbers; expected (number, number), or a list of seeds for either")
    if kinds is not None and (lacking := named.keys() - kinds.keys()):
        raise ValueError(f"kinds lacks {', '.join(sorted(lacking))}; expected the kind of every point")
    groups = list(dict.fromkeys(kinds[name] for name in named)) if kinds else [""]
    figure, ((ax,),) = blank(4.6)
    means, described = {}, []
    for name, pair in named.items():
        a, b = (numbers(name, np.atleast_1d(np.asarray(one, dtype=float))) for one in pair)
        i = groups.index(kinds[name]) if kinds else 0
        at, colour = (float(a.mean()), float(b.mean())), PALETTE[i % len(PALETTE)]
        ax.plot([a.min(), a.max()], [at[1]] * 2, color=colour, alpha=0.35, linewidth=1.2)
        ax.plot([at[0]] * 2, [b.min(), b.max()], color=colour, alpha=0.35, linewidth=1.2)
        ax.plot(*at, MARKERS[i % len(MARKERS)], color=colour, markersize=6.5, markeredgecolor=PAPER, label=groups[i])
        means[name] = at
        described.append(f"{name} {short(at[0])} and {short(at[1])}")
    ax.set(xlabel=x, ylabel=y)
    ax.margins(x=0.08, y=0.08)
    ax.grid(color=FAINT, linewidth=0.7)
    if kinds:
        handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        legend = ax.legend(
            handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9
        )
        for text in legend.get_texts():
            text.set_color(INK)
    titled(ax, title)
    _name(ax, means)
    return Card(figure, f"{title or 'Points'}. {x} and {y}: {'; '.join(described)}.", caption)


def _name(ax: Any, means: Mapping[str, tuple[float, float]]) -> None:
    """Each name beside its point, where it covers the fewest of the other names and points."""
    figure = ax.figure
    figure.draw_without_rendering()  # now it is known how large the axes are
    places = ax.transData.transform(list(means.values())) / figure.dpi  # inches
    room = ax.get_window_extent().get_points() / figure.dpi
    taken = [(px - 0.05, py - 0.05, px + 0.05, py + 0.05) for px, py in places]
    for name, (px, py) in zip(means, places, strict=True):
        text = fitting(name, 8 * 24)
        wide = LETTER * len(text)
        best: tuple[float, tuple[float, float, float, float], float, float] | None = None
        for dx, dy in PLACES:
            left = px + dx if dx > 0 else px - wide + dx if dx < 0 else px - wide / 2
            box = (left, py + dy - LINE / 2, left + wide, py + dy + LINE / 2)
            outside = max(0.0, room[0][0] - box[0]) + max(0.0, box[2] - room[1][0])
            outside += max(0.0, room[0][1] - box[1]) + max(0.0, box[3] - room[1][1])
            cost = 10 * outside + sum(_shared(box, other) for other in taken)
            if best is None or cost < best[0]:
                best = cost, box, left, py + dy
        assert best is not None
        taken.append(best[1])
        ax.annotate(
            text,
            means[name],
            ((best[2] - px) * 72, (best[3] - py) * 72),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=SOFT,
        )


def _shared(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """The area that two boxes share."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)
