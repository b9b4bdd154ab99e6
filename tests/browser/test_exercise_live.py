"""An exercise done as a learner does it: lesson 13's cell, a wrong answer typed into it, then a right one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright")
from lab import Notebook
from playwright.sync_api import expect

LESSON = Path(__file__).parents[2] / "notebooks" / "13_gpt.ipynb"


def test_an_exercise_is_passed(lab: Callable[..., Notebook]) -> None:
    cells = nbformat.read(LESSON, as_version=4).cells
    (asked,) = (cell.source for cell in cells if cell.cell_type == "code" and "check.causal_mask(" in cell.source)
    n = lab("import torch\nfrom sslwb import check", asked)
    n.run_all()
    n.finished()
    cell = n.page.locator(".jp-CodeCell").nth(1)
    expect(cell).to_contain_text("not tried yet")
    blank = "    ...  # your code"
    assert blank in asked
    for answer, said in (
        ("return torch.ones(length, length).triu().bool()", "✗ causal_mask"),
        ("return torch.ones(length, length, dtype=torch.bool).tril()", "✓ causal_mask"),
    ):
        cell.locator(".cm-content").click()
        n.page.keyboard.press("Control+A")
        n.page.keyboard.insert_text(asked.replace(blank, f"    {answer}"))
        n.page.keyboard.press("Shift+Enter")
        expect(cell.locator(".jp-OutputArea-output")).to_contain_text(said)
    n.no_traceback()
