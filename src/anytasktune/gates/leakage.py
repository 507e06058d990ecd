"""Gate `leak`: nothing may teach what dev and test ask."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anytasktune.gates.gate import Finding, Job, Placed, closeness
from anytasktune.gates.short_texts import ShortTexts, skeleton
from anytasktune.schema import Example
from anytasktune.similarity import jaccard, match_lexical, match_similar
from anytasktune.text.plain_text import shorten

_REACH = 0.1
"""Below the threshold by less than this, a near miss is remembered."""


def leak(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs that give away a dev or test row, as they were made, before anything in them was masked.

    Exactly, nearly (`leak`; short ones but for a letter), in the same words (`lexical_duplicate`), or made from such a row or
    from a candidate that gives one away: a translation is found by its lineage.
    """
    sealed = _Sealed.of(job)
    if not sealed.texts:
        return
    leaked: set[int] = set()
    for finding in _direct(job, items, sealed):
        yield finding
        if finding.drop:
            leaked.add(finding.position)
    yield from _made_from_leaks(items, leaked)


def _made_from_leaks(items: Sequence[Placed], leaked: set[int]) -> Iterator[Finding]:
    """Candidates made from those that leak, however many steps away."""
    detail = "it was made from a candidate that gives away a dev or test row"
    ids = {item.candidate.id for item in items if item.position in leaked}
    found = [item for item in items if item.position not in leaked and not ids.isdisjoint(item.candidate.origin.parents)]
    if found:
        yield from (Finding(item.position, True, "made_from_leak", detail) for item in found)
        yield from _made_from_leaks(items, leaked | {item.position for item in found})


def _direct(job: Job, items: Sequence[Placed], sealed: "_Sealed") -> Iterator[Finding]:
    left: list[Placed] = []
    for item in items:
        finding = _made_from_sealed(item, sealed) or _same(item, sealed)
        if finding:
            yield finding
        else:
            left.append(item)
    threshold = job.config.leak
    near = match_similar([item.input_as_made for item in left], sealed.texts, threshold)
    yield from (_similar(item, sealed, match, threshold) for item, match in zip(left, near, strict=True) if match is not None)
    yield from _in_other_words(job, [item for item, match in zip(left, near, strict=True) if match is None], sealed)


def _in_other_words(job: Job, items: Sequence[Placed], sealed: "_Sealed") -> Iterator[Finding]:
    """Rows with the words of a sealed one; of the others those that are nearly too similar, to be remembered."""
    texts, threshold, lower = [item.input_as_made for item in items], job.config.lexical_duplicate, job.config.leak - _REACH
    nobody: list[int | None] = [None] * len(items)
    same_words = match_lexical(texts, sealed.texts, threshold) if threshold < 1 else nobody
    missed = match_similar(texts, sealed.texts, lower) if lower > 0 else nobody
    for item, same, near in zip(items, same_words, missed, strict=True):
        if same is not None:
            yield Finding(item.position, True, "same_words", f"it has the words of {sealed.words(same)}")
        elif near is not None:
            yield _similar(item, sealed, near, job.config.leak)


@dataclass(frozen=True)
class _Sealed:
    """The inputs of dev and test."""

    texts: list[str]
    splits: list[str]
    known: dict[str, int]
    shorts: ShortTexts
    ids: dict[str, int]

    @classmethod
    def of(cls, job: Job) -> "_Sealed":
        rows = [*((example, "dev") for example in job.context.dev), *((example, "test") for example in job.context.test)]
        known: dict[str, int] = {}
        shorts = ShortTexts()
        for place, (example, _) in enumerate(rows):
            bones = skeleton(example.input)
            known.setdefault(bones, place)
            shorts.add(bones, place)
        return cls([example.input for example, _ in rows], [split for _, split in rows], known, shorts, _by_id(job, rows))

    def words(self, place: int) -> str:
        return f"{self.splits[place]} row {shorten(self.texts[place])!r}"


def _by_id(job: Job, rows: Sequence[tuple[Example, str]]) -> dict[str, int]:
    """Sealed rows by id; one that stands in train too may be made into others."""
    train = {example.id for example in job.context.train}
    return {example.id: place for place, (example, _) in enumerate(rows) if example.id not in train}


def _made_from_sealed(item: Placed, sealed: _Sealed) -> Finding | None:
    place = next((sealed.ids[parent] for parent in item.candidate.origin.parents if parent in sealed.ids), None)
    return (
        Finding(item.position, True, "made_from_sealed_row", f"it was made from {sealed.words(place)}")
        if place is not None
        else None
    )


def _same(item: Placed, sealed: _Sealed) -> Finding | None:
    """Whether a text is a sealed one but for punctuation, or, if it is short, one letter or a greeting."""
    bones = skeleton(item.input_as_made)
    if bones and bones in sealed.known:
        return Finding(item.position, True, "same_input", f"it is {sealed.words(sealed.known[bones])}")
    place = next(sealed.shorts.alike(bones), None)
    if place is None:
        return None
    return Finding(item.position, True, "one_letter_apart", f"hardly anything is other than in {sealed.words(place)}", 0.5)


def _similar(item: Placed, sealed: _Sealed, place: int, threshold: float) -> Finding:
    value = jaccard(item.input_as_made, sealed.texts[place])
    drop = value >= threshold
    border = closeness(value, threshold, max(1 - threshold, 1e-9) if drop else _REACH)
    return Finding(item.position, drop, "similar_input", f"{value:.0%} like {sealed.words(place)}", border)
