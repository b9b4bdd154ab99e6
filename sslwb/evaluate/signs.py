"""What the doctor looks at: numbers from losses, settings, weights, pictures, views, embeddings and projections.

Nothing here judges; `faults` does. A number that cannot be had (no views were given, no norm layer is there) is absent.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.data import Images
from sslwb.evaluate.embedding import BATCH, evaluating, untrained
from sslwb.geometry import effective_rank, feature_std, spectrum
from sslwb.methods.base import Method
from sslwb.train.loop import History, MakeViews

SAMPLE = 1024  # pictures searched for copies
EMBEDDED = 512  # pictures embedded
VIEWED = 384  # pictures whose views are compared
NEAR = 2 / 255  # two pictures are copies when they differ by less, root of the mean square over the pixels

Signs = dict[str, float]
Show = Callable[[Tensor], Tensor]  # how pictures are shown in evaluation: uint8 (B, C, H, W) → float


@torch.no_grad()
def collect(
    history: History, encoder: nn.Module, data: Images, method: Method | None, make_views: MakeViews | None, show: Show
) -> Signs:
    """Everything that can be seen; see `diagnose` for the arguments."""
    signs = of_losses(history) | of_settings(history, method)
    finite = all(bool(torch.isfinite(t).all()) for t in encoder.state_dict().values())
    if not (finite and math.isfinite(signs["last loss"])):
        return signs | {"numbers that are none": 1.0}
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))  # folders come sorted by class
    signs |= of_weights(history, encoder) | of_pictures(data.x, order[:SAMPLE])
    shown = show(data.x[order[:EMBEDDED]].to(device))
    z = _run(encoder, shown)
    signs |= {"feature std": feature_std(z), "effective rank": effective_rank(z - z.mean(0)), "of": min(z.shape)}
    if make_views is not None:
        x = data.x[order[:VIEWED]].to(device)
        generator = torch.Generator(device).manual_seed(0)
        views = make_views(x, generator)
        first, *others = [v for v in views if v.shape == views[0].shape]
        if len(views) > 1 and not labelled(history, method):
            other = others[0] if others else make_views(x, generator)[0]
            signs |= of_pixels(first, other) | of_matches(encoder, method, first, other)
        else:
            signs["views match"] = nearer(*_centred(_run(encoder, first), _run(encoder, make_views(x, generator)[0])))
        signs |= {"lowest value in views": float(first.min()), "highest value in views": float(first.max())}
        signs |= of_shown(encoder, first, shown[: len(x)], z[: len(x)])
    return signs


def labelled(history: History, method: Method | None) -> bool:
    """Whether the loss is about names, not about pairs of views."""
    return method.labelled if method is not None else history.settings.get("method") == "Supervised"


def of_losses(history: History) -> Signs:
    """Where the losses began and ended, means over a tenth of the steps.

    The beginning is the highest tenth in the first third: while a queue is filling or a teacher settling, the task
    becomes harder.
    """
    losses = history.terms["loss"]
    tenth = max(1, len(losses) // 10)
    early = range(max(1, len(losses) // 3 - tenth + 1))
    begin = max(sum(losses[i : i + tenth]) / tenth for i in early)
    last = sum(losses[-tenth:]) / tenth
    if not all(map(math.isfinite, losses)):
        last = math.nan
    signs = {"first loss": sum(losses[:3]) / len(losses[:3]), "highest early loss": begin, "last loss": last}
    return signs | {"loss fallen by": (begin - last) / abs(begin) if begin else 0.0}


def of_settings(history: History, method: Method | None) -> Signs:
    """Batch, negatives and temperature, as far as they were recorded, and what follows from them alone."""
    settings, signs = history.settings, Signs()
    name, batch, temperature = settings.get("method"), settings.get("batch_size"), settings.get("temperature")
    candidates = None
    if batch:
        signs["batch"] = batch
        if name == "SimCLR":
            views = str(settings.get("views", "")).partition("kinds=((")[2].partition(",")[0]  # MakeViews(kinds=((2, …
            candidates = 1 + (int(views) if views.isdigit() else 2) * (batch - 1)
            signs["negatives in the batch"] = candidates - 1
        elif name in ("BarlowTwins", "VICReg"):
            signs["error of a correlation"] = 1 / math.sqrt(batch)
    if isinstance(queue := getattr(method, "queue", None), Tensor):
        candidates = 1 + len(queue)
    if candidates and temperature:
        signs |= {"temperature": temperature, "loss of guessing": math.log(candidates)}
        # every view on its positive, and square to everything else
        signs["least loss"] = math.log(1 + (candidates - 1) * math.exp(-1 / temperature))
    return signs | ({"targets move": 1.0} if name in ("MoCo", "BYOL", "DINO") else {})


def of_weights(history: History, encoder: nn.Module) -> Signs:
    """How far the encoder has gone from where it began, without knowing where: norms begin at scale 1 and shift 0, and
    weights drawn anew have the size that the first ones had."""
    norms = [
        m for m in encoder.modules() if isinstance(m, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm)
    ]
    moved = [(m.weight - 1).abs().flatten() for m in norms if m.weight is not None]
    moved += [m.bias.abs().flatten() for m in norms if m.bias is not None]
    signs: Signs = {"norms moved by": float(torch.cat(moved).mean())} if moved else {}
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
        signs["weights grown by"] = max(now / max(first, 1e-12) for now, first in sizes)
        lr, typical = history.settings.get("lr"), sorted(first for _, first in sizes)[len(sizes) // 2]
        if lr:  # Adam moves a weight by about the learning rate in a step (Kingma and Ba 2015, section 2.1)
            signs["one step moves a weight by"] = lr / typical  # of its size
            signs["all steps by"] = lr / typical * len(history) / 2  # the schedule's mean is one half
    return signs


def of_pictures(x: Tensor, sample: Tensor) -> Signs:
    """The share of the pictures that are there more than once: exactly among all, or nearly in the sample."""
    flat = x.flatten(1)
    key = torch.randint(-(2**62), 2**62, flat.shape[1:], generator=torch.Generator().manual_seed(0)).to(x.device)
    parts = [(part.long() * key).sum(1) for part in flat.split(BATCH)]  # a hash: equal pictures, equal sums
    _, which, count = torch.unique(torch.cat(parts), return_inverse=True, return_counts=True)
    some = flat[sample.to(x.device)].float() / 255
    apart = torch.cdist(some, some) / math.sqrt(some.shape[1])
    near = apart.fill_diagonal_(math.inf).min(1).values < NEAR
    return {"copies": max(float((count[which] > 1).float().mean()), float(near.float().mean()))}


def of_pixels(a: Tensor, b: Tensor) -> Signs:
    """What two views of one picture, both (B, C, H, W), share in the pixels themselves: in all, and place by place."""
    side = max(4, a.shape[-1] // 8)
    places = [
        found(a[:, :, i : i + side, j : j + side].flatten(1), b[:, :, i : i + side, j : j + side].flatten(1))
        for i in range(0, max(1, a.shape[-2] - side + 1), side // 2)
        for j in range(0, max(1, a.shape[-1] - side + 1), side // 2)
    ]
    return {
        "pixels match": nearer(a.flatten(1), b.flatten(1)),
        "best place finds": max(places),
        "places that find": sum(share > 0.5 for share in places) / len(places),
    }


def of_matches(encoder: nn.Module, method: Method | None, a: Tensor, b: Tensor) -> Signs:
    """What two views of one picture, both (B, C, H, W), share in the embeddings, and how the space of the loss lies."""
    za, zb = _run(encoder, a), _run(encoder, b)
    signs = {"views match": nearer(*_centred(za, zb))}
    with contextlib.suppress(ValueError):  # weights that nothing can draw anew
        fresh = untrained(encoder)
        signs["untrained, they match"] = nearer(*_centred(_run(fresh, a), _run(fresh, b)))
    if (projector := getattr(method, "projector", None)) is not None:
        pa, pb = _run(projector, za), _run(projector, zb)
        standard = (pa - pa.mean(0)) / pa.std(0).clamp_min(1e-6)
        signs["views match for the loss"] = nearer(*_centred(pa, pb))
        signs["feature std for the loss"] = feature_std(pa)
        signs["effective rank for the loss"] = effective_rank(standard)
        signs["directions for the loss"] = directions(standard)
    elif (head := getattr(method, "head", None)) is not None:
        signs["nats for the loss"] = mutual_information(
            (_run(head, za) / getattr(method, "temperature", 1.0)).softmax(1)
        )
    return signs


def of_shown(encoder: nn.Module, view: Tensor, shown: Tensor, z: Tensor) -> Signs:
    """How pictures as evaluation shows them, and their embeddings z, fit the views of training."""
    return {
        "picture and view match": nearer(*_centred(z, _run(encoder, view))),
        "lowest value shown": float(shown.min()),
        "highest value shown": float(shown.max()),
        "side shown": shown.shape[-1] / view.shape[-1],
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


def _run(network: nn.Module, x: Tensor) -> Tensor:
    with evaluating(network):
        return torch.cat([network(part).float() for part in x.split(BATCH)])
