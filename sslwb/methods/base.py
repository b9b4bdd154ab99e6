"""What every method is: an encoder to keep, and a loss on views."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Views = list[Tensor]


class Method(nn.Module):
    """A way to train an encoder. A subclass says what the loss of some views is; the training loop does the rest.

    Attributes:
        encoder: what is kept after training: `encoder(x)` → (B, encoder.dim).
        labelled: whether the loop puts the batch's labels after the views (the supervised control).
    """

    labelled = False

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        if not isinstance(getattr(encoder, "dim", None), int):
            raise TypeError(
                f"encoder is {type(encoder).__name__} without an integer .dim; "
                "expected one of sslwb.nets, or any module through sslwb.nets.wrap"
            )
        self.encoder: Any = encoder

    def forward(self, views: Views) -> dict[str, Tensor]:
        """The loss of some views, one entry a view, each (B, …): {"loss": scalar, …}; every scalar is recorded."""
        raise NotImplementedError

    def settings(self) -> dict[str, int | float | str | bool]:
        """What this method was made with, the temperature for one: a checkpoint of other settings is refused."""
        plain = {k: v for k, v in vars(self).items() if isinstance(v, int | float | str | bool)}
        return {k: v for k, v in sorted(plain.items()) if k != "training"}

    def param_groups(self) -> list[dict[str, Any]]:
        """Groups for the optimiser. Vectors (biases, norms) are not decayed: shrinking them regularises nothing."""
        params = [p for p in self.parameters() if p.requires_grad]
        return [
            {"params": [p for p in params if p.ndim > 1]},
            {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
        ]

    def before_step(self, progress: float) -> None:
        """Called before each step; progress runs from 0 to 1."""

    def after_step(self, progress: float) -> None:
        """Called after each step: the place for a momentum encoder, a queue, a centre."""


def full_precision(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A loss that computes in fp32 even where the net runs in bf16: similarities rounded to 3 digits teach little."""

    @functools.wraps(loss)
    def in_fp32(*tensors: Tensor, **settings: Any) -> Tensor:
        with torch.autocast(tensors[0].device.type if tensors else "cpu", enabled=False):
            return loss(*(t.float() if t.is_floating_point() else t for t in tensors), **settings)

    return in_fp32


def check_views(views: Views, at_least: int = 2) -> None:
    """Raise ValueError unless there are `at_least` views of one batch of two pictures or more."""
    if len(views) < at_least:
        raise ValueError(
            f"views holds {len(views)} view(s); expected at least {at_least}: make_views must return several views"
        )
    sizes = [len(v) for v in views]
    if len(set(sizes)) > 1:
        raise ValueError(f"the views have batch sizes {sizes}; expected views of one batch, all of one size")
    if sizes[0] < 2:
        raise ValueError(
            f"the batch has {sizes[0]} picture(s); expected 2 or more: others serve as negatives, or as statistics"
        )
