"""The nearest-neighbour browser: which pictures does each embedding place beside this one? Lessons 00 and later."""

from __future__ import annotations

import html
from collections.abc import Mapping

import ipywidgets as W
import traitlets as T
from torch import Tensor

from sslwb.data import Images
from sslwb.show.neighbours import agreement, nearest, unit_rows
from sslwb.show.pictures import label_names
from sslwb.widgets.live import OfPictures, button, row
from sslwb.widgets.pictures import figure, picture, title_of

# A mark, not colour alone.
MARKS = {"": "", "same": '<span class="right">✓</span> ', "other": '<span class="wrong">✗</span> '}


class Neighbours(OfPictures):
    """See `neighbours`."""

    purpose = "choose a picture and see its nearest neighbours"

    def __init__(self, images: Images, spaces: Mapping[str, Tensor], k: int, side: int) -> None:
        self.images, self.k, self.side = images, k, side
        self.spaces = {name: unit_rows(name, z, len(images)) for name, z in spaces.items()}
        self.found: dict[str, list[int]] = {}
        last = len(images) - 1
        self._slider = W.IntSlider(
            min=0,
            max=last,
            description="picture",
            tooltip="which picture",
            layout={"width": "420px"},
            style={"description_width": "52px"},
        )
        self._back = button("Previous", "the picture before")
        self._on = button("Next", "the picture after")
        self._grid = W.HTML()
        super().__init__([row(self._slider, self._back, self._on), self._grid])
        T.link((self, "picture"), (self._slider, "value"))
        self._back.on_click(lambda _: self.set_trait("picture", max(0, self.picture - 1)))
        self._on.on_click(lambda _: self.set_trait("picture", min(last, self.picture + 1)))
        self.observe(lambda _: self._show(), "picture")
        self._show()

    def _show(self) -> None:
        query = self.picture
        self.found = {name: nearest(unit, [query], self.k)[0] for name, unit in self.spaces.items()}
        title = title_of(self.images, query)
        rows = "".join(self._row(name, found) for name, found in self.found.items())
        self._grid.value = (
            f'<div class="beside">{figure(self.images.x[query], title, self.side + 16, title)}<div>{rows}</div></div>'
        )

    def _row(self, name: str, found: list[int]) -> str:
        kinds = [agreement(self.images.y, self.picture, i) for i in found]
        count = "" if self.images.y is None else f": {kinds.count('same')} of {len(found)} share its label"
        names = label_names(self.images[found]) or [str(i) for i in found]
        cells = "".join(
            f'<figure class="{kind}" style="width:{self.side + 14}px">'
            f"{picture(self.images.x[i], title_of(self.images, i), self.side)}"
            f"<figcaption>{MARKS[kind]}{html.escape(word)}</figcaption></figure>"
            for i, kind, word in zip(found, kinds, names, strict=True)
        )
        name = html.escape(name)
        return (
            f'<div class="row" role="group" aria-label="{name}{count}">'
            f'<strong>{name}</strong>{count}<div class="grid">{cells}</div></div>'
        )


def neighbours(images: Images, spaces: Tensor | Mapping[str, Tensor], k: int = 8, *, side: int = 56) -> Neighbours:
    """Choose a picture and see its `k` nearest in one or several embeddings, as `show.neighbours` finds them.

    Args:
        images: N pictures; where they have labels, ✓ and a blue frame stand for the chosen one's label.
        spaces: {name: (N, …)}, such as {"raw pixels": …, "random encoder": …, "SimCLR": …}; or one tensor.
        k: how many neighbours.
        side: of a picture on the screen, pixels.

    Returns:
        A widget; `.picture` is the chosen one, `.found` its neighbours by name.

    Raises:
        ValueError: an embedding has not one row a picture, or there are not more than `k` pictures.
    """
    if not 1 <= k < len(images):
        raise ValueError(f"k is {k} for {len(images)} picture(s); expected 1 to {len(images) - 1}")
    return Neighbours(images, spaces if isinstance(spaces, Mapping) else {"the encoder": spaces}, k, side)
