"""The benchmarks: every script fits the library that it measures, and rows are kept as the lessons read them."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def in_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts import each other by name, as when one of them is run."""
    monkeypatch.syspath_prepend(FOLDER)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("[!_]*.py")))
def test_a_script_finds_what_it_uses(name: str) -> None:
    """Its recipes, methods and settings are made when it is imported, under a name that nothing else here has."""
    script = importlib.import_module(name)
    assert Path(str(script.__file__)).parent == FOLDER, f"{name}.py has the name of {script.__file__}"
    assert callable(script.main)


def test_every_trial_of_the_faults_is_a_test() -> None:
    tests, kinds = FOLDER.parent / "tests", importlib.import_module("faults").KINDS
    names = [node.split("::")[1] for kind in kinds.values() for node in kind.tests]
    assert len(set(names)) == len(names)  # the report tells them apart by name
    for name, kind in kinds.items():
        for file, test in (node.split("::") for node in kind.tests):
            assert f"def {test}(" in (tests / file).read_text(encoding="utf-8"), f"{name}: {file} has no {test}"
        assert {node.split("::")[1] for node in kind.tests} >= set(kind.times)


def test_rows_hold_a_value_for_each_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, out = importlib.import_module("_rows"), tmp_path / "rows.json"
    monkeypatch.setattr(rows, "use_threads", lambda asked, default: None)  # this process keeps its own

    def measure(name: str, seed: int, share: float) -> Iterator[tuple[str, dict[str, float]]]:
        yield name, {"steps": 7, "knn": seed + 0.12345}
        yield f"{name}, untrained", {"knn": 0.5}

    def kept(*command: str) -> dict[str, dict[str, object]]:
        options = rows.arguments("", ["a", "b"]).parse_args([*command, "--out", str(out)])
        rows.run(options, measure, {"lr": 1.0}, more={"b": 1})
        record = json.loads(out.read_text())
        assert record["settings"] == {"lr": 1.0}
        return record["rows"]

    first = kept("--seeds", "2")
    assert first["a"] == {"steps": 7, "knn": [0.1235, 1.1235]}
    assert first["b"] == {"steps": 7, "knn": [0.1235, 1.1235, 2.1235]}
    assert first["b, untrained"] == {"knn": [0.5, 0.5, 0.5]}

    again = kept("--seeds", "1", "--only", "b")
    assert again["a"] == first["a"]
    assert again["b"] == {"steps": 7, "knn": [0.1235, 1.1235]}
    assert list(kept("--quick", "--only", "a")) == ["a", "a, untrained"]
