"""How likely a picture is, given what a decoder painted: in nats, summed over all values of a picture. Lesson 15."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from sslwb.core import check_shapes, may_read
from sslwb.methods.base import full_precision


@full_precision
def bernoulli_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """log p(x | z) of each picture, a coin for each value, nats: (B, C, H, W) twice → (B,).

    The logarithm of a probability where each value of x is 0 or 1. Greys in between are taken too; what comes out then
    still trains, and is the log-probability of nothing.

    Raises:
        TypeError: no tensors of floats.
        ValueError: different shapes, or x outside [0, 1].
    """
    check_shapes(logits=(logits, "B C H W"), x=(x, "B C H W"))
    if may_read(x):
        low, high = (float(bound) for bound in x.detach().aminmax())
        if not (low >= 0 and high <= 1):  # NaN fails too
            raise ValueError(
                f"x runs from {low:.3g} to {high:.3g}; a Bernoulli likelihood expects values from 0 to 1: take "
                'likelihood="gaussian", or pictures as sslwb.augment.images.as_float(x) gives them'
            )
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


@full_precision
def gaussian_log_likelihood(mean: Tensor, x: Tensor, log_sigma: Tensor) -> Tensor:
    """log N(x; mean, σ²) of each picture, one σ for all values, nats: (B, C, H, W) twice, log σ () → (B,).

    It is a density. Of bytes with noise (`augment.dequantised`), -nats / (D · ln 2) + 8 are the bits that each of the D
    values takes: on average no fewer than the bytes themselves take where the density is summed up over each step
    (Theis et al. 2016, "A Note on the Evaluation of Generative Models", section 3.1).

    Raises:
        TypeError: no tensors of floats.
        ValueError: different shapes.
    """
    check_shapes(mean=(mean, "B C H W"), x=(x, "B C H W"))
    squared = ((x - mean) * (-log_sigma).exp()).square().flatten(1).sum(1)
    return -squared / 2 - x[0].numel() * (log_sigma + math.log(2 * math.pi) / 2)
