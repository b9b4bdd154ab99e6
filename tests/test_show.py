"""Figures, tables and source: they say what they show, in pixels and in words, and refuse what cannot be shown."""

import base64
import functools
import html
import io
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sslwb import show
from sslwb.augment.images import simclr
from sslwb.data import Images, Scenes, load
from sslwb.evaluate import Scores
from sslwb.methods.simclr import SimCLR, nt_xent
from sslwb.show import card
from sslwb.show.curves import running_mean
from sslwb.show.embedding import STEPS, Colouring
from sslwb.show.neighbours import nearest, unit_rows
from sslwb.show.pictures import resized
from sslwb.tasks.detection import Found
from sslwb.train import History


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=60)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def falling(rate: float, steps: int = 100) -> History:
    return History(terms={"loss": [4 + float(np.exp(-i * rate)) for i in range(steps)]})


LONG = [f"a class with a rather long name, number {i}" for i in range(30)]
STRANGE = ["$5 or $10", "$", r"$\frac{", "a_b^c", r"\alpha", "<b>&amp;", "ä’ñ", "x" * 80]


def of_classes(names: list[str]) -> Images:
    count = max(30, len(names))
    return Images(torch.zeros(count, 3, 8, 8, dtype=torch.uint8), torch.arange(count) % len(names), tuple(names))


def squares(z: torch.Tensor) -> torch.Tensor:
    """A picture of four pixels whose values are the first two latents and the last two: a figure can be read back."""
    return (z[:, [0, 1, -2, -1]].reshape(-1, 1, 2, 2) + 2) / 4


@functools.cache
def scenes() -> Scenes:
    return load("scenes", n=5)


def seen(of: Scenes, right: int = 0) -> list[Found]:
    """What a detector sees that finds every object and calls the first `right` of each picture by another kind."""
    found = []
    for boxes, kinds, there in zip(of.boxes, of.kinds, of.there, strict=True):
        other = torch.arange(int(there.sum())) < right
        scores = torch.linspace(0.9, 0.1, int(there.sum()))
        found.append(Found(boxes[there], torch.where(other, (kinds[there] + 1) % 8, kinds[there]), scores))
    return found


FIGURES: dict[str, Callable[[Images], card.Card]] = {
    "pictures": lambda d: show.pictures(d[:10], title="Ten"),
    "boxes": lambda d: show.boxes(scenes(), {"a detector": seen(scenes())}, title="Found"),
    "boxes alone": lambda d: show.boxes(scenes()[:2]),
    "segments": lambda d: show.segments(scenes(), {"a head": scenes().semantic.roll(3, 2)}, title="Pixels"),
    "views": lambda d: show.views(d[:4], simclr(32, views=3)(d.x[:4], torch.Generator().manual_seed(0))),
    "neighbours": lambda d: show.neighbours(d, {"raw": d.x.flatten(1).float(), "other": numbers(60, 8)}, [0, 5], k=4),
    "neighbours narrow": lambda d: show.neighbours(
        d, {f"the embeddings of encoder {i}": numbers(60, 8) for i in range(5)}, [1, 2], k=2, title="A title " * 6
    ),
    "neighbours stacked": lambda d: show.neighbours(d, {"raw": d.x.flatten(1).float(), "b": numbers(60, 8)}, [0], k=9),
    "curves": lambda d: show.curves({"SimCLR": falling(0.1), "no crop": falling(0.5)}, title="Falls"),
    "label_curve crowded": lambda d: show.label_curve(
        {f"supervised, the learner {i}": {1: [0.3], 50: [0.97 + i / 200]} for i in range(5)}
        | {"random": {1: [0.2], 50: [0.3]}},
        title="How many names does each learner need? (Titles may be long)",
    ),
    "label_curve": lambda d: show.label_curve({"a": {1: [0.3, 0.4], 10: [0.8, 0.7]}, "b": {1: [0.2]}}, chance=0.125),
    "spectrum": lambda d: show.spectrum({"healthy": torch.ones(16), "collapsed": torch.tensor([1.0] + [0.0] * 15)}),
    "bars": lambda d: show.bars({"raw": [0.3, 0.4], "one": 0.5, "down": [-0.1]}, unit="accuracy", chance=0.1),
    "heatmap": lambda d: show.heatmap(
        ["crop", "hue"], ["shape", "a very long name of a cause"], [[1, 0.5], [0, np.nan]]
    ),
    "latent_plane": lambda d: show.latent_plane(squares, title="Two latents"),
    "latent_plane of five": lambda d: show.latent_plane(squares, 5, (4, 1), reach=1.0, steps=9),
    "traversals": lambda d: show.traversals(squares, 10, title="Ten latents"),
    "densities": lambda d: show.densities({"the prior": (0.0, 1.0), "the posterior": (1.5, 0.2)}, title="Two"),
    "densities of strange names": lambda d: show.densities(dict.fromkeys(STRANGE, (9.0, 0.5)), title=STRANGE[0]),
    "histograms": lambda d: show.histograms({"one": numbers(200), "far": 9 + numbers(50)}, title="Two samples"),
    "histograms of strange names": lambda d: show.histograms(dict.fromkeys(STRANGE[:3], numbers(20)), title=STRANGE[0]),
    "scatter": lambda d: show.scatter({"a": ([1, 2], [0.3, 0.5]), "b": (1.5, 0.4)}, "rank", "kNN", title="Two points"),
    "scatter of kinds": lambda d: show.scatter(
        {f"method {i} of a long name": (float(i % 3), 0.01 * i) for i in range(20)},
        "rank",
        "kNN",
        kinds={f"method {i} of a long name": STRANGE[i % 2] for i in range(20)},
        title=STRANGE[0],
    ),
    "heatmap signed": lambda d: show.heatmap(["a"], ["b", "c"], [[-1.0, 2.0]]),
    "matrix": lambda d: show.matrix(numbers(8, 8), names=[*"abcdefgh"]),
    "matrix of pairs": lambda d: show.matrix(numbers(20, 20).abs(), views=1),
    "timeline": lambda d: show.timeline([(2018, "BERT", "masked words " * 12), (2020, "SimCLR, MoCo, BYOL, SwAV", "")]),
    "workflow": lambda d: show.workflow(d.x[:8], (d.x[:8], d.x[8:16]), numbers(16), d[:6]),
    "curves floor": lambda d: show.curves({"BERT": falling(0.1), "GPT": falling(0.04)}, floor=3.98, title="A floor"),
    "reconstructions": lambda d: show.reconstructions(
        d[:6], numbers(6, 64) > -0.6, {"raw pixels": d.x[6:12], "normalised": d.x[:6].float() / 255}, title="Masked"
    ),
    "candidates": lambda d: show.candidates(
        {
            "BERT": [("harbour", 0.41), ("beach", 0.33), ("lighthouse", 0.1)],
            "the truth": [("beach", 0.5), ("pond", 0.2)],
        },
        "they went to the [MASK].",
        title="The hidden place",
    ),
    "candidates one": lambda d: show.candidates({"the model": [("paris", 1.0)]}),
    "attention": lambda d: show.attention(
        ["anna", "met", "ben", "in", "the", "morning", "."], numbers(7, 7).softmax(1)
    ),
    "attention long": lambda d: show.attention(["lighthouse"] * 32, numbers(4, 32, 32).softmax(2), title="Long words"),
    "embedding": lambda d: show.embedding(numbers(60, 2), d.y, d.classes, images=d),
    "embedding causes": lambda d: show.embedding(numbers(60, 2), d.causes, d.levels, title="Causes"),
    "embedding spaces": lambda d: show.embedding({"a": numbers(60, 2), "b": numbers(60, 2)}, d.y, d.classes),
    "embedding bare": lambda d: show.embedding(numbers(5, 2).numpy()),
    "embedding of thirty long names": lambda d: show.embedding(
        numbers(30, 2), torch.arange(30), LONG, title=LONG[0] * 4
    ),
    "embedding of 300 classes": lambda d: show.embedding(numbers(300, 2), torch.arange(300)),
    "embeddings of long names": lambda d: show.embedding(
        numbers(30, 2), {n: torch.arange(30) for n in LONG[:3]}, dict.fromkeys(LONG, LONG)
    ),
    "curves of thirty long names": lambda d: show.curves({name: falling(0.1) for name in LONG}),
    "label_curve of thirty long names": lambda d: show.label_curve({name: {1: [0.3], 9: [0.5]} for name in LONG}),
    "bars of thirty long names": lambda d: show.bars({name: [0.3, 0.4] for name in LONG}, title=LONG[0] * 4),
    "candidates of long names": lambda d: show.candidates(
        {n: [(w, 0.3) for w in LONG[:9]] for n in LONG[:4]}, title=LONG[0] * 3
    ),
    "views of long names": lambda d: show.views(d[:8], dict.fromkeys(LONG[:3], d.x[:8])),
    "bars of strange names": lambda d: show.bars(dict.fromkeys(STRANGE, 0.5), title=STRANGE[0], unit=STRANGE[2]),
    "curves of strange names": lambda d: show.curves(
        {name: falling(0.1) for name in STRANGE}, title=STRANGE[0], log=True
    ),
    "spectrum of strange names": lambda d: show.spectrum({name: torch.rand(9) for name in STRANGE}),
    "heatmap of strange names": lambda d: show.heatmap(STRANGE, STRANGE[:3], numbers(8, 3)),
    "embedding of strange names": lambda d: show.embedding(
        numbers(30, 2), of_classes(STRANGE).y, STRANGE, title="$a$ $b$"
    ),
    "attention of strange words": lambda d: show.attention(STRANGE, numbers(8, 8).softmax(1)),
    "candidates of strange words": lambda d: show.candidates({STRANGE[0]: [(word, 0.3) for word in STRANGE]}),
    "timeline of strange names": lambda d: show.timeline([(1, name, name) for name in STRANGE[:-1]], title=STRANGE[0]),
    "pictures of strange names": lambda d: show.pictures(of_classes(STRANGE)[:8], title=STRANGE[0]),
    "workflow of strange names": lambda d: show.workflow(
        d.x[:8], (d.x[:8], d.x[8:16]), numbers(16), of_classes(STRANGE)[:6]
    ),
    "neighbours of strange names": lambda d: show.neighbours(
        of_classes(STRANGE), {n: numbers(30, 4) for n in STRANGE[:2]}, [0, 2], k=3
    ),
}


@pytest.fixture(scope="module")
def drawn(data: Images) -> Callable[[str], Any]:
    """Each figure, drawn once for the tests that look at it."""
    return functools.cache(lambda name: FIGURES[name](data))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_words_and_a_small_picture(name: str, drawn: Callable[[str], Any]) -> None:
    made = drawn(name)
    bundle = made._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == made.alt == repr(made)
    assert len(made.alt) > 20
    (source,) = re.findall(r'src="data:image/png;base64,([^"]+)"', made.html)
    (alt,) = re.findall(r'alt="([^"]*)"', made.html)
    assert html.unescape(alt) == made.alt
    picture = Image.open(io.BytesIO(base64.b64decode(source)))
    width, height = made.figure.get_size_inches() * card.DPI
    assert abs(picture.width - width) <= 1
    assert abs(picture.height - height) <= 1
    assert picture.mode == "P"
    assert width <= 8 * card.DPI
    assert len(made.html) < 120_000
    assert "<svg" not in made.html
    assert "http" not in made.html


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", [name for name in FIGURES if "strange" in name or "long" in name or "300" in name])
def test_a_name_is_drawn_as_it_is_written(name: str, data: Images) -> None:
    made = FIGURES[name](data)
    for text in made.figure.findobj(lambda a: type(a).__name__ in ("Text", "Annotation")):
        if any(part in text.get_text() for part in ("$5", r"$\frac", "$a$")):
            assert not text.get_parse_math(), text
    if "spectrum" in name or "curves of strange" in name:  # what matplotlib writes itself is still a formula
        assert any("mathdefault" in t.get_text() and t.get_parse_math() for t in made.figure.axes[0].get_yticklabels())


def test_the_words_hold_whole_names_and_the_list_says_what_it_leaves_out() -> None:
    made = show.embedding(numbers(300, 2), torch.arange(300), [f"{i}: {LONG[i % 30]}" for i in range(300)])
    words = [text.get_text() for text in made.figure.legends[0].get_texts()]
    assert len(words) <= 30
    assert words[-1] == f"… and {300 - len(words) + 1} more"
    assert all(f"{i}: {LONG[i % 30]}" in made.alt for i in range(300))
    lines = show.curves({name: falling(0.1) for name in LONG})
    assert "… and 7 more" in [text.get_text() for text in lines.figure.axes[0].texts]
    assert all(name in lines.alt for name in LONG)


def test_letters_that_no_font_has_are_told_once_a_figure() -> None:
    letters = "".join(map(chr, (0x10330, 0x12000)))  # Gothic, cuneiform
    with pytest.warns(UserWarning, match=f"no font here draws {letters}: boxes stand in the figure") as caught:
        made = show.bars({letters: 0.5, "cat": 0.4})
    assert sum("no font here" in str(one.message) for one in caught) == 1
    assert letters in made.alt


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off_and_no_words_overlap(name: str, drawn: Callable[[str], Any]) -> None:
    figure = drawn(name).figure
    renderer = figure.canvas.get_renderer()
    frame, undrawn, boxes = figure.bbox, _undrawn(figure), []
    for text in figure.findobj(lambda a: type(a).__name__ in ("Text", "Annotation")):
        if not text.get_text().strip() or not text.get_visible():
            continue
        box = text.get_window_extent(renderer)
        if box.width and id(text) not in undrawn:
            assert box.x0 >= frame.x0 - 1, text
            assert box.y0 >= frame.y0 - 1, text
            assert box.x1 <= frame.x1 + 1, text
            assert box.y1 <= frame.y1 + 1, text
            boxes.append((text.get_text(), box.shrunk(0.9, 0.7)))
    for i, (a, box) in enumerate(boxes):
        for b, other in boxes[i + 1 :]:
            assert not box.overlaps(other), (a, b)


def _undrawn(figure: Any) -> set[int]:
    """The texts of ticks outside their axis, which matplotlib keeps and never draws."""
    found = set()
    for axis in (axis for ax in figure.findobj(lambda a: hasattr(a, "xaxis")) for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        slack = 1e-6 * (high - low)
        for tick in (*axis.majorTicks, *axis.minorTicks):
            if not axis.axes.axison or not low - slack <= tick.get_loc() <= high + slack:
                found |= {id(tick.label1), id(tick.label2)}
    return found


def test_what_the_words_say_is_true(data: Images) -> None:
    z = torch.nn.functional.one_hot(data.labels, 8).float()
    assert (
        "SimCLR: 8 of 8 share the label" in show.neighbours(data, {"SimCLR": z + 1e-3 * z.cumsum(0)}, [0, 1], k=4).alt
    )
    assert "below each stand mask, guess" in show.views(data[:2], {"mask": data.x[:2], "guess": data.x[2:4]}).alt
    assert "loss over 100 steps" in show.curves(falling(0.1)).alt
    assert "SimCLR goes from 5 to 4" in show.curves({"SimCLR": falling(0.5)}, smooth=1).alt
    assert "a: 35% with 1, 75% with 10" in FIGURES["label_curve"](data).alt
    assert "collapsed: 1 of 16 directions hold 90%" in FIGURES["spectrum"](data).alt
    assert "healthy: 15 of 16 directions" in FIGURES["spectrum"](data).alt
    assert "raw 0.35 ± 0.07; one 0.50" in FIGURES["bars"](data).alt
    assert "hue: shape 0.00." in FIGURES["heatmap"](data).alt
    s = torch.eye(2).repeat(2, 2)
    assert "4 positives are outlined, with a mean similarity of 1.00; the negatives' mean is 0.00" in show.matrix(s).alt
    places = torch.nn.functional.one_hot(data.labels, 8).float() @ numbers(8, 2)
    assert "100% lie nearest to a point of their own class" in show.embedding(places, data.y, data.classes).alt
    assert "disc" in show.pictures(data).alt or "ring" in show.pictures(data).alt


def test_neighbours_leaves_the_query_out_and_takes_the_nearest() -> None:
    z = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.3], [-1.0, 0.0], [-1.0, 0.2], [-1.0, -2.0]])
    assert nearest(unit_rows("z", z, 6), [0, 3], 2) == [[1, 2], [4, 5]]


def test_pixels_keep_their_colours() -> None:
    x = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    x[0, 0], x[1, 2] = 255, 128
    made = Image.open(io.BytesIO(show.pictures(x, titles=[]).png)).convert("RGB")
    seen = {c for _, c in made.getcolors(100_000)}
    assert (255, 0, 0) in seen
    assert (0, 0, 128) in seen
    floats = Image.open(io.BytesIO(show.pictures(x.float() / 255, titles=[]).png)).convert("RGB")
    assert np.array_equal(np.asarray(made), np.asarray(floats))


def test_pictures_of_any_size_and_one_channel() -> None:
    wide = [np.full((1, 30, 60), 200, dtype=np.uint8), np.full((3, 90, 40), 10, dtype=np.uint8)]
    assert show.pictures(wide).alt.startswith("Pictures. 2 pictures")
    assert resized(np.zeros((30, 60, 3), dtype=np.uint8), 20).shape == (20, 20, 3)


def test_running_mean() -> None:
    y = np.array([0.0, 3.0, np.nan, 6.0, 9.0])
    assert np.array_equal(running_mean(y, 1), y, equal_nan=True)
    assert np.allclose(running_mean(y, 3), [1.5, 1.5, 4.5, 7.5, 7.5])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda d: show.pictures(d.x[:0]), r"images has shape \(0, 3, 32, 32\)"),
        (lambda d: show.pictures(d.x[0]), "expected .N, C, H, W."),
        (lambda d: show.pictures(d[:4], ["a"]), "4 pictures, titles 1"),
        (lambda d: show.pictures(d[:4], columns=0), "columns is 0"),
        (lambda d: show.pictures(torch.zeros(200, 3, 2, 2)), "200 pictures"),
        (lambda d: show.pictures(torch.full((1, 3, 2, 2), torch.nan)), "NaN"),
        (lambda d: show.views(d[:4], []), "at least one view"),
        (lambda d: show.views(d[:4], [d.x[:3]]), r"4 pictures and the views \[3\]"),
        (lambda d: show.neighbours(d, {"z": numbers(3, 2)}, [0]), r"'z' has shape \(3, 2\).*60 pictures"),
        (lambda d: show.neighbours(d, {"z": numbers(60, 2)}, [60]), r"queries is \[60\]"),
        (lambda d: show.neighbours(d, {"z": numbers(60, 2)}, [0], k=60), "k is 60"),
        (lambda d: show.neighbours(d, {}, [0]), "spaces is empty"),
        (lambda d: show.curves({}), "history is empty"),
        (lambda d: show.curves([]), "not empty"),
        (lambda d: show.curves([1.0, -1.0], log=True), "values ≤ 0"),
        (lambda d: show.label_curve({}), "curves is empty"),
        (lambda d: show.label_curve({"a": {1: []}}), "not empty"),
        (lambda d: show.spectrum({"a": [1.0, -1.0]}), "negative"),
        (lambda d: show.spectrum({"a": [0.0, 0.0]}), "none above 0"),
        (lambda d: show.bars({}), "values is empty"),
        (lambda d: show.heatmap(["a"], ["b"], [[1, 2]]), r"values has shape \(1, 2\)"),
        (lambda d: show.matrix(numbers(3, 4)), r"shape \(3, 4\)"),
        (lambda d: show.matrix(numbers(3, 3), views=2), "views is 2"),
        (lambda d: show.matrix(numbers(4, 4), names=["a"]), "names"),
        (lambda d: show.timeline([]), "0 entries"),
        (lambda d: show.latent_plane(squares, 1), "latents is 1"),
        (lambda d: show.latent_plane(squares, 4, (0, 4)), r"axes \(0, 4\)"),
        (lambda d: show.latent_plane(squares, 4, (2, 2)), r"axes \(2, 2\)"),
        (lambda d: show.latent_plane(squares, 2, steps=1), "steps 1"),
        (lambda d: show.traversals(squares, 4, names=["z1"]), "names 1"),
        (lambda d: show.densities({"flat": (0.0, 0.0)}), "flat is 0.0; expected a number above 0"),
        (lambda d: show.densities({}), "normals is empty"),
        (lambda d: show.histograms({}), "samples is empty"),
        (lambda d: show.histograms({name: [0.0] for name in "abcde"}), "samples holds 5"),
        (lambda d: show.scatter({}, "x", "y"), "points is empty"),
        (lambda d: show.scatter({"a": (1.0,)}, "x", "y"), "a has no two numbers"),
        (lambda d: show.scatter({"a": ([], 1.0)}, "x", "y"), "not empty"),
        (lambda d: show.scatter({"a": (0.0, 1.0)}, "x", "y", kinds={"b": "?"}), "kinds lacks a"),
        (lambda d: show.scatter({str(i): (0.0, 1.0) for i in range(41)}, "x", "y"), "points holds 41"),
        (lambda d: show.workflow(d.x[:8], (d.x[:8],), numbers(16), d[:6]), "1 tensor"),
        (lambda d: show.workflow(d.x[:8], (d.x[:8], d.x[:8]), numbers(2, 16), d[:6]), "expected \\(dim,\\)"),
        (lambda d: show.timeline([(1, "a")]), "year, name, note"),
        (lambda d: show.embedding(numbers(4, 3)), r"xy has shape \(4, 3\)"),
        (lambda d: show.embedding(numbers(4, 2), [0, 1]), r"labels \(2,\)"),
        (lambda d: show.embedding(numbers(4, 2), images=d), "60 pictures and xy 4"),
        (lambda d: show.embedding({"a": numbers(4, 2)}, {"b": [0] * 4}), "the same names"),
        (lambda d: show.embedding({}), "empty dict"),
        (lambda d: show.embedding(numbers(2, 2), [0, -1]), "labels has -1"),
        (lambda d: show.table({}), "rows is empty"),
        (lambda d: show.table({"a": {"x": 1}}, best="biggest"), "'biggest'"),
        (lambda d: show.table({"a": {"x": 1}}, best={"y": "max"}), "'y'"),
    ],
)
def test_what_cannot_be_shown_is_refused(make: Callable[[Images], Any], says: str, data: Images) -> None:
    with pytest.raises(ValueError, match=says):
        make(data)


def test_a_column_of_a_heatmap_is_not_broken_inside_a_word() -> None:
    """Names that fit stand in lines; of others all are slanted, and whole."""
    causes = ["shape", "colour", "size", "x", "y", "angle", "texture", "background", "light"]
    for columns, slanted in ((causes, True), (["shape", "background", "a long name of it"], False)):
        card = show.heatmap(["whitened patches", "b"], columns, np.ones((2, len(columns))))
        heads = card.figure.axes[0].get_xticklabels()
        assert [head.get_text().replace("\n", " ") for head in heads] == columns
        assert [head.get_rotation() > 0 for head in heads] == [slanted] * len(columns)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: show.pictures("cat"), "images is str"),
        (lambda: show.pictures(torch.zeros(1, 3, 2, 2, dtype=torch.int64)), "int64"),
        (lambda: show.bars([1.0]), "values is list; expected a dict"),
        (lambda: show.bars({"a": "b"}), "a is str"),
        (lambda: show.table([1, 2]), "dicts"),
        (lambda: show.source(3), "no source of 3"),
        (lambda: show.source(len), "built-in"),
    ],
)
def test_what_is_of_another_kind_is_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        make()


def test_a_term_that_was_not_recorded_is_refused() -> None:
    with pytest.raises(KeyError, match="accuracy"):
        show.curves(falling(0.1), "accuracy")


@pytest.mark.parametrize(("most", "last"), [(0.99, "100%"), (1.3, "140%")])
def test_no_share_above_all_of_it(most: float, last: str) -> None:
    (ax,) = show.bars({"a": [most, most - 0.01], "b": 0.2}, fmt=".0%").figure.axes
    low, high = ax.get_xlim()
    shown = [t.get_text() for t, at in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True) if low <= at <= high]
    assert shown[-1] == last


def test_table_marks_the_best_and_shows_spread() -> None:
    made = show.table(
        {"a": {"knn": [0.1, 0.2], "n": 3000}, "b": {"knn": 0.3, "why": "x < y"}, "c": {"knn": None, "n": float("nan")}},
        "Which?",
        fmt={"knn": ".1%"},
        best={"knn": "max"},
    )
    assert made.html.count("<strong>") == 1
    assert "<strong>30.0%</strong>" in made.html
    assert "15.0% ± 7.1%" in made.html
    assert "x &lt; y" in made.html
    assert "<caption" in made.html
    assert str(made).splitlines() == [
        "Which?",
        "            knn      n    why",
        "a  15.0% ± 7.1%  3,000      –",
        "b        30.0%*      –  x < y",
        "c             –      –      –",
    ]


def test_table_of_a_list_and_the_least() -> None:
    made = show.table([{"method": "a", "loss": 2.0}, {"method": "b", "loss": torch.tensor(1.0)}], best={"loss": "min"})
    assert made.bold == {(1, 1)}
    assert made.head == ["method", "loss"]


def test_scores_marks_the_best_without_labels() -> None:
    rows = {
        "raw pixels": (0.3, 0.5),
        "random encoder": (0.4, 0.4),
        "this encoder": (0.8, 0.9),
        "supervised": (1.0, 1.0),
    }
    made = show.scores(Scores({n: {"knn": a, "linear": b} for n, (a, b) in rows.items()}), "On test pictures")
    assert re.findall("<strong>(.*?)</strong>", made.html) == ["80.0%", "90.0%"]
    assert "100.0%" in made.html


@pytest.mark.parametrize("thing", [nt_xent, SimCLR, SimCLR.forward])
def test_source_shows_the_code_and_where_it_stands(thing: Any) -> None:
    made = show.source(thing)
    assert re.fullmatch(r"sslwb/methods/simclr\.py, line \d+", made.place)
    text = html.unescape(re.sub("<[^>]+>", "", made.html.partition("<pre")[2].partition(">")[2]))
    assert text == made.code  # every character survives the colours
    assert "nt_xent" in made.code or "SimCLR" in made.code


def test_colours_of_source_are_readable_on_their_ground() -> None:
    def luminance(colour: str) -> float:
        colour = colour * 2 if len(colour) == 3 else colour
        rgb = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        return sum(
            w * (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4)
            for w, c in zip((0.2126, 0.7152, 0.0722), rgb, strict=True)
        )

    ground = luminance("f7f7f5")
    for colour in set(re.findall(r'"color: #([0-9A-Fa-f]+)', show.source(SimCLR).html)):
        assert (ground + 0.05) / (luminance(colour) + 0.05) >= 4.5, colour


def test_classes_differ_in_colour_and_in_shape() -> None:
    figure = show.embedding(numbers(72, 2), torch.arange(72)).figure
    styles = {(m.get_color(), m.get_marker()) for m in figure.legends[0].legend_handles}
    assert len(styles) == 72


def test_a_quantity_that_wraps_ends_in_the_colour_where_it_began() -> None:
    turn = Colouring(torch.tensor([0.0, 0.5, 1.0, torch.nan]), periodic=True)
    assert turn.colours[turn.codes[0]] == turn.colours[turn.codes[2]]
    assert turn.colours[turn.codes[1]] != turn.colours[turn.codes[0]]
    assert turn.text(3) == "none"
    line = Colouring(torch.tensor([2.0, 4.0]))
    assert line.codes.tolist() == [0, STEPS - 1]
    assert line.summary([0, 1]) == "2 to 4"


def test_more_classes_than_a_byte_can_count() -> None:
    many = Colouring(torch.arange(300))
    assert [many.colours[c] for c in many.codes] == [colour for colour, _ in many.legend]
    assert many.text(299) == "299"


def test_figures_share_nothing_between_threads() -> None:
    made: dict[int, bytes] = {}

    def draw(i: int) -> None:
        made[i] = show.curves(falling(0.1 * (1 + i % 2)), title="Same").png

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert made[0] == made[2] == made[4]
    assert made[1] == made[3] == made[5] != made[0]


def test_importing_show_loads_nothing_heavy() -> None:
    heavy = {"torch", "matplotlib", "umap", "PIL", "pygments", "numba", "IPython"}
    code = f"import sys, sslwb.show; print(*sorted({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
    code = "import sys, sslwb.show as s; s.curves([2.0, 1.0]); print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_maps_are_found_when_asked_for() -> None:
    assert show.umap_map.__module__ == "sslwb.show.maps"
    with pytest.raises(AttributeError, match="no attribute 'heat'"):
        _ = show.heat


def test_save(tmp_path: Any) -> None:
    made = show.bars({"a": 1.0})
    made.save(tmp_path / "bars.png")
    assert (tmp_path / "bars.png").read_bytes() == made.png


def test_a_reconstruction_shows_hidden_patches_alone(data: Images) -> None:
    hidden = torch.zeros(2, 8, 8, dtype=torch.bool)
    hidden[:, 0, 1] = True
    white = torch.full((2, 3, 32, 32), 255, dtype=torch.uint8)
    made = show.reconstructions(data[:2], hidden, {"white": white})
    error = float((1 - data.x[:2, :, :4, 4:8].float() / 255).square().mean())
    assert f"white: mean squared error {error:.4f}" in made.alt
    assert "2% of their patches hidden" in made.alt
    for change in ({"hidden": hidden[:1]}, {"hidden": hidden.float()}, {"guesses": {"w": white[:1]}}, {"patch": 8}):
        with pytest.raises(ValueError, match="expected at most 12 pictures, bool"):
            show.reconstructions(**{"originals": data[:2], "hidden": hidden, "guesses": {"w": white}, **change})


def read_back(made: card.Card, rows: int, columns: int) -> np.ndarray:
    """The first pixel of every picture of a grid without words above its pictures, (rows, columns), 0 to 1."""
    (sheet,) = (image.get_array() for image in made.figure.axes[0].images)
    paper = np.array([int(card.PAPER[i : i + 2], 16) for i in (1, 3, 5)])
    inside = (sheet != paper).any(2)
    tops = np.flatnonzero(np.diff(inside.any(1).astype(int), prepend=0) == 1)
    lefts = np.flatnonzero(np.diff(inside.any(0).astype(int), prepend=0) == 1)
    assert (len(tops), len(lefts)) == (rows, columns)
    return sheet[tops[:, None] + 3, lefts + 3, 0] / 255


def test_a_plane_of_latents_runs_to_the_right_and_up() -> None:
    across = read_back(show.latent_plane(squares, 3, (0, 1), reach=1.0, steps=3), 3, 3)
    assert np.allclose(across, [[0.25, 0.5, 0.75]] * 3, atol=0.01)
    up = read_back(show.latent_plane(squares, 3, (2, 0), reach=1.0, steps=3), 3, 3)
    assert np.allclose(up, [[0.75] * 3, [0.5] * 3, [0.25] * 3], atol=0.01)


def test_each_row_of_a_traversal_moves_one_latent() -> None:
    rows = read_back(show.traversals(squares, 3, reach=1.0, steps=5), 3, 5)
    assert np.allclose(rows, [np.linspace(0.25, 0.75, 5), [0.5] * 5, [0.5] * 5], atol=0.01)


def test_words_say_what_they_show() -> None:
    made = show.candidates({"a": [("x", 0.75), ("y", 0.2)], "b": [("y", 0.5)]}, "it is [MASK]")
    assert made.alt == "Candidates for “it is [MASK]”. a: x 0.75, y 0.20; b: y 0.50."
    with pytest.raises(ValueError, match="0 words"):
        show.candidates({"a": []})
    heads = show.attention(["a", "b"], [[0.25, 0.75], [0.9, 0.1]])
    assert heads.alt == "Attention. Each word attends most: “a” to “b” (75%); “b” to “a” (90%)."
    with pytest.raises(ValueError, match=r"\(2, 2\) for 3 words"):
        show.attention(["a", "b", "c"], torch.ones(2, 2))


def test_a_floor_is_drawn_and_described() -> None:
    made = show.curves([3.0, 2.0], floor=1.5)
    assert "The floor is 1.5" in made.alt
    assert any(line.get_ydata()[0] == 1.5 for line in made.figure.axes[0].lines if len(set(line.get_ydata())) == 1)


def test_a_name_stands_at_its_line_when_others_crowd_above() -> None:
    (ax,) = FIGURES["label_curve crowded"](load("shapes", n=8)).figure.axes
    (name,) = (t for t in ax.texts if t.get_text() == "random")
    y = ax.transData.inverted().transform(ax.transAxes.transform(name.get_position()))[1]
    assert y == pytest.approx(0.3, abs=0.01)


def test_boxes_are_right_where_they_share_half_with_an_object_of_their_kind_once() -> None:
    of = scenes()
    count = int(of.there.sum())
    assert (
        f"shows {count} boxes with a score of 0.1 or more, {count} of them right"
        in show.boxes(of, {"all": seen(of)}, least=0.1).alt
    )
    assert f"{count} boxes with a score of 0 or more, {count - 5} of them right" in str(
        show.boxes(of, {"one": seen(of, 1)}, least=0)
    )
    twice = [Found(*(torch.cat((part, part)) for part in found)) for found in seen(of)]
    assert f"{2 * count} boxes with a score of 0 or more, {count} of them right" in str(
        show.boxes(of, {"twice": twice}, least=0)
    )
    assert "shows 0 boxes with a score of 1 or more" in str(show.boxes(of, {"sure": seen(of)}, least=1))


def test_segments_say_how_many_pixels_are_as_they_are() -> None:
    of = scenes()
    assert "same: 100% of the pixels as they are" in str(show.segments(of, {"same": of.semantic}))
    nothing = float((of.semantic == 0).float().mean())
    assert f"nothing: {nothing:.0%} of the pixels" in str(show.segments(of, {"nothing": torch.zeros(5, 64, 64).long()}))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: show.boxes(load("shapes", n=3)), TypeError, "scenes is Images without boxes"),
        (lambda: show.segments(load("shapes", n=3)), TypeError, "scenes is Images without masks"),
        (lambda: show.boxes(load("scenes", n=9)), ValueError, "scenes holds 9 pictures; expected 1 to 8"),
        (lambda: show.boxes(scenes(), {"few": seen(scenes())[:2]}), ValueError, r"found\['few'\] is of 2 pictures"),
        (lambda: show.segments(scenes(), {"small": torch.zeros(5, 8, 8)}), ValueError, r"guesses\['small'\] has shape"),
    ],
)
def test_what_does_not_fit_the_scenes_is_reported(
    make: Callable[[], object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        make()
