"""Lines, bars and matrices: how a training went, what was measured, and how methods compare."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sslwb.show.card import (
    FAINT,
    INK,
    PALETTE,
    PAPER,
    SOFT,
    WIDTH,
    Card,
    blank,
    by_name,
    name_lines,
    numbers,
    short,
    titled,
)


def curves(
    history: Any,
    term: str = "loss",
    *,
    title: str = "",
    log: bool = False,
    smooth: int | None = None,
    floor: float | None = None,
    caption: str = "",
) -> Card:
    """A recorded term over the steps: the running mean strong, every step pale behind it.

    Args:
        history: a History, a list of numbers, or {name: either}.
        term: which term of the histories.
        title: what the figure says.
        log: a logarithmic axis for the term.
        smooth: steps in the running mean; None takes a fiftieth of the steps, 1 smooths nothing.
        floor: the least that the term can be, such as the entropy of a world's words, drawn as a dashed line.
        caption: a line below.

    Raises:
        ValueError: no steps, or values that a logarithmic axis cannot show.
        KeyError: a term that was not recorded.
    """
    named = history if isinstance(history, Mapping) else {"": history}
    by_name("history", named)
    figure, ((ax,),) = blank(3.1)
    ends, described, steps = [], [], 0
    for (name, one), colour in zip(named.items(), _colours(len(named)), strict=True):
        y = numbers(f"history {name!r}" if name else "history", one[term] if hasattr(one, "terms") else one)
        if log and not (y[np.isfinite(y)] > 0).all():
            raise ValueError(f"{term} of {name or 'history'} has values ≤ 0; a logarithmic axis expects values above 0")
        x, mean = np.arange(1, len(y) + 1), _running_mean(y, smooth or max(1, len(y) // 50))
        if not np.array_equal(mean, y):
            ax.plot(x, y, color=colour, alpha=0.22, linewidth=0.8)
        ax.plot(x, mean, color=colour, linewidth=2)
        steps = max(steps, len(y))
        ends.append((float(mean[-1]), name, colour))
        described.append(f"{name + ' goes' if name else 'It goes'} from {short(mean[0])} to {short(mean[-1])}")
    ax.set(xlabel="step", ylabel=term, xlim=(1, max(2, steps)), yscale="log" if log else "linear")
    ax.grid(axis="y", color=FAINT, linewidth=0.7)
    if floor is not None:
        ends.append((floor, "floor", SOFT))
        described.append(f"The floor is {short(floor)}")
    _dashed_line(ax, floor, "", vertical=False)
    titled(ax, title)
    if any(name for _, name, _ in ends):
        name_lines(ax, ends)
    return Card(figure, f"{title or 'Training curves'}: {term} over {steps} steps. {'; '.join(described)}.", caption)


def label_curve(
    curves: Mapping[str, Mapping[int, Sequence[float]]],
    *,
    title: str = "",
    chance: float | None = None,
    caption: str = "",
) -> Card:
    """Accuracy against the number of labels a class: a line through the means, a dot for each seed.

    Args:
        curves: {name: {labels a class: [accuracy of each seed]}}, accuracies from 0 to 1; see `evaluate.label_curve`.
        title: what the figure says.
        chance: accuracy of guessing, drawn as a dashed line.
        caption: a line below.
    """
    figure, ((ax,),) = blank(3.3)
    ends, described = [], []
    counts = sorted({int(k) for curve in by_name("curves", curves).values() for k in by_name("a curve", curve)})
    for i, ((name, curve), colour) in enumerate(zip(curves.items(), _colours(len(curves)), strict=True)):
        ks = sorted(curve)
        seeds = [numbers(f"{name} at {k}", curve[k]) for k in ks]
        mean = [float(s.mean()) for s in seeds]
        ax.plot(ks, mean, color=colour, linewidth=2)
        ax.fill_between(ks, [s.min() for s in seeds], [s.max() for s in seeds], color=colour, alpha=0.12, linewidth=0)
        for k, s in zip(ks, seeds, strict=True):
            ax.plot(
                [k] * len(s), s, "os^Dv"[i % 5], color=colour, markersize=4, markeredgecolor=PAPER, markeredgewidth=0.5
            )
        ends.append((mean[-1], name, colour))
        described.append(f"{name}: {mean[0]:.0%} with {ks[0]}, {mean[-1]:.0%} with {ks[-1]}")
    ax.set(xscale="log", xlabel="labels for each class", ylabel="accuracy on test pictures")
    top = max(s for curve in curves.values() for seeds in curve.values() for s in seeds)
    ax.set_ylim(0, min(1.02, 1.08 * top))
    ax.set_xticks(counts, [str(k) for k in counts])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(_percent)
    ax.grid(axis="y", color=FAINT, linewidth=0.7)
    _dashed_line(ax, chance, "chance", vertical=False)
    titled(ax, title)
    name_lines(ax, ends)
    return Card(figure, f"{title or 'Accuracy with few labels'}. {'; '.join(described)} labels a class.", caption)


def spectrum(spectra: Mapping[str, Any], *, title: str = "", caption: str = "") -> Card:
    """How the variance of embeddings spreads over directions, as shares, on a logarithmic axis: a cliff is a collapse.

    Args:
        spectra: {name: (D,) variances, largest first}; see `geometry.spectrum`.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: negative variances, or none at all.
    """
    floor = 1e-7
    figure, ((ax,),) = blank(3.1)
    ends, described, widest = [], [], 1
    for (name, values), colour in zip(by_name("spectra", spectra).items(), _colours(len(spectra)), strict=True):
        v = numbers(f"the spectrum of {name}", values)
        if v.min() < 0 or not v.sum() > 0:
            raise ValueError(f"the spectrum of {name} has negative values or none above 0; expected variances")
        share = v / v.sum()
        ax.plot(np.arange(1, len(v) + 1), np.maximum(share, floor), color=colour, linewidth=2)
        half = int(np.searchsorted(np.cumsum(share), 0.9 - 1e-9)) + 1
        widest = max(widest, len(v))
        ends.append((max(float(share[-1]), floor), name, colour))
        described.append(f"{name}: {half} of {len(v)} directions hold 90% of the variance")
    ax.set(xlabel="direction, largest variance first", ylabel="share of the variance", yscale="log")
    ax.set(xlim=(1, max(2, widest)), ylim=(floor, 1))
    ax.grid(axis="y", color=FAINT, linewidth=0.7)
    titled(ax, title)
    name_lines(ax, ends)
    return Card(figure, f"{title or 'Spectrum of the embeddings'}. {'; '.join(described)}.", caption)


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
    ax.barh(range(len(names)), mean, color="#8fbfdc", height=0.66)
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
    ax.set_yticks(range(len(names)), names)
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
    _dashed_line(ax, chance, "chance", vertical=True)
    titled(ax, title, pad=9 if chance is None else 20)
    described = "; ".join(f"{n} {w}" for n, w in zip(names, written, strict=True))
    return Card(figure, f"{title or 'Bars'}{f' ({unit})' if unit else ''}: {described}.", caption)


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
    """
    v = numbers("values", values, 2)
    if v.shape != (len(rows), len(columns)):
        raise ValueError(f"values has shape {v.shape}; expected {len(rows)} rows and {len(columns)} columns of names")
    finite = v[np.isfinite(v)]
    low = float(finite.min()) if low is None and len(finite) else low or 0.0
    high = float(finite.max()) if high is None and len(finite) else (1.0 if high is None else high)
    signed = low < 0
    if signed:
        low, high = -max(-low, high), max(-low, high)
    width = min(WIDTH, 2.6 + 0.85 * len(columns))
    letters = int((width - 0.6 - 0.09 * max(map(len, rows))) / len(columns) / 0.085)
    letters = max(letters, 6, *(len(w) for c in columns for w in c.split() if len(w) == letters + 1))  # one more fits
    heads = [textwrap.wrap(c, letters) or [""] for c in columns]
    lines = max(map(len, heads))
    figure, ((ax,),) = blank(0.38 + 0.17 * lines + 0.36 * len(rows) + (0.3 if title else 0), width=width)
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
            color="white" if dark and np.isfinite(v[i, j]) else INK,
        )
    ax.set_xticks(range(len(columns)), ["\n".join(head) for head in heads])
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False, length=0, labelcolor=INK, labelsize=10)
    ax.set_xticks(np.arange(len(columns) - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
    ax.grid(which="minor", color=PAPER, linewidth=2)
    ax.tick_params(which="minor", length=0, top=False, bottom=False, left=False)
    ax.spines[:].set_visible(False)
    if title:
        figure.suptitle(title, x=0.012, ha="left", fontsize=11, fontweight="bold", color=INK)
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
            ax.add_patch(
                Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor="#e8e8e6", edgecolor=SOFT, linewidth=0, zorder=2)
            )
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
                color="white" if abs(s[i, j]) > 0.62 * abs(s).max() else INK,
            )
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    if small:
        labels = list(names) if names is not None else [str(i) for i in range(n)]
        ax.set_xticks(range(n), labels)
        ax.set_yticks(range(n), labels)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
    bar = figure.colorbar(shown, ax=ax, shrink=0.75, aspect=24, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=SOFT, labelsize=9, length=0)
    if title:
        figure.suptitle(title, x=0.015, ha="left", fontsize=11, fontweight="bold", color=INK)
    mask = np.equal.outer(np.arange(n) % b, np.arange(n) % b)
    mine = mask & ~np.eye(n, dtype=bool) if views > 1 else mask
    described = f"{positives} positives are outlined, with a mean similarity of {s[mine].mean():.2f}; "
    described += f"the negatives' mean is {s[~mask].mean():.2f}" if (~mask).any() else "there are no negatives"
    return Card(figure, f"{title or 'Similarity matrix'}, {n} by {n}. {described}.", caption)


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


def _listed(value: Any) -> Any:
    """A single number as a list of one."""
    return [value] if getattr(value, "ndim", None) == 0 or isinstance(value, (int, float)) else value


def _colours(count: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(count)]


def _percent(value: float, _: int) -> str:
    return f"{value:.0%}"


def _dashed_line(ax: Any, at: float | None, name: str, vertical: bool) -> None:
    if at is None:
        return
    (ax.axvline if vertical else ax.axhline)(at, color=SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
    if vertical:
        ax.annotate(
            name,
            (at, 1),
            (3, 1),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=9,
            color=SOFT,
        )
    else:
        ax.annotate(
            name,
            (0, at),
            (4, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=9,
            color=SOFT,
        )


def colour_map(signed: bool) -> Any:
    """White to blue; orange to white to blue where values may be negative. Both grow darker away from white."""
    from matplotlib.colors import LinearSegmentedColormap

    blue, orange = ["#f3f7fa", "#56b4e9", "#0072b2", "#06395c"], ["#6b2f00", "#d55e00", "#f0b27e", "#faf6f2"]
    return LinearSegmentedColormap.from_list("course", [*orange, *blue] if signed else blue).with_extremes(
        bad="#eeeeec"
    )


def _running_mean(y: np.ndarray, window: int) -> np.ndarray:
    """The mean of the values within half a window; nearer the ends of as many as there are."""
    if window <= 1:
        return y
    at = np.arange(len(y))
    first, last = np.maximum(at - window // 2, 0), np.minimum(at + window // 2 + 1, len(y))
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(y))])
    there = np.concatenate([[0], np.cumsum(np.isfinite(y))])
    with np.errstate(invalid="ignore"):
        return (total[last] - total[first]) / (there[last] - there[first])
