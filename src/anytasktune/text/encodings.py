"""Which encoding a text file is in. UTF-8 is expected; what Excel and Chinese Windows write is recognised."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import ConfigError, DataError, counted
from anytasktune.text.legacy_encodings import foreign_lines, guesses
from anytasktune.text.plain_text import shorten

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
_SHOWN = 70


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


def detect_encoding(path: Path, given: str | None = None) -> Encoding:
    """Find out how `path` is encoded; `given`, a name the user chose, is only checked.

    In this order: a byte order mark; UTF-16 without one; UTF-8; UTF-8 with a few damaged bytes; the encoding before UTF-8
    in which the text is most plausible (`legacy_encodings`), with a decoded line in the note so that a wrong guess is seen.

    Raises:
        DataError: the file is in none of them, or not in the given one.
        ConfigError: there is no encoding of the given name.
    """
    if given is not None:
        return _given_encoding(path, given)
    with path.open("rb") as stream:
        head = stream.read(_SAMPLE)
    marked = _by_first_bytes(head)
    if marked is not None:
        return _required(path, *marked)
    if _decodes(path, "utf-8"):
        return Encoding("utf-8")
    if (broken := _broken_places(path, "utf-8")) is not None:
        return Encoding("utf-8", damaged=True, note=f"not valid UTF-8 in {counted(broken, 'place')}: the file is damaged there")
    with path.open("rb") as stream:
        sample = foreign_lines(stream, _SAMPLE)
    for guess in guesses(sample):
        broken = 0 if _decodes(path, guess.codec) else _broken_places(path, guess.codec)
        if broken is not None:
            line = shorten(next(iter(sample.decode(guess.codec, "replace").splitlines()), ""), _SHOWN)
            note = f"encoding {guess.name}, not UTF-8 (a guess; a line reads {line!r}; name another with --encoding)"
            return Encoding(guess.codec, damaged=broken > 0, note=note)
    raise _unreadable(path, "UTF-8, UTF-16, GB18030, windows-1252 or another encoding it is plausible in")


def _given_encoding(path: Path, given: str) -> Encoding:
    try:
        codec = codecs.lookup(given)
        "a".encode(given)  # `hex`, `zip` and the like are codecs, but of bytes; `undefined` fails on everything
    except (LookupError, ValueError):
        fix = "usual ones: utf-8, utf-16, gb18030, big5, cp1252 (Western Windows), cp1250, cp1251, shift_jis, euc_kr"
        raise ConfigError(f"there is no encoding {given!r}", where="--encoding", fix=fix) from None
    if not _decodes(path, codec.name):
        broken = _broken_places(path, codec.name)
        if broken is None:
            raise _unreadable(path, given)
        return Encoding(codec.name, damaged=True, note=f"not valid {given} in {counted(broken, 'place')}")
    return Encoding("utf-8-sig" if codec.name == "utf-8" else codec.name)


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
    broken = _broken_places(path, codec)
    if broken is None:
        raise _unreadable(path, f"{name}, though it begins like it")
    return Encoding(
        codec, damaged=True, note=note or f"not valid UTF-8 in {counted(broken, 'place')}: the file is damaged there"
    )


def _decodes(path: Path, codec: str) -> bool:
    try:
        for _ in _decoded(path, codec, "strict"):
            pass
    except UnicodeError:
        return False
    return True


def _broken_places(path: Path, codec: str) -> int | None:
    """Count the characters of a file that cannot be decoded; None if they are more than a few of those beyond ASCII."""
    foreign = broken = 0
    try:
        for text in _decoded(path, codec, "replace"):
            beyond = _ASCII.sub("", text)
            foreign += len(beyond)
            broken += beyond.count(_REPLACEMENT)
    except UnicodeError:  # UTF-16 without a byte order mark, Punycode: nothing to put a replacement for
        return None
    return broken if foreign - broken >= _MOSTLY * foreign else None


def _decoded(path: Path, codec: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)(errors)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _unreadable(path: Path, expected: str) -> DataError:
    fix = "name it with --encoding, or save the file as UTF-8 (in Excel: Save As → CSV UTF-8)"
    return DataError(f"the text is not {expected}", where=str(path), fix=fix)
