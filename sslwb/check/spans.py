"""The exercise on span corruption: what the encoder of BART or T5 reads. Lesson 23."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.augment.tokens import behind_masks, shortened
from sslwb.check.report import Mistake, Report, drawn, judge
from sslwb.core import MASK, PAD, SEP, WORDS


def span_corruption(f: Any) -> Report:
    """Check `f(x, hidden)` → int64 (B, L), the texts x with each run of hidden words behind a single <mask>.

    x is int64 (B, L), words and then padding (0); hidden is bool (B, L). All hidden words that stand next to each other
    become one <mask> (1), the words behind them move up, and padding fills the row. Padding is never hidden, whatever
    `hidden` says of it.
    """

    def rows(rule: Callable[[list[int], list[bool]], list[int]], left: bool = False) -> Callable[..., Tensor]:
        """A rule for the words of one text, as a function of a batch. `left`: padding stands in front."""

        def compute(x: Tensor, hidden: Tensor) -> Tensor:
            made = torch.full_like(x, PAD)
            for row in range(len(x)):
                words = rule(x[row].tolist(), hidden[row].tolist())[: x.shape[1]]
                start = x.shape[1] - len(words) if left else 0
                made[row, start : start + len(words)] = torch.tensor(words, dtype=torch.int64)
            return made

        return compute

    def read(sign: int = MASK, padding: bool = False) -> Callable[[list[int], list[bool]], list[int]]:
        """The right rule, or with another sign, or with padding hidden too."""

        def rule(x: list[int], hidden: list[bool]) -> list[int]:
            made = []
            for i, (word, gone) in enumerate(zip(x, hidden, strict=True)):
                if word == PAD and not (padding and gone):
                    continue
                if not gone:
                    made.append(word)
                elif i == 0 or not hidden[i - 1]:
                    made.append(sign)
            return made

        return rule

    def each_word(x: list[int], hidden: list[bool]) -> list[int]:
        return [MASK if gone else word for word, gone in zip(x, hidden, strict=True) if word != PAD]

    def merged(x: list[int], hidden: list[bool]) -> list[int]:
        """torch.unique_consecutive over the text with its masks."""
        masked = each_word(x, hidden)
        return [word for i, word in enumerate(masked) if i == 0 or word != masked[i - 1]]

    def dropped(x: list[int], hidden: list[bool]) -> list[int]:
        return [word for word, gone in zip(x, hidden, strict=True) if word != PAD and not gone]

    def missing(x: list[int], hidden: list[bool]) -> list[int]:
        return [word for word, gone in zip(x, hidden, strict=True) if word != PAD and gone]

    def missing_with_signs(x: list[int], hidden: list[bool]) -> list[int]:
        made = []
        for i, (word, gone) in enumerate(zip(x, hidden, strict=True)):
            if word != PAD and gone:
                made += [word] if i and hidden[i - 1] else [MASK, word]
        return made

    def kept_first(x: list[int], hidden: list[bool]) -> list[int]:
        """The word where a span opens stays, and the mask comes behind it."""
        made = []
        for i, (word, gone) in enumerate(zip(x, hidden, strict=True)):
            if word == PAD:
                continue
            if not gone or i == 0 or not hidden[i - 1]:
                made.append(word)
            elif i == 1 or not hidden[i - 2]:
                made.append(MASK)
        return made

    def by_roll(x: Tensor, hidden: Tensor) -> Tensor:
        """The place before the first one is taken for the last one."""
        hidden = hidden & (x != PAD)
        return rows(lambda x, k: [w for w, keep in zip(x, k, strict=True) if keep])(
            torch.where(hidden, MASK, x), (x != PAD) & ~(hidden & hidden.roll(1, 1))
        )

    def flattened(x: Tensor, hidden: Tensor) -> Tensor:
        """A span at the end of one text goes on at the start of the next."""
        hidden = hidden & (x != PAD)
        before = F.pad(hidden.flatten()[:-1], (1, 0)).view_as(hidden)
        return rows(lambda x, k: [w for w, keep in zip(x, k, strict=True) if keep])(
            torch.where(hidden, MASK, x), (x != PAD) & ~(hidden & before)
        )

    mistakes = [
        Mistake(
            "Every hidden word has a <mask> of its own, as in BERT: a run of them becomes a single one.",
            rows(each_word),
        ),
        Mistake(
            "The hidden words are gone and nothing says where: one <mask> stands for each run of them.", rows(dropped)
        ),
        Mistake(
            "Equal words next to each other have become one as well (unique_consecutive does that): only hidden words "
            "are drawn together.",
            rows(merged),
        ),
        Mistake(
            "The words behind a span do not move up: padding stands in the middle of the text, where the others of the "
            "span were.",
            lambda x, h: torch.where(
                h & (x != PAD), torch.where(F.pad((h & (x != PAD))[:, :-1], (1, 0)), PAD, MASK), x
            ),
        ),
        Mistake(
            "Padding is hidden too, so that a <mask> stands behind the text: a place with 0 is never hidden.",
            rows(read(padding=True)),
        ),
        Mistake(
            "The place before the first is taken for the last one of the text (roll, or the index -1): a span that "
            "begins with the text has lost its <mask> where the text ends with one.",
            by_roll,
        ),
        Mistake(
            "A span at the end of one text swallows the one that begins the next: the batch was flattened, and each "
            "text is by itself.",
            flattened,
        ),
        Mistake(
            "This is what is missing, and what the decoder of T5 writes. What the encoder reads is asked for.",
            rows(missing),
        ),
        Mistake(
            "This is what is missing with its signs, as the decoder of T5 writes it. What the encoder reads is asked "
            "for.",
            rows(missing_with_signs),
        ),
        Mistake(
            "You hide the words that are to be seen: `hidden` is True where a word goes.",
            lambda x, h: behind_masks(x, ~h),
        ),
        Mistake("Spans stand behind <sep>, the number 2: <mask> is 1.", rows(read(SEP))),
        Mistake("Spans stand behind 3, which is a word: <mask> is 1.", rows(read(WORDS))),
        Mistake("Spans have become -1: <mask> is the number 1.", rows(read(-1))),
        Mistake(
            "Spans have become padding (0) inside the text: they stand behind <mask>, the number 1.", rows(read(PAD))
        ),
        Mistake("The padding stands in front of the texts: it fills the rows up behind them.", rows(read(), left=True)),
        Mistake(
            "The first word of each span is still there, and <mask> comes behind it: the whole span is hidden.",
            rows(kept_first),
        ),
        Mistake(
            "Your rows are as long as the longest text that is left: padding fills them up to the length that x has.",
            lambda x, h: shortened(behind_masks(x, h)),
        ),
        Mistake("Nothing has changed: each run of hidden words becomes one <mask>.", lambda x, h: x),
        Mistake(
            "The first text's choice holds for all: each text has its own.",
            lambda x, h: behind_masks(x, h[:1].expand_as(h)),
        ),
    ]

    def draw(g: torch.Generator, B: int, L: int) -> tuple[Tensor, Tensor]:
        x = torch.randint(WORDS, 30, (B, L), generator=g)
        x[:, 5] = x[:, 4]  # the same word twice
        hidden = torch.rand(B, L, generator=g) < 0.3
        hidden[:, 4:6], hidden[:, 8:11] = False, True
        hidden[0, 0] = hidden[0, -1] = hidden[1, 0] = True  # at both ends of a text, and of its neighbour
        x[1, -4:] = PAD
        hidden[1, -5:] = torch.tensor([False, False, True, True, False])  # of padding too
        x[2, 3:] = PAD
        hidden[2] = x[2] != PAD  # a text that is hidden whole
        return x, hidden

    def parts(x: Tensor, hidden: Tensor) -> dict[str, Tensor]:
        right = behind_masks(x, hidden)
        return {
            "places where <mask> is to stand": right == MASK,
            "words that are seen": right > MASK,
            "the padding behind the texts": right == PAD,
        }

    trials = drawn(draw, "{B} texts of {L}", *({"B": b, "L": n} for b, n in ((4, 16), (3, 24), (6, 13))))
    return judge(
        "span_corruption",
        f,
        behind_masks,
        trials,
        mistakes,
        arguments=("x", "hidden"),
        agrees_with="sslwb.augment.tokens",
        places=parts,
        explain=lambda error, _: (
            "Each place has its own choice: torch.where, or a loop over the words." if "ambiguous" in str(error) else ""
        ),
    )
