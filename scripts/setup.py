#!/usr/bin/env python3
"""Makes .venv: the versions of requirements.lock and this checkout, editable, by uv or else by pip.

    python scripts/setup.py

`make` calls it; where there is no make, call it yourself. It needs nothing but a Python to run it, and runs on an old
one too (3.8), to say what is missing. After an interruption it begins with a new .venv, for a package that is there by
half may look like a whole one; what was downloaded lies in the installer's cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(".venv")  # all paths are relative to ROOT, where every command runs: the messages stay short
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = str(BIN / "python")
READY, UNFINISHED = VENV / "sslwb-ready", VENV / "sslwb-unfinished"
OLDEST, TOO_NEW = (3, 11), (3, 15)
NAMES = ("python3.13", "python3.12", "python3.11", "python3.14", "python3", "python")


def say(message: str) -> None:
    print(f"set-up: {message}", flush=True)


def version(python: str) -> tuple[int, ...] | None:
    """The version of a Python, or None where it does not start."""
    try:
        shown = subprocess.run(
            [python, "-c", "import sys; print(*sys.version_info[:2])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return tuple(map(int, shown.stdout.split()))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def works(*command: str, **settings: str) -> bool:
    """Whether a command succeeds; what it prints is not shown. `settings` are added to its environment."""
    try:
        run = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **settings}
        )
    except OSError:
        return False
    return run.returncode == 0


def make_venv(uv: str | None) -> None:
    """Make .venv, unless there is one that starts and was not left half done.

    Raises:
        SystemExit: no Python is new enough, or it cannot make an environment; the message says what to do.
        CalledProcessError: uv cannot make one; it has said why.
    """
    if os.path.lexists(VENV):  # also a link that leads nowhere
        if UNFINISHED.exists():
            say(f"an earlier set-up was interrupted; making {VENV} anew")
        elif (version(PYTHON) or (0,)) < OLDEST:
            say(f"{VENV} does not start or has a Python older than 3.11; making it anew")
        else:
            return
        remove_venv()
    try:
        if uv:
            subprocess.run([uv, "venv", "--quiet", "--python", ">=3.11,<3.15", str(VENV)], check=True)
        else:
            python = python_for_venv()
            if subprocess.run([python, "-m", "venv", str(VENV)]).returncode:
                say(f"{python} cannot make an environment. On Debian and Ubuntu: apt-get install python3-venv")
                raise SystemExit(1)
    except BaseException:  # an interruption as well
        remove_venv()
        raise


def python_for_venv() -> str:
    """The Python that runs this file when it will do, for `python3.12 scripts/setup.py` means 3.12; else one on PATH.

    Raises:
        SystemExit: there is none.
    """
    for python in (sys.executable, *NAMES):
        if OLDEST <= (version(python) or (0,)) < TOO_NEW:
            return python
    raise SystemExit("set-up: no Python from 3.11 to 3.14 found. Install one, or install uv, which brings its own.")


def remove_venv() -> None:
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)


def uv_of_venv() -> list[str] | None:
    """The command of the uv inside .venv, installed there when it is not; None where it cannot be had."""
    uv = [PYTHON, "-m", "uv"]
    if works(*uv, "--version"):
        return uv
    got = works(PYTHON, "-m", "ensurepip") and works(PYTHON, "-m", "pip", "install", "--quiet", "uv")
    return uv if got else None


def install(uv: list[str] | None) -> None:
    """Install the lock and this checkout.

    Raises:
        CalledProcessError: the installer failed; it has said why.
    """
    if uv is None:
        say("uv cannot be had; installing with pip, which is slower and takes the ordinary torch build")
        pip = [PYTHON, "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "-r", "requirements.lock", "-e", "."], check=True)
        return
    # torch for this machine (CPU, CUDA or ROCm) comes from torch's own index, when that answers.
    # torch and torchvision must come from the same place: one asks for both, then installs both.
    pip = [*uv, "pip", "install", "--quiet", "--python", PYTHON]
    backend = ["--torch-backend=auto"]
    lock = Path("requirements.lock").read_text(encoding="utf-8").splitlines()
    torch = [line for line in lock if line.startswith(("torch==", "torchvision=="))]
    patience = {"UV_HTTP_TIMEOUT": "15", "UV_HTTP_CONNECT_TIMEOUT": "5", "UV_HTTP_RETRIES": "0"}
    if not works(*pip, "--dry-run", "--no-deps", "--reinstall", *backend, *torch, **patience):
        say("torch's own package index does not answer; taking the ordinary build (on Linux 4 GB larger)")
        backend = []
    say("installing with uv")
    subprocess.run([*pip, *backend, "-r", "requirements.lock", "-e", "."], check=True)


def main() -> None:
    os.chdir(ROOT)
    again = f"then give the same command again; where that does not help, remove {VENV} first"
    uv = shutil.which("uv")
    try:
        make_venv(uv)
        UNFINISHED.touch()
        READY.unlink(missing_ok=True)
        install([uv] if uv else uv_of_venv())
        UNFINISHED.replace(READY)
    except subprocess.CalledProcessError as error:  # the installer ended in order: what is there may still be good
        UNFINISHED.unlink(missing_ok=True)
        say(f"this failed, and said why above: {' '.join(error.cmd)}")
        raise SystemExit(f"set-up: put right what it names (the network, room on the disk), {again}") from None
    except PermissionError as error:
        say(str(error))
        raise SystemExit(f"set-up: close what uses {VENV} (JupyterLab, a kernel, an editor), {again}") from None
    except KeyboardInterrupt:
        raise SystemExit("\nset-up: interrupted; the same command begins anew, with what was downloaded") from None
    say(f"ready; {BIN / 'sslwb'} lab opens the course")


if __name__ == "__main__":
    main()
