"""The learner's function is called: on copies, for a limited time, and what it changes for the session is put back."""

from __future__ import annotations

import ctypes
import dis
import functools
import inspect
import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

SECONDS, WAITS = 20.0, 6  # for one call; the slowest right answers, with loops in Python, need about one


@dataclass(frozen=True)
class Trial:
    """One set of arguments, in words and in values, and what is likely wrong with a function that fails here alone.

    A trial made by `drawn` also knows its setting (sizes, temperature …), so that one of them can be changed.
    """

    about: str
    inputs: tuple[Any, ...]
    suspicion: str = ""
    setting: Mapping[str, Any] = field(default_factory=dict)
    draw: Callable[..., tuple[Any, ...]] | None = None
    wording: str = ""

    def again(self, seed: int, **changes: Any) -> Trial:
        """The same setting, apart from the changes, with other numbers."""
        assert self.draw is not None
        return _drawn(self.draw, self.wording, {**self.setting, **changes}, seed)


def drawn(draw: Callable[..., tuple[Any, ...]], wording: str, *settings: Mapping[str, Any]) -> list[Trial]:
    """A trial for each setting; `draw(generator, **setting)` gives its inputs, `wording` is "B = {B}, D = {D}"."""
    return [_drawn(draw, wording, setting, seed) for seed, setting in enumerate(settings)]


def _drawn(draw: Callable[..., tuple[Any, ...]], wording: str, setting: Mapping[str, Any], seed: int) -> Trial:
    inputs = draw(torch.Generator().manual_seed(seed), **setting)
    return Trial(wording.format(**setting), inputs, setting=setting, draw=draw, wording=wording)


class NotAttempted(Exception):
    """The function has not been written yet."""


class Wrong(Exception):
    """The function is wrong; the message says in which way."""


class Overtime(BaseException):
    """A call took too long. No Exception, so that a learner's own `except Exception` lets it through."""


@dataclass(frozen=True)
class Bound:
    """The learner's function, called with the exercise's arguments in their order, whatever order its own have."""

    f: Callable[..., Any]
    arguments: tuple[str, ...]
    named: tuple[str, ...] = ()  # those that are given by name

    def __call__(self, *inputs: Any) -> Any:
        together = list(zip(self.arguments, inputs, strict=True))
        positional = [v for a, v in together if a not in self.named]
        return self.f(*positional, **{a: v for a, v in together if a in self.named})

    @property
    def code(self) -> Any:
        """The code that the learner wrote, or None where there is none to read."""
        f: Any = inspect.unwrap(self.f)
        while isinstance(f, functools.partial):
            f = inspect.unwrap(f.func)
        return getattr(f, "__code__", None)

    @property
    def is_stub(self) -> bool:
        """Whether nothing is computed yet: no body, or dots still to be filled in."""
        code = self.code
        if code is None or ... in code.co_consts:
            return True
        steps = {i.opname for i in dis.get_instructions(code)}
        return not any(
            step.startswith(("STORE", "BINARY", "CALL", "FOR", "LOAD_ATTR", "LOAD_METHOD")) for step in steps
        )


def bound(f: Any, arguments: Sequence[str]) -> Bound:
    """`f` as a function of these arguments in this order, whatever order its own have.

    Raises:
        NotAttempted: f is None or `...`.
        TypeError: f cannot be called.
        Wrong: it takes other arguments.
    """
    wanted = f"({', '.join(arguments)})"
    if f is None or f is ...:
        raise NotAttempted
    if not callable(f):
        raise TypeError(
            f"the check got {type(f).__name__}; expected your function itself, without brackets behind its name: "
            "check.NAME(my_function)"
        )
    try:
        signature = inspect.signature(f)
    except ValueError:
        return Bound(f, tuple(arguments))
    kinds = {n: p.kind for n, p in signature.parameters.items()}
    named = [a for a in arguments if kinds.get(a) is inspect.Parameter.KEYWORD_ONLY]
    if set(arguments) <= set(kinds) and inspect.Parameter.POSITIONAL_ONLY not in kinds.values():
        named = list(arguments)
    try:
        signature.bind(*(a for a in arguments if a not in named), **dict.fromkeys(named))
    except TypeError as error:
        raise Wrong(f"your function takes {signature}; it will be called with {wanted}.") from error
    return Bound(f, tuple(arguments), tuple(named))


def answer(
    call: Bound,
    trial: Trial,
    explain: Callable[[Exception, Trial], str] = lambda *_: "",
    *,
    draws: bool = False,
) -> Any:
    """What the learner's function returns on one trial. `draws` says that it may draw torch's global random numbers.

    Raises:
        NotAttempted: nothing, as its body is still empty.
        Wrong: it stops with an error or not at all, returns nothing, overwrites what it is given, or leaves gradients,
            dtype or random numbers changed for the rest of the session.
    """
    inputs = copied(trial.inputs)
    value, changed = tried(call, inputs, trial.about, lambda error: explain(error, trial))
    overwritten = [
        name
        for name, given, kept in zip(call.arguments, inputs, trial.inputs, strict=True)
        if isinstance(kept, Tensor) and not _equal(given, kept)
    ]
    if value is None or value is ... or value is NotImplemented:
        if overwritten:
            raise Wrong(
                f"your function writes into `{overwritten[0]}` and returns nothing. Compute a new tensor instead, and "
                "end with return and this tensor."
            )
        raise_for_nothing(call)
    if overwritten:
        raise Wrong(
            f"your function overwrites its arguments: it overwrites {overwritten[0]}. Write x = x / n instead of "
            "x /= n, "
            "and clone() first."
        )
    if message := next((text for what, text in changed.items() if not (draws and what == "draws")), ""):
        raise Wrong(message)
    return value


def raise_for_nothing(call: Bound) -> None:
    """Nothing came back: either nothing has been written yet, or the return is missing."""
    if call.is_stub:
        raise NotAttempted
    printed = " Printing a result does not hand it on." if "print" in call.code.co_names else ""
    raise Wrong(f"your function computes something but returns nothing: end with return and your result.{printed}")


def tried(
    call: Bound, inputs: Sequence[Any], about: str, explain: Callable[[Exception], str] = lambda _: ""
) -> tuple[Any, dict[str, str]]:
    """What the function returns, and what it has changed for the whole session, which is put back.

    Raises:
        NotAttempted: it raises NotImplementedError.
        Wrong: it stops with an error, or not at all.
    """
    before = _Session()
    try:
        with _limited(SECONDS):
            value = call(*inputs)
        return value, before.changes()
    except (Exception, SystemExit) as error:
        torchs = any(part in str(error) for part in ("aten::", "floating point"))  # torch raises it too
        if isinstance(error, NotImplementedError) and not torchs:
            raise NotAttempted from error
        raise Wrong(
            f"for {about}, {explained(error, explain(error) if isinstance(error, Exception) else '', call)}"
        ) from error
    except Overtime as error:
        raise Wrong(
            f"for {about}, your function did not end within {SECONDS:.0f} seconds and was stopped"
            f"{_place(error, call)}. Does a loop never end? A while needs something that changes in each round."
        ) from None
    finally:
        before.restore()


def explained(error: BaseException, extra: str = "", call: Bound | None = None) -> str:
    """An exception of the learner's function in words, and the line where it happened."""
    text = str(error).splitlines()[0] if str(error) else ""
    known = {
        "cannot be multiplied": "Inner sizes of a product must agree, (A, D) @ (D, B): transpose one, z1 @ z2.T.",
        "must match": "Two tensors of different sizes meet in one operation. Print their shapes; after a sum over "
        "dim=1, keepdim=True keeps the axis.",
        "does not match the shape": "A mask must have the shape of what it masks. Print both shapes.",
        "expected scalar type Long": "Targets of a cross-entropy are whole numbers: torch.arange(…).",
        "does not require grad": "The loss hangs on no weights: .item(), .detach() or no_grad cut the gradient.",
        "in-place operation": "A tensor that the gradient needs was overwritten: x = x / n instead of x /= n.",
        "a leaf Variable that requires grad": "You overwrite an argument: x = x / n instead of x /= n.",
        "is not defined": "A name has no value inside the function. A spelling mistake, or a cell that was not run?",
        "referenced before assignment": "A variable is read before it gets a value: give it one before the loop.",
        "not associated with a value": "A variable is read before it gets a value: give it one before the loop.",
        "equal size": "Tensors that are stacked must have one size: print the shape of each.",
        "is invalid for input of size": "The sizes given to reshape do not multiply to the number of entries: is a "
        "number written where a size or an argument belongs, or are height and width mixed up?",
        "Dimension out of range": "A tensor has fewer dimensions than you think: unsqueeze it, or use keepdim=True.",
        "same number of dimensions": "A tensor has fewer dimensions than you think: unsqueeze it, or use keepdim=True.",
        "out of bounds": "An index is larger than the last one, which is the size minus 1.",
        "has no attribute": "This object has no such attribute. Is it the type that you think it is? Print type(…).",
        "is not callable": "Something that is no function stands before brackets.",
        "ambiguous": "`if` needs one truth value, but gets a tensor of many: use torch.where, or index with a mask.",
        "Sparse": "A sparse tensor cannot do this here: .to_dense().",
        "positional argument": "A function is called with too many or too few arguments: look at its signature.",
        "unexpected keyword": "A function is called with an argument that it does not have: look at its signature.",
    }
    if isinstance(error, SystemExit):
        text, extra = "", "Your function ends the whole program: leave out exit() and sys.exit(), and use return."
    hint = extra or next((h for part, h in known.items() if part in text), "")
    return f"your function stopped with {type(error).__name__}{_place(error, call)}{': ' if text else '.'}{text}" + (
        f"\n  {hint}" if hint else ""
    )


def copied(inputs: Sequence[Any]) -> tuple[Any, ...]:
    """The same inputs, for a function that may overwrite them."""
    return tuple(v.clone() if isinstance(v, Tensor) else v for v in inputs)


def _place(error: BaseException, call: Bound | None) -> str:
    """The line of the learner's own code that an error came from, as " in line 3, `x = y`"."""
    code = call.code if call else None
    frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
    if not frames:
        return ""
    line = frames[-1].line or ""
    line = line if len(line) <= 80 else line[:79] + "…"
    return f" in line {frames[-1].lineno}" + (f", `{line}`" if line else "")


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a.nan_to_num(), b.nan_to_num())


class _Session:
    """What every later cell depends on: gradients on or off, the default dtype, the global random numbers."""

    def __init__(self) -> None:
        self.grad = torch.is_grad_enabled()
        self.dtype = torch.get_default_dtype()
        self.torch, self.python = torch.get_rng_state(), random.getstate()

    def changes(self) -> dict[str, str]:
        """What has changed since, and what to say about it."""
        found = {}
        if torch.is_grad_enabled() != self.grad:
            found["grad"] = (
                "your function leaves gradients switched off (or on) for everything that runs after it: write "
                "`with torch.no_grad():` round the lines that need it instead of torch.set_grad_enabled(…)."
            )
        if torch.get_default_dtype() != self.dtype:
            found["dtype"] = (
                "your function changes the default dtype for everything that runs after it: leave out "
                "torch.set_default_dtype, and convert the tensor that needs it."
            )
        if not torch.equal(torch.get_rng_state(), self.torch) or random.getstate() != self.python:
            found["draws"] = (
                "your function draws from the global random numbers, or seeds them, so that everything drawn after it "
                "changes: leave out manual_seed, and draw only from a generator that comes in as an argument."
            )
        return found

    def restore(self) -> None:
        torch.set_grad_enabled(self.grad)
        torch.set_default_dtype(self.dtype)
        torch.set_rng_state(self.torch)
        random.setstate(self.python)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise Overtime in this thread when it has computed for so long, or waited for WAITS times as long.

    What counts is the time that the thread computes: on a machine that others keep busy a right answer takes longer.
    No signal: those exist on one kind of system only, and reach the main thread alone. Python raises it between two of
    its own steps, so an endless loop ends, while a single long call into C is waited for.
    """
    thread, over = ctypes.c_ulong(threading.get_ident()), threading.Event()
    interrupt = ctypes.pythonapi.PyThreadState_SetAsyncExc

    clock = time.pthread_getcpuclockid(threading.get_ident()) if hasattr(time, "pthread_getcpuclockid") else None
    begun = time.monotonic(), time.clock_gettime(clock) if clock is not None else 0.0

    def is_over() -> bool:
        waited = time.monotonic() - begun[0]
        computed = time.clock_gettime(clock) - begun[1] if clock is not None else waited
        return computed > seconds or waited > WAITS * seconds

    def watch() -> None:
        while not over.wait(0.5):  # again and again: a bare `except:` may have swallowed the first
            if is_over():
                interrupt(thread, ctypes.py_object(Overtime))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        interrupt(thread, None)  # one that was raised as the function ended is taken back
