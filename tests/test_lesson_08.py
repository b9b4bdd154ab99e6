"""Lesson 08's ablation: what the widget says of every part that is left out, after whole trainings."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from sslwb import claims

pytestmark = pytest.mark.long  # whole trainings
LESSON = Path(__file__).parent.parent / "notebooks" / "08_collapse_lab.ipynb"
# of the predictor the lesson says that there are fewer directions without it
SAYS = {
    "BYOL": {"stop-gradient": "few directions", "predictor": "", "teacher": "spread out", "batch norm": "one point"},
    "SimCLR": {"negatives": "one point"},
    "VICReg": {"variance": "one point", "covariance": "few directions"},
    "DINO": {"centring": "one point", "sharpening": "one point"},
}


@pytest.fixture(scope="module")
def widget() -> Any:
    """The lesson's own, made by its own cells; those that train, ask or check before it are left out."""
    cells = [c for c in json.loads(LESSON.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "_made_for", ({}, {}))
        for source in ("".join(cell["source"]) for cell in cells):
            if source.startswith("widgets.ablation("):
                return eval(source, names)
            if not re.search(r"\b(await|fit|claim|check\.\w+|display)\b\(?", source) or "import" in source:
                exec(source, names)
    raise AssertionError(f"{LESSON.name} shows no ablation")


@pytest.mark.parametrize("method", SAYS)
def test_verdicts(widget: Any, method: str) -> None:
    assert widget.parts[method] == tuple(SAYS[method])
    widget.choice.value = method
    whole = directions(widget, f"{method}, whole: spread out")
    for part, says in SAYS[method].items():
        widget.boxes[part].value = False
        found = directions(widget, f"{method} without {part}: {says}")
        assert part != "predictor" or found < whole
        widget.boxes[part].value = True


def directions(widget: Any, says: str) -> float:
    """Train; how many directions the widget found in what it says."""

    async def train() -> None:
        widget.train()
        await widget.run
        while widget.monitor.state != "done":
            await asyncio.sleep(0.01)

    asyncio.run(train())
    found = re.match(re.escape(says) + r"[^(]*\(std [\d.]+, ([\d.]+) directions", widget.status)
    assert found, widget.status
    return float(found[1])
