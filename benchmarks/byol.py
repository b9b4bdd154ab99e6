"""BYOL: its parts left out in turn, its teacher's momentum, and the order in which it learns. On shape.

    python benchmarks/byol.py [--seeds 3] [--only SimSiam …] [--quick] [--out FILE]

The stored rows of lesson 05: trainings of 500 steps with a part left out, and of the lesson's length, some of them
looked at on their way. The rows without instance norm have an encoder that sees the light of a picture; in those with
a constant momentum the teacher's momentum does not rise to 1. Neighbours and probe on shape, probes of the other
causes, and the meters of the projector's outputs.
"""

from __future__ import annotations

from typing import Any

import torch
from _rows import BANK, Rows, arguments, last_loss, run, shapes

from sslwb import nets
from sslwb.data import Images
from sslwb.evaluate import embed, knn, probe_causes
from sslwb.geometry import effective_rank, feature_std, uniformity
from sslwb.methods import family
from sslwb.methods.base import Method
from sslwb.methods.byol import BYOL
from sslwb.methods.family import FAMILY, make_views, steps_for
from sslwb.methods.simsiam import SimSiam
from sslwb.train import History, fit

SETTINGS = {key: value for key, value in FAMILY["BYOL"][1].items() if key != "steps"}
MOMENTUM = 0.99  # where nothing else is said
BRIEF, LONG = steps_for(family.BRIEF), 1200  # steps: of the parts that are left out, and of the lesson
LOOKS = (0, 50, 100, 200, 400, 800, 1200)  # steps after which a training is looked at


class SteadyBYOL(BYOL):
    """BYOL whose teacher has the same momentum in every step: it does not rise to 1."""

    def after_step(self, progress: float) -> None:
        super().after_step(progress=0.0)


ROWS: dict[str, tuple[type[Method], dict[str, Any], int]] = {
    "BYOL": (BYOL, {}, BRIEF),
    "BYOL without predictor": (BYOL, {"predictor": 0}, BRIEF),
    "BYOL without stop-gradient": (BYOL, {"stop_gradient": False}, BRIEF),
    "BYOL without batch norm": (BYOL, {"batch_norm": False}, BRIEF),
    "BYOL without predictor and batch norm": (BYOL, {"predictor": 0, "batch_norm": False}, BRIEF),
    "SimSiam": (SimSiam, {}, BRIEF),
    "SimSiam without predictor": (SimSiam, {"predictor": 0}, BRIEF),
    "momentum 0.9": (BYOL, {"momentum": 0.9}, BRIEF),
    "momentum 1": (BYOL, {"momentum": 1.0}, BRIEF),
    "SimSiam, longer": (SimSiam, {}, LONG),
    "momentum 0.9, longer": (BYOL, {"momentum": 0.9}, LONG),
    "BYOL, longer": (BYOL, {}, LONG),
    "momentum 1, longer": (BYOL, {"momentum": 1.0}, LONG),
    "constant momentum 0.9, longer": (SteadyBYOL, {"momentum": 0.9}, LONG),
    "constant momentum 0.99, longer": (SteadyBYOL, {"momentum": 0.99}, LONG),
}
# looked at on their way: with instance norm or without, and what else differs; the row after so many steps is named by
# what stands before the comma
ON_THE_WAY: dict[str, tuple[bool, dict[str, Any]]] = {
    "BYOL, on the way": (True, {}),
    "no instance norm, on the way": (False, {}),
    "warm-up 0.2, on the way": (True, {"warmup": 0.2}),
    "warm-up 0.05, on the way": (True, {"warmup": 0.05}),
}
MORE_SEEDS = {"BYOL, on the way": 2}  # the claims of the lesson stand on it


def new(kind: type[Method], seed: int, norm: bool = True, **parts: Any) -> Any:
    first = {"momentum": MOMENTUM} if issubclass(kind, BYOL) else {}
    return kind(nets.conv(16, instance_norm=norm, seed=seed), **first | parts, seed=seed)  # type: ignore[call-arg]


def look(method: Any, train: Images, test: Images, x: torch.Tensor) -> dict[str, float]:
    """Neighbours, probes of all causes, and the meters of the outputs for the views x."""
    bank = train[:BANK]
    z, q = embed(method.encoder, bank), embed(method.encoder, test)
    with torch.no_grad():
        out = method.eval().projector(method.encoder(x))
    near = {"knn": knn(z, bank.labels, q, test.labels)}
    causes = {name: score.score for name, score in probe_causes(z, bank, q, test).items()}
    meters = {"std": feature_std(out), "rank": effective_rank(out - out.mean(0)), "uniformity": uniformity(out)}
    return near | causes | meters


def measure(name: str, seed: int, share: float) -> Rows:
    train, test = shapes(seed)
    x = make_views(test[:512], torch.Generator().manual_seed(seed))[0]
    if name in ROWS:
        kind, parts, steps = ROWS[name]
        method = new(kind, seed, **parts)
        log = fit(method, train, make_views, steps=round(steps * share), seed=seed, progress=False, **SETTINGS)
        yield name, {"loss": last_loss(log), **look(method, train, test, x)}
        return

    norm, change = ON_THE_WAY[name]
    method, how = new(BYOL, seed, norm), {**SETTINGS, **change, "steps": round(LONG * share)}
    seen = {0: look(method, train, test, x)}

    def on_step(log: History) -> None:
        if len(log) in LOOKS:
            seen[len(log)] = look(method, train, test, x)
            method.train()

    fit(method, train, make_views, on_step=on_step, seed=seed, progress=False, **how)
    title = name.partition(",")[0]
    yield from ((f"{title} after {steps} steps", values) for steps, values in seen.items())


def main() -> None:
    about = {"data": "shapes", "encoder": "conv(16, instance_norm=True)", "make_views": repr(make_views), **SETTINGS}
    about |= {"momentum": MOMENTUM, "steps": BRIEF, "steps, longer": LONG}
    run(arguments(__doc__, [*ROWS, *ON_THE_WAY]).parse_args(), measure, about, more=MORE_SEEDS)


if __name__ == "__main__":
    main()
