"""A heap of texts like those of a large data set: fresh ones, near copies, large clusters, and forms filled in."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

COPIES, IN_CLUSTERS, ON_FORMS = 0.10, 0.03, 0.05
_CLUSTERS, _FORMS = 5, 20
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+|(?<=[。？！])|\n")
_HAN = re.compile("[\u4e00-\u9fff]")
_INSERTED = ("very ", "请问", "the ", "！")
_LETTERS = "abcdefgh的一是在不了"


@dataclass
class Heap:
    """Texts, and for some of them which earlier text they are a near copy of."""

    texts: list[str] = field(default_factory=list)
    copies: dict[int, int] = field(default_factory=dict)


def heap_of(sources: Sequence[str], count: int, seed: int = 0) -> Heap:
    """`count` texts of 50 to 400 characters, half English, half Chinese (those are shorter), of pieces of real sentences.

    A tenth are copies of earlier ones with up to one edit per 25 characters; three in a hundred belong to five clusters of such
    copies; five in a hundred begin with one of twenty forms.
    """
    rng = random.Random(seed)
    sentences = sorted({part.strip() for source in sources for part in _SENTENCE_END.split(source) if len(part) >= 10})
    maker = _Maker(
        rng, [part for part in sentences if not _HAN.search(part)], [part for part in sentences if _HAN.search(part)]
    )
    clusters, forms = ([maker.fresh() for _ in range(size)] for size in (_CLUSTERS, _FORMS))
    heap = Heap()
    while len(heap.texts) < count:
        kind = rng.random()
        if kind < COPIES and heap.texts:
            origin = rng.randrange(len(heap.texts))
            heap.copies[len(heap.texts)] = origin
            heap.texts.append(maker.copy(heap.texts[origin]))
        elif kind < COPIES + IN_CLUSTERS:
            heap.texts.append(maker.copy(rng.choice(clusters)))
        elif kind < COPIES + IN_CLUSTERS + ON_FORMS:
            form = forms[min(int(rng.expovariate(0.3)), _FORMS - 1)]
            heap.texts.append(f"{form} {maker.fresh()}"[:400])
        else:
            heap.texts.append(maker.fresh())
    return heap


class _Maker:
    def __init__(self, rng: random.Random, english: Sequence[str], chinese: Sequence[str]) -> None:
        self.rng = rng
        self.english = [sentence.split() for sentence in english]
        self.chinese = list(chinese)

    def fresh(self) -> str:
        """Stretches of two to seven words, or three to thirteen characters, of random sentences."""
        length = self.rng.randint(50, 400)
        in_english = self.rng.random() < 0.5 if self.english and self.chinese else bool(self.english)
        text = ""
        while len(text) < (length if in_english else max(50, length // 2)):
            text += f"{self._words()} " if in_english else self._characters()
        return text[:length].strip()

    def _words(self) -> str:
        words = self.rng.choice(self.english)
        start = self.rng.randrange(len(words))
        return " ".join(words[start : start + self.rng.randint(2, 7)])

    def _characters(self) -> str:
        sentence = self.rng.choice(self.chinese)
        start = self.rng.randrange(len(sentence))
        return sentence[start : start + self.rng.randint(3, 13)]

    def copy(self, text: str) -> str:
        """`text` with characters replaced, left out or put in."""
        letters = list(text)
        for _ in range(self.rng.randint(1, max(1, len(letters) // 25))):
            place, kind = self.rng.randrange(max(1, len(letters))), self.rng.random()
            if kind < 0.4:
                letters[place : place + 1] = self.rng.choice(_LETTERS)
            elif kind < 0.7:
                del letters[place : place + self.rng.randint(1, 4)]
            else:
                letters[place:place] = self.rng.choice(_INSERTED)
        return "".join(letters)
