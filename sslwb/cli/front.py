"""The book's front page: where to begin, and for each lesson its question, a figure, its minutes, what it builds on."""

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag

# A part begins with the lesson of this number.
PARTS = {
    0: (
        "Joint embedding",
        "Learn by comparing two views of one picture, and see what stops the answer from collapsing.",
    ),
    9: ("Predict what is hidden", "Turn pictures, hide patches, hide words: the rest of the data is the label."),
    14: ("Learn by making", "Squeeze a picture and paint it again, paint new ones, and see what the painter knows."),
    20: ("What it is for", "Name, find, read, answer: what a representation saves, and where it saves nothing."),
}
# Each lesson of a path builds on lessons of that path only. A path without numbers is the whole course.
PATHS = (
    ("In a hurry", "The idea, its loop, one contrastive method, one that fills gaps.", "00 01 02 03 12"),
    ("For a lab", "Every family of methods once, in pictures and in text.", "00 01 02 03 06 07 09 10 12 14"),
    ("All of it", "In order: each lesson knows only the ones before it.", ""),
)

MINUTES = r"(\d+[½¼¾]?|[½¼¾])"


@dataclass(frozen=True)
class Lesson:
    """What the front page says of one lesson; minutes as they are written there ("1½")."""

    stem: str
    title: str
    question: str
    read: str
    run: str
    builds_on: tuple[str, ...]  # stems; none: `background` says what to bring
    background: str
    figure: str  # an address, data: in the book
    alt: str

    @property
    def number(self) -> str:
        return self.stem[:2]

    @property
    def page(self) -> str:
        return f"{self.stem}.html"


def lesson_of(stem: str, page: BeautifulSoup) -> Lesson:
    """Read a lesson's head and its figure from its page as HTML.

    The figure is in the cell tagged `cover`; without that tag it is the first of part 5, and without that the first.

    Raises:
        ValueError: the head or the figure lacks something; the message says what.
    """
    head = page.select_one(".text_cell_render") or Tag(name="div")
    paragraphs = [_plain(p) for p in head.find_all("p")]
    question = re.sub(r"^the question:\s*", "", (paragraphs or [""])[0], flags=re.IGNORECASE)
    cost = next((p for p in paragraphs if "to read" in p), "")
    read = _first(rf"{MINUTES} (?:minutes? )?to read", cost)
    run = _first(rf"{MINUTES} (?:minutes? )?to run", cost)
    background = _first(r"[Bb]uilds on:? (.+?)(?:[.;]|$)", cost)
    links = [
        _first(r"^(\d\d_\w+)\.html", str(a["href"])) for p in head.find_all("p") if _plain(p) == cost for a in p("a")
    ]
    figure = _cover(page) or Tag(name="img")
    lesson = Lesson(
        stem=stem,
        title=head.h1.get_text().removesuffix("¶") if head.h1 else "",
        question=(question[:1].upper() + question[1:]) if question.endswith("?") else "",
        read=read,
        run=run,
        builds_on=tuple(dict.fromkeys(filter(None, links))),
        background=background,
        figure=str(figure.get("src", "")),
        alt=str(figure.get("alt", "")),
    )
    said = {
        "a title": lesson.title,
        "a question as its first paragraph": lesson.question,
        "minutes to read": read,
        "minutes to run": run,
        "what it builds on": background,
        "a figure": lesson.figure,
        "words for its figure": lesson.alt,
    }
    if lacking := [what for what, words in said.items() if not words]:
        raise ValueError(f"lesson {stem} lacks {', '.join(lacking)}; its head is: {_plain(head)[:300]!r}")
    return lesson


def front_page(lessons: Sequence[Lesson], glossary: str | None = None) -> str:
    """The front page's body: paths, then lessons by part; `glossary` is the address of that page.

    Raises:
        ValueError: a lesson builds on one that does not come before it.
    """
    for i, lesson in enumerate(lessons):
        if later := set(lesson.builds_on) - {earlier.stem for earlier in lessons[:i]}:
            raise ValueError(f"lesson {lesson.stem} builds on {', '.join(sorted(later))}, which is not before it")
    by_number = {lesson.number: lesson for lesson in lessons}
    paths = [(title, why, numbers.split() or list(by_number)) for title, why, numbers in PATHS]
    shown = [_path(title, why, [by_number[n] for n in ns]) for title, why, ns in paths if set(ns) <= set(by_number)]
    parts, starts = [], sorted(PARTS)
    for start, end in zip(starts, [*starts[1:], 100], strict=True):
        members = [lesson for lesson in lessons if start <= int(lesson.number) < end]
        if members:
            title, about = PARTS[start]
            cards = "".join(_card(lesson, by_number) for lesson in members)
            parts.append(
                f'<section aria-labelledby="part-{start}"><h2 id="part-{start}">{title}</h2><p>{about}</p>'
                f'<ol class="lessons">{cards}</ol></section>'
            )
    words = (
        f', and a <a href="{glossary}">glossary</a> says what each term means and where it is first used'
        if glossary
        else ""
    )
    return (
        '<header class="top"><p class="over">A course that runs</p><h1>The self-supervised learning workbench</h1>'
        "<p>Every idea of self-supervised learning, trained from nothing in front of you, on a plain laptop, offline. "
        "These pages are for reading. What moves there stands still here: to train the models, drag the sliders and "
        "try the exercises, open the course itself with <code>make lab</code>.</p></header>"
        '<main id="main"><section aria-labelledby="paths"><h2 id="paths">Where to begin</h2>'
        f"<p>Each lesson is one page{words}.</p>"
        f'<ul class="paths">{"".join(shown)}</ul></section>{"".join(parts)}</main>'
    )


def _path(title: str, why: str, lessons: Sequence[Lesson]) -> str:
    read, run = (sum(map(minutes, (getattr(lesson, what) for lesson in lessons))) for what in ("read", "run"))
    steps = "".join(
        f'<li><a href="{lesson.page}" title="{html.escape(lesson.title)}">'
        f'<span class="hidden">Lesson </span>{lesson.number}</a></li>'
        for lesson in lessons
    )
    count = f"{len(lessons)} lessons · {_hours(read)} to read, {round(run)} minutes to run"
    return f'<li><h3>{title}</h3><p>{why}</p><p class="small">{count}</p><ol class="steps">{steps}</ol></li>'


def _card(lesson: Lesson, by_number: dict[str, Lesson]) -> str:
    number, _, name = lesson.title.partition(" · ")
    heading = f'<span class="number">{html.escape(number)}</span> {html.escape(name)}' if name else html.escape(number)
    earlier = ", ".join(
        f'<a href="{stem}.html" title="{html.escape(by_number[stem[:2]].title)}">{stem[:2]}</a>'
        for stem in lesson.builds_on
    )
    return (
        f'<li class="card"><h3><a class="whole" href="{lesson.page}">{heading}</a></h3>'
        f'<img src="{lesson.figure}" alt="{html.escape(lesson.alt)}"><p>{html.escape(lesson.question)}</p>'
        f'<p class="small">{lesson.read} min to read · {lesson.run} min to run<br>'
        f"builds on {earlier or html.escape(lesson.background)}</p></li>"
    )


def minutes(text: str) -> float:
    """ "1½" → 1.5"""
    whole = text.rstrip("½¼¾")
    return float(whole or 0) + sum(map(unicodedata.numeric, text[len(whole) :]))


def _hours(total: float) -> str:
    """Minutes in words, in half hours from one hour on."""
    halves = round(total / 30)
    if halves < 2:
        return f"{round(total)} minutes"
    return f"{halves // 2}{'½' * (halves % 2)} hour{'s' * (halves > 2)}"


def _cover(page: BeautifulSoup) -> Tag | None:
    look = next((h2 for h2 in page.find_all("h2") if h2.get_text().startswith("5 ")), None)
    return page.select_one(".celltag_cover img") or (look and look.find_next("img")) or page.find("img")


def _first(pattern: str, text: str) -> str:
    """What the group of the pattern holds; "" where it is not found."""
    found = re.search(pattern, text)
    return found[1] if found else ""


def _plain(tag: Tag) -> str:
    return " ".join(tag.get_text().split())
