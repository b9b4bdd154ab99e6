"""Which hidden causes come among samples: of a world that knows them, the modes of a generative model can be counted.
Lesson 16."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sslwb.core import typed, usual, whole
from sslwb.data import Items
from sslwb.data.containers import as_items
from sslwb.evaluate.embedding import check_encoder, embed
from sslwb.evaluate.probes import Logistic, logistic

RARE = 0.1  # a value that comes less often than this share of what it should is missing: readers err, in 1 to 2 %
DECAY = 1e-2  # of the probes
THIRDS = ("low", "middle", "high")


@dataclass(frozen=True)
class CauseCount:
    """How often each value of one cause comes, (K,) shares that sum to 1: in the data, and among the samples."""

    values: tuple[str, ...]
    data: Tensor
    samples: Tensor

    @property
    def missing(self) -> tuple[str, ...]:
        """The values that never come, or less than a tenth as often as in the data."""
        gone = (self.samples < RARE * self.data).tolist()
        return tuple(value for value, never in zip(self.values, gone, strict=True) if never)

    @property
    def distance(self) -> float:
        """The total variation distance, 0 to 1: the share of the samples that would have to take another value."""
        return float((self.data - self.samples).abs().sum()) / 2


class CauseReader:
    """Reads hidden causes from pictures: a linear probe for each cause, on all places of a frozen encoder.

    Categories are read as they are, quantities in thirds of equal share. Causes that wrap round, or that some items
    lack, cannot be read so.

    Args:
        encoder: what sees the causes: one that was trained with labels, such as `methods.supervised`.
        data: items of a world that knows their causes; the probes learn from them.
        causes: names of those to read; None: all that can be read.

    Raises:
        TypeError: no encoder, or one without `features`; data that are no container.
        ValueError: data without such causes, or without a named one.
    """

    @usual()
    def __init__(self, encoder: nn.Module, data: Items, causes: Sequence[str] | None = None) -> None:
        check_encoder(encoder)
        if not hasattr(encoder, "features"):
            raise TypeError(f"encoder is {type(encoder).__name__} without .features; expected one of sslwb.nets")
        if not isinstance(data, Items):
            raise TypeError(f"data is {type(data).__name__}; expected a container such as load(…) gives")
        known = {
            name: t.cpu()
            for name, t in data.causes.items()
            if name in data.factors and name not in data.periodic and not t.isnan().any()
        }
        if not known:
            raise ValueError(f"{data.name or 'data'} has no hidden causes that can be read; expected items of a world")
        if unknown := [name for name in causes or () if name not in known]:
            raise ValueError(f"causes names {unknown[0]!r}; of these data can be read: {', '.join(known)}")
        self.places = _Places(encoder)
        z = embed(self.places, data)
        self.mean, self.std = z.mean(0), z.std(0, correction=0)
        self.std = torch.where(self.std > 0, self.std, torch.inf)  # a constant feature says nothing
        self.edges: dict[str, Tensor] = {}
        self.values: dict[str, tuple[str, ...]] = {}
        self.probes: dict[str, Logistic] = {}
        for name in causes or known:
            t = known[name]
            if t.is_floating_point():
                self.edges[name] = t.quantile(torch.tensor([1 / 3, 2 / 3]))
                self.values[name] = THIRDS
            else:
                self.values[name] = data.levels.get(name) or tuple(map(str, range(int(t.max()) + 1)))
            (self.probes[name],) = logistic(self._standardised(z), self._classes(name, t), [DECAY])

    @usual()
    def read(self, samples: Items | Tensor) -> dict[str, Tensor]:
        """The value of each cause of each sample: int64 (N,), places in `values[cause]`.

        Args:
            samples: a container, or pictures (N, C, H, W): bytes, or floats in [0, 1].

        Raises:
            TypeError, ValueError: see `embed`.
        """
        z = self._standardised(embed(self.places, samples))
        return {name: probe.classes[(z @ probe.weights + probe.bias).argmax(1)] for name, probe in self.probes.items()}

    def accuracy(self, data: Items) -> dict[str, float]:
        """How often each cause is read rightly, of items that the probes were not trained on, whose causes are known.

        Raises:
            ValueError: the data lack a cause.
        """
        if missing := [name for name in self.probes if name not in data.factors]:
            raise ValueError(f"data lacks the cause {missing[0]!r}; expected the causes {', '.join(self.probes)}")
        truth = {name: self._classes(name, data.factors[name].cpu()) for name in self.probes}
        return {name: float((found == truth[name]).float().mean()) for name, found in self.read(data).items()}

    def _classes(self, name: str, cause: Tensor) -> Tensor:
        return torch.bucketize(cause, self.edges[name]) if name in self.edges else cause

    def _standardised(self, z: Tensor) -> Tensor:
        return (z - self.mean) / self.std


@typed
def coverage(reader: CauseReader, samples: Items | Tensor, data: Items | Tensor) -> dict[str, CauseCount]:
    """How often each value of each cause comes among samples, beside the data; both as the same reader reads them.

    Args:
        samples: (N, C, H, W) in [0, 1], such as `method.sample(noise)`, or a container.
        data: pictures of the same kind that neither reader nor method was trained on.

    Raises:
        TypeError: no `CauseReader`.
        ValueError: no samples.
    """
    if not isinstance(reader, CauseReader):
        raise TypeError(f"reader is {type(reader).__name__}; expected a CauseReader(encoder, data)")
    shares = []
    for what, items in (("data", data), ("samples", samples)):
        if not len(as_items(items)):
            raise ValueError(f"{what} holds no pictures; expected one or more")
        shares.append(
            {
                name: torch.bincount(found, minlength=len(reader.values[name])).float() / len(found)
                for name, found in reader.read(items).items()
            }
        )
    of_data, of_samples = shares
    return {name: CauseCount(reader.values[name], of_data[name], of_samples[name]) for name in reader.probes}


class _Places(nn.Module):
    """An encoder whose embedding is all its places behind each other: their mean forgets where a thing is."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.dim = whole("dim", encoder.dim)

    def forward(self, *inputs: Any) -> Tensor:
        places: Tensor = self.encoder.features(*inputs).flatten(1)  # type: ignore[operator]
        return places
