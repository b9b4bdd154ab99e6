"""Bring your pictures: from a folder on disk to a saved classifier, by hand, in the browser."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright")
from lab import Notebook
from PIL import Image
from playwright.sync_api import expect
from sklearn.datasets import load_sample_images

SIDE = 53  # pixels of a piece of a photograph: 8 × 12 of each
SCRIPT = """
import sys

from sslwb.tasks import load_classifier

classifier = load_classifier(sys.argv[1])
for file, name, share in classifier.folder(sys.argv[2]):
    print(f"{file.name}: {name} ({share:.0%})")
"""


def cells(pictures: Path) -> tuple[str, ...]:
    return (
        f"""
from sslwb import nets
from sslwb.augment.images import simclr
from sslwb.data import duplicates, image_folder
from sslwb.evaluate import embed
from sslwb.methods.simclr import SimCLR
from sslwb.tasks import fit_classifier
from sslwb.train import fit
from sslwb.widgets import naming
pictures = image_folder({str(pictures)!r}, 32)
print(len(pictures), "pictures,", duplicates(pictures), "are the same")""",
        """
method = SimCLR(nets.conv(16))
history = fit(method, pictures, simclr(24), steps=30, batch_size=32, lr=3e-3, progress=False)
z = embed(method.encoder, pictures)
print(len(history["loss"]), "steps")""",
        """
def learn(named):
    return fit_classifier(method.encoder, pictures, named, z)
page = naming(pictures, z, learn, "names.json")
page""",
        "print(len(page.named), 'named,', len(set(page.named.values())), 'classes,', page.shares.shape)",
        "print('saved', page.classifier.save('mine.classifier').name)",
    )


@pytest.fixture
def pieces(tmp_path: Path) -> Path:
    """Two photographs cut into pieces, no label anywhere; and what lies about in a person's folder."""
    folder = tmp_path / "my pictures"
    folder.mkdir()
    for name, photograph in zip(("a", "b"), load_sample_images().images, strict=True):
        for i in range(8):
            for j in range(12):
                piece = photograph[i * SIDE : (i + 1) * SIDE, j * SIDE : (j + 1) * SIDE]
                Image.fromarray(piece).save(folder / f"{name}{12 * i + j}.png")
    whole = folder / "broken.jpg"
    Image.fromarray(load_sample_images().images[0]).save(whole)
    whole.write_bytes(whole.read_bytes()[:5000])
    (folder / "note.png").write_text("remember the milk")
    for copy in ("copy 1.png", "copy 2.png"):
        (folder / copy).write_bytes((folder / "a0.png").read_bytes())
    return folder


def selected(n: Notebook, number: int) -> None:
    """24 pictures around one, by keyboard."""
    field = n.output(2).get_by_label("picture number")
    field.fill(str(number))
    field.press("Enter")
    expect(n.output(2)).to_contain_text("1 selected")
    n.press("Select 24 around it")
    expect(n.output(2)).to_contain_text("24 selected")


def test_from_a_folder_to_a_classifier_that_a_short_script_loads(
    lab: Callable[..., Notebook], folder: Path, pieces: Path, shots: Callable[..., None]
) -> None:
    n = lab(*cells(pieces))
    n.run_cell(0)
    n.expect_output(0, "194 pictures, [[0, 192, 193]] are the same")
    expect(n.output(0)).to_contain_text("2 of 196 files skipped, 194 read")
    expect(n.output(0)).to_contain_text("note.png: not a picture, whatever its name says")
    n.run_cell(1)
    n.expect_output(1, "30 steps")
    n.run_cell(2)
    expect(n.output(2).locator("canvas").first).to_be_visible()
    expect(n.output(2)).to_contain_text("Nothing is named yet")
    selected(n, 5)
    name = n.output(2).get_by_label("name", exact=True)
    name.fill("roof & sky")
    n.press("Name the selected")
    expect(n.output(2)).to_contain_text("24 named roof & sky: name pictures of a second class")
    selected(n, 150)
    name.fill("flower")
    n.press("Name the selected")
    expect(n.output(2)).to_contain_text(re.compile("named in 2 classes. Its answer for all 194: roof & sky "))
    n.output(2).get_by_label("colour by").select_option("its answer")
    n.press("Show the least sure")
    expect(n.output(2)).to_contain_text("1 selected")
    n.press("flower")  # a name that was given is a button
    expect(n.output(2)).to_contain_text(re.compile(r"(\d+) named in 2 classes"))
    n.press("Undo")
    assert n.cut_off() == []
    shots(n)
    n.run_cell(3)
    n.expect_output(3, re.compile(r"\d+ named, 2 classes, torch.Size\(\[194, 2\]\)"))
    n.run_cell(4)
    n.expect_output(4, "saved mine.classifier")
    said: Any = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder / "mine.classifier"), str(pieces)], capture_output=True, text=True
    )
    lines = said.stdout.splitlines()
    assert len(lines) == 194, said.stderr
    assert re.fullmatch(r"a0\.png: (roof & sky|flower) \(\d+%\)", lines[0])
    # another kernel, as after a closed browser and a server that was ended: the names are there again
    n.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    n.idle()
    for cell in (0, 1, 2):
        n.run_cell(cell)
    expect(n.output(2)).to_contain_text(re.compile(r"named in 2 classes.*names were read from"))
