"""How a thing was made: the name of its constructor and its plain arguments, nested, so that it can be made again.

A method, an encoder and a recipe carry this with them; a checkpoint holds it, and nothing that could run. What is
rebuilt is looked up among the constructors that were recorded here, never imported by a stranger's word.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from sslwb.core.arguments import taken
from sslwb.core.usual import usual

Maker = TypeVar("Maker", bound=Callable[..., Any])

ROOMS = ("sslwb.augment.", "sslwb.nets.", "sslwb.methods.")  # where constructors of a run are looked for
_MAKERS: dict[str, Callable[..., Any]] = {}


class NotRecorded(ValueError):
    """Something of a run cannot be made again from its description; the message says what, and what to do."""


def recorded(make: Maker) -> Maker:
    """A decorator for a class, or for a function that makes an object: what it makes can be described and rebuilt.

        @recorded
        def conv(width: int = 32) -> ConvEncoder: …

        describe(conv(16)) == {"make": "sslwb.nets.convolutional.conv", "width": 16}

    Subclasses of `Method` are recorded without being asked; those of other classes want their own decorator. What is
    annotated as a number is taken as `typed` takes it, and nothing that the process has set changes what is made.
    """
    if isinstance(make, type):
        if "__init__" in vars(make):
            make.__init__ = _recording_init(make.__init__)  # type: ignore[misc]
        _MAKERS[_name(make)] = make
        return make

    signature = inspect.signature(make)

    @functools.wraps(make)
    def recording(*args: Any, **settings: Any) -> Any:
        with usual(gradients=True):
            args, settings = taken(make, signature, args, settings)
            made = make(*args, **settings)
        object.__setattr__(made, "_made", _call(recording, signature, args, settings))
        return made

    _MAKERS[_name(recording)] = recording
    return recording  # type: ignore[return-value]


def describe(thing: Any) -> Any:
    """The plain description of a thing: {"make": constructor, argument: value, …}, nested; a plain value as it is.

    What was not made by a recorded constructor, such as a function of a notebook, is described by its name alone, as
    {"unknown": name}, and cannot be rebuilt.
    """
    thing = plain(thing)
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, list | tuple):
        return [describe(part) for part in thing]
    if isinstance(thing, dict):
        if all(isinstance(key, str) for key in thing) and not thing.keys() & {"make", "unknown"}:
            return {key: describe(part) for key, part in thing.items()}
        return {"make": _name(_dict), "items": [[describe(key), describe(part)] for key, part in thing.items()]}
    if isinstance(made := getattr(thing, "_made", None), dict):
        return made
    if isinstance(thing, functools.partial):
        return {"unknown": _name(thing.func), "with": [describe(thing.args), describe(thing.keywords)]}
    return {"unknown": _name(thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing))}


def plain(value: Any) -> Any:
    """A number or a word as Python's own, which is all that a checkpoint may hold; anything else as it is.

    It comes from numpy (np.float64 is a float too), from a tensor without dimensions, or as a member of an Enum.
    """
    if isinstance(value, np.generic | np.ndarray | Tensor) and value.ndim == 0:
        value = value.item()
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float(value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def rebuild(description: Any) -> Any:
    """What `describe` described, made anew by the same constructors; lists come back as tuples.

    Raises:
        NotRecorded: a constructor that this process does not know, or arguments that it does not take.
    """
    if isinstance(description, list | tuple):
        return tuple(rebuild(part) for part in description)
    if not isinstance(description, dict):
        return description
    if "make" not in description and "unknown" in description:
        raise NotRecorded(
            f"{description['unknown']} was not made by a recorded constructor, so it cannot be made again from its "
            "description; hand it over yourself, or put @recorded (sslwb.core) above what makes it"
        )
    if "make" not in description:
        return {key: rebuild(part) for key, part in description.items()}
    make = maker(description["make"])
    signature = inspect.signature(make)
    given = {_argument(key): rebuild(part) for key, part in description.items() if key != "make"}
    foreign = {name: given.pop(name) for name in given.keys() - signature.parameters.keys()}
    try:
        bound = inspect.BoundArguments(signature, given)
        return make(*bound.args, **bound.kwargs, **foreign)
    except TypeError as error:
        raise NotRecorded(f"{description['make']} does not take what the description says: {error}") from error


def maker(name: Any) -> Callable[..., Any]:
    """The recorded constructor of this name.

    Raises:
        NotRecorded: there is none.
    """
    name = str(name)
    if name not in _MAKERS and name.startswith(ROOMS):
        with contextlib.suppress(ImportError):
            importlib.import_module(name.rpartition(".")[0])
    if name not in _MAKERS:
        raise NotRecorded(
            f"there is no recorded constructor {name!r} in this process; if it is your own, run the cell or import the "
            "file that defines it first"
        )
    return _MAKERS[name]


def _recording_init(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **settings: Any) -> None:
        # a subclass calls its parent's constructor, which must not speak for it
        outermost = "_made" not in vars(self) and type(self).__init__ is __init__
        if outermost:
            object.__setattr__(self, "_made", None)
        with usual(gradients=True):
            (_, *args), settings = taken(init, signature, (self, *args), settings)  # type: ignore[assignment]
            init(self, *args, **settings)
        if outermost:
            object.__setattr__(self, "_made", _call(type(self), signature, (self, *args), settings, skip=1))

    return __init__


def _call(
    make: Callable[..., Any], signature: inspect.Signature, args: Any, settings: dict[str, Any], skip: int = 0
) -> dict[str, Any]:
    bound = signature.bind(*args, **settings)
    bound.apply_defaults()  # so that a default that changes one day changes no old run
    arguments = list(bound.arguments.items())[skip:]
    return {"make": _name(make), **{_key(name): describe(value) for name, value in arguments}}


def _key(argument: str) -> str:
    """Where a description holds an argument: under its name; one called "make" under a word that no argument can be."""
    return "with" if argument == "make" else argument


def _argument(key: str) -> str:
    return "make" if key == "with" else key


def _dict(items: Any) -> dict[Any, Any]:
    return dict(items)


def _name(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"


_MAKERS[_name(_dict)] = _dict  # a dictionary whose keys are no words, or are the words of a description
