"""An encoder-decoder of texts: BERT's encoder reads one text, and a decoder like GPT's writes another, word by word.

Each place of the decoder sees the words written before it, as in GPT, and all that was read: cross-attention. One table
of words serves what is read, what is written, and the scores of the next word.

Source: Vaswani et al. 2017, "Attention is all you need"; the shared table as in BART (Lewis et al. 2020).
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import MASK, PAD, SEP, as_tensor, check_classes, check_shapes, recorded, typed, usual, whole
from sslwb.nets.language import AttentionOutput, QueryKeyValue, SinePositions, SmallLinear, Table, TokenEncoder
from sslwb.nets.seeds import seeded
from sslwb.nets.transformer import Block

# Where the first weights are mimetic they are those of BERT here (`nets.language`): heads begin near or wide. Queries,
# keys and values of cross-attention begin as they come, so that a place looks for what is like itself in the text that
# is read: where nothing is learned yet, for the same word, and for the same place. Measured on the tales (texts of
# three sentences, 300 pairs, 200 steps, one seed): from nothing a chrF of 83 for these and of 43 for the usual weights,
# which need four times as many steps; after pretraining both are at 96.


class Same(nn.Linear):
    """A layer that begins as the identity, of whose output there may be several copies beside each other."""

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.weight.copy_(torch.eye(self.in_features).repeat(self.out_features // self.in_features, 1))
        nn.init.zeros_(self.bias)


class CrossBlock(Block):
    """One layer of a decoder: (B, T, dim) and what was read, (B, L, dim) → (B, T, dim).

        x = x + attention(norm1(x));  x = x + cross-attention(norm3(x), read);  x = x + mlp(norm2(x))

    Args:
        dim: of the embedding of each place, on both sides.
        heads: how many; each looks at dim / heads features.
        near: how many features look at neighbours, where the first weights are mimetic; None: the usual weights.
    """

    def __init__(self, dim: int, heads: int, near: int | None = None) -> None:
        super().__init__(dim, heads, causal=True)
        self.norm3, self.taken = nn.LayerNorm(dim, 1e-5), nn.Linear(dim, dim)
        self.query, self.key_value = nn.Linear(dim, dim), nn.Linear(dim, 2 * dim)
        if near is not None:
            self.qkv, self.out = QueryKeyValue(dim, near), AttentionOutput(dim, near)
            self.query, self.key_value = Same(dim, dim), Same(dim, 2 * dim)
            self.mlp = nn.Sequential(SmallLinear(dim, 4 * dim), nn.GELU(), SmallLinear(4 * dim, dim))

    def forward(self, x: Tensor, seen: Tensor | None = None, read: Tensor | None = None) -> Tensor:
        """`seen` is bool (B, L), False at padding of what was read, which no place looks at."""
        assert read is not None
        x = self.of_itself(x)
        q, k, v = self.asked_of(x, read)
        found = F.scaled_dot_product_attention(q, k, v, None if seen is None else seen[:, None, None])
        x = x + self.taken(found.transpose(1, 2).flatten(2))
        said: Tensor = x + self.mlp(self.norm2(x))
        return said

    def of_itself(self, x: Tensor) -> Tensor:
        """The first third of the layer: each place with what the places before it say."""
        q, k, v = self.asked(x)
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(found.transpose(1, 2).flatten(2))
        return x

    def asked_of(self, x: Tensor, read: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, heads, T, dim / heads) of what is written; keys and values (B, heads, L, …) of what was read."""
        q = self.query(self.norm3(x)).unflatten(2, (self.heads, -1)).transpose(1, 2)
        k, v = self.key_value(read).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def cross_attention(self, x: Tensor, seen: Tensor | None, read: Tensor) -> Tensor:
        """How much each place takes from each word that was read: (B, heads, T, L)."""
        q, k, _ = self.asked_of(self.of_itself(x), read)
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
        if seen is not None:
            scores = scores.masked_fill(~seen[:, None, None], -torch.inf)
        attention: Tensor = scores.softmax(3)
        return attention


class EncoderDecoder(TokenEncoder):
    """Reads a text and writes one: as an encoder, int64 (B, L) with padding 0 at the end → (B, dim), as BERT's is.

    Attributes:
        vocabulary: how many words there are, of all languages.
        context: the longest text that is read or written, in words; what is written begins with SEP.
        dim: length of the embedding.
    """

    def __init__(self, vocabulary: int, context: int, dim: int, depth: int, heads: int, mimetic: bool) -> None:
        super().__init__(vocabulary, context, dim, depth, heads, 0, False)
        near: list[int | None] = [dim if i == 0 else heads // 2 * (dim // heads) for i in range(depth)]
        self.places = SinePositions(context, dim) if mimetic else Table(context, dim)
        if not mimetic:
            self.positions, near = Table(context, dim), [None] * depth
            self.blocks = nn.ModuleList(Block(dim, heads, post_norm=True) for _ in range(depth))
        self.decoder = nn.ModuleList(CrossBlock(dim, heads, some) for some in near)
        self.norm_given, self.norm_said = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def decoded(self, source: Tensor, given: Tensor) -> Tensor:
        """What is read (B, L) and written (B, T) → (B, T, dim): at each place an embedding for the word that follows.

        Args:
            source: int64 (B, L), the words that are read, then padding.
            given: int64 (B, T), the words that are written; the first one is SEP.

        Raises:
            TypeError: no int64 tensors.
            ValueError: an empty text, one longer than the context, a word outside the vocabulary, or other numbers of
                texts.
        """
        read, seen = self.features(source), source != PAD
        x = self._given(given, len(source))
        for block in self.decoder:
            x = block(x, seen, read)
        said: Tensor = self.norm_said(x)
        return said

    def logits(self, h: Tensor) -> Tensor:
        """Embeddings in place (…, dim) → a score for each word (…, V)."""
        return F.linear(h, self.words.weight)

    def cross_attention(self, source: Tensor, given: Tensor, layer: int = -1) -> Tensor:
        """Where each place of what is written looks in what is read: (B, heads, T, L), each row sums to 1.

        Row t is what the place looks at that writes word t + 1. Errors are those of `decoded`.

        Raises:
            IndexError: there is no such layer.
        """
        if not -len(self.decoder) <= whole("layer", layer) < len(self.decoder):
            raise IndexError(f"layer is {layer}; this decoder has the layers 0 to {len(self.decoder) - 1}")
        read, seen = self.features(source), source != PAD
        x = self._given(given, len(source))
        blocks: list[Any] = list(self.decoder[: layer % len(self.decoder) + 1])
        for block in blocks[:-1]:
            x = block(x, seen, read)
        attention: Tensor = blocks[-1].cross_attention(x, seen, read)
        return attention

    @typed
    @usual(dtype=False)
    def write(self, source: Tensor, most: int | None = None) -> Tensor:
        """Read each text and write one, always the likeliest next word: int64 (B, L) → (B, up to `most`), then PAD.

        PAD and MASK are never written. A text is over with SEP, which does not stand in the answer; one that is never
        over is cut off.

        Args:
            source: what is read, then padding.
            most: words; None: as many as the context holds.

        Raises:
            TypeError: no int64 tensor.
            ValueError: texts that cannot be read, or most < 1 or more than the context holds.
        """
        source = as_tensor("source", source)
        most = self.context - 1 if most is None else most
        if not 1 <= most < self.context:
            raise ValueError(f"most is {most}; expected 1 to {self.context - 1} words: the context holds SEP and those")
        read, seen = self.features(source), source != PAD
        said = source.new_full((len(source), 1), SEP)
        over = torch.zeros(len(source), dtype=torch.bool, device=source.device)
        no_words = torch.tensor((PAD, MASK), device=source.device)
        for _ in range(most):
            x = self._given(said, len(source))
            for block in self.decoder:
                x = block(x, seen, read)
            word = self.logits(self.norm_said(x[:, -1])).index_fill(1, no_words, -torch.inf).argmax(1)
            over = over | (word == SEP)
            if over.all():
                break
            said = torch.cat((said, word.masked_fill(over, SEP)[:, None]), 1)
        words = said[:, 1:]
        return words.masked_fill(words == SEP, PAD)

    def _given(self, given: Tensor, count: int) -> Tensor:
        """What is written as the first layer gets it: (B, T) → (B, T, dim)."""
        check_shapes(given=(given, "int64 B T"))
        if len(given) != count or given.shape[1] > self.context:
            raise ValueError(
                f"given has shape {tuple(given.shape)} beside {count} texts to read; expected ({count}, T) with T up "
                f"to {self.context}, the context of this encoder"
            )
        check_classes("words of given", given, self.vocabulary)
        x: Tensor = self.norm_given(self.words(given) + self.places.weight[: given.shape[1]])
        return x


@recorded
def encoder_decoder(
    vocabulary: int,
    context: int = 80,
    dim: int = 64,
    depth: int = 2,
    heads: int = 4,
    mimetic: bool = False,
    seed: int = 0,
) -> EncoderDecoder:
    """An encoder and a decoder of `depth` layers each.

    Args:
        vocabulary: how many words there are, of all languages.
        context: the longest text, in words and SEP.
        dim: length of the embedding.
        depth: layers on each side.
        heads: of each layer's attention.
        mimetic: the first weights already look at neighbours and at what is alike ("mimetic initialization", Trockman
            and Kolter 2023); False: they are drawn as usual.
        seed: of the first weights.

    Raises:
        ValueError: heads do not divide dim, or a size is not 1 or more.
    """
    sizes = {"vocabulary": vocabulary, "context": context, "dim": dim, "depth": depth, "heads": heads}
    for name, size in sizes.items():
        whole(name, size, least=1)
    if dim % heads:
        raise ValueError(f"dim is {dim} with {heads} heads; expected a multiple of heads")
    with seeded(seed):
        return EncoderDecoder(vocabulary, context, dim, depth, heads, mimetic)
