"""Boxes and masks from few labelled scenes: what an encoder that was trained without labels is worth there.

    python benchmarks/scenes.py [--seeds 3] [--only detection segmentation] [--split test] [--quick] [--out FILE]

SimCLR as in lesson 03 trains on pictures of single shapes, 700 steps. Then a head learns from 20, 100 and 500 scenes
with their boxes (`tasks.Detection`, mAP at an overlap of 0.5) or masks (`tasks.Segmentation`, mean IoU). *frozen* heads
learn on features that stay as they are, *tuned* ones train the encoder too, *from nothing* is that from random weights.
"no encoder" are connected regions unlike the border, named after the nearest cut-out of the labelled scenes.

Rates and steps were chosen on the val split, with seed 0 and 100 scenes. Of 1e-3, 3e-3 and 1e-2 the last was best for
what is pretrained; from nothing it gave as much as 3e-3.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from _rows import Rows, arguments, run
from torch import nn

from sslwb import nets
from sslwb.data import load
from sslwb.evaluate.embedding import WithoutEncoder
from sslwb.methods.family import make_views
from sslwb.methods.simclr import SimCLR
from sslwb.tasks import Detection, Segmentation
from sslwb.train import fit

COUNTS = (20, 100, 500)
TEST = 400  # scenes that are measured on
SIMCLR: dict[str, Any] = {"steps": 700, "batch_size": 32, "lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}
FROZEN: dict[str, Any] = {"steps": 200, "lr": 1e-2}
TUNED: dict[str, Any] = {"steps": 150, "lr": 1e-2, "tune": True}
TASKS: dict[str, tuple[Any, str]] = {"detection": (Detection, "mAP50"), "segmentation": (Segmentation, "mIoU")}


def measure(name: str, seed: int, share: float, split: str = "test") -> Rows:
    """A value for each number of labelled scenes, of six ways to find things in them."""
    task, term = TASKS[name]
    method = SimCLR(nets.conv(32, seed=seed), temperature=0.1, seed=seed)
    fit(method, load("shapes", n=8192, seed=seed), make_views, seed=seed, progress=False, **shortened(SIMCLR, share))
    ways: dict[str, tuple[nn.Module, dict[str, Any]]] = {
        "no encoder": (WithoutEncoder(3), FROZEN),
        "random, frozen": (nets.conv(32, seed=seed), FROZEN),
        "pretrained, frozen": (method.encoder, FROZEN),
        "from nothing, tuned": (nets.conv(32, seed=seed), TUNED),
        "pretrained, tuned": (method.encoder, TUNED),
    }
    test = load("scenes", split, n=TEST, seed=seed)
    for count in COUNTS:
        train = load("scenes", n=count, seed=seed)
        for kind, (encoder, how) in ways.items():
            found = task(seed=seed, **shortened(how, share))(encoder, train, test)
            yield f"{name}: {kind}", {str(count): found[term]}


def shortened(how: dict[str, Any], share: float) -> dict[str, Any]:
    return {**how, "steps": max(2, round(how["steps"] * share))}


def main() -> None:
    asked = arguments(__doc__, TASKS)
    asked.add_argument("--split", default="test", choices=["val", "test"])
    options = asked.parse_args()
    about = {"encoder": "conv(32)", "SimCLR": SIMCLR, "frozen": FROZEN, "tuned": TUNED, "split": options.split}
    run(options, partial(measure, split=options.split), about | {"test": TEST})


if __name__ == "__main__":
    main()
