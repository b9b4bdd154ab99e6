"""Naming with few labels: what a representation learned without them saves, and where it saves nothing.

    SSLWB_DATA=… python benchmarks/recognition.py [--seeds 3] [--only shapes cifar10 …] [--split test] [--quick]

The stored rows of lesson 20. SimCLR trains on 8,192 pictures without labels, 500 steps as in lesson 03 or 2,688. Then
1, 5, 20 and 100 pictures a class are named. *frozen* is a linear layer on SimCLR's embeddings, *fine-tuned* trains
SimCLR's encoder and a linear layer together, and *from nothing* does the same from random weights, with the same views
and steps. Beside them: a linear layer on the raw pixels and on a random network.

Rate and steps of the last two were chosen on the val split of shapes (`--split val --tries`), for 5 labels a class,
seed 0, after SimCLR's 500 steps; the other rows and data take them as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from _rows import Rows, arguments, run
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import labelled
from sslwb.augment.images import simclr
from sslwb.data import Images, load, subset_per_class
from sslwb.evaluate import embed, linear, raw, untrained
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supervised import Supervised
from sslwb.train import fit

COUNTS = (1, 5, 20, 100)
SHAPES: dict[str, Any] = {"size": 24, "crop": (0.5, 1.0), "rotate": 180, "hue": 0.5, "gray": 0.3}
# name → data, its dials, the views, steps of SimCLR
DATA: dict[str, tuple[str, dict[str, Any], dict[str, Any], int]] = {
    "shapes": ("shapes", {}, SHAPES, 500),
    "shapes, longer": ("shapes", {}, SHAPES, 2688),
    "shapes, textured": ("shapes", {"background": "textured"}, SHAPES, 2688),
    "cifar10": ("cifar10", {}, {"size": 24}, 2688),
    "fashion-mnist": ("fashion-mnist", {}, {"size": 24, "hue": 0.0, "gray": 0.0, "jitter": 0.4}, 2688),
}
SIMCLR: dict[str, Any] = {"batch_size": 32, "lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}
TUNED: dict[str, Any] = {"steps": 1800, "lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}  # from nothing too
TRIES = [(steps, lr) for steps in (300, 900, 1800) for lr in (3e-3, 8e-3, 1.6e-2)]


def supervised(encoder: nn.Module, labels: Images, test: Images, views: Any, how: dict[str, Any], seed: int) -> float:
    """Test accuracy after training encoder and linear layer together on these labels."""
    learner = Supervised(encoder, len(test.classes), seed=seed)
    fit(learner, labels, labelled(views), batch_size=min(32, len(labels)), seed=seed, progress=False, **how)
    with torch.no_grad():
        answers = learner.classifier.cpu()(embed(learner.encoder, test)).argmax(1)
    return float((answers == test.labels).float().mean())


def measure(name: str, seed: int, share: float, split: str = "test", tries: bool = False) -> Rows:
    """A value for each number of labels a class, of three linear layers and of two trainings."""
    world, dials, how, steps = DATA[name]
    train, test = load(world, n=8192, seed=seed, **dials), load(world, split, n=2048, seed=seed, **dials)
    views, one_view = (simclr(views=count, **how) for count in (4, 1))
    method = SimCLR(fresh(train, seed), temperature=0.1, seed=seed)
    fit(method, Images(train.x), views, seed=seed, progress=False, **shortened({**SIMCLR, "steps": steps}, share))
    spaces: dict[str, Callable[[Images], Tensor]] = {
        "raw pixels": raw,
        "random network": partial(embed, untrained(method.encoder)),
        "frozen": partial(embed, method.encoder),
    }
    for count in (5,) if tries else COUNTS:
        few = subset_per_class(train, count, seed)
        for kind, space in spaces.items():
            yield f"{name}: {kind}", {str(count): linear(space(few), few.labels, space(test), test.labels)}
        for kind, encoder in {"fine-tuned": method.encoder, "from nothing": fresh(train, seed)}.items():
            for steps, lr in TRIES if tries else [(TUNED["steps"], TUNED["lr"])]:
                settings = shortened({**TUNED, "steps": steps, "lr": lr}, share)
                title = f"{name}: {kind}" + (f", {steps} steps at {lr}" if tries else "")
                found = supervised(copy.deepcopy(encoder), few, test, one_view, settings, seed)
                yield title, {str(count): found}


def fresh(train: Images, seed: int) -> nn.Module:
    """Lesson 03's encoder with random weights."""
    return nets.conv(16, train.shape[0], seed=seed, instance_norm=True)


def shortened(how: dict[str, Any], share: float) -> dict[str, Any]:
    return {**how, "steps": max(2, round(how["steps"] * share))}


def main() -> None:
    asked = arguments(__doc__, DATA)
    asked.add_argument("--split", default="test", choices=["val", "test"])
    asked.add_argument("--tries", action="store_true", help="all of TRIES: how the settings were chosen")
    options = asked.parse_args()
    about = {"data": DATA, "encoder": "conv(16, instance_norm=True)", "temperature": 0.1, "split": options.split}
    about |= {"SimCLR": SIMCLR, "fine-tuned": TUNED}
    run(options, partial(measure, split=options.split, tries=options.tries), about)


if __name__ == "__main__":
    main()
