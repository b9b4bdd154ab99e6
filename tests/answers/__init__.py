"""What learners might hand in, right and wrong, to measure the checks by: `python benchmarks/exercises.py`.

Each wrong answer says which words its hint must hold to have named the mistake, or at least the place of it. The
answers were written after the checks, without a look at what a check says to them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Answer:
    """A function for an exercise; `named` and `located` are regular expressions, empty for a right one."""

    exercise: str
    f: Function
    right: bool
    named: str = ""
    located: str = ""
    place: str = ""  # FILE:LINE
    mistake: str = ""  # in words, for a reader who judges the hint


ANSWERS: list[Answer] = []


def _kept(f: Function, exercise: str, right: bool, named: str = "", located: str = "", mistake: str = "") -> Function:
    code: Any = getattr(inspect.unwrap(f), "__code__")  # noqa: B009
    place = f"{Path(code.co_filename).name}:{code.co_firstlineno}"
    ANSWERS.append(Answer(exercise, f, right, named, located, place, mistake))
    return f


def right(exercise: str) -> Callable[[Function], Function]:
    """The decorated function is a right answer."""
    return lambda f: _kept(f, exercise, True)


def wrong(exercise: str, named: str, located: str = "", mistake: str = "") -> Callable[[Function], Function]:
    """The decorated function is wrong; its hint should match `named`, or at least `located`."""
    return lambda f: _kept(f, exercise, False, named, located, mistake)


def all_answers() -> list[Answer]:
    """Those of every file in this folder."""
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        import_module(f"{__name__}.{path.stem}")
    return ANSWERS
