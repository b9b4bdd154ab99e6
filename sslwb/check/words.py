"""Exercises on words: which are hidden, what the loss counts, and what a causal model may see. Lessons 12 and 13."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.augment.tokens import hide
from sslwb.check.losses import COMMON
from sslwb.check.report import Mistake, Report, Trial, judge
from sslwb.core import MASK, PAD, SEP, WORDS
from sslwb.methods import bert


def mask_tokens(f: Any) -> Report:
    """Check `f(x, chosen, fate, another)` → int64 (B, L), what BERT sees of the texts x: the 80/10/10 rule.

    A word is asked where chosen < 0.15, numbers from 0 to 1; padding (0), <mask> (1) and <sep> (2) never are. An asked
    word is hidden behind <mask> where fate < 0.8, replaced by the word in `another` where fate is from 0.8 to below
    0.9, and stays above that. All four are (B, L).
    """

    def rule(
        where: Callable[[Tensor, Tensor], Tensor], **how: Any
    ) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
        return lambda x, chosen, fate, another: hide(x, where(x, chosen), fate, another, **how)

    def asked(x: Tensor, chosen: Tensor) -> Tensor:
        return (chosen < 0.15) & (x >= WORDS)

    mistakes = [
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
    g = torch.Generator().manual_seed(0)
    trials = []
    for b, length in ((4, 60), (2, 90), (7, 40)):
        x = torch.randint(WORDS, 30, (b, length), generator=g)
        x[:, 0] = x[:, length // 2] = SEP
        x[1, -length // 4 :] = PAD
        chosen, fate = torch.rand(2, b, length, generator=g)
        chosen[:, 0] = chosen[1, -3:] = 0.1  # a sign and padding, that a rule without exceptions would take
        chosen[:, 1:4] = torch.tensor([0.05, 0.1, 0.12])
        fate[:, 0:4] = torch.tensor([0.3, 0.2, 0.85, 0.95])
        another = torch.randint(30, 60, (b, length), generator=g)
        trials.append(Trial(f"{b} texts of {length}", (x, chosen, fate, another)))
    return judge(
        "mask_tokens",
        f,
        rule(asked),
        trials,
        mistakes,
        arguments=("x", "chosen", "fate", "another"),
        agrees_with="sslwb.augment.tokens",
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
    g = torch.Generator().manual_seed(0)
    trials = []
    for b, length, words in ((3, 6, 9), (2, 11, 5), (5, 4, 12)):
        targets = torch.randint(WORDS, words, (b, length), generator=g)
        targets = targets.where(torch.rand(b, length, generator=g) < 0.4, torch.tensor(PAD))
        targets[0, :3], targets[1] = torch.tensor([WORDS, WORDS + 1, PAD]), PAD
        targets[1, -1] = WORDS  # one question here, several there
        logits = 2 * torch.randn(b, length, words, generator=g)
        trials.append(Trial(f"{b} texts of {length}, {words} words", (logits, targets)))
    return judge(
        "mlm_loss",
        f,
        bert.mlm_loss,
        trials,
        mistakes,
        arguments=("logits", "targets"),
        agrees_with="sslwb.methods.bert.mlm_loss",
        trained=True,
        explain=lambda error, _: (
            "F.cross_entropy wants (M, V) and (M,): pick the asked places, logits[asked] and targets[asked]."
            if "Expected target" in str(error) or "dimension" in str(error).lower()
            else ""
        ),
    )


def causal_mask(f: Any) -> Report:
    """Check `f(scores)`, (heads, L, L) → attention (heads, L, L): place i looks at the places 0 … i, in shares of 1.

    `scores[h, i, j]` is how well the question of place i fits place j; the shares are their softmax.
    """

    def later(scores: Tensor, first: int = 1) -> Tensor:
        """bool (L, L): the places j ≥ i + first."""
        return torch.ones(scores.shape[1:], dtype=torch.bool).triu(first)

    def truth(scores: Tensor, first: int = 1) -> Tensor:
        return scores.masked_fill(later(scores, first), -torch.inf).softmax(2)

    mistakes = [
        Mistake("Nothing is masked: place i also sees what comes later.", lambda s: s.softmax(2)),
        Mistake(
            "The mask is turned round: each place sees itself and what comes later. Mask j > i.",
            lambda s: s.masked_fill(later(s).T, -torch.inf).softmax(2),
        ),
        Mistake(
            "A place does not see itself: mask j > i, not j = i (triu(1)). The first place then sees nothing.",
            lambda s: truth(s, 0),
        ),
        Mistake(
            "A place sees one place too many, the very word that it shall predict: mask j > i (triu(1)).",
            lambda s: truth(s, 2),
        ),
        Mistake(
            "You masked after the softmax, so the shares no longer add up to 1: put -inf in the scores before it.",
            lambda s: s.softmax(2).masked_fill(later(s), 0),
        ),
        Mistake(
            "You masked with 0: e⁰ = 1 is a share like others. Put -inf in the scores.",
            lambda s: s.masked_fill(later(s), 0).softmax(2),
        ),
        Mistake(
            "You took the softmax over the places that ask (dim=1): each row is one place's shares, dim=2.",
            lambda s: s.masked_fill(later(s), -torch.inf).softmax(1),
        ),
        Mistake(
            "You took the softmax over the heads (dim=0): each row is one place's shares, dim=2.",
            lambda s: s.masked_fill(later(s), -torch.inf).softmax(0),
        ),
        Mistake(
            "These are the scores. The shares are their softmax, along the last dimension.",
            lambda s: s.masked_fill(later(s), -torch.inf),
        ),
    ]
    g = torch.Generator().manual_seed(0)
    shapes = ((2, 5), (1, 3), (4, 8))
    trials = [Trial(f"{h} head(s), {n} places", (torch.randn(h, n, n, generator=g),)) for h, n in shapes]
    return judge(
        "causal_mask",
        f,
        truth,
        trials,
        mistakes,
        arguments=("scores",),
        agrees_with="a softmax of each row",
        trained=False,
    )
