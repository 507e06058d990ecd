"""State of what data sets are made of: the documents, the teacher as it may be shown, and the candidates by gate and reason."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.documents import ENDINGS
from anytasktune.llm import Endpoint
from anytasktune.llm.endpoint import BASE_URL
from anytasktune.pipeline.candidate_runs import CandidateRun, latest_gated
from anytasktune.pipeline.teacher_access import consents
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Candidate, CandidateCounts, DocumentInfo, FailedCandidate, PassageSet, Task, Verdict
from anytasktune.settings import TeacherConfig
from anytasktune.store import MANIFEST, Project, read_record, read_ref


@dataclass(frozen=True)
class DocumentsThere:
    """The documents of a project.

    Attributes:
        read: what the last reading of `documents/` says of each file.
        waiting: paths of files in `documents/` that were not there then.
        passages: number of passages.
    """

    read: Sequence[DocumentInfo]
    waiting: Sequence[str]
    passages: int


@dataclass(frozen=True)
class TeacherThere:
    """The teacher of a project, without its key.

    Attributes:
        address: of its endpoint; empty where none is set.
        place: `this machine`, `a private network` or `elsewhere`.
        has_key: whether a key is set.
        agreed: whether somebody agreed that documents and rows go to its host; not needed for this machine.
    """

    config: TeacherConfig
    address: str = ""
    host: str = ""
    place: str = ""
    has_key: bool = False
    agreed: bool = False

    @property
    def needs_consent(self) -> bool:
        """Whether somebody has to agree before anything is sent."""
        return bool(self.address) and self.place != "this machine" and not self.agreed


@dataclass(frozen=True)
class ShownCandidate:
    """A candidate with the verdict that dropped it, if one did."""

    candidate: Candidate
    verdict: Verdict | None = None


@dataclass(frozen=True)
class CandidatesThere:
    """The candidates of a task that were gated last.

    Attributes:
        failed: candidates that never came to the gates.
    """

    task: Task
    counts: CandidateCounts
    kept: Sequence[ShownCandidate]
    dropped: Sequence[ShownCandidate]
    failed: Sequence[FailedCandidate]


def documents_there(project: Project) -> DocumentsThere:
    """The documents of a project, those read and those that wait."""
    identity = read_ref(project.passages)
    manifest = read_record(project.passages / identity / MANIFEST, PassageSet) if identity else None
    read = manifest.documents if manifest and manifest.folder == project.documents.name else []
    known = {info.document for info in read}
    there = sorted(path for path in project.documents.rglob("*") if path.is_file() and path.suffix.lower() in ENDINGS)
    names = [path.relative_to(project.documents).as_posix() for path in there]
    return DocumentsThere(read, [name for name in names if name not in known], manifest.passages if read and manifest else 0)


def teacher_there(workspace: Workspace) -> TeacherThere:
    """The teacher that settings and environment name.

    Raises:
        EndpointError: the address or the key cannot be ones.
        ConfigError: the settings are wrong.
    """
    config = workspace.settings().teacher
    if not os.environ.get(BASE_URL, "").strip():
        return TeacherThere(config)
    endpoint = Endpoint.from_environment(os.environ)
    agreed = any(consent.host == endpoint.host for consent in consents(workspace.project))
    return TeacherThere(config, endpoint.base_url, endpoint.host, endpoint.place, bool(endpoint.key), agreed)


def candidates_there(project: Project, task: Task) -> CandidatesThere | None:
    """The candidates of a task by what became of them; None if none were gated.

    Raises:
        StoreError: a file is damaged.
    """
    found = latest_gated(project, task.name)
    if found is None:
        return None
    dropping = {verdict.candidate: verdict for verdict in found.verdicts if not verdict.passed}
    folders = [project.candidates(task.name) / identity for identity in found.manifest.candidate_sets]
    return CandidatesThere(
        task,
        found.manifest.counts,
        [ShownCandidate(candidate) for candidate in found.kept],
        [ShownCandidate(candidate, dropping.get(candidate.id)) for candidate in found.dropped],
        [failed for folder in folders if folder.exists() for failed in CandidateRun.load(folder).failed],
    )
