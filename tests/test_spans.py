"""Answers out of passages: the field's measure letter for letter, legal spans, and a world where the truth is known."""

from __future__ import annotations

import itertools
import json
import random
import re
import string
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sslwb import nets
from sslwb.data import DataError, Questions, Texts, load, questions
from sslwb.data.questions import said, squad, xquad
from sslwb.data.worlds.tales import NAMES, TOPICS
from sslwb.evaluate import embed, evaluate
from sslwb.evaluate.embedding import WithoutEncoder
from sslwb.nets import EncoderModule
from sslwb.tasks import Spans, best_spans, exact_match, f1
from sslwb.tasks.spans import Reader, Reading, guess, normalised, places_of, score
from sslwb.train import fit


@pytest.fixture(scope="module")
def asked() -> Questions:
    return questions(load("tales", n=160, seed=3))


@pytest.fixture(scope="module")
def others() -> Questions:
    return questions(load("tales", "val", n=100, seed=3))


# ── the measure


def written_down_normal(s: str) -> str:
    """SQuAD 1.1's evaluate-v1.1.py, transcribed: normalize_answer."""

    def remove_articles(text: str) -> str:
        return re.sub(r"\b(a|an|the)\b", " ", text)

    def white_space_fix(text: str) -> str:
        return " ".join(text.split())

    def remove_punc(text: str) -> str:
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    def lower(text: str) -> str:
        return text.lower()

    return white_space_fix(remove_articles(remove_punc(lower(s))))


def written_down_f1(prediction: str, ground_truth: str) -> float:
    """f1_score of the same script."""
    prediction_tokens = written_down_normal(prediction).split()
    ground_truth_tokens = written_down_normal(ground_truth).split()
    common = Counter(prediction_tokens) & Counter(ground_truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(prediction_tokens)
    recall = 1.0 * num_same / len(ground_truth_tokens)
    return (2 * precision * recall) / (precision + recall)


def some_strings(count: int) -> list[str]:
    parts = [
        "the",
        "The",
        "a",
        "an",
        "cat",
        "Cat.",
        "cats",
        "1,000",
        "—",
        "é",
        "thé",
        "and",
        "-",
        "A.",
        "  ",
        "\t",
        "o'",
    ]
    draw = random.Random(0)
    made = [
        "".join(draw.choice(parts) + draw.choice(["", " ", "  "]) for _ in range(draw.randrange(6)))
        for _ in range(count)
    ]
    return ["", "the", "a an the", "...", "The the", "x", *made]


def test_exact_match_and_f1_are_those_of_the_script() -> None:
    strings = some_strings(60)
    for one, other in itertools.product(strings, strings):
        assert normalised(one) == written_down_normal(one)
        assert exact_match(one, [other]) == (written_down_normal(one) == written_down_normal(other))
        assert f1(one, [other]) == pytest.approx(written_down_f1(one, other))
    for i, one in enumerate(strings):
        right = strings[i : i + 3]
        assert exact_match(one, right) == max(written_down_normal(one) == written_down_normal(r) for r in right)
        assert f1(one, right) == pytest.approx(max(written_down_f1(one, r) for r in right))


def test_what_the_script_says_of_answers_without_words() -> None:
    assert (exact_match("", [""]), f1("", [""])) == (1, 0)
    assert (exact_match("the", ["a", "dog"]), f1("the", ["a", "dog"])) == (1, 0)
    assert (exact_match("the dog", ["Dog!"]), f1("the dog", ["cat", "Dog!"])) == (1, 1)
    assert f1("dog dog", ["dog"]) == pytest.approx(2 / 3)
    assert f1("dog", ["dog dog cat"]) == 0.5
    for wrong in ([], "dog"):
        with pytest.raises(ValueError, match="expected a list of one right answer"):
            f1("dog", wrong)
    with pytest.raises(ValueError, match="1 answers to 2 questions"):
        score(["x"], [["x"], ["y"]])


# ── spans


def test_the_best_span_is_the_best_of_all_legal_ones() -> None:
    g = torch.Generator().manual_seed(0)
    for size, longest in ((7, 3), (7, 1), (12, 30)):
        start, end = torch.randn(2, 40, size, generator=g)
        within = torch.rand(40, size, generator=g) < 0.7
        within[:, 2] = True
        found = best_spans(start, end, within, longest)
        for row in range(40):
            legal = [
                (i, j)
                for i in range(size)
                for j in range(i, min(size, i + longest))
                if within[row, i] and within[row, j]
            ]
            assert tuple(found[row].tolist()) == max(legal, key=lambda s: float(start[row, s[0]] + end[row, s[1]]))


def test_an_end_before_the_start_is_never_chosen() -> None:
    start, end = torch.tensor([[0.0, 1.0, 9.0]]), torch.tensor([[9.0, 1.0, 0.0]])
    assert best_spans(start, end, torch.ones(1, 3, dtype=torch.bool)).tolist() == [[0, 0]]
    assert best_spans(torch.zeros(1, 3), torch.zeros(1, 3), torch.ones(1, 3, dtype=torch.bool)).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"longest": 0}, "longest is 0"),
        ({"within": torch.zeros(1, 3, dtype=torch.bool)}, "row 0 has no place within"),
        ({"within": torch.ones(1, 3)}, "within is torch.float32"),
        ({"end": torch.zeros(1, 4)}, r"shapes \(1, 3\), \(1, 4\)"),
    ],
)
def test_spans_that_cannot_be_are_reported(change: dict[str, Any], said: str) -> None:
    given = {"start": torch.zeros(1, 3), "end": torch.zeros(1, 3), "within": torch.ones(1, 3, dtype=torch.bool)}
    with pytest.raises(ValueError, match=said):
        best_spans(**{**given, **change})


# ── the world


def solved(question: str, passage: str) -> str:
    """The answer by a rule, without any learning."""
    words = passage.replace(".", "").split()
    if " who " in question:
        return [word for word in words if word in NAMES][1]
    wanted = 0 if " where " in question else 1
    return next(word for word in words if any(word in topic[wanted] for topic in TOPICS.values()))


def test_a_rule_reaches_the_full_score() -> None:
    asked = questions(load("tales", n=3000, seed=5, topics=6))
    answers = [solved(q, p) for q, p in zip(asked.a.lines(), asked.b.lines(), strict=True)]
    assert score(answers, asked.right_answers()) == {"exact match": 1.0, "F1": 1.0}
    assert sorted(set(asked.labels.tolist())) == [0, 1, 2]
    spans = asked.decoded(said(asked.b.x, asked.answers))
    assert score(spans, asked.right_answers())["exact match"] == 1.0


def test_tales_are_cut_where_they_ask() -> None:
    tales = load("tales", n=200, seed=2)
    asked = questions(tales)
    asking = tales[tales.answers[:, 0] >= 0]
    assert len(asked) == len(asking) < len(tales)
    for i in range(len(asked)):
        whole = asking.text(i)
        assert whole.startswith(f"{asked.b.text(i)} {asked.a.text(i)}")
        assert "asked" not in asked.b.text(i)
        assert asked.a.text(i).count(".") == 1
        article = ("", "the ", "a ")[int(asked.labels[i])]
        assert f"it was {article}{asked.right_answers()[i][0]}." in whole
    with pytest.raises(ValueError, match="none of the 2 tales asks"):
        questions(tales[tales.answers[:, 0] < 0][:2])
    with pytest.raises(ValueError, match="does not say where it asks"):
        questions(replace(tales, answers=None))
    with pytest.raises(TypeError, match="tales is Tensor"):
        questions(tales.x)  # type: ignore[arg-type]


def test_an_encoder_is_given_both_as_one_text(asked: Questions) -> None:
    tokens, segments = asked.inputs()
    within, answers = places_of(asked)
    for i in range(20):
        q, p = ([n for n in texts.x[i].tolist() if n] for texts in (asked.a, asked.b))
        assert [n for n in tokens[i].tolist() if n] == [2, *q, 2, *p, 2]
        assert segments[i].tolist() == [0] * (len(q) + 2) + [1] * (len(p) + 1) + [0] * int((tokens[i] == 0).sum())
        assert tokens[i][within[i]].tolist() == p
        assert tokens[i, answers[i, 0]] == asked.right[i, 0, 0]
    some = asked[torch.tensor([7, 3])]
    assert torch.equal(some.inputs()[0], tokens[[7, 3]])
    assert some.right_answers() == [asked.right_answers()[7], asked.right_answers()[3]]
    encoder = nets.bert(len(asked.a.vocabulary), 80, 16, 1, 2)
    assert encoder.features(*asked.inputs()).shape == (*tokens.shape, 16)
    assert embed(encoder, asked).shape == (len(asked), 16)


class Knows(EncoderModule):
    """Says of each word whether it answers, for it is told: what is asked, and where each kind of answer stands."""

    def __init__(self, asked: Questions) -> None:
        super().__init__()
        self.dim = 2
        self.answers = {tuple(row.tolist()): places_of(asked)[1][i] for i, row in enumerate(asked.inputs()[0])}

    def features(self, tokens: Tensor, segments: Tensor) -> Tensor:
        h = torch.zeros(*tokens.shape, 2)
        for i, row in enumerate(tokens):
            start, end = self.answers[tuple(row.tolist())]
            h[i, start, 0] = h[i, end, 1] = 1
        return h

    def forward(self, tokens: Tensor, segments: Tensor) -> Tensor:
        return self.features(tokens, segments).mean(1)


class Blind(Knows):
    def features(self, tokens: Tensor, segments: Tensor) -> Tensor:
        return torch.zeros(*tokens.shape, 2)


@pytest.mark.long
def test_who_knows_the_answers_scores_full_marks_and_who_knows_nothing_does_not(
    asked: Questions, others: Questions
) -> None:
    words: dict[str, Any] = {"vocabulary": asked.a.vocabulary, "tokenizer": asked.a.tokenizer}
    sides = ((asked.a, others.a), (asked.b, others.b))
    a, b = (Texts(torch.cat((one.x, other.x)), **words) for one, other in sides)
    both = Questions(a, b, answers=torch.cat((asked.answers, others.answers)))
    task = Spans(steps=30, lr=0.3)
    assert task(Knows(both), asked, others) == {"exact match": 1.0, "F1": 1.0}
    # a head on nothing says the same place in every passage: the first word, which is never the answer
    assert task(Blind(both), asked, others)["exact match"] < 0.05


def test_without_an_encoder_nothing_is_learned(asked: Questions, others: Questions) -> None:
    guessed = Spans()(WithoutEncoder(1), asked, others)
    assert guessed == score(guess(others), others.right_answers())
    assert 0.1 < guessed["F1"] < 0.5
    told = "In 1997 it rained. It was Michael Collins and two others who flew to the Moon. Nobody else went there."
    made = texts_of([("Who flew to the Moon?", told, "Michael Collins")])
    assert guess(made) == ["Michael Collins"]


def test_reading_is_learned_from_few_questions(asked: Questions, others: Questions) -> None:
    encoder = nets.bert(len(asked.a.vocabulary), 80, 32, 2, 4, seed=1)
    before = {name: p.clone() for name, p in encoder.state_dict().items()}
    assert Spans(tune=True, steps=60, batch_size=16, lr=5e-3)(encoder, asked, others)["exact match"] > 0.3
    task = Spans(tune=True, steps=5, batch_size=16)
    assert task.answer(encoder, asked, others) == task.answer(encoder, asked, others)
    assert all(torch.equal(p, before[name]) for name, p in encoder.state_dict().items())


def test_the_table_has_its_baselines_and_its_control(
    asked: Questions, others: Questions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path))
    encoder = nets.bert(len(asked.a.vocabulary), 80, 16, 1, 2, seed=1)
    scores = evaluate(encoder, asked, others, task=Spans(steps=10, batch_size=16))
    assert list(scores.rows) == ["shared words", "random encoder", "this encoder", "supervised"]
    assert all(list(row) == ["exact match", "F1"] for row in scores.rows.values())


def test_a_reader_learns_from_answers_in_sight_alone(asked: Questions) -> None:
    hidden = replace(asked, answers=torch.full_like(asked.answers, -1))
    encoder = nets.bert(len(asked.a.vocabulary), 80, 16, 1, 2)
    with pytest.raises(ValueError, match="no question whose answer is in sight"):
        Spans()(encoder, hidden, asked)
    some = replace(asked, answers=torch.where(torch.arange(len(asked))[:, None] < 20, -1, asked.answers))
    read = Reader(encoder, seed=1)
    views = Reading()(some[:40], torch.Generator())
    part = Reading()(some[20:40], torch.Generator())
    assert torch.allclose(read(views)["loss"], read(part)["loss"])
    assert float(read(Reading()(some[:8], torch.Generator()))["loss"]) == 0  # none in sight: nothing is learned
    assert {*Spans(steps=2)(encoder, some, hidden)} == {"exact match", "F1"}
    history = fit(Reader(encoder), asked, Reading(), steps=3, batch_size=8, progress=False)
    assert len(history) == 3
    with pytest.raises(TypeError, match=r"encoder is Linear without features\(tokens, segments\)"):
        Spans()(nn.Linear(2, 2), asked, asked)
    with pytest.raises(TypeError, match="train is Texts; expected questions on passages"):
        Spans()(encoder, asked.a, asked)


# ── the container and the files


def texts_of(rows: list[tuple[str, str, str]]) -> Questions:
    """Questions of characters, each with its passage and its answer, which stands there."""
    from sslwb.data import Tokenizer

    made = Tokenizer.characters([part for row in rows for part in row])
    q, p, a = (made.encode([row[i] for row in rows]) for i in range(3))
    places = [(row[1].index(row[2]), row[1].index(row[2]) + len(row[2]) - 1) for row in rows]
    known = {"vocabulary": made.vocabulary, "tokenizer": made}
    return Questions(Texts(q, **known), Texts(p, **known), answers=torch.tensor(places), right=a[:, None])


def test_questions_that_do_not_fit_are_reported(asked: Questions) -> None:
    def made(**change: Any) -> Questions:
        given = {"x": asked.a, "b": asked.b, "answers": asked.answers, "right": asked.right, **change}
        return Questions(**given)

    outside = asked.answers.clone()
    outside[4] = 43
    for change, error, told in (
        ({"x": asked.a.x}, TypeError, "a is Tensor; expected texts"),
        ({"b": load("tales", n=3)}, ValueError, r"a has \d+ questions and b 3 passages"),
        ({"answers": asked.answers.float()}, TypeError, "answers is torch.float32"),
        ({"answers": asked.answers[:, :1]}, ValueError, "answers has shape"),
        ({"answers": outside}, ValueError, r"answers\[4\] is \[43, 43\], and passage 4 has \d+ words"),
        ({"answers": asked.answers.flip(1) - torch.tensor([0, 1])}, ValueError, r"answers\[0\]"),
        ({"right": asked.right * 0}, ValueError, "question 0 has no right answer"),
        ({"right": asked.right[:, 0]}, ValueError, "right has shape"),
        (
            {"b": replace(asked.b, x=asked.b.x * (torch.arange(len(asked)) != 9)[:, None])},
            ValueError,
            "passage 9 is empty",
        ),
        ({"x": replace(asked.a, x=asked.a.x * 0)}, ValueError, "question 0 is empty"),
        ({"passage": torch.zeros(3).long()}, ValueError, "passage has shape"),
    ):
        with pytest.raises(error, match=told):
            made(**change)
    assert made(right=None).right_answers() == asked.right_answers()


PASSAGE = "The cat sat. A dog saw the cat, and it ran to Köln."


def squad_file(path: Path, answers: list[dict[str, Any]], context: str = PASSAGE, question: str = "Who ran?") -> Path:
    titles = [f"article {i}" for i in range(12)]
    asks = {"id": "q7", "question": question, "answers": answers}
    data = [{"title": t, "paragraphs": [{"context": context, "qas": [asks]}]} for t in titles]
    path.write_text(json.dumps({"data": data, "version": "1.1"}), encoding="utf-8")
    return path


def test_the_offset_decides_and_without_it_the_first(tmp_path: Path) -> None:
    file = squad_file(tmp_path / "xquad.en.json", [{"text": "cat", "answer_start": 27}, {"text": "cat"}])
    _, found = squad(file)
    assert found[0].answers == [(27, "cat"), (4, "cat")]
    data = xquad(tmp_path, "train", None, 0, tokens="characters")
    assert data.answers[0].tolist() == [27, 29]
    assert data.right_answers()[0] == ["cat", "cat"]
    assert data.passage.tolist() == sorted(set(data.passage.tolist()))
    cut = xquad(tmp_path, "train", None, 0, tokens="characters", context=20)
    assert cut.answers[0].tolist() == [-1, -1]
    assert cut.b.shape == (20,)
    assert cut.right_answers() == data.right_answers()
    parts = [
        set(xquad(tmp_path, split, None, 0, tokens="characters").passage.tolist()) for split in ("train", "val", "test")
    ]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 12


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"answers": [{"text": "bird", "answer_start": 4}]},
            r"article 'article 0', question q7: the answer 'bird' does not",
        ),
        (
            {"answers": [{"text": "cat", "answer_start": 5}]},
            "at 5, where answer_start says, stands 'at '; expected 'cat'",
        ),
        ({"answers": [{"text": " ", "answer_start": 3}]}, "q7: an answer is empty"),
        ({"answers": []}, "q7, has no answer"),
        ({"answers": [{"answer_start": 3}]}, r"form of SQuAD 1.1 \(KeyError: 'text'\)"),
        ({"answers": [], "context": " \n"}, "paragraph 0, is empty"),
        ({"answers": [{"text": "cat"}], "question": ""}, "q7, is empty; expected a question"),
    ],
)
def test_damaged_questions_are_reported(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        squad(squad_file(tmp_path / "some.json", **change))


def test_files_that_ask_nothing_are_reported(tmp_path: Path) -> None:
    for content in ("[]", "{", '{"data": 3}', '{"data": [{"paragraphs": 1}]}'):
        (tmp_path / "some.json").write_text(content)
        with pytest.raises(DataError, match=r"some\.json is not in the form of SQuAD 1\.1"):
            squad(tmp_path / "some.json")
    (tmp_path / "some.json").write_text('{"data": []}')
    with pytest.raises(DataError, match="asks no question"):
        squad(tmp_path / "some.json")
    with pytest.raises(ValueError, match="language is 'fr'; xquad has 'en'"):
        xquad(tmp_path, "train", None, 0, language="fr")
    with pytest.raises(ValueError, match="context is 1"):
        xquad(tmp_path, "train", None, 0, context=1)
