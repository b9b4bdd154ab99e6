"""No step waits for a GPU: views, forward pass and `after_step` of every method on a pretended cuda device.

torch's fake tensors have a device, a shape and no values. They can be made on a machine without a GPU, operations on
mixed devices raise, and so does everything that would have to read a value: here also a copy to the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from test_methods import METHODS, Row, given, pairs_of_tales
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sslwb.augment import binarised, dequantised, images, labelled, with_noise
from sslwb.core import checking
from sslwb.data import Images, Items, Pairs, load
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


class CopiedToHostError(RuntimeError):
    """A GPU would have to be waited for."""


class Staying(TorchDispatchMode):
    """Refuses copies to the host, which fake tensors allow: `.cpu()`, `.to("cpu")`, `on_host.copy_(on_gpu)`."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        came, made = (
            {t.device.type for t in tree_leaves(tree) if isinstance(t, Tensor)} for tree in ((args, kwargs), result)
        )
        if "cuda" in came and "cpu" in made:
            raise CopiedToHostError(f"{func} copies to the host")
        return result


@contextmanager
def pretended_gpu() -> Iterator[None]:
    with FakeTensorMode(allow_non_fake_inputs=True), Drawing(), Staying(), torch.no_grad():
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
        dequantised(binarised(images.weak(16))),
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


@pytest.mark.parametrize(
    "copied",
    [
        lambda t: t.cpu(),
        lambda t: t.to("cpu"),
        lambda t: t.to("cpu", torch.float64, non_blocking=True),
        lambda t: torch.empty(t.shape).copy_(t),
        lambda t: torch.zeros(9).index_put_((torch.arange(2),), t.to("cpu")),
    ],
)
def test_what_copies_to_the_host_fails_here(copied: Callable[[Tensor], Tensor]) -> None:
    with pretended_gpu(), pytest.raises(CopiedToHostError):
        copied(torch.empty(2, device="cuda"))


def every_column(items: Items, f: Callable[[Tensor], Tensor]) -> Items:
    return items._map(lambda column: every_column(column, f) if isinstance(column, Items) else f(column))


def test_a_batch_is_taken_where_the_data_lie(data: Images) -> None:
    """Its index may lie there too, or come from the host; all columns stay where they are."""
    containers = (data, pairs_of_tales(), Pairs(data, data))
    with pretended_gpu():
        for items in containers:
            there = every_column(items, on_gpu)
            for index in (torch.arange(48), torch.empty(48, dtype=torch.int64, device="cuda"), slice(48)):
                columns: list[Tensor] = []
                every_column(there[index], lambda t: columns.append(t) or t)  # noqa: B023 - it is called at once
                assert {(len(t), t.device.type) for t in columns} == {(48, "cuda")}


def test_mixed_devices_fail_here(data: Images) -> None:
    with pretended_gpu(), pytest.raises(RuntimeError, match="device"):
        on_gpu(data.x).float() + torch.ones(16)


def test_the_first_step_may_read(data: Images) -> None:
    """So that a wrong label is an error in words, on a GPU too."""
    row, method = METHODS["Supervised"], METHODS["Supervised"].make()
    with pretended_gpu(), checking(), pytest.raises(DataDependentOutputException):
        moved(method)(row.views(data._map(on_gpu), PretendedGenerator()))
