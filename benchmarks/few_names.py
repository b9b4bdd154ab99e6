"""Few names: what self-supervision buys, and what the views alone buy. Accuracy on shape by names a class.

    python benchmarks/few_names.py [--seeds 5] [--quick] [--out FILE]

The stored rows of lesson 00. Beside a linear layer on SimCLR's encoder (600 steps of 128 views) stand the same encoder
fine-tuned, and the same network trained from nothing on the names alone: with ordinary views (crop and flip), and with
SimCLR's own views for as many seconds as SimCLR had.
"""

from __future__ import annotations

import copy
import time
from functools import partial
from typing import Any

import torch
from _common import keep, parser, use_threads
from torch import nn

from sslwb import nets
from sslwb.augment.images import RandomViews, simclr, weak
from sslwb.data import Images, load, subset_per_class
from sslwb.evaluate import embed, linear, raw, untrained
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supervised import Supervised
from sslwb.train import fit

COUNTS = (1, 2, 5, 10, 50)
CHANGES: dict[str, Any] = {"crop": (0.5, 1.0), "rotate": 180, "hue": 0.5, "gray": 0.3}
SETTINGS: dict[str, Any] = {"lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}
STEPS = {"ordinary views": 600, "SimCLR's views": 2000, "fine-tuned": 600}


def supervised(encoder: nn.Module, named: Images, test: Images, views: RandomViews, steps: int, seed: int) -> float:
    """Test accuracy after `steps` of training with the names, encoder and linear layer together."""
    learner = Supervised(encoder, len(test.classes), seed=seed)
    size = min(32, len(named))
    fit(learner, named, views, steps=steps, batch_size=size, seed=seed, progress=False, **SETTINGS)
    with torch.no_grad():
        answers = learner.classifier.cpu()(embed(learner.encoder, test)).argmax(1)
    return float((answers == test.labels).float().mean())


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=5)
    options = arguments.parse_args()
    use_threads(options.threads, default=1)
    seeds, share = (1, 0.02) if options.quick else (options.seeds, 1.0)

    rows: dict[str, dict[str, list[float]]] = {}
    for seed in range(seeds):
        train, test = load("shapes", n=8192, seed=seed), load("shapes", "test", n=2048, seed=seed)
        method = SimCLR(nets.conv(seed=seed), temperature=0.1, projector=(), seed=seed)
        views, steps = simclr(24, views=4, **CHANGES), round(600 * share)
        fit(method, Images(train.x), views, steps=steps, batch_size=32, seed=seed, progress=False, **SETTINGS)
        trained = method.encoder
        spaces = {
            "raw pixels": raw,
            "random network": partial(embed, untrained(trained)),
            "self-supervised": partial(embed, trained),
        }
        for count in COUNTS:
            named = subset_per_class(train, count, seed)
            row = {name: linear(space(named), named.labels, space(test), test.labels) for name, space in spaces.items()}
            for name, encoder, change in (
                ("ordinary views", nets.conv(seed=seed), weak(24)),
                ("SimCLR's views", nets.conv(seed=seed), simclr(24, views=1, **CHANGES)),
                ("fine-tuned", copy.deepcopy(trained), simclr(24, views=1, **CHANGES)),
            ):
                begin = time.process_time()
                row[name] = supervised(encoder, named, test, change, round(STEPS[name] * share), seed)
                print(seed, count, name, round(row[name], 3), f"{time.process_time() - begin:.0f} s", flush=True)
            print(seed, count, {name: round(value, 3) for name, value in row.items()}, flush=True)
            for name, value in row.items():
                rows.setdefault(name, {}).setdefault(str(count), []).append(round(value, 4))

    settings = {
        "data": "shapes",
        "encoder": "conv(32)",
        "temperature": 0.1,
        "steps": {"SimCLR": 600, **STEPS},
        **CHANGES,
        **SETTINGS,
    }
    keep(options, rows, settings=settings, seeds=list(range(seeds)))


if __name__ == "__main__":
    main()
