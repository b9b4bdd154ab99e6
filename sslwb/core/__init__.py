"""What every floor speaks of: views and batches, how a thing was made, what the host may read, and files."""

from sslwb.core.files import place, written_whole
from sslwb.core.host import checking, host_generator, may_read
from sslwb.core.record import NotRecorded, describe, plain, rebuild, recorded
from sslwb.core.views import MASK, PAD, SEP, WORDS, MakeViews, Views, as_views, tensor_of

__all__ = [
    "MASK",
    "PAD",
    "SEP",
    "WORDS",
    "MakeViews",
    "NotRecorded",
    "Views",
    "as_views",
    "checking",
    "describe",
    "host_generator",
    "may_read",
    "place",
    "plain",
    "rebuild",
    "recorded",
    "tensor_of",
    "written_whole",
]
