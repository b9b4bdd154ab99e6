"""The augmentation inspector: a slider for each operation, and what becomes of a picture. Lesson 01."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as W
import torch
import torch.nn.functional as F
import traitlets as T
from torch import Tensor

from sslwb.augment.images import OPERATIONS, RandomViews, as_float
from sslwb.data import Images
from sslwb.widgets.live import OfPictures, button, picture_number, row
from sslwb.widgets.pictures import figure, picture, title_of

Embed = Callable[[Tensor], Tensor]
# operation → (least, most, step, what the slider says, what it means)
SLIDERS = {
    "crop": (0.05, 1.0, 0.05, "crop from", "smallest share of the area that a crop keeps; 1 is no crop"),
    "flip": (0.0, 1.0, 0.05, "flip", "probability of a mirror image"),
    "rotate": (0.0, 180.0, 5.0, "rotate ±°", "largest rotation to either side, degrees"),
    "brightness": (0.0, 1.0, 0.05, "brightness", "strength of the change of brightness"),
    "contrast": (0.0, 1.0, 0.05, "contrast", "strength of the change of contrast"),
    "saturation": (0.0, 1.0, 0.05, "saturation", "strength of the change of saturation"),
    "hue": (0.0, 0.5, 0.025, "hue", "largest shift of the hue, as a share of the colour circle; 0.5 is any colour"),
    "gray": (0.0, 1.0, 0.05, "gray", "probability of a grey picture"),
    "blur": (0.0, 1.0, 0.05, "blur", "probability of a blur"),
    "solarise": (0.0, 1.0, 0.05, "solarise", "probability that bright values are inverted"),
    "noise": (0.0, 0.5, 0.025, "noise", "largest standard deviation of the noise"),
    "cutout": (0.0, 0.6, 0.05, "cut out", "share of the area that a grey square hides"),
}
assert tuple(SLIDERS) == OPERATIONS
OTHERS = 24  # how many different pictures the views are compared with


class Inspector(OfPictures):
    """See `inspector`."""

    purpose = "move the augmentations and see the views"
    draw = T.Int(0)
    recipe = T.Any()

    def __init__(
        self, images: Images, recipe: RandomViews, encoders: Mapping[str, Embed], count: int, side: int
    ) -> None:
        self.images, self.base, self.encoders, self.count, self.side = images, recipe, encoders, count, side
        self.views: list[Tensor] = []
        self.agreement: dict[str, tuple[float, float, float]] = {}
        first = recipe.kinds[0][1]
        self.sliders = {
            name: W.FloatSlider(
                min=low,
                max=high,
                step=step,
                value=_strength(first, name),
                description=label,
                tooltip=meaning,
                readout_format=".0f" if step >= 1 else ".3f" if step < 0.05 else ".2f",
                style={"description_width": "76px"},
                layout={"width": "280px"},
            )
            for name, (low, high, step, label, meaning) in SLIDERS.items()
        }
        if images.shape[0] == 1:
            for name in ("saturation", "hue", "gray"):  # grey pictures have no colours to change
                self.sliders[name].disabled = True
        self._own = {name: slider.value for name, slider in self.sliders.items()}
        self._number = picture_number(images)
        self._again = button("Another draw", "the same recipe, other random numbers")
        self._reset = button("Reset", "all sliders back to the recipe's own settings")
        self._pictures, self._status = W.HTML(), W.HTML()
        super().__init__(
            [
                row(self._number, self._again, self._reset),
                row(*self.sliders.values()),
                self._pictures,
                self._status,
            ]
        )
        self.recipe = recipe
        T.link((self, "picture"), (self._number, "value"))
        self._again.on_click(lambda _: self.set_trait("draw", self.draw + 1))
        self._reset.on_click(lambda _: self.reset())
        for slider in self.sliders.values():
            slider.observe(self._moved, "value")
        self.observe(lambda _: self._show(), ["picture", "draw", "recipe"])
        self._show()

    def reset(self) -> None:
        """All sliders back to the recipe's own settings."""
        for name, value in self._own.items():
            self.sliders[name].value = value

    @property
    def changed(self) -> dict[str, float]:
        """The operations whose slider differs from the recipe."""
        return {name: s.value for name, s in self.sliders.items() if s.value != self._own[name]}

    def _moved(self, change: Any) -> None:
        changed = dict(self.changed)
        crop = changed.pop("crop", None)
        recipe = self.base.change(**changed)
        if crop is not None:  # each kind of view keeps its upper bound
            recipe = RandomViews(
                tuple((n, replace(a, crop=(min(crop, a.crop[1]), a.crop[1]))) for n, a in recipe.kinds)
            )
        self.recipe = recipe

    def _show(self) -> None:
        with torch.no_grad():
            self.views = self._draw(self.images.x[[self.picture]], self.draw)
            self.agreement = {name: self._agree(embed) for name, embed in self.encoders.items()}
        title = title_of(self.images, self.picture)
        original = figure(self.images.x[self.picture], f"{title}, the original", 2 * self.side + 6, title)
        grid = "".join(
            picture(v, f"view {i} of {len(self.views)} of {title}", self.side) for i, v in enumerate(self.views, 1)
        )
        self._pictures.value = (
            f'<div class="beside">{original}'
            f'<figure><div class="grid">{grid}</div>'
            f"<figcaption>{len(self.views)} views, draw {self.draw}</figcaption></figure></div>"
        )
        self._status.value = self._sentence() + self._table()

    def _draw(self, x: Tensor, seed: int) -> list[Tensor]:
        """`count` views of each picture of (B, C, H, W). The random numbers depend on the seed alone: a slider changes
        how strong an operation is and not what is drawn."""
        per_call = sum(n for n, _ in self.recipe.kinds)
        times = max(1, round(self.count / per_call))
        generator = torch.Generator(x.device).manual_seed(seed)
        views = self.recipe(x.repeat_interleave(times, 0), generator)
        return [v for several in zip(*views, strict=True) for v in several]

    def _agree(self, embed: Embed) -> tuple[float, float, float]:
        """Mean cosine of (original, view), (view, view) of this picture, and (view, view) of different pictures."""
        g = torch.Generator().manual_seed(0)
        index = [i for i in torch.randperm(len(self.images), generator=g)[: OTHERS + 1].tolist() if i != self.picture]
        others = self.recipe(self.images.x[index], torch.Generator().manual_seed(self.draw))[0]
        same_size = [v for v in self.views if v.shape == self.views[0].shape]
        original = F.interpolate(
            as_float(self.images.x[[self.picture]]), same_size[0].shape[-2:], mode="bilinear", antialias=True
        )
        z = F.normalize(embed(torch.cat([original, torch.stack(same_size), others])).float().cpu(), dim=1)
        here, there = z[1 : 1 + len(same_size)], z[1 + len(same_size) :]
        pairs = (here @ here.T)[~torch.eye(len(here), dtype=torch.bool)]
        return float((here @ z[0]).mean()), float(pairs.mean()), float((here @ there.T).mean())

    def _sentence(self) -> str:
        if not self.changed:
            return '<p class="quiet">All sliders as in the recipe.</p>'
        moved = ", ".join(f"{SLIDERS[n][3]} {v:g} (was {self._own[n]:g})" for n, v in self.changed.items())
        return f'<p class="quiet">Changed: {moved}</p>'

    def _table(self) -> str:
        if not self.agreement:
            return ""
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th>"
            + "".join(f"<td>{v:.2f}</td>" for v in values)
            + f"<td>{values[1] - values[2]:+.2f}</td></tr>"
            for name, values in self.agreement.items()
        )
        return (
            "<table><caption class='quiet' style='text-align:left'>Mean cosine (1: the same direction)</caption>"
            "<tr><th></th><th>original and view</th><th>two views</th><th>views of two pictures</th><th>gap</th></tr>"
            f"{rows}</table>"
        )


def inspector(
    images: Images,
    recipe: RandomViews,
    embed: Embed | Mapping[str, Embed] | None = None,
    *,
    views: int = 8,
    side: int = 72,
) -> Inspector:
    """A slider for each operation of a recipe, a picture, and its views.

    Args:
        images: pictures to choose from.
        recipe: such as `augment.images.simclr()`; the sliders begin at its settings. One that is not moved leaves its
            operation as it is in every kind of view.
        embed: an encoder, (B, C, H, W) floats → (B, D); several by name. Its mean cosines are shown:
            original and view, two views, and, to compare, views of different pictures.
        views: about how many are shown.
        side: of a view on the screen, pixels.

    Returns:
        A widget; `.recipe` holds the sliders' settings, ready for `start`; `.views`, `.agreement`, `.picture`, `.draw`.

    Raises:
        ValueError: there is no picture.
    """
    if len(images) == 0:
        raise ValueError("images holds no picture; expected at least one")
    encoders = {} if embed is None else embed if isinstance(embed, Mapping) else {"the encoder": embed}
    return Inspector(images, recipe, encoders, views, side)


def _strength(augment: Any, name: str) -> float:
    value = getattr(augment, name)
    return float(value[0] if name == "crop" else value)
