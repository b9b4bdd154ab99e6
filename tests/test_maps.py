"""Maps of embeddings: exact neighbours, the same map twice, nothing lost when two threads ask at once."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.augment import images as recipes
from sslwb.data import load
from sslwb.methods.simclr import SimCLR
from sslwb.nets import conv
from sslwb.show import maps
from sslwb.show.maps import exact_neighbours, principal_plane, umap_map, warm_up
from sslwb.show.neighbours import nearest, unit_rows
from sslwb.train import fit


def blobs(count: int = 240, groups: int = 4) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    y = torch.arange(count) % groups
    return 4 * torch.randn(groups, 16, generator=g)[y] + torch.randn(count, 16, generator=g), y


def test_neighbours_are_exact() -> None:
    z = F.normalize(torch.cat([blobs()[0], blobs()[0][:5]]), dim=1)  # five duplicates
    index, distance = exact_neighbours(z, 6)
    far = torch.cdist(z.double(), z.double())
    assert index[:, 0].tolist() == list(range(len(z)))
    assert torch.allclose(distance[:, 1:].double(), far.sort(dim=1).values[:, 1:6], atol=1e-3)
    assert torch.allclose(far.gather(1, index)[:, 1:], distance[:, 1:].double(), atol=1e-3)


def test_a_map_does_not_see_what_all_embeddings_have_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[np.ndarray] = []
    monkeypatch.setattr(maps, "_layout", lambda z, index, *_: given.append(index) or z[:, :2])
    z = blobs()[0]
    umap_map(z)
    umap_map(z + 100)
    assert np.array_equal(given[0], given[1])
    assert given[0][:, 1:].tolist() == nearest(unit_rows("z", z, 240), range(240), 15)


def test_the_plane_is_that_of_the_principal_axes() -> None:
    z = blobs()[0]
    plane = principal_plane(z)
    assert np.abs(plane).max() == pytest.approx(10, abs=1e-2)
    u, s, _ = torch.linalg.svd((z - z.mean(0)).double(), full_matrices=False)
    for axis in range(2):
        assert abs(np.corrcoef(plane[:, axis], (u * s)[:, axis])[0, 1]) == pytest.approx(1, abs=1e-4)
    assert np.array_equal(plane, principal_plane(z))


@pytest.mark.long
def test_a_training_gives_the_same_weights_while_umap_compiles() -> None:
    maps._WARMING.clear()
    data = load("shapes", n=128)

    def weights() -> list[Tensor]:
        method = SimCLR(conv(width=16))
        fit(method, data, recipes.simclr(16), steps=12, batch_size=32, device="cpu", precision="fp32", progress=False)
        return list(method.state_dict().values())

    thread = warm_up()
    assert warm_up() is thread
    during = weights()
    thread.join()
    assert all(torch.equal(a, b) for a, b in zip(during, weights(), strict=True))


def test_the_same_map_twice_and_from_two_threads_at_once() -> None:
    z, y = blobs()
    first = umap_map(z)
    assert first.shape == (240, 2)
    assert first.dtype == np.float32
    made: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: made.append(umap_map(z))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert all(np.array_equal(m, first) for m in made)
    assert np.array_equal(umap_map(z.double()), first)
    nearest = torch.cdist(*2 * [torch.from_numpy(first)]).fill_diagonal_(torch.inf).argmin(1)
    assert (y[nearest] == y).float().mean() > 0.95


@pytest.mark.parametrize(
    "z", [torch.ones(30, 8), torch.randn(4, 3), torch.randn(20, 1)], ids=["constant", "four", "1-D"]
)
def test_odd_embeddings_have_a_map_too(z: Tensor) -> None:
    assert np.isfinite(umap_map(z)).all()


def test_what_has_no_map_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 2\).*N ≥ 4"):
        umap_map(torch.randn(3, 2))
    with pytest.raises(ValueError, match="NaN"):
        umap_map(torch.full((9, 2), torch.nan))


@pytest.mark.parametrize(
    ("dials", "error", "said"),
    [
        ({"seed": -1}, ValueError, "seed is -1; expected 0 or more"),
        ({"seed": 2**32}, ValueError, "seed is 4294967296.*at most 4,294,967,295"),
        ({"seed": 1.5}, TypeError, r"seed is 1\.5"),
        ({"seed": "0"}, TypeError, "seed is '0'"),
        ({"k": 0}, ValueError, "k is 0; expected 1 or more"),
        ({"k": 2.0}, TypeError, r"k is 2\.0"),
        ({"min_dist": -0.1}, ValueError, r"min_dist -0\.1; expected.*from 0 to 1"),
        ({"min_dist": 3}, ValueError, "min_dist 3; expected.*from 0 to 1"),
        ({"min_dist": math.nan}, ValueError, "min_dist nan; expected.*from 0 to 1"),
    ],
    ids=str,
)
def test_a_wrong_dial_is_refused_at_the_door(
    monkeypatch: pytest.MonkeyPatch, dials: dict[str, Any], error: type[Exception], said: str
) -> None:
    monkeypatch.setattr(maps, "_layout", lambda *_: pytest.fail("it went on"))
    with pytest.raises(error, match=said):
        umap_map(blobs()[0], **dials)


def test_whole_numbers_of_numpy_are_seeds() -> None:
    z = blobs()[0]
    assert np.array_equal(umap_map(z, np.int64(15), seed=np.int64(0)), umap_map(z))


SCRIPT = """
print("the script runs")
import torch, umap
from sslwb.show import umap_map

def broken(*_, **__):
    raise {error}

umap.UMAP.fit_transform = broken
print(umap_map(torch.randn(9, 3)).shape)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("error", "printed"),
    [("NotImplementedError('No definition for lowering')", "(9, 2)"), ("ValueError('mine')", None)],
)
def test_a_script_that_asks_for_a_map_runs_once(tmp_path: Path, error: str, printed: str | None) -> None:
    (tmp_path / "script.py").write_text(SCRIPT.format(error=error))
    run = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True)
    assert run.stdout.split("\n") == ["the script runs", *([printed] if printed else []), ""]
    assert (run.returncode == 0) == bool(printed)
    assert printed or "ValueError: mine" in run.stderr


def test_where_numba_finds_no_folder_it_is_given_one(tmp_path: Path) -> None:
    refuses = (
        "import numba\nif not numba.config.CACHE_DIR:\n    raise RuntimeError('cannot cache function: no locator')"
    )
    (tmp_path / "umap.py").write_text(refuses)  # as umap-learn does in a shared installation without a home
    code = "from sslwb.show.maps import _umap; print(_umap().__file__)"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stdout == f"{tmp_path / 'umap.py'}\n", run.stderr


@pytest.mark.long
def test_where_numba_fails_a_fresh_process_draws_the_same_map(monkeypatch: pytest.MonkeyPatch) -> None:
    import umap

    z, expected = blobs()[0], umap_map(blobs()[0])

    def broken(*_: object, **__: object) -> None:
        raise NotImplementedError("No definition for lowering <function gt>")

    monkeypatch.setattr(umap.UMAP, "fit_transform", broken)
    assert np.array_equal(umap_map(z), expected)
    maps._warm()  # and nobody hears of a warm-up that failed


def test_of_many_points_a_sample_is_laid_out_and_the_rest_placed_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "LARGEST", 120)
    z, y = blobs(400)
    sizes: list[int] = []
    layout = maps._layout
    monkeypatch.setattr(maps, "_layout", lambda z, *given: sizes.append(len(z)) or layout(z, *given))
    xy = torch.from_numpy(umap_map(z))
    assert sizes == [120]
    assert xy.shape == (400, 2)
    assert np.array_equal(xy.numpy(), umap_map(z))
    near = torch.cdist(xy, xy).fill_diagonal_(torch.inf).argmin(1)
    assert float((y[near] == y).float().mean()) > 0.95
