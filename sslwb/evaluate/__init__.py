"""Measuring: embed once, then neighbours, probes, baselines, and the doctor."""

from sslwb.evaluate.diagnosis import Diagnosis, diagnose
from sslwb.evaluate.disentanglement import DCI, MIG, active_units, dci, mig
from sslwb.evaluate.embedding import embed, raw, untrained
from sslwb.evaluate.filling import fill_mask, pretrained, reader, writer
from sslwb.evaluate.probes import CauseScore, knn, label_curve, linear, probe_causes
from sslwb.evaluate.scores import Scores, evaluate, fine_tune

__all__ = [
    "DCI",
    "MIG",
    "CauseScore",
    "Diagnosis",
    "Scores",
    "active_units",
    "dci",
    "diagnose",
    "embed",
    "evaluate",
    "fill_mask",
    "fine_tune",
    "knn",
    "label_curve",
    "linear",
    "mig",
    "pretrained",
    "probe_causes",
    "raw",
    "reader",
    "untrained",
    "writer",
]
