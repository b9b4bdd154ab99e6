"""Years down a line."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from sslwb.show.card import Card, blank, titled
from sslwb.show.colours import FAINT, INK, PALETTE, PAPER, SOFT


def timeline(events: Sequence[tuple[int | str, str, str]], *, title: str = "", caption: str = "") -> Card:
    """Years down a line, with a name and a note each.

    Args:
        events: (year, name, note), in the order in which they are to stand.
        title: what the figure says.
        caption: a line below.
    """
    if not events or any(len(e) != 3 for e in events):
        raise ValueError(f"events has {len(events)} entries; expected at least one (year, name, note)")
    heads = [textwrap.wrap(name, 23) or [""] for _, name, _ in events]
    notes = [textwrap.wrap(note, 62) or [""] for _, _, note in events]
    heights = [0.2 + 0.19 * max(len(head), len(note)) for head, note in zip(heads, notes, strict=True)]
    figure, ((ax,),) = blank(sum(heights) + (0.55 if title else 0.25))
    ax.set_axis_off()
    ax.set(xlim=(0, 10), ylim=(sum(heights), 0))
    tops = np.cumsum([0.0, *heights[:-1]]) + 0.17
    ax.plot([1.05, 1.05], [tops[0], tops[-1]], color=FAINT, linewidth=2, zorder=1)
    for top, (year, _, _), head, note in zip(tops, events, heads, notes, strict=True):
        ax.plot(1.05, top, "o", color=PALETTE[0], markersize=8, markeredgecolor=PAPER, markeredgewidth=2, zorder=2)
        ax.text(0.85, top, str(year), ha="right", va="center", fontsize=10, color=SOFT)
        for x, lines, weight in ((1.3, head, "bold"), (3.9, note, "normal")):
            ax.text(
                x, top - 0.085, "\n".join(lines), va="top", fontsize=10, fontweight=weight, color=INK, linespacing=1.3
            )
    titled(ax, title)
    described = "; ".join(f"{year}: {name}, {note}" for year, name, note in events)
    return Card(figure, f"{title or 'Timeline'}. {described}.", caption)
