"""Gates `exact_duplicate` and `near_duplicate`: what is there already teaches nothing new.

A candidate is compared with the train rows and with the candidates kept before it. What was made from a row on purpose (a
paraphrase, a typo, a counter-example) may be as near to that row as it likes, but not to another made from it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anytasktune.gates.gate import Finding, Job, Placed, closeness
from anytasktune.gates.kept_texts import KeptTexts
from anytasktune.gates.short_texts import ShortTexts, one_edit_apart, skeleton
from anytasktune.schema import AUGMENTATIONS, Example
from anytasktune.similarity import SHORT_TEXT, group_similar
from anytasktune.text.plain_text import shorten

_REACH = 0.1
"""Below the threshold by less than this, a near miss is remembered."""
_ONE_EDIT = 0.6
"""How similar short sentences that differ in one letter are at least."""


def exact_duplicate(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs that a train row or an earlier candidate has, but for white space, case, width and punctuation."""
    there = {
        skeleton(example.input): f"a train row has this input: {shorten(example.input)!r}" for example in job.context.train
    }
    for item in items:
        bones = skeleton(item.candidate.input)
        if bones and bones in there:
            yield Finding(item.position, True, "same_input", there[bones], 1.0)
        elif bones:
            there[bones] = f"candidate {item.position} has this input"


def near_duplicate(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs at least as similar to a train row or an earlier candidate as `near_duplicate` says.

    Where they also have the same answer, one letter or a greeting that a short text has more, or other, is no difference.
    """
    walk = _Walk(_rows(job, items), job.config.near_duplicate)
    for place in range(len(walk.rows)):
        if finding := walk.look(place):
            yield finding


@dataclass(frozen=True)
class _Row:
    """A train row (without position) or a candidate.

    Attributes:
        example: what it is or would become.
        answer: empty where answers are free text, which is never twice the same.
    """

    example: Example
    answer: str
    position: int | None = None
    parents: frozenset[str] = frozenset()

    @property
    def input(self) -> str:
        return self.example.input

    @property
    def words(self) -> str:
        """What it is, for a person."""
        return f"train row {shorten(self.input)!r}" if self.position is None else f"candidate {self.position}"

    def was_made_from(self, other: "_Row") -> bool:
        """Whether one of the two was made from the other on purpose."""
        if not (self.parents or other.parents):
            return False
        return other.example.id in self.parents or self.example.id in other.parents


def _rows(job: Job, items: Sequence[Placed]) -> list[_Row]:
    free = job.task.output.free_text
    rows = [_Row(seed, "" if free else seed.output.strip()) for seed in job.context.train]
    for item in items:
        made = item.candidate
        parents = frozenset(made.origin.parents) if made.origin.kind in AUGMENTATIONS else frozenset()
        rows.append(_Row(made.example(), "" if free else made.output.strip(), item.position, parents))
    return rows


class _Walk:
    """Goes through rows in their order and keeps those that say something new."""

    def __init__(self, rows: Sequence[_Row], threshold: float) -> None:
        self.rows = rows
        self.threshold = threshold
        self._shorts = ShortTexts()
        lowest = max(0.0, min(threshold - _REACH, _ONE_EDIT))
        self._group_of = group_similar([row.input for row in rows], lowest)
        members: dict[int, dict[int, str]] = {}
        for place, head in enumerate(self._group_of):
            members.setdefault(head, {})[place] = rows[place].input
        self._longs = {head: KeptTexts(texts, lowest) for head, texts in members.items() if len(texts) > 1}

    def look(self, place: int) -> Finding | None:
        """What is to be said of a row; it is kept unless it is a duplicate."""
        row, bones = self.rows[place], skeleton(self.rows[place].input)
        finding = None
        if row.position is not None:
            finding = self._among_longs(place, row, bones) or self._among_shorts(row, row.position, bones)
            if finding is not None and finding.drop:
                return finding
        self._shorts.add(bones, place)
        if index := self._longs.get(self._group_of[place]):
            index.add(place)
        return finding

    def _among_longs(self, place: int, row: _Row, bones: str) -> Finding | None:
        index = self._longs.get(self._group_of[place])
        if index is None or row.position is None or len(row.input) < SHORT_TEXT:
            return None
        best: tuple[float, _Row] | None = None
        for other_place, value in index.similar(place):
            other = self.rows[other_place]
            if row.was_made_from(other):
                continue
            if row.answer == other.answer and one_edit_apart(bones, skeleton(other.input)):
                return Finding(row.position, True, "one_letter_apart", f"one letter is other than in {other.words}", 0.5)
            if best is None or value > best[0]:
                best = (value, other)
        return self._by_similarity(row.position, *best) if best is not None else None

    def _by_similarity(self, position: int, value: float, other: _Row) -> Finding | None:
        drop = value >= self.threshold
        border = closeness(value, self.threshold, max(1 - self.threshold, 1e-9) if drop else _REACH)
        detail = f"{value:.0%} of their 5-grams are the same in {other.words}"
        return Finding(position, drop, "similar_input", detail, border) if drop or border > 0 else None

    def _among_shorts(self, row: _Row, position: int, bones: str) -> Finding | None:
        for place in self._shorts.alike(bones):
            other = self.rows[place]
            if row.answer == other.answer and not row.was_made_from(other):
                return Finding(position, True, "one_letter_apart", f"hardly anything is other than in {other.words}", 0.5)
        return None
