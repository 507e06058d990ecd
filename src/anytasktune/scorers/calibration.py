"""Probabilities of answers beside how often they are right, and the answers that are left above a threshold."""

from collections.abc import Sequence

import numpy as np

from anytasktune.schema import AnswerThreshold, Calibration, CalibrationBin
from anytasktune.scorers.intervals import share_interval

BINS = 10


def calibration(judged: Sequence[tuple[float, bool]], threshold: AnswerThreshold | None = None) -> Calibration:
    """Expected calibration error over ten bins of equal width (Naeini et al. 2015), and coverage at the threshold.

    Args:
        judged: probability of each answer, and whether it is right; at least one.
        threshold: chosen on other rows than these.
    """
    probabilities = np.array([probability for probability, _ in judged])
    right = np.array([is_right for _, is_right in judged], dtype=np.float64)
    places = np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)  # 1.0 belongs to the last bin
    bins = [
        CalibrationBin(
            rows=int(inside.sum()), probability=float(probabilities[inside].mean()), right=float(right[inside].mean())
        )
        for inside in (places == place for place in range(BINS))
        if inside.any()
    ]
    error = sum(one.rows * abs(one.probability - one.right) for one in bins) / len(judged)
    measured = Calibration(rows=len(judged), error=error, bins=bins, threshold=threshold)
    if threshold is None or threshold.probability is None:
        return measured
    kept = right[probabilities >= threshold.probability]
    share = share_interval(int(kept.sum()), len(kept)) if len(kept) else None
    return measured.model_copy(update={"answered": len(kept), "right": int(kept.sum()), "share": share})
