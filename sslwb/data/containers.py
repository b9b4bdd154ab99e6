"""What `load` returns: a data set that lies in memory as tensors, with everything known about each item."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sslwb.data.tokenizing import Tokenizer


@dataclass(frozen=True)
class Items:
    """What every container has: items, their labels, and (in a world) the hidden causes that made them.

    Attributes:
        x: (N, …), one row an item.
        y: int64 (N,), or None where nobody labelled the items.
        classes: the names of the labels 0, 1, 2, ….
        factors: one (N,) tensor for each hidden cause: int64 for a category, float32 for a quantity
            (NaN where the cause does not exist for that item: a disc has no angle).
        levels: the names of a categorical cause's values.
        periodic: the quantities that wrap round: their values run from 0 to 1, and 1 is 0 again.
        name: where the items come from.

    Raises:
        TypeError: y is not an int64 tensor.
        ValueError: a shape or a length does not fit.
    """

    x: Tensor
    y: Tensor | None = None
    classes: tuple[str, ...] = ()
    factors: dict[str, Tensor] = field(default_factory=dict)
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    periodic: frozenset[str] = frozenset()
    name: str = ""

    item: ClassVar[str] = "item"  # what the messages call one of them

    def __post_init__(self) -> None:
        for what, t in {"y": self.y, **self.factors}.items():
            if t is not None and t.shape != (len(self.x),):
                raise ValueError(
                    f"{what} has shape {tuple(t.shape)}; expected ({len(self.x)},): one value a {self.item}"
                )
        if self.y is not None:
            if self.y.dtype != torch.int64:
                raise TypeError(f"y is {self.y.dtype}; expected torch.int64: y.long()")
            if len(self.y) and (self.y.min() < 0 or (self.classes and self.y.max() >= len(self.classes))):
                raise ValueError(
                    f"y runs from {self.y.min()} to {self.y.max()}; expected 0 to {len(self.classes) - 1}, "
                    f"one number for each of the {len(self.classes)} classes"
                )

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Any) -> Self:
        """The same container with fewer items; `index` is an int, a slice, a list, an index tensor or a mask."""
        if isinstance(index, int):
            if not -len(self) <= index < len(self):
                raise IndexError(f"index {index} is out of range: the data set has {len(self)} items")
            index = [index]
        if isinstance(index, Sequence):
            index = torch.as_tensor(index, dtype=torch.long if len(index) == 0 else None)
        if isinstance(index, Tensor):
            index = index.to(self.x.device)
        return self._map(lambda t: t[index])

    def to(self, device: torch.device | str) -> Self:
        """The same container with every tensor on `device`."""
        return self._map(lambda t: t.to(device))

    @property
    def labels(self) -> Tensor:
        """y, where it must exist.

        Raises:
            ValueError: the items are not labelled.
        """
        if self.y is None:
            raise ValueError(
                f"{self.name or 'this data set'} has no labels (y is None); expected labelled {self.item}s"
            )
        return self.y

    @property
    def causes(self) -> dict[str, Tensor]:
        """The hidden causes that vary: what a probe can be trained for. The label alone where there are none."""
        varying = {k: v for k, v in self.factors.items() if len(v) and not (v == v[0]).all()}
        return varying or ({} if self.y is None else {"label": self.y})

    def _map(self, f: Callable[[Tensor], Tensor]) -> Self:
        """Every tensor, one row an item, through f."""
        kept = {part.name: getattr(self, part.name) for part in fields(self)}
        tensors: dict[str, Any] = {name: f(t) for name, t in kept.items() if isinstance(t, Tensor)}
        return replace(self, **tensors, factors={k: f(v) for k, v in self.factors.items()})


@dataclass(frozen=True)
class Images(Items):
    """Pictures in memory: x is uint8 (N, C, H, W), C is 1 or 3; the other attributes as in `Items`.

    Raises:
        TypeError: x is not a uint8 tensor, or y not an int64 tensor.
        ValueError: a shape or a length does not fit.
    """

    item: ClassVar[str] = "picture"

    def __post_init__(self) -> None:
        if not isinstance(self.x, Tensor) or self.x.dtype != torch.uint8:
            raise TypeError(
                f"x is {_kind(self.x)}; expected a torch.uint8 tensor with values 0 to 255: (x * 255).to(torch.uint8)"
            )
        if self.x.ndim != 4 or self.x.shape[1] not in (1, 3):
            raise ValueError(
                f"x has shape {tuple(self.x.shape)}; expected (N, C, H, W) with C 1 or 3: "
                "for pictures with channels last use x.permute(0, 3, 1, 2)"
            )
        super().__post_init__()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one picture."""
        c, h, w = self.x.shape[1:]
        return c, h, w


@dataclass(frozen=True)
class Texts(Items):
    """Texts in memory, a number for each word; the other attributes as in `Items`.

    Attributes:
        x: int64 (N, L): the words' places in `vocabulary`, then 0, which is padding, up to L.
        vocabulary: the words, each once; the first is the padding.
        starts: int64 (N, K): where each sentence begins, then -1 up to K; None where nobody knows.
        answers: int64 (N, 2): where the answer to the text's own question is first said, and where it answers; -1 where
            there is no question; None where nobody knows.
        tokenizer: makes numbers of other texts, as those of x were made; None where there is none.

    Raises:
        TypeError: x, starts or answers is not an int64 tensor.
        ValueError: a shape, a length or a word's number does not fit.
    """

    vocabulary: tuple[str, ...] = ()
    starts: Tensor | None = None
    answers: Tensor | None = None
    tokenizer: Tokenizer | None = None

    item: ClassVar[str] = "text"

    def __post_init__(self) -> None:
        for what, t in {"x": self.x, "starts": self.starts, "answers": self.answers}.items():
            if t is not None and (not isinstance(t, Tensor) or t.dtype != torch.int64):
                raise TypeError(f"{what} is {_kind(t)}; expected a torch.int64 tensor: {what}.long()")
        if self.x.ndim != 2:
            raise ValueError(f"x has shape {tuple(self.x.shape)}; expected (N, L): one row of word numbers a text")
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise ValueError("vocabulary holds a word twice; expected each word once")
        if self.x.numel() and (self.x.min() < 0 or self.x.max() >= len(self.vocabulary)):
            raise ValueError(
                f"x runs from {self.x.min()} to {self.x.max()}; expected 0 to {len(self.vocabulary) - 1}, "
                f"one number for each of the {len(self.vocabulary)} words of vocabulary"
            )
        for what, t, columns in (("starts", self.starts, "K"), ("answers", self.answers, 2)):
            if t is not None and (t.ndim != 2 or len(t) != len(self.x) or columns not in ("K", t.shape[1])):
                raise ValueError(
                    f"{what} has shape {tuple(t.shape)}; expected ({len(self.x)}, {columns}): one row a text"
                )
        if self.tokenizer is not None and self.tokenizer.vocabulary != self.vocabulary:
            raise ValueError(
                "tokenizer has another vocabulary than the texts; expected vocabulary=tokenizer.vocabulary"
            )
        super().__post_init__()

    @property
    def shape(self) -> tuple[int]:
        """(L,) of one text, with its padding."""
        return (self.x.shape[1],)

    @property
    def lengths(self) -> Tensor:
        """int64 (N,): how many words each text has."""
        return (self.x != 0).sum(1)

    def text(self, index: int) -> str:
        """The words of one text as a line to read.

        Raises:
            IndexError: there is no such text.
        """
        if self.tokenizer is not None:
            return self.tokenizer.decode(self[index].x)[0]
        words = " ".join(self.vocabulary[i] for i in self[index].x[0].tolist() if i)
        return re.sub(r" ([.,!?])", r"\1", words)


def _kind(x: object) -> str:
    return str(x.dtype) if isinstance(x, Tensor) else type(x).__name__
