"""Maps: embeddings laid out on a plane. To load UMAP takes seconds, to compile it ten: begin early (`warm_up`)."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import tempfile
import threading
import warnings
from typing import Any, cast
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import number, whole
from sslwb.show.neighbours import unit_rows

LARGEST = 20_000  # rows that UMAP itself lays out; more take memory and minutes, and no screen has room for them
MOST_SEED = 2**32 - 1  # numpy's, which UMAP draws from
# What a fresh Python runs: it imports this file, and nothing of the script that asked for a map.
FRESH = """import pickle, sys
from sslwb.show.maps import _layout
sys.stdout.buffer.write(pickle.dumps(_layout(*pickle.load(sys.stdin.buffer))))"""
_LOCK = threading.Lock()  # two threads inside UMAP abort the kernel where numba has only its workqueue layer
_WARMING: list[threading.Thread] = []


def umap_map(z: Tensor, k: int = 15, *, min_dist: float = 0.1, seed: int = 0) -> np.ndarray:
    """(N, D) embeddings → (N, 2) places: neighbours stay neighbours. The same input gives the same map.

    Neighbours are those of `neighbours` and of kNN: by cosine, the mean taken off. Near points are similar. Distances
    between groups, their sizes and their gaps mean nothing. Of more than 20,000 rows a sample is laid out, and each
    other row is placed among its nearest neighbours there, so that `z` may be a map of a file larger than memory.

    Args:
        z: embeddings, any float type.
        k: how many neighbours of each point the map tries to keep; at most N - 1 are used.
        min_dist: how tightly points may be packed.
        seed: of the layout's random steps.

    Raises:
        TypeError: k or seed is no whole number, min_dist no number.
        ValueError: another shape, fewer than four rows, or numbers that are not finite; k < 1, a seed below 0 or above
            2³² - 1, min_dist outside of 0 to 1.

    Source: McInnes et al. 2018, with exact neighbours and a start from the two principal axes.
    """
    if z.ndim != 2 or len(z) < 4:
        raise ValueError(f"z has shape {tuple(z.shape)}; expected (N, D) with N ≥ 4 embeddings")
    k, seed, min_dist = whole("k", k, 1), whole("seed", seed, 0), number("min_dist", min_dist)
    if seed > MOST_SEED or not 0 <= min_dist <= 1:
        raise ValueError(
            f"seed is {seed}, min_dist {min_dist}; expected a seed of at most {MOST_SEED:,} and a distance from 0 to 1"
        )
    z = z.detach()
    if not all(bool(torch.isfinite(rows).all()) for rows in z.split(LARGEST)):  # z may be a map of a large file
        raise ValueError("z has NaN or infinite values; expected finite numbers: the training diverged")
    if len(z) > LARGEST:
        return _beside_a_sample(z, k, min_dist, seed)
    z = torch.from_numpy(unit_rows("z", z, len(z)))
    k = min(k, len(z) - 1) + 1  # UMAP counts a point among its own neighbours
    index, distance = exact_neighbours(z, k)
    given = z.numpy(), index.numpy(), distance.numpy(), principal_plane(z), min_dist, seed
    from numba.core.errors import NumbaError

    try:
        return _layout(*given)
    except (NumbaError, NotImplementedError):
        # Seen once, on a busy machine: numba loses an operation that it knows while it compiles beside other threads
        # ("No definition for lowering"), and the process never finds it again. A fresh one does.
        fresh = subprocess.run(
            [sys.executable, "-c", FRESH], input=pickle.dumps(given), capture_output=True, check=False
        )
        if fresh.returncode:
            raise
        return cast(np.ndarray, pickle.loads(fresh.stdout))


def _beside_a_sample(z: Tensor, k: int, min_dist: float, seed: int) -> np.ndarray:
    """The map of a sample, and every other row at the mean of its nearest in it, weighted by similarity: where UMAP's
    own `transform` begins (McInnes et al. 2018)."""
    chosen = torch.randperm(len(z), generator=torch.Generator().manual_seed(seed % 2**63))[:LARGEST].sort().values
    sample = z[chosen].float()
    places = torch.from_numpy(umap_map(sample, k, min_dist=min_dist, seed=seed))
    mean = sample.mean(0)
    unit, whole = F.normalize(sample - mean, dim=1), torch.empty(len(z), 2)
    for rows in torch.arange(len(z)).split(2048):
        near = (F.normalize(z[rows[0] : rows[-1] + 1].float() - mean, dim=1) @ unit.T).topk(min(5, k), dim=1)
        weight = (near.values / 0.1).softmax(1)
        whole[rows] = (places[near.indices] * weight[:, :, None]).sum(1)
    whole[chosen] = places
    return whole.numpy()


def _layout(
    z: np.ndarray, index: np.ndarray, distance: np.ndarray, init: np.ndarray, min_dist: float, seed: int
) -> np.ndarray:
    """UMAP itself: rows (N, D), their neighbours and distances (N, k), where they begin (N, 2) → (N, 2)."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # UMAP says that a seed means one thread
        layout = _umap().UMAP(
            n_neighbors=index.shape[1],
            min_dist=min_dist,
            init=init,
            n_epochs=200,
            random_state=seed,
            precomputed_knn=(index, distance),
            force_approximation_algorithm=True,
        )
        return np.asarray(layout.fit_transform(z), dtype=np.float32)


def _umap() -> Any:
    """UMAP, with all that it compiles kept on disk: it has numba keep a few functions only, and to compile the others
    would take ten seconds in every process."""
    import numba

    compiled = numba.njit
    with mock.patch.object(numba, "njit", lambda *args, **options: compiled(*args, **{"cache": True, **options})):
        try:
            import umap
        except RuntimeError:  # no folder to keep it in: a shared installation, and a home that cannot be written to
            numba.config.CACHE_DIR = tempfile.mkdtemp(prefix="sslwb-numba-")  # type: ignore[attr-defined]
            import umap
    return umap


def _warm() -> None:
    z = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    index, distance = exact_neighbours(F.normalize(z, dim=1), 16)
    with contextlib.suppress(Exception):  # this map is thrown away; the first that is needed shows its own error
        _layout(z.numpy(), index.numpy(), distance.numpy(), principal_plane(z), 0.1, 0)


def warm_up() -> threading.Thread:
    """Import UMAP, and compile it where that was never done, on a background thread: the first map costs a second.

    Call it at the start of a lesson: it runs while the learner reads and the encoder trains, and draws no random number
    that a training sees. Calling it again does nothing.
    """
    if not _WARMING:
        _WARMING.append(threading.Thread(target=_warm, name="sslwb-umap", daemon=True))
        _WARMING[0].start()
    return _WARMING[0]


def exact_neighbours(z: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest of each normalised row, itself first: (N, k) int64 and Euclidean distances, by matrix products."""
    index, distance = [], []
    for rows in torch.arange(len(z)).split(2048):
        similarity = z[rows] @ z.T
        similarity[torch.arange(len(rows)), rows] = 2  # itself comes first, also before its duplicates
        near = similarity.topk(k, dim=1)
        index.append(near.indices)
        distance.append((2 - 2 * near.values).clamp_min(0).sqrt())  # |a - b|² = 2 - 2 cos on the sphere
    return torch.cat(index), torch.cat(distance)


def principal_plane(z: Tensor) -> np.ndarray:
    """(N, 2) float32: the two principal components, scaled to ±10 as UMAP expects its start, with fixed signs."""
    centred = (z - z.mean(0)).double()
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -2:].flip(1)
    if axes.shape[1] < 2:  # one-dimensional embeddings
        axes = F.pad(axes, (0, 1))
    sign = axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
    plane = centred @ (axes * torch.where(sign == 0, 1.0, sign))
    plane = 10 * plane / plane.abs().max().clamp_min(1e-12)
    # constant embeddings would all start in one point
    jitter = torch.randn(plane.shape, generator=torch.Generator().manual_seed(0), dtype=plane.dtype)
    start: np.ndarray = (plane + 1e-4 * jitter).float().numpy()
    return start
