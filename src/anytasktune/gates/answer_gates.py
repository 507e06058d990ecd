"""Gates on answers: `schema`, `rules`, `grounding` and `personal_data`.

Grounding: a candidate made from a passage must lie in a passage there is. And what the own rows always copy from their input, a
candidate must copy too: this is learned for each place in the answer (each key of a JSON answer, the items of an open list), so
that a task need not say so. In free answers the same holds for numbers of two digits and more.

Personal data: a mask says what stood there ("[PHONE_1]", "[电话1]"). The same number gets the same mask in the input and in the
answer, so that the answer still fits, and what it copied from the input still stands there.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from anytasktune.gates.gate import FEWEST_DATA, Finding, Job, Placed, Row, by_language
from anytasktune.outputs import Rules
from anytasktune.records import Language
from anytasktune.schema import Candidate, Passage
from anytasktune.scorers import explain_rules
from anytasktune.text.json_values import KeyPath, write_out_escapes
from anytasktune.text.personal_data import PersonalData, PersonalKind, find_personal_data
from anytasktune.text.plain_text import normalise, occurs_as_words, shorten

_ALWAYS = 0.99
_NUMBERS: KeyPath = ("numbers of a text",)
_NUMBER = re.compile(r"\d[\d,.]*\d")
_PASSAGE_FAULTS = {
    "unknown_passage": "the passage it was made from is not among those of this project",
    "span_outside_passage": "the words it rests on lie outside the passage it was made from",
}
_MASKS: dict[Language, dict[PersonalKind, str]] = {
    "en": {
        "email": "[EMAIL_{}]",
        "phone": "[PHONE_{}]",
        "identity_number": "[ID_NUMBER_{}]",
        "bank_card": "[CARD_NUMBER_{}]",
        "postal_address": "[ADDRESS_{}]",
    },
    "zh": {
        "email": "[邮箱{}]",
        "phone": "[电话{}]",
        "identity_number": "[证件号{}]",
        "bank_card": "[银行卡号{}]",
        "postal_address": "[地址{}]",
    },
}
_BARE = re.compile(r"[\s().+–-]")
_MOST_PASSES = 3


def schema(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Answers that cannot be read as what the task asks for: a label of its list, JSON of its schema, a number in its range."""
    yield from _broken(job, items, of_form=True)
    for language, group in by_language(items).items():
        if len(job.own_rows(language)) >= FEWEST_DATA and job.suits_own_rows(_is_empty, language):
            unanswered = (item for item in group if _is_empty(item.candidate) and not job.broken(item.candidate))
            yield from (Finding(item.position, True, "empty", "no train row has an empty answer") for item in unanswered)


def rules(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Answers that break one of the task's rules: items, length, script, pattern, copies from the input."""
    return _broken(job, items, of_form=False)


def _broken(job: Job, items: Sequence[Placed], *, of_form: bool) -> Iterator[Finding]:
    for item in items:
        broken = [rule for rule in job.broken(item.candidate) if (rule not in Rules.model_fields) == of_form]
        if broken:
            candidate = item.candidate
            problems = explain_rules(job.task, candidate.input, candidate.output, candidate.language)
            yield Finding(item.position, True, broken[0], "; ".join(dict.fromkeys(problem.what for problem in problems)))


def _is_empty(row: Row) -> bool:
    return not row.output.strip()


def grounding(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Spans outside their passage (unless `grounded` is off or no passages are known), and answers not taken from the input."""
    passages = {passage.id: passage for passage in job.context.passages} if job.config.grounded else {}
    copied = _copied_places(job)
    for item in items:
        if passages and (fault := _passage_fault(item.candidate, passages)):
            yield Finding(item.position, True, fault, _PASSAGE_FAULTS[fault])
        elif missing := _ungrounded(job, item.candidate, copied):
            detail = f"{shorten(missing)!r} does not stand in the input, from which such answers are taken"
            yield Finding(item.position, True, "not_in_input", detail)


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


def _copied_places(job: Job) -> frozenset[KeyPath]:
    """Places in the answer whose text own rows take from the input, at least 99 times in a hundred and ten times in all."""
    times: Counter[KeyPath] = Counter()
    found: Counter[KeyPath] = Counter()
    for language in job.own_rows_by_language:
        for example in job.own_rows(language):
            source = normalise(example.input)
            for path, text in _claims(job, example):
                times[path] += 1
                found[path] += occurs_as_words(normalise(text), source)
    return frozenset(path for path, count in times.items() if count >= FEWEST_DATA and found[path] >= _ALWAYS * count)


def _ungrounded(job: Job, row: Row, copied: frozenset[KeyPath]) -> str:
    """The first piece of the answer that should stand in the input and does not; empty if there is none."""
    if not copied:
        return ""
    source = normalise(row.input)
    claims = (text for path, text in _claims(job, row) if path in copied)
    return next((text for text in claims if not occurs_as_words(normalise(text), source)), "")


def _claims(job: Job, row: Row) -> Iterator[tuple[KeyPath, str]]:
    pieces = job.pieces(row)
    if not job.task.output.free_text:
        yield from pieces
        return
    for _, text in pieces:
        yield from ((_NUMBERS, number) for number in _NUMBER.findall(text))


def personal_data(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Candidates with personal data: masked, or dropped (`personal_data`); those that no mask fits are dropped too."""
    if job.config.personal_data == "keep":
        return
    copied = _copied_places(job)
    for item in items:
        found = _found(item.candidate)
        if not found:
            continue
        counted = Counter(kind for kind, _ in {(piece.kind, piece.text) for piece in found})
        detail = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(counted.items()))
        if job.config.personal_data == "drop":
            yield Finding(item.position, True, "holds_personal_data", detail)
            continue
        masked = _mask(job, item.candidate, found)
        fits = masked is not None and (
            set(job.broken(masked)) <= set(job.broken(item.candidate)) and not _ungrounded(job, masked, copied)
        )
        if fits:
            yield Finding(item.position, False, "masked", f"masked: {detail}", changed=masked)
        else:
            yield Finding(item.position, True, "cannot_be_masked", f"the answer would not fit any more: {detail}")


def _found(candidate: Candidate) -> list[PersonalData]:
    return [*find_personal_data(candidate.input), *find_personal_data(write_out_escapes(candidate.output))]


def _mask(job: Job, candidate: Candidate, found: Sequence[PersonalData]) -> Candidate | None:
    """The candidate with a mask for each piece of personal data; None where some of it would still be there.

    One number written in two ways gets one mask. A number may be seen only once the one beside it is masked.
    """
    masks: dict[str, str] = {}
    by_number: dict[tuple[PersonalKind, str], str] = {}
    numbers: Counter[PersonalKind] = Counter()
    changed = candidate
    for _ in range(_MOST_PASSES):
        for piece in found:
            key = (piece.kind, _BARE.sub("", piece.text).casefold())
            if key not in by_number:
                numbers[piece.kind] += 1
                by_number[key] = _MASKS[candidate.language][piece.kind].format(numbers[piece.kind])
            masks[piece.text] = by_number[key]
        longest_first = re.compile("|".join(map(re.escape, sorted(masks, key=len, reverse=True))))
        input_text, output = (
            longest_first.sub(lambda match: masks[match.group()], text)
            for text in (candidate.input, job.task.output.written_out(candidate.output))
        )
        changed = candidate.model_copy(update={"input": input_text, "output": output})
        if not (found := _found(changed)):
            return changed
    return None
