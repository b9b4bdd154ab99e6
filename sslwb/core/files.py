"""Files: a path as a person writes it, and a file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

ABANDONED = 3600  # seconds after which an unfinished file is taken for one of a process that was killed


def place(path: str | os.PathLike[str]) -> Path:
    """A path as a person writes it → an absolute one: `~` is the home folder, and the rest begins where we stand now.

    Absolute, so that it means the same file after the process has gone to another folder.

    Raises:
        ValueError: `~` where this machine knows no home folder.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(
            f"the path {str(path)!r} begins with a home folder that this machine does not know ({error}); expected a "
            "path without ~"
        ) from error


def printable(name: str | os.PathLike[str]) -> str:
    r"""A file's name as text that can be printed, drawn and stored: bytes that are no UTF-8 are written as \xe9."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write beside `path`, which takes its place in the end; after an error it is gone, and `path` as it was.

    The folder is made where it is missing. After a crash `path` is the old file or the new one.

    Raises:
        OSError: the disk is full, or the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        with contextlib.suppress(OSError):  # gone already, if all went well
            unfinished.unlink()
        with contextlib.suppress(OSError):
            for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
                if time.time() - left.stat().st_mtime > ABANDONED:
                    left.unlink()
