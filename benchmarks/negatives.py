"""Which negatives: as they come, weighed, debiased, or told apart by their labels. Stored rows of lesson 04, on shape.

    python benchmarks/negatives.py [--seeds 5] [--only hard …] [--quick] [--out FILE]

SimCLR's recipe of lesson 03 and its budget, 500 steps of 32 pictures; only the loss differs. "debiased" takes off what
a share of negatives of the view's own class would add: the true share, 1/8, and less. "hard" weighs the similar ones
more. In "other shapes only" the loss is told the labels and leaves out negatives of the view's own; in "SupCon" these
are positives. Both are tests of a cause, and no methods of self-supervision; beside them stands training with labels.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from _rows import BANK, Rows, accuracies, arguments, run, shapes
from torch import Tensor

from sslwb.augment import labelled
from sslwb.core import Views
from sslwb.evaluate import embed
from sslwb.methods.base import full_precision, mean_of_other_views
from sslwb.methods.family import BRIEF, FAMILY, VIEWS, make_encoder, make_views, steps_for
from sslwb.methods.hard_negatives import HardNegatives
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supcon import SupCon
from sslwb.train import fit

TEMPERATURE = 0.1
SETTINGS: dict[str, Any] = FAMILY["SimCLR"][1] | {"steps": steps_for(BRIEF)}


@full_precision
def told(z: Tensor, labels: Tensor) -> Tensor:
    """`nt_xent` of V views behind each other, (V · B, D), without negatives of the view's own label."""
    z = F.normalize(z, dim=1)
    mates = mean_of_other_views(z.view(VIEWS, -1, z.shape[1])).flatten(0, 1)
    positive = (z * mates).sum(1, keepdim=True)
    negative = (z @ z.T).masked_fill(labels[:, None] == labels, -torch.inf)
    logits = torch.cat((positive, negative), dim=1) / TEMPERATURE
    return F.cross_entropy(logits, torch.zeros_like(labels))


class OtherShapes(SimCLR):
    """SimCLR that is told the labels, so that no picture of the view's own label is a negative."""

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, labels = views
        return {"loss": told(self.projector(self.encoder(x)), labels)}


ROWS: dict[str, Any] = {
    "as they come": SimCLR,
    "debiased, 1/40": partial(HardNegatives, prior=1 / 40, hardness=0.0),
    "debiased, 1/8": partial(HardNegatives, prior=1 / 8, hardness=0.0),
    "hard": partial(HardNegatives, hardness=0.5),
    "harder": partial(HardNegatives, hardness=2.0),
    "other shapes only": OtherShapes,
    "SupCon": SupCon,
    "supervised": FAMILY["supervised"][0],
}
TOLD = ("other shapes only", "SupCon", "supervised")


def measure(name: str, seed: int, share: float) -> Rows:
    train, test = shapes(seed)
    bank, make = train[:BANK], ROWS[name]
    settings = {} if name == "supervised" else {"temperature": TEMPERATURE}
    method = make(make_encoder(seed=seed), seed=seed, **settings)
    steps = {"steps": max(1, round(SETTINGS["steps"] * share))}
    views = labelled(make_views) if name in TOLD else make_views
    fit(method, train, views, seed=seed, progress=False, **SETTINGS | steps)
    yield name, accuracies(embed(method.encoder, bank), bank, embed(method.encoder, test), test)


def main() -> None:
    about = {"data": "shapes", "encoder": "conv(16, instance_norm=True)", "make_views": repr(make_views)}
    run(arguments(__doc__, ROWS, seeds=5).parse_args(), measure, about | {"temperature": TEMPERATURE} | SETTINGS)


if __name__ == "__main__":
    main()
