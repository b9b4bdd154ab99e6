"""More data than memory: a stream gives the very batches of a training in memory; embeddings go to a file."""

from __future__ import annotations

import errno
import math
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import images, labelled
from sslwb.core import MakeViews, Views
from sslwb.data import DataError, Images, Items, Pairs, image_folder, load
from sslwb.evaluate import diagnose, embed, embedding, evaluate, knn
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supervised import Supervised
from sslwb.train import fit, start
from sslwb.train.loop import batch_index
from sslwb.train.store import run_path

EXACT: dict[str, Any] = {"batch_size": 16, "seed": 4, "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    data = load("shapes", n=72, seed=4, size=24)
    for i, (picture, label) in enumerate(zip(data.x, data.labels.tolist(), strict=True)):
        (root / str(label % 2)).mkdir(exist_ok=True)
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(root / str(label % 2) / f"{i}.png")
    (root / "0" / "torn.png").write_bytes(b"no picture")
    return root


@pytest.fixture(scope="module")
def in_memory(folder: Path) -> Images:
    with pytest.warns(UserWarning, match="1 of 73 files skipped"):
        return image_folder(folder, 16)


@pytest.fixture(scope="module", params=[0, 2], ids=["in this process", "two workers"])
def stream(folder: Path, request: pytest.FixtureRequest) -> Images:
    with pytest.warns(UserWarning, match="1 of 73 files skipped"):
        return image_folder(folder, 16, stream=True, workers=request.param)


class SideA:
    """The views of the first of each pair."""

    def __init__(self, of: MakeViews) -> None:
        self.of = of

    def __call__(self, batch: Pairs, generator: torch.Generator) -> Views:
        return self.of(batch.a, generator)


def simclr() -> SimCLR:
    return SimCLR(nets.conv(4, seed=4), projector=(16, 8), seed=4)


def test_a_stream_trains_to_the_same_weights_bit_for_bit(in_memory: Images, stream: Images, tmp_path: Path) -> None:
    one, other, third = simclr(), simclr(), simclr()
    state = torch.get_rng_state()
    expected = fit(one, in_memory, images.simclr(12), steps=9, progress=False, **EXACT)
    begun = fit(
        other,
        stream,
        images.simclr(12),
        steps=9,
        progress=False,
        checkpoint=tmp_path / "run.pt",
        on_step=lambda h: len(h) == 4,
        **EXACT,
    )
    assert begun.terms["loss"] == expected["loss"][:4]
    fit(third, stream, images.simclr(12), steps=9, progress=False, **EXACT)
    for name, value in one.state_dict().items():
        assert torch.equal(value, third.state_dict()[name]), name
    assert torch.equal(torch.get_rng_state(), state)


def test_a_stream_keeps_its_labels_and_reads_rows(in_memory: Images, stream: Images) -> None:
    assert len(stream) == 72
    assert stream.classes == in_memory.classes
    for index in (3, slice(2, 5), torch.tensor([7, 1])):
        one, other = in_memory[index], stream[index]
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.labels, other.labels)
    control = Supervised(nets.conv(4), 2)
    assert len(fit(control, stream, labelled(stream.plain_view()), steps=3, progress=False, **EXACT)) == 3


def test_a_stream_is_embedded_measured_and_examined(in_memory: Images, folder: Path) -> None:
    with pytest.warns(UserWarning, match="skipped"):
        stream = image_folder(folder, 16, stream=True)
    method = simclr()
    history = fit(method, stream, images.simclr(16), steps=9, progress=False, **EXACT)
    assert torch.equal(embed(method.encoder, stream, "fp32"), embed(method.encoder, in_memory, "fp32"))
    one, other = (evaluate(method.encoder, d, d, images.simclr(16), control_steps=4) for d in (stream, in_memory))
    assert one.rows == other.rows
    views = images.simclr(16)
    assert str(diagnose(history, method.encoder, stream, method=method, make_views=views)) == str(
        diagnose(history, method.encoder, in_memory, method=method, make_views=views)
    )
    assert start(simclr(), stream, images.simclr(12), steps=3, **EXACT).wait().terms["loss"]
    assert threading.active_count() < 20


def test_a_stream_is_one_side_of_pairs(in_memory: Images, stream: Images) -> None:
    one, other = (Pairs(data, in_memory) for data in (in_memory, stream))
    rows = other[torch.tensor([5, 2])]
    assert torch.equal(rows.a.x, in_memory.x[[5, 2]])
    assert torch.equal(rows.b.x, in_memory.x[[5, 2]])
    recipe = SideA(images.simclr(12))
    first, second = simclr(), simclr()
    for method, pairs in ((first, one), (second, other)):
        fit(method, pairs, recipe, steps=3, progress=False, **EXACT)
    assert all(torch.equal(v, second.state_dict()[k]) for k, v in first.state_dict().items())


def test_a_batch_of_a_stream_is_not_checked_again(stream: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (type(stream), Images, Items):
        monkeypatch.setattr(kind, "__post_init__", lambda self: pytest.fail("checked again"))
    some = stream[[3, 1]]
    assert type(some) is Images
    assert some.shape == (3, 16, 16)


def test_a_stream_is_known_by_its_files_and_not_by_its_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "pictures"
    root.mkdir()
    for i in range(4):
        Image.fromarray(np.full((8, 8, 3), 40 * i, np.uint8)).save(root / f"{i}.png")
        os.utime(root / f"{i}.png", ns=(0, 10**9))

    def where(workers: int = 0) -> Path | None:
        return run_path(simclr(), image_folder(root, 8, stream=True, workers=workers), images.simclr(8), **EXACT)

    here = where()
    assert here is not None
    assert where(workers=2) == here
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(root / "2.png")  # the same name, the same size, another time
    assert where() != here
    os.utime(root / "2.png", ns=(0, 10**9))
    (root / "3.png").rename(root / "4.png")
    assert where() != here


def test_a_file_that_goes_away_is_named(tmp_path: Path) -> None:
    for i in range(4):
        Image.fromarray(np.full((8, 8, 3), 40 * i, np.uint8)).save(tmp_path / f"{i}.png")
    stream = image_folder(tmp_path, 8, stream=True)
    (tmp_path / "2.png").unlink()
    with pytest.raises(DataError, match=r"2\.png cannot be read any more"):
        _ = stream[[1, 2]]


@pytest.mark.parametrize("step", [0, 3, 4, 11])
def test_a_batch_is_a_function_of_seed_and_step(step: int) -> None:
    index = batch_index(4, step, 72, 16)
    assert torch.equal(index, batch_index(4, step, 72, 16))
    assert len(set(index.tolist())) == 16
    whole = torch.cat([batch_index(4, s, 72, 16) for s in range(step // 4 * 4, step // 4 * 4 + 4)])
    assert len(set(whole.tolist())) == 64


def test_embeddings_in_a_file_are_those_in_memory(in_memory: Images, tmp_path: Path) -> None:
    encoder = nets.conv(4, seed=4)
    z = embed(encoder, in_memory, "fp32")
    mapped = embed(encoder, in_memory, "fp32", out=tmp_path / "new" / "z.npy")
    assert torch.equal(mapped, z)
    assert np.array_equal(np.load(tmp_path / "new" / "z.npy"), z.numpy())
    y = in_memory.labels
    assert knn(mapped, y, mapped, y) == knn(z, y, z, y)


class Breaking(nn.Module):
    """An encoder that goes wrong at the second batch."""

    dim = 3

    def __init__(self, wrong: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.wrong, self.calls = wrong, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        z = x.flatten(1)[:, :3]
        return z if self.calls == 1 else self.wrong(z)


def interrupt(z: Tensor) -> Tensor:
    raise KeyboardInterrupt


@pytest.mark.parametrize("old", [True, False], ids=["an old file", "no file"])
@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda z: z * math.nan, ValueError, "encoder gave NaN or infinite"),
        (lambda z: z[:, :2], ValueError, r"embeddings of shape \(12, 2\) for 12 items; expected \(N, 3\)"),
        (interrupt, KeyboardInterrupt, "^$"),
    ],
    ids=["NaN", "another width", "interrupt"],
)
def test_embeddings_are_written_whole_or_not_at_all(
    in_memory: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool, wrong: Any, error: Any, said: str
) -> None:
    monkeypatch.setattr(embedding, "BATCH", 60)
    out = tmp_path / "z.npy"
    if old:
        np.save(out, np.ones(4))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(error, match=said):
        embed(Breaking(wrong), in_memory, "fp32", out=out)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    z = embed(Breaking(lambda z: z), in_memory, "fp32", out=out)
    assert np.array_equal(np.load(out), z.numpy())
    assert [path.name for path in tmp_path.iterdir()] == ["z.npy"]


def test_embeddings_on_a_full_disk_leave_the_older_file(
    in_memory: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "z.npy"
    np.save(out, np.ones(4))
    before = out.read_bytes()
    with monkeypatch.context() as disk:
        disk.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left on device"):
            embed(Breaking(lambda z: z), in_memory, "fp32", out=out)
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["z.npy"]


def test_a_stream_is_measured_beside_data_in_memory(
    in_memory: Images, stream: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path))
    encoder = nets.conv(4, seed=4)
    rows = evaluate(encoder, stream, in_memory, control_steps=2).rows
    assert rows == evaluate(encoder, in_memory, stream, control_steps=2).rows


def slow_knn(bank: Tensor, y: Tensor, z: Tensor, truth: Tensor, k: int, t: float) -> float:
    mean = bank.mean(0)
    bank, z = (nn.functional.normalize(v - mean, dim=1) for v in (bank, z))
    right = 0
    for row, label in zip(z, truth.tolist(), strict=True):
        similar = bank @ row
        best = similar.argsort(descending=True)[:k]
        votes = torch.zeros(int(y.max()) + 1)
        for i in best:
            votes[y[i]] += ((similar[i] - 1) / t).exp()
        right += int(votes.argmax()) == label
    return right / len(z)


def test_neighbours_are_found_in_a_bank_of_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    from sslwb.evaluate import probes

    monkeypatch.setattr(probes, "PIECE", 70)
    g = torch.Generator().manual_seed(4)
    y, truth = torch.randint(5, (500,), generator=g), torch.randint(5, (90,), generator=g)
    centres = torch.randn(5, 8, generator=g)
    bank = centres[y] + torch.randn(500, 8, generator=g) + 9
    z = centres[truth] + torch.randn(90, 8, generator=g) + 9
    for k in (1, 20, 200):
        assert knn(bank, y, z, truth, k=k) == pytest.approx(slow_knn(bank, y, z, truth, k, 0.1))
