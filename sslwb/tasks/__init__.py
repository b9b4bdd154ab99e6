"""Downstream tasks: a small head on an encoder, and the field's measures, as tasks of `evaluate(…, task=…)`."""

from sslwb.tasks.detection import Detection, Detector, Found, average_precision
from sslwb.tasks.recognition import Answer, Classifier, fit_classifier, least_sure, load_classifier
from sslwb.tasks.retrieval import Index, Retrieval, ranks_of
from sslwb.tasks.segmentation import Segmentation, Segmenter, mean_iou
from sslwb.tasks.seq2seq import (
    Seq2Seq,
    Translator,
    alignment_accuracy,
    attended,
    dictionary,
    translation_scores,
)
from sslwb.tasks.spans import Spans, best_spans, exact_match, f1

__all__ = [
    "Answer",
    "Classifier",
    "Detection",
    "Detector",
    "Found",
    "Index",
    "Retrieval",
    "Segmentation",
    "Segmenter",
    "Seq2Seq",
    "Spans",
    "Translator",
    "alignment_accuracy",
    "attended",
    "average_precision",
    "best_spans",
    "dictionary",
    "exact_match",
    "f1",
    "fit_classifier",
    "least_sure",
    "load_classifier",
    "mean_iou",
    "ranks_of",
    "translation_scores",
]
