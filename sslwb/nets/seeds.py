"""Weights that depend on their seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sslwb.core import whole


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch's CPU generator starts from `seed`; after it, the generator is where it was.

    torch's layers draw their first weights from the global generator; this keeps that drawing apart from everybody
    else's, so that the same seed gives the same net whatever ran before.

    Raises:
        TypeError: the seed is no whole number.
        ValueError: it has more than 64 bits.
    """
    seed = whole("seed", seed)
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"seed is {seed}; expected a number of at most 64 bits")
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        yield
