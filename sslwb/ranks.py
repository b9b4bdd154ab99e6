"""Several processes, one batch: what a loss needs of the others' rows, with gradients. Alone, all is the identity.

Under `torchrun` each rank computes its share of the batch and its own gradient, and torch's DDP takes the mean of the
gradients. A loss over the whole batch is computed by every rank, of the rows that `gather` brings: its backward pass
adds what all ranks ask of a row, so the mean over ranks is the gradient that one process has with the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from sslwb.core import may_read


def count() -> int:
    """How many processes share a batch; 1 without torch.distributed."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0."""
    return dist.get_rank() if count() > 1 else 0


def gather(x: Tensor) -> Tensor:
    """The rows of all ranks, in their order, with gradients: (B, …) → (ΣB, …). A rank may have more than another."""
    return x if count() == 1 else _Gather.apply(x)


def gather_views(z: Tensor) -> Tensor:
    """The same for rows that stand in the second place: (V, B, …) → (V, ranks · B, …)."""
    return z if count() == 1 else gather(z.transpose(0, 1).contiguous()).transpose(0, 1)


def own(x: Tensor) -> Tensor:
    """This rank's rows where every rank has as many: (ranks · B, …) → (B, …)."""
    return x if count() == 1 else x.chunk(count())[rank()]


def mean(x: Tensor) -> Tensor:
    """The mean over ranks, without a gradient; for counts, centres, and numbers to be recorded."""
    if count() == 1:
        return x
    return torch.stack(_all(x.detach().float())).mean(0)


def weighed(loss: Callable[..., Tensor], count_here: Tensor, outputs: Tensor, *targets: Tensor) -> Tensor:
    """`loss(outputs, …)`, a mean over `count_here` things, so that the mean over ranks is the mean over all things.

    A rank without any, where another has some, adds 0 to the loss and to the gradient. Where no rank has any, each
    gets what one process would get: the loss's own error, or NaN.
    """
    if count() == 1:
        return loss(outputs, *targets)
    everywhere = mean(count_here)
    idle = (count_here == 0) & (everywhere > 0)
    if may_read(idle) and idle:  # the loss would say that it has nothing to do
        return 0 * outputs.sum()
    return torch.where(idle, 0.0, loss(outputs, *targets) * (count_here / everywhere))


def any_of(flag: bool) -> bool:
    """Whether it is true on any rank. The hosts ask each other, and no GPU waits."""
    return flag if count() == 1 else any(bool(f) for f in _all(torch.tensor([flag], device="cpu")))


@contextmanager
def joined(device: str = "auto") -> Iterator[None]:
    """Inside, the processes that `torchrun` started share their batches; without torchrun nothing changes.

    Where `device` asks for a GPU, or leaves the choice and there is one, each rank takes its own.

    Raises:
        ValueError: more ranks than GPUs on this machine.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield
        return
    on_gpu = torch.cuda.is_available() and device.startswith(("auto", "cuda"))
    if on_gpu:
        here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
        if here > gpus:
            raise ValueError(
                f"{here} ranks were started on this machine, which has {gpus} GPU(s); expected at most one rank a GPU: "
                f"torchrun --nproc-per-node={gpus}, or --device cpu"
            )
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """Rows of all ranks; backwards, what all ranks ask of this rank's rows, summed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        # How many rows there are is known to the host, which tells the other hosts: no GPU waits.
        counts = torch.cat(_all(torch.tensor([len(x)], device="cpu"))).tolist()
        ctx.first, ctx.count = sum(counts[: rank()]), len(x)
        most = max(counts)
        padded = torch.cat((x, x.new_zeros(most - len(x), *x.shape[1:]))) if len(x) < most else x
        return torch.cat([part[:n] for part, n in zip(_all(padded), counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        grad = grad.clone(memory_format=torch.contiguous_format)  # autograd may give it to others too
        dist.all_reduce(grad)
        return grad.narrow(0, ctx.first, ctx.count)


def _all(x: Tensor) -> list[Tensor]:
    x = x.contiguous()
    parts = [torch.empty_like(x) for _ in range(count())]
    dist.all_gather(parts, x)
    return parts
