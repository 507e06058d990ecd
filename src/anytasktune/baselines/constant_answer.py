"""The constant baseline: one answer for all rows of a language."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.records import Language
from anytasktune.schema import Answer, Example, Task
from anytasktune.scorers import item_statistics

_CANDIDATES, _TRIED_ON = 8, 200


@dataclass(frozen=True)
class ConstantAnswer:
    """The answer to every row, by its language."""

    task: Task
    outputs: dict[Language, str]

    @classmethod
    def of(cls, task: Task, train: Sequence[Example]) -> "ConstantAnswer":
        """The answer of each language that scores best on its training rows: one of the commonest, for numbers the median."""
        by_language = task.by_language(train)
        return cls(
            task, {language: _best(task, [row.output.strip() for row in rows]) for language, rows in by_language.items()}
        )

    def answer(self, examples: Sequence[Example]) -> list[Answer]:
        """Answer every example; one of a language without training rows as those of the first."""
        first = next(iter(self.outputs.values()))
        return [Answer(output=self.outputs.get(self.task.language_of(row.language), first)) for row in examples]


def _best(task: Task, outputs: Sequence[str]) -> str:
    sign, some = -1 if task.scored_by in LOWER_IS_BETTER else 1, outputs[:_TRIED_ON]
    usual = task.output.constant_answer(outputs)
    candidates = dict.fromkeys([usual] if usual else [])
    candidates |= dict.fromkeys(output for output, _ in Counter(outputs).most_common(_CANDIDATES))
    return max(candidates, key=lambda answer: sign * item_statistics(task, some, [answer] * len(some)).value())
