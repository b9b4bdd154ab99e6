"""Answers by a reader who had not seen the checks."""

import math
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F

from . import right, wrong

# ── 00 partner_labels


@right("partner_labels")
def _(pictures):
    return torch.arange(2 * pictures).view(2, pictures).flip(0).reshape(-1)


@right("partner_labels")
def _(pictures):
    labels = []
    for row in range(2 * pictures):
        labels.append(row + pictures if row < pictures else row - pictures)
    return torch.tensor(labels, dtype=torch.int64)


@wrong("partner_labels", r"itself|own row|diagonal|self", mistake="every view is told to choose itself")
def _(pictures):
    return torch.arange(pictures * 2)


@wrong(
    "partner_labels",
    r"interleav|next to|neighbou?r|alternat|order|all first views",
    mistake="takes the two views of a picture for neighbouring rows: 1, 0, 3, 2 …",
)
def _(pictures):
    return torch.arange(2 * pictures) ^ 1


@wrong(
    "partner_labels",
    r"out of|too (large|big|high)|beyond|no such row|only .* rows|second (half|views)|2B",
    mistake="adds B to every row, also to those of the second half: rows that do not exist",
)
def _(pictures):
    return torch.arange(2 * pictures) + pictures


@wrong(
    "partner_labels",
    r"picture.s? number|number of the picture|first half|itself|own row|modulo|% ?B|first views",
    mistake="modulo B instead of 2B: gives the picture's number",
)
def _(pictures):
    return (torch.arange(2 * pictures) + pictures) % pictures


@wrong(
    "partner_labels",
    r"revers|backward|flip|order",
    mistake="counts backwards: the last row is the partner of the first",
)
def _(pictures):
    return torch.arange(2 * pictures - 1, -1, -1)


@wrong(
    "partner_labels",
    r"shape|half|second views|only .*B|2B|length",
    mistake="labels for the first views only",
)
def _(pictures):
    return torch.arange(pictures, 2 * pictures)


@wrong("partner_labels", r"shape|flat|dimension|one row|\(2B,?\)", mistake="a table (2, B) instead of one row of 2B")
def _(pictures):
    rows = torch.arange(pictures)
    return torch.stack([rows + pictures, rows])


@wrong("partner_labels", r"int64|dtype|integer|float|whole", mistake="floats instead of int64")
def _(pictures):
    first = torch.linspace(0, pictures - 1, pictures)
    return torch.cat([first + pictures, first])


@wrong(
    "partner_labels",
    r"which view|view.s number|0 (and|or) 1|row|not .*partner",
    mistake="says whether the row is a first or a second view, not where the partner stands",
)
def _(pictures):
    return torch.cat([torch.ones(pictures), torch.zeros(pictures)]).long()


@wrong(
    "partner_labels",
    r"off by one|one too|next row|count.* from 0|from zero|too (large|high)|shift",
    mistake="counts rows from 1",
)
def _(pictures):
    return torch.cat([torch.arange(1, pictures + 1) + pictures, torch.arange(1, pictures + 1)])


@wrong(
    "partner_labels",
    r"any number|other number|hard|fixed|only for|length|shape",
    mistake="written for batches of four pictures, whatever the number",
)
def _(pictures):
    return torch.tensor([4, 5, 6, 7, 0, 1, 2, 3])


@wrong("partner_labels", r"list|tensor|type", mistake="a Python list, no tensor")
def _(pictures):
    return list(range(pictures, 2 * pictures)) + list(range(pictures))


# ── 01 brightness


@right("brightness")
def _(x, strength, generator):
    factors = torch.empty(x.shape[0]).uniform_(1 - strength, 1 + strength, generator=generator)
    return torch.einsum("bchw,b->bchw", x, factors).clip(0, 1)


@right("brightness")
def _(x, strength, generator):
    out = x.clone()
    for i in range(len(out)):
        u = torch.rand((), generator=generator)
        out[i] *= 1 + strength - 2 * strength * u
    return torch.minimum(torch.maximum(out, torch.tensor(0.0)), torch.tensor(1.0))


@right("brightness")
def _(x, strength, generator):
    u = torch.rand(x.size(0), 1, 1, 1, generator=generator)
    return torch.lerp(x * (1 - strength), x * (1 + strength), u.expand_as(x)).clamp(0, 1)


@wrong(
    "brightness",
    r"one (number|factor)|same factor|all pictures|whole batch|of its own|each picture",
    mistake="draws one factor for the whole batch",
)
def _(x, strength, generator):
    factor = 1 - strength + 2 * strength * torch.rand(1, generator=generator)
    return (x * factor).clamp(0, 1)


@wrong(
    "brightness",
    r"pixel|noise|one factor|each picture|within a picture",
    mistake="a factor of its own for every pixel",
)
def _(x, strength, generator):
    factor = torch.rand(x.shape, generator=generator) * 2 * strength + 1 - strength
    return (x * factor).clamp(0, 1)


@wrong("brightness", r"channel|colou?r|hue|tint", mistake="a factor for every channel, so the colours change")
def _(x, strength, generator):
    b, c = x.shape[:2]
    factor = torch.rand(b, c, 1, 1, generator=generator) * 2 * strength + (1 - strength)
    return (x * factor).clamp(0, 1)


@wrong("brightness", r"add|multip|times|factor|product|black", mistake="adds an amount instead of multiplying")
def _(x, strength, generator):
    shift = (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1) * strength
    return (x + shift).clamp(0, 1)


@wrong("brightness", r"cut|clamp|clip|above 1|more than 1|\[0, 1\]|range", mistake="does not cut to [0, 1]")
def _(x, strength, generator):
    return x * (1 - strength + 2 * strength * torch.rand(len(x), 1, 1, 1, generator=generator))


@wrong("brightness", r"generator|seed|repeat|twice", mistake="does not draw with the generator")
def _(x, strength, generator):
    u = torch.rand(len(x))
    return (x * (1 - strength + 2 * strength * u)[:, None, None, None]).clamp(0, 1)


@wrong(
    "brightness",
    r"only dark|dark|never bright|range|from 1|1 \+ strength|above 1|up to|largest|evenly",
    mistake="the factors reach from 1 - strength to 1 only: pictures become darker, never brighter",
)
def _(x, strength, generator):
    factor = 1 - strength * torch.rand(len(x), generator=generator)
    return (x * factor.view(-1, 1, 1, 1)).clamp(0, 1)


@wrong(
    "brightness",
    r"around 0|around 1|negative|black|1 -|mean|range|from",
    mistake="factors around 0 instead of 1: forgot the 1 +",
)
def _(x, strength, generator):
    factor = strength * (2 * torch.rand(len(x), generator=generator) - 1)
    return (x * factor.view(-1, 1, 1, 1)).clamp(0, 1)


@wrong(
    "brightness",
    r"normal|gauss|even|uniform|outside|range|beyond",
    mistake="draws from a bell curve instead of evenly",
)
def _(x, strength, generator):
    factor = 1 + strength * torch.randn(len(x), generator=generator)
    return (x * factor.view(-1, 1, 1, 1)).clamp(0, 1)


@wrong(
    "brightness",
    r"half|range|narrow|from|1 - strength|too (little|small|weak)|evenly",
    mistake="half the range: from 1 - strength/2 to 1 + strength/2",
)
def _(x, strength, generator):
    factor = 1 + strength * (torch.rand(len(x), generator=generator) - 0.5)
    return (x * factor[:, None, None, None]).clamp(0, 1)


@wrong(
    "brightness", r"changes|in.?place|argument|your x|input|copy", mistake="changes the pictures handed in, in place"
)
def _(x, strength, generator):
    factor = torch.rand(len(x), 1, 1, 1, generator=generator) * 2 * strength + 1 - strength
    return x.mul_(factor).clamp_(0, 1)


@wrong(
    "brightness",
    r"column|axis|broadcast|width|shape|each picture|stripe|dimension",
    mistake="the B factors stand along the columns (broadcast over W) instead of along the batch",
)
def _(x, strength, generator):
    factor = torch.rand(len(x), generator=generator) * 2 * strength + 1 - strength
    return (x * factor).clamp(0, 1)


@wrong(
    "brightness",
    r"cut|clamp|clip|above 1|more than 1|product|bright|1 \+ strength|largest",
    mistake="cuts the factors to [0, 1] instead of the pictures",
)
def _(x, strength, generator):
    factor = torch.rand(len(x), 1, 1, 1, generator=generator) * 2 * strength + 1 - strength
    return x * factor.clamp(0, 1)


@wrong(
    "brightness",
    r"seed|same (numbers|factors)|every call|again|generator|new",
    mistake="seeds the generator anew, so every call draws the same factors",
)
def _(x, strength, generator):
    generator = generator.manual_seed(0)
    factor = torch.rand(len(x), 1, 1, 1, generator=generator) * 2 * strength + 1 - strength
    return (x * factor).clamp(0, 1)


@wrong(
    "brightness",
    r"evenly|two (values|factors)|between|only|ends|uniform",
    mistake="only the two ends, 1 - strength or 1 + strength, nothing between",
)
def _(x, strength, generator):
    sign = torch.randint(0, 2, (len(x), 1, 1, 1), generator=generator) * 2 - 1
    return (x * (1 + sign * strength)).clamp(0, 1)


# ── 01 crop


@right("crop")
def _(x, top, left, size):
    steps = torch.arange(size)
    rows = (torch.as_tensor(top)[:, None] + steps)[:, None, :, None]
    columns = (torch.as_tensor(left)[:, None] + steps)[:, None, None, :]
    batch = torch.arange(x.shape[0])[:, None, None, None]
    channel = torch.arange(x.shape[1])[None, :, None, None]
    return x[batch, channel, rows, columns]


@right("crop")
def _(x, top, left, size):
    cuts = [p.narrow(1, int(t), size).narrow(2, int(s), size) for p, t, s in zip(x, top, left, strict=True)]
    return torch.stack(cuts)


@right("crop")
def _(x, top, left, size):
    windows = x.unfold(2, size, 1).unfold(3, size, 1)  # (B, C, H - size + 1, W - size + 1, size, size)
    return torch.cat([windows[i : i + 1, :, int(top[i]), int(left[i])] for i in range(len(x))])


@wrong(
    "crop",
    r"corner of its own|first (picture|corner)|same corner|top\[i\]|each picture|all pictures",
    mistake="all pictures get the first picture's corner",
)
def _(x, top, left, size):
    t, s = int(top[0]), int(left[0])
    return x[:, :, t : t + size, s : s + size]


@wrong(
    "crop",
    r"swap|top and left|rows? and columns?|mixed|exchang|transpos",
    mistake="takes left for rows and top for columns",
)
def _(x, top, left, size):
    out = [x[i, :, left[i] : left[i] + size, top[i] : top[i] + size] for i in range(len(x))]
    return torch.stack(out)


@wrong("crop", r"shape|one too|size \+ 1|too (large|many)|off by one", mistake="one row and one column too many")
def _(x, top, left, size):
    return torch.stack([x[i, :, top[i] : top[i] + size + 1, left[i] : left[i] + size + 1] for i in range(len(x))])


@wrong(
    "crop",
    r"end|\+ size|shape|too (few|small)|up to|top\[i\] \+",
    mistake="the slice ends at `size` instead of top + size",
)
def _(x, top, left, size):
    return torch.stack([x[i, :, top[i] : size, left[i] : size] for i in range(len(x))])


@wrong(
    "crop",
    r"shape|enlarg|resiz|size|full",
    mistake="enlarges the crop to the old size",
)
def _(x, top, left, size):
    cut = [x[i : i + 1, :, top[i] : top[i] + size, left[i] : left[i] + size].float() for i in range(len(x))]
    return F.interpolate(torch.cat(cut), x.shape[2:], mode="nearest")


@wrong("crop", r"shape|black|zero|outside|cut|size", mistake="blackens all outside the crop instead of cutting it out")
def _(x, top, left, size):
    out = torch.zeros_like(x)
    for i in range(len(x)):
        rows, columns = slice(top[i], top[i] + size), slice(left[i], left[i] + size)
        out[i, :, rows, columns] = x[i, :, rows, columns]
    return out


@wrong(
    "crop", r"shape|stack|cat|batch|dimension", mistake="cat instead of stack: the batch axis melts into the channels"
)
def _(x, top, left, size):
    return torch.cat([x[i, :, top[i] : top[i] + size, left[i] : left[i] + size] for i in range(len(x))])


@wrong(
    "crop",
    r"return|first picture|only one|shape|loop|batch",
    mistake="the return stands inside the loop: only the first picture",
)
def _(x, top, left, size):
    out = []
    for i in range(len(x)):
        out.append(x[i, :, top[i] : top[i] + size, left[i] : left[i] + size])
        return torch.stack(out)


@wrong(
    "crop",
    r"last picture|black|zero|all pictures|not (filled|cut)|picture \d",
    mistake="the loop leaves out the last picture",
)
def _(x, top, left, size):
    out = torch.zeros(len(x), x.shape[1], size, size, dtype=x.dtype)
    for i in range(len(x) - 1):
        out[i] = x[i, :, top[i] : top[i] + size, left[i] : left[i] + size]
    return out


@wrong(
    "crop",
    r"cent(re|er)|middle|corner|from row top|top",
    mistake="takes (top, left) for the crop's centre",
)
def _(x, top, left, size):
    out, half = [], size // 2
    for picture, t, s in zip(x, top, left, strict=True):
        t, s = max(int(t) - half, 0), max(int(s) - half, 0)
        out.append(picture[:, t : t + size, s : s + size])
    return torch.stack(out)


@wrong("crop", r"column|left|top twice|copy", mistake="uses top for rows and columns: a slip of copy and paste")
def _(x, top, left, size):
    return torch.stack([p[:, t : t + size, t : t + size] for p, t in zip(x, top, strict=True)])


@wrong("crop", r"channel|colou?r|shape", mistake="cuts the first channel only")
def _(x, top, left, size):
    out = torch.stack([x[i, 0, top[i] : top[i] + size, left[i] : left[i] + size] for i in range(len(x))])
    return out[:, None].expand(-1, x.shape[1], -1, -1)


@wrong(
    "crop",
    r"in.?place|changes|your x|argument|input|copy|overwrit",
    mistake="writes the crops into x itself",
)
def _(x, top, left, size):
    out = x[:, :, :size, :size]  # a view of x
    for i in range(len(x)):
        out[i] = x[i, :, top[i] : top[i] + size, left[i] : left[i] + size].clone()
    return out


# ── 01 grayscale


@right("grayscale")
def _(x, chosen):
    gray = torch.einsum("bchw,c->bhw", x, torch.tensor([0.2989, 0.587, 0.114], dtype=x.dtype))
    return torch.where(chosen[:, None, None, None], gray[:, None].expand_as(x), x)


@right("grayscale")
def _(x, chosen):
    out = x.clone()
    for i in chosen.nonzero().flatten().tolist():
        r, g, b = x[i]
        out[i, :] = 0.2989 * r + 0.587 * g + 0.114 * b
    return out


@right("grayscale")
def _(x, chosen):
    to_gray = torch.tensor([[0.2989, 0.587, 0.114]]).repeat(3, 1)
    matrices = torch.stack([to_gray if c else torch.eye(3) for c in chosen])
    return (matrices @ x.flatten(2)).view_as(x)


@wrong("grayscale", r"mean|weight|0\.2989|0\.587|luma|third|equal", mistake="the plain mean of the three channels")
def _(x, chosen):
    gray = x.mean(1, keepdim=True).expand_as(x)
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@wrong("grayscale", r"chosen|all|not chosen|every picture", mistake="makes all pictures gray")
def _(x, chosen):
    r, g, b = x.unbind(1)
    return (0.2989 * r + 0.587 * g + 0.114 * b).unsqueeze(1).repeat(1, 3, 1, 1)


@wrong(
    "grayscale",
    r"not chosen|others|revers|opposite|wrong way|chosen",
    mistake="makes the pictures gray that are not chosen",
)
def _(x, chosen):
    luma = torch.tensor([0.2989, 0.587, 0.114]).view(1, 3, 1, 1)
    gray = (x * luma).sum(1, keepdim=True).expand_as(x)
    return torch.where(chosen.view(-1, 1, 1, 1), x, gray)


@wrong("grayscale", r"in.?place|changes|your x|argument|input|copy", mistake="changes the pictures handed in")
def _(x, chosen):
    luma = torch.tensor([0.2989, 0.587, 0.114]).view(1, 3, 1, 1)
    x[chosen] = (x * luma).sum(1, keepdim=True).expand_as(x)[chosen]
    return x


@wrong("grayscale", r"shape|only the chosen|left out|missing|others", mistake="gives back the chosen pictures only")
def _(x, chosen):
    luma = torch.tensor([0.2989, 0.587, 0.114]).view(1, 3, 1, 1)
    return (x[chosen] * luma).sum(1, keepdim=True).repeat(1, 3, 1, 1)


@wrong("grayscale", r"order|red|blue|BGR|RGB|weight|channel", mistake="the weights in the order blue, green, red")
def _(x, chosen):
    luma = torch.tensor([0.114, 0.587, 0.2989]).view(1, 3, 1, 1)
    gray = (x * luma).sum(1, keepdim=True).expand_as(x)
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@wrong(
    "grayscale",
    r"three channels|all channels|first channel|red|channel",
    mistake="writes the gray into the first channel only",
)
def _(x, chosen):
    out = x.clone()
    out[chosen, 0] = 0.2989 * x[chosen, 0] + 0.587 * x[chosen, 1] + 0.114 * x[chosen, 2]
    return out


@wrong(
    "grayscale",
    r"sum|mean|dark|third|divid|bright",
    mistake="the mean of the weighted channels instead of their sum: a third as bright",
)
def _(x, chosen):
    luma = torch.tensor([0.2989, 0.587, 0.114]).view(1, 3, 1, 1)
    gray = (x * luma).mean(1, keepdim=True).expand_as(x)
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@wrong(
    "grayscale",
    r"not chosen|black|zero|others|unchanged|as they are",
    mistake="the pictures that are not chosen become black",
)
def _(x, chosen):
    gray = 0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    return (gray * chosen[:, None, None]).unsqueeze(1).expand(-1, 3, -1, -1)


@wrong("grayscale", r"weight|0\.2989|0\.587|round|bright", mistake="weights rounded to 0.3, 0.6, 0.1")
def _(x, chosen):
    gray = (0.3 * x[:, 0] + 0.6 * x[:, 1] + 0.1 * x[:, 2])[:, None].expand_as(x)
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@wrong(
    "grayscale",
    r"any|picture by picture|each picture|all|not chosen|chosen",
    mistake="if any picture is chosen, all become gray",
)
def _(x, chosen):
    if chosen.any():
        gray = 0.2989 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
        return gray.repeat(1, 3, 1, 1)
    return x


@wrong(
    "grayscale",
    r"weight|brightest|max|0\.2989|luma",
    mistake="the largest of the three channels instead of the weighted sum",
)
def _(x, chosen):
    gray = x.amax(1, keepdim=True).expand_as(x)
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@wrong(
    "grayscale",
    r"column|axis|broadcast|width|shape|picture by picture|dimension|chosen",
    mistake="`chosen` is laid along the columns instead of along the batch",
)
def _(x, chosen):
    gray = (0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]).unsqueeze(1)
    return torch.where(chosen, gray, x)


# ── 02 knn


def _unit(z):
    return z / z.norm(dim=1, keepdim=True)


@right("knn")
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    cosines = torch.cosine_similarity((test_z - centre)[:, None], (train_z - centre)[None], dim=2)
    near, who = cosines.topk(k, dim=1)
    votes = torch.einsum("mk,mkc->mc", (near * 10).exp(), F.one_hot(train_y[who], int(train_y.max()) + 1).float())
    return (votes.argmax(1) == test_y).float().mean().item()


@right("knn")
def _(train_z, train_y, test_z, test_y, k):
    middle = train_z.sum(0) / len(train_z)
    a, b = (train_z - middle).double().numpy(), (test_z - middle).double().numpy()
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    hits = 0
    for row, truth in zip(b @ a.T, test_y.numpy(), strict=True):
        first = np.argsort(-row)[:k]
        votes = np.bincount(train_y.numpy()[first], weights=np.exp(row[first] / 0.1))
        hits += int(votes.argmax() == truth)
    return hits / len(test_y)


@wrong("knn", r"mean|cent(re|er)|taken off|subtract", mistake="does not take the mean off first")
def _(train_z, train_y, test_z, test_y, k):
    near, who = (_unit(test_z) @ _unit(train_z).T).topk(k, dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[who], (near / 0.1).exp())
    return float((votes.argmax(1) == test_y).float().mean())


@wrong(
    "knn",
    r"training mean|own mean|test.* mean|mean of the (\*)?train|cent(re|er)",
    mistake="takes the test mean off the test embeddings, not the training mean",
)
def _(train_z, train_y, test_z, test_y, k):
    a, b = _unit(train_z - train_z.mean(0)), _unit(test_z - test_z.mean(0))
    near, who = (b @ a.T).topk(k, dim=1)
    votes = torch.zeros(len(b), int(train_y.max()) + 1).scatter_add_(1, train_y[who], (near / 0.1).exp())
    return float((votes.argmax(1) == test_y).float().mean())


@wrong("knn", r"vote|weigh|exp|near|majority|count", mistake="every neighbour has one vote, however near")
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    who = (_unit(test_z - centre) @ _unit(train_z - centre).T).topk(k, dim=1).indices
    guess = train_y[who].mode(1).values
    return float((guess == test_y).float().mean())


@wrong("knn", r"temperature|0\.1|exp|weigh|vote", mistake="forgets to divide the cosines by 0.1: votes nearly equal")
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    near, who = (_unit(test_z - centre) @ _unit(train_z - centre).T).topk(k, dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[who], near.exp())
    return float((votes.argmax(1) == test_y).float().mean())


@wrong("knn", r"exp|weigh|vote", mistake="votes with the cosine itself, without the exponential")
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    near, who = (_unit(test_z - centre) @ _unit(train_z - centre).T).topk(k, dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[who], near / 0.1)
    return float((votes.argmax(1) == test_y).float().mean())


@wrong(
    "knn", r"normal|length|cosine|dot|unit|scale", mistake="dot products instead of cosines: lengths not divided out"
)
def _(train_z, train_y, test_z, test_y, k):
    a, b = train_z - train_z.mean(0), test_z - train_z.mean(0)
    near, who = (b @ a.T).topk(k, dim=1)
    weights = (near - near.amax(1, keepdim=True)).div(0.1).exp()
    votes = torch.zeros(len(b), int(train_y.max()) + 1).scatter_add_(1, train_y[who], weights)
    return float((votes.argmax(1) == test_y).float().mean())


@wrong(
    "knn", r"far|nearest|smallest|largest|least similar|opposite", mistake="takes the k farthest instead of the nearest"
)
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    near, who = (_unit(test_z - centre) @ _unit(train_z - centre).T).topk(k, dim=1, largest=False)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[who], (near / 0.1).exp())
    return float((votes.argmax(1) == test_y).float().mean())


@wrong("knn", r"\bk\b|one neighbou?r|nearest|only|vote", mistake="looks at the single nearest neighbour, whatever k")
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    who = (_unit(test_z - centre) @ _unit(train_z - centre).T).argmax(1)
    return float((train_y[who] == test_y).float().mean())


@wrong("knn", r"0 to 1|percent|hundred|share|between", mistake="per cent instead of 0 to 1")
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    near, who = (_unit(test_z - centre) @ _unit(train_z - centre).T).topk(k, dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[who], (near / 0.1).exp())
    return float((votes.argmax(1) == test_y).float().mean() * 100)


@wrong(
    "knn",
    r"error|wrong ones|accuracy|opposite|1 -|right answers",
    mistake="the share of wrong answers instead of right ones",
)
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    near, who = (_unit(test_z - centre) @ _unit(train_z - centre).T).topk(k, dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[who], (near / 0.1).exp())
    return float((votes.argmax(1) != test_y).float().mean())


@wrong(
    "knn",
    r"add|overwrit|last|sum|vote|scatter",
    mistake="scatter_ instead of scatter_add_: a vote overwrites the one before",
)
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    near, who = (_unit(test_z - centre) @ _unit(train_z - centre).T).topk(k, dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_(1, train_y[who], (near / 0.1).exp())
    return float((votes.argmax(1) == test_y).float().mean())


@wrong(
    "knn",
    r"itself|nearest|first|skip|leaves? out|drop",
    mistake="drops the nearest neighbour, as if the query stood among the training pictures",
)
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    near, who = (_unit(test_z - centre) @ _unit(train_z - centre).T).topk(k + 1, dim=1)
    near, who = near[:, 1:], who[:, 1:]
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[who], (near / 0.1).exp())
    return float((votes.argmax(1) == test_y).float().mean())


@wrong(
    "knn",
    r"in.?place|changes|argument|input|copy|your",
    mistake="takes the mean off in place: the caller's embeddings change",
)
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    train_z -= centre
    test_z -= centre
    near, who = (_unit(test_z) @ _unit(train_z).T).topk(k, dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[who], (near / 0.1).exp())
    return float((votes.argmax(1) == test_y).float().mean())


@wrong(
    "knn",
    r"before|after|order|first|mean|cent(re|er)",
    mistake="scales to length 1 first and takes the mean off after that",
)
def _(train_z, train_y, test_z, test_y, k):
    a, b = _unit(train_z), _unit(test_z)
    b, a = b - a.mean(0), a - a.mean(0)
    near, who = (b @ a.T).topk(k, dim=1)
    votes = torch.zeros(len(b), int(train_y.max()) + 1).scatter_add_(1, train_y[who], (near / 0.1).exp())
    return float((votes.argmax(1) == test_y).float().mean())


@wrong("knn", r"number|accuracy|share|guess|predict|shape|0 to 1", mistake="gives the guessed labels, not the accuracy")
def _(train_z, train_y, test_z, test_y, k):
    centre = train_z.mean(0)
    near, who = (_unit(test_z - centre) @ _unit(train_z - centre).T).topk(k, dim=1)
    votes = torch.zeros(len(test_z), int(train_y.max()) + 1).scatter_add_(1, train_y[who], (near / 0.1).exp())
    return votes.argmax(1)


@wrong("knn", r"20|\bk\b|fixed|hard|always", mistake="always 3 neighbours, whatever k")
def _(train_z, train_y, test_z, test_y, k=3):
    k = 3
    centre, hits = train_z.mean(0), 0
    for query, answer in zip(test_z - centre, test_y.tolist(), strict=True):
        cosines, votes = F.cosine_similarity(query[None], train_z - centre), Counter()
        for i in cosines.argsort(descending=True)[:k].tolist():
            votes[int(train_y[i])] += math.exp(cosines[i] / 0.1)
        hits += votes.most_common(1)[0][0] == answer
    return hits / len(test_y)


# ── 02 linear_probe


def _fit(a, y, decay, classes, bias=True):
    """The bottom of mean cross-entropy + decay · w²: LBFGS."""
    w = torch.zeros(a.shape[1], classes, requires_grad=True)
    b = torch.zeros(classes, requires_grad=bias)
    optimiser = torch.optim.LBFGS([w, b] if bias else [w], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = F.cross_entropy(a @ w + b, y) + decay * w.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return w.detach(), b.detach()


def _score(probe, a, y):
    return float(((a @ probe[0] + probe[1]).argmax(1) == y).float().mean())


DECAYS = (1e-2, 1e-3, 1e-4)


@right("linear_probe")
def _(train_z, train_y, test_z, test_y):
    std, mean = torch.std_mean(train_z, 0)
    a, b, n = (train_z - mean) / std, (test_z - mean) / std, int(train_y.max()) + 1
    order = torch.randperm(len(a), generator=torch.Generator().manual_seed(3))
    held, rest = order[: len(a) // 5], order[len(a) // 5 :]
    scores = [_score(_fit(a[rest], train_y[rest], d, n), a[held], train_y[held]) for d in DECAYS]
    return _score(_fit(a, train_y, DECAYS[int(np.argmax(scores))], n), b, test_y)


@right("linear_probe")
def _(train_z, train_y, test_z, test_y):
    a = (train_z - train_z.mean(0)) / train_z.std(0)
    b = (test_z - train_z.mean(0)) / train_z.std(0)
    n = int(train_y.max()) + 1

    def learn(x, y, decay):
        layer = torch.nn.Linear(x.shape[1], n)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.98, nesterov=True)
        for _ in range(1200):
            optimiser.zero_grad()
            (F.cross_entropy(layer(x), y) + decay * layer.weight.pow(2).sum()).backward()
            optimiser.step()
        return layer.weight.detach().T, layer.bias.detach()

    held = torch.arange(len(a)) % 5 == 0
    best = max(DECAYS, key=lambda d: _score(learn(a[~held], train_y[~held], d), a[held], train_y[held]))
    return _score(learn(a, train_y, best), b, test_y)


@wrong(
    "linear_probe",
    r"training (mean|pictures)|own mean|test|standardi|deviation",
    mistake="standardises the test embeddings with their own mean and deviation",
)
def _(train_z, train_y, test_z, test_y):
    a, b = ((z - z.mean(0)) / z.std(0) for z in (train_z, test_z))
    fifth, n = len(a) // 5, int(train_y.max()) + 1
    best = max(DECAYS, key=lambda d: _score(_fit(a[fifth:], train_y[fifth:], d, n), a[:fifth], train_y[:fifth]))
    return _score(_fit(a, train_y, best, n), b, test_y)


@wrong("linear_probe", r"test|only the training|train", mistake="forgets to standardise the test embeddings")
def _(train_z, train_y, test_z, test_y):
    a = (train_z - train_z.mean(0)) / train_z.std(0)
    fifth, n = len(a) // 5, int(train_y.max()) + 1
    best = max(DECAYS, key=lambda d: _score(_fit(a[fifth:], train_y[fifth:], d, n), a[:fifth], train_y[:fifth]))
    return _score(_fit(a, train_y, best, n), test_z, test_y)


@wrong(
    "linear_probe",
    r"test|choose|chosen|decay|held back|peek",
    mistake="chooses the decay by the accuracy on the test pictures",
)
def _(train_z, train_y, test_z, test_y):
    mean, std = train_z.mean(0), train_z.std(0)
    a, b, n = (train_z - mean) / std, (test_z - mean) / std, int(train_y.max()) + 1
    return max(_score(_fit(a, train_y, d, n), b, test_y) for d in (1e-1, *DECAYS, 1e-6))


@wrong("linear_probe", r"test|learn|train", mistake="trains on the test pictures too")
def _(train_z, train_y, test_z, test_y):
    mean, std, n = train_z.mean(0), train_z.std(0), int(train_y.max()) + 1
    a = (torch.cat([train_z, test_z]) - mean) / std
    return _score(_fit(a, torch.cat([train_y, test_y]), 1e-3, n), (test_z - mean) / std, test_y)


@wrong("linear_probe", r"test|train", mistake="gives the accuracy on the training pictures")
def _(train_z, train_y, test_z, test_y):
    a = (train_z - train_z.mean(0)) / train_z.std(0)
    fifth, n = len(a) // 5, int(train_y.max()) + 1
    best = max(DECAYS, key=lambda d: _score(_fit(a[fifth:], train_y[fifth:], d, n), a[:fifth], train_y[:fifth]))
    return _score(_fit(a, train_y, best, n), a, train_y)


@wrong(
    "linear_probe",
    r"step|bottom|lowest|converge|far enough|long|stop",
    mistake="stops after three steps, far from the bottom",
)
def _(train_z, train_y, test_z, test_y):
    mean, std, n = train_z.mean(0), train_z.std(0), int(train_y.max()) + 1
    a, b = (train_z - mean) / std, (test_z - mean) / std
    w, c, truth = torch.zeros(a.shape[1], n), torch.zeros(n), F.one_hot(train_y, n).float()
    for _ in range(3):
        error = ((a @ w + c).softmax(1) - truth) / len(a)
        w, c = w - 0.1 * (a.T @ error + 2e-3 * w), c - 0.1 * error.sum(0)
    return _score((w, c), b, test_y)


@wrong("linear_probe", r"class|10|fixed|any number", mistake="knows ten classes, and no eleventh")
def _(train_z, train_y, test_z, test_y):
    mean, std = train_z.mean(0), train_z.std(0)
    a, b = (train_z - mean) / std, (test_z - mean) / std
    keep = train_y < 10
    return _score(_fit(a[keep], train_y[keep], 1e-3, 10), b, test_y)


@wrong(
    "linear_probe",
    r"cent(re|er)|mean of each class|linear|not a (linear )?probe|cross-entropy|learn",
    mistake="guesses the class with the nearest mean: no probe is trained",
)
def _(train_z, train_y, test_z, test_y):
    mean, std, n = train_z.mean(0), train_z.std(0), int(train_y.max()) + 1
    a, b = (train_z - mean) / std, (test_z - mean) / std
    middles = torch.stack([a[train_y == c].mean(0) for c in range(n)])
    return float((torch.cdist(b, middles).argmin(1) == test_y).float().mean())


@wrong("linear_probe", r"error|accuracy|opposite|1 -|wrong ones", mistake="the error instead of the accuracy")
def _(train_z, train_y, test_z, test_y):
    mean, std, n = train_z.mean(0), train_z.std(0), int(train_y.max()) + 1
    a, b, fifth = (train_z - mean) / std, (test_z - mean) / std, len(train_z) // 5
    best = max(DECAYS, key=lambda d: _score(_fit(a[fifth:], train_y[fifth:], d, n), a[:fifth], train_y[:fifth]))
    return 1 - _score(_fit(a, train_y, best, n), b, test_y)


@wrong("linear_probe", r"bias|offset|intercept|\bb\b|constant", mistake="a probe without a bias")
def _(train_z, train_y, test_z, test_y):
    mean, std, n = train_z.mean(0), train_z.std(0), int(train_y.max()) + 1
    a, b, fifth = (train_z - mean) / std, (test_z - mean) / std, len(train_z) // 5
    best = max(DECAYS, key=lambda d: _score(_fit(a[fifth:], train_y[fifth:], d, n, False), a[:fifth], train_y[:fifth]))
    return _score(_fit(a, train_y, best, n, False), b, test_y)


@wrong(
    "linear_probe",
    r"linear|hidden|layer|network|convex|too (good|strong)",
    mistake="a network with a hidden layer instead of a linear probe",
)
def _(train_z, train_y, test_z, test_y):
    mean, std, n = train_z.mean(0), train_z.std(0), int(train_y.max()) + 1
    a, b = (train_z - mean) / std, (test_z - mean) / std
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(a.shape[1], 64), torch.nn.ReLU(), torch.nn.Linear(64, n))
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        F.cross_entropy(net(a), train_y).backward()
        optimiser.step()
    return float((net(b).argmax(1) == test_y).float().mean())


@wrong(
    "linear_probe",
    r"feature|row|length|standardi|dim|axis|each picture",
    mistake="standardises each row instead of each feature",
)
def _(train_z, train_y, test_z, test_y):
    a, b = ((z - z.mean(1, keepdim=True)) / z.std(1, keepdim=True) for z in (train_z, test_z))
    fifth, n = len(a) // 5, int(train_y.max()) + 1
    best = max(DECAYS, key=lambda d: _score(_fit(a[fifth:], train_y[fifth:], d, n), a[:fifth], train_y[:fifth]))
    return _score(_fit(a, train_y, best, n), b, test_y)


@wrong("linear_probe", r"neighbou?r|linear|probe", mistake="a nearest neighbour instead of a linear probe")
def _(train_z, train_y, test_z, test_y):
    mean, std = train_z.mean(0), train_z.std(0)
    who = torch.cdist((test_z - mean) / std, (train_z - mean) / std).argmin(1)
    return float((train_y[who] == test_y).float().mean())


# ── 02 training_step


@right("training_step")
def _(method, optimiser, views):
    for group in optimiser.param_groups:
        for p in group["params"]:
            p.grad = None
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return float(loss.detach())


@right("training_step")
def _(method, optimiser, views):
    out = method(views)
    weights = [p for group in optimiser.param_groups for p in group["params"]]
    for p, g in zip(weights, torch.autograd.grad(out["loss"], weights, allow_unused=True), strict=True):
        p.grad = g
    optimiser.step()
    return out["loss"].item()


@wrong("training_step", r"clear|zero|add|old gradient", mistake="does not clear the old gradients")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"clear|zero|order|after|no gradient|move|before",
    mistake="clears the gradients after backward, so nothing moves",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"order|before|step|backward|move|gradient",
    mistake="moves the weights before the new gradients are there",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    optimiser.step()
    loss.backward()
    return loss.item()


@wrong("training_step", r"move|step|weights|stay", mistake="forgets optimiser.step()")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    return loss.item()


@wrong("training_step", r"number|tensor|item|float|graph", mistake="gives the loss as a tensor with its graph")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss


@wrong(
    "training_step",
    r"twice|once|after|again|before|new loss",
    mistake="asks for the loss again after the step and returns that one",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    method(views)["loss"].backward()
    optimiser.step()
    return method(views)["loss"].item()


@wrong("training_step", r"return|None|number|loss", mistake="does not return the loss")
def _(method, optimiser, views):
    optimiser.zero_grad()
    method(views)["loss"].backward()
    optimiser.step()


@wrong(
    "training_step",
    r"sign|up|wrong (way|direction)|larger|uphill|grows|minus|opposite",
    mistake="goes uphill: backward of minus the loss",
)
def _(method, optimiser, views):
    loss = -method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return -loss.item()


@wrong("training_step", r"twice|backward|double|add|too (far|large|big)", mistake="backward twice: doubled gradients")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward(retain_graph=True)
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong(
    "training_step",
    r"clear|zero|old|before|left",
    mistake="clears at the end instead of before backward: what was there at the start counts",
)
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return loss.item()


@wrong("training_step", r"clip|length|too (short|small)|gradient", mistake="cuts the gradients to a norm of 0.1")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], 0.1)
    optimiser.step()
    return loss.item()


@wrong("training_step", r"whole number|int|round|float|number", mistake="casts the loss to int")
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return int(loss)


@wrong(
    "training_step",
    r"optimiser|by hand|learning rate|state|momentum|step",
    mistake="moves the weights by hand and leaves the optimiser (and its momentum) out",
)
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)["loss"]
    loss.backward()
    with torch.no_grad():
        for group in optimiser.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p -= group["lr"] * p.grad
    return loss.item()


@wrong("training_step", r"dict|\[.loss.\]|\"loss\"|backward", mistake='forgets the ["loss"]')
def _(method, optimiser, views):
    optimiser.zero_grad()
    loss = method(views)
    loss.backward()
    optimiser.step()
    return loss.item()


# ── 03 info_nce


@right("info_nce")
def _(anchors, candidates, temperature):
    scores = torch.cosine_similarity(anchors[:, None], candidates[None], dim=-1) / temperature
    return (scores.logsumexp(1) - scores.diagonal()).mean()


@right("info_nce")
def _(anchors, candidates, temperature):
    a = anchors / anchors.norm(dim=1, keepdim=True)
    c = candidates / candidates.norm(dim=1, keepdim=True)
    logs = torch.einsum("id,jd->ij", a, c).div(temperature).log_softmax(dim=1)
    return -torch.trace(logs) / logs.shape[0]


def _scores(a, b, temperature):
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature


@wrong(
    "info_nce",
    r"column 0|first candidate|same column|own|arange|every row",
    mistake="the right answer of every row is column 0",
)
def _(anchors, candidates, temperature):
    return F.cross_entropy(_scores(anchors, candidates, temperature), torch.zeros(len(anchors)).long())


@wrong(
    "info_nce",
    r"largest|most similar|argmax|own|belong|row i",
    mistake="takes the most similar candidate for the right one",
)
def _(anchors, candidates, temperature):
    scores = _scores(anchors, candidates, temperature)
    return F.cross_entropy(scores, scores.argmax(1))


@wrong("info_nce", r"revers|order|row i|own|same row|backward", mistake="the right columns in reversed order")
def _(anchors, candidates, temperature):
    return F.cross_entropy(_scores(anchors, candidates, temperature), torch.arange(len(anchors)).flip(0))


@wrong(
    "info_nce", r"off by one|next|from 0|row i|own|shift|column", mistake="the right column is one too far to the right"
)
def _(anchors, candidates, temperature):
    right = (torch.arange(len(anchors)) + 1) % len(anchors)
    return F.cross_entropy(_scores(anchors, candidates, temperature), right)


@wrong(
    "info_nce",
    r"both (ways|directions)|symmetr|one direction|only the anchors|candidates.* anchors",
    mistake="the mean of both directions, though only the anchors ask",
)
def _(anchors, candidates, temperature):
    s, right = _scores(anchors, candidates, temperature), torch.arange(len(anchors))
    return (F.cross_entropy(s, right) + F.cross_entropy(s.T, right)) / 2


@wrong(
    "info_nce",
    r"transpos|row|column|direction|dim|swap|anchors",
    mistake="softmax down the columns: candidates choose anchors",
)
def _(anchors, candidates, temperature):
    return -_scores(anchors, candidates, temperature).log_softmax(0).diagonal().mean()


@wrong("info_nce", r"sum|mean", mistake="the sum over the anchors instead of the mean")
def _(anchors, candidates, temperature):
    right = torch.arange(len(anchors))
    return F.cross_entropy(_scores(anchors, candidates, temperature), right, reduction="sum")


@wrong(
    "info_nce",
    r"positive|mask|diagonal|denominator|among|own candidate",
    mistake="leaves the positive out of the denominator",
)
def _(anchors, candidates, temperature):
    s = _scores(anchors, candidates, temperature)
    others = s.masked_fill(torch.eye(len(s)).bool(), -torch.inf)
    return (others.logsumexp(1) - s.diagonal()).mean()


@wrong("info_nce", r"softmax|twice|logits|raw", mistake="softmax before the cross-entropy, which takes one itself")
def _(anchors, candidates, temperature):
    p = _scores(anchors, candidates, temperature).softmax(1)
    return F.cross_entropy(p, torch.arange(len(p)))


@wrong("info_nce", r"temperature|divid|multip", mistake="multiplies by the temperature")
def _(anchors, candidates, temperature):
    s = _scores(anchors, candidates, 1 / temperature)
    return F.cross_entropy(s, torch.arange(len(s)))


@wrong("info_nce", r"normal|length|cosine|dot", mistake="dot products of the raw embeddings: not normalised")
def _(anchors, candidates, temperature):
    s = anchors @ candidates.T / temperature
    return F.cross_entropy(s, torch.arange(len(s)))


@wrong("info_nce", r"gradient|detach|candidates", mistake="cuts the gradient to the candidates, as MoCo does")
def _(anchors, candidates, temperature):
    s = _scores(anchors, candidates.detach(), temperature)
    return F.cross_entropy(s, torch.arange(len(s)))


@wrong(
    "info_nce",
    r"log|mean|average|each anchor",
    mistake="the logarithm of the mean probability instead of the mean logarithm",
)
def _(anchors, candidates, temperature):
    return -_scores(anchors, candidates, temperature).softmax(1).diagonal().mean().log()


# ── 03 nt_xent


@right("nt_xent")
def _(z1, z2, temperature):
    total, n = 0.0, len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    for i in range(2 * n):
        others = torch.cat([z[:i], z[i + 1 :]]) @ z[i] / temperature
        total = total + others.logsumexp(0) - z[i] @ z[(i + n) % (2 * n)] / temperature
    return total / (2 * n)


@right("nt_xent")
def _(z1, z2, temperature):
    a, b = z1 / z1.norm(dim=1, keepdim=True), z2 / z2.norm(dim=1, keepdim=True)
    no = torch.diag(torch.full((len(a),), -torch.inf, dtype=a.dtype))
    ab, aa, bb = a @ b.T / temperature, a @ a.T / temperature + no, b @ b.T / temperature + no
    first = torch.cat([ab, aa], 1).log_softmax(1).diagonal()
    second = torch.cat([ab.T, bb], 1).log_softmax(1).diagonal()
    return -(first.mean() + second.mean()) / 2


def _both(z1, z2):
    n = len(z1)
    return F.normalize(torch.cat([z1, z2]), dim=1), torch.arange(2 * n).roll(n), torch.eye(2 * n).bool()


@wrong("nt_xent", r"itself|anchor|diagonal|mask|self", mistake="the anchor stands among its own candidates")
def _(z1, z2, temperature):
    z, partner, _ = _both(z1, z2)
    return F.cross_entropy(z @ z.T / temperature, partner)


@wrong(
    "nt_xent",
    r"zero|-inf|exp\(0\)|mask|itself|infin|anchor",
    mistake="sets the anchor's own score to 0 instead of minus infinity",
)
def _(z1, z2, temperature):
    z, partner, own = _both(z1, z2)
    return F.cross_entropy((z @ z.T / temperature).masked_fill(own, 0.0), partner)


@wrong("nt_xent", r"-inf|-1|mask|itself|infin|anchor", mistake="sets the anchor's own cosine to -1, which still counts")
def _(z1, z2, temperature):
    z, partner, own = _both(z1, z2)
    return F.cross_entropy((z @ z.T).masked_fill(own, -1.0) / temperature, partner)


@wrong(
    "nt_xent",
    r"same view|both views|2B|negatives|one direction|direction|other picture|candidates",
    mistake="one direction only, z1 against z2: plain InfoNCE",
)
def _(z1, z2, temperature):
    s = _scores(z1, z2, temperature)
    return F.cross_entropy(s, torch.arange(len(s)))


@wrong(
    "nt_xent",
    r"same view|both views|2B|negatives|other picture|candidates|within",
    mistake="both directions, but negatives from the other view only, as in CLIP",
)
def _(z1, z2, temperature):
    s, right = _scores(z1, z2, temperature), torch.arange(len(z1))
    return (F.cross_entropy(s, right) + F.cross_entropy(s.T, right)) / 2


@wrong(
    "nt_xent",
    r"partner|interleav|neighbou?r|order|label|column|positive",
    mistake="takes rows 0 and 1 for partners, though all first views stand first",
)
def _(z1, z2, temperature):
    z, _, own = _both(z1, z2)
    return F.cross_entropy((z @ z.T / temperature).masked_fill(own, -torch.inf), torch.arange(len(z)) ^ 1)


@wrong(
    "nt_xent",
    r"partner|shift|column|off by one|label|positive|moved",
    mistake="takes out the diagonal but keeps the old column numbers: off by one in the first half",
)
def _(z1, z2, temperature):
    z, partner, own = _both(z1, z2)
    s = (z @ z.T / temperature)[~own].view(len(z), -1)
    return F.cross_entropy(s, partner.clamp(max=s.shape[1] - 1))


@wrong("nt_xent", r"positive|partner|denominator|among", mistake="leaves the partner out of the denominator")
def _(z1, z2, temperature):
    z, partner, own = _both(z1, z2)
    s = z @ z.T / temperature
    no = own | own[partner]
    return (s.masked_fill(no, -torch.inf).logsumexp(1) - s[torch.arange(len(z)), partner]).mean()


@wrong("nt_xent", r"2B|twice|double|mean|sum|divid", mistake="divides the sum over 2B anchors by B: twice too large")
def _(z1, z2, temperature):
    z, partner, own = _both(z1, z2)
    s = (z @ z.T / temperature).masked_fill(own, -torch.inf)
    return F.cross_entropy(s, partner, reduction="sum") / len(z1)


@wrong("nt_xent", r"z2|second view|same view|z1|copy", mistake="stacks z1 twice: a slip of copy and paste")
def _(z1, z2, temperature):
    z, partner, own = _both(z1, z1)
    return F.cross_entropy((z @ z.T / temperature).masked_fill(own, -torch.inf), partner)


@wrong("nt_xent", r"second view|z2|anchor|half|2B|only .*first", mistake="only the first views are anchors")
def _(z1, z2, temperature):
    z, partner, own = _both(z1, z2)
    s = (z @ z.T / temperature).masked_fill(own, -torch.inf)
    return F.cross_entropy(s[: len(z1)], partner[: len(z1)])


@wrong("nt_xent", r"gradient|detach|z2|second view", mistake="cuts the gradient to z2")
def _(z1, z2, temperature):
    z, partner, own = _both(z1, z2.detach())
    return F.cross_entropy((z @ z.T / temperature).masked_fill(own, -torch.inf), partner)


@wrong(
    "nt_xent",
    r"normal|length|dim|axis|row|feature|cosine",
    mistake="scales the columns (dim 0) to length 1 instead of the rows",
)
def _(z1, z2, temperature):
    _, partner, own = _both(z1, z2)
    z = F.normalize(torch.cat([z1, z2]), dim=0)
    return F.cross_entropy((z @ z.T / temperature).masked_fill(own, -torch.inf), partner)


@wrong(
    "nt_xent", r"temperature|divid|exp", mistake="divides by the temperature after the exponential, where it cancels"
)
def _(z1, z2, temperature):
    z, partner, own = _both(z1, z2)
    e = (z @ z.T).exp().masked_fill(own, 0) / temperature
    return -(e[torch.arange(len(z)), partner] / e.sum(1)).log().mean()


# ── 04 and 11 moving_average


@right("moving_average")
def _(teacher, student, momentum):
    return torch.stack([teacher, student], -1) @ torch.tensor([momentum, 1 - momentum], dtype=teacher.dtype)


@right("moving_average")
def _(teacher, student, momentum):
    return teacher.clone().add_((student - teacher) * (1 - momentum))


@wrong(
    "moving_average",
    r"swap|exchang|the other way|share|momentum|mixed",
    mistake="swaps the shares: the student keeps `momentum`",
)
def _(teacher, student, momentum):
    return momentum * student + (1 - momentum) * teacher


@wrong(
    "moving_average",
    r"1 - momentum|share|student|sum|too (large|much)|grows",
    mistake="takes the whole student, not 1 - momentum of it",
)
def _(teacher, student, momentum):
    return momentum * teacher + student


@wrong(
    "moving_average",
    r"student|nothing|shrink|1 - momentum|share",
    mistake="the student is missing: the teacher only shrinks",
)
def _(teacher, student, momentum):
    return teacher * momentum


@wrong("moving_average", r"momentum|half|plain mean|share", mistake="the plain mean of both, whatever the momentum")
def _(teacher, student, momentum):
    return (teacher + student) / 2


@wrong("moving_average", r"in.?place|student|changes|argument|your", mistake="changes the student in place")
def _(teacher, student, momentum):
    return student.mul_(1 - momentum).add_(momentum * teacher)


@wrong(
    "moving_average", r"share|momentum|same|student|1 - momentum", mistake="gives the student the share `momentum` too"
)
def _(teacher, student, momentum):
    share = momentum
    return momentum * teacher + share * student


@wrong(
    "moving_average",
    r"sign|minus|negative|away|momentum - 1|1 - momentum",
    mistake="share momentum - 1: away from the student",
)
def _(teacher, student, momentum):
    share = momentum - 1
    return momentum * teacher + share * student


@wrong(
    "moving_average",
    r"0\.99|fixed|always|given momentum|momentum",
    mistake="always 0.99, whatever momentum is asked for",
)
def _(teacher, student, momentum):
    return 0.99 * teacher + 0.01 * student


@wrong(
    "moving_average",
    r"root|square|share|sum to 1|1 - momentum",
    mistake="share √(1 - momentum²), as if noise were mixed",
)
def _(teacher, student, momentum):
    return momentum * teacher + math.sqrt(1 - momentum**2) * student


@wrong("moving_average", r"pair|tuple|tensor|one value|type", mistake="gives teacher and student as a pair")
def _(teacher, student, momentum):
    return momentum * teacher + (1 - momentum) * student, student


@wrong(
    "moving_average",
    r"teacher|twice|student|1 \+|grows|too (large|much)",
    mistake="adds the step to the teacher without taking off its old share",
)
def _(teacher, student, momentum):
    return teacher + (1 - momentum) * student


@wrong(
    "moving_average",
    r"mean|shape|each|entry|single number|element",
    mistake="averages all entries of the student into one number",
)
def _(teacher, student, momentum):
    return momentum * teacher + (1 - momentum) * student.mean()


# ── 04 queue_loss


@right("queue_loss")
def _(query, key, queue, temperature):
    q = F.normalize(query, dim=1)
    with torch.no_grad():
        k, old = F.normalize(key, dim=1), F.normalize(queue, dim=1)
    right = torch.einsum("bd,bd->b", q, k) / temperature
    rest = torch.einsum("bd,kd->bk", q, old) / temperature
    return (torch.logaddexp(right, rest.logsumexp(1)) - right).mean()


@right("queue_loss")
def _(query, key, queue, temperature):
    losses = []
    for q, k in zip(query, key.detach(), strict=True):
        scores = F.cosine_similarity(q[None], torch.cat([queue.detach(), k[None]])) / temperature
        losses.append(-scores.log_softmax(0)[-1])
    return sum(losses) / len(losses)


def _moco(query, key, queue, temperature):
    q, k, old = (F.normalize(x, dim=1) for x in (query, key, queue))
    scores = torch.cat([(q * k).sum(1, keepdim=True), q @ old.T], 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q)).long())


@wrong("queue_loss", r"gradient|detach|key", mistake="a gradient reaches the key")
def _(query, key, queue, temperature):
    return _moco(query, key, queue.detach(), temperature)


@wrong("queue_loss", r"gradient|detach|queue", mistake="a gradient reaches the queue")
def _(query, key, queue, temperature):
    return _moco(query, key.detach(), queue, temperature)


@wrong("queue_loss", r"gradient|detach|query", mistake="cuts the query's gradient as well: nothing can learn")
def _(query, key, queue, temperature):
    with torch.no_grad():
        return _moco(query, key, queue, temperature)


@wrong("queue_loss", r"queue|length|normal", mistake="does not scale the queue to length 1")
def _(query, key, queue, temperature):
    q, k = F.normalize(query, dim=1), F.normalize(key.detach(), dim=1)
    scores = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.detach().T], 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q)).long())


@wrong("queue_loss", r"query|length|normal", mistake="does not scale the query to length 1")
def _(query, key, queue, temperature):
    k, old = F.normalize(key.detach(), dim=1), F.normalize(queue.detach(), dim=1)
    scores = torch.cat([(query * k).sum(1, keepdim=True), query @ old.T], 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(query)).long())


@wrong(
    "queue_loss",
    r"batch|in-batch|other (keys|pictures)|one key|1 \+ K|queue|candidates",
    mistake="the other keys of the batch are negatives too, as in SimCLR",
)
def _(query, key, queue, temperature):
    every = torch.cat([key, queue]).detach()
    return F.cross_entropy(_scores(query, every, temperature), torch.arange(len(query)))


@wrong(
    "queue_loss",
    r"queue|old keys|negatives|batch|log\(1 \+ K\)|candidates",
    mistake="forgets the queue: the batch's other keys are the negatives",
)
def _(query, key, queue, temperature):
    return F.cross_entropy(_scores(query, key.detach(), temperature), torch.arange(len(query)))


@wrong("queue_loss", r"key|positive|denominator|1 \+ K|among", mistake="leaves the key out of the denominator")
def _(query, key, queue, temperature):
    right = F.cosine_similarity(query, key.detach()) / temperature
    return (_scores(query, queue.detach(), temperature).logsumexp(1) - right).mean()


@wrong(
    "queue_loss",
    r"last|column|first|position|right answer|label|key",
    mistake="the key stands in the last column, but column 0 counts as right",
)
def _(query, key, queue, temperature):
    right = F.cosine_similarity(query, key.detach())[:, None] / temperature
    scores = torch.cat([_scores(query, queue.detach(), temperature), right], 1)
    return F.cross_entropy(scores, torch.zeros(len(query)).long())


@wrong(
    "queue_loss",
    r"column|label|key|right answer|arange|row|position",
    mistake="the right columns are 0, 1, 2 …, though the key always stands in column 0",
)
def _(query, key, queue, temperature):
    right = F.cosine_similarity(query, key.detach())[:, None] / temperature
    scores = torch.cat([right, _scores(query, queue.detach(), temperature)], 1)
    return F.cross_entropy(scores, torch.arange(len(query)) % scores.shape[1])


@wrong(
    "queue_loss",
    r"temperature|divid|key|queue|negatives",
    mistake="divides the key's score by the temperature and the queue's not",
)
def _(query, key, queue, temperature):
    right = F.cosine_similarity(query, key.detach())[:, None] / temperature
    scores = torch.cat([right, _scores(query, queue.detach(), 1.0)], 1)
    return F.cross_entropy(scores, torch.zeros(len(query)).long())


@wrong("queue_loss", r"sum|mean", mistake="the sum over the batch")
def _(query, key, queue, temperature):
    return _moco(query, key.detach(), queue.detach(), temperature) * len(query)


@wrong(
    "queue_loss",
    r"transpos|\(K, D\)|shape|rows?|column",
    mistake="takes the queue for (D, K), as MoCo's own code keeps it",
)
def _(query, key, queue, temperature):
    q, k = F.normalize(query, dim=1), F.normalize(key.detach(), dim=1)
    rest = q @ F.normalize(queue.detach(), dim=0)
    scores = torch.cat([(q * k).sum(1, keepdim=True), rest], 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(q)).long())


@wrong("queue_loss", r"in.?place|changes|argument|requires_grad|detach", mistake="scales the caller's queue in place")
def _(query, key, queue, temperature):
    with torch.no_grad():
        queue /= queue.norm(dim=1, keepdim=True)
    return _moco(query, key.detach(), queue.detach(), temperature)


# ── 05 byol_loss


@right("byol_loss")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1]).detach()
    return 2 - 2 * F.cosine_similarity(p, t).mean()


@right("byol_loss")
def _(p1, p2, t1, t2):
    total = p1.new_zeros(())
    for p, t in ((p1, t2), (p2, t1)):
        for a, b in zip(p, t.detach(), strict=True):
            total = total + torch.dist(a / a.norm(), b / b.norm()).square()
    return total / (2 * len(p1))


def _apart(p, t):
    return (F.normalize(p, dim=1) - F.normalize(t, dim=1)).square().sum(1).mean()


@wrong(
    "byol_loss",
    r"other view|cross|own view|same view|swap|p1.*t2",
    mistake="pairs each prediction with the target of its own view",
)
def _(p1, p2, t1, t2):
    return (_apart(p1, t1.detach()) + _apart(p2, t2.detach())) / 2


@wrong("byol_loss", r"gradient|detach|target", mistake="lets a gradient into the targets")
def _(p1, p2, t1, t2):
    return (_apart(p1, t2) + _apart(p2, t1)) / 2


@wrong(
    "byol_loss",
    r"gradient|detach|prediction|wrong side",
    mistake="cuts the gradient on the wrong side, at the predictions",
)
def _(p1, p2, t1, t2):
    return (_apart(p1.detach(), t2) + _apart(p2.detach(), t1)) / 2


@wrong("byol_loss", r"gradient|detach|t1|target", mistake="detaches one target and forgets the other")
def _(p1, p2, t1, t2):
    return (_apart(p1, t2.detach()) + _apart(p2, t1)) / 2


@wrong(
    "byol_loss", r"sum|mean over|features|\bD\b|mse", mistake="the mean over the features instead of the sum (mse_loss)"
)
def _(p1, p2, t1, t2):
    p1, p2, t1, t2 = (F.normalize(x, dim=1) for x in (p1, p2, t1, t2))
    return (F.mse_loss(p1, t2.detach()) + F.mse_loss(p2, t1.detach())) / 2


@wrong("byol_loss", r"twice|both pairs|mean|sum|half|double", mistake="the sum of both pairs instead of their mean")
def _(p1, p2, t1, t2):
    return _apart(p1, t2.detach()) + _apart(p2, t1.detach())


@wrong("byol_loss", r"length|normal|scale", mistake="does not scale to length 1")
def _(p1, p2, t1, t2):
    return ((p1 - t2.detach()).square().sum(1) + (p2 - t1.detach()).square().sum(1)).mean() / 2


@wrong("byol_loss", r"target|length|normal|scale", mistake="scales the predictions only")
def _(p1, p2, t1, t2):
    p1, p2 = F.normalize(p1, dim=1), F.normalize(p2, dim=1)
    return ((p1 - t2.detach()).square().sum(1) + (p2 - t1.detach()).square().sum(1)).mean() / 2


@wrong("byol_loss", r"half|1 - cos|2 - 2|twice|factor|squared", mistake="1 - cosine: half of the squared distance")
def _(p1, p2, t1, t2):
    return 1 - (F.cosine_similarity(p1, t2.detach()) + F.cosine_similarity(p2, t1.detach())).mean() / 2


@wrong(
    "byol_loss",
    r"negative|cosine|SimSiam|0 where|-1|squared",
    mistake="SimSiam's negative cosine: -1 where the prediction is right",
)
def _(p1, p2, t1, t2):
    return -(F.cosine_similarity(p1, t2.detach()) + F.cosine_similarity(p2, t1.detach())).mean() / 2


@wrong("byol_loss", r"square|root|norm", mistake="the distance, not squared")
def _(p1, p2, t1, t2):
    p1, p2, t1, t2 = (F.normalize(x, dim=1) for x in (p1, p2, t1, t2))
    return ((p1 - t2.detach()).norm(dim=1) + (p2 - t1.detach()).norm(dim=1)).mean() / 2


@wrong(
    "byol_loss",
    r"p2|second|other way|both|one pair|copy|twice",
    mistake="the first prediction twice: p2 is never asked",
)
def _(p1, p2, t1, t2):
    return (_apart(p1, t2.detach()) + _apart(p1, t1.detach())) / 2


@wrong(
    "byol_loss",
    r"second pair|both|other way|one pair|p2|half",
    mistake="one pair only: the second prediction is left out",
)
def _(p1, p2, t1, t2):
    return _apart(p1, t2.detach())


# ── 06 cross_correlation


@right("cross_correlation")
def _(z1, z2):
    d = z1.shape[1]
    return torch.corrcoef(torch.cat([z1, z2], 1).T)[:d, d:]


@right("cross_correlation")
def _(z1, z2):
    a = F.normalize(z1 - z1.mean(0), dim=0)
    b = F.normalize(z2 - z2.mean(0), dim=0)
    return torch.einsum("ni,nj->ij", a, b)


def _standard(z, correction=0):
    return (z - z.mean(0)) / z.std(0, correction=correction)


@wrong(
    "cross_correlation",
    r"deviation|std|covarian|divid|scale|-1 to 1",
    mistake="covariance: the deviations are not divided out",
)
def _(z1, z2):
    return (z1 - z1.mean(0)).T @ (z2 - z2.mean(0)) / len(z1)


@wrong(
    "cross_correlation",
    r"B - 1|correction|unbiased|divides? by B|deviation",
    mistake="the deviation divides by B - 1, the mean by B",
)
def _(z1, z2):
    return _standard(z1, 1).T @ _standard(z2, 1) / len(z1)


@wrong("cross_correlation", r"B - 1|mean over|divid|batch|by B", mistake="the mean over the batch divides by B - 1")
def _(z1, z2):
    return _standard(z1).T @ _standard(z2) / (len(z1) - 1)


@wrong("cross_correlation", r"mean|sum|divid|batch|by B|-1 to 1", mistake="the sum over the batch, not the mean")
def _(z1, z2):
    return _standard(z1).T @ _standard(z2)


@wrong("cross_correlation", r"mean|cent(re|er)|subtract", mistake="does not subtract the mean")
def _(z1, z2):
    return (z1 / z1.std(0, correction=0)).T @ (z2 / z2.std(0, correction=0)) / len(z1)


@wrong("cross_correlation", r"transpos|row i|swap|exchang|feature of z1", mistake="transposed: rows are features of z2")
def _(z1, z2):
    return _standard(z2).T @ _standard(z1) / len(z1)


@wrong("cross_correlation", r"shape|\(B, B\)|picture|transpos|feature", mistake="(B, B): pictures with pictures")
def _(z1, z2):
    return _standard(z1) @ _standard(z2).T / z1.shape[1]


@wrong(
    "cross_correlation",
    r"over the batch|dim|axis|row|feature|each picture",
    mistake="standardises each row over the features",
)
def _(z1, z2):
    a, b = ((z - z.mean(1, keepdim=True)) / z.std(1, keepdim=True, correction=0) for z in (z1, z2))
    return a.T @ b / len(z1)


@wrong("cross_correlation", r"z2|second view|same view|twice|copy", mistake="correlates z1 with itself")
def _(z1, z2):
    return _standard(z1).T @ _standard(z1) / len(z1)


@wrong("cross_correlation", r"z2|own|deviation|second view|std", mistake="divides both views by z1's deviation")
def _(z1, z2):
    std = z1.std(0, correction=0)
    return ((z1 - z1.mean(0)) / std).T @ ((z2 - z2.mean(0)) / std) / len(z1)


@wrong(
    "cross_correlation", r"variance|root|deviation|square", mistake="divides by the variance instead of the deviation"
)
def _(z1, z2):
    a, b = ((z - z.mean(0)) / z.var(0, correction=0) for z in (z1, z2))
    return a.T @ b / len(z1)


@wrong(
    "cross_correlation",
    r"each feature|every feature|one (number|mean)|whole|all|per feature|own",
    mistake="one mean and one deviation for the whole table, not for each feature",
)
def _(z1, z2):
    a, b = ((z - z.mean()) / z.std(correction=0) for z in (z1, z2))
    return a.T @ b / len(z1)


@wrong(
    "cross_correlation",
    r"in.?place|changes|argument|input|copy|your",
    mistake="standardises the caller's tensors in place",
)
def _(z1, z2):
    for z in (z1, z2):
        z -= z.mean(0)
        z /= z.std(0, correction=0)
    return z1.T @ z2 / len(z1)


@wrong("cross_correlation", r"shape|diagonal|\(D, D\)|every pair", mistake="the diagonal only")
def _(z1, z2):
    return (_standard(z1) * _standard(z2)).mean(0)


# ── 06 variance


@right("variance")
def _(z):
    deviation = torch.cov(z.T).diagonal().sqrt() if z.shape[1] > 1 else torch.cov(z.T).sqrt()[None]
    return (1 - deviation).clamp(min=0).mean()


@right("variance")
def _(z):
    total = 0.0
    for column in z.unbind(1):
        spread = ((column - column.mean()).square().sum() / (len(column) - 1) + 1e-8) ** 0.5
        total = total + torch.maximum(1 - spread, torch.zeros_like(spread))
    return total / z.shape[1]


@wrong("variance", r"root|deviation|std|variance", mistake="the variance instead of its root")
def _(z):
    return F.relu(1 - z.var(0)).mean()


@wrong("variance", r"B - 1|unbiased|correction|divides? by B", mistake="the deviation divides by B")
def _(z):
    return F.relu(1 - z.std(0, correction=0)).mean()


@wrong(
    "variance",
    r"nothing if|more than 1|above 1|negative|relu|hinge|max|cut|below 0",
    mistake="features with more than 1 earn a discount: no cut at 0",
)
def _(z):
    return (1 - z.std(0)).mean()


@wrong(
    "variance",
    r"sign|falls short|above 1|wrong way|other way|more than 1|collapse",
    mistake="punishes what is above 1, not what falls short",
)
def _(z):
    return F.relu(z.std(0) - 1).mean()


@wrong("variance", r"square", mistake="squares what is missing")
def _(z):
    return F.relu(1 - z.std(0)).square().mean()


@wrong("variance", r"sum|mean", mistake="the sum over the features")
def _(z):
    return F.relu(1 - z.std(0)).sum()


@wrong("variance", r"batch|dim|axis|row|each picture|feature", mistake="the deviation of each row over its features")
def _(z):
    return F.relu(1 - z.std(1)).mean()


@wrong(
    "variance",
    r"each feature|every feature|first|before|after|order|mean",
    mistake="averages the deviations first, and cuts then",
)
def _(z):
    return F.relu(1 - z.std(0).mean())


@wrong(
    "variance", r"each feature|every feature|whole|one (deviation|number)|all", mistake="one deviation over all entries"
)
def _(z):
    return F.relu(1 - z.std())


@wrong(
    "variance",
    r"above 1|more than 1|absolute|too (large|wide)|both|nothing if",
    mistake="punishes more than 1 as well (absolute value)",
)
def _(z):
    return (1 - z.std(0)).abs().mean()


@wrong(
    "variance",
    r"mean|cent(re|er)|subtract|taken off|zero",
    mistake="the root of the mean square: the mean is not taken off",
)
def _(z):
    return F.relu(1 - (z.square().sum(0) / (len(z) - 1)).sqrt()).mean()


@wrong("variance", r"number|mean|shape|each feature|vector", mistake="a value for each feature, not their mean")
def _(z):
    return F.relu(1 - z.std(0))


@wrong(
    "variance", r"normal|length|as they are|scale", mistake="scales the rows to length 1 first, as in another lesson"
)
def _(z):
    return F.relu(1 - F.normalize(z, dim=1).std(0)).mean()


# ── 07 attention


@right("attention")
def _(q, k, v):
    return F.scaled_dot_product_attention(q[None], k[None], v[None])[0]


@right("attention")
def _(q, k, v):
    rows = []
    for question in q:
        scores = (k * question).sum(1) / math.sqrt(q.shape[1])
        weights = (scores - scores.max()).exp()
        rows.append((weights[:, None] * v).sum(0) / weights.sum())
    return torch.stack(rows)


@wrong("attention", r"√d|root|divid|scale|sqrt", mistake="does not divide the scores by √d")
def _(q, k, v):
    return (q @ k.T).softmax(-1) @ v


@wrong("attention", r"√d|root|by d", mistake="divides by d instead of √d")
def _(q, k, v):
    return (q @ k.T / q.shape[-1]).softmax(-1) @ v


@wrong(
    "attention", r"√d|root|length|number of tokens|\bL\b|len", mistake="divides by the root of L, the number of tokens"
)
def _(q, k, v):
    return (q @ k.T / len(q) ** 0.5).softmax(-1) @ v


@wrong(
    "attention",
    r"row|dim|axis|sum to 1|column|each token",
    mistake="softmax down the columns: the weights of one who asks do not sum to 1",
)
def _(q, k, v):
    return (q @ k.T / q.shape[-1] ** 0.5).softmax(0) @ v


@wrong("attention", r"query|key|swap|exchang|transpos|who asks", mistake="k asks and q answers")
def _(q, k, v):
    return (k @ q.T / q.shape[-1] ** 0.5).softmax(-1) @ v


@wrong("attention", r"softmax|sum to 1|weights", mistake="no softmax: the raw scores are the weights")
def _(q, k, v):
    return q @ k.T / math.sqrt(q.shape[-1]) @ v


@wrong("attention", r"value|\bv\b|key|copy", mistake="takes the mean of the keys instead of the values")
def _(q, k, v):
    return (q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ k


@wrong("attention", r"shape|weights|values|mean|\bv\b", mistake="gives the weights (L, L), without the values")
def _(q, k, v):
    return (q @ k.T / q.shape[-1] ** 0.5).softmax(-1)


@wrong("attention", r"tuple|pair|tensor|two things|type", mistake="gives result and weights as a pair")
def _(q, k, v):
    weights = (q @ k.T / q.shape[-1] ** 0.5).softmax(-1)
    return weights @ v, weights


@wrong("attention", r"transpos|weights|column|row|sum to 1", mistake="transposes the weights before the weighted mean")
def _(q, k, v):
    return (q @ k.T / q.shape[-1] ** 0.5).softmax(-1).T @ v


@wrong("attention", r"√d|after|before|order|softmax|sum to 1|scores", mistake="divides by √d after the softmax")
def _(q, k, v):
    return (q @ k.T).softmax(-1) / q.shape[-1] ** 0.5 @ v


@wrong(
    "attention",
    r"all|later|mask|future|behind|causal|every (other )?token",
    mistake="a causal mask: tokens do not see those behind them",
)
def _(q, k, v):
    scores = q @ k.T / q.shape[-1] ** 0.5
    later = torch.ones_like(scores).triu(1).bool()
    return scores.masked_fill(later, -torch.inf).softmax(-1) @ v


@wrong(
    "attention", r"token|shape|\(L, L\)|transpos|feature|dot product", mistake="q.T @ k: features attend to features"
)
def _(q, k, v):
    return v @ (q.T @ k / q.shape[-1] ** 0.5).softmax(-1).T


@wrong("attention", r"√d|root|64|8|length d|fixed", mistake="divides by 8, the root of 64, whatever d is")
def _(q, k, v):
    return (q @ k.T / 8).softmax(-1) @ v


# ── 07 sharpened


@right("sharpened")
def _(scores, centre, temperature):
    logs = (scores - centre) / temperature
    return (logs - logs.logsumexp(1, keepdim=True)).exp()


@right("sharpened")
def _(scores, centre, temperature):
    rows = []
    for row in scores.unbind(0):
        e = torch.exp((row - centre - (row - centre).max()) / temperature)
        rows.append(e / e.sum())
    return torch.stack(rows)


@wrong("sharpened", r"cent(re|er)|subtract", mistake="forgets the centre")
def _(scores, centre, temperature):
    return (scores / temperature).softmax(1)


@wrong("sharpened", r"cent(re|er)|subtract|add|sign|plus", mistake="adds the centre")
def _(scores, centre, temperature):
    return ((scores + centre) / temperature).softmax(1)


@wrong(
    "sharpened",
    r"cent(re|er)|order|before|after|bracket|parenthes|divid",
    mistake="divides the scores only, then subtracts the centre undivided",
)
def _(scores, centre, temperature):
    return (scores / temperature - centre).softmax(1)


@wrong("sharpened", r"row|dim|axis|sum to 1|column", mistake="softmax over the batch, not over the prototypes")
def _(scores, centre, temperature):
    return ((scores - centre) / temperature).softmax(0)


@wrong("sharpened", r"temperature|multip|divid|flat", mistake="multiplies by the temperature: flatter, not sharper")
def _(scores, centre, temperature):
    return ((scores - centre) * temperature).softmax(1)


@wrong("sharpened", r"0\.04|temperature|fixed|given", mistake="always 0.04, whatever temperature is asked for")
def _(scores, centre, temperature):
    return ((scores - centre) / 0.04).softmax(1)


@wrong(
    "sharpened", r"cent(re|er)|given|batch|own mean", mistake="takes the batch's own mean instead of the given centre"
)
def _(scores, centre, temperature):
    return ((scores - scores.mean(0)) / temperature).softmax(1)


@wrong("sharpened", r"log|sum to 1|negative|softmax|exp", mistake="log_softmax: the logarithms of the shares")
def _(scores, centre, temperature):
    return F.log_softmax((scores - centre) / temperature, dim=1)


@wrong(
    "sharpened",
    r"cent(re|er)|after|before|order|sum to 1|softmax",
    mistake="subtracts the centre from the softmax, not from the scores",
)
def _(scores, centre, temperature):
    return (scores / temperature).softmax(1) - centre


@wrong(
    "sharpened",
    r"hard|one.?hot|largest|argmax|soft|0 and 1",
    mistake="all or nothing: 1 for the largest, 0 for the rest",
)
def _(scores, centre, temperature):
    return F.one_hot((scores - centre).argmax(1), scores.shape[1]).float()


@wrong("sharpened", r"in.?place|changes|argument|input|copy|your", mistake="changes the scores handed in, in place")
def _(scores, centre, temperature):
    scores -= centre
    scores /= temperature
    return scores.softmax(1)


@wrong("sharpened", r"exp|softmax|negative|sum to 1", mistake="divides by the row sums without an exponential")
def _(scores, centre, temperature):
    s = (scores - centre) / temperature
    return s / s.sum(1, keepdim=True)


@wrong(
    "sharpened",
    r"temperature|before|after|order|softmax|sum to 1",
    mistake="divides by the temperature after the softmax",
)
def _(scores, centre, temperature):
    p = (scores - centre).softmax(1)
    return p / temperature


@wrong(
    "sharpened",
    r"cent(re|er)|each prototype|one number|own|mean",
    mistake="subtracts one number, the mean of the centre, which the softmax does not see",
)
def _(scores, centre, temperature):
    return ((scores - centre.mean()) / temperature).softmax(1)


# ── 07 sinkhorn


@right("sinkhorn")
def _(scores, epsilon, rounds):
    q = (scores / epsilon).softmax(0)  # already the first division of the columns
    for _ in range(rounds):
        q = F.normalize(q, p=1, dim=0)
        q = F.normalize(q, p=1, dim=1)
    return q


@right("sinkhorn")
def _(scores, epsilon, rounds):
    kernel = ((scores - scores.max()) / epsilon).double().exp()
    r = torch.ones(kernel.shape[0], dtype=torch.float64)
    c = torch.ones(kernel.shape[1], dtype=torch.float64)
    for _ in range(rounds):
        c = 1 / (kernel.T @ r)
        r = 1 / (kernel @ c)
    return (torch.diag(r) @ kernel @ torch.diag(c)).to(scores.dtype)


@wrong("sinkhorn", r"order|rows? (before|first)|column.* first|last|sum to 1", mistake="rows first, then columns")
def _(scores, epsilon, rounds):
    q = (scores / epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(1, keepdim=True)
        q = q / q.sum(0, keepdim=True)
    return q


@wrong("sinkhorn", r"column|prototype|softmax|share", mistake="divides the rows only: a softmax, nothing is shared out")
def _(scores, epsilon, rounds):
    q = (scores / epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", r"row|picture|sum to 1", mistake="divides the columns only")
def _(scores, epsilon, rounds):
    q = (scores / epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(0, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"each round|every round|loop|inside|rounds|once|row",
    mistake="the rows' division stands behind the loop",
)
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        q = q / q.sum(0)
    return q / q.sum(1, keepdim=True)


@wrong("sinkhorn", r"epsilon|multip|divid", mistake="multiplies by epsilon")
def _(scores, epsilon, rounds):
    q = (scores * epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"epsilon|bracket|parenthes|inside|before|exp\(",
    mistake="exp(scores) / epsilon: epsilon outside, where it cancels",
)
def _(scores, epsilon, rounds):
    q = scores.exp() / epsilon
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", r"round|three|fixed|always|as many", mistake="always three rounds")
def _(scores, epsilon, rounds):
    q = (scores / epsilon).exp()
    for _ in range(3):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", r"round|return|loop|once|first", mistake="the return stands inside the loop: one round")
def _(scores, epsilon, rounds):
    q = (scores / epsilon).exp()
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
        return q


@wrong("sinkhorn", r"round|off by one|too (few|many)|one (more|less)|first", mistake="one round too many")
def _(scores, epsilon, rounds):
    q = (scores / epsilon).exp()
    for _ in range(rounds + 1):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong(
    "sinkhorn",
    r"old|after|new sum|same time|order|sum to 1|row",
    mistake="divides by row sums from before the columns' division",
)
def _(scores, epsilon, rounds):
    q = (scores / epsilon).exp()
    for _ in range(rounds):
        columns, rows = q.sum(0, keepdim=True), q.sum(1, keepdim=True)
        q = q / columns / rows
    return q


@wrong(
    "sinkhorn",
    r"softmax|first|column|order|row|begin|exp",
    mistake="begins with a softmax over the rows instead of a bare exp: the rows come first",
)
def _(scores, epsilon, rounds):
    q = (scores / epsilon).softmax(1)
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", r"exp|negative|below 0|scores", mistake="forgets the exponential")
def _(scores, epsilon, rounds):
    q = scores / epsilon
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", r"mean|sum to 1|row", mistake="divides by the means: rows sum to K")
def _(scores, epsilon, rounds):
    q = (scores / epsilon).exp()
    for _ in range(rounds):
        q = q / q.mean(0)
        q = q / q.mean(1, keepdim=True)
    return q


@wrong("sinkhorn", r"in.?place|changes|argument|input|copy|your", mistake="works in the scores themselves")
def _(scores, epsilon, rounds):
    q = scores.div_(epsilon).exp_()
    for _ in range(rounds):
        q /= q.sum(0, keepdim=True)
        q /= q.sum(1, keepdim=True)
    return q


# ── 08 effective_rank


@right("effective_rank")
def _(z):
    s = torch.linalg.svdvals(z)
    p = s / s.sum()
    return torch.special.entr(p).sum().exp()


@right("effective_rank")
def _(z):
    s = torch.linalg.svd(z.double(), full_matrices=False).S
    shares = (s / s.sum())[s > 1e-9 * s.max()]
    return float(torch.prod(shares**-shares))


@wrong("effective_rank", r"square|eigenvalue|singular", mistake="squares the singular values")
def _(z):
    s = torch.linalg.svdvals(z).square()
    return torch.special.entr(s / s.sum()).sum().exp()


@wrong("effective_rank", r"mean|cent(re|er)|as they are|z itself|subtract", mistake="takes the mean off first")
def _(z):
    s = torch.linalg.svdvals(z - z.mean(0))
    return torch.special.entr(s / s.sum()).sum().exp()


@wrong("effective_rank", r"exp|entropy", mistake="gives the entropy, without its exponential")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.special.entr(s / s.sum()).sum()


@wrong("effective_rank", r"logarithm|log2|base|natural", mistake="logarithms to base 2 with an exponential to base e")
def _(z):
    p = torch.linalg.svdvals(z)
    p = p / p.sum()
    return (-(p * p.clamp(min=1e-12).log2()).sum()).exp()


@wrong("effective_rank", r"sign|minus|negative|below 1|less than 1", mistake="forgets the minus of the entropy")
def _(z):
    p = torch.linalg.svdvals(z)
    p = p / p.sum()
    return (p * p.clamp(min=1e-12).log()).sum().exp()


@wrong("effective_rank", r"length|normal|as they are|scale|z itself", mistake="scales the embeddings to length 1 first")
def _(z):
    s = torch.linalg.svdvals(F.normalize(z, dim=1))
    return torch.special.entr(s / s.sum()).sum().exp()


@wrong("effective_rank", r"share|sum|divid|add up", mistake="does not divide by the sum")
def _(z):
    return torch.special.entr(torch.linalg.svdvals(z)).sum().exp()


@wrong("effective_rank", r"nan|log\(0\)|log 0|zero|0 · log", mistake="log of 0: nan when a direction is empty")
def _(z):
    s = torch.linalg.svdvals(z)
    p = s / s.sum()
    p = torch.where(p < 1e-6, 0.0, p)  # rounding dirt
    return (-(p * p.log()).sum()).exp()


@wrong(
    "effective_rank",
    r"count|rank|whole|entropy|weigh|share",
    mistake="the plain rank: counts every direction that is not empty",
)
def _(z):
    return torch.linalg.matrix_rank(z).float()


@wrong("effective_rank", r"softmax|share|sum|divid", mistake="a softmax makes the shares")
def _(z):
    p = torch.linalg.svdvals(z).softmax(0)
    return torch.special.entr(p).sum().exp()


@wrong(
    "effective_rank",
    r"entropy|square|participation|exp",
    mistake="the participation ratio, (Σs)² / Σs², instead of the entropy",
)
def _(z):
    s = torch.linalg.svdvals(z)
    return s.sum() ** 2 / s.square().sum()


@wrong("effective_rank", r"sum|mean|entropy", mistake="the mean of -p log p instead of the sum")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.special.entr(s / s.sum()).mean().exp()


@wrong("effective_rank", r"share|sum|largest|divid", mistake="shares of the largest singular value, not of the sum")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.special.entr(s / s.max()).sum().exp()


@wrong("effective_rank", r"singular|svd|\bU\b|values", mistake="reads U instead of the singular values")
def _(z):
    s = torch.linalg.svd(z, full_matrices=False)[0].abs()
    return torch.special.entr(s / s.sum()).sum().exp()


# ── 08 feature_std


@right("feature_std")
def _(z):
    u = z / torch.linalg.vector_norm(z, dim=1, keepdim=True)
    return (z.shape[1] ** 0.5) * (u.square().mean(0) - u.mean(0).square()).clamp(min=0).sqrt().mean()


@right("feature_std")
def _(z):
    rows = [row / row.dot(row).sqrt() for row in z.double()]
    columns = torch.stack(rows).numpy()
    return torch.tensor(float(np.std(columns, axis=0).sum() / math.sqrt(z.shape[1])))


@wrong("feature_std", r"length|normal|scale", mistake="does not scale to length 1")
def _(z):
    return z.std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"N - 1|correction|divides? by N|unbiased", mistake="divides by N - 1")
def _(z):
    return F.normalize(z, dim=1).std(0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"√D|root|multip", mistake="forgets the √D")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean()


@wrong("feature_std", r"√D|root|times D|multip", mistake="times D instead of √D")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * z.shape[1]


@wrong(
    "feature_std", r"√D|√N|root|len|number of (pictures|features)", mistake="√N, the number of pictures, instead of √D"
)
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * len(z) ** 0.5


@wrong(
    "feature_std",
    r"over the pictures|dim|axis|row|each feature",
    mistake="the deviation within each embedding, over the features",
)
def _(z):
    return F.normalize(z, dim=1).std(1, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"length|normal|dim|axis|row|column|embedding", mistake="scales the columns to length 1")
def _(z):
    return F.normalize(z, dim=0).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"variance|root|deviation|std", mistake="the variance instead of the deviation")
def _(z):
    return F.normalize(z, dim=1).var(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"each feature|whole|one (number|deviation)|all entries|average",
    mistake="one deviation over all entries",
)
def _(z):
    return F.normalize(z, dim=1).std(correction=0) * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"before|after|root|order|average|mean of|each feature|variance",
    mistake="the root of the mean variance instead of the mean of the deviations",
)
def _(z):
    return (F.normalize(z, dim=1).var(0, correction=0).mean() * z.shape[1]).sqrt()


@wrong("feature_std", r"sum|mean|average|too (large|big)", mistake="the sum over the features instead of the average")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).sum() * z.shape[1] ** 0.5


@wrong(
    "feature_std",
    r"cent(re|er)|mean|before|first|order",
    mistake="takes the mean off before the scaling: a collapsed cloud looks full",
)
def _(z):
    return F.normalize(z - z.mean(0), dim=1).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", r"number|average|mean|shape|vector", mistake="a value for each feature")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0) * z.shape[1] ** 0.5


# ── 09 rotation_batch


@right("rotation_batch")
def _(x):
    quarter = x.transpose(2, 3).flip(2)
    pictures = torch.cat([x, quarter, x.flip(2, 3), x.transpose(2, 3).flip(3)])
    return pictures, torch.arange(4 * len(x)) // max(len(x), 1)


@right("rotation_batch")
def _(x):
    turned, labels = [], []
    for quarters in range(4):
        for picture in x:
            turned.append(torch.from_numpy(np.rot90(picture.numpy(), quarters, axes=(1, 2)).copy()))
            labels.append(quarters)
    return torch.stack(turned), torch.tensor(labels)


@wrong("rotation_batch", r"clockwise|direction|wrong way|other way", mistake="turns clockwise")
def _(x):
    return torch.cat([x.rot90(-k, (2, 3)) for k in range(4)]), torch.arange(4).repeat_interleave(len(x))


@wrong(
    "rotation_batch",
    r"label|order|all B|interleav|repeat",
    mistake="labels 0, 1, 2, 3, 0, 1 … though the pictures stand in blocks",
)
def _(x):
    return torch.cat([x.rot90(k, (2, 3)) for k in range(4)]), torch.arange(4).repeat(len(x))


@wrong(
    "rotation_batch",
    r"row|order|all B|picture by picture|interleav|stack",
    mistake="the four turns of a picture stand together: rows in another order",
)
def _(x):
    pictures = torch.stack([x.rot90(k, (2, 3)) for k in range(4)], 1).flatten(0, 1)
    return pictures, torch.arange(4).repeat(len(x))


@wrong("rotation_batch", r"0 to 3|degree|quarter|label", mistake="labels in degrees")
def _(x):
    return torch.cat([x.rot90(k, (2, 3)) for k in range(4)]), torch.tensor([0, 90, 180, 270]).repeat_interleave(len(x))


@wrong("rotation_batch", r"flip|mirror|turn|rota", mistake="mirrors instead of turning")
def _(x):
    labels = torch.arange(4).repeat_interleave(len(x))
    return torch.cat([x, x.flip(2), x.flip(3), x.flip(2).flip(3)]), labels


@wrong("rotation_batch", r"transpos|mirror|turn|90|flip", mistake="takes a transpose for a quarter turn")
def _(x):
    t = x.transpose(2, 3)
    return torch.cat([x, t, x.flip(2, 3), t.flip(2, 3)]), torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", r"270|4B|three|shape|missing|3B", mistake="forgets the turn by 270 degrees: range(3)")
def _(x):
    return torch.cat([x.rot90(k, (2, 3)) for k in range(3)]), torch.arange(3).repeat_interleave(len(x))


@wrong("rotation_batch", r"int64|dtype|integer|float|long", mistake="float labels")
def _(x):
    labels = torch.cat([torch.ones(len(x)) * k for k in range(4)])
    return torch.cat([x.rot90(k, (2, 3)) for k in range(4)]), labels


@wrong("rotation_batch", r"0 to 3|label|from 0|1 to 4|one too", mistake="labels from 1 to 4")
def _(x):
    return torch.cat([x.rot90(k, (2, 3)) for k in range(4)]), torch.arange(1, 5).repeat_interleave(len(x))


@wrong(
    "rotation_batch",
    r"already turned|accumul|180|270|twice|again|add|label",
    mistake="turns the already turned pictures further by k: 0, 1, 3, 6 quarters",
)
def _(x):
    parts, now = [], x
    for k in range(4):
        now = now.rot90(k, (2, 3))
        parts.append(now)
    return torch.cat(parts), torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", r"shape|4B|stack|cat|flat|dimension", mistake="stack instead of cat: (4, B, C, S, S)")
def _(x):
    return torch.stack([x.rot90(k, (2, 3)) for k in range(4)]), torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", r"order|pictures, labels|first|swap|exchang", mistake="returns labels before pictures")
def _(x):
    return torch.arange(4).repeat_interleave(len(x)), torch.cat([x.rot90(k, (2, 3)) for k in range(4)])


@wrong("rotation_batch", r"label|pictures, labels|pair|two", mistake="forgets to return the labels")
def _(x):
    return torch.cat([x.rot90(k, (2, 3)) for k in range(4)])


@wrong(
    "rotation_batch",
    r"axes|axis|dim|channel|batch|height|width|shape",
    mistake="rot90 without the axes: turns batch and channels",
)
def _(x):
    n = len(x)
    parts = [x.rot90(k).reshape(x.shape) for k in range(4)]
    return torch.cat(parts), torch.arange(4).repeat_interleave(n)


# ── 10 mask_sampling


@right("mask_sampling")
def _(noise, ratio):
    hidden = round(ratio * noise.shape[1])
    return noise.argsort(dim=1).argsort(dim=1) < hidden


@right("mask_sampling")
def _(noise, ratio):
    mask = np.zeros(tuple(noise.shape), dtype=bool)
    for i, row in enumerate(noise.tolist()):
        for place in sorted(range(len(row)), key=row.__getitem__)[: round(ratio * len(row))]:
            mask[i, place] = True
    return torch.from_numpy(mask)


def _hide(noise, places):
    return torch.zeros(noise.shape, dtype=torch.bool).scatter(1, places, True)


@wrong(
    "mask_sampling",
    r"largest|smallest|descending|other end|last|wrong end",
    mistake="hides the patches with the largest noise",
)
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    return _hide(noise, noise.argsort(dim=1)[:, noise.shape[1] - n :])


@wrong("mask_sampling", r"round|int\(|cut|how many|number of|count|too few", mistake="int() instead of round()")
def _(noise, ratio):
    return _hide(noise, noise.argsort(dim=1)[:, : int(ratio * noise.shape[1])])


@wrong(
    "mask_sampling",
    r"argsort|rank|place|order|twice|smallest",
    mistake="argsort once: compares places instead of ranks",
)
def _(noise, ratio):
    return noise.argsort(dim=1) < round(ratio * noise.shape[1])


@wrong(
    "mask_sampling",
    r"equally many|threshold|same number|each row|round|count|how many|number",
    mistake="noise below the ratio: not equally many in each row",
)
def _(noise, ratio):
    return noise < ratio


@wrong(
    "mask_sampling", r"each row|own|same mask|first row|every picture", mistake="the first row's mask for all pictures"
)
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    return _hide(noise, noise[0].argsort()[:n].expand(len(noise), -1))


@wrong(
    "mask_sampling", r"visible|keep|1 - ratio|opposite|revers|invert|hidden", mistake="True where a patch stays visible"
)
def _(noise, ratio):
    return ~_hide(noise, noise.argsort(dim=1)[:, : round(ratio * noise.shape[1])])


@wrong(
    "mask_sampling", r"1 - ratio|how many|number|count|visible|too (few|many)", mistake="hides 1 - ratio of the patches"
)
def _(noise, ratio):
    return _hide(noise, noise.argsort(dim=1)[:, : round((1 - ratio) * noise.shape[1])])


@wrong(
    "mask_sampling", r"len|\bB\b|\bL\b|batch|how many|number|count", mistake="reckons with B (len(noise)) instead of L"
)
def _(noise, ratio):
    return _hide(noise, noise.argsort(dim=1)[:, : round(ratio * len(noise))])


@wrong(
    "mask_sampling",
    r"row|column|axis|\[:, |dim|picture|slice",
    mistake="slices the first axis: whole pictures instead of places",
)
def _(noise, ratio):
    return _hide(noise, noise.argsort(dim=1)[: round(ratio * noise.shape[1])])


@wrong("mask_sampling", r"0\.75|ratio|fixed|how many|number|count", mistake="always hides 75 %")
def _(noise, ratio):
    return _hide(noise, noise.argsort(dim=1)[:, : round(0.75 * noise.shape[1])])


@wrong("mask_sampling", r"smallest|off by one|first|from 0|begin|slice", mistake="begins at 1: leaves out the smallest")
def _(noise, ratio):
    return _hide(noise, noise.argsort(dim=1)[:, 1 : round(ratio * noise.shape[1]) + 1])


@wrong(
    "mask_sampling",
    r"noise|first places|always|sort|order|random|smallest",
    mistake="hides the first places, whatever the noise",
)
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    return (torch.arange(noise.shape[1]) < n).expand(noise.shape)


@wrong(
    "mask_sampling",
    r"each row|whole batch|equally many|same number|count|per row",
    mistake="the smallest of the whole batch, not of each row",
)
def _(noise, ratio):
    n = len(noise) * round(ratio * noise.shape[1])
    flat = torch.zeros(noise.numel(), dtype=torch.bool)
    flat[noise.flatten().argsort()[:n]] = True
    return flat.view(noise.shape)


@wrong("mask_sampling", r"bool|dtype|float|type", mistake="floats 0 and 1 instead of bools")
def _(noise, ratio):
    return _hide(noise, noise.argsort(dim=1)[:, : round(ratio * noise.shape[1])]).float()


# ── 10 patchify


@right("patchify")
def _(x, patch):
    return F.unfold(x.float(), patch, stride=patch).transpose(1, 2).to(x.dtype)


@right("patchify")
def _(x, patch):
    squares = x.unfold(2, patch, patch).unfold(3, patch, patch)  # (B, C, rows, columns, patch, patch)
    b, c, rows, columns = squares.shape[:4]
    return torch.einsum("bcijpq->bijcpq", squares).reshape(b, rows * columns, c * patch * patch)


def _parts(x, patch):
    b, c, h, w = x.shape
    return x.reshape(b, c, h // patch, patch, w // patch, patch)  # (B, C, rows, patch, columns, patch)


@wrong(
    "patchify", r"red|channel|last|order|colou?r", mistake="the channels last: red, green, blue of each pixel together"
)
def _(x, patch):
    return _parts(x, patch).permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)


@wrong(
    "patchify",
    r"reshape|view|permute|square|order|row of pixels|stripe|neighbou?r",
    mistake="one reshape without a permute: strips of pixels, no squares",
)
def _(x, patch):
    b, c, h, w = x.shape
    return x.reshape(b, (h // patch) * (w // patch), c * patch * patch)


@wrong(
    "patchify", r"reading order|column|first row|order|transpos", mistake="down the columns first, not in reading order"
)
def _(x, patch):
    return _parts(x, patch).permute(0, 4, 2, 1, 3, 5).flatten(3).flatten(1, 2)


@wrong(
    "patchify", r"shape|transpos|swap|\(B, L|last axis|axes", mistake="unfold without the transpose: (B, C · patch², L)"
)
def _(x, patch):
    return F.unfold(x.float(), patch, stride=patch).to(x.dtype)


@wrong("patchify", r"transpos|within|inside|pixel|row|column|order", mistake="the pixels within a square transposed")
def _(x, patch):
    return _parts(x, patch).permute(0, 2, 4, 1, 5, 3).flatten(3).flatten(1, 2)


@wrong(
    "patchify",
    r"channel|shape|one row|C · patch|each square|colou?r",
    mistake="a row of its own for each channel: (B, C · L, patch²)",
)
def _(x, patch):
    return _parts(x, patch).permute(0, 1, 2, 4, 3, 5).flatten(4).flatten(1, 3)


@wrong(
    "patchify",
    r"neighbou?r|scatter|apart|every|step|split|rows, patch|order|square",
    mistake="splits the axes the wrong way round: pixels a step apart, no neighbours",
)
def _(x, patch):
    b, c, h, w = x.shape
    parts = x.reshape(b, c, patch, h // patch, patch, w // patch)
    return parts.permute(0, 3, 5, 1, 2, 4).reshape(b, -1, c * patch**2)


@wrong("patchify", r"overlap|stride|step|too many|shape", mistake="overlapping squares: a stride of 1")
def _(x, patch):
    squares = x.unfold(2, patch, 1).unfold(3, patch, 1)
    return squares.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


@wrong(
    "patchify", r"last row|missing|too few|shape|lower|bottom", mistake="the loop leaves out the last row of squares"
)
def _(x, patch):
    found = []
    for row in range(0, x.shape[2] - patch, patch):
        for column in range(0, x.shape[3], patch):
            found.append(x[:, :, row : row + patch, column : column + patch].flatten(1))
    return torch.stack(found, 1)


@wrong(
    "patchify",
    r"height|width|not square|H and W|rows|columns|square",
    mistake="takes the height for both: wrong for pictures that are not square",
)
def _(x, patch):
    n = x.shape[2] // patch
    found = []
    for row in range(n):
        for column in range(n):
            found.append(
                x[:, :, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch].reshape(len(x), -1)
            )
    return torch.stack(found, 1)


@wrong("patchify", r"shape|flat|join|\bL\b|dimension|one axis", mistake="rows and columns of squares stay two axes")
def _(x, patch):
    return _parts(x, patch).permute(0, 2, 4, 1, 3, 5).flatten(3)


@wrong("patchify", r"batch|shape|cat|stack|dimension", mistake="cat instead of stack: batch and squares melt")
def _(x, patch):
    found = []
    for row in range(0, x.shape[2], patch):
        for column in range(0, x.shape[3], patch):
            found.append(x[:, :, row : row + patch, column : column + patch].flatten(1))
    return torch.cat(found)


@wrong(
    "patchify",
    r"normal|mean|deviation|as they are|pixel|values?|chang",
    mistake="normalises each square, as MAE does with its targets",
)
def _(x, patch):
    rows = _parts(x, patch).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2).float()
    return (rows - rows.mean(-1, keepdim=True)) / (rows.std(-1, keepdim=True) + 1e-6)


@wrong("patchify", r"patch|4|fixed|size|shape", mistake="squares of 4 × 4, whatever `patch`")
def _(x, patch):
    return _parts(x, 4).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


# ── 12 mask_tokens


@right("mask_tokens")
def _(x, chosen, fate, another):
    asked = chosen.lt(0.15).logical_and(x.gt(2))
    out = x.clone()
    out[asked & fate.lt(0.8)] = 1
    swap = asked & fate.ge(0.8) & fate.lt(0.9)
    out[swap] = another[swap]
    return out


@right("mask_tokens")
def _(x, chosen, fate, another):
    rows = []
    for row in range(x.shape[0]):
        words = []
        for column in range(x.shape[1]):
            word = int(x[row, column])
            if word not in (0, 1, 2) and chosen[row, column] < 0.15:
                if fate[row, column] < 0.8:
                    word = 1
                elif fate[row, column] < 0.9:
                    word = int(another[row, column])
            words.append(word)
        rows.append(words)
    return torch.tensor(rows)


@wrong("mask_tokens", r"sign|0, 1 and 2|never asked|special|x >= 3|padding", mistake="asks the signs 0, 1 and 2 too")
def _(x, chosen, fate, another):
    asked = chosen < 0.15
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong("mask_tokens", r"\b3\b|first word|never asked|off by one|>= 3|sign", mistake="x > 3: word 3 is never asked")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong(
    "mask_tokens", r"padding|sign|1 and 2|never asked|0, 1|x >= 3", mistake="spares only the 0, not the signs 1 and 2"
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x != 0)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong(
    "mask_tokens", r"0\.15|chosen|85|too many|opposite|less|<", mistake="asks where chosen > 0.15: 85 % of the words"
)
def _(x, chosen, fate, another):
    asked = (chosen > 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong("mask_tokens", r"kept|keep|stay|0\.9|as they are", mistake="replaces all from 0.8 on: none is kept")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    return torch.where(asked, torch.where(fate < 0.8, 1, another), x)


@wrong(
    "mask_tokens", r"kept|replaced|swap|0\.9|another|exchang", mistake="keeps from 0.8 to 0.9 and replaces from 0.9 on"
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.9), another, seen)


@wrong("mask_tokens", r"not asked|only asked|asked|chosen|replac", mistake="replaces words that are not asked too")
def _(x, chosen, fate, another):
    seen = torch.where((chosen < 0.15) & (x >= 3) & (fate < 0.8), 1, x)
    return torch.where((fate >= 0.8) & (fate < 0.9), another, seen)


@wrong("mask_tokens", r"number 1|\[?MASK\]?|\b1\b|hidden|0", mistake="hides behind 0 instead of 1")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 0, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


@wrong("mask_tokens", r"in.?place|changes|argument|input|copy|your|x itself", mistake="changes x in place")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    x[asked & (fate < 0.8)] = 1
    swap = asked & (fate >= 0.8) & (fate < 0.9)
    x[swap] = another[swap]
    return x


@wrong(
    "mask_tokens",
    r"hidden|\[?MASK\]?|seen|lost|first|overwrit",
    mistake="the second `where` begins with x again: the hidden words are back",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    seen = torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, x)
    return seen


@wrong(
    "mask_tokens",
    r"0\.8|boundar|edge|exactly|replaced|from 0\.8",
    mistake="fate of exactly 0.8 is hidden, not replaced",
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate <= 0.8), 1, x)
    return torch.where(asked & (fate > 0.8) & (fate < 0.9), another, seen)


@wrong("mask_tokens", r"another|random|given|own", mistake="draws random words itself instead of taking `another`")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    mine = torch.randint(3, 1000, x.shape, generator=torch.Generator().manual_seed(0))
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), mine, seen)


@wrong(
    "mask_tokens",
    r"what the model sees|targets|answers|not asked|zero|sees",
    mistake="gives the targets (asked words, else 0), not what the model sees",
)
def _(x, chosen, fate, another):
    return torch.where((chosen < 0.15) & (x >= 3), x, 0)


@wrong(
    "mask_tokens", r"fate|chosen|80|0\.8|0\.12", mistake="reads chosen instead of fate, so all asked words are hidden"
)
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x >= 3)
    seen = torch.where(asked & (chosen < 0.8), 1, x)
    return torch.where(asked & (chosen >= 0.8) & (chosen < 0.9), another, seen)


@wrong("mask_tokens", r"\bor\b|both|and|sign|asked|too many", mistake="| instead of &: asks nearly every word")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) | (x >= 3)
    seen = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, seen)


# ── 12 mlm_loss


@right("mlm_loss")
def _(logits, targets):
    return F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=0)


@right("mlm_loss")
def _(logits, targets):
    surprise = logits.logsumexp(-1) - logits.gather(-1, targets[..., None])[..., 0]
    asked = targets.ne(0).to(logits.dtype)
    return torch.einsum("bl,bl->", surprise, asked) / asked.sum()


@wrong("mlm_loss", r"asked|all places|every place|0|only", mistake="counts every place")
def _(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@wrong(
    "mlm_loss", r"opposite|not asked|revers|asked|!= 0|wrong places", mistake="counts the places where nothing is asked"
)
def _(logits, targets):
    asked = targets == 0
    return F.cross_entropy(logits[asked], targets[asked])


@wrong("mlm_loss", r"sum|mean|number of", mistake="the sum over the asked places")
def _(logits, targets):
    return F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=0, reduction="sum")


@wrong(
    "mlm_loss",
    r"asked places|divid|mean|too small|all places|B · L|number of",
    mistake="divides by all places, not by the asked ones",
)
def _(logits, targets):
    losses = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=0, reduction="none")
    return losses.mean()


@wrong(
    "mlm_loss",
    r"mean of means|each (row|text)|row|alike|asked places|weigh|all asked",
    mistake="the mean of the rows' means: a row with few questions weighs as much as one with many",
)
def _(logits, targets):
    rows = [F.cross_entropy(s[t != 0], t[t != 0]) for s, t in zip(logits, targets, strict=True) if (t != 0).any()]
    return torch.stack(rows).mean()


@wrong("mlm_loss", r"\b3\b|off by one|> 0|!= 0|asked|some", mistake="counts only words above 3")
def _(logits, targets):
    asked = targets > 3
    return F.cross_entropy(logits[asked], targets[asked])


@wrong(
    "mlm_loss", r"right|wrong guess|argmax|mistake|asked|already", mistake="counts only places where the guess is wrong"
)
def _(logits, targets):
    asked = (targets != 0) & (logits.argmax(-1) != targets)
    return F.cross_entropy(logits[asked], targets[asked])


@wrong("mlm_loss", r"softmax|twice|logits|raw", mistake="softmax before the cross-entropy")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits.softmax(-1)[asked], targets[asked])


@wrong(
    "mlm_loss",
    r"shift|next|moved|place|off by one|same place",
    mistake="shifts by one place, as a model of the next word does",
)
def _(logits, targets):
    asked = targets[:, 1:] != 0
    return F.cross_entropy(logits[:, :-1][asked], targets[:, 1:][asked])


@wrong(
    "mlm_loss",
    r"asked|zero|log V|all places|mask|still count|drop",
    mistake="sets the other logits to 0 instead of leaving the places out: they still cost log V",
)
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy((logits * asked[..., None]).flatten(0, 1), targets.flatten())


@wrong("mlm_loss", r"log|probabili|surprise|cross-entropy", mistake="1 - probability instead of -log probability")
def _(logits, targets):
    asked = targets != 0
    p = logits.softmax(-1).gather(-1, targets[..., None])[..., 0]
    return (1 - p[asked]).mean()


@wrong("mlm_loss", r"first (text|row)|batch|all (texts|rows)|every row", mistake="looks at the first text only")
def _(logits, targets):
    asked = targets[0] != 0
    return F.cross_entropy(logits[0][asked], targets[0][asked])


@wrong(
    "mlm_loss",
    r"\[?MASK\]?|\b1\b|!= 0|asked|nothing is asked",
    mistake="looks for the number 1, [MASK], in the targets",
)
def _(logits, targets):
    asked = targets == 1
    return F.cross_entropy(logits[asked], targets[asked])


# ── 13 causal_mask


@right("causal_mask")
def _(length):
    places = torch.arange(length)
    return places[None] <= places[:, None]


@right("causal_mask")
def _(length):
    table = torch.zeros(length, length, dtype=torch.bool)
    for i in range(length):
        table[i, : i + 1] = True
    return table


@wrong(
    "causal_mask",
    r"transpos|upper|future|behind|later|wrong way|row|triu|after",
    mistake="triu: each place sees what comes after it",
)
def _(length):
    return torch.ones(length, length).triu().bool()


@wrong("causal_mask", r"itself|diagonal|own|first place", mistake="a place does not see itself")
def _(length):
    return torch.ones(length, length).tril(-1).bool()


@wrong("causal_mask", r"next|one too|later|future|off by one|after|behind", mistake="sees one word too far: tril(1)")
def _(length):
    return torch.ones(length, length, dtype=torch.bool).tril(1)


@wrong("causal_mask", r"bool|dtype|float|type", mistake="floats instead of bools")
def _(length):
    return torch.ones(length, length).tril()


@wrong("causal_mask", r"bool|-inf|infin|float|dtype|added", mistake="0 and minus infinity, to be added to scores")
def _(length):
    return torch.full((length, length), -torch.inf).triu(1)


@wrong(
    "causal_mask",
    r"opposite|revers|True where|forbid|hidden|may (not )?look|invert|itself|later",
    mistake="True where looking is forbidden",
)
def _(length):
    return torch.ones(length, length).triu(1).bool()


@wrong("causal_mask", r"all|everything|later|future|behind|after", mistake="each place sees all")
def _(length):
    return torch.ones(length, length).bool()


@wrong("causal_mask", r"before|itself|only|earlier|stands before", mistake="each place sees itself only")
def _(length):
    return torch.eye(length).bool()


@wrong(
    "causal_mask",
    r"all that stands|further|only the|earlier|before|one before",
    mistake="sees itself and only the one before",
)
def _(length):
    places = torch.arange(length)
    gap = places[:, None] - places[None]
    return (gap == 0) | (gap == 1)


@wrong("causal_mask", r"length|fixed|shape|hard|any", mistake="always 8 × 8")
def _(length):
    return torch.ones(8, 8).bool().tril()


@wrong("causal_mask", r"last (row|place)|row|place \d|nothing", mistake="the loop leaves out the last row")
def _(length):
    table = torch.zeros(length, length, dtype=torch.bool)
    for i in range(length - 1):
        table[i, : i + 1] = True
    return table


@wrong("causal_mask", r"shape|dimension|two|\(length, length\)|batch", mistake="an axis too many: (1, length, length)")
def _(length):
    return torch.ones(1, length, length).bool().tril()


@wrong("causal_mask", r"revers|mirror|column|flip|order|itself", mistake="mirrored: the last columns come first")
def _(length):
    return torch.ones(length, length).bool().tril().flip(1)


# ── alignment


@right("alignment")
def _(z1, z2):
    return 2 - 2 * F.cosine_similarity(z1, z2, dim=1).mean()


@right("alignment")
def _(z1, z2):
    a = torch.stack([row / row.norm() for row in z1])
    b = torch.stack([row / row.norm() for row in z2])
    return torch.einsum("bd,bd->", a - b, a - b) / len(a)


@wrong("alignment", r"square|root|norm", mistake="the distance, not squared")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).norm(dim=1).mean()


@wrong("alignment", r"sum|features|\bD\b|mean over|mse", mistake="the mean over the features too (mse_loss)")
def _(z1, z2):
    return F.mse_loss(F.normalize(z1, dim=1), F.normalize(z2, dim=1))


@wrong("alignment", r"normal|length|sphere", mistake="not normalised")
def _(z1, z2):
    return (z1 - z2).square().sum(1).mean()


@wrong("alignment", r"sum|mean|batch", mistake="the sum over the batch")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum()


@wrong("alignment", r"z2|both|normal|length|second view", mistake="normalises the first view only")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - z2).square().sum(1).mean()


@wrong(
    "alignment",
    r"pair|partner|row i|all pairs|every|other pictures|same picture",
    mistake="over all pairs of a first and a second view, not the partners",
)
def _(z1, z2):
    return torch.cdist(F.normalize(z1, dim=1), F.normalize(z2, dim=1)).square().mean()


@wrong("alignment", r"half|1 - cos|factor|2 - 2|twice|squared", mistake="1 - cosine: half of it")
def _(z1, z2):
    return (1 - F.cosine_similarity(z1, z2)).mean()


@wrong("alignment", r"dim|axis|row|column|normal|length|feature", mistake="scales the columns to length 1")
def _(z1, z2):
    return (F.normalize(z1, dim=0) - F.normalize(z2, dim=0)).square().sum(1).mean()


@wrong(
    "alignment", r"distance|similar|cosine|0 where|sign|equal views", mistake="the mean cosine instead of a distance"
)
def _(z1, z2):
    return F.cosine_similarity(z1, z2).mean()


@wrong(
    "alignment",
    r"square|before|after|order|mean",
    mistake="the square of the mean distance instead of the mean of the squares",
)
def _(z1, z2):
    return F.pairwise_distance(F.normalize(z1, dim=1), F.normalize(z2, dim=1)).mean() ** 2


@wrong("alignment", r"mean|each picture|cent(re|er)|before|order|pair", mistake="the distance of the two views' means")
def _(z1, z2):
    return (F.normalize(z1, dim=1).mean(0) - F.normalize(z2, dim=1).mean(0)).square().sum()


@wrong("alignment", r"square|absolute|L1|abs", mistake="absolute differences instead of squares")
def _(z1, z2):
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).abs().sum(1).mean()


# ── uniformity


@right("uniformity")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).square().mul(-t).exp().mean().log()


@right("uniformity")
def _(z, t=2):
    u = z / z.norm(dim=1, keepdim=True)
    n, total = len(u), 0.0
    for i in range(n):
        for j in range(i):
            total = total + 2 * torch.exp(-t * (2 - 2 * u[i] @ u[j]))
    return torch.log(total / (n * (n - 1)))


@wrong("uniformity", r"itself|diagonal|different|own", mistake="counts every row with itself too")
def _(z, t=2):
    u = F.normalize(z, dim=1)
    return torch.cdist(u, u).square().mul(-t).exp().mean().log()


@wrong("uniformity", r"square|distance|root", mistake="the distance, not squared")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).mul(-t).exp().mean().log()


@wrong("uniformity", r"log", mistake="forgets the logarithm")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).square().mul(-t).exp().mean()


@wrong(
    "uniformity",
    r"log|mean|order|before|after|exp",
    mistake="the mean of the logarithm: -t times the mean squared distance",
)
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).square().mul(-t).exp().log().mean()


@wrong("uniformity", r"sign|minus|negative|-t", mistake="exp(+t · distance²): the minus is missing")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).square().mul(t).exp().mean().log()


@wrong("uniformity", r"\bt\b|fixed|always|2", mistake="always t = 2")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).square().mul(-2).exp().mean().log()


@wrong("uniformity", r"normal|length|sphere", mistake="not normalised")
def _(z, t=2):
    return torch.pdist(z).square().mul(-t).exp().mean().log()


@wrong("uniformity", r"sum|mean|number of pairs|divid", mistake="the sum over the pairs, not the mean")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=1)).square().mul(-t).exp().sum().log()


@wrong(
    "uniformity",
    r"number of pairs|divid|mean|N²|diagonal|different|N - 1|itself",
    mistake="leaves the diagonal out of the sum, but divides by N²",
)
def _(z, t=2):
    u, n = F.normalize(z, dim=1), len(z)
    e = torch.cdist(u, u).square().mul(-t).exp()
    return ((e.sum() - e.trace()) / n**2).log()


@wrong(
    "uniformity",
    r"half|twice|number of pairs|divid|each pair|once",
    mistake="each pair once in the sum, but divided by N (N - 1): half",
)
def _(z, t=2):
    n = len(z)
    return (torch.pdist(F.normalize(z, dim=1)).square().mul(-t).exp().sum() / (n * (n - 1))).log()


@wrong("uniformity", r"cosine|distance|dot|similar", mistake="cosines instead of squared distances")
def _(z, t=2):
    u = F.normalize(z, dim=1)
    other = ~torch.eye(len(z), dtype=torch.bool)
    return (u @ u.T)[other].mul(-t).exp().mean().log()


@wrong("uniformity", r"all pairs|pairs|neighbou?r|some", mistake="only pairs of a row and the next")
def _(z, t=2):
    u = F.normalize(z, dim=1)
    return (u[1:] - u[:-1]).square().sum(1).mul(-t).exp().mean().log()


@wrong("uniformity", r"sign|minus|negative|lower|-log", mistake="minus the logarithm")
def _(z, t=2):
    return -torch.pdist(F.normalize(z, dim=1)).square().mul(-t).exp().mean().log()


@wrong("uniformity", r"dim|axis|row|column|normal|length|feature", mistake="scales the columns to length 1")
def _(z, t=2):
    return torch.pdist(F.normalize(z, dim=0)).square().mul(-t).exp().mean().log()
