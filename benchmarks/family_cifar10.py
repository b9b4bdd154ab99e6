"""Every joint-embedding method on CIFAR-10 for 300 seconds of training on two cores: kNN and linear probe.

    SSLWB_DATA=… python benchmarks/family_cifar10.py [--seconds 300] [--only MoCo BYOL …] [--quick] [--out FILE]

The methods and their settings are those of `sslwb/methods/family.py`, none of them tuned on these pictures; the views
and the encoder's width are those of `cifar10.py`. First the pace of each is measured on two cores that should be at
rest; what fits into the seconds at that pace is the number of steps. Then they train, with `--threads` (default 2).
`seconds` are what that really took. `--only` makes some rows anew and keeps the others of the file.
"""

from __future__ import annotations

from typing import Any

from _common import cores, keep, kept_rows, middle, parser, use_threads
from _rows import accuracies
from cifar10 import VIEWS, WIDTH
from family import views_of

from sslwb import nets
from sslwb.augment.images import simclr
from sslwb.data import load
from sslwb.evaluate import embed
from sslwb.methods.base import Method
from sslwb.methods.family import FAMILY
from sslwb.train import fit
from sslwb.train.loop import estimate

BATCH = 64
ROUNDS = 15  # that measure the pace


def made(name: str, seed: int) -> tuple[Method, dict[str, Any]]:
    """The method, and what `fit` is given beside the steps."""
    maker, how = FAMILY[name]
    more = {"classes": 10} if name == "supervised" else {}
    settings = {**how, "batch_size": BATCH}
    settings.pop("steps")
    return maker(nets.conv(WIDTH, instance_norm=True, seed=seed), seed=seed, **more), settings


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=300)
    arguments.add_argument("--only", nargs="+", choices=list(FAMILY), default=list(FAMILY))
    options = arguments.parse_args()
    use_threads(None, min(2, cores()))
    train, test, views = load("cifar10"), load("cifar10", split="test"), simclr(**VIEWS)
    if options.quick:
        train, test = train[:1000], test[:300]

    rows = kept_rows(options)
    makers = {name: made(name, 0) for name in options.only}
    each: dict[str, list[float]] = {name: [] for name in makers}  # seconds a step
    for turn in range(1 if options.quick else ROUNDS + 1):
        for name, (method, settings) in makers.items():  # in turns: a slow minute of the machine is slow for all
            seconds = estimate(method, train, views_of(name, views), steps=1, **settings) or 0.0
            if turn or options.quick:  # the first steps of a process are slow
                each[name].append(seconds)
    steps = {name: 4 if options.quick else int(options.seconds / middle(each[name])) for name in makers}
    print(*(f"{name}: {count} steps" for name, count in steps.items()), sep=", ", flush=True)
    use_threads(options.threads, min(2, cores()))

    def measure(encoder: Any) -> dict[str, float]:
        found = accuracies(embed(encoder, train), train, embed(encoder, test), test)
        return {term: round(value, 4) for term, value in found.items()}

    rows["random encoder"] = measure(made("SimCLR", 0)[0].encoder)
    for name in options.only:
        method, settings = made(name, 0)
        history = fit(method, train, views_of(name, views), steps=steps[name], seed=0, progress=False, **settings)
        seen = steps[name] * BATCH * VIEWS["views"]
        rows[name] = measure(method.encoder) | {
            "steps": steps[name],
            "views a second": round(seen / options.seconds),
            "seconds": round(history.seconds, 1),
        }
        print(f"{name:16}", *(f"{term} {value}" for term, value in rows[name].items()), flush=True)
        ordered = {name: rows[name] for name in ("random encoder", *FAMILY) if name in rows}
        settings_of = {name: made(name, 0)[1] for name in FAMILY}
        keep(options, ordered, settings={"width": WIDTH, **VIEWS, "fit": settings_of}, seeds=[0])


if __name__ == "__main__":
    main()
