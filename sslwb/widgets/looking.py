"""The attention viewer: choose a word, a layer and a head, and see where the word looks. Lesson 12."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as W
import torch
import traitlets as T
from torch import Tensor

from sslwb.widgets.live import Live, button, row

Attend = Callable[[str], tuple[Sequence[str], Tensor]]
MEAN = -1  # stands for all heads of a layer together


class Attention(Live):
    """See `attention`."""

    sentence = T.Unicode()
    word = T.Int(0)
    layer = T.Int(0)
    head = T.Int(MEAN)
    says = T.Unicode()

    def __init__(self, attend: Attend, sentence: str) -> None:
        self._attend = attend
        self.words: list[str] = []
        self.weights = torch.zeros(0)
        self.looks: list[float] = []
        self._field = W.Text(
            continuous_update=False,
            description="sentence",
            tooltip="Enter reads it",
            layout={"flex": "1 1 380px", "max_width": "640px"},
            style={"description_width": "initial"},
        )
        self._read = button("Read", "let the model read this sentence")
        self._layers = W.ToggleButtons(description="layer", tooltip="which layer, from the words upwards")
        self._heads = W.ToggleButtons(description="head", tooltip="which head of the layer, or their mean")
        self._words = W.ToggleButtons(description="from", tooltip="the word that looks")
        for choice in (self._layers, self._heads, self._words):
            choice.style.button_width, choice.style.description_width = "auto", "initial"
        self._shown = W.HTML()
        super().__init__([row(self._field, self._read), self._layers, self._heads, self._words, self._shown])
        T.link((self, "sentence"), (self._field, "value"))
        self._read.on_click(lambda _: self._look())
        self.observe(lambda _: self._look(), "sentence")
        self.observe(lambda _: self._show(), ["word", "layer", "head"])
        self.sentence = sentence
        if not self.words:
            raise ValueError(self.says)
        for name, choice in (("word", self._words), ("layer", self._layers), ("head", self._heads)):
            T.link((self, name), (choice, "value"))

    @T.validate("word", "layer", "head")
    def _known(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        least = MEAN if name == "head" else 0
        if self.words:
            count = {"word": len(self.words), "layer": len(self.weights), "head": self.weights.shape[1]}[name]
            if not least <= value < count:
                raise T.TraitError(f"{name} is {value}; expected {least} to {count - 1}")
        return int(value)

    def _look(self) -> None:
        """Let the model read the sentence; the choices stay where they still fit."""
        try:
            words, weights = self._attend(self.sentence)
            weights = torch.as_tensor(weights).detach().float().cpu()
            if weights.ndim != 4 or weights.shape[2:] != (len(words), len(words)):
                raise ValueError(
                    f"attend gave {len(words)} words and weights of shape {tuple(weights.shape)}; expected (layers, "
                    f"heads, {len(words)}, {len(words)})"
                )
        except ValueError as error:  # such as a word that is not known; what was read before stays chosen
            self.says = str(error)
            self._shown.value = f'<p class="wrong" role="status">{html.escape(self.says)}</p>'
            return
        self.words, self.weights = list(words), weights
        at = (min(self.word, len(words) - 1), min(self.layer, len(weights) - 1), min(self.head, weights.shape[1] - 1))
        self._words.options = [(word, i) for i, word in enumerate(self.words)]
        self._words.tooltips = [f"where {word} looks" for word in self.words]
        self._layers.options = [(str(i + 1), i) for i in range(len(weights))]
        self._heads.options = [("mean", MEAN), *((str(i + 1), i) for i in range(weights.shape[1]))]
        self.word, self.layer, self.head = at
        self._words.value, self._layers.value, self._heads.value = at
        self._show()

    def _show(self) -> None:
        if not self.words:
            return
        heads = self.weights[self.layer, :, self.word]
        w = heads.mean(0) if self.head == MEAN else heads[self.head]
        self.looks = w.tolist()
        best = w.argsort(descending=True)[:3].tolist()
        head = "the mean of its heads" if self.head == MEAN else f"head {self.head + 1}"
        self.says = f"“{self.words[self.word]}” looks, in layer {self.layer + 1} and {head}, most at " + ", ".join(
            f"{self.words[i]} ({self.looks[i]:.0%})" for i in best
        )
        cells = "".join(self._cell(i) for i in range(len(self.words)))
        self._shown.value = (
            f'<div class="grid" style="gap:4px;margin:8px 0 4px">{cells}</div>'
            f'<p role="status">{html.escape(self.says)}.</p>'
        )

    def _cell(self, i: int) -> str:
        # The words stay readable in both themes: the ground takes on at most half of the colour.
        share = self.looks[i] / max(max(self.looks), 1e-9)
        ring = "outline:2px solid var(--line);outline-offset:-2px;" if i == self.word else ""
        return (
            f'<span style="text-align:center;padding:3px 7px;border-radius:3px;{ring}'
            f'background:color-mix(in srgb,var(--line) {50 * share:.0f}%,var(--soft))">'
            f'{html.escape(self.words[i])}<br><span style="font-size:11px">{self.looks[i]:.0%}</span></span>'
        )

    def still(self) -> tuple[str, str]:
        text = "A live widget: run this cell in JupyterLab to choose a word and see where it looks."
        return text, f"<p><em>{text}</em></p>"


def attention(attend: Attend, sentence: str) -> Attention:
    """Choose a word of a sentence, a layer and a head, and see where the word looks.

    Args:
        attend: a sentence → its L words, and the attention (layers, heads, L, L), of which each row sums to 1. A
            ValueError that it raises is shown.
        sentence: the first one.

    Returns:
        A widget; `.word`, `.layer`, `.head` are numbers from 0 (head -1 is the mean), `.looks` the shares, `.words`.

    Raises:
        ValueError: the first sentence is empty or cannot be read.
    """
    if not sentence.strip():
        raise ValueError("sentence is empty; expected one that the model can read")
    return Attention(attend, sentence)
