"""SimCLR views a second at 32×32: ours beside lightly, kornia and torchvision, in the same run.

    python benchmarks/views.py [--quick] [--threads 1]

All four do the same: crop 0.2 to 1 and resize, flip, colour jitter 0.4/0.4/0.4/0.1 on 0.8 of the views, grayscale on
0.2, no blur, no normalisation; two views a picture. lightly and torchvision work on one picture at a time, as in
their loaders; ours and kornia on a batch of 256. lightly and kornia are in the extra "bench". They bring much along,
so give them an environment of their own, and let it run this file:

    uv venv build/bench
    uv pip install --python build/bench/bin/python -c requirements.lock -e ".[bench]"
    build/bench/bin/python benchmarks/views.py
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from _common import keep, middle, parser, rates_in_turn, use_threads

from sslwb.augment.images import simclr
from sslwb.data import load

SIZE, BATCH = 32, 256
CROP, JITTER, SHARE, GRAY = (0.2, 1.0), (0.4, 0.4, 0.4, 0.1), 0.8, 0.2


def ours(x: torch.Tensor) -> Callable[[], int]:
    make, generator = simclr(SIZE, crop=CROP, gray=GRAY), torch.Generator().manual_seed(0)
    return lambda: sum(len(v) for v in make(x, generator))


def torchvisions(x: torch.Tensor) -> Callable[[], int]:
    from torchvision.transforms import v2

    make = v2.Compose(
        [
            v2.RandomResizedCrop(SIZE, scale=CROP, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(*JITTER)], SHARE),
            v2.RandomGrayscale(GRAY),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    return lambda: len([make(picture) for picture in x[:64] for _ in range(2)])


def lightlys(x: torch.Tensor) -> Callable[[], int]:
    from lightly.transforms import SimCLRTransform
    from torchvision.transforms.functional import to_pil_image

    # cj_strength multiplies lightly's 0.8/0.8/0.8/0.2
    make = SimCLRTransform(
        input_size=SIZE,
        cj_prob=SHARE,
        cj_strength=0.5,
        min_scale=CROP[0],
        random_gray_scale=GRAY,
        gaussian_blur=0,
        normalize=None,
    )
    pictures = [to_pil_image(picture) for picture in x[:64]]
    return lambda: sum(len(make(picture)) for picture in pictures)


def kornias(x: torch.Tensor) -> Callable[[], int]:
    from kornia import augmentation as K

    make = torch.nn.Sequential(
        K.RandomResizedCrop((SIZE, SIZE), scale=CROP),
        K.RandomHorizontalFlip(),
        K.ColorJitter(*JITTER, p=SHARE),
        K.RandomGrayscale(p=GRAY),
    )
    return lambda: len(make(torch.cat((x, x)).float() / 255))


def main() -> None:
    options = parser(__doc__).parse_args()
    use_threads(options.threads, 1)
    x = load("shapes", n=BATCH).x
    workers = {}
    for name, make in (("sslwb", ours), ("torchvision v2", torchvisions), ("lightly", lightlys), ("kornia", kornias)):
        try:
            workers[name] = make(x)
        except ImportError as error:
            print(f"{name}: not installed ({error}). How to bring it: see the top of this file.")
    rounds, seconds = (1, 0.1) if options.quick else (7, 1.0)
    measured = rates_in_turn(workers, rounds, seconds)
    rows = {
        name: {
            "views a second": round(middle(rates)),
            "all": [round(r) for r in rates],
            "ours is faster by": round(middle(measured["sslwb"]) / middle(rates), 1),
        }
        for name, rates in measured.items()
    }
    print(f"{'':16}{'views a second':>16}{'ours / it':>12}")
    for name, row in rows.items():
        print(f"{name:16}{row['views a second']:16,}{row['ours is faster by']:12.1f}")
    keep(options, rows, packages=("torchvision", "lightly", "kornia"), size=SIZE, batch=BATCH, seeds=[0])


if __name__ == "__main__":
    main()
