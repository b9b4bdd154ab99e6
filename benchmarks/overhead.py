"""What `fit` costs above a bare loop in plain torch with the same views, net and optimiser.

python benchmarks/overhead.py [--quick] [--threads 1]
"""

from __future__ import annotations

import time
from typing import Any

import torch
from _common import keep, middle, parser, use_threads

from sslwb import nets
from sslwb.augment.images import MakeViews, simclr
from sslwb.data import Images, load
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit, resolve_precision
from sslwb.train.device import autocast

# name: width of the encoder, batch size, views. The small one shows the overhead, the other what a lesson feels.
ROWS: dict[str, tuple[int, int, MakeViews]] = {
    "tiny": (4, 16, simclr(12)),
    "a lesson's size": (32, 64, simclr(24)),
}


def bare(method: SimCLR, data: Images, views: MakeViews, steps: int, batch: int) -> float:
    optimiser = torch.optim.AdamW(method.param_groups(), lr=3e-3, betas=(0.9, 0.95), fused=True)
    device, generator, precision = torch.device("cpu"), torch.Generator().manual_seed(0), resolve_precision()
    begin = time.perf_counter()
    for _ in range(steps):
        x = data.x[torch.randint(len(data), (batch,), generator=generator)]
        with autocast(device, precision):
            loss = method(views(x, generator))["loss"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return time.perf_counter() - begin


def main() -> None:
    options = parser(__doc__).parse_args()
    use_threads(options.threads, 1)
    data = load("shapes", n=1024)
    rounds, steps = (1, 3) if options.quick else (7, 60)
    settings: dict[str, Any] = {"progress": False, "device": "cpu"}
    rows = {}
    for name, (width, batch, views) in ROWS.items():
        ours, plain = [], []
        for turn in range(rounds + 1):
            a, b = (SimCLR(nets.conv(width)) for _ in range(2))
            spent = bare(a, data, views, steps, batch)
            history = fit(b, data, views, steps=steps, batch_size=batch, **settings)
            if turn:  # the first turn warms up
                plain.append(1000 * spent / steps)
                ours.append(1000 * history.seconds / steps)
        rows[name] = {
            "fit, ms a step": round(middle(ours), 3), "bare, ms a step": round(middle(plain), 3),
            "overhead, ms a step": round(middle(ours) - middle(plain), 3),
            "overhead, share": round(middle(ours) / middle(plain) - 1, 4),
        }  # fmt: skip
        print(f"{name:18}", *(f"{term}: {value}" for term, value in rows[name].items()), sep="  ")
    keep(options, rows, steps=steps)


if __name__ == "__main__":
    main()
