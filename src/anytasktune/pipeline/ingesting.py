"""`ingest`: a folder of documents → its passages; a file that was read before is not read again."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from anytasktune.documents import group_skipped, ingest
from anytasktune.errors import DamagedError, DataError, Problem, StoreError, counted
from anytasktune.ids import content_id
from anytasktune.models.local_places import remember
from anytasktune.pipeline.candidate_runs import PASSAGE_SETS, Passages
from anytasktune.pipeline.events import Finished, Meter, Note, OnEvent, ignore_event
from anytasktune.schema import PassageSet
from anytasktune.schema.passages import ReadDocument
from anytasktune.settings import DocumentsConfig
from anytasktune.store import Project, hash_of_rows, read_record, remove_artifact, save_artifact, write_record
from anytasktune.version import __version__


class ReadBefore(Mapping[str, ReadDocument]):
    """Documents of earlier runs by the SHA-256 of their bytes; one whose record is damaged is read again."""

    def __init__(self, project: Project, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._folder = project.passages / f"read-{__version__}"

    def file(self, sha256: str) -> Path:
        """The path of a document's record."""
        return self._folder / f"{sha256}.json"

    def keep(self, document: ReadDocument) -> None:
        """Save a document's record."""
        if not self.file(document.sha256).exists():
            write_record(self.file(document.sha256), document)

    def __getitem__(self, sha256: str) -> ReadDocument:
        try:
            return read_record(self.file(sha256), ReadDocument)
        except DamagedError as error:
            problem = error.problems[0]
            self._on_event(Note(text=f"{problem.where}: {problem.what}; the document is read again"))
            remove_artifact(self.file(sha256))
            raise KeyError(sha256) from None
        except StoreError:
            raise KeyError(sha256) from None

    def __iter__(self) -> Iterator[str]:
        return (file.stem for file in self._folder.glob("*.json"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def ingest_documents(
    project: Project, folder: Path | None = None, config: DocumentsConfig | None = None, on_event: OnEvent | None = None
) -> Passages:
    """Read the documents in `folder` (default: `documents/` of the project) and cut them into passages.

    Raises:
        DataError: there is no such folder, or nothing in it can be read; every file is named with its reason.
    """
    folder, config, on_event = folder or project.documents, config or DocumentsConfig(), on_event or ignore_event
    before = ReadBefore(project, on_event)
    total = sum(1 for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
    meter = Meter(on_event, "ingest", folder.name, total)
    done = 0

    def on_document(_: str, document: ReadDocument) -> None:
        nonlocal done
        done += 1
        if document.sha256:
            before.keep(document)
        meter.update(done, total)

    read = ingest(folder, config, before, on_document)
    if not read.passages:
        where = folder.name
        skipped = [Problem(f"{one.reason}: {one.detail}", where=f"{where}/{one.document}") for one in read.documents]
        fix = "put documents there, or name another folder"
        raise DataError(skipped or Problem("there is no document in it", where=str(folder), fix=fix))
    sha256, place = hash_of_rows(read.passages), folder.resolve()
    manifest = PassageSet(
        id=content_id([[info.model_dump() for info in read.documents], sha256, config.model_dump(), __version__]),
        folder=place.relative_to(project.root).as_posix() if place.is_relative_to(project.root) else place.name,
        documents=read.documents,
        passages=len(read.passages),
        sha256=sha256,
        config=config,
        code_version=__version__,
    )
    remember(manifest.id, place)
    passages = Passages(manifest, read.passages)
    is_new = save_artifact(project.passages, PASSAGE_SETS, passages)
    on_event(_finished(folder.name, manifest, reused=not is_new))
    for info in manifest.documents:
        if info.status == "read" and info.detail:
            on_event(Note(text=f"{info.document}: {info.detail}"))
    skipped_files = (info for info in manifest.documents if info.status == "skipped" and info.reason != "duplicate")
    for names, info in group_skipped(skipped_files):
        on_event(Note(text=f"{names}: {info.reason}, {info.detail}"))
    return passages


def _finished(folder: str, manifest: PassageSet, *, reused: bool) -> Finished:
    dropped: Counter[str] = Counter()
    for info in manifest.documents:
        dropped.update(info.dropped if info.status == "read" else {f"file {info.reason}": 1})
    read = sum(info.status == "read" for info in manifest.documents)
    detail = f"{read} of {counted(len(manifest.documents), 'file')}, {counted(manifest.passages, 'passage')}"
    return Finished(stage="ingest", name=folder, artifact=manifest.id, detail=detail, dropped=dict(dropped), reused=reused)
