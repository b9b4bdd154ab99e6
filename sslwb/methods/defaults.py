"""Every method with an encoder and views that suit some data: what `sslwb train NAME` trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from sslwb import nets
from sslwb.augment import images, labelled, masks, noise, puzzles, tokens, with_noise
from sslwb.core import MakeViews
from sslwb.data import Items
from sslwb.methods.autoencoder import Autoencoder
from sslwb.methods.barlow_twins import BarlowTwins
from sslwb.methods.bart import BART
from sslwb.methods.base import Method
from sslwb.methods.bert import BERT
from sslwb.methods.byol import BYOL
from sslwb.methods.denoising import DenoisingAutoencoder
from sslwb.methods.densecl import DenseCL
from sslwb.methods.dino import DINO
from sslwb.methods.gan import BiGAN
from sslwb.methods.gpt import GPT
from sslwb.methods.hard_negatives import HardNegatives
from sslwb.methods.inpainting import Inpainting
from sslwb.methods.jepa import JEPA
from sslwb.methods.jigsaw import Jigsaw
from sslwb.methods.mae import MAE
from sslwb.methods.moco import MoCo
from sslwb.methods.rotation import Rotation
from sslwb.methods.simclr import SimCLR
from sslwb.methods.simcse import SimCSE
from sslwb.methods.simsiam import SimSiam
from sslwb.methods.supcon import SupCon
from sslwb.methods.supervised import Supervised
from sslwb.methods.swav import SwAV
from sslwb.methods.vae import VAE
from sslwb.methods.vicreg import VICReg
from sslwb.methods.vqvae import VQVAE


def conv(data: Any, seed: int) -> nn.Module:
    return nets.conv(channels=data.shape[0], seed=seed)


def code(data: Any, seed: int) -> nn.Module:
    return nets.bottleneck(nets.conv(channels=data.shape[0], seed=seed), 128, data.shape[-1], seed=seed)


def vit(data: Any, seed: int) -> nn.Module:
    return nets.vit(channels=data.shape[0], seed=seed)


def bert(data: Any, seed: int) -> nn.Module:
    return nets.bert(len(data.vocabulary), data.shape[0] + 2, seed=seed)


def gpt(data: Any, seed: int) -> nn.Module:
    return nets.gpt(len(data.vocabulary), data.shape[0] + 2, seed=seed)


def encoder_decoder(data: Any, seed: int) -> nn.Module:
    return nets.encoder_decoder(len(data.vocabulary), data.shape[0] + 2, seed=seed)


@dataclass(frozen=True)
class Default:
    """How a method is made: around which encoder, of which views, for which kind of data."""

    make: Callable[..., Method]  # (encoder, data, seed) → method
    encoder: Callable[[Any, int], nn.Module] = conv  # (data, seed) → encoder
    views: Callable[[Any], MakeViews] = lambda data: images.simclr(data.shape[-1])
    kind: str = "pictures"  # the container says what it is: `Items.kind`


# A new method is a row here, under the name of its file.
DEFAULTS: dict[str, Default] = {
    "simclr": Default(lambda encoder, data, seed: SimCLR(encoder, seed=seed)),
    "hard_negatives": Default(lambda encoder, data, seed: HardNegatives(encoder, seed=seed)),
    "moco": Default(lambda encoder, data, seed: MoCo(encoder, seed=seed)),
    "byol": Default(lambda encoder, data, seed: BYOL(encoder, seed=seed)),
    "simsiam": Default(lambda encoder, data, seed: SimSiam(encoder, seed=seed)),
    "barlow_twins": Default(lambda encoder, data, seed: BarlowTwins(encoder, seed=seed)),
    "vicreg": Default(lambda encoder, data, seed: VICReg(encoder, seed=seed)),
    "swav": Default(lambda encoder, data, seed: SwAV(encoder, seed=seed)),
    "dino": Default(lambda encoder, data, seed: DINO(encoder, seed=seed)),
    "densecl": Default(lambda encoder, data, seed: DenseCL(encoder, seed=seed)),
    "rotation": Default(
        lambda encoder, data, seed: Rotation(encoder, seed=seed), views=lambda data: puzzles.rotation(data.shape[-1])
    ),
    "jigsaw": Default(
        lambda encoder, data, seed: Jigsaw(encoder, seed=seed), views=lambda data: puzzles.jigsaw(data.shape[-1])
    ),
    "inpainting": Default(
        lambda encoder, data, seed: Inpainting(encoder, data.shape[-1], seed=seed),
        views=lambda data: masks.inpainting(data.shape[-1]),
    ),
    "mae": Default(lambda encoder, data, seed: MAE(encoder, seed=seed), vit, lambda data: masks.mae(data.shape[-1])),
    "jepa": Default(lambda encoder, data, seed: JEPA(encoder, seed=seed), vit, lambda data: masks.jepa(data.shape[-1])),
    "autoencoder": Default(
        lambda encoder, data, seed: Autoencoder(encoder, data.shape[-1], seed=seed),
        code,
        lambda data: images.weak(data.shape[-1]),
    ),
    "denoising": Default(
        lambda encoder, data, seed: DenoisingAutoencoder(encoder, data.shape[-1], seed=seed),
        code,
        lambda data: noise.denoising(data.shape[-1], std=0.3),
    ),
    "gan": Default(
        lambda encoder, data, seed: BiGAN(encoder, data.shape[-1], seed=seed),
        code,
        lambda data: with_noise(images.weak(data.shape[-1]), 32),
    ),
    "vae": Default(
        lambda encoder, data, seed: VAE(encoder, data.shape[-1], 16, seed=seed),
        code,
        lambda data: with_noise(images.weak(data.shape[-1]), 16),
    ),
    "vqvae": Default(
        lambda encoder, data, seed: VQVAE(encoder, data.shape[-1], seed=seed),
        views=lambda data: images.weak(data.shape[-1]),
    ),
    "bert": Default(
        lambda encoder, data, seed: BERT(encoder, seed=seed),
        bert,
        lambda data: tokens.mask(len(data.vocabulary)),
        kind="texts",
    ),
    "gpt": Default(
        lambda encoder, data, seed: GPT(encoder), gpt, lambda data: tokens.next_token(whole=False), kind="texts"
    ),
    "bart": Default(
        lambda encoder, data, seed: BART(encoder), encoder_decoder, lambda data: tokens.corrupt(), kind="texts"
    ),
    "simcse": Default(
        lambda encoder, data, seed: SimCSE(encoder, seed=seed),
        bert,
        lambda data: tokens.dropped(dim=128, depth=4),  # those of nets.bert
        kind="texts",
    ),
    "supcon": Default(
        lambda encoder, data, seed: SupCon(encoder, seed=seed),
        views=lambda data: labelled(images.simclr(data.shape[-1])),
    ),
    "supervised": Default(
        lambda encoder, data, seed: Supervised(encoder, data.class_count, seed=seed),
        views=lambda data: labelled(data.plain_view()),
    ),
}


def suited(name: str, data: Items, seed: int = 0) -> tuple[Method, MakeViews]:
    """The method of this name, and the recipe of its views, for these data; all first weights are the seed's.

    Raises:
        LookupError: no such method.
        TypeError: data is no container.
        ValueError: the method is for another kind of data, or cannot be made for data of this size.
    """
    if not isinstance(data, Items):
        raise TypeError(f"data is {type(data).__name__}; expected a container such as load(…) gives")
    if name not in DEFAULTS:
        raise LookupError(f"no method {name!r}; there are: {', '.join(DEFAULTS)}")
    default = DEFAULTS[name]
    if data.kind != default.kind:
        raise ValueError(f"{name} is a method for {default.kind}, and {data.name or 'data'} holds {data.kind}")
    return default.make(default.encoder(data, seed), data, seed), default.views(data)
