"""Tensors → pictures that a browser shows."""

from __future__ import annotations

import base64
import html
import io

from PIL import Image
from torch import Tensor

from sslwb.data import Images
from sslwb.show.pictures import as_rgb, label_names


def png(x: Tensor) -> bytes:
    """One picture, uint8 or float in [0, 1], (C, H, W) with C 1 or 3 → PNG.

    Raises:
        ValueError: another shape, or values that are not finite.
    """
    if x.ndim != 3:
        raise ValueError(f"x has shape {tuple(x.shape)}; expected one picture (C, H, W) with C 1 or 3")
    (pixels,) = as_rgb("x", x[None])
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", compress_level=1)
    return file.getvalue()


def address(x: Tensor) -> str:
    """One picture as a data: URL."""
    return f"data:image/png;base64,{base64.b64encode(png(x)).decode()}"


def picture(x: Tensor, alt: str, side: int = 64) -> str:
    """One picture as HTML, `side` pixels wide; `alt` is what a screen reader says."""
    alt = html.escape(alt)
    return f'<img src="{address(x)}" alt="{alt}" title="{alt}" width="{side}">'


def figure(x: Tensor, alt: str, side: int, caption: str) -> str:
    """One picture with a line below it."""
    return f"<figure>{picture(x, alt, side)}<figcaption>{html.escape(caption)}</figcaption></figure>"


def title_of(images: Images, index: int) -> str:
    """ "picture 7, disc"."""
    return ", ".join([f"picture {index}", *label_names(images[index])])
