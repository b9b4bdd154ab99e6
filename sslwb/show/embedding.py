"""A map of embeddings, coloured by what is known, with some of the pictures on it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from sslwb.show.card import LETTERS, Card, blank, fitting, headed, numbers, scale_bar, titled
from sslwb.show.colours import CYCLIC, FAINT, LOW_TO_HIGH, MARKERS, PALETTE, PAPER, UNKNOWN, class_colours, gradient
from sslwb.show.pictures import as_rgb, resized

STEPS = 24  # colours for a quantity
THUMBNAILS = 40
POINTS = 6000  # drawn in all panels together: more make the notebook large and the map no clearer


def embedding(
    xy: Any,
    labels: Any = None,
    names: Any = (),
    *,
    periodic: Collection[str] = (),
    images: Any = None,
    title: str = "",
    caption: str = "",
) -> Card:
    """Points in the plane, one a picture, in one panel or several; every second or third of them where there are many.

    Args:
        xy: (N, 2), or {name: (N, 2)} for a panel each.
        labels: (N,) whole numbers (a colour and a mark for each class) or floats (a scale of colours; NaN is grey), or
            {cause: (N,)} for a panel each, or None.
        names: of the classes, a sequence, or {cause: sequence}.
        periodic: those of the causes that wrap round, such as an angle: their scale ends in the colour where it begins.
        images: N pictures; some forty are laid over the first panel, where points are.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: shapes or lengths that do not fit, or both xy and labels are dicts with different names.
    """
    panels = _panels(xy, labels, names, periodic)
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
    for i, (ax, (name, points, colouring)) in enumerate(zip(axes.flat, panels, strict=False)):
        ax.set(xticks=[], yticks=[], box_aspect=1)
        ax.set_aspect("equal", adjustable="datalim", anchor="N")
        ax.spines[:].set_visible(True)
        ax.spines[:].set_color(FAINT)
        some = slice(None, None, math.ceil(len(panels) * len(points) / POINTS))
        handles = _draw(figure, ax, points, colouring, some, small=columns > 1)
        if images is not None and i == 0:
            _thumbnails(ax, points, as_rgb("images", images))
        if handles and not shared:
            ax.legend(
                loc="upper center",
                bbox_to_anchor=(0.5, -0.02),
                **_listed(handles, 96 * wide, 2 if columns == 3 else 3, rows=5),
                fontsize=8,
                frameon=False,
                handletextpad=0.1,
                columnspacing=0.8,
                borderpad=0,
            )
        elif handles and i == 0:
            figure.legend(
                loc="outside lower center",
                **_listed(handles, 96 * width, min(len(handles), 8 if columns > 1 else 6), rows=15),
                fontsize=9,
                frameon=False,
                handletextpad=0.1,
                columnspacing=1.0,
            )
        titled(ax, name, width=wide)
        described.append(_seen(name, points, colouring))
    headed(figure, title)
    if images is not None:
        described.append("Some of the pictures are shown at their places.")
    return Card(figure, f"{title or 'Map of embeddings'}. {' '.join(described)}", caption)


class Colouring:
    """How one label or cause colours points.

    Attributes:
        values: (N,) whole numbers, a class each, or floats, a quantity that NaN says a point lacks.
        quantity: whether they are floats.
        colours, codes: the colours, and which of them each point has, (N,) uint8.
        legend: (colour, word) for each class, or for the ends and the middle of the scale.
        low, high: the ends of the scale; a quantity that wraps round runs from 0 to 1.
    """

    def __init__(self, values: Any, names: Sequence[str] = (), periodic: bool = False) -> None:
        self.values, self.low, self.high = _labels(values), 0.0, 1.0
        self.quantity = self.values.dtype.kind == "f"
        if self.quantity:
            known = self.values[np.isfinite(self.values)]
            if known.size and not periodic:
                self.low, self.high = float(known.min()), float(known.max())
            share = np.clip((np.nan_to_num(self.values) - self.low) / max(self.high - self.low, 1e-12), 0, 1)
            self.names: tuple[str, ...] = ()
            self.codes = np.where(np.isfinite(self.values), np.round(share * (STEPS - 1)), STEPS).astype(np.uint8)
            scale = gradient(CYCLIC if periodic else LOW_TO_HIGH, STEPS).tolist()
            self.colours = ["#{:02x}{:02x}{:02x}".format(*c) for c in scale] + [UNKNOWN]
            places = ((0, self.low), (STEPS // 2, (self.low + self.high) / 2), (STEPS - 1, self.high))
            self.legend = [(self.colours[i], f"{value:.2g}") for i, value in places]
            if known.size < self.values.size:
                self.legend.append((UNKNOWN, "has none"))
        else:
            count = max(int(self.values.max(initial=-1)) + 1, len(names))
            self.names = tuple(names[i] if i < len(names) else str(i) for i in range(count))
            each = class_colours(self.names)
            self.colours = list(dict.fromkeys(each))  # at most as many as the palette has
            self.codes = np.array([self.colours.index(c) for c in each], dtype=np.uint8)[self.values]
            self.legend = list(zip(each, self.names, strict=True))

    def text(self, index: int) -> str:
        """The value of one point."""
        if not self.quantity:
            name: str = self.names[self.values[index]]
            return name
        value = self.values[index]
        return f"{value:.2g}" if np.isfinite(value) else "none"

    def summary(self, chosen: Sequence[int]) -> str:
        """ "disc 12, ring 3", or the range of a quantity."""
        values = self.values[list(chosen)]
        if not self.quantity:
            counts = np.bincount(values, minlength=len(self.names)).tolist()
            order = sorted((i for i in range(len(counts)) if counts[i]), key=lambda i: -counts[i])
            return ", ".join(f"{self.names[i]} {counts[i]}" for i in order)
        values = values[np.isfinite(values)]
        return f"{values.min():.2g} to {values.max():.2g}" if len(values) else "none"


def _labels(values: Any) -> np.ndarray:
    """(N,) int or float, whichever they are: a tensor, an array or a list."""
    floats = (
        values.is_floating_point() if hasattr(values, "is_floating_point") else np.asarray(values).dtype.kind == "f"
    )
    array = numbers("labels", values)
    if not floats and array.min() < 0:
        raise ValueError(f"labels has {int(array.min())}; expected whole numbers from 0, or floats")
    return array if floats else array.astype(int)


Panel = tuple[str, np.ndarray, Colouring | None]


def _panels(xy: Any, labels: Any, names: Any, periodic: Collection[str]) -> list[Panel]:
    """(title, points, how they are coloured) for each panel."""
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
        words = names.get(key, ()) if isinstance(names, Mapping) else names
        colouring = None if values is None else Colouring(values, words, key in periodic)
        if points.shape[1] != 2 or (colouring is not None and len(colouring.values) != len(points)):
            raise ValueError(
                f"xy has shape {points.shape} and labels {None if colouring is None else colouring.values.shape}; "
                "expected (N, 2) places and one label for each"
            )
        panels.append((key, points, colouring))
    return panels


def _draw(figure: Any, ax: Any, points: np.ndarray, colouring: Colouring | None, some: slice, small: bool) -> list[Any]:
    """Some points of one panel; gives the legend's handles."""
    from matplotlib.colors import ListedColormap
    from matplotlib.lines import Line2D

    points = points[some]
    size = float(np.clip(9000 / len(points), 5, 40)) * (0.5 if small else 1)
    if colouring is None:
        ax.scatter(*points.T, s=size, color=PALETTE[0], alpha=0.7, linewidths=0)
        return []
    values = colouring.values[some]
    if colouring.quantity:
        there = np.isfinite(values)
        ax.scatter(*points[~there].T, s=size * 0.6, color=UNKNOWN, alpha=0.5, linewidths=0)
        scale = {"cmap": ListedColormap(colouring.colours[:-1]), "vmin": colouring.low, "vmax": colouring.high}
        shown = ax.scatter(*points[there].T, s=size, c=values[there], alpha=0.85, linewidths=0, **scale)
        scale_bar(figure, shown, size=8, cax=ax.inset_axes((0.15, -0.07, 0.7, 0.025)), orientation="horizontal")
        return []
    handles = []
    for c in sorted(set(values.tolist())):
        colour, word = colouring.legend[c]
        style: dict[str, Any] = {"marker": MARKERS[c % len(MARKERS)], "color": colour}
        ax.scatter(*points[values == c].T, s=size, alpha=0.85, linewidths=0, **style)
        handles.append(Line2D([], [], linestyle="", markersize=6, label=fitting(word, 8 * LETTERS), **style))
    return handles


def _listed(handles: list[Any], width: float, most: int, rows: int) -> dict[str, Any]:
    """What a legend shows in so many pixels: at most `most` columns and `rows` rows, and how many more there are."""
    from matplotlib.lines import Line2D

    columns = min(most, max(1, int(width / (40 + 6.5 * max(len(handle.get_label()) for handle in handles)))))
    if left := max(0, len(handles) - columns * rows):
        more = Line2D([], [], linestyle="", label=f"… and {left + 1} more")
        handles = [*handles[: columns * rows - 1], more]
    return {"handles": handles, "ncols": columns}


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


def _seen(name: str, points: np.ndarray, colouring: Colouring | None) -> str:
    """A panel in words; for classes also how often a point's nearest neighbour on the map has its label."""
    lead = f"{name}: " if name else ""
    if colouring is None or colouring.quantity:
        by = "" if colouring is None else ", coloured by value"
        return f"{lead}{len(points)} points{by}."
    values = colouring.values
    sample = np.linspace(0, len(points) - 1, min(500, len(points))).astype(int)
    distance = ((points[sample, None] - points[None]) ** 2).sum(2)
    distance[np.arange(len(sample)), sample] = np.inf
    agree = float((values[distance.argmin(1)] == values[sample]).mean()) if len(points) > 1 else 1.0
    classes = [colouring.names[c] for c in sorted(set(values.tolist()))]
    kinds = f"{len(points)} points in {len(classes)} classes ({', '.join(classes)})"
    return f"{lead}{kinds}; {agree:.0%} lie nearest to a point of their own class."
