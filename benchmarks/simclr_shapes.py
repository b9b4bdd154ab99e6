"""Lesson 03's encoder in the world of shapes over five seeds: kNN, linear probe, seconds, beside its baselines.

    python benchmarks/simclr_shapes.py [--quick] [--seeds 5] [--threads 2]

The recipe is that of the stored rows (simclr_ablation.py), at the lesson's number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from _common import cores, keep, middle, parser, use_threads
from _rows import BANK, accuracies
from simclr_ablation import SETTINGS
from torch import Tensor

from sslwb.data import Images, load
from sslwb.evaluate import embed, raw, untrained
from sslwb.methods.family import make_encoder, make_views
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit

STEPS = 500
TEMPERATURE = 0.1


def score(space: Callable[[Images], Tensor], bank: Images, test: Images) -> dict[str, float]:
    return {term: round(v, 4) for term, v in accuracies(space(bank), bank, space(test), test).items()}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=5)
    options = arguments.parse_args()
    use_threads(options.threads, min(2, cores()))
    n, steps, seeds = (512, 5, 1) if options.quick else (8192, STEPS, options.seeds)
    train, test = load("shapes", n=n), load("shapes", split="test", n=n // 4)
    bank = train[:BANK]  # the labelled pictures that measuring uses, as in the lesson

    rows: dict[str, list[dict[str, float]]] = {"raw pixels": [score(raw, bank, test)]}
    for seed in range(seeds):
        method = SimCLR(make_encoder(seed=seed), temperature=TEMPERATURE, seed=seed)
        random = untrained(method.encoder, seed)
        history = fit(method, train, make_views, steps=steps, seed=seed, progress=False, **SETTINGS)
        for name, encoder in (("random encoder", random), ("SimCLR", method.encoder)):
            rows.setdefault(name, []).append(score(partial(embed, encoder), bank, test))
        rows["SimCLR"][-1]["seconds"] = round(history.seconds, 1)
        print(f"seed {seed}: {rows['SimCLR'][-1]}", flush=True)
    for name, scores in rows.items():
        print(f"{name:16}", *(f"{term} {middle([s[term] for s in scores]):.3f}" for term in scores[0]))
    encoder, views = "conv(16, instance_norm=True)", repr(make_views)
    recipe = {"steps": steps, "n": n, "encoder": encoder, "views": views, "temperature": TEMPERATURE, **SETTINGS}
    keep(options, rows, settings=recipe, seeds=list(range(seeds)))


if __name__ == "__main__":
    main()
