"""Answers by a reader who had not seen the checks."""

import math
from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F

from . import right, wrong

# 00 partner_labels


@right("partner_labels")
def _(pictures):
    return (torch.arange(2 * pictures) + pictures) % (2 * pictures)


@right("partner_labels")
def _(pictures):
    return torch.tensor([row + pictures if row < pictures else row - pictures for row in range(2 * pictures)])


@right("partner_labels")
def _(pictures):
    return torch.stack((torch.arange(pictures), torch.arange(pictures) + pictures)).flip(0).reshape(-1)


@right("partner_labels")
def _(pictures):
    same = torch.eye(pictures).repeat(2, 2)
    return (same - torch.eye(2 * pictures)).argmax(1)


@wrong("partner_labels", r"itself|own row|its own|partner", mistake="each view points at itself, not at its partner")
def _(pictures):
    return torch.arange(2 * pictures)


@wrong(
    "partner_labels",
    r"picture.*number|which picture|first half|first view|\brow\b|itself",
    mistake="gives the number of the picture (0..B-1 twice) instead of the row of the partner",
)
def _(pictures):
    return torch.arange(pictures).repeat(2)


@wrong(
    "partner_labels",
    r"shape|2B|length|half|second view|too few|\d+ labels|entries",
    mistake="only the first views get a label: B entries instead of 2B",
)
def _(pictures):
    return torch.arange(pictures) + pictures


@wrong(
    "partner_labels",
    r"order|interleav|next to|neighbour|alternat|first views",
    mistake="assumes the two views of a picture stand next to each other (0-1, 2-3, …)",
)
def _(pictures):
    return torch.arange(2 * pictures) ^ 1


@wrong(
    "partner_labels",
    r"second|lower half|itself|last|half",
    mistake="second views point at themselves: B was added in both halves",
)
def _(pictures):
    half = torch.arange(pictures) + pictures
    return torch.cat((half, half))


@wrong(
    "partner_labels",
    r"order|revers|mirror|backward|flip|partner",
    mistake="counts backwards: the order of the partners is reversed",
)
def _(pictures):
    return torch.arange(2 * pictures - 1, -1, -1)


@wrong("partner_labels", r"int64|dtype|float|whole number|integer|long", mistake="labels are floats, not int64")
def _(pictures):
    first = torch.linspace(pictures, 2 * pictures - 1, pictures)
    return torch.cat((first, first - pictures))


@wrong("partner_labels", r"int64|dtype|int32|long", mistake="labels are int32, not int64")
def _(pictures):
    return torch.arange(2 * pictures, dtype=torch.int32).roll(pictures)


@wrong(
    "partner_labels",
    r"shape|table|matrix|\(2B,\)|one number|vector|dimension",
    mistake="returns the table of same pictures (2B, 2B), not one label a row",
)
def _(pictures):
    number = torch.arange(pictures).repeat(2)
    return (number[:, None] == number[None]).long() - torch.eye(2 * pictures, dtype=torch.long)


@wrong(
    "partner_labels",
    r"four|\b4\b|number of pictures|any number|fixed|hard|partner",
    mistake="the 4 pictures of the example are hard-coded",
)
def _(pictures):
    return (torch.arange(2 * pictures) + 4) % (2 * pictures)


@wrong("partner_labels", r"list|tensor|type", mistake="returns a Python list instead of a tensor")
def _(pictures):
    return list(range(pictures, 2 * pictures)) + list(range(pictures))


@wrong(
    "partner_labels",
    r"off by one|from 0|from zero|count|one too|too large|range|one row",
    mistake="rows are counted from 1 instead of from 0",
)
def _(pictures):
    return torch.cat((torch.arange(pictures + 1, 2 * pictures + 1), torch.arange(1, pictures + 1)))


@wrong(
    "partner_labels",
    r"off by one|modulo|\brow\b|one too|last|wrap|partner",
    mistake="wraps round at 2B - 1 instead of at 2B",
)
def _(pictures):
    return (torch.arange(2 * pictures) + pictures) % max(2 * pictures - 1, 1)


@wrong(
    "partner_labels",
    r"one too small|off by one|itself|own row|removed|left out|first",
    mistake="numbers the rows as if the view's own row had been taken out",
)
def _(pictures):
    return torch.cat((torch.arange(pictures) + pictures - 1, torch.arange(pictures)))


# 01 brightness


@right("brightness")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@right("brightness")
def _(x, strength, generator):
    factor = torch.empty(x.shape[0]).uniform_(1 - strength, 1 + strength, generator=generator)
    return torch.einsum("bchw,b->bchw", x, factor).clamp(min=0).clamp(max=1)


@right("brightness")
def _(x, strength, generator):
    out = x.clone()
    for picture in out:
        low, high = 1 - strength, 1 + strength
        picture.mul_(low + (high - low) * torch.rand((), generator=generator))
    return out.clamp_(0, 1)


@wrong(
    "brightness",
    r"one (number|factor)|same factor|each picture|own|whole batch|every picture",
    mistake="one factor is drawn for the whole batch",
)
def _(x, strength, generator):
    low, high = 1 - strength, 1 + strength
    factor = low + (high - low) * torch.rand(1, generator=generator).item()
    return torch.clamp(factor * x, 0, 1)


@wrong("brightness", r"pixel|whole picture|one factor|noise", mistake="a factor for each pixel instead of each picture")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(x.shape, generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@wrong(
    "brightness",
    r"channel|colour|hue|one factor",
    mistake="a factor for each channel, so colours change",
)
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(*x.shape[:2], 1, 1, generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@wrong("brightness", r"cut|clamp|above 1|\[0, 1\]|range|larger than 1|between 0", mistake="not cut to [0, 1]")
def _(x, strength, generator):
    u = 2 * torch.rand(len(x), generator=generator) - 1
    return x * (1 + strength * u)[:, None, None, None]


@wrong(
    "brightness",
    r"dark|below 1|only brighter|1 - strength|lower|smallest|range|never|half|drawn",
    mistake="never darker: factors from 1 to 1 + strength only",
)
def _(x, strength, generator):
    factor = 1 + strength * torch.rand(len(x), 1, 1, 1, generator=generator)
    return (x * factor).clamp(0, 1)


@wrong(
    "brightness",
    r"even|uniform|normal|gauss|randn|range|outside|1 \+ strength|beyond|largest|factors",
    mistake="factors from a normal distribution instead of an even one",
)
def _(x, strength, generator):
    factor = 1 + strength * torch.randn(len(x), 1, 1, 1, generator=generator)
    return (x * factor).clamp(0, 1)


@wrong(
    "brightness",
    r"generator|seed|repeat|same numbers|reproduc",
    mistake="does not use the generator, so a seed does not repeat it",
)
def _(x, strength, generator):
    factor = torch.empty(len(x), 1, 1, 1).uniform_(1 - strength, 1 + strength)
    return (x * factor).clamp(0, 1)


@wrong("brightness", r"add|times|multipli(ed|es)|factor|product|black", mistake="adds a number instead of multiplying")
def _(x, strength, generator):
    shift = strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    return (x + shift).clamp(0, 1)


@wrong(
    "brightness",
    r"in.?place|argument|input|original|changed|overwr|your x|given",
    mistake="multiplies the caller's pictures in place",
)
def _(x, strength, generator):
    x *= 1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    return x.clamp(0, 1)


@wrong(
    "brightness",
    r"range|strength|around 1|1 - strength|too dark|1 \+ strength|drawn|factors",
    mistake="factors from 0 to strength, not around 1",
)
def _(x, strength, generator):
    return (x * (strength * torch.rand(len(x), 1, 1, 1, generator=generator))).clamp(0, 1)


@wrong(
    "brightness",
    r"shape|column|width|broadcast|axis|last|B, 1, 1, 1|size",
    mistake="factors of shape (B,) are stretched along the columns instead of the pictures",
)
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(x.shape[0], generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@wrong(
    "brightness",
    r"bright|clamp|cut|above 1|larger|never|1 \+ strength|range|drawn|factors",
    mistake="cuts the factor to [0, 1], so nothing becomes brighter",
)
def _(x, strength, generator):
    factor = (1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)).clamp(0, 1)
    return x * factor


@wrong(
    "brightness",
    r"cut|clamp|above 1|\[0, 1\]|after|larger than 1|range|between",
    mistake="cuts before multiplying instead of after",
)
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    return x.clamp(0, 1) * factor


@wrong(
    "brightness",
    r"even|uniform|two|between|only|spread|extreme|distribut|drawn|factors",
    mistake="only the two extremes 1 - strength and 1 + strength are drawn",
)
def _(x, strength, generator):
    sign = 2 * torch.randint(0, 2, (len(x), 1, 1, 1), generator=generator) - 1
    return (x * (1 + strength * sign)).clamp(0, 1)


@wrong(
    "brightness",
    r"generator|seed|same|every call|own|again|fresh",
    mistake="makes a generator of its own with a fixed seed: the same factors in every call",
)
def _(x, strength, generator):
    generator = torch.Generator().manual_seed(0)
    factor = 1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@wrong(
    "brightness",
    r"cut|clamp|divid|maximum|largest|stretch|rescal|factor",
    mistake="divides by the largest value instead of cutting to [0, 1]",
)
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    return x * factor / (x * factor).max()


# 01 crop


@right("crop")
def _(x, top, left, size):
    steps = torch.arange(size)
    rows = (torch.as_tensor(top)[:, None] + steps)[:, None, :, None]
    columns = (torch.as_tensor(left)[:, None] + steps)[:, None, None, :]
    b, c = torch.arange(x.shape[0])[:, None, None, None], torch.arange(x.shape[1])[None, :, None, None]
    return x[b, c, rows, columns]


@right("crop")
def _(x, top, left, size):
    windows = x.unfold(2, size, 1).unfold(3, size, 1)  # (B, C, tops, lefts, size, size)
    return torch.stack([w[:, int(t), int(m)] for w, t, m in zip(windows, top, left, strict=True)])


@right("crop")
def _(x, top, left, size):
    out = x.new_empty(*x.shape[:2], size, size)
    for i, (t, m) in enumerate(zip(top, left, strict=True)):
        out[i] = x[i].narrow(1, int(t), size).narrow(2, int(m), size)
    return out


@wrong(
    "crop",
    r"left\[0\]|left|column|first picture|own corner|every picture|each picture",
    mistake="every picture takes the left edge of the first one",
)
def _(x, top, left, size):
    return torch.stack([x[i, :, top[i] : top[i] + size, left[0] : left[0] + size] for i in range(len(x))])


@wrong(
    "crop",
    r"swap|exchang|mixed|top and left|left and top|row.*column|transpos",
    mistake="top and left are swapped",
)
def _(x, top, left, size):
    side = min(x.shape[2:]) - size
    parts = []
    for i in range(len(x)):
        t, m = min(int(left[i]), side), min(int(top[i]), side)
        parts.append(x[i, :, t : t + size, m : m + size])
    return torch.stack(parts)


@wrong(
    "crop",
    r"size|shape|one too|too small|off by one|short",
    mistake="the slices end one too early: size - 1 rows and columns",
)
def _(x, top, left, size):
    return torch.stack(
        [x[i, :, t : t + size - 1, m : m + size - 1] for i, (t, m) in enumerate(zip(top, left, strict=True))]
    )


@wrong("crop", r"one (row|pixel|too)|off by one|shift|begin|start|top", mistake="begins one row too low where it can")
def _(x, top, left, size):
    parts = []
    for i in range(len(x)):
        t = min(int(top[i]) + 1, x.shape[2] - size)
        parts.append(x[i, :, t : t + size, left[i] : left[i] + size])
    return torch.stack(parts)


@wrong(
    "crop",
    r"end|size|top \+ size|stop|error|raise|fail|shape|stack",
    mistake="the slice ends at `size` instead of at top + size",
)
def _(x, top, left, size):
    return torch.stack([x[i, :, top[i] : size, left[i] : size] for i in range(len(x))])


@wrong("crop", r"channel|shape|colour", mistake="keeps the first channel only")
def _(x, top, left, size):
    return torch.stack([x[i, :1, top[i] : top[i] + size, left[i] : left[i] + size] for i in range(len(x))])


@wrong(
    "crop",
    r"centre|middle|corner|shift|half|place",
    mistake="takes the given corner for the centre of the crop",
)
def _(x, top, left, size):
    parts = []
    for i in range(len(x)):
        t, m = max(int(top[i]) - size // 2, 0), max(int(left[i]) - size // 2, 0)
        parts.append(x[i, :, t : t + size, m : m + size])
    return torch.stack(parts)


@wrong(
    "crop",
    r"one picture|first|shape|return|loop|batch|only|picture",
    mistake="the return stands in the loop, so only the first picture is cut",
)
def _(x, top, left, size):
    parts = []
    for i in range(len(x)):
        parts.append(x[i, :, top[i] : top[i] + size, left[i] : left[i] + size])
        return torch.stack(parts)


@wrong(
    "crop",
    r"last|shape|missing|one (picture )?(too )?few|number of|batch|picture",
    mistake="the loop leaves out the last picture",
)
def _(x, top, left, size):
    parts = []
    for i in range(max(len(x) - 1, 1)):
        parts.append(x[i, :, top[i] : top[i] + size, left[i] : left[i] + size])
    return torch.stack(parts)


@wrong(
    "crop",
    r"transpos|row.*column|mirror|turned|swap|diagonal",
    mistake="the crop comes out transposed: rows are columns",
)
def _(x, top, left, size):
    cut = [x[i, :, top[i] : top[i] + size, left[i] : left[i] + size] for i in range(len(x))]
    return torch.stack(cut).transpose(2, 3)


@wrong(
    "crop",
    r"shape|size|enlarg|resiz|interpol|dtype",
    mistake="enlarges the crop to the old size, which was not asked",
)
def _(x, top, left, size):
    cut = [x[i, :, top[i] : top[i] + size, left[i] : left[i] + size] for i in range(len(x))]
    return F.interpolate(torch.stack(cut).float(), size=x.shape[2:])


@wrong("crop", r"list|tensor|stack|type", mistake="returns a list of crops, not one tensor")
def _(x, top, left, size):
    return [picture[:, t : t + size, m : m + size] for picture, t, m in zip(x, top, left, strict=True)]


@wrong(
    "crop",
    r"shape|stack|cat|dimension|four|batch|channel",
    mistake="cat instead of stack: batch and channels become one axis",
)
def _(x, top, left, size):
    return torch.cat([x[i, :, top[i] : top[i] + size, left[i] : left[i] + size] for i in range(len(x))])


@wrong(
    "crop",
    r"shape|size|zero|black|cut|outside|blank",
    mistake="blackens the outside instead of cutting it away: the picture keeps its size",
)
def _(x, top, left, size):
    keep = torch.zeros_like(x)
    for i in range(len(x)):
        keep[i, :, top[i] : top[i] + size, left[i] : left[i] + size] = 1
    return x * keep


@wrong(
    "crop",
    r"shape|diagonal|dimension|index|size|broadcast",
    mistake="row and column indices are paired, so that only the diagonal of each crop is read",
)
def _(x, top, left, size):
    steps = torch.arange(size)
    rows, columns = torch.as_tensor(top)[:, None] + steps, torch.as_tensor(left)[:, None] + steps
    return x[torch.arange(len(x))[:, None], :, rows, columns].transpose(1, 2)


# 01 grayscale


@right("grayscale")
def _(x, chosen):
    gray = torch.einsum("c,bchw->bhw", torch.tensor([0.2989, 0.587, 0.114]), x)[:, None]
    return torch.where(chosen[:, None, None, None], gray, x)


@right("grayscale")
def _(x, chosen):
    out = x.clone()
    for i in range(len(x)):
        if chosen[i]:
            r, g, b = x[i]
            out[i] = 0.2989 * r + 0.587 * g + 0.114 * b
    return out


@right("grayscale")
def _(x, chosen):
    to_gray = torch.tensor([[0.2989, 0.587, 0.114]] * 3)
    matrices = torch.where(chosen.view(-1, 1, 1), to_gray, torch.eye(3))  # (B, 3, 3)
    return (matrices @ x.flatten(2)).view_as(x)


@wrong("grayscale", r"weight|mean|0\.2989|luma|equal|third|average", mistake="the plain mean of the three channels")
def _(x, chosen):
    gray = x.mean(1, keepdim=True).expand_as(x)
    return torch.where(chosen[:, None, None, None], gray, x)


@wrong(
    "grayscale",
    r"chosen|other|wrong pictures|invert|opposite|not chosen|~",
    mistake="the pictures that were NOT chosen become gray",
)
def _(x, chosen):
    gray = (0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2])[:, None].repeat(1, 3, 1, 1)
    return torch.where(chosen[:, None, None, None], x, gray)


@wrong(
    "grayscale",
    r"chosen|all|every|not chosen|unchanged|untouched|keep",
    mistake="every picture becomes gray; `chosen` is ignored",
)
def _(x, chosen):
    weights = torch.tensor([0.2989, 0.587, 0.114]).view(1, 3, 1, 1)
    return (x * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)


@wrong(
    "grayscale",
    r"shape|missing|all pictures|number of|batch|only the chosen|pictures",
    mistake="returns only the chosen pictures",
)
def _(x, chosen):
    some = x[chosen]
    gray = 0.2989 * some[:, 0] + 0.587 * some[:, 1] + 0.114 * some[:, 2]
    return torch.stack((gray, gray, gray), 1)


@wrong(
    "grayscale",
    r"in.?place|argument|input|original|overwr|changed|your x|given",
    mistake="writes the gray into the caller's tensor",
)
def _(x, chosen):
    r, g, b = x[chosen].unbind(1)
    x[chosen] = (0.2989 * r + 0.587 * g + 0.114 * b)[:, None].expand(-1, 3, -1, -1)
    return x


@wrong(
    "grayscale",
    r"order|BGR|red|blue|swap|weight",
    mistake="the weights are in the order B, G, R",
)
def _(x, chosen):
    gray = (0.114 * x[:, 0] + 0.587 * x[:, 1] + 0.2989 * x[:, 2])[:, None].expand_as(x)
    return torch.where(chosen[:, None, None, None], gray, x)


@wrong(
    "grayscale",
    r"weight|0\.2989|0\.587|luma",
    mistake="uses the television weights 0.2126, 0.7152, 0.0722",
)
def _(x, chosen):
    gray = torch.tensordot(x, torch.tensor([0.2126, 0.7152, 0.0722]), dims=([1], [0]))[:, None].expand_as(x)
    return torch.where(chosen[:, None, None, None], gray, x)


@wrong("grayscale", r"shape|channel|three", mistake="one channel of gray instead of three (and all pictures)")
def _(x, chosen):
    gray = 0.2989 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
    return torch.where(chosen[:, None, None, None], gray, x[:, :1])


@wrong(
    "grayscale",
    r"shape|column|broadcast|axis|width|B, 1, 1, 1|error|raise|fail|last|size",
    mistake="`chosen` is stretched along the columns instead of the pictures",
)
def _(x, chosen):
    gray = (0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2])[:, None]
    return torch.where(chosen, gray, x)


@wrong(
    "grayscale",
    r"sum|three channels|equal|same|weight|channels differ|still|colour",
    mistake="weights each channel but does not add them up, so colour stays",
)
def _(x, chosen):
    weighted = x * torch.tensor([0.2989, 0.587, 0.114])[:, None, None]
    return torch.where(chosen[:, None, None, None], weighted, x)


@wrong(
    "grayscale",
    r"channel|all three|green|blue|zero|equal|same",
    mistake="gray goes into the red channel only; green and blue are 0",
)
def _(x, chosen):
    gray = torch.zeros_like(x)
    gray[:, 0] = 0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    return torch.where(chosen[:, None, None, None], gray, x)


@wrong(
    "grayscale",
    r"each|every|all|not chosen|any|chosen|unchanged|untouched",
    mistake="if any picture is chosen, all become gray",
)
def _(x, chosen):
    if chosen.any():
        return (0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2])[:, None].repeat(1, 3, 1, 1)
    return x


@wrong(
    "grayscale",
    r"dark|third|divid|\b3\b|weight|mean|too small|factor|times",
    mistake="divides the weighted sum by 3 once more",
)
def _(x, chosen):
    weights = torch.tensor([0.2989, 0.587, 0.114]).view(3, 1, 1)
    gray = (x * weights).mean(1, keepdim=True).expand_as(x)
    return torch.where(chosen[:, None, None, None], gray, x)


@wrong(
    "grayscale",
    r"not chosen|black|zero|unchanged|untouched|others|keep",
    mistake="pictures that were not chosen become black",
)
def _(x, chosen):
    gray = (0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2])[:, None].expand_as(x)
    return gray * chosen.float()[:, None, None, None]


@wrong(
    "grayscale",
    r"round|0\.2989|weight|byte|255|whole|precis|differ|off by",
    mistake="rounds the gray to 256 steps",
)
def _(x, chosen):
    gray = (0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2])[:, None].expand_as(x)
    return torch.where(chosen[:, None, None, None], (gray * 255).byte() / 255, x)


# 02 training_step


@right("training_step")
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return loss.item()


@right("training_step")
def _(method, optimiser, views):
    def again():
        optimiser.zero_grad(set_to_none=False)
        value = method(views)["loss"]
        value.backward()
        return value

    return float(optimiser.step(again))


@right("training_step")
def _(method, optimiser, views):
    weights = [w for group in optimiser.param_groups for w in group["params"]]
    value = method(views)["loss"]
    for w in weights:
        w.grad = None
    torch.autograd.backward(value)
    optimiser.step()
    return value.detach().item()


@wrong("training_step", r"clear|zero|old gradient|add|accumul|left", mistake="old gradients are not cleared")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"after|clear|zero|order|before|do not move|did not (move|change)|gradient",
    mistake="clears the gradients between backward and step, so nothing moves",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"before|order|late|old gradient|step.*backward|backward.*step|move|change",
    mistake="steps before backward: the weights move by the gradients of before",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    optimiser.step()
    loss.backward()
    return loss.item()


@wrong("training_step", r"step|move|weights|change", mistake="no optimiser step: the weights stay")
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    return loss.item()


@wrong("training_step", r"backward|gradient|move|change", mistake="no backward: there are no gradients")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    optimiser.step()
    return float(loss)


@wrong(
    "training_step",
    r"after the step|before|again|twice|another|once|loss (you|it)|number",
    mistake="gives the loss after the step, with a second forward pass",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    method(views)["loss"].backward()
    optimiser.step()
    return method(views)["loss"].item()


@wrong("training_step", r"twice|two steps|once|too far|one step|double", mistake="takes two steps on one loss")
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    optimiser.step()
    return loss.item()


@wrong("training_step", r"None|return|number|nothing|gives", mistake="does not return the loss")
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()


@wrong(
    "training_step",
    r"detach|gradient|move|change|item|number|weights",
    mistake="detaches the loss first, so that no gradient reaches the weights",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"].detach().requires_grad_()
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"eval|train\b|mode|batch norm|dropout",
    mistake="puts the method into eval mode before the step",
)
def _(method, optimiser, views):
    method.eval()
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"clear|zero|old gradient|before|left|accumul|add|first",
    mistake="clears only at the end, so gradients that lie there at the start are added",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return loss.item()


@wrong(
    "training_step",
    r"twice|double|backward|gradient|once|too (large|far)",
    mistake="backward twice: the gradients are doubled",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward(retain_graph=True)
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"clip|norm|gradient|too (small|short)|weights|move|far",
    mistake="cuts the gradient's length to 0.01, which nobody asked for",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    torch.nn.utils.clip_grad_norm_(method.parameters(), 0.01)
    optimiser.step()
    return loss.item()


@wrong("training_step", r"whole|int|round|number|loss", mistake="cuts the loss to a whole number")
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return int(loss)


@wrong(
    "training_step",
    r"sign|up|uphill|wrong (direction|way)|grow|minus|negative|opposite|larger",
    mistake="climbs: the sign of the loss is turned",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    (-loss).backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"divid|scale|too small|number of views|mean|loss|gradient",
    mistake="divides the loss by the number of views once more",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"] / max(len(views), 2)
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"optimi[sz]er|step\(\)|learning rate|by hand|move|weights",
    mistake="moves the weights by hand with plain gradient descent instead of the optimiser's step",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    with torch.no_grad():
        for w in method.parameters():
            if w.grad is not None:
                w -= optimiser.param_groups[0]["lr"] * w.grad
    return loss.item()


@wrong(
    "training_step",
    r"None|error|raise|fail|first step|zero_grad|clear|grad",
    mistake="zeroes .grad by hand, which is None at the first step",
)
def _(method, optimiser, views):
    for w in method.parameters():
        w.grad.zero_()
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"no_grad|gradient|backward|error|raise|fail",
    mistake="asks for the loss under no_grad, so there is no graph to go back through",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    with torch.no_grad():
        loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return loss.item()


# 02 knn


@right("knn")
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(dim=0, keepdim=True)
    bank, asked = train_z - mean, test_z - mean
    cosine = F.cosine_similarity(asked[:, None], bank[None], dim=2)
    near, which = cosine.sort(dim=1, descending=True)
    votes = torch.zeros(len(test_z), int(max(train_y.max(), test_y.max())) + 1)
    votes.scatter_add_(1, train_y[which[:, :k]], (near[:, :k] * 10).exp())
    return (votes.argmax(1) == test_y).double().mean().item()


@right("knn")
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    hits = []
    for query, answer in zip(test_z, test_y.tolist(), strict=True):
        a = query - centre
        scored = [
            (float(a @ (p - centre) / (a.norm() * (p - centre).norm()).clamp(min=1e-12)), int(y))
            for p, y in zip(train_z, train_y, strict=True)
        ]
        scored.sort(reverse=True)
        votes = defaultdict(float)
        for cosine, y in scored[:k]:
            votes[y] += math.exp(cosine / 0.1)
        hits.append(max(votes, key=votes.get) == answer)
    return sum(hits) / len(hits)


@right("knn")
def _(train_z, train_y, test_z, test_y, k):
    bank = F.normalize(train_z - train_z.mean(0), dim=1)
    asked = F.normalize(test_z - train_z.mean(0), dim=1)
    cosine = 1 - torch.cdist(asked, bank, compute_mode="donot_use_mm_for_euclid_dist") ** 2 / 2
    last = cosine.topk(min(k, len(bank)), dim=1).values[:, -1:]
    voice = torch.where(cosine >= last, (cosine / 0.1).exp(), 0.0)
    classes = train_y.unique()
    votes = torch.stack([voice[:, train_y == c].sum(1) for c in classes], 1)
    return torch.mean((classes[votes.argmax(1)] == test_y).float())


@wrong("knn", r"cent(re|er)|mean|subtract|taken off", mistake="does not take off the mean of the training embeddings")
def _(train_z, train_y, test_z, test_y, k):
    cosine, which = (F.normalize(test_z, dim=1) @ F.normalize(train_z, dim=1).T).topk(min(k, len(train_z)), dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[which], (cosine / 0.1).exp())
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"cent(re|er)|mean|training|own mean|test",
    mistake="takes the test set's own mean off the test embeddings",
)
def _(train_z, train_y, test_z, test_y, k):
    bank = F.normalize(train_z - train_z.mean(0), dim=1)
    asked = F.normalize(test_z - test_z.mean(0), dim=1)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[which], (cosine / 0.1).exp())
    return (votes.argmax(1) == test_y).float().mean()


@wrong("knn", r"cosine|length|normali|dot product|scale", mistake="dot products instead of cosines: no normalisation")
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    score, which = ((test_z - mean) @ (train_z - mean).T).topk(min(k, len(train_z)), dim=1)
    weight = (score / 0.1 - (score / 0.1).max(1, keepdim=True).values).exp()
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[which], weight)
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"weight|voice|louder|vote|majority|nearer|equal|exp",
    mistake="one neighbour, one vote: nearer ones are not louder",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    which = (asked @ bank.T).topk(min(k, len(bank)), dim=1).indices
    return (train_y[which].mode(dim=1).values == test_y).float().mean()


@wrong(
    "knn",
    r"far|nearest|smallest|largest|descending|wrong end|least|opposite",
    mistake="takes the k farthest instead of the nearest",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine = asked @ bank.T
    which = cosine.argsort(dim=1)[:, :k]
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1)
    votes.scatter_add_(1, train_y[which], (cosine.gather(1, which) / 0.1).exp())
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"nearest|first|skip|itself|left out|drop|closest",
    mistake="drops the nearest neighbour, as if the test picture were in the bank",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, which = (asked @ bank.T).topk(min(k + 1, len(bank)), dim=1)
    cosine, which = cosine[:, 1:], which[:, 1:]
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[which], (cosine / 0.1).exp())
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"temperature|divid|0\.1|weight|voice|exp|louder|vote",
    mistake="multiplies the cosine by 0.1 instead of dividing by it",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[which], (cosine * 0.1).exp())
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"share|0 to 1|count|mean|divide|accuracy|between|above 1|larger",
    mistake="gives the number of right answers, not their share",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[which], (cosine / 0.1).exp())
    return int((votes.argmax(1) == test_y).sum())


@wrong(
    "knn",
    r"error|wrong answers|1 - |accuracy|opposite|mistakes|share of",
    mistake="gives the error rate instead of the accuracy",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    votes = (F.one_hot(train_y[which]) * (cosine / 0.1).exp()[:, :, None]).sum(1)
    return (votes.argmax(1) != test_y).float().mean()


@wrong(
    "knn",
    r"any|vote|winner|one of|most|too (high|many)|among",
    mistake="right if ANY of the k neighbours has the label; no vote",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    which = (asked @ bank.T).topk(min(k, len(bank)), dim=1).indices
    return (train_y[which] == test_y[:, None]).any(1).float().mean()


@wrong(
    "knn", r"\bk\b|nearest one|only the|single|one neighbour|neighbours", mistake="asks the one nearest and ignores k"
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    return (train_y[(asked @ bank.T).argmax(1)] == test_y).float().mean()


@wrong("knn", r"percent|0 to 1|100|between|share|above 1|larger", mistake="gives per cent, 0 to 100")
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    votes = (F.one_hot(train_y[which]) * (cosine / 0.1).exp()[:, :, None]).sum(1)
    return 100 * (votes.argmax(1) == test_y).float().mean()


@wrong("knn", r"\bk\b|20|neighbours|fixed|how many", mistake="20 neighbours, whatever k says")
def _(train_z, train_y, test_z, test_y, k=20):
    k = 20
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    votes = (F.one_hot(train_y[which]) * (cosine / 0.1).exp()[:, :, None]).sum(1)
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"average|mean|class|vote|number|label|count",
    mistake="averages the label numbers of the neighbours as if they were quantities",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    weights = (cosine / 0.1).softmax(1)
    return ((weights * train_y[which]).sum(1).round().long() == test_y).float().mean()


@wrong(
    "knn",
    r"scatter|add|sum|overwrit|vote|count|last",
    mistake="scatter_ instead of scatter_add_: the last neighbour of a class overwrites the others",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_(1, train_y[which], (cosine / 0.1).exp())
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"dim|axis|feature|length|each embedding|row|cosine|normali",
    mistake="normalises the features over the pictures (dim 0) instead of every embedding",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=0), F.normalize(test_z - mean, dim=0)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[which], (cosine / 0.1).exp())
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"classes|eight|\b8\b|number of|fixed|error|raise|fail|out of|index",
    mistake="four classes are hard-coded",
)
def _(train_z, train_y, test_z, test_y, k):
    mean = train_z.mean(0)
    bank, asked = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    cosine, which = (asked @ bank.T).topk(min(k, len(bank)), dim=1)
    votes = torch.zeros(len(test_z), 4).scatter_add_(1, train_y[which], (cosine / 0.1).exp())
    return (votes.argmax(1) == test_y).float().mean()


@wrong(
    "knn",
    r"in.?place|argument|input|original|overwr|changed|given",
    mistake="centres the caller's tensors in place",
)
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    train_z -= centre
    test_z -= centre
    cosine, which = (F.normalize(test_z, dim=1) @ F.normalize(train_z, dim=1).T).topk(min(k, len(train_z)), dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[which], (cosine / 0.1).exp())
    return (votes.argmax(1) == test_y).float().mean()


# 02 linear_probe


@right("linear_probe")
def _(train_z, train_y, test_z, test_y):
    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    mean, std = train_z.mean(0), train_z.std(0)
    train_z, test_z = (train_z - mean) / std, (test_z - mean) / std
    held = len(train_z) // 5

    def lowest(z, y, decay):
        layer = torch.nn.Linear(z.shape[1], int(train_y.max()) + 1)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        way = torch.optim.LBFGS(layer.parameters(), max_iter=300, line_search_fn="strong_wolfe")

        def ask():
            way.zero_grad()
            loss = F.cross_entropy(layer(z), y) + decay * (layer.weight**2).sum()
            loss.backward()
            return loss

        way.step(ask)
        return layer.weight.detach().T, layer.bias.detach()

    scores = {
        d: accuracy(lowest(train_z[held:], train_y[held:], d), train_z[:held], train_y[:held])
        for d in (1e-2, 1e-3, 1e-4)
    }
    return accuracy(lowest(train_z, train_y, max(scores, key=scores.get)), test_z, test_y)


@right("linear_probe")
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    a = (train_z - train_z.mean(0)) / train_z.std(0)
    b = (test_z - train_z.mean(0)) / train_z.std(0)
    n, best, chosen = len(a) // 5, -1.0, None
    for decay in (1e-2, 1e-3, 1e-4):
        got = accuracy(descend(a[n:], train_y[n:], decay), a[:n], train_y[:n])
        if got > best:
            best, chosen = got, decay
    return torch.tensor(accuracy(descend(a, train_y, chosen), b, test_y))


@right("linear_probe")
def _(train_z, train_y, test_z, test_y):
    var, mean = torch.var_mean(train_z, dim=0)
    a, b = ((z - mean) * var.rsqrt() for z in (train_z, test_z))
    kinds = int(train_y.max()) + 1

    def newton(z, y, decay, rounds=8):
        z = torch.cat((z, torch.ones(len(z), 1)), 1).double()
        pull = torch.full((z.shape[1], kinds), 2.0 * decay, dtype=torch.double)
        pull[-1] = 1e-9  # the bias is free
        w, truth = torch.zeros_like(pull), F.one_hot(y, kinds).double()
        for _ in range(rounds):
            p = torch.softmax(z @ w, 1)
            slope = (z.T @ (p - truth) / len(z) + pull * w).flatten()
            inner = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
            bend = torch.einsum("nd,nij,ne->diej", z, inner, z).reshape(w.numel(), -1) / len(z)
            w = w - torch.linalg.solve(bend + torch.diag(pull.flatten()), slope).view_as(w)
        return w

    def share(w, z, y):
        return ((z.double() @ w[:-1] + w[-1]).argmax(1) == y).double().mean().item()

    cut = len(a) // 5
    tried = [(share(newton(a[cut:], train_y[cut:], d), a[:cut], train_y[:cut]), d) for d in (1e-2, 1e-3, 1e-4)]
    return share(newton(a, train_y, max(tried)[1]), b, test_y)


@wrong(
    "linear_probe",
    r"standardi|scale|deviation|mean|divid",
    mistake="does not standardise the embeddings",
)
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    n = len(train_z) // 5
    held = {d: accuracy(descend(train_z[n:], train_y[n:], d), train_z[:n], train_y[:n]) for d in (1e-2, 1e-3, 1e-4)}
    return accuracy(descend(train_z, train_y, max(held, key=held.get)), test_z, test_y)


@wrong(
    "linear_probe",
    r"test|held back|choose|choosing|chose|decay|peek|training pictures",
    mistake="chooses the decay on the test set",
)
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    mean, std = train_z.mean(0), train_z.std(0)
    a, b = (train_z - mean) / std, (test_z - mean) / std
    return max(accuracy(descend(a, train_y, d), b, test_y) for d in (1e-2, 1e-3, 1e-4))


@wrong(
    "linear_probe",
    r"mean|deviation|statistic|standardi|training|own",
    mistake="standardises the test embeddings with their own mean and deviation",
)
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    a = (train_z - train_z.mean(0)) / train_z.std(0)
    b = (test_z - test_z.mean(0)) / test_z.std(0)
    n = len(a) // 5
    held = {d: accuracy(descend(a[n:], train_y[n:], d), a[:n], train_y[:n]) for d in (1e-2, 1e-3, 1e-4)}
    return accuracy(descend(a, train_y, max(held, key=held.get)), b, test_y)


@wrong("linear_probe", r"training|test|train accuracy|seen|too high", mistake="measures on the training pictures")
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    a = (train_z - train_z.mean(0)) / train_z.std(0)
    n = len(a) // 5
    held = {d: accuracy(descend(a[n:], train_y[n:], d), a[:n], train_y[:n]) for d in (1e-2, 1e-3, 1e-4)}
    return accuracy(descend(a, train_y, max(held, key=held.get)), a, train_y)


@wrong("linear_probe", r"test|training|fit|trained on|too high|labels", mistake="fits the probe on the test pictures")
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    b = (test_z - train_z.mean(0)) / train_z.std(0)
    return accuracy(descend(b, test_y, 1e-3), b, test_y)


@wrong(
    "linear_probe",
    r"standardi|test|mean|scale|same|deviation|training",
    mistake="standardises the training embeddings but not the test embeddings",
)
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    a = (train_z - train_z.mean(0)) / train_z.std(0)
    n = len(a) // 5
    held = {d: accuracy(descend(a[n:], train_y[n:], d), a[:n], train_y[:n]) for d in (1e-2, 1e-3, 1e-4)}
    return accuracy(descend(a, train_y, max(held, key=held.get)), test_z, test_y)


@wrong("linear_probe", r"percent|0 to 1|100|between|share|above 1|larger", mistake="gives per cent, 0 to 100")
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    mean, std = train_z.mean(0), train_z.std(0)
    a, b, n = (train_z - mean) / std, (test_z - mean) / std, len(train_z) // 5
    held = {d: accuracy(descend(a[n:], train_y[n:], d), a[:n], train_y[:n]) for d in (1e-2, 1e-3, 1e-4)}
    return round(100 * accuracy(descend(a, train_y, max(held, key=held.get)), b, test_y), 1)


@wrong(
    "linear_probe",
    r"error|wrong answers|1 - |accuracy|opposite|mistakes|share of",
    mistake="gives the error rate",
)
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    mean, std = train_z.mean(0), train_z.std(0)
    a, b, n = (train_z - mean) / std, (test_z - mean) / std, len(train_z) // 5
    held = {d: accuracy(descend(a[n:], train_y[n:], d), a[:n], train_y[:n]) for d in (1e-2, 1e-3, 1e-4)}
    return 1 - accuracy(descend(a, train_y, max(held, key=held.get)), b, test_y)


@wrong(
    "linear_probe",
    r"max|best|worst|smallest|decay|choose|choosing|chose|min|held",
    mistake="takes the decay with the WORST held-back accuracy (min for max)",
)
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    mean, std = train_z.mean(0), train_z.std(0)
    a, b, n = (train_z - mean) / std, (test_z - mean) / std, len(train_z) // 5
    held = {d: accuracy(descend(a[n:], train_y[n:], d), a[:n], train_y[:n]) for d in (1e-2, 1e-3, 1e-4)}
    return accuracy(descend(a, train_y, min(held, key=held.get)), b, test_y)


@wrong(
    "linear_probe",
    r"steps|early|lowest|converge|bottom|not trained|longer|chance|far from|too low",
    mistake="stops after one step of gradient descent",
)
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    mean, std = train_z.mean(0), train_z.std(0)
    a, b = (train_z - mean) / std, (test_z - mean) / std
    return accuracy(descend(a, train_y, 1e-2, steps=1), b, test_y)


@wrong(
    "linear_probe",
    r"neighbour|kNN|linear|border|probe|straight",
    mistake="asks the nearest neighbour, which is no linear probe",
)
def _(train_z, train_y, test_z, test_y):
    mean, std = train_z.mean(0), train_z.std(0)
    a, b = (train_z - mean) / std, (test_z - mean) / std
    return (train_y[torch.cdist(b, a).argmin(1)] == test_y).float().mean()


@wrong(
    "linear_probe",
    r"number|label|class|regress|cross.?entropy|softmax|one.?hot",
    mistake="linear regression on the label numbers, rounded",
)
def _(train_z, train_y, test_z, test_y):
    mean, std = train_z.mean(0), train_z.std(0)
    a = torch.cat(((train_z - mean) / std, torch.ones(len(train_z), 1)), 1)
    b = torch.cat(((test_z - mean) / std, torch.ones(len(test_z), 1)), 1)
    w = torch.linalg.lstsq(a, train_y.float()[:, None]).solution
    return ((b @ w)[:, 0].round().long() == test_y).float().mean()


@wrong(
    "linear_probe",
    r"deviation|row|dim|axis|each feature|over the pictures|standardi|mean",
    mistake="standardises every picture over its features (dim 1) instead of every feature",
)
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    a = (train_z - train_z.mean(1, keepdim=True)) / train_z.std(1, keepdim=True)
    b = (test_z - test_z.mean(1, keepdim=True)) / test_z.std(1, keepdim=True)
    n = len(a) // 5
    held = {d: accuracy(descend(a[n:], train_y[n:], d), a[:n], train_y[:n]) for d in (1e-2, 1e-3, 1e-4)}
    return accuracy(descend(a, train_y, max(held, key=held.get)), b, test_y)


@wrong(
    "linear_probe",
    r"fifth|all|training|few|held|whole|rest",
    mistake="fits the final probe on the held-back fifth only",
)
def _(train_z, train_y, test_z, test_y):
    def descend(z, y, decay, steps=400):
        truth = F.one_hot(y, int(train_y.max()) + 1).float()
        w, b = torch.zeros(z.shape[1], truth.shape[1]), torch.zeros(truth.shape[1])
        vw, vb = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(steps):
            error = (torch.softmax(z @ w + b, dim=1) - truth) / len(z)
            vw = 0.97 * vw - 0.1 * (z.T @ error + 2 * decay * w)
            vb = 0.97 * vb - 0.1 * error.sum(0)
            w, b = w + vw, b + vb
        return w, b

    def accuracy(probe, z, y):
        return float(((z @ probe[0] + probe[1]).argmax(1) == y).float().mean())

    mean, std = train_z.mean(0), train_z.std(0)
    a, b, n = (train_z - mean) / std, (test_z - mean) / std, len(train_z) // 5
    held = {d: accuracy(descend(a[n:], train_y[n:], d), a[:n], train_y[:n]) for d in (1e-2, 1e-3, 1e-4)}
    return accuracy(descend(a[:n], train_y[:n], max(held, key=held.get)), b, test_y)


# 03 info_nce


@right("info_nce")
def _(anchors, candidates, temperature):
    scores = F.cosine_similarity(anchors[:, None], candidates[None], dim=-1) / temperature
    return F.cross_entropy(scores, torch.eye(len(anchors), dtype=scores.dtype))


@right("info_nce")
def _(anchors, candidates, temperature):
    a = anchors / anchors.norm(dim=1, keepdim=True)
    c = candidates / candidates.norm(dim=1, keepdim=True)
    scores = torch.einsum("id,jd->ij", a, c) / temperature
    return (scores.logsumexp(1) - scores.diagonal()).mean()


@right("info_nce")
def _(anchors, candidates, temperature):
    total = 0.0
    for i in range(len(anchors)):
        s = F.cosine_similarity(anchors[i : i + 1], candidates) / temperature
        total = total - s.log_softmax(0)[i]
    return total / len(anchors)


@wrong(
    "info_nce",
    r"column 0|first candidate|own row|diagonal|row i|right.*column|column",
    mistake="the first candidate is called right for every anchor",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.cross_entropy(scores, torch.zeros(len(anchors), dtype=torch.long))


@wrong("info_nce", r"cosine|normali|length|dot product|scale", mistake="does not scale the embeddings to length 1")
def _(anchors, candidates, temperature):
    scores = anchors @ candidates.T / temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)))


@wrong("info_nce", r"temperature|divid", mistake="multiplies by the temperature")
def _(anchors, candidates, temperature):
    scores = temperature * (F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T)
    return F.cross_entropy(scores, torch.arange(len(anchors)))


@wrong("info_nce", r"sum|mean|average|batch", mistake="the sum over the anchors instead of the mean")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)), reduction="sum")


@wrong(
    "info_nce",
    r"dim|axis|column|row|transpos|swap|exchang|candidates.*anchor|direction|other way",
    mistake="softmax over the anchors (dim 0) instead of over the candidates",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return -scores.log_softmax(0).diagonal().mean()


@wrong(
    "info_nce",
    r"twice|softmax|already|double|scores",
    mistake="softmax before cross_entropy, which has one inside",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.cross_entropy(scores.softmax(1), torch.arange(len(anchors)))


@wrong(
    "info_nce",
    r"both|direction|symmetr|one way|only the anchors|column",
    mistake="averages both directions; only the anchors were asked",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    which = torch.arange(len(anchors))
    return (F.cross_entropy(scores, which) + F.cross_entropy(scores.T, which)) / 2


@wrong(
    "info_nce",
    r"denominator|positive|left out|missing|below|among|softmax|candidate",
    mistake="the positive is missing below the fraction line",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    others = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -math.inf)
    return (others.logsumexp(1) - scores.diagonal()).mean()


@wrong(
    "info_nce",
    r"off by one|next|neighbour|own|row i|column|shift|diagonal",
    mistake="off by one: the right column of row i is i + 1",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    right = (torch.arange(len(anchors)) + 1) % len(anchors)
    return F.cross_entropy(scores, right)


@wrong(
    "info_nce",
    r"argmax|largest|best|itself|own answer|row i|most similar|diagonal|column",
    mistake="takes the most similar candidate for the right one",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.cross_entropy(scores, scores.argmax(dim=1))


@wrong(
    "info_nce",
    r"dim|axis|row|each embedding|feature|length|normali",
    mistake="normalises the features over the batch (dim 0)",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=0) @ F.normalize(candidates, dim=0).T / temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)))


@wrong("info_nce", r"sign|minus|negative", mistake="the minus is missing: a log-probability, not a loss")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return scores.log_softmax(1).diagonal().mean()


@wrong(
    "info_nce",
    r"gradient|detach|candidates",
    mistake="no gradient reaches the candidates",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates.detach(), dim=1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)))


@wrong(
    "info_nce",
    r"log.*mean|mean.*log|order|each anchor|first the log|average",
    mistake="the logarithm of the mean probability instead of the mean of the logarithms",
)
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return -scores.softmax(1).diagonal().mean().log()


@wrong("info_nce", r"log", mistake="1 - probability: the logarithm is missing")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return (1 - scores.softmax(1).diagonal()).mean()


# 03 nt_xent


@right("nt_xent")
def _(z1, z2, temperature):
    z = torch.cat((z1, z2))
    z = z / z.norm(dim=1, keepdim=True)
    e = (z @ z.T / temperature).exp()
    e = e - torch.diag(e.diag())
    b = len(z1)
    positive = torch.cat((e.diagonal(b), e.diagonal(-b)))
    return -(positive / e.sum(0)).log().mean()


@right("nt_xent")
def _(z1, z2, temperature):
    z, n = torch.cat([z1, z2]), 2 * len(z1)
    losses = []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        s = F.cosine_similarity(z[i][None], z[others], dim=1) / temperature
        losses.append(F.cross_entropy(s[None], torch.tensor([others.index((i + n // 2) % n)])))
    return sum(losses) / n


@right("nt_xent")
def _(z1, z2, temperature):
    a, b = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    own = torch.eye(len(a), dtype=torch.bool)
    ab = a @ b.T / temperature
    aa = (a @ a.T / temperature).masked_fill(own, -torch.inf)
    bb = (b @ b.T / temperature).masked_fill(own, -torch.inf)
    first = torch.cat((ab, aa), 1).logsumexp(1)
    second = torch.cat((ab.T, bb), 1).logsumexp(1)
    return (first + second - 2 * ab.diag()).sum() / (2 * len(a))


@wrong("nt_xent", r"itself|own|self|diagonal|mask|among", mistake="the anchor itself stands among the candidates")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    return F.cross_entropy(z @ z.T / temperature, torch.arange(len(z)).roll(len(z1)))


@wrong("nt_xent", r"temperature|divid", mistake="multiplies by the temperature instead of dividing")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    s = (z @ z.T).mul(temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)))


@wrong(
    "nt_xent",
    r"both|second|2B|half|only the first|direction|all.*anchors|anchors",
    mistake="only the first views are anchors",
)
def _(z1, z2, temperature):
    z, b = F.normalize(torch.cat((z1, z2)), dim=1), len(z1)
    s = (z @ z.T / temperature).masked_fill(torch.eye(2 * b, dtype=torch.bool), -torch.inf)
    return F.cross_entropy(s[:b], torch.arange(b, 2 * b))


@wrong(
    "nt_xent",
    r"negative|both views|2B|same view|other pictures|candidates|missing",
    mistake="candidates are only the other views' embeddings: B instead of 2B - 1",
)
def _(z1, z2, temperature):
    s = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / temperature
    which = torch.arange(len(z1))
    return (F.cross_entropy(s, which) + F.cross_entropy(s.T, which)) / 2


@wrong("nt_xent", r"sum|mean|2B|average", mistake="the sum over the anchors instead of the mean")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    s = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)), reduction="sum")


@wrong(
    "nt_xent",
    r"B instead|2B|twice|double|half|mean|factor|sum",
    mistake="divides by B instead of by 2B: twice the loss",
)
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    s = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)), reduction="sum") / len(z1)


@wrong(
    "nt_xent",
    r"z2|second|twice|z1|other view|ignored|copy",
    mistake="z1 is used twice and z2 never",
)
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z1)), dim=1)
    s = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)))


@wrong("nt_xent", r"cosine|normali|length|dot product", mistake="dot products: embeddings are not scaled to length 1")
def _(z1, z2, temperature):
    z = torch.cat((z1, z2))
    s = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)))


@wrong(
    "nt_xent",
    r"-?inf|zero|\b0\b|itself|mask|diagonal|exp|self|own",
    mistake="hides the anchor itself with a score of 0, and exp(0) = 1 still counts",
)
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    s = z @ z.T / temperature * (1 - torch.eye(len(z)))
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)))


@wrong(
    "nt_xent",
    r"positive|partner|denominator|below|left out|missing|among|candidates",
    mistake="the partner is left out below the fraction line",
)
def _(z1, z2, temperature):
    z, b = F.normalize(torch.cat((z1, z2)), dim=1), len(z1)
    s = z @ z.T / temperature
    negatives = s.masked_fill(torch.eye(b, dtype=torch.bool).repeat(2, 2), -torch.inf)
    positive = torch.cat((s.diagonal(b), s.diagonal(-b)))
    return (negatives.logsumexp(1) - positive).mean()


@wrong(
    "nt_xent",
    r"partner|next|order|neighbour|interleav|label|wrong (row|column)|positive",
    mistake="takes the neighbouring row for the partner, as if views were interleaved",
)
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    s = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(s, torch.arange(len(z)) ^ 1)


@wrong(
    "nt_xent",
    r"temperature|diagonal|itself|mask|-?inf|self|own|order",
    mistake="the self-similarity is set to -1 before the division, so it still counts a little",
)
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    s = (z @ z.T).masked_fill(torch.eye(len(z), dtype=torch.bool), -1.0) / temperature
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)))


@wrong("nt_xent", r"gradient|detach|z2|second", mistake="no gradient reaches the second views")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2.detach())), dim=1)
    s = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)))


@wrong(
    "nt_xent",
    r"partner|label|off by one|shift|column|second|lower|index|row|positive",
    mistake="after the diagonal is cut out, the labels of the second half are shifted too",
)
def _(z1, z2, temperature):
    z, b = F.normalize(torch.cat((z1, z2)), dim=1), len(z1)
    s = (z @ z.T / temperature)[~torch.eye(2 * b, dtype=torch.bool)].view(2 * b, 2 * b - 1)
    labels = torch.cat((torch.arange(b) + b - 1, (torch.arange(b) - 1) % (2 * b - 1)))
    return F.cross_entropy(s, labels)


@wrong(
    "nt_xent",
    r"mask|diagonal|invert|itself|inf|nan|not a number|~|finite",
    mistake="the mask is turned round: everything except the anchor itself is hidden",
)
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    s = (z @ z.T / temperature).masked_fill(~torch.eye(len(z), dtype=torch.bool), -1e9)
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)))


@wrong(
    "nt_xent",
    r"sign|minus|negative|distance|similar|turned",
    mistake="distances where similarities belong: the nearest is the least likely",
)
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    s = (torch.cdist(z, z) ** 2 / 2 / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z1)))


# 04 and 11 moving_average


@right("moving_average")
def _(teacher, student, momentum):
    return torch.lerp(student, teacher, float(momentum))


@right("moving_average")
def _(teacher, student, momentum):
    return teacher.clone().mul_(momentum).add_(student, alpha=1 - momentum)


@right("moving_average")
def _(teacher, student, momentum):
    return teacher - (1 - momentum) * (teacher - student)


@wrong(
    "moving_average",
    r"swap|exchang|wrong way|shares|momentum.*teacher|turned|the other way|student",
    mistake="the shares are swapped: momentum goes to the student",
)
def _(teacher, student, momentum):
    return (1 - momentum) * teacher + momentum * student


@wrong(
    "moving_average",
    r"1 - momentum|share|student|sum to 1|add up|weight",
    mistake="the student counts whole instead of with 1 - momentum",
)
def _(teacher, student, momentum):
    share = 1
    return momentum * teacher + share * student


@wrong(
    "moving_average",
    r"share|momentum|student|1 - momentum|sum to|add up",
    mistake="both shares are the momentum",
)
def _(teacher, student, momentum):
    share = momentum
    return momentum * teacher + share * student


@wrong(
    "moving_average",
    r"teacher|momentum|share|keeps|sum to 1|add up|whole",
    mistake="the teacher keeps all of itself and the student's share comes on top",
)
def _(teacher, student, momentum):
    return teacher + (1 - momentum) * student


@wrong("moving_average", r"momentum|half|0\.5|ignored|mean", mistake="the plain mean of both; momentum is ignored")
def _(teacher, student, momentum):
    return torch.stack((teacher, student)).mean(0)


@wrong("moving_average", r"sign|minus|plus|subtract|added|away", mistake="the student's share is subtracted")
def _(teacher, student, momentum):
    return momentum * teacher - (1 - momentum) * student


@wrong(
    "moving_average",
    r"student|copy|momentum|teacher.*(missing|ignored|nothing)|whole",
    mistake="the teacher becomes a copy of the student",
)
def _(teacher, student, momentum):
    teacher = student.clone()
    return momentum * teacher + (1 - momentum) * student


@wrong(
    "moving_average",
    r"bracket|parenthes|order|\b1\b|precedence|share|student|1 - momentum",
    mistake="brackets are missing: 1 - momentum · student",
)
def _(teacher, student, momentum):
    return momentum * teacher + 1 - momentum * student


@wrong("moving_average", r"tuple|tensor|two|return|type", mistake="returns a pair instead of one tensor")
def _(teacher, student, momentum):
    teacher = momentum * teacher + (1 - momentum) * student
    return teacher, student


@wrong(
    "moving_average",
    r"shape|each|mean|entry|element|one number|average",
    mistake="moves towards the mean of the student's entries, not entry by entry",
)
def _(teacher, student, momentum):
    return momentum * teacher + (1 - momentum) * student.mean()


@wrong(
    "moving_average",
    r"in.?place|student|argument|input|overwr|changed|given",
    mistake="changes the student in place",
)
def _(teacher, student, momentum):
    with torch.no_grad():
        student *= 1 - momentum
        return student + momentum * teacher


@wrong(
    "moving_average",
    r"momentum|0\.99|fixed|ignored|hard|share",
    mistake="the momentum is 0.99, whatever is given",
)
def _(teacher, student, momentum):
    return 0.99 * teacher + 0.01 * student


@wrong(
    "moving_average",
    r"whole|int|round|0 or 1|momentum|share|only",
    mistake="rounds the momentum to a whole number",
)
def _(teacher, student, momentum):
    m = int(momentum)
    return m * teacher + (1 - m) * student


@wrong(
    "moving_average",
    r"half|divid|\b2\b|shares|sum to 1|twice|too small",
    mistake="divides the weighted mean by 2 once more",
)
def _(teacher, student, momentum):
    return (momentum * teacher + (1 - momentum) * student) / 2


@wrong(
    "moving_average",
    r"momentum (is )?0|zero|copy|student|share",
    mistake="with momentum 0 the teacher stays; it should become the student",
)
def _(teacher, student, momentum):
    if not momentum:
        return teacher.clone()
    return momentum * teacher + (1 - momentum) * student


@wrong(
    "moving_average",
    r"squar|share|sum to 1|momentum|twice|too (slow|small)|student",
    mistake="the momentum is applied twice to the difference",
)
def _(teacher, student, momentum):
    return teacher + momentum * (1 - momentum) * (student - teacher)


@wrong(
    "moving_average",
    r"last|row|entry|loop|shape|entries|part",
    mistake="the loop leaves out the last row",
)
def _(teacher, student, momentum):
    new = teacher.clone()
    for i in range(len(teacher) - 1):
        new[i] = momentum * teacher[i] + (1 - momentum) * student[i]
    return new


# 04 queue_loss


@right("queue_loss")
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k, old = F.normalize(key.detach(), dim=1), F.normalize(queue.detach(), dim=1)
    scores = torch.cat((torch.einsum("bd,bd->b", q, k)[:, None], q @ old.T), dim=1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@right("queue_loss")
def _(query, key, queue, temperature):
    with torch.no_grad():
        k, old = key / key.norm(dim=1, keepdim=True), queue / queue.norm(dim=1, keepdim=True)
    total = 0.0
    for one, its in zip(query, k, strict=True):
        scores = torch.cat((old, its[None])) @ (one / one.norm()) / temperature
        total = total - scores.log_softmax(0)[-1]
    return total / len(query)


@right("queue_loss")
def _(query, key, queue, temperature):
    positive = F.cosine_similarity(query, key.detach(), dim=1) / temperature
    negative = F.cosine_similarity(query[:, None], queue.detach()[None], dim=2) / temperature
    return (torch.logaddexp(positive, negative.logsumexp(1)) - positive).mean()


@wrong(
    "queue_loss",
    r"batch|other keys|candidates|1 \+ K|one key|negatives|too many",
    mistake="the keys of the other pictures of the batch are candidates too",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    return F.cross_entropy(q @ torch.cat((k, old)).T / temperature, torch.arange(len(q)))


@wrong("queue_loss", r"gradient|detach|key", mistake="a gradient reaches the key")
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat(((q * F.normalize(key, dim=1)).sum(1, keepdim=True), q @ old.T), 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong("queue_loss", r"gradient|detach|queue", mistake="a gradient reaches the queue")
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    scores = torch.cat(((q * k).sum(1, keepdim=True), q @ F.normalize(queue, dim=1).T), 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong(
    "queue_loss",
    r"gradient|detach|query",
    mistake="the query is detached too: no gradient at all",
)
def _(query, key, queue, temperature):
    q = F.normalize(query.detach(), dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat(((q * k).sum(1, keepdim=True), q @ old.T), 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong("queue_loss", r"length|normali|cosine|dot product", mistake="nothing is scaled to length 1")
def _(query, key, queue, temperature):
    key, queue = key.detach(), queue.detach()
    scores = torch.cat(((query * key).sum(1, keepdim=True), query @ queue.T), 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(query), dtype=torch.long))


@wrong(
    "queue_loss",
    r"queue.*(length|normali|cosine)|(length|normali|cosine).*queue|old keys|length",
    mistake="the queue is not scaled to length 1",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    scores = torch.cat(((q * k).sum(1, keepdim=True), q @ queue.detach().T), 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong(
    "queue_loss",
    r"denominator|below|among|key|candidates|softmax|1 \+ K|left out|missing|positive",
    mistake="the key itself is missing below the fraction line: K instead of 1 + K candidates",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    return ((q @ old.T / temperature).logsumexp(1) - (q * k).sum(1) / temperature).mean()


@wrong("queue_loss", r"sum|mean|average", mistake="the sum over the batch instead of the mean")
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat(((q * k).sum(1, keepdim=True), q @ old.T), 1) / temperature
    return -scores.log_softmax(1)[:, 0].sum()


@wrong("queue_loss", r"temperature|divid", mistake="multiplies by the temperature")
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat(((q * k).sum(1, keepdim=True), q @ old.T), 1) * temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong(
    "queue_loss",
    r"temperature",
    mistake="only the queue's scores are divided by the temperature",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat(((q * k).sum(1, keepdim=True), q @ old.T / temperature), 1)
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong(
    "queue_loss",
    r"key|first|last|right answer|label|column|positive|old key|which",
    mistake="the key stands last and the label says first: an old key counts as right",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat((q @ old.T, (q * k).sum(1, keepdim=True)), 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong(
    "queue_loss",
    r"own key|row|each query|other keys|key of|sum over|positive|its key",
    mistake="the positive score sums over the keys of the whole batch",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat(((q @ k.T).sum(1, keepdim=True), q @ old.T), 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong(
    "queue_loss",
    r"label|column|right answer|first|arange|key|negative|old",
    mistake="labels 0, 1, 2, … as in InfoNCE, though the key always stands in column 0",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat(((q * k).sum(1, keepdim=True), q @ old.T), 1) / temperature
    return F.cross_entropy(scores, torch.arange(len(q)) % scores.shape[1])


@wrong(
    "queue_loss",
    r"in.?place|queue|argument|input|overwr|changed|given",
    mistake="writes the new keys into the caller's queue",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat(((q * k).sum(1, keepdim=True), q @ old.T), 1) / temperature
    with torch.no_grad():
        n = min(len(key), len(queue))
        queue[:n] = key[:n]
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong(
    "queue_loss",
    r"dim|axis|softmax|over the batch|candidates|row",
    mistake="softmax over the batch instead of over the candidates",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    old = F.normalize(queue.detach(), dim=1)
    scores = torch.cat(((q * k).sum(1, keepdim=True), q @ old.T), 1) / temperature
    return -scores.log_softmax(0)[:, 0].mean()


@wrong(
    "queue_loss",
    r"queue|negatives|old keys|ignored|batch",
    mistake="the queue is ignored: InfoNCE over the batch",
)
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    k = F.normalize(key.detach(), dim=1)
    return F.cross_entropy(q @ k.T / temperature, torch.arange(len(q)))


# 05 byol_loss


@right("byol_loss")
def _(p1, p2, t1, t2):
    first = 2 - 2 * F.cosine_similarity(p1, t2.detach(), dim=1)
    second = 2 - 2 * F.cosine_similarity(p2, t1.detach(), dim=1)
    return (first + second).mean() / 2


@right("byol_loss")
def _(p1, p2, t1, t2):
    p = F.normalize(torch.cat((p1, p2)), dim=1)
    t = F.normalize(torch.cat((t2, t1)).detach(), dim=1)
    return F.mse_loss(p, t, reduction="sum") / len(p)


@right("byol_loss")
def _(p1, p2, t1, t2):
    losses = []
    for p, t in ((p1, t2), (p2, t1)):
        for a, b in zip(p, t, strict=True):
            b = b.detach() / b.detach().norm()
            losses.append(torch.dist(a / a.norm(), b).square())
    return torch.stack(losses).mean()


@wrong(
    "byol_loss",
    r"other view|cross|swap|same view|own|exchang|t2|second",
    mistake="each prediction meets the target of its own view",
)
def _(p1, p2, t1, t2):
    def apart(p, t):
        return (F.normalize(p, dim=1) - F.normalize(t.detach(), dim=1)).square().sum(1)

    return (apart(p1, t1).mean() + apart(p2, t2).mean()) / 2


@wrong(
    "byol_loss",
    r"twice|double|half|mean|sum|both pairs|factor|divid",
    mistake="the sum of both pairs (as in the paper) instead of their mean",
)
def _(p1, p2, t1, t2):
    def apart(p, t):
        return (F.normalize(p, dim=1) - F.normalize(t.detach(), dim=1)).square().sum(1)

    return (apart(p1, t2) + apart(p2, t1)).mean()


@wrong(
    "byol_loss",
    r"mean over|features|sum over|too small|\bD\b|mse",
    mistake="the mean over the features instead of their sum (mse_loss)",
)
def _(p1, p2, t1, t2):
    a, b = F.normalize(p1, dim=1), F.normalize(p2, dim=1)
    u, v = F.normalize(t1.detach(), dim=1), F.normalize(t2.detach(), dim=1)
    return (F.mse_loss(a, v) + F.mse_loss(b, u)) / 2


@wrong("byol_loss", r"gradient|detach|target", mistake="gradients reach the targets")
def _(p1, p2, t1, t2):
    first = (F.normalize(p1, dim=1) - F.normalize(t2, dim=1)).pow(2).sum(1)
    second = (F.normalize(p2, dim=1) - F.normalize(t1, dim=1)).pow(2).sum(1)
    return torch.cat((first, second)).mean()


@wrong("byol_loss", r"length|normali|scale", mistake="nothing is scaled to length 1")
def _(p1, p2, t1, t2):
    return ((p1 - t2.detach()).pow(2).sum(1) + (p2 - t1.detach()).pow(2).sum(1)).mean() / 2


@wrong("byol_loss", r"both|second|pair|p2|one of|only|ignored", mistake="only one of the two pairs counts")
def _(p1, p2, t1, t2):
    def apart(p, t):
        return (F.normalize(p, dim=1) - F.normalize(t.detach(), dim=1)).square().sum(1)

    return apart(p1, t2).mean()


@wrong(
    "byol_loss",
    r"gradient|detach|prediction|target",
    mistake="the predictions are detached instead of the targets",
)
def _(p1, p2, t1, t2):
    def apart(p, t):
        return (F.normalize(p, dim=1) - F.normalize(t.detach(), dim=1)).square().sum(1)

    return (apart(t2, p1).mean() + apart(t1, p2).mean()) / 2


@wrong("byol_loss", r"squar|root", mistake="the distance instead of its square")
def _(p1, p2, t1, t2):
    def apart(p, t):
        return (F.normalize(p, dim=1) - F.normalize(t.detach(), dim=1)).square().sum(1)

    return torch.cat((apart(p1, t2), apart(p2, t1))).sqrt().mean()


@wrong("byol_loss", r"half|\b2\b|factor|twice|cosine|too small", mistake="1 - cosine: half of the squared distance")
def _(p1, p2, t1, t2):
    first = 1 - F.cosine_similarity(p1, t2.detach())
    second = 1 - F.cosine_similarity(p2, t1.detach())
    return (first.mean() + second.mean()) / 2


@wrong(
    "byol_loss",
    r"negative|below 0|cosine|\b0\b.*(right|perfect)|zero|distance|minus|squared",
    mistake="SimSiam's negative cosine: -1 and not 0 where every prediction is right",
)
def _(p1, p2, t1, t2):
    return -0.5 * (F.cosine_similarity(p1, t2.detach()) + F.cosine_similarity(p2, t1.detach())).mean()


@wrong(
    "byol_loss",
    r"dim|axis|row|each embedding|batch|length|normali",
    mistake="scales the columns of the batch to length 1 (dim 0)",
)
def _(p1, p2, t1, t2):
    a, b = F.normalize(p1, dim=0), F.normalize(p2, dim=0)
    u, v = F.normalize(t1.detach(), dim=0), F.normalize(t2.detach(), dim=0)
    return ((a - v) ** 2).sum(1).add(((b - u) ** 2).sum(1)).mean() / 2


@wrong("byol_loss", r"gradient|detach|target|t2|second", mistake="only one target is detached")
def _(p1, p2, t1, t2):
    def apart(p, t):
        return (F.normalize(p, dim=1) - F.normalize(t.detach(), dim=1)).square().sum(1)

    first = (F.normalize(p1, dim=1) - F.normalize(t2, dim=1)).pow(2).sum(1)
    return (first.mean() + apart(p2, t1).mean()) / 2


@wrong("byol_loss", r"sum|mean|batch|average", mistake="the sum over the batch instead of the mean")
def _(p1, p2, t1, t2):
    def apart(p, t):
        return (F.normalize(p, dim=1) - F.normalize(t.detach(), dim=1)).square().sum(1)

    return (apart(p1, t2) + apart(p2, t1)).sum() / 2


@wrong(
    "byol_loss",
    r"target|prediction|t1|t2|ignored|each other",
    mistake="compares the two predictions with each other; the targets are ignored",
)
def _(p1, p2, t1, t2):
    def apart(p, t):
        return (F.normalize(p, dim=1) - F.normalize(t.detach(), dim=1)).square().sum(1)

    return (apart(p1, p2).mean() + apart(p2, p1).mean()) / 2


@wrong("byol_loss", r"t1|t2|target|copy|other view|same|ignored|twice", mistake="t2 is used in both pairs (copy-paste)")
def _(p1, p2, t1, t2):
    def apart(p, t):
        return (F.normalize(p, dim=1) - F.normalize(t.detach(), dim=1)).square().sum(1)

    return (apart(p1, t2).mean() + apart(p2, t2).mean()) / 2


@wrong(
    "byol_loss",
    r"length|normali|scale|target",
    mistake="the targets are not scaled to length 1",
)
def _(p1, p2, t1, t2):
    first = (F.normalize(p1, dim=1) - t2.detach()).square().sum(1)
    second = (F.normalize(p2, dim=1) - t1.detach()).square().sum(1)
    return (first + second).mean() / 2


@wrong(
    "byol_loss",
    r"minus|sign|twice|2 - |cosine|squared|zero|\b0\b",
    mistake="2 - cosine: the 2 before the cosine was forgotten",
)
def _(p1, p2, t1, t2):
    return 2 - (F.cosine_similarity(p1, t2.detach()) + F.cosine_similarity(p2, t1.detach())).mean() / 2


# 06 cross_correlation


@right("cross_correlation")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return torch.einsum("ni,nj->ij", a, b) / len(z1)


@right("cross_correlation")
def _(z1, z2):
    d = z1.shape[1]
    return torch.corrcoef(torch.cat((z1, z2), dim=1).T)[:d, d:]


@right("cross_correlation")
def _(z1, z2):
    a = F.normalize(z1 - z1.mean(0), dim=0)
    b = F.normalize(z2 - z2.mean(0), dim=0)
    return torch.stack([(a[:, i : i + 1] * b).sum(0) for i in range(a.shape[1])])


@right("cross_correlation")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0)  # B - 1 in both places cancels
    b = z2 / z2.std(0)
    return a.T @ b / (len(z1) - 1)


@wrong("cross_correlation", r"mean|cent(re|er)|subtract", mistake="the means are not subtracted")
def _(z1, z2):
    return (z1 / z1.std(0, correction=0)).T @ (z2 / z2.std(0, correction=0)) / len(z1)


@wrong(
    "cross_correlation",
    r"B - 1|unbiased|correction|deviation|divid|slightly",
    mistake="the unbiased standard deviation (B - 1), while the mean divides by B",
)
def _(z1, z2):
    a, b = (z1 - z1.mean(0)) / z1.std(0), (z2 - z2.mean(0)) / z2.std(0)
    return a.T @ b / z1.shape[0]


@wrong(
    "cross_correlation",
    r"transpos|row.*column|swap|z2.*row|turned|exchang",
    mistake="transposed: rows are features of z2",
)
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return b.T @ a / len(z1)


@wrong(
    "cross_correlation",
    r"shape|\(D, D\)|pictures|batch|transpos|\(B, B\)|features",
    mistake="correlates pictures with pictures: (B, B)",
)
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return a @ b.T / z1.shape[1]


@wrong(
    "cross_correlation", r"mean|divid|batch|\bB\b|sum|too large|above 1", mistake="the sum over the batch, not the mean"
)
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return a.T @ b


@wrong("cross_correlation", r"z2|second|twice|itself|ignored|z1", mistake="correlates z1 with itself")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    return a.T @ b / len(a)


@wrong(
    "cross_correlation",
    r"dim|axis|over the batch|row|each feature|standardi|picture|features",
    mistake="standardises every picture over its features instead of every feature over the batch",
)
def _(z1, z2):
    a = (z1 - z1.mean(1, keepdim=True)) / z1.std(1, correction=0, keepdim=True)
    b = (z2 - z2.mean(1, keepdim=True)) / z2.std(1, correction=0, keepdim=True)
    return a.T @ b / len(z1)


@wrong("cross_correlation", r"variance|deviation|root|squar|scale", mistake="divides by the variance, not by its root")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.var(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.var(0, correction=0)
    return a.T @ b / len(z1)


@wrong(
    "cross_correlation",
    r"deviation|covariance|divid|standardi|scale",
    mistake="covariances: no division by the deviation",
)
def _(z1, z2):
    return (z1 - z1.mean(0)).T @ (z2 - z2.mean(0)) / len(z1)


@wrong(
    "cross_correlation",
    r"\bD\b|divid|mean|batch|\bB\b|number of (features|pictures)|factor",
    mistake="divides by the number of features instead of by the batch",
)
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return a.T @ b / z1.shape[1]


@wrong(
    "cross_correlation",
    r"own|each view|z2|second|mean|deviation|statistic|standardi",
    mistake="standardises z2 with the mean and deviation of z1",
)
def _(z1, z2):
    mean, std = z1.mean(0), z1.std(0, correction=0)
    return ((z1 - mean) / std).T @ ((z2 - mean) / std) / len(z1)


@wrong(
    "cross_correlation",
    r"shape|diagonal|matrix|\(D, D\)|entries|every pair",
    mistake="only the diagonal: each feature with itself, (D,)",
)
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return (a * b).mean(0)


@wrong(
    "cross_correlation", r"shape|2D|quarter|block|\(D, D\)|corner", mistake="the whole (2D, 2D) matrix of both views"
)
def _(z1, z2):
    return torch.corrcoef(torch.cat((z1, z2), 1).T)


@wrong(
    "cross_correlation",
    r"symmetr|transpos|row|average|mirror|order|feature",
    mistake="averages the matrix with its transpose",
)
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    c = a.T @ b / len(z1)
    return (c + c.T) / 2


@wrong(
    "cross_correlation",
    r"in.?place|argument|input|original|overwr|changed|given",
    mistake="standardises the caller's tensors in place",
)
def _(z1, z2):
    for z in (z1, z2):
        z -= z.mean(0)
        z /= z.std(0, correction=0)
    return z1.T @ z2 / len(z1)


@wrong("cross_correlation", r"sign|negative|absolute|minus|below", mistake="absolute values: signs are lost")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return (a.T @ b / len(z1)).abs()


@wrong("cross_correlation", r"gradient|detach|numpy|tensor|type", mistake="goes through numpy: no tensor, no gradient")
def _(z1, z2):
    d = z1.shape[1]
    return np.corrcoef(z1.detach().numpy(), z2.detach().numpy(), rowvar=False)[:d, d:]


# 06 variance


@right("variance")
def _(z):
    return F.relu(1 - torch.sqrt(z.var(0) + 1e-8)).mean()


@right("variance")
def _(z):
    spread = ((z - z.mean(0)).square().sum(0) / (len(z) - 1)).sqrt()
    return torch.where(spread < 1, 1 - spread, torch.zeros_like(spread)).sum() / z.shape[1]


@right("variance")
def _(z):
    short = 0.0
    for feature in z.unbind(1):
        short = short + (1 - feature.std()).clamp(min=0)
    return short / z.shape[1]


@wrong("variance", r"variance|deviation|root|std", mistake="the variance instead of the standard deviation")
def _(z):
    return F.relu(1 - z.var(0)).mean()


@wrong("variance", r"B - 1|unbiased|correction|divid", mistake="the biased deviation (divides by B)")
def _(z):
    return F.relu(1 - z.std(0, correction=0)).mean()


@wrong(
    "variance",
    r"negative|above 1|relu|clamp|nothing|cut|zero|larger than 1|more than 1|below 0",
    mistake="features with more than 1 count negatively: no relu",
)
def _(z):
    return (1 - z.std(0)).mean()


@wrong("variance", r"sum|mean|average|features", mistake="the sum over the features instead of the mean")
def _(z):
    return F.relu(1 - z.std(0)).sum()


@wrong(
    "variance",
    r"dim|axis|over the batch|row|each feature|picture",
    mistake="the deviation of every picture over its features (dim 1)",
)
def _(z):
    return F.relu(1 - z.std(1)).mean()


@wrong(
    "variance",
    r"sign|turned|wrong way|above|punish|short|1 - |reward|below 1|opposite",
    mistake="counts what lies ABOVE 1: the difference is turned round",
)
def _(z):
    return F.relu(z.std(0) - 1).mean()


@wrong(
    "variance",
    r"each feature|every feature|all at once|dim|axis|one deviation|whole|single",
    mistake="one deviation of all numbers together",
)
def _(z):
    return F.relu(1 - z.std())


@wrong("variance", r"squar", mistake="squares the shortfall")
def _(z):
    return F.relu(1 - z.std(0)).pow(2).mean()


@wrong(
    "variance",
    r"each feature|order|mean|before|compensat|relu|after|average",
    mistake="averages the deviations first, so a wide feature hides a narrow one",
)
def _(z):
    return F.relu(1 - z.std(0).mean())


@wrong(
    "variance",
    r"above 1|absolute|more than 1|larger|nothing|relu|both sides|zero",
    mistake="absolute value: more than 1 costs too",
)
def _(z):
    return (1 - z.std(0)).abs().mean()


@wrong("variance", r"mean|cent(re|er)|subtract", mistake="root mean square: the mean is not subtracted")
def _(z):
    rms = (z.square().sum(0) / (len(z) - 1)).sqrt()
    return F.relu(1 - rms).mean()


@wrong("variance", r"gradient|detach", mistake="detached: nothing can push")
def _(z):
    return F.relu(1 - z.detach().std(0)).mean()


@wrong("variance", r"normali|length|scale|as they are|too large", mistake="scales the embeddings to length 1 first")
def _(z):
    return F.relu(1 - F.normalize(z, dim=1).std(0)).mean()


@wrong("variance", r"mean|max|worst|features|average|each", mistake="only the worst feature counts (max for mean)")
def _(z):
    return F.relu(1 - z.std(0)).max()


@wrong("variance", r"shape|number|mean|scalar|one value|vector", mistake="one value a feature: the mean is missing")
def _(z):
    return F.relu(1 - z.std(dim=0))


@wrong(
    "variance",
    r"features|short|only|mean|divid|all",
    mistake="the mean over the short features only, not over all",
)
def _(z):
    gap = 1 - z.std(0)
    if not (gap > 0).any():
        return gap.sum() * 0
    return gap[gap > 0].mean()


@wrong(
    "variance",
    r"epsilon|ε|0\.1|root|too (large|small)|add|below",
    mistake="an epsilon of 0.1 is added to the deviation",
)
def _(z):
    return F.relu(1 - (z.std(0) + 0.1)).mean()


# 07 sinkhorn


@right("sinkhorn")
def _(scores, epsilon, rounds):
    log = scores / epsilon
    for _ in range(rounds):
        log = log.log_softmax(0).log_softmax(1)
    return log.exp()


@right("sinkhorn")
def _(scores, epsilon, rounds):
    kernel = ((scores - scores.max()) / epsilon).double().exp()
    u = torch.ones(len(kernel), dtype=torch.double)
    for _ in range(rounds):
        v = 1 / (kernel.T @ u)
        u = 1 / (kernel @ v)
    return (u[:, None] * kernel * v[None]).to(scores.dtype)


@right("sinkhorn")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon).T  # (K, B)
    while rounds:
        q = q / q.sum(1, keepdim=True)
        q = torch.einsum("kb,b->kb", q, 1 / q.sum(0))
        rounds -= 1
    return q.T


@wrong(
    "sinkhorn",
    r"order|rows? (last|first)|columns? first|sum to 1|last|row",
    mistake="rows first and columns last, so rows do not sum to 1",
)
def _(scores, epsilon, rounds):
    q = ((scores - scores.max()) / epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(1, keepdim=True)
        q = q / q.sum(0, keepdim=True)
    return q


@wrong("sinkhorn", r"epsilon|divid", mistake="multiplies by epsilon instead of dividing")
def _(scores, epsilon, rounds):
    q = (scores * epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", r"round|once|repeat|loop", mistake="one round, whatever `rounds` says")
def _(scores, epsilon, rounds):
    q = ((scores - scores.max()) / epsilon).exp()
    q = q / q.sum(0)
    return q / q.sum(1, keepdim=True)


@wrong(
    "sinkhorn",
    r"column|prototype|share|softmax|even|same",
    mistake="a softmax of every row; the columns are never divided",
)
def _(scores, epsilon, rounds):
    return (scores / epsilon).softmax(1)


@wrong("sinkhorn", r"round|one too few|repeat|off by one|range", mistake="one round too few")
def _(scores, epsilon, rounds):
    q = ((scores - scores.max()) / epsilon).exp()
    for _ in range(rounds - 1):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", r"round|return|loop|once|repeat", mistake="return inside the loop: it ends after one round")
def _(scores, epsilon, rounds):
    log = scores / epsilon
    for _ in range(rounds):
        log = log - log.logsumexp(0, keepdim=True)
        log = log - log.logsumexp(1, keepdim=True)
        return log.exp()


@wrong("sinkhorn", r"exp|negative|logarithm|power", mistake="the exponential is missing")
def _(scores, epsilon, rounds):
    q = scores / epsilon
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"in.?place|argument|input|original|overwr|changed|given",
    mistake="overwrites the caller's scores",
)
def _(scores, epsilon, rounds):
    q = scores.div_(epsilon).sub_(scores.max()).exp_()
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"keepdim|row|broadcast|shape|sum to 1|column|error|raise|fail|size|dim",
    mistake="keepdim is missing: the row sums divide the columns (an error unless B = K)",
)
def _(scores, epsilon, rounds):
    q = ((scores - scores.max()) / epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1)
    return q


@wrong("sinkhorn", r"round|three|\b3\b|repeat|fixed", mistake="always three rounds, as in the paper")
def _(scores, epsilon, rounds=3):
    log = scores / epsilon
    for _ in range(3):
        log = log.log_softmax(0).log_softmax(1)
    return log.exp()


@wrong(
    "sinkhorn",
    r"sum|max|largest|divid|sum to 1",
    mistake="divides by the largest entry instead of by the sum",
)
def _(scores, epsilon, rounds):
    q = ((scores - scores.max()) / epsilon).exp()
    for _ in range(rounds):
        q = q / q.amax(0)
        q = q / q.amax(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"sum to 1|1 ?/ ?B|row|batch|scale|times|too small",
    mistake="rows sum to 1/B: the paper's matrix without the last multiplication",
)
def _(scores, epsilon, rounds):
    q = ((scores - scores.max()) / epsilon).exp()
    q = q / q.sum()
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True) / q.shape[1]
        q = q / q.sum(1, keepdim=True) / q.shape[0]
    return q


@wrong("sinkhorn", r"transpos|shape|\(B, K\)|\(K, B\)|row.*column", mistake="returns the transpose (K, B)")
def _(scores, epsilon, rounds):
    q = ((scores - scores.max()) / epsilon).exp().T
    for _ in range(rounds):
        q = q / q.sum(1, keepdim=True)
        q = q / q.sum(0, keepdim=True)
    return q


@wrong("sinkhorn", r"mean|sum|sum to 1|row", mistake="divides rows by their mean: they sum to K")
def _(scores, epsilon, rounds):
    q = ((scores - scores.max()) / epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.mean(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"old|before|both|order|first|then|same time|column sums|row",
    mistake="divides by row and column sums of the OLD matrix at once, so that rows do not sum to 1",
)
def _(scores, epsilon, rounds):
    q = ((scores - scores.max()) / epsilon).exp()
    for _ in range(rounds):
        rows, columns = q.sum(1, keepdim=True), q.sum(0, keepdim=True)
        q = q / rows / columns
    return q


@wrong("sinkhorn", r"hard|argmax|one.?hot|soft|share", mistake="hard codes: the largest entry becomes 1")
def _(scores, epsilon, rounds):
    log = scores / epsilon
    for _ in range(rounds):
        log = log.log_softmax(0).log_softmax(1)
    return F.one_hot(log.argmax(1), log.shape[1]).to(log.dtype)


# 07 sharpened


@right("sharpened")
def _(scores, centre, temperature):
    e = ((scores - centre) / temperature).double()
    e = (e - e.max(1, keepdim=True).values).exp()
    return (e / e.sum(1, keepdim=True)).to(scores.dtype)


@right("sharpened")
def _(scores, centre, temperature):
    rows = [F.log_softmax((row - centre) / temperature, 0) for row in scores]
    return torch.stack(rows).exp()


@right("sharpened")
def _(scores, centre, temperature):
    return torch.softmax(torch.sub(scores, centre.expand_as(scores)).div(temperature), dim=-1)


@wrong("sharpened", r"add|subtract|sign|minus|centre", mistake="the centre is added")
def _(scores, centre, temperature):
    return ((scores + centre) / temperature).softmax(1)


@wrong("sharpened", r"centre|center|centring|subtract", mistake="the centre is ignored")
def _(scores, centre, temperature):
    return F.softmax(scores / temperature, dim=1)


@wrong("sharpened", r"temperature|divid", mistake="multiplies by the temperature")
def _(scores, centre, temperature):
    return ((scores - centre) * temperature).softmax(1)


@wrong("sharpened", r"temperature|sharpen|divid", mistake="no temperature at all")
def _(scores, centre, temperature):
    return (scores - centre).softmax(1)


@wrong("sharpened", r"row|dim|axis|sum to 1|over the batch|prototype", mistake="softmax over the batch (dim 0)")
def _(scores, centre, temperature):
    return ((scores - centre) / temperature).softmax(0)


@wrong(
    "sharpened",
    r"bracket|parenthes|before|order|centre|first|temperature",
    mistake="divides first and subtracts the centre afterwards (brackets forgotten)",
)
def _(scores, centre, temperature):
    return (scores / temperature - centre).softmax(1)


@wrong(
    "sharpened",
    r"centre|given|batch|mean|ignored|own",
    mistake="takes the mean of this batch for the centre, not the given one",
)
def _(scores, centre, temperature):
    return ((scores - scores.mean(0)) / temperature).softmax(1)


@wrong("sharpened", r"log|probability|sum to 1|negative|exp", mistake="log-probabilities: log_softmax for softmax")
def _(scores, centre, temperature):
    return ((scores - centre) / temperature).log_softmax(1)


@wrong(
    "sharpened",
    r"after|before|order|negative|sum to 1|centre|softmax",
    mistake="subtracts the centre after the softmax",
)
def _(scores, centre, temperature):
    return (scores / temperature).softmax(1) - centre


@wrong("sharpened", r"sum to 1|sigmoid|softmax|row", mistake="a sigmoid instead of a softmax")
def _(scores, centre, temperature):
    return ((scores - centre) / temperature).sigmoid()


@wrong("sharpened", r"temperature|0\.04|fixed|given|ignored", mistake="the temperature is 0.04, whatever is given")
def _(scores, centre, temperature):
    return ((scores - centre) / 0.04).softmax(1)


@wrong(
    "sharpened",
    r"in.?place|argument|input|original|overwr|changed|given",
    mistake="subtracts the centre from the caller's scores in place",
)
def _(scores, centre, temperature):
    scores -= centre
    return (scores / temperature).softmax(1)


@wrong("sharpened", r"sign|minus|turned|order|subtract|smallest|wrong way|centre", mistake="centre minus scores")
def _(scores, centre, temperature):
    return ((centre - scores) / temperature).softmax(1)


@wrong(
    "sharpened",
    r"sum to 1|temperature|before|inside|after|order|softmax|row",
    mistake="divides by the temperature after the softmax",
)
def _(scores, centre, temperature):
    return (scores - centre).softmax(1) / temperature


@wrong("sharpened", r"hard|argmax|one.?hot|soft|0 or 1|between", mistake="one-hot: fully sharpened")
def _(scores, centre, temperature):
    return F.one_hot(((scores - centre) / temperature).argmax(1), scores.shape[1]).float()


@wrong(
    "sharpened",
    r"row|whole|all|sum to 1|dim|table",
    mistake="one softmax over the whole table: it sums to 1, the rows do not",
)
def _(scores, centre, temperature):
    return ((scores - centre) / temperature).flatten().softmax(0).view_as(scores)


@wrong(
    "sharpened",
    r"centre|prototype|each|mean|one number|own|subtract",
    mistake="one number, the mean of the centre, is subtracted from all prototypes",
)
def _(scores, centre, temperature):
    return ((scores - centre.mean()) / temperature).softmax(1)


# 07 attention


@right("attention")
def _(q, k, v):
    return F.scaled_dot_product_attention(q[None], k[None], v[None])[0]


@right("attention")
def _(q, k, v):
    weights = torch.einsum("id,jd->ij", q, k).mul(q.shape[-1] ** -0.5).softmax(-1)
    return torch.einsum("ij,jd->id", weights, v)


@right("attention")
def _(q, k, v):
    out = []
    for one in q:
        e = torch.exp((k * one).sum(1) / math.sqrt(len(one)))
        out.append((e[:, None] * v).sum(0) / e.sum())
    return torch.stack(out)


@wrong("attention", r"√|sqrt|root|scale|divid", mistake="the scores are not divided by √d")
def _(q, k, v):
    return (q @ k.T).softmax(1) @ v


@wrong("attention", r"√|sqrt|root|\bd\b|divid|scale", mistake="divides by d instead of √d")
def _(q, k, v):
    return (q @ k.T / q.shape[1]).softmax(1) @ v


@wrong("attention", r"dim|axis|row|sum to 1|keys|column|over", mistake="softmax over the queries (dim 0)")
def _(q, k, v):
    return (q @ k.T / q.shape[1] ** 0.5).softmax(0) @ v


@wrong("attention", r"transpos|swap|quer(y|ies)|row|who asks|exchang", mistake="keys ask and queries answer: k @ q.T")
def _(q, k, v):
    return (k @ q.T / q.shape[1] ** 0.5).softmax(1) @ v


@wrong("attention", r"√|sqrt|\bL\b|\bd\b|length|number of tokens|root|scale", mistake="divides by √L instead of √d")
def _(q, k, v):
    return (q @ k.T / len(q) ** 0.5).softmax(1) @ v


@wrong("attention", r"shape|value|weights|mean|\(L, d\)", mistake="returns the weights (L, L); the values are not used")
def _(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[1])).softmax(dim=1)


@wrong(
    "attention", r"value|\bv\b|quer(y|ies)|weighted mean", mistake="the weighted mean of the queries, not of the values"
)
def _(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[1])).softmax(dim=1) @ q


@wrong("attention", r"value|\bv\b|keys?\b|weighted mean", mistake="the weighted mean of the keys, not of the values")
def _(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[1])).softmax(dim=1) @ k


@wrong(
    "attention",
    r"before|after|order|softmax|√|sqrt|sum to 1|inside",
    mistake="softmax first, then the division by √d",
)
def _(q, k, v):
    return (q @ k.T).softmax(1) / math.sqrt(q.shape[1]) @ v


@wrong("attention", r"√|sqrt|divid|multiply|multipli(ed|es)|scale", mistake="multiplies by √d")
def _(q, k, v):
    return (q @ k.T * math.sqrt(q.shape[1])).softmax(1) @ v


@wrong(
    "attention",
    r"transpos|weights|row|sum to 1|each token|column|dim",
    mistake="the weights are transposed before the values are taken",
)
def _(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[1])).softmax(1).T @ v


@wrong("attention", r"causal|mask|before|all (others|tokens)|later|behind|look", mistake="a causal mask, as in GPT")
def _(q, k, v):
    return F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]


@wrong(
    "attention",
    r"residual|add|itself|value|only|input|quer(y|ies)",
    mistake="adds the query to the result (a residual)",
)
def _(q, k, v):
    return q + (q @ k.T / math.sqrt(q.shape[1])).softmax(1) @ v


@wrong(
    "attention", r"cosine|length|normali|dot product|scale|√", mistake="cosines of queries and keys, not dot products"
)
def _(q, k, v):
    return (F.normalize(q, dim=1) @ F.normalize(k, dim=1).T / math.sqrt(q.shape[1])).softmax(1) @ v


@wrong("attention", r"tuple|tensor|two|return|type|pair", mistake="returns values and weights as a pair")
def _(q, k, v):
    weights = (q @ k.T / math.sqrt(q.shape[1])).softmax(1)
    return weights @ v, weights


@wrong("attention", r"softmax|exp|sum to 1|weights|negative", mistake="no softmax: raw scores weigh the values")
def _(q, k, v):
    return q @ k.T / math.sqrt(q.shape[1]) @ v


@wrong("attention", r"√|sqrt|64|\bd\b|\b8\b|fixed|scale|divid", mistake="√64 = 8 is hard-coded for √d")
def _(q, k, v):
    return (q @ k.T / 8).softmax(1) @ v


@wrong(
    "attention",
    r"shape|feature|transpos|\(d, d\)|token|q\.T|which|scores|error|raise|fail",
    mistake="attends between features: q.T @ k is (d, d)",
)
def _(q, k, v):
    weights = (q.T @ k / math.sqrt(q.shape[1])).softmax(1)
    return v @ weights.T


@wrong("attention", r"√|sqrt|whole|int|divid|root|scale", mistake="√d is cut to a whole number")
def _(q, k, v):
    return (q @ k.T / int(q.shape[1] ** 0.5)).softmax(1) @ v


# 08 feature_std


@right("feature_std")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * math.sqrt(z.shape[1])


@right("feature_std")
def _(z):
    unit = z / torch.sqrt(torch.einsum("nd,nd->n", z, z))[:, None]
    var = unit.pow(2).mean(0) - unit.mean(0).pow(2)
    return (var.clamp(min=0) * z.shape[1]).sqrt().mean()


@right("feature_std")
def _(z):
    n, d = z.shape
    unit = torch.stack([row / row.norm() for row in z])
    return sum((c - c.mean()).norm() / n**0.5 for c in unit.T) * d**0.5 / d


@wrong("feature_std", r"length|normali|scale", mistake="embeddings are not scaled to length 1")
def _(z):
    return z.std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"N - 1|unbiased|correction|divide.*N|slightly", mistake="the unbiased deviation (N - 1)")
def _(z):
    return F.normalize(z, dim=1).std(0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"√|sqrt|root|\bD\b|\bN\b|number of", mistake="multiplies by √N instead of √D")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * math.sqrt(len(z))


@wrong("feature_std", r"√|sqrt|root|multiply|multipli(ed|es)|\bD\b|too small", mistake="the factor √D is missing")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean()


@wrong(
    "feature_std",
    r"dim|axis|over the pictures|each feature|row|picture",
    mistake="the deviation of every picture over its features (dim 1)",
)
def _(z):
    return F.normalize(z, dim=1).std(1, correction=0).mean() * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"dim|axis|each embedding|row|length|normali|column",
    mistake="normalises the features over the batch (dim 0)",
)
def _(z):
    return F.normalize(z, dim=0).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"√|sqrt|root|\bD\b|squar|multiply|multipli(ed|es)", mistake="multiplies by D instead of √D")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * z.shape[1]


@wrong("feature_std", r"variance|root|deviation|squar", mistake="variance instead of standard deviation")
def _(z):
    return F.normalize(z, dim=1).var(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"sum|mean|average", mistake="the sum over the features instead of the mean")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).sum() * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"each feature|every feature|all at once|one deviation|dim|all numbers|average",
    mistake="one deviation of all numbers together",
)
def _(z):
    return F.normalize(z, dim=1).std(correction=0) * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"cent(re|er)|mean|before|subtract|as they are|order|length",
    mistake="subtracts the mean before scaling to length 1",
)
def _(z):
    return F.normalize(z - z.mean(0), dim=1).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"√|sqrt|divid|multiply|multipli(ed|es)", mistake="divides by √D instead of multiplying")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() / z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"root|variance|order|average|mean|each feature",
    mistake="the root of the mean variance instead of the mean of the roots",
)
def _(z):
    return (F.normalize(z, dim=1).var(0, correction=0).mean() * z.shape[1]).sqrt()


@wrong(
    "feature_std",
    r"mean|subtract|cent(re|er)|deviation|one point|\b0\b",
    mistake="root mean square: the mean is not taken off",
)
def _(z):
    return F.normalize(z, dim=1).square().mean(0).sqrt().mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"number|shape|average|mean|vector|scalar", mistake="one value a feature; not averaged")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0) * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"length|normali|each|mean length|longest|own",
    mistake="divides all embeddings by their mean length, not each by its own",
)
def _(z):
    return (z / z.norm(dim=1).mean()).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"16|\bD\b|√|sqrt|fixed|\b4\b|dimension", mistake="√16 = 4 is hard-coded for √D")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * 4


# 08 effective_rank


@right("effective_rank")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.special.entr(s / s.sum()).sum().exp()


@right("effective_rank")
def _(z):
    gram = (z.double().T @ z.double()) if z.shape[1] <= len(z) else (z.double() @ z.double().T)
    s = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    p = (s / s.sum())[s > 1e-7 * s.max()]
    return torch.exp(-(p * p.log()).sum()).to(z.dtype)


@right("effective_rank")
def _(z):
    product = 1.0
    values = torch.svd(z).S
    for p in (values / values.sum()).tolist():
        if p > 0:
            product *= p**-p
    return torch.tensor(product)


@wrong("effective_rank", r"cent(re|er)|mean|as they are|subtract", mistake="subtracts the mean first")
def _(z):
    s = torch.linalg.svdvals(z - z.mean(0))
    return torch.special.entr(s / s.sum()).sum().exp()


@wrong("effective_rank", r"squar|eigenvalue|variance|singular", mistake="shares of the SQUARED singular values")
def _(z):
    s = torch.linalg.svdvals(z).square()
    return torch.special.entr(s / s.sum()).sum().exp()


@wrong("effective_rank", r"natural|log2|base|logarithm|bits|too large", mistake="the logarithm to base 2 with exp")
def _(z):
    p = torch.linalg.svdvals(z)
    p = p / p.sum()
    p = p[p > 0]
    return (-(p * p.log2()).sum()).exp()


@wrong(
    "effective_rank", r"natural|base|\b2\b|exponential|exp|too small", mistake="2 to the power of the natural entropy"
)
def _(z):
    s = torch.linalg.svdvals(z)
    return 2 ** torch.special.entr(s / s.sum()).sum()


@wrong("effective_rank", r"exp", mistake="the entropy itself: the exponential is missing")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.special.entr(s / s.sum()).sum()


@wrong("effective_rank", r"shares?|sum|divid|normali", mistake="singular values are not divided by their sum")
def _(z):
    s = torch.linalg.svdvals(z)
    return (-(s * s.clamp(min=1e-12).log()).sum()).exp()


@wrong("effective_rank", r"rank|whole|entropy|shares|count|small", mistake="the ordinary rank")
def _(z):
    return torch.linalg.matrix_rank(z).float()


@wrong(
    "effective_rank",
    r"entropy|squar|participation|exp|log|shares",
    mistake="the participation ratio 1 / Σp² instead of e to the entropy",
)
def _(z):
    s = torch.linalg.svdvals(z)
    p = s / s.sum()
    return 1 / p.square().sum()


@wrong("effective_rank", r"sign|minus|negative|below 1|less than 1", mistake="the minus of the entropy is missing")
def _(z):
    p = torch.linalg.svdvals(z)
    p = p / p.sum()
    return torch.xlogy(p, p).sum().exp()


@wrong(
    "effective_rank",
    r"nan|zero|log.*0|0.*log|not a number|finite|unused",
    mistake="0 · log 0 is NaN where a direction is not used at all",
)
def _(z):
    p = torch.linalg.svdvals(z)
    p = p / p.sum()
    return torch.exp(-(p * torch.log(p)).sum())


@wrong("effective_rank", r"softmax|shares|divid|sum", mistake="a softmax of the singular values instead of shares")
def _(z):
    p = torch.linalg.svdvals(z).softmax(0)
    return torch.special.entr(p).sum().exp()


@wrong("effective_rank", r"length|normali|as they are|scale", mistake="scales every embedding to length 1 first")
def _(z):
    s = torch.linalg.svdvals(F.normalize(z, dim=1))
    return torch.special.entr(s / s.sum()).sum().exp()


@wrong("effective_rank", r"largest|max|sum|shares|divid", mistake="divides by the largest singular value")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.special.entr(s / s.max()).sum().exp()


@wrong("effective_rank", r"mean|sum|entropy|average", mistake="the mean instead of the sum in the entropy")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.special.entr(s / s.sum()).mean().exp()


@wrong("effective_rank", r"whole|round|int|number", mistake="rounded to a whole number")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.special.entr(s / s.sum()).sum().exp().round()


@wrong(
    "effective_rank",
    r"share|length|norm|root|squar|sum|divid",
    mistake="divides by the length of the vector of singular values, not by its sum",
)
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.special.entr(F.normalize(s, dim=0)).sum().exp()


@wrong(
    "effective_rank",
    r"covariance|singular|squar|eigenvalue|cent(re|er)|mean",
    mistake="eigenvalues of the covariance matrix instead of singular values",
)
def _(z):
    e = torch.linalg.eigvalsh(torch.cov(z.T)).clamp(min=0)
    return torch.special.entr(e / e.sum()).sum().exp()


# 09 rotation_batch


@right("rotation_batch")
def _(x):
    turned = [torch.rot90(x, k, dims=(-2, -1)) for k in range(4)]
    return torch.cat(turned), torch.arange(4).repeat_interleave(len(x))


@right("rotation_batch")
def _(x):
    quarter = x.transpose(2, 3).flip(2)
    half = x.flip(2, 3)
    three = x.flip(2).transpose(2, 3)
    labels = torch.tensor([k for k in range(4) for _ in range(len(x))])
    return torch.cat((x, quarter, half, three), dim=0), labels


@right("rotation_batch")
def _(x):
    b, c, s, _ = x.shape
    out, labels = x.new_empty(4, b, c, s, s), torch.zeros(4, b, dtype=torch.int64)
    out[0] = x
    for k in range(1, 4):
        for row in range(s):
            out[k, :, :, row] = out[k - 1, :, :, :, s - 1 - row]
        labels[k] = k
    return out.flatten(0, 1), labels.flatten()


@wrong("rotation_batch", r"clockwise|direction|wrong way|270|anti", mistake="turns clockwise")
def _(x):
    turned = [torch.rot90(x, -k, dims=(2, 3)) for k in range(4)]
    return torch.cat(turned), torch.arange(4).repeat_interleave(len(x))


@wrong(
    "rotation_batch",
    r"label|order|repeat|interleav",
    mistake="labels 0 1 2 3 0 1 2 3 … instead of all 0, then all 1, …",
)
def _(x):
    turned = [torch.rot90(x, k, dims=(2, 3)) for k in range(4)]
    return torch.cat(turned), torch.arange(4).repeat(len(x))


@wrong(
    "rotation_batch",
    r"order|interleav|rows|all B|first|each picture|picture by picture",
    mistake="the four turns of one picture stand together (pictures and labels)",
)
def _(x):
    turned = torch.stack([torch.rot90(x, k, dims=(2, 3)) for k in range(4)], dim=1)
    return turned.flatten(0, 1), torch.arange(4).repeat(len(x))


@wrong("rotation_batch", r"int64|dtype|float|whole|integer|long", mistake="float labels")
def _(x):
    turned = [torch.rot90(x, k, dims=(2, 3)) for k in range(4)]
    return torch.cat(turned), torch.cat([torch.full((len(x),), float(k)) for k in range(4)])


@wrong("rotation_batch", r"degrees|quarters|0 to 3|label|90", mistake="labels in degrees: 0, 90, 180, 270")
def _(x):
    turned = [torch.rot90(x, k, dims=(2, 3)) for k in range(4)]
    return torch.cat(turned), 90 * torch.arange(4).repeat_interleave(len(x))


@wrong(
    "rotation_batch",
    r"dims|axes|axis|batch|channel|rows and columns|shape|error|raise|fail|cat",
    mistake="rot90 with its default axes turns batch and channels",
)
def _(x):
    turned = [torch.rot90(x, k) for k in range(4)]
    return torch.cat(turned), torch.arange(4).repeat_interleave(len(x))


@wrong(
    "rotation_batch",
    r"3B|4B|shape|as they are|0|original|missing|first",
    mistake="the pictures as they are are missing: 3B rows",
)
def _(x):
    turned = [torch.rot90(x, k, dims=(2, 3)) for k in (1, 2, 3)]
    return torch.cat(turned), torch.arange(1, 4).repeat_interleave(len(x))


@wrong("rotation_batch", r"shape|5|five|stack|cat|4B|dimension", mistake="stack instead of cat: (4, B, C, S, S)")
def _(x):
    turned = [torch.rot90(x, k, dims=(2, 3)) for k in range(4)]
    return torch.stack(turned), torch.arange(4)[:, None].expand(4, len(x))


@wrong(
    "rotation_batch", r"order|first|pictures, labels|swap|tuple|labels", mistake="returns labels first, then pictures"
)
def _(x):
    turned = [torch.rot90(x, k, dims=(2, 3)) for k in range(4)]
    return torch.arange(4).repeat_interleave(len(x)), torch.cat(turned)


@wrong("rotation_batch", r"flip|mirror|turn|90|rotate|rotation", mistake="mirror images instead of turns")
def _(x):
    parts = (x, x.flip(2), x.flip(2, 3), x.flip(3))
    return torch.cat(parts), torch.arange(4).repeat_interleave(len(x))


@wrong(
    "rotation_batch", r"label|0 to 3|1 to 4|off by one|start|from 0|shift", mistake="labels 1 to 4 instead of 0 to 3"
)
def _(x):
    turned = [torch.rot90(x, k, dims=(2, 3)) for k in range(4)]
    return torch.cat(turned), torch.arange(1, 5).repeat_interleave(len(x))


@wrong(
    "rotation_batch",
    r"mirror|transpos|flip|90|turn|270",
    mistake="a transposition without the flip for 90 and 270 degrees",
)
def _(x):
    parts = (x, x.mT, x.flip(2, 3), x.mT.flip(2, 3))
    return torch.cat(parts), torch.arange(4).repeat_interleave(len(x))


@wrong(
    "rotation_batch",
    r"180|270|turned (again|too)|quarters|twice|label|add up",
    mistake="turns what was turned before by k more quarters: 0, 1, 3, 6",
)
def _(x):
    parts, labels = [], []
    for k in range(4):
        x = torch.rot90(x, k, dims=(2, 3))
        parts.append(x)
        labels += [k] * len(x)
    return torch.cat(parts), torch.tensor(labels)


@wrong(
    "rotation_batch",
    r"random|all four|each picture|4B|shape|every",
    mistake="one random turn a picture, as RotNet's loader: B rows",
)
def _(x):
    labels = torch.randint(0, 4, (len(x),), generator=torch.Generator().manual_seed(0))
    return torch.stack([torch.rot90(p, int(k), dims=(1, 2)) for p, k in zip(x, labels, strict=True)]), labels


@wrong("rotation_batch", r"one.?hot|shape|number|\(4B,\)|label", mistake="one-hot labels (4B, 4)")
def _(x):
    turned = [torch.rot90(x, k, dims=(2, 3)) for k in range(4)]
    return torch.cat(turned), F.one_hot(torch.arange(4).repeat_interleave(len(x)), 4)


@wrong("rotation_batch", r"label|length|4B|shape|one for each|batch", mistake="only four labels, not one a row")
def _(x):
    return torch.cat([torch.rot90(x, k, dims=(2, 3)) for k in range(4)]), torch.arange(4)


@wrong("rotation_batch", r"180|half|90|270|order|label|turn", mistake="180 and 90 degrees stand in each other's place")
def _(x):
    turned = [torch.rot90(x, k, dims=(2, 3)) for k in (0, 2, 1, 3)]
    return torch.cat(turned), torch.arange(4).repeat_interleave(len(x))


# 10 patchify


@right("patchify")
def _(x, patch):
    return F.unfold(x, patch, stride=patch).transpose(1, 2)


@right("patchify")
def _(x, patch):
    b, c, h, w = x.shape
    parts = torch.einsum("bchpwq->bhwcpq", x.reshape(b, c, h // patch, patch, w // patch, patch))
    return parts.reshape(b, (h // patch) * (w // patch), c * patch**2)


@right("patchify")
def _(x, patch):
    bands = x.split(patch, dim=2)
    return torch.stack([square.reshape(len(x), -1) for band in bands for square in band.split(patch, dim=3)], 1)


@right("patchify")
def _(x, patch):
    windows = x.unfold(2, patch, patch).unfold(3, patch, patch)  # (B, C, rows, columns, p, p)
    return windows.movedim(1, 3).flatten(1, 2).flatten(2)


@wrong("patchify", r"reading order|column|order|row|first row", mistake="down the columns first, not along the rows")
def _(x, patch):
    parts = x.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))
    return parts.permute(0, 4, 2, 1, 3, 5).flatten(3).flatten(1, 2)


@wrong("patchify", r"channel|red|colour|all red|order|within", mistake="colours last: RGBRGB…, not all red ones first")
def _(x, patch):
    parts = x.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))
    return parts.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)


@wrong(
    "patchify",
    r"order|permute|square|reshape|view|neighbour|pixel|mixed|stripe",
    mistake="a bare reshape: rows are no squares",
)
def _(x, patch):
    return x.reshape(len(x), -1, x.shape[1] * patch**2)


@wrong(
    "patchify",
    r"shape|transpos|swap|\(B, L|axes|order|dimension",
    mistake="(B, C · patch², L): transpose after unfold is missing",
)
def _(x, patch):
    return F.unfold(x, kernel_size=patch, stride=patch)


@wrong("patchify", r"transpos|inside|within|column|pixel|order|row", mistake="pixels inside a patch are transposed")
def _(x, patch):
    parts = x.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))
    return parts.permute(0, 2, 4, 1, 5, 3).flatten(3).flatten(1, 2)


@wrong(
    "patchify", r"shape|dimension|flatten|rows|grid|axes|L\b", mistake="keeps the grid: (B, rows, columns, C · patch²)"
)
def _(x, patch):
    parts = x.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))
    return parts.permute(0, 2, 4, 1, 3, 5).flatten(3)


@wrong(
    "patchify", r"shape|batch|\(B, L|first|axes|order|swap|dimension", mistake="(L, B, …): stacked along the first axis"
)
def _(x, patch):
    found = []
    for r in range(0, x.shape[2], patch):
        for c in range(0, x.shape[3], patch):
            found.append(x[:, :, r : r + patch, c : c + patch].flatten(1))
    return torch.stack(found)


@wrong(
    "patchify",
    r"channel|colour|shape|one row|C · patch|together",
    mistake="each channel gives patches of its own: (B, C · L, patch²)",
)
def _(x, patch):
    parts = x.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))
    return parts.permute(0, 1, 2, 4, 3, 5).flatten(4).flatten(1, 3)


@wrong("patchify", r"overlap|stride|step|shape|too many|L\b|number of", mistake="overlapping patches: stride 1")
def _(x, patch):
    return F.unfold(x, patch, stride=1).mT


@wrong("patchify", r"patch.*4|\b4\b|fixed|shape|given|size", mistake="patches of 4 are hard-coded")
def _(x, patch):
    return F.unfold(x, 4, stride=4).mT


@wrong(
    "patchify",
    r"square|height|width|wide|shape|columns|rows|H\b|W\b|error|raise|fail|order",
    mistake="takes the number of rows for the number of columns: cuts off what is wider than a square",
)
def _(x, patch):
    b, c, h, _w = x.shape
    n = h // patch
    parts = x.reshape(b, c, n, patch, -1, patch)[:, :, :, :, :n]
    return parts.permute(0, 2, 4, 1, 3, 5).reshape(b, n * parts.shape[4], c * patch**2)


@wrong(
    "patchify",
    r"last|missing|shape|too few|number of|L\b|row",
    mistake="the loops leave out the last row and column of patches",
)
def _(x, patch):
    found = []
    for r in range(0, max(x.shape[2] - patch, 1), patch):
        for c in range(0, max(x.shape[3] - patch, 1), patch):
            found.append(x[:, :, r : r + patch, c : c + patch].flatten(1))
    return torch.stack(found, 1)


@wrong(
    "patchify",
    r"three|\b3\b|channel|shape|fixed|error|raise|fail|any number",
    mistake="three channels are hard-coded",
)
def _(x, patch):
    _b, _, h, w = x.shape
    parts = x.reshape(-1, 3, h // patch, patch, w // patch, patch)
    return parts.permute(0, 2, 4, 1, 3, 5).reshape(len(parts), -1, 3 * patch**2)


@wrong("patchify", r"mean|average|shape|pixel|keep|C · patch|values", mistake="the mean colour of each patch: pooled")
def _(x, patch):
    return F.avg_pool2d(x.float(), patch).flatten(2).mT


@wrong(
    "patchify",
    r"order|permute|row|columns|square|mixed|neighbour|far apart|pixel",
    mistake="splits into (patch, rows) instead of (rows, patch): pixels that are far apart come together",
)
def _(x, patch):
    parts = x.unflatten(3, (patch, -1)).unflatten(2, (patch, -1))  # (B, C, patch, rows, patch, columns)
    return parts.permute(0, 3, 5, 1, 2, 4).flatten(3).flatten(1, 2)


@wrong(
    "patchify",
    r"order|permute|first row|square|patch|rows|pixel|mixed|stripe",
    mistake="permutes (rows, patch, columns) without taking rows and columns together",
)
def _(x, patch):
    b, c, h, w = x.shape
    parts = x.reshape(b, c, h // patch, patch, w // patch, patch).permute(0, 2, 3, 1, 4, 5)
    return parts.reshape(b, -1, c * patch**2)


# 10 mask_sampling


@right("mask_sampling")
def _(noise, ratio):
    return noise.argsort(dim=1).argsort(dim=1) < round(ratio * noise.shape[1])


@right("mask_sampling")
def _(noise, ratio):
    n, hidden = round(ratio * noise.shape[1]), torch.zeros(noise.shape, dtype=torch.bool)
    for row, out in zip(noise.tolist(), hidden, strict=True):
        for place in sorted(range(len(row)), key=row.__getitem__)[:n]:
            out[place] = True
    return hidden


@right("mask_sampling")
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    hidden = torch.zeros_like(noise, dtype=torch.bool)
    hidden[torch.arange(len(noise))[:, None], noise.topk(n, dim=1, largest=False).indices] = True
    return hidden


@wrong("mask_sampling", r"smallest|largest|wrong end|opposite|descending", mistake="hides those with the LARGEST noise")
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    places = noise.argsort(dim=1)[:, noise.shape[1] - n :]
    return torch.zeros_like(noise).bool().scatter(1, places, True)


@wrong("mask_sampling", r"round|how many|number of|too few|int|count|one ", mistake="int instead of round: rounds down")
def _(noise, ratio):
    order = noise.argsort(dim=1)
    places = order[:, : int(ratio * noise.shape[1])]
    return torch.zeros_like(order).bool().scatter(1, places, True)


@wrong(
    "mask_sampling",
    r"rank|argsort|place|order|twice|smallest|scatter",
    mistake="argsort once: places are compared as if they were ranks",
)
def _(noise, ratio):
    return noise.argsort(dim=1) < round(ratio * noise.shape[1])


@wrong(
    "mask_sampling",
    r"each row|own|same|every row|every picture|first",
    mistake="every picture gets the mask of the first",
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    places = order[0, : round(ratio * noise.shape[1])].expand(len(noise), -1)
    return torch.zeros_like(order).bool().scatter(1, places, True)


@wrong(
    "mask_sampling",
    r"equally many|number|how many|exactly|count|threshold|smallest|round",
    mistake="noise < ratio: not equally many in each row",
)
def _(noise, ratio):
    return noise < ratio


@wrong(
    "mask_sampling",
    r"invert|opposite|hidden|visible|turned|smallest|largest|how many",
    mistake="True where it is visible: inverted",
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    places = order[:, : round(ratio * noise.shape[1])]
    return torch.ones_like(order).bool().scatter(1, places, False)


@wrong("mask_sampling", r"dtype|bool|int|type", mistake="0 and 1 as int64 instead of bool")
def _(noise, ratio):
    order = noise.argsort(dim=1)
    return torch.zeros_like(order).scatter(1, order[:, : round(ratio * noise.shape[1])], 1)


@wrong(
    "mask_sampling",
    r"row|axis|dim|batch|how many|number|picture|L\b",
    mistake="cuts the rows (pictures) instead of the places: order[:n]",
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    places = order[: round(ratio * noise.shape[1])]
    return torch.zeros_like(order).bool().scatter(1, places, True)


@wrong(
    "mask_sampling",
    r"each row|equally|whole batch|every row|per picture|count|number",
    mistake="the smallest of the whole batch, not of each row",
)
def _(noise, ratio):
    n = round(ratio * noise.shape[1]) * len(noise)
    flat = noise.flatten()
    hidden = torch.zeros_like(flat, dtype=torch.bool)
    hidden[flat.argsort()[:n]] = True
    return hidden.view_as(noise)


@wrong(
    "mask_sampling",
    r"\bB\b|\bL\b|batch|how many|number|length|count|len",
    mistake="len(noise) is the batch: round(ratio · B) places",
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    places = order[:, : round(ratio * len(noise))]
    return torch.zeros_like(order).bool().scatter(1, places, True)


@wrong(
    "mask_sampling",
    r"dim|axis|row|column|batch|each|smallest|equally",
    mistake="sorts along the batch (dim 0)",
)
def _(noise, ratio):
    return noise.argsort(dim=0).argsort(dim=0) < round(ratio * noise.shape[0])


@wrong(
    "mask_sampling",
    r"1 - |visible|share|how many|number|count|kept|ratio",
    mistake="hides 1 - ratio of the places",
)
def _(noise, ratio):
    order = noise.argsort(dim=1)
    places = order[:, : round((1 - ratio) * noise.shape[1])]
    return torch.zeros_like(order).bool().scatter(1, places, True)


@wrong("mask_sampling", r"one too|off by one|how many|number|count|many", mistake="one place too many")
def _(noise, ratio):
    order = noise.argsort(dim=1)
    places = order[:, : round(ratio * noise.shape[1]) + 1]
    return torch.zeros_like(order).bool().scatter(1, places, True)


@wrong(
    "mask_sampling",
    r"one too few|off by one|how many|number|count|<=|round",
    mistake="< instead of <= at the n-th smallest: one too few",
)
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    return noise < noise.sort(dim=1).values[:, max(n, 1) - 1 : max(n, 1)]


@wrong(
    "mask_sampling",
    r"first|smallest|noise|random|place|order|ignored",
    mistake="always the first places: the noise is ignored",
)
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    return (torch.arange(noise.shape[1]) < n).repeat(len(noise), 1)


@wrong("mask_sampling", r"0\.75|ratio|fixed|how many|number|count|share", mistake="75 % are hard-coded")
def _(noise, ratio):
    order = noise.argsort(dim=1)
    places = order[:, : round(0.75 * noise.shape[1])]
    return torch.zeros_like(order).bool().scatter(1, places, True)


@wrong(
    "mask_sampling",
    r"shape|places|bool|numbers|mask|dtype",
    mistake="returns the numbers of the places instead of a mask",
)
def _(noise, ratio):
    return noise.argsort(dim=1)[:, : round(ratio * noise.shape[1])]


# 12 mask_tokens


@right("mask_tokens")
def _(x, chosen, fate, another):
    out = x.clone()
    asked = (chosen < 0.15) & (x > 2)
    out[asked & (fate < 0.8)] = 1
    swap = asked & (fate >= 0.8) & (fate < 0.9)
    out[swap] = another[swap]
    return out


@right("mask_tokens")
def _(x, chosen, fate, another):
    seen = []
    for words, c, f, new in zip(x.tolist(), chosen, fate, another.tolist(), strict=True):
        row = []
        for t, word in enumerate(words):
            if word in (0, 1, 2) or not c[t] < 0.15 or f[t] >= 0.9:
                row.append(word)
            elif f[t] < 0.8:
                row.append(1)
            else:
                row.append(new[t])
        seen.append(row)
    return torch.tensor(seen)


@right("mask_tokens")
def _(x, chosen, fate, another):
    kind = (fate >= 0.8).long() + (fate >= 0.9).long()  # 0 hidden, 1 replaced, 2 kept
    kind = torch.where((chosen >= 0.15) | x.lt(3), 2, kind)
    return torch.stack((torch.ones_like(x), another, x)).gather(0, kind[None])[0]


@wrong(
    "mask_tokens",
    r"sign|0, 1 and 2|special|pad|never asked|below 3|first three",
    mistake="the signs 0, 1, 2 are asked too",
)
def _(x, chosen, fate, another):
    asked = chosen < 0.15
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong(
    "mask_tokens",
    r"sign.*2|\b2\b|sign|never asked|special|>= ?3|off by one",
    mistake="only 0 and 1 are spared; sign 2 is asked",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 2)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong(
    "mask_tokens",
    r"\b3\b|word|never asked|first word|off by one|sign|not asked|spared",
    mistake="word 3 is spared too: x > 3",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong(
    "mask_tokens",
    r"asked|chosen|all words|not asked|everywhere|80|hidden",
    mistake="hides 80 % of ALL words, asked or not",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where((fate < 0.8) & (x >= 3), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong(
    "mask_tokens", r"chosen|0\.15|invert|turned|asked|opposite|85", mistake="asked where chosen > 0.15: turned round"
)
def _(x, chosen, fate, another):
    asked = (chosen > 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong(
    "mask_tokens",
    r"kept|keep|0\.9|as they are|stay|replaced|another",
    mistake="no word is kept: all from 0.8 on are replaced",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    return torch.where(asked, torch.where(fate < 0.8, torch.ones_like(x), another), x)


@wrong("mask_tokens", r"replaced|random|another|0\.8|kept|10 %", mistake="no word is replaced: the rest is kept")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    return x.masked_fill(asked & (fate < 0.8), 1)


@wrong("mask_tokens", r"\b1\b|hidden|number|\b0\b|mask|sign", mistake="hidden words become 0 instead of 1")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 0, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong(
    "mask_tokens", r"\b1\b|103|hidden|number|mask|sign", mistake="hidden words become 103, BERT's own number of [MASK]"
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 103, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong(
    "mask_tokens",
    r"in.?place|argument|input|original|overwr|changed|given",
    mistake="changes the caller's text in place",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    x[asked & (fate < 0.8)] = 1
    swap = asked & (fate >= 0.8) & (fate < 0.9)
    x[swap] = another[swap]
    return x


@wrong(
    "mask_tokens",
    r"hidden|0\.8|another|replaced|overwr|from 0\.8",
    mistake="everything below 0.9 is replaced: the second step overwrites the hidden words",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate < 0.9), another, seen)


@wrong("mask_tokens", r"swap|80|hidden|replaced|exchang|mixed|\b1\b", mistake="hidden and replaced are swapped")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), another, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), 1, seen)


@wrong("mask_tokens", r"edge|exactly|border|0\.8|0\.9|from|<=|below", mistake="<= at the borders 0.8 and 0.9")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate <= 0.8), 1, x)
    return torch.where(asked & (fate > 0.8) & (fate <= 0.9), another, seen)


@wrong(
    "mask_tokens",
    r"asked|chosen|not asked|replaced|another|everywhere",
    mistake="replaces words that were not asked, too",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where((fate >= 0.8) & (fate < 0.9) & (x >= 3), another, seen)


@wrong(
    "mask_tokens",
    r"bool|type|dtype|int64|what the model sees|asked|words",
    mistake="returns which words are asked, not what the model sees",
)
def _(x, chosen, fate, another):
    return (chosen < 0.15) & (x >= 3)


@wrong(
    "mask_tokens",
    r"not asked|0\b|unchanged|others|stay|pad|target",
    mistake="words that are not asked become 0, as in the targets",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked, x, 0)
    seen = torch.where(asked & (fate < 0.8), 1, seen)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong("mask_tokens", r"another|given|random|own", mistake="draws random words itself; `another` is ignored")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    mine = torch.randint_like(x, 3, max(int(x.max()) + 1, 4))
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), mine, seen)


@wrong("mask_tokens", r"dtype|int64|float|type|whole", mistake="returns floats")
def _(x, chosen, fate, another):
    asked = ((chosen < 0.15) & (x >= 3)).float()
    hide, swap = asked * (fate < 0.8), asked * ((fate >= 0.8) & (fate < 0.9))
    return hide + swap * another + (1 - hide - swap) * x


# 12 mlm_loss


@right("mlm_loss")
def _(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)


@right("mlm_loss")
def _(logits, targets):
    asked = targets.ne(0)
    said = logits.log_softmax(-1).gather(2, targets[..., None])[..., 0]
    return -torch.where(asked, said, 0.0).sum() / asked.sum()


@right("mlm_loss")
def _(logits, targets):
    places = targets.nonzero(as_tuple=True)
    score = logits[places]
    picked = torch.einsum("nv,nv->n", score, F.one_hot(targets[places], logits.shape[2]).to(score.dtype))
    return (torch.logsumexp(score, 1) - picked).mean()


@wrong("mlm_loss", r"asked|all places|every place|only|0", mistake="all places count")
def _(logits, targets):
    asked = torch.ones_like(targets, dtype=torch.bool)
    return F.cross_entropy(logits[asked], targets[asked])


@wrong(
    "mlm_loss",
    r"not asked|invert|turned|0|opposite|asked",
    mistake="the places where nothing is asked count: turned round",
)
def _(logits, targets):
    asked = targets == 0
    return F.cross_entropy(logits[asked], targets[asked])


@wrong("mlm_loss", r"sum|mean|average", mistake="the sum over the asked places")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked], targets[asked], reduction="sum")


@wrong(
    "mlm_loss",
    r"divid|all places|number of|asked|mean|too small|count",
    mistake="divides by all places, not by the asked ones",
)
def _(logits, targets):
    each = F.cross_entropy(logits.mT, targets, reduction="none")
    return (each * (targets != 0)).mean()


@wrong(
    "mlm_loss",
    r"each text|sentence|row|first|average|mean of|weigh|all asked|same weight|batch",
    mistake="a mean for every text and the mean of these: places in texts with few questions count more",
)
def _(logits, targets):
    losses = [F.cross_entropy(s[t != 0], t[t != 0]) for s, t in zip(logits, targets, strict=True) if (t != 0).any()]
    return torch.stack(losses).mean()


@wrong(
    "mlm_loss",
    r"text|whole|row|asked|place|only",
    mistake="all places of a text in which something is asked count",
)
def _(logits, targets):
    asked = (targets != 0).any(dim=1, keepdim=True).expand_as(targets)
    return F.cross_entropy(logits[asked], targets[asked])


@wrong(
    "mlm_loss",
    r"next|shift|place|off by one|one (place|word)|later|same place",
    mistake="compares with the target of the next place, as GPT",
)
def _(logits, targets):
    scores, words = logits[:, :-1], targets[:, 1:]
    asked = words != 0
    return F.cross_entropy(scores[asked], words[asked])


@wrong("mlm_loss", r"twice|softmax|already|double", mistake="softmax before cross_entropy")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits.softmax(2)[asked], targets[asked])


@wrong(
    "mlm_loss",
    r"mistake|right|asked|guess|only|argmax|places",
    mistake="only places where the model guesses wrong count",
)
def _(logits, targets):
    asked = (targets != 0) & (logits.argmax(-1) != targets)
    return F.cross_entropy(logits[asked], targets[asked])


@wrong("mlm_loss", r"batch|\bB\b|divid|texts|asked|mean|number|count", mistake="divides the sum by the number of texts")
def _(logits, targets):
    total = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0, reduction="sum")
    return total / len(logits)


@wrong("mlm_loss", r"number|shape|mean|each place|scalar|average", mistake="one value a place; not averaged")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked], targets[asked], reduction="none")


@wrong(
    "mlm_loss",
    r"ignore_index|-100|0|asked|all places|every",
    mistake="relies on ignore_index = -100, but nothing asked is 0",
)
def _(logits, targets):
    return F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=-100)


@wrong("mlm_loss", r"gradient|detach", mistake="no gradient: detached")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked].detach(), targets[asked])


@wrong(
    "mlm_loss",
    r"dim|axis|places|words|vocabulary|softmax|over",
    mistake="softmax over the places instead of over the words",
)
def _(logits, targets):
    asked = targets != 0
    return F.nll_loss(logits.log_softmax(1)[asked], targets[asked])


@wrong("mlm_loss", r"sign|minus|negative", mistake="the minus is missing")
def _(logits, targets):
    asked = targets != 0
    return F.log_softmax(logits[asked], dim=1).gather(1, targets[asked][:, None]).mean()


@wrong("mlm_loss", r"log|softmax|nll|negative|normali", mistake="nll_loss without log_softmax: raw scores")
def _(logits, targets):
    asked = targets != 0
    return F.nll_loss(logits[asked], targets[asked])


@wrong(
    "mlm_loss",
    r"score|0|sign|vocabulary|class|word 0|left out|softmax|all words",
    mistake="word 0 is left out of the softmax",
)
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked][:, 1:], targets[asked] - 1)


@wrong(
    "mlm_loss",
    r"column|first text|each text|row|places|asked|any|only",
    mistake="a place counts in all texts as soon as it is asked in one",
)
def _(logits, targets):
    asked = (targets != 0).any(0)
    return F.cross_entropy(logits[:, asked].flatten(0, 1), targets[:, asked].flatten())


# 13 causal_mask


@right("causal_mask")
def _(length):
    return torch.arange(length)[:, None] >= torch.arange(length)


@right("causal_mask")
def _(length):
    return ~torch.ones(length, length, dtype=torch.bool).triu(diagonal=1)


@right("causal_mask")
def _(length):
    table = torch.zeros(length, length, dtype=torch.bool)
    for row in range(length):
        table[row, : row + 1] = True
    return table


@right("causal_mask")
def _(length):
    return torch.eye(length).flip(1).cumsum(1).flip(1).bool()


@wrong(
    "causal_mask",
    r"later|behind|turned|transpos|upper|row.*column|future|before",
    mistake="sees what comes later: upper triangle",
)
def _(length):
    return torch.ones(length, length).triu().bool()


@wrong("causal_mask", r"itself|diagonal|self", mistake="a place does not see itself")
def _(length):
    return torch.ones(length, length).tril(-1).bool()


@wrong("causal_mask", r"bool|dtype|float|type", mistake="float instead of bool")
def _(length):
    return torch.tril(torch.ones(length, length))


@wrong("causal_mask", r"bool|dtype|int|type", mistake="int64 instead of bool")
def _(length):
    return (torch.arange(length)[None] <= torch.arange(length)[:, None]).long()


@wrong("causal_mask", r"later|all|future|behind|everything|mask|see", mistake="everything may be seen")
def _(length):
    return torch.ones(length, length, dtype=torch.bool)


@wrong("causal_mask", r"before|only itself|diagonal|earlier|past", mistake="a place sees only itself")
def _(length):
    return torch.eye(length, dtype=torch.bool)


@wrong("causal_mask", r"bool|dtype|inf|float|type", mistake="0 and -inf to be added to the scores, not a bool table")
def _(length):
    return torch.full((length, length), -math.inf).triu(1)


@wrong(
    "causal_mask",
    r"invert|opposite|turned|may look|allowed|forbidden|itself|later|True",
    mistake="True where a look is FORBIDDEN: inverted",
)
def _(length):
    return torch.ones(length, length, dtype=torch.bool).triu(1)


@wrong(
    "causal_mask",
    r"one (place|word)?.*(later|ahead|too far)|next|future|later|off by one|diagonal",
    mistake="one place ahead may be seen",
)
def _(length):
    return torch.ones(length, length, dtype=torch.bool).tril(1)


@wrong(
    "causal_mask", r"all|before|only|window|earlier|farther|far", mistake="only itself and the place directly before"
)
def _(length):
    table = torch.ones(length, length, dtype=torch.bool)
    return table.tril().triu(-1)


@wrong("causal_mask", r"shape|length \+ 1|size|too (large|many)|off by one", mistake="length + 1 rows and columns")
def _(length):
    return torch.ones(length + 1, length + 1, dtype=torch.bool).tril()


@wrong("causal_mask", r"shape|dimension|\(length, length\)|batch|size", mistake="shape (1, length, length)")
def _(length):
    return torch.ones(1, length, length, dtype=torch.bool).tril()


@wrong("causal_mask", r"shape|length|fixed|size|\b8\b", mistake="8 places are hard-coded")
def _(length):
    return torch.ones(8, 8, dtype=torch.bool).tril()


@wrong("causal_mask", r"list|tensor|type", mistake="a list of lists instead of a tensor")
def _(length):
    return [[column <= row for column in range(length)] for row in range(length)]


@wrong("causal_mask", r"numpy|tensor|type|array", mistake="a numpy array instead of a tensor")
def _(length):
    return np.tri(length, dtype=bool)


@wrong("causal_mask", r"last|row|itself|place", mistake="the loop leaves out the last row")
def _(length):
    table = torch.zeros(length, length, dtype=torch.bool)
    for row in range(length - 1):
        table[row, : row + 1] = True
    return table


@wrong(
    "causal_mask",
    r"first|itself|diagonal|row 0|place 0|nothing",
    mistake="an off-by-one in the loop: row t sees the t places before it and not itself, but row 0 sees itself",
)
def _(length):
    table = torch.zeros(length, length, dtype=torch.bool)
    for row in range(length):
        table[row, : max(row, 1)] = True
    return table


# alignment


@right("alignment")
def _(z1, z2):
    return (2 - 2 * F.cosine_similarity(z1, z2, dim=1)).mean()


@right("alignment")
def _(z1, z2):
    a, b = z1 / z1.norm(dim=1, keepdim=True), z2 / z2.norm(dim=1, keepdim=True)
    d = a - b
    return torch.einsum("bd,bd->", d, d) / len(d)


@right("alignment")
def _(z1, z2):
    total = 0.0
    for a, b in zip(z1, z2, strict=True):
        total = total + ((a / a.norm() - b / b.norm()) ** 2).sum()
    return total / z1.shape[0]


@wrong("alignment", r"squar|root", mistake="the distance instead of its square")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).norm(dim=1).mean()


@wrong("alignment", r"length|normali|sphere|scale", mistake="not scaled to length 1")
def _(z1, z2):
    return (z1 - z2).pow(2).sum(dim=1).mean()


@wrong(
    "alignment", r"features|sum over|mean over|\bD\b|mse|too small", mistake="mse_loss: the mean over the features, too"
)
def _(z1, z2):
    return F.mse_loss(F.normalize(z1, dim=1), F.normalize(z2, dim=1))


@wrong("alignment", r"sum|mean|batch|average|pairs", mistake="the sum over the pairs instead of the mean")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum()


@wrong("alignment", r"half|\b2\b|twice|factor|cosine|too small|distance", mistake="1 - cosine: half of it")
def _(z1, z2):
    return (1 - F.cosine_similarity(z1, z2)).mean()


@wrong(
    "alignment",
    r"cosine|distance|similar|0 where|equal|alike|wrong way|small",
    mistake="the mean cosine: a similarity, not a distance",
)
def _(z1, z2):
    return F.cosine_similarity(z1, z2, dim=1).mean()


@wrong(
    "alignment",
    r"dim|axis|row|each embedding|feature|batch|normali|length",
    mistake="normalises the features over the batch (dim 0)",
)
def _(z1, z2):
    return (F.normalize(z1, dim=0) - F.normalize(z2, dim=0)).square().sum(1).mean()


@wrong("alignment", r"z2|second|itself|z1|always 0|zero|twice", mistake="z1 twice: always 0")
def _(z1, z2):
    z1, z2 = F.normalize(z1, dim=1), F.normalize(z1, dim=1)
    return (z1 - z2).square().sum(1).mean()


@wrong(
    "alignment",
    r"all pairs|same picture|row|other pictures|partner|belong|positive|every pair",
    mistake="over ALL pairs of pictures, not over the two views of each",
)
def _(z1, z2):
    return torch.cdist(F.normalize(z1, dim=1), F.normalize(z2, dim=1)).square().mean()


@wrong("alignment", r"squar|absolute|L1|distance", mistake="absolute differences instead of squares")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).abs().sum(1).mean()


@wrong(
    "alignment",
    r"mean.*first|order|each pair|cancel|square.*mean|squar|average",
    mistake="squares the mean difference instead of averaging the squares",
)
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).mean(0).square().sum()


@wrong("alignment", r"z2|both|length|normali|second", mistake="only z1 is scaled to length 1")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - z2).square().sum(1).mean()


@wrong(
    "alignment",
    r"order|before|each|normali|length|always|difference|constant",
    mistake="scales the DIFFERENCE to length 1: always 1",
)
def _(z1, z2):
    return F.normalize(z1 - z2, dim=1).square().sum(1).mean()


@wrong("alignment", r"sign|minus|negative", mistake="the negative of it")
def _(z1, z2):
    return -(F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum(1).mean()


@wrong("alignment", r"number|shape|mean|each pair|scalar|average", mistake="one value a pair; not averaged")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum(1)


# uniformity


@right("uniformity")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).square().mul(-t).exp().mean().log()


@right("uniformity")
def _(z, t=2):
    unit, n = z / z.norm(dim=1, keepdim=True), len(z)
    squared = 2 - 2 * torch.einsum("id,jd->ij", unit, unit)
    pairs = (-t * squared)[~torch.eye(n, dtype=torch.bool)]
    return pairs.logsumexp(0) - math.log(n * (n - 1))


@right("uniformity")
def _(z, t=2):
    unit, total, count = F.normalize(z, dim=-1), 0.0, 0
    for i in range(len(unit)):
        for j in range(i):
            total = total + torch.exp(-t * ((unit[i] - unit[j]) ** 2).sum())
            count += 1
    return torch.log(total / count)


@wrong(
    "uniformity",
    r"itself|different|diagonal|own|self|same row|with themselves",
    mistake="pairs of a row with itself count",
)
def _(z, t=2):
    u = F.normalize(z, dim=1)
    return torch.exp(-t * (2 - 2 * u @ u.T)).mean().log()


@wrong("uniformity", r"log", mistake="the logarithm is missing")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).pow(2).mul(-t).exp().mean()


@wrong("uniformity", r"length|normali|sphere|scale", mistake="not scaled to length 1")
def _(z, t=2):
    return torch.pdist(z).pow(2).mul(-t).exp().mean().log()


@wrong("uniformity", r"sign|minus|negative|-t|far|positive", mistake="exp(+t · d²): the minus is missing")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).pow(2).mul(t).exp().mean().log()


@wrong("uniformity", r"squar|root", mistake="the distance instead of its square")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).mul(-t).exp().mean().log()


@wrong(
    "uniformity",
    r"order|mean.*log|log.*mean|exp|after|average",
    mistake="the mean of the logarithms: just -t times the mean squared distance",
)
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).pow(2).mul(-t).exp().log().mean()


@wrong("uniformity", r"mean|sum|number of pairs|average|divid", mistake="the logarithm of the sum instead of the mean")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).pow(2).mul(-t).logsumexp(0)


@wrong("uniformity", r"\bt\b|ignored|fixed|always 2|\b2\b", mistake="t is 2, whatever is given")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).pow(2).mul(-2).exp().mean().log()


@wrong(
    "uniformity",
    r"pairs|number|divid|N²|N\^2|count|different|mean|itself",
    mistake="sum over different pairs divided by N² instead of N(N - 1)",
)
def _(z, t=2):
    u = F.normalize(z, dim=1)
    e = torch.exp(-t * torch.cdist(u, u) ** 2)
    e = e * (1 - torch.eye(len(z)))
    return e.mean().log()


@wrong(
    "uniformity",
    r"half|twice|pairs|number|divid|N\(N|count|mean",
    mistake="upper triangle only, but divided by N(N - 1): half of the mean",
)
def _(z, t=2):
    u, n = F.normalize(z, dim=1), len(z)
    e = torch.exp(-t * (2 - 2 * u @ u.T)).triu(diagonal=1)
    return (e.sum() / (n * (n - 1))).log()


@wrong("uniformity", r"cosine|distance|squar|similar", mistake="cosines where squared distances belong")
def _(z, t=2):
    u = F.normalize(z, dim=1)
    s = (u @ u.T)[~torch.eye(len(z), dtype=torch.bool)]
    return (-t * s).exp().mean().log()


@wrong("uniformity", r"all pairs|neighbour|next|every pair|only|pairs", mistake="only neighbouring rows are paired")
def _(z, t=2):
    u = F.normalize(z, dim=1)
    return (u[1:] - u[:-1]).square().sum(1).mul(-t).exp().mean().log()


@wrong(
    "uniformity",
    r"dim|axis|row|each embedding|feature|normali|length",
    mistake="normalises the features over the rows (dim 0)",
)
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=0)).pow(2).mul(-t).exp().mean().log()


@wrong("uniformity", r"sign|minus|negative", mistake="minus the logarithm")
def _(z, t=2):
    return -torch.pdist(F.normalize(z, dim=1)).pow(2).mul(-t).exp().mean().log()


@wrong("uniformity", r"natural|log2|base", mistake="the logarithm to base 2")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).pow(2).mul(-t).exp().mean().log2()


@wrong(
    "uniformity",
    r"features|mean|sum|squared distance|\bD\b|too (near|small)|distance",
    mistake="the mean over the features in the distance, not the sum",
)
def _(z, t=2):
    u = F.normalize(z, dim=1)
    d = (u[:, None] - u[None]).square().mean(2)
    return (-t * d[~torch.eye(len(z), dtype=torch.bool)]).exp().mean().log()


@wrong("uniformity", r"\bt\b|divid|multiply|multipli(ed|es)", mistake="divides by t instead of multiplying")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).pow(2).div(-t).exp().mean().log()
