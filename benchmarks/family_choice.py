"""The rates of the family, chosen on the val split: half, once and twice the rate of `sslwb/methods/family.py`.

    python benchmarks/family_choice.py [--seeds 2] [--only MoCo BYOL …] [--quick] [--out FILE]

Accuracy on shape by neighbours and by the linear probe, of 2,048 pictures of val. A rate stays where no other is better
by more than the seeds differ. The test split is not read here: `family.py` reads it, once, with what was chosen.
"""

from __future__ import annotations

from _rows import BANK, Rows, accuracies, arguments, run
from family import views_of

from sslwb.data import load
from sslwb.evaluate import embed
from sslwb.methods.family import FAMILY, make_encoder, make_views
from sslwb.train import fit

TIMES = (0.5, 1.0, 2.0)  # the rate of the family


def measure(name: str, seed: int, share: float) -> Rows:
    train, val = load("shapes", n=8192, seed=seed), load("shapes", "val", n=2048, seed=seed)
    make, how = FAMILY[name]
    for times in TIMES:
        method = make(make_encoder(seed=seed), seed=seed)
        changed = {"lr": how["lr"] * times, "steps": round(how["steps"] * share)}
        fit(method, train, views_of(name), seed=seed, progress=False, **how | changed)
        z, q = embed(method.encoder, train[:BANK]), embed(method.encoder, val)
        yield f"{name}, rate × {times:g}", accuracies(z, train[:BANK], q, val)


def main() -> None:
    about = {
        "data": "shapes, val",
        "make_views": repr(make_views),
        "fit": {name: how for name, (_, how) in FAMILY.items()},
    }
    run(arguments(__doc__, [name for name in FAMILY if name != "supervised"], seeds=2).parse_args(), measure, about)


if __name__ == "__main__":
    main()
