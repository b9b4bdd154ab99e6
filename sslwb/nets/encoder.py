"""What every encoder is, and what every encoder of this package is besides: a torch module."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from sslwb.core import check_dense, may_read

BYTES = 50.0  # pictures from 0 to 1, standardised or not, span less; those from 0 to 255 more


class Encoder(Protocol):
    """Maps what a container's `inputs()` gives to one embedding an item: encoder(*inputs) → (B, dim).

    `features` gives the embeddings in place, (B, L, dim) or (B, dim, H, W), where a method or a task needs places.
    """

    dim: int

    def forward(self, *inputs: Any) -> Tensor: ...

    def features(self, *inputs: Any) -> Tensor: ...


class EncoderModule(nn.Module, Encoder):
    """An encoder as a torch module. A module of your own need not inherit from it: an integer `dim` is enough."""


def as_pictures(x: Any, channels: int, module: nn.Module) -> Tensor:
    """Pictures (B, channels, H, W), from 0 to 1 or standardised, as floats of the type of the module's weights.

    Raises:
        TypeError: no tensor of floats.
        ValueError: another shape, or values that span as much as bytes do.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        came = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"x is {came}; this encoder expects floats in [0, 1]: sslwb.augment.images.as_float(x)")
    check_dense("x", x)
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"x has shape {tuple(x.shape)}; this encoder expects (B, {channels}, H, W), floats in [0, 1]")
    if x.numel() and may_read(x):
        low, high = (float(bound) for bound in x.detach().aminmax())
        if high - low > BYTES:
            raise ValueError(
                f"x runs from {low:.3g} to {high:.3g}; this encoder expects floats in [0, 1]: divide bytes by 255"
            )
    weights = (p.dtype for p in module.parameters() if p.is_floating_point())
    return x.to(next(weights, x.dtype))
