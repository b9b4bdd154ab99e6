"""Translation: an encoder-decoder learns from pairs of texts and writes, word by word, what it reads. Lesson 23.

Measures: chrF (Popović 2015) and BLEU (Papineni et al. 2002) of the whole test set, from 0 to 100, as sacrebleu
computes them on plain text (Post 2018), so that they are the same for everybody; and the share of texts that are right
to the last sign. Several translations may be right and a measure knows one: what it counts is likeness.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import sacrebleu
import torch
from torch import Tensor, nn

from sslwb.augment.tokens import framed, shortened, translation
from sslwb.core import PAD, recorded, typed, usual, whole
from sslwb.data import Items, Pairs, Texts
from sslwb.evaluate.embedding import BATCH, WithoutEncoder, check_encoder, evaluating, untrained
from sslwb.methods.bart import BART
from sslwb.nets.seq2seq import EncoderDecoder
from sslwb.train.loop import fit


class Translator(nn.Module):
    """An encoder-decoder that has learned to translate; `Seq2Seq.fitted` makes it.

    Attributes:
        net: the encoder-decoder.
        most: words of the longest translation that it writes.
    """

    def __init__(self, net: EncoderDecoder, most: int) -> None:
        super().__init__()
        self.net, self.most, self.dim = net, most, net.dim

    def forward(self, tokens: Tensor) -> Tensor:
        """An embedding of what is read: (B, L) → (B, dim)."""
        z: Tensor = self.net(tokens)
        return z

    @usual()
    def translate(self, texts: Texts) -> Texts:
        """The translation of each text, in the same numbers; one that is not over after `most` words is cut off.

        Raises:
            ValueError: texts that the net cannot read.
        """
        device = next(self.net.parameters()).device
        x = torch.zeros(len(texts), self.most, dtype=torch.int64)
        with evaluating(self.net), torch.no_grad():
            for rows in torch.arange(len(texts)).split(BATCH):
                said = self.net.write(shortened(texts[rows].x).to(device), self.most).cpu()
                x[rows, : said.shape[1]] = said
        return Texts(x, vocabulary=texts.vocabulary, tokenizer=texts.tokenizer, name=f"translation of {texts.name}")


@recorded
@dataclass(frozen=True)
class Seq2Seq:
    """The task: learn from the pairs of `train`, translate side a of `test`, and compare with its side b.

    `evaluate(encoder, train, test, task=Seq2Seq(…))` gives {"chrF": 0 to 100, "BLEU": 0 to 100, "exact": 0 to 1}. The
    encoder is one of `nets.encoder_decoder`; a copy of it is trained whole. Where there is no encoder, a translation
    memory stands for it, which learns nothing: of the same pairs it takes the one whose side a is most like the text
    (BM25), and says its side b. The last row is an encoder from random weights that learns from all pairs of train.

    Args:
        steps: of the training.
        batch_size: pairs a step.
        lr: the peak learning rate.
        pairs: the task learns from so many, the first ones; None: all.
        seed: of the order of the pairs.

    Raises:
        ValueError: pairs is below 2; when called: data that are no pairs of texts with one list of words for both
            sides, a text without a word, or more words than the encoder knows.
    """

    steps: int = 200
    batch_size: int = 16
    lr: float = 8e-3
    pairs: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pairs is not None:
            whole("pairs", self.pairs, least=2)

    def __call__(self, encoder: nn.Module, train: Items, test: Items) -> dict[str, float]:
        (asked, right), learned = _sides("test", test), self._some(train)
        if isinstance(encoder, WithoutEncoder):
            said = _sides("train", learned)[1][asked.alike(learned.a).argmax(1)]
        else:
            translator = encoder if isinstance(encoder, Translator) else self.fitted(encoder, learned)
            said = translator.translate(asked)
        return translation_scores(said.lines(), right.lines())

    def fitted(self, encoder: nn.Module, train: Items) -> Translator:
        """A copy of the encoder that has learned to translate from the pairs of `train`; errors are the task's."""
        check_encoder(encoder)
        some = self._some(train)
        net = copy.deepcopy(encoder)
        method = BART(net)
        known = len(_sides("train", some)[0].vocabulary)
        if known > method.encoder.vocabulary:
            raise ValueError(
                f"train has a vocabulary of {known} words and the encoder knows {method.encoder.vocabulary}; expected "
                f"nets.encoder_decoder({known}, …)"
            )
        settings = {"steps": self.steps, "lr": self.lr, "seed": self.seed, "progress": False}
        fit(method, some, translation(), batch_size=min(self.batch_size, len(some)), **settings)  # type: ignore[arg-type]
        return Translator(method.encoder, min(some.b.x.shape[1], method.encoder.context - 1)).eval()

    def control(self, encoder: nn.Module, train: Items) -> Translator:
        """The same encoder from random weights, with all pairs that there are."""
        everything = Seq2Seq(self.steps, self.batch_size, self.lr, None, self.seed)
        return everything.fitted(untrained(encoder), train)

    def _some(self, train: Items) -> Pairs:
        """The pairs that the task learns from, checked."""
        _sides("train", train)
        assert isinstance(train, Pairs)
        if self.pairs is not None and self.pairs > len(train):
            raise ValueError(f"pairs is {self.pairs}, and train has {len(train)}; expected no more, or None for all")
        return train[: self.pairs]


@dataclass(frozen=True)
class Dictionary:
    """Which word translates which, counted from pairs; `dictionary` makes it.

    Attributes:
        chances: float (V, V), how likely each word of b (column) translates each word of a (row); rows of words that
            no pair had are 0.
    """

    chances: Tensor

    def translate(self, texts: Texts) -> Texts:
        """Each word as the likeliest word of the other language, in the same order; one that was not met, as it is."""
        likely, word = self.chances.max(1)
        x = texts.x.cpu()
        said = torch.where(likely[x] > 0, word[x], x)
        return Texts(said, vocabulary=texts.vocabulary, tokenizer=texts.tokenizer, name=f"translation of {texts.name}")

    def align(self, pairs: Items) -> Tensor:
        """Which word of a each word of b translates most likely: int64 (N, T), -1 at padding; errors are the task's."""
        a, b = (side.x.cpu() for side in _sides("pairs", pairs))
        chances = self.chances[a[:, None], b[:, :, None]].masked_fill((a == PAD)[:, None], -1)
        return torch.where(b == PAD, -1, chances.argmax(2))


@typed
def dictionary(pairs: Items, rounds: int = 20) -> Dictionary:
    """What translates what, from pairs alone and without a net: IBM's first model, by expectation maximisation.

    Each word of b translates one word of a, wherever it stands. A round shares each word of b out among the words of
    its partner by how likely they are, and counts anew (Brown et al. 1993, "The Mathematics of Statistical Machine
    Translation", section 4.1; here without the empty word).

    Args:
        pairs: `Pairs` of `Texts` with one list of words for both sides.
        rounds: of expectation maximisation.

    Raises:
        TypeError, ValueError: as `Seq2Seq`; rounds < 1.
    """
    whole("rounds", rounds, least=1)
    a, b = _sides("pairs", pairs)
    count = len(a.vocabulary)
    chances = torch.ones(count, count, dtype=torch.float32)
    for _ in range(rounds):
        found = torch.zeros_like(chances).flatten()
        for rows in torch.arange(len(a)).split(BATCH):
            x, y = shortened(a[rows].x.cpu())[:, :, None], shortened(b[rows].x.cpu())[:, None]
            there = (x != PAD) & (y != PAD)
            share = chances[x, y] * there
            share = share / share.sum(1, keepdim=True).clamp_min(1e-30)
            found.index_add_(0, (x * count + y)[there], share[there])
        chances = found.view(count, count)
        chances = chances / chances.sum(1, keepdim=True).clamp_min(1e-30)
    return Dictionary(chances)


def translation_scores(said: Sequence[str], right: Sequence[str]) -> dict[str, float]:
    """chrF and BLEU of some translations, 0 to 100, and the share that is right to the last sign, 0 to 1.

    chrF is the F-score of runs of 1 to 6 characters, recall counting twice; BLEU the precision of runs of 1 to 4 words,
    made smaller where the translations are shorter. Both are of the texts together and no mean of single scores, so
    BLEU is 0 where no text has four words. A translation may be empty: nothing of it is right.

    Args:
        said: translations, plain text.
        right: one reference for each.

    Raises:
        TypeError: no lists of str.
        ValueError: other numbers of texts, none, or an empty reference.
    """
    for name, texts in (("said", said), ("right", right)):
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"{name} is no list of str; expected one plain text a translation")
    if len(said) != len(right) or not said:
        raise ValueError(f"said has {len(said)} texts and right {len(right)}; expected as many, one or more")
    if empty := [i for i, text in enumerate(right) if not text.strip()]:
        raise ValueError(f"right[{empty[0]}] is empty; expected a translation to compare with")
    bleu = sacrebleu.corpus_bleu(list(said), [list(right)], force=True)  # no word on texts that end in " ."
    return {
        "chrF": sacrebleu.corpus_chrf(list(said), [list(right)]).score,
        "BLEU": bleu.score,
        "exact": sum(a == b for a, b in zip(said, right, strict=True)) / len(right),
    }


@usual()
def attended(encoder: nn.Module, pairs: Items, layer: int = -1) -> Tensor:
    """Which word of a the decoder looks at most as it writes each word of b: int64 (N, T), -1 at padding.

    The words of b are given, so that there is a right answer; the heads' mean counts.

    Args:
        encoder: an encoder-decoder, or a `Translator`.
        pairs: `Pairs` of `Texts`.
        layer: of the decoder.

    Raises:
        TypeError, ValueError, IndexError: as `Seq2Seq` and `EncoderDecoder.cross_attention`.
    """
    net = encoder.net if isinstance(encoder, Translator) else encoder
    if not isinstance(net, EncoderDecoder):
        raise TypeError(f"encoder is {type(net).__name__}; expected nets.encoder_decoder(…), which looks as it writes")
    a, b = _sides("pairs", pairs)
    device, parts = next(net.parameters()).device, []
    with evaluating(net), torch.no_grad():
        for rows in torch.arange(len(a)).split(BATCH):
            source, given = a[rows].x.to(device), framed(b[rows].x.to(device))[:, :-2]
            parts.append(net.cross_attention(source, given, layer).mean(1).argmax(2).cpu())
    found = torch.cat(parts)
    return torch.where(b.x.cpu() == PAD, -1, found)


def alignment_accuracy(found: Tensor, truth: Tensor) -> float:
    """The share of words whose partner was found, 0 to 1: two int64 (N, T), -1 in the truth where there is none.

    Each word has one link in both, so this is 1 - the alignment error rate (Och & Ney 2003, section 5).

    Raises:
        ValueError: other shapes, or no word with a partner.
    """
    if found.shape != truth.shape or found.ndim != 2:
        raise ValueError(
            f"found has shape {tuple(found.shape)} and truth {tuple(truth.shape)}; expected (N, T), one row a text"
        )
    known = (truth >= 0).cpu()
    if not known.any():
        raise ValueError("truth has no word with a partner; expected the places of `data.worlds.languages.aligned`")
    return float((found.cpu() == truth.cpu())[known].float().mean())


def _sides(name: str, data: Items) -> tuple[Texts, Texts]:
    """Both sides of pairs of texts, checked."""
    if not isinstance(data, Pairs) or not isinstance(data.a, Texts) or not isinstance(data.b, Texts):
        of = f" of {type(data.a).__name__} and {type(data.b).__name__}" if isinstance(data, Pairs) else ""
        raise TypeError(f"{name} is {type(data).__name__}{of}; expected Pairs of Texts: what is read, its translation")
    a, b = data.a, data.b
    if a.vocabulary != b.vocabulary:
        raise ValueError(
            f"the sides of {name} have vocabularies of {len(a.vocabulary)} and {len(b.vocabulary)} words; expected one "
            "list of words for both, as `data.worlds.languages.parallel` makes it"
        )
    for side, texts in (("a", a), ("b", b)):
        if (empty := texts.lengths == 0).any():
            raise ValueError(
                f"{name}: text {int(empty.nonzero()[0])} of side {side} has no word; expected a text and its "
                "translation: leave such pairs out"
            )
    return a, b
