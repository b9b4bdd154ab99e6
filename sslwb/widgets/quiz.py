"""A quiz with an explanation for every option. Every lesson.

The options are shuffled, by the words of their question: alike on every machine, and the place of the right one tells
nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

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
        self.text, self.options = text, _shuffled(text, _checked(text, options))
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
            for text, _, _ in self.options
        ]
        self._check = button("Check", "see which answers are right, and why")
        self._answer = W.HTML()
        hint = " <span class='quiet'>More than one is right.</span>" if self.several else ""
        super().__init__(
            [W.HTML(f"<p><strong>{prose(text)}</strong>{hint}</p>"), *self.boxes, row(self._check), self._answer]
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
            self._answer.value = '<p class="quiet">Choose an answer first.</p>'
            return
        right = {i for i, (_, true, _) in enumerate(self.options) if true}
        if not self.solved:
            self.tries += 1
            self.solved = set(self.chosen) == right
        lines = [_verdict(*self.options[i]) for i in self.chosen]
        missing = len(right - set(self.chosen))
        if missing and set(self.chosen) & right:
            lines.append(f'<p class="quiet">{missing} more {"is" if missing == 1 else "are"} right.</p>')
        self._answer.value = "".join(lines)

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
        score = f"{solved} of {len(self.questions)} solved"
        score += f", {first} at the first try." if solved else "."
        self._score.value = f'<p class="quiet" role="status">{score}</p>'

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


def quiz(question: str | Mapping[str, Sequence[Option]], options: Sequence[Option] | None = None) -> Quiz:
    """Ask, and explain every answer.

    Args:
        question: one question with its `options`, or several: {question: options, …}.
        options: (text, whether it is right, why) for each. Where more than one is right, all of them have to be chosen.
            `code` and *emphasis* are shown as such. They are shown in an order of their own.

    Returns:
        A widget; `.score` counts. Without a kernel it reads as a list with its answers folded away.

    Raises:
        ValueError: fewer than two options, none right, or one without an explanation.
    """
    if isinstance(question, str):
        question = {question: options or ()}
    return Quiz(question)


def _checked(question: str, options: Sequence[Option]) -> list[Option]:
    if len(options) < 2:
        raise ValueError(f"{question!r} has {len(options)} option(s); expected two or more (text, right, why)")
    if not any(right for _, right, _ in options):
        raise ValueError(f"no option of {question!r} is right; expected at least one (text, True, why)")
    for text, _, why in options:
        if not why.strip():
            raise ValueError(f"option {text!r} of {question!r} has no explanation; every option needs one")
    return list(options)


def _shuffled(question: str, options: list[Option]) -> list[Option]:
    return random.Random(question).sample(options, len(options))


def _verdict(text: str, right: bool, why: str) -> str:
    mark = '<strong class="right">✓ Right.</strong>' if right else '<strong class="wrong">✗ Wrong.</strong>'
    return f"<p>{mark} <em>{prose(text)}</em> {prose(why)}</p>"
