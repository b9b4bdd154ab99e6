"""Exercises on losses: NT-Xent, InfoNCE, alignment and uniformity. Lesson 03."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb import geometry
from sslwb.check.report import Mistake, Report, Trial, drawn, judge
from sslwb.methods import simclr

# What a contrastive loss can get wrong, and what to say about it. `_contrastive` computes each of them.
COMMON = {
    "unnormalised": "You did not normalise: give every embedding the length 1 first, F.normalize(z, dim=1).",
    "normalised over the batch": "You normalised along the batch (dim=0). Each embedding, a row, gets length 1: dim=1.",
    "temperature multiplied": "You multiplied by the temperature: divide the similarities by it.",
    "temperature forgotten": "You left out the temperature: divide the similarities by it.",
    "squared distance": "You used minus the squared distance. On unit vectors that is 2 · cosine - 2, so everything is "
    "twice as sharp: use the dot product.",
    "sum": "You summed over the rows: take the mean, so that the loss does not grow with the batch.",
    "sign": "The sign is turned round: the loss is minus the logarithm, and falls when the positive stands out.",
    "no logarithm": "The logarithm is missing: the loss is -log of the positive's share.",
    "mean before logarithm": "You took the mean of the shares, then the logarithm: first -log of each, then the mean.",
    "softmax twice": "You applied softmax twice: F.cross_entropy wants similarities and does the softmax itself.",
    "positive not in denominator": "The positive is missing from the denominator: there the sum runs over the positive "
    "and all negatives.",
    "next row": "Your positives stand one row off.",
    "temperature above alone": "Only the positive is divided by the temperature: all similarities in the "
    "denominator are too.",
    "temperature below alone": "Only the denominator is divided by the temperature: the positive above is divided too.",
    "mean below": "The denominator is a mean: sum the exponentials.",
    "nearest as positive": "You took the largest similarity for the right one (argmax): the label says which it is.",
    "1 - share": "This is 1 minus the positive's share: the loss is -log of it.",
    "far is like": "You took distances for similarities, so that the farthest is the likeliest: put minus before, "
    "or use "
    "the dot product.",
    "no exponential": "The exponential is missing in the denominator: log Σ exp(similarity / temperature).",
    "log twice": "You took the logarithm twice: F.nll_loss wants log-softmax, F.cross_entropy does it itself.",
    "distance": "You used minus the distance: use the dot product, the cosine of unit vectors.",
    "log of exp left out": "The exponential is missing: the denominator sums the similarities themselves.",
    "positive alone": "Only the positives are in your loss, so all pictures in one point would be perfect: the sum "
    "over all candidates below, Σ exp(…), is missing.",
}
TWO_VIEWS = {
    "diagonal kept": "You kept each view's similarity with itself: mask the diagonal, for instance with "
    "s.fill_diagonal_(-torch.inf), before the softmax.",
    **COMMON,
    "divided by B": "Your loss is twice too large: there are 2B rows, and you divided their sum by B.",
    "one direction": "Only the first view looks for its partner: average over all 2B rows, the second view's too.",
    "other view alone": "The negatives of a view's own batch are missing: each of the 2B views has 2B - 2 negatives, "
    "the other pictures in its own batch as well as in the other view's.",
    "interleaved": "Your positives are at the wrong offset: in torch.cat([z1, z2]) the partner of row i is row i + B "
    "(and of row i + B row i), not its next-door row.",
    "itself as positive": "You named each view itself as its positive: the target of row i is row i + B.",
    "diagonal zeroed": "You set the diagonal to 0, and e⁰ = 1 is a candidate like others: put -inf there, so that a "
    "view's similarity with itself drops out.",
    "diagonal at -1": "Your diagonal holds -1 before the division, the smallest cosine, and exp(-1 / temperature) "
    "still "
    "counts: put -inf there, so that a view's similarity with itself drops out.",
    "mask turned": "The mask is turned round: it hides all but each view itself. Hide the diagonal and keep the "
    "others.",
    "labels behind the gap": "With the diagonal cut out, columns behind it move one to the left, and those before it "
    "stay: the label of row i is i + B - 1 in the first half, and i - B, unmoved, in the second.",
    "backwards": "Your positives run backwards: row i and row i + B belong together, not the first and the last.",
    "diagonal alone twice": "Each view's similarity with itself is in the denominator, and its partner is not: mask "
    "the diagonal, keep the partner.",
    "first view raw": "Only z2 is normalised: z1 gets the length 1 as well.",
    "second view raw": "Only z1 is normalised: z2 gets the length 1 as well.",
}
ONE_VIEW = {
    **COMMON,
    "columns": "You took the softmax over the anchors (dim=0). Each anchor, a row, chooses a candidate: dim=1.",
    "both directions": "You averaged both directions. Here only the anchors look for their positives.",
    "diagonal masked": "You masked the diagonal, but between anchors and candidates it holds the pairs that belong "
    "together. Only similarities of a batch with itself need the mask.",
    "all pairs": "You took the mean over all B × B entries: only the positive of a row counts, column i in row i.",
    "first view raw": "Only one side is normalised: the anchors get the length 1 as well.",
    "second view raw": "Only one side is normalised: the candidates, a row each, get the length 1 as well.",
    "all alike": "Your label is column 0 for every row: the right column of row i is i, torch.arange(B).",
    "backwards": "Your labels run backwards: row i belongs to column i.",
}


# Two mistakes at once are named only where they concern different parts: two at the end easily give what a third
# one gives.
STAGES = {
    **dict.fromkeys(("unnormalised", "normalised over the batch", "first view raw", "second view raw"), "length"),
    **dict.fromkeys(("temperature multiplied", "temperature forgotten", "squared distance", "distance"), "similarity"),
    **dict.fromkeys(("diagonal kept", "diagonal zeroed", "diagonal masked", "diagonal at -1"), "mask"),
    "other view alone": "candidates",
    "one direction": "rows",
    **dict.fromkeys(("next row", "interleaved", "itself as positive", "backwards", "all alike"), "label"),
}


def nt_xent(f: Any) -> Report:
    """Check `f(z1, z2, temperature)`, the NT-Xent of two views (B, D) → scalar, against `simclr.nt_xent`."""

    def truth(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
        return simclr.nt_xent(z1, z2, temperature=temperature)

    apart = [
        Mistake(
            "You only pull the views together (squared distance). All pictures in one point would be perfect: put the "
            "negatives in.",
            lambda z1, z2, _: (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum(1).mean(),
        ),
        Mistake(
            "You only pull the views together (minus the cosine). All pictures in one point would be perfect: put the "
            "negatives in.",
            lambda z1, z2, _: -F.cosine_similarity(z1, z2).mean(),
        ),
    ]
    return judge(
        "nt_xent",
        f,
        truth,
        _pairs(),
        [*_mistakes(_two_views, TWO_VIEWS), *apart],
        arguments=("z1", "z2", "temperature"),
        agrees_with="sslwb.methods.simclr.nt_xent",
        trained=("z1", "z2"),
        edge=_sharp(),
        edge_hint=OVERFLOW,
        explain=_mask_too_small,
    )


def info_nce(f: Any) -> Report:
    """Check `f(anchors, candidates, temperature)`: each anchor (B, D) looks for its positive among all candidates.

    The mean over i of -log( exp(a_i·c_i/t) / Σ_j exp(a_i·c_j/t) ) with unit vectors. Source: van den Oord et al. 2018,
    "Representation Learning with Contrastive Predictive Coding", equation 4.
    """
    apart = [
        Mistake(
            "This is the NT-Xent of both views. Here each anchor chooses among the B candidates alone.",
            lambda a, p, t: simclr.nt_xent(a, p, temperature=t),
        )
    ]
    return judge(
        "info_nce",
        f,
        lambda a, p, t: _one_view(a, p, t, frozenset()),
        _pairs(),
        [*_mistakes(_one_view, ONE_VIEW), *apart],
        arguments=("anchors", "candidates", "temperature"),
        agrees_with="InfoNCE",
        trained=("anchors", "candidates"),
        edge=_sharp(),
        edge_hint=OVERFLOW,
    )


def alignment(f: Any) -> Report:
    """Check `f(z1, z2)`, the mean squared distance of two views on the sphere, against `geometry.alignment`."""

    def unit(z: Tensor) -> Tensor:
        return F.normalize(z, dim=1)

    mistakes = [
        Mistake(COMMON["unnormalised"], lambda a, b: (a - b).square().sum(1).mean()),
        Mistake(
            COMMON["normalised over the batch"],
            lambda a, b: (F.normalize(a, dim=0) - F.normalize(b, dim=0)).square().sum(1).mean(),
        ),
        Mistake(
            "You took the mean over the D coordinates too: sum over them (dim=1), then the mean over the pairs.",
            lambda a, b: (unit(a) - unit(b)).square().mean(),
        ),
        Mistake("You summed over the pairs as well: take their mean.", lambda a, b: (unit(a) - unit(b)).square().sum()),
        Mistake(
            "You took the largest: take the mean over the pairs.",
            lambda a, b: (unit(a) - unit(b)).square().sum(1).max(),
        ),
        Mistake("You took the distance: square it.", lambda a, b: (unit(a) - unit(b)).norm(dim=1).mean()),
        Mistake("You took absolute differences: square them.", lambda a, b: (unit(a) - unit(b)).abs().sum(1).mean()),
        Mistake(
            "This is the cosine similarity; the squared distance is 2 - 2 · cosine.",
            lambda a, b: (unit(a) * unit(b)).sum(1).mean(),
        ),
        Mistake(
            "This is 1 - cosine, half of the squared distance: 2 - 2 · cosine.",
            lambda a, b: 1 - (unit(a) * unit(b)).sum(1).mean(),
        ),
        Mistake(
            "You took the mean of the differences, then the square: square the difference of each pair first, then "
            "take the mean over the pairs.",
            lambda a, b: (unit(a) - unit(b)).mean(0).square().sum(),
        ),
        Mistake(
            "You compared all pictures with all: compare row i with row i.",
            lambda a, b: torch.cdist(unit(a), unit(b)).square().mean(),
        ),
    ]
    trials = _pairs(2)
    return judge(
        "alignment",
        f,
        geometry.alignment,
        trials,
        mistakes,
        arguments=("z1", "z2"),
        agrees_with="sslwb.geometry.alignment",
    )


def uniformity(f: Any) -> Report:
    """Check `f(z)`, the log of the mean of exp(-2 · squared distance) over pairs, against `geometry.uniformity`."""

    def squared(z: Tensor) -> Tensor:
        return torch.pdist(F.normalize(z, dim=1)).square()

    mistakes = [
        Mistake(COMMON["unnormalised"], lambda z: torch.pdist(z).square().mul(-2).exp().mean().log()),
        Mistake(
            COMMON["normalised over the batch"],
            lambda z: torch.pdist(F.normalize(z, dim=0)).square().mul(-2).exp().mean().log(),
        ),
        Mistake(
            "You counted each embedding's distance to itself, 0: only pairs of different ones (torch.pdist).",
            lambda z: (2 * F.normalize(z, dim=1) @ F.normalize(z, dim=1).T - 2).mul(2).exp().mean().log(),
        ),
        Mistake(
            "You divided by N²: without each embedding's distance to itself there are N (N - 1) pairs.",
            lambda z: (squared(z).mul(-2).exp().mean() * (len(z) - 1) / len(z)).log(),
        ),
        Mistake("The logarithm is missing, last of all.", lambda z: squared(z).mul(-2).exp().mean()),
        Mistake("The 2 in exp(-2 · squared distance) is missing.", lambda z: squared(z).neg().exp().mean().log()),
        Mistake("You used the distance: square it.", lambda z: squared(z).sqrt().mul(-2).exp().mean().log()),
        Mistake(
            "You took the logarithm before the mean: exp and log then cancel. First the mean.",
            lambda z: squared(z).mul(-2).mean(),
        ),
        Mistake(
            "The sign in the exponent is turned round: near pairs count most, exp(-2 · squared distance).",
            lambda z: squared(z).mul(2).exp().mean().log(),
        ),
        Mistake(
            "Cosines stand where squared distances belong: 2 - 2 · cosine.",
            lambda z: (squared(z) / 2 - 1).mul(2).exp().mean().log(),
        ),
        Mistake(
            "You took the mean over the features in each squared distance: sum over them.",
            lambda z: squared(z).div(z.shape[1]).mul(-2).exp().mean().log(),
        ),
        Mistake(
            "You divided the squared distance by 2: multiply, exp(-2 · squared distance).",
            lambda z: squared(z).div(-2).exp().mean().log(),
        ),
        Mistake(
            "Only neighbouring rows are paired: all pairs of different rows count (torch.pdist).",
            lambda z: F.normalize(z, dim=1).diff(dim=0).square().sum(1).mul(-2).exp().mean().log(),
        ),
        Mistake("You summed over the pairs: take the mean.", lambda z: squared(z).mul(-2).exp().sum().log()),
        Mistake("The sign is turned round: uniformity is below 0.", lambda z: -squared(z).mul(-2).exp().mean().log()),
    ]
    trials = _pairs(1)
    return judge(
        "uniformity",
        f,
        geometry.uniformity,
        trials,
        mistakes,
        arguments=("z",),
        agrees_with="sslwb.geometry.uniformity",
    )


OVERFLOW = (
    "at temperature 0.01 yours is no longer a finite number: exp(100) is beyond float32. "
    "F.cross_entropy or torch.logsumexp take care of it."
)


def _two_views(z1: Tensor, z2: Tensor, temperature: float, wrong: frozenset[str]) -> Tensor:
    """NT-Xent with these mistakes in it; right with none."""
    b = len(z1)
    if "normalised over the batch" in wrong:
        z = _unit(torch.cat([z1, z2]), wrong)
    else:
        z = torch.cat([_unit(z1, wrong, "first"), _unit(z2, wrong, "second")])
    s = _similarity(z, z, temperature, wrong)
    row = torch.arange(2 * b)
    target = (row + b) % (2 * b)
    if "interleaved" in wrong:
        target = row ^ 1
    if "next row" in wrong:
        target = (row + 1) % (2 * b)
    if "backwards" in wrong:
        target = row.flip(0)
    if "itself as positive" in wrong:
        target = row
    elif "mask turned" in wrong:
        s = s.masked_fill(~torch.eye(2 * b, dtype=torch.bool), -1e9)
    elif "labels behind the gap" in wrong:
        s = s[~torch.eye(2 * b, dtype=torch.bool)].view(2 * b, 2 * b - 1)
        target = torch.cat((row[:b] + b - 1, (row[:b] - 1) % (2 * b - 1)))
    elif "diagonal at -1" in wrong:
        s = s.masked_fill(torch.eye(2 * b, dtype=torch.bool), -1 / temperature)
    elif "diagonal zeroed" in wrong:
        s = s.masked_fill(torch.eye(2 * b, dtype=torch.bool), 0)
    elif "diagonal alone twice" in wrong:
        wrong = wrong | {"positive not in denominator"}
    elif "diagonal kept" not in wrong:
        s = s.masked_fill(torch.eye(2 * b, dtype=torch.bool), -torch.inf)
    if "other view alone" in wrong:
        s = s.masked_fill((row[:, None] < b) == (row < b), -torch.inf)
    rows = slice(b) if "one direction" in wrong else slice(None)
    loss = _reduced(s[rows], target[rows], temperature, wrong)
    return 2 * loss if "divided by B" in wrong else loss


def _one_view(anchors: Tensor, candidates: Tensor, temperature: float, wrong: frozenset[str]) -> Tensor:
    """InfoNCE with these mistakes in it; right with none."""
    s = _similarity(_unit(anchors, wrong, "first"), _unit(candidates, wrong, "second"), temperature, wrong)
    row = torch.arange(len(s))
    if "all pairs" in wrong:
        return -s.log_softmax(1).mean()
    if "diagonal masked" in wrong:
        s = s.masked_fill(torch.eye(len(s), dtype=torch.bool), -torch.inf)
    target = (row + 1) % len(s) if "next row" in wrong else row
    if "all alike" in wrong:
        target = torch.zeros_like(row)
    if "backwards" in wrong:
        target = row.flip(0)
    if "both directions" in wrong:
        return (_reduced(s, target, temperature, wrong) + _reduced(s.T, target, temperature, wrong)) / 2
    return _reduced(s.T if "columns" in wrong else s, target, temperature, wrong)


def _unit(z: Tensor, wrong: frozenset[str], view: str = "") -> Tensor:
    if "unnormalised" in wrong or f"{view} view raw" in wrong:
        return z
    return F.normalize(z, dim=0 if "normalised over the batch" in wrong else 1)


def _similarity(a: Tensor, b: Tensor, temperature: float, wrong: frozenset[str]) -> Tensor:
    s = -(a[:, None] - b).square().sum(2) if "squared distance" in wrong else a @ b.T
    if "distance" in wrong:
        s = -torch.cdist(a, b)
    if "far is like" in wrong:
        s = (a[:, None] - b).square().sum(2) / 2
    if "temperature forgotten" in wrong:
        return s
    return s * temperature if "temperature multiplied" in wrong else s / temperature


def _reduced(s: Tensor, target: Tensor, temperature: float, wrong: frozenset[str]) -> Tensor:
    """The loss of similarities (R, C), whose positives stand in the columns `target`."""
    if "nearest as positive" in wrong:
        target = s.argmax(1)
    if "1 - share" in wrong:
        return 1 - s.softmax(1).gather(1, target[:, None]).mean()
    if "softmax twice" in wrong:
        s = s.softmax(1)
    positive = s.gather(1, target[:, None])[:, 0]
    if "positive not in denominator" in wrong:
        s = s.scatter(1, target[:, None], -torch.inf)
    if "temperature above alone" in wrong:
        s = s * temperature
    if "temperature below alone" in wrong:
        positive = positive * temperature
    below = s.logsumexp(1)
    if "mean below" in wrong:
        below = below - s.isfinite().sum(1).log()
    if "no exponential" in wrong:
        below = s.where(s.isfinite(), 0).sum(1).log()
    if "log of exp left out" in wrong:
        below = s.where(s.isfinite(), 0).sum(1)
    if "log twice" in wrong:
        positive, below = (positive - below).neg().log().neg(), torch.zeros(())
    if "positive alone" in wrong:
        below = torch.zeros(())
    share = positive - below  # the logarithm of it
    if "mean before logarithm" in wrong:
        return -share.exp().mean().log()
    loss = share.exp() if "no logarithm" in wrong else share
    loss = loss if "sign" in wrong else -loss
    return loss.sum() if "sum" in wrong else loss.mean()


def _mistakes(compute: Any, hints: dict[str, str]) -> list[Mistake]:
    """Each mistake alone, then every two together."""

    def one(*names: str) -> Any:
        return lambda a, b, t: compute(a, b, t, frozenset(names))

    singles = [Mistake(hint, one(name)) for name, hint in hints.items()]
    pairs = [
        Mistake(f"Two things: 1. {hints[a]}\n  2. {hints[b]}", one(a, b))
        for a, b in combinations(hints, 2)
        if STAGES.get(a, "end") != STAGES.get(b, "end")
    ]
    return singles + pairs


def _pairs(arguments: int = 3) -> list[Trial]:
    """Two views that resemble each other, of several sizes, lengths and temperatures; the first of these arguments."""

    def draw(g: torch.Generator, B: int, D: int, temperature: float) -> tuple[Any, ...]:
        z1 = torch.randn(B, D, generator=g)
        z2 = z1 + 0.5 * torch.randn(B, D, generator=g)
        length = 0.5 + torch.rand(2, B, 1, generator=g)
        return (z1 * length[0], z2 * length[1], temperature)[:arguments]

    wording = "B = {B}, D = {D}" + (", temperature {temperature}" if arguments == 3 else "")
    sizes = ((4, 8, 0.5), (2, 3, 1.0), (5, 2, 0.2), (3, 16, 2.0), (8, 4, 0.1))
    return drawn(draw, wording, *({"B": b, "D": d, "temperature": t} for b, d, t in sizes))


def _sharp() -> Trial:
    g = torch.Generator().manual_seed(1)
    z = torch.randn(4, 8, generator=g)
    return Trial("temperature 0.01", (z, z + 0.1 * torch.randn(4, 8, generator=g), 0.01))


def _mask_too_small(error: Exception, trial: Trial) -> str:
    """B×B met 2B×2B: the most copied mistake of all."""
    b, text = len(trial.inputs[0]), str(error)
    if str(b) in text and str(2 * b) in text:
        return (
            f"B = {b} meets 2B = {2 * b}. Two views of {b} pictures are {2 * b} rows, so their similarities are "
            f"{2 * b} × {2 * b}: mask and targets must cover all of them, not {b} × {b}."
        )
    return ""
