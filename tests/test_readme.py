"""The README is true: it names every file of the tree and every lesson, and nothing that is not there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout")
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def test_every_file_of_the_package_has_its_line() -> None:
    tree = README.split("```")[1]
    missing = [
        str(path)
        for path in tracked()
        if path.parts[0] in ("sslwb", "scripts", ".ci", "benchmarks", "tests")
        and path.suffix != ".json"
        and path.name not in tree
    ]
    assert not missing, f"README's tree lacks {missing}"


def test_the_tree_names_no_file_that_is_gone() -> None:
    names = {path.name for path in tracked()}
    named = re.findall(r"[\w.]+\.(?:py|js|json|sh|yml|toml|lock)\b", README.split("```")[1])
    assert len(named) > 40
    assert not set(named) - names


def test_every_lesson_is_in_the_table() -> None:
    lessons = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert lessons
    table = [line for line in README.splitlines() if line.startswith("| [")]
    assert [re.search(r"notebooks/(\w+)\.ipynb", line)[1] for line in table] == lessons  # type: ignore[index]
