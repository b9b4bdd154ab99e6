"""DINO. Source: Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers". Lesson 07."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sslwb import ranks
from sslwb.core import Views, check_shapes
from sslwb.methods.base import Method, by_size, check_temperature, check_views, full_precision
from sslwb.methods.swav import check_swapped, swapped_loss
from sslwb.methods.teacher import check_momentum, ema_update, momentum_schedule, teacher_of
from sslwb.nets import Prototypes, seeded

SLOW = 0.9  # the centre's own momentum, as in the paper


def sharpened(scores: Tensor, centre: Tensor, temperature: float = 0.04) -> Tensor:
    """What a teacher says: softmax((scores - centre) / temperature), scores (…, B, K) and centre (K,) → (…, B, K).

    The centre is what the teacher says on average, so no prototype stays high for all pictures; section 3.1.

    Raises:
        TypeError: no tensors of floats.
        ValueError: temperature ≤ 0, or shapes that do not fit.
    """
    check_temperature(temperature)
    check_shapes(scores=(scores, "* K"), centre=(centre, "K"))
    return ((scores - centre) / temperature).softmax(-1)


@full_precision
def dino_loss(
    student: Tensor, teacher: Tensor, centre: Tensor, temperature: float = 0.1, teacher_temperature: float = 0.04
) -> Tensor:
    """Cross-entropy of the student's softmax with the teacher's: (V, B, K), (T, B, K), (K,) → scalar.

    The teacher's is `sharpened`. Equation 1 and algorithm 1, the mean over pairs of a teacher's view and another view
    of the student; teacher[i] saw the view of student[i].

    Raises:
        TypeError: no tensors of floats.
        ValueError: a temperature ≤ 0, fewer than two views, more of the teacher's than of the student's, or shapes that
            do not fit.
    """
    check_temperature(teacher_temperature, "teacher_temperature")
    check_swapped(student=student, teacher=teacher)
    check_shapes(student=(student, "V B K"), teacher=(teacher, "T B K"), centre=(centre, "K"))
    targets = sharpened(teacher, centre, teacher_temperature).detach()
    return swapped_loss(student, targets, temperature)


class DINO(Method):
    """A student predicts, from any view, what its teacher says of another; the teacher is the student's past.

    The teacher sees the views as large as the first. Centring keeps one prototype from taking all; sharpening, a
    teacher's temperature below the student's, keeps all from sharing alike. Besides the loss, the entropy of what the
    teacher says of a view is recorded, in nats: 0 is one prototype, log(prototypes) all alike. The head has no batch
    norm at its end: that would centre too, and hide what centring does.

    Args:
        encoder: any encoder of `sslwb.nets`.
        prototypes: length of the output.
        momentum: of the teacher at the beginning; it rises to 1 along a cosine.
        temperature: the student's.
        teacher_temperature: at the student's value nothing is sharpened.
        centring: False leaves the centre at 0.
        projector: widths of the head's layers.
        seed: of the head's first weights.

    Raises:
        ValueError: a temperature ≤ 0, momentum outside [0, 1], fewer than two prototypes, a batch of one or views of
            different batches.
    """

    pairs = True
    moving_targets = True
    loss_classes = True
    centre: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        prototypes: int = 256,
        momentum: float = 0.99,
        temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        centring: bool = True,
        projector: Sequence[int] = (64,),
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        check_temperature(temperature)
        check_temperature(teacher_temperature, "teacher_temperature")
        check_momentum(momentum)
        if prototypes < 2:
            raise ValueError(f"prototypes is {prototypes}; expected 2 or more")
        with seeded(seed):
            self.head = Prototypes(self.encoder.dim, *projector, count=prototypes)
        self.teacher = teacher_of(nn.Sequential(self.encoder, self.head))
        self.register_buffer("centre", torch.zeros(prototypes))
        self.momentum, self.temperature, self.teacher_temperature = momentum, temperature, teacher_temperature
        self.centring = centring
        self._mean: Tensor | None = None  # of the teacher's outputs in this step

    def forward(self, views: Views) -> dict[str, Tensor]:
        check_views(views)
        student = torch.stack(by_size(nn.Sequential(self.encoder, self.head), views))
        large = [v for v in views if v.shape == views[0].shape]
        with torch.no_grad():
            teacher = torch.stack(by_size(self.teacher, large)).float()
        self._mean = ranks.mean(teacher.mean((0, 1)))
        loss = dino_loss(student, teacher, self.centre, self.temperature, self.teacher_temperature)
        said = sharpened(teacher, self.centre, self.teacher_temperature)
        return {"loss": loss, "entropy": torch.special.entr(said).sum(2).mean()}

    def after_step(self, progress: float) -> None:
        ema_update(self.teacher, nn.ModuleList((self.encoder, self.head)), momentum_schedule(self.momentum, progress))
        if self.centring and self._mean is not None:
            self.centre.lerp_(self._mean, 1 - SLOW)
            self._mean = None

    def loss_space(self, h: Tensor) -> Tensor:
        scores: Tensor = self.head(h) / self.temperature
        return scores
