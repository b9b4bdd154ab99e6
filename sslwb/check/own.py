"""Exercises on a method of one's own: how far a sample is from normal, along which directions, and what every method
keeps to. Lesson 18."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import geometry
from sslwb.check.report import (
    Bound,
    Mistake,
    Report,
    Wrong,
    bound,
    drawn,
    judge,
    passed,
    raise_for_nothing,
    tried,
    variations,
    verdict,
)
from sslwb.core import MakeViews
from sslwb.data import load
from sslwb.methods.base import Method
from sslwb.methods.family import make_views as family_views
from sslwb.nets import conv
from sslwb.train import fit


def epps_pulley(f: Any) -> Report:
    """Check `f(x, t)` → scalar: how far N numbers are from standard normal, by their characteristic function at the
    points t, evenly spaced. Source: Epps and Pulley 1983."""

    def truth(x: Tensor, t: Tensor) -> Tensor:
        return geometry.epps_pulley(x[:, None], float(t[-1]), len(t))[0]

    def varied(
        x: Tensor,
        t: Tensor,
        normal: Callable[[Tensor], Tensor] = lambda t: (-t.square() / 2).exp(),
        parts: str = "both",
        square: bool = True,
        weight: bool = True,
        over: str = "step",
        of: str = "mean",
        times: str = "",
    ) -> Tensor:
        angles, target = x[:, None] * t, normal(t)
        mean = (lambda a: a.mean(0)) if of == "mean" else (lambda a: a.sum(0))
        cos, sin = mean(angles.cos()) - target, mean(angles.sin())
        if parts == "shifted":
            sin = sin - target
        sizes = {"cos": [cos], "sin": [sin]}.get(parts, [cos, sin])
        gap = torch.stack([(s.square() if square else s.abs()) for s in sizes]).sum(0)
        gap = gap * (normal(t) if weight else 1.0)
        total = {"step": torch.trapezoid(gap, t), "sum": gap.sum(), "mean": gap.mean()}[over]
        return total * {"": 1, "N": len(x)}[times]

    hints: Mapping[str, Mapping[str, Any]] = {
        "The sine is missing: the sample's characteristic function has two parts, the mean of cos(t·x) and that of "
        "sin(t·x); the second is 0 for a normal distribution.": {"parts": "cos"},
        "The cosine is missing: its mean is compared with exp(-t²/2).": {"parts": "sin"},
        "exp(-t²/2) was taken off the sine too: a normal distribution's sine part is 0.": {"parts": "shifted"},
        "The gaps were not squared: square both and add them, which is the squared length of a complex number.": {
            "square": False
        },
        "The weight exp(-t²/2) is missing under the integral: without it, large t count as much as small ones.": {
            "weight": False
        },
        "You added up over t without the step between two points: torch.trapezoid(…, t).": {"over": "sum"},
        "You took the mean over t: expected the integral, torch.trapezoid(…, t).": {"over": "mean"},
        "You added up over the numbers: a characteristic function is their mean, over N.": {"of": "sum"},
        "This is N times the integral, as in the test of 1983: here it is the integral alone.": {"times": "N"},
        "The characteristic function of a standard normal is exp(-t²/2), without 1/√(2π): that is its density.": {
            "normal": lambda t: (-t.square() / 2).exp() / math.sqrt(2 * math.pi)
        },
        "The characteristic function of a standard normal is exp(-t²/2), with the ½.": {
            "normal": lambda t: (-t.square()).exp()
        },
    }

    def draw(g: torch.Generator, N: int, T: int, shift: float) -> tuple[Any, ...]:
        return torch.randn(N, generator=g) * 1.3 + shift, torch.linspace(-4, 4, T)

    return judge(
        "epps_pulley",
        f,
        truth,
        drawn(
            draw,
            "N = {N} numbers around {shift}, T = {T} points",
            {"N": 9, "T": 17, "shift": 0.5},
            {"N": 1, "T": 13, "shift": 0.0},
            {"N": 40, "T": 33, "shift": -1.0},
        ),
        variations(varied, hints),
        arguments=("x", "t"),
        agrees_with="the library",
        trained=("x",),
    )


def slices(f: Any) -> Report:
    """Check `f(z, noise)` → (N, K): embeddings (N, D) along K directions of length 1, those of noise (K, D)."""

    def truth(z: Tensor, noise: Tensor) -> Tensor:
        return z @ F.normalize(noise, dim=1).T

    length = "Each direction is to have length 1: divide each row of noise by its own length"
    mistakes = [
        Mistake(f"{length}. You used them as long as they came.", lambda z, n: z @ n.T),
        Mistake(f"{length}, over D, dim=1. You went over the K directions.", lambda z, n: z @ F.normalize(n, dim=0).T),
        Mistake(f"{length}. You divided by its square.", lambda z, n: z @ (n / n.square().sum(1, keepdim=True)).T),
        Mistake(f"{length}. You divided by the mean length of all.", lambda z, n: z @ (n / n.norm(dim=1).mean()).T),
        Mistake(
            f"{length}. You divided by √D, which is right on average only.", lambda z, n: z @ n.T / n.shape[1] ** 0.5
        ),
        Mistake(
            f"{length}. You divided by the sum of its absolute values.",
            lambda z, n: z @ (n / n.abs().sum(1, keepdim=True)).T,
        ),
        Mistake(
            "These are cosines: only the directions have length 1. How long an embedding is must stay.",
            lambda z, n: F.normalize(z, dim=1) @ F.normalize(n, dim=1).T,
        ),
        Mistake(
            "The embeddings were brought to length 1, and the directions were not: it is the other way round.",
            lambda z, n: F.normalize(z, dim=1) @ n.T,
        ),
        Mistake(
            "The result is turned: expected a row for each embedding, a column for each direction.",
            lambda z, n: F.normalize(n, dim=1) @ z.T,
        ),
        Mistake(
            "You took the embeddings' mean off: where they lie is part of what is tested.",
            lambda z, n: (z - z.mean(0)) @ F.normalize(n, dim=1).T,
        ),
    ]

    def draw(g: torch.Generator, N: int, D: int, K: int) -> tuple[Any, ...]:
        return 2 * torch.randn(N, D, generator=g) + 0.5, torch.randn(K, D, generator=g)

    sizes = {"N": 6, "D": 4, "K": 3}, {"N": 3, "D": 5, "K": 7}
    return judge(
        "slices",
        f,
        truth,
        drawn(draw, "z of shape ({N}, {D}), noise of shape ({K}, {D})", *sizes),
        mistakes,
        arguments=("z", "noise"),
        agrees_with="the library",
        trained=("z",),
    )


def method(make: Callable[[nn.Module], Method] | None, make_views: MakeViews = family_views, steps: int = 40) -> Report:
    """Check what every method keeps to: `make(encoder)`, such as its class, gives one.

    It is a Method around the encoder that it was given; forward(views) gives a dict with a finite "loss", in which
    every term is one number; the same views give the same loss; gradients reach the encoder; and the loss falls.
    """

    def examine() -> Report:
        call = bound(make, ["encoder"])
        encoder, data = conv(8, instance_norm=True), load("shapes", n=256, size=24)
        made, _ = tried(call, (encoder,), "make(encoder)")
        if made is None or made is ...:
            raise_for_nothing(call)
        if not isinstance(made, Method):
            raise Wrong(f"make(encoder) gives {type(made).__name__}; expected a Method: class Mine(Method): …")
        if getattr(made, "encoder", None) is not encoder:
            raise Wrong("it has another encoder than it was given: begin __init__ with super().__init__(encoder).")
        views = make_views(data[:32], torch.Generator().manual_seed(0))
        loss, again = _loss(made, views), _loss(made, views)
        if not torch.allclose(loss, again, rtol=1e-3, atol=1e-4):
            raise Wrong(
                "the same views gave two losses. All that is random in a step is a view, which make_views draws from "
                "its generator: so a training that is taken up again draws what it would have drawn."
            )
        loss.backward()
        if not any(p.grad is not None and p.grad.any() for p in encoder.parameters()):
            raise Wrong("no gradient reaches the encoder: on the way from it to the loss something is detached.")
        how: dict[str, Any] = {"batch_size": 32, "lr": 3e-3, "precision": "fp32", "progress": False}
        losses = fit(made, data, make_views, steps=steps, **how)["loss"]
        first, last = fmean(losses[:5]), fmean(losses[-5:])
        if not last < first - 1e-4 * abs(first):  # what rounding makes of a loss that stands still
            raise Wrong(
                f"in {steps} steps the loss did not fall: {first:.3g} → {last:.3g}. Does each term have its sign?"
            )
        return passed(
            "method", f"it keeps to the contract. In {steps} steps its loss fell from {first:.3g} to {last:.3g}."
        )

    return verdict("method", examine)


def _loss(made: Method, views: Any) -> Tensor:
    """The loss of some views, all terms examined."""
    call = Bound(made.forward, ("views",))
    terms, changed = tried(call, (views,), "forward(views)")
    if terms is None or terms is ...:
        raise_for_nothing(call)
    for text in changed.values():
        raise Wrong(text)
    if not isinstance(terms, dict) or "loss" not in terms:
        came = f"a dict of {', '.join(map(repr, terms))}" if isinstance(terms, dict) else type(terms).__name__
        raise Wrong(f'forward(views) gives {came}; expected a dict with the "loss": return {{"loss": loss}}.')
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.ndim:
            came = f"a tensor of shape {tuple(term.shape)}" if isinstance(term, Tensor) else type(term).__name__
            raise Wrong(f'the term "{name}" is {came}; expected one number, a tensor without axes: take a mean.')
    loss: Tensor = terms["loss"]
    if not torch.isfinite(loss):
        raise Wrong(f'the "loss" is {loss.item()} at the first step: is there a logarithm, a root or a quotient of 0?')
    if not loss.requires_grad:
        raise Wrong("no gradient reaches the encoder: on the way from it to the loss something is detached.")
    return loss
