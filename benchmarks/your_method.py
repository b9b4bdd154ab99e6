"""LeJEPA as lesson 18 writes it: its weight and its rate, on shape. Lesson 18.

    python benchmarks/your_method.py [--seeds 3] [--only "weight 0.05" …] [--quick] [--out FILE]

The method is the lesson's own: the cells with the tag "method" are run as they stand. Encoder, views, pictures and
number of steps are those of the lesson, which the other methods of `family.py` have as "brief". `knn` and `linear` are
measured on val, by which the settings were chosen; `test knn` and `test linear` on the split of the family's rows.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

from _rows import BANK, Rows, accuracies, arguments, run

from sslwb.core import MakeViews
from sslwb.data import load
from sslwb.evaluate import embed
from sslwb.methods.family import make_encoder, make_views
from sslwb.train import fit

LESSON = Path(__file__).parent.parent / "notebooks" / "18_your_method.ipynb"
SETTINGS = {"steps": 500, "batch_size": 32, "weight_decay": 1e-2, "warmup": 0.2}
ROWS = {f"weight {w:g}": (w, 4e-3) for w in (0.05, 0.02, 0.1, 0.2)} | {
    f"rate {lr:g}": (0.05, lr) for lr in (2e-3, 8e-3)
}


def written(recipe: MakeViews = make_views) -> dict[str, Any]:
    """What the lesson's tagged cells define: LeJEPA, and its views, which are the recipe's and a set of directions."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {"recipe": recipe, "DATA": "shapes", "STEPS": SETTINGS["steps"], "SEED": 0}
    for cell in cells:
        if "method" in cell["metadata"].get("tags", []):
            exec("".join(cell["source"]), names)
    return names


def measure(name: str, seed: int, share: float) -> Rows:
    (weight, lr), lesson = ROWS[name], written()
    data = {split: load("shapes", split, n, seed) for split, n in (("train", 8192), ("val", 2048), ("test", 2048))}
    method = lesson["LeJEPA"](make_encoder(seed=seed), weight, seed)
    how = SETTINGS | {"steps": max(1, round(share * 500)), "lr": lr, "seed": seed}
    history = fit(method, data["train"], lesson["with_directions"], progress=False, **how)
    bank, found = data["train"][:BANK], {term: fmean(history[term][-50:]) for term in ("views apart", "not normal")}
    z = embed(method.encoder, bank)
    for split, prefix in (("val", ""), ("test", "test ")):
        scores = accuracies(z, bank, embed(method.encoder, data[split]), data[split])
        found |= {prefix + measure: score for measure, score in scores.items()}
    yield name, found


def main() -> None:
    run(arguments(__doc__, ROWS).parse_args(), measure, {"fit": SETTINGS, "weight and rate": ROWS})


if __name__ == "__main__":
    main()
