"""What the doctor looks at: numbers from losses, settings, weights, items, views, embeddings and projections.

Nothing here judges; `faults` does. A number that cannot be had (no views were given, no norm layer is there) is None.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import MakeViews, NotRecorded, Views, check_recipe, rebuild
from sslwb.data import Items
from sslwb.evaluate.embedding import BATCH, drawn_anew, evaluating
from sslwb.evaluate.generative_signs import Generative, of_latents, of_terms
from sslwb.geometry import effective_rank, feature_std, spectrum
from sslwb.methods.base import Method
from sslwb.train.loop import History

SAMPLE = 1024  # items searched for copies
LEAST, MOST = 48, 512  # items embedded; of their views up to VIEWED are compared
VIEWED = 384
ALONE = 96  # items whose views are made one item at a time
UNMATCHED = 0.55  # hardly more than chance, 0.5: views that match less are looked at so
SECONDS = 2.0  # for embedding: a large encoder is shown fewer items
PASSES = 5  # items, two views of them, and both views untrained
NEAR = 0.025  # two items are copies when they differ by less of what any two do: of pictures, 2 grey values of 255

Show = Callable[[Tensor], Tensor] | None  # how items are shown in evaluation: the column x → the encoder's input
Pair = tuple[Tensor, Tensor] | None  # the embeddings of two views


@dataclass
class Signs(Generative):
    """What was seen, each None where it was not looked at."""

    # losses: means over a tenth of the steps
    steps: float
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
    of_two_things: bool = False  # positives are two things that belong together, rather than views of one
    loss_of_guessing: float | None = None
    of_guessing: float | None = None  # the last loss, as a share of it
    least_loss: float | None = None
    targets_move: bool = False
    term_against_collapse_grown_by: float | None = None
    # weights
    moved_by: float | None = None
    teacher_moved_by: float | None = None
    norms_moved_by: float | None = None
    weights_grown_by: float | None = None
    one_step_moves_a_weight_by: float | None = None
    all_steps_by: float | None = None
    # items and their views as they are
    copies: float | None = None
    raw_views_match: float | None = None
    least_raw_views_match: float | None = None
    least_raw_views_match_alone: float | None = None
    best_place_finds: float | None = None
    places_that_find: float | None = None
    lowest_value_in_views: float | None = None
    highest_value_in_views: float | None = None
    lowest_value_shown: float | None = None
    highest_value_shown: float | None = None
    size_shown: float | None = None
    # embeddings
    views_differ_by: float | None = None  # untrained, of what two items do: looked at where the encoder makes the views
    feature_std: float | None = None
    untrained_feature_std: float | None = None
    effective_rank: float | None = None
    untrained_effective_rank: float | None = None
    dimensions: float | None = None
    views_match: float | None = None
    untrained_views_match: float | None = None
    item_and_view_match: float | None = None
    # what the loss looks at
    views_match_for_the_loss: float | None = None
    feature_std_for_the_loss: float | None = None
    untrained_feature_std_for_the_loss: float | None = None
    effective_rank_for_the_loss: float | None = None
    directions_for_the_loss: float | None = None
    nats_for_the_loss: float | None = None
    prototypes_for_the_loss: float | None = None  # in use, of
    prototypes: float | None = None
    loss_rises_when_exchanged: float | None = None  # as a share of it

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
    begun = declared_by(history)
    known = method or begun
    if make_views is not None:
        check_recipe("make_views", make_views)
    elif known is not None:
        with contextlib.suppress(NotRecorded, ValueError, TypeError):  # made by a function of a notebook
            make_views = rebuild(history.settings.get("views"))
    losses: dict[str, Any] = of_losses(history) | of_terms(history, known)
    finite = all(bool(torch.isfinite(t).all()) for t in encoder.state_dict().values())
    if not (finite and math.isfinite(losses["last_loss"])):
        return Signs(**losses, **of_settings(history, known, None, 2), not_finite=True)
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))  # folders come sorted by class
    fresh = with_first_weights(method, encoder, begun)
    some = data[order[:MOST]].to(device)
    plain = inputs_of(some, known, make_views)
    count = affordable(encoder, plain)
    shown = [t[:count] for t in ([show(some.x)] if show else plain)]
    z = None
    with contextlib.suppress(ValueError) if show and make_views else contextlib.nullcontext():
        z = _run(encoder, *shown)  # an encoder may refuse what it is shown, and that is a sign
    signs = losses | of_weights(history, encoder, begun) | of_the_teacher(method, begun)
    signs |= of_items(data, order[:SAMPLE])
    views, instances = None, 2
    if make_views is not None:
        batch, generator = data[order[: min(count, VIEWED)]].to(device), torch.Generator(device).manual_seed(0)
        views = make_views(batch, generator)
        given = known.encoder_inputs if known else _each
        every = given(views)  # of all that the recipe gives, what passes the encoder
        instances = len(every)
        first, *others = alike(every)
        pairs = instances > 1 if known is None else known.pairs
        now: Pair = None
        then: Pair = None
        if pairs and instances == 1:  # views of one input, which differ in what becomes of it within the encoder
            now, then = (said_within(net, views) if isinstance(net, Method) else None for net in (method, fresh))
            if then is not None:
                signs["views_differ_by"] = apart(*then)
        else:
            again = make_views(batch, generator)
            if pairs:
                partner, *_ = others or [alike(given(again))[0]]
                signs |= of_raw_views(batch, first[0], partner[0])
                positives = every if known else every[:2]  # of a method that is not known a third may be a negative
                signs |= of_the_order(batch, positives, lambda few: given(make_views(few, generator)))
            else:
                partner = given(again)[0]
            now = _run(encoder, *first), _run(encoder, *partner)
            if fresh is not None:
                begin = getattr(fresh, "encoder", fresh)
                then = _run(begin, *first), _run(begin, *partner)
        if method is not None:
            signs |= of_latents(method, views)
            if method.moving_targets and not (method.pairs or method.opponents):
                signs |= of_exchanged(method, views)
        signs |= of_matches(method, fresh, now, then)
        signs |= of_shown(encoder, first, shown, z)
        z = _run(encoder, *first) if z is None else z
    elif fresh is not None:
        signs |= of_the_untrained(_run(getattr(fresh, "encoder", fresh), *shown))
    assert z is not None
    signs |= {
        "feature_std": feature_std(z),
        "effective_rank": effective_rank(z - z.mean(0)),
        "dimensions": min(z.shape),
    }
    return Signs(**signs, **of_settings(history, known, views, instances))


def declared_by(history: History) -> Method | None:
    """The method that the history says was trained, with the weights that it began with; None if unknown."""
    try:
        method = rebuild(history.settings.get("method"))
    except (NotRecorded, ValueError, TypeError):  # made by code that is not here, or that takes other arguments now
        return None
    return method if isinstance(method, Method) else None


def with_first_weights(method: Method | None, encoder: nn.Module, begun: Method | None) -> nn.Module | None:
    """The method, or else the encoder, as it began, on the same device; with other first weights where those are not
    known, and None where nothing can draw them."""
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    if begun is not None and same_shapes(begun.encoder, encoder):
        return begun.to(device)
    for trained in (method, encoder):
        if trained is not None:
            with contextlib.suppress(ValueError):
                return drawn_anew(trained)
    return None


def same_shapes(a: nn.Module, b: nn.Module) -> bool:
    """Whether two networks have weights of the same names and shapes."""
    shapes = ({name: p.shape for name, p in network.named_parameters()} for network in (a, b))
    return next(shapes) == next(shapes)


def affordable(encoder: nn.Module, shown: list[Tensor]) -> int:
    """How many of the items shown the encoder can embed, PASSES times each, in SECONDS; LEAST at least."""
    few = [t[: LEAST // 2] for t in shown]
    seconds = []
    for _ in range(3):  # the first call loads and allocates, and another process may come between
        began = time.perf_counter()
        _run(encoder, *few)
        seconds.append(time.perf_counter() - began)
    each = min(seconds) / max(1, len(few[0]))
    return min(len(shown[0]), max(LEAST, int(SECONDS / (PASSES * max(each, 1e-9)))))


def _each(views: Views) -> list[tuple[Tensor, ...]]:
    return [(view,) for view in views]


def inputs_of(some: Items, known: Method | None, make_views: MakeViews | None) -> list[Tensor]:
    """What the encoder is given of items: of pairs the first side alone, where training gave it one side at a time."""
    plain, side = list(some.inputs()), getattr(some, "a", None)
    if side is None or known is None or make_views is None:
        return plain
    views = make_views(some[:2], torch.Generator(some.device).manual_seed(0))
    return plain if len(known.encoder_inputs(views)[0]) == len(plain) else list(side.inputs())


def said_within(method: Method, views: Views) -> Pair:
    """What the encoder said of two views that are made of one input within it: the first that a layer behind it is
    given, one view behind the other. None where no layer is."""
    method, given = copy.deepcopy(method), list[Tensor]()  # a step may change what it keeps
    inside = {method, *method.encoder.modules()}
    for layer in method.modules():
        if layer not in inside:
            layer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    with evaluating(method):
        method(views)
    if not given or len(given[0]) < 2 * len(views[0]):
        return None
    a, b, *_ = given[0].float().split(len(views[0]))
    return a, b


def apart(a: Tensor, b: Tensor) -> float:
    """How far rows of a are from their own rows of b, as a share of how far they are from each other."""
    others = torch.cdist(a, a).sum() / max(1, len(a) * (len(a) - 1))
    return float((a - b).norm(dim=1).mean() / others.clamp_min(1e-12))


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
    signs: dict[str, float] = {
        "steps": len(losses),
        "first_loss": sum(losses[:3]) / len(losses[:3]),
        "highest_early_loss": begin,
        "last_loss": last,
    }
    return signs | {"loss_fallen_by": (begin - last) / abs(begin) if begin else 0.0}


def of_settings(history: History, method: Method | None, views: Views | None, instances: int) -> dict[str, Any]:
    """Batch, negatives and temperature, as far as they are known, and what follows from them and the answers alone."""
    batch, signs = history.settings.get("batch_size"), dict[str, Any]()
    if batch:
        signs["batch"] = batch
    if method is None:
        return signs
    signs["targets_move"] = method.moving_targets
    if method.batch_statistics and batch:
        signs["error_of_a_correlation"] = 1 / math.sqrt(batch)
    answers = None if views is None else method.answers(views)
    if answers is not None:
        signs["loss_of_guessing"] = of_the_best_guess(answers)
        signs["of_guessing"] = of_losses(history)["last_loss"] / max(signs["loss_of_guessing"], 1e-9)
    guard = method.against_collapse
    if guard and getattr(method, guard) and len(term := [v for v in history.terms.get(guard, []) if v == v]) > 1:
        tenth = max(1, len(term) // 10)
        begin, end = sum(term[:3]) / len(term[:3]), sum(term[-tenth:]) / tenth
        signs["term_against_collapse_grown_by"] = (end - begin) / max(begin, 1e-9)
    negatives = method.negatives(batch or 0, instances)
    temperature = getattr(method, "temperature", None)
    if negatives and method.negatives(2 * (batch or 0), instances) != negatives:  # they come with the batch
        signs["negatives_in_the_batch"] = negatives
    if negatives and temperature:
        signs["of_two_things"] = not method.pairs
        signs |= {"temperature": temperature, "loss_of_guessing": math.log(1 + negatives)}
        # every view on its positive, and square to everything else
        signs["least_loss"] = math.log(1 + negatives * math.exp(-1 / temperature))
    return signs


def of_the_best_guess(answers: Tensor) -> float:
    """The loss of who does not look at what is shown, and gives the shares of the classes, or the mean target.

    A class below 0 stands where nothing is asked.
    """
    if answers.is_floating_point():
        return float((answers.float() - answers.float().mean(0)).square().mean())
    count = answers[answers >= 0].bincount().float()
    return float(torch.special.entr(count / count.sum()).sum())


def of_weights(history: History, encoder: nn.Module, begun: Method | None) -> dict[str, Any]:
    """How far the encoder has gone from where it began. Where that is not known: norms begin at scale 1 and shift 0,
    and weights drawn anew have the size that the first ones had."""
    norms = [
        m for m in encoder.modules() if isinstance(m, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm)
    ]
    moved = [(m.weight - 1).abs().flatten() for m in norms if m.weight is not None]
    moved += [m.bias.abs().flatten() for m in norms if m.bias is not None]
    signs: dict[str, Any] = {"norms_moved_by": float(torch.cat(moved).mean())} if moved else {}
    if begun is not None and same_shapes(begun.encoder, encoder):
        first: nn.Module = begun.encoder
        signs["moved_by"] = relative_distance(zip(encoder.parameters(), first.parameters(), strict=True))
    else:
        try:
            first = drawn_anew(encoder)
        except ValueError:  # weights that nothing can draw anew
            return signs
    sizes = [
        (float(p.square().mean().sqrt()), float(q.square().mean().sqrt()))
        for p, q in zip(encoder.parameters(), first.parameters(), strict=True)
        if p.ndim > 1
    ]
    if sizes:
        signs["weights_grown_by"] = max(now / max(first, 1e-12) for now, first in sizes)
        lr, typical = history.settings.get("lr"), sorted(first for _, first in sizes)[len(sizes) // 2]
        if lr:  # Adam moves a weight by about the learning rate in a step (Kingma and Ba 2015, section 2.1)
            signs["one_step_moves_a_weight_by"] = lr / typical  # of its size
            signs["all_steps_by"] = lr / typical * len(history) / 2  # the schedule's mean is one half
    return signs


def of_the_teacher(method: Method | None, begun: Method | None) -> dict[str, float]:
    """How far what gives the moving targets has gone: the weights beside the encoder's that no gradient changes."""
    if method is None or begun is None or not method.moving_targets or not same_shapes(method, begun):
        return {}
    pairs = zip(method.named_parameters(), begun.parameters(), strict=True)
    theirs = [(p, q) for (name, p), q in pairs if not (p.requires_grad or name.startswith("encoder."))]
    return {"teacher_moved_by": relative_distance(theirs)} if theirs else {}


def relative_distance(pairs: Iterable[tuple[Tensor, Tensor]]) -> float:
    """How far the first of each pair of weights is from the second, as a share of the length of the second."""
    both = [(p.detach().float().cpu(), q.detach().float().cpu()) for p, q in pairs]
    gone = sum(float((p - q).square().sum()) for p, q in both)
    return math.sqrt(gone / max(sum(float(q.square().sum()) for _, q in both), 1e-12))


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


def of_the_order(
    batch: Items, instances: list[tuple[Tensor, ...]], make: Callable[[Items], list[tuple[Tensor, ...]]]
) -> dict[str, float]:
    """Of all views as they are, how well the one matches the first that matches it least; and, where that is hardly
    more than chance, the same where each item is alone in its batch, so that no other can take its place.

    `make` gives the views of a batch, as `instances` are those of this one.
    """
    first, *others = (one[0].flatten(1).float() for one in alike(instances))
    if not others:
        return {}
    matches = [nearer(first, other) for other in others]
    signs = {"least_raw_views_match": min(matches)}
    if min(matches) < UNMATCHED:
        count, which = min(ALONE, len(batch)), 1 + matches.index(min(matches))
        rows = torch.arange(count).repeat_interleave(VIEWED // count).split(VIEWED // count)  # an item and its copies
        made = [alike(make(batch[some])) for some in rows]
        a, b = (torch.cat([views[i][0].flatten(1).float() for views in made]) for i in (0, which))
        signs["least_raw_views_match_alone"] = nearer(a, b)
    return signs


def of_matches(method: Method | None, fresh: nn.Module | None, now: Pair, then: Pair) -> dict[str, float]:
    """What two views of one item share in their embeddings, and how the space of the loss lies; and untrained."""
    signs: dict[str, float] = {}
    if then is not None:
        signs |= of_the_untrained(then[0]) | {"untrained_views_match": nearer(*_centred(*then))}
        if isinstance(fresh, Method) and (p := _for_the_loss(fresh, then[0])) is not None:
            signs["untrained_feature_std_for_the_loss"] = feature_std(p)
    if now is None:
        return signs
    za, zb = now
    signs["views_match"] = nearer(*_centred(za, zb))
    pa, pb = (None, None) if method is None else (_for_the_loss(method, z) for z in (za, zb))
    if pa is None or pb is None:
        return signs
    if method and method.loss_classes:
        p = pa.softmax(1)
        used = float(torch.special.entr(p.mean(0)).sum().exp())
        return signs | {
            "nats_for_the_loss": mutual_information(p),
            "prototypes_for_the_loss": used,
            "prototypes": p.shape[1],
        }
    standard = (pa - pa.mean(0)) / pa.std(0).clamp_min(1e-6)
    return signs | {
        "views_match_for_the_loss": nearer(*_centred(pa, pb)),
        "feature_std_for_the_loss": feature_std(pa),
        "effective_rank_for_the_loss": effective_rank(standard),
        "directions_for_the_loss": directions(standard),
    }


def of_exchanged(method: Method, views: Views) -> dict[str, float]:
    """By how much of itself the loss of some views rises when each item's embedding goes on as the next item's: by
    nothing where what is predicted has nothing to do with what is shown."""
    method = copy.deepcopy(method)  # a step may change what it keeps
    called: list[nn.Module] = []

    def note(layer: nn.Module, _: Any, z: Any) -> None:
        if isinstance(z, Tensor):
            called.append(layer)

    hooks = [layer.register_forward_hook(note) for layer in method.encoder.modules() if not [*layer.children()]]
    with evaluating(method):
        own = float(method(views)["loss"])
        for hook in hooks:
            hook.remove()
        if not called:
            return {}
        called[-1].register_forward_hook(lambda _, x, z: z.roll(1, 0))  # the last layer of the encoder
        exchanged = float(method(views)["loss"])
    return {"loss_rises_when_exchanged": (exchanged - own) / max(abs(own), 1e-9)}


def _for_the_loss(method: Method, h: Tensor) -> Tensor | None:
    with evaluating(method):
        p = method.loss_space(h)
    return None if p is None else p.float()


def of_the_untrained(z: Tensor) -> dict[str, float]:
    """How embeddings (N, D) lay before the training."""
    return {"untrained_feature_std": feature_std(z), "untrained_effective_rank": effective_rank(z - z.mean(0))}


def of_shown(encoder: nn.Module, view: tuple[Tensor, ...], shown: list[Tensor], z: Tensor | None) -> dict[str, float]:
    """How items as evaluation shows them, and their embeddings z, fit the views of training.

    z is None where the encoder refuses the items.
    """
    count = min(len(view[0]), len(shown[0]))
    seen, given = view[0][:count].float(), shown[0][:count].float()
    signs = {
        "lowest_value_in_views": float(seen.min()),
        "highest_value_in_views": float(seen.max()),
        "lowest_value_shown": float(given.min()),
        "highest_value_shown": float(given.max()),
        "size_shown": given.shape[-1] / seen.shape[-1],
    }
    if z is not None:
        embedded = _run(encoder, *(t[:count] for t in view))
        signs["item_and_view_match"] = nearer(*_centred(z[:count], embedded))
    return signs


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
