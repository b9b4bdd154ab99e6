"""The course's terms: what each means, and the lesson that uses it first.

The source is `notebooks/glossary.md`: one paragraph a term, in any order. Where a term is first used is not written
there but found.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag

ENTRY = re.compile(r"\*\*(?P<term>.+?)\*\*(?: \((?P<forms>.+?)\))?: (?P<definition>.+)", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """A term, the other words for it, and one or two sentences of Markdown."""

    term: str
    forms: tuple[str, ...]
    definition: str

    @property
    def anchor(self) -> str:
        return re.sub(r"\W+", "-", self.term.casefold()).strip("-")


@dataclass(frozen=True)
class Use:
    """Where a term stands: a lesson's stem, and the id of the section's heading."""

    stem: str
    section: str


def read_glossary(text: str) -> list[Entry]:
    """The entries in alphabetical order; paragraphs that do not begin with a bold term are skipped.

    Raises:
        ValueError: a bold paragraph that is no entry, or a term that stands there twice.
    """
    entries: list[Entry] = []
    for paragraph in re.split(r"\n\s*\n", text):
        if not paragraph.startswith("**"):
            continue
        found = ENTRY.fullmatch(" ".join(paragraph.split()))
        if not found:
            raise ValueError(f"expected '**term** (other words): definition' in the glossary, got: {paragraph[:100]!r}")
        forms = tuple(form.strip() for form in (found["forms"] or "").split(",") if form.strip())
        entries.append(Entry(found["term"], forms, found["definition"]))
    words = [word.casefold() for entry in entries for word in (entry.term, *entry.forms)]
    if twice := sorted({word for word in words if words.count(word) > 1}):
        raise ValueError(f"twice in the glossary: {', '.join(twice)}")
    return sorted(entries, key=lambda entry: entry.term.casefold())


def first_use(entry: Entry, lessons: Mapping[str, Mapping[str, str]]) -> Use | None:
    """The first section that uses the term or one of its other words; lessons maps stem → {heading's id: its prose}."""
    words = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in (entry.term, *entry.forms))
    pattern = re.compile(rf"(?<![\w-])(?:{words})(?:s|es)?(?!\w)", re.IGNORECASE)
    for stem, sections in lessons.items():
        for section, prose in sections.items():
            if pattern.search(prose):
                return Use(stem, section)
    return None


def sections(page: BeautifulSoup) -> dict[str, str]:
    """A lesson's prose by the heading that it stands under, {id: text}, the numbered parts only.

    The head, which says what is to come, and the titles of papers at the end are left out; so are code and its outputs.
    """
    found: dict[str, str] = {}
    heading = ""
    for block in page.select(".text_cell_render > *"):
        if block.name == "h2" or (heading and block.name in ("h3", "h4")):
            heading = str(block.get("id", ""))
        if not heading:
            continue
        if block.get_text().startswith("Further reading"):
            break
        found[heading] = f"{found.get(heading, '')} {_prose(block)}".strip()
    return found


def _prose(block: Tag) -> str:
    skipped = {"pre", "math", "summary"}
    texts = (text for text in block.find_all(string=True) if not skipped & {parent.name for parent in text.parents})
    return " ".join("".join(texts).removesuffix("¶").split())


def glossary_page(
    entries: list[Entry],
    lessons: Mapping[str, Mapping[str, str]],
    titles: Mapping[str, str],
    render: Callable[[str], str],
) -> str:
    """The page's body; titles maps stem → title, render turns Markdown into HTML.

    Raises:
        ValueError: terms that no lesson uses.
    """
    uses = {entry.term: first_use(entry, lessons) for entry in entries}
    if unused := [term for term, use in uses.items() if use is None]:
        raise ValueError(f"in the glossary, and used by no lesson: {', '.join(unused)}")
    letters: dict[str, list[str]] = {}
    for entry in entries:
        use = uses[entry.term]
        assert use  # said above; for the type checker
        also = f' <span class="small">also: {html.escape(", ".join(entry.forms))}</span>' if entry.forms else ""
        definition = render(entry.definition).strip().removeprefix("<p>").removesuffix("</p>")
        letters.setdefault(entry.term[0].upper(), []).append(
            f'<dt id="{entry.anchor}"><dfn>{html.escape(entry.term)}</dfn>{also}</dt><dd>{definition} '
            f'<a class="use" href="{use.stem}.html#{use.section}">{html.escape(titles[use.stem])}</a></dd>'
        )
    jump = "".join(f'<li><a href="#letter-{letter}">{letter}</a></li>' for letter in letters)
    lists = "".join(
        f'<section aria-labelledby="letter-{letter}"><h2 id="letter-{letter}">{letter}</h2>'
        f"<dl>{''.join(rows)}</dl></section>"
        for letter, rows in letters.items()
    )
    return (
        f"<h1>Glossary</h1><p>{len(entries)} terms in the sense that this course gives them. "
        "The link after each leads to where a lesson first uses it.</p>"
        f'<nav class="letters" aria-label="Letters"><ul>{jump}</ul></nav>{lists}'
    )
