"""The book: pages that open offline, with drawn formulas, without widgets; its front page and its glossary."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from sslwb.cli.book import mathml, write_book
from sslwb.cli.front import PATHS, Lesson, front_page, lesson_of, minutes
from sslwb.cli.glossary import read_glossary, sections

GLOSSARY = Path(__file__).parent.parent / "notebooks" / "glossary.md"
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
            new_markdown_cell(
                "# 00 · Start here\n\n*The question: what is\n`alike`?*\n\n- An anchor is for later.\n\n"
                "*Minutes: ≈ 25 to read, ≈ 1½ to run. Builds on nothing but Python. Paper: 2020.*"
            ),
            new_markdown_cell("## 1 The idea\n\nA similarity $z_i^\\top z_j$ & more. [Next](01_next.ipynb#loss)."),
            new_markdown_cell("$$\\begin{aligned} a &= \\frac{1}{2} \\\\ b &< \\tau \\end{aligned}$$"),
            new_code_cell(
                "slider",
                execution_count=1,
                outputs=[
                    new_output("display_data", data={**WIDGET, "text/plain": "IntSlider(value=0)"}),
                    new_output("display_data", data={**WIDGET, "text/html": "<b>twin</b>"}),
                    new_output("display_data", data={"text/html": '<img src="data:,dull" alt="a curve">'}),
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
    cover = new_code_cell(
        "figure",
        metadata={"tags": ["cover"]},
        outputs=[
            new_output("display_data", data={"text/html": '<img src="data:,cover" alt="two &quot;clouds&quot;">'})
        ],
    )
    second = new_notebook(
        cells=[
            new_markdown_cell(
                "# 01 · Next & last\n\n*Say it. How far apart?*\n\n"
                "*About 40 minutes to read, 2 to run. Builds on [00 · Start here](00_start_here.ipynb). Paper: one.*"
            ),
            new_markdown_cell("## 2 Touch\n\nTwo *anchors*, anchored.\n\n### The queue\n\nA key, `the queue`, a loss."),
            quiz,
            new_code_cell(
                "figure", outputs=[new_output("display_data", data={"text/html": '<img src="data:,a" alt="b">'})]
            ),
            cover,
            new_markdown_cell("### Further reading\n\n- *Temperature*, a paper."),
        ]
    )
    paths = [tmp_path / "00_start_here.ipynb", tmp_path / "01_next.ipynb"]
    for path, notebook in zip(paths, (first, second), strict=True):
        nbformat.write(notebook, path)
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "99_gone.html").write_text("a page of an older book")
    glossary = tmp_path / "glossary.md"
    glossary.write_text(
        "# Glossary\n\nHow to.\n\n**queue**: What waits.\n\n**anchor** (asking view): The view that $a$\nasks.\n"
    )
    write_book(paths, tmp_path / "book", glossary)
    return tmp_path / "book"


def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def words(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())


def test_the_pages_are_the_lessons_in_order(book: Path) -> None:
    pages = ["00_start_here.html", "01_next.html", "glossary.html", "index.html"]
    assert sorted(path.name for path in book.iterdir()) == pages
    cards = soup(book / "index.html").select(".card")
    assert [(card.h3.a["href"], words(card.h3)) for card in cards] == [
        ("00_start_here.html", "00 Start here"),
        ("01_next.html", "01 Next & last"),
    ]
    turns = [[a["href"] for a in nav("a")] for nav in soup(book / "00_start_here.html").select("nav.turn")]
    assert turns == [["index.html", "glossary.html", "01_next.html"]] * 2


def test_the_front_page_shows_question_figure_minutes_and_what_it_builds_on(book: Path) -> None:
    first, second = soup(book / "index.html").select(".card")
    assert [words(p) for p in first("p")] == [
        "What is alike?",
        "25 min to read · 1½ min to run builds on nothing but Python",
    ]
    assert (first.img["src"], first.img["alt"]) == ("data:,dull", "a curve")  # no cell is tagged: the first figure
    assert [words(p) for p in second("p")] == ["Say it. How far apart?", "40 min to read · 2 min to run builds on 00"]
    assert (second.img["src"], second.img["alt"]) == ("data:,cover", 'two "clouds"')
    assert second.select_one(".small a")["href"] == "00_start_here.html"


def test_a_path_whose_lessons_are_not_all_there_is_left_out(book: Path) -> None:
    (path,) = soup(book / "index.html").select(".paths > li")
    assert "2 lessons · 1 hour to read, 4 minutes to run" in words(path)
    assert [a["href"] for a in path("a")] == ["00_start_here.html", "01_next.html"]


HEAD = (
    "<div class='text_cell_render'><h1>03 · SimCLR¶</h1><p>Which?</p><p>About 5 minutes to read, ½ to run. "
    "Builds on <a href='01_a.html'>01</a>. Paper: 1.</p></div><img src='data:,' alt='dots'>"
)


@pytest.mark.parametrize(
    ("gone", "instead", "lacking"),
    [
        ("<h1>03 · SimCLR¶</h1>", "", "a title"),
        ("<p>Which?</p>", "<p>This.</p>", "a question as its first paragraph"),
        ("5 minutes to read", "hours to read", "minutes to read"),
        ("½ to run", "some to run", "minutes to run"),
        ("Builds on", "See", "what it builds on"),
        ("<img src='data:,' alt='dots'>", "", "a figure, words for its figure"),
        (" alt='dots'", "", "words for its figure"),
    ],
)
def test_a_head_that_lacks_something_is_named(gone: str, instead: str, lacking: str) -> None:
    whole = lesson_of("03_simclr", BeautifulSoup(HEAD, "html.parser"))
    assert (whole.title, whole.question, whole.read, whole.run) == ("03 · SimCLR", "Which?", "5", "½")
    assert whole.builds_on == ("01_a",)
    assert gone in HEAD
    with pytest.raises(ValueError, match=f"lesson 03_simclr lacks {lacking}; its head is: "):
        lesson_of("03_simclr", BeautifulSoup(HEAD.replace(gone, instead), "html.parser"))


def test_no_lesson_builds_on_a_later_one() -> None:
    lesson = Lesson("03_simclr", "03 · SimCLR", "Which?", "5", "1", ("04_moco",), "04", "data:,", "dots")
    with pytest.raises(ValueError, match="03_simclr builds on 04_moco"):
        front_page([lesson])


def test_minutes_with_a_fraction() -> None:
    assert [minutes(text) for text in ("25", "1½", "¾")] == [25, 1.5, 0.75]


def test_the_glossary_leads_to_the_first_use(book: Path) -> None:
    page = soup(book / "glossary.html")
    assert [words(dt) for dt in page("dt")] == ["anchor also: asking view", "queue"]
    assert [words(dd.extract()) for a in page.select(".use") if (dd := a.extract())] == ["01 · Next & last"] * 2
    assert len(page.select("dd math")) == 1
    uses = [a["href"] for a in soup(book / "glossary.html").select(".use")]
    assert uses == ["01_next.html#2-Touch", "01_next.html#The-queue"]  # what a head names is not yet used


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("**anchor** The view that asks.", r"expected '\*\*term\*\* \(other words\): definition'"),
        ("**anchor**: One.\n\n**view** (Anchor): Two.", "twice in the glossary: anchor"),
    ],
)
def test_a_glossary_that_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_glossary(text)


def test_a_term_that_no_lesson_uses_is_named(tmp_path: Path, book: Path) -> None:
    # of the two, one stands in a head only and one among the titles of papers only
    (tmp_path / "glossary.md").write_text("**later**: L.\n\n**key**: K.\n\n**temperature**: T.")
    with pytest.raises(ValueError, match="used by no lesson: later, temperature"):
        write_book(sorted(tmp_path.glob("*.ipynb")), tmp_path / "other", tmp_path / "glossary.md")
    assert not (tmp_path / "other").exists()


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


VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Balance(HTMLParser):
    """Collects tags that are closed in the wrong order, attributes that stand twice and links inside links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) > len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice: {names}")
        if tag == "a" and "a" in self.open:
            self.faults.append("a link inside a link")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")


def faults(text: str) -> list[str]:
    """What is not well formed or not accessible in a page."""
    balance = Balance()
    balance.feed(text)
    page = BeautifulSoup(text, "html.parser")
    found = balance.faults + [f"<{tag}> stays open" for tag in balance.open]
    found += [f"{name} is not there once" for name in ("title", "h1", "main") if len(page(name)) != 1]
    found += [] if page.html and page.html.get("lang") else ["no language"]
    ids = [str(tag["id"]) for tag in page(id=True)]
    found += [f"id twice: {name}" for name in sorted({name for name in ids if ids.count(name) > 1})]
    found += [f"no alt: {str(tag)[:60]}" for tag in page("img") if not str(tag.get("alt", "")).strip()]
    labels = [nav.get("aria-label") for nav in page("nav")]
    found += ["navigations need a name each"] if None in labels or len(set(labels)) < len(labels) else []
    named = [name for tag in page(attrs={"aria-labelledby": True}) for name in str(tag["aria-labelledby"]).split()]
    found += [f"no such id: {name}" for name in named if name not in ids]
    levels = [int(tag.name[1]) for tag in page(re.compile("^h[1-6]$"))]
    found += ["headings do not begin with h1"] if levels[:1] != [1] else []
    found += [f"h{a} is followed by h{b}" for a, b in pairwise(levels) if b > a + 1]
    return found


def test_the_check_sees_what_is_not_valid() -> None:
    good = '<html lang="en"><title>t</title><main><h1>T</h1><br><img src="" alt="a"></main></html>'
    assert faults(good) == []
    assert "</h1> closes nothing" in faults(good.replace("T</h1>", "<p>T</h1>"))
    assert faults(good.replace("</html>", "")) == ["<html> stays open"]
    assert faults(good.replace('alt="a"', 'alt=""')) == ['no alt: <img alt="" src=""/>']
    assert faults(good.replace("<br>", "<h3>U</h3>")) == ["h1 is followed by h3"]
    assert faults(good.replace("<br>", '<b id="x"></b><i id="x"></i>')) == ["id twice: x"]
    assert faults(good.replace("<br>", "<nav></nav>")) == ["navigations need a name each"]
    assert faults(good.replace("<br>", '<a href=""><a href=""></a></a>')) == ["a link inside a link"]


def invalid(folder: Path) -> dict[str, list[str]]:
    return {page.name: found for page in folder.iterdir() if (found := faults(page.read_text(encoding="utf-8")))}


def test_the_pages_of_a_small_book_are_valid(book: Path) -> None:
    assert invalid(book) == {}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book of the committed lessons."""
    if not NOTEBOOKS:
        pytest.skip("no lessons here")
    folder = tmp_path_factory.mktemp("course") / "book"
    write_book(NOTEBOOKS, folder, GLOSSARY)
    return folder


@pytest.mark.long
def test_the_book_of_the_committed_lessons_fetches_nothing(course: Path) -> None:
    assert len(list(course.iterdir())) == len(NOTEBOOKS) + 2
    for page in course.iterdir():
        assert fetched(page) == [], page.name


@pytest.mark.long
def test_its_pages_are_valid(course: Path) -> None:
    assert invalid(course) == {}


@pytest.mark.long
def test_its_links_lead_to_pages_and_places_that_exist(course: Path) -> None:
    pages = {page.name: soup(page) for page in course.iterdir()}
    ids = {name: {str(tag["id"]) for tag in page(id=True)} for name, page in pages.items()}
    for name, page in pages.items():
        for a in page("a", href=True):
            file, _, place = str(a["href"]).partition("#")
            if ":" in file:  # another site, or a picture in the page
                continue
            assert (file or name) in pages, (name, a["href"])
            assert not place or place in ids[file or name], (name, a["href"])


@pytest.mark.long
def test_each_lesson_shows_a_figure_of_its_own(course: Path) -> None:
    cards = soup(course / "index.html").select(".card")
    assert len({str(card.img["src"]) for card in cards}) == len(cards) == len(NOTEBOOKS)


@pytest.mark.long
def test_its_paths_are_as_long_as_they_say_and_lack_nothing(course: Path) -> None:
    lessons = {
        card.h3.a["href"][:2]: {a["href"][:2] for a in card.select(".small a")}
        for card in soup(course / "index.html").select(".card")
    }
    lengths = {title: len(numbers.split()) for title, _, numbers in PATHS}
    assert lengths == {"In a hurry": 5, "For a lab": 10, "All of it": 0}
    for _, _, numbers in PATHS:
        path = numbers.split()
        assert path == sorted(path)
        for number in path:
            assert lessons[number] <= set(path), number
    shown = soup(course / "index.html").select(".paths > li")
    assert [len(path.select("li")) for path in shown] == [5, 10, len(NOTEBOOKS)]


def test_every_term_is_short_and_stands_once() -> None:
    entries = read_glossary(GLOSSARY.read_text(encoding="utf-8"))
    assert len(entries) >= 60
    assert {entry.term: n for entry in entries if (n := len(entry.definition.split())) > 40} == {}
    assert [entry.term for entry in entries if not entry.definition.endswith((".", "?"))] == []
    assert len({entry.anchor for entry in entries}) == len(entries)


@pytest.mark.long
def test_every_term_leads_to_the_first_lesson_that_uses_it(course: Path) -> None:
    """By a search of its own: the words of the numbered parts, one word after the other."""

    def plain(text: str) -> str:
        return f" {' '.join(re.findall(r'[a-z0-9]+(?:[-/][a-z0-9]+)*', text.casefold()))} "

    prose = {path.stem: plain(" ".join(sections(soup(course / f"{path.stem}.html")).values())) for path in NOTEBOOKS}
    uses = [str(a["href"]).split(".html#")[0] for a in soup(course / "glossary.html").select(".use")]
    entries = read_glossary(GLOSSARY.read_text(encoding="utf-8"))
    for entry, stem in zip(entries, uses, strict=True):
        forms = [plain(word + end) for word in (entry.term, *entry.forms) for end in ("", "s", "es")]
        using = [lesson for lesson, text in prose.items() if any(form in text for form in forms)]
        assert using, entry.term
        assert using[0] == stem, entry.term


def test_the_pictures_of_a_lesson_are_small() -> None:
    """What scripts/picture.py makes is looked at on a page that has to load fast."""
    docs = Path(__file__).parent.parent / "docs"
    for name, kilobytes in (("lesson.png", 400), ("lesson.webp", 1500)):
        assert 20_000 < (docs / name).stat().st_size <= 1000 * kilobytes, name
