"""One table for every encoder, and never without its baselines."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sslwb.augment import labelled
from sslwb.core import MakeViews, check_recipe, typed, usual
from sslwb.data import Items
from sslwb.evaluate.embedding import WithoutEncoder, check_encoder, embed, untrained
from sslwb.evaluate.probes import knn, linear
from sslwb.geometry import alignment, effective_rank, uniformity
from sslwb.methods.supervised import Supervised
from sslwb.train.loop import fit
from sslwb.train.store import trained

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


# A task may have a method `control(encoder, train)`, the same encoder trained from random weights on all that `train`
# knows, where that is more than a label for each item.
Task = Callable[[nn.Module, Items, Items], dict[str, float]]


def neighbours_and_probe(encoder: nn.Module, train: Items, test: Items) -> dict[str, float]:
    """The default task: kNN and linear-probe accuracy of frozen embeddings, and how the embeddings lie.

    Effective rank (RankMe) and uniformity are those of the test set; where there is no encoder they mean nothing.
    """
    z = embed(encoder, test)
    where = embed(encoder, train), train.labels.cpu(), z, test.labels.cpu()
    scores = {"knn": knn(*where), "linear": linear(*where)}
    if isinstance(encoder, WithoutEncoder):
        return scores
    return scores | {"rank": effective_rank(z[: 4 * PAIRS]), "uniformity": uniformity(z[:PAIRS])}


@typed
@usual()
def evaluate(
    encoder: nn.Module,
    train: Items,
    test: Items,
    make_views: MakeViews | None = None,
    control_steps: int = 200,
    task: Task = neighbours_and_probe,
) -> Scores:
    """Measure an encoder beside what is there without one, itself with random weights, and itself with all labels.

    Args:
        encoder: what is measured.
        train, test: containers that give an encoder inputs of the same shapes.
        make_views: the recipe of two or more views of each item; adds the column "alignment".
        control_steps: of the supervised control, which is trained once and then taken from the run store.
        task: (encoder, train, test) → {measure: number}; each row of the table is its answer for another encoder. The
            default gives kNN and linear-probe accuracy, effective rank (RankMe) and uniformity. Where it has a method
            `control(encoder, train)`, that trains the encoder of the last row.

    Raises:
        ValueError: data without labels, items of other shapes in train than in test, or `make_views` that gives no two
            views of an item.
    """
    for what, data in (("train", train), ("test", test)):
        if not isinstance(data, Items):
            raise TypeError(f"{what} is {type(data).__name__}; expected a container such as load(…) gives")
        if not len(data):
            raise ValueError(f"{what} has no items; expected at least one")
    check_encoder(encoder)
    if not callable(task):
        raise TypeError(f"task is {type(task).__name__}; expected a function")
    if make_views is not None:
        check_recipe("make_views", make_views)
    shapes, others = ([tuple(t.shape[1:]) for t in data[:1].inputs()] for data in (train, test))
    if shapes != others:
        raise ValueError(
            f"train has {train.item}s of {', '.join(map(str, shapes))} and test {test.item}s of "
            f"{', '.join(map(str, others))}; expected the same"
        )
    name, first = train[:1].baseline()
    control: Callable[[nn.Module, Items], nn.Module] | None = getattr(task, "control", None)
    encoders = {
        name: WithoutEncoder(first.shape[1]),
        "random encoder": untrained(encoder),
        "this encoder": encoder,
        "supervised": control(encoder, train) if control else _control(encoder, train, control_steps),
    }
    rows = {}
    for name, net in encoders.items():
        rows[name] = dict(task(net, train, test))
        if make_views is not None and not isinstance(net, WithoutEncoder):
            rows[name]["alignment"] = _alignment(net, test, make_views)
    return Scores(rows)


@typed
@usual()
def fine_tune(
    encoder: nn.Module,
    train: Items,
    test: Items,
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
    check_encoder(encoder)
    method = Supervised(_Normed(copy.deepcopy(encoder)), train.class_count, seed=seed)
    batch = min(batch_size, len(train))
    views = labelled(train.plain_view())
    fit(method, train, views, steps=steps, batch_size=batch, lr=lr, seed=seed, progress=False)
    with torch.no_grad():
        logits = method.classifier.cpu()(embed(method.encoder, test))
    return float((logits.argmax(1) == test.labels.cpu()).float().mean())


class _Normed(nn.Module):
    """An encoder whose features have mean 0 and deviation 1 over the batch."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.dim = int(encoder.dim)  # type: ignore[arg-type]
        self.encoder, self.norm = encoder, nn.BatchNorm1d(self.dim, affine=False)

    def forward(self, *inputs: Tensor) -> Tensor:
        h: Tensor = self.norm(self.encoder(*inputs))
        return h


def _control(encoder: nn.Module, train: Items, steps: int) -> nn.Module:
    """The same encoder, trained with all labels; found in the run store by every later evaluation on these data."""
    method = Supervised(untrained(encoder), train.class_count)
    views, batch = labelled(train.plain_view()), min(128, len(train))
    trained(method, train, views, steps=steps, batch_size=batch, progress=False)
    return method.encoder


def _alignment(encoder: nn.Module, data: Items, make_views: MakeViews) -> float:
    """Between two views of each of the first items."""
    views = make_views(data[:PAIRS], torch.Generator(data.device).manual_seed(0))
    if not isinstance(views, list) or len(views) < 2:
        raise ValueError("make_views gives no two views of an item; expected None, or a recipe such as simclr()")
    z1, z2 = (embed(encoder, view) for view in views[:2])
    return alignment(z1, z2)
