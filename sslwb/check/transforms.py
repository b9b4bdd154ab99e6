"""Exercises on views: the same operation on a whole batch, with a choice of its own for every picture. Lesson 01."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sslwb.augment.images import LUMA
from sslwb.check.report import (
    Bound,
    Mistake,
    Report,
    Trial,
    Wrong,
    answer,
    bound,
    drawn,
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
            "Your squares start one row late: counting begins with 0.",
            lambda x, t, l, s: cut(torch.nn.functional.pad(x, (0, 1, 0, 1)), t + 1, l, s),
        ),
        Mistake(
            "Your squares start one column late: counting begins with 0.",
            lambda x, t, l, s: cut(torch.nn.functional.pad(x, (0, 1, 0, 1)), t, l + 1, s),
        ),
        Mistake(
            "Your squares are one too large: the last row is top + size - 1, and a slice leaves its end out.",
            lambda x, t, l, s: cut(x, t, l, s + 1),
        ),
        Mistake(
            "Your squares are one too small: a slice leaves its end out, top : top + size.",
            lambda x, t, l, s: cut(x, t, l, s - 1),
        ),
        Mistake(
            "Your squares start at top[i] for rows and columns: columns start at left[i].",
            lambda x, t, l, s: cut(x, t, t, s),
        ),
        Mistake(
            "Your squares start at left[i] for rows and columns: rows start at top[i].",
            lambda x, t, l, s: cut(x, l, l, s),
        ),
        Mistake("Only the first channel is there: keep all of them.", lambda x, t, l, s: cut(x, t, l, s)[:, :1]),
        Mistake(
            "Only the first channel is there, and its axis is gone: keep all of them.",
            lambda x, t, l, s: cut(x, t, l, s)[:, 0],
        ),
        Mistake(
            "All rows are there: rows are cut too, from top[i].",
            lambda x, t, l, s: torch.stack([p[:, :, a : a + s] for p, a in zip(x, l.tolist(), strict=True)]),
        ),
        Mistake(
            "All columns are there: columns are cut too, from left[i].",
            lambda x, t, l, s: torch.stack([p[:, a : a + s] for p, a in zip(x, t.tolist(), strict=True)]),
        ),
        Mistake(
            "top and left are the square's first row and column, and you took them for its middle.",
            lambda x, t, l, s: cut(torch.nn.functional.pad(x, (s, s, s, s)), t + s - s // 2, l + s - s // 2, s),
        ),
        Mistake(
            "top and left are the square's first row and column, and you took them for its middle.",
            lambda x, t, l, s: cut(x, (t - s // 2).clamp(min=0), (l - s // 2).clamp(min=0), s),
        ),
        Mistake(
            "The pictures come one behind the other along the channels: torch.stack instead of torch.cat.",
            lambda x, t, l, s: cut(x, t, l, s).flatten(0, 1),
        ),
        Mistake(
            "Your squares are flipped left to right: columns count upwards.", lambda x, t, l, s: cut(x, t, l, s).flip(3)
        ),
        Mistake(
            "Your squares are flipped upside down: rows count upwards.", lambda x, t, l, s: cut(x, t, l, s).flip(2)
        ),
        Mistake(
            "All squares lie in the middle of the picture: begin at top[i] and left[i].",
            lambda x, t, l, s: cut(x, 0 * t + (x.shape[2] - s) // 2, 0 * l + (x.shape[3] - s) // 2, s),
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

    def draw(g: torch.Generator, B: int, C: int, H: int, W: int, size: int) -> tuple[Any, ...]:
        top, left = torch.randint(min(H, W) - size, (2, B), generator=g)  # so that exchanged they cut squares too
        top[0], left[-1] = min(H, W) - size - 1, 0
        return torch.rand(B, C, H, W, generator=g), top, left, size

    sizes = ((4, 3, 8, 10, 5), (3, 1, 7, 7, 2), (5, 3, 9, 6, 4))
    trials = drawn(
        draw,
        "{B} pictures of {C} × {H} × {W}, size {size}",
        *(dict(zip(("B", "C", "H", "W", "size"), s, strict=True)) for s in sizes),
    )
    return judge(
        "crop",
        f,
        cut,
        trials,
        mistakes,
        arguments=("x", "top", "left", "size"),
        agrees_with="slicing one by one",
        places=lambda x, top, left, size: {
            f"picture {i}": (torch.arange(len(x)) == i)[:, None, None, None].expand(-1, x.shape[1], size, size)
            for i in range(len(x))
        },
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
            "You took the sum of the channels: weigh them, 0.2989 R + 0.587 G + 0.114 B.",
            lambda x, c: pick(c, x.sum(1, keepdim=True).expand_as(x), x),
        ),
        Mistake(
            "You took the largest channel: weigh them, 0.2989 R + 0.587 G + 0.114 B.",
            lambda x, c: pick(c, x.amax(1, keepdim=True).expand_as(x), x),
        ),
        Mistake(
            "You took the mean of the largest and the smallest channel: weigh all three, 0.2989 R + 0.587 G + 0.114 B.",
            lambda x, c: pick(c, (x.amax(1, keepdim=True) + x.amin(1, keepdim=True)).expand_as(x) / 2, x),
        ),
        Mistake(
            "Green alone is copied into the others: all three count, 0.2989 R + 0.587 G + 0.114 B.",
            lambda x, c: pick(c, x[:, 1:2].expand_as(x), x),
        ),
        Mistake(
            "Blue alone is copied into the others: all three count, 0.2989 R + 0.587 G + 0.114 B.",
            lambda x, c: pick(c, x[:, 2:].expand_as(x), x),
        ),
        Mistake(
            "Each channel is multiplied by its weight, but they are not added: a grey pixel has one number, the "
            "sum, three "
            "times.",
            lambda x, c: pick(c, x * luma, x),
        ),
        Mistake(
            "The sum is taken over the pictures (dim=0): the channels are dimension 1.",
            lambda x, c: pick(c, (x * luma).sum(0, keepdim=True).expand_as(x), x),
        ),
        Mistake(
            "One grey for the whole picture: each pixel has its own, so take no mean over rows and columns.",
            lambda x, c: pick(c, grey(x).mean((2, 3), keepdim=True).expand_as(x), x),
        ),
        Mistake(
            "The grey stands in the first channel alone: it stands in all three.",
            lambda x, c: torch.cat((pick(c, grey(x), x)[:, :1], x[:, 1:]), 1),
        ),
        Mistake(
            "The grey stands in the first channel alone, and the others are 0: it stands in all three.",
            lambda x, c: pick(c, grey(x) * torch.tensor((1.0, 0.0, 0.0))[:, None, None], x),
        ),
        Mistake(
            "The weighted sum is divided by 3 once more: the weights sum to 1 already.",
            lambda x, c: pick(c, grey(x) / 3, x),
        ),
        Mistake(
            "The result is half grey, half colour: chosen pictures lose all of their colours.",
            lambda x, c: pick(c, (grey(x) + x) / 2, x),
        ),
        Mistake(
            "These are the chosen pictures alone: the others belong into the result too, as they are.",
            lambda x, c: grey(x)[c],
        ),
        Mistake(
            "One choice holds for the whole batch (all): each picture has its own, chosen[:, None, None, None].",
            lambda x, c: grey(x) if c.all() else x,
        ),
        Mistake(
            "The last picture's choice holds for the whole batch: give each its own, chosen[:, None, None, None].",
            lambda x, c: grey(x) if c[-1] else x,
        ),
        Mistake("Chosen pictures have turned black: they become grey.", lambda x, c: pick(c, torch.zeros_like(x), x)),
        Mistake(
            "The weights are those of another order, G, R, B: the first channel is red.",
            lambda x, c: pick(c, grey(x, luma[[1, 0, 2]]), x),
        ),
        Mistake(
            "The weights are those of another standard, 0.2126, 0.7152, 0.0722: 0.2989 R + 0.587 G + 0.114 B.",
            lambda x, c: pick(c, grey(x, torch.tensor((0.2126, 0.7152, 0.0722))[:, None, None]), x),
        ),
        Mistake(
            "The result has one channel: grey in all three, .expand(-1, 3, -1, -1).",
            lambda x, c: pick(c, grey(x), x)[:, :1],
        ),
        Mistake(
            "Pictures that were not chosen have turned black: they stay as they are.",
            lambda x, c: pick(c, grey(x), torch.zeros_like(x)),
        ),
        Mistake("Nothing has changed: the chosen pictures lose their colours.", lambda x, _: x),
    ]

    def draw(g: torch.Generator, H: int, W: int, chosen: list[bool]) -> tuple[Any, ...]:
        return torch.rand(len(chosen), 3, H, W, generator=g), torch.tensor(chosen)

    choices = ((5, 6, (1, 0, 0, 1)), (4, 4, (0, 1, 0)), (3, 7, (0, 0)), (3, 3, (1, 1)), (4, 5, (0, 1, 1, 0, 1)))
    trials = drawn(
        draw,
        "chosen = {chosen}",
        *({"H": h, "W": w, "chosen": [bool(c) for c in chosen]} for h, w, chosen in choices),
    )
    return judge(
        "grayscale",
        f,
        lambda x, c: pick(c, grey(x), x),
        trials,
        mistakes,
        arguments=("x", "chosen"),
        agrees_with="sslwb.augment.images",
        places=lambda x, chosen: {
            "pictures that are chosen": chosen[:, None, None, None].expand_as(x),
            "pictures that are not chosen": ~chosen[:, None, None, None].expand_as(x),
        },
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
        if y.std() > 0.01 and torch.allclose(y, _run(call, x / 2, 0.4), atol=1e-5):
            raise Wrong(
                "your result stays the same when all pictures are half as bright: it is divided by its largest value "
                "(or by a mean). Cut it to [0, 1] with clamp(0, 1), and divide by nothing."
            )
        _check_factors(x, y, 0.4)
        if not torch.equal(y, _run(call, x, 0.4)):
            raise Wrong("the same generator gives other pictures: draw from it, torch.rand(…, generator=generator).")
        if torch.equal(y, _run(call, x, 0.4, seed=1)):
            raise Wrong("every seed gives the same pictures: draw from the generator that comes in, and set no seed.")
        dark = x / 8
        stronger = _run(call, dark, 0.8)
        if torch.allclose(stronger, y / 8, atol=1e-5):
            raise Wrong(
                "strengths of 0.4 and 0.8 give the same factors: `strength` is not used, a number stands in its place. "
                "So with strength 0 the pictures change too."
            )
        _check_factors(dark, stronger, 0.8)
        if not torch.allclose(_run(call, x, 0.0), x, atol=1e-6):
            raise Wrong("with strength 0 the pictures change: the factor must then be 1. Is `strength` used?")
        white = _run(call, torch.ones_like(x), 0.4)
        if white.max() > 1 + 1e-6:
            raise Wrong("bright pictures come out above 1: cut to [0, 1] with clamp(0, 1).")
        if white.max() < 1 - 1e-6:
            raise Wrong(
                "white pictures never stay white, though half of the factors are above 1: cut to [0, 1], no lower."
            )
        if not torch.allclose(_run(call, 0.5 * torch.ones_like(x), 0.4).amax(), torch.tensor(0.7), atol=0.03):
            raise Wrong("grey pictures of 0.5 do not reach 0.7 with strength 0.4: first multiply, then cut to [0, 1].")
        return passed("brightness", "every picture has its own factor, in range, from the generator.")

    return verdict("brightness", examine)


def _run(call: Bound, x: Tensor, strength: float, seed: int = 0) -> Tensor:
    def hint(error: Exception, _: Trial) -> str:
        return "A factor for each picture of (B, C, H, W) has shape (B, 1, 1, 1)." if "must match" in str(error) else ""

    generator = torch.Generator().manual_seed(seed)
    y = answer(call, Trial(f"strength {strength}", (x, strength, generator)), hint)
    if not isinstance(y, Tensor):
        raise Wrong(f"your function returned {type(y).__name__}; expected a tensor.")
    if y.layout != torch.strided:
        raise Wrong("your function returned a sparse tensor; expected an ordinary one: end with .to_dense().")
    if y.shape != x.shape:
        raise Wrong(
            f"your function returned shape {tuple(y.shape)}; expected that of x, {tuple(x.shape)}. Has each factor the "
            "shape (B, 1, 1, 1)?"
        )
    if y.dtype != x.dtype:
        raise Wrong(f"your function returned {y.dtype}; expected the dtype of x, {x.dtype}: was something converted?")
    if not y.isfinite().all():
        raise Wrong("a value is infinite or NaN: multiply by the factor, and divide by nothing.")
    return y


def _check_factors(x: Tensor, y: Tensor, strength: float) -> None:
    """Raise Wrong unless y is x times one factor a picture, spread evenly over the range."""
    whole = ((y > 0) & (y < 1)).flatten(1).all(1)  # nothing was cut: the factor can be read off
    if whole.sum() < 10:
        raise Wrong(
            f"with strength {strength} most pictures come out with black or white pixels, though none is near "
            "either: the "
            "factors lie around 1, 1 + strength · (2 u - 1) with u from torch.rand."
        )
    ratio, added = (y / x)[whole], (y - x)[whole]

    def alike(t: Tensor, part: Tensor) -> bool:
        return torch.allclose(t, part.expand_as(t), atol=1e-4)

    if not alike(ratio, ratio[:, :1, :1, :1]):
        some, came = x[whole], y[whole]
        centred = some - some.mean((1, 2, 3), keepdim=True)
        slope = (came * centred).sum((1, 2, 3), keepdim=True) / centred.square().sum((1, 2, 3), keepdim=True)
        power = came.log() / some.log()
        if alike(added, added[:, :1, :1, :1]):
            raise Wrong("you added a number: brightness multiplies each picture by a factor.")
        if alike(power, power[:, :1, :1, :1]):
            raise Wrong("this is a power of each picture (gamma): brightness multiplies it by a factor.")
        if alike(came, (some.mean((1, 2, 3), keepdim=True) + slope * centred)):
            raise Wrong(
                "this moves each pixel away from the picture's mean, or towards it (contrast): brightness "
                "multiplies all "
                "of its pixels by one factor."
            )
        if alike(ratio, ratio[:, :, :1, :1]):
            raise Wrong("each channel has its own factor, which shifts the colours: one a picture, (B, 1, 1, 1).")
        if alike(ratio, ratio[:, :1, :, :1]):
            raise Wrong("each row of a picture has its own factor: one a picture, (B, 1, 1, 1).")
        if alike(ratio, ratio[:, :1, :1, :]):
            raise Wrong("each column of a picture has its own factor: one a picture, (B, 1, 1, 1).")
        if alike(ratio, ratio[:1]):
            raise Wrong(
                "all pictures share the same factors, which differ from pixel to pixel: one a picture, (B, 1, 1, 1)."
            )
        one_channel = " (and the same in all channels)" if alike(ratio, ratio[:, :1]) else ""
        raise Wrong(f"each pixel has its own factor{one_channel}, which is noise: one for each picture, (B, 1, 1, 1).")
    factor = ratio[:, 0, 0, 0]
    low, high = float(factor.min()), float(factor.max())
    if high - low < 1e-4:
        if abs(low - (1 + strength)) < 1e-4 or abs(low - (1 - strength)) < 1e-4:
            raise Wrong(
                f"all pictures have the factor {low:.3g}, and nothing is drawn: 1 + strength · (2 u - 1) with u from "
                "torch.rand(B, 1, 1, 1, generator=generator)."
            )
        if abs(low - 1) < 1e-4:
            raise Wrong("nothing has changed: multiply each picture by its factor.")
        raise Wrong(
            f"one random number for the whole batch ({low:.3g}): every picture needs its own. Draw B numbers and give "
            "them the shape (B, 1, 1, 1)."
        )
    first, last, slack = 1 - strength, 1 + strength, 0.1 * strength  # of 400 draws some lie that near the edge
    if not first - 1e-4 <= low <= first + slack or not last - slack <= high <= last + 1e-4:
        known = {
            (1, 1 + strength): "Yours only make brighter.",
            (1 - strength, 1): "Yours only make darker.",
            (0, strength): "The 1 is missing.",
            (-strength, strength): "The 1 is missing.",
            (0, 1): "That is u itself, without the strength.",
            (1 - strength / 2, 1 + strength / 2): "The 2 before u is missing.",
            (0, 2): "The strength is missing.",
            (1 - 2 * strength, 1 + 2 * strength): "That is twice the strength.",
        }
        near_to = [text for (a, b), text in known.items() if abs(a - low) < 0.02 and abs(b - high) < 0.02]
        raise Wrong(
            f"with strength {strength} your factors run from {low:.2f} to {high:.2f}: expected {first:.1f} to "
            f"{last:.1f}, 1 + strength · (2 u - 1) with u from torch.rand. {near_to[0] if near_to else ''}".rstrip()
        )
    share = (factor.sort().values - first) / (last - first)  # even: the i-th of n lies near i / n
    if (share - torch.linspace(0, 1, len(share))).abs().max() > 0.12:
        raise Wrong("your factors are in range but not drawn evenly: 1 + strength · (2 u - 1) with u from torch.rand.")
