"""What kind of file something is: what its name says and what its first bytes say."""

from pathlib import Path

from anytasktune.documents.refusal import RefusedError, encrypted

ENDINGS = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".epub": "epub",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".csv": "csv",
    ".tsv": "csv",
}
"""Lower-case ending → kind of file."""
READABLE = "PDF, DOCX, PPTX, XLSX, EPUB, HTML, Markdown, TXT, CSV"
PLAIN = frozenset({"markdown", "text", "csv"})
ZIPPED = frozenset({"docx", "pptx", "xlsx", "epub"})

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".heic"})
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})
_SAVE_AS = {".doc": "DOCX", ".dot": "DOCX", ".wps": "DOCX", ".rtf": "DOCX", ".odt": "DOCX", ".pages": "DOCX"} | {
    ".xls": "XLSX",
    ".et": "XLSX",
    ".ods": "XLSX",
    ".numbers": "XLSX",
    ".ppt": "PPTX",
    ".dps": "PPTX",
    ".odp": "PPTX",
    ".key": "PPTX",
    ".mobi": "EPUB",
    ".azw3": "EPUB",
    ".caj": "PDF",
    ".ofd": "PDF",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SEEN = (
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
_PDF_WITHIN = 1024
"""A PDF's mark may stand a little way into the file."""
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


def kind_by_name(path: Path) -> str:
    """The kind of file `path` says it is.

    Raises:
        RefusedError: `unsupported`, with what it should be saved as.
    """
    ending = path.suffix.lower()
    if ending in ENDINGS:
        return ENDINGS[ending]
    if ending in _PICTURES:
        raise RefusedError("unsupported", "a picture: pictures are not read", "run text recognition on it and give the text")
    if ending in _ARCHIVES:
        raise RefusedError("unsupported", "an archive: archives are not opened", "unpack it into the folder")
    if ending in _SAVE_AS:
        raise RefusedError("unsupported", f"{ending} files are not read", f"save it as {_SAVE_AS[ending]}")
    named = f"{ending} files are" if ending else "a file without an ending is"
    raise RefusedError("unsupported", f"{named} not read", f"if it is a document, save it as one of {READABLE}")


def check_content(path: Path, kind: str) -> None:
    """Refuse a file whose first bytes belong to another kind than its name.

    Raises:
        RefusedError: `mislabelled`, or `encrypted` for an Office file with a password.
    """
    with path.open("rb") as stream:
        head = stream.read(_PDF_WITHIN)
        if kind in ZIPPED and head.startswith(_OLE) and _ENCRYPTED_PACKAGE in stream.read(1 << 22):
            raise encrypted("the file needs a password")
    seen = _kind_seen(head)
    expected = {"pdf": "a PDF"}.get(kind, "a ZIP archive or Office file" if kind in ZIPPED else "text")
    if kind in ZIPPED and seen == "text":
        seen = "text, or nothing known"
    if seen != expected and not (seen == "text" and kind == "pdf" and _is_cut_off(head)):
        ending = path.suffix.lower()
        fix = "give it the right ending, or save it anew"
        raise RefusedError("mislabelled", f"the name ends in {ending}, but inside is {seen}", fix)


def _kind_seen(head: bytes) -> str:
    if b"%PDF-" in head:
        return "a PDF"
    return next((name for mark, name in _SEEN if head.startswith(mark)), "text")


def _is_cut_off(head: bytes) -> bool:
    """Whether this may have been a PDF, so that `broken` says more than `mislabelled`."""
    return not head.strip(b"\x00 \r\n\t") or head.startswith(b"%")
