"""Answers: the words of a passage from where the answer begins to where it ends, and how they are counted.

Source: Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text"; the head: Devlin et al.
2019, "BERT", section 4.2. Lesson 23.
"""

from __future__ import annotations

import inspect
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import PAD, Views, may_read, recorded
from sslwb.data import Items
from sslwb.data.questions import Questions, said
from sslwb.data.ranking import as_words, bm25
from sslwb.evaluate.embedding import BATCH, WithoutEncoder, evaluating, untrained
from sslwb.methods.base import Method
from sslwb.nets import seeded
from sslwb.tasks.head import beside, items_of
from sslwb.train.loop import fit
from sslwb.train.store import trained

LONGEST = 30  # words of an answer, as BERT's own script has it


def normalised(text: str) -> str:
    """A text as answers are compared: in lower case, without ASCII punctuation and a, an, the, one space between words.

    In this order, as SQuAD 1.1's evaluate-v1.1.py does it; articles of other languages stay.
    """
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact_match(answer: str, right: Sequence[str]) -> float:
    """1 where the answer is one of the right ones after `normalised`, else 0.

    Raises:
        ValueError: no right answer is given.
    """
    return float(normalised(answer) in [normalised(one) for one in _some(right)])


def f1(answer: str, right: Sequence[str]) -> float:
    """The F1 of the words that an answer shares with a right one, of the right ones the best: 0 to 1.

    Words are counted as often as they stand in both, after `normalised`. Where one side has no word left, it is 0, even
    where the other has none either: `exact_match` says 1 there. So does SQuAD 1.1's script.

    Raises:
        ValueError: no right answer is given.
    """
    return max(_f1(normalised(answer).split(), normalised(one).split()) for one in _some(right))


def _f1(words: list[str], right: list[str]) -> float:
    shared = sum((Counter(words) & Counter(right)).values())
    return 2 * shared / (len(words) + len(right)) if shared else 0.0


def best_spans(start: Tensor, end: Tensor, within: Tensor, longest: int = LONGEST) -> Tensor:
    """The first and last place of the answer of highest score, start + end: (B, L) twice, bool (B, L) → int64 (B, 2).

    Of all that begin and end `within`, where they begin or after it, and have at most `longest` words; of equal ones
    the one that begins first, and then the shortest.

    Raises:
        ValueError: longest < 1, other shapes, or a row that is nowhere within.
    """
    if start.shape != end.shape or start.shape != within.shape or start.ndim != 2 or within.dtype != torch.bool:
        raise ValueError(
            f"start, end and within have shapes {tuple(start.shape)}, {tuple(end.shape)} and {tuple(within.shape)}, "
            f"within is {within.dtype}; expected (B, L) three times, within bool"
        )
    if longest < 1:
        raise ValueError(f"longest is {longest}; expected 1 word or more")
    if may_read(within) and not within.any(1).all():
        raise ValueError(f"row {int((~within.any(1)).nonzero()[0])} has no place within; expected a passage")
    size = start.shape[1]
    legal = torch.ones(size, size, dtype=torch.bool, device=start.device).triu().tril(longest - 1)
    scores = (start[:, :, None] + end[:, None]).masked_fill(~(legal & within[:, :, None] & within[:, None]), -torch.inf)
    best = scores.flatten(1).argmax(1)
    return torch.stack((best // size, best % size), 1)


@recorded
@dataclass(frozen=True)
class Reading:
    """What a reader is given: the inputs of the encoder, where the passage is, and where the answer is."""

    def __call__(self, batch: Items, generator: torch.Generator) -> tuple[Tensor, ...]:
        """(*inputs, within bool (B, L), answers int64 (B, 2) as places in the whole)."""
        asked: Any = items_of(batch)
        return (*batch.inputs(), *places_of(asked))


def places_of(asked: Questions) -> tuple[Tensor, Tensor]:
    """Where the passage stands in what an encoder is given, bool (B, L), and the answer, int64 (B, 2), or -1."""
    offset = asked.offset[:, None]
    width = asked.a.x.shape[1] + asked.b.x.shape[1] + 3
    place = torch.arange(width, device=asked.device)
    end = offset + (asked.b.x != PAD).sum(1, keepdim=True)
    return (place >= offset) & (place < end), torch.where(asked.answers < 0, -1, asked.answers + offset)


class Reader(Method):
    """Two scores for each word of a passage, that the answer begins and that it ends there; cross-entropy of both.

    Views are those of `Reading`. What has no answer in sight teaches nothing.

    Args:
        encoder: one that embeds in place.
        seed: of the head's first weights.
    """

    def __init__(self, encoder: nn.Module, seed: int = 0) -> None:
        super().__init__(encoder)
        with seeded(seed):
            self.head = nn.Linear(self.encoder.dim, 2)

    def forward(self, views: Views) -> dict[str, Tensor]:
        *inputs, within, answers = views
        scores = self.scores(inputs, within)
        some = (answers >= 0).sum().clamp_min(1)  # a batch without one has no slope, and is not 0 / 0
        start, end = (
            F.cross_entropy(s, a, ignore_index=-1, reduction="sum")
            for s, a in zip(scores, answers.unbind(1), strict=True)
        )
        return {"loss": (start + end) / some}

    def scores(self, inputs: Sequence[Tensor], within: Tensor) -> tuple[Tensor, Tensor]:
        """Of beginning and of ending at each place: float32 (B, L) twice, -inf outside of the passage."""
        scores = self.head(self.encoder.features(*inputs)).float()
        start, end = scores.masked_fill(~within[:, :, None], -torch.inf).unbind(2)
        return start, end

    def answers(self, views: Views) -> Tensor:
        return views[-1][:, 0]

    def encoder_inputs(self, views: Views) -> list[tuple[Tensor, ...]]:
        return [tuple(views[:-2])]


@dataclass(frozen=True)
class Spans:
    """A task: {"exact match", "F1"} of answers to the questions of `test`, after learning from those of `train`.

    A head reads the embeddings in place; the encoder stays as it is, or learns with it. The answer is the span of the
    highest score (`best_spans`), and is compared as text with all right ones, as SQuAD 1.1 does. Questions whose answer
    is not in sight teach nothing, and are asked all the same.

    Without an encoder nothing is learned: the answer is `guess`.

    The control is the same encoder, trained from random weights on all answers of `train`.

    Attributes:
        tune: whether the encoder learns too.
        steps, batch_size, lr, seed: of the training.
    """

    tune: bool = False
    steps: int = 300
    batch_size: int = 32
    lr: float = 3e-3
    seed: int = 0

    def __call__(self, encoder: nn.Module, train: Items, test: Items) -> dict[str, float]:
        asked = _questions("test", test)
        learned = not isinstance(encoder, WithoutEncoder)
        return score(self.answer(encoder, train, asked) if learned else guess(asked), asked.right_answers())

    def answer(self, encoder: nn.Module, train: Items, test: Items) -> list[str]:
        """What the encoder answers to each question of `test`, after learning from `train`."""
        read = self._learned(encoder, train, self.tune)
        if not self.tune:
            read.encoder = encoder  # type: ignore[assignment]
        return answers_of(read, _questions("test", test))

    def control(self, encoder: nn.Module, train: Items) -> nn.Module:
        """The encoder of the last row; found in the run store by every later evaluation on these data."""
        return self._learned(untrained(encoder, self.seed), train, tune=True, keep=True).encoder

    def _learned(self, encoder: nn.Module, train: Items, tune: bool, keep: bool = False) -> Reader:
        asked = _questions("train", train)
        asked = asked[asked.answers[:, 0] >= 0]
        if not len(asked):
            raise ValueError("train has no question whose answer is in sight; expected longer passages, or others")
        _check_reads_two(encoder)
        net, items = beside(encoder, asked, tune)
        read = Reader(net, self.seed)
        how: dict[str, Any] = {"batch_size": min(self.batch_size, len(items)), "lr": self.lr, "seed": self.seed}
        (trained if keep else fit)(read, items, Reading(), steps=self.steps, progress=False, **how)
        return read


def answers_of(read: Reader, asked: Questions) -> list[str]:
    """What a trained reader answers to each question, as it is read."""
    device = read.head.weight.device
    spans = []
    with evaluating(read), torch.no_grad():
        for batch in asked.batches(torch.arange(len(asked)).split(BATCH // 10)):
            within, _ = places_of(batch)
            start, end = read.scores([x.to(device) for x in batch.inputs()], within.to(device))
            spans.append(best_spans(start.cpu(), end.cpu(), within.cpu()) - batch.offset.cpu()[:, None])
    return asked.decoded(said(asked.b.x.cpu(), torch.cat(spans)))


def score(answers: Sequence[str], right: Sequence[Sequence[str]]) -> dict[str, float]:
    """{"exact match", "F1"}: the means over all questions, 0 to 1.

    Raises:
        ValueError: more or fewer answers than questions, or none.
    """
    if len(answers) != len(right) or not len(right):
        raise ValueError(
            f"there are {len(answers)} answers to {len(right)} questions; expected one for each, and one at least"
        )
    pairs = list(zip(answers, right, strict=True))
    return {
        "exact match": sum(exact_match(answer, some) for answer, some in pairs) / len(pairs),
        "F1": sum(f1(answer, some) for answer, some in pairs) / len(pairs),
    }


def guess(asked: Questions) -> list[str]:
    """An answer to each question that nothing was learned for: the longest name or number of the best sentence.

    The sentence is the one of the passage that BM25 finds for the question. Of that the longest run of capitalised
    words and numbers which the question does not say, but for the sentence's first word; where it has none, the word
    that stands least often in the passage, of such the longest.
    """
    return [_guess(question, passage) for question, passage in zip(asked.a.lines(), asked.b.lines(), strict=True)]


def _guess(question: str, passage: str) -> str:
    sentences = re.split(r"(?<=[.!?])\s+", passage.strip())
    asked, told = as_words([question], sentences)
    words = sentences[int(bm25(asked, told)[0].argmax())].split()
    asks = {*normalised(question).split(), ""}
    runs: list[list[str]] = [[]]
    for i, word in enumerate(words):
        if normalised(word) not in asks and ((i and word[0].isupper()) or word[0].isdigit()):
            runs[-1].append(word)
        else:
            runs.append([])
    often = Counter(normalised(passage).split())
    new = [word for word in words if normalised(word) not in asks]
    new.sort(key=lambda word: (often[normalised(word)], -len(word)))
    return " ".join(max(runs, key=len) or new[:1])  # type: ignore[arg-type]


def _questions(what: str, data: Items) -> Questions:
    if not isinstance(data, Questions):
        raise TypeError(
            f'{what} is {type(data).__name__}; expected questions on passages: load("xquad"), or data.questions(tales)'
        )
    return data


def _check_reads_two(encoder: Any) -> None:
    """Raise TypeError unless the encoder's `features` can be given to which part of a text each word belongs."""
    try:
        inspect.signature(encoder.features).bind("tokens", "segments")
    except (AttributeError, TypeError):
        raise TypeError(
            f"encoder is {type(encoder).__name__} without features(tokens, segments); expected one that embeds in "
            "place and is told which words are of the question, 0, and of the passage, 1, which it need not use"
        ) from None


def _some(right: Sequence[str]) -> Sequence[str]:
    if isinstance(right, str) or not len(right):
        raise ValueError(f"right is {right!r}; expected a list of one right answer or more")
    return right
