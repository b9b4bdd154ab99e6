"""Is the doctor right? Seeded faults and healthy runs, each trained from nothing, and what `diagnose` says of them.

    python benchmarks/doctor.py [--seeds 10] [--quick] [--only FAULT …] [--out FILE]

Writes benchmarks/doctor.md beside the numbers. The thresholds in sslwb/evaluate/faults.py were set on seeds from 100
on; the table is made of seeds 0 to 9, which nobody looked at before. Each fault is a list of runs, and seed s takes the
run s modulo its length, so that ten seeds meet every method of the list. About ten minutes on one core.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from _common import keep, parser, use_threads
from torch import Tensor

from sslwb import nets
from sslwb.augment import labelled
from sslwb.augment.images import Augment, RandomViews, as_float, byol, moco, multicrop, simclr, weak
from sslwb.core import MakeViews
from sslwb.data import Images, load
from sslwb.evaluate import diagnose, embed, knn, untrained
from sslwb.methods.barlow_twins import BarlowTwins
from sslwb.methods.byol import BYOL
from sslwb.methods.dino import DINO
from sslwb.methods.moco import MoCo
from sslwb.methods.simclr import SimCLR
from sslwb.methods.simsiam import SimSiam
from sslwb.methods.supervised import Supervised
from sslwb.methods.swav import SwAV
from sslwb.methods.vicreg import VICReg
from sslwb.train import Diverged, History, fit

PAGE = Path(__file__).with_suffix(".md")
CHANGES: dict[str, dict[str, Any]] = {  # views that suit the data
    "shapes": {"crop": (0.5, 1.0), "rotate": 180, "hue": 0.5, "gray": 0.3},
    "digits": {"crop": (0.5, 1.0), "rotate": 15, "flip": 0.0},
}
SETTINGS: dict[str, Any] = {"steps": 150, "batch_size": 32, "lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}
DESTROYED = {"crop": (0.005, 0.02)}


@dataclass(frozen=True)
class Trial:
    """One run: a method, its arguments and the loop's, its views, its data, and what is done to views and data."""

    method: Any
    arguments: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    data: str = "shapes"
    recipe: Callable[..., RandomViews] = simclr
    changes: dict[str, Any] = field(default_factory=dict)  # of the views
    size: int = 24
    stamp: int = 0  # which corner of every view bears a stamp that names the picture; 0 is none
    copies: int = 0  # half of the pictures are copies of so many
    noise: int = 0  # grey levels by which a copy differs
    transform: Callable[[Tensor], Tensor] = as_float


def same(size: int, **changes: Any) -> RandomViews:
    """Two views that are hardly changed."""
    return RandomViews(((2, Augment(size, **changes)),))


def two(size: int, **changes: Any) -> RandomViews:
    return simclr(size, views=2, **changes)


def four(size: int, **changes: Any) -> RandomViews:
    return simclr(size, views=4, **changes)


def one(size: int, **changes: Any) -> RandomViews:
    return simclr(size, views=1, **changes)


def crops(size: int, **changes: Any) -> RandomViews:
    return multicrop(size, size // 2, 2, **{k: v for k, v in changes.items() if k != "crop"})


@dataclass(frozen=True)
class Stamped:
    """The same random 4×4 pixels in one corner of all views of a picture."""

    views: MakeViews
    corner: int

    def __call__(self, batch: Any, generator: torch.Generator) -> list[Tensor]:
        views = [v.clone() for v in self.views(batch, generator)]
        stamp = torch.rand(len(batch), views[0].shape[1], 4, 4, generator=generator)
        rows, columns = ((slice(0, 4), slice(-4, None))[bit] for bit in divmod(self.corner - 1, 2))
        for view in views:
            view[:, :, rows, columns] = stamp
        return views


def levels(x: Tensor) -> Tensor:
    """0 to 255: the division was forgotten."""
    return x.float()


def inverted(x: Tensor) -> Tensor:
    return 1 - as_float(x)


def standardised(x: Tensor) -> Tensor:
    """ImageNet's mean and deviation, which the views did not have."""
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (as_float(x) - mean) / std


def smaller(x: Tensor) -> Tensor:
    return F.interpolate(as_float(x), scale_factor=0.25, mode="area")


PLAIN = {"recipe": two}
FAULTS: dict[str, list[Trial]] = {
    "collapsed": [
        Trial(BYOL, {"stop_gradient": False}, **PLAIN),
        Trial(SimSiam, {"stop_gradient": False}, **PLAIN),
        Trial(VICReg, {"variance": 0.0}, **PLAIN),
        Trial(BYOL, {"stop_gradient": False, "predictor": 0}, **PLAIN),
        Trial(DINO, {"teacher_temperature": 0.1}, {"steps": 250}, **PLAIN),  # nothing is sharpened
    ],
    "dimensionally collapsed": [
        Trial(VICReg, {"covariance": 0.0}, **PLAIN),
        Trial(BarlowTwins, {"redundancy": 0.0}, **PLAIN),
        Trial(SimCLR, {"projector": (2,)}, **PLAIN),
        Trial(VICReg, {"covariance": 1e-3}, **PLAIN),
        Trial(BarlowTwins, {"redundancy": 0.0}, data="digits", **PLAIN),
    ],
    "batch too small": [
        Trial(SimCLR, {}, {"batch_size": 4}, **PLAIN),
        Trial(BarlowTwins, {}, {"batch_size": 4}, **PLAIN),
        Trial(VICReg, {}, {"batch_size": 4}, **PLAIN),
        Trial(SimCLR, {}, {"batch_size": 8}, recipe=four),
        Trial(BarlowTwins, {}, {"batch_size": 6}, data="digits", **PLAIN),
    ],
    "temperature too low": [
        Trial(SimCLR, {"temperature": 0.005}, **PLAIN),
        Trial(MoCo, {"temperature": 0.005}, **PLAIN),
        Trial(SimCLR, {"temperature": 0.01}, data="digits", **PLAIN),
    ],
    "temperature too high": [
        Trial(SimCLR, {"temperature": 5.0}, **PLAIN),
        Trial(MoCo, {"temperature": 5.0}, **PLAIN),
        Trial(SimCLR, {"temperature": 3.0}, data="digits", **PLAIN),
    ],
    "learning rate too high": [
        Trial(method, {}, {"lr": rate}, data=data, **PLAIN)
        for method, rate, data in (
            (SimCLR, 0.3, "shapes"),
            (VICReg, 0.3, "shapes"),
            (MoCo, 0.3, "shapes"),
            (BarlowTwins, 0.3, "shapes"),
            (SwAV, 0.3, "shapes"),
            (SimCLR, 1.0, "digits"),
        )
    ],
    "learning rate too low": [
        Trial(method, {}, {"lr": rate}, data=data, **PLAIN)
        for method, rate, data in (
            (SimCLR, 1e-6, "shapes"),
            (VICReg, 1e-6, "shapes"),
            (MoCo, 1e-6, "shapes"),
            (BarlowTwins, 1e-6, "shapes"),
            (SimSiam, 1e-6, "shapes"),
            (SwAV, 1e-6, "shapes"),
            (SimCLR, 1e-5, "digits"),
        )
    ],
    "augmentation too weak": [
        Trial(SimCLR, recipe=same),
        Trial(VICReg, recipe=same),
        Trial(SimCLR, recipe=same, changes={"flip": 0.5}),
        Trial(BarlowTwins, recipe=same, changes={"crop": (0.95, 1.0)}),
        Trial(SimCLR, recipe=same, data="digits"),
        Trial(MoCo, recipe=same, changes={"brightness": 0.1}),
        Trial(BYOL, recipe=same),
    ],
    "augmentation too strong": [
        Trial(SimCLR, changes=DESTROYED, **PLAIN),
        Trial(VICReg, changes=DESTROYED, **PLAIN),
        Trial(MoCo, changes=DESTROYED, **PLAIN),
        Trial(SimCLR, changes={"noise": 3.0}, **PLAIN),
        Trial(BarlowTwins, changes=DESTROYED, **PLAIN),
        Trial(SimCLR, changes=DESTROYED, data="digits", **PLAIN),
    ],
    "positive pairs leak": [
        Trial(SimCLR, stamp=1, **PLAIN),
        Trial(VICReg, stamp=2, **PLAIN),
        Trial(BarlowTwins, stamp=3, **PLAIN),
        Trial(MoCo, stamp=4, **PLAIN),
        Trial(SimCLR, stamp=4, data="digits", **PLAIN),
        Trial(BYOL, stamp=2, **PLAIN),
    ],
    "transforms disagree": [
        Trial(SimCLR, transform=levels, **PLAIN),
        Trial(SimCLR, transform=inverted, **PLAIN),
        Trial(VICReg, transform=standardised, **PLAIN),
        Trial(BarlowTwins, transform=smaller, **PLAIN),
        Trial(SimCLR, data="digits", transform=inverted, **PLAIN),
        Trial(Supervised, transform=levels, recipe=weak),
    ],
    "duplicated pictures": [
        Trial(SimCLR, copies=16, **PLAIN),
        Trial(VICReg, copies=8, **PLAIN),
        Trial(MoCo, copies=64, **PLAIN),
        Trial(BarlowTwins, copies=32, noise=1, **PLAIN),
        Trial(SimCLR, copies=16, data="digits", **PLAIN),
    ],
}
LONG, WIDE = {"steps": 300}, {"steps": 300, "batch_size": 64}  # without negatives learning is slower
HEALTHY = [
    Trial(SimCLR, {}, {"steps": 200}, recipe=four),
    Trial(SimCLR, {}, {"batch_size": 64}, **PLAIN),
    Trial(SimCLR, {"temperature": 0.5}, {"batch_size": 64}, **PLAIN),
    Trial(SimCLR, {"temperature": 0.1, "projector": ()}, recipe=four),
    Trial(SimCLR, {"temperature": 0.07}, recipe=four),
    Trial(SimCLR, {}, {"lr": 3e-3, "weight_decay": 1e-4, "warmup": 0.1}, recipe=four),
    Trial(SimCLR, {}, {"lr": 2e-2}, recipe=four),
    Trial(SimCLR, {}, {"lr": 1e-3, "steps": 200}, recipe=four),
    Trial(SimCLR, {}, {"batch_size": 128, "steps": 100}, **PLAIN),
    Trial(SimCLR, {}, {"batch_size": 16, "steps": 250}, recipe=four),
    Trial(SimCLR, {}, {"steps": 200}, recipe=four, size=16),
    Trial(SimCLR, {}, {"steps": 200}, recipe=two, size=32),
    Trial(MoCo, {}, LONG, recipe=four),
    Trial(MoCo, {}, WIDE, recipe=moco),
    Trial(MoCo, {"queue": 2048}, LONG, **PLAIN),
    Trial(VICReg, {}, {"steps": 200}, recipe=four),
    Trial(VICReg, {}, {"batch_size": 64}, **PLAIN),
    Trial(VICReg, {}, {"batch_size": 16, "steps": 250}, recipe=four),
    Trial(BarlowTwins, recipe=four),
    Trial(BarlowTwins, {}, {"batch_size": 64}, **PLAIN),
    Trial(BarlowTwins, {"redundancy": 0.02}, {"steps": 200}, recipe=four),
    Trial(SwAV, {}, {"steps": 200}, recipe=four),
    Trial(SwAV, {}, {"steps": 200}, recipe=crops),
    Trial(SwAV, {}, {"batch_size": 64}, recipe=four),
    Trial(DINO, {}, LONG, recipe=four),
    Trial(DINO, {}, LONG, recipe=crops),
    Trial(SimSiam, {}, {"steps": 250}, recipe=four),
    Trial(SimSiam, {}, WIDE, **PLAIN),
    Trial(SimSiam, {}, {"lr": 3e-3, "steps": 250}, recipe=four),
    Trial(BYOL, {}, LONG, recipe=four),
    Trial(BYOL, {}, WIDE, recipe=byol),
    Trial(BYOL, {"momentum": 0.95}, LONG, **PLAIN),
    Trial(Supervised, recipe=weak),
    Trial(Supervised, {}, {"batch_size": 64, "lr": 3e-3}, recipe=weak),
    Trial(Supervised, recipe=one),
    *(Trial(method, data="digits", **PLAIN) for method in (SimCLR, VICReg, BarlowTwins, MoCo, SwAV)),
    *(Trial(method, {}, {"steps": 250}, data="digits", **PLAIN) for method in (SimSiam, BYOL, DINO)),
    Trial(SimCLR, {}, {"batch_size": 64}, data="digits", recipe=four),
    Trial(Supervised, data="digits", recipe=weak, changes={"flip": 0.0}),
]


def pictures(trial: Trial, seed: int) -> Images:
    data = load(trial.data, n=2048, seed=seed) if trial.data == "shapes" else load(trial.data, seed=seed)
    if not trial.copies:
        return data
    half = len(data) // 2
    origin = torch.arange(len(data))
    origin[half:] = origin[half:] % trial.copies
    g = torch.Generator().manual_seed(seed)
    change = torch.randint(-trial.noise, trial.noise + 1, data.x.shape, generator=g)
    change[:half] = 0
    return Images((data.x[origin] + change).clamp(0, 255).to(torch.uint8), data.labels[origin], data.classes)


def views(trial: Trial) -> MakeViews:
    changes = CHANGES[trial.data] if trial.recipe not in (same, weak) else {}
    made: MakeViews = trial.recipe(trial.size, **{**changes, **trial.changes})
    made = Stamped(made, trial.stamp) if trial.stamp else made
    return labelled(made) if trial.method is Supervised else made


def run(trial: Trial, seed: int) -> dict[str, Any]:
    """Train, and ask the doctor twice: with all that can be shown, and with history, encoder and pictures alone."""
    data, make_views, begun = pictures(trial, seed), views(trial), time.perf_counter()
    encoder = nets.conv(16, seed=seed)
    named = {"classes": len(data.classes)} if trial.method is Supervised else {}
    method = trial.method(encoder, seed=seed, **named, **trial.arguments)
    before, seen = untrained(encoder, seed), History()

    def watch(history: History) -> None:
        nonlocal seen
        seen = history

    settings = {**SETTINGS, **trial.settings, "seed": seed, "device": "cpu", "progress": False}
    with contextlib.suppress(Diverged):
        fit(method, data, make_views, on_step=watch, **settings)
    trained = time.perf_counter()
    diagnosis = diagnose(seen, encoder, data, method=method, make_views=make_views, transform=trial.transform)
    asked = time.perf_counter()
    bare = diagnose(seen, encoder, data)
    row = {
        "run": f"{trial.method.__name__} on {trial.data}",
        "seed": seed,
        "verdict": diagnosis.verdict,
        "bare": bare.verdict,
        "also": [other.verdict for other in diagnosis.also],
        "bare also": [other.verdict for other in bare.also],
        "evidence": {name: float(f"{value:.4g}") for name, value in diagnosis.evidence.items()},
        "seconds": round(trained - begun, 1),
        "seconds to tell": round(asked - trained, 2),
    }
    if not (trial.copies or trial.stamp):
        half = len(data) // 2
        bank, test = data[torch.arange(half)], data[torch.arange(half, len(data))]
        for name, net in (("knn", encoder), ("knn untrained", before)):
            row[name] = round(knn(embed(net, bank), bank.labels, embed(net, test), test.labels), 4)
    return row


def share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def page(rows: dict[str, list[dict[str, Any]]], seeds: int) -> str:
    """doctor.md: the confusion table, what was wrong, and what three arguments alone can find."""
    verdicts = [*FAULTS, "diverged", "not learning", "healthy"]
    verdicts = [v for v in verdicts if any(row["verdict"] == v for many in rows.values() for row in many)]
    count = {made: Counter(row["verdict"] for row in many) for made, many in rows.items()}
    healthy = rows.get("healthy", [])
    false = sum(row["verdict"] != "healthy" for row in healthy)
    lines = [
        "# Is the doctor right?",
        "",
        "Written by `python benchmarks/doctor.py`; no number here is written by hand.",
        "",
        f"Each row is a fault that was made on purpose, in {seeds} short runs with a small encoder, seeds 0 to "
        f"{seeds - 1}; each column is what `diagnose` said when it was given the method, the views and the way in "
        "which evaluation shows pictures. The thresholds were set on runs of seeds from 100 on.",
        "",
        "| made \\ said | " + " | ".join(verdicts) + " | recall |",
        "|---" * (len(verdicts) + 2) + "|",
    ]
    for made, many in rows.items():
        cells = [f"**{count[made][v]}**" if v == made else str(count[made][v] or "") for v in verdicts]
        lines.append(f"| {made} | {' | '.join(cells)} | {share(count[made][made], len(many))} |")
    slowest = max(row["seconds to tell"] for many in rows.values() for row in many)
    lines += [
        "",
        f"False alarms: {false} of {len(healthy)} healthy runs ({share(false, len(healthy))}). "
        f"A diagnosis took {slowest:.1f} s at most.",
    ]
    wrong = [(made, row) for made, many in rows.items() for row in many if row["verdict"] != made]
    if wrong:
        lines += ["", "## What was wrong", "", "| made | run | seed | said | seen by |", "|---|---|---|---|---|"]
        lines += [
            f"| {made} | {row['run']} | {row['seed']} | {row['verdict']} | "
            + ", ".join(f"{name} {value:.3g}" for name, value in row["evidence"].items())
            + " |"
            for made, row in wrong
        ]
    lines += [
        "",
        "## With less to look at",
        "",
        "`diagnose(history, encoder, data)` sees no views and nothing behind the encoder. What it finds then; the rest "
        "it calls healthy, or names by what shows in the encoder.",
        "",
        "| made | found | said healthy | said something else |",
        "|---|---|---|---|",
    ]
    for made, many in rows.items():
        said = Counter(row["bare"] for row in many)
        others = ", ".join(f"{v} {n}" for v, n in said.items() if v not in (made, "healthy"))
        lines.append(
            f"| {made} | {said[made]} of {len(many)} | {said['healthy'] if made != 'healthy' else ''} | {others} |"
        )
    known = [(row["knn"], row["knn untrained"]) for row in healthy if "knn" in row]
    if known:
        better = sum(a > b for a, b in known)
        methods = Counter(row["run"] for row in healthy)
        lines += [
            "",
            "## The healthy runs",
            "",
            "They are called healthy because nothing was done to them: "
            + ", ".join(f"{n} {name}" for name, n in methods.items())
            + ". "
            f"In {better} of {len(known)} the nearest neighbours know more of the labels than in the untrained "
            "encoder: a check on the list; no label is shown to the doctor. Runs are short (100 to 300 steps).",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=10)
    arguments.add_argument("--first", type=int, default=0, help="the first seed; the table is made of 0")
    arguments.add_argument("--only", nargs="*", choices=[*FAULTS, "healthy"], help="some rows; writes no page")
    options = arguments.parse_args()
    use_threads(options.threads, default=1)
    seeds = 1 if options.quick else options.seeds
    trials = {
        **{fault: [(many[s % len(many)], s) for s in range(seeds)] for fault, many in FAULTS.items()},
        "healthy": [(trial, i % seeds) for i, trial in enumerate(HEALTHY[:: 8 if options.quick else 1])],
    }
    rows: dict[str, list[dict[str, Any]]] = {}
    for made in options.only or trials:
        for trial, seed in trials[made]:
            row = run(trial, options.first + seed)
            rows.setdefault(made, []).append(row)
            mark = "✓" if row["verdict"] == made else "✗"
            print(mark, made, row["run"], row["seed"], "→", row["verdict"], row["evidence"], row["seconds"], flush=True)
    print(page(rows, seeds))
    if not (options.quick or options.only or options.first):
        PAGE.write_text(page(rows, seeds), encoding="utf-8")
    if not (options.only or options.first):
        keep(options, rows, settings=SETTINGS, seeds=list(range(seeds)))


if __name__ == "__main__":
    main()
