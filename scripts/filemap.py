"""Writes FILES.md: every file of code with the first lines of its docstring, folder by folder.

    python scripts/filemap.py

So what a file is for is said once, in the file. tests/test_readme.py fails where the map is an old one.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("sslwb", "benchmarks", "scripts", "tests")
COMMENTS = {".js": "//", ".sh": "#"}


def files(folder: Path) -> list[Path]:
    """The files of code below a folder, those of one folder together."""
    found = [path for suffix in (".py", *COMMENTS) for path in folder.rglob(f"*{suffix}")]
    return sorted(found, key=lambda path: (path.parent, path.name))


def summary(path: Path) -> str:
    """The first paragraph of a file's docstring, or of the comment at its head, as one line.

    Raises:
        ValueError: the file does not say what it is for.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        paragraph = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
    else:
        mark = COMMENTS[path.suffix]
        lines = [line for line in text.splitlines() if not line.startswith("#!")]
        count = next((i for i, line in enumerate(lines) if not line.startswith(mark)), len(lines))
        paragraph = "\n".join(line.removeprefix(mark).strip() for line in lines[:count])
    if not paragraph:
        raise ValueError(f"{path} does not say what it is for: give it a docstring, or a comment at its head")
    return " ".join(paragraph.split())


def filemap(root: Path) -> str:
    """The whole map, as Markdown."""
    lines = ["# Files", "", "Written by `python scripts/filemap.py` from the head of each file."]
    folder = None
    for path in (path for name in FOLDERS for path in files(root / name)):
        if path.parent != folder:
            folder = path.parent
            lines += ["", f"## {folder.relative_to(root).as_posix()}", ""]
            if (folder / "__init__.py").exists():
                lines += [summary(folder / "__init__.py"), ""]
        if path.name != "__init__.py":
            lines.append(f"- [`{path.name}`]({path.relative_to(root).as_posix()}): {summary(path)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "FILES.md").write_text(filemap(ROOT), encoding="utf-8")
