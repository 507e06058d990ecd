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
from anytasktune.similarity import normalise
from anytasktune.text.scripts import HAN, is_in_script

_MOST = 0.8
"""Share of the answers that must be in one language for it to be the language of the answers."""
_PROSE_WORDS, _FOREIGN_WORDS = 5, 3
_ENGLISH_SHARE = 0.2
_SENTENCE_WORDS, _SENTENCE_HAN = 8, 12
_FEWEST_VERBS = 2
_STRICT = 0.003
"""Of the seeds, for a check that a text in nothing but names and codes does not pass."""


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENGLISH = _set_of(
    "a about all am an and are as at be been but by can could did do does for from had has have he her his how i if in is it "
    "its just like me more my no not of on one or our out she so some than that the their them there these they this to up us "
    "was we were what when where which who why will with would you your please"
)
_NOT_IN_NAMES = _set_of(
    "am are been can could did do does had has have he her his how if is it just like me my our should some than that their "
    "them there these they this us was we were what when where which who why will would you your please i'm i've don't it's"
)
_FOREIGN = _set_of(
    "una por para que como está pero muy también nuestro estoy usted hay les une est dans pour qui sur avec vous nous je il "
    "elle sont cette être der das und ist nicht ein eine mit für auf zu sich auch ich wir sie werden haben lo gli che della "
    "sono questo anche os uma não mais foi você isso"
)
"""Of Spanish, French, German, Italian and Portuguese; without those that stand in English names and titles."""
_HAN_LETTER = re.compile(rf"[{HAN}]")
_OTHER_SCRIPT = re.compile(rf"(?:[^\W\d_A-Za-z\u00c0-\u024f{HAN}]\s?){{4,}}")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['’][a-z]+)?")
_LATIN_STRETCH = re.compile(r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f0-9 ,;:'’\"()./%?!$&-]{20,}")
_HAN_STRETCH = re.compile(rf"[{HAN}，、；：]{{{_SENTENCE_HAN},}}")
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
    yield from _fitting(job, spoken, "input_language", [check_of(_out_of_script), check_of(_is_other_prose)])
    yield from _fitting(job, spoken, "mixed_input", [check_of(_has_other_sentence)])


def _answer_checks(job: Job, spoken: Language, group: Sequence[Placed]) -> Iterator[Check]:
    rows = job.seeds(spoken)
    if len(rows) < FEWEST_DATA:
        rows = [item.candidate.example() for item in group]
    wanted = _usual_language([_own_words(job, row) for row in rows], spoken)
    if wanted is None:
        return

    def check_of(reads: Reads) -> Callable[[Example], bool]:
        return lambda example: reads(_own_words(job, example), wanted)

    yield from _fitting(job, spoken, "answer_language", [check_of(_out_of_script), check_of(_is_other_prose)])
    yield from _fitting(job, spoken, "mixed_answer", [check_of(_has_other_sentence)])


def _fitting(job: Job, spoken: Language, reason: str, checks: Sequence[Callable[[Example], bool]]) -> Iterator[Check]:
    """The first of the checks, strictest first, that suits the seeds; none if none does."""
    for check in checks:
        if job.fits_seeds(check, spoken, TOLERATED if check is checks[-1] else _STRICT):
            yield reason, check
            return


def _usual_language(texts: Sequence[str], spoken: Language) -> Language | None:
    """The language most answers are in, their own before the other; None if there are no words or no one language."""
    texts = [text for text in texts if _LATIN_WORD.search(text) or _HAN_LETTER.search(text)]
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
    return not is_in_script(text, wanted) or _is_other_prose(text, wanted)


def _is_other_prose(text: str, wanted: Language) -> bool:
    """Whether all of `text` reads as written in another language; short texts of names and codes do not."""
    if _OTHER_SCRIPT.search(text) and not is_in_script(text, "en") and not is_in_script(text, "zh"):
        return True
    han = len(_HAN_LETTER.findall(text))
    words = [word.lower() for word in _LATIN_WORD.findall(text)]
    if wanted == "en":
        return not is_in_script(text, "en") if han else _is_other_european(words)
    return not han and len(words) >= _PROSE_WORDS and _english_words(words) >= 1


def _is_other_european(words: list[str]) -> bool:
    foreign = sum(word in _FOREIGN for word in words)
    return foreign >= _FOREIGN_WORDS and foreign > 2 * _english_words(words)


def _english_words(words: Sequence[str]) -> int:
    return sum(word in _ENGLISH for word in words)


def _has_other_sentence(text: str, wanted: Language) -> bool:
    """Whether a whole sentence of the other language stands in `text`."""
    if wanted == "en":
        return bool(_HAN_STRETCH.search(text))
    return any(_is_sentence([word.lower() for word in _LATIN_WORD.findall(part)]) for part in _LATIN_STRETCH.findall(text))


def _is_sentence(words: Sequence[str]) -> bool:
    """Whether English words in a row are a sentence, not the name of something."""
    if len(words) >= _SENTENCE_WORDS and _english_words(words) >= _ENGLISH_SHARE * len(words):
        return True
    return len(words) >= _PROSE_WORDS and sum(word in _NOT_IN_NAMES for word in words) >= _FEWEST_VERBS
