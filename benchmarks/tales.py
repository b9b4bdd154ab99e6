"""BERT and GPT on the world of tales: how far they end from the entropy floor, and what their features know.

    python benchmarks/tales.py [--seeds 3] [--only GPT BERT "BERT, next sentence" …] [--quick] [--threads 1]

The floor is the loss of the truth itself on the same test stories with the same words hidden, `Tales.floor`: GPT
predicts every word from those before it, BERT 15 % of the words, all of them behind <mask>. `above the floor` is the
loss over the floor, minus one. The features are then asked for the topic, and for the sentiment, which counting words
does not show and no other word of a story repeats: a linear probe with 2,048 labels, and with 5 and 50 a class, and
fine-tuning with 200 a class; beside them the same encoder with random weights and the counts of words.

What RoBERTa changed (Liu et al. 2019, section 4) stands in pairs of rows. "next sentence" and "pairs" read the same
pairs of halves, with and without the question whether they belong together; their floor is not known, since the sign
between the halves shows where a sentence ends. "1,024 stories" are read 50 times each, with a new mask each time or
with the same, "static". "80/10/10" hides 80 % of the asked words in training, replaces 10 % and keeps 10 %, where the
other rows hide all. "200 steps" are short trainings of lesson 12's exercise: few stories or many, a new mask or the
same, a far too large rate. "GPT, 600 steps" are those of lesson 13's: few stories, attention switched off (a word is
answered from the one before it and its place alone), a far too large rate; `possible` is the share of 50 written
stories that the grammar can say. The settings are in the file that is written.
`cpu seconds` are the processor's: the time of one thread on a quiet machine, or more, where a core is shared.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from _rows import Rows, arguments, last_loss, run
from torch import nn

from sslwb import nets
from sslwb.augment.tokens import MaskedPairs, mask, next_token
from sslwb.core import PAD, SEP, MakeViews, Views
from sslwb.data import Texts, load, subset_per_class
from sslwb.data.pairs import sentence_pairs
from sslwb.data.worlds.tales import Tales
from sslwb.evaluate import embed, fine_tune, label_curve, linear, raw
from sslwb.methods.base import Method
from sslwb.methods.bert import BERT, mlm_loss
from sslwb.methods.gpt import GPT
from sslwb.train import fit

STORIES, CONTEXT = 16_384, 80
NET = {"dim": 64, "depth": 2, "heads": 4}
GPT_SHORT = {"steps": 1800, "batch_size": 16, "lr": 1e-2, "weight_decay": 1e-2, "precision": "fp32"}
BERT_SHORT = {
    "steps": 3200,
    "batch_size": 16,
    "lr": 3e-3,
    "weight_decay": 1e-2,
    "warmup": 0.05,
    "precision": "fp32",
}
BERT_200 = {**BERT_SHORT, "steps": 200, "lr": 4e-3}
GPT_600 = {**GPT_SHORT, "steps": 600}
RECIPES: dict[str, dict[str, Any]] = {
    "GPT": GPT_SHORT,
    "BERT": BERT_SHORT,
    "GPT, long": {**GPT_SHORT, "steps": 4000},
    "BERT, long": {**BERT_SHORT, "steps": 6000},
    "BERT, pairs": BERT_SHORT,
    "BERT, next sentence": BERT_SHORT,
    "BERT, 1,024 stories": BERT_SHORT,
    "BERT, 1,024 stories, static": BERT_SHORT,
    "BERT, 80/10/10": BERT_SHORT,
    "GPT, 600 steps": GPT_600,
    "GPT, 600 steps, 64 stories": GPT_600,
    "GPT, 600 steps, no attention": GPT_600,
    "GPT, 600 steps, rate 1": {**GPT_600, "lr": 1.0},
    "200 steps": BERT_200,
    "200 steps, static": BERT_200,
    "200 steps, 64 stories": BERT_200,
    "200 steps, 64 stories, static": BERT_200,
    "200 steps, rate 0.1": {**BERT_200, "lr": 0.1},
}
MASKED = 0.4  # share of the words that BERT is asked in training; in the test it is 15 %
TUNING: dict[str, Any] = {"steps": 300, "lr": 3e-3, "batch_size": 16}


def make(name: str, words: int, seed: int) -> Method:
    if name.startswith("GPT"):
        return GPT(nets.gpt(words, CONTEXT, **NET, seed=seed))
    return BERT(nets.bert(words, CONTEXT, **NET, seed=seed), next_sentence="next" in name, seed=seed)


def texts(name: str, data: Texts) -> Texts:
    """What a row reads: stories, few stories, or their halves as pairs."""
    data = data[: 1024 if "1,024" in name else 64 if "64" in name else None]
    return sentence_pairs(data) if "pairs" in name or "next" in name else data


def views_of(name: str, words: int, p: float = MASKED) -> MakeViews:
    """Pure masks, since the floor knows no false words; one row is trained by the paper's rule all the same."""
    if name.startswith("GPT"):
        return next_token()
    few = 0.1 if "80/10/10" in name else 0.0
    return mask(words, p, random=few, kept=few, static="static" in name, next_sentence="next" in name)


@torch.no_grad()
def above(method: Method, world: Tales, test: Texts) -> dict[str, float]:
    """The loss on the test's words, the floor under the same words, and how far the loss is above."""
    views: Views
    if isinstance(method, GPT):
        (x,) = next_token()(test, torch.Generator())
        begin = (x == SEP) & (torch.arange(x.shape[1]) > 0)
        views, asked = [x.masked_fill(begin, PAD)], None  # the end of a story is no word
    else:
        views = views_of("BERT", len(test.vocabulary), 0.15)(test, torch.Generator().manual_seed(0))
        asked = F.pad(views[1] != PAD, (0, test.x.shape[1] - views[1].shape[1]))
    loss, floor = float(method(views)["loss"]), world.floor(test.x, asked)
    return {"nats a word": loss, "floor": floor, "above the floor": loss / floor - 1}


@torch.no_grad()
def on_pairs(method: BERT, test: Texts) -> dict[str, float]:
    """The loss on the words of pairs that belong together, and the share of pairs that are judged rightly."""
    g, words = torch.Generator().manual_seed(0), len(test.vocabulary)
    x, targets = views_of("BERT", words, 0.15)(test, g)
    second = ((x == SEP).cumsum(1) - (x == SEP).long() >= 2).long()  # the words behind the sign between the halves
    asked = targets != PAD
    h = method.encoder.features(x, second)
    found = {"nats a word": float(mlm_loss(method.logits(h[asked]), targets[asked]))}
    if method.next_sentence:
        pairs = mask(words, 0.15, next_sentence=True)(test, g)
        assert isinstance(pairs, MaskedPairs)
        answers = method.judge(method.encoder.features(pairs.tokens, pairs.segments)[:, 0]).argmax(1)
        found["pairs distinguished"] = float((answers == pairs.not_next).float().mean())
    return found


@torch.no_grad()
def full_stops(method: BERT, test: Texts) -> float:
    """The share of gaps where the model's best guess is the full stop."""
    x, targets = views_of("BERT", len(test.vocabulary), 0.15)(test, torch.Generator().manual_seed(0))
    best = method.logits(method.encoder.features(x)[targets != PAD]).argmax(1)
    return float((best == test.vocabulary.index(".")).float().mean())


def without_attention(method: GPT) -> None:
    """What attention gives is multiplied by zero, and stays so."""
    for name, weight in method.encoder.named_parameters():
        if ".out." in name:
            nn.init.zeros_(weight).requires_grad_(False)


def possible(method: GPT, world: Tales, seed: int, n: int = 50) -> float:
    """The share of n written stories in which no word, and not the end either, has probability zero."""
    made = method.generate(torch.full((n, 1), SEP), CONTEXT - 2, seed=seed)[:, 1:]
    made = torch.where((made == SEP).cumsum(1) > 0, PAD, made)
    count = 0
    for story in made:
        try:
            world.next_token(F.pad(story, (0, 1))[None])
            count += 1
        except ValueError:  # a word here has probability zero
            pass
    return count / n


def known(encoder: nn.Module | None, train: Texts, test: Texts) -> dict[str, float]:
    """How well topic and sentiment are read from the features; encoder None: from the counts of words."""
    train = train[:4096]
    a, b = ((raw(d) if encoder is None else embed(encoder, d, "fp32")) for d in (train[:2048], test))
    shares: dict[str, float] = {}
    for cause in ("topic", "sentiment"):
        there, here = (replace(d, y=d.factors[cause], classes=d.levels[cause]) for d in (train, test))
        few = label_curve(a, there[:2048], b, here, counts=(5, 50))
        shares |= {f"{cause}, linear": linear(a, there.labels[:2048], b, here.labels)}
        shares |= {f"{cause}, {n} labels a class": sum(v) / len(v) for n, v in few.items()}
        if cause == "sentiment" and encoder is not None:
            labelled = subset_per_class(there, 200)
            shares[f"{cause}, fine-tuned"] = fine_tune(encoder, labelled, here, **TUNING)
    return shares


def measure(name: str, seed: int, share: float) -> Rows:
    train, test = load("tales", n=STORIES, seed=seed), load("tales", "test", n=1024)
    words, how = len(test.vocabulary), {**RECIPES[name], "steps": round(RECIPES[name]["steps"] * share)}
    read, unread = texts(name, train), texts(name.replace("1,024", ""), test)
    method = make(name, words, seed)
    if name.startswith("200 steps"):
        history = fit(method, read, views_of(name, words), seed=seed, device="cpu", progress=False, **how)
        ends = {"loss in training": last_loss(history), **above(method, Tales(), test)}
        yield name, ends | {"says the full stop": full_stops(method, test)}
        return
    if name.startswith("GPT, 600 steps"):
        assert isinstance(method, GPT)
        if "no attention" in name:
            without_attention(method)
        history = fit(method, read, views_of(name, words), seed=seed, device="cpu", progress=False, **how)
        ends = {"loss in training": last_loss(history), **above(method, Tales(), test)}
        yield name, ends | {"possible": possible(method, Tales(), seed)}
        return
    if name in ("GPT", "BERT"):
        yield f"{name}, random encoder", known(method.encoder, train, test)
        yield "word counts", known(None, train, test)
    begin = time.process_time()
    fit(method, read, views_of(name, words), seed=seed, device="cpu", progress=False, **how)
    seconds = time.process_time() - begin
    if isinstance(method, BERT) and unread is not test:
        values = on_pairs(method, unread)
    else:
        values = above(method, Tales(), test)
    yield name, values | known(method.encoder, train, test) | {"cpu seconds": seconds}


def main() -> None:
    about: dict[str, Any] = {
        "stories": STORIES,
        "context": CONTEXT,
        **NET,
        "asked of BERT": MASKED,
        "fit": RECIPES,
        "tuning": TUNING,
    }
    run(arguments(__doc__, RECIPES).parse_args(), measure, about)


if __name__ == "__main__":
    main()
