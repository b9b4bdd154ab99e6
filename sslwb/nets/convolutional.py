"""Convolutional encoders: a small one that trains in seconds on two cores, and ResNet-18 as the literature uses it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslwb.core import recorded, whole
from sslwb.nets.encoder import EncoderModule, as_pictures
from sslwb.nets.seeds import seeded


class ConvEncoder(EncoderModule):
    """Pictures in [0, 1], float (B, C, H, W) → (B, dim): a convolutional body and the mean over all places.

    Attributes:
        dim: length of the embedding.
    """

    def __init__(
        self, body: nn.Module, dim: int, channels: int = 3, instance_norm: bool = False, least: int = 1
    ) -> None:
        super().__init__()
        self.least = least  # the shortest side of a picture, of which nothing would be left
        self.body, self.dim, self.channels = body.to(memory_format=torch.channels_last), dim, channels
        self.instance_norm = instance_norm

    def features(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, dim, H', W'): the embedding before the mean, where a task needs places.

        Raises:
            TypeError: x is no tensor of floats.
            ValueError: x is not a batch of pictures with this encoder's number of channels, or it runs from 0 to 255.
        """
        x = as_pictures(x, self.channels, self)
        if min(x.shape[2:]) < self.least:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; expected pictures of {self.least}×{self.least} pixels or more: this "
                "encoder halves them three times"
            )
        # A flat picture has no contrast to bring to 1: below a deviation of 0.05 it is left as low as it is.
        x = F.instance_norm(x, eps=0.05**2) if self.instance_norm else (x - 0.5) * 4
        maps: Tensor = self.body(x.contiguous(memory_format=torch.channels_last))
        return maps

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).mean((2, 3))


@recorded
def conv(width: int = 32, channels: int = 3, seed: int = 0, *, instance_norm: bool = False) -> ConvEncoder:
    """The course's small encoder: four 3×3 convolutions, dim = 8 · width, 0.36 M parameters at width 32.

    The first layers, which see every pixel, are narrow, and the picture is halved before each norm rather than after:
    a forward and backward pass takes half the time that it takes the other way round, and learns as much. Max pooling
    halves it, not a stride: with strides the same net learned far less in the same time.

    `instance_norm` brings each channel of each picture to mean 0 and deviation 1 before the first layer (Ulyanov et al.
    2016), so that the light of a picture is no cause that an embedding could hold: a shortcut that BYOL takes first.

    Raises:
        ValueError: width is less than 2, or channels less than 1.
    """
    whole("width", width, least=2)
    whole("channels", channels, least=1)
    dims = [channels, width // 2, 3 * width // 2, 4 * width, 8 * width]
    layers: list[nn.Module] = []
    with seeded(seed):
        for a, b in pairwise(dims):
            halve = [nn.MaxPool2d(2)] if b != dims[-1] else []
            layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), *halve, nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return ConvEncoder(nn.Sequential(*layers), dims[-1], channels, instance_norm, least=8)


@recorded
def resnet18(channels: int = 3, seed: int = 0) -> ConvEncoder:
    """ResNet-18 with a 3×3 stem and no first pooling, as used for 32×32 pictures; dim 512, 11.2 M parameters.

    Source: He et al. 2016; the stem after Chen et al. 2020, appendix B.9.
    """
    import torchvision  # takes a second to load, and most lessons do without it

    whole("channels", channels, least=1)
    with seeded(seed):
        net = torchvision.models.resnet18(weights=None)
        net.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        body = nn.Sequential(net.conv1, net.bn1, net.relu, net.layer1, net.layer2, net.layer3, net.layer4)
        return ConvEncoder(body, 512, channels)


class Wrapped(EncoderModule):
    """Any module that maps pictures to (B, dim) or (B, dim, H, W), as an encoder."""

    def __init__(self, module: nn.Module, dim: int, channels: int, prepare: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.module, self.dim, self.channels, self.prepare = module, dim, channels, prepare

    def features(self, x: Tensor) -> Tensor:
        x = as_pictures(x, self.channels, self)
        embedding: Tensor = self.module(self.prepare(x))
        return embedding

    def forward(self, x: Tensor) -> Tensor:
        z = self.features(x)
        return z.mean((2, 3)) if z.ndim == 4 else z


@recorded
def wrap(module: nn.Module, size: int = 32, channels: int = 3) -> Wrapped:
    """Make an encoder of any torchvision or local module whose weights are on disk; `dim` is found by one forward pass.

    A last layer called `fc`, `classifier` or `heads`, as torchvision's classifiers have, is replaced by the identity,
    and pictures are standardised with ImageNet's mean and standard deviation, as torchvision's weights expect.

    Raises:
        TypeError: no torch module.
        ValueError: the module does not map (B, channels, size, size) to (B, dim) or (B, dim, H, W).
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module is {type(module).__name__}; expected a torch module")
    for head in ("fc", "classifier", "heads"):
        if hasattr(module, head):
            setattr(module, head, nn.Identity())
    mean = torch.tensor([0.485, 0.456, 0.406])[:channels, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:channels, None, None]

    def prepare(x: Tensor) -> Tensor:
        return (x - mean.to(x)) / std.to(x)

    training = module.training
    try:
        with torch.no_grad():
            out = module.eval()(torch.zeros(2, channels, size, size))
    except RuntimeError as error:
        raise ValueError(
            f"module takes no pictures (2, {channels}, {size}, {size}): {str(error).splitlines()[0]}; expected it to: "
            "give another size, or another number of channels"
        ) from error
    finally:
        module.train(training)
    if not isinstance(out, Tensor) or out.ndim not in (2, 4) or len(out) != 2:
        came = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        raise ValueError(f"module maps (2, {channels}, {size}, {size}) to {came}; expected (2, dim) or (2, dim, H, W)")
    return Wrapped(module, out.shape[1], channels, prepare)
