"""Bad input that belongs to no single part: containers, one picture, broken views, all the way through."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sslwb import nets
from sslwb.augment import images
from sslwb.data import Images, Texts, load
from sslwb.evaluate import diagnose, embed, knn, raw
from sslwb.methods.simclr import SimCLR
from sslwb.train import Diverged, fit, start

SETTINGS: dict[str, Any] = {"steps": 6, "batch_size": 8, "device": "cpu", "precision": "fp32"}


def pictures(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.uint8)


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=24, seed=71, size=12)


# ── containers


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"x": torch.rand(4, 3, 8, 8)}, TypeError, r"x is torch\.float32; expected a torch\.uint8 tensor"),
        ({"x": np.zeros((4, 3, 8, 8), np.uint8)}, TypeError, "x is ndarray; expected a torch"),
        ({"x": pictures(4, 8, 8, 3)}, ValueError, r"channels last use x\.permute\(0, 3, 1, 2\)"),
        ({"x": pictures(4, 8, 8)}, ValueError, r"x has shape \(4, 8, 8\); expected \(N, C, H, W\)"),
        ({"x": pictures(4, 2, 8, 8)}, ValueError, "C 1 or 3"),
        (
            {"y": torch.zeros(3, dtype=torch.long)},
            ValueError,
            r"y has shape \(3,\); expected \(4,\): one value a picture",
        ),
        ({"y": torch.zeros(4, 1, dtype=torch.long)}, ValueError, r"y has shape \(4, 1\)"),
        ({"y": torch.zeros(4)}, TypeError, r"y is torch\.float32; expected torch\.int64"),
        ({"y": torch.tensor([0, 1, 2, 3])}, ValueError, "y runs from 0 to 3; expected 0 to 1"),
        ({"y": torch.tensor([0, -1, 0, 0])}, ValueError, "y runs from -1 to 0"),
        ({"factors": {"size": torch.rand(5)}}, ValueError, r"size has shape \(5,\); expected \(4,\)"),
    ],
)
def test_a_container_tells_what_does_not_fit(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Images(**{"x": pictures(4, 3, 8, 8), "classes": ("a", "b"), **arguments})


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"x": torch.rand(4, 5)}, TypeError, r"x is torch\.float32; expected a torch\.int64 tensor: x\.long\(\)"),
        ({"x": [[1, 2]]}, TypeError, "x is list; expected a torch"),
        ({"x": torch.zeros(4, dtype=torch.long)}, ValueError, r"x has shape \(4,\); expected \(N, L\)"),
        ({"x": torch.full((4, 5), 3)}, ValueError, "x runs from 3 to 3; expected 0 to 2"),
        ({"x": torch.full((4, 5), -1)}, ValueError, "x runs from -1 to -1"),
        ({"vocabulary": ("<pad>", "a", "a")}, ValueError, "vocabulary holds a word twice"),
        ({"starts": torch.zeros(4, 1)}, TypeError, r"starts is torch\.float32"),
        ({"starts": torch.zeros(3, 1, dtype=torch.long)}, ValueError, r"starts has shape \(3, 1\); expected \(4, K\)"),
        ({"answers": torch.zeros(4, dtype=torch.long)}, ValueError, r"answers has shape \(4,\); expected \(4, 2\)"),
        ({"answers": torch.zeros(4, 3, dtype=torch.long)}, ValueError, r"answers has shape \(4, 3\)"),
        ({"y": torch.zeros(3, dtype=torch.long)}, ValueError, r"y has shape \(3,\); expected \(4,\): one value a text"),
    ],
)
def test_a_container_of_texts_tells_what_does_not_fit(
    arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        Texts(**{"x": torch.ones(4, 5, dtype=torch.long), "vocabulary": ("<pad>", "a", "."), **arguments})


def test_texts_have_words_lengths_and_parts() -> None:
    x = torch.tensor([[1, 2, 1, 3, 0], [2, 3, 0, 0, 0]])
    texts = Texts(x, vocabulary=("<pad>", "so", "it", "."), starts=torch.tensor([[0, 2], [0, -1]]))
    assert [texts.text(i) for i in (0, 1, -1)] == ["so it so.", "it.", "it."]
    assert texts.lengths.tolist() == [4, 2]
    assert texts.shape == (5,)
    part = texts[[1]].to("cpu")
    assert isinstance(part, Texts)
    assert part.starts is not None
    assert part.starts.tolist() == [[0, -1]]
    assert part.answers is None
    assert part.vocabulary == texts.vocabulary
    with pytest.raises(IndexError, match="index 2 is out of range: the data set has 2 items"):
        texts.text(2)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (3, [3]),
        (-1, [23]),
        (slice(2, 8, 2), [2, 4, 6]),
        ([5, 5, 1], [5, 5, 1]),
        ([], []),
        (torch.tensor([7, 2]), [7, 2]),
        (torch.arange(24) % 10 == 4, [4, 14]),
        ([i == 9 for i in range(24)], [9]),
    ],
    ids=["one", "the last", "slice", "list", "nothing", "tensor", "mask", "list of truths"],
)
def test_a_part_of_a_container_is_the_same_container(data: Images, index: Any, expected: list[int]) -> None:
    part = data[index]
    assert torch.equal(part.x, data.x[expected] if expected else data.x[:0])
    assert part.labels.tolist() == [int(data.labels[i]) for i in expected]
    assert part.factors.keys() == data.factors.keys()
    assert all(len(v) == len(expected) for v in part.factors.values())
    assert (part.classes, part.levels, part.periodic, part.name) == (
        data.classes,
        data.levels,
        data.periodic,
        data.name,
    )


@pytest.mark.parametrize("index", [24, -25])
def test_an_index_out_of_range_is_reported(data: Images, index: int) -> None:
    with pytest.raises(IndexError, match=f"index {index} is out of range: the data set has 24 items"):
        data[index]


def test_iterating_over_a_container_ends(data: Images) -> None:
    assert sum(len(item) for item in data) == 24


def test_missing_labels_are_reported(data: Images) -> None:
    bare = Images(data.x)
    assert bare.causes == {}
    with pytest.raises(ValueError, match=r"this data set has no labels \(y is None\)"):
        _ = bare.labels


# ── one picture, few pictures


def test_one_picture_can_be_looked_at(data: Images) -> None:
    one = data[0]
    assert embed(nets.conv(4), one).shape == (1, 32)
    assert raw(one).shape == (1, 432)
    assert [v.shape for v in images.simclr(12)(one.x, torch.Generator().manual_seed(1))] == [(1, 3, 12, 12)] * 2
    z = raw(data)
    assert knn(z, data.labels, raw(one), one.labels, k=1) == 1


def test_one_picture_cannot_be_trained_on(data: Images) -> None:
    with pytest.raises(ValueError, match=r"batch_size is 8 but data holds 1 item"):
        fit(SimCLR(nets.conv(4)), data[0], images.simclr(12), progress=False, **SETTINGS)
    with pytest.raises(ValueError, match="batch_size is 1; expected 2 or more"):
        start(SimCLR(nets.conv(4)), data, images.simclr(12), **{**SETTINGS, "batch_size": 1})


# ── broken views, through the loop


def always(views: Callable[[Tensor], list[Tensor]]) -> Callable[[Images, torch.Generator], list[Tensor]]:
    return lambda batch, generator: views(batch.x.float() / 255)


@pytest.mark.parametrize(
    ("views", "said"),
    [
        (lambda x: [x], r"views holds 1 view\(s\)"),
        (lambda x: [], r"views holds 0 view\(s\)"),
        (lambda x: [x, x[:-1]], r"batch sizes \[8, 7\]"),
        (lambda x: [x[:1], x[:1]], r"the batch has 1 picture"),
        (lambda x: [x[:, :1], x[:, :1]], r"this encoder expects \(B, 3, H, W\)"),
        (lambda x: [x[:, 0], x[:, 0]], r"this encoder expects \(B, 3, H, W\)"),
    ],
)
@pytest.mark.parametrize("how", [fit, start])
def test_views_without_sense_are_reported_by_the_loop(data: Images, how: Any, views: Any, said: str) -> None:
    settings = {**SETTINGS, "progress": False}
    with pytest.raises(ValueError, match=said):
        how(SimCLR(nets.conv(4)), data, always(views), **settings).wait(300)  # fit raises before there is a run


def test_views_that_are_no_numbers_stop_and_are_diagnosed(data: Images) -> None:
    method = SimCLR(nets.conv(4, seed=71), seed=71)
    before = {k: v.clone() for k, v in method.state_dict().items()}
    steps = 0

    def views(x: Tensor, generator: torch.Generator) -> list[Tensor]:
        nonlocal steps
        steps += 1
        return [v / (0 if steps == 4 + 3 else 1) for v in images.simclr(12)(x, generator)]

    run = start(method, data, views, **SETTINGS)
    with pytest.raises(Diverged, match=r"the loss became nan at step 2 of 6.*look for NaN in the data"):
        run.wait(300)
    assert run.state == "failed"
    assert len(run.history) == 3
    assert math.isnan(run.history["loss"][-1])
    assert all(torch.equal(v, before[k]) for k, v in method.state_dict().items())
    assert embed(method.encoder, data).isfinite().all()
    assert diagnose(run.history, method.encoder, data).verdict == "diverged"
