"""The library's own code, inside a lesson."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sslwb.show.colours import GROUND, INK

_PACKAGE = Path(__file__).parents[1]


class Source:
    """Code with its file and line: coloured on a card in a notebook, plain in a terminal."""

    def __init__(self, code: str, place: str) -> None:
        self.code, self.place = code, place

    @property
    def html(self) -> str:
        """A <figure> with colours that stand on their own pale ground, on a light and on a dark page."""
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        body = highlight(self.code, PythonLexer(), HtmlFormatter(style="xcode", noclasses=True, nowrap=True))
        return (
            f'<figure style="margin:8px 0px"><figcaption><code>{html.escape(self.place)}</code></figcaption>'
            f'<pre style="background-color:{GROUND};color:{INK};padding:10px 14px;border-radius:8px;overflow-x:auto;'
            f'white-space:pre;word-break:normal;font-size:12px;line-height:1.45">{body}</pre></figure>'
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": str(self)}

    def __str__(self) -> str:
        return f"# {self.place}\n{self.code}"

    __repr__ = __str__


def source(thing: Callable[..., Any] | type) -> Source:
    """The source of a function or a class, with its file and line.

    Raises:
        TypeError: something that has no source, such as a number or a built-in function.
    """
    thing = inspect.unwrap(thing) if callable(thing) else thing
    try:
        lines, first = inspect.getsourcelines(thing)
        file = Path(inspect.getfile(thing)).resolve()
    except (TypeError, OSError) as error:
        raise TypeError(
            f"there is no source of {thing!r}; expected a function or a class written in Python, "
            "not its result and not an object"
        ) from error
    try:
        name = file.relative_to(_PACKAGE.parent).as_posix()
    except ValueError:
        name = file.name
    return Source(inspect.cleandoc("\n" + "".join(lines)) + "\n", f"{name}, line {first}")
