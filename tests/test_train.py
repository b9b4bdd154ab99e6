"""The loop: the same weights bit for bit, whatever interrupts it; and what is refused."""

import errno
import functools
import hashlib
import inspect
import math
import multiprocessing
import os
import pickle
import platform
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import images, labelled
from sslwb.core import MakeViews, Views, may_read, recorded
from sslwb.data import Images, image_folder, load
from sslwb.methods.base import Method
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supervised import Supervised
from sslwb.train import (
    CheckpointError,
    Diverged,
    History,
    checkpoint,
    device,
    fit,
    granted_cores,
    load_checkpoint,
    loop,
    resolve_device,
    resolve_precision,
    save_checkpoint,
    start,
    trained,
)
from sslwb.train.store import run_path

VIEWS = images.simclr(12)
EXACT: dict[str, Any] = {"batch_size": 16, "seed": 41, "device": "cpu", "precision": "fp32", "progress": False}
Weights = dict[str, Tensor]


def pictures(n: int = 72) -> Images:
    return load("shapes", n=n, seed=41, size=12)


def simclr(width: int = 4) -> SimCLR:
    return SimCLR(nets.conv(width, seed=41), projector=(16, 8), seed=41)


def weights(method: nn.Module) -> Weights:
    return {k: v.clone() for k, v in method.state_dict().items()}


def same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="module")
def data() -> Images:
    return pictures()


class Scripted(Method):
    """A linear encoder whose loss is what the test says: a function of (step, z)."""

    def __init__(self, loss: Callable[[int, Tensor], Tensor]) -> None:
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 2))
        encoder.dim = 2
        super().__init__(encoder)
        self.script, self.calls, self.seen = loss, 0, []

    def forward(self, views: Views) -> dict[str, Tensor]:
        self.calls += 1
        return {"loss": self.script(self.calls - 1, self.encoder(views[0]))}

    def before_step(self, progress: float) -> None:
        self.seen.append(("before", progress))

    def after_step(self, progress: float) -> None:
        self.seen.append(("after", progress))


# ── the same settings, the same weights


def test_the_same_settings_give_the_same_weights(data: Images) -> None:
    one, two, other = simclr(), simclr(), simclr()
    histories = [fit(m, data, VIEWS, steps=9, **EXACT) for m in (one, two)]
    fit(other, data, VIEWS, steps=9, **{**EXACT, "seed": 42})
    assert same(weights(one), weights(two))
    assert histories[0].terms == histories[1].terms
    assert not same(weights(one), weights(other))


def test_other_threads_that_draw_numbers_change_nothing(data: Images) -> None:
    one, two = simclr(), simclr()
    fit(one, data, VIEWS, steps=9, **EXACT)
    done = threading.Event()

    def play() -> None:
        while not done.is_set():
            torch.rand(10)
            VIEWS(data.x[:2], torch.Generator().manual_seed(1))

    slider = threading.Thread(target=play)
    slider.start()
    try:
        fit(two, data, VIEWS, steps=9, **EXACT)
    finally:
        done.set()
        slider.join()
    assert same(weights(one), weights(two))


def test_the_global_generator_is_left_alone(data: Images) -> None:
    before = torch.get_rng_state()
    fit(simclr(), data, VIEWS, steps=3, **EXACT)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_is_drawn_without_replacement_and_each_round_anew(data: Images) -> None:
    def note(batch: Images, generator: torch.Generator) -> Views:
        seen.append([p.tobytes() for p in batch.x.numpy()])
        return VIEWS(batch, generator)

    seen: list[list[bytes]] = []
    fit(simclr(), data, note, steps=8, **EXACT)  # 72 pictures: 4 batches of 16 a round
    rounds = [[p for b in seen[i : i + 4] for p in b] for i in (0, 4)]
    assert all(len(b) == 16 for b in seen)
    assert all(len(set(r)) == 64 for r in rounds)
    assert rounds[0] != rounds[1]


def test_history_records_every_term_and_its_settings(data: Images) -> None:
    method = Supervised(nets.conv(4), 8)
    history = fit(method, data, labelled(images.weak(12)), steps=5, lr=0.01, **EXACT)
    assert {name: len(values) for name, values in history.terms.items()} == {"loss": 5, "accuracy": 5}
    assert len(history) == 5
    assert history.seconds > 0
    assert not history.stopped
    assert history.settings["method"]["make"] == "sslwb.methods.supervised.Supervised"
    expected = {"data": "shapes", "items": 72, "steps": 5, "lr": 0.01, "seed": 41}
    assert history.settings.items() >= expected.items()
    assert (history.settings["device"], history.settings["precision"]) == ("cpu", "fp32")
    with pytest.raises(KeyError, match="no term 'lost' was recorded; expected one of loss, accuracy"):
        history["lost"]
    with pytest.raises(KeyError, match="none yet"):
        History()["loss"]


def test_fit_is_adamw_on_the_loss(data: Images) -> None:
    """The loop against fifteen lines of plain torch."""
    method, plain = simclr(), simclr()
    fit(method, data, VIEWS, steps=6, lr=0.01, weight_decay=0.1, warmup=0.5, **EXACT)
    matrices = [p for p in plain.parameters() if p.ndim > 1]
    vectors = [p for p in plain.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)
    for step, rate in enumerate((0, 1 / 3, 2 / 3, 1, 0.75, 0.25)):
        order = torch.randperm(72, generator=torch.Generator().manual_seed(loop.mix(41, "order", step // 4)))
        index = order[16 * (step % 4) :][:16]
        views = VIEWS(data.x[index], torch.Generator().manual_seed(loop.mix(41, "step", step)))
        for group in optimiser.param_groups:
            group["lr"] = 0.01 * rate
        optimiser.zero_grad()
        plain(views)["loss"].backward()
        optimiser.step()
    for name, value in plain.state_dict().items():
        assert torch.allclose(method.state_dict()[name], value, atol=1e-6), name


def test_progress_runs_from_0_to_1_around_each_step(data: Images) -> None:
    method = Scripted(lambda step, z: z.square().mean())
    fit(method, data, VIEWS, steps=4, **EXACT)
    assert method.seen == [(when, i / 4) for i in range(4) for when in ("before", "after")]


def test_a_group_may_have_its_own_rate(data: Images) -> None:
    class Slow(Scripted):
        def param_groups(self) -> list[dict[str, Any]]:
            weight, bias = self.encoder[1].parameters()
            return [{"params": [weight], "lr": 1e-30}, {"params": [bias]}, {"params": []}]

    method = Slow(lambda step, z: z.sum())
    before = weights(method)
    fit(method, data, VIEWS, steps=4, weight_decay=0, **EXACT)
    after = weights(method)
    assert torch.equal(after["encoder.1.weight"], before["encoder.1.weight"])
    assert not torch.equal(after["encoder.1.bias"], before["encoder.1.bias"])


def test_training_leaves_evaluation_mode_and_uses_training_mode(data: Images) -> None:
    modes: list[bool] = []
    method = Scripted(lambda step, z: z.square().mean())
    method.eval().register_forward_pre_hook(lambda module, _: modes.append(module.training))
    fit(method, data, VIEWS, steps=2, **EXACT)
    assert modes == [True, True]
    assert not method.training


def test_on_step_sees_each_step_and_may_stop(data: Images) -> None:
    lengths: list[int] = []

    def on_step(history: History) -> bool:
        lengths.append(len(history))
        return len(history) == 3

    history = fit(simclr(), data, VIEWS, steps=10, on_step=on_step, **EXACT)
    assert lengths == [1, 2, 3]
    assert history.stopped
    assert not fit(simclr(), data, VIEWS, steps=3, on_step=lambda h: len(h) == 3, **EXACT).stopped


def test_the_bar_goes_to_standard_error(data: Images, capsys: pytest.CaptureFixture[str]) -> None:
    fit(simclr(), data, VIEWS, steps=2, **{**EXACT, "progress": True})
    said = capsys.readouterr()
    assert said.out == ""
    assert "SimCLR" in said.err
    assert "2/2" in said.err
    assert "loss=" in said.err


def test_the_bar_goes_on_where_numbers_are_read_later(
    data: Images, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a GPU, where losses are read every 25 steps: a bar without a loss, not an error."""
    monkeypatch.setattr(
        loop.Loop, "_record", lambda self, terms: self._pending.append({"loss": terms["loss"].detach()})
    )
    assert len(fit(simclr(), data, VIEWS, steps=2, **{**EXACT, "progress": True})["loss"]) == 2
    assert "2/2" in capsys.readouterr().err


def test_the_loop_s_signature_is_that_of_all_who_train() -> None:
    expected = inspect.signature(loop.Loop)
    assert {"method", "data", "make_views", "steps", "on_step"} < expected.parameters.keys()
    for function, result in ((fit, "History"), (trained, "History"), (start, "Run")):
        signature = inspect.signature(function)
        assert signature == expected.replace(return_annotation=signature.return_annotation)
        assert signature.return_annotation == result
    assert inspect.getdoc(fit).startswith("Train a method in place")  # type: ignore[union-attr]


@pytest.mark.parametrize("function", [fit, trained, start])
def test_a_wrong_name_is_reported_by_who_was_called(data: Images, function: Any) -> None:
    said = rf"^{function.__name__}\(\): got an unexpected keyword argument 'step'; expected method, .*, steps, "
    with pytest.raises(TypeError, match=said):
        function(simclr(), data, VIEWS, steps=1, step=1)
    said = rf"^{function.__name__}\(\): missing a required .*argument: 'steps'; expected method, data, "
    with pytest.raises(TypeError, match=said):
        function(simclr(), data, VIEWS)


def test_bf16_learns_and_is_noted(data: Images) -> None:
    history = fit(simclr(), data, VIEWS, steps=3, **{**EXACT, "precision": "bf16"})
    assert history.settings["precision"] == "bf16"
    assert all(math.isfinite(v) for v in history["loss"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_trains_too(data: Images, tmp_path: Path) -> None:
    settings = {**EXACT, "device": "cuda", "precision": "auto"}
    method = simclr(8)
    history = fit(method, data, VIEWS, steps=60, checkpoint=tmp_path / "run.pt", **settings)
    assert len(history) == 60
    assert sum(history["loss"][-8:]) < sum(history["loss"][:8])
    assert next(method.parameters()).is_cuda
    with pytest.raises(Diverged):
        fit(Scripted(lambda step, z: z.sum() * (math.nan if step == 30 else 1)), data, VIEWS, steps=60, **settings)


def test_the_environment_may_shorten_every_training(data: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(simclr(), data, VIEWS, steps=8, **EXACT)
    monkeypatch.setenv("SSLWB_TRAIN_SHARE", "0.25")
    assert len(fit(simclr(), data, VIEWS, steps=8, **EXACT)) == 2
    assert len(fit(simclr(), data, VIEWS, steps=1, **EXACT)) == 1
    assert len(trained(simclr(), data, VIEWS, steps=8, **EXACT)) == 2  # and never takes, or leaves, a whole one
    monkeypatch.delenv("SSLWB_TRAIN_SHARE")
    assert trained(simclr(), data, VIEWS, steps=8, **EXACT).terms == whole.terms
    for wrong in ("0", "-1", "2", "a tenth", "nan"):
        monkeypatch.setenv("SSLWB_TRAIN_SHARE", wrong)
        with pytest.raises(ValueError, match=r"\$SSLWB_TRAIN_SHARE is .*; expected a share of the steps above 0"):
            fit(simclr(), data, VIEWS, steps=8, **EXACT)


# ── the first step checks; compiling


def reading(seen: list[bool]) -> None:
    seen.append(may_read(torch.empty(1, device="meta")))  # not on the CPU, where everything may be read


def test_recipe_and_method_may_read_in_the_first_step_alone(data: Images) -> None:
    recipe: list[bool] = []
    inside: list[bool] = []

    def views(batch: Images, generator: torch.Generator) -> Views:
        reading(recipe)
        return VIEWS(batch, generator)

    def loss(step: int, z: Tensor) -> Tensor:
        reading(inside)
        return z.square().mean()

    fit(Scripted(loss), data, views, steps=3, **EXACT)
    assert recipe == inside == [True, False, False]


@pytest.mark.long
def test_compiling_stands_apart_and_happens_once(data: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler: torch traces the method, and what is handed a graph takes its time. No check adds another."""
    graphs: list[float] = []

    class Checked(SimCLR):
        def forward(self, views: Views) -> dict[str, Tensor]:
            if may_read(torch.empty(1, device="meta")):
                raise_for_text(views[0])
            return super().forward(views)

    def raise_for_text(x: Tensor) -> None:
        assert x.isfinite().all()

    def slow(graph: Any, inputs: Any) -> Any:
        graphs.append(time.perf_counter())
        time.sleep(0.4)
        return graph

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=slow))
    method = Checked(nets.conv(4, seed=41), projector=(16, 8), seed=41)
    after: list[int] = []
    seconds: list[float] = []

    def note(history: History) -> None:
        after.append(len(graphs))
        seconds.append(history.seconds)

    begun = time.perf_counter()
    history = fit(method, data, VIEWS, steps=5, on_step=note, **EXACT, compile=True)
    wall = time.perf_counter() - begun
    assert after[0] == 0
    assert after[1] > 0
    assert after[1:] == [after[1]] * 4
    assert history.compile_seconds > 0.4 * after[1]
    assert history.seconds + history.compile_seconds < wall
    assert seconds == sorted(seconds)
    assert seconds[1] - seconds[0] < 0.4
    plain = simclr()
    assert fit(plain, data, VIEWS, steps=5, **EXACT)["loss"] == pytest.approx(history["loss"], abs=1e-3)


# ── schedules and seeds


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
def test_the_rate_rises_to_its_peak_and_falls_to_zero(warmup: float) -> None:
    rates = [loop.warmup_cosine(i / 1000, warmup) for i in range(1000)]
    assert all(0 <= r <= 1 for r in rates)
    top = round(1000 * warmup)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[0] == (1.0 if warmup == 0 else 0.0)
    if warmup < 1:
        assert loop.warmup_cosine(warmup, warmup) == 1
        assert loop.warmup_cosine(1, warmup) < 1e-12
        assert math.isclose(loop.warmup_cosine((1 + warmup) / 2, warmup), 0.5)
    else:
        assert loop.warmup_cosine(1, 1) == 1


def test_mixed_seeds_are_apart() -> None:
    seeds = {loop.mix(s, purpose, i) for s in range(30) for purpose in ("order", "step") for i in range(30)}
    assert len(seeds) == 30 * 2 * 30
    assert loop.mix(1, 23) != loop.mix(12, 3)
    torch.Generator().manual_seed(max(seeds))  # fits


# ── checkpoints: resumed training


@pytest.mark.parametrize("at", [1, 4, 7])
def test_resumed_training_ends_at_the_same_weights(
    data: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    whole, part = simclr(), simclr()
    expected = fit(whole, data, VIEWS, steps=8, **EXACT)
    monkeypatch.setattr(loop, "SAVE_EVERY", 0)
    file = tmp_path / "new" / "run.pt"
    fit(part, data, VIEWS, steps=8, checkpoint=file, on_step=lambda h: len(h) == at, **EXACT)
    fresh = SimCLR(nets.conv(4, seed=1), projector=(16, 8), seed=1)  # its own weights do not matter
    history = fit(fresh, data, VIEWS, steps=8, checkpoint=file, **EXACT)
    assert same(weights(fresh), weights(whole))
    assert history.terms == expected.terms
    again = fit(fresh, data, VIEWS, steps=8, checkpoint=file, **EXACT)  # there is nothing left to do
    assert again.terms == expected.terms
    assert os.listdir(file.parent) == ["run.pt"]


def _train_and_die(file: str, die_at: int | None, where: str, out: str) -> None:
    """In a process of its own: save after every step, and be killed like by `kill -9` at step `die_at`."""
    torch.set_num_threads(1)
    loop.SAVE_EVERY = 0
    steps = 0

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def here(name: str) -> bool:
        return die_at is not None and steps == die_at and where == name

    replace, fsync = os.replace, os.fsync

    def patched_replace(*paths: Any) -> None:
        if here("before the rename"):
            kill()
        replace(*paths)
        if here("after the rename"):
            kill()

    def patched_fsync(fd: int) -> None:
        if here("half written"):
            os.ftruncate(fd, 1000)
            kill()
        fsync(fd)

    os.replace, os.fsync = patched_replace, patched_fsync
    method = simclr()
    after_step = method.after_step

    def count(progress: float) -> None:
        nonlocal steps
        after_step(progress)
        steps = round(progress * 40) + 1
        if here("in the step"):
            kill()

    method.after_step = count  # type: ignore[method-assign]
    fit(method, pictures(), VIEWS, steps=40, checkpoint=file, **EXACT)
    torch.save(method.state_dict(), out)


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked, which this system cannot")
def test_killed_at_ten_random_steps_it_ends_at_the_same_weights(
    data: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = simclr()
    fit(whole, data, VIEWS, steps=40, **EXACT)
    draw = random.Random(41)
    deaths = [*sorted(draw.sample(range(2, 41), 10)), None]
    places = ["in the step", "half written", "before the rename", "after the rename"]
    # A fork server has imported torch, what its optimisers import when first made, and this file, once; each child then
    # starts in no time.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo", __name__])
    file, out = str(tmp_path / "run.pt"), str(tmp_path / "out.pt")
    for i, step in enumerate(deaths):
        child = context.Process(target=_train_and_die, args=(file, step, places[i % 4], out))
        child.start()
        child.join(300)
        assert child.exitcode == (0 if step is None else -signal.SIGKILL), (step, places[i % 4])
        if step is not None:  # what lies there is whole
            saved = load_checkpoint(file)["step"]
            assert saved == (step if places[i % 4] == "after the rename" else step - 1)
    assert same(torch.load(out, weights_only=True), weights(whole))


def test_what_a_killed_process_left_is_swept_when_it_is_old(tmp_path: Path) -> None:
    old, new, foreign = tmp_path / ".run.pt.7-7.part", tmp_path / ".run.pt.8-8.part", tmp_path / ".my.pt.9-9.part"
    for path in (old, new, foreign):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    os.utime(foreign, (0, 0))
    save_checkpoint(tmp_path / "run.pt", {"a": 1})
    assert sorted(os.listdir(tmp_path)) == [".my.pt.9-9.part", ".run.pt.8-8.part", "run.pt"]


def test_numbers_of_numpy_are_settings_too_and_their_checkpoint_is_read(data: Images, tmp_path: Path) -> None:
    numbers = {"steps": np.int64(3), "lr": np.float64(1e-3), "weight_decay": np.float32(0), "warmup": torch.tensor(0.5)}
    method = SimCLR(nets.conv(4), temperature=np.float64(0.2), projector=(8,))
    history = fit(method, data, VIEWS, checkpoint=tmp_path / "run.pt", **EXACT | numbers | {"seed": np.arange(3)[1]})
    assert load_checkpoint(tmp_path / "run.pt")["history"]["settings"] == history.settings
    assert history.settings["lr"] == 1e-3
    assert type(history.settings["seed"]) is int


# ── checkpoints: the file


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {"w": torch.rand(3, 2), "n": [1, 2.5, "x", None], "deep": {"t": torch.arange(3)}}
    file = tmp_path / "a" / "b" / "c.pt"
    save_checkpoint(file, state)
    back = load_checkpoint(file)
    assert torch.equal(back["w"], state["w"])
    assert back["n"] == state["n"]
    assert torch.equal(back["deep"]["t"], torch.arange(3))
    mask = os.umask(0o022)
    os.umask(mask)
    assert file.stat().st_mode & 0o777 == 0o666 & ~mask  # others may read it as any other file


def trap(path: Path) -> object:
    """An object whose unpickling would create a file."""

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (path,)

    return Trap()


def sealed(payload: bytes) -> bytes:
    return checkpoint.MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def damage(kind: str, content: bytes, folder: Path) -> bytes:
    bad = folder / "ran"
    match kind:
        case "empty":
            return b""
        case "truncated":
            return content[: len(content) // 2]
        case "truncated in its head":
            return content[:30]
        case "one bit altered":
            return content[:500] + bytes([content[500] ^ 1]) + content[501:]
        case "bytes added":
            return content + b"\0"
        case "a web page":
            return b"<!doctype html><title>404</title>"
        case "a pickle":
            return pickle.dumps(trap(bad))
        case "a pickle from torch":
            torch.save(trap(bad), folder / "foreign.pt")
            return (folder / "foreign.pt").read_bytes()
        case "a pickle, sealed":
            torch.save({"history": trap(bad)}, folder / "foreign.pt")
            return sealed((folder / "foreign.pt").read_bytes())
        case "an old pickle, sealed":
            return sealed(pickle.dumps(trap(bad), protocol=2))
        case "nothing, sealed":
            return sealed(b"")
        case "noise, sealed":
            return sealed(random.Random(3).randbytes(2000))
    raise AssertionError(kind)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("empty", "is not a checkpoint of sslwb"),
        ("truncated", r"damaged \(its sha256 does not fit\); delete it"),
        ("truncated in its head", "damaged"),
        ("one bit altered", "damaged"),
        ("bytes added", "damaged"),
        ("a web page", "is not a checkpoint of sslwb"),
        ("a pickle", "is not a checkpoint of sslwb"),
        ("a pickle from torch", "is not a checkpoint of sslwb"),
        ("a pickle, sealed", "holds more than tensors and plain values; it was not loaded"),
        ("an old pickle, sealed", "was not loaded"),
        ("nothing, sealed", "was not loaded"),
        ("noise, sealed", "was not loaded"),
    ],
)
def test_a_bad_checkpoint_is_told_and_runs_nothing(data: Images, tmp_path: Path, kind: str, said: str) -> None:
    file = tmp_path / "run.pt"
    fit(simclr(), data, VIEWS, steps=1, checkpoint=file, **EXACT)
    bad = damage(kind, file.read_bytes(), tmp_path)
    file.write_bytes(bad)
    method = simclr()
    before = weights(method)
    with pytest.raises(CheckpointError, match=said):
        fit(method, data, VIEWS, steps=1, checkpoint=file, **EXACT)
    assert not (tmp_path / "ran").exists()
    assert file.read_bytes() == bad
    assert same(weights(method), before)


def test_a_checkpoint_that_is_a_folder_or_not_there_is_reported(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.pt"):
        with pytest.raises(CheckpointError, match="could not be read"):
            load_checkpoint(path)
    with pytest.raises(CheckpointError, match="could not be written"):
        save_checkpoint(tmp_path, {"a": 1})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lr": 0.5}, "trained with lr = 0.003, this run has 0.5"),
        ({"seed": 9}, "seed = 41, this run has 9"),
        ({"steps": 5}, "steps = 3, this run has 5"),
        ({"batch_size": 8}, "batch_size = 16, this run has 8"),
        ({"precision": "bf16"}, "precision = 'fp32', this run has 'bf16'"),
    ],
)
def test_a_checkpoint_of_other_settings_is_reported(
    data: Images, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    file = tmp_path / "run.pt"
    fit(simclr(), data, VIEWS, **EXACT, steps=3, checkpoint=file)
    content = file.read_bytes()
    with pytest.raises(CheckpointError, match=said):
        fit(simclr(), data, VIEWS, **{**EXACT, "steps": 3, "checkpoint": file, **settings})
    assert file.read_bytes() == content


def test_a_checkpoint_of_another_temperature_or_other_views_is_reported(data: Images, tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    fit(simclr(), data, VIEWS, **EXACT, steps=3, checkpoint=file)
    colder = simclr()
    colder.temperature = 0.07
    with pytest.raises(CheckpointError, match=r"this run has 0\.07"):
        fit(colder, data, VIEWS, steps=3, checkpoint=file, **EXACT)
    with pytest.raises(CheckpointError, match=r"trained with views\.kinds\[0\]\[1\]\.flip = 0\.5, this run has 0\.25"):
        fit(simclr(), data, VIEWS.change(flip=0.25), steps=3, checkpoint=file, **EXACT)


def test_a_checkpoint_of_another_net_leaves_the_method_alone(data: Images, tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    fit(simclr(), data, VIEWS, steps=3, checkpoint=file, **EXACT)
    other = SimCLR(nets.conv(4, seed=1), projector=(16, 9))  # the encoder would fit, the head does not
    before = weights(other)
    with pytest.raises(CheckpointError, match=r"trained with method\.projector = \[16, 8\], this run has \[16, 9\]"):
        fit(other, data, VIEWS, steps=3, checkpoint=file, **EXACT)
    assert same(weights(other), before)


def test_a_checkpoint_of_something_else_is_reported(data: Images, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "run.pt", {"method": simclr().state_dict(), "history": {}})
    with pytest.raises(CheckpointError, match="lacks optimiser, step: it holds something else"):
        fit(simclr(), data, VIEWS, steps=3, checkpoint=tmp_path / "run.pt", **EXACT)


def fail(error: BaseException) -> Callable[..., None]:
    def failing(*_: Any, **__: Any) -> None:
        raise error

    return failing


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), CheckpointError),
        (PermissionError(errno.EACCES, "Permission denied"), CheckpointError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["full disk", "read-only", "interrupt"],
)
def test_a_failed_save_leaves_the_older_file_and_the_model(
    data: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException, raised: Any
) -> None:
    file = tmp_path / "run.pt"
    monkeypatch.setattr(loop, "SAVE_EVERY", 0)
    fit(simclr(), data, VIEWS, steps=6, checkpoint=file, on_step=lambda h: len(h) == 2, **EXACT)
    content = file.read_bytes()
    method, plain = simclr(), simclr()
    with monkeypatch.context() as full:
        full.setattr(os, call, fail(error))
        with pytest.raises(raised) as caught:
            fit(method, data, VIEWS, steps=6, checkpoint=file, **EXACT)
    if raised is CheckpointError:
        assert re.search(r"run\.pt .* could not be written: .* MB are free there", str(caught.value))
    assert file.read_bytes() == content
    assert os.listdir(tmp_path) == ["run.pt"]
    fit(plain, data, VIEWS, steps=6, on_step=lambda h: len(h) == 3, **EXACT)
    assert same(weights(method), weights(plain))  # the third step is in memory
    fit(method, data, VIEWS, steps=6, checkpoint=file, **EXACT)  # and with room again it goes on


def test_an_unwritable_folder_is_reported(data: Images, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="could not be written"):
        fit(simclr(), data, VIEWS, steps=1, checkpoint=tmp_path / "file" / "run.pt", **EXACT)


# ── divergence and interrupts


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("at", [0, 3, 40])
def test_a_loss_that_is_no_number_stops_with_the_last_good_weights(data: Images, value: float, at: int) -> None:
    method = Scripted(lambda step, z: z.square().mean() * (value if step == at else 1))
    good: list[Weights] = [weights(method)]
    histories: list[History] = []

    def on_step(history: History) -> None:
        good.append(weights(method))
        histories.append(history)

    with pytest.raises(Diverged, match=rf"the loss became {value} at step {at} of 50.*Try a smaller lr") as error:
        fit(method, data, VIEWS, steps=50, on_step=on_step, **EXACT)
    kept = int(str(error.value).partition("weights of step ")[2].partition(",")[0])
    assert at - loop.FLUSH_EVERY <= kept <= at
    assert same(weights(method), good[kept])
    assert not method.training
    if histories:
        assert len(histories[-1]) == at + 1  # the history tells what happened
        assert not math.isfinite(histories[-1]["loss"][-1])


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_out_of_memory_in_a_step_leaves_the_checkpoint_and_the_last_good_weights(
    data: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def raising(*_: Any) -> Any:
        raise torch.OutOfMemoryError("Tried to allocate 2.00 GiB")

    full = True

    def loss(step: int, z: Tensor) -> Tensor:
        if full and step == 4:
            z.register_hook(raising) if where == "backward" else raising()
        return z.square().mean()

    monkeypatch.setattr(loop, "SAVE_EVERY", 0)
    file, method, plain, whole = tmp_path / "run.pt", Scripted(loss), Scripted(loss), Scripted(loss)
    for other in (plain, whole):
        other.load_state_dict(method.state_dict())
    with pytest.raises(torch.OutOfMemoryError, match=r"Tried to allocate 2\.00 GiB"):
        fit(method, data, VIEWS, steps=8, checkpoint=file, **EXACT)
    full = False
    fit(plain, data, VIEWS, steps=8, on_step=lambda h: len(h) == 4, **EXACT)
    assert same(weights(method), weights(plain))
    assert load_checkpoint(file)["step"] == 4
    fit(plain, data, VIEWS, steps=8, checkpoint=file, **EXACT)
    fit(whole, data, VIEWS, steps=8, **EXACT)
    assert same(weights(plain), weights(whole))


class Poison(torch.autograd.Function):
    """The identity, whose gradient is NaN."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        return z.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * math.nan


def test_a_gradient_that_is_no_number_in_the_last_step_is_found(data: Images, tmp_path: Path) -> None:
    method = Scripted(lambda step, z: (Poison.apply(z) if step == 4 else z).square().mean())
    with pytest.raises(Diverged, match="weights became NaN or infinite in step 5 of 5"):
        fit(method, data, VIEWS, steps=5, **EXACT)
    assert all(p.isfinite().all() for p in method.parameters())


def test_a_checkpoint_never_holds_weights_that_are_no_numbers(
    data: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY", 0)
    method = Scripted(lambda step, z: (Poison.apply(z) if step == 4 else z).square().mean())
    with pytest.raises(Diverged):
        fit(method, data, VIEWS, steps=9, checkpoint=tmp_path / "run.pt", **EXACT)
    state = load_checkpoint(tmp_path / "run.pt")
    assert state["step"] == 4
    assert all(v.isfinite().all() for v in state["method"].values())


def test_an_interrupt_leaves_a_usable_model(data: Images) -> None:
    method, plain = simclr(), simclr()
    with pytest.raises(KeyboardInterrupt):
        fit(method, data, VIEWS, steps=9, on_step=lambda h: len(h) == 4 and fail(KeyboardInterrupt())(), **EXACT)
    fit(plain, data, VIEWS, steps=9, on_step=lambda h: len(h) == 4, **EXACT)
    assert same(weights(method), weights(plain))
    assert not method.training


@pytest.mark.parametrize("end", ["done", "stopped", "failed"])
def test_no_worker_of_a_stream_outlives_the_training(tmp_path: Path, end: str) -> None:
    for i, picture in enumerate(pictures(32).x):
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(tmp_path / f"{i}.png")
    stream = image_folder(tmp_path, 12, stream=True, workers=2)
    alive: list[int] = []

    def on_step(history: History) -> bool:
        alive.append(len(multiprocessing.active_children()))
        if end == "failed":
            raise RuntimeError("the caller's own")
        return end == "stopped"

    training = loop.Loop(simclr(), stream, VIEWS, steps=3, on_step=on_step, **EXACT)
    with pytest.raises(RuntimeError, match="own") if end == "failed" else nullcontext():
        training.run()
    assert alive[0] == 2
    assert multiprocessing.active_children() == []


# ── what is wrong is reported


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": 0}, "steps is 0; expected 1 or more"),
        ({"batch_size": 1}, "batch_size is 1; expected 2 or more: one picture alone"),
        ({"lr": 0}, "lr is 0; expected a number above 0"),
        ({"lr": math.nan}, "lr is nan"),
        ({"lr": math.inf}, "lr is inf"),
        ({"weight_decay": -1}, "weight_decay is -1; expected 0 or more"),
        ({"warmup": 1.5}, "warmup is 1.5; expected a share of the steps"),
        ({"batch_size": 73}, r"batch_size is 73 but data holds 72 item\(s\)"),
        ({"device": "abacus"}, "device is 'abacus', which does not work here"),
        ({"device": "cuda:99"}, "device is 'cuda:99', which does not work here"),
        ({"precision": "fp8"}, "precision is 'fp8'; expected"),
    ],
)
def test_a_setting_without_sense_is_reported(data: Images, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fit(simclr(), data, VIEWS, **{**EXACT, "steps": 1, **settings})


def test_one_picture_is_reported(data: Images) -> None:
    with pytest.raises(ValueError, match=r"data holds 1 item\(s\)"):
        fit(simclr(), data[:1], VIEWS, steps=1, **EXACT)


def test_a_net_is_not_a_method(data: Images) -> None:
    with pytest.raises(TypeError, match=r"method is a ConvEncoder; expected a sslwb Method such as SimCLR\(encoder\)"):
        fit(nets.conv(4), data, VIEWS, steps=1, **EXACT)  # type: ignore[arg-type]


def test_supervised_wants_labels(data: Images) -> None:
    with pytest.raises(ValueError, match=r"no labels \(y is None\); expected labelled pictures"):
        fit(Supervised(nets.conv(4), 8), Images(data.x), labelled(images.weak(12)), steps=1, **EXACT)


def test_a_method_without_a_loss_is_reported(data: Images) -> None:
    class Silent(Scripted):
        def forward(self, views: Views) -> dict[str, Tensor]:
            return {"lost": views[0].sum()}

    with pytest.raises(ValueError, match=r"Silent returned \['lost'\]; expected a dict with 'loss'"):
        fit(Silent(lambda step, z: z), data, VIEWS, steps=1, **EXACT)


# ── estimate, device, run store


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_an_estimate_is_positive_and_leaves_the_method_alone(data: Images, tmp_path: Path, steps: int) -> None:
    method = simclr()
    before, mode = weights(method), method.training
    seconds = loop.estimate(method, data, VIEWS, steps=steps, checkpoint=tmp_path / "run.pt", **EXACT)
    assert seconds is not None
    assert seconds > 0
    assert same(weights(method), before)
    assert method.training == mode
    assert not list(tmp_path.iterdir())
    assert loop.estimate(method, data, VIEWS, lambda: True, steps=steps, **EXACT) is None


def test_device_and_precision_follow_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_precision("fp32") == "fp32"
    cpu = torch.device("cpu")
    for has_bf16 in (True, False):
        for agrees in (True, False):
            monkeypatch.setattr(device, "_cpu_has_bf16", lambda has=has_bf16: has)
            monkeypatch.setattr(device, "_agrees", lambda *_, right=agrees: right)
            assert resolve_precision("auto", cpu) == ("bf16" if has_bf16 and agrees else "fp32")


def test_a_processor_that_computes_wrongly_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    agrees = device._agrees.__wrapped__
    assert agrees(torch.device("cpu"), torch.float32, 1e-6)
    right = nn.functional.linear

    def wrong(x: Tensor, w: Tensor) -> Tensor:
        return right(x, w) * (1.2 if torch.is_autocast_enabled("cpu") else 1)

    monkeypatch.setattr(nn.functional, "linear", wrong)
    assert not agrees(torch.device("cpu"), torch.bfloat16, 0.05)
    monkeypatch.setattr(nn.functional, "linear", fail(RuntimeError("not implemented")))
    assert not agrees(torch.device("cpu"), torch.bfloat16, 0.05)


@pytest.mark.parametrize("without_gradients", [torch.no_grad, torch.inference_mode])
def test_who_embeds_first_gets_the_same_precision(without_gradients: Callable[[], Any]) -> None:
    with without_gradients():
        assert device._agrees.__wrapped__(torch.device("cpu"), torch.float32, 1e-6)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4.0),
        ({}, None),
        ({"cpu.max": "nonsense"}, None),
    ],
)
def test_the_containers_quota_is_read(tmp_path: Path, files: dict[str, str], cores: float | None) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content + "\n")
    assert device._cgroup_quota(tmp_path) == cores
    assert granted_cores() >= 1


def test_threads_are_lowered_to_the_granted_cores_and_never_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    for granted, threads in ((2, 8), (2, 1), (2, 2)):
        monkeypatch.setattr(device, "granted_cores", lambda granted=granted: granted)
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        device.use_granted_cores()
    assert asked == [2]


FAULTS = """
import resource
from sslwb import nets
from sslwb.augment.images import simclr
from sslwb.data import load
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit
faults = []
note = lambda history: faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt) and None
fit(SimCLR(nets.conv(16)), load("shapes", n=512), simclr(24, views=4), steps=30, batch_size=32, progress=False,
    on_step=note)
print((faults[-1] - faults[10]) / 19)
"""


@pytest.mark.long
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory in its own way")
def test_a_step_reuses_the_memory_of_the_last() -> None:
    printed = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert float(printed.stdout) < 100  # pages a step that the system had to bring; 700 and more without it


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path))
    return tmp_path / "runs"


def test_a_checkpoint_is_meant_from_where_the_training_began(
    data: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for said in ("a.pt", "~/b.pt", "~/deep/c.pt"):
        monkeypatch.chdir(tmp_path)
        fit(simclr(), data, VIEWS, steps=1, checkpoint=said, on_step=lambda _: os.chdir("elsewhere"), **EXACT)
        assert (tmp_path / said.removeprefix("~/")).exists()
        monkeypatch.chdir(tmp_path)
        assert load_checkpoint(said)["step"] == 1
    with pytest.raises(ValueError, match=r"path '~nobody-of-this-name/a\.pt' begins with a home folder"):
        fit(simclr(), data, VIEWS, steps=1, checkpoint="~nobody-of-this-name/a.pt", **EXACT)


def test_a_trained_run_is_kept_and_found_again(data: Images, runs: Path) -> None:
    first, second = simclr(), simclr()
    history = trained(first, data, VIEWS, steps=3, **EXACT)
    (file,) = runs.iterdir()
    content, stamp = file.read_bytes(), file.stat().st_mtime_ns
    again = trained(second, data, VIEWS, steps=3, **EXACT)
    assert same(weights(first), weights(second))
    assert again.terms == history.terms
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (content, stamp)
    assert not second.training


@dataclass
class Change:
    method: SimCLR
    data: Images
    views: images.RandomViews
    settings: dict[str, Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.settings.update(seed=7),
        lambda c: c.settings.update(steps=4),
        lambda c: setattr(c, "views", VIEWS.without("crop")),
        lambda c: setattr(c, "data", pictures(73)),
        lambda c: setattr(c, "method", simclr(5)),
        lambda c: setattr(c.method, "temperature", 0.7),
        lambda c: c.method.encoder.body[0].weight.data.mul_(2),
    ],
    ids=["seed", "steps", "views", "data", "net", "temperature", "weights"],
)
def test_another_run_is_another_file(data: Images, runs: Path, change: Callable[[Change], None]) -> None:
    trained(simclr(), data, VIEWS, steps=3, **EXACT)
    other = Change(simclr(), data, VIEWS, {**EXACT, "steps": 3})
    change(other)
    trained(other.method, other.data, other.views, **other.settings)
    assert len(list(runs.iterdir())) == 2


def test_a_kept_run_that_is_damaged_is_trained_anew(data: Images, runs: Path) -> None:
    first, second = simclr(), simclr()
    trained(first, data, VIEWS, steps=3, **EXACT)
    (file,) = runs.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    trained(second, data, VIEWS, steps=3, **EXACT)
    assert same(weights(first), weights(second))
    load_checkpoint(file)


def test_a_run_that_was_stopped_is_not_kept(data: Images, runs: Path) -> None:
    trained(simclr(), data, VIEWS, steps=5, on_step=lambda h: len(h) == 2, **EXACT)
    assert not runs.exists()


class Scaled:
    """A learner's own recipe."""

    def __init__(self, by: Any) -> None:
        self.by = by

    def __call__(self, batch: Images, generator: torch.Generator) -> Views:
        return VIEWS(batch, generator)


def around(thing: Any) -> MakeViews:
    def views(batch: Images, generator: torch.Generator) -> Views:
        return [thing, batch.x]

    return views


@recorded
def of_two(a: Tensor, b: Tensor) -> MakeViews:
    return around((a, b))


def with_default(by: float) -> MakeViews:
    return lambda batch, generator, scale=by: [batch.x * scale]  # type: ignore[misc]


def three(batch: Images, generator: torch.Generator, by: int = 1) -> Views:
    return [batch.x] * 3


RING: list[Any] = [1]
RING.append(Scaled(RING))
OTHER_RING: list[Any] = [2]
OTHER_RING.append(Scaled(OTHER_RING))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: labelled(lambda batch, g: [batch.x]), lambda: labelled(lambda batch, g: [batch.x + 1])),
        (lambda: Scaled(1.0), lambda: Scaled(0.1)),
        (lambda: Scaled([{"by": 1}]), lambda: Scaled([{"by": 2}])),
        (lambda: Scaled(torch.ones(3).numpy()), lambda: Scaled(torch.zeros(3).numpy())),
        (lambda: Scaled({"a", "b"}), lambda: Scaled({"a", "c"})),
        (lambda: Scaled(re.compile("a")), lambda: Scaled(re.compile("b"))),
        (lambda: Scaled(nets.conv(4, seed=1)), lambda: Scaled(nets.conv(4, seed=2))),
        (lambda: Scaled(RING), lambda: Scaled(OTHER_RING)),
        (lambda: Scaled(1.0).__call__, lambda: Scaled(0.1).__call__),
        (lambda: around(torch.ones(2)), lambda: around(torch.zeros(2))),
        (lambda: around(lambda x: x), lambda: around(lambda x: -x)),
        (lambda: around(lambda x: lambda y: y), lambda: around(lambda x: lambda y: -y)),
        (lambda: of_two(torch.ones(1), torch.ones(1)), lambda: of_two(torch.ones(1), torch.zeros(1))),
        (lambda: with_default(1.0), lambda: with_default(2.0)),
        (lambda: functools.partial(three, by=1), lambda: functools.partial(three, by=2)),
    ],
)
def test_two_recipes_of_a_learners_own_are_two_runs(
    data: Images, runs: Path, one: Callable[[], MakeViews], other: Callable[[], MakeViews]
) -> None:
    paths = [run_path(simclr(), data, views, **EXACT) for views in (one(), one(), other())]
    assert None not in paths
    assert paths[0] == paths[1]
    assert paths[0] != paths[2]


STRENGTH = 0.5


def strengthened(batch: Images, generator: torch.Generator) -> Views:
    return [batch.x * STRENGTH]


def test_what_a_recipe_looks_up_is_a_part_of_it(data: Images, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for strength in (0.5, 0.5, 0.7):
        monkeypatch.setitem(globals(), "STRENGTH", strength)
        paths.append(run_path(simclr(), data, strengthened, **EXACT))
    assert paths[0] == paths[1] != paths[2]


def test_frozen_weights_are_another_run_and_the_mode_is_none(data: Images, runs: Path) -> None:
    frozen, resting = simclr(), simclr().eval()
    frozen.encoder.requires_grad_(False)
    here = run_path(simclr(), data, VIEWS, **EXACT)
    assert run_path(frozen, data, VIEWS, **EXACT) != here
    assert run_path(resting, data, VIEWS, **EXACT) == here


@pytest.mark.parametrize("trouble", ["no folder", "full disk", "a folder in the place of the file"])
def test_a_cache_that_cannot_keep_a_run_costs_no_training(
    data: Images, runs: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if trouble == "no folder":
        runs.write_text("a file where the folder would be")
    elif trouble == "full disk":
        monkeypatch.setattr(os, "replace", full)
    else:
        path = run_path(simclr(), data, VIEWS, steps=2, **EXACT)
        assert path is not None
        path.mkdir(parents=True)
    method, alone = simclr(), simclr()
    with pytest.warns(UserWarning, match="this training of SimCLR is not kept.*set SSLWB_CACHE") as caught:
        history = trained(method, data, VIEWS, steps=2, **EXACT)
    assert [str(one.message).count("\n") for one in caught] == [0]
    assert history["loss"] == fit(alone, data, VIEWS, steps=2, **EXACT)["loss"]
    assert same(weights(method), weights(alone))


def test_a_run_that_cannot_be_told_from_others_is_trained_and_not_kept(data: Images, runs: Path) -> None:
    for thing in (threading.Lock(), (i for i in range(3)), {object()}, torch.empty(2, device="meta")):
        assert len(trained(simclr(), data, Scaled(thing), steps=1, **EXACT)) == 1
    assert not runs.exists()


PROCESS = """
import sys, numpy as np, torch
from dataclasses import dataclass, field
from torch import nn
from sslwb import nets
from sslwb.augment import images, labelled
from sslwb.data import load
from sslwb.methods.base import Method
from sslwb.train.store import run_path

SIZES = {"small", "large", "wide"}

@dataclass
class Mine:
    of: object
    also: list = field(default_factory=lambda: [np.float64(2.0), {"x", "y", "z"}, torch.float32, torch.ones])

    def __call__(self, batch, generator):
        return self.of(batch, generator) if "small" in SIZES else nn.functional.relu(batch.x)

class Turned(Method):
    def __init__(self, encoder, act=nn.functional.gelu):
        super().__init__(encoder)
        self.act, self.head = act, nn.utils.parametrizations.weight_norm(nn.Linear(8, 2))

    def forward(self, views):
        return {"loss": self.act(self.encoder(views[0])).sum()}

torch.manual_seed(0)
method = Turned(nets.conv(4))
print(run_path(method, load("tales", n=8), labelled(Mine(images.simclr(12))), steps=3, lr=np.float64(1e-3)))
"""


@pytest.mark.long
def test_another_process_gives_the_same_key(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PROCESS)
    said = [
        subprocess.run(
            [sys.executable, tmp_path / "mine.py"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "SSLWB_CACHE": str(tmp_path)},
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert said[0].startswith(str(tmp_path / "runs" / "Turned-"))
