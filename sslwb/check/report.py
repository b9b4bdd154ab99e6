"""What a check says: the learner's function beside the right one, and a verdict in the learner's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor

from sslwb.check.calls import (
    Bound,
    NotAttempted,
    Trial,
    Wrong,
    answer,
    bound,
    copied,
    drawn,
    explained,
    raise_for_nothing,
    tried,
)
from sslwb.check.diagnosis import Case, Mistake, Places, as_tensor, hint_for, near, stops, variations
from sslwb.screen import say

__all__ = [
    "Bound",
    "Mistake",
    "NotAttempted",
    "Report",
    "Trial",
    "Wrong",
    "answer",
    "as_tensor",
    "bound",
    "compare",
    "drawn",
    "explained",
    "judge",
    "passed",
    "raise_for_nothing",
    "tried",
    "variations",
    "verdict",
]


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
    trained: Sequence[str] = (),
    fixed: Sequence[str] = (),
    edge: Trial | None = None,
    edge_hint: str = "",
    explain: Callable[[Exception, Trial], str] = lambda *_: "",
    places: Places | None = None,
    twists: bool = True,
    lists: bool = False,
    draws: bool = False,
    complaint: Callable[[Bound], str] = lambda _: "",
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
        trained: the arguments to which gradients must flow back.
        fixed: those to which none may.
        edge: a trial which a right function may fail; `edge_hint` is then added as a remark.
        explain: what an exception means, in the learner's terms; "" where it is not known.
        places: parts of the result that have a name in this exercise.
        twists: whether the right answer with something changed is a mistake worth naming.
        lists: whether the numbers of a list are compared before a tensor is asked for.
        draws: whether the function may draw global random numbers.
        complaint: what else must hold beside the values, in words where it does not.
    """

    def examine() -> Report:
        call = bound(f, arguments)
        values: list[Any] = []
        for trial in trials:
            try:
                values.append(answer(call, trial, explain, draws=draws))
            except Wrong as wrong:  # it stops here: does it, with other numbers, always?
                right = [as_tensor(truth(*copied(t.inputs))) for t in trials[: len(values)]]
                case = Case([as_tensor(v) for v in values], right, trials, truth, call, tolerance, explain=explain)
                raise Wrong("\n  ".join(filter(None, (str(wrong), stops(case))))) from wrong
            if isinstance(values[-1], list | tuple) and not lists:
                raise Wrong(_parted(values[-1], call, truth, trials, tolerance, draws))
        compare(
            [as_tensor(value) for value in values],
            truth,
            trials,
            mistakes,
            tolerance,
            call=call,
            places=places,
            twists=twists,
            explain=explain,
            complaint=complaint,
        )
        for value, trial in zip(values, trials, strict=True):
            _check_kind(value, truth(*copied(trial.inputs)))
        if trained:
            for trial in trials[:2]:
                _check_gradient(call, truth, trial, trained, tolerance)
        for argument in fixed:
            _check_no_gradient(call, trials[0], argument)
        if message := complaint(call):
            raise Wrong(message)
        remark = ""
        if edge is not None:
            try:
                value, _ = tried(call, copied(edge.inputs), edge.about)
                fine = near(as_tensor(value), as_tensor(truth(*copied(edge.inputs))), tolerance)
            except (Wrong, NotAttempted):
                fine = False
            remark = "" if fine else edge_hint
        return passed(name, f"your function agrees with {agrees_with} on all {len(trials)} trials.", remark)

    return verdict(name, examine)


def _parted(
    value: Sequence[Any], call: Bound, truth: Callable[..., Any], trials: Sequence[Trial], tolerance: float, draws: bool
) -> str:
    """What to say where several parts came: which one is right alone, or what makes the right tensor of them all."""

    def holds(made: Callable[[Sequence[Any]], Any]) -> bool:
        try:
            return all(
                near(as_tensor(made(answer(call, t, draws=draws))), as_tensor(truth(*copied(t.inputs))), tolerance)
                for t in trials
            )
        except (Wrong, NotAttempted, TypeError, ValueError, RuntimeError, IndexError):
            return False

    right = as_tensor(truth(*copied(trials[0].inputs)))
    came = f"your function returned {type(value).__name__}, a list of {len(value)} parts; expected one tensor"
    for k, which in zip(range(min(len(value), 4)), ("first", "second", "third", "fourth"), strict=False):
        if holds(itemgetter(k)):
            return f"{came}: the {which} part is right, so return the {which} part alone."
    made: dict[str, Callable[[Sequence[Any]], Any]] = {
        "torch.stack": lambda v: torch.stack(list(v)),
        "torch.cat": lambda v: torch.cat(list(v)),
        "torch.tensor": torch.tensor,
    }
    if how := next((how for how, make in made.items() if holds(make)), ""):
        return f"{came}: {how} makes it of them."
    kinds = [f"shape {tuple(v.shape)}" if isinstance(v, Tensor) else type(v).__name__ for v in value[:4]]
    more = ", …" if len(value) > len(kinds) else ""
    return f"{came} of shape {tuple(right.shape)}. For {trials[0].about}, the parts are: {', '.join(kinds)}{more}."


def compare(
    answers: Sequence[Tensor],
    truth: Callable[..., Any],
    trials: Sequence[Trial],
    mistakes: Iterable[Mistake],
    tolerance: float = 1e-4,
    **more: Any,
) -> None:
    """The learner's answers beside the true ones, trial by trial; `more` is what else a `Case` holds.

    Raises:
        Wrong: one differs; the message names the mistake that gives the same answers on every trial.
    """
    right = [as_tensor(truth(*copied(t.inputs))) for t in trials]
    case = Case(answers, right, trials, truth, tolerance=tolerance, **more)
    if not all(case.ok):
        raise Wrong(hint_for(case, mistakes))


def _check_kind(value: Any, right: Any) -> None:
    """Raise Wrong where right numbers come as something that later code cannot use."""
    value = value["loss"] if isinstance(value, dict) else value
    if not isinstance(right, Tensor):
        return
    expected = str(right.dtype).removeprefix("torch.")
    if not isinstance(value, Tensor):
        if not right.ndim:  # a single number without a gradient is found where gradients are
            return
        if isinstance(value, list | tuple):
            raise Wrong(
                f"the numbers are right, but they come as a Python {type(value).__name__}; expected a tensor of "
                f"{expected}: torch.tensor(…) makes one of your list."
            )
        raise Wrong(
            f"the numbers are right, but they come as {type(value).__name__}; expected a tensor: leave out .numpy()."
        )
    if value.dtype != right.dtype:
        came = str(value.dtype).removeprefix("torch.")
        how = {"bool": "compare, or end with .bool()", "int64": "torch.arange gives it, .long() makes it"}
        raise Wrong(
            f"the values are right, but of another dtype: yours is {came}, expected {expected}"
            f" ({how.get(expected, 'that of the arguments: no .double(), .half() or numpy on the way')})."
        )


def _check_no_gradient(call: Bound, trial: Trial, name: str) -> None:
    """Raise Wrong where a gradient reaches an argument to which none may."""
    inputs = list(copied(trial.inputs))
    given = inputs[call.arguments.index(name)].requires_grad_()
    try:
        value = tried(call, inputs, trial.about)[0]
    except Wrong:  # in place, or as an array: nothing flows
        return
    value = value["loss"] if isinstance(value, dict) else value
    if isinstance(value, Tensor) and value.requires_grad:
        (reached,) = torch.autograd.grad(value.sum(), given, allow_unused=True)
        if reached is not None and bool(reached.any()):
            raise Wrong(
                f"the value is right, but a gradient reaches `{name}`, and none may: use {name}.detach(), or compute "
                "with it under torch.no_grad()."
            )


def _check_gradient(
    call: Bound, truth: Callable[..., Any], trial: Trial, trained: Sequence[str], tolerance: float
) -> None:
    """Raise Wrong unless the same gradients flow back to the arguments that are trained."""

    def gradients(g: Callable[..., Any]) -> list[Tensor | None]:
        inputs = list(copied(trial.inputs))
        given = [inputs[call.arguments.index(name)].requires_grad_() for name in trained]
        value = tried(call, inputs, trial.about)[0] if g is call else g(*inputs)
        value = value["loss"] if isinstance(value, dict) else value
        weights = torch.linspace(1, 2, value.numel()).view(value.shape)  # each entry counts differently
        (value * weights).sum().backward()
        return [v.grad for v in given]

    try:
        mine = gradients(call)
    except (AttributeError, RuntimeError) as error:
        if "in-place" in str(error) or "leaf" in str(error):
            raise Wrong(
                f"the value is right, but {explained(error)}".replace("your function", "the way back, backward(),")
            ) from error
        raise Wrong(
            "the value is right, but no gradient flows back, so nothing can be trained with it: return a tensor, "
            "and leave out .item(), .detach(), float(), numpy and no_grad."
        ) from error
    for name, a, b in zip(trained, mine, gradients(truth), strict=True):
        assert b is not None
        if a is None or not a.any():
            raise Wrong(
                f"the value is right, but its gradient is not: none reaches `{name}`. Is a part of it detached, under "
                "no_grad, or made anew with torch.tensor?"
            )
        if not near(a.double(), b.double(), tolerance):
            raise Wrong(
                f"the value is right, but its gradient with respect to `{name}` is not: is a part of it detached or "
                "under no_grad?"
            )
