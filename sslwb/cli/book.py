"""The lessons as a book of HTML pages that opens offline: no script, no font, no picture from another place.

python -m sslwb.cli.book            writes book/ from the notebooks as they are committed
python -m sslwb.cli.book --run      runs every lesson first, and writes nothing when one fails
"""

import argparse
import html
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from pygments.formatters import HtmlFormatter

from sslwb.cli.front import front_page, lesson_of
from sslwb.cli.glossary import glossary_page, read_glossary, sections
from sslwb.cli.lessons import all_lessons, checkout, run_lesson

WIDGET_TYPES = ("application/vnd.jupyter.widget-view+json", "application/javascript")

STYLE = f"""
{(Path(__file__).parent / "book.css").read_text(encoding="utf-8")}
{HtmlFormatter(style="default").get_style_defs(".highlight")}
.highlight {{ background: none; }}
@media (prefers-color-scheme: dark) {{
{HtmlFormatter(style="github-dark").get_style_defs(".highlight")}
.highlight {{ background: none; }}
}}
"""


def write_book(lessons: Sequence[Path], folder: Path, glossary: Path | None = None) -> list[Path]:
    """Write a front page, one page for each executed notebook, in the order given, and the glossary's page.

    An older book is replaced whole.

    Raises:
        ValueError: no lessons, a lesson whose head lacks what the front page shows, a term of the glossary that no
            lesson uses, or a formula that cannot be written as MathML; the message holds it.
    """
    if not lessons:
        raise ValueError("no lessons to write; expected at least one notebook")
    entries, bodies, prose = [], [], {}
    for path in lessons:
        body = page_of(nbformat.read(path, as_version=4))
        page = BeautifulSoup(body, "html.parser")
        entries.append(lesson_of(path.stem, page))
        prose[path.stem] = sections(page)
        bodies.append(body)
    words = "glossary.html" if glossary else None
    pages = {"index.html": _html("The self-supervised learning workbench", front_page(entries, words), "front")}
    middle = '<span><a href="index.html">Contents</a>' + (
        f' · <a href="{words}">Glossary</a></span>' if words else "</span>"
    )
    for entry, before, after, body in zip(entries, [None, *entries], [*entries[1:], None], bodies, strict=False):
        turn = [
            f'<a rel="prev" href="{before.page}">← {html.escape(before.title)}</a>' if before else "<span></span>",
            middle,
            f'<a rel="next" href="{after.page}">{html.escape(after.title)} →</a>' if after else "<span></span>",
        ]
        top, bottom = (
            f'<nav class="turn" aria-label="Lessons, {end}">{"".join(turn)}</nav>' for end in ("top", "bottom")
        )
        pages[entry.page] = _html(entry.title, f'{top}<main id="main">{body}</main>{bottom}')
    if glossary:
        terms = read_glossary(glossary.read_text(encoding="utf-8"))
        titles = {entry.stem: entry.title for entry in entries}
        nav = '<nav class="turn" aria-label="Book"><span></span><a href="index.html">Contents</a><span></span></nav>'
        body = f'<main id="main">{glossary_page(terms, prose, titles, _markdown)}</main>'
        pages["glossary.html"] = _html("Glossary", nav + body, "glossary")
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name, text in pages.items():
        (new / name).write_text(text, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return [folder / name for name in pages]


def page_of(lesson: NotebookNode) -> str:
    """The HTML of an executed notebook, without the book's frame."""
    body, _ = _Page().from_notebook_node(_folded(_without_widgets(lesson)))
    return str(body)


def _html(title: str, body: str, kind: str = "lesson") -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f'<body class="{kind}"><a class="skip" href="#main">Skip to the text</a>{body}</body></html>\n'
    )


def _without_widgets(notebook: NotebookNode) -> NotebookNode:
    """Leave out what lives in a kernel only, and every output that then is empty; static twins stay."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        kept = []
        for output in cell.outputs:
            if "data" in output:
                # Beside a widget, text/plain is only its name.
                widget = [output.data.pop(kind) for kind in WIDGET_TYPES if kind in output.data]
                if widget and set(output.data) <= {"text/plain"}:
                    continue
            kept.append(output)
        cell.outputs = kept
    return notebook


def _folded(notebook: NotebookNode) -> NotebookNode:
    """Code that JupyterLab folds away, because it holds a quiz's answers, waits below its output for a click."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "code" and cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.transient = {"remove_source": True}  # what nbconvert looks at
            source = f"<pre>{html.escape(cell.source)}</pre>"
            cells.append(new_markdown_cell(f"<details><summary>answers, in code</summary>{source}</details>"))
    notebook.cells = cells
    return notebook


class _Page(HTMLExporter):
    """nbconvert's bare HTML of a notebook, with formulas as MathML, which browsers draw without a script."""

    template_name = "basic"
    exclude_input_prompt = True
    exclude_output_prompt = True

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        attachments = context.get("cell", {}).get("attachments", {})
        return _markdown(source, attachments)


def _markdown(source: str, attachments: dict[str, dict[str, str]] | None = None) -> str:
    return MarkdownWithMath(renderer=_Renderer(escape=False, attachments=attachments)).render(source)


class _Renderer(IPythonRenderer):
    def link(self, text: str, url: str, title: str | None = None) -> str:
        stem, dot, anchor = url.partition(".ipynb")
        if dot and "/" not in stem:  # from lesson to lesson
            url = f"{stem}.html{anchor}"
        return super().link(text, url, title)

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def inline_math(self, body: str) -> str:
        return mathml(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


def mathml(latex: str, display: str) -> str:
    """A formula as a <math> element; display is "inline" or "block".

    Raises:
        ValueError: a command of LaTeX that has no MathML here.
    """
    # aligned is split with another name; the converter knows split only
    out = convert(latex.strip().replace("{aligned}", "{split}"), display=display)
    if "\\" in out:
        raise ValueError(f"this formula has a command that the book cannot draw: {latex.strip()}")
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Write book/; with --run, from lessons executed now, and not at all when one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m sslwb.cli.book", description="Write the lessons as HTML pages.")
    parser.add_argument("--run", action="store_true", help="run every lesson first")
    lessons = all_lessons()
    if parser.parse_args(argv).run:
        executed = []
        (checkout() / "build" / "lessons").mkdir(parents=True, exist_ok=True)
        for path in lessons:
            print(path.stem, flush=True)
            executed.append(checkout() / "build" / "lessons" / path.name)
            if not run_lesson(path, output=executed[-1]):
                return 1
        lessons = executed
    glossary = checkout() / "notebooks" / "glossary.md"
    print(f"open {write_book(lessons, checkout() / 'book', glossary)[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
