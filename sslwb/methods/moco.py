"""MoCo. Source: He et al. 2020, "Momentum Contrast"; the head and the symmetric loss of MoCo v3, Chen et al. 2021.

Lesson 04.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views, check_shapes
from sslwb.methods.base import Method, check_temperature, full_precision, mean_of_other_views, one_batch
from sslwb.methods.teacher import check_momentum, ema_update, teacher_of
from sslwb.nets import mlp, seeded


@full_precision
def queue_loss(query: Tensor, key: Tensor, queue: Tensor, temperature: float = 0.2) -> Tensor:
    """InfoNCE with negatives from a queue: query, key (B, D), queue (K, D) → scalar.

    The mean over the batch of -log( exp(q·k/t) / (exp(q·k/t) + Σ exp(q·n/t)) ), n over the queue, with unit vectors:
    equation 1 of the paper. No gradient reaches key or queue.

    Raises:
        TypeError: no tensors of floats.
        ValueError: temperature ≤ 0, or query, key and queue do not fit.
    """
    check_temperature(temperature)
    check_shapes(query=(query, "B D"), key=(key, "B D"), queue=(queue, "K D"))
    q, k, n = F.normalize(query, dim=1), F.normalize(key.detach(), dim=1), F.normalize(queue.detach(), dim=1)
    logits = torch.cat(((q * k).sum(1, keepdim=True), q @ n.T), dim=1) / temperature  # (B, 1 + K), the positive first
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long, device=q.device))


class MoCo(Method):
    """Encoder and projector ask; a teacher that follows them slowly answers; its earlier answers are the negatives.

    Every view asks and every view has a key; what a view asks for is the mean direction of the keys of the other views.
    With two views that is the paper's loss made symmetric, as in MoCo v3. The projector's end is normalised, as there.
    The paper shuffles the batch between GPUs, so that query and key are not normalised over the same pictures; on one
    device they are.

    Args:
        encoder: any encoder of `sslwb.nets`.
        queue: how many earlier keys are kept; a multiple of views · batch, the keys of one step.
        momentum: of the teacher.
        temperature: small values look at the hardest negatives alone.
        projector: widths of the projector's layers.
        seed: of the projector's first weights and of the first queue.

    Raises:
        ValueError: momentum outside [0, 1], temperature ≤ 0, an empty queue or, in training, one that the keys of a
            step do not divide.
    """

    pairs = True
    moving_targets = True
    queue: Tensor
    place: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        queue: int = 1024,
        momentum: float = 0.99,
        temperature: float = 0.2,
        projector: Sequence[int] = (256, 128),
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        check_momentum(momentum)
        check_temperature(temperature)
        if queue < 2:
            raise ValueError(f"queue is {queue}; expected 2 or more: its keys are the negatives")
        with seeded(seed):
            self.projector = mlp(self.encoder.dim, *projector, last_norm=True)
            self.register_buffer("queue", F.normalize(torch.randn(queue, projector[-1]), dim=1))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))  # where the next keys go
        self.teacher = teacher_of(nn.Sequential(self.encoder, self.projector))
        self.momentum, self.temperature = momentum, temperature
        self._keys: Tensor | None = None

    def forward(self, views: Views) -> dict[str, Tensor]:
        x = one_batch(views)
        n, b = len(views), len(views[0])
        whole = b * ranks.count()
        if len(self.queue) % (n * whole):
            raise ValueError(
                f"queue is {len(self.queue)} but {n} views of {whole} items give {n * whole} keys; expected a multiple"
            )
        queries = self.projector(self.encoder(x))  # (VB, D)
        with torch.no_grad():
            keys = F.normalize(self.teacher(x).float(), dim=1).view(n, b, -1)
            self._keys = ranks.gather_views(keys).flatten(0, 1)
        positives = mean_of_other_views(keys).flatten(0, 1)
        return {"loss": queue_loss(queries, positives, self.queue, self.temperature)}

    def after_step(self, progress: float) -> None:
        ema_update(self.teacher, nn.ModuleList((self.encoder, self.projector)), self.momentum)
        if self._keys is not None:
            count = len(self._keys)
            places = (self.place + torch.arange(count, device=self.place.device)) % len(self.queue)
            self.queue.index_copy_(0, places, self._keys)
            self.place.add_(count).remainder_(len(self.queue))
            self._keys = None

    def negatives(self, batch_size: int, views: int) -> int:
        return len(self.queue)

    def loss_space(self, h: Tensor) -> Tensor:
        z: Tensor = self.projector(h)
        return z
