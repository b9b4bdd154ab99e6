"""What the learner touches: one file a widget, named for it. All computing is handed in; nothing imports them."""

from sslwb.widgets.ablation import ablation
from sslwb.widgets.attention import attention
from sslwb.widgets.dial import dial
from sslwb.widgets.embedding_map import embedding_map
from sslwb.widgets.fill_mask import fill_mask
from sslwb.widgets.inspector import inspector
from sslwb.widgets.latent_walk import latent_walk
from sslwb.widgets.mask_painter import mask_painter
from sslwb.widgets.monitor import monitor
from sslwb.widgets.naming import naming
from sslwb.widgets.neighbours import neighbours
from sslwb.widgets.predict import predict
from sslwb.widgets.quiz import quiz
from sslwb.widgets.sampler import sampler
from sslwb.widgets.sortable import sortable

__all__ = [
    "ablation",
    "attention",
    "dial",
    "embedding_map",
    "fill_mask",
    "inspector",
    "latent_walk",
    "mask_painter",
    "monitor",
    "naming",
    "neighbours",
    "predict",
    "quiz",
    "sampler",
    "sortable",
]
