"""What stands in each lesson: minutes to read, exercises by rung of the ladder, claims, and the words that are new.

    python benchmarks/reading.py [--quick]

Read from the executed notebooks and notebooks/glossary.md; writes reading.md. --quick writes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from _common import parser
from bs4 import BeautifulSoup

from sslwb.cli.book import page_of
from sslwb.cli.glossary import first_use, read_glossary, sections
from sslwb.cli.lessons import all_lessons
from sslwb.cli.reading import claims, exercises, minutes_to_read

PAGE = Path(__file__).with_suffix(".md")
HEAD = """# What stands in the lessons

Written by `python benchmarks/reading.py` from the executed notebooks. Minutes: 150 words a minute and 6 s a line of
code; quizzes and the teachers' part are left out. Claims: ticks of the lesson's own run, and of stored rows.

| lesson | minutes to read | fill | write | explain | claims, live | claims, stored |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    asked = parser(__doc__).parse_args()
    lessons: dict[str, Any] = {path.stem: nbformat.read(path, as_version=4) for path in all_lessons()}
    lines, prose = [], {}
    for stem, lesson in lessons.items():
        rungs, ticks = exercises(lesson), claims(lesson)
        cells = [stem, f"{minutes_to_read(lesson):.0f}", *rungs.values(), *ticks.values()]
        lines.append(f"| {' | '.join(map(str, cells))} |")
        prose[stem] = sections(BeautifulSoup(page_of(lesson), "html.parser"))
    new: dict[str, list[str]] = {stem: [] for stem in lessons}
    glossary = all_lessons()[0].with_name("glossary.md").read_text(encoding="utf-8")
    for entry in read_glossary(glossary):
        if use := first_use(entry, prose):
            new[use.stem].append(entry.term)
    words = [f"- **{stem}** ({len(terms)}): {', '.join(terms)}" for stem, terms in new.items()]
    page = HEAD + "\n".join(lines) + "\n\n## Words of the glossary, by the lesson that uses them first\n\n"
    page += "\n".join(words) + "\n"
    print(page)
    if not asked.quick:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
