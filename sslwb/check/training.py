"""Exercise on training: one step, in the right order. Lesson 02."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.check.report import Bound, NotAttempted, Report, Wrong, bound, passed, tried, verdict
from sslwb.core import Views
from sslwb.methods.base import Method
from sslwb.nets import seeded

STEPS = 3


def training_step(f: Any) -> Report:
    """Check `f(method, optimiser, views)`, one step of training that gives the loss, by what happens in which order.

    Right is: `loss = method(views)["loss"]`, gradients cleared, `loss.backward()`, `optimiser.step()`, and the loss as
    a number. Clearing may also come first, but not last alone: what lies there before would be added.
    """

    def examine() -> Report:
        call = bound(f, ("method", "optimiser", "views"))
        g = torch.Generator().manual_seed(0)
        batches = [[torch.randn(6, 5, generator=g) for _ in range(2)] for _ in range(STEPS)]
        mine, right = _Toy(), _Toy()
        events: list[str] = mine.events
        optimiser, reference = _Noted(mine, events), torch.optim.SGD(right.parameters(), lr=0.1, momentum=0.5)
        holds_graph = False
        for step, views in enumerate(batches):
            events.clear()
            before = copy.deepcopy(mine.state_dict())
            with _noting_backward(events):
                value, changed = tried(
                    call, (mine, optimiser, [v.clone() for v in views]), f"step {step + 1}", _explain
                )
            if (value is None or value is ...) and not events and call.is_stub:
                raise NotAttempted
            if message := next(iter(changed.values()), ""):
                raise Wrong(message)
            moved = any(not torch.equal(p, before[name]) for name, p in mine.named_parameters())
            if moved and "step" not in events:
                raise Wrong(
                    "the weights move, but not by the optimiser that comes in, which keeps what it learnt from "
                    "the steps "
                    "before: call optimiser.step(), and make none of your own."
                )
            if "forward in eval()" in events:
                raise Wrong(
                    "the method is asked while it is in eval(): batch norm and dropout would not train. Leave it out."
                )
            if not all(module.training for module in mine.modules()):
                raise Wrong("your function leaves the method in eval(): leave that out, or end with method.train().")
            _check_order(events, step)
            loss = right(views)["loss"]
            reference.zero_grad()
            loss.backward()
            reference.step()
            _check_weights(mine, right, before, step)
            with torch.no_grad():
                after = right(views)["loss"].item()
            _check_loss(value, loss.item(), after)
            holds_graph |= isinstance(value, Tensor) and value.requires_grad
        _check_leftovers(call, batches[0])
        remark = "return loss.item(): a tensor that is kept holds the whole step's graph in memory."
        return passed("training_step", f"{STEPS} steps give the weights that fit gives.", remark if holds_graph else "")

    return verdict("training_step", examine)


def _check_leftovers(call: Bound, views: list[Tensor]) -> None:
    """Raise Wrong where gradients that lie there before a step count in it."""
    moved = []
    for left in (0.0, 1.0):
        toy = _Toy()
        for p in toy.parameters():
            p.grad = torch.full_like(p, left)
        tried(call, (toy, _Noted(toy, toy.events), [v.clone() for v in views]), "one more step", _explain)
        moved.append(torch.cat([p.detach().flatten() for p in toy.parameters()]))
    if not torch.allclose(moved[0], moved[1], rtol=1e-4, atol=1e-6):
        raise Wrong(
            "gradients that lie there before your step are added to those of this batch: the old ones are cleared "
            "first, so zero_grad() comes before backward(). After step() alone it comes too late for the first step."
        )


@contextmanager
def _noting_backward(events: list[str]) -> Iterator[None]:
    """Note each call of backward(), wherever its gradients end."""
    usual = torch.autograd.backward

    def noted(*inputs: Any, **how: Any) -> None:
        events.append("backward elsewhere")
        usual(*inputs, **how)

    torch.autograd.backward = noted
    try:
        yield
    finally:
        torch.autograd.backward = usual


class _Toy(Method):
    """A small method that notes when it is asked and when gradients flow back."""

    def __init__(self) -> None:
        with seeded(1):
            encoder: Any = nn.Linear(5, 4)
        encoder.dim = 4
        super().__init__(encoder)
        self.events: list[str] = []

    def forward(self, views: Views) -> dict[str, Tensor]:
        self.events.append("forward" if self.training else "forward in eval()")
        a, b = (self.encoder(v) for v in views)
        loss = F.mse_loss(a, b) + a.square().mean()
        if loss.requires_grad:
            loss.register_hook(lambda _: self.events.append("backward"))
        return {"loss": loss, "size": a.detach().norm()}


class _Noted(torch.optim.SGD):
    """An optimiser that notes when it clears and when it steps."""

    def __init__(self, method: nn.Module, events: list[str]) -> None:
        super().__init__(method.parameters(), lr=0.1, momentum=0.5)
        self.events = events
        self.register_step_post_hook(lambda *_: events.append("step"))

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.events.append("zero_grad")
        super().zero_grad(set_to_none)


def _explain(error: Exception) -> str:
    text = str(error)
    if "'dict' object" in text or "dict' and" in text or "'dict'" in text:
        return 'method(views) gives a dict: the loss is method(views)["loss"].'
    if "second time" in text:
        return "backward() is called twice on one loss: once is enough."
    if "KeyError" in type(error).__name__:
        return 'method(views) gives a dict with the key "loss".'
    return ""


def _check_order(events: list[str], step: int) -> None:
    """Raise Wrong unless the parts of a step came once each and in order."""
    if "forward" not in events:
        raise Wrong('your function never asks the method: loss = method(views)["loss"].')
    if "backward" not in events and "backward elsewhere" in events:
        raise Wrong(
            "backward() is there, but no gradient flows back from the loss that the method gave: it is detached on "
            "the way. Call backward() on that loss itself, without .detach(), .item(), torch.tensor or no_grad."
        )
    if "backward" not in events:
        raise Wrong("loss.backward() is missing: without it there are no gradients to step along.")
    if "step" not in events:
        raise Wrong("optimiser.step() is missing: the gradients are there, but no weight moves.")
    for part in ("step", "backward", "forward"):
        if events.count(part) > 1:
            raise Wrong(
                f"{part} happens {events.count(part)} times in one step: once is enough."
                + (' Keep the loss, loss = method(views)["loss"], and return it.' if part == "forward" else "")
            )
    backward, moved = events.index("backward"), events.index("step")
    if moved < backward:
        raise Wrong("optimiser.step() comes before loss.backward(): it steps along the gradients of the batch before.")
    if "zero_grad" in events[backward:moved]:
        raise Wrong("zero_grad() stands between backward() and step(): it deletes the gradients just computed.")


def _check_weights(mine: _Toy, right: nn.Module, before: dict[str, Tensor], step: int) -> None:
    """Raise Wrong unless the weights are those of a right step."""
    pairs = list(zip(mine.parameters(), right.parameters(), strict=True))
    if all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in pairs):
        return
    if step and not mine.events.count("zero_grad"):
        raise Wrong(
            "the gradients are never cleared, so they add up from step to step: call optimiser.zero_grad() before "
            "backward()."
        )
    if all(torch.equal(a, before[name]) for name, a in mine.named_parameters()):
        raise Wrong(
            "no weight has moved, though optimiser.step() is there: are the gradients cleared between backward() "
            "and step()?"
        )
    if not step:
        mine_moved, right_moved = (
            torch.cat([(p - before[name]).flatten() for name, p in m.named_parameters()]).detach()
            for m in (mine, right)
        )
        factor = float(mine_moved @ right_moved / (right_moved @ right_moved))
        if torch.allclose(mine_moved, factor * right_moved, rtol=1e-3, atol=1e-6):
            up = "You step up the loss: the sign is turned round. " if factor < 0 else ""
            raise Wrong(
                f"the weights move {factor:.3g} times as far as they should. {up}Call backward() on the loss itself, "
                "unscaled: these are not those of one step. No gradients clipped, no other learning rate."
            )
        moved_parts = [name for name, p in mine.named_parameters() if torch.equal(p, before[name])]
        if moved_parts:
            raise Wrong(f"{moved_parts[0]} has not moved: does backward() reach it, and is it left as it is?")
    raise Wrong(
        f"after step {step + 1} the weights are not those of one step down the loss: is it method(views)['loss'] "
        "itself, unscaled, whose backward() you call?"
    )


def _check_loss(value: Any, loss: float, after: float) -> None:
    """Raise Wrong unless the value is the step's loss."""
    if value is None:
        raise Wrong("the step is right, but your function returns nothing: end with return loss.item().")
    if isinstance(value, dict):
        raise Wrong('the step is right, but your function returns the dict: return terms["loss"].item().')
    try:
        came = value.item() if isinstance(value, Tensor) else float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(
            f"the step is right, but your function returns {type(value).__name__}: return loss.item()."
        ) from error
    if abs(came - loss) > 1e-4 * max(1.0, abs(loss)):
        why = " That is the loss after the step: the one before it is asked for." if abs(came - after) < 1e-4 else ""
        raise Wrong(f"the step is right, but your function returns {came:.4g}: the loss was {loss:.4g}.{why}")
