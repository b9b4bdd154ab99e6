"""Seconds from asking for a map of 2,000 embeddings to its points: warmed up behind the training, and from cold.

    python benchmarks/map.py [--quick]

Each line is a process of its own. The embeddings are a random encoder's, of pictures of shapes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from _common import keep, middle, parser, use_threads

LINES = {
    "warmed up": "after warm_up(), which a lesson begins while the learner reads and the encoder trains",
    "from cold": "import and compilation included",
    "second map": "in the same kernel",
}


def child(n: int, warm: bool) -> None:
    import torch

    torch.set_num_threads(1)
    from sslwb import nets
    from sslwb.data import load
    from sslwb.evaluate import embed
    from sslwb.show.maps import umap_map, warm_up

    z = embed(nets.conv(), load("shapes", n=n))
    begin = time.perf_counter()
    if warm:
        warm_up().join()
    ready = time.perf_counter()
    umap_map(z)
    first = time.perf_counter()
    umap_map(z, seed=1)
    print(json.dumps({"warm-up": ready - begin, "first": first - ready, "second": time.perf_counter() - first}))


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--child", nargs=2, metavar=("N", "WARM"), help="what the processes of this script do")
    options = arguments.parse_args()
    if options.child:
        return child(int(options.child[0]), options.child[1] == "warm")
    use_threads(options.threads, 1)
    n, rounds = (300, 1) if options.quick else (2000, 3)
    seconds: dict[str, list[float]] = {name: [] for name in (*LINES, "the warm-up itself")}
    for _ in range(rounds):
        for kind in ("warm", "cold"):
            run = subprocess.run(
                [sys.executable, __file__, "--child", str(n), kind], capture_output=True, text=True, check=True
            )
            timed = json.loads(run.stdout.splitlines()[-1])
            seconds["warmed up" if kind == "warm" else "from cold"].append(timed["first"])
            seconds["second map"].append(timed["second"])
            if kind == "warm":
                seconds["the warm-up itself"].append(timed["warm-up"])
    rows = {name: {"seconds": round(middle(s), 2), "all": [round(v, 2) for v in s]} for name, s in seconds.items()}
    for name, row in rows.items():
        print(f"{name:20}{row['seconds']:8.2f} s   {LINES.get(name, '')}")
    keep(options, rows, packages=("umap-learn", "numba"), n=n, seeds=[0, 1])


if __name__ == "__main__":
    main()
