"""Jigsaw. Source: Noroozi and Favaro 2016, "Unsupervised Learning of Visual Representations by Solving Jigsaw
Puzzles". Lesson 09."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.augment.puzzles import Tiles
from sslwb.core import Views, as_views, check_classes
from sslwb.methods.base import Method
from sslwb.nets import mlp, seeded


class Jigsaw(Method):
    """Tell in which order the tiles of a picture came: each tile through the same encoder, then a head on all of them.

    Args:
        encoder: any encoder of `sslwb.nets` that takes pictures as small as a tile.
        tiles: how many tiles a picture has.
        orders: how many orders there are.
        hidden: width of the head's hidden layer.
        seed: of the head's first weights.

    Raises:
        ValueError: views that are not tiles and their order, or orders beyond those that the head knows.
    """

    def __init__(self, encoder: nn.Module, tiles: int = 4, orders: int = 24, hidden: int = 256, seed: int = 0) -> None:
        super().__init__(encoder)
        with seeded(seed):
            self.head = mlp(tiles * self.encoder.dim, hidden, orders)
        self.tiles, self.orders = tiles, orders

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, which = as_views(views, Tiles, tiles="B T C h w", order="int64 B")
        if x.ndim != 5 or x.shape[1] != self.tiles or which.shape != x.shape[:1]:
            raise ValueError(
                f"views have shapes {[tuple(v.shape) for v in views]}; expected {self.tiles} tiles (B, {self.tiles}, "
                "C, h, w) and their order (B,): make_views must be sslwb.augment.puzzles.jigsaw with as many tiles"
            )
        check_classes("the orders", which, self.orders, "Jigsaw knows {}")
        z = self.encoder(x.flatten(0, 1)).view(len(x), -1)
        logits = self.head(z).float()
        return {"loss": F.cross_entropy(logits, which), "accuracy": (logits.argmax(1) == which).float().mean()}

    def answers(self, views: Views) -> Tensor:
        return views[1]

    def encoder_inputs(self, views: Views) -> list[tuple[Tensor, ...]]:
        return [(tile,) for tile in views[0].unbind(1)]
