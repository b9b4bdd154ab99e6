"""Search: for each question the passages by the cosine of embeddings, the best first, and how far down the right is.

Source: Karpukhin et al. 2020, "Dense Passage Retrieval for Open-Domain Question Answering"; Voorhees 1999, "The TREC-8
Question Answering Track Report" (the reciprocal rank). Lesson 22.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.augment import Unchanged, labelled, paired
from sslwb.augment.combined import Pair
from sslwb.core import MakeViews, Views, as_embeddings, as_views, typed, usual, whole
from sslwb.data import Items
from sslwb.evaluate.embedding import WithoutEncoder, embed, untrained
from sslwb.methods.base import Method, check_temperature
from sslwb.methods.simclr import nt_xent
from sslwb.methods.supervised import Supervised
from sslwb.train.store import trained

AT = (1, 5, 10)  # recall is measured among so many
SCORES = 1 << 24  # of queries with candidates that are held at once: 64 MB
SAME = 1e-6  # scores that are nearer to each other than that are one


class Index:
    """Embeddings to search by cosine, (N, D): made once, asked often.

    Args:
        z: one row an item; of any length, and a row of zeros is like nothing.

    Raises:
        TypeError: no tensor of floats.
        ValueError: another shape, no row, or a row that is not finite.
    """

    @usual()
    def __init__(self, z: Tensor) -> None:
        self.z = F.normalize(_finite("z", z), dim=1)

    def __len__(self) -> int:
        return len(self.z)

    @usual()
    def scores(self, queries: Tensor) -> Tensor:
        """The cosine of each query with all that is kept: (Q, D) → float32 (Q, N)."""
        return F.normalize(self._checked(queries), dim=1) @ self.z.T

    @typed
    @usual()
    def search(self, queries: Tensor, k: int = 10) -> tuple[Tensor, Tensor]:
        """The k nearest of each query, the nearest first: cosines, float32 (Q, k), and their rows, int64 (Q, k).

        One query comes as (D,) or (1, D). All N rows where there are fewer than k.

        Raises:
            ValueError: k < 1, or queries of another length than what is kept.
        """
        whole("k", k, least=1)
        queries = self._checked(torch.atleast_2d(queries))
        size = max(1, SCORES // len(self))
        best = [self.scores(part).topk(min(k, len(self)), dim=1) for part in queries.split(size)]
        score, index = (torch.cat(parts) for parts in zip(*best, strict=True))
        return score, index

    def _checked(self, queries: Tensor) -> Tensor:
        queries = _finite("queries", queries)
        if queries.shape[1] != self.z.shape[1]:
            raise ValueError(
                f"queries have {queries.shape[1]} numbers and what is kept {self.z.shape[1]}; expected the same: embed "
                "both with one encoder"
            )
        return queries


@typed
@usual()
def ranks_of(scores: Tensor, right: Tensor) -> Tensor:
    """The rank of the best right candidate of each query: (Q, C) and bool (Q, C) → float32 (Q,), 1 is the first.

    Candidates of one score have no order: the right one counts as where it would stand on average, were they shuffled,
    so that an embedding that is the same for everything is neither first nor last. With t wrong ones of the same score
    and r right ones, that is t / (r + 1) places behind those that score more.

    Raises:
        ValueError: two shapes, or a query without a right candidate.
    """
    if scores.shape != right.shape or scores.ndim != 2 or right.dtype != torch.bool:
        raise ValueError(
            f"scores has shape {tuple(scores.shape)} and right is {right.dtype} {tuple(right.shape)}; expected (Q, C), "
            "and bool of the same shape: True where a candidate is right"
        )
    if not right.any(1).all():
        raise ValueError(f"query {int((~right.any(1)).nonzero()[0])} has no right candidate; expected one or more")
    best = scores.masked_fill(~right, -torch.inf).amax(1, keepdim=True)
    same = (scores - best).abs() <= SAME
    above = ((scores > best) & ~same & ~right).sum(1)
    tied, rivals = (same & ~right).sum(1), (same & right).sum(1)
    return 1 + above + tied / (rivals + 1)


@dataclass(frozen=True)
class Retrieval:
    """A task: {"MRR", "recall@1", "recall@5", "recall@10"} of the search of `test` for what belongs together.

    Pairs: each item of side a is a query, the items of side b are searched, and right is what belongs to it. Where
    several queries share one of them (`Questions.passage`), it is searched once, and is right for all. Other items:
    each is a query among all the others, and those of its label are right; one that is alone with its label is
    searched for by none and asks nothing.

    MRR is the mean of 1 / rank of the first right one (`ranks_of` says what equal scores count); recall@k the share of
    queries that have a right one among the first k, as it is counted for answers and for pictures and words. Without
    an encoder, items are ranked as their container does: texts by BM25, others by the cosine of raw inputs.

    The control trains the same encoder from random weights on all pairs of `train` to tell what belongs together from
    the other pairs of a batch; where there are no pairs, on the labels.

    Attributes:
        steps, batch_size, lr, seed: of the control.
    """

    steps: int = 200
    batch_size: int = 32
    lr: float = 3e-3
    seed: int = 0

    def __call__(self, encoder: nn.Module, train: Items, test: Items) -> dict[str, float]:
        sides = _sides(test)
        rank = sides.ranks(encoder)
        return {"MRR": float((1 / rank).mean())} | {f"recall@{k}": float((rank <= k).float().mean()) for k in AT}

    def control(self, encoder: nn.Module, train: Items) -> nn.Module:
        """The encoder of the last row; found in the run store by every later evaluation on these data."""
        method: Method
        views: MakeViews
        if hasattr(train, "b"):
            method, views = TwoSides(untrained(encoder, self.seed)), paired(Unchanged(), Unchanged())
        else:
            method = Supervised(untrained(encoder, self.seed), train.class_count, self.seed)
            views = labelled(train.plain_view())
        how: dict[str, Any] = {"batch_size": min(self.batch_size, len(train)), "lr": self.lr, "seed": self.seed}
        trained(method, train, views, steps=self.steps, progress=False, **how)
        return method.encoder


class TwoSides(Method):
    """One encoder for both sides of a pair: what belongs together is near, all else of the batch is not.

    Karpukhin et al. 2020 take two encoders and the inner product; here it is one encoder, and the cosine. Two queries
    of one passage that meet in a batch are taken for strangers.

    Raises:
        ValueError: temperature ≤ 0, or views that are no pairs.
    """

    def __init__(self, encoder: nn.Module, temperature: float = 0.05) -> None:
        super().__init__(encoder)
        check_temperature(temperature)
        self.temperature = temperature

    def forward(self, views: Views) -> dict[str, Tensor]:
        a, b = as_views(views, Pair)
        return {"loss": nt_xent(self.encoder(a), self.encoder(b), temperature=self.temperature)}

    def negatives(self, batch_size: int, views: int) -> int | None:
        return 2 * (batch_size - 1)

    def encoder_inputs(self, views: Views) -> list[tuple[Tensor, ...]]:
        return [(view,) for view in views]


@dataclass(frozen=True)
class _Search:
    """Queries and what is searched; a query and a candidate belong together where their groups are the same."""

    queries: Items
    candidates: Items
    asks: Tensor  # int64 (Q,)
    group: Tensor  # int64 (C,)
    itself: bool  # whether query i is candidate i, and no answer to itself

    def ranks(self, encoder: nn.Module) -> Tensor:
        """The rank of the best right candidate of each query that has one: float32."""
        score = self._scorer(encoder)
        found = []
        for rows in torch.arange(len(self.queries)).split(max(1, SCORES // len(self.candidates))):
            right, scores = self.asks[rows, None] == self.group, score(rows)
            if self.itself:
                right[torch.arange(len(rows)), rows] = False
                scores = scores.scatter(1, rows[:, None], -torch.inf)
            some = right.any(1)
            found.append(ranks_of(scores[some], right[some]))
        rank = torch.cat(found)
        if not len(rank):
            raise ValueError("no query has a right candidate; expected pairs, or a label that two items share")
        return rank

    def _scorer(self, encoder: nn.Module) -> Callable[[Tensor], Tensor]:
        if isinstance(encoder, WithoutEncoder):
            return lambda rows: self.queries[rows].alike(self.candidates)
        index, z = Index(embed(encoder, self.candidates)), embed(encoder, self.queries)
        return lambda rows: index.scores(z[rows])


def _sides(data: Items) -> _Search:
    a, b = getattr(data, "a", None), getattr(data, "b", None)
    if a is None or b is None:
        labels = data.labels.cpu()
        return _Search(data, data, labels, labels, True)
    asks: Tensor = getattr(data, "passage", torch.arange(len(data))).cpu()
    group, place = asks.unique(return_inverse=True)
    first = torch.full((len(group),), len(asks)).scatter_reduce(0, place, torch.arange(len(asks)), "amin")
    return _Search(a, b[first], asks, group, False)


def _finite(name: str, z: Tensor) -> Tensor:
    z = as_embeddings(name, z).float().cpu()
    if not torch.isfinite(z).all():
        raise ValueError(f"{name} has NaN or infinite values; expected finite embeddings")
    return z
