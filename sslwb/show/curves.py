"""Lines: how a training went, how accuracy grows with labels, how variance spreads over directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from sslwb.show.card import Card, blank, by_name, dashed_line, name_lines, numbers, short, titled
from sslwb.show.colours import FAINT, PALETTE, PAPER, SOFT

LEAST_SHARE = 1e-7  # of the variance: what is smaller is drawn there


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
    for (name, one), colour in zip(named.items(), cycle(PALETTE), strict=False):
        y = numbers(f"history {name!r}" if name else "history", one[term] if hasattr(one, "terms") else one)
        if log and not (y[np.isfinite(y)] > 0).all():
            raise ValueError(f"{term} of {name or 'history'} has values ≤ 0; a logarithmic axis expects values above 0")
        x, mean = np.arange(1, len(y) + 1), running_mean(y, smooth)
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
    dashed_line(ax, floor, "", vertical=False)
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
    for i, ((name, curve), colour) in enumerate(zip(curves.items(), cycle(PALETTE), strict=False)):
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
    ax.set(xscale="log", xlabel="labels for each class", ylabel="accuracy on the test set")
    top = max(s for curve in curves.values() for seeds in curve.values() for s in seeds)
    ax.set_ylim(0, min(1.02, 1.08 * top))
    ax.set_xticks(counts, [str(k) for k in counts])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(_percent)
    ax.grid(axis="y", color=FAINT, linewidth=0.7)
    dashed_line(ax, chance, "chance", vertical=False)
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
    figure, ((ax,),) = blank(3.1)
    ends, described, widest = [], [], 1
    for (name, values), colour in zip(by_name("spectra", spectra).items(), cycle(PALETTE), strict=False):
        share = shares(values, f"the spectrum of {name}")
        ax.plot(np.arange(1, len(share) + 1), share, color=colour, linewidth=2)
        most = int(np.searchsorted(np.cumsum(share), 0.9 - 1e-9)) + 1
        widest = max(widest, len(share))
        ends.append((float(share[-1]), name, colour))
        described.append(f"{name}: {most} of {len(share)} directions hold 90% of the variance")
    ax.set(xlabel="direction, largest variance first", ylabel="share of the variance", yscale="log")
    ax.set(xlim=(1, max(2, widest)), ylim=(LEAST_SHARE, 1))
    ax.grid(axis="y", color=FAINT, linewidth=0.7)
    titled(ax, title)
    name_lines(ax, ends)
    return Card(figure, f"{title or 'Spectrum of the embeddings'}. {'; '.join(described)}.", caption)


def running_mean(y: np.ndarray, window: int | None = None) -> np.ndarray:
    """The mean of the values within half a window, NaN left out; nearer the ends of as many as there are.

    `window` None takes a fiftieth of the values, 1 changes nothing.
    """
    window = window or max(1, len(y) // 50)
    if window <= 1:
        return y
    at = np.arange(len(y))
    first, last = np.maximum(at - window // 2, 0), np.minimum(at + window // 2 + 1, len(y))
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(y))])
    there = np.concatenate([[0], np.cumsum(np.isfinite(y))])
    with np.errstate(invalid="ignore"):
        change: np.ndarray = (total[last] - total[first]) / (there[last] - there[first])
        return change


def shares(variances: Any, what: str = "the spectrum") -> np.ndarray:
    """(D,) variances as shares of their sum, none below `LEAST_SHARE`.

    Raises:
        ValueError: negative variances, or none above 0.
    """
    v = numbers(what, variances)
    if v.min() < 0 or not v.sum() > 0:
        raise ValueError(f"{what} has negative values or none above 0; expected variances")
    share: np.ndarray = np.maximum(v / v.sum(), LEAST_SHARE)
    return share


def _percent(value: float, _: int) -> str:
    return f"{value:.0%}"
