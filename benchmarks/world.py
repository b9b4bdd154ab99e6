"""Pictures a second and core that the world of shapes renders.

python benchmarks/world.py [--quick]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from _common import keep, middle, parser, rates_in_turn, use_threads

from sslwb.data import load

N = 4096
ROWS: dict[str, dict[str, Any]] = {
    "32×32, easy": {},
    "32×32, hard": {"background": "textured", "texture": "mixed", "light": "varied"},
    "64×64, easy": {"size": 64},
}


def worker(n: int, dials: dict[str, Any]) -> Callable[[], int]:
    return lambda: len(load("shapes", n=n, **dials))


def main() -> None:
    options = parser(__doc__).parse_args()
    use_threads(options.threads, 1)
    n = 256 if options.quick else N
    rounds, seconds = (1, 0.1) if options.quick else (7, 1.0)
    measured = rates_in_turn({name: worker(n, dials) for name, dials in ROWS.items()}, rounds, seconds)
    rows = {
        name: {"pictures a second": round(middle(rates)), "all": [round(r) for r in rates]}
        for name, rates in measured.items()
    }
    for name, row in rows.items():
        print(f"{name:16}{row['pictures a second']:10,} pictures a second")
    keep(options, rows, n=n, seeds=[0])


if __name__ == "__main__":
    main()
