"""Several processes, one batch: what a loss needs of the others' rows, with gradients. Alone, all is the identity.

Under `torchrun` each rank computes its share of the batch and its own gradient, and torch's DDP takes the mean of the
gradients. A loss over the whole batch is computed by every rank, of the rows that `gather` brings: its backward pass
adds what all ranks ask of a row, so the mean over ranks is the gradient that one process has with the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor


def count() -> int:
    """How many processes share a batch; 1 without torch.distributed."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0."""
    return dist.get_rank() if count() > 1 else 0


def gather(x: Tensor) -> Tensor:
    """The rows of all ranks, in their order, with gradients: (B, …) → (ranks · B, …). Every rank has as many."""
    return x if count() == 1 else _Gather.apply(x)


def gather_views(z: Tensor) -> Tensor:
    """The same for rows that stand in the second place: (V, B, …) → (V, ranks · B, …)."""
    return z if count() == 1 else gather(z.transpose(0, 1).contiguous()).transpose(0, 1)


def own(x: Tensor) -> Tensor:
    """This rank's rows of what `gather` gave: (ranks · B, …) → (B, …)."""
    return x if count() == 1 else x.chunk(count())[rank()]


def mean(x: Tensor) -> Tensor:
    """The mean over ranks, without a gradient; for counts, centres, and numbers to be recorded."""
    if count() == 1:
        return x
    return torch.stack(_all(x.detach().float())).mean(0)


def weighed(loss: Tensor, count_here: Tensor) -> Tensor:
    """A mean over `count_here` things of this rank, scaled so that the mean over ranks is the mean over all things."""
    return loss if count() == 1 else loss * (count_here / mean(count_here))


def any_of(flag: bool) -> bool:
    """Whether it is true on any rank."""
    return flag if count() == 1 else any(bool(f) for f in _all(torch.tensor([flag], device=_device())))


@contextmanager
def joined() -> Iterator[None]:
    """Inside, the processes that `torchrun` started share their batches; without torchrun nothing changes."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """Rows of all ranks; backwards, what all ranks ask of this rank's rows, summed."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return torch.cat(_all(x))

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        grad = grad.contiguous()
        dist.all_reduce(grad)
        return own(grad)


def _all(x: Tensor) -> list[Tensor]:
    x = x.contiguous()
    parts = [torch.empty_like(x) for _ in range(count())]
    dist.all_gather(parts, x)
    return parts


def _device() -> torch.device:
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
