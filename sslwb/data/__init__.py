"""Data: `load` a set by name, or take your own pictures with `image_folder`."""

from sslwb.data.containers import Images, Items, Texts
from sslwb.data.folder import image_folder
from sslwb.data.loading import load, subset_per_class
from sslwb.data.store import DataError

__all__ = ["DataError", "Images", "Items", "Texts", "image_folder", "load", "subset_per_class"]
