"""The run store: a trained method is kept, and found again, by its code, settings, data and seed."""

from __future__ import annotations

import functools
import hashlib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sslwb.core import MakeViews, describe
from sslwb.data import Items
from sslwb.data.store import cache_folder
from sslwb.methods.base import Method
from sslwb.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from sslwb.train.loop import History, fit, train_share

PACKAGE = Path(__file__).parents[1]
APART = {"progress", "on_step", "checkpoint", "compile"}  # settings that change no weight


def trained(method: Method, data: Items, make_views: MakeViews, **settings: Any) -> History:
    """Train `method`, or take the weights of an earlier training that was the same in everything; see `fit`.

    So a later lesson opens with the learner's own encoder, and trains it when there is none. A kept run that cannot be
    read is trained anew.
    """
    path = run_path(method, data, make_views, **settings)
    if path.exists():
        try:
            state = load_checkpoint(path)
            method.load_state_dict(state["method"])
            method.eval()
            return History(**state["history"])
        except (CheckpointError, RuntimeError, KeyError, TypeError):
            path.unlink(missing_ok=True)
    history = fit(method, data, make_views, **settings)
    keep(path, method, history)
    return history


def keep(path: Path, method: Method, history: History) -> None:
    """Keep a trained method under `run_path`'s name; an unfinished run is not kept."""
    if not history.stopped:
        save_checkpoint(path, {"method": method.state_dict(), "history": history.record()})


def run_path(method: Method, data: Items, make_views: MakeViews, **settings: Any) -> Path:
    """Where the run of this method, as it is now (before training), on this data with these settings is kept.

    The name is a hash of all that decides the outcome: the package's sources, torch's version, the settings, how
    method and recipe were made, the code of those that are a learner's own, the net's structure and weights, the data.
    """
    digest = hashlib.sha256()
    for part in (
        sources(),
        torch.__version__,
        train_share(),
        *sorted((k, repr(v)) for k, v in settings.items() if k not in APART),
        describe(method),
        describe(make_views),
        *_own_code(make_views),
        *_structure(method),
    ):
        digest.update(repr(part).encode() + b"\n")
    for name, tensor in method.state_dict().items():
        _add(digest, name, tensor)
    _add(digest, "data", data)
    return cache_folder() / "runs" / f"{type(method).__name__}-{digest.hexdigest()[:20]}.pt"


@functools.cache
def sources() -> str:
    """A hash of every source file of the package: after an edit, anywhere in it, no old run is served."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _structure(method: nn.Module) -> Iterator[Any]:
    """Every module's class and plain attributes: two nets may have equal weights and compute different things."""
    for name, module in method.named_modules():
        plain = {k: v for k, v in vars(module).items() if isinstance(v, bool | int | float | str | tuple)}
        yield name, type(module).__qualname__, sorted((k, repr(v)) for k, v in plain.items() if k != "training")
        yield from _own_code(type(module))


def _own_code(thing: Any) -> Iterator[Any]:
    """The compiled code of a function, or of a class and its parents, that is neither ours nor torch's."""
    if isinstance(thing, types.MethodType):
        yield from _own_code(thing.__func__)
    elif isinstance(thing, types.FunctionType):
        yield from _code(thing.__code__)
        yield repr(thing.__defaults__), repr(thing.__kwdefaults__)
        for cell in thing.__closure__ or ():
            yield describe(cell.cell_contents)
    elif isinstance(thing, functools.partial):
        yield from _own_code(thing.func)
    elif isinstance(thing, type):
        for parent in thing.__mro__:
            if parent.__module__.partition(".")[0] not in ("builtins", "torch", "sslwb", "typing", "abc"):
                for _, part in sorted(vars(parent).items()):
                    yield from _own_code(getattr(part, "__wrapped__", part)) if callable(part) else ()
    elif not (type(thing).__module__ or "").startswith(("sslwb.", "torch.", "builtins")):
        yield from _own_code(type(thing))


def _code(code: types.CodeType) -> Iterator[Any]:
    yield code.co_code, code.co_names, code.co_varnames
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code(constant)
        else:
            yield repr(constant)


def _add(digest: Any, name: str, value: Any) -> None:
    """Add a tensor, or every column of a container, to the hash."""
    if isinstance(value, Tensor):
        bits = value.detach().cpu().contiguous()
        digest.update(f"{name} {bits.dtype} {tuple(bits.shape)}\n".encode())
        digest.update(bits.flatten().view(torch.uint8).numpy().tobytes())
    elif isinstance(value, dict):
        for key, part in value.items():
            _add(digest, f"{name}.{key}", part)
    elif isinstance(value, Items):
        for column, part in vars(value).items():
            _add(digest, f"{name}.{column}", part)
    elif isinstance(value, bool | int | float | str | tuple | Path):
        digest.update(f"{name} {value!r}\n".encode())
