"""Lessons 03 to 05: contrastive losses, the queue, BYOL, and the moving average."""

import math

import torch
import torch.nn.functional as F

from . import right, wrong

# NT-Xent


@right("nt_xent")
def _(z1, z2, temperature):
    z1, z2 = z1 / z1.norm(dim=-1, keepdim=True), z2 / z2.norm(dim=-1, keepdim=True)
    z = torch.cat((z1, z2))
    scores = torch.einsum("id,jd->ij", z, z).div(temperature)
    n = len(z1)
    scores = scores - 1e9 * torch.eye(2 * n)
    log_p = scores.log_softmax(dim=-1)
    return -(log_p.diagonal(n).sum() + log_p.diagonal(-n).sum()) / (2 * n)


@right("nt_xent")
def _(z1, z2, temperature):
    n = z1.size(0)
    a, b = F.normalize(z1), F.normalize(z2)
    aa, ab, bb = a @ a.T / temperature, a @ b.T / temperature, b @ b.T / temperature
    own = torch.eye(n).bool()
    aa, bb = aa.masked_fill(own, float("-inf")), bb.masked_fill(own, float("-inf"))
    target = torch.arange(n)
    first = F.cross_entropy(torch.cat([ab, aa], 1), target)
    second = F.cross_entropy(torch.cat([ab.T, bb], 1), target)
    return 0.5 * (first + second)


@right("nt_xent")
def _(z1, z2, temperature):
    z = F.normalize(torch.stack([z1, z2], 1).flatten(0, 1), dim=1)  # the two views of a picture side by side
    e = (z @ z.T / temperature).exp()
    e = e * (1 - torch.eye(len(z)))
    partner = torch.arange(len(z)) ^ 1
    return -(e[torch.arange(len(z)), partner] / e.sum(1)).log().mean()


@wrong("nt_xent", "itself|diagonal")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    e = (z @ z.T / temperature).exp()
    n = len(z1)
    positive = torch.cat([e.diagonal(n), e.diagonal(-n)])
    return -(positive / e.sum(dim=1)).log().mean()


@wrong("nt_xent", "set the diagonal to 0|-inf")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = z @ z.T / temperature
    s = s * (1 - torch.eye(len(s)))
    n = len(z1)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@wrong("nt_xent", "normalise", "row.*long")
def _(z1, z2, temperature):
    z = torch.cat([z1, z2])
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    n = len(z1)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@wrong("nt_xent", "normalis|length 1", "z2|row.*long")
def _(z1, z2, temperature):
    z = torch.cat([F.normalize(z1, dim=1), z2])
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    n = len(z1)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@wrong("nt_xent", "temperature")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = (z @ z.T * temperature).fill_diagonal_(-torch.inf)
    n = len(z1)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@wrong("nt_xent", "0.5 stands where|no number in its place|does not depend on `temp")
def _(z1, z2, temperature=0.5):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = (z @ z.T / 0.5).fill_diagonal_(-torch.inf)
    n = len(z1)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@wrong("nt_xent", "temperature")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]) / temperature, dim=1)
    s = (z @ z.T).fill_diagonal_(-torch.inf)
    n = len(z1)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@wrong("nt_xent", "first view|both directions|one direction")
def _(z1, z2, temperature):
    a, b = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    s = torch.cat([a @ b.T, (a @ a.T).fill_diagonal_(-torch.inf)], 1) / temperature
    return F.cross_entropy(s, torch.arange(len(a)))


@wrong("nt_xent", "negatives of a view's own batch")
def _(z1, z2, temperature):
    s = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / temperature
    y = torch.arange(len(s))
    return (F.cross_entropy(s, y) + F.cross_entropy(s.T, y)) / 2


@wrong("nt_xent", "negatives of a view's own batch", "first view")
def _(z1, z2, temperature):
    s = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / temperature
    return F.cross_entropy(s, torch.arange(len(s)))


@wrong("nt_xent", "gradient", "line")
def _(z1, z2, temperature):
    with torch.no_grad():
        z = F.normalize(torch.cat([z1, z2]), dim=1)
        s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
        n = len(z1)
        return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@wrong("nt_xent", "gradient.*z2|detach")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2.detach()]), dim=1)
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    n = len(z1)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@wrong("nt_xent", "gradient")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    total = 0.0
    n = len(z1)
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    for i in range(2 * n):
        total += (s[i].logsumexp(0) - s[i, (i + n) % (2 * n)]).item()
    return total / (2 * n)


@wrong("nt_xent", "float64|dtype")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]).double(), dim=1)
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    n = len(z1)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@wrong("nt_xent", "wrong offset|next-door|partner of row")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    target = torch.arange(len(z)).view(-1, 2).flip(1).flatten()
    return F.cross_entropy(s, target)


@wrong("nt_xent", "mean of the shares|first -log")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    n = len(z1)
    p = s.softmax(1)
    share = torch.cat([p.diagonal(n), p.diagonal(-n)])
    return -torch.log(share.mean())


@wrong("nt_xent", "sum.*mean|summed")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    n = len(z1)
    return sum(F.cross_entropy(s[i : i + 1], torch.tensor([(i + n) % (2 * n)])) for i in range(2 * n))


@wrong("nt_xent", "2 \\* B|cover all|B ×|2B", "in line")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = z @ z.T / temperature
    mask = torch.eye(len(z1)).bool()
    return F.cross_entropy(s.masked_fill(mask, -torch.inf), torch.arange(len(z1)))


@wrong("nt_xent", "denominator|positive.*missing|all candidates")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    n = len(z1)
    positive = (z[:n] * z[n:]).sum(1) / temperature
    return -positive.mean()


@wrong("nt_xent", "return")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    n = len(z1)
    loss = F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))
    print(loss.item() * 0)


# InfoNCE


@right("info_nce")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return (scores.logsumexp(1) - scores.diagonal()).mean()


@right("info_nce")
def _(a, c, t):
    losses = []
    for i in range(len(a)):
        s = torch.stack([F.cosine_similarity(a[i], c[j], dim=0) / t for j in range(len(c))])
        losses.append(-torch.log_softmax(s, 0)[i])
    return sum(losses) / len(losses)


@right("info_nce")
def _(anchors, candidates, temperature):
    scores = F.cosine_similarity(anchors[:, None], candidates[None], dim=2) / temperature
    return F.nll_loss(scores.log_softmax(1), torch.arange(len(anchors)))


@wrong("info_nce", "column 0")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))


@wrong("info_nce", "Long|whole numbers|one row off|one off")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.cross_entropy(scores, (torch.arange(len(scores)) + 1) % len(scores))


@wrong("info_nce", "dim=0|anchors")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return -scores.softmax(0).diagonal().log().mean()


@wrong("info_nce", "normalised along the batch|dim=0")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=0) @ F.normalize(candidates, dim=0).T / temperature
    return F.cross_entropy(scores, torch.arange(len(scores)))


@wrong("info_nce", "both directions")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    y = torch.arange(len(scores))
    return 0.5 * F.cross_entropy(scores, y) + 0.5 * F.cross_entropy(scores.t(), y)


@wrong("info_nce", "candidates.*length|normalis", "candidates")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ candidates.T / temperature
    return F.cross_entropy(scores, torch.arange(len(scores)))


@wrong("info_nce", "summed|sum")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(scores)), reduction="sum")


@wrong("info_nce", "mean")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(scores)), reduction="none")


@wrong("info_nce", "softmax twice|twice")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return F.cross_entropy(scores.softmax(dim=1), torch.arange(len(scores)))


@wrong("info_nce", "squared distance")
def _(anchors, candidates, temperature):
    a, c = F.normalize(anchors, dim=1), F.normalize(candidates, dim=1)
    return F.cross_entropy(-torch.cdist(a, c).pow(2) / temperature, torch.arange(len(a)))


@wrong("info_nce", "distance")
def _(anchors, candidates, temperature):
    a, c = F.normalize(anchors, dim=1), F.normalize(candidates, dim=1)
    return F.cross_entropy(-torch.cdist(a, c) / temperature, torch.arange(len(a)))


@wrong("info_nce", "gradient.*candidates|detach")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates.detach(), dim=1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(scores)))


@wrong("info_nce", "sign")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return scores.log_softmax(1).diagonal().mean()


@wrong("info_nce", "exponential|denominator")
def _(anchors, candidates, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / temperature
    return -(scores.diagonal() - scores.sum(1)).mean()


# alignment and uniformity


@right("alignment")
def _(z1, z2):
    return sum(float(((a / a.norm() - b / b.norm()) ** 2).sum()) for a, b in zip(z1, z2, strict=True)) / len(z1)


@right("alignment")
def _(z1, z2):
    return F.mse_loss(F.normalize(z1), F.normalize(z2)) * z1.shape[1]


@wrong("alignment", "coordinates")
def _(z1, z2):
    return F.mse_loss(F.normalize(z1), F.normalize(z2))


@wrong("alignment", "square")
def _(z1, z2):
    return torch.linalg.vector_norm(F.normalize(z1) - F.normalize(z2), dim=1).mean()


@wrong("alignment", "normalis|length", "row.*long")
def _(z1, z2):
    return (z1 - F.normalize(z2)).pow(2).sum(1).mean()


@wrong("alignment", "sign")
def _(z1, z2):
    return -(F.normalize(z1) - F.normalize(z2)).pow(2).sum(1).mean()


@wrong("alignment", "mean|sum")
def _(z1, z2):
    return (F.normalize(z1) - F.normalize(z2)).pow(2).sum()


@wrong("alignment", "root|square")
def _(z1, z2):
    return (F.normalize(z1) - F.normalize(z2)).pow(2).sum(1).mean().sqrt()


@wrong("alignment", "largest|mean")
def _(z1, z2):
    return (F.normalize(z1) - F.normalize(z2)).pow(2).sum(1).max()


@right("uniformity")
def _(z):
    z = F.normalize(z, dim=1)
    values = []
    for i in range(len(z)):
        for j in range(i + 1, len(z)):
            values.append(torch.exp(-2 * (z[i] - z[j]).pow(2).sum()))
    return torch.stack(values).mean().log()


@right("uniformity")
def _(z):
    z = F.normalize(z)
    e = torch.exp(4 * z @ z.T - 4)
    n = len(z)
    return torch.log((e.sum() - e.trace()) / (n * (n - 1)))


@wrong("uniformity", "itself")
def _(z):
    z = F.normalize(z)
    return torch.exp(4 * z @ z.T - 4).mean().log()


@wrong("uniformity", "2 in|The 2|factor")
def _(z):
    return torch.pdist(F.normalize(z)).pow(2).neg().exp().mean().log()


@wrong("uniformity", "logarithm")
def _(z):
    return torch.pdist(F.normalize(z)).pow(2).mul(-2).exp().mean()


@wrong("uniformity", "sum|mean")
def _(z):
    return torch.pdist(F.normalize(z)).pow(2).mul(-2).logsumexp(0)


@wrong("uniformity", "normalis|length", "row.*long")
def _(z):
    return torch.pdist(z).pow(2).mul(-2).exp().mean().log()


@wrong("uniformity", "square")
def _(z):
    return torch.pdist(F.normalize(z)).mul(-2).exp().mean().log()


@wrong("uniformity", "N - 1|itself|count")
def _(z):
    z = F.normalize(z)
    e = torch.exp(4 * z @ z.T - 4)
    return torch.log((e.sum() - len(z)) / len(z) ** 2)


# the moving average


@right("moving_average")
def _(teacher, student, momentum):
    return torch.lerp(student, teacher, momentum)


@right("moving_average")
def _(teacher, student, momentum):
    new = teacher.clone()
    new.mul_(momentum)
    new.add_(student, alpha=1 - momentum)
    return new


@right("moving_average")
@torch.no_grad()
def _(teacher, student, momentum):
    return teacher - (1 - momentum) * (teacher - student)


@wrong("moving_average", "exchanged")
def _(teacher, student, momentum):
    return torch.lerp(teacher, student, momentum)


@wrong("moving_average", "writes into.*return")
def _(teacher, student, momentum):
    teacher.copy_(momentum * teacher + (1 - momentum) * student)


@wrong("moving_average", "returns nothing")
def _(teacher, student, momentum):
    teacher = momentum * teacher + (1 - momentum) * student


@wrong("moving_average", "overwrites")
def _(teacher, student, momentum):
    teacher *= momentum
    teacher += (1 - momentum) * student
    return teacher


@wrong("moving_average", "0.99|momentum.*fixed|wrong for momentum")
def _(teacher, student, momentum):
    return 0.99 * teacher + 0.01 * student


@wrong("moving_average", "wrong for momentum|does not depend on `momentum|fixed", "momentum")
def _(teacher, student, momentum):
    return 0.95 * teacher + 0.05 * student


@wrong("moving_average", "more than 1")
def _(teacher, student, momentum):
    return teacher * momentum + student


@wrong("moving_average", "step away|away from")
def _(teacher, student, momentum):
    return teacher + (1 - momentum) * (teacher - student)


@wrong("moving_average", "squared|momentum")
def _(teacher, student, momentum):
    return momentum**2 * teacher + (1 - momentum**2) * student


@wrong("moving_average", "divid|/ 2|mean of the two")
def _(teacher, student, momentum):
    return (momentum * teacher + (1 - momentum) * student) / 2


@wrong("moving_average", "mean.*one number|single|keep")
def _(teacher, student, momentum):
    return (momentum * teacher + (1 - momentum) * student).mean()


@wrong("moving_average", "float64|dtype")
def _(teacher, student, momentum):
    m = torch.tensor(momentum, dtype=torch.float64)
    return (m * teacher.double()) + (1 - m) * student.double()


@wrong("moving_average", "no value|spelling", "in line")
def _(teacher, student, momentum):
    return m * teacher + (1 - m) * student  # noqa: F821


# the queue's loss


@right("queue_loss")
def _(query, key, queue, temperature):
    q, k, n = (F.normalize(x, dim=1) for x in (query, key.detach(), queue.detach()))
    positive = torch.einsum("bd,bd->b", q, k)[:, None]
    negative = torch.einsum("bd,kd->bk", q, n)
    logits = torch.cat([positive, negative], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@right("queue_loss")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key.detach()), F.normalize(queue.detach())
    s = torch.cat([q @ n.T, (q * k).sum(1, keepdim=True)], 1) / temperature
    return -(s[:, -1] - s.logsumexp(1)).mean()


@right("queue_loss")
def _(query, key, queue, temperature):
    with torch.no_grad():
        k, n = F.normalize(key), F.normalize(queue)
    q = F.normalize(query)
    up = torch.exp((q * k).sum(1) / temperature)
    return -torch.log(up / (up + torch.exp(q @ n.T / temperature).sum(1))).mean()


@wrong("queue_loss", "arange|column 0")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.arange(len(q)))


@wrong("queue_loss", "key is not normalised", "`key`")
def _(query, key, queue, temperature):
    q, n = F.normalize(query), F.normalize(queue)
    logits = torch.cat([(q * key).sum(1, keepdim=True), q @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@wrong("queue_loss", "queue is not normalised", "`queue`")
def _(query, key, queue, temperature):
    q, k = F.normalize(query), F.normalize(key)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@wrong("queue_loss", "positive.*(last|where the label points)")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([q @ n.T, (q * k).sum(1, keepdim=True)], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@wrong("queue_loss", "other keys of the batch")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([q @ k.T, q @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.arange(len(q)))


@wrong("queue_loss", "positive.*temperature|temperature")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ n.T / temperature], 1)
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@wrong("queue_loss", "left out the temperature|temperature")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ n.T], 1)
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@wrong("queue_loss", "denominator")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    return -((q * k).sum(1) / temperature - torch.logsumexp(q @ n.T / temperature, 1)).mean()


@wrong("queue_loss", "gradient.*query|detach")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query).detach(), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@wrong("queue_loss", "transpose", "in line")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ n], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@wrong("queue_loss", "keepdim|one dimension|1 dimension", "in line")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1), q @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@wrong("queue_loss", "key with the queue|`key`|keys")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), k @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


@wrong("queue_loss", "one query|batch", "sum|mean")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long(), reduction="sum")


@wrong("queue_loss", "dtype|float16|bfloat16")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long()).double()


@wrong("queue_loss", "other keys|label")
def _(query, key, queue, temperature):
    q, k, n = F.normalize(query), F.normalize(key), F.normalize(queue)
    positive = q @ k.T
    logits = torch.cat([positive, q @ n.T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q)).long())


# BYOL


@right("byol_loss")
def _(p1, p2, t1, t2):
    def d(p, t):
        return 2 - 2 * (F.normalize(p, dim=-1) * F.normalize(t, dim=-1)).sum(-1)

    return (d(p1, t2) + d(p2, t1)).mean() / 2


@right("byol_loss")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1]).detach()
    return (F.normalize(p) - F.normalize(t)).square().sum(1).mean()


@wrong("byol_loss", "mse_loss|D coordinates")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1])
    return F.mse_loss(F.normalize(p), F.normalize(t))


@wrong("byol_loss", "square")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1])
    return (F.normalize(p) - F.normalize(t)).norm(dim=1).mean()


@wrong("byol_loss", "own view|other")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t1, t2])
    return (F.normalize(p) - F.normalize(t)).square().sum(1).mean()


@wrong("byol_loss", "normalis|length 1", "row.*long")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1])
    return (p - t).square().sum(1).mean()


@wrong("byol_loss", "targets.*length|normalis", "`t1`|`t2`")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1])
    return (F.normalize(p) - t).square().sum(1).mean()


@wrong("byol_loss", "both directions|mean")
def _(p1, p2, t1, t2):
    def d(p, t):
        return 2 - 2 * F.cosine_similarity(p, t)

    return (d(p1, t2) + d(p2, t1)).mean()


@wrong("byol_loss", "first view", "`p2`|`t1`")
def _(p1, p2, t1, t2):
    return (2 - 2 * F.cosine_similarity(p1, t2)).mean()


@wrong("byol_loss", "gradient")
def _(p1, p2, t1, t2):
    p1, p2 = p1.detach(), p2.detach()
    return (4 - 2 * F.cosine_similarity(p1, t2) - 2 * F.cosine_similarity(p2, t1)).mean() / 2


@wrong("byol_loss", "gradient.*p2")
def _(p1, p2, t1, t2):
    return (4 - 2 * F.cosine_similarity(p1, t2) - 2 * F.cosine_similarity(p2.detach(), t1)).mean() / 2


@wrong("byol_loss", "minus the cosine|SimSiam")
def _(p1, p2, t1, t2):
    return -0.5 * (F.cosine_similarity(p1, t2).mean() + F.cosine_similarity(p2, t1).mean())


@wrong("byol_loss", "gradient")
def _(p1, p2, t1, t2):
    return float((4 - 2 * F.cosine_similarity(p1, t2) - 2 * F.cosine_similarity(p2, t1)).mean() / 2)


@wrong("byol_loss", "mean")
def _(p1, p2, t1, t2):
    return (4 - 2 * F.cosine_similarity(p1, t2) - 2 * F.cosine_similarity(p2, t1)) / 2


@wrong("byol_loss", "dim=0|along the batch")
def _(p1, p2, t1, t2):
    p, t = torch.stack([p1, p2]), torch.stack([t2, t1])
    return (F.normalize(p, dim=1) - F.normalize(t, dim=1)).square().sum(2).mean()


@wrong("byol_loss", "SimSiam|cosine", "sign|off by")
def _(p1, p2, t1, t2):
    return 2 - (F.cosine_similarity(p1, t2).mean() + F.cosine_similarity(p2, t1).mean()) / 2


@wrong("byol_loss", "root|square")
def _(p1, p2, t1, t2):
    p, t = torch.cat([p1, p2]), torch.cat([t2, t1])
    return math.sqrt(2) * (1 - F.cosine_similarity(p, t)).clamp(min=1e-9).sqrt().mean()
