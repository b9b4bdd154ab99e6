"""How long each method of the family takes for its views: the same training as `family.py`, on all cores.

    python benchmarks/family_pace.py [--only MoCo BYOL …] [--quick] [--threads 2]

Steps are timed in turns, a few seconds of each method a turn, so that a slow minute of the machine is slow for all.
`seconds` are what `SEEN` views take at the median pace of the turns, `fastest` and `slowest` what they take at the best
and the worst of them: how far apart they are is the machine's doing.
"""

from __future__ import annotations

from collections.abc import Callable

from _common import cores, keep, middle, parser, rates_in_turn, use_threads
from family import views_of

from sslwb.data import load
from sslwb.methods.family import FAMILY, SEEN, VIEWS, make_encoder
from sslwb.train.loop import Loop

STEPS = 20  # of a training at once: each call of `run` copies the weights first


def stepping(name: str) -> Callable[[], int]:
    """Takes some steps of a method's training and returns how many views they were of."""
    make, how = FAMILY[name]
    at_once = {"on_step": lambda history: loop.step % STEPS == 0, "progress": False}
    loop = Loop(make(make_encoder()), load("shapes", n=8192), views_of(name), **how, **at_once)

    def go_on() -> int:
        loop.run()
        return STEPS * VIEWS * how["batch_size"]

    return go_on


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="+", choices=list(FAMILY), default=list(FAMILY))
    options = arguments.parse_args()
    use_threads(options.threads, cores())
    rounds, seconds = (2, 0.2) if options.quick else (15, 2.0)
    rows = {}
    for name, rates in rates_in_turn({name: stepping(name) for name in options.only}, rounds, seconds).items():
        rows[name] = {
            "views a second": round(middle(rates)),
            "seconds": round(SEEN / middle(rates), 1),
            "fastest": round(SEEN / max(rates), 1),
            "slowest": round(SEEN / min(rates), 1),
        }
        print(f"{name:16}", *(f"{term} {value}" for term, value in rows[name].items()), flush=True)
    keep(options, rows, rounds=rounds, **{"views seen": SEEN})


if __name__ == "__main__":
    main()
