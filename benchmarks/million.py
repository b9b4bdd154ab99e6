"""A million embeddings: how much memory embed, kNN and the map take above the model, when nothing fits into it.

The pictures are random and made batch by batch, so that they take no memory themselves.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from _common import keep, parser
from torch import Tensor

from sslwb import nets
from sslwb.data import Images, Items
from sslwb.evaluate import embed, knn
from sslwb.show import umap_map


@dataclass(frozen=True)
class RandomPictures(Items):
    """x is int64 (N,), their numbers; a batch is drawn when it is wanted."""

    side: int = 16

    def __getitem__(self, index: Any) -> Any:
        return next(self.batches([torch.arange(len(self))[index]]))

    def batches(self, indices: Iterable[Tensor]) -> Iterator[Any]:
        for index in indices:
            g = torch.Generator().manual_seed(int(index[0]))
            x = torch.randint(256, (len(index), 3, self.side, self.side), generator=g, dtype=torch.uint8)
            yield Images(x, self.y[index])  # type: ignore[index]


def peak() -> float:
    """The most memory that this process ever had, in GB; pages of the mapped file count too."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def main() -> None:
    options = parser(__doc__).parse_args()
    n = 20_000 if options.quick else 1_000_000
    encoder = nets.conv(16)
    data = RandomPictures(torch.arange(n), torch.arange(n) % 10)
    embed(encoder, data[torch.arange(500)], "fp32")  # what torch itself takes is the model's
    rows: dict[str, Any] = {}
    before = peak()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()

        def note(name: str) -> None:
            nonlocal began
            now = time.perf_counter()
            rows[name] = {"seconds": round(now - began, 1), "peak GB above the model": round(peak() - before, 2)}
            print(name, rows[name], flush=True)
            began = time.perf_counter()

        z = embed(encoder, data, "fp32", out=Path(folder) / "z.npy")
        note(f"embed {len(z):,} × {z.shape[1]}")
        knn(z, data.labels, z[:2000], data.labels[:2000])
        note("kNN of 2,000")
        umap_map(z)
        note("map")
    keep(options, rows, packages=("torch", "umap-learn"), items=n, dim=encoder.dim, before_gb=round(before, 2))


if __name__ == "__main__":
    main()
