"""Embed once; everything else measures what comes out."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sslwb.augment.images import as_float
from sslwb.augment.tokens import PAD
from sslwb.data import Images, Items, Texts
from sslwb.nets import seeded
from sslwb.train.device import autocast, resolve_precision

BATCH = 500


@torch.no_grad()
def embed(encoder: nn.Module, data: Items | Tensor, precision: str = "auto") -> Tensor:
    """The embeddings of pictures or texts as they are, without augmentation: (N, dim) float32 on the CPU.

    Args:
        encoder: maps float (B, C, H, W) in [0, 1], or texts int64 (B, L), to (B, dim); used in evaluation mode and left
            in its own.
        data: pictures, or uint8 (N, C, H, W); texts, or int64 (N, L).
        precision: "auto", "fp32" or "bf16".

    Raises:
        ValueError: the encoder gives something other than (B, dim), or no finite numbers.
    """
    x = data.x if isinstance(data, Items) else data
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    precision = resolve_precision(precision, device)
    with evaluating(encoder), autocast(device, precision):
        parts = [encoder(_readable(batch.to(device))).float().cpu() for batch in x.split(BATCH)]
    z = torch.cat(parts)
    if z.ndim != 2:
        raise ValueError(f"encoder gave embeddings of shape {tuple(z.shape)}; expected (N, dim)")
    if not torch.isfinite(z).all():
        raise ValueError("encoder gave NaN or infinite embeddings; expected finite numbers: its training diverged")
    return z


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


def raw(data: Images | Texts) -> Tensor:
    """The first baseline, what is there without any encoder: float32 on the CPU.

    Pictures: their pixels, (N, C·H·W) in [0, 1]. Texts: how often each word of the vocabulary stands in them, (N, V).
    """
    if isinstance(data, Images):
        return as_float(data.x).flatten(1).cpu()
    counts = torch.zeros(len(data), len(data.vocabulary), device=data.x.device)
    counts.scatter_add_(1, data.x, (data.x != PAD).float())
    return counts.cpu()


def _readable(x: Tensor) -> Tensor:
    """What an encoder takes: texts are whole numbers (B, L) and stay so, pictures become floats."""
    return x if x.dtype == torch.int64 and x.ndim == 2 else as_float(x)


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
