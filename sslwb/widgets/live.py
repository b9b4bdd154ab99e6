"""What every widget here has in common: one look in both themes, and something to read where no kernel runs."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import ipywidgets as W
import traitlets as T

from sslwb.data import Images
from sslwb.show import colours
from sslwb.widgets.kernel import keep_widgets_alive


def _variables(theme: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in theme.items())


STYLE = f"""<style>
.sslwb {{ {_variables(colours.LIGHT)}
  --same: {colours.SAME}; --other: {colours.OTHER};
  --hatch: repeating-linear-gradient(45deg, {colours.HATCH[0]} 0 4px, {colours.HATCH[1]} 4px 8px);
  --text: var(--jp-content-font-color1, {colours.INK}); --quiet: var(--jp-content-font-color2, {colours.SOFT});
  --edge: var(--jp-border-color1, {colours.FAINT}); --soft: var(--jp-layout-color2, {colours.EMPTY});
  max-width: 900px; color: var(--text); font-family: var(--jp-content-font-family, inherit); }}
body[data-jp-theme-light="false"] .sslwb {{ {_variables(colours.DARK)} }}""" + (
    """
.sslwb .widget-html, .sslwb .jupyter-widgets.widget-html-content { height: auto; overflow: visible; }
.sslwb .widget-html-content { line-height: 1.45; overflow: visible; white-space: normal; }
.sslwb p { margin: 0 0 .4em; }
.sslwb code { background: var(--soft); padding: 0 .25em; border-radius: 3px; }
.sslwb img { image-rendering: pixelated; display: block; border-radius: 2px; background: var(--soft); }
.sslwb .grid { display: flex; flex-wrap: wrap; gap: 6px; align-items: flex-start; }
.sslwb .same img, .sslwb .other img { outline: 2px solid var(--same); outline-offset: 1px; margin: 4px 3px; }
.sslwb .other img { outline: 2px dashed var(--other); }
.sslwb .question { margin-bottom: 10px; }
.sslwb .widget-checkbox { height: auto; min-height: 26px; }
.sslwb .widget-checkbox .widget-label-basic { display: flex; align-items: baseline; gap: 6px; line-height: 1.45; }
.sslwb .widget-checkbox .widget-label-basic span { white-space: normal; overflow: visible; text-overflow: clip; }
.sslwb .widget-toggle-buttons { display: flex; flex-flow: row wrap; align-items: baseline; gap: 0 6px; }
.sslwb .beside { display: flex; gap: 18px; margin: 6px 0; }
.sslwb .row { margin: 0 0 10px; }
.sslwb figure { margin: 0; padding: 0; }
.sslwb figcaption { font-size: 12px; color: var(--quiet); padding: 2px 0; }
.sslwb .quiet { color: var(--quiet); font-size: 12px; }
.sslwb .right { color: var(--right); } .sslwb .wrong { color: var(--wrong); }
.sslwb table { border-collapse: collapse; margin: 4px 0; font-size: 13px; }
.sslwb th { font-weight: 600; text-align: left; } .sslwb td, .sslwb th { padding: 2px 14px 2px 0; border: 0; }
.sslwb td { font-variant-numeric: tabular-nums; }
.sslwb button:focus-visible, .sslwb .noUi-handle:focus-visible, .sslwb input:focus-visible
  { outline: 2px solid var(--jp-brand-color1, var(--line)); outline-offset: 1px; }
</style>"""
)


# Its own style, and so only a widget that lives, hides its twin; and the twin hides what says that no widget lives.
HIDE_TWIN = "<style>.still-{id}, .jp-OutputArea-child:has(.still-{id}) {{ display: none; }}</style>"
HIDE_ERROR = (
    "<style>.jp-OutputArea-child:has(.still-{id}) + .jp-OutputArea-child:not(:has(.sslwb)) {{ display: none; }}</style>"
)


class Live(W.VBox):
    """A column of controls. A notebook saved without widget state keeps `still()` in its place.

    What a control does goes through traits and methods of the object, so that scripts and tests can do it too.
    """

    purpose: ClassVar[str] = "move it"  # what the learner can do with it

    def __init__(self, children: Sequence[W.Widget], **settings: Any) -> None:
        keep_widgets_alive()
        style = W.HTML(STYLE, layout={"display": "none"})
        super().__init__([style, *children], **settings)
        style.value += HIDE_TWIN.format(id=self.model_id)
        self.add_class("sslwb").add_class(type(self).__name__)

    def still(self) -> tuple[str, str]:
        """(plain text, HTML) for a reader without a kernel."""
        text = f"A live widget: run this cell in JupyterLab to {self.purpose}."
        return text, f"<p><em>{html.escape(text)}</em></p>"

    def _ipython_display_(self) -> None:
        """Two outputs: the twin, which the live widget hides where it is, and the widget.

        In one output JupyterLab would choose the widget even where its kernel has ended, and say "model not found".
        """
        from IPython.display import display

        bundle = self._repr_mimebundle_()
        twin = (
            f'<div class="still-{self.model_id}">{bundle.pop("text/html")}{HIDE_ERROR.format(id=self.model_id)}</div>'
        )
        display({"text/html": twin, "text/plain": bundle.pop("text/plain")}, raw=True)
        display(bundle, raw=True)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        text, rich = self.still()
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": text, "text/html": rich}


class OfPictures(Live):
    """A widget of one picture, chosen by number: `self.images` holds them all."""

    images: Images
    picture = T.Int(0)

    @T.validate("picture")
    def _there(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < len(self.images):
            raise T.TraitError(f"picture is {proposal['value']}; expected 0 to {len(self.images) - 1}")
        return int(proposal["value"])


def picture_number(images: Images, description: str = "picture", label: int = 52) -> W.BoundedIntText:
    """A field for the number of a picture; `label` is the width of its description in pixels."""
    return W.BoundedIntText(
        min=0,
        max=len(images) - 1,
        description=description,
        tooltip="which picture, by number",
        layout={"width": f"{label + 98}px"},
        style={"description_width": f"{label}px"},
    )


def text_field(description: str, tooltip: str, **settings: Any) -> W.Text:
    """A line of text as wide as the page allows."""
    layout = {"flex": "1 1 380px", "max_width": "640px"}
    return W.Text(
        description=description, tooltip=tooltip, layout=layout, style={"description_width": "initial"}, **settings
    )


def choice(description: str, options: Sequence[Any] = (), **settings: Any) -> W.ToggleButtons:
    """One of several, each a button as wide as its words."""
    style = {"button_width": "auto", "description_width": "initial"}
    return W.ToggleButtons(options=options, description=description, style=style, **settings)


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


def beside_button(text: str, kind: str = "") -> str:
    """A line to the right of a button; with a `kind`, "right" or "wrong", a screen reader says it when it changes."""
    role = f'role="status" class="{kind}" ' if kind else ""
    return f'<span {role}style="padding-left:8px">{html.escape(text)}</span>'
