"""Anybody's own pictures: a folder of files → `Images`. The folder is only read, never written to."""

import hashlib
import io
import os
import re
import stat
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from sslwb.core import place, printable
from sslwb.data.containers import Images, Items, unchecked
from sslwb.data.readers import shuffled
from sslwb.data.store import DataError

SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".jif",
    ".jfi",
    ".pjpeg",
    ".pjp",
    ".png",
    ".apng",
    ".webp",
    ".gif",
    ".bmp",
    ".dib",
    ".tif",
    ".tiff",
    ".ppm",
    ".pgm",
    ".pbm",
    ".pnm",
    ".avif",
    ".heic",
    ".heif",
)
# Only these decoders run, whatever a file calls itself: Pillow would hand an EPS file to another program.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
# What folders and files of splits are called, in whatever case.
SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
NO_DATA = (".", "__MACOSX", "@eaDir")  # how names begin that a system puts beside one's files
PNG = b"\x89PNG\r\n\x1a\n"
ORIENTATION = 0x0112  # the EXIF tag, and how its values are turned upright
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
LARGEST = 100_000_000  # pixels; a file that promises more is taken for a bomb
TOLD = 20  # names in the warning


def image_folder(
    path: str | os.PathLike[str],
    size: int = 32,
    *,
    split: str | None = None,
    test_share: float = 0.2,
    n: int | None = None,
    seed: int = 0,
    stream: bool = False,
    workers: int = 0,
) -> Images:
    """The pictures of a folder, uint8 (N, 3, size, size), labelled by sub-folder; without sub-folders y is None.

    Each picture is turned as its EXIF data say, cut to its central square, resized with anti-aliasing and made RGB:
    transparency becomes white, 16-bit values are scaled by the smallest of 8, 10, 12, 14, 16 bits that holds them.
    Order: natural (a2 before a10). Hidden files and files without a picture's suffix are passed over. What cannot be
    read is skipped and listed in one warning: an empty or truncated file, a text named .png, a bomb, a loop of links.

    Args:
        path: the folder. Pictures in deeper folders belong to the class above them.
        size: pixels of each side.
        split: None for all; "train" or "test" for two parts that never meet: `test_share` of each class, chosen by a
            hash of the file's name, so that new pictures leave the others where they are. Where the folder has
            sub-folders of splits (train, val, test, or such as Training and valid), these are the splits; where its
            one sub-folder is train, that is the folder.
        test_share: 0 to 1.
        n: that many readable pictures, drawn without replacement; None: all.
        seed: of that draw.
        stream: True for more pictures than memory holds: they stay on the disk and are read batch by batch, in the
            order in which a training in memory sees them. Each is read once now, to find out which can be.
        workers: processes that read ahead while streaming; 0 reads in this one.

    Raises:
        DataError: no such folder, no readable picture, a class without samples, train and test of other classes.
        ValueError: unknown split, test_share or size out of range.
    """
    root = place(path)
    if not os.path.isdir(root):
        raise DataError(f"path is {str(path)!r}: there is no such folder; expected a folder with pictures in it")
    if size < 1 or not 0 < test_share < 1:
        raise ValueError(
            f"size is {size}, test_share {test_share}; expected at least 1 pixel and a share between 0 and 1"
        )
    skipped: list[tuple[Path, str]] = []
    files, labels, classes = _candidates(root, split, test_share, skipped)
    rows = shuffled(len(files), n, seed, f"the folder {printable(root)}").tolist()
    pictures: list[np.ndarray] = []
    kept: list[int] = []
    for row in tqdm(rows, desc=printable(root.name), unit=" pictures", delay=2):
        if len(kept) == n:
            break
        try:
            picture = read_picture(files[row], size)
            kept.append(row)
            if not stream:
                pictures.append(picture)
        except Exception as error:  # a damaged file can make a decoder raise anything at all
            skipped.append((files[row].relative_to(root), _why(files[row], error)))
    listed = _listed(skipped)
    if not kept:
        raise DataError(f"path is {str(path)!r}: none of its files is a picture that can be read{listed}")
    y = torch.tensor([labels[row] for row in kept]) if classes else None
    if y is not None and n is None:
        _check_classes(y.bincount(minlength=len(classes)).tolist(), classes, root, listed)
    if skipped:
        warnings.warn(
            f"{printable(root)}: {len(skipped)} of {len(skipped) + len(kept)} files skipped, {len(kept)} read{listed}",
            stacklevel=2,
        )
    name = f"folder:{printable(root.resolve().name)}"
    if stream:
        there = tuple(files[row] for row in kept)
        return StreamedImages(torch.arange(len(kept)), y, classes, name=name, files=there, size=size, workers=workers)
    return Images(torch.from_numpy(np.stack(pictures)), y, classes, name=name)


@dataclass(frozen=True)
class StreamedImages(Images):
    """Pictures that stay on the disk: x is int64 (N,), their numbers; a batch is read when it is wanted.

    Rows, `data[index]`, are `Images` in memory. `image_folder(…, stream=True)` makes it.
    """

    files: tuple[Path, ...] = ()
    size: int = 32
    workers: int = 0

    def __post_init__(self) -> None:
        Items.__post_init__(self)

    def __getitem__(self, index: Any) -> Images:  # type: ignore[override]
        rows = super().__getitem__(index)
        pictures = []
        for i in rows.x.tolist():
            try:
                pictures.append(read_picture(self.files[i], self.size))
            except Exception as error:  # it could be read when the data were made
                raise _gone(self.files[i], error) from error
        x = torch.from_numpy(np.stack(pictures)) if pictures else torch.empty(0, *self.shape, dtype=torch.uint8)
        known = {column.name: getattr(rows, column.name) for column in fields(Images)}
        return unchecked(Images, known | {"x": x.to(self.device)})

    def contents(self) -> Iterator[tuple[str, Any]]:
        """What is known of the pictures, and of each file its name, size and time; not how many workers read them."""
        yield from ((name, column) for name, column in super().contents() if name not in ("files", "workers"))
        for file in self.files:
            try:
                found = file.stat()
            except OSError as error:
                raise _gone(file, error) from error
            yield printable(file.name), (found.st_size, found.st_mtime_ns)

    def batches(self, indices: Iterable[Tensor]) -> Iterator[Images]:  # type: ignore[override]
        """The batches with these rows, through torch's DataLoader, whose batch sampler they are."""
        loader: DataLoader[Images] = DataLoader(
            _Reading(self.to("cpu")),
            batch_sampler=(index.tolist() for index in indices),
            num_workers=self.workers,
            collate_fn=_as_it_is,  # type: ignore[arg-type]
            generator=torch.Generator(),  # else it would draw from the process's own
        )
        return (batch.to(self.device) for batch in loader)

    def inputs(self) -> tuple[Tensor]:
        return self[:].inputs()

    def baseline(self) -> tuple[str, Tensor]:
        parts = [batch.baseline() for batch in self.batches(torch.arange(len(self)).split(500))]
        return parts[0][0], torch.cat([part for _, part in parts])

    @property
    def shape(self) -> tuple[int, int, int]:
        return 3, self.size, self.size


def _gone(file: Path, error: Exception) -> DataError:
    return DataError(
        f"{printable(file)} cannot be read any more ({_why(file, error)}); expected the files as image_folder found "
        "them: bring it back, or make the data anew"
    )


class _Reading(Dataset[Images]):
    """What the DataLoader asks for all rows of a batch at once."""

    def __init__(self, data: StreamedImages) -> None:
        self.data = data

    def __getitems__(self, rows: list[int]) -> Images:
        return self.data[rows]

    def __getitem__(self, row: int) -> Images:
        return self.data[row]


def _as_it_is(batch: Images) -> Images:
    return batch


def read_picture(file: str | os.PathLike[str], size: int) -> np.ndarray:
    """One picture file → uint8 (3, size, size): turned upright, its central square, anti-aliased, RGB on white.

    Raises:
        OSError, ValueError: it is no picture, damaged, or too large.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own remarks on odd files; size is checked below
        try:
            upright = _decoded(file, size)
        except Exception:  # a PNG's picture may be good where its EXIF is damaged
            if (bare := _bare_png(file)) is None:
                raise
            upright = _decoded(bare, size)
    side = min(upright.size)
    left, top = (upright.width - side) // 2, (upright.height - side) // 2
    square = upright.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(square).transpose(2, 0, 1)


def _decoded(file: str | os.PathLike[str] | BinaryIO, size: int) -> Image.Image:
    """The whole picture, RGB, upright."""
    known = [f for f in FORMATS if f in Image.registered_extensions().values()]
    with Image.open(file, formats=known) as image:
        if image.width * image.height > LARGEST:
            raise ValueError(f"{image.width} × {image.height} pixels: a decompression bomb?")
        image.draft("RGB", (2 * size, 2 * size))  # a JPEG decodes at a fraction of its size, 10 × faster
        image.load()
        return _to_rgb(_upright(image))


def _bare_png(file: str | os.PathLike[str]) -> BinaryIO | None:
    """A PNG's picture without what may stand beside it, EXIF, dates, an author's words; None: it is no PNG."""
    with open(file, "rb") as stream:
        if stream.read(len(PNG)) != PNG:
            return None
        chunks = stream.read()
    bare, at = [PNG], 0
    while at + 8 <= len(chunks):
        length, kind = struct.unpack_from(">I4s", chunks, at)
        if (
            kind[:1].isupper() or kind == b"tRNS"
        ):  # PNG specification 5.4: a capital is what a picture cannot do without
            bare.append(chunks[at : at + 12 + length])
        at += 12 + length
    return io.BytesIO(b"".join(bare))


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # EXIF data can be damaged in any way; the picture itself is good, and was read
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        solid = image.convert("RGBA")
        white = Image.new("RGBA", solid.size, "white")
        return Image.alpha_composite(white, solid).convert("RGB")
    return image.convert("RGB")


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of 16 bits, 32 bits or floats → uint8.

    Whole numbers by the range they use, since a 12-bit camera stores 12 bits in 16; all others from least to greatest.
    """
    v = values.astype(np.float64)
    if not np.isfinite(v).all():
        raise ValueError("its values are not all finite")
    low, high = v.min(), v.max()
    if np.issubdtype(values.dtype, np.integer) and low >= 0 and high < 2**16:
        low, high = 0.0, next(2.0**bits - 1 for bits in (8, 10, 12, 14, 16) if high < 2**bits)
    scaled: np.ndarray = np.rint((v - low) * (255 / max(high - low, 1e-12)))
    return scaled.astype(np.uint8)


def splits_among(entries: Mapping[Path, str], split: str | None) -> dict[str, Path] | None:
    """{split: the folder or file that holds it}, where two or more of these are called by splits; else None.

    Args:
        entries: {folder or file: what it is called}; "Training" is train, whatever its case, "valid" is val.
        split: the one that is wanted.

    Raises:
        DataError: two of them are the same split.
        ValueError: none of them is the split that is wanted.
    """
    parts = [(part, entry) for part, names in SPLITS.items() for entry in entries if entries[entry].casefold() in names]
    if len(parts) < 2:  # one alone is a class of that name: a train beside a car and a bus
        return None
    root, found = parts[0][1].parent, dict(parts)
    listed = f"{printable(root)} has {', '.join(printable(entry.name) for _, entry in parts)}"
    if len(found) < len(parts):
        raise DataError(f"{listed}, of which two are the same split; expected one for each split")
    if split not in found:
        raise ValueError(
            f"split is {split!r}; {listed}: expected {' or '.join(map(repr, found))}; or rename what you mean to "
            f"{split or 'train'}"
        )
    return found


def _candidates(
    root: Path, split: str | None, test_share: float, skipped: list[tuple[Path, str]]
) -> tuple[list[Path], list[int], tuple[str, ...]]:
    """The files of one split that may be pictures, each one's label, and the names of the classes."""
    folders = _folders(root)
    if len(folders) == 1 and folders[0].name.casefold() in SPLITS["train"]:
        return _candidates(folders[0], split, test_share, skipped)
    by_name = splits_among({folder: folder.name for folder in folders}, split)
    if by_name is None:
        if split not in (None, "train", "test"):
            raise ValueError(f"split is {split!r}; a folder has None (all), 'train' and 'test'")
        files, labels, classes = _labelled(root, root, skipped)
        return (files, labels, classes) if split is None else _part(files, labels, classes, split, test_share, root)
    mine = by_name[str(split)]
    for entry in set(_entries(root)) - set(by_name.values()):
        if _is_candidate(entry, root, []) or (os.path.isdir(entry) and any(_walk(entry, root, set(), []))):
            skipped.append((entry.relative_to(root), "lies beside the folders of the splits"))
    theirs, ours = ({printable(f.name) for f in _folders(by_name.get(part, mine))} for part in ("train", str(split)))
    if theirs != ours:
        raise DataError(
            f"{printable(root)}: the classes of train and {split} differ; only in train: "
            f"{sorted(theirs - ours) or 'none'}, only in {split}: {sorted(ours - theirs) or 'none'}; expected the same "
            "sub-folders"
        )
    return _labelled(mine, root, skipped)


def _labelled(
    folder: Path, root: Path, skipped: list[tuple[Path, str]]
) -> tuple[list[Path], list[int], tuple[str, ...]]:
    seen = {folder.resolve()}
    folders = [f for f in _folders(folder) if _enter(f, root, seen, skipped)]
    loose = [f for f in _entries(folder) if not os.path.isdir(f) and _is_candidate(f, root, skipped)]
    if not folders:
        return loose, [0] * len(loose), ()
    skipped += [(f.relative_to(root), "lies beside the folders of the classes") for f in loose]
    by_class = [list(_walk(f, root, seen, skipped)) for f in folders]
    classes = tuple(printable(f.name) for f in folders)
    _check_classes([len(files) for files in by_class], classes, root, _listed(skipped))
    return [f for files in by_class for f in files], [i for i, files in enumerate(by_class) for _ in files], classes


def _part(
    files: list[Path], labels: list[int], classes: tuple[str, ...], split: str, test_share: float, root: Path
) -> tuple[list[Path], list[int], tuple[str, ...]]:
    """The train or the test part of each class: the test part has the smallest hashes."""
    chosen: list[int] = []
    for label in range(max(1, len(classes))):
        rows = [row for row, of in enumerate(labels) if of == label]
        if len(rows) == 1:
            what = f"class {classes[label]!r}" if classes else f"the folder {printable(root)}"
            raise DataError(f"{what} has one picture; expected at least 2 to share between train and test")
        count = min(max(1, round(test_share * len(rows))), len(rows) - 1)
        ranked = sorted(rows, key=lambda row: hashlib.sha256(_named(files[row], root)).digest())
        chosen += ranked[:count] if split == "test" else ranked[count:]
    chosen.sort()
    return [files[row] for row in chosen], [labels[row] for row in chosen], classes


def _named(file: Path, root: Path) -> bytes:
    """The bytes of its name below `root`, by which its part is drawn: the same on every system."""
    return os.fsencode(file.relative_to(root).as_posix())


def _walk(folder: Path, root: Path, seen: set[Path], skipped: list[tuple[Path, str]]) -> Iterator[Path]:
    for entry in _entries(folder):
        if not os.path.isdir(entry):
            if _is_candidate(entry, root, skipped):
                yield entry
        elif _enter(entry, root, seen, skipped):
            yield from _walk(entry, root, seen, skipped)


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, hidden files apart, in natural order."""
    try:
        return sorted((f for f in folder.iterdir() if not f.name.startswith(NO_DATA)), key=_natural)
    except OSError as error:
        raise DataError(f"the folder {printable(folder)} cannot be read ({error.strerror})") from error


def _folders(folder: Path) -> list[Path]:
    return [f for f in _entries(folder) if os.path.isdir(f)]


def _natural(path: Path) -> tuple[list[str | int], str]:
    parts = re.split(r"(\d+)", path.name.casefold())  # text and digits in turn
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], path.name


def _enter(folder: Path, root: Path, seen: set[Path], skipped: list[tuple[Path, str]]) -> bool:
    """Whether to walk into a folder: a link only to where we have not been and shall not be anyway."""
    target = folder.resolve()
    if folder.is_symlink():
        home = root.resolve()
        if target in seen or target.is_relative_to(home) or home.is_relative_to(target):
            skipped.append((folder.relative_to(root), "a link to a folder that is read anyway (a loop?)"))
            return False
    seen.add(target)
    return True


def _is_candidate(file: Path, root: Path, skipped: list[tuple[Path, str]]) -> bool:
    if file.suffix.lower() not in SUFFIXES:
        return False
    try:
        if stat.S_ISREG(file.stat().st_mode):
            return True
        why = "not an ordinary file"  # opening a pipe would wait for ever
    except (OSError, RuntimeError) as error:
        why = "a link that leads nowhere or in a circle" if file.is_symlink() else str(error)
    skipped.append((file.relative_to(root), why))
    return False


def _check_classes(counts: list[int], classes: tuple[str, ...], root: Path, listed: str) -> None:
    if empty := [name for name, count in zip(classes, counts, strict=True) if not count]:
        raise DataError(
            f"{printable(root)}: no picture that can be read for class {', '.join(map(repr, empty))}; put pictures "
            f"into that folder or take it away{listed}"
        )


def _why(file: Path, error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return "too many pixels: a decompression bomb?"
    try:
        if file.stat().st_size == 0:
            return "empty file"
    except OSError:
        pass
    if file.suffix.lower() in (".heic", ".heif"):
        return "HEIC is not read here: save it as JPEG"
    if isinstance(error, Image.UnidentifiedImageError):
        return "not a picture, whatever its name says"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return str(error) or type(error).__name__


def _listed(skipped: list[tuple[Path, str]]) -> str:
    if not skipped:
        return ""
    lines = [f"\n  {printable(name)}: {why}" for name, why in skipped[:TOLD]]
    return ":" + "".join(lines) + (f"\n  … and {len(skipped) - TOLD} more" if len(skipped) > TOLD else "")
