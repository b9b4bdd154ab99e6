"""A fingerprint of things by their content: tensors, functions with what they refer to, and objects made of them."""

from __future__ import annotations

import copyreg
import dis
import functools
import hashlib
import inspect
import sys
import types
import typing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sslwb.data import Items

PACKAGE = Path(__file__).parents[1]


def fingerprint_of(thing: Any) -> str:
    """A hash of a thing and of all that it is made of, as it is now: 20 hex digits, the same in every process.

    What is the library's own, or an installed package's, is told by its name; the library's sources are in the hash.

    Raises:
        NotIdentified: part of it cannot be told from others: an open file, a generator.
    """
    known = _Fingerprint()
    try:
        known.add((sources(), thing))
    except RecursionError as error:
        raise NotIdentified("it is nested too deeply") from error
    return known.digest.hexdigest()[:20]


@functools.cache
def sources() -> str:
    """A hash of every source file of the package: after an edit, anywhere in it, nothing is what it was."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class NotIdentified(TypeError):
    """Something that has no content to tell it by."""


ATOMS = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
SIGNS = (inspect.Signature, types.GenericAlias, types.UnionType)  # they compute nothing


class _Fingerprint:
    """A hash of things by their content, the same in every process: no address, no order of a set.

    Tensors and arrays are told by their numbers, functions and classes by their code and what it refers to, and every
    other thing by what pickle would make it of. What comes a second time is the number that it had the first time, so
    cycles end, and a weight that is shared is not one that is copied.
    """

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.seen: dict[int, tuple[int, Any]] = {}  # holds the things, so that no address is given twice

    def add(self, thing: Any) -> None:
        """Add a thing and all that it is made of.

        Raises:
            NotIdentified: part of it cannot be told from others.
        """
        if type(thing) in ATOMS:
            self._note(type(thing).__name__, repr(thing))
        elif type(thing) is tuple:  # as an atom: whether two equal ones are one is Python's own affair
            self._parts("tuple", thing)
        elif isinstance(thing, frozenset | set):
            self._set(thing)
        elif id(thing) in self.seen:
            self._note("again", self.seen[id(thing)][0])
        else:
            self.seen[id(thing)] = len(self.seen), thing
            self._new(thing)

    def _new(self, thing: Any) -> None:
        if isinstance(thing, Tensor):
            self._tensor(thing)
        elif isinstance(thing, np.ndarray):
            self._array(thing)
        elif type(thing) is list:
            self._parts("list", thing)
        elif type(thing) is dict:
            self._parts("dict", [part for item in thing.items() for part in item])
        elif isinstance(thing, nn.Module):  # its mode is set by `fit`
            self._parts("module", (type(thing), {name: v for name, v in vars(thing).items() if name != "training"}))
        elif isinstance(thing, Items):
            self._parts("items", (type(thing), *thing.contents()))
        elif isinstance(thing, types.CodeType):
            self._parts("code", (thing.co_code, thing.co_names, thing.co_varnames, thing.co_freevars, thing.co_consts))
        elif isinstance(thing, types.FunctionType):
            self._function(thing)
        elif isinstance(thing, type):
            self._class(thing)
        elif isinstance(thing, types.MethodType):
            self._parts("method", (thing.__func__, thing.__self__))
        elif isinstance(thing, types.ModuleType):
            self._note("module", thing.__name__)
        elif isinstance(thing, property):
            self._parts("property", (thing.fget, thing.fset, thing.fdel))
        elif isinstance(thing, functools.cached_property):
            self._parts("property", (thing.func,))
        elif isinstance(inner := getattr(thing, "__wrapped__", None), types.FunctionType):
            self._parts("wrapped", (type(thing).__qualname__, inner))  # a classmethod, a function with a cache
        elif isinstance(thing, SIGNS) or type(thing).__module__ == typing.__name__:
            self._note("sign", type(thing).__qualname__)
        else:
            self._object(thing)

    def _note(self, *words: object) -> None:
        self.digest.update(repr(words).encode("utf-8", "backslashreplace") + b"\n")

    def _parts(self, kind: str, parts: Any) -> None:
        self._note(kind, len(parts))
        for part in parts:
            self.add(part)

    def _set(self, thing: Any) -> None:
        def flat(part: Any) -> bool:
            return all(map(flat, part)) if type(part) is tuple else type(part) in ATOMS

        if not all(map(flat, thing)):
            raise NotIdentified("a set of objects has no order of its own")
        self._note(type(thing).__qualname__, *sorted(map(repr, thing)))

    def _tensor(self, thing: Tensor) -> None:
        if thing.is_quantized:
            raise NotIdentified("the numbers of a quantised tensor do not say their scale")
        try:
            bits = thing.detach().cpu().resolve_conj().resolve_neg().contiguous()
            content = bits.flatten().view(torch.uint8).numpy()
        except (RuntimeError, TypeError, NotImplementedError) as error:  # without values, or sparse
            raise NotIdentified(str(error)) from error
        self._note("tensor", str(bits.dtype), tuple(bits.shape), thing.requires_grad)
        self.digest.update(content.data)

    def _array(self, thing: np.ndarray) -> None:
        self._note("array", str(thing.dtype), thing.shape)
        if thing.dtype.hasobject:
            self.add(thing.tolist())
        else:
            self.digest.update(thing.tobytes())

    def _function(self, thing: types.FunctionType) -> None:
        there = thing.__globals__
        home = str(there.get("__name__"))
        self._note("function", home, thing.__qualname__)
        cells = [_content(cell) for cell in thing.__closure__ or ()]
        self._parts("made of", (thing.__code__, thing.__defaults__, thing.__kwdefaults__, cells, vars(thing)))
        if not _of_a_library(home):
            for name in _globals(thing.__code__):
                if name in there:
                    self._note("global", name)
                    self._global(there[name], thing.__code__)

    def _global(self, thing: Any, code: types.CodeType) -> None:
        """What a name stands for in code; of a learner's own module, what the code takes from it."""
        self.add(thing)
        if isinstance(thing, types.ModuleType) and not _of_a_library(thing.__name__):
            for name in sorted(_names(code) & vars(thing).keys()):
                self._note("of module", name)
                self._global(vars(thing)[name], code)

    def _class(self, thing: type) -> None:
        self._note("class", thing.__module__, thing.__qualname__)
        self._parts("bases", thing.__bases__)  # of a class that torch makes at run time one may be a learner's own
        if not _of_a_library(thing.__module__):
            for name, part in sorted(vars(thing).items()):
                if callable(part) or isinstance(part, classmethod) or not name.startswith(("__", "_abc_impl")):
                    self._note("attribute", name)
                    self.add(part)

    def _object(self, thing: Any) -> None:
        reduced = copyreg.dispatch_table.get(type(thing))
        try:
            made_of = reduced(thing) if reduced else thing.__reduce_ex__(4)
        except Exception as error:  # a lock, an open file, a generator: each has its own words for it
            raise NotIdentified(str(error)) from error
        if isinstance(made_of, str):  # its own name
            self._note("named", str(getattr(thing, "__module__", None)), made_of)
            return
        make, arguments, state, *rows = (*made_of, None, None, None)[:5]
        make = None if make is copyreg.__newobj__ else make  # type: ignore[attr-defined]
        self._parts("object", (type(thing), make, arguments, state, *(None if r is None else [*r] for r in rows)))


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put in yet
        return None


def _codes(code: types.CodeType) -> list[types.CodeType]:
    """A code and those of the functions inside it."""
    return [code, *(c for part in code.co_consts if isinstance(part, types.CodeType) for c in _codes(part))]


def _globals(code: types.CodeType) -> list[str]:
    """The names that a code looks up outside itself."""
    asked = (i for c in _codes(code) for i in dis.get_instructions(c) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    return sorted({i.argval for i in asked})


def _names(code: types.CodeType) -> set[str]:
    return {name for c in _codes(code) for name in c.co_names}


@functools.cache
def _of_a_library(module: str) -> bool:
    """Whether a module is told by its name: Python's own, an installed package, or ours, whose sources are hashed."""
    root = module.partition(".")[0]
    if root in sys.stdlib_module_names or root in sys.builtin_module_names or root == PACKAGE.name:
        return True
    file = getattr(sys.modules.get(root), "__file__", None) or ""
    return bool({"site-packages", "dist-packages"} & set(Path(file).parts))
