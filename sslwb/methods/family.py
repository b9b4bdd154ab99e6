"""The family of joint embedding: each method with the settings that teach it shape in the world of shapes.

Lessons 03 to 08.

One encoder, one recipe of views and one number of views for all: `SEEN`. What differs is the method, its rate, and how
large its batches are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sslwb import nets
from sslwb.augment.images import simclr
from sslwb.methods.barlow_twins import BarlowTwins
from sslwb.methods.base import Method
from sslwb.methods.byol import BYOL
from sslwb.methods.dino import DINO
from sslwb.methods.moco import MoCo
from sslwb.methods.simclr import SimCLR
from sslwb.methods.simsiam import SimSiam
from sslwb.methods.supervised import Supervised
from sslwb.methods.swav import SwAV
from sslwb.methods.vicreg import VICReg

SEEN = 344_064  # views that each method is trained on
BRIEF = 64_000  # and in a lesson: 500 steps of four views of 32 pictures
VIEWS = 4  # of each picture
make_encoder = partial(nets.conv, 16, instance_norm=True)
make_views = simclr(24, views=VIEWS, crop=(0.5, 1.0), rotate=180, hue=0.5, gray=0.3)


def steps_for(views: int, batch_size: int = 32) -> int:
    """How many steps show so many views."""
    return views // (VIEWS * batch_size)


def settings(lr: float, batch_size: int = 32, weight_decay: float = 1e-2, warmup: float = 0.2) -> dict[str, Any]:
    """What `fit` is given: as many steps as show `SEEN` views."""
    steps = steps_for(SEEN, batch_size)
    return {"steps": steps, "batch_size": batch_size, "lr": lr, "weight_decay": weight_decay, "warmup": warmup}


# Methods whose targets are their own answers lose what a random encoder knew when they begin fast: a long warm-up.
patient = partial(settings, 1.2e-2, weight_decay=1e-4, warmup=0.7)


# name → how it is made from an encoder and a seed, and what `fit` is given
FAMILY: dict[str, tuple[Callable[..., Method], dict[str, Any]]] = {
    "SimCLR": (partial(SimCLR, temperature=0.1), settings(8e-3)),
    "MoCo": (partial(MoCo, queue=512, temperature=0.1, projector=(64,)), settings(4e-3)),
    "BYOL": (partial(BYOL, momentum=0.9), patient()),
    "SimSiam": (SimSiam, patient()),
    "Barlow Twins": (partial(BarlowTwins, redundancy=0.02), settings(4e-3, batch_size=64)),
    "VICReg": (VICReg, settings(8e-3)),
    "SwAV": (SwAV, settings(4e-3)),
    "DINO": (DINO, settings(8e-3, warmup=0.5)),
    "supervised": (partial(Supervised, classes=8), settings(8e-3)),
}
