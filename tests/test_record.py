"""Runs know what they are: how method, encoder and recipe were made, written down and made again; and who may be."""

from __future__ import annotations

import dataclasses
import enum
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_methods import METHODS, Row
from torch import nn

from sslwb import nets
from sslwb.augment import images, labelled, masks, paired, with_noise
from sslwb.cli import main
from sslwb.core import NotRecorded, as_views, describe, plain, rebuild, recorded
from sslwb.data import Pairs, load
from sslwb.methods.base import Method
from sslwb.methods.defaults import DEFAULTS, suited
from sslwb.methods.simclr import SimCLR
from sslwb.train import fit, load_checkpoint, save_checkpoint

rows = pytest.mark.parametrize("row", METHODS.values(), ids=METHODS.keys())


@rows
def test_every_method_is_made_again_from_its_description(row: Row) -> None:
    method = row.make()
    again = rebuild(describe(method))
    assert type(again) is type(method)
    assert describe(again) == describe(method)
    again.load_state_dict(method.state_dict())
    assert repr(again) == repr(method)


@rows
def test_every_recipe_is_made_again_from_its_description(row: Row) -> None:
    if "unknown" in describe(row.views):
        pytest.skip("the test's own function")
    assert rebuild(describe(row.views)) == row.views


def test_a_description_is_plain_and_nested_and_names_no_address() -> None:
    made = describe(SimCLR(nets.conv(8, instance_norm=True), projector=(16, 8)))
    assert made == {
        "make": "sslwb.methods.simclr.SimCLR",
        "encoder": {
            "make": "sslwb.nets.convolutional.conv", "width": 8, "channels": 3, "seed": 0, "instance_norm": True,
        },
        "temperature": 0.2,
        "projector": [16, 8],
        "seed": 0,
    }  # fmt: skip
    assert describe(lambda x, g: [x])["unknown"].endswith("<lambda>")
    assert describe(labelled(images.weak(16)))["of"]["make"] == "sslwb.augment.images.RandomViews"


def test_a_subclass_speaks_for_itself() -> None:
    class Colder(SimCLR):
        def __init__(self, encoder: nn.Module, how: str = "very") -> None:
            super().__init__(encoder, temperature=0.05)

    class Plain(SimCLR):
        pass

    assert {k: v for k, v in describe(Colder(nets.conv(4))).items() if k != "encoder"} == {
        "make": f"{__name__}.test_a_subclass_speaks_for_itself.<locals>.Colder", "how": "very",
    }  # fmt: skip
    assert rebuild(describe(Plain(nets.conv(4), temperature=0.3))).temperature == 0.3


@pytest.mark.parametrize(
    "description",
    [
        {"make": "os.system", "command": "false"},
        {"make": "sslwb.__main__.main"},
        {"make": "sslwb.cli.lessons.open_lab"},
        {"make": "sslwb.methods.simclr.nt_xent"},
        {"make": "sslwb.methods.nowhere.Method"},
        {"make": "builtins.exec", "source": "1/0"},
        {"make": None},
    ],
)
def test_a_strangers_word_runs_nothing(description: dict[str, Any]) -> None:
    before = set(sys.modules)
    with pytest.raises(NotRecorded, match="there is no recorded constructor"):
        rebuild(description)
    assert not {name for name in set(sys.modules) - before if not name.startswith("sslwb.methods")}


def test_what_cannot_be_rebuilt_is_named() -> None:
    encoder = nets.wrap(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4)))
    with pytest.raises(NotRecorded, match=r"torch\.nn\.modules\.container\.Sequential was not made by a recorded"):
        rebuild(describe(SimCLR(encoder)))
    with pytest.raises(NotRecorded, match=r"does not take what the description says: .*warmth"):
        rebuild(describe(SimCLR(nets.conv(4))) | {"warmth": 1})


def test_a_recorded_function_keeps_its_name_and_its_arguments() -> None:
    @recorded
    def twin(*widths: int, seed: int = 0, **more: int) -> nn.Module:
        net = nn.Linear(len(widths) + 1, 2)
        net.widths, net.more = widths, more
        return net

    again = rebuild(describe(twin(3, 4, seed=1, extra=5)))
    assert (again.widths, again.more) == ((3, 4), {"extra": 5})


class Made:
    """What it was given, in the order in which it was given."""

    def __init__(self, *given: Any) -> None:
        self.given = given


@recorded
def with_rest(a: int, *rest: int) -> Made:
    return Made(a, rest)


@recorded
def by_place(a: int, /, b: int = 2, *, c: int = 3, **more: Any) -> Made:
    return Made(a, b, c, more)


@recorded
def with_odd_names(make: str, unknown: int, options: Any = None) -> Made:
    return Made(make, unknown, options)


@pytest.mark.parametrize(
    "made",
    [
        lambda: with_rest(1, 2, 3),
        lambda: with_rest(1),
        lambda: by_place(1, 5),
        lambda: by_place(1, c=4, a=9, make=7),
        lambda: with_odd_names("copper", 1),
        lambda: with_odd_names("copper", 1, {"make": "os.system", "command": "false"}),
        lambda: with_odd_names("copper", 1, {"unknown": 3}),
        lambda: with_odd_names("copper", 1, {3: "three", (1, 2): {"make": None}}),
    ],
)
def test_arguments_of_every_kind_and_name_come_back(made: Callable[[], Made]) -> None:
    thing = made()
    again = rebuild(describe(thing))
    assert again.given == thing.given
    assert describe(again) == describe(thing)


class Metal(enum.IntEnum):
    TIN = 3


class Word(enum.StrEnum):
    ONE = "one"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.25), 0.25),
        (np.float32(0.25), 0.25),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("word"), "word"),
        (np.array(3), 3),
        (torch.tensor(0.25), 0.25),
        (torch.tensor(True), True),
        (Metal.TIN, 3),
        (Word.ONE, "one"),
        (True, True),
    ],
)
def test_a_number_of_any_library_is_described_as_pythons_own(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)
    inside = describe(with_odd_names("copper", 1, [value]))["options"]
    assert inside == [expected]
    assert type(inside[0]) is type(expected)


def test_what_is_no_number_stays_as_it_is() -> None:
    for thing in (torch.zeros(2), np.zeros(1), None, (1,)):
        assert plain(thing) is thing


def test_a_description_of_numpys_numbers_can_be_kept_in_a_file(tmp_path: Path) -> None:
    made = describe(SimCLR(nets.conv(4), temperature=np.float64(0.2)))
    save_checkpoint(tmp_path / "run.pt", {"method": made})
    assert load_checkpoint(tmp_path / "run.pt")["method"] == made


# ── views by their names


def test_views_that_lack_one_say_which_recipe_makes_them() -> None:
    x = torch.rand(2, 3, 8, 8)
    assert as_views([x, x[:, 0] > 2], masks.Hole).x is x
    with pytest.raises(ValueError, match=r"views holds 1 tensor\(s\); expected x, hidden: .*`augment\.masks\.mae`"):
        as_views([x], masks.Hidden)


def test_noise_is_a_view_and_comes_from_the_generator() -> None:
    data = load("shapes", n=6, size=8)
    recipe = with_noise(images.weak(8), 5)
    (x, noise), again = (recipe(data, torch.Generator().manual_seed(2)) for _ in range(2))
    assert (tuple(x.shape), tuple(noise.shape)) == ((6, 3, 8, 8), (6, 5))
    assert torch.equal(noise, again[1])


def test_pairs_keep_both_sides_row_for_row() -> None:
    pictures, texts = load("shapes", n=20, size=8), load("tales", n=20)
    pairs = Pairs(pictures, texts)[torch.tensor([7, 3])]
    assert torch.equal(pairs.a.x, pictures.x[[7, 3]])
    assert torch.equal(pairs.b.x, texts.x[[7, 3]])
    assert torch.equal(pairs.labels, pictures.labels[[7, 3]])
    assert [tuple(t.shape) for t in pairs.inputs()] == [(2, 3, 8, 8), (2, texts.shape[0])]
    assert pairs.baseline()[1].shape == (2, 3 * 64 + len(texts.vocabulary))
    views = paired(images.weak(8), lambda batch, g: [batch.x])(pairs, torch.Generator().manual_seed(1))
    assert (views.a.shape[0], torch.equal(views.b, pairs.b.x)) == (2, True)
    with pytest.raises(ValueError, match="a has 20 items and b 19; expected as many"):
        Pairs(pictures, texts[:19])


def test_pairs_are_replaced_like_any_container() -> None:
    pictures, texts = load("shapes", n=6, size=8), load("tales", n=6)
    pairs = Pairs(pictures, texts)
    other = dataclasses.replace(pairs, name="mine", y=pairs.factors["colour"], classes=pairs.levels["colour"])
    assert (other.name, other.classes) == ("mine", pictures.levels["colour"])
    assert torch.equal(other[[4, 1]].labels, pictures.factors["colour"][[4, 1]])
    assert (other.a, other.b) == (pictures, texts)
    assert dataclasses.replace(pairs, y=None).y is None
    assert dataclasses.replace(pairs, b=pictures).b is pictures
    with pytest.raises(ValueError, match="a has 6 items and b 2"):
        dataclasses.replace(pairs, b=texts[:2])


# ── the command trains every method


def test_every_file_of_a_method_has_a_row() -> None:
    folder = Path(sys.modules[Method.__module__].__file__ or "").parent
    apart = {"__init__", "base", "course", "defaults", "family", "likelihoods", "teacher"}
    assert {path.stem for path in folder.glob("*.py")} - apart == set(DEFAULTS)


DATA = {"pictures": "shapes", "texts": "tales"}


@pytest.mark.parametrize("name", DEFAULTS)
def test_all_first_weights_of_a_suited_method_are_the_seeds(name: str) -> None:
    data = load(DATA[DEFAULTS[name].kind], n=8)
    one, again, other = (suited(name, data, seed)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, again[key]) for key, value in one.items())
    matrices = {key for key, value in one.items() if value.ndim > 1}
    drawn = {key for key in matrices if not torch.equal(one[key], other[key])}
    parts, moved = ({key.partition(".")[0] for key in keys} for keys in (matrices, drawn))
    assert parts - moved == ({"transform"} if name == "bert" else set())  # it begins as the identity


@pytest.mark.long
@pytest.mark.parametrize("name", DEFAULTS)
def test_the_command_trains_every_method_and_the_doctor_reads_its_file(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run.pt"
    words = ["--data", DATA[DEFAULTS[name].kind], "--items", "64", "--steps", "2", "--batch-size", "32"]
    assert main(["train", name, *words, "--device", "cpu", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("✓ 2 steps")
    assert "kNN of" in printed
    settings = load_checkpoint(out)["history"]["settings"]
    again = rebuild(settings["method"])
    again.load_state_dict(load_checkpoint(out)["method"])
    assert main(["doctor", str(out)]) in (0, 1)
    assert capsys.readouterr().out.startswith(f"{type(again).__name__} on ")


def test_a_method_for_other_data_says_so() -> None:
    with pytest.raises(ValueError, match="bert is a method for texts, and shapes holds pictures"):
        suited("bert", load("shapes", n=8))
    with pytest.raises(LookupError, match="no method 'nothing'; there are: simclr, hard_negatives"):
        suited("nothing", load("shapes", n=8))


def test_a_method_may_give_each_group_its_own_rate_and_betas() -> None:
    seen: list[tuple[float, Any]] = []

    class TwoSides(SimCLR):
        def param_groups(self) -> list[dict[str, Any]]:
            one, other = list(self.encoder.parameters()), list(self.projector.parameters())
            return [{"params": one, "lr": 1e-4, "betas": (0.5, 0.9)}, {"params": other}]

        def after_step(self, progress: float) -> None:
            seen.extend((group["lr"], group["betas"]) for group in loop.optimiser.param_groups)

    from sslwb.train.loop import Loop

    data = load("shapes", n=32, size=8)
    how: dict[str, Any] = {"steps": 1, "batch_size": 16, "lr": 1e-2, "warmup": 0.0, "device": "cpu"}
    loop = Loop(TwoSides(nets.conv(4)), data, images.simclr(8), **how)
    loop.run()
    assert seen == [(1e-4, (0.5, 0.9)), (1e-2, (0.9, 0.95))]


def test_a_compiled_method_trains_to_the_same_loss_and_its_seconds_stand_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the backend that traces a method and compiles nothing: what a compiler makes of it is torch's affair."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    data = load("shapes", n=32, size=8)
    how: dict[str, Any] = {"steps": 3, "batch_size": 16, "device": "cpu", "precision": "fp32", "progress": False}
    plain = fit(SimCLR(nets.conv(4), projector=()), data, images.simclr(8), **how)
    compiled = fit(SimCLR(nets.conv(4), projector=()), data, images.simclr(8), compile=True, **how)
    assert compiled["loss"] == pytest.approx(plain["loss"], abs=1e-3)
    assert compiled.compile_seconds > 0
    assert plain.compile_seconds == 0
