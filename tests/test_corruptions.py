"""Noise, blur and occlusion of finished pictures: as strong as they say, the same for the same seed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from sslwb.augment.corruptions import blur, noise, occlude
from sslwb.data import load

KINDS: dict[str, tuple[Callable[..., Tensor], str, float]] = {
    "noise": (noise, "std", 0.1),
    "blur": (blur, "sigma", 1.5),
    "occlusion": (occlude, "share", 0.25),
}


@pytest.fixture(scope="module")
def x() -> Tensor:
    return load("scenes", n=8).x


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_and_floats_are_changed_alike(kind: str, x: Tensor) -> None:
    change, name, value = KINDS[kind]
    before = x.clone()
    y = change(x, **{name: value})
    assert y.dtype == torch.uint8
    assert y.shape == x.shape
    assert torch.equal(x, before)
    assert torch.allclose(y.float() / 255, change(x.float() / 255, **{name: value}), atol=0.5 / 255 + 1e-6)
    assert torch.equal(change(x, **{name: 0}), x)
    assert change(x[:0], **{name: value}).shape == (0, 3, 64, 64)


def test_noise_has_the_deviation_it_says_and_differs_in_every_value() -> None:
    grey = torch.full((4, 3, 32, 32), 0.5)
    y = noise(grey, 0.1, seed=3)
    assert abs(float(y.std()) - 0.1) < 0.003
    assert not torch.equal(y[0], y[1])
    assert torch.equal(y, noise(grey, 0.1, seed=3))
    assert not torch.equal(y, noise(grey, 0.1, seed=4))


def test_blur_spreads_a_point_as_a_normal_density() -> None:
    point = torch.zeros(1, 1, 33, 33)
    point[0, 0, 16, 16] = 1
    y = blur(point, 2.0)[0, 0]
    at = torch.arange(33) - 16
    assert float(y.sum()) == pytest.approx(1, abs=1e-4)
    assert float((y.sum(0) * at**2).sum()) ** 0.5 == pytest.approx(2.0, rel=0.02)


def test_a_grey_square_hides_its_share_and_moves_from_picture_to_picture(x: Tensor) -> None:
    black = torch.zeros(200, 3, 20, 20)
    y = occlude(black, 0.25, seed=1)
    hidden = y[:, 0] == 0.5
    assert (hidden.sum((1, 2)) == 100).all()
    rows, columns = hidden.any(2), hidden.any(1)
    assert (rows.sum(1) == 10).all()
    assert (columns.sum(1) == 10).all()
    starts = rows.float().argmax(1)
    assert starts.min() == 0  # every place is possible, the rims too
    assert starts.max() == 10
    assert (occlude(black, 1.0) == 0.5).all()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: noise(x, -0.1), ValueError, "std is -0.1; expected 0 or more"),
        (lambda x: noise(x, float("nan")), ValueError, "std is nan"),
        (lambda x: blur(x, float("inf")), ValueError, "sigma is inf"),
        (lambda x: occlude(x, 1.5), ValueError, "share is 1.5; expected 0 to 1"),
        (lambda x: occlude(x, "half"), TypeError, "share is 'half', a str; expected a number"),
        (lambda x: noise(x[0]), ValueError, "x has shape"),
        (lambda x: blur(x.float()), ValueError, "x runs from"),
        (lambda x: noise(x.long()), TypeError, "x is torch.int64"),
    ],
)
def test_what_cannot_be_changed_is_reported(
    call: Callable[[Tensor], Any], error: type[Exception], says: str, x: Tensor
) -> None:
    with pytest.raises(error, match=says):
        call(x)
