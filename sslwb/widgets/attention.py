"""The attention viewer: choose a word, a layer and a head, and see which words it attends to. Lesson 12."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as W
import torch
import traitlets as T
from torch import Tensor

from sslwb.show.attention import attended
from sslwb.widgets.live import Live, button, choice, row, text_field

Attend = Callable[[str], tuple[Sequence[str], Tensor]]
MEAN = -1  # stands for all heads of a layer together


class Attention(Live):
    """See `attention`."""

    purpose = "choose a word and see which words it attends to"
    sentence = T.Unicode()
    word = T.Int(0)
    layer = T.Int(0)
    head = T.Int(MEAN)
    status = T.Unicode()

    def __init__(self, attend: Attend, sentence: str) -> None:
        self._attend = attend
        self.words: list[str] = []
        self.weights = torch.zeros(0)
        self.row: list[float] = []
        self._field = text_field("sentence", "Enter shows its attention", continuous_update=False)
        self._read = button("Show", "the attention of the model in this sentence")
        self._layers = choice("layer", tooltip="which layer, the first is nearest to the words")
        self._heads = choice("head", tooltip="which head of the layer, or their mean")
        self._words = choice("query", tooltip="the word that attends")
        self._shown = W.HTML()
        super().__init__([row(self._field, self._read), self._layers, self._heads, self._words, self._shown])
        T.link((self, "sentence"), (self._field, "value"))
        self._read.on_click(lambda _: self._load())
        self.observe(lambda _: self._load(), "sentence")
        self.observe(lambda _: self._show(), ["word", "layer", "head"])
        self.sentence = sentence
        if not self.words:
            raise ValueError(self.status)
        for name, control in (("word", self._words), ("layer", self._layers), ("head", self._heads)):
            T.link((self, name), (control, "value"))

    @T.validate("word", "layer", "head")
    def _known(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        least = MEAN if name == "head" else 0
        if self.words:
            count = {"word": len(self.words), "layer": len(self.weights), "head": self.weights.shape[1]}[name]
            if not least <= value < count:
                raise T.TraitError(f"{name} is {value}; expected {least} to {count - 1}")
        return int(value)

    def _load(self) -> None:
        """The attention in the sentence; the choices stay where they still fit."""
        try:
            words, weights = self._attend(self.sentence)
            weights = torch.as_tensor(weights).detach().float().cpu()
            if weights.ndim != 4 or weights.shape[2:] != (len(words), len(words)):
                raise ValueError(
                    f"attend gave {len(words)} words and weights of shape {tuple(weights.shape)}; expected (layers, "
                    f"heads, {len(words)}, {len(words)})"
                )
        except ValueError as error:  # such as a word that is not known; the sentence before stays chosen
            self.status = str(error)
            self._shown.value = f'<p class="wrong" role="status">{html.escape(self.status)}</p>'
            return
        self.words, self.weights = list(words), weights
        at = (min(self.word, len(words) - 1), min(self.layer, len(weights) - 1), min(self.head, weights.shape[1] - 1))
        self._words.options = [(word, i) for i, word in enumerate(self.words)]
        self._words.tooltips = [f"which words {word} attends to" for word in self.words]
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
        self.row = w.tolist()
        head = "the mean of its heads" if self.head == MEAN else f"head {self.head + 1}"
        self.status = f"In layer {self.layer + 1} and {head}, “{self.words[self.word]}” attends most to " + attended(
            self.words, w.numpy(), 3
        )
        cells = "".join(self._cell(i) for i in range(len(self.words)))
        self._shown.value = (
            f'<div class="grid" style="gap:4px;margin:8px 0 4px">{cells}</div>'
            f'<p role="status">{html.escape(self.status)}.</p>'
        )

    def _cell(self, i: int) -> str:
        # The words stay readable in both themes: the background takes on at most half of the colour.
        share = self.row[i] / max(max(self.row), 1e-9)
        ring = "outline:2px solid var(--line);outline-offset:-2px;" if i == self.word else ""
        return (
            f'<span style="text-align:center;padding:3px 7px;border-radius:3px;{ring}'
            f'background:color-mix(in srgb,var(--line) {50 * share:.0f}%,var(--soft))">'
            f'{html.escape(self.words[i])}<br><span style="font-size:11px">{self.row[i]:.0%}</span></span>'
        )


def attention(attend: Attend, sentence: str) -> Attention:
    """Choose a word of a sentence, a layer and a head, and see which words it attends to.

    Args:
        attend: a sentence → its L words, and the attention (layers, heads, L, L), of which each row sums to 1. A
            ValueError that it raises is shown.
        sentence: the first one.

    Returns:
        A widget; `.word`, `.layer`, `.head` are numbers from 0 (head -1 is the mean), `.words` the sentence, `.row` the
        attention weights of the chosen word.

    Raises:
        ValueError: the first sentence is empty or cannot be read.
    """
    if not sentence.strip():
        raise ValueError("sentence is empty; expected one that the model can read")
    return Attention(attend, sentence)
