"""What every method is: an encoder to keep, and a loss on views."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from sslwb.core import Views, check_shapes, may_read, number, recorded
from sslwb.nets import EncoderModule

Loss = TypeVar("Loss", Tensor, dict[str, Tensor])


class Method(nn.Module):
    """A way to train an encoder. A subclass says what the loss of some views is; the training loop does the rest.

    What a subclass declares below is what others ask of a method whose paper they do not know: the doctor for one.

    Attributes:
        encoder: what is kept after training: `encoder(x)` → (B, encoder.dim).
        pairs: whether the loss compares views of one item with each other (joint embedding).
        moving_targets: whether what is predicted changes with the method, so that the loss alone says little.
        batch_statistics: whether the loss is computed from correlations over the batch.
        loss_classes: whether `loss_space` is a share of each prototype rather than an embedding.
        against_collapse: the recorded term that keeps embeddings apart, and the attribute that is its weight.
        opponents: of a game between two sides, the recorded terms that are the mean probabilities of being real, of
            real items and of made ones. The sum of such a game need not fall.
        codebook_use: the recorded term that says how many entries of a codebook, of `codes`, are in use.
    """

    pairs: ClassVar[bool] = False
    moving_targets: ClassVar[bool] = False
    batch_statistics: ClassVar[bool] = False
    loss_classes: ClassVar[bool] = False
    against_collapse: ClassVar[str] = ""
    opponents: ClassVar[tuple[()] | tuple[str, str]] = ()
    codebook_use: ClassVar[str] = ""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        if not isinstance(encoder, nn.Module) or not isinstance(getattr(encoder, "dim", None), int):
            raise TypeError(
                f"encoder is {type(encoder).__name__} without an integer .dim; "
                "expected one of sslwb.nets, or any module through sslwb.nets.wrap"
            )
        self.encoder = cast(EncoderModule, encoder)

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        recorded(cls)

    def forward(self, views: Views) -> dict[str, Tensor]:
        """The loss of some views, one entry a view, each (B, …): {"loss": scalar, …}; every scalar is recorded.

        A term may be returned in some steps only; it is recorded as NaN in the others.
        """
        raise NotImplementedError

    def negatives(self, batch_size: int, views: int) -> int | None:
        """With how many negatives each view is compared, given so many views of each item; None: the loss has none."""
        return None

    def loss_space(self, h: Tensor) -> Tensor | None:
        """What the loss sees of embeddings: (B, encoder.dim) → (B, D); None where it looks at them otherwise."""
        return None

    def answers(self, views: Views) -> Tensor | None:
        """What shall be predicted of some views: classes, int64 (N,), or targets, float (N, D).

        None where nothing is known in advance: the answers move, or the loss has none.
        """
        return None

    def latent_nats(self, views: Views) -> Tensor | None:
        """How many nats each latent says of each item: (B, Z), the KL of its posterior; None where none is drawn."""
        return None

    def encoder_inputs(self, views: Views) -> list[tuple[Tensor, ...]]:
        """What the encoder is given of some views, one entry for each instance of the items."""
        return [(v,) for v in views] if self.pairs else [(views[0],)]

    def param_groups(self) -> list[dict[str, Any]]:
        """Groups for the optimiser, each with its own "lr", "betas" or "weight_decay" where it needs them.

        Vectors (biases, norms) are not decayed: shrinking them regularises nothing.
        """
        params = [p for p in self.parameters() if p.requires_grad]
        return [
            {"params": [p for p in params if p.ndim > 1]},
            {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
        ]

    def before_step(self, progress: float) -> None:
        """Called before each step; progress runs from 0 to 1."""

    def after_step(self, progress: float) -> None:
        """Called after each step: the place for a momentum encoder, a queue, a centre."""


def full_precision(loss: Callable[..., Loss]) -> Callable[..., Loss]:
    """A loss that computes in fp32 even where the net runs in bf16: similarities rounded to 3 digits teach little.

    Tensors may come by place or by name. Those of float64 stay what they are, so that `gradcheck` can be asked.
    """

    @functools.wraps(loss)
    def in_fp32(*inputs: Any, **settings: Any) -> Loss:
        devices = {x.device.type for x in (*inputs, *settings.values()) if isinstance(x, Tensor)}
        with ExitStack() as stack:
            for device in filter(torch.amp.is_autocast_available, devices):
                stack.enter_context(torch.autocast(device, enabled=False))
            return loss(*map(_precise, inputs), **{name: _precise(x) for name, x in settings.items()})

    return in_fp32


def _precise(x: Any) -> Any:
    return x.float() if isinstance(x, Tensor) and x.dtype in (torch.bfloat16, torch.float16) else x


def detached(module: nn.Module) -> Callable[..., Any]:
    """The module as a function whose gradient reaches its inputs and not its weights.

    So one summed loss trains two sides: a generator's term sees the discriminator detached, and moves only itself.
    """
    frozen = {name: p.detach() for name, p in module.named_parameters()}
    return lambda *inputs: functional_call(module, frozen, inputs)


def check_views(views: Views, at_least: int = 2, of: int = 2) -> None:
    """Raise ValueError unless there are `at_least` views of one batch of `of` pictures; TypeError: no tensors."""
    if isinstance(views, Tensor) or not isinstance(views, Sequence):
        raise TypeError(f"views is a {type(views).__name__}; expected a list of tensors, one a view")
    for i, view in enumerate(views):
        if not isinstance(view, Tensor) or not view.ndim:
            raise TypeError(f"views[{i}] is {type(view).__name__}; expected a tensor (B, …): one row a picture")
    if len(views) < at_least:
        raise ValueError(
            f"views holds {len(views)} view(s); expected at least {at_least}: make_views must return several views"
        )
    sizes = [len(v) for v in views]
    if len(set(sizes)) > 1:
        raise ValueError(f"the views have batch sizes {sizes}; expected views of one batch, all of one size")
    if sizes[0] < of:
        why = ": others serve as negatives, or as statistics" if of > 1 else ""
        raise ValueError(f"the batch has {sizes[0]} picture(s); expected {of} or more{why}")


def one_batch(views: Views) -> Tensor:
    """Views of one size behind each other, as an encoder is given them: V × (B, …) → (V · B, …).

    Raises:
        TypeError, ValueError: fewer than two views, or other than of one batch of two or more, of one size.
    """
    check_views(views)
    if any(v.shape != views[0].shape for v in views):
        raise ValueError(
            f"the views have shapes {[tuple(v.shape) for v in views]}; expected views of one size: those of several "
            "sizes, as multicrop makes them, are for SwAV and DINO"
        )
    return torch.cat([*views])


def check_labels(y: Tensor, count: int) -> None:
    """Raise ValueError unless the last of the views is the label of each of `count` items: int64 (count,)."""
    if y.dtype != torch.int64 or y.shape != (count,):
        raise ValueError(
            f"the last of the views is {y.dtype} {tuple(y.shape)}; expected labels, torch.int64, one an item: "
            "make_views must be sslwb.augment.labelled(…)"
        )


def check_embeddings(*views: Tensor) -> None:
    """Raise ValueError unless there are two or more embeddings of one batch, each (B, D), all alike.

    TypeError where one is no tensor of floats.
    """
    for i, view in enumerate(views):
        check_shapes(**{f"views[{i}]": (view, "*")})
    check_views(views)
    if any(v.ndim != 2 or v.shape != views[0].shape for v in views):
        raise ValueError(f"the views have shapes {[tuple(v.shape) for v in views]}; expected (B, D), all alike")
    check_shapes(**{f"views[{i}]": (view, "B D") for i, view in enumerate(views)})


def check_temperature(temperature: float, name: str = "temperature") -> None:
    """Raise ValueError unless the temperature is above 0 and finite, TypeError where it is no number."""
    if isinstance(temperature, Tensor) and not may_read(temperature):
        return  # it is learned, and lies on a GPU
    if not 0 < number(name, temperature) < math.inf:
        raise ValueError(f"{name} is {temperature}; expected a number above 0, such as 0.2")


def check_weight(weight: float, name: str) -> None:
    """Raise ValueError unless the weight of a term is 0 or more and finite, TypeError where it is no number."""
    if not 0 <= number(name, weight) < math.inf:
        raise ValueError(f"{name} is {weight}; expected a weight of 0 or more")


def mean_of_other_views(z: Tensor) -> Tensor:
    """(V, B, D) → (V, B, D): for each view the mean direction of the other views of its picture, of length 1.

    With two views it is the other view. With more of them, the mean is a steadier target than any single view.

    Raises:
        TypeError: no tensor of floats.
        ValueError: another shape, or fewer than two views.
    """
    check_shapes(z=(z, "V B D"))
    if len(z) < 2:
        raise ValueError(f"z holds {len(z)} view; expected 2 or more: one view has no others")
    z = F.normalize(z, dim=2)
    return F.normalize(z.sum(0) - z, dim=2)


def by_size(network: Callable[[Tensor], Tensor], views: Sequence[Tensor]) -> list[Tensor]:
    """The network's output for each view; neighbouring views of one size share one forward pass."""
    groups = [list(group) for _, group in itertools.groupby(views, key=lambda v: v.shape)]
    return [z for group in groups for z in network(torch.cat(group)).chunk(len(group))]
