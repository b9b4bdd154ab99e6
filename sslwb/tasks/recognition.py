"""A classifier that a person can keep: an encoder, a linear map with names for its classes, one file. Lesson 20."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sslwb.core import NotRecorded, describe, place, printable, rebuild, usual, whole
from sslwb.data import Images, Items, image_folder
from sslwb.evaluate import embed
from sslwb.evaluate.embedding import check_encoder
from sslwb.evaluate.probes import logistic
from sslwb.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

DECAY = 1e-2  # of the weights, as for the curve of few labels
KIND = "classifier of pictures"


class Answer(NamedTuple):
    """What a classifier says of one file."""

    file: Path
    name: str
    share: float  # its probability, 0 to 1


class Classifier(nn.Module):
    """Pictures → a probability for each class; see `fit_classifier`, which makes it.

    Attributes:
        encoder: what embeds the pictures.
        classes: the names of the classes.
        size: height and width of the pictures it was made with, pixels: a folder is read at that size.
        named: how many pictures it learned from.
    """

    def __init__(self, encoder: nn.Module, classes: tuple[str, ...], size: int, named: int) -> None:
        super().__init__()
        self.encoder, self.classes, self.size, self.named = encoder, classes, size, named
        dim, count = int(encoder.dim), len(classes)  # type: ignore[arg-type]
        for name, shape in {"mean": (dim,), "std": (dim,), "weights": (dim, count), "bias": (count,)}.items():
            self.register_buffer(name, torch.zeros(shape))

    @usual()
    def of_embeddings(self, z: Tensor) -> Tensor:
        """Embeddings (N, dim) → probabilities (N, C), on the CPU."""
        mean, std, weights, bias = (getattr(self, name).cpu() for name in ("mean", "std", "weights", "bias"))
        shares: Tensor = (((z.float() - mean) / std) @ weights + bias).softmax(1)
        return shares

    def forward(self, data: Items) -> Tensor:
        """Pictures as they are, N of them → probabilities (N, C), on the CPU."""
        return self.of_embeddings(embed(self.encoder, data))

    def folder(self, path: str | os.PathLike[str]) -> Iterator[Answer]:
        """What it says of every picture of a folder, in the folder's order; what cannot be read is listed and skipped.

        Raises:
            DataError: no such folder, or no readable picture.
        """
        pictures = image_folder(path, self.size, stream=True)
        shares, label = self(pictures).max(1)
        files: tuple[Path, ...] = getattr(pictures, "files", ())
        for row, file in enumerate(files):
            yield Answer(file, self.classes[int(label[row])], float(shares[row]))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Keep it in one file, which is there whole or not at all, and which `load_classifier` reads; gives its path.

        Raises:
            NotRecorded: an encoder that cannot be made again from a description, such as one of your own.
            CheckpointError: the file cannot be written.
        """
        made = describe(self.encoder)
        rebuild(made)  # now, while there is still somebody who can do something about it
        state = {
            "kind": KIND,
            "encoder": made,
            "classes": list(self.classes),
            "size": self.size,
            "named": self.named,
            "weights": {name: t.detach().cpu() for name, t in self.state_dict().items()},
        }
        save_checkpoint(path, state)
        return place(path)


@usual()
def fit_classifier(
    encoder: nn.Module, data: Images, names: Mapping[int, str], z: Tensor | None = None, decay: float = DECAY
) -> Classifier:
    """A classifier from a few named pictures: logistic regression on standardised embeddings.

    The embeddings are standardised by all pictures, named or not: their mean and spread need no names.

    Args:
        encoder: what embeds; it stays as it is.
        data: the pictures, N of them.
        names: {a picture's number: the name of its class}, of two classes or more.
        z: their embeddings (N, dim), where they are there already.
        decay: of the weights.

    Raises:
        TypeError: names is no mapping of numbers to words.
        ValueError: fewer than two classes, a number that no picture has, an empty name, or z of other pictures.
    """
    check_encoder(encoder)
    if not isinstance(names, Mapping):
        raise TypeError(f"names is {type(names).__name__}; expected a dict: a picture's number → the name of its class")
    rows = [whole("names", row) for row in names]
    for row, name in zip(rows, names.values(), strict=True):
        if not 0 <= row < len(data):
            raise ValueError(f"names holds picture {row}; expected 0 to {len(data) - 1}, one of {len(data)} pictures")
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"names calls picture {row} {name!r}; expected a word, such as 'cat'")
    called = [name.strip() for name in names.values()]
    classes = tuple(dict.fromkeys(called))
    if len(classes) < 2:
        named = f"pictures of {classes[0]!r} only" if classes else "no picture"
        raise ValueError(f"names holds {named}; expected pictures of two classes or more")
    z = embed(encoder, data) if z is None else z.float().cpu()
    if z.ndim != 2 or len(z) != len(data):
        raise ValueError(f"z has shape {tuple(z.shape)}; expected ({len(data)}, dim): one embedding a picture")
    mean, std = z.mean(0), z.std(0, correction=0)
    std = torch.where(std > 1e-6 * std.max().clamp_min(1e-12), std, torch.inf)  # a constant feature says nothing
    y = torch.tensor([classes.index(name) for name in called])
    (probe,) = logistic(((z - mean) / std)[rows], y, [decay])
    classifier = Classifier(encoder, classes, int(data.shape[-1]), len(rows))
    for name, value in {"mean": mean, "std": std, "weights": probe.weights, "bias": probe.bias}.items():
        classifier.get_buffer(name).copy_(value)
    return classifier.eval()


@usual()
def least_sure(shares: Tensor, named: Tensor) -> Tensor:
    """Which pictures to name next: those without a name, the least sure first, int64 (M,).

    How sure a classifier is, is the margin: the probability of its likeliest class minus that of the next. Equal
    margins keep their order. Source: Scheffer, Decomain and Wrobel 2001, "Active Hidden Markov Models for Information
    Extraction".

    Args:
        shares: probabilities (N, C), of two classes or more.
        named: bool (N,), True where a picture has a name.

    Raises:
        TypeError: named holds no bools.
        ValueError: shapes that do not fit, or fewer than two classes.
    """
    if not isinstance(named, Tensor) or named.dtype != torch.bool:
        came = named.dtype if isinstance(named, Tensor) else type(named).__name__
        raise TypeError(f"named is {came}; expected a torch.bool tensor: True where a picture has a name")
    if shares.ndim != 2 or shares.shape[1] < 2 or named.shape != (len(shares),):
        raise ValueError(
            f"shares has shape {tuple(shares.shape)} and named {tuple(named.shape)}; expected (N, C) with two classes "
            "or more, and (N,)"
        )
    two = shares.topk(2, dim=1).values
    order = (two[:, 0] - two[:, 1]).argsort(stable=True)
    return order[~named[order]]


def load_classifier(path: str | os.PathLike[str]) -> Classifier:
    """Read what `Classifier.save` wrote: only tensors and plain values, so that a stranger's file can run nothing.

    Raises:
        CheckpointError: no such file, damaged, or no classifier.
    """
    state = load_checkpoint(path)
    if state.get("kind") != KIND:
        raise CheckpointError(
            f"{printable(place(path))} holds no classifier; expected a file that Classifier.save wrote"
        )
    try:
        encoder = rebuild(state["encoder"])
        classifier = Classifier(encoder, tuple(state["classes"]), int(state["size"]), int(state["named"]))
        classifier.load_state_dict(state["weights"])
    except (NotRecorded, KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise CheckpointError(
            f"{printable(place(path))} holds a classifier that this version of sslwb cannot make again: {error}"
        ) from error
    return classifier.eval()
