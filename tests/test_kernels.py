"""Trainings and widgets under an older and a newer ipykernel than the locked one, driven as a browser drives them.

Another version is installed into a folder of its own, without its dependencies, which are here already. Where it cannot
be had (no network) its tests skip.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

pytestmark = pytest.mark.long  # other ipykernels are installed and started
LIMIT = 300.0  # seconds after which a test that hangs fails; nothing is measured by it
# The oldest that the extra `lab` allows, the oldest with threads for messages, the locked one, and what is out today.
VERSIONS = ("6.17.1", "7.0.1", "locked", "newest")

SETUP = """
import threading
import ipykernel, ipywidgets, torch
from sslwb import nets
from sslwb.augment import images
from sslwb.data import load
from sslwb.methods.simclr import SimCLR
from sslwb.train import start
from sslwb.widgets import monitor

data, views, seen = load("shapes", n=48, size=12), images.simclr(12), []
def begin(steps=10**6, views=views):  # more steps than any machine takes while a test lasts
    method = SimCLR(nets.conv(4), projector=(16, 8))
    return start(method, data, views, steps=steps, batch_size=16, device="cpu", precision="fp32")
print(ipykernel.__version__)
"""
# A training that does not end, its monitor and a slider.
WATCHED = """
run = begin()
shown = monitor(run)
slider = ipywidgets.IntSlider()
def moved(change):
    seen.append((change["new"], run.state, threading.current_thread() is threading.main_thread()))
slider.observe(moved, "value")
display(slider)
display(shown)
print(f"stop={shown.stop_button.comm.comm_id} slider={slider.comm.comm_id}")
"""
AWAIT = "history = await run\nprint(len(history) > 0, run.state)"
USE = "print(bool(run.method.encoder(torch.zeros(1, 3, 12, 12)).isfinite().all()))"


class Cell:
    """A cell that the kernel was sent."""

    def __init__(self, kernel: Kernel, code: str, **how: Any) -> None:
        self.kernel, self.messages = kernel, kernel.messages
        self.id = kernel.client.execute(code, **how)

    def of_this(self, kind: str) -> list[dict[str, Any]]:
        """The contents of what the kernel said about it so far."""
        return [
            m["content"] for m in self.messages if m["parent_header"].get("msg_id") == self.id and m["msg_type"] == kind
        ]

    @property
    def printed(self) -> str:
        return "".join(content["text"] for content in self.of_this("stream"))

    @property
    def ended(self) -> bool:
        return {"execution_state": "idle"} in self.of_this("status")

    def finished(self) -> str:
        """Wait until it has run; gives what it printed."""
        self.kernel.until(lambda: self.ended)
        return self.printed

    def awaits(self) -> None:
        """Wait until it runs, and the monitor shows that steps are taken: then it awaits."""
        self.kernel.until(lambda: bool(self.of_this("execute_input")))
        before = len(self.messages)
        self.kernel.until(
            lambda: any(
                m["msg_type"] == "comm_msg" and re.search(r"Step [1-9]\d* of 1000000", str(m["content"]))
                for m in self.messages[before:]
            )
        )


class Kernel:
    """A kernel whose ipykernel lies in `folder`, and what the browser does with it."""

    def __init__(self, folder: Path | None) -> None:
        first = [] if folder is None else [str(folder)]
        path = os.pathsep.join([*first, *filter(None, [os.environ.get("PYTHONPATH")])])
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env={**os.environ, "PYTHONPATH": path})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(LIMIT)
        self.messages: list[dict[str, Any]] = []
        self.version = self.run(SETUP).strip()

    def shutdown(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def until(self, holds: Callable[[], bool]) -> None:
        """Take the kernel's messages in until something holds."""
        end = time.monotonic() + LIMIT
        while not holds():
            self.messages.append(self.client.get_iopub_msg(timeout=end - time.monotonic()))

    def send(self, code: str, **how: Any) -> Cell:
        self.last = Cell(self, code, **how)
        return self.last

    def run(self, code: str) -> str:
        return self.send(code).finished()

    def said_last(self) -> tuple[str, str]:
        """The kernel's last status, and of which message."""
        last = [m for m in self.messages if m["msg_type"] == "status"][-1]
        return last["content"]["execution_state"], last["parent_header"]["msg_id"]

    def comm(self, name: str, **data: Any) -> None:
        """Tell a widget what a learner did, and wait until the kernel says that it is done, as the browser does."""
        message = self.client.session.msg("comm_msg", {"comm_id": name, "data": data})
        self.client.shell_channel.send(message)
        done = {"execution_state": "idle"}
        self.until(
            lambda: any(
                m["parent_header"].get("msg_id") == message["header"]["msg_id"] and m["content"] == done
                for m in self.messages
            )
        )

    def click(self, name: str) -> None:
        self.comm(name, method="custom", content={"event": "click"})

    def slide(self, name: str, value: int) -> None:
        self.comm(name, method="update", state={"value": value}, buffer_paths=[])


def names(printed: str) -> dict[str, str]:
    """What a browser calls the widgets of WATCHED, which prints it."""
    return dict(re.findall(r"(\w+)=(\w+)", printed))


def installed(wanted: str, folder: Path) -> Path:
    """A folder with this ipykernel in it. Skips the test where it cannot be had."""
    uv = [found] if (found := shutil.which("uv")) else [sys.executable, "-m", "uv"]
    pip = [sys.executable, "-m"] if importlib.util.find_spec("pip") else uv  # an environment that uv made has no pip
    name = "ipykernel" if wanted == "newest" else f"ipykernel=={wanted}"
    patience = {"PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": "15", "UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "15"}
    command = [*pip, "pip", "install", "--quiet", "--no-deps", "--target", str(folder), name]
    if subprocess.run(command, env={**os.environ, **patience}, capture_output=True).returncode:
        pytest.skip(f"ipykernel {wanted} cannot be installed here, as where there is no network")
    return folder


@pytest.fixture(scope="module", params=VERSIONS)
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    wanted = locked = version("ipykernel")
    folder = None
    if request.param != "locked":
        folder = installed(request.param, tmp_path_factory.mktemp("ipykernel"))
        (wanted,) = (found.version for found in distributions(path=[str(folder)]))
        if request.param == "newest" and wanted == locked:
            pytest.skip(f"the newest ipykernel, {locked}, is the locked one")
    kernel = Kernel(folder)
    try:
        assert kernel.version == wanted
        yield kernel
    finally:
        kernel.shutdown()


@pytest.fixture
def kernel(started: Kernel) -> Iterator[Kernel]:
    yield started
    if not started.last.ended:  # a test has failed; the next one has a kernel that is free
        started.manager.interrupt_kernel()


def test_stop_reaches_the_cell_that_makes_the_first_widget(kernel: Kernel) -> None:
    cell = kernel.send(f"{WATCHED}\n{AWAIT}")
    cell.awaits()
    kernel.click(names(cell.printed)["stop"])
    assert cell.finished().endswith("\nTrue stopped\n")


def test_a_widget_and_its_twin_are_shown(kernel: Kernel) -> None:
    cell = kernel.send(WATCHED)
    cell.finished()
    outputs = [set(content["data"]) for content in cell.of_this("display_data")]
    assert {"text/html", "text/plain"} in outputs
    assert {"application/vnd.jupyter.widget-view+json"} in outputs
    models = [content["data"]["state"]["_model_name"] for content in cell.of_this("comm_open")]
    assert {"VBoxModel", "ButtonModel", "IntSliderModel"} <= set(models)


def test_a_cell_awaits_a_training_to_its_end(kernel: Kernel) -> None:
    assert kernel.run("run = begin(5); history = await run; print(len(history), run.state)") == "5 done\n"


def test_stop_under_run_all(kernel: Kernel) -> None:
    stop = names(kernel.run(WATCHED))["stop"]
    cell, following = kernel.send(AWAIT), kernel.send(USE)
    cell.awaits()
    kernel.click(stop)
    assert cell.finished() == "True stopped\n"
    assert following.finished() == "True\n"


def test_the_interrupt_button_means_stop(kernel: Kernel) -> None:
    kernel.run(WATCHED)
    cell, following = kernel.send(AWAIT), kernel.send(USE)
    cell.awaits()
    kernel.manager.interrupt_kernel()
    assert cell.finished() == "True stopped\n"
    assert following.finished() == "True\n"


def test_a_slider_moves_twice_and_the_interrupt_button_still_stops(kernel: Kernel) -> None:
    slider = names(kernel.run(f"idle = get_ipython().kernel.saved_sigint_handler; seen.clear()\n{WATCHED}"))["slider"]
    cell = kernel.send(AWAIT)
    cell.awaits()
    kernel.slide(slider, 3)
    kernel.slide(slider, 5)
    cell.awaits()  # and is shown as running
    assert kernel.said_last() == ("busy", cell.id)
    kernel.manager.interrupt_kernel()
    assert cell.finished() == "True stopped\n"
    assert kernel.run("print(seen)") == "[(3, 'running', True), (5, 'running', True)]\n"
    assert kernel.run("print(get_ipython().kernel.saved_sigint_handler == idle)") == "True\n"


def test_a_second_start_stops_the_first(kernel: Kernel) -> None:
    code = "first, second = begin(), begin(5); history = await second; print(first.state, second.state, len(history))"
    assert kernel.run(code) == "stopped done 5\n"


def test_an_error_in_a_step_is_raised_where_it_is_awaited(kernel: Kernel) -> None:
    code = "def broken(x, generator):\n    raise ValueError('no such view')\nrun = begin(5, broken)\nawait run"
    cell = kernel.send(code, stop_on_error=False)  # else a kernel may still be giving up what was asked meanwhile
    cell.finished()
    assert [(error["ename"], error["evalue"]) for error in cell.of_this("error")] == [("ValueError", "no such view")]
    assert kernel.run("run = begin(5); await run; print(run.state)") == "done\n"
