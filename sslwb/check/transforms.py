"""Exercises on views: the same operation on a whole batch, with a choice of its own for every picture. Lesson 01."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sslwb.augment.images import LUMA
from sslwb.check.report import (
    Mistake,
    NotAttempted,
    Report,
    Trial,
    Wrong,
    attempted,
    bound,
    explained,
    judge,
    passed,
    verdict,
)


def crop(f: Any) -> Report:
    """Check `f(x, top, left, size)`: from each picture of (B, C, H, W) its own square, (B, C, size, size).

    `top` and `left` are int64 (B,): picture i is cut out at rows top[i] … top[i] + size - 1, columns from left[i].
    """

    def cut(x: Tensor, top: Tensor, left: Tensor, size: int) -> Tensor:
        parts = [p[:, t : t + size, l : l + size] for p, t, l in zip(x, top.tolist(), left.tolist(), strict=True)]
        return torch.stack(parts)

    def whole(t: Tensor, i: int) -> Tensor:
        return t[i].expand(len(t))

    mistakes = [
        Mistake(
            "One square for the whole batch, that of the first picture: each picture has its own top[i], left[i].",
            lambda x, t, l, s: cut(x, whole(t, 0), whole(l, 0), s),
        ),
        Mistake(
            "One square for the whole batch, that of the last picture: each picture has its own top[i], left[i].",
            lambda x, t, l, s: cut(x, whole(t, -1), whole(l, -1), s),
        ),
        Mistake(
            "Rows and columns are exchanged: top counts rows (dimension 2), left counts columns (dimension 3).",
            lambda x, t, l, s: cut(x, l, t, s),
        ),
        Mistake(
            "Your squares are turned over: rows and columns change places in the result. Keep rows before columns.",
            lambda x, t, l, s: cut(x, t, l, s).transpose(2, 3),
        ),
        Mistake(
            "All squares start at the corner: begin at top[i] and left[i].", lambda x, t, l, s: cut(x, 0 * t, 0 * l, s)
        ),
        Mistake(
            "Your squares start one row and one column late: counting begins with 0.",
            lambda x, t, l, s: cut(torch.nn.functional.pad(x, (0, 1, 0, 1)), t + 1, l + 1, s),
        ),
        Mistake(
            "The left edge is the same for all pictures: use left[i], one for each.",
            lambda x, t, l, s: cut(x, t, whole(l, 0), s),
        ),
        Mistake(
            "The top edge is the same for all pictures: use top[i], one for each.",
            lambda x, t, l, s: cut(x, whole(t, 0), l, s),
        ),
    ]
    g = torch.Generator().manual_seed(0)
    trials = []
    for b, c, h, w, size in ((4, 3, 8, 10, 5), (3, 1, 7, 7, 2), (5, 3, 9, 6, 4)):
        top, left = (torch.randint(side - size, (b,), generator=g) for side in (h, w))
        top[0], left[-1] = h - size - 1, 0
        about = f"{b} pictures of {c} × {h} × {w}, size {size}"
        trials.append(Trial(about, (torch.rand(b, c, h, w, generator=g), top, left, size)))
    return judge(
        "crop",
        f,
        cut,
        trials,
        mistakes,
        arguments=("x", "top", "left", "size"),
        agrees_with="slicing one by one",
        explain=lambda error, _: (
            "Tensors of several numbers cannot bound a slice. Build the row and column numbers, "
            "top[:, None] + torch.arange(size), and index with them."
            if "converted to" in str(error)
            else ""
        ),
    )


def grayscale(f: Any) -> Report:
    """Check `f(x, chosen)`: the pictures (B, 3, H, W) that `chosen`, bool (B,), names lose their colours.

    Grey is 0.2989 R + 0.587 G + 0.114 B in all three channels, as in `augment.images`.
    """
    luma = torch.tensor(LUMA)[:, None, None]

    def grey(x: Tensor, weights: Tensor = luma) -> Tensor:
        return (x * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)

    def pick(chosen: Tensor, yes: Tensor, no: Tensor) -> Tensor:
        return torch.where(chosen[:, None, None, None], yes, no)

    mistakes = [
        Mistake(
            "You took the plain mean of the channels: the eye sees green brighter, 0.2989 R + 0.587 G + 0.114 B.",
            lambda x, c: pick(c, x.mean(1, keepdim=True).expand_as(x), x),
        ),
        Mistake("Every picture is grey: only those that `chosen` names.", lambda x, _: grey(x)),
        Mistake(
            "The first picture's choice holds for the whole batch: give each its own, chosen[:, None, None, None].",
            lambda x, c: grey(x) if c[0] else x,
        ),
        Mistake(
            "One choice holds for the whole batch (any): each picture has its own, chosen[:, None, None, None].",
            lambda x, c: grey(x) if c.any() else x,
        ),
        Mistake(
            "The choice is turned round: pictures with chosen[i] True become grey.", lambda x, c: pick(c, x, grey(x))
        ),
        Mistake(
            "The weights are in the order of B, G, R: the first channel is red.",
            lambda x, c: pick(c, grey(x, luma.flip(0)), x),
        ),
        Mistake(
            "One channel alone is copied into the others: all three count, 0.2989 R + 0.587 G + 0.114 B.",
            lambda x, c: pick(c, x[:, :1].expand_as(x), x),
        ),
        Mistake(
            "Pictures that were not chosen have turned black: they stay as they are.",
            lambda x, c: pick(c, grey(x), torch.zeros_like(x)),
        ),
        Mistake("Nothing has changed: the chosen pictures lose their colours.", lambda x, _: x),
    ]
    g = torch.Generator().manual_seed(0)
    trials = []
    for b, h, w, chosen in ((4, 5, 6, (1, 0, 0, 1)), (3, 4, 4, (0, 1, 0)), (2, 3, 7, (0, 0)), (2, 3, 3, (1, 1))):
        mask = torch.tensor(chosen, dtype=torch.bool)
        trials.append(Trial(f"chosen = {mask.tolist()}", (torch.rand(b, 3, h, w, generator=g), mask)))
    return judge(
        "grayscale",
        f,
        lambda x, c: pick(c, grey(x), x),
        trials,
        mistakes,
        arguments=("x", "chosen"),
        agrees_with="sslwb.augment.images",
        explain=lambda error, _: (
            "chosen has one value a picture: chosen[:, None, None, None] spreads it over channels, rows, columns."
            if "must match" in str(error) or "ambiguous" in str(error)
            else ""
        ),
    )


def brightness(f: Any) -> Report:
    """Check `f(x, strength, generator)`: each picture of (B, C, H, W) times its own factor, cut to [0, 1].

    The factors are drawn evenly from [1 - strength, 1 + strength] with the generator. How the draw is made is free;
    what is checked is what it does.
    """

    def examine() -> Report:
        call = bound(f, ("x", "strength", "generator"))
        g = torch.Generator().manual_seed(0)
        x = 0.2 + 0.3 * torch.rand(400, 3, 4, 5, generator=g)
        y = _run(call, x, 0.4)
        if y.shape != x.shape:
            raise Wrong(f"your function returned shape {tuple(y.shape)}; expected that of x, {tuple(x.shape)}.")
        _check_factors(x, y, 0.4)
        if not torch.equal(y, _run(call, x, 0.4)):
            raise Wrong("the same generator gives other pictures: draw from it, torch.rand(…, generator=generator).")
        if torch.equal(y, _run(call, x, 0.4, seed=1)):
            raise Wrong("every seed gives the same pictures: draw from the generator that comes in, and set no seed.")
        if not torch.allclose(_run(call, x, 0.0), x, atol=1e-6):
            raise Wrong("with strength 0 the pictures change: the factor must then be 1.")
        if _run(call, torch.ones_like(x), 0.4).max() > 1 + 1e-6:
            raise Wrong("bright pictures come out above 1: cut to [0, 1] with clamp(0, 1).")
        return passed("brightness", "every picture has its own factor, in range, from the generator.")

    return verdict("brightness", examine)


def _run(call: Any, x: Tensor, strength: float, seed: int = 0) -> Tensor:
    given = x.clone()
    try:
        y = attempted(call(given, strength, torch.Generator().manual_seed(seed)))
    except (NotAttempted, NotImplementedError) as error:
        raise NotAttempted from error
    except Exception as error:
        hint = "A factor for each picture of (B, C, H, W) has shape (B, 1, 1, 1)." if "must match" in str(error) else ""
        raise Wrong(explained(error, hint)) from error
    if not isinstance(y, Tensor):
        raise Wrong(f"your function returned {type(y).__name__}; expected a tensor.")
    if not torch.equal(given, x):
        raise Wrong("your function overwrites x. Write x = x * factor instead of x *= factor.")
    return y


def _check_factors(x: Tensor, y: Tensor, strength: float) -> None:
    """Raise Wrong unless y is x times one factor a picture, spread evenly over the range."""
    whole = ((y > 0) & (y < 1)).flatten(1).all(1)  # nothing was cut: the factor can be read off
    if whole.sum() < 10:
        raise Wrong(f"with strength {strength} most pictures come out black or white: the factors lie around 1.")
    ratio, added = (y / x)[whole], (y - x)[whole]

    def alike(t: Tensor, part: Tensor) -> bool:
        return torch.allclose(t, part.expand_as(t), atol=1e-4)

    if not alike(ratio, ratio[:, :1, :1, :1]):
        if alike(added, added[:, :1, :1, :1]):
            raise Wrong("you added a number: brightness multiplies each picture by a factor.")
        if alike(ratio, ratio[:, :, :1, :1]):
            raise Wrong("each channel has its own factor, which shifts the colours: one a picture, (B, 1, 1, 1).")
        raise Wrong("each pixel has its own factor, which is noise: one for each picture, (B, 1, 1, 1).")
    factor = ratio[:, 0, 0, 0]
    low, high = float(factor.min()), float(factor.max())
    if high - low < 1e-4:
        if abs(low - 1) < 1e-4:
            raise Wrong("nothing has changed: multiply each picture by its factor.")
        raise Wrong(
            f"one random number for the whole batch ({low:.3g}): every picture needs its own. Draw B numbers and give "
            "them the shape (B, 1, 1, 1)."
        )
    first, last, slack = 1 - strength, 1 + strength, 0.1 * strength  # of 400 draws some lie that near the edge
    if not first - 1e-4 <= low <= first + slack or not last - slack <= high <= last + 1e-4:
        raise Wrong(
            f"with strength {strength} your factors run from {low:.2f} to {high:.2f}: expected {first:.1f} to "
            f"{last:.1f}, 1 + strength · (2 u - 1) with u from torch.rand."
        )
    below, central = float((factor < 1).float().mean()), float(((factor - 1).abs() < strength / 2).float().mean())
    if not (0.4 < below < 0.6 and 0.4 < central < 0.6):
        raise Wrong("your factors are in range but not drawn evenly: 1 + strength · (2 u - 1) with u from torch.rand.")
