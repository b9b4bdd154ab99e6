"""Tokens a second: a transformer of about a million parameters learns to predict the next token.

    python benchmarks/transformer.py [--threads 2] [--quick]

GPT with 4 blocks of width 144 and 65 characters, on texts of 64 in batches of 32; a step is forward, backward and
AdamW, as `fit` does it. The target is 9,000 tokens a second on two cores in fp32. Where the processor computes in bf16,
that is measured too.
"""

from __future__ import annotations

from typing import Any

import torch
from _common import cores, keep, middle, parser, use_threads

from sslwb import nets
from sslwb.augment.tokens import next_token
from sslwb.core import WORDS
from sslwb.data import Texts
from sslwb.methods.gpt import GPT
from sslwb.train import fit, resolve_precision

WORDS_KNOWN, LENGTH, BATCH = 68, 64, 32


def main() -> None:
    options = parser(__doc__).parse_args()
    use_threads(options.threads, default=cores())
    rounds, steps = (1, 2) if options.quick else (5, 20)
    x = torch.randint(WORDS, WORDS_KNOWN, (1024, LENGTH), generator=torch.Generator().manual_seed(0))
    data = Texts(x, vocabulary=tuple(map(str, range(WORDS_KNOWN))))
    method = GPT(nets.gpt(WORDS_KNOWN, LENGTH, dim=144, depth=4, heads=4))
    parameters = sum(p.numel() for p in method.parameters())
    rates: dict[str, list[float]] = {p: [] for p in dict.fromkeys(("fp32", resolve_precision()))}
    for turn in range(rounds + 1):  # in turn, so that a slow minute of the machine is slow for all
        for precision, measured in rates.items():
            history = fit(
                method,
                data,
                next_token(whole=False),
                steps=steps,
                batch_size=BATCH,
                lr=1e-3,
                device="cpu",
                precision=precision,
                progress=False,
            )
            if turn:  # the first turn warms up
                measured.append(steps * BATCH * LENGTH / history.seconds)
    rows: dict[str, Any] = {
        p: {"tokens a second": round(middle(r)), "slowest": round(min(r)), "fastest": round(max(r))}
        for p, r in rates.items()
    }
    for precision, row in rows.items():
        print(precision, *(f"{term} {value}" for term, value in row.items()), sep="  ")
    keep(options, rows, settings={"parameters": parameters, "text": LENGTH, "batch": BATCH, "steps": steps})


if __name__ == "__main__":
    main()
