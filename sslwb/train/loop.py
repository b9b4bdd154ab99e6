"""The training loop, the only one. It knows `Method`, views and devices, and nothing of any paper."""

from __future__ import annotations

import copy
import hashlib
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from sslwb.data import Items
from sslwb.methods.base import Method, Views
from sslwb.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from sslwb.train.device import autocast, keep_freed_memory, resolve_device, resolve_precision, use_granted_cores

MakeViews = Callable[[Tensor, torch.Generator], Views]
SAVE_EVERY = 5.0  # seconds between two checkpoints: a crash costs no more than that
FLUSH_EVERY = 25  # steps between two reads of the recorded numbers on a GPU: each read makes it wait
SHARE = "SSLWB_TRAIN_SHARE"  # the environment's word for a process that looks at widgets, not at results


class Diverged(RuntimeError):
    """The loss is no longer a number; the method holds the last weights with which it was."""


@dataclass
class History:
    """What happened: every recorded term at every step, the seconds it took, and the settings it ran with.

    `history["loss"]` is the list of losses, one a step.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: bool = False

    def __getitem__(self, term: str) -> list[float]:
        if term not in self.terms:
            raise KeyError(f"no term {term!r} was recorded; expected one of {', '.join(self.terms) or 'none yet'}")
        return self.terms[term]

    def __len__(self) -> int:
        """Steps done."""
        return len(next(iter(self.terms.values()), []))


def fit(
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
) -> History:
    """Train a method in place, and wait until it is done.

    Args:
        method: what to train; its parameter groups are optimised with AdamW on its "loss".
        data: pictures or texts; the whole set lies on the training device, a batch is an index.
        make_views: (uint8 batch (B, C, H, W), or texts int64 (B, L), generator) → views.
        steps: how many batches. Batches go through the data in a new order each time, without a remainder.
        batch_size: pictures or texts a step; views multiply it.
        lr: the peak learning rate; it rises over the `warmup` share of the steps and falls along a cosine to zero.
        weight_decay: AdamW's, on matrices only.
        warmup: share of the steps, 0 to 1.
        seed: of the order of the data and of the views.
        device: "auto", or a name such as "cpu" or "cuda".
        precision: "auto", "fp32" or "bf16".
        checkpoint: a file to save to every few seconds, and to go on from when it is there: bit for bit on a CPU.
        on_step: called after each step with the history; a true result stops the training.
        progress: a bar on standard error.

    Returns:
        The history. `method` is trained, in evaluation mode, on the training device.

    Raises:
        ValueError: a setting that makes no sense, or too little data for one batch.
        Diverged: the loss became NaN or infinite; the method keeps its last good weights.
        CheckpointError: the checkpoint belongs to other settings, is damaged, or cannot be written.
    """
    loop = Loop(
        method,
        data,
        make_views,
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        weight_decay=weight_decay,
        warmup=warmup,
        seed=seed,
        device=device,
        precision=precision,
        checkpoint=checkpoint,
    )
    if not progress:
        return loop.run(on_step)
    with tqdm(total=steps, initial=loop.step, desc=type(method).__name__, unit="step", file=sys.stderr) as bar:

        def shown(history: History) -> object:
            bar.update()
            bar.set_postfix(loss=f"{history['loss'][-1]:.3f}", refresh=False)
            return on_step(history) if on_step else None

        return loop.run(shown)


class Loop:
    """One training and where it stands; `run` may be called again after a stop, and goes on from there."""

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
    ) -> None:
        _check_settings(method, data, steps, batch_size, lr, weight_decay, warmup)
        steps = max(1, round(steps * train_share()))
        use_granted_cores()
        keep_freed_memory()
        self.device = resolve_device(device)
        precision = resolve_precision(precision, self.device)
        self.method, self.data, self.make_views = method.to(self.device), data.to(self.device), make_views
        self.steps, self.step, self.checkpoint = steps, 0, None if checkpoint is None else Path(checkpoint)
        self.history = History(
            {
                "method": type(method).__name__,
                **method.settings(),
                # a function prints its address, which is another one in every process
                "views": getattr(make_views, "__qualname__", repr(make_views)),
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
        groups = [{**g, "peak": g.get("lr", lr)} for g in method.param_groups() if g["params"]]
        self.optimiser = torch.optim.AdamW(
            groups, lr=lr, weight_decay=weight_decay, betas=(0.9, 0.95), fused=self.device.type != "mps"
        )
        self._order: tuple[int, Tensor] | None = None
        self._pending: list[dict[str, Tensor]] = []
        self._good: tuple[int, dict[str, Tensor]] = (0, {})
        if self.checkpoint is not None and self.checkpoint.exists():
            self.load_state_dict(load_checkpoint(self.checkpoint))

    def run(self, on_step: Callable[[History], object] | None = None) -> History:
        """Take the steps that are left; see `fit`."""
        self.history.stopped = False
        self.method.train()
        before, begin = self.history.seconds, time.perf_counter()
        saved = begin
        self._remember()
        try:
            while self.step < self.steps:
                self._take_step()
                now = time.perf_counter()
                self.history.seconds = before + now - begin
                if self.checkpoint is not None and (now - saved >= SAVE_EVERY or self.step == self.steps):
                    self._flush()
                    self._check_weights()
                    save_checkpoint(self.checkpoint, self.state_dict())
                    saved = time.perf_counter()
                if on_step is not None and on_step(self.history):
                    self.history.stopped = self.step < self.steps
                    break
            self._flush()
            self._check_weights()
        finally:
            self.method.eval()
        return self.history

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on: weights, buffers, optimiser, step, history."""
        h = self.history
        return {
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "history": {"settings": h.settings, "terms": h.terms, "seconds": h.seconds},
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
        came, here = state["history"]["settings"], self.history.settings
        for name in here:
            if came.get(name) != here[name]:
                raise CheckpointError(
                    f"the checkpoint was trained with {name} = {came.get(name)!r}, this run has {here[name]!r}; "
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

    def _take_step(self) -> None:
        settings, progress = self.history.settings, self.step / self.steps
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * warmup_cosine(progress, settings["warmup"])
        index = self._batch_index()
        # Everything random in this step comes from its own seed: a resumed run draws what the first run drew.
        generator = torch.Generator(self.device).manual_seed(mix(settings["seed"], "step", self.step))
        views = self.make_views(self.data.x[index], generator)
        if self.method.labelled:
            views = [*views, self.data.labels[index]]
        self.method.before_step(progress)
        with autocast(self.device, settings["precision"]):
            terms = self.method(views)
        self._record(terms)
        self.optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()
        self.optimiser.step()
        self.method.after_step(progress)
        self.step += 1

    def _batch_index(self) -> Tensor:
        """(batch_size,) indices; each round through the data has its own order, known from the seed and the round."""
        size = self.history.settings["batch_size"]
        per_round = len(self.data) // size
        epoch, batch = divmod(self.step, per_round)
        if self._order is None or self._order[0] != epoch:
            g = torch.Generator().manual_seed(mix(self.history.settings["seed"], "order", epoch))
            self._order = epoch, torch.randperm(len(self.data), generator=g).to(self.device)
        return self._order[1][batch * size : (batch + 1) * size]

    def _record(self, terms: dict[str, Tensor]) -> None:
        if "loss" not in terms:
            raise ValueError(f"{type(self.method).__name__} returned {sorted(terms)}; expected a dict with 'loss'")
        self._pending.append({k: v.detach() for k, v in terms.items()})
        if self.device.type == "cpu" or len(self._pending) >= FLUSH_EVERY:
            self._flush()

    def _flush(self) -> None:
        """Move recorded numbers into the history; stop at the first loss that is no number."""
        pending, self._pending = self._pending, []
        for terms in pending:
            step, values = len(self.history), {k: float(v) for k, v in terms.items()}
            for name, value in values.items():
                self.history.terms.setdefault(name, []).append(value)
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


def mix(seed: int, *parts: object) -> int:
    """A generator's seed for one purpose and place: a hash, so that neighbouring seeds share nothing."""
    text = "/".join(map(str, (seed, *parts))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big")


def estimate(
    method: Method, data: Items, make_views: MakeViews, stop: Callable[[], bool] = lambda: False, **settings: Any
) -> float | None:
    """Seconds that `fit` with these settings will take here: a copy of the method takes four steps, three are timed.

    None when `stop` became true before that.
    """
    timed = {**settings, "steps": max(4, settings["steps"]), "checkpoint": None}
    loop = Loop(copy.deepcopy(method), data, make_views, **timed)
    stamps: list[float] = []

    def stamp(history: History) -> bool:
        stamps.append(history.seconds)
        return len(stamps) == 4 or stop()

    loop.run(stamp)
    return (stamps[-1] - stamps[0]) / 3 * settings["steps"] if len(stamps) == 4 else None


def _check_settings(
    method: Method, data: Items, steps: int, batch_size: int, lr: float, weight_decay: float, warmup: float
) -> None:
    if not isinstance(method, Method):
        raise TypeError(f"method is a {type(method).__name__}; expected a sslwb Method such as SimCLR(encoder)")
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
    if method.labelled:
        _ = data.labels
