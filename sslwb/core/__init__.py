"""What every floor speaks of: views and batches, arguments, how a thing was made, what the host may read, and files."""

from sslwb.core.arguments import (
    as_embeddings,
    as_labels,
    as_tensor,
    check_classes,
    check_dense,
    check_shapes,
    number,
    taken_settings,
    typed,
    whole,
)
from sslwb.core.files import place, printable, written_whole
from sslwb.core.host import checking, host_generator, may_read
from sslwb.core.record import NotRecorded, describe, plain, rebuild, recorded
from sslwb.core.usual import usual
from sslwb.core.views import (
    MASK,
    PAD,
    SEP,
    WORDS,
    MakeViews,
    Views,
    as_float32,
    as_views,
    check_generator,
    check_recipe,
    check_views_of_recipe,
    tensor_of,
)

__all__ = [
    "MASK",
    "PAD",
    "SEP",
    "WORDS",
    "MakeViews",
    "NotRecorded",
    "Views",
    "as_embeddings",
    "as_float32",
    "as_labels",
    "as_tensor",
    "as_views",
    "check_classes",
    "check_dense",
    "check_generator",
    "check_recipe",
    "check_shapes",
    "check_views_of_recipe",
    "checking",
    "describe",
    "host_generator",
    "may_read",
    "number",
    "place",
    "plain",
    "printable",
    "rebuild",
    "recorded",
    "taken_settings",
    "tensor_of",
    "typed",
    "usual",
    "whole",
    "written_whole",
]
