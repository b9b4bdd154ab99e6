"""What `load` returns: a data set that lies in memory as tensors, with everything known about each item.

A container is a set of columns, one row an item. A batch is the same container with fewer rows, so that nothing that is
known of an item is lost on its way to the views. Columns are tensors, or containers of as many rows.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.augment import Unchanged
from sslwb.augment.images import as_float, weak
from sslwb.augment.tokens import next_token
from sslwb.core import PAD, MakeViews, as_labels, as_tensor
from sslwb.data.ranking import as_words, bm25

if TYPE_CHECKING:
    from sslwb.data.tokenizing import Tokenizer

Column = TypeVar("Column", Tensor, "Items")
Kind = TypeVar("Kind", bound="Items")
EXPECTED = "expected a row's number, a slice, or numbers or a mask of bools in one dimension"


@dataclass(frozen=True)
class Items:
    """What every container has: items, their labels, and (in a world) the hidden causes that made them.

    A new modality is a subclass with its columns as fields. It says what an encoder is given (`inputs`), what there is
    without one (`baseline`), and how items look unaugmented (`plain_view`); everything above asks no more.

    Attributes:
        x: (N, …), one row an item: a tensor, or a container.
        y: int64 (N,), or None where nobody labelled the items; whole numbers of another type, bools, arrays and lists
            are taken.
        classes: the names of the labels 0, 1, 2, ….
        factors: one (N,) tensor for each hidden cause, taken as y is: int64 for a category, float32 for a quantity
            (NaN where the cause does not exist for that item: a disc has no angle).
        levels: the names of a categorical cause's values.
        periodic: the quantities that wrap round: their values run from 0 to 1, and 1 is 0 again.
        name: where the items come from.

    Raises:
        TypeError: y holds no whole numbers, or a cause no numbers.
        ValueError: a shape or a length does not fit, or a label is below 0 or beyond the classes.
    """

    x: Tensor
    y: Tensor | None = None
    classes: tuple[str, ...] = ()
    factors: dict[str, Tensor] = field(default_factory=dict)
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    periodic: frozenset[str] = frozenset()
    name: str = ""

    item: ClassVar[str] = "item"  # what the messages call one of them
    kind: ClassVar[str] = "items"  # what methods are made for: a subclass of pictures is still of the kind "pictures"

    def inputs(self) -> tuple[Tensor, ...]:
        """What an encoder is given of all items: encoder(*inputs) → (N, dim)."""
        return (self.x,)

    def baseline(self) -> tuple[str, Tensor]:
        """What is there without an encoder: its name, and float32 (N, D) on the CPU."""
        return "raw input", self.x.flatten(1).float().cpu()

    def alike(self, others: Items) -> Tensor:
        """How alike each of these is to each of the others without an encoder: float32 (N, M), more is more alike.

        The cosine of the two baselines, 0 where one of them is empty.
        """
        a, b = (F.normalize(items.baseline()[1], dim=1) for items in (self, others))
        return a @ b.T

    def plain_view(self) -> MakeViews:
        """The recipe of a supervised control: one view, hardly augmented or not at all."""
        return Unchanged()

    def places(self, view: Tensor) -> list[Tensor]:
        """A view (B, …) cut into the places where a shortcut could sit: (B, d) each. By default the whole."""
        return [view.flatten(1)]

    def batches(self, indices: Iterable[Tensor]) -> Iterator[Self]:
        """The batches with these rows, in this order. Where the rows come from is the container's own affair."""
        return (self[index] for index in indices)

    def contents(self) -> Iterator[tuple[str, Any]]:
        """All that tells these data from others, by name: what the run store hashes. By default every column."""
        yield from vars(self).items()

    def __post_init__(self) -> None:
        if not isinstance(self.x, Tensor | Items) or (isinstance(self.x, Tensor) and not self.x.ndim):
            came = f"of shape {tuple(self.x.shape)}" if isinstance(self.x, Tensor) else type(self.x).__name__
            raise TypeError(f"x is {came}; expected a tensor, one row an item, or a container")
        if isinstance(self.classes, str) or not isinstance(self.classes, Sequence):
            raise TypeError(f"classes is {self.classes!r:.80}; expected the names of the labels 0, 1, 2, …")
        object.__setattr__(self, "classes", tuple(self.classes))
        if not isinstance(self.factors, dict):
            raise TypeError(f"factors is {type(self.factors).__name__}; expected a dict: one tensor for each cause")
        if self.y is not None:
            object.__setattr__(self, "y", as_labels("y", self.y))
        object.__setattr__(self, "factors", {cause: _cause(cause, t) for cause, t in self.factors.items()})
        for what, t in {"y": self.y, **self.factors}.items():
            if t is not None and t.shape != (len(self.x),):
                raise ValueError(
                    f"{what} has shape {tuple(t.shape)}; expected ({len(self.x)},): one value a {self.item}"
                )
        if self.y is not None and len(self.y):
            low, high = (int(bound) for bound in self.y.aminmax())
            if low < 0 or (self.classes and high >= len(self.classes)):
                expected = (
                    f"0 to {len(self.classes) - 1}, one number for each of the {len(self.classes)} classes"
                    if self.classes
                    else f"0 or more: leave out each {self.item} that has no label"
                )
                raise ValueError(f"y runs from {low} to {high}; expected {expected}")

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Any) -> Self:
        """The same container with fewer items.

        Args:
            index: a row's number, a slice, or numbers or a mask in one dimension: a list, a tensor or a numpy array.

        Nothing is checked again: checks run when data are made.

        Raises:
            IndexError: a row that does not exist, or a mask of another length.
            TypeError: an index that is none of these.
        """
        rows = _rows(index, len(self))
        if isinstance(rows, Tensor):
            rows = rows.to(self.device)
        try:
            return self._map(lambda column: column[rows])
        except IndexError:  # asked for before, each batch would be read
            wrong = [row for row in torch.as_tensor(rows).tolist() if not -len(self) <= row < len(self)]
            raise IndexError(
                f"index {', '.join(map(str, wrong[:5]))} is out of range: the data set has {len(self)} items"
            ) from None

    def to(self, device: torch.device | str) -> Self:
        """The same container with every tensor on `device`.

        Raises:
            ValueError: a device that torch does not know.
        """
        try:
            device = torch.device(device)
        except (RuntimeError, TypeError):
            raise ValueError(f'device is {device!r}; expected one that torch knows, such as "cpu" or "cuda"') from None
        return self._map(lambda column: column.to(device))

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
    def class_count(self) -> int:
        """How many classes there are: those with a name, or else up to the highest label.

        Raises:
            ValueError: the items are not labelled.
        """
        return len(self.classes) or int(self.labels.max()) + 1

    @property
    def causes(self) -> dict[str, Tensor]:
        """The hidden causes that vary: what a probe can be trained for. The label alone where there are none."""
        varying = {k: v for k, v in self.factors.items() if len(v) and not (v == v[0]).all()}
        return varying or ({} if self.y is None else {"label": self.y})

    @property
    def device(self) -> torch.device:
        """Where the items lie."""
        return self.x.device

    def _map(self, f: Callable[[Column], Column]) -> Self:
        """The same container with each of its columns through f, tensors and containers."""
        return unchecked(type(self), {name: _mapped(column, f) for name, column in vars(self).items()})


@dataclass(frozen=True)
class Images(Items):
    """Pictures in memory: x is uint8 (N, C, H, W), C is 1 or 3; the other attributes as in `Items`.

    Raises:
        TypeError: x is not a uint8 tensor, or y holds no whole numbers.
        ValueError: a shape or a length does not fit.
    """

    item: ClassVar[str] = "picture"
    kind: ClassVar[str] = "pictures"

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

    def inputs(self) -> tuple[Tensor]:
        """The pictures as floats in [0, 1], (N, C, H, W)."""
        return (as_float(self.x),)

    def baseline(self) -> tuple[str, Tensor]:
        """The pixels in [0, 1], (N, C · H · W)."""
        return "raw pixels", as_float(self.x).flatten(1).cpu()

    def plain_view(self) -> MakeViews:
        return weak(self.shape[-1])

    def places(self, view: Tensor) -> list[Tensor]:
        """Squares of an eighth of the width, half overlapping."""
        side, (height, width) = max(4, view.shape[-1] // 8), view.shape[-2:]
        return [
            view[:, :, i : i + side, j : j + side].flatten(1)
            for i in range(0, max(1, height - side + 1), side // 2)
            for j in range(0, max(1, width - side + 1), side // 2)
        ]

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
    kind: ClassVar[str] = "texts"

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

    def baseline(self) -> tuple[str, Tensor]:
        """How often each word of the vocabulary stands in a text, (N, V)."""
        counts = torch.zeros(len(self), len(self.vocabulary), device=self.x.device, dtype=torch.float32)
        return "word counts", counts.scatter_add_(1, self.x, (self.x != PAD).float()).cpu()

    def alike(self, others: Items) -> Tensor:
        """BM25, (N, M): these texts are the questions, the others what is searched; see `ranking.bm25`.

        Over whole words in lower case, whatever the numbers stand for.
        """
        if not isinstance(others, Texts):
            return super().alike(others)
        queries, passages = as_words(self.lines(), others.lines())
        return bm25(queries, passages)

    def plain_view(self) -> MakeViews:
        return next_token(whole=False)

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
        return self[index].lines()[0]

    def lines(self) -> list[str]:
        """The words of each text as a line to read."""
        if self.tokenizer is not None:
            return self.tokenizer.decode(self.x)
        rows = (" ".join(self.vocabulary[i] for i in row if i) for row in self.x.tolist())
        return [re.sub(r" ([.,!?])", r"\1", words) for words in rows]


@dataclass(frozen=True, init=False)
class Pairs(Items):
    """Two containers row for row, a picture and its caption for one: `pairs.a`, which is also x, and `pairs.b`.

    Labels and causes are those of `a`, unless it has none; `dataclasses.replace` sets others.

    Raises:
        ValueError: they have different lengths.
    """

    b: Items = field(kw_only=True)
    item: ClassVar[str] = "pair"
    kind: ClassVar[str] = "pairs"

    def __init__(self, x: Items, b: Items, **known: Any) -> None:
        for what, items in (("a", x), ("b", b)):
            if not isinstance(items, Items):
                raise TypeError(f"{what} is {type(items).__name__}; expected a container")
        if len(x) != len(b):
            raise ValueError(f"a has {len(x)} items and b {len(b)}; expected as many, row for row")
        if not known:
            side = x if x.y is not None or x.factors else b
            known = {what: getattr(side, what) for what in ("y", "classes", "factors", "levels", "periodic")}
            known["name"] = f"{x.name}, {b.name}"
        object.__setattr__(self, "b", b)
        super().__init__(x, **known)  # type: ignore[arg-type]

    @property
    def a(self) -> Items:
        """The first of each pair."""
        return self.x  # type: ignore[return-value]

    def inputs(self) -> tuple[Tensor, ...]:
        """What an encoder of both sides is given: the inputs of a, then those of b."""
        return (*self.a.inputs(), *self.b.inputs())

    def baseline(self) -> tuple[str, Tensor]:
        """The numbers of both sides, beside each other."""
        (first, one), (second, other) = self.a.baseline(), self.b.baseline()
        return f"{first}, {second}", torch.cat((one, other), 1)


def as_items(x: Any) -> Items:
    """A bare tensor as a container: uint8 (N, C, H, W) are pictures, floats of that shape pictures in [0, 1], and
    everything else is given to an encoder as it is.

    An array, and a list of tensors of one shape, are taken as a tensor.

    Raises:
        TypeError: neither a tensor nor a container.
        ValueError: pictures outside [0, 1].
    """
    if isinstance(x, Items):
        return x
    try:
        x = as_tensor("data", x)
    except TypeError:
        raise TypeError(
            f"data is {type(x).__name__}; expected a container such as load(…) gives, or a tensor of numbers"
        ) from None
    if x.dtype == torch.uint8:
        return Images(x)
    return Items(as_float(x) if x.is_floating_point() and x.ndim == 4 and x.shape[1] in (1, 3) else x)


def unchecked(kind: type[Kind], columns: dict[str, Any]) -> Kind:
    """A container of columns that were checked before: a batch would wait for its checks in every step."""
    made = object.__new__(kind)
    vars(made).update(columns)
    return made


def _mapped(column: Any, f: Callable[..., Any]) -> Any:
    if isinstance(column, Tensor | Items):
        return f(column)
    if isinstance(column, dict):
        return {key: _mapped(part, f) for key, part in column.items()}
    return column


def _rows(index: Any, count: int) -> slice | Tensor:
    """Which of `count` rows an index means: a slice, or a tensor in one dimension of numbers or of bools."""
    if isinstance(index, slice):
        try:
            index.indices(count)
        except TypeError:
            raise TypeError(f"index is {index!r:.80}; {EXPECTED}") from None
        return index
    if isinstance(index, tuple):  # to numpy the 2nd number is a column
        raise TypeError(f"index is {index!r:.80}; {EXPECTED}; for several rows a list: data[[0, 1]]")
    try:
        if isinstance(index, np.ndarray):
            index = index.copy()  # torch takes no array that runs backwards
        elif hasattr(index, "__index__") and not isinstance(index, bool | np.generic | Tensor):
            index = operator.index(index)
        rows = torch.as_tensor(index)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"index is {index!r:.80}; {EXPECTED}") from None
    if rows.dtype is torch.bool and rows.ndim == 1:
        if len(rows) != count:
            raise IndexError(f"the mask has {len(rows)} values; expected {count}, one for each item of the data set")
        return rows
    if rows.is_floating_point() and rows.shape == (0,):  # an empty list
        return rows.long()
    if rows.dtype is torch.bool or rows.is_floating_point() or rows.is_complex() or rows.ndim > 1:
        raise TypeError(f"index is {rows.dtype} of shape {tuple(rows.shape)}; {EXPECTED}")
    if not rows.ndim:
        if not -count <= int(rows) < count:
            raise IndexError(f"index {int(rows)} is out of range: the data set has {count} items")
        rows = rows[None]
    return rows.long()


def _cause(name: str, came: Any) -> Tensor:
    """The values of a hidden cause: quantities as float32, whole numbers and bools as int64."""
    t = as_tensor(f"factors[{name!r}]", came)
    return t.float() if t.is_floating_point() else as_labels(name, t)


def _kind(x: object) -> str:
    return str(x.dtype) if isinstance(x, Tensor) else type(x).__name__
