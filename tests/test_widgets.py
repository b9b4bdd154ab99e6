"""Widgets without a browser: built, set and observed through their traits."""

from __future__ import annotations

import asyncio
import base64
import io
import math
import re
from typing import Any

import ipywidgets as W
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image
from torch import Tensor, nn
from traitlets import TraitError

from sslwb.augment import images as recipes
from sslwb.data import Images
from sslwb.methods.base import Method
from sslwb.show.colours import EMPTY, SIGNED, rgb
from sslwb.show.embedding import STEPS
from sslwb.show.tables import table
from sslwb.train import start
from sslwb.widgets import (
    ablation,
    attention,
    dial,
    embedding_map,
    fill_mask,
    inspector,
    latent_walk,
    mask_painter,
    monitor,
    neighbours,
    predict,
    quiz,
    sampler,
    sortable,
)
from sslwb.widgets.kernel import keep_widgets_alive
from sslwb.widgets.monitor import curve, matrix_picture, spectrum_curve, thinned
from sslwb.widgets.pictures import png


@pytest.fixture
def data() -> Images:
    g = torch.Generator().manual_seed(0)
    y = torch.arange(40) % 4
    angle = torch.rand(40, generator=g)
    angle[::4] = torch.nan
    return Images(
        torch.randint(0, 256, (40, 3, 16, 16), generator=g, dtype=torch.uint8),
        y,
        ("a", "b", "c", "d<e>"),
        {"shape": y, "angle": angle},
        {"shape": ("a", "b", "c", "d<e>")},
    )


class Tiny(Method):
    """Learns to make the mean of its features small; has a batch norm, whose statistics nobody else may move."""

    def __init__(self) -> None:
        net = nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.BatchNorm1d(8))
        net.dim = 8  # type: ignore[assignment]
        net(torch.zeros(2, 3, 8, 8))
        super().__init__(net)

    def forward(self, views: list[Tensor]) -> dict[str, Tensor]:
        return {"loss": self.encoder(views[0]).square().mean() + self.encoder[1].weight.square().mean()}


def tiny() -> Tiny:
    torch.manual_seed(0)
    return Tiny()


SETTINGS: dict[str, Any] = {"batch_size": 16, "device": "cpu", "precision": "fp32"}
VIEWS = recipes.weak(8)


# ── pictures


def test_png_keeps_every_pixel(data: Images) -> None:
    back = torch.from_numpy(np.array(Image.open(io.BytesIO(png(data.x[3]))))).permute(2, 0, 1)
    assert torch.equal(back, data.x[3])
    grey = torch.linspace(0, 1, 256).view(1, 16, 16)
    assert np.array(Image.open(io.BytesIO(png(grey))).convert("L")).ravel().tolist() == list(range(256))


def test_png_refuses_a_batch(data: Images) -> None:
    with pytest.raises(ValueError, match=r"\(40, 3, 16, 16\).*one picture"):
        png(data.x)


# ── inspector


def test_a_slider_changes_its_operation_and_no_other(data: Images) -> None:
    look = inspector(data, recipes.simclr(16))
    look.sliders["hue"].value = 0.5
    assert look.changed == {"hue": 0.5}
    assert look.recipe == recipes.simclr(16).change(hue=0.5)
    look.reset()
    assert look.recipe == recipes.simclr(16)


@pytest.mark.parametrize("name", ["simclr", "moco", "byol", "multicrop", "weak"])
def test_untouched_sliders_leave_every_recipe_as_it_is(data: Images, name: str) -> None:
    recipe = getattr(recipes, name)(16)
    look = inspector(data, recipe)
    look.sliders["noise"].value = 0.1
    look.sliders["noise"].value = 0.0
    assert look.recipe == recipe


def test_a_crop_keeps_the_upper_bound_of_each_kind_of_view(data: Images) -> None:
    look = inspector(data, recipes.multicrop(16, small=8))
    look.sliders["crop"].value = 0.6
    assert [a.crop for _, a in look.recipe.kinds] == [(0.6, 1.0), (0.4, 0.4)]
    assert {tuple(v.shape) for v in look.views} == {(3, 16, 16), (3, 8, 8)}


def test_a_draw_is_repeatable_and_another_differs(data: Images) -> None:
    look = inspector(data, recipes.simclr(16))
    first = look.views
    look.draw = 1
    assert not torch.equal(look.views[0], first[0])
    look.draw = 0
    assert all(torch.equal(a, b) for a, b in zip(look.views, first, strict=True))


def test_agreement_of_views_that_do_not_vary_is_one(data: Images) -> None:
    nothing = recipes.RandomViews(((2, recipes.Augment(16)),))
    look = inspector(data, nothing, {"pixels": lambda x: x.flatten(1), "constant": lambda x: torch.ones(len(x), 3)})
    original, pairs, others = look.agreement["pixels"]
    assert original == pytest.approx(1, abs=1e-5)
    assert pairs == pytest.approx(1, abs=1e-5)
    flat = torch.nn.functional.normalize(data.x.float().flatten(1), dim=1)
    assert others < 0.95
    assert abs(others - float((flat[1:] @ flat[0]).mean())) < 0.02
    assert look.agreement["constant"] == pytest.approx((1, 1, 1))
    assert "pixels" in look._status.value


def test_grey_pictures_have_no_colour_sliders(data: Images) -> None:
    grey = Images(data.x[:, :1])
    look = inspector(grey, recipes.simclr(16))
    assert [name for name, slider in look.sliders.items() if slider.disabled] == ["saturation", "hue", "gray"]
    look.sliders["brightness"].value = 0.9
    assert look.views[0].shape == (1, 16, 16)


def test_inspector_refuses_what_is_not_there(data: Images) -> None:
    with pytest.raises(ValueError, match="at least one"):
        inspector(data[[]], recipes.simclr())
    with pytest.raises(TraitError, match="0 to 39"):
        inspector(data, recipes.simclr()).picture = 40


# ── ablation

PARTS = {"A": ["x", "y"], "B": ["y", "z"]}


def test_ablation_trains_without_what_is_not_ticked(data: Images) -> None:
    begun: list[tuple[str, frozenset[str]]] = []

    def begin(name: str, without: frozenset[str]) -> Any:
        begun.append((name, without))
        return start(tiny(), data, VIEWS, steps=3, **SETTINGS)

    async def main() -> None:
        shown = ablation(begin, PARTS, verdict=lambda run: f"{run.step} <steps>")
        assert list(shown.boxes) == ["x", "y", "z"]
        assert shown.boxes["z"].disabled
        assert not shown.boxes["x"].disabled
        shown.boxes["y"].value = False
        assert shown.without == ["y"]
        for other, expected in (("B", "A without y: 3 <steps>"), ("A", "B, whole: 3 <steps>")):
            shown.train_button.click()
            await shown.run
            while shown.status != expected:
                await asyncio.sleep(0.01)
            assert "&lt;steps&gt;" in shown._line.value
            shown.choice.value = other  # all parts are in again
            assert shown.without == []
            assert shown.boxes["x"].disabled == (other == "B")
            assert shown.status == "Press Train to see the effect."

    asyncio.run(main())
    assert begun == [("A", frozenset("y")), ("B", frozenset())]


def test_ablation_stops_the_run_before(data: Images) -> None:
    async def main() -> None:
        shown = ablation(lambda name, without: start(tiny(), data, VIEWS, steps=10**6, **SETTINGS), PARTS)
        shown.train()
        first, old = shown.run, shown.monitor
        shown.train()
        await first
        assert first.state == "stopped"
        assert shown.run.state == "running"
        old.resume()  # what the monitor before does no longer reaches the line
        old.stop()
        await first
        assert shown.status == "A, whole: running"
        shown.run.stop()
        await shown.run
        while shown.status != "A, whole: stopped":
            await asyncio.sleep(0.01)

    asyncio.run(main())


def test_ablation_wants_a_method() -> None:
    with pytest.raises(ValueError, match="parts is empty"):
        ablation(lambda name, without: None, {})


# ── monitor


def watched(steps: int, **how: Any) -> Any:
    """A run that is awaited beside its monitor, and the monitor."""

    async def main() -> Any:
        run = start(tiny(), how.pop("data"), VIEWS, steps=steps, **SETTINGS)
        shown = monitor(run, **how)
        try:
            await run
        finally:
            while shown.state == "running":
                await asyncio.sleep(0.01)
        return shown

    return asyncio.run(main())


def test_monitor_follows_a_run_to_its_end(data: Images) -> None:
    shown = watched(20, data=data, measure=lambda method: {"dim": method.encoder.dim})
    assert shown.state == "done"
    assert shown.status.startswith("Done: 20 steps in")
    assert shown._bar.value == 20
    assert shown.stop_button.disabled
    assert shown.resume_button.disabled
    assert shown.measured["dim"][-1] == (20, 8.0)
    assert 'aria-label="loss, now' in shown._curves.value


def test_stop_and_resume(data: Images) -> None:
    async def main() -> None:
        method = tiny()
        run = start(method, data, VIEWS, steps=10**6, **SETTINGS)
        shown = monitor(run)
        while run.step < 3:
            await asyncio.sleep(0.01)
        shown.stop_button.click()
        history = await run  # the awaiting cell goes on
        assert shown.state == "stopped"
        assert shown.status.startswith(f"Stopped at step {len(history)} of")
        assert not shown.resume_button.disabled
        stopped_at = run.step
        shown.resume_button.click()
        assert shown.state == "running"
        assert shown.resume_button.disabled
        while run.step < stopped_at + 3:
            await asyncio.sleep(0.01)
        shown.stop()
        assert run.step >= stopped_at + 3

    asyncio.run(main())


def test_a_failed_run_says_why() -> None:
    bad = Images(torch.randint(0, 256, (32, 3, 16, 16), dtype=torch.uint8))

    def views(x: Tensor, g: torch.Generator) -> list[Tensor]:
        raise ArithmeticError("no <views> today")

    async def main() -> Any:
        run = start(tiny(), bad, views, steps=5, **SETTINGS)
        shown = monitor(run)
        with pytest.raises(ArithmeticError):
            await run
        while shown.state == "running":
            await asyncio.sleep(0.01)
        return shown

    shown = asyncio.run(main())
    assert shown.state == "failed"
    assert shown.status == "Failed at step 0 of 5: no <views> today"
    assert "no &lt;views&gt; today" in shown._line.value


def test_measuring_changes_nothing_of_the_training(data: Images) -> None:
    def measure(method: Tiny) -> dict[str, float]:
        assert not method.training
        method.encoder.train()
        method.encoder(data.x[:, :, :8, :8].float() / 255)  # moves the copy's batch statistics
        for p in method.parameters():
            p.data.zero_()
        return {"x": 0.0}

    with_measure = watched(20, data=data, measure=measure, every=0.0)
    without = watched(20, data=data)
    assert len(with_measure.measured["x"]) >= 2
    for a, b in zip(
        with_measure.run.method.state_dict().values(), without.run.method.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)


def test_monitor_needs_no_event_loop(data: Images) -> None:
    run = start(tiny(), data, VIEWS, steps=3, **SETTINGS)
    run.wait()
    assert monitor(run).state == "done"


def test_numbers_beside_an_axis_are_short() -> None:
    drawn = curve("x", [(0, -0.000997), (1, 0.0004125)], 1)
    beside = re.findall(r'text-anchor="end"[^>]*>([^<]*)<', drawn)
    assert max(map(len, beside[:2])) <= 6
    assert ">0.123<" in curve("x", [(0, 0.117), (1, 0.0)], 1)


def test_a_spectrum_is_drawn_as_shares(data: Images) -> None:
    shown = watched(3, data=data, measure=lambda method: {"spectrum": torch.tensor([3.0, 1.0, 0.0])})
    assert torch.equal(shown.spectra["spectrum"], torch.tensor([3.0, 1.0, 0.0]))
    assert "spectrum, log₁₀ of shares" in shown._curves.value
    assert "3 directions" in shown._curves.value
    drawn = spectrum_curve("s", torch.tensor([9.0, 1.0]))
    assert "now -1" in drawn  # the last of the shares is a tenth
    assert "nan" not in spectrum_curve("s", torch.zeros(4))


def test_pictures_are_shown_in_rows(data: Images) -> None:
    shown = watched(3, data=data, measure=lambda method: {"samples": torch.rand(10, 3, 8, 8), "std": 0.5})
    assert shown.pictures["samples"].shape == (10, 3, 8, 8)
    assert shown.measured["std"][-1] == (3, 0.5)
    assert shown._curves.value.count("<img") == 10
    assert 'alt="samples, 10 of 10"' in shown._curves.value


def test_thinned_keeps_the_mean_and_the_order() -> None:
    values = [float(i) for i in range(1000)]
    points = thinned(values)
    assert len(points) <= 160
    assert points[0] == (1.0, 5.0)  # the mean of the values 0 … 10: half of a window of 20 steps
    assert points[-1] == (1000.0, 994.0)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert thinned([5.0]) == [(1.0, 5.0)]
    assert thinned([]) == []


def test_a_matrix_is_a_picture_in_two_colours() -> None:
    drawn = matrix_picture("how <similar>", torch.tensor([[1.0, 0.0], [-1.0, math.nan]]))
    assert "how &lt;similar&gt;" in drawn
    assert "2 by 2, mean of the diagonal 1.00" in drawn
    data = re.search(r"base64,([^\"]+)", drawn)
    assert data
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB"))
    most, zero, least, unknown = pixels.reshape(-1, 3).tolist()
    assert (tuple(most), tuple(least), tuple(unknown)) == (rgb(SIGNED[-1]), rgb(SIGNED[0]), rgb(EMPTY))
    assert min(zero) > 240


@pytest.mark.parametrize("points", [[], [(0.0, 1.0)], [(1.0, 2.0), (2.0, 2.0)], [(0.0, 0.0), (1.0, 0.0)]])
def test_a_curve_of_any_points_is_drawn(points: list[tuple[float, float]]) -> None:
    assert "nan" not in curve("a & b", points, 5, dots=True)
    assert curve("a", [(1, 2.0), (2, math.nan), (3, 1.0)], 5) == curve("a", [(1, 2.0), (3, 1.0)], 5)


# ── dial


def test_a_dial_draws_anew_when_a_slider_moves() -> None:
    seen: list[dict[str, Any]] = []
    moved = dial(lambda **values: seen.append(values) or f"<{values}>", rate=(0.1, 0.0, 1.0), steps=(3, 1, 9))
    assert seen == [{"rate": 0.1, "steps": 3}]
    assert [type(s) for s in moved.sliders.values()] == [W.FloatSlider, W.IntSlider]
    moved.sliders["rate"].value = 0.5
    assert seen[-1] == {"rate": 0.5, "steps": 3} == moved.values
    assert "&lt;{" in moved._figure.value
    chosen = dial(lambda kind: kind, kind=["one", "two"])
    chosen.sliders["kind"].value = "two"
    assert chosen.values == {"kind": "two"}
    assert dial(lambda k: k, k=(own := W.SelectionSlider(options=(1, 5)))).sliders["k"] is own


def test_a_dial_shows_a_figure_and_says_what_cannot_be_drawn() -> None:
    class Figure:
        html = "<figure>drawn</figure>"

    def draw(share: float) -> Figure:
        if share > 0.5:
            raise ValueError("share is <too large>")
        return Figure()

    moved = dial(draw, share=(0.2, 0.0, 1.0))
    assert moved._figure.value == "<figure>drawn</figure>"
    moved.sliders["share"].value = 0.9
    assert "share is &lt;too large&gt;" in moved._figure.value
    with pytest.raises(ValueError, match="expected \\(first value, least, greatest\\)"):
        dial(draw, share=(2.0, 0.0, 1.0))


# ── map


def test_map_selects_by_number_and_walks_outwards(data: Images) -> None:
    xy = torch.stack([torch.arange(40.0) ** 1.5, torch.zeros(40)], 1)
    chart = embedding_map(data, xy)
    chart.point = 10
    assert chart.selection == (10,)
    seen = []
    for _ in range(4):
        chart.step(1)
        seen.append(chart.point)
    assert seen == [9, 11, 8, 12]
    chart.step(-1)
    assert chart.point == 8
    assert list(chart._plot.selection) == [8]


def test_a_lasso_fills_the_gallery_with_counts(data: Images) -> None:
    chart = embedding_map(data, torch.rand(40, 2))
    chart._plot.selection = np.array([0, 1, 4, 3])  # what the browser sends
    assert chart.selection == (0, 1, 4, 3)
    assert "4 selected" in chart._gallery.value
    assert "shape: a 2, b 1, d&lt;e&gt; 1." in chart._gallery.value
    assert chart._gallery.value.count("<img") == 4
    chart.colour = "angle"
    assert "angle: " in chart._gallery.value
    chart._plot.hovering = 1
    assert "picture 1<br>" in chart._side.value
    assert "d<e>" not in chart._side.value + chart._gallery.value


def test_the_canvas_takes_over_without_webgl(data: Images) -> None:
    chart = embedding_map(data, torch.rand(40, 2))
    assert type(chart._plot).__name__ == "JupyterScatter"
    chart._page.webgl = False
    assert type(chart._plot).__name__ == "Canvas"
    assert np.frombuffer(chart._plot.places, np.float32).reshape(40, 2).max() == 1
    assert list(chart._plot.codes) == data.labels.tolist()
    chart.colour = "angle"
    assert chart._plot.codes[0] == STEPS  # has no angle
    chart.selection = (5, 6)
    assert chart._plot.selection == [5, 6]
    chart._plot.selection = [7]
    assert chart.selection == (7,)


def test_the_map_draws_each_point_in_the_colour_of_the_legend(data: Images) -> None:
    """Also where a class has no picture here, and where steps of a scale lie between two values."""
    rows = [i for i, label in enumerate(data.labels.tolist()) if label != 1]
    chart = embedding_map(data[rows], torch.rand(len(rows), 2), {"one": torch.zeros(len(rows), dtype=torch.long)})
    for name, c in chart.colourings.items():
        chart.colour = name
        drawn = [to_hex(chart._plot.color[int(code)]) for code in chart._plot.points[:, 2]]
        assert drawn == [c.colours[code].lower() for code in c.codes], name
    angle = chart.colourings["angle"]
    assert len(set(angle.codes.tolist())) < STEPS  # so this tells something
    assert STEPS in angle.codes


def test_embeddings_are_reduced_and_places_are_not(data: Images) -> None:
    asked: list[tuple[int, ...]] = []

    def reduce(z: Tensor) -> np.ndarray:
        asked.append(tuple(z.shape))
        return z[:, :2].numpy()

    embedding_map(data, torch.rand(40, 2), reduce=reduce)
    assert asked == []
    chart = embedding_map(data, torch.rand(40, 7), {"mine": torch.arange(40)}, reduce=reduce)
    assert asked == [(40, 7)]
    assert "mine" in chart.colourings
    with pytest.raises(ValueError, match=r"\(39, 2\).*40 pictures"):
        embedding_map(data, torch.rand(39, 2))
    assert embedding_map(Images(data.x), torch.rand(40, 2)).colour == "picture"


# ── neighbours


def test_neighbours_are_the_nearest_by_cosine_without_the_picture_itself(data: Images) -> None:
    z = torch.randn(40, 5, generator=torch.Generator().manual_seed(1)) + 3
    near = neighbours(data, {"one": z, "scaled": 3 * z, "pixels": data.x}, k=3)
    near.picture = 7
    cosine = torch.cosine_similarity(z[7] - z.mean(0), z - z.mean(0))
    cosine[7] = -2
    assert near.found["one"] == near.found["scaled"] == cosine.argsort(descending=True)[:3].tolist()
    assert near._grid.value.count("<img") == 1 + 3 * 3
    same = sum(int(data.labels[i]) == int(data.labels[7]) for i in near.found["one"])
    assert f"one</strong>: {same} of 3 share its label" in near._grid.value
    assert near._grid.value.count("✓") + near._grid.value.count("✗") == 9


def test_neighbours_without_labels_have_no_marks(data: Images) -> None:
    near = neighbours(Images(data.x), torch.randn(40, 5))
    assert "✓" not in near._grid.value
    assert "✗" not in near._grid.value


def test_neighbours_refuse_other_lengths(data: Images) -> None:
    with pytest.raises(ValueError, match=r"'z' has shape \(39, 5\).*40 pictures"):
        neighbours(data, {"z": torch.randn(39, 5)})
    with pytest.raises(ValueError, match=r"k is 40.*1 to 39"):
        neighbours(data, torch.randn(40, 5), k=40)


# ── questions

ONE = [("yes", True, "It is so."), ("no", False, "It is not.")]
TWO = [("p", True, "One."), ("q", True, "Two."), ("r", False, "None.")]


def places(question: Any, *texts: str) -> list[int]:
    """Where the options with these texts stand: they are shuffled."""
    return [[text for text, _, _ in question.options].index(text) for text in texts]


def test_the_place_of_an_option_tells_nothing_and_is_the_same_everywhere() -> None:
    options = [("the first", True, "It is."), ("the second", False, "No."), ("the third", False, "No.")]
    right = [places(quiz(f"Question {i}?", options).questions[0], "the first")[0] for i in range(300)]
    assert all(80 < right.count(place) < 120 for place in range(3))
    assert right[:12] == [2, 1, 0, 1, 0, 0, 0, 2, 2, 1, 2, 2]


def test_a_single_choice_unticks_the_other_and_counts_tries() -> None:
    asked = quiz("Is it?", ONE)
    (q,) = asked.questions
    q.check()
    assert q.tries == 0
    assert "Choose an answer first" in q._answer.value
    yes, no = places(q, "yes", "no")
    q.boxes[no].value = True
    q.check()
    assert "It is not." in q._answer.value
    assert "It is so." not in q._answer.value
    q.boxes[yes].value = True
    assert not q.boxes[no].value
    assert q.chosen == (yes,)
    q.check()
    assert q.solved
    assert asked.score == (1, 0)
    q.choose(no)
    q.check()
    assert asked.score == (1, 0)  # what was solved stays solved


def test_where_several_are_right_all_have_to_be_chosen() -> None:
    asked = quiz({"Is it?": ONE, "Which?": TWO})
    q = asked.questions[1]
    p, *others = places(q, "p", "q", "r")
    q.choose(p)
    q.check()
    assert not q.solved
    assert "1 more is right" in q._answer.value
    q.choose(0, 1, 2)
    q.check()
    assert not q.solved
    q.choose(p, others[0])
    q.check()
    assert q.solved
    assert "1 of 2 solved, 0 at the first try" in asked._score.value


def test_a_reader_without_a_kernel_gets_every_explanation() -> None:
    text, rich = quiz({"Is `it`?": ONE, "Which?": TWO}).still()
    assert "( ) yes" in text
    assert "It is so." not in text
    answers = rich.split("<summary>Answers</summary>")
    assert len(answers) == 3
    assert "<code>it</code>" in answers[0]
    for _, _, why in (*ONE, *TWO):
        assert why in "".join(re.findall(r"<details>.*?</details>", rich, re.S))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (ONE[:1], r"has 1 option"),
        ([("a", False, "x"), ("b", False, "y")], "right"),
        ([("a", True, "x"), ("b", False, " ")], "'b'.*no explanation"),
    ],
)
def test_a_badly_made_question_is_refused(options: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        quiz("Is it?", options)


def test_a_prediction_is_revealed() -> None:
    guess = predict("Which is nearer?", ["shape", "colour"])
    assert repr(guess.reveal(1, "Look.")) == "Result: colour. Look."
    guess._buttons.value = 0
    assert guess.guess == 0
    revealed = guess.reveal(1)
    assert not revealed.right
    assert "✗ Your guess: shape. Result: colour." in revealed._repr_html_()
    assert guess.reveal(0).right
    with pytest.raises(IndexError, match="0 to 1"):
        guess.reveal(2)
    with pytest.raises(ValueError, match="two or more"):
        predict("?", ["only"])


# ── sortable table

RANKED = {"a": {"knn": 0.5, "loss": 3.0}, "b": {"knn": [0.8, 1.0], "loss": None}, "C": {"knn": 0.7, "loss": 1.0}}


def names(shown: Any) -> list[str]:
    return [row[0] for row in shown.sorted.body]


def test_a_head_sorts_and_sorts_back() -> None:
    shown = sortable(table(RANKED, best="max"), "knn")
    assert names(shown) == ["b", "C", "a"]
    for column, clicks, order in (
        (1, 1, "aCb"),
        (1, 2, "bCa"),
        (2, 3, "aCb"),
        (2, 4, "Cab"),
        (0, 5, "abC"),
        (0, 6, "Cba"),
    ):
        shown._sheet.asked = (column, clicks)
        assert names(shown) == list(order), (column, clicks)
        assert re.findall(r'scope="row"[^>]*>(?:<strong>)?(\w)', shown._sheet.html) == list(order)
    assert shown.sorted.html.count("<strong>") == 2  # the best of each column, wherever its row has gone
    assert "<strong>0.9 ± " in shown.sorted.html


def test_a_table_is_sorted_by_a_column_that_it_has() -> None:
    with pytest.raises(KeyError, match=r"no column 'rank'; there are '', 'knn', 'loss'"):
        sortable(table(RANKED), "rank")


# ── what all have in common


@pytest.fixture
def every(data: Images) -> list[Any]:
    run = start(tiny(), data, VIEWS, steps=2, **SETTINGS)
    run.wait()
    return [
        inspector(data, recipes.simclr(16)),
        monitor(run),
        embedding_map(data, torch.rand(40, 2)),
        neighbours(data, torch.rand(40, 5)),
        quiz("Is it?", ONE),
        predict("Which?", ["a", "b"]),
        ablation(lambda name, without: None, PARTS),
        sortable(table(RANKED), "knn"),
    ]


def test_what_is_saved_is_readable_without_a_kernel(every: list[Any]) -> None:
    for widget in every:
        bundle = widget._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert not re.search(r"\w+\(children=|object at 0x", bundle["text/plain"])
        assert re.match("<p>|<table>", bundle["text/html"])


def test_a_widget_and_its_twin_are_two_outputs_and_the_one_hides_the_other(
    every: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two kinds in one output JupyterLab takes the widget, also where its kernel has ended."""
    for widget in every:
        shown: list[dict[str, Any]] = []
        monkeypatch.setattr("IPython.display.display", lambda bundle, raw, shown=shown: shown.append(bundle))
        widget._ipython_display_()
        twin, live = shown
        assert set(twin) == {"text/html", "text/plain"}
        assert set(live) == {"application/vnd.jupyter.widget-view+json"}
        assert f'class="still-{widget.model_id}"' in twin["text/html"]
        assert f".still-{widget.model_id}" in widget.children[0].value  # its style, there only while it lives


def controls(widget: Any) -> list[Any]:
    here = [widget] if isinstance(widget, (W.Button, W.ValueWidget)) and not isinstance(widget, W.HTML) else []
    return here + [c for child in getattr(widget, "children", ()) for c in controls(child)]


def test_every_control_says_what_it_is(every: list[Any]) -> None:
    found = [c for widget in every for c in controls(widget)]
    assert len(found) > 25
    for c in found:
        assert getattr(c, "description", "") or getattr(c, "tooltip", ""), c


def test_pictures_say_what_they_are(every: list[Any]) -> None:
    pictures = re.findall(r"<img [^>]*>", every[0]._pictures.value + every[3]._grid.value)
    assert len(pictures) > 10
    for tag in pictures:
        assert re.search(r'alt="[^"]+"', tag)
        data = re.search(r"base64,([^\"]+)", tag)
        assert data
        Image.open(io.BytesIO(base64.b64decode(data[1]))).verify()


def test_outside_a_kernel_nothing_is_touched() -> None:
    keep_widgets_alive()


def test_the_kernel_says_idle_for_a_message_that_an_awaiting_cell_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    from ipykernel import kernelbase
    from ipykernel.comm.comm import BaseComm

    said: list[tuple[str, str]] = []

    class Kernel:
        parent = "cell"

        async def dispatch_shell(
            self, msg: str, /, subshell_id: str | None = None, *, concurrent: bool = False
        ) -> None:
            self.parent = msg

        def get_parent(self, channel: str) -> str:
            return self.parent

        def _publish_status(self, status: str, channel: str, parent: str | None = None) -> None:
            said.append((status, parent or self.parent))

    kernel = Kernel()
    monkeypatch.setattr(kernelbase.Kernel, "initialized", classmethod(lambda cls: True))
    monkeypatch.setattr(kernelbase.Kernel, "instance", classmethod(lambda cls: kernel))
    monkeypatch.setattr(BaseComm, "_reply_subshell_id", None, raising=False)  # put back at the end
    keep_widgets_alive()
    keep_widgets_alive()  # once is enough
    asyncio.run(kernel.dispatch_shell("slider", concurrent=True))
    assert said == [("idle", "slider"), ("busy", "cell")]
    asyncio.run(kernel.dispatch_shell("cell 2"))
    assert len(said) == 2


# ── mask painter


def grey(picture: Tensor, mask: Tensor) -> Tensor:
    return torch.full(picture.shape, 0.5)


def test_the_painter_shows_what_is_predicted_for_hidden_patches(data: Images) -> None:
    asked: list[tuple[Tensor, Tensor]] = []

    def reconstruct(picture: Tensor, mask: Tensor) -> Tensor:
        asked.append((picture, mask))
        return torch.full(picture.shape, 0.5)

    paint = mask_painter(reconstruct, data, 4)
    assert paint.hidden.shape == (4, 4)
    assert sum(paint.mask) == 12
    paint.picture = 3
    paint.mask = [i == 6 for i in range(16)]  # row 1, column 2
    picture, mask = asked[-1]
    assert torch.equal(picture, data.x[3])
    assert mask.nonzero().tolist() == [[1, 2]]
    expected = data.x[3].float() / 255
    error = float((expected[:, 4:8, 8:12] - 0.5).square().mean())
    expected[:, 4:8, 8:12] = 0.5
    assert torch.equal(paint.reconstruction, expected)
    assert paint.error == pytest.approx(error)
    assert "1 of 16 patches hidden (6%)" in paint.status
    assert f"{error:.4f}" in paint._line.value


def test_a_greater_share_hides_the_same_patches_and_more(data: Images) -> None:
    paint = mask_painter(grey, data, 4, ratio=0.5)
    few = paint.hidden
    paint.ratio = 0.75
    assert (paint.hidden | ~few).all()
    assert sum(paint.mask) == 12
    first = paint.mask
    paint._again.click()
    assert sum(paint.mask) == 12
    assert paint.mask != first
    paint.draw = 0
    assert paint.mask == first


def test_nothing_or_everything_hidden_is_reported_and_not_computed(data: Images) -> None:
    def never(picture: Tensor, mask: Tensor) -> Tensor:
        assert 0 < mask.sum() < mask.numel()
        return grey(picture, mask)

    paint = mask_painter(never, data, 8)
    paint._clear.click()
    assert "nothing to predict." in paint._guess.value
    assert paint.reconstruction is None
    paint.mask = [True] * 4
    assert "Uncover a patch" in paint._guess.value
    paint.mask = [True, False, False, False]
    assert paint.error is not None


def test_the_painter_chooses_between_models_and_shows_their_errors(data: Images) -> None:
    def refuse(picture: Tensor, mask: Tensor) -> Tensor:
        raise ValueError("ratio <too> great")

    models = {"raw": grey, "none": refuse, "flat": lambda p, m: torch.zeros(3, 2, 2)}
    paint = mask_painter(models, data, 4)
    assert paint.model == "raw"
    assert "predicted by: raw" in paint._guess.value
    paint.model = "none"
    assert "ratio &lt;too&gt; great" in paint._guess.value
    paint._choice.value = "flat"
    assert paint.model == "flat"
    assert "expected the picture&#x27;s shape (3, 16, 16)" in paint._guess.value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"patch": 5}, "patch is 5; expected .* divides 16 and 16"),
        ({"patch": 0}, "patch is 0"),
        ({"ratio": 1.0}, "ratio is 1.0; expected .* 0.05 to 0.95"),
        ({"ratio": 0.0}, "ratio is 0.0"),
        ({"reconstruct": {}}, "0 models were given"),
    ],
)
def test_the_painter_refuses_what_cannot_be_painted(data: Images, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        mask_painter(**{"reconstruct": grey, "pictures": data, **change})
    with pytest.raises(ValueError, match="0 pictures"):
        mask_painter(grey, data[[]])
    with pytest.raises(TraitError, match="mask has 3 values; expected 16"):
        mask_painter(grey, data).mask = [True] * 3


# ── latent walk


def four(z: Tensor) -> Tensor:
    """A picture of 2 × 2 pixels: the first two latents and the last two."""
    return ((z[:, [0, 1, -2, -1]] + 3) / 6).view(-1, 1, 2, 2)


def test_the_walk_paints_where_it_stands() -> None:
    walk = latent_walk(four, 3)
    assert (walk.z, walk.axes, walk._plane.place) == ([0.0, 0.0, 0.0], (0, 1), [0.0, 0.0])
    walk._plane.place = [1.5, -3.0]  # a hand on the plane
    assert walk.z == [1.5, -3.0, 0.0]
    assert [slider.value for slider in walk.sliders] == walk.z
    assert torch.equal(walk.picture, four(torch.tensor([walk.z]))[0])
    walk.sliders[2].value = 0.75
    assert walk.z == [1.5, -3.0, 0.75]
    assert walk._plane.place == [1.5, -3.0]
    assert walk.status == "z = (1.50, -3.00, 0.75)"
    assert "painted from z = (1.50, -3.00, 0.75)" in walk._painted.value
    walk._origin.click()
    assert walk.z == [0.0, 0.0, 0.0]


def test_one_move_paints_once() -> None:
    asked: list[Tensor] = []

    def paint(z: Tensor) -> Tensor:
        asked.append(z)
        return four(z)

    walk = latent_walk(paint, 4)
    for move in (
        lambda: setattr(walk._plane, "place", [1.0, 2.0]),
        lambda: setattr(walk.sliders[3], "value", -1.0),
        lambda: walk._random.click(),
        lambda: setattr(walk, "z", [0.5, 0.5, 0.5, 0.5]),
    ):
        before = len(asked)
        move()
        assert len(asked) == before + 1
        assert torch.equal(asked[-1], torch.tensor([walk.z]))


def test_the_plane_shows_the_latents_that_are_chosen() -> None:
    codes = torch.arange(3000).view(1000, 3) / 1000
    walk = latent_walk(four, 3, codes=codes)
    assert len(walk._plane.dots) == 500
    walk.z = [0.1, 0.2, 0.3]
    walk.axes = (2, 0)
    assert walk._plane.names == ["z3", "z1"]
    assert walk._plane.place == [0.3, 0.1]
    assert walk._plane.dots[1] == [round(float(codes[1, i]), 2) for i in (2, 0)]
    walk._across.value = 0  # it is on the other axis: they change places
    assert walk.axes == (0, 2)
    walk._up.value = 1
    assert walk.axes == (0, 1)
    walk._plane.place = [3.0, -3.0]
    assert walk.z == [3.0, -3.0, 0.3]


def test_draws_from_the_prior_are_standard_normal_and_come_again() -> None:
    walk = latent_walk(four, 50, reach=9.0)
    walk.draw = 5
    first, seen = walk.z, []
    for _ in range(40):
        walk._random.click()
        seen.append(walk.z)
    assert abs(float(torch.tensor(seen).std()) - 1) < 0.06
    walk.draw = 5
    assert walk.z == first
    assert latent_walk(four, reach=0.1).z == [0.0, 0.0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"latents": 1}, "latents is 1"),
        ({"reach": 0.0}, "reach 0.0; expected .* above 0"),
        ({"codes": torch.zeros(4, 3)}, r"codes has shape \(4, 3\); expected \(N, 2\)"),
    ],
)
def test_a_walk_that_cannot_be_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        latent_walk(four, **settings)


def test_a_walk_goes_nowhere_else() -> None:
    walk = latent_walk(four, 2, reach=2.0)
    walk.z = [5.0, -5.0]
    assert walk.z == [2.0, -2.0]
    with pytest.raises(TraitError, match="z has 3 values; expected 2"):
        walk.z = [0.0] * 3
    for axes in ((0, 0), (0, 2)):
        with pytest.raises(TraitError, match="expected two latents of 2"):
            walk.axes = axes


# ── fill-mask


def guess(sentence: str) -> list[tuple[str, float]]:
    if "[MASK]" not in sentence:
        raise ValueError("hides <no> word")
    return [("paris", 0.5), ("<b>", 0.25), ("rome", 0.125)]


def truth(sentence: str) -> list[tuple[str, float]]:
    if "never" in sentence:
        raise ValueError("no sentence of this world")
    return [("rome", 0.75), ("lyon", 0.25), ("oslo", 0.0)]


def test_candidates_stand_beside_the_true_ones() -> None:
    filled = fill_mask(guess, "It is [MASK].", truth=truth, k=2)
    assert filled.candidates == {
        "the model": [("paris", 0.5), ("<b>", 0.25)],
        "the truth": [("rome", 0.75), ("lyon", 0.25)],
    }
    page = filled._table.value
    assert [page.index(word) for word in ("paris", "&lt;b&gt;", "rome", "lyon")] == sorted(
        page.index(word) for word in ("paris", "&lt;b&gt;", "rome", "lyon")
    )
    assert "<b>" not in page
    assert "oslo" not in fill_mask(truth, "It is [MASK].")._table.value
    assert "width:60px" in page  # half of the full bar
    assert "&lt; 0.250" in page  # rome is not among the model's two, so it is less likely than they
    assert filled.status == "the model: paris; the truth: rome"


def test_what_cannot_be_filled_is_said_in_its_place() -> None:
    filled = fill_mask({"BERT": guess, "other": guess}, "It is [MASK].", truth=truth)
    filled._field.value = "It never is [MASK]."
    assert filled.errors == {"the truth": "no sentence of this world"}
    assert "the truth: no sentence of this world" in filled._table.value
    assert "paris" in filled._table.value
    filled.sentence = "It is never."
    assert filled.candidates == {}
    assert "hides &lt;no&gt; word" in filled._table.value
    assert "<table>" not in filled._table.value
    empty = fill_mask(guess)
    assert empty.errors == {"the model": "hides <no> word"}


def test_fill_mask_needs_a_model() -> None:
    with pytest.raises(ValueError, match="0 models"):
        fill_mask({})
    with pytest.raises(ValueError, match="k is 0"):
        fill_mask(guess, k=0)


# ── sampler


def test_the_sampler_writes_with_what_its_sliders_say() -> None:
    asked: list[Any] = []

    def generate(prompt: str, **settings: Any) -> Any:
        asked.append((prompt, settings))
        yield from (" <one>", " two")

    shown = sampler(generate, "start")
    assert shown.state == "ready"
    assert not shown.generate_button.disabled
    shown.generate_button.click()  # no event loop: at once
    assert (shown.text, shown.state) == (" <one> two", "done")
    assert "<strong>start</strong> &lt;one&gt; two" in shown._shown.value
    shown.sliders["top_k"].value = 7
    shown.sliders["temperature"].value = 0.5
    shown.sliders["top_p"].value = 0.9
    shown._field.value = "other"
    shown.generate()
    assert asked == [
        ("start", {"temperature": 1.0, "top_k": None, "top_p": 1.0, "seed": 0}),
        ("other", {"temperature": 0.5, "top_k": 7, "top_p": 0.9, "seed": 1}),
    ]


def test_the_sampler_stops_and_writes_anew() -> None:
    closed: list[int] = []

    def endless(prompt: str, seed: int, **_: Any) -> Any:
        try:
            while True:
                yield f"{seed}"
        finally:
            closed.append(seed)

    async def main() -> None:
        shown = sampler(endless)
        shown.generate()
        while len(shown.text) < 3:
            await asyncio.sleep(0.01)
        assert shown.state == "generating"
        assert shown.generate_button.disabled
        shown.stop_button.click()
        assert shown.state == "stopped"
        await asyncio.sleep(0.01)
        length = len(shown.text)
        shown.generate()
        while len(shown.text) < 3 or shown.text[0] != "1":
            await asyncio.sleep(0.01)
        shown.generate()  # the text before it ends
        shown.stop()
        await asyncio.sleep(0.01)
        assert length >= 3
        assert closed == [0, 1]

    asyncio.run(main())


def test_the_page_hears_of_a_text_five_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(i * 0.05 for i in range(10**6))
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    shown = sampler(lambda prompt, **_: iter("x" * 100))
    seen: list[str] = []
    shown.observe(lambda change: seen.append(change["new"]), "text")
    shown.generate()
    assert seen[-1] == "x" * 100
    assert 15 <= len(seen) <= 26  # 100 words in 5 seconds and a little


def test_the_sampler_says_what_went_wrong() -> None:
    def broken(prompt: str, **_: Any) -> Any:
        yield "a"
        raise ValueError("a <word> is not known")

    shown = sampler(broken)
    shown.generate()
    assert (shown.state, shown.text) == ("failed", "a")
    assert "a &lt;word&gt; is not known" in shown._line.value
    with pytest.raises(ValueError, match="top_k is 0"):
        sampler(broken, top_k=0)


# ── attention


def attend(sentence: str) -> tuple[list[str], Tensor]:
    words = sentence.split()
    if "unknown" in words:
        raise ValueError("'unknown' is no word")
    return words, torch.rand(2, 3, len(words), len(words), generator=torch.Generator().manual_seed(0)).softmax(-1)


def test_the_viewer_shows_what_a_word_attends_to() -> None:
    shown = attention(attend, "the <cat> sat sat")
    _, weights = attend("the <cat> sat sat")
    assert (shown.word, shown.layer, shown.head) == (0, 0, -1)
    assert shown.row == pytest.approx(weights[0, :, 0].mean(0).tolist())
    shown._words.value, shown._layers.value, shown._heads.value = 3, 1, 2
    assert shown.row == pytest.approx(weights[1, 2, 3].tolist())
    best = weights[1, 2, 3].argmax()
    assert shown.status.startswith(f"In layer 2 and head 3, “sat” attends most to “{shown.words[best]}” (")
    assert "&lt;cat&gt;" in shown._shown.value
    assert shown._shown.value.count("outline:2px") == 1


def test_a_new_sentence_keeps_what_still_fits() -> None:
    shown = attention(attend, "a b c d")
    shown.word, shown.layer, shown.head = 3, 1, 0
    shown.sentence = "e f"
    assert (shown.word, shown.layer, shown.head) == (1, 1, 0)
    assert (shown._words.value, shown._layers.value, shown._heads.value) == (1, 1, 0)
    assert len(shown.row) == 2
    shown._field.value = "an unknown word"
    assert "is no word" in shown._shown.value
    assert shown.words == ["e", "f"]


def test_the_viewer_refuses_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="sentence is empty"):
        attention(attend, " ")
    shown = attention(attend, "a b")
    for name, value in (("word", 2), ("layer", -1), ("head", 3)):
        with pytest.raises(TraitError, match=f"{name} is {value}; expected"):
            setattr(shown, name, value)
    with pytest.raises(ValueError, match=r"expected \(layers, heads, 1, 1\)"):
        attention(lambda sentence: (["a"], torch.ones(1, 1)), "a")


def test_widgets_of_words_are_read_without_a_kernel() -> None:
    for shown in (fill_mask(guess), sampler(lambda prompt, **_: iter("")), attention(attend, "a")):
        plain, rich = shown.still()
        assert "JupyterLab" in plain
        assert plain in rich
