"""The training loop on a background thread, so that the notebook stays alive: watch it, stop it, resume it, await it.

An awaiting cell lets Stop buttons and sliders through even under Run All, where a plain loop lets nothing through until
the last cell. The thread computes and nothing else: it never prints, displays or calls a widget. Whoever wants to show
something polls it from the notebook's own event loop (`Run.watch`).
"""

from __future__ import annotations

import asyncio
import copy
import threading
import time
import weakref
from collections.abc import Callable, Generator
from typing import Any

from torch import Tensor

from sslwb.core import MakeViews, same_arguments_as, usual
from sslwb.data import Items
from sslwb.methods.base import Method
from sslwb.train.loop import History, Loop, estimate, fit

POLL = 0.05  # seconds between two looks at the thread


class Run:
    """A training under way. `await run` waits for its end (or for Stop) and gives the history.

    Attributes:
        method: what is being trained.
        history: live; grows with every step.
        state: "running", "stopped", "done" or "failed".
        estimate: seconds that the whole training will take, measured on a copy before it began; None until then.
    """

    def __init__(self, method: Method, data: Items, make_views: MakeViews, **settings: Any) -> None:
        self.method, self._inputs, self._settings = method, (data, make_views), settings
        self._stop = threading.Event()
        quietly = {"on_step": lambda history: self._stop.is_set(), "progress": False}
        self._loop = Loop(method, data, make_views, **{**settings, **quietly})
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.state = "stopped"
        self.estimate: float | None = None

    @property
    def history(self) -> History:
        return self._loop.history

    @property
    def step(self) -> int:
        """Steps done."""
        return self._loop.step

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self._loop.steps

    @property
    def error(self) -> BaseException | None:
        """What ended a run that failed."""
        return self._error

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to the end: from the steps done so far, before those from the estimate."""
        if self.step >= 5 and self.history.seconds:
            return self.history.seconds / self.step * (self.steps - self.step)
        return self.estimate

    def stop(self, timeout: float | None = 30.0) -> None:
        """End the training after the step under way. The method stays usable, and `resume` goes on."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def resume(self) -> Run:
        """Go on after `stop`, from the very step where it stopped."""
        if self.state == "running":
            return self
        if self.state == "failed":
            raise RuntimeError(f"this run failed ({self._error}); start a new one instead of resuming it")
        self._begin()
        return self

    def wait(self, timeout: float | None = None) -> History:
        """Block until the run ends, for scripts and tests. In a notebook say `await run`. An interrupt means Stop.

        Raises:
            TimeoutError: it is still running after `timeout` seconds.
            Diverged, …: whatever ended the training.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while self.state == "running":
                if end is not None and time.monotonic() > end:
                    raise TimeoutError(f"the run is at step {self.step} of {self.steps} after {timeout} s")
                self._joined(POLL)
        except KeyboardInterrupt:
            self.stop()
        return self._result()

    def __await__(self) -> Generator[Any, None, History]:
        return self._until_done().__await__()

    def watch(self, callback: Callable[[Run], object], every: float = 0.2) -> None:
        """Call `callback(run)` about every `every` seconds while the run is running, and once more at each end.

        The calls come from the event loop of the thread that called `watch`, never from the training thread. Where no
        event loop runs (a script), `callback` is called once.
        """
        callback(self)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        task = loop.create_task(self._watching(callback, max(every, 0.2)))
        _WATCHING.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(_WATCHING.discard)

    async def _watching(self, callback: Callable[[Run], object], every: float) -> None:
        seen = None
        while self.state != "done" and self.state != "failed":
            await asyncio.sleep(every)
            now = (self.step, self.state)
            if now != seen:
                callback(self)
            seen = now
        callback(self)

    async def _until_done(self) -> History:
        try:
            while self.state == "running":
                await asyncio.sleep(POLL)
        except asyncio.CancelledError:
            # ■ in JupyterLab cancels the awaiting cell. It means Stop: the method stays usable, Run All goes on.
            self.stop()
        return self._result()

    def _result(self) -> History:
        if self._error is not None:
            raise self._error
        return self.history

    def _begin(self) -> None:
        self._stop.clear()
        self.state = "running"
        self._thread = threading.Thread(target=self._work, name="sslwb-train", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            if self.estimate is None:
                self.estimate = estimate(self.method, *self._inputs, stop=self._stop.is_set, **self._settings)
            if not self._stop.is_set():
                self._loop.run()
            self.state = "done" if self.step >= self.steps else "stopped"
        except BaseException as error:
            self._error = error
            self.state = "failed"

    def _joined(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)


_WATCHING: set[asyncio.Task[None]] = set()
_CURRENT: list[weakref.ref[Run]] = []  # the one run of this process
_FRESH: weakref.WeakKeyDictionary[Method, dict[str, Tensor]] = weakref.WeakKeyDictionary()  # weights before any start


@same_arguments_as(fit)
@usual(gradients=True, dtype=False)
def start(method: Method, data: Items, make_views: MakeViews, **settings: Any) -> Run:
    """Begin to train in the background and return at once; `await` the result. Arguments and errors are `fit`'s.

    There is no bar, and no `on_step`, which would run on the training thread: `run.watch(callback)` is for that.

    One training runs at a time: starting another stops the one before. Starting the same method again begins from the
    weights that it had when it was first started; to go on instead, use `run.resume()`.
    """
    for reference in _CURRENT:
        if (before := reference()) is not None:
            before.stop()
    if settings.get("on_step") is not None:
        raise ValueError("on_step runs on the training thread; with start() use run.watch(callback) instead")
    if method in _FRESH:
        method.load_state_dict(_FRESH[method])
    elif isinstance(method, Method):
        _FRESH[method] = copy.deepcopy(method.state_dict())
    run = Run(method, data, make_views, **settings)
    _CURRENT[:] = [weakref.ref(run)]
    run._begin()
    return run
