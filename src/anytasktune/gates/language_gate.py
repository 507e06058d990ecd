"""Gate `language`: is a candidate written in the language it says, as far as scripts and function words tell?

Texts of real work mix languages: drug names in Chinese notes, titles of songs in English requests. So a text is only out of
place when it reads as prose of another language, or when whole sentences of one stand in it; and whatever the seeds of a task
do themselves is not held against its candidates.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from anytasktune.gates.gate import FEWEST_DATA, TOLERATED, Finding, Job, Placed, by_language
from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.text.language import has_letters, has_other_sentence, is_other_prose
from anytasktune.text.plain_text import normalise
from anytasktune.text.scripts import is_in_script

_MOST = 0.8
"""Share of the answers that must be in one language for it to be the language of the answers."""
_STRICT = 0.003
"""Of the seeds, for a check that a text in nothing but names and codes does not pass."""


_GARBLED = re.compile("\ufffd|(?:[\u00c3\u00c2][\u0080-\u00bf]){2}|\u00e2\u20ac|锟斤拷|烫烫烫")

Reads = Callable[[str, Language], bool]


def language(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs and free answers in another language than the candidate's (or than the seeds' answers), or garbled."""
    for spoken, group in by_language(items).items():
        checks = [*_input_checks(job, spoken), *_answer_checks(job, spoken, group)]
        for item in group:
            example = item.candidate.example()
            if fault := next((reason for reason, fires in checks if fires(example)), ""):
                yield Finding(item.position, True, fault, _DETAILS[fault].format(language=_NAMES[spoken]))


_NAMES: dict[Language, str] = {"en": "English", "zh": "Chinese"}
_DETAILS = {
    "garbled": "characters were lost or read in a wrong encoding",
    "input_language": "the input is not written in {language}",
    "mixed_input": "a whole sentence of the input is not written in {language}",
    "answer_language": "the answer is not in the language of the answers to other {language} inputs",
    "mixed_answer": "a whole sentence of the answer is not in the language of the answers to other {language} inputs",
}

Check = tuple[str, Callable[[Example], bool]]


def _input_checks(job: Job, spoken: Language) -> Iterator[Check]:
    def check_of(reads: Reads) -> Callable[[Example], bool]:
        return lambda example: reads(example.input, spoken)

    yield from _fitting(job, spoken, "garbled", [lambda example: bool(_GARBLED.search(example.input + example.output))])
    yield from _fitting(job, spoken, "input_language", [check_of(_out_of_script), check_of(is_other_prose)])
    yield from _fitting(job, spoken, "mixed_input", [check_of(has_other_sentence)])


def _answer_checks(job: Job, spoken: Language, group: Sequence[Placed]) -> Iterator[Check]:
    rows = job.seeds(spoken)
    if len(rows) < FEWEST_DATA:
        rows = [item.candidate.example() for item in group]
    wanted = _usual_language([_own_words(job, row) for row in rows], spoken)
    if wanted is None:
        return

    def check_of(reads: Reads) -> Callable[[Example], bool]:
        return lambda example: reads(_own_words(job, example), wanted)

    yield from _fitting(job, spoken, "answer_language", [check_of(_out_of_script), check_of(is_other_prose)])
    yield from _fitting(job, spoken, "mixed_answer", [check_of(has_other_sentence)])


def _fitting(job: Job, spoken: Language, reason: str, checks: Sequence[Callable[[Example], bool]]) -> Iterator[Check]:
    """The first of the checks, strictest first, that suits the seeds; none if none does."""
    for check in checks:
        if job.fits_seeds(check, spoken, TOLERATED if check is checks[-1] else _STRICT):
            yield reason, check
            return


def _usual_language(texts: Sequence[str], spoken: Language) -> Language | None:
    """The language most answers are in, their own before the other; None if there are no words or no one language."""
    texts = [text for text in texts if has_letters(text)]
    other: Language = "zh" if spoken == "en" else "en"
    for wanted in (spoken, other):
        if texts and sum(is_in_script(text, wanted) for text in texts) >= _MOST * len(texts):
            return wanted
    return None


def _own_words(job: Job, example: Example) -> str:
    """The free text of the answer without what was copied from the input."""
    source = normalise(example.input)
    pieces = job.pieces(example)
    return " ".join(text for _, text in pieces if normalise(text) not in source)


def _out_of_script(text: str, wanted: Language) -> bool:
    return not is_in_script(text, wanted) or is_other_prose(text, wanted)
