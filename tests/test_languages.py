"""The other languages of the tales: the stated alignment is true, a translator by rule is always right; sentences."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sslwb.core import PAD
from sslwb.data import DataError, Pairs, Texts, load, store
from sslwb.data.pairs import sentences, unseen
from sslwb.data.parallel import multi30k
from sslwb.data.tokenizing import SPECIAL
from sslwb.data.worlds.languages import (
    ADJECTIVES,
    ALL_WORDS,
    KEPT,
    LANGUAGES,
    LAST_MEANINGS,
    LAST_VOCABULARY,
    MEANINGS,
    OTHER_VOCABULARY,
    PAST,
    SAYS_PAST,
    VERBS,
    aligned,
    in_turns,
    numbered,
    other_language,
    parallel,
)
from sslwb.data.worlds.tales import SENTENCES, VOCABULARY, make_tales

OTHERS = LANGUAGES[1:]
each_language = pytest.mark.parametrize("language", OTHERS)


@pytest.fixture(scope="module")
def data() -> Texts:
    return make_tales(300, seed=4, topics=6)


def words(texts: Texts, row: int) -> list[str]:
    return [texts.vocabulary[i] for i in texts.x[row].tolist() if i != PAD]


def by_rule(said: list[str]) -> list[tuple[str, int]]:
    """The verb-last language in words, and the place that each word translates: the rules, told with lists."""
    there = {here: word for word, here in LAST_MEANINGS.items()}
    out: list[tuple[str, int]] = []
    others: list[tuple[str, int]] = []
    verbs: list[tuple[str, int]] = []
    place = 0
    while place < len(said):
        word = said[place]
        if word == ".":
            out += [*others, *verbs, (".", place)]
            others, verbs = [], []
        elif word in VERBS:
            verbs.append((there[word], place))
            if word in PAST:
                verbs.append((there[SAYS_PAST], place))
        elif word in ADJECTIVES:
            others += [(there[said[place + 1]], place + 1), (there[word], place)]
            place += 1
        else:
            others.append((there[word], place))
        place += 1
    return out


def test_the_verb_last_language_is_what_its_rules_say(data: Texts) -> None:
    """So a translator by rule is right in every word: the optimum is 100 %."""
    other, truth = other_language(data, "verb-last"), aligned(data, "verb-last")
    for row in range(len(data)):
        expected = by_rule(words(data, row))
        assert words(other, row) == [word for word, _ in expected]
        assert truth[row][truth[row] >= 0].tolist() == [place for _, place in expected]


@each_language
def test_each_word_translates_the_one_that_it_is_aligned_with(language: str, data: Texts) -> None:
    meanings = MEANINGS if language == "mirror" else LAST_MEANINGS
    other, truth = other_language(data, language), aligned(data, language)
    assert truth.shape == other.x.shape
    assert torch.equal(truth < 0, other.x == PAD)
    for row in range(len(data)):
        here, there = words(data, row), words(other, row)
        for word, place in zip(there, truth[row].tolist(), strict=False):
            assert meanings[word] in (here[place], SAYS_PAST)
            assert meanings[word] != SAYS_PAST or here[place] in PAST
        links = truth[row][truth[row] >= 0].tolist()  # every word is translated, a verb of the past by two
        fertile = [i for i, word in enumerate(here) if word in PAST] if language == "verb-last" else []
        assert sorted(links) == sorted([*range(len(here)), *fertile])


@each_language
def test_no_two_texts_have_one_translation(language: str) -> None:
    """So the way back has an optimum of 100 % too."""
    every = sentences(make_tales(6000, seed=4, topics=6))
    other = other_language(every, language)
    assert len(every) > 4000
    assert len({tuple(row) for row in other.x.tolist()}) == len(every)


def test_no_word_is_in_two_languages_but_signs() -> None:
    here, one, two = ({*vocabulary} for vocabulary in (VOCABULARY, OTHER_VOCABULARY, LAST_VOCABULARY))
    assert here & one == here & two == one & two == {*KEPT}
    assert len(LAST_MEANINGS) == len(two) == len(VOCABULARY) + 1
    assert {*ALL_WORDS} == here | one | two
    assert ALL_WORDS[: len(SPECIAL)] == SPECIAL


def test_what_is_said_of_words_is_said_of_words_of_the_tales() -> None:
    ways = [slot for said in SENTENCES.values() for way in said for slot in way.split()]
    assert {*VERBS} | {*ADJECTIVES} <= {*VOCABULARY}
    for adjectives in (slot for slot in ways if {*slot.split("|")} & {*ADJECTIVES}):
        assert {*adjectives.split("|")} <= {*ADJECTIVES}
        assert ways[ways.index(adjectives) + 1] in ("{girl}", "{thing}")
    for verbs in (slot for slot in ways if {*slot.split("|")} & {*VERBS}):
        assert {*verbs.split("|")} <= {*VERBS}


@each_language
def test_starts_and_answers_move_with_their_words(language: str, data: Texts) -> None:
    other, truth = other_language(data, language), aligned(data, language)
    meanings = MEANINGS if language == "mirror" else LAST_MEANINGS
    assert data.starts is not None
    assert other.starts is not None
    assert data.answers is not None
    assert other.answers is not None
    for row in range(len(data)):
        stops = [0, *(i + 1 for i, word in enumerate(words(other, row)) if word == ".")][:-1]
        assert other.starts[row][other.starts[row] >= 0].tolist() == stops
        for before, after in zip(data.answers[row].tolist(), other.answers[row].tolist(), strict=True):
            assert (before < 0) == (after < 0)
            if before >= 0:
                assert meanings[words(other, row)[after]] == words(data, row)[before]
                assert truth[row, after] == before
    assert torch.equal(other.starts >= 0, data.starts >= 0)
    assert torch.equal(other_language(data[5:9], language).x, other.x[5:9])


@pytest.mark.parametrize("topics", [2, 6])
def test_rows_of_a_language_have_one_width(topics: int) -> None:
    """Whatever the stories are, so that a test set fits its training set."""
    widths = {other_language(make_tales(n, seed=n, topics=topics), "verb-last").x.shape[1] for n in (1, 50, 400)}
    assert len(widths) == 1


def test_a_text_with_more_verbs_than_any_tale_is_said_whole() -> None:
    crowd = Texts(torch.tensor([[VOCABULARY.index("was")] * 6 + [VOCABULARY.index(".")]]), vocabulary=VOCABULARY)
    assert len(words(other_language(crowd, "verb-last"), 0)) == 13


# ── sentences and pairs


@pytest.mark.parametrize("together", [1, 3])
def test_sentences_are_those_of_the_stories_each_once(together: int, data: Texts) -> None:
    each = sentences(data, together)
    said: dict[str, int] = {}  # a text, and the story that says it first
    for row in range(len(data)):
        own = [f"{sentence.strip()} ." for sentence in " ".join(words(data, row)).split(".") if sentence.strip()]
        for i in range(0, len(own) - together + 1, together):
            said.setdefault(" ".join(own[i : i + together]), row)
    assert [" ".join(words(each, row)) for row in range(len(each))] == [*said]
    stories = torch.tensor([*said.values()])
    assert torch.equal(each.labels, data.labels[stories])
    assert torch.equal(each.factors["place"], data.factors["place"][stories])
    assert each.starts is not None
    for row in range(len(each)):
        stops = [0, *(i + 1 for i, word in enumerate(words(each, row)) if word == ".")][:-1]
        assert each.starts[row].tolist() == stops
    assert parallel(each, "verb-last").b.lines() == other_language(each, "verb-last").lines()


def test_unseen_texts_are_among_no_others(data: Texts) -> None:
    train, test = sentences(data), sentences(make_tales(200, "test", seed=4, topics=6))
    new = unseen(test, train)
    known = {tuple(words(train, row)) for row in range(len(train))}
    assert 0 < len(new) < len(test)
    assert not {tuple(words(new, row)) for row in range(len(new))} & known
    assert sum(tuple(words(test, row)) not in known for row in range(len(test))) == len(new)
    wide = replace(train, x=torch.nn.functional.pad(train.x, (0, 5)))
    assert torch.equal(unseen(test, wide).x, new.x)  # padding tells no texts apart


@each_language
def test_parallel_texts_are_row_for_row_the_same(language: str, data: Texts) -> None:
    each = sentences(data)
    pairs, other = parallel(each, language), other_language(each, language)
    assert pairs.a.vocabulary == pairs.b.vocabulary == ALL_WORDS
    assert pairs.a.lines() == each.lines()
    assert pairs.b.lines() == other.lines()
    short = parallel(each, language, most=7)
    assert short.a.shape == short.b.shape == (7,)
    kept = (each.lengths <= 7) & (other.lengths <= 7)
    assert short.a.lines() == each[kept].lines()
    assert short.b.lines() == other[kept].lines()
    assert torch.equal(short.labels, each.labels[kept])


def test_texts_in_turns_are_each_in_one_language(data: Texts) -> None:
    each = sentences(data)
    mixed = in_turns(each)
    sides = [each, other_language(each, "mirror"), other_language(each, "verb-last")]
    said = [side.lines() for side in sides]
    assert mixed.lines() == [said[row % 3][row] for row in range(len(each))]
    assert mixed.factors["language"].tolist() == [row % 3 for row in range(len(each))]
    assert mixed.levels["language"] == LANGUAGES
    assert in_turns(each, ("mirror",)).lines() == said[1]
    assert torch.equal(numbered(mixed).x, mixed.x)


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda d: other_language(d, "latin"), ValueError, "language is 'latin'; expected 'mirror' or 'verb-last'"),
        (lambda d: aligned(other_language(d)), ValueError, "tales in the other language has another vocabulary"),
        (lambda d: numbered(replace(d, vocabulary=(*VOCABULARY, "x"), tokenizer=None)), ValueError, "another vocab"),
        (lambda d: parallel(d, most=0), ValueError, "most is 0; expected 1 or more"),
        (lambda d: parallel(sentences(d), most=3), ValueError, "most is 3, .* expected 4 or more"),
        (lambda d: parallel(d, most=2.5), TypeError, r"most is 2\.5"),
        (lambda d: in_turns(d, "mirror"), ValueError, "languages is 'mirror'; expected some of 'tales', 'mirror'"),
        (lambda d: in_turns(d, ()), ValueError, r"languages is \(\)"),
        (lambda d: sentences(Pairs(d, d)), TypeError, "data is Pairs; expected texts"),
        (lambda d: sentences(replace(d, starts=None)), ValueError, "does not say where sentences begin"),
        (lambda d: sentences(d[:0]), ValueError, "data has no texts"),
        (lambda d: sentences(d, 0), ValueError, "together is 0; expected 1 or more"),
        (lambda d: sentences(d, 30), ValueError, "together is 30, and no text has so many"),
        (lambda d: unseen(d, d), ValueError, "known says all of data's texts"),
        (lambda d: unseen(d, other_language(d)), ValueError, "other vocabularies"),
        (lambda d: unseen(d, d.x), TypeError, "known is Tensor; expected texts"),
    ],
)
def test_what_cannot_be_translated_is_reported(
    ask: Callable[[Texts], Any], error: type[Exception], said: str, data: Texts
) -> None:
    with pytest.raises(error, match=said):
        ask(data)


# ── captions in English and German


ENGLISH = ["A man in a red hat.", "Two dogs run in the snow", "A child – naïve – looks up."] * 30
GERMAN = ["Ein Mann mit rotem Hut.", "Zwei Hunde laufen im Schnee", "Ein Kind schaut hinauf, größer denn je."] * 30


@pytest.fixture
def captions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the store gives it; what is for test lies there unpacked."""
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path / "cache"))
    for language, lines in (("en", ENGLISH), ("de", GERMAN)):
        for part, share in (("train", lines), ("val", lines[:7])):
            (tmp_path / f"{part}.{language}.gz").write_bytes(gzip.compress(("\n".join(share) + "\n").encode()))
        (tmp_path / f"test_2016_flickr.{language}").write_text("\n".join(lines[:5]) + "\n", encoding="utf-8")
    return tmp_path


def test_captions_come_in_pairs_with_one_tokenizer(captions: Path) -> None:
    parts = {split: multi30k(captions, split, None, 0, vocabulary=300) for split in ("train", "val", "test")}
    for split, count in (("train", 90), ("val", 7), ("test", 5)):
        pairs = parts[split]
        assert pairs.a.lines() == ENGLISH[:count]
        assert pairs.b.lines() == GERMAN[:count]
        assert pairs.a.vocabulary == pairs.b.vocabulary == parts["train"].a.vocabulary
        assert pairs.a.shape == pairs.b.shape == (64,)
    few = multi30k(captions, "train", 8, 3, vocabulary=300)
    assert all(ENGLISH.index(a) % 3 == GERMAN.index(b) % 3 for a, b in zip(few.a.lines(), few.b.lines(), strict=True))
    short = multi30k(captions, "train", None, 0, tokens="characters", context=28)
    assert {*short.a.lines()} == {*ENGLISH[:2]}
    assert short.b.shape == (28,)


def test_damaged_captions_are_reported(captions: Path) -> None:
    with pytest.raises(ValueError, match="context is 1; expected at least 2"):
        multi30k(captions, "val", None, 0, context=1)
    with pytest.raises(ValueError, match="context is 3, and every pair has a side of more numbers"):
        multi30k(captions, "val", None, 0, vocabulary=300, context=3)
    (captions / "val.de.gz").write_bytes(gzip.compress("\n".join(GERMAN[:6]).encode()))
    with pytest.raises(DataError, match="has 7 lines in English and 6 in German"):
        multi30k(captions, "val", None, 0)
    (captions / "val.de.gz").write_bytes(gzip.compress(b"Ein Mann\n\nZwei Hunde\n"))
    with pytest.raises(DataError, match=r"val\.de\.gz, line 2, is empty"):
        multi30k(captions, "val", None, 0)
    (captions / "val.de.gz").write_bytes((captions / "train.de.gz").read_bytes()[:90])
    with pytest.raises(DataError, match=r"val\.de\.gz is damaged"):
        multi30k(captions, "val", None, 0)
    (captions / "val.de.gz").write_bytes(gzip.compress("größer".encode("latin-1")))
    with pytest.raises(DataError, match=r"val\.de\.gz is damaged"):
        multi30k(captions, "val", None, 0)
    (captions / "val.de.gz").unlink()
    with pytest.raises(DataError, match=r"val\.de cannot be read"):
        multi30k(captions, "val", None, 0)


def test_multi30k_has_its_published_pairs() -> None:
    if store.find("multi30k") is None:
        pytest.skip("multi30k is not on this machine")
    pairs = load("multi30k", "test")
    assert len(pairs) == 1000
    assert pairs.a.text(0) == "A man in an orange hat starring at something."
    assert pairs.b.text(0) == "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt."
