"""What the learner touches: one file a widget. All computing is handed in; nothing imports them."""

from sslwb.widgets.augmentation import inspector
from sslwb.widgets.filling import fill_mask
from sslwb.widgets.looking import attention
from sslwb.widgets.nearest import neighbours
from sslwb.widgets.painting import mask_painter
from sslwb.widgets.parts import ablation
from sslwb.widgets.questions import predict, quiz
from sslwb.widgets.sampling import sampler
from sslwb.widgets.scatter import embedding_map
from sslwb.widgets.sliders import dial
from sslwb.widgets.training import monitor

__all__ = [
    "ablation",
    "attention",
    "dial",
    "embedding_map",
    "fill_mask",
    "inspector",
    "mask_painter",
    "monitor",
    "neighbours",
    "predict",
    "quiz",
    "sampler",
]
