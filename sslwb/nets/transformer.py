"""A small vision transformer. Source: Dosovitskiy et al. 2021; pre-norm blocks, fixed sine positions for any size."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.nets.seeds import seeded


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): (B, L, dim) → (B, L, dim)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.asked(x)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))

    def asked(self, x: Tensor) -> Tensor:
        """Queries, keys and values: (B, L, dim) → (3, B, heads, L, dim / heads)."""
        return self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)

    def attention(self, x: Tensor) -> Tensor:
        """softmax(q · k / √d): how much each place takes from each other, (B, L, dim) → (B, heads, L, L)."""
        q, k, _ = self.asked(x)
        return (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(3)


class ViT(nn.Module):
    """Pictures in [0, 1], float (B, C, H, W) → (B, dim): patches, blocks, and the mean over all patches."""

    def __init__(self, patch: int, dim: int, depth: int, heads: int, channels: int) -> None:
        super().__init__()
        self.patch, self.dim, self.channels = patch, dim, channels
        self.embed = nn.Linear(channels * patch * patch, dim)
        self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)

    def features(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, L, dim), L = H/patch · W/patch places in reading order.

        Raises:
            ValueError: another number of channels, or sides that the patch does not divide.
        """
        return self.norm(self.blocks(self.tokens(x)))

    def attention(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, heads, L, L): where each place looks in the last block; each row sums to 1.

        The fast path never writes these numbers down; here they are computed on request. Lesson 07 draws them.
        """
        last: Any = self.blocks[-1]
        return last.attention(self.blocks[:-1](self.tokens(x)))

    def tokens(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, L, dim): patches, each with its position, as the first block gets them."""
        if x.ndim != 4 or x.shape[1] != self.channels or x.shape[2] % self.patch or x.shape[3] % self.patch:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; this encoder expects (B, {self.channels}, H, W) with H and W divisible "
                f"by its patch, {self.patch}"
            )
        rows, columns = x.shape[2] // self.patch, x.shape[3] // self.patch
        tokens = self.embed(F.unfold((x - 0.5) * 4, self.patch, stride=self.patch).transpose(1, 2))
        return tokens + sine_positions(rows, columns, self.dim).to(tokens)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).mean(1)


def vit(
    patch: int = 4, dim: int = 192, depth: int = 4, heads: int = 3, channels: int = 3, seed: int = 0
) -> ViT:  # fmt: skip
    """A small vision transformer: dim 192, 4 blocks, 1.8 M parameters.

    Raises:
        ValueError: heads do not divide dim, or dim is no multiple of 4 (positions are sines and cosines of two axes).
    """
    if dim % heads or dim % 4:
        raise ValueError(f"dim is {dim} with {heads} heads; expected a multiple of heads and of 4")
    with seeded(seed):
        return ViT(patch, dim, depth, heads, channels)


def sine_positions(rows: int, columns: int, dim: int) -> Tensor:
    """(rows · columns, dim): sines and cosines of the row and of the column, a quarter each (Vaswani et al. 2017)."""
    rate = torch.exp(-math.log(10_000.0) * torch.arange(dim // 4) / (dim // 4))
    y = torch.arange(rows)[:, None] * rate
    x = torch.arange(columns)[:, None] * rate
    y, x = y[:, None].expand(rows, columns, -1), x[None].expand(rows, columns, -1)
    return torch.cat((y.sin(), y.cos(), x.sin(), x.cos()), -1).flatten(0, 1)
