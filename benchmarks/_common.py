"""What every benchmark shares: its arguments, the name of the machine, and where the numbers are kept."""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
BEGUN = time.perf_counter()


def parser(doc: str | None) -> argparse.ArgumentParser:
    """--quick tries the script out and keeps nothing; --out names another file; --threads are torch's."""
    arguments = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="small settings, to see that the script runs")
    arguments.add_argument("--out", type=Path, help="write the numbers here; default: benchmarks/results/NAME.json")
    arguments.add_argument("--threads", type=int, help="threads that torch may use")
    return arguments


def use_threads(asked: int | None, default: int) -> None:
    import torch

    torch.set_num_threads(asked or default)


def cores() -> int:
    from sslwb.train import granted_cores

    return granted_cores()


def rate(work: Callable[[], int], seconds: float) -> float:
    """Pieces a second: `work` does some and says how many; it is called again until `seconds` are over."""
    done, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        done += work()
    return done / spent


def rates_in_turn(workers: Mapping[str, Callable[[], int]], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Each worker's rate, `rounds` times. They take turns, so that a slow minute of the machine is slow for all."""
    for work in workers.values():
        work()  # the first call imports, compiles and allocates
    measured: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, work in workers.items():
            measured[name].append(rate(work, seconds))
    return measured


def middle(values: list[float]) -> float:
    return statistics.median(values)


def machine() -> dict[str, Any]:
    """Processor, cores granted to this process, threads and precision of torch where it was loaded."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    about: dict[str, Any] = {"processor": model, "system": platform.system(), "cores": cores()}
    if "torch" in sys.modules:
        import torch

        from sslwb.train import resolve_device, resolve_precision

        device = resolve_device()
        about |= {
            "threads": torch.get_num_threads(),
            "device": device.type,
            "precision": resolve_precision("auto", device),
        }
    return about


def versions(*names: str) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("sslwb", "torch", *names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def out_of(options: argparse.Namespace) -> Path:
    """The file for the numbers of the script that runs."""
    return options.out or RESULTS / f"{Path(sys.argv[0]).stem}.json"


def kept_rows(options: argparse.Namespace) -> dict[str, Any]:
    """The rows that the file holds, so that some can be made anew and the others stay; none with --quick."""
    before = out_of(options)
    if options.quick or not before.exists():
        return {}
    rows: dict[str, Any] = json.loads(before.read_text(encoding="utf-8"))["rows"]
    return rows


def keep(options: argparse.Namespace, rows: Any, *, packages: tuple[str, ...] = (), **about: Any) -> None:
    """Write the numbers beside machine, versions and seconds; nothing with --quick, unless --out names a file."""
    if options.quick and options.out is None:
        return
    out = out_of(options)
    record = {
        "command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        **about,
        "rows": rows,
        "machine": machine(),
        "versions": versions(*packages),
        "seconds": round(time.perf_counter() - BEGUN, 1),
        "date": time.strftime("%Y-%m-%d"),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"written: {out}")
