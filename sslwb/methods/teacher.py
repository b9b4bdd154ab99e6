"""A teacher: a copy of a network that gradients never touch, and that follows the student as a moving average."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from sslwb.core import number


def teacher_of(student: nn.Module) -> nn.Module:
    """A copy with the same weights, which no optimiser and no gradient changes."""
    return copy.deepcopy(student).requires_grad_(False)


@torch.no_grad()
def ema_update(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """teacher ← momentum · teacher + (1 - momentum) · student, for all weights in one call.

    Running statistics of batch norms are each network's own: the teacher sees its own activations.

    Raises:
        ValueError: momentum outside [0, 1], or two networks whose weights differ in number or shape.
    """
    check_momentum(momentum)
    behind, ahead = _values(teacher), _values(student)
    if [t.shape for t in behind] != [s.shape for s in ahead]:
        raise ValueError(
            f"teacher has {len(behind)} weights and student {len(ahead)}, or they differ in shape; expected a "
            "teacher that teacher_of(student) made"
        )
    torch._foreach_lerp_(behind, ahead, 1 - momentum)


def momentum_schedule(momentum: float, progress: float) -> float:
    """From `momentum` at progress 0 to 1 at progress 1, along a cosine (Grill et al. 2020, section 3.3)."""
    check_momentum(momentum)
    return 1 - (1 - momentum) * (math.cos(math.pi * progress) + 1) / 2


def check_momentum(momentum: float) -> None:
    """Raise ValueError unless 0 ≤ momentum ≤ 1, TypeError where it is no number."""
    if not 0 <= number("momentum", momentum) <= 1:
        raise ValueError(f"momentum is {momentum}; expected 0 (teacher is the student) to 1 (it never moves)")


def _values(network: nn.Module) -> list[torch.Tensor]:
    return [p.detach() for p in network.parameters()]
