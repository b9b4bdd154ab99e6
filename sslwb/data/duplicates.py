"""Which items are there twice: by a hash of what they are, whatever their files are called."""

from __future__ import annotations

import hashlib

import torch

from sslwb.data.containers import Items

ROWS = 500  # read at a time: the items may be more than memory holds


def fingerprints(data: Items) -> list[str]:
    """A hash of each item's own tensors, N of them: the same for the same picture, in any order and under any name."""
    found = []
    for batch in data.batches(torch.arange(len(data)).split(ROWS)):
        columns = [column.cpu().contiguous().flatten(1).numpy() for column in batch.inputs()]
        found += [hashlib.sha256(b"".join(c[i].tobytes() for c in columns)).hexdigest()[:32] for i in range(len(batch))]
    return found


def duplicates(data: Items) -> list[list[int]]:
    """The groups of items that are the same, two or more in each, by their numbers; [] where each is there once.

    What is compared is what an encoder is given: a picture that was saved twice in one format is found, the same scene
    photographed twice or saved anew as a smaller JPEG is not.

    Raises:
        TypeError: data is no container.
    """
    if not isinstance(data, Items):
        raise TypeError(f"data is {type(data).__name__}; expected a container such as image_folder(…) gives")
    groups: dict[str, list[int]] = {}
    for row, mark in enumerate(fingerprints(data)):
        groups.setdefault(mark, []).append(row)
    return [rows for rows in groups.values() if len(rows) > 1]
