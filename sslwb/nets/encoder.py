"""What every encoder is, and what every encoder of this package is besides: a torch module."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn


class Encoder(Protocol):
    """Maps what a container's `inputs()` gives to one embedding an item: encoder(*inputs) → (B, dim).

    `features` gives the embeddings in place, (B, L, dim) or (B, dim, H, W), where a method or a task needs places.
    """

    dim: int

    def forward(self, *inputs: Any) -> Tensor: ...

    def features(self, *inputs: Any) -> Tensor: ...


class EncoderModule(nn.Module, Encoder):
    """An encoder as a torch module. A module of your own need not inherit from it: an integer `dim` is enough."""
