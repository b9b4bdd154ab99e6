"""Histograms of samples, each with the standard normal distribution over it. Lesson 18."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np

from sslwb.show.card import WIDTH, Card, blank, by_name, headed, numbers, titled
from sslwb.show.colours import INK, PALETTE

REACH, BINS = 4.0, 32


def histograms(samples: Mapping[str, Any], *, title: str = "", caption: str = "") -> Card:
    """How some numbers are distributed, beside a standard normal distribution, which is the dark curve.

    Args:
        samples: {name: numbers (N,)}, one panel each, at most four. What lies beyond ±4 is drawn at the edge.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: no samples, or more than four.
    """
    named = by_name("samples", samples)
    if len(named) > 4:
        raise ValueError(f"samples holds {len(named)}; expected four at most, one panel each")
    figure, (axes,) = blank(2.5, len(named), sharey=True)
    edges, t = np.linspace(-REACH, REACH, BINS + 1), np.linspace(-REACH, REACH, 201)
    described = []
    for ax, (name, values), colour in zip(axes, named.items(), cycle(PALETTE), strict=False):
        x = numbers(name, values)
        ax.hist(np.clip(x, -REACH, REACH), edges, density=True, color=colour, alpha=0.6)
        ax.plot(t, np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi), color=INK, linewidth=1.5)
        ax.set(xlim=(-REACH, REACH), ylim=(0, 1.2))
        titled(ax, name, width=WIDTH / len(named))
        described.append(f"{name}: mean {x.mean():.2f}, standard deviation {x.std():.2f}")
    headed(figure, title)
    alt = f"{title or 'Histograms'}, beside a standard normal distribution. {'; '.join(described)}."
    return Card(figure, alt, caption)
