"""Pictures as rows of patches, and back; some of the patches, and all of them again. Lesson 10."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import check_classes, check_shapes, may_read, typed, whole


def patchify(x: Tensor, patch: int) -> Tensor:
    """(B, C, H, W) → (B, L, C · patch²): L = H/patch · W/patch squares in reading order, each channel by channel.

    Source: Dosovitskiy et al. 2021, section 3.1.

    Raises:
        ValueError: no batch of pictures, or sides that the patch does not divide.
    """
    grid_of(x, patch)
    return F.unfold(x, patch, stride=patch).transpose(1, 2)


@typed
def unpatchify(patches: Tensor, patch: int, size: tuple[int, int]) -> Tensor:
    """(B, L, C · patch²) → (B, C, H, W) with (H, W) = size: the inverse of `patchify`.

    Raises:
        TypeError: size is no pair of whole numbers.
        ValueError: another number of patches, or of values in a patch, than pictures of this size have.
    """
    height, width = size
    fits = patch >= 1 and height % patch == 0 == width % patch and patches.ndim == 3
    if not fits or patches.shape[1] != height * width // patch**2 or patches.shape[2] % patch**2:
        raise ValueError(
            f"patches has shape {tuple(patches.shape)}; expected (B, L, C · {patch}²) with L = H/{patch} · W/{patch} "
            f"for pictures of {height}×{width}"
        )
    return F.fold(patches.transpose(1, 2), size, patch, stride=patch)


def grid_of(x: Tensor, patch: int) -> tuple[int, int]:
    """Rows and columns of patches in pictures (B, C, H, W).

    Raises:
        ValueError: no batch of pictures, or sides that the patch does not divide.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise TypeError(f"x is {getattr(x, 'dtype', type(x).__name__)}; expected pictures as floats: as_float(x)")
    if x.ndim != 4 or whole("patch", patch) < 1 or x.shape[2] % patch or x.shape[3] % patch:
        raise ValueError(
            f"x has shape {tuple(x.shape)}; expected (B, C, H, W) with H and W divisible by the patch, {patch}: "
            "choose another patch, or another size of the pictures"
        )
    return x.shape[2] // patch, x.shape[3] // patch


def places_of(mask: Tensor) -> Tensor:
    """Where the mask is True, row by row and in order: bool (B, L) → int64 (B, k). The counts are read.

    Raises:
        ValueError: the mask is no bool (B, L), or has another number of places in one row than in the next.
    """
    if mask.ndim != 2 or mask.dtype != torch.bool:
        raise ValueError(f"mask is {mask.dtype} {tuple(mask.shape)}; expected torch.bool (B, L)")
    counts = mask.sum(1)
    if len(counts) and bool((counts != counts[0]).any()):
        raise ValueError(
            f"mask has {int(counts.min())} to {int(counts.max())} patches a picture; expected the same number in "
            "each, so that they fill a tensor"
        )
    return mask.nonzero()[:, 1].view(len(mask), -1)


def take(tokens: Tensor, at: Tensor) -> Tensor:
    """Some of the tokens, in their order: (B, L, D), and a mask, bool (B, L), or places, int64 (B, k) → (B, k, D).

    A mask has to be counted, which makes a GPU wait; places need not be.

    Raises:
        ValueError: a mask of another shape, or with another number of places in one row than in the next.
    """
    if not isinstance(at, Tensor):
        raise TypeError(f"places are {type(at).__name__}; expected a tensor, int64 (B, k), or a mask, bool (B, L)")
    if at.dtype == torch.int64:
        check_shapes(tokens=(tokens, "B L D"), places=(at, "int64 B k"))
        check_classes("places", at, tokens.shape[1])
    else:
        if at.shape != tokens.shape[:2] or at.dtype != torch.bool:
            raise ValueError(
                f"mask is {at.dtype} {tuple(at.shape)}; expected torch.bool {tuple(tokens.shape[:2])}: "
                "one value a patch, True where it is meant"
            )
        at = places_of(at)
    return tokens.gather(1, at[:, :, None].expand(-1, -1, tokens.shape[2]))


def put_back(tokens: Tensor, mask: Tensor, filler: Tensor) -> Tensor:
    """The inverse of `take`: (B, k, D) where the mask (B, L) is True, and `filler` (D,) at all other places.

    Raises:
        TypeError, ValueError: shapes that do not fit, or a mask with another number of places than there are tokens.
    """
    check_shapes(mask=(mask, "bool B L"), filler=(filler, "D"))
    if may_read(mask) and not bool((mask.sum(1) == tokens.shape[1]).all()):
        raise ValueError(
            f"mask has {int(mask.sum(1).min())} to {int(mask.sum(1).max())} places a row and tokens {tokens.shape[1]}; "
            "expected as many"
        )
    filler = filler.to(tokens.dtype)
    if tokens.shape[1] == 0:
        return filler.expand(*mask.shape, -1).clone()
    nth = (mask.cumsum(1) - 1).clamp(0, tokens.shape[1] - 1)  # which of the k tokens stands here
    return torch.where(mask[:, :, None], take(tokens, nth), filler)
