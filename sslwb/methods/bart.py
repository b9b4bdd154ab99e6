"""BART. Source: Lewis et al. 2020, "BART: Denoising Sequence-to-Sequence Pre-training". Lesson 23."""

from __future__ import annotations

from torch import Tensor, nn

from sslwb import ranks
from sslwb.augment.tokens import Rewriting
from sslwb.core import PAD, Views, as_views, may_read
from sslwb.methods.base import Method
from sslwb.methods.bert import mlm_loss
from sslwb.nets.seq2seq import EncoderDecoder


class BART(Method):
    """Write a text, word by word, of which a damaged one is read; or its translation: the loss is the same.

    Views are `Rewriting`: `augment.tokens.corrupt` hides spans of texts and needs no labels,
    `augment.tokens.translation` takes both sides of pairs. The loss is the mean of -log p(word | what is read, the
    words before it), nats a word.

    Args:
        encoder: one of `nets.encoder_decoder`; its table of words is also the last layer (weights are tied).

    Raises:
        TypeError: an encoder that does not write.
    """

    encoder: EncoderDecoder

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__(encoder)
        if not hasattr(encoder, "decoded"):
            raise TypeError(
                f"encoder is {type(encoder).__name__}, which reads and does not write; expected nets.encoder_decoder(…)"
            )

    def forward(self, views: Views) -> dict[str, Tensor]:
        read, given, targets = as_views(views, Rewriting, read="int64 B L", given="int64 B T", targets="int64 B T")
        h, asked = self.encoder.decoded(read, given), targets != PAD
        if may_read(asked):  # the vocabulary is scored where a word is asked alone
            h, targets = h[asked], targets[asked]
        return {"loss": ranks.weighed(mlm_loss, asked.sum(), self.encoder.logits(h), targets)}

    def answers(self, views: Views) -> Tensor:
        targets = as_views(views, Rewriting).targets
        return targets[targets != PAD]
