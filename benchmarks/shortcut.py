"""Colours and backgrounds as shortcuts: SimCLR on two backgrounds, its views with and without colour operations.

    python benchmarks/shortcut.py [--seeds 5] [--only textured] [--quick] [--out FILE]

The stored rows of lesson 01. Beside them stand a random encoder, and one trained with the labels on the same views.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from _rows import Rows, arguments, last_loss, run
from torch import nn

from sslwb import nets
from sslwb.augment import labelled
from sslwb.augment.images import simclr
from sslwb.data import Images, load
from sslwb.evaluate import embed, knn, probe_causes
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supervised import Supervised
from sslwb.train import fit

BACKGROUNDS = ("plain", "textured")
STEPS = 200
VIEWS: dict[str, Any] = {"size": 24, "views": 4, "crop": (0.5, 1.0), "rotate": 180, "hue": 0.5, "gray": 0.3}
SETTINGS: dict[str, Any] = {"batch_size": 32, "lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}


def measured(encoder: nn.Module, train: Images, test: Images) -> dict[str, float]:
    """kNN accuracy on shape; how much of shape and of background a linear probe reads, 0 (chance) to 1."""
    a, b = embed(encoder, train), embed(encoder, test)
    causes = probe_causes(a, train, b, test)
    neighbours = knn(a, train.labels, b, test.labels)
    return {"knn": neighbours, "shape": causes["shape"].known, "background": causes["background"].known}


def measure(background: str, seed: int, share: float) -> Rows:
    pool = load("shapes", seed=seed, background=background)
    train, test = pool[:2048], load("shapes", "test", seed=seed, background=background)[:768]
    yield f"{background}, random encoder", measured(nets.conv(16, seed=seed), train, test)
    views, steps = simclr(**VIEWS), round(STEPS * share)
    for name, make, recipe in (
        ("colours changed", partial(SimCLR, temperature=0.1), views),
        ("colours kept", partial(SimCLR, temperature=0.1), views.without("colour")),
        ("supervised", partial(Supervised, classes=8), labelled(views)),
    ):
        method = make(nets.conv(16, seed=seed), seed=seed)
        history = fit(method, pool, recipe, steps=steps, seed=seed, progress=False, **SETTINGS)
        found = measured(method.encoder, train, test)
        yield f"{background}, {name}", {**found, "loss": last_loss(history), "seconds": history.seconds}


def main() -> None:
    about = {"data": "shapes", "encoder": "conv(16)", "temperature": 0.1, "steps": STEPS, **VIEWS, **SETTINGS}
    run(arguments(__doc__, BACKGROUNDS, seeds=5).parse_args(), measure, about)


if __name__ == "__main__":
    main()
