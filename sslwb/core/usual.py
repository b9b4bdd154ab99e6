"""Torch as it is in a new process, whatever this one has set: the same call gives the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

KINDS = ("cpu", "cuda", "mps")  # of devices that autocast knows


@contextmanager
def usual(gradients: bool | None = False, dtype: bool = True) -> Iterator[None]:
    """Inside, nothing counts of what a caller has set: no inference mode, no autocast, no default device or type.

    Wherever somebody enters the library, in a constructor, a training or a measurement, it stands at the door.

    Args:
        gradients: whether they are kept inside; None: as outside.
        dtype: whether the default type is float32 inside. It is one for all threads, where the rest is this thread's
            own; so a training, beside which others work on, names the types of all that it makes instead.
    """
    before = torch.get_default_dtype()
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if gradients is not None and torch.is_grad_enabled() != gradients:
            stack.enter_context(torch.set_grad_enabled(gradients))
        for kind in KINDS:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if dtype and before != torch.float32:
            stack.callback(torch.set_default_dtype, before)
            torch.set_default_dtype(torch.float32)
        yield
