"""Verdicts on differences, from their corrected p values."""

from typing import Literal

Verdict = Literal["better", "worse", "inconclusive"]


def verdict_on(difference: float, p_value: float, lower_is_better: bool, alpha: float) -> Verdict:
    """The verdict on a difference (ours minus the other): a direction only where `p_value` is below `alpha`."""
    if p_value >= alpha or difference == 0:
        return "inconclusive"
    return "better" if (difference < 0) == lower_is_better else "worse"
