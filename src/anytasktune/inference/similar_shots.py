"""Few-shot examples chosen for each input: the train rows whose inputs are most similar to it (Liu et al. 2022).

Similarity is the cosine of tf-idf vectors of words, pairs of words and three characters in a row, by scikit-learn.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from anytasktune.ids import content_id
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.text.scripts import tokens

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_MOST_ROWS = 5000
"""Most train rows of a language that are looked at, in their seeded order."""
_MOST_READ = 2000
"""Characters of an input that are compared."""
_USUAL_LENGTH = 0.9
"""Share of the rows that may be shown; the longest ones could fill the model's context."""


@dataclass(frozen=True)
class _RowIndex:
    """The rows of one language as tf-idf vectors [rows, features] of length 1."""

    rows: list[Example]
    vectorizer: TfidfVectorizer
    vectors: "csr_matrix"


@dataclass(frozen=True)
class SimilarShots:
    """For each input the train rows of its language that are most similar to it, the most similar one last.

    Where answers are labels, at most half of the shots (rounded up) have the same one, as far as there are others.

    Attributes:
        shown: examples per prompt.
        identity: of the rows they are chosen from, and their number.
    """

    shown: int
    identity: list[str]
    indexes: dict[Language, _RowIndex]

    @classmethod
    def of(cls, task: Task, train: Sequence[Example], count: int) -> "SimilarShots":
        """Shots from `train`, `count` for each input."""
        indexes = {language: _indexed(rows) for language, rows in task.by_language(train).items()}
        shown = min(count, max(len(index.rows) for index in indexes.values()))
        shown_from = content_id([row.id for index in indexes.values() for row in index.rows])
        return cls(shown, ["similar", str(count), shown_from], indexes)

    def before(self, task: Task, example: Example) -> tuple[Example, ...]:
        """The shots of this example; a row with the same input is never one of them."""
        index = self.indexes.get(task.language_of(example.language)) or next(iter(self.indexes.values()))
        similarity = (index.vectors @ index.vectorizer.transform([example.input]).T).toarray()[:, 0]
        nearest = [index.rows[place] for place in np.argsort(-similarity, kind="stable")]
        seen = {example.input.strip()}
        chosen: list[Example] = []
        spare: list[Example] = []
        answers: Counter[str] = Counter()
        for row in nearest:
            if len(chosen) == self.shown:
                break
            if row.input.strip() in seen:
                continue
            seen.add(row.input.strip())
            if task.output.single_choice and answers[row.output] >= math.ceil(self.shown / 2):
                spare.append(row)
                continue
            answers[row.output] += 1
            chosen.append(row)
        return tuple(reversed((chosen + spare)[: self.shown]))


def _indexed(rows: Sequence[Example]) -> _RowIndex:
    lengths = sorted(len(row.input) + len(row.output) for row in rows)
    longest = lengths[math.ceil(len(lengths) * _USUAL_LENGTH) - 1]
    usual = [row for row in rows if len(row.input) + len(row.output) <= longest][:_MOST_ROWS]
    vectorizer = TfidfVectorizer(analyzer=_features, sublinear_tf=True)
    return _RowIndex(usual, vectorizer, vectorizer.fit_transform([row.input for row in usual]))


def _features(text: str) -> Iterator[str]:
    """Words, pairs of words and three characters in a row; the text itself, so that there is always one."""
    start = text[:_MOST_READ].casefold()
    words = tokens(start)
    yield start
    yield from words
    yield from (f"{first} {second}" for first, second in pairwise(words))
    yield from (start[place : place + 3] for place in range(len(start) - 2))
