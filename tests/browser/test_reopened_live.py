"""A notebook that is opened again after its kernel has ended shows each widget's static twin, and no error."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("playwright")
from lab import Notebook
from playwright.sync_api import expect

CELLS = (
    'from sslwb.widgets import predict, quiz\nguess = predict("Which will win?", ["the first", "the second"])\nguess',
    'quiz("What is left?", [("a twin", True, "It stays."), ("nothing", False, "It was promised.")])',
    'import ipywidgets\nipywidgets.IntSlider(description="another widget")',
)


def test_a_reopened_notebook_shows_the_twins(lab: Callable[..., Notebook]) -> None:
    n = lab(*CELLS)
    n.run_all()
    page = n.page
    expect(page.locator(".sslwb button", has_text="the first")).to_be_visible()
    expect(page.get_by_text("Guess before you read on.")).to_be_hidden()  # the twin, while the widget lives
    expect(page.locator(".widget-slider")).to_be_visible()
    n.finished()
    for command in ("docmanager:save", "kernelmenu:shutdown"):
        page.evaluate("command => window.jupyterapp.commands.execute(command)", command)
    page.reload()
    expect(page.get_by_text("Guess before you read on.")).to_be_visible()
    expect(page.get_by_text("Answers")).to_be_visible()
    expect(page.locator(".jp-OutputArea-output", has_text="model not found").filter(visible=True)).to_have_count(1)
    n.errors.clear()  # of the slider, which has no twin
