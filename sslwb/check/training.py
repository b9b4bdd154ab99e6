"""Exercise on training: one step, in the right order. Lesson 02."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.check.report import NotAttempted, Report, Wrong, bound, explained, passed, verdict
from sslwb.core import Views
from sslwb.methods.base import Method
from sslwb.nets import seeded

STEPS = 3


def training_step(f: Any) -> Report:
    """Check `f(method, optimiser, views)`, one step of training that gives the loss, by what happens in which order.

    Right is: `loss = method(views)["loss"]`, gradients cleared, `loss.backward()`, `optimiser.step()`, and the loss as
    a number. Clearing may also come first or last.
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
            try:
                value = call(mine, optimiser, [v.clone() for v in views])
            except NotImplementedError as error:
                raise NotAttempted from error
            except Exception as error:
                raise Wrong(f"at step {step + 1}, {explained(error)}") from error
            if (value is None or value is ...) and not events:
                raise NotAttempted
            _check_order(events, step)
            loss = right(views)["loss"]
            reference.zero_grad()
            loss.backward()
            reference.step()
            _check_weights(mine, right, before, step)
            _check_loss(value, loss.item())
            holds_graph |= isinstance(value, Tensor) and value.requires_grad
        remark = "return loss.item(): a tensor that is kept holds the whole step's graph in memory."
        return passed("training_step", f"{STEPS} steps give the weights that fit gives.", remark if holds_graph else "")

    return verdict("training_step", examine)


class _Toy(Method):
    """A small method that notes when it is asked and when gradients flow back."""

    def __init__(self) -> None:
        with seeded(1):
            encoder: Any = nn.Linear(5, 4)
        encoder.dim = 4
        super().__init__(encoder)
        self.events: list[str] = []

    def forward(self, views: Views) -> dict[str, Tensor]:
        self.events.append("forward")
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


def _check_order(events: list[str], step: int) -> None:
    """Raise Wrong unless the parts of a step came once each and in order."""
    if "forward" not in events:
        raise Wrong('your function never asks the method: loss = method(views)["loss"].')
    if "backward" not in events:
        raise Wrong("loss.backward() is missing: without it there are no gradients to step along.")
    if "step" not in events:
        raise Wrong("optimiser.step() is missing: the gradients are there, but no weight moves.")
    for part in ("step", "backward"):
        if events.count(part) > 1:
            raise Wrong(f"{part} happens {events.count(part)} times in one step: once is enough.")
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
        raise Wrong("no weight has moved.")
    raise Wrong(
        f"after step {step + 1} the weights are not those of one step down the loss: is it method(views)['loss'] "
        "itself, unscaled, whose backward() you call?"
    )


def _check_loss(value: Any, loss: float) -> None:
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
        raise Wrong(f"the step is right, but your function returns {came:.4g}: the loss was {loss:.4g}.")
