"""A few translated texts: what reading and writing three languages without any translation is worth to a translator.

    python benchmarks/translation.py [--seeds 3] [--only mirror verb-last] [--quick] [--out FILE]

Texts are three sentences of tales, one after the other; those that are measured on were said as a whole in no training.
An encoder-decoder learns to write texts of which spans are hidden (`BART`, `tokens.corrupt`): tales in three languages,
each text in one of them. Then it learns from 100 and 300 texts with their translation. *from nothing* does that from
random weights, in the same steps, and in as many as pretraining and translating take together. "memory" answers with
the translation of the nearest text that it has, by BM25. "alignment" is the share of words of which the decoder looks
most at the word that it translates, and beside it that of IBM's first model.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from _rows import Rows, arguments, run
from torch import nn

from sslwb import nets
from sslwb.augment import tokens
from sslwb.data import Texts
from sslwb.data.pairs import sentences, unseen
from sslwb.data.worlds.languages import ALL_WORDS, LANGUAGES, aligned, in_turns, parallel
from sslwb.data.worlds.tales import make_tales
from sslwb.evaluate.embedding import WithoutEncoder
from sslwb.methods.bart import BART
from sslwb.tasks import Seq2Seq
from sslwb.tasks.seq2seq import alignment_accuracy, attended, dictionary
from sslwb.train import fit

COUNTS = (100, 300)
TOGETHER, MOST = 3, 40  # sentences of a text, and words of the longest
POOL, TEST = 2000, 200  # texts that pairs are taken from, and texts to measure on
BARTS: dict[str, Any] = {"steps": 600, "batch_size": 32, "lr": 3e-3}
PAIRED: dict[str, Any] = {"steps": 200, "batch_size": 16, "lr": 8e-3}
LONG = 800  # steps from nothing that cost as much as pretraining and translating, or more


def texts(seed: int) -> tuple[Texts, Texts, Texts]:
    """Texts to translate, texts to read, and texts to measure on, which no training says."""
    train = sentences(make_tales(3000, seed=seed, topics=6), TOGETHER)
    test = unseen(sentences(make_tales(TEST, "test", seed=seed, topics=6), TOGETHER), train)
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    return train[order[:POOL]], train[order[POOL:]], test[:TEST]


def measure(name: str, seed: int, share: float) -> Rows:
    """chrF, BLEU, exact match and alignment for each number of pairs, of each way to learn."""
    pool, read, test = texts(seed)

    def fresh() -> nn.Module:
        return nets.encoder_decoder(len(ALL_WORDS), MOST, 64, 2, 4, seed)

    method = BART(fresh())
    how = {"seed": seed, "device": "cpu", "precision": "fp32", "progress": False}
    fit(method, in_turns(read), tokens.corrupt(), **shortened(BARTS, share), **how)
    asked = parallel(test, name, most=MOST)
    truth = F.pad(aligned(test, name), (0, MOST), value=-1)[:, :MOST]
    for count in COUNTS:
        pairs = parallel(pool[:count], name, most=MOST)
        memory = Seq2Seq()(WithoutEncoder(1), pairs, asked)
        yield f"{name}: memory", told(memory, alignment_accuracy(dictionary(pairs).align(asked), truth), count)
        for kind, encoder, steps in (
            ("pretrained", method.encoder, PAIRED["steps"]),
            ("from nothing", fresh(), PAIRED["steps"]),
            ("from nothing, longer", fresh(), LONG),
        ):
            task = Seq2Seq(seed=seed, **shortened({**PAIRED, "steps": steps}, share))
            translator = task.fitted(encoder, pairs)
            looks = alignment_accuracy(attended(translator, asked, 1), truth)
            yield f"{name}: {kind}", told(task(translator, pairs, asked), looks, count)


def told(scores: dict[str, float], alignment: float, count: int) -> dict[str, float]:
    """Each measure under its name and the number of pairs."""
    return {f"{term} {count}": value for term, value in {**scores, "alignment": alignment}.items()}


def shortened(how: dict[str, Any], share: float) -> dict[str, Any]:
    return {**how, "steps": max(2, round(how["steps"] * share))}


def main() -> None:
    about = {"encoder": "encoder_decoder(dim=64, depth=2, heads=4)", "BART": BARTS, "pairs": PAIRED, "longer": LONG}
    run(arguments(__doc__, LANGUAGES[1:]).parse_args(), measure, about)


if __name__ == "__main__":
    main()
