"""Seeing: static figures and tables with words for those who cannot see them. Nothing heavy loads before first use."""

from typing import Any

from sslwb.show.code import source
from sslwb.show.diagrams import workflow
from sslwb.show.grids import neighbours, pictures, reconstructions, views
from sslwb.show.plots import bars, curves, heatmap, label_curve, matrix, spectrum, timeline
from sslwb.show.scatter import embedding
from sslwb.show.tables import scores, table
from sslwb.show.words import attention, candidates

__all__ = [
    "attention",
    "bars",
    "candidates",
    "curves",
    "embedding",
    "heatmap",
    "label_curve",
    "matrix",
    "neighbours",
    "pictures",
    "reconstructions",
    "scores",
    "source",
    "spectrum",
    "table",
    "timeline",
    "umap_map",
    "views",
    "warm_up",
    "workflow",
]


def __getattr__(name: str) -> Any:
    """`umap_map` and `warm_up` need torch: looked up when first asked for."""
    if name in ("umap_map", "warm_up"):
        from sslwb.show import maps

        return getattr(maps, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
