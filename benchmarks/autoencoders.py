"""Autoencoders: what is painted, and what the code knows, with one seed after the other.

    python benchmarks/autoencoders.py [--seeds 3] [--only PCA SimCLR …] [--quick] [--out FILE]

The stored rows of lesson 14: a code of 64 numbers, plain and denoising, beside PCA, the encoder with random weights,
and the same encoder trained with labels and by SimCLR in less time. Raw pixels stand in hidden.py's rows. Measured on
the test split: `error`, the mean squared error of what is painted; kNN and linear probe of the shape (4,096 labels),
the probe with 20 labels a class, and a probe for each hidden cause. `kept CAUSE` is the share of the change that a
redrawn cause makes in the pictures which is painted too; `digits` are scores on another data set. The learning rate
was chosen on the val split, by the error after 400 steps: 1e-3, 2e-3 and 4e-3, two seeds each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import mean
from typing import Any

import torch
import torch.nn.functional as F
from _rows import BANK, Rows, accuracies, arguments, last_loss, run
from sklearn.decomposition import PCA
from torch import Tensor

from sslwb import nets
from sslwb.augment import labelled
from sslwb.augment.images import as_float, weak
from sslwb.augment.noise import denoising
from sslwb.data import Images, load
from sslwb.evaluate import embed, label_curve, probe_causes
from sslwb.methods.autoencoder import Autoencoder, reconstruction_loss
from sslwb.methods.base import Method
from sslwb.methods.denoising import DenoisingAutoencoder
from sslwb.methods.family import make_views
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supervised import Supervised
from sslwb.train import fit

SIZE, CODE, FEW = 24, 64, 20
CAUSES = ("colour", "background", "x", "shape", "angle", "size")  # those that are redrawn
SETTINGS: dict[str, Any] = {"batch_size": 64, "lr": 2e-3, "weight_decay": 1e-2, "warmup": 0.1, "precision": "fp32"}
whole = {"crop": (1.0, 1.0)}  # a crop would move what has to be painted in its place
plain = weak(SIZE, **whole)
Recipe = tuple[Callable[..., Method], Any, int]  # method, views, steps

ROWS: dict[str, Recipe] = {
    "autoencoder": (partial(Autoencoder, size=SIZE), plain, 1000),
    "noise 0.2": (partial(DenoisingAutoencoder, size=SIZE), denoising(SIZE, std=0.2, **whole), 1000),
    # the same encoder, in less time
    "SimCLR": (partial(SimCLR, temperature=0.1), make_views, 250),
    "supervised": (partial(Supervised, classes=8), labelled(plain), 500),
}


def digits(split: str, seed: int) -> Images:
    """Handwritten digits in the size of the shapes."""
    there = load("digits", split, seed=seed)
    x = F.interpolate(there.x.float(), (SIZE, SIZE), mode="bilinear", antialias=True)
    return Images(x.round().to(torch.uint8), there.labels, there.classes, name="digits")


def flat(data: Images) -> Any:
    return as_float(data.x).flatten(1).numpy()


def read(z: Tensor, train: Images, q: Tensor, test: Images) -> dict[str, float]:
    causes = {f"cause {name}": cause.score for name, cause in probe_causes(z, train, q, test).items()}
    return {**accuracies(z, train, q, test), "few": mean(label_curve(z, train, q, test, (FEW,))[FEW]), **causes}


def painted(paint: Callable[[Images], Tensor], test: Images, seed: int) -> dict[str, float]:
    """The error, and of each cause the share of its change that is painted."""
    before, through = as_float(test.x), paint(test)
    found = {"error": float(reconstruction_loss(through, before))}
    for cause in CAUSES:
        other = load("shapes", "test", len(test), seed, size=SIZE, redraw=cause)
        change = as_float(other.x) - before
        found[f"kept {cause}"] = float(((paint(other) - through) * change).sum() / change.square().sum())
    return found


def measure(name: str, seed: int, share: float) -> Rows:
    train, test = load("shapes", "train", 8192, seed, size=SIZE), load("shapes", "test", 2048, seed, size=SIZE)
    bank = train[:BANK]
    if name == "PCA":
        pca = PCA(CODE, svd_solver="covariance_eigh").fit(flat(train))
        codes = [torch.from_numpy(pca.transform(flat(data))) for data in (bank, test)]

        def project(data: Images) -> Tensor:
            return torch.from_numpy(pca.inverse_transform(pca.transform(flat(data)))).view(data.x.shape).clamp(0, 1)

        yield name, painted(project, test, seed) | read(codes[0], bank, codes[1], test)
        return

    encoder, found = nets.bottleneck(nets.conv(16, seed=seed), CODE, SIZE, seed=seed), {}
    if name != "random encoder":
        make, views, steps = ROWS[name]
        method, begin = make(encoder, seed=seed), time.process_time()
        history = fit(method, train, views, steps=max(2, round(steps * share)), seed=seed, progress=False, **SETTINGS)
        found |= {"cpu seconds": time.process_time() - begin, "loss": last_loss(history, 50)}
        if isinstance(method, Autoencoder):
            found |= painted(lambda data: method.reconstruct(data.x), test, seed)
    z, q = (embed(encoder, data, "fp32") for data in (bank, test))
    found |= read(z, bank, q, test)
    if name in ("autoencoder", "random encoder"):
        seen, new = digits("train", seed), digits("test", seed)
        scores = accuracies(embed(encoder, seen, "fp32"), seen, embed(encoder, new, "fp32"), new)
        found |= {f"digits {term}": score for term, score in scores.items()}
    yield name, found


def main() -> None:
    about: dict[str, Any] = {"encoder": f"bottleneck(conv(16), {CODE}, {SIZE})", **SETTINGS}
    about |= {name: {"views": repr(views), "steps": steps} for name, (_, views, steps) in ROWS.items()}
    run(arguments(__doc__, ["PCA", "random encoder", *ROWS]).parse_args(), measure, about)


if __name__ == "__main__":
    main()
