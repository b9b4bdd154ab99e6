"""Repairs of ipykernel, from 6.17 to 7.4: a widget's messages get through while a cell awaits, and in their order."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import threading
from typing import Any

OF_WIDGETS = ("comm_open", "comm_msg", "comm_close")


def keep_widgets_alive() -> None:
    """Let widgets be moved while a cell awaits, more than once, and what is done to them happen in its order.

    Does nothing outside a kernel, or when done already.
    """
    ipykernel = sys.modules.get("ipykernel.kernelbase")
    if ipykernel is None or not ipykernel.Kernel.initialized():
        return
    kernel = ipykernel.Kernel.instance()
    if "concurrent" in inspect.signature(kernel.dispatch_shell).parameters:
        _tell_the_browser(kernel)
    else:
        _let_widgets_through(kernel)


def _tell_the_browser(kernel: Any) -> None:
    """From 7.4 on a widget's message is handed to an awaiting cell's event loop, and nobody is told when it is done.

    The browser holds a widget's next change back until it hears that, so a slider would move once and be dead.
    Here the kernel says "idle" for that message, then "busy" again for the cell.

    And it sends a message to the thread that last spoke on that control's own channel, so that a text and the button
    beside it come to two threads, in any order. Here both come to the main thread; answers still go to the
    thread that sent the request.
    """
    dispatch = kernel.dispatch_shell
    if hasattr(dispatch, "reports_idle"):
        return

    @functools.wraps(dispatch)
    async def dispatch_shell(msg: Any, /, subshell_id: str | None = None, *, concurrent: bool = False) -> None:
        cell = kernel.get_parent("shell") if concurrent else None
        await dispatch(msg, subshell_id=subshell_id, concurrent=concurrent)
        if concurrent:
            kernel._publish_status("idle", "shell")
            kernel._publish_status("busy", "shell", parent=cell)

    dispatch_shell.reports_idle = True  # type: ignore[attr-defined]
    kernel.dispatch_shell = dispatch_shell

    from ipykernel.comm.comm import BaseComm  # only where a kernel has it already

    BaseComm._reply_subshell_id = property(lambda comm: None, lambda comm, thread: None)


def _let_widgets_through(kernel: Any) -> None:
    """Before 7.4 a widget's message waits in the main thread's queue until the cell has ended, also if the cell awaits.

    Here it does not wait. (In 7.3 JupyterLab sends it to another thread, where it did not wait before either.)
    """
    if hasattr(kernel, "at_once") or threading.current_thread() is not threading.main_thread():
        return
    cell: tuple[Any, Any] | None = None  # who asked for the cell that runs, and with which message
    in_order = asyncio.Lock()

    def began(_: object = None) -> None:
        nonlocal cell
        cell = kernel._parent_ident["shell"], kernel.get_parent("shell")

    def ended(_: object) -> None:
        nonlocal cell
        cell = None

    def passes(msg: Any) -> bool:
        if cell is None:
            return False
        try:
            _, frames = kernel.session.feed_identities(msg, copy=False)
            header = kernel.session.deserialize(frames, content=False, copy=False)["header"]
        except (ValueError, TypeError):
            return False  # no message, or not signed: the kernel says so where it reads it
        return header["msg_type"] in OF_WIDGETS

    async def at_once(msg: Any) -> None:
        async with in_order:
            handler = kernel.saved_sigint_handler  # the cell's, put back when it ends
            await kernel.dispatch_shell(msg)
            kernel.saved_sigint_handler = handler
            if cell is not None:  # what it prints is its own again, and JupyterLab hears that it still runs
                kernel.set_parent(*cell, channel="shell")
                kernel._publish_status("busy", "shell", parent=cell[1])

    async def in_main_or_subshell(subshell_id: str | None, msg: Any) -> None:
        await (at_once(msg) if subshell_id is None and passes(msg) else kernel.shell_main(subshell_id, msg))

    def in_main(msg: Any) -> None:
        if passes(msg):
            kernel.io_loop.add_callback(at_once, msg)
        else:
            kernel.schedule_dispatch(kernel.dispatch_shell, msg)

    if kernel.get_parent("shell").get("header", {}).get("msg_type") == "execute_request":
        began()
    kernel.shell.events.register("pre_run_cell", began)
    kernel.shell.events.register("post_run_cell", ended)
    if getattr(kernel, "shell_channel_thread", None) is None:
        kernel.shell_stream.on_recv(in_main, copy=False)
    else:
        kernel.shell_channel_thread.manager.set_on_recv_callback(in_main_or_subshell)
    kernel.at_once = at_once
