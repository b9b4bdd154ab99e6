"""Exercises on search and on answers: BM25, and the F1 of two texts' words. Lessons 22 and 23."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sslwb.check.report import Report, drawn, judge, variations

TOLD = ("cat", "dog", "saw", "ran", "home", "tree", "red", "old")


def bm25(f: Any) -> Report:
    """Check `f(queries, passages, k1, b)` → (Q, P), how well each passage answers each query.

    queries (Q, V) and passages (P, V) hold how often each of V words stands in each text, float64. The score is the sum
    over the words of the query, each as often as it stands there, of idf · tf / (tf + k1 · B) with

        B    1 - b + b · words of the passage / mean of that over the passages
        idf  ln(1 + (P - n + ½) / (n + ½)), n: how many passages have the word

    Source: Robertson & Zaragoza 2009, section 3.4, with the idf of Lucene.
    """

    def has(x: Tensor) -> Tensor:
        return (x > 0).double()

    def varied(
        queries: Tensor,
        passages: Tensor,
        k1: float,
        b: float,
        idf: Callable[[Tensor, int], Tensor] = lambda n, p: torch.log1p((p - n + 0.5) / (n + 0.5)),
        counted: Callable[[Tensor], Tensor] = lambda x: has(x).sum(0),
        asked: Callable[[Tensor], Tensor] = lambda q: q,
        words: Callable[[Tensor], Tensor] = lambda x: x.sum(1),
        ratio: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda length, x, q: length / length.mean(),
        held: Callable[[Tensor, float], Tensor] = lambda r, b: 1 - b + b * r,
        tamed: Callable[[Tensor, Tensor, float], Tensor] = lambda tf, held, k1: tf / (tf + k1 * held),
    ) -> Tensor:
        weight = idf(counted(passages), len(passages))
        longer = held(ratio(words(passages), passages, queries), b)[:, None]
        part = torch.where(passages > 0, tamed(passages, longer, k1), 0)
        return asked(queries) @ (part * weight).T

    hints: dict[str, Mapping[str, Any]] = {
        "The idf is missing: a word that stands in every passage counts like one that stands in one.": {
            "idf": lambda n, p: torch.ones_like(n)
        },
        "The 1 inside the logarithm is missing: a word of more than half of the passages then counts against them. "
        "ln(1 + …).": {"idf": lambda n, p: ((p - n + 0.5) / (n + 0.5)).log()},
        "This idf is ln(P / n), that of tf-idf: ln(1 + (P - n + ½) / (n + ½)) is asked for.": {
            "idf": lambda n, p: (p / n.clamp_min(1)).log()
        },
        "The halves are missing in the idf: (P - n + ½) / (n + ½).": {
            "idf": lambda n, p: torch.log1p((p - n) / n.clamp_min(1e-12))
        },
        "The idf is turned over: frequent words count most. P - n stands above, n below.": {
            "idf": lambda n, p: torch.log1p((n + 0.5) / (p - n + 0.5))
        },
        "The idf is in bits (log2): the natural logarithm is asked for.": {
            "idf": lambda n, p: torch.log2(1 + (p - n + 0.5) / (n + 0.5))
        },
        "n counts how often a word stands in all passages together: it is how many passages have the word, "
        "(passages > 0).sum(0).": {"counted": lambda x: x.sum(0)},
        "A word that the query says twice counts once: multiply with how often it stands there.": {"asked": has},
        "The words of a passage are counted once each: its length is how many words it has, passages.sum(1).": {
            "words": lambda x: has(x).sum(1)
        },
        "The length is not divided by the mean length of the passages.": {"ratio": lambda n, x, q: n},
        "The ratio of the lengths is turned over: words of the passage over the mean.": {
            "ratio": lambda n, x, q: n.mean() / n.clamp_min(1e-12)
        },
        "The length is divided by the mean length of the queries: the mean over the passages is meant.": {
            "ratio": lambda n, x, q: n / q.sum(1).mean()
        },
        "The length is divided by the longest passage: the mean is meant.": {"ratio": lambda n, x, q: n / n.max()},
        "b and 1 - b are exchanged: 1 - b + b · length / mean.": {"held": lambda r, b: b + (1 - b) * r},
        "Long passages are not held back: k1 is multiplied with B = 1 - b + b · length / mean.": {
            "held": lambda r, b: torch.ones_like(r)
        },
        "The 1 - b is missing in B: 1 - b + b · length / mean.": {"held": lambda r, b: b * r},
        "Long passages are held back as with b = 1: B is 1 - b + b · length / mean.": {"held": lambda r, b: r},
        "The frequencies are not tamed: ten times the word counts ten times. tf / (tf + k1 · B).": {
            "tamed": lambda tf, held, k1: tf
        },
        "Whether the word is there is all that counts here: tf / (tf + k1 · B) says how often, too.": {
            "tamed": lambda tf, held, k1: has(tf)
        },
        "The factor k1 + 1 stands above: it changes no order, and this exercise leaves it out.": {
            "tamed": lambda tf, held, k1: tf * (k1 + 1) / (tf + k1 * held)
        },
        "The frequency is missing below: tf / (tf + k1 · B), not tf / (k1 · B).": {
            "tamed": lambda tf, held, k1: tf / (k1 * held)
        },
        "k1 is missing: tf / (tf + k1 · B), not tf / (tf + B).": {"tamed": lambda tf, held, k1: tf / (tf + held)},
        "B stands outside: it is multiplied with k1 below, tf / (tf + k1 · B).": {
            "tamed": lambda tf, held, k1: tf / (tf + k1) / held
        },
        "k1 and B are added: below stands tf + k1 · B.": {"tamed": lambda tf, held, k1: tf / (tf + k1 + held)},
        "The logarithm of the frequency stands here, as in some kinds of tf-idf: tf / (tf + k1 · B).": {
            "tamed": lambda tf, held, k1: tf.log1p()
        },
    }

    def draw(g: torch.Generator, Q: int, P: int, V: int, k1: float, b: float) -> tuple[Any, ...]:
        share = 0.15 + 0.6 * torch.rand(V, generator=g)  # some words are everywhere, some nearly nowhere
        passages = torch.poisson(3 * share.expand(P, V), generator=g).double()
        passages[:, 0] = 1 + torch.poisson(torch.ones(P), generator=g)  # in each
        passages[:, 1] = 0  # in none
        passages[2] = 0  # an empty passage
        queries = torch.poisson(0.8 * torch.ones(Q, V), generator=g).double()
        queries[:, 0], queries[0] = 2, 0  # a word twice; and a query without a word
        return queries, passages, k1, b

    sizes = ((4, 9, 12, 1.2, 0.75), (3, 6, 20, 0.9, 0.4), (5, 14, 8, 2.0, 0.6))
    trials = drawn(
        draw,
        "{Q} queries, {P} passages and {V} words, k1 = {k1}, b = {b}",
        *(dict(zip(["Q", "P", "V", "k1", "b"], size, strict=True)) for size in sizes),
    )
    return judge(
        "bm25",
        f,
        varied,
        trials,
        variations(varied, hints),
        arguments=("queries", "passages", "k1", "b"),
        agrees_with="sslwb.data.ranking.bm25",
        explain=lambda error, _: (
            "Queries are (Q, V) and passages (P, V): queries @ weights.T gives (Q, P)."
            if "multiplied" in str(error)
            else ""
        ),
    )


def span_f1(f: Any) -> Report:
    """Check `f(answer, right)` → 0 to 1, the F1 of the words of an answer: a str, and a list of right ones.

    All are normalised already, and words are what stands between blanks. Shared words count as often as they stand in
    both. F1 = 2 · precision · recall / (precision + recall), of the right answers the best; 0 where no word is shared.
    Source: Rajpurkar et al. 2016, SQuAD 1.1's evaluation script.
    """

    def many(a: Sequence[str], b: Sequence[str]) -> float:
        return sum((Counter(a) & Counter(b)).values())

    def mean(shared: float, a: Sequence[str], b: Sequence[str]) -> float:
        p, r = shared / len(a), shared / len(b)
        return 2 * p * r / (p + r)

    def varied(
        answer: str,
        right: Sequence[str],
        cut: Callable[[str], Sequence[str]] = str.split,
        shared: Callable[[Sequence[str], Sequence[str]], float] = many,
        of: Callable[[float, Sequence[str], Sequence[str]], float] = mean,
        over: Callable[[list[float]], float] = max,
        join: bool = False,
        none: Callable[[Sequence[str], Sequence[str]], float] = lambda a, b: 0.0,
    ) -> float:
        found = []
        for one in [" ".join(right)] if join else right:
            a, b = cut(answer), cut(one)
            count = shared(a, b)
            found.append(of(count, a, b) if count else none(a, b))
        return over(found)

    hints: dict[str, Mapping[str, Any]] = {
        "Each word counts once, however often it stands there: a set forgets that. Counter(a) & Counter(b) keeps it.": {
            "shared": lambda a, b: len(set(a) & set(b))
        },
        "A word of the answer that stands there twice is found twice in a right answer that has it once: "
        "Counter(a) & Counter(b) takes the smaller number.": {"shared": lambda a, b: sum(word in b for word in a)},
        "A word of the right answer that stands there twice is found twice in an answer that has it once: "
        "Counter(a) & Counter(b) takes the smaller number.": {"shared": lambda a, b: sum(word in a for word in b)},
        "A word counts where it stands at the same place in both alone: the order does not matter.": {
            "shared": lambda a, b: sum(x == y for x, y in zip(a, b, strict=False))
        },
        "You took the mean over the right answers: one that fits is enough, so take the best.": {
            "over": lambda found: sum(found) / len(found)
        },
        "You took the worst of the right answers: take the best.": {"over": min},
        "Only the first right answer is looked at: take the best of all.": {"over": lambda found: found[0]},
        "Only the last right answer is looked at: take the best of all.": {"over": lambda found: found[-1]},
        "You added up the right answers: take the best.": {"over": sum},
        "All right answers are joined to one text: compare with each, and take the best.": {"join": True},
        "This is the precision alone, the share of the answer's words that are right: F1 asks for the recall too.": {
            "of": lambda s, a, b: s / len(a)
        },
        "This is the recall alone, the share of the right words that are found: F1 asks for the precision too.": {
            "of": lambda s, a, b: s / len(b)
        },
        "This is the plain mean of precision and recall: F1 is their harmonic mean, 2 · p · r / (p + r).": {
            "of": lambda s, a, b: (s / len(a) + s / len(b)) / 2
        },
        "The factor 2 is missing: 2 · p · r / (p + r).": {"of": lambda s, a, b: mean(s, a, b) / 2},
        "Precision and recall are multiplied: F1 is 2 · p · r / (p + r).": {
            "of": lambda s, a, b: s * s / len(a) / len(b)
        },
        "This is the root of precision times recall: F1 is 2 · p · r / (p + r).": {
            "of": lambda s, a, b: s / (len(a) * len(b)) ** 0.5
        },
        "This is the share of shared words among all words of both (Jaccard): F1 is 2 · p · r / (p + r).": {
            "of": lambda s, a, b: s / (len(a) + len(b) - s)
        },
        "This is whether both are the same (exact match): F1 counts shared words.": {
            "of": lambda s, a, b: float(list(a) == list(b))
        },
        "This is in per cent: F1 runs from 0 to 1.": {"of": lambda s, a, b: 100 * mean(s, a, b)},
        "Letters are counted, not words: .split() cuts a text into words.": {"cut": list},
        "Two texts without a word get 1: where no word is shared, it is 0, as in SQuAD's script.": {
            "none": lambda a, b: float(not a and not b)
        },
    }

    def draw(g: torch.Generator, words: int, answers: int) -> tuple[Any, ...]:
        def text(size: int) -> str:
            return " ".join(TOLD[i] for i in torch.randint(len(TOLD) - 3, (size,), generator=g).tolist())

        lengths = torch.randint(1, words + 3, (answers,), generator=g).tolist()
        return text(words), [text(length) for length in lengths]

    trials = drawn(
        draw,
        "an answer of {words} words and {answers} right one(s)",
        *(
            {"words": w, "answers": a}
            for w, a in ((3, 1), (5, 1), (6, 3), (4, 2), (1, 4), (7, 2), (0, 1), (0, 2), (5, 3))
        ),
    )
    apart = drawn(
        lambda g, said, right: (said, list(right)),
        "{said!r} and {right}",
        {"said": "red dog", "right": ("old tree",)},
        {"said": "cat cat dog", "right": ("cat", "dog dog cat")},
        {"said": "", "right": ("",)},
        {"said": "dog cat", "right": ("tree", "cat dog")},
    )
    return judge(
        "span_f1",
        f,
        varied,
        [*trials, *apart],
        variations(varied, hints),
        arguments=("answer", "right"),
        agrees_with="sslwb.tasks.f1",
        tolerance=1e-6,
        explain=lambda error, _: (
            "Where no word is shared, precision and recall are 0, and so is what you divide by: return 0 there."
            if isinstance(error, ZeroDivisionError)
            else "A text has no words yet: .split() makes a list of them."
            if "unsupported operand" in str(error)
            else ""
        ),
    )
