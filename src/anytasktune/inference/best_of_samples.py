"""Of several answers to one input, the one that agrees best with the others (minimum Bayes risk: Kumar & Byrne 2004)."""

from collections.abc import Sequence

from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.schema import Answer, Example, Task
from anytasktune.scorers import item_statistics


def most_agreed(task: Task, example: Example, answers: Sequence[Answer]) -> Answer:
    """The answer with the best score under the task's metric, the others taken as references; of equal ones the first.

    An answer with violations is neither chosen nor a reference, unless all do. The tokens of all answers are counted.
    """
    language = task.language_of(example.language)
    broken = [any(task.output.violations(answer.output, task.rules, example.input, language)) for answer in answers]
    right = [answer for answer, faults in zip(answers, broken, strict=True) if not faults and answer.error is None]
    sign = -1 if task.scored_by in LOWER_IS_BETTER else 1

    def agreement(place: int) -> float:
        others = [answer.output for number, answer in enumerate(right) if number != place]
        return sign * item_statistics(task, others, [right[place].output] * len(others)).value()

    best = right[max(range(len(right)), key=agreement)] if len(right) > 1 else (right or answers)[0]
    return best.model_copy(update={"tokens": sum(answer.tokens for answer in answers)})
