"""The world of tales: every probability against enumeration, streams, causes, and that counting words does badly."""

import math
from collections import Counter
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from sslwb.data import Texts, load
from sslwb.data.worlds import tales
from sslwb.data.worlds.languages import MEANINGS, other_language
from sslwb.data.worlds.tales import (
    FEELINGS,
    FOLLOWS,
    MASK,
    PAD,
    SENTENCES,
    SPECIAL,
    VOCABULARY,
    Tales,
    make_tales,
)


@pytest.fixture(scope="module")
def world() -> Tales:
    return Tales()


@pytest.fixture(scope="module")
def data(world: Tales) -> Texts:
    return world.make(64, seed=21)


# ── the oracle: plain Python that says what every cause may say, and tries all of it


def meanings(world: Tales) -> list[dict[str, tuple[str, ...]]]:
    """For every combination of causes, what may stand for each {role}."""
    made = []
    feelings = FEELINGS["bad"] + FEELINGS["good"]
    for topic in world.causes["topic"]:
        places, things, doings = tales.TOPICS[topic]
        for place, thing, sentiment, (hero, friend) in product(places, things, FEELINGS, permutations(tales.NAMES, 2)):
            she, her, him, girl = ("she", "her", "her", "girl") if hero in tales.GIRLS else ("he", "his", "him", "boy")
            made.append(
                {
                    "{place}": (place,),
                    "{thing}": (thing,),
                    "{do}": doings,
                    "{hero}": (hero,),
                    "{friend}": (friend,),
                    "{she}": (she,),
                    "{her}": (her,),
                    "{him}": (him,),
                    "{girl}": (girl,),
                    "{mood}": feelings,
                    "{feeling}": FEELINGS["good" if sentiment == "good" else "bad"],
                    "{opposite}": FEELINGS["bad" if sentiment == "good" else "good"],
                    "{other}": world.causes["thing"],
                }
            )
    return made


def truth(world: Tales, words: list[str | None], place: int) -> Tensor:
    """(V,) p(the word at `place` | the words that are not None), by going through every story that fits them."""
    causes = meanings(world)
    anything = {role: {w for cause in causes for w in cause[role]} for role in causes[0]}
    found: Counter[str] = Counter()

    def chances(slot: str, cause: dict[str, tuple[str, ...]]) -> dict[str, float]:
        said = cause.get(slot, tuple(slot.split("|")))
        every = anything.get(slot, said)
        p = Counter({word: world.noise / len(every) for word in every})
        for word in said:
            p[word] += (1 - world.noise) / len(said)
        return {word: chance for word, chance in p.items() if chance}

    def go_on(t: int, slots: list[str], kind: str, p: float, guess: str, said: dict[str, dict[str, float]]) -> None:
        if t == len(words):
            found[guess] += p
        elif not slots:
            follow(t, FOLLOWS.get(kind, {}), p, guess, said)
        elif t == place:
            for word, chance in said[slots[0]].items():
                if words[t] in (None, word):
                    go_on(t + 1, slots[1:], kind, p * chance, word, said)
        elif words[t] is None:
            go_on(t + 1, slots[1:], kind, p, guess, said)
        elif words[t] in said[slots[0]]:
            go_on(t + 1, slots[1:], kind, p * said[slots[0]][words[t]], guess, said)  # type: ignore[index]

    def follow(t: int, kinds: dict[str, float], p: float, guess: str, said: dict[str, dict[str, float]]) -> None:
        for kind, share in kinds.items():
            for way in SENTENCES[kind]:
                go_on(t, way.split(), kind, p * share / len(SENTENCES[kind]), guess, said)
        if not kinds:
            go_on(t, ["<pad>"] * (len(words) - t), "", p, guess, said)

    slots = {slot for ways in SENTENCES.values() for way in ways for slot in way.split()} | {"<pad>"}
    for cause in causes:
        follow(0, {"meet": 1.0}, 1.0, "", {slot: chances(slot, cause) for slot in slots})
    p = torch.tensor([found[word] for word in VOCABULARY], dtype=torch.float64)
    return p / p.sum()


def spoken(x: Tensor) -> list[str | None]:
    return [None if i == MASK else VOCABULARY[i] for i in x.tolist()]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same grammar with 64 combinations of causes, so that trying all of them takes no time."""
    monkeypatch.setattr(tales, "NAMES", ("lily", "tom"))
    cut = {name: (places[:2], things[:2], doings[:2]) for name, (places, things, doings) in tales.TOPICS.items()}
    monkeypatch.setattr(tales, "TOPICS", cut)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_the_next_word_is_as_likely_as_enumeration_says(small: None, noise: float) -> None:
    world = Tales(2, noise)
    x = world.make(3, seed=21).x
    p = world.next_token(x)
    for i, t in product(range(3), range(0, world.length, 3)):
        assert torch.allclose(p[i, t], truth(world, [*spoken(x[i, :t]), None], t), rtol=0, atol=1e-9), (i, t)


@pytest.mark.parametrize("noise", [0.0, 0.2])
@pytest.mark.parametrize("share", [0.02, 0.15, 0.5])
def test_a_hidden_word_is_as_likely_as_enumeration_says(small: None, noise: float, share: float) -> None:
    world = Tales(2, noise)
    x = world.make(4, "val", seed=21).x
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(21)) < share
    mask[:, 20] = True
    p = world.masked_token(x, mask)
    places = mask.nonzero().tolist()
    assert len(p) == len(places)
    hidden = x.masked_fill(mask, MASK)
    for row in range(0, len(places), 1 + len(places) // 12):
        i, t = places[row]
        assert torch.allclose(p[row], truth(world, spoken(hidden[i]), t), rtol=0, atol=1e-9), (i, t)


def test_enumeration_agrees_with_all_places_things_and_names() -> None:
    world = Tales(2)
    x = world.make(1, seed=21).x
    mask = torch.zeros_like(x, dtype=torch.bool)
    mask[0, [0, 2, 9, 10, 11, 20]] = True
    hidden = x.masked_fill(mask, MASK)
    p = world.masked_token(x, mask)
    assert torch.allclose(p[2], truth(world, spoken(hidden[0]), 9), rtol=0, atol=1e-9)
    assert ((p > 0).sum(1) > 1).any()
    assert torch.allclose(world.next_token(x)[0, 25], truth(world, [*spoken(x[0, :25]), None], 25), rtol=0, atol=1e-9)


def test_a_word_not_known_before_is_summed_out(small: None) -> None:
    world = Tales(2)
    x = world.make(1, seed=21).x[:, :12]
    x[0, [0, 4]] = MASK
    assert torch.allclose(world.next_token(x)[0, 11], truth(world, [*spoken(x[0, :11]), None], 11), rtol=0, atol=1e-9)


# ── distributions


def test_probabilities_sum_to_one_and_never_name_what_is_no_word(world: Tales, data: Texts) -> None:
    mask = torch.rand(data.x.shape, generator=torch.Generator().manual_seed(1)) < 0.3
    for p in (world.next_token(data.x[:16]).flatten(0, 1), world.masked_token(data.x[:16], mask[:16])):
        assert torch.allclose(p.sum(1), torch.ones(len(p), dtype=torch.float64))
        assert (p >= 0).all()
        assert (p[:, [SPECIAL.index("<mask>"), SPECIAL.index("<sep>")]] == 0).all()


def test_the_words_that_came_are_as_frequent_as_they_should_be(world: Tales) -> None:
    """With every word unknown, the next word's probability is its frequency at that place in all stories."""
    n = 20_000
    x = world.make(n, seed=21).x
    p = world.next_token(torch.full((1, world.length), MASK))[0]
    count = torch.zeros(world.length, len(VOCABULARY)).scatter_add_(1, x.T, torch.ones(world.length, n))
    off = (count / n - p) / (p * (1 - p) / n + 1e-12).sqrt()
    assert (count[p == 0] == 0).all()
    assert off[p * n > 20].abs().max() < 5
    assert 0.9 < off[p * n > 20].std() < 1.1


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_what_the_truth_expects_to_lose_is_what_it_loses(noise: float) -> None:
    world = Tales(2, noise)
    x = world.make(64, "test", seed=21).x
    mask = (torch.rand(x.shape, generator=torch.Generator().manual_seed(21)) < 0.15) & (x != PAD)
    for p, word in ((world.next_token(x)[x != PAD], x[x != PAD]), (world.masked_token(x, mask), x[mask])):
        lost = -p.gather(1, word[:, None])[:, 0].log()
        entropy = torch.special.entr(p).sum(1)
        assert abs((lost - entropy).mean()) < 4 * (lost - entropy).std() / math.sqrt(len(lost))
    assert world.floor(x, mask) == pytest.approx(float(lost.mean()))


def test_more_context_can_only_help_and_noise_can_only_hurt() -> None:
    world, noisy = Tales(2), Tales(2, noise=0.2)
    x = world.make(32, seed=21).x
    few, many = ((torch.rand(x.shape, generator=torch.Generator().manual_seed(3)) < s) & (x != PAD) for s in (0.1, 0.6))
    assert world.floor(x, few) < world.floor(x, many) < math.log(len(VOCABULARY))
    assert world.floor(x, few) < world.floor(x)
    assert noisy.floor(noisy.make(32, seed=21).x) > 1.2 * world.floor(x)


def test_two_hidden_words_have_one_joint_probability(world: Tales, data: Texts) -> None:
    """Of two hidden words, p(a) p(b | a) = p(b) p(a | b)."""
    x = data.x[:1]

    def joint(first: int, second: int) -> float:
        a = torch.zeros_like(x, dtype=torch.bool)
        a[0, [first, second]] = True
        b = a.clone()
        b[0, first] = False
        row = int(first > second)
        return float(world.masked_token(x, a)[row, x[0, first]] * world.masked_token(x, b)[0, x[0, second]])

    for one, other in ((0, 2), (5, 12), (20, 21)):
        assert joint(one, other) == pytest.approx(joint(other, one), rel=1e-9)


# ── streams


def test_a_longer_set_begins_with_the_shorter(data: Texts) -> None:
    for n in (1, 2, 33):
        shorter = make_tales(n, seed=21)
        assert torch.equal(shorter.x, data.x[:n])
        assert torch.equal(shorter.labels, data.labels[:n])
        for name, values in shorter.factors.items():
            assert torch.equal(values, data.factors[name][:n])


def test_splits_and_seeds_share_no_story(world: Tales) -> None:
    seen: set[bytes] = set()
    for split in ("train", "val", "test"):
        for seed in range(3):
            stories = {row.tobytes() for row in world.make(150, split, seed).x.numpy()}
            assert len(stories) == 150
            assert not stories & seen
            seen |= stories


def test_the_same_call_gives_the_same_stories_and_moves_no_generator(world: Tales, data: Texts) -> None:
    before = torch.get_rng_state()
    torch.manual_seed(99)
    assert torch.equal(world.make(64, seed=21).x, data.x)
    torch.set_rng_state(before)
    world.make(10)
    assert torch.equal(torch.get_rng_state(), before)


def test_load_hands_the_dials_on() -> None:
    stories = load("tales", split="val", n=20, seed=4, topics=3, noise=0.1)
    assert torch.equal(stories.x, make_tales(20, "val", 4, topics=3, noise=0.1).x)
    assert len(load("tales", "test")) == 2048


# ── causes


def test_every_value_of_a_cause_is_as_likely_as_the_others() -> None:
    made = make_tales(6000, seed=21, topics=6)
    for name, levels in made.levels.items():
        counts = torch.bincount(made.factors[name], minlength=len(levels))
        expected = 6000 / len(levels)
        assert len(counts) == len(levels)
        assert ((counts - expected).abs() < 4 * math.sqrt(expected)).all(), (name, counts)
    assert (made.factors["hero"] != made.factors["friend"]).all()


def test_the_label_is_the_topic(data: Texts) -> None:
    assert torch.equal(data.labels, data.factors["topic"])
    assert data.classes == data.levels["topic"] == ("sea", "forest", "kitchen", "stage")
    assert data.name == "tales"
    assert data.vocabulary == VOCABULARY
    assert VOCABULARY[PAD] == "<pad>"


def test_a_story_says_what_its_causes_are(data: Texts) -> None:
    for i in range(len(data)):
        words = set(data.text(i).replace(".", "").replace(",", "").split())
        cause = {name: data.levels[name][values[i]] for name, values in data.factors.items()}
        assert {cause["place"], cause["hero"], cause["friend"]} <= words
        assert cause["place"] in tales.TOPICS[cause["topic"]][0]
        assert cause["thing"] in tales.TOPICS[cause["topic"]][1]
        assert cause["thing"] in words
        assert not words & ({"he", "his", "him", "boy"} if cause["hero"] in tales.GIRLS else {"she", "girl"})


def test_sentences_begin_where_starts_says(data: Texts) -> None:
    assert data.starts is not None
    for row, starts in zip(data.x.tolist(), data.starts.tolist(), strict=True):
        ends = [t for t, i in enumerate(row) if VOCABULARY[i] == "."]
        assert [s for s in starts if s >= 0] == [0] + [end + 1 for end in ends[:-1]]
        assert 5 <= len(ends) <= 8
        assert row[ends[-1] + 1 :] == [PAD] * (len(row) - ends[-1] - 1)
        assert row[-1] == PAD
    assert (data.starts[:, -1] >= 0).any()


def test_answers_stand_where_answers_says(data: Texts) -> None:
    assert data.answers is not None
    kinds = Counter()
    for i, (first, reply) in enumerate(data.answers.tolist()):
        words = [VOCABULARY[w] for w in data.x[i].tolist()]
        if "asked" not in words:
            assert (first, reply) == (-1, -1)
            continue
        question = words[words.index("asked") + 1]
        cause = {"who": "friend", "where": "place", "what": "thing"}[question]
        answer = data.levels[cause][data.factors[cause][i]]
        assert words[first] == words[reply] == answer
        assert first < words.index("asked") < reply
        assert words[reply + 1] == "."
        if question == "where":
            assert words.index(answer) == first
        kinds[question] += 1
    assert len(kinds) == 3


def test_the_other_language_says_the_same_backwards(data: Texts) -> None:
    other = other_language(data)
    assert len(set(other.vocabulary)) == len(VOCABULARY) == len(MEANINGS)
    shared = set(VOCABULARY) & set(other.vocabulary)
    assert shared == {*SPECIAL, ".", ","}
    for i in range(len(data)):
        meant = [MEANINGS[other.vocabulary[w]] for w in other.x[i].tolist()]
        sentences = " ".join(word for word in meant if word != "<pad>").split(" .")[:-1]
        forwards = " . ".join(" ".join(reversed(sentence.split())) for sentence in sentences) + " ."
        assert forwards.split() == [VOCABULARY[w] for w in data.x[i].tolist() if w]
    assert torch.equal(other.x == PAD, data.x == PAD)
    assert data.answers is not None
    assert other.answers is not None
    asks = data.answers[:, 0] >= 0
    for here, there in zip(data.answers[asks].T, other.answers[asks].T, strict=True):
        said = data.x[asks].gather(1, here[:, None])[:, 0].tolist()
        assert [VOCABULARY[w] for w in said] == [
            MEANINGS[other.vocabulary[w]] for w in other.x[asks].gather(1, there[:, None])[:, 0].tolist()
        ]
    assert (other.answers[~asks] == -1).all()
    assert torch.equal(other_language(data[5:9]).x, other.x[5:9])
    with pytest.raises(ValueError, match="tales in the other language has another vocabulary"):
        other_language(other)


def test_who_read_the_whole_story_knows_its_causes(world: Tales, data: Texts) -> None:
    known = world.posterior(data.x)
    for name, p in known.items():
        assert torch.allclose(p.gather(1, data.factors[name][:, None]), torch.ones(64, 1, dtype=torch.float64)), name
    nothing = world.posterior(torch.full((1, 5), MASK))
    for name, p in nothing.items():
        assert torch.allclose(p, torch.full_like(p, 1 / p.shape[1])), name


def test_beliefs_under_noise_are_right_as_often_as_they_say() -> None:
    world = Tales(2, noise=0.5)
    made = world.make(200, seed=21)
    for name, p in world.posterior(made.x).items():
        sure, guess = p.max(1)
        right = (guess == made.factors[name]).double()
        assert abs(right.mean() - sure.mean()) < 4 * 0.5 / math.sqrt(200), name
        assert 1 / p.shape[1] < sure.mean() < 0.999


# ── what counting can and cannot do


def grams(x: Tensor, order: int) -> np.ndarray[Any, Any]:
    """One number for each word and the `order` - 1 words before it."""
    padded = np.pad(x.numpy(), ((0, 0), (order - 1, 0)))
    runs = np.lib.stride_tricks.sliding_window_view(padded, order, axis=1)[x.numpy() != PAD]
    return runs @ len(VOCABULARY) ** np.arange(order)[::-1]


def kneser_ney(train: Tensor, test: Tensor, order: int, discount: float = 0.75) -> float:
    """Nats a word of an interpolated Kneser-Ney model (Chen & Goodman, 1999)."""
    p: Any = 1 / len(VOCABULARY)
    for k in range(1, order + 1):
        if k == order:
            kinds, count = np.unique(grams(train, k), return_counts=True)
        else:  # a shorter run counts by how many words came before it
            kinds, count = np.unique(np.unique(grams(train, k + 1)) % len(VOCABULARY) ** k, return_counts=True)
        context, first, distinct = np.unique(kinds // len(VOCABULARY), return_index=True, return_counts=True)
        total = np.add.reduceat(count, first)
        asked = grams(test, k)
        i = np.searchsorted(context, asked // len(VOCABULARY)).clip(max=len(context) - 1)
        j = np.searchsorted(kinds, asked).clip(max=len(kinds) - 1)
        seen = np.where(kinds[j] == asked, count[j], 0)
        backed_off = (np.maximum(seen - discount, 0) + discount * distinct[i] * p) / total[i]
        p = np.where(context[i] == asked // len(VOCABULARY), backed_off, p)
    return float(-np.log(p).mean())


def test_five_words_do_not_reach_the_floor(world: Tales) -> None:
    train, test = world.make(20_000, seed=21).x, world.make(64, "test", seed=21).x
    floor = world.floor(test)
    losses = [kneser_ney(train, test, order) for order in (1, 3, 5)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] > 1.4 * floor


def bags(data: Texts) -> np.ndarray[Any, Any]:
    return torch.nn.functional.one_hot(data.x, len(VOCABULARY)).sum(1)[:, 1:].numpy()


def counted(train: Texts, test: Texts, cause: str, labels: int) -> float:
    """Accuracy of a linear classifier on word counts, from so many labelled stories of each class."""
    y = train.factors[cause]
    rows = torch.cat([(y == value).nonzero()[:labels, 0] for value in y.unique()])
    model = LogisticRegression(max_iter=300).fit(bags(train[rows]), y[rows])
    return float(model.score(bags(test), test.factors[cause]))


def test_counting_words_tells_little_of_sentiment_and_needs_labels_for_the_topic(world: Tales) -> None:
    train, test = world.make(3000, seed=21), world.make(600, "test", seed=21)
    assert counted(train, test, "sentiment", 50) < 0.65
    assert counted(train, test, "sentiment", 1000) < 0.8
    assert counted(train, test, "topic", 2) < 0.6
    assert counted(train, test, "topic", 200) > 0.95


# ── bad input


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"split": "tset"}, "split is 'tset'; the world of tales has 'train', 'val', 'test'"),
        ({"n": 0}, "n is 0; expected n ≥ 1"),
        ({"topics": 1}, "topics is 1; expected 2 to 6"),
        ({"topics": 7}, "topics is 7"),
        ({"noise": -0.1}, r"noise is -0\.1; expected a share from 0 to 1"),
        ({"noise": math.nan}, "noise is nan"),
    ],
)
def test_an_unknown_dial_is_reported(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_tales(**{"n": 10, **settings})


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        ([[1.0]], TypeError, "x is list; expected a torch.int64 tensor"),
        (torch.zeros(2, 5), TypeError, r"x is torch\.float32"),
        (torch.zeros(5, dtype=torch.long), ValueError, r"x has shape \(5,\); expected \(N, L\)"),
        (torch.zeros(0, 5, dtype=torch.long), ValueError, r"x has shape \(0, 5\)"),
        (torch.full((2, 5), len(VOCABULARY)), ValueError, "expected word numbers from 0 to"),
        (torch.full((2, 5), -1), ValueError, "x runs from -1"),
    ],
)
def test_what_is_no_tensor_of_words_is_reported(world: Tales, x: Any, error: type[Exception], said: str) -> None:
    for ask in (world.next_token, world.posterior, world.floor):
        with pytest.raises(error, match=said):
            ask(x)
    with pytest.raises(error, match=said):
        world.masked_token(x, torch.ones(2, 5, dtype=torch.bool))


def test_a_story_that_cannot_be_is_reported(world: Tales, data: Texts) -> None:
    wrong = data.x[:3].clone()
    wrong[2, 3] = VOCABULARY.index("sad")
    mask = torch.zeros_like(wrong, dtype=torch.bool)
    mask[:, 6] = True
    for ask in (world.next_token, world.posterior, world.floor, lambda x: world.masked_token(x, mask)):
        with pytest.raises(ValueError, match=r"x\[2\] is nothing that this world says"):
            ask(wrong)


def test_a_mask_that_does_not_fit_is_reported(world: Tales, data: Texts) -> None:
    with pytest.raises(TypeError, match=r"mask is torch\.int64; expected torch\.bool"):
        world.masked_token(data.x, torch.ones_like(data.x))
    with pytest.raises(ValueError, match=r"mask has shape \(64, 3\); expected that of x"):
        world.masked_token(data.x, torch.ones(64, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="there is no word to predict"):
        world.floor(data.x, torch.zeros_like(data.x, dtype=torch.bool))
