"""Whatever the process has set: trainings, embeddings, measures and views are what they are in a new process."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sslwb import evaluate as ev
from sslwb import geometry, nets
from sslwb.augment import binarised, dequantised, images, labelled, masks, tokens, with_noise
from sslwb.core import usual
from sslwb.data import load
from sslwb.methods.defaults import DEFAULTS, suited
from sslwb.methods.gpt import GPT
from sslwb.methods.mae import MAE
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit, start

SETTINGS: dict[str, Any] = {"steps": 2, "batch_size": 8, "device": "cpu", "precision": "fp32"}


@contextmanager
def set_to(change: Callable[[Any], None], value: Any, before: Any) -> Iterator[None]:
    change(value)
    try:
        yield
    finally:
        change(before)


SET: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "float64": lambda: set_to(torch.set_default_dtype, torch.float64, torch.float32),
    "float16": lambda: set_to(torch.set_default_dtype, torch.float16, torch.float32),
    "no gradients": torch.no_grad,
    "inference mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "meta": lambda: torch.device("meta"),
    "deterministic": lambda: set_to(torch.use_deterministic_algorithms, True, False),
    "set_grad_enabled": lambda: set_to(torch.set_grad_enabled, False, True),
}


def kept(*tensors: Tensor | None) -> list[Tensor]:
    return [t.detach().clone() for t in tensors if t is not None]


def training(name: str, how: Callable[..., Any] = fit) -> list[Tensor]:
    """Data, first weights, views, losses and last weights of a method with the encoder and the views that suit it."""
    data = load("tales" if DEFAULTS[name].kind == "texts" else "shapes", n=24, seed=4)
    method, make_views = suited(name, data, 3)
    first = kept(*method.state_dict().values())
    views = kept(*make_views(data[:4], torch.Generator().manual_seed(5)))
    history = how(method, data, make_views, **SETTINGS, **({"progress": False} if how is fit else {}))
    if how is start:
        history = history.wait(600)
    losses = torch.tensor(history["loss"], device="cpu", dtype=torch.float64)
    return [*kept(data.x), *first, *views, losses, *kept(*method.state_dict().values())]


def measures() -> list[Any]:
    """Everything that is measured, and everything that makes views or goes on with a text."""
    train, test = (load("shapes", split, n=64, seed=4, size=16) for split in ("train", "test"))
    encoder = nets.conv(4, seed=1)
    z, zt = ev.embed(encoder, train), ev.embed(encoder, test)
    where = z, train.labels, zt, test.labels
    make = torch.Generator().manual_seed
    some = [
        images.simclr(16, rotate=90, blur=1.0, solarise=0.5, noise=0.1, cutout=0.1),
        images.byol(8),
        masks.jepa(16),
        masks.inpainting(16),
        labelled(images.weak(16)),
        with_noise(dequantised(images.weak(16)), 3),
        binarised(images.weak(16)),
    ]
    tales = load("tales", n=8, seed=2)
    views = [v for recipe in some for v in kept(*recipe(train[:6], make(1)))]
    vit = nets.vit(4, 16, 1, 2, seed=1)
    hidden, x = torch.arange(16, device="cpu").expand(6, 16) % 3 == 0, images.as_float(train.x[:6])
    painted = MAE(vit, dim=8).reconstruct(x, hidden)
    said = GPT(nets.gpt(40, 20, 16, 1, 2)).generate([[5, 6]], 6)
    return [
        *(z, zt, *views, *kept(*tokens.mask(200, static=True)(tales, make(1))), said, painted),
        *(ev.knn(*where), ev.linear(*where), ev.probe_causes(z, train, zt, test)),
        *(ev.mig(z, train).information, ev.dci(z, train).importances),
        ev.label_curve(z, train, zt, test, counts=(1,)),
        *(geometry.effective_rank(z), geometry.uniformity(z), geometry.feature_std(z), geometry.alignment(z, zt)),
        ev.evaluate(encoder, train, test, images.simclr(16), control_steps=2).rows,
        ev.fine_tune(encoder, train, test, steps=2),
    ]


expected_training, expected_measures = cache(training), cache(measures)


def same(came: list[Any], expected: list[Any]) -> None:
    assert len(came) == len(expected)
    for i, (a, b) in enumerate(zip(came, expected, strict=True)):
        if isinstance(a, Tensor):
            assert a.dtype == b.dtype, i
            assert torch.equal(a, b), i
        else:
            assert a == b, i


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_method_trains_the_same_in_doubles(name: str) -> None:
    expected = expected_training(name)
    with SET["float64"]():
        same(training(name), expected)


@pytest.mark.parametrize("how", [fit, start])
@pytest.mark.parametrize("name", ["simclr", "mae", "bert"])
@pytest.mark.parametrize("setting", SET)
def test_a_training_is_the_same_whatever_is_set(setting: str, name: str, how: Callable[..., Any]) -> None:
    expected = expected_training(name)
    with SET[setting]():
        same(training(name, how), expected)


@pytest.mark.long
@pytest.mark.parametrize("setting", SET)
def test_measures_and_views_are_the_same_whatever_is_set(setting: str) -> None:
    expected = expected_measures()
    with SET[setting]():
        same(measures(), expected)


def test_what_was_set_is_set_again() -> None:
    with SET["float64"](), torch.inference_mode(), torch.autocast("cpu", torch.bfloat16), torch.device("meta"):
        with usual(gradients=True):
            assert torch.get_default_dtype() == torch.float32
            assert torch.is_grad_enabled()
            assert not torch.is_inference_mode_enabled()
            assert not torch.is_autocast_enabled("cpu")
            assert torch.empty(1).device.type == "cpu"
        assert torch.get_default_dtype() == torch.float64
        assert torch.is_inference_mode_enabled()
        assert torch.is_autocast_enabled("cpu")
        assert torch.empty(1).device.type == "meta"
    assert torch.is_grad_enabled()


def test_a_training_leaves_the_default_type_to_others() -> None:
    """It is one for all threads: a learner may set it while a run goes on, and after it."""
    data = load("shapes", n=24, seed=4, size=16)
    seen = []

    def views(batch: Any, generator: torch.Generator) -> list[Tensor]:
        seen.append(torch.get_default_dtype())
        return images.simclr(16)(batch, generator)

    expected = fit(SimCLR(nets.conv(4)), data, views, **SETTINGS, progress=False)
    with SET["float64"]():
        run = start(SimCLR(nets.conv(4)), data, views, **SETTINGS)
        assert run.wait(600)["loss"] == expected["loss"]
        assert torch.get_default_dtype() == torch.float64
    assert seen[0] == torch.float32
    assert seen[-1] == torch.float64


def test_weights_that_were_made_in_inference_mode_are_refused() -> None:
    class Own(nn.Module):
        dim = 4

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            z: Tensor = self.layer(x.mean((2, 3)))
            return z

    with torch.inference_mode():
        own = Own()
    data = load("shapes", n=24, seed=4, size=16)
    with pytest.raises(ValueError, match=r"weights that were made inside torch.inference_mode\(\); expected"):
        fit(SimCLR(own), data, images.simclr(16), **SETTINGS, progress=False)
    with SET["float64"]():
        method = SimCLR(Own())  # doubles: trained in float32 like all others
    assert len(fit(method, data, images.simclr(16), **SETTINGS, progress=False)["loss"]) == 2
    assert ev.embed(method.encoder, data).dtype == torch.float32
