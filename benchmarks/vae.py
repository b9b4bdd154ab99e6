"""The VAE of lesson 15: bounds in nats and bits, latents in use, and what they hold, with one seed after the other.

    SSLWB_DATA=… python benchmarks/vae.py [--seeds 3] [--only "shapes" "CIFAR-10" …] [--quick] [--out FILE]

Rows "shapes …" are the lesson's training, 64,000 pictures of 16 × 16, with another β, or with β rising from 0. All are
measured with β = 1 on test pictures: `elbo` and its parts, one draw a picture; `bound`, the importance-weighted one of
64 draws, on 512 pictures, and `bound 1`, of one draw; how many latents are active; and in the world of shapes MIG, DCI
and probes of the causes. `error` is the mean squared error of the painted posterior means; `missed` that of a test
picture to the nearest of 1,024 that were painted from the prior, and `missed, fitted` from a normal distribution with
the means and deviations of the codes. Rows of real pictures are Fashion-MNIST, 28 × 28, each value drawn as 0 or 1 by
its grey ("binarised"), or its bytes with noise ("bytes"), and CIFAR-10's bytes with noise: of bytes, `bits` are those
that a value takes, by `elbo`. They need the files: see data/README.md. The coins alone are the most that the bound of
binarised pictures can reach. The learning rate is the best of 0.001, 0.002 and 0.004 on the world's val split, seed 0,
and is used for all rows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from _rows import Rows, arguments, run

from sslwb import nets
from sslwb.augment import binarised, dequantised, with_noise
from sslwb.augment.combined import Unchanged
from sslwb.data import Images, load
from sslwb.evaluate import active_units, dci, mig, probe_causes
from sslwb.methods.vae import VAE, elbo, gaussian_kl
from sslwb.train import fit

DRAWS, BOUND = 64, 512  # draws a picture of the importance-weighted bound, and of how many pictures
NEAR = 1024  # pictures painted, and test pictures that look for the nearest of them
RATE, BATCH, WEIGHT_DECAY = 4e-3, 64, 1e-4


@dataclass(frozen=True)
class Training:
    """One row: which pictures, how their values are likely, how many latents and steps."""

    data: str = "shapes"
    size: int = 16
    channels: int = 3
    latent: int = 10
    likelihood: str = "bernoulli"
    coding: str = "greys"  # "binarised", "bytes"
    beta: float = 1.0
    warmup: float = 0.0
    steps: int = 1000
    lr: float = RATE

    def views(self, latent: bool = True) -> Any:
        of = with_noise(Unchanged(), self.latent) if latent else Unchanged()
        return {"greys": of, "binarised": binarised(of), "bytes": dequantised(of)}[self.coding]

    def pictures(self, split: str, n: int | None, seed: int) -> Images:
        if self.data == "shapes":
            return load("shapes", split, n, seed, size=self.size)
        images = load(self.data, split)
        rim = (images.shape[-1] - self.size) // 2  # Fashion-MNIST has one of two pixels
        x = images.x[:n, : self.channels, rim : rim + self.size, rim : rim + self.size]
        return Images(x.contiguous(), images.y[:n], images.classes, name=self.data)


fashion = {"data": "fashion-mnist", "size": 28, "channels": 1, "latent": 32, "steps": 3000}
ROWS = {
    "shapes": Training(),
    "shapes, β 0": Training(beta=0.0),
    "shapes, β 8": Training(beta=8.0),
    "shapes, β 8, warm-up": Training(beta=8.0, warmup=0.5),
    "Fashion-MNIST, binarised": Training(**fashion, coding="binarised"),
    "Fashion-MNIST, bytes": Training(**fashion, coding="bytes", likelihood="gaussian"),
    "CIFAR-10, bytes": Training("cifar10", 32, latent=64, coding="bytes", likelihood="gaussian", steps=3000),
}


COINS = "Fashion-MNIST, coins alone"  # nats a picture for one who knows every grey, and guesses its coins by it


def make(row: Training, seed: int) -> VAE:
    encoder = nets.bottleneck(nets.conv(16, channels=row.channels, seed=seed), 64, row.size, seed=seed)
    return VAE(encoder, row.size, row.latent, row.likelihood, row.beta, row.warmup, seed=seed)


@torch.no_grad()
def measured(method: VAE, row: Training, test: Images) -> dict[str, float]:
    method = method.cpu().eval()
    x, noise = row.views()(test, torch.Generator().manual_seed(1))
    fits, kl, error = [], [], []
    for part, e in zip(x.split(256), noise.split(256), strict=True):
        mean, log_variance = method.posterior(part)
        fits.append(method.log_likelihood(method.decoder(mean + (log_variance / 2).exp() * e), part))
        kl.append(gaussian_kl(mean, log_variance))
        error.append((method.paint(mean) - part).square().flatten(1).mean(1))
    found = {
        "elbo": float(elbo(torch.cat(fits), torch.cat(kl))),
        "reconstruction": -float(torch.cat(fits).mean()),
        "kl": float(torch.cat(kl).mean()),
        "error": float(torch.cat(error).mean()),
    }
    draws = torch.randn(BOUND, DRAWS, row.latent, generator=torch.Generator().manual_seed(2))
    one = [float(v) for v in (method.bound(x[:BOUND], draws[:, :1]).mean(), method.bound(x[:BOUND], draws).mean())]
    means = method.means(x)
    found |= {"bound 1": one[0], "bound": one[1], "active": float(active_units(means).sum())}
    for name, z in {"missed": noise, "missed, fitted": means.mean(0) + means.std(0) * noise}.items():
        apart = torch.cdist(x[:NEAR].flatten(1), method.paint(z[:NEAR]).flatten(1)).square() / x[0].numel()
        found[name] = float(apart.amin(1).mean())
    if row.coding == "bytes":
        found["bits"] = -found["elbo"] / (x[0].numel() * torch.log(torch.tensor(2.0)).item()) + 8
    return found


def causes(method: VAE, row: Training, train: Images, test: Images) -> dict[str, float]:
    bank = train[:4096]
    (x,), (q,) = (row.views(latent=False)(part, torch.Generator().manual_seed(1)) for part in (bank, test))
    z, z_test = method.means(x), method.means(q)
    gaps, parts = mig(z_test, test), dci(z_test, test)
    found = {"mig": gaps.score, "disentanglement": parts.disentanglement, "completeness": parts.completeness}
    return found | {f"cause {name}": c.score for name, c in probe_causes(z, bank, z_test, test).items()}


def measure(name: str, seed: int, share: float) -> Rows:
    if name == COINS:
        greys = ROWS["Fashion-MNIST, binarised"].pictures("test", 2048, seed).inputs()[0]
        yield name, {"elbo": -float(torch.distributions.Bernoulli(greys).entropy().flatten(1).sum(1).mean())}
        return
    row = ROWS[name]
    train = row.pictures("train", 8192 if row.data == "shapes" else None, seed)
    test = row.pictures("test", 2048, seed)
    method, begin = make(row, seed), time.process_time()
    settings = {"steps": max(2, round(row.steps * share)), "batch_size": BATCH, "lr": row.lr}
    fit(
        method,
        train,
        row.views(),
        **settings,
        weight_decay=WEIGHT_DECAY,
        seed=seed,
        precision="fp32",
        progress=False,
    )
    found = {"cpu seconds": time.process_time() - begin, **measured(method, row, test)}
    yield name, found | (causes(method, row, train, test) if row.data == "shapes" else {})


def main() -> None:
    run(arguments(__doc__, [*ROWS, COINS]).parse_args(), measure, {name: repr(row) for name, row in ROWS.items()})


if __name__ == "__main__":
    main()
