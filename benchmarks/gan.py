"""BiGAN: which causes come among its samples, on its way and with a part changed; precision, recall, KID on real data.

    SSLWB_DATA=~/data python benchmarks/gan.py [--seeds 3] [--only "BiGAN" …] [--quick] [--out FILE]

The stored rows of lesson 16. Samples are read by a supervised encoder: each value of shape, colour and place is
counted, beside as many real pictures ("real pictures": no training of a GAN, the control). Trainings of 700 steps have
one thing changed, and so has "a sixtieth for the generator", of 200; "BiGAN after … steps" are looks at the lesson's
training on its way. Fashion-MNIST has to be there.
"""

from __future__ import annotations

import dataclasses
import time
from functools import lru_cache
from statistics import mean
from typing import Any

import torch
from _rows import BANK, Rows, arguments, run
from torch import Tensor

from sslwb import nets
from sslwb.augment import Unchanged, labelled, with_noise
from sslwb.data import Images, load
from sslwb.evaluate import CauseReader, coverage, embed, kid, knn, precision_recall, probe_causes
from sslwb.methods.gan import BiGAN
from sslwb.methods.supervised import Supervised
from sslwb.train import History, fit

SETTINGS: dict[str, Any] = {"batch_size": 32, "lr": 6e-3, "weight_decay": 0.0, "warmup": 0.05, "precision": "fp32"}
READER: dict[str, Any] = {"steps": 500, "batch_size": 128, "lr": 6e-3, "weight_decay": 0.05, "precision": "fp32"}
SIZE, LATENT, JUDGE, LONG, BRIEF, SHORT, WON = 24, 32, 3e-3, 1500, 700, 500, 200
CAUSES = ("shape", "colour", "x", "y")
LOOKS = (100, 200, 400, 700, 1000)  # steps after which the lesson's training is looked at

# name → (parts of the method, settings of the training, data)
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "BiGAN": ({}, {"steps": LONG}, "shapes"),
    "700 steps": ({}, {"steps": BRIEF}, "shapes"),
    "a third of the rates": ({"discriminator_lr": JUDGE / 3}, {"steps": BRIEF, "lr": 2e-3}, "shapes"),
    "noise of one number": ({"latent": 1}, {"steps": BRIEF}, "shapes"),
    "a sixtieth for the generator": ({}, {"steps": WON, "lr": 1e-4}, "shapes"),
    "fashion-mnist": ({}, {"steps": SHORT}, "fashion-mnist"),
    "digits": ({}, {"steps": SHORT}, "digits"),
}


def pairs(data: Images) -> Images:
    """The world's pictures, labelled by shape and colour together."""
    y = data.factors["shape"] * len(data.levels["colour"]) + data.factors["colour"]
    return dataclasses.replace(data, y=y, classes=())


def one_cause(data: Images) -> Images:
    """Real pictures, whose label counts as their only cause."""
    return dataclasses.replace(data, factors={"label": data.labels}, levels={"label": data.classes})


@lru_cache
def given(name: str, seed: int) -> tuple[Images, Images]:
    """Pictures to train on, and to compare samples with."""
    dials = {"size": SIZE} if name == "shapes" else {}
    both = load(name, "train", 8192, seed, **dials), load(name, "test", 2048, seed, **dials)
    return both if name == "shapes" else (one_cause(both[0]), one_cause(both[1]))


@lru_cache
def reader_of(name: str, seed: int, share: float) -> CauseReader:
    train, _ = given(name, seed)
    taught = pairs(train) if name == "shapes" else train
    method = Supervised(nets.conv(16, seed=seed), int(taught.labels.max()) + 1, seed=seed)
    how = {**READER, "steps": round(READER["steps"] * share)}
    fit(method, taught, labelled(Unchanged()), seed=seed, progress=False, **how)
    return CauseReader(method.encoder, train[:BANK], CAUSES if name == "shapes" else None)


def new(seed: int, size: int, **parts: Any) -> BiGAN:
    encoder = nets.bottleneck(nets.conv(8, seed=seed), 64, size, seed=seed)
    parts = {"latent": LATENT, "spectral": False, "discriminator_lr": JUDGE, **parts}
    return BiGAN(encoder, size, seed=seed, **parts)


def counted(reader: CauseReader, made: Tensor | Images, test: Images) -> dict[str, float]:
    """Values that never come, and how far the counts are from the data's."""
    found = coverage(reader, made, test)
    apart = {f"distance {name}": count.distance for name, count in found.items()}
    return {"missing": float(sum(len(count.missing) for count in found.values())), **apart}


def compared(reader: CauseReader, made: Tensor | Images, test: Images) -> dict[str, float]:
    """Precision, recall and KID, by the reader's encoder."""
    real, z = embed(reader.places.encoder, test), embed(reader.places.encoder, made)
    near, apart = precision_recall(real, z), kid(real, z, subset=min(500, len(test) // 2))
    return {"precision": near.precision, "recall": near.recall, "kid": apart.mean, "kid std": apart.std}


def last(history: History) -> dict[str, float]:
    """The recorded terms, means over the last 50 steps."""
    return {term: mean(values[-50:]) for term, values in history.terms.items()}


def features(method: BiGAN, train: Images, test: Images, name: str = "") -> dict[str, float]:
    """Neighbours by the label, and a probe of each cause, of the encoder's embeddings."""
    z, q = embed(method.encoder, train[:BANK]), embed(method.encoder, test)
    near = {f"{name}knn": knn(z, train[:BANK].labels, q, test.labels)}
    causes = probe_causes(z, train[:BANK], q, test)
    return near | {f"{name}cause {cause}": score.score for cause, score in causes.items()}


def inverted(method: BiGAN, reader: CauseReader, test: Images) -> dict[str, float]:
    """In how many of the pictures each cause is read alike in the picture and in its reconstruction."""
    some = test[:1024]
    before, after = reader.read(some), reader.read(method.reconstruct(some.x))
    return {f"kept {cause}": float((before[cause] == after[cause]).float().mean()) for cause in before}


def measure(name: str, seed: int, share: float) -> Rows:
    parts, how, where = ROWS[name]
    train, test = given(where, seed)
    reader = reader_of(where, seed, share)
    method = new(seed, train.shape[-1], **parts)
    noise = torch.randn(len(test), method.latent, generator=torch.Generator().manual_seed(seed))
    whole = name in ("BiGAN", "digits", "fashion-mnist")  # looked at in every way
    fresh = features(method, train, test, "untrained ") if whole else {}
    looks: list[tuple[str, dict[str, float]]] = []

    def on_step(log: History) -> None:
        if name == "BiGAN" and len(log) in LOOKS:
            looks.append(
                (f"BiGAN after {len(log)} steps", last(log) | counted(reader, method.eval().sample(noise), test))
            )
            method.train()

    begun = time.process_time()
    steps = round(how["steps"] * share)
    log = fit(
        method,
        train,
        with_noise(Unchanged(), method.latent),
        seed=seed,
        progress=False,
        on_step=on_step,
        **{**SETTINGS, **how, "steps": steps},
    )
    seconds = {"cpu seconds": time.process_time() - begun}
    yield from looks
    made = method.sample(noise)
    seen = last(log) | counted(reader, made, test) | compared(reader, made, test)
    known = features(method, train, test) | inverted(method, reader, test) if whole else {}
    yield name, seen | fresh | known | seconds
    if whole:
        # of real data a copier's samples: pictures of the training set, as many; of the world new ones
        other = load("shapes", "val", len(test), seed, size=SIZE) if where == "shapes" else train[: len(test)]
        right = {f"read {cause}": share for cause, share in reader.accuracy(test).items()}
        yield f"real pictures, {where}", counted(reader, other, test) | compared(reader, other, test) | right


def main() -> None:
    about = {"encoder": "bottleneck(conv(8), 64)", "latent": LATENT, "discriminator_lr": JUDGE, "spectral": False}
    run(arguments(__doc__, ROWS).parse_args(), measure, {**about, **SETTINGS, "reader": READER})


if __name__ == "__main__":
    main()
