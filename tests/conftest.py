"""What every test shares: one thread, caches of its own, and the machine to itself while a browser is driven."""

import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

# Before torch or numba is imported, here and in every kernel that a test starts: two workers share two cores.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import pytest  # noqa: E402

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SCRATCH = "SSLWB_TEST_SCRATCH"  # a folder that lives as long as this run of pytest, shared by its workers
MEASURED = Path(__file__).parent.parent / "benchmarks" / "results" / "proof.json"  # by benchmarks/proof.py
SECONDS: dict[str, float] = {}  # that each group took, in the process that sees all workers


def pytest_configure(config: pytest.Config) -> None:
    if SCRATCH in os.environ:  # a worker: all is set
        return
    scratch = Path(tempfile.mkdtemp(prefix="sslwb-test-"))
    os.environ[SCRATCH] = str(scratch)
    # Nothing of the developer's own is read or written: no trained runs, no user settings of Jupyter or matplotlib.
    os.environ["SSLWB_CACHE"] = str(scratch / "cache")
    os.environ["MPLCONFIGDIR"] = str(scratch / "matplotlib")
    os.environ["IPYTHONDIR"] = str(scratch / "ipython")
    os.environ["JUPYTER_CONFIG_DIR"] = str(scratch / "jupyter" / "config")
    os.environ["JUPYTER_DATA_DIR"] = str(scratch / "jupyter" / "data")
    if sys.dont_write_bytecode:  # each of a hundred kernels would compile torch's sources anew, for seconds
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(scratch / "bytecode")
    config.add_cleanup(lambda: shutil.rmtree(scratch, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: until then both workers are busy. The longest files come first, so that they stay so."""
    seconds = json.loads(MEASURED.read_text())["rows"] if MEASURED.exists() else {}
    whole: dict[str, float] = {}
    for name, value in seconds.items():
        whole[name.partition("::")[0]] = whole.get(name.partition("::")[0], 0.0) + value
    items.sort(key=lambda item: (_drives_a_browser(item), -whole.get(item.nodeid.partition("::")[0], math.inf)))


def _drives_a_browser(item: pytest.Item) -> bool:
    return "browser" in item.path.parts


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A browser test waits for the other worker's test to end and holds back its next: it has both cores."""
    if fcntl is None:
        return (yield)
    with open(Path(os.environ[SCRATCH]) / "machine.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if _drives_a_browser(item) else fcntl.LOCK_SH)
        return (yield)


def group(nodeid: str) -> str:
    """The tests that are scheduled, and measured by benchmarks/proof.py, together."""
    return nodeid if nodeid.startswith("tests/browser/") else nodeid.partition("::")[0]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    name = group(report.nodeid)
    SECONDS[name] = SECONDS.get(name, 0.0) + report.duration  # set-up, call and teardown, each a report


def pytest_sessionfinish() -> None:
    """Write down how long each group took, where benchmarks/proof.py asks for it."""
    if (asked := os.environ.get("SSLWB_PROOF")) and "PYTEST_XDIST_WORKER" not in os.environ:
        Path(asked).write_text(json.dumps({name: round(value, 1) for name, value in SECONDS.items()}))
