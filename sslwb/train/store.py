"""The run store: a trained method is kept, and found again, by its code, settings, data and seed."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any

import torch

from sslwb import __version__
from sslwb.data import Items
from sslwb.data.store import cache_folder
from sslwb.methods.base import Method
from sslwb.train import loop
from sslwb.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from sslwb.train.loop import History, MakeViews, fit


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
        except (CheckpointError, RuntimeError, KeyError):
            path.unlink(missing_ok=True)
    history = fit(method, data, make_views, **settings)
    keep(path, method, history)
    return history


def keep(path: Path, method: Method, history: History) -> None:
    """Keep a trained method under `run_path`'s name; an unfinished run is not kept."""
    if not history.stopped:
        record = {"settings": history.settings, "terms": history.terms, "seconds": history.seconds}
        save_checkpoint(path, {"method": method.state_dict(), "history": record})


def run_path(method: Method, data: Items, make_views: MakeViews, **settings: Any) -> Path:
    """Where the run of this method, as it is now (before training), on this data with these settings is kept."""
    digest = hashlib.sha256()
    for part in (
        __version__,
        torch.__version__,
        loop.train_share(),
        sorted((k, repr(v)) for k, v in settings.items()),
        repr(make_views),
    ):
        digest.update(repr(part).encode())
    for module in {inspect.getmodule(type(method)), inspect.getmodule(type(method.encoder)), loop}:
        digest.update(inspect.getsource(module).encode() if module else b"")
    digest.update(repr(method.settings()).encode())
    for name, tensor in method.state_dict().items():
        digest.update(name.encode() + tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    digest.update(data.x.cpu().numpy().tobytes() + (b"" if data.y is None else data.y.cpu().numpy().tobytes()))
    return cache_folder() / "runs" / f"{type(method).__name__}-{digest.hexdigest()[:20]}.pt"
