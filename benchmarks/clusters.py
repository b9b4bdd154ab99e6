"""SwAV and DINO whole and with one part taken out, and what a small transformer's attention follows.

    python benchmarks/clusters.py [--seeds 3] [--only attention] [--quick] [--out FILE]

The stored rows of lesson 07. The trainings are as long as the lesson's. A row of attention says how often a patch of
the object gets more attention than one beside it: by a picture's own map, by another picture's, by the mean map of all
pictures; and by the untrained transformer's own and mean map. Where pictures are evened, each has mean and spread of
each colour channel taken away, so that the grey of its background is hidden. Attention has two seeds more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from _rows import Rows, accuracies, arguments, last_loss, run, shapes
from sklearn.cluster import KMeans
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment.images import as_float
from sslwb.core import Views
from sslwb.data import Images
from sslwb.evaluate import embed, probe_causes, untrained
from sslwb.methods.base import Method
from sslwb.methods.dino import DINO, sharpened
from sslwb.methods.family import BRIEF, FAMILY, make_encoder, make_views, steps_for
from sslwb.methods.swav import SwAV, swapped_loss
from sslwb.train import fit


class WithoutSinkhorn(SwAV):
    """The code of a view is a plain softmax of its own scores."""

    def forward(self, views: Views) -> dict[str, Tensor]:
        scores = self.head(self.encoder(torch.cat(tuple(views)))).unflatten(0, (len(views), -1))
        codes = (scores.detach() / self.epsilon).softmax(2)
        return {"loss": swapped_loss(scores, codes, self.temperature)}


METHODS: dict[str, tuple[Callable[..., Method], str]] = {
    "SwAV": (SwAV, "SwAV"),
    "without Sinkhorn": (WithoutSinkhorn, "SwAV"),
    "DINO": (DINO, "DINO"),
    "without centring": (partial(DINO, centring=False), "DINO"),
    "without sharpening": (partial(DINO, teacher_temperature=0.1), "DINO"),
}
ATTENTION = {"attention": False, "attention, evened": True}
SMALL: dict[str, Any] = {"patch": 8, "dim": 96, "depth": 2, "heads": 3}
SHORT: dict[str, Any] = {"steps": 200, "batch_size": 32, "lr": 2e-3, "weight_decay": 1e-2, "warmup": 0.2}


def purity(choice: Tensor, labels: Tensor) -> float:
    """Of how many items the label is the most frequent one of their group."""
    table = torch.zeros(int(choice.max()) + 1, int(labels.max()) + 1)
    table.index_put_((choice, labels), torch.ones(len(labels)), accumulate=True)
    return float(table.max(1).values.sum() / len(labels))


def entropies(said: Tensor) -> dict[str, float]:
    each, mean = torch.special.entr(said).sum(1).mean(), torch.special.entr(said.mean(0)).sum()
    return {"entropy of each": float(each), "entropy of the mean": float(mean)}


def groups(method: Any, test: Images, seed: int) -> dict[str, float]:
    """Purity and prototypes in use; the purity that shuffled labels have in the same groups."""
    scores = embed(nn.Sequential(method.encoder, method.head), test)
    if isinstance(method, DINO):
        scores = scores - method.centre.cpu()
    choice = scores.argmax(1)
    shares = choice.bincount(minlength=scores.shape[1]) / len(test)
    shuffled = test.labels[torch.randperm(len(test), generator=torch.Generator().manual_seed(seed))]
    in_use = float(torch.special.entr(shares).sum().exp())
    return {"purity": purity(choice, test.labels), "in use": in_use, "purity, shuffled": purity(choice, shuffled)}


def kmeans_purity(z: Tensor, labels: Tensor, seed: int, count: int = 64) -> float:
    z = nn.functional.normalize(z - z.mean(0), dim=1)
    choice = KMeans(count, n_init=1, random_state=seed).fit_predict(z.numpy())
    return purity(torch.from_numpy(choice).long(), labels)


def trained(name: str, seed: int, share: float) -> Rows:
    make, settings_of = METHODS[name]
    train, test = shapes(seed)
    bank = train[:4096]
    method: Any = make(make_encoder(seed=seed), seed=seed)
    settings = FAMILY[settings_of][1] | {"steps": round(share * steps_for(BRIEF))}
    history = fit(method, train, make_views, seed=seed, progress=False, **settings)
    z = embed(method.encoder, test)
    row = accuracies(embed(method.encoder, bank), bank, z, test) | groups(method, test, seed)
    row["purity, k-means"] = kmeans_purity(z, test.labels, seed)
    fresh = embed(untrained(method.encoder, seed), test)
    row["purity, k-means untrained"] = kmeans_purity(fresh, test.labels, seed)
    if isinstance(method, DINO):
        row |= entropies(sharpened(embed(method.teacher, test), method.centre.cpu(), method.teacher_temperature))
    yield name, row | {"loss": last_loss(history)}


def evened(x: Tensor) -> Tensor:
    """Mean 0.5 and spread 0.15 in each channel of each picture, cut to [0, 1]."""
    x = as_float(x)
    flat = (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True).clamp(min=1e-3)
    return (0.5 + 0.15 * flat).clamp(0, 1)


def looked_at(vit: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        weights: Tensor = vit.cpu().eval().attention(x)  # (N, heads, from, to)
    return weights.mean((1, 2))  # (N, patches)


def of_all(maps: Tensor) -> Tensor:
    """The mean map, for each picture the same."""
    return maps.mean(0, keepdim=True).expand_as(maps)


def on_object(score: Tensor, images: Images) -> float:
    """How often a patch of the object gets more attention than one beside it: the mean over pictures."""
    paper = images.factors["background"][:, None, None, None]
    cover = ((as_float(images.x) - paper).abs().amax(1, keepdim=True) > 0.14).float()
    objects = nn.functional.adaptive_avg_pool2d(cover, int(score.shape[1] ** 0.5)).flatten(1) > 0.5
    wins = [(s[o][:, None] > s[~o]).float().mean() for s, o in zip(score, objects, strict=True) if 0 < o.sum() < len(o)]
    return float(torch.stack(wins).mean())


def attention(name: str, seed: int, share: float) -> Rows:
    train, test = shapes(seed)
    seen = evened if ATTENTION[name] else as_float
    some = test[:512]
    x = seen(some.x)

    def views(batch: Images, g: torch.Generator) -> list[Tensor]:
        return [seen(view) for view in make_views(batch, g)]

    before = looked_at(nets.vit(**SMALL, seed=seed), x)
    row = {"untrained": on_object(before, some), "untrained mean": on_object(of_all(before), some)}
    student = DINO(nets.vit(**SMALL, seed=seed), seed=seed)
    fit(student, train, views, seed=seed, progress=False, **SHORT | {"steps": round(share * SHORT["steps"])})
    maps = looked_at(student.encoder, x)
    row |= {"own": on_object(maps, some), "another's": on_object(maps.roll(1, 0), some)}
    row["mean"] = on_object(of_all(maps), some)
    a, b = (embed(student.encoder, seen(part.x)) for part in (train[:2048], test[:1024]))
    causes = probe_causes(a, train[:2048], b, test[:1024])
    yield name, row | {f"knows {cause}": causes[cause].known for cause in ("background", "colour", "shape")}


def measure(name: str, seed: int, share: float) -> Rows:
    yield from (attention if name in ATTENTION else trained)(name, seed, share)


def main() -> None:
    about = {"data": "shapes", "encoder": "make_encoder", "steps": steps_for(BRIEF), "transformer": SMALL | SHORT}
    run(arguments(__doc__, [*METHODS, *ATTENTION]).parse_args(), measure, about, more=dict.fromkeys(ATTENTION, 2))


if __name__ == "__main__":
    main()
