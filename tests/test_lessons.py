"""The form of every lesson: executed in order, small, in short cells, with words for its figures, nothing left open."""

import json
import re
import statistics
from pathlib import Path

import nbformat
import pytest

from sslwb.cli.reading import exercises, minutes_to_read

FOLDER = Path(__file__).parent.parent / "notebooks"
RESULTS = FOLDER.parent / "benchmarks" / "results"
PATHS = sorted(FOLDER.glob("*.ipynb"))
LONGEST, MEDIAN, KILOBYTES = 25, 8, 800


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def lesson(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def code(lesson: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in lesson.cells if cell.cell_type == "code"]


def folded(cell: nbformat.NotebookNode) -> bool:
    """Whether JupyterLab hides the code of this cell until a click."""
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def prose(lesson: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_it_is_small(path: Path) -> None:
    assert path.stat().st_size <= KILOBYTES * 1000


def test_it_was_run_in_order_without_errors(lesson: nbformat.NotebookNode) -> None:
    assert [cell.execution_count for cell in code(lesson)] == list(range(1, len(code(lesson)) + 1))
    for cell in code(lesson):
        assert [o.output_type for o in cell.outputs if o.output_type == "error"] == []
        assert [o.text for o in cell.outputs if o.get("name") == "stderr"] == []
    assert "widgets" not in lesson.metadata


def test_its_cells_are_short(lesson: nbformat.NotebookNode) -> None:
    lines = {cell.source[:60]: len(cell.source.splitlines()) for cell in code(lesson)}
    assert {begin: n for begin, n in lines.items() if n > LONGEST} == {}
    assert statistics.median(len(cell.source.splitlines()) for cell in code(lesson)) <= MEDIAN


def test_no_comment_breaks_a_line_into_brackets(lesson: nbformat.NotebookNode) -> None:
    """The formatter breaks a line that its comment makes too long; the comment then stands better above."""
    broken = re.compile(r"^\s*[\])}][^#'\"\n]*  #(?! fmt: skip)", re.M)
    assert [cell.source for cell in code(lesson) if broken.search(cell.source)] == []


def test_its_settings_come_first(lesson: nbformat.NotebookNode) -> None:
    first = code(lesson)[0]
    assert "parameters" in first.metadata.get("tags", [])
    for name in ("DATA", "SEED"):
        assert re.search(rf"^{name} = ", first.source, re.MULTILINE)


def test_every_picture_has_words(lesson: nbformat.NotebookNode) -> None:
    for cell in code(lesson):
        for output in cell.outputs:
            for tag in re.findall(r"<img\b[^>]*>", output.get("data", {}).get("text/html", "")):
                alt = re.search(r'alt="([^"]*)"', tag)
                assert alt, tag[:80]
                assert alt[1].strip(), tag[:80]


def test_it_says_how_long_it_takes_to_read(lesson: nbformat.NotebookNode) -> None:
    said = re.search(r"(\d+)[½¼¾]? (?:minutes? )?to read", lesson.cells[0].source)
    assert said
    assert abs(int(said[1]) - minutes_to_read(lesson)) <= 2


def test_it_has_every_rung_of_the_ladder(lesson: nbformat.NotebookNode) -> None:
    assert all(exercises(lesson).values()), exercises(lesson)


def test_rows_of_transfer_are_the_stored_ones(lesson: nbformat.NotebookNode) -> None:
    stored = json.loads((RESULTS / "transfer.json").read_text(encoding="utf-8"))["rows"]
    for heads, row in re.findall(
        r"^(\| DATA \|.*)$(?:\n\|.*)*?\n(\| digits, trained on shapes \|.*)$", prose(lesson), re.M
    ):
        for head, cell in zip(heads.split("|")[3:-1], row.split("|")[3:-1], strict=True):
            name = head.strip().removesuffix(", kNN")
            expected = [f"{100 * statistics.mean(stored[name][f'digits {of}']):.0f}" for of in ("knn", "linear")]
            kept = expected[:1] if name != head.strip() else expected
            assert cell.strip() == " / ".join(kept), f"{name}: {expected}"


def test_it_has_the_parts(lesson: nbformat.NotebookNode) -> None:
    heads = re.findall(r"^## (\d+) ", prose(lesson), re.MULTILINE)
    assert heads == [str(i) for i in range(1, 11)]


def test_answers_are_folded_away(lesson: nbformat.NotebookNode) -> None:
    quizzes = [cell for cell in code(lesson) if re.match(r"(widgets\.)?quiz\(", cell.source)]
    assert len(quizzes) >= 3
    assert all(folded(cell) for cell in quizzes)


def test_nothing_is_left_open(lesson: nbformat.NotebookNode) -> None:
    """No word of the workshop, such as TABLEHERE or TODO: short names such as CIFAR or SSLWB_DATA may stand."""
    known = {"README"}
    words = set(re.findall(r"(?<![`_$A-Z])\b[A-Z]{6,}\b(?![`_])", prose(lesson))) - known
    assert words == set()
    assert not re.search(r"\b(TODO|FIXME|XXX|TBD)\b", prose(lesson))


def test_its_links_lead_somewhere(lesson: nbformat.NotebookNode) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose(lesson)):
        if not target.startswith("http"):
            assert (FOLDER / target).exists(), target
