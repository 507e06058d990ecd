"""Gate `leak`: nothing may teach what dev and test ask."""

from collections.abc import Iterator, Sequence

from anytasktune.quality.gate import Finding, Job, Placed, closeness
from anytasktune.quality.short_texts import match_one_edit, skeleton
from anytasktune.scorers.text import shorten
from anytasktune.similarity import jaccard, match_similar

_REACH = 0.1
"""Below the threshold by less than this, a near miss is remembered."""


def leak(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs, as they were made, that stand in dev or test: exactly, nearly (`leak`), or in the other language."""
    sealed = [
        *((example.input, "dev") for example in job.context.dev),
        *((example.input, "test") for example in job.context.test),
    ]
    references = [text for text, _ in sealed]
    if not references:
        return
    texts = [item.input_as_made for item in items]
    known: dict[str, int] = {}
    for index, reference in enumerate(references):
        known.setdefault(skeleton(reference), index)
    short = match_one_edit(texts, references)
    near = match_similar(texts, references, max(0.0, job.config.leak - _REACH))
    for number, item in enumerate(items):
        same = known.get(skeleton(texts[number])) if skeleton(texts[number]) else None
        place = next((match for match in (same, short[number], near[number]) if match is not None), None)
        if place is not None:
            reference, split = sealed[place]
            sure = same is not None or short[number] is not None
            value = 1.0 if sure else jaccard(texts[number], reference)
            yield _finding(item.position, value, job.config.leak, f"{split} row {shorten(reference)!r}", same is not None)


def _finding(position: int, value: float, threshold: float, row: str, same: bool) -> Finding:
    drop = value >= threshold
    border = closeness(value, threshold, max(1 - threshold, 1e-9) if drop else _REACH)
    reason = "same_input" if same else "similar_input"
    detail = f"it has the input of {row}" if same else f"it is {value:.0%} like {row}"
    return Finding(position, drop, reason, detail, border)
