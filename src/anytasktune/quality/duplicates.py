"""Gates `exact_duplicate`, `near_duplicate` and `semantic_duplicate`: what is there already teaches nothing new.

A candidate is compared with the train rows and with the candidates kept before it. What was made from a row on purpose (a
paraphrase, a typo, a counter-example) may be as near to that row as it likes, but not to another made from it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anytasktune.quality.gate import Finding, Job, Placed, closeness
from anytasktune.quality.short_texts import skeleton
from anytasktune.schema import ENHANCEMENTS, Example
from anytasktune.scorers.text import shorten
from anytasktune.similarity import SHORT_TEXT, group_similar, jaccard

_REACH = 0.1
"""Below the threshold by less than this, a near miss is remembered."""


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
    """Inputs at least as similar to a train row or an earlier candidate as `near_duplicate` says."""
    threshold = job.config.near_duplicate
    rows = _rows(job, items)
    groups: dict[int, list[int]] = {}
    for place, head in enumerate(group_similar([row.input for row in rows], max(0.0, threshold - _REACH))):
        groups.setdefault(head, []).append(place)
    findings: list[Finding] = []
    for group in (places for places in groups.values() if places[-1] >= len(job.context.train) and len(places) > 1):
        findings += _in_group([rows[place] for place in group], threshold)
    yield from sorted(findings, key=lambda finding: finding.position)


@dataclass(frozen=True)
class _Row:
    """A train row (without position) or a candidate."""

    input: str
    id: str
    position: int | None = None
    parents: frozenset[str] = frozenset()

    @property
    def words(self) -> str:
        """What it is, for a person."""
        return f"train row {shorten(self.input)!r}" if self.position is None else f"candidate {self.position}"


def _rows(job: Job, items: Sequence[Placed]) -> list[_Row]:
    seeds = [_Row(example.input, _id(example)) for example in job.context.train]
    return seeds + [_of_candidate(item) for item in items]


def _id(example: Example) -> str:
    return example.id


def _of_candidate(item: Placed) -> _Row:
    candidate = item.candidate
    parents = frozenset(candidate.origin.parents) if candidate.origin.way in ENHANCEMENTS else frozenset()
    return _Row(candidate.input, candidate.id, item.position, parents)


def _in_group(rows: Sequence[_Row], threshold: float) -> Iterator[Finding]:
    kept: list[_Row] = []
    for row in rows:
        if row.position is None:
            kept.append(row)
            continue
        others = [other for other in kept if not _is_made_from(row, other)]
        near, value = _nearest(row, others, threshold)
        if near is None or value < threshold:
            kept.append(row)
        if near is not None:
            reach = _REACH if value < threshold else 1 - threshold
            border = closeness(value, threshold, max(reach, 1e-9))
            detail = f"{value:.0%} of its 5-grams are those of {near.words}"
            if value >= threshold or border > 0:
                yield Finding(row.position, value >= threshold, "similar_input", detail, border)


def _is_made_from(row: _Row, other: _Row) -> bool:
    return other.id in row.parents or row.id in other.parents


def _nearest(row: _Row, others: Sequence[_Row], enough: float) -> tuple[_Row | None, float]:
    """The first other row that is similar enough, else the most similar one."""
    best, most = None, 0.0
    for other in others:
        value = _similarity(row.input, other.input)
        if value > most:
            best, most = other, value
        if value >= enough:
            break
    return best, most


def _similarity(first: str, second: str) -> float:
    short = min(len(first), len(second)) < SHORT_TEXT
    return float(skeleton(first) == skeleton(second)) if short else jaccard(first, second)
