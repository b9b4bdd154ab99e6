"""Format, lint, types and spelling, as tests, so that one summary line speaks for all."""

import json
import os
import shutil
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


def oxlint(path: Path) -> subprocess.CompletedProcess[str]:
    """Its verdict on the JavaScript below a path, by the rules of .oxlintrc.json."""
    program = shutil.which("oxlint", path=str(Path(sys.executable).parent))
    if program is None:
        missing = "oxlint is not beside this Python, so no JavaScript is linted: python scripts/setup.py installs it"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    command = [program, "--config", str(ROOT / ".oxlintrc.json"), str(path)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def test_lint_of_javascript() -> None:
    run = oxlint(ROOT / "sslwb")
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"on {len(list(ROOT.glob('sslwb/**/*.js')))} files" in run.stdout


@pytest.mark.parametrize(
    ("line", "rule"), [("nowhere(model);", "no-undef"), ("let unused = el;", "no-unused-vars"), ("}", "Unexpected")]
)
def test_lint_of_javascript_sees_a_mistake(tmp_path: Path, line: str, rule: str) -> None:
    good = (
        'export default { render({ model, el }) { el.title = model.get("title"); document.body.append(el);\nHERE } };\n'
    )
    file = tmp_path / "widget.js"
    file.write_text(good.replace("HERE", ""))
    assert oxlint(file).returncode == 0
    file.write_text(good.replace("HERE", line))
    run = oxlint(file)
    assert run.returncode == 1
    assert rule in run.stdout + run.stderr


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
