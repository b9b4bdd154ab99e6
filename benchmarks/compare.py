"""Every method of the course on pictures: the same data, the same seconds of one core, several seeds. Lesson 17.

    SSLWB_DATA=… python benchmarks/compare.py [--seconds 30] [--seeds 3] [--only MAE VICReg …] [--quick]

About an hour on two cores. The methods, their settings and the two worlds, a hard one of shapes and CIFAR-10, are
those of `sslwb/methods/course.py`; LeJEPA is the one that lesson 18 writes. First the pace of each method is measured,
in seconds of one core; what fits into the seconds is its number of steps. Then two processes train, with one thread
each. `--only` makes some rows anew, with the steps that the file has of them, and keeps the others; `--world` does so
with one of the worlds.

A row holds for each seed: kNN and linear probe, the probe with few labels a class, fine-tuning with `TUNED` of them,
the hidden causes; of encoders of convolutions the linear probe of `stages` too, of all their layers at 2 × 2 places, as
the whitened patches are read; and what needs no label: effective rank (RankMe), LiDAR, and a probe for four turns
(SelfAugment).
Beside the rows stands how alike their representations of the same pictures, seed 0's, are: linear CKA, mean over the
seeds; of a row with itself, between the seeds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import combinations_with_replacement, pairwise
from statistics import mean
from typing import Any

import torch
from _common import keep, kept_rows, middle, parser, use_threads
from _rows import QUICK, accuracies, last_loss
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d
from your_method import written

from sslwb import nets
from sslwb.augment.images import as_float, simclr
from sslwb.data import Images, subset_per_class
from sslwb.evaluate import embed, fine_tune, label_curve, probe_causes, raw
from sslwb.geometry import effective_rank, lidar, linear_cka
from sslwb.methods.course import CODE, RECIPES, WORLDS, Recipe, World, code, conv, transformer
from sslwb.nets.encoder import EncoderModule
from sslwb.train import History, fit

TIMED, ROUNDS = 20, 5  # steps that measure the pace, and how often
COUNTS = (5, 20, 100)  # labels a class
TUNED = 20  # labels a class, to fine-tune with
ALIKE = 1000  # test pictures of which two representations are compared
TURNED = 1000  # pictures of each turn that the probe for turns learns from, and is asked about
VIEWED = 512  # test pictures whose views LiDAR is told of
WIDTHS = 25, 100, 400  # filters; each gives eight numbers


def lejepa(encoder: nn.Module, world: World, seed: int) -> Any:
    return written()["LeJEPA"](encoder, seed=seed)


def with_directions(world: World) -> Any:
    return written(world.views)["with_directions"]


LEJEPA = Recipe("joint embedding", lejepa, with_directions, {**RECIPES["VICReg"].settings, "lr": 4e-3}, conv)
TRAINED = RECIPES | {"LeJEPA": LEJEPA}
RANDOM = {"random conv": conv, "random code": code, "random transformer": transformer}
PATCHES = {f"whitened patches, {filters}": filters for filters in WIDTHS}
NAMES = ["raw pixels", "PCA", *PATCHES, *RANDOM, *TRAINED]


class Stages(EncoderModule):
    """What an encoder of convolutions holds behind each of its layers, at 2 × 2 places: (B, C, H, W) → (B, dim)."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.held: list[Tensor] = []
        for module in encoder.modules():
            if isinstance(module, nn.ReLU):
                module.register_forward_hook(
                    lambda _module, _inputs, out: self.held.append(adaptive_avg_pool2d(out, 2))
                )

    def forward(self, x: Tensor) -> Tensor:
        self.held = []
        self.encoder(x)
        return torch.cat([held.flatten(1) for held in self.held], 1)


@cache
def data(name: str, seed: int) -> tuple[Images, Images, Images]:
    """Pictures to train on, labelled ones to measure with, and test pictures."""
    world = WORLDS[name]
    train, test = world.pictures("train", seed), world.pictures("test", seed)
    return train, train[: world.labelled], test


def pace(name: str, steps: int) -> dict[str, float]:
    """Seconds of one core that a step of each method takes in a world.

    The median of some rounds, in which the methods take turns: a slow minute of the machine is slow for all.
    """
    use_threads(1, 1)
    world, (train, _, _) = WORLDS[name], data(name, 0)
    methods = {row: recipe.make(world, 0) for row, recipe in TRAINED.items()}
    each: dict[str, list[float]] = {row: [] for row in TRAINED}
    for _ in range(ROUNDS):
        for row, recipe in TRAINED.items():
            stamps: list[float] = []

            def stamp(history: History, stamps: list[float] = stamps) -> None:
                stamps.append(time.process_time())

            settings = {"steps": steps, "progress": False, "on_step": stamp, **recipe.settings}
            fit(methods[row], train, recipe.views(world), **settings)
            each[row].append(middle([b - a for a, b in pairwise(stamps[steps // 4 :])]))  # the first steps are slow
    return {row: middle(seconds) for row, seconds in each.items()}


def measured(name: str, row: str, seed: int, steps: int) -> tuple[dict[str, float], Tensor]:
    """One training of one method, or one baseline: what is known of it, and its embeddings of some test pictures."""
    use_threads(1, 1)
    world, (train, bank, test) = WORLDS[name], data(name, seed)
    found: dict[str, float] = {}
    encoder: nn.Module | None = None
    if row == "raw pixels":
        represent = raw
    elif row == "PCA":
        represent = _pca(raw(bank))
    elif row in PATCHES:
        represent = partial(embed, nets.whitened_patches(as_float(bank.x), filters=PATCHES[row], seed=seed))
    else:
        if row in RANDOM:
            encoder = RANDOM[row](world, seed)
        else:
            recipe, begin = TRAINED[row], time.process_time()
            method = recipe.make(world, seed)
            encoder = method.encoder
            history = fit(method, train, recipe.views(world), steps=steps, seed=seed, progress=False, **recipe.settings)
            found = {"cpu seconds": time.process_time() - begin, "loss": last_loss(history, 50)}
        found["tuned"] = _tuned(encoder, train, test)
        represent = partial(embed, encoder)
    z, q = represent(bank), represent(test)
    few = label_curve(z, bank, q, test, COUNTS)
    found |= accuracies(z, bank, q, test) | {f"{count} labels": mean(few[count]) for count in COUNTS}
    if encoder is not None and (RANDOM[row] if row in RANDOM else TRAINED[row].encoder) is not transformer:
        every = Stages(encoder)
        found["stages"] = accuracies(embed(every, bank), bank, embed(every, test), test)["linear"]
    if bank.factors:
        found |= {f"cause {cause}": score.score for cause, score in probe_causes(z, bank, q, test).items()}
    found |= {"rank": effective_rank(q - q.mean(0)), "dim": float(q.shape[1])}
    if q.shape[1] <= VIEWED:  # a covariance of more features than pictures says nothing, and a probe takes minutes
        found["turns"] = _turns(represent, bank, test)
        views = simclr(world.size, views=4)(test[:VIEWED], torch.Generator().manual_seed(seed))
        found["lidar"] = lidar(torch.stack([represent(_as_bytes(view)) for view in views]))
    return found, represent(data(name, 0)[2][:ALIKE])  # the same pictures for all seeds


def _pca(x: Tensor) -> Callable[[Any], Tensor]:
    """The first `CODE` principal components of some pictures' pixels."""
    centre = x.mean(0)
    axes = torch.linalg.eigh((x - centre).T @ (x - centre))[1][:, -CODE:]
    return lambda items: (raw(items) - centre) @ axes


def _as_bytes(view: Tensor) -> Images:
    """Views as pictures, which every representation takes."""
    return Images((255 * view).round().clamp(0, 255).to(torch.uint8))


def _turns(represent: Callable[[Any], Tensor], train: Images, test: Images) -> float:
    """How well a linear probe tells by which of four turns pictures were turned: no label is needed."""
    turned = []
    for split in (train, test):
        x = torch.cat([split.x[:TURNED].rot90(k, (2, 3)) for k in range(4)])
        turned.append(Images(x, torch.arange(4).repeat_interleave(TURNED), ("0", "90", "180", "270")))
    return accuracies(represent(turned[0]), turned[0], represent(turned[1]), turned[1])["linear"]


def _tuned(encoder: nn.Module, train: Images, test: Images) -> float:
    return fine_tune(encoder, subset_per_class(train, TUNED), test, steps=150, lr=3e-3, batch_size=32)


def alike(codes: dict[str, list[Tensor]]) -> dict[str, dict[str, float]]:
    """Linear CKA of every two rows with the same seed, mean over the seeds; of a row with itself, of two seeds."""
    # More columns than rows are turned into as many as there are rows: CKA is the same, and a tenth of the work.
    codes = {
        row: [torch.linalg.qr(z.double().T).R.T if z.shape[1] > len(z) else z for z in many]
        for row, many in codes.items()
    }
    found: dict[str, dict[str, float]] = {row: {} for row in codes}
    for a, b in combinations_with_replacement(codes, 2):
        shift = 1 if a == b else 0
        pairs = [linear_cka(codes[a][s], codes[b][s + shift]) for s in range(len(codes[a]) - shift)]
        if pairs:
            found[a][b] = found[b][a] = round(mean(pairs), 3)
    return found


def compare(name: str, options: argparse.Namespace, pool: ProcessPoolExecutor, steps: dict[str, int]) -> None:
    """Every row of one world; each is kept when it has all its seeds, and in the end how alike they are."""
    seeds, kept = range(options.seeds), kept_rows(options)
    here = kept.setdefault(name, {"rows": {}, "alike": {}})
    settings = {"seconds": options.seconds, "fit": {row: recipe.settings for row, recipe in TRAINED.items()}}
    tasks = [
        (row, seed, pool.submit(measured, name, row, seed, steps.get(row, 0))) for row in options.only for seed in seeds
    ]
    found: dict[str, list[dict[str, float]]] = {}
    codes: dict[str, list[Tensor]] = {}
    for row, seed, task in tasks:
        values, z = task.result()
        found.setdefault(row, []).append(values)
        codes.setdefault(row, []).append(z)
        brief = {term: value for term, value in values.items() if term in ("knn", "linear", "cpu seconds")}
        print(name, seed, f"{row:20}", *(f"{term} {value:.4g}" for term, value in brief.items()), flush=True)
        if len(found[row]) == len(seeds):
            about: dict[str, Any] = {"kind": "baseline"}
            if row in TRAINED:
                about = {"kind": TRAINED[row].kind, "steps": steps[row], "encoder": TRAINED[row].encoder.__name__}
            here["rows"][row] = about | {term: [round(v[term], 4) for v in found[row]] for term in values}
            keep(options, kept, settings=settings, seeds=list(seeds))
    for row, others in alike(codes).items():
        here["alike"].setdefault(row, {}).update(others)
    here["rows"] = {row: here["rows"][row] for row in NAMES if row in here["rows"]}
    keep(options, kept, settings=settings, seeds=list(seeds))


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=30)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--processes", type=int, default=2, help="that train at once, one thread each")
    arguments.add_argument("--world", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    arguments.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    options = arguments.parse_args()
    options.seeds = 1 if options.quick else options.seeds
    use_threads(1, 1)
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        before = kept_rows(options)
        paces = {w: pool.submit(pace, w, 4 if options.quick else TIMED) for w in options.world if options.only == NAMES}
        for world in options.world:
            if world in paces:
                seconds = options.seconds * (QUICK if options.quick else 1)
                steps = {row: max(2, int(seconds / each)) for row, each in paces[world].result().items()}
            else:
                steps = {row: known["steps"] for row, known in before[world]["rows"].items() if "steps" in known}
            compare(world, options, pool, steps)


if __name__ == "__main__":
    main()
