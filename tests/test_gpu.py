"""No step waits for a GPU: views, forward pass and `after_step` of every method on a pretended cuda device.

torch's fake tensors have a device, a shape and no values. They can be made on a machine without a GPU, operations on
mixed devices raise, and so does everything that would have to read a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from test_methods import METHODS, Row, given
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.overrides import TorchFunctionMode

from sslwb.augment import images, labelled, with_noise
from sslwb.core import checking
from sslwb.data import Images, load
from sslwb.methods.base import Method

rows = pytest.mark.parametrize("row", METHODS.values(), ids=METHODS.keys())


class PretendedGenerator(torch.Generator):
    device = torch.device("cuda")


class Drawing(TorchFunctionMode):
    """Draws without a generator: a real one of another device is refused."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        kwargs.pop("generator", None)
        return func(*args, **kwargs)


@contextmanager
def pretended_gpu() -> Iterator[None]:
    with FakeTensorMode(allow_non_fake_inputs=True), Drawing(), torch.no_grad():
        yield


def on_gpu(t: Tensor) -> Tensor:
    return torch.empty(t.shape, dtype=t.dtype, device="cuda")


def moved(method: nn.Module) -> nn.Module:
    """The method with empty fake weights and buffers on the pretended device."""
    for module in method.modules():
        for kept in (module._parameters, module._buffers):
            for name, value in kept.items():
                if value is not None:
                    fake = on_gpu(value)
                    kept[name] = nn.Parameter(fake, value.requires_grad) if kept is module._parameters else fake
    return method


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=64, seed=31, size=16)


@rows
def test_a_step_reads_nothing(row: Row, data: Images) -> None:
    items, method = given(row, data)[:48], row.make()
    with pretended_gpu():
        batch = items._map(on_gpu)
        views = row.views(batch, PretendedGenerator())
        assert all(view.device.type == "cuda" for view in views)
        made = moved(method)
        made.train()
        terms = made(views)
        assert terms["loss"].device.type == "cuda"
        made.after_step(0.5)


@pytest.mark.parametrize(
    "recipe",
    [
        images.moco(16),
        images.byol(16),
        images.multicrop(16, 8, 2),
        with_noise(images.weak(16), 4),
        images.simclr(16, noise=0.1, cutout=0.2, rotate=20, solarise=0.3),
        labelled(images.simclr(16, views=3)),
    ],
)
def test_recipes_of_pictures_read_nothing(recipe: Callable[..., Any], data: Images) -> None:
    with pretended_gpu():
        views = recipe(data._map(on_gpu), PretendedGenerator())
        assert all(view.device.type == "cuda" for view in views)


def test_what_reads_a_value_fails_here(data: Images) -> None:
    class Reading(Method):
        def forward(self, views: Any) -> dict[str, Tensor]:
            z = self.encoder(views[0])
            return {"loss": z.mean() if float(z.sum()) > 0 else z.sum()}

    from sslwb import nets

    method = Reading(nets.conv(8))
    with pretended_gpu(), pytest.raises(DataDependentOutputException):
        moved(method)(images.simclr(16)(data._map(on_gpu), PretendedGenerator()))


def test_mixed_devices_fail_here(data: Images) -> None:
    with pretended_gpu(), pytest.raises(RuntimeError, match="device"):
        on_gpu(data.x).float() + torch.ones(16)


def test_the_first_step_may_read(data: Images) -> None:
    """So that a wrong label is an error in words, on a GPU too."""
    row, method = METHODS["Supervised"], METHODS["Supervised"].make()
    with pretended_gpu(), checking(), pytest.raises(DataDependentOutputException):
        moved(method)(row.views(data._map(on_gpu), PretendedGenerator()))
