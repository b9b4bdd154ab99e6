"""BERT. Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers". Lesson 12."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import ranks
from sslwb.augment.tokens import MaskedPairs, MaskedTokens
from sslwb.core import MASK, PAD, Views, as_tensor, as_views, check_classes, check_shapes, may_read, usual
from sslwb.methods.base import Method, full_precision
from sslwb.nets import seeded
from sslwb.nets.language import TokenEncoder


@full_precision
def mlm_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean of -log p(word) over the places that are asked: (B, L, V) and int64 (B, L) → scalar, nats a word.

    Where the target is PAD nothing is asked, and what the model says there does not count (section 3.1, task 1).

    Raises:
        TypeError: no tensor of floats, or targets that are not int64.
        ValueError: shapes that do not fit, nothing is asked, or a word outside the vocabulary.
    """
    check_shapes(logits=(logits, "* V"), targets=(targets, "int64 *"))
    if may_read(targets) and not (targets != PAD).any():
        raise ValueError("targets ask for no word; expected at least one: a larger batch, longer texts, or a larger p")
    check_classes("targets", targets, logits.shape[-1])
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=PAD)


class BERT(Method):
    """Predict hidden words from all the others; and, on pairs, whether the second half follows the first.

    Views are `MaskedTokens`, or `MaskedPairs`, as `augment.tokens.mask` makes them.

    Args:
        encoder: one of `nets.bert`; its table of words is also the last layer (weights are tied).
        next_sentence: whether the model also judges pairs; RoBERTa (Liu et al. 2019) leaves that out.
        seed: of the heads' first weights.

    Raises:
        TypeError: an encoder without a table of words.
        ValueError: a causal encoder; views without pairs where they are needed, or with them where they are not.
    """

    encoder: TokenEncoder

    def __init__(self, encoder: nn.Module, next_sentence: bool = False, seed: int = 0) -> None:
        super().__init__(encoder)
        if not hasattr(encoder, "words"):
            raise TypeError(f"encoder is {type(encoder).__name__}; expected an encoder of texts: nets.bert(…)")
        if self.encoder.causal:
            raise ValueError("encoder is causal: a word would not see what follows; expected nets.bert(…)")
        dim = self.encoder.dim
        with seeded(seed):
            dense = nn.Linear(dim, dim)
            nn.init.eye_(dense.weight)  # at first a word that attention brings is a word that is said
            self.transform = nn.Sequential(dense, nn.GELU(), nn.LayerNorm(dim, 1e-12))
            self.bias = nn.Parameter(torch.zeros(self.encoder.vocabulary))
            if next_sentence:
                self.judge = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 2))
        self.next_sentence = next_sentence

    def forward(self, views: Views) -> dict[str, Tensor]:
        words = {"tokens": "int64 B L", "targets": "int64 B L"}
        of_pairs = {"segments": "int64 B L", "not_next": "int64 B"}
        pairs = as_views(views, MaskedPairs, **words, **of_pairs) if self.next_sentence else None
        tokens, targets = pairs[:2] if pairs else as_views(views, MaskedTokens, **words)
        asked = targets != PAD
        h = self.encoder.features(tokens, pairs.segments if pairs else None)
        h0 = h[:, 0]
        if may_read(asked):  # the vocabulary is scored where a word is asked alone
            h, targets = h[asked], targets[asked]
        said = ranks.weighed(mlm_loss, asked.sum(), self.logits(h), targets)
        if not pairs:
            return {"loss": said}
        check_classes("not_next", pairs.not_next, 2)
        follows = F.cross_entropy(self.judge(h0).float(), pairs.not_next)
        return {"loss": said + follows, "words": said, "next sentence": follows}

    def answers(self, views: Views) -> Tensor | None:
        if self.next_sentence:  # two questions in one loss
            return None
        targets = as_views(views, MaskedTokens).targets
        return targets[targets != PAD]

    def logits(self, h: Tensor) -> Tensor:
        """Embeddings in place (…, dim) → a score for each word (…, V)."""
        return F.linear(self.transform(h), self.encoder.words.weight, self.bias)

    @usual(dtype=False)
    def fill(self, tokens: Tensor, mask: int = MASK) -> Tensor:
        """What stands behind each MASK: int64 (B, L) with M of them → probabilities (M, V), in reading order.

        Raises:
            ValueError: no MASK; and as `encoder.features`.
        """
        tokens = as_tensor("tokens", tokens)
        hidden = tokens == mask
        if not hidden.any():
            raise ValueError("tokens hold no MASK; expected at least one hidden word")
        return self.logits(self.encoder.features(tokens)[hidden]).softmax(-1)
