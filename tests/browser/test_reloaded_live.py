"""A page loaded again while its kernel lives: nothing is lost, widgets live on, and until then their twins are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("playwright")
from lab import Notebook
from playwright.sync_api import expect

Lab = Callable[..., Notebook]

# A training that the test holds in its middle, until the file is there.
SETUP = """
import time
from pathlib import Path
from sslwb import nets
from sslwb.augment import images
from sslwb.data import load
from sslwb.methods.simclr import SimCLR
from sslwb.train import start
from sslwb.widgets import monitor, quiz
data, draw, drawn = load("shapes", n=256), images.simclr(24), 0
def views(x, generator):
    global drawn
    drawn += 1
    while drawn == 20 and not Path("go-on").exists():
        time.sleep(0.01)
    return draw(x, generator)
print("saved with the page")"""
TRAIN = """
run = start(SimCLR(nets.conv(width=8)), data, views, steps=40, batch_size=16)
monitor(run)"""
QUESTION = """
quiz("What is left?", [("the kernel", True, "It trains on."), ("nothing", False, "The kernel is there.")])"""


@pytest.fixture
def gate(folder: Path) -> Path:
    (folder / "go-on").unlink(missing_ok=True)
    return folder / "go-on"


def readable(n: Notebook) -> None:
    """What was printed is there, of each widget itself or its twin, and no output says that a model is lost."""
    expect(n.output(0)).to_contain_text("saved with the page")
    for cell, kind, twin in ((1, "Monitor", "A live widget:"), (2, "Quiz", "Answers")):
        either = n.output(cell).locator(f".sslwb.{kind}").or_(n.output(cell).get_by_text(twin))
        expect(either.filter(visible=True)).to_have_count(1)
    nothing_is_lost(n)


def nothing_is_lost(n: Notebook) -> None:
    expect(n.page.locator(".jp-OutputArea-output", has_text=re.compile("model not found", re.I))).to_have_count(0)


def test_a_page_loaded_again_in_and_after_a_training(lab: Lab, gate: Path) -> None:
    n = lab(SETUP, TRAIN, QUESTION, "history = await run", "print(len(history), run.state)")
    n.run_all()
    expect(n.output(1)).to_contain_text(re.compile(r"Step 1\d of 40"))
    expect(n.output(2).locator(".sslwb.Quiz")).to_be_visible()
    expect(n.prompt(3)).to_contain_text("*")

    # In the middle, while a cell awaits. Widgets live again at once if the kernel answers within four seconds, which is
    # as long as ipywidgets waits, else after the cell; and it may miss what they show in that moment.
    n.reload()
    readable(n)
    gate.touch()
    n.idle()
    n.run_cell(4)  # what a cell prints while no page is there is lost, but not what it makes
    n.expect_output(4, "40 done")

    n.reload()  # after it
    readable(n)
    expect(n.output(1).locator(".sslwb.Monitor")).to_contain_text("Done: 40 steps")
    readable(n)  # the twin has gone
    expect(n.output(4)).to_contain_text("40 done")
    n.run_cell(2)
    n.output(2).locator(".sslwb.Quiz").get_by_text("the kernel", exact=True).click()
    n.press("Check", 2)
    expect(n.output(2)).to_contain_text("It trains on.")


def test_twins_are_shown_until_a_busy_kernel_answers(lab: Lab, gate: Path) -> None:
    busy = "import time\nfrom pathlib import Path\nwhile not Path('go-on').exists():\n    time.sleep(0.01)"
    n = lab(f"from sslwb.widgets import quiz\n{QUESTION}", busy)
    n.run_all()
    live, twin = n.output(0).locator(".sslwb.Quiz"), n.output(0).get_by_text("Answers")
    expect(live).to_be_visible()
    expect(n.prompt(1)).to_contain_text("*")
    n.reload()
    expect(twin).to_be_visible()
    expect(live).to_have_count(0)
    nothing_is_lost(n)
    gate.touch()
    expect(live).to_be_visible()
    expect(twin).to_be_hidden()
    nothing_is_lost(n)
    n.idle()
    n.run_cell(0)  # the page has asked the kernel all that it asks a new one
    expect(live).to_be_visible()
