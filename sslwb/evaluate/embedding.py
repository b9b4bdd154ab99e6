"""Embed once; everything else measures what comes out."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sslwb.data import Items
from sslwb.data.containers import as_items
from sslwb.nets import seeded
from sslwb.train.device import autocast, resolve_precision

BATCH = 500


class WithoutEncoder(nn.Module):
    """Stands where an encoder is expected and gives what is there without one: the container's `baseline()`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim


@torch.no_grad()
def embed(
    encoder: nn.Module,
    data: Items | Tensor,
    precision: str = "auto",
    *,
    out: str | os.PathLike[str] | None = None,
) -> Tensor:
    """The embeddings of items as they are, without augmentation: (N, dim) float32 on the CPU.

    Args:
        encoder: maps what `data.inputs()` gives to (B, dim); used in evaluation mode and left in its own.
        data: a container, or a tensor: uint8 (N, C, H, W) are pictures.
        precision: "auto", "fp32" or "bf16".
        out: a file, .npy, that the embeddings are written to batch by batch, where they are more than memory holds; the
            tensor that comes back is a map of it.

    Raises:
        ValueError: the encoder gives something other than (B, dim), or no finite numbers.
    """
    data = as_items(data)
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    precision = resolve_precision(precision, device)
    rows = torch.arange(len(data)).split(BATCH)
    z: Tensor | None = None
    with evaluating(encoder), autocast(device, precision):
        for index, batch in zip(rows, data.batches(rows), strict=True):
            if isinstance(encoder, WithoutEncoder):
                part = batch.baseline()[1]
            else:
                part = encoder(*batch.to(device).inputs()).float().cpu()
            if part.ndim != 2 or len(part) != len(index):
                raise ValueError(
                    f"encoder gave embeddings of shape {tuple(part.shape)} for {len(index)} items; expected (N, dim)"
                )
            if not torch.isfinite(part).all():
                raise ValueError(
                    "encoder gave NaN or infinite embeddings; expected finite numbers: its training diverged"
                )
            z = _room(len(data), part.shape[1], out) if z is None else z
            z[index[0] : index[-1] + 1] = part
    if z is None:
        raise ValueError("data has no items; expected at least one to embed")
    return z


def _room(n: int, dim: int, out: str | os.PathLike[str] | None) -> Tensor:
    """Where N embeddings are written: in memory, or in a file that the system maps into it."""
    if out is None:
        return torch.empty(n, dim)
    path = Path(out).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    return torch.from_numpy(np.lib.format.open_memmap(path, "w+", np.float32, (n, dim)))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Inside, the network is in evaluation mode; after it, each of its modules is in its own mode again."""
    modes = [(module, module.training) for module in network.modules()]  # a layer may be frozen apart
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def raw(data: Items) -> Tensor:
    """The first baseline, what is there without any encoder: float32 (N, D) on the CPU.

    Each container says itself what that is: the pixels of pictures, how often each word stands in a text.
    """
    return data.baseline()[1]


def untrained(encoder: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of the encoder with new random weights: the second baseline.

    Raises:
        ValueError: the encoder has weights that nothing can draw anew.
    """
    fresh = copy.deepcopy(encoder)
    drawn: set[int] = set()
    with seeded(seed):
        for module in fresh.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
                drawn |= {id(p) for p in module.parameters(recurse=False)}
    left = [name for name, p in fresh.named_parameters() if id(p) not in drawn]
    if left:
        raise ValueError(
            f"encoder has weights {left[:3]} in modules without reset_parameters(); it cannot be drawn anew"
        )
    return fresh
