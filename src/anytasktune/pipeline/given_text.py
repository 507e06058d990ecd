"""The text of one input, from a file or from standard input."""

import locale
import sys
from pathlib import Path

from anytasktune.errors import DataError, disk_error
from anytasktune.text.encodings import detect_encoding


def text_of_file(path: Path, encoding_name: str | None = None) -> str:
    """The text of a file.

    Args:
        encoding_name: its encoding; detected unless given.

    Raises:
        DataError: it is in no known encoding, or not in the given one.
        StoreError: it cannot be read.
    """
    try:
        encoding = detect_encoding(path, encoding_name)
        return path.read_bytes().decode(encoding.codec, "replace" if encoding.damaged else "strict")
    except OSError as error:
        raise disk_error(error, "cannot be read", path) from None


def text_of_standard_input() -> str:
    """All of standard input, in UTF-8 or else in the encoding of this system."""
    content = sys.stdin.buffer.read()
    for codec in ("utf-8-sig", locale.getpreferredencoding(False)):
        try:
            return content.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
    raise DataError("the text is not UTF-8", where="standard input", fix="save it as a file and name that with --file")
