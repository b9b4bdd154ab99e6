"""Seconds that imports take in a fresh process, and whether torch comes along.

python benchmarks/imports.py [--quick]
"""

from __future__ import annotations

import subprocess
import sys

from _common import keep, middle, parser

MODULES = ("sslwb", "sslwb.data", "sslwb.train", "sslwb.evaluate", "sslwb.show", "sslwb.widgets")
CHILD = """
import sys, time
begin = time.perf_counter()
import {module}
print(time.perf_counter() - begin, "torch" in sys.modules)
"""


def measure(module: str, rounds: int) -> dict[str, float | bool | list[float]]:
    seconds, torch = [], False
    for _ in range(rounds + 1):
        child = subprocess.run([sys.executable, "-c", CHILD.format(module=module)], capture_output=True, text=True)
        if child.returncode:
            raise SystemExit(child.stderr)
        spent, loaded = child.stdout.split()
        seconds.append(float(spent))
        torch = loaded == "True"
    warm = seconds[1:]  # the first read the files from the disk
    return {"seconds": round(middle(warm), 4), "all": [round(s, 4) for s in warm], "torch": torch}


def main() -> None:
    options = parser(__doc__).parse_args()
    modules, rounds = (MODULES[:1], 1) if options.quick else (MODULES, 5)
    rows = {module: measure(module, rounds) for module in modules}
    for module, row in rows.items():
        print(f"import {module:18}{row['seconds']:8.3f} s, {'with' if row['torch'] else 'without'} torch")
    keep(options, rows)


if __name__ == "__main__":
    main()
