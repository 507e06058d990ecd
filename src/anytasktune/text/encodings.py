"""Which encoding a text file is in. UTF-8 is expected; what Excel and Chinese Windows write is recognised."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from anytasktune.errors import DataError

_BLOCK = 1 << 20
_SAMPLE = 1 << 17
_REPLACEMENT = "\ufffd"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_ASCII = re.compile(r"[\x00-\x7f]+")
_MOSTLY = 0.9


@dataclass(frozen=True)
class Encoding:
    """How to decode a file.

    Attributes:
        codec: Python's name of the encoding.
        damaged: some bytes do not belong to it; they are read as U+FFFD.
        note: what the user should know about it; empty for sound UTF-8.
    """

    codec: str
    damaged: bool = False
    note: str = ""

    def is_damaged(self, text: str) -> bool:
        """Whether `text`, read in this encoding, holds bytes that do not belong to it."""
        return self.damaged and _REPLACEMENT in text


@dataclass(frozen=True)
class _Trial:
    """What a file looks like in some encoding: characters beyond ASCII, and how many of them are what."""

    foreign: int
    broken: int
    everyday_chinese: int

    @property
    def mostly_sound(self) -> bool:
        return self.foreign - self.broken >= _MOSTLY * self.foreign

    @property
    def mostly_chinese(self) -> bool:
        return self.everyday_chinese >= _MOSTLY * self.foreign


def detect_encoding(path: Path) -> Encoding:
    """Find out how `path` is encoded.

    In this order: a byte order mark; UTF-16 without one; UTF-8; UTF-8 with a few damaged bytes; GB18030 (which holds
    GBK and GB2312), if that gives everyday Chinese; what charset-normalizer makes of it.

    Raises:
        DataError: the file is in none of them.
    """
    with path.open("rb") as stream:
        head = stream.read(_SAMPLE)
    marked = _by_first_bytes(head)
    if marked is not None:
        return _required(path, *marked)
    if _decodes(path, "utf-8"):
        return Encoding("utf-8")
    if (trial := _try(path, "utf-8")).mostly_sound:
        return Encoding("utf-8", damaged=True, note=f"{trial.broken} places are not valid UTF-8: the file is damaged there")
    trial = _try(path, "gb18030")
    if trial.mostly_sound and trial.mostly_chinese:
        return Encoding("gb18030", damaged=trial.broken > 0, note="encoding GB18030 (GBK), not UTF-8")
    guess = charset_normalizer.from_bytes(head).best()
    if guess is not None and _decodes(path, guess.encoding):
        return Encoding(guess.encoding, note=f"encoding {guess.encoding} (a guess: check accented letters), not UTF-8")
    raise _unreadable(path, "UTF-8, UTF-16, GB18030 or another known encoding")


def _by_first_bytes(head: bytes) -> tuple[str, str] | None:
    for mark, codec, name in _MARKS:
        if head.startswith(mark):
            return codec, name
    if len(head) < 4 or 0 not in head[:4]:
        return None
    if head[1] == head[3] == 0 and head[0] and head[2]:
        return "utf-16-le", "UTF-16"
    return ("utf-16-be", "UTF-16") if head[0] == head[2] == 0 and head[1] and head[3] else None


def _required(path: Path, codec: str, name: str) -> Encoding:
    note = "" if name == "UTF-8" else f"encoding {name}, not UTF-8"
    if _decodes(path, codec):
        return Encoding(codec, note=note)
    trial = _try(path, codec)
    if not trial.mostly_sound:
        raise _unreadable(path, f"{name}, though it begins like it")
    return Encoding(codec, damaged=True, note=note or f"{trial.broken} places are not valid UTF-8: the file is damaged there")


def _decodes(path: Path, codec: str) -> bool:
    try:
        for _ in _decoded(path, codec, "strict"):
            pass
    except UnicodeError:
        return False
    return True


def _try(path: Path, codec: str) -> _Trial:
    foreign = broken = chinese = 0
    for text in _decoded(path, codec, "replace"):
        beyond = _ASCII.sub("", text)
        foreign += len(beyond)
        broken += beyond.count(_REPLACEMENT)
        chinese += len(beyond.encode("gb2312", "ignore")) // 2
    return _Trial(foreign, broken, chinese)


def _decoded(path: Path, codec: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)(errors)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _unreadable(path: Path, expected: str) -> DataError:
    fix = "save it as UTF-8 (in Excel: Save As → CSV UTF-8) and try again"
    return DataError(f"the text is not {expected}", where=str(path), fix=fix)
