"""Train a method outside a notebook: on a server, overnight, with every step of a real data set."""

import argparse
from collections.abc import Callable

from torch import nn

from sslwb.augment.images import simclr, weak
from sslwb.data import Images, load
from sslwb.evaluate import embed, knn
from sslwb.methods.base import Method
from sslwb.methods.simclr import SimCLR
from sslwb.methods.supervised import Supervised
from sslwb.nets import conv
from sslwb.train import CheckpointError, Diverged, fit

# A new method is a row here. Name → the method around an encoder for these data, and the recipe of its views.
METHODS: dict[str, tuple[Callable[[nn.Module, Images], Method], Callable]] = {
    "simclr": (lambda encoder, data: SimCLR(encoder), simclr),
    "supervised": (lambda encoder, data: Supervised(encoder, len(data.classes)), weak),
}


def train_encoder(args: argparse.Namespace) -> int:
    """Train as the arguments say, keep the checkpoint at `args.out`, print what its encoder's neighbours tell.

    A run that was interrupted goes on from its checkpoint when the same command is given again.

    Raises:
        LookupError: no such method.
        ValueError: a setting that makes no sense, an unknown data set, a checkpoint of other settings.
    """
    if args.method not in METHODS:
        raise LookupError(f"no method {args.method!r}; there are: {', '.join(METHODS)}")
    data = load(args.data, n=args.n, seed=args.seed)
    make_method, recipe = METHODS[args.method]
    method = make_method(conv(channels=data.shape[0], seed=args.seed), data)
    try:
        history = fit(
            method, data, recipe(data.shape[-1]), steps=args.steps, batch_size=args.batch_size, seed=args.seed,
            device=args.device, checkpoint=args.out,
        )  # fmt: skip
    except KeyboardInterrupt:
        print(f"\ninterrupted; the same command goes on from {args.out}" if args.out.exists() else "\ninterrupted")
        return 130
    except (CheckpointError, Diverged) as error:
        raise ValueError(str(error)) from error
    print(f"✓ {len(history)} steps in {history.seconds:.0f} s, loss {history['loss'][-1]:.3f}, kept in {args.out}")
    if data.y is not None:
        test = load(args.data, split="test", seed=args.seed)
        accuracy = knn(embed(method.encoder, data), data.labels.cpu(), embed(method.encoder, test), test.labels.cpu())
        print(f"  kNN of {len(test)} test pictures: {accuracy:.1%}")
    return 0
