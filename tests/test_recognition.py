"""A classifier that a person can keep, and the names that it learns from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from sslwb import nets
from sslwb.core import NotRecorded
from sslwb.data import DataError, Images, duplicates, load
from sslwb.evaluate import embed
from sslwb.tasks import Classifier, fit_classifier, least_sure, load_classifier
from sslwb.train.checkpoint import CheckpointError, save_checkpoint
from sslwb.widgets import naming

SCRIPT = """
import sys
from sslwb.tasks import load_classifier

classifier = load_classifier(sys.argv[1])
for file, name, share in classifier.folder(sys.argv[2]):
    print(f"{file.name} {name} {share:.3f}")
"""


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=300, seed=5)


@pytest.fixture(scope="module")
def encoder() -> nn.Module:
    return nets.conv(8).eval()


@pytest.fixture(scope="module")
def z(encoder: nn.Module, data: Images) -> Tensor:
    return embed(encoder, data)


def two(z: Tensor) -> dict[int, str]:
    """Names by what the encoder sees at once: which side of its first feature's middle a picture lies on."""
    low = z[:, 0] < z[:, 0].median()
    return {i: "low" if low[i] else "high" for i in range(20)}


def saved(folder: Path, pictures: Tensor) -> None:
    folder.mkdir()
    for i, x in enumerate(pictures):
        Image.fromarray(x.permute(1, 2, 0).numpy()).save(folder / f"{i}.png")


def test_it_is_logistic_regression_on_standardised_embeddings(encoder: nn.Module, data: Images, z: Tensor) -> None:
    names = two(z)
    classifier = fit_classifier(encoder, data, names, z)
    assert classifier.classes == tuple(dict.fromkeys(names.values()))
    assert classifier.named == 20
    shares = classifier(data)
    assert torch.allclose(shares, classifier.of_embeddings(z), atol=1e-4)
    assert torch.allclose(shares.sum(1), torch.ones(300), atol=1e-5)
    x = ((z - z.mean(0)) / z.std(0, correction=0).clamp_min(1e-6)).numpy().astype(np.float64)
    y = [classifier.classes.index(name) for name in names.values()]
    # scikit-learn minimises C · Σ loss + |w|² / 2 with one weight vector for two classes; ours has two, mirrored
    peer = LogisticRegression(C=1 / (20 * 1e-2), tol=1e-8, max_iter=10_000).fit(x[list(names)], y)
    agree = (torch.from_numpy(peer.predict(x)) == shares.argmax(1)).float().mean()
    assert agree > 0.97


def test_its_file_is_read_by_ten_lines_in_a_fresh_process(
    encoder: nn.Module, data: Images, z: Tensor, tmp_path: Path
) -> None:
    classifier = fit_classifier(encoder, data, two(z), z)
    file = classifier.save(tmp_path / "mine" / "pictures.classifier")
    assert load_classifier(file).classes == classifier.classes
    assert torch.allclose(load_classifier(file)(data), classifier(data))
    saved(tmp_path / "new", data.x[40:52])
    (tmp_path / "new" / "note.png").write_text("no picture")
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(file), str(tmp_path / "new")], capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in run.stdout.splitlines()]
    assert [name for name, *_ in lines] == [f"{i}.png" for i in range(12)]
    assert [name for _, name, _ in lines] == [classifier.classes[i] for i in classifier(data[40:52]).argmax(1).tolist()]
    assert "note.png: not a picture" in run.stderr


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "names holds no picture; expected pictures of two classes or more"),
        ({0: "a", 1: "a "}, "names holds pictures of 'a' only"),
        ({0: "a", 300: "b"}, "names holds picture 300; expected 0 to 299"),
        ({0: "a", 1: " "}, "names calls picture 1 ' '; expected a word"),
    ],
)
def test_names_that_do_not_do_are_refused(
    names: dict[int, str], message: str, encoder: nn.Module, data: Images, z: Tensor
) -> None:
    with pytest.raises(ValueError, match=message):
        fit_classifier(encoder, data, names, z)


def test_two_classes_of_one_picture_do(encoder: nn.Module, data: Images, z: Tensor) -> None:
    classifier = fit_classifier(encoder, data, {0: "this", 1: "that"}, z)
    assert classifier.of_embeddings(z[:2]).argmax(1).tolist() == [0, 1]


def test_other_arguments_that_do_not_do_are_refused(encoder: nn.Module, data: Images, z: Tensor) -> None:
    with pytest.raises(TypeError, match="names is list; expected a dict"):
        fit_classifier(encoder, data, ["a", "b"], z)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"z has shape \(299, 64\); expected \(300, dim\)"):
        fit_classifier(encoder, data, two(z), z[1:])


def test_a_file_that_is_no_classifier_is_refused(encoder: nn.Module, data: Images, z: Tensor, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="could not be read"):
        load_classifier(tmp_path / "none")
    save_checkpoint(tmp_path / "other", {"kind": "another"})
    with pytest.raises(CheckpointError, match="holds no classifier; expected a file that"):
        load_classifier(tmp_path / "other")
    file = fit_classifier(encoder, data, two(z), z).save(tmp_path / "good")
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_classifier(file)


def test_an_encoder_that_could_not_be_made_again_is_not_saved(data: Images, tmp_path: Path) -> None:
    class Mine(nn.Module):
        dim = 3

        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3))

    classifier = fit_classifier(Mine(), data, {0: "a", 1: "b"})
    with pytest.raises(NotRecorded, match="was not made by a recorded constructor"):
        classifier.save(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_the_least_sure_without_a_name_come_first() -> None:
    shares = torch.tensor([[0.5, 0.3, 0.2], [0.4, 0.35, 0.25], [0.9, 0.1, 0.0], [0.34, 0.33, 0.33], [0.45, 0.39, 0.16]])
    named = torch.tensor([False, False, False, True, False])
    assert least_sure(shares, named).tolist() == [1, 4, 0, 2]
    assert least_sure(shares, ~named).tolist() == [3]
    assert least_sure(shares, torch.ones(5).bool()).tolist() == []
    assert least_sure(torch.full((4, 2), 0.5), torch.zeros(4).bool()).tolist() == [0, 1, 2, 3]
    with pytest.raises(TypeError, match=r"named is torch.int64; expected a torch.bool tensor"):
        least_sure(shares, named.long())
    with pytest.raises(ValueError, match=r"shares has shape \(5, 1\) and named \(5,\)"):
        least_sure(shares[:, :1], named)


# ── twice


def test_duplicates_are_found_and_nothing_else(data: Images) -> None:
    again = data[[0, 1, 2, 1, 3, 0, 1]]
    assert duplicates(again) == [[0, 5], [1, 3, 6]]
    assert duplicates(data) == []
    darker = Images(torch.cat((data.x[:3], data.x[:3] - (data.x[:3] > 0).to(torch.uint8))))
    assert duplicates(darker) == []
    assert duplicates(load("tales", n=3)[[0, 1, 0]]) == [[0, 2]]
    with pytest.raises(TypeError, match="data is Tensor; expected a container"):
        duplicates(data.x)  # type: ignore[arg-type]


# ── naming on the map


def first_two(z: Tensor) -> np.ndarray:
    return z[:, :2].numpy()


@pytest.fixture
def page(encoder: nn.Module, data: Images, z: Tensor, tmp_path: Path) -> Any:
    return opened(encoder, data, z, tmp_path / "names.json")


def opened(encoder: nn.Module, data: Images, z: Tensor, keep: Path | None) -> Any:
    return naming(data, z, lambda named: fit_classifier(encoder, data, named, z), keep, reduce=first_two)


def test_a_name_is_given_to_the_selection_and_the_classifier_answers_for_all(page: Any, z: Tensor) -> None:
    assert "Nothing is named yet" in page._said.value
    page.name("low")
    assert "Select pictures first." in page._said.value
    page.selection = (0, 1, 2)
    page.name("  ")
    assert "Type a name first." in page._said.value
    page.name(" low  low ")
    assert page.named == {0: "low low", 1: "low low", 2: "low low"}
    assert page.classifier is None
    assert "3 named low low: name pictures of a second class" in page._said.value
    page.selection = (7,)
    page._word.value = "high"
    (give,) = [b for b in buttons(page) if b.description == "Name the selected"]
    give.click()
    assert isinstance(page.classifier, Classifier)
    assert page.shares.shape == (300, 2)
    assert "4 named in 2 classes. Its answer for all 300: low low " in page._said.value
    assert page._unsure.value.count("<img") == 12
    assert [word for _, word in page.colourings["your names"].legend] == ["low low", "high", "no name yet"]
    assert [word for _, word in page.colourings["its answer"].legend] == ["low low", "high"]
    page.colour = "its answer"
    assert page._now.values.tolist() == page.shares.argmax(1).tolist()


def buttons(widget: Any) -> list[Any]:
    found = [] if type(widget).__name__ != "Button" else [widget]
    return found + [b for child in getattr(widget, "children", ()) for b in buttons(child)]


def test_a_name_that_was_given_is_a_button(page: Any) -> None:
    page.name("<b>", [0])
    page.name("other", [1])
    page.selection = (5, 6)
    (again,) = [b for b in buttons(page) if b.description == "<b>"]
    again.click()
    assert page.named == {0: "<b>", 1: "other", 5: "<b>", 6: "<b>"}
    assert page._word.options == ("<b>", "other")
    assert "&lt;b&gt;" in page._said.value
    assert "<b>" not in page._said.value


def test_names_can_be_taken_back(page: Any) -> None:
    page.name("a", [0])
    page.name("b", [0, 1])
    assert page.named == {0: "b", 1: "b"}
    page.undo()
    page.undo()
    page.undo()
    assert page.named == {}
    assert page.classifier is None


def test_it_asks_for_what_it_is_least_sure_of(page: Any) -> None:
    page.ask()
    assert page.point == 0
    page.name("a", [0, 2])
    page.name("b", [1, 3])
    page.ask()
    two = page.shares.topk(2, dim=1).values
    gap = (two[:, 0] - two[:, 1]).clone()
    gap[[0, 1, 2, 3]] = 2
    assert page.selection == (int(gap.argmin()),)


def test_names_are_there_again_in_another_order_and_other_pictures_lose_none(
    page: Any, encoder: nn.Module, data: Images, z: Tensor
) -> None:
    page.name("a", [0, 10])
    page.name("b", [20])
    assert "Kept in" in page._said.value
    order = torch.arange(299, -1, -1)
    again = opened(encoder, data[order], z[order], page.keep)
    assert again.named == {299: "a", 289: "a", 279: "b"}
    assert "3 names were read from" in again._said.value
    part = opened(encoder, data[:5], z[:5], page.keep)
    assert part.named == {0: "a"}
    part.name("c", [0])
    assert opened(encoder, data, z, page.keep).named == {0: "c", 10: "a", 20: "b"}
    part.undo()
    part.named = {}
    assert opened(encoder, data, z, page.keep).named == {10: "a", 20: "b"}


def test_a_file_of_names_that_cannot_be_read_is_left_as_it_is(
    encoder: nn.Module, data: Images, z: Tensor, tmp_path: Path
) -> None:
    for content in ("", "{", '{"kind": "other", "names": {}}', '{"kind": "sslwb names 1", "names": [1]}', "[]"):
        (tmp_path / "names").write_text(content)
        with pytest.raises(DataError, match="holds no names that can be read; expected a file that this widget kept"):
            opened(encoder, data, z, tmp_path / "names")
        assert (tmp_path / "names").read_text() == content


def test_names_that_cannot_be_kept_are_given_all_the_same(
    encoder: nn.Module, data: Images, z: Tensor, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    page = opened(encoder, data, z, tmp_path / "file" / "names.json")
    page.name("a", [0])
    page.name("b", [1])
    assert page.named == {0: "a", 1: "b"}
    assert "The names could not be kept in" in page._said.value
    free = opened(encoder, data, z, None)
    free.name("a", [0])
    assert "ept" not in free._said.value


def test_ten_thousand_pictures_are_answered_for() -> None:
    data, z = Images(torch.zeros(10_000, 3, 8, 8, dtype=torch.uint8)), torch.randn(10_000, 256)
    encoder = nets.conv(32)
    page = naming(data, z, lambda named: fit_classifier(encoder, data, named, z), reduce=first_two)
    page.name("a", range(10))
    page.name("b", [500])
    assert page.shares.shape == (10_000, 2)


def test_it_wants_one_embedding_a_picture(encoder: nn.Module, data: Images, z: Tensor) -> None:
    with pytest.raises(ValueError, match=r"z has shape \(299, 64\); expected \(N, D\) with one row for each of 300"):
        opened(encoder, data, z[1:], None)


def test_the_file_of_names_can_be_read_by_a_person(page: Any) -> None:
    page.name("ä", [0])
    state = json.loads(page.keep.read_text(encoding="utf-8"))
    assert list(state["names"].values()) == ["ä"]
    assert "ä" in page.keep.read_text(encoding="utf-8")
    assert os.listdir(page.keep.parent) == ["names.json"]
