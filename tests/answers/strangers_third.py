"""Answers by a reader who had not seen the checks."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F

from . import right, wrong

LUMA = (0.2989, 0.587, 0.114)

# 00 partner_labels


@right("partner_labels")
def _(pictures):
    return torch.arange(2 * pictures).view(2, pictures).flip(0).flatten()


@right("partner_labels")
def _(pictures):
    rows = [i + pictures if i < pictures else i - pictures for i in range(2 * pictures)]
    return torch.tensor(rows, dtype=torch.long)


@right("partner_labels")
def _(pictures):
    table = torch.eye(pictures).repeat(2, 2) - torch.eye(2 * pictures)
    return table.argmax(1)


@wrong(
    "partner_labels",
    r"neighbour|adjacent|next to|alternat|interleav|order|pair|second view",
    mistake="assumes that the two views of a picture stand next to each other (rows 2i and 2i + 1)",
)
def _(pictures):
    return torch.arange(2 * pictures) ^ 1


@wrong(
    "partner_labels",
    r"power|some|pictures|number|wrong row|row|partner|range|beyond",
    mistake="uses a bitwise xor with B, which works only where B is a power of two",
)
def _(pictures):
    return torch.arange(2 * pictures) ^ pictures


@wrong(
    "partner_labels",
    r"itself|one too|off by|removed|left out|without|shift|2B|second view|row",
    mistake="counts the partner's place after the view itself has been left out of the row (first half one too small)",
)
def _(pictures):
    return torch.cat([torch.arange(pictures) + pictures - 1, torch.arange(pictures)])


@wrong(
    "partner_labels",
    r"number of the picture|picture.s number|which picture|itself|row|first (half|view)",
    mistake="gives the number of the picture as label, not the row of the partner",
)
def _(pictures):
    return torch.arange(pictures).repeat(2)


@wrong(
    "partner_labels",
    r"revers|mirror|backward|flip|order|back to front",
    mistake="reverses the rows, so that the first view of picture 0 gets the second view of the last picture",
)
def _(pictures):
    return torch.arange(2 * pictures - 1, -1, -1)


@wrong(
    "partner_labels",
    r"modulo|remainder|%|wrap|2B|2 ?\* ?|off by|one too|last|itself|row",
    mistake="takes the remainder by 2B - 1 instead of 2B",
)
def _(pictures):
    rows = torch.arange(2 * pictures)
    return (rows + pictures) % (2 * pictures - 1) if pictures > 1 else rows.flip(0)


@wrong(
    "partner_labels",
    r"second|half|negative|abs|sign|first|row",
    mistake="takes the absolute value of row - B: right in the second half, wrong in the first",
)
def _(pictures):
    return (torch.arange(2 * pictures) - pictures).abs()


@wrong(
    "partner_labels",
    r"matrix|shape|one.hot|\(2B,\)|axes|axis|dimension|table",
    mistake="gives a table of yes and no, (2B, 2B), instead of one row number a view",
)
def _(pictures):
    rows = torch.arange(2 * pictures)
    return (rows[:, None] - rows[None]).abs() == pictures


@wrong("partner_labels", r"int32|int64|dtype|type|long", mistake="gives int32 instead of int64")
def _(pictures):
    return torch.arange(2 * pictures, dtype=torch.int32).roll(pictures)


@wrong(
    "partner_labels",
    r"last|0|zero|skip|missing|end|itself|row",
    mistake="the loop stops one picture too early, so the last picture's labels stay 0",
)
def _(pictures):
    labels = torch.zeros(2 * pictures, dtype=torch.long)
    for i in range(pictures - 1):
        labels[i], labels[i + pictures] = i + pictures, i
    return labels


@wrong(
    "partner_labels",
    r"negative|modulo|wrap|second|half|below|< ?0|minus",
    mistake="subtracts B everywhere, so the first half is negative (as if labels counted from the end)",
)
def _(pictures):
    return torch.arange(2 * pictures) - pictures


# 01 crop


@right("crop")
def _(x, top, left, size):
    rows, columns = torch.as_tensor(top), torch.as_tensor(left)
    return x.unfold(2, size, 1).unfold(3, size, 1)[torch.arange(len(x)), :, rows, columns].clone()


@right("crop")
def _(x, top, left, size):
    moved = [a.roll((-int(t), -int(s)), (1, 2)) for a, t, s in zip(x, top, left, strict=True)]
    return torch.stack(moved)[..., :size, :size]


@right("crop")
def _(x, top, left, size):
    out = x.new_empty(x.shape[0], x.shape[1], size, size)
    for i in range(x.shape[0]):
        for r in range(size):
            for c in range(size):
                out[i, :, r, c] = x[i, :, top[i] + r, left[i] + c]
    return out


@wrong("crop", r"swap|exchang|top|left|row|column|order", mistake="cuts rows by left and columns by top")
def _(x, top, left, size):
    return torch.stack([a[:, s : s + size, t : t + size] for a, t, s in zip(x, top, left, strict=True)])


@wrong("crop", r"left|column|top", mistake="uses top for the columns too (copy and paste)")
def _(x, top, left, size):
    return torch.stack([x[i, :, top[i] : top[i] + size, top[i] : top[i] + size] for i in range(len(x))])


@wrong(
    "crop",
    r"size|shape|one (too|less|pixel)|off by|end|row|column",
    mistake="the slice ends one pixel early, at top + size - 1",
)
def _(x, top, left, size):
    return torch.stack([a[:, t : t + size - 1, s : s + size - 1] for a, t, s in zip(x, top, left, strict=True)])


@wrong(
    "crop",
    r"enlarg|resiz|interpolat|size|shape|old size|scale",
    mistake="enlarges each crop to the picture's old size again",
)
def _(x, top, left, size):
    cuts = torch.stack([a[:, t : t + size, s : s + size] for a, t, s in zip(x, top, left, strict=True)])
    return F.interpolate(cuts.float(), size=x.shape[2:]).to(x.dtype)


@wrong(
    "crop",
    r"zero|black|outside|shape|size|cut",
    mistake="keeps the full size and blackens what is outside, instead of cutting it away",
)
def _(x, top, left, size):
    out = torch.zeros_like(x)
    for i, (t, s) in enumerate(zip(top, left, strict=True)):
        out[i, :, t : t + size, s : s + size] = x[i, :, t : t + size, s : s + size]
    return out


@wrong(
    "crop",
    r"cent(re|er)|middle|corner|start|top",
    mistake="takes (top, left) for the middle of the crop, not for its corner",
)
def _(x, top, left, size):
    cuts = []
    for i in range(len(x)):
        t = min(max(int(top[i]) - size // 2, 0), x.shape[2] - size)
        s = min(max(int(left[i]) - size // 2, 0), x.shape[3] - size)
        cuts.append(x[i, :, t : t + size, s : s + size])
    return torch.stack(cuts)


@wrong(
    "crop",
    r"\bcat|stack|shape|batch|axis|axes|dimension|channel",
    mistake="joins the crops with cat along the channels, so the batch axis is gone",
)
def _(x, top, left, size):
    return torch.cat([x[i, :, top[i] : top[i] + size, left[i] : left[i] + size] for i in range(len(x))])


@wrong(
    "crop",
    r"only|first|return|loop|batch|shape|all pictures|indent",
    mistake="the return stands inside the loop: only picture 0 is cut",
)
def _(x, top, left, size):
    cuts = []
    for i in range(len(x)):
        cuts.append(x[i, :, top[i] : top[i] + size, left[i] : left[i] + size])
        return torch.stack(cuts)


@wrong(
    "crop",
    r"change|in.place|overwrit|argument|input|clone|copy|x itself",
    mistake="writes the crop into x itself and hands back its corner",
)
def _(x, top, left, size):
    for i in range(len(x)):
        x[i, :, :size, :size] = x[i, :, top[i] : top[i] + size, left[i] : left[i] + size].clone()
    return x[:, :, :size, :size]


@wrong(
    "crop",
    r"sort|order|which picture|own|corner|other picture|top|row",
    mistake="sorts the corners first, so a picture gets another picture's row",
)
def _(x, top, left, size):
    rows = sorted(int(t) for t in top)
    return torch.stack([a[:, t : t + size, s : s + size] for a, t, s in zip(x, rows, left, strict=True)])


@wrong("crop", r"channel|gray|red|shape|C", mistake="cuts only the first channel and repeats it for all")
def _(x, top, left, size):
    cuts = [x[i, :1, top[i] : top[i] + size, left[i] : left[i] + size] for i in range(len(x))]
    return torch.stack(cuts).expand(-1, x.shape[1], -1, -1)


@wrong(
    "crop",
    r"edge|border|last|clamp|bottom|one|corner|row|column",
    mistake="limits the corner to H - size - 1: a crop at the very last row or column is moved by one",
)
def _(x, top, left, size):
    cuts = []
    for a, t, s in zip(x, top, left, strict=True):
        t, s = min(int(t), max(x.shape[2] - size - 1, 0)), min(int(s), max(x.shape[3] - size - 1, 0))
        cuts.append(a[:, t : t + size, s : s + size])
    return torch.stack(cuts)


@wrong(
    "crop",
    r"square|width|height|bottom|H\b|W\b|row|wide|border",
    mistake="limits the rows by the picture's width: wrong where it is higher than wide",
)
def _(x, top, left, size):
    limit = x.shape[3] - size
    cuts = []
    for a, t, s in zip(x, top, left, strict=True):
        t, s = min(int(t), limit), min(int(s), limit)
        cuts.append(a[:, t : t + size, s : s + size])
    return torch.stack(cuts)


@wrong(
    "crop",
    r"transpos|turn|swap|mirror|row.*column|inside",
    mistake="transposes every crop by an x.T out of habit (rows and columns swapped inside the crop)",
)
def _(x, top, left, size):
    return torch.stack([x[i, :, top[i] : top[i] + size, left[i] : left[i] + size].mT for i in range(len(x))])


# 01 brightness


@right("brightness")
def _(x, strength, generator):
    factors = torch.empty(len(x), dtype=x.dtype).uniform_(1 - strength, 1 + strength, generator=generator)
    return torch.einsum("b,bchw->bchw", factors, x).clip(min=0, max=1)


@right("brightness")
def _(x, strength, generator):
    out = x.clone()
    for i in range(len(out)):
        low, high = 1 - strength, 1 + strength
        out[i] *= low + (high - low) * torch.rand((), generator=generator)
    return torch.minimum(torch.maximum(out, torch.zeros(())), torch.ones(()))


@wrong("brightness", r"generator|same seed|reproduc|repeat", mistake="forgets to hand the generator on to torch.rand")
def _(x, strength, generator):
    factors = 1 - strength + 2 * strength * torch.rand(len(x), 1, 1, 1)
    return (x * factors).clamp(0, 1)


@wrong(
    "brightness",
    r"channel|colou?r|one factor|each picture",
    mistake="draws a factor for each channel, so the colours change",
)
def _(x, strength, generator):
    u = torch.rand(*x.shape[:2], 1, 1, generator=generator)
    return (x * (1 + strength * (2 * u - 1))).clamp(0, 1)


@wrong(
    "brightness",
    r"row|line|pixel|each picture|within|one factor|strip",
    mistake="draws a factor for each row of pixels",
)
def _(x, strength, generator):
    u = torch.rand(len(x), 1, x.shape[2], 1, generator=generator)
    return (x * (1 + strength * (2 * u - 1))).clamp(0, 1)


@wrong(
    "brightness",
    r"range|half|1 - strength|1 \+ strength|narrow|strength|small|too little",
    mistake="the range is half as wide: from 1 - strength / 2 to 1 + strength / 2",
)
def _(x, strength, generator):
    return (x * (1 + strength * (torch.rand(len(x), 1, 1, 1, generator=generator) - 0.5))).clamp(0, 1)


@wrong(
    "brightness",
    r"dark|below|only bright|1 - strength|range|smaller|strength",
    mistake="only brightens: factors from 1 to 1 + strength",
)
def _(x, strength, generator):
    return x.mul(1 + strength * torch.rand(len(x), generator=generator).view(-1, 1, 1, 1)).clamp(0, 1)


@wrong(
    "brightness",
    r"even|uniform|normal|gauss|bell|range|outside|beyond|1 - strength",
    mistake="draws from a normal distribution instead of evenly",
)
def _(x, strength, generator):
    return (x * (1 + strength * torch.randn(len(x), 1, 1, 1, generator=generator))).clamp(0, 1)


@wrong("brightness", r"add|times|multip|factor|sum|black", mistake="adds a number instead of multiplying by a factor")
def _(x, strength, generator):
    return (x + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)).clamp(0, 1)


@wrong(
    "brightness",
    r"factor|cut|clamp|bright|1 \+ strength|above|never|larger",
    mistake="cuts the factor to [0, 1] instead of the picture, so nothing gets brighter",
)
def _(x, strength, generator):
    factors = (1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)).clamp(0, 1)
    return x * factors


@wrong(
    "brightness",
    r"cut|clamp|above 1|scale|maximum|divid|\[0, 1\]|largest",
    mistake="divides by the maximum where something is above 1, instead of cutting it off",
)
def _(x, strength, generator):
    y = x * (1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1))
    return y / y.amax((1, 2, 3), keepdim=True).clamp(min=1)


@wrong("brightness", r"cut|clamp|above 1|\[0, 1\]|> ?1|largest", mistake="cuts off below 0 only (a relu), not above 1")
def _(x, strength, generator):
    return F.relu(x * (1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)))


@wrong(
    "brightness",
    r"two|only|even|between|values|uniform|continu|either",
    mistake="draws only the two ends: 1 - strength or 1 + strength, nothing between",
)
def _(x, strength, generator):
    sign = 2 * torch.randint(0, 2, (len(x), 1, 1, 1), generator=generator) - 1
    return (x * (1 + strength * sign)).clamp(0, 1)


@wrong("brightness", r"change|in.place|input|argument|overwrit|clone|copy|x itself", mistake="multiplies x in place")
def _(x, strength, generator):
    x *= 1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    return x.clamp(0, 1)


@wrong(
    "brightness",
    r"seed|same|again|every call|generator|second call|twice",
    mistake="seeds the generator anew in each call, so every batch gets the same factors",
)
def _(x, strength, generator):
    generator.manual_seed(0)
    u = torch.rand(len(x), 1, 1, 1, generator=generator)
    return (x * (1 + strength * (2 * u - 1))).clamp(0, 1)


@wrong(
    "brightness",
    r"contrast|mean|factor|times|multip|black",
    mistake="stretches around the picture's mean: that is contrast, not brightness",
)
def _(x, strength, generator):
    f = 1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    m = x.mean((1, 2, 3), keepdim=True)
    return (m + f * (x - m)).clamp(0, 1)


# 01 grayscale


@right("grayscale")
def _(x, chosen):
    out = x.clone()
    weights = torch.tensor(LUMA, dtype=x.dtype)
    out[chosen] = torch.einsum("c,bchw->bhw", weights, x[chosen])[:, None].expand(-1, 3, -1, -1)
    return out


@right("grayscale")
def _(x, chosen):
    to_gray = torch.tensor(LUMA, dtype=x.dtype).expand(3, 3)
    return torch.stack([torch.tensordot(to_gray, a, 1) if c else a for a, c in zip(x, chosen, strict=True)])


@wrong("grayscale", r"average|mean|third|weight|0\.2989|0\.587|luma", mistake="takes the plain mean of the channels")
def _(x, chosen):
    return torch.where(chosen.view(-1, 1, 1, 1), x.mean(1, keepdim=True), x)


@wrong(
    "grayscale",
    r"red|blue|order|weight|swap|BGR|0\.2989",
    mistake="weights in the wrong order (blue first, as in OpenCV)",
)
def _(x, chosen):
    b, g, r = x.unbind(1)
    gray = (0.2989 * r + 0.587 * g + 0.114 * b).unsqueeze(1)
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@wrong(
    "grayscale",
    r"not chosen|inver|other|wrong pictures|opposite|unchosen|stay|keep",
    mistake="turns the pictures gray that were NOT chosen (arguments of where swapped)",
)
def _(x, chosen):
    gray = (x * torch.tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)
    return torch.where(chosen.view(-1, 1, 1, 1), x, gray)


@wrong(
    "grayscale",
    r"channel|overwrit|already|green|blue|three|same|equal|all",
    mistake="computes the gray anew for each channel from the picture that is already half changed",
)
def _(x, chosen):
    out = x.clone()
    for c in range(3):
        gray = 0.2989 * out[:, 0] + 0.587 * out[:, 1] + 0.114 * out[:, 2]
        out[chosen, c] = gray[chosen]
    return out


@wrong(
    "grayscale",
    r"bool|index|picture 0|first|picture 1|number|chosen|which|mask",
    mistake="uses the bools as numbers, so pictures 0 and 1 become gray instead of the chosen ones",
)
def _(x, chosen):
    out = x.clone()
    gray = (x * torch.tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True).expand_as(x)
    out[chosen.long()] = gray[chosen.long()]
    return out


@wrong(
    "grayscale",
    r"any|all|not chosen|each|stay|picture by picture|unchosen|keep",
    mistake="if any picture is chosen, all become gray",
)
def _(x, chosen):
    if not chosen.any():
        return x.clone()
    r, g, b = x.unbind(1)
    return (0.2989 * r + 0.587 * g + 0.114 * b)[:, None].repeat(1, 3, 1, 1)


@wrong(
    "grayscale",
    r"black|zero|not chosen|stay|keep|unchosen|other|lost",
    mistake="multiplies by chosen, so pictures that were not chosen become black",
)
def _(x, chosen):
    gray = torch.einsum("bchw,c->bhw", x, torch.tensor(LUMA, dtype=x.dtype))[:, None].expand(-1, 3, -1, -1)
    return gray * chosen.view(-1, 1, 1, 1)


@wrong(
    "grayscale",
    r"shape|number of pictures|only|missing|not chosen|batch|all pictures|B",
    mistake="gives back only the chosen pictures",
)
def _(x, chosen):
    picked = x[chosen]
    return (picked * torch.tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True).repeat(1, 3, 1, 1)


@wrong(
    "grayscale",
    r"change|in.place|input|argument|overwrit|clone|copy|x itself",
    mistake="overwrites the pictures of the argument",
)
def _(x, chosen):
    x[chosen] = (x[chosen] * torch.tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    return x


@wrong(
    "grayscale",
    r"sum|add|weight|channel|colou?r|three|equal|same|dark",
    mistake="multiplies each channel by its weight but does not add them up",
)
def _(x, chosen):
    return torch.where(chosen.view(-1, 1, 1, 1), x * torch.tensor(LUMA).view(3, 1, 1), x)


@wrong(
    "grayscale",
    r"green|red|blue|weight|channel|twice|0\.114|0\.587",
    mistake="green twice, blue never (copy and paste)",
)
def _(x, chosen):
    gray = 0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 1]
    return torch.where(chosen[:, None, None, None], gray[:, None], x)


@wrong("grayscale", r"round|8.bit|255|steps|exact|level|differ|gray", mistake="rounds the gray to 255 steps on the way")
def _(x, chosen):
    gray = (x * torch.tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)
    gray = (gray * 255).byte().float() / 255
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@wrong(
    "grayscale",
    r"square|batch|axis|axes|width|column|broadcast|shape|picture|chosen",
    mistake="chosen is laid along the width instead of the batch (fits only where B = W)",
)
def _(x, chosen):
    gray = (x * torch.tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)
    return torch.where(chosen, gray, x)


@wrong(
    "grayscale",
    r"third|divid|dark|mean|sum|weight",
    mistake="takes the mean of the weighted channels, a third of the gray",
)
def _(x, chosen):
    gray = (x * torch.tensor(LUMA).view(3, 1, 1)).mean(1, keepdim=True)
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


# 02 training_step


@right("training_step")
def _(method, optimiser, views):
    optimiser.zero_grad(set_to_none=True)
    out = method(views)
    out["loss"].backward()
    number = float(out["loss"].detach())
    optimiser.step()
    return number


@right("training_step")
def _(method, optimiser, views):
    weights = [p for group in optimiser.param_groups for p in group["params"] if p.requires_grad]
    loss = method(views)["loss"]
    for p, g in zip(weights, torch.autograd.grad(loss, weights, allow_unused=True), strict=True):
        p.grad = g
    optimiser.step()
    return loss.tolist()


@wrong(
    "training_step",
    r"clear|zero|old|add|accumul|sum",
    mistake="clears the gradients of the loss instead of the weights': old gradients add up",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.grad = None
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"zero_grad|clear|before|after|order|old|first|left",
    mistake="clears only after the step: gradients left from before the first call count",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return loss.item()


@wrong(
    "training_step",
    r"order|zero_grad|clear|move|stay|between|nothing|after",
    mistake="clears between backward and step, so nothing moves",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


@wrong("training_step", r"step.*before|before|order|old|stale|last|backward", mistake="steps before backward")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.step()
    optimiser.zero_grad()
    loss.backward()
    return loss.item()


@wrong(
    "training_step",
    r"again|twice|after the step|new|second|once|which loss",
    mistake="asks the method a second time and gives the loss after the step",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    method(views)["loss"].backward()
    optimiser.step()
    return method(views)["loss"].item()


@wrong(
    "training_step",
    r"number|tensor|graph|item|float|detach",
    mistake="gives the loss as a tensor that still holds its graph",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss


@wrong("training_step", r"twice|double|two steps|step|too far|once", mistake="steps twice")
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"sign|up|ascent|minus|wrong direction|grow|opposite|away|uphill",
    mistake="backward on minus the loss: the loss is climbed",
)
def _(method, optimiser, views):
    loss = -method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return -loss.item()


@wrong(
    "training_step",
    r"other|loss\b|only|all|sum|\"loss\"|key|part|gradient",
    mistake="adds up everything that the method reports instead of taking its loss",
)
def _(method, optimiser, views):
    loss = sum(method(views).values())
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"optimiser|momentum|step\(|own|by hand|Adam|move",
    mistake="moves the weights by hand, by learning rate times gradient, and passes over the optimiser's own rule",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    with torch.no_grad():
        for group in optimiser.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p -= group["lr"] * p.grad
    return loss.item()


@wrong(
    "training_step",
    r"clip|gradient|length|scale|norm|small|differ|move",
    mistake="clips the gradients to length 0.01 before the step, which nobody asked for",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], 0.01)
    optimiser.step()
    return loss.item()


@wrong("training_step", r"int|round|whole|number|value|float|decimals|loss", mistake="casts the loss to an int")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return int(loss)


@wrong(
    "training_step",
    r"backward|gradient|grad|compute|move|stay",
    mistake="marks the loss as needing a gradient after a detach, so backward reaches no weight",
)
def _(method, optimiser, views):
    loss = method(views)["loss"].detach().requires_grad_()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


# 02 knn


@right("knn")
def _(train_z, train_y, test_z, test_y, k):
    centre, hits = train_z.mean(0), 0
    for query, answer in zip(test_z - centre, test_y.tolist(), strict=True):
        cosines = F.cosine_similarity(query[None], train_z - centre, dim=1)
        votes = Counter()
        for i in cosines.argsort(descending=True)[:k].tolist():
            votes[int(train_y[i])] += math.exp(10 * float(cosines[i]))
        hits += max(votes, key=votes.get) == answer
    return hits / len(test_y)


@right("knn")
def _(train_z, train_y, test_z, test_y, k):
    a, b = train_z - train_z.mean(0), test_z - train_z.mean(0)
    a, b = a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True)
    value, where = (10 * b @ a.T).sort(dim=1, descending=True)
    weights = b.new_zeros(len(b), len(a)).scatter(1, where[:, :k], value[:, :k].softmax(1))
    classes = torch.arange(int(train_y.max()) + 1)
    return float(((weights @ (train_y[:, None] == classes).to(b.dtype)).argmax(1) == test_y).float().mean())


def _knn(train_z, train_y, test_z, test_y, k, *, weigh=lambda c: (c / 0.1).exp(), largest=True):
    a, b = F.normalize(train_z, dim=1), F.normalize(test_z, dim=1)
    cosine, near = (b @ a.T).topk(min(k, len(a)), dim=1, largest=largest)
    votes = (F.one_hot(train_y[near]) * weigh(cosine)[:, :, None]).sum(1)
    return float((votes.argmax(1) == test_y).float().mean())


@wrong("knn", r"mean|cent(re|er)", mistake="takes the mean off the test set only")
def _(train_z, train_y, test_z, test_y, k):
    return _knn(train_z, train_y, test_z - train_z.mean(0), test_y, k)


@wrong(
    "knn",
    r"mean|cent(re|er)|both|together|training",
    mistake="centres both with the mean of both sets together: the test set leaks in",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = torch.cat([train_z, test_z]).mean(0)
    return _knn(train_z - mean, train_y, test_z - mean, test_y, k)


@wrong(
    "knn",
    r"cent(re|er)|before|after|order|length|normali|first",
    mistake="normalises first and centres afterwards, so the products are no cosines",
)
def _(train_z, train_y, test_z, test_y, k):
    a, b = F.normalize(train_z, dim=1), F.normalize(test_z, dim=1)
    a, b = a - a.mean(0), b - a.mean(0)
    cosine, near = (b @ a.T).topk(min(k, len(a)), dim=1)
    votes = (F.one_hot(train_y[near]) * (cosine / 0.1).exp()[:, :, None]).sum(1)
    return float((votes.argmax(1) == test_y).float().mean())


@wrong(
    "knn",
    r"mean|cent(re|er)|feature|row|axis|picture|dim",
    mistake="takes off each picture's own mean (dim=1) instead of the mean of the training embeddings",
)
def _(train_z, train_y, test_z, test_y, k):
    a, b = train_z - train_z.mean(1, keepdim=True), test_z - test_z.mean(1, keepdim=True)
    return _knn(a, train_y, b, test_y, k)


@wrong(
    "knn", r"vote|weight|exp|cosine|temperature", mistake="the vote is the cosine itself, without exp and temperature"
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    return _knn(train_z - mean, train_y, test_z - mean, test_y, k, weigh=lambda c: c)


@wrong("knn", r"temperature|0\.1|divid|vote|sharp|exp", mistake="temperature 1: the vote is exp(cosine)")
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    return _knn(train_z - mean, train_y, test_z - mean, test_y, k, weigh=torch.exp)


@wrong(
    "knn", r"average|mean|sum|vote|divid|number|add", mistake="compares the mean vote of each class instead of the sum"
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    a, b = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, near = (b @ a.T).topk(min(k, len(a)), dim=1)
    hot = F.one_hot(train_y[near])
    votes = (hot * (cosine / 0.1).exp()[:, :, None]).sum(1) / hot.sum(1).clamp(min=1)
    return float((votes.argmax(1) == test_y).float().mean())


@wrong(
    "knn",
    r"softmax|all test|dim|axis|vote|query|other|exp",
    mistake="softmax of the votes over the test pictures (dim=0)",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    return _knn(train_z - mean, train_y, test_z - mean, test_y, k, weigh=lambda c: (c / 0.1).softmax(0))


@wrong("knn", r"all|k\b|nearest|only|neighbour", mistake="lets all training pictures vote, whatever k is")
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    return _knn(train_z - mean, train_y, test_z - mean, test_y, len(train_z))


@wrong(
    "knn",
    r"first|nearest|one|k\b|skip|left out|itself",
    mistake="leaves the nearest out, as if it were the picture itself",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    a, b = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, near = (b @ a.T).topk(min(k + 1, len(a)), dim=1)
    cosine, near = cosine[:, 1:], near[:, 1:]
    votes = (F.one_hot(train_y[near]) * (cosine / 0.1).exp()[:, :, None]).sum(1)
    return float((votes.argmax(1) == test_y).float().mean())


@wrong(
    "knn",
    r"larger|k\b|fewer|N\b|all N|out of range|topk|error",
    mistake="breaks where k is larger than the number of training pictures",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    a, b = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, near = (b @ a.T).topk(k, dim=1)
    votes = (F.one_hot(train_y[near]) * (cosine / 0.1).exp()[:, :, None]).sum(1)
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"distance|cosine|length|euclid|normali",
    mistake="chooses the nearest by Euclidean distance of the centred embeddings",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    near = torch.cdist(test_z - mean, train_z - mean).topk(min(k, len(train_z)), dim=1, largest=False).indices
    cosine = F.cosine_similarity((test_z - mean)[:, None], (train_z - mean)[near], dim=2)
    votes = (F.one_hot(train_y[near]) * (cosine / 0.1).exp()[:, :, None]).sum(1)
    return (votes.argmax(1) == test_y).float().mean()


@wrong("knn", r"percent|100|0 to 1|share|fraction|accuracy", mistake="gives percent")
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    return 100 * _knn(train_z - mean, train_y, test_z - mean, test_y, k)


@wrong("knn", r"change|in.place|argument|input|overwrit|copy", mistake="centres the arguments in place")
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    train_z -= mean
    test_z -= mean
    return _knn(train_z, train_y, test_z, test_y, k)


@wrong(
    "knn",
    r"test_y|truth|right|label|cheat|any|among|vote|too (good|high)",
    mistake="counts a hit where the right class is anywhere among the k nearest",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    a, b = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    near = (b @ a.T).topk(min(k, len(a)), dim=1).indices
    return float((train_y[near] == test_y[:, None]).any(1).float().mean())


# 02 linear_probe


def _probe(train_z, train_y, test_z, test_y, error, *, steps=400, standardise=True):
    a, b = train_z, test_z
    if standardise:
        mean, std = train_z.mean(0), train_z.std(0)
        a, b = (train_z - mean) / std, (test_z - mean) / std
    truth = F.one_hot(train_y).float()
    w, bias = torch.zeros(a.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
    for _ in range(steps):
        e = error(a, w, bias, truth)
        w, bias = w - 0.5 * a.T @ e, bias - 0.5 * e.sum(0)
    return float(((b @ w + bias).argmax(1) == test_y).float().mean())


def _good(a, w, bias, truth):
    return ((a @ w + bias).softmax(1) - truth) / len(a)


@right("linear_probe")
def _(train_z, train_y, test_z, test_y):
    def error(a, w, bias, truth):
        s = a @ w + bias
        e = (s - s.amax(1, keepdim=True)).exp()
        return torch.einsum("nc,n->nc", e, 1 / e.sum(1)).sub(truth).div(a.shape[0])

    return _probe(train_z, train_y, test_z, test_y, error)


@right("linear_probe")
def _(train_z, train_y, test_z, test_y):
    mean, std = train_z.mean(0), train_z.std(0)
    a, b = (train_z - mean) / std, (test_z - mean) / std
    classes = int(train_y.max()) + 1
    w, bias = torch.zeros(a.shape[1], classes, requires_grad=True), torch.zeros(classes, requires_grad=True)
    with torch.enable_grad():
        for _ in range(400):
            loss = F.cross_entropy(a @ w + bias, train_y)
            gw, gb = torch.autograd.grad(loss, (w, bias))
            w, bias = (w - 0.5 * gw).detach().requires_grad_(), (bias - 0.5 * gb).detach().requires_grad_()
    return float(((b @ w + bias).argmax(1) == test_y).float().mean())


@wrong("linear_probe", r"softmax|dim|axis|class", mistake="softmax over the pictures (dim=0)")
def _(train_z, train_y, test_z, test_y):
    return _probe(
        train_z, train_y, test_z, test_y, lambda a, w, bias, truth: ((a @ w + bias).softmax(0) - truth) / len(a)
    )


@wrong(
    "linear_probe",
    r"sign|minus|truth|order|swap|wrong direction|prediction",
    mistake="truth minus prediction: the sign is turned round",
)
def _(train_z, train_y, test_z, test_y):
    return _probe(train_z, train_y, test_z, test_y, lambda *parts: -_good(*parts))


@wrong(
    "linear_probe",
    r"number of pictures|mean|divid|N\b|len|class|too (large|small)",
    mistake="divides by the number of entries, pictures times classes: the steps are too small",
)
def _(train_z, train_y, test_z, test_y):
    return _probe(train_z, train_y, test_z, test_y, lambda *parts: _good(*parts) / parts[3].shape[1])


@wrong(
    "linear_probe",
    r"number of pictures|mean|divid|N\b|len|sum|too large",
    mistake="forgets to divide by the number of pictures",
)
def _(train_z, train_y, test_z, test_y):
    return _probe(train_z, train_y, test_z, test_y, lambda *parts: _good(*parts) * len(parts[0]))


@wrong(
    "linear_probe",
    r"softmax|prob|scores|prediction",
    mistake="no softmax: scores minus truth, the gradient of a squared error",
)
def _(train_z, train_y, test_z, test_y):
    return _probe(train_z, train_y, test_z, test_y, lambda a, w, bias, truth: (a @ w + bias - truth) / len(a))


@wrong("linear_probe", r"bias|intercept|score", mistake="the prediction leaves the bias out, which therefore drifts")
def _(train_z, train_y, test_z, test_y):
    return _probe(train_z, train_y, test_z, test_y, lambda a, w, bias, truth: ((a @ w).softmax(1) - truth) / len(a))


@wrong(
    "linear_probe",
    r"argmax|hard|softmax|prob|prediction|0 or 1|perceptron",
    mistake="takes the hard decision (argmax as one-hot) as the prediction: a perceptron",
)
def _(train_z, train_y, test_z, test_y):
    def error(a, w, bias, truth):
        return (F.one_hot((a @ w + bias).argmax(1), truth.shape[1]) - truth) / len(a)

    return _probe(train_z, train_y, test_z, test_y, error)


@wrong("linear_probe", r"log|softmax|prob|prediction", mistake="log_softmax instead of softmax")
def _(train_z, train_y, test_z, test_y):
    return _probe(
        train_z, train_y, test_z, test_y, lambda a, w, bias, truth: ((a @ w + bias).log_softmax(1) - truth) / len(a)
    )


@wrong(
    "linear_probe",
    r"truth|minus|subtract|label|right class|prediction",
    mistake="minus prediction times truth instead of prediction minus truth",
)
def _(train_z, train_y, test_z, test_y):
    return _probe(
        train_z, train_y, test_z, test_y, lambda a, w, bias, truth: -(a @ w + bias).softmax(1) * truth / len(a)
    )


@wrong(
    "linear_probe",
    r"standardi|scale|mean|std|spread|test",
    mistake="standardises the test set with its own mean and deviation",
)
def _(train_z, train_y, test_z, test_y):
    a = (train_z - train_z.mean(0)) / train_z.std(0)
    b = (test_z - test_z.mean(0)) / test_z.std(0)
    return _probe(a, train_y, b, test_y, _good, standardise=False)


@wrong("linear_probe", r"standardi|scale|mean|std|spread", mistake="does not standardise at all")
def _(train_z, train_y, test_z, test_y):
    return _probe(train_z, train_y, test_z, test_y, _good, standardise=False)


@wrong(
    "linear_probe",
    r"test|leak|cheat|train|best|choose|too (good|high)|peek",
    mistake="keeps the best accuracy on the test set over all steps",
)
def _(train_z, train_y, test_z, test_y):
    best, grid = 0.0, (1, 2, 3, 5, 8, 13, 25, 50, 100, 200, 400)
    for steps in grid:
        best = max(best, _probe(train_z, train_y, test_z, test_y, _good, steps=steps))
    return best


@wrong(
    "linear_probe",
    r"test|train|which set|same pictures|too (good|high)",
    mistake="gives the accuracy on the training pictures",
)
def _(train_z, train_y, test_z, test_y):
    return _probe(train_z, train_y, train_z, train_y, _good)


@wrong(
    "linear_probe",
    r"step|400|loop|return|trained|early|enough",
    mistake="the return stands inside the loop: one step only",
)
def _(train_z, train_y, test_z, test_y):
    return _probe(train_z, train_y, test_z, test_y, _good, steps=1)


@wrong(
    "linear_probe",
    r"sigmoid|softmax|sum to 1|prob|prediction|class",
    mistake="softmax times (1 - softmax), the derivative from the sigmoid lecture, multiplied onto the error",
)
def _(train_z, train_y, test_z, test_y):
    def error(a, w, bias, truth):
        p = (a @ w + bias).softmax(1)
        return (p - truth) * p * (1 - p) / len(a)

    return _probe(train_z, train_y, test_z, test_y, error)


# 03 info_nce


@right("info_nce")
def _(anchors, candidates, temperature):
    a = anchors / anchors.norm(dim=1, keepdim=True)
    c = candidates / candidates.norm(dim=1, keepdim=True)
    scores = torch.einsum("id,jd->ij", a, c) / temperature
    return (scores.logsumexp(1) - scores.diagonal()).mean()


@right("info_nce")
def _(anchors, candidates, temperature):
    losses = []
    for i in range(len(anchors)):
        scores = F.cosine_similarity(anchors[i : i + 1], candidates, dim=1) / temperature
        losses.append(-F.log_softmax(scores, dim=0)[i])
    return sum(losses) / len(losses)


def _scores(a, b, temperature):
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature


@wrong(
    "info_nce",
    r"anchor|candidate|transpos|row|column|other way|direction|exchang|swap",
    mistake="softmax over the anchors instead of the candidates (the matrix is transposed)",
)
def _(anchors, candidates, temperature):
    scores = _scores(anchors, candidates, temperature)
    return F.cross_entropy(scores.T, torch.arange(len(scores)))


@wrong(
    "info_nce",
    r"both|direction|one way|symmetr|anchor|candidate|two",
    mistake="takes the mean of both directions, as CLIP does; asked is one",
)
def _(anchors, candidates, temperature):
    scores, own = _scores(anchors, candidates, temperature), torch.arange(len(anchors))
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


@wrong(
    "info_nce", r"label|column|right|target|partner|0|first|positive|which", mistake="all labels 0, as in MoCo's loss"
)
def _(anchors, candidates, temperature):
    return F.cross_entropy(_scores(anchors, candidates, temperature), torch.zeros(len(anchors), dtype=torch.long))


@wrong("info_nce", r"label|column|target|last|revers|flip|which|positive|row i", mistake="labels run backwards")
def _(anchors, candidates, temperature):
    return F.cross_entropy(_scores(anchors, candidates, temperature), torch.arange(len(anchors)).flip(0))


@wrong(
    "info_nce",
    r"positive|right|denominator|among|candidates|itself|left out|missing|diagonal",
    mistake="the right candidate is missing in the sum below the fraction",
)
def _(anchors, candidates, temperature):
    scores = _scores(anchors, candidates, temperature)
    rest = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -1e4)
    return (rest.logsumexp(1) - scores.diagonal()).mean()


@wrong(
    "info_nce",
    r"softmax|twice|double|cross_entropy|prob",
    mistake="softmax before cross_entropy, which takes one itself",
)
def _(anchors, candidates, temperature):
    return F.cross_entropy(_scores(anchors, candidates, temperature).softmax(1), torch.arange(len(anchors)))


@wrong(
    "info_nce",
    r"log|mean|order|average|each|anchor",
    mistake="the log of the mean probability instead of the mean of the logs",
)
def _(anchors, candidates, temperature):
    return -_scores(anchors, candidates, temperature).softmax(1).diagonal().mean().log()


@wrong("info_nce", r"temperature|factor|scale|times|multip", mistake="multiplies the finished loss by the temperature")
def _(anchors, candidates, temperature):
    return temperature * F.cross_entropy(_scores(anchors, candidates, temperature), torch.arange(len(anchors)))


@wrong("info_nce", r"gradient|detach|candidate", mistake="detaches the candidates")
def _(anchors, candidates, temperature):
    return F.cross_entropy(_scores(anchors, candidates.detach(), temperature), torch.arange(len(anchors)))


@wrong(
    "info_nce",
    r"length|normali|cosine|row|dim|axis|feature",
    mistake="gives each feature (column) length 1 instead of each embedding",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=0) @ F.normalize(candidates, dim=0).T / temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)))


@wrong("info_nce", r"length|normali|cosine|candidate|scale", mistake="normalises the anchors only")
def _(anchors, candidates, temperature):
    return F.cross_entropy(F.normalize(anchors, dim=1) @ candidates.T / temperature, torch.arange(len(anchors)))


@wrong(
    "info_nce",
    r"sigmoid|binary|softmax|cross.entropy|candidate|yes|compet",
    mistake="a yes-or-no loss for each entry of the matrix (sigmoid) instead of one choice for each row",
)
def _(anchors, candidates, temperature):
    return F.binary_cross_entropy_with_logits(_scores(anchors, candidates, temperature), torch.eye(len(anchors)))


# 03 nt_xent


@right("nt_xent")
def _(z1, z2, temperature):
    z = torch.cat([z1, z2])
    z = z / z.norm(dim=1, keepdim=True)
    n, e = len(z1), torch.exp(z @ z.T / temperature)
    keep = ~torch.eye(2 * n, dtype=torch.bool)
    own = (z[:n] * z[n:]).sum(1) / temperature
    return (torch.where(keep, e, 0.0).sum(1).log() - own.repeat(2)).mean()


@right("nt_xent")
def _(z1, z2, temperature):
    a, b = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    n, infinite = len(a), torch.diag(torch.full((len(a),), torch.inf))
    across = a @ b.T / temperature
    first = torch.cat([across, a @ a.T / temperature - infinite], 1)
    second = torch.cat([across.T, b @ b.T / temperature - infinite], 1)
    return F.cross_entropy(torch.cat([first, second]), torch.arange(n).repeat(2))


def _views(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    return z @ z.T / temperature, torch.arange(2 * len(z1)).roll(len(z1))


@wrong("nt_xent", r"itself|diagonal|self|own", mistake="sets the anchor's own score to 0 instead of taking it out")
def _(z1, z2, temperature):
    s, labels = _views(z1, z2, temperature)
    return F.cross_entropy(s.masked_fill(torch.eye(len(s), dtype=torch.bool), 0.0), labels)


@wrong(
    "nt_xent",
    r"itself|diagonal|self|own|-inf|temperature",
    mistake="sets the anchor's own cosine to -1, the smallest there is, instead of leaving it out",
)
def _(z1, z2, temperature):
    s, labels = _views(z1, z2, temperature)
    return F.cross_entropy(s.fill_diagonal_(-1 / temperature), labels)


@wrong(
    "nt_xent",
    r"itself|exp|subtract|diagonal|temperature|self|own",
    mistake="takes the anchor itself off the sum as 1 instead of exp(1 / temperature)",
)
def _(z1, z2, temperature):
    s, labels = _views(z1, z2, temperature)
    return ((s.exp().sum(1) - 1).log() - s[torch.arange(len(s)), labels]).mean()


@wrong(
    "nt_xent",
    r"same view|negatives|both views|2B|other pictures|InfoNCE|missing|candidates",
    mistake="InfoNCE in both directions without the negatives from the anchor's own view",
)
def _(z1, z2, temperature):
    s, own = _scores(z1, z2, temperature), torch.arange(len(z1))
    return (F.cross_entropy(s, own) + F.cross_entropy(s.T, own)) / 2


@wrong("nt_xent", r"first|second|half|2B|all|anchors|direction|z2", mistake="only the first views are anchors")
def _(z1, z2, temperature):
    s, labels = _views(z1, z2, temperature)
    return F.cross_entropy(s.fill_diagonal_(-torch.inf)[: len(z1)], labels[: len(z1)])


@wrong(
    "nt_xent",
    r"shift|label|partner|column|row|removed|diagonal|off by",
    mistake="reshapes the diagonal away (2B - 1 columns) and forgets that the first half's labels move by one",
)
def _(z1, z2, temperature):
    s, labels = _views(z1, z2, temperature)
    n = len(s)
    return F.cross_entropy(s[~torch.eye(n, dtype=torch.bool)].view(n, n - 1), labels.clamp(max=n - 2))


@wrong(
    "nt_xent",
    r"partner|positive|denominator|right|among|candidate|missing|left out",
    mistake="takes the partner out of the sum as well, not only the anchor (decoupled)",
)
def _(z1, z2, temperature):
    s, labels = _views(z1, z2, temperature)
    own = s[torch.arange(len(s)), labels]
    gone = torch.eye(len(s), dtype=torch.bool) | F.one_hot(labels, len(s)).bool()
    return (s.masked_fill(gone, -1e4).logsumexp(1) - own).mean()


@wrong(
    "nt_xent",
    r"partner|label|positive|pair|which|order|adjacent|row",
    mistake="cat for the views but labels of neighbours (2i and 2i + 1)",
)
def _(z1, z2, temperature):
    s, _ = _views(z1, z2, temperature)
    return F.cross_entropy(s.fill_diagonal_(-torch.inf), torch.arange(len(s)) ^ 1)


@wrong(
    "nt_xent",
    r"temperature|twice|square|divid",
    mistake="divides both factors by the temperature, so the score is divided by its square",
)
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1) / temperature
    labels = torch.arange(len(z)).roll(len(z1))
    return F.cross_entropy((z @ z.T).fill_diagonal_(-torch.inf), labels)


@wrong(
    "nt_xent", r"mean|sum|2B|twice|double|factor|divid|too large", mistake="divides the sum over the 2B anchors by B"
)
def _(z1, z2, temperature):
    s, labels = _views(z1, z2, temperature)
    return F.cross_entropy(s.fill_diagonal_(-torch.inf), labels, reduction="sum") / len(z1)


@wrong("nt_xent", r"gradient|detach|z2|stop|second", mistake="detaches the second view, as if it were a teacher's")
def _(z1, z2, temperature):
    s, labels = _views(z1, z2.detach(), temperature)
    return F.cross_entropy(s.fill_diagonal_(-torch.inf), labels)


@wrong("nt_xent", r"change|in.place|argument|input|overwrit|normali|clone", mistake="normalises the arguments in place")
def _(z1, z2, temperature):
    with torch.no_grad():
        z1 /= z1.norm(dim=1, keepdim=True)
        z2 /= z2.norm(dim=1, keepdim=True)
    s, labels = _views(z1, z2, temperature)
    return F.cross_entropy(s.fill_diagonal_(-torch.inf), labels)


@wrong(
    "nt_xent",
    r"mean|sum|number|denominator|log|2B|divid|candidates|constant|too small",
    mistake="the mean of the exponentials below the fraction instead of their sum",
)
def _(z1, z2, temperature):
    s, labels = _views(z1, z2, temperature)
    own = s[torch.arange(len(s)), labels]
    total = s.masked_fill(torch.eye(len(s), dtype=torch.bool), -1e4).logsumexp(1)
    return (total - math.log(max(len(s) - 1, 2)) - own).mean()


@wrong(
    "nt_xent",
    r"length|normali|cosine|whole|row|each embedding|norm",
    mistake="divides by the norm of the whole matrix instead of the length of each embedding",
)
def _(z1, z2, temperature):
    z = torch.cat([z1, z2])
    z = z / z.norm()
    labels = torch.arange(len(z)).roll(len(z1))
    return F.cross_entropy((z @ z.T / temperature).fill_diagonal_(-torch.inf), labels)


@wrong("nt_xent", r"z2|second|first view|twice|z1|same", mistake="stacks z1 twice (copy and paste)")
def _(z1, z2, temperature):
    s, labels = _views(z1, z1, temperature)
    return F.cross_entropy(s.fill_diagonal_(-torch.inf), labels)


# 04, 11 moving_average


@right("moving_average")
def _(teacher, student, momentum):
    return torch.lerp(student, teacher, momentum)


@right("moving_average")
def _(teacher, student, momentum):
    new = teacher.clone()
    return new.add_(student - teacher, alpha=1 - momentum)


@wrong(
    "moving_average",
    r"swap|other way|exchang|order|momentum|share|student|keeps",
    mistake="shares exchanged by lerp's order: the step towards the student is momentum long",
)
def _(teacher, student, momentum):
    return torch.lerp(teacher, student, momentum)


@wrong(
    "moving_average",
    r"1 - momentum|share|sum to|student|add up|velocity|grows|too large",
    mistake="momentum as in SGD: momentum * teacher + the whole student",
)
def _(teacher, student, momentum):
    return momentum * teacher + student


@wrong("moving_average", r"sign|away|direction|minus|wrong way|student", mistake="steps away from the student (sign)")
def _(teacher, student, momentum):
    return teacher - (1 - momentum) * (student - teacher)


@wrong(
    "moving_average", r"square|student|RMS|power", mistake="averages the student's squares, as Adam does for gradients"
)
def _(teacher, student, momentum):
    return momentum * teacher + (1 - momentum) * student.square()


@wrong(
    "moving_average",
    r"bias|correct|divid|1 - momentum|too large|share|sum to",
    mistake="divides by 1 - momentum, Adam's bias correction",
)
def _(teacher, student, momentum):
    return (momentum * teacher + (1 - momentum) * student) / max(1 - momentum, 1e-3)


@wrong(
    "moving_average",
    r"geometric|power|multip|add|sum|share|NaN|nan",
    mistake="the geometric mean: powers and a product instead of shares and a sum",
)
def _(teacher, student, momentum):
    return teacher.abs() ** momentum * student.abs() ** (1 - momentum)


@wrong(
    "moving_average",
    r"student|mean|each|element|entry|one number",
    mistake="mixes in the mean of the student, one number for all entries",
)
def _(teacher, student, momentum):
    return momentum * teacher + (1 - momentum) * student.mean()


@wrong(
    "moving_average",
    r"change|in.place|overwrit|student|argument|input|copy",
    mistake="builds the sum in the student's own memory",
)
def _(teacher, student, momentum):
    with torch.no_grad():
        student.mul_(1 - momentum).add_(teacher, alpha=momentum)
    return student


@wrong(
    "moving_average", r"half|momentum|ignor|mean|share|middle|use", mistake="ignores momentum: the middle of the two"
)
def _(teacher, student, momentum):
    return torch.stack([teacher, student]).mean(0)


@wrong("moving_average", r"tuple|pair|two|one tensor|value|student|only", mistake="gives a pair (teacher, student)")
def _(teacher, student, momentum):
    return momentum * teacher + (1 - momentum) * student, student


@wrong(
    "moving_average",
    r"momentum|share|1 - momentum|sum to|both|too large|add up",
    mistake="share of the student is 1 + momentum (slip of the sign in the blank)",
)
def _(teacher, student, momentum):
    share = 1 + momentum
    return momentum * teacher + share * student


@wrong(
    "moving_average",
    r"twice|momentum|square|1 - momentum|share|step|only once|sum to",
    mistake="multiplies the new part by 1 - momentum twice",
)
def _(teacher, student, momentum):
    step = (1 - momentum) * (student - teacher)
    return teacher + (1 - momentum) * step


@wrong(
    "moving_average",
    r"teacher|student|twice|stays|never|unchanged|use",
    mistake="teacher twice (copy and paste): nothing moves",
)
def _(teacher, student, momentum):
    return momentum * teacher + (1 - momentum) * teacher


@wrong(
    "moving_average",
    r"momentum|percent|whole|int|0 or 1|round|share|between",
    mistake="rounds the momentum to 0 or 1 by a cast to int",
)
def _(teacher, student, momentum):
    keep = int(momentum)
    return keep * teacher + (1 - keep) * student


@wrong(
    "moving_average",
    r"bracket|parenthes|1 - momentum|share|student|minus",
    mistake="brackets forgotten: 1 - momentum * student",
)
def _(teacher, student, momentum):
    return momentum * teacher + 1 - momentum * student


# 04 queue_loss


@right("queue_loss")
def _(query, key, queue, temperature):
    q = query / query.norm(dim=1, keepdim=True)
    with torch.no_grad():
        others = torch.cat([F.normalize(key, dim=1), F.normalize(queue, dim=1)])
    scores = q @ others.T / temperature
    n = len(q)
    foreign = ~torch.eye(n, dtype=torch.bool)
    scores = torch.cat([scores[:, :n].masked_fill(foreign, -torch.inf), scores[:, n:]], 1)
    return F.cross_entropy(scores, torch.arange(n))


@right("queue_loss")
def _(query, key, queue, temperature):
    total = 0.0
    for a, b in zip(query, key.detach(), strict=True):
        pool = torch.vstack([queue.detach(), b[None]])
        scores = F.cosine_similarity(a[None], pool, dim=1) / temperature
        total = total + torch.logsumexp(scores, 0) - scores[-1]
    return total / query.shape[0]


def _queue_scores(query, key, queue, temperature):
    q, k, old = (F.normalize(z, dim=1) for z in (query, key.detach(), queue.detach()))
    return torch.cat([(q * k).sum(1, keepdim=True), q @ old.T], 1) / temperature


@wrong("queue_loss", r"gradient|detach|queue|stop", mistake="detaches the key but not the queue")
def _(query, key, queue, temperature):
    q, k, old = (F.normalize(z, dim=1) for z in (query, key.detach(), queue))
    scores = torch.cat([(q * k).sum(1, keepdim=True), q @ old.T], 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong(
    "queue_loss",
    r"gradient|detach|query|no_grad|learn",
    mistake="puts everything under no_grad, so the query gets no gradient either",
)
@torch.no_grad()
def _(query, key, queue, temperature):
    scores = _queue_scores(query, key, queue, temperature)
    return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))


@wrong(
    "queue_loss",
    r"label|column|last|first|right|which|key|target|0",
    mistake="puts the key in the last column and leaves the label at 0",
)
def _(query, key, queue, temperature):
    scores = _queue_scores(query, key, queue, temperature).roll(-1, 1)
    return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))


@wrong(
    "queue_loss",
    r"batch|other keys|own key|key|candidates|1 \+ K|extra|too many",
    mistake="the other keys of the batch count as wrong answers too",
)
def _(query, key, queue, temperature):
    pool = torch.cat([key, queue]).detach()
    return F.cross_entropy(_scores(query, pool, temperature), torch.arange(len(query)))


@wrong(
    "queue_loss",
    r"key|denominator|right|positive|1 \+ K|missing|left out|K",
    mistake="the key is missing below the fraction: only the queue stands there",
)
def _(query, key, queue, temperature):
    scores = _queue_scores(query, key, queue, temperature)
    return (scores[:, 1:].logsumexp(1) - scores[:, 0]).mean()


@wrong(
    "queue_loss",
    r"temperature|queue|key|divid|only",
    mistake="brackets: only the queue's scores are divided by the temperature, the key's is not",
)
def _(query, key, queue, temperature):
    scores = _queue_scores(query, key, queue, 1.0)
    scores = torch.cat([scores[:, :1], scores[:, 1:] / temperature], 1)
    return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))


@wrong(
    "queue_loss", r"queue|length|normali|cosine", mistake="takes the queue as it is: its rows are not given length 1"
)
def _(query, key, queue, temperature):
    q, k = F.normalize(query, dim=1), F.normalize(key.detach(), dim=1)
    scores = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.detach().T], 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong(
    "queue_loss",
    r"\bB\b|batch|all|K\b|only|queue|old keys|missing|candidates",
    mistake="uses only as many rows of the queue as the batch is long",
)
def _(query, key, queue, temperature):
    scores = _queue_scores(query, key, queue[: len(query)], temperature)
    return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))


@wrong(
    "queue_loss",
    r"change|in.place|queue|argument|input|overwrit|enqueue",
    mistake="already writes the new keys into the queue",
)
def _(query, key, queue, temperature):
    scores = _queue_scores(query, key, queue, temperature)
    n = min(len(key), len(queue))
    with torch.no_grad():
        queue[:n] = F.normalize(key[:n], dim=1)
    return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))


@wrong(
    "queue_loss",
    r"mean|sum|denominator|queue|K\b|each|average|add",
    mistake="takes the mean of the queue's exponentials instead of their sum",
)
def _(query, key, queue, temperature):
    e = _queue_scores(query, key, queue, temperature).exp()
    return -(e[:, 0] / (e[:, 0] + e[:, 1:].mean(1))).log().mean()


@wrong("queue_loss", r"hardest|largest|max|all|sum|only|queue|every", mistake="counts only the most similar old key")
def _(query, key, queue, temperature):
    s = _queue_scores(query, key, queue, temperature)
    hardest = torch.stack([s[:, 0], s[:, 1:].amax(1)], 1)
    return F.cross_entropy(hardest, torch.zeros(len(s), dtype=torch.long))


@wrong(
    "queue_loss",
    r"key|row|own|each|order|partner|batch|mean|which",
    mistake="compares each query with the key of the next picture",
)
def _(query, key, queue, temperature):
    s = _queue_scores(query, key.roll(-1, 0), queue, temperature)
    return F.cross_entropy(s, torch.zeros(len(s), dtype=torch.long))


@wrong(
    "queue_loss",
    r"key|all|mean|each|own|average|dot|one number",
    mistake="the key's score is averaged over the whole batch: one number for all queries",
)
def _(query, key, queue, temperature):
    s = _queue_scores(query, key, queue, temperature)
    s = torch.cat([s[:, :1].mean(0, keepdim=True).expand(len(s), 1), s[:, 1:]], 1)
    return F.cross_entropy(s, torch.zeros(len(s), dtype=torch.long))


# 05 byol_loss


@right("byol_loss")
def _(p1, p2, t1, t2):
    first = 2 - 2 * F.cosine_similarity(p1, t2, dim=1)
    second = 2 - 2 * F.cosine_similarity(p2, t1, dim=1)
    return torch.stack([first, second]).mean()


@right("byol_loss")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1])
    gap = p / torch.linalg.norm(p, dim=1)[:, None] - t / torch.linalg.norm(t, dim=1)[:, None]
    return torch.einsum("bd,bd->", gap, gap) / len(p)


def _far(p, t):
    return (F.normalize(p, dim=1) - F.normalize(t, dim=1)).square().sum(1)


@wrong(
    "byol_loss",
    r"own view|same view|other|cross|pair|t1|t2|exchang|swap",
    mistake="cat in the same order: each prediction meets the target of its own view",
)
def _(p1, p2, t1, t2):
    return _far(torch.cat([p1, p2]), torch.cat([t1, t2])).mean()


@wrong(
    "byol_loss",
    r"mean|sum|pairs|double|twice|half|8|factor",
    mistake="adds the two pairs instead of taking their mean (the paper's own scale)",
)
def _(p1, p2, t1, t2):
    return (_far(p1, t2) + _far(p2, t1)).mean()


@wrong(
    "byol_loss",
    r"sum|mean|feature|D\b|divid|too small",
    mistake="mse_loss: a mean over the D features instead of a sum",
)
def _(p1, p2, t1, t2):
    p, t = F.normalize(torch.cat([p1, p2]), dim=1), F.normalize(torch.cat([t2, t1]), dim=1)
    return F.mse_loss(p, t)


@wrong("byol_loss", r"half|factor|2|cosine|distance|twice|too small", mistake="1 - cosine instead of 2 - 2 · cosine")
def _(p1, p2, t1, t2):
    return (2 - F.cosine_similarity(p1, t2) - F.cosine_similarity(p2, t1)).mean() / 2


@wrong("byol_loss", r"cosine|negative|distance|0 to 4|SimSiam|squared|sign", mistake="SimSiam's loss: minus the cosine")
def _(p1, p2, t1, t2):
    return -(F.cosine_similarity(p1, t2).mean() + F.cosine_similarity(p2, t1).mean()) / 2


@wrong(
    "byol_loss",
    r"prediction|target|p2|t2|t1|pair",
    mistake="compares the two predictions with each other and the two targets with each other",
)
def _(p1, p2, t1, t2):
    return (_far(p1, p2) + _far(t1, t2)).mean() / 2


@wrong("byol_loss", r"square|root|distance", mistake="takes the distance, not its square")
def _(p1, p2, t1, t2):
    return (_far(p1, t2).sqrt() + _far(p2, t1).sqrt()).mean() / 2


@wrong(
    "byol_loss",
    r"square|before|sum|cancel|order|each feature|feature",
    mistake="sums the differences over the features first and squares afterwards",
)
def _(p1, p2, t1, t2):
    p, t = F.normalize(torch.cat([p1, p2]), dim=1), F.normalize(torch.cat([t2, t1]), dim=1)
    return (p - t).sum(1).square().mean()


@wrong(
    "byol_loss",
    r"gradient|number|item|graph|tensor|learn",
    mistake="turns the loss into a Python number, which no gradient can pass",
)
def _(p1, p2, t1, t2):
    return torch.tensor((_far(p1, t2).mean().item() + _far(p2, t1).mean().item()) / 2)


@wrong("byol_loss", r"gradient|detach|prediction|stop", mistake="detaches the predictions (the wrong side)")
def _(p1, p2, t1, t2):
    return (_far(p1.detach(), t2) + _far(p2.detach(), t1)).mean() / 2


@wrong("byol_loss", r"target|length|normali|scale", mistake="scales the predictions to length 1 but not the targets")
def _(p1, p2, t1, t2):
    p, t = F.normalize(torch.cat([p1, p2]), dim=1), torch.cat([t2, t1])
    return (p - t).square().sum(1).mean()


@wrong("byol_loss", r"second|p2|t1|pair|both|twice|half", mistake="p1 against t2 twice (copy and paste)")
def _(p1, p2, t1, t2):
    return (_far(p1, t2) + _far(p1, t2)).mean() / 2


@wrong(
    "byol_loss",
    r"all|other pictures|pair|row|own|each picture|cdist|batch",
    mistake="distance of each prediction from the targets of all pictures, not of its own alone",
)
def _(p1, p2, t1, t2):
    gaps = [torch.cdist(F.normalize(p, dim=1), F.normalize(t, dim=1)).square().mean() for p, t in ((p1, t2), (p2, t1))]
    return sum(gaps) / 2


@wrong("byol_loss", r"square|cosine|factor|4|distance|0 to 4", mistake="squares 2 - 2 · cosine once more")
def _(p1, p2, t1, t2):
    return (_far(p1, t2).square() + _far(p2, t1).square()).mean() / 2


# 06 cross_correlation


@right("cross_correlation")
def _(z1, z2):
    size = z1.shape[1]
    return torch.corrcoef(torch.cat([z1, z2], 1).T)[:size, size:]


@right("cross_correlation")
def _(z1, z2):
    a, b = F.normalize(z1 - z1.mean(0), dim=0), F.normalize(z2 - z2.mean(0), dim=0)
    return torch.einsum("bi,bj->ij", a, b)


def _standard(z, correction=0):
    return (z - z.mean(0)) / z.std(0, correction=correction)


@wrong(
    "cross_correlation",
    r"block|z2|view|corner|z1|itself|second",
    mistake="cuts the wrong block out of corrcoef: z1 with itself",
)
def _(z1, z2):
    size = z1.shape[1]
    return torch.corrcoef(torch.cat([z1, z2], 1).T)[:size, :size]


@wrong(
    "cross_correlation",
    r"transpos|row|column|order|exchang|swap|z1",
    mistake="rows are the features of z2 (transposed)",
)
def _(z1, z2):
    return _standard(z2).T @ _standard(z1) / len(z1)


@wrong("cross_correlation", r"B - 1|unbiased|correction|divid|std", mistake="std with its default, B - 1")
def _(z1, z2):
    return _standard(z1, 1).T @ _standard(z2, 1) / len(z1)


@wrong(
    "cross_correlation",
    r"B - 1|unbiased|mean|divid|B\b|too large|-1 to 1|beyond",
    mistake="biased standard deviation, but the sum is divided by B - 1",
)
def _(z1, z2):
    return _standard(z1).T @ _standard(z2) / (len(z1) - 1)


@wrong(
    "cross_correlation",
    r"D\b|batch|B\b|divid|number of|mean|feature",
    mistake="divides by the number of features instead of the batch",
)
def _(z1, z2):
    return _standard(z1).T @ _standard(z2) / z1.shape[1]


@wrong(
    "cross_correlation",
    r"covariance|standard deviation|std|scale|divid|standardi",
    mistake="covariance: the division by the standard deviation is missing",
)
def _(z1, z2):
    return (z1 - z1.mean(0)).T @ (z2 - z2.mean(0)) / len(z1)


@wrong(
    "cross_correlation",
    r"picture|row|axis|dim|batch|shape|\(D, D\)|feature",
    mistake="similarity of pictures: (B, B) instead of (D, D)",
)
def _(z1, z2):
    return _standard(z1) @ _standard(z2).T / z1.shape[1]


@wrong(
    "cross_correlation",
    r"own|each view|mean|second|z2|z1's|its own",
    mistake="standardises z2 with the mean and the deviation of z1",
)
def _(z1, z2):
    m, s = z1.mean(0), z1.std(0, correction=0)
    return ((z1 - m) / s).T @ ((z2 - m) / s) / len(z1)


@wrong("cross_correlation", r"mean|subtract|cent(re|er)", mistake="cosine of the features: the mean is not taken off")
def _(z1, z2):
    return F.normalize(z1, dim=0).T @ F.normalize(z2, dim=0)


@wrong(
    "cross_correlation",
    r"batch|feature|axis|dim|row|picture|standardi",
    mistake="standardises each picture over its features, not each feature over the batch",
)
def _(z1, z2):
    a, b = ((z - z.mean(1, keepdim=True)) / z.std(1, keepdim=True, correction=0) for z in (z1, z2))
    return a.T @ b / len(z1)


@wrong(
    "cross_correlation", r"square|sign|negative|diagonal|loss", mistake="squares the entries, as the loss does later"
)
def _(z1, z2):
    return (_standard(z1).T @ _standard(z2) / len(z1)).square()


@wrong(
    "cross_correlation",
    r"loss|number|matrix|\(D, D\)|shape|scalar|diagonal",
    mistake="goes on to Barlow Twins' loss: one number instead of the matrix",
)
def _(z1, z2):
    c = _standard(z1).T @ _standard(z2) / len(z1)
    return (c - torch.eye(len(c))).square().sum()


@wrong(
    "cross_correlation",
    r"variance|root|std|standard deviation|divid|square",
    mistake="divides by the variance (root forgotten)",
)
def _(z1, z2):
    a, b = ((z - z.mean(0)) / z.var(0, correction=0) for z in (z1, z2))
    return a.T @ b / len(z1)


@wrong("cross_correlation", r"gradient|detach|z2|second|stop", mistake="detaches the second view")
def _(z1, z2):
    return _standard(z1).T @ _standard(z2.detach()) / len(z1)


# 06 variance


@right("variance")
def _(z):
    return 1 - z.std(0).clamp(max=1).mean()


@right("variance")
def _(z):
    spread = ((z - z.mean(0)).square().sum(0) / (len(z) - 1) + 1e-8).sqrt()
    return torch.where(spread < 1, 1 - spread, torch.zeros_like(spread)).sum() / z.shape[1]


@wrong("variance", r"root|variance|standard deviation|std|square", mistake="uses the variance instead of its root")
def _(z):
    return F.relu(1 - z.var(0)).mean()


@wrong("variance", r"feature|batch|axis|dim|row|picture", mistake="standard deviation within each embedding (dim=1)")
def _(z):
    return F.relu(1 - z.std(1)).mean()


@wrong(
    "variance",
    r"before|each feature|cut|clamp|relu|order|nothing|more than 1|above 1|-1|make up",
    mistake="cuts off after the mean: wide features make up for narrow ones",
)
def _(z):
    return F.relu((1 - z.std(0)).mean())


@wrong("variance", r"square|slope|power|hinge", mistake="squares the shortfall")
def _(z):
    return F.relu(1 - z.std(0)).square().mean()


@wrong(
    "variance", r"above|more than 1|nothing|wide|abs|larger|cost", mistake="punishes wide features too (absolute value)"
)
def _(z):
    return (1 - z.std(0)).abs().mean()


@wrong("variance", r"unbiased|B - 1|correction|biased|divid", mistake="divides by B in the standard deviation")
def _(z):
    centred = z - z.mean(0)
    return F.relu(1 - centred.square().mean(0).sqrt()).mean()


@wrong(
    "variance",
    r"mean|cent(re|er)|subtract|spread",
    mistake="does not take the mean off: root mean square instead of standard deviation",
)
def _(z):
    return F.relu(1 - (z.square().sum(0) / (len(z) - 1)).sqrt()).mean()


@wrong(
    "variance",
    r"only|those|all features|mean|D\b|number|divid",
    mistake="the mean over those features only that fall short",
)
def _(z):
    short = F.relu(1 - z.std(0))
    return short.sum() / (short > 0).sum().clamp(min=1)


@wrong(
    "variance", r"ε|eps|small|1e|root|add|too large", mistake="adds 1 below the root as an ε, so nothing is ever short"
)
def _(z):
    return F.relu(1 - (z.var(0) + 1.0).sqrt()).mean()


@wrong("variance", r"sum|mean|feature|D\b|divid", mistake="the sum over the features")
def _(z):
    return F.relu(1 - z.std(0)).sum()


@wrong(
    "variance",
    r"count|how far|number|share|gradient|how many|threshold",
    mistake="counts the features that fall short instead of measuring how far",
)
def _(z):
    return (z.std(0) < 1).float().mean()


@wrong(
    "variance",
    r"each feature|whole|all|every feature|axis|dim|one number",
    mistake="one standard deviation of all numbers together",
)
def _(z):
    return F.relu(1 - z.std())


@wrong("variance", r"length|normali|as they are|scale|sphere|divid", mistake="gives each embedding the length 1 first")
def _(z):
    return F.relu(1 - F.normalize(z, dim=1).std(0)).mean()


@wrong("variance", r"gradient|slope|detach", mistake="computes the standard deviation without gradient")
def _(z):
    with torch.no_grad():
        spread = z.std(0)
    return F.relu(1 - spread).mean() + 0 * z.sum()


@wrong(
    "variance",
    r"sign|short|above|more|larger|wide|collapse|other way|less",
    mistake="std minus 1: punishes the wide features and not the narrow ones",
)
def _(z):
    return F.relu(z.std(0) - 1).mean()


# 07 attention


@right("attention")
def _(q, k, v):
    return F.scaled_dot_product_attention(q[None, None], k[None, None], v[None, None])[0, 0]


@right("attention")
def _(q, k, v):
    rows = []
    for one in q:
        scores = torch.stack([torch.dot(one, other) for other in k]) / math.sqrt(q.shape[1])
        e = torch.exp(scores - scores.max())
        rows.append(sum(w * value for w, value in zip(e / e.sum(), v, strict=True)))
    return torch.stack(rows)


def _attend(scores, v):
    return scores.softmax(1) @ v


@wrong(
    "attention",
    r"softmax|dim|axis|row|column|sum to 1|token that asks",
    mistake="softmax over the tokens that ask (dim=0)",
)
def _(q, k, v):
    return (q @ k.T / q.shape[1] ** 0.5).softmax(0) @ v


@wrong("attention", r"√|root|sqrt|d\b|scale|divid", mistake="divides by d instead of its root")
def _(q, k, v):
    return _attend(q @ k.T / q.shape[1], v)


@wrong(
    "attention",
    r"√|root|number of tokens|L\b|d\b|scale|divid|shape",
    mistake="divides by the root of the number of tokens",
)
def _(q, k, v):
    return _attend(q @ k.T / len(q) ** 0.5, v)


@wrong("attention", r"\bk\b|key|query|q\b|twice|itself", mistake="queries with queries: the keys are never used")
def _(q, k, v):
    return _attend(q @ q.T / q.shape[1] ** 0.5, v)


@wrong("attention", r"value|\bv\b|key", mistake="takes the weighted mean of the keys instead of the values")
def _(q, k, v):
    return _attend(q @ k.T / q.shape[1] ** 0.5, k)


@wrong(
    "attention",
    r"query|key|transpos|swap|exchang|order|asks|row|softmax",
    mistake="roles exchanged: each key asks the queries",
)
def _(q, k, v):
    return _attend(k @ q.T / q.shape[1] ** 0.5, v)


@wrong(
    "attention",
    r"mask|causal|later|all tokens|before|future|triang",
    mistake="hides what stands behind, as GPT does; here every token looks at all",
)
def _(q, k, v):
    scores = q @ k.T / q.shape[1] ** 0.5
    later = torch.ones_like(scores).triu(1).bool()
    return _attend(scores.masked_fill(later, -torch.inf), v)


@wrong(
    "attention",
    r"softmax|exp|sum to 1|share|negative|weights",
    mistake="divides the raw scores by their sum instead of a softmax",
)
def _(q, k, v):
    scores = q @ k.T / q.shape[1] ** 0.5
    return scores / scores.sum(1, keepdim=True) @ v


@wrong(
    "attention",
    r"after|before|softmax|scale|sum to 1|divid|order|√|weights",
    mistake="divides by √d after the softmax, so the weights do not sum to 1",
)
def _(q, k, v):
    return (q @ k.T).softmax(1) / q.shape[1] ** 0.5 @ v


@wrong(
    "attention",
    r"cosine|normali|length|dot product|scale",
    mistake="takes cosines: gives queries and keys the length 1",
)
def _(q, k, v):
    return _attend(F.normalize(q, dim=1) @ F.normalize(k, dim=1).T / q.shape[1] ** 0.5, v)


@wrong(
    "attention",
    r"residual|add|input|query|\+|plus|only the weighted mean",
    mistake="adds the value itself (a residual connection), which belongs outside the head",
)
def _(q, k, v):
    return v + _attend(q @ k.T / q.shape[1] ** 0.5, v)


@wrong("attention", r"transpos|weights|row|column|sum to 1", mistake="weights transposed before they meet the values")
def _(q, k, v):
    return (q @ k.T / q.shape[1] ** 0.5).softmax(1).T @ v


@wrong(
    "attention",
    r"softmax|normal|max|row|sum to 1|weights|exp",
    mistake="stabilises with the largest score of each column instead of each row, which changes the weights",
)
def _(q, k, v):
    scores = q @ k.T / q.shape[1] ** 0.5
    e = torch.exp(scores - scores.amax(0, keepdim=True))
    return e / e.sum(1, keepdim=True) @ v


@wrong("attention", r"itself|own|diagonal|all tokens|self", mistake="no token may look at itself")
def _(q, k, v):
    scores = q @ k.T / q.shape[1] ** 0.5
    return _attend(scores.masked_fill(torch.eye(len(scores)).bool(), -1e4), v)


@wrong("attention", r"tuple|pair|weights|only|two|shape|\(L, d\)", mistake="gives the weights along with the result")
def _(q, k, v):
    weights = (q @ k.T / q.shape[1] ** 0.5).softmax(1)
    return weights @ v, weights


# 07 sharpened


@right("sharpened")
def _(scores, centre, temperature):
    e = torch.exp((scores - centre - (scores - centre).amax(1, keepdim=True)) / temperature)
    return e / e.sum(1, keepdim=True)


@right("sharpened")
def _(scores, centre, temperature):
    return torch.stack([F.log_softmax((row - centre) / temperature, dim=0).exp() for row in scores])


@wrong(
    "sharpened",
    r"divid|centre|center|order|first|both|bracket|temperature",
    mistake="divides the scores by the temperature, but not the centre (brackets)",
)
def _(scores, centre, temperature):
    return (scores / temperature - centre).softmax(1)


@wrong("sharpened", r"sign|subtract|minus|add|centre|center", mistake="adds the centre")
def _(scores, centre, temperature):
    return ((scores + centre) / temperature).softmax(1)


@wrong(
    "sharpened", r"after|before|softmax|order|sum to 1|centre|center", mistake="subtracts the centre after the softmax"
)
def _(scores, centre, temperature):
    return (scores / temperature).softmax(1) - centre


@wrong(
    "sharpened",
    r"given|centre|center|batch|mean|own|argument",
    mistake="takes the mean of this batch instead of the centre that is given",
)
def _(scores, centre, temperature):
    return ((scores - scores.mean(0)) / temperature).softmax(1)


@wrong(
    "sharpened",
    r"centre|center|prototype|each|one number|mean",
    mistake="subtracts the mean of the centre, one number, which changes nothing",
)
def _(scores, centre, temperature):
    return ((scores - centre.mean()) / temperature).softmax(1)


@wrong(
    "sharpened", r"divid|multip|temperature|times|sharp|flat", mistake="multiplies by the temperature, which flattens"
)
def _(scores, centre, temperature):
    return F.softmax((scores - centre) * temperature, dim=-1)


@wrong("sharpened", r"dim|axis|row|softmax|column|prototype|sum to 1", mistake="softmax over the batch")
def _(scores, centre, temperature):
    return ((scores - centre) / temperature).softmax(0)


@wrong(
    "sharpened",
    r"temperature|0\.04|fixed|argument|given",
    mistake="always divides by DINO's 0.04, whatever temperature is given",
)
def _(scores, centre, temperature):
    return ((scores - centre) / 0.04).softmax(-1)


@wrong(
    "sharpened",
    r"power|sum to 1|softmax|temperature|divid|inside|after",
    mistake="sharpens afterwards by a power and forgets to make the rows sum to 1 again",
)
def _(scores, centre, temperature):
    return (scores - centre).softmax(1) ** (1 / temperature)


@wrong(
    "sharpened",
    r"change|in.place|argument|input|scores|overwrit|copy|clone",
    mistake="subtracts in place: scores is changed",
)
def _(scores, centre, temperature):
    with torch.no_grad():
        scores -= centre
    return (scores / temperature).softmax(1)


@wrong("sharpened", r"log|softmax|negative|sum to 1|prob", mistake="gives the logs (log_softmax)")
def _(scores, centre, temperature):
    return F.log_softmax((scores - centre) / temperature, dim=1)


@wrong(
    "sharpened",
    r"standard deviation|std|divid|scale|temperature|only|subtract",
    mistake="standardises over the batch too, as in Barlow Twins",
)
def _(scores, centre, temperature):
    return ((scores - centre) / scores.std(0, correction=0).clamp(min=1e-3) / temperature).softmax(1)


@wrong(
    "sharpened",
    r"hard|argmax|one.hot|softmax|0 or 1|prob|largest",
    mistake="the hard decision (one-hot) instead of a softmax",
)
def _(scores, centre, temperature):
    return F.one_hot((scores - centre).argmax(1), scores.shape[1]).float()


@wrong("sharpened", r"exp|softmax|sum to 1|normali|divid", mistake="exp without the division by the row's sum")
def _(scores, centre, temperature):
    return torch.exp((scores - centre) / temperature)


# 07 sinkhorn


@right("sinkhorn")
def _(scores, epsilon, rounds):
    logs = scores / epsilon
    for _ in range(rounds):
        logs = logs - logs.logsumexp(0, keepdim=True)
        logs = logs - logs.logsumexp(1, keepdim=True)
    return logs.exp()


@right("sinkhorn")
def _(scores, epsilon, rounds):
    kernel = torch.exp(scores.double() / epsilon)
    rows, columns = kernel.new_ones(len(kernel)), kernel.new_ones(kernel.shape[1])
    for _ in range(rounds):
        columns = 1 / (kernel.T @ rows)
        rows = 1 / (kernel @ columns)
    return (rows[:, None] * kernel * columns[None]).to(scores.dtype)


def _kernel(scores, epsilon):
    return torch.exp(scores / epsilon)


@wrong(
    "sinkhorn",
    r"order|column|row|first|last|sum to 1",
    mistake="rows first, then columns: at the end the columns sum to 1",
)
def _(scores, epsilon, rounds):
    q = _kernel(scores, epsilon)
    for _ in range(rounds):
        q = q / q.sum(1, keepdim=True)
        q = q / q.sum(0, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"both|new|order|after|row|sum to 1|already|same time|at once",
    mistake="takes both sums before dividing by either",
)
def _(scores, epsilon, rounds):
    q = _kernel(scores, epsilon)
    for _ in range(rounds):
        columns, rows = q.sum(0, keepdim=True), q.sum(1, keepdim=True)
        q = q / columns / rows
    return q


@wrong(
    "sinkhorn", r"softmax|exp|start|first|begin|row|order", mistake="begins with a softmax of each row instead of exp"
)
def _(scores, epsilon, rounds):
    q = (scores / epsilon).softmax(1)
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"max|row|stabil|exp|scale|start|subtract|column",
    mistake="for safety subtracts each row's largest score before exp, which changes the columns' sums",
)
def _(scores, epsilon, rounds):
    q = ((scores - scores.amax(1, keepdim=True)) / epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"loop|each round|rounds|indent|row|inside|column",
    mistake="only the columns stand in the loop, the rows come once at the end (indentation)",
)
def _(scores, epsilon, rounds):
    q = _kernel(scores, epsilon)
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True)
    return q / q.sum(1, keepdim=True)


@wrong("sinkhorn", r"rounds|one|loop|return|first|more|enough", mistake="returns inside the loop, after one round")
def _(scores, epsilon, rounds):
    q = _kernel(scores, epsilon)
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True)
        q = q / q.sum(1, keepdim=True)
        return q


@wrong("sinkhorn", r"rounds|3|three|fixed|number|loop", mistake="always three rounds")
def _(scores, epsilon, rounds):
    q = _kernel(scores, epsilon)
    for _ in range(3):
        q = q / q.sum(0, keepdim=True)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"rounds|one (too|round)|off by|too many|once more|loop",
    mistake="one round too many (range(rounds + 1))",
)
def _(scores, epsilon, rounds):
    q = _kernel(scores, epsilon)
    for _ in range(rounds + 1):
        q = q / q.sum(0, keepdim=True)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"keepdim|square|row|axis|column|broadcast|shape|sum to 1",
    mistake="keepdim forgotten for the rows: works only where B = K, and then divides columns",
)
def _(scores, epsilon, rounds):
    q = _kernel(scores, epsilon)
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1)
    return q


@wrong("sinkhorn", r"epsilon|divid|times|multip|sharp", mistake="multiplies by epsilon")
def _(scores, epsilon, rounds):
    q = (scores * epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", r"exp|negative|score", mistake="no exp: the scores themselves are divided")
def _(scores, epsilon, rounds):
    q = scores / epsilon
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"change|in.place|argument|input|overwrit|scores|clone",
    mistake="divides and exponentiates the argument in place",
)
def _(scores, epsilon, rounds):
    q = scores.detach().div_(epsilon).exp_()
    for _ in range(rounds):
        q /= q.sum(0, keepdim=True)
        q /= q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"row|mean|sum to 1|column|divid|sum|average",
    mistake="divides the rows by their mean instead of their sum, so they sum to K",
)
def _(scores, epsilon, rounds):
    q = _kernel(scores, epsilon)
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True)
        q = q / q.mean(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"hard|argmax|one.hot|0 or 1|largest|round|share",
    mistake="rounds the shares to a hard decision at the end",
)
def _(scores, epsilon, rounds):
    q = _kernel(scores, epsilon)
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True)
        q = q / q.sum(1, keepdim=True)
    return F.one_hot(q.argmax(1), q.shape[1]).to(q.dtype)


# 08 effective_rank


@right("effective_rank")
def _(z):
    reach = torch.linalg.svdvals(z)
    return torch.special.entr(reach / reach.sum()).sum().exp()


@right("effective_rank")
def _(z):
    share = torch.linalg.svd(z, full_matrices=False).S
    share = share[share > 0] / share.sum()
    return torch.prod(share**-share)


def _rank(z, change=lambda s: s, logs=torch.log):
    reach = change(torch.linalg.svdvals(z))
    share = reach / reach.sum()
    return torch.exp(-(share * logs(share)).sum())


@wrong(
    "effective_rank",
    r"square|singular|eigen|variance|root|share",
    mistake="takes shares of the squared singular values (variances)",
)
def _(z):
    return _rank(z, torch.square)


@wrong("effective_rank", r"log2|base|natural|e\b|log", mistake="log2 with exp: two bases mixed")
def _(z):
    return _rank(z, logs=torch.log2)


@wrong(
    "effective_rank",
    r"share|log|reach|which|singular|of what",
    mistake="the log of the singular values themselves, not of their shares",
)
def _(z):
    reach = torch.linalg.svdvals(z)
    share = reach / reach.sum()
    return torch.exp(-(share * reach.log()).sum())


@wrong("effective_rank", r"log1p|1 \+|plus|log|share", mistake="log1p(share), for fear of log 0")
def _(z):
    return _rank(z, logs=torch.log1p)


@wrong("effective_rank", r"as they are|mean|cent(re|er)|subtract", mistake="takes the mean off first")
def _(z):
    return _rank(z - z.mean(0))


@wrong("effective_rank", r"as they are|length|normali|row|scale", mistake="gives each embedding the length 1 first")
def _(z):
    return _rank(F.normalize(z, dim=1))


@wrong("effective_rank", r"exp|entropy|log|number of directions", mistake="stops at the entropy: no exp")
def _(z):
    return _rank(z).log()


@wrong(
    "effective_rank",
    r"sign|minus|negative|log|below 1|smaller",
    mistake="minus twice: the log with a minus, so exp of minus the entropy",
)
def _(z):
    return _rank(z, logs=lambda share: -share.log())


@wrong(
    "effective_rank", r"share|sum|largest|divid|max", mistake="divides by the largest singular value instead of the sum"
)
def _(z):
    reach = torch.linalg.svdvals(z)
    share = reach / reach[0]
    return torch.exp(-(share * share.log()).sum())


@wrong(
    "effective_rank",
    r"participation|entropy|square|log|exp",
    mistake="the participation ratio, 1 / sum of p², which is another measure",
)
def _(z):
    reach = torch.linalg.svdvals(z)
    return 1 / (reach / reach.sum()).square().sum()


@wrong("effective_rank", r"softmax|share|sum|divid|exp", mistake="shares by a softmax of the singular values")
def _(z):
    share = torch.linalg.svdvals(z).softmax(0)
    return torch.exp(-(share * share.log()).sum())


@wrong(
    "effective_rank",
    r"small|eps|ε|1e|add|log|exact|0\.1|share",
    mistake="adds 0.01 to each share below the log, far too much",
)
def _(z):
    return _rank(z, logs=lambda share: (share + 0.01).log())


@wrong("effective_rank", r"mean|sum|entropy|divid|number", mistake="mean of p · log p instead of the sum")
def _(z):
    reach = torch.linalg.svdvals(z)
    share = reach / reach.sum()
    return torch.exp(-(share * share.log()).mean())


@wrong(
    "effective_rank",
    r"rank|count|entropy|weak|share|direction|exp",
    mistake="the ordinary rank: each direction counts alike, however weak",
)
def _(z):
    return torch.linalg.matrix_rank(z).float()


@wrong("effective_rank", r"log|share|p\b|entropy|blank", mistake="the share itself in place of its log")
def _(z):
    return _rank(z, logs=lambda share: share)


# 08 feature_std


@right("feature_std")
def _(z):
    unit = z / torch.linalg.vector_norm(z, dim=1, keepdim=True)
    gap = unit - unit.mean(0)
    return math.sqrt(z.shape[1]) * gap.square().mean(0).sqrt().mean()


@right("feature_std")
def _(z):
    unit = torch.einsum("nd,n->nd", z, z.square().sum(1).rsqrt())
    stds = [torch.std(unit[:, i], correction=0) for i in range(z.shape[1])]
    return sum(stds) / len(stds) ** 0.5


@wrong("feature_std", r"divide by N|N - 1|unbiased|correction|divid", mistake="std with its default, N - 1")
def _(z):
    return F.normalize(z, dim=1).std(0).mean() * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"axis|dim|feature|picture|over the pictures|row",
    mistake="standard deviation within each picture (dim=1)",
)
def _(z):
    return F.normalize(z, dim=1).std(1, correction=0).mean() * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"length|normali|dim|axis|picture|embedding|row",
    mistake="length 1 for each feature instead of each embedding",
)
def _(z):
    return F.normalize(z, dim=0).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"√|root|D\b|N\b|number of pictures|multip|factor",
    mistake="multiplies by √N, the number of pictures",
)
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * len(z) ** 0.5


@wrong("feature_std", r"√|root|D\b|multip|factor|sqrt", mistake="multiplies by D, without the root")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * z.shape[1]


@wrong("feature_std", r"√|root|D\b|multip|factor|divid", mistake="divides by √D")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() / z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"average|mean|order|root|variance|standard deviation|before",
    mistake="averages the variances and takes the root afterwards",
)
def _(z):
    return (F.normalize(z, dim=1).var(0, correction=0).mean() * z.shape[1]).sqrt()


@wrong(
    "feature_std",
    r"cent(re|er)|mean|subtract|before|length|first|point",
    mistake="takes the mean off before the scaling to length 1, so a far small cloud looks full",
)
def _(z):
    return F.normalize(z - z.mean(0), dim=1).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"sum|average|mean|D\b", mistake="sums over the features instead of averaging")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).sum() * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"length|norm|scale|square|L1|euclid",
    mistake="divides by the sum of the absolute values (L1) instead of the length",
)
def _(z):
    return F.normalize(z, p=1, dim=1).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"each feature|all|one|axis|feature|dim|point|whole",
    mistake="one standard deviation of all numbers together, which is not 0 for a single point",
)
def _(z):
    return F.normalize(z, dim=1).std(correction=0) * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"each|length|norm|embedding|whole|matrix|picture|scale",
    mistake="divides by the norm of the whole matrix",
)
def _(z):
    return (z / z.norm()).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"median|mean|average", mistake="takes the median of the features instead of the mean")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).median() * z.shape[1] ** 0.5


@wrong("feature_std", r"√|root|D\b|fixed|128|number of features|shape|hard", mistake="hard-coded for 128 features")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * 128**0.5


@wrong(
    "feature_std",
    r"standard deviation|mean|spread|cent(re|er)|root mean square|point|subtract",
    mistake="root mean square without the mean taken off: a single point does not give 0",
)
def _(z):
    return F.normalize(z, dim=1).square().mean(0).sqrt().mean() * z.shape[1] ** 0.5


# 09 rotation_batch


@right("rotation_batch")
def _(x):
    quarter = x.transpose(2, 3).flip(2)
    half = x.flip(2, 3)
    three = x.transpose(2, 3).flip(3)
    labels = torch.div(torch.arange(4 * len(x)), max(len(x), 1), rounding_mode="floor")
    return torch.cat([x, quarter, half, three]), labels


@right("rotation_batch")
def _(x):
    now, pictures, labels = x, [], []
    for turn in range(4):
        pictures.append(now)
        labels += [turn] * len(x)
        now = torch.rot90(now, 1, [-2, -1])
    return torch.concatenate(pictures), torch.tensor(labels, dtype=torch.int64)


def _turned(x, turns=(0, 1, 2, 3)):
    return torch.cat([x.rot90(t, (2, 3)) for t in turns])


def _quarters(x):
    return torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", r"clockwise|direction|wrong way|90|270|anti", mistake="turns clockwise (axes exchanged)")
def _(x):
    return torch.cat([x.rot90(t, (3, 2)) for t in range(4)]), _quarters(x)


@wrong(
    "rotation_batch",
    r"accumul|again|too far|180|270|turned|already|from x",
    mistake="turns the already turned picture by t quarters each time: 0, 1, 3, 6",
)
def _(x):
    parts = []
    for t in range(4):
        x = x.rot90(t, (2, 3))
        parts.append(x)
    return torch.cat(parts), _quarters(x)


@wrong("rotation_batch", r"label|1 to 4|0 to 3|from 0|start|one", mistake="labels from 1 to 4")
def _(x):
    return _turned(x), _quarters(x) + 1


@wrong("rotation_batch", r"label|degree|quarter|90|0 to 3", mistake="labels in degrees")
def _(x):
    return _turned(x), 90 * _quarters(x)


@wrong(
    "rotation_batch",
    r"order|picture by picture|row|interleav|all B|first|turn by turn|label",
    mistake="pictures stand picture by picture (stack along dim 1), labels turn by turn",
)
def _(x):
    return torch.stack([x.rot90(t, (2, 3)) for t in range(4)], 1).flatten(0, 1), _quarters(x)


@wrong(
    "rotation_batch",
    r"order|picture by picture|row|interleav|all B|first|turn by turn",
    mistake="both picture by picture: pairs fit, but the rows are in another order than asked",
)
def _(x):
    return torch.stack([x.rot90(t, (2, 3)) for t in range(4)], 1).flatten(0, 1), torch.arange(4).repeat(len(x))


@wrong("rotation_batch", r"mirror|flip|180|turn", mistake="mirrors top and bottom in place of half a turn")
def _(x):
    return torch.cat([x, x.rot90(1, (2, 3)), x.flip(2), x.rot90(3, (2, 3))]), _quarters(x)


@wrong("rotation_batch", r"mirror|transpos|90|270|turn", mistake="transposes in place of a quarter turn")
def _(x):
    return torch.cat([x, x.mT, x.flip(2, 3), x.mT.flip(2, 3)]), _quarters(x)


@wrong("rotation_batch", r"int64|type|dtype|long|float|integer|whole", mistake="labels are floats")
def _(x):
    return _turned(x), torch.cat([torch.full((len(x),), float(t)) for t in range(4)])


@wrong(
    "rotation_batch",
    r"label|270|last|3|0|missing|zero",
    mistake="the loop over the labels stops at 2: the last quarter keeps label 0",
)
def _(x):
    labels = torch.zeros(4 * len(x), dtype=torch.long)
    for t in range(3):
        labels[t * len(x) : (t + 1) * len(x)] = t
    return _turned(x), labels


@wrong(
    "rotation_batch", r"shape|4B|axis|stack|cat|dimension|\(4B", mistake="stacks instead of joining: (4, B, C, S, S)"
)
def _(x):
    return torch.stack([x.rot90(t, (2, 3)) for t in range(4)]), _quarters(x)


@wrong(
    "rotation_batch",
    r"order|swap|first|pictures, labels|exchang|tuple|shape",
    mistake="gives labels first, pictures second",
)
def _(x):
    return _quarters(x), _turned(x)


@wrong(
    "rotation_batch",
    r"0|as they are|unturned|first|360|once too|shift|label|quarter",
    mistake="turns by 1 to 4 quarters, so the labels are one behind",
)
def _(x):
    return _turned(x, (1, 2, 3, 4)), _quarters(x)


@wrong(
    "rotation_batch",
    r"shuffl|random|order|row|all B",
    mistake="shuffles the batch at the end, as one would for training",
)
def _(x):
    order = torch.randperm(4 * len(x), generator=torch.Generator().manual_seed(0))
    return _turned(x)[order], _quarters(x)[order]


@wrong(
    "rotation_batch",
    r"channel|colou?r|axis|axes|\(2, 3\)|rows and columns|one picture",
    mistake="turns each picture in the wrong plane where C = S: channels and rows (else fails)",
)
def _(x):
    return torch.cat([x.rot90(t, (1, 2)) for t in range(4)]), _quarters(x)


# 10 patchify


@right("patchify")
def _(x, patch):
    b, c, h, w = x.shape
    cut = x.unfold(2, patch, patch).unfold(3, patch, patch)
    return cut.permute(0, 2, 3, 1, 4, 5).reshape(b, (h // patch) * (w // patch), c * patch * patch)


@right("patchify")
def _(x, patch):
    rows = [torch.cat([p.reshape(len(x), 1, -1) for p in band.split(patch, 3)], 1) for band in x.split(patch, 2)]
    return torch.cat(rows, 1)


def _grid(x, patch):  # B, C, rows, patch, columns, patch
    return x.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))


@wrong(
    "patchify",
    r"order|channel|red|colou?r|pixel|last",
    mistake="channels last: the three numbers of a pixel stand together",
)
def _(x, patch):
    return _grid(x, patch).permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)


@wrong(
    "patchify",
    r"reading order|row|column|order of the patches|first|down|below",
    mistake="patches run down the columns first",
)
def _(x, patch):
    return _grid(x, patch).permute(0, 4, 2, 1, 3, 5).flatten(3).flatten(1, 2)


@wrong("patchify", r"inside|transpos|pixel|row|column|order", mistake="rows and columns exchanged inside each patch")
def _(x, patch):
    return _grid(x, patch).permute(0, 2, 4, 1, 5, 3).flatten(3).flatten(1, 2)


@wrong(
    "patchify",
    r"scatter|neighbour|every|square|unflatten|split|spread|patch|stride|far apart",
    mistake="splits into (patch, -1) instead of (-1, patch): a patch takes pixels that lie far apart",
)
def _(x, patch):
    parts = x.unflatten(3, (patch, -1)).unflatten(2, (patch, -1))  # B, C, patch, rows, patch, columns
    return parts.permute(0, 3, 5, 1, 2, 4).flatten(3).flatten(1, 2)


@wrong(
    "patchify",
    r"reshape|view|order|square|strip|cut|permute|pixels",
    mistake="a bare reshape: right shape, but strips in place of squares",
)
def _(x, patch):
    return x.reshape(len(x), -1, x.shape[1] * patch * patch)


@wrong(
    "patchify",
    r"shape|transpos|axis|axes|\(B, L|order|L\b",
    mistake="F.unfold without the transpose: (B, C · patch², L)",
)
def _(x, patch):
    return F.unfold(x.float(), patch, stride=patch).to(x.dtype)


@wrong("patchify", r"overlap|stride|number of patches|L\b|shape|step|too many", mistake="patches overlap: stride 1")
def _(x, patch):
    return F.unfold(x.float(), patch).transpose(1, 2).to(x.dtype)


@wrong(
    "patchify",
    r"shape|grid|rows|columns|L\b|flatten|axes|axis|4",
    mistake="leaves the grid as it is: (B, rows, columns, C · patch²)",
)
def _(x, patch):
    return _grid(x, patch).permute(0, 2, 4, 1, 3, 5).flatten(3)


@wrong(
    "patchify",
    r"square|height|width|H\b|W\b|wide|high|columns|rows|L\b|shape|missing",
    mistake="counts the columns by the height: right for square pictures only",
)
def _(x, patch):
    found = []
    for row in range(0, x.shape[2], patch):
        for column in range(0, x.shape[2], patch):
            found.append(x[:, :, row : row + patch, column : column + patch].flatten(1))
    return torch.stack(found, 1)


@wrong(
    "patchify",
    r"last|missing|too few|L\b|shape|range|bottom|row",
    mistake="the last row of patches is missing (range to H - patch)",
)
def _(x, patch):
    if x.shape[2] == patch:
        return _grid(x, patch).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
    found = []
    for row in range(0, x.shape[2] - patch, patch):
        for column in range(0, x.shape[3], patch):
            found.append(x[:, :, row : row + patch, column : column + patch].flatten(1))
    return torch.stack(found, 1)


@wrong(
    "patchify",
    r"stack|axis|axes|batch|shape|L\b|first|\(B, L",
    mistake="stacks the patches along dim 0: (L, B, C · patch²)",
)
def _(x, patch):
    return torch.stack([p.flatten(1) for band in x.split(patch, 2) for p in band.split(patch, 3)])


@wrong(
    "patchify",
    r"mean|normali|scale|values|change|as they are|standard|pixel",
    mistake="takes each patch's mean off, MAE's normalised target",
)
def _(x, patch):
    rows = _grid(x, patch).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
    return rows - rows.float().mean(2, keepdim=True).to(rows.dtype)


@wrong(
    "patchify",
    r"channel|C\b|shape|separate|each|together|3|row",
    mistake="each channel's patch becomes a row of its own: (B, L · C, patch²)",
)
def _(x, patch):
    return _grid(x, patch).permute(0, 2, 4, 1, 3, 5).flatten(4).flatten(1, 3)


@wrong("patchify", r"channel|colou?r|three|3|C\b|shape|number of channels", mistake="hard-coded for three channels")
def _(x, patch):
    parts = [_grid(x[:, [min(c, x.shape[1] - 1)]], patch).permute(0, 2, 4, 1, 3, 5).flatten(3) for c in range(3)]
    return torch.cat(parts, 3).flatten(1, 2)


@wrong("patchify", r"channel|order|red|blue|revers|colou?r", mistake="channels in reverse: blue first")
def _(x, patch):
    return _grid(x.flip(1), patch).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


# 10 mask_sampling


@right("mask_sampling")
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    return noise.argsort(dim=1).argsort(dim=1) < n


@right("mask_sampling")
def _(noise, ratio):
    out = torch.zeros(noise.shape, dtype=torch.bool)
    for i, row in enumerate(noise.tolist()):
        for j in sorted(range(len(row)), key=row.__getitem__)[: round(ratio * len(row))]:
            out[i, j] = True
    return out


@wrong(
    "mask_sampling",
    r"rank|order|argsort|place|once|twice|position",
    mistake="argsort once: asks where the order's entry is small, not the place's rank",
)
def _(noise, ratio):
    return noise.argsort(dim=1) < round(ratio * noise.shape[1])


@wrong(
    "mask_sampling",
    r"equally many|same number|each row|count|number|threshold|round|how many",
    mistake="compares the noise with the ratio: the number differs from row to row",
)
def _(noise, ratio):
    return noise < ratio


@wrong(
    "mask_sampling",
    r"each row|whole|batch|equally|row|count|number|all pictures",
    mistake="one threshold for the whole batch, so rows hide different numbers",
)
def _(noise, ratio):
    n = round(ratio * noise.numel())
    flat = torch.zeros(noise.numel(), dtype=torch.bool)
    flat[noise.flatten().argsort()[:n]] = True
    return flat.view_as(noise)


@wrong(
    "mask_sampling",
    r"round|int|floor|number|how many|count|one (too|less)",
    mistake="cuts down (int) instead of rounding",
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    return torch.zeros_like(order).bool().scatter(1, order[:, : int(ratio * noise.shape[1])], True)


@wrong("mask_sampling", r"round|ceil|number|how many|count|one too", mistake="rounds up")
def _(noise, ratio):
    order = noise.argsort(dim=1)
    return torch.zeros_like(order).bool().scatter(1, order[:, : math.ceil(ratio * noise.shape[1])], True)


@wrong(
    "mask_sampling",
    r"smallest|largest|order|end|last|wrong end",
    mistake="hides the largest noise (takes the end of the order)",
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    n = round(ratio * noise.shape[1])
    return torch.zeros_like(order).bool().scatter(1, order[:, noise.shape[1] - n :], True)


@wrong(
    "mask_sampling", r"visible|kept|True|hidden|invert|opposite|1 - ratio|other", mistake="True for the visible patches"
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    return torch.ones_like(order).bool().scatter(1, order[:, : round(ratio * noise.shape[1])], False)


@wrong(
    "mask_sampling",
    r"row|picture|own|order|first|same|each",
    mistake="takes the first rows of the order instead of its first columns",
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    n = round(ratio * noise.shape[1])
    places = order[:1, :n].expand(len(noise), -1)
    return torch.zeros_like(order).bool().scatter(1, places, True)


@wrong(
    "mask_sampling",
    r"batch|L\b|B\b|number of patches|how many|count|len|row",
    mistake="takes the ratio of the batch size instead of the number of patches",
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    return torch.zeros_like(order).bool().scatter(1, order[:, : round(ratio * len(noise))], True)


@wrong("mask_sampling", r"dim|axis|row|column|batch|picture|within", mistake="sorts along the batch (dim=0)")
def _(noise, ratio):
    rank = noise.argsort(dim=0).argsort(dim=0)
    return rank < round(ratio * noise.shape[0])


@wrong(
    "mask_sampling",
    r"one|last|<|strict|count|threshold|too few|number|missing",
    mistake="strictly below the n-th smallest: one too few",
)
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    if n == 0:
        return torch.zeros_like(noise, dtype=torch.bool)
    return noise < noise.sort(dim=1).values[:, n - 1 : n]


@wrong(
    "mask_sampling",
    r"place|number|bool|True|shape|mask|\(B, L\)",
    mistake="gives the places to hide instead of the table of bools",
)
def _(noise, ratio):
    return noise.argsort(dim=1)[:, : round(ratio * noise.shape[1])]


@wrong("mask_sampling", r"bool|type|dtype|float|True|number", mistake="zeros and ones as floats instead of bools")
def _(noise, ratio):
    order = noise.argsort(dim=1)
    return torch.zeros_like(noise).scatter(1, order[:, : round(ratio * noise.shape[1])], 1.0)


@wrong(
    "mask_sampling",
    r"random|noise|given|first|left|order|ignor|sort",
    mistake="hides the first places, the noise is not used",
)
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    return (torch.arange(noise.shape[1]) < n).expand(noise.shape)


@wrong(
    "mask_sampling",
    r"quantile|interpolat|number|count|how many|one|too (many|few)",
    mistake="the quantile as threshold, which interpolates and often takes one patch more or less",
)
def _(noise, ratio):
    return noise <= noise.quantile(ratio, dim=1, keepdim=True)


# 12 mask_tokens


@right("mask_tokens")
def _(x, chosen, fate, another):
    seen, asked = x.clone(), (chosen < 0.15) & ~torch.isin(x, torch.tensor([0, 1, 2]))
    swap = asked & (fate < 0.9)
    seen[swap] = another[swap]
    seen[asked & (fate < 0.8)] = 1
    return seen


@right("mask_tokens")
def _(x, chosen, fate, another):
    rows = []
    for a, b, c, d in zip(x.tolist(), chosen, fate, another.tolist(), strict=True):
        row = []
        for j, word in enumerate(a):
            if word > 2 and b[j] < 0.15 and c[j] < 0.9:
                word = 1 if c[j] < 0.8 else d[j]
            row.append(word)
        rows.append(row)
    return torch.tensor(rows, dtype=x.dtype).view_as(x)


def _see(x, asked, fate, another, low=0.8, high=0.9, sign=1):
    seen = torch.where(asked & (fate < low), sign, x)
    return torch.where(asked & (fate >= low) & (fate < high), another, seen)


@wrong("mask_tokens", r"sign|3|first word|never asked|word 3|>", mistake="word 3 counts as a sign too (x > 3)")
def _(x, chosen, fate, another):
    return _see(x, (chosen < 0.15) & (x > 3), fate, another)


@wrong("mask_tokens", r"sign|0, 1|2\b|never asked|PAD|special", mistake="spares PAD and MASK but not sign 2")
def _(x, chosen, fate, another):
    return _see(x, (chosen < 0.15) & (x != 0) & (x != 1), fate, another)


@wrong(
    "mask_tokens",
    r"asked|chosen|15|0\.15|not asked|stays|replaced|brackets",
    mistake="the random words are put in everywhere, not only where asked",
)
def _(x, chosen, fate, another):
    seen = torch.where((chosen < 0.15) & (x >= 3) & (fate < 0.8), 1, x)
    return torch.where((fate >= 0.8) & (fate < 0.9) & (x >= 3), another, seen)


@wrong(
    "mask_tokens",
    r"hidden|overwrit|order|0\.8|replaced|80|another|\[MASK\]|between",
    mistake="the lower bound is missing: fate < 0.9 overwrites the hidden words with random ones",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate < 0.9), another, seen)


@wrong("mask_tokens", r"kept|stay|0\.9|10|replaced|keep", mistake="all that is not hidden is replaced, nothing is kept")
def _(x, chosen, fate, another):
    return _see(x, (chosen < 0.15) & (x >= 3), fate, another, high=2.0)


@wrong(
    "mask_tokens",
    r"0\.1|0\.8|0\.9|range|kept|replaced|fate|order|share",
    mistake="takes 0.8 and 0.9 as shares apart: hidden below 0.8, kept up to 0.9, replaced above",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.9), another, seen)


@wrong(
    "mask_tokens", r"another|sign|as it comes|random word|put in", mistake="does not put another in where it is a sign"
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = _see(x, asked, fate, another)
    return torch.where((another < 3) & asked & (fate >= 0.8) & (fate < 0.9), x, seen)


@wrong("mask_tokens", r"number 1|\[MASK\]|0|PAD|hidden|sign", mistake="hides with 0 (PAD) instead of 1")
def _(x, chosen, fate, another):
    return _see(x, (chosen < 0.15) & (x >= 3), fate, another, sign=0)


@wrong(
    "mask_tokens",
    r"change|in.place|argument|input|overwrit|clone|copy|x itself",
    mistake="writes into x (x[asked] = …)",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    x[asked & (fate < 0.8)] = 1
    swap = asked & (fate >= 0.8) & (fate < 0.9)
    x[swap] = another[swap]
    return x


@wrong(
    "mask_tokens",
    r"not asked|stay|0|rest|other places|unasked|lost",
    mistake="gives 0 at the places that are not asked",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    return torch.where(asked, _see(x, asked, fate, another), 0)


@wrong("mask_tokens", r"chosen|fate|swap|exchang|which|asked|0\.15", mistake="chosen and fate exchanged")
def _(x, chosen, fate, another):
    return _see(x, (fate < 0.15) & (x >= 3), chosen, another)


@wrong("mask_tokens", r"0\.15|0\.85|asked|share|too many|chosen|<|15", mistake="asks where chosen > 0.15, that is 85 %")
def _(x, chosen, fate, another):
    return _see(x, (chosen > 0.15) & (x >= 3), fate, another)


@wrong(
    "mask_tokens",
    r"fate|0\.12|0\.135|share|asked|0\.8|chosen",
    mistake="compares fate with shares of all words (0.8 · 0.15), although only asked words have a fate",
)
def _(x, chosen, fate, another):
    return _see(x, (chosen < 0.15) & (x >= 3), fate, another, low=0.8 * 0.15, high=0.9 * 0.15)


@wrong("mask_tokens", r"first|row|text|each|batch|own|whole", mistake="the first text's choices are used for all texts")
def _(x, chosen, fate, another):
    return _see(x, (chosen[:1] < 0.15) & (x >= 3), fate, another)


@wrong(
    "mask_tokens",
    r"0\.8|exactly|<|fate|equal|border|boundary|edge",
    mistake="fate of exactly 0.8 still hides (<= for <)",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.9), another, x)
    return torch.where(asked & (fate <= 0.8), 1, seen)


# 12 mlm_loss


@right("mlm_loss")
def _(logits, targets):
    return F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=0)


@right("mlm_loss")
def _(logits, targets):
    costs = -logits.log_softmax(-1).gather(2, targets[:, :, None])[:, :, 0]
    weights = (targets != 0).to(costs.dtype)
    return torch.einsum("bl,bl->", costs, weights) / weights.sum()


def _costs(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)


@wrong(
    "mlm_loss",
    r"all places|not asked|PAD|0|only|asked|everywhere|mask",
    mistake="the mean over all places, PAD included",
)
def _(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@wrong(
    "mlm_loss",
    r"number|divid|all places|B . L|asked|mean|too small|M\b",
    mistake="zeroes the rest but divides by all places",
)
def _(logits, targets):
    return (_costs(logits, targets) * (targets != 0)).mean()


@wrong(
    "mlm_loss",
    r"each text|one mean|per text|texts|mean of means|batch",
    mistake="a mean for each text, then the mean of those",
)
def _(logits, targets):
    asked = targets != 0
    return ((_costs(logits, targets) * asked).sum(1) / asked.sum(1).clamp(min=1)).mean()


@wrong("mlm_loss", r"sum|mean|divid|number|places|too large", mistake="sums over the asked places")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked], targets[asked], reduction="sum")


@wrong(
    "mlm_loss",
    r"divid|texts|number of texts|mean|B\b|places|batch|len",
    mistake="divides the sum by the number of texts",
)
def _(logits, targets):
    return (_costs(logits, targets) * (targets != 0)).sum() / len(targets)


@wrong("mlm_loss", r"softmax|twice|double|cross_entropy|prob", mistake="softmax before cross_entropy")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits.softmax(-1)[asked], targets[asked])


@wrong("mlm_loss", r"shift|next|one place|place|GPT|before|off by", mistake="shifts by one place, as for the next word")
def _(logits, targets):
    scores, right_words = logits[:, :-1], targets[:, 1:]
    return F.cross_entropy(scores.transpose(1, 2), right_words, ignore_index=0)


@wrong(
    "mlm_loss",
    r"asked|inver|opposite|not asked|== 0|PAD|wrong places|0",
    mistake="the wrong places: where the target is 0",
)
def _(logits, targets):
    asked = targets == 0
    return F.cross_entropy(logits[asked], targets[asked])


@wrong(
    "mlm_loss",
    r"\[MASK\]|1\b|asked|word 1|target|signs|0|missing",
    mistake="counts only targets above 3, so word 3 is left out",
)
def _(logits, targets):
    asked = targets > 3
    return F.cross_entropy(logits[asked], targets[asked])


@wrong("mlm_loss", r"log|prob|minus|-log|1 - p", mistake="1 - p instead of -log p")
def _(logits, targets):
    asked = targets != 0
    p = logits[asked].softmax(-1).gather(1, targets[asked][:, None])
    return (1 - p).mean()


@wrong(
    "mlm_loss",
    r"log|mean|order|average|each place|after",
    mistake="-log of the mean probability instead of the mean of -log p",
)
def _(logits, targets):
    asked = targets != 0
    return -logits[asked].softmax(-1).gather(1, targets[asked][:, None]).mean().log()


@wrong(
    "mlm_loss",
    r"softmax|dim|axis|word|V\b|place|vocabular|log",
    mistake="log_softmax over the places (dim=1) instead of the words",
)
def _(logits, targets):
    asked = targets != 0
    return F.nll_loss(logits.log_softmax(1)[asked], targets[asked])


@wrong("mlm_loss", r"negative|log_softmax|log|nll|prob|softmax", mistake="nll_loss on raw scores: no log_softmax")
def _(logits, targets):
    asked = targets != 0
    return F.nll_loss(logits[asked], targets[asked])


@wrong("mlm_loss", r"perplex|exp|log|mean", mistake="exp of the mean: the perplexity")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked], targets[asked]).exp()


@wrong(
    "mlm_loss",
    r"vocabular|word|PAD|column|sign|V\b|softmax|scores|all words",
    mistake="takes the signs' scores out of the softmax, so p is shared among the words only",
)
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked][:, 3:], targets[asked] - 3)


@wrong("mlm_loss", r"gradient|detach|item|number|graph|learn", mistake="detaches the scores, so nothing can learn")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked].detach(), targets[asked])


# 13 causal_mask


@right("causal_mask")
def _(length):
    places = torch.arange(length)
    return places[None, :] <= places[:, None]


@right("causal_mask")
def _(length):
    return torch.eye(length, dtype=torch.int64).cumsum(0).bool()


@right("causal_mask")
def _(length):
    table = torch.zeros(length, length, dtype=torch.bool)
    for i in range(length):
        table[i, : i + 1] = True
    return table


@wrong("causal_mask", r"itself|diagonal|self|own", mistake="a place may not look at itself (i < j for <=)")
def _(length):
    places = torch.arange(length)
    return places[None, :] < places[:, None]


@wrong(
    "causal_mask",
    r"later|future|after|transpos|behind|other triangle|before|triu|row",
    mistake="row and column exchanged by indexing: looks at what stands behind",
)
def _(length):
    places = torch.arange(length)
    return places[:, None] <= places[None, :]


@wrong(
    "causal_mask",
    r"True|forbid|hidden|invert|opposite|allowed|masked|later|future",
    mistake="True where looking is forbidden (PyTorch's own convention in MultiheadAttention)",
)
def _(length):
    return ~torch.ones(length, length, dtype=torch.bool).tril()


@wrong(
    "causal_mask",
    r"next|one too|later|future|off by|place ahead|i \+ 1|behind",
    mistake="one place too far: the next word is seen as well",
)
def _(length):
    return torch.ones(length, length, dtype=torch.bool).tril(1)


@wrong(
    "causal_mask", r"bool|type|dtype|inf|float|True", mistake="0 and -inf to be added to the scores, instead of bools"
)
def _(length):
    return torch.full((length, length), -torch.inf).triu(1)


@wrong("causal_mask", r"bool|type|dtype|float|True", mistake="zeros and ones as floats")
def _(length):
    return torch.ones(length, length).tril()


@wrong(
    "causal_mask",
    r"all that stands before|only|before|earlier|window|previous|first",
    mistake="sees only itself and the one before",
)
def _(length):
    places = torch.arange(length)
    gap = places[:, None] - places[None]
    return (gap == 0) | (gap == 1)


@wrong("causal_mask", r"last|row|range|nothing|missing", mistake="the loop skips the last row")
def _(length):
    table = torch.zeros(length, length, dtype=torch.bool)
    for i in range(length - 1):
        table[i, : i + 1] = True
    return table


@wrong(
    "causal_mask",
    r"shape|\(length, length\)|length|axes|axis|dimension|batch",
    mistake="with a batch axis in front, (1, L, L)",
)
def _(length):
    return torch.ones(1, length, length, dtype=torch.bool).tril()


@wrong("causal_mask", r"tensor|numpy|torch|array|type", mistake="a numpy array")
def _(length):
    return np.tril(np.ones((length, length), dtype=bool))


@wrong("causal_mask", r"length|fixed|8|shape|size", mistake="always 8 × 8")
def _(length):
    return torch.ones(8, 8, dtype=torch.bool).tril()


@wrong(
    "causal_mask",
    r"anti|mirror|triangle|flip|order|first|last|row|before",
    mistake="the other diagonal: the first row sees all, the last only place 0",
)
def _(length):
    return torch.ones(length, length, dtype=torch.bool).tril().flip(0)


@wrong(
    "causal_mask",
    r"all|every|later|future|triangle|behind|after",
    mistake="all may look at all: tril's result was thrown away",
)
def _(length):
    table = torch.ones(length, length, dtype=torch.bool)
    table.tril()
    return table


@wrong(
    "causal_mask",
    r"first|row 0|place 0|column|0|start|missing|all that",
    mistake="place 0 is skipped as a start sign: its column is False but for itself",
)
def _(length):
    table = torch.ones(length, length, dtype=torch.bool).tril()
    table[1:, 0] = False
    return table


@wrong(
    "causal_mask",
    r"shape|one|length|too (small|large)|\(length|next word|row",
    mistake="length - 1 rows and columns, since the last word predicts nothing",
)
def _(length):
    return torch.ones(length - 1, length - 1, dtype=torch.bool).tril()


# alignment


@right("alignment")
def _(z1, z2):
    return 2 - 2 * F.cosine_similarity(z1, z2, dim=1).mean()


@right("alignment")
def _(z1, z2):
    a, b = (z / torch.linalg.norm(z, dim=1, keepdim=True) for z in (z1, z2))
    return torch.stack([torch.dot(g, g) for g in a - b]).mean()


@wrong("alignment", r"square|root|distance", mistake="the distance without the square")
def _(z1, z2):
    return F.pairwise_distance(F.normalize(z1, dim=1), F.normalize(z2, dim=1)).mean()


@wrong("alignment", r"sum|feature|D\b|mean|divid|too small", mistake="a mean over the features too (mse_loss)")
def _(z1, z2):
    return F.mse_loss(F.normalize(z1, dim=1), F.normalize(z2, dim=1))


@wrong("alignment", r"length|normali|sphere|scale|unit", mistake="no normalisation")
def _(z1, z2):
    return (z1 - z2).square().sum(1).mean()


@wrong("alignment", r"dim|axis|length|normali|embedding|row|feature|picture", mistake="length 1 along the batch")
def _(z1, z2):
    return (F.normalize(z1, dim=0) - F.normalize(z2, dim=0)).square().sum(1).mean()


@wrong(
    "alignment",
    r"pair|same picture|all|own|cdist|other|row",
    mistake="the distances of all pairs of rows, not only of the two views of one picture",
)
def _(z1, z2):
    return torch.cdist(F.normalize(z1, dim=1), F.normalize(z2, dim=1)).square().mean()


@wrong("alignment", r"factor|2|half|cosine|distance", mistake="1 - cosine")
def _(z1, z2):
    return 1 - F.cosine_similarity(z1, z2).mean()


@wrong("alignment", r"mean|sum|batch|B\b|divid|too large", mistake="sums over the batch")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum()


@wrong(
    "alignment",
    r"order|mean|before|cent(re|er)|each|picture|pair|average",
    mistake="compares the mean embeddings of the two views",
)
def _(z1, z2):
    return (F.normalize(z1, dim=1).mean(0) - F.normalize(z2, dim=1).mean(0)).square().sum()


@wrong("alignment", r"z2|second|z1|length|normali", mistake="normalises z1 only")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - z2).square().sum(1).mean()


@wrong("alignment", r"absolute|square|L1|distance", mistake="sums absolute differences")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).abs().sum(1).mean()


@wrong(
    "alignment",
    r"after|before|difference|length|normali|order|first|each",
    mistake="normalises the difference instead of the embeddings",
)
def _(z1, z2):
    return F.normalize(z1 - z2, dim=1).square().sum(1).mean()


@wrong("alignment", r"square|power|4|twice|distance", mistake="squares the squared distance again")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum(1).square().mean()


@wrong(
    "alignment", r"one number|each|mean|scalar|shape|batch", mistake="gives one distance a picture; the mean is missing"
)
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum(1)


# uniformity


@right("uniformity")
def _(z, t=2):
    return F.pdist(F.normalize(z, dim=1)).square().mul(-t).exp().mean().log()


@right("uniformity")
def _(z, t=2):
    unit = z / z.norm(dim=1, keepdim=True)
    n, near = len(z), (2 - 2 * unit @ unit.T) * -t
    apart = ~torch.eye(n, dtype=torch.bool)
    return torch.logsumexp(near[apart], 0) - math.log(n * (n - 1))


def _gaps(z):
    unit = F.normalize(z, dim=1)
    i, j = torch.triu_indices(len(z), len(z), 1)
    return (unit[i] - unit[j]).square().sum(1)


@wrong("uniformity", r"itself|diagonal|different|self|own|N\b", mistake="pairs of a row with itself count too")
def _(z, t=2):
    unit = F.normalize(z, dim=1)
    return torch.exp(-t * torch.cdist(unit, unit).square()).mean().log()


@wrong(
    "uniformity",
    r"number of pairs|divid|N\b|different|diagonal|pairs|mean",
    mistake="leaves the diagonal out of the sum but divides by N²",
)
def _(z, t=2):
    return (2 * torch.exp(-t * _gaps(z)).sum() / len(z) ** 2).log()


@wrong(
    "uniformity",
    r"half|each pair|twice|number of pairs|divid|N\b|mean|count",
    mistake="sums each pair once but divides by N · (N - 1)",
)
def _(z, t=2):
    return (torch.exp(-t * _gaps(z)).sum() / (len(z) * (len(z) - 1))).log()


@wrong("uniformity", r"order|mean|log|exp|before", mistake="the mean of the logs, which is only the mean distance")
def _(z, t=2):
    return torch.exp(-t * _gaps(z)).log().mean()


@wrong("uniformity", r"row|each|mean|log|order|one", mistake="a log for each row, then the mean of the logs")
def _(z, t=2):
    unit = F.normalize(z, dim=1)
    e = torch.exp(-t * (unit[:, None] - unit[None]).square().sum(2))
    e = e.masked_fill(torch.eye(len(z), dtype=torch.bool), 0.0)
    return (e.sum(1) / (len(z) - 1)).log().mean()


@wrong("uniformity", r"square|distance|root", mistake="distance, not squared")
def _(z, t=2):
    return F.pdist(F.normalize(z, dim=1)).mul(-t).exp().mean().log()


@wrong("uniformity", r"length|normali|sphere|scale|unit", mistake="no normalisation")
def _(z, t=2):
    return F.pdist(z).square().mul(-t).exp().mean().log()


@wrong(
    "uniformity",
    r"\bt\b|divid|times|multip|width|2t|gauss|kernel",
    mistake="a Gaussian's exp(-d² / (2 t²)) instead of exp(-t · d²)",
)
def _(z, t=2):
    return torch.exp(-_gaps(z) / (2 * t**2)).mean().log()


@wrong("uniformity", r"log|missing|last", mistake="the log is missing")
def _(z, t=2):
    return torch.exp(-t * _gaps(z)).mean()


@wrong("uniformity", r"sign|minus|negative", mistake="minus the log")
def _(z, t=2):
    return -torch.exp(-t * _gaps(z)).mean().log()


@wrong("uniformity", r"sum|mean|divid|number", mistake="logsumexp: the sum, not the mean")
def _(z, t=2):
    return torch.logsumexp(-t * _gaps(z), 0)


@wrong("uniformity", r"feature|D\b|sum|mean|distance|dim", mistake="the squared distance as a mean over the features")
def _(z, t=2):
    return torch.exp(-t * _gaps(z) / z.shape[1]).mean().log()


@wrong("uniformity", r"neighbour|next|all pairs|pairs|consecutive|only", mistake="only pairs of neighbouring rows")
def _(z, t=2):
    unit = F.normalize(z, dim=1)
    return torch.exp(-t * (unit[1:] - unit[:-1]).square().sum(1)).mean().log()


@wrong(
    "uniformity",
    r"cosine|distance|sign|2 - 2|dot",
    mistake="exp(t · cosine): the distance's constant 2 - 2 · cosine is forgotten",
)
def _(z, t=2):
    unit = F.normalize(z, dim=1)
    apart = ~torch.eye(len(z), dtype=torch.bool)
    return torch.exp(t * (unit @ unit.T)[apart]).mean().log()


@wrong("uniformity", r"cent(re|er)|mean|subtract|as they are|point", mistake="takes the mean off before normalising")
def _(z, t=2):
    return torch.exp(-t * _gaps(z - z.mean(0))).mean().log()
