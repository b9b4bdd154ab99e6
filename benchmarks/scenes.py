"""Boxes and masks from few labelled scenes: what an encoder that was trained without labels is worth there.

    SSLWB_DATA=… python benchmarks/scenes.py [--seeds 3] [--only detection segmentation longer corruptions coco128]
                                             [--split test] [--quick] [--out FILE]

The stored rows of lesson 21. A head learns from 20, 100 and 500 scenes with their boxes (`tasks.Detection`, mAP at an
overlap of 0.5) or masks (`tasks.Segmentation`, mean IoU). *frozen* heads learn on features that stay as they are,
*tuned* ones train the encoder too, *from nothing* is that from random weights. "no encoder" are connected regions
unlike the border, named after the nearest cut-out of the labelled scenes. The encoders were trained without labels, in
about the same seconds: with SimCLR on pictures of single shapes, as in lesson 03; and, for 100 scenes, with SimCLR on
whole scenes and on tiles of them, with DenseCL, whose places learn too, and by painting a hidden square (inpainting,
lesson 09).

"longer" trains detectors, tuned ones and those from nothing, for 600 steps instead of 150: from nothing that takes the
seconds of SimCLR and tuning together. "corruptions" are such detectors of 100 scenes, and a frozen one, measured on
scenes with noise, blur or a grey square in front. "coco128" are photographs: SimCLR on the 128 of the training part,
heads on 20 and 100 of their labelled ones, all objects as one kind, "thing", and once with COCO's 80 kinds.

Rates and steps were chosen on the val split, with seed 0 and 100 scenes. Of 1e-3, 3e-3 and 1e-2 the last was best for
what is pretrained; from nothing it gave as much as 3e-3. COCO128 takes them as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from _rows import Rows, arguments, run
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import masks
from sslwb.augment.corruptions import blur, noise, occlude
from sslwb.augment.images import simclr
from sslwb.data import Images, Scenes, load, tiles
from sslwb.evaluate.embedding import WithoutEncoder
from sslwb.methods.densecl import DenseCL
from sslwb.methods.family import make_views
from sslwb.methods.inpainting import Inpainting
from sslwb.methods.simclr import SimCLR
from sslwb.tasks import Detection, Segmentation, average_precision
from sslwb.train import fit

COUNTS = (20, 100, 500)
TEST = 400  # scenes that are measured on
TILE, TRIES = 32, 6  # pixels of a tile, and squares of which the one with most contrast is taken
FROZEN: dict[str, Any] = {"steps": 200, "lr": 1e-2}
TUNED: dict[str, Any] = {"steps": 150, "lr": 1e-2, "tune": True}
LONGER: dict[str, Any] = {**TUNED, "steps": 600}
TASKS: dict[str, tuple[Any, str]] = {"detection": (Detection, "mAP50"), "segmentation": (Segmentation, "mIoU")}
JOINT: dict[str, Any] = {"batch_size": 32, "lr": 8e-3, "weight_decay": 1e-2, "warmup": 0.2}
SCENES = simclr(32, views=2, crop=(0.2, 1.0), rotate=180, hue=0.5, gray=0.3)
PHOTOGRAPHS = simclr(32, views=4, crop=(0.05, 0.5))
# what an encoder was trained with → what it saw, its views, the method, the settings
PRETEXTS: dict[str, tuple[str, Any, Callable[..., Any], dict[str, Any]]] = {
    "SimCLR on shapes": ("shapes", make_views, partial(SimCLR, temperature=0.1), {**JOINT, "steps": 700}),
    "SimCLR on scenes": ("scenes", SCENES, partial(SimCLR, temperature=0.1), {**JOINT, "steps": 700}),
    "SimCLR on tiles": ("tiles", make_views, partial(SimCLR, temperature=0.1), {**JOINT, "steps": 700}),
    "DenseCL on scenes": ("scenes", SCENES, partial(DenseCL, temperature=0.1), {**JOINT, "steps": 700}),
    "inpainting on scenes": (
        "scenes",
        masks.inpainting(64),
        partial(Inpainting, size=64),
        {"batch_size": 32, "lr": 3e-3, "steps": 220},
    ),
    "SimCLR on photographs": ("coco128", PHOTOGRAPHS, partial(SimCLR, temperature=0.1), {**JOINT, "steps": 700}),
}
CORRUPTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "clean": lambda x: x,
    **{f"noise {std}": partial(noise, std=std) for std in (0.05, 0.1, 0.2)},
    **{f"blur {sigma}": partial(blur, sigma=sigma) for sigma in (1.0, 2.0, 3.0)},
    **{f"hidden {share}": partial(occlude, share=share) for share in (0.05, 0.1, 0.2)},
}


@functools.cache
def pretrained(name: str, seed: int, share: float) -> nn.Module:
    """The encoder; of scenes other ones than those that heads learn from."""
    seen, views, make, how = PRETEXTS[name]
    data: Images
    if seen == "coco128":
        data = load("coco128")
    elif seen == "shapes":
        data = load("shapes", n=8192, seed=seed)
    else:
        data = load("scenes", n=8192, seed=seed + 100)
    if seen == "tiles":
        data = tiles(data, TILE, TRIES, seed=seed)
    method = make(nets.conv(32, seed=seed), seed=seed)
    fit(method, data, views, seed=seed, progress=False, **shortened(how, share))
    encoder: nn.Module = method.encoder
    return encoder


def measure(name: str, seed: int, share: float, split: str = "test") -> Rows:
    if name in TASKS:
        yield from with_scenes(name, seed, share, split)
    elif name == "longer":
        yield from longer(seed, share, split)
    elif name == "corruptions":
        yield from corrupted(seed, share, split)
    else:
        yield from photographs(seed, share)


def with_scenes(name: str, seed: int, share: float, split: str) -> Rows:
    """A value for each number of labelled scenes."""
    task, term = TASKS[name]
    test = load("scenes", split, n=TEST, seed=seed)
    for count in COUNTS:
        train = load("scenes", n=count, seed=seed)
        frozen, tuned = (task(seed=seed, **shortened(how, share)) for how in (FROZEN, TUNED))
        yield f"{name}: no encoder", {str(count): frozen(WithoutEncoder(3), train, test)[term]}
        random = nets.conv(32, seed=seed)
        yield f"{name}: random, frozen", {str(count): frozen(random, train, test)[term]}
        yield f"{name}: from nothing", {str(count): tuned(random, train, test)[term]}
        for pretext in PRETEXTS:
            if pretext == "SimCLR on photographs" or (pretext != "SimCLR on shapes" and count != 100):
                continue
            encoder = pretrained(pretext, seed, share)
            yield f"{name}: {pretext}, frozen", {str(count): frozen(encoder, train, test)[term]}
            yield f"{name}: {pretext}, tuned", {str(count): tuned(encoder, train, test)[term]}


def longer(seed: int, share: float, split: str) -> Rows:
    """Detection as in `with_scenes`, with four times the steps."""
    test, learn = load("scenes", split, n=TEST, seed=seed), Detection(seed=seed, **shortened(LONGER, share))
    for count in COUNTS:
        train = load("scenes", n=count, seed=seed)
        for way, encoder in {
            "from nothing": nets.conv(32, seed=seed),
            "SimCLR on shapes, tuned": pretrained("SimCLR on shapes", seed, share),
        }.items():
            yield f"detection: {way}, longer", {str(count): learn(encoder, train, test)["mAP50"]}


def corrupted(seed: int, share: float, split: str) -> Rows:
    """mAP50 of detectors of 100 scenes on scenes that a bad camera gave."""
    train, test = load("scenes", n=100, seed=seed), load("scenes", split, n=TEST, seed=seed)
    encoder = pretrained("SimCLR on shapes", seed, share)
    frozen, tuned = (Detection(seed=seed, **shortened(how, share)) for how in (FROZEN, LONGER))
    detectors = {
        "frozen": frozen.fitted(encoder, train),
        "tuned": tuned.fitted(encoder, train),
        "from nothing": tuned.fitted(nets.conv(32, seed=seed), train),
    }
    for kind, change in CORRUPTIONS.items():
        worse = replace(test, x=change(test.x))
        for way, detector in detectors.items():
            yield f"corruptions: {way}", {kind: average_precision(detector.detect(worse), worse)["mAP50"]}
        none = Detection()(WithoutEncoder(3), train, worse)
        yield "corruptions: no encoder", {kind: none["mAP50"]}


def photographs(seed: int, share: float) -> Rows:
    """mAP50 on COCO128's 128 test photographs, at 128 × 128 pixels."""
    encoder = pretrained("SimCLR on photographs", seed, share)
    for kinds in ("one kind", "80 kinds"):
        train, test = (load("coco128", part, seed=seed) for part in ("train", "test"))
        if kinds == "one kind":
            train, test = as_things(train), as_things(test)
        for count in (20, 100) if kinds == "one kind" else (100,):
            frozen, tuned = (Detection(seed=seed, **shortened(how, share)) for how in (FROZEN, TUNED))
            random, some = nets.conv(32, seed=seed), train[:count]
            ways = {
                "no encoder": (frozen, WithoutEncoder(3)),
                "random, frozen": (frozen, random),
                "frozen": (frozen, encoder),
                "from nothing": (tuned, random),
                "tuned": (tuned, encoder),
            }
            for way, (task, net) in ways.items():
                yield f"coco128, {kinds}: {way}", {str(count): task(net, some, test)["mAP50"]}


def as_things(scenes: Scenes) -> Scenes:
    """All objects as one kind."""
    return replace(scenes, kinds=scenes.kinds.clamp(max=0), classes=("thing",))


def shortened(how: dict[str, Any], share: float) -> dict[str, Any]:
    return {**how, "steps": max(2, round(how["steps"] * share))}


def main() -> None:
    asked = arguments(__doc__, [*TASKS, "longer", "corruptions", "coco128"])
    asked.add_argument("--split", default="test", choices=["val", "test"])
    options = asked.parse_args()
    pretexts = {name: {"data": seen, **how} for name, (seen, _, _, how) in PRETEXTS.items()}
    about = {
        "encoder": "conv(32)",
        "pretexts": pretexts,
        "frozen": FROZEN,
        "tuned": TUNED,
        "longer": LONGER,
        "split": options.split,
    }
    run(options, partial(measure, split=options.split), about | {"test": TEST})


if __name__ == "__main__":
    main()
