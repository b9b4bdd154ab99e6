"""Reading one text and writing another: spans, the encoder-decoder, BART, translation and its measures."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import tokens
from sslwb.augment.tokens import Rewriting
from sslwb.core import MASK, PAD, SEP, WORDS, describe, rebuild
from sslwb.data import Images, Pairs, Texts
from sslwb.data.pairs import sentences, unseen
from sslwb.data.worlds.languages import ALL_WORDS, aligned, parallel
from sslwb.data.worlds.tales import make_tales
from sslwb.evaluate import evaluate
from sslwb.evaluate.embedding import WithoutEncoder
from sslwb.methods.bart import BART
from sslwb.nets.seq2seq import CrossBlock
from sslwb.tasks.seq2seq import (
    Seq2Seq,
    Translator,
    alignment_accuracy,
    attended,
    dictionary,
    translation_scores,
)

SIZES = {"context": 20, "dim": 32, "depth": 2, "heads": 4}


def g(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(*shape: int, high: int = 20, seed: int = 1) -> Tensor:
    return torch.randint(WORDS, high, shape, generator=g(seed))


@pytest.fixture(scope="module")
def sentence_pairs() -> tuple[Pairs, Pairs]:
    """600 pairs in two languages, and 100 that say other things."""
    train = sentences(make_tales(400, seed=3))
    test = unseen(sentences(make_tales(200, "test", seed=3)), train)
    order = torch.randperm(len(train), generator=g(2))[:600]
    return parallel(train[order], "verb-last", most=16), parallel(test[:100], "verb-last", most=16)


# ── spans


def slow_corruption(x: list[int], hidden: list[bool]) -> tuple[list[int], list[int]]:
    """What is read, and what is missing: span by span."""
    read, missing = [], []
    for i, (word, gone) in enumerate(zip(x, hidden, strict=True)):
        if word == PAD:
            continue
        if not gone:
            read.append(word)
            continue
        if i == 0 or not hidden[i - 1]:
            read.append(MASK)
            missing.append(MASK)
        missing.append(word)
    return read, missing


@pytest.mark.parametrize(("p", "mean"), [(0.15, 3.0), (0.3, 3.0), (0.5, 2.0), (0.3, 1 / 0.7)])
def test_each_word_is_hidden_as_often_as_it_shall_be(p: float, mean: float) -> None:
    """Each place with probability p, and spans of the mean that is asked for: within five standard errors."""
    n, length = 4000, 60
    hidden = tokens.in_spans(torch.rand(n, length, generator=g(4)), p, mean)
    spread = math.sqrt(p * (1 - p) / n)
    assert (hidden.float().mean(0) - p).abs().max() < 5 * spread
    inside = hidden[:, 1:] & hidden[:, :-1]  # a hidden place goes on with probability 1 - 1 / mean
    asked = hidden[:, :-1].sum()
    assert abs(int(inside.sum()) / int(asked) - (1 - 1 / mean)) < 5 * math.sqrt(0.25 / int(asked))
    spans = [len([*run]) for row in hidden[:400].tolist() for gone, run in itertools.groupby(row[1:-1]) if gone]
    assert abs(sum(spans) / len(spans) / mean - 1) < 0.15  # both ends of a text cut spans off


def test_hidden_spans_are_what_a_chain_gives_step_by_step() -> None:
    draw, p, mean = torch.rand(50, 30, generator=g(6), dtype=torch.float64), 0.3, 2.5
    stay, enter = 1 - 1 / mean, p / (mean * (1 - p))
    for row, found in zip(draw.tolist(), tokens.in_spans(draw, p, mean).tolist(), strict=True):
        state = [row[0] < p]
        for number in row[1:]:
            state.append(number < (stay if state[-1] else enter))
        assert found == state


@pytest.mark.parametrize("whole", [True, False])
def test_corruption_is_what_loops_give(whole: bool) -> None:
    x = numbers(40, 17)
    x[3, 5:], x[4, 1:], x[7, 6] = PAD, PAD, SEP
    views = tokens.corrupt(0.4, 2.0, whole=whole)(x, g(3))
    hidden = tokens.in_spans(torch.rand(x.shape, generator=g(3)), 0.4, 2.0) & (x >= WORDS)
    widest = 0
    for row in range(len(x)):
        read, missing = slow_corruption(x[row].tolist(), hidden[row].tolist())
        words = [w for w in x[row].tolist() if w] if whole else missing
        widest = max(widest, len(words))
        assert views.read[row].tolist() == read + [PAD] * (views.read.shape[1] - len(read))
        assert views.given[row, : len(words) + 1].tolist() == [SEP, *words]
        assert views.targets[row].tolist() == [*words, SEP] + [PAD] * (views.targets.shape[1] - len(words) - 1)
    assert views.targets.shape == views.given.shape == (40, widest + 1)


def test_a_corruption_is_new_each_time_and_the_generators_own() -> None:
    x, before = numbers(30, 12), torch.get_rng_state()
    views = tokens.corrupt()
    one, same, other = (views(x, g(seed)).read for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert one.shape != other.shape or not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
    wide = views(F.pad(x, (0, 5)), g(1))
    assert wide.read.shape[1] <= 12  # columns of padding are left out, and cost nothing
    assert rebuild(describe(views)) == views


def test_a_text_may_be_hidden_whole_and_signs_never_are() -> None:
    views = tokens.corrupt(0.99, 100.0)(torch.tensor([[5, 6, SEP, 7], [SEP, SEP, PAD, PAD]]), g())
    assert views.read.tolist() == [[MASK, SEP, MASK], [SEP, SEP, PAD]]
    assert views.targets.tolist() == [[5, 6, SEP, 7, SEP], [SEP, SEP, SEP, PAD, PAD]]


def test_a_translation_is_read_and_written(sentence_pairs: tuple[Pairs, Pairs]) -> None:
    pairs = sentence_pairs[0][:9]
    views = tokens.translation()(pairs, g())
    for row in range(9):
        a, b = ([w for w in side.x[row].tolist() if w] for side in (pairs.a, pairs.b))
        assert views.read[row][views.read[row] != PAD].tolist() == a
        assert views.given[row, : len(b) + 1].tolist() == [SEP, *b]
        assert views.targets[row][views.targets[row] != PAD].tolist() == [*b, SEP]
    with pytest.raises(TypeError, match="batch is Texts; expected a container of pairs"):
        tokens.translation()(pairs.a, g())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: tokens.corrupt(0), "p is 0; expected a share of the words between 0 and 1"),
        (lambda: tokens.corrupt(1.0), "p is 1"),
        (lambda: tokens.corrupt(0.5, 1.5), r"mean is 1\.5 with p = 0\.5; expected 2 words or more"),
        (lambda: tokens.corrupt(0.3, math.inf), "mean is inf"),
        (lambda: tokens.corrupt(0.3, math.nan), "mean is nan"),
    ],
)
def test_spans_without_sense_are_reported(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


# ── the encoder-decoder


def drawn(module: nn.Module, seed: int = 7) -> nn.Module:
    """Every weight drawn anew: what begins as the identity would tell little."""
    for p in module.parameters():
        with torch.no_grad():
            p.copy_(0.3 * torch.randn(p.shape, generator=g(seed)) + (p.ndim == 1))
        seed += 1
    return module.eval()


@torch.no_grad()
def test_a_layer_is_torchs_decoder_layer() -> None:
    ours: Any = drawn(CrossBlock(24, 3, 8))
    theirs = nn.TransformerDecoderLayer(24, 3, 96, 0.0, F.gelu, batch_first=True, norm_first=True).eval()
    w = dict(ours.state_dict())
    copied = {
        "self_attn.in_proj_weight": w["qkv.weight"],
        "self_attn.in_proj_bias": w["qkv.bias"],
        "multihead_attn.in_proj_weight": torch.cat((w["query.weight"], w["key_value.weight"])),
        "multihead_attn.in_proj_bias": torch.cat((w["query.bias"], w["key_value.bias"])),
    }
    names = {"self_attn.out_proj": "out", "multihead_attn.out_proj": "taken", "linear1": "mlp.0", "linear2": "mlp.2"}
    for there, here in {**names, "norm1": "norm1", "norm2": "norm3", "norm3": "norm2"}.items():
        copied |= {f"{there}.{kind}": w[f"{here}.{kind}"] for kind in ("weight", "bias")}
    theirs.load_state_dict(copied)
    x, read = torch.randn(5, 6, 24, generator=g(1)), torch.randn(5, 8, 24, generator=g(2))
    seen = torch.arange(8) < torch.tensor([[8], [3], [1], [7], [5]])
    later = nn.Transformer.generate_square_subsequent_mask(6)
    expected = theirs(x, read, later, memory_key_padding_mask=~seen, tgt_is_causal=True)
    assert torch.allclose(ours(x, seen, read), expected, atol=1e-5)
    of_itself = ours.of_itself(x)
    _, weights = theirs.multihead_attn(
        ours.norm3(of_itself), read, read, key_padding_mask=~seen, average_attn_weights=False
    )
    assert torch.allclose(ours.cross_attention(x, seen, read), weights, atol=1e-5)


@pytest.mark.parametrize("mimetic", [True, False])
@torch.no_grad()
def test_an_encoder_decoder_is_its_layers_one_behind_the_other(mimetic: bool) -> None:
    net: Any = drawn(nets.encoder_decoder(20, **SIZES, mimetic=mimetic, seed=3))
    source, given = numbers(4, 9), numbers(4, 7, seed=2)
    source[1, 5:] = PAD
    x = net.norm_given(net.words.weight[given] + net.places.weight[:7])
    for block in net.decoder:
        x = block(x, source != PAD, net.features(source))
    assert torch.allclose(net.decoded(source, given), net.norm_said(x), atol=1e-5)
    assert torch.allclose(net.logits(x), x @ net.words.weight.T, atol=1e-5)
    assert net(source).shape == (4, 32) == (4, net.dim)


@torch.no_grad()
def test_a_later_word_cannot_change_an_earlier_prediction() -> None:
    net = nets.encoder_decoder(20, **SIZES, seed=3)
    source, given = numbers(4, 9), numbers(4, 12, seed=2)
    h = net.decoded(source, given)
    for t in range(1, 12):
        other = given.clone()
        other[:, t:] = numbers(4, 12 - t, seed=t + 5)
        changed = net.decoded(source, other)
        assert torch.equal(changed[:, :t], h[:, :t])
        assert not torch.allclose(changed[:, t], h[:, t])


@torch.no_grad()
def test_padding_changes_nothing_and_every_word_that_is_read_something() -> None:
    net = nets.encoder_decoder(20, **SIZES, seed=3)
    source, given = numbers(3, 9), numbers(3, 6, seed=2)
    source[1, 5:] = PAD
    h = net.decoded(source, given)
    assert torch.allclose(net.decoded(F.pad(source, (0, 4)), given), h, atol=1e-6)
    assert torch.allclose(net.decoded(source[1:2, :5], given[1:2]), h[1:2], atol=1e-6)
    assert torch.allclose(net.decoded(source, F.pad(given, (0, 3)))[:, :6], h, atol=1e-6)
    for place in range(5):
        other = source.clone()
        other[1, place] = WORDS + (source[1, place] - WORDS + 1) % 17
        assert not torch.allclose(net.decoded(other, given)[1], h[1], atol=1e-4)


@torch.no_grad()
def test_cross_attention_on_request_sums_to_one_and_leaves_padding_out() -> None:
    net = nets.encoder_decoder(20, **SIZES, seed=3)
    source, given = numbers(3, 9), numbers(3, 6, seed=2)
    source[1, 5:] = PAD
    for layer in (0, 1, -1):
        a = net.cross_attention(source, given, layer)
        assert a.shape == (3, 4, 6, 9)
        assert torch.allclose(a.sum(3), torch.ones(3, 4, 6), atol=1e-5)
        assert not a[1, :, :, 5:].any()
    assert torch.equal(net.cross_attention(source, given, 1), net.cross_attention(source, given))
    with pytest.raises(IndexError, match="layer is 2; this decoder has the layers 0 to 1"):
        net.cross_attention(source, given, 2)


@torch.no_grad()
def test_what_is_written_is_the_likeliest_word_each_time() -> None:
    """Word by word with the whole net, and never PAD or MASK, whatever their scores."""
    net: Any = drawn(nets.encoder_decoder(9, **SIZES, seed=3), 32)  # a draw of which texts end early and late
    for p in net.parameters():
        p.mul_(2 if p.ndim > 1 else 1)
    net.words.weight[[PAD, MASK]] *= 30
    source = numbers(40, 6, high=9)
    source[3, 2:] = PAD
    said = net.write(source)
    assert said.shape[1] <= 19
    ends: Counter[int] = Counter()
    for row in range(40):
        given, words = [SEP], []
        while len(words) < 19:
            scores = net.logits(net.decoded(source[row : row + 1], torch.tensor([given])))[0, -1]
            scores[[PAD, MASK]] = -torch.inf
            word = int(scores.argmax())
            if word == SEP:
                break
            words.append(word)
            given.append(word)
        ends[len(words)] += 1
        assert said[row].tolist() == words + [PAD] * (said.shape[1] - len(words))
    assert len(ends) > 2  # texts ended here and there
    assert net.write(source, 2).shape == (40, 2)


def test_weights_depend_on_the_seed_alone() -> None:
    one, same, other = (nets.encoder_decoder(20, **SIZES, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    rebuilt: Any = rebuild(describe(nets.encoder_decoder(20, **SIZES, seed=1)))
    assert all(torch.equal(one[name], value) for name, value in rebuilt.state_dict().items())


@torch.no_grad()
def test_where_first_weights_are_mimetic_a_place_looks_for_its_like() -> None:
    """What the first weights are for: the same word in what is read gets more than another one at the same place."""
    for mimetic in (True, False):
        net = nets.encoder_decoder(200, context=20, dim=64, depth=2, heads=4, mimetic=mimetic, seed=3)
        source = numbers(64, 8, high=200)
        a = net.cross_attention(source, torch.cat((torch.full((64, 1), SEP), source), 1), 0).mean(1)[:, 1:]
        same = float(a.diagonal(dim1=1, dim2=2).mean())
        assert (same > 1.5 / 8) is mimetic


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda n, x: n.decoded(x, x[:2]), ValueError, r"given has shape \(2, 6\) beside 3 texts"),
        (lambda n, x: n.decoded(x, numbers(3, 21)), ValueError, "T up to 20, the context"),
        (lambda n, x: n.decoded(x, x + 30), ValueError, "words of given run to"),
        (lambda n, x: n.decoded(x, x.float()), TypeError, r"given is torch\.float32"),
        (lambda n, x: n.decoded(x * 0, x), ValueError, "text 0 is empty"),
        (lambda n, x: n.write(x, 20), ValueError, "most is 20; expected 1 to 19"),
        (lambda n, x: n.write(x, 0), ValueError, "most is 0"),
        (lambda n, x: nets.encoder_decoder(20, dim=10, heads=4), ValueError, "dim is 10 with 4 heads"),
        (lambda n, x: nets.encoder_decoder(0), ValueError, "vocabulary is 0"),
        (lambda n, x: BART(nets.bert(20)), TypeError, "which reads and does not write"),
        (lambda n, x: BART(n)([x, x]), ValueError, r"views holds 2 tensor\(s\); expected read, given, targets"),
        (lambda n, x: BART(n)([x, x, x * 0]), ValueError, "targets ask for no word"),
    ],
)
def test_what_cannot_be_read_or_written_is_reported(
    ask: Callable[[Any, Tensor], Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        ask(nets.encoder_decoder(20, **SIZES, seed=3), numbers(3, 6))


@torch.no_grad()
def test_barts_loss_is_what_loops_give() -> None:
    method: Any = BART(drawn(nets.encoder_decoder(20, **SIZES, seed=3)))
    views = tokens.corrupt(0.4, 2.0)(numbers(6, 9), g(1))
    views = Rewriting(views.read, views.given, views.targets)
    nats = []
    for row in range(6):
        scores = method.encoder.logits(method.encoder.decoded(views.read[row : row + 1], views.given[row : row + 1]))[0]
        for t, word in enumerate(views.targets[row].tolist()):
            if word != PAD:
                total = sum(math.exp(float(s)) for s in scores[t])
                nats.append(-math.log(math.exp(float(scores[t, word])) / total))
    assert math.isclose(float(method(views)["loss"]), sum(nats) / len(nats), rel_tol=1e-4)
    assert method.answers(views).tolist() == [w for row in views.targets.tolist() for w in row if w]


# ── the measures


def slow_chrf(said: list[str], right: list[str]) -> float:
    """Popović 2015: of runs of 1 to 6 characters without spaces, mean precision and recall, F with beta = 2."""
    precisions, recalls = [], []
    for n in range(1, 7):
        of_said = of_right = both = 0
        for a, b in zip(said, right, strict=True):
            one, other = ("".join(text.split()) for text in (a, b))
            runs = [Counter(text[i : i + n] for i in range(len(text) - n + 1)) for text in (one, other)]
            of_said, of_right = of_said + runs[0].total(), of_right + runs[1].total()
            both += (runs[0] & runs[1]).total()
        if of_said and of_right:
            precisions.append(both / of_said)
            recalls.append(both / of_right)
    if not precisions:
        return 0.0
    p, r = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 100 * 5 * p * r / (4 * p + r) if p + r else 0.0


def slow_bleu(said: list[str], right: list[str]) -> float:
    """Papineni et al. 2002, words between spaces: the geometric mean of four precisions, times the brevity penalty."""
    logs = 0.0
    for n in range(1, 5):
        both = total = 0
        for a, b in zip(said, right, strict=True):
            one, other = a.split(), b.split()
            runs = [Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in (one, other)]
            both, total = both + (runs[0] & runs[1]).total(), total + runs[0].total()
        logs += math.log(both / total) / 4
    c, r = (sum(len(text.split()) for text in texts) for texts in (said, right))
    return 100 * min(1.0, math.exp(1 - r / c)) * math.exp(logs)


SAID = ["lily went to the old beach today", "ben was happy and sang a song", "", "the the the the the cat"]
RIGHT = ["lily went to the beach", "then ben was happy and sang a new song", "she slept", "the cat sat on the mat"]


def test_measures_are_what_they_are_by_hand() -> None:
    found = translation_scores(SAID, RIGHT)
    assert math.isclose(found["chrF"], slow_chrf(SAID, RIGHT), rel_tol=1e-6)
    assert math.isclose(found["BLEU"], slow_bleu(SAID, RIGHT), rel_tol=1e-6)
    assert found["exact"] == 0
    one = translation_scores([*SAID[:1], RIGHT[1]], RIGHT[:2])
    assert math.isclose(one["BLEU"], slow_bleu([*SAID[:1], RIGHT[1]], RIGHT[:2]), rel_tol=1e-6)
    assert one["exact"] == 0.5


def test_measures_know_their_bounds() -> None:
    best, worst = translation_scores(RIGHT, RIGHT), translation_scores(["", "", "", ""], RIGHT)
    assert all(math.isclose(best[name], 1 if name == "exact" else 100, rel_tol=1e-9) for name in best)
    assert worst == {"chrF": 0, "BLEU": 0, "exact": 0}
    assert translation_scores(["so it is ."], ["so it is."])["exact"] == 0  # to the last sign
    assert translation_scores(["a b"], ["a b"])["BLEU"] == 0  # no run of four words


@pytest.mark.parametrize(
    ("said", "right", "error", "message"),
    [
        (["a"], ["a", "b"], ValueError, "said has 1 texts and right 2; expected as many"),
        ([], [], ValueError, "said has 0 texts"),
        (["a"], [" "], ValueError, r"right\[0\] is empty"),
        ("a", ["a"], TypeError, "said is no list of str"),
        ([1], ["a"], TypeError, "said is no list of str"),
    ],
)
def test_texts_that_cannot_be_compared_are_reported(
    said: Any, right: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        translation_scores(said, right)


# ── the task


class Knowing(nn.Module):
    """Stands for the net of a translator and looks the answer up."""

    dim = 4

    def __init__(self, pairs: Pairs) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.known = {tuple(w for w in a if w): b for a, b in zip(pairs.a.x.tolist(), pairs.b.x.tolist(), strict=True)}

    def write(self, source: Tensor, most: int) -> Tensor:
        return torch.tensor([self.known[tuple(w for w in row if w)] for row in source.tolist()])[:, :most]


def test_who_knows_the_answers_scores_full_marks_and_who_says_nothing_none(
    sentence_pairs: tuple[Pairs, Pairs],
) -> None:
    train, test = sentence_pairs
    task = Seq2Seq(steps=1)
    knowing: Any = Knowing(test)
    full = task(Translator(knowing, 16), train, test)
    assert math.isclose(full["chrF"], 100, rel_tol=1e-9)
    assert math.isclose(full["BLEU"], 100, rel_tol=1e-9)
    assert full["exact"] == 1
    knowing.known = dict.fromkeys(knowing.known, [PAD] * 16)
    assert task(Translator(knowing, 16), train, test) == {"chrF": 0, "BLEU": 0, "exact": 0}


def test_a_task_trains_a_copy_and_the_same_each_time(sentence_pairs: tuple[Pairs, Pairs]) -> None:
    train, test = sentence_pairs
    net = nets.encoder_decoder(len(ALL_WORDS), 20, 32, 2, 4, seed=1)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    task = Seq2Seq(steps=8, lr=5e-3, pairs=100)
    one, other = (task.fitted(net, train) for _ in range(2))
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    few = task.fitted(net, train[:100])  # the first ones are those that it takes
    assert all(torch.equal(value, few.state_dict()[name]) for name, value in one.state_dict().items())
    assert one.translate(test.a).x.shape == test.b.x.shape
    assert task(one, train, test) == task(net, train, test)
    assert rebuild(describe(task)) == task


@pytest.mark.long
def test_a_net_that_learns_from_pairs_beats_a_memory_of_them(sentence_pairs: tuple[Pairs, Pairs]) -> None:
    """Of 600 pairs, on sentences that none of them says."""
    train, test = sentence_pairs
    task = Seq2Seq(steps=200, batch_size=32, lr=8e-3)
    found = task(nets.encoder_decoder(len(ALL_WORDS), 20, 32, 2, 4, mimetic=True, seed=1), train, test)
    memory = task(WithoutEncoder(1), train, test)
    assert memory["exact"] == 0
    assert found["exact"] > 0.3
    assert found["chrF"] > memory["chrF"] + 5


def test_a_table_has_a_row_for_each_encoder(sentence_pairs: tuple[Pairs, Pairs]) -> None:
    train, test = sentence_pairs
    net = nets.encoder_decoder(len(ALL_WORDS), 20, 16, 1, 2, seed=1)
    rows = evaluate(net, train, test, task=Seq2Seq(steps=2, pairs=50)).rows
    assert [*rows] == ["word counts, word counts", "random encoder", "this encoder", "supervised"]
    assert all({*row} == {"chrF", "BLEU", "exact"} for row in rows.values())
    nearest = test.a.alike(train.a[:50]).argmax(1)
    assert rows["word counts, word counts"] == translation_scores(train.b[nearest].lines(), test.b.lines())


def slow_model_1(pairs: list[tuple[list[int], list[int]]], rounds: int) -> dict[tuple[int, int], float]:
    """Brown et al. 1993, model 1 without the empty word: t(b | a) by expectation maximisation, in loops."""
    t: dict[tuple[int, int], float] = {(a, b): 1.0 for one, other in pairs for a in one for b in other}
    for _ in range(rounds):
        count: Counter[tuple[int, int]] = Counter()
        for one, other in pairs:
            for b in other:
                total = sum(t[a, b] for a in one)
                for a in one:
                    count[a, b] += t[a, b] / total  # type: ignore[assignment]
        of_a: Counter[int] = Counter()
        for (a, _), n in count.items():
            of_a[a] += n  # type: ignore[assignment]
        t = {(a, b): n / of_a[a] for (a, b), n in count.items()}
    return t


def test_a_dictionary_is_ibms_first_model(sentence_pairs: tuple[Pairs, Pairs]) -> None:
    pairs = sentence_pairs[0][:40]
    rows = [
        ([w for w in a if w], [w for w in b if w]) for a, b in zip(pairs.a.x.tolist(), pairs.b.x.tolist(), strict=True)
    ]
    expected, found = slow_model_1(rows, 5), dictionary(pairs, 5).chances
    for (a, b), chance in expected.items():
        assert math.isclose(float(found[a, b]), chance, rel_tol=1e-3, abs_tol=1e-6)
    assert math.isclose(float(found.sum()), len({a for a, _ in expected}), rel_tol=1e-4)


def test_a_dictionary_of_many_pairs_finds_who_translates_whom() -> None:
    every = sentences(make_tales(400, seed=3))
    pairs, truth = parallel(every, "mirror", most=16), aligned(every, "mirror")
    truth = F.pad(truth, (0, 16 - truth.shape[1]), value=-1)
    known = dictionary(pairs)
    assert alignment_accuracy(known.align(pairs), truth) > 0.9
    assert known.translate(pairs.a).x.shape == pairs.a.x.shape
    unmet = Texts(torch.tensor([[MASK, SEP]]), vocabulary=ALL_WORDS)
    assert known.translate(unmet).x.tolist() == [[MASK, SEP]]  # what no pair had stays as it is


def test_alignment_accuracy_counts_words_with_a_partner() -> None:
    truth = torch.tensor([[0, 2, 1, -1], [1, 0, -1, -1]])
    assert alignment_accuracy(truth, truth) == 1
    assert alignment_accuracy(torch.tensor([[0, 1, 1, 7], [1, 1, 0, 0]]), truth) == pytest.approx(3 / 5)
    with pytest.raises(ValueError, match=r"found has shape \(2, 3\) and truth \(2, 4\)"):
        alignment_accuracy(truth[:, :3], truth)
    with pytest.raises(ValueError, match="truth has no word with a partner"):
        alignment_accuracy(truth, truth * 0 - 1)


def test_where_a_decoder_looks_is_where_its_attention_is_most(sentence_pairs: tuple[Pairs, Pairs]) -> None:
    pairs = sentence_pairs[1][:6]
    net = nets.encoder_decoder(len(ALL_WORDS), 20, 16, 2, 2, seed=1)
    found = attended(net, pairs, 0)
    assert torch.equal(found < 0, pairs.b.x == PAD)
    for row in range(6):
        a, b = ([w for w in side.x[row].tolist() if w] for side in (pairs.a, pairs.b))
        looks = net.cross_attention(torch.tensor([a]), torch.tensor([[SEP, *b]]), 0)[0].mean(0)
        assert found[row, : len(b)].tolist() == looks[: len(b)].argmax(1).tolist()
    with pytest.raises(TypeError, match="encoder is Linear; expected nets"):
        attended(nn.Linear(2, 2), pairs)


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda n, a, b: Seq2Seq(pairs=1), ValueError, "pairs is 1; expected 2 or more"),
        (lambda n, a, b: Seq2Seq(pairs=700)(n, a, b), ValueError, "pairs is 700, and train has 600"),
        (lambda n, a, b: Seq2Seq()(n, a, b.a), TypeError, "test is Texts; expected Pairs of Texts"),
        (
            lambda n, a, b: Seq2Seq()(n, Pairs(a.a, Images(torch.zeros(len(a), 1, 4, 4, dtype=torch.uint8))), b),
            TypeError,
            "train is Pairs of Texts and Images; expected Pairs of Texts",
        ),
        (
            lambda n, a, b: Seq2Seq()(n, Pairs(a.a, replace(a.b, vocabulary=(*ALL_WORDS, "x"), tokenizer=None)), b),
            ValueError,
            "the sides of train have vocabularies of 492 and 493 words; expected one list",
        ),
        (
            lambda n, a, b: Seq2Seq()(n, a, Pairs(b.a, replace(b.b, x=b.b.x * (torch.arange(len(b)) != 7)[:, None]))),
            ValueError,
            "test: text 7 of side b has no word; expected a text and its translation",
        ),
        (
            lambda n, a, b: Seq2Seq()(nets.encoder_decoder(100), a, b),
            ValueError,
            r"train has a vocabulary of 492 words and the encoder knows 100; expected nets\.encoder_decoder\(492",
        ),
        (lambda n, a, b: Seq2Seq()(nets.bert(492), a, b), TypeError, "which reads and does not write"),
        (lambda n, a, b: dictionary(a, 0), ValueError, "rounds is 0"),
    ],
)
def test_what_cannot_be_learned_is_reported(
    ask: Callable[[Any, Pairs, Pairs], Any],
    error: type[Exception],
    said: str,
    sentence_pairs: tuple[Pairs, Pairs],
) -> None:
    net = nets.encoder_decoder(len(ALL_WORDS), 20, 16, 1, 2, seed=1)
    with pytest.raises(error, match=said):
        ask(net, *sentence_pairs)
