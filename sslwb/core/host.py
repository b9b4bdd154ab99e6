"""What the host may read. A GPU works ahead of Python; whoever asks it for a value inside a step makes it stand still.

So a check of values, or a shape that depends on them, is computed where it costs nothing: on a CPU, and in the first
step of a training, which waits once, so that a wrong label is reported in words before it is an assertion on a GPU.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch
from torch import Tensor

_CHECKING: ContextVar[bool] = ContextVar("checking", default=False)


@contextmanager
def checking(on: bool = True) -> Iterator[None]:
    """Inside, values may be read on any device: the loop's first step."""
    before = _CHECKING.set(on)
    try:
        yield
    finally:
        _CHECKING.reset(before)


def may_read(x: Tensor) -> bool:
    """Whether reading a value of x now makes no GPU wait."""
    return x.device.type == "cpu" or _CHECKING.get()


def host_generator(generator: torch.Generator) -> np.random.Generator:
    """A generator of numbers that the host needs to know, such as the size of a mask, drawn from torch's.

    It is seeded from the generator's state, which the host holds for a GPU's generator too; then that state moves on,
    so that the next call gives other numbers.
    """
    state = generator.get_state().numpy().tobytes()
    torch.rand(1, generator=generator, device=generator.device)
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(state, digest_size=8).digest(), "big"))
