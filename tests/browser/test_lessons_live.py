"""Every lesson opened, Run All, every widget touched, with trainings cut short; one cut off from all machines.

Whole trainings are nbval's, which runs every lesson, and test_training_live's: Stop, ■, sliders, the same weights.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("playwright")
from lab import LONG, Notebook
from playwright.sync_api import Locator, expect

LESSONS = [path.name for path in sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9][0-9]_*.ipynb"))]
WANTED = os.environ.get("LESSONS", "").split()  # make test LESSONS="03 07"
OUT_OF_HERE = "192.0.2.1"  # kept for documentation: nobody's address (RFC 5737)


@pytest.mark.parametrize("name", [name for name in LESSONS if not WANTED or name[:2] in WANTED])
def test_lesson(name: str, lab: Callable[..., Notebook], shots: Callable[..., None]) -> None:
    n = lab(f"notebooks/{name}", width=1120)  # cells of about 900 pixels
    n.run_all()
    n.finished()
    n.no_traceback()
    for touch in TOUCHES:
        touch(n)
    assert n.cut_off() == []
    shots(n)


def inspectors(n: Notebook) -> None:
    for widget in n.widgets("Inspector"):
        before = widget.get_by_role("img", name=re.compile("^view 1 of")).get_attribute("src")
        widget.get_by_role("button", name="Another draw").click()
        expect(widget).to_contain_text("draw 1")
        widget.locator(".noUi-handle").first.press("End")
        expect(widget).to_contain_text("Changed: crop from")
        expect(widget.get_by_role("img", name=re.compile("^view 1 of"))).not_to_have_attribute("src", before or "")


def dials(n: Notebook) -> None:
    for widget in n.widgets("Dial"):
        if widget.locator(".noUi-handle").count() == 0:
            searched(widget)
            continue
        figure = widget.get_by_role("img").first
        before = figure.get_attribute("src")
        widget.locator(".noUi-handle").first.press("End")
        expect(figure).not_to_have_attribute("src", before or "")


def searched(box: Locator) -> None:
    """A dial without a slider is a search box: other words find other texts, and so does another way to search."""
    field, found = box.get_by_role("textbox").first, box.get_by_role("table")
    field.fill("nobody")
    field.press("Enter")
    expect(box.locator(".wrong")).to_contain_text("nobody")
    field.fill("she wanted to bake a cake .")
    field.press("Enter")
    expect(found).to_contain_text("she wanted to bake a cake .")
    before = found.text_content() or ""
    box.locator(".widget-toggle-buttons button").last.click()
    expect(found).not_to_have_text(before)


def monitors(n: Notebook) -> None:
    for widget in n.widgets("Monitor"):
        expect(widget).to_contain_text(re.compile(r"Done: \d+ steps"))
        expect(widget.get_by_role("img", name=re.compile("^loss, now"))).to_be_visible()
        expect(widget.get_by_role("button", name="Stop")).to_be_disabled()


def ablations(n: Notebook) -> None:
    """Train each method without each of its parts; what comes of it is test_lesson_08's, for here it hardly trains."""
    for widget in n.widgets("Ablation"):
        widget.scroll_into_view_if_needed()  # what is far from the window has no text yet
        left_out = 0
        for method in map(str.strip, widget.locator(".widget-toggle-buttons button").all_text_contents()):
            widget.get_by_role("button", name=method, exact=True).click()
            trained(widget, f"{method}, whole")
            for box in widget.get_by_role("checkbox", disabled=False).all():
                box.uncheck()
                trained(widget, f"{method} without {box.evaluate('box => box.parentElement.innerText')}")
                box.check()
                left_out += 1
        assert left_out > 0


def trained(widget: Locator, title: str) -> None:
    """Press Train, wait for the verdict."""
    widget.get_by_role("button", name="Train", exact=True).click()
    verdict = r": (one point|few directions|spread out) \(std [\d.]+, [\d.]+ directions"
    expect(widget).to_contain_text(re.compile(re.escape(title) + verdict), timeout=LONG)


def maps(n: Notebook) -> None:
    for widget in n.widgets("EmbeddingMap"):
        widget.get_by_role("button", name="Select 24 around it").click()
        expect(widget).to_contain_text("24 selected")
        colour = widget.get_by_label("colour by")
        last = colour.locator("option").all_inner_texts()[-1]
        colour.select_option(last)
        expect(widget).to_contain_text(f"{last}: ")


def namings(n: Notebook) -> None:
    for widget in n.widgets("Naming"):
        widget.get_by_role("button", name="Select 24 around it").click()
        expect(widget).to_contain_text("24 selected")
        widget.get_by_label("name", exact=True).fill("mine")
        widget.get_by_role("button", name="Name the selected").click()
        expect(widget).to_contain_text(re.compile(r"named in 3 classes.*mine \d+"))
        widget.get_by_role("button", name="Show the least sure").click()
        expect(widget).to_contain_text("1 selected")


def browsers(n: Notebook) -> None:
    for widget in n.widgets("Neighbours"):
        widget.get_by_role("button", name="Next").click()
        expect(widget).to_contain_text("picture 1")


def quizzes(n: Notebook) -> None:
    for widget in n.widgets("Quiz"):
        for question in widget.locator(".question").all():
            question.get_by_role("checkbox").first.check()
            question.get_by_role("button", name="Check").click()
            expect(question).to_contain_text(re.compile(r"Right\.|Wrong\."))


def predictions(n: Notebook) -> None:
    for widget in n.widgets("Prediction"):
        widget.get_by_role("button").first.click()
        expect(widget).to_contain_text("Your guess:")


def painters(n: Notebook) -> None:
    for widget in n.widgets("MaskPainter"):
        widget.get_by_role("button", name="Uncover all").click()
        expect(widget).to_contain_text("there is nothing to predict.")
        widget.get_by_role("button", name="Another random mask").click()
        expect(widget.get_by_role("img", name=re.compile("the hidden patches predicted"))).to_be_visible()


def walks(n: Notebook) -> None:
    for widget in n.widgets("LatentWalk"):
        painted = widget.get_by_role("img", name=re.compile("^painted from"))
        plane = widget.get_by_role("application")
        plane.press("Home")
        expect(painted).to_have_attribute("alt", re.compile(r"z = \(0\.00, 0\.00"))
        before = painted.get_attribute("src")
        plane.press("Shift+ArrowRight")
        expect(painted).to_have_attribute("alt", re.compile(r"z = \(0\.50, 0\.00"))
        widget.get_by_role("button", name="A draw from the prior").click()
        expect(painted).not_to_have_attribute("src", before or "")


def fill_masks(n: Notebook) -> None:
    for widget in n.widgets("FillMask"):
        rows = widget.get_by_role("row").count()
        assert rows > 3
        field = widget.get_by_label("sentence")
        field.fill("nothing is hidden here")
        field.press("Enter")
        expect(widget.get_by_role("status")).to_contain_text("[MASK]")


def samplers(n: Notebook) -> None:
    for widget in n.widgets("Sampler"):
        widget.get_by_role("button", name="Generate").click()
        expect(widget).to_contain_text(re.compile(r"Done: \d+ characters"), timeout=LONG)
        widget.locator(".noUi-handle").first.press("End")
        expect(widget.locator(".widget-readout").first).to_have_text("2.0")
        before = widget.text_content() or ""
        widget.get_by_role("button", name="Generate").click()  # Stop is test_sampler's: this text may be done first
        expect(widget).not_to_have_text(before)
        expect(widget).to_contain_text(re.compile(r"Done: \d+ characters"), timeout=LONG)


def attentions(n: Notebook) -> None:
    for widget in n.widgets("Attention"):
        widget.get_by_role("button").nth(1).click()
        expect(widget).to_contain_text(re.compile(r"In layer \d.*attends most to"))


def tables(n: Notebook) -> None:
    for widget in n.widgets("Sortable"):
        head = widget.locator("thead th").last
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", re.compile("descending|ascending"))
        first = widget.locator("tbody th").first.inner_text()
        head.get_by_role("button").click()
        expect(widget.locator("tbody th").first).not_to_have_text(first)


TOUCHES = (
    inspectors,
    dials,
    monitors,
    ablations,
    maps,
    namings,
    browsers,
    quizzes,
    predictions,
    painters,
    walks,
    fill_masks,
    samplers,
    attentions,
    tables,
)


# ── cut off from all other machines

ISOLATED = r"""
import fcntl, pathlib, socket, struct, subprocess, sys

# Names are looked up at an address that leads nowhere, instead of perhaps on this machine.
nowhere = pathlib.Path(sys.argv[1]); nowhere.write_text("nameserver OUT_OF_HERE\n")
subprocess.run(["mount", "--bind", str(nowhere), "/etc/resolv.conf"], check=True)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # switch the loopback interface on
    fcntl.ioctl(s, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x40))

def ways_out():  # how often the system found no way to where a program wanted to go
    names, values = [l.split() for l in open("/proc/net/snmp") if l.startswith("Ip:")]
    return int(values[names.index("OutNoRoutes")])

try:
    socket.getaddrinfo("example.org", 80)
except OSError:
    pass
before = ways_out()
print("an attempt is counted:", before > 0, flush=True)
tests = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *sys.argv[2:]])
print("attempts:", ways_out() - before, "status:", tests.returncode)
""".replace("OUT_OF_HERE", OUT_OF_HERE)


def test_nothing_asks_another_machine(playwright: object, tmp_path: Path) -> None:
    """Server, kernel and page, without a network: the system itself counts who tries to get out."""
    isolate = ["unshare", "--map-root-user", "--net", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*isolate, "true"], capture_output=True).returncode:
        pytest.skip("a network namespace of its own is not permitted here (unshare --net)")
    test = f"test_lessons_live.py::test_lesson[{LESSONS[0]}]"
    env = {
        k: v
        for k, v in os.environ.items()
        if k != "LESSONS" and not k.startswith(("SSLWB_TEST", "SSLWB_PROOF", "PYTEST_"))
    }
    run = subprocess.run(
        [*isolate, sys.executable, "-c", ISOLATED, str(tmp_path / "resolv.conf"), str(Path(__file__).parent / test)],
        env=env,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert "an attempt is counted: True" in run.stdout, run.stdout + run.stderr
    assert "attempts: 0 status: 0" in run.stdout, run.stdout + run.stderr
