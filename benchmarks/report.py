"""Writes the tables of measurements in README.md and benchmarks/README.md from the numbers in benchmarks/results/.

    python benchmarks/report.py

A line whose benchmark has not run says so. No number in the table is written by hand.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BEGIN, END = "<!-- begin: written by report.py -->", "<!-- end -->"
FAMILY = "<!-- family: written by benchmarks/report.py -->"
CIFAR = "<!-- the family on CIFAR-10: written by report.py -->"
Finding = tuple[str, bool | None]  # what was measured, and whether it meets the target


def middle(rows: list[dict[str, float]], term: str) -> float:
    return statistics.median(row[term] for row in rows)


def least(rows: list[dict[str, float]], term: str) -> float:
    return min(row[term] for row in rows)


def lessons_fit(r: Any) -> Finding:
    slow, large = (
        max(r["rows"].items(), key=lambda i: i[1]["seconds"]),
        max(r["rows"].items(), key=lambda i: i[1]["peak GB"]),
    )
    failed = [name for name, row in r["rows"].items() if row["error"]]
    summary = f"slowest {slow[0]}: {slow[1]['seconds']:.0f} s; largest {large[0]}: {large[1]['peak GB']:.2f} GB"
    if failed:
        return f"{summary}; failed: {', '.join(failed)}", False
    return summary, slow[1]["seconds"] <= 120 and large[1]["peak GB"] <= 2


def first_figure(r: Any) -> Finding:
    shown = {name: row["first figure"] for name, row in r["rows"].items() if row["first figure"] is not None}
    if not shown:
        return "no lesson showed one", None
    slow = max(shown, key=lambda name: shown[name])
    return f"latest in {slow}: {shown[slow]:.1f} s", shown[slow] <= 5


def import_time(r: Any) -> Finding:
    row = r["rows"]["sslwb"]
    return f"{row['seconds']:.3f} s, {'with' if row['torch'] else 'without'} torch", row["seconds"] <= 0.2 and not row[
        "torch"
    ]


def views_ratio(r: Any) -> Finding:
    rows = r["rows"]
    summary = f"{rows['sslwb']['views a second']:,} views a second"
    faster = {name: rows[name]["ours is faster by"] for name in ("lightly", "kornia") if name in rows}
    if len(faster) < 2:
        return f"{summary}; lightly or kornia was not installed", None
    beside = (f"{times:.1f} × {name} {r['versions'][name]}" for name, times in faster.items())
    return "; ".join((summary, *beside)), faster["lightly"] >= 20 and faster["kornia"] >= 8


def world_rate(r: Any) -> Finding:
    easy, hard = (r["rows"][f"32×32, {kind}"]["pictures a second"] for kind in ("easy", "hard"))
    return f"{easy:,} easy, {hard:,} hard", easy >= 10_000


def shapes_scores(r: Any) -> Finding:
    ours, raw, random = (r["rows"][name] for name in ("SimCLR", "raw pixels", "random encoder"))
    k, p, s = (middle(ours, term) for term in ("knn", "linear", "seconds"))

    def both(rows: list[dict[str, float]], of: Callable[[list[dict[str, float]], str], float]) -> str:
        return f"{of(rows, 'knn'):.1%} / {of(rows, 'linear'):.1%}"

    summary = (
        f"kNN / linear: {both(ours, middle)} after {s:.0f} s (median of {len(ours)} seeds; least {both(ours, least)}); "
        f"raw {both(raw, middle)}; random {both(random, middle)}"
    )
    easy = middle(raw, "knn") <= 0.4 and middle(random, "knn") <= 0.5 and middle(random, "linear") <= 0.6
    return summary, easy and k >= 0.8 and p >= 0.9 and s <= 45


def cifar_scores(r: Any) -> Finding:
    k, p, s = (middle(r["rows"], term) for term in ("SimCLR knn", "SimCLR linear", "seconds"))
    summary = f"kNN {k:.1%}, linear {p:.1%} after {s:.0f} s of training (random {middle(r['rows'], 'random knn'):.1%})"
    return summary, k >= 0.62 and p >= 0.68 and s <= 190


def family_scores(r: Any) -> Finding:
    near = {name: statistics.fmean(row["knn"]) for name, row in r["rows"].items()}
    random = near.pop("random encoder")
    gain = {name: value - random for name, value in near.items() if name != "supervised"}
    low = min(gain, key=lambda name: gain[name])
    promised = {name: gain[name] / gain["SimCLR"] for name in ("MoCo", "BYOL", "Barlow Twins", "VICReg")}
    least = min(promised, key=lambda name: promised[name])
    summary = f"random {random:.0%}; least gain: {low}, {gain[low] * 100:.0f} points"
    summary += f"; {least} has {promised[least]:.0%} of SimCLR's"
    return summary, gain[low] >= 0.3 and promised[least] >= 0.8


def family_pace(r: Any) -> Finding:
    slow = sorted(r["rows"].items(), key=lambda row: -row[1]["seconds"])
    slow = [(name, row) for name, row in slow if name != "supervised"]
    late = [
        f"{name} {row['seconds']:.0f} s ({row['fastest']:.0f} to {row['slowest']:.0f})"
        for name, row in slow
        if row["seconds"] > 60
    ]
    least = f"fastest: {slow[-1][0]}, {slow[-1][1]['seconds']:.0f} s"
    return f"{least}; above a minute: {', '.join(late) or 'none'}", not late


def family_table(r: Any) -> str:
    """kNN and linear probe on shape, each the mean over seeds and how far they lie apart."""

    def summary(values: list[float]) -> str:
        return f"{100 * statistics.fmean(values):.1f} ({100 * min(values):.1f} to {100 * max(values):.1f})"

    rows = sorted(r["rows"].items(), key=lambda row: statistics.fmean(row[1]["knn"]))
    lines = [
        f"| {name} | {summary(row['knn'])} | {summary(row['linear'])} | {summary(row['brief knn'])} |"
        f" {statistics.fmean(row['cpu seconds']):.0f} |"
        for name, row in rows
    ]
    head = [
        "| | kNN on shape, % | linear probe, % | kNN after 64,000 views | seconds of one core |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *lines])


def cifar_table(r: Any) -> str:
    """kNN and linear probe of every method on CIFAR-10, and how fast it went through the views."""
    lines = [
        f"| {name} | {row['knn']:.1%} | {row['linear']:.1%} | {row.get('views a second', 0):,} |"
        for name, row in sorted(r["rows"].items(), key=lambda row: row[1]["linear"])
    ]
    return "\n".join(["| | kNN | linear probe | views a second |", "|---|---|---|---|", *lines]).replace("| 0 |", "| |")


def map_seconds(r: Any) -> Finding:
    rows = {name: row["seconds"] for name, row in r["rows"].items()}
    return (
        f"{rows['warmed up']:.1f} s; from cold {rows['from cold']:.1f} s; a second map {rows['second map']:.1f} s",
        rows["warmed up"] <= 5,
    )


def million(r: Any) -> Finding:
    rows = {name.split()[0]: row for name, row in r["rows"].items()}
    most = max(row["peak GB above the model"] for row in rows.values())
    seconds = ", ".join(f"{name} {row['seconds']:.0f} s" for name, row in rows.items())
    return f"{most:.1f} GB; {seconds}", most <= 2


def fit_overhead(r: Any) -> Finding:
    shares = {name: row["overhead, share"] for name, row in r["rows"].items()}
    return ", ".join(f"{name}: {share:+.1%}" for name, share in shares.items()), shares["a lesson's size"] <= 0.03


def mask_saves(r: Any) -> Finding:
    shares = {name: row["share of the unmasked step"] for name, row in r["rows"].items()}
    summary = "; ".join(f"{name}: {row['mask 0.75']:.0%}" for name, row in shares.items())
    return summary, all(row["mask 0.75"] <= 0.4 for row in shares.values())


def token_rate(r: Any) -> Finding:
    rates = {precision: row["tokens a second"] for precision, row in r["rows"].items()}
    return ", ".join(f"{rate:,} in {precision}" for precision, rate in rates.items()), rates["fp32"] >= 9000


def shakespeare_loss(r: Any) -> Finding:
    loss, seconds = (middle(r["rows"], term) for term in ("validation loss", "seconds"))
    return f"{loss:.2f} after {seconds:.0f} s", loss <= 1.88 and seconds <= 180


def above_the_floor(r: Any) -> Finding:
    marks = {"GPT": 0.15, "BERT": 0.15, "GPT, long": 0.05, "BERT, long": 0.05}
    worst = {name: max(r["rows"][name]["above the floor"]) for name in marks if name in r["rows"]}
    summary = "worst seed: " + ", ".join(f"{name} {share:.1%}" for name, share in worst.items())
    return summary, all(worst[name] <= mark for name, mark in marks.items()) if len(worst) == len(marks) else None


LINES: list[tuple[str, str, str, Callable[[Any], Finding]]] = [
    ("each lesson, cold kernel, one thread", "≤ 120 s, ≤ 2 GB", "lessons", lessons_fit),
    ("`import sslwb`", "≤ 0.2 s, without torch", "imports", import_time),
    ("first figure after Run All, warm disk cache", "≤ 5 s", "lessons", first_figure),
    ("SimCLR views at 32×32, same run", "≥ 20 × lightly, ≥ 8 × kornia", "views", views_ratio),
    ("the world renders, pictures a second and core", "≥ 10,000", "world", world_rate),
    (
        "lesson 03's encoder on shape",
        "kNN ≥ 80 %, linear ≥ 90 % in ≤ 45 s; raw ≤ 40 %; random ≤ 50 / 60 %",
        "simclr_shapes",
        shapes_scores,
    ),
    ("the same method on CIFAR-10, 180 s of training, two cores", "kNN ≥ 62 %, linear ≥ 68 %", "cifar10", cifar_scores),
    (
        "the family, one budget of views, on shape",
        "each ≥ 30 points above random; MoCo, BYOL, Barlow Twins and VICReg ≥ 80 % of SimCLR's gain",
        "family",
        family_scores,
    ),
    ("the same, how long each method takes, two cores", "≤ 60 s a method", "family_pace", family_pace),
    ("MAE, encoder step at a 75 % mask, of the unmasked one", "≤ 40 %", "mae", mask_saves),
    ("tokens a second, a transformer of 1 M parameters, two cores", "≥ 9,000 in fp32", "transformer", token_rate),
    ("GPT on tinyshakespeare's characters, two cores, nats", "≤ 1.88 in ≤ 180 s", "shakespeare", shakespeare_loss),
    (
        "BERT and GPT above the entropy floor of the tales",
        "≤ 15 % in a lesson, ≤ 5 % in a longer run",
        "tales",
        above_the_floor,
    ),
    ("a map of 2,000 embeddings, after it is asked for", "≤ 5 s", "map", map_seconds),
    ("a million embeddings of pictures that do not fit, peak above the model", "≤ 2 GB", "million", million),
    ("`fit` above a bare loop with the same method", "≤ 3 % at a lesson's size", "overhead", fit_overhead),
]


def where(r: Any) -> str:
    m = r["machine"]
    return (
        f"{m['processor']}, {m['cores']} cores, {m.get('threads', 1)} thread(s), {m.get('precision', '')}, "
        f"torch {r['versions']['torch']}, {r['date']}"
    )


def table(results: Path = HERE / "results") -> str:
    """The table, in Markdown."""
    lines = ["| what | target | measured | met | machine |", "|---|---|---|---|---|"]
    for what, target, name, summarise in LINES:
        file = results / f"{name}.json"
        if not file.exists():
            lines.append(f"| {what} | {target} | not yet measured | | |")
            continue
        record = json.loads(file.read_text(encoding="utf-8"))
        summary, met = summarise(record)
        lines.append(
            f"| {what} | {target} | {summary} | {'' if met is None else '✓' if met else '✗'} | {where(record)} |"
        )
    return "\n".join(lines)


def rewrite(path: Path, begin: str, text: str) -> None:
    """Put `text` between the line `begin` and the next end mark."""
    head, mark, rest = path.read_text(encoding="utf-8").partition(begin)
    if not mark:
        raise SystemExit(f"{path} has no line {begin}")
    path.write_text(f"{head}{begin}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main() -> None:
    rewrite(HERE / "README.md", BEGIN, table())
    family = json.loads((HERE / "results" / "family.json").read_text(encoding="utf-8"))
    rewrite(HERE.parent / "README.md", FAMILY, family_table(family))
    cifar = json.loads((HERE / "results" / "family_cifar10.json").read_text(encoding="utf-8"))
    rewrite(HERE / "README.md", CIFAR, cifar_table(cifar))

    from sslwb import show

    rows = sorted(family["rows"].items(), key=lambda row: statistics.fmean(row[1]["knn"]))
    near = {name: row["knn"] for name, row in rows}
    show.bars(near, fmt=".0%", unit="kNN accuracy on shape; a dot for each seed", chance=1 / 8).save(
        HERE / "family.png"
    )
    print(table())


if __name__ == "__main__":
    main()
