"""SwAV. Source: Caron et al. 2020, "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments".

Lesson 07.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views, check_shapes, whole
from sslwb.methods.base import Method, by_size, check_temperature, check_views, full_precision
from sslwb.nets import Prototypes, seeded


@full_precision
@torch.no_grad()
def sinkhorn(scores: Tensor, epsilon: float = 0.05, rounds: int = 3) -> Tensor:
    """Soft assignments of a batch to prototypes, evenly used: scores (B, K) → (B, K), each row sums to 1.

    exp(scores / epsilon), its columns and rows scaled in turn until every prototype gets B / K of the batch: section
    3.1 and appendix A, in logarithms.

    Raises:
        TypeError: rounds is no whole number, or scores no tensor of floats.
        ValueError: epsilon ≤ 0, fewer than one round, or scores that are no (B, K).
    """
    check_temperature(epsilon, "epsilon")
    whole("rounds", rounds, least=1)
    check_shapes(scores=(scores, "B K"))
    log_q = scores / epsilon
    for _ in range(rounds):
        log_q = log_q - log_q.logsumexp(0, keepdim=True)  # each prototype is used alike
        log_q = log_q - log_q.logsumexp(1, keepdim=True)  # each picture is assigned once
    return log_q.exp()


@full_precision
def swapped_loss(scores: Tensor, codes: Tensor, temperature: float = 0.1) -> Tensor:
    """Cross-entropy of each view's softmax with the codes of the other views: (V, B, K), (C, B, K) → scalar.

    codes[i] belongs to scores[i]; C ≤ V. Equation 2, the mean over all pairs of a code and another view.

    Raises:
        TypeError: no tensors of floats.
        ValueError: temperature ≤ 0, fewer than two views, more codes than views, or shapes that do not fit.
    """
    check_temperature(temperature)
    check_swapped(scores=scores, codes=codes)
    log_p = (scores / temperature).log_softmax(2)
    losses = [-(codes[i] * log_p[v]).sum(1).mean() for i in range(len(codes)) for v in range(len(scores)) if v != i]
    return torch.stack(losses).mean()


def check_swapped(**tensors: Tensor) -> None:
    """Raise unless they are what views predict (V, B, K) and what they are asked for (T, B, K), V ≥ 2 and V ≥ T."""
    check_shapes(**{name: (x, f"{views} B K") for (name, x), views in zip(tensors.items(), "VT", strict=True)})
    (name, x), (asked, of) = tensors.items()
    if len(x) < 2 or len(x) < len(of):
        raise ValueError(
            f"{name} holds {len(x)} view(s) and {asked} {len(of)}; expected at least 2, and no more {asked} than "
            f"{name}: a view is compared with another view"
        )


class SwAV(Method):
    """Encoder, projector and prototypes: from one view predict to which prototypes another view is assigned.

    Every view as large as the first has a code; smaller views, as `multicrop` makes them, only predict. The codes of
    all views are shared out together, so that a small batch has enough of them for every prototype; the paper does that
    with a queue of earlier batches. Besides the loss, the codes' entropy is recorded, in nats.

    Args:
        encoder: any encoder of `sslwb.nets`.
        prototypes: how many.
        temperature: of the prediction.
        epsilon: softness of the codes.
        projector: widths of the projector's layers.
        seed: of the head's first weights.

    Raises:
        ValueError: temperature or epsilon ≤ 0, fewer than two prototypes, a batch of one or views of different batches.
    """

    pairs = True
    loss_classes = True

    def __init__(
        self,
        encoder: nn.Module,
        prototypes: int = 64,
        temperature: float = 0.1,
        epsilon: float = 0.02,
        projector: Sequence[int] = (64,),
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        check_temperature(temperature)
        check_temperature(epsilon, "epsilon")
        if prototypes < 2:
            raise ValueError(f"prototypes is {prototypes}; expected 2 or more")
        with seeded(seed):
            self.head = Prototypes(self.encoder.dim, *projector, count=prototypes, last_norm=True)
        self.temperature, self.epsilon = temperature, epsilon

    def forward(self, views: Views) -> dict[str, Tensor]:
        check_views(views)
        scores = torch.stack(by_size(nn.Sequential(self.encoder, self.head), views))
        large = scores[: sum(v.shape == views[0].shape for v in views)].detach()  # (C, B, K)
        everywhere = ranks.gather_views(large)  # (C, ranks · B, K): the codes are shared out over the whole batch
        codes = sinkhorn(everywhere.flatten(0, 1), self.epsilon).view_as(everywhere)
        codes = ranks.own(codes.transpose(0, 1)).transpose(0, 1)
        entropy = torch.special.entr(codes).sum(2).mean()
        return {"loss": swapped_loss(scores, codes, self.temperature), "entropy": entropy}

    def loss_space(self, h: Tensor) -> Tensor:
        scores: Tensor = self.head(h) / self.temperature
        return scores
