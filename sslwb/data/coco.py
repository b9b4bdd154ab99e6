"""COCO128: photographs of everyday scenes with a box round each thing, the real counterpart of the world of scenes."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sslwb.data.folder import read_picture
from sslwb.data.readers import draw
from sslwb.data.scenes import Scenes
from sslwb.data.store import DataError

ARCHIVE = "coco128_416.zip"
FOLDERS = {"train": "train2017", "test": "val2017"}
LEAST_LEFT = 0.25  # of a box's area that must lie in the square, or the object is dropped
LEAST_SIDE = 2.0  # pixels: what is narrower cannot be seen
LARGEST = 16 << 20  # bytes of one file in the archive


def coco128(folder: Path, split: str, n: int | None, seed: int, *, size: int = 128) -> Scenes:
    """The first 128 photographs of COCO train2017, and of val2017 as the test split, size × size.

    Of each photograph the central square is kept, and scaled; boxes are moved and cut with it. An object is dropped
    where less than a quarter of its box is left, or what is left is under two pixels wide or high, so that a photograph
    may have none. The kinds are COCO's 80. There are no masks: the set has polygons for some of its photographs only,
    which are not read.

    Raises:
        DataError: the archive is damaged, or is another one.
        ValueError: size below 16.
    """
    if size < 16:
        raise ValueError(f"size is {size}; expected 16 pixels or more: what is smaller shows no scene")
    file = folder / ARCHIVE
    inside = FOLDERS[split]
    try:
        with zipfile.ZipFile(file) as archive:
            names = _names(_text(archive, "object_detection/config.yaml"))
            pictures = sorted(name for name in archive.namelist() if name.startswith(f"images/{inside}/"))
            rows = draw(len(pictures), n, seed, f"coco128 ({split})")
            read = [_scene(archive, pictures[row], inside, size, len(names)) for row in rows.tolist()]
    except (OSError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, ValueError) and str(error).startswith("n is"):  # the caller's, not the file's
            raise
        raise DataError(
            f"{file} is not the archive of coco128, or is damaged ({error}): sslwb data verify coco128"
        ) from error
    most = max(1, *(len(kinds) for _, _, kinds in read)) if read else 1
    boxes, kinds = torch.zeros(len(read), most, 4), torch.full((len(read), most), -1)
    for row, (_, own_boxes, own_kinds) in enumerate(read):
        boxes[row, : len(own_kinds)], kinds[row, : len(own_kinds)] = own_boxes, own_kinds
    x = torch.from_numpy(np.stack([picture for picture, _, _ in read]))
    return Scenes(x, classes=names, name="coco128", boxes=boxes, kinds=kinds)


def _scene(
    archive: zipfile.ZipFile, name: str, inside: str, size: int, kinds: int
) -> tuple[np.ndarray, Tensor, Tensor]:
    """One photograph, uint8 (3, size, size); its boxes (M, 4) in pixels; their kinds, int64 (M,)."""
    packed = _bytes(archive, name)
    with Image.open(io.BytesIO(packed)) as image:
        width, height = image.size
    labels = f"object_detection/labels/{inside}/{Path(name).stem}.txt"
    lines = _text(archive, labels).splitlines() if labels in archive.namelist() else []
    values = [[float(word) for word in line.split()] for line in lines if line.strip()]
    if any(len(row) != 5 or not 0 <= row[0] < kinds for row in values):
        raise ValueError(f"{labels} holds a line that is no kind, 0 to {kinds - 1}, with four numbers")
    numbers = torch.tensor(values, dtype=torch.float64).view(-1, 5)
    kind, (x, y, w, h) = numbers[:, 0].long(), numbers[:, 1:].unbind(1)
    boxes = torch.stack((x - w / 2, y - h / 2, x + w / 2, y + h / 2), 1) * torch.tensor((width, height) * 2)
    boxes, kept = squared(boxes, width, height, size)
    return read_picture(io.BytesIO(packed), size), boxes[kept], kind[kept]  # type: ignore[arg-type]


def squared(boxes: Tensor, width: int, height: int, size: int) -> tuple[Tensor, Tensor]:
    """Boxes (M, 4) of a picture in its central square, scaled to size × size; bool (M,): of which enough is left."""
    side = min(width, height)
    corner = torch.tensor(((width - side) // 2, (height - side) // 2) * 2, dtype=boxes.dtype)
    moved = (boxes - corner) * (size / side)
    cut = moved.clamp(0, size)
    (before, after) = (((b[:, 2:] - b[:, :2]).clamp_min(0)) for b in (moved, cut))
    kept = (after.prod(1) >= LEAST_LEFT * before.prod(1)) & (after >= LEAST_SIDE).all(1)
    return cut.float(), kept


def _names(config: str) -> tuple[str, ...]:
    """The kinds as the set's own file lists them: a line "  0: person" each."""
    numbered = {int(number): name.strip() for number, name in re.findall(r"^\s+(\d+):\s*(.+)$", config, re.MULTILINE)}
    if not numbered or sorted(numbered) != [*range(len(numbered))]:
        raise ValueError("object_detection/config.yaml does not number the kinds from 0")
    return tuple(numbered[number] for number in range(len(numbered)))


def _bytes(archive: zipfile.ZipFile, name: str) -> bytes:
    if (size := archive.getinfo(name).file_size) > LARGEST:
        raise ValueError(f"{name} has {size:,} bytes; expected less than {LARGEST:,}")
    return archive.read(name)


def _text(archive: zipfile.ZipFile, name: str) -> str:
    return _bytes(archive, name).decode("utf-8")
