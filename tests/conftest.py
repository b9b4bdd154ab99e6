"""What every test shares: one thread, caches of its own, and the machine to itself while a browser is driven."""

import os
import shutil
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
    config.add_cleanup(lambda: shutil.rmtree(scratch, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: until then both workers are busy."""
    items.sort(key=_drives_a_browser)


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
