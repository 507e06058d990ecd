"""Gates that compare inputs: `exact_duplicate`, `near_duplicate`, `lexical_duplicate` among the rows to train on, and `leak`.

A candidate is compared with the train rows and with the candidates kept before it. What was made from a row on purpose (a
paraphrase, a typing error, a counterfactual) may be as near to that row as it likes, but not to another made from it. Words
tell what a text is about, not who did what to whom: so where answers are not free text, rows with the same words in another
order are duplicates only if their answers are the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anytasktune.gates.gate import Finding, Job, Placed, closeness
from anytasktune.schema import AUGMENTATIONS, Example
from anytasktune.similarity import SHORT_TEXT, KeptTexts, group_lexical, jaccard, match_lexical, match_similar
from anytasktune.similarity.short_texts import ShortTexts, one_edit_apart, skeleton
from anytasktune.text.plain_text import shorten

_REACH = 0.1
"""Below the threshold by less than this, a near miss is remembered."""
_ONE_EDIT = 0.6
"""Least similarity of short sentences that differ in one letter."""


@dataclass(frozen=True)
class _Row:
    """A train row, a candidate kept before, or one to be gated.

    Attributes:
        position: of a candidate.
        answer: empty where answers are free text, which is never twice the same.
        parents: of an augmented row.
        new: whether it is to be gated.
    """

    input: str
    answer: str
    id: str
    position: int = -1
    parents: tuple[str, ...] = ()
    new: bool = False

    @property
    def name(self) -> str:
        """For a message to a person."""
        return f"train row {shorten(self.input)!r}" if self.position < 0 else f"candidate {self.position}"

    def made_from(self, other: "_Row") -> bool:
        """Whether one of the two was made from the other on purpose."""
        return other.id in self.parents or self.id in other.parents


def _rows(job: Job, items: Sequence[Placed]) -> list[_Row]:
    """All rows to train on, those to be gated last."""
    free = job.task.output.free_text
    rows = [_Row(row.input, "" if free else row.output.strip(), row.id) for row in job.context.train]
    for place, item in enumerate((*job.context.kept, *items)):
        made = item.candidate
        parents = made.origin.parents if made.origin.kind in AUGMENTATIONS else ()
        answer = "" if free else made.output.strip()
        rows.append(_Row(made.input, answer, made.id, item.position, parents, place >= len(job.context.kept)))
    return rows


def exact_duplicate(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs that a train row or an earlier candidate has, but for white space, case, width and punctuation."""
    first: dict[str, _Row] = {}
    for row in _rows(job, items):
        bones = skeleton(row.input)
        if row.new and bones in first:
            yield Finding(row.position, True, "same_input", f"{first[bones].name} has this input", 1.0)
        elif bones:
            first.setdefault(bones, row)


def near_duplicate(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs at least as similar to a train row or an earlier candidate as `near_duplicate` says.

    Where they also have the same answer, one letter or a greeting that a short text has more, or other, is no difference.
    """
    rows, threshold = _rows(job, items), job.config.near_duplicate
    kept = KeptTexts([row.input for row in rows], max(0.0, min(threshold - _REACH, _ONE_EDIT)))
    shorts = ShortTexts()
    for place, row in enumerate(rows):
        bones = skeleton(row.input)
        if row.new:
            long = len(row.input) >= SHORT_TEXT
            near = [(rows[other], value) for other, value in kept.similar(place)] if long else []
            same = (rows[other] for other in shorts.alike(bones) if rows[other].answer == row.answer)
            finding = _nearest(row, bones, near, threshold)
            if finding is None and (other := next((other for other in same if not row.made_from(other)), None)):
                detail = f"hardly anything is other than in {other.name}"
                finding = Finding(row.position, True, "one_letter_apart", detail, 0.5)
            if finding is not None:
                yield finding
                if finding.drop:
                    continue
        kept.keep(place)
        shorts.add(bones, place)


def _nearest(row: _Row, bones: str, others: Sequence[tuple[_Row, float]], threshold: float) -> Finding | None:
    """The finding for a row with similar ones: about the first that differs in one letter, else about the nearest."""
    others = [(other, value) for other, value in others if not row.made_from(other)]
    for other, _ in others:
        if row.answer == other.answer and one_edit_apart(bones, skeleton(other.input)):
            return Finding(row.position, True, "one_letter_apart", f"one letter is other than in {other.name}", 0.5)
    if not others:
        return None
    other, value = max(others, key=lambda found: found[1])
    return _by_similarity(row.position, value, threshold, f"{value:.0%} of their 5-grams are the same in {other.name}")


def _by_similarity(position: int, value: float, threshold: float, detail: str) -> Finding | None:
    """Drop what reaches the threshold; remember a near miss."""
    drop = value >= threshold
    border = closeness(value, threshold, max(1 - threshold, 1e-9) if drop else _REACH)
    return Finding(position, drop, "similar_input", detail, border) if drop or border > 0 else None


def lexical_duplicate(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs with the words of a train row or an earlier candidate (`lexical_duplicate`; 1 switches the gate off)."""
    threshold = job.config.lexical_duplicate
    if threshold >= 1 or not items:
        return
    rows = _rows(job, items)
    kept: dict[int, list[_Row]] = {}
    for row, group in zip(rows, group_lexical([row.input for row in rows], threshold), strict=True):
        alike = (other for other in kept.get(group, ()) if row.answer == other.answer and not row.made_from(other))
        if row.new and (other := next(alike, None)):
            yield Finding(row.position, True, "same_words", f"it has the words of {other.name}")
        else:
            kept.setdefault(group, []).append(row)


def leak(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs that give away a dev or test row, as they were made, before anything in them was masked.

    Exactly, nearly (`leak`; short ones but for a letter), in the same words (`lexical_duplicate`), or made from such a row or
    from a candidate that gives one away: a translation is found by its lineage.
    """
    sealed = [("dev", row) for row in job.context.dev] + [("test", row) for row in job.context.test]
    if not sealed:
        return
    leaked: set[int] = set()
    for finding in _leaks(job, items, sealed):
        yield finding
        if finding.drop:
            leaked.add(finding.position)
    yield from _made_from_leaks(items, leaked)


def _leaks(job: Job, items: Sequence[Placed], sealed: Sequence[tuple[str, Example]]) -> Iterator[Finding]:
    names = [f"{split} row {shorten(row.input)!r}" for split, row in sealed]
    trained = {row.id for row in job.context.train}  # a sealed row that stands in train, too, may be made into others
    by_id = {row.id: place for place, (_, row) in enumerate(sealed) if row.id not in trained}
    by_skeleton: dict[str, int] = {}
    shorts = ShortTexts()
    for place, (_, row) in enumerate(sealed):
        bones = skeleton(row.input)
        by_skeleton.setdefault(bones, place)
        shorts.add(bones, place)
    left: list[Placed] = []
    for item in items:
        bones = skeleton(item.input_as_made)
        if (parent := next((one for one in item.candidate.origin.parents if one in by_id), None)) is not None:
            yield Finding(item.position, True, "made_from_sealed_row", f"it was made from {names[by_id[parent]]}")
        elif bones and bones in by_skeleton:
            yield Finding(item.position, True, "same_input", f"it is {names[by_skeleton[bones]]}")
        elif (alike := next(shorts.alike(bones), None)) is not None:
            yield Finding(item.position, True, "one_letter_apart", f"hardly anything is other than in {names[alike]}", 0.5)
        else:
            left.append(item)
    yield from _near_leaks(job, left, [row.input for _, row in sealed], names)


def _near_leaks(job: Job, items: Sequence[Placed], sealed: Sequence[str], names: Sequence[str]) -> Iterator[Finding]:
    """Rows nearly equal to a sealed one, or with its words; of the others those that are nearly too similar."""
    texts, threshold = [item.input_as_made for item in items], job.config.leak
    near = match_similar(texts, sealed, threshold)
    words = match_lexical(texts, sealed, job.config.lexical_duplicate) if job.config.lexical_duplicate < 1 else near
    missed = match_similar(texts, sealed, threshold - _REACH) if threshold > _REACH else near
    for item, first, same_words, almost in zip(items, near, words, missed, strict=True):
        place = first if first is not None else almost
        if first is None and same_words is not None:
            yield Finding(item.position, True, "same_words", f"it has the words of {names[same_words]}")
        elif place is not None:
            value = jaccard(item.input_as_made, sealed[place])
            if finding := _by_similarity(item.position, value, threshold, f"{value:.0%} like {names[place]}"):
                yield finding


def _made_from_leaks(items: Sequence[Placed], leaked: set[int]) -> Iterator[Finding]:
    """Candidates made from those that leak, however many steps away."""
    ids = {item.candidate.id for item in items if item.position in leaked}
    found = [item for item in items if item.position not in leaked and not ids.isdisjoint(item.candidate.origin.parents)]
    detail = "it was made from a candidate that gives away a dev or test row"
    if found:
        yield from (Finding(item.position, True, "made_from_leak", detail) for item in found)
        yield from _made_from_leaks(items, leaked | {item.position for item in found})
