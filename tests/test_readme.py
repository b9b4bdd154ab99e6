"""The pages that a newcomer reads are true: README, CONTRIBUTING and FILES.md name what is there, and all of it."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = ["README.md", "CONTRIBUTING.md", "FILES.md", "CHANGELOG.md", "data/README.md", "benchmarks/README.md"]
LONGEST = 110  # lines of the README beside its table of lessons
FILEMAP: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "filemap.py"))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout")
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def test_the_readme_is_short() -> None:
    assert len([line for line in README.splitlines() if not line.startswith("| [")]) <= LONGEST


def test_every_folder_has_its_line() -> None:
    folders = {path.parts[0] for path in tracked() if len(path.parts) > 1} - {"sslwb"}
    folders |= {"/".join(path.parent.parts) for path in tracked() if path.parts[0] == "sslwb"} - {"sslwb"}
    assert len(folders) > 10
    cells = [line.split("|")[1] for line in README.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([\w./]+)/`", "".join(cells))) == folders


def test_every_lesson_is_in_the_table() -> None:
    lessons = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert lessons
    table = [line for line in README.splitlines() if line.startswith("| [")]
    assert [re.search(r"notebooks/(\w+)\.ipynb", line)[1] for line in table] == lessons  # type: ignore[index]


def test_the_map_of_files_is_the_newest() -> None:
    written = (ROOT / "FILES.md").read_text(encoding="utf-8")
    assert written == FILEMAP["filemap"](ROOT), "run: python scripts/filemap.py"


def test_the_map_takes_the_head_of_every_file(tmp_path: Path) -> None:
    for name, text in {
        "sslwb/__init__.py": '"""The package."""',
        "sslwb/nets/__init__.py": '"""Nets.\n\nAnd more."""',
        "sslwb/nets/conv.py": '"""A net\nof two lines.\n\nAnd more."""',
        "sslwb/a.js": "// Moves\n// it.\nexport default {};\n",
        "scripts/do.sh": "#!/bin/sh\n# Does it.\n\n# Not this.\ntrue\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    lines = FILEMAP["filemap"](tmp_path).splitlines()
    assert [line for line in lines if line][2:] == [
        "## sslwb",
        "The package.",
        "- [`a.js`](sslwb/a.js): Moves it.",
        "## sslwb/nets",
        "Nets.",
        "- [`conv.py`](sslwb/nets/conv.py): A net of two lines.",
        "## scripts",
        "- [`do.sh`](scripts/do.sh): Does it.",
    ]
    (tmp_path / "scripts" / "silent.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"silent\.py does not say what it is for"):
        FILEMAP["filemap"](tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith("http"):
            assert (ROOT / page).parent.joinpath(target).exists(), target


def test_contributing_names_only_files_that_are_there() -> None:
    """Every path in backticks, but those of files to be made, which have NAME or NN in them."""
    paths = re.findall(r"`((?:\.?\w+/)+[\w./]*|\w+\.(?:md|toml|lock))`", CONTRIBUTING)
    paths = [path for path in paths if "NAME" not in path and "NN" not in path]
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_contributing_and_readme_call_only_what_make_has() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = set(re.findall(r"(?:^ {4}|`)make ([a-z]+)", README + CONTRIBUTING, re.MULTILINE))
    assert {"lab", "check", "test"} <= called <= targets
