"""What the doctor looks at: numbers from losses, settings, weights, items, views, embeddings and projections.

Nothing here judges; `faults` does. A number that cannot be had (no views were given, no norm layer is there) is None.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import MakeViews, NotRecorded, Views, rebuild
from sslwb.data import Items
from sslwb.evaluate.embedding import BATCH, evaluating, untrained
from sslwb.geometry import effective_rank, feature_std, spectrum
from sslwb.methods.base import Method
from sslwb.train.loop import History

SAMPLE = 1024  # items searched for copies
EMBEDDED = 512  # items embedded
VIEWED = 384  # items whose views are compared
NEAR = 0.025  # two items are copies when they differ by less of what any two do: of pictures, 2 grey values of 255

Show = Callable[[Tensor], Tensor] | None  # how items are shown in evaluation: the column x → the encoder's input


@dataclass
class Signs:
    """What was seen, each None where it was not looked at."""

    # losses: means over a tenth of the steps
    first_loss: float
    highest_early_loss: float
    last_loss: float
    loss_fallen_by: float
    not_finite: bool = False
    # settings
    batch: float | None = None
    negatives_in_the_batch: float | None = None
    error_of_a_correlation: float | None = None
    temperature: float | None = None
    loss_of_guessing: float | None = None
    least_loss: float | None = None
    targets_move: bool = False
    # weights
    norms_moved_by: float | None = None
    weights_grown_by: float | None = None
    one_step_moves_a_weight_by: float | None = None
    all_steps_by: float | None = None
    # items and their views as they are
    copies: float | None = None
    raw_views_match: float | None = None
    best_place_finds: float | None = None
    places_that_find: float | None = None
    lowest_value_in_views: float | None = None
    highest_value_in_views: float | None = None
    lowest_value_shown: float | None = None
    highest_value_shown: float | None = None
    size_shown: float | None = None
    # embeddings
    feature_std: float | None = None
    effective_rank: float | None = None
    dimensions: float | None = None
    views_match: float | None = None
    untrained_views_match: float | None = None
    item_and_view_match: float | None = None
    # what the loss looks at
    views_match_for_the_loss: float | None = None
    feature_std_for_the_loss: float | None = None
    effective_rank_for_the_loss: float | None = None
    directions_for_the_loss: float | None = None
    nats_for_the_loss: float | None = None

    def some(self, *names: str) -> dict[str, float]:
        """Those of the named signs that were looked at."""
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


@torch.no_grad()
def collect(
    history: History,
    encoder: nn.Module,
    data: Items,
    method: Method | None,
    make_views: MakeViews | None,
    show: Show,
) -> Signs:
    """Everything that can be seen; see `diagnose` for the arguments."""
    declared = method or declared_by(history)
    losses: dict[str, Any] = of_losses(history)
    finite = all(bool(torch.isfinite(t).all()) for t in encoder.state_dict().values())
    if not (finite and math.isfinite(losses["last_loss"])):
        return Signs(**losses, **of_settings(history, declared, 2), not_finite=True)
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))  # folders come sorted by class
    some = data[order[:EMBEDDED]].to(device)
    shown = (show(some.x),) if show else some.inputs()
    z = _run(encoder, *shown)
    signs: dict[str, Any] = losses | of_weights(history, encoder) | of_items(data, order[:SAMPLE])
    signs |= {
        "feature_std": feature_std(z),
        "effective_rank": effective_rank(z - z.mean(0)),
        "dimensions": min(z.shape),
    }
    count = 2
    if make_views is not None:
        batch, generator = data[order[:VIEWED]].to(device), torch.Generator(device).manual_seed(0)
        instances = declared.encoder_inputs if declared else _each
        views = make_views(batch, generator)
        every = instances(views)  # of all that the recipe gives, what passes the encoder
        count = len(every)
        first, *others = alike(every)
        pairs = count > 1 if declared is None else declared.pairs
        other = others[0] if others and pairs else instances(make_views(batch, generator))[0]
        if pairs:
            signs |= of_raw_views(batch, first[0], other[0]) | of_matches(encoder, method, first, other)
        else:
            signs["views_match"] = nearer(*_centred(_run(encoder, *first), _run(encoder, *other)))
        signs |= of_shown(encoder, first, [t[: len(batch)] for t in shown], z[: len(batch)])
    return Signs(**signs, **of_settings(history, declared, count))


def declared_by(history: History) -> Method | None:
    """The method that the history says was trained, with fresh weights, for what it declares; None if unknown."""
    try:
        method = rebuild(history.settings.get("method"))
    except (NotRecorded, ValueError, TypeError):  # made by code that is not here, or that takes other arguments now
        return None
    return method if isinstance(method, Method) else None


def _each(views: Views) -> list[tuple[Tensor, ...]]:
    return [(view,) for view in views]


def alike(instances: list[tuple[Tensor, ...]]) -> list[tuple[Tensor, ...]]:
    """Those of the shape of the first one: of crops in two sizes the large ones."""
    return [one for one in instances if one[0].shape == instances[0][0].shape]


def of_losses(history: History) -> dict[str, float]:
    """Where the losses began and ended, means over a tenth of the steps.

    The beginning is the highest tenth in the first third: while a queue is filling or a teacher settling, the task
    becomes harder.
    """
    losses = history["loss"]
    tenth = max(1, len(losses) // 10)
    early = range(max(1, len(losses) // 3 - tenth + 1))
    begin = max(sum(losses[i : i + tenth]) / tenth for i in early)
    last = sum(losses[-tenth:]) / tenth
    if not all(map(math.isfinite, losses)):
        last = math.nan
    signs = {"first_loss": sum(losses[:3]) / len(losses[:3]), "highest_early_loss": begin, "last_loss": last}
    return signs | {"loss_fallen_by": (begin - last) / abs(begin) if begin else 0.0}


def of_settings(history: History, method: Method | None, views: int) -> dict[str, Any]:
    """Batch, negatives and temperature, as far as they are known, and what follows from them alone."""
    batch, signs = history.settings.get("batch_size"), dict[str, Any]()
    if batch:
        signs["batch"] = batch
    if method is None:
        return signs
    signs["targets_move"] = method.moving_targets
    if method.batch_statistics and batch:
        signs["error_of_a_correlation"] = 1 / math.sqrt(batch)
    negatives = method.negatives(batch or 0, views)
    temperature = getattr(method, "temperature", None)
    if negatives and method.negatives(2 * (batch or 0), views) != negatives:  # they come with the batch
        signs["negatives_in_the_batch"] = negatives
    if negatives and temperature:
        signs |= {"temperature": temperature, "loss_of_guessing": math.log(1 + negatives)}
        # every view on its positive, and square to everything else
        signs["least_loss"] = math.log(1 + negatives * math.exp(-1 / temperature))
    return signs


def of_weights(history: History, encoder: nn.Module) -> dict[str, float]:
    """How far the encoder has gone from where it began, without knowing where: norms begin at scale 1 and shift 0, and
    weights drawn anew have the size that the first ones had."""
    norms = [
        m for m in encoder.modules() if isinstance(m, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm)
    ]
    moved = [(m.weight - 1).abs().flatten() for m in norms if m.weight is not None]
    moved += [m.bias.abs().flatten() for m in norms if m.bias is not None]
    signs = {"norms_moved_by": float(torch.cat(moved).mean())} if moved else {}
    try:
        fresh = untrained(encoder)
    except ValueError:  # weights that nothing can draw anew
        return signs
    sizes = [
        (float(p.square().mean().sqrt()), float(q.square().mean().sqrt()))
        for p, q in zip(encoder.parameters(), fresh.parameters(), strict=True)
        if p.ndim > 1
    ]
    if sizes:
        signs["weights_grown_by"] = max(now / max(first, 1e-12) for now, first in sizes)
        lr, typical = history.settings.get("lr"), sorted(first for _, first in sizes)[len(sizes) // 2]
        if lr:  # Adam moves a weight by about the learning rate in a step (Kingma and Ba 2015, section 2.1)
            signs["one_step_moves_a_weight_by"] = lr / typical  # of its size
            signs["all_steps_by"] = lr / typical * len(history) / 2  # the schedule's mean is one half
    return signs


def of_items(data: Items, sample: Tensor) -> dict[str, float]:
    """The share of the items that are there more than once: exactly among all, or nearly in the sample."""
    sums, key = [], None
    for batch in data.batches(torch.arange(len(data)).split(BATCH)):
        flat = torch.cat([t.flatten(1).float() for t in batch.inputs()], 1).cpu().view(torch.int32).long()
        if key is None:
            key = torch.randint(-(2**62), 2**62, flat.shape[1:], generator=torch.Generator().manual_seed(0))
        sums.append((flat * key).sum(1))  # a hash: equal items, equal sums
    _, which, count = torch.unique(torch.cat(sums), return_inverse=True, return_counts=True)
    some = data[sample].baseline()[1]
    apart = torch.cdist(some, some)
    near = apart.clone().fill_diagonal_(math.inf).min(1).values < NEAR * apart.median()
    return {"copies": max(float((count[which] > 1).float().mean()), float(near.float().mean()))}


def of_raw_views(batch: Items, a: Tensor, b: Tensor) -> dict[str, float]:
    """What two views of one item, both (B, …), share as they are: in all, and place by place."""
    places = [found(*pair) for pair in zip(batch.places(a.float()), batch.places(b.float()), strict=True)]
    return {
        "raw_views_match": nearer(a.flatten(1).float(), b.flatten(1).float()),
        "best_place_finds": max(places),
        "places_that_find": sum(share > 0.5 for share in places) / len(places),
    }


def of_matches(
    encoder: nn.Module, method: Method | None, a: tuple[Tensor, ...], b: tuple[Tensor, ...]
) -> dict[str, float]:
    """What two views of one item share in the embeddings, and how the space of the loss lies."""
    za, zb = _run(encoder, *a), _run(encoder, *b)
    signs = {"views_match": nearer(*_centred(za, zb))}
    with contextlib.suppress(ValueError):  # weights that nothing can draw anew
        fresh = untrained(encoder)
        signs["untrained_views_match"] = nearer(*_centred(_run(fresh, *a), _run(fresh, *b)))
    if method is None:
        return signs
    with evaluating(method):
        pa, pb = method.loss_space(za), method.loss_space(zb)
    if pa is None or pb is None:
        return signs
    pa, pb = pa.float(), pb.float()
    if method.loss_classes:
        return signs | {"nats_for_the_loss": mutual_information(pa.softmax(1))}
    standard = (pa - pa.mean(0)) / pa.std(0).clamp_min(1e-6)
    return signs | {
        "views_match_for_the_loss": nearer(*_centred(pa, pb)),
        "feature_std_for_the_loss": feature_std(pa),
        "effective_rank_for_the_loss": effective_rank(standard),
        "directions_for_the_loss": directions(standard),
    }


def of_shown(encoder: nn.Module, view: tuple[Tensor, ...], shown: list[Tensor], z: Tensor) -> dict[str, float]:
    """How items as evaluation shows them, and their embeddings z, fit the views of training."""
    seen, given = view[0][: len(z)].float(), shown[0].float()
    return {
        "item_and_view_match": nearer(*_centred(z, _run(encoder, *(t[: len(z)] for t in view)))),
        "lowest_value_in_views": float(seen.min()),
        "highest_value_in_views": float(seen.max()),
        "lowest_value_shown": float(given.min()),
        "highest_value_shown": float(given.max()),
        "size_shown": given.shape[-1] / seen.shape[-1],
    }


def nearer(a: Tensor, b: Tensor) -> float:
    """How often a row of a is nearer to its own row of b than to another's: 0.5 is chance, 1 perfect."""
    apart = torch.cdist(a, b)
    own = apart.diagonal()[:, None]
    wins = (own < apart).float() + 0.5 * (own == apart).float()
    return float((wins.sum() - 0.5 * len(a)) / (len(a) * (len(a) - 1)))


def found(a: Tensor, b: Tensor) -> float:
    """The share of the rows of a whose nearest row of b is their own; ties count in part."""
    apart = torch.cdist(a, b)
    own = apart.diagonal()[:, None]
    first = (apart < own).sum(1) == 0
    return float((first / (apart == own).sum(1)).mean())


def directions(z: Tensor) -> float:
    """(Σλ)² / Σλ² over the variances λ along the principal axes of (N, D): how many directions carry the variance."""
    spread = spectrum(z)
    return float(spread.sum().square() / spread.square().sum().clamp_min(1e-12))


def mutual_information(p: Tensor) -> float:
    """Nats that assignments (N, K) tell about which picture it is: 0 when all share alike, or one takes all."""
    return float(torch.special.entr(p.mean(0)).sum() - torch.special.entr(p).sum(1).mean())


def _centred(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both without their common mean, and of length 1: nearer is then a matter of the angle."""
    centre = torch.cat((a, b)).mean(0)
    return F.normalize(a - centre, dim=1), F.normalize(b - centre, dim=1)


def _run(network: nn.Module, *inputs: Tensor) -> Tensor:
    with evaluating(network):
        parts = zip(*(t.split(BATCH) for t in inputs), strict=True)
        return torch.cat([network(*part).float() for part in parts])
