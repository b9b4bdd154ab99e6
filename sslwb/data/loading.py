"""`load`: one name, path or folder → a container; and few labels out of many."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

import torch

from sslwb.core import taken_settings, typed, usual, whole
from sslwb.data import readers, store, text
from sslwb.data.coco import coco128
from sslwb.data.containers import Images, Items, Pairs, Texts
from sslwb.data.folder import image_folder
from sslwb.data.parallel import multi30k
from sslwb.data.questions import Questions, xquad
from sslwb.data.scenes import Scenes
from sslwb.data.text import plain_text
from sslwb.data.worlds.scenes import make_scenes
from sslwb.data.worlds.shapes import make_shapes
from sslwb.data.worlds.tales import make_tales

Data = TypeVar("Data", bound=Items)

WORLDS: dict[str, Callable[..., Items]] = {"shapes": make_shapes, "scenes": make_scenes, "tales": make_tales}
READERS: dict[str, Callable[..., Items]] = {
    "digits": readers.digits,
    "fashion-mnist": readers.fashion_mnist,
    "cifar10": readers.cifar10,
    "stl10": readers.stl10,
    "coco128": coco128,
    "python-docs": text.python_docs,
    "tinyshakespeare": text.tiny_shakespeare,
    "gutenberg": text.gutenberg,
    "wikitext-2": text.wikitext2,
    "sst2": text.sst2,
    "rotten-tomatoes": text.rotten_tomatoes,
    "trec": text.trec,
    "sms-spam": text.sms_spam,
    "xquad": xquad,
    "multi30k": multi30k,
}


@overload
def load(
    name: Literal[
        "tales",
        "python-docs",
        "tinyshakespeare",
        "gutenberg",
        "wikitext-2",
        "sst2",
        "rotten-tomatoes",
        "trec",
        "sms-spam",
    ],
    split: str = ...,
    n: int | None = ...,
    seed: int = ...,
    *,
    path: str | os.PathLike[str] | None = ...,
    download: bool = ...,
    **dials: Any,
) -> Texts: ...
@overload
def load(
    name: Literal["multi30k"],
    split: str = ...,
    n: int | None = ...,
    seed: int = ...,
    *,
    path: str | os.PathLike[str] | None = ...,
    download: bool = ...,
    **dials: Any,
) -> Pairs: ...
@overload
def load(
    name: Literal["xquad"],
    split: str = ...,
    n: int | None = ...,
    seed: int = ...,
    *,
    path: str | os.PathLike[str] | None = ...,
    download: bool = ...,
    **dials: Any,
) -> Questions: ...
@overload
def load(
    name: Literal["scenes", "coco128"],
    split: str = ...,
    n: int | None = ...,
    seed: int = ...,
    *,
    path: str | os.PathLike[str] | None = ...,
    download: bool = ...,
    **dials: Any,
) -> Scenes: ...
@overload
def load(
    name: str | os.PathLike[str],
    split: str = ...,
    n: int | None = ...,
    seed: int = ...,
    *,
    path: str | os.PathLike[str] | None = ...,
    download: bool = ...,
    **dials: Any,
) -> Images: ...
def load(
    name: str | os.PathLike[str],
    split: str = "train",
    n: int | None = None,
    seed: int = 0,
    *,
    path: str | os.PathLike[str] | None = None,
    download: bool = True,
    **dials: Any,
) -> Items:
    """A data set in memory, by name: uint8 pictures, 32×32 in three channels unless a dial says otherwise; or texts.

    Args:
        name: "shapes", "scenes", "tales" (worlds: pictures, pictures with boxes, stories); pictures: "digits",
            "fashion-mnist", "cifar10", "stl10", with boxes "coco128", or a folder of your own: a path, or "folder:"
            and a path (see `image_folder`); texts: "python-docs",
            "tinyshakespeare", "gutenberg", "wikitext-2"; one a row: "sst2", "rotten-tomatoes", "trec", "sms-spam"; or
            your own: the path of a .txt file, or "text:" and the path of a file or a folder (see `plain_text`);
            questions on passages: "xquad"; texts and their translation: "multi30k".
        split: "train", "test", in a world or a text "val" too, in stl10 "unlabeled".
        n: how many items, drawn without replacement (all when there are fewer, with a warning). None: all; of the
            endless world 8,192 for training, 2,048 for val and test.
        seed: of the draw; in a world, of the items themselves.
        path: where the files are: a data folder, the set's own folder, or its archive.
        download: False never touches the network.
        dials: shapes: size, background, texture, light, redraw; scenes: size, objects, background, texture, light;
            tales: topics, noise; stl10, coco128: size; a folder: size, test_share; texts but tales: tokens,
            vocabulary, context; xquad: language too.

    Raises:
        DataError: unknown name; files absent, damaged or not to be fetched (the message says what to do).
        ValueError: unknown split, n out of range.
        TypeError: a dial that this data set does not have; n or seed is no whole number, or a dial no number.
    """
    if not isinstance(name, str | os.PathLike):
        raise TypeError(f'name is {type(name).__name__}; expected a data set\'s name or a path, such as "shapes"')
    n, seed = None if n is None else whole("n", n), whole("seed", seed)
    with usual():
        if (own := own_of(name)) is not None:
            place, read = own
            if path is not None:
                raise ValueError(f"path is {str(path)!r}, but name is a path already: {str(place)!r}; give one of them")
            return read(place, split=split, n=n, seed=seed, **_checked(str(name), read, dials))
        entry = store.source(str(name))
        if split not in entry.splits:
            raise ValueError(f"split is {split!r}; {entry.name} has {', '.join(map(repr, entry.splits))}")
        reader = WORLDS.get(entry.name) or READERS[entry.name]
        dials = _checked(entry.name, reader, dials)
        if not entry.built_in:
            return reader(store.get(entry.name, path, download), split, n, seed, **dials)
        if path is not None:
            raise ValueError(f"path is {str(path)!r}, but {entry.name} is built in and reads no file: leave it out")
        if entry.name in WORLDS:
            n = n if n is not None else 8192 if split == "train" else 2048
            return reader(n, split, seed, **dials)
        return reader(split, n, seed, **dials)


@typed
def subset_per_class(data: Data, k: int, seed: int = 0) -> Data:
    """k labelled items of each class, class by class; fewer of the same seed are a part of more.

    Raises:
        TypeError: k or seed is no whole number.
        ValueError: no labels, k < 1, or a class has fewer than k items.
    """
    if not isinstance(data, Items):
        raise TypeError(f"data is {type(data).__name__}; expected a container such as load(…) gives")
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1 item a class")
    labels = data.labels.cpu()
    g = torch.Generator().manual_seed(seed)
    rows = []
    for label in range(max(len(data.classes), int(labels.max()) + 1 if len(labels) else 0)):
        of_class = (labels == label).nonzero()[:, 0]
        if len(of_class) < k:
            called = data.classes[label] if data.classes else label
            raise ValueError(f"class {called!r} has {len(of_class)} items, k is {k}; expected k ≤ {len(of_class)}")
        rows.append(of_class[torch.randperm(len(of_class), generator=g)[:k]])
    if not rows:
        raise ValueError(f"data has no items; expected labelled {data.item}s")
    return data[torch.cat(rows)]


def own_of(name: str | os.PathLike[str]) -> tuple[Path, Callable[..., Items]] | None:
    """The path that `name` means and what reads it, or None where it is a data set's name."""
    said = os.fspath(name)
    for prefix, read in (("folder:", image_folder), ("text:", plain_text)):
        if said.startswith(prefix):
            return Path(said.removeprefix(prefix)), read
    if said in WORLDS or said in READERS:
        return (Path(said), image_folder) if isinstance(name, os.PathLike) else None
    if said.lower().endswith(".txt"):
        return Path(said), plain_text
    separators = {os.sep, os.altsep, "/"} - {None}
    path = isinstance(name, os.PathLike) or any(s in said for s in separators if s) or said.startswith("~")
    path = path or os.path.isdir(said)
    return (Path(said), image_folder) if path else None


def _checked(name: str, reader: Callable[..., Items], dials: dict[str, Any]) -> dict[str, Any]:
    """The dials with numbers as `typed` takes them."""
    signature = inspect.signature(reader)
    known = [p.name for p in signature.parameters.values() if p.default is not p.empty]
    known = [dial for dial in known if dial not in ("split", "n", "seed")]
    for dial in dials:
        if dial not in known:
            raise TypeError(f"{name} has no dial {dial!r}; its dials: {', '.join(known) or 'none'}")
    return taken_settings(reader, dials)
