"""Rows of numbers: train, measure, keep, with one seed after the other. What the scripts behind the lessons share.

A script names its trainings and says with `measure(name, seed, share)` how one is made: it takes that share of the
steps (all, but with --quick) and yields rows, each a name and what was measured. Most trainings yield the row of their
own name; one that is looked at on its way, or has a baseline beside it, yields several. What was measured is a float,
kept in a list with one for each seed; a whole number, such as the steps, is a setting of the row and kept as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import mean
from typing import Any

from _common import keep, kept_rows, parser, use_threads
from torch import Tensor

from sslwb.data import Images, load
from sslwb.evaluate import knn, linear
from sslwb.train import History

QUICK = 0.02  # share of the steps with --quick
BANK = 4096  # labelled pictures that kNN and probe have
Rows = Iterator[tuple[str, Mapping[str, float]]]


def arguments(doc: str | None, names: Iterable[str], seeds: int = 3) -> argparse.ArgumentParser:
    """What every benchmark is asked, how many seeds, and which trainings; by default all of them."""
    names = list(names)
    asked = parser(doc)
    asked.add_argument("--seeds", type=int, default=seeds)
    if len(names) > 1:
        only = "make these anew, and keep the other rows of the file"
        asked.add_argument("--only", nargs="+", choices=names, default=names, help=only)
    asked.set_defaults(only=names)
    return asked


def run(
    options: argparse.Namespace,
    measure: Callable[[str, int, float], Iterable[tuple[str, Mapping[str, float]]]],
    settings: Mapping[str, Any],
    *,
    more: Mapping[str, int] | None = None,
) -> None:
    """Measure each training with each seed, print its rows, and write them after each training.

    more: of which trainings how many seeds more.
    """
    use_threads(options.threads, default=1)
    seeds, share = (1, QUICK) if options.quick else (options.seeds, 1.0)
    rows = kept_rows(options)
    for name in options.only:
        made: dict[str, dict[str, Any]] = {}
        for seed in range(seeds + (0 if options.quick else (more or {}).get(name, 0))):
            for title, values in measure(name, seed, share):
                row = made.setdefault(title, {})
                for term, value in values.items():
                    if isinstance(value, int):
                        row[term] = value
                    else:
                        row.setdefault(term, []).append(round(float(value), 4))
                print(seed, f"{title:30}", *(f"{term} {value:.4g}" for term, value in values.items()), flush=True)
        rows |= made
        keep(options, rows, settings=settings, seeds=list(range(seeds)))


def shapes(seed: int = 0) -> tuple[Images, Images]:
    """The world of shapes: 8,192 pictures to train on, 2,048 to test on."""
    return load("shapes", n=8192, seed=seed), load("shapes", "test", n=2048, seed=seed)


def accuracies(z: Tensor, train: Images, q: Tensor, test: Images) -> dict[str, float]:
    """kNN and linear probe, from the embeddings of both splits."""
    where = z, train.labels, q, test.labels
    return {"knn": knn(*where), "linear": linear(*where)}


def last_loss(history: History, steps: int = 20) -> float:
    """The mean loss of the last steps."""
    return mean(history["loss"][-steps:])
