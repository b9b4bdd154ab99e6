"""Pairs of sentences out of texts whose sentences are known: what next-sentence prediction reads."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from sslwb.core import PAD, SEP
from sslwb.data.containers import Texts


def sentence_pairs(data: Texts) -> Texts:
    """The same texts as SEP first half SEP second half SEP, so that each half holds whole sentences.

    The rows are wide enough for the longest first half with the longest second half, so that halves may be exchanged.
    Source: Devlin et al. 2019, "BERT", figure 2 (one sign serves for its [CLS] and its [SEP]).

    Raises:
        TypeError: data hold no texts.
        ValueError: nobody knows where sentences begin, or a text has fewer than two.
    """
    if not isinstance(data, Texts):
        raise TypeError(f'data is {type(data).__name__}; expected texts, such as load("tales") gives')
    if not len(data):
        raise ValueError("data has no texts; expected at least one")
    if data.starts is None:
        raise ValueError(f"{data.name or 'data'} does not say where sentences begin (starts is None)")
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
