"""Downstream tasks: a small head on an encoder, and the field's measures, as tasks of `evaluate(…, task=…)`."""

from sslwb.tasks.recognition import Answer, Classifier, fit_classifier, load_classifier

__all__ = ["Answer", "Classifier", "fit_classifier", "load_classifier"]
