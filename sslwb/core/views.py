"""Views: what a recipe makes of a batch and a method is given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from sslwb.core.arguments import as_tensor, check_dense, check_shapes

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
    """The tensor of a batch: the column x of a container, or a tensor itself, as `as_tensor` takes it.

    Raises:
        TypeError: neither.
    """
    return as_tensor("batch", getattr(batch, "x", batch))


def check_generator(generator: Any, device: torch.device) -> None:
    """Raise unless a recipe is given a generator of the device of its batch; None would be everybody's own."""
    if not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator is {type(generator).__name__}; expected a torch.Generator: torch.Generator().manual_seed(0)"
        )
    if generator.device.type != device.type:
        raise ValueError(
            f"generator is on {generator.device} and the batch on {device}; expected torch.Generator({str(device)!r})"
        )


def check_views_of_recipe(views: Any, device: torch.device) -> None:
    """Raise unless they are several tensors that a net can be given: floats, int64 or bool, on the device of the batch.

    Raises:
        TypeError: no sequence of tensors, or tensors of another type, such as bytes.
        ValueError: another device.
    """
    if isinstance(views, Tensor) or not isinstance(views, Sequence):
        raise TypeError(f"make_views gave a {type(views).__name__}; expected a list of tensors, one a view: [view]")
    names = getattr(views, "_fields", [f"views[{i}]" for i in range(len(views))])
    for name, view in zip(names, views, strict=True):
        if view is None and hasattr(views, "_fields"):
            continue
        if not isinstance(view, Tensor):
            raise TypeError(f"{name} is a {type(view).__name__}; expected a tensor: make_views must return tensors")
        check_dense(name, view)
        if not view.is_floating_point() and view.dtype not in (torch.int64, torch.bool):
            raise TypeError(
                f"{name} is {view.dtype}; expected floats, for pictures from 0 to 1: sslwb.augment.images.as_float(x)"
            )
        if view.device.type != device.type:
            raise ValueError(f"{name} is on {view.device} and the training on {device}; expected views on its device")


def check_recipe(name: str, recipe: Any) -> None:
    """Raise TypeError unless it can be called with a batch and a generator."""
    expected = "expected a recipe such as augment.images.simclr(), called as recipe(batch, generator)"
    if isinstance(recipe, type) or not callable(recipe):
        came = f"the class {recipe.__name__}" if isinstance(recipe, type) else f"a {type(recipe).__name__}"
        raise TypeError(f"{name} is {came}; {expected}")
    try:
        inspect.signature(recipe).bind("batch", "generator")
    except TypeError as error:
        raise TypeError(f"{name} cannot be called ({error}); {expected}") from None
    except ValueError:
        pass  # a function of C, which says nothing of its arguments


def as_float32(views: Views) -> Views:
    """The same views, whose floats are float32, as the weights of nets are."""
    made = [v.float() if isinstance(v, Tensor) and v.is_floating_point() else v for v in views]
    if all(a is b for a, b in zip(made, views, strict=True)):
        return views
    return type(views)(*made) if hasattr(views, "_fields") else type(views)(made)  # type: ignore[call-arg]


def as_views(views: Views, kind: type[Named], **shapes: str) -> Named:
    """Views by their names. A plain sequence is taken too, in the order of the names, without those that can be absent.

    Args:
        shapes: of each view by its name, in the words of `check_shapes`.

    Raises:
        TypeError, ValueError: another number of tensors, or of another kind or shape; the message says which are
            expected and which recipe makes them.
    """
    fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    if isinstance(views, kind):
        named = views
    else:
        named = _named(views, kind)
    try:
        given = {name: (view, shapes[name]) for name, view in zip(fields, named, strict=True) if name in shapes}
        check_shapes(**{name: pair for name, pair in given.items() if pair[0] is not None})
    except (TypeError, ValueError) as error:
        raise type(error)(f"{error}; views are {_meaning(kind)}") from None
    return named


def _named(views: Views, kind: type[Named]) -> Named:
    fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    optional: dict[str, Any] = kind._field_defaults  # type: ignore[attr-defined]
    if not len(fields) - len(optional) <= len(views) <= len(fields):
        raise ValueError(
            f"views holds {len(views)} tensor(s); expected {', '.join(f for f in fields if f not in optional)}: "
            f"{_meaning(kind)}"
        )
    return kind(*views)


def _meaning(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
