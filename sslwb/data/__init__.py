"""Data: `load` a set by name, or take your own: pictures with `image_folder`, texts with `plain_text`."""

from sslwb.data.containers import Images, Items, Pairs, Texts
from sslwb.data.duplicates import duplicates
from sslwb.data.folder import image_folder
from sslwb.data.loading import load, subset_per_class
from sslwb.data.questions import Questions, questions
from sslwb.data.scenes import Scenes, relations, tiles
from sslwb.data.store import DataError
from sslwb.data.text import plain_text
from sslwb.data.tokenizing import Tokenizer

__all__ = [
    "DataError",
    "Images",
    "Items",
    "Pairs",
    "Questions",
    "Scenes",
    "Texts",
    "Tokenizer",
    "duplicates",
    "image_folder",
    "load",
    "plain_text",
    "questions",
    "relations",
    "subset_per_class",
    "tiles",
]
