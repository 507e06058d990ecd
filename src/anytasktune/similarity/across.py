"""Whether a Chinese text is a translation of an English one, or the other way round, without a model.

Compared is what translation leaves recognisable: numbers, amounts, dates and times in whatever notation, Latin names, addresses
and abbreviations that stay as they are, and terms of a small glossary. Each counts by how rare it is among the given texts; two
texts are as near as the cosine of what they name. Short texts and those that name little that is recognisable cannot be told
and give no match.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anytasktune.similarity.glossary import concepts
from anytasktune.similarity.numerals import quantities

TRANSLATION = 0.5
"""Recommended cosine of what two texts in different languages name."""
SAME_VECTOR = 0.85
"""The same for vectors of a multilingual embedding model; models differ, so try it on pairs you know."""
FEWEST_SIGNS = 4
"""Signs below which a text cannot be told from others."""
FEWEST_SHARED = 3
"""Signs two texts must share."""

_HAN = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_HAN_SHARE = 0.3
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_JSON_NOTATION = re.compile(r'"\w+"\s*:|\b(?:null|true|false)\b', re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9&+#.-]*[A-Za-z0-9+#]", re.ASCII)
_ADDRESS_SURE, _NAME_SURE, _CONCEPT_SURE, _SMALL_NUMBER = 1.5, 1.3, 0.8, 0.7
_SMALL = frozenset(f"={value}" for value in range(11))
_LATIN = "a"
_LEAST = 0.5
_ROUNDING = 1e-9


def language_of(text: str) -> str:
    """ "zh" where at least three tenths of the words are Chinese characters, else "en"."""
    han = len(_HAN.findall(text))
    return "zh" if han and han >= _HAN_SHARE * (han + len(_LATIN_WORD.findall(text))) else "en"


def match_across_languages(
    texts: Sequence[str],
    references: Sequence[str],
    threshold: float | None = None,
    vectors: tuple[ArrayLike, ArrayLike] | None = None,
) -> list[int | None]:
    """For each text the position of the nearest reference in the other language that says the same, else None.

    Without vectors, somewhat under two thirds of the translated rows of ten to sixty words are recognised, and about one row in
    two hundred is taken for a translation of another (`benchmarks/results`).

    Args:
        texts: English or Chinese texts.
        references: the same.
        threshold: cosine from which two texts say the same; by default `TRANSLATION`, or `SAME_VECTOR` for vectors.
        vectors: of the texts and of the references, one row each, from a multilingual embedding model. With them, signs are
            not asked, and recall is that of the model.
    """
    languages = [[language_of(text) for text in some] for some in (texts, references)]
    crossing = _Crossing(*(np.array([language == "zh" for language in some], dtype=np.bool_) for some in languages))
    if vectors is not None:
        return _by_vectors(crossing, vectors, SAME_VECTOR if threshold is None else threshold)
    if not crossing.possible:
        return [None] * len(texts)
    signs = [
        [_signs(text, language) for text, language in zip(*some, strict=True)]
        for some in zip((texts, references), languages, strict=True)
    ]
    return _by_signs(crossing, signs[0], signs[1], TRANSLATION if threshold is None else threshold)


@dataclass(frozen=True)
class _Crossing:
    """Which texts and which references are Chinese."""

    texts: NDArray[np.bool_]
    references: NDArray[np.bool_]

    @property
    def possible(self) -> bool:
        """Whether some text has a reference in the other language."""
        return bool((self.texts.any() and not self.references.all()) or (self.references.any() and not self.texts.all()))

    def nearest(self, place: int, cosines: NDArray[np.float64], threshold: float) -> int | None:
        """The first of the nearest references in the other language, if it is near enough."""
        crossing = np.where(self.references != self.texts[place], cosines, -1.0)
        best = int(crossing.argmax())
        return best if crossing[best] >= threshold - _ROUNDING else None


def _by_vectors(crossing: _Crossing, vectors: tuple[ArrayLike, ArrayLike], threshold: float) -> list[int | None]:
    ours, theirs = (np.asarray(some, dtype=np.float64) for some in vectors)
    if len(ours) != len(crossing.texts) or len(theirs) != len(crossing.references):
        raise ValueError("vectors need one row per text")
    if not len(ours) or not len(theirs):
        return [None] * len(ours)
    ours, theirs = (some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), _ROUNDING) for some in (ours, theirs))
    return [crossing.nearest(place, theirs @ vector, threshold) for place, vector in enumerate(ours)]


def _by_signs(
    crossing: _Crossing, texts: Sequence[dict[str, float]], references: Sequence[dict[str, float]], threshold: float
) -> list[int | None]:
    everything = [*texts, *references]
    chinese = np.concatenate([crossing.texts, crossing.references])
    foreign = {
        sign for signs, is_chinese in zip(everything, chinese, strict=True) if is_chinese for sign in signs if sign[0] == _LATIN
    }
    frequency = Counter(sign for signs in everything for sign in signs)
    rarity = {sign: math.log((1 + len(everything)) / (1 + times)) + _LEAST for sign, times in frequency.items()}

    def weighted(signs: dict[str, float]) -> dict[str, float]:
        found = {sign: sure * rarity[sign] for sign, sure in signs.items() if sign[0] != _LATIN or sign in foreign}
        length = math.sqrt(sum(weight**2 for weight in found.values()))
        return {sign: weight / length for sign, weight in found.items()} if len(found) >= FEWEST_SIGNS else {}

    index = _Index([weighted(signs) for signs in references])
    return [
        crossing.nearest(place, index.cosines(weighted(signs)), threshold) if references else None
        for place, signs in enumerate(texts)
    ]


class _Index:
    """Where signs stand in the references."""

    def __init__(self, references: Sequence[dict[str, float]]) -> None:
        self.count = len(references)
        found: dict[str, tuple[list[int], list[float]]] = {}
        for place, signs in enumerate(references):
            for sign, weight in signs.items():
                places, weights = found.setdefault(sign, ([], []))
                places.append(place)
                weights.append(weight)
        self._places = {sign: (np.array(places), np.array(weights)) for sign, (places, weights) in found.items()}

    def cosines(self, signs: dict[str, float]) -> NDArray[np.float64]:
        """With every reference; 0 where fewer than `FEWEST_SHARED` signs are shared."""
        shared = [(*self._places[sign], weight) for sign, weight in signs.items() if sign in self._places]
        if not shared:
            return np.zeros(self.count)
        places = np.concatenate([places for places, _, _ in shared])
        products = np.concatenate([weights * weight for _, weights, weight in shared])
        cosines: NDArray[np.float64] = np.bincount(places, weights=products, minlength=self.count).astype(np.float64)
        cosines[np.bincount(places, minlength=self.count) < FEWEST_SHARED] = 0
        return cosines


def _signs(text: str, language: str) -> dict[str, float]:
    """What a text names that a translation names, too, each with how sure that is. The first letter says what it is."""
    plain = unicodedata.normalize("NFKC", text)
    addresses = _ADDRESS.findall(plain)
    plain = _JSON_NOTATION.sub(" ", _ADDRESS.sub(" ", plain))
    signs = {f"@{address.lower()}": _ADDRESS_SURE for address in addresses}
    for quantity in quantities(plain, language):
        signs[quantity] = _SMALL_NUMBER if quantity in _SMALL else 1.0
    signs |= {_LATIN + name.lower(): _NAME_SURE for name in _NAME.findall(plain)}
    return signs | {f"#{entry}": sure * _CONCEPT_SURE for entry, sure in concepts(plain.casefold(), language).items()}
