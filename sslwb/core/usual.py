"""Torch as it is in a new process, whatever this one has set: the same call gives the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def usual(gradients: bool = False, dtype: bool = True) -> Iterator[None]:
    """Inside, nothing counts of what a caller has set: no inference mode, no autocast, no default device or type.

    Wherever somebody enters the library, in a constructor, a training or a measurement, it stands at the door.

    Args:
        gradients: whether they are kept inside.
        dtype: whether the default type is float32 inside. It is one for all threads, where the rest is this thread's
            own; so a training, beside which others work on, names the types of all that it makes instead.
    """
    before = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(gradients))
        for kind in ("cpu", "cuda", "mps"):
            if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if dtype and before != torch.float32:
            stack.callback(torch.set_default_dtype, before)
            torch.set_default_dtype(torch.float32)
        yield
