"""What stands where: boxes and masks on pictures, the true ones and those that were found. Lesson 21."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sslwb.show.card import WIDTH, Card, blank, fitting, headed
from sslwb.show.colours import INK, OTHER, PALETTE, PAPER, SAME, rgb
from sslwb.show.pictures import as_rgb

if TYPE_CHECKING:
    from sslwb.data.scenes import Scenes
    from sslwb.tasks.detection import Found

Place = tuple[float, float, float, float]  # x1, y1, x2, y2 of a word, in pixels of its picture

MOST = 8  # pictures in a row
RIGHT = 0.5  # a box is right where it shares this much with one of its kind: that of "mAP50"
LETTER = 6  # points of a word at a box
FADED = 0.45  # how much of a picture is seen below a mask


def boxes(
    scenes: Scenes,
    found: Mapping[str, Sequence[Found]] | None = None,
    *,
    least: float = 0.3,
    title: str = "",
    caption: str = "",
) -> Card:
    """Pictures with the boxes of their objects, and below them those that were found.

    A found box is drawn through where it is right: it shares half with an object of its kind that no surer box has
    taken. Else it is dashed. Its kind stands at its corner, with the score in hundredths.

    Args:
        scenes: 1 to 8 pictures.
        found: {name of the row: of each picture what a detector sees}; see `tasks.Detector.detect`.
        least: of the scores that are shown.
        title: what the figure says.
        caption: a line below.

    Raises:
        TypeError: pictures without boxes.
        ValueError: no pictures, more than 8, or found for another number of them.
    """
    shown = _shown(scenes, "boxes")
    given = dict(found or {})
    for name, row in given.items():
        if len(row) != len(shown):
            raise ValueError(
                f"found[{name!r}] is of {len(row)} pictures and scenes holds {len(shown)}; expected as many"
            )
    figure, axes = _rows(["true", *given], shown, title)
    described = []
    for i, ax in enumerate(axes[0]):
        there = scenes.there[i]
        kinds = [scenes.classes[k] for k in scenes.kinds[i][there].tolist()]
        used: list[Place] = []
        for box, kind in zip(scenes.boxes[i][there].tolist(), kinds, strict=True):
            _box(ax, box, kind, INK, "-", used)
        described.append(", ".join(kinds) or "nothing")
    words = f"{len(shown)} pictures with boxes round: {'; '.join(described)}."
    for below, (name, seen) in enumerate(given.items(), 1):
        right = wrong = 0
        for i, ax in enumerate(axes[below]):
            used = []
            for box, kind, score, is_right in _judged(seen[i], scenes, i, least):
                colour, line = (SAME, "-") if is_right else (OTHER, (0, (2, 1.2)))
                _box(ax, box, f"{scenes.classes[kind]} .{min(99, int(100 * score)):02}", colour, line, used)
                right, wrong = right + is_right, wrong + (not is_right)
        words += f" {name} shows {right + wrong} boxes with a score of {least:g} or more, {right} of them right."
    return Card(figure, f"{title or 'Boxes'}. {words}", caption)


def segments(scenes: Scenes, guesses: Mapping[str, Any] | None = None, *, title: str = "", caption: str = "") -> Card:
    """Pictures, below them the kind of each of their pixels in colours, and what was guessed of it.

    Args:
        scenes: 1 to 8 pictures with masks.
        guesses: {name of the row: int64 (N, H, W), 0 for nothing, 1 + the kind}; see `tasks.Segmenter.segment`.
        title: what the figure says.
        caption: a line below.

    Raises:
        TypeError: pictures without masks.
        ValueError: no pictures, more than 8, guesses of another shape, or more kinds than there are colours.
    """
    shown = _shown(scenes, "masks")
    if len(scenes.classes) > len(PALETTE):
        raise ValueError(f"scenes have {len(scenes.classes)} kinds; expected at most {len(PALETTE)}, a colour for each")
    truth = scenes.semantic.cpu().numpy()
    given = {"true": truth} | {
        name: np.asarray(guess.cpu() if hasattr(guess, "cpu") else guess) for name, guess in (guesses or {}).items()
    }
    for name, guess in given.items():
        if guess.shape != truth.shape:
            raise ValueError(f"guesses[{name!r}] has shape {guess.shape}; expected {truth.shape}, that of the masks")
    figure, axes = _rows(["picture", *given], shown, title)
    colours = np.array([rgb(colour) for colour in PALETTE])
    words = []
    for row, (name, guess) in enumerate(given.items(), 1):
        for i, ax in enumerate(axes[row]):
            pale = FADED * shown[i].mean(2, keepdims=True) + (1 - FADED) * 255
            painted = np.where(guess[i][:, :, None] > 0, colours[np.maximum(guess[i] - 1, 0)], pale)
            ax.images[0].set_data(painted.astype(np.uint8))
        words.append(f"{name}: {(guess == truth).mean():.0%} of the pixels as they are")
    figure.legend(
        handles=[_patch(PALETTE[k], name) for k, name in enumerate(scenes.classes)],
        loc="outside lower left",
        ncols=min(8, len(scenes.classes)),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1,
        columnspacing=1.4,
    )
    return Card(
        figure, f"{title or 'Segments'}. {len(shown)} pictures, coloured by kind. {'; '.join(words[1:])}.", caption
    )


def _shown(scenes: Scenes, column: str) -> list[np.ndarray]:
    if getattr(scenes, column, None) is None:
        raise TypeError(
            f"scenes is {type(scenes).__name__} without {column}; expected pictures that know their {column}"
        )
    if not 1 <= len(scenes) <= MOST:
        raise ValueError(f"scenes holds {len(scenes)} pictures; expected 1 to {MOST}: scenes[:{MOST}]")
    return as_rgb("scenes", scenes)


def _rows(names: list[str], pictures: list[np.ndarray], title: str) -> tuple[Any, Any]:
    """The pictures once for each name, with the names at the left."""
    columns = max(4, len(pictures))
    side = WIDTH / columns
    figure, axes = blank(len(names) * side + 0.35 * bool(title) + 0.3, columns, rows=len(names))
    for row, name in zip(axes, names, strict=True):
        row[0].set_ylabel(fitting(name, 92 * side, 6.4), color=INK, fontsize=9.5)
        for ax, picture in zip(row, pictures, strict=False):
            ax.imshow(picture, interpolation="nearest", extent=(0, picture.shape[1], picture.shape[0], 0))
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        for ax in row[len(pictures) :]:
            ax.set_axis_off()
    figure.get_layout_engine().set(w_pad=0.04, h_pad=0.04)
    headed(figure, title)
    return figure, axes[:, : len(pictures)]


def _box(ax: Any, box: Sequence[float], text: str, colour: str, line: Any, used: list[Place]) -> None:
    """The frame of a box, and its word at the first corner where no other word stands; nowhere if there is none."""
    from matplotlib.patches import Rectangle

    x1, y1, x2, y2 = box
    frame = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=1.6, linestyle=line)
    ax.add_patch(frame)
    width, height = ax.get_xlim()[1], ax.get_ylim()[0]  # the second axis of a picture runs down
    points = 72 * WIDTH / ax.get_gridspec().ncols
    long, high = width * (0.66 * LETTER * len(text) + 3) / points, height * (1.45 * LETTER + 2) / points
    for left, top in (
        (x1, y1 - high),
        (x2 - long, y1 - high),
        (x1, y2),
        (x2 - long, y2),
        (x1, y1),
        (x2 - long, y2 - high),
    ):
        left, top = min(max(0, left), max(0, width - long)), min(max(0, top), height - high)
        place = left, top, left + long, top + high
        if not any(place[0] < o[2] and o[0] < place[2] and place[1] < o[3] and o[1] < place[3] for o in used):
            used.append(place)
            patch = {"facecolor": colour, "edgecolor": "none", "pad": 0.8}
            ax.text(left, top + high, text, color=PAPER, fontsize=LETTER, va="bottom", clip_on=True, bbox=patch)
            return


def _judged(found: Found, scenes: Scenes, i: int, least: float) -> list[tuple[list[float], int, float, bool]]:
    """Box, kind, score, and whether it is right, from the surest on."""
    from torchvision.ops import box_iou  # takes a second to load

    there = scenes.there[i]
    shared = box_iou(found.boxes, scenes.boxes[i][there])
    fits = (shared >= RIGHT) & (found.kinds[:, None] == scenes.kinds[i][there])
    taken: set[int] = set()
    judged = []
    for j in (found.scores >= least).nonzero()[:, 0].tolist():
        right = [k for k in fits[j].nonzero()[:, 0].tolist() if k not in taken]
        if right:
            taken.add(max(right, key=lambda k: float(shared[j, k])))
        judged.append((found.boxes[j].tolist(), int(found.kinds[j]), float(found.scores[j]), bool(right)))
    return judged


def _patch(colour: str, name: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour, label=fitting(name, 90, 6))
