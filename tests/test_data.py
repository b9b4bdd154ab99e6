"""`load`: every name gives the same kind of container; wrong names, splits, dials and damaged files are reported."""

import gzip
import os
import pickle
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sslwb.data import DataError, Images, load, readers, store, subset_per_class
from sslwb.data.registry import SOURCES, File

REAL = ["fashion-mnist", "cifar10", "stl10"]


def random_pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def idx(values: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}i", *values.shape)
    return head + values.tobytes()


def batch(count: int, first: int = 0) -> bytes:
    """A CIFAR-10 batch; the label of picture i is (first + i) mod 10, its first pixel i."""
    data = random_pixels(count, 3072)
    data[:, 0] = np.arange(count)
    labels = [(first + i) % 10 for i in range(count)]
    # Protocol 3 is the oldest that keeps bytes as bytes; numpy 1 called its module numpy.core, as the originals do.
    made = pickle.dumps({b"batch_label": b"x", b"data": data, b"labels": labels}, protocol=3)
    return made.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a few pictures of each real set, and a registry that expects just these."""
    stl_x = random_pixels(20, 3, 96, 96)
    stl_x[:, 1, 5, 7] = 200  # green, column 5, row 7
    files = {
        "fashion-mnist": {
            f"{stem}-{kind}-ubyte.gz": gzip.compress(idx(values))
            for stem, count in (("train", 30), ("t10k", 10))
            for kind, values in (
                ("images-idx3", random_pixels(count, 28, 28)),
                ("labels-idx1", np.arange(count, dtype=np.uint8) % 10),
            )
        },
        "cifar10": {f"data_batch_{i}": batch(20, i) for i in range(1, 6)} | {"test_batch": batch(10)},
        "stl10": {
            f"{split}_{what}.bin": values.tobytes()
            for split, count in (("train", 20), ("test", 10), ("unlabeled", 20))
            for what, values in (("X", stl_x[:count]), ("y", np.arange(count, dtype=np.uint8) % 10 + 1))
        },
    }
    for name, contents in files.items():
        folder = tmp_path / SOURCES[name].folders[0]
        folder.mkdir(parents=True)
        known = []
        for file, data in contents.items():
            (folder / file).write_bytes(data)
            known.append(File(file, len(data), store._digest(folder / file, "sha256:")))
        monkeypatch.setitem(SOURCES, name, replace(SOURCES[name], files=tuple(known)))
    monkeypatch.setenv("SSLWB_DATA", str(tmp_path))
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("name", ["shapes", "digits", *REAL])
def test_every_set_gives_the_same_kind_of_pictures(small: Path, name: str) -> None:
    train, test = load(name, "train", n=8), load(name, "test", n=8)
    for data in (train, test):
        assert isinstance(data, Images)
        assert len(data) == 8
        assert data.shape == (3, 32, 32)
        assert data.y is not None
        assert len(data.classes) == (8 if name == "shapes" else 10)
    assert train.name.startswith(name)
    assert not (small / "cache").exists()


@pytest.mark.parametrize("name", ["digits", *REAL])
def test_a_draw_is_seeded_without_replacement_and_begins_the_same(small: Path, name: str) -> None:
    before = torch.get_rng_state()
    one, more, other = load(name, n=5, seed=1), load(name, n=9, seed=1), load(name, n=9, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.x, more.x[:5])
    assert not torch.equal(other.x, more.x)
    everything = load(name)
    with pytest.warns(UserWarning, match=f"has {len(everything):,} items: you get all"):
        shuffled = load(name, n=10_000)
    assert len(shuffled) == len(everything)
    assert torch.equal(shuffled.labels.bincount(), everything.labels.bincount())
    assert shuffled.x.long().sum() == everything.x.long().sum()


def test_digits_are_split_by_class_and_enlarged() -> None:
    train, test = load("digits", "train"), load("digits", "test")
    assert (len(train), len(test)) == (1442, 355)
    assert test.labels.bincount().min() >= 34
    assert (train.x[:, 0] == train.x[:, 2]).all()
    assert train.x.max() == 255
    seen = {picture.tobytes() for picture in train.x.numpy()}
    assert not any(picture.tobytes() in seen for picture in test.x.numpy())


def test_fashion_has_a_black_rim_and_its_own_pixels(small: Path) -> None:
    data = load("fashion-mnist")
    assert data.labels.tolist() == [i % 10 for i in range(30)]
    assert torch.equal(data.x[:, 1, 2:30, 2:30], torch.from_numpy(random_pixels(30, 28, 28)))
    assert data.x.long().sum() == 3 * random_pixels(30, 28, 28).sum(dtype=np.int64)


def test_cifar_is_read_in_order(small: Path) -> None:
    data = load("cifar10")
    assert data.x[:, 0, 0, 0].tolist() == list(range(20)) * 5
    assert data.labels[:3].tolist() == [1, 2, 3]
    assert data.labels[20:23].tolist() == [2, 3, 4]
    assert torch.equal(data.x[3].flatten()[1:], torch.from_numpy(random_pixels(20, 3072)[3])[1:])


def test_stl_is_turned_and_shrunk(small: Path) -> None:
    data = load("stl10", size=96)
    assert data.shape == (3, 96, 96)
    assert (data.x[:, 1, 7, 5] == 200).all()
    assert data.labels.tolist() == [i % 10 for i in range(20)]
    small_ones = load("stl10", "unlabeled")
    assert small_ones.y is None
    assert small_ones.shape == (3, 32, 32)
    assert small_ones.x.float().mean() == pytest.approx(data.x.float().mean(), abs=0.5)
    assert small_ones.x.float().std() < 0.6 * data.x.float().std()  # averaged, not picked
    for size in (0, 97):
        with pytest.raises(ValueError, match=f"size is {size}"):
            load("stl10", size=size)


@pytest.mark.parametrize("form", ["the data folder", "the set's own folder"])
def test_a_path_may_name_either_folder(small: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLWB_DATA")
    path = small if form == "the data folder" else small / "cifar-10-batches-py"
    assert len(load("cifar10", path=path)) == 100


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("split", ["train", "test"])
def test_real_data(name: str, split: str) -> None:
    if store.find(name) is None:
        pytest.skip(f"{name} is not on this machine: set SSLWB_DATA")
    data = load(name, split, n=None if name != "stl10" else 2000)
    count, mean = {
        ("fashion-mnist", "train"): (60_000, 55.845),  # 0.2860 of the 28×28 pixels, as everywhere reported
        ("fashion-mnist", "test"): (10_000, 56.003),
        ("cifar10", "train"): (50_000, 120.708),  # 0.4914, 0.4822, 0.4465 of 255
        ("cifar10", "test"): (10_000, 121.529),
        ("stl10", "train"): (2000, None),
        ("stl10", "test"): (2000, None),
    }[name, split]
    assert len(data) == count
    if mean is not None:
        assert data.x.float().mean().item() == pytest.approx(mean, abs=0.01)
        assert (data.labels.bincount() == count // 10).all()


# What is wrong is reported


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"name": "cifar-10"}, DataError, "did you mean 'cifar10'"),
        ({"name": "no such thing"}, DataError, "known: shapes, scenes, tales, digits"),
        ({"name": "digits", "split": "val"}, ValueError, "split is 'val'; digits has 'train', 'test'"),
        ({"name": "shapes", "split": "unlabeled"}, ValueError, "'train', 'val', 'test'"),
        ({"name": "digits", "n": 0}, ValueError, "n is 0"),
        ({"name": "shapes", "n": 0}, ValueError, "n is 0"),
        ({"name": "digits", "n": 2.5}, TypeError, r"n is 2\.5"),
        ({"name": "digits", "size": 8}, TypeError, "digits has no dial 'size'; its dials: none"),
        ({"name": "tales", "n": 0}, ValueError, "n is 0"),
        ({"name": "tales", "split": "unlabeled"}, ValueError, "'train', 'val', 'test'"),
        ({"name": "tales", "size": 8}, TypeError, "tales has no dial 'size'; its dials: topics, noise"),
        ({"name": "tales", "path": "/tmp"}, ValueError, "tales is built in"),
        ({"name": "shapes", "colour": 1}, TypeError, "no dial 'colour'; its dials: size, background"),
        ({"name": "digits", "path": "/tmp"}, ValueError, "digits is built in"),
        ({"name": "cifar10", "path": "/nowhere"}, DataError, "cifar10 is not there"),
        ({"name": "./no/such/folder"}, DataError, "there is no such folder"),
        ({"name": "folder:nowhere"}, DataError, "there is no such folder"),
        ({"name": "./here", "path": "/there"}, ValueError, "give one of them"),
        ({"name": "./here", "background": "plain"}, TypeError, "its dials: size, test_share"),
    ],
)
def test_a_wrong_call_is_reported(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        load(**arguments)


def test_a_batch_can_run_nothing(small: Path, tmp_path: Path) -> None:
    """The file has the right size, so the search takes it; what it wants to run is refused by name."""

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path}/ran",)

    file = small / "cifar-10-batches-py" / "test_batch"
    size = file.stat().st_size
    for evil in (Evil(), {b"data": Evil(), b"labels": [1]}):
        file.write_bytes(pickle.dumps(evil, protocol=3).ljust(size, b"\0"))
        with pytest.raises(DataError, match=r"wants to run .*system"):
            readers.cifar10(file.parent, "test", None, 0)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        batch(10)[:-500],
        pickle.dumps([1, 2], protocol=3),
        pickle.dumps({b"data": np.zeros((4, 3072), np.float32), b"labels": [0] * 4}, protocol=3),
        pickle.dumps({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0] * 3}, protocol=3),
        pickle.dumps({b"data": np.zeros((4, 3072), np.uint8), b"labels": [10] * 4}, protocol=3),
        pickle.dumps({b"data": np.zeros((4, 3000), np.uint8), b"labels": [0] * 4}, protocol=3),
    ],
    ids=["empty", "html", "truncated", "list", "floats", "few labels", "label 10", "shape"],
)
def test_a_damaged_batch_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match=r"test_batch is not a CIFAR-10 batch .*sslwb data verify cifar10"):
        readers.cifar10(tmp_path, "test", None, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        gzip.compress(b""),
        gzip.compress(idx(random_pixels(10, 28, 28)))[:-2000],
        gzip.compress(idx(random_pixels(10, 28, 28))[:-1]),
        gzip.compress(idx(random_pixels(10, 28, 28)) + b"!"),
        gzip.compress(idx(random_pixels(10, 28))),
        gzip.compress(idx(random_pixels(10, 27, 28))),
        gzip.compress(idx(random_pixels(9, 28, 28))),
        gzip.compress(bytes((0, 0, 8, 3)) + struct.pack(">3i", 10, -28, 28)),
        b"<html>not a gzip</html>",
    ],
    ids=["empty", "packed nothing", "cut", "short", "long", "2-d", "27 rows", "9 pictures", "negative", "html"],
)
def test_a_damaged_idx_file_is_reported(small: Path, content: bytes) -> None:
    folder = small / "FashionMNIST" / "raw"
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError):
        readers.fashion_mnist(folder, "test", None, 0)


def test_idx_files_may_lie_unpacked(small: Path) -> None:
    folder = small / "FashionMNIST" / "raw"
    packed = readers.fashion_mnist(folder, "test", None, 0)
    for file in list(folder.iterdir()):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    assert torch.equal(readers.fashion_mnist(folder, "test", None, 0).x, packed.x)


# Few labels


def labelled(counts: list[int]) -> Images:
    y = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)])
    x = torch.arange(len(y)).to(torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4)
    return Images(x, y, tuple("abcdefgh"[: len(counts)]))


def test_subset_per_class_is_balanced_seeded_and_nested() -> None:
    data = labelled([10, 20, 30])
    few, more = subset_per_class(data, 2, seed=3), subset_per_class(data, 5, seed=3)
    assert few.labels.bincount().tolist() == [2, 2, 2]
    ids = [set(d.x[:, 0, 0, 0].tolist()) for d in (few, more, subset_per_class(data, 5, seed=4))]
    assert ids[0] < ids[1]
    assert ids[1] != ids[2]
    assert len(ids[1]) == 15


@pytest.mark.parametrize(
    ("data", "k", "said"),
    [
        (labelled([10, 3, 30]), 5, "class 'b' has 3 items, k is 5"),
        (labelled([10, 0, 30]), 1, "class 'b' has 0 items"),
        (labelled([5, 5]), 0, "k is 0"),
        (Images(torch.zeros(4, 3, 8, 8, dtype=torch.uint8)), 1, "no labels"),
        (Images(torch.zeros(0, 3, 8, 8, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64)), 1, "no items"),
    ],
    ids=["too few", "empty class", "k", "unlabelled", "empty"],
)
def test_subset_per_class_tells_what_is_wrong(data: Images, k: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        subset_per_class(data, k)


# ── rows


class Third:
    def __index__(self) -> int:
        return 2


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (torch.tensor(3), [3]),
        (torch.tensor(-1, dtype=torch.int32), [-1]),
        (torch.tensor([5.0, 1.0, 3.0]).argmin(), [1]),
        (np.int64(3), [3]),
        (np.array(3), [3]),
        (Third(), [2]),
        (np.array([4, 0]), [4, 0]),
        (np.arange(6)[::-1], [5, 4, 3, 2, 1, 0]),
        (np.array([1, 2], np.uint8), [1, 2]),
        (np.arange(6) % 2 == 0, [0, 2, 4]),
        (range(2), [0, 1]),
        ([torch.tensor(1), torch.tensor(2)], [1, 2]),
        (np.array([], np.int64), []),
    ],
)
def test_rows_are_taken_by_every_kind_of_index(index: Any, rows: list[int]) -> None:
    data = load("shapes", n=6, size=8)
    some = data[index]
    assert torch.equal(some.x, data.x[torch.tensor(rows, dtype=torch.long)])
    assert torch.equal(some.factors["colour"], data.factors["colour"][torch.tensor(rows, dtype=torch.long)])


@pytest.mark.parametrize(
    ("index", "error", "said"),
    [
        (True, TypeError, r"index is torch\.bool of shape \(\); expected a row's number"),
        (np.bool_(False), TypeError, r"index is torch\.bool of shape \(\)"),
        (torch.tensor(True), TypeError, r"index is torch\.bool of shape \(\)"),
        (1.5, TypeError, r"index is torch\.float32 of shape \(\)"),
        (torch.tensor([1.0]), TypeError, r"index is torch\.float32 of shape \(1,\)"),
        (torch.zeros(2, 2, dtype=torch.long), TypeError, r"index is torch\.int64 of shape \(2, 2\)"),
        ("first", TypeError, "index is 'first'; expected"),
        (None, TypeError, "index is None; expected"),
        ((0, 1), TypeError, r"index is \(0, 1\);.* for several rows a list"),
        (torch.tensor(6), IndexError, "index 6 is out of range: the data set has 6 items"),
        (np.int64(-7), IndexError, "index -7 is out of range: the data set has 6 items"),
        (torch.ones(5, dtype=torch.bool), IndexError, "the mask has 5 values; expected 6"),
        (np.ones(7, bool), IndexError, "the mask has 7 values; expected 6"),
        ([True, False], IndexError, "the mask has 2 values; expected 6"),
    ],
)
def test_what_is_no_index_is_refused_in_words(index: Any, error: type[Exception], said: str) -> None:
    data = load("shapes", n=6, size=8)
    with pytest.raises(error, match=said):
        data[index]


def test_classes_are_counted_by_their_names_or_by_the_labels() -> None:
    data = load("shapes", n=6, size=8)
    assert data.class_count == len(data.classes)
    assert replace(data, y=torch.tensor([0, 4, 1, 0, 0, 0]), classes=()).class_count == 5
