"""Words, scripts and characters of English, Chinese and mixed text."""

import re

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters, as the inside of a regular-expression class."""

CJK = HAN + "\u3000-\u303f\uff00-\uffef"
"""Chinese characters, Chinese punctuation and full-width forms, as the inside of a regular-expression class."""
LATIN = "A-Za-z\u00c0-\u024f"
"""Letters of European languages, as the inside of a regular-expression class."""

_CJK_PUNCTUATION = (
    "\u00b7\u2014\u2018\u2019\u201c\u201d\u2026\u3001-\u3006\u3008-\u303f\ufe30-\ufe4f"
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_TOKEN = re.compile(rf"[{HAN}{_CJK_PUNCTUATION}]|[^\W{HAN}{_CJK_PUNCTUATION}]+")
HAN_CHARACTER = re.compile(rf"[{HAN}]")
_WESTERN_QUOTES = re.compile("[\u2014\u2018\u2019\u201c\u201d\u2026\u00b7]")
_SCRIPT_UNIT = re.compile(rf"(?P<han>[{HAN}])|(?P<latin>[{LATIN}]+)|(?P<other>[^\W\d_])")

MIN_HAN_SHARE = 0.3
"""From this share of Chinese characters on (a Latin word counts as one), a text is Chinese. Chinese about
technology or medicine is full of Latin names, English is hardly ever full of Chinese ones."""


def tokens(text: str) -> list[str]:
    """The units ROUGE-L and token F1 compare.

    Chinese characters and Chinese punctuation stand alone; every other run of letters and digits is one lower-case
    word; other punctuation is left out (as ROUGE does: Lin 2004, "ROUGE: A Package for Automatic Evaluation of
    Summaries"). Quotes and dashes that both languages use are left out of a text without Chinese characters.
    """
    if not HAN_CHARACTER.search(text):
        text = _WESTERN_QUOTES.sub(" ", text)
    return _TOKEN.findall(text.lower())


def count_han(text: str) -> int:
    """Number of Chinese characters in `text`."""
    return len(HAN_CHARACTER.findall(text))


def is_in_script(text: str, language: str) -> bool:
    """Whether `text` is written in the script of `language` ("en" or "zh"); true for a text without any letters.

    A Chinese character, a Latin word and a letter of any other script count as one unit each.
    """
    kinds = [match.lastgroup for match in _SCRIPT_UNIT.finditer(text)]
    if not kinds:
        return True
    han, latin, other = (kinds.count(kind) / len(kinds) for kind in ("han", "latin", "other"))
    if other > MIN_HAN_SHARE:
        return False
    return han >= MIN_HAN_SHARE if language == "zh" else latin > 1 - MIN_HAN_SHARE


def script_regex(language: str) -> str:
    """A regular expression (as Rust's `regex` reads it) for texts that `is_in_script` finds to be in `language`.

    It asks for a little more, word by word: English has at least three Latin words before each foreign letter; Chinese has no
    letters of a third script, and each Latin word has a Chinese character of its own beside it.
    """
    gap = rf"[^\p{{L}}\p{{Nl}}\p{{No}}\x{{D7}}\x{{F7}}{HAN}]+"  # × and ÷ stand among the letters of LATIN
    neither = f"{gap[:-1]}*"
    latin = rf"[{LATIN}]+"
    if language == "zh":
        beside = f"{latin}{neither}"
        return rf"{neither}(?:(?:{beside})?[{HAN}]{neither}(?:{beside})?)*"
    foreign = rf"[[\p{{L}}\p{{Nl}}\p{{No}}{HAN}]--[{LATIN}]]"
    return f"{neither}(?:{latin}(?:{gap}{latin}){{2,}}{neither}{foreign}{neither})*(?:{latin}(?:{gap}{latin})*{neither})?"
