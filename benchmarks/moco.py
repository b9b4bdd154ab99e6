"""MoCo: how many negatives, which temperature, and how slow a teacher. Accuracy of neighbours and of a probe on shape.

    python benchmarks/moco.py [--seeds 3] [--only whole …] [--quick] [--out FILE]

The stored rows of lesson 04. Short trainings, but for those called whole; the momenta have a long queue, whose keys
can grow old. The lesson's own recipe is run with two seeds more, short and whole. Every row has the same batch of 32.
In two rows no key of the query's own shape is a negative: the labels show which they are, so that this is a test of a
cause, and no method.
"""

from __future__ import annotations

from statistics import mean
from typing import Any

import torch
import torch.nn.functional as F
from _rows import BANK, Rows, arguments, last_loss, run, shapes
from torch import Tensor

from sslwb.augment import labelled
from sslwb.core import Views
from sslwb.data import Images
from sslwb.evaluate import embed, knn, label_curve, linear, raw, untrained
from sslwb.methods.base import mean_of_other_views
from sslwb.methods.family import VIEWS, make_encoder, make_views
from sslwb.methods.moco import MoCo, queue_loss
from sslwb.train import fit

RECIPE: dict[str, Any] = {"queue": 512, "momentum": 0.99, "temperature": 0.1, "projector": (64,)}
SETTINGS: dict[str, Any] = {"batch_size": 32, "lr": 4e-3, "weight_decay": 1e-2, "warmup": 0.2}
SHORT, WHOLE = 200, 500  # steps
LONG = 4096  # a queue whose oldest keys are 32 steps old
ROWS: dict[str, tuple[int, dict[str, Any]]] = {
    "the lesson's recipe": (SHORT, {}),
    **{f"{n} negatives": (SHORT, {"seen": n}) for n in (1, 4, 16)},
    "128 negatives": (SHORT, {"queue": 128}),
    "4096 negatives": (SHORT, {"queue": LONG}),
    "momentum 0": (SHORT, {"queue": LONG, "momentum": 0.0}),
    "momentum 0.9": (SHORT, {"queue": LONG, "momentum": 0.9}),
    "momentum 1": (SHORT, {"queue": LONG, "momentum": 1.0}),
    "temperature 0.5": (SHORT, {"temperature": 0.5}),
    "temperature 2": (SHORT, {"temperature": 2.0}),
    "128 negatives, other shapes": (SHORT, {"queue": 128, "told": True}),
    "4096 negatives, other shapes": (SHORT, {"queue": LONG, "told": True}),
    "whole": (WHOLE, {}),
    "whole, momentum 1": (WHOLE, {"momentum": 1.0}),
}
MORE_SEEDS = {"the lesson's recipe": 2, "whole": 2}  # the claims of the lesson stand on these


class FewNegatives(MoCo):
    """MoCo whose loss sees only the newest keys of the queue."""

    def __init__(self, *inputs: Any, seen: int, **settings: Any) -> None:
        super().__init__(*inputs, **settings)
        self.seen = seen

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, shape = torch.cat([*views]), (len(views), len(views[0]), -1)
        queries = self.projector(self.encoder(x))
        with torch.no_grad():
            self._keys = F.normalize(self.teacher(x).float(), dim=1)
        newest = (self.place - 1 - torch.arange(self.seen, device=x.device)) % len(self.queue)
        positives = mean_of_other_views(self._keys.view(shape)).flatten(0, 1)
        return {"loss": queue_loss(queries, positives, self.queue[newest], self.temperature)}


class OtherShapes(MoCo):
    """MoCo that is told the labels, so that no key of the query's own label is a negative."""

    labels: Tensor

    def __init__(self, *inputs: Any, **settings: Any) -> None:
        super().__init__(*inputs, **settings)
        self.register_buffer("labels", torch.full((len(self.queue),), -1))  # of the keys in the queue

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, every = views  # both (V · B, …), one view behind the other
        q = F.normalize(self.projector(self.encoder(x)).float(), dim=1)
        with torch.no_grad():
            self._keys = F.normalize(self.teacher(x).float(), dim=1)
        k = F.normalize(mean_of_other_views(self._keys.view(VIEWS, -1, self._keys.shape[1])).flatten(0, 1), dim=1)
        negatives = (q @ self.queue.T).masked_fill(every[:, None] == self.labels, -torch.inf)
        logits = torch.cat(((q * k).sum(1, keepdim=True), negatives), dim=1) / self.temperature
        places = (self.place + torch.arange(len(every))) % len(self.queue)
        self.labels[places] = every
        return {"loss": F.cross_entropy(logits, torch.zeros_like(every))}


def beyond(fresh: torch.nn.Module, z: Tensor, bank: Images, q: Tensor, test: Images) -> dict[str, float]:
    """What else the lesson claims of its training: the probe, few labels, and both baselines."""
    fresh_z, fresh_q = embed(fresh, bank), embed(fresh, test)
    labels = bank.labels, test.labels
    return {
        "linear": linear(z, labels[0], q, labels[1]),
        "ten labels": mean(label_curve(z, bank, q, test, (10,))[10]),
        "random, knn": knn(fresh_z, labels[0], fresh_q, labels[1]),
        "random, ten labels": mean(label_curve(fresh_z, bank, fresh_q, test, (10,))[10]),
        "raw, knn": knn(raw(bank), labels[0], raw(test), labels[1]),
    }


def measure(name: str, seed: int, share: float) -> Rows:
    train, test = shapes(seed)
    bank, (steps, other) = train[:BANK], ROWS[name]
    steps, told = round(steps * share), "told" in other
    kind = OtherShapes if told else FewNegatives if "seen" in other else MoCo
    changed = {term: value for term, value in other.items() if term != "told"}
    method = kind(make_encoder(seed=seed), seed=seed, **RECIPE | changed)
    views = labelled(make_views) if told else make_views
    log = fit(method, train, views, steps=steps, seed=seed, progress=False, **SETTINGS)
    z, q = embed(method.encoder, bank), embed(method.encoder, test)
    row = {"steps": steps, "loss": last_loss(log), "knn": knn(z, bank.labels, q, test.labels)}
    yield name, row | (beyond(untrained(method.encoder), z, bank, q, test) if name == "whole" else {})


def main() -> None:
    about = {"data": "shapes", "encoder": "conv(16, instance_norm=True)", "make_views": repr(make_views)}
    about |= {"views": VIEWS, **RECIPE, **SETTINGS}
    run(arguments(__doc__, ROWS).parse_args(), measure, about, more=MORE_SEEDS)


if __name__ == "__main__":
    main()
