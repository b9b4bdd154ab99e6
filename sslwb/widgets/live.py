"""What every widget here has in common: one look in both themes, and something to read where no kernel runs."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

import ipywidgets as W

from sslwb.widgets.kernel import keep_widgets_alive

# Okabe and Ito's colours, which colour-blind readers tell apart; black is left out, it vanishes on a dark page.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999", "#882255", "#6699CC")

STYLE = """<style>
.sslwb { --right: #00795a; --wrong: #c04b00; --line: #0072b2; --soft: var(--jp-layout-color2, #eee);
  max-width: 900px; color: var(--jp-content-font-color1, inherit);
  font-family: var(--jp-content-font-family, inherit); }
body[data-jp-theme-light="false"] .sslwb { --right: #2fc79b; --wrong: #f28b48; --line: #56b4e9; }
.sslwb .widget-html, .sslwb .jupyter-widgets.widget-html-content { height: auto; overflow: visible; }
.sslwb .widget-html-content { line-height: 1.45; overflow: visible; white-space: normal; }
.sslwb p { margin: 0 0 .4em; }
.sslwb code { background: var(--soft); padding: 0 .25em; border-radius: 3px; }
.sslwb img { image-rendering: pixelated; display: block; border-radius: 2px; background: var(--soft); }
.sslwb .grid { display: flex; flex-wrap: wrap; gap: 6px; align-items: flex-start; }
.sslwb .question { margin-bottom: 10px; }
.sslwb .widget-checkbox { height: auto; min-height: 26px; }
.sslwb .widget-checkbox .widget-label-basic { display: flex; align-items: baseline; gap: 6px; line-height: 1.45; }
.sslwb .widget-checkbox .widget-label-basic span { white-space: normal; overflow: visible; text-overflow: clip; }
.sslwb .widget-toggle-buttons { display: flex; flex-flow: row wrap; align-items: baseline; gap: 0 6px; }
.sslwb .beside { display: flex; gap: 18px; margin: 6px 0; }
.sslwb .row { margin: 0 0 10px; }
.sslwb figure { margin: 0; padding: 0; }
.sslwb figcaption { font-size: 12px; color: var(--jp-content-font-color2, inherit); padding: 2px 0; }
.sslwb .quiet { color: var(--jp-content-font-color2, inherit); font-size: 12px; }
.sslwb .right { color: var(--right); } .sslwb .wrong { color: var(--wrong); }
.sslwb table { border-collapse: collapse; margin: 4px 0; font-size: 13px; }
.sslwb th { font-weight: 600; text-align: left; } .sslwb td, .sslwb th { padding: 2px 14px 2px 0; border: 0; }
.sslwb td { font-variant-numeric: tabular-nums; }
.sslwb button:focus-visible, .sslwb .noUi-handle:focus-visible, .sslwb input:focus-visible
  { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }
</style>"""


class Live(W.VBox):
    """A column of controls. A notebook saved without widget state keeps `still()` in its place.

    What a control does goes through traits and methods of the object, so that scripts and tests can do it too.
    """

    def __init__(self, children: Sequence[W.Widget], **settings: Any) -> None:
        keep_widgets_alive()
        super().__init__([W.HTML(STYLE, layout={"display": "none"}), *children], **settings)
        self.add_class("sslwb").add_class(type(self).__name__)

    def still(self) -> tuple[str, str]:
        """(plain text, HTML) for a reader without a kernel."""
        text = "A live widget: run this cell in JupyterLab to move it."
        return text, f"<p><em>{text}</em></p>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        text, rich = self.still()
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": text, "text/html": rich}


def button(description: str, tooltip: str) -> W.Button:
    """A button as wide as its words. No icon: screen readers would read its glyph out."""
    return W.Button(description=description, tooltip=tooltip, layout={"width": "auto"})


def row(*children: W.Widget) -> W.HBox:
    """Side by side, wrapping where the page is narrow."""
    return W.HBox(children, layout={"flex_flow": "row wrap", "align_items": "center", "overflow": "visible"})


def prose(text: str) -> str:
    """Plain text → HTML, where `this` is code and *this* is emphasis."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"(?<!\w)\*([^*]+)\*(?!\w)", r"<em>\1</em>", text)
