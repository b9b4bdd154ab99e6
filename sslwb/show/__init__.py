"""Seeing: one file a figure, each with words for those who cannot see it. Nothing heavy loads before first use."""

from typing import Any

from sslwb.show.attention import attention
from sslwb.show.bars import bars
from sslwb.show.candidates import candidates
from sslwb.show.curves import curves, label_curve, spectrum
from sslwb.show.embedding import embedding
from sslwb.show.heatmap import heatmap, matrix
from sslwb.show.histograms import histograms
from sslwb.show.latents import densities, latent_plane, traversals
from sslwb.show.neighbours import neighbours
from sslwb.show.pictures import pictures, views
from sslwb.show.reconstructions import reconstructions
from sslwb.show.scatter import scatter
from sslwb.show.scenes import boxes, segments
from sslwb.show.source import source
from sslwb.show.tables import scores, table
from sslwb.show.timeline import timeline
from sslwb.show.workflow import workflow

__all__ = [
    "attention",
    "bars",
    "boxes",
    "candidates",
    "curves",
    "densities",
    "embedding",
    "heatmap",
    "histograms",
    "label_curve",
    "latent_plane",
    "matrix",
    "neighbours",
    "pictures",
    "reconstructions",
    "scatter",
    "scores",
    "segments",
    "source",
    "spectrum",
    "table",
    "timeline",
    "traversals",
    "umap_map",
    "views",
    "warm_up",
    "workflow",
]


def __getattr__(name: str) -> Any:
    """`umap_map` and `warm_up` need torch: loaded at their first use."""
    if name in ("umap_map", "warm_up"):
        from sslwb.show import maps

        return getattr(maps, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
