"""Encoders of texts, a number for each word → an embedding for each: BERT's, which looks both ways, and causal GPT's.

Source: Devlin et al. 2019 (BERT); Radford et al. 2018, 2019 (GPT, GPT-2).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from sslwb.core import PAD, check_classes, check_shapes, may_read, recorded, whole
from sslwb.nets.encoder import EncoderModule
from sslwb.nets.seeds import seeded
from sslwb.nets.transformer import Block


class Table(nn.Embedding):
    """An embedding for each number, drawn with a standard deviation of 0.02 as in BERT and GPT-2, or of another."""

    def __init__(self, count: int, dim: int, std: float = 0.02) -> None:
        self.std = std
        super().__init__(count, dim)

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=self.std)


# How BERT's weights begin. Behind a hidden word stands nothing, so all that its place learns comes through attention;
# drawn at random, the layers spend the minutes of a lesson on finding a word's neighbours, every head becomes one that
# looks at neighbours, and none is left that looks for the word elsewhere in the text. So heads begin near or wide:
# "mimetic initialization", Trockman and Kolter 2023. Only the first values differ; what is learned is free.
# Perceptrons begin quiet, as in BERT, so that they do not cover what attention brings. Measured on the tales (2 blocks
# of width 64, batches of 16): in 2,000 steps the usual weights learn how sentences are built, and nothing of who and
# where; these learn both.


class SinePositions(nn.Embedding):
    """Learned positions that begin as sines and cosines in a quarter of the features (Vaswani et al. 2017)."""

    def reset_parameters(self) -> None:
        count, dim = self.weight.shape
        rates = dim // 8
        turn = torch.arange(count)[:, None] * torch.exp(-math.log(30.0) * torch.arange(rates) / max(1, rates))
        nn.init.normal_(self.weight, std=0.02)
        with torch.no_grad():
            self.weight[:, : 2 * rates] = 0.9 * torch.cat((turn.sin(), turn.cos()), 1)


class QueryKeyValue(nn.Linear):
    """Queries, keys, values: every place asks for what is like itself.

    The first `near` features mix place and word, so their heads look at neighbours. The others are without position, so
    their heads look at all words of the same kind, wherever they stand.
    """

    def __init__(self, dim: int, near: int) -> None:
        self.near = near
        super().__init__(dim, 3 * dim)

    def reset_parameters(self) -> None:
        q = nn.init.orthogonal_(torch.empty(self.in_features, self.in_features))
        q[self.near :] = 0.7 * torch.eye(self.in_features)[self.near :]  # weaker: with nothing like it, look at all
        with torch.no_grad():
            self.weight.copy_(torch.cat((q, q, torch.eye(len(q)))))
        nn.init.zeros_(self.bias)


class AttentionOutput(nn.Linear):
    """What attention gives back: near heads take away what is alike, wide ones add what stands in the text."""

    def __init__(self, dim: int, near: int) -> None:
        self.near = near
        super().__init__(dim, dim)

    def reset_parameters(self) -> None:
        sign = torch.where(torch.arange(self.in_features) < self.near, -1.0, 2.0)
        with torch.no_grad():
            self.weight.copy_(sign.diag())
        nn.init.zeros_(self.bias)


class SmallLinear(nn.Linear):
    """A layer of a perceptron, drawn with a standard deviation of 0.02 as in BERT."""

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=0.02)
        nn.init.zeros_(self.bias)


class TokenEncoder(EncoderModule):
    """Texts, int64 (B, L) with padding 0 at the end → (B, dim): word and place, blocks, and the mean over all words.

    Attributes:
        vocabulary: how many words there are.
        context: the longest text, in words.
        dim: length of the embedding.
        causal: whether a word is embedded from what stands before it alone (GPT), or from the whole text (BERT).
    """

    def __init__(
        self, vocabulary: int, context: int, dim: int, depth: int, heads: int, segments: int, causal: bool
    ) -> None:
        super().__init__()
        self.vocabulary, self.context, self.dim, self.causal = vocabulary, context, dim, causal
        self.words = Table(vocabulary, dim) if causal else Table(vocabulary, dim, 0.3)
        self.positions = Table(context, dim) if causal else SinePositions(context, dim)
        self.segments: Any = Table(segments, dim) if segments else None
        self.blocks = nn.ModuleList(Block(dim, heads, causal, post_norm=not causal) for _ in range(depth))
        for i, block in enumerate([] if causal else self.blocks):
            near = dim if i == 0 else heads // 2 * (dim // heads)  # then half of the heads look at the whole text
            block.qkv, block.out = QueryKeyValue(dim, near), AttentionOutput(dim, near)
            block.mlp = nn.Sequential(SmallLinear(dim, 4 * dim), nn.GELU(), SmallLinear(4 * dim, dim))
        # BERT brings the sum of its embeddings to norm 1; GPT, whose blocks do that for themselves, what comes out.
        self.norm = nn.LayerNorm(dim, 1e-5 if causal else 1e-12)

    def features(self, tokens: Tensor, segments: Tensor | None = None) -> Tensor:
        """(B, L) → (B, L, dim), an embedding for each word; what stands at padding means nothing.

        Args:
            tokens: int64 (B, L), the words' numbers, then padding.
            segments: int64 (B, L), which of a pair of texts each word belongs to; None: all to the first.

        Raises:
            TypeError: tokens are no int64 tensor.
            ValueError: an empty text, one longer than the context, or a word outside the vocabulary.
        """
        x, seen = self.embedded(tokens, segments)
        for block in self.blocks:
            x = block(x, seen)
        return self.norm(x) if self.causal else x

    def attention(self, tokens: Tensor, layer: int = -1, segments: Tensor | None = None) -> Tensor:
        """(B, L) → (B, heads, L, L): where each word looks in one layer; each row sums to 1. Errors are `features`'s.

        The fast path never writes these numbers down; here they are computed on request.

        Raises:
            IndexError: there is no such layer.
        """
        if not -len(self.blocks) <= whole("layer", layer) < len(self.blocks):
            raise IndexError(f"layer is {layer}; this encoder has the layers 0 to {len(self.blocks) - 1}")
        x, seen = self.embedded(tokens, segments)
        blocks: list[Any] = list(self.blocks[: layer % len(self.blocks) + 1])
        for block in blocks[:-1]:
            x = block(x, seen)
        attention: Tensor = blocks[-1].attention(x, seen)
        return attention

    def embedded(self, tokens: Tensor, segments: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """What the first block gets, (B, L, dim), and which positions the blocks may see: bool (B, L); None: all."""
        self._check(tokens)
        x = self.words(tokens) + self.positions.weight[: tokens.shape[1]]
        if self.segments is not None:
            if segments is not None:
                check_shapes(tokens=(tokens, "int64 B L"), segments=(segments, "int64 B L"))
                check_classes("segments", segments, self.segments.num_embeddings)
            x = x + self.segments(torch.zeros_like(tokens) if segments is None else segments)
        if self.causal:
            return x, None  # padding comes after the words, so none of them sees it
        seen = tokens != PAD
        return self.norm(x), None if may_read(seen) and bool(seen.all()) else seen

    def forward(self, tokens: Tensor, segments: Tensor | None = None) -> Tensor:
        h, word = self.features(tokens, segments), (tokens != PAD)[:, :, None]
        return (h * word).sum(1) / word.sum(1)

    def _check(self, tokens: Tensor) -> None:
        if not isinstance(tokens, Tensor):
            raise TypeError(f"tokens are {type(tokens).__name__}; expected a torch.int64 tensor (B, L)")
        if tokens.dtype != torch.int64:
            raise TypeError(f"tokens are {tokens.dtype}; expected torch.int64: a number for each word")
        if tokens.ndim != 2:
            raise ValueError(f"tokens have shape {tuple(tokens.shape)}; expected (B, L): one row a text")
        if tokens.shape[1] > self.context:
            raise ValueError(
                f"a text has {tokens.shape[1]} words; expected at most {self.context}, the context of this encoder: "
                "cut the text, or make the encoder with a longer context"
            )
        if not len(tokens):
            raise ValueError("tokens hold no text; expected (B, L) with B ≥ 1")
        if not may_read(tokens):
            return
        if (empty := (tokens == PAD).all(1)).any():
            raise ValueError(f"text {int(empty.nonzero()[0])} is empty; expected at least one word that is not padding")
        if tokens.min() < 0 or tokens.max() >= self.vocabulary:
            raise ValueError(
                f"tokens run from {int(tokens.min())} to {int(tokens.max())}; expected 0 to {self.vocabulary - 1}, "
                f"one number for each of the {self.vocabulary} words that this encoder knows"
            )


@recorded
def bert(
    vocabulary: int, context: int = 80, dim: int = 128, depth: int = 4, heads: int = 4, seed: int = 0
) -> TokenEncoder:
    """BERT's encoder, small: every word sees the whole text; two segments, for pairs of texts.

    Raises:
        ValueError: heads do not divide dim, or a size is not 1 or more.
    """
    return _token_encoder(vocabulary, context, dim, depth, heads, 2, False, seed)


@recorded
def gpt(
    vocabulary: int, context: int = 80, dim: int = 128, depth: int = 4, heads: int = 4, seed: int = 0
) -> TokenEncoder:
    """GPT-2's encoder, small: a word sees itself and the words before it.

    Raises:
        ValueError: heads do not divide dim, or a size is not 1 or more.
    """
    return _token_encoder(vocabulary, context, dim, depth, heads, 0, True, seed)


def _token_encoder(
    vocabulary: int, context: int, dim: int, depth: int, heads: int, segments: int, causal: bool, seed: int
) -> TokenEncoder:
    sizes = {"vocabulary": vocabulary, "context": context, "dim": dim, "depth": depth, "heads": heads}
    for name, size in sizes.items():
        whole(name, size, least=1)
    if dim % heads:
        raise ValueError(f"dim is {dim} with {heads} heads; expected a multiple of heads")
    with seeded(seed):
        return TokenEncoder(vocabulary, context, dim, depth, heads, segments, causal)
