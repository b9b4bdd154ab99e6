"""Questions on passages, and the words of the passage that answer: the container, its world, and SQuAD's files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import PAD, SEP, printable
from sslwb.data.containers import Pairs, Texts
from sslwb.data.readers import draw
from sslwb.data.store import DataError
from sslwb.data.text import Tokens, read_text, tokenizer_of
from sslwb.data.tokenizing import Tokenizer
from sslwb.data.worlds.tales import NUMBER, SENTENCES, VOCABULARY

LANGUAGES = ("en", "de", "es")
KINDS = ("who", "where", "what")  # a tale asks for its friend, its place or its thing
BEFORE = ("meet", "go", "find", "mood", "feel")  # the sentences that may stand before a tale asks


def _longest(kind: str) -> int:
    return max(len(way.split()) for way in SENTENCES[kind])


TOLD, ASKED = sum(map(_longest, BEFORE)), max(map(_longest, KINDS))  # words of the longest passage and question


@dataclass(frozen=True, init=False)
class Questions(Pairs):
    """Questions and their passages row for row, `a` (also x) and `b`: two `Texts` of one vocabulary.

    An encoder is given both as one text, SEP question SEP passage SEP, and to which of the two each word belongs.

    Attributes:
        answers: int64 (N, 2): the first and the last word of the answer, as places in the passage; -1 where the answer
            is not in sight, because the passage was cut off before it.
        passage: int64 (N,): a number for each passage, the same for all questions on it; None: each has its own.
        right: int64 (N, A, M): every answer that counts as right, by its words with padding; fewer than A of them, and
            the rest is padding. None: the words of the passage from the first to the last.

    Raises:
        TypeError: a or b holds no texts, or a column is no int64 tensor.
        ValueError: other lengths, two vocabularies, an empty question or passage, an answer that ends before it begins
            or lies outside of its passage, a question without a right answer.
    """

    b: Texts = field(kw_only=True)
    answers: Tensor = field(kw_only=True)
    passage: Tensor = field(kw_only=True)
    right: Tensor = field(kw_only=True)
    item: ClassVar[str] = "question"

    def __init__(
        self,
        x: Texts,
        b: Texts,
        *,
        answers: Tensor,
        passage: Tensor | None = None,
        right: Tensor | None = None,
        **known: Any,
    ) -> None:
        for what, texts in (("a", x), ("b", b)):
            if not isinstance(texts, Texts):
                raise TypeError(
                    f"{what} is {type(texts).__name__}; expected texts: of questions, and of their passages"
                )
        if len(x) != len(b):
            raise ValueError(f"a has {len(x)} questions and b {len(b)} passages; expected as many, row for row")
        if x.vocabulary != b.vocabulary:
            raise ValueError("a and b have two vocabularies; expected one, so that one encoder reads both")
        passage = torch.arange(len(x), device=x.device) if passage is None else passage
        for what, t, shape in (("answers", answers, (len(x), 2)), ("passage", passage, (len(x),))):
            _check_column(what, t, shape)
        for what, texts in (("question", x), ("passage", b)):
            if (empty := texts.lengths == 0).any():
                raise ValueError(f"{what} {int(empty.nonzero()[0])} is empty; expected at least one word")
        first, last = answers.unbind(1)
        wrong = (first > last) | (last >= b.lengths) | (first < -1) | ((first < 0) & (last >= 0))
        if wrong.any():
            i = int(wrong.nonzero()[0])
            raise ValueError(
                f"answers[{i}] is {answers[i].tolist()}, and passage {i} has {int(b.lengths[i])} words; expected the "
                "places of the answer's first and last word, or -1 twice where it is not in sight"
            )
        if right is None:
            right = said(b.x, answers)[:, None]
        elif right.ndim != 3:
            raise ValueError(f"right has shape {tuple(right.shape)}; expected ({len(x)}, A, M): A answers a question")
        _check_column("right", right, (len(x), *right.shape[1:]))
        if (none := (right == PAD).flatten(1).all(1)).any():
            i = int(none.nonzero()[0])
            raise ValueError(f"question {i} has no right answer; expected one or more in right, or an answer in sight")
        for name, column in {"answers": answers, "passage": passage, "right": right}.items():
            object.__setattr__(self, name, column)
        super().__init__(x, b, **known)

    @property
    def a(self) -> Texts:
        """The questions."""
        return self.x  # type: ignore[return-value]

    def inputs(self) -> tuple[Tensor, Tensor]:
        """Question and passage as one text, and 0 or 1 for the part that each word is of: int64 (N, L) twice.

        L is the same for all questions of a data set: the widths of both, and 3.
        """
        q, p = ((texts.x != PAD).sum(1, keepdim=True) for texts in (self.a, self.b))
        width = self.a.x.shape[1] + self.b.x.shape[1] + 3
        tokens = q.new_full((len(self), width + 1), PAD)  # the last column takes the padding of both sides
        for texts, first in ((self.a, 1), (self.b, q + 2)):
            place = first + torch.arange(texts.x.shape[1], device=q.device)
            tokens.scatter_(1, torch.where(texts.x != PAD, place, width), texts.x)
        for sign in (torch.zeros_like(q), q + 1, q + p + 2):
            tokens.scatter_(1, sign, SEP)
        place = torch.arange(width, device=q.device)
        return tokens[:, :width].contiguous(), ((place > q + 1) & (place < q + p + 3)).long()

    @property
    def offset(self) -> Tensor:
        """int64 (N,): where the passage begins in what an encoder is given."""
        return (self.a.x != PAD).sum(1) + 2

    def baseline(self) -> tuple[str, Tensor]:
        """How often each word stands in the question, and in the passage."""
        return "shared words", super().baseline()[1]

    def decoded(self, x: Tensor) -> list[str]:
        """Words of these texts by their numbers, int64 (N, L) with padding, as lines to read."""
        return Texts(x, vocabulary=self.a.vocabulary, tokenizer=self.a.tokenizer).lines() if len(x) else []

    def right_answers(self) -> list[list[str]]:
        """Every answer that counts as right, as it is read: a list for each question."""
        lines = self.decoded(self.right.flatten(0, 1))
        there = (self.right != PAD).any(2).flatten().tolist()
        size = self.right.shape[1]
        starts = range(0, len(lines), size)
        return [[lines[j] for j in range(i, i + size) if there[j]] for i in starts]


def said(passages: Tensor, answers: Tensor) -> Tensor:
    """The words from the first to the last place: int64 (N, L) and (N, 2) → (N, M) with padding; none at -1."""
    first, last = answers[:, :1], answers[:, 1:]
    width = max(1, int((last - first).max()) + 1) if len(answers) else 1
    place = first + torch.arange(width, device=passages.device)
    words = passages.gather(1, place.clamp(0, passages.shape[1] - 1))
    return torch.where((place <= last) & (first >= 0), words, PAD)


def questions(tales: Texts) -> Questions:
    """The questions that tales ask themselves: what stands before one is the passage, its answer one word of that.

    About six tales in ten ask: who was there (the friend), where they went (the place), or what there was (the thing).
    The passage is the story up to the question, the question the one sentence, and the answer where the word that
    answers is first said. The label is which of the three is asked. Other tales are left out.

    A rule reaches the full score: the friend is the second name of the first sentence, the place the first place that
    is said, the thing the first thing that is said. (With `noise` the words may be others, and the rule misses some.)

    Raises:
        TypeError: tales holds no texts.
        ValueError: no tales, or none that asks.
    """
    if not isinstance(tales, Texts):
        raise TypeError(f'tales is {type(tales).__name__}; expected texts: load("tales")')
    if tales.vocabulary != VOCABULARY or tales.starts is None or tales.answers is None:
        raise ValueError(f'{tales.name or "tales"} does not say where it asks; expected load("tales")')
    asking = tales[tales.answers[:, 0] >= 0]
    if not len(asking):
        raise ValueError(f"none of the {len(tales)} tales asks a question; expected more tales: about 6 in 10 ask")
    assert asking.starts is not None
    assert asking.answers is not None
    first, reply = asking.answers[:, :1], asking.answers[:, 1:]
    answer = ((asking.starts >= 0) & (asking.starts <= reply)).sum(1, keepdim=True) - 1  # which sentence
    begin, end = (asking.starts.gather(1, answer - back) for back in (1, 0))
    place = torch.arange(asking.x.shape[1], device=asking.device)
    passages = torch.where(place < begin, asking.x, PAD)[:, :TOLD].contiguous()
    moved = torch.arange(ASKED, device=asking.device) + begin
    asked = torch.where(moved < end, asking.x.gather(1, moved.clamp(max=len(place) - 1)), PAD)
    words: dict[str, Any] = {"vocabulary": asking.vocabulary, "tokenizer": asking.tokenizer}
    kind = torch.stack([(asked == NUMBER[word]).any(1) for word in KINDS], 1).long().argmax(1)
    return Questions(
        Texts(asked, name="questions", **words),
        Texts(passages, name="tales", **words),
        answers=first.expand(-1, 2).contiguous(),
        y=kind,
        classes=KINDS,
        factors=asking.factors,
        levels=asking.levels,
        name="questions on tales",
    )


class Asked(NamedTuple):
    """One question of a file: its article, its paragraph's number, its words, and its answers with their places."""

    article: str
    paragraph: int
    question: str
    answers: list[tuple[int, str]]


def xquad(
    folder: Path,
    split: str,
    n: int | None,
    seed: int,
    *,
    language: str = "en",
    tokens: Tokens = "bpe",
    vocabulary: int = 2000,
    context: int | None = None,
) -> Questions:
    """Questions on paragraphs of Wikipedia, in English, German or Spanish: the same in all three.

    XQuAD is the test set of others and has no split. Here each of its 48 articles has its own by a hash of its title:
    about 6 in 10 are for training and 2 in 10 each for val and test, the same articles in every language. The tokenizer
    learns from the training part alone.

    Args:
        language: "en", "de" or "es".
        context: passages are cut off after so many numbers, and an answer behind that is -1, not in sight; None: the
            longest passage is whole.

    Raises:
        DataError: a file that is not SQuAD's JSON, an empty paragraph, an answer that does not stand where the file
            says.
        ValueError: a language that it does not have, or context below 2.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language is {language!r}; xquad has {', '.join(map(repr, LANGUAGES))}")
    if context is not None and context < 2:
        raise ValueError(f"context is {context}; expected at least 2 numbers in a row, or None for whole passages")
    paragraphs, asked = squad(folder / f"xquad.{language}.json")
    part = {title: _part(title) for title in dict.fromkeys(one.article for one in asked)}
    learnt = [one for one in asked if part[one.article] == "train"]
    texts = [paragraphs[i] for i in dict.fromkeys(one.paragraph for one in learnt)] + [one.question for one in learnt]
    made = tokenizer_of(tokens, vocabulary, texts, f"xquad.{language}")
    rows, places = _encoded(made, paragraphs)
    heads = made.numbers([one.question for one in asked])
    spans = torch.tensor([_words_of(places[one.paragraph], *one.answers[0]) for one in asked])
    right = [made.numbers([answer for _, answer in one.answers]) for one in asked]
    context = max(map(len, rows)) if context is None else context
    spans[spans[:, 1] >= context] = -1
    of_split = torch.tensor([i for i, one in enumerate(asked) if part[one.article] == split])
    chosen = of_split[draw(len(of_split), n, seed, f"xquad ({split})")].tolist()
    words: dict[str, Any] = {"vocabulary": made.vocabulary, "tokenizer": made}
    most, longest = max(map(len, right)), max(len(row) for some in right for row in some)
    kept = torch.zeros(len(chosen), most, longest, dtype=torch.int64)
    for i, row in enumerate(chosen):
        for j, answer in enumerate(right[row]):
            kept[i, j, : len(answer)] = answer
    return Questions(
        Texts(_padded([heads[i] for i in chosen], max(map(len, heads))), name="questions", **words),
        Texts(_padded([rows[asked[i].paragraph] for i in chosen], context), name="paragraphs", **words),
        answers=spans[chosen],
        passage=torch.tensor([asked[i].paragraph for i in chosen]),
        right=kept,
        name="xquad",
    )


def squad(file: Path) -> tuple[list[str], list[Asked]]:
    """A file in the form of SQuAD 1.1 → its paragraphs, and its questions in order.

    An answer is where its "answer_start" says. Where a file leaves that out, it is where its words stand first, though
    they may stand there again.

    Raises:
        DataError: no such JSON, or a paragraph, question or answer that is empty, or an answer that does not stand in
            its paragraph, or not where the file says; the message names the article and the question.
    Source: Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text".
    """
    named = printable(file)
    try:
        articles = json.loads(read_text(file))["data"]
        paragraphs: list[str] = []
        asked: list[Asked] = []
        for article in articles:
            for paragraph in article["paragraphs"]:
                where, text = f"{named}, article {article['title']!r}", paragraph["context"]
                if not text.strip():
                    raise DataError(f"{where}, paragraph {len(paragraphs)}, is empty; expected a text that answers")
                for question in paragraph["qas"]:
                    here = f"{where}, question {question['id']}"
                    if not question["question"].strip():
                        raise DataError(f"{here}, is empty; expected a question")
                    if not question["answers"]:
                        raise DataError(f"{here}, has no answer; expected one or more, as in SQuAD 1.1")
                    found = [_found(text, answer, here) for answer in question["answers"]]
                    asked.append(Asked(article["title"], len(paragraphs), question["question"], found))
                paragraphs.append(text)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{named} is not in the form of SQuAD 1.1 ({type(error).__name__}: {error}); expected JSON with data, "
            "paragraphs, context, qas, question and answers"
        ) from error
    if not asked:
        raise DataError(f"{named} asks no question; expected a file in the form of SQuAD 1.1")
    return paragraphs, asked


def _found(text: str, answer: dict[str, Any], where: str) -> tuple[int, str]:
    """Where an answer begins, and its words."""
    words, start = answer["text"], answer.get("answer_start")
    if not words.strip():
        raise DataError(f"{where}: an answer is empty; expected words of the paragraph")
    first = text.find(words)
    if first < 0:
        raise DataError(f"{where}: the answer {words!r} does not stand in its paragraph; expected words of it")
    if start is not None and text[start : start + len(words)] != words:
        raise DataError(
            f"{where}: at {start}, where answer_start says, stands {text[start : start + len(words)]!r}; expected "
            f"{words!r}, which begins at {first}"
        )
    return (first if start is None else start), words


def _part(title: str) -> str:
    fifth = hashlib.sha256(title.encode()).digest()[0] % 5
    return {3: "val", 4: "test"}.get(fifth, "train")


def _encoded(made: Tokenizer, texts: list[str]) -> tuple[list[Tensor], list[list[tuple[int, int]]]]:
    """The numbers of each text, and from which character to which each of them stands."""
    rows = made.numbers(texts)  # names a word that a tokenizer of words does not know
    places = [one.offsets for one in made.backend.encode_batch(texts, add_special_tokens=False)]
    assert [*map(len, rows)] == [*map(len, places)]
    return rows, places


def _words_of(places: list[tuple[int, int]], start: int, words: str) -> tuple[int, int]:
    """The first and the last word that has a character of the answer, which begins at the character `start`."""
    inside = [i for i, (begin, end) in enumerate(places) if begin < start + len(words) and end > start]
    return inside[0], inside[-1]


def _padded(rows: list[Tensor], width: int) -> Tensor:
    return torch.stack([F.pad(row[:width], (0, max(0, width - len(row))), value=PAD) for row in rows])


def _check_column(what: str, t: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(t, Tensor) or t.dtype != torch.int64:
        came = t.dtype if isinstance(t, Tensor) else type(t).__name__
        raise TypeError(f"{what} is {came}; expected a torch.int64 tensor: {what}.long()")
    if t.shape != shape:
        raise ValueError(f"{what} has shape {tuple(t.shape)}; expected {shape}: one row a question")
