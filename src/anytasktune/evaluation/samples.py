"""The rows a reader is shown: some by chance, and the worst of the Task-LM that the report is about."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.schema import Example, Sample, Task
from anytasktune.settings import System

BY_CHANCE = 3
WORST = 2


def pick_samples(
    task: Task, examples: Sequence[Example], systems: Mapping[System, ScoredSystem], subject: System, seed: int = 0
) -> list[Sample]:
    """A few rows with every system's answer: `BY_CHANCE` drawn with `seed`, then up to `WORST` of the subject's worst
    that were not drawn (none where it made no mistake)."""
    order = [int(row) for row in np.random.default_rng(seed).permutation(len(examples))]
    drawn = order[:BY_CHANCE]
    failures = _worst_first(task, systems.get(subject), order[BY_CHANCE:])[:WORST]
    return [_sample(examples, systems, row, "chance") for row in drawn] + [
        _sample(examples, systems, row, "tuned_worst") for row in failures
    ]


def _worst_first(task: Task, tuned: ScoredSystem | None, rows: Sequence[int]) -> list[int]:
    if tuned is None:
        return []
    lower_is_better = task.scored_by in LOWER_IS_BETTER
    faults = {}
    for row in rows:
        value = tuned.scores[row].value
        if value is not None:
            faults[row] = value if lower_is_better else 1 - value
    return sorted((row for row in faults if faults[row] > 0), key=lambda row: -faults[row])


def _sample(
    examples: Sequence[Example],
    systems: Mapping[System, ScoredSystem],
    row: int,
    picked: Literal["chance", "tuned_worst"],
) -> Sample:
    answers, values = {}, {}
    for system, entry in systems.items():
        value = entry.scores[row].value
        if value is not None:
            answers[system], values[system] = entry.predictions[row].output, value
    return Sample(input=examples[row].input, reference=examples[row].output, answers=answers, values=values, picked=picked)
