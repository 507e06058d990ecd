"""What every gate is given and what it says."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from anytasktune.outputs import Pieces
from anytasktune.records import Language
from anytasktune.schema import Candidate, Example, Passage, Task
from anytasktune.scorers import broken_rules
from anytasktune.settings import GateConfig

FEWEST_DATA = 10
"""From fewer seeds nothing is learned about what is usual for a task."""
_SEEDS_LOOKED_AT = 2000
TOLERATED = 0.01
"""Share of trusted rows on which a check may fire that looks for faults; on more of them it is not used."""


@dataclass(frozen=True)
class GateContext:
    """What candidates are held against.

    Attributes:
        train: seeds whose answers are trusted; candidates are compared with them and must not repeat them.
        dev, test: rows a candidate must not give away.
        passages: what candidates made from documents rest on; empty where that is not to be checked.
    """

    train: Sequence[Example] = ()
    dev: Sequence[Example] = ()
    test: Sequence[Example] = ()
    passages: Sequence[Passage] = ()


@dataclass(frozen=True)
class Placed:
    """A candidate and its place in the candidates' file, 0-based.

    Attributes:
        input_as_made: its input before anything in it was masked.
    """

    position: int
    candidate: Candidate
    input_as_made: str


@dataclass(frozen=True)
class Finding:
    """What a gate says of one candidate: it goes, or it stays and something is to be remembered.

    Attributes:
        position: of the candidate.
        drop: whether it goes.
        reason, detail, border: as in `Verdict`.
        changed: what it becomes, if the gate changes it.
    """

    position: int
    drop: bool
    reason: str
    detail: str = ""
    border: float | None = None
    changed: Candidate | None = None


@dataclass(frozen=True)
class Job:
    """One run of the gates: the task, what is known of it, the settings."""

    task: Task
    context: GateContext
    config: GateConfig
    _rules: dict[tuple[str, str, Language | None], tuple[str, ...]] = field(default_factory=dict, repr=False)
    _pieces: dict[tuple[str, Language | None], Pieces] = field(default_factory=dict, repr=False)

    def broken(self, candidate: Candidate) -> tuple[str, ...]:
        """Names of the rules of the task that the candidate's answer breaks; worked out once."""
        key = (candidate.input, candidate.output, candidate.language)
        if key not in self._rules:
            self._rules[key] = tuple(broken_rules(self.task, *key))
        return self._rules[key]

    def pieces(self, row: Example | Candidate) -> Pieces:
        """The free text in the answer of a row (see `OutputKind.pieces`); read once."""
        key = (row.output, row.language)
        if key not in self._pieces:
            self._pieces[key] = self.task.output.pieces(row.output, self.task.language_of(row.language))
        return self._pieces[key]

    @cached_property
    def seeds_by_language(self) -> dict[Language, list[Example]]:
        """Train rows by the language they are handled in."""
        found: dict[Language, list[Example]] = {}
        for example in self.context.train:
            found.setdefault(self.task.language_of(example.language), []).append(example)
        return found

    def seeds(self, language: Language) -> list[Example]:
        """Train rows of one language: the first ones, if there are very many."""
        return self.seeds_by_language.get(language, [])[:_SEEDS_LOOKED_AT]

    def fits_seeds(self, fires: Callable[[Example], bool], language: Language, tolerated: float = TOLERATED) -> bool:
        """Whether a check that looks for faults suits the task: it fires on no more than this share of the trusted rows."""
        seeds = self.seeds(language)
        return sum(map(fires, seeds)) <= tolerated * len(seeds)


Gate = Callable[[Job, Sequence[Placed]], Iterable[Finding]]
"""Looks at the candidates that are left and says which go, and what is to be remembered of others."""


def by_language(items: Sequence[Placed]) -> dict[Language, list[Placed]]:
    """The items by the language of their candidates, in their order."""
    found: dict[Language, list[Placed]] = {}
    for item in items:
        found.setdefault(item.candidate.language, []).append(item)
    return found


def closeness(value: float, threshold: float, reach: float) -> float:
    """How close a decision was: 1 where `value` is at `threshold`, 0 from a distance of `reach` on; rounded to 3 digits."""
    return round(max(0.0, 1 - abs(value - threshold) / reach), 3)
