"""Views of texts: which words are hidden, and what shall be predicted. A whole batch at once, each text by itself.

Texts are int64 (B, L), a number for each word. The first numbers of every vocabulary are no words: PAD fills a row up,
MASK hides a word, SEP begins, divides and ends what a model reads.

Source: Devlin et al. 2019, "BERT", section 3.1 and appendix A; Liu et al. 2019, "RoBERTa", section 4; Lewis et al.
2020, "BART", section 2.2; Raffel et al. 2020, "T5", sections 3.1.4 and 3.3.4. Lessons 12, 13, 23.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import MASK, PAD, SEP, WORDS, check_generator, check_shapes, may_read, recorded, tensor_of, typed

GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # 2⁶⁴ over the golden ratio, as int64 holds it: its multiples lie far apart


class MaskedTokens(NamedTuple):
    """Texts with hidden words, and what stood there; `augment.tokens.mask(…)` makes them."""

    tokens: Tensor  # int64 (B, L)
    targets: Tensor  # int64 (B, L): the hidden words, and PAD elsewhere


class MaskedPairs(NamedTuple):
    """Pairs with hidden words, and whether they belong together; `augment.tokens.mask(…, next_sentence=True)`."""

    tokens: Tensor  # int64 (B, L)
    targets: Tensor  # int64 (B, L): the hidden words, and PAD elsewhere
    segments: Tensor  # int64 (B, L): 0 in the first half, 1 in the second
    not_next: Tensor  # int64 (B,): 1 where the second half is another text's


class DroppedTokens(NamedTuple):
    """Texts, and twice what dropout leaves of their embeddings; `augment.tokens.dropped(…)` makes them."""

    tokens: Tensor  # int64 (B, L)
    keep: Tensor  # float32 (B, 2, depth + 1, L, dim): 0 where a number is dropped, 1 / (1 - p) elsewhere


@recorded
@dataclass(frozen=True)
class Masks:
    """Words are hidden, and shall be predicted; see `mask`."""

    vocabulary: int
    p: float
    random: float
    kept: float
    static: bool
    next_sentence: bool

    def __call__(self, batch: Any, generator: torch.Generator) -> MaskedTokens | MaskedPairs:
        x = texts_of(batch)
        check_generator(generator, x.device)
        if self.next_sentence:
            x, segments, not_next = with_random_next(x, generator)
        else:
            x = shortened(x)
        if may_read(x):
            low, high = (int(bound) for bound in x.aminmax())
            if low < 0 or high >= self.vocabulary:
                wrong = low if low < 0 else high
                raise ValueError(f"vocabulary is {self.vocabulary}, but x holds the number {wrong}; give its size")
        # Which words, what becomes of them, and what stands there instead: three numbers from 0 to 1 for each place.
        if self.static:
            chosen, fate, other = own_numbers(x, 3)
        else:
            chosen, fate, other = torch.rand(3, *x.shape, generator=generator, device=x.device, dtype=torch.float32)
        asked = (chosen < self.p) & (x >= WORDS)
        another = WORDS + (other * (self.vocabulary - WORDS)).long()
        shown = hide(x, asked, fate, another, self.random, self.kept)
        targets = torch.where(asked, x, PAD)
        return MaskedPairs(shown, targets, segments, not_next) if self.next_sentence else MaskedTokens(shown, targets)


@typed
def mask(
    vocabulary: int,
    p: float = 0.15,
    *,
    random: float = 0.1,
    kept: float = 0.1,
    static: bool = False,
    next_sentence: bool = False,
) -> Masks:
    """Views for BERT: int64 (B, L) → `MaskedTokens`, and with `next_sentence` `MaskedPairs`.

    Each word is asked with probability p. Of the asked ones 80 % are hidden behind MASK, 10 % stand replaced by a
    random word and 10 % stand as they are, so that the model cannot trust what it sees. Padding and SEP are never
    asked. `targets` hold the asked words and PAD elsewhere, int64 (B, L).

    `next_sentence` wants pairs as `data.sentence_pairs` lays them out: SEP first half SEP second half SEP. Half of the
    texts of a batch get the second half of another one. `segments` (B, L) are 0 in the first half and 1 in the second,
    `not_next` (B,) is 1 where the halves do not belong together. Columns without a word are left out.

    Args:
        vocabulary: how many words there are; random ones are drawn from all of them.
        p: share of the words that are asked.
        random: share of the asked words that are replaced by a random word.
        kept: share of the asked words that stay.
        static: the mask depends on the text alone, so that a text looks the same each time; False: a new mask for each
            batch, as in RoBERTa.
        next_sentence: whether pairs are made.

    Raises:
        ValueError: p is not between 0 and 1, random and kept are no shares, no word in the vocabulary; when called:
            a word outside the vocabulary, or texts that are no pairs.
    """
    if not 0 < p < 1:
        raise ValueError(f"p is {p}; expected a share of the words between 0 and 1, such as 0.15")
    if not (random >= 0 and kept >= 0 and random + kept <= 1):
        raise ValueError(f"random is {random} and kept {kept}; expected shares from 0 to 1, together at most 1")
    if vocabulary <= WORDS:
        raise ValueError(f"vocabulary is {vocabulary}; expected more than {WORDS}: the first {WORDS} are no words")
    return Masks(vocabulary, p, random, kept, static, next_sentence)


@recorded
@dataclass(frozen=True)
class Dropped:
    """Texts, and twice what dropout leaves of their embeddings; see `dropped`."""

    dim: int
    depth: int
    p: float

    def __call__(self, batch: Any, generator: torch.Generator) -> DroppedTokens:
        x = shortened(texts_of(batch))
        check_generator(generator, x.device)
        places = (len(x), 2, self.depth + 1, x.shape[1], self.dim)
        drawn = torch.rand(places, generator=generator, device=x.device, dtype=torch.float32)
        return DroppedTokens(x, (drawn >= self.p).float() / (1 - self.p))


@typed
def dropped(dim: int, depth: int, p: float = 0.1) -> Dropped:
    """Views for SimCSE: int64 (B, L) → `DroppedTokens`. The text is one and the same; what differs is what is dropped.

    Each number of an embedding is dropped with probability p; the others grow by 1 / (1 - p), so that the mean stays.

    Args:
        dim: of the encoder.
        depth: how many blocks the encoder has; numbers are dropped before the first and behind each.
        p: share of the numbers.

    Raises:
        ValueError: p is not a share below 1, or dim or depth is no size.
    Source: Gao et al. 2021, "SimCSE", section 3; Srivastava et al. 2014, "Dropout".
    """
    if not 0 <= p < 1:
        raise ValueError(f"p is {p}; expected a share of the numbers from 0 to below 1, such as 0.1")
    if dim < 1 or depth < 0:
        raise ValueError(f"dim is {dim} and depth {depth}; expected the encoder's: 1 or more numbers, 0 or more blocks")
    return Dropped(dim, depth, p)


def texts_of(batch: Any) -> Tensor:
    """The texts of a batch, int64 (B, L).

    Raises:
        TypeError: numbers of another type, as pictures have.
        ValueError: another shape, or no text.
    """
    x = tensor_of(batch)
    if x.dtype != torch.int64:
        raise TypeError(f"x is {x.dtype} {tuple(x.shape)}; expected texts, torch.int64 (B, L): a number for each word")
    check_shapes(x=(x, "int64 B L"))
    return x


def hide(x: Tensor, asked: Tensor, fate: Tensor, another: Tensor, random: float = 0.1, kept: float = 0.1) -> Tensor:
    """What a model sees of texts where some words are asked, all (B, L): by default the 80/10/10 rule.

    Args:
        x: int64, the words.
        asked: bool, True where a word shall be predicted.
        fate: from 0 to 1. Below 1 - random - kept the asked word is hidden behind MASK, from 1 - kept on it stays, and
            between the two `another` stands in its place.
        another: int64, the words that replace.
        random, kept: shares of the asked words.
    """
    unclear = torch.where(fate < 1 - kept, another, x)
    return torch.where(asked, torch.where(fate < 1 - random - kept, MASK, unclear), x)


class Rewriting(NamedTuple):
    """A text to read and one to write; `augment.tokens.corrupt(…)` or `augment.tokens.translation()` makes them."""

    read: Tensor  # int64 (B, L)
    given: Tensor  # int64 (B, T): SEP and the words to write, of which each place sees those before the next
    targets: Tensor  # int64 (B, T): the words to write and SEP, then PAD


@recorded
@dataclass(frozen=True)
class Corrupted:
    """Texts with spans that are hidden, and what shall be written of them; see `corrupt`."""

    p: float
    mean: float
    whole: bool

    def __call__(self, batch: Any, generator: torch.Generator) -> Rewriting:
        x = shortened(texts_of(batch))
        check_generator(generator, x.device)
        draw = torch.rand(x.shape, generator=generator, device=x.device, dtype=torch.float32)
        hidden = in_spans(draw, self.p, self.mean) & (x >= WORDS)
        read = shortened(behind_masks(x, hidden))
        if self.whole:
            return Rewriting(read, *_written(x))
        # MASK before each span, then its words: two places for each word, of which the first is used where one opens
        opens = hidden & ~F.pad(hidden[:, :-1], (1, 0))
        both = torch.stack((torch.full_like(x, MASK), x), 2).flatten(1)
        missing = _compact(both, torch.stack((opens, hidden), 2).flatten(1))
        return Rewriting(read, *_written(shortened(missing[:, : x.shape[1] + (x.shape[1] + 1) // 2])))


@typed
def corrupt(p: float = 0.3, mean: float = 3.0, *, whole: bool = True) -> Corrupted:
    """Views for an encoder-decoder: int64 (B, L) → `Rewriting`. Spans of words are hidden, each behind a single MASK.

    So the reader is not told how many words are missing. Each word is hidden with probability p, in spans of `mean`
    words: a chain of two states, hidden and not, so lengths are geometric, as in SpanBERT (Joshi et al. 2020); BART
    draws them from Poisson's distribution. Padding and SEP are never hidden.

    Args:
        p: share of the words that are hidden.
        mean: how many words a span has on average, where the text does not end it. 1 / (1 - p) is what words have that
            are hidden each by itself; fewer cannot be.
        whole: the whole text shall be written (BART); False: what is missing alone, MASK before the words of each span,
            in their order (T5, whose signs are numbered).

    Raises:
        ValueError: p is not between 0 and 1, or mean is below 1 / (1 - p).
    """
    if not 0 < p < 1:
        raise ValueError(f"p is {p}; expected a share of the words between 0 and 1, such as 0.3")
    if not 1 / (1 - p) <= mean * (1 + 1e-9) < math.inf:
        raise ValueError(
            f"mean is {mean} with p = {p}; expected {1 / (1 - p):.3g} words or more: so many has a span where "
            "each word is hidden by itself"
        )
    return Corrupted(p, mean, whole)


def in_spans(draw: Tensor, p: float, mean: float) -> Tensor:
    """Which places are hidden, each with probability p, in spans of `mean`: uniform numbers (B, L) → bool (B, L).

    A chain of two states: a hidden place is followed by a hidden one with probability `stay`, one that is not with
    probability `enter`, and the first place is hidden with probability p, as often as any. A number below both
    hides its place whatever came before, one above both shows it, and one between leaves it as the place before is;
    so the state of a place is that of the last one that was decided.
    """
    stay = 1 - 1 / mean
    enter = p / (mean * (1 - p))
    first, later = draw[:, :1] < p, draw[:, 1:]
    hides, shows = (torch.cat(pair, 1) for pair in ((first, later < enter), (~first, later >= stay)))
    place = torch.arange(hides.shape[1], device=draw.device)
    decided = torch.where(hides | shows, place, 0).cummax(1).values
    return hides.gather(1, decided)


def behind_masks(x: Tensor, hidden: Tensor) -> Tensor:
    """Each run of hidden words as a single MASK, all moved up, then PAD: int64 (B, L), bool (B, L) → int64 (B, L)."""
    hidden = hidden & (x != PAD)
    opens = hidden & ~F.pad(hidden[:, :-1], (1, 0))  # the first word of each hidden span
    return _compact(torch.where(opens, MASK, x), (x != PAD) & (opens | ~hidden))


def _compact(x: Tensor, kept: Tensor) -> Tensor:
    """The numbers of x that are kept, moved to the front of each row, then PAD: (B, L), bool (B, L) → (B, L)."""
    place = torch.where(kept, kept.long().cumsum(1) - 1, x.shape[1])
    return x.new_full((len(x), x.shape[1] + 1), PAD).scatter(1, place, x)[:, :-1]


def _written(x: Tensor) -> tuple[Tensor, Tensor]:
    """What a decoder is given and what it shall say of texts (B, T): SEP and the words, the words and SEP."""
    both = framed(x)
    return both[:, :-1], both[:, 1:]


@recorded
@dataclass(frozen=True)
class Translation:
    """Both sides of pairs of texts: one to read, one to write; see `translation`."""

    def __call__(self, batch: Any, generator: torch.Generator) -> Rewriting:
        if not hasattr(batch, "a") or not hasattr(batch, "b"):
            raise TypeError(f"batch is {type(batch).__name__}; expected a container of pairs: sslwb.data.Pairs")
        return Rewriting(shortened(texts_of(batch.a)), *_written(shortened(texts_of(batch.b))))


def translation() -> Translation:
    """Views of pairs of texts, `data.Pairs`: a is read, b shall be written → `Rewriting`; nothing is random."""
    return Translation()


@recorded
@dataclass(frozen=True)
class NextToken:
    """Texts of which each word is predicted from those before it; see `next_token`."""

    whole: bool

    def __call__(self, batch: Any, generator: torch.Generator) -> list[Tensor]:
        x = shortened(texts_of(batch))
        return [framed(x) if self.whole else x]


def next_token(whole: bool = True) -> NextToken:
    """Views for GPT: int64 (B, L) → [tokens], of which each shall be predicted from those before it; nothing is random.

    Args:
        whole: texts that begin and end: SEP stands before the first word and behind the last, so that the model
            learns both. False: windows of a running text, as they are.
    """
    return NextToken(whole)


def framed(x: Tensor) -> Tensor:
    """SEP before and behind each text: int64 (B, L) → (B, L + 2)."""
    end = (x != PAD).sum(1, keepdim=True)
    return torch.cat((torch.full_like(end, SEP), F.pad(x, (0, 1)).scatter(1, end, SEP)), 1)


def shortened(x: Tensor) -> Tensor:
    """(B, L) without the last columns, where they are padding in all texts; whole where a GPU would have to be asked.

    Padding changes no result, it only costs time.
    """
    return x[:, : int((x != PAD).sum(1).max())] if may_read(x) else x


def with_random_next(x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs (B, L) → pairs, segments, not_next: half of them get the second half of another text. See `mask`.

    Raises:
        ValueError: fewer than two texts, or a text that is not SEP first half SEP second half SEP.
    """
    signs = (x == SEP).long()
    if len(x) < 2 or (may_read(x) and not (signs.sum(1) == 3).all()):
        raise ValueError(
            f"x holds {len(x)} text(s), of which {int((signs.sum(1) == 3).sum())} are pairs; expected 2 or more, each "
            "SEP first half SEP second half SEP: sentence_pairs(data) lays texts out like that"
        )
    rows = torch.arange(len(x), device=x.device)
    order = torch.randperm(len(x), generator=generator, device=x.device)
    not_next = rows.new_zeros(len(x)).index_fill(0, order[: len(x) // 2], 1)
    giver = torch.where(not_next == 1, rows.scatter(0, order, order.roll(-1)), rows)  # nobody gives to itself
    first = (signs.cumsum(1) < 2).sum(1) + 1  # the length of the first half with both of its signs
    second = (x != PAD).sum(1) - first
    # `sentence_pairs` made the rows wide enough for any two halves
    width = int((first + second[giver]).max()) if may_read(x) else x.shape[1]
    place = torch.arange(width, device=x.device)
    own = place < first[:, None]
    source = torch.where(own, place, place + (first[giver] - first)[:, None])
    there = place < (first + second[giver])[:, None]
    joined = x[torch.where(own, rows[:, None], giver[:, None]), source.clamp(0, x.shape[1] - 1)]
    return torch.where(there, joined, PAD), (there & ~own).long(), not_next


def own_numbers(x: Tensor, n: int) -> Tensor:
    """Numbers from 0 to 1 that look random and depend on each text alone: int64 (B, L) → float32 (n, B, L)."""
    place = torch.arange(1, x.shape[1] + 1, device=x.device)
    text = torch.where(x == PAD, 0, _stirred(x * (2**40 + 1) + place * GOLDEN)).sum(1)
    draw = torch.arange(1, n + 1, device=x.device) << 32
    mixed = _stirred(_stirred(text[:, None] + (draw[:, None, None] + place) * GOLDEN))
    return ((mixed >> 11) & (2**24 - 1)).float() / 2**24


def _stirred(v: Tensor) -> Tensor:
    """int64 → int64, each bit of the answer hanging on all of v: MurmurHash3's last steps (Appleby 2011)."""
    for factor in (0xFF51AFD7ED558CCD - 2**64, 0xC4CEB9FE1A85EC53 - 2**64):
        v = (v ^ ((v >> 33) & (2**31 - 1))) * factor
    return v ^ ((v >> 33) & (2**31 - 1))
