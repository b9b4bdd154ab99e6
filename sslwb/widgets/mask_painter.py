"""The mask painter: hide patches of a picture by hand or at random, see what a model predicts for them. Lesson 10."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as W
import torch
import traitlets as T
from torch import Tensor

from sslwb.augment.images import as_float
from sslwb.data import Images
from sslwb.show.reconstructions import fill
from sslwb.widgets.live import OfPictures, button, choice, picture_number, row
from sslwb.widgets.pictures import address, figure, title_of

Reconstruct = Callable[[Tensor, Tensor], Tensor]


class Board(anywidget.AnyWidget):
    """The picture with its patches, in the browser."""

    _esm = Path(__file__).parent / "mask_painter.js"
    picture = T.Unicode().tag(sync=True)
    mask = T.List(T.Bool()).tag(sync=True)
    shape = T.Tuple().tag(sync=True)
    side = T.Int().tag(sync=True)


class MaskPainter(OfPictures):
    """See `mask_painter`."""

    purpose = "hide patches of a picture and see them predicted"
    mask = T.List(T.Bool())
    ratio = T.Float()
    draw = T.Int(0)
    model = T.Unicode()
    status = T.Unicode()

    def __init__(self, models: Mapping[str, Reconstruct], images: Images, patch: int, ratio: float, side: int) -> None:
        self.images, self.models, self.patch, self.side = images, dict(models), patch, side
        self.reconstruction: Tensor | None = None
        self.error: float | None = None
        _, height, width = images.shape
        self.shape = height // patch, width // patch
        self._board = Board(shape=self.shape, side=side)
        self._number = picture_number(images)
        self._slider = W.FloatSlider(
            min=0.05,
            max=0.95,
            step=0.05,
            description="hide at random",
            tooltip="share of the patches that are hidden",
            readout_format=".0%",
            layout={"width": "320px"},
            style={"description_width": "initial"},
            continuous_update=True,
        )
        self._again = button("Another random mask", "hides other patches, as many as before")
        self._clear = button("Uncover all", "hide nothing, then paint a mask of your own")
        self._choice = choice("predicted by", list(models), tooltips=list(models))
        self._original, self._guess, self._line = W.HTML(), W.HTML(), W.HTML()
        caption = W.HTML('<figcaption class="quiet">click or drag to hide patches</figcaption>')
        shown = row(self._original, W.VBox([self._board, caption]), self._guess)
        shown.layout.align_items, shown.layout.grid_gap = "flex-start", "18px"
        super().__init__(
            [
                row(self._number, self._slider, self._again, self._clear),
                *([self._choice] if len(models) > 1 else []),
                shown,
                self._line,
            ]
        )
        self.model = self._choice.value
        T.link((self, "picture"), (self._number, "value"))
        T.link((self, "model"), (self._choice, "value"))
        self.ratio = ratio
        self._hide()
        T.link((self, "ratio"), (self._slider, "value"))
        T.link((self, "mask"), (self._board, "mask"))
        self._again.on_click(lambda _: self.set_trait("draw", self.draw + 1))
        self._clear.on_click(lambda _: self.set_trait("mask", [False] * len(self.mask)))
        self.observe(lambda _: self._hide(), ["ratio", "draw"])
        self.observe(lambda _: self._show(), ["picture", "mask", "model"])
        self._show()

    @T.validate("mask")
    def _fits(self, proposal: Any) -> list[bool]:
        rows, columns = self.shape
        if len(proposal["value"]) != rows * columns:
            raise T.TraitError(f"mask has {len(proposal['value'])} values; expected {rows * columns}: row by row")
        return list(proposal["value"])

    @property
    def hidden(self) -> Tensor:
        """The mask as bool (rows, columns), True where a patch is hidden."""
        return torch.tensor(self.mask).view(self.shape)

    def _hide(self) -> None:
        """A random mask: the first of the same shuffled patches, so that a greater share hides the same and more."""
        total = self.shape[0] * self.shape[1]
        order = torch.randperm(total, generator=torch.Generator().manual_seed(self.draw))
        mask = torch.zeros(total, dtype=torch.bool)
        mask[order[: round(self.ratio * total)]] = True
        self.mask = mask.tolist()

    def _show(self) -> None:
        x, title = self.images.x[self.picture].cpu(), title_of(self.images, self.picture)
        self._board.picture = address(x)
        self._original.value = figure(x, f"{title}, the original", self.side, title)
        count, total = sum(self.mask), len(self.mask)
        self.status = f"{count} of {total} patches hidden ({count / total:.0%})."
        self.reconstruction = self.error = None
        if count == 0:
            self._nothing("Hide some patches: there is nothing to predict.")
        elif count == total:
            self._nothing("Uncover a patch: there is nothing to predict from.")
        else:
            try:
                self._predict(x, title)
            except ValueError as error:  # such as a mask that the model does not take
                self._nothing(str(error))
        self._line.value = f'<p role="status">{html.escape(self.status)}</p>'

    def _predict(self, x: Tensor, title: str) -> None:
        with torch.no_grad():
            guess = self.models[self.model](x, self.hidden).detach().float().cpu()
        if guess.shape != x.shape:
            raise ValueError(f"reconstruct gave {tuple(guess.shape)}; expected the picture's shape {tuple(x.shape)}")
        visible = ~self.hidden.repeat_interleave(self.patch, 0).repeat_interleave(self.patch, 1)
        colour = as_float(x[None])[0][:, visible].mean(1)[:, None, None].expand(x.shape)
        (_, plain), (filled, error) = (fill(x[None], self.hidden[None], y[None], self.patch) for y in (colour, guess))
        self.reconstruction, self.error = torch.from_numpy(filled[0]), error
        self.status += (
            f" Mean squared error there: {error:.4f}; with the mean colour of the visible patches: {plain:.4f}."
        )
        caption = f"predicted by: {self.model}" if len(self.models) > 1 else "predicted"
        self._guess.value = figure(self.reconstruction, f"{title}, the hidden patches predicted", self.side, caption)

    def _nothing(self, why: str) -> None:
        self._guess.value = f'<p class="quiet" style="width:{self.side}px">{html.escape(why)}</p>'


def mask_painter(
    reconstruct: Reconstruct | Mapping[str, Reconstruct],
    pictures: Images,
    patch: int = 4,
    *,
    ratio: float = 0.75,
    side: int = 192,
) -> MaskPainter:
    """Hide patches of a picture, by hand or at random, and see what is predicted for them.

    Args:
        reconstruct: a picture, uint8 (C, H, W), and a mask, bool (H / patch, W / patch), True where a patch is hidden →
            the picture that is predicted, (C, H, W), floats from 0 to 1; several by name, to choose between, such as
            {"raw pixels": …, "normalised patches": …}. Of the prediction the hidden patches are shown. A ValueError
            that it raises is shown in the picture's place.
        pictures: to choose from.
        patch: side of a patch, pixels.
        ratio: share of the patches that the first random mask hides.
        side: of a picture on the screen, pixels.

    Returns:
        A widget; `.mask` (row by row), `.hidden` (rows, columns), `.reconstruction`, `.error` (mean squared error over
        the hidden patches), `.picture`, `.ratio`, `.draw`, `.model`.

    Raises:
        ValueError: no picture, a side that the patch does not divide, a ratio out of range, or no model.
    """
    models = reconstruct if isinstance(reconstruct, Mapping) else {"the model": reconstruct}
    if len(pictures) == 0 or not models:
        raise ValueError(f"{len(pictures)} pictures and {len(models)} models were given; expected at least one of each")
    _, height, width = pictures.shape
    if patch < 1 or height % patch or width % patch:
        raise ValueError(f"patch is {patch}; expected a whole number that divides {height} and {width} pixels")
    if not 0.05 <= ratio <= 0.95:
        raise ValueError(f"ratio is {ratio}; expected a share of the patches from 0.05 to 0.95")
    return MaskPainter(models, pictures, patch, ratio, side)
