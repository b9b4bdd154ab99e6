r"""Temperature, batch size, projector and number of views in SimCLR: the stored rows of lesson 03.

    python benchmarks/simclr_ablation.py [--seeds 3] [--steps 200] [--out simclr_ablation.json]
    python benchmarks/simclr_ablation.py --steps 800 --out simclr_projector.json \
        --only "the lesson's recipe" "no projector"

Every row sees the same number of pictures (steps x 32), so a larger batch takes fewer steps.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import torch

import sslwb
from sslwb import nets
from sslwb.augment.images import simclr
from sslwb.data import load
from sslwb.evaluate import embed, knn, linear, probe_causes
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit

RECIPE = {"crop": (0.5, 1.0), "rotate": 180, "hue": 0.5, "gray": 0.3}
SETTINGS: dict[str, Any] = {"batch_size": 32, "lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}
# name: what differs from the lesson's recipe, for SimCLR, for the views, for fit
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "the lesson's recipe": ({}, {}, {}),
    "without crop": ({}, {"crop": (1.0, 1.0)}, {}),
    "without crop, flip, rotation": ({}, {"crop": (1.0, 1.0), "flip": 0.0, "rotate": 0.0}, {}),
    "without colour": ({}, {"jitter": 0.0, "gray": 0.0}, {}),
    "temperature 0.02": ({"temperature": 0.02}, {}, {}),
    "temperature 0.5": ({"temperature": 0.5}, {}, {}),
    "temperature 2": ({"temperature": 2.0}, {}, {}),
    "batch of 8": ({}, {}, {"batch_size": 8}),
    "batch of 128": ({}, {}, {"batch_size": 128}),
    "no projector": ({"projector": ()}, {}, {}),
    "linear projector": ({"projector": (128,)}, {}, {}),
    "2 views": ({}, {"views": 2}, {}),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=200)
    arguments.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), help="rows to make")
    arguments.add_argument("--out", default="simclr_ablation.json", help="file in benchmarks/results/")
    options = arguments.parse_args()

    train, test = load("shapes", n=8192), load("shapes", split="test", n=2048)
    rows: dict[str, dict[str, list[float]]] = {}
    for name in options.only:
        method_settings, view_settings, fit_settings = ROWS[name]
        row: dict[str, list[float]] = {"loss": [], "knn": [], "linear": [], "colour": [], "seconds": []}
        settings = {**SETTINGS, **fit_settings}
        steps = options.steps * SETTINGS["batch_size"] // settings["batch_size"]
        for seed in range(options.seeds):
            method = SimCLR(nets.conv(seed=seed), **{"temperature": 0.1, "seed": seed, **method_settings})
            views = simclr(24, **{"views": 4, **RECIPE, **view_settings})
            history = fit(method, train, views, steps=steps, seed=seed, progress=False, **settings)
            z, q = embed(method.encoder, train[:4096]), embed(method.encoder, test)
            where = z, train.labels[:4096], q, test.labels
            row["loss"].append(round(sum(history["loss"][-20:]) / 20, 4))
            row["knn"].append(round(knn(*where), 4))
            row["linear"].append(round(linear(*where), 4))
            row["colour"].append(round(probe_causes(z, train[:4096], q, test)["colour"].known, 4))
            row["seconds"].append(round(history.seconds, 1))
        rows[name] = row
        print(f"{name:30}", *(f"{term} {values}" for term, values in row.items()), flush=True)

    precision = {"precision": history.settings["precision"]}
    out = Path(__file__).parent / "results" / options.out
    out.parent.mkdir(exist_ok=True)
    record = {
        "command": shlex.join(["python", "benchmarks/simclr_ablation.py", *sys.argv[1:]]),
        "settings": {"data": "shapes", "steps": options.steps, "views": 4, "size": 24, **RECIPE, **SETTINGS},
        "seeds": list(range(options.seeds)),
        "rows": rows,
        "versions": {"sslwb": sslwb.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": {"threads": torch.get_num_threads(), "processor": platform.machine(), **precision},
        "date": time.strftime("%Y-%m-%d"),
    }
    out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
