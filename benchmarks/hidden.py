"""Predict what is hidden: each method's representation of the world of shapes, with one seed after the other.

    python benchmarks/hidden.py [--seeds 3] [--only MAE jigsaw …] [--quick] [--out FILE]

Lessons 09, 10 and 11 stand on these rows. Each row is one method with its recipe, trained on 8,192 pictures for up to a
minute of one core; beside them stand raw pixels and both encoders with random weights. Measured on the test split:
kNN and linear probe (4,096 labels), the linear probe with 20 labels a class, for the main rows fine-tuning with 20 and
with 512 labels a class, the hidden causes, and the score of the puzzle itself on test pictures: `own` with the row's
own views, `plain` with the views of the row that has no trace (gap 2, no lens). Settings were chosen on the val split.
`--only` makes some rows anew and keeps the others of the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import mean
from typing import Any

import torch
from _rows import BANK, Rows, accuracies, arguments, last_loss, run

from sslwb import nets
from sslwb.augment import masks, puzzles
from sslwb.augment.images import weak
from sslwb.data import Images, load, subset_per_class
from sslwb.evaluate import embed, fine_tune, label_curve, probe_causes, raw, untrained
from sslwb.methods.base import Method
from sslwb.methods.family import make_views
from sslwb.methods.inpainting import Inpainting
from sslwb.methods.jepa import JEPA
from sslwb.methods.jigsaw import Jigsaw
from sslwb.methods.mae import MAE
from sslwb.methods.rotation import Rotation
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit

SIZE = 24
CROP = (0.7, 1.0)
FEW, MANY = 20, 512  # labels a class
conv = partial(nets.conv, 16, instance_norm=True)
transformer = partial(nets.vit, 4, 96, 3, 2)  # patch, dim, depth, heads
small = partial(nets.vit, 4, 64, 3, 2)  # of lesson 11, which trains two of them
SCATTERED = masks.Scattered()  # MAE's mask
Recipe = tuple[Callable[..., Any], Callable[..., Method], Any, dict[str, Any]]


def how(steps: int, lr: float, batch_size: int = 32) -> dict[str, Any]:
    """What `fit` is given; fp32, which is faster than bf16 for nets as small as these."""
    return {"steps": steps, "lr": lr, "batch_size": batch_size, "weight_decay": 0.05, "precision": "fp32"}


def jigsaw(steps: int = 2000, **settings: Any) -> Recipe:
    return conv, Jigsaw, puzzles.jigsaw(SIZE, crop=CROP, **settings), how(steps, 4e-3, 64)


def mae(ratio: float = 0.75, steps: int = 1600, lr: float = 6e-3, **settings: Any) -> Recipe:
    return transformer, partial(MAE, **settings), masks.mae(SIZE, ratio=ratio, crop=CROP), how(steps, lr)


def comparing(steps: int) -> Recipe:
    return transformer, partial(SimCLR, temperature=0.1), make_views, how(steps, 2e-3)


def pixels() -> Recipe:
    """Lesson 11: a mask, and the pixels behind it."""
    return small, MAE, masks.mae(SIZE, crop=CROP), how(1000, 6e-3)


def representations(spread: float = 0.3, draw: Any = SCATTERED) -> Recipe:
    """Lesson 11: the same mask, and what a teacher makes of what is behind it."""
    views = masks.Masked(weak(SIZE, crop=CROP), draw)
    return small, partial(JEPA, momentum=0.996, spread=spread), views, how(1000, 6e-3)


# name → encoder, method, views, settings of fit; a name that ends in the name of another world is trained in that one
ROWS: dict[str, Recipe] = {
    "MAE": mae(),
    "MAE, normalised": mae(normalise=True, lr=2e-3),
    # comparing, on MAE's network: as many steps as take MAE's time, and as many steps as MAE
    "SimCLR, transformer": comparing(300),
    "SimCLR, transformer, 1,600 steps": comparing(1600),
    "I-JEPA": (transformer, JEPA, masks.jepa(SIZE, crop=CROP), how(800, 3e-3)),
    "jigsaw": jigsaw(),
    "inpainting": (conv, partial(Inpainting, size=SIZE), masks.inpainting(SIZE, crop=CROP), how(1600, 4e-3)),
    "rotation": (conv, Rotation, puzzles.rotation(SIZE, crop=CROP), how(1000, 4e-3)),
    "rotation, digits": (conv, Rotation, puzzles.rotation(SIZE, crop=CROP, flip=0.0), how(1000, 4e-3)),
    # what a trace is worth: fewer steps, colours left alone
    "jigsaw, textured": jigsaw(800, gray=0, jitter=0),
    "jigsaw, no gap, textured": jigsaw(800, gray=0, jitter=0, gap=0),
    "jigsaw, lens, textured": jigsaw(800, gray=0, jitter=0, lens=0.08),
    "MAE, ratio 0.25": mae(0.25),
    "MAE, ratio 0.9": mae(0.9),
    # the same mask, two targets
    "small, pixels": pixels(),
    "small, representations": representations(),
    "small, teacher alone": representations(0.0),
    "small, blocks": representations(draw=masks.Blocks(count=2)),
    "small, pixels, textured": pixels(),
    "small, representations, textured": representations(),
}
TUNED = (
    "random conv",
    "random transformer",
    "MAE",
    "MAE, normalised",
    "SimCLR, transformer",
    "I-JEPA",
    "jigsaw",
    "inpainting",
    "rotation",
)
BASELINES: dict[str, Callable[..., Any]] = {
    "random conv": conv,
    "random transformer": transformer,
    "random conv, textured": conv,
    "random small": small,
    "random small, textured": small,
}


def world(name: str, split: str, n: int, seed: int) -> Images:
    if name.endswith("digits"):
        small = load("digits", split, seed=seed)
        x = torch.nn.functional.interpolate(small.x.float(), (SIZE, SIZE), mode="bilinear", antialias=True)
        return Images(x.round().to(torch.uint8), small.labels, small.classes, name="digits")
    return load("shapes", split, n, seed, size=SIZE, background="textured" if name.endswith("textured") else "plain")


def known(z: torch.Tensor, train: Images, q: torch.Tensor, test: Images) -> dict[str, float]:
    few = label_curve(z, train, q, test, (FEW,))[FEW]
    causes = {f"cause {name}": cause.score for name, cause in probe_causes(z, train, q, test).items()}
    return {**accuracies(z, train, q, test), "few": mean(few), **causes}


def known_to(encoder: Any, train: Images, test: Images) -> dict[str, float]:
    return known(embed(encoder, train, "fp32"), train, embed(encoder, test, "fp32"), test)


def tuned(encoder: Any, train: Images, test: Images) -> dict[str, float]:
    rows = {}
    for name, count, steps in (("few tuned", FEW, 150), ("many tuned", MANY, 400)):
        labelled = subset_per_class(train, min(count, int(train.labels.bincount().min())))
        rows[name] = fine_tune(encoder, labelled, test, steps=steps, lr=3e-3, batch_size=32)
    return rows


@torch.no_grad()
def solved(method: Method, test: Images, views: Any) -> float:
    """The share of puzzles solved on pictures that were not trained on."""
    return float(method(views(test, torch.Generator().manual_seed(0)))["accuracy"])


def measure(name: str, seed: int, share: float) -> Rows:
    train, test = world(name, "train", 8192, seed), world(name, "test", 2048, seed)
    bank = train[:BANK]
    if name == "raw pixels":
        yield name, known(raw(bank), bank, raw(test), test)
        return
    found: dict[str, float] = {}
    if name in BASELINES:
        encoder = BASELINES[name](seed=seed)
    else:
        make_encoder, make, views, settings = ROWS[name]
        encoder, begin = make_encoder(seed=seed), time.process_time()
        method, settings = make(encoder, seed=seed), {**settings, "steps": max(2, round(settings["steps"] * share))}
        history = fit(method, train, views, seed=seed, progress=False, **settings)
        found |= {"cpu seconds": time.process_time() - begin, "loss": last_loss(history, 50)}
        if "accuracy" in history.terms:
            found["own"] = solved(method, test, views)
        if name.startswith("jigsaw"):
            found["plain"] = solved(method, test, puzzles.jigsaw(SIZE, crop=CROP, gray=0, jitter=0))
    found |= known_to(encoder, bank, test)
    if name.endswith("digits"):
        before = known_to(untrained(encoder), bank, test)
        found |= {f"random {term}": before[term] for term in ("knn", "linear", "few")}
    yield name, found | (tuned(encoder, train, test) if name in TUNED else {})


def main() -> None:
    about = {name: {"views": repr(views), "fit": fits} for name, (_, _, views, fits) in ROWS.items()}
    run(arguments(__doc__, ["raw pixels", *BASELINES, *ROWS]).parse_args(), measure, about)


if __name__ == "__main__":
    main()
