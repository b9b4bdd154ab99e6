"""Several processes: two ranks are one with the double batch, for every method; and what happens when one dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
import torch.distributed as dist
from test_methods import METHODS, given
from torch import Tensor, nn

from sslwb import nets, ranks
from sslwb.augment import masks
from sslwb.augment.masks import Context
from sslwb.augment.tokens import MaskedTokens
from sslwb.core import MASK, PAD, Views
from sslwb.data import Items, load
from sslwb.methods import bert, gpt
from sslwb.methods.base import Method
from sslwb.methods.jepa import JEPA
from sslwb.methods.mae import encode_some
from sslwb.methods.vicreg import vicreg_loss
from sslwb.train import fit, load_checkpoint, loop

pytestmark = pytest.mark.long  # several processes
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


def run(name: str) -> tuple[dict[str, list[float]], dict[str, Tensor], dict[str, Tensor]]:
    """The recorded terms, the weights, and the gradients of the last step."""
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
    return history.terms, method.state_dict(), gradients(method)


def gradients(method: Method) -> dict[str, Tensor]:
    return {name: p.grad for name, p in method.named_parameters() if p.grad is not None}


def mean_gradients(method: Method, views: Views) -> dict[str, Tensor]:
    """The loss of these views, and each weight's gradient, by torch's DDP the mean over ranks."""
    over_ranks = loop._over_ranks(method)  # its name keeps it alive until the gradients are there
    loss = over_ranks(views)["loss"]
    loss.backward()
    return {"loss": ranks.mean(loss.detach()), **gradients(method)}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.allclose(value, other[name], rtol=1e-5, atol=1e-6), name


# ── what each of two ranks does and finds, in one pair of processes: to start it takes longer than to run it


def rows_of(rank: int) -> Tensor:
    """One rank has two rows, the other five."""
    return torch.rand(2 + 3 * rank, 3, generator=torch.Generator().manual_seed(rank))


def weight() -> Tensor:
    return torch.rand(7, 3, generator=torch.Generator().manual_seed(7), requires_grad=True)


def gathered_rows() -> dict[str, Tensor]:
    x, w = rows_of(ranks.rank()).requires_grad_(), weight()
    beside = w * 1  # the sum below hands one gradient to both of its parts
    every = ranks.gather(x)
    (every + beside).square().sum().backward()
    return {"rows": every.detach(), "x": x.grad, "w": w.grad}  # type: ignore[dict-item]


def jepa() -> JEPA:
    return JEPA(nets.vit(4, 32, 2, 2, seed=5), spread=1.0, dim=16, seed=5)


def live_views(rank: int) -> Context:
    """Drawn anew on each rank, so that their contexts have different sizes."""
    batch = load("shapes", n=12, seed=31, size=16)[6 * rank : 6 * rank + 6]
    return masks.jepa(16, count=2)(batch, torch.Generator().manual_seed(2 + rank))  # type: ignore[return-value]


def trained_live() -> dict[str, Tensor]:
    method = jepa()
    fit(method, load("shapes", n=96, seed=31, size=16), masks.jepa(16, count=2), steps=4, progress=False, **EXACT)
    return method.state_dict()


def texts(rank: int, some: bool = True) -> dict[str, Views]:
    """Six texts of a rank for each method; the second rank's ask nothing, and with some=False the first's neither."""
    words = torch.randint(3, 168, (6, 8), generator=torch.Generator().manual_seed(rank))
    asked = torch.arange(8) % 3 == 1
    if rank or not some:
        asked = torch.zeros(8, dtype=torch.bool)
    lonely = torch.where(torch.arange(8) < 1, words, PAD)
    return {
        "BERT": MaskedTokens(torch.where(asked, MASK, words), torch.where(asked, words, PAD)),
        "GPT": [words if some and not rank else lonely],
    }


def gradients_of_texts(reads: bool) -> dict[str, dict[str, Tensor]]:
    """With reads=False as a GPU does it, where no value may be looked at."""
    with nullcontext() if reads else never_reads():
        views = texts(ranks.rank())
        return {name: mean_gradients(METHODS[name].make(), views[name]) for name in views}


@contextmanager
def never_reads() -> Iterator[None]:
    with ExitStack() as stack:
        for module in (ranks, bert, gpt):
            stack.enter_context(mock.patch.object(module, "may_read", return_value=False))
        yield


def said_of_nothing() -> dict[str, list[str]]:
    """Where no rank is asked a word: what is raised where values are read, and the loss where they are not."""
    said = {}
    for name, views in texts(ranks.rank(), some=False).items():
        with pytest.raises(ValueError, match="word") as error:
            METHODS[name].make()(views)
        with never_reads():
            said[name] = [str(error.value), str(float(METHODS[name].make()(views)["loss"].detach()))]
    return said


def _on_two_ranks(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    results = {
        "methods": {name: run(name) for name in METHODS},
        "rows": gathered_rows(),
        "contexts": mean_gradients(jepa(), live_views(rank)),
        "trained live": trained_live(),
        "read": gradients_of_texts(reads=True),
        "unread": gradients_of_texts(reads=False),
        "nothing": said_of_nothing(),
        "any of": [ranks.any_of(rank == 1), ranks.any_of(False)],
    }
    torch.save(results, f"{folder}/{rank}.pt")
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
def of_two_ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("ranks")
    spawned(_on_two_ranks, str(folder))
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("name", METHODS)
def test_two_ranks_are_one_with_the_double_batch(name: str, of_two_ranks: list[dict[str, Any]]) -> None:
    (terms, *tensors), (terms_of_two, *tensors_of_two) = run(name), of_two_ranks[0]["methods"][name]
    for term, values in terms.items():
        assert torch.tensor(terms_of_two[term]).allclose(torch.tensor(values), rtol=1e-5, atol=1e-6), term
    # Three steps move a weight little, so gradients are compared too. Most agree to 2e-6; where parts that are much
    # larger cancel out (Barlow Twins, a last bias), float32's sums in another order leave up to 5e-5, or 1e-7 in all.
    for one, two, share in zip(tensors, tensors_of_two, (1e-5, 1e-4), strict=True):
        for key, value in one.items():
            apart = (two[key] - value).abs().max()
            assert (name, key) in FREE or apart <= share * value.abs().max() + 1e-7, key


def test_gathered_rows_have_their_gradients_whatever_a_rank_brings(of_two_ranks: list[dict[str, Any]]) -> None:
    every, w = torch.cat((rows_of(0), rows_of(1))), weight().detach()
    for found, own in zip(of_two_ranks, (slice(2), slice(2, 7)), strict=True):
        assert torch.equal(found["rows"]["rows"], every)
        assert torch.allclose(found["rows"]["x"], 2 * 2 * (every + w)[own])  # both ranks ask for it
        assert torch.allclose(found["rows"]["w"], 2 * (every + w))


def test_contexts_of_different_sizes_are_spread_together(of_two_ranks: list[dict[str, Any]]) -> None:
    """I-JEPA with masks that each rank draws for itself."""
    method, views = jepa(), [live_views(rank) for rank in range(2)]
    assert views[0].context_at.shape != views[1].context_at.shape  # type: ignore[union-attr]
    rows = torch.cat([encode_some(method.encoder, v.x, v.context).flatten(0, 1) for v in views])
    narrow = vicreg_loss(rows, rows, invariance=0.0, variance=0.5, covariance=0.02)["loss"]
    loss = torch.stack([method(v)["distance"] for v in views]).mean() + method.spread * narrow
    loss.backward()
    for found in of_two_ranks:
        same(found["contexts"], {"loss": loss.detach(), **gradients(method)})
    one, other = (found["trained live"] for found in of_two_ranks)
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("reads", ["read", "unread"])
@pytest.mark.parametrize("name", ["BERT", "GPT"])
def test_a_rank_that_is_asked_nothing_adds_nothing(name: str, reads: str, of_two_ranks: list[dict[str, Any]]) -> None:
    parts = [texts(rank)[name] for rank in range(2)]
    whole = [torch.cat(both) for both in zip(*parts, strict=True)]
    expected = mean_gradients(METHODS[name].make(), type(parts[0])(*whole) if name == "BERT" else whole)
    for found in of_two_ranks:
        same(found[reads][name], expected)


def test_where_no_rank_is_asked_anything_all_say_so(of_two_ranks: list[dict[str, Any]]) -> None:
    assert of_two_ranks[0]["nothing"] == of_two_ranks[1]["nothing"]
    (bert_says, bert_loss), (gpt_says, gpt_loss) = of_two_ranks[0]["nothing"].values()
    assert bert_says.startswith("targets ask for no word")
    assert gpt_says.startswith("tokens hold no word to predict")
    assert (bert_loss, gpt_loss) == ("nan", "nan")


def test_a_wish_of_one_rank_is_known_to_all(of_two_ranks: list[dict[str, Any]]) -> None:
    assert [found["any of"] for found in of_two_ranks] == [[True, False]] * 2


def test_alone_nothing_is_gathered() -> None:
    x = torch.rand(4, 3, requires_grad=True)
    assert ranks.gather(x) is x
    assert ranks.own(x) is x
    assert ranks.mean(x) is x
    assert (ranks.count(), ranks.rank(), ranks.any_of(True), ranks.any_of(False)) == (1, 0, True, False)


# ── joining


@pytest.fixture
def asked_of_torch(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """Rank 1 of 2 on a machine that says it has two GPUs; what torch is asked for."""
    asked: list[tuple[str, object]] = []
    for name, value in (("WORLD_SIZE", "2"), ("LOCAL_WORLD_SIZE", "2"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: asked.append(("device", device)))
    monkeypatch.setattr(dist, "init_process_group", lambda backend: asked.append(("group", backend)))
    monkeypatch.setattr(dist, "destroy_process_group", lambda: asked.append(("end", None)))
    return asked


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_on_gpus_each_rank_takes_its_own_and_hosts_can_talk(
    device: str, asked_of_torch: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ranks.joined(device):
        assert asked_of_torch == [("device", 1), ("group", "cpu:gloo,cuda:nccl")]
    assert asked_of_torch[-1] == ("end", None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with (
        pytest.raises(ValueError, match=r"2 ranks were started on this machine, which has 1 GPU"),
        ranks.joined(device),
    ):
        pass
    assert len(asked_of_torch) == 3


def test_a_training_on_the_cpu_leaves_the_gpus_alone(
    asked_of_torch: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with ranks.joined("cpu"):
        assert asked_of_torch == [("group", "gloo")]


def test_no_gpu_is_asked_whether_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_gather(parts: list[Tensor], x: Tensor) -> None:
        assert x.device.type == "cpu"
        for part in parts:
            part.copy_(x)

    monkeypatch.setattr(ranks, "count", lambda: 2)
    monkeypatch.setattr(dist, "all_gather", all_gather)
    with torch.device("meta"):  # where tensors are made unless another place is named
        assert ranks.any_of(True)


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
    run = subprocess.Popen(
        torchrun(2, out, steps=1_000_000), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    children: list[int] = []
    try:
        end = time.monotonic() + 240
        while not out.exists() and time.monotonic() < end and run.poll() is None:
            time.sleep(0.2)  # the first checkpoint comes after a few seconds of training
        assert out.exists(), run.stderr.read().decode()[-2000:] if run.stderr and run.poll() is not None else "no file"
        listed = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        if not listed.exists():
            pytest.skip("children cannot be listed here")
        children = [int(child) for child in listed.read_text().split()]
        os.kill(children[-1], signal.SIGKILL)
        begun = time.monotonic()
        assert run.wait(120) != 0
        seconds = time.monotonic() - begun
        print(f"the others ended {seconds:.1f} s after it")
        assert seconds < 60
    finally:
        run.terminate()  # torchrun ends its children, which have sessions of their own
        try:
            run.wait(40)
        finally:
            for group in (run.pid, *children):
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    state = load_checkpoint(out)
    assert state["step"] == len(state["history"]["terms"]["loss"]) > 0
