"""The embedding map: hover shows the picture, a lasso fills a gallery. Lesson 03 and every later one."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as W
import numpy as np
import torch
import traitlets as T
from torch import Tensor

from sslwb.data import Images
from sslwb.show.card import NAMES
from sslwb.show.colours import DARK, LIGHT, PALETTE
from sslwb.show.embedding import Colouring
from sslwb.show.maps import umap_map
from sslwb.widgets.live import Live, button, picture_number, row
from sslwb.widgets.pictures import picture, title_of

HERE = Path(__file__).parent
SHOWN = 60  # pictures in the gallery


class Page(anywidget.AnyWidget):
    """Asks the browser whether it has WebGL, and which theme it shows."""

    _esm = HERE / "page.js"
    webgl = T.Bool(None, allow_none=True).tag(sync=True)
    dark = T.Bool(False).tag(sync=True)


class Canvas(anywidget.AnyWidget):
    """The map where there is no WebGL: the same traits as jupyter-scatter's widget, on a plain canvas."""

    _esm = HERE / "canvas.js"
    places = T.Bytes().tag(sync=True)
    codes = T.Bytes().tag(sync=True)
    colours: Any = T.List().tag(sync=True)
    selection: Any = T.List().tag(sync=True)
    hovering = T.Int(None, allow_none=True).tag(sync=True)
    height = T.Int().tag(sync=True)
    description = T.Unicode("map of the embeddings; the fields below the map select points by keyboard").tag(sync=True)


class EmbeddingMap(Live):
    """See `embedding_map`."""

    purpose = "point at the map and select its points"
    selection = T.Tuple()
    hovering = T.Int(None, allow_none=True)
    colour = T.Unicode()
    point = T.Int(0)

    def __init__(self, images: Images, xy: np.ndarray, colourings: Mapping[str, Colouring], height: int) -> None:
        self.images, self.xy, self.colourings, self.height = images, xy, dict(colourings), height
        self._anchor, self._step = 0, 0
        self._page = Page()
        self._plot: Any = None
        self._place = W.Box(layout={"flex": "1 1 420px", "height": f"{height}px", "overflow": "hidden"})
        self._colour = W.Dropdown(
            options=list(colourings),
            description="colour by",
            layout={"width": "230px"},
            style={"description_width": "64px"},
            tooltip="which label or hidden cause colours the points",
        )
        self._number = picture_number(images, "picture number", 110)
        back = button("Previous neighbour", "one step nearer to the picture whose number was typed")
        on = button("Next neighbour", "the next nearest on the map to the picture whose number was typed")
        group = button("Select 24 around it", "fill the gallery with its neighbours on the map")
        clear = button("Clear", "select nothing")
        self._side, self._gallery = W.HTML(layout={"width": "190px", "margin": "0 0 0 14px"}), W.HTML()
        super().__init__(
            [
                self._page,
                row(
                    self._colour,
                    W.HTML(
                        '<span class="quiet" style="padding-left:10px">hover: see a picture · '
                        "drag a lasso: fill the gallery</span>"
                    ),
                ),
                W.HBox([self._place, self._side]),
                row(self._number, back, on, group, clear),
                self._gallery,
            ]
        )
        self.colour = self._colour.value
        self._plain() if self._page.webgl is False else self._webgl()
        T.link((self, "colour"), (self._colour, "value"))
        T.link((self, "point"), (self._number, "value"))
        back.on_click(lambda _: self.step(-1))
        on.on_click(lambda _: self.step(1))
        group.on_click(lambda _: self.set_trait("selection", tuple(self.around(self.point)[:24])))
        clear.on_click(lambda _: self.set_trait("selection", ()))
        self._page.observe(self._page_changed, ["webgl", "dark"])
        self.observe(lambda _: self._recolour(), "colour")
        self.observe(lambda _: self._chosen(), "selection")
        self.observe(lambda _: self._describe(), "hovering")
        self.observe(self._typed, "point")
        self._describe()
        self._chosen()

    def around(self, index: int) -> list[int]:
        """All points from near to far on the map; the first is the point itself."""
        distance = ((self.xy - self.xy[index]) ** 2).sum(1)
        distance[index] = -1
        return [int(i) for i in np.argsort(distance, kind="stable")]

    def step(self, by: int) -> None:
        """Go to the next (1) or the previous (-1) nearest of the point whose number was typed last."""
        order = self.around(self._anchor)
        self._step = min(max(self._step + by, 0), len(order) - 1)
        anchor, step = self._anchor, self._step
        self.point = order[step]
        self._anchor, self._step = anchor, step  # walking is not typing

    def _typed(self, change: Any) -> None:
        self._anchor, self._step = change["new"], 0
        self.selection = (change["new"],)

    @property
    def _now(self) -> Colouring:
        return self.colourings[self.colour]

    def _webgl(self) -> None:
        import jscatter
        import pandas as pd

        table = pd.DataFrame({"x": self.xy[:, 0], "y": self.xy[:, 1]})
        plot = jscatter.Scatter(
            data=table,
            x="x",
            y="y",
            height=self.height,
            axes=False,
            axes_grid=False,
            mouse_mode="lasso",
            background_color=(0, 0, 0, 0),
            lasso_initiator=False,
            lasso_color=PALETTE[4],
            tooltip=False,
        )
        plot.size(default=5 if len(table) <= 5000 else 3)
        plot.opacity(
            unselected=0.3
        )  # a default here would draw every point with the least of its 256 opacities (1.0.1)
        plot.reticle(False)
        self._scatter: Any = plot
        self._set(plot.widget, plot.show(buttons=["pan_zoom", "lasso", "reset"]))
        self._recolour()

    def _plain(self) -> None:
        low, high = self.xy.min(0), self.xy.max(0)
        places = (self.xy - low) / np.maximum(high - low, 1e-12)
        self._scatter = None
        canvas = Canvas(places=places.astype(np.float32).tobytes(), height=self.height, layout={"width": "100%"})
        self._set(canvas, canvas)
        self._recolour()

    def _set(self, plot: Any, shown: W.Widget) -> None:
        self._plot = plot
        shown.layout.width = "100%"
        self._place.children = [shown]
        plot.observe(lambda c: self.set_trait("selection", tuple(int(i) for i in c["new"])), "selection")
        plot.observe(lambda c: self.set_trait("hovering", None if c["new"] is None else int(c["new"])), "hovering")

    def _page_changed(self, change: Any) -> None:
        if change["name"] == "webgl" and change["new"] is False:
            self._plain()
        elif self._scatter is not None:
            self._recolour()

    def _recolour(self) -> None:
        c = self._now
        if self._scatter is None:
            self._plot.codes, self._plot.colours = c.codes.tobytes(), c.colours
        else:
            import pandas as pd

            strong = (DARK if self._page.dark else LIGHT)["strong"]
            there = [c.colours[code] for code in np.unique(c.codes)]  # it counts the codes that occur (1.0.1)
            codes = pd.Series(c.codes, dtype="category")
            self._scatter.color(by=codes, map=there, selected=strong, hover=strong)
        self._describe()
        self._chosen()

    def _chosen(self) -> None:
        chosen = list(self.selection)
        if self._plot is not None and list(self._plot.selection) != chosen:
            if self._scatter is None:
                self._plot.selection = chosen
            else:
                self._scatter.selection(chosen)
        self._describe()
        if not chosen:
            self._gallery.value = '<p class="quiet">Nothing is selected.</p>'
            return
        grid = "".join(picture(self.images.x[i], title_of(self.images, i), 40) for i in chosen[:SHOWN])
        more = f", the first {SHOWN} shown" if len(chosen) > SHOWN else ""
        self._gallery.value = (
            f'<p role="status"><strong>{len(chosen)} selected</strong>{more}. '
            f"{html.escape(self.colour)}: {html.escape(self._now.summary(chosen))}.</p>"
            f'<div class="grid">{grid}</div>'
        )

    def _describe(self) -> None:
        shown = self._now.legend if len(self._now.legend) <= NAMES else self._now.legend[: NAMES - 1]
        legend = "".join(
            f'<div><span style="display:inline-block;width:11px;height:11px;border-radius:2px;background:{colour}">'
            f"</span> {html.escape(name)}</div>"
            for colour, name in shown
        )
        if left := len(self._now.legend) - len(shown):
            legend += f'<div class="quiet">… and {left} more</div>'
        index = self.hovering if self.hovering is not None else self.selection[0] if len(self.selection) == 1 else None
        card = '<div class="quiet" style="height:128px">Point at a dot.</div>'
        if index is not None:
            causes = "<br>".join(f"{html.escape(n)}: {html.escape(c.text(index))}" for n, c in self.colourings.items())
            card = (
                picture(self.images.x[index], title_of(self.images, index), 112)
                + f'<div style="font-size:12px">picture {index}<br>{causes}</div>'
            )
        self._side.value = f'<div style="font-size:12px;margin-bottom:10px">{legend}</div>{card}'


def embedding_map(
    images: Images,
    z: Tensor | np.ndarray,
    labels: Mapping[str, Tensor] | None = None,
    *,
    reduce: Callable[[Tensor], np.ndarray] = umap_map,
    height: int = 420,
) -> EmbeddingMap:
    """A map of embeddings that can be touched.

    Args:
        images: N pictures; their label and every hidden cause can colour the points.
        z: embeddings (N, D), or places (N, 2) that are shown as they are.
        labels: more to colour by, {name: (N,)}: int64 is a category, floats are a quantity.
        reduce: (N, D) → (N, 2).
        height: of the map, pixels.

    Returns:
        A widget; `.selection` holds the indices inside the lasso, `.colour` what colours the points, `.point` the
        picture that was chosen by number.

    Raises:
        ValueError: not one embedding a picture, or nothing to colour by.
    """
    z = torch.as_tensor(z)
    if z.ndim != 2 or len(z) != len(images):
        raise ValueError(
            f"z has shape {tuple(z.shape)}; expected (N, D) with one row for each of {len(images)} pictures"
        )
    xy = np.asarray(z.detach().cpu() if z.shape[1] == 2 else reduce(z), dtype=np.float32)
    colourings = {}
    same = any(images.y is not None and torch.equal(images.y, values) for values in images.causes.values())
    if images.y is not None and not same:  # in a world the label is one of the causes
        colourings["label"] = Colouring(images.y, images.classes, False)
    for name, values in {**images.causes, **(labels or {})}.items():
        colourings[name] = Colouring(values, images.levels.get(name, ()), name in images.periodic)
    if not colourings:
        colourings["picture"] = Colouring(torch.arange(len(images)).float(), (), False)
    return EmbeddingMap(images, xy, colourings, height)
