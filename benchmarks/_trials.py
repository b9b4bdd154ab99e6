"""Runs for `doctor.py`: what each fault is made of, and runs of every method in which nothing is wrong.

A fault is a list of trials. Run s takes the trial s modulo its length, and there are as many runs as meet each trial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from clusters import WithoutSinkhorn
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import Unchanged, labelled, masks, noise, paired, puzzles, tokens, with_noise
from sslwb.augment.images import Augment, RandomViews, as_float, byol, moco, multicrop, simclr, weak
from sslwb.core import MakeViews, Views, recorded
from sslwb.data import Images, Items, Pairs, Texts, load, questions
from sslwb.data.pairs import sentences
from sslwb.data.worlds.languages import parallel
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
from sslwb.nets.convolutional import ConvEncoder
from sslwb.nets.seeds import seeded
from sslwb.tasks.detection import BoxedViews, Detector
from sslwb.tasks.retrieval import TwoSides
from sslwb.tasks.segmentation import MaskedViews, Segmenter
from sslwb.tasks.spans import Reader, Reading

SETTINGS: dict[str, Any] = {"steps": 150, "batch_size": 32, "lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}
SLOW: dict[str, Any] = {"lr": 2e-3}  # for transformers, and for nets without batch norm
CHANGES: dict[str, dict[str, Any]] = {  # views that suit the data
    "shapes": {"crop": (0.5, 1.0), "rotate": 180, "hue": 0.5, "gray": 0.3},
    "digits": {"crop": (0.5, 1.0), "rotate": 15, "flip": 0.0},
}
LATENT, FAR = 16, 30.0
WORDS = 40  # of the longest side of a translated text
DESTROYED = {"crop": (0.005, 0.02)}


# ── encoders, (data, seed) → encoder


@recorded
def conv_with(norm: str, channels: int = 3, seed: int = 0) -> ConvEncoder:
    """`nets.conv(16)` with another norm: "group" (Wu and He 2018), "layer" (one group), or "none"."""
    dims = [channels, 8, 24, 64, 128]
    with seeded(seed):
        layers: list[nn.Module] = []
        for a, b in pairwise(dims):
            layers += [nn.Conv2d(a, b, 3, padding=1), *([nn.MaxPool2d(2)] if b != dims[-1] else [])]
            layers += [nn.GroupNorm(8 if norm == "group" else 1, b)] if norm != "none" else []
            layers.append(nn.ReLU(inplace=True))
        return ConvEncoder(nn.Sequential(*layers), dims[-1], channels)


def batch_norm(data: Any, seed: int) -> nn.Module:
    return nets.conv(16, channels=data.shape[0], seed=seed)


def instance_norm(data: Any, seed: int) -> nn.Module:
    return nets.conv(16, channels=data.shape[0], seed=seed, instance_norm=True)


def group_norm(data: Any, seed: int) -> nn.Module:
    return conv_with("group", data.shape[0], seed)


def layer_norm(data: Any, seed: int) -> nn.Module:
    return conv_with("layer", data.shape[0], seed)


def no_norm(data: Any, seed: int) -> nn.Module:
    return conv_with("none", data.shape[0], seed)


def vit(data: Any, seed: int) -> nn.Module:
    return nets.vit(patch=4, dim=64, depth=2, heads=2, channels=data.shape[0], seed=seed)


def with_places(data: Any, seed: int) -> nn.Module:
    """An encoder that a generative method can paint from: of pictures of 32 × 32."""
    return nets.bottleneck(nets.conv(8, channels=data.shape[0], seed=seed), 64, 32, seed=seed)


def with_places_group_norm(data: Any, seed: int) -> nn.Module:
    return nets.bottleneck(group_norm(data, seed), 64, 32, seed=seed)


def with_places_no_norm(data: Any, seed: int) -> nn.Module:
    return nets.bottleneck(no_norm(data, seed), 64, 32, seed=seed)


def linear(data: Any, seed: int) -> nn.Module:
    return nets.linear(64, data.shape[0], 32, seed=seed)


def sizes(data: Any) -> tuple[int, int]:
    """How many words there are, and how many an encoder is given at most: of pairs both sides, with three signs."""
    if isinstance(data, Pairs):
        a, b = data.a, data.b
        return len(a.vocabulary), a.x.shape[1] + b.x.shape[1] + 3  # type: ignore[attr-defined]
    return len(data.vocabulary), data.shape[0] + 2


def bert(data: Any, seed: int) -> nn.Module:
    return nets.bert(*sizes(data), dim=64, depth=2, heads=2, seed=seed)


def small_bert(data: Any, seed: int) -> nn.Module:
    return nets.bert(*sizes(data), dim=32, depth=1, heads=2, seed=seed)


def encoder_decoder(data: Any, seed: int) -> nn.Module:
    return nets.encoder_decoder(*sizes(data), dim=64, depth=2, heads=4, seed=seed)


def mimetic(data: Any, seed: int) -> nn.Module:
    """An encoder-decoder whose first weights look at neighbours."""
    return nets.encoder_decoder(*sizes(data), dim=64, depth=2, heads=4, mimetic=True, seed=seed)


def gpt(data: Any, seed: int) -> nn.Module:
    return nets.gpt(len(data.vocabulary), data.shape[0] + 2, dim=64, depth=2, heads=2, seed=seed)


# ── recipes, (data, side of a view, changes) → views


def two(data: Any, size: int, **changes: Any) -> MakeViews:
    return simclr(size, views=2, **{**CHANGES[data.name], **changes})


def four(data: Any, size: int, **changes: Any) -> MakeViews:
    return simclr(size, views=4, **{**CHANGES[data.name], **changes})


def of_byol(data: Any, size: int, **changes: Any) -> MakeViews:
    return byol(size, **{**CHANGES[data.name], **changes})


def of_moco(data: Any, size: int, **changes: Any) -> MakeViews:
    return moco(size, **{**CHANGES[data.name], **changes})


def crops(data: Any, size: int, **changes: Any) -> MakeViews:
    changes = {**CHANGES[data.name], **changes}
    return multicrop(size, size // 2, 2, **{k: v for k, v in changes.items() if k != "crop"})


def same(data: Any, size: int, **changes: Any) -> MakeViews:
    """Two views that are hardly changed."""
    return RandomViews(((2, Augment(size, **changes)),))


def one(data: Any, size: int, **changes: Any) -> MakeViews:
    return labelled(simclr(size, views=1, **{**CHANGES[data.name], **changes}))


def ordinary(data: Any, size: int, **changes: Any) -> MakeViews:
    return labelled(weak(size, **({"flip": 0.0} if data.name == "digits" else {}), **changes))


def turned(data: Any, size: int, **changes: Any) -> MakeViews:
    return puzzles.rotation(size, **{"flip": 0.0, **changes})


def upright(data: Any, size: int, **changes: Any) -> MakeViews:
    return weak(size, **{"flip": 0.0, **changes})


def drawn(data: Any, size: int, **changes: Any) -> MakeViews:
    """Pictures, and noise for 16 latents."""
    return with_noise(upright(data, size, **changes), LATENT)


def tiles(data: Any, size: int, **changes: Any) -> MakeViews:
    return puzzles.jigsaw(size, **changes)


def hole(data: Any, size: int, **changes: Any) -> MakeViews:
    return masks.inpainting(size, **changes)


def hidden(data: Any, size: int, **changes: Any) -> MakeViews:
    return masks.mae(size, **changes)


def context(data: Any, size: int, **changes: Any) -> MakeViews:
    return masks.jepa(size, **changes)


def words(data: Any, size: int, **changes: Any) -> MakeViews:
    return tokens.mask(len(data.vocabulary), **changes)


def next_words(data: Any, size: int, **changes: Any) -> MakeViews:
    return tokens.next_token(whole=False)


def dropped(data: Any, size: int, **changes: Any) -> MakeViews:
    """What dropout leaves within `bert`."""
    return tokens.dropped(**{"dim": 64, "depth": 2, **changes})


def one_mask(data: Any, size: int, **changes: Any) -> MakeViews:
    """The same numbers are dropped in both views."""
    return OneMask(tokens.dropped(**{"dim": 64, "depth": 2, **changes}))


def corrupted(data: Any, size: int, **changes: Any) -> MakeViews:
    return tokens.corrupt(**changes)


def translated(data: Any, size: int, **changes: Any) -> MakeViews:
    return tokens.translation()


def both_sides(data: Any, size: int, **changes: Any) -> MakeViews:
    return paired(Unchanged(), Unchanged())


def noisy(data: Any, size: int, **changes: Any) -> MakeViews:
    return noise.denoising(size, **{"flip": 0.0, **changes})


def boxed(data: Any, size: int, **changes: Any) -> MakeViews:
    return BoxedViews()


def masked(data: Any, size: int, **changes: Any) -> MakeViews:
    return MaskedViews()


def asked(data: Any, size: int, **changes: Any) -> MakeViews:
    return Reading()


# ── data of which nothing but the seed has to be said


def in_threes(seed: int) -> Texts:
    """Texts of three sentences of tales."""
    return sentences(load("tales", n=2048, seed=seed), 3)


SETS: dict[str, Callable[[int], Items]] = {
    "digits": lambda seed: load("digits", seed=seed),
    "threes": in_threes,
    "mirror": lambda seed: parallel(in_threes(seed), "mirror", most=WORDS),
    "verb-last": lambda seed: parallel(in_threes(seed), "verb-last", most=WORDS),
    "questions": lambda seed: questions(load("tales", n=2048, seed=seed)),
    "scenes": lambda seed: load("scenes", n=1024, seed=seed, size=48),
}


# ── what is done to methods


class Following(VQVAE):
    """A codebook that begins far away; its entries follow what is near to them, and the others stay where they are."""

    def before_step(self, progress: float) -> None:
        self.codebook.mul_(FAR if progress == 0 else 1.0)

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        if self._seen is None:
            return
        (z, index), self._seen = self._seen, None
        count = torch.bincount(index, minlength=self.codes)
        used = count > 0
        means = torch.zeros_like(self.codebook).index_add_(0, index, z)[used] / count[used, None]
        self.codebook[used] = self.codebook[used].lerp(means, 1 - self.decay)


# ── what is done to views


@dataclass(frozen=True)
class Stamped:
    """The same random 4×4 pixels in one corner of all views of a picture."""

    views: MakeViews
    corner: int

    def __call__(self, batch: Any, generator: torch.Generator) -> Views:
        views = [v.clone() for v in self.views(batch, generator)]
        stamp = torch.rand(len(batch), views[0].shape[1], 4, 4, generator=generator)
        rows, columns = ((slice(0, 4), slice(-4, None))[bit] for bit in divmod(self.corner - 1, 2))
        for view in views:
            view[:, :, rows, columns] = stamp
        return views


@dataclass(frozen=True)
class Mismatched:
    """The last view is of another item: of the one before, of the one at the other end of the batch, or of any."""

    views: MakeViews
    how: str

    def __call__(self, batch: Any, generator: torch.Generator) -> Views:
        *views, last = self.views(batch, generator)
        if self.how == "permuted":
            return [*views, last[torch.randperm(len(last), generator=generator)]]
        return [*views, last.roll(1, 0) if self.how == "rolled" else last.flip(0)]


@dataclass(frozen=True)
class Guessed:
    """What shall be predicted is drawn anew for each batch: it has nothing to do with what is shown."""

    views: MakeViews

    def __call__(self, batch: Any, generator: torch.Generator) -> Views:
        views = self.views(batch, generator)
        answers = views[-1]
        drawn = answers.flatten()[torch.randperm(answers.numel(), generator=generator)].view_as(answers)
        if isinstance(views, tokens.MaskedTokens | tokens.Rewriting):  # words for words: the places asked stay
            asked = answers != tokens.PAD
            drawn = answers.clone()
            drawn[asked] = answers[asked][torch.randperm(int(asked.sum()), generator=generator)]
        return type(views)(*views[:-1], drawn) if hasattr(views, "_fields") else (*views[:-1], drawn)


@dataclass(frozen=True)
class OneMask:
    """What is dropped in the first view is dropped in the other one too."""

    views: MakeViews

    def __call__(self, batch: Any, generator: torch.Generator) -> Views:
        words, keep = self.views(batch, generator)
        return tokens.DroppedTokens(words, keep[:, :1].expand_as(keep).contiguous())


# ── ways to show pictures in evaluation


def levels(x: Tensor) -> Tensor:
    """0 to 255: the division was forgotten."""
    return x.float()


def inverted(x: Tensor) -> Tensor:
    return 1 - as_float(x)


def standardised(x: Tensor) -> Tensor:
    """ImageNet's mean and deviation, which the views did not have."""
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (as_float(x) - mean) / std


def smaller(x: Tensor) -> Tensor:
    return F.interpolate(as_float(x), scale_factor=0.25, mode="area")


# ── trials


@dataclass(frozen=True)
class Trial:
    """One run: a method, its arguments and the loop's, its encoder and views, its data, and what is done to them."""

    method: Any
    arguments: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    net: Callable[[Any, int], nn.Module] = batch_norm
    recipe: Callable[..., MakeViews] = two
    data: str = "shapes"
    changes: dict[str, Any] = field(default_factory=dict)  # of the views
    size: int = 24
    stamp: int = 0  # which corner of every view bears a stamp that names the picture; 0 is none
    mismatched: str = ""  # "rolled", "flipped", "permuted"
    guessed: bool = False  # the answers are drawn at random
    frozen: bool = False  # the encoder's weights take no gradient
    copies: int = 0  # half of the items are copies of so many
    noise: int = 0  # grey levels by which a copy differs
    transform: Callable[[Tensor], Tensor] | None = None

    def items(self, seed: int) -> Any:
        data: Any = SETS[self.data](seed) if self.data in SETS else load(self.data, n=2048, seed=seed)
        if not self.copies:
            return data
        half = len(data) // 2
        origin = torch.arange(len(data))
        origin[half:] = origin[half:] % self.copies
        if isinstance(data, Texts | Pairs):
            return data[origin]
        g = torch.Generator().manual_seed(seed)
        change = torch.randint(-self.noise, self.noise + 1, data.x.shape, generator=g)
        change[:half] = 0
        x = (data.x[origin] + change).clamp(0, 255).to(torch.uint8)
        return Images(x, data.labels[origin], data.classes, name=data.name)

    def views(self, data: Items) -> MakeViews:
        made = self.recipe(data, self.size, **self.changes)
        made = Stamped(made, self.stamp) if self.stamp else made
        made = Mismatched(made, self.mismatched) if self.mismatched else made
        made = labelled(made) if self.method is SupCon else made
        return Guessed(made) if self.guessed else made

    def learner(self, data: Any, seed: int) -> Method:
        encoder = self.net(data, seed).requires_grad_(not self.frozen)
        painting = (Inpainting, VAE, VQVAE, Following, BiGAN, Autoencoder, DenoisingAutoencoder)
        needs: dict[Any, tuple[Any, ...]] = dict.fromkeys(painting, (self.size,))
        kinds = len(data.classes)
        needs |= {Supervised: (kinds,), Detector: (kinds,), Segmenter: (kinds + 1,)}
        seeded_ = {} if self.method in (GPT, BART, TwoSides) else {"seed": seed}
        method: Method = self.method(encoder, *needs.get(self.method, ()), **seeded_, **self.arguments)
        return method


def rates(rate: float, faster: float) -> list[Trial]:
    """One learning rate for many methods; another for digits."""
    return [
        Trial(SimCLR, {}, {"lr": rate}),
        Trial(VICReg, {}, {"lr": rate}),
        Trial(MAE, {}, {"lr": rate}, vit, hidden, size=32),
        Trial(MoCo, {}, {"lr": rate}),
        Trial(BERT, {}, {"lr": rate}, bert, words, data="tales"),
        Trial(BarlowTwins, {}, {"lr": rate}),
        Trial(Supervised, {}, {"lr": rate}, recipe=ordinary),
        Trial(SwAV, {}, {"lr": rate}),
        Trial(GPT, {}, {"lr": rate}, gpt, next_words, data="tales"),
        Trial(SimCLR, {}, {"lr": faster}, data="digits"),
        Trial(Jigsaw, {}, {"lr": rate}, recipe=tiles, size=32),
        Trial(SimCLR, {}, {"lr": rate}, group_norm),
        Trial(SimSiam, {}, {"lr": rate}),
        Trial(SimCSE, {}, {"lr": rate}, bert, dropped, "tales"),
        Trial(BART, {}, {"lr": rate}, encoder_decoder, corrupted, "threes"),
    ]


def made(method: Any, arguments: dict[str, Any], settings: dict[str, Any], data: str) -> Trial:
    """A generative method whose latents are drawn."""
    return Trial(method, {"latent": LATENT, **arguments}, settings, with_places, drawn, data, size=32)


FAULTS: dict[str, list[Trial]] = {
    "collapsed": [
        Trial(BYOL, {"stop_gradient": False}),
        Trial(SimSiam, {"stop_gradient": False}),
        Trial(VICReg, {"variance": 0.0}),
        Trial(BYOL, {"stop_gradient": False, "predictor": 0}),
        Trial(DINO, {"teacher_temperature": 0.1}, {"steps": 250}),  # nothing is sharpened
        Trial(DINO, {"centring": False, "prototypes": 128}, {"steps": 250}),
        Trial(VICReg, {"variance": 0.0}, SLOW, group_norm),
        Trial(SimSiam, {"stop_gradient": False}, SLOW, no_norm),
        Trial(BYOL, {"stop_gradient": False}, SLOW, vit, size=32),
        Trial(DINO, {"centring": False}, {"steps": 250}, instance_norm, four),
        Trial(DINO, {"centring": False}, {"steps": 200, "warmup": 0.5}, instance_norm, four),  # lesson 08
        Trial(DINO, {"centring": False}, {"steps": 100, "warmup": 0.5}, instance_norm, four),
        Trial(DINO, {"centring": False, "prototypes": 32}, {"steps": 250}),
        Trial(DINO, {"centring": False, "prototypes": 64}, {"steps": 150}, data="digits"),
        Trial(DINO, {"centring": False, "prototypes": 128}, {**SLOW, "steps": 250}, group_norm),
        Trial(DINO, {"centring": False, "prototypes": 32}, {"steps": 400}, instance_norm),
        Trial(DINO, {"centring": False, "prototypes": 64}, {**SLOW, "steps": 250}, layer_norm),
        Trial(DINO, {"centring": False, "prototypes": 256}, {"steps": 250}, instance_norm, data="digits"),
        Trial(WithoutSinkhorn, {}, {"steps": 200}, instance_norm),
        Trial(WithoutSinkhorn, {"prototypes": 128}, {"steps": 200}),
    ],
    "dimensionally collapsed": [
        Trial(VICReg, {"covariance": 0.0}),
        Trial(BarlowTwins, {"redundancy": 0.0}),
        Trial(SimCLR, {"projector": (2,)}),
        Trial(VICReg, {"covariance": 1e-3}),
        Trial(BarlowTwins, {"redundancy": 0.0}, data="digits"),
        Trial(VICReg, {"covariance": 0.0}, SLOW, group_norm),
    ],
    "terms out of balance": [
        Trial(VICReg, {"covariance": 100.0}),
        Trial(VICReg, {"covariance": 1000.0}, data="digits"),
        Trial(VICReg, {"invariance": 2500.0}, recipe=four),
        Trial(VICReg, {"covariance": 300.0}, SLOW, group_norm),
        Trial(VICReg, {"variance": 0.25}),
    ],
    "batch too small": [
        Trial(SimCLR, {}, {"batch_size": 4}),
        Trial(BarlowTwins, {}, {"batch_size": 4}),
        Trial(VICReg, {}, {"batch_size": 4}),
        Trial(SimCLR, {}, {"batch_size": 8}, recipe=four),
        Trial(BarlowTwins, {}, {"batch_size": 6}, data="digits"),
        Trial(SimCSE, {}, {**SLOW, "batch_size": 4}, bert, dropped, "tales"),
    ],
    "temperature too low": [
        Trial(SimCLR, {"temperature": 0.005}),
        Trial(MoCo, {"temperature": 0.005}),
        Trial(SimCLR, {"temperature": 0.01}, data="digits"),
        Trial(SimCLR, {"temperature": 0.005}, SLOW, group_norm),
    ],
    "temperature too high": [
        Trial(SimCLR, {"temperature": 5.0}),
        Trial(MoCo, {"temperature": 5.0}),
        Trial(SimCLR, {"temperature": 3.0}, data="digits"),
        Trial(SimCLR, {"temperature": 5.0}, SLOW, vit, size=32),
        Trial(SimCSE, {"temperature": 5.0}, SLOW, bert, dropped, "tales"),
    ],
    "learning rate too high": rates(0.3, 1.0),
    "learning rate too low": rates(1e-6, 1e-5),
    "encoder not trained": [
        Trial(SimCLR, frozen=True),
        Trial(MAE, {}, SLOW, vit, hidden, size=32, frozen=True),
        Trial(VICReg, {}, SLOW, group_norm, frozen=True),
        Trial(Supervised, recipe=ordinary, frozen=True),
        Trial(BYOL, frozen=True, data="digits"),
        Trial(BERT, {}, SLOW, bert, words, data="tales", frozen=True),
        Trial(Rotation, recipe=turned, data="digits", size=32, frozen=True),
        Trial(DINO, frozen=True),
        Trial(SimCSE, {}, SLOW, bert, dropped, "tales", frozen=True),
        Trial(Autoencoder, {}, SLOW, with_places_no_norm, upright, "digits", size=32, frozen=True),
    ],
    "teacher not updated": [
        Trial(BYOL, {"momentum": 1.0}),
        Trial(DINO, {"momentum": 1.0}),
        Trial(MoCo, {"momentum": 1.0}),
        Trial(JEPA, {"momentum": 1.0, "spread": 1.0}, SLOW, vit, context, size=32),
        Trial(BYOL, {"momentum": 1.0}, {"steps": 60}, data="digits"),
        Trial(MoCo, {"momentum": 1.0}, SLOW, group_norm),
        Trial(DINO, {"momentum": 1.0}, {"steps": 60}, instance_norm, data="digits"),
    ],
    "not learning": [  # what shall be predicted has nothing to do with what is shown
        Trial(Supervised, recipe=ordinary, guessed=True),
        Trial(Jigsaw, recipe=tiles, size=32, guessed=True),
        Trial(Supervised, {}, SLOW, group_norm, recipe=ordinary, guessed=True),
        Trial(Supervised, recipe=ordinary, data="digits", guessed=True),
        Trial(Supervised, {}, SLOW, vit, ordinary, size=32, guessed=True),
        Trial(Jigsaw, {}, SLOW, no_norm, tiles, size=32, guessed=True),
        Trial(Supervised, {}, {"lr": 2e-3, "batch_size": 64}, no_norm, ordinary, guessed=True),
        Trial(Supervised, {}, SLOW, instance_norm, one, guessed=True),
        Trial(BART, {}, SLOW, encoder_decoder, corrupted, "threes", guessed=True),
        Trial(BART, {}, SLOW, mimetic, translated, "mirror", guessed=True),
    ],
    "positives mismatched": [
        Trial(SimCLR, mismatched="rolled"),
        Trial(VICReg, mismatched="rolled"),
        Trial(MoCo, mismatched="flipped"),
        Trial(BYOL, mismatched="rolled"),
        Trial(SimCLR, mismatched="flipped", data="digits"),
        Trial(BarlowTwins, mismatched="rolled"),
        Trial(SimCLR, {}, SLOW, group_norm, mismatched="rolled"),
        Trial(SwAV, mismatched="rolled"),
        Trial(HardNegatives, mismatched="permuted"),
        Trial(BYOL, recipe=four, mismatched="permuted"),
    ],
    "augmentation too weak": [
        Trial(SimCLR, recipe=same),
        Trial(VICReg, recipe=same),
        Trial(SimCLR, recipe=same, changes={"flip": 0.5}),
        Trial(BarlowTwins, recipe=same, changes={"crop": (0.95, 1.0)}),
        Trial(SimCLR, recipe=same, data="digits"),
        Trial(MoCo, recipe=same, changes={"brightness": 0.1}),
        Trial(BYOL, recipe=same),
        Trial(SimSiam, {}, SLOW, group_norm, same),
        Trial(SimCSE, {}, SLOW, bert, dropped, "tales", {"p": 0.0}),
        Trial(SimCSE, {}, SLOW, bert, one_mask, "threes"),
    ],
    "augmentation too strong": [
        Trial(SimCLR, changes=DESTROYED),
        Trial(VICReg, changes=DESTROYED),
        Trial(MoCo, changes=DESTROYED),
        Trial(SimCLR, changes={"noise": 3.0}),
        Trial(BarlowTwins, changes=DESTROYED),
        Trial(SimCLR, changes=DESTROYED, data="digits"),
        Trial(SimCLR, {}, SLOW, group_norm, changes=DESTROYED),
        Trial(SimCSE, {}, SLOW, bert, dropped, "threes", {"p": 0.99}),
    ],
    "positive pairs leak": [
        Trial(SimCLR, stamp=1),
        Trial(VICReg, stamp=2),
        Trial(BarlowTwins, stamp=3),
        Trial(MoCo, stamp=4),
        Trial(SimCLR, stamp=4, data="digits"),
        Trial(BYOL, stamp=2),
        Trial(SimCLR, {}, SLOW, layer_norm, stamp=1),
    ],
    "transforms disagree": [
        Trial(SimCLR, transform=levels),
        Trial(SimCLR, transform=inverted),
        Trial(VICReg, transform=standardised),
        Trial(BarlowTwins, transform=smaller),
        Trial(SimCLR, data="digits", transform=inverted),
        Trial(Supervised, transform=levels, recipe=ordinary),
        Trial(MAE, {}, SLOW, vit, hidden, size=32, transform=levels),
        Trial(SimCLR, {}, SLOW, group_norm, transform=standardised),
        Trial(Rotation, recipe=turned, data="digits", size=32, transform=standardised),
    ],
    "duplicates": [
        Trial(SimCLR, copies=16),
        Trial(VICReg, copies=8),
        Trial(MoCo, copies=64),
        Trial(BarlowTwins, copies=32, noise=1),
        Trial(SimCLR, copies=16, data="digits"),
        Trial(BERT, {}, SLOW, bert, words, data="tales", copies=16),
        Trial(MAE, {}, SLOW, vit, hidden, size=32, copies=64, noise=1),
        Trial(GPT, {}, SLOW, gpt, next_words, data="tales", copies=8),
        Trial(SimCSE, {}, SLOW, bert, dropped, data="tales", copies=16),
        Trial(BART, {}, SLOW, mimetic, translated, data="mirror", copies=32),
    ],
    "discriminator wins": [
        made(BiGAN, {"spectral": False, "discriminator_lr": rate}, {"lr": lr}, data=data)
        for rate, lr in ((0.01, 1e-4), (0.02, 3e-4), (0.02, 1e-4), (0.01, 1e-5))
        for data in ("shapes", "digits")
    ],
    "posterior collapsed": [
        made(VAE, {"beta": beta, **likelihood}, settings, data=data)
        for beta, settings in ((300.0, {"lr": 4e-3}), (1000.0, SLOW))
        for likelihood in ({}, {"likelihood": "gaussian"})
        for data in ("shapes", "digits")
    ],
    "codebook collapsed": [
        Trial(Following, {"codes": codes}, settings, batch_norm, upright, data, size=32)
        for codes, settings in ((128, {"lr": 4e-3}), (32, SLOW), (512, SLOW))
        for data in ("shapes", "digits")
    ],
}
LONG, WIDE = {"steps": 300}, {"steps": 300, "batch_size": 64}  # without negatives learning is slower


def around(method: Any, arguments: dict[str, Any] | None = None, **settings: Any) -> list[Trial]:
    """Eight healthy runs of a method of joint embedding: other nets, norms, views, batches and data."""
    own, slow = arguments or {}, {**settings, **SLOW}
    return [
        Trial(method, own, settings, instance_norm, four),
        Trial(method, own, settings, instance_norm, two, "digits"),
        Trial(method, own, slow, group_norm, four),
        Trial(method, own, slow, group_norm, two, "digits"),
        Trial(method, own, slow, layer_norm, four),
        Trial(method, own, slow, no_norm, four),
        Trial(method, own, {**slow, "batch_size": 64}, vit, two, size=32),
        Trial(method, own, {**settings, "batch_size": 64, "lr": 4e-3}, recipe=two, data="digits"),
    ]


def hiding(method: Any, recipe: Any, *choices: tuple[dict[str, Any], dict[str, Any]]) -> list[Trial]:
    """A transformer on what is hidden: each choice, (arguments, settings), on both sets; and two shapes of its net."""
    return [
        Trial(method, arguments, {**SLOW, **settings}, vit, recipe, data, size=32)
        for arguments, settings in choices
        for data in ("shapes", "digits")
    ]


HEALTHY: list[Trial] = [
    Trial(SimCLR, {}, {"steps": 200}, recipe=four),
    Trial(SimCLR, {}, {"batch_size": 64}),
    Trial(SimCLR, {"temperature": 0.5}, {"batch_size": 64}),
    Trial(SimCLR, {"temperature": 0.1, "projector": ()}, recipe=four),
    Trial(SimCLR, {"temperature": 0.07}, recipe=four),
    Trial(SimCLR, {}, {"lr": 3e-3, "weight_decay": 1e-4, "warmup": 0.1}, recipe=four),
    Trial(SimCLR, {}, {"lr": 2e-2}, recipe=four),
    Trial(SimCLR, {}, {"lr": 1e-3, "steps": 200}, recipe=four),
    Trial(SimCLR, {}, {"batch_size": 128, "steps": 100}),
    Trial(SimCLR, {}, {"batch_size": 16, "steps": 250}, recipe=four),
    Trial(SimCLR, {}, {"steps": 200}, recipe=four, size=16),
    Trial(SimCLR, {}, {"steps": 200}, recipe=two, size=32),
    Trial(SimCLR, data="digits"),
    *around(SimCLR),
    Trial(HardNegatives, {}, {"steps": 200}, recipe=four),
    Trial(HardNegatives, {}, {"batch_size": 64}),
    Trial(HardNegatives, {"prior": 1 / 8, "hardness": 0.0}, recipe=four),
    Trial(HardNegatives, {"hardness": 2.0}, {"steps": 200}, recipe=four),
    Trial(HardNegatives, {"prior": 0.1, "hardness": 1.0, "temperature": 0.5}, {"batch_size": 64}),
    Trial(HardNegatives, {}, {"lr": 3e-3, "steps": 200}, recipe=two, size=32),
    Trial(HardNegatives, {"prior": 0.1}, data="digits"),
    *around(HardNegatives),
    Trial(SupCon, {}, {"steps": 200}, recipe=four),
    Trial(SupCon, {}, {"batch_size": 64}),
    Trial(SupCon, {"temperature": 0.5}, {"batch_size": 64}),
    Trial(SupCon, {"temperature": 0.07}, recipe=four),
    Trial(SupCon, {}, {"lr": 3e-3, "steps": 200}, recipe=four),
    Trial(SupCon, {}, {"steps": 200}, recipe=two, size=32),
    Trial(SupCon, data="digits"),
    *around(SupCon),
    Trial(MoCo, {}, LONG, recipe=four),
    Trial(MoCo, {}, WIDE, recipe=of_moco),
    Trial(MoCo, {"queue": 2048}, LONG),
    Trial(MoCo, {}, LONG, recipe=four, size=16),
    Trial(MoCo, {"temperature": 0.1}, LONG, recipe=four),
    Trial(MoCo, {"momentum": 0.95}, LONG),
    Trial(MoCo, data="digits"),
    *around(MoCo, **LONG),
    Trial(VICReg, {}, {"steps": 200}, recipe=four),
    Trial(VICReg, {}, {"batch_size": 64}),
    Trial(VICReg, {}, {"batch_size": 16, "steps": 250}, recipe=four),
    Trial(VICReg, {}, {"lr": 3e-3}, recipe=four),
    Trial(VICReg, {"covariance": 4.0}, recipe=four),
    Trial(VICReg, {}, {"steps": 200}, recipe=two, size=32),
    Trial(VICReg, data="digits"),
    *around(VICReg),
    Trial(BarlowTwins, recipe=four),
    Trial(BarlowTwins, {}, {"batch_size": 64}),
    Trial(BarlowTwins, {"redundancy": 0.02}, {"steps": 200}, recipe=four),
    Trial(BarlowTwins, {}, {"lr": 3e-3}, recipe=four),
    Trial(BarlowTwins, {}, {"steps": 200}, recipe=two, size=32),
    Trial(BarlowTwins, {}, {"batch_size": 16, "steps": 250}, recipe=four),
    Trial(BarlowTwins, data="digits"),
    *around(BarlowTwins),
    Trial(SwAV, {}, {"steps": 200}, recipe=four),
    Trial(SwAV, {}, {"steps": 200}, recipe=crops),
    Trial(SwAV, {}, {"batch_size": 64}, recipe=four),
    Trial(SwAV, {"prototypes": 32}, {"steps": 200}, recipe=four),
    Trial(SwAV, {}, {"lr": 4e-3, "steps": 200}, recipe=four),
    Trial(SwAV, {}, {"steps": 200}, recipe=four, size=32),
    Trial(SwAV, data="digits"),
    *around(SwAV),
    Trial(DINO, {}, LONG, recipe=four),
    Trial(DINO, {}, LONG, recipe=crops),
    Trial(DINO, {"prototypes": 128}, LONG, recipe=four),
    Trial(DINO, {}, {**LONG, "lr": 4e-3}, recipe=four),
    Trial(DINO, {}, WIDE, recipe=two),
    Trial(DINO, {}, {"steps": 600}, recipe=four),
    Trial(DINO, {}, {"steps": 250}, data="digits"),
    *around(DINO, **LONG),
    Trial(SimSiam, {}, {"steps": 250}, recipe=four),
    Trial(SimSiam, {}, WIDE),
    Trial(SimSiam, {}, {"lr": 3e-3, "steps": 250}, recipe=four),
    Trial(SimSiam, {}, LONG, recipe=of_byol),
    Trial(SimSiam, {}, {"steps": 250}, recipe=two, size=32),
    Trial(SimSiam, {}, {"steps": 500}, recipe=four),
    Trial(SimSiam, {}, {"steps": 250}, data="digits"),
    *around(SimSiam, **LONG),
    Trial(BYOL, {}, LONG, recipe=four),
    Trial(BYOL, {}, WIDE, recipe=of_byol),
    Trial(BYOL, {"momentum": 0.95}, LONG),
    Trial(BYOL, {}, {**LONG, "lr": 4e-3}, recipe=four),
    Trial(BYOL, {}, LONG, recipe=two, size=32),
    Trial(BYOL, {}, {"steps": 600}, recipe=four),
    Trial(BYOL, {}, {"steps": 250}, data="digits"),
    *around(BYOL, **LONG),
    *[
        Trial(Supervised, {}, settings, net, recipe, data)
        for net, recipe, settings in (
            (batch_norm, ordinary, {}),
            (batch_norm, ordinary, {"batch_size": 64, "lr": 3e-3}),
            (batch_norm, one, {"steps": 300}),
            (instance_norm, ordinary, {}),
            (group_norm, ordinary, SLOW),
            (layer_norm, ordinary, SLOW),
            (no_norm, ordinary, {**SLOW, **LONG}),
        )
        for data in ("shapes", "digits")
    ],
    Trial(Supervised, {}, {**SLOW, **LONG}, vit, ordinary, "digits", size=32),
    *[
        Trial(method, {}, settings, net, recipe, data, size=32)
        for method, recipe, sets in ((Rotation, turned, ("digits",)), (Jigsaw, tiles, ("shapes", "digits")))
        for net, settings in (
            (batch_norm, {}),
            (batch_norm, {"batch_size": 64, "lr": 4e-3}),
            (batch_norm, {"lr": 2e-3, **LONG}),
            (instance_norm, {}),
            (group_norm, SLOW),
            (layer_norm, SLOW),
            (no_norm, {**SLOW, **LONG}),
            (no_norm, {**SLOW, **WIDE}),
        )
        for data in (sets * 2)[:2]
    ],
    *[
        Trial(Inpainting, {}, {**settings, **steps}, net, hole, data, size=32)
        for net, settings in (
            (batch_norm, {"lr": 4e-3}),
            (instance_norm, {"lr": 4e-3}),
            (group_norm, SLOW),
            (no_norm, SLOW),
        )
        for data in ("shapes", "digits")
        for steps in ({}, LONG)
    ],
    *hiding(MAE, hidden, ({}, {}), ({}, LONG), ({"normalise": True}, {}), ({"normalise": True}, LONG)),
    *hiding(MAE, hidden, ({}, {"batch_size": 64}), ({}, {"lr": 1e-3}), ({"dim": 32}, {}), ({"depth": 2}, {})),
    *hiding(JEPA, context, ({"spread": 1.0}, {}), ({"spread": 1.0}, LONG), ({"spread": 1.0}, {"batch_size": 64})),
    *hiding(JEPA, context, ({"spread": 0.3}, {}), ({"spread": 1.0}, {"lr": 1e-3}), ({"spread": 3.0}, {})),
    *hiding(JEPA, context, ({}, {}), ({"momentum": 0.95, "spread": 1.0}, {})),
    *[
        Trial(method, {}, {**settings, **steps}, net, recipe, "tales")
        for method, net, recipe in ((BERT, bert, words), (GPT, gpt, next_words))
        for settings in (SLOW, {"lr": 1e-3}, {"lr": 5e-3}, {**SLOW, "batch_size": 64}, {**SLOW, "warmup": 0.05})
        for steps in ({}, {"steps": 200}, LONG)
    ],
    *[
        made(BiGAN, arguments, {**settings, **steps}, data)
        for arguments, settings in (
            ({"spectral": False, "discriminator_lr": 3e-3}, {"lr": 6e-3}),
            ({"spectral": False, "discriminator_lr": 1e-3}, {"lr": 2e-3}),
            ({}, {"lr": 4e-3}),
        )
        for steps in ({}, LONG)
        for data in ("shapes", "digits")
    ],
    *[
        made(VAE, arguments, {**settings, **steps}, data)
        for arguments, settings in (
            ({}, {"lr": 4e-3}),
            ({"likelihood": "gaussian"}, {"lr": 4e-3}),
            ({"beta": 4.0, "warmup": 0.5}, {"lr": 2e-3}),
        )
        for steps in ({}, LONG)
        for data in ("shapes", "digits")
    ],
    *[
        Trial(VQVAE, {"codes": codes}, {**settings, **steps}, batch_norm, upright, data, size=32)
        for codes, settings in ((128, {"lr": 4e-3}), (32, SLOW))
        for steps in ({}, LONG)
        for data in ("shapes", "digits")
    ],
    *[
        Trial(SimCSE, arguments, {**SLOW, **settings}, bert, dropped, data, changes)
        for arguments, settings, changes in (
            ({}, {}, {}),
            ({}, {"batch_size": 64}, {}),
            ({"temperature": 0.1}, {"lr": 1e-3}, {}),
            ({"temperature": 0.2}, {"lr": 4e-3}, {"p": 0.2}),
            ({}, {"steps": 100, "lr": 3e-3}, {}),
        )
        for data in ("tales", "threes", "python-docs")
    ],
    Trial(SimCSE, {}, {"lr": 3e-3}, small_bert, dropped, "tales", {"dim": 32, "depth": 1}),
    *[
        Trial(BART, {}, {**SLOW, **settings}, net, corrupted, data, changes)
        for data, net, settings, changes in (
            ("tales", mimetic, {"steps": 100}, {}),
            ("threes", encoder_decoder, {}, {}),
            ("threes", mimetic, {}, {}),
            ("threes", mimetic, {"lr": 5e-3}, {}),
            ("threes", encoder_decoder, {"lr": 1e-3}, {"p": 0.15}),
            ("threes", mimetic, {"batch_size": 64, "steps": 100}, {"p": 0.5}),
            ("threes", mimetic, {"steps": 200}, {"whole": False}),
            ("threes", encoder_decoder, {}, {"whole": False}),
            ("threes", encoder_decoder, {"lr": 5e-3}, {"p": 0.5, "mean": 2.0}),
        )
    ],
    *[
        Trial(BART, {}, {**SLOW, **settings}, net, translated, data)
        for data in ("mirror", "verb-last")
        for net, settings in ((mimetic, {}), (encoder_decoder, {}), (mimetic, {"batch_size": 16, "lr": 8e-3}))
    ],
    *[
        Trial(method, {}, {"lr": lr, **steps}, net, recipe, "scenes")
        for method, recipe, steps in ((Detector, boxed, {}), (Segmenter, masked, {"steps": 250}))
        for net, lr in ((batch_norm, 1e-2), (group_norm, 4e-3))
    ],
    *[
        Trial(method, {}, {**SLOW, **settings}, bert, recipe, data)
        for method, recipe, data, settings in (
            (Reader, asked, "questions", {}),
            (Reader, asked, "questions", {"lr": 4e-3, "steps": 200}),
            (TwoSides, both_sides, "verb-last", {"steps": 100}),
            (TwoSides, both_sides, "mirror", {"lr": 3e-3, "steps": 100}),
        )
    ],
    *[
        made(method, arguments, {**settings, **steps}, data)
        for method, arguments, settings in (
            (BiGAN, {"spectral": False, "discriminator_lr": 2e-3}, {"lr": 4e-3}),
            (VAE, {"beta": 2.0}, SLOW),
        )
        for steps in ({}, LONG)
        for data in ("shapes", "digits")
    ],
    *[
        Trial(VQVAE, {"codes": codes}, {**settings, **steps}, net, upright, data, size=32)
        for codes, settings, net in ((64, {"lr": 4e-3}, batch_norm), (128, SLOW, group_norm))
        for steps in ({}, LONG)
        for data in ("shapes", "digits")
    ],
    *[
        Trial(method, arguments, {**settings, **steps}, net, recipe, data, changes, size=32)
        for method, recipe, changes in ((Autoencoder, upright, {}), (DenoisingAutoencoder, noisy, {"std": 0.3}))
        for net, arguments, settings in (
            (with_places, {}, {"lr": 4e-3}),
            (with_places_group_norm, {}, SLOW),
            (with_places_no_norm, {}, SLOW),
            (linear, {"linear": True}, SLOW),
        )
        for steps in ({"steps": 100}, {})
        for data in ("shapes", "digits")
    ],
    Trial(DenseCL, {}, {"steps": 200}, recipe=four),
    Trial(DenseCL, {}, {"batch_size": 64}),
    Trial(DenseCL, {"temperature": 0.1}, recipe=four),
    Trial(DenseCL, {"temperature": 0.5}, {"batch_size": 64}),
    Trial(DenseCL, {"dense": 0.2}, recipe=four),
    Trial(DenseCL, {"dense": 0.8}, {"steps": 200}, recipe=four),
    Trial(DenseCL, {}, {"lr": 3e-3, "steps": 200}, recipe=two, size=32),
    Trial(DenseCL, data="digits"),
    *around(DenseCL),
]
