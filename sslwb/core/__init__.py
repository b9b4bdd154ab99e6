"""What every floor speaks of: views and batches, how a thing was made, and what the host may read."""

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
    "plain",
    "rebuild",
    "recorded",
    "tensor_of",
]
