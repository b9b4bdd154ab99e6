"""How many pictures of 32 × 32 pixels a second lesson 15's VAE trains on, with all cores.

    python benchmarks/vae_pace.py [--quick] [--threads 2]

The lesson trains with 16 × 16 pixels; 32 × 32 is what was asked for, 2,000 a second on two cores. Beside the whole VAE
stand its encoder alone and its decoder alone, forward and backward on the same batch: where the time goes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from _common import cores, keep, middle, parser, rates_in_turn, use_threads
from vae import BATCH, RATE, WEIGHT_DECAY, Training, make

from sslwb.train.loop import Loop

STEPS = 20  # of a training at once: each call of `run` copies the weights first
ROW = Training(size=32)


def training() -> Callable[[], int]:
    """Takes some steps of the training and returns how many pictures they were of."""
    how = {"steps": 10**6, "batch_size": BATCH, "lr": RATE, "weight_decay": WEIGHT_DECAY, "precision": "fp32"}
    at_once = {"on_step": lambda history: loop.step % STEPS == 0, "progress": False}
    loop = Loop(make(ROW, 0), ROW.pictures("train", 8192, 0), ROW.views(), **how, **at_once)

    def go_on() -> int:
        loop.run()
        return STEPS * BATCH

    return go_on


def part(name: str) -> Callable[[], int]:
    """Encoder or decoder alone, forward and backward."""
    method = make(ROW, 0)
    (x,) = ROW.pictures("train", BATCH, 0).inputs()
    z = torch.randn(BATCH, ROW.latent, generator=torch.Generator().manual_seed(0))

    def once() -> int:
        made = method.encoder(x) if name == "encoder" else method.decoder(z)
        made.square().mean().backward()
        return BATCH

    return once


def main() -> None:
    options = parser(__doc__).parse_args()
    use_threads(options.threads, cores())
    rounds, seconds = (2, 0.2) if options.quick else (15, 2.0)
    workers = {"VAE": training(), "encoder": part("encoder"), "decoder": part("decoder")}
    rows = {}
    for name, rates in rates_in_turn(workers, rounds, seconds).items():
        found = {"pictures a second": middle(rates), "slowest": min(rates), "fastest": max(rates)}
        rows[name] = {term: round(rate) for term, rate in found.items()}
        print(f"{name:16}", *(f"{term} {value}" for term, value in rows[name].items()), flush=True)
    keep(options, rows, rounds=rounds, batch=BATCH)


if __name__ == "__main__":
    main()
