"""One set of colours: no other file names any, colour-blind readers tell them apart, and both themes show them."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from math import gcd
from pathlib import Path

import numpy as np
import pytest

from sslwb.data.worlds.shapes import COLOURS
from sslwb.show import colours
from sslwb.widgets.live import STYLE

PACKAGE = Path(colours.__file__).parents[1]
FILES = [path for room in ("show", "widgets") for path in sorted((PACKAGE / room).iterdir())]
FILES = [path for path in FILES if path.suffix in (".py", ".js") and path.name != "colours.py"]
NAMES = "white|black|gray|grey|blue|red|green|viridis|Blues"
WHITE, DARK_PAGE = "#ffffff", "#111111"  # of JupyterLab's two themes
# How each kind of eye sees linear RGB. Source: Machado, Oliveira and Fernandes 2009, table 1, severity 1.
EYES = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Linear RGB → XYZ (IEC 61966-2-1); the second row is luminance.
XYZ = np.array([[0.412456, 0.357576, 0.180438], [0.212673, 0.715152, 0.072175], [0.019334, 0.119192, 0.950304]])


def linear(colour: str) -> np.ndarray:
    c = np.array(colours.rgb(colour)) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def distance(a: str, b: str, eye: str) -> float:
    """ΔE of CIE 1976 as this eye sees it: 2 is just seen side by side; ends of a scale are 100 apart."""

    def lab(colour: str) -> np.ndarray:
        x, y, z = XYZ @ np.clip(EYES[eye] @ linear(colour), 0, 1) / (XYZ @ np.ones(3))
        fx, fy, fz = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
        return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])

    return float(np.linalg.norm(lab(a) - lab(b)))


def contrast(a: str, b: str) -> float:
    """1 to 21, by WCAG."""
    low, high = sorted(float(XYZ[1] @ linear(c)) + 0.05 for c in (a, b))
    return high / low


def least(palette: list[str], eye: str) -> float:
    return min(distance(a, b, eye) for a, b in combinations(palette, 2))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_other_file_names_a_colour(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", text) == []
    assert re.findall(rf"""(?:color|colour|background|cmap)[\w-]*["']?\s*[=:]\s*["']?(?:{NAMES})""", text) == []


def test_the_measures_are_right() -> None:
    assert distance("#ffffff", "#000000", "normal") == pytest.approx(100, abs=0.1)
    assert distance("#ff0000", "#00ff00", "normal") == pytest.approx(170.6, abs=0.5)
    assert distance("#ff0000", "#00ff00", "deuteranopia") < 0.5 * distance("#ff0000", "#00ff00", "normal")
    assert contrast("#ffffff", "#000000") == pytest.approx(21)


def test_colour_blind_readers_tell_the_palette_apart() -> None:
    for eye, apart in {"normal": 25, "protanopia": 20, "deuteranopia": 17, "tritanopia": 10}.items():
        assert least([*colours.PALETTE], eye) >= apart, eye


def test_colour_blind_readers_tell_the_named_colours_apart() -> None:
    for eye, apart in {"normal": 25, "protanopia": 20, "deuteranopia": 20}.items():
        assert least([*colours.NAMED.values()], eye) >= apart, eye
    assert set(colours.NAMED) == set(COLOURS)


@pytest.mark.parametrize("colour", [*colours.PALETTE, *colours.NAMED.values(), colours.UNKNOWN, *colours.LOW_TO_HIGH])
def test_points_are_seen_on_both_pages(colour: str) -> None:
    assert contrast(colour, WHITE) >= 1.6
    assert contrast(colour, DARK_PAGE) >= 2.2


@pytest.mark.parametrize(("theme", "page"), [(colours.LIGHT, WHITE), (colours.DARK, DARK_PAGE)], ids=["light", "dark"])
def test_words_of_a_widget_are_read_in_its_theme(theme: dict[str, str], page: str) -> None:
    assert colours.LIGHT.keys() == colours.DARK.keys()
    for name, colour in theme.items():
        assert contrast(colour, page) >= 4.5, name
        assert f"--{name}: {colour};" in STYLE


def test_scales_run_evenly() -> None:
    scale = colours.gradient(colours.BLUES, 256)
    light = [float(XYZ[1] @ linear("#{:02x}{:02x}{:02x}".format(*c))) for c in scale]
    assert all(a > b for a, b in pairwise(light))
    assert scale[0].tolist() == [*colours.rgb(colours.BLUES[0])]
    assert scale[-1].tolist() == [*colours.rgb(colours.BLUES[-1])]
    assert colours.CYCLIC[0] == colours.CYCLIC[-1]


def test_classes_repeat_neither_colour_nor_shape_together() -> None:
    assert gcd(len(colours.PALETTE), len(colours.MARKERS)) == 1
    assert len(set(colours.class_colours([str(i) for i in range(10)]))) == 10
    assert colours.class_colours(["green", "red"]) == [colours.NAMED["green"], colours.NAMED["red"]]
