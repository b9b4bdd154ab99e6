"""Exercise on pretext tasks: pictures turned by quarters, and the labels that this gives. Lesson 09."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sslwb.check.report import Mistake, Report, Trial, Wrong, answer, as_tensor, bound, compare, drawn, passed, verdict


def rotation_batch(f: Any) -> Report:
    """Check `f(x)`: squares (B, C, S, S) → all their turns (4B, C, S, S), and labels int64 (4B,).

    The rows are B pictures as they are, then all B turned by 90, by 180 and by 270 degrees, anticlockwise; the label is
    the number of quarters. Source: Gidaris et al. 2018, section 2.
    """

    def turned(x: Tensor, quarters: Sequence[int] = (0, 1, 2, 3)) -> Tensor:
        return torch.cat([x.rot90(k, (2, 3)) for k in quarters])

    def labels(x: Tensor) -> Tensor:
        return torch.arange(4).repeat_interleave(len(x))

    of_pictures = [
        Mistake(
            "Your pictures are turned clockwise: anticlockwise, the upper right corner moves to the upper left, "
            "x.rot90(k, (2, 3)).",
            lambda x: turned(x, (0, 3, 2, 1)),
        ),
        Mistake(
            "Your rows stand picture by picture. Here they stand turn by turn: all B pictures as they are, then all B "
            "by 90 degrees, and so on: torch.cat of the four turns. The labels follow the same order.",
            lambda x: turned(x).unflatten(0, (4, -1)).transpose(0, 1).flatten(0, 1),
        ),
        Mistake(
            "Your odd turns are only transposed, which mirrors the picture: a quarter turn is a transposition and a "
            "flip of the rows, x.transpose(2, 3).flip(2).",
            lambda x: torch.cat([x, x.mT, x.flip(2, 3), x.mT.flip(2, 3)]),
        ),
        Mistake(
            "You transposed again and again: twice gives back the picture. A quarter turn is a transposition and a "
            "flip of the rows, x.transpose(2, 3).flip(2).",
            lambda x: torch.cat([x, x.mT, x, x.mT]),
        ),
        Mistake(
            "Your half turn flips the rows alone, which mirrors the picture: flip rows and columns, x.flip(2, 3).",
            lambda x: torch.cat([x, x.rot90(1, (2, 3)), x.flip(2), x.rot90(3, (2, 3))]),
        ),
        Mistake(
            "Your half turn flips the columns alone, which mirrors the picture: flip rows and columns, x.flip(2, 3).",
            lambda x: torch.cat([x, x.rot90(1, (2, 3)), x.flip(3), x.rot90(3, (2, 3))]),
        ),
        Mistake(
            "You turned by k quarters what had been turned already: 0, 1, 3, 6 quarters. Turn x itself, each time.",
            lambda x: turned(x, (0, 1, 3, 6)),
        ),
        Mistake(
            "You gave rot90 degrees: it counts quarters, x.rot90(k, (2, 3)) with k from 0 to 3.",
            lambda x: turned(x, (0, 90, 180, 270)),
        ),
        Mistake(
            "Your turns begin with 90 degrees: the picture as it is comes first.", lambda x: turned(x, (1, 2, 3, 4))
        ),
        Mistake(
            "Your pictures are mirrored, not turned: a quarter turn is a transposition and a flip.",
            lambda x: torch.cat([x, x.flip(3), x.flip(2), x.flip(2, 3)]),
        ),
        Mistake(
            "Your pictures are mirrored, not turned: a quarter turn is a transposition and a flip.",
            lambda x: torch.cat([x, x.flip(2), x.flip(3), x.flip(2, 3)]),
        ),
        Mistake(
            "The turns of 180 and 270 degrees are exchanged: 0, 1, 2, 3 quarters.", lambda x: turned(x, (0, 1, 3, 2))
        ),
        Mistake(
            "The turns of 90 and 180 degrees are exchanged: 0, 1, 2, 3 quarters.", lambda x: turned(x, (0, 2, 1, 3))
        ),
        Mistake("Your turns come in the reverse order: 0, 1, 2, 3 quarters.", lambda x: turned(x, (3, 2, 1, 0))),
        Mistake("You turned by half turns alone: k quarters for k from 0 to 3.", lambda x: turned(x, (0, 2, 0, 2))),
        Mistake("The first turn is missing: begin with the pictures as they are.", lambda x: turned(x, (1, 2, 3))),
        Mistake("No picture is turned: all four are as they came.", lambda x: turned(x, (0, 0, 0, 0))),
    ]
    of_labels = [
        Mistake(
            "The pictures are right. Your labels run 0, 1, 2, 3, 0, 1, … beside rows that stand turn by turn, so most "
            "rows get the label of another turn: B zeros come first, torch.arange(4).repeat_interleave(B).",
            lambda x: torch.arange(4).repeat(len(x)),
        ),
        Mistake(
            "The pictures are right. Your labels name the picture: a label says how it was turned, 0 to 3.",
            lambda x: torch.arange(len(x)).repeat(4),
        ),
        Mistake(
            "The pictures are right. Your labels number the rows: a label says how a row was turned, 0 to 3.",
            lambda x: torch.arange(4 * len(x)),
        ),
        Mistake(
            "The pictures are right. Your labels are degrees: cross-entropy wants the number of the answer, 0 to 3.",
            lambda x: 90 * labels(x),
        ),
        Mistake("The pictures are right. Your labels begin with 1: answers count from 0.", lambda x: 1 + labels(x)),
        Mistake(
            "The pictures are right. Your labels count clockwise, and the pictures are turned anticlockwise.",
            lambda x: -labels(x) % 4,
        ),
        Mistake("The pictures are right. Your labels run backwards: 0 first, then 1, 2, 3.", lambda x: 3 - labels(x)),
        Mistake(
            "The pictures are right. Your labels say only whether a row was turned: by how many quarters, 0 to 3.",
            lambda x: (labels(x) > 0).long(),
        ),
        Mistake(
            "The pictures are right. Your labels are half turns: count quarters, 0 to 3.", lambda x: labels(x) // 2
        ),
        Mistake(
            "The pictures are right. All your labels are 0: B rows for each turn, 0 to 3.", lambda x: 0 * labels(x)
        ),
    ]

    def draw(g: torch.Generator, B: int, C: int, S: int) -> tuple[Any, ...]:
        return (torch.rand(B, C, S, S, generator=g),)

    def turns(x: Tensor, shape: tuple[int, ...]) -> dict[str, Tensor]:
        """The rows of each turn."""
        row = torch.arange(4 * len(x)).view(-1, *(1 for _ in shape)).expand(-1, *shape)
        return {
            f"rows turned by {90 * k} degrees ({k} · B … {k + 1} · B - 1)": (row >= k * len(x))
            & (row < (k + 1) * len(x))
            for k in range(4)
        } | {
            "rows of the odd turns, 90 and 270 degrees": row // len(x) % 2 == 1,
            "rows that are turned (from B on)": row >= len(x),
        }

    sizes = ((2, 3, 5), (5, 1, 4), (3, 3, 6))
    trials = drawn(draw, "{B} pictures of {C} × {S} × {S}", *({"B": b, "C": c, "S": s} for b, c, s in sizes))

    def examine() -> Report:
        call = bound(f, ("x",))
        pairs = [_pair(answer(call, trial, _explain), trial) for trial in trials]
        compare(
            [as_tensor(pictures) for pictures, _ in pairs],
            turned,
            trials,
            of_pictures,
            call=call,
            pick=lambda value: value[0],
            places=lambda x: turns(x, tuple(x.shape[1:])),
        )
        for (_, y), trial in zip(pairs, trials, strict=True):
            _check_labels(y, trial)
        compare(
            [as_tensor(y) for _, y in pairs],
            labels,
            trials,
            of_labels,
            call=call,
            pick=lambda value: value[1],
            places=lambda x: turns(x, ()),
        )
        if any(pictures.dtype != trial.inputs[0].dtype for (pictures, _), trial in zip(pairs, trials, strict=True)):
            raise Wrong("your pictures have another dtype than x: no .double(), .half() or numpy on the way.")
        return passed(
            "rotation_batch", f"pictures and labels are those of the rotation task on all {len(trials)} trials."
        )

    return verdict("rotation_batch", examine)


def _explain(error: Exception, _: Trial) -> str:
    return (
        "Turn rows and columns, x.rot90(k, (2, 3)): without the axes it turns pictures and channels."
        if "must match" in str(error)
        else ""
    )


def _pair(value: Any, trial: Trial) -> tuple[Tensor, Tensor]:
    """The two tensors that the function returned, the first of which has the right shape."""
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(isinstance(v, Tensor) for v in value):
        came = f"{type(value).__name__}"
        if isinstance(value, tuple | list):
            came += f" of {', '.join(type(v).__name__ for v in value)}"
        raise Wrong(f"your function returned {came}; expected two tensors: return pictures, labels.")
    (x,), (pictures, labels) = trial.inputs, value
    if any(v.layout != torch.strided for v in (pictures, labels)):
        raise Wrong("your function returned a sparse tensor; expected ordinary ones: .to_dense().")
    if pictures.ndim < labels.ndim:
        raise Wrong("your function returns the labels first: return pictures, labels.")
    expected = (4 * len(x), *x.shape[1:])
    if pictures.shape != expected:
        hint = ""
        if pictures.shape == x.shape:
            hint = " All four turns of every picture belong into the batch."
        elif pictures.numel() == 4 * x.numel() and pictures.ndim == 5:
            hint = " Put the turns one behind the other, torch.cat, and not on an axis of their own, torch.stack."
        raise Wrong(f"for {trial.about}, your pictures have shape {tuple(pictures.shape)}; expected {expected}.{hint}")
    return pictures, labels


def _check_labels(labels: Tensor, trial: Trial) -> None:
    """Raise Wrong unless they are whole numbers, one for each row."""
    rows = 4 * len(trial.inputs[0])
    if labels.shape != (rows,):
        hint = ""
        if labels.shape == (rows, 4):
            hint = " No one-hot rows: cross-entropy wants the number of the answer."
        elif labels.numel() == rows:
            hint = " One axis is enough: flatten."
        elif labels.numel() in (4, rows // 4):
            hint = " One label for each of the 4B rows."
        raise Wrong(
            f"the pictures are right. For {trial.about}, your labels have shape {tuple(labels.shape)}; expected "
            f"({rows},).{hint}"
        )
    if labels.dtype != torch.int64:
        raise Wrong(
            f"the pictures are right. Your labels are {str(labels.dtype).removeprefix('torch.')}: cross-entropy wants "
            "whole numbers, int64, as torch.arange gives."
        )
