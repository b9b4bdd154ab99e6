"""MAE. Source: He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners". Lesson 10."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslwb.augment.images import as_float
from sslwb.augment.masks import Hidden
from sslwb.core import Views, as_views, check_shapes, may_read, usual, whole
from sslwb.methods.base import Method, full_precision
from sslwb.nets import seeded
from sslwb.nets.patches import grid_of, patchify, put_back, take, unpatchify
from sslwb.nets.transformer import Block, ViT, sine_positions

FLAT = 1e-4  # added to a patch's variance: what lies below a deviation of 0.01 is not blown up into a pattern


@full_precision
def masked_loss(predictions: Tensor, patches: Tensor, hidden: Tensor) -> Tensor:
    """The mean squared error of the hidden patches: (B, L, D) twice, bool (B, L) → scalar. Section 3 of the paper.

    Raises:
        TypeError: no tensors of floats, or a mask that is not of bools.
        ValueError: different shapes, or a mask that hides nothing.
    """
    check_shapes(predictions=(predictions, "B L D"), patches=(patches, "B L D"), hidden=(hidden, "bool B L"))
    if may_read(hidden) and not hidden.any():
        raise ValueError("hidden marks no patch; expected at least one: the loss is of hidden patches alone")
    return ((predictions - patches).square().mean(2) * hidden).sum() / hidden.sum()


def normalised(patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each patch with mean 0 and deviation 1; its mean and its deviation: (B, L, D) → (B, L, D), 2 × (B, L, 1)."""
    mean = patches.mean(2, keepdim=True)
    deviation = (patches.var(2, keepdim=True, correction=0) + FLAT).sqrt()
    return (patches - mean) / deviation, mean, deviation


class MAE(Method):
    """Hide most patches; the encoder sees only the others; a light decoder paints the hidden ones.

    Args:
        encoder: a transformer, `sslwb.nets.vit`.
        dim: width of the decoder.
        depth: of the decoder, blocks.
        heads: of the decoder's attention.
        normalise: whether the decoder paints each patch with its own mean and deviation taken out.
        seed: of the decoder's first weights.

    Raises:
        TypeError: an encoder without patches.
        ValueError: a mask that hides all, or nothing, or not equally many patches in each picture.
    """

    encoder: ViT

    def __init__(
        self, encoder: nn.Module, dim: int = 48, depth: int = 1, heads: int = 2, normalise: bool = False, seed: int = 0
    ) -> None:
        super().__init__(encoder)
        check_transformer(encoder, "MAE")
        check_head(dim, depth, heads)
        patch, channels = self.encoder.patch, self.encoder.channels
        with seeded(seed):
            self.bridge = nn.Linear(self.encoder.dim, dim)
            self.mask_token = nn.Parameter(0.02 * torch.randn(dim))
            blocks = [Block(dim, heads) for _ in range(depth)]
            self.decoder = nn.Sequential(*blocks, nn.LayerNorm(dim), nn.Linear(dim, channels * patch**2))
        self.normalise = normalise

    def forward(self, views: Views) -> dict[str, Tensor]:
        x, hidden, visible = as_views(views, Hidden, x="B C H W", hidden="bool B L", visible="int64 B k")
        targets = self.targets(x)
        return {"loss": masked_loss(self.predict(x, hidden, visible), targets, hidden)}

    def targets(self, x: Tensor) -> Tensor:
        """What the decoder has to paint, of all patches: (B, C, H, W) → (B, L, C · patch²)."""
        patches = patchify(x, self.encoder.patch)
        return normalised(patches)[0] if self.normalise else patches

    def answers(self, views: Views) -> Tensor:
        x, hidden, _ = as_views(views, Hidden, x="B C H W", hidden="bool B L", visible="int64 B k")
        return self.targets(x)[hidden]

    def predict(self, x: Tensor, hidden: Tensor, visible: Tensor | None = None) -> Tensor:
        """What the decoder paints: pictures (B, C, H, W), bool (B, L) → (B, L, C · patch²).

        `visible`, int64 (B, k), are the places that are not hidden, where they are known.
        """
        z = self.bridge(encode_some(self.encoder, x, ~hidden if visible is None else visible))
        z = put_back(z, ~hidden, self.mask_token)
        pixels: Tensor = self.decoder(z + sine_positions(*grid_of(x, self.encoder.patch), z.shape[2]).to(z))
        return pixels

    @usual(dtype=False)
    def reconstruct(self, x: Tensor, hidden: Tensor, borrow: bool = True) -> Tensor:
        """The pictures with their hidden patches painted: (B, C, H, W) in [0, 1], bool (B, L) → (B, C, H, W).

        With `normalise`, the decoder never says how light a patch is, nor how strong its contrast. Both are borrowed
        from the hidden patch itself, as the paper's figures do; or, with borrow=False, every patch gets those of
        the visible patches, on average.
        """
        x = as_float(x)
        patches = patchify(x, self.encoder.patch)
        painted = self.predict(x, hidden).float()
        if self.normalise:
            _, mean, deviation = normalised(patches)
            if not borrow:
                mean, deviation = (take(t, ~hidden).mean(1, keepdim=True) for t in (mean, deviation))
            painted = painted * deviation + mean
        whole = torch.where(hidden[:, :, None], painted.clamp(0, 1), patches)
        return unpatchify(whole, self.encoder.patch, (x.shape[2], x.shape[3]))


def encode_some(encoder: ViT, x: Tensor, visible: Tensor) -> Tensor:
    """The encoder's features of some patches, which see nothing of the others: → (B, k, dim).

    `visible` is a mask, bool (B, L), or places, int64 (B, k).
    """
    tokens = take(encoder.tokens(x), visible)
    if tokens.shape[1] == 0:
        raise ValueError("the mask hides every patch; expected at least one that the encoder sees")
    z: Tensor = encoder.norm(encoder.blocks(tokens))
    return z


def check_head(dim: int, depth: int, heads: int) -> None:
    """Raise ValueError unless blocks of this width can be made: a multiple of heads and of 4, for positions."""
    whole("depth", depth, least=0)
    whole("heads", heads, least=1)
    if whole("dim", dim, least=1) % heads or dim % 4:
        raise ValueError(f"dim is {dim} with {heads} heads; expected a multiple of heads and of 4")


def check_transformer(encoder: nn.Module, method: str) -> None:
    """Raise TypeError unless the encoder takes patches apart."""
    if not isinstance(encoder, ViT):
        raise TypeError(
            f"encoder is {type(encoder).__name__}; {method} leaves patches out before the encoder: expected a "
            "transformer, sslwb.nets.vit(…)"
        )
