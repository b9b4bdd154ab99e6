"""What every test shares: one thread, caches of its own, and an order in which two workers are busy to the end."""

import json
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path

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


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs a group in order (`--dist loadgroup`), and the longest group comes first, so that the workers are
    busy to the end; before all comes what was never measured.

    The cells of a notebook and the tests of a file are a group, for they share what the first of them made; a browser
    test stands alone.
    """
    seconds = json.loads(MEASURED.read_text())["rows"] if MEASURED.exists() else {}
    groups = {item: group(item.nodeid) for item in items}
    for item, name in groups.items():
        if "::" not in name:
            item.add_marker(pytest.mark.xdist_group(name))
    items.sort(key=lambda item: (-seconds.get(groups[item], math.inf), groups[item]))


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
