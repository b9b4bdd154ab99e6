"""Sentences out of texts whose sentences are known: one a row, or in pairs, as next-sentence prediction reads them."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import PAD, SEP, typed, whole
from sslwb.data.containers import Texts


def sentence_pairs(data: Texts) -> Texts:
    """The same texts as SEP first half SEP second half SEP, so that each half holds whole sentences.

    The rows are wide enough for the longest first half with the longest second half, so that halves may be exchanged.
    Source: Devlin et al. 2019, "BERT", figure 2 (one sign serves for its [CLS] and its [SEP]).

    Raises:
        TypeError: data hold no texts.
        ValueError: nobody knows where sentences begin, or a text has fewer than two.
    """
    _check(data)
    assert data.starts is not None
    count = (data.starts >= 0).sum(1)
    if (count < 2).any():
        raise ValueError(f"text {int((count < 2).nonzero()[0])} has fewer than two sentences; expected two or more")
    cut = data.starts.gather(1, (count // 2)[:, None])  # (N, 1): where the second half begins
    length = data.lengths[:, None]

    def moved(place: Tensor) -> Tensor:
        return torch.where(place < 0, place, place + 1 + (place >= cut).long())

    width = int(cut.max() + (length - cut).max()) + 3
    x = data.x.new_full((len(data), width + 2), PAD)  # two more: padding of the old rows has to go somewhere
    target = moved(torch.arange(data.x.shape[1], device=data.x.device).expand_as(data.x))
    keep = data.x != PAD
    x.scatter_(1, torch.where(keep, target, width), data.x)
    for place in (torch.zeros_like(cut), cut + 1, length + 2):
        x.scatter_(1, place, SEP)
    answers = None if data.answers is None else moved(data.answers)
    return replace(data, x=x[:, :width].contiguous(), starts=moved(data.starts), answers=answers)


@typed
def sentences(data: Texts, together: int = 1) -> Texts:
    """The sentences of the texts as texts of their own, in their order; what was said before is left out.

    Labels and causes are those of the text where it is first said.

    Args:
        data: texts of which it is known where sentences begin.
        together: so many that follow each other make a text; what a text has left over is left out.

    Raises:
        TypeError: data hold no texts, or together is no whole number.
        ValueError: nobody knows where sentences begin, there is no text, or none has so many sentences.
    """
    _check(data)
    assert data.starts is not None
    whole("together", together, least=1)
    starts = F.pad(data.starts.cpu(), (0, 1), value=-1)
    count = (starts >= 0).sum(1, keepdim=True)
    bounds = starts.scatter(1, count, data.lengths.cpu()[:, None])  # of all sentences, and where the last one ends
    place = torch.arange(starts.shape[1])
    text, first = ((place % together == 0) & (place + together <= count)).nonzero(as_tuple=True)
    if not len(text):
        raise ValueError(
            f"together is {together}, and no text has so many sentences; expected {int(count.max())} or less"
        )
    begin, end = bounds[text, first], bounds[text, first + together]
    word = begin[:, None] + torch.arange(int((end - begin).max()))
    x = data.x.cpu()[text[:, None], word.clamp_max(data.x.shape[1] - 1)]
    x = torch.where(word < end[:, None], x, PAD)
    said: dict[tuple[int, ...], int] = {}
    for i, row in enumerate(x.tolist()):
        said.setdefault(tuple(row), i)
    kept = torch.tensor([*said.values()])
    inside = first[kept, None] + torch.arange(together)
    begins = (bounds[text[kept, None], inside] - begin[kept, None]).to(data.x.device)
    return replace(data[text[kept]], x=x[kept].to(data.x.device), starts=begins, answers=None)


def unseen(data: Texts, known: Texts) -> Texts:
    """The texts of `data` that are not among those of `known`: what a test can ask that no training said.

    Raises:
        TypeError: data or known hold no texts.
        ValueError: they have other vocabularies, or all of data is known.
    """
    for name, texts in (("data", data), ("known", known)):
        if not isinstance(texts, Texts):
            raise TypeError(f"{name} is {type(texts).__name__}; expected texts")
    if data.vocabulary != known.vocabulary:
        raise ValueError("data and known have other vocabularies; expected texts that the same tokenizer made")
    there = {_words(row) for row in known.x.tolist()}
    new = torch.tensor([_words(row) not in there for row in data.x.tolist()], dtype=torch.bool)
    if not new.any():
        raise ValueError("known says all of data's texts; expected some that it does not: make more of data")
    return data[new]


def _words(row: list[int]) -> tuple[int, ...]:
    return tuple(number for number in row if number != PAD)


def _check(data: Texts) -> None:
    if not isinstance(data, Texts):
        raise TypeError(f'data is {type(data).__name__}; expected texts, such as load("tales") gives')
    if not len(data):
        raise ValueError("data has no texts; expected at least one")
    if data.starts is None:
        raise ValueError(f"{data.name or 'data'} does not say where sentences begin (starts is None)")
