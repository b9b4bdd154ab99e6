"""Which mistake was made: found by making mistakes and looking which one gives the learner's own numbers.

The order, from what is sure and exact to what is sure and vague; nothing is guessed:

1. a known wrong answer to this exercise gives the same on every trial;
2. the right answer does, with two arguments exchanged, one of them changed before, or its result changed after;
   or two of the known ones at once, if they also give the learner's numbers for other inputs;
3. one size or number decides between right and wrong, all else the same;
4. all that is wrong lies in one part of the result;
5. something matters that should not, or the other way round: an argument, the length of the rows, their mean;
6. how the numbers differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from sslwb.check.calls import Bound, NotAttempted, Trial, Wrong, answer, copied

Places = Callable[..., Mapping[str, Tensor]]  # the inputs → parts of the result, in words and as a mask


ROUNDING = 1e-5  # what float32 may make of the same numbers, computed in another order


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer: what it computes, and what to tell somebody whose function computes the same."""

    hint: str
    compute: Callable[..., Any]
    within: float = ROUNDING  # more only for what is trained, and stops a little earlier or later


def variations(compute: Callable[..., Any], hints: Mapping[str, Mapping[str, Any]]) -> list[Mistake]:
    """Wrong answers from one function with switches, whose defaults are right: each alone, then every two together."""

    def one(how: Mapping[str, Any]) -> Callable[..., Any]:
        return lambda *inputs: compute(*inputs, **how)

    alone = [Mistake(hint, one(how)) for hint, how in hints.items()]
    two = [
        Mistake(f"Two things: 1. {a}\n  2. {b}", one({**hints[a], **hints[b]}))
        for a, b in combinations(hints, 2)
        if not set(hints[a]) & set(hints[b])
    ]
    return alone + two


def as_tensor(value: Any) -> Tensor:
    """A number or an array as a float tensor.

    Raises:
        Wrong: it is something else.
    """
    if isinstance(value, dict) and "loss" in value:
        value = value["loss"]
    if isinstance(value, Tensor) and (value.layout != torch.strided or value.is_nested):
        raise Wrong("your function returned a sparse tensor; expected an ordinary one: end with .to_dense().")
    if isinstance(value, Tensor) and value.is_complex():
        raise Wrong("your function returned complex numbers; expected real ones: is there a root of a negative number?")
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(v, Tensor) and v.shape == value[0].shape for v in value)
    ):
        value = torch.stack(list(value))  # whether a list will do is asked later
    try:
        return torch.as_tensor(value).detach().double().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        kind = type(value).__name__
        more = {"generator": ": return instead of yield", "tuple": ": one value, not several"}.get(kind, "")
        raise Wrong(f"your function returned {kind}; expected a tensor or a number{more}.") from error


def near(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


@dataclass(frozen=True)
class Case:
    """A function that was wrong at least once: what it answered beside what is right, and all that helps to say why."""

    answers: Sequence[Tensor]
    right: Sequence[Tensor]
    trials: Sequence[Trial]
    truth: Callable[..., Any]
    call: Bound | None = None  # the learner's function, where it may be tried on other inputs
    tolerance: float = 1e-4
    places: Places | None = None
    twists: bool = True  # whether changed inputs and results are worth a look; not for counts, where many agree
    explain: Callable[[Exception, Trial], str] = lambda *_: ""
    complaint: Callable[[Bound], str] = lambda _: ""  # what must hold beside the values, and does not
    pick: Callable[[Any], Any] = lambda value: value  # the part of the function's result that is compared

    @property
    def ok(self) -> list[bool]:
        return [near(a, r, self.tolerance) for a, r in zip(self.answers, self.right, strict=True)]

    def gives_the_same(self, compute: Callable[..., Any], within: float = ROUNDING) -> bool:
        """Whether `compute` gives the learner's very numbers on every trial: near to them is not the same."""
        try:
            return all(
                near(a, as_tensor(compute(*copied(t.inputs))), min(within, self.tolerance))
                for a, t in zip(self.answers, self.trials, strict=True)
            )
        except Exception:  # a mistake that stops on some sizes is not the one
            return False

    def is_right(self, trial: Trial, strictly: bool = False) -> bool:
        """Whether it is right there; `strictly`: so far below the tolerance that it is no accident."""
        within = self.tolerance / 100 if strictly else self.tolerance
        try:
            return near(self.run(trial), as_tensor(self.truth(*copied(trial.inputs))), within)
        except (Wrong, NotAttempted):
            return False

    def run(self, trial: Trial) -> Tensor:
        assert self.call is not None
        return as_tensor(self.pick(answer(self.call, trial, self.explain, draws=True)))


def hint_for(case: Case, mistakes: Iterable[Mistake]) -> str:
    """What is wrong, in words; and one trial where it shows."""
    seen = _seen(case)
    mistakes = list(mistakes)
    alone = [(m.hint, m.compute, m.within) for m in mistakes if not m.hint.startswith("Two things")]
    together = [(m.hint, m.compute) for m in mistakes if m.hint.startswith("Two things")]
    if found := _fits(case, alone):
        return f"{found}\n  (F{seen[1:]}.)"
    if case.twists and (twice := _fits(case, [(*m, ROUNDING) for m in _twice_the_same(case, _names(case))])):
        return f"{twice}\n  (F{seen[1:]}.)"
    if always := _always(case):
        return f"{seen}.\n  {always}"
    if case.twists:
        for hint, compute in _twisted(case):
            if case.gives_the_same(compute):
                return f"{hint}\n  (F{seen[1:]}.)"
        if constant := _constant(case):
            return f"{seen}.\n  {constant}"
    for hint, compute in together:
        if case.gives_the_same(compute) and _again_the_same(case, compute):
            return f"{hint}\n  (F{seen[1:]}.)"
    finders = (
        _complaint,
        _part,
        _coefficients,
        _blame,
        _suspicion,
        _shape,
        _repair,
        _hard,
        _degenerate,
        _dependence,
        _relation,
    )
    return f"{seen}.\n  {next(filter(None, (find(case) for find in finders)))}"


def _fits(case: Case, mistakes: Sequence[tuple[str, Callable[..., Any], float]]) -> str:
    """The known mistake that gives the learner's numbers; two, where a second one gives the same."""
    hints = list(dict.fromkeys(hint for hint, compute, within in mistakes if case.gives_the_same(compute, within)))
    return "\n  Or, as this gives the same numbers: ".join(hints[:2])


def _fresh(case: Case, seeds: Sequence[int] = (31, 32, 33)) -> list[Trial]:
    """The trials that can be drawn anew, with other numbers."""
    return [t.again(seed) for t in case.trials if t.draw is not None for seed in seeds]


def _again_the_same(case: Case, compute: Callable[..., Any]) -> bool:
    """Whether it gives the learner's numbers for other inputs too: two mistakes at once need more evidence than one."""
    trials = _fresh(case)
    try:
        return bool(trials) and all(
            near(case.run(t), as_tensor(compute(*copied(t.inputs))), case.tolerance) for t in trials
        )
    except (Wrong, NotAttempted, ValueError, RuntimeError, IndexError, TypeError):
        return False


def _always(case: Case) -> str:
    """Whether a single number comes out that is always the same, for other inputs too."""
    if case.call is None or any(v.ndim for v in (*case.right, *case.answers)) or not _fresh(case):
        return ""
    first = case.answers[0]
    if all(near(r, case.right[0], case.tolerance) for r in case.right):
        return ""
    if not all(near(a, first, 1e-6) for a in case.answers) or not math.isfinite(first.item()):
        return ""
    try:
        more = [case.run(t) for t in _fresh(case)]
    except (Wrong, NotAttempted):
        return ""
    if not all(near(a, first, 1e-6) for a in more):
        return ""
    return (
        f"Yours is always {_number(first)}, whatever comes in. Either something is compared with itself, or scaled so "
        "that nothing is left of it, or the arguments are not used."
    )


def _seen(case: Case) -> str:
    """The first trial that is wrong, with numbers that differ."""
    worst = case.ok.index(False)
    a, r, about = case.answers[worst], case.right[worst], case.trials[worst].about
    if a.shape != r.shape:
        single = "" if r.ndim else ", a single number"
        return f"for {about}, your function returned shape {tuple(a.shape)}; expected {tuple(r.shape)}{single}"
    if not r.ndim:
        return f"for {about}, yours gives {_number(a)}; expected {_number(r)}"
    wrong = _wrong(a, r, case.tolerance)
    place = wrong.nonzero()[0].tolist()
    many = f"{int(wrong.sum())} of {wrong.numel()} entries differ"
    return (
        f"for {about}, {many}: yours gives {_number(a[tuple(place)])} at {place}; expected {_number(r[tuple(place)])}"
    )


def _number(value: Tensor) -> str:
    return f"{value.item():.4g}" if math.isfinite(value.item()) else str(value.item())


def _wrong(a: Tensor, r: Tensor, tolerance: float) -> Tensor:
    return ~torch.isclose(a, r, rtol=tolerance, atol=tolerance, equal_nan=True)


# 2. What changes the arguments before, or the result after.


def _twisted(case: Case) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The right answer, changed in one way."""
    truth, inputs = case.truth, case.trials[0].inputs
    names = _names(case)
    for hint, change in _before(inputs, names):
        yield hint, lambda *i, change=change: truth(*change(list(i)))
    for hint, after in _after(case):
        yield hint, lambda *i, after=after: after(as_tensor(truth(*i)), i)


def _twice_the_same(case: Case, names: Sequence[str]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """One of two arguments in both places, where the numbers cannot say which."""
    inputs = case.trials[0].inputs
    tensors = [k for k, v in enumerate(inputs) if isinstance(v, Tensor)]
    for a, b in combinations(tensors, 2):
        if inputs[a].shape != inputs[b].shape or inputs[a].dtype != inputs[b].dtype:
            continue

        def either(*i: Any, a: int = a, b: int = b) -> Any:
            first, second = (
                as_tensor(case.truth(*copied([i[keep] if k in (a, b) else v for k, v in enumerate(i)])))
                for keep in (a, b)
            )
            if not near(first, second, case.tolerance):
                raise ValueError
            return first

        yield f"One of `{names[a]}` and `{names[b]}` stands in both places: each is used once.", either


def _names(case: Case) -> Sequence[str]:
    """The arguments' names, as the learner's function has them."""
    if case.call is None:
        return [f"argument {i + 1}" for i in range(len(case.trials[0].inputs))]
    code = case.call.code
    own = code.co_varnames[: code.co_argcount] if code else ()
    return own if not case.call.named and len(own) == len(case.call.arguments) else case.call.arguments


def _before(inputs: Sequence[Any], names: Sequence[str]) -> Iterator[tuple[str, Callable[..., list[Any]]]]:
    """Changes of the arguments that mistakes come down to."""

    def at(place: int, change: Callable[..., Any]) -> Callable[[list[Any]], list[Any]]:
        return lambda i: [*i[:place], change(i[place]), *i[place + 1 :]]

    def exchanged(a: int, b: int) -> Callable[[list[Any]], list[Any]]:
        return lambda i: [i[b] if k == a else i[a] if k == b else v for k, v in enumerate(i)]

    def instead(a: int, b: int) -> Callable[[list[Any]], list[Any]]:
        return lambda i: [i[b] if k == a else v for k, v in enumerate(i)]

    tensors = [k for k, v in enumerate(inputs) if isinstance(v, Tensor)]
    for a, b in combinations(tensors, 2):
        if inputs[a].shape == inputs[b].shape and inputs[a].dtype == inputs[b].dtype:
            yield f"`{names[a]}` and `{names[b]}` are exchanged.", exchanged(a, b)
            yield f"`{names[b]}` stands where `{names[a]}` belongs.", instead(a, b)
            yield f"`{names[a]}` stands where `{names[b]}` belongs.", instead(b, a)
    for k, value in enumerate(inputs):
        name = names[k]
        if isinstance(value, Tensor) and value.is_floating_point():
            yield f"The sign of `{name}` is turned round.", at(k, torch.neg)
            if value.ndim == 2:
                yield (
                    f"You gave each row of `{name}` the length 1 first: take the rows as they are.",
                    at(k, lambda z: F.normalize(z, dim=1)),
                )
                yield (
                    f"You normalised `{name}` along the batch (dim=0) first: leave that out.",
                    at(k, lambda z: F.normalize(z, dim=0)),
                )
                yield f"You took the mean of `{name}` off first: leave that out.", at(k, lambda z: z - z.mean(0))
                yield (
                    f"You took the mean of each row of `{name}` off first: leave that out.",
                    at(k, lambda z: z - z.mean(1, keepdim=True)),
                )
            if value.ndim:
                yield f"You took a softmax of `{name}` first: leave that out.", at(k, lambda z: z.softmax(-1))
                yield f"You took the exponential of `{name}` first: leave that out.", at(k, torch.exp)
                yield f"You took absolute values of `{name}` first: leave that out.", at(k, torch.abs)
        if isinstance(value, Tensor) and value.ndim:
            yield f"The first row of `{name}` is used for all rows.", at(k, lambda z: z[:1].expand_as(z))
            yield f"The last row of `{name}` is used for all rows.", at(k, lambda z: z[-1:].expand_as(z))
            yield f"The rows of `{name}` are one off.", at(k, lambda z: z.roll(1, 0))
            yield f"The rows of `{name}` are one off.", at(k, lambda z: z.roll(-1, 0))
            yield f"The rows of `{name}` come in the reverse order.", at(k, lambda z: z.flip(0))
        if isinstance(value, Tensor) and value.dtype == torch.bool:
            yield f"True and False are exchanged in `{name}`.", at(k, torch.logical_not)
        if isinstance(value, float):
            yield (
                f"You multiply by `{name}` where a division belongs, or divide where a product belongs.",
                at(k, lambda t: 1 / t),
            )
            yield f"`{name}` is used as 1 - {name}, or the other way round.", at(k, lambda t: 1 - t)
            yield f"`{name}` is squared: use it once.", at(k, lambda t: t * t)
            yield f"You took the root of `{name}`: use it as it is.", at(k, lambda t: t**0.5)
            yield f"The sign of `{name}` is turned round.", at(k, lambda t: -t)
            for number in (1.0, 0.5, 0.1, 0.07):
                yield f"The number {number} stands where `{name}` belongs.", at(k, lambda _, n=number: n)
        if isinstance(value, int) and not isinstance(value, bool):
            yield f"`{name}` counts one too many: {name} + 1 in place of {name}.", at(k, lambda n: n + 1)
            yield f"`{name}` counts one too few: {name} - 1 in place of {name}.", at(k, lambda n: n - 1)
            yield f"The number 1 stands where `{name}` belongs.", at(k, lambda _: 1)


def _after(case: Case) -> Iterator[tuple[str, Callable[..., Tensor]]]:
    """Changes of the result that mistakes come down to."""
    right = case.right[0]
    numbers = set(torch.cat([r.flatten() for r in case.right]).unique().tolist())
    logical = numbers <= {0.0, 1.0} and right.ndim > 0

    def size(inputs: Sequence[Any], dim: int) -> int:
        return int(next(v for v in inputs if isinstance(v, Tensor) and v.ndim).shape[dim])

    if logical:
        yield "True and False are exchanged.", lambda v, _: 1 - v
    else:
        yield "The sign of your result is turned round.", lambda v, _: -v
        for dim, which in ((0, "rows"), (-1, "columns")):
            yield (
                f"Yours is the right value times the number of {which}: a sum stands where a mean belongs.",
                lambda v, i, d=dim: v * size(i, d),
            )
            yield (
                f"Yours is the right value divided by the number of {which}: you took a mean once too often.",
                lambda v, i, d=dim: v / size(i, d),
            )
        yield "Your result still needs the logarithm.", lambda v, _: v.exp()
        yield "You took the logarithm of the result: leave that out.", lambda v, _: v.log()
        yield "You took the root of the result: leave that out.", lambda v, _: v.sqrt()
        yield "You squared the result: leave that out.", lambda v, _: v.square()
        yield "You cut the result off below 0: leave that out.", lambda v, _: v.clamp(min=0)
        yield "You cut the result to 0 … 1: leave that out.", lambda v, _: v.clamp(0, 1)
        yield "You rounded the result: leave that out.", lambda v, _: v.round()
        yield "Yours is 1 minus the right value.", lambda v, _: 1 - v
        yield "Yours is 1 divided by the right value.", lambda v, _: 1 / v
        yield (
            "A standard deviation or covariance divides by N - 1 where N belongs.",
            lambda v, i: v * size(i, 0) / (size(i, 0) - 1),
        )
        yield (
            "A standard deviation or covariance divides by N where N - 1 belongs.",
            lambda v, i: v * (size(i, 0) - 1) / size(i, 0),
        )
        yield (
            "The standard deviation divides by N - 1 where N belongs: correction=0.",
            lambda v, i: v * math.sqrt(size(i, 0) / (size(i, 0) - 1)),
        )
        yield (
            "The standard deviation divides by N where N - 1 belongs: correction=1.",
            lambda v, i: v * math.sqrt((size(i, 0) - 1) / size(i, 0)),
        )
    if not right.ndim:
        yield (
            "Your number is right, but stands in a tensor of shape (1,): return a single number.",
            lambda v, _: v[None],
        )
    if right.ndim:
        yield "Rows and columns of your result are exchanged: transpose it.", lambda v, _: v.transpose(-1, -2)
        for dim in range(right.ndim):
            yield f"Your result is reversed along dimension {dim}.", lambda v, _, d=dim: v.flip(d)
            for step in (1, -1):
                yield f"Your result is moved by one along dimension {dim}.", lambda v, _, d=dim, s=step: v.roll(s, d)
            yield f"You took the mean over dimension {dim}: keep it.", lambda v, _, d=dim: v.mean(d)
            yield f"You summed over dimension {dim}: keep it.", lambda v, _, d=dim: v.sum(d)
            yield f"You took only the first along dimension {dim}: keep all.", lambda v, _, d=dim: v.select(d, 0)
            yield f"Your result has an axis too many (dim={dim}): squeeze it.", lambda v, _, d=dim: v.unsqueeze(d)
        yield "You took the mean of all entries: keep them.", lambda v, _: v.mean()
        yield "You summed all entries: keep them.", lambda v, _: v.sum()
    if right.ndim and not logical:
        yield "You subtracted the diagonal's 1 (the identity).", lambda v, _: v - torch.eye(len(v), dtype=v.dtype)
        yield "You set the diagonal to 0: keep it.", lambda v, _: v - v.diagonal().diag()
        yield "You took a softmax of the result: leave that out.", lambda v, _: v.softmax(-1)
        yield "You rescaled the result by its largest entry.", lambda v, _: v / v.max()
        yield "You divided the result by its sum.", lambda v, _: v / v.sum()
        yield "You gave the rows of the result length 1: leave that out.", lambda v, _: F.normalize(v, dim=-1)
        yield "You took absolute values of the result: leave that out.", lambda v, _: v.abs()
        yield (
            "Your result holds the places of the largest (argmax): the values are asked for.",
            lambda v, _: v.argmax(-1),
        )


def _complaint(case: Case) -> str:
    return case.complaint(case.call) if case.call else ""


# 3. One size or number that decides.


def _blame(case: Case) -> str:
    """A size or number that alone turns a right answer into a wrong one, whatever the other numbers are."""
    ok = case.ok
    if all(ok) or not any(ok):
        return ""
    return _decides(case, case.trials[ok.index(True)], case.trials[ok.index(False)])


def stops(case: Case) -> str:
    """The same for a function that stops with an error: at the first trial that has no answer."""
    ok = case.ok
    return _decides(case, case.trials[ok.index(True)], case.trials[len(ok)]) if any(ok) else ""


def _decides(case: Case, good: Trial, bad: Trial) -> str:
    """What of the two settings decides between right and wrong, all else the same."""
    if case.call is None or good.draw is None or bad.draw is None:
        return ""
    seeds = (101, 102)
    if not all(case.is_right(good.again(s), strictly=True) for s in seeds):
        return ""
    for name, value in bad.setting.items():
        if good.setting[name] == value or not isinstance(value, int | float):
            continue
        alike = [t for t in case.trials if t.setting.get(name) == good.setting[name]]
        if not all(case.is_right(t, strictly=True) for t in alike):
            continue
        try:
            wrong = not any(case.is_right(good.again(s, **{name: value})) for s in seeds)
        except (ValueError, RuntimeError, IndexError):  # sizes that do not go together
            continue
        if wrong:
            came = f"It is right for {name} = {good.setting[name]} and wrong for {name} = {value}, all else the same"
            cause = _cause_of_argument if name in case.call.arguments else _cause_of_size
            return came + cause(case, good, name, value)
    return ""


def _cause_of_argument(case: Case, good: Trial, name: str, value: Any) -> str:
    """What an argument that decides may come from; nothing is said that was not tried."""
    assert case.call is not None
    k, number = case.call.arguments.index(name), good.setting[name]
    if case.gives_the_same(lambda *i: case.truth(*i[:k], number, *i[k + 1 :])):
        return f": {number} stands where `{name}` belongs. Is `{name}` used everywhere, with no number in its place?"
    names = _names(case)
    bad = good.again(101, **{name: value})
    for other, given in enumerate(good.inputs):
        if isinstance(given, Tensor) and not _matters(case, good, other) and _matters(case, bad, other):
            said = f". With {name} = {number} the right result does not depend on `{names[other]}`"
            rest = Trial(bad.about, (*bad.inputs[:other], torch.zeros_like(given), *bad.inputs[other + 1 :]))
            finite = as_tensor(case.truth(*copied(rest.inputs))).isfinite().all()
            if finite and case.is_right(rest, strictly=True):
                return f"{said}, and yours is right where `{names[other]}` is 0: what becomes of it is wrong."
            return f"{said}."
    return "."


def _coefficients(case: Case) -> str:
    """Where the result is a sum of the arguments, each times a number: for which of them the number is wrong."""
    if case.call is None:
        return ""
    inputs, names = case.trials[0].inputs, _names(case)
    which = [k for k, v in enumerate(inputs) if isinstance(v, Tensor) and v.is_floating_point()]
    if len(which) < 2 or any(inputs[k].shape != case.right[0].shape or not inputs[k].ndim for k in which):
        return ""

    def numbers(trial: Trial, result: Callable[[Trial], Tensor]) -> list[float]:
        """The number of each argument, from calls with all others 0; none where this is not what is computed."""
        found, total = [], torch.zeros_like(result(trial))
        for k in which:
            alone = [torch.zeros_like(v) if j in which and j != k else v for j, v in enumerate(trial.inputs)]
            part, given = result(Trial(trial.about, tuple(alone))), as_tensor(trial.inputs[k])
            found.append(((part * given).sum() / given.square().sum()).item())
            if not near(part, found[-1] * given, ROUNDING):
                return []
            total = total + part
        return found if near(total, result(trial), ROUNDING) else []

    try:
        for trial, fine in zip(case.trials, case.ok, strict=True):
            mine, right = numbers(trial, case.run), numbers(trial, lambda t: as_tensor(case.truth(*copied(t.inputs))))
            off = [abs(a - b) > case.tolerance for a, b in zip(mine, right, strict=True)]
            if not fine and (not any(off) or all(off)):
                return ""
            if any(off):
                k = off.index(True)
                fine_ones = " and ".join(f"`{names[j]}`" for j, wrong in zip(which, off, strict=True) if not wrong)
                return (
                    f"The share of {fine_ones} is right; that of `{names[which[k]]}` is {mine[k]:.4g} instead of "
                    f"{right[k]:.4g}."
                )
    except (Wrong, NotAttempted, ValueError, RuntimeError):
        pass
    return ""


def _matters(case: Case, trial: Trial, k: int) -> bool:
    """Whether the right result changes with an argument."""
    right = as_tensor(case.truth(*copied(trial.inputs)))
    changed = [(*trial.inputs[:k], trial.again(seed).inputs[k], *trial.inputs[k + 1 :]) for seed in (77, 78)]
    return any(not near(as_tensor(case.truth(*copied(i))), right, case.tolerance) for i in changed)


def _cause_of_size(case: Case, good: Trial, name: str, value: Any) -> str:
    """Whether a size is written in, or two are mixed up: other sizes are tried."""
    size = good.setting[name]
    for other, same in good.setting.items():
        if other != name and same == size and isinstance(same, int):
            both = {name: value, other: value}
            if _is_right_at(case, good, both):
                return f", and right again for {other} = {name} = {value}: are {name} and {other} mixed up?"
    if isinstance(size, int) and all(_is_right_at(case, good, {name: n}) is False for n in (size - 1, size + 1)):
        return f", as for {size - 1} and {size + 1}: is a size written into the function, or are two sizes mixed up?"
    return "."


def _is_right_at(case: Case, good: Trial, setting: Mapping[str, Any]) -> bool | None:
    """Whether the function is right with another setting; None where there is no such one."""
    try:
        trials = [good.again(seed, **setting) for seed in (101, 102)]
        for trial in trials:
            if not as_tensor(case.truth(*copied(trial.inputs))).isfinite().all():
                return None
    except (ValueError, RuntimeError, IndexError, KeyError, TypeError, AssertionError):
        return None
    return all(case.is_right(trial, strictly=True) for trial in trials)


def _suspicion(case: Case) -> str:
    """What a trial was made for that fails, where the first and plainest one is right."""
    failed = [t for t, fine in zip(case.trials, case.ok, strict=True) if not fine]
    if case.ok[0]:
        return failed[0].suspicion
    below = case.answers[0].shape == case.right[0].shape and bool((case.answers[0] < case.right[0]).all())
    return case.trials[0].suspicion if below else ""


# 4. A part of the result.


def _shape(case: Case) -> str:
    """What a result of another shape may come from."""
    pairs = [(a, r) for a, r in zip(case.answers, case.right, strict=True) if a.shape != r.shape]
    if not pairs:
        return ""

    def always(same: Callable[[Tensor, Tensor], bool]) -> bool:
        try:
            return all(same(a, r) for a, r in pairs)
        except (RuntimeError, IndexError):
            return False

    def close(a: Tensor, r: Tensor) -> bool:
        return near(a, r, case.tolerance)

    if always(lambda a, r: not r.ndim and a.numel() > 0 and close(a.mean(), r)):
        return "Your numbers are right: take their mean."
    if always(lambda a, r: not r.ndim and close(a.sum(), r)):
        return "Your numbers are right: take their sum."
    if always(lambda a, r: a.numel() == r.numel() and close(a.reshape(r.shape), r)):
        return "The numbers are right, in another shape: reshape them."
    if always(lambda a, r: a.numel() == r.numel() and close(a.flatten().sort()[0], r.flatten().sort()[0])):
        return "All the numbers are there, but axes are exchanged or put together in another order."
    (a, r), *_ = pairs
    if not r.ndim:
        return "A single number is asked for: is a mean or a sum still missing? print the shapes."
    if a.ndim != r.ndim:
        more = "more" if a.ndim > r.ndim else "fewer"
        return f"Yours has {a.ndim} dimensions instead of {r.ndim}, {abs(a.ndim - r.ndim)} {more}: print the shapes."
    axes = [d for d in range(a.ndim) if a.shape[d] != r.shape[d]]
    return (
        f"Dimension {axes[0]} has size {a.shape[axes[0]]} instead of {r.shape[axes[0]]}: print the shapes on the way."
    )


def _part(case: Case) -> str:
    """A part of the result that holds all that is wrong, in every trial."""
    if not case.right[0].ndim or any(a.shape != r.shape for a, r in zip(case.answers, case.right, strict=True)):
        return ""
    wrong, parts = [], []
    for a, r, t in zip(case.answers, case.right, case.trials, strict=True):
        wrong.append(_wrong(a, r, case.tolerance))
        own = dict(case.places(*t.inputs)) if case.places else {}
        parts.append({**own, **_parts(r, plain=len({right.ndim for right in case.right}) > 1)})
    candidates = [
        name
        for name in parts[0]
        if all(name in p and not bool((w & ~p[name]).any()) for w, p in zip(wrong, parts, strict=True))
        and not all(bool(p[name].all()) for p in parts)  # or it says nothing
    ]
    if not candidates:
        return _order(case)
    smallest = min(candidates, key=lambda name: sum(float(p[name].double().mean()) for p in parts))
    inside = all(bool(w[p[smallest]].all()) for w, p in zip(wrong, parts, strict=True))
    return f"{'All' if inside else 'Only'} {smallest} {'are' if inside else 'can be'} wrong; everything else is right."


def _parts(r: Tensor, plain: bool = False) -> dict[str, Tensor]:
    """Parts of a tensor that have a name; `plain` leaves out rows and columns, where trials differ in dimensions."""
    parts: dict[str, Tensor] = {}
    for dim in range(r.ndim):
        n = r.shape[dim]
        index = torch.arange(n).view([-1 if d == dim else 1 for d in range(r.ndim)]).expand(r.shape)
        axis = ("rows", "columns")[dim] if r.ndim <= 2 and not plain else f"places along dimension {dim}"
        parts |= {
            f"the first of the {axis} (index 0)": index == 0,
            f"the last of the {axis} (index -1)": index == n - 1,
            f"the first half of the {axis}": index < n // 2,
            f"the second half of the {axis}": index >= n // 2,
            f"the {axis} after the first": index > 0,
            f"the {axis} before the last": index < n - 1,
        }
    if r.ndim >= 2 and r.shape[-1] == r.shape[-2]:
        row, column = torch.arange(r.shape[-1])[:, None], torch.arange(r.shape[-1])
        parts |= {
            "entries on the diagonal": (row == column).expand(r.shape),
            "entries off the diagonal": (row != column).expand(r.shape),
            "entries above the diagonal (column > row)": (column > row).expand(r.shape),
            "entries below the diagonal (column < row)": (column < row).expand(r.shape),
            "entries just above the diagonal": (column == row + 1).expand(r.shape),
            "entries just below the diagonal": (column == row - 1).expand(r.shape),
        }
    return parts


def _order(case: Case) -> str:
    """Right numbers in wrong places."""
    pairs = list(zip(case.answers, case.right, strict=True))

    def close(a: Tensor, r: Tensor) -> bool:
        return near(a, r, case.tolerance)

    if all(r.ndim > 1 and len(set(r.flatten().tolist())) > 2 for _, r in pairs):
        for dim in range(pairs[0][1].ndim):
            if all(close(a.sort(dim)[0], r.sort(dim)[0]) for a, r in pairs):
                return f"The numbers are right, but stand in another order along dimension {dim}."
        if all(close(a.flatten().sort()[0], r.flatten().sort()[0]) for a, r in pairs):
            return "The numbers are right, but stand in other places: look at the order of the axes."
    if all(not bool((a == 1).logical_and(r == 0).any()) for a, r in pairs) and _logical(case):
        return "Wherever yours is True it is right to be, but some True are missing."
    if all(not bool((a == 0).logical_and(r == 1).any()) for a, r in pairs) and _logical(case):
        return "Wherever yours is False it is right to be, but it is True in places too many."
    return ""


def _logical(case: Case) -> bool:
    return all(set(r.unique().tolist()) <= {0.0, 1.0} for r in (*case.right, *case.answers))


# 5. What matters and should not, or does not and should.


def _repair(case: Case) -> str:
    """A change of one argument after which the learner's function is right."""
    if case.call is None or not case.twists:
        return ""
    names = _names(case)
    repairs = {
        "is given with rows of length 1: F.normalize(…, dim=1).": lambda z: F.normalize(z, dim=1),
        "has its mean over the batch taken off: z - z.mean(0).": lambda z: z - z.mean(0),
        "has its mean over the batch taken off and is divided by its standard deviation.": lambda z: (
            (z - z.mean(0)) / z.std(0, correction=0)
        ),
        "is given transposed.": lambda z: z.mT,
    }
    for k, value in enumerate(case.trials[0].inputs):
        if not (isinstance(value, Tensor) and value.is_floating_point() and value.ndim == 2):
            continue
        for what, change in repairs.items():
            if _right_after(case, k, change):
                return f"Yours becomes right when `{names[k]}` {what} That is missing."
    return ""


def _right_after(case: Case, k: int, change: Callable[[Tensor], Tensor]) -> bool:
    try:
        return all(
            near(case.run(Trial(t.about, (*t.inputs[:k], change(t.inputs[k]), *t.inputs[k + 1 :]))), r, case.tolerance)
            for t, r in zip(case.trials, case.right, strict=True)
        )
    except (Wrong, NotAttempted, RuntimeError):
        return False


def _hard(case: Case) -> str:
    """Whether nothing but 0 and 1 comes out where shares are asked for."""
    answers, right = (set(torch.cat([v.flatten() for v in of]).tolist()) for of in (case.answers, case.right))
    if any(not a.ndim for a in case.answers) or not answers <= {0.0, 1.0} or all(v.is_integer() for v in right):
        return ""
    if not all(0 <= v <= 1 for v in right):
        return ""
    return "Yours holds 0 and 1 alone, where numbers between are expected: the largest takes all, or one is rounded."


class _FirstNaN(TorchFunctionMode):
    """Notes the first function that makes NaN of numbers that are none, and whether it was given nothing at all."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.empty = "", False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        value = func(*args, **(kwargs or {}))
        if not self.name and _has_nan(value):
            given = [v for v in tree_leaves((args, kwargs)) if isinstance(v, Tensor)]
            if not any(_has_nan(v) for v in given):
                self.name, self.empty = getattr(func, "__name__", "?"), any(not v.numel() for v in given)
        return value


def _has_nan(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and bool(value.isnan().any())


def _all_equal(value: Tensor) -> bool:
    return value.numel() > 1 and bool((value == value.flatten()[0]).all())


def _degenerate(case: Case) -> str:
    """Whether nothing but NaN comes out, or the same number at all places, in every trial."""
    if all(bool(a.isnan().all()) and a.numel() for a in case.answers) and case.call is not None:
        with suppress(Wrong, NotAttempted), _FirstNaN() as first:
            case.run(case.trials[0])
        if first.empty:
            return f"Yours is NaN in every trial: `{first.name}` is given an empty tensor, as nothing was selected."
        return f"Yours is NaN in every trial.{f' The first NaN comes from `{first.name}`.' if first.name else ''}"
    large = [(a, r) for a, r in zip(case.answers, case.right, strict=True) if a.numel() > 1]
    if large and all(_all_equal(a) for a, _ in large) and not all(_all_equal(r) for _, r in large):
        values = {a.flatten()[0].item() for a, _ in large}
        same = f", {_number(large[0][0].flatten()[0])}" if len(values) == 1 else ""
        if values <= {0.0, 1.0} and len(values) == 1 and all(set(r.unique().tolist()) <= {0.0, 1.0} for _, r in large):
            chosen = "everything" if values == {1.0} else "nothing"
            return f"All entries of yours are the same{same}, in every trial: {chosen} is chosen."
        return f"All entries of yours are the same{same}, in every trial."
    if all(a.shape == r.shape and a.ndim == 2 for a, r in zip(case.answers, case.right, strict=True)):
        for dim, line in ((1, "row"), (0, "column")):
            same_in = [[bool((v == v.narrow(dim, 0, 1)).all()) for v in of] for of in (case.answers, case.right)]
            if all(same_in[0]) and not any(same_in[1]):
                both = f": whole {line}s are chosen, or left out" if _logical(case) else ""
                return f"In each {line} of yours all entries are the same, in every trial{both}."
    return ""


def _dependence(case: Case) -> str:
    """An argument, or a property of one, whose change should show in the result and does not; or the reverse."""
    trials = [t for t in case.trials if t.draw is not None]
    if case.call is None or not trials:
        return ""
    names, found = _names(case), Effects(case)
    constant = len({str(a.tolist()) for a in case.answers}) == 1
    if constant or len(names) > 1:
        for k, value in enumerate(trials[0].inputs):
            effects = [found(trial, k, _others(trial, k)) for trial in trials]
            if None in effects or any(mine for mine, _ in (e for e in effects if e)):
                continue
            if sum(right for _, right in (e for e in effects if e)) > len(effects) / 2:
                what = "numbers" if isinstance(value, Tensor) else "values"
                return (
                    f"Your result does not depend on `{names[k]}`: it stayed the same for all the {what} that were "
                    f"tried, in {len(effects)} trials. Where does it belong?"
                )
    return _invariance(case, trials[0], found)


def _others(trial: Trial, k: int) -> list[Any]:
    """Quite different values for an argument."""
    value = trial.inputs[k]
    if isinstance(value, Tensor):
        return [trial.again(seed).inputs[k] for seed in range(77, 85)]
    if isinstance(value, float):
        return [f * value for f in (0.1, 0.3, 0.5, 0.9, 1.3, 2.0, 5.0)] + [f * (1 - value) for f in (0.2, 0.7)]
    if isinstance(value, int) and not isinstance(value, bool):
        return [n for n in (1, 2, value - 1, value + 1, 2 * value + 1, 3 * value) if n != value]
    return []


@dataclass(frozen=True)
class Effects:
    """What a change of an argument does to the learner's result and to the right one."""

    case: Case

    def __call__(self, trial: Trial, k: int, values: Sequence[Any]) -> tuple[bool, bool] | None:
        """Whether the two change for one of these values at least; None where it cannot be tried, or nothing comes."""
        case, mine, right = self.case, False, False
        try:
            before, truth = case.run(trial), as_tensor(case.truth(*copied(trial.inputs)))
        except (Wrong, NotAttempted, ValueError, RuntimeError):
            return None
        if not before.isfinite().any() or (_all_equal(before) and not _all_equal(truth)):
            return None  # nothing is left that could change
        for value in values:
            new = Trial(trial.about, (*trial.inputs[:k], value, *trial.inputs[k + 1 :]))
            try:
                expected = as_tensor(case.truth(*copied(new.inputs)))
            except Exception:  # no value that this argument may have
                continue
            try:
                mine |= not near(case.run(new), before, 1e-6)
            except (Wrong, NotAttempted):  # it stops, so it looks at the argument
                mine = True
            right |= not near(expected, truth, case.tolerance)
        return mine, right


# Each change in several strengths; lengths stay positive, so that no row and no column turns round.
FACTS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "when rows of {} become longer or shorter": lambda z, s: z * torch.logspace(-s, s, len(z))[:, None],
    "when a feature (a column) of {} is rescaled": lambda z, s: z * torch.logspace(-s, s, z.shape[1]),
    "when a number is added to a feature (a column) of {}": lambda z, s: z + s * torch.arange(1, z.shape[1] + 1),
}


def _invariance(case: Case, trial: Trial, found: Effects) -> str:
    """A property of an argument that changes one of the two results, in some strength, and the other in none."""
    names = _names(case)
    matrices = [
        (k, v) for k, v in enumerate(trial.inputs) if isinstance(v, Tensor) and v.is_floating_point() and v.ndim == 2
    ]
    for when, change in FACTS.items():
        for k, value in matrices:
            said = when.format(f"`{names[k]}`")
            effects = found(trial, k, [change(value, strength) for strength in (0.2, 0.5, 1.0, -0.5)])
            if effects == (True, False):
                return f"Your result changes {said}, and the right one does not."
            if effects == (False, True):
                return f"The right result changes {said}, and yours does not."
    return ""


# 6. How the numbers differ.


RATIOS = {
    1 / math.log(2): ": that is 1 / ln 2, a logarithm to base 2 (log2) where the natural one belongs, or exp2 for exp",
    math.log(2): ": that is ln 2, the natural logarithm where one to base 2 belongs",
    1 / math.log(10): ": that is 1 / ln 10, a logarithm to base 10 (log10) where the natural one belongs",
    0.5: ": you divide by 2 once too often, or a 2 is missing",
    2.0: ": you multiply by 2 once too often, or a division by 2 is missing",
}
DIFFERENCES = {
    math.log(2): ": that is log 2, so a factor of 2 too much stands inside a logarithm (each counted twice?)",
    -math.log(2): ": that is -log 2, so inside a logarithm you divide by 2 once too often (pairs counted once, and "
    "divided by twice as many?)",
}


def _known(value: float, constants: Mapping[float, str]) -> str:
    """What a constant is known to come from."""
    known = ": a factor, a mean or a sum?" if constants is RATIOS else ": a term too many, or one missing?"
    if constants is DIFFERENCES and abs(value) > 1e6:
        known = ", a number as large as a mask's: what should count is masked. Is the mask turned round?"
    return next((text for number, text in constants.items() if abs(value - number) < 1e-3 * abs(number)), known)


def _constant(case: Case) -> str:
    """Whether the answers are always the same number of times the truth, or the same number away."""
    if not all(a.shape == r.shape for a, r in zip(case.answers, case.right, strict=True)):
        return ""
    a, r = torch.cat([x.flatten() for x in case.answers]), torch.cat([x.flatten() for x in case.right])
    ratio, difference = a / r, a - r
    if torch.isfinite(ratio).all() and (ratio - ratio[0]).abs().max() < 1e-3 * ratio[0].abs():
        return f"Yours is always {ratio[0]:.3g} times the right value{_known(ratio[0].item(), RATIOS)}"
    if (difference - difference[0]).abs().max() < 1e-3 * difference[0].abs():
        return f"Yours is always off by {difference[0]:+.3g}{_known(difference[0].item(), DIFFERENCES)}"
    return ""


def _relation(case: Case) -> str:
    """How the answers stand to the truth on every trial."""
    a, r = torch.cat([x.flatten() for x in case.answers]), torch.cat([x.flatten() for x in case.right])
    if not torch.isfinite(a).all():
        return "A value is infinite or NaN: a division by 0, the logarithm of 0, or exp of something large?"
    if constant := _constant(case):
        return constant
    more = ""
    if a.shape == r.shape and bool((a >= r).all() | (a <= r).all()):
        more = f"Yours is never {'below' if bool((a >= r).all()) else 'above'} the right value. "
    return f"{more}None of the usual mistakes gives this. Take the smallest case, and compare step by step on paper."
