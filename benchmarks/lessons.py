"""Each lesson from a cold kernel with one thread: seconds, peak memory, seconds to its first figure.

    python benchmarks/lessons.py [--quick] [LESSON ...]

Lessons that are not named keep their rows. The kernel's start is part of the seconds. The first figure counts from the
first cell on, for Run All comes when the kernel is there: the first picture, widget or styled table that a page would
show. A kernel that has read torch once runs before all others, so that the disk cache is warm. Memory is the kernel's
greatest resident set.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from _common import keep, kept_rows, parser, use_threads

ROOT = Path(__file__).parent.parent
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SHOWN = ("image/png", "image/svg+xml", "application/vnd.jupyter.widget-view+json", "text/html")


def execute(path: Path | None, cells: list[str] | None = None) -> dict[str, Any]:
    """Run a notebook, or some cells, and say how long it took, what it needed, and whether every cell ran."""
    import nbclient
    import nbformat

    class Client(nbclient.NotebookClient):
        first_cell = first_figure = peak = 0.0

        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            shown = msg["content"].get("data", {}) if msg["msg_type"] in ("display_data", "execute_result") else {}
            if not self.first_figure and any(kind in shown for kind in SHOWN):
                self.first_figure = time.perf_counter()
            return super().process_message(msg, cell, cell_index)

        async def async_execute_cell(self, *args: Any, **kwargs: Any) -> Any:
            self.first_cell = self.first_cell or time.perf_counter()
            try:
                return await super().async_execute_cell(*args, **kwargs)
            finally:
                self.peak = peak_of(self.km.provisioner.pid)

    if path is None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells or []])
    else:
        notebook = nbformat.read(path, as_version=4)
    client = Client(notebook, timeout=600, resources={"metadata": {"path": str(ROOT / "notebooks")}})
    begin, error = time.perf_counter(), ""
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as failure:
        error = f"{failure.ename}: {failure.evalue}"
    end = time.perf_counter()
    figure = client.first_figure - client.first_cell if client.first_figure else None
    return {
        "seconds": round(end - begin, 1),
        "peak GB": round(client.peak, 2),
        "first figure": None if figure is None else round(figure, 1),
        "error": error,
    }


def peak_of(pid: int) -> float:
    """The greatest resident set of a process so far, in GB."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e9
    import psutil

    memory = psutil.Process(pid).memory_info()
    return getattr(memory, "peak_wset", memory.rss) / 1e9


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("lessons", nargs="*", help="numbers, such as 00 03; none means all")
    options = arguments.parse_args()
    use_threads(options.threads, 1)
    for name in THREADS:
        os.environ[name] = str(options.threads or 1)
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    chosen = [p for p in found if not options.lessons or p.stem[:2] in options.lessons][: 1 if options.quick else None]
    execute(None, ["import torch, torchvision, sklearn, matplotlib, ipywidgets, sslwb.train, sslwb.evaluate"])
    rows = kept_rows(options)
    print(f"{'':28}{'seconds':>10}{'peak GB':>10}{'first figure':>14}")
    for path in chosen:
        row = rows[path.stem] = execute(path)
        figure = "none" if row["first figure"] is None else f"{row['first figure']:.1f} s"
        print(f"{path.stem:28}{row['seconds']:10.1f}{row['peak GB']:10.2f}{figure:>14}  {row['error']}", flush=True)
    keep(options, dict(sorted(rows.items())), packages=("jupyterlab", "ipykernel"))


if __name__ == "__main__":
    main()
