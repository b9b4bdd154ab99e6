"""Search: BM25 by hand, ranks by sorting, ties, several right ones, and an index that answers at once."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sslwb import nets
from sslwb.data import Items, Pairs, Questions, Texts, load, questions
from sslwb.data.ranking import as_words, bm25
from sslwb.evaluate import evaluate
from sslwb.evaluate.embedding import WithoutEncoder
from sslwb.tasks import Index, Retrieval, ranks_of


def slow_bm25(queries: list[list[str]], passages: list[list[str]], k1: float, b: float) -> Tensor:
    """Robertson & Zaragoza 2009, equation 3.15, word by word, with Lucene's idf."""
    mean = sum(map(len, passages)) / len(passages)
    rows = []
    for query in queries:
        row = []
        for passage in passages:
            score = 0.0
            for word in query:
                tf = passage.count(word)
                n = sum(word in other for other in passages)
                idf = math.log(1 + (len(passages) - n + 0.5) / (n + 0.5))
                held = (1 - b) + b * len(passage) / mean
                score += idf * tf / (k1 * held + tf) if tf else 0.0
            row.append(score)
        rows.append(row)
    return torch.tensor(rows)


def numbered(texts: list[list[str]]) -> Tensor:
    width = max(map(len, texts), default=0)
    return torch.tensor([[ord(w) for w in text] + [0] * (width - len(text)) for text in texts]).long().view(-1, width)


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.0, 0.5), (2.0, 0.0), (0.9, 1.0)])
def test_bm25_is_what_it_says_word_by_word(k1: float, b: float) -> None:
    draw = random.Random(1)
    passages = [[draw.choice("aabcdefg") for _ in range(draw.randrange(9))] for _ in range(12)]
    passages += [[], ["z"]]
    queries = [[draw.choice("abcdefgxy") for _ in range(draw.randrange(1, 5))] for _ in range(9)] + [["a", "a"], ["x"]]
    got = bm25(numbered(queries), numbered(passages), k1, b)
    assert got.dtype == torch.float32
    assert torch.allclose(got, slow_bm25(queries, passages, k1, b), atol=1e-6)
    assert not got[:, 12].any()  # an empty passage
    assert not got[-1].any()  # no known word
    assert torch.allclose(got[-2], 2 * bm25(numbered([["a"]]), numbered(passages), k1, b)[0])
    assert (got >= 0).all()


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"queries": torch.ones(2, 3)}, TypeError, "queries is torch.float32"),
        ({"passages": torch.ones(2).long()}, ValueError, "passages has shape"),
        ({"passages": torch.ones(0, 2).long()}, ValueError, "passages holds none"),
        ({"k1": -1}, ValueError, "k1 is -1"),
        ({"b": 1.5}, ValueError, "b is 1.5"),
        ({"b": "much"}, TypeError, "b is 'much'"),
    ],
)
def test_what_bm25_cannot_take_is_reported(change: dict[str, Any], error: type[Exception], told: str) -> None:
    given: dict[str, Any] = {"queries": torch.ones(1, 2).long(), "passages": torch.ones(3, 2).long(), **change}
    with pytest.raises(error, match=told):
        bm25(**given)


def test_words_have_one_numbering_for_both_sides() -> None:
    a, b = as_words(["The cat, the CAT!", ""], ["a cat"])
    assert a.tolist() == [[1, 2, 1, 2], [0, 0, 0, 0]]
    assert b.tolist() == [[3, 2]]
    assert [x.shape for x in as_words([], ["", ""])] == [(0, 0), (2, 0)]
    asked, told = as_words(["cat"], ["", ""])
    assert bm25(asked, told).tolist() == [[0, 0]]


def test_a_rank_is_the_place_in_the_sorted_list() -> None:
    g = torch.Generator().manual_seed(0)
    scores, right = torch.randn(50, 20, generator=g), torch.rand(50, 20, generator=g) < 0.15
    right[:, 3] |= ~right.any(1)
    for row, rank in enumerate(ranks_of(scores, right).tolist()):
        order = scores[row].argsort(descending=True).tolist()
        assert rank == 1 + next(place for place, i in enumerate(order) if right[row, i])


def test_what_is_tied_counts_as_where_it_stands_on_average() -> None:
    draw = random.Random(0)
    for wrong, right in ((9, 1), (5, 2), (4, 4), (0, 3)):
        scores, mask = torch.zeros(1, wrong + right), torch.tensor([[False] * wrong + [True] * right])
        kinds = mask[0].tolist()
        shuffled = [1 + draw.sample(kinds, len(kinds)).index(True) for _ in range(8000)]
        assert float(ranks_of(scores, mask)) == pytest.approx(1 + wrong / (right + 1))
        assert sum(shuffled) / len(shuffled) == pytest.approx(1 + wrong / (right + 1), rel=0.04)
    behind = ranks_of(torch.tensor([[3.0, 2.0, 2.0, 1.0]]), torch.tensor([[False, True, False, True]]))
    assert behind.tolist() == [2.5]


@pytest.mark.parametrize(
    ("right", "told"),
    [
        (torch.zeros(2, 3, dtype=torch.bool), "query 0 has no right candidate"),
        (torch.ones(2, 3), "right is torch.float32"),
        (torch.ones(2, 4, dtype=torch.bool), r"shape \(2, 3\) and right"),
    ],
)
def test_ranks_that_cannot_be_are_reported(right: Tensor, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ranks_of(torch.zeros(2, 3), right)


# ── the index


def test_an_index_finds_what_sorting_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    from sslwb.tasks import retrieval

    g = torch.Generator().manual_seed(0)
    z, q = torch.randn(300, 8, generator=g), torch.randn(7, 8, generator=g)
    index = Index(3 * z)
    cosines = torch.nn.functional.cosine_similarity(q[:, None], z[None], dim=2)
    for scores in (1 << 24, 700):  # a chunk of two queries
        monkeypatch.setattr(retrieval, "SCORES", scores)
        best, rows = index.search(q, 5)
        assert torch.equal(rows, cosines.argsort(1, descending=True)[:, :5])
        assert torch.allclose(best, cosines.gather(1, rows), atol=1e-6)
    assert [tuple(t.shape) for t in index.search(q[0], 1000)] == [(1, 300), (1, 300)]
    assert len(index) == 300
    assert not Index(torch.zeros(2, 3)).search(torch.ones(3), 2)[0].any()


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: Index(torch.zeros(0, 3)), ValueError, "z has shape"),
        (lambda: Index(torch.full((2, 3), torch.nan)), ValueError, "z has NaN"),
        (
            lambda: Index(torch.ones(2, 3)).search(torch.ones(1, 4)),
            ValueError,
            "queries have 4 numbers and what is kept 3",
        ),
        (lambda: Index(torch.ones(2, 3)).search(torch.ones(3), 0), ValueError, "k is 0"),
        (lambda: Index(torch.ones(2, 3)).search(torch.ones(3), 1.5), TypeError, "k is 1.5"),
        (lambda: Index("words"), TypeError, "z is"),
    ],
)
def test_a_wrong_use_of_an_index_is_reported(call: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        call()


def test_a_hundred_thousand_are_searched_at_once() -> None:
    index = Index(torch.randn(100_000, 256, generator=torch.Generator().manual_seed(0)))
    query = index.z[77] + 0.01
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        _, rows = index.search(query, 10)
        seconds.append(time.perf_counter() - began)
        assert rows[0, 0] == 77
    assert min(seconds) < 0.5  # measured: 0.02 on one thread; the rest is room for a slower machine


# ── the task


class Table(nn.Module):
    """An encoder that gives each text the embedding of its first word."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.dim = table.shape[1]
        self.register_buffer("table", table)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.table[tokens[:, 0]]


def texts(rows: list[list[int]]) -> Texts:
    return Texts(torch.tensor(rows), vocabulary=tuple(f"w{i}" for i in range(40)), name="some")


def test_who_knows_the_pairs_scores_full_marks_and_who_knows_nothing_does_not() -> None:
    pairs = Pairs(texts([[i] for i in range(3, 15)]), texts([[i + 12] for i in range(3, 15)]))
    knows = torch.zeros(40, 12)
    knows[3:15] = knows[15:27] = torch.eye(12)
    task = Retrieval()
    assert task(Table(knows), pairs, pairs) == {"MRR": 1, "recall@1": 1, "recall@5": 1, "recall@10": 1}
    same = task(Table(torch.ones(40, 12)), pairs, pairs)  # every rank is 6.5
    assert same == {"MRR": pytest.approx(1 / 6.5), "recall@1": 0, "recall@5": 0, "recall@10": 1}
    noise = task(Table(torch.randn(40, 64, generator=torch.Generator().manual_seed(0))), pairs, pairs)
    assert noise["recall@1"] < 0.4
    # without an encoder the two sides have no word in common, so that all is tied
    assert task(WithoutEncoder(1), pairs, pairs) == same


def test_a_passage_that_several_ask_for_is_searched_once() -> None:
    asks, told = texts([[3], [4], [5]]), texts([[10, 11], [10, 11], [12, 13]])
    data = Questions(asks, told, answers=torch.zeros(3, 2).long(), passage=torch.tensor([8, 8, 2]))
    table = torch.zeros(40, 2)
    table[3], table[4], table[5] = torch.tensor([[1.0, 0], [0, 1], [0, 1]])
    table[10], table[12] = torch.tensor([[1.0, 0], [0, 1]])
    assert Retrieval()(Table(table), data, data)["MRR"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert Retrieval()(Table(table), data, data[1:])["recall@1"] == 0.5
    assert Retrieval()(Table(table), data, data[:2]) == dict.fromkeys(("MRR", "recall@1", "recall@5", "recall@10"), 1)


def test_items_of_one_label_find_each_other_and_never_themselves() -> None:
    data = Items(torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [0.9, 0.2], [5, 5]]), torch.tensor([0, 0, 1, 1, 7]))
    got = Retrieval()(WithoutEncoder(2), data, data)
    # 0 and 1 find each other first; 2 has 3 behind 4; 3 has 2 last; 4 is alone and asks nothing
    assert got["MRR"] == pytest.approx((1 + 1 + 1 / 2 + 1 / 4) / 4)
    assert got["recall@1"] == 0.5
    with pytest.raises(ValueError, match="no query has a right candidate"):
        Retrieval()(WithoutEncoder(2), data, data[1:3])
    with pytest.raises(ValueError, match=r"no labels \(y is None\)"):
        Retrieval()(WithoutEncoder(2), data, Items(data.x))


def test_texts_are_ranked_by_bm25_and_other_things_by_cosine() -> None:
    tales = load("tales", n=40, seed=3)
    queries, passages = as_words(tales.lines(), tales.lines())
    assert torch.equal(tales.alike(tales), bm25(queries, passages))
    shapes = load("shapes", n=5)
    cosine = shapes.alike(shapes)
    assert torch.allclose(cosine.diagonal(), torch.ones(5), atol=1e-5)
    assert Retrieval()(WithoutEncoder(1), tales, tales)["MRR"] > 0.6


def test_the_table_has_its_baselines_and_its_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path))
    train, test = (questions(load("tales", split, n=80, seed=3)) for split in ("train", "val"))
    encoder = nets.bert(len(train.a.vocabulary), 80, 16, 1, 2, seed=1)
    scores = evaluate(encoder, train, test, task=Retrieval(steps=5))
    assert list(scores.rows) == ["shared words", "random encoder", "this encoder", "supervised"]
    one_sided = evaluate(encoder, load("tales", n=60), load("tales", "val", n=60), task=Retrieval(steps=5))
    assert list(one_sided.rows) == ["word counts", "random encoder", "this encoder", "supervised"]
    for row in (*scores.rows.values(), *one_sided.rows.values()):
        assert list(row) == ["MRR", "recall@1", "recall@5", "recall@10"]


def test_the_control_learns_what_belongs_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path))
    g = torch.Generator().manual_seed(0)
    words = torch.randint(3, 15, (400, 2), generator=g)
    pairs = Pairs(texts(words.tolist()), texts((words + 12).tolist()))  # each word has another one on the other side
    task = Retrieval(steps=120)
    encoder = nets.bert(40, 4, 32, 1, 2, seed=1)
    before, after = task(encoder, pairs, pairs[:40]), task(task.control(encoder, pairs), pairs, pairs[:40])
    assert after["MRR"] > 0.8 > 0.5 > before["MRR"]
