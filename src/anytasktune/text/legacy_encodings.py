"""Which encoding before UTF-8 a text is in, judged by how plausible the decoded text is in the languages of each encoding.

The bytes alone do not tell: windows-1252 German is valid GB18030, Korean is valid GBK, a pound sign is a Polish letter. So
each candidate is decoded and compared with its languages: are the letters beyond ASCII in the alphabet, do signs stand where
signs stand, and are there the language's most frequent words or characters?
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_QUOTES = frozenset("’‘“”„‚«»‹›–—…•·´¨\u00a0\u00ad")
_SIGNS = frozenset("€£¥$§°©®™¿¡½¼¾²³±×÷†‰µ%")
_WORD = re.compile(r"[^\W\d_]+")
_CJK_SIGNS = re.compile(r"[\u3000-\u303f\uff00-\uffef\u2010-\u2027\u00b7\u2103\u2460-\u249b]")

_USUAL_SHARE = 0.12
"""A text in which this share of the words or characters are among a language's most frequent ones is surely in it."""
LEAST_EVIDENCE = 0.4
_MIXED = 0.9
"""Discount on the evidence of a text that fits several languages of an encoding only together."""


@dataclass(frozen=True)
class _Alphabet:
    """A language of spaced words: its letters beyond ASCII, lower case, and its most frequent words."""

    letters: frozenset[str]
    words: frozenset[str]

    @classmethod
    def of(cls, letters: str, words: str) -> "_Alphabet":
        return cls(frozenset(letters), frozenset(words.split()))


_WESTERN = (
    _Alphabet.of("éèïöçñâü", "the and of to in is it my for that was with have not you your this me i like no are be will"),
    _Alphabet.of("äöüß", "der die das und ist nicht ein eine ich sie wir mit für auf im zu den von es wie hat sich bei nach"),
    _Alphabet.of("àâæçéèêëîïôœùûüÿ", "le la les des et est un une que qui dans pour pas sur avec vous nous je ne ce du en"),
    _Alphabet.of("áéíóúüñ", "el la los las de que y en un una es por con para no se su al lo como más pero está del"),
    _Alphabet.of("àèéìíòóùú", "il lo la gli le di che e un una per non sono con del della è in si da al come ho mi"),
    _Alphabet.of("àáâãçéêíóôõúü", "o a os as de que e em um uma não para com do da por se mais foi no na dos você"),
    _Alphabet.of("éèëïöü", "de het een en van ik is niet op te zijn dat die in voor met er maar naar heb ook om aan"),
    _Alphabet.of("åäöéæø", "och att det som en är på för med den inte jeg ikke og er til av har vi de var til i et der"),
)
_CENTRAL = (
    _Alphabet.of("ąćęłńóśźż", "i w na nie się z do to że jest po od za o jak czy ale dla co już przez są tak nasz"),
    _Alphabet.of("áčďéěíňóřšťúůýžľĺŕô", "a v na je se že s z do to o i za ale jak by pro si po jsem jsou ve k od už"),
    _Alphabet.of("áéíóöőúüű", "a az és hogy nem is egy ez meg van de csak volt mint vagy még már el ha ki kell"),
    _Alphabet.of("ăâîşţșț", "de la și si în in cu nu pe un o este a că din pentru care sa se am mai lui"),
    _Alphabet.of("čćđšž", "je da se na u i za od su ne s što sam bi ali koji to kao iz ima smo sa"),
)
_CYRILLIC = (
    _Alphabet.of(
        "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґў", "и в не на что я с он а как это по но из у за от все так же вы для до нет"
    ),
)
_GREEK = (
    _Alphabet.of("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", "και το η ο να του της για με που δεν στο είναι τα τη στη από θα ένα"),
)
_TURKISH = (_Alphabet.of("çğıöşüâî", "ve bir bu için ile çok da de ne var mı olarak daha gibi kadar ama değil olan benim"),)


@dataclass(frozen=True)
class _Characters:
    """A language of thousands of characters: those that belong to it, and its most frequent ones."""

    own: re.Pattern[str]
    frequent: frozenset[str]
    usual_share: float


_CHINESE = _Characters(
    re.compile(r"[\u4e00-\u9fff]"),
    frozenset(
        "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经"
        "么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性"
        "合请问货订单退款费客服员工病医药律诉被告原"
    ),
    0.25,
)
_TRADITIONAL = _Characters(
    re.compile(r"[\u4e00-\u9fff]"),
    frozenset(
        "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經"
        "麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性"
        "應告並給三"
    ),
    0.25,
)
_KOREAN = _Characters(
    re.compile(r"[\uac00-\ud7a3]"),
    frozenset("이다는에을의가하고지를한은도로사기아자나리그서어시인과대일니해수정있으들라보부제전것요습합게주안만면했"),
    0.3,
)
_JAPANESE = _Characters(
    re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]"),
    frozenset("のにはをたがでてとしれさいるあなっらもすりこだまくかよきんうけどせそじ日本人大年"),
    0.3,
)

_CANDIDATES: tuple[tuple[str, str, tuple[_Alphabet, ...] | _Characters], ...] = (
    ("gb18030", "GB18030 (GBK)", _CHINESE),
    ("cp1252", "windows-1252", _WESTERN),
    ("cp1250", "windows-1250", _CENTRAL),
    ("cp1251", "windows-1251", _CYRILLIC),
    ("koi8_r", "KOI8-R", _CYRILLIC),
    ("cp1253", "windows-1253", _GREEK),
    ("cp1254", "windows-1254", _TURKISH),
    ("big5", "Big5", _TRADITIONAL),
    ("cp949", "EUC-KR", _KOREAN),
    ("cp932", "Shift-JIS", _JAPANESE),
    ("euc_jp", "EUC-JP", _JAPANESE),
    ("mac_roman", "Mac Roman", _WESTERN),
    ("cp850", "code page 850", _WESTERN),
)


@dataclass(frozen=True)
class Guess:
    """An encoding a text may be in.

    Attributes:
        codec: Python's name of it.
        name: its usual name.
        evidence: from 0 (implausible) to 1.
    """

    codec: str
    name: str
    evidence: float


def guesses(sample: bytes) -> list[Guess]:
    """Encodings in which `sample`, lines with bytes beyond ASCII, is plausible text; the most plausible first.

    A multi-byte sample may be cut at its end. Equal evidence keeps the order in which encodings are common.
    """
    found = [
        Guess(codec, name, _evidence(text, languages))
        for codec, name, languages in _CANDIDATES
        if (text := _decoded(sample, codec)) is not None
    ]
    plausible = [guess for guess in found if guess.evidence >= LEAST_EVIDENCE]
    return sorted(plausible, key=lambda guess: -round(guess.evidence, 3))


def _decoded(sample: bytes, codec: str) -> str | None:
    """The sample as text; None where more than its cut end is no text in this encoding."""
    try:
        return sample.decode(codec)
    except UnicodeDecodeError as error:
        if len(sample) - error.start > 4:
            return None
        return sample[: error.start].decode(codec)


def _evidence(text: str, languages: Sequence[_Alphabet] | _Characters) -> float:
    if isinstance(languages, _Characters):
        return _evidence_of_characters(text, languages)
    foreign = [(place, character) for place, character in enumerate(text) if character > "\x7f"]
    if not foreign:
        return 0.0
    words = [word.lower() for word in _WORD.findall(text)]
    best = 0.0
    for language in languages:
        fitting = sum(_fits(text, place, character, language.letters) for place, character in foreign) / len(foreign)
        frequent = sum(word in language.words for word in words) / max(1, len(words))
        best = max(best, fitting**4 * (0.5 + 0.5 * min(1.0, frequent / _USUAL_SHARE)))
    if best < 1 and len(languages) > 1:  # names and quotations of several languages
        letters = frozenset[str]().union(*(language.letters for language in languages))
        known = frozenset[str]().union(*(language.words for language in languages))
        mixed = _Alphabet(letters, known)
        best = max(best, _MIXED * _evidence(text, (mixed,)))
    return best


def _fits(text: str, place: int, character: str, letters: frozenset[str]) -> bool:
    """Whether a character beyond ASCII is a letter of the language in a place for one, or a sign in a place for a sign."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if character.isalpha() and character not in _SIGNS:
        if character > "\u024f" and (_is_ascii_letter(before) or _is_ascii_letter(after)):
            return False  # no word is half Latin, half Greek or Cyrillic
        shouted = character.isupper() and before.isalpha() and before.islower()
        return character.lower() in letters and not shouted
    if character in _QUOTES:
        return True
    return character in _SIGNS and not (before.isalpha() and after.isalpha()) and not (after.isalpha() and character in "£³²")


def _is_ascii_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _evidence_of_characters(text: str, language: _Characters) -> float:
    foreign = [character for character in text if character > "\x7f" and not _CJK_SIGNS.match(character)]
    if not foreign:
        return 0.0
    own = [character for character in foreign if language.own.match(character)]
    frequent = sum(character in language.frequent for character in own) / max(1, len(own))
    return (len(own) / len(foreign)) ** 4 * (0.4 + 0.6 * min(1.0, frequent / language.usual_share))


def foreign_lines(lines: Iterator[bytes], most: int) -> bytes:
    """The lines with a byte beyond ASCII, up to `most` bytes of them."""
    found = bytearray()
    for line in lines:
        if not line.isascii():
            found += line[: most - len(found)]
            if len(found) >= most:
                break
    return bytes(found)
