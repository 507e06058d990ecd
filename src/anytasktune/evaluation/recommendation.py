"""The system to use for a task, from the corrected verdicts of its paired tests. `reports` words it.

Cheaper systems have the benefit of the doubt: where tuning is not shown to be better than the linear model or a prompt that
scores no less, that is what to use. Where the Task-LM scores more, but not significantly so, only more test rows can tell.
A general model is the dearer one: it is recommended only where it is shown to be better than the Task-LM.
"""

import math
from typing import Literal

from anytasktune.schema import Comparison, Recommendation, TaskReport
from anytasktune.schema.evaluation import Use
from anytasktune.settings import TASK_LMS
from anytasktune.settings.systems import general_model

MOST_TIMES_THE_ROWS = 20
"""No number of rows is named that is more than so many times the present one: such a difference is noise."""
_USABLE: dict[str, Use] = {"few_shot": "few_shot", "base": "base", "linear": "linear"}


def recommend(report: TaskReport) -> Recommendation | None:
    """The recommendation for one task; None where no Task-LM was compared with a system that is none.

    Args:
        report: with verdicts corrected over all tasks.
    """

    def lead(entry: Comparison) -> float:
        return -entry.difference.value if report.lower_is_better else entry.difference.value

    rivals = sorted((entry for entry in report.comparisons if entry.against not in TASK_LMS), key=lead)
    if not rivals:
        return None
    worse = [entry for entry in rivals if entry.verdict == "worse"]
    undecided = [entry for entry in rivals if entry.verdict == "inconclusive" and general_model(entry.against) is None]
    matched = [entry for entry in rivals if entry.verdict == "inconclusive" and general_model(entry.against)]
    as_good = [entry for entry in undecided if lead(entry) <= 0]
    if worse:
        return _instead(worse[0], "is_better")
    if any(entry.against == "constant" for entry in undecided):
        return Recommendation(use="more_data", reason="constant", against="constant")
    if as_good:
        return _instead(as_good[0], "is_as_good")
    if undecided:
        needed = rows_needed(undecided[0])
        return Recommendation(use="more_data", reason="undecided", against=undecided[0].against, rows_needed=needed)
    # of several Task-LMs the subject, unless another one is better
    others = sorted((entry for entry in report.comparisons if entry.against in TASK_LMS), key=lead)
    best = next((entry.against for entry in others if entry.verdict == "worse"), report.subject)
    if matched and best == report.subject:
        needed, against = rows_needed(matched[0]), matched[0].against
        return Recommendation(use="task_lm", system=best, reason="matches_general", against=against, rows_needed=needed)
    return Recommendation(use="task_lm", system=best, reason="beats_all", against=rivals[0].against)


def _instead(entry: Comparison, reason: Literal["is_better", "is_as_good"]) -> Recommendation:
    """An opponent instead of the Task-LM; more data where nobody would want to use that opponent."""
    if entry.against in ("constant", "nearest"):
        return Recommendation(use="more_data", reason=entry.against, against=entry.against)
    use = _USABLE.get(entry.against, "general_model")
    return Recommendation(use=use, system=entry.against, reason=reason, against=entry.against)


def rows_needed(entry: Comparison) -> int | None:
    """Rows on which a difference as large as the one seen would be detected with 80 % power (before Holm's correction).

    None where that says nothing: there is no difference, it is no smaller than the minimum detectable one, or it would take
    more than `MOST_TIMES_THE_ROWS` the rows.
    """
    seen = abs(entry.difference.value)
    if seen == 0 or seen >= entry.minimum_detectable:
        return None
    times = (entry.minimum_detectable / seen) ** 2
    if times > MOST_TIMES_THE_ROWS:
        return None
    needed = entry.items * times
    return math.ceil(float(f"{needed:.1e}"))
