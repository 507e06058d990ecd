"""Gate `leak`: nothing may teach what dev and test ask."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anytasktune.quality.gate import Finding, Job, Placed, closeness
from anytasktune.quality.short_texts import ShortTexts, skeleton
from anytasktune.scorers.text import shorten
from anytasktune.similarity import jaccard, match_similar

_REACH = 0.1
"""Below the threshold by less than this, a near miss is remembered."""


def leak(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs, as they were made, that stand in dev or test: exactly, or nearly (`leak`; short ones but for a letter)."""
    sealed = _Sealed.of(job)
    if not sealed.texts:
        return
    threshold = job.config.leak
    left: list[Placed] = []
    near = match_similar([item.input_as_made for item in items], sealed.texts, threshold)
    for item, match in zip(items, near, strict=True):
        place, reason = sealed.same(item.input_as_made)
        if place is not None:
            detail = f"it is, but for what nobody means, {sealed.words(place)}"
            yield Finding(item.position, True, reason, detail, 0.0 if reason == "same_input" else 0.5)
        elif match is not None:
            yield _similar(item, sealed, match, threshold)
        else:
            left.append(item)
    missed = match_similar([item.input_as_made for item in left], sealed.texts, max(0.0, threshold - _REACH))
    yield from (_similar(item, sealed, match, threshold) for item, match in zip(left, missed, strict=True) if match is not None)


@dataclass(frozen=True)
class _Sealed:
    """The inputs of dev and test."""

    texts: list[str]
    splits: list[str]
    known: dict[str, int]
    shorts: ShortTexts

    @classmethod
    def of(cls, job: Job) -> "_Sealed":
        rows = [*((example, "dev") for example in job.context.dev), *((example, "test") for example in job.context.test)]
        known: dict[str, int] = {}
        shorts = ShortTexts()
        for place, (example, _) in enumerate(rows):
            bones = skeleton(example.input)
            known.setdefault(bones, place)
            shorts.add(bones, place)
        return cls([example.input for example, _ in rows], [split for _, split in rows], known, shorts)

    def same(self, text: str) -> tuple[int | None, str]:
        """The row that a text is, but for punctuation, one letter, or a greeting; and which of these."""
        bones = skeleton(text)
        if bones and bones in self.known:
            return self.known[bones], "same_input"
        return next(self.shorts.alike(bones), None), "one_letter_apart"

    def words(self, place: int) -> str:
        return f"{self.splits[place]} row {shorten(self.texts[place])!r}"


def _similar(item: Placed, sealed: _Sealed, place: int, threshold: float) -> Finding:
    value = jaccard(item.input_as_made, sealed.texts[place])
    drop = value >= threshold
    border = closeness(value, threshold, max(1 - threshold, 1e-9) if drop else _REACH)
    return Finding(item.position, drop, "similar_input", f"{value:.0%} like {sealed.words(place)}", border)
