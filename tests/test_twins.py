"""A live widget and its static twin show the same: one function computes both."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from sslwb import show, widgets
from sslwb.data import Images
from sslwb.show.card import Card
from sslwb.show.colours import PALETTE, PAPER, rgb
from sslwb.show.curves import running_mean
from sslwb.show.embedding import Colouring
from sslwb.widgets.monitor import curve, spectrum_curve, thinned


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def flat() -> Images:
    """Forty pictures, each all of one grey, 4 · its number: a figure can be read back."""
    x = 4 * torch.arange(40, dtype=torch.uint8)[:, None, None, None].expand(40, 3, 8, 8)
    return Images(x.contiguous(), torch.arange(40) % 4, ("a", "b", "c", "d"))


def first_row(card: Card) -> list[int]:
    """The numbers of the pictures in the first row of a figure, from left to right."""
    (sheet,) = (image.get_array() for image in card.figure.axes[0].images)
    paper = np.array(rgb(PAPER))
    middle = next(i for i in range(len(sheet)) if len(np.unique(sheet[i], axis=0)) > 3) + 5
    line = [tuple(p) for p in sheet[middle].tolist()]
    cells = [p for p, before in zip(line, [None, *line], strict=False) if p != before and p != tuple(paper)]
    return [p[0] // 4 for p in cells]


@pytest.mark.parametrize("common", [0.0, 100.0], ids=["centred", "a large common mean"])
def test_neighbours(flat: Images, common: float) -> None:
    z = random(40, 6) + common
    live = widgets.neighbours(flat, {"z": z}, k=5)
    for query in (0, 7, 39):
        live.picture = query
        still = show.neighbours(flat, {"z": z}, [query], k=5)
        assert first_row(still) == [query, *live.found["z"]]
        same = int(re.search(r"(\d) of 5 share", live._grid.value)[1])  # type: ignore[index]
        assert f"z: {same} of 5 share the label" in still.alt
        assert live._grid.value.count('class="same"') == same
    if common:  # without the mean taken off, neighbours would be others
        cosine = torch.cosine_similarity(z[39], z)
        cosine[39] = -1
        assert cosine.topk(5).indices.tolist() != live.found["z"]


def test_embeddings_of_any_shape_have_the_neighbours_of_their_numbers(flat: Images) -> None:
    z = random(40, 3, 2, 2)
    live = widgets.neighbours(flat, {"z": z, "flat": z.flatten(1)}, k=5)
    assert live.found["z"] == live.found["flat"]
    assert first_row(show.neighbours(flat, {"z": z}, [0], k=5)) == [0, *live.found["z"]]


@pytest.mark.parametrize("labels", [torch.arange(40) % 12, random(40), torch.rand(40)], ids=["class", "value", "turn"])
def test_maps_have_the_same_colours(flat: Images, labels: torch.Tensor) -> None:
    periodic = frozenset({"mine"}) if labels.is_floating_point() and labels.min() >= 0 else frozenset()
    images = Images(flat.x, factors={"mine": labels}, periodic=periodic)
    live = widgets.embedding_map(images, random(40, 2))._now
    assert live.colours == Colouring(labels, periodic="mine" in periodic).colours
    still = show.embedding(random(40, 2), {"mine": labels}, periodic=periodic).figure
    if live.quantity:
        shades = still.axes[0].collections[1].get_cmap()
        assert ["#{:02x}{:02x}{:02x}".format(*(round(255 * v) for v in shades(i)[:3])) for i in range(24)] == (
            live.colours[:-1]
        )
    else:
        handles = still.axes[0].get_legend() or still.legends[0]
        assert [(h.get_color(), h.get_label()) for h in handles.legend_handles] == live.legend
        assert len(live.colours) == len(PALETTE)


def test_a_masked_picture(flat: Images) -> None:
    guess = random(3, 8, 8) + 0.5  # also outside of 0 to 1, as a model's may be
    live = widgets.mask_painter(lambda x, hidden: guess, flat[:4], 4, ratio=0.5)
    live.picture = 3
    still = show.reconstructions(flat[3], live.hidden[None], {"it": guess[None]}, patch=4)
    assert f"it: mean squared error {live.error:.4f}" in still.alt
    there = live.hidden.repeat_interleave(4, 0).repeat_interleave(4, 1)
    assert live.error == pytest.approx(float((guess - flat.x[3] / 255)[:, there].square().mean()))


def test_candidates() -> None:
    columns = {"a": [("x", 0.7), ("y", 0.2), ("never", 0.0001)], "b": [("z", 0.5), ("x", 0.4), ("y", 0.1)]}
    live = widgets.fill_mask({name: lambda s, c=c: c for name, c in columns.items()}, "[MASK]")
    rows = re.findall(r"<tr><th scope='row'>(\w+)</th>(.*?)</tr>", live._table.value)
    axes = show.candidates(columns).figure.axes
    assert [word for word, _ in rows] == [t.get_text() for t in axes[0].get_yticklabels()] == ["x", "y", "z"]
    for i, ax in enumerate(axes):
        written = [re.sub("<[^>]+>", "", cells.split("</td>")[i]).replace("&lt;", "<") for _, cells in rows]
        assert written == [t.get_text() for t in ax.texts]


def test_attention() -> None:
    weights = random(2, 3, 4, 4).softmax(-1)
    words = ["a", "b", "c", "d"]
    live = widgets.attention(lambda s: (words, weights), "a b c d")
    still = show.attention(words, weights[1])
    live.layer = 1
    for i, word in enumerate(words):
        live.word = i
        (first,) = re.findall(r"attends most to (“\w” \(\d+%\))", live.status)
        assert f"“{word}” to {first}" in still.alt


def test_curves() -> None:
    loss = [float(v) for v in 3 + random(1000).numpy()]
    drawn = show.curves(loss).figure.axes[0].lines[-1]
    still = dict(zip(drawn.get_xdata().tolist(), drawn.get_ydata().tolist(), strict=True))
    assert all(still[step] == value for step, value in thinned(loss))
    assert f"now {thinned(loss)[-1][1]:.3g}" in curve("loss", thinned(loss), 1000)


def test_a_term_that_only_some_steps_have_is_drawn_in_both() -> None:
    """A loss of every second step is NaN in the others."""
    loss = [float(i) if i % 2 else float("nan") for i in range(1000)]
    points = thinned(loss)
    assert len(points) == 160
    assert np.isfinite([value for _, value in points]).all()
    assert np.allclose([value for _, value in points], running_mean(np.array(loss))[[int(s) - 1 for s, _ in points]])


def test_spectra() -> None:
    spectrum = torch.tensor([8.0, 1.0, 1e-9])
    line = show.spectrum({"s": spectrum}).figure.axes[0].lines[0].get_ydata()
    assert f"now {np.log10(line[-1]):.3g}" in spectrum_curve("s", spectrum)


def test_the_walk_and_the_plane_paint_the_same() -> None:
    def greys(z: torch.Tensor) -> torch.Tensor:
        return ((z[:, :1] / 2 + z[:, 1:] / 4).sigmoid()[:, :, None, None]).expand(-1, 3, 8, 8)

    walk = widgets.latent_walk(greys)
    (sheet,) = (image.get_array() for image in show.latent_plane(greys, reach=2.0, steps=5).figure.axes[0].images)
    plain = [row for row in sheet if len(np.unique(row, axis=0)) == 6]  # five pictures and the paper
    for k, line in ((0, plain[3]), (-1, plain[-3])):
        shown = sorted({int(p[0]) for p in line} - {rgb(PAPER)[0]})
        found = []
        for x in (-2.0, -1.0, 0.0, 1.0, 2.0):
            walk.z = [x, 2.0 if k == 0 else -2.0]
            found.append(round(255 * float(walk.picture[0, 0, 0])))
        assert shown == found
