"""Every method of the course that learns from pictures, and the two worlds in which they are compared. Lesson 17.

One encoder of convolutions where the method allows it, with a code behind it for those that paint, a transformer for
those that hide patches. The settings are those of the lessons; none was tuned in these worlds. How many steps a method
has is not said here: as many as fit into the same seconds (`benchmarks/compare.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from sslwb import nets
from sslwb.augment import labelled, masks, puzzles, with_noise
from sslwb.augment.combined import Unchanged
from sslwb.augment.images import simclr, weak
from sslwb.augment.noise import denoising
from sslwb.core import MakeViews
from sslwb.data import Images, load
from sslwb.methods.autoencoder import Autoencoder
from sslwb.methods.base import Method
from sslwb.methods.denoising import DenoisingAutoencoder
from sslwb.methods.family import FAMILY, make_encoder, make_views
from sslwb.methods.gan import BiGAN
from sslwb.methods.inpainting import Inpainting
from sslwb.methods.jepa import JEPA
from sslwb.methods.jigsaw import Jigsaw
from sslwb.methods.mae import MAE
from sslwb.methods.rotation import Rotation
from sslwb.methods.vae import VAE

CODE = 64  # numbers between an encoder and a painter
LATENT, NOISE = 10, 32  # of VAE, of BiGAN
CROP = (0.7, 1.0)  # of the methods that look at one view and do not paint it


@dataclass(frozen=True)
class World:
    """Where methods are compared: its pictures, and the views of joint embedding."""

    size: int
    classes: int
    pictures: Callable[[str, int], Images]  # (split, seed)
    labelled: int  # pictures of the train split that measuring has the labels of
    views: MakeViews


def shapes(split: str, seed: int) -> Images:
    """The world of shapes with all dials at their hard end but the ground: one colour, and not two."""
    n = 8192 if split == "train" else 2048
    return load("shapes", split, n, seed, size=24, background="coloured", texture="mixed", light="varied")


def cifar10(split: str, seed: int) -> Images:
    """All pictures to train on; of the test split the first half, for many things are measured on them."""
    pictures = load("cifar10", split)
    return pictures if split == "train" else pictures[:5000]


WORLDS = {
    "shapes": World(24, 8, shapes, 4096, make_views),
    "cifar10": World(32, 10, cifar10, 10_000, simclr(16, views=4)),
}


@dataclass(frozen=True)
class Recipe:
    """How a method is trained: its encoder, itself, its views, and what `fit` is given beside the steps."""

    kind: str
    method: Callable[[nn.Module, World, int], Method]  # (encoder, world, seed)
    views: Callable[[World], MakeViews]
    settings: dict[str, Any]
    encoder: Callable[[World, int], nn.Module]  # (world, seed)

    def make(self, world: World, seed: int) -> Method:
        """The method, untrained; its encoder is `.encoder`."""
        return self.method(self.encoder(world, seed), world, seed)


def conv(world: World, seed: int) -> nn.Module:
    return make_encoder(seed=seed)


def code(world: World, seed: int) -> nn.Module:
    return nets.bottleneck(nets.conv(16, seed=seed), CODE, world.size, seed=seed)


def transformer(world: World, seed: int) -> nn.Module:
    return nets.vit(4, dim=96, depth=3, heads=2, seed=seed)


def _fit(lr: float, batch_size: int = 32, weight_decay: float = 0.05, warmup: float = 0.1) -> dict[str, Any]:
    return {"lr": lr, "batch_size": batch_size, "weight_decay": weight_decay, "warmup": warmup}


def _joint(name: str, kind: str = "joint embedding") -> Recipe:
    make, settings = FAMILY[name]
    without_steps = {key: value for key, value in settings.items() if key != "steps"}
    return Recipe(kind, lambda e, w, seed: make(e, seed=seed), lambda w: w.views, without_steps, conv)


def _sized(make: Callable[..., Method], *more: Any, **settings: Any) -> Callable[[nn.Module, World, int], Method]:
    return lambda encoder, world, seed: make(encoder, world.size, *more, seed=seed, **settings)


def _alone(make: Callable[..., Method], **settings: Any) -> Callable[[nn.Module, World, int], Method]:
    return lambda encoder, world, seed: make(encoder, seed=seed, **settings)


def _cropped(recipe: Callable[..., MakeViews], **settings: Any) -> Callable[[World], MakeViews]:
    return lambda world: recipe(world.size, crop=CROP, **settings)


def _unhurried(world: World) -> MakeViews:
    """MAE's mask, and the whole picture for the teacher: what lesson 11 trains."""
    return masks.Masked(weak(world.size, crop=CROP), masks.Scattered())


def _whole(world: World) -> MakeViews:
    """Pictures as they are, or mirrored."""
    return weak(world.size, crop=(1, 1))


RECIPES: dict[str, Recipe] = {
    "rotation": Recipe("pretext", _alone(Rotation), _cropped(puzzles.rotation), _fit(4e-3), conv),
    "jigsaw": Recipe("pretext", _alone(Jigsaw), _cropped(puzzles.jigsaw), _fit(4e-3, 64), conv),
    "inpainting": Recipe("pretext", _sized(Inpainting), _cropped(masks.inpainting), _fit(4e-3), conv),
    **{name: _joint(name, "contrastive") for name in ("SimCLR", "MoCo")},
    **{name: _joint(name) for name in ("BYOL", "SimSiam", "Barlow Twins", "VICReg", "SwAV", "DINO")},
    "MAE": Recipe("masked", _alone(MAE), _cropped(masks.mae), _fit(6e-3), transformer),
    "I-JEPA": Recipe("masked", _alone(JEPA), _cropped(masks.jepa), _fit(3e-3), transformer),
    "I-JEPA, spread": Recipe("masked", _alone(JEPA, momentum=0.996, spread=0.3), _unhurried, _fit(6e-3), transformer),
    "autoencoder": Recipe("generative", _sized(Autoencoder), _whole, _fit(4e-3, 64, 1e-2), code),
    "denoising": Recipe(
        "generative",
        _sized(DenoisingAutoencoder),
        lambda world: denoising(world.size, std=0.3, crop=(1, 1)),
        _fit(4e-3, 64, 1e-2),
        code,
    ),
    "VAE": Recipe(
        "generative", _sized(VAE, LATENT), lambda world: with_noise(_whole(world), LATENT), _fit(2e-3, 64, 1e-4), code
    ),
    "BiGAN": Recipe(
        "generative",
        _sized(BiGAN, NOISE, spectral=False, discriminator_lr=3e-3),
        lambda world: with_noise(Unchanged(), NOISE),
        _fit(6e-3, 32, 0.0, 0.05),
        code,
    ),
    "supervised": Recipe(
        "supervised",
        lambda e, w, seed: FAMILY["supervised"][0](e, seed=seed, classes=w.classes),
        lambda world: labelled(world.views),
        _joint("supervised").settings,
        conv,
    ),
}
