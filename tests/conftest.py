"""What every test shares: one thread, caches of its own; and how two workers divide the tests."""

import json
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

# Before torch or numba is imported, here and in every kernel that a test starts: two workers share two cores.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import pytest  # noqa: E402

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


def group(nodeid: str) -> str:
    """The tests that one worker takes together: a file's, for they share what they trained; one in the browser."""
    return nodeid if nodeid.startswith("tests/browser/") else nodeid.partition("::")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups come first, then both workers are busy until the end. What is not measured is the first.

    Browser tests come last: while Playwright is open, its event loop runs in this thread, and asyncio.run() fails.
    """
    for item in items:
        if hasattr(item, "output_timeout"):  # of nbval: it gives a cell that has replied 5 s to be idle
            item.output_timeout = 120
    seconds = json.loads(MEASURED.read_text())["rows"] if MEASURED.exists() else {}
    items.sort(key=lambda item: ("browser" in item.path.parts, -seconds.get(group(item.nodeid), math.inf)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal out whole groups in that order. `--dist loadgroup` would read its marks before this file can set them."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Groups(config, log)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    name = group(report.nodeid)
    SECONDS[name] = SECONDS.get(name, 0.0) + report.duration  # set-up, call and teardown, each a report


def pytest_sessionfinish() -> None:
    """Write down how long each group took, where benchmarks/proof.py asks for it."""
    if (asked := os.environ.get("SSLWB_PROOF")) and "PYTEST_XDIST_WORKER" not in os.environ:
        Path(asked).write_text(json.dumps({name: round(value, 1) for name, value in SECONDS.items()}))
