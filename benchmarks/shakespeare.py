"""GPT on the characters of tinyshakespeare: nanoGPT's recipe for a laptop, 4 blocks of width 128, 2,000 steps.

    python benchmarks/shakespeare.py [--seeds 1] [--threads 2] [--quick]

The target is a validation loss of 1.88 or less in 180 s on two cores; nanoGPT's README has 1.88 after about 3 minutes.
The validation loss is that of the whole last tenth of the text, in nats a character. The text must be there:
`sslwb data get tinyshakespeare`.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from _common import cores, keep, parser, use_threads

from sslwb import nets
from sslwb.augment.tokens import next_token
from sslwb.data import Texts, load
from sslwb.methods.gpt import GPT
from sslwb.train import fit

CONTEXT = 65  # characters in a row: 64 are predicted
NET = {"dim": 128, "depth": 4, "heads": 4}
SETTINGS = {"steps": 2000, "batch_size": 12, "lr": 4e-3, "weight_decay": 0.1, "warmup": 0.05}


@torch.no_grad()
def nats(method: GPT, data: Texts) -> float:
    """The mean over all windows, weighted by what they predict."""
    losses = [(method([x])["loss"], int((x[:, 1:] != 0).sum())) for x in data.x.split(200)]
    return float(sum(loss * n for loss, n in losses) / sum(n for _, n in losses))


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=1)
    options = arguments.parse_args()
    use_threads(options.threads, default=cores())
    how = {**SETTINGS, "steps": 20} if options.quick else SETTINGS
    train, val = (load("tinyshakespeare", split, context=CONTEXT) for split in ("train", "val"))
    rows: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        method = GPT(nets.gpt(len(train.vocabulary), CONTEXT, **NET, seed=seed))
        begin = time.process_time()
        history = fit(method, train, next_token(whole=False), seed=seed, device="cpu", progress=False, **how)
        row = {
            "validation loss": round(nats(method, val), 4),
            "seconds": round(history.seconds, 1),
            "cpu seconds": round(time.process_time() - begin, 1),
            "precision": history.settings["precision"],
            "parameters": sum(p.numel() for p in method.parameters()),
        }
        print(seed, row, flush=True)
        rows.append(row)
    keep(options, rows, settings={"context": CONTEXT, **NET, **how}, seeds=list(range(options.seeds)))


if __name__ == "__main__":
    main()
