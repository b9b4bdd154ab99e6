"""The latent walk: a point moves over a plane of two latents, or a slider for each, and is painted. Lesson 15."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as W
import torch
import traitlets as T
from torch import Tensor

from sslwb.widgets.live import Live, button, row
from sslwb.widgets.pictures import figure

Paint = Callable[[Tensor], Tensor]
SHOWN = 500  # codes on the plane


class Plane(anywidget.AnyWidget):
    """Two latents, in the browser: codes as dots, and the place where the learner stands."""

    _esm = Path(__file__).parent / "latent_walk.js"
    place = T.List(T.Float()).tag(sync=True)
    dots: Any = T.List().tag(sync=True)
    names = T.List(T.Unicode()).tag(sync=True)
    reach = T.Float().tag(sync=True)
    side = T.Int().tag(sync=True)


class LatentWalk(Live):
    """See `latent_walk`."""

    purpose = "walk through the latents and see them painted"
    z = T.List(T.Float())
    axes = T.Tuple(T.Int(), T.Int())
    draw = T.Int(0)
    status = T.Unicode()

    def __init__(self, paint: Paint, latents: int, codes: Tensor | None, reach: float, side: int) -> None:
        self.paint, self.reach, self.side = paint, reach, side
        self.picture: Tensor | None = None
        self._codes = None if codes is None else codes[:SHOWN].detach().float().cpu()
        self._plane = Plane(reach=reach, side=side)
        self.sliders = [self._slider(i) for i in range(latents)]
        self._origin = button("To the middle", "all latents 0: where the prior is densest")
        self._random = button("A draw from the prior", "each latent from a standard normal distribution")
        names = [(f"z{i + 1}", i) for i in range(latents)]
        self._across, self._up = (
            W.Dropdown(options=names, description=text, layout={"width": "180px"}, style={"description_width": "90px"})
            for text in ("left to right", "down to up")
        )
        self._painted, self._line = W.HTML(), W.HTML()
        caption = W.HTML('<figcaption class="quiet">click, drag, or use the arrow keys</figcaption>')
        shown = row(W.VBox([self._plane, caption]), self._painted, W.VBox(self.sliders))
        shown.layout.align_items, shown.layout.grid_gap = "flex-start", "18px"
        choices = [self._across, self._up] if latents > 2 else []
        super().__init__([row(*choices, self._origin, self._random), shown, self._line])
        self.observe(lambda _: self._turned(), "axes")
        self.observe(lambda _: self._moved(), "z")
        self.axes = (0, 1)
        self.z = [0.0] * latents
        for i, slider in enumerate(self.sliders):
            slider.observe(lambda change, i=i: self._set({i: change["new"]}), "value")
        self._plane.observe(lambda change: self._set(dict(zip(self.axes, change["new"], strict=True))), "place")
        for k, control in enumerate((self._across, self._up)):
            control.observe(lambda change, k=k: self._choose(k, change["new"]), "value")
        self._origin.on_click(lambda _: self.set_trait("z", [0.0] * latents))
        self._random.on_click(lambda _: self.set_trait("draw", self.draw + 1))
        self.observe(lambda _: self._sample(), "draw")

    def _slider(self, i: int) -> Any:
        return W.FloatSlider(
            0.0,
            min=-self.reach,
            max=self.reach,
            step=0.05,
            description=f"z{i + 1}",
            tooltip=f"latent {i + 1}",
            readout_format=".2f",
            layout={"width": "240px"},
            style={"description_width": "32px"},
        )

    @T.validate("z")
    def _fits(self, proposal: Any) -> list[float]:
        if len(proposal["value"]) != len(self.sliders):
            raise T.TraitError(f"z has {len(proposal['value'])} values; expected {len(self.sliders)}, one a latent")
        return [round(min(self.reach, max(-self.reach, float(v))), 2) for v in proposal["value"]]

    @T.validate("axes")
    def _two(self, proposal: Any) -> tuple[int, int]:
        across, up = proposal["value"]
        if across == up or not {across, up} <= set(range(len(self.sliders))):
            raise T.TraitError(f"axes is {proposal['value']}; expected two latents of {len(self.sliders)}, from 0")
        return across, up

    def _set(self, values: dict[int, float]) -> None:
        self.z = [values.get(i, v) for i, v in enumerate(self.z)]

    def _choose(self, k: int, latent: int) -> None:
        """One axis shows another latent; where both would show the same, they change places."""
        axes = list(self.axes)
        if latent == axes[1 - k]:
            axes[1 - k] = axes[k]
        axes[k] = latent
        self.axes = (axes[0], axes[1])

    def _turned(self) -> None:
        across, up = self.axes
        self._across.value, self._up.value = across, up
        self._plane.names = [f"z{i + 1}" for i in self.axes]
        if self._codes is not None:
            self._plane.dots = [[round(float(v), 2) for v in code] for code in self._codes[:, [across, up]]]
        if self.z:
            self._plane.place = [self.z[i] for i in self.axes]

    def _sample(self) -> None:
        g = torch.Generator().manual_seed(self.draw)
        self.z = torch.randn(len(self.sliders), generator=g).tolist()

    def _moved(self) -> None:
        for slider, value in zip(self.sliders, self.z, strict=True):
            slider.value = value
        self._plane.place = [self.z[i] for i in self.axes]
        with torch.no_grad():
            self.picture = self.paint(torch.tensor([self.z]))[0].detach().float().cpu()
        self.status = "z = (" + ", ".join(f"{v:.2f}" for v in self.z) + ")"
        self._painted.value = figure(self.picture, f"painted from {self.status}", self.side, "painted")
        self._line.value = f'<p role="status" class="quiet">{html.escape(self.status)}</p>'


def latent_walk(
    paint: Paint, latents: int = 2, *, codes: Tensor | None = None, reach: float = 3.0, side: int = 240
) -> LatentWalk:
    """Walk over a plane of two latents with the mouse or the arrow keys, or move a slider for each latent.

    Args:
        paint: latents (1, Z) → one picture (1, C, H, W) with values from 0 to 1, such as `VAE.paint`.
        latents: how many there are, Z. The plane shows two of them; of more than two one chooses which.
        codes: of pictures, (N, Z): the first 500 are dots on the plane.
        reach: the plane and the sliders run from -reach to reach.
        side: of plane and picture on the screen, pixels.

    Returns:
        A widget; `.z` is where it stands, `.axes` the latents of the plane, from 0, `.picture` what is painted,
        (C, H, W), `.sliders`, `.draw`.

    Raises:
        ValueError: fewer than two latents, a reach that is not above 0, or codes of another shape.
    """
    if latents < 2 or not reach > 0:
        raise ValueError(f"latents is {latents} and reach {reach}; expected at least 2 latents, and a reach above 0")
    if codes is not None and (codes.ndim != 2 or codes.shape[1] != latents):
        raise ValueError(f"codes has shape {tuple(codes.shape)}; expected (N, {latents}), a row for each picture")
    return LatentWalk(paint, latents, codes, reach, side)
