"""SimCLR on CIFAR-10 for 180 seconds of training on two cores: kNN and linear probe on the whole test set.

    SSLWB_DATA=… python benchmarks/cifar10.py [--quick] [--seconds 180] [--seeds 1] [--threads 2]

Four views of 16×16 an image, each against the mean direction of the others. The number of steps is what fits into the
seconds, measured on a few steps before; the seconds that were really spent are in the table.
"""

from __future__ import annotations

from typing import Any

from _common import cores, keep, parser, use_threads
from _rows import accuracies

from sslwb import nets
from sslwb.augment.images import simclr
from sslwb.data import load
from sslwb.evaluate import embed, untrained
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit
from sslwb.train.loop import estimate

WIDTH = 40
TEMPERATURE = 0.15
VIEWS: dict[str, Any] = {"size": 16, "views": 4}
SETTINGS: dict[str, Any] = {"batch_size": 64, "lr": 6e-3, "weight_decay": 1e-3, "warmup": 0.1}
TRIAL = 40  # steps that measure the pace


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=180)
    arguments.add_argument("--seeds", type=int, default=1)
    arguments.add_argument("--steps", type=int, help="this many steps, whatever they take")
    options = arguments.parse_args()
    use_threads(options.threads, min(2, cores()))
    train, test = load("cifar10"), load("cifar10", split="test")
    if options.quick:
        train, test = train[:1000], test[:300]
    views = simclr(**VIEWS)

    rows = []
    for seed in range(options.seeds):
        method = SimCLR(nets.conv(WIDTH, seed=seed), temperature=TEMPERATURE, seed=seed)
        steps = options.steps or (4 if options.quick else pace(method, train, views, options.seconds))
        history = fit(method, train, views, steps=steps, seed=seed, **SETTINGS)
        row: dict[str, float] = {"seconds": round(history.seconds, 1), "steps": steps}
        for name, encoder in (("random", untrained(method.encoder, seed)), ("SimCLR", method.encoder)):
            found = accuracies(embed(encoder, train), train, embed(encoder, test), test)
            row |= {f"{name} {term}": round(value, 4) for term, value in found.items()}
        row["views a second"] = round(steps * SETTINGS["batch_size"] * VIEWS["views"] / history.seconds)
        rows.append(row)
        print(f"seed {seed}:", *(f"{name} {value}" for name, value in row.items()), flush=True)
    recipe = {"width": WIDTH, "temperature": TEMPERATURE, **VIEWS, **SETTINGS}
    keep(options, rows, settings=recipe, seeds=list(range(options.seeds)))


def pace(method: SimCLR, train: Any, views: Any, seconds: float) -> int:
    """How many steps fit into the seconds."""
    estimate(method, train, views, steps=4, **SETTINGS)  # the first steps of a process are slow
    each = [estimate(method, train, views, steps=TRIAL, **SETTINGS) or 0.0 for _ in range(5)]
    return max(1, int(seconds / (sorted(each)[2] / TRIAL)))


if __name__ == "__main__":
    main()
