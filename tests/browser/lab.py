"""A JupyterLab of its own on a folder of notebooks, and a learner's hands in the browser."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

TOKEN = "browser-test"
HURRIED = "hurried"  # the kernel of the lessons here: each of their trainings takes a fiftieth of its steps
BY_HAND = {"02_loop_and_probe.ipynb": ("STEPS = 200 ", "STEPS = 20 ")}  # a loop in a lesson's own cells knows no share
LONG = 300_000  # ms: the longest that anything may take on a busy machine; what fails says so earlier
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
COMMAND = [
    *(sys.executable, "-m", "jupyterlab", "--no-browser"),
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    f"--IdentityProvider.token={TOKEN}",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    "--LabApp.expose_app_in_browser=True",  # window.jupyterapp: to change the theme, to read what is saved
]


@contextmanager
def running_lab(folder: Path, home: Path, prefix: list[str] | None = None) -> Iterator[str]:
    """Serve `folder`; yields the address. All that Jupyter writes goes under `home`; `prefix` wraps the command."""
    dirs = {name: home / name.lower() for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    for path in dirs.values():
        path.mkdir(parents=True, exist_ok=True)
    settings = dirs["JUPYTER_CONFIG_DIR"] / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    hurried = dirs["JUPYTER_DATA_DIR"] / "kernels" / HURRIED
    hurried.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": HURRIED, "language": "python", "env": {"SSLWB_TRAIN_SHARE": "0.02"}}
    (hurried / "kernel.json").write_text(json.dumps(spec))
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with open(home / "lab.log", "wb") as log:
        server = subprocess.Popen(
            [*(prefix or []), *COMMAND, *root, f"--ServerApp.root_dir={folder}"],
            env={**os.environ, **{name: str(path) for name, path in dirs.items()}, "SSLWB_BROWSER_TEST": "1"},
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        yield _address(server, dirs["JUPYTER_RUNTIME_DIR"], home / "lab.log")
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _address(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Where the server listens: it writes a file once it does."""
    end = time.monotonic() + 300
    while time.monotonic() < end and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            try:
                return f"http://127.0.0.1:{json.loads(file.read_text())['port']}"
            except (ValueError, KeyError):
                pass  # half written
        time.sleep(0.05)
    raise RuntimeError(f"JupyterLab did not start (exit status {server.poll()}):\n{log.read_text()[-3000:]}")


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook of code cells."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    nb = new_notebook(cells=[new_code_cell(cell.strip()) for cell in cells])
    nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, path)
    return path


def hurry(path: Path) -> None:
    """Have a copied lesson run on the kernel whose trainings are short."""
    text = path.read_text(encoding="utf-8")
    if path.name in BY_HAND:
        assert text.count(BY_HAND[path.name][0]) == 1
        text = text.replace(*BY_HAND[path.name])
    nb = json.loads(text)
    nb["metadata"]["kernelspec"]["name"] = HURRIED
    path.write_text(json.dumps(nb), encoding="utf-8")


# The map's library says so where a machine is so busy that a map is still drawn when it is asked for again. What is to
# be seen in the end is waited for by each test itself.
BUSY = "Ignoring draw call as the previous draw call has not yet finished"


class Notebook:
    """An open notebook. `foreign` collects requests to other machines, `errors` the console's errors."""

    def __init__(
        self, browser: Browser | BrowserContext, address: str, name: str, width: int = 1120, height: int = 900
    ) -> None:
        self.address, self.foreign, self.errors = address, [], []
        self.page: Page = browser.new_page()
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.set_default_timeout(LONG)
        self.page.on("request", self._seen)
        self.page.on("websocket", lambda ws: self._seen_url(ws.url))
        self.page.on(
            "console", lambda m: self.errors.append(m.text) if m.type == "error" and BUSY not in m.text else None
        )
        self.page.on("pageerror", lambda e: self.errors.append(str(e)) if BUSY not in str(e) else None)
        self.page.goto(f"{address}/doc/tree/{name}?token={TOKEN}")
        self.connected()
        self.idle()

    def _seen(self, request: object) -> None:
        self._seen_url(request.url)  # type: ignore[attr-defined]

    def _seen_url(self, url: str) -> None:
        host = re.match(r"(?:https?|wss?)://([^/:]+)", url)  # data:, blob: stay inside
        if host and host[1] != "127.0.0.1":
            self.foreign.append(url)

    def connected(self) -> None:
        """Wait until the page has a kernel, be it busy or idle."""
        self.page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel")

    def reload(self) -> None:
        """Save the notebook and load the page again; its kernel goes on."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        self.page.reload()
        self.connected()

    def idle(self, timeout: float = LONG) -> None:
        """Wait until the kernel has nothing left to do."""
        self.page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached", timeout=timeout
        )

    def run_all(self) -> None:
        """Run → Run All Cells, by the menu."""
        self.page.evaluate(
            """() => { window.ranAll = false;
                window.jupyterapp.commands.commandExecuted.connect((_, did) => {
                    if (did.id === "runmenu:run-all") did.result.finally(() => { window.ranAll = true; });
                }); }"""
        )
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.locator("[data-command='runmenu:run-all']").click()

    def finished(self) -> None:
        """Wait until Run All has come to its end."""
        self.page.wait_for_function("() => window.ranAll", timeout=4 * LONG, polling=200)  # not at every frame
        self.idle()

    def widgets(self, kind: str) -> list[Locator]:
        """Every widget of one class on the page."""
        found = self.page.locator(f".sslwb.{kind}")
        return [found.nth(i) for i in range(found.count())]

    def cut_off(self) -> list[str]:
        """Words in widgets that do not fit where they stand."""
        return self.page.evaluate(  # type: ignore[no-any-return]
            """() => [...document.querySelectorAll(".sslwb *")]
                .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible")
                .filter((e) => e.clientWidth > 1 && !["SELECT", "INPUT", "svg"].includes(e.tagName))
                .map((e) => `${e.className}: ${e.innerText}`)"""
        )

    def interrupt(self) -> None:
        """The ■ of the toolbar."""
        self.page.locator("[data-jp-item-name=interrupt]").first.click()

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """What a cell has printed or shown."""
        return self.cell(index).locator(".jp-Cell-outputWrapper")

    def expect_output(self, index: int, text: str | re.Pattern[str]) -> None:
        """Wait for what a cell reports; an error in any cell ends the waiting."""
        wanted = self.output(index).filter(has_text=text)
        end = time.monotonic() + LONG / 1000
        while time.monotonic() < end:
            self.no_traceback()
            with suppress(AssertionError):
                return expect(wanted).to_be_visible(timeout=2_000)
        expect(self.output(index)).to_contain_text(text)  # fails, and says what is there instead

    def no_traceback(self) -> None:
        """Fail with what the notebook's errors say, if there are any."""
        errors = self.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets
                .flatMap((cell) => cell.model.outputs?.toJSON() ?? [])
                .filter((output) => output.output_type === "error")
                .map((output) => `${output.ename}: ${output.evalue}`)"""
        )
        assert errors == []

    def run_cell(self, index: int) -> None:
        """Click into a code cell and press Ctrl+Enter; returns when the cell has run."""
        before = self.prompt(index).inner_text()
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        expect(self.prompt(index)).not_to_have_text(before, timeout=LONG)
        expect(self.prompt(index)).to_have_text(re.compile(r"\d"), timeout=LONG)

    def prompt(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-InputPrompt")

    def press(self, name: str, cell: int | None = None) -> None:
        """A widget's button."""
        place = self.page if cell is None else self.output(cell)
        place.locator(".jupyter-widgets").get_by_role("button", name=name, exact=True).click()

    def slide(self, name: str, key: str) -> None:
        """Move the slider with this description by the keyboard: ArrowRight, End …."""
        slider = self.page.locator(".widget-slider").filter(has=self.page.get_by_text(name, exact=True))
        slider.locator(".noUi-handle").press(key)

    def theme(self, name: str) -> None:
        """ "Light" or "Dark"."""
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab ' + name})", name
        )
        self.page.wait_for_selector(
            f"body[data-jp-theme-light={'true' if name == 'Light' else 'false'}]", state="attached"
        )
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def pictures(self, stem: Path) -> None:
        """Save the whole notebook as stem-1.png, stem-2.png …, from top to bottom."""
        size = self.page.viewport_size
        top = self.page.evaluate("() => document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect().top")
        total = self.page.evaluate("() => document.querySelector('.jp-WindowedPanel-outer').scrollHeight")
        page = min(max(size["height"], total + 130), 3_000)
        stem.parent.mkdir(parents=True, exist_ok=True)
        self.page.set_viewport_size({"width": size["width"], "height": page})
        for number in range(max(1, math.ceil(total / (page - top - 30)))):
            where = number * (page - top - 30)
            self.page.evaluate("y => document.querySelector('.jp-WindowedPanel-outer').scrollTo(0, y)", where)
            self.page.screenshot(path=stem.with_name(f"{stem.name}-{number + 1}.png"))
        self.page.set_viewport_size(size)

    def close(self) -> None:
        """Shut the kernel down too: two cores are not many."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.close()
