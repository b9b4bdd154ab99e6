"""Sliders above a figure, which is drawn again whenever one of them moves."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as W
import traitlets as T

from sslwb.widgets.live import Live, row


class Dial(Live):
    """See `dial`."""

    purpose = "move the sliders of this figure"
    values = T.Dict()

    def __init__(self, draw: Callable[..., Any], settings: dict[str, Any]) -> None:
        self._draw = draw
        self.sliders = {name: _control(name, setting) for name, setting in settings.items()}
        self._figure = W.HTML()
        super().__init__([row(*self.sliders.values()), self._figure])
        for slider in self.sliders.values():
            slider.observe(lambda _: self._moved(), "value")
        self._moved()

    def _moved(self) -> None:
        values = {name: slider.value for name, slider in self.sliders.items()}
        try:
            shown = self._draw(**values)
            self._figure.value = str(getattr(shown, "html", None) or f"<pre>{html.escape(str(shown))}</pre>")
        except ValueError as error:  # such as a setting beyond what the library takes
            self._figure.value = f'<p class="wrong">{html.escape(str(error))}</p>'
        self.values = values


def dial(draw: Callable[..., Any], **settings: tuple[float, float, float] | Sequence[str] | W.Widget) -> Dial:
    """A figure with sliders: `dial(learning_rates, warmup=(0.1, 0, 1))`.

    Args:
        draw: the values of all sliders, by name → a figure of `sslwb.show`, a table, or anything that has a text. A
            ValueError that it raises is shown in the figure's place.
        settings: for each slider (first value, least, greatest), whole numbers where all three are; or a list of words,
            one of which is chosen; or a control of ipywidgets.

    Returns:
        A widget; `.values` holds what is drawn, `.sliders` the controls by name.
    """
    return Dial(draw, settings)


def _control(name: str, setting: Any) -> Any:
    if isinstance(setting, W.Widget):
        return setting
    label = {"description": name.replace("_", " "), "style": {"description_width": "initial"}}
    if all(isinstance(word, str) for word in setting):
        return W.ToggleButtons(options=list(setting), **label)
    first, low, high = setting
    if not low <= first <= high:
        raise ValueError(f"{name} is {setting}; expected (first value, least, greatest) in this order")
    if all(isinstance(v, int) for v in setting):
        return W.IntSlider(first, low, high, **label)
    return W.FloatSlider(first, min=low, max=high, step=(high - low) / 20, readout_format=".2f", **label)
