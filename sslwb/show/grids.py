"""Pictures in rows: a handful of a data set, views beside their originals, neighbours beside their query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sslwb.show.card import DPI, INK, PAPER, SOFT, WIDTH, Card, by_name, numbers

if TYPE_CHECKING:
    from sslwb.data import Images

# Frames: the query's label, another. Dashes for those who cannot tell the colours apart.
FRAMES: dict[str, tuple[str, Any]] = {"same": ("#0072b2", "-"), "other": ("#d55e00", (0, (2, 1.2)))}


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
    rgb = as_rgb("images", images)
    words = _label_names(images, len(rgb)) if titles is None else list(titles)
    if columns < 1 or len(rgb) > 128 or (words and len(words) != len(rgb)):
        raise ValueError(
            f"images holds {len(rgb)} pictures, titles {len(words)}, columns is {columns}; expected 1 to 128 pictures "
            "(images[:32]), as many titles as pictures, and columns ≥ 1"
        )
    cells = [Cell(p, words[i] if words else "") for i, p in enumerate(rgb)]
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    h, w = rgb[0].shape[:2]
    described = f"{len(rgb)} pictures of {w} by {h} pixels"
    described += f": {', '.join(filter(None, words))}" if any(words) else ""
    return _grid(rows, title=title, caption=caption, alt=f"{title or 'Pictures'}. {described}.", columns=columns)


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
    return _grid(
        rows,
        names=["original", *given],
        title=title,
        caption=caption,
        alt=f"{title or 'Views'}. {described}.",
        rule=True,
    )


def reconstructions(
    originals: Any, hidden: Any, guesses: Mapping[str, Any], patch: int = 4, *, title: str = "", caption: str = ""
) -> Card:
    """Pictures, what a mask leaves of them, and what was predicted for the rest: a row each.

    Args:
        originals: B pictures, at most 12; see `pictures`.
        hidden: bool (B, L) or (B, rows, columns), True where a patch is hidden.
        guesses: {name: B predicted pictures}; their hidden patches are shown, the others are the originals'.
        patch: side of a patch, pixels.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: no guess, more than 12 pictures, or a mask or a guess that does not fit them.
    """
    first = as_rgb("originals", originals)
    h, w = first[0].shape[:2]
    mask = np.asarray(hidden.detach().cpu() if hasattr(hidden, "detach") else hidden)
    rest = {name: as_rgb(f"guesses[{name!r}]", g) for name, g in by_name("guesses", guesses).items()}
    wrong = [name for name, g in rest.items() if len(g) != len(first) or g[0].shape != first[0].shape]
    if len(first) > 12 or wrong or mask.dtype != bool or mask.size != len(first) * (h // patch) * (w // patch):
        raise ValueError(
            f"originals holds {len(first)} pictures of {h} by {w}, hidden is {mask.dtype} {mask.shape}, patch {patch}, "
            f"other than the originals: {wrong or 'no guess'}; expected at most 12 pictures, bool (B, L) for their "
            "patches, and guesses of the same shape"
        )
    pixels = mask.reshape(-1, h // patch, w // patch).repeat(patch, 1).repeat(patch, 2)[..., None]
    stripes = np.where(np.indices((h, w)).sum(0)[..., None] % 4 < 2, 228, 125).astype(np.uint8)  # on any picture seen
    rows = [[Cell(p) for p in first], [Cell(np.where(m, stripes, p)) for p, m in zip(first, pixels, strict=True)]]
    errors = []
    for name, guess in rest.items():
        rows.append([Cell(np.where(m, g, p)) for g, p, m in zip(guess, first, pixels, strict=True)])
        apart = (np.stack(guess) / 255.0 - np.stack(first) / 255.0) ** 2
        errors.append(f"{name}: mean squared error {apart[np.broadcast_to(pixels, apart.shape)].mean():.4f}")
    described = (
        f"{len(first)} pictures, the same with {mask.mean():.0%} of their patches hidden, and those patches predicted"
    )
    return _grid(
        rows,
        names=["original", "masked", *rest],
        title=title,
        caption=caption,
        alt=f"{title or 'Masked pictures'}. {described}. {'; '.join(errors)}.",
        rule=True,
    )


def neighbours(
    images: Images, spaces: Mapping[str, Any], queries: Sequence[int], k: int = 5, *, title: str = "", caption: str = ""
) -> Card:
    """Each query and its k nearest neighbours in each space; a blue frame has the query's label, a dashed one another.

    Nearness is the cosine after the mean is taken off, as in `evaluate.knn`.

    Args:
        images: N pictures.
        spaces: {name: (N, D) embeddings of these pictures, row for row}.
        queries: positions among the pictures.
        k: neighbours shown.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: embeddings of another number of pictures, a query that is not there, k < 1 or ≥ N.
    """
    for name, z in by_name("spaces", spaces).items():
        if len(z) != len(images):
            raise ValueError(f"spaces[{name!r}] has {len(z)} rows and images {len(images)}; expected one row a picture")
    queries = [int(q) for q in queries]
    if not queries or not all(0 <= q < len(images) for q in queries) or not 1 <= k < len(images):
        raise ValueError(f"queries is {queries} and k is {k}; expected positions below {len(images)}, and 1 ≤ k < that")
    rgb, labels = as_rgb("images", images), getattr(images, "y", None)
    nearest = {name: _nearest(numbers(name, z, 2), queries, k) for name, z in spaces.items()}

    def cell(query: int, other: int) -> Cell:
        return Cell(rgb[other], frame="" if labels is None else ("other", "same")[int(labels[other] == labels[query])])

    asked = [
        Cell(rgb[q], text)
        for q, text in zip(queries, _label_names(images[queries], len(queries)) or [""] * len(queries), strict=True)
    ]
    found = {
        n: [[cell(q, j) for j in row] for q, row in zip(queries, index, strict=True)] for n, index in nearest.items()
    }
    described = []
    for name, block in found.items():
        same = sum(c.frame == "same" for row in block for c in row)
        described.append(name if labels is None else f"{name}: {same} of {len(queries) * k} share the label")
    alt = f"{title or 'Nearest neighbours'} of {len(queries)} pictures. {'; '.join(described)}."
    if labels is not None:
        caption = caption or f"{'. '.join(described)}. Blue frame: the query's label; dashed orange: another."
    if 1 + k * len(spaces) <= 16:
        rows = [[a, *(c for block in found.values() for c in block[i])] for i, a in enumerate(asked)]
        heads = {0: "query"} | {1 + k * i: name for i, name in enumerate(found)}
        return _grid(rows, heads=heads, title=title, caption=caption, alt=alt)
    stacked: list[list[Cell | None]] = []
    for i, a in enumerate(asked):
        for j, block in enumerate(found.values()):
            stacked.append([a if j == 0 else None, *block[i]])
    names = list(found) * len(asked)
    return _grid(stacked, names=names, heads={0: "query", 1: "nearest first"}, title=title, caption=caption, alt=alt)


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


def _grid(
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
    sheet = np.full((round(height * scale), round(width * scale), 3), _rgb(PAPER), dtype=np.uint8)
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
                word = _fitting(cell.text, side + gap - 2, 6)
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
        head = _fitting(head, xs[min(end, columns) - 1] + side - xs[column] + gap)
        ax.text(xs[column], top - 8, head, fontsize=9.5, color=INK if column else SOFT, va="baseline")
    if title:
        title = _fitting(title, width - 2 * margin, 8.6)
        ax.text(margin, margin + 13, title, fontsize=11, fontweight="bold", color=INK, va="baseline")
    return Card(figure, alt, caption)


def _fitting(text: str, width: float, letter: float = 8.0) -> str:
    """The text, cut where it is wider than `width` pixels."""
    fits = max(2, int(width / letter))
    return text if len(text) <= fits else text[: fits - 1] + "…"


def _nearest(z: np.ndarray, queries: Sequence[int], k: int) -> list[list[int]]:
    """For each query the k rows of greatest cosine, itself left out, nearest first."""
    z = z - z.mean(0)
    z = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    similarity = z[list(queries)] @ z.T
    similarity[np.arange(len(queries)), list(queries)] = -np.inf
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k].tolist()


def _label_names(images: Any, count: int) -> list[str]:
    """The label of each picture in words; nothing where nobody labelled them."""
    labels, classes = getattr(images, "y", None), getattr(images, "classes", ())
    if labels is None:
        return []
    return [classes[y] if y < len(classes) else str(y) for y in labels.tolist()[:count]]


def _rgb(colour: str) -> tuple[int, int, int]:
    from matplotlib.colors import to_rgb

    r, g, b = (round(255 * v) for v in to_rgb(colour))
    return r, g, b
