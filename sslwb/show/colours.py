"""The course's colours, and the only file that names any: figures, widgets and their scripts take them from here.

A figure lies on paper in either theme of JupyterLab; a widget lies on the page, so a colour of points is seen on both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

INK, SOFT, FAINT, PAPER = "#222222", "#5f6368", "#dadce0", "#fcfcfa"
GROUND = "#f7f7f5"  # under code
EMPTY = "#eeeeec"  # a cell without a value

# Six of Okabe and Ito 2008, black and yellow left out (one vanishes on a dark page, one on a light one), and four more
# that colour-blind readers tell from them and from each other (tests/test_colours.py measures it).
PALETTE = (
    "#0072b2",  # blue
    "#d55e00",  # vermilion
    "#009e73",  # green
    "#cc79a7",  # pink
    "#e69f00",  # orange
    "#56b4e9",  # sky
    "#6118f2",  # violet
    "#bf1330",  # crimson
    "#bfaf60",  # sand
    "#0079f2",  # azure
)
PALE = ("#8fbfdc", "#f0b27e")  # bars, in the palette's first two colours
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p")  # a second way to tell classes apart; 9, prime to 10 colours
SAME, OTHER = PALETTE[0], PALETTE[1]  # a neighbour with the query's label, and with another

# A class whose name is a colour is drawn in it: a red dot that says "green" would mislead.
NAMED = {
    "red": "#bf0a1c",
    "orange": "#e6872e",
    "yellow": "#f2ba00",
    "green": "#1f995c",
    "cyan": "#00c8e6",
    "blue": "#1f3fff",
    "purple": "#8500a6",
    "pink": "#f255aa",
}
UNKNOWN = "#8a8a8a"  # a point that lacks the quantity which colours the others
LOW_TO_HIGH = ("#2f5fb3", "#8d8d8d", "#e8c229")  # blue, grey, yellow
CYCLIC = ("#0072b2", "#b5b5b5", "#d55e00", "#5c5c5c", "#0072b2")  # for what wraps round: ends where it begins
# Amounts in a matrix, white to blue; with values below 0 also white to orange. Both grow darker away from white.
BLUES = ("#f3f7fa", "#56b4e9", "#0072b2", "#06395c")
SIGNED = ("#6b2f00", "#d55e00", "#f0b27e", "#faf6f2", *BLUES)
HATCH = ("#e4e4e4", "#7d7d7d")  # the stripes of a hidden patch

# Words, lines and marks of a widget, by theme: as CSS variables --right, --wrong … of everything inside it.
LIGHT = {"right": "#00795a", "wrong": "#c04b00", "line": PALETTE[0], "strong": "#000000"}
DARK = {"right": "#2fc79b", "wrong": "#f28b48", "line": PALETTE[5], "strong": "#ffffff"}


def rgb(colour: str) -> tuple[int, int, int]:
    """ "#0072b2" → (0, 114, 178)."""
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return r, g, b


def gradient(colours: Sequence[str], count: int) -> np.ndarray:
    """`count` colours from the first to the last, (count, 3) uint8, mixed evenly between neighbours."""
    stops = np.array([rgb(c) for c in colours], dtype=float)
    at = np.linspace(0, len(colours) - 1, count)
    return np.stack([np.interp(at, range(len(colours)), stops[:, c]) for c in range(3)], 1).round().astype(np.uint8)


def class_colours(names: Sequence[str]) -> list[str]:
    """One colour for each class; from the eleventh on the palette begins again."""
    if names and set(names) <= set(NAMED):
        return [NAMED[name] for name in names]
    return [PALETTE[i % len(PALETTE)] for i in range(len(names))]
