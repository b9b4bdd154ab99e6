"""Arguments at the door: what has one clear meaning is taken, whatever its type; the rest is an error that names it."""

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sslwb import evaluate as ev
from sslwb import geometry, nets
from sslwb.augment import images, labelled, masks, paired, puzzles, tokens, with_noise
from sslwb.core import Views, check_shapes, number, typed, whole
from sslwb.data import Images, Items, Texts, load, subset_per_class
from sslwb.data.containers import Pairs
from sslwb.methods.autoencoder import reconstruction_loss
from sslwb.methods.barlow_twins import BarlowTwins, barlow_twins_loss, cross_correlation
from sslwb.methods.base import Method, mean_of_other_views
from sslwb.methods.bert import BERT, mlm_loss
from sslwb.methods.byol import BYOL, byol_loss
from sslwb.methods.dino import DINO, dino_loss, sharpened
from sslwb.methods.gan import discriminator_loss, generator_loss
from sslwb.methods.gpt import GPT, next_token_loss, sampled
from sslwb.methods.inpainting import Inpainting, region_loss
from sslwb.methods.jepa import JEPA, jepa_loss
from sslwb.methods.jigsaw import Jigsaw
from sslwb.methods.mae import MAE, masked_loss
from sslwb.methods.moco import MoCo, queue_loss
from sslwb.methods.rotation import Rotation
from sslwb.methods.simclr import SimCLR, nt_xent
from sslwb.methods.supervised import Supervised
from sslwb.methods.swav import sinkhorn, swapped_loss
from sslwb.methods.teacher import ema_update
from sslwb.methods.vicreg import VICReg, vicreg_loss
from sslwb.nets.patches import unpatchify
from sslwb.train import fit, start
from sslwb.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

SETTINGS: dict[str, Any] = {"steps": 2, "batch_size": 8, "device": "cpu", "precision": "fp32", "progress": False}
DATA, TEST = (load("shapes", split, n=32, seed=5, size=16) for split in ("train", "test"))
TALES = load("tales", n=16, seed=5)
Case = tuple[Callable[[], object], type[Exception], str]


def g(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rand(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(*shape, generator=g(sum(shape)), dtype=dtype)


def conv() -> nn.Module:
    return nets.conv(4)


def vit() -> nn.Module:
    return nets.vit(4, 16, 1, 2)


def fitted(method: Any = None, data: Any = DATA, views: Any = None, **settings: Any) -> Any:
    return fit(method or SimCLR(conv()), data, views or images.simclr(16), **{**SETTINGS, **settings})


def refused(cases: Sequence[Case]) -> Any:
    """A test of each case by the message that it has to bring."""
    return pytest.mark.parametrize(("call", "error", "said"), cases, ids=[said for _, _, said in cases])


# ── numbers


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3), torch.tensor([3])])
def test_whole_numbers_of_every_type_are_taken(value: Any) -> None:
    assert whole("n", value) == 3
    assert type(whole("n", value)) is int


@pytest.mark.parametrize(
    "value",
    [3.0, 2.5, "3", True, np.bool_(True), torch.tensor(True), None, np.float64(3), torch.tensor(3.0), [3], math.nan],
)
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^n is .*; expected a whole number"):
        whole("n", value)


@pytest.mark.parametrize(
    "value",
    [0.5, np.float64(0.5), np.float32(0.5), torch.tensor(0.5), np.array(0.5), Fraction(1, 2), torch.tensor(0.5).half()],
)
def test_numbers_of_every_type_are_taken(value: Any) -> None:
    assert number("lr", value) == 0.5
    assert type(number("lr", value)) is float


@pytest.mark.parametrize("value", ["0.5", True, None, 1j, [0.5], np.array([0.5]), torch.rand(2), b"1"])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^lr is .*; expected a number"):
        number("lr", value)


def test_annotations_say_what_is_taken() -> None:
    @typed
    def make(
        n: int, share: float = 1, *more: int, sides: tuple[int, ...] = (), top: int | None = None, x: Any = 0
    ) -> Any:
        return n, share, more, sides, top, x

    came = make(np.int64(2), np.float32(0.5), np.int8(1), sides=np.array([1, 2]), top=torch.tensor(4), x="x")
    assert came == (2, 0.5, (1,), (1, 2), 4, "x")
    assert {type(part) for part in (*came[:2], *came[2], *came[3], came[4])} == {int, float}
    assert make(2) == (2, 1, (), (), None, 0)
    for arguments, said in (
        ({"n": 2.5}, "n is 2.5, a float"),
        ({"n": 1, "share": "a"}, "share is 'a', a str"),
        ({"n": 1, "sides": (1, 2.5)}, r"sides\[1\] is 2.5"),
        ({"n": 1, "sides": 3}, "sides is 3, a int; expected several numbers"),
        ({"n": 1, "top": "4"}, "top is '4'"),
    ):
        with pytest.raises(TypeError, match=said):
            make(**arguments)
    with pytest.raises(TypeError, match="missing"):  # Python's own words
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda of: nets.conv(of(4), seed=of(1)),
        lambda of: nets.vit(of(4), of(16), of(1), of(2)),
        lambda of: SimCLR(conv(), temperature=of(0.2), projector=(of(8), of(4)), seed=of(3)),
        lambda of: MoCo(conv(), queue=of(8), momentum=of(0.5)),
        lambda of: images.simclr(of(16), views=of(2), flip=of(0.5), crop=(of(0.5), of(1.0))),
        lambda of: masks.mae(of(16), of(4), of(0.5)),
        lambda of: puzzles.jigsaw(of(16), of(2), of(6)),
        lambda of: tokens.mask(of(20), of(0.2)),
    ],
)
def test_what_is_made_of_numpys_numbers_is_what_is_made_of_pythons(make: Callable[[Any], Any]) -> None:
    of_numpy = make(lambda value: (np.int64 if isinstance(value, int) else np.float64)(value))
    assert of_numpy._made == make(lambda value: value)._made
    assert "numpy" not in repr(of_numpy._made)


@refused(
    [
        (lambda: fitted(batch_size=32 / 4), TypeError, "batch_size is 8.0, a float; expected a whole number"),
        (lambda: fitted(steps=2.5), TypeError, "steps is 2.5, a float"),
        (lambda: fitted(steps=None), TypeError, "steps is None"),
        (lambda: fitted(steps=True), TypeError, "steps is True, a bool"),
        (lambda: fitted(seed="1"), TypeError, "seed is '1', a str"),
        (lambda: fitted(lr="1e-3"), TypeError, "lr is '1e-3', a str; expected a number"),
        (lambda: fitted(weight_decay=None), TypeError, "weight_decay is None"),
        (lambda: fitted(warmup=math.nan), ValueError, "warmup is nan"),
        (lambda: fitted(checkpoint=3), TypeError, "checkpoint is a int"),
        (lambda: fitted(on_step=3), TypeError, "on_step is a int"),
        (lambda: start(SimCLR(conv()), DATA, images.simclr(16), steps=2.5), TypeError, "steps is 2.5"),
        (lambda: load("shapes", n="8"), TypeError, "n is '8', a str; expected a whole number"),
        (lambda: load("shapes", n=2, seed=None), TypeError, "seed is None"),
        (lambda: load("shapes", n=2, size=16.0), TypeError, "size is 16.0"),
        (lambda: load("tales", n=2, noise="a"), TypeError, "noise is 'a'"),
        (lambda: load("python-docs", n=2, context=2.5), TypeError, "context is 2.5"),
        (lambda: load(3), TypeError, "name is int"),
        (lambda: subset_per_class(DATA, 1.5), TypeError, "k is 1.5"),
        (lambda: subset_per_class(DATA.x, 1), TypeError, "data is Tensor; expected a container"),
        (lambda: ev.knn(*GOOD, k=2.5), TypeError, "k is 2.5"),
        (lambda: ev.label_curve(GOOD[0], DATA, GOOD[2], TEST, counts=(1.5,)), TypeError, r"counts\[0\] is 1.5"),
        (lambda: ev.evaluate(conv(), DATA, TEST, control_steps=1.5), TypeError, "control_steps is 1.5"),
        (lambda: nets.conv("4"), TypeError, "width is '4'"),
        (lambda: nets.conv(4, channels=0), ValueError, "channels is 0; expected 1 or more"),
        (lambda: nets.conv(4, seed=2**70), ValueError, "expected a number of at most 64 bits"),
        (lambda: nets.vit(4, 16, 1, 0), ValueError, "heads is 0"),
        (lambda: nets.mlp(4, 2.5), TypeError, r"dims\[1\] is 2.5"),
        (lambda: SimCLR(conv(), temperature=0), ValueError, "temperature is 0"),
        (lambda: SimCLR(conv(), temperature="a"), TypeError, "temperature is 'a'"),
        (lambda: SimCLR(conv(), projector=64), TypeError, "projector is 64"),
        (lambda: SimCLR(nets.conv), TypeError, "encoder is function"),
        (lambda: DINO(conv(), prototypes=8.0), TypeError, "prototypes is 8.0"),
        (lambda: BYOL(conv(), momentum=None), TypeError, "momentum is None"),
        (lambda: VICReg(conv(), variance=math.nan), ValueError, "variance is nan; expected a weight"),
        (lambda: BarlowTwins(conv(), redundancy=math.inf), ValueError, "redundancy is inf"),
        (lambda: MAE(vit(), dim=10), ValueError, "dim is 10 with 2 heads"),
        (lambda: JEPA(vit(), heads=0), ValueError, "heads is 0"),
        (lambda: Inpainting(vit()), TypeError, "encoder is ViT; expected a convolutional one"),
        (lambda: Supervised(conv(), "8"), TypeError, "classes is '8'"),
        (lambda: images.simclr(16, views=0), ValueError, "views is 0; expected 1 or more"),
        (lambda: images.simclr(16, views=2.0), TypeError, "views is 2.0"),
        (lambda: images.multicrop(16, 8, 0), ValueError, "count is 0"),
        (lambda: images.simclr("16"), TypeError, "size is '16'"),
        (lambda: images.simclr(16, crop=0.5), TypeError, "crop is 0.5, a float; expected several numbers"),
        (lambda: images.weak(16, crop=(0.1, 0.2, 0.3)), ValueError, "crop holds 3 numbers; expected 2"),
        (lambda: images.plain(0), ValueError, "size is 0"),
        (lambda: tokens.mask(20, random=math.nan), ValueError, "random is nan"),
        (lambda: tokens.mask("a"), TypeError, "vocabulary is 'a'"),
        (lambda: labelled(None), TypeError, "of is a NoneType; expected a recipe"),
        (lambda: with_noise(images.weak(16), 0), ValueError, "shape is 0"),
    ]
)
def test_a_wrong_number_is_named(call: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


# ── shapes, kinds and devices of tensors


@refused(
    [
        (
            lambda: check_shapes(a=(rand(2, 3), "B D"), b=(rand(2, 1), "B D")),
            ValueError,
            r"a has shape \(2, 3\) and b \(2, 1\)",
        ),
        (lambda: check_shapes(a=(rand(3), "B D")), ValueError, r"a has shape \(3,\); expected \(B, D\)"),
        (lambda: check_shapes(a=(rand(0, 3), "B D")), ValueError, "1 or more"),
        (lambda: check_shapes(a=([1.0], "B")), TypeError, r"a is \[1.0\], a list; expected a tensor \(B,\)"),
        (lambda: check_shapes(a=(torch.ones(3).long(), "B")), TypeError, "a is torch.int64; expected floats"),
        (lambda: check_shapes(a=(rand(3), "bool B")), TypeError, "a is torch.float32; expected torch.bool"),
        (
            lambda: check_shapes(a=(rand(3), "B"), b=(torch.empty(3, device="meta"), "B")),
            ValueError,
            "a is on cpu and b is on meta",
        ),
    ]
)
def test_shapes_are_letters(call: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_a_star_stands_for_any_lengths() -> None:
    check_shapes(logits=(rand(2, 3, 5), "* V"), targets=(torch.ones(2, 3).long(), "int64 *"))
    check_shapes(logits=(rand(0, 5), "* V"), targets=(torch.ones(0).long(), "int64 *"))
    with pytest.raises(ValueError, match=r"expected \(…, V\) and \(…,\)"):
        check_shapes(logits=(rand(2, 3, 5), "* V"), targets=(torch.ones(3).long(), "int64 *"))


HIDDEN = torch.tensor([[True, False, True], [True, True, False]])
WORDS = torch.tensor([[3, 4, 0], [4, 3, 3]])


@refused(
    [
        (lambda: dino_loss(rand(3, 4, 5), rand(2, 1, 5), torch.zeros(5)), ValueError, r"teacher \(2, 1, 5\)"),
        (
            lambda: dino_loss(rand(3, 4, 5), rand(2, 4, 5), torch.zeros(1)),
            ValueError,
            "student, teacher and centre have",
        ),
        (lambda: dino_loss(rand(3, 4, 5), rand(2, 4, 5), 0.0), TypeError, "centre is 0.0, a float"),
        (lambda: dino_loss(rand(1, 4, 5), rand(1, 4, 5), torch.zeros(5)), ValueError, "student holds 1 view"),
        (
            lambda: dino_loss(rand(2, 4, 5), rand(3, 4, 5), torch.zeros(5)),
            ValueError,
            r"student holds 2 view\(s\) and teacher 3",
        ),
        (
            lambda: dino_loss(rand(2, 4, 5), rand(2, 4, 5), torch.zeros(5), teacher_temperature=0),
            ValueError,
            "teacher_temperature is 0",
        ),
        (
            lambda: sharpened(rand(2, 4, 5), torch.zeros(1)),
            ValueError,
            r"scores has shape \(2, 4, 5\) and centre \(1,\)",
        ),
        (lambda: swapped_loss(rand(2, 4, 5), rand(2, 1, 5)), ValueError, r"scores has shape .* and codes \(2, 1, 5\)"),
        (lambda: swapped_loss(rand(1, 4, 5), rand(1, 4, 5)), ValueError, "scores holds 1 view"),
        (lambda: swapped_loss(rand(2, 0, 5), rand(2, 0, 5)), ValueError, "scores has shape"),
        (lambda: sinkhorn(rand(0, 5)), ValueError, r"scores has shape \(0, 5\)"),
        (lambda: sinkhorn(rand(4, 5), rounds=2.5), TypeError, "rounds is 2.5"),
        (lambda: nt_xent(rand(4, 5), rand(4, 5).numpy()), TypeError, r"views\[1\] is a ndarray"),
        (lambda: nt_xent(rand(4, 5).long(), rand(4, 5).long()), TypeError, r"views\[0\] is torch.int64"),
        (lambda: nt_xent(rand(4, 5)), ValueError, "holds 1 view"),
        (lambda: barlow_twins_loss(rand(4, 5), rand(4, 1)), ValueError, "all alike"),
        (lambda: barlow_twins_loss(rand(4, 5), rand(4, 5), redundancy=-1), ValueError, "redundancy is -1"),
        (lambda: cross_correlation(rand(4, 5), rand(1, 5)), ValueError, r"a has shape \(4, 5\) and b \(1, 5\)"),
        (lambda: vicreg_loss(rand(4, 5), rand(4, 1)), ValueError, "all alike"),
        (lambda: vicreg_loss(rand(4, 5), rand(4, 5), covariance=math.nan), ValueError, "covariance is nan"),
        (lambda: byol_loss(rand(2, 4, 5), rand(2, 1, 5)), ValueError, r"targets has shape \(2, 1, 5\)"),
        (lambda: byol_loss([rand(4, 5)] * 2, rand(2, 4, 5)), TypeError, "predictions is .* a list"),
        (lambda: mean_of_other_views(rand(1, 4, 5)), ValueError, "z holds 1 view"),
        (lambda: queue_loss(rand(4, 5), rand(1, 5), rand(7, 5)), ValueError, "query, key and queue have"),
        (lambda: queue_loss(rand(4, 5), rand(4, 5), rand(0, 5)), ValueError, "query, key and queue have"),
        (lambda: masked_loss(rand(2, 3, 4), rand(2, 3, 1), HIDDEN), ValueError, "predictions, patches and hidden have"),
        (lambda: masked_loss(rand(2, 3, 4), rand(2, 3, 4), HIDDEN.float()), TypeError, "hidden is torch.float32"),
        (
            lambda: region_loss(rand(2, 3, 4, 4), rand(2, 1, 4, 4), rand(2, 4, 4) > 0),
            ValueError,
            "painted, x and hidden",
        ),
        (lambda: jepa_loss(rand(2, 3, 4), rand(2, 1, 4)), ValueError, r"targets \(2, 1, 4\)"),
        (lambda: mlm_loss(rand(2, 3, 4), WORDS), ValueError, "targets run to 4, but there are 4: expected 0 to 3"),
        (lambda: mlm_loss(rand(2, 3, 5), WORDS.float()), TypeError, "targets is torch.float32"),
        (lambda: next_token_loss(rand(2, 3, 5), WORDS - 9), ValueError, "tokens run from -9"),
        (lambda: next_token_loss(rand(2, 3, 5), WORDS[0]), ValueError, "tokens"),
        (lambda: ema_update(nets.conv(4), nets.conv(8), 0.5), ValueError, "differ in shape"),
        (lambda: ema_update(nets.conv(4), nets.conv(4), 2), ValueError, "momentum is 2"),
    ]
)
def test_every_loss_checks_all_its_tensors(call: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


Loss = tuple[str, Callable[..., Any], dict[str, Any]]
LOSSES: list[Loss] = [
    ("moco", queue_loss, {"query": (4, 3), "key": (4, 3), "queue": (5, 3)}),
    ("byol", byol_loss, {"predictions": (2, 4, 3), "targets": (2, 4, 3)}),
    ("swav", swapped_loss, {"scores": (3, 4, 5), "codes": (2, 4, 5)}),
    ("dino", dino_loss, {"student": (3, 4, 5), "teacher": (2, 4, 5), "centre": (5,), "temperature": 0.5}),
    ("mae", masked_loss, {"predictions": (2, 3, 4), "patches": (2, 3, 4), "hidden": HIDDEN}),
    ("inpainting", region_loss, {"painted": (2, 1, 3, 3), "x": (2, 1, 3, 3), "hidden": rand(2, 3, 3) > 0.3}),
    ("autoencoder", reconstruction_loss, {"painted": (2, 1, 3, 3), "x": (2, 1, 3, 3)}),
    ("gan, discriminator", discriminator_loss, {"real": (4,), "made": (4,)}),
    ("gan, generator", generator_loss, {"made": (4,)}),
    ("jepa", jepa_loss, {"predictions": (2, 3, 4), "targets": (2, 3, 4)}),
    ("bert", mlm_loss, {"logits": (2, 3, 5), "targets": WORDS}),
    ("gpt", next_token_loss, {"logits": (2, 3, 5), "tokens": WORDS}),
]


def inputs(shapes: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    return {name: rand(*x, dtype=dtype) if isinstance(x, tuple) else x for name, x in shapes.items()}


@pytest.mark.parametrize(("name", "loss", "shapes"), LOSSES, ids=[name for name, *_ in LOSSES])
def test_a_loss_is_the_same_by_name_and_by_place_and_under_bf16(name: str, loss: Any, shapes: dict[str, Any]) -> None:
    given = inputs(shapes, torch.float32)
    expected = loss(**given)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(loss(**given), expected)
        assert torch.equal(loss(*given.values()), expected)
        rounded = {k: v.bfloat16() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in given.items()}
        assert loss(**rounded).dtype == torch.float32


@pytest.mark.parametrize(("name", "loss", "shapes"), LOSSES, ids=[name for name, *_ in LOSSES])
def test_a_loss_of_doubles_has_the_gradient_of_its_value(name: str, loss: Any, shapes: dict[str, Any]) -> None:
    given = inputs(shapes, torch.float64)
    first, *_ = given
    assert loss(**given).dtype == torch.float64

    def of_first(x: Tensor) -> Tensor:
        value: Tensor = loss(**{**given, first: x})
        return value

    assert torch.autograd.gradcheck(of_first, given[first].requires_grad_())


@pytest.mark.parametrize("loss", [nt_xent, barlow_twins_loss, lambda *v: vicreg_loss(*v)["loss"]])
def test_losses_of_several_views_take_doubles(loss: Any) -> None:
    views = [rand(4, 3, dtype=torch.float64) + i for i in range(3)]
    assert torch.autograd.gradcheck(loss, [v.requires_grad_() for v in views])


# ── views into methods and into the loop


X = rand(4, 3, 16, 16)


@refused(
    [
        (lambda: SimCLR(conv())(None), TypeError, "views is a NoneType; expected a list of tensors"),
        (lambda: SimCLR(conv())(X), TypeError, "views is a Tensor"),
        (lambda: SimCLR(conv())([X.numpy()] * 2), TypeError, r"views\[0\] is ndarray"),
        (lambda: SimCLR(conv())([X[:0]] * 2), ValueError, r"the batch has 0 picture\(s\)"),
        (lambda: BYOL(conv())([X, X[:, :, :8, :8]]), ValueError, "expected views of one size"),
        (lambda: VICReg(conv())([DATA.x[:4]] * 2), TypeError, "x is torch.uint8; this encoder expects floats"),
        (lambda: MoCo(conv())([DATA.x[:4].float()] * 2), ValueError, "x runs from .*: divide bytes by 255"),
        (lambda: Supervised(conv(), 8)([]), ValueError, "views holds 0"),
        (lambda: Supervised(conv(), 8)([X]), ValueError, "views holds 1"),
        (lambda: Supervised(conv(), 8)([X, X]), ValueError, "expected labels, torch.int64"),
        (lambda: Supervised(conv(), 8)([X, torch.full((4,), -1)]), ValueError, "labels run from -1"),
        (lambda: Supervised(conv(), 8)([X[:0], torch.zeros(0).long()]), ValueError, "the batch has 0"),
        (lambda: Rotation(conv())([X[:0]] * 4), ValueError, "the batch has 0"),
        (
            lambda: Jigsaw(conv())([rand(4, 4, 3, 8, 8), torch.zeros(4)]),
            TypeError,
            "order is torch.float32.*Tiles of each",
        ),
        (lambda: Jigsaw(conv())([rand(4, 4, 3, 8, 8), torch.full((4,), -1)]), ValueError, "the orders run from -1"),
        (lambda: conv()(rand(2, 3, 6, 6)), ValueError, "expected pictures of 8×8 pixels or more"),
        (lambda: MAE(vit())([X]), ValueError, "expected x, hidden"),
        (lambda: MAE(vit())([X, X]), TypeError, "hidden is torch.float32.*augment.masks.mae"),
        (lambda: JEPA(vit())([X, X, X]), TypeError, "context is torch.float32.*augment.masks.jepa"),
        (lambda: BERT(nets.bert(200, 90))([X, X]), TypeError, "tokens is torch.float32.*augment.tokens.mask"),
        (lambda: GPT(nets.gpt(200, 90))([X]), TypeError, "tokens is torch.float32"),
        (lambda: GPT(nets.gpt(200, 90))([TALES.x[:0]]), ValueError, r"tokens has shape \(0,"),
        (lambda: nets.bert(200, 90)(TALES.x[:0]), ValueError, "tokens hold no text"),
        (lambda: nets.bert(200, 90).features(TALES.x, TALES.x), ValueError, "segments run to"),
        (lambda: vit()(DATA.x.float()), ValueError, "divide bytes by 255"),
    ]
)
def test_what_a_method_cannot_learn_from_is_named(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_doubles_are_taken_for_pictures() -> None:
    method = SimCLR(conv()).eval()
    expected = method([X, X.flip(3)])["loss"]
    assert torch.equal(method([X.double(), X.flip(3).double()])["loss"], expected)


class Named(NamedTuple):
    """Pictures twice."""

    a: Tensor
    b: Tensor


class Constant(Method):
    """Returns what it was told."""

    def __init__(self, encoder: nn.Module, terms: Any) -> None:
        super().__init__(encoder)
        self.terms = terms

    def forward(self, views: Views) -> dict[str, Tensor]:
        loss = self.encoder(views[0]).square().mean()
        told: dict[str, Tensor] = self.terms(loss)
        return told


def made(what: Callable[[Images], Any]) -> Callable[[Images, torch.Generator], Any]:
    return lambda batch, generator: what(batch)


@refused(
    [
        (lambda: fitted(data=DATA.x), TypeError, "data is a Tensor; expected a container"),
        (lambda: fitted(data=None), TypeError, "data is a NoneType"),
        (lambda: fitted(views="simclr"), TypeError, "make_views is a str; expected a recipe"),
        (lambda: fitted(views=images.simclr), TypeError, "size is"),
        (lambda: fitted(views=made(lambda b: b.x)), TypeError, "make_views gave a Tensor; expected a list"),
        (lambda: fitted(views=made(lambda b: None)), TypeError, "make_views gave a NoneType"),
        (lambda: fitted(views=made(lambda b: [b.x, b.x])), TypeError, r"views\[0\] is torch.uint8; expected floats"),
        (lambda: fitted(views=made(lambda b: Named(b.x, b.x))), TypeError, "a is torch.uint8"),
        (
            lambda: fitted(views=made(lambda b: [b.x.float()] * 2)),
            ValueError,
            "x runs from .* to .*; .*divide bytes by 255",
        ),
        (lambda: fitted(views=made(lambda b: [b.x.numpy()] * 2)), TypeError, r"views\[0\] is a ndarray"),
        (lambda: fitted(views=lambda b: [b.x, b.x]), TypeError, "make_views cannot be called .too many.*a recipe"),
        (lambda: fitted(views=lambda b, g, size: [b.x]), TypeError, "make_views cannot be called .*'size'"),
        (lambda: fitted(views=images.Augment), TypeError, "make_views is the class Augment"),
        (
            lambda: fitted(views=made(lambda b: [images.as_float(b.x).to_sparse()] * 2)),
            TypeError,
            r"views\[0\] is a tensor of layout torch.sparse_coo; expected a dense one",
        ),
        (lambda: labelled(lambda b: b.x), TypeError, "of cannot be called"),
        (
            lambda: fitted(views=made(lambda b: [torch.empty(8, 3, 16, 16, device="meta")] * 2)),
            ValueError,
            "on meta and the training on cpu",
        ),
        (lambda: fitted(Supervised(conv(), 8)), ValueError, r"make_views must be sslwb.augment.labelled\(…\)"),
        (lambda: fitted(Supervised(conv(), 8), Images(DATA.x), labelled(images.weak(16))), ValueError, "no labels"),
        (lambda: fitted(MAE(vit())), TypeError, "hidden is torch.float32.*augment.masks.mae"),
        (
            lambda: fitted(Constant(conv(), lambda loss: loss)),
            ValueError,
            "Constant returned a Tensor; expected a dict",
        ),
        (
            lambda: fitted(Constant(conv(), lambda loss: {"loss": loss.detach()})),
            ValueError,
            "a loss without a gradient",
        ),
        (
            lambda: fitted(Constant(conv(), lambda loss: {"loss": loss.expand(2)})),
            ValueError,
            r"'loss' of shape \(2,\)",
        ),
        (lambda: fitted(Constant(conv(), lambda loss: {"loss": loss, "a": "b"})), TypeError, "a is 'b'"),
    ]
)
def test_what_the_loop_cannot_train_on_is_named(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_the_loop_takes_doubles_halves_and_plain_numbers() -> None:
    expected = fitted(seed=np.arange(3)[1], batch_size=np.int64(8), lr=np.float32(0.25), steps=torch.tensor(2))
    assert fitted(seed=1, lr=0.25)["loss"] == expected["loss"]
    assert all(type(value) in (int, float, str, dict) for value in expected.settings.values())
    of_doubles = fitted(views=lambda batch, g: [v.double() for v in images.simclr(16)(batch, g)], seed=1, lr=0.25)
    assert of_doubles["loss"] == expected["loss"]
    assert fitted(SimCLR(conv()).double(), seed=1, lr=0.25)["loss"] == expected["loss"]
    recorded = fitted(Constant(conv(), lambda loss: {"loss": loss, "epoch": 3, "share": np.float64(0.5)}))
    assert recorded["epoch"] == [3, 3]
    assert recorded["share"] == [0.5, 0.5]


class OwnRates(SimCLR):
    def param_groups(self) -> list[dict[str, Any]]:
        return [{"params": [*self.parameters()], "lr": np.float64(1e-3), "betas": (np.float64(0.9), np.float32(0.5))}]


def test_numbers_of_numpy_are_never_written_into_a_checkpoint_that_nobody_can_read(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    whole_run = fitted(OwnRates(conv()), steps=4)
    fitted(OwnRates(conv()), steps=np.int64(4), checkpoint=path, on_step=lambda history: len(history) == 2)
    if not path.exists():  # it was saved only at its end
        fitted(OwnRates(conv()), steps=np.int64(4), checkpoint=path)
    assert fitted(OwnRates(conv()), steps=4, checkpoint=path)["loss"] == whole_run["loss"]
    for state in ({"a": np.float64(1)}, {"a": [{"b": np.zeros(2)}]}, {"a": (object(),)}):
        with pytest.raises(CheckpointError, match=r"at state\['a'\].*nothing was written"):
            save_checkpoint(tmp_path / "other.pt", state)
    assert not (tmp_path / "other.pt").exists()
    save_checkpoint(tmp_path / "other.pt", {"a": [1, 2.5, "b", None, True, (torch.ones(2), torch.Size((1, 2)))]})
    assert load_checkpoint(tmp_path / "other.pt")["a"][:3] == [1, 2.5, "b"]


# ── recipes


@refused(
    [
        (lambda: images.simclr(16)(DATA[:0], g()), ValueError, "expected at least one picture"),
        (lambda: images.simclr(16)(DATA[:4], None), TypeError, "generator is NoneType; expected a torch.Generator"),
        (lambda: images.simclr(16)(DATA[:4], 0), TypeError, "generator is int"),
        (lambda: images.simclr(16)("pictures", g()), TypeError, "batch is 'pictures', a str"),
        (lambda: images.simclr(16)(TALES[:4], g()), ValueError, "expected a batch of pictures"),
        (lambda: images.simclr(16)(DATA.x[:4].float(), g()), ValueError, "expected floats from 0 to 1"),
        (lambda: images.RandomViews(()), ValueError, "kinds is empty"),
        (lambda: images.RandomViews(3), TypeError, "kinds is 3; expected pairs"),
        (lambda: images.RandomViews(((2, "crop"),)), TypeError, "expected pairs"),
        (lambda: unpatchify(torch.rand(2, 16, 48), 4, 16), TypeError, "size is 16"),
        (lambda: nets.conv(4)(images.as_float(DATA.x).to_sparse()), TypeError, "x is a tensor of layout"),
        (lambda: ev.evaluate(conv(), DATA, DATA, lambda b: b.x), TypeError, "make_views cannot be called"),
        (lambda: masks.mae(16)(TALES[:4], g()), ValueError, "expected a batch of pictures"),
        (lambda: tokens.mask(200)(DATA[:4], g()), TypeError, "x is torch.uint8 .*; expected texts"),
        (lambda: tokens.mask(200)(TALES.x[0], g()), ValueError, r"expected \(B, L\)"),
        (lambda: tokens.mask(200)(TALES[:0], g()), ValueError, "1 or more"),
        (lambda: tokens.mask(200)(TALES[:4], None), TypeError, "generator is NoneType"),
        (lambda: tokens.mask(200)(TALES.x - 5, g()), ValueError, "x holds the number -5"),
        (lambda: tokens.next_token()(DATA[:4], g()), TypeError, "expected texts"),
        (lambda: labelled(images.weak(16))(DATA.x, g()), TypeError, "batch is Tensor; expected a container"),
        (lambda: paired(images.weak(16), images.weak(16))(DATA, g()), TypeError, "expected a container of pairs"),
    ]
)
def test_what_a_recipe_cannot_make_views_of_is_named(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_recipes_take_arrays_and_lists() -> None:
    expected = images.simclr(16)(DATA.x[:4], g())
    for same in (DATA.x[:4].numpy(), [*DATA.x[:4]], DATA.x[:4].numpy()[::-1][::-1]):
        assert all(map(torch.equal, images.simclr(16)(same, g()), expected))


# ── data


@pytest.mark.parametrize(
    "like",
    [torch.Tensor.int, lambda y: y.to(torch.uint8), Tensor.numpy, Tensor.tolist, lambda y: y.numpy()[::-1][::-1]],
)
def test_labels_of_every_type_of_whole_numbers_are_taken(like: Any) -> None:
    data = Images(DATA.x, like(DATA.labels), factors={"place": like(DATA.labels), "width": np.linspace(0, 1, 32)})
    assert torch.equal(data.labels, DATA.labels)
    assert data.labels.dtype == data.factors["place"].dtype == torch.int64
    assert data.factors["width"].dtype == torch.float32


def test_bools_are_labels() -> None:
    assert torch.equal(Images(DATA.x, DATA.labels > 3).labels, (DATA.labels > 3).long())


@refused(
    [
        (
            lambda: Images(DATA.x, DATA.labels - 1),
            ValueError,
            "y runs from -1 to .*; expected 0 or more: leave out each picture",
        ),
        (lambda: Images(DATA.x, ["a"] * 32), TypeError, "y is"),
        (lambda: Images(DATA.x, np.zeros(32)), TypeError, "y is torch.float64; expected torch.int64"),
        (lambda: Images(DATA.x, factors={"a": ["b"] * 32}), TypeError, r"factors\['a'\] is"),
        (lambda: Images(DATA.x, factors=[1]), TypeError, "factors is list; expected a dict"),
        (lambda: Images(DATA.x, DATA.labels, classes="abcdefgh"), TypeError, "classes is 'abcdefgh'"),
        (lambda: Pairs(DATA, DATA.x), TypeError, "b is Tensor; expected a container"),
        (lambda: Items(DATA.x.numpy()), TypeError, "x is ndarray; expected a tensor"),
        (lambda: Items(torch.tensor(3)), TypeError, r"x is of shape \(\)"),
        (lambda: DATA[[1, 99]], IndexError, "index 99 is out of range: the data set has 32 items"),
        (lambda: DATA[torch.tensor([-40, 0])], IndexError, "index -40 is out of range"),
        (lambda: DATA["a":], TypeError, "expected a row's number"),
        (lambda: Texts([[1]], vocabulary=("a", "b")), TypeError, "x is list"),
    ]
)
def test_data_that_make_no_sense_are_named(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_a_number_of_items_may_be_numpys() -> None:
    expected = load("shapes", n=4, seed=1, size=8)
    for n, seed in ((np.int64(4), np.arange(3)[1]), (torch.tensor(4), torch.tensor(1))):
        assert torch.equal(load("shapes", n=n, seed=seed, size=np.int32(8)).x, expected.x)


# ── measuring

GOOD = tuple(
    t for split, data in (("a", DATA), ("b", TEST)) for t in (rand(32, 7) + data.labels[:, None] / 4, data.labels)
)
TYPES: dict[str, Callable[[Tensor], Any]] = {
    "float64": Tensor.double,
    "float16": Tensor.half,
    "bfloat16": Tensor.bfloat16,
    "numpy": Tensor.numpy,
    "numpy float64": lambda t: t.double().numpy() if t.is_floating_point() else t.numpy().astype(np.uint8),
    "list": Tensor.tolist,
    "with a gradient": lambda t: t.clone().requires_grad_() if t.is_floating_point() else t.int(),
    "not contiguous": lambda t: t.repeat_interleave(2, -1)[..., ::2],
}


@pytest.mark.parametrize("kind", TYPES)
def test_embeddings_and_labels_of_every_type_are_measured(kind: str) -> None:
    like = TYPES[kind]
    came = [like(t) if t.is_floating_point() or kind not in ("float64", "float16", "bfloat16") else t for t in GOOD]
    near = 0.07 if "16" in kind else 1e-6  # of 32 items two may change sides
    assert ev.knn(*came) == pytest.approx(ev.knn(*GOOD), abs=near)
    assert ev.linear(*came) == pytest.approx(ev.linear(*GOOD), abs=near)
    assert geometry.effective_rank(came[0]) == pytest.approx(geometry.effective_rank(GOOD[0]), rel=0.02)
    causes = ev.probe_causes(came[0], DATA, came[2], TEST)
    assert causes.keys() == ev.probe_causes(GOOD[0], DATA, GOOD[2], TEST).keys()


@pytest.mark.parametrize("measure", [ev.knn, ev.linear])
def test_labels_below_zero_are_named_and_bools_are_labels(measure: Any) -> None:
    z, y, zt, yt = GOOD
    with pytest.raises(ValueError, match="train_y holds -1; expected labels from 0 on"):
        measure(z, y - 1, zt, yt)
    with pytest.raises(ValueError, match="test_y holds -1"):
        measure(z, y, zt, yt - 1)
    with pytest.raises(TypeError, match="train_y is"):
        measure(z, ["a"] * 32, zt, yt)
    assert measure(z, y > 3, zt, yt > 3) == measure(z, (y > 3).long(), zt, (yt > 3).long())


def test_embed_takes_what_holds_pictures() -> None:
    expected = ev.embed(conv(), DATA)
    for same in (DATA.x, DATA.x.numpy(), [*DATA.x], DATA.x.tolist(), DATA.x.double() / 255, DATA.x.numpy()[::-1][::-1]):
        if isinstance(same, list) and not isinstance(same[0], Tensor):
            with pytest.raises(
                TypeError, match=r"x is torch\.int64|encoder expects"
            ):  # numbers without a type of pixels
                ev.embed(conv(), same)
        else:
            assert torch.allclose(ev.embed(conv(), same), expected, atol=1e-6)
    # by hand, because float32 may be bfloat16 within `embed`, where the processor has it
    with torch.no_grad():
        in_full = conv().double().eval()(images.as_float(DATA.x).double())
    assert torch.allclose(ev.embed(conv().double(), DATA).double(), in_full, atol=1e-6)


@refused(
    [
        (lambda: ev.embed(conv(), "shapes"), TypeError, "data is str; expected a container"),
        (lambda: ev.embed(conv(), None), TypeError, "data is NoneType"),
        (lambda: ev.embed(conv(), []), ValueError, "data has no items"),
        (lambda: ev.embed(conv(), [DATA.x[0], DATA.x[1, :1]]), TypeError, "data is list"),
        (lambda: ev.embed(conv(), DATA.x.numpy().transpose(0, 2, 3, 1)), ValueError, r"x.permute\(0, 3, 1, 2\)"),
        (lambda: ev.embed(conv(), DATA.x.float()), ValueError, "expected floats from 0 to 1"),
        (lambda: ev.embed(SimCLR(conv()), DATA), TypeError, "encoder is SimCLR; expected an encoder: method.encoder"),
        (lambda: ev.embed(None, DATA), TypeError, "encoder is NoneType"),
        (lambda: ev.embed(conv(), TALES), TypeError, "x is torch.int64; this encoder expects floats"),
        (lambda: ev.embed(conv(), DATA, out=3), TypeError, "out is int"),
        (lambda: ev.evaluate(SimCLR(conv()), DATA, TEST), TypeError, "expected an encoder: method.encoder"),
        (lambda: ev.evaluate(conv(), DATA, TEST.x), TypeError, "test is Tensor; expected a container"),
        (lambda: ev.evaluate(conv(), DATA[:0], TEST), ValueError, "train has no items"),
        (
            lambda: ev.probe_causes(GOOD[0][:3], DATA, GOOD[2], TEST),
            ValueError,
            "train_z has 3 rows and train 32 items",
        ),
        (lambda: ev.label_curve(GOOD[0], DATA, GOOD[2] * math.nan, TEST), ValueError, "test_z has NaN"),
        (lambda: geometry.uniformity(None), TypeError, "z is None"),
        (lambda: geometry.feature_std(torch.zeros(3, 0)), ValueError, r"z has shape \(3, 0\)"),
    ]
)
def test_what_cannot_be_measured_is_named(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


# ── words


def test_generate_takes_lists_and_numpys_numbers() -> None:
    method = GPT(nets.gpt(12, 10, 16, 1, 2))
    expected = method.generate(torch.tensor([[5]]), 3, top_k=4, seed=2)
    assert torch.equal(method.generate([[5]], np.int64(3), top_k=np.int64(4), seed=np.int64(2)), expected)


@refused(
    [
        (lambda gpt: gpt.generate(torch.tensor([[5]]), 2.5), TypeError, "n is 2.5"),
        (lambda gpt: gpt.generate(torch.tensor([5]), 2), ValueError, r"tokens has shape \(1,\)"),
        (lambda gpt: gpt.generate(torch.tensor([[5.0]]), 2), TypeError, "tokens are torch.float32"),
        (lambda gpt: gpt.generate("so", 2), TypeError, "tokens is 'so'"),
        (lambda gpt: gpt.generate(torch.tensor([[5]]), 2, top_p=None), TypeError, "top_p is None"),
        (lambda gpt: gpt.generate(torch.tensor([[99]]), 2), ValueError, "tokens run from"),
        (lambda gpt: sampled(rand(2, 4), None), TypeError, "generator is NoneType"),
        (lambda gpt: sampled(rand(2, 4) * math.nan, g()), ValueError, "logits hold NaN"),
    ]
)
def test_what_cannot_be_continued_is_named(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(GPT(nets.gpt(12, 10, 16, 1, 2)))


def test_messages_say_what_came_and_what_was_expected() -> None:
    """Of all cases above one of each kind: the form that every message has."""
    for call in (lambda: fitted(steps=2.5), lambda: dino_loss(rand(3, 4, 5), rand(2, 1, 5), torch.zeros(5))):
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert re.search(r"\b(is|have|has)\b.*; expected ", str(caught.value))
