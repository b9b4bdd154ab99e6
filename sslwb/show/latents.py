"""What latents paint: a plane of two, one latent after the other; and the normal distributions that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from sslwb.show.card import Card, blank, by_name, name_lines, numbers, titled
from sslwb.show.colours import PALETTE, PAPER
from sslwb.show.pictures import Cell, as_rgb, grid

SPAN = 4.0  # how far a density is drawn to both sides of 0
Paint = Callable[[Any], Any]


def latent_plane(
    paint: Paint,
    latents: int = 2,
    axes: tuple[int, int] = (0, 1),
    *,
    reach: float = 2.0,
    steps: int = 7,
    title: str = "",
    caption: str = "",
) -> Card:
    """What is painted at places of a plane of two latents, the others 0: the still twin of `widgets.latent_walk`.

    Args:
        paint: latents (B, Z) → pictures (B, C, H, W) with values from 0 to 1, such as `VAE.paint`.
        latents: how many there are, Z.
        axes: of the latents, from 0: which runs from left to right, and which from down to up.
        reach: the plane runs from -reach to reach.
        steps: pictures in a row.
        title: what the figure says.
        caption: a line below; by default it says what runs where.

    Raises:
        ValueError: fewer than two latents or steps, or axes that are not two of them.
    """
    if latents < 2 or steps < 2 or len({*axes} & {*range(latents)}) < 2:
        raise ValueError(f"latents is {latents}, steps {steps}, axes {axes}; expected ≥ 2 latents and steps, two axes")
    values = np.linspace(-reach, reach, steps)
    z = np.zeros((steps, steps, latents))
    z[:, :, axes[0]], z[:, :, axes[1]] = values[None, :], values[::-1, None]
    across, up = (f"z{axis + 1}" for axis in axes)
    where = f"{across} from {-reach:g} to {reach:g}, left to right; {up} the same, down to up"
    pictures = _painted(paint, z)
    rows = [[Cell(p) for p in pictures[i * steps : (i + 1) * steps]] for i in range(steps)]
    names = [f"{up} = {v:.1f}" for v in values[::-1]]
    alt = f"{title or 'A plane of two latents'}. {steps} by {steps} painted pictures: {where}."
    return grid(rows, names=names, title=title, caption=caption or where, alt=alt)


def traversals(
    paint: Paint,
    latents: int,
    *,
    reach: float = 2.0,
    steps: int = 8,
    names: Sequence[str] | None = None,
    title: str = "",
    caption: str = "",
) -> Card:
    """A row for each latent: it runs from -reach to reach while the others are 0.

    Args:
        paint: latents (B, Z) → pictures (B, C, H, W) with values from 0 to 1, such as `VAE.paint`.
        latents: how many there are, Z.
        reach: how far each runs.
        steps: pictures in a row.
        names: of the rows; by default z1, z2 …
        title: what the figure says.
        caption: a line below; by default it says what runs where.

    Raises:
        ValueError: no latent, fewer than two steps, or another number of names.
    """
    words = [f"z{i + 1}" for i in range(latents)] if names is None else list(names)
    if latents < 1 or steps < 2 or len(words) != latents:
        raise ValueError(
            f"latents is {latents}, steps {steps}, names {len(words)}; expected ≥ 1 latent, ≥ 2 steps, a name for each"
        )
    values = np.linspace(-reach, reach, steps)
    pictures = _painted(paint, np.eye(latents)[:, None, :] * values[None, :, None])
    rows = [[Cell(p) for p in pictures[i * steps : (i + 1) * steps]] for i in range(latents)]
    where = f"each from {-reach:g} to {reach:g}, left to right, the others 0"
    alt = f"{title or 'One latent after the other'}. {', '.join(words)}: {where}."
    return grid(rows, names=words, title=title, caption=caption or where, alt=alt)


def densities(normals: Mapping[str, tuple[float, float]], *, title: str = "", caption: str = "") -> Card:
    """Normal distributions of one number, as curves over it.

    Args:
        normals: {name: (mean, standard deviation)}.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: none, or a standard deviation that is not above 0.
    """
    figure, ((ax,),) = blank(2.6)
    x, ends, described = np.linspace(-SPAN, SPAN, 401), [], []
    for (name, pair), colour in zip(by_name("normals", normals).items(), cycle(PALETTE), strict=False):
        mean, std = numbers(name, pair)
        if not std > 0:
            raise ValueError(f"the standard deviation of {name} is {std}; expected a number above 0")
        y = np.exp(-(((x - mean) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))
        ax.fill_between(x, y, color=colour, alpha=0.15, linewidth=0)
        ax.plot(x, y, color=colour, linewidth=2)
        top = float(np.clip(mean, -SPAN, SPAN))
        ends.append((float(np.interp(top, x, y)), name, colour))
        described.append(f"{name}: mean {mean:.2f}, standard deviation {std:.2f}")
    ax.set(xlim=(-SPAN, SPAN), ylim=(0, None), xlabel="z", ylabel="density", facecolor=PAPER)
    titled(ax, title)
    name_lines(ax, ends)
    return Card(figure, f"{title or 'Densities'}. {'; '.join(described)}.", caption)


def _painted(paint: Paint, z: np.ndarray) -> list[np.ndarray]:
    """Pictures of latents (…, Z), one behind the other."""
    import torch  # what only looks at numbers loads none

    with torch.no_grad():
        return as_rgb("what is painted", paint(torch.from_numpy(z.reshape(-1, z.shape[-1])).float()))
