"""What `fit` costs above a bare loop in plain torch with the same views, net and optimiser.

python benchmarks/overhead.py [--quick] [--threads 1]
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from _common import keep, middle, parser, use_threads

from sslwb import nets
from sslwb.augment.images import RandomViews, simclr
from sslwb.data import Images, load
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit, resolve_precision
from sslwb.train.device import autocast

# name: width of the encoder, batch size, views. The small one shows the overhead, the other what a lesson feels.
ROWS: dict[str, tuple[int, int, RandomViews]] = {
    "tiny": (4, 16, simclr(12)),
    "a lesson's size": (32, 64, simclr(24)),
}

BLOCK = 25  # steps; as often `fit` copies the weights


def bare(method: SimCLR, data: Images, views: RandomViews, batch: int) -> Iterator[None]:
    """The steps of a loop as one writes it by hand; advancing the generator takes one."""
    optimiser = torch.optim.AdamW(method.param_groups(), lr=3e-3, betas=(0.9, 0.95), fused=True)
    device, generator, precision = torch.device("cpu"), torch.Generator().manual_seed(0), resolve_precision()
    while True:
        x = data.x[torch.randint(len(data), (batch,), generator=generator)]
        with autocast(device, precision):
            loss = method(views(x, generator))["loss"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        yield


class InTurn:
    """One step of `fit`, one by hand, and so on: a slow minute of the machine is slow for both.

    ours, plain: seconds of each block of `BLOCK` steps.
    """

    def __init__(self, by_hand: Iterator[None]) -> None:
        self.by_hand, self.steps, self.left = by_hand, 0, 0.0
        self.ours: list[float] = []
        self.plain: list[float] = []

    def __call__(self, _: object) -> None:
        came = time.perf_counter()
        next(self.by_hand)
        done = time.perf_counter()
        self.steps += 1
        if self.steps > BLOCK:  # the first block warms up
            if self.steps % BLOCK == 1:
                self.ours.append(0.0)
                self.plain.append(0.0)
            self.ours[-1] += came - self.left
            self.plain[-1] += done - came
        self.left = time.perf_counter()


def main() -> None:
    options = parser(__doc__).parse_args()
    use_threads(options.threads, 1)
    data = load("shapes", n=1024)
    steps = BLOCK * (2 if options.quick else 21)
    rows = {}
    for name, (width, batch, views) in ROWS.items():
        a, b = (SimCLR(nets.conv(width)) for _ in range(2))
        turn = InTurn(bare(a, data, views, batch))
        fit(b, data, views, steps=steps, batch_size=batch, on_step=turn, progress=False, device="cpu")
        pairs = list(zip(turn.ours, turn.plain, strict=True))
        ours, plain = (1000 * middle(times) / BLOCK for times in (turn.ours, turn.plain))
        rows[name] = {
            "fit, ms a step": round(ours, 3),
            "bare, ms a step": round(plain, 3),
            "overhead, ms a step": round(middle([1000 * (a - b) / BLOCK for a, b in pairs]), 3),
            "overhead, share": round(middle([a / b - 1 for a, b in pairs]), 4),
        }
        print(f"{name:18}", *(f"{term}: {value}" for term, value in rows[name].items()), sep="  ")
    keep(options, rows, steps=steps)


if __name__ == "__main__":
    main()
