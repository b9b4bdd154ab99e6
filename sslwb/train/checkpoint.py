"""Checkpoints: written whole or not at all, checked when read, and unable to run anything."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from sslwb.core import place, written_whole

PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Size, torch.dtype, torch.device)
MAGIC = b"sslwb checkpoint 1\n"


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be written or read; the message says which and what to do."""


def save_checkpoint(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write `state` (tensors and plain values) to `path`, atomically: after a crash it is the old file or the new.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written, or the state holds what could not be read
            again; an older file stays as it was.
    """
    path = place(path)
    for where, thing in _foreign(state):
        raise CheckpointError(
            f"the state holds {thing!r:.80}, a {type(thing).__name__}, at {where}; expected tensors and Python's own "
            "numbers and words, for nothing else is ever read from a checkpoint: nothing was written"
        )
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()
    try:
        with written_whole(path) as file:
            file.write(MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n")
            file.write(payload)
    except OSError as error:
        folder = next(p for p in path.parents if os.path.exists(p))
        raise CheckpointError(
            f"checkpoint {path} ({len(payload) / 1e6:.1f} MB) could not be written: {error}. "
            f"{shutil.disk_usage(folder).free / 1e6:.0f} MB are free there; make room or choose another folder. "
            "An earlier checkpoint of that name is unharmed, and so is the model in memory."
        ) from error


def _foreign(thing: Any, where: str = "state") -> Iterator[tuple[str, Any]]:
    """What `load_checkpoint` would refuse, and where it stands."""
    if isinstance(thing, dict):
        for key, part in thing.items():
            yield from _foreign(key, where)
            yield from _foreign(part, f"{where}[{key!r}]")
    elif isinstance(thing, list | tuple):
        for i, part in enumerate(thing):
            yield from _foreign(part, f"{where}[{i}]")
    elif not isinstance(thing, Tensor) and type(thing) not in PLAIN:
        yield where, thing


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; tensors come back on the CPU.

    Only tensors and plain values are read (`weights_only=True`), so a file from a stranger can run nothing.

    Raises:
        CheckpointError: no such file, not a checkpoint of sslwb, truncated, altered, or with anything but plain values.
    """
    path = place(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} could not be read: {error}") from error
    if not content.startswith(MAGIC):
        raise CheckpointError(f"{path} is not a checkpoint of sslwb: it does not begin with {MAGIC.decode().strip()!r}")
    start = len(MAGIC) + 65
    digest, payload = content[len(MAGIC) : start - 1].decode("ascii", "replace"), content[start:]
    if hashlib.sha256(payload).hexdigest() != digest:
        raise CheckpointError(f"checkpoint {path} is damaged (its sha256 does not fit); delete it to train anew")
    try:
        state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        return state
    except Exception as error:  # torch and pickle have many words for it
        raise CheckpointError(
            f"checkpoint {path} holds more than tensors and plain values; it was not loaded"
        ) from error
