"""Recipes made of recipes: labels or noise beside the views, and the two sides of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sslwb.core import MakeViews, Views, check_generator, check_recipe, recorded, whole


@recorded
@dataclass(frozen=True)
class Labelled:
    """Views, and the labels of the batch as the last of them; see `labelled`."""

    of: MakeViews

    def __post_init__(self) -> None:
        check_recipe("of", self.of)

    def __call__(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, ...]:
        if isinstance(batch, Tensor) or not hasattr(batch, "labels"):
            raise TypeError(f"batch is {type(batch).__name__}; expected a container, which knows its labels")
        inputs = one_input(self.of(batch, generator))
        labels: Tensor = batch.labels
        return (*inputs, labels.repeat(len(inputs[0]) // len(labels)))


def labelled(of: MakeViews) -> Labelled:
    """Views with the labels of the batch as the last of them: batch, generator → (*inputs, labels (B,)).

    Views of the same kind, such as four crops of each picture, stand one behind the other, (V · B, …), and so do their
    labels. A supervised method then gets what every other gets: views.

    Raises (when called):
        ValueError: the data have no labels; views of the same kind but not of one size.
    """
    return Labelled(of)


@recorded
@dataclass(frozen=True)
class WithNoise:
    """Views, and standard normal numbers as the last of them; see `with_noise`."""

    of: MakeViews
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        check_recipe("of", self.of)
        for side in self.shape:
            whole("shape", side, least=1)

    def __call__(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, ...]:
        inputs = one_input(self.of(batch, generator))
        rows = len(inputs[0])
        check_generator(generator, inputs[0].device)
        noise = torch.randn(rows, *self.shape, generator=generator, device=inputs[0].device, dtype=torch.float32)
        return (*inputs, noise)


def with_noise(of: MakeViews, *shape: int) -> WithNoise:
    """Views with standard normal numbers as the last of them: batch, generator → (*inputs, noise (B, *shape)).

    All that is random in a step is a view: a VAE's latent, a GAN's. So a resumed run draws what the first run drew.
    """
    return WithNoise(of, shape)


@recorded
@dataclass(frozen=True)
class Dequantised:
    """The first of some views as bytes with uniform noise, the others as they are; see `dequantised`."""

    of: MakeViews

    def __post_init__(self) -> None:
        check_recipe("of", self.of)

    def __call__(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, ...]:
        x, *others = one_input(self.of(batch, generator))
        return ((x * 255).round().add_(_uniform(x, generator)).div_(256), *others)


def dequantised(of: MakeViews) -> Dequantised:
    """Pictures whose values fill [0, 1) evenly: batch, generator → (x, …), with x = (byte + u) / 256 and 0 ≤ u < 1.

    A density of values that stand on 256 steps can be made as high as one likes; with the noise it cannot, and says how
    many bits each of D values takes: -nats / (D · ln 2) + 8.
    Source: Theis et al. 2016, "A Note on the Evaluation of Generative Models", section 3.1. Lesson 15.
    """
    return Dequantised(of)


@recorded
@dataclass(frozen=True)
class Binarised:
    """The first of some views with values of 0 and 1, drawn; the others as they are; see `binarised`."""

    of: MakeViews

    def __post_init__(self) -> None:
        check_recipe("of", self.of)

    def __call__(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, ...]:
        x, *others = one_input(self.of(batch, generator))
        return ((_uniform(x, generator) < x).to(x), *others)


def binarised(of: MakeViews) -> Binarised:
    """Pictures of 0 and 1, each value 1 with the probability that its grey is: batch, generator → (x, …).

    So each step draws them anew (Burda et al. 2016, section 5), and a Bernoulli likelihood is a probability.
    """
    return Binarised(of)


def _uniform(x: Tensor, generator: torch.Generator) -> Tensor:
    """Numbers from 0 to below 1, of x's shape."""
    check_generator(generator, x.device)
    return torch.rand(x.shape, generator=generator, device=x.device, dtype=torch.float32)


class Pair(NamedTuple):
    """What belongs together, row by row; `augment.paired(…)` makes them."""

    a: Tensor  # (B, …)
    b: Tensor  # (B, …)


@recorded
@dataclass(frozen=True)
class Paired:
    """The two sides of a container of pairs; see `paired`."""

    a: MakeViews
    b: MakeViews

    def __post_init__(self) -> None:
        check_recipe("a", self.a)
        check_recipe("b", self.b)

    def __call__(self, batch: Any, generator: torch.Generator) -> Pair:
        if not hasattr(batch, "a") or not hasattr(batch, "b"):
            raise TypeError(f"batch is {type(batch).__name__}; expected a container of pairs: sslwb.data.Pairs")
        return Pair(self.a(batch.a, generator)[0], self.b(batch.b, generator)[0])


def paired(a: MakeViews, b: MakeViews) -> Paired:
    """A recipe for each side of a container of pairs (`data.Pairs`): batch, generator → `Pair`."""
    return Paired(a, b)


@recorded
@dataclass(frozen=True)
class Unchanged:
    """The tensors of a batch as an encoder is given them, or a bare tensor as it is: nothing is random."""

    def __call__(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, ...]:
        return (batch,) if isinstance(batch, Tensor) else batch.inputs()


def one_input(views: Views) -> tuple[Tensor, ...]:
    """The tensors of one encoder call: views of the same kind, a list, one behind the other; named views as they are.

    Raises:
        ValueError: views of the same kind but not of one size.
    """
    if not isinstance(views, list):
        return tuple(views)
    if any(v.shape[1:] != views[0].shape[1:] for v in views):
        raise ValueError(f"the views have shapes {[tuple(v.shape) for v in views]}; expected views of one size")
    return (views[0],) if len(views) == 1 else (torch.cat(views),)
