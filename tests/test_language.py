"""Words: masks and pairs, encoders of texts, BERT and GPT against slow oracles and against `transformers`."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import tokens
from sslwb.core import MASK, PAD, SEP, WORDS
from sslwb.data import Texts, load
from sslwb.data.pairs import sentence_pairs
from sslwb.evaluate import embed, evaluate, fine_tune, knn, label_curve, linear, probe_causes, raw, untrained
from sslwb.methods.bert import BERT, mlm_loss
from sslwb.methods.gpt import GPT, next_token_loss, sampled
from sslwb.nets.transformer import Block
from sslwb.train import fit

V = 167  # words of the tales


def g(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def tales() -> Texts:
    return load("tales", n=256, seed=3)


@pytest.fixture(scope="module")
def pairs(tales: Texts) -> Texts:
    return sentence_pairs(tales)


def numbers(*shape: int, high: int = 20, seed: int = 1) -> Tensor:
    return torch.randint(WORDS, high, shape, generator=g(seed))


# ── masks


@pytest.mark.parametrize("static", [False, True])
def test_a_mask_keeps_berts_proportions(static: bool) -> None:
    """15 % are asked; of these 80 % hidden, 10 % replaced, 10 % kept: each within four standard errors."""
    x = numbers(2000, 60, high=1000)
    shown, asked = tokens.mask(1000, static=static)(x, g(4))
    where = asked != PAD
    n = int(where.sum())

    def near(count: Tensor, share: float, of: int) -> bool:
        return abs(int(count) - share * of) < 4 * math.sqrt(share * (1 - share) * of)

    assert near(where.sum(), 0.15, x.numel())
    assert near((shown[where] == MASK).sum(), 0.8, n)
    assert near((shown[where] == x[where]).sum(), 0.1 + 0.1 / 997, n)
    assert near(((shown[where] != x[where]) & (shown[where] != MASK)).sum(), 0.1 * 996 / 997, n)
    assert torch.equal(asked[where], x[where])
    assert torch.equal(shown[~where], x[~where])
    # every place and every text is as likely as any other
    assert where.float().mean(0).sub(0.15).abs().max() < 5 * math.sqrt(0.15 * 0.85 / 2000)
    assert where.float().mean(1).sub(0.15).abs().max() < 5 * math.sqrt(0.15 * 0.85 / 60)


def test_what_replaces_a_word_is_any_word() -> None:
    x = torch.full((4000, 30), 7)
    shown, asked = tokens.mask(13, 0.5, random=1.0, kept=0.0)(x, g())
    counts = torch.bincount(shown[asked != PAD], minlength=13)
    assert counts[:WORDS].sum() == 0
    expected = counts.sum() / 10
    assert (counts[WORDS:] - expected).abs().max() < 5 * expected.sqrt()


@pytest.mark.parametrize("static", [False, True])
def test_padding_and_signs_are_never_asked(static: bool, pairs: Texts) -> None:
    shown, asked = tokens.mask(V, 0.9, static=static)(pairs.x, g())
    fixed = pairs.x[:, : shown.shape[1]] < WORDS
    assert not asked[fixed].any()
    assert torch.equal(shown[fixed], pairs.x[:, : shown.shape[1]][fixed])


def test_a_mask_is_new_each_time_and_the_generators_own(tales: Texts) -> None:
    views = tokens.mask(V)
    before = torch.get_rng_state()
    one, same, other = (views(tales.x, g(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_static_mask_is_the_texts_own(tales: Texts) -> None:
    """Whatever the generator, the other texts of the batch and the padding are."""
    views = tokens.mask(V, static=True)
    shown, asked = views(tales.x, g(1))
    for rows in (torch.arange(255, -1, -1), torch.tensor([9]), torch.arange(5, 40)):
        for x in (tales.x[rows], F.pad(tales.x[rows], (0, 7))):
            again, asked_again = views(x, g(2))
            width = again.shape[1]
            assert torch.equal(again, shown[rows, :width])
            assert torch.equal(asked_again, asked[rows, :width])
    near = tales.x[:1].clone()
    near[0, 0] = WORDS  # one word less alike, and the whole mask is another
    assert ((views(near, g())[1] != PAD) != (asked[:1, : int(tales.lengths[0])] != PAD)).sum() > 2


def test_columns_of_padding_are_left_out(tales: Texts) -> None:
    few = tales[:8]
    assert tokens.mask(V)(few.x, g())[0].shape == (8, int(few.lengths.max()))
    assert tokens.next_token(whole=False)(few.x, g())[0].shape == (8, int(few.lengths.max()))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: tokens.mask(V, 0), "p is 0; expected a share of the words between 0 and 1"),
        (lambda: tokens.mask(V, 1), "p is 1"),
        (lambda: tokens.mask(V, math.nan), "p is nan"),
        (lambda: tokens.mask(V, random=0.8, kept=0.3), "together at most 1"),
        (lambda: tokens.mask(V, random=-0.1), "random is -0.1"),
        (lambda: tokens.mask(3), "vocabulary is 3; expected more than 3"),
        (lambda: tokens.mask(10)(numbers(3, 4), g()), r"vocabulary is 10, but x holds the number 1\d"),
        (lambda: tokens.mask(V, next_sentence=True)(numbers(3, 4), g()), r"x holds 3 text\(s\), of which 0 are pairs"),
    ],
)
def test_masks_without_sense_are_reported(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


# ── pairs


def test_pairs_are_whole_sentences_between_signs(tales: Texts, pairs: Texts) -> None:
    for i in range(40):
        words, starts = tales.x[i, : int(tales.lengths[i])].tolist(), [s for s in tales.starts[i].tolist() if s >= 0]
        cut = starts[len(starts) // 2]
        laid = [SEP, *words[:cut], SEP, *words[cut:], SEP]
        assert pairs.x[i].tolist() == laid + [PAD] * (pairs.x.shape[1] - len(laid))
        moved = [s for s in pairs.starts[i].tolist() if s >= 0]
        assert [laid[s] for s in moved] == [words[s] for s in starts]
        for before, now in zip(tales.answers[i].tolist(), pairs.answers[i].tolist(), strict=True):
            assert now == -1 if before < 0 else laid[now] == words[before]
    assert torch.equal(pairs.labels, tales.labels)


def test_half_of_the_pairs_get_a_strangers_second_half(pairs: Texts) -> None:
    x = pairs.x[:21]
    joined, segments, not_next = tokens.with_random_next(x, g(3))
    assert int(not_next.sum()) == 10

    def halves(row: list[int]) -> tuple[list[int], list[int]]:
        end = row.index(SEP, 1) + 1
        return row[:end], [word for word in row[end:] if word]

    known = [halves(row) for row in x.tolist()]
    for i, row in enumerate(joined.tolist()):
        first, second = halves(row)
        assert first == known[i][0]
        assert (second == known[i][1]) or not_next[i]
        givers = [j for j in range(21) if known[j][1] == second]
        assert givers
        assert (i not in givers) or not not_next[i]
        length = len(first) + len(second)
        expected = [0] * len(first) + [1] * len(second) + [0] * (len(row) - length)
        assert segments[i].tolist() == expected
    shown, asked, *rest = tokens.mask(V, next_sentence=True)(x, g(3))
    assert torch.equal(rest[0][:, : shown.shape[1]], segments[:, : shown.shape[1]])
    assert torch.equal(rest[1], not_next)
    assert torch.equal(torch.where(asked != PAD, asked, shown), joined[:, : shown.shape[1]])


def test_texts_that_cannot_be_halved_are_reported(tales: Texts) -> None:
    with pytest.raises(ValueError, match="does not say where sentences begin"):
        sentence_pairs(replace(tales, starts=None))
    with pytest.raises(ValueError, match="text 0 has fewer than two sentences"):
        sentence_pairs(replace(tales, starts=tales.starts[:, :1]))
    with pytest.raises(ValueError, match=r"x holds 1 text\(s\)"):
        tokens.with_random_next(sentence_pairs(tales).x[:1], g())


def test_whole_texts_begin_and_end() -> None:
    x = torch.tensor([[5, 6, 7, 0], [8, 0, 0, 0]])
    assert tokens.next_token()(x, g())[0].tolist() == [[SEP, 5, 6, 7, SEP], [SEP, 8, SEP, 0, 0]]
    assert tokens.next_token(whole=False)(x, g())[0].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert x.tolist() == [[5, 6, 7, 0], [8, 0, 0, 0]]


# ── the block and the encoders


def slow_attention(block: Block, x: Tensor, seen: Tensor | None) -> Tensor:
    """Vaswani et al. 2017, equation 1, head by head and place by place: (L, dim) → (heads, L, L)."""
    q, k, _ = block.qkv(x if block.post_norm else block.norm1(x)).chunk(3, 1)
    size, rows = q.shape[1] // block.heads, []
    for head in range(block.heads):
        part = slice(head * size, (head + 1) * size)
        for i in range(len(x)):
            there = [j for j in range(len(x)) if (seen is None or bool(seen[j])) and not (block.causal and j > i)]
            scores = [math.exp(float(q[i, part] @ k[j, part]) / math.sqrt(size)) for j in there]
            row = [0.0] * len(x)
            for j, score in zip(there, scores, strict=True):
                row[j] = score / sum(scores)
            rows.append(row)
    return torch.tensor(rows).view(block.heads, len(x), len(x))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("post_norm", [False, True])
@pytest.mark.parametrize("hidden", [0, 2])
@torch.no_grad()
def test_a_block_is_attention_and_a_perceptron(causal: bool, post_norm: bool, hidden: int) -> None:
    if causal and hidden:
        return  # padding comes last, and no word of a causal net sees what comes later
    with nets.seeded(2):
        block, x = Block(8, 2, causal, post_norm), torch.randn(1, 5, 8)
    seen = torch.arange(5)[None] < 5 - hidden if hidden else None
    weights = slow_attention(block, x[0], None if seen is None else seen[0])
    assert torch.allclose(block.attention(x, seen)[0], weights, atol=1e-6)
    values = block.qkv(x if post_norm else block.norm1(x))[0, :, 16:].view(5, 2, 4)
    taken = torch.stack([weights[h] @ values[:, h] for h in range(2)], 1).flatten(1)
    h = x[0] + block.out(taken)
    h = block.norm1(h) if post_norm else h
    h = block.norm2(h + block.mlp(h)) if post_norm else h + block.mlp(block.norm2(h))
    assert torch.allclose(block(x, seen)[0], h, atol=1e-5)


ENCODERS = {"bert": nets.bert, "gpt": nets.gpt}
each_encoder = pytest.mark.parametrize("make", ENCODERS.values(), ids=ENCODERS)


@each_encoder
@torch.no_grad()
def test_padding_changes_nothing(make: Callable[..., Any]) -> None:
    encoder, x = make(20, 16, 8, 2, 2, seed=3), numbers(3, 9)
    x[1, 5:] = PAD
    wide = F.pad(x, (0, 4))
    words = x != PAD
    assert torch.allclose(encoder.features(x)[words], encoder.features(wide)[:, :9][words], atol=1e-6)
    assert torch.allclose(encoder(x), encoder(wide), atol=1e-6)
    assert torch.allclose(encoder(x)[1], encoder.features(x[1:2, :5]).mean(1)[0], atol=1e-6)


@torch.no_grad()
def test_a_later_word_cannot_change_an_earlier_prediction() -> None:
    method, x = GPT(nets.gpt(20, 16, 16, 3, 2, seed=3)), numbers(4, 12)
    logits = method.logits(method.encoder.features(x))
    for t in range(1, 12):
        other = x.clone()
        other[:, t:] = numbers(4, 12 - t, seed=t + 5)
        changed = method.logits(method.encoder.features(other))
        assert torch.equal(changed[:, :t], logits[:, :t])
        assert not torch.allclose(changed[:, t], logits[:, t])
    both = nets.bert(20, 16, 16, 2, 2, seed=3)
    assert not torch.allclose(both.features(other)[:, 0], both.features(x)[:, 0])


@each_encoder
@torch.no_grad()
def test_attention_on_request_is_what_the_layer_used(make: Callable[..., Any]) -> None:
    encoder, x = make(20, 16, 8, 3, 2, seed=3), numbers(2, 6)
    x[1, 4:] = PAD
    h, seen = encoder.embedded(x)
    for layer, block in enumerate(encoder.blocks):
        weights = encoder.attention(x, layer)
        assert torch.allclose(weights, block.attention(h, seen), atol=1e-6)
        assert torch.allclose(weights.sum(3), torch.ones(2, 2, 6), atol=1e-5)
        assert not weights[1, :, :4, 4:].any(), "padding is looked at"
        h = block(h, seen)
    assert torch.equal(encoder.attention(x), encoder.attention(x, 2))
    with pytest.raises(IndexError, match="layer is 3; this encoder has the layers 0 to 2"):
        encoder.attention(x, 3)


@each_encoder
def test_weights_of_an_encoder_depend_on_the_seed_alone(make: Callable[..., Any]) -> None:
    before = torch.get_rng_state()
    one, same, other = make(20, seed=1), make(20, seed=1), make(20, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.words.weight, other.words.weight)
    assert float(one.words.weight.detach().std()) == pytest.approx(0.02 if one.causal else 0.3, rel=0.1)


@torch.no_grad()
def test_berts_heads_begin_near_or_wide() -> None:
    """Before any training: the first layer looks at neighbours, half of the next layer's heads at the whole text."""
    encoder, x = nets.bert(168, 40, 64, 2, 4, seed=1), torch.full((1, 32), MASK)
    apart = (torch.arange(32)[:, None] - torch.arange(32)).abs().float()
    evenly = float(apart.mean())
    first, second = ((encoder.attention(x, i)[0] * apart).sum(2).mean(1) for i in (0, 1))
    assert (first < 0.75 * evenly).all()
    assert (second[:2] < 0.75 * evenly).all()
    assert (second[2:] > 0.95 * evenly).all()
    fresh = untrained(encoder, seed=1)
    assert torch.equal(fresh.positions.weight[:, :16], encoder.positions.weight[:, :16]), (
        "drawn anew it begins otherwise"
    )
    assert torch.equal(fresh.blocks[1].out.weight, encoder.blocks[1].out.weight)
    assert float(fresh.words.weight.std()) == pytest.approx(0.3, rel=0.05)


@each_encoder
@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (torch.tensor([[3, 4], [0, 0]]), ValueError, "text 1 is empty"),
        (torch.zeros(1, 0, dtype=torch.long), ValueError, "text 0 is empty"),
        (numbers(2, 17), ValueError, "a text has 17 words; expected at most 16"),
        (torch.tensor([[3, 20]]), ValueError, "tokens run from 3 to 20; expected 0 to 19"),
        (torch.tensor([[3, -1]]), ValueError, "tokens run from -1 to 3"),
        (numbers(4), ValueError, r"tokens have shape \(4,\); expected \(B, L\)"),
        (torch.rand(2, 4), TypeError, r"tokens are torch\.float32; expected torch\.int64"),
    ],
)
def test_texts_that_an_encoder_cannot_read_are_reported(
    make: Callable[..., Any], x: Tensor, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        make(20, 16, 8, 1, 2)(x)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dim": 10, "heads": 4}, "dim is 10 with 4 heads"),
        ({"vocabulary": 0}, "vocabulary is 0; expected 1 or more"),
        ({"context": 0}, "context is 0"),
        ({"depth": 0}, "depth is 0"),
    ],
)
def test_sizes_without_sense_are_reported(settings: dict[str, int], said: str) -> None:
    for make in ENCODERS.values():
        with pytest.raises(ValueError, match=said):
            make(**{"vocabulary": 20, **settings})


# ── losses


def test_mlm_loss_is_what_loops_give() -> None:
    logits, targets = torch.randn(3, 5, 7, generator=g(1)), torch.tensor([[0, 4, 0, 6, 0], [0] * 5, [1, 0, 0, 0, 2]])
    losses = []
    for b in range(3):
        for t in range(5):
            if targets[b, t]:
                p = [math.exp(v) for v in logits[b, t].tolist()]
                losses.append(-math.log(p[int(targets[b, t])] / sum(p)))
    assert math.isclose(float(mlm_loss(logits, targets)), sum(losses) / 4, rel_tol=1e-5)
    again = logits.clone()
    again[targets == 0] = 99.0
    assert torch.equal(mlm_loss(again, targets), mlm_loss(logits, targets)), "a place that is not asked counts"


def test_next_token_loss_is_what_loops_give() -> None:
    logits, x = torch.randn(2, 4, 7, generator=g(1)), torch.tensor([[3, 4, 6, 5], [5, 1, 0, 0]])
    losses = []
    for b, t in ((0, 1), (0, 2), (0, 3), (1, 1)):
        p = [math.exp(v) for v in logits[b, t - 1].tolist()]
        losses.append(-math.log(p[int(x[b, t])] / sum(p)))
    assert math.isclose(float(next_token_loss(logits, x)), sum(losses) / 4, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (
            lambda: mlm_loss(torch.rand(2, 3, 5), torch.ones(2, 4).long()),
            r"logits has shape \(2, 3, 5\) and \w+ \(2, 4\)",
        ),
        (lambda: mlm_loss(torch.rand(2, 3, 5), torch.zeros(2, 3).long()), "targets ask for no word"),
        (
            lambda: next_token_loss(torch.rand(2, 3, 5), torch.ones(2, 4).long()),
            r"logits has shape \(2, 3, 5\) and \w+ \(2, 4\)",
        ),
        (lambda: next_token_loss(torch.rand(2, 1, 5), torch.ones(2, 1).long()), "no word to predict"),
    ],
)
def test_losses_without_sense_are_reported(loss: Callable[[], Tensor], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        loss()


@torch.no_grad()
def test_bert_scores_only_where_a_word_is_asked(tales: Texts) -> None:
    method = BERT(nets.bert(V, 80, 16, 2, 2))
    views = tokens.mask(V)(tales.x[:9], g())
    whole = mlm_loss(method.logits(method.encoder.features(views[0])), views[1])
    assert torch.allclose(method(views)["loss"], whole, rtol=1e-5)


@torch.no_grad()
def test_bert_on_pairs_adds_its_judgement(pairs: Texts) -> None:
    method = BERT(nets.bert(V, 120, 16, 2, 2), next_sentence=True)
    views = tokens.mask(V, next_sentence=True)(pairs.x[:9], g())
    terms = method(views)
    h = method.encoder.features(views[0], views[2])
    assert torch.allclose(terms["next sentence"], F.cross_entropy(method.judge(h[:, 0]), views[3]), rtol=1e-5)
    assert torch.allclose(terms["loss"], terms["words"] + terms["next sentence"])
    with pytest.raises(ValueError, match=r"views holds 2 tensor\(s\); expected tokens, targets, segments, not_next"):
        method(views[:2])
    with pytest.raises(ValueError, match=r"views holds 4 tensor\(s\); expected tokens, targets: "):
        BERT(method.encoder)(views)


def test_each_method_wants_its_encoder() -> None:
    for make, encoder, error, said in (
        (BERT, nets.gpt(20), ValueError, "encoder is causal"),
        (GPT, nets.bert(20), ValueError, "encoder is not causal"),
        (BERT, nets.conv(4), TypeError, "encoder is ConvEncoder; expected an encoder of texts"),
        (GPT, nets.conv(4), TypeError, "encoder is ConvEncoder; expected an encoder of texts"),
    ):
        with pytest.raises(error, match=said):
            make(encoder)
    with pytest.raises(ValueError, match="views holds 2 tensors; expected tokens alone"):
        GPT(nets.gpt(20))([numbers(2, 3), numbers(2, 3)])


def test_fill_gives_a_probability_for_every_word_behind_every_mask() -> None:
    method, x = BERT(nets.bert(20, 16, 8, 1, 2)), numbers(2, 6)
    x[0, 1] = x[1, 4] = x[1, 2] = MASK
    p = method.fill(x)
    assert p.shape == (3, 20)
    assert torch.allclose(p.sum(1), torch.ones(3), atol=1e-5)
    logits = method.logits(method.encoder.features(x))
    assert torch.allclose(p[1], logits[1, 2].softmax(0), atol=1e-6), "not in reading order"
    assert torch.allclose(
        method.fill(torch.where(x == MASK, 19, x), mask=19), method.fill(torch.where(x == MASK, 19, x), 19)
    )
    with pytest.raises(ValueError, match="tokens hold no MASK"):
        method.fill(numbers(2, 6))


# ── the same numbers as transformers


def drawn(model: nn.Module) -> nn.Module:
    """Weights far enough from their first values that nothing is near zero."""
    generator = g(6)
    for p in model.parameters():
        noise = torch.randn(p.shape, generator=generator)
        p.data = 0.2 * noise if p.ndim > 1 else p.data + 0.2 * noise
    return model.eval()


def from_transformers(model: Any) -> BERT:
    """The same net with the weights of `transformers`' BertForMaskedLM or BertForPreTraining."""
    c, w = model.config, model.state_dict()
    sizes = c.vocab_size, c.max_position_embeddings, c.hidden_size, c.num_hidden_layers, c.num_attention_heads
    pair = "cls.seq_relationship.weight" in w
    ours = BERT(nets.bert(*sizes), next_sentence=pair)
    copied: dict[str, Tensor] = {"bias": w["cls.predictions.bias"]}
    names = {
        "encoder.words": "bert.embeddings.word_embeddings",
        "encoder.positions": "bert.embeddings.position_embeddings",
        "encoder.segments": "bert.embeddings.token_type_embeddings",
        "encoder.norm": "bert.embeddings.LayerNorm",
        "transform.0": "cls.predictions.transform.dense",
        "transform.2": "cls.predictions.transform.LayerNorm",
        **({"judge.0": "bert.pooler.dense", "judge.2": "cls.seq_relationship"} if pair else {}),
    }
    for i in range(c.num_hidden_layers):
        here, there = f"encoder.blocks.{i}", f"bert.encoder.layer.{i}"
        names |= {
            f"{here}.out": f"{there}.attention.output.dense",
            f"{here}.norm1": f"{there}.attention.output.LayerNorm",
            f"{here}.mlp.0": f"{there}.intermediate.dense",
            f"{here}.mlp.2": f"{there}.output.dense",
            f"{here}.norm2": f"{there}.output.LayerNorm",
        }
        for part in ("weight", "bias"):
            asked = [w[f"{there}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            copied[f"{here}.qkv.{part}"] = torch.cat(asked)
    for ours_name, name in names.items():
        copied |= {f"{ours_name}.{p}": w[f"{name}.{p}"] for p in ("weight", "bias") if f"{name}.{p}" in w}
    ours.load_state_dict(copied)
    return ours.eval()


@pytest.mark.parametrize("kind", ["BertForPreTraining", "BertForMaskedLM"])
@torch.no_grad()
def test_bert_is_transformers_bert(kind: str) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=20,
        attn_implementation="eager",
    )
    theirs = drawn(getattr(transformers, kind)(config))
    ours = from_transformers(theirs)
    x = numbers(4, 12, high=50)
    x[0, 8:] = x[2, 5:] = PAD
    pair = kind == "BertForPreTraining"
    segments = (torch.arange(12) > 3).long().expand(4, -1) if pair else torch.zeros_like(x)
    asked = torch.where(torch.rand(4, 12, generator=g()) < 0.4, x, PAD)
    not_next = torch.tensor([0, 1, 1, 0])
    out = theirs(
        x,
        attention_mask=(x != PAD).long(),
        token_type_ids=segments,
        labels=torch.where(asked == PAD, -100, asked),
        output_hidden_states=True,
        output_attentions=True,
        **({"next_sentence_label": not_next} if pair else {}),
    )
    words = x != PAD
    h, seen = ours.encoder.embedded(x, segments)
    assert torch.allclose(h, out.hidden_states[0], atol=1e-5)
    for i, block in enumerate(ours.encoder.blocks):
        weights = ours.encoder.attention(x, i, segments)
        assert torch.allclose(weights.transpose(1, 2)[words], out.attentions[i].transpose(1, 2)[words], atol=1e-5)
        h = block(h, seen)
        assert torch.allclose(h[words], out.hidden_states[i + 1][words], atol=1e-5)
    scores = out.prediction_logits if pair else out.logits
    assert torch.allclose(ours.logits(h)[words], scores[words], atol=2e-5)
    views = [x, asked, segments, not_next] if pair else [x, asked]
    assert math.isclose(float(ours(views)["loss"]), float(out.loss), rel_tol=1e-5)


@torch.no_grad()
def test_gpt_is_transformers_gpt2() -> None:
    """GPT-2 with the exact GELU instead of its approximation by a tanh."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=50,
        n_positions=20,
        n_embd=32,
        n_layer=3,
        n_head=4,
        activation_function="gelu",
        attn_implementation="eager",
    )
    theirs, ours = drawn(transformers.GPT2LMHeadModel(config)), GPT(nets.gpt(50, 20, 32, 3, 4))
    w = theirs.state_dict()
    copied = {
        "encoder.words.weight": w["transformer.wte.weight"],
        "encoder.positions.weight": w["transformer.wpe.weight"],
    }
    names = {"encoder.norm": "ln_f"}
    for i in range(3):
        parts = {"norm1": "ln_1", "norm2": "ln_2", "qkv": "attn.c_attn", "out": "attn.c_proj", "mlp.0": "mlp.c_fc"}
        names |= {f"encoder.blocks.{i}.{a}": f"h.{i}.{b}" for a, b in {**parts, "mlp.2": "mlp.c_proj"}.items()}
    for name, there in names.items():
        weight = w[f"transformer.{there}.weight"]
        copied[f"{name}.weight"] = weight.T if weight.ndim > 1 else weight  # GPT-2 keeps its matrices turned
        copied[f"{name}.bias"] = w[f"transformer.{there}.bias"]
    ours.load_state_dict(copied)
    x = numbers(4, 12, high=50)
    out = theirs(x, labels=x, output_attentions=True)
    assert torch.allclose(ours.logits(ours.encoder.features(x)), out.logits, atol=2e-5)
    assert torch.allclose(ours.encoder.attention(x, 1), out.attentions[1], atol=1e-5)
    assert math.isclose(float(ours([x])["loss"]), float(out.loss), rel_tol=1e-5)


# ── sampling


def test_sampling_follows_the_probabilities() -> None:
    logits = torch.tensor([0.5, 0.2, 0.2, 0.1]).log()
    for settings, expected in (
        ({}, (0.5, 0.2, 0.2, 0.1)),
        ({"temperature": 0.5}, (25 / 34, 4 / 34, 4 / 34, 1 / 34)),
        ({"top_k": 1}, (1, 0, 0, 0)),
        ({"top_k": 9}, (0.5, 0.2, 0.2, 0.1)),
        ({"top_p": 0.5}, (1, 0, 0, 0)),
        ({"top_p": 0.85}, (5 / 9, 2 / 9, 2 / 9, 0)),
        ({"top_p": 1e-9}, (1, 0, 0, 0)),
    ):
        words = sampled(logits.expand(20_000, 4), g(), **settings)
        share = torch.bincount(words, minlength=4) / 20_000
        assert torch.allclose(share, torch.tensor(expected).float(), atol=0.015), settings
        assert not share[torch.tensor(expected) == 0].any(), settings


def test_words_out_of_order_keep_their_numbers() -> None:
    words = sampled(torch.tensor([[0.0, 3.0, 1.0, 9.0]]).expand(500, 4), g(), top_k=2)
    assert set(words.tolist()) <= {1, 3}


def test_padding_and_mask_are_never_drawn() -> None:
    """Of 500 texts at temperature 2, whatever the scores say; and what was drawn can be gone on with."""
    method = GPT(nets.gpt(12, 40, 16, 1, 2))
    with torch.no_grad():  # a net that says PAD and MASK above all
        method.encoder.words.weight[:2] = method.encoder.words.weight[:2] * 0 + 5 * method.encoder.words.weight[2:].sum(
            0
        )
    texts = method.generate(torch.full((500, 1), SEP), 12, temperature=2.0)
    for row in texts[:, 1:].tolist():
        whole = row[: row.index(SEP)] if SEP in row else row
        assert not {PAD, MASK} & {*whole}
    unfinished = texts[(texts[:, 1:] >= 3).all(1)]
    assert method.generate(unfinished[:3], 2).shape == (min(3, len(unfinished)), 15)
    greedy = method.generate(torch.tensor([[5]]), 3, top_k=1)
    assert int(greedy.min()) >= SEP


def test_generated_texts_go_on_end_and_repeat() -> None:
    method = GPT(nets.gpt(12, 10, 16, 1, 2, seed=1))
    begin = torch.tensor([[SEP, 5]] * 30)
    before = torch.get_rng_state()
    one, same, other = (method.generate(begin, 20, seed=s) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(one[:, :2], begin)
    for row in one[:, 2:].tolist():  # an untrained net says SEP every twelfth time
        if SEP in row:
            assert not any(row[row.index(SEP) + 1 :]), "a text goes on after its end"
    assert any(SEP in row for row in one[:, 2:].tolist())
    greedy = method.generate(begin[:1], 5, top_k=1)
    for t in range(2, greedy.shape[1]):
        assert int(greedy[0, t]) == int(method.logits(method.encoder.features(greedy[:, :t])[:, -1]).argmax())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperature": 0}, "temperature is 0"),
        ({"top_k": 0}, "top_k is 0; expected 1 or more"),
        ({"top_p": 0}, "top_p is 0; expected a probability above 0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"n": 0}, "n is 0"),
        ({"tokens": torch.tensor([[5, 0]])}, "tokens hold padding"),
        ({"tokens": torch.zeros(1, 0, dtype=torch.long)}, "text 0 is empty"),
    ],
)
def test_sampling_without_sense_is_reported(settings: dict[str, Any], said: str) -> None:
    method = GPT(nets.gpt(12, 10, 16, 1, 2))
    with pytest.raises(ValueError, match=said):
        method.generate(**{"tokens": torch.tensor([[5]]), **settings})


# ── what training and measuring make of texts


@pytest.mark.long
def test_texts_are_measured_like_pictures(tales: Texts) -> None:
    encoder = nets.bert(V, 80, 16, 1, 2)
    train, test = tales[:160], tales[160:]
    z, q = embed(encoder, train), embed(encoder, test.x)
    assert z.shape == (160, 16)
    where = z, train.labels, q, test.labels
    assert 0 <= knn(*where) <= 1
    assert 0 <= linear(*where) <= 1
    assert set(probe_causes(z, train, q, test)) == {"topic", "place", "thing", "sentiment", "hero", "friend"}
    assert len(label_curve(z, train, q, test, counts=(1, 5))[5]) == 3
    scores = evaluate(encoder, train, test, control_steps=2)
    assert list(scores.rows) == ["word counts", "random encoder", "this encoder", "supervised"]
    with pytest.raises(ValueError, match="make_views gives no two views of an item"):
        evaluate(encoder, train, test, tokens.mask(V))
    with pytest.raises(ValueError, match=r"train has texts of \(65,\) and test texts of \(60,\); expected the same"):
        evaluate(encoder, train, replace(test[test.lengths <= 60], x=test.x[test.lengths <= 60, :60]))


def test_word_counts_are_counted(tales: Texts) -> None:
    counts = raw(tales[:5])
    assert counts.shape == (5, V)
    for row, text in zip(counts.tolist(), tales.x[:5].tolist(), strict=True):
        assert row == [float(sum(word == v for word in text)) if v else 0.0 for v in range(V)]


def test_sentiment_is_learned_with_labels_and_not_by_counting(tales: Texts) -> None:
    """A short training that ends well above chance shows that labels, views and encoder fit together."""
    train = replace(tales, y=(tales.x == 9).any(1).long(), classes=("without", "with"))
    assert fine_tune(nets.bert(V, 80, 16, 1, 2, seed=1), train, train, steps=60, lr=1e-2) > 0.9


def test_a_batch_of_one_text_is_called_a_text(tales: Texts) -> None:
    with pytest.raises(ValueError, match="one text alone has nothing to be compared with"):
        fit(GPT(nets.gpt(V)), tales, tokens.next_token(), steps=1, batch_size=1, progress=False)
