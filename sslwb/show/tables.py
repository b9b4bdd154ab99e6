"""Tables as HTML, in the colours of whatever page they stand on, with the best of a column in bold."""

from __future__ import annotations

import html
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sslwb.evaluate import Scores

SENTENCE = 40  # characters of a cell that is a text and no number
_MEASURES = {"knn": "kNN", "linear": "linear probe", "rank": "effective rank"}


class Table:
    """A finished table: HTML in a notebook, aligned columns in a terminal."""

    def __init__(
        self,
        head: Sequence[str],
        body: Sequence[Sequence[str]],
        bold: set[tuple[int, int]],
        caption: str,
        sizes: Sequence[Sequence[float | None]],
    ):
        self.head, self.body, self.bold, self.caption = head, body, bold, caption
        self.sizes = sizes  # what each cell is sorted by; None where it holds no number

    def column(self, name: str) -> int:
        """Where the column of this name stands. Raises KeyError where there is none."""
        if name not in self.head:
            raise KeyError(f"no column {name!r}; there are {', '.join(map(repr, self.head))}")
        return list(self.head).index(name)

    def numbers(self, name: str) -> bool:
        """Whether a column holds numbers."""
        j = self.column(name)
        return any(row[j] is not None for row in self.sizes)

    def sorted(self, by: str, *, descending: bool = True) -> Table:
        """The same table in the order of a column, its numbers or else its words; a cell without one stands last.

        Raises KeyError where there is no such column.
        """
        j, numbers = self.column(by), self.numbers(by)
        keys: list[Any] = [row[j] for row in self.sizes] if numbers else [row[j].casefold() for row in self.body]
        there = sorted((i for i, key in enumerate(keys) if key is not None), key=keys.__getitem__, reverse=descending)
        order = [*there, *(i for i, key in enumerate(keys) if key is None)]
        bold = {(order.index(i), j) for i, j in self.bold}
        return Table(self.head, [self.body[i] for i in order], bold, self.caption, [self.sizes[i] for i in order])

    @property
    def html(self) -> str:
        """A <table> with its caption and header cells."""
        caption = f'<caption style="text-align:left">{html.escape(self.caption)}</caption>' if self.caption else ""
        head = "".join(f'<th scope="col">{html.escape(h)}</th>' for h in self.head)
        rows = []
        for i, row in enumerate(self.body):
            cells = [
                f"<strong>{html.escape(c)}</strong>" if (i, j) in self.bold else html.escape(c)
                for j, c in enumerate(row)
            ]
            first = f'<th scope="row" style="text-align:left">{cells[0]}</th>'
            rows.append(f"<tr>{first}{''.join(_cell(c) for c in cells[1:])}</tr>")
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": str(self)}

    def __str__(self) -> str:
        rows = [
            list(self.head),
            *([c + "*" * ((i, j) in self.bold) for j, c in enumerate(r)] for i, r in enumerate(self.body)),
        ]
        wide = [max(len(row[j]) for row in rows) for j in range(len(self.head))]
        lines = [
            row[0].ljust(wide[0]) + "".join(f"  {c:>{w}}" for c, w in zip(row[1:], wide[1:], strict=True))
            for row in rows
        ]
        return "\n".join([*([self.caption] if self.caption else []), *(line.rstrip() for line in lines)])

    __repr__ = __str__


def table(
    rows: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]],
    caption: str = "",
    *,
    fmt: str | Mapping[str, str] = ".3g",
    best: str | Mapping[str, str] | None = None,
) -> Table:
    """A table of named rows, {row: {column: value}}, or of a list of dicts, whose first column names the rows.

    A number is written with `fmt`; a list of numbers (one a seed) as mean ± standard deviation; None and NaN as a dash.

    Args:
        rows: the values. Columns stand in the order in which they first appear; a row may lack some.
        caption: a line above.
        fmt: such as ".3g" or ".1%", or one for each column.
        best: "max" or "min" sets the best of every column of numbers in bold; or {column: "max" or "min"}.

    Raises:
        TypeError: rows that are no dicts.
        ValueError: no rows, or an unknown `best`.
    """
    named = isinstance(rows, Mapping)
    lines = list(rows.values()) if isinstance(rows, Mapping) else list(rows)
    if not all(isinstance(line, Mapping) for line in lines):
        raise TypeError("rows holds something other than dicts; expected {row: {column: value}} or a list of dicts")
    columns = list(dict.fromkeys(c for line in lines for c in line))
    if not columns:
        raise ValueError("rows is empty; expected at least one row with one column")
    wanted = dict(best) if isinstance(best, Mapping) else dict.fromkeys(columns, best)
    for column, how in wanted.items():
        if how not in ("max", "min", None) or column not in columns:
            raise ValueError(f"best is {how!r} for {column!r}; expected 'max' or 'min' for one of {', '.join(columns)}")
    body, bold = [], set()
    shift = 1 if named else 0
    sizes = [[*([None] if named else []), *(_size(line.get(column)) for column in columns)] for line in lines]
    for j, column in enumerate(columns, shift):
        there = [size for row in sizes if (size := row[j]) is not None]
        if (how := wanted.get(column)) and len(there) > 1:
            extreme = max(there) if how == "max" else min(there)
            bold |= {(i, j) for i, row in enumerate(sizes) if row[j] == extreme}
    for i, line in enumerate(lines):
        cells = [_written(line.get(c), fmt.get(c, ".3g") if isinstance(fmt, Mapping) else fmt) for c in columns]
        body.append([list(rows)[i], *cells] if isinstance(rows, Mapping) else cells)
    return Table([*([""] if named else []), *columns], body, bold, caption, sizes)


def scores(result: Scores, caption: str = "") -> Table:
    """What `evaluate` measured: an encoder beside raw pixels, itself with random weights, and the supervised control.

    Accuracies as percentages; the best of the rows that saw no labels in bold.
    """
    rows = {name: {_MEASURES.get(k, k): v for k, v in row.items()} for name, row in result.rows.items()}
    made = table(
        rows,
        caption,
        fmt={"kNN": ".1%", "linear probe": ".1%", "effective rank": ".1f", "uniformity": ".2f", "alignment": ".2f"},
    )
    unlabelled = [i for i, name in enumerate(rows) if name != "supervised"]
    for j, column in enumerate(made.head):
        if column in ("kNN", "linear probe"):
            values = [list(rows.values())[i][column] for i in unlabelled]
            made.bold |= {(i, j) for i, v in zip(unlabelled, values, strict=True) if v == max(values)}
    return made


def _cell(words: str) -> str:
    """A cell of HTML; what is read as a sentence begins at the left."""
    return f'<td style="text-align:left">{words}</td>' if len(words) > SENTENCE else f"<td>{words}</td>"


def _size(value: Any) -> float | None:
    """What a cell is compared by; None where it is no number."""
    value = _plain(value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, (int, float)) for v in value):
        return statistics.fmean(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value):
        return value
    return None


def _written(value: Any, fmt: str) -> str:
    value = _plain(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and not fmt.endswith("%"):
        return f"{value:,}"
    if isinstance(value, (int, float)):
        return f"{value:{fmt}}"
    if isinstance(value, (list, tuple)) and _size(value) is not None:
        mean = f"{statistics.fmean(value):{fmt}}"
        return f"{mean} ± {statistics.stdev(value):{fmt}}" if len(value) > 1 else mean
    return str(value)


def _plain(value: Any) -> Any:
    """Tensors and arrays as Python's numbers and lists."""
    return value.tolist() if hasattr(value, "tolist") else value
