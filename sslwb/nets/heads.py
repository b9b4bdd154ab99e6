"""Heads: small nets on top of an encoder's output."""

from __future__ import annotations

from itertools import pairwise

from torch import nn


def mlp(*dims: int, last_norm: bool = False) -> nn.Sequential:
    """A multi-layer perceptron (B, dims[0]) → (B, dims[-1]): linear, batch norm, ReLU …, and a linear layer at the end.

    `mlp(256, 256, 128)` is SimCLR's projector; `last_norm` adds a batch norm without scale and shift after the end.

    Raises:
        ValueError: fewer than two dims.
    """
    if len(dims) < 2:
        raise ValueError(f"mlp got dims {dims}; expected at least two: mlp(in, out)")
    layers: list[nn.Module] = []
    for a, b in pairwise(dims[:-1]):
        layers += [nn.Linear(a, b, bias=False), nn.BatchNorm1d(b), nn.ReLU(inplace=True)]
    layers.append(nn.Linear(dims[-2], dims[-1], bias=not last_norm))
    if last_norm:
        layers.append(nn.BatchNorm1d(dims[-1], affine=False))
    return nn.Sequential(*layers)
