"""The embedding map in the browser: with WebGL, and on the plain canvas where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright")
from lab import CHROMIUM_ARGS, Notebook
from playwright.sync_api import expect

CELLS = (
    """
import torch
from sslwb.data import load
from sslwb.widgets import embedding_map
data = load("shapes", n=400)
angle = torch.arange(400) * 2.4
places = torch.stack([angle.cos(), angle.sin()], 1) * torch.arange(1, 401)[:, None].sqrt()  # a sunflower
chart = embedding_map(data, places)
chart""",
    "print(len(chart.selection), chart.colour, chart.point, type(chart._plot).__name__)",
    "from sslwb import show\nsome = {name: data.factors[name] for name in ('colour', 'angle')}\n"
    "show.embedding(places, some, data.levels, periodic=data.periodic)",
)


@pytest.fixture(params=["webgl", "canvas"])
def chart(request: pytest.FixtureRequest, playwright: Any, browser: Any, lab: Callable[..., Notebook]) -> Any:
    if request.param == "webgl":
        yield "JupyterScatter", lab(*CELLS)
        return
    from conftest import CHROMIUM

    without = playwright.chromium.launch(executable_path=CHROMIUM, args=[*CHROMIUM_ARGS[:2], "--disable-3d-apis"])
    notebook = lab(*CELLS, browser=without)
    yield "Canvas", notebook
    # what jupyter-scatter says of the missing WebGL before the canvas takes its place is no error of ours
    notebook.errors[:] = [e for e in notebook.errors if "getExtension" not in e and "webgl" not in e.lower()]


def test_map(chart: tuple[str, Notebook], shots: Callable[..., None]) -> None:
    kind, n = chart
    n.run_all()
    n.expect_output(1, "0 shape 0")
    canvas = n.output(0).locator("canvas").first
    expect(canvas).to_be_visible()
    n.page.wait_for_function("() => document.querySelectorAll('.sslwb canvas').length > 0")
    n.run_cell(1)
    n.expect_output(1, kind)
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = n.page.mouse
    mouse.move(x - 3, y)
    for i in range(20):  # the middle of the map is dense: some dot is under the pointer
        mouse.move(x + i, y)
    expect(n.output(0)).to_contain_text("picture ")
    corners = [(-120, -120), (120, -120), (120, 120), (-120, 120), (-120, -110)]
    mouse.move(x + corners[0][0], y + corners[0][1])
    mouse.down()
    for a, b in corners[1:]:
        mouse.move(x + a, y + b, steps=12)
    mouse.up()
    expect(n.output(0)).to_contain_text("selected")
    expect(n.output(0).locator(".grid img").nth(20)).to_be_visible()
    n.output(0).get_by_label("colour by").select_option("colour")
    expect(n.output(0)).to_contain_text("colour: ")
    assert n.cut_off() == []
    shots(n, kind)
    number = n.output(0).get_by_label("picture number")  # by keyboard alone
    number.fill("17")
    number.press("Enter")
    expect(n.output(0)).to_contain_text("1 selected")
    n.press("Select 24 around it")
    expect(n.output(0)).to_contain_text("24 selected")
    n.run_cell(1)
    n.expect_output(1, f"24 colour 17 {kind}")
    n.press("Next neighbour")
    expect(n.output(0)).to_contain_text("1 selected")
