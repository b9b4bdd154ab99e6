"""A guess before a run, and the result beside it. Every lesson."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as W
import traitlets as T

from sslwb.widgets.live import Live, prose


class Prediction(Live):
    """See `predict`."""

    guess = T.Int(None, allow_none=True)

    def __init__(self, text: str, options: Sequence[str]) -> None:
        self.text, self.options = text, tuple(options)
        self._buttons = W.ToggleButtons(
            options=[(o, i) for i, o in enumerate(options)], value=None, tooltips=list(options), tooltip=text
        )
        self._buttons.style.button_width = "auto"
        self._answer = W.HTML('<p class="quiet">Choose an answer before you run the next cells. It is not stored.</p>')
        super().__init__([W.HTML(f"<p><strong>{prose(text)}</strong></p>"), self._buttons, self._answer])
        T.link((self._buttons, "value"), (self, "guess"))
        self.observe(self._guessed, "guess")

    def _guessed(self, change: Any) -> None:
        if change["new"] is not None:
            self._answer.value = f"<p>Your guess: <strong>{prose(self.options[change['new']])}</strong></p>"

    def reveal(self, answer: int, why: str = "") -> Revealed:
        """The result beside the guess: `answer` is the index of the right option.

        Raises:
            IndexError: there is no such option.
        """
        if not 0 <= answer < len(self.options):
            raise IndexError(f"answer is {answer}; expected 0 to {len(self.options) - 1}, an index of the options")
        return Revealed(self.text, None if self.guess is None else self.options[self.guess], self.options[answer], why)

    def still(self) -> tuple[str, str]:
        options = "".join(f"<li>{prose(o)}</li>" for o in self.options)
        text = f"{self.text}\n" + "\n".join(f"  ( ) {o}" for o in self.options)
        return (
            text,
            f"<p><strong>{prose(self.text)}</strong></p><ul>{options}</ul><p><em>Guess before you read on.</em></p>",
        )


class Revealed:
    """A guess beside the result; shows itself."""

    def __init__(self, question: str, guess: str | None, answer: str, why: str) -> None:
        self.question, self.guess, self.answer, self.why, self.right = question, guess, answer, why, guess == answer

    def __repr__(self) -> str:
        if self.guess is None:
            result = f"Result: {self.answer}."
        elif self.right:
            result = f"✓ Your guess is right: {self.answer}."
        else:
            result = f"✗ Your guess: {self.guess}. Result: {self.answer}."
        return f"{result} {self.why}".strip()

    def _repr_html_(self) -> str:
        return f"<p>{prose(repr(self))}</p>"


def predict(question: str, options: Sequence[str]) -> Prediction:
    """Let the learner choose a guess before a run; after it, `.reveal(answer, why)` shows the result beside it.

    Raises:
        ValueError: fewer than two options.
    """
    if len(options) < 2:
        raise ValueError(f"options holds {len(options)}; expected two or more to choose from")
    return Prediction(question, options)
