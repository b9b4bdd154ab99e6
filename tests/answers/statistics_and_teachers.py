"""Lessons 06 to 08: statistics of a batch, even codes, and the meters of a collapse."""

import torch
import torch.nn.functional as F

from . import right, wrong

# the cross-correlation matrix


@right("cross_correlation")
def _(z1, z2):
    a, b = z1 - z1.mean(0), z2 - z2.mean(0)
    return a.T @ b / (a.norm(dim=0)[:, None] * b.norm(dim=0)[None])


@right("cross_correlation")
def _(z1, z2):
    d = z1.shape[1]
    return torch.corrcoef(torch.cat([z1, z2], 1).T)[:d, d:]


@right("cross_correlation")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0)
    b = (z2 - z2.mean(0)) / z2.std(0)
    return torch.einsum("bi,bj->ij", a, b) / (len(z1) - 1)


@wrong("cross_correlation", "B - 1|correction")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0)
    b = (z2 - z2.mean(0)) / z2.std(0)
    return a.T @ b / len(z1)


@wrong("cross_correlation", "F.normalize|dim=0")
def _(z1, z2):
    return F.normalize(z1, dim=0).T @ F.normalize(z2, dim=0)


@wrong("cross_correlation", "gradient")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return (a.T @ b / len(z1)).detach()


@wrong("cross_correlation", "gradient.*z2|detach")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = ((z2 - z2.mean(0)) / z2.std(0, correction=0)).detach()
    return a.T @ b / len(z1)


@wrong("cross_correlation", "gradient")
def _(z1, z2):
    a = (z1 - z1.mean(0).detach()) / z1.std(0, correction=0).detach()
    b = (z2 - z2.mean(0).detach()) / z2.std(0, correction=0).detach()
    return a.T @ b / len(z1)


@wrong("cross_correlation", "exchanged|transpose")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return b.T @ a / len(z1)


@wrong("cross_correlation", "pictures|features are asked")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return a @ b.T / len(z1)


@wrong("cross_correlation", "entry by entry|matrix product")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return (a * b).mean(0)


@wrong("cross_correlation", "mean", "number is added")
def _(z1, z2):
    a, b = z1 / z1.std(0, correction=0), z2 / z2.std(0, correction=0)
    return a.T @ b / len(z1)


@wrong("cross_correlation", "divide by B|forgot|number of rows")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return a.T @ b


@wrong("cross_correlation", "identity|diagonal")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return a.T @ b / len(z1) - torch.eye(z1.shape[1])


@wrong("cross_correlation", "variance", "rescaled|feature")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.var(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.var(0, correction=0)
    return a.T @ b / len(z1)


@wrong("cross_correlation", "does not depend on `z2`|with itself|first view|in place|stands where")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    return a.T @ b / len(z1)


@wrong("cross_correlation", "dim=1|each picture", "rescaled|feature")
def _(z1, z2):
    a = (z1 - z1.mean(1, keepdim=True)) / z1.std(1, correction=0, keepdim=True)
    b = (z2 - z2.mean(1, keepdim=True)) / z2.std(1, correction=0, keepdim=True)
    return a.T @ b / len(z1)


@wrong("cross_correlation", "absolute")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return (a.T @ b / len(z1)).abs()


@wrong("cross_correlation", "size is written", "wrong for B")
def _(z1, z2):
    a = (z1 - z1.mean(0)) / z1.std(0, correction=0)
    b = (z2 - z2.mean(0)) / z2.std(0, correction=0)
    return a.T @ b / 6


@wrong("cross_correlation", "keepdim|one mean|all numbers|mean", "feature|rescaled|number is added")
def _(z1, z2):
    a, b = (z1 - z1.mean()) / z1.std(correction=0), (z2 - z2.mean()) / z2.std(correction=0)
    return a.T @ b / len(z1)


# VICReg's variance term


@right("variance")
def _(z):
    std = torch.sqrt(z.var(dim=0) + 0.0001)
    return torch.mean(F.relu(1 - std))


@right("variance")
def _(z):
    total = 0
    for d in range(z.shape[1]):
        centred = z[:, d] - z[:, d].mean()
        std = (centred.pow(2).sum() / (len(z) - 1) + 1e-4).sqrt()
        total = total + torch.clamp(1 - std, min=0)
    return total / z.shape[1]


@wrong("variance", "divides by B|B - 1")
def _(z):
    return F.relu(1 - z.std(0, correction=0)).mean()


@wrong("variance", "variance|root")
def _(z):
    return F.relu(1 - z.var(0)).mean()


@wrong("variance", "max\\(0|missing")
def _(z):
    return (1 - z.std(0)).mean()


@wrong("variance", "max\\(0|outside|mean standard deviation first|hides")
def _(z):
    return F.relu(1 - z.std(0).mean())


@wrong("variance", "gradient")
def _(z):
    return F.relu(1 - z.std(0)).mean().item()


@wrong("variance", "gradient")
def _(z):
    return torch.tensor([max(0.0, 1 - float(s)) for s in z.std(0)]).mean()


@wrong("variance", "mean")
def _(z):
    return F.relu(1 - z.std(0)).sum()


@wrong("variance", "mean")
def _(z):
    return F.relu(1 - z.std(0))


@wrong("variance", "turned round|sign")
def _(z):
    return F.relu(z.std(0) - 1).mean()


@wrong("variance", "dim=1|dim=0|over the batch")
def _(z):
    return F.relu(1 - z.std(1)).mean()


@wrong("variance", "squared|linear")
def _(z):
    return F.relu(1 - z.std(0)).pow(2).mean()


@wrong("variance", "normalise|length 1", "row")
def _(z):
    return F.relu(1 - F.normalize(z, dim=1).std(0)).mean()


@wrong("variance", "mean|enough spread count")
def _(z):
    std = z.std(0)
    return (1 - std[std < 1]).mean()


# Sinkhorn


@right("sinkhorn")
def _(scores, epsilon, rounds):
    q = torch.exp((scores - scores.max()) / epsilon)
    for _ in range(rounds):
        q = q / q.sum(dim=0, keepdim=True)
        q = q / q.sum(dim=1, keepdim=True)
    return q


@right("sinkhorn")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon).T
    q /= q.sum()
    k, b = q.shape
    for _ in range(rounds):
        q /= q.sum(dim=1, keepdim=True)
        q /= k
        q /= q.sum(dim=0, keepdim=True)
        q /= b
    return (q * b).T


@wrong("sinkhorn", "rows first|columns last|columns first")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        q = q / q.sum(dim=1, keepdim=True)
        q = q / q.sum(dim=0, keepdim=True)
    return q


@wrong("sinkhorn", "softmax of each row")
def _(scores, epsilon, rounds):
    return torch.softmax(scores / epsilon, dim=1)


@wrong("sinkhorn", "one round|rounds")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    q = q / q.sum(dim=0, keepdim=True)
    return q / q.sum(dim=1, keepdim=True)


@wrong("sinkhorn", "epsilon")
def _(scores, epsilon, rounds):
    q = torch.exp(scores * epsilon)
    for _ in range(rounds):
        q = q / q.sum(dim=0, keepdim=True)
        q = q / q.sum(dim=1, keepdim=True)
    return q


@wrong("sinkhorn", "epsilon")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / 0.05)
    for _ in range(rounds):
        q = q / q.sum(dim=0, keepdim=True)
        q = q / q.sum(dim=1, keepdim=True)
    return q


@wrong("sinkhorn", "round|one too many")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds + 1):
        q = q / q.sum(dim=0, keepdim=True)
        q = q / q.sum(dim=1, keepdim=True)
    return q


@wrong("sinkhorn", "exponential")
def _(scores, epsilon, rounds):
    q = scores / epsilon
    for _ in range(rounds):
        q = q / q.sum(dim=0, keepdim=True)
        q = q / q.sum(dim=1, keepdim=True)
    return q


@wrong("sinkhorn", "row|last")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        q = q / q.sum(dim=0, keepdim=True)
    return q / len(scores)


@wrong("sinkhorn", "scales? by|number of|B / K|times")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        q = q / q.sum(dim=0, keepdim=True) / q.shape[1]
        q = q / q.sum(dim=1, keepdim=True) / q.shape[0]
    return q


@wrong("sinkhorn", "return")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        q /= q.sum(dim=0, keepdim=True)
        q /= q.sum(dim=1, keepdim=True)


@wrong("sinkhorn", "inside|one round|first round")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        q = q / q.sum(dim=0, keepdim=True)
        q = q / q.sum(dim=1, keepdim=True)
        return q


@wrong("sinkhorn", "keepdim", "in line")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    for _ in range(rounds):
        q = q / q.sum(dim=0)
        q = q / q.sum(dim=1)
    return q


@wrong("sinkhorn", "did not end|loop")
def _(scores, epsilon, rounds):
    q = torch.exp(scores / epsilon)
    done = 0
    while done < rounds:
        q = q / q.sum(dim=0, keepdim=True)
        q = q / q.sum(dim=1, keepdim=True)
    return q


# what a teacher says


@right("sharpened")
def _(scores, centre, temperature):
    e = torch.exp((scores - centre) / temperature)
    return e / e.sum(dim=1, keepdim=True)


@right("sharpened")
@torch.no_grad()
def _(scores, centre, temperature):
    return F.softmax((scores - centre[None]) / temperature, dim=-1)


@wrong("sharpened", "dim=0|over the batch")
def _(scores, centre, temperature):
    return F.softmax((scores - centre) / temperature, dim=0)


@wrong("sharpened", "after the division|centre")
def _(scores, centre, temperature):
    return F.softmax(scores / temperature - centre, dim=1)


@wrong("sharpened", "centre")
def _(scores, centre, temperature):
    return F.softmax(scores / temperature, dim=1)


@wrong("sharpened", "multiplied|divide")
def _(scores, centre, temperature):
    return F.softmax((scores - centre) * temperature, dim=1)


@wrong("sharpened", "0.04|does not depend on `temperature|no number in its place")
def _(scores, centre, temperature=0.04):
    return F.softmax((scores - centre) / 0.04, dim=1)


@wrong("sharpened", "sum of each row|sum of all|dim=1")
def _(scores, centre, temperature):
    e = torch.exp((scores - centre) / temperature)
    return e / e.sum()


@wrong("sharpened", "logarithm")
def _(scores, centre, temperature):
    return F.log_softmax((scores - centre) / temperature, dim=1)


@wrong("sharpened", "added|sign|subtract")
def _(scores, centre, temperature):
    return F.softmax((scores + centre) / temperature, dim=1)


@wrong("sharpened", "softmax is missing|softmax")
def _(scores, centre, temperature):
    return (scores - centre) / temperature


@wrong("sharpened", "after the softmax|before")
def _(scores, centre, temperature):
    return F.softmax(scores - centre, dim=1) / temperature


@wrong("sharpened", "argmax|one-hot|largest")
def _(scores, centre, temperature):
    return F.one_hot(((scores - centre) / temperature).argmax(1), scores.shape[1]).float()


@wrong("sharpened", "dtype|float64")
def _(scores, centre, temperature):
    return F.softmax((scores - centre) / temperature, dim=1, dtype=torch.float64)


# the spread on the sphere


@right("feature_std")
def _(z):
    z = F.normalize(z, dim=1)
    return z.var(0, correction=0).sqrt().mean() * z.shape[1] ** 0.5


@right("feature_std")
def _(z):
    u = z / torch.linalg.vector_norm(z, dim=1, keepdim=True)
    std = ((u - u.mean(0)) ** 2).mean(0) ** 0.5
    return float(std.sum() / z.shape[1] * z.shape[1] ** 0.5)


@wrong("feature_std", "N - 1|correction")
def _(z):
    return F.normalize(z, dim=1).std(0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", "√D|D is missing")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean()


@wrong("feature_std", "normalise", "row.*long")
def _(z):
    return z.std(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", "dim=1|dim=0|features of a picture")
def _(z):
    return F.normalize(z, dim=1).std(1, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", "its root, √D")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * z.shape[1]


@wrong("feature_std", "√N|number of pictures")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() * len(z) ** 0.5


@wrong("feature_std", "mean")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0) * z.shape[1] ** 0.5


@wrong("feature_std", "each feature|all numbers")
def _(z):
    return F.normalize(z, dim=1).std(correction=0) * z.shape[1] ** 0.5


@wrong("feature_std", "divided by √D|multiply")
def _(z):
    return F.normalize(z, dim=1).std(0, correction=0).mean() / z.shape[1] ** 0.5


@wrong("feature_std", "variance|root")
def _(z):
    return F.normalize(z, dim=1).var(0, correction=0).mean() * z.shape[1] ** 0.5


@wrong("feature_std", "mean.*off|centre")
def _(z):
    return F.normalize(z - z.mean(0), dim=1).std(0, correction=0).mean() * z.shape[1] ** 0.5


# the effective rank


@right("effective_rank")
def _(z):
    s = torch.linalg.svd(z, full_matrices=False).S
    p = s / s.sum()
    return torch.exp(-(p * torch.log(p + 1e-12)).sum())


@right("effective_rank")
def _(z):
    p = torch.linalg.svdvals(z.double())
    p = p / p.sum()
    return float((-(p * p.log()).sum()).exp())


@right("effective_rank")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.distributions.Categorical(probs=s).perplexity()


@wrong("effective_rank", "entropy|exponential")
def _(z):
    s = torch.linalg.svdvals(z)
    p = s / s.sum()
    return -(p * p.log()).sum()


@wrong("effective_rank", "squared|square")
def _(z):
    s = torch.linalg.svdvals(z) ** 2
    p = s / s.sum()
    return torch.exp(-(p * p.log()).sum())


@wrong("effective_rank", "mean")
def _(z):
    s = torch.linalg.svdvals(z - z.mean(0))
    p = s / s.sum()
    return torch.exp(-(p * p.log()).sum())


@wrong("effective_rank", "base 2")
def _(z):
    s = torch.linalg.svdvals(z)
    p = s / s.sum()
    return torch.exp(-(p * p.log2()).sum())


@wrong("effective_rank", "softmax")
def _(z):
    p = torch.linalg.svdvals(z).softmax(0)
    return torch.exp(-(p * p.log()).sum())


@wrong("effective_rank", "sign")
def _(z):
    s = torch.linalg.svdvals(z)
    p = s / s.sum()
    return torch.exp((p * p.log()).sum())


@wrong("effective_rank", "counts the values")
def _(z):
    return torch.linalg.matrix_rank(z).float()


@wrong("effective_rank", "1 / Σ|participation|another way to count|square")
def _(z):
    s = torch.linalg.svdvals(z)
    return s.sum() ** 2 / (s**2).sum()


@wrong("effective_rank", "length 1|as they are", "row")
def _(z):
    s = torch.linalg.svdvals(F.normalize(z, dim=1))
    p = s / s.sum()
    return torch.exp(-(p * p.log()).sum())


@wrong("effective_rank", "sum to 1|divide")
def _(z):
    s = torch.linalg.svdvals(z)
    return torch.exp(-(s * s.log()).sum())


@wrong("effective_rank", "variances")
def _(z):
    v = z.var(0, correction=0)
    p = v / v.sum()
    return torch.exp(-(p * p.log()).sum())


@wrong("effective_rank", "threshold|counts")
def _(z):
    s = torch.linalg.svdvals(z)
    return (s > 0.1 * s.max()).sum().float()
