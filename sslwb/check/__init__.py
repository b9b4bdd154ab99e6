"""Exercises: each check takes the learner's function, tries it, and says what is wrong in the learner's terms.

Lesson 01: `crop`, `grayscale`, `brightness` · lesson 02: `training_step`, `knn`, `linear_probe` · lesson 03:
`info_nce`, `nt_xent`, `alignment`, `uniformity`.
"""

from sslwb.check.losses import alignment, info_nce, nt_xent, uniformity
from sslwb.check.probes import knn, linear_probe
from sslwb.check.report import Report
from sslwb.check.training import training_step
from sslwb.check.transforms import brightness, crop, grayscale

__all__ = [
    "Report",
    "alignment",
    "brightness",
    "crop",
    "grayscale",
    "info_nce",
    "knn",
    "linear_probe",
    "nt_xent",
    "training_step",
    "uniformity",
]
