"""Every method with an encoder and views that suit some data: what `sslwb train NAME` trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from sslwb import nets
from sslwb.augment import images, labelled, masks, puzzles, tokens
from sslwb.core import MakeViews
from sslwb.data import Images, Items, Texts
from sslwb.methods.barlow_twins import BarlowTwins
from sslwb.methods.base import Method
from sslwb.methods.bert import BERT
from sslwb.methods.byol import BYOL
from sslwb.methods.dino import DINO
from sslwb.methods.gpt import GPT
from sslwb.methods.inpainting import Inpainting
from sslwb.methods.jepa import JEPA
from sslwb.methods.jigsaw import Jigsaw
from sslwb.methods.mae import MAE
from sslwb.methods.moco import MoCo
from sslwb.methods.rotation import Rotation
from sslwb.methods.simclr import SimCLR
from sslwb.methods.simsiam import SimSiam
from sslwb.methods.supervised import Supervised
from sslwb.methods.swav import SwAV
from sslwb.methods.vicreg import VICReg


def conv(data: Any, seed: int) -> nn.Module:
    return nets.conv(channels=data.shape[0], seed=seed)


def vit(data: Any, seed: int) -> nn.Module:
    return nets.vit(channels=data.shape[0], seed=seed)


def bert(data: Any, seed: int) -> nn.Module:
    return nets.bert(len(data.vocabulary), data.shape[0] + 2, seed=seed)


def gpt(data: Any, seed: int) -> nn.Module:
    return nets.gpt(len(data.vocabulary), data.shape[0] + 2, seed=seed)


@dataclass(frozen=True)
class Default:
    """How a method is made: around which encoder, of which views, for which kind of data."""

    make: Callable[..., Method]  # (encoder, data) → method
    encoder: Callable[[Any, int], nn.Module] = conv  # (data, seed) → encoder
    views: Callable[[Any], MakeViews] = lambda data: images.simclr(data.shape[-1])
    of: type[Items] = Images


# A new method is a row here, under the name of its file.
DEFAULTS: dict[str, Default] = {
    "simclr": Default(lambda encoder, data: SimCLR(encoder)),
    "moco": Default(lambda encoder, data: MoCo(encoder)),
    "byol": Default(lambda encoder, data: BYOL(encoder)),
    "simsiam": Default(lambda encoder, data: SimSiam(encoder)),
    "barlow_twins": Default(lambda encoder, data: BarlowTwins(encoder)),
    "vicreg": Default(lambda encoder, data: VICReg(encoder)),
    "swav": Default(lambda encoder, data: SwAV(encoder)),
    "dino": Default(lambda encoder, data: DINO(encoder)),
    "rotation": Default(lambda encoder, data: Rotation(encoder), views=lambda data: puzzles.rotation(data.shape[-1])),
    "jigsaw": Default(lambda encoder, data: Jigsaw(encoder), views=lambda data: puzzles.jigsaw(data.shape[-1])),
    "inpainting": Default(
        lambda encoder, data: Inpainting(encoder, data.shape[-1]), views=lambda data: masks.inpainting(data.shape[-1])
    ),
    "mae": Default(lambda encoder, data: MAE(encoder), vit, lambda data: masks.mae(data.shape[-1])),
    "jepa": Default(lambda encoder, data: JEPA(encoder), vit, lambda data: masks.jepa(data.shape[-1])),
    "bert": Default(
        lambda encoder, data: BERT(encoder), bert, lambda data: tokens.mask(len(data.vocabulary)), of=Texts
    ),
    "gpt": Default(lambda encoder, data: GPT(encoder), gpt, lambda data: tokens.next_token(whole=False), of=Texts),
    "supervised": Default(
        lambda encoder, data: Supervised(encoder, len(data.classes) or int(data.labels.max()) + 1),
        views=lambda data: labelled(data.plain_view()),
    ),
}


def suited(name: str, data: Items, seed: int = 0) -> tuple[Method, MakeViews]:
    """The method of this name, and the recipe of its views, for these data; the first weights are the seed's.

    Raises:
        LookupError: no such method.
        ValueError: the method is for another kind of data, or cannot be made for data of this size.
    """
    if name not in DEFAULTS:
        raise LookupError(f"no method {name!r}; there are: {', '.join(DEFAULTS)}")
    default = DEFAULTS[name]
    if not isinstance(data, default.of):
        raise ValueError(f"{name} is a method for {default.of.item}s, and {data.name or 'data'} holds {data.item}s")
    return default.make(default.encoder(data, seed), data), default.views(data)
