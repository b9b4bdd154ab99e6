"""The family of joint-embedding methods on shape: one encoder, one recipe of views, one number of views. Lesson 08.

    python benchmarks/family.py [--seeds 3] [--only MoCo BYOL …] [--quick] [--out FILE]

The settings are those of `sslwb/methods/family.py`. Beside the methods stand the same encoder with random weights, and
trained with every label on the same views. Each method is trained twice: with all the views, and with an eighth of them
("short"), which tells who learns early, and which lesson 08 does anew. `--only` makes some rows anew and keeps the
others of the file. `cpu seconds` are the processor's, with one thread: the time on a quiet machine, or more, where a
core is shared.
"""

from __future__ import annotations

import json
import time
from typing import Any

from _common import RESULTS, keep, parser, use_threads

from sslwb.data import Images, load
from sslwb.evaluate import embed, knn, linear
from sslwb.geometry import effective_rank
from sslwb.methods.family import FAMILY, SEEN, VIEWS, make_encoder, make_views
from sslwb.train import fit

SHORT = 0.125  # of the views


def measure(name: str, train: Images, test: Images, seed: int, share: float) -> dict[str, float]:
    """Train one row with one seed and a share of the views; kNN, linear probe, effective rank and seconds."""
    encoder, begin = make_encoder(seed=seed), time.process_time()
    if name in FAMILY:
        make, how = FAMILY[name]
        how = {**how, "steps": round(how["steps"] * share)}
        fit(make(encoder, seed=seed), train, make_views, seed=seed, progress=False, **how)
    seconds = time.process_time() - begin
    z, q = embed(encoder, train[:4096]), embed(encoder, test)
    where = z, train.labels[:4096], q, test.labels
    return {"knn": knn(*where), "linear": linear(*where), "rank": effective_rank(q - q.mean(0)), "cpu seconds": seconds}


def main() -> None:
    names = ["random encoder", *FAMILY]
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--only", nargs="+", choices=names, default=names)
    options = arguments.parse_args()
    use_threads(options.threads, default=1)
    seeds, share = (1, 0.02) if options.quick else (options.seeds, 1.0)

    before = options.out or RESULTS / "family.json"
    rows: dict[str, Any] = json.loads(before.read_text())["rows"] if before.exists() and not options.quick else {}
    settings = {
        "data": "shapes",
        "encoder": "conv(16, instance_norm=True)",
        "views seen": SEEN,
        "views": VIEWS,
        "make_views": repr(make_views),
        "fit": {name: how for name, (_, how) in FAMILY.items()},
    }
    for name in options.only:
        row: dict[str, list[float]] = {}
        for seed in range(seeds):
            train, test = load("shapes", n=8192, seed=seed), load("shapes", "test", n=2048, seed=seed)
            whole = measure(name, train, test, seed, share)
            short = measure(name, train, test, seed, SHORT * share)
            for term, value in (whole | {f"short {term}": short[term] for term in ("knn", "linear")}).items():
                row.setdefault(term, []).append(round(float(value), 4))
        rows[name] = row
        print(f"{name:16}", *(f"{term} {values}" for term, values in row.items()), flush=True)
        ordered = {name: rows[name] for name in names if name in rows}
        keep(options, ordered, settings=settings, seeds=list(range(seeds)))


if __name__ == "__main__":
    main()
