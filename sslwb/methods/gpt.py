"""GPT. Source: Radford et al. 2018, 2019, "Language Models are Unsupervised Multitask Learners". Lesson 13."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import (
    MASK,
    PAD,
    SEP,
    Views,
    as_tensor,
    check_classes,
    check_generator,
    check_shapes,
    may_read,
    typed,
    usual,
)
from sslwb.methods.base import Method, check_temperature, full_precision
from sslwb.nets.language import TokenEncoder


@full_precision
def next_token_loss(logits: Tensor, tokens: Tensor) -> Tensor:
    """The mean of -log p(word | the words before it): (B, L, V) and int64 (B, L) → scalar, nats a word.

    What the model says at a place is compared with the word at the next one. Padding does not count.

    Raises:
        TypeError: no tensor of floats, or tokens that are not int64.
        ValueError: shapes that do not fit, no word that has another one before it, or a word outside the vocabulary.
    """
    check_shapes(logits=(logits, "B L V"), tokens=(tokens, "int64 B L"))
    if may_read(tokens) and not (tokens[:, 1:] != PAD).any():
        raise ValueError("tokens hold no word to predict; expected a text of two words or more")
    check_classes("tokens", tokens, logits.shape[-1])
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=PAD)


class GPT(Method):
    """Predict each word from those before it. Views come from `augment.tokens.next_token`: [tokens].

    Args:
        encoder: one of `nets.gpt`; its table of words is also the last layer (weights are tied).

    Raises:
        TypeError: an encoder without a table of words.
        ValueError: an encoder that is not causal.
    """

    encoder: TokenEncoder

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__(encoder)
        if not hasattr(encoder, "words"):
            raise TypeError(f"encoder is {type(encoder).__name__}; expected an encoder of texts: nets.gpt(…)")
        if not self.encoder.causal:
            raise ValueError("encoder is not causal: a word would see itself in what follows; expected nets.gpt(…)")

    def forward(self, views: Views) -> dict[str, Tensor]:
        if len(views) != 1:
            raise ValueError(f"views holds {len(views)} tensors; expected tokens alone: augment.tokens.next_token()")
        (tokens,) = views
        check_shapes(tokens=(tokens, "int64 B L"))
        logits, count = self.logits(self.encoder.features(tokens)), (tokens[:, 1:] != PAD).sum()
        return {"loss": ranks.weighed(next_token_loss, count, logits, tokens)}

    def answers(self, views: Views) -> Tensor:
        words = views[0][:, 1:]
        return words[words != PAD]

    def logits(self, h: Tensor) -> Tensor:
        """Embeddings in place (…, dim) → a score for the word that follows (…, V)."""
        return F.linear(h, self.encoder.words.weight)

    @typed
    @usual(dtype=False)
    def generate(
        self,
        tokens: Tensor,
        n: int = 64,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> Tensor:
        """Go on with each text, word by word: int64 (B, L) without padding → (B, up to L + n), padded behind the end.

        PAD and MASK are never drawn, and a text is over when SEP was. Where a text grows beyond the context, the last
        words alone are read.

        Args:
            tokens: how the texts begin; whole texts begin with SEP.
            n: how many words at most.
            temperature, top_k, top_p: as `sampled`.
            seed: of the generator that draws; the same seed, the same texts.

        Raises:
            TypeError: tokens are no int64, or a setting is no number.
            ValueError: a beginning with padding in it, n < 1, and as `sampled`.
        """
        if n < 1:
            raise ValueError(f"n is {n}; expected 1 or more words")
        tokens = as_tensor("tokens", tokens)
        if tokens.ndim != 2:
            raise ValueError(f"tokens has shape {tuple(tokens.shape)}; expected (B, L): one row a text")
        if (tokens == PAD).any():
            raise ValueError("tokens hold padding; expected beginnings of one length, or one text at a time")
        generator = torch.Generator(tokens.device).manual_seed(seed)
        over = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
        ended = torch.zeros_like(tokens, dtype=torch.bool)
        no_words = torch.tensor((PAD, MASK), device=tokens.device)
        for _ in range(n):
            h = self.encoder.features(tokens[:, -self.encoder.context :])
            scores = self.logits(h[:, -1]).float().index_fill(1, no_words, -torch.inf)
            word = sampled(scores, generator, temperature, top_k, top_p)
            tokens, ended = torch.cat((tokens, word[:, None]), 1), torch.cat((ended, over[:, None]), 1)
            over = over | (word == SEP)
            if over.all():
                break
        return tokens.masked_fill(ended, PAD)  # what was drawn for a text after its end, while others went on


@typed
def sampled(
    logits: Tensor, generator: torch.Generator, temperature: float = 1.0, top_k: int | None = None, top_p: float = 1.0
) -> Tensor:
    """Draw one word a row: scores (B, V) → int64 (B,).

    Args:
        logits: (B, V).
        generator: draws.
        temperature: below 1 the likely words become likelier, above 1 all become more alike.
        top_k: only the k likeliest words may be drawn (Fan et al. 2018); None: all.
        top_p: only the likeliest words that together have this probability, the one that reaches it included
            (nucleus sampling, Holtzman et al. 2020).

    Raises:
        TypeError: no scores, or a setting that is no number.
        ValueError: scores of another shape, temperature ≤ 0, top_k < 1, or top_p not in (0, 1].
    """
    check_temperature(temperature)
    check_shapes(logits=(logits, "B V"))
    check_generator(generator, logits.device)
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}; expected 1 or more words, or None for all")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}; expected a probability above 0 and up to 1")
    if logits.isnan().any():
        raise ValueError("logits hold NaN; expected a score for each word: the training diverged")
    p, words = (logits / temperature).softmax(1).sort(1, descending=True)
    before = p.cumsum(1) - p  # the probability of all likelier words
    p = p.masked_fill(before >= top_p, 0)
    if top_k is not None:
        p[:, top_k:] = 0
    return words.gather(1, torch.multinomial(p, 1, generator=generator))[:, 0]
