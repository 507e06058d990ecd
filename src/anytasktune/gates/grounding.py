"""Gate `grounding`: what an answer rests on must be there.

A candidate made from a passage must lie in a passage there is. And what the seeds always copy from their input, a candidate
must copy too: this is learned for each place in the answer (each key of a JSON answer, the items of an open list), so that a
task need not say so. In free answers the same holds for numbers of two digits and more.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from anytasktune.gates.gate import FEWEST_DATA, Finding, Job, Placed
from anytasktune.schema import Candidate, Example, Passage
from anytasktune.text.json_values import KeyPath
from anytasktune.text.plain_text import normalise, occurs_as_words, shorten

_ALWAYS = 0.99
_NUMBERS: KeyPath = ("numbers of a text",)
_NUMBER = re.compile(r"\d[\d,.]*\d")


def grounding(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Spans outside their passage (unless `grounded` is off or no passages are known), and answers not taken from the input."""
    passages = {passage.id: passage for passage in job.context.passages} if job.config.grounded else {}
    copied = copied_places(job)
    for item in items:
        if passages and (fault := _passage_fault(item.candidate, passages)):
            yield Finding(item.position, True, fault, _DETAILS[fault])
            continue
        missing = ungrounded(job, item.candidate.example(), copied)
        if missing:
            detail = f"{shorten(missing)!r} does not stand in the input, from which such answers are taken"
            yield Finding(item.position, True, "not_in_input", detail)


_DETAILS = {
    "unknown_passage": "the passage it was made from is not among those of this project",
    "span_outside_passage": "the words it rests on lie outside the passage it was made from",
}


def _passage_fault(candidate: Candidate, passages: dict[str, Passage]) -> str:
    origin = candidate.origin
    if origin.passage is None:
        return ""
    passage = passages.get(origin.passage)
    if passage is None:
        return "unknown_passage"
    span, whole = origin.span, passage.span
    if span is None or (span.document == whole.document and whole.start <= span.start < span.end <= whole.end):
        return ""
    return "span_outside_passage"


def copied_places(job: Job) -> frozenset[KeyPath]:
    """Places in the answer whose text the seeds take from the input, at least 99 times in a hundred and ten times in all."""
    times: Counter[KeyPath] = Counter()
    found: Counter[KeyPath] = Counter()
    for language in job.seeds_by_language:
        for example in job.seeds(language):
            source = normalise(example.input)
            for path, text in _claims(job, example):
                times[path] += 1
                found[path] += occurs_as_words(normalise(text), source)
    return frozenset(path for path, count in times.items() if count >= FEWEST_DATA and found[path] >= _ALWAYS * count)


def ungrounded(job: Job, example: Example, copied: frozenset[KeyPath]) -> str:
    """The first piece of the answer that should stand in the input and does not; empty if there is none."""
    if not copied:
        return ""
    source = normalise(example.input)
    claims = (text for path, text in _claims(job, example) if path in copied)
    return next((text for text in claims if not occurs_as_words(normalise(text), source)), "")


def _claims(job: Job, example: Example) -> Iterator[tuple[KeyPath, str]]:
    pieces = job.pieces(example)
    if not job.task.output.free_text:
        yield from pieces
        return
    for _, text in pieces:
        yield from ((_NUMBERS, number) for number in _NUMBER.findall(text))
