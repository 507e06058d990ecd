"""Turns a folder of documents into passages and accounts for every file."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from anytasktune.documents.chunking import CONTENTS, TOO_SHORT, chunk_document
from anytasktune.documents.discovery import DocumentFile, check_size, find_documents
from anytasktune.documents.formats import FORMATS, READABLE, format_by_name, read_file, skipped_document
from anytasktune.documents.sandbox import Limits, read_sandboxed
from anytasktune.documents.skip_reasons import SkippedFileError
from anytasktune.errors import DataError
from anytasktune.ids import file_hash
from anytasktune.schema.passages import DocumentInfo, Passage, ReadDocument
from anytasktune.settings import DocumentsConfig
from anytasktune.similarity import group_similar, jaccard
from anytasktune.text.language import language_of
from anytasktune.text.plain_text import normalise

NEAR_DUPLICATE, DUPLICATE = "near_duplicate", "duplicate"
NEAR_IDENTICAL = 0.95
"""Jaccard similarity from which two documents are the same one."""
_MOST_COMPARED = 2_000_000
"""Characters of a document that are compared."""
_NAMED = 3
"""Files that are named of those skipped for the same reason."""
_TRANSIENT = frozenset({"unreadable"})
"""Reasons that may be gone at the next try."""
_WITHOUT_PASSAGES = {
    TOO_SHORT: "it says too little for a passage; give more text, or a smaller shortest_passage",
    CONTENTS: "it only says where other things are; nothing need be done",
    NEAR_DUPLICATE: "all it says stands nearly the same in other files; nothing need be done",
}
"""Reason why all passages of a document were dropped → detail of the skipped document."""

OnDocument = Callable[[str, ReadDocument], None]


@dataclass(frozen=True)
class Ingested:
    """Result of reading a folder.

    Attributes:
        documents: every file that was found, by name; read, or skipped with a reason.
        passages: those of all documents, in the order of their names and texts.
    """

    documents: list[DocumentInfo]
    passages: list[Passage] = field(default_factory=list)


def ingest(
    folder: Path,
    config: DocumentsConfig,
    known: Mapping[str, ReadDocument] | None = None,
    on_document: OnDocument | None = None,
    limits: Limits | None = None,
) -> Ingested:
    """Read all documents in a folder and the folders in it, and cut them into passages.

    The same files give the same result, in whatever order they are read. PDF, Office, EPUB and HTML files are read in processes
    of their own; a file that crashes such a process is skipped as `broken`.

    Args:
        known: documents read before, by the SHA-256 of their bytes; they are not read again.
        on_document: receives the name and record of each file as soon as it is read or found among the known ones.
        limits: time and memory for one file.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError("there is no such folder", where=str(folder), fix=f"give a folder of documents ({READABLE})")
    files, skipped = find_documents(folder, config.largest_file)
    files, repeats = _drop_same_bytes(files)
    read: list[tuple[DocumentFile, ReadDocument]] = []
    for file, document in _read_all(files, known or {}, limits or Limits()):
        read.append((file, document))
        if on_document is not None:
            on_document(file.name, document)
    infos, passages = _chunk_all(read, config)
    return Ingested(sorted([*skipped, *repeats, *infos], key=lambda info: info.document), passages)


def read_document(path: Path, limits: Limits | None = None) -> ReadDocument:
    """Read one file by itself; status `skipped`, with the reason, if that is impossible."""
    try:
        chosen = format_by_name(path)
        if not path.is_file():
            raise SkippedFileError("unreadable", "there is no such file", "check its name")
        size = path.stat().st_size
        check_size(size, DocumentsConfig().largest_file)
    except SkippedFileError as skipped:
        return skipped_document(skipped, "", "")
    if not chosen.sandboxed:
        return read_file(path, chosen.name)
    return next(read_sandboxed([DocumentFile(path, path.name, chosen.name, size)], limits or Limits()))


def group_skipped(infos: Iterable[DocumentInfo]) -> list[tuple[str, DocumentInfo]]:
    """Skipped files with the same reason and detail: the names of some and the number of the others; the first of them."""
    groups: dict[tuple[str, str], list[DocumentInfo]] = {}
    for info in infos:
        groups.setdefault((info.reason, info.detail), []).append(info)
    found = []
    for group in groups.values():
        names = ", ".join(info.document for info in group[:_NAMED])
        found.append((names + (f" and {len(group) - _NAMED} more" if len(group) > _NAMED else ""), group[0]))
    return found


def first_similar(texts: Sequence[str], threshold: float) -> list[int | None]:
    """For each text the first earlier one that is kept and at least this similar, else None.

    Args:
        threshold: as in `similarity.group_similar`, whose groups are gone through one by one: in a chain of similar texts only
            those that are similar to a kept one go.
    """
    kept: dict[int, list[int]] = {}
    matches: list[int | None] = []
    for place, group in enumerate(group_similar(texts, threshold)):
        text, members = texts[place], kept.setdefault(group, [])
        same = (
            member
            for member in members
            if normalise(texts[member]) == normalise(text) or jaccard(texts[member], text) >= threshold
        )
        match = next(same, None)
        if match is None:
            members.append(place)
        matches.append(match)
    return matches


def _drop_same_bytes(files: Sequence[DocumentFile]) -> tuple[list[DocumentFile], list[DocumentInfo]]:
    """Files with their hashes, and the records of those whose bytes an earlier file of their format has."""
    firsts: dict[tuple[str, str], DocumentFile] = {}
    repeats = []
    for file in files:
        try:
            digest = file_hash(file.path)
        except OSError:
            firsts[file.name, file.format_name] = file  # reading it will say why
            continue
        if first := firsts.get((digest, file.format_name)):
            duplicate = SkippedFileError(DUPLICATE, f"the same bytes as {first.name}")
            repeats.append(_info(file, skipped_document(duplicate, file.format_name, digest)))
        else:
            firsts[digest, file.format_name] = replace(file, sha256=digest)
    return list(firsts.values()), repeats


def _read_all(
    files: Sequence[DocumentFile], known: Mapping[str, ReadDocument], limits: Limits
) -> Iterator[tuple[DocumentFile, ReadDocument]]:
    """Files with their contents, in order."""
    found: dict[str, ReadDocument] = {}
    for file in files:
        document = known.get(file.sha256) if file.sha256 else None
        if document and document.format == file.format_name and document.reason not in _TRANSIENT:
            found[file.sha256] = document
    unread = [file for file in files if file.sha256 not in found]
    sandboxed = read_sandboxed([file for file in unread if FORMATS[file.format_name].sandboxed], limits)
    for file in files:
        if file.sha256 in found:
            yield file, found[file.sha256]
        elif FORMATS[file.format_name].sandboxed:
            yield file, next(sandboxed)
        else:
            yield file, read_file(file.path, file.format_name, file.sha256)


def _chunk_all(
    read: Sequence[tuple[DocumentFile, ReadDocument]], config: DocumentsConfig
) -> tuple[list[DocumentInfo], list[Passage]]:
    """Records of all documents, and the passages of those that say something new."""
    infos = [_info(file, document) for file, document in read if document.status == "skipped"]
    whole = [(file, document) for file, document in read if document.status == "read"]
    new = []
    matches = first_similar([document.text[:_MOST_COMPARED] for _, document in whole], NEAR_IDENTICAL)
    for (file, document), match in zip(whole, matches, strict=True):
        if match is None:
            new.append((file, document))
        else:
            detail = f"nearly the same text as {whole[match][0].name}"
            repeat = document.model_copy(update={"status": "skipped", "reason": DUPLICATE, "detail": detail})
            infos.append(_info(file, repeat))
    chunked = [chunk_document(document, file.name, config) for file, document in new]
    matches = first_similar([passage.text for passages, _ in chunked for passage in passages], config.near_duplicate)
    kept: list[Passage] = []
    for (file, document), (passages, dropped) in zip(new, chunked, strict=True):
        own = [passage for passage, match in zip(passages, matches, strict=False) if match is None]
        matches = matches[len(passages) :]
        dropped[NEAR_DUPLICATE] += len(passages) - len(own)
        usual = language_of(document.text)
        kept += [passage.model_copy(update={"language": language_of(passage.text, usual)}) for passage in own]
        infos.append(_chunked_info(_info(file, document).model_copy(update={"language": usual}), len(own), dropped))
    return infos, kept


def _chunked_info(info: DocumentInfo, passages: int, dropped: Counter[str]) -> DocumentInfo:
    """A document's record with the counts of its passages; skipped, for the commonest reason, if none is kept."""
    counts = dict(sorted((+dropped).items()))
    update: dict[str, object] = {"passages": passages, "dropped": counts}
    if not passages:
        reason = max(counts, key=counts.__getitem__, default=TOO_SHORT)
        update |= {"status": "skipped", "reason": reason, "detail": _WITHOUT_PASSAGES[reason]}
    return info.model_copy(update=update)


def _info(file: DocumentFile, document: ReadDocument) -> DocumentInfo:
    return DocumentInfo(
        document=file.name,
        sha256=document.sha256,
        bytes=file.size,
        format=document.format,
        status=document.status,
        reason=document.reason,
        detail=document.detail,
        title=document.title,
        characters=len(document.text),
        pages=len(document.pages) or None,
    )
