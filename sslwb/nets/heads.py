"""Heads: small nets on top of an encoder's output."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import whole


def mlp(*dims: int, norm: bool = True, last_norm: bool = False) -> nn.Sequential:
    """A multi-layer perceptron (B, dims[0]) → (B, dims[-1]): linear, batch norm, ReLU …, and a linear layer at the end.

    `mlp(256, 256, 128)` is SimCLR's projector; `last_norm` adds a batch norm without scale and shift after the end,
    and norm=False leaves the batch norms between the layers out.

    Raises:
        TypeError: a dim is no whole number.
        ValueError: fewer than two dims, or one below 1.
    """
    dims = tuple(whole(f"dims[{i}]", dim, least=1) for i, dim in enumerate(dims))
    if len(dims) < 2:
        raise ValueError(f"mlp got dims {dims}; expected at least two: mlp(in, out)")
    layers: list[nn.Module] = []
    for a, b in pairwise(dims[:-1]):
        layers += [nn.Linear(a, b, bias=not norm), *([nn.BatchNorm1d(b)] if norm else []), nn.ReLU(inplace=True)]
    layers.append(nn.Linear(dims[-2], dims[-1], bias=not last_norm))
    if last_norm:
        layers.append(nn.BatchNorm1d(dims[-1], affine=False))
    return nn.Sequential(*layers)


class Prototypes(nn.Module):
    """A multi-layer perceptron and the cosine with each of `count` prototypes: (B, dims[0]) → (B, count) in [-1, 1].

    The last layer of SwAV and of DINO. Both keep the prototypes on the unit sphere: SwAV scales them after each step,
    DINO by weight norm; here they are scaled whenever they are used. `last_norm` ends the perceptron with a batch norm,
    which takes away the direction that all pictures share: with it, cosines tell pictures apart from the first step on.
    """

    def __init__(self, *dims: int, count: int, last_norm: bool = False) -> None:
        super().__init__()
        whole("count", count, least=1)
        self.mlp = mlp(*dims, last_norm=last_norm)
        self.weight = nn.Parameter(torch.randn(count, dims[-1]))

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.mlp(x), dim=1) @ F.normalize(self.weight, dim=1).T
