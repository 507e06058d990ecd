"""The nearest training row: every input gets the answer of the training row whose input is most similar."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from anytasktune.baselines.text_features import TextFeatures
from anytasktune.records import Language
from anytasktune.schema import Answer, Example, Task

_MOST_FEATURES = 1_000_000
_AT_ONCE = 256


@dataclass(frozen=True)
class _Rows:
    outputs: list[str]
    features: TextFeatures
    vectors: csr_matrix


@dataclass(frozen=True)
class NearestRow:
    """The training rows of each language, as vectors of their inputs."""

    task: Task
    rows: dict[Language, _Rows]

    @classmethod
    def of(cls, task: Task, train: Sequence[Example]) -> "NearestRow":
        """Rows to copy from; similarity is the cosine of tf-idf vectors of characters and words (see `TextFeatures`)."""
        found = {}
        for language, rows in task.by_language(train).items():
            features = TextFeatures.of([row.input for row in rows], _MOST_FEATURES)
            found[language] = _Rows([row.output for row in rows], features, features.vectors([row.input for row in rows]))
        return cls(task, found)

    def answer(self, examples: Sequence[Example]) -> list[Answer]:
        """Answer every example, in order; of equally similar rows the first answers."""
        answers: dict[int, Answer] = {}
        by_language: dict[Language, list[int]] = {}
        for place, example in enumerate(examples):
            by_language.setdefault(self.task.language_of(example.language), []).append(place)
        for language, places in by_language.items():
            rows = self.rows.get(language) or next(iter(self.rows.values()))
            for start in range(0, len(places), _AT_ONCE):
                some = places[start : start + _AT_ONCE]
                asked = rows.features.vectors([examples[place].input for place in some])
                nearest = np.asarray((asked @ rows.vectors.T).toarray()).argmax(axis=1)
                answers |= {place: Answer(output=rows.outputs[row]) for place, row in zip(some, nearest, strict=True)}
        return [answers[place] for place in range(len(examples))]
