"""Checkpoints: written whole or not at all, checked when read, and unable to run anything."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import io
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import torch

MAGIC = b"sslwb checkpoint 1\n"


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be written or read; the message says which and what to do."""


def save_checkpoint(path: str | Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors and plain values) to `path`, atomically: after a crash it is the old file or the new.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written; an older file stays as it was.
    """
    path = Path(path)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as f:
            f.write(MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n")
            f.write(payload)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    except OSError as error:
        folder = next(p for p in [path.parent, *path.parent.parents] if p.exists())
        raise CheckpointError(
            f"checkpoint {path} ({len(payload) / 1e6:.1f} MB) could not be written: {error}. "
            f"{shutil.disk_usage(folder).free / 1e6:.0f} MB are free there; make room or choose another folder. "
            "An earlier checkpoint of that name is unharmed, and so is the model in memory."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # gone already, if all went well
            temporary.unlink()
        with contextlib.suppress(OSError):
            for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):  # by a process that was killed
                if time.time() - left.stat().st_mtime > 3600:
                    left.unlink()


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; tensors come back on the CPU.

    Only tensors and plain values are read (`weights_only=True`), so a file from a stranger can run nothing.

    Raises:
        CheckpointError: no such file, not a checkpoint of sslwb, truncated, altered, or with anything but plain values.
    """
    path = Path(path)
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
