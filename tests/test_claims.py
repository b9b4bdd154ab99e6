"""claim prints a tick, stops the lesson, or reports: and says which and why."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from sslwb import claims
from sslwb.claims import ClaimFailed, claim, made_for
from sslwb.train import History


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "_made_for", ({}, {}))


@pytest.fixture
def names() -> dict[str, object]:
    """The names of a notebook whose settings cell and first line have been run."""
    names: dict[str, object] = {"DATA": "shapes", "STEPS": 600, "made_for": made_for, "claim": claim}
    exec('made_for(DATA="shapes", STEPS=600)', names)
    return names


@pytest.mark.parametrize(
    ("value", "op", "threshold", "line"),
    [
        (0.512, ">", 0.30, "✓ it holds (0.51 > 0.30)"),
        (0.3004, ">", 0.3, "✓ it holds (0.3004 > 0.3000)"),
        (0.30, ">=", 0.30, "✓ it holds (0.30 ≥ 0.30)"),
        (3e-7, "<", 1e-5, "✓ it holds (3e-07 < 1e-05)"),
        (0, "<=", 5, "✓ it holds (0 ≤ 5)"),
        (3, "==", 3, "✓ it holds (3 = 3)"),
        (True, "==", True, "✓ it holds (True = True)"),
        (2.00001, "~=", 2, "✓ it holds (2.00001 ≈ 2.00000)"),
        (1234.5, ">", 1000, "✓ it holds (1234 > 1000)"),
        (torch.tensor([0.75]), ">", 0.5, "✓ it holds (0.75 > 0.50)"),
        (np.float32(0.75), "<", np.int64(1), "✓ it holds (0.75 < 1.00)"),
        (float("inf"), ">", 1.0, "✓ it holds (inf > 1)"),
    ],
)
def test_what_holds_is_ticked(
    value: object, op: str, threshold: object, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    claim("it holds", value, op, threshold)
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize(
    ("value", "op", "threshold", "seen"),
    [
        (0.21, ">", 0.3, "0.21 is not > 0.30"),
        (0.3, ">", 0.3, "0.30 is not > 0.30"),
        (0.31, "<=", 0.3, "0.31 is not ≤ 0.30"),
        (2, "==", 3, "2 is not = 3"),
        (1.01, "~=", 1.0, "1.01 is not ≈ 1.00"),
        (float("nan"), "<", 1.0, "not a number"),
        (float("nan"), "==", 1.0, "not a number"),
        (float("-inf"), ">", 1.0, "-inf is not > 1"),
        (False, "==", True, "False is not = True"),
    ],
)
def test_what_does_not_hold_stops(
    value: float, op: str, threshold: float, seen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ClaimFailed, match="neighbours beat pixels") as failed:
        claim("neighbours beat pixels", value, op, threshold)
    assert isinstance(failed.value, AssertionError)
    assert seen in str(failed.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("value", ["0.5", None, torch.zeros(2), np.zeros((2, 2)), [0.5], 1j])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="value is"):
        claim("it holds", value, ">", 0.0)
    with pytest.raises(TypeError, match="threshold is"):
        claim("it holds", 1.0, ">", value)


def test_an_unknown_comparison_or_a_threshold_of_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="op is '!='"):
        claim("it holds", 1.0, "!=", 0.0)
    with pytest.raises(ValueError, match="threshold is NaN"):
        claim("it holds", 1.0, ">", float("nan"))


def test_default_settings_assert(names: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    exec('claim("it holds", 2, ">", 1)', names)
    assert capsys.readouterr().out == "✓ it holds (2 > 1)\n"
    with pytest.raises(ClaimFailed):
        exec('claim("it holds", 0, ">", 1)', names)


@pytest.mark.parametrize("value", [0.21, float("nan")])
def test_a_moved_dial_reports(names: dict[str, object], value: float, capsys: pytest.CaptureFixture[str]) -> None:
    names["STEPS"], names["value"] = 100, value
    exec('claim("it holds", value, ">", 0.3)', names)
    assert capsys.readouterr().out == f"· it holds: not claimed here: {value:.2f} (STEPS is 100 instead of 600)\n"
    names["STEPS"] = 600  # the dial is back
    with pytest.raises(ClaimFailed):
        exec('claim("it holds", value, ">", 0.3)', names)


def test_other_data_from_outside_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    exec('made_for(DATA="shapes")', {"DATA": "cifar10", "made_for": made_for})
    assert capsys.readouterr().out.startswith("· your settings: DATA is 'cifar10' instead of 'shapes'.")


@pytest.mark.parametrize("hold", [lambda h: h, lambda h: {"a": h}, lambda h: [h]])
def test_a_stopped_training_reports(names: dict[str, object], hold: object, capsys: pytest.CaptureFixture[str]) -> None:
    history = History(terms={"loss": [2.0, 1.0]}, stopped=True)
    names["history"] = hold(history)  # type: ignore[operator]
    exec('claim("it holds", 0, ">", 1)', names)
    assert capsys.readouterr().out == "· it holds: not claimed here: 0 (a training was stopped at step 2)\n"
    history.stopped = False
    with pytest.raises(ClaimFailed):
        exec('claim("it holds", 0, ">", 1)', names)


def test_a_training_repeated_since_does_not_count(names: dict[str, object]) -> None:
    stopped = History(terms={"loss": [2.0]}, stopped=True)
    names |= {"_": stopped, "_7": stopped, "Out": {7: stopped}, "history": History(terms={"loss": [2.0, 1.0]})}
    with pytest.raises(ClaimFailed):
        exec('claim("it holds", 0, ">", 1)', names)


def test_a_claim_may_say_itself_when_it_is_made(names: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    names["STEPS"] = 100
    with pytest.raises(ClaimFailed):
        exec('claim("loop and library agree", 0, "==", 1, default=True)', names)
    names["STEPS"] = 600
    exec('claim("it holds", 0, ">", 1, default=DATA == "cifar10")', names)
    assert capsys.readouterr().out == "· it holds: not claimed here: 0\n"


def test_made_for_knows_no_name_that_is_not_there() -> None:
    with pytest.raises(NameError, match="no variable STEPS"):
        exec("made_for(STEPS=1)", {"made_for": made_for})


def test_the_printed_line_is_the_same_on_every_machine() -> None:
    """nbval blanks the numbers of ticks, whatever their form, and nothing of the sentence."""
    rules = re.findall(r"^regex: (.*)$\n^replace: (.*)$", Path("tests/nbval_sanitize.cfg").read_text(), re.MULTILINE)

    def blanked(text: str) -> str:
        for pattern, replacement in rules:
            text = re.sub(pattern, replacement, text)
        return text

    lines = "✓ 2 views beat raw (by far) ({} > {})\n✓ loop = library ({} < 1e-05)\n✓ wide ({} > 900)\nshape (4, 8)"
    one, two = lines.format("0.51", "0.30", "3e-07", "1234"), lines.format("0.5213", "0.3000", "0", "999")
    assert blanked(one) == blanked(two)
    assert blanked(one) != blanked(one.replace("2 views", "4 views"))
    assert blanked(one) != blanked(one.replace("(4, 8)", "(4, 4)"))
    assert blanked(one) != blanked(one.replace("✓ wide (1234 > 900)\n", ""))


def test_nothing_is_claimed_of_shortened_trainings(
    names: dict[str, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSLWB_TRAIN_SHARE", "0.05")
    exec('claim("it learns", 0.1, ">", 0.3)', names)
    assert capsys.readouterr().out == "· it learns: not claimed here: 0.10 (trainings take 5% of their steps)\n"
    with pytest.raises(ClaimFailed):  # what no setting can break is still insisted on
        exec('claim("the loop agrees", 0.1, "~=", 0.3, default=True)', names)


def test_a_claim_on_stored_rows_says_so_and_is_made_whatever_the_settings(
    names: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    names["STEPS"] = 3
    claim("it holds", 0.5, ">", 0.3, stored=3)
    assert capsys.readouterr().out.splitlines()[-1] == "✓ stored, 3 seeds: it holds (0.50 > 0.30)"
    with pytest.raises(ClaimFailed, match="stored, 1 seed: it holds"):
        claim("it holds", 0.2, ">", 0.3, stored=1)
    with pytest.raises(TypeError, match="stored is 'three'"):
        claim("it holds", 0.2, ">", 0.3, stored="three")  # type: ignore[arg-type]
