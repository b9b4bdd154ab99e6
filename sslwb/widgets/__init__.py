"""What the learner touches: one file a widget. All computing is handed in; nothing imports them."""

from sslwb.widgets.augmentation import inspector
from sslwb.widgets.nearest import neighbours
from sslwb.widgets.painting import mask_painter
from sslwb.widgets.parts import ablation
from sslwb.widgets.questions import predict, quiz
from sslwb.widgets.scatter import embedding_map
from sslwb.widgets.sliders import dial
from sslwb.widgets.training import monitor

__all__ = ["ablation", "dial", "embedding_map", "inspector", "mask_painter", "monitor", "neighbours", "predict", "quiz"]
