"""The workflow of self-supervised learning as one figure, drawn from the data at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sslwb.show.card import Card, blank, fitting
from sslwb.show.colours import INK, PALETTE, SOFT
from sslwb.show.heatmap import colour_map
from sslwb.show.pictures import as_rgb

PICTURES, LABELLED, NUMBERS = 3, 4, 40  # as many as fit


def workflow(originals: Any, views: Sequence[Any], embedding: Any, labelled: Any) -> Card:
    """Three steps from left to right: pretext task, representation, your task.

    Args:
        originals: three pictures or more, (N, C, H, W).
        views: two views of each, (N, C, h, w) both.
        embedding: the numbers that the encoder makes of the first picture, (dim,).
        labelled: four labelled pictures or more, `Images`.

    Raises:
        ValueError: fewer than two views; pictures or embedding of another shape. Lesson 00.
    """
    if len(views) < 2:
        raise ValueError(f"views holds {len(views)} tensor(s); expected two views of each picture")
    if embedding.ndim != 1:
        raise ValueError(f"embedding has shape {tuple(embedding.shape)}; expected (dim,), one picture's")
    figure, ((ax,),) = blank(2.8)

    def put(picture: Any, x: float, y: float) -> None:
        ax.imshow(picture, extent=(x, x + 1.7, y, y + 1.7), interpolation="nearest")

    def say(x: float, y: float, text: str, **how: Any) -> None:
        ax.text(x, y, text, **{"color": SOFT, "fontsize": 9.5, "va": "center", "ha": "left", **how})

    pictures = as_rgb("originals", originals[:PICTURES])
    first, second = (as_rgb("views", v[:PICTURES]) for v in views[:2])
    for row, three in enumerate(zip(pictures, first, second, strict=True)):
        for picture, x in zip(three, (0, 3.1, 5.0), strict=True):
            put(picture, x, 5.4 - 2 * row)
        say(2.0, 6.25 - 2 * row, "→", fontsize=14)
        say(6.9, 6.25 - 2 * row, "same?", color=PALETTE[0])

    put(pictures[0], 9.4, 3.4)
    ax.fill([12.3, 12.3, 14.1, 14.1], [2.4, 6.1, 5.1, 3.4], color=PALETTE[5], alpha=0.5, linewidth=0)
    say(13.2, 4.25, "encoder", color=INK, ha="center", fontsize=9)
    for x in (11.3, 14.2):
        say(x, 4.25, "→", fontsize=14)
    column = embedding[:NUMBERS].detach().cpu().numpy()[:, None]
    ax.imshow(column, extent=(15.1, 15.6, 1.4, 7.1), cmap=colour_map(False), aspect="auto")

    some = labelled[:LABELLED]
    for i, (picture, label) in enumerate(zip(as_rgb("labelled", some), some.labels.tolist(), strict=True)):
        x, y = 17.2 + 3.2 * (i % 2), 5.4 - 2.7 * (i // 2)
        put(picture, x, y)
        say(x + 0.85, y - 0.4, fitting(labelled.classes[label], 100, 7), color=INK, ha="center", fontsize=9)

    for x, head, words in (
        (0, "1  Pretext task", "Which views belong together?\nNo labels are needed."),
        (9.4, "2  Representation", f"What this task teaches:\na picture becomes {len(embedding)} numbers."),
        (17.2, "3  Your task", "A few labels say\nwhich class is which."),
    ):
        say(x, 8.2, head, color=INK, fontsize=11, fontweight="bold")
        say(x, 0.4, words, linespacing=1.4)
    ax.set(xlim=(0, 24.4), ylim=(-0.3, 8.6), aspect="equal")
    ax.set_axis_off()
    alt = """Three steps from left to right. Pretext task: pictures and two random views of each; do they belong
        together? Representation: an encoder turns a picture into numbers. Your task: a few labelled pictures."""
    return Card(figure, alt)
