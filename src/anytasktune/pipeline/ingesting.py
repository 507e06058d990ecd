"""A folder of documents → its passages, kept in the project; a file that was read before is not read again."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from anytasktune.documents import ingest
from anytasktune.errors import DataError, Problem, StoreError
from anytasktune.ids import content_id
from anytasktune.pipeline.candidate_runs import Passages, hash_of_records, save_passages
from anytasktune.pipeline.events import Listener, Silent
from anytasktune.schema import DocumentInfo, PassageSet
from anytasktune.schema.passages import ReadDocument
from anytasktune.settings import DocumentsConfig
from anytasktune.store import LATEST, Project, read_record, write_record, write_ref
from anytasktune.version import __version__


class ReadBefore(Mapping[str, ReadDocument]):
    """Documents that were read before, by the SHA-256 of their bytes; one whose record is damaged is read again."""

    def __init__(self, project: Project) -> None:
        self._folder = project.passages / f"read-{__version__}"

    def file(self, sha256: str) -> Path:
        """Where the record of a document lies."""
        return self._folder / f"{sha256}.json"

    def keep(self, document: ReadDocument) -> None:
        """Remember a document."""
        if not self.file(document.sha256).exists():
            write_record(self.file(document.sha256), document)

    def __getitem__(self, sha256: str) -> ReadDocument:
        try:
            return read_record(self.file(sha256), ReadDocument)
        except StoreError:
            raise KeyError(sha256) from None

    def __iter__(self) -> Iterator[str]:
        return (file.stem for file in self._folder.glob("*.json"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def ingest_documents(
    project: Project, folder: Path | None = None, config: DocumentsConfig | None = None, listener: Listener | None = None
) -> Passages:
    """Read the documents in `folder` (the project's `documents/` unless given) and cut them into passages.

    Raises:
        DataError: there is no such folder, or nothing in it can be read; every file is named with its reason.
    """
    folder, config, listener = folder or project.documents, config or DocumentsConfig(), listener or Silent()
    before = ReadBefore(project)
    total = sum(1 for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
    done = 0

    def on_document(_: str, document: ReadDocument) -> None:
        nonlocal done
        done += 1
        if document.sha256:
            before.keep(document)
        listener.making("ingest", folder.name, done, total)

    read = ingest(folder, config, before, on_document)
    if not read.passages:
        raise DataError([_as_problem(folder, info) for info in read.documents] or _nothing_in(folder))
    sha256 = hash_of_records(read.passages)
    identity = content_id([[info.model_dump() for info in read.documents], sha256, config.model_dump(), __version__])
    manifest = PassageSet(
        id=identity,
        folder=folder.as_posix(),
        documents=read.documents,
        passages=len(read.passages),
        sha256=sha256,
        config=config,
        code_version=__version__,
    )
    passages = Passages(manifest, read.passages)
    target = project.passages / identity
    built = not target.exists()
    save_passages(target, passages)
    write_ref(project.passages, LATEST, identity)
    _tell(listener, folder, manifest, built=built)
    return passages


def _tell(listener: Listener, folder: Path, manifest: PassageSet, *, built: bool) -> None:
    whole = [info for info in manifest.documents if info.status == "read"]
    lost: dict[str, int] = {}
    for info in manifest.documents:
        reasons = info.dropped if info.status == "read" else {f"file {info.reason}": 1}
        for reason, count in reasons.items():
            lost[reason] = lost.get(reason, 0) + count
    detail = f"{len(whole)} of {len(manifest.documents)} files, {manifest.passages} passages"
    listener.made("ingest", folder.name, detail, lost=lost, built=built)
    for info in manifest.documents:
        if info.status == "skipped" and info.reason != "duplicate":
            listener.note(f"{info.document}: {info.reason}, {info.detail}")


def _as_problem(folder: Path, info: DocumentInfo) -> Problem:
    return Problem(f"{info.reason}: {info.detail}", where=f"{folder.name}/{info.document}")


def _nothing_in(folder: Path) -> Problem:
    return Problem("there is no document in it", where=str(folder), fix="put documents there, or name another folder")
