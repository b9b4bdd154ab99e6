"""What a mask saves: an encoder step of MAE at a mask of 75 % beside the step on all patches. Lesson 10.

    python benchmarks/mae.py [--quick] [--threads 1] [--out FILE]

A step is the encoder's forward and backward pass on a batch of 64, in fp32: embedding of all patches, the blocks on the
visible ones. The decoder has its own column, the whole step of MAE: encoder, decoder, loss. Contenders take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from _common import keep, middle, parser, rates_in_turn, use_threads

from sslwb import nets
from sslwb.methods.mae import MAE, encode_some
from sslwb.nets.patches import grid_of

BATCH = 64
# name → size of the pictures, arguments of nets.vit: the lesson's, and the library's default
NETS: dict[str, tuple[int, dict[str, int]]] = {
    "lesson 10": (24, {"patch": 4, "dim": 96, "depth": 3, "heads": 2}),
    "vit()": (32, {}),
}
SHARES = {"all patches": 0.0, "mask 0.5": 0.5, "mask 0.75": 0.75, "mask 0.9": 0.9}


def contenders(size: int, settings: dict[str, int]) -> dict[str, Callable[[], int]]:
    method = MAE(nets.vit(**settings))
    x = torch.rand(BATCH, 3, size, size, generator=torch.Generator().manual_seed(0))
    rows, columns = grid_of(x, method.encoder.patch)
    rank = torch.rand(BATCH, rows * columns, generator=torch.Generator().manual_seed(1)).argsort(1).argsort(1)

    def encoder_step(hidden: torch.Tensor) -> Callable[[], int]:
        def step() -> int:
            encode_some(method.encoder, x, ~hidden).square().mean().backward()
            return 1

        return step

    def whole_step() -> int:
        method([x, rank < round(0.75 * rows * columns)])["loss"].backward()
        return 1

    steps: dict[str, Callable[[], int]] = {
        name: encoder_step(rank < round(share * rows * columns)) for name, share in SHARES.items()
    }
    return steps | {"MAE at 0.75, with decoder": whole_step}


def main() -> None:
    options = parser(__doc__).parse_args()
    use_threads(options.threads, default=1)
    rounds, seconds = (2, 0.2) if options.quick else (9, 1.5)
    rows: dict[str, Any] = {}
    for name, (size, settings) in NETS.items():
        rates = rates_in_turn(contenders(size, settings), rounds, seconds)
        times = {what: 1000 / middle(values) for what, values in rates.items()}
        rows[name] = {
            "milliseconds": {what: round(t, 2) for what, t in times.items()},
            "share of the unmasked step": {what: round(t / times["all patches"], 3) for what, t in times.items()},
            "rates": {what: [round(v, 2) for v in values] for what, values in rates.items()},
        }
        print(f"{name:10}", *(f"{what}: {t:.1f} ms = {t / times['all patches']:.0%}" for what, t in times.items()))
    keep(options, rows, batch=BATCH)


if __name__ == "__main__":
    main()
