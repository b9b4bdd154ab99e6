"""Exercises on words: which are hidden, what the loss counts, and what a causal model may see. Lessons 12 and 13."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.augment.tokens import hide
from sslwb.check.losses import COMMON
from sslwb.check.report import Mistake, Report, drawn, judge
from sslwb.core import MASK, PAD, SEP, WORDS
from sslwb.methods import bert


def mask_tokens(f: Any) -> Report:
    """Check `f(x, chosen, fate, another)` → int64 (B, L), what BERT sees of the texts x: the 80/10/10 rule.

    A word is asked where chosen < 0.15; padding (0), <mask> (1) and <sep> (2) never are. An asked word is hidden behind
    <mask> where fate < 0.8, replaced by the word in `another` where fate is from 0.8 to below 0.9, and stays from 0.9
    on. All four are (B, L), chosen and fate float64 from 0 to 1.
    """

    def rule(
        where: Callable[[Tensor, Tensor], Tensor], **how: Any
    ) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
        return lambda x, chosen, fate, another: hide(x, where(x, chosen), fate, another, **how)

    def asked(x: Tensor, chosen: Tensor) -> Tensor:
        return (chosen < 0.15) & (x >= WORDS)

    def ask(chosen: Tensor, x: Tensor) -> Tensor:
        return (chosen < 0.15) & (x >= WORDS)

    def overwritten(x: Tensor, chosen: Tensor, fate: Tensor, another: Tensor) -> Tensor:
        """Behind <mask> first, then replaced wherever fate is below 0.9, so that no <mask> is left."""
        return torch.where(ask(chosen, x) & (fate < 0.9), another, x)

    def at_limits(first: Any = torch.lt, hidden: Any = torch.lt, other: Any = torch.lt) -> Callable[..., Tensor]:
        """The rule with other comparisons at 0.15, 0.8 and 0.9."""

        def compute(x: Tensor, chosen: Tensor, fate: Tensor, another: Tensor) -> Tensor:
            shown = torch.where(hidden(fate, 0.8), MASK, torch.where(other(fate, 0.9), another, x))
            return torch.where(first(chosen, 0.15) & (x >= WORDS), shown, x)

        return compute

    def split(hidden: float, other: float, p: float = 0.15) -> Callable[..., Tensor]:
        """The rule with other shares."""

        def compute(x: Tensor, chosen: Tensor, fate: Tensor, another: Tensor) -> Tensor:
            shown = torch.where(fate < hidden, MASK, torch.where(fate < other, another, x))
            return torch.where((chosen < p) & (x >= WORDS), shown, x)

        return compute

    mistakes = [
        Mistake(
            "A second `where` overwrites the first: it replaces every asked word with fate below 0.9, those "
            "behind <mask> too. "
            "Replace only where fate is from 0.8 to below 0.9.",
            overwritten,
        ),
        Mistake(
            "A second `where` overwrites the first: it begins from x again, so that no word is left behind "
            "<mask>. Begin from "
            "the result of the first.",
            lambda x, c, f, a: torch.where(ask(c, x) & (f >= 0.8) & (f < 0.9), a, x),
        ),
        Mistake(
            "Words with fate of exactly 0.8 are hidden: below 0.8 alone (`<` in place of `<=`).",
            at_limits(hidden=torch.le),
        ),
        Mistake(
            "Words with fate of exactly 0.9 are replaced: below 0.9 alone (`<` in place of `<=`).",
            at_limits(other=torch.le),
        ),
        Mistake(
            "Words with chosen of exactly 0.15 are asked: below 0.15 alone (`<` in place of `<=`).",
            at_limits(first=torch.le),
        ),
        Mistake(
            "Words at exactly 0.8 and 0.9 fall on the wrong side: `<` in place of `<=`.",
            at_limits(hidden=torch.le, other=torch.le),
        ),
        Mistake(
            "Words exactly at a limit fall on the wrong side: `<` in place of `<=`, all three times.",
            at_limits(torch.le, torch.le, torch.le),
        ),
        Mistake("The shares are 80/10/10: hidden below 0.8, replaced from 0.8 to below 0.9.", split(0.9, 1.0)),
        Mistake("Hidden are those with fate below 0.8; yours hides below 0.1.", split(0.1, 0.2)),
        Mistake("Hidden are those with fate below 0.8; yours hides below 0.1 and replaces up to 0.9.", split(0.1, 0.9)),
        Mistake("Words are replaced up to a fate of 0.9; yours replaces up to 0.85.", split(0.8, 0.85)),
        Mistake("Words are asked where chosen is below 0.15; yours takes 0.8.", split(0.8, 0.9, 0.8)),
        Mistake("Words are asked where chosen is below 0.15; yours takes 0.1.", split(0.8, 0.9, 0.1)),
        Mistake("Words are asked where chosen is below 0.15; yours takes 0.2.", split(0.8, 0.9, 0.2)),
        Mistake("Words are asked where chosen is below 0.15; yours takes 0.5.", split(0.8, 0.9, 0.5)),
        Mistake(
            "<mask> is asked like a word: only numbers from 3 on are words, 0, 1 and 2 are none.",
            rule(lambda x, c: (c < 0.15) & (x != PAD) & (x != SEP)),
        ),
        Mistake(
            "The number 3 is the first word, and yours leaves it out: x > 2, or x >= 3.",
            rule(lambda x, c: (c < 0.15) & (x > WORDS)),
        ),
        Mistake(
            "<sep> is asked: only numbers from 3 on are words (x > 2, not x >= 2).",
            rule(lambda x, c: (c < 0.15) & (x >= SEP)),
        ),
        Mistake(
            "fate below 0.8 hides words that are not asked as well: chosen < 0.15 must hold too.",
            lambda x, c, f, a: torch.where((f < 0.8) & (x >= WORDS), MASK, hide(x, ask(c, x), f, a)),
        ),
        Mistake(
            "Padding and signs are replaced, or hidden, by fate alone: only asked words change.",
            lambda x, c, f, a: torch.where(f < 0.8, MASK, torch.where(f < 0.9, a, x)),
        ),
        Mistake(
            "Words that are not asked have become padding (0): they stay as they are.",
            lambda x, c, f, a: torch.where(ask(c, x), hide(x, ask(c, x), f, a), PAD),
        ),
        Mistake(
            "Hidden words stand behind <sep>, the number 2: <mask> is 1.",
            lambda x, c, f, a: torch.where(ask(c, x) & (f < 0.8), SEP, hide(x, ask(c, x), f, a)),
        ),
        Mistake(
            "Hidden words have become -1: they stand behind <mask>, the number 1.",
            lambda x, c, f, a: torch.where(ask(c, x) & (f < 0.8), -1, hide(x, ask(c, x), f, a)),
        ),
        Mistake(
            "Hidden words have become 3, which is a word: <mask> is the number 1.",
            lambda x, c, f, a: torch.where(ask(c, x) & (f < 0.8), 3, hide(x, ask(c, x), f, a)),
        ),
        Mistake("chosen and fate are exchanged.", lambda x, c, f, a: hide(x, ask(f, x), c, a)),
        Mistake("Nothing has changed: asked words are hidden, replaced or kept.", lambda x, c, f, a: x),
        Mistake(
            "This says which words are asked. What the model sees is asked for: the words, with <mask> in them.",
            lambda x, c, f, a: ask(c, x),
        ),
        Mistake(
            "Asked words are replaced where they are to be hidden, and hidden where they are to be replaced.",
            lambda x, c, f, a: torch.where(ask(c, x) & (f < 0.8), a, torch.where(ask(c, x) & (f < 0.9), MASK, x)),
        ),
        Mistake("Padding and signs are asked too: only numbers from 3 on are words.", rule(lambda x, c: c < 0.15)),
        Mistake(
            "Padding is never asked, but your <sep> is: it is no word either.",
            rule(lambda x, c: (c < 0.15) & (x != PAD)),
        ),
        Mistake(
            "Every asked word is hidden: one in ten is replaced by `another`, and one in ten stays.",
            rule(asked, random=0.0, kept=0.0),
        ),
        Mistake(
            "No word is replaced: where fate is from 0.8 to 0.9, the word in `another` stands in its place.",
            rule(asked, random=0.0, kept=0.2),
        ),
        Mistake(
            "No asked word stays: where fate is above 0.9, the model sees the right word.",
            rule(asked, random=0.2, kept=0.0),
        ),
        Mistake(
            "Replaced and kept are exchanged: from 0.8 to 0.9 the word is replaced, above 0.9 it stays.",
            lambda x, c, f, a: torch.where(asked(x, c) & (f >= 0.9), a, torch.where(asked(x, c) & (f < 0.8), MASK, x)),
        ),
        Mistake("All words are asked: only those with chosen < 0.15.", rule(lambda x, c: x >= WORDS)),
        Mistake(
            "You ask the other 85 %: a word is asked where chosen is below 0.15.",
            rule(lambda x, c: (c >= 0.15) & (x >= WORDS)),
        ),
        Mistake(
            "You ask the other 85 %: a word is asked where chosen is below 0.15.",
            rule(lambda x, c: (c > 0.15) & (x >= WORDS)),
        ),
        Mistake(
            "Hidden words have become 103, the number of [MASK] in BERT's own list of words: <mask> is the number 1 "
            "here.",
            lambda x, c, f, a: torch.where(ask(c, x) & (f < 0.8), 103, hide(x, ask(c, x), f, a)),
        ),
        Mistake(
            "`another` stands everywhere where fate says so: only asked words are replaced.",
            lambda x, c, f, a: torch.where((f >= 0.8) & (f < 0.9) & (x >= WORDS), a, hide(x, asked(x, c), f, x)),
        ),
        Mistake(
            "The first text's choice holds for all: each text has its own.",
            lambda x, c, f, a: hide(x, (c[:1] < 0.15) & (x >= WORDS), f, a),
        ),
        Mistake(
            "Hidden words have become padding (0): they stand behind <mask>, the number 1.",
            lambda x, c, f, a: torch.where(asked(x, c) & (f < 0.8), PAD, hide(x, asked(x, c), f, a)),
        ),
        Mistake(
            "This is what is asked. Return what the model sees: the texts with <mask> in them.",
            lambda x, c, f, a: torch.where(asked(x, c), x, PAD),
        ),
    ]

    def draw(g: torch.Generator, B: int, L: int) -> tuple[Any, ...]:
        x = torch.randint(WORDS, 30, (B, L), generator=g)
        x[:, 0] = x[:, L // 2] = SEP
        x[:, 7], x[:, 8] = MASK, WORDS  # a hole that is there already, and the word with the smallest number
        x[1, -L // 4 :] = PAD
        chosen, fate = torch.rand(2, B, L, generator=g, dtype=torch.float64)  # in which 0.8 is exactly 0.8
        chosen[:, 0] = chosen[1, -3:] = 0.1  # a sign and padding, that a rule without exceptions would take
        chosen[:, 1:9] = torch.tensor([0.05, 0.1, 0.12, 0.15, 0.01, 0.02, 0.1, 0.1])
        fate[:, 0:9] = torch.tensor([0.3, 0.2, 0.85, 0.95, 0.4, 0.8, 0.9, 0.85, 0.6])
        chosen[:, 4], fate[:, 5], fate[:, 6] = 0.15, 0.8, 0.9  # exactly at the limits
        chosen[1, -1], fate[1, -1] = 0.1, 0.85
        another = torch.randint(30, 60, (B, L), generator=g)
        return x, chosen, fate, another

    def parts(x: Tensor, chosen: Tensor, fate: Tensor, another: Tensor) -> dict[str, Tensor]:
        mine = asked(x, chosen)
        return {
            "asked words with fate below 0.8, which are to be hidden": mine & (fate < 0.8),
            "asked words with fate from 0.8 to below 0.9, which are to be replaced": mine
            & (fate >= 0.8)
            & (fate < 0.9),
            "asked words with fate from 0.9 on, which are to stay": mine & (fate >= 0.9),
            "asked words with fate from 0.8 on": mine & (fate >= 0.8),
            "asked words with fate below 0.9": mine & (fate < 0.9),
            "words that are not asked": ~mine & (x >= WORDS),
            "padding, <mask> and <sep>, which are no words,": x < WORDS,
            "words whose chosen is exactly 0.15": chosen == 0.15,
            "words whose fate is exactly at a limit, 0.8 or 0.9": (fate == 0.8) | (fate == 0.9),
            "asked words": mine,
            "places that are not asked": ~mine,
        }

    trials = drawn(draw, "{B} texts of {L}", *({"B": b, "L": n} for b, n in ((4, 60), (2, 90), (7, 40))))
    return judge(
        "mask_tokens",
        f,
        rule(asked),
        trials,
        mistakes,
        arguments=("x", "chosen", "fate", "another"),
        agrees_with="sslwb.augment.tokens",
        places=parts,
        explain=lambda error, _: (
            "Each place has its own choice: torch.where instead of if." if "ambiguous" in str(error) else ""
        ),
    )


def mlm_loss(f: Any) -> Report:
    """Check `f(logits, targets)`, (B, L, V) and int64 (B, L) with 0 where nothing is asked → scalar, nats a word."""

    def nats(logits: Tensor, targets: Tensor) -> Tensor:
        """(B, L): -log p of the targets, 0 where nothing is asked."""
        each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
        return torch.where(targets != PAD, each, 0)

    def asked(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return logits[targets != PAD], targets[targets != PAD]

    def apart(logits: Tensor, targets: Tensor) -> Tensor:
        some = (targets != PAD).any(1)
        return (nats(logits, targets).sum(1) / (targets != PAD).sum(1))[some].mean()

    mistakes = [
        Mistake(
            "Places where nothing is asked count too, as if padding were the answer: leave targets of 0 out "
            "(ignore_index=0).",
            lambda z, t: F.cross_entropy(z.flatten(0, 1), t.flatten()),
        ),
        Mistake(
            "You divided by all B · L places: divide by the number of those that are asked.",
            lambda z, t: nats(z, t).mean(),
        ),
        Mistake(
            "You took the mean over all places, with those that are not asked as 0: only asked words count in "
            "the mean.",
            lambda z, t: (nats(z, t).sum(1) / t.shape[1]).mean(),
        ),
        Mistake(
            "Every target is moved by one: the numbers of the words are those of the columns of logits.",
            lambda z, t: F.cross_entropy(z[t > 0].roll(1, 1), t[t > 0]),
        ),
        Mistake(
            "Only the first asked word counts: take the mean over all that are asked.",
            lambda z, t: nats(z, t)[t != PAD][0],
        ),
        Mistake("You took the smallest loss: take the mean.", lambda z, t: nats(z, t)[t != PAD].min()),
        Mistake("You took the largest loss: take the mean.", lambda z, t: nats(z, t)[t != PAD].max()),
        Mistake(
            "You counted in bits (log2): the loss is in nats, with the natural logarithm.",
            lambda z, t: nats(z, t).sum() / (t != PAD).sum() / math.log(2),
        ),
        Mistake(
            "This is the perplexity, exp of the loss: leave exp out.",
            lambda z, t: (nats(z, t).sum() / (t != PAD).sum()).exp(),
        ),
        Mistake(
            "You counted the places that are not asked, in place of those that are: targets != 0.",
            lambda z, t: F.cross_entropy(z[t == PAD], t[t == PAD]),
        ),
        Mistake(
            f"The word with the number {WORDS} is left out (targets > {WORDS}): every target but 0 is an "
            "asked word, so each counts.",
            lambda z, t: F.cross_entropy(z[t > WORDS], t[t > WORDS]),
        ),
        Mistake(
            "You compare one-hot words and scores by the squared distance: use -log of the softmax.",
            lambda z, t: (z.softmax(-1) - F.one_hot(t, z.shape[-1]))[t != PAD].square().sum(-1).mean(),
        ),
        Mistake(
            "You took a sigmoid for each word: the V words share one softmax.",
            lambda z, t: -F.logsigmoid(z).gather(2, t[:, :, None])[:, :, 0][t != PAD].mean(),
        ),
        Mistake(
            "You took the softmax over the texts (dim=0): each place chooses among the V words, dim=2.",
            lambda z, t: -z.log_softmax(0).gather(2, t[:, :, None])[:, :, 0][t != PAD].mean(),
        ),
        Mistake(
            "-100 is the number that F.cross_entropy leaves out by itself; here it is 0: ignore_index=0.",
            lambda z, t: F.cross_entropy(z.flatten(0, 1), t.flatten(), ignore_index=-100),
        ),
        Mistake(
            "This is for the word after: what is said at a place is about the word at that very place.",
            lambda z, t: F.cross_entropy(z[:, 1:].flatten(0, 1), t[:, :-1].flatten(), ignore_index=PAD),
        ),
        Mistake(
            "Only words that are guessed wrong count: take the mean over all that are asked.",
            lambda z, t: nats(z, t)[(t != PAD) & (z.argmax(-1) != t)].mean(),
        ),
        Mistake(
            "Word 0 is left out of the softmax: it is over all V words, padding's column too.",
            lambda z, t: F.cross_entropy(asked(z, t)[0][:, 1:], asked(z, t)[1] - 1),
        ),
        Mistake(
            "A place counts in all texts as soon as it is asked in one: each text has its own places, targets != 0.",
            lambda z, t: F.cross_entropy(z[:, (t != PAD).any(0)].flatten(0, 1), t[:, (t != PAD).any(0)].flatten()),
        ),
        Mistake("You summed over the words: take the mean.", lambda z, t: nats(z, t).sum()),
        Mistake(
            "You divided by the number of texts: divide by the number of asked words.",
            lambda z, t: nats(z, t).sum() / len(t),
        ),
        Mistake(
            "You took a mean for each text, then the mean of those: a word in a text with few questions then "
            "counts more than others. One mean over all asked words.",
            apart,
        ),
        Mistake(
            COMMON["softmax twice"].replace("similarities", "scores"),
            lambda z, t: F.cross_entropy(asked(z, t)[0].softmax(-1), asked(z, t)[1]),
        ),
        Mistake(
            COMMON["sign"].replace("the positive stands out", "the right word becomes likelier"),
            lambda z, t: -nats(z, t).sum() / (t != PAD).sum(),
        ),
        Mistake(
            "The logarithm is missing: the loss is -log of the word's probability.",
            lambda z, t: -(-F.cross_entropy(*asked(z, t), reduction="none")).exp().mean(),
        ),
        Mistake(
            "You took the mean of the probabilities, then the logarithm: first -log of each, then the mean.",
            lambda z, t: -(-F.cross_entropy(*asked(z, t), reduction="none")).exp().mean().log(),
        ),
        Mistake(
            "The softmax is missing: a score is no probability, not even a logarithm of one.",
            lambda z, t: -z.gather(2, t[:, :, None])[:, :, 0][t != PAD].mean(),
        ),
        Mistake(
            "You took the softmax over the places (dim=1): each place chooses among the V words, dim=2.",
            lambda z, t: -z.log_softmax(1).gather(2, t[:, :, None])[:, :, 0][t != PAD].mean(),
        ),
        Mistake(
            "This is for the word before: what is said at a place is about the word at that very place.",
            lambda z, t: F.cross_entropy(z[:, :-1].flatten(0, 1), t[:, 1:].flatten(), ignore_index=PAD),
        ),
    ]

    def draw(g: torch.Generator, B: int, L: int, V: int) -> tuple[Any, ...]:
        targets = torch.randint(WORDS, V, (B, L), generator=g)
        targets = targets.where(torch.rand(B, L, generator=g) < 0.4, torch.tensor(PAD))
        targets[0, :3], targets[1] = torch.tensor([WORDS, WORDS + 1, PAD]), PAD
        targets[1, -1] = WORDS  # one question here, several there
        return 2 * torch.randn(B, L, V, generator=g), targets

    trials = drawn(
        draw,
        "{B} texts of {L}, {V} words",
        *({"B": b, "L": n, "V": v} for b, n, v in ((3, 6, 9), (2, 11, 5), (5, 4, 12))),
    )
    return judge(
        "mlm_loss",
        f,
        bert.mlm_loss,
        trials,
        mistakes,
        arguments=("logits", "targets"),
        agrees_with="sslwb.methods.bert.mlm_loss",
        trained=("logits",),
        explain=lambda error, _: (
            "F.cross_entropy wants (M, V) and (M,): pick the asked places, logits[asked] and targets[asked]."
            if "Expected target" in str(error) or "dimension" in str(error).lower()
            else ""
        ),
    )


def causal_mask(f: Any) -> Report:
    """Check `f(length)` → bool (length, length), True where a row's place may look: at itself and what stands before.

    Row i is the place that looks, column j the place that is looked at: True where j ≤ i.
    """

    def seen(length: int, last: int = 0) -> Tensor:
        """The places j ≤ i + last."""
        return torch.ones(length, length, dtype=torch.bool).tril(last)

    mistakes = [
        Mistake("Nothing is masked: place i also sees what comes later, j > i.", lambda n: torch.ones(n, n).bool()),
        Mistake(
            "Nothing may be seen at all: place i sees itself and what stands before.",
            lambda n: torch.zeros(n, n).bool(),
        ),
        Mistake(
            "The mask is turned round, rows for columns: place i sees itself and what comes later. It may see j "
            "≤ i (tril).",
            lambda n: seen(n).T,
        ),
        Mistake(
            "True and False are exchanged: you marked what is hidden, j > i. True is where a place may look.",
            lambda n: ~seen(n),
        ),
        Mistake(
            "A place does not see itself: j ≤ i, not j < i (`<` for `<=`, or the diagonal -1 in tril). The first "
            "place then "
            "sees nothing.",
            lambda n: seen(n, -1),
        ),
        Mistake(
            "A place sees one place too many, the very word that it shall predict: j ≤ i (tril without a second "
            "number).",
            lambda n: seen(n, 1),
        ),
        Mistake("You marked what comes later, and itself: j ≤ i, not j ≥ i.", lambda n: ~seen(n, -1)),
        Mistake("A place sees itself alone: what stands before as well, j ≤ i.", lambda n: torch.eye(n).bool()),
        Mistake(
            "The last row is empty: the last place sees all, so the loop runs to the last row too.",
            lambda n: seen(n) & (torch.arange(n) < n - 1)[:, None],
        ),
        Mistake("A place sees all but itself: it sees j ≤ i.", lambda n: ~torch.eye(n).bool()),
        Mistake(
            "A place sees only itself and the one before: all that stands before, j ≤ i.",
            lambda n: seen(n) & ~seen(n, -2),
        ),
        Mistake(
            "A place sees only the one before: itself and all that stands before, j ≤ i.",
            lambda n: seen(n, -1) & ~seen(n, -2),
        ),
        Mistake(
            "This is an additive mask of 0 and -inf. A table of True and False is asked for.",
            lambda n: torch.zeros(n, n).masked_fill(~seen(n), -torch.inf),
        ),
        Mistake(
            "This is an additive mask of 0 and a large negative number. A table of True and False is asked for.",
            lambda n: torch.zeros(n, n).masked_fill(~seen(n), -1e9),
        ),
        Mistake(
            "These are shares (each row sums to 1). A table of True and False is asked for.",
            lambda n: seen(n) / seen(n).sum(1, keepdim=True),
        ),
        Mistake(
            "This is the mask of one row. A table is asked for, one row for each place.", lambda n: torch.ones(n).bool()
        ),
        Mistake(
            "The triangle lies on the other diagonal: True where the column j is not beyond the row i, j ≤ i.",
            lambda n: seen(n).flip(1),
        ),
        Mistake(
            "The triangle lies on the other diagonal: True where the column j is not beyond the row i, j ≤ i.",
            lambda n: seen(n).flip(0),
        ),
    ]
    return judge(
        "causal_mask",
        f,
        seen,
        drawn(lambda g, length: (length,), "length {length}", *({"length": n} for n in (5, 3, 8, 1))),
        mistakes,
        arguments=("length",),
        agrees_with="a causal mask",
    )
