"""DenseCL. Source: Wang et al. 2021, "Dense Contrastive Learning for Self-Supervised Visual Pre-Training".

Lesson 21.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views, check_shapes, may_read, number
from sslwb.methods.base import Method, check_temperature, full_precision, one_batch
from sslwb.methods.simclr import nt_xent
from sslwb.nets import mlp, seeded


def in_places(h: Tensor) -> Tensor:
    """Features of an encoder as places, (B, L, D): from maps (B, D, H, W), in reading order, or tokens as they are.

    Raises:
        ValueError: another number of axes.
    """
    if h.ndim not in (3, 4):
        raise ValueError(
            f"encoder.features gave {tuple(h.shape)}; expected maps (B, dim, H, W), or tokens (B, L, dim): a dense "
            "method asks for places"
        )
    return h if h.ndim == 3 else h.flatten(2).transpose(1, 2)


def matches(a: Tensor, b: Tensor) -> Tensor:
    """For each place of one view the place of another that is most alike: (B, L, D) and (B, M, D) → int64 (B, L).

    Alike is the cosine of the encoder's own features: nobody says where in the picture the views were cut.
    """
    return (F.normalize(a, dim=2) @ F.normalize(b, dim=2).transpose(1, 2)).argmax(2)


@full_precision
def dense_nt_xent(queries: Tensor, keys: Tensor, match: Tensor, temperature: float = 0.2) -> Tensor:
    """Each place looks for its match in the other view, among the mean keys of all other pictures → scalar.

    The mean over places of -log( exp(r·t/τ) / (exp(r·t/τ) + Σ exp(r·n/τ)) ), with unit vectors: r is a place of a view,
    t its match in the other view of the picture, and n, one for each other picture, the direction of its mean key (in
    the paper they come from a queue).

    Args:
        queries: (B, L, D), places of one view.
        keys: (B, M, D), places of the other.
        match: int64 (B, L), which of the M places belongs to each of the L.
        temperature: small values look at the hardest negatives alone.

    Raises:
        TypeError: no tensors of floats, or match is not int64.
        ValueError: temperature ≤ 0, other shapes, a batch of one, or a match that is no place.
    """
    check_temperature(temperature)
    check_shapes(queries=(queries, "B L D"), keys=(keys, "B M D"), match=(match, "int64 B L"))
    b, places = len(queries), keys.shape[1]
    if b < 2:
        raise ValueError("queries are of one picture; expected a batch of at least two: the others are its negatives")
    if may_read(match) and match.numel() and not 0 <= int(match.min()) <= int(match.max()) < places:
        raise ValueError(f"match runs from {int(match.min())} to {int(match.max())}; expected 0 to {places - 1}")
    r, t = F.normalize(queries, dim=2), F.normalize(keys, dim=2)
    positive = (r * t.gather(1, match[:, :, None].expand(-1, -1, t.shape[2]))).sum(2) / temperature  # (B, L)
    similar = r @ F.normalize(t.mean(1), dim=1).T / temperature  # (B, L, B)
    own = torch.eye(b, dtype=torch.bool, device=r.device)[:, None]
    negative = similar.masked_fill(own, -torch.inf).logsumexp(2)
    return (torch.logaddexp(positive, negative) - positive).mean()


class DenseCL(Method):
    """SimCLR whose places learn too: encoder, a projector for the mean of the places and one for each place, NT-Xent.

    The paper stands on MoCo, with a queue and a momentum encoder; here the batch holds the negatives, as in SimCLR, so
    that the two differ in the places alone. Of more than two views each is matched with the next.

    Args:
        encoder: any encoder of `sslwb.nets` with `features`.
        dense: weight of the dense term, the paper's λ of 0.5; 0 is SimCLR and 1 has no global term.
        temperature: of both terms.
        projector: widths of the layers of both projectors.
        seed: of their first weights.

    Raises:
        TypeError: an encoder without `features`.
        ValueError: temperature ≤ 0, dense outside 0 to 1, a batch of one or views of different batches.
    """

    pairs = True

    def __init__(
        self,
        encoder: nn.Module,
        dense: float = 0.5,
        temperature: float = 0.2,
        projector: Sequence[int] = (256, 128),
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        check_temperature(temperature)
        self.dense = number("dense", dense)
        if not 0 <= self.dense <= 1:
            raise ValueError(f"dense is {dense}; expected a share of the loss, from 0 to 1")
        self.temperature = temperature
        with seeded(seed):
            self.projector = mlp(self.encoder.dim, *projector)
            # Linear layers on places are the paper's convolutions of 1 × 1.
            self.places = mlp(self.encoder.dim, *projector, norm=False)

    def forward(self, views: Views) -> dict[str, Tensor]:
        h = in_places(self.encoder.features(one_batch(views)))
        z = map(ranks.gather, self.projector(h.mean(1)).chunk(len(views)))
        features = [ranks.gather(part.detach()) for part in h.chunk(len(views))]
        dense = [ranks.gather(part) for part in self.places(h).chunk(len(views))]
        terms = {
            "global": nt_xent(*z, temperature=self.temperature),
            "dense": torch.stack(
                [
                    dense_nt_xent(dense[i], dense[j], matches(features[i], features[j]), self.temperature)
                    for i, j in _pairs(len(views))
                ]
            ).mean(),
        }
        return {"loss": (1 - self.dense) * terms["global"] + self.dense * terms["dense"], **terms}

    def negatives(self, batch_size: int, views: int) -> int | None:
        return batch_size - 1

    def loss_space(self, h: Tensor) -> Tensor:
        z: Tensor = self.projector(h)
        return z


def _pairs(views: int) -> list[tuple[int, int]]:
    """Each view with the next, both ways: (0, 1), (1, 0) of two."""
    ring = [(i, (i + 1) % views) for i in range(views)]
    return ring if views == 2 else ring + [(j, i) for i, j in ring]
