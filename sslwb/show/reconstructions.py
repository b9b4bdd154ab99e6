"""Pictures, what a mask leaves of them, and what was predicted for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sslwb.show.card import Card, by_name
from sslwb.show.colours import HATCH, rgb
from sslwb.show.pictures import Cell, as_rgb, grid


def reconstructions(
    originals: Any, hidden: Any, guesses: Mapping[str, Any], patch: int = 4, *, title: str = "", caption: str = ""
) -> Card:
    """Pictures, what a mask leaves of them, and what was predicted for the rest: a row each.

    Args:
        originals: B pictures, at most 12; see `pictures`.
        hidden: bool (B, L) or (B, rows, columns), True where a patch is hidden.
        guesses: {name: B predicted pictures}; their hidden patches are shown, the others are the originals'.
        patch: side of a patch, pixels.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: no guess, more than 12 pictures, or a mask or a guess that does not fit them.
    """
    first = as_rgb("originals", originals)
    h, w = first[0].shape[:2]
    mask = np.asarray(hidden.detach().cpu() if hasattr(hidden, "detach") else hidden)
    rest = {name: as_rgb(f"guesses[{name!r}]", g) for name, g in by_name("guesses", guesses).items()}
    wrong = [name for name, g in rest.items() if len(g) != len(first) or g[0].shape != first[0].shape]
    if len(first) > 12 or wrong or mask.dtype != bool or mask.size != len(first) * (h // patch) * (w // patch):
        raise ValueError(
            f"originals holds {len(first)} pictures of {h} by {w}, hidden is {mask.dtype} {mask.shape}, patch {patch}, "
            f"other than the originals: {wrong or 'no guess'}; expected at most 12 pictures, bool (B, L) for their "
            "patches, and guesses of the same shape"
        )
    mask = mask.reshape(-1, h // patch, w // patch)
    stripes = np.where((np.indices((h, w)).sum(0) % 4 < 2)[..., None], rgb(HATCH[0]), rgb(HATCH[1])).astype(np.uint8)
    covered = [np.where(m[..., None], stripes, p) for p, m in zip(first, pixels_of(mask, patch), strict=True)]
    rows, errors = [[Cell(p) for p in first], [Cell(p) for p in covered]], []
    for name, guess in guesses.items():
        filled, error = fill(getattr(originals, "x", originals), mask, guess, patch)
        rows.append([Cell(p) for p in as_rgb(name, filled)])
        errors.append(f"{name}: mean squared error {error:.4f}")
    described = (
        f"{len(first)} pictures, the same with {mask.mean():.0%} of their patches hidden, and those patches predicted"
    )
    return grid(
        rows,
        names=["original", "masked", *rest],
        title=title,
        caption=caption,
        alt=f"{title or 'Masked pictures'}. {described}. {'; '.join(errors)}.",
        rule=True,
    )


def fill(pictures: Any, hidden: Any, guess: Any, patch: int) -> tuple[np.ndarray, float]:
    """The guess in the hidden patches and the pictures elsewhere; and the mean squared error over the hidden pixels.

    Args:
        pictures, guess: (B, C, H, W), uint8 or floats from 0 to 1. The error is that of the guess as it came, even
            where it lies outside of 0 to 1.
        hidden: bool (B, H / patch, W / patch), True where a patch is hidden.
        patch: side of a patch, pixels.

    Returns:
        (B, C, H, W) float32, and the error, NaN where nothing is hidden.
    """
    true, guessed = _floats(pictures), _floats(guess)
    there = np.broadcast_to(pixels_of(np.asarray(hidden), patch)[:, None], true.shape)
    apart = (guessed - true)[there]
    return np.where(there, guessed, true), float(np.square(apart).mean()) if apart.size else float("nan")


def pixels_of(hidden: np.ndarray, patch: int) -> np.ndarray:
    """(B, rows, columns) patches → (B, H, W) pixels."""
    return hidden.repeat(patch, 1).repeat(patch, 2)


def _floats(x: Any) -> np.ndarray:
    """float32; uint8 becomes 0 to 1."""
    values = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
    floats: np.ndarray = values.astype(np.float32)
    return floats / np.float32(255) if values.dtype == np.uint8 else floats
