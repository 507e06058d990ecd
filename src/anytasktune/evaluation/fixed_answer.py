"""What always giving the same answer would score: the floor a model must beat to have learnt anything."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from anytasktune.schema import NumberOutput, Task
from anytasktune.scorers import in_first_language, item_statistics, parse_reference_number


def fixed_answer_score(task: Task, references: Sequence[str]) -> float | None:
    """The score of answering every row with the commonest reference, or with the median for a number task.

    It looks at the references themselves, so it flatters the fixed answer a little. None where every reference is
    different, as in free text: there is no answer worth repeating.
    """
    references = [in_first_language(task, reference.strip(), reference.strip()) for reference in references]
    answer = _fixed_answer(task, references)
    return None if answer is None else item_statistics(task, references, [answer] * len(references)).value()


def _fixed_answer(task: Task, references: Sequence[str]) -> str | None:
    if isinstance(task.output, NumberOutput):
        return f"{median(parse_reference_number(reference) for reference in references):.6f}"
    answer, times = Counter(references).most_common(1)[0]
    return answer if times > 1 else None
