"""The README's pictures: a lesson in a real JupyterLab, its training monitor running beside its map of embeddings.

python scripts/picture.py        writes docs/lesson.png and, moving, docs/lesson.webp (two to five minutes)

Both show the built-in data only. It needs what the browser tests need: Playwright and a Chromium.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
from conftest import CHROMIUM  # noqa: E402
from lab import CHROMIUM_ARGS, LONG, Notebook, running_lab  # noqa: E402

LESSON = "03_simclr.ipynb"
WIDTH, HEIGHT = 1280, 800
MOVING = 900  # pixels: the width of the moving picture
FRAMES, PAUSE = 28, 200  # ms between two frames as they are shown
STILL = 0.7  # the still is the frame at this share of the training

# In JavaScript: the lesson's index of the first cell that says `text`.
CELL = """text => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(
    (cell) => cell.model.type === "code" && cell.model.sharedModel.source.includes(text))"""


def main() -> int:
    """Make both pictures."""
    if CHROMIUM is None:
        print("no Chromium: scripts/chromium.sh installs it or says the command", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as where, sync_playwright() as playwright:
        course, home = Path(where) / "course", Path(where) / "home"
        home.mkdir()
        for part in ("notebooks", "benchmarks/results"):
            shutil.copytree(ROOT / part, course / part, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        expect.set_options(timeout=LONG)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        sharp = SimpleNamespace(new_page=partial(chromium.new_page, device_scale_factor=2))
        with running_lab(course, home) as address:
            lesson = Notebook(sharp, address, f"notebooks/{LESSON}", WIDTH, HEIGHT)  # type: ignore[arg-type]
            pictures = shoot(lesson)
        chromium.close()
    keep(pictures, ROOT / "docs")
    return 0


def shoot(lesson: Notebook) -> list[Image.Image]:
    """Run the lesson down to its map, put the map beside it, train again, and take a picture now and then."""
    page = lesson.page
    training, chart = (page.evaluate(CELL, text) for text in ("widgets.monitor(run", "widgets.embedding_map("))
    run(page, "notebook:run-all-above", chart + 1)
    lesson.idle()
    lesson.no_traceback()
    page.evaluate(
        "() => { window.jupyterapp.shell.mode = 'multiple-document'; window.jupyterapp.shell.collapseLeft(); }"
    )
    run(page, "notebook:create-output-view", chart)
    page.evaluate(
        """() => {
            const { shell } = window.jupyterapp;
            const widgets = [...shell.widgets("main")];
            const output = widgets.find((widget) => widget.content?.id.startsWith("LinkedOutputView"));
            const notebook = widgets.find((widget) => widget.context);
            output.title.label = "Map of the embeddings";
            shell.add(output, "main", { mode: "split-right", ref: notebook.id });
            shell.activateById(notebook.id);
        }"""
    )
    chart_view = page.locator(".jp-LinkedOutputView")
    expect(chart_view.locator("canvas").first).to_be_visible()
    page.evaluate(
        """index => { const { content } = window.jupyterapp.shell.currentWidget;
            content.activeCellIndex = index; content.activeCell.node.scrollIntoView({ block: "start" }); }""",
        training,
    )
    dots = [dot for dot in _dots(chart_view) if _answers(page, chart_view, *dot)]
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")
    monitor = lesson.cell(training).locator(".sslwb.Monitor")
    expect(monitor).to_contain_text(re.compile(r"Step \d+ of \d+"))
    steps = int(re.search(r"of (\d+)", monitor.inner_text())[1])  # type: ignore[index]
    pictures = []
    for frame in range(FRAMES):
        if frame == FRAMES // 2:
            _lasso(page, *dots[0])
        _point(page, *dots[frame % len(dots)])
        page.wait_for_function(
            """([at, last]) => {
                const says = document.querySelector(".sslwb.Monitor").innerText;
                return says.includes("Done:") || (!last && Number(/Step (\\d+) of/.exec(says)?.[1]) >= at); }""",
            arg=[steps * frame / FRAMES, frame == FRAMES - 1],
            timeout=4 * LONG,
        )
        pictures.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
    return pictures


def _dots(chart: Locator) -> list[tuple[float, float]]:
    """Where to point: coloured dots of the map, one near each of some places around its middle, clockwise."""
    canvas = chart.locator("canvas").first
    box = canvas.bounding_box()
    assert box is not None
    pixels = np.asarray(
        Image.open(io.BytesIO(canvas.screenshot())).convert("RGB").resize((int(box["width"]), int(box["height"])))
    )
    coloured = np.ptp(pixels, axis=2) > 90
    inside = (
        coloured
        & np.roll(coloured, 2, 0)
        & np.roll(coloured, -2, 0)
        & np.roll(coloured, 2, 1)
        & np.roll(coloured, -2, 1)
    )
    centres = np.argwhere(inside)[:, ::-1]  # (x, y) of each
    centres = centres[(centres > 60).all(1)]  # not the buttons of the plot
    turns = np.linspace(0, 2 * np.pi, 11)
    places = centres.mean(0) + 0.3 * box["height"] * np.stack([np.cos(turns), np.sin(turns)], 1)
    nearest = [centres[np.square(centres - place).sum(1).argmin()] for place in places]
    return [(box["x"] + float(x), box["y"] + float(y)) for x, y in nearest]


def _answers(page: Page, chart: Locator, x: float, y: float) -> bool:
    """Point at a dot, and say whether the map then shows another picture."""
    shown = re.search(r"picture (\d+)", chart.inner_text())
    other = rf"picture (?!{shown[1]}\D)\d" if shown else r"picture \d"
    _point(page, x, y)
    try:
        expect(chart).to_contain_text(re.compile(other), timeout=5_000)
    except AssertionError:
        return False
    return True


def _point(page: Page, x: float, y: float) -> None:
    page.mouse.move(x - 4, y - 4)
    page.mouse.move(x, y, steps=4)


def _lasso(page: Page, x: float, y: float, radius: float = 45) -> None:
    turns = np.linspace(0, 2 * np.pi, 25)
    page.mouse.move(x + radius, y)
    page.mouse.down()
    for turn in turns[1:]:
        page.mouse.move(x + radius * np.cos(turn), y + radius * np.sin(turn))
    page.mouse.up()


def run(page: Page, command: str, cell: int) -> None:
    """A command of JupyterLab on one cell; returns when it has run."""
    page.evaluate(
        """async ([command, cell]) => {
            window.jupyterapp.shell.currentWidget.content.activeCellIndex = cell;
            await window.jupyterapp.commands.execute(command);
        }""",
        [command, cell],
    )


def keep(pictures: list[Image.Image], folder: Path) -> None:
    """Write the still, with at most 256 colours, and the moving picture; say how large they are."""
    folder.mkdir(exist_ok=True)
    still = pictures[round(STILL * (len(pictures) - 1))]
    still.quantize(256, dither=Image.Dither.NONE).save(folder / "lesson.png", optimize=True)
    size = (MOVING, round(MOVING * still.height / still.width))
    small = [picture.resize(size, Image.Resampling.LANCZOS) for picture in pictures]
    times = [PAUSE] * (len(small) - 1) + [10 * PAUSE]
    small[0].save(
        folder / "lesson.webp", save_all=True, append_images=small[1:], duration=times, loop=0, quality=75, method=6
    )
    for name in ("lesson.png", "lesson.webp"):
        print(f"docs/{name}: {(folder / name).stat().st_size // 1000} kB")


if __name__ == "__main__":
    sys.exit(main())
