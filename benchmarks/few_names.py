"""Few names: what self-supervision buys, and what the views alone buy. Accuracy on shape by names a class.

    python benchmarks/few_names.py [--seeds 5] [--quick] [--out FILE]

The stored rows of lesson 00. Beside a linear layer on SimCLR's encoder (600 steps of 128 views) stand the same encoder
fine-tuned, and the same network trained from nothing on the names alone: with ordinary views (crop and flip), and with
SimCLR's own views for as many seconds as SimCLR had.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from _rows import Rows, arguments, run, shapes
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import labelled
from sslwb.augment.images import simclr, weak
from sslwb.core import MakeViews
from sslwb.data import Images, subset_per_class
from sslwb.evaluate import embed, linear, raw, untrained
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supervised import Supervised
from sslwb.train import fit

COUNTS = (1, 2, 5, 10, 50)
CHANGES: dict[str, Any] = {"crop": (0.5, 1.0), "rotate": 180, "hue": 0.5, "gray": 0.3}
SETTINGS: dict[str, Any] = {"lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}
STEPS = {"SimCLR": 600, "ordinary views": 600, "SimCLR's views": 2000, "fine-tuned": 600}


def supervised(encoder: nn.Module, named: Images, test: Images, views: MakeViews, steps: int, seed: int) -> float:
    """Test accuracy after `steps` of training with the names, encoder and linear layer together."""
    learner = Supervised(encoder, len(test.classes), seed=seed)
    size = min(32, len(named))
    fit(learner, named, labelled(views), steps=steps, batch_size=size, seed=seed, progress=False, **SETTINGS)
    with torch.no_grad():
        answers = learner.classifier.cpu()(embed(learner.encoder, test)).argmax(1)
    return float((answers == test.labels).float().mean())


def measure(world: str, seed: int, share: float) -> Rows:
    """A value for each number of names: of linear layers on three spaces, and of three supervised trainings."""
    train, test = shapes(seed)
    steps = {name: round(count * share) for name, count in STEPS.items()}
    method = SimCLR(nets.conv(seed=seed), temperature=0.1, projector=(), seed=seed)
    views, one_view = (simclr(24, views=count, **CHANGES) for count in (4, 1))
    unlabelled = Images(train.x)
    fit(method, unlabelled, views, steps=steps["SimCLR"], batch_size=32, seed=seed, progress=False, **SETTINGS)
    trained = method.encoder
    spaces: dict[str, Callable[[Images], Tensor]] = {
        "raw pixels": raw,
        "random network": partial(embed, untrained(trained)),
        "self-supervised": partial(embed, trained),
    }
    for count in COUNTS:
        named = subset_per_class(train, count, seed)
        for name, space in spaces.items():
            yield name, {str(count): linear(space(named), named.labels, space(test), test.labels)}
        for name, encoder, recipe in (
            ("ordinary views", nets.conv(seed=seed), weak(24)),
            ("SimCLR's views", nets.conv(seed=seed), one_view),
            ("fine-tuned", copy.deepcopy(trained), one_view),
        ):
            yield name, {str(count): supervised(encoder, named, test, recipe, steps[name], seed)}


def main() -> None:
    about = {"data": "shapes", "encoder": "conv(32)", "temperature": 0.1, "steps": STEPS, **CHANGES, **SETTINGS}
    run(arguments(__doc__, ["shapes"], seeds=5).parse_args(), measure, about)


if __name__ == "__main__":
    main()
