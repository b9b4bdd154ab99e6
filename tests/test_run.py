"""Background runs: start, await, stop, resume, wait, watch; driven by states and steps, never by the clock."""

import asyncio
import gc
import math
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import images
from sslwb.data import Images, load
from sslwb.methods.simclr import SimCLR
from sslwb.train import Diverged, History, Run, fit, start
from sslwb.train import run as runs

SETTINGS: dict[str, Any] = {"batch_size": 16, "seed": 51, "device": "cpu", "precision": "fp32"}
VIEWS = images.simclr(12)
LIMIT = 300.0  # seconds after which a test that hangs fails; nothing is measured by it


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=48, seed=51, size=12)


@pytest.fixture(autouse=True)
def stop_what_is_left() -> Iterator[None]:
    yield
    for reference in runs._CURRENT:
        if (run := reference()) is not None:
            run.stop()
    assert not [t for t in threading.enumerate() if t.name == "sslwb-train" and t.is_alive()]


def simclr(seed: int = 51) -> SimCLR:
    return SimCLR(nets.conv(4, seed=seed), projector=(16, 8), seed=seed)


def weights(method: nn.Module) -> list[Tensor]:
    return [v.clone() for v in method.state_dict().values()]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class Gate:
    """Views that the test hands out one batch at a time, so that it knows where the training stands."""

    def __init__(self, free: int = 4) -> None:
        self.free = threading.Semaphore(free)  # `estimate` takes four steps first
        self.waiting = threading.Semaphore(0)
        self.wide = False

    def __call__(self, x: Tensor, generator: torch.Generator) -> list[Tensor]:
        if not self.wide and not self.free.acquire(blocking=False):
            self.waiting.release()
            assert self.free.acquire(timeout=LIMIT)
        return VIEWS(x, generator)

    def reached(self) -> None:
        """The training thread stands at the gate."""
        assert self.waiting.acquire(timeout=LIMIT)

    def open(self, steps: int | None = None) -> None:
        """Let this many steps pass; all, without a number."""
        self.wide = steps is None
        self.free.release(steps or 1)


def soon(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, LIMIT))


# ── start and await


def test_awaiting_gives_the_history_and_fits_weights(data: Images) -> None:
    async def lesson() -> tuple[Run, History]:
        run = start(method, data, VIEWS, steps=7, **SETTINGS)
        return run, await run

    method, plain = simclr(), simclr()
    run, history = soon(lesson())
    expected = fit(plain, data, VIEWS, steps=7, progress=False, **SETTINGS)
    assert run.state == "done"
    assert (run.step, run.steps) == (7, 7)
    assert history is run.history
    assert history.terms == expected.terms
    assert same(weights(method), weights(plain))
    assert not method.training


def test_start_returns_before_the_training_is_done(data: Images) -> None:
    gate = Gate()
    run = start(simclr(), data, gate, steps=5, **SETTINGS)
    gate.reached()
    assert run.state == "running"
    assert run.step == 0
    assert len(run.history) == 0
    gate.open()
    assert len(run.wait(LIMIT)) == 5


def test_history_is_live(data: Images) -> None:
    gate = Gate()
    run = start(simclr(), data, gate, steps=5, **SETTINGS)
    for step in range(5):
        gate.reached()
        assert run.step == step
        assert len(run.history) == step
        gate.open(1)
    run.wait(LIMIT)
    assert len(run.history["loss"]) == 5


def test_the_event_loop_lives_while_a_run_is_awaited(data: Images) -> None:
    async def lesson() -> int:
        run = start(simclr(), data, gate, steps=6, **SETTINGS)
        seen = 0

        async def slider() -> None:
            nonlocal seen
            while run.state == "running":
                seen += 1
                gate.open(1)
                await asyncio.sleep(0)

        await asyncio.gather(slider(), _awaited(run))
        return seen

    gate = Gate()
    assert soon(lesson()) >= 6


async def _awaited(run: Run) -> History:
    return await run


def test_the_estimate_comes_before_the_first_step(data: Images) -> None:
    gate = Gate(0)
    run = start(simclr(), data, gate, steps=20, **SETTINGS)
    gate.reached()
    assert run.estimate is None
    assert run.seconds_left is None
    gate.open(4)
    gate.reached()
    assert run.step == 0
    assert run.estimate is not None
    assert run.estimate > 0
    assert run.seconds_left == run.estimate
    gate.open()
    run.wait(LIMIT)
    assert run.seconds_left == 0


# ── stop and resume


def test_stop_ends_after_the_step_under_way_and_resume_goes_on(data: Images) -> None:
    method, plain, gate = simclr(), simclr(), Gate(4 + 3)
    run = start(method, data, gate, steps=9, **SETTINGS)
    gate.reached()  # in step 4
    stopper = threading.Thread(target=run.stop)
    stopper.start()
    assert run._stop.wait(LIMIT)
    gate.open()
    stopper.join(LIMIT)
    assert run.state == "stopped"
    assert run.step == 4
    assert run.history.stopped
    assert not method.training
    with torch.no_grad():
        assert method.encoder(torch.rand(2, 3, 12, 12)).isfinite().all()
    assert run.resume() is run
    history = run.wait(LIMIT)
    assert run.state == "done"
    assert not history.stopped
    fit(plain, data, VIEWS, steps=9, progress=False, **SETTINGS)
    assert same(weights(method), weights(plain))


def test_stop_before_the_first_step(data: Images) -> None:
    gate, method = Gate(0), simclr()
    before = weights(method)
    run = start(method, data, gate, steps=9, **SETTINGS)
    gate.reached()  # in the first step of the estimate
    run._stop.set()
    gate.open()
    assert run.wait(LIMIT).terms == {}
    assert (run.state, run.step, run.estimate) == ("stopped", 0, None)
    assert same(weights(method), before)
    run.resume().wait(LIMIT)
    assert run.estimate is not None
    assert run.state == "done"


def test_stop_and_resume_twice_or_too_late_do_no_harm(data: Images) -> None:
    run = start(simclr(), data, VIEWS, steps=3, **SETTINGS)
    run.wait(LIMIT)
    after = weights(run.method)
    run.stop()
    run.stop()
    assert run.state == "done"
    run.resume().wait(LIMIT)
    assert run.state == "done"
    assert len(run.history) == 3
    assert same(weights(run.method), after)
    gate = Gate()
    other = start(simclr(), data, gate, steps=3, **SETTINGS)
    gate.reached()
    assert other.resume() is other  # it runs already
    gate.open()
    assert len(other.wait(LIMIT)) == 3


def test_a_cancelled_cell_means_stop_and_gives_the_history(data: Images) -> None:
    """■ in JupyterLab cancels the cell that awaits; Run All must go on."""

    async def lesson() -> History:
        run = start(simclr(), data, gate, steps=9, **SETTINGS)
        cell = asyncio.ensure_future(_awaited(run))
        await asyncio.to_thread(gate.reached)
        cell.cancel()
        gate.open()
        history = await cell
        assert run.state == "stopped"
        return history

    gate = Gate(4 + 2)
    history = soon(lesson())
    assert history.stopped
    assert 0 < len(history) < 9


def test_a_keyboard_interrupt_in_wait_means_stop(data: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(4 + 2)
    run = start(simclr(), data, gate, steps=9, **SETTINGS)
    gate.reached()

    def interrupted(seconds: float) -> None:
        gate.open()
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_joined", interrupted)
    assert run.wait(LIMIT) is run.history
    assert run.state == "stopped"


def test_wait_has_a_limit(data: Images) -> None:
    gate = Gate()
    run = start(simclr(), data, gate, steps=9, **SETTINGS)
    gate.reached()
    with pytest.raises(TimeoutError, match="the run is at step 0 of 9 after 0 s"):
        run.wait(0)
    assert run.state == "running"
    gate.open()
    run.wait(LIMIT)


# ── starting again


def test_a_second_start_stops_the_first_and_begins_from_fresh_weights(data: Images) -> None:
    method, plain, gate = simclr(), simclr(), Gate(4 + 3)
    first = start(method, data, gate, steps=9, **SETTINGS)
    gate.reached()
    gate.open()
    second = start(method, data, VIEWS, steps=4, **SETTINGS)
    assert first.state in ("stopped", "done")
    assert len(first.history) >= 3
    second.wait(LIMIT)
    fit(plain, data, VIEWS, steps=4, progress=False, **SETTINGS)
    assert same(weights(method), weights(plain))
    assert not same(weights(method), weights(simclr()))


def test_starting_another_method_stops_the_first_too(data: Images) -> None:
    gate = Gate()
    first = start(simclr(), data, gate, steps=10_000, **SETTINGS)
    gate.reached()
    gate.open()
    start(simclr(1), data, VIEWS, steps=1, **SETTINGS).wait(LIMIT)
    assert first.state == "stopped"
    assert first.step < 10_000


def test_a_run_that_is_forgotten_is_not_kept_in_memory(data: Images) -> None:
    run = start(simclr(), data, VIEWS, steps=1, **SETTINGS)
    run.wait(LIMIT)
    references = [weakref.ref(run), weakref.ref(run.method)]
    del run
    gc.collect()
    assert [reference() for reference in references] == [None, None]


# ── failure


def bad_views(at: int, error: Exception) -> Callable[..., list[Tensor]]:
    calls = 0

    def make(x: Tensor, generator: torch.Generator) -> list[Tensor]:
        nonlocal calls
        calls += 1
        if calls == at:
            raise error
        return VIEWS(x, generator)

    return make


@pytest.mark.parametrize("at", [1, 4 + 3], ids=["in the estimate", "in the training"])
def test_a_failure_is_raised_where_the_run_is_awaited(data: Images, at: int) -> None:
    async def lesson() -> None:
        run = start(simclr(), data, bad_views(at, RuntimeError("views broke")), steps=9, **SETTINGS)
        with pytest.raises(RuntimeError, match="views broke"):
            await run
        assert run.state == "failed"
        assert str(run.error) == "views broke"
        assert len(run.history) == max(0, at - 5)
        assert not run.method.training or at == 1
        with pytest.raises(RuntimeError, match="views broke"):
            run.wait(LIMIT)
        with pytest.raises(RuntimeError, match=r"this run failed \(views broke\); start a new one"):
            run.resume()

    soon(lesson())


def test_a_loss_that_is_no_number_fails_the_run_and_is_in_its_history(data: Images) -> None:
    def views(x: Tensor, generator: torch.Generator) -> list[Tensor]:
        nonlocal calls
        calls += 1
        return [v * (math.nan if calls == 4 + 3 else 1) for v in VIEWS(x, generator)]

    calls = 0
    run = start(simclr(), data, views, steps=9, **SETTINGS)
    with pytest.raises(Diverged, match="the loss became nan at step 2 of 9"):
        run.wait(LIMIT)
    assert len(run.history) == 3
    assert math.isnan(run.history["loss"][-1])
    assert all(p.isfinite().all() for p in run.method.parameters())


def test_wrong_settings_are_told_at_once(data: Images) -> None:
    with pytest.raises(ValueError, match="steps is 0"):
        start(simclr(), data, VIEWS, steps=0, **SETTINGS)
    with pytest.raises(TypeError, match="expected a sslwb Method"):
        start(nets.conv(4), data, VIEWS, steps=1, **SETTINGS)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"on_step runs on the training thread; .* use run\.watch"):
        start(simclr(), data, VIEWS, steps=1, on_step=lambda h: None, **SETTINGS)


def test_fits_other_settings_are_taken(data: Images) -> None:
    assert len(start(simclr(), data, VIEWS, steps=2, progress=True, on_step=None, **SETTINGS).wait(LIMIT)) == 2


# ── watch


def test_watch_calls_back_on_the_event_loop_and_at_the_end(data: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, bool]] = []

    async def lesson() -> None:
        run = start(simclr(), data, gate, steps=5, **SETTINGS)
        run.watch(lambda r: seen.append((r.state, r.step, threading.current_thread() is threading.main_thread())))
        assert seen == [("running", 0, True)]
        gate.open()
        await run
        while seen[-1][0] != "done":
            await real_sleep(0)

    real_sleep, gate = asyncio.sleep, Gate(0)
    asked: list[float] = []

    async def quick(seconds: float) -> None:
        asked.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr(runs.asyncio, "sleep", quick)
    soon(lesson())
    assert seen[-1] == ("done", 5, True)
    assert all(on_main for *_, on_main in seen)
    assert len(set(seen)) >= len(seen) - 2  # at the beginning, when something has changed, and at the end
    assert {a for a in asked if a != runs.POLL} == {0.2}


def test_watch_is_never_more_frequent_than_five_a_second(data: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    async def lesson() -> None:
        run = start(simclr(), data, VIEWS, steps=2, **SETTINGS)
        run.watch(lambda r: None, every=0.001)
        await run

    real_sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        asked.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr(runs.asyncio, "sleep", note)
    soon(lesson())
    assert min(asked) >= runs.POLL
    assert 0.001 not in asked


def test_watch_goes_on_after_a_stop(data: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[str] = []

    async def lesson() -> None:
        run = start(simclr(), data, gate, steps=9, **SETTINGS)
        run.watch(lambda r: states.append(r.state))
        await asyncio.to_thread(gate.reached)
        run._stop.set()
        gate.open()
        await run
        while states[-1] != "stopped":
            await real_sleep(0)
        run.resume()
        await run
        while states[-1] != "done":
            await real_sleep(0)

    real_sleep, gate = asyncio.sleep, Gate(4 + 2)
    monkeypatch.setattr(runs.asyncio, "sleep", lambda seconds: real_sleep(0))
    soon(lesson())
    assert states[0] == "running"


def test_watch_without_an_event_loop_calls_once(data: Images) -> None:
    seen: list[str] = []
    run = start(simclr(), data, VIEWS, steps=2, **SETTINGS)
    run.watch(lambda r: seen.append(r.state))
    run.wait(LIMIT)
    assert len(seen) == 1


def test_the_training_thread_prints_nothing(data: Images, capfd: pytest.CaptureFixture[str]) -> None:
    start(simclr(), data, VIEWS, steps=3, **SETTINGS).wait(LIMIT)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
