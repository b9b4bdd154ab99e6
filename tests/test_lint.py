"""Format, lint, types and spelling, as tests, so that one summary line speaks for all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))


def tool(*command: str, stdin: str | None = None) -> None:
    run = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, input=stdin, capture_output=True, text=True)
    if run.returncode:
        pytest.fail(f"{' '.join(command)}\n{run.stdout}{run.stderr}", pytrace=False)


def test_types() -> None:
    tool("mypy")


def test_format() -> None:
    tool("ruff", "format", "--check", "--quiet", "--diff", ".")


def test_lint() -> None:
    tool("ruff", "check", "--quiet", ".")


def test_spelling() -> None:
    tool("codespell_lib")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_spelling_of_lesson(path: Path) -> None:
    # Only what a person wrote: pictures in the outputs are base64, which is full of misspelt words.
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tool("codespell_lib", "-", stdin="\n".join("".join(cell["source"]) for cell in cells))
