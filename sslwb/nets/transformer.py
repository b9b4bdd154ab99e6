"""The transformer's block, and a small vision transformer made of it.

Source: Vaswani et al. 2017, "Attention is all you need"; Dosovitskiy et al. 2021 for pictures as tokens, here with
fixed sine positions for any size.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import recorded, whole
from sslwb.nets.encoder import EncoderModule, as_pictures
from sslwb.nets.patches import grid_of, patchify
from sslwb.nets.seeds import seeded


class Block(nn.Module):
    """One layer of a transformer: (B, L, dim) → (B, L, dim). Attention, then a perceptron, each added to its input.

    The same block serves the vision transformer, GPT and BERT:

        pre-norm (Radford et al. 2019):    x = x + attention(norm1(x));  x = x + mlp(norm2(x))
        post-norm (Devlin et al. 2019):    x = norm1(x + attention(x));  x = norm2(x + mlp(x))

    Args:
        dim: of the embedding of each place.
        heads: how many; each looks at dim / heads features.
        causal: a place sees itself and the places before it, and nothing of what follows.
        post_norm: norms behind the sums, as in BERT, with BERT's epsilon; else before attention and perceptron.
    """

    def __init__(self, dim: int, heads: int, causal: bool = False, post_norm: bool = False) -> None:
        super().__init__()
        self.heads, self.causal, self.post_norm = heads, causal, post_norm
        eps = 1e-12 if post_norm else 1e-5
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps), nn.LayerNorm(dim, eps)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """(B, L, dim) → (B, L, dim); `seen` is bool (B, L), False at padding, which no place looks at."""
        q, k, v = self.asked(x)
        mask = None if seen is None else seen[:, None, None]  # the same for every head and every asking place
        taken = F.scaled_dot_product_attention(q, k, v, mask, is_causal=self.causal)
        x = x + self.out(taken.transpose(1, 2).flatten(2))
        if self.post_norm:
            x = self.norm1(x)
            x = self.norm2(x + self.mlp(x))
        else:
            x = x + self.mlp(self.norm2(x))
        return x

    def asked(self, x: Tensor) -> Tensor:
        """Queries, keys and values: (B, L, dim) → (3, B, heads, L, dim / heads)."""
        x = x if self.post_norm else self.norm1(x)
        qkv: Tensor = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return qkv

    def attention(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """softmax(q · k / √d): how much each place takes from each other, (B, L, dim) → (B, heads, L, L)."""
        q, k, _ = self.asked(x)
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
        if self.causal:
            later = torch.ones(scores.shape[2:], dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        if seen is not None:
            scores = scores.masked_fill(~seen[:, None, None], -torch.inf)
        attention: Tensor = scores.softmax(3)
        return attention


class ViT(EncoderModule):
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
        tokens: Tensor = self.norm(self.blocks(self.tokens(x)))
        return tokens

    def attention(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, heads, L, L): where each place looks in the last block; each row sums to 1.

        The fast path never writes these numbers down; here they are computed on request. Lesson 07 draws them.
        """
        last: Any = self.blocks[-1]
        attention: Tensor = last.attention(self.blocks[:-1](self.tokens(x)))
        return attention

    def tokens(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, L, dim): patches, each with its position, as the first block gets them."""
        x = as_pictures(x, self.channels, self)
        if x.shape[2] % self.patch or x.shape[3] % self.patch:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; this encoder expects (B, {self.channels}, H, W) with H and W divisible "
                f"by its patch, {self.patch}"
            )
        rows, columns = grid_of(x, self.patch)
        tokens: Tensor = self.embed(patchify((x - 0.5) * 4, self.patch))
        return tokens + sine_positions(rows, columns, self.dim).to(tokens)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).mean(1)


@recorded
def vit(patch: int = 4, dim: int = 192, depth: int = 4, heads: int = 3, channels: int = 3, seed: int = 0) -> ViT:
    """A small vision transformer: dim 192, 4 blocks, 1.8 M parameters.

    Raises:
        ValueError: heads do not divide dim, dim is no multiple of 4 (positions are sines and cosines of two axes), or a
            size is not 1 or more.
    """
    for name, size in {"patch": patch, "dim": dim, "heads": heads, "channels": channels}.items():
        whole(name, size, least=1)
    whole("depth", depth, least=0)
    if dim % heads or dim % 4:
        raise ValueError(f"dim is {dim} with {heads} heads; expected a multiple of heads and of 4")
    with seeded(seed):
        return ViT(patch, dim, depth, heads, channels)


def sine_positions(rows: int, columns: int, dim: int) -> Tensor:
    """(rows · columns, dim): sines and cosines of the row and of the column, a quarter each (Vaswani et al. 2017)."""
    quarter = torch.arange(dim // 4, dtype=torch.float32, device="cpu")
    rate = torch.exp(-math.log(10_000.0) * quarter / (dim // 4))
    y = torch.arange(rows, device="cpu")[:, None] * rate
    x = torch.arange(columns, device="cpu")[:, None] * rate
    y, x = y[:, None].expand(rows, columns, -1), x[None].expand(rows, columns, -1)
    return torch.cat((y.sin(), y.cos(), x.sin(), x.cos()), -1).flatten(0, 1)
