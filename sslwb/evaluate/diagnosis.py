"""Is this run healthy? A first form: five verdicts, each with what it was seen by and one thing to try."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from sslwb.data import Images
from sslwb.evaluate.embedding import embed
from sslwb.geometry import effective_rank, feature_std
from sslwb.train.loop import History

SAMPLE = 1024


@dataclass(frozen=True)
class Diagnosis:
    """A verdict: "healthy", "collapsed", "dimensionally collapsed", "not learning" or "diverged"."""

    verdict: str
    evidence: dict[str, float]
    suggestion: str

    def __str__(self) -> str:
        seen = ", ".join(f"{k} {v:.3g}" for k, v in self.evidence.items())
        return f"{self.verdict} ({seen}). {self.suggestion}"


def diagnose(history: History, encoder: nn.Module, data: Images) -> Diagnosis:
    """Look at the losses and at the embeddings of up to 1,024 pictures, and say what is the matter.

    - diverged: a loss or a weight is not finite, or the loss ended well above where it began;
    - collapsed: all pictures get nearly the same embedding (feature std, Chen and He 2021);
    - dimensionally collapsed: few directions are used (effective rank of the centred embeddings, Garrido et al. 2023);
    - not learning: the loss has hardly fallen.

    Raises:
        ValueError: no steps were recorded, or fewer than 16 pictures.
    """
    losses = history.terms.get("loss", [])
    if not losses or len(data) < 16:
        raise ValueError(
            f"history has {len(losses)} steps and data {len(data)} items; expected ≥ 1 step and ≥ 16 items"
        )
    tenth = max(1, len(losses) // 10)
    first, last = sum(losses[:tenth]) / tenth, sum(losses[-tenth:]) / tenth
    finite = math.isfinite(last) and all(bool(torch.isfinite(t).all()) for t in encoder.state_dict().values())
    evidence = {"first loss": first, "last loss": last}
    if not finite or last > first + max(0.5 * abs(first), 0.1):
        return Diagnosis("diverged", evidence, "Try a third of the learning rate, or a longer warm-up.")
    z = embed(encoder, data[:SAMPLE])
    evidence |= {"feature std": feature_std(z), "effective rank": effective_rank(z - z.mean(0)), "of": z.shape[1]}
    if evidence["feature std"] < 0.1:
        return Diagnosis(
            "collapsed",
            evidence,
            "Every picture gets nearly the same embedding, and the loss may still look fine. "
            "Something must push embeddings apart: negatives, a stop-gradient with a predictor, or a variance term.",
        )
    if evidence["effective rank"] < max(2.0, 0.05 * min(z.shape)):
        return Diagnosis(
            "dimensionally collapsed",
            evidence,
            "Only a few directions carry anything. Try stronger augmentation, a projector, or a decorrelating term.",
        )
    if last > first - 0.02 * abs(first):
        return Diagnosis(
            "not learning",
            evidence,
            "The loss has hardly moved. Look at the views: do two of one picture share anything? Then raise the "
            "learning rate, and train longer.",
        )
    return Diagnosis(
        "healthy", evidence, "The loss falls and the embeddings spread. Measure with kNN before you trust it."
    )
