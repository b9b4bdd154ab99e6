"""SimCSE. Source: Gao, Yao & Chen 2021, "SimCSE: Simple Contrastive Learning of Sentence Embeddings". Lesson 22."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from sslwb import ranks
from sslwb.augment.tokens import DroppedTokens
from sslwb.core import PAD, Views, as_views
from sslwb.methods.base import Method, check_temperature
from sslwb.methods.simclr import nt_xent
from sslwb.nets import seeded
from sslwb.nets.language import TokenEncoder


def dropped_out(encoder: TokenEncoder, tokens: Tensor, keep: Tensor) -> Tensor:
    """The mean over the words of what an encoder says when numbers are dropped on the way: (B, L) → (B, dim).

    Args:
        encoder: one of `nets.bert`.
        tokens: int64 (B, L), texts with padding.
        keep: (B, depth + 1, L, dim), what the embedded words, and then the output of each block, are multiplied with.

    Raises:
        ValueError: keep for another depth or width than the encoder's.
    """
    places = (tokens.shape[0], len(encoder.blocks) + 1, tokens.shape[1], encoder.dim)
    if keep.shape != places:
        raise ValueError(
            f"keep has shape {tuple(keep.shape)}; expected {places}, (B, depth + 1, L, dim): "
            f"augment.tokens.dropped({encoder.dim}, {len(encoder.blocks)})"
        )
    x, seen = encoder.embedded(tokens)
    x = x * keep[:, 0]
    for i, block in enumerate(encoder.blocks, 1):
        x = block(x, seen) * keep[:, i]
    word = (tokens != PAD)[:, :, None]
    return (x * word).sum(1) / word.sum(1)


class SimCSE(Method):
    """The same text twice, with other numbers dropped: the only augmentation. Encoder, head, NT-Xent.

    The encoder itself has no dropout, for all that is random in a step is a view: `augment.tokens.dropped`. Numbers are
    dropped behind the embedding and behind each block; in the paper also inside of them. NT-Xent compares a text with
    both views of all others, equation 1 of the paper with the other view alone.

    Args:
        encoder: one of `nets.bert`, pre-trained or not.
        temperature: small values look at the hardest negatives alone.
        seed: of the first weights of the head, which is used in training alone.

    Raises:
        TypeError: an encoder of something else than texts.
        ValueError: a causal encoder, temperature ≤ 0, a batch of one, views for an encoder of another size.
    """

    encoder: TokenEncoder
    pairs = True

    def __init__(self, encoder: nn.Module, temperature: float = 0.05, seed: int = 0) -> None:
        super().__init__(encoder)
        check_temperature(temperature)
        if not hasattr(encoder, "embedded"):
            raise TypeError(f"encoder is {type(encoder).__name__}; expected an encoder of texts: nets.bert(…)")
        if self.encoder.causal:
            raise ValueError("encoder is causal: a word would not see what follows; expected nets.bert(…)")
        with seeded(seed):
            self.head: Any = nn.Sequential(nn.Linear(self.encoder.dim, self.encoder.dim), nn.Tanh())
        self.temperature = temperature

    def forward(self, views: Views) -> dict[str, Tensor]:
        tokens, keep = as_views(views, DroppedTokens, tokens="int64 B L", keep="B V S L D")
        n = keep.shape[1]
        h = dropped_out(self.encoder, tokens.repeat(n, 1), keep.transpose(0, 1).flatten(0, 1))
        z = map(ranks.gather, self.head(h).chunk(n))  # other ranks' texts are negatives too
        return {"loss": nt_xent(*z, temperature=self.temperature)}

    def negatives(self, batch_size: int, views: int) -> int | None:
        return 2 * (batch_size - 1)

    def loss_space(self, h: Tensor) -> Tensor:
        z: Tensor = self.head(h)
        return z

    def encoder_inputs(self, views: Views) -> list[tuple[Tensor, ...]]:
        return [(views[0],)]
