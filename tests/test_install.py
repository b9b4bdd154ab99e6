"""Installing: set-up makes .venv whatever it finds; pyproject.toml, lock, conda, licences and workflow say the same."""

import ast
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
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
SETUP = ROOT / "scripts" / "setup.py"


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
    scripts = [ROOT / ".ci" / "run", SETUP, *sorted((ROOT / "scripts").glob("*.sh"))]
    assert [str(path) for path in scripts if not os.access(path, os.X_OK)] == []


# Set-up, with installers that write down what they are asked. A stub is a shell script, so these tests want one.
posix = pytest.mark.skipif(os.name == "nt", reason="the stubs of uv and Python are shell scripts")

STUB_UV = """#!/bin/sh
echo "uv $*" >> calls
case "$*" in
  venv*) exec "$REAL" -m venv --without-pip .venv ;;
  *--dry-run*) test ! -e no-index ;;
  *) test ! -e no-network || { echo "error: the network is gone" >&2; exit 2; } ;;
esac
"""
STUB_PYTHON = """#!/bin/sh
case "$1 $2" in
  "-c "*) exec "$REAL" "$@" ;;
  "-m uv") test -e has-uv || exit 1; shift 2; exec sh ./stub-uv "$@" ;;
  "-m ensurepip") exit 0 ;;
  "-m pip") echo "pip $*" >> calls
    test "$*" != "-m pip install --quiet uv" || { test ! -e no-network && : > has-uv; } ;;
esac
"""


class Checkout:
    """A checkout with a lock of three lines, and a PATH that holds only what a test puts there."""

    def __init__(self, root: Path) -> None:
        self.root = root / "a checkout"  # a blank in the path is usual on Windows and macOS
        (self.root / "scripts").mkdir(parents=True)
        shutil.copy(SETUP, self.root / "scripts")
        (self.root / "requirements.lock").write_text("numpy==2\ntorch==2.15.0\ntorchvision==0.29.2\n")
        self.path = root / "path"
        self.path.mkdir()
        self.write("stub-uv", STUB_UV)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def uv_on_path(self) -> None:
        shutil.copy(self.root / "stub-uv", self.path / "uv")

    def venv_that_starts(self) -> None:
        self.write(".venv/bin/python", STUB_PYTHON)

    def setup(self) -> subprocess.CompletedProcess[str]:
        (self.root / "calls").unlink(missing_ok=True)
        env = {"PATH": f"{self.path}:/usr/bin:/bin", "REAL": sys.executable, "HOME": str(self.root)}
        command = [sys.executable, "scripts/setup.py"]
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True)

    @property
    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()

    @property
    def ready(self) -> bool:
        return (self.root / ".venv" / "sslwb-ready").exists()


@pytest.fixture
def bare(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


ASK = "uv pip install --quiet --python .venv/bin/python --dry-run --no-deps --reinstall --torch-backend=auto "
ASK += "torch==2.15.0 torchvision==0.29.2"
TAKE = "uv pip install --quiet --python .venv/bin/python --torch-backend=auto -r requirements.lock -e ."
TAKE_ORDINARY = TAKE.replace(" --torch-backend=auto", "")


@posix
def test_setup_with_uv_on_the_path(bare: Checkout) -> None:
    bare.uv_on_path()
    run = bare.setup()
    assert run.returncode == 0, run.stderr
    assert bare.calls == ["uv venv --quiet --python >=3.11,<3.15 .venv", ASK, TAKE]
    assert bare.ready
    assert "set-up: ready; .venv/bin/sslwb lab opens the course" in run.stdout


@posix
def test_setup_takes_the_ordinary_torch_where_its_index_is_silent(bare: Checkout) -> None:
    bare.uv_on_path()
    bare.write("no-index", "")
    run = bare.setup()
    assert run.returncode == 0, run.stderr
    assert bare.calls[1:] == [ASK, TAKE_ORDINARY]
    assert "index does not answer" in run.stdout


@posix
def test_setup_takes_the_uv_inside_the_environment(bare: Checkout) -> None:
    bare.venv_that_starts()
    bare.write("has-uv", "")
    run = bare.setup()
    assert run.returncode == 0, run.stderr
    assert bare.calls == ["uv --version", ASK, TAKE]


@posix
def test_setup_installs_uv_into_the_environment(bare: Checkout) -> None:
    bare.venv_that_starts()
    run = bare.setup()
    assert run.returncode == 0, run.stderr
    assert bare.calls == ["pip -m pip install --quiet uv", ASK, TAKE]


@posix
def test_setup_falls_back_to_pip(bare: Checkout) -> None:
    bare.venv_that_starts()
    bare.write("no-network", "")
    run = bare.setup()
    assert run.returncode == 0, run.stderr
    assert bare.calls == ["pip -m pip install --quiet uv", "pip -m pip install --quiet -r requirements.lock -e ."]
    assert "uv cannot be had; installing with pip" in run.stdout
    assert bare.ready


@posix
@pytest.mark.parametrize("broken", ["a Python that fails", "a link to nowhere", "no Python", "a file"])
def test_setup_makes_an_environment_anew_that_does_not_start(bare: Checkout, broken: str) -> None:
    bare.uv_on_path()
    match broken:
        case "a Python that fails":
            bare.write(".venv/bin/python", "#!/bin/sh\nexit 1\n")
        case "a link to nowhere":
            (bare.root / ".venv").symlink_to("gone")
        case "no Python":
            bare.write(".venv/left-over", "")
        case "a file":
            bare.write(".venv", "")
    run = bare.setup()
    assert run.returncode == 0, run.stderr
    assert ".venv does not start or has a Python older than 3.11; making it anew" in run.stdout
    assert bare.calls[0].startswith("uv venv")
    assert bare.ready
    assert not (bare.root / ".venv" / "left-over").exists()


@posix
def test_setup_keeps_an_environment_that_starts(bare: Checkout) -> None:
    bare.uv_on_path()
    bare.venv_that_starts()
    assert bare.setup().returncode == 0
    assert bare.calls == [ASK, TAKE]


@posix
def test_setup_that_was_interrupted_begins_with_a_new_environment(bare: Checkout) -> None:
    """Half a package may pass for a whole one, so what an interruption left is not trusted."""
    bare.write("stub-uv", STUB_UV + 'case "$*" in *--dry-run*|venv*) ;; *) kill -9 $PPID ;; esac\n')
    bare.uv_on_path()
    assert bare.setup().returncode == -signal.SIGKILL
    assert not bare.ready
    bare.write(".venv/half-a-package", "")
    bare.write("stub-uv", STUB_UV)
    bare.uv_on_path()
    run = bare.setup()
    assert run.returncode == 0, run.stderr
    assert "an earlier set-up was interrupted; making .venv anew" in run.stdout
    assert bare.calls == ["uv venv --quiet --python >=3.11,<3.15 .venv", ASK, TAKE]
    assert bare.ready
    assert not (bare.root / ".venv" / "half-a-package").exists()
    assert bare.setup().returncode == 0  # and the next one finds nothing unfinished
    assert bare.calls == [ASK, TAKE]


@posix
def test_setup_that_failed_is_taken_up_again(bare: Checkout) -> None:
    bare.uv_on_path()
    bare.write("no-network", "")
    run = bare.setup()
    assert run.returncode == 1
    assert "the network is gone" in run.stderr
    assert "give the same command again" in run.stderr
    assert "Traceback" not in run.stderr
    assert not bare.ready
    (bare.root / "no-network").unlink()
    assert bare.setup().returncode == 0
    assert bare.calls == [ASK, TAKE]  # the environment is there
    assert bare.ready


def test_setup_without_a_new_enough_python_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script: dict[str, Any] = runpy.run_path(str(SETUP))
    monkeypatch.setitem(script["make_venv"].__globals__, "version", lambda python: (3, 9))
    with pytest.raises(SystemExit, match=r"no Python from 3\.11 to 3\.14 found\. Install one, or install uv"):
        script["make_venv"](None)


def test_setup_itself_starts_on_an_old_python() -> None:
    """It must be able to say that the Python is too old: nothing newer than 3.8's grammar, nothing but its library."""
    tree = ast.parse(SETUP.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= {"__future__", "os", "pathlib", "shutil", "subprocess", "sys"}


def test_setup_and_pyproject_agree_on_the_oldest_python() -> None:
    oldest = runpy.run_path(str(SETUP))["OLDEST"]
    assert PROJECT["requires-python"] == f">={'.'.join(map(str, oldest))}"


# Licences, citation.


def test_the_licence_and_the_citation_agree_with_pyproject() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    version = runpy.run_path(str(ROOT / "sslwb" / "__init__.py"))["__version__"]
    assert (cited["cff-version"], cited["version"], cited["license"]) == ("1.2.0", version, PROJECT["license"])
    assert cited["authors"] == PROJECT["authors"]
    for file in PROJECT["license-files"]:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert text.startswith(f"{PROJECT['license']} License")
        assert PROJECT["authors"][0]["name"] in text
    assert "Attribution 4.0 International" in (ROOT / "notebooks" / "LICENSE").read_text(encoding="utf-8")


def test_the_package_says_that_it_is_typed() -> None:
    """The wheel carries every file of sslwb/ that git does not ignore."""
    assert (ROOT / "sslwb" / "py.typed").is_file()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert settings["targets"]["wheel"]["packages"] == ["sslwb"]
    assert "exclude" not in settings["targets"]["wheel"]


def test_the_workflow_tries_three_systems_and_the_oldest_torch() -> None:
    """The workflow itself runs elsewhere; here, that it says what pyproject.toml says."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))["jobs"]
    tried = jobs["check"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in tried["os"]} == {"ubuntu", "macos", "windows"}
    assert all(Version(python) in SpecifierSet(PROJECT["requires-python"]) for python in tried["python"])
    oldest, newest = jobs["torch"]["strategy"]["matrix"]["torch"]
    bounds = {wanted.name: wanted.specifier for wanted in map(Requirement, PROJECT["dependencies"])}
    for package in oldest["packages"].split():
        name, _, version = package.partition("==")
        assert bounds[name] == SpecifierSet(f">={version.removesuffix('.*')}")
    assert newest["packages"] == "--upgrade torch torchvision"
