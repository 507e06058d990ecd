"""Which language a text is in, as far as scripts and function words tell: English, Chinese, or neither."""

import re
from collections.abc import Sequence

from anytasktune.records import Language
from anytasktune.text.scripts import HAN, LATIN, count_han, is_in_script

_WORD = re.compile(rf"[{LATIN}]+(?:['’][a-z]+)?")


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COMMON = _set_of(
    "a about all an and are as at be been but by can do does for from had has have he her his how if in is it more not of on "
    "one or our out so than that the their them there these they this to up was we were what when where which who will with "
    "would you your"
)
_ENGLISH = _COMMON | _set_of("am could did i its just like me my no please she some us why")
"""English function words of letters and conversations."""
_NOT_IN_NAMES = _set_of(
    "am are been can could did do does had has have he her his how if is it just like me my our should some than that their "
    "them there these they this us was we were what when where which who why will would you your please i'm i've don't it's"
)
"""English function words that names and titles hardly ever have."""
_FOREIGN = _set_of(
    "una por para que como está pero muy también nuestro estoy usted hay les une est dans pour qui sur avec vous nous je il "
    "elle sont cette être der das und ist nicht ein eine mit für auf zu sich auch ich wir sie werden haben lo gli che della "
    "sono questo anche os uma não mais foi você isso"
)
"""Function words of Spanish, French, German, Italian and Portuguese that do not stand in English names and titles."""
_ENGLISH_IN_DOCUMENTS = re.compile(
    rf"\b(?:{'|'.join(sorted(_COMMON))}|any|must|may|shall|should|those|such|into|only|other|after|before)\b"
)
_OTHERS_IN_DOCUMENTS = re.compile(
    r"\b(?:le|la|les|des|et|est|une|dans|pour|qui|que|sur|avec|pas|au|aux|du|ce|der|die|das|und|ist|nicht|ein|eine|den|von|mit|"
    r"auf|für|im|zu|dem|sich|auch|el|los|las|y|en|es|por|con|para|del|una|se|lo|su|il|di|che|per|non|sono|gli|nella|o|os|e|da|em|"
    r"um|uma|não|het|een|van|niet|op|te|zijn|voor|met)\b"
)
"""All function words of French, German, Spanish, Italian, Portuguese and Dutch, for texts long enough to be counted."""
_KANA_HANGUL = re.compile("[\u3040-\u30ff\uac00-\ud7af]")
_LEAST_LETTERS, _LEAST_ENGLISH = 12, 0.1

_PROSE_WORDS, _FOREIGN_WORDS = 5, 3
_ENGLISH_SHARE = 0.2
_SENTENCE_WORDS, _SENTENCE_HAN = 8, 12
_FEWEST_VERBS = 2
_OTHER_SCRIPT = re.compile(rf"(?:[^\W\d_{LATIN}{HAN}]\s?){{4,}}")
_LATIN_STRETCH = re.compile(rf"[{LATIN}][{LATIN}0-9 ,;:'’\"()./%?!$&-]{{20,}}")
_HAN_STRETCH = re.compile(rf"[{HAN}，、；：]{{{_SENTENCE_HAN},}}")


def language_of(text: str, usual: Language | None = None) -> Language | None:
    """The language of a stretch of a document, None for another than English and Chinese: by script, then by function words.

    `usual` is the language of the document around it: it decides where a stretch in the right script has too few words to
    tell, such as a table.
    """
    han = count_han(text)
    if len(_KANA_HANGUL.findall(text)) > 0.1 * (han + 1):
        return None
    if han and is_in_script(text, "zh"):
        return "zh"
    words = _WORD.findall(text)
    if sum(map(len, words)) < _LEAST_LETTERS:
        return usual if han or words else None
    if not is_in_script(text, "en"):
        return None
    small = text.lower()
    english, others = len(_ENGLISH_IN_DOCUMENTS.findall(small)), len(_OTHERS_IN_DOCUMENTS.findall(small))
    if english > others and english >= _LEAST_ENGLISH * len(words):
        return "en"
    return "en" if usual == "en" and others <= english else None


def likelier_language(text: str) -> Language:
    """Chinese where the script says so, else English."""
    return "zh" if is_in_script(text, "zh") and not is_in_script(text, "en") else "en"


def has_letters(text: str) -> bool:
    """Whether there is any Latin letter or Chinese character in `text`."""
    return bool(_WORD.search(text) or count_han(text))


def is_other_prose(text: str, wanted: Language) -> bool:
    """Whether all of `text` reads as written in another language; short texts of names and codes do not."""
    if _OTHER_SCRIPT.search(text) and not is_in_script(text, "en") and not is_in_script(text, "zh"):
        return True
    han, words = count_han(text), _words(text)
    if wanted == "zh":
        return not han and len(words) >= _PROSE_WORDS and _english(words) >= 1
    foreign = sum(word in _FOREIGN for word in words)
    return not is_in_script(text, "en") if han else foreign >= _FOREIGN_WORDS and foreign > 2 * _english(words)


def has_other_sentence(text: str, wanted: Language) -> bool:
    """Whether a whole sentence of the other language, English or Chinese, stands in `text`."""
    if wanted == "en":
        return bool(_HAN_STRETCH.search(text))
    return any(_is_sentence(_words(part)) for part in _LATIN_STRETCH.findall(text))


def _is_sentence(words: Sequence[str]) -> bool:
    """Whether English words in a row are a sentence, not the name of something."""
    if len(words) >= _SENTENCE_WORDS and _english(words) >= _ENGLISH_SHARE * len(words):
        return True
    return len(words) >= _PROSE_WORDS and sum(word in _NOT_IN_NAMES for word in words) >= _FEWEST_VERBS


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _english(words: Sequence[str]) -> int:
    return sum(word in _ENGLISH for word in words)
