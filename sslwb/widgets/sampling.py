"""The sampler: a prompt, temperature, top-k and top-p, and the text as it comes. Lesson 13."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ipywidgets as W
import traitlets as T

from sslwb.widgets.live import Live, button, row

Generate = Callable[..., Iterable[str]]
LOOK = 0.2  # seconds between two looks at a text that is being written


class Sampler(Live):
    """See `sampler`."""

    prompt = T.Unicode()
    text = T.Unicode()
    state = T.Unicode("ready")
    seed = T.Int(0)

    def __init__(self, generate: Generate, prompt: str, top_k: int) -> None:
        self._generate = generate
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        wide = {"style": {"description_width": "90px"}, "layout": {"width": "300px"}}
        self._field = W.Text(
            description="prompt",
            tooltip="how the text begins",
            style={"description_width": "initial"},
            layout={"flex": "1 1 380px", "max_width": "640px"},
        )
        self.sliders: dict[str, Any] = {
            "temperature": W.FloatSlider(
                1.0,
                min=0.1,
                max=2.0,
                step=0.1,
                readout_format=".1f",
                description="temperature",
                tooltip="below 1 likely words become likelier, above 1 all become more alike",
                **wide,
            ),
            "top_k": W.IntSlider(
                0,
                min=0,
                max=top_k,
                description="top-k (0: all)",
                tooltip="only so many of the likeliest words may come; 0 is all",
                **wide,
            ),
            "top_p": W.FloatSlider(
                1.0,
                min=0.05,
                max=1.0,
                step=0.05,
                readout_format=".2f",
                description="top-p",
                tooltip="only the likeliest words that together have this probability",
                **wide,
            ),
        }
        self.write_button = button("Write", "go on with the prompt; each time another text")
        self.stop_button = button("Stop", "no more words")
        self._line, self._shown = W.HTML(), W.HTML()
        super().__init__(
            [
                row(self._field),
                row(*self.sliders.values()),
                row(self.write_button, self.stop_button, self._line),
                self._shown,
            ]
        )
        T.link((self, "prompt"), (self._field, "value"))
        self.prompt = prompt
        self.write_button.on_click(lambda _: self.write())
        self.stop_button.on_click(lambda _: self.stop())
        self._move("ready", "")

    @property
    def settings(self) -> dict[str, Any]:
        """What the sliders say: temperature, top_k (None is all), top_p."""
        values = {name: round(slider.value, 2) for name, slider in self.sliders.items()}  # 0.95, not 0.9500000000000001
        return {**values, "top_k": values["top_k"] or None}

    def write(self) -> None:
        """What the button Write does: in a notebook the text comes while the kernel goes on; in a script, at once."""
        self.stop()
        self._stopped = False
        pieces = iter(self._generate(self.prompt, **self.settings, seed=self.seed))
        self.seed += 1
        self._begun = self.prompt
        self._move("writing", "")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            for _ in self._steps(pieces):
                pass
        else:
            self._task = loop.create_task(self._write(pieces))

    def stop(self) -> None:
        """What the button Stop does."""
        self._stopped = True
        if self._task is not None and self.state == "writing":
            self._task.cancel()
            self._move("stopped", self.text)

    async def _write(self, pieces: Iterator[str]) -> None:
        for _ in self._steps(pieces):
            await asyncio.sleep(0)  # Stop, sliders and other widgets come through between two words

    def _steps(self, pieces: Iterator[str]) -> Iterator[None]:
        """One word after the other; the page hears of them five times a second."""
        text, shown = "", time.monotonic()
        try:
            for piece in pieces:
                text += piece
                if time.monotonic() - shown >= LOOK:
                    self._move("writing", text)
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
        said = {
            "ready": "Write goes on with the prompt.",
            "writing": f"Writing … {len(text)} characters.",
            "stopped": f"Stopped after {len(text)} characters.",
            "done": f"Done: {len(text)} characters.",
            "failed": why,
        }[state]
        kind = ' class="wrong"' if state == "failed" else ""
        self._line.value = f'<span role="status"{kind} style="padding-left:8px">{html.escape(said)}</span>'
        if text:
            self._shown.value = (
                '<p style="white-space:pre-wrap;border-left:3px solid var(--line);padding-left:10px;margin-top:6px">'
                f"<strong>{html.escape(self._begun)}</strong>{html.escape(text)}</p>"
            )
        else:
            self._shown.value = ""
        self.write_button.disabled = state == "writing"
        self.stop_button.disabled = state != "writing"
        self.state = state

    def still(self) -> tuple[str, str]:
        text = "A live widget: run this cell in JupyterLab to let the model write, with a prompt of your own."
        return text, f"<p><em>{text}</em></p>"


def sampler(generate: Generate, prompt: str = "", *, top_k: int = 50) -> Sampler:
    """Let a model go on with a prompt, and turn temperature, top-k and top-p.

    Args:
        generate: (prompt, temperature=, top_k=, top_p=, seed=) → the pieces of text that follow, one after the other,
            as `evaluate.writer` makes it; top_k None is all words. Each press of Write hands in another seed. A
            ValueError that it raises is shown.
        prompt: the first one.
        top_k: greatest value of its slider.

    Returns:
        A widget; `.write()`, `.stop()`, `.text`, `.state` ("ready", "writing", "stopped", "done", "failed"),
        `.settings`, `.sliders`, `.prompt`, `.seed`.

    Raises:
        ValueError: top_k < 1.
    """
    if top_k < 1:
        raise ValueError(f"top_k is {top_k}; expected the slider's greatest value, at least 1")
    return Sampler(generate, prompt, top_k)
