"""The run store: a trained method is kept, and found again, by its code, settings, data and seed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import torch

from sslwb.core import MakeViews, plain, same_arguments_as
from sslwb.data import Items
from sslwb.data.store import cache_folder, not_kept
from sslwb.methods.base import Method
from sslwb.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from sslwb.train.fingerprint import NotIdentified, fingerprint_of
from sslwb.train.loop import History, fit, train_share

APART = {"progress", "on_step", "checkpoint", "compile"}  # settings that change no weight


@same_arguments_as(fit)
def trained(method: Method, data: Items, make_views: MakeViews, **settings: Any) -> History:
    """Train `method`, or take the weights of an earlier training that was the same in everything; see `fit`.

    So a later lesson opens with the learner's own encoder, and trains it when there is none. A kept run that cannot be
    read is trained anew. A run is not kept where something in it cannot be told from others: an open file, a generator.
    """
    path = run_path(method, data, make_views, **settings)
    if path is not None and os.path.exists(path):
        try:
            state = load_checkpoint(path)
            method.load_state_dict(state["method"])
            method.eval()
            return History(**state["history"])
        except (CheckpointError, RuntimeError, KeyError, TypeError):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
    history = fit(method, data, make_views, **settings)
    if path is not None:
        keep(path, method, history)
    return history


def keep(path: Path, method: Method, history: History) -> None:
    """Keep a trained method under `run_path`'s name; an unfinished run is not kept. Where that fails it warns."""
    if not history.stopped:
        try:
            save_checkpoint(path, {"method": method.state_dict(), "history": history.record()})
        except CheckpointError as error:
            not_kept(f"this training of {type(method).__name__}", error.__cause__ or error)


def run_path(method: Method, data: Items, make_views: MakeViews, **settings: Any) -> Path | None:
    """Where the run of this method, as it is now (before training), on this data with these settings is kept.

    The name is a hash of all that decides the outcome: the package's sources, torch's version, the settings, and what
    method, recipe and data are made of, the code of those that are a learner's own too. None: it cannot be said.
    """
    chosen = sorted((name, plain(value)) for name, value in settings.items() if name not in APART)
    try:
        key = fingerprint_of((torch.__version__, train_share(), chosen, method, make_views, data))
    except NotIdentified:
        return None
    return cache_folder() / "runs" / f"{type(method).__name__}-{key}.pt"
