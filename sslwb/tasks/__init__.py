"""Downstream tasks: a small head on an encoder, and the field's measures, as tasks of `evaluate(…, task=…)`."""
