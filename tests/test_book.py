"""The book: pages that open offline, with drawn formulas, without widgets."""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from sslwb.cli.book import mathml, write_book

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}


def fetched(page: Path) -> list[str]:
    """Everything that a browser would load by itself to show this page, but for what the page itself holds."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    found = [tag.get(key) for key in ("src", "srcset", "data", "poster") for tag in soup.find_all(attrs={key: True})]
    found += [tag.get("href") for tag in soup.find_all(["link", "use", "image"], href=True)]
    for text in [tag.get_text() for tag in soup.find_all("style")] + [t["style"] for t in soup.find_all(style=True)]:
        found += re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)
    for script in soup.find_all("script"):
        found += re.findall(r"(?:https?:)?//[\w.-]+\.\w+/[^'\"\s]*", script.get_text())
    return [address for address in found if not address.startswith(("data:", "#"))]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    first = new_notebook(
        cells=[
            new_markdown_cell("# 00 · Start here\n\nA similarity $z_i^\\top z_j$ & more. [Next](01_next.ipynb#loss)."),
            new_markdown_cell("$$\\begin{aligned} a &= \\frac{1}{2} \\\\ b &< \\tau \\end{aligned}$$"),
            new_code_cell(
                "slider",
                execution_count=1,
                outputs=[
                    new_output("display_data", data={**WIDGET, "text/plain": "IntSlider(value=0)"}),
                    new_output("display_data", data={**WIDGET, "text/html": "<b>twin</b>"}),
                    new_output("stream", text="✓ it holds (0.9 > 0.8)\n"),
                ],
            ),
        ],
        metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}},
    )
    quiz = new_code_cell(
        "quiz('Which?', [('a < b', True)])",
        metadata={"jupyter": {"source_hidden": True}},
        outputs=[new_output("display_data", data={**WIDGET, "text/html": "<i>Which?</i>"})],
    )
    second = new_notebook(cells=[new_markdown_cell("# 01 · Next & last"), quiz])
    paths = [tmp_path / "00_start_here.ipynb", tmp_path / "01_next.ipynb"]
    for path, notebook in zip(paths, (first, second), strict=True):
        nbformat.write(notebook, path)
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "99_gone.html").write_text("a page of an older book")
    write_book(paths, tmp_path / "book")
    return tmp_path / "book"


def test_the_pages_are_the_lessons_in_order(book: Path) -> None:
    assert sorted(path.name for path in book.iterdir()) == ["00_start_here.html", "01_next.html", "index.html"]
    index = BeautifulSoup((book / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert [(a["href"], a.get_text()) for a in index.find_all("a")] == [
        ("00_start_here.html", "00 · Start here"),
        ("01_next.html", "01 · Next & last"),
    ]


def test_links_between_lessons_lead_to_pages(book: Path) -> None:
    links = [a["href"] for a in BeautifulSoup((book / "00_start_here.html").read_text(), "html.parser").find_all("a")]
    assert "01_next.html#loss" in links
    assert not [link for link in links if "ipynb" in link]
    assert all((book / link.partition("#")[0]).exists() for link in links if not link.startswith("#"))


def test_formulas_are_drawn_without_a_script(book: Path) -> None:
    page = BeautifulSoup((book / "00_start_here.html").read_text(encoding="utf-8"), "html.parser")
    assert [math["display"] for math in page.find_all("math")] == ["inline", "block"]
    assert len(page.find_all("mtr")) == 2
    assert "$" not in page.main.get_text()
    assert not page.find_all("script")


def test_widgets_are_left_out_and_their_twins_stay(book: Path) -> None:
    text = (book / "00_start_here.html").read_text(encoding="utf-8")
    assert "IntSlider" not in text
    assert "<b>twin</b>" in text
    assert "✓ it holds (0.9 &gt; 0.8)" in text


def test_answers_wait_below_their_question(book: Path) -> None:
    page = BeautifulSoup((book / "01_next.html").read_text(encoding="utf-8"), "html.parser")
    assert page.details.pre.get_text() == "quiz('Which?', [('a < b', True)])"
    page.details.extract()
    assert "True" not in page.main.get_text()
    assert "Which?" in page.main.get_text()


def test_a_formula_that_cannot_be_drawn_is_named() -> None:
    with pytest.raises(ValueError, match=r"\\nosuchcommand"):
        mathml(r"a + \nosuchcommand{b}", "inline")


def test_the_check_sees_what_is_fetched(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<link href="//a.org/s.css"><img src="b.png"><style>@import "c.css"; p {background: url(d.png)}</style>'
        '<script>load("https://e.org/f.js")</script><a href="https://fine.org">read</a><img src="data:,">'
    )
    assert sorted(fetched(page)) == ["//a.org/s.css", "b.png", "c.css", "d.png", "https://e.org/f.js"]


@pytest.mark.skipif(not NOTEBOOKS, reason="no lessons here")
def test_the_book_of_the_committed_lessons_fetches_nothing(tmp_path: Path) -> None:
    for page in write_book(NOTEBOOKS, tmp_path / "book"):
        assert fetched(page) == [], page.name
