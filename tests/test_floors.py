"""The floors of the package: imports run downwards only, and importing sslwb costs nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "sslwb"

# The first part of a module's name after `sslwb.` → its floor.
FLOORS: dict[str, float] = {
    "core": -1,
    "augment": 0,
    "nets": 0,
    "geometry": 0,
    "ranks": 0,
    "screen": -1,
    "data": 1,
    "methods": 2,
    "train": 3,
    "evaluate": 4,
    "tasks": 4.5,  # they measure too, and stand on the evaluator
    "show": 5,
    "check": 5,
    "claims": 5,
    "widgets": 6,
    "cli": 7,
    "__main__": 8,
}
# Floors below this one must run on a machine without Jupyter or matplotlib.
BARE = 5
SEEING = {
    "matplotlib",
    "IPython",
    "ipykernel",
    "ipywidgets",
    "anywidget",
    "jscatter",
    "umap",
    "pandas",
    "papermill",
    "nbconvert",
}


def parts_of(path: Path, package: Path) -> tuple[str, ...]:
    """sslwb/train/run.py → ("train", "run"); sslwb/train/__init__.py → ("train",)."""
    parts = path.relative_to(package).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports_of(path: Path, package: Path) -> set[tuple[str, ...]]:
    """Every module that the file imports, also inside functions, as parts; relative imports made absolute."""
    here = ("sslwb", *path.relative_to(package).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(name.name.split(".")) for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            found.add(base)
            if base == ("sslwb",):  # from sslwb import train
                found |= {(*base, name.name) for name in node.names}
    return found


def violations(package: Path) -> list[str]:
    """What breaks the floors in the tree under `package`, one line each."""
    broken = []
    for path in sorted(package.rglob("*.py")):
        parts = parts_of(path, package)
        name = ".".join(("sslwb", *parts))
        imports = imports_of(path, package)
        if not parts:
            if imports:
                broken.append(f"{name} imports {sorted(imports)}; it holds the version only")
            continue
        if parts[0] not in FLOORS:
            broken.append(f"{name} stands on no floor; add it to FLOORS or move it")
            continue
        floor = FLOORS[parts[0]]
        for target in sorted(imports):
            if target[0] == "sslwb" and len(target) > 1 and target[1] != parts[0] and target[1] != "__version__":
                if FLOORS.get(target[1], 99) >= floor:
                    broken.append(f"{name} imports {'.'.join(target)}, which is not below it")
            elif floor < BARE and target[0] in SEEING:
                broken.append(f"{name} imports {target[0]}, which a machine that only trains does not have")
    return broken


def test_imports_run_downwards() -> None:
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("train/loop.py", "from sslwb.evaluate import knn", "sslwb.train.loop imports sslwb.evaluate"),
        ("nets/vit.py", "import sslwb.augment.images", "sslwb.nets.vit imports sslwb.augment.images"),
        ("methods/simclr.py", "def f():\n    from sslwb import widgets", "sslwb.methods.simclr imports sslwb.widgets"),
        ("data/load.py", "from ..train.loop import fit", "sslwb.data.load imports sslwb.train.loop"),
        ("evaluate/knn.py", "from matplotlib.figure import Figure", "sslwb.evaluate.knn imports matplotlib"),
        ("attic/old.py", "", "sslwb.attic.old stands on no floor"),
        ("__init__.py", "import torch", "sslwb imports [('torch',)]"),
    ],
)
def test_a_violation_is_caught(tmp_path: Path, file: str, source: str, complaint: str) -> None:
    for name, text in {"train/run.py": "from .loop import fit\nfrom sslwb.nets import conv\n", file: source}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (line,) = violations(tmp_path)
    assert line.startswith(complaint)


def test_the_package_itself_holds_the_version_only() -> None:
    docstring, version = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(version, ast.Assign)
    assert ast.unparse(version.targets[0]) == "__version__"


def test_a_function_that_bears_the_name_of_its_file_is_what_the_package_gives_out() -> None:
    """`sslwb.widgets.quiz` is the function for everybody, never now the function and now the module."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.stem not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            continue
        module = ".".join(("sslwb", *parts_of(path, PACKAGE)))
        given = {
            (node.module, name.name)
            for node in ast.parse((path.parent / "__init__.py").read_text(encoding="utf-8")).body
            if isinstance(node, ast.ImportFrom)
            for name in node.names
            if name.asname is None
        }
        assert (module, path.stem) in given, path


def test_importing_sslwb_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numba', 'ipywidgets', 'numpy', 'sklearn'}"
    code = f"import sslwb, sslwb.cli, sys; print(*sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_help_loads_no_torch() -> None:
    code = "import runpy, sys\nsys.argv = ['sslwb', '--help']\ntry: runpy.run_module('sslwb', run_name='__main__')\n"
    code += "except SystemExit: print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "False"
