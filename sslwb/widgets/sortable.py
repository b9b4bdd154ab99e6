"""A table that its heads sort. Lesson 17."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets as T

from sslwb.show.tables import Table
from sslwb.widgets.live import Live


class Sheet(anywidget.AnyWidget):
    """The table in the browser; `asked` is the column that was clicked last, and how many clicks there were."""

    _esm = Path(__file__).parent / "sortable.js"
    html = T.Unicode().tag(sync=True)
    by = T.Int().tag(sync=True)
    descending = T.Bool().tag(sync=True)
    asked = T.Tuple(T.Int(), T.Int(), default_value=(0, 0)).tag(sync=True)


class Sortable(Live):
    """See `sortable`."""

    purpose = "sort the table by any of its columns"
    by = T.Unicode()
    descending = T.Bool(True)

    def __init__(self, table: Table, by: str, descending: bool) -> None:
        self.table = table
        self._sheet = Sheet()
        super().__init__([self._sheet])
        self.set_trait("descending", descending)
        self.by = by
        self._show()
        self.observe(lambda _: self._show(), ["by", "descending"])
        self._sheet.observe(self._clicked, "asked")

    @T.validate("by")
    def _there(self, proposal: Any) -> str:
        self.table.column(proposal["value"])
        return str(proposal["value"])

    @property
    def sorted(self) -> Table:
        """The table in the order that is shown."""
        return self.table.sorted(self.by, descending=self.descending)

    def still(self) -> tuple[str, str]:
        return str(self.sorted), self.sorted.html

    def _clicked(self, change: Any) -> None:
        """The same head once more turns the order round; another one begins with its largest number, or with A."""
        name = self.table.head[change["new"][0]]
        if name == self.by:
            self.descending = not self.descending
            return
        with self.hold_trait_notifications():
            self.by, self.descending = name, self.table.numbers(name)

    def _show(self) -> None:
        sheet = self._sheet
        sheet.by, sheet.descending = self.table.column(self.by), self.descending
        sheet.html = self.sorted.html


def sortable(table: Table, by: str, *, descending: bool = True) -> Sortable:
    """A table with heads to click: once for the largest number first, or A, and once more for the reverse.

    Args:
        table: made by `show.table`, which is what a reader without a kernel sees.
        by: the column that it is sorted by at first; "" is that of the rows' names.
        descending: whether the largest comes first. What has no number stands last either way.

    Returns:
        A widget; `.by` and `.descending` are what its heads set, `.sorted` the table as it is shown.

    Raises:
        KeyError: no such column.
    """
    return Sortable(table, by, descending)
