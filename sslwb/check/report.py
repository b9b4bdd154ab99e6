"""What a check says, and how it finds out which mistake was made: by computing the same mistake itself."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sslwb.screen import say


@dataclass(frozen=True)
class Report:
    """The verdict on an exercise; printed when it is made.

    Attributes:
        passed: whether the function does what it should.
        attempted: False where nothing has been written yet.
        message: what was printed.
    """

    passed: bool
    attempted: bool
    message: str

    def __post_init__(self) -> None:
        say(self.message)

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.message

    def _ipython_display_(self) -> None:
        """The last line of a cell is displayed; this one has been printed already."""


@dataclass(frozen=True)
class Trial:
    """One set of arguments, in words and in values, and what is likely wrong with a function that fails here alone."""

    about: str
    inputs: tuple[Any, ...]
    suspicion: str = ""


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer: what it computes, and what to tell somebody whose function computes the same."""

    hint: str
    compute: Callable[..., Any]


class NotAttempted(Exception):
    """The function has not been written yet."""


class Wrong(Exception):
    """The function is wrong; the message says in which way."""


def passed(name: str, done: str, remark: str = "") -> Report:
    """The verdict on a right answer."""
    return Report(True, True, f"✓ {name}: {done}" + (f"\n  A remark: {remark}" if remark else ""))


def verdict(name: str, examine: Callable[[], Report]) -> Report:
    """What `examine` reports, or the report on whatever it raises."""
    try:
        return examine()
    except NotAttempted:
        return Report(
            False,
            False,
            f"○ {name}: not tried yet. Write your function (and its return), then run this cell again. "
            "The lesson goes on without it.",
        )
    except Wrong as wrong:
        return Report(False, True, f"✗ {name}: {wrong}")


def judge(
    name: str,
    f: Any,
    truth: Callable[..., Any],
    trials: Sequence[Trial],
    mistakes: Iterable[Mistake],
    *,
    arguments: Sequence[str],
    agrees_with: str,
    tolerance: float = 1e-4,
    trained: bool = False,
    edge: Trial | None = None,
    edge_hint: str = "",
    explain: Callable[[Exception, Trial], str] = lambda *_: "",
) -> Report:
    """Compare a learner's function with the truth on every trial; where it differs, look for a mistake that it makes.

    Args:
        name: of the exercise.
        f: the learner's function.
        truth: the right one, with the same arguments.
        trials: what both are given.
        mistakes: known wrong answers, tried in this order.
        arguments: the names of the function's arguments.
        agrees_with: what a right function agrees with, for the message.
        tolerance: how far it may be off, plus the same share of the truth.
        trained: whether gradients must flow back to the arguments.
        edge: a trial which a right function may fail; `edge_hint` is then added as a remark.
        explain: what an exception means, in the learner's terms; "" where it is not known.
    """

    def near(a: Tensor, b: Tensor) -> bool:
        return _near(a, b, tolerance)

    def examine() -> Report:
        call = bound(f, arguments)
        answers = [as_tensor(answer(call, trial, explain)) for trial in trials]
        compare(answers, truth, trials, mistakes, tolerance)
        if trained:
            _check_gradient(call, truth, trials[0], near)
        remark = ""
        if edge is not None:
            try:
                fine = near(as_tensor(call(*_copied(edge.inputs))), as_tensor(truth(*_copied(edge.inputs))))
            except Exception:
                fine = False
            remark = "" if fine else edge_hint
        return passed(name, f"your function agrees with {agrees_with} on all {len(trials)} trials.", remark)

    return verdict(name, examine)


def compare(
    answers: list[Tensor],
    truth: Callable[..., Any],
    trials: Sequence[Trial],
    mistakes: Iterable[Mistake],
    tolerance: float = 1e-4,
) -> None:
    """The learner's answers beside the true ones, trial by trial.

    Raises:
        Wrong: one differs; the message names the mistake that gives the same answers on every trial.
    """

    def near(a: Tensor, b: Tensor) -> bool:
        return _near(a, b, tolerance)

    right = [as_tensor(truth(*_copied(t.inputs))) for t in trials]
    _check_shapes(answers, right, trials, near)
    ok = [near(a, r) for a, r in zip(answers, right, strict=True)]
    if not all(ok):
        raise Wrong(_diagnosis(answers, right, ok, trials, mistakes, near))


def bound(f: Any, arguments: Sequence[str]) -> Callable[..., Any]:
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
        return lambda *inputs: f(*inputs)
    kinds = {n: p.kind for n, p in signature.parameters.items()}
    named = [a for a in arguments if kinds.get(a) is inspect.Parameter.KEYWORD_ONLY]
    if set(arguments) <= set(kinds) and inspect.Parameter.POSITIONAL_ONLY not in kinds.values():
        named = list(arguments)

    def split(inputs: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        together = list(zip(arguments, inputs, strict=True))
        return [v for a, v in together if a not in named], {a: v for a, v in together if a in named}

    try:
        positional, keyword = split(arguments)
        signature.bind(*positional, **keyword)
    except TypeError as error:
        raise Wrong(f"your function takes {signature}; it will be called with {wanted}.") from error

    def call(*inputs: Any) -> Any:
        positional, keyword = split(inputs)
        return f(*positional, **keyword)

    return call


def as_tensor(value: Any) -> Tensor:
    """A number or an array as a float tensor.

    Raises:
        Wrong: it is something else.
    """
    if isinstance(value, dict) and "loss" in value:
        value = value["loss"]
    try:
        return torch.as_tensor(value).detach().double().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(f"your function returned {type(value).__name__}; expected a tensor or a number.") from error


def attempted(value: Any) -> Any:
    """The value, unless nothing came back.

    Raises:
        NotAttempted: it is None or `...`.
    """
    if value is None or value is ... or value is NotImplemented:
        raise NotAttempted
    return value


def explained(error: Exception, extra: str = "") -> str:
    """An exception of the learner's function in words."""
    text = str(error).splitlines()[0] if str(error) else ""
    known = {
        "cannot be multiplied": "Inner sizes of a product must agree, (A, D) @ (D, B): transpose one, z1 @ z2.T.",
        "must match": "Two tensors of different sizes meet in one operation. Print their shapes.",
        "does not match the shape": "A mask must have the shape of what it masks. Print both shapes.",
        "expected scalar type Long": "Targets of a cross-entropy are whole numbers: torch.arange(…).",
        "does not require grad": "The loss hangs on no weights: .item(), .detach() or no_grad cut the gradient.",
        "in-place operation": "A tensor that the gradient needs was overwritten: x = x / n instead of x /= n.",
        "a leaf Variable that requires grad": "You overwrite an argument: x = x / n instead of x /= n.",
    }
    hint = extra or next((h for part, h in known.items() if part in text), "")
    return f"your function stopped with {type(error).__name__}: {text}" + (f"\n  {hint}" if hint else "")


def answer(call: Callable[..., Any], trial: Trial, explain: Callable[[Exception, Trial], str] = lambda *_: "") -> Any:
    """What the learner's function returns on one trial.

    Raises:
        NotAttempted: nothing.
        Wrong: it stops with an error, or overwrites what it is given.
    """
    inputs = _copied(trial.inputs)
    try:
        value = call(*inputs)
    except NotImplementedError as error:
        raise NotAttempted from error
    except Exception as error:
        raise Wrong(f"for {trial.about}, {explained(error, explain(error, trial))}") from error
    attempted(value)
    for given, kept in zip(inputs, trial.inputs, strict=True):
        if isinstance(kept, Tensor) and not torch.equal(given, kept):
            raise Wrong("your function overwrites its arguments. Write x = x / n instead of x /= n, and clone() first.")
    return value


def _near(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def _copied(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same inputs, for a function that may overwrite them."""
    return tuple(v.clone() if isinstance(v, Tensor) else v for v in inputs)


def _check_shapes(
    answers: list[Tensor], right: list[Tensor], trials: Sequence[Trial], near: Callable[[Tensor, Tensor], bool]
) -> None:
    """Raise Wrong where an answer has another shape than the truth."""
    for a, r, trial in zip(answers, right, trials, strict=True):
        if a.shape == r.shape:
            continue
        came = f"for {trial.about}, your function returned shape {tuple(a.shape)}; expected {tuple(r.shape)}"
        if r.ndim:
            raise Wrong(f"{came}.")
        if a.numel() and all(near(b.mean(), s) for b, s in zip(answers, right, strict=True)):
            raise Wrong(f"{came}, a single number. Your numbers are right: take their mean.")
        raise Wrong(f"{came}, a single number.")


def _diagnosis(
    answers: list[Tensor],
    right: list[Tensor],
    ok: list[bool],
    trials: Sequence[Trial],
    mistakes: Iterable[Mistake],
    near: Callable[[Tensor, Tensor], bool],
) -> str:
    """What is wrong, in words; and one trial where it shows."""
    worst = ok.index(False)
    seen = f"for {trials[worst].about}, yours gives {_shown(answers[worst])}; expected {_shown(right[worst])}"
    for mistake in mistakes:
        try:
            same = all(
                near(a, as_tensor(mistake.compute(*_copied(t.inputs)))) for a, t in zip(answers, trials, strict=True)
            )
        except (RuntimeError, IndexError, ValueError):
            continue
        if same:
            return f"{mistake.hint}\n  (F{seen[1:]}.)"
    if suspicion := next((t.suspicion for t, fine in zip(trials, ok, strict=True) if not fine), ""):
        return f"{seen}.\n  {suspicion}"
    if any(ok):
        good = [t.about for t, fine in zip(trials, ok, strict=True) if fine]
        return f"{seen}.\n  It is right for {good[0]}: what differs there? Is a size written into the function?"
    return f"{seen}.\n  {_relation(answers, right)}"


def _relation(answers: list[Tensor], right: list[Tensor]) -> str:
    """How the answers stand to the truth on every trial, where that is simple."""
    a, r = torch.cat([x.flatten() for x in answers]), torch.cat([x.flatten() for x in right])
    if not torch.isfinite(a).all():
        return "A value is infinite or NaN: a division by 0, the logarithm of 0, or exp of something large?"
    ratio, difference = a / r, a - r
    if torch.isfinite(ratio).all() and (ratio - ratio[0]).abs().max() < 1e-3 * ratio[0].abs():
        return f"Yours is always {ratio[0]:.3g} times the right value: a factor, a mean or a sum?"
    if (difference - difference[0]).abs().max() < 1e-3 * difference[0].abs():
        return f"Yours is always off by {difference[0]:+.3g}: a term too many, or one missing?"
    if (a + r).abs().max() < 1e-3:
        return "Yours has the opposite sign."
    return "None of the usual mistakes gives this. Work out the smallest case on paper: two pictures, two numbers each."


def _check_gradient(
    call: Callable[..., Any], truth: Callable[..., Any], trial: Trial, near: Callable[[Tensor, Tensor], bool]
) -> None:
    """Raise Wrong unless the same gradients flow back to the arguments."""
    gradients = []
    for g in (call, truth):
        inputs = list(_copied(trial.inputs))
        given = [v.requires_grad_() for v in inputs if isinstance(v, Tensor) and v.is_floating_point()]
        try:
            value = g(*inputs)
            value = value["loss"] if isinstance(value, dict) else value
            value.backward()
        except (AttributeError, RuntimeError) as error:
            raise Wrong(
                "the value is right, but no gradient flows back, so nothing can be trained with it: return a tensor, "
                "and leave out .item(), .detach(), float() and no_grad."
            ) from error
        gradients.append([torch.zeros(1) if v.grad is None else v.grad for v in given])
    if not all(near(a.double(), b.double()) for a, b in zip(*gradients, strict=True)):
        raise Wrong("the value is right, but its gradient is not: is a part of it detached or under no_grad?")


def _shown(value: Tensor) -> str:
    if value.numel() == 1:
        return f"{value.item():.4g}" if math.isfinite(value.item()) else str(value.item())
    numbers = ", ".join(f"{v:.3g}" for v in value.flatten()[:4].tolist())
    return f"[{numbers}{', …' if value.numel() > 4 else ''}]"
