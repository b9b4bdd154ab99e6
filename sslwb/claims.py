"""Claims: what the prose says about a run, checked by the machine, one line each.

A lesson says once which settings its claims are made for:

    made_for(DATA="shapes", STEPS=600, SEED=0)

From then on `claim` stops the lesson when something said does not hold. Where the settings are others, or a training
was stopped before its end, it prints the number and goes on. What stands on stored rows says so, with their seeds: no
run of the learner's could break it, only the script that makes the rows anew.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterable
from typing import Any

from sslwb.core import whole
from sslwb.screen import say
from sslwb.train import History, Run
from sslwb.train.loop import train_share

_COMPARE: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    ">": (">", operator.gt),
    ">=": ("≥", operator.ge),
    "<": ("<", operator.lt),
    "<=": ("≤", operator.le),
    "==": ("=", operator.eq),
    "~=": ("≈", lambda a, b: math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-4)),
}

# The settings that the claims are made for, and the notebook's names, looked up again at every claim.
_made_for: tuple[dict[str, object], dict[str, Any]] = ({}, {})


class ClaimFailed(AssertionError):
    """Something that the lesson says did not hold with the lesson's own settings."""


def made_for(**settings: object) -> None:
    """Name the settings for which the claims of this notebook are made: `made_for(DATA="shapes", STEPS=600)`.

    The names are those of the settings cell. Their values there are compared with these at every claim.

    Raises:
        NameError: a setting has no variable of that name above.
    """
    global _made_for
    names = sys._getframe(1).f_globals
    for name in settings:
        if name not in names:
            raise NameError(f"made_for names {name}, and there is no variable {name}; expected names of settings above")
    _made_for = (settings, names)
    if reason := _other_settings():
        say(f"· your settings: {reason}. What the lesson claims is shown from here on, and not insisted on.")


def claim(
    text: str, value: Any, op: str, threshold: Any, *, default: bool | None = None, stored: int | None = None
) -> None:
    """Print a tick, the text and both numbers, or stop the lesson because the text is not true.

    Args:
        text: what is claimed, a sentence without its full stop.
        value: the measured number: an int, float, bool, or a tensor or array of one element.
        op: ">", ">=", "<", "<=", "==" or "~=" (within 1e-4, relative or absolute).
        threshold: the number it is compared with.
        default: None asserts for the settings of `made_for`, after trainings that ran to their end; elsewhere it
            reports. True asserts always (an equality that no setting can break), False never.
        stored: the numbers are of rows that are stored with the course, of so many seeds, and of nothing that was run
            here. It is asserted always.

    Raises:
        ClaimFailed: it does not hold, or value is not a number (NaN).
        TypeError: value or threshold is not one number.
        ValueError: an unknown op, or a threshold of NaN.
    """
    if op not in _COMPARE:
        raise ValueError(f"op is {op!r}; expected one of {', '.join(map(repr, _COMPARE))}")
    number, limit = _number("value", value), _number("threshold", threshold)
    if math.isnan(limit):
        raise ValueError(f"threshold is NaN; expected a number to compare {number:.3g} with")
    if stored is not None:
        default, text = True, f"stored, {whole('stored', stored, 1)} seed{'s' * (stored != 1)}: {text}"
    sign, holds = _COMPARE[op]
    came, expected = _written(number, limit)
    if default is False or (default is None and (reason := _other_settings() or _stopped())):
        why = f" ({reason})" if default is None else ""
        say(f"· {text}: not claimed here: {came}{why}")
    elif math.isnan(number):
        raise ClaimFailed(f"{text}: the value is not a number (NaN); expected {sign} {expected}")
    elif not holds(number, limit):
        raise ClaimFailed(
            f"{text}: {came} is not {sign} {expected}. The lesson claims this for its own settings; "
            "if you changed a cell on purpose, this is what you have found out"
        )
    else:
        say(f"✓ {text} ({came} {sign} {expected})")


def _other_settings() -> str:
    """ "STEPS is 100 instead of 600", or nothing where all are the lesson's own."""
    settings, names = _made_for
    share = train_share()
    other = [f"trainings take {share:.0%} of their steps"] if share < 1 else []
    other += [
        f"{name} is {names[name]!r} instead of {value!r}"
        for name, value in settings.items()
        if name in names and names[name] != value
    ]
    return ", ".join(other)


def _stopped() -> str:
    """Whether a training that the notebook holds was stopped before its end."""
    # IPython keeps earlier results as _, _12 and Out: a training that was repeated since would stand there still.
    held = [value for name, value in _made_for[1].items() if name[0] != "_" and name != "Out"]
    for run in _trainings(held):
        history = run.history if isinstance(run, Run) else run
        if history.stopped:
            return f"a training was stopped at step {len(history)}"
    return ""


def _trainings(values: Iterable[Any]) -> Iterable[Run | History]:
    """Runs and histories among the values, and in the lists and dicts among them."""
    for value in values:
        if isinstance(value, (Run, History)):
            yield value
        elif isinstance(value, (dict, list, tuple)) and len(value) <= 64:
            inner = value.values() if isinstance(value, dict) else value
            yield from (v for v in inner if isinstance(v, (Run, History)))


def _number(what: str, value: Any) -> float | int:
    """A Python number from anything that is one number."""
    if hasattr(value, "item") and math.prod(getattr(value, "shape", ())) == 1:
        value = value.item()
    if isinstance(value, (int, float)):
        return value
    shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
    raise TypeError(
        f"{what} is {type(value).__name__}{shape}; expected one number: take an element, a mean() or a len()"
    )


def _written(value: float, threshold: float) -> tuple[str, str]:
    """Both numbers with as few decimals as tell them apart."""
    if isinstance(value, int) and isinstance(threshold, int):
        return str(value), str(threshold)
    size = max(abs(value), abs(threshold))
    if math.isfinite(size) and size >= 0.01:
        for digits in range(0 if size >= 100 else 2, 7):
            a, b = f"{value:.{digits}f}", f"{threshold:.{digits}f}"
            if math.isclose(float(b), threshold, rel_tol=1e-3) and (a != b or value == threshold):
                return a, b
    return f"{value:.2g}", f"{threshold:.2g}"
