"""What `load` returns: a data set that lies in memory as tensors, with everything known about each item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Pictures in memory, their labels, and (in a world) the hidden causes that made them.

    Attributes:
        x: uint8 (N, C, H, W), C is 1 or 3.
        y: int64 (N,), or None where nobody labelled the pictures.
        classes: the names of the labels 0, 1, 2, ….
        factors: one (N,) tensor for each hidden cause: int64 for a category, float32 for a quantity
            (NaN where the cause does not exist for that item: a disc has no angle).
        levels: the names of a categorical cause's values.
        periodic: the quantities that wrap round: their values run from 0 to 1, and 1 is 0 again.
        name: where the pictures come from.

    Raises:
        TypeError: x is not a uint8 tensor, or y not an int64 tensor.
        ValueError: a shape or a length does not fit.
    """

    x: Tensor
    y: Tensor | None = None
    classes: tuple[str, ...] = ()
    factors: dict[str, Tensor] = field(default_factory=dict)
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    periodic: frozenset[str] = frozenset()
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.x, Tensor) or self.x.dtype != torch.uint8:
            came = str(self.x.dtype) if isinstance(self.x, Tensor) else type(self.x).__name__
            raise TypeError(
                f"x is {came}; expected a torch.uint8 tensor with values 0 to 255: (x * 255).to(torch.uint8)"
            )
        if self.x.ndim != 4 or self.x.shape[1] not in (1, 3):
            raise ValueError(
                f"x has shape {tuple(self.x.shape)}; expected (N, C, H, W) with C 1 or 3: "
                "for pictures with channels last use x.permute(0, 3, 1, 2)"
            )
        for what, t in {"y": self.y, **self.factors}.items():
            if t is not None and t.shape != (len(self.x),):
                raise ValueError(f"{what} has shape {tuple(t.shape)}; expected ({len(self.x)},): one value a picture")
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

    def __getitem__(self, index: Any) -> Images:
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

    def to(self, device: torch.device | str) -> Images:
        """The same container with every tensor on `device`."""
        return self._map(lambda t: t.to(device))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one picture."""
        c, h, w = self.x.shape[1:]
        return c, h, w

    @property
    def labels(self) -> Tensor:
        """y, where it must exist.

        Raises:
            ValueError: the pictures are not labelled.
        """
        if self.y is None:
            raise ValueError(f"{self.name or 'this data set'} has no labels (y is None); expected labelled pictures")
        return self.y

    @property
    def causes(self) -> dict[str, Tensor]:
        """The hidden causes that vary: what a probe can be trained for. The label alone where there are none."""
        varying = {k: v for k, v in self.factors.items() if len(v) and not (v == v[0]).all()}
        return varying or ({} if self.y is None else {"label": self.y})

    def _map(self, f: Any) -> Images:
        y = None if self.y is None else f(self.y)
        return replace(self, x=f(self.x), y=y, factors={k: f(v) for k, v in self.factors.items()})
