"""Document formats: names, endings and readers of each, and reading one file as one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.read_docx import read_docx
from anytasktune.documents.read_epub import read_epub
from anytasktune.documents.read_html import read_html
from anytasktune.documents.read_pdf import read_pdf
from anytasktune.documents.read_plain import read_csv, read_markdown, read_text
from anytasktune.documents.read_pptx import read_pptx
from anytasktune.documents.read_xlsx import read_xlsx
from anytasktune.documents.skip_reasons import SkippedFileError, broken, empty, encrypted, too_large
from anytasktune.ids import file_hash
from anytasktune.schema.passages import ReadDocument

Container = Literal["a PDF", "a ZIP archive or Office file", "text"]


@dataclass(frozen=True)
class Format:
    """One document format.

    Attributes:
        name: as in `ReadDocument.format`.
        label: as users call it.
        endings: of file names, in lower case.
        container: what the first bytes of such a file show.
        read: the reader; raises SkippedFileError for a file that cannot or must not be read.
        sandboxed: whether files are read in a process of their own, as parsers of this format can crash, hang or swell.
    """

    name: str
    label: str
    endings: tuple[str, ...]
    container: Container
    read: Callable[[Path], DocumentBuilder]
    sandboxed: bool = True


_ALL = (
    Format("pdf", "PDF", (".pdf",), "a PDF", read_pdf),
    Format("docx", "DOCX", (".docx", ".docm"), "a ZIP archive or Office file", read_docx),
    Format("pptx", "PPTX", (".pptx", ".pptm"), "a ZIP archive or Office file", read_pptx),
    Format("xlsx", "XLSX", (".xlsx", ".xlsm"), "a ZIP archive or Office file", read_xlsx),
    Format("epub", "EPUB", (".epub",), "a ZIP archive or Office file", read_epub),
    Format("html", "HTML", (".html", ".htm", ".xhtml"), "text", read_html),
    Format("markdown", "Markdown", (".md", ".markdown"), "text", read_markdown, sandboxed=False),
    Format("text", "TXT", (".txt", ".text"), "text", read_text, sandboxed=False),
    Format("csv", "CSV", (".csv", ".tsv"), "text", read_csv, sandboxed=False),
)
FORMATS = {each.name: each for each in _ALL}
ENDINGS = {ending: each.name for each in _ALL for ending in each.endings}
"""Lower-case ending → name of the format."""
READABLE = ", ".join(each.label for each in _ALL)

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".heic"})
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})
_SAVE_AS = {
    "DOCX": (".doc", ".dot", ".wps", ".rtf", ".odt", ".pages"),
    "XLSX": (".xls", ".et", ".ods", ".numbers"),
    "PPTX": (".ppt", ".dps", ".odp", ".key"),
    "EPUB": (".mobi", ".azw3"),
    "PDF": (".caj", ".ofd"),
}
"""Format to save as → endings of other programs' files."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SIGNATURES = (
    (b"PK\x03\x04", "a ZIP archive or Office file"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (_OLE, "an old Office file"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"7z\xbc\xaf'\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"SQLite format 3\x00", "a database"),
    (b"{\\rtf", "an RTF file"),
)
_HEAD = 1024
"""Bytes within which the signature of a PDF may begin."""
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


def format_by_name(path: Path) -> Format:
    """The format that the ending of `path` stands for.

    Raises:
        SkippedFileError: `unsupported`, with what the file should be saved as.
    """
    ending = path.suffix.lower()
    if ending in ENDINGS:
        return FORMATS[ENDINGS[ending]]
    if ending in _PICTURES:
        raise SkippedFileError(
            "unsupported", "a picture: pictures are not read", "run text recognition on it and give the text"
        )
    if ending in _ARCHIVES:
        raise SkippedFileError("unsupported", "archives are not opened", "unpack it into the folder")
    if target := next((target for target, endings in _SAVE_AS.items() if ending in endings), ""):
        raise SkippedFileError("unsupported", f"{ending} files are not read", f"save it as {target}")
    named = f"{ending} files are" if ending else "a file without an ending is"
    raise SkippedFileError("unsupported", f"{named} not read", f"if it is a document, save it as one of {READABLE}")


def read_file(path: Path, format_name: str, sha256: str = "") -> ReadDocument:
    """Read one file as the format it is said to be. Never raises.

    Args:
        sha256: hash of its bytes, if known.

    Returns:
        Its text, or status `skipped` with the reason; a file that makes its reader fail unexpectedly is `broken`.
    """
    try:
        sha256 = sha256 or file_hash(path)
        _check_signature(path, FORMATS[format_name])
        document = FORMATS[format_name].read(path).record(sha256, format_name)
        if document.text.strip():
            return document
        why = empty()
    except SkippedFileError as error:
        why = error
    except MemoryError:
        why = too_large("reading it takes more memory than a document is given")
    except OSError as error:
        fix = "check that you may read it and that the disk works"
        why = SkippedFileError("unreadable", f"cannot be read: {error.strerror or error}", fix)
    except Exception as error:
        why = broken(f"its content makes no sense ({type(error).__name__})")
    return skipped_document(why, format_name, sha256)


def skipped_document(skipped: SkippedFileError, format_name: str, sha256: str) -> ReadDocument:
    """The record of a file that was not read."""
    return ReadDocument(sha256=sha256, format=format_name, status="skipped", reason=skipped.reason, detail=skipped.detail)


def _check_signature(path: Path, expected: Format) -> None:
    """Refuse a file whose first bytes belong to another format than its name.

    Raises:
        SkippedFileError: `mislabelled`, or `encrypted` for an Office file with a password.
    """
    is_zip = expected.container == "a ZIP archive or Office file"
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        if is_zip and head.startswith(_OLE) and _ENCRYPTED_PACKAGE in stream.read(1 << 22):
            raise encrypted("the file needs a password")
    signed = (name for signature, name in _SIGNATURES if head.startswith(signature))
    seen = "a PDF" if b"%PDF-" in head else next(signed, "text")
    # a PDF without its beginning is left to its reader, which finds it broken
    is_damaged_pdf = seen == "text" and expected.name == "pdf" and (head.startswith(b"%") or not head.strip(b"\x00 \r\n\t"))
    if seen != expected.container and not is_damaged_pdf:
        seen = "text, or nothing known" if seen == "text" and is_zip else seen
        what = f"the name ends in {path.suffix.lower()}, but inside is {seen}"
        raise SkippedFileError("mislabelled", what, "give it the right ending, or save it anew")
