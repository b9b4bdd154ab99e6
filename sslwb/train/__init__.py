"""Training: one loop for every method, in the foreground (`fit`) or on a background thread (`start`)."""

from sslwb.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from sslwb.train.device import granted_cores, resolve_device, resolve_precision
from sslwb.train.loop import Diverged, History, fit
from sslwb.train.run import Run, start
from sslwb.train.store import trained

__all__ = [
    "CheckpointError",
    "Diverged",
    "History",
    "Run",
    "fit",
    "granted_cores",
    "load_checkpoint",
    "resolve_device",
    "resolve_precision",
    "save_checkpoint",
    "start",
    "trained",
]
