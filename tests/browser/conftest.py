"""Browser tests of a worker share one JupyterLab and one Chromium. Without a browser they skip, but never in CI."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ROOT = Path(__file__).parents[2]


def _without(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("Playwright for Python is not installed: pip install playwright")
    if CHROMIUM is None:
        _without("no Chromium: scripts/chromium.sh installs it or says the command")
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Any) -> Iterator[Any]:
    from lab import CHROMIUM_ARGS, LONG
    from playwright.sync_api import expect

    expect.set_options(timeout=LONG)

    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
    yield chromium.new_context()  # one for all pages: JupyterLab is loaded and compiled by the first of them alone
    chromium.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What JupyterLab serves: a copy of the lessons and of the rows that they read, and what tests write."""
    from lab import hurry

    folder = tmp_path_factory.mktemp("lab") / "course"
    folder.mkdir()
    for part in ("notebooks", "benchmarks/results"):
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for lesson in (folder / "notebooks").glob("*.ipynb"):
        hurry(lesson)
    return folder


@pytest.fixture(scope="session")
def address(playwright: Any, folder: Path) -> Iterator[str]:
    from lab import running_lab

    home = folder.parent / "home"
    home.mkdir()
    with running_lab(folder, home) as address:
        yield address


@pytest.fixture
def lab(browser: Any, address: str, folder: Path) -> Iterator[Callable[..., Any]]:
    """Open a notebook: lab("notebooks/03_simclr.ipynb"), or a new one of these cells: lab("print(1)", "print(2)").

    At the end no page may have asked another machine for anything, and none may have an error in its console.
    """
    from lab import Notebook, write_notebook

    opened: list[Notebook] = []

    def open_notebook(*cells: str, browser: Any = browser, **viewport: int) -> Notebook:
        name = cells[0]
        if not name.endswith(".ipynb"):
            name = f"test_{len(list(folder.glob('test_*.ipynb')))}.ipynb"
            write_notebook(folder / name, *cells)
        opened.append(Notebook(browser, address, name, **viewport))
        return opened[-1]

    yield open_notebook
    errors = [error for notebook in opened for error in notebook.errors]  # not of the kernel's end: the test ends it
    for notebook in opened:
        notebook.close()
    assert errors == []
    assert [url for notebook in opened for url in notebook.foreign] == []


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Show the page in both themes; where $SSLWB_SHOTS names a folder, keep pictures there, to be looked at."""
    target = os.environ.get("SSLWB_SHOTS")

    def shoot(notebook: Any, name: str = "") -> None:
        stem = re.sub(r"\W+", "-", f"{request.node.name} {name}").strip("-")
        for theme in ("Dark", "Light"):
            notebook.theme(theme)
            if target:
                notebook.pictures(Path(target) / f"{stem}-{theme.lower()}")
        # jupyter-scatter complains of the moment in which a change of theme hides the page
        notebook.errors[:] = [e for e in notebook.errors if "invalid renderbuffer size" not in e]

    return shoot
