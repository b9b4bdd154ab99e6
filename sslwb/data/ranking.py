"""BM25: how well a text answers a question, by the words that they share. The baseline of every search."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sslwb.core import PAD, typed


@typed
def bm25(queries: Tensor, passages: Tensor, k1: float = 1.2, b: float = 0.75) -> Tensor:
    """A score of each passage for each query: int64 (Q, M) and (P, L) with padding 0 → float32 (Q, P), 0 or more.

    The sum over the words of the query, one that stands there twice counts twice, of idf · tf / (tf + k1 · B), where

        tf   how often the word stands in the passage
        B    1 - b + b · (words in the passage / mean of that over all passages)
        idf  ln(1 + (P - n + ½) / (n + ½)), n: the passages that have the word

    is equation 3.15 of the source with the idf of Lucene: without the 1 a word of more than half of the passages would
    count against them. The factor k1 + 1, which some write, changes no order and is left out. A query without a known
    word, and a passage without a word, have the score 0.

    Args:
        queries, passages: words by their numbers, the same for both.
        k1: how soon more of the same word says nothing new; 0: whether it is there is all that counts.
        b: from 0 to 1, how far long passages are held back.

    Raises:
        TypeError: no int64 tensors.
        ValueError: another shape, no passage, k1 below 0, or b outside of 0 to 1.
    Source: Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond", section 3.4.
    """
    for name, x in (("queries", queries), ("passages", passages)):
        if not isinstance(x, Tensor) or x.dtype != torch.int64:
            came = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise TypeError(f"{name} is {came}; expected a torch.int64 tensor: a number for each word")
        if x.ndim != 2:
            raise ValueError(f"{name} has shape {tuple(x.shape)}; expected one row a text, (N, L)")
    if not len(passages):
        raise ValueError("passages holds none; expected at least one to search")
    if not k1 >= 0 or not 0 <= b <= 1:
        raise ValueError(f"k1 is {k1} and b is {b}; expected k1 of 0 or more, and b from 0 to 1")
    size = 1 + max(int(x.max()) if x.numel() else 0 for x in (queries, passages))
    tf, asked = _counts(passages, size), _counts(queries, size)
    length = np.asarray(tf.sum(1)).ravel()
    known = np.asarray((tf > 0).sum(0)).ravel()
    held = 1 - b + b * length / max(length.mean(), 1e-12)
    idf = np.log1p((len(passages) - known + 0.5) / (known + 0.5))
    tf.data = tf.data / (tf.data + k1 * np.repeat(held, np.diff(tf.indptr))) * idf[tf.indices]
    return torch.from_numpy((asked @ tf.T).toarray()).float()


def as_words(*sides: Sequence[str]) -> list[Tensor]:
    """Texts → the numbers of their words, int64 (N, L) with padding for each side; one numbering for all sides.

    A word is letters and digits in a row, in lower case: "Don't" is two.
    """
    numbers: dict[str, int] = {}
    made = []
    for texts in sides:
        words = [re.findall(r"\w+", text.lower()) for text in texts]
        rows = [torch.tensor([numbers.setdefault(w, len(numbers) + 1) for w in line]).long() for line in words]
        made.append(pad_sequence(rows, batch_first=True, padding_value=PAD) if rows else torch.zeros(0, 0).long())
    return made


def _counts(x: Tensor, size: int) -> Any:
    """How often each word stands in each text, sparse float64 (N, size)."""
    from scipy.sparse import csr_array  # who ranks nothing need not wait for it

    row, place = (x.cpu() != PAD).nonzero(as_tuple=True)
    counts = csr_array((np.ones(len(row)), (row.numpy(), x.cpu()[row, place].numpy())), shape=(len(x), size))
    counts.sum_duplicates()
    return counts
