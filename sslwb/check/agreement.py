"""Exercises on how alike two rankings and two representations are. Lesson 17."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb import geometry
from sslwb.check.report import Mistake, Report, Trial, drawn, judge, variations

Change = Callable[[Tensor], Tensor]
Two = Callable[[Tensor, Tensor], Tensor]  # of the ranks of both, or of both representations


def rank_correlation(f: Any) -> Report:
    """Check `f(a, b)`: (N,), (N,) → scalar, -1 to 1, Spearman's correlation of their ranks; equal values share the
    mean of their ranks. Source: Spearman 1904."""
    from scipy.stats import spearmanr  # takes a second to load

    def tested(a: Tensor, b: Tensor) -> tuple[float, float]:
        if any(len(x.unique()) < 2 for x in (a, b)):
            raise ValueError("where all values are equal, nothing is ranked")
        rho, p = spearmanr(a.numpy(), b.numpy())
        return float(rho), float(p)

    def varied(
        a: Tensor,
        b: Tensor,
        rank: Callable[[Tensor], Tensor] = _shared,
        ranked: str = "ab",
        turned: bool = False,
        of: Two = _correlation,
        after: Callable[[Tensor], Tensor] = lambda v: v,
    ) -> Tensor:
        b = -b if turned else b
        a, b = (rank(x) if name in ranked else x for name, x in (("a", a), ("b", b)))
        return after(of(a.double(), b.double()))

    means = "Equal values share the mean of their ranks: two that stand at 3 and 4 both get 3.5"
    deviations = "divide by the standard deviations of both"
    ranks: dict[str, Mapping[str, Any]] = {
        "This is Pearson's correlation, of the values themselves. Put the rank of each value in its place first.": {
            "rank": lambda x: x
        },
        "One argsort gives the places of the smallest value, of the next …: an order, not ranks. The rank of each "
        "value is argsort of that once more; then look after equal values.": {
            "rank": lambda x: x.argsort(stable=True) + 1
        },
        "One argsort, from the largest on, gives an order, not ranks. The rank of each value is argsort of that once "
        "more; then look after equal values.": {"rank": lambda x: x.argsort(stable=True, descending=True) + 1},
        f"{means}. Yours get different ones, by the place where they stand, as argsort of argsort gives them.": {
            "rank": lambda x: x.argsort(stable=True).argsort() + 1
        },
        f"{means}. Yours get different ones, the last the smallest, as argsort from the largest on gives them.": {
            "rank": lambda x: x.flip(0).argsort(stable=True).argsort().flip(0) + 1
        },
        f"{means}. Yours all get the smallest of these ranks: you counted the smaller values only.": {
            "rank": lambda x: _below(x) + 1
        },
        f"{means}. Yours all get the largest of these ranks: you counted the values that are smaller or equal.": {
            "rank": lambda x: _below(x) + _equal(x)
        },
        f"{means}, and the next value gets 5. You numbered the different values (torch.unique), so no rank is "
        "skipped after equal ones.": {"rank": lambda x: x.unique(return_inverse=True)[1] + 1},
        "You sorted both: then it is lost which value of a and which of b belong to one item. Each value keeps its "
        "place, and its rank stands there.": {"rank": lambda x: x.sort().values},
        "Only `a` is turned into ranks: do the same with `b`.": {"ranked": "a"},
        "Only `b` is turned into ranks: do the same with `a`.": {"ranked": "b"},
        "The sign is turned round. Are the ranks of one of the two counted from the largest value on, and those of the "
        "other from the smallest?": {"turned": True},
    }
    correlations: dict[str, Mapping[str, Any]] = {
        f"This is the covariance of the ranks: {deviations}.": {"of": lambda a, b: _covariance(a, b)},
        f"This is the covariance of the ranks, over N - 1: {deviations}.": {"of": lambda a, b: _covariance(a, b, 1)},
        f"You added up the products of the centred ranks: take their mean, and {deviations}.": {
            "of": lambda a, b: _covariance(a, b) * len(a)
        },
        "The covariance divides by N - 1 and the standard deviations by N, so two equal rankings give more than 1: "
        "use the same in both, N or N - 1.": {"of": lambda a, b: _covariance(a, b, 1) / (_std(a) * _std(b))},
        "The covariance divides by N and the standard deviations by N - 1, so two equal rankings never reach 1: use "
        "the same in both, ranks.std(correction=0).": {
            "of": lambda a, b: _covariance(a, b) / (_std(a, 1) * _std(b, 1))
        },
        "You added up the products of the centred ranks: take their mean, over N - 1 as in your standard deviations.": {
            "of": lambda a, b: _covariance(a, b) * len(a) / (_std(a, 1) * _std(b, 1))
        },
        **{
            f"You divided by the variance of `{name}`'s ranks, which gives the slope of a line: divide by both "
            "standard deviations.": {"of": lambda a, b, k=k: _covariance(a, b) / _std((a, b)[k]) ** 2}
            for k, name in enumerate("ab")
        },
        **{
            f"You divided by {what}{over}.": {"of": lambda a, b, by=by, c=c: _covariance(a, b, c) / by(a, b, c)}
            for what, by in {
                "the standard deviation of `a`'s ranks only: divide by that of `b`'s ranks too": (
                    lambda a, b, c: _std(a, c)
                ),
                "the standard deviation of `b`'s ranks only: divide by that of `a`'s ranks too": (
                    lambda a, b, c: _std(b, c)
                ),
                "both variances: their roots, the standard deviations, are asked for": (
                    lambda a, b, c: (_std(a, c) * _std(b, c)) ** 2
                ),
                "one standard deviation and multiplied by the other: brackets are missing, x / (s * t)": (
                    lambda a, b, c: _std(a, c) / _std(b, c)
                ),
            }.items()
            for c, over in ((0, ""), (1, " (all of it over N - 1)"))
        },
        "The mean rank was not taken off: this is the cosine of two lists of positive numbers, which is never below "
        "0.": {"of": lambda a, b: F.cosine_similarity(a, b, dim=0)},
        "The mean rank was not taken off: this is the cosine of two lists of ranks from 0 on, which is never below "
        "0.": {"of": lambda a, b: F.cosine_similarity(a - 1, b - 1, dim=0)},
        "This is the whole table of correlations, (2, 2): the number asked for stands at [0, 1].": {
            "of": lambda a, b: torch.stack([a, b]).corrcoef()
        },
    }
    short: dict[str, Mapping[str, Any]] = {
        "1 - 6 Σd² / (N (N² - 1)) is a short form that only holds where no two values are equal. Take the correlation "
        "of the ranks: their covariance, divided by both standard deviations.": {"of": _short},
        "Yours is always 1. Either the differences of the ranks were not squared before the sum, and alone they add up "
        "to 0; or a ranking is compared with itself, as at [0, 0] in a table of correlations.": {
            "of": lambda a, b: torch.tensor(1.0)
        },
        "You added up the absolute differences of the ranks: square them.": {"of": lambda a, b: _short(a, b, power=1)},
        "This is Spearman's footrule, 1 - 3 Σ|d| / (N² - 1): with squared differences, or the correlation of the "
        "ranks.": {"of": lambda a, b: 1 - 3 * (a - b).abs().sum() / (len(a) ** 2 - 1)},
        "The 6 before the sum of squared differences is missing.": {"of": lambda a, b: _short(a, b, factor=1)},
        "The 1 - is missing: the more the ranks differ, the smaller the correlation.": {
            "of": lambda a, b: 1 - _short(a, b)
        },
        "You took the mean of the squared differences: the short form has their sum, as N stands below the line.": {
            "of": lambda a, b: _short(a, b, factor=6 / len(a))
        },
        **{
            f"You divided by {what}: below the line stands N (N² - 1), or take the correlation of the ranks.": {
                "of": lambda a, b, n=n: _short(a, b, below=n)
            }
            for what, n in {
                "N² - 1": lambda n: n**2 - 1,
                "N only, and multiplied by N² - 1, as brackets are missing": lambda n: n / (n**2 - 1),
                "N³": lambda n: n**3,
                "N³ - 1": lambda n: n**3 - 1,
                "N (N - 1)": lambda n: n * (n - 1),
                "N² (N - 1)": lambda n: n**2 * (n - 1),
                "N (N² + 1)": lambda n: n * (n**2 + 1),
                "N (N - 1)²": lambda n: n * (n - 1) ** 2,
            }.items()
        },
    }
    others: dict[str, Mapping[str, Any]] = {
        "This is Kendall's tau, which counts pairs in the same order and in the other: the correlation of the ranks is "
        "asked for.": {"of": lambda a, b: _pairs(a, b).sum() / (_pairs(a, a).sum() * _pairs(b, b).sum()).sqrt()},
        "This is Kendall's tau, over all pairs: the correlation of the ranks is asked for.": {
            "of": lambda a, b: _pairs(a, b).sum() / (len(a) * (len(a) - 1))
        },
        "This is Goodman and Kruskal's gamma, of the pairs that are not tied: the correlation of the ranks is asked "
        "for.": {"of": lambda a, b: _pairs(a, b).sum() / _pairs(a, b).abs().sum()},
        "This is the share of pairs that both put in the same order: the correlation of the ranks is asked for.": {
            "of": lambda a, b: (_pairs(a, b) > 0).sum() / (len(a) * (len(a) - 1))
        },
        "This is the share of items with the same rank in both: the correlation of the ranks is asked for.": {
            "of": lambda a, b: (a == b).double().mean()
        },
        "You squared the correlation: with its sign it says whether the two agree or contradict each other.": {
            "after": torch.square
        },
        "You took the absolute value: the sign says whether the two agree or contradict each other.": {
            "after": torch.abs
        },
    }
    p_value = Mistake(
        "This is the p-value of a test: the correlation itself is asked for.", lambda a, b: tested(a, b)[1]
    )

    def draw(g: torch.Generator, N: int, way: str, ties: str) -> tuple[Any, ...]:
        a = torch.randn(N, generator=g)
        b = torch.randn(N, generator=g) + (a if way == "together" else -a)
        return tuple(_tied(x, g) if ties in (name, "both") else x for name, x in (("a", a.exp()), ("b", b)))

    trials = drawn(
        draw,
        "N = {N} values that run {way}, equal ones in {ties}",
        {"N": 8, "way": "together", "ties": "neither"},
        {"N": 6, "way": "against each other", "ties": "neither"},
        {"N": 11, "way": "against each other", "ties": "a"},
        {"N": 9, "way": "together", "ties": "b"},
        {"N": 16, "way": "against each other", "ties": "both"},
    )
    suspicion = f"It is right where no two values are equal, and wrong where some are. {means}."
    return judge(
        "rank_correlation",
        f,
        lambda a, b: tested(a, b)[0],
        [trial if trial.setting["ties"] == "neither" else replace(trial, suspicion=suspicion) for trial in trials],
        [*variations(varied, {**ranks, **correlations, **short, **others}), p_value],
        arguments=("a", "b"),
        agrees_with="scipy.stats.spearmanr",
        explain=_whole_numbers,
    )


def linear_cka(f: Any) -> Report:
    """Check `f(a, b)`: (N, D1), (N, D2) → scalar, 0 to 1: ‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖), Frobenius norms, each column's mean
    taken off first; against `geometry.linear_cka`. Source: Kornblith et al. 2019."""

    def same(z: Tensor) -> Tensor:
        return z

    def over_items(z: Tensor) -> Tensor:
        return z - z.mean(0)

    def over_features(z: Tensor) -> Tensor:
        return z - z.mean(1, keepdim=True)

    def rows(z: Tensor) -> Tensor:
        return F.normalize(z, dim=1)

    def varied(
        a: Tensor,
        b: Tensor,
        before: Change = same,
        centre: tuple[Change, Change, Change, Change] = (over_items,) * 4,  # a and b above the line, and below it
        then: Change = same,
        above: Two = lambda a, b: _size(a.T @ b) ** 2,
        below: Two = lambda a, b: _size(a.T @ a) * _size(b.T @ b),
        after: Callable[[Tensor, int], Tensor] = lambda v, n: v,
    ) -> Tensor:
        a1, b1, a2, b2 = (then(c(before(z.double()))) for c, z in zip(centre, (a, b, a, b), strict=True))
        return after(above(a1, b1) / below(a2, b2), len(a))

    first = "Take the mean over the items off each column of a and of b first, a - a.mean(0)"
    centring: dict[str, Mapping[str, Any]] = {
        f"{first}. Nothing was taken off, so what counts most is how far both lie from 0.": {"centre": (same,) * 4},
        f"{first}. With dim=1 you took each item's own mean over its features off.": {"centre": (over_features,) * 4},
        f"{first}. You took one mean off, that of all numbers.": {"centre": (lambda z: z - z.mean(),) * 4},
        f"{first}. You took the means of items and of columns off: those of the columns are enough.": {
            "centre": (lambda z: over_features(over_items(z)),) * 4
        },
        f"{first}. Only `a` has it taken off.": {"centre": (over_items, same, over_items, same)},
        f"{first}. Only `b` has it taken off.": {"centre": (same, over_items, same, over_items)},
        f"{first}. Above the line it is taken off, below it is not.": {"centre": (over_items, over_items, same, same)},
        f"{first}. Below the line it is taken off, above it is not.": {"centre": (same, same, over_items, over_items)},
        "You divided each column by its standard deviation too: take only its mean off. A feature that varies more "
        "counts more.": {"then": lambda z: z / z.std(0)},
        "You gave each column the length 1: take only its mean off. A feature that varies more counts more.": {
            "before": lambda z: F.normalize(z, dim=0)
        },
        "You gave each row the length 1 first: an item that lies far out counts more here, so only the columns' means "
        "are taken off.": {"before": rows},
        "You gave each row the length 1 after the mean was taken off: an item that lies far out counts more here.": {
            "then": rows
        },
        "You made all directions equally strong (whitening): take only the columns' means off. What is left then is "
        "CCA, where a weak direction counts as much as a strong one.": {
            "then": lambda z: torch.linalg.svd(z, full_matrices=False)[0]
        },
    }
    numerator: dict[str, Mapping[str, Any]] = {
        "The norm above the line is not squared: ‖AᵀB‖².": {"above": lambda a, b: _size(a.T @ b)},
        "You added up the entries of AᵀB: its norm squares each of them first.": {
            "above": lambda a, b: (a.T @ b).sum()
        },
        "You added up the entries of AᵀB and squared the sum: square each of them first, then add up.": {
            "above": lambda a, b: (a.T @ b).sum() ** 2
        },
        "You added up the absolute entries of AᵀB: its Frobenius norm squares each of them.": {
            "above": lambda a, b: (a.T @ b).abs().sum()
        },
        "You added up the absolute entries of AᵀB and squared the sum: square each of them first, then add up.": {
            "above": lambda a, b: (a.T @ b).abs().sum() ** 2
        },
        "You took the mean of the squared entries of AᵀB: take their sum.": {
            "above": lambda a, b: (a.T @ b).square().mean()
        },
        "Above the line stands another norm (the largest singular value, as ord=2 gives it): the Frobenius norm adds "
        "up all squared entries.": {"above": lambda a, b: torch.linalg.matrix_norm(a.T @ b, 2) ** 2},
        "Above the line stands another norm (the sum of the singular values, 'nuc'): the Frobenius norm adds up all "
        "squared entries.": {"above": lambda a, b: torch.linalg.matrix_norm(a.T @ b, "nuc") ** 2},
        "Above the line stands another norm, of a vector for each column or row (dim=…): one number for the whole "
        "matrix AᵀB is asked for.": {"above": lambda a, b: (a.T @ b).norm(dim=0).sum() ** 2},
    }
    denominator: dict[str, Mapping[str, Any]] = {
        "Below the line stand the norms of the products, ‖AᵀA‖ · ‖BᵀB‖. You took ‖A‖ · ‖B‖, of a and b themselves.": {
            "below": lambda a, b: _size(a) * _size(b)
        },
        "Below the line stand the Frobenius norms of AᵀA and BᵀB. You took ‖A‖² · ‖B‖², which are their traces: only "
        "the entries on the diagonal count there.": {"below": lambda a, b: (_size(a) * _size(b)) ** 2},
        "Below the line the norms are not squared: ‖AᵀA‖ · ‖BᵀB‖.": {
            "below": lambda a, b: (_size(a.T @ a) * _size(b.T @ b)) ** 2
        },
        "You took the root below the line: ‖AᵀA‖ · ‖BᵀB‖ as it is.": {
            "below": lambda a, b: (_size(a.T @ a) * _size(b.T @ b)).sqrt()
        },
        "‖BᵀB‖ is missing below the line: you divided by ‖AᵀA‖ only.": {"below": lambda a, b: _size(a.T @ a)},
        "‖AᵀA‖ is missing below the line: you divided by ‖BᵀB‖ only.": {"below": lambda a, b: _size(b.T @ b)},
        "Below the line ‖AᵀA‖ stands twice: one of them is ‖BᵀB‖.": {"below": lambda a, b: _size(a.T @ a) ** 2},
        "Below the line ‖BᵀB‖ stands twice: one of them is ‖AᵀA‖.": {"below": lambda a, b: _size(b.T @ b) ** 2},
        "You added the two norms below the line: multiply them.": {
            "below": lambda a, b: _size(a.T @ a) + _size(b.T @ b)
        },
        "The line is missing: divide by ‖AᵀA‖ · ‖BᵀB‖, so that 1 is the most.": {
            "below": lambda a, b: torch.tensor(1.0)
        },
        "Below the line stands another norm (the largest singular value, as ord=2 gives it): the Frobenius norm adds "
        "up all squared entries.": {
            "below": lambda a, b: torch.linalg.matrix_norm(a.T @ a, 2) * torch.linalg.matrix_norm(b.T @ b, 2)
        },
        "Below the line you added up the entries: a Frobenius norm squares each of them first, and takes the root "
        "of the sum.": {"below": lambda a, b: (a.T @ a).sum() * (b.T @ b).sum()},
        "Below the line you added up the absolute entries: a Frobenius norm squares each of them, and takes the root "
        "of the sum.": {"below": lambda a, b: (a.T @ a).abs().sum() * (b.T @ b).abs().sum()},
        "You divided by ‖AᵀA‖ and multiplied by ‖BᵀB‖: brackets are missing, x / (s * t).": {
            "below": lambda a, b: _size(a.T @ a) / _size(b.T @ b)
        },
        "You took ‖B‖ below the line where ‖BᵀB‖ belongs.": {"below": lambda a, b: _size(a.T @ a) * _size(b)},
        "You took ‖A‖ below the line where ‖AᵀA‖ belongs.": {"below": lambda a, b: _size(a) * _size(b.T @ b)},
        "Below the line you squared entry by entry, a * a: the product of matrices is a.T @ a.": {
            "below": lambda a, b: _size(a * a) * _size(b * b)
        },
    }
    others: dict[str, Mapping[str, Any]] = {
        "You took the root of the result: leave that out.": {"after": lambda v, n: v.sqrt()},
        "You squared the result: leave that out.": {"after": lambda v, n: v.square()},
        "This is 1 minus the CKA, a distance: how alike the two are is asked for.": {"after": lambda v, n: 1 - v},
        "You divided above the line by N and not below: leave it out, or do it everywhere.": {
            "after": lambda v, n: v / n**2
        },
        "You divided above the line by N - 1 and not below: leave it out, or do it everywhere.": {
            "after": lambda v, n: v / (n - 1) ** 2
        },
        "You divided above the line by N, and below by N - 1 (as cov does): use the same in both.": {
            "after": lambda v, n: v * ((n - 1) / n) ** 2
        },
        "You divided above the line by N - 1, and below by N: use the same in both.": {
            "after": lambda v, n: v * (n / (n - 1)) ** 2
        },
        "You divided below the line by N and not above: leave it out, or do it everywhere.": {
            "after": lambda v, n: v * n**2
        },
        "You divided below the line by N - 1 and not above: leave it out, or do it everywhere.": {
            "after": lambda v, n: v * (n - 1) ** 2
        },
    }

    def tables(a: Tensor, b: Tensor, change: Change = same, keep: str = "all", centre: bool = False) -> Tensor:
        """Pearson's correlation of the entries of AAᵀ and BBᵀ."""
        a, b = (over_items(z.double()) if centre else z.double() for z in (a, b))
        pick = ~torch.eye(len(a), dtype=torch.bool) if keep == "off" else torch.ones(len(a), len(a), dtype=torch.bool)
        return _correlation(change(a @ a.T)[pick], change(b @ b.T)[pick])

    between = "You correlated the entries of the tables AAᵀ and BBᵀ"
    grams = [
        Mistake(f"{between}, with one mean taken off each table. {first}.", tables),
        Mistake(
            f"{between} without their diagonals: all entries count, and each column's mean is taken off a and b first.",
            lambda a, b: tables(a, b, keep="off"),
        ),
        Mistake(
            f"{between} without their diagonals: all entries count.", lambda a, b: tables(a, b, keep="off", centre=True)
        ),
    ]

    def draw(g: torch.Generator, N: int, D1: int, D2: int) -> tuple[Any, ...]:
        hidden = torch.randn(N, 2, generator=g)
        return tuple(
            hidden @ torch.randn(2, D, generator=g) * 0.4
            + torch.randn(N, D, generator=g) * torch.linspace(0.2, 0.6, D)
            + torch.randn(D, generator=g)
            for D in (D1, D2)
        )

    return judge(
        "linear_cka",
        f,
        geometry.linear_cka,
        drawn(
            draw,
            "N = {N} items, a of shape ({N}, {D1}), b of shape ({N}, {D2})",
            {"N": 8, "D1": 4, "D2": 3},
            {"N": 12, "D1": 2, "D2": 5},
            {"N": 5, "D1": 7, "D2": 6},
            {"N": 10, "D1": 3, "D2": 3},
        ),
        [*variations(varied, {**centring, **numerator, **denominator, **others}), *grams],
        arguments=("a", "b"),
        agrees_with="sslwb.geometry.linear_cka",
        explain=_which_is_turned,
    )


def _below(x: Tensor) -> Tensor:
    """How many values are smaller than each."""
    return (x[:, None] > x).sum(1)


def _equal(x: Tensor) -> Tensor:
    """How many values are equal to each, itself among them."""
    return (x[:, None] == x).sum(1)


def _shared(x: Tensor) -> Tensor:
    """Ranks from 1 on; equal values share the mean of theirs."""
    return _below(x) + (_equal(x) + 1) / 2


def _std(x: Tensor, correction: int = 0) -> Tensor:
    return x.std(correction=correction)


def _covariance(a: Tensor, b: Tensor, correction: int = 0) -> Tensor:
    return ((a - a.mean()) * (b - b.mean())).sum() / (len(a) - correction)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    return _covariance(a, b) / (_std(a) * _std(b))


def _short(
    a: Tensor, b: Tensor, power: int = 2, factor: float = 6, below: Callable[[int], int] = lambda n: n * (n**2 - 1)
) -> Tensor:
    """Spearman's short form, right where no two values are equal."""
    return 1 - factor * (a - b).abs().pow(power).sum() / below(len(a))


def _pairs(a: Tensor, b: Tensor) -> Tensor:
    """(N, N): 1 where both put two items in the same order, -1 where in the other, 0 where one of them has a tie."""
    return (a[:, None] - a).sign() * (b[:, None] - b).sign()


def _size(z: Tensor) -> Tensor:
    """The Frobenius norm."""
    norm: Tensor = torch.linalg.matrix_norm(z)
    return norm


def _tied(x: Tensor, g: torch.Generator) -> Tensor:
    """Two values in five, in places drawn, become equal to others: in pairs and in threes."""
    ties = 2 * len(x) // 5
    places = torch.randperm(len(x), generator=g)
    return x.index_put((places[:ties],), x[places[ties + torch.arange(ties) // 2]])


def _whole_numbers(error: Exception, _: Trial) -> str:
    """What stops a function of ranks."""
    if "floating point" in str(error) or "Long" in str(error):
        return "Ranks that come from argsort or counting are whole numbers: .float() before a mean or a deviation."
    return ""


def _which_is_turned(error: Exception, trial: Trial) -> str:
    """What stops a function of two representations: as a rule, features of one that meet those of the other."""
    (n, d1), (_, d2) = (z.shape for z in trial.inputs)
    sizes = {int(number) for number in re.findall(r"\d+", str(error))}
    if "cannot be multiplied" in str(error):
        return (
            f"The items are what is added up over, the axis that both have in common: a.T @ b is ({d1}, {d2}), a.T @ a "
            f"is ({d1}, {d1}). a @ b.T would need as many features in both."
        )
    if sizes >= {d1, d2} or sizes >= {n * d1, n * d2}:
        return (
            f"a has {d1} features and b has {d2}, so the two cannot meet entry by entry, as in a * b or after "
            f"flatten(). a.T @ b brings them together: it adds up over the {n} items, and is ({d1}, {d2})."
        )
    if "must match" in str(error) and n in sizes:
        return "The mean that is taken off is that of each column, over the items: a.mean(0), one number a feature."
    return ""
