"""The words of a text that carry what it says: English words without their endings, pairs of Chinese characters, numbers."""

import re
from functools import lru_cache

from anytasktune.text.scripts import HAN

_PIECE = re.compile(rf"(?P<han>[{HAN}]+)|(?P<number>\d+(?:[.,:/-]\d+)*%?)|(?P<word>[^\W\d{HAN}_]+(?:'[^\W\d{HAN}_]+)?)")
_LABEL = re.compile(r"(?:^|(?<=\s))(?=[^\s:]*[^\s:\d.])([^\s:]{1,12}):(?!//)")
_PARTICLES = str.maketrans("", "", "的了吗呢吧啊呀嘛哦嗯哈请您您")
_ZH_DENIALS = frozenset("不没无未勿莫")
_EN_DENIALS = frozenset(("not", "no", "never", "none", "without", "nothing", "nobody", "cannot", "neither", "nor"))
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an the this that these those i me my mine myself we us our ours you your yours he him his she her hers it its they
        them their theirs am is are was were be been being do does did doing done have has had having will would shall should
        can could may might must ought to of in on at by for with from into onto as and or but so if then than too very just
        also please hi hello thanks thank there here about up out some any such own same s m re ve ll d t am pm im ive id""",
    )
)
_VOWEL = re.compile("[aeiouy]")


class Words:
    """What one normalised text says, as words.

    Attributes:
        content: content words in their order, repetitions included, but for numbers; each with the label it stands under
            ("seller: ...") and with "from" where that stands before it, as there an exchange of words changes what is said.
        mark: the numbers in any order, and whether something is denied.
    """

    __slots__ = ("_denied", "_numbers", "content")

    def __init__(self, text: str) -> None:
        self.content: list[str] = []
        self._numbers: list[str] = []
        self._denied = False
        end, label = 0, ""
        for match in _LABEL.finditer(text):
            self._read(label, text[end : match.start()])
            end, label = match.end(), match[1] + ":"
        self._read(label, text[end:])

    @property
    def mark(self) -> str:
        return " ".join([*sorted(self._numbers), "not" if self._denied else ""])

    def _read(self, label: str, text: str) -> None:
        came_from = ""
        for match in _PIECE.finditer(text.replace("\u2019", "'")):
            piece = match.group()
            if match.lastgroup == "han":
                self._denied = self._denied or not _ZH_DENIALS.isdisjoint(piece)
                self.content += [label + pair for pair in _character_pairs(piece)]
            elif match.lastgroup == "number":
                self._numbers.append(label + piece)
            elif piece == "from":
                came_from = "from "
            elif (word := _content_word(piece)) in _EN_DENIALS:
                self._denied = True
            elif word:
                self.content.append(label + came_from + word)
                came_from = ""


def _character_pairs(run: str) -> list[str]:
    run = run.translate(_PARTICLES)
    return [run[place : place + 2] for place in range(len(run) - 1)] if len(run) > 1 else [run] if run else []


@lru_cache(1 << 16)
def _content_word(word: str) -> str:
    """Its stem; empty for a word that says nothing; "not" for a contraction with it."""
    if word.endswith("n't") or word in {"dont", "cant", "wont", "isnt", "doesnt", "didnt", "havent", "hasnt", "wasnt"}:
        return "not"
    word = word.split("'", maxsplit=1)[0]
    return "" if word in _STOP_WORDS else word if word in _EN_DENIALS else stem(word)


def stem(word: str) -> str:
    """A word without the commonest English endings: charge, charges, charged and charging are one."""
    if not word.isascii() or len(word) < 4:
        return word
    if word.endswith(("ies", "ied")):
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) > 2 and _VOWEL.search(rest):
            word = rest[:-1] if rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest
    return word[:-1] if len(word) > 4 and word.endswith("e") else word
