"""Where the time of `make test` goes: runs it, and writes the table of tests/README.md.

    python benchmarks/proof.py [--quick] [--of FILE SECONDS]

A group is what one worker runs in order: the cells of a notebook, the tests of a file, one test in a browser; its
seconds are those of that worker. tests/conftest.py starts the longest groups first, as they stand in
results/proof.json. --quick runs one lesson and keeps nothing; --of takes a run that was made already: the file that
$SSLWB_PROOF named in it, and its seconds from the command to its end.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import keep, parser
from report import rewrite, where

ROOT = Path(__file__).parent.parent
README = ROOT / "tests" / "README.md"
BEGIN = "<!-- begin: written by benchmarks/proof.py -->"
WORKERS = 2  # as the Makefile has it


def measure(*make: str) -> tuple[dict[str, float], float]:
    """Seconds of each group, and from the command to its end.

    Raises:
        SystemExit: a test failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, begin = Path(folder) / "seconds.json", time.perf_counter()
        status = subprocess.call(["make", "test", *make], cwd=ROOT, env={**os.environ, "SSLWB_PROOF": str(file)})
        if status:
            raise SystemExit(f"make test ended with status {status}; a table is written of a run without failures")
        return json.loads(file.read_text()), time.perf_counter() - begin


def table(rows: dict[str, float], wall: float) -> str:
    """Minutes by part, seconds by lesson, and the ten longest of the other files."""
    lessons = {name: value for name, value in rows.items() if name.startswith("notebooks/")}
    browser = {name: value for name, value in rows.items() if name.startswith("tests/browser/")}
    units = {name: value for name, value in rows.items() if name not in lessons and name not in browser}
    opened = {
        found[1]: value for name, value in browser.items() if (found := re.search(r"test_lesson\[(.+)\.ipynb", name))
    }
    parts = {
        "lessons by nbval": sum(lessons.values()),
        "lessons in the browser": sum(opened.values()),
        "other browser tests": sum(browser.values()) - sum(opened.values()),
        "all other tests": sum(units.values()),
        "a worker idle, start and collection": WORKERS * wall - sum(rows.values()),
    }
    lines = ["| part | minutes of one worker |", "|---|---|"]
    lines += [f"| {name} | {value / 60:.1f} |" for name, value in parts.items()]
    lines += [f"| **from the command to its end** | **{wall / 60:.1f}** (two workers) |", ""]
    lines += ["| lesson | by nbval, s | in the browser, s |", "|---|---|---|"]
    for path in sorted(lessons):
        lines.append(f"| {Path(path).stem} | {lessons[path]:.0f} | {opened.get(Path(path).stem, 0):.0f} |")
    lines += ["", "| longest of the other files | s |", "|---|---|"]
    longest = sorted(units.items(), key=lambda row: -row[1])[:10]
    return "\n".join([*lines, *(f"| {Path(name).name} | {value:.0f} |" for name, value in longest)])


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--of", nargs=2, metavar=("FILE", "SECONDS"), help="a run that was made already")
    options = arguments.parse_args()
    if options.of:
        rows, wall = json.loads(Path(options.of[0]).read_text()), float(options.of[1])
    else:
        rows, wall = measure(*(["LESSONS=00"] if options.quick else []))
    print(table(rows, wall))
    keep(options, rows, wall=round(wall, 1))
    if not options.quick and options.out is None:
        record: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "proof.json").read_text())
        rewrite(README, BEGIN, f"{where(record)}\n\n{table(record['rows'], record['wall'])}")


if __name__ == "__main__":
    main()
