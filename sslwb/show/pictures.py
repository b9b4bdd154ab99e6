"""Pictures in rows: a handful of a data set, views below their originals; and tensors as pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sslwb.show.card import DPI, LETTERS, WIDTH, Card, fitting
from sslwb.show.colours import INK, OTHER, PAPER, SAME, SOFT, rgb

# Dashes for those who cannot tell the colours of the frames apart.
FRAMES: dict[str, tuple[str, Any]] = {"same": (SAME, "-"), "other": (OTHER, (0, (2, 1.2)))}


@dataclass(frozen=True)
class Cell:
    """A picture (H, W, 3) uint8 in a grid, a word above it, and a frame: "", "same" or "other"."""

    picture: np.ndarray
    text: str = ""
    frame: str = ""


def pictures(
    images: Any, titles: Sequence[str] | None = None, *, columns: int = 8, title: str = "", caption: str = ""
) -> Card:
    """Pictures in rows.

    Args:
        images: a container, or (N, C, H, W) uint8 or float in [0, 1], or a list of (C, H, W); C is 1 or 3.
        titles: a word above each; None takes the labels' names where there are any, [] nothing.
        columns: pictures in a row.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: another shape, no pictures, more than 128, or another number of titles.
    """
    shown = as_rgb("images", images)
    words = label_names(images) if titles is None else list(titles)
    if columns < 1 or len(shown) > 128 or (words and len(words) != len(shown)):
        raise ValueError(
            f"images holds {len(shown)} pictures, titles {len(words)}, columns is {columns}; expected 1 to 128 "
            "pictures (images[:32]), as many titles as pictures, and columns ≥ 1"
        )
    cells = [Cell(p, words[i] if words else "") for i, p in enumerate(shown)]
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    h, w = shown[0].shape[:2]
    described = f"{len(shown)} pictures of {w} by {h} pixels"
    described += f": {', '.join(filter(None, words))}" if any(words) else ""
    return grid(rows, title=title, caption=caption, alt=f"{title or 'Pictures'}. {described}.", columns=columns)


def views(originals: Any, views: Sequence[Any] | Mapping[str, Any], *, title: str = "", caption: str = "") -> Card:
    """Each original in the first row, its views below it.

    Args:
        originals: B pictures, at most 12; see `pictures`.
        views: what `make_views` gave: one batch of B pictures for each view; or {name of the row: such a batch}.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: no views, more than 12 pictures, or views of another number of pictures.
    """
    first = as_rgb("originals", originals)
    given = views if isinstance(views, Mapping) else {f"view {i + 1}": view for i, view in enumerate(views)}
    keys = given if isinstance(views, Mapping) else range(len(given))
    rest = [as_rgb(f"views[{key!r}]", view) for key, view in zip(keys, given.values(), strict=True)]
    if not rest or len(first) > 12 or any(len(v) != len(first) for v in rest):
        raise ValueError(
            f"originals holds {len(first)} pictures and the views {[len(v) for v in rest]}; expected at most 12 "
            "pictures, at least one view, and as many pictures in each view: make_views(data.x[:8], generator)"
        )
    rows = [[Cell(p) for p in row] for row in (first, *rest)]
    below = ", ".join(given) if isinstance(views, Mapping) else f"{len(rest)} random view(s) of it"
    described = f"The first row shows {len(first)} pictures, and below each stand {below}"
    return grid(
        rows,
        names=["original", *given],
        title=title,
        caption=caption,
        alt=f"{title or 'Views'}. {described}.",
        rule=True,
    )


def as_rgb(what: str, images: Any) -> list[np.ndarray]:
    """Pictures as uint8 (H, W, 3) arrays.

    Raises:
        TypeError: neither a container nor tensors nor arrays.
        ValueError: another shape, no pictures, or values that are no pixels.
    """
    x = getattr(images, "x", images)
    if isinstance(x, (list, tuple)):
        return [p for one in x for p in as_rgb(what, one[None] if hasattr(one, "ndim") and one.ndim == 3 else one)]
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = (x.float() if x.is_floating_point() else x).numpy()
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"{what} is {type(images).__name__}; expected pictures: a container, a tensor or a list of them"
        )
    if x.ndim != 4 or x.shape[1] not in (1, 3) or not len(x):
        raise ValueError(f"{what} has shape {x.shape}; expected (N, C, H, W) with N ≥ 1 pictures and C 1 or 3")
    if x.dtype.kind == "f":
        if not np.isfinite(x).all():
            raise ValueError(f"{what} has NaN or infinite values; expected pixels from 0 to 1")
        x = np.round(np.clip(x, 0, 1) * 255).astype(np.uint8)
    elif x.dtype != np.uint8:
        raise TypeError(f"{what} is {x.dtype}; expected uint8 (0 to 255) or float (0 to 1)")
    x = x.transpose(0, 2, 3, 1)
    return list(np.repeat(x, 3, axis=3) if x.shape[3] == 1 else x)


def resized(picture: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3), the picture's own proportions on paper; enlarged pixels stay squares."""
    from PIL import Image

    h, w = picture.shape[:2]
    scale = side / max(h, w)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    how = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    small = Image.fromarray(picture).resize(size, how)
    sheet = Image.new("RGB", (side, side), PAPER)
    sheet.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(sheet)


def grid(
    rows: Sequence[Sequence[Cell | None]],
    *,
    alt: str,
    title: str = "",
    caption: str = "",
    columns: int = 0,
    names: Sequence[str] = (),
    heads: Mapping[int, str] | None = None,
    rule: bool = False,
) -> Card:
    """Cells in rows, drawn pixel by pixel on one canvas; all measures are pixels of the page (1/96 inch)."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    heads = heads or {}
    columns = max(columns, *(len(row) for row in rows))
    starts = [c for c in heads if c > 0]  # a block of columns begins here
    margin, gap, block = 12, 6, 16
    names = [fitting(name, 7 * LETTERS, 7) for name in names]
    left = margin + (max(len(n) for n in names) * 7 + 8 if names else 0)
    room = WIDTH * 96 - left - margin - gap * (columns - 1) - block * len(starts)
    side = max(16, min(88, int(room / columns)))
    text = 16 if any(c and c.text for row in rows for c in row) else 0
    top = margin + (26 if title else 0) + (20 if heads else 0)
    extra = 8 if rule else 0  # below the first row
    xs = [left + c * (side + gap) + block * sum(c >= s for s in starts) for c in range(columns)]
    ys = [top + r * (side + gap + text) + text + (extra if r else 0) for r in range(len(rows))]
    width, height = xs[-1] + side + margin, ys[-1] + side + margin
    if title or heads:
        width = max(width, min(int(WIDTH * 96), margin * 2 + 8 * len(title)))
    scale = DPI / 96
    sheet = np.full((round(height * scale), round(width * scale), 3), rgb(PAPER), dtype=np.uint8)
    figure = Figure(figsize=(width / 96, height / 96), facecolor=PAPER)
    ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    ax.set_axis_off()
    ax.set(xlim=(0, width), ylim=(height, 0))
    pixels = round(side * scale)
    for row, y in zip(rows, ys, strict=True):
        for cell, x in zip(row, xs, strict=False):
            if cell is None:
                continue
            y0, x0 = round(y * scale), round(x * scale)
            sheet[y0 : y0 + pixels, x0 : x0 + pixels] = resized(cell.picture, pixels)
            if cell.text:
                word = fitting(cell.text, side + gap - 2, 6)
                ax.text(x + side / 2, y - 4, word, ha="center", va="baseline", fontsize=8, color=SOFT)
            if cell.frame:
                colour, line = FRAMES[cell.frame]
                frame = Rectangle(
                    (x - 1, y - 1), side + 2, side + 2, fill=False, linewidth=2.2, edgecolor=colour, linestyle=line
                )
                ax.add_patch(frame)
    ax.imshow(sheet, extent=(0, width, height, 0), interpolation="none", aspect="auto", zorder=0)
    for name, y in zip(names, ys, strict=False):
        ax.text(margin, y + side / 2, name, va="center", fontsize=9.5, color=INK)
    for column, head in heads.items():
        end = min([s for s in starts if s > column], default=columns)
        head = fitting(head, xs[min(end, columns) - 1] + side - xs[column] + gap)
        ax.text(xs[column], top - 8, head, fontsize=9.5, color=INK if column else SOFT, va="baseline")
    if title:
        title = fitting(title, width - 2 * margin, 8.6)
        ax.text(margin, margin + 13, title, fontsize=11, fontweight="bold", color=INK, va="baseline")
    return Card(figure, alt, caption)


def label_names(images: Any) -> list[str]:
    """The label of each picture in words; nothing without labels."""
    labels, classes = getattr(images, "y", None), getattr(images, "classes", ())
    if labels is None:
        return []
    return [classes[y] if y < len(classes) else f"class {y}" for y in labels.tolist()]
