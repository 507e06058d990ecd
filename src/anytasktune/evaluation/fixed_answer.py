"""What always giving the same answer would score: the floor a model must beat to have learnt anything."""

from collections.abc import Sequence

from anytasktune.schema import Task
from anytasktune.scorers import item_statistics


def fixed_answer_score(task: Task, references: Sequence[str]) -> float | None:
    """The score of answering every row with the commonest reference, or with the median for a number task.

    It looks at the references themselves, so it flatters the fixed answer a little. None where every reference is
    different, as in free text: there is no answer worth repeating.
    """
    references = [task.in_first_language(reference.strip(), reference.strip()) for reference in references]
    answer = task.output.fixed_answer(references)
    return None if answer is None else item_statistics(task, references, [answer] * len(references)).value()
