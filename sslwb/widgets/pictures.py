"""Tensors → pictures that a browser shows."""

from __future__ import annotations

import base64
import html
import io

from PIL import Image
from torch import Tensor

from sslwb.data import Images


def png(x: Tensor) -> bytes:
    """One picture, uint8 or float in [0, 1], (C, H, W) with C 1 or 3 → PNG.

    Raises:
        ValueError: another shape.
    """
    if x.ndim != 3 or x.shape[0] not in (1, 3):
        raise ValueError(f"x has shape {tuple(x.shape)}; expected one picture (C, H, W) with C 1 or 3")
    if x.is_floating_point():
        x = (x.detach().clamp(0, 1) * 255).round().byte()
    pixels = x.cpu().permute(1, 2, 0).squeeze(-1).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", compress_level=1)
    return file.getvalue()


def picture(x: Tensor, alt: str, side: int = 64, style: str = "") -> str:
    """One picture as HTML, `side` pixels wide; `alt` is what a screen reader says."""
    data = base64.b64encode(png(x)).decode()
    alt = html.escape(alt)
    return f'<img src="data:image/png;base64,{data}" alt="{alt}" title="{alt}" width="{side}" style="{style}">'


def label_of(images: Images, index: int) -> str:
    """The name of a picture's label, or nothing where nobody labelled it."""
    if images.y is None:
        return ""
    label = int(images.y[index])
    return images.classes[label] if label < len(images.classes) else f"class {label}"


def title_of(images: Images, index: int) -> str:
    """ "picture 7, disc"."""
    label = label_of(images, index)
    return f"picture {index}, {label}" if label else f"picture {index}"
