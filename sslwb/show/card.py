"""What every figure becomes: a small PNG on a soft white card, with words that say what is seen.

Figures are matplotlib `Figure` objects, made without pyplot: nothing is shared between threads. They go into the
notebook as an <img> inside <figure>, because an untrusted notebook keeps these and drops inline SVG.
"""

from __future__ import annotations

import base64
import functools
import html
import io
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sslwb.show.colours import INK, PAPER, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.9  # inches; 96 pixels of the page an inch
DPI = 150  # sharp on screens with more pixels than that
LETTERS = 36  # of a name beside its row or line; the whole name stands in the figure's words
NAMES = 24  # in a list beside a figure; of more the first stand there, and how many they are
# Fonts for alphabets that matplotlib's own lacks, where a system has them: Linux, Windows, macOS.
WIDER = [
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari", "Noto Sans Thai", "Microsoft YaHei", "Yu Gothic"),
    *("Malgun Gothic", "Nirmala UI", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo"),
]

warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")  # one a letter; ours is one a figure


class Card:
    """A finished figure.

    Attributes:
        figure: the matplotlib Figure.
        alt: what is seen, in words.
        png: the picture's bytes.
    """

    def __init__(self, figure: Figure, alt: str, caption: str = "") -> None:
        self.figure, self.alt, self.caption = figure, " ".join(alt.split()), caption
        self.png = _png(figure)

    @property
    def html(self) -> str:
        """A <figure> that stands on its own, readable on a light and on a dark page."""
        width = round(self.figure.get_figwidth() * 96)
        image = (
            f'<img alt="{html.escape(self.alt)}" width="{width}" '
            f'src="data:image/png;base64,{base64.b64encode(self.png).decode()}" '
            f'style="max-width:100%;height:auto;background-color:{PAPER};border-radius:8px">'
        )
        caption = f"<figcaption>{html.escape(self.caption)}</figcaption>" if self.caption else ""
        return f'<figure style="margin:8px 0px">{image}{caption}</figure>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.alt}

    def __repr__(self) -> str:
        return self.alt

    def save(self, path: str | Path) -> None:
        """Write the PNG to a file."""
        from sslwb.core import place  # loads torch

        place(path).write_bytes(self.png)


def _png(figure: Figure) -> bytes:
    """The figure with at most 256 colours: a third of the bytes, and a notebook holds many figures."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    _taken_at_their_word(figure)
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    file = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    return file.getvalue()


def _taken_at_their_word(figure: Figure) -> None:
    """A name is no formula, whatever dollars stand in it; and its letters are looked for in all fonts there are."""
    from matplotlib.text import Text

    strange: set[str] = set()
    for text in figure.findobj(Text):  # what matplotlib itself writes, such as 10⁻¹, is not there yet
        words = text.get_text()
        if "$" in words:
            text.set_parse_math(False)
        if new := {letter for letter in words if letter.isprintable() and ord(letter) not in _letters()}:
            strange |= new
            text.set_fontfamily([*text.get_fontfamily(), *_wider()])
    if missing := {letter for letter in strange if not any(ord(letter) in _letters(font) for font in _wider())}:
        warnings.warn(
            f"no font here draws {''.join(sorted(missing))[:20]}: boxes stand in the figure, its words are whole; a "
            f"font such as {WIDER[0]} draws more",
            stacklevel=6,
        )


@functools.cache
def _wider() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    return tuple(sorted({font.name for font in fontManager.ttflist} & {*WIDER}, key=WIDER.index))


@functools.cache
def _letters(family: str = "sans-serif") -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family=[family]))).get_charmap())


def fitting(text: str, width: float, letter: float = 8.0) -> str:
    """The text, cut where it is wider than `width` pixels, of which a letter takes `letter`."""
    fits = max(2, int(width / letter))
    return text if len(text) <= fits else text[: fits - 1] + "…"


def blank(height: float, columns: int = 1, *, rows: int = 1, width: float = WIDTH, **settings: Any) -> tuple[Any, Any]:
    """An empty figure of `height` inches and its axes, (rows, columns), in the course's style."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
    figure = Figure(figsize=(width, height), layout=layout, facecolor=PAPER)
    axes = figure.subplots(rows, columns, squeeze=False, **settings)
    for ax in axes.flat:
        ax.set_facecolor(PAPER)
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(SOFT)
        ax.tick_params(colors=SOFT, labelcolor=SOFT, labelsize=9)
        for label in (ax.xaxis.label, ax.yaxis.label):
            label.set(color=SOFT, fontsize=10)
        ax.set_axisbelow(True)
    return figure, axes


def titled(ax: Axes, title: str, pad: float = 9, width: float = WIDTH) -> None:
    """A title at the left, where reading begins; `width` is that of the axes, inches."""
    if title:
        ax.set_title(fitting(title, 96 * width - 20, 9), loc="left", fontsize=11, fontweight="bold", color=INK, pad=pad)


def headed(figure: Figure, title: str) -> None:
    """A title over the whole figure, where the axes have labels above them or are several."""
    if title:
        figure.suptitle(
            fitting(title, 96 * figure.get_figwidth() - 20, 9),
            x=0.015,
            ha="left",
            fontsize=11,
            fontweight="bold",
            color=INK,
        )


def bare_cells(ax: Axes, rows: int, columns: int, gap: float) -> None:
    """Axes of (rows, columns) cells: names above and beside, `gap` points of paper between cells, no ticks."""
    ax.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False, length=0, labelcolor=INK, labelsize=10)
    ax.set_xticks(np.arange(columns - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(rows - 1) + 0.5, minor=True)
    ax.grid(which="minor", color=PAPER, linewidth=gap)
    ax.tick_params(which="minor", length=0, top=False, bottom=False, left=False)
    ax.spines[:].set_visible(False)


def scale_bar(figure: Figure, shown: Any, *, size: int = 9, **place: Any) -> None:
    """What the colours of a matrix or of points stand for."""
    bar = figure.colorbar(shown, **place)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=SOFT, labelsize=size, length=0)


def name_lines(ax: Any, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write each line's name at its right end, (y, name, colour), moved apart where they would overlap.

    Of more than there is room for, the first are named, and how many there are besides.
    """
    if len(ends) > NAMES:
        ends = [*ends[: NAMES - 1], (math.nan, f"… and {len(ends) - NAMES + 1} more", SOFT)]
    height = max(ax.figure.get_figheight(), 0.19 * (len(ends) + 1) / 0.75)
    ax.figure.set_figheight(height)
    low, high = ax.transAxes.inverted().transform(ax.transData.transform([(0, y) for y in ax.get_ylim()]))[:, 1]
    places = ax.transAxes.inverted().transform(ax.transData.transform([(0, y) for y, _, _ in ends]))[:, 1]
    gap = 0.19 / (ax.figure.get_figheight() * 0.75)  # one line of text as a share of the axes' height
    order = sorted(range(len(ends)), key=lambda i: places[i] if np.isfinite(places[i]) else low)
    spread: list[float] = []
    for i in order:
        place = float(np.clip(places[i], low, high)) if np.isfinite(places[i]) else low
        spread.append(max(place, spread[-1] + gap) if spread else place)
    most = 1.0  # above it stands the title
    for k in reversed(range(len(spread))):
        spread[k] = min(spread[k], most)
        most = spread[k] - gap
    for i, place in zip(order, spread, strict=True):
        _, name, colour = ends[i]
        ax.text(
            1.015,
            place,
            fitting(name, 8 * LETTERS),
            color=colour,
            transform=ax.transAxes,
            va="center",
            fontsize=10,
            fontweight="bold",
        )


def dashed_line(ax: Any, at: float | None, name: str, vertical: bool) -> None:
    """A level to compare with, such as chance; nothing where `at` is None."""
    if at is None:
        return
    (ax.axvline if vertical else ax.axhline)(at, color=SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
    at_end, offset = ((at, 1), (3, 1)) if vertical else ((0, at), (4, 3))
    system = ("data", "axes fraction") if vertical else ("axes fraction", "data")
    ax.annotate(name, at_end, offset, xycoords=system, textcoords="offset points", fontsize=9, color=SOFT)


def numbers(what: str, values: Any, ndim: int = 1) -> np.ndarray:
    """A float array from a tensor, an array or a list.

    Raises:
        TypeError: not numbers.
        ValueError: another number of dimensions, or nothing in it.
    """
    if hasattr(values, "detach"):
        values = values.detach().float().cpu()
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} is {type(values).__name__}; expected numbers: a list, an array or a tensor") from error
    if array.ndim != ndim or not array.size:
        raise ValueError(f"{what} has shape {array.shape}; expected {ndim} dimension(s), not empty")
    return array


def by_name(what: str, values: Any) -> Mapping[str, Any]:
    """A non-empty dict of named things.

    Raises:
        TypeError: not a dict.
        ValueError: an empty one.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{what} is {type(values).__name__}; expected a dict such as {{'SimCLR': …}}")
    if not values:
        raise ValueError(f"{what} is empty; expected at least one named entry")
    return values


def short(value: float) -> str:
    """A number for a sentence: three digits that count."""
    return f"{value:.3g}"
