"""One file to a record of its text, or of why it was not read. Never an exception."""

from collections.abc import Callable
from pathlib import Path

from anytasktune.documents.file_kinds import check_content
from anytasktune.documents.read_docx import read_docx
from anytasktune.documents.read_epub import read_epub
from anytasktune.documents.read_html import read_html
from anytasktune.documents.read_plain import read_csv, read_markdown, read_text
from anytasktune.documents.read_pptx import read_pptx
from anytasktune.documents.read_xlsx import read_xlsx
from anytasktune.documents.refusal import RefusedError, broken, too_large
from anytasktune.ids import file_hash
from anytasktune.schema.passages import ReadDocument

Reader = Callable[[Path, str], ReadDocument]


def read_file(path: Path, kind: str, sha256: str | None = None) -> ReadDocument:
    """Read one file as the kind it is said to be.

    Args:
        sha256: of its bytes, if known.

    Returns:
        Its text, or status `left_out` with the reason. A file that makes a reader fail in a way nobody thought of is `broken`.
    """
    digest = sha256 or ""
    try:
        digest = digest or file_hash(path)
        check_content(path, kind)
        document = _reader(kind)(path, digest)
        if not document.text.strip():
            raise RefusedError("empty", "no text is in it", "leave it out")
        return document
    except RefusedError as refusal:
        return left_out(refusal, kind, digest)
    except MemoryError:
        return left_out(too_large("reading it takes more memory than a document is given"), kind, digest)
    except OSError as error:
        fix = "check that you may read it and that the disk works"
        return left_out(RefusedError("unreadable", f"cannot be read: {error.strerror or error}", fix), kind, digest)
    except Exception as error:
        return left_out(broken(f"it cannot be made sense of ({type(error).__name__})"), kind, digest)


def left_out(refusal: RefusedError, kind: str, sha256: str) -> ReadDocument:
    """The record of a file that was not read."""
    return ReadDocument(sha256=sha256, format=kind, status="left_out", reason=refusal.reason, detail=refusal.detail)


def _reader(kind: str) -> Reader:
    if kind == "pdf":
        from anytasktune.documents.read_pdf import read_pdf  # noqa: PLC0415

        return read_pdf
    return _READERS[kind]


_READERS: dict[str, Reader] = {
    "text": read_text,
    "markdown": read_markdown,
    "csv": read_csv,
    "html": read_html,
    "docx": read_docx,
    "pptx": read_pptx,
    "xlsx": read_xlsx,
    "epub": read_epub,
}
