"""Name a few pictures on the map, and a classifier answers for all of them. Lesson 20."""

from __future__ import annotations

import html
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import ipywidgets as W
import numpy as np
import torch
import traitlets as T
from torch import Tensor

from sslwb.core import place, printable, written_whole
from sslwb.data import DataError, Images
from sslwb.data.duplicates import fingerprints
from sslwb.show.colours import UNKNOWN
from sslwb.show.embedding import Colouring
from sslwb.show.maps import umap_map
from sslwb.tasks import least_sure
from sslwb.widgets.embedding_map import EmbeddingMap
from sslwb.widgets.live import button, row
from sslwb.widgets.pictures import figure, title_of

GIVEN, ANSWER, SURE = "your names", "its answer", "how sure it is"
UNSURE = 12  # pictures shown of which the classifier is least sure
LONGEST = 60  # letters of a name
KEPT = "sslwb names 1"


class Learned(Protocol):
    """What learned from names, such as `tasks.Classifier`."""

    classes: tuple[str, ...]

    def of_embeddings(self, z: Tensor) -> Tensor: ...


Learn = Callable[[dict[int, str]], Learned]


class Naming(EmbeddingMap):
    """See `naming`."""

    purpose = "select pictures on the map, name them, and see what a classifier makes of your names"
    named: Any = T.Dict()

    def __init__(self, images: Images, z: Tensor, xy: np.ndarray, learn: Learn, keep: Path | None, height: int) -> None:
        self.images, self.z, self.learn, self.keep = images, z, learn, keep
        self.classifier: Any = None
        self.shares = torch.zeros(len(images), 0)  # (N, C), what the classifier says of each picture
        self._before: list[dict[int, str]] = []  # what was named before each change
        self._marks = fingerprints(images) if keep else []
        self._file = _read(keep) if keep else {}  # what the file holds: fingerprint → name
        kept = {i: self._file[mark] for i, mark in enumerate(self._marks) if mark in self._file}
        self._word = W.Combobox(
            placeholder="a name, such as sky",
            description="name",
            continuous_update=True,
            tooltip="what the selected pictures are called",
            layout={"width": "260px"},
            style={"description_width": "40px"},
        )
        give = button("Name the selected", "all selected pictures get this name")
        self._undo = button("Undo", "take back the last names")
        ask = button("Show the least sure", "select the picture without a name of which the classifier is least sure")
        self._said, self._words, self._unsure = W.HTML(), row(), W.HTML()
        super().__init__(images, xy, self._colourings({}), height)
        self.children = (
            *self.children,  # type: ignore[has-type]
            row(self._word, give, self._undo, ask),
            self._words,
            self._said,
            self._unsure,
        )
        give.on_click(lambda _: self.name(self._word.value))
        self._undo.on_click(lambda _: self.undo())
        ask.on_click(lambda _: self.ask())
        self.observe(lambda change: self._renamed(), "named")
        self.named = kept
        self._describe_names(f"{len(kept)} names were read from {printable(keep or '')}." if kept else "")

    # ── what a person does

    def name(self, word: str, rows: Iterable[int] | None = None) -> None:
        """Give this name to some pictures, by their numbers; None: to all that are selected."""
        chosen = list(self.selection) if rows is None else [int(i) for i in rows]
        word = " ".join(word.split())[:LONGEST]
        if not word or not chosen:
            self._describe_names("Select pictures first." if word else "Type a name first.", "wrong")
            return
        self._before.append(dict(self.named))
        self.named = {**self.named, **dict.fromkeys(chosen, word)}

    def undo(self) -> None:
        """Take back the last names that were given."""
        if self._before:
            self.named = self._before.pop()

    def ask(self) -> None:
        """Select the picture without a name of which the classifier is least sure; without one, the next in order."""
        if rows := self._to_name():
            self.point = rows[0]

    # ── what follows

    def _renamed(self) -> None:
        begun = time.perf_counter()
        self.classifier, self.shares = None, torch.zeros(len(self.images), 0)
        if len(set(self.named.values())) > 1:
            self.classifier = self.learn(dict(self.named))
            self.shares = self.classifier.of_embeddings(self.z)
        seconds = time.perf_counter() - begun
        self.colourings = self._colourings(self.named)
        self._word.options = sorted(set(self.named.values()))
        self._words.children = [self._again(word) for word in self._word.options]
        self._recolour()
        self._describe_names(self._kept(), seconds=seconds)

    def _again(self, word: str) -> W.Button:
        once_more = button(word, f"name the selected pictures {word}")
        once_more.on_click(lambda _: self.name(word))
        return once_more

    def _colourings(self, named: dict[int, str]) -> dict[str, Colouring]:
        classes = tuple(dict.fromkeys(named.values())) if self.classifier is None else self.classifier.classes
        given = torch.full((len(self.images),), len(classes))
        for picture, word in named.items():
            given[picture] = classes.index(word)
        answer = self.shares.argmax(1) if self.shares.shape[1] else torch.full_like(given, len(classes))
        sure = self.shares.amax(1) if self.shares.shape[1] else torch.full((len(given),), torch.nan)
        return {
            GIVEN: _with_none(given, classes, "no name yet"),
            ANSWER: _with_none(answer, classes, "no answer yet"),
            SURE: Colouring(sure),
        }

    def _to_name(self) -> list[int]:
        """The pictures without a name, the least sure first; without a classifier as they come."""
        named = torch.zeros(len(self.images), dtype=torch.bool)
        named[list(self.named)] = True
        order = least_sure(self.shares, named) if self.shares.shape[1] else (~named).nonzero()[:, 0]
        rows: list[int] = order.tolist()
        return rows

    def _kept(self) -> str:
        """Keep the names, and say where; what is named stays named where they cannot be kept."""
        if self.keep is None:
            return ""
        here = set(self._marks)  # names of pictures that are elsewhere today stay in the file
        names = {mark: word for mark, word in self._file.items() if mark not in here}
        names |= {self._marks[picture]: word for picture, word in self.named.items()}
        if names == self._file:
            return ""
        try:
            with written_whole(self.keep) as file:
                file.write(json.dumps({"kind": KEPT, "names": names}, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            return f"The names could not be kept in {printable(self.keep)}: {error.strerror or error}."
        self._file = names
        return f"Kept in {printable(self.keep)}."

    def _describe_names(self, more: str, kind: str = "", seconds: float = 0.0) -> None:
        classes = sorted(set(self.named.values()))
        if not classes:
            text = "Nothing is named yet: select pictures on the map, type a name, and press the button."
        elif self.classifier is None:
            text = f"{len(self.named)} named {classes[0]}: name pictures of a second class, and the classifier answers."
        else:
            counts = self.shares.argmax(1).bincount(minlength=len(self.classifier.classes)).tolist()
            each = ", ".join(f"{name} {count}" for name, count in zip(self.classifier.classes, counts, strict=True))
            text = f"{len(self.named)} named in {len(classes)} classes. Its answer for all {len(self.images)}: {each}."
            text += f" Learned in {seconds:.2f} s." if seconds else ""
        self._said.value = (
            f'<p role="status" class="{kind}">{html.escape(text)} <span class="quiet">{html.escape(more)}</span></p>'
        )
        self._undo.disabled = not self._before
        self._unsure.value = self._least_sure() if self.classifier is not None else ""

    def _least_sure(self) -> str:
        rows = self._to_name()[:UNSURE]
        cells = "".join(self._cell(i) for i in rows)
        return f'<p class="quiet">It is least sure of these:</p><div class="grid">{cells}</div>' if rows else ""

    def _cell(self, index: int) -> str:
        share, label = self.shares[index].max(0)
        said = f"{self.classifier.classes[int(label)]} {float(share):.0%}"
        return figure(self.images.x[index], title_of(self.images, index), 56, said)


def _with_none(values: Tensor, classes: tuple[str, ...], none: str) -> Colouring:
    """Classes, and behind them in grey what has none."""
    colouring = Colouring(values, (*classes, none))
    colouring.colours = [*colouring.colours, UNKNOWN]
    colouring.codes = np.where(values.numpy() == len(classes), len(colouring.colours) - 1, colouring.codes)
    colouring.codes = colouring.codes.astype(np.uint8)
    colouring.legend[-1:] = [(UNKNOWN, none)] if (values == len(classes)).any() else []
    return colouring


def _read(file: Path) -> dict[str, str]:
    """The names that were kept: fingerprint → name."""
    if not os.path.isfile(file):
        return {}
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        names = {str(mark): str(word) for mark, word in state["names"].items()} if state["kind"] == KEPT else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        names = None
    if names is None:
        raise DataError(
            f"{printable(file)} holds no names that can be read; expected a file that this widget kept: give another "
            "path, or move that file away to begin anew"
        )
    return names


def naming(
    images: Images,
    z: Tensor,
    learn: Learn,
    keep: str | os.PathLike[str] | None = None,
    *,
    reduce: Callable[[Tensor], np.ndarray] = umap_map,
    height: int = 420,
) -> Naming:
    """A map on which pictures are named, and a classifier that learns from the names each time one is given.

    Args:
        images: N pictures.
        z: their embeddings (N, D).
        learn: {a picture's number: its name} → what learned from them, such as `tasks.fit_classifier` gives.
        keep: a file for the names. They are there again where the same pictures are opened with it, whatever their
            files are called now and in whatever order they come.
        reduce: (N, D) → (N, 2).
        height: of the map, pixels.

    Returns:
        A widget; `.named` holds the names by picture, `.classifier` what learned from them (None before there are two
        classes), `.shares` its probabilities (N, C).

    Raises:
        DataError: the file is there and holds no names.
        ValueError: not one embedding a picture.
    """
    z = torch.as_tensor(z).detach().float().cpu()
    if z.ndim != 2 or len(z) != len(images):
        raise ValueError(
            f"z has shape {tuple(z.shape)}; expected (N, D) with one row for each of {len(images)} pictures"
        )
    xy = np.asarray(reduce(z), dtype=np.float32)
    return Naming(images, z, xy, learn, None if keep is None else place(keep), height)
