"""Texts that say the same in nearly the same words, in whatever order: Jaccard similarity of their content words.

This sees a text whose clauses were put in another order, and whose endings, small words or a word or two were changed. It does
not see synonyms ("car", "vehicle"), nor who did what to whom, as order says nothing. Texts with different numbers, or of which
only one denies something, are never the same.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from anytasktune.similarity.near_duplicates import group_by_sets, match_by_sets
from anytasktune.similarity.shingles import Hashes, HashSets, Positions
from anytasktune.text.scripts import HAN

FEWEST_WORDS = 5
"""Different content words (a pair of Chinese characters is one) below which texts say the same only when they are equal."""
SAME_WORDS = 0.9
"""Recommended Jaccard similarity; see `benchmarks/results`."""

_LABEL = r"(?P<label>(?<!\S)(?=[^\s:]*[^\s:\d.])[^\s:]{1,12}:(?!//))"
_NUMBER = r"(?P<number>\d+(?:[.,:/-]\d+)*%?)"
_PIECE = re.compile(rf"{_LABEL}|(?P<han>[{HAN}]+)|{_NUMBER}|(?P<word>[^\W\d{HAN}_]+(?:['’][^\W\d{HAN}_]+)?)")
_ZH_PARTICLES = str.maketrans("", "", "的了吗呢吧啊呀嘛哦嗯哈请您")
_ZH_DENIALS = frozenset("不没无未勿莫")
_EN_DENIALS = frozenset(
    re.findall(
        r"\w+",
        """not no never none without nothing nobody cannot neither nor dont cant wont isnt doesnt didnt havent hasnt wasnt""",
    )
)
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an the this that these those i me my mine myself we us our ours you your yours he him his she her hers it its they
        them their theirs am is are was were be been being do does did doing done have has had having will would shall should
        can could may might must ought to of in on at by for with into onto as and or but so if then than too very just also
        please hi hello thanks thank there here about up out some any such own same s m re ve ll d t am pm im ive id""",
    )
)
_VOWEL = re.compile("[aeiouy]")


def group_lexical(texts: Sequence[str], threshold: float = SAME_WORDS) -> list[int]:
    """`group_similar` by content words; texts of fewer than `FEWEST_WORDS` of them belong together only when they are equal."""
    return group_by_sets(texts, threshold, _word_sets)


def match_lexical(texts: Sequence[str], references: Sequence[str], threshold: float = SAME_WORDS) -> list[int | None]:
    """`match_similar` by content words."""
    return match_by_sets(texts, references, threshold, _word_sets)


class _WordSets:
    """The hashes of the content words of texts, kept."""

    def __init__(self, sets: Sequence[Hashes]) -> None:
        self.sizes: Positions = np.array([len(members) for members in sets], dtype=np.intp)
        self._hashes = np.concatenate([*sets, np.zeros(0, dtype=np.uint64)])
        self._starts = np.cumsum(self.sizes) - self.sizes

    def take(self, places: Positions) -> Hashes:
        counts = self.sizes[places]
        return self._hashes[np.arange(int(counts.sum())) + np.repeat(self._starts[places] - np.cumsum(counts) + counts, counts)]


def _word_sets(texts: Sequence[str]) -> tuple[Positions, HashSets]:
    """Of normalised texts; the hashes of texts with different marks differ, so that such texts share none."""
    hashes = _WordHashes()
    places, sets = [], []
    for place, text in enumerate(texts):
        words, mark = content_words(text)
        if len(words) >= FEWEST_WORDS:
            places.append(place)
            sets.append(np.array([hashes[word] for word in words], dtype=np.uint64) ^ np.uint64(hashes[mark]))
    return np.array(places, dtype=np.intp), _WordSets(sets)


class _WordHashes(dict[str, int]):
    """The hash of a word, worked out when it is first met."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = int.from_bytes(digest, "little")
        return self[word]


def content_words(text: str) -> tuple[set[str], str]:
    """The words of a normalised text that carry what it says, and a mark: its numbers, and whether something is denied.

    English words without their endings, pairs of Chinese characters; each with the label it stands under ("seller: ...") and
    with "from" where that stands before it, as there an exchange of words changes what is said.
    """
    words: set[str] = set()
    numbers: list[str] = []
    denied, label, before = False, "", ""
    for match in _PIECE.finditer(text):
        piece = match.group()
        if match.lastgroup == "label":
            label = piece
        elif match.lastgroup == "number":
            numbers.append(label + piece)
        elif match.lastgroup == "han":
            denied = denied or not _ZH_DENIALS.isdisjoint(piece)
            run = piece.translate(_ZH_PARTICLES)
            words.update(label + run[place : place + 2] for place in range(max(1, len(run) - 1)) if run)
        elif piece == "from":
            before = "from "
        elif (word := _content_word(piece)) == "not":
            denied = True
        elif word:
            words.add(label + before + word)
            before = ""
    return words, " ".join([*sorted(numbers), "not" if denied else ""])


@lru_cache(1 << 16)
def _content_word(word: str) -> str:
    """A word without the commonest English endings (charge, charges, charged and charging are one); empty for a stop word;
    "not" for a denial."""
    word, _, ending = word.replace("’", "'").partition("'")
    if word in _EN_DENIALS or (ending == "t" and word.endswith("n")):
        return "not"
    if word in _STOP_WORDS:
        return ""
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
