"""Find, open and execute the lessons and benchmarks of this checkout."""

import ast
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CLAIM_MARKS = ("✓", "✗", "·")  # how a line of claims.claim begins: held, failed, not claimed here


def checkout() -> Path:
    """The folder that holds notebooks/: the one around this package, else the current one.

    Raises:
        LookupError: neither has notebooks/.
    """
    for folder in (Path(__file__).parents[2], Path.cwd()):
        if (folder / "notebooks").is_dir():
            return folder
    raise LookupError("no folder notebooks/ beside the package or here; run this command inside a clone of the course")


def all_lessons() -> list[Path]:
    """The lessons in the order of their numbers."""
    return sorted(checkout().glob("notebooks/[0-9][0-9]_*.ipynb"))


def find_lesson(name: str) -> Path:
    """The notebook for a number ("03", "3"), a name ("simclr", "03_simclr") or a path.

    Raises:
        LookupError: no such lesson; the message lists those that exist.
    """
    if name.endswith(".ipynb") and (path := Path(name).expanduser()).is_file():
        return path.resolve()
    lessons = all_lessons()
    for path in lessons:
        number, _, title = path.stem.partition("_")
        if name in (path.stem, path.name, title, number, number.lstrip("0") or "0"):
            return path
    raise LookupError(f"no lesson {name!r}; there are: {', '.join(path.stem for path in lessons) or 'none yet'}")


def parse_parameters(path: Path, given: Mapping[str, str]) -> dict[str, object]:
    """Turn the text of `-p NAME VALUE` into values of the types that the lesson's own settings have.

    A folder or a text of a person's own is meant from where they stand, and the kernel stands in the lesson's folder.

    Raises:
        LookupError: the lesson has no such setting; the message lists those that it has.
        ValueError: the text is no value of that type.
    """
    if not given:
        return {}
    from papermill import inspect_notebook

    defaults = {name: info["default"] for name, info in inspect_notebook(path).items()}
    values = {}
    for name, text in given.items():
        if name not in defaults:
            listed = ", ".join(f"{key} = {value}" for key, value in defaults.items()) or "none"
            raise LookupError(f"{path.stem} has no setting {name!r}; it has: {listed}")
        values[name] = _value(name, text, defaults[name])
    return values


def _value(name: str, text: str, default_text: str) -> object:
    default = _literal(default_text)
    if isinstance(default, str):
        from sslwb.data.registry import SOURCES

        return _from_here(text) if default in SOURCES or not default else text  # "": a folder that nobody named yet
    value = _literal({"true": "True", "false": "False"}.get(text, text))
    if isinstance(value, float) and isinstance(default, int) and value.is_integer():
        value = int(value)  # 2e3 steps
    fits = default is None or type(value) is type(default) or (isinstance(default, float) and type(value) is int)
    if not fits:
        raise ValueError(f"{name} is {default_text} in this lesson and so wants {type(default).__name__}; got {text!r}")
    return value


def _from_here(data: str) -> str:
    from sslwb.core import place
    from sslwb.data.loading import own_of, plain_text

    if (own := own_of(data)) is None:
        return data
    path, read = own
    return f"{'text' if read is plain_text else 'folder'}:{place(path)}"


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def run_lesson(path: Path, parameters: Mapping[str, object] | None = None, output: Path | None = None) -> bool:
    """Execute a lesson in a kernel of its own, print its claims as they come, and say whether every cell ran.

    The executed notebook is kept at `output` when one is given, also when a cell failed.
    """
    import papermill

    log = logging.getLogger("papermill")
    handler = _ClaimLines()
    log.addHandler(handler)
    level, propagate = log.level, log.propagate
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        papermill.execute_notebook(
            path,
            output,
            parameters=dict(parameters or {}),
            cwd=path.parent,
            log_output=True,
            progress_bar=sys.stderr.isatty(),
            extra_arguments=["--log-level=ERROR"],  # the kernel's own warnings are not for the learner
        )
    except papermill.PapermillExecutionError as error:
        print(f"✗ {path.stem}, cell {error.exec_count}: {error.ename}: {error.evalue}", file=sys.stderr)
        return False
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagate
    return True


class _ClaimLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        for line in record.getMessage().splitlines():
            if line.startswith(CLAIM_MARKS):
                print(line, flush=True)


def open_lab(arguments: Sequence[str]) -> int:
    """Become JupyterLab on the first lesson: for this machine only, with a token, asking nobody for news."""
    root = checkout()
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={root}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        command.append("--no-browser")
    start = "notebooks/00_start_here.ipynb"
    if (root / start).exists():  # the address that JupyterLab opens, and prints, leads to the lesson
        command.append(f"--LabApp.default_url=/lab/tree/{start}")
    command += arguments
    if os.name == "nt":  # exec would leave the console before JupyterLab ends
        return subprocess.call(command)
    os.execv(command[0], command)


def run_benchmark(name: str | None, arguments: Sequence[str]) -> int:
    """Run benchmarks/NAME.py with the arguments and return its exit status; without a name, list what there is.

    Raises:
        LookupError: no such benchmark.
    """
    found = {path.stem: path for path in sorted(checkout().glob("benchmarks/[!_]*.py"))}
    if name is None:
        for stem, path in found.items():
            summary = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            print(f"{stem:<16} {summary.partition(chr(10))[0]}")
        return 0
    if name not in found:
        raise LookupError(f"no benchmark {name!r}; there are: {', '.join(found) or 'none yet'}")
    signs = {"PYTHONIOENCODING": f"{sys.stdout.encoding}:replace"}  # a tick that the terminal lacks costs no benchmark
    return subprocess.call([sys.executable, str(found[name]), *arguments], env=os.environ | signs)
