"""Several processes: two ranks are one with the double batch, for every method; and what happens when one dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from test_methods import METHODS, given
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views
from sslwb.data import Items, load
from sslwb.methods.base import Method
from sslwb.train import fit, load_checkpoint

EXACT: dict[str, Any] = {"batch_size": 32, "lr": 1e-3, "seed": 3, "device": "cpu", "precision": "fp32"}
STEPS = 3
# A shift of all projections changes no correlation: this weight's true gradient is 0, and what it gets is rounding.
FREE = {("Barlow Twins", "projector.3.bias"), ("VICReg", "projector.3.bias")}


def without_norms(module: nn.Module) -> nn.Module:
    """Batch statistics are each rank's own, so nets without them are compared."""
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._NormBase):
            setattr(module, name, nn.Identity())
        else:
            without_norms(child)
    return module


class Fixed:
    """Views made once for all items, so that a row has the same views in whatever batch it stands."""

    def __init__(self, views: Views) -> None:
        self.views = views

    def __call__(self, batch: Items, generator: torch.Generator) -> Views:
        made = [view[batch.factors["row"]] for view in self.views]
        return type(self.views)(*made) if hasattr(self.views, "_fields") else type(self.views)(made)


def run(name: str) -> tuple[dict[str, list[float]], dict[str, Tensor]]:
    row = METHODS[name]
    items = given(row, load("shapes", n=96, seed=31, size=16))[:96]
    items = replace(items, factors={"row": torch.arange(96)})
    views = row.views(items, torch.Generator().manual_seed(1))
    method: Method = without_norms(row.make())  # type: ignore[assignment]
    # Where a loss does not depend on a weight at all, Adam divides rounding errors by themselves; with this eps it does
    # not, and steps are in proportion to gradients.
    groups = [{**group, "eps": 1e-2} for group in method.param_groups()]
    method.param_groups = lambda: groups
    history = fit(method, items, Fixed(views), steps=STEPS, progress=False, **EXACT)
    return history.terms, method.state_dict()


def _all_methods(rank: int, store: str, out: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    results = {name: run(name) for name in METHODS}
    if rank == 0:
        torch.save(results, out)
    dist.destroy_process_group()


def spawned(target: Any, *args: Any) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=(rank, *args)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]


@pytest.fixture(scope="module")
def of_two_ranks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("ranks")
    spawned(_all_methods, str(folder / "store"), str(folder / "out.pt"))
    return torch.load(folder / "out.pt", weights_only=True)


@pytest.mark.parametrize("name", METHODS)
def test_two_ranks_are_one_with_the_double_batch(name: str, of_two_ranks: dict[str, Any]) -> None:
    terms, weights = run(name)
    both, two = of_two_ranks[name]
    for term, values in terms.items():
        assert torch.tensor(both[term]).allclose(torch.tensor(values), rtol=1e-5, atol=1e-5), term
    for key, value in weights.items():
        assert (name, key) in FREE or two[key].allclose(value, rtol=1e-4, atol=1e-5), key


def test_alone_nothing_is_gathered() -> None:
    x = torch.rand(4, 3, requires_grad=True)
    assert ranks.gather(x) is x
    assert ranks.own(x) is x
    assert ranks.mean(x) is x
    assert (ranks.count(), ranks.rank(), ranks.any_of(True), ranks.any_of(False)) == (1, 0, True, False)


# ── the command under torchrun


def torchrun(count: int, out: Path, *words: str, steps: int = 12) -> list[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    command += ["-m", "sslwb", "train", "simclr", "--data", "shapes", "--items", "256", "--batch-size", "32"]
    return [*command, "--steps", str(steps), "--device", "cpu", "--out", str(out), *words]


def test_a_run_goes_on_on_another_number_of_ranks(tmp_path: Path) -> None:
    """Two ranks begin, are interrupted, and one goes on: the file is as good as another."""
    out = tmp_path / "run.pt"
    code = (
        "import sys; from sslwb import cli; from sslwb.train import loop; loop.SAVE_EVERY = 0\n"
        "def stop(method, *a, **k): return fit(method, *a, **k, on_step=lambda h: ranks.rank() == 1 and len(h) == 5)\n"
        "from sslwb import ranks; from sslwb.cli import training; fit = training.fit; training.fit = stop\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    command = torchrun(2, out)
    begin = command[: command.index("-m", 3)]
    script = tmp_path / "stopped.py"
    script.write_text(code)
    done = subprocess.run([*begin, str(script), *command[command.index("train") :]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    state = load_checkpoint(out)
    assert state["step"] == 5  # the wish of rank 1 stopped both
    assert len(state["history"]["terms"]["loss"]) == 5
    alone = subprocess.run([sys.executable, *torchrun(1, out)[5:]], capture_output=True, text=True)
    assert alone.returncode == 0, alone.stderr[-2000:]
    assert "✓ 12 steps" in alone.stdout
    assert load_checkpoint(out)["step"] == 12


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_killed_rank_ends_the_others_and_the_checkpoint_stays_good(tmp_path: Path) -> None:
    out = tmp_path / "run.pt"
    run = subprocess.Popen(torchrun(2, out, steps=1_000_000), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 240
        while not out.exists() and time.monotonic() < end and run.poll() is None:
            time.sleep(0.2)  # the first checkpoint comes after a few seconds of training
        assert out.exists(), run.stderr.read().decode()[-2000:] if run.stderr and run.poll() is not None else "no file"
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        if not children.exists():
            pytest.skip("children cannot be listed here")
        os.kill(int(children.read_text().split()[-1]), signal.SIGKILL)
        begun = time.monotonic()
        assert run.wait(120) != 0
        print(f"the others ended {time.monotonic() - begun:.1f} s after it")
    finally:
        run.kill()
    state = load_checkpoint(out)
    assert state["step"] == len(state["history"]["terms"]["loss"]) > 0
