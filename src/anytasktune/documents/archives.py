"""ZIP containers (DOCX, PPTX, XLSX, EPUB): sizes, ratios and names are checked before anything is unpacked."""

import contextlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from anytasktune.documents.refusal import broken, encrypted, too_large, unsafe

MOST_PARTS = 20_000
MOST_UNPACKED = 500 * 2**20
"""Bytes of all parts together."""
MOST_READ = 200 * 2**20
"""Bytes of one part that is read. Pictures and films within are never unpacked."""
MOST_RATIO = 200
"""Text packs ten to one; beyond this, and large, it is a bomb."""
_SMALL = 2**20
_BLOCK = 1 << 16
_PACKED_WAYS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_DRIVE = re.compile(r"^[A-Za-z]:")


class Parts:
    """The parts of a checked ZIP container, by name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MOST_UNPACKED
        self.names = archive.namelist()
        self._known = set(self.names)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def read(self, name: str) -> bytes:
        """The content of a part.

        Raises:
            RefusedError: there is no such part, it is damaged, or it is larger than it says.
        """
        if name not in self._known:
            raise broken(f"a part of it is missing: {name}")
        content = io.BytesIO()
        try:
            with self._archive.open(name) as stream:
                while block := stream.read(_BLOCK):
                    self._left -= len(block)
                    if self._left < 0 or content.tell() + len(block) > MOST_READ:
                        raise too_large(f"its part {name} unpacks to more than is read of a document")
                    content.write(block)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise broken(f"its part {name} is damaged ({error})") from None
        return content.getvalue()


@contextlib.contextmanager
def open_parts(path: Path) -> Iterator[Parts]:
    """Open a ZIP container.

    Raises:
        RefusedError: it is damaged, encrypted, or made to do harm.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise broken(f"not a whole ZIP container ({error})") from None
    with archive:
        _check(archive.infolist())
        yield Parts(archive)


def _check(parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > MOST_PARTS:
        raise unsafe(f"it has {len(parts):,} parts")
    if len({part.filename for part in parts}) < len(parts):
        raise unsafe("two of its parts have the same name")
    for part in parts:
        _check_part(part)
    unpacked, packed = (
        sum(sizes) for sizes in zip(*[(part.file_size, part.compress_size) for part in parts] or [(0, 0)], strict=True)
    )
    if unpacked > MOST_UNPACKED or _is_bomb(unpacked, packed):
        raise unsafe(f"a ZIP bomb: {packed:,} bytes would unpack to {unpacked:,}")


def _check_part(part: zipfile.ZipInfo) -> None:
    name = part.filename
    if name.startswith("/") or "\\" in name or _DRIVE.match(name) or ".." in name.split("/"):
        raise unsafe(f"a part's name leads out of the file: {name!r}")
    if part.flag_bits & 0x1:
        raise encrypted("its parts need a password")
    if _is_bomb(part.file_size, part.compress_size):
        raise unsafe(f"a ZIP bomb: its part {name} would unpack {part.compress_size:,} bytes to {part.file_size:,}")
    if part.compress_type not in _PACKED_WAYS:
        raise unsafe(f"its part {name} is packed in a way that such files do not use")


def _is_bomb(unpacked: int, packed: int) -> bool:
    return unpacked > _SMALL and unpacked > MOST_RATIO * max(1, packed)
