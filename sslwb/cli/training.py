"""Train a method outside a notebook: on a server, overnight, on several GPUs; and look at a run."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sslwb import ranks
from sslwb.core import NotRecorded, place, rebuild
from sslwb.data import Items, load
from sslwb.data.loading import WORLDS
from sslwb.data.store import cache_folder
from sslwb.evaluate import diagnose, embed, knn
from sslwb.methods.base import Method
from sslwb.methods.defaults import suited
from sslwb.train import CheckpointError, Diverged, History, fit, load_checkpoint

MARKS = {"healthy": "✓", "cannot tell": "?"}  # and ✗ for a fault


def train_encoder(args: argparse.Namespace) -> int:
    """Train as the arguments say, keep the checkpoint at `args.out`, print how its encoder's neighbours vote.

    A run that was interrupted goes on from its checkpoint when the same command is given again, also on another number
    of ranks: under `torchrun` all of them share each batch.

    Raises:
        LookupError: no such method.
        ValueError: a setting that makes no sense, an unknown data set, a checkpoint of other settings, more ranks than
            GPUs.
    """
    with ranks.joined(args.device):
        data = load(args.data, n=args.n, seed=args.seed)
        method, make_views = suited(args.method, data, args.seed)
        try:
            history = fit(
                method,
                data,
                make_views,
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
        if ranks.rank():
            return 0
    print(f"✓ {len(history)} steps in {history.seconds:.0f} s, loss {history['loss'][-1]:.3f}, kept in {args.out}")
    if data.y is not None:
        try:
            test = load(args.data, split="test", seed=args.seed)
            z, z_test = embed(method.encoder, data), embed(method.encoder, test)
            print(f"  kNN of {len(test)} test {data.item}s: {knn(z, data.labels, z_test, test.labels):.1%}")
        except ValueError as error:  # the encoder is kept, which was asked for
            print(f"  not measured on test {data.item}s: {error}")
    return 0


def examine_run(run: Path, data_name: str | None = None) -> int:
    """Print what is the matter with a trained run, by what it was seen, and what to try; 0 when it is healthy, else 1.

    Args:
        run: what `fit(…, checkpoint=…)` or `sslwb train` left, or the name of a file in the run store.
        data_name: what it was trained on, where the file's own word for it is not enough.

    Raises:
        ValueError: no such file, no checkpoint, damaged, not of a training, of an unknown method, data unknown.
    """
    weights, history = _read(run)
    data = _data(history, data_name)
    settings = history.settings
    method = _method(settings, weights)
    make_views = _views(settings)
    print(
        f"{type(method).__name__} on {data.name}: {len(history)} of {settings.get('steps', '?')} steps, "
        f"batch {settings.get('batch_size', '?')}, learning rate {settings.get('lr', '?')}"
    )
    if make_views is None:
        print("! its views cannot be made again from the file, so less can be found; in Python, diagnose takes them")
    diagnosis = diagnose(history, method.encoder, data, method=method, make_views=make_views)
    for one in (diagnosis, *diagnosis.also):
        seen = ", ".join(f"{name} {value:.3g}" for name, value in one.evidence.items())
        print(f"{MARKS.get(one.verdict, '✗')} {one.verdict}\n    seen by: {seen}\n    → {one.suggestion}")
    return int(diagnosis.verdict != "healthy")


def _read(run: Path) -> tuple[dict[str, Any], History]:
    store = cache_folder() / "runs"
    kept = store / f"{run.name.removesuffix('.pt')}.pt"
    path = kept if not run.exists() and run.parent == Path() and kept.exists() else place(run)
    if not path.exists():
        names = ", ".join(sorted(file.stem for file in store.glob("*.pt")))
        raise ValueError(
            f"there is no file {path}; expected a checkpoint's path, or the name of a kept run "
            f"({names or 'none yet'}); sslwb train METHOD writes one"
        )
    try:
        state = load_checkpoint(path)
        return state["method"], History(**state["history"])
    except CheckpointError as error:
        raise ValueError(str(error)) from error
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} holds no training (no {error}); expected a file of fit(…, checkpoint=…), of sslwb train, or of "
            "the run store"
        ) from error


def _data(history: History, name: str | None) -> Items:
    trained_on = str(history.settings.get("data") or "")
    if name is None and (not trained_on or trained_on.startswith("folder:")):
        raise ValueError(f"the run was trained on {trained_on or 'unnamed items'}; say where they are: --data NAME")
    # a world has as many items as one asks for; of a real set all are taken
    count = history.settings.get("items") if (name or trained_on) in WORLDS else None
    return load(name or trained_on, n=count, seed=history.settings.get("seed", 0))


def _method(settings: dict[str, Any], weights: dict[str, Any]) -> Method:
    try:
        method: Method = rebuild(settings.get("method"))
        method.load_state_dict(weights)
    except (NotRecorded, ValueError, RuntimeError, AttributeError) as error:
        raise ValueError(f"the run's method cannot be made again: {error}; use sslwb.evaluate.diagnose") from error
    return method.eval()


def _views(settings: dict[str, Any]) -> Callable[..., Any] | None:
    try:
        views: Callable[..., Any] = rebuild(settings.get("views"))
    except NotRecorded:
        return None
    return views
