"""Colours and backgrounds as shortcuts: SimCLR on two backgrounds, its views with and without colour operations.

    python benchmarks/shortcut.py [--seeds 5] [--steps 200] [--quick] [--out FILE]

The stored rows of lesson 01. Beside them stand a random encoder, and one trained with the labels on the same views.
"""

from __future__ import annotations

from typing import Any

from _common import keep, parser, use_threads
from torch import nn

from sslwb import nets
from sslwb.augment.images import simclr
from sslwb.data import Images, load
from sslwb.evaluate import embed, knn, probe_causes
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supervised import Supervised
from sslwb.train import fit

BACKGROUNDS = ("plain", "textured")
VIEWS: dict[str, Any] = {"size": 24, "views": 4, "crop": (0.5, 1.0), "rotate": 180, "hue": 0.5, "gray": 0.3}
SETTINGS: dict[str, Any] = {"batch_size": 32, "lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}


def measured(encoder: nn.Module, train: Images, test: Images) -> dict[str, float]:
    """kNN accuracy on shape; how much of shape and of background a linear probe reads, 0 (chance) to 1."""
    a, b = embed(encoder, train), embed(encoder, test)
    causes = probe_causes(a, train, b, test)
    neighbours = knn(a, train.labels, b, test.labels)
    return {"knn": neighbours, "shape": causes["shape"].known, "background": causes["background"].known}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--steps", type=int, default=200)
    options = arguments.parse_args()
    use_threads(options.threads, default=1)
    seeds, steps = (1, 20) if options.quick else (options.seeds, options.steps)

    rows: dict[str, dict[str, list[float]]] = {}
    changes_colour = simclr(**VIEWS)
    for background in BACKGROUNDS:
        for seed in range(seeds):
            pool = load("shapes", seed=seed, background=background)
            train, test = pool[:2048], load("shapes", "test", seed=seed, background=background)[:768]
            row = {"random encoder": measured(nets.conv(16, seed=seed), train, test)}
            for name, method, views in (
                ("colours changed", SimCLR(nets.conv(16, seed=seed), 0.1, seed=seed), changes_colour),
                ("colours kept", SimCLR(nets.conv(16, seed=seed), 0.1, seed=seed), changes_colour.without("colour")),
                ("supervised", Supervised(nets.conv(16, seed=seed), 8, seed=seed), changes_colour),
            ):
                history = fit(method, pool, views, steps=steps, seed=seed, progress=False, **SETTINGS)
                loss = sum(history["loss"][-20:]) / 20
                row[name] = {**measured(method.encoder, train, test), "loss": loss, "seconds": history.seconds}
            for name, values in row.items():
                for term, value in values.items():
                    rows.setdefault(f"{background}, {name}", {}).setdefault(term, []).append(round(value, 4))
                print(background, seed, name, values, flush=True)

    settings = {"data": "shapes", "encoder": "conv(16)", "temperature": 0.1, "steps": steps, **VIEWS, **SETTINGS}
    keep(options, rows, settings=settings, seeds=list(range(seeds)))


if __name__ == "__main__":
    main()
