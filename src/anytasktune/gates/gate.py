"""The input and output of a gate.

To add a gate, write one function of the type `Gate` in the file of its family (`answer_gates`, `wording_gates`,
`label_gates`, `duplicate_gates`), name it as users are to see it, and add it to `run_gates.GATES`, in the order of passing:
cheapest first. Verdicts, counts, review and reports then know it. docs/making-data.md lists the gates.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from anytasktune.outputs import Pieces
from anytasktune.records import Language
from anytasktune.schema import Candidate, Example, Passage, Task
from anytasktune.scorers import broken_rules
from anytasktune.settings import GateConfig

NOT_JUDGED = "not_judged"
"""The reason of a verdict of the judge without marks."""
FEWEST_DATA = 10
"""From fewer own rows nothing is learned about what is usual for a task."""
_MOST_LOOKED_AT = 2000
TOLERATED = 0.01
"""Share of trusted rows on which a check may fire that looks for faults; on more of them it is not used."""


@dataclass(frozen=True)
class GateContext:
    """Rows that candidates are compared with.

    Attributes:
        train: own rows, whose answers are trusted; candidates must not repeat them.
        dev, test: own rows a candidate must not give away.
        passages: what candidates made from documents rest on; empty where that is not to be checked.
        kept: candidates that passed the gates before; others must not repeat them, and their answers are not trusted.
    """

    train: Sequence[Example] = ()
    dev: Sequence[Example] = ()
    test: Sequence[Example] = ()
    passages: Sequence[Passage] = ()
    kept: Sequence["Placed"] = ()


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
    """Result of a gate for one candidate: it is dropped, or kept with a remark.

    Attributes:
        position: of the candidate.
        drop: whether it is dropped.
        reason, detail, border: as in `Verdict`.
        changed: the candidate as the gate changed it.
    """

    position: int
    drop: bool
    reason: str
    detail: str = ""
    border: float | None = None
    changed: Candidate | None = None


@dataclass(frozen=True)
class Job:
    """One run of the gates over the candidates of one task."""

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

    def pieces(self, row: "Row") -> Pieces:
        """The free text in the answer of a row (see `OutputKind.pieces`); read once."""
        key = (row.output, row.language)
        if key not in self._pieces:
            self._pieces[key] = self.task.output.pieces(row.output, self.task.language_of(row.language))
        return self._pieces[key]

    @cached_property
    def own_rows_by_language(self) -> dict[Language, list[Example]]:
        """Train rows by the language they are handled in."""
        return self.task.by_language(self.context.train)

    def own_rows(self, language: Language) -> list[Example]:
        """Train rows of one language: the first ones, if there are very many."""
        return self.own_rows_by_language.get(language, [])[:_MOST_LOOKED_AT]

    def suits_own_rows(self, fires: Callable[[Example], bool], language: Language, tolerated: float = TOLERATED) -> bool:
        """Whether a check that looks for faults suits the task: it fires on no more than this share of the trusted rows."""
        rows = self.own_rows(language)
        return sum(map(fires, rows)) <= tolerated * len(rows)


Row = Example | Candidate
Gate = Callable[[Job, Sequence[Placed]], Iterable[Finding]]
"""Looks at the candidates that are left; yields a finding for each one to drop, to change, or to remark on."""


def by_language(items: Sequence[Placed]) -> dict[Language, list[Placed]]:
    """The items by the language of their candidates, in their order."""
    found: dict[Language, list[Placed]] = {}
    for item in items:
        found.setdefault(item.candidate.language, []).append(item)
    return found


def closeness(value: float, threshold: float, reach: float) -> float:
    """Closeness of a decision: 1 where `value` is at `threshold`, 0 from a distance of `reach` on; rounded to 3 digits."""
    return round(max(0.0, 1 - abs(value - threshold) / reach), 3)
