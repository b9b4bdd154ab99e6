"""What all heads share: an encoder that stays as it is embeds once, in place, and the head learns on what came out."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sslwb.core import usual
from sslwb.data import Items
from sslwb.data.containers import unchecked
from sslwb.evaluate.embedding import BATCH, check_encoder, evaluating
from sslwb.nets import EncoderModule


@dataclass(frozen=True)
class Embedded(Items):
    """Features in place, x (N, …), and beside them the items that they are of, with all that is known of those."""

    of: Items = field(kw_only=True)
    item: ClassVar[str] = "item"
    kind: ClassVar[str] = "features"


class Kept(EncoderModule):
    """Stands where a head expects an encoder and gives the features that were computed before."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def features(self, x: Tensor) -> Tensor:
        return x

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).mean(2) if x.ndim == 4 else x.mean(1)


@usual()
def features(encoder: nn.Module, data: Items) -> Tensor:
    """The embeddings in place of items as they are: (N, dim, H, W) or (N, L, dim) float32 on the CPU.

    Raises:
        TypeError: no encoder, or one without `features`, which a head that needs places asks for.
        ValueError: no items, or features that are not finite.
    """
    check_encoder(encoder)
    if not callable(getattr(encoder, "features", None)):
        raise TypeError(
            f"encoder is {type(encoder).__name__} without features(); expected one of sslwb.nets, which embed in place"
        )
    if not len(data):
        raise ValueError("data has no items; expected at least one to embed")
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    parts = []
    with evaluating(encoder), torch.no_grad():
        for batch in data.batches(torch.arange(len(data)).split(BATCH)):
            parts.append(encoder.features(*batch.to(device).inputs()).float().cpu())  # type: ignore[operator]
    h = torch.cat(parts)
    if not torch.isfinite(h).all():
        raise ValueError("encoder gave NaN or infinite features; expected finite numbers: its training diverged")
    return h


def beside(encoder: nn.Module, data: Items, tune: bool) -> tuple[nn.Module, Items]:
    """The encoder that a head is built on, and the items that it is trained on.

    Where the head is trained alone, the features are computed once, and the encoder is `Kept`; else it is a copy.
    """
    if tune:
        check_encoder(encoder)
        return copy.deepcopy(encoder), data
    h = features(encoder, data)
    known: dict[str, Any] = {name: column for name, column in vars(data).items() if name in vars(Items(h))}
    dim: Any = encoder.dim
    return Kept(int(dim)), unchecked(Embedded, known | {"x": h, "of": data})


def items_of(batch: Items) -> Items:
    """The items of a batch, where their targets are: beside their features, or the batch itself."""
    return batch.of if isinstance(batch, Embedded) else batch
