"""The training loop, the only one. It knows `Method`, views and devices, and nothing of any paper."""

from __future__ import annotations

import copy
import functools
import hashlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm.auto import tqdm

from sslwb import ranks
from sslwb.core import (
    MakeViews,
    Views,
    as_float32,
    check_recipe,
    check_views_of_recipe,
    checking,
    describe,
    number,
    place,
    plain,
    same_arguments_as,
    usual,
    whole,
)
from sslwb.data import Items
from sslwb.methods.base import Method
from sslwb.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from sslwb.train.device import autocast, keep_freed_memory, resolve_device, resolve_precision, use_granted_cores

SAVE_EVERY = 5.0  # seconds between two checkpoints: a crash costs no more than that
FLUSH_EVERY = 25  # steps between two reads of the recorded numbers on a GPU: each read makes it wait
SHARE = "SSLWB_TRAIN_SHARE"  # the environment's word for a process that looks at widgets, not at results


class Diverged(RuntimeError):
    """The loss is no longer a number; the method holds the last weights with which it was."""


@dataclass
class History:
    """What happened: every recorded term at every step, the seconds it took, and the settings it ran with.

    `history["loss"]` is the list of losses, one a step; a term that a step did not return is NaN there. The settings
    hold, as plain values, how method, encoder and recipe were made ("method", "views"): `core.rebuild` makes them anew.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    compile_seconds: float = 0.0
    stopped: bool = False

    def __getitem__(self, term: str) -> list[float]:
        if term not in self.terms:
            raise KeyError(f"no term {term!r} was recorded; expected one of {', '.join(self.terms) or 'none yet'}")
        return self.terms[term]

    def __len__(self) -> int:
        """Steps done."""
        return max(map(len, self.terms.values()), default=0)

    def record(self) -> dict[str, Any]:
        """What a file keeps of it: plain values, `History(**record)`."""
        return {name: value for name, value in vars(self).items() if name != "stopped"}

    def add(self, terms: dict[str, float]) -> None:
        """One more step. A term that is new, or that this step lacks, is NaN where it was not returned."""
        done = len(self)
        for name in dict.fromkeys((*self.terms, *terms)):
            values = self.terms.setdefault(name, [math.nan] * done)
            values.append(terms.get(name, math.nan))


class Loop:
    """One training and where it stands; `run` may be called again after a stop, and goes on from there.

    What the arguments mean, `fit` says, which takes the same.
    """

    @usual(gradients=True, dtype=False)
    def __init__(
        self,
        method: Method,
        data: Items,
        make_views: MakeViews,
        *,
        steps: int,
        batch_size: int = 128,
        lr: float = 3e-3,
        weight_decay: float = 1e-4,
        warmup: float = 0.1,
        seed: int = 0,
        device: str | torch.device = "auto",
        precision: str = "auto",
        checkpoint: str | Path | None = None,
        on_step: Callable[[History], object] | None = None,
        progress: bool = True,
        compile: bool = False,
    ) -> None:
        _check_inputs(method, data, make_views, checkpoint, on_step)
        steps, batch_size, seed = whole("steps", steps), whole("batch_size", batch_size), whole("seed", seed)
        lr, weight_decay = number("lr", lr), number("weight_decay", weight_decay)
        warmup = number("warmup", warmup)
        _check_settings(data, steps, batch_size, lr, weight_decay, warmup)
        steps = max(1, round(steps * train_share()))
        use_granted_cores()
        keep_freed_memory()
        self.device = resolve_device(device)
        precision = resolve_precision(precision, self.device)
        if any(p.dtype != torch.float32 and p.is_floating_point() for p in method.parameters()):
            method.float()  # weights are trained in float32; `precision` says in what a step computes
        self.method, self.data, self.make_views = method.to(self.device), data.to(self.device), make_views
        self.steps, self.step, self.checkpoint = steps, 0, None if checkpoint is None else place(checkpoint)
        self.on_step, self.progress = on_step, progress
        self.history = History(
            {
                "method": _as_it_is(method),
                "views": describe(make_views),
                "data": data.name,
                "items": len(data),
                "steps": steps,
                "batch_size": batch_size,
                "lr": lr,
                "weight_decay": weight_decay,
                "warmup": warmup,
                "seed": seed,
                "device": self.device.type,
                "precision": precision,
            }
        )
        groups = [
            {name: _own_numbers(value) for name, value in {**g, "peak": g.get("lr", lr)}.items()}
            for g in method.param_groups()
            if g["params"]
        ]
        self.optimiser = torch.optim.AdamW(
            groups, lr=lr, weight_decay=weight_decay, betas=(0.9, 0.95), fused=self.device.type != "mps"
        )
        self._forward: Callable[[Views], dict[str, Tensor]] = _over_ranks(method)
        self._compiled = torch.compile(self._forward) if compile else None
        self._taken = 0  # steps, by this object
        self._batches: Iterator[Items] | None = None
        self._pending: list[dict[str, Tensor]] = []
        self._good: tuple[int, dict[str, Tensor]] = (0, {})
        if self.checkpoint is not None and self.checkpoint.exists():
            self.load_state_dict(load_checkpoint(self.checkpoint))

    @usual(gradients=True, dtype=False)
    def run(self) -> History:
        """Take the steps that are left; see `fit`."""
        bar = self._bar() if self.progress and ranks.rank() == 0 else None
        self.history.stopped = False
        self.method.train()
        history, begin = self.history, time.perf_counter()
        saved, before = begin, history.seconds + history.compile_seconds
        self._remember()
        self._batches = self.data.batches(self._indices(self.step))
        try:
            while self.step < self.steps:
                self._take_step()
                now = time.perf_counter()
                history.seconds = before + now - begin - history.compile_seconds
                if self.checkpoint is not None and (now - saved >= SAVE_EVERY or self.step == self.steps):
                    self._flush()
                    self._check_weights()
                    if ranks.rank() == 0:
                        save_checkpoint(self.checkpoint, self.state_dict())
                    saved = time.perf_counter()
                if bar is not None:
                    bar.update()
                    if "loss" in history.terms:  # on a GPU it is read every few steps
                        bar.set_postfix(loss=f"{history['loss'][-1]:.3f}", refresh=False)
                if ranks.any_of(self.on_step is not None and bool(self.on_step(history))):
                    self.history.stopped = self.step < self.steps
                    break
            self._flush()
            self._check_weights()
        finally:
            self._batches = None  # a stream's workers end with it
            self.method.eval()
            if bar is not None:
                bar.close()
        return self.history

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on: weights, buffers, optimiser, step, history."""
        h = self.history
        return {
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "history": h.record(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`'s value.

        Raises:
            CheckpointError: it comes from other settings or from another net; the method stays as it was.
        """
        if missing := {"method", "optimiser", "step", "history"} - state.keys():
            raise CheckpointError(
                f"the checkpoint lacks {', '.join(sorted(missing))}: it holds something else than a training under "
                "way; use another file"
            )
        for name, came, here in _differences(state["history"]["settings"], self.history.settings):
            raise CheckpointError(
                f"the checkpoint was trained with {name} = {came!r}, this run has {here!r}; "
                "use the same settings to go on, or another file to begin anew"
            )
        before = copy.deepcopy(self.method.state_dict())
        try:
            self.method.load_state_dict(state["method"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError, KeyError) as error:
            self.method.load_state_dict(before)  # torch has loaded what did fit
            raise CheckpointError(f"the checkpoint belongs to another net: {str(error).splitlines()[0]}") from error
        self.step = state["step"]
        self.history = History(**state["history"])

    def _bar(self) -> Any:
        name = type(self.method).__name__
        return tqdm(total=self.steps, initial=self.step, desc=name, unit="step", file=sys.stderr)

    def _take_step(self) -> None:
        settings, progress = self.history.settings, self.step / self.steps
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * warmup_cosine(progress, settings["warmup"])
        assert self._batches is not None
        batch = next(self._batches)
        # Everything random in this step comes from its own seed: a resumed run draws what the first run drew.
        seed = mix(settings["seed"], "step", self.step, *([ranks.rank()] if ranks.rank() else []))
        generator = torch.Generator(self.device).manual_seed(seed)
        # The first step checks, and is never compiled: without the checks the second one would be compiled anew.
        first, compiling = self._taken == 0, self._compiled is not None and self._taken == 1
        forward = self._forward if first or self._compiled is None else self._compiled
        self._taken += 1
        with checking(first):
            views = self.make_views(batch, generator)
            if first:
                check_views_of_recipe(views, self.device)
            views = as_float32(views)
            self.method.before_step(progress)
            began = time.perf_counter()
            with autocast(self.device, settings["precision"]):
                terms = forward(views)
        self._record(terms)
        self.optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()
        if compiling:
            self.history.compile_seconds += time.perf_counter() - began
        self.optimiser.step()
        self.method.after_step(progress)
        self.step += 1

    def _indices(self, step: int) -> Iterator[Tensor]:
        """The rows of this step's batch that are this rank's, and of the steps after it."""
        settings = self.history.settings
        for later in range(step, self.steps):
            index = batch_index(settings["seed"], later, len(self.data), settings["batch_size"])
            yield ranks.own(index)

    def _record(self, terms: dict[str, Tensor]) -> None:
        name = type(self.method).__name__
        if not isinstance(terms, dict) or "loss" not in terms:
            came = sorted(terms) if isinstance(terms, dict) else f"a {type(terms).__name__}"
            raise ValueError(f"{name} returned {came}; expected a dict with 'loss'")
        for term, value in terms.items():
            if isinstance(value, Tensor) and value.numel() != 1:
                raise ValueError(f"{name} returned {term!r} of shape {tuple(value.shape)}; expected one number")
        loss = terms["loss"]
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            raise ValueError(
                f"{name} returned a loss without a gradient; expected a tensor that was computed from the weights, "
                "neither detached nor under no_grad"
            )
        # Every rank judges the same numbers, so that none stops alone.
        self._pending.append({k: ranks.mean(_recorded(k, v)) for k, v in terms.items()})
        if self.device.type == "cpu" or len(self._pending) >= FLUSH_EVERY:
            self._flush()

    def _flush(self) -> None:
        """Move recorded numbers into the history; stop at the first loss that is no number."""
        pending, self._pending = self._pending, []
        for terms in pending:
            step, values = len(self.history), {k: float(v) for k, v in terms.items()}
            self.history.add(values)
            if not math.isfinite(values["loss"]):
                self._restore(f"the loss became {values['loss']} at step {step} of {self.steps}")
        if pending and self.step - self._good[0] >= FLUSH_EVERY:
            self._remember()

    def _remember(self) -> None:
        self._good = self.step, copy.deepcopy(self.method.state_dict())

    def _check_weights(self) -> None:
        """A finite loss may still have had a gradient that is no number."""
        if not all(bool(torch.isfinite(p).all()) for p in self.method.parameters()):
            self._restore(f"weights became NaN or infinite in step {self.step} of {self.steps} or just before it")

    def _restore(self, what: str) -> None:
        self.method.load_state_dict(self._good[1])
        raise Diverged(
            f"{what}. The method holds the weights of step "
            f"{self._good[0]}, the last that are known to be good. Try a smaller lr (now "
            f"{self.history.settings['lr']}), a longer warmup, or look for NaN in the data."
        )


@same_arguments_as(Loop)
def fit(*given: Any, **settings: Any) -> History:
    """Train a method in place, and wait until it is done.

    Args:
        method: what to train; its parameter groups are optimised with AdamW on its "loss".
        data: a container; the whole set lies on the training device and a batch is an index, or it streams.
        make_views: (batch, generator) → views; the batch is the same container with fewer rows, all columns kept.
        steps: how many batches. Batches go through the data in a new order each time, without a remainder.
        batch_size: items a step, of all ranks together; views multiply it.
        lr: the peak learning rate; it rises over the `warmup` share of the steps and falls along a cosine to zero.
        weight_decay: AdamW's, on matrices only.
        warmup: share of the steps, 0 to 1.
        seed: of the order of the data and of the views.
        device: "auto", or a name such as "cpu" or "cuda".
        precision: "auto", "fp32" or "bf16".
        checkpoint: a file to save to every few seconds, and to go on from when it is there: bit for bit on a CPU.
        on_step: called after each step with the history; a true result stops the training.
        progress: a bar on standard error.
        compile: compile the method (torch.compile), which pays where steps are many; it wants a C++ compiler. The
            second step does it: its time stands in `history.compile_seconds`, and not in `history.seconds`.

    Under `torchrun` every rank calls this alike and takes its share of each batch; rank 0 writes, and a stop on one
    rank stops all.

    Returns:
        The history. `method` is trained, in evaluation mode, on the training device.

    Raises:
        TypeError: a setting of another type; views that are no tensors of floats, int64 or bool.
        ValueError: a setting that makes no sense, or too little data for one batch.
        Diverged: the loss became NaN or infinite; the method keeps its last good weights.
        CheckpointError: the checkpoint belongs to other settings, is damaged, or cannot be written.
    """
    return Loop(*given, **settings).run()


def train_share() -> float:
    """The share of its steps that every training of this process takes; 1 unless the environment says otherwise.

    The browser tests set it: they touch each widget of a lesson, and need no training whole. `made_for` knows it, so
    that no claim is made of a shortened run.

    Raises:
        ValueError: $SSLWB_TRAIN_SHARE is no number above 0 and up to 1.
    """
    text = os.environ.get(SHARE) or "1"
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise ValueError(f"${SHARE} is {text!r}; expected a share of the steps above 0 and up to 1, or nothing")
    return share


def warmup_cosine(progress: float, warmup: float) -> float:
    """The learning rate as a share of its peak: up in a line over `warmup`, then down along a cosine to zero."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) if warmup < 1 else 1.0


def batch_index(seed: int, step: int, items: int, batch_size: int) -> Tensor:
    """The rows of a step's batch, int64 (batch_size,): all rows in a new order each time round, without a remainder.

    A pure function of its arguments, so that a resumed run, another number of ranks and a stream see the same batches.
    """
    a_round = items // batch_size
    order = _order(seed, step // a_round, items)
    return order[step % a_round * batch_size :][:batch_size]


@functools.lru_cache(maxsize=4)
def _order(seed: int, time_round: int, items: int) -> Tensor:
    return torch.randperm(items, generator=torch.Generator().manual_seed(mix(seed, "order", time_round)))


def _as_it_is(method: Method) -> dict[str, Any]:
    """How the method was made, with what has been set anew since: its temperature, for one."""
    made: dict[str, Any] = describe(method)
    for name in made.keys() & vars(method).keys() - {"make"}:
        if isinstance(value := plain(vars(method)[name]), bool | int | float | str):
            made[name] = value
    return made


def _differences(came: Any, here: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two settings differ: the name of the argument, and both values. First weights are no difference."""
    if isinstance(came, dict) and isinstance(here, dict) and came.get("make") == here.get("make"):
        for key in dict.fromkeys((*here, *came)):
            if not (name and key == "seed"):
                yield from _differences(came.get(key), here.get(key), f"{name}.{key}" if name else key)
    elif isinstance(came, list) and isinstance(here, list) and [*map(type, came)] == [*map(type, here)] != []:
        nested = any(isinstance(part, dict | list) for part in came)
        for i, (one, other) in enumerate(zip(came, here, strict=True) if nested else ()):
            yield from _differences(one, other, f"{name}[{i}]")
        if not nested and came != here:
            yield name, came, here
    elif came != here:
        yield name, _short(came), _short(here)


def _short(description: Any) -> Any:
    return (
        description["make"].rpartition(".")[2]
        if isinstance(description, dict) and "make" in description
        else description
    )


def _over_ranks(method: Method) -> nn.Module:
    """The method, or torch's DDP around it, which takes the mean of the gradients. Buffers, such as a queue, stay."""
    if ranks.count() == 1:
        return method
    devices = [torch.cuda.current_device()] if next(method.parameters()).is_cuda else None
    return DistributedDataParallel(method, devices, broadcast_buffers=False, find_unused_parameters=True)


def mix(seed: int, *parts: object) -> int:
    """A generator's seed for one purpose and place: a hash, so that neighbouring seeds share nothing."""
    text = "/".join(map(str, (seed, *parts))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big")


def estimate(
    method: Method, data: Items, make_views: MakeViews, stop: Callable[[], bool] = lambda: False, **settings: Any
) -> float | None:
    """Seconds that `fit` with these settings will take here: a copy takes four steps, the last two are timed.

    None when `stop` became true before that.
    """
    stamps: list[float] = []

    def stamp(history: History) -> bool:
        stamps.append(history.seconds)
        return len(stamps) == 4 or stop()

    own = {"steps": max(4, settings["steps"]), "checkpoint": None, "on_step": stamp, "progress": False}
    Loop(copy.deepcopy(method), data, make_views, **{**settings, **own}).run()
    return (stamps[-1] - stamps[1]) / 2 * settings["steps"] if len(stamps) == 4 else None


def _recorded(name: str, term: Any) -> Tensor:
    return term.detach() if isinstance(term, Tensor) else torch.tensor(number(name, term), dtype=torch.float64)


def _own_numbers(value: Any) -> Any:
    """Settings of a parameter group as Python's own numbers, which is all that a checkpoint may hold."""
    return tuple(map(plain, value)) if isinstance(value, tuple) else plain(value)


def _check_inputs(method: Method, data: Items, make_views: MakeViews, checkpoint: Any, on_step: Any) -> None:
    if not isinstance(method, Method):
        raise TypeError(f"method is a {type(method).__name__}; expected a sslwb Method such as SimCLR(encoder)")
    if not isinstance(data, Items):
        raise TypeError(f"data is a {type(data).__name__}; expected a container: load(…), or Images(x) of a tensor")
    check_recipe("make_views", make_views)
    if not isinstance(checkpoint, str | os.PathLike | None):
        raise TypeError(f"checkpoint is a {type(checkpoint).__name__}; expected the path of a file, or None")
    if on_step is not None and not callable(on_step):
        raise TypeError(f"on_step is a {type(on_step).__name__}; expected a function of the history, or None")
    if any(p.is_inference() for p in method.parameters()):
        raise ValueError("method has weights that were made inside torch.inference_mode(); expected it made outside")


def _check_settings(data: Items, steps: int, batch_size: int, lr: float, weight_decay: float, warmup: float) -> None:
    for name, came, right, expected in (
        ("steps", steps, steps >= 1, "1 or more"),
        (
            "batch_size",
            batch_size,
            batch_size >= 2,
            f"2 or more: one {data.item} alone has nothing to be compared with",
        ),
        ("lr", lr, 0 < lr < math.inf, "a number above 0, such as 3e-3"),
        ("weight_decay", weight_decay, 0 <= weight_decay < math.inf, "0 or more"),
        ("warmup", warmup, 0 <= warmup <= 1, "a share of the steps from 0 to 1"),
    ):
        if not right:
            raise ValueError(f"{name} is {came}; expected {expected}")
    if len(data) < batch_size:
        raise ValueError(
            f"batch_size is {batch_size} but data holds {len(data)} item(s); "
            f"expected a batch no larger than the data: lower batch_size or load more"
        )
    if batch_size % ranks.count():
        raise ValueError(f"batch_size is {batch_size}; expected a multiple of {ranks.count()}, the number of ranks")
