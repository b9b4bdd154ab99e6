"""Is the doctor right? Seeded faults and healthy runs, each trained from nothing, and what `diagnose` says of them.

    python benchmarks/doctor.py [--seeds 10] [--quick] [--only FAULT …] [--methods METHOD …] [--missing] [--processes N]
                                [--page] [--out FILE]

Writes benchmarks/doctor.md beside the numbers. The runs are in `_trials.py`: each fault has ten or as many as it has
trials. `--only` and `--methods` make some runs anew and keep the others of the file; `--missing` makes those that it
lacks. What was run is kept at once. The thresholds in
sslwb/evaluate/faults.py were set on seeds from 100 on; the table is made of seeds 0 to 9, which nobody looked at
before.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from _common import RESULTS, keep, kept_rows, out_of, parser, use_threads
from _trials import FAULTS, HEALTHY, SETTINGS, Trial

from sslwb import nets
from sslwb.augment.images import simclr
from sslwb.data import Pairs, load
from sslwb.evaluate import diagnose, embed, knn, untrained
from sslwb.methods.simclr import SimCLR
from sslwb.train import Diverged, History, fit

PAGE = Path(__file__).with_suffix(".md")
QUIET: dict[str, Any] = {"device": "cpu", "progress": False}


def run(made: str, number: int, seed: int) -> dict[str, Any]:
    """Train, and ask the doctor twice: with all that can be shown, and with history, encoder and items alone."""
    trial = trials_of(made)[number]
    begun = time.perf_counter()
    data = trial.items(seed)
    make_views, method = trial.views(data), trial.learner(data, seed)
    encoder = method.encoder
    before, seen = untrained(encoder, seed), History()

    def watch(history: History) -> None:
        nonlocal seen
        seen = history

    with contextlib.suppress(Diverged):
        fit(method, data, make_views, on_step=watch, **{**SETTINGS, **trial.settings, **QUIET}, seed=seed)
    trained, thinking = time.perf_counter(), time.process_time()  # the other run shares the machine
    diagnosis = diagnose(seen, encoder, data, method=method, make_views=make_views, transform=trial.transform)
    thought = time.process_time() - thinking
    bare = diagnose(seen, encoder, data)
    row = {
        "run": f"{trial.method.__name__} on {trial.data}, {trial.net.__name__.replace('_', ' ')}",
        "method": trial.method.__name__,
        "net": trial.net.__name__,
        "number": number,
        "seed": seed,
        "verdict": diagnosis.verdict,
        "bare": bare.verdict,
        "also": [other.verdict for other in diagnosis.also],
        "bare also": [other.verdict for other in bare.also],
        "evidence": {name: float(f"{value:.4g}") for name, value in diagnosis.evidence.items()},
        "seconds": round(trained - begun, 1),
        "seconds to tell": round(thought, 2),
    }
    if data.y is not None and not (trial.copies or trial.stamp or isinstance(data, Pairs)):
        half = len(data) // 2
        bank, test = data[torch.arange(half)], data[torch.arange(half, len(data))]
        for name, net in (("knn", encoder), ("knn untrained", before)):
            row[name] = round(knn(embed(net, bank), bank.labels, embed(net, test), test.labels), 4)
    return row


def trials_of(made: str) -> list[Trial]:
    return HEALTHY if made == "healthy" else FAULTS[made]


def of_a_large_encoder() -> float:
    """Seconds that a diagnosis of ResNet-18 takes, with all that can be shown."""
    data, views = load("shapes", n=512), simclr(32)
    method = SimCLR(nets.resnet18())
    history = fit(method, data, views, steps=2, batch_size=16, **QUIET)
    began = time.perf_counter()
    diagnose(history, method.encoder, data, method=method, make_views=views)
    return round(time.perf_counter() - began, 2)


def share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> list[str]:
    """Lines of a table in Markdown."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return ["", *("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)]


def page(rows: dict[str, list[dict[str, Any]]], seeds: int, large: float) -> str:
    """doctor.md: the confusion table, healthy runs by method and net, what was wrong, and what less can find."""
    every = [(made, row) for made, many in rows.items() for row in many]
    names = [*FAULTS, "diverged", "cannot tell", "healthy"]
    verdicts = [v for v in names if any(row["verdict"] == v for _, row in every)]
    count = {made: Counter(row["verdict"] for row in many) for made, many in rows.items()}
    healthy = rows.get("healthy", [])
    lines = [
        "# Is the doctor right?",
        "",
        "Written by `python benchmarks/doctor.py`; no number here is written by hand.",
        "",
        f"Each row is a fault that was made on purpose, in {seeds} short runs or more with a small encoder, seeds 0 to "
        f"{seeds - 1}; each column is what `diagnose` said when it was given the method, the views and the way in "
        "which evaluation shows items. The thresholds were set on runs of seeds from 100 on.",
    ]
    lines += table(
        ["made \\ said", *verdicts, "recall"],
        (
            [
                made,
                *(f"**{count[made][v]}**" if v == made else count[made][v] or "" for v in verdicts),
                share(count[made][made], len(many)),
            ]
            for made, many in rows.items()
        ),
    )
    missing = [made for made in (*FAULTS, "healthy") if len(rows.get(made, [])) < len(trials_of(made))]
    if missing:
        some = (f"{made} ({len(rows.get(made, []))} of {len(trials_of(made))})" for made in missing)
        lines += ["", f"Of these not every trial has been run yet: {', '.join(some)}."]
    slowest = max(row["seconds to tell"] for _, row in every)
    false = sum(row["verdict"] not in ("healthy", "cannot tell") for row in healthy)
    unsure = count.get("healthy", Counter())["cannot tell"]
    lines += [
        "",
        f"False alarms: {false} of {len(healthy)} healthy runs ({share(false, len(healthy))}); of {unsure} more it "
        f"said that it cannot tell. A diagnosis took {slowest:.1f} s of one core at most; of ResNet-18, {large:.1f} s.",
    ]
    wrong = [(made, row) for made, row in every if row["verdict"] != made]
    if wrong:
        lines += ["", "## What was wrong"]
        lines += table(
            ["made", "run", "seed", "said", "seen by", "kNN, untrained and trained"],
            (
                [
                    made,
                    row["run"],
                    row["seed"],
                    row["verdict"],
                    ", ".join(f"{name} {value:.3g}" for name, value in row["evidence"].items()),
                    f"{row['knn untrained']:.0%}, {row['knn']:.0%}" if "knn" in row else "",
                ]
                for made, row in wrong
            ),
        )
        lines += [
            "",
            "A run that is called healthy here had nothing done to it. It may have gone wrong all the same: teachers "
            "and stop-gradients are known to be fragile in nets without batch norm.",
        ]
    lines += [
        "",
        "## With less to look at",
        "",
        "`diagnose(history, encoder, data)` has the views that the history names, where it can make them again, and "
        "nothing behind the encoder. What it finds then; the rest it calls healthy, or names by what shows in the "
        "encoder.",
    ]
    bare = {made: Counter(row["bare"] for row in many) for made, many in rows.items()}
    lines += table(
        ["made", "found", "said healthy", "said something else"],
        (
            [
                made,
                f"{said[made]} of {len(rows[made])}",
                said["healthy"] if made != "healthy" else "",
                ", ".join(f"{v} {n}" for v, n in said.items() if v not in (made, "healthy")),
            ]
            for made, said in bare.items()
        ),
    )
    known = [(row["knn"], row["knn untrained"]) for row in healthy if "knn" in row]
    if known:
        better = sum(a > b for a, b in known)
        nets = list(dict.fromkeys(row["net"] for row in healthy))
        lines += [
            "",
            "## The healthy runs",
            "",
            "They are called healthy because nothing was done to them. In how many of how many the doctor agreed, by "
            "method and encoder:",
        ]
        by = {
            method: [[r for r in healthy if (r["method"], r["net"]) == (method, net)] for net in nets]
            for method in dict.fromkeys(row["method"] for row in healthy)
        }
        lines += table(
            ["", *(net.replace("_", " ") for net in nets)],
            (
                [
                    method,
                    *(
                        f"{sum(r['verdict'] == 'healthy' for r in cell)} of {len(cell)}" if cell else ""
                        for cell in cells
                    ),
                ]
                for method, cells in by.items()
            ),
        )
        lines += [
            "",
            f"In {better} of {len(known)} the nearest neighbours know more of the labels than in the untrained "
            "encoder: a check on the list; no label is shown to the doctor. Runs are short (100 to 600 steps).",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=10)
    arguments.add_argument("--first", type=int, default=0, help="the first seed; the table is made of 0")
    arguments.add_argument("--only", nargs="*", choices=[*FAULTS, "healthy"], help="these rows anew")
    arguments.add_argument("--methods", nargs="*", help="of them the runs of these methods anew, such as DINO")
    arguments.add_argument("--missing", action="store_true", help="only those that the file lacks")
    arguments.add_argument("--processes", type=int, default=2, help="runs at a time; seconds are longer with more")
    arguments.add_argument("--page", action="store_true", help="write the page anew from the numbers that were kept")
    options = arguments.parse_args()
    if options.page:
        kept = json.loads((RESULTS / "doctor.json").read_text(encoding="utf-8"))
        PAGE.write_text(page(kept["rows"], len(kept["seeds"]), kept["large_encoder_seconds"]), encoding="utf-8")
        return
    seeds = 1 if options.quick else options.seeds
    least = {fault: 1 if options.quick else max(seeds, len(many)) for fault, many in FAULTS.items()}
    jobs = [(fault, s % len(many), s % seeds) for fault, many in FAULTS.items() for s in range(least[fault])]
    jobs += [("healthy", i, i % seeds) for i in range(0, len(HEALTHY), 16 if options.quick else 1)]
    jobs = [(made, number, options.first + seed) for made, number, seed in jobs]
    before = {(made, row["number"], row["seed"]): row for made, many in kept_rows(options).items() for row in many}
    anew = [
        (made, number, seed)
        for made, number, seed in jobs
        if made in (options.only or [made])
        and (not options.methods or trials_of(made)[number].method.__name__ in options.methods)
        and not (options.missing and (made, number, seed) in before)
    ]
    every = before if len(anew) < len(jobs) else {}
    known = json.loads(out_of(options).read_text(encoding="utf-8")) if every else {}
    large = known.get("large_encoder_seconds")

    def rows_now() -> dict[str, list[dict[str, Any]]]:
        rows: dict[str, list[dict[str, Any]]] = {}
        for job in jobs:
            if job in every:
                rows.setdefault(job[0], []).append(every[job])
        if not options.first:
            keep(options, rows, settings=SETTINGS, seeds=list(range(seeds)), large_encoder_seconds=large)
        return rows

    with ProcessPoolExecutor(options.processes, initializer=use_threads, initargs=(options.threads, 1)) as pool:
        for (made, number, seed), row in zip(anew, pool.map(run, *zip(*anew, strict=True)), strict=True):
            every[made, number, seed] = row
            mark = "✓" if row["verdict"] == made else "✗"
            print(mark, made, row["run"], row["seed"], "→", row["verdict"], row["evidence"], row["seconds"], flush=True)
            rows_now()
    use_threads(options.threads, default=2)  # after the processes were made: they begin as copies of this one
    large = large or of_a_large_encoder()
    words = page(rows_now(), seeds, large)
    print(words)
    if not (options.quick or options.first or options.out):
        PAGE.write_text(words, encoding="utf-8")


if __name__ == "__main__":
    main()
