"""BYOL: its parts left out in turn, its teacher's momentum, and the order in which it learns. On shape.

    python benchmarks/byol.py [--seeds 3] [--quick] [--out FILE]

The stored rows of lesson 05: short trainings, and the lesson's own, looked at on its way. The rows without instance
norm have an encoder that sees the light of a picture. Neighbours and probe on shape, probes of the other causes, and
the meters of the projector's outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from _common import keep, parser, use_threads

from sslwb import nets
from sslwb.data import Images, load
from sslwb.evaluate import embed, knn, probe_causes
from sslwb.geometry import effective_rank, feature_std, uniformity
from sslwb.methods.base import Method
from sslwb.methods.byol import BYOL
from sslwb.methods.family import FAMILY, make_views
from sslwb.methods.simsiam import SimSiam
from sslwb.train import History, fit

SETTINGS = {key: value for key, value in FAMILY["BYOL"][1].items() if key != "steps"}
MOMENTUM = 0.9  # where nothing else is said
SHORT, WHOLE = 400, 1200  # steps
LOOKS = (0, 50, 100, 200, 400, 800, 1200)  # steps after which the lesson's training is looked at
ROWS: dict[str, tuple[type[Method], dict[str, Any]]] = {
    "BYOL": (BYOL, {}),
    "BYOL without predictor": (BYOL, {"predictor": 0}),
    "BYOL without stop-gradient": (BYOL, {"stop_gradient": False}),
    "BYOL without batch norm": (BYOL, {"batch_norm": False}),
    "BYOL without predictor and batch norm": (BYOL, {"predictor": 0, "batch_norm": False}),
    "SimSiam": (SimSiam, {}),
    "SimSiam without predictor": (SimSiam, {"predictor": 0}),
    "momentum 0.5": (BYOL, {"momentum": 0.5}),
    "momentum 0.99": (BYOL, {"momentum": 0.99}),
    "momentum 1": (BYOL, {"momentum": 1.0}),
}
# trainings of the lesson's length, looked at on their way: with instance norm or without, and what else differs
WAYS: dict[str, tuple[bool, dict[str, Any], dict[str, Any]]] = {
    "BYOL": (True, {"momentum": 0.99}, {}),
    "momentum 0.9": (True, {}, {}),
    "no instance norm": (False, {}, {}),
    "warm-up 0.2": (True, {}, {"warmup": 0.2}),
    "warm-up 0.05": (True, {}, {"warmup": 0.05}),
}
BOTH = ("BYOL", "momentum 0.9")  # the claims of the lesson stand on the first, its choice on both: two seeds more


def new(kind: type[Method], seed: int, norm: bool = True, **parts: Any) -> Any:
    first = {"momentum": MOMENTUM} if kind is BYOL else {}
    return kind(nets.conv(16, instance_norm=norm, seed=seed), **first | parts, seed=seed)  # type: ignore[call-arg]


def look(method: Any, bank: Images, test: Images, x: torch.Tensor) -> dict[str, float]:
    """Neighbours, probes of all causes, and the meters of the outputs for the views x."""
    z, q = embed(method.encoder, bank), embed(method.encoder, test)
    with torch.no_grad():
        out = method.eval().projector(method.encoder(x))
    near = {"knn": knn(z, bank.labels, q, test.labels)}
    causes = {name: score.score for name, score in probe_causes(z, bank, q, test).items()}
    meters = {"std": feature_std(out), "rank": effective_rank(out - out.mean(0)), "uniformity": uniformity(out)}
    return near | causes | meters


def on_the_way(title: str, tell: Callable[..., None], see: Callable[[], dict[str, float]], method: Method) -> Any:
    """What `fit` calls after each step: at `LOOKS` it looks at the method and tells what it saw."""

    def hook(log: History) -> None:
        if len(log) in LOOKS:
            tell(f"{title} after {len(log)} steps", values=see())
            method.train()

    return hook


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=3)
    options = arguments.parse_args()
    use_threads(options.threads, default=1)
    seeds, share, more = (1, 0.02, 0) if options.quick else (options.seeds, 1.0, 2)

    rows: dict[str, Any] = {}

    def add(name: str, *, values: dict[str, float], seed: int) -> None:
        print(seed, f"{name:40}", {key: round(float(value), 3) for key, value in values.items()}, flush=True)
        for key, value in values.items():
            rows.setdefault(name, {}).setdefault(key, []).append(round(float(value), 3))

    for seed in range(seeds + more):
        train, test = load("shapes", n=8192, seed=seed), load("shapes", "test", n=2048, seed=seed)
        bank = train[:4096]
        x = make_views(test.x[:512], torch.Generator().manual_seed(seed))[0]
        for name, (kind, parts) in ROWS.items() if seed < seeds else ():
            method = new(kind, seed, **parts)
            steps = round(SHORT * share)
            log = fit(method, train, make_views, steps=steps, seed=seed, progress=False, **SETTINGS)
            add(name, values={"loss": sum(log["loss"][-20:]) / 20} | look(method, bank, test, x), seed=seed)
        for title in WAYS if seed < seeds else BOTH:
            norm, parts, change = WAYS[title]
            method, how = new(BYOL, seed, norm, **parts), {**SETTINGS, **change}
            tell, see = partial(add, seed=seed), partial(look, method, bank, test, x)
            tell(f"{title} after 0 steps", values=see())
            fit(
                method,
                train,
                make_views,
                steps=round(WHOLE * share),
                on_step=on_the_way(title, tell, see, method),
                seed=seed,
                progress=False,
                **how,
            )
    about = {"data": "shapes", "encoder": "conv(16, instance_norm=True)", "make_views": repr(make_views), **SETTINGS}
    about |= {"momentum": MOMENTUM, "steps": SHORT}
    keep(options, rows, settings=about, seeds=list(range(seeds)))


if __name__ == "__main__":
    main()
