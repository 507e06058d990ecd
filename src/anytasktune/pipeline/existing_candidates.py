"""The candidates a task has already: what a command keeps and adds to, and what it sets aside, with the reason."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TypeVar

from anytasktune.errors import DamagedError, counted
from anytasktune.ids import content_id
from anytasktune.pipeline.candidate_runs import CandidateRun
from anytasktune.schema import Candidate, CandidateSet, FailedCandidate, Seal, SplitName, Task
from anytasktune.store import MANIFEST, Project, read_record, read_ref, remove_artifact

Loaded = TypeVar("Loaded")
TRANSIENT = frozenset({"over_budget", "not_answered"})
"""Failures that another run may not have: their places in the plan are planned again."""


@dataclass
class Existing:
    """The runs whose candidates a task has.

    Attributes:
        runs: those that are kept and added to, the oldest first.
        set_aside: reason → number of candidates that are not used any more; they stay on disk.
    """

    runs: list[CandidateRun] = field(default_factory=list)
    set_aside: dict[str, int] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """Ids of the runs."""
        return [run.manifest.id for run in self.runs]

    def done(self) -> list[Candidate | FailedCandidate]:
        """Planned rows that need not be planned again."""
        return done_by(self.runs)


def done_by(runs: Iterable[CandidateRun]) -> list[Candidate | FailedCandidate]:
    """Candidates of these runs and failures that would come again."""
    made: list[Candidate | FailedCandidate] = []
    for run in runs:
        made += [*run.candidates, *(one for one in run.failed if one.reason not in TRANSIENT)]
    return made


def made_for(task: Task) -> str:
    """Id of the fields of a task that its candidates depend on; those of another one teach another task."""
    return content_id(task.definition)


def existing_candidates(project: Project, task: Task, now: Seal, note: Callable[[str], None]) -> Existing:
    """The runs of a task since it last began anew, without those that were made for another task or under another seal.

    Args:
        now: the seal of today.
        note: receives a line on each run that is damaged; it is removed, and its answers are found in the ledger.
    """
    found = Existing()
    for identity in _identities(project, task, note):
        if (run := _intact(project.candidates(task.name) / identity, CandidateRun.load, note)) is None:
            continue
        if reason := _obstacle(project, task, run.manifest, now):
            found.set_aside[reason] = found.set_aside.get(reason, 0) + len(run.candidates)
        else:
            found.runs.append(run)
    if not any(run.candidates for run in found.runs):
        found.runs = []
    return found


def sealed_documents(project: Project, task: Task, note: Callable[[str], None]) -> dict[str, SplitName]:
    """Document → split, as sealed for the candidates that a task has; a document never changes its split."""
    folder = project.candidates(task.name)
    runs = [_intact(folder / identity, _manifest, note) for identity in _identities(project, task, note)]
    paths = dict.fromkeys(project.seals / f"{run.seal}.json" for run in runs if run)
    documents = [read_record(path, Seal).documents.get(task.name, {}) for path in paths if path.exists()]
    return dict(chain.from_iterable(found.items() for found in documents))


def _identities(project: Project, task: Task, note: Callable[[str], None]) -> Sequence[str]:
    folder = project.candidates(task.name)
    last = read_ref(folder)
    head = _intact(folder / last, _manifest, note) if last else None
    return [*head.earlier, head.id] if head else []


def _manifest(folder: Path) -> CandidateSet:
    return read_record(folder / MANIFEST, CandidateSet)


def _intact(folder: Path, load: Callable[[Path], Loaded], note: Callable[[str], None]) -> Loaded | None:
    """Content of a run, as `load` reads it; None where the folder is gone, or damaged: then it is removed with a note."""
    if not folder.exists():
        return None
    try:
        return load(folder)
    except DamagedError as error:
        note(f"{error.problems[0].where}: {error.problems[0].what}; its candidates are made anew")
    remove_artifact(folder)
    return None


def _obstacle(project: Project, task: Task, run: CandidateSet, now: Seal) -> str:
    """Why candidates of a run cannot be used now, after `candidates`; empty if they can."""
    if run.made_for != made_for(task):
        return "were made for another instruction, output or rules of the task"
    path = project.seals / f"{run.seal}.json"
    if not path.exists():
        return "were made under a seal that does not exist any more"
    then = read_record(path, Seal)
    if not set(chain(*now.inputs.values())) <= set(chain(*then.inputs.values())):
        return "were made while other test rows were sealed"
    before, today = then.documents.get(task.name, {}), now.documents.get(task.name, {})
    if any(today.get(document, split) != split for document, split in before.items()):
        return "were made under a seal that divides the documents differently"
    return ""


def augmentations_of(rows: Iterable[Candidate | FailedCandidate]) -> Counter[tuple[str, str]]:
    """Augmentation and id of the row → how often it was made."""
    return Counter((row.origin.kind, row.origin.parents[0]) for row in rows if row.origin.place is None and row.origin.parents)


def in_words(reason: str, count: int) -> str:
    """`60 candidates were made for ...`."""
    return f"{counted(count, 'candidate')} {reason}"
