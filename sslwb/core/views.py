"""Views: what a recipe makes of a batch and a method is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

# One entry a view, each (B, …). A list holds views of the same kind, two crops of a picture for one. Where places have
# a meaning (inputs and targets, tokens and labels), it is a NamedTuple, or a tuple whose recipe says what stands where.
Views = Sequence[Tensor]
# A batch, the container of the data with fewer rows (or, for pictures and texts, a bare tensor), and a generator.
MakeViews = Callable[[Any, torch.Generator], Views]
Named = TypeVar("Named", bound=tuple[Any, ...])

# The first numbers of every vocabulary are no words: PAD fills a row up, MASK hides a word, SEP begins, divides and
# ends what a model reads.
PAD, MASK, SEP = 0, 1, 2
WORDS = 3  # the first number that is a word


def tensor_of(batch: Any) -> Tensor:
    """The tensor of a batch: a tensor itself, or the column x of a container."""
    return batch if isinstance(batch, Tensor) else batch.x


def as_views(views: Views, kind: type[Named]) -> Named:
    """Views by their names. A plain sequence of as many tensors is taken too, in the order of the names.

    Raises:
        ValueError: another number of tensors; the message says which are expected and which recipe makes them.
    """
    if isinstance(views, kind):
        return views
    fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    if len(views) != len(fields):
        raise ValueError(
            f"views holds {len(views)} tensor(s); expected {', '.join(fields)}. {kind.__name__}: "
            f"{(kind.__doc__ or '').partition(chr(10))[0]}"
        )
    return kind(*views)
