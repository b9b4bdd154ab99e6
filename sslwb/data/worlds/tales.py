"""The world of tales: short stories from a grammar so small that every probability in it can be computed.

Six hidden causes make a story: a topic, one of its places and one of its things, how the hero feels in the end, who the
hero is, and who the friend. Then sentence follows sentence by a chain over kinds (meet, go, find, …), and word follows
word: a word says something of *what* happens (topic, place, thing, sentiment), or of *who* is there (hero, friend), or
of nothing. So a story is a hidden Markov model whose state is (what, who, slot), where a slot is a place in a sentence:

    p(words) = Σ_what Σ_who p(what) p(who) Σ_slots Π_t p(slot_t | slot_{t-1}) p(word_t | slot_t, what or who)

and the forward-backward algorithm sums the hidden part out exactly (Rabiner, "A tutorial on hidden Markov models",
Proceedings of the IEEE 77, 1989). What it gives is the truth that no language model can beat: the entropy floor.

Counting words does not tell the sentiment: the friend feels something too, and one ending in four comes with a "not".
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import permutations, product

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import typed, usual
from sslwb.data.containers import Texts
from sslwb.data.tokenizing import MASK, PAD, SPECIAL, Tokenizer
from sslwb.data.worlds import SPLITS, stream

# topic → places, things, what one does there
TOPICS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "sea": (
        ("beach", "harbour", "island", "lighthouse"),
        ("shell", "boat", "net", "pearl"),
        ("swim", "sail", "dive", "fish", "row", "float"),
    ),
    "forest": (
        ("hill", "cave", "valley", "meadow"),
        ("nest", "mushroom", "feather", "stick"),
        ("climb", "hide", "camp", "explore", "hike", "whistle"),
    ),
    "kitchen": (
        ("bakery", "kitchen", "market", "cellar"),
        ("cake", "pie", "bowl", "lemon"),
        ("bake", "cook", "taste", "stir", "peel", "mix"),
    ),
    "stage": (
        ("hall", "theatre", "ballroom", "circus"),
        ("drum", "flute", "violin", "mask"),
        ("sing", "dance", "clap", "juggle", "hum", "act"),
    ),
    "farm": (
        ("barn", "field", "pond", "stable"),
        ("pumpkin", "bucket", "saddle", "carrot"),
        ("dig", "plant", "ride", "feed", "rake", "harvest"),
    ),
    "school": (
        ("library", "classroom", "museum", "playground"),
        ("book", "map", "pencil", "globe"),
        ("read", "draw", "write", "paint", "count", "learn"),
    ),
}
FEELINGS = {
    "bad": ("sad", "upset", "angry", "worried", "lonely", "gloomy"),
    "good": ("happy", "glad", "cheerful", "proud", "calm", "merry"),
}
NAMES = ("lily", "anna", "mia", "tom", "ben", "max")
GIRLS = NAMES[:3]

# A kind of sentence → how it can be said, each way as likely. {braces} ask the causes, a|b is either word.
SENTENCES: dict[str, tuple[str, ...]] = {
    "meet": (
        "{hero} met {friend} in the morning|evening .",
        "one day {hero} called {friend} .",
        "{hero} was a kind|brave {girl} and {friend} was {her} friend .",
    ),
    "go": (
        "they went to the {place} to {do} .",
        "{she} wanted to {do} at the {place} .",
        "{friend} went to the {place} with {him} .",
    ),
    "find": (
        "there {she} found a {thing} .",
        "{friend} showed {him} a small|round|new {thing} .",
        "as they began to {do} , {hero} saw a {thing} .",
    ),
    "mood": (
        "{friend} was|felt {mood} .",
        "{friend} was not {mood} .",
        "{friend} talked about a {other} .",
    ),
    "feel": (
        "{hero} was|felt {feeling} .",
        "now {she} was|felt {feeling} .",
        "the {thing} made {him} {feeling} .",
        "{hero} was not {opposite} .",
    ),
    "who": ("{her} mother|father asked who was there .",),
    "where": ("{her} mother|father asked where they went .",),
    "what": ("{her} mother|father asked what {she} had .",),
    "it was who": ("{she} said it was {friend} .",),
    "it was where": ("{she} said it was the {place} .",),
    "it was what": ("{she} said it was a {thing} .",),
    "end": (
        "then {hero} took the {thing} home .",
        "{hero} and {friend} left the {place} .",
        "at night {she} dreamed of the {place} .",
        "next day {hero} will {do} with {friend} .",
    ),
}
# Which kind comes next, and how often. A story begins with "meet" and is over after "end".
FOLLOWS: dict[str, dict[str, float]] = {
    "meet": {"go": 1.0},
    "go": {"find": 1.0},
    "find": {"mood": 0.4, "feel": 0.6},
    "mood": {"feel": 1.0},
    "feel": {"who": 0.2, "where": 0.2, "what": 0.2, "end": 0.4},
    "who": {"it was who": 1.0},
    "where": {"it was where": 1.0},
    "what": {"it was what": 1.0},
    "it was who": {"end": 1.0},
    "it was where": {"end": 1.0},
    "it was what": {"end": 1.0},
}
# The last word of these sentences answers the question before them; it was said earlier too (noise may change either).
ANSWERS = ("it was who", "it was where", "it was what")


def _vocabulary() -> tuple[str, ...]:
    texts = [way for ways in SENTENCES.values() for way in ways]
    plain = {w for text in texts for slot in text.split() if slot[0] != "{" for w in slot.split("|")}
    named = {w for topic in TOPICS.values() for words in topic for w in words} | {"girl", "boy", "she", "he"}
    return SPECIAL + tuple(sorted(plain | named | {"her", "him", "his", *NAMES, *FEELINGS["bad"], *FEELINGS["good"]}))


VOCABULARY = _vocabulary()
NUMBER = {word: i for i, word in enumerate(VOCABULARY)}
TOKENIZER = Tokenizer.words(VOCABULARY)

CHUNK = 32  # stories at a time: their beliefs stay near the cache
# At one place: the rows' story and slot, (rows,) each, and (rows, A, O), how likely with every what and who.
Step = tuple[Tensor, Tensor, Tensor]


@typed
def make_tales(n: int = 8192, split: str = "train", seed: int = 0, *, topics: int = 4, noise: float = 0.0) -> Texts:
    """Stories, x int64 (n, L); the label is the topic, every cause is in `.factors`.

    The first m of n stories are the same whatever n is, and splits are disjoint streams, whatever the seeds. The exact
    probabilities of their words are those of `Tales(topics, noise)`.

    Args:
        n: how many stories.
        split: "train", "val" or "test": disjoint streams.
        seed: another seed, other stories.
        topics: how many topics there are, 2 to 6.
        noise: how often, from 0 to 1, a word that tells a cause is drawn from all the words that could stand there.

    Raises:
        ValueError: an unknown split, or a number that is out of range.
    """
    return Tales(topics, noise).make(n, split, seed)


class Tales:
    """The grammar of the tales with its tables: it makes stories, and knows the probability of every word in them.

    Attributes:
        length: L of the stories it makes: the longest, and one padding.
        causes: the hidden causes and their values.

    Raises:
        ValueError: topics or noise out of range.

    Letters: N stories, L places, V words, S slots, R roles (what a slot asks), A values of what, O values of who.
    """

    @typed
    @usual()
    def __init__(self, topics: int = 4, noise: float = 0.0) -> None:
        if not 2 <= topics <= len(TOPICS):
            raise ValueError(f"topics is {topics}; expected 2 to {len(TOPICS)}")
        if not 0 <= noise <= 1:
            raise ValueError(f"noise is {noise}; expected a share from 0 to 1")
        known = {topic: TOPICS[topic] for topic in tuple(TOPICS)[:topics]}
        self.noise = noise
        self.causes: dict[str, tuple[str, ...]] = {
            "topic": tuple(known),
            "place": tuple(place for places, _, _ in known.values() for place in places),
            "thing": tuple(thing for _, things, _ in known.values() for thing in things),
            "sentiment": tuple(FEELINGS),
            "hero": NAMES,
            "friend": NAMES,
        }
        what = [
            {"topic": topic, "place": place, "thing": thing, "sentiment": sentiment}
            for topic, (places, things, _) in known.items()
            for place, thing, sentiment in product(places, things, FEELINGS)
        ]
        who = [{"hero": hero, "friend": friend} for hero, friend in permutations(NAMES, 2)]
        self._sizes = (len(what), len(who))
        # cause → (does it belong to who?, the number of its value in each what or who)
        self._values = {
            name: (name in who[0], torch.tensor([names.index(c[name]) for c in (who if name in who[0] else what)]))
            for name, names in self.causes.items()
        }
        self._fill_roles(self._lay_slots(), what, who)

    # ── making stories

    @typed
    @usual()
    def make(self, n: int = 8192, split: str = "train", seed: int = 0) -> Texts:
        """n stories: `make_tales` says what they hold.

        Raises:
            ValueError: an unknown split, or n < 1.
        """
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}; the world of tales has {', '.join(map(repr, SPLITS))}")
        if n < 1:
            raise ValueError(f"n is {n}; expected n ≥ 1 stories")
        # One row of uniform numbers a story, so that a longer data set begins with the shorter one.
        generator = torch.Generator().manual_seed(stream("tales", split, seed))
        r = torch.rand(n, 3 + 3 * self.length, generator=generator, dtype=torch.float64)
        what, who = ((r[:, i] * size).long() for i, size in enumerate(self._sizes))
        slot = self._first[(r[:, 2] * len(self._first)).long()]
        x, begins, roles, replies = torch.zeros(4, n, self.length, dtype=torch.long)
        for t, (noisy, pick, jump) in enumerate(r[:, 3:].view(n, -1, 3).permute(1, 2, 0)):
            role = self._role[slot]
            cause = torch.where(self._asks_who[role], who, what)
            cause[noisy < self.noise] = -1  # the last column has all words of the role
            x[:, t] = self._words[role, cause, (pick * self._count[role, cause]).long()]
            begins[:, t], roles[:, t], replies[:, t] = self._begins[slot], role, self._replies[slot]
            slot = self._next[slot, (self._until[slot] <= jump[:, None]).sum(1)]
        order = begins.argsort(dim=1, descending=True, stable=True)[:, : int(begins.sum(1).max())]
        starts = torch.where(begins.gather(1, order) == 1, order, -1)
        reply = replies.argmax(1, keepdim=True)
        said = (roles == roles.gather(1, reply)).long().argmax(1, keepdim=True)  # the first word with the same role
        answers = torch.where(replies.any(1, keepdim=True), torch.cat((said, reply), 1), -1)
        factors = {name: value[who if of_who else what] for name, (of_who, value) in self._values.items()}
        return Texts(
            x,
            factors["topic"].clone(),
            self.causes["topic"],
            factors,
            self.causes,
            name="tales",
            vocabulary=VOCABULARY,
            starts=starts,
            answers=answers,
            tokenizer=TOKENIZER,
        )

    # ── the truth about stories

    def next_token(self, x: Tensor) -> Tensor:
        """The probability of every word at every place given the words before it: float64 (N, L, V).

        Args:
            x: int64 (N, L), whole stories or their beginnings; MASK where a word is not known.

        Raises:
            TypeError: x is not an int64 tensor.
            ValueError: x is not (N, L), or nothing that this grammar says.
        """
        x = _checked(x)
        p = torch.cat([self._speak(part, self._forward(part, self._reached(part))) for part in x.split(CHUNK)])
        story = torch.arange(len(x)).repeat_interleave(x.shape[1])
        return _normalised(p.flatten(0, 1), story).view_as(p)

    def masked_token(self, x: Tensor, mask: Tensor) -> Tensor:
        """The probability of every word at each masked place given all words that are not masked: float64 (M, V).

        Args:
            x: int64 (N, L), stories with their padding.
            mask: bool (N, L), True at the M places that nobody sees; the answer's rows are in the order of x[mask].

        Raises:
            TypeError: x is not an int64 tensor, or mask not a bool tensor.
            ValueError: x is not (N, L), mask has another shape, or x is nothing that this grammar says.
        """
        x = _checked(x)
        if mask.dtype != torch.bool:
            raise TypeError(f"mask is {mask.dtype}; expected torch.bool: True where a word is hidden")
        if mask.shape != x.shape:
            raise ValueError(f"mask has shape {tuple(mask.shape)}; expected that of x, {tuple(x.shape)}")
        mask = mask.cpu()
        parts = []
        for part, hidden in zip(x.masked_fill(mask, MASK).split(CHUNK), mask.split(CHUNK), strict=True):
            live = self._live(part)
            after = self._backward(part, live)
            before = self._forward(part, live)
            both = ((story, slot, belief * after[t]) for t, (story, slot, belief) in enumerate(before))
            parts.append(self._speak(part, both)[hidden])
        return _normalised(torch.cat(parts), mask.nonzero()[:, 0])

    def posterior(self, x: Tensor) -> dict[str, Tensor]:
        """What the words tell of each hidden cause, the best that any classifier can know: float64 (N, values).

        Args:
            x: int64 (N, L), whole stories or their beginnings; MASK where a word is not known.

        Raises:
            TypeError, ValueError: as `next_token`.
        """
        x = _checked(x)
        parts = []
        for part in F.pad(x, (0, 1), value=MASK).split(CHUNK):  # before one word more lie all words of x
            ((story, _, belief),) = deque(self._forward(part, self._reached(part)), maxlen=1)
            parts.append(belief.new_zeros(len(part), *self._sizes).index_add_(0, story, belief))
        joint = torch.cat(parts)
        known = {}
        for name, (of_who, value) in self._values.items():
            p = joint.sum(1 if of_who else 2)
            p = p.new_zeros(len(x), len(self.causes[name])).index_add_(1, value, p)
            known[name] = _normalised(p, torch.arange(len(x)))
        return known

    def floor(self, x: Tensor, mask: Tensor | None = None) -> float:
        """The loss of the truth itself, in nats a word; no model's is lower but by chance.

        Args:
            x: int64 (N, L), stories; their padding is not counted.
            mask: bool (N, L), the places to predict from all other words; None: every word from those before it.

        Raises:
            TypeError, ValueError: as `next_token` and `masked_token`; or there is no word to predict.
        """
        p = self.next_token(x) if mask is None else self.masked_token(x, mask)
        words = (x if mask is None else x[mask]).cpu()
        nats = -p.gather(-1, words[..., None])[..., 0].log()[words != PAD]
        if not len(nats):
            raise ValueError("there is no word to predict; expected a story, and a mask that hides a word of it")
        return float(nats.mean())

    # ── hidden Markov: what could be where, then how likely

    def _reached(self, x: Tensor) -> Tensor:
        """bool (L, B, S): the slots that the words before each place lead to."""
        fits = self._fits[:, x]  # (S, B, L)
        reached = [(self._start > 0).expand(len(x), -1)]
        for t in range(x.shape[1] - 1):
            reached.append((reached[-1] & fits[:, :, t].T).float() @ self._links > 0)
        return torch.stack(reached)

    def _live(self, x: Tensor) -> Tensor:
        """bool (L, B, S): the slots that all words of the story allow."""
        live = self._reached(x) & self._fits[:, x].permute(2, 1, 0)
        for t in range(x.shape[1] - 2, -1, -1):
            live[t] &= live[t + 1].float() @ self._links.T > 0
        return live

    def _forward(self, x: Tensor, slots: Tensor) -> Iterator[Step]:
        """Place by place (story, slot, belief): p(the words before, slot, what, who) of the slots given."""
        story, slot = slots[0].nonzero(as_tuple=True)
        belief = (self._start[slot] / math.prod(self._sizes))[:, None, None].expand(-1, *self._sizes)
        for t in range(x.shape[1]):
            yield story, slot, belief
            if t + 1 < x.shape[1]:
                said = slots[t] & self._fits[:, x[:, t]].T
                kept = said[story, slot]
                belief = belief[kept] * self._likelihood(slot[kept], x[story[kept], t])
                belief = self._carry(belief, said, slots[t + 1], self._source, self._target)
                story, slot = slots[t + 1].nonzero(as_tuple=True)

    def _backward(self, x: Tensor, slots: Tensor) -> list[Tensor]:
        """For every place and slot given, p(the words after | slot, what, who)."""
        after = [torch.ones(int(slots[-1].sum()), *self._sizes, dtype=torch.float64)]
        for t in range(x.shape[1] - 1, 0, -1):
            story, slot = slots[t].nonzero(as_tuple=True)
            ahead = after[-1] * self._likelihood(slot, x[story, t])
            after.append(self._carry(ahead, slots[t], slots[t - 1], self._target, self._source))
        return after[::-1]

    def _likelihood(self, slot: Tensor, word: Tensor) -> Tensor:
        """(rows, A, O): p(word | slot, what, who)."""
        role = self._role[slot]
        return self._of_what[role, :, word][:, :, None] * self._of_who[role, :, word][:, None, :]

    def _carry(self, values: Tensor, here: Tensor, there: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """Rows of the slots that are True in `here` (B, S) → rows of those in `there`, summed along the transitions."""
        story, link = (here[:, source] & there[:, target]).nonzero(as_tuple=True)
        moved = values[_rows(here)[story, source[link]]] * self._weight[link, None, None]
        out = values.new_zeros(int(there.sum()), *self._sizes)
        return out.index_add_(0, _rows(there)[story, target[link]], moved)

    def _speak(self, x: Tensor, steps: Iterable[Step]) -> Tensor:
        """(B, L, V): beliefs about slots and causes, one step a place, as probabilities of words."""
        kept = [
            (story * x.shape[1] + t, self._role[slot], belief.sum(2), belief.sum(1))
            for t, (story, slot, belief) in enumerate(steps)
        ]
        cell, role, what, who = (torch.cat(parts) for parts in zip(*kept, strict=True))
        p = torch.zeros(x.numel(), len(VOCABULARY), dtype=torch.float64)
        for r in role.unique():
            rows = (role == r).nonzero()[:, 0]
            said = who[rows] @ self._of_who[r] if self._asks_who[r] else what[rows] @ self._of_what[r]
            p.index_add_(0, cell[rows], said)
        p[:, MASK] = 0  # it fits everywhere and is never said
        return p.view(*x.shape, -1)

    # ── the tables

    def _lay_slots(self) -> list[str]:
        """The slots of all sentences and the ways from one to the next; what they ask, as roles."""
        ways = {kind: [way.split() for way in said] for kind, said in SENTENCES.items()}
        asked = [ask for said in ways.values() for way in said for ask in way] + [VOCABULARY[PAD]]
        first: dict[str, list[int]] = {}
        last: dict[str, list[int]] = {}
        links = []  # slot, slot, probability
        slot = 0
        for kind, said in ways.items():
            first[kind], last[kind] = [], []
            for way in said:
                first[kind].append(slot)
                links += [(i, i + 1, 1.0) for i in range(slot, slot + len(way) - 1)]
                slot += len(way)
                last[kind].append(slot - 1)
        links.append((slot, slot, 1.0))  # the padding behind the story
        for kind in ways:
            for end in last[kind]:
                for follower, share in FOLLOWS.get(kind, {}).items():
                    links += [(end, begin, share / len(first[follower])) for begin in first[follower]]
                if kind not in FOLLOWS:
                    links.append((end, slot, 1.0))
        links.sort()
        self._source, self._target = torch.tensor([link[:2] for link in links]).T
        self._weight = torch.tensor([link[2] for link in links], dtype=torch.float64)
        self._links = torch.zeros(slot + 1, slot + 1)
        self._links[self._source, self._target] = 1
        opening = first[next(iter(ways))]
        self._start = torch.zeros(slot + 1, dtype=torch.float64)
        self._start[opening] = 1 / len(opening)
        self._first = torch.tensor(opening)
        self._begins, self._replies = torch.zeros(2, slot + 1, dtype=torch.long)
        self._begins[[begin for begins in first.values() for begin in begins]] = 1
        self._replies[[end - 1 for kind in ANSWERS for end in last[kind]]] = 1
        # The same links as rows, to jump by a uniform number: the first way whose cumulative share exceeds it.
        out = [[link[1:] for link in links if link[0] == i] for i in range(slot + 1)]
        widest = max(map(len, out))
        self._next = torch.tensor([[t for t, _ in row] + [row[-1][0]] * (widest - len(row)) for row in out])
        self._until = torch.tensor([[w for _, w in row[:-1]] + [1.0] * (1 + widest - len(row)) for row in out]).double()
        self._until = self._until.cumsum(1)
        longest: dict[str, int] = {}
        for kind in reversed(ways):  # a kind is followed by later ones only
            longest[kind] = max(map(len, ways[kind])) + max((longest[k] for k in FOLLOWS.get(kind, {})), default=0)
        self.length = longest[next(iter(ways))] + 1
        roles = sorted(set(asked))
        self._role = torch.tensor([roles.index(ask) for ask in asked])
        return roles

    def _fill_roles(self, roles: list[str], what: list[dict[str, str]], who: list[dict[str, str]]) -> None:
        """The words of every role for every cause, to draw from, and their probabilities."""
        columns = max(self._sizes) + 1
        nothing = {
            "{mood}": tuple(word for words in FEELINGS.values() for word in words),
            "{other}": self.causes["thing"],
        }
        of_what, of_who = [_said_of_what(c) for c in what], [_said_of_who(c) for c in who]
        table = []
        for role in roles:
            if role in of_what[0] or role in of_who[0]:
                said = [words[role] for words in (of_what if role in of_what[0] else of_who)]
            else:
                said = [nothing.get(role, tuple(role.split("|")))]
            everything = tuple(dict.fromkeys(word for words in said for word in words))
            table.append(said + [everything] * (columns - len(said)))  # the last column: all that could stand there
        self._count = torch.tensor([[len(words) for words in said] for said in table])
        most = int(self._count.max())
        self._words = torch.tensor(
            [[[NUMBER[w] for w in words] + [PAD] * (most - len(words)) for words in said] for said in table]
        )
        self._asks_who = torch.tensor([role in of_who[0] for role in roles])
        share = (torch.arange(most) < self._count[:, :, None]) / self._count[:, :, None].double()
        p = torch.zeros(len(roles), columns, len(VOCABULARY), dtype=torch.float64).scatter_add_(2, self._words, share)
        p = (1 - self.noise) * p + self.noise * p[:, -1:]
        # p(word | slot, what, who) is a product in which one of the two factors is 1.
        asks_who = self._asks_who[:, None, None]
        self._of_what = torch.where(asks_who, 1.0, p[:, : self._sizes[0]])  # (R, A, V)
        self._of_who = torch.where(asks_who, p[:, : self._sizes[1]], 1.0)  # (R, O, V)
        for factor in (self._of_what, self._of_who):
            factor[:, :, MASK] = 1  # a hidden word could be any
        self._fits = ((self._of_what.amax(1) > 0) & (self._of_who.amax(1) > 0))[self._role]  # (S, V)


def _said_of_what(cause: dict[str, str]) -> dict[str, tuple[str, ...]]:
    (opposite,) = FEELINGS.keys() - {cause["sentiment"]}
    return {
        "{place}": (cause["place"],),
        "{thing}": (cause["thing"],),
        "{do}": TOPICS[cause["topic"]][2],
        "{feeling}": FEELINGS[cause["sentiment"]],
        "{opposite}": FEELINGS[opposite],
    }


def _said_of_who(cause: dict[str, str]) -> dict[str, tuple[str, ...]]:
    girl = cause["hero"] in GIRLS
    return {
        "{hero}": (cause["hero"],),
        "{friend}": (cause["friend"],),
        "{girl}": ("girl" if girl else "boy",),
        "{she}": ("she" if girl else "he",),
        "{her}": ("her" if girl else "his",),
        "{him}": ("her" if girl else "him",),
    }


def _rows(mask: Tensor) -> Tensor:
    """The number of each True among all that are True, in the order of `mask.nonzero()`."""
    return (mask.flatten().long().cumsum(0) - 1).view_as(mask)


def _checked(x: Tensor) -> Tensor:
    if not isinstance(x, Tensor) or x.dtype != torch.int64:
        came = str(x.dtype) if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"x is {came}; expected a torch.int64 tensor of word numbers: data.x")
    if x.ndim != 2 or not x.numel():
        raise ValueError(f"x has shape {tuple(x.shape)}; expected (N, L), one row a story: data.x, or x[None] for one")
    if x.min() < 0 or x.max() >= len(VOCABULARY):
        raise ValueError(f"x runs from {x.min()} to {x.max()}; expected word numbers from 0 to {len(VOCABULARY) - 1}")
    return x.cpu()


def _normalised(p: Tensor, story: Tensor) -> Tensor:
    """Each row of (M, V) to sum 1; `story` (M,) says whose rows they are."""
    total = p.sum(1, keepdim=True)
    if not (total > 0).all():
        i = int(story[(total[:, 0] == 0).nonzero()[0]])
        raise ValueError(
            f"x[{i}] is nothing that this world says: its words have probability 0; "
            "expected stories, or beginnings of stories, made with the same topics and noise"
        )
    return p / total
