"""Few-shot examples: which train rows are shown, and which of them before a certain input."""

import math
from collections.abc import Sequence

from anytasktune.records import Language
from anytasktune.schema import Example, Task


def choose_shots(task: Task, train: Sequence[Example], count: int) -> tuple[Example, ...]:
    """Short examples, as different in their answers as can be, always the same ones; `count` per language.

    Label tasks: one example per label, as many labels as there are shots. Others: examples spread over the answer lengths.
    """
    by_language: dict[Language, list[Example]] = {}
    for example in train:
        by_language.setdefault(task.language_of(example.language), []).append(example)
    shots: list[Example] = []
    for rows in by_language.values():
        by_length = sorted(rows, key=lambda row: (len(row.input) + len(row.output), row.id))
        usual = by_length[: max(count, math.ceil(len(by_length) * 0.6))]
        if task.output.single_choice:
            by_label: dict[str, Example] = {}
            for row in (*usual[len(usual) // 3 :], *usual[: len(usual) // 3]):
                by_label.setdefault(row.output, row)
            shots += list(by_label.values())[:count]
        else:
            by_answer = sorted(usual, key=lambda row: (len(row.output), row.id))
            stride = max(1, len(by_answer) // max(1, count))
            shots += by_answer[stride // 2 :: stride][:count]
    return tuple(shots)


def shots_for(task: Task, example: Example, shots: tuple[Example, ...]) -> tuple[Example, ...]:
    """The shots shown before this example: those of its language, or all of them where there are none."""
    language = task.language_of(example.language)
    return tuple(shot for shot in shots if task.language_of(shot.language) == language) or shots
