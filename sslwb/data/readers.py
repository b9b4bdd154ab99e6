"""The readers of real pictures: files on disk → `Images`, three channels and, unless a dial says otherwise, 32×32.

One form for all sets, so that the same cells, views and encoders take each of them. Every reader draws its own subset:
`n` pictures without replacement by a private generator; the first m of n are the same whatever n is.
"""

import gzip
import operator
import pickle
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.data.containers import Images
from sslwb.data.store import DataError

FASHION_CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PICKLED = (
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
)
STL_CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")


def draw(total: int, n: int | None, seed: int, name: str) -> Tensor:
    """The positions of n of `total` items, drawn without replacement; all of them, in order, when n is None."""
    return shuffled(total, n, seed, name)[:n]


def shuffled(total: int, n: int | None, seed: int, name: str) -> Tensor:
    """All positions in the order in which n of them are drawn; as they are when n is None.

    More than there are: all of them, with a warning, so that a lesson runs on a smaller data set too.

    Raises:
        TypeError: n is not a whole number.
        ValueError: n < 1.
    """
    if n is None:
        return torch.arange(total)
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"n is {n!r}; expected a whole number of items, or None for all") from None
    if n < 1:
        raise ValueError(f"n is {n}; expected at least 1 item, or None for all {total:,} of {name}")
    if n > total:
        warnings.warn(f"n is {n:,}, but {name} has {total:,} items: you get all of them", stacklevel=5)
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))


def digits(split: str, n: int | None, seed: int) -> Images:
    """scikit-learn's handwritten digits: grey 8×8, enlarged to 32×32 (bilinear), the grey repeated in three channels.

    The last fifth of every class is the test split (355 of 1,797). Neighbours in the file come from one writer, so the
    test shows other hands than most of the training pictures.
    """
    from sklearn.datasets import load_digits  # scikit-learn takes a second to load

    bunch = load_digits()
    label = torch.from_numpy(bunch.target).long()
    rows = []
    for digit in range(10):
        of_class = (label == digit).nonzero()[:, 0]
        cut = len(of_class) - len(of_class) // 5
        rows.append(of_class[:cut] if split == "train" else of_class[cut:])
    chosen = torch.cat(rows).sort().values
    chosen = chosen[draw(len(chosen), n, seed, f"digits ({split})")]
    grey = torch.from_numpy(bunch.images).float()[chosen, None] * (255 / 16)
    x = F.interpolate(grey, size=(32, 32), mode="bilinear").round().to(torch.uint8)
    return Images(x.repeat(1, 3, 1, 1), label[chosen], tuple("0123456789"), name="digits")


def fashion_mnist(folder: Path, split: str, n: int | None, seed: int) -> Images:
    """Fashion-MNIST: grey 28×28 with a black rim of 2 pixels, so 32×32, the grey repeated in three channels."""
    stem = "train" if split == "train" else "t10k"
    pictures = _idx(folder, f"{stem}-images-idx3-ubyte", 3)
    labels = _idx(folder, f"{stem}-labels-idx1-ubyte", 1)
    if pictures.shape[1:] != (28, 28) or len(pictures) != len(labels):
        raise DataError(f"{folder}: {pictures.shape} pictures and {labels.shape} labels are not Fashion-MNIST's")
    rows = draw(len(labels), n, seed, f"fashion-mnist ({split})")
    x = F.pad(torch.from_numpy(pictures)[rows, None], (2, 2, 2, 2))
    return Images(x.repeat(1, 3, 1, 1), torch.from_numpy(labels)[rows].long(), FASHION_CLASSES, name="fashion-mnist")


def cifar10(folder: Path, split: str, n: int | None, seed: int) -> Images:
    """CIFAR-10: colour 32×32, from the original python batches, which are unpickled without running anything."""
    names = [f"data_batch_{i}" for i in range(1, 6)] if split == "train" else ["test_batch"]
    batches = [_batch(folder / name) for name in names]
    x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    if n is not None:
        rows = draw(len(y), n, seed, f"cifar10 ({split})")
        x, y = x[rows], y[rows]
    return Images(x, y, CIFAR_CLASSES, name="cifar10")


def stl10(folder: Path, split: str, n: int | None, seed: int, *, size: int = 32) -> Images:
    """STL-10: colour 96×96 shrunk to size × size, anti-aliased (96 keeps the originals); "unlabeled" has no y."""
    if not 1 <= size <= 96:
        raise ValueError(f"size is {size}; expected 1 to 96 pixels (the originals have 96)")
    # One picture on disk is (channel, column, row): the last two are swapped below.
    pictures = np.memmap(folder / f"{split}_X.bin", dtype=np.uint8, mode="r").reshape(-1, 3, 96, 96)
    rows = draw(len(pictures), n, seed, f"stl10 ({split})")
    x = torch.empty(len(rows), 3, size, size, dtype=torch.uint8)
    for at in torch.arange(len(rows)).split(1000):
        part = torch.from_numpy(pictures[rows[at].numpy()]).transpose(2, 3)
        if size != 96:
            small = F.interpolate(part.float(), size=(size, size), mode="bilinear", antialias=True)
            part = small.round().clamp(0, 255).to(torch.uint8)
        x[at] = part
    y = None
    if split != "unlabeled":
        y = torch.from_numpy(np.fromfile(folder / f"{split}_y.bin", dtype=np.uint8)).long()[rows] - 1
    return Images(x, y, STL_CLASSES if y is not None else (), name="stl10")


def _idx(folder: Path, name: str, dims: int) -> np.ndarray:
    """An IDX file: two zero bytes, type 8 (uint8), the number of dimensions, each length as a big-endian int32."""
    packed = folder / f"{name}.gz"
    try:
        with gzip.open(packed) if packed.is_file() else open(folder / name, "rb") as stream:
            head = stream.read(4 + 4 * dims)
            shape = tuple(int(length) for length in np.frombuffer(head, ">i4")[1:])
            if head[:4] != bytes((0, 0, 8, dims)) or len(shape) != dims or min(shape) < 0:
                raise DataError(f"{stream.name} does not begin like an IDX file of {dims} dimensions")
            count = int(np.prod(shape, dtype=np.int64))
            body = stream.read(min(count, 1 << 30) + 1)  # not to the end: a gzip bomb has none
    except (EOFError, zlib.error, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name} in {folder} is damaged ({error}): sslwb data verify fashion-mnist") from error
    if len(body) != count:
        raise DataError(f"{name} in {folder} holds {len(body):,} values, expected {count:,}: truncated or altered")
    return np.frombuffer(bytearray(body), np.uint8).reshape(shape)


def _batch(file: Path) -> tuple[Tensor, Tensor]:
    """One pickled batch of CIFAR-10: x uint8 (10000, 3, 32, 32), y int64 (10000,)."""
    try:
        with open(file, "rb") as stream:
            batch = _Unpickler(stream, encoding="bytes").load()
        x = batch[b"data"].array().reshape(-1, 3, 32, 32)
        y = np.array(batch[b"labels"], dtype=np.int64)
        if y.shape != (len(x),) or y.min() < 0 or y.max() > 9:
            raise ValueError(f"{len(x)} pictures and labels of shape {y.shape}")
    except Exception as error:  # a damaged pickle can raise anything at all
        raise DataError(f"{file} is not a CIFAR-10 batch ({error}): sslwb data verify cifar10") from error
    return torch.from_numpy(x), torch.from_numpy(y)


class _Stand:
    """Stands for numpy's array or dtype while a batch is unpickled; keeps what the file says and does nothing."""

    def __init__(self, *args: Any) -> None:
        self.args = args
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        _version, shape, dtype, fortran, raw = self.state
        if dtype.args[0] not in (b"u1", "u1") or fortran:
            raise ValueError("expected an array of uint8")
        return np.frombuffer(bytearray(raw), np.uint8).reshape(shape)


class _Unpickler(pickle.Unpickler):
    """Knows three names, each one a stand-in of ours, so that an untrusted file can run nothing.

    numpy 2 moved `numpy.core` to `numpy._core`; the original files say the former.
    """

    def find_class(self, module: str, name: str) -> type[_Stand]:
        if (module, name) in PICKLED:
            return _Stand
        raise pickle.UnpicklingError(f"the file wants to run {module}.{name}, which no CIFAR-10 batch does")
