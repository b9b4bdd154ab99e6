"""Random views, made for a whole batch at once with parameters of their own for every sample."""

from sslwb.augment.combined import Unchanged, binarised, dequantised, labelled, paired, with_noise

__all__ = ["Unchanged", "binarised", "dequantised", "labelled", "paired", "with_noise"]
