"""A folder of documents to passages, with the fate of every file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anytasktune.documents.chunking import CONTENTS, TOO_SHORT, Cut, cut
from anytasktune.documents.file_kinds import PLAIN, READABLE, kind_by_name
from anytasktune.documents.finding import Found, check_size, find_documents
from anytasktune.documents.isolation import Limits, Request, read_isolated
from anytasktune.documents.read_file import left_out, read_file
from anytasktune.documents.refusal import RefusedError
from anytasktune.documents.repeated_text import repeated, repeated_documents
from anytasktune.errors import DataError
from anytasktune.ids import file_hash
from anytasktune.schema.passages import DocumentInfo, Passage, ReadDocument
from anytasktune.settings import IngestConfig
from anytasktune.text.language import language_of

NEAR_DUPLICATE, DUPLICATE = "near_duplicate", "duplicate"
_PASSING = frozenset({"unreadable"})
"""Reasons that another try may see gone."""
_NOTHING = {
    TOO_SHORT: "it says too little for a passage; give more text, or a smaller shortest_passage",
    CONTENTS: "it only says where other things are; nothing need be done",
    NEAR_DUPLICATE: "all it says stands nearly the same in other files; nothing need be done",
}

OnDocument = Callable[[str, ReadDocument], None]


@dataclass(frozen=True)
class Ingested:
    """What a folder gave.

    Attributes:
        documents: every file that was found, by name; read, or left out for a reason.
        passages: those of all documents, in the order of their names and texts.
    """

    documents: list[DocumentInfo]
    passages: list[Passage] = field(default_factory=list)


def ingest(
    folder: Path,
    config: IngestConfig,
    known: Mapping[str, ReadDocument] | None = None,
    on_document: OnDocument | None = None,
    limits: Limits | None = None,
) -> Ingested:
    """Read all documents in a folder and the folders in it, and cut them into passages.

    The same files give the same result, in whatever order they are read. PDF, Office, EPUB and HTML files are read in processes
    of their own; a file that brings such a process down is left out as `broken`.

    Args:
        known: documents read before, by the SHA-256 of their bytes; they are not read again.
        on_document: told the name and record of each file as soon as it is read or found among the known ones.
        limits: time and memory for one file.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError("there is no such folder", where=str(folder), fix=f"give a folder of documents ({READABLE})")
    findings = find_documents(folder, config.largest_file)
    firsts, infos = _first_files(findings.files)
    read: list[tuple[Found, ReadDocument]] = []
    for file, document in _read_all(firsts, known or {}, limits or Limits()):
        read.append((file, document))
        if on_document is not None:
            on_document(file.document, document)
    infos += findings.left_out + [_info(file, document) for file, document in read if document.status == "left_out"]
    told, passages = _cut_all([(file, document) for file, document in read if document.status == "read"], config)
    return Ingested(sorted(infos + told, key=lambda info: info.document), passages)


def read_document(path: Path, limits: Limits | None = None) -> ReadDocument:
    """Read one file by itself; status `left_out`, with the reason, if that cannot be done."""
    try:
        kind = kind_by_name(path)
        if not path.is_file():
            raise RefusedError("unreadable", "there is no such file", "check its name")
        size = path.stat().st_size
        check_size(size, IngestConfig().largest_file)
    except RefusedError as refusal:
        return left_out(refusal, "", "")
    if kind in PLAIN:
        return read_file(path, kind)
    return next(read_isolated([Request(path, kind, "", size)], limits or Limits()))


def _first_files(files: Sequence[Found]) -> tuple[list[tuple[Found, str]], list[DocumentInfo]]:
    """Files with their hash, and those whose bytes an earlier one of their kind had already."""
    firsts: dict[tuple[str, str], tuple[Found, str]] = {}
    infos = []
    for file in files:
        try:
            digest = file_hash(file.path)
        except OSError:
            firsts[file.document, file.kind] = (file, "")  # reading it will say why
            continue
        if (digest, file.kind) in firsts:
            detail = f"the same bytes as {firsts[digest, file.kind][0].document}"
            infos.append(
                _info(file, ReadDocument(sha256=digest, format=file.kind, status="left_out", reason=DUPLICATE, detail=detail))
            )
        else:
            firsts[digest, file.kind] = (file, digest)
    return list(firsts.values()), infos


def _read_all(
    files: Sequence[tuple[Found, str]], known: Mapping[str, ReadDocument], limits: Limits
) -> Iterator[tuple[Found, ReadDocument]]:
    """Files with what they hold, in their order."""
    before = ((file, digest, known.get(digest) if digest else None) for file, digest in files)
    found = {digest: document for file, digest, document in before if document and _still_holds(document, file)}
    apart = [
        Request(file.path, file.kind, digest, file.bytes)
        for file, digest in files
        if file.kind not in PLAIN and digest not in found
    ]
    answers = read_isolated(apart, limits)
    for file, digest in files:
        if digest in found:
            yield file, found[digest]
        elif file.kind in PLAIN:
            yield file, read_file(file.path, file.kind, digest or None)
        else:
            yield file, next(answers)


def _still_holds(document: ReadDocument, file: Found) -> bool:
    return document.format == file.kind and document.reason not in _PASSING


def _cut_all(read: Sequence[tuple[Found, ReadDocument]], config: IngestConfig) -> tuple[list[DocumentInfo], list[Passage]]:
    """The documents that say something new, in passages; what is nearly the same as before is left out and counted."""
    infos, new = [], []
    for (file, document), match in zip(read, repeated_documents([document.text for _, document in read]), strict=True):
        if match is None:
            new.append((file, document))
        else:
            detail = f"nearly the same text as {read[match][0].document}"
            repeats = document.model_copy(update={"status": "left_out", "reason": DUPLICATE, "detail": detail})
            infos.append(_info(file, repeats))
    cuts = [cut(document, file.document, config) for file, document in new]
    passages = [passage for one in cuts for passage in one.passages]
    matches = repeated([passage.text for passage in passages], config.near_duplicate)
    kept: list[Passage] = []
    for (file, document), one in zip(new, cuts, strict=True):
        own = [passage for passage, match in zip(one.passages, matches, strict=False) if match is None]
        matches = matches[len(one.passages) :]
        info, told = _told(file, document, one, own)
        infos.append(info)
        kept += told
    return infos, kept


def _told(file: Found, document: ReadDocument, one: Cut, own: Sequence[Passage]) -> tuple[DocumentInfo, list[Passage]]:
    """A document's record and its passages, with their languages."""
    usual = language_of(document.text)
    passages = [passage.model_copy(update={"language": language_of(passage.text, usual)}) for passage in own]
    counts = dict(sorted(one.left_out.items()))
    if repeats := len(one.passages) - len(own):
        counts[NEAR_DUPLICATE] = repeats
    info = _info(file, document).model_copy(update={"language": usual, "passages": len(passages), "left_out": counts})
    return (info if passages else info.model_copy(update=_nothing_told(counts))), passages


def _nothing_told(counts: Mapping[str, int]) -> dict[str, str]:
    """What is said of a file whose passages were all left out."""
    reason = max(counts, key=lambda name: counts[name])
    return {"status": "left_out", "reason": reason, "detail": _NOTHING[reason]}


def _info(file: Found, document: ReadDocument) -> DocumentInfo:
    return DocumentInfo(
        document=file.document,
        sha256=document.sha256,
        bytes=file.bytes,
        format=document.format,
        status=document.status,
        reason=document.reason,
        detail=document.detail,
        title=document.title,
        characters=len(document.text),
        pages=len(document.pages) or None,
    )
