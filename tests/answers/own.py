"""Lesson 18: how far from normal, along which directions, and what every method keeps to."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F

from sslwb.methods.base import Method
from sslwb.methods.byol import BYOL
from sslwb.methods.simsiam import SimSiam

from . import right, wrong

# Epps and Pulley


@right("epps_pulley")
def _(x, t):
    total = 0.0
    for a, b in pairwise(t):
        for point in (a, b):
            cos = torch.cos(point * x).mean() - torch.exp(-(point**2) / 2)
            sin = torch.sin(point * x).mean()
            total = total + (cos**2 + sin**2) * torch.exp(-(point**2) / 2) * (b - a) / 2
    return total


@right("epps_pulley")
def _(x, t):
    phi = torch.exp(1j * torch.outer(x, t)).mean(0)
    gauss = torch.exp(-0.5 * t**2)
    return torch.trapz((phi - gauss).abs().square() * gauss, t)


@wrong("epps_pulley", "sine is missing", "sine")
def _(x, t):
    gauss = torch.exp(-(t**2) / 2)
    return torch.trapezoid((torch.cos(torch.outer(x, t)).mean(0) - gauss) ** 2 * gauss, t)


@wrong("epps_pulley", "weight", "exp")
def _(x, t):
    phi = torch.exp(1j * torch.outer(x, t)).mean(0)
    return torch.trapezoid((phi - torch.exp(-(t**2) / 2)).abs() ** 2, t)


@wrong("epps_pulley", "step|trapezoid")
def _(x, t):
    phi, gauss = torch.exp(1j * torch.outer(x, t)).mean(0), torch.exp(-(t**2) / 2)
    return ((phi - gauss).abs() ** 2 * gauss).sum()


@wrong("epps_pulley", "mean over t|integral")
def _(x, t):
    phi, gauss = torch.exp(1j * torch.outer(x, t)).mean(0), torch.exp(-(t**2) / 2)
    return ((phi - gauss).abs() ** 2 * gauss).mean()


@wrong("epps_pulley", "not squared|square")
def _(x, t):
    angles, gauss = torch.outer(x, t), torch.exp(-(t**2) / 2)
    return torch.trapezoid(((angles.cos().mean(0) - gauss).abs() + angles.sin().mean(0).abs()) * gauss, t)


@wrong("epps_pulley", "density")
def _(x, t):
    gauss = torch.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
    return torch.trapezoid((torch.exp(1j * torch.outer(x, t)).mean(0) - gauss).abs() ** 2 * gauss, t)


@wrong("epps_pulley", "mean, over N|added up over the numbers")
def _(x, t):
    phi, gauss = torch.exp(1j * torch.outer(x, t)).sum(0), torch.exp(-(t**2) / 2)
    return torch.trapezoid((phi - gauss).abs() ** 2 * gauss, t)


# slices


@right("slices")
def _(z, noise):
    return torch.stack([z @ (direction / direction.norm()) for direction in noise], dim=1)


@right("slices")
def _(z, noise):
    directions = noise / noise.pow(2).sum(-1, keepdim=True).sqrt()
    return torch.einsum("nd,kd->nk", z, directions)


@wrong("slices", "as long as they came", "length")
def _(z, noise):
    return z @ noise.T


@wrong("slices", "dim=1|over the K", "length")
def _(z, noise):
    return z @ (noise / noise.norm(dim=0)).T


@wrong("slices", "divided by its square", "length")
def _(z, noise):
    return z @ (noise / (noise**2).sum(1, keepdim=True)).T


@wrong("slices", "cosines", "length")
def _(z, noise):
    return F.cosine_similarity(z[:, None], noise[None], dim=2)


@wrong("slices", "turned", "row for each")
def _(z, noise):
    return F.normalize(noise, dim=1) @ z.T


@wrong("slices", "mean", "length")
def _(z, noise):
    z = z - z.mean(dim=0, keepdim=True)
    return z @ F.normalize(noise, dim=1).T


# a method


class Together(Method):
    """Views of a picture at their mean; a subclass spoils it."""

    def spoiled(self, loss):
        return {"loss": loss}

    def forward(self, views):
        z = torch.stack([F.normalize(self.encoder(view), dim=1) for view in views])
        return self.spoiled((z - z.mean(0)).square().mean())


right("method")(lambda encoder: Together(encoder))
right("method")(lambda encoder: BYOL(encoder))
right("method")(lambda encoder: SimSiam(encoder, seed=3))


@wrong("method", "expected a dict", "forward")
def _(encoder):
    class Mine(Together):
        def spoiled(self, loss):
            return loss

    return Mine(encoder)


@wrong("method", 'the "loss"', "forward")
def _(encoder):
    class Mine(Together):
        def spoiled(self, loss):
            return {"invariance": loss}

    return Mine(encoder)


@wrong("method", "expected one number", "loss")
def _(encoder):
    class Mine(Together):
        def spoiled(self, loss):
            return {"loss": loss.expand(4)}

    return Mine(encoder)


@wrong("method", "expected one number", "loss")
def _(encoder):
    class Mine(Together):
        def spoiled(self, loss):
            return {"loss": loss, "as a float": loss.item()}

    return Mine(encoder)


@wrong("method", "detached", "gradient")
def _(encoder):
    class Mine(Together):
        def spoiled(self, loss):
            return {"loss": loss.detach()}

    return Mine(encoder)


@wrong("method", "random")
def _(encoder):
    class Mine(Together):
        def spoiled(self, loss):
            return {"loss": loss + torch.rand(())}

    return Mine(encoder)


@wrong("method", r"super\(\).__init__\(encoder\)|super", "__init__")
def _(encoder):
    class Mine(Together):
        def __init__(self, encoder):
            self.weight = 1.0

    return Mine(encoder)
