"""The family of joint-embedding methods on shape: one encoder, one recipe of views, one number of views. Lesson 08.

    python benchmarks/family.py [--seeds 3] [--only MoCo BYOL …] [--quick] [--out FILE]

The settings are those of `sslwb/methods/family.py`, whose rates were chosen on val (`family_choice.py`). Beside the
methods stand the same encoder with random weights, and trained with every label on the same views. Each method is
trained twice: with all the views, and with as many as a lesson has time for ("brief"), which shows who learns early.
`--only` makes some rows anew and keeps the others of the file. `cpu seconds` are the processor's, with one thread: the
time on a quiet machine, or more, where a core is shared.
"""

from __future__ import annotations

import time
from typing import Any

from _rows import BANK, Rows, accuracies, arguments, run, shapes

from sslwb.augment import labelled
from sslwb.core import MakeViews
from sslwb.data import Images
from sslwb.evaluate import embed
from sslwb.geometry import effective_rank
from sslwb.methods.family import BRIEF, FAMILY, SEEN, VIEWS, make_encoder, make_views, steps_for
from sslwb.train import fit


def views_of(name: str, recipe: MakeViews = make_views) -> MakeViews:
    """The recipe for a method of the family: the supervised one is shown the labels too."""
    return labelled(recipe) if name == "supervised" else recipe


def trained(name: str, train: Images, test: Images, seed: int, views: float) -> dict[str, float]:
    """Train with so many views; kNN, linear probe, effective rank and seconds."""
    encoder, begin = make_encoder(seed=seed), time.process_time()
    if name in FAMILY:
        make, how = FAMILY[name]
        how = {**how, "steps": steps_for(round(views), how["batch_size"])}
        fit(make(encoder, seed=seed), train, views_of(name), seed=seed, progress=False, **how)
    seconds = time.process_time() - begin
    z, q = embed(encoder, train[:BANK]), embed(encoder, test)
    return {
        **accuracies(z, train[:BANK], q, test),
        "rank": effective_rank(q - q.mean(0)),
        "cpu seconds": seconds,
    }


def measure(name: str, seed: int, share: float) -> Rows:
    train, test = shapes(seed)
    whole, brief = (trained(name, train, test, seed, share * views) for views in (SEEN, BRIEF))
    yield name, whole | {f"brief {term}": brief[term] for term in ("knn", "linear")}


def main() -> None:
    about: dict[str, Any] = {
        "data": "shapes",
        "encoder": "conv(16, instance_norm=True)",
        "views seen": SEEN,
        "views seen, brief": BRIEF,
        "views": VIEWS,
        "make_views": repr(make_views),
        "fit": {name: how for name, (_, how) in FAMILY.items()},
    }
    run(arguments(__doc__, ["random encoder", *FAMILY]).parse_args(), measure, about)


if __name__ == "__main__":
    main()
