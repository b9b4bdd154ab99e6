"""Two repairs of ipykernel: a widget's messages get through while a cell awaits, and in their order."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import Any


def keep_widgets_alive() -> None:
    """Let a widget be moved more than once while a cell awaits, and what is done to it happen in its order.

    From 7.4 on ipykernel hands a widget's message to an awaiting cell's event loop, and does not say when it is done.
    The browser holds a widget's next change back until it hears that, so a slider would move once and be dead.
    Here the kernel says "idle" for that message, then "busy" again for the cell.

    And it sends a message to the thread that last spoke on that control's own channel, so that a text and the button
    beside it come to two threads, in any order. Here both come to the main thread; answers still go to the
    thread that sent the request.

    Does nothing outside a kernel, or when done already.
    """
    ipykernel = sys.modules.get("ipykernel.kernelbase")
    if ipykernel is None or not ipykernel.Kernel.initialized():
        return
    kernel = ipykernel.Kernel.instance()
    dispatch = kernel.dispatch_shell
    if hasattr(dispatch, "reports_idle") or "concurrent" not in inspect.signature(dispatch).parameters:
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
