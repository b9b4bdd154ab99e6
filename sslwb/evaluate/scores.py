"""One table for every encoder, and never without its baselines."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sslwb.augment.images import weak
from sslwb.augment.tokens import unchanged
from sslwb.data import Images, Texts
from sslwb.evaluate.embedding import embed, raw, untrained
from sslwb.evaluate.probes import knn, linear
from sslwb.geometry import alignment, effective_rank, uniformity
from sslwb.methods.supervised import Supervised
from sslwb.train.loop import MakeViews, fit
from sslwb.train.store import trained

Data = Images | Texts
PAIRS = 512  # test pictures for the geometry: enough for two digits


@dataclass(frozen=True)
class Scores:
    """A row for each encoder, a column for each measure; `scores["this encoder"]["knn"]`, or `scores.knn` for short."""

    rows: dict[str, dict[str, float]]

    def __getitem__(self, row: str) -> dict[str, float]:
        if row not in self.rows:
            raise KeyError(f"no row {row!r}; expected one of {', '.join(self.rows)}")
        return self.rows[row]

    @property
    def knn(self) -> float:
        """kNN accuracy of the encoder that was asked about, 0 to 1."""
        return self.rows["this encoder"]["knn"]

    @property
    def linear(self) -> float:
        """Linear-probe accuracy of the encoder that was asked about, 0 to 1."""
        return self.rows["this encoder"]["linear"]

    def __str__(self) -> str:
        columns = list(self.rows["this encoder"])
        lines = [f"{'':16}" + "".join(f"{c:>12}" for c in columns)]
        for name, row in self.rows.items():
            lines.append(f"{name:16}" + "".join(f"{row[c]:12.3f}" if c in row else f"{'':>12}" for c in columns))
        return "\n".join(lines)


def evaluate(
    encoder: nn.Module, train: Data, test: Data, make_views: MakeViews | None = None, control_steps: int = 200
) -> Scores:
    """Measure an encoder beside raw pixels, itself with random weights, and itself trained with all labels.

    Texts have no pixels: beside their encoder stands how often each word is there.

    Columns: kNN and linear-probe accuracy; effective rank (RankMe); uniformity; and, given `make_views`, alignment.
    The supervised control is trained once for `control_steps` and then taken from the run store.

    Raises:
        ValueError: data without labels, different kinds of pictures in train and test, or texts with `make_views`.
    """
    if make_views is not None and not isinstance(train, Images):
        raise ValueError("make_views is for the alignment of two views of a picture; expected None for texts")
    if train.shape != test.shape:
        shape = "(C, H, W)" if isinstance(train, Images) else "(L,)"
        raise ValueError(
            f"train has {train.item}s of {train.shape} and test of {test.shape}; expected the same {shape}"
        )
    first = "raw pixels" if isinstance(train, Images) else "word counts"
    rows = {first: _accuracies(raw(train), train, raw(test), test)}
    control = Supervised(untrained(encoder), len(train.classes) or int(train.labels.max()) + 1)
    batch = min(128, len(train))
    trained(control, train, _labelled_views(train), steps=control_steps, batch_size=batch, progress=False)
    for name, net in {
        "random encoder": untrained(encoder),
        "this encoder": encoder,
        "supervised": control.encoder,
    }.items():
        z = embed(net, test)
        rows[name] = _accuracies(embed(net, train), train, z, test)
        rows[name] |= {"rank": effective_rank(z[: 4 * PAIRS]), "uniformity": uniformity(z[:PAIRS])}
        if make_views is not None:
            rows[name]["alignment"] = _alignment(net, test, make_views)
    return Scores(rows)


def fine_tune(
    encoder: nn.Module,
    train: Data,
    test: Data,
    *,
    steps: int = 200,
    lr: float = 1e-3,
    batch_size: int = 128,
    seed: int = 0,
) -> float:
    """Accuracy, 0 to 1, after training a copy of the encoder and a new classifier together on the labels of `train`.

    Between them stands a batch norm without scale and shift: where features vary little beside their mean, as MAE's
    do, the classifier would otherwise learn far more slowly than the encoder forgets (He et al. 2022, appendix A.1).

    Raises:
        ValueError: `train` has no labels.
    """
    classes = len(train.classes) or int(train.labels.max()) + 1
    dim: Any = encoder.dim
    whole: Any = nn.Sequential(copy.deepcopy(encoder), nn.BatchNorm1d(dim, affine=False))
    whole.dim = dim
    method = Supervised(whole, classes, seed=seed)
    batch = min(batch_size, len(train))
    fit(method, train, _labelled_views(train), steps=steps, batch_size=batch, lr=lr, seed=seed, progress=False)
    with torch.no_grad():
        logits = method.classifier.cpu()(embed(method.encoder, test))
    return float((logits.argmax(1) == test.labels.cpu()).float().mean())


def _labelled_views(data: Data) -> MakeViews:
    """What the supervised control sees: pictures in one weak view, texts as they are."""
    return weak(data.shape[-1]) if isinstance(data, Images) else unchanged


def _accuracies(train_z: Tensor, train: Data, test_z: Tensor, test: Data) -> dict[str, float]:
    where = train_z, train.labels.cpu(), test_z, test.labels.cpu()
    return {"knn": knn(*where), "linear": linear(*where)}


def _alignment(encoder: nn.Module, data: Data, make_views: MakeViews) -> float:
    """Between two views, as uint8 so that they pass through `embed` like any picture."""
    views = make_views(data.x[:PAIRS], torch.Generator(data.x.device).manual_seed(0))[:2]
    z1, z2 = (embed(encoder, (v * 255).round().to(torch.uint8)) for v in views)
    return alignment(z1, z2)
