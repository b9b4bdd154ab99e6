"""Few labels: what self-supervision buys, and what the views alone buy. Accuracy on shape by labels a class.

    python benchmarks/few_labels.py [--seeds 5] [--quick] [--out FILE]

The stored rows of lesson 00. Beside a linear layer on SimCLR's encoder (1,000 steps of 128 views) stand the same
encoder fine-tuned, and the same network trained from nothing on the labelled pictures alone: with ordinary views (crop
and flip), and with SimCLR's own views.
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
STEPS = {"SimCLR": 1000, "ordinary views": 600, "SimCLR's views": 2000, "fine-tuned": 600}


def supervised(encoder: nn.Module, labels: Images, test: Images, views: MakeViews, steps: int, seed: int) -> float:
    """Test accuracy after `steps` of training with these labels, encoder and linear layer together."""
    learner = Supervised(encoder, len(test.classes), seed=seed)
    size = min(32, len(labels))
    fit(learner, labels, labelled(views), steps=steps, batch_size=size, seed=seed, progress=False, **SETTINGS)
    with torch.no_grad():
        answers = learner.classifier.cpu()(embed(learner.encoder, test)).argmax(1)
    return float((answers == test.labels).float().mean())


def measure(world: str, seed: int, share: float) -> Rows:
    """A value for each number of labels: of linear layers on three spaces, and of three supervised trainings."""
    train, test = shapes(seed)
    steps = {name: round(count * share) for name, count in STEPS.items()}
    method = SimCLR(nets.conv(16, seed=seed), temperature=0.1, projector=(), seed=seed)
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
        few = subset_per_class(train, count, seed)
        for name, space in spaces.items():
            yield name, {str(count): linear(space(few), few.labels, space(test), test.labels)}
        for name, encoder, recipe in (
            ("ordinary views", nets.conv(16, seed=seed), weak(24)),
            ("SimCLR's views", nets.conv(16, seed=seed), one_view),
            ("fine-tuned", copy.deepcopy(trained), one_view),
        ):
            yield name, {str(count): supervised(encoder, few, test, recipe, steps[name], seed)}


def main() -> None:
    about = {"data": "shapes", "encoder": "conv(16)", "temperature": 0.1, "steps": STEPS, **CHANGES, **SETTINGS}
    run(arguments(__doc__, ["shapes"], seeds=5).parse_args(), measure, about)


if __name__ == "__main__":
    main()
