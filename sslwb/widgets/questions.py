"""Questions: a quiz with an explanation for every option, and a guess to commit to before a run. Every lesson."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as W
import traitlets as T

from sslwb.widgets.live import Live, button, prose, row

Option = tuple[str, bool, str]  # text, whether it is right, why


class Question(W.VBox):
    """One question. `choose` and `check` are what the mouse does.

    Traits: `chosen`, the indices of the chosen options; `tries`, how often it was checked; `solved`.
    """

    chosen = T.Tuple()
    tries = T.Int(0)
    solved = T.Bool(False)

    def __init__(self, text: str, options: Sequence[Option]) -> None:
        self.text, self.options = text, _checked(text, options)
        self.several = sum(right for _, right, _ in options) > 1
        # Boxes of our own beside the words: ipywidgets' radio buttons cut long options off and know no emphasis.
        self.boxes = [
            W.Checkbox(
                value=False,
                indent=False,
                description=prose(text),
                description_allow_html=True,
                layout={"width": "auto", "max_width": "100%"},
            )
            for text, _, _ in options
        ]
        self._check = button("Check", "see what holds and why")
        self._says = W.HTML()
        hint = " <span class='quiet'>More than one is right.</span>" if self.several else ""
        super().__init__(
            [W.HTML(f"<p><strong>{prose(text)}</strong>{hint}</p>"), *self.boxes, row(self._check), self._says]
        )
        self.add_class("question")
        for index, box in enumerate(self.boxes):
            box.observe(lambda change, index=index: self._ticked(index, change["new"]), "value")
        self._check.on_click(lambda _: self.check())

    def choose(self, *indices: int) -> None:
        """Tick these options and no others."""
        for index, box in enumerate(self.boxes):
            box.value = index in indices

    def check(self) -> None:
        """Show the explanations of the chosen options."""
        if not self.chosen:
            self._says.value = '<p class="quiet">Choose an answer first.</p>'
            return
        right = {i for i, (_, holds, _) in enumerate(self.options) if holds}
        if not self.solved:
            self.tries += 1
            self.solved = set(self.chosen) == right
        lines = [_verdict(*self.options[i]) for i in self.chosen]
        missing = len(right - set(self.chosen))
        if missing and set(self.chosen) & right:
            lines.append(f'<p class="quiet">{missing} more {"is" if missing == 1 else "are"} right.</p>')
        self._says.value = "".join(lines)

    def _ticked(self, index: int, on: bool) -> None:
        if on and not self.several:
            for other, box in enumerate(self.boxes):
                if other != index:
                    box.value = False
        self.chosen = tuple(i for i, box in enumerate(self.boxes) if box.value)


class Quiz(Live):
    """See `quiz`."""

    def __init__(self, questions: Mapping[str, Sequence[Option]]) -> None:
        self.questions = [Question(text, options) for text, options in questions.items()]
        self._score = W.HTML()
        super().__init__([*self.questions, self._score])
        for question in self.questions:
            question.observe(lambda _: self._count(), ["tries", "solved"])
        self._count()

    @property
    def score(self) -> tuple[int, int]:
        """Questions solved; those of them at the first try."""
        return sum(q.solved for q in self.questions), sum(q.solved and q.tries == 1 for q in self.questions)

    def _count(self) -> None:
        solved, first = self.score
        said = f"{solved} of {len(self.questions)} solved"
        said += f", {first} at the first try." if solved else "."
        self._score.value = f'<p class="quiet" role="status">{said}</p>'

    def still(self) -> tuple[str, str]:
        plain, rich = [], []
        for q in self.questions:
            plain += [q.text, *(f"  ( ) {text}" for text, _, _ in q.options)]
            options = "".join(f"<li>{prose(text)}</li>" for text, _, _ in q.options)
            answers = "".join(f"<li>{_verdict(*option)}</li>" for option in q.options)
            rich.append(
                f"<p><strong>{prose(q.text)}</strong></p><ol type='a'>{options}</ol>"
                f"<details><summary>Answers</summary><ol type='a'>{answers}</ol></details>"
            )
        return "\n".join(plain), "".join(rich)


class Prediction(Live):
    """See `predict`."""

    guess = T.Int(None, allow_none=True)

    def __init__(self, text: str, options: Sequence[str]) -> None:
        self.text, self.options = text, tuple(options)
        self._buttons = W.ToggleButtons(
            options=[(o, i) for i, o in enumerate(options)], value=None, tooltips=list(options), tooltip=text
        )
        self._buttons.style.button_width = "auto"
        self._says = W.HTML('<p class="quiet">Commit to a guess before you run on. Nobody keeps it.</p>')
        super().__init__([W.HTML(f"<p><strong>{prose(text)}</strong></p>"), self._buttons, self._says])
        T.link((self._buttons, "value"), (self, "guess"))
        self.observe(self._guessed, "guess")

    def _guessed(self, change: Any) -> None:
        if change["new"] is not None:
            self._says.value = f"<p>Your guess: <strong>{prose(self.options[change['new']])}</strong></p>"

    def reveal(self, answer: int, why: str = "") -> Revealed:
        """What came out, beside the guess: `answer` is the index of the option that holds.

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
    """A guess beside what came out; shows itself."""

    def __init__(self, question: str, guess: str | None, answer: str, why: str) -> None:
        self.question, self.guess, self.answer, self.why, self.right = question, guess, answer, why, guess == answer

    def __repr__(self) -> str:
        if self.guess is None:
            said = f"It came out: {self.answer}."
        elif self.right:
            said = f"✓ You guessed it: {self.answer}."
        else:
            said = f"✗ You guessed: {self.guess}. It came out: {self.answer}."
        return f"{said} {self.why}".strip()

    def _repr_html_(self) -> str:
        return f"<p>{prose(repr(self))}</p>"


def quiz(question: str | Mapping[str, Sequence[Option]], options: Sequence[Option] | None = None) -> Quiz:
    """Ask, and explain every answer.

    Args:
        question: one question with its `options`, or several: {question: options, …}.
        options: (text, whether it is right, why) for each. Where more than one is right, all of them have to be chosen.
            `code` and *emphasis* are marked so.

    Returns:
        A widget; `.score` counts. Without a kernel it reads as a list with its answers folded away.

    Raises:
        ValueError: fewer than two options, none right, or one without an explanation.
    """
    if isinstance(question, str):
        question = {question: options or ()}
    return Quiz(question)


def predict(question: str, options: Sequence[str]) -> Prediction:
    """Let the learner commit to a guess; after the run, `.reveal(answer, why)` says how it came out.

    Raises:
        ValueError: fewer than two options.
    """
    if len(options) < 2:
        raise ValueError(f"options holds {len(options)}; expected two or more to choose from")
    return Prediction(question, options)


def _checked(question: str, options: Sequence[Option]) -> list[Option]:
    if len(options) < 2:
        raise ValueError(f"{question!r} has {len(options)} option(s); expected two or more (text, right, why)")
    if not any(right for _, right, _ in options):
        raise ValueError(f"no option of {question!r} is right; expected at least one (text, True, why)")
    for text, _, why in options:
        if not why.strip():
            raise ValueError(f"option {text!r} of {question!r} has no explanation; every option needs one")
    return list(options)


def _verdict(text: str, right: bool, why: str) -> str:
    mark = '<strong class="right">✓ Right.</strong>' if right else '<strong class="wrong">✗ Not so.</strong>'
    return f"<p>{mark} <em>{prose(text)}</em> {prose(why)}</p>"
