"""Gate `personal_data`: numbers and addresses that lead to a person are masked, or their candidate goes.

A mask says what stood there ("[PHONE_1]", "[电话1]"). The same number gets the same mask in the input and in the answer, so
that the answer still fits, and what it copied from the input still stands there.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from anytasktune.gates.gate import Finding, Job, Placed
from anytasktune.gates.grounding import copied_places, ungrounded
from anytasktune.records import Language
from anytasktune.schema import Candidate
from anytasktune.text.json_values import write_out_escapes
from anytasktune.text.personal_data import PersonalData, PersonalKind, find_personal_data

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


def personal_data(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Candidates with personal data: masked, or dropped (`personal_data`); those that no mask fits are dropped too."""
    if job.config.personal_data == "keep":
        return
    copied = copied_places(job)
    for item in items:
        found = _found(item.candidate)
        if not found:
            continue
        counted = Counter(kind for kind, _ in {(piece.kind, piece.text) for piece in found})
        detail = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(counted.items()))
        if job.config.personal_data == "drop":
            yield Finding(item.position, True, "holds_personal_data", detail)
            continue
        masked = mask(job, item.candidate, found)
        fits = masked is not None and (
            set(job.broken(masked)) <= set(job.broken(item.candidate)) and not ungrounded(job, masked.example(), copied)
        )
        if fits:
            yield Finding(item.position, False, "masked", f"masked: {detail}", changed=masked)
        else:
            yield Finding(item.position, True, "cannot_be_masked", f"the answer would not fit any more: {detail}")


def _found(candidate: Candidate) -> list[PersonalData]:
    return [*find_personal_data(candidate.input), *find_personal_data(write_out_escapes(candidate.output))]


def mask(job: Job, candidate: Candidate, found: Sequence[PersonalData]) -> Candidate | None:
    """The candidate with a mask for each piece of personal data; None where some of it would still be there."""
    masks = _masks(found, candidate.language)
    output = job.task.output.written_out(candidate.output)
    changed = candidate.model_copy(update={"input": _masked(candidate.input, masks), "output": _masked(output, masks)})
    return None if _found(changed) else changed


def _masks(found: Sequence[PersonalData], language: Language) -> dict[str, str]:
    """Text → mask; one number written in two ways gets one mask."""
    numbers: Counter[PersonalKind] = Counter()
    by_number: dict[tuple[PersonalKind, str], str] = {}
    for piece in found:
        key = (piece.kind, _BARE.sub("", piece.text).casefold())
        if key not in by_number:
            numbers[piece.kind] += 1
            by_number[key] = _MASKS[language][piece.kind].format(numbers[piece.kind])
    return {piece.text: by_number[piece.kind, _BARE.sub("", piece.text).casefold()] for piece in found}


def _masked(text: str, masks: Mapping[str, str]) -> str:
    longest_first = sorted(masks, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda match: masks[match.group()], text)
