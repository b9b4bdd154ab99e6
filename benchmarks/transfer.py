"""Trained on shapes, asked about digits: what each encoder of lessons 03 to 11 is worth on data of another kind.

    python benchmarks/transfer.py [--seeds 3] [--only MoCo MAE …] [--quick] [--out FILE]

Each method is trained on the world of shapes as in its lesson, with one seed after the other, and nothing is changed
after that. Its neighbours and a linear probe are asked about the shape, and then about the digits of scikit-learn,
whose training part is the bank. Beside each encoder stands the same one with random weights. "no turn" is SimCLR whose
views are not turned: a 6 and a 9 stay apart.
"""

from __future__ import annotations

from typing import Any

import hidden
from _rows import BANK, Rows, accuracies, arguments, run

from sslwb.augment import labelled
from sslwb.data import Images, load
from sslwb.evaluate import embed
from sslwb.methods.family import BRIEF, FAMILY, make_encoder, make_views, steps_for
from sslwb.train import fit

LONGER = 1200  # steps, of those that have hardly begun after `BRIEF` views
FAMILY_ROWS = ["SimCLR", "SimCLR, no turn", "MoCo", "BYOL", "SimSiam", "Barlow Twins", "VICReg", "SwAV", "DINO"]
HIDDEN_ROWS = ["rotation", "jigsaw", "inpainting", "MAE", "small, pixels", "small, representations"]
ROWS = ["random encoder", *FAMILY_ROWS, "supervised", "random conv", "random transformer", "random small", *HIDDEN_ROWS]


def asked(encoder: Any, precision: str, *worlds: tuple[str, Images, Images]) -> dict[str, float]:
    """kNN and linear probe in each world."""
    found = {}
    for name, bank, test in worlds:
        z, q = embed(encoder, bank, precision), embed(encoder, test, precision)
        found |= {f"{name} {measure}": score for measure, score in accuracies(z, bank, q, test).items()}
    return found


def of_family(name: str, seed: int, share: float) -> Any:
    """One encoder of lessons 03 to 08."""
    encoder, (row, no_turn, _) = make_encoder(seed=seed), name.partition(", no turn")
    if row in FAMILY:
        make, how = FAMILY[row]
        steps = LONGER if row in ("BYOL", "SimSiam") else steps_for(BRIEF, how["batch_size"])
        method = make(encoder, seed=seed, **({"momentum": 0.99} if row == "BYOL" else {}))
        views = make_views.change(rotate=0.0) if no_turn else make_views
        how = how | {"steps": max(1, round(steps * share))}
        data = load("shapes", n=8192, seed=seed)
        fit(method, data, labelled(views) if row == "supervised" else views, seed=seed, progress=False, **how)
    return encoder


def of_hidden(name: str, seed: int, share: float) -> Any:
    """One encoder of lessons 09 to 11."""
    if name in hidden.BASELINES:
        return hidden.BASELINES[name](seed=seed)
    make, method, views, how = hidden.ROWS[name]
    encoder, how = make(seed=seed), how | {"steps": max(2, round(how["steps"] * share))}
    fit(method(encoder, seed=seed), hidden.world(name, "train", 8192, seed), views, seed=seed, progress=False, **how)
    return encoder


def measure(name: str, seed: int, share: float) -> Rows:
    small = name in (*HIDDEN_ROWS, *hidden.BASELINES)
    worlds = []
    for world in ("shapes", "digits"):
        if small:
            bank, test = hidden.world(world, "train", BANK, seed), hidden.world(world, "test", 2048, seed)
        else:
            sizes = (BANK, 2048) if world == "shapes" else (None, None)
            bank, test = (load(world, s, n=n, seed=seed) for s, n in zip(("train", "test"), sizes, strict=True))
        worlds.append((world, bank, test))
    encoder = (of_hidden if small else of_family)(name, seed, share)
    yield name, asked(encoder, "fp32" if small else "auto", *worlds)


def main() -> None:
    about = {
        "trained on": "shapes",
        "views": BRIEF,
        "steps of BYOL and SimSiam": LONGER,
        "make_views": repr(make_views),
    }
    run(arguments(__doc__, ROWS).parse_args(), measure, about)


if __name__ == "__main__":
    main()
