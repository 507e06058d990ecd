"""The verdict on each task in words: how often its Task-LM is right, what it gets wrong, and which system to use."""

from collections import Counter
from dataclasses import dataclass

from anytasktune.reports.curves_view import more_rows_reason
from anytasktune.reports.fault_words import named
from anytasktune.reports.report_words import Words, p_words, signed
from anytasktune.schema import Report, SystemResult, TaskReport
from anytasktune.schema.evaluation import Use

USES: tuple[Use, ...] = ("task_lm", "linear", "few_shot", "base", "general_model", "more_data")
_WORTH_NAMING = 0.1
"""Share of the wrong answers from which their commonest fault is named."""
_OF_RIGHT_ANSWERS, _OF_PARTS = ("accuracy", "macro_f1"), ("set_f1", "json_f1")


@dataclass(frozen=True)
class VerdictView:
    """The verdict on one task."""

    use: str
    """The code of the recommendation; empty where there is none."""
    tone: str
    """`better`, `worse` or `inconclusive`: its colour."""
    outcome: str
    advice: str
    """The recommendation with its reason; empty where there is none."""


def view_verdict(task: TaskReport, words: Words) -> VerdictView:
    """The verdict on a task, worded."""
    found = task.recommendation
    if found is None:
        return VerdictView("", "inconclusive", outcome(task, words), "")
    tones = {"beats_all": "better", "is_better": "worse"}
    return VerdictView(found.use, tones.get(found.reason, "inconclusive"), outcome(task, words), advice(task, words))


def headline(report: Report, words: Words) -> str:
    """The system to use for how many tasks."""
    counts = Counter(task.recommendation.use for task in report.tasks if task.recommendation)
    compared = any(task.comparisons for task in report.tasks)
    if not counts:
        return words.say("headline.only_task_lms" if compared else "headline.nothing")
    if len(counts) == 1:
        (use,) = counts
        amount = "single" if counts[use] == 1 else "all"
        return words.say(f"headline.{amount}", use=words.say(f"use.{use}"), count=counts[use])
    parts = [words.say(f"use_part.{use}", count=counts[use]) for use in USES if counts[use]]
    listed = words.say("headline.joint").join(parts)
    return words.say("headline.mixed", count=counts.total(), parts=listed)


def outcome(task: TaskReport, words: Words) -> str:
    """The number of right answers of the Task-LM (else of the last system), and its commonest fault."""
    shown = next((result for result in task.systems if result.system == task.subject), task.systems[-1])
    if not shown.score:
        return words.say("outcome.unscored", name=words.say(f"system.{shown.system}"))
    kind = "right" if task.metric in _OF_RIGHT_ANSWERS else "whole" if task.metric in _OF_PARTS else "mean"
    values = {
        "name": words.say(f"system.{shown.system}"),
        "right": shown.right,
        "rows": shown.scored,
        "share": f"{shown.right / shown.scored:.0%}",
        "score": f"{shown.score.value:.3g}" if task.lower_is_better else f"{shown.score.value:.3f}",
        "metric": task.metric,
    }
    sentence = words.say("outcome.error" if task.lower_is_better else f"outcome.{kind}", **values)
    faults = commonest_fault(shown, words)
    return words.say("headline.joint").join([sentence, faults] if faults else [sentence]) + words.say("headline.stop")


def commonest_fault(result: SystemResult, words: Words) -> str:
    """The largest group of like faults, where it is a tenth of the wrong answers; else their number by kind of fault."""
    largest = next((group for group in result.fault_groups if group.expected or group.given), None)
    wrong = result.scored - result.right
    if largest and len(largest.rows) > 1 and len(largest.rows) >= _WORTH_NAMING * wrong:
        return words.say(f"commonest_fault.{largest.kind}", wrong=wrong, **named(largest))
    counted = [words.say(f"fault_count.{kind}", count=count) for kind, count in result.faults.items() if kind != "confused"]
    return words.say("headline.list_joint").join(counted)


def advice(task: TaskReport, words: Words) -> str:
    """The recommendation for a task that has one, with its reason."""
    found = task.recommendation
    if found is None:
        return ""
    chosen = found.system if found.use == "task_lm" and found.system else task.subject
    entry = next(entry for entry in task.comparisons if entry.against == found.against)
    scores = {result.system: f"{result.score.value:.3f}" for result in task.systems if result.score}
    values = {
        "opponent": words.say(f"opponent.{found.against}"),
        "score": scores[found.against],
        "own": scores[task.subject],
        "difference": signed(entry.difference.value, 3),
        "p": p_words(entry.p_holm),
        "rows": words.say("comparison.rows", count=entry.items),
    }
    use = words.say("use.other_task_lm" if chosen != "tuned" and found.use == "task_lm" else f"use.{found.use}", system=chosen)
    if found.use == "general_model":
        use = words.say("use.named_general_model", system=found.against)
    reason = words.say(f"reason.{found.reason}", **values)
    if found.rows_needed:
        reason += words.say("reason.rows_needed", needed=f"{found.rows_needed:,}")
    if found.use == "more_data":
        reason += more_rows_reason(task.learning_curves, words)
    return use + words.say("label.colon") + reason + words.say("headline.stop")
