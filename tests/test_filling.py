"""The word behind [MASK], by our BERT and by one of `transformers`; how our GPT goes on with a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sslwb import nets
from sslwb.core import MASK, SEP
from sslwb.data import DataError, Texts, Tokenizer
from sslwb.data.tokenizing import SPECIAL
from sslwb.data.worlds.tales import TOKENIZER, VOCABULARY, Tales
from sslwb.evaluate import embedder, fill_mask, pretrained, reader, writer
from sslwb.methods.bert import BERT
from sslwb.methods.gpt import GPT

CONTEXT = 24


class Counting(nn.Module):
    """Stands for our BERT: the hidden word is the one whose number is the sum of the others', almost surely."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.vocabulary, self.drop = vocabulary, nn.Dropout(0.9)

    def fill(self, tokens: Tensor) -> Tensor:
        hidden = tokens == MASK
        score = torch.zeros(int(hidden.sum()), self.vocabulary)
        score[:, int(tokens[~hidden].sum()) % self.vocabulary] = 5.0
        return self.drop(score).softmax(-1)


def test_ours_fills_a_typed_sentence() -> None:
    model = Counting(len(VOCABULARY)).train()
    said = fill_mask(model, TOKENIZER, "Lily met [MASK] in the morning.", k=3)
    words = ["lily", "met", "in", "the", "morning", "."]
    expected = VOCABULARY[sum(VOCABULARY.index(word) for word in words) % len(VOCABULARY)]
    assert said[0] == (expected, pytest.approx(2.718281828**5 / (2.718281828**5 + len(VOCABULARY) - 1)))
    assert len(said) == 3
    assert said == fill_mask(model, TOKENIZER, "lily met <mask> in the morning .", k=3)
    assert model.training  # left as it was, and no dropout meanwhile
    assert len(fill_mask(model, TOKENIZER, "[MASK]", k=999)) == len(VOCABULARY)


def test_the_world_tells_the_truth_and_what_it_never_says() -> None:
    world = Tales(2)
    said = dict(fill_mask(world, TOKENIZER, "Lily met [MASK] in the morning.", k=9))
    assert {word: p for word, p in said.items() if p > 1e-9} == {
        name: pytest.approx(0.2) for name in ("anna", "mia", "tom", "ben", "max")
    }
    with pytest.raises(ValueError, match="nothing that this world says"):
        fill_mask(world, TOKENIZER, "the [MASK] was a lemon.")


def test_ours_in_earnest() -> None:
    model = BERT(nets.bert(len(VOCABULARY), context=CONTEXT, dim=16, depth=1, heads=2))
    said = fill_mask(model, TOKENIZER, "lily met [MASK].", k=5)
    p = model.eval().fill(TOKENIZER.encode("lily met <mask>."))[0]
    assert [word for word, _ in said] == [VOCABULARY[i] for i in p.topk(5).indices]
    with pytest.raises(ValueError, match=f"at most {CONTEXT}"):
        fill_mask(model, TOKENIZER, "lily met [MASK]. " + "lily met tom. " * 9)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("lily met tom.", r"hides no words; expected one \[MASK\], such as 'they went"),
        ("", "hides no words"),
        ("[MASK] met [MASK].", "hides 2 words; expected one .* each hidden word by itself"),
        ("lily met an [MASK].", "says 'an', which is none of"),
        ("lily met an astronaut and [MASK].", "none of the 164 words"),
    ],
)
def test_a_sentence_that_cannot_be_filled_is_reported(sentence: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fill_mask(Counting(len(VOCABULARY)), TOKENIZER, sentence)


def test_k_must_be_one_or_more() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        fill_mask(Counting(9), TOKENIZER, "[MASK]", k=0)


# ── a model of `transformers`, saved as the published ones are


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("tiny-bert")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, "the", "capital", "of", "france", "is", "paris", "rome", "##s", ".", ","]
    (folder / "vocab.txt").write_text("\n".join(words))
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=CONTEXT,
    )
    torch.manual_seed(0)
    transformers.BertForMaskedLM(config).save_pretrained(folder)
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def test_the_same_call_fills_for_a_model_of_transformers(folder: Path) -> None:
    model, tokenizer = pretrained(folder)
    assert not model.training
    sentence = "The capital of France is [MASK]."
    said = fill_mask(model, tokenizer, sentence, k=4)
    ids = tokenizer(sentence, return_tensors="pt")["input_ids"]
    assert " ".join(tokenizer.convert_ids_to_tokens(ids[0].tolist())) == "[CLS] the capital of france is [MASK] . [SEP]"
    with torch.no_grad():
        p = model(input_ids=ids).logits[0, 6].softmax(-1)
    best = p.topk(4)
    assert [word for word, _ in said] == tokenizer.convert_ids_to_tokens(best.indices.tolist())
    assert [value for _, value in said] == pytest.approx(best.values.tolist())


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("The capital of France is Paris.", "hides no words"),
        ("[MASK] is [MASK].", "hides 2 words"),
        ("The capital of Atlantis is [MASK].", r"outside the vocabulary .*\[UNK\]"),
        ("The capital of France is [MASK]. " + "paris " * CONTEXT, f"pieces; expected at most {CONTEXT}"),
    ],
)
def test_theirs_tells_the_same_errors(folder: Path, sentence: str, said: str) -> None:
    model, tokenizer = pretrained(folder)
    with pytest.raises(ValueError, match=said):
        fill_mask(model, tokenizer, sentence)


def test_texts_are_embedded_by_a_model_of_transformers(folder: Path) -> None:
    model, tokenizer = pretrained(folder, says_words=False)
    words = Tokenizer.words((*SPECIAL, "the", "capital", "of", "france", "rome"))
    x = words.encode(["the capital of france", "rome", "the " * CONTEXT])
    texts = Texts(x, vocabulary=words.vocabulary, tokenizer=words)
    z = embedder(model, tokenizer, batch=2)(texts)
    assert z.shape == (3, 16)
    for i, line in enumerate(("the capital of france", "rome")):  # as it is read alone, whatever stands beside it
        with torch.no_grad():
            alone = model(**tokenizer(line, return_tensors="pt")).last_hidden_state[0].mean(0)
        assert torch.allclose(z[i], alone, atol=1e-5)
    assert not z.requires_grad


@pytest.mark.parametrize("name", ["nobody/no-such-model", "a folder"])
def test_what_is_not_on_this_machine_is_not_fetched(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    import socket

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(DataError, match=r"is not on this machine.*config\.json"):
        pretrained(tmp_path if name == "a folder" else name)


# ── how a text goes on


class Alphabet(nn.Module):
    """Stands for our GPT: each word is followed by the one with the next number, and the last by the end."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.weight, self.last = nn.Parameter(torch.ones(1)), last
        self.asked: list[dict[str, Any]] = []

    def generate(self, tokens: Tensor, n: int, **settings: Any) -> Tensor:
        self.asked.append({"n": n, "tokens": tokens.tolist(), **settings})
        number = int(tokens[0, -1]) + 1
        return torch.cat((tokens, torch.tensor([[SEP if number > self.last else number]])), 1)


def test_a_text_comes_piece_by_piece_until_it_is_over() -> None:
    model = Alphabet(last=10)
    pieces = list(writer(model, TOKENIZER)(VOCABULARY[7], temperature=0.5, top_k=3, top_p=0.9, seed=4))
    assert pieces == [f" {VOCABULARY[i]}" for i in (8, 9, 10)]
    first = model.asked[0]
    assert first["tokens"] == [[SEP, 7]]
    assert (first["n"], first["temperature"], first["top_k"], first["top_p"]) == (1, 0.5, 3, 0.9)
    assert len({asked["seed"] for asked in model.asked}) == len(model.asked) == 4
    assert list(writer(Alphabet(last=99), TOKENIZER, length=2)(VOCABULARY[12])) == [
        f" {VOCABULARY[13]}",
        f" {VOCABULARY[14]}",
    ]


def test_our_gpt_writes_the_same_with_the_same_seed() -> None:
    model = GPT(nets.gpt(len(VOCABULARY), context=CONTEXT, dim=16, depth=1, heads=2))
    write = writer(model, TOKENIZER, length=40)  # beyond the context
    said = ["".join(write("lily met", seed=seed)) for seed in (0, 0, 1)]
    assert said[0] == said[1] != said[2]
    with pytest.raises(ValueError, match="'lilly', which is none of"):
        next(write("lilly met"))
    with pytest.raises(ValueError, match="temperature is 0"):
        next(write("lily", temperature=0))


def test_a_running_text_needs_a_beginning_and_never_ends() -> None:
    made = Tokenizer.characters(["abcdef"])
    assert list(writer(Alphabet(last=99), made, 3, begin=False)("a")) == ["b", "c", "d"]
    assert list(writer(Alphabet(last=99), made, 2)("")) == ["<unk>", "a"]
    with pytest.raises(ValueError, match="prompt is empty"):
        next(writer(Alphabet(last=99), made, begin=False)(""))


def test_a_character_of_several_bytes_waits_until_it_is_whole() -> None:
    made = Tokenizer.byte_pairs(["x"], 300)
    numbers = made.encode("a日b")[0].tolist()

    class Spelling(Alphabet):
        def generate(self, tokens: Tensor, n: int, **settings: Any) -> Tensor:
            return torch.cat((tokens, torch.tensor([[numbers[tokens.shape[1]]]])), 1)

    assert list(writer(Spelling(0), made, 4, begin=False)("a")) == ["日", "b"]


@pytest.mark.parametrize("make", [nets.bert, nets.gpt])
def test_a_reader_tells_where_words_look(make: Any) -> None:
    encoder = make(len(VOCABULARY), context=CONTEXT, dim=16, depth=3, heads=2)
    words, looks = reader(encoder, TOKENIZER)("Lily met [MASK] in the morning.")
    assert words == ["lily", "met", "<mask>", "in", "the", "morning", "."]
    assert looks.shape == (3, 2, 7, 7)
    assert torch.allclose(looks.sum(-1), torch.ones(3, 2, 7))
    assert not looks.requires_grad
    tokens = TOKENIZER.encode("lily met <mask> in the morning.")
    assert torch.allclose(looks[1], encoder.attention(tokens, 1)[0])
    with pytest.raises(ValueError, match="none of the 164 words"):
        reader(encoder, TOKENIZER)("an astronaut")
