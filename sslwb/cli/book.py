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

from sslwb.cli.lessons import all_lessons, checkout, run_lesson

WIDGET_TYPES = ("application/vnd.jupyter.widget-view+json", "application/javascript")

STYLE = f"""
:root {{ color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --soft: #f4f4f2; --line: #d8d8d4; --link: #0b5cad; }}
body {{ max-width: 54rem; margin: 0 auto; padding: 1.5rem; color: var(--ink); background: var(--paper);
  font: 1.05rem/1.6 system-ui, sans-serif; overflow-wrap: break-word; }}
a {{ color: var(--link); }} a.anchor-link {{ display: none; }}
nav {{ display: flex; gap: 1rem; justify-content: space-between; margin: 1rem 0 2rem; }}
pre, code {{ font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .88rem; line-height: 1.45; }}
pre {{ margin: 0; overflow-x: auto; }} .output_area pre {{ white-space: pre-wrap; }}
.input .highlight {{ padding: .6rem .8rem; margin: .8rem 0 .3rem; background: var(--soft); border-radius: 4px; }}
.output_area {{ margin: .3rem 0; padding-left: .8rem; border-left: 3px solid var(--line); overflow-x: auto; }}
img, svg {{ max-width: 100%; height: auto; }}
table {{ border-collapse: collapse; margin: .8rem 0; }}
th, td {{ padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }}
math[display=block] {{ margin: 1rem 0; overflow-x: auto; }}
.output_png img, .output_svg svg {{ background: #fff; border-radius: 4px; }}
{HtmlFormatter(style="default").get_style_defs(".highlight")}
.highlight {{ background: none; }}
@media (prefers-color-scheme: dark) {{
:root {{ --ink: #e6e6e3; --paper: #18191b; --soft: #232427; --line: #3c3d40; --link: #82b8f5; }}
{HtmlFormatter(style="github-dark").get_style_defs(".highlight")}
.highlight {{ background: none; }}
}}
"""


def write_book(lessons: Sequence[Path], folder: Path) -> list[Path]:
    """Write one page for each executed notebook, in the order given, and index.html; an older book is replaced whole.

    Raises:
        ValueError: no lessons, or a formula that cannot be written as MathML; the message holds it.
    """
    if not lessons:
        raise ValueError("no lessons to write; expected at least one notebook")
    titles, bodies = [], []
    for path in lessons:
        notebook = nbformat.read(path, as_version=4)
        body, _ = _Page().from_notebook_node(_folded(_without_widgets(notebook)))
        heading = BeautifulSoup(body, "html.parser").h1
        titles.append(heading.get_text().removesuffix("¶") if heading else path.stem)
        bodies.append(body)
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    pages = [f"{path.stem}.html" for path in lessons]
    for i, (page, title, body) in enumerate(zip(pages, titles, bodies, strict=True)):
        links = [
            f'<a rel="prev" href="{pages[i - 1]}">← {html.escape(titles[i - 1])}</a>' if i else "<span></span>",
            '<a href="index.html">Contents</a>',
            f'<a rel="next" href="{pages[i + 1]}">{html.escape(titles[i + 1])} →</a>'
            if i + 1 < len(pages)
            else "<span></span>",
        ]
        nav = f"<nav>{''.join(links)}</nav>"
        (new / page).write_text(_html(title, f"{nav}<main>{body}</main>{nav}"), encoding="utf-8")
    entries = "".join(
        f'<li><a href="{page}">{html.escape(title)}</a></li>' for page, title in zip(pages, titles, strict=True)
    )
    (new / "index.html").write_text(
        _html("The self-supervised learning workbench", _INDEX.format(entries)), encoding="utf-8"
    )
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return [folder / name for name in ("index.html", *pages)]


_INDEX = """<main><h1>The self-supervised learning workbench</h1>
<p>These pages are for reading. What moves here stands still: to train the models, to drag the sliders and to try the
exercises, open the course itself with <code>make lab</code>.</p><ol start="0">{}</ol></main>"""


def _html(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
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
    print(f"open {write_book(lessons, checkout() / 'book')[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
