"""Which known rows a teacher is shown: different ones each time, with answers that differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anytasktune.schema import Example
from anytasktune.synthesis.seeded_choice import rank, shuffled


@dataclass(frozen=True)
class Shots:
    """Rows to be shown.

    Attributes:
        groups: the rows, by their answer.
    """

    groups: dict[str, list[Example]]

    @classmethod
    def of(cls, seeds: Sequence[Example], seed: int) -> "Shots":
        groups: dict[str, list[Example]] = {}
        for example in shuffled(seeds, seed, "shots"):
            groups.setdefault(example.output.strip(), []).append(example)
        return cls(groups)

    def draw(self, *chance: object, first: Sequence[str] = ()) -> Iterator[Example]:
        """The rows in an order that depends on `chance`, each once; answers differ as long as they can.

        Args:
            first: answers of which one row each comes before all others, where there is one.
        """
        start = int.from_bytes(rank(*chance)[:4], "big")
        seen: set[int] = set()
        for example in self._all(start, first):
            if id(example) not in seen:
                seen.add(id(example))
                yield example

    def _all(self, start: int, first: Sequence[str]) -> Iterator[Example]:
        for output in dict.fromkeys(first):
            if group := self.groups.get(output):
                yield group[start % len(group)]
        groups = list(self.groups.values())
        for turn in range(max(map(len, groups), default=0)):
            for offset in range(len(groups)):
                group = groups[(start + offset) % len(groups)]
                if turn < len(group):
                    yield group[(start + turn) % len(group)]
