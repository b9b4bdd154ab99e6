"""The nearest-neighbour browser: whom does each embedding call alike? Lessons 03 and later."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import ipywidgets as W
import torch
import torch.nn.functional as F
import traitlets as T
from torch import Tensor

from sslwb.data import Images
from sslwb.widgets.live import Live, button, row
from sslwb.widgets.pictures import label_of, picture, title_of


class Neighbours(Live):
    """See `neighbours`."""

    picture = T.Int(0)

    def __init__(self, images: Images, spaces: Mapping[str, Tensor], k: int, side: int) -> None:
        self.images, self.k, self.side = images, k, side
        self.spaces = {name: F.normalize(z.detach().float().cpu().flatten(1), dim=1) for name, z in spaces.items()}
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

    @T.validate("picture")
    def _known(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < len(self.images):
            raise T.TraitError(f"picture is {proposal['value']}; expected 0 to {len(self.images) - 1}")
        return int(proposal["value"])

    def _show(self) -> None:
        q = self.picture
        self.found = {}
        for name, z in self.spaces.items():
            alike = z @ z[q]
            alike[q] = -torch.inf
            self.found[name] = alike.topk(self.k).indices.tolist()
        asked = picture(self.images.x[q], title_of(self.images, q), self.side + 16)
        rows = "".join(self._row(name, found) for name, found in self.found.items())
        self._grid.value = (
            f'<div class="beside"><figure>{asked}'
            f"<figcaption>{html.escape(title_of(self.images, q))}</figcaption></figure><div>{rows}</div></div>"
        )

    def _row(self, name: str, found: list[int]) -> str:
        y = self.images.y
        if y is None:
            count, marks = "", [""] * len(found)
        else:
            same = [bool(y[i] == y[self.picture]) for i in found]
            count = f": {sum(same)} of {len(same)} share its label"
            # a mark, not colour alone
            marks = ['<span class="right">✓</span> ' if s else '<span class="wrong">✗</span> ' for s in same]
        cells = "".join(
            f'<figure style="width:{self.side + 12}px">{picture(self.images.x[i], title_of(self.images, i), self.side)}'
            f"<figcaption>{mark}{html.escape(label_of(self.images, i) or str(i))}</figcaption></figure>"
            for i, mark in zip(found, marks, strict=True)
        )
        return (
            f'<div class="row" role="group" aria-label="{html.escape(name)}{count}">'
            f'<strong>{html.escape(name)}</strong>{count}<div class="grid">{cells}</div></div>'
        )


def neighbours(images: Images, spaces: Tensor | Mapping[str, Tensor], k: int = 8, *, side: int = 56) -> Neighbours:
    """Choose a picture and see its `k` nearest by cosine, in one or several embeddings side by side.

    Args:
        images: N pictures; where they have labels, ✓ marks those that share the chosen one's.
        spaces: {name: (N, …)}, such as {"raw pixels": …, "random encoder": …, "SimCLR": …}; or one tensor.
        k: how many neighbours.
        side: of a picture on the screen, pixels.

    Returns:
        A widget; `.picture` is the chosen one, `.found` its neighbours by name.

    Raises:
        ValueError: an embedding has not one row a picture, or there are not more than `k` pictures.
    """
    if not isinstance(spaces, Mapping):
        spaces = {"the encoder": spaces}
    for name, z in spaces.items():
        if z.ndim < 2 or len(z) != len(images):
            raise ValueError(
                f"{name!r} has shape {tuple(z.shape)}; expected one row for each of {len(images)} pictures"
            )
    if not 1 <= k < len(images):
        raise ValueError(f"k is {k} for {len(images)} picture(s); expected 1 to {len(images) - 1}")
    return Neighbours(images, spaces, k, side)
