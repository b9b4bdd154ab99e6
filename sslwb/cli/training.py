"""Train a method outside a notebook: on a server, overnight, with every step of a real data set; and look at a run."""

import argparse
import ast
import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sslwb.augment.images import Augment, MakeViews, as_float, simclr, weak
from sslwb.data import Images, Items, load
from sslwb.data.store import cache_folder
from sslwb.evaluate import diagnose, embed, knn
from sslwb.methods.barlow_twins import BarlowTwins
from sslwb.methods.base import Method
from sslwb.methods.byol import BYOL
from sslwb.methods.dino import DINO
from sslwb.methods.moco import MoCo
from sslwb.methods.simclr import SimCLR
from sslwb.methods.simsiam import SimSiam
from sslwb.methods.supervised import Supervised
from sslwb.methods.swav import SwAV
from sslwb.methods.vicreg import VICReg
from sslwb.nets import conv, resnet18
from sslwb.train import CheckpointError, Diverged, History, fit, load_checkpoint

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
    data = _only_pictures(load(args.data, n=args.n, seed=args.seed))
    make_method, recipe = METHODS[args.method]
    method = make_method(conv(channels=data.shape[0], seed=args.seed), data)
    try:
        history = fit(
            method,
            data,
            recipe(data.shape[-1]),
            steps=args.steps,
            batch_size=args.batch_size,
            seed=args.seed,
            device=args.device,
            checkpoint=args.out,
        )
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


# What a file's settings may name; a file says nothing else about classes.
CLASSES: dict[str, type[Method]] = {
    made.__name__: made for made in (SimCLR, MoCo, BYOL, SimSiam, BarlowTwins, VICReg, SwAV, DINO, Supervised)
}


def examine_run(run: Path, data_name: str | None = None) -> int:
    """Print what is the matter with a trained run, by what it was seen, and what to try; 0 when it is healthy, else 1.

    Args:
        run: what `fit(…, checkpoint=…)` or `sslwb train` left, or the name of a file in the run store.
        data_name: what it was trained on, where the file's own word for it is not enough.

    Raises:
        ValueError: no such file, no checkpoint, damaged, not of a training, of an unknown encoder, data unknown.
    """
    state, history = _read(run)
    data = _pictures(history, data_name)
    encoder = _encoder(state, data)
    method, make_views = _method(state, history, encoder), _views(str(history.settings.get("views")))
    named = history.settings
    print(
        f"{named.get('method', 'a run')} on {data.name}: {len(history)} of {named.get('steps', '?')} steps, "
        f"batch {named.get('batch_size', '?')}, learning rate {named.get('lr', '?')}"
    )
    for what, absent in (("its views", make_views is None), ("what lies behind its encoder", method is None)):
        if absent:
            print(f"! {what} cannot be made again from the file, so less can be found; in Python, diagnose takes them")
    diagnosis = diagnose(history, encoder, data, method=method, make_views=make_views)
    for one in (diagnosis, *diagnosis.also):
        seen = ", ".join(f"{name} {value:.3g}" for name, value in one.evidence.items())
        print(f"{'✓' if one.verdict == 'healthy' else '✗'} {one.verdict}\n    seen by: {seen}\n    → {one.suggestion}")
    return int(diagnosis.verdict != "healthy")


def _read(run: Path) -> tuple[dict[str, Tensor], History]:
    store = cache_folder() / "runs"
    kept = store / f"{run.name.removesuffix('.pt')}.pt"
    path = kept if not run.exists() and run.parent == Path() and kept.exists() else run
    if not path.exists():
        names = ", ".join(sorted(file.stem for file in store.glob("*.pt")))
        raise ValueError(
            f"there is no file {path}; expected a checkpoint's path, or the name of a kept run "
            f"({names or 'none yet'}); sslwb train METHOD writes one"
        )
    try:
        state = load_checkpoint(path)
        weights, record = state["method"], state["history"]
        return weights, History(record["settings"], record["terms"], record["seconds"])
    except CheckpointError as error:
        raise ValueError(str(error)) from error
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} holds no training (no {error}); expected a file of fit(…, checkpoint=…), of sslwb train, or of "
            "the run store"
        ) from error


def _pictures(history: History, name: str | None) -> Images:
    trained_on = str(history.settings.get("data") or "")
    if name is None and (not trained_on or trained_on.startswith("folder:")):
        raise ValueError(f"the run was trained on {trained_on or 'unnamed pictures'}; say where they are: --data NAME")
    # a world has as many pictures as one asks for; of a real set all are taken
    count = history.settings.get("items") if (name or trained_on) == "shapes" else None
    return _only_pictures(load(name or trained_on, n=count, seed=history.settings.get("seed", 0)))


def _only_pictures(data: Items) -> Images:
    if not isinstance(data, Images):
        raise ValueError(f"{data.name} holds {data.item}s; this command expects pictures: shapes, digits, cifar10, …")
    return data


def _encoder(state: dict[str, Tensor], data: Images) -> nn.Module:
    """The encoder that these weights fit; of several the one whose first norm expects what these pictures give it."""
    weights = {name.removeprefix("encoder."): t for name, t in state.items() if name.startswith("encoder.")}
    first = next((t for t in weights.values() if t.ndim == 4), torch.zeros(0, 0, 0, 0))
    channels, widths = first.shape[1], [len(t) for name, t in weights.items() if name.endswith("running_mean")]
    if channels and channels != data.shape[0]:
        raise ValueError(f"the run's encoder takes {channels} channel(s), {data.name} has {data.shape[0]}: --data NAME")
    apart: list[tuple[float, nn.Module]] = []
    width = widths[-1] // 8 if widths else 0
    for make in (partial(conv, width), partial(conv, width, instance_norm=True), resnet18):
        try:
            encoder = make(channels=channels)
            encoder.load_state_dict(weights)
        except (RuntimeError, ValueError):
            continue
        apart.append((_surprise(encoder.eval(), as_float(data.x[:64])), encoder))
    if not apart:
        raise ValueError("the run's encoder is neither conv nor resnet18 of sslwb.nets; use sslwb.evaluate.diagnose")
    return min(apart, key=lambda pair: pair[0])[1]


@torch.no_grad()
def _surprise(encoder: nn.Module, x: Tensor) -> float:
    """How far, in deviations, the input of the first norm lies from what the norm saw in training."""
    norm = next(m for m in encoder.modules() if isinstance(m, nn.BatchNorm2d))
    seen: list[Tensor] = []
    hook = norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].mean((0, 2, 3))))
    encoder(x)
    hook.remove()
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return float(((seen[0] - norm.running_mean).square() / (norm.running_var + norm.eps)).mean())


def _method(state: dict[str, Tensor], history: History, encoder: nn.Module) -> Method | None:
    """The method around the encoder, sizes read off the weights; None where the file does not fit what is known."""
    made = CLASSES.get(str(history.settings.get("method")))
    if made is None:
        return None

    def layers(prefix: str) -> tuple[int, ...]:
        return tuple(len(t) for name, t in state.items() if name.startswith(prefix) and t.ndim == 2)

    sizes: dict[str, Any] = {
        "projector": layers("head.mlp.") or layers("projector."),
        "predictor": (*layers("predictor."), 0)[0],
        "prototypes": len(state.get("head.weight", ())),
        "queue": len(state.get("queue", ())),
        "classes": len(state.get("classifier.weight", ())),
        "batch_norm": any(name.startswith("projector.") and name.endswith("running_mean") for name in state),
    }
    known = inspect.signature(made).parameters
    try:
        method = made(encoder, **{k: v for k, v in {**history.settings, **sizes, "seed": 0}.items() if k in known})
        method.load_state_dict(state)
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None
    return method.eval()


def _views(diagnosis: str) -> MakeViews | None:
    """The recipe whose repr this is; None for a function's name. Nothing but these two classes is ever called."""

    def value(node: ast.expr) -> Any:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
            made: Any = {"MakeViews": MakeViews, "Augment": Augment}[node.func.id]
            return made(**{str(k.arg): value(k.value) for k in node.keywords})
        return tuple(map(value, node.elts)) if isinstance(node, ast.Tuple) else ast.literal_eval(node)

    try:
        recipe = value(ast.parse(diagnosis, mode="eval").body)
    except (SyntaxError, ValueError, TypeError, KeyError):
        return None
    return recipe if isinstance(recipe, MakeViews) else None
