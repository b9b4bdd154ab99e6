"""A teacher: a copy of a network that gradients never touch, and that follows the student as a moving average."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable

import torch
from torch import nn


def teacher_of(student: nn.Module) -> nn.Module:
    """A copy with the same weights, which no optimiser and no gradient changes."""
    return copy.deepcopy(student).requires_grad_(False)


@torch.no_grad()
def ema_update(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """teacher ← momentum · teacher + (1 - momentum) · student, for all weights in one call.

    Running statistics of batch norms are each network's own: the teacher sees its own activations.
    """
    torch._foreach_lerp_(list(teacher.parameters()), _values(student.parameters()), 1 - momentum)


def momentum_schedule(momentum: float, progress: float) -> float:
    """From `momentum` at progress 0 to 1 at progress 1, along a cosine (Grill et al. 2020, section 3.3)."""
    return 1 - (1 - momentum) * (math.cos(math.pi * progress) + 1) / 2


def check_momentum(momentum: float) -> None:
    """Raise ValueError unless 0 ≤ momentum ≤ 1."""
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum is {momentum}; expected 0 (teacher is the student) to 1 (it never moves)")


def _values(parameters: Iterable[nn.Parameter]) -> list[torch.Tensor]:
    return [p.detach() for p in parameters]
