"""A map of embeddings, coloured by what is known, with some of the pictures on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sslwb.show.card import INK, MARKERS, PALETTE, PAPER, SOFT, Card, blank, numbers, titled
from sslwb.show.grids import as_rgb, resized

# Classes that are themselves colours are drawn in them, in shades that are seen on paper.
_NAMED = {
    "red": "#d62728",
    "orange": "#f28e2b",
    "yellow": "#d9b800",
    "green": "#2ca02c",
    "cyan": "#17becf",
    "blue": "#1f4fd8",
    "purple": "#7b3fb5",
    "pink": "#f27fb2",
}
THUMBNAILS = 40
POINTS = 6000  # drawn in all panels together: more make the notebook large and the map no clearer


def embedding(
    xy: Any, labels: Any = None, names: Any = (), *, images: Any = None, title: str = "", caption: str = ""
) -> Card:
    """Points in the plane, one a picture, in one panel or several; every second or third of them where there are many.

    Args:
        xy: (N, 2), or {name: (N, 2)} for a panel each.
        labels: (N,) whole numbers (a colour and a mark for each class) or floats (a scale of colours; NaN is grey), or
            {cause: (N,)} for a panel each, or None.
        names: of the classes, a sequence, or {cause: sequence}.
        images: N pictures; some forty are laid over the first panel, where points are.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: shapes or lengths that do not fit, or both xy and labels are dicts with different names.
    """
    panels = _panels(xy, labels, names)
    columns = min(len(panels), 3 if len(panels) != 4 else 2)
    rows = math.ceil(len(panels) / columns)
    width = {1: 6.4, 2: 7.9, 3: 7.9}[columns]
    wide = width / columns
    shared = len(panels) == 1 or not isinstance(labels, Mapping)  # one list of classes serves all panels
    below = 0.0 if shared else 0.55
    figure, axes = blank(rows * (wide + 0.05 + below) + 0.55, columns, rows=rows, width=width)
    described = []
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for i, (ax, (name, points, values, words)) in enumerate(zip(axes.flat, panels, strict=False)):
        ax.set(xticks=[], yticks=[], box_aspect=1)
        ax.set_aspect("equal", adjustable="datalim", anchor="N")
        ax.spines[:].set_visible(True)
        ax.spines[:].set_color("#e6e6e3")
        some = slice(None, None, math.ceil(len(panels) * len(points) / POINTS))
        handles = _draw(figure, ax, points[some], None if values is None else values[some], words, small=columns > 1)
        if images is not None and i == 0:
            _thumbnails(ax, points, as_rgb("images", images))
        if handles and not shared:
            ax.legend(
                handles=handles,
                loc="upper center",
                bbox_to_anchor=(0.5, -0.02),
                ncols=2 if columns == 3 else 3,
                fontsize=8,
                frameon=False,
                handletextpad=0.1,
                columnspacing=0.8,
                borderpad=0,
            )
        elif handles and i == 0:
            figure.legend(
                handles=handles,
                loc="outside lower center",
                ncols=min(len(handles), 8 if columns > 1 else 6),
                fontsize=9,
                frameon=False,
                handletextpad=0.1,
                columnspacing=1.0,
            )
        titled(ax, name)
        described.append(_seen(name, points, values, words))
    if title:
        figure.suptitle(title, x=0.015, ha="left", fontsize=11, fontweight="bold", color=INK)
    if images is not None:
        described.append("Some of the pictures are shown at their places.")
    return Card(figure, f"{title or 'Map of embeddings'}. {' '.join(described)}", caption)


Panel = tuple[str, np.ndarray, np.ndarray | None, Sequence[str]]


def _panels(xy: Any, labels: Any, names: Any) -> list[Panel]:
    """(title, points, labels, names of the classes) for each panel."""
    maps = dict(xy) if isinstance(xy, Mapping) else None
    causes = dict(labels) if isinstance(labels, Mapping) else None
    if maps is not None and causes is not None and set(maps) != set(causes):
        raise ValueError(
            f"xy has {list(maps)} and labels {list(causes)}; expected the same names, or one of them single"
        )
    keys = list(maps if maps is not None else causes if causes is not None else [""])
    if not keys:
        raise ValueError("xy or labels is an empty dict; expected at least one panel")
    panels = []
    for key in keys:
        points = numbers("xy", maps[key] if maps is not None else xy, 2)
        values = causes[key] if causes is not None else labels
        if values is not None:
            whole = not (
                values.is_floating_point()
                if hasattr(values, "is_floating_point")
                else np.asarray(values).dtype.kind == "f"
            )
            values = numbers("labels", values)
            values = values.astype(int) if whole else values
        if points.shape[1] != 2 or (values is not None and len(values) != len(points)):
            raise ValueError(
                f"xy has shape {points.shape} and labels {None if values is None else values.shape}; "
                "expected (N, 2) places and one label for each"
            )
        words = names.get(key, ()) if isinstance(names, Mapping) else names
        panels.append((key, points, values, words))
    return panels


def _draw(
    figure: Any, ax: Any, points: np.ndarray, values: np.ndarray | None, words: Sequence[str], small: bool
) -> list[Any]:
    """The points of one panel; gives the legend's handles."""
    from matplotlib.lines import Line2D

    size = float(np.clip(9000 / len(points), 5, 40)) * (0.5 if small else 1)
    if values is None:
        ax.scatter(*points.T, s=size, color=PALETTE[0], alpha=0.7, linewidths=0)
        return []
    if values.dtype.kind == "f":
        there = np.isfinite(values)
        ax.scatter(*points[~there].T, s=size * 0.6, color="#cfcfcc", linewidths=0)
        shown = ax.scatter(*points[there].T, s=size, c=values[there], cmap="viridis", alpha=0.85, linewidths=0)
        bar = figure.colorbar(shown, cax=ax.inset_axes((0.15, -0.07, 0.7, 0.025)), orientation="horizontal")
        bar.outline.set_visible(False)
        bar.ax.tick_params(colors=SOFT, labelsize=8, length=0)
        return []
    handles = []
    classes = sorted({int(v) for v in values})
    named = all(c < len(words) and words[c] in _NAMED for c in classes)
    for c in classes:
        word = words[c] if 0 <= c < len(words) else str(c)
        style: dict[str, Any] = {
            "marker": MARKERS[c % len(MARKERS)],
            "color": _NAMED[word] if named else PALETTE[c % len(PALETTE)],
        }
        ax.scatter(*points[values == c].T, s=size, alpha=0.85, linewidths=0, **style)
        handles.append(Line2D([], [], linestyle="", markersize=6, label=word, **style))
    return handles


def _thumbnails(ax: Any, points: np.ndarray, rgb: list[np.ndarray]) -> None:
    """Pictures at the places of some points: of each occupied tile of the map, the point nearest its middle."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    if len(rgb) != len(points):
        raise ValueError(f"images holds {len(rgb)} pictures and xy {len(points)} places; expected as many")
    low, high = points.min(0), points.max(0)
    unit = (points - low) / np.maximum(high - low, 1e-12)
    chosen: list[int] = []
    for tiles in range(11, 2, -1):  # as many tiles as leave about THUMBNAILS pictures
        tile = np.minimum((unit * tiles).astype(int), tiles - 1)
        off = ((unit * tiles - tile - 0.5) ** 2).sum(1)
        best: dict[tuple[int, int], int] = {}
        for i in np.argsort(off, kind="stable"):
            best.setdefault((int(tile[i, 0]), int(tile[i, 1])), int(i))
        chosen = list(best.values())
        if len(chosen) <= THUMBNAILS:
            break
    for i in chosen:
        box = OffsetImage(resized(rgb[i], 64), zoom=0.34, interpolation="none")
        frame = {"edgecolor": PAPER, "linewidth": 1.2, "boxstyle": "square,pad=0"}
        ax.add_artist(AnnotationBbox(box, tuple(points[i]), pad=0, bboxprops=frame, zorder=5))


def _seen(name: str, points: np.ndarray, values: np.ndarray | None, words: Sequence[str]) -> str:
    """A panel in words; for classes also how often a point's nearest neighbour on the map has its label."""
    lead = f"{name}: " if name else ""
    if values is None or values.dtype.kind == "f":
        by = "" if values is None else ", coloured by value"
        return f"{lead}{len(points)} points{by}."
    sample = np.linspace(0, len(points) - 1, min(500, len(points))).astype(int)
    distance = ((points[sample, None] - points[None]) ** 2).sum(2)
    distance[np.arange(len(sample)), sample] = np.inf
    agree = float((values[distance.argmin(1)] == values[sample]).mean()) if len(points) > 1 else 1.0
    classes = [words[c] if 0 <= c < len(words) else str(c) for c in sorted({int(v) for v in values})]
    kinds = f"{len(points)} points in {len(classes)} classes ({', '.join(classes)})"
    return f"{lead}{kinds}; {agree:.0%} lie nearest to a point of their own class."
