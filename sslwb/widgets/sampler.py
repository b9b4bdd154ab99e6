"""The sampler: a prompt, temperature, top-k and top-p, and the text as it is generated. Lesson 13."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ipywidgets as W
import traitlets as T

from sslwb.widgets.live import Live, beside_button, button, row, text_field

Generate = Callable[..., Iterable[str]]
UPDATE = 0.2  # seconds between two updates of the page


class Sampler(Live):
    """See `sampler`."""

    purpose = "generate text from a prompt of your own"
    prompt = T.Unicode()
    text = T.Unicode()
    state = T.Unicode("ready")
    seed = T.Int(0)

    def __init__(self, generate: Generate, prompt: str, top_k: int) -> None:
        self._generate = generate
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        wide = {"style": {"description_width": "90px"}, "layout": {"width": "280px"}}
        self._field = text_field("prompt", "how the text begins")
        self.sliders: dict[str, Any] = {
            "temperature": W.FloatSlider(
                1.0,
                min=0.1,
                max=2.0,
                step=0.1,
                readout_format=".1f",
                description="temperature",
                tooltip="below 1 likely words become likelier, above 1 the probabilities become more even",
                **wide,
            ),
            "top_k": W.IntSlider(
                0,
                min=0,
                max=top_k,
                description="top-k (0: all)",
                tooltip="only this many of the likeliest words are drawn from; 0 is all",
                **wide,
            ),
            "top_p": W.FloatSlider(
                1.0,
                min=0.05,
                max=1.0,
                step=0.05,
                readout_format=".2f",
                description="top-p",
                tooltip="only the likeliest words that together have this probability are drawn from",
                **wide,
            ),
        }
        self.generate_button = button("Generate", "continue the prompt; another text each time")
        self.stop_button = button("Stop", "generate no more words")
        self._line, self._shown = W.HTML(), W.HTML()
        super().__init__(
            [
                row(self._field),
                row(*self.sliders.values()),
                row(self.generate_button, self.stop_button, self._line),
                self._shown,
            ]
        )
        T.link((self, "prompt"), (self._field, "value"))
        self.prompt = prompt
        self.generate_button.on_click(lambda _: self.generate())
        self.stop_button.on_click(lambda _: self.stop())
        self._move("ready", "")

    @property
    def settings(self) -> dict[str, Any]:
        """What the sliders are set to: temperature, top_k (None is all), top_p."""
        values = {name: round(slider.value, 2) for name, slider in self.sliders.items()}  # 0.95, not 0.9500000000000001
        return {**values, "top_k": values["top_k"] or None}

    def generate(self) -> None:
        """What the button Generate does: in a notebook word by word beside other work; in a script, at once."""
        self.stop()
        self._stopped = False
        pieces = iter(self._generate(self.prompt, **self.settings, seed=self.seed))
        self.seed += 1
        self._begun = self.prompt
        self._move("generating", "")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            for _ in self._steps(pieces):
                pass
        else:
            self._task = loop.create_task(self._in_turns(pieces))

    def stop(self) -> None:
        """What the button Stop does."""
        self._stopped = True
        if self._task is not None and self.state == "generating":
            self._task.cancel()
            self._move("stopped", self.text)

    async def _in_turns(self, pieces: Iterator[str]) -> None:
        for _ in self._steps(pieces):
            await asyncio.sleep(0)  # Stop, sliders and other widgets come through between two words

    def _steps(self, pieces: Iterator[str]) -> Iterator[None]:
        """One word after the other; the page is updated five times a second."""
        text, shown = "", time.monotonic()
        try:
            for piece in pieces:
                text += piece
                if time.monotonic() - shown >= UPDATE:
                    self._move("generating", text)
                    shown = time.monotonic()
                yield
                if self._stopped:
                    return
        except ValueError as error:  # such as a word that is not known, or a prompt that is too long
            self._move("failed", text, str(error))
        else:
            self._move("done", text)

    def _move(self, state: str, text: str, why: str = "") -> None:
        self.text = text
        line = {
            "ready": "Generate continues the prompt.",
            "generating": f"Generating … {len(text)} characters.",
            "stopped": f"Stopped after {len(text)} characters.",
            "done": f"Done: {len(text)} characters.",
            "failed": why,
        }[state]
        self._line.value = beside_button(line, {"done": "right", "failed": "wrong"}.get(state, ""))
        if text:
            self._shown.value = (
                '<p style="white-space:pre-wrap;border-left:3px solid var(--line);padding-left:10px;margin-top:6px">'
                f"<strong>{html.escape(self._begun)}</strong>{html.escape(text)}</p>"
            )
        else:
            self._shown.value = ""
        self.generate_button.disabled = state == "generating"
        self.stop_button.disabled = state != "generating"
        self.state = state


def sampler(generate: Generate, prompt: str = "", *, top_k: int = 50) -> Sampler:
    """Let a model continue a prompt, and move temperature, top-k and top-p.

    Args:
        generate: (prompt, temperature=, top_k=, top_p=, seed=) → the pieces of text that follow, one after the other,
            as `evaluate.writer` makes it; top_k None is all words. Each press of Generate hands in another seed. A
            ValueError that it raises is shown.
        prompt: the first one.
        top_k: greatest value of its slider.

    Returns:
        A widget; `.generate()`, `.stop()`, `.text`, `.state` ("ready", "generating", "stopped", "done", "failed"),
        `.settings`, `.sliders`, `.prompt`, `.seed`.

    Raises:
        ValueError: top_k < 1.
    """
    if top_k < 1:
        raise ValueError(f"top_k is {top_k}; expected the slider's greatest value, at least 1")
    return Sampler(generate, prompt, top_k)
