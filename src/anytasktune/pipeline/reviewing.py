"""Reviews in a project: what there is to look at, what was said, and what comes of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import DataError, Problem
from anytasktune.pipeline.candidate_runs import MANIFEST, latest_gated, load_passages
from anytasktune.review import (
    GatedRows,
    QueueConfig,
    QueueItem,
    Reviewed,
    agreement,
    decisions,
    edited,
    faults,
    holding,
    outcomes,
    parse_lines,
    review_queue,
    reviewed,
)
from anytasktune.schema import Candidate, CandidateSet, GatedSet, Passage, Review, Task
from anytasktune.scorers.statistics import Kappa
from anytasktune.store import Project, append_line, disk_errors, read_record, write_atomic


class RefusedError(DataError):
    """A decision that cannot be carried out; the problems say why."""


def gated_rows(project: Project, task: Task) -> tuple[GatedSet, GatedRows]:
    """The candidates of a task that the gates looked at last.

    Raises:
        DataError: there are none.
        StoreError: a file is damaged.
    """
    found = latest_gated(project, task.name)
    if found is None:
        fix = f"make some first: anytasktune synth {task.name}, then anytasktune gate {task.name}"
        raise DataError("there are no candidates to review", where=str(project.gated(task.name)), fix=fix)
    return found.manifest, GatedRows(found.kept, found.dropped, found.verdicts)


def read_reviews(project: Project, task: Task) -> list[Review]:
    """What all reviewers said of the candidates of a task, in the order of their names.

    Raises:
        DataError: a line is no review; every such line is named.
    """
    problems: list[Problem] = []
    lines: list[Review] = []
    for path in sorted(project.reviews(task.name).glob("*.jsonl")):
        try:
            lines += _lines(project, path)
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    return lines


def _lines(project: Project, path: Path) -> list[Review]:
    with disk_errors(path):
        content = path.read_bytes()
    return parse_lines(content, path.stem, path.relative_to(project.root).as_posix())


def reviewed_rows(project: Project, task: Task) -> Reviewed:
    """The candidates of a task after review: the rows to freeze, and what became of the others.

    Raises:
        DataError: there are no candidates, or a line of a review is none.
    """
    return reviewed(task, gated_rows(project, task)[1], read_reviews(project, task))


def agreement_of(project: Project, task: Task) -> list[Kappa]:
    """How far the reviewers of a task agree with each other and with the judge.

    Raises:
        DataError: there are no candidates, or a line of a review is none.
    """
    return agreement(gated_rows(project, task)[1], read_reviews(project, task))


def passages_of(project: Project, gated: GatedSet, candidates: Iterable[Candidate]) -> dict[str, Passage]:
    """The passages that candidates were made from, by id; those that are not there any more are left out."""
    wanted = {candidate.origin.passage for candidate in candidates} - {None}
    folder = project.candidates(gated.task)
    manifests = [folder / identity / MANIFEST for identity in gated.candidate_sets]
    sets = {read_record(path, CandidateSet).passages for path in manifests if wanted and path.exists()}
    found: dict[str, Passage] = {}
    for place in sorted(project.passages / identity for identity in sets if identity):
        rows = load_passages(place).rows if place.exists() else []
        found |= {key: passage for passage in rows if (key := passage.id) in wanted}
    return found


@dataclass
class ReviewLog:
    """One reviewer at work; each decision is on disk before the next candidate is shown.

    Attributes:
        others: the lines of all other reviewers, as they were at the beginning.
        mine: the reviewer's own lines.
    """

    project: Project
    task: Task
    reviewer: str
    manifest: GatedSet
    gated: GatedRows
    others: Sequence[Review]
    mine: list[Review]

    @classmethod
    def open(cls, project: Project, task: Task, reviewer: str) -> "ReviewLog":
        """The review as far as it went.

        Raises:
            DataError: there are no candidates, or a line of a review is none.
        """
        manifest, gated = gated_rows(project, task)
        lines = read_reviews(project, task)
        _end_last_line(project.reviews(task.name) / f"{reviewer}.jsonl")
        others = [line for line in lines if line.reviewer != reviewer]
        mine = [line for line in lines if line.reviewer == reviewer]
        return cls(project, task, reviewer, manifest, gated, others, mine)

    @property
    def path(self) -> Path:
        """The reviewer's file."""
        return self.project.reviews(self.task.name) / f"{self.reviewer}.jsonl"

    @property
    def decided(self) -> dict[str, Review]:
        """The reviewer's standing decisions on candidates of this set, by id."""
        return {key: review for key, review in decisions(self.mine).items() if self.gated.find(key)}

    def queue(self, config: QueueConfig) -> list[QueueItem]:
        """What the reviewer sees next."""
        return review_queue(self.task, self.gated, [*self.others, *self.mine], config)

    def item(self, candidate_id: str) -> QueueItem | None:
        """A candidate as it is shown out of turn; None if it is not in this set."""
        candidate = self.gated.find(candidate_id)
        if candidate is None:
            return None
        outcome = outcomes([*self.others, *self.mine]).get(candidate_id)
        return QueueItem(candidate, (), tuple(self.gated.verdicts_of(candidate_id)), outcome)

    def accept(self, candidate: Candidate) -> None:
        """It is right as it is; RefusedError if it was dropped and cannot come back."""
        if candidate.id not in self.gated.kept_by_id:
            self._check(candidate, candidate)
        self._add(Review(reviewer=self.reviewer, decision="accept", candidate=candidate.id))

    def edit(self, candidate: Candidate, input_text: str, output_text: str, note: str = "") -> None:
        """It is right in these words; RefusedError if they break a rule of the task or say what another candidate says."""
        try:
            row = edited(candidate, input_text, output_text)
        except ValueError as error:
            raise RefusedError(str(error), fix="write what the answer is to be an answer to") from None
        self._check(candidate, row)
        if row.id in self.gated.kept_by_id or row.id == candidate.id:
            raise RefusedError("these very words are there already", fix="change something, or accept or reject it as it is")
        self._add(
            Review(
                reviewer=self.reviewer, decision="edit", candidate=candidate.id, input=row.input, output=row.output, note=note
            )
        )

    def reject(self, candidate: Candidate, note: str = "") -> None:
        """It is not to be a row."""
        self._add(Review(reviewer=self.reviewer, decision="reject", candidate=candidate.id, note=note))

    def skip(self, candidate: Candidate) -> None:
        """Put it off: it comes again at the end of the next queue."""
        self._add(Review(reviewer=self.reviewer, decision="skip", candidate=candidate.id))

    def undo(self) -> Review | None:
        """Take back the reviewer's last line that holds, from whichever run; None if there is none."""
        held = holding(self.mine)
        if not held:
            return None
        self._add(Review(reviewer=self.reviewer, decision="undo"))
        return held[-1]

    def _check(self, candidate: Candidate, row: Candidate) -> None:
        if problems := faults(self.task, self.gated, candidate, row):
            raise RefusedError(problems)

    def _add(self, line: Review) -> None:
        append_line(self.path, line)
        self.mine.append(line)


def _end_last_line(path: Path) -> None:
    """A last line without an end would spoil what is added behind it: a whole one is ended, half a one is cut off."""
    content = path.read_bytes() if path.exists() else b""
    if not content or content.endswith(b"\n"):
        return
    before = content[: content.rfind(b"\n") + 1]
    is_whole = bool(parse_lines(content.removeprefix(before), path.stem, path.name))
    with disk_errors(path):
        write_atomic(path, content + b"\n" if is_whole else before)
