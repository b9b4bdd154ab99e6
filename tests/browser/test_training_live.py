"""A training under Run All: Stop, Resume, ■ and sliders, while the cell awaits."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

pytest.importorskip("playwright")
from lab import Notebook
from playwright.sync_api import expect

Lab = Callable[..., Notebook]

SETUP = """
import hashlib
import torch
from sslwb import nets
from sslwb.augment import images
from sslwb.data import load
from sslwb.geometry import effective_rank, feature_std
from sslwb.methods.simclr import SimCLR
from sslwb.train import start
from sslwb.widgets import inspector, monitor
data = load("shapes", n=512)
seen = []
def measure(method):
    z = method.encoder(data.x[:256].float() / 255)
    return {"feature std": feature_std(z), "effective rank": effective_rank(z)}
def digest(method):
    return hashlib.sha256(b"".join(t.numpy().tobytes() for t in method.state_dict().values())).hexdigest()[:12]
"""
# More steps than any machine takes while a test lasts.
ENDLESS = """
run = start(SimCLR(nets.conv(width=16)), data, images.simclr(24), steps=10**6, batch_size=32)
shown = monitor(run, measure)
shown"""
LOOK = """
look = inspector(data, images.simclr(24), nets.conv(width=16).eval())
look.observe(lambda change: seen.append((change["name"], run.state)), "recipe")
look"""
AWAIT = 'history = await run\nprint("history of", len(history), "steps,", run.state)'
NEXT = 'print("the next cell ran:", run.state, len(history) > 0, seen)'


def training(n: Notebook, cell: int) -> None:
    """Wait until the cell awaits and steps are taken."""
    expect(n.prompt(cell)).to_contain_text("*")
    expect(n.output(1)).to_contain_text(re.compile(r"Step [1-9]\d* of 1000000"))


def test_stop_under_run_all_then_resume(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(SETUP, ENDLESS, AWAIT, NEXT)
    n.run_all()
    training(n, 2)
    n.press("Stop")
    n.expect_output(3, "the next cell ran: stopped True []")
    expect(n.output(1)).to_contain_text("Stopped at step")
    n.idle()
    n.press("Resume")  # the cell has returned: the training goes on in the background
    expect(n.output(1)).to_contain_text(re.compile(r"Step [1-9]\d* of 1000000"))
    assert n.cut_off() == []
    shots(n)
    n.press("Stop")
    expect(n.output(1)).to_contain_text("Stopped at step")


def test_the_interrupt_button_means_stop_and_run_all_goes_on(lab: Lab) -> None:
    n = lab(SETUP, ENDLESS, AWAIT, NEXT)
    n.run_all()
    training(n, 2)
    n.interrupt()
    n.expect_output(2, re.compile(r"history of [1-9]\d* steps, stopped"))
    n.expect_output(3, "the next cell ran: stopped True []")
    expect(n.output(1)).to_contain_text("Stopped at step")


def test_sliders_reach_the_kernel_while_a_cell_awaits(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(SETUP, ENDLESS, LOOK, AWAIT, NEXT)
    n.run_all()
    training(n, 3)
    for key, change in (("End", "hue 0.5"), ("Home", "hue 0 (was"), ("ArrowRight", "hue 0.025")):
        n.slide("hue", key)
        expect(n.output(2)).to_contain_text(f"Changed: {change}")
    n.slide("crop from", "End")
    expect(n.output(2)).to_contain_text("crop from 1 (was 0.2)")
    expect(n.prompt(3)).to_contain_text("*")
    assert n.cut_off() == []
    shots(n)
    n.press("Stop")
    n.expect_output(4, "the next cell ran: stopped True [" + ", ".join(["('recipe', 'running')"] * 4) + "]")
    # the first message that the kernel lets through must not be the last
    n.idle()
    n.slide("hue", "End")
    expect(n.output(2)).to_contain_text("hue 0.5")


def test_a_moving_slider_changes_no_weight(lab: Lab) -> None:
    train = """
drawn, draw = 0, images.simclr(24)
def views(x, generator):
    global drawn
    drawn += 1
    while drawn == 30 and len(seen) < 4:  # under way until the sliders have moved
        time.sleep(0.01)
    return draw(x, generator)
method = SimCLR(nets.conv(width=16))
run = start(method, data, views, steps=60, batch_size=32)
shown = monitor(run, measure, every=0)
shown"""
    compare = (
        'print("same weights:", moved == digest(method), "trained:", moved != digest(SimCLR(nets.conv(width=16))))'
    )
    n = lab(
        SETUP + "import time",
        train,
        LOOK,
        AWAIT,
        'moved = digest(method); print("moved", len(seen) >= 4, {state for _, state in seen})',
        train.replace("shown = monitor(run, measure, every=0)\nshown", ""),
        AWAIT,
        compare,
    )
    n.run_all()
    expect(n.prompt(3)).to_contain_text("*")
    for key in ("End", "Home", "End", "Home"):
        n.slide("hue", key)
        expect(n.output(2)).to_contain_text(f"Changed: hue {'0.5' if key == 'End' else '0'} (was")
    n.expect_output(4, "moved True {'running'}")
    n.expect_output(7, "same weights: True trained: True")
