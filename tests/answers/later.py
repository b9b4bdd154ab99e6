"""Answers for all lessons that were written after the first run had been mended, so that nothing is tuned on them."""

import torch
import torch.nn.functional as F

from . import right, wrong


@right("nt_xent")
def _(z1, z2, temperature):
    n = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = z @ z.T / temperature
    s = s[~torch.eye(2 * n, dtype=torch.bool)].view(2 * n, 2 * n - 1)
    first = torch.arange(n - 1, 2 * n - 1)  # the partner has moved up by one
    return F.cross_entropy(s, torch.cat([first, torch.arange(n)]))


@right("queue_loss")
def _(query, key, queue, temperature):
    q, keys = F.normalize(query, dim=1), F.normalize(torch.cat([key, queue]).detach(), dim=1)
    n = len(q)
    s = q @ keys.T / temperature
    others = ~torch.eye(n, dtype=torch.bool)
    s = torch.cat([s[:, :n].masked_fill(others, float("-inf")), s[:, n:]], 1)
    return F.cross_entropy(s, torch.arange(n))


@right("mask_sampling")
def _(noise, ratio):
    hide = round(ratio * noise.shape[1])
    order = torch.argsort(noise, dim=1)
    mask = torch.ones(noise.shape).bool()
    return mask.scatter(1, order[:, hide:], False)


@right("effective_rank")
def _(z):
    s = torch.linalg.svdvals(z)
    p = s / s.sum()
    return torch.exp(torch.distributions.Categorical(p).entropy()).item()


@right("variance")
def _(z):
    std = ((z - z.mean(0)).square().sum(0) / (z.shape[0] - 1) + 1e-4) ** 0.5
    return torch.maximum(1 - std, torch.zeros_like(std)).mean()


@right("training_step")
def _(method, optimiser, views):
    with torch.enable_grad():
        loss = method(views)["loss"]
    optimiser.zero_grad(set_to_none=False)
    loss.backward()
    optimiser.step()
    return loss.tolist()


@right("causal_mask")
def _(length):
    return torch.ones(length, length).cumsum(0) >= torch.ones(length, length).cumsum(1)


@right("rotation_batch")
def _(x):
    turns = [x]
    for _ in range(3):
        turns.append(turns[-1].rot90(1, (2, 3)))
    return torch.cat(turns), torch.cat([torch.full((len(x),), k) for k in range(4)])


@wrong("nt_xent", "temperature")
def _(z1, z2, temperature):
    n, z = len(z1), F.normalize(torch.cat([z1, z2]), dim=1)
    e = torch.exp(z @ z.T) / temperature
    e = e * (1 - torch.eye(2 * n))
    positive = torch.cat([e.diagonal(n), e.diagonal(-n)])
    return -(positive / e.sum(1)).log().mean()


@wrong("nt_xent", "upper|itself|diagonal|below|negatives")
def _(z1, z2, temperature):
    n, z = len(z1), F.normalize(torch.cat([z1, z2]), dim=1)
    e = torch.exp(z @ z.T / temperature).triu(1)
    positive = torch.cat([e.diagonal(n), e.diagonal(n)])
    return -(positive / (e + e.T).sum()).log().mean()


@wrong("nt_xent", "length 1|normalise|long")
def _(z1, z2, temperature):
    n = len(z1)
    z = torch.cat([z1, z2])
    z = z / z.norm()
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(s, torch.arange(2 * n).roll(n))


@wrong("info_nce", "temperature")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T
    return F.cross_entropy(scores, torch.arange(len(scores))) / temperature


@wrong("info_nce", "positive.*(missing|denominator)|itself|diagonal")
def _(anchors, candidates, temperature):
    e = (F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature).exp()
    return -(e.diagonal() / (e.sum(1) - e.diagonal())).log().mean()


@wrong("info_nce", "softmax|probability|probabilities|binary|sigmoid")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.binary_cross_entropy_with_logits(scores, torch.eye(len(scores)))


@wrong("queue_loss", "sign|minus")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ n.T], 1) / temperature
    return logits.log_softmax(1)[:, 0].mean()


@wrong("queue_loss", "softmax twice|twice")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ n.T], 1) / temperature
    return F.cross_entropy(logits.softmax(1), torch.zeros(len(q)).long())


@wrong("queue_loss", "normalised|length 1", "`query`")
def _(query, key, queue, temperature):
    k, n = F.normalize(key), F.normalize(queue)
    logits = torch.cat([(query * k).sum(1, keepdim=True), query @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(k)).long())


@wrong("byol_loss", "exchanged|own view|other")
def _(p1, p2, t1, t2):
    return (F.normalize(p1) - F.normalize(t1)).square().sum(1).mean()


@wrong("byol_loss", "root|square")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1])
    return (F.normalize(p) - F.normalize(t)).square().sum(1).mean().sqrt()


@wrong("byol_loss", "absolute|square")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1])
    return F.l1_loss(F.normalize(p), F.normalize(t))


@wrong("moving_average", "1 - momentum|rounded|whole|integer")
def _(teacher, student, momentum):
    return (momentum * teacher + (1 - momentum) * student).round(decimals=1)


@wrong("moving_average", "student|less than 1|share", "`student`")
def _(teacher, student, momentum):
    return momentum * teacher + (1 - momentum) * teacher


@wrong("cross_correlation", "mean|median|centre", "number is added")
def _(z1, z2):
    a = (z1 - z1.median(0).values) / z1.std(0, correction=0)
    b = (z2 - z2.median(0).values) / z2.std(0, correction=0)
    return a.T @ b / len(a)


@wrong("cross_correlation", "clamp|cut|below 0|0 …")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return (a.T @ b / len(a)).clamp(min=0)


@wrong("cross_correlation", "square")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return (a.T @ b / len(a)) ** 2


@wrong("variance", "absolute|enough|above 1")
def _(z):
    return (z.std(0) - 1).abs().mean()


@wrong("variance", "sign")
def _(z):
    return -F.relu(1 - z.std(0)).mean()


@wrong("sinkhorn", "columns|rows alone")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", "round|last|rows|column")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds - 1):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


@wrong("sinkhorn", "softmax|logarithm|argmax")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q.argmax(1)


@wrong("sharpened", "mean of this batch|own mean|centre")
def _(scores, centre, temperature):
    return F.softmax((scores - scores.mean(0)) / temperature, dim=1)


@wrong("sharpened", "twice")
def _(scores, centre, temperature):
    return F.softmax(F.softmax((scores - centre) / temperature, dim=1), dim=1)


@wrong("feature_std", "centre|mean.*off|standardised|spread")
def _(z):
    z = (z - z.mean(0)) / z.std(0)
    return F.normalize(z, dim=1).std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("effective_rank", "mean")
def _(z):
    p = torch.linalg.svdvals(z)
    p = p / p.sum()
    return torch.exp(-(p * p.log()).mean())


@wrong("effective_rank", "sum|largest")
def _(z):
    p = torch.linalg.svdvals(z)
    p = p / p[0]
    return torch.exp(-(p * p.log()).sum())


@wrong("rotation_batch", "exchanged|anticlockwise|clockwise|90|270", "rows of the odd turns|rows turned")
def _(x):
    return torch.cat([x, x.rot90(3, (2, 3)), x.rot90(2, (2, 3)), x.rot90(1, (2, 3))]), torch.arange(
        4
    ).repeat_interleave(len(x))


@wrong("rotation_batch", "labels")
def _(x):
    return torch.cat([x.rot90(k, (2, 3)) for k in range(4)]), torch.zeros(4 * len(x), dtype=torch.long)


@wrong("patchify", "flipped|reversed|order", "dimension")
def _(x, patch):
    return F.unfold(x, patch, stride=patch).mT.flip(1)


@wrong("patchify", "first channel|channel", "size")
def _(x, patch):
    return F.unfold(x[:, :1], patch, stride=patch).mT


@wrong("mask_sampling", "all pictures together|each row")
def _(noise, ratio):
    limit = noise.flatten().sort().values[round(ratio * noise.numel()) - 1]
    return noise <= limit


@wrong("mask_sampling", "dim=1|dim=0|batch")
def _(noise, ratio):
    return noise.argsort(0).argsort(0) < round(ratio * noise.shape[0])


@wrong("mask_tokens", "kept|stays|replaced")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    return torch.where(asked, torch.where(fate < 0.8, 1, another), x)


@wrong("mask_tokens", "padding|<sep>|no words?")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x != 0)
    out = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "another|replace", "replaced")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), 1, x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another.flip(0), out)


@wrong("mlm_loss", "texts|dim=0")
def _(logits, targets):
    log_p = logits.log_softmax(0).gather(2, targets[..., None])[..., 0]
    return -log_p[targets != 0].mean()


@wrong("mlm_loss", "square|normalis|temperature|softmax")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked] / logits.shape[-1] ** 0.5, targets[asked])


@wrong("causal_mask", "two|before|sees", "below|diagonal")
def _(length):
    i = torch.arange(length)
    return (i[None] <= i[:, None]) & (i[None] > i[:, None] - 3)


@wrong("causal_mask", "itself", "diagonal")
def _(length):
    return torch.ones(length, length).tril().bool() & ~torch.eye(length).bool()


@wrong("partner_labels", "runs? backwards|backwards|reverse")
def _(pictures):
    return torch.arange(2 * pictures).flip(0)


@wrong("partner_labels", "second half|first half|second views|first views", "views")
def _(pictures):
    labels = torch.arange(2 * pictures)
    labels[:pictures] += pictures
    return labels


@wrong("crop", "left|top|columns", "picture|column|dimension")
def _(x, top, left, size):
    return torch.stack([p[:, t : t + size, left[0] : left[0] + size] for p, t in zip(x, top, strict=True)])


@wrong("grayscale", "added|weight|colour", "pictures that are chosen")
def _(x, chosen):
    w = torch.tensor([0.2989, 0.587, 0.114])[:, None, None]
    return torch.where(chosen[:, None, None, None], x * w, x)


@wrong("brightness", "drawn evenly|evenly|run from")
def _(x, strength, generator):
    factor = 1 + strength * torch.randn(len(x), 1, 1, 1, generator=generator).clamp(-1, 1)
    return (x * factor).clamp(0, 1)


@wrong("brightness", "only make darker|run from")
def _(x, strength, generator):
    return x * (1 - strength * torch.rand(len(x), 1, 1, 1, generator=generator))


@wrong("training_step", "optimiser.step|step.. is missing")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    return loss.item()


@wrong("training_step", "loss was|returns")
def _(method, optimiser, views):
    loss = method(views)["loss"]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return round(loss.item())


@wrong("knn", "class|mean")
def _(train_z, train_y, test_z, test_y, k):
    means = torch.stack([train_z[train_y == c].mean(0) for c in range(4)]) - train_z.mean(0)
    s = F.normalize(test_z - train_z.mean(0)) @ F.normalize(means).T
    return (s.argmax(1) == test_y).float().mean()


@wrong("linear_probe", "training set|test set")
def _(train_z, train_y, test_z, test_y):
    y = torch.cat([train_y, test_y])
    z = torch.cat([train_z, test_z])
    z = (z - z.mean(0)) / z.std(0)
    net = torch.nn.Linear(z.shape[1], int(y.max()) + 1)
    opt = torch.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(200):
        loss = F.cross_entropy(net(z), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return (net(z[len(train_z) :]).argmax(1) == test_y).float().mean()


@wrong("attention", "values|v ")
def _(q, k, v):
    return (q @ k.T / q.shape[1] ** 0.5).softmax(1)


@wrong("alignment", "sum|mean|D")
def _(z1, z2):
    return (F.normalize(z1) - F.normalize(z2)).square().mean(1).sum()


@wrong("uniformity", "sign")
def _(z):
    return -torch.pdist(F.normalize(z)).square().mul(-2).exp().mean().log()
