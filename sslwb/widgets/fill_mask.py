"""Fill-mask: type a sentence with [MASK] and see which words the models predict for it. Lesson 12."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping

import ipywidgets as W
import traitlets as T

from sslwb.show.candidates import Column, candidate_words, written
from sslwb.widgets.live import Live, button, row, text_field

Predict = Callable[[str], Column]
TRUTH = "the truth"


class FillMask(Live):
    """See `fill_mask`."""

    purpose = "type sentences of your own"
    sentence = T.Unicode()
    status = T.Unicode()

    def __init__(self, columns: Mapping[str, Predict], sentence: str, k: int) -> None:
        self.columns, self.k = dict(columns), k
        self.candidates: dict[str, list[tuple[str, float]]] = {}
        self.errors: dict[str, str] = {}
        self._field = text_field(
            "sentence",
            "a sentence with one [MASK]; Enter predicts",
            placeholder="a sentence with one [MASK]",
            continuous_update=False,
        )
        self._predict = button("Predict", "which words could stand behind [MASK]?")
        self._table = W.HTML()
        super().__init__([row(self._field, self._predict), self._table])
        T.link((self, "sentence"), (self._field, "value"))
        # The button takes the focus from the field, whose value is sent then. Without a change it predicts again.
        self._predict.on_click(lambda _: self._show())
        self.observe(lambda _: self._show(), "sentence")
        self.sentence = sentence
        if not sentence:
            self._show()

    def _show(self) -> None:
        self.candidates, self.errors = {}, {}
        for name, predict in self.columns.items():
            try:
                self.candidates[name] = list(predict(self.sentence))[: self.k]
            except ValueError as error:  # no [MASK], several, a word that is not known
                self.errors[name] = str(error)
        messages = list(dict.fromkeys(self.errors.values()))
        if self.candidates:
            messages = [f"{name}: {error}" for name, error in self.errors.items()]
        likeliest = [f"{name}: {words[0][0]}" for name, words in self.candidates.items() if words]
        self.status = "; ".join([*likeliest, *messages])
        errors = "".join(f'<p class="wrong">{html.escape(text)}</p>' for text in messages)
        self._table.value = f'<div role="status">{errors}{self._bars()}</div>'

    def _bars(self) -> str:
        if not self.candidates:
            return ""
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.candidates)
        lines = []
        for word in candidate_words(self.candidates.values()):
            cells = "".join(_cell(dict(column).get(word), column) for column in self.candidates.values())
            lines.append(f"<tr><th scope='row'>{html.escape(word)}</th>{cells}</tr>")
        return f"<table><tr><th>[MASK] is …</th>{head}</tr>{''.join(lines)}</table>"


def fill_mask(
    predict: Predict | Mapping[str, Predict], sentence: str = "", *, truth: Predict | None = None, k: int = 8
) -> FillMask:
    """Type a sentence with [MASK] and see the words that models predict for it, with their probabilities as bars.

    Args:
        predict: a sentence → (word, probability) pairs, the likeliest first, as `evaluate.fill_mask` gives them;
            several by name, side by side. A ValueError that it raises, such as for a sentence without [MASK] or with
            several, is shown in their place.
        sentence: the first one.
        truth: the same of the world's own probabilities, shown beside them.
        k: how many words of each.

    Returns:
        A widget; `.sentence`, `.candidates` and `.errors` by name, `.status`, one line about them.

    Raises:
        ValueError: no model, or k < 1.
    """
    columns = dict(predict) if isinstance(predict, Mapping) else {"the model": predict}
    if not columns or k < 1:
        raise ValueError(f"predict holds {len(columns)} models and k is {k}; expected at least one of each")
    return FillMask(columns | ({TRUTH: truth} if truth else {}), sentence, k)


def _cell(p: float | None, column: Column) -> str:
    """A bar and its number."""
    text = html.escape(written(p, column))
    if p is None:
        return f'<td class="quiet">{text}</td>'
    bar = (
        f'<span style="display:inline-block;height:11px;width:{max(1, round(120 * p))}px;background:var(--line);'
        'border-radius:2px;vertical-align:-1px;margin-right:6px"></span>'
    )
    return f"<td>{bar}{text}</td>"
