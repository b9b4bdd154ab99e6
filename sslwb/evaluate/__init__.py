"""Measuring: embed once, then neighbours, probes, baselines, and the doctor."""

from sslwb.evaluate.coverage import CauseCount, CauseReader, coverage
from sslwb.evaluate.diagnosis import Diagnosis, diagnose
from sslwb.evaluate.disentanglement import DCI, MIG, active_units, dci, mig
from sslwb.evaluate.embedding import embed, raw, untrained
from sslwb.evaluate.fidelity import KID, PrecisionRecall, kid, precision_recall
from sslwb.evaluate.filling import embedder, fill_mask, pretrained, reader, writer
from sslwb.evaluate.probes import CauseScore, knn, label_curve, linear, probe_causes
from sslwb.evaluate.scores import Scores, evaluate, fine_tune

__all__ = [
    "DCI",
    "KID",
    "MIG",
    "CauseCount",
    "CauseReader",
    "CauseScore",
    "Diagnosis",
    "PrecisionRecall",
    "Scores",
    "active_units",
    "coverage",
    "dci",
    "diagnose",
    "embed",
    "embedder",
    "evaluate",
    "fill_mask",
    "fine_tune",
    "kid",
    "knn",
    "label_curve",
    "linear",
    "mig",
    "precision_recall",
    "pretrained",
    "probe_causes",
    "raw",
    "reader",
    "untrained",
    "writer",
]
