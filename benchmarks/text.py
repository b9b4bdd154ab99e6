"""Texts with few labels, and search without any: what a short reading saves, and where words are enough.

    SSLWB_DATA=~/data python benchmarks/text.py [--only tales sst2 …] [--model FOLDER] [--split val] [--quick]

An encoder of lesson 12's size reads the training texts of a set without their labels: BERT, then SimCSE. With 10, 100
and 1,000 labels, as many for each class (tales: 8 of four topics, TREC: 6 of six kinds; at most all of the smallest
class), there are then a linear layer on its embeddings as they are ("BERT", "SimCSE"), the same on a network with
random weights, BERT fine-tuned, and the same training of the same network from random weights ("from nothing"). The row
to beat is "words": tf-idf of words and pairs of words, whose weights come from all training texts, and a logistic
regression. Measured is accuracy where each class counts alike, so chance is 1 / classes.

Search. "tales, search": one word of a topic is looked for among the test's stories, and right are the stories of its
topic; "all": the share of right ones among the first ten, "without the word": the same where only stories that do not
say it are searched, and "average precision": whether all right ones come first. (The network with random weights gives
a lone word the embedding 0; what it finds with a full stop beside the word, lesson 22 shows.) "xquad": each test
question looks for its paragraph among all of the test's; "other words": after all words that stand in its paragraph
were taken out of it. Where a question has none left, all paragraphs have one rank.

--model takes a folder with an encoder of `transformers`, and adds its rows.

Settings were chosen on the val split of the tales, seed 0: temperature (0.05, 0.2, 0.5), dropout (0, 0.1, 0.3), rate
(1e-4, 3e-4) and batch (32, 64) of SimCSE, the best of nine tries in the search "without the word"; BERT and the rate of
fine-tuning are lesson 12's. The other sets take them as they are; BERT reads them with lesson 12's rate for real texts,
in smaller batches.
"""

from __future__ import annotations

import copy
import functools
import re
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from _rows import Rows, arguments, run
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment.tokens import dropped, mask
from sslwb.core import PAD
from sslwb.data import Texts, load, subset_per_class
from sslwb.data.worlds.tales import NUMBER, TOPICS
from sslwb.evaluate import embed, embedder, fine_tune, linear, pretrained
from sslwb.methods.bert import BERT
from sslwb.methods.simcse import SimCSE
from sslwb.tasks import Index, ranks_of
from sslwb.train import fit

LABELS = (10, 100, 1000)
NET: dict[str, Any] = {"dim": 64, "depth": 2, "heads": 4}
FIT: dict[str, Any] = {"weight_decay": 1e-2, "warmup": 0.05, "precision": "fp32"}
READING: dict[str, Any] = {"steps": 300, "batch_size": 32, "lr": 3e-3, "share": 0.2}
# name → how BERT reads it, and what is hidden
DATA: dict[str, dict[str, Any]] = {
    "tales": {"steps": 2400, "batch_size": 16, "lr": 4e-3, "share": 0.4},
    "sst2": READING,
    "rotten-tomatoes": READING,
    "sms-spam": READING,
    "trec": READING,
    "xquad": READING,
}
SIMCSE: dict[str, Any] = {"steps": 100, "batch_size": 32, "lr": 3e-4, "precision": "fp32"}
TEMPERATURE, DROPPED = 0.2, 0.3
# what SimCSE drops; "alone" begins with random weights, the others with BERT's
NOISE = {"SimCSE": DROPPED, "SimCSE, dropout 0.1": 0.1, "SimCSE, no dropout": 0.0, "SimCSE alone": DROPPED}
TUNING: dict[str, Any] = {"steps": 200, "batch_size": 16, "lr": 3e-3}
CONTEXT = 192  # numbers of a paragraph that are read; the others of a set are shorter
Spaces = dict[str, Callable[[Texts], Tensor]]


def new(texts: Texts, seed: int) -> nn.Module:
    return nets.bert(len(texts.vocabulary), CONTEXT if texts.name == "paragraphs" else 80, **NET, seed=seed)


def read(name: str, texts: Texts, seed: int, share: float) -> tuple[Spaces, nn.Module, dict[str, float]]:
    """The encoders by name, BERT's own, and the seconds of the processor that they took."""
    how = {**DATA[name], **FIT, "seed": seed, "progress": False}
    views = mask(len(texts.vocabulary), how.pop("share"), random=0.0, kept=0.0)
    method, begin, end = BERT(new(texts, seed), seed=seed), time.process_time(), 0.0
    fit(method, texts, views, **shortened(how, share))
    middle = time.process_time()
    encoders = {"untrained": new(texts, seed), "BERT": method.encoder}
    for kind, p in NOISE.items() if name == "tales" else [("SimCSE", DROPPED)]:
        start = new(texts, seed) if kind == "SimCSE alone" else copy.deepcopy(method.encoder)
        compared = SimCSE(start, temperature=TEMPERATURE, seed=seed)
        noise = dropped(NET["dim"], NET["depth"], p)
        fit(compared, texts, noise, seed=seed, progress=False, **shortened(SIMCSE, share))
        encoders[kind] = compared.encoder
        end = end or time.process_time()  # of the first
    spaces: Spaces = {kind: partial(embed, encoder, precision="fp32") for kind, encoder in encoders.items()}
    return spaces, method.encoder, {"BERT": middle - begin, "SimCSE": end - middle}


def evenly(labels: Tensor) -> Tensor:
    """Rows of a test in which each class counts alike: those of smaller classes stand there again."""
    each = [(labels == label).nonzero()[:, 0] for label in labels.unique()]
    most = max(map(len, each))
    return torch.cat([rows.repeat(most // len(rows) + 1)[:most] for rows in each])


def by_words(train: Texts, few: Texts, test: Texts) -> float:
    """Accuracy of tf-idf and a logistic regression on a few labels; the words' weights come from all of `train`."""
    vectors = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True, ngram_range=(1, 2)).fit(train.lines())
    model = LogisticRegression(max_iter=2000, C=10.0).fit(vectors.transform(few.lines()), few.labels)
    return float(model.score(vectors.transform(test.lines()), test.labels.numpy()))


def with_labels(name: str, train: Texts, test: Texts, spaces: Spaces, bert: nn.Module, seed: int, share: float) -> Rows:
    """A value for each number of labels."""
    rows = evenly(test.labels)
    z = {kind: space(test)[rows] for kind, space in spaces.items()}
    test = test[rows]
    for total in LABELS:
        count = max(1, min(total // train.class_count, int(train.labels.bincount().min())))
        few = subset_per_class(train, count, seed)
        found = {"words": by_words(train, few, test)}
        found |= {kind: linear(space(few), few.labels, z[kind], test.labels) for kind, space in spaces.items()}
        how = {**shortened(TUNING, share), "seed": seed}
        found["fine-tuned"] = fine_tune(bert, few, test, **how)
        found["from nothing"] = fine_tune(new(train, seed), few, test, **how)
        for kind, value in found.items():
            yield f"{name}: {kind}", {str(total): value}


def words_of(topics: tuple[str, ...]) -> list[tuple[str, int]]:
    """Each word that tells a topic of the tales, and the topic's number."""
    return [(word, i) for i, topic in enumerate(topics) for words in TOPICS[topic] for word in words]


def search_for_topics(shelf: Texts, spaces: Spaces) -> Rows:
    """How many stories of a word's topic are found first by that one word."""
    asked = words_of(shelf.classes)
    x = torch.tensor([[NUMBER[word]] for word, _ in asked])
    queries = Texts(x, vocabulary=shelf.vocabulary, tokenizer=shelf.tokenizer)
    right = torch.tensor([topic for _, topic in asked])[:, None] == shelf.labels
    has = torch.stack([(shelf.x == NUMBER[word]).any(1) for word, _ in asked])
    shuffled = 1e-6 * torch.rand(right.shape, generator=torch.Generator().manual_seed(0))  # of equal ones
    for kind, scores in scores_of(queries, shelf, spaces).items():
        scores = scores + shuffled
        found = {"all": first_ten(scores, right, has | ~has), "without the word": first_ten(scores, right, ~has)}
        hits = right.gather(1, scores.argsort(1, descending=True)).float()
        precision = hits.cumsum(1) / torch.arange(1, hits.shape[1] + 1)
        yield (
            f"tales, search: {kind}",
            found | {"average precision": float(((precision * hits).sum(1) / hits.sum(1)).mean())},
        )


def first_ten(scores: Tensor, right: Tensor, searched: Tensor) -> float:
    """The share of right ones among the ten best of what is searched."""
    best = scores.masked_fill(~searched, -torch.inf).topk(10, dim=1).indices
    return float(right.gather(1, best).float().mean())


def scores_of(queries: Texts, shelf: Texts, spaces: Spaces) -> dict[str, Tensor]:
    found = {"BM25": queries.alike(shelf)}
    return found | {kind: Index(space(shelf)).scores(space(queries)) for kind, space in spaces.items()}


def search_for_passages(test: Any, spaces: Spaces) -> Rows:
    """How far down the right paragraph of each question stands."""
    group, place = test.passage.unique(return_inverse=True)
    first = torch.full((len(group),), len(test)).scatter_reduce(0, place, torch.arange(len(test)), "amin")
    shelf, right = test.b[first], place[:, None] == torch.arange(len(group))
    left = [without(q, p) for q, p in zip(test.a.lines(), test.b.lines(), strict=True)]
    none = torch.tensor([not line for line in left])
    x = test.a.tokenizer.encode([line or "?" for line in left])
    other = scores_of(replace(test.a, x=x), shelf, spaces)
    for kind, scores in scores_of(test.a, shelf, spaces).items():
        rank = ranks_of(scores, right)
        found = {"MRR": float((1 / rank).mean())} | {f"recall@{k}": float((rank <= k).float().mean()) for k in (1, 5)}
        apart = ranks_of(other[kind].masked_fill(none[:, None], 0.0), right)
        yield f"xquad: {kind}", found | {"MRR, other words": float((1 / apart).mean())}


def without(question: str, passage: str) -> str:
    """A question without the words of its passage."""
    there = set(re.findall(r"\w+", passage.lower()))
    return " ".join(word for word in re.findall(r"\w+", question.lower()) if word not in there)


@functools.cache
def theirs(model: str) -> Callable[[Texts], Tensor]:
    """The embeddings of an encoder of `transformers`; the test's are the same for all seeds, and kept."""
    space, kept = embedder(*pretrained(model, says_words=False)), dict[bytes, Tensor]()

    def remembered(texts: Texts) -> Tensor:
        key = texts.x.numpy().tobytes()
        if key not in kept:
            kept[key] = space(texts)
        return kept[key]

    return remembered


def corpus(data: Any) -> Texts:
    """The paragraphs and the questions of some pairs, each once, in windows of 64 numbers: texts to read."""
    questions = nn.functional.pad(data.a.x, (0, CONTEXT - data.a.shape[0]), value=PAD)
    rows = torch.cat((data.b.x, questions)).unique(dim=0).view(-1, 64)
    return replace(data.b, x=rows[(rows != PAD).any(1)])


def measure(name: str, seed: int, share: float, split: str = "test", model: str = "") -> Rows:
    dials: dict[str, Any] = {"tales": {"seed": seed}, "xquad": {"context": CONTEXT}}.get(name, {})
    train = load(name, n=16_384 if name == "tales" else None, **dials)
    test = load(name, split, n=1000 if name == "tales" else None, **{**dials, "seed": 0})
    texts = corpus(train) if name == "xquad" else train
    spaces, bert, seconds = read(name, texts, seed, share)
    whole = spaces | ({"MiniLM": theirs(model)} if model else {})
    yield f"{name}: seconds", seconds
    if name == "xquad":
        yield from search_for_passages(test, whole)
        return
    if name == "tales":
        yield from search_for_topics(test, whole)
        for cause, task in {"topic": "topic", "sentiment": "mood"}.items():
            both = (replace(d, y=d.factors[cause], classes=d.levels[cause]) for d in (train, test))
            yield from with_labels(f"tales, {task}", *both, spaces, bert, seed, share)
    else:
        yield from with_labels(name, train, test, whole, bert, seed, share)


def shortened(how: dict[str, Any], share: float) -> dict[str, Any]:
    return {**how, "steps": max(2, round(how["steps"] * share))}


def main() -> None:
    asked = arguments(__doc__, DATA)
    asked.add_argument("--split", default="test", choices=["val", "test"])
    asked.add_argument("--model", default="", help="a folder with an encoder of transformers")
    options = asked.parse_args()
    about = {"BERT": DATA, "SimCSE": SIMCSE, "temperature": TEMPERATURE, "SimCSE drops": NOISE, "fine-tuned": TUNING}
    about |= {"encoder": NET, "split": options.split, "model": Path(options.model).name}
    run(options, partial(measure, split=options.split, model=options.model), about)


if __name__ == "__main__":
    main()
