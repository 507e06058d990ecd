"""Few-shot examples: which train rows are shown, and which of them before a certain input; for a teacher, varied ones."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from anytasktune.ids import rank, shuffled
from anytasktune.schema import Example, Task

SHOT_DEV_ROWS = 24
"""Dev rows on which fixed and similar examples are compared."""


class Shots(Protocol):
    """Examples shown before inputs."""

    def before(self, task: Task, example: Example) -> tuple[Example, ...]:
        """The examples shown before this one; its output is not read."""

    @property
    def shown(self) -> int:
        """Most examples shown in one prompt."""

    @property
    def identity(self) -> list[str]:
        """Equal for shots that are the same before every input."""


def choose_shots(task: Task, train: Sequence[Example], count: int) -> tuple[Example, ...]:
    """Short examples, as different in their answers as can be, always the same ones; `count` per language.

    Label tasks: one example per label, as many labels as there are shots. Others: examples spread over the answer lengths.
    """
    shots: list[Example] = []
    for rows in task.by_language(train).values():
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


@dataclass(frozen=True)
class FixedShots:
    """The same examples before every input of a language.

    Attributes:
        rows: the examples, of all languages.
    """

    rows: tuple[Example, ...] = ()

    def before(self, task: Task, example: Example) -> tuple[Example, ...]:
        """The shots of the example's language."""
        return shots_for(task, example, self.rows)

    @property
    def shown(self) -> int:
        """Most examples shown in one prompt."""
        return max(Counter(row.language for row in self.rows).values(), default=0)

    @property
    def identity(self) -> list[str]:
        """The ids of the rows."""
        return [row.id for row in self.rows]


NO_SHOTS = FixedShots()


@dataclass(frozen=True)
class VariedShots:
    """Rows of which different ones are shown each time.

    Attributes:
        groups: the rows, by their answer.
    """

    groups: dict[str, list[Example]]

    @classmethod
    def of(cls, rows: Sequence[Example], seed: int) -> "VariedShots":
        """The rows in an order that depends on `seed`."""
        groups: dict[str, list[Example]] = {}
        for row in shuffled(rows, seed, "shots"):
            groups.setdefault(row.output.strip(), []).append(row)
        return cls(groups)

    def draw(self, *chance: object, first: Sequence[str] = ()) -> Iterator[Example]:
        """The rows in an order that depends on `chance`, each once; answers differ as long as they can.

        Args:
            first: answers of which one row each comes before all others, where there is one.
        """
        start = int.from_bytes(rank(*chance)[:4], "big")
        seen: set[int] = set()
        for row in self._with_repeats(start, first):
            if id(row) not in seen:
                seen.add(id(row))
                yield row

    def _with_repeats(self, start: int, first: Sequence[str]) -> Iterator[Example]:
        for output in dict.fromkeys(first):
            if group := self.groups.get(output):
                yield group[start % len(group)]
        groups = list(self.groups.values())
        for turn in range(max(map(len, groups), default=0)):
            for offset in range(len(groups)):
                group = groups[(start + offset) % len(groups)]
                if turn < len(group):
                    yield group[(start + turn) % len(group)]
