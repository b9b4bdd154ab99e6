"""Lessons 00 to 02: the pairing game, views, the training step and the probes."""

import random

import torch
import torch.nn.functional as F

from . import right, wrong

# the labels of the pairing game


@right("partner_labels")
def _(pictures):
    first = torch.arange(pictures)
    return torch.cat([first + pictures, first])


@right("partner_labels")
def _(b):
    labels = torch.empty(2 * b, dtype=torch.int64)
    for i in range(b):
        labels[i], labels[i + b] = i + b, i
    return labels


@right("partner_labels")
def _(pictures):
    return torch.arange(2 * pictures).view(2, -1).flip(0).flatten()


@wrong("partner_labels", "name the picture")
def _(pictures):
    return torch.cat([torch.arange(pictures), torch.arange(pictures)])


@wrong("partner_labels", "names? itself|itself")
def _(pictures):
    return torch.arange(2 * pictures)


@wrong("partner_labels", "dtype|int64|float")
def _(pictures):
    first = torch.arange(float(pictures))
    return torch.cat([first + pictures, first])


@wrong("partner_labels", "dtype|int64")
def _(pictures):
    first = torch.arange(pictures, dtype=torch.int32)
    return torch.cat([first + pictures, first])


@wrong("partner_labels", "beyond the last row|% 2B|back to the top")
def _(pictures):
    return torch.arange(2 * pictures) + pictures


@wrong("partner_labels", "2B labels|first B rows alone")
def _(pictures):
    return torch.arange(pictures) + pictures


@wrong("partner_labels", "written|wrong for pictures|number in its place", "pictures = ")
def _(pictures):
    return torch.tensor([4, 5, 6, 7, 0, 1, 2, 3])


@wrong("partner_labels", "side by side")
def _(pictures):
    labels = []
    for i in range(pictures):
        labels += [2 * i + 1, 2 * i]
    return torch.tensor(labels)


@wrong("partner_labels", "count rows from 1|from 1")
def _(pictures):
    return torch.arange(2 * pictures).roll(pictures) + 1


@wrong("partner_labels", "one row off|next row|moved by one")
def _(pictures):
    return (torch.arange(2 * pictures) + pictures + 1) % (2 * pictures)


@wrong("partner_labels", "same order|backwards", "second views")
def _(pictures):
    first = torch.arange(pictures)
    return torch.cat([first + pictures, first.flip(0)])


@wrong("partner_labels", "table|one-hot|argmax", "shape|dimensions")
def _(pictures):
    first = torch.arange(pictures)
    return F.one_hot(torch.cat([first + pictures, first]))


@wrong("partner_labels", "flatten|reshape|shape")
def _(pictures):
    first = torch.arange(pictures)
    return torch.stack([first + pictures, first])


# crop


@right("crop")
def _(x, top, left, size):
    out = torch.empty(len(x), x.shape[1], size, size)
    for i in range(len(x)):
        r, c = int(top[i]), int(left[i])
        out[i] = x[i, :, r : r + size, c : c + size]
    return out


@right("crop")
def _(x, top, left, size):
    k = torch.arange(size)
    rows, columns = (top[:, None] + k)[:, :, None], (left[:, None] + k)[:, None, :]
    return x[torch.arange(len(x))[:, None, None], :, rows, columns].permute(0, 3, 1, 2)


@wrong("crop", "exchanged|left counts columns", "in line")
def _(x, top, left, size):
    return torch.stack([p[:, a : a + size, b : b + size] for p, b, a in zip(x, top, left, strict=True)])


@wrong("crop", "first picture")
def _(x, top, left, size):
    r, c = top[0], left[0]
    return x[:, :, r : r + size, c : c + size]


@wrong("crop", "one too large|slice leaves")
def _(x, top, left, size):
    return torch.stack([p[:, a : a + size + 1, b : b + size + 1] for p, a, b in zip(x, top, left, strict=True)])


@wrong("crop", "turned over|rows and columns")
def _(x, top, left, size):
    k = torch.arange(size)
    rows, columns = (top[:, None] + k)[:, :, None], (left[:, None] + k)[:, None, :]
    return x[torch.arange(len(x))[:, None, None], :, rows, columns].permute(0, 3, 2, 1)


@wrong("crop", "shape|order|last")
def _(x, top, left, size):
    k = torch.arange(size)
    rows, columns = (top[:, None] + k)[:, :, None], (left[:, None] + k)[:, None, :]
    return x[torch.arange(len(x))[:, None, None], :, rows, columns]


@wrong("crop", "starts? at|corner|all squares")
def _(x, top, left, size):
    return x[:, :, 0:size, 0:size]


@wrong("crop", "expected a tensor|list", "stack")
def _(x, top, left, size):
    return [p[:, a : a + size, b : b + size].tolist() for p, a, b in zip(x, top, left, strict=True)]


@wrong("crop", "one row", "in line")
def _(x, top, left, size):
    return torch.stack([p[:, a - 1 : a - 1 + size, b : b + size] for p, a, b in zip(x, top, left, strict=True)])


@wrong("crop", "flipped left to right|reversed")
def _(x, top, left, size):
    return torch.stack([p[:, a : a + size, b : b + size].flip(2) for p, a, b in zip(x, top, left, strict=True)])


@wrong("crop", "all pictures|only the first|loop|return")
def _(x, top, left, size):
    for p, a, b in zip(x, top, left, strict=True):
        return p[:, a : a + size, b : b + size]


@wrong("crop", "top and left|end", "in line")
def _(x, top, left, size):
    return torch.stack([p[:, a:size, b:size] for p, a, b in zip(x, top, left, strict=True)])


# grayscale


@right("grayscale")
def _(x, chosen):
    gray = 0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@right("grayscale")
def _(x, chosen):
    m = torch.tensor([0.2989, 0.587, 0.114]).expand(3, 3)
    out = x.clone()
    out[chosen] = torch.einsum("oc,bchw->bohw", m, x[chosen])
    return out


@wrong("grayscale", "plain mean|0.2989")
def _(x, chosen):
    out = x.clone()
    out[chosen] = x[chosen].mean(dim=1, keepdim=True)
    return out


@wrong("grayscale", "overwrites")
def _(x, chosen):
    gray = 0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]
    x[chosen] = gray[chosen].expand(-1, 3, -1, -1)
    return x


@wrong("grayscale", "turned round|exchanged")
def _(x, chosen):
    gray = 0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]
    return torch.where(chosen.view(-1, 1, 1, 1), x, gray)


@wrong("grayscale", "every picture|only those")
def _(x, chosen):
    gray = 0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]
    return gray.repeat(1, 3, 1, 1)


@wrong("grayscale", "chosen\\[:, None|spreads", "in line")
def _(x, chosen):
    gray = 0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]
    return torch.where(chosen, gray, x)


@wrong("grayscale", "black|0 outside|not chosen")
def _(x, chosen):
    gray = 0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]
    return gray.expand(-1, 3, -1, -1) * chosen.view(-1, 1, 1, 1)


@wrong("grayscale", "B, G, R|order")
def _(x, chosen):
    gray = 0.114 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.2989 * x[:, 2:3]
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@wrong("grayscale", "weight|0.2989", "pictures that are chosen")
def _(x, chosen):
    gray = 0.3 * x[:, 0:1] + 0.6 * x[:, 1:2] + 0.1 * x[:, 2:3]
    return torch.where(chosen.view(-1, 1, 1, 1), gray, x)


@wrong("grayscale", "ambiguous|truth value|torch.where", "in line")
def _(x, chosen):
    gray = 0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]
    if chosen:
        return gray.expand(-1, 3, -1, -1)
    return x


@wrong("grayscale", "first channel alone", "dimension 1|channel")
def _(x, chosen):
    out = x.clone()
    gray = 0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    out[chosen, 0] = gray[chosen]
    return out


@wrong("grayscale", "chosen pictures alone|others belong")
def _(x, chosen):
    x = x[chosen]
    return (0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]).repeat(1, 3, 1, 1)


@wrong("grayscale", "black|become grey", "pictures that are chosen")
def _(x, chosen):
    out = x.clone()
    out[chosen] = 0
    return out


@wrong("grayscale", "255|round", "pictures that are chosen")
def _(x, chosen):
    gray = (0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]) * 255
    return torch.where(chosen.view(-1, 1, 1, 1), gray.round(), x)


# brightness


@right("brightness")
def _(x, strength, generator):
    low, high = 1 - strength, 1 + strength
    factor = low + (high - low) * torch.rand(x.shape[0], generator=generator)
    return torch.einsum("b,bchw->bchw", factor, x).clip(0.0, 1.0)


@right("brightness")
def _(x, strength, generator):
    y = x.clone()
    for i in range(len(x)):
        y[i] = x[i] * (1 + strength * (torch.rand(1, generator=generator).item() * 2 - 1))
    return y.clamp_(0, 1)


@wrong("brightness", "one random number")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(1, generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "global random|generator")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(len(x), 1, 1, 1) - 1)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "global random|generator")
def _(x, strength, generator):
    factor = torch.tensor([random.uniform(1 - strength, 1 + strength) for _ in x])
    return (x * factor[:, None, None, None]).clamp(0, 1)


@wrong("brightness", "above 1|clamp")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    return x * factor


@wrong("brightness", "only make brighter|run from 1.00")
def _(x, strength, generator):
    factor = 1 + strength * torch.rand(len(x), 1, 1, 1, generator=generator)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "2 before u|run from")
def _(x, strength, generator):
    factor = 1 + strength * (torch.rand(len(x), 1, 1, 1, generator=generator) - 0.5)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "added")
def _(x, strength, generator):
    shift = strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1) / 4
    return (x + shift).clamp(0, 1)


@wrong("brightness", "\\(B, 1, 1, 1\\)", "in line")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(len(x), generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "each channel")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(len(x), 3, 1, 1, generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "each pixel")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(x.shape, generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "strength.*(not used|same factors|no number)")
def _(x, strength, generator):
    factor = 1 + 0.4 * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "1 is missing|run from")
def _(x, strength, generator):
    factor = strength * torch.rand(len(x), 1, 1, 1, generator=generator)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "contrast")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return ((x - mean) * factor + mean).clamp(0, 1)


@wrong("brightness", "all pictures share|pixel")
def _(x, strength, generator):
    factor = 1 + strength * (2 * torch.rand(1, 3, x.shape[2], x.shape[3], generator=generator) - 1)
    return (x * factor).clamp(0, 1)


# the training step


@right("training_step")
def _(method, optimiser, views):
    optimiser.zero_grad()
    out = method(views)
    out["loss"].backward()
    optimiser.step()
    return float(out["loss"].detach())


@right("training_step")
def _(method, optimiser, views):
    method.train()
    for p in method.parameters():
        p.grad = None
    loss = method.forward(views)["loss"]
    loss.backward()
    optimiser.step()
    return loss.detach().item()


@wrong("training_step", "never cleared|add up")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong("training_step", "eval")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    method.eval()
    return loss.item()


@wrong("training_step", "between backward")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


@wrong("training_step", "between backward|cleared")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    loss.backward()
    method.zero_grad()
    optimiser.step()
    return loss.item()


@wrong("training_step", "before loss.backward|steps? along")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.step()
    optimiser.zero_grad()
    loss.backward()
    return loss.item()


@wrong("training_step", "returns nothing|return")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


@wrong("training_step", "\\[.loss.\\]", "in line")
def _(method, optimiser, views):
    loss = method(views)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong("training_step", "sign|up the loss")
def _(method, optimiser, views):
    loss = -method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return -loss.item()


@wrong("training_step", "times as far|unscaled|divid")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    (loss / len(views)).backward()
    optimiser.step()
    return loss.item()


@wrong("training_step", "own|optimiser that comes in")
def _(method, optimiser, views):
    mine = torch.optim.SGD(method.parameters(), lr=0.1, momentum=0.5)
    loss = method(views)["loss"]
    mine.zero_grad()
    loss.backward()
    mine.step()
    return loss.item()


@wrong("training_step", "forward happens 2|after the step|twice")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return method(views)["loss"].item()


@wrong("training_step", "gradient|no_grad|cut", "in line")
@torch.no_grad()
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong("training_step", "gradients switched off|grad_enabled")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    torch.set_grad_enabled(False)
    return loss.item()


@wrong("training_step", "global random|manual_seed")
def _(method, optimiser, views):
    torch.manual_seed(0)
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


@wrong("training_step", "backward.. is missing|brackets")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward  # noqa: B018
    optimiser.step()
    return loss.item()


@wrong("training_step", "clip|not those of one step")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(method.parameters(), 0.01)
    optimiser.step()
    return loss.item()


# the vote of the neighbours


def votes(train_z, train_y, test_z, k, weigh):
    mean = train_z.mean(0)
    a, b = F.normalize(train_z - mean, dim=1), F.normalize(test_z - mean, dim=1)
    value, place = (b @ a.T).topk(k, dim=1)
    classes = int(train_y.max()) + 1
    counts = torch.zeros(len(test_z), classes)
    for c in range(classes):
        counts[:, c] = (weigh(value) * (train_y[place] == c)).sum(1)
    return counts


@right("knn")
def _(train_z, train_y, test_z, test_y, k):
    counts = votes(train_z, train_y, test_z, min(k, len(train_z)), lambda v: torch.exp(v / 0.1))
    return (counts.argmax(1) == test_y).sum().item() / len(test_y)


@right("knn")
def _(train_z, train_y, test_z, test_y, k):
    counts = votes(train_z, train_y, test_z, min(k, len(train_z)), lambda v: (v / 0.1).softmax(1))
    return counts.max(1).indices.eq(test_y).double().mean()


@wrong("knn", "vote alike|nearer one counts")
def _(train_z, train_y, test_z, test_y, k):
    counts = votes(train_z, train_y, test_z, k, torch.ones_like)
    return (counts.argmax(1) == test_y).float().mean()


@wrong("knn", "cosine itself|exp")
def _(train_z, train_y, test_z, test_y, k):
    counts = votes(train_z, train_y, test_z, k, lambda v: v)
    return (counts.argmax(1) == test_y).float().mean()


@wrong("knn", "0.1")
def _(train_z, train_y, test_z, test_y, k):
    counts = votes(train_z, train_y, test_z, k, lambda v: torch.exp(v / 0.02))
    return (counts.argmax(1) == test_y).float().mean()


@wrong("knn", "mean")
def _(train_z, train_y, test_z, test_y, k):
    m = train_z.mean(0)
    counts = votes(train_z - m, train_y, test_z - test_z.mean(0), k, lambda v: torch.exp(v / 0.1))
    return (counts.argmax(1) == test_y).float().mean()


@wrong("knn", "percent")
def _(train_z, train_y, test_z, test_y, k):
    counts = votes(train_z, train_y, test_z, k, lambda v: torch.exp(v / 0.1))
    return 100 * (counts.argmax(1) == test_y).float().mean()


@wrong("knn", "does not depend on `k`|k does not change|use the argument")
def _(train_z, train_y, test_z, test_y, k=10):
    counts = votes(train_z, train_y, test_z, 20, lambda v: torch.exp(v / 0.1))
    return (counts.argmax(1) == test_y).float().mean()


@wrong("knn", "single nearest")
def _(train_z, train_y, test_z, test_y, k):
    m = train_z.mean(0)
    s = F.normalize(test_z - m, dim=1) @ F.normalize(train_z - m, dim=1).T
    return (train_y[s.argmax(1)] == test_y).float().mean()


@wrong("knn", "farthest")
def _(train_z, train_y, test_z, test_y, k):
    counts = votes(train_z, train_y, -test_z + 2 * train_z.mean(0), k, lambda v: torch.exp(-v / 0.1))
    return (counts.argmax(1) == test_y).float().mean()


@wrong("knn", "share|accuracy|mean")
def _(train_z, train_y, test_z, test_y, k):
    counts = votes(train_z, train_y, test_z, k, lambda v: torch.exp(v / 0.1))
    return counts.argmax(1)


@wrong("knn", "share|mean|number")
def _(train_z, train_y, test_z, test_y, k):
    counts = votes(train_z, train_y, test_z, k, lambda v: torch.exp(v / 0.1))
    return counts.argmax(1) == test_y


@wrong("knn", "mean")
def _(train_z, train_y, test_z, test_y, k):
    s = F.normalize(test_z, dim=1) @ F.normalize(train_z, dim=1).T
    v, i = s.topk(k, dim=1)
    counts = (F.one_hot(train_y[i]) * torch.exp(v / 0.1)[:, :, None]).sum(1)
    return (counts.argmax(1) == test_y).float().mean()


@wrong("knn", "transpose", "in line")
def _(train_z, train_y, test_z, test_y, k):
    s = F.normalize(test_z, dim=1) @ F.normalize(train_z, dim=1)
    return (train_y[s.argmax(1)] == test_y).float().mean()


# the linear probe


def trained(train_z, train_y, steps=400, **how):
    net = torch.nn.Linear(train_z.shape[1], int(train_y.max()) + 1, bias=how.get("bias", True))
    torch.nn.init.zeros_(net.weight)
    opt = torch.optim.Adam(net.parameters(), lr=how.get("lr", 0.05))
    for _ in range(steps):
        loss = F.cross_entropy(net(train_z), train_y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        how.get("after", lambda net: None)(net)
    return net


def standard(z, by):
    return (z - by.mean(0)) / by.std(0)


@right("linear_probe")
def _(train_z, train_y, test_z, test_y):
    net = trained(standard(train_z, train_z), train_y)
    return (net(standard(test_z, train_z)).argmax(1) == test_y).float().mean()


@right("linear_probe")
def _(train_z, train_y, test_z, test_y):
    a, b = standard(train_z, train_z), standard(test_z, train_z)
    net = torch.nn.Linear(a.shape[1], int(train_y.max()) + 1)
    opt = torch.optim.LBFGS(net.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        opt.zero_grad()
        loss = F.cross_entropy(net(a), train_y) + 1e-4 * net.weight.square().sum()
        loss.backward()
        return loss

    opt.step(closure)
    with torch.no_grad():
        return (net(b).argmax(1) == test_y).float().mean().item()


@wrong("linear_probe", "test labels|best test")
def _(train_z, train_y, test_z, test_y):
    best = [0.0]
    b = standard(test_z, train_z)

    def look(net):
        best[0] = max(best[0], (net(b).argmax(1) == test_y).float().mean().item())

    trained(standard(train_z, train_z), train_y, steps=150, after=look)
    return best[0]


@wrong("linear_probe", "test labels|best test")
def _(train_z, train_y, test_z, test_y):
    a, b = standard(train_z, train_z), standard(test_z, train_z)
    scores = [
        (trained(a, train_y, n, lr=lr)(b).argmax(1) == test_y).float().mean().item()
        for n in (3, 100)
        for lr in (0.5, 0.01)
    ]
    return max(scores)


@wrong("linear_probe", "on the training set|measured")
def _(train_z, train_y, test_z, test_y):
    a = standard(train_z, train_z)
    return (trained(a, train_y)(a).argmax(1) == train_y).float().mean()


@wrong("linear_probe", "trained on the test|test set")
def _(train_z, train_y, test_z, test_y):
    b = standard(test_z, train_z)
    return (trained(b, test_y)(b).argmax(1) == test_y).float().mean()


@wrong("linear_probe", "own mean")
def _(train_z, train_y, test_z, test_y):
    net = trained(standard(train_z, train_z), train_y)
    return (net(standard(test_z, test_z)).argmax(1) == test_y).float().mean()


@wrong("linear_probe", "standardise")
def _(train_z, train_y, test_z, test_y):
    return (trained(train_z, train_y)(test_z).argmax(1) == test_y).float().mean()


@wrong("linear_probe", "bias")
def _(train_z, train_y, test_z, test_y):
    net = trained(standard(train_z, train_z), train_y, bias=False)
    return (net(standard(test_z, train_z)).argmax(1) == test_y).float().mean()


@wrong("linear_probe", "share that is wrong|error")
def _(train_z, train_y, test_z, test_y):
    net = trained(standard(train_z, train_z), train_y)
    return (net(standard(test_z, train_z)).argmax(1) != test_y).float().mean()


@wrong("linear_probe", "how many are right|divide")
def _(train_z, train_y, test_z, test_y):
    net = trained(standard(train_z, train_z), train_y)
    return (net(standard(test_z, train_z)).argmax(1) == test_y).sum()


@wrong("linear_probe", "trained to the end|loss no longer falls|step on its weights|guesses")
def _(train_z, train_y, test_z, test_y):
    net = trained(standard(train_z, train_z), train_y, steps=0)
    return (net(standard(test_z, train_z)).argmax(1) == test_y).float().mean()


@wrong("linear_probe", "gradients switched off|grad_enabled")
def _(train_z, train_y, test_z, test_y):
    net = trained(standard(train_z, train_z), train_y)
    torch.set_grad_enabled(False)
    return (net(standard(test_z, train_z)).argmax(1) == test_y).float().mean()


@wrong("linear_probe", "classes", "in line")
def _(train_z, train_y, test_z, test_y):
    net = torch.nn.Linear(train_z.shape[1], 1)
    loss = F.cross_entropy(net(train_z), train_y)
    loss.backward()
    return (net(test_z).argmax(1) == test_y).float().mean()


@wrong("linear_probe", "did not end|loop")
def _(train_z, train_y, test_z, test_y):
    accuracy = 0.0
    while accuracy <= 1.0:
        accuracy = float((train_y == 0).float().mean())
    return accuracy
