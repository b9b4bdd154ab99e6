"""Embed once; everything else measures what comes out."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sslwb.core import place, usual, written_whole
from sslwb.data import Items
from sslwb.data.containers import as_items
from sslwb.methods.base import Method
from sslwb.nets import seeded
from sslwb.train.device import autocast, resolve_precision

BATCH = 500


class WithoutEncoder(nn.Module):
    """Stands where an encoder is expected and gives what is there without one: the container's `baseline()`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim


@usual()
def embed(
    encoder: nn.Module,
    data: Items | Tensor | np.ndarray | list[Tensor],
    precision: str = "auto",
    *,
    out: str | os.PathLike[str] | None = None,
) -> Tensor:
    """The embeddings of items as they are, without augmentation: (N, dim) float32 on the CPU.

    Args:
        encoder: maps what `data.inputs()` gives to (B, dim); used in evaluation mode and left in its own.
        data: a container, or a tensor, an array or a list of tensors: uint8 (N, C, H, W) are pictures.
        precision: "auto", "fp32" or "bf16".
        out: a file, .npy, that the embeddings are written to batch by batch, where they are more than memory holds; the
            tensor that comes back is a map of it. After an error it is what it was before.

    Raises:
        TypeError: no encoder, or data that are neither a container nor numbers.
        ValueError: the encoder gives something other than (B, dim), or no finite numbers.
        OSError: the file cannot be written.
    """
    check_encoder(encoder)
    data = as_items(data)
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    precision = resolve_precision(precision, device)
    if not len(data):
        raise ValueError("data has no items; expected at least one to embed")
    if not isinstance(out, str | os.PathLike | None):
        raise TypeError(f"out is {type(out).__name__}; expected the path of a file, .npy, or None")
    path = None if out is None else place(out)
    rows = torch.arange(len(data)).split(BATCH)
    z, dim = torch.empty(0), 0
    with evaluating(encoder), autocast(device, precision), written_whole(path) if path else nullcontext() as file:
        for index, batch in zip(rows, data.batches(rows), strict=True):
            if isinstance(encoder, WithoutEncoder):
                part = batch.baseline()[1]
            else:
                part = encoder(*(_suited(t, encoder) for t in batch.to(device).inputs()))
            if not isinstance(part, Tensor):
                raise TypeError(f"encoder gave a {type(part).__name__}; expected a tensor of embeddings (N, dim)")
            part = part.float().cpu()
            if part.ndim != 2 or part.shape != (len(index), dim or part.shape[1]):
                raise ValueError(
                    f"encoder gave embeddings of shape {tuple(part.shape)} for {len(index)} items; expected "
                    f"(N, {dim or 'dim'})"
                )
            if not torch.isfinite(part).all():
                raise ValueError(
                    "encoder gave NaN or infinite embeddings; expected finite numbers: its training diverged"
                )
            if not dim:
                dim = part.shape[1]
                if file is None:
                    z = torch.empty(len(data), dim)
                else:
                    head = {"descr": "<f4", "fortran_order": False, "shape": (len(data), dim)}
                    np.lib.format.write_array_header_1_0(file, head)
            if file is None:
                z[index[0] : index[-1] + 1] = part
            else:
                file.write(part.numpy().astype("<f4").tobytes())
    return z if path is None else torch.from_numpy(np.load(path, mmap_mode="r+"))


def check_encoder(encoder: Any) -> None:
    """Raise TypeError unless it is an encoder: a torch module, and no whole method."""
    if not isinstance(encoder, nn.Module) or isinstance(encoder, Method):
        hint = ": method.encoder" if isinstance(encoder, Method) else ", a torch module such as one of sslwb.nets"
        raise TypeError(f"encoder is {type(encoder).__name__}; expected an encoder{hint}")


def _suited(x: Tensor, encoder: nn.Module) -> Tensor:
    """Floats of the type of the encoder's weights, whatever that is."""
    weights = (p.dtype for p in encoder.parameters() if p.is_floating_point())
    return x.to(next(weights, torch.float32)) if x.is_floating_point() else x


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
    return as_items(data).baseline()[1]


def untrained(encoder: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of the encoder with new random weights: the second baseline.

    Raises:
        ValueError: the encoder has weights that nothing can draw anew.
    """
    check_encoder(encoder)
    return drawn_anew(encoder, seed)


def drawn_anew(network: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of a network, an encoder or a whole method, with new random weights; raises as `untrained` does."""
    fresh = copy.deepcopy(network)
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
