"""Records of documents: the text and the account of each file, and the passages cut from it."""

from typing import Literal

from pydantic import Field

from anytasktune.ids import content_id
from anytasktune.records import Artifact, Language, Record
from anytasktune.settings import DocumentsConfig


class Span(Record):
    """Some characters of a document's text."""

    document: str
    """Its path below the documents folder, with forward slashes."""
    start: int = Field(ge=0)
    """First character, in the document's text as it was read."""
    end: int = Field(ge=0)
    """One past the last."""


class Passage(Record):
    """A stretch of a document that can be read by itself. `text` is exactly what stands at `span`."""

    span: Span
    text: str = Field(min_length=1)
    language: Language | None = None
    """None: neither English nor Chinese, or too short to tell."""
    page: int | None = None
    """1-based, where the format has pages, slides or sheets."""
    heading: tuple[str, ...] = ()
    """The headings above it, the outermost first."""

    @property
    def id(self) -> str:
        """Hash of the text and its place."""
        return content_id([self.span.document, self.span.start, self.text])


class DocumentInfo(Record):
    """The account of one file: `read` files gave passages, `skipped` ones did not."""

    document: str
    sha256: str
    bytes: int
    format: str = ""
    """The file's kind, e.g. `pdf`."""
    status: Literal["read", "skipped"] = "read"
    reason: str = ""
    """Why it was skipped: a short snake_case name such as `encrypted`, `scanned`, `broken`, `too_large`, `unsafe`, `empty`,
    `unsupported`, `duplicate`."""
    detail: str = ""
    """In words, for a person: what is wrong and what to do."""
    language: Language | None = None
    title: str = ""
    characters: int = 0
    pages: int | None = None
    passages: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)
    """Passages that were not kept, by reason (`near_duplicate`, `too_short`, `contents`)."""


class Heading(Record):
    """A heading in a document's text."""

    start: int = Field(ge=0)
    """First character of the line it stands in."""
    end: int = Field(ge=0)
    """One past its last."""
    level: int = Field(ge=1)
    """1: outermost. Only more or less matters, not how much."""
    title: str


class ReadDocument(Artifact):
    """The text of one file; the same for the same bytes, so that it can be cached under their hash."""

    sha256: str
    format: str
    status: Literal["read", "skipped"] = "read"
    reason: str = ""
    """As in `DocumentInfo`."""
    detail: str = ""
    """In words, for a person; of a file that was read, notes on its text."""
    text: str = ""
    title: str = ""
    pages: list[int] = Field(default_factory=list)
    """Start of each page, slide or sheet in `text`; empty for formats without."""
    headings: list[Heading] = Field(default_factory=list)
    """In the order of the text."""


class PassageSet(Artifact):
    """Manifest of the passages of a folder of documents; beside it lies `passages.jsonl`."""

    id: str
    folder: str
    """Its path below the project; of a folder elsewhere only its name."""
    documents: list[DocumentInfo]
    passages: int
    sha256: str
    """Hash of the passages' JSONL file."""
    config: DocumentsConfig
    code_version: str
