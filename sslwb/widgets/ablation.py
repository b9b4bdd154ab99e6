"""An ablation: leave parts of a method out, train it, see what they were for. Lesson 08."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ipywidgets as W
import traitlets as T

from sslwb.widgets.live import Live, beside_button, button, choice, row
from sslwb.widgets.monitor import Measure, Monitor, Run

Begin = Callable[[str, frozenset[str]], Run]


class Ablation(Live):
    """See `ablation`."""

    purpose = "leave parts of a method out and train it without them"
    method = T.Unicode()
    without = T.List(T.Unicode())
    status = T.Unicode()

    def __init__(
        self, begin: Begin, parts: Mapping[str, Sequence[str]], measure: Measure | None, verdict: Callable[[Run], str]
    ) -> None:
        self._begin, self._measure, self._verdict = begin, measure, verdict
        self.parts = {name: tuple(own) for name, own in parts.items()}
        self.run: Run = None
        self.monitor: Monitor | None = None
        self.choice = choice("method", list(parts), tooltips=[f"train {name}" for name in parts])
        every = dict.fromkeys(part for own in self.parts.values() for part in own)  # in order, each once
        self.boxes = {
            part: W.Checkbox(value=True, description=part, indent=False, layout={"width": "auto"}) for part in every
        }
        self.train_button = button("Train", "train the method with the parts that are ticked, from fresh weights")
        self._line, self._place = W.HTML(), W.VBox()
        boxes = row(*self.boxes.values())
        boxes.layout.grid_gap = "0 18px"
        super().__init__([self.choice, boxes, row(self.train_button, self._line), self._place])
        self.choice.observe(lambda _: self._chosen(), "value")
        for box in self.boxes.values():
            box.observe(lambda _: self._ticked(), "value")
        self.train_button.on_click(lambda _: self.train())
        self._chosen()

    def _chosen(self) -> None:
        """Another method: all its parts are in again, and only they can be left out."""
        self.method = self.choice.value
        for part, box in self.boxes.items():
            box.value, box.disabled = True, part not in self.parts[self.method]
        self._ticked()

    def _ticked(self) -> None:
        own = self.parts[self.choice.value]
        self.without = [part for part in own if not self.boxes[part].value]
        self._report("" if self.monitor is None else "Press Train to see the effect.")

    def train(self) -> None:
        """What the button Train does. A run that is still under way is stopped."""
        if self.run is not None:
            self.run.stop()
        if self.monitor is not None:
            self.monitor.unobserve_all("state")
        title = self.titled()
        self.run = self._begin(self.method, frozenset(self.without))
        self.monitor = Monitor(self.run, self._measure, 1.0)
        self.monitor.observe(lambda change: self._moved(title, change.new), "state")
        self._place.children = [self.monitor]
        self._moved(title, self.monitor.state)

    def titled(self) -> str:
        """Such as "BYOL without stop-gradient and predictor"."""
        return self.method + (f" without {' and '.join(self.without)}" if self.without else ", whole")

    def _moved(self, title: str, state: str) -> None:
        self._report(f"{title}: {self._verdict(self.run) if state == 'done' else state}")

    def _report(self, text: str) -> None:
        self.status = text
        self._line.value = beside_button(text)


def ablation(
    begin: Begin,
    parts: Mapping[str, Sequence[str]],
    measure: Measure | None = None,
    *,
    verdict: Callable[[Run], str] = lambda run: "trained",
) -> Ablation:
    """Leave parts of a method out, train it, and watch what that does to loss and embeddings.

    Args:
        begin: name of a method and the parts to leave out → a training under way, what `start` returned.
        parts: {name of a method: its parts}; a part that several methods share has one box.
        measure: as in `monitor`.
        verdict: a finished run → one sentence about it.

    Returns:
        A widget; `.train()` does what its button does, `.run` is the last run, `.status` the line beside the button.

    Raises:
        ValueError: no method.
    """
    if not parts:
        raise ValueError("parts is empty; expected {name of a method: [its parts]}")
    return Ablation(begin, parts, measure, verdict)
