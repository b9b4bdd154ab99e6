"""Lesson 17: how alike two rankings are, and two representations."""

import torch
import torch.nn.functional as F
from scipy.stats import kendalltau, pearsonr, rankdata

from . import right, wrong

# Spearman


def shared(x):
    """A loop over the values: those before it, and half of those beside it."""
    values = x.tolist()
    return torch.tensor([sum(u < v for u in values) + (sum(u == v for u in values) + 1) / 2 for v in values])


def pearson(a, b):
    a, b = a - a.mean(), b - b.mean()
    return (a @ b) / (a.norm() * b.norm())


@right("rank_correlation")
def _(a, b):
    return pearson(shared(a), shared(b))


@right("rank_correlation")
def _(a, b):
    ranks = []
    for x in (a, b):
        smaller = (x.unsqueeze(0) < x.unsqueeze(1)).float().sum(1)
        equal = (x.unsqueeze(0) == x.unsqueeze(1)).float().sum(1)
        ranks.append(smaller + 0.5 * equal)
    return torch.corrcoef(torch.stack(ranks))[0, 1]


@right("rank_correlation")
def _(a, b):
    return float(pearsonr(rankdata(-a.numpy()), rankdata(-b.numpy()))[0])


@right("rank_correlation")
def _(a, b):
    def rank(x):
        _, which, counts = x.unique(return_inverse=True, return_counts=True)
        last = counts.cumsum(0).float()
        return (last - (counts - 1) / 2)[which]

    a, b = rank(a), rank(b)
    za, zb = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    return (za * zb).sum() / (len(a) - 1)


@wrong("rank_correlation", "Pearson", "rank")
def _(a, b):
    return pearson(a, b)


@wrong("rank_correlation", "by the place where they stand", "equal values")
def _(a, b):
    rank_a = a.argsort().argsort().float()
    rank_b = b.argsort().argsort().float()
    return pearson(rank_a, rank_b)


@wrong("rank_correlation", "by the place where they stand", "equal values")
def _(a, b):
    n = len(a)
    d = a.argsort().argsort() - b.argsort().argsort()
    return 1 - 6 * (d**2).sum() / (n * (n**2 - 1))


@wrong("rank_correlation", "equal values", "rank")
def _(a, b):
    rank_a = a.argsort(descending=True).argsort().float()
    rank_b = b.argsort(descending=True).argsort().float()
    return pearson(rank_a, rank_b)


@wrong("rank_correlation", "an order, not ranks", "argsort")
def _(a, b):
    return pearson(a.argsort().float(), b.argsort().float())


@wrong("rank_correlation", "no two values are equal", "short form")
def _(a, b):
    n, d = len(a), shared(a) - shared(b)
    return 1 - 6 * d.square().sum() / (n**3 - n)


@wrong("rank_correlation", "sign is turned", "from the largest")
def _(a, b):
    return pearson(shared(-a), shared(b))


@wrong("rank_correlation", "covariance of the ranks", "deviation")
def _(a, b):
    ra, rb = shared(a), shared(b)
    return ((ra - ra.mean()) * (rb - rb.mean())).mean()


@wrong("rank_correlation", "not squared", "differences")
def _(a, b):
    n, d = len(a), shared(a) - shared(b)
    return 1 - 6 * d.sum() / (n * (n**2 - 1))


@wrong("rank_correlation", "absolute differences", "square")
def _(a, b):
    n, d = len(a), shared(a) - shared(b)
    return 1 - 6 * d.abs().sum() / (n * (n**2 - 1))


@wrong("rank_correlation", "never reach 1", "N - 1")
def _(a, b):
    ra, rb = shared(a), shared(b)
    return ((ra - ra.mean()) * (rb - rb.mean())).mean() / (ra.std() * rb.std())


@wrong("rank_correlation", "more than 1", "N - 1")
def _(a, b):
    ra, rb = shared(a), shared(b)
    return torch.cov(torch.stack([ra, rb]))[0, 1] / (ra.std(correction=0) * rb.std(correction=0))


@wrong("rank_correlation", "no rank is skipped", "rank")
def _(a, b):
    return pearson(a.unique(return_inverse=True)[1].float(), b.unique(return_inverse=True)[1].float())


@wrong("rank_correlation", "smallest of these ranks", "share the mean")
def _(a, b):
    def rank(x):
        inorder = sorted(x.tolist())
        return torch.tensor([float(inorder.index(v)) for v in x.tolist()])

    return pearson(rank(a), rank(b))


@wrong("rank_correlation", "Kendall", "correlation of the ranks")
def _(a, b):
    return kendalltau(a.numpy(), b.numpy()).statistic


@wrong("rank_correlation", "Kendall", "correlation of the ranks")
def _(a, b):
    n, score = len(a), 0
    for i in range(n):
        for j in range(i):
            score += int(torch.sign(a[i] - a[j]) * torch.sign(b[i] - b[j]))
    return score / (n * (n - 1) / 2)


@wrong("rank_correlation", "squared the correlation", "sign")
def _(a, b):
    return pearson(shared(a), shared(b)) ** 2


@wrong("rank_correlation", "absolute", "sign")
def _(a, b):
    return abs(pearson(shared(a), shared(b)))


@wrong("rank_correlation", "mean rank was not taken off", "mean")
def _(a, b):
    return F.cosine_similarity(shared(a), shared(b), dim=0)


@wrong("rank_correlation", "table of correlations", r"\[0, 1\]")
def _(a, b):
    return torch.corrcoef(torch.stack([shared(a), shared(b)]))


@wrong("rank_correlation", "whole numbers", "float")
def _(a, b):
    ra, rb = a.argsort().argsort(), b.argsort().argsort()
    return ((ra - ra.mean()) * (rb - rb.mean())).mean() / (ra.std() * rb.std())


@wrong("rank_correlation", "sorted both", "sort")
def _(a, b):
    return pearson(a.sort()[0], b.sort()[0])


@wrong("rank_correlation", "Only `a`", "rank")
def _(a, b):
    return pearson(shared(a), b)


# linear CKA


def centred(z):
    return z - z.mean(dim=0)


@right("linear_cka")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())


@right("linear_cka")
def _(a, b):
    n = len(a)
    keep = torch.eye(n) - torch.ones(n, n) / n
    table_a, table_b = keep @ (a @ a.T) @ keep, keep @ (b @ b.T) @ keep
    return F.cosine_similarity(table_a.flatten(), table_b.flatten(), dim=0)


@right("linear_cka")
def _(a, b):
    def hsic(x, y):
        x, y = x - x.mean(0), y - y.mean(0)
        return torch.trace(x @ x.T @ y @ y.T) / (len(x) - 1) ** 2

    return hsic(a, b) / torch.sqrt(hsic(a, a) * hsic(b, b))


@right("linear_cka")
def _(a, b):
    ua, sa, _ = torch.linalg.svd(centred(a), full_matrices=False)
    ub, sb, _ = torch.linalg.svd(centred(b), full_matrices=False)
    shared_directions = (ua.T @ ub) ** 2
    return ((sa**2) @ shared_directions @ (sb**2)) / ((sa**4).sum().sqrt() * (sb**4).sum().sqrt())


@wrong("linear_cka", "Nothing was taken off", "mean")
def _(a, b):
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())


@wrong("linear_cka", "own mean", "mean over the items")
def _(a, b):
    a, b = a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())


@wrong("linear_cka", "mean over the items|each column", "mean")
def _(a, b):
    a, b = a - a.mean(dim=1), b - b.mean(dim=1)
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())


@wrong("linear_cka", "that of all numbers", "mean")
def _(a, b):
    a, b = a - a.mean(), b - b.mean()
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())


@wrong("linear_cka", "Only `a`", "mean")
def _(a, b):
    a = centred(a)
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())


@wrong("linear_cka", "above the line is not squared", "squared")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() / ((a.T @ a).norm() * (b.T @ b).norm())


@wrong("linear_cka", "‖BᵀB‖ is missing", "below the line")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() ** 2 / (a.T @ a).norm()


@wrong("linear_cka", "not squared", "below the line")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() ** 2 * (b.T @ b).norm() ** 2)


@wrong("linear_cka", "traces", "below the line")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() ** 2 / (torch.trace(a.T @ a) * torch.trace(b.T @ b))


@wrong("linear_cka", "of a and b themselves", "below the line")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() ** 2 / (a.norm() * b.norm())


@wrong("linear_cka", "items are what is added up", "a.T @ b")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a @ b.T).norm() ** 2 / ((a @ a.T).norm() * (b @ b.T).norm())


@wrong("linear_cka", "standard deviation", "column")
def _(a, b):
    a, b = centred(a) / a.std(0), centred(b) / b.std(0)
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())


@wrong("linear_cka", "each row the length 1", "row")
def _(a, b):
    a, b = centred(F.normalize(a, dim=1)), centred(F.normalize(b, dim=1))
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())


@wrong("linear_cka", "root", "result")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() / ((a.T @ a).norm() * (b.T @ b).norm()).sqrt()


@wrong("linear_cka", "entry by entry", "features")
def _(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]


@wrong("linear_cka", "singular value", "norm")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() ** 2 / (torch.linalg.norm(a.T @ a, ord=2) * torch.linalg.norm(b.T @ b, ord=2))


@wrong("linear_cka", "tables", "mean over the items")
def _(a, b):
    return pearson((a @ a.T).flatten(), (b @ b.T).flatten())


@wrong("linear_cka", "entry by entry", "below the line")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() ** 2 / ((a * a).norm() * (b * b).norm())


@wrong("linear_cka", "The line is missing", "divide")
def _(a, b):
    return (centred(a).T @ centred(b)).norm() ** 2


@wrong("linear_cka", "add.* the two norms", "below the line")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b).norm() ** 2 / ((a.T @ a).norm() + (b.T @ b).norm())


@wrong("linear_cka", "above the line by N and not below", "N")
def _(a, b):
    a, b = centred(a), centred(b)
    return (a.T @ b / len(a)).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())
