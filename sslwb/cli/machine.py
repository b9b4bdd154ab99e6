"""Is this machine ready for the course? Every finding says what was seen and, where something is amiss, what to do."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

GB = 1e9
PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))  # for which the lock has wheels
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Finding:
    """One line of the report: ✓ good, ! works with a limit, ✗ must be mended; what was seen; what to do."""

    mark: str
    seen: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.mark} {self.seen}" + (f"\n    → {self.advice}" if self.advice else "")


def examine() -> list[Finding]:
    """Check Python, torch and its driver, cores, memory, disk, Jupyter, the browser and the data at hand."""
    findings: list[Finding] = []
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        *(_python, _torch, _driver, _cores, _memory, _jupyter, _browser, _data),
    )
    for check in checks:
        try:
            findings.extend(check())
        except Exception as error:  # a check that breaks is itself a finding; the others still run
            findings.append(Finding("✗", f"{check.__name__[1:]}: {type(error).__name__}: {error}"))
    return findings


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] in PYTHONS:
        yield Finding("✓", f"Python {found} in {sys.prefix}")
    else:
        yield Finding("!", f"Python {found}, with which the course was not tried", "prefer Python 3.11 to 3.14")


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:
        yield Finding("✗", f"torch cannot be imported: {error}", "remove .venv, then python scripts/setup.py")
        return
    yield Finding("✓", f"torch {torch.__version__}")
    try:
        torchvision = importlib.import_module("torchvision")
        importlib.import_module("torchvision.ops").nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except (
        Exception
    ) as error:  # a CPU torch beside a CUDA torchvision fails here: operator torchvision::nms does not exist
        yield Finding(
            "✗",
            f"torchvision does not go with this torch: {error}",
            "install both from one place: remove .venv, then python scripts/setup.py",
        )
        return
    yield Finding("✓", f"torchvision {torchvision.__version__} goes with it")


def _driver() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding("✓", f"GPU: {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}")
        return
    driver = _driver_version()
    if driver is None:
        mps = torch.backends.mps.is_available()
        yield Finding("✓", "GPU: Apple's, through mps" if mps else "no NVIDIA GPU; every lesson is made for the CPU")
    elif torch.version.cuda is None:
        yield Finding(
            "!",
            f"a GPU (driver {driver}), but torch was built without CUDA",
            "remove .venv, then python scripts/setup.py",
        )
    else:
        yield Finding(
            "!",
            f"a GPU, but driver {driver} does not serve torch's CUDA {torch.version.cuda}: training runs on the CPU",
            "update the driver, or reinstall: uv pip install --torch-backend=auto --reinstall torch torchvision",
        )


def _driver_version() -> str | None:
    """The NVIDIA driver's version, None where there is no driver or no GPU."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    query = [command, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        run = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "that does not answer"
    return run.stdout.split()[0] if run.returncode == 0 and run.stdout.strip() else None


def _cores() -> Iterator[Finding]:
    from sslwb.train import granted_cores

    cores = granted_cores()
    if cores >= 2:
        yield Finding("✓", f"{cores} cores granted")
    else:
        yield Finding("!", "1 core granted; lessons are timed for 2", "expect up to twice the stated times")


def memory_granted(root: Path = Path("/")) -> float:
    """Bytes of memory that this process may use: the machine's, or the control group's limit where that is less.

    `root` is the root of the file system, for tests.
    """
    limits = []
    for name in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        file = root / name
        if file.is_file() and (text := file.read_text().strip()).isdigit():  # "max" means none
            limits.append(float(text))
    meminfo = root / "proc/meminfo"
    if meminfo.is_file():
        limits.append(1024.0 * int(meminfo.read_text().split()[1]))  # MemTotal: N kB
    else:
        import psutil

        limits.append(float(psutil.virtual_memory().total))
    return min(limits)


def _memory() -> Iterator[Finding]:
    total = memory_granted()
    if total >= 4 * GB:
        yield Finding("✓", f"{total / GB:.1f} GB of memory granted")
    elif total >= 2 * GB:
        yield Finding(
            "!", f"{total / GB:.1f} GB of memory granted; a lesson takes up to 2", "open one lesson at a time"
        )
    else:
        yield Finding("✗", f"{total / GB:.1f} GB of memory granted; a lesson takes up to 2", "ask for a larger machine")


def _jupyter() -> Iterator[Finding]:
    found = {}
    for package in ("jupyterlab", "ipykernel", "ipywidgets", "anywidget", "jupyter-scatter"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            yield Finding(
                "!", f"{package} is not installed; sslwb trains, but the lessons do not open", "python scripts/setup.py"
            )
    if tuple(int(part) for part in found.get("ipykernel", "9.9").split(".")[:2]) < (6, 17):
        yield Finding(
            "!",
            f"ipykernel {found['ipykernel']} is older than any that was tried; Stop may not reach a running cell",
            "install ipykernel 6.17.1 or newer",
        )
    if found:
        yield Finding("✓", ", ".join(f"{package} {number}" for package, number in found.items()))


def _browser() -> Iterator[Finding]:
    name = next(filter(shutil.which, BROWSERS), None)
    if name:
        yield Finding("✓", f"{name} for the browser tests")
    else:
        yield Finding(
            "!", "no Chromium; only the browser tests need it", "Debian and Ubuntu: sudo apt-get install chromium"
        )


def _data() -> Iterator[Finding]:
    from sslwb.data import store

    rows = store.table()
    here = [row.name for row in rows if row.built_in or row.where]
    yield Finding("✓", f"data at hand: {', '.join(here)}")
    missing = [row for row in rows if not (row.built_in or row.where or row.by_hand)]
    absent = [f"{row.name} ({store.pretty(row.size)})" for row in missing]
    if absent:
        yield Finding("✓", f"no lesson needs, but can take: {', '.join(absent)}", "sslwb data get NAME")
    # Where the cache does not exist yet, the nearest folder above it tells the same disk.
    cache = store.cache_folder().absolute()
    free = shutil.disk_usage(next(folder for folder in (cache, *cache.parents) if folder.exists())).free
    if free >= 2 * GB:
        yield Finding("✓", f"{free / GB:.0f} GB free for data and trained runs in {cache}")
    else:
        yield Finding("!", f"{free / GB:.1f} GB free in {cache}", "free some space, or set SSLWB_CACHE to another disk")
