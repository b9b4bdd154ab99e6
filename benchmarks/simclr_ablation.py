r"""Temperature, batch size, projector and number of views in SimCLR: the stored rows of lesson 03.

    python benchmarks/simclr_ablation.py [--seeds 3] [--steps 200] [--only "2 views" …] [--quick] [--out FILE]
    python benchmarks/simclr_ablation.py --steps 1000 --out benchmarks/results/simclr_projector.json \
        --only "the lesson's recipe" "no projector"

Every row sees the same number of pictures (steps x 32), so a larger batch takes fewer steps.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from _rows import BANK, Rows, accuracies, arguments, last_loss, run, shapes

from sslwb import nets
from sslwb.augment.images import simclr
from sslwb.evaluate import embed, probe_causes
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit

RECIPE: dict[str, Any] = {"crop": (0.5, 1.0), "rotate": 180, "hue": 0.5, "gray": 0.3}
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


def measure(name: str, seed: int, share: float, steps: int) -> Rows:
    train, test = shapes()
    of_method, of_views, of_fit = ROWS[name]
    settings = SETTINGS | of_fit
    settings["steps"] = max(1, round(steps * share * SETTINGS["batch_size"] / settings["batch_size"]))
    method = SimCLR(nets.conv(16, seed=seed), **{"temperature": 0.1, "seed": seed} | of_method)
    views = simclr(24, **{"views": 4} | RECIPE | of_views)
    history = fit(method, train, views, seed=seed, progress=False, **settings)
    bank = train[:BANK]
    z, q = embed(method.encoder, bank), embed(method.encoder, test)
    colour = probe_causes(z, bank, q, test)["colour"].known
    row = {"loss": last_loss(history), **accuracies(z, bank, q, test), "colour": colour}
    yield name, row | {"seconds": history.seconds}


def main() -> None:
    asked = arguments(__doc__, ROWS)
    asked.add_argument("--steps", type=int, default=200)
    options = asked.parse_args()
    about = {"data": "shapes", "steps": options.steps, "views": 4, "size": 24, **RECIPE, **SETTINGS}
    run(options, partial(measure, steps=options.steps), about)


if __name__ == "__main__":
    main()
