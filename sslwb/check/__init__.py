"""Exercises: each check takes the learner's function, tries it, and says what is wrong in the learner's terms.

Lesson 00: `partner_labels` · lesson 01: `crop`, `grayscale`, `brightness` · lesson 02: `training_step`, `knn`,
`linear_probe` · lesson 03: `info_nce`, `nt_xent`, `alignment`, `uniformity` · lesson 04: `moving_average`,
`queue_loss` · lesson 05: `byol_loss` · lesson 06: `cross_correlation`, `variance` · lesson 07: `sinkhorn`,
`sharpened`, `attention` · lesson 08: `feature_std`, `effective_rank` · lesson 09: `rotation_batch` · lesson 10:
`patchify`, `mask_sampling` · lesson 12: `mask_tokens`, `mlm_loss` · lesson 13: `causal_mask` · lesson 14:
`pca_reconstruction`, `denoising_loss` · lesson 15: `reparameterise`, `gaussian_kl`, `mig` · lesson 16:
`discriminator_loss`, `generator_loss` · lesson 17: `rank_correlation`, `linear_cka` · lesson 18:
`epps_pulley`, `slices`, `method` · lesson 20: `average_precision`,
`least_sure` · lesson 21: `iou`, `nms` · lesson 22: `bm25` · lesson 23: `span_f1`,
`span_corruption`.
"""

from sslwb.check.agreement import linear_cka, rank_correlation
from sslwb.check.attention import attention
from sslwb.check.clusters import sharpened, sinkhorn
from sslwb.check.found import average_precision, iou, least_sure, nms
from sslwb.check.generative import (
    denoising_loss,
    discriminator_loss,
    gaussian_kl,
    generator_loss,
    mig,
    pca_reconstruction,
    reparameterise,
)
from sslwb.check.losses import alignment, info_nce, nt_xent, uniformity
from sslwb.check.meters import effective_rank, feature_std
from sslwb.check.own import epps_pulley, method, slices
from sslwb.check.pairs import partner_labels
from sslwb.check.patches import mask_sampling, patchify
from sslwb.check.probes import knn, linear_probe
from sslwb.check.puzzles import rotation_batch
from sslwb.check.redundancy import cross_correlation, variance
from sslwb.check.report import Report
from sslwb.check.search import bm25, span_f1
from sslwb.check.spans import span_corruption
from sslwb.check.teachers import byol_loss, moving_average, queue_loss
from sslwb.check.training import training_step
from sslwb.check.transforms import brightness, crop, grayscale
from sslwb.check.words import causal_mask, mask_tokens, mlm_loss

__all__ = [
    "Report",
    "alignment",
    "attention",
    "average_precision",
    "bm25",
    "brightness",
    "byol_loss",
    "causal_mask",
    "crop",
    "cross_correlation",
    "denoising_loss",
    "discriminator_loss",
    "effective_rank",
    "epps_pulley",
    "feature_std",
    "gaussian_kl",
    "generator_loss",
    "grayscale",
    "info_nce",
    "iou",
    "knn",
    "least_sure",
    "linear_cka",
    "linear_probe",
    "mask_sampling",
    "mask_tokens",
    "method",
    "mig",
    "mlm_loss",
    "moving_average",
    "nms",
    "nt_xent",
    "partner_labels",
    "patchify",
    "pca_reconstruction",
    "queue_loss",
    "rank_correlation",
    "reparameterise",
    "rotation_batch",
    "sharpened",
    "sinkhorn",
    "slices",
    "span_corruption",
    "span_f1",
    "training_step",
    "uniformity",
    "variance",
]
