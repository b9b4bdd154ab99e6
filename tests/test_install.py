"""pyproject.toml, requirements.lock and environment.yml say the same."""

import os
import re
import tomllib
from pathlib import Path

import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK_LINES = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def locked() -> dict[str, list[str]]:
    """Name → its locked versions; more than one where a marker tells platforms or Pythons apart."""
    found: dict[str, list[str]] = {}
    for line in LOCK_LINES:
        name, _, rest = line.partition("==")
        found.setdefault(canonicalize_name(name), []).append(rest.partition(" ; ")[0])
    return found


def test_every_line_of_the_lock_is_a_pin_and_a_marker() -> None:
    for line in LOCK_LINES:
        pin, _, marker = line.partition(" ; ")
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9a-z.+!]*", pin), line
        if marker:
            Marker(marker)
    assert len(set(LOCK_LINES)) == len(LOCK_LINES) > 50
    assert list(locked()) == sorted(locked())


def test_the_lock_leaves_cuda_to_torch() -> None:
    assert not [name for name in locked() if name.startswith(("nvidia-", "cuda-")) or name == "triton"]


def test_the_lock_holds_every_dependency() -> None:
    extras = PROJECT["optional-dependencies"]
    for text in [*PROJECT["dependencies"], *extras["lab"], *extras["test"]]:
        wanted = Requirement(text)
        versions = locked().get(canonicalize_name(wanted.name))
        assert versions, f"{wanted.name} is in pyproject.toml and not in requirements.lock: make lock"
        assert all(version in wanted.specifier for version in versions), f"{wanted} against {versions}: make lock"


def test_conda_takes_the_rest_from_the_lock() -> None:
    (pip,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-r requirements.lock", "-e ."]
    assert ENVIRONMENT["channels"][0] == "conda-forge"


def test_conda_names_no_other_versions_than_the_lock() -> None:
    names = [entry for entry in ENVIRONMENT["dependencies"] if isinstance(entry, str)]
    assert "pip" in names
    for entry in names:
        name, _, prefix = entry.partition("=")
        if name == "python":
            assert Version(prefix) in SpecifierSet(PROJECT["requires-python"])
        elif name != "pip":
            versions = locked()[canonicalize_name(name)]
            assert all(f"{version}.".startswith(f"{prefix}." if prefix else "") for version in versions), entry


def test_every_script_may_be_run() -> None:
    scripts = [ROOT / ".ci" / "run", *sorted((ROOT / "scripts").glob("*.sh"))]
    assert [str(path) for path in scripts if not os.access(path, os.X_OK)] == []
