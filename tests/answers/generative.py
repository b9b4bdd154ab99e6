"""Lessons 14 to 16: PCA, denoising, the VAE's draw and KL, both losses of a GAN, the mutual information gap."""

import math

import torch
import torch.nn.functional as F

from . import right, wrong

# PCA


@right("pca_reconstruction")
def _(x, k):
    mean = x.mean(dim=0, keepdim=True)
    _, _, vh = torch.linalg.svd(x - mean, full_matrices=False)
    code = (x - mean) @ vh[:k].T
    return mean + code @ vh[:k]


@right("pca_reconstruction")
def _(x, k):
    mean = x.mean(0)
    u, s, vh = torch.linalg.svd(x - mean, full_matrices=False)
    s[k:] = 0
    return u @ torch.diag(s) @ vh + mean


@right("pca_reconstruction")
def _(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T))
    best = vectors[:, values.argsort(descending=True)[:k]]
    return (x - x.mean(0)) @ best @ best.T + x.mean(0)


@wrong("pca_reconstruction", "mean was not taken off|subtract", "mean")
def _(x, k):
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    return (u[:, :k] * s[:k]) @ vh[:k]


@wrong("pca_reconstruction", "mean is missing|add", "mean")
def _(x, k):
    centred = x - x.mean(0)
    vh = torch.linalg.svd(centred, full_matrices=False)[2]
    return centred @ vh[:k].T @ vh[:k]


@wrong("pca_reconstruction", "last|smallest first")
def _(x, k):
    centred = x - x.mean(0)
    v = torch.linalg.eigh(centred.T @ centred)[1][:, :k]
    return centred @ v @ v.T + x.mean(0)


@wrong("pca_reconstruction", "columns", "components")
def _(x, k):
    centred = x - x.mean(0)
    v = torch.linalg.eigh(centred.T @ centred)[1][-k:].T
    return centred @ v @ v.T + x.mean(0)


@wrong("pca_reconstruction", "rows", "components")
def _(x, k):
    centred = x - x.mean(0)
    v = torch.linalg.svd(centred, full_matrices=False)[2][:, :k]
    return centred @ v @ v.T + x.mean(0)


@wrong("pca_reconstruction", "deviation")
def _(x, k):
    mean, std = x.mean(0), x.std(0)
    z = (x - mean) / std
    vh = torch.linalg.svd(z, full_matrices=False)[2]
    return z @ vh[:k].T @ vh[:k] * std + mean


@wrong("pca_reconstruction", "singular values|whiten")
def _(x, k):
    u, _, vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return u[:, :k] @ vh[:k] + x.mean(0)


@wrong("pca_reconstruction", "left out|counting begins", "component")
def _(x, k):
    vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)[2][1 : k + 1]
    return (x - x.mean(0)) @ vh.T @ vh + x.mean(0)


@wrong("pca_reconstruction", "mean still in|taken off|mean", "mean")
def _(x, k):
    vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)[2][:k]
    return x @ vh.T @ vh


@wrong("pca_reconstruction", "code|k numbers|painting|expected", "shape")
def _(x, k):
    vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)[2][:k]
    return (x - x.mean(0)) @ vh.T


# The denoising loss


@right("denoising_loss")
def _(network, clean, noisy):
    painted = network(noisy)
    return torch.mean((painted - clean) ** 2)


@right("denoising_loss")
def _(network, clean, noisy):
    difference = (network(noisy) - clean).flatten()
    return difference @ difference / len(difference)


@wrong("denoising_loss", "compared with the noisy|target is the clean")
def _(network, clean, noisy):
    return F.mse_loss(network(noisy), noisy)


@wrong("denoising_loss", "given the clean|noisy ones", "clean")
def _(network, clean, noisy):
    return F.mse_loss(network(clean), clean)


@wrong("denoising_loss", "added|mean", "scale|times")
def _(network, clean, noisy):
    return ((network(noisy) - clean) ** 2).sum()


@wrong("denoising_loss", "root")
def _(network, clean, noisy):
    return torch.sqrt(F.mse_loss(network(noisy), clean))


@wrong("denoising_loss", "absolute")
def _(network, clean, noisy):
    return (network(noisy) - clean).abs().mean()


@wrong("denoising_loss", "noise")
def _(network, clean, noisy):
    return F.mse_loss(network(noisy), noisy - clean)


@wrong("denoising_loss", "batch alone|mean over the batch|all numbers", "shape")
def _(network, clean, noisy):
    return ((network(noisy) - clean) ** 2).sum((1, 2, 3)).mean()


# The reparameterisation


@right("reparameterise")
def _(mean, log_variance, noise):
    deviation = log_variance.exp().sqrt()
    return torch.addcmul(mean, deviation, noise)


@right("reparameterise")
def _(mean, log_variance, noise):
    return torch.stack([m + e * torch.exp(v / 2) for m, v, e in zip(mean, log_variance, noise, strict=True)])


@wrong("reparameterise", "variance|root")
def _(mean, log_variance, noise):
    return mean + noise * log_variance.exp()


@wrong("reparameterise", "exp", "log")
def _(mean, log_variance, noise):
    return mean + noise * 0.5 * log_variance


@wrong("reparameterise", "standard deviation|as it is")
def _(mean, log_variance, noise):
    return mean + noise


@wrong("reparameterise", "noise is missing|no draw", "noise")
def _(mean, log_variance, noise):
    return mean


@wrong("reparameterise", "divided|multiply")
def _(mean, log_variance, noise):
    return mean + noise / torch.exp(0.5 * log_variance)


@wrong("reparameterise", "each latent has its own", "latent|noise")
def _(mean, log_variance, noise):
    return mean + torch.exp(0.5 * log_variance) * noise[:, :1]


@wrong("reparameterise", "gradient")
def _(mean, log_variance, noise):
    with torch.no_grad():
        return mean + torch.exp(0.5 * log_variance) * noise


# The KL


@right("gaussian_kl")
def _(mean, log_variance):
    return -0.5 * (1 + log_variance - mean**2 - torch.exp(log_variance)).sum(dim=-1)


@right("gaussian_kl")
def _(mean, log_variance):
    deviation = (0.5 * log_variance).exp()
    return (deviation**2 / 2 + mean**2 / 2 - 0.5 - deviation.log()).sum(1)


@wrong("gaussian_kl", "½|half|twice|2 times", "times")
def _(mean, log_variance):
    return -(1 + log_variance - mean**2 - log_variance.exp()).sum(1)


@wrong("gaussian_kl", "sign|0 or more")
def _(mean, log_variance):
    return 0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)


@wrong("gaussian_kl", "mean's square|mean is missing", "mean")
def _(mean, log_variance):
    return -0.5 * (1 + log_variance - log_variance.exp()).sum(1)


@wrong("gaussian_kl", "not squared", "mean")
def _(mean, log_variance):
    return -0.5 * (1 + log_variance - mean.abs() - log_variance.exp()).sum(1)


@wrong("gaussian_kl", "its logarithm", "variance")
def _(mean, log_variance):
    variance = log_variance.abs()
    return -0.5 * (1 + variance.log() - mean**2 - log_variance).sum(1)


@wrong("gaussian_kl", "number for the batch|keep the pictures apart", "shape")
def _(mean, log_variance):
    return -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()


@wrong("gaussian_kl", "mean over the latents|sum over the latents", "times")
def _(mean, log_variance):
    return -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).mean(1)


@wrong("gaussian_kl", "bits|ln 2", "times")
def _(mean, log_variance):
    return -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1) / math.log(2)


# A GAN's two losses


@right("discriminator_loss")
def _(real, made):
    scores = torch.cat((real, made))
    labels = torch.cat((torch.ones_like(real), torch.zeros_like(made)))
    return 2 * F.binary_cross_entropy_with_logits(scores, labels)


@right("discriminator_loss")
def _(real, made):
    return -(F.logsigmoid(real) + F.logsigmoid(-made)).mean()


@wrong("discriminator_loss", "mean of both|mean \\+ mean|half", "times")
def _(real, made):
    scores = torch.cat((real, made))
    labels = torch.cat((torch.ones_like(real), torch.zeros_like(made)))
    return F.binary_cross_entropy_with_logits(scores, labels)


@wrong("discriminator_loss", "exchanged")
def _(real, made):
    return -(F.logsigmoid(-real) + F.logsigmoid(made)).mean()


@wrong("discriminator_loss", "sign")
def _(real, made):
    return (F.logsigmoid(real) + F.logsigmoid(-made)).mean()


@wrong("discriminator_loss", "made pictures are missing|made", "made")
def _(real, made):
    return -F.logsigmoid(real).mean()


@wrong("discriminator_loss", "called real")
def _(real, made):
    return -(F.logsigmoid(real) + F.logsigmoid(made)).mean()


@wrong("discriminator_loss", "hinge")
def _(real, made):
    return (1 - real).clamp(min=0).mean() + (1 + made).clamp(min=0).mean()


@wrong("discriminator_loss", "gradient")
def _(real, made):
    return -(F.logsigmoid(real) + F.logsigmoid(-made.detach())).mean()


@right("generator_loss")
def _(made):
    return F.binary_cross_entropy_with_logits(made, torch.ones_like(made))


@right("generator_loss")
def _(made):
    return torch.log(1 + torch.exp(-made)).mean()


@wrong("generator_loss", "saturating")
def _(made):
    return F.logsigmoid(-made).mean()


@wrong("generator_loss", "found out|called real")
def _(made):
    return F.binary_cross_entropy_with_logits(made, torch.zeros_like(made))


@wrong("generator_loss", "mean", "shape")
def _(made):
    return F.softplus(-made)


@wrong("generator_loss", "Wasserstein")
def _(made):
    return -made.mean()


@wrong("generator_loss", "sigmoid twice")
def _(made):
    return F.binary_cross_entropy_with_logits(torch.sigmoid(made), torch.ones_like(made))


@wrong("generator_loss", "logarithm")
def _(made):
    return 1 - torch.sigmoid(made).mean()


# The mutual information gap


@right("mig")
def _(information, entropy):
    best = information.topk(2, dim=0).values
    return ((best[0] - best[1]) / entropy).mean()


@right("mig")
def _(information, entropy):
    total = 0.0
    for cause in range(len(entropy)):
        first, second = sorted(information[:, cause].tolist())[-1:-3:-1]
        total += (first - second) / entropy[cause].item()
    return torch.tensor(total / len(entropy))


@wrong("mig", "entropy")
def _(information, entropy):
    best = information.topk(2, dim=0).values
    return (best[0] - best[1]).mean()


@wrong("mig", "second best")
def _(information, entropy):
    return (information.amax(0) / entropy).mean()


@wrong("mig", "mean of the latents|second best")
def _(information, entropy):
    return ((information.amax(0) - information.mean(0)) / entropy).mean()


@wrong("mig", "mean", "shape")
def _(information, entropy):
    best = information.topk(2, dim=0).values
    return (best[0] - best[1]) / entropy


@wrong("mig", "added up|mean", "times")
def _(information, entropy):
    best = information.topk(2, dim=0).values
    return ((best[0] - best[1]) / entropy).sum()


@wrong("mig", "worst")
def _(information, entropy):
    return ((information.amax(0) - information.amin(0)) / entropy).mean()
