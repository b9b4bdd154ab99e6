r"""Temperature, batch size, projector and number of views in SimCLR: the stored rows of lesson 03.

    python benchmarks/simclr_ablation.py [--seeds 3] [--steps 200] [--only "2 views" …] [--quick] [--out FILE]
    python benchmarks/simclr_ablation.py --steps 500 --out benchmarks/results/simclr_projector.json \
        --only "the lesson's recipe" "no projector"
    python benchmarks/simclr_ablation.py --steps 2688 --out benchmarks/results/simclr_temperature.json \
        --only "temperature 0.02" "the lesson's recipe" "temperature 0.5" "temperature 2"

Every row is trained on the same number of views (steps × 32 × 4), so a larger batch or more views take fewer steps;
but for those that say otherwise. Neighbours and probe on shape, and what a probe reads of each cause, 0 (chance) to 1:
in the encoder's embedding, and in what the projector makes of it ("projected"). There stand, on the unit sphere, also
the uniformity, and the tolerance: the mean cosine of two pictures of one shape (Wang and Liu 2021, section 4.2).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from _rows import BANK, Rows, accuracies, arguments, last_loss, run, shapes
from torch import Tensor

from sslwb.augment.images import RandomViews
from sslwb.evaluate import embed, probe_causes
from sslwb.geometry import uniformity
from sslwb.methods.family import FAMILY, VIEWS, make_encoder, make_views
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit

SETTINGS = {name: value for name, value in FAMILY["SimCLR"][1].items() if name != "steps"}
# name: what differs from the lesson's recipe, for SimCLR, for the views, for the batch; and how many times the views
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], int]] = {
    "the lesson's recipe": ({}, {}, {}, 1),
    "without crop": ({}, {"crop": (1.0, 1.0)}, {}, 1),
    "without crop, flip, rotation": ({}, {"crop": (1.0, 1.0), "flip": 0.0, "rotate": 0.0}, {}, 1),
    "without colour": ({}, {"jitter": 0.0, "gray": 0.0}, {}, 1),
    "temperature 0.02": ({"temperature": 0.02}, {}, {}, 1),
    "temperature 0.5": ({"temperature": 0.5}, {}, {}, 1),
    "temperature 2": ({"temperature": 2.0}, {}, {}, 1),
    "batch of 8": ({}, {}, {"batch_size": 8}, 1),
    "batch of 128": ({}, {}, {"batch_size": 128}, 1),
    "batch of 128, four times the views": ({}, {}, {"batch_size": 128}, 4),
    "2 views": ({}, {"views": 2}, {}, 1),
    "2 views, three times the views": ({}, {"views": 2}, {}, 3),
    "2 views, three times the views, without colour": ({}, {"views": 2, "jitter": 0.0, "gray": 0.0}, {}, 3),
    "no projector": ({"projector": ()}, {}, {}, 1),
    "linear projector": ({"projector": (128,)}, {}, {}, 1),
}


def tolerance(z: Tensor, y: Tensor) -> float:
    """The mean cosine of two items of one label: z (N, D), y (N,)."""
    z, pairs = F.normalize(z, dim=1), (y[:, None] == y).fill_diagonal_(False)
    return float((z @ z.T)[pairs].mean())


def measure(name: str, seed: int, share: float, steps: int) -> Rows:
    train, test = shapes()
    bank = train[:BANK]
    of_method, of_views, of_fit, times = ROWS[name]
    views = of_views.get("views", VIEWS)
    recipe = make_views.change(**{term: value for term, value in of_views.items() if term != "views"})
    recipe = RandomViews(tuple((views, augment) for _, augment in recipe.kinds))
    settings = SETTINGS | of_fit
    settings["steps"] = max(1, round(steps * share * times * 32 * VIEWS / (settings["batch_size"] * views)))
    method = SimCLR(make_encoder(seed=seed), **{"temperature": 0.1, "seed": seed} | of_method)
    history = fit(method, train, recipe, seed=seed, progress=False, **settings)
    z, q = embed(method.encoder, bank), embed(method.encoder, test)
    with torch.no_grad():
        spaces = {"": (z, q), "projected ": tuple(method.projector.cpu().eval()(t) for t in (z, q))}
    causes = {
        of + cause: probed.known
        for of, (a, b) in spaces.items()
        for cause, probed in probe_causes(a, bank, b, test).items()
    }
    p = spaces["projected "][1]
    sphere = {"uniformity": uniformity(p), "tolerance": tolerance(p, test.labels)}
    sphere |= {"uniformity, centred": uniformity(p - p.mean(0))}  # without the part that all pictures share
    yield name, {"loss": last_loss(history), **accuracies(z, bank, q, test), **causes, **sphere}


def main() -> None:
    asked = arguments(__doc__, ROWS)
    asked.add_argument("--steps", type=int, default=200)
    options = asked.parse_args()
    about = {
        "data": "shapes",
        "encoder": "conv(16, instance_norm=True)",
        "make_views": repr(make_views),
        "temperature": 0.1,
    }
    run(options, partial(measure, steps=options.steps), about | SETTINGS | {"steps": options.steps})


if __name__ == "__main__":
    main()
