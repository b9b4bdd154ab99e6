"""All benchmarks of the table, one after the other, and then the table. Give it a quiet machine.

    python benchmarks/all.py [--quick] [--skip cifar10 …] [--views-python build/bench/bin/python]

About half an hour on two cores. Views are compared in an environment that has lightly and kornia (see views.py);
CIFAR-10 must lie in $SSLWB_DATA or in the cache.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("imports", "views", "world", "overhead", "map", "simclr_shapes", "lessons", "cifar10")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="small settings; keeps nothing")
    arguments.add_argument("--skip", nargs="*", default=[], choices=NAMES)
    arguments.add_argument("--views-python", default=sys.executable, help="a Python that has lightly and kornia")
    options = arguments.parse_args()
    failed = []
    for name in NAMES:
        if name in options.skip:
            continue
        print(f"── {name}", flush=True)
        python = options.views_python if name == "views" else sys.executable
        if subprocess.call([python, str(HERE / f"{name}.py"), *(["--quick"] if options.quick else [])]):
            failed.append(name)
    if not options.quick:
        subprocess.check_call([sys.executable, str(HERE / "report.py")])
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
