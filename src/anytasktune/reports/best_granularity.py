"""Which Task-LM does a task best: its own, that of its action, or the one that learned the whole pool.

Tasks that are learned together can help or disturb each other. Whether they do is read from tests between the Task-LMs on the
same rows; where those cannot tell, nothing is claimed.
"""

from anytasktune.schema import Comparison, TaskReport
from anytasktune.settings import TASK_LMS, System


def task_lms(task: TaskReport) -> tuple[System, ...]:
    """The Task-LMs that were judged on a task, the task's own first."""
    judged = {result.system for result in task.systems}
    return tuple(system for system in TASK_LMS if system in judged)


def best_task_lm(task: TaskReport) -> System | None:
    """The Task-LM that is better than every other one on this task; None where that cannot be told.

    Better means the corrected verdict of their comparison. Naming the best of three takes two such verdicts, which is
    stricter than one, so no further correction is due.
    """
    rivals = task_lms(task)
    if len(rivals) < 2:
        return None
    duels = [(task.subject, comparison) for comparison in task.comparisons if comparison.against in rivals]
    duels += [("action", task.action_against_mixed)] if task.action_against_mixed else []
    won = {_winner_first(system, comparison) for system, comparison in duels if comparison.verdict != "cannot_tell"}
    return next((one for one in rivals if all((one, other) in won for other in rivals if other != one)), None)


def _winner_first(system: System, comparison: Comparison) -> tuple[System, System]:
    return (system, comparison.against) if comparison.verdict == "better" else (comparison.against, system)
