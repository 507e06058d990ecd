"""ZIP containers with XML parts (DOCX, PPTX, XLSX, EPUB), checked before anything is unpacked.

Sizes, compression ratios and part names are bounded. XML may declare no entities and nests to a bounded depth; nothing outside
the file is fetched.
"""

import contextlib
import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol
from xml.etree import ElementTree
from xml.parsers import expat

from anytasktune.documents.skip_reasons import broken, encrypted, too_large, unsafe

MOST_PARTS = 20_000
MOST_UNPACKED = 500 * 2**20
"""Bytes of all parts together."""
MOST_READ = 200 * 2**20
"""Bytes of one part that is read. Pictures and films are never unpacked."""
MOST_RATIO = 200
"""Text compresses about ten to one; a large part beyond this ratio is a ZIP bomb."""
MOST_DEPTH = 500
"""Nested XML elements."""
_SMALL = 2**20
_BLOCK = 1 << 16
_COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_MULTI_BYTE = re.compile(
    rb"""(<\?xml\s[^>?]{0,80}?encoding\s*=\s*)["'](gb2312|gbk|gb18030|big5|shift_jis|euc-(?:jp|kr))["']""", re.IGNORECASE
)
_DRIVE = re.compile(r"^[A-Za-z]:")


class XmlHandler(Protocol):
    """Receives the events of an XML part in document order. Names come without their namespaces."""

    def start(self, name: str, attributes: dict[str, str], /) -> object:
        """An element begins. Attributes keep their namespace as `uri}name` where they have one."""

    def data(self, text: str, /) -> object:
        """Some of its text; more may follow."""

    def end(self, name: str, /) -> object:
        """It ends."""


class Relation(NamedTuple):
    """Reference of one part to another: its kind, and the name of the other part."""

    kind: str
    part: str


class Container:
    """The parts of a checked ZIP container, by name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MOST_UNPACKED
        self._names = set(archive.namelist())

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def names(self) -> set[str]:
        """Names of all parts."""
        return self._names

    def read(self, name: str) -> bytes:
        """The content of a part.

        Raises:
            SkippedFileError: there is no such part, it is damaged, or it is larger than it says.
        """
        if name not in self._names:
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

    def tree(self, name: str) -> ElementTree.Element:
        """A small XML part as a tree of elements; raises as `read` and `parse_xml` do."""
        builder = ElementTree.TreeBuilder()
        parse_xml(self.read(name), builder)
        return builder.close()

    def relations(self, name: str) -> dict[str, Relation]:
        """References of an Office part to other parts of the file, by id."""
        folder, _, file = name.rpartition("/")
        listed = posixpath.join(folder, "_rels", f"{file}.rels")
        found = {}
        for relation in self.tree(listed) if listed in self else ():
            target = relation.get("Target", "")
            if relation.get("TargetMode") != "External" and target:
                part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
                found[relation.get("Id", "")] = Relation(relation.get("Type", "").rpartition("/")[2], part)
        return found

    def main_part(self, usual: str) -> str:
        """The part an Office file's content begins in: the one its relations name, else the `usual` one."""
        named = (part for kind, part in self.relations("").values() if kind == "officeDocument")
        return next((part for part in named if part in self), usual)

    def title(self) -> str:
        """The title among an Office file's properties; empty if there is none."""
        found = self.tree("docProps/core.xml").find("title") if "docProps/core.xml" in self else None
        return (found.text or "").strip() if found is not None else ""


@contextlib.contextmanager
def open_container(path: Path) -> Iterator[Container]:
    """Open a ZIP container.

    Raises:
        SkippedFileError: it is damaged, encrypted, or built like an attack.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise broken(f"not a whole ZIP container ({error})") from None
    with archive:
        _check_directory(archive.infolist())
        yield Container(archive)


def parse_xml(content: bytes, handler: XmlHandler) -> None:
    """Send the events of an XML document to `handler`, without holding it as a tree.

    A document type may be named, as old e-books do; its definition is not fetched, and entities it would define are left out.

    Raises:
        SkippedFileError: `unsafe` for declarations within the document or absurd nesting, `broken` for malformed XML.
    """
    content = _as_known_encoding(content)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise unsafe(f"its XML is nested more than {MOST_DEPTH} deep")
        handler.start(local_name(name), attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end(local_name(name))

    def refuse(*_: object) -> NoReturn:
        raise unsafe("its XML declares entities or elements of its own, which such files never need")

    def check_doctype(_name: str, _system: str | None, _public: str | None, has_internal_subset: bool) -> None:
        if has_internal_subset:
            refuse()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = handler.data
    parser.StartDoctypeDeclHandler, parser.EntityDeclHandler = check_doctype, refuse
    try:
        for place in range(0, len(content), _BLOCK):
            parser.Parse(content[place : place + _BLOCK], False)
        parser.Parse(b"", True)
    except (expat.ExpatError, UnicodeError, LookupError) as error:
        raise broken(f"a part of it is malformed XML ({error})") from None


def _as_known_encoding(content: bytes) -> bytes:
    """The same in UTF-8 where it declares a multi-byte encoding, such as GBK, that the XML parser does not know."""
    declared = _MULTI_BYTE.match(content)
    if declared is None:
        return content
    text = content.decode(declared[2].decode("ascii"), "replace")
    return text.replace(declared[0].decode("ascii"), declared[1].decode("ascii") + '"utf-8"', 1).encode()


def local_name(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]


def attribute(attributes: Mapping[str, str], name: str) -> str:
    """An attribute of any namespace, preferably of none; empty if there is none."""
    if name in attributes:
        return attributes[name]
    return next((value for key, value in attributes.items() if local_name(key) == name), "")


def relation_id(element: ElementTree.Element) -> str:
    """The id of the relation that an element of an Office file refers to; empty if it refers to none."""
    return next((value for name, value in element.attrib.items() if name.endswith("relationships}id")), "")


def _check_directory(parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > MOST_PARTS:
        raise unsafe(f"it has {len(parts):,} parts")
    if len({part.filename for part in parts}) < len(parts):
        raise unsafe("two of its parts have the same name")
    for part in parts:
        name = part.filename
        if name.startswith("/") or "\\" in name or _DRIVE.match(name) or ".." in name.split("/"):
            raise unsafe(f"a part's name leads out of the file: {name!r}")
        if part.flag_bits & 0x1:
            raise encrypted("its parts need a password")
        if _is_bomb(part.file_size, part.compress_size):
            raise unsafe(f"a ZIP bomb: its part {name} would unpack {part.compress_size:,} bytes to {part.file_size:,}")
        if part.compress_type not in _COMPRESSIONS:
            raise unsafe(f"its part {name} is compressed by a method that such files do not use")
    unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if unpacked > MOST_UNPACKED or _is_bomb(unpacked, packed):
        raise unsafe(f"a ZIP bomb: {packed:,} bytes would unpack to {unpacked:,}")


def _is_bomb(unpacked: int, packed: int) -> bool:
    return unpacked > _SMALL and unpacked > MOST_RATIO * max(1, packed)
