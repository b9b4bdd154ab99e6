"""Arguments at the door, one rule for all: what has one clear meaning is taken, the rest is an error that names it.

A whole number is what Python takes for an index (`operator.index`), so one of numpy or a tensor without dimensions is
one too, and 16.0 is none; a number is what `float()` takes of them; a tensor may come as an array or as a list.
"""

from __future__ import annotations

import functools
import inspect
import operator
import sys
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from sslwb.core.host import may_read

Function = TypeVar("Function", bound=Callable[..., Any])
P = ParamSpec("P")
Result = TypeVar("Result")

KINDS = {"int64": torch.int64, "bool": torch.bool}  # words of `check_shapes`; without one of them floats are meant


def whole(name: str, value: Any, least: int | None = None) -> int:
    """A whole number as an int: an int, np.int64, a tensor of one integer. No bool, no float, no str.

    Raises:
        TypeError: it is none.
        ValueError: it is below `least`.
    """
    if not _is_bool(value):
        try:
            number = operator.index(value)
        except TypeError:
            pass
        else:
            if least is not None and number < least:
                raise ValueError(f"{name} is {number}; expected {least} or more")
            return number
    hint = " (// divides whole numbers, int(…) makes one)" if isinstance(value, float | np.floating) else ""
    raise TypeError(f"{name} is {_shown(value)}; expected a whole number{hint}")


def number(name: str, value: Any) -> float:
    """A number as Python's own: an int, a float, one of numpy, a tensor of one number. No bool, no str.

    Raises:
        TypeError: it is none.
    """
    if not _is_bool(value) and not isinstance(value, str | bytes) and not getattr(value, "ndim", 0):
        try:
            return value if type(value) is int else float(value)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            pass
    raise TypeError(f"{name} is {_shown(value)}; expected a number")


def typed(function: Function) -> Function:
    """A decorator: what is annotated `int` is taken by `whole`, `float` by `number`, alone, with None, or in a tuple.

    Defaults, and arguments with other annotations, are handed on as they are.

    Raises (when called):
        TypeError: another type; the message names the argument.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def taking(*args: Any, **settings: Any) -> Any:
        args, settings = taken(function, signature, args, settings)
        return function(*args, **settings)

    return taking  # type: ignore[return-value]


def taken(
    function: Callable[..., Any], signature: inspect.Signature, args: tuple[Any, ...], settings: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call as `typed` hands them on."""
    try:
        bound = signature.bind(*args, **settings)
    except TypeError:
        return args, settings  # Python's own message is the better one
    _take(function, signature, bound.arguments)
    return bound.args, bound.kwargs


def taken_settings(function: Callable[..., Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Some arguments of a call by their names, as `typed` hands them on."""
    settings = {**settings}
    _take(function, inspect.signature(function), settings)
    return settings


def same_arguments_as(other: Callable[P, Any]) -> Callable[[Callable[..., Result]], Callable[P, Result]]:
    """A decorator for a function that hands its arguments on to `other`: it has that signature, which stands once.

    So do help, completion, mypy, and errors, which name the function that was called.

    Raises (when called):
        TypeError: an argument too many, or one too few.
    """
    signature = inspect.signature(other)

    def signed(function: Callable[..., Result]) -> Callable[P, Result]:
        @functools.wraps(function)
        def handing_on(*args: P.args, **settings: P.kwargs) -> Result:
            try:
                signature.bind(*args, **settings)
            except TypeError as error:
                expected = ", ".join(signature.parameters)
                raise TypeError(f"{function.__name__}(): {error}; expected {expected}") from None
            return function(*args, **settings)

        result = inspect.signature(function).return_annotation
        handing_on.__signature__ = signature.replace(return_annotation=result)  # type: ignore[attr-defined]
        return handing_on

    return signed


def _take(function: Callable[..., Any], signature: inspect.Signature, arguments: dict[str, Any]) -> None:
    hints = _hints(function)
    for name, value in arguments.items():
        parameter = signature.parameters[name]
        if name in hints and value is not parameter.default and parameter.kind != parameter.VAR_KEYWORD:
            several = parameter.kind == parameter.VAR_POSITIONAL
            hint = types.GenericAlias(tuple, (hints[name], ...)) if several else hints[name]
            arguments[name] = _taken(name, value, hint)


def _taken(name: str, value: Any, hint: Any) -> Any:
    if hint is int:
        return whole(name, value)
    if hint is float:
        return number(name, value)
    if hint is bool and isinstance(value, np.bool_):
        return bool(value)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        plain = [part for part in parts if part is not types.NoneType]
        return value if value is None or len(plain) != 1 else _taken(name, value, plain[0])
    if origin in (tuple, Sequence, list) and {*parts} <= {int, float, ...}:
        if isinstance(value, Tensor | np.ndarray):
            value = value.tolist()
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise TypeError(f"{name} is {_shown(value)}; expected several numbers, such as (2, 1)")
        every = origin is not tuple or ... in parts
        if not every and len(value) != len(parts):
            raise ValueError(f"{name} holds {len(value)} numbers; expected {len(parts)}")
        each = [parts[0]] * len(value) if every else parts
        numbers = [_taken(f"{name}[{i}]", one, of) for i, (one, of) in enumerate(zip(value, each, strict=True))]
        return tuple(numbers) if origin is tuple or isinstance(value, tuple) else numbers
    return value


@functools.cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations as types; none of them where one cannot be read, as it may be in a notebook."""
    inner = inspect.unwrap(function)
    try:  # a dataclass's own __init__ does not know the names of its file
        return typing.get_type_hints(inner, vars(sys.modules[inner.__module__]))
    except Exception:
        return {}


def as_tensor(name: str, value: Any) -> Tensor:
    """A tensor as it is, a sparse one dense; an array, or a list of numbers, arrays or tensors of one shape, as one.

    Raises:
        TypeError: something else.
    """
    if isinstance(value, Tensor):
        return value if value.layout is torch.strided else value.to_dense()
    if isinstance(value, np.ndarray | list | tuple):
        try:
            if not isinstance(value, np.ndarray) and any(isinstance(part, Tensor) for part in value):
                return torch.stack([*value])
            array = np.asarray(value)
            backwards = any(stride < 0 for stride in array.strides)  # torch takes none of these
            return torch.from_numpy(array.copy() if backwards or not array.flags.writeable else array)
        except (TypeError, ValueError, RuntimeError):
            pass
    raise TypeError(f"{name} is {_shown(value)}; expected a tensor, or numbers that fill one")


def as_embeddings(name: str, came: Any, least: int = 1) -> Tensor:
    """Embeddings (N, D) of any type of numbers, without their gradient; floats stay of their own precision.

    Raises:
        TypeError: no numbers.
        ValueError: another shape, or fewer than `least` of them.
    """
    z: Tensor = as_tensor(name, came).detach()
    if z.is_complex():
        raise TypeError(f"{name} is {z.dtype}; expected real numbers")
    if z.ndim != 2 or len(z) < least or not z.shape[1]:
        raise ValueError(f"{name} has shape {tuple(z.shape)}; expected (N, D) with N ≥ {least}: one embedding a row")
    return z if z.is_floating_point() else z.float()


def as_labels(name: str, came: Any) -> Tensor:
    """Labels as int64, of any type of whole numbers or of bools.

    Raises:
        TypeError: no whole numbers.
    """
    y: Tensor = as_tensor(name, came).detach()
    if y.is_floating_point() or y.is_complex():
        raise TypeError(f"{name} is {y.dtype}; expected torch.int64 labels: {name}.long()")
    return y.long()


def check_shapes(**tensors: tuple[Any, str]) -> None:
    """Raise unless each is a tensor of its shape: the same letter is the same length, all lie on one device.

        check_shapes(student=(student, "V B K"), teacher=(teacher, "T B K"), centre=(centre, "K"))
        check_shapes(logits=(logits, "* V"), targets=(targets, "int64 *"))

    A star stands for any lengths, none included; a letter for 1 or more. Floats are expected, unless a word says
    int64 or bool. Nothing is read from a device.

    Raises:
        TypeError: no tensor, or one of another kind of numbers.
        ValueError: shapes that do not fit, or tensors of several devices.
    """
    lengths: dict[str, Any] = {}
    fits = True
    for name, (x, said) in tensors.items():
        if not isinstance(x, Tensor):
            raise TypeError(f"{name} is {_shown(x)}; expected a tensor {_letters(said)}")
        check_dense(name, x)
        kind, letters = _split(said)
        if x.dtype != KINDS[kind] if kind else not x.is_floating_point():
            raise TypeError(f"{name} is {x.dtype}; expected {f'torch.{kind}' if kind else 'floats'} {_letters(said)}")
        shape: list[Any] = [*x.shape]
        if letters[:1] == ["*"]:
            cut = len(shape) - len(letters) + 1
            shape = [tuple(shape[: max(cut, 0)]), *shape[max(cut, 0) :]]
        fits &= len(shape) == len(letters) and 0 not in shape
        fits &= all(
            lengths.setdefault(letter, length) == length for letter, length in zip(letters, shape, strict=False)
        )
    if not fits:
        came = {name: str(tuple(x.shape)) for name, (x, _) in tensors.items()}
        (first, its), *others = came.items()
        if len(others) < 2:
            shapes = _listed([f"{first} has shape {its}", *(f"{name} {shape}" for name, shape in others)])
        else:
            shapes = f"{_listed([*came])} have shapes {_listed([*came.values()])}"
        expected = _listed([_letters(said) for _, said in tensors.values()])
        raise ValueError(f"{shapes}; expected {expected}, each letter one length of 1 or more")
    places = {name: x.device for name, (x, _) in tensors.items()}
    if len({*places.values()}) > 1:
        raise ValueError(
            f"{_listed([f'{name} is on {place}' for name, place in places.items()])}; expected one device: x.to(device)"
        )


def check_dense(name: str, x: Tensor) -> None:
    """Raise TypeError for a sparse tensor, of which torch knows few operations."""
    if x.layout is not torch.strided:
        raise TypeError(f"{name} is a tensor of layout {x.layout}; expected a dense one: {name}.to_dense()")


def check_classes(name: str, y: Tensor, count: int, knows: str = "there are {}") -> None:
    """Raise ValueError where a number of y, int64, is not from 0 to count - 1; a GPU would only report an assertion."""
    if y.numel() and may_read(y):
        low, high = (int(bound) for bound in y.aminmax())
        if low < 0 or high >= count:
            beyond = f"to {high}" if low >= 0 else f"from {low}"
            raise ValueError(f"{name} run {beyond}, but {knows.format(count)}: expected 0 to {count - 1}")


def _split(said: str) -> tuple[str, list[str]]:
    first, *others = said.split()
    return (first, others) if first in KINDS else ("", [first, *others])


def _letters(said: str) -> str:
    letters = ["…" if letter == "*" else letter for letter in _split(said)[1]]
    return f"({', '.join(letters)}{',' if len(letters) == 1 else ''})"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1])] * (len(words) > 1) + words[-1:])


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_) or getattr(value, "dtype", None) in (torch.bool, np.dtype(bool))


def _shown(value: Any) -> str:
    """What came, short, with its type."""
    if isinstance(value, Tensor | np.ndarray):
        return f"a {type(value).__name__} of {value.dtype} {tuple(value.shape)}"
    return f"{' '.join(repr(value).split()):.80}, a {type(value).__name__}"
