"""Reviews in a project: the candidates to review, the log of decisions, and their result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import DataError, Problem
from anytasktune.pipeline.candidate_runs import latest_gated, passages_of
from anytasktune.pipeline.rows_from_use import candidates_from_use
from anytasktune.review import (
    GatedRows,
    ReviewedRows,
    Show,
    apply_reviews,
    count_to_review,
    edit_candidate,
    measure_agreement,
    parse_reviews,
    remove_undone,
    review_outcomes,
    review_queue,
    row_problems,
    skipped_candidates,
    standing_decisions,
)
from anytasktune.schema import Agreement, Candidate, GatedSet, Passage, Review, ReviewItem, Task
from anytasktune.store import Project, append_line, disk_errors, read_ref


class RefusedDecisionError(DataError):
    """A decision that cannot be applied; the problems say why."""


def has_candidates(project: Project, task: Task) -> bool:
    """Whether a task has gated candidates, or items from use."""
    return read_ref(project.gated(task.name)) is not None or bool(candidates_from_use(project, task))


def gated_rows(project: Project, task: Task) -> tuple[GatedSet, GatedRows]:
    """The candidates of a task that were gated last.

    Raises:
        DataError: there are none.
        StoreError: a file is damaged.
    """
    found = latest_gated(project, task.name)
    if found is None:
        fix = f"make some first: {project.command('synth', task.name)}, then {project.command('gate', task.name)}"
        raise DataError("there are no candidates to review", where=str(project.gated(task.name)), fix=fix)
    return found.manifest, GatedRows(found.kept, found.dropped, found.verdicts)


def rows_to_review(project: Project, task: Task) -> tuple[GatedSet | None, GatedRows]:
    """The candidates of a task that were gated last, and the items from use.

    Raises:
        DataError: there are neither.
        StoreError: a file is damaged.
    """
    from_use = candidates_from_use(project, task)
    if from_use and latest_gated(project, task.name) is None:
        return None, GatedRows(from_use)
    manifest, gated = gated_rows(project, task)
    return manifest, GatedRows([*gated.kept, *from_use], gated.dropped, gated.verdicts)


def read_reviews(project: Project, task: Task) -> list[Review]:
    """The reviews of a task by all reviewers, in the order of their names.

    Raises:
        DataError: a line is no review; every such line is named.
    """
    problems: list[Problem] = []
    reviews: list[Review] = []
    for path in sorted(project.reviews(task.name).glob("*.jsonl")):
        with disk_errors(path):
            content = path.read_bytes()
        try:
            reviews += parse_reviews(content, path.stem, path.relative_to(project.root).as_posix())
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    return reviews


def reviewed_rows(project: Project, task: Task) -> ReviewedRows:
    """The candidates of a task after review: the rows to freeze, and what became of the others.

    Raises:
        DataError: there are no candidates, or a line of a review is none.
    """
    return apply_reviews(task, gated_rows(project, task)[1], read_reviews(project, task))


def agreement_of(project: Project, task: Task) -> list[Agreement]:
    """Agreement of the reviewers of a task with each other and with the judge.

    Raises:
        DataError: there are no candidates, or a line of a review is none.
    """
    return measure_agreement(rows_to_review(project, task)[1], read_reviews(project, task))


@dataclass
class ReviewSession:
    """One reviewer at work on a task; each decision is on disk before the next candidate is shown.

    Attributes:
        others: the lines of all other reviewers, as they were at the beginning.
        own: the reviewer's lines.
        posted: `WINDOW:NUMBER` of the decision that is being written, where a window of the studio posted it.
    """

    project: Project
    task: Task
    reviewer: str
    manifest: GatedSet | None
    gated: GatedRows
    others: Sequence[Review]
    own: list[Review]
    posted: str = ""

    @classmethod
    def open(
        cls, project: Project, task: Task, reviewer: str, rows: tuple[GatedSet | None, GatedRows] | None = None
    ) -> "ReviewSession":
        """Go on with the reviews there are.

        Args:
            rows: what `rows_to_review` gives, where it was read before.

        Raises:
            DataError: there are no candidates, or a line of a review is none.
        """
        manifest, gated = rows or rows_to_review(project, task)
        reviews = read_reviews(project, task)
        others = [review for review in reviews if review.reviewer != reviewer]
        own = [review for review in reviews if review.reviewer == reviewer]
        return cls(project, task, reviewer, manifest, gated, others, own)

    @property
    def path(self) -> Path:
        """The reviewer's file."""
        return self.project.reviews(self.task.name) / f"{self.reviewer}.jsonl"

    @property
    def decided(self) -> dict[str, Review]:
        """The reviewer's standing decisions on candidates of this set, by id."""
        return {key: review for key, review in standing_decisions(self.own).items() if self.gated.find(key)}

    @property
    def skipped(self) -> set[str]:
        """Ids of the candidates that the reviewer skipped and has not decided."""
        return skipped_candidates(self.own)

    @property
    def disputed(self) -> list[Candidate]:
        """Candidates of this set the reviewers do not agree on."""
        outcomes = review_outcomes([*self.others, *self.own])
        found = (self.gated.find(key) for key, outcome in outcomes.items() if outcome.status == "disputed")
        return [candidate for candidate in found if candidate]

    def queue(self, show: Show = "kept", double_share: float = 0.2, limit: int | None = None) -> list[ReviewItem]:
        """The candidates for the reviewer; see `review.review_queue`."""
        reviews = [*self.others, *self.own]
        return review_queue(self.task, self.gated, reviews, self.reviewer, show=show, double_share=double_share, limit=limit)

    def count_left(self, show: Show = "kept", double_share: float = 0.2) -> int:
        """Number of candidates in the whole queue."""
        reviews = [*self.others, *self.own]
        return count_to_review(self.gated, reviews, self.reviewer, show=show, double_share=double_share)

    def passages(self, items: Iterable[ReviewItem]) -> dict[str, Passage]:
        """The passages that candidates were made from, by id."""
        return passages_of(self.project, self.manifest, [item.candidate for item in items]) if self.manifest else {}

    def item(self, candidate_id: str) -> ReviewItem | None:
        """A candidate out of turn; None if it is not in this set."""
        candidate = self.gated.find(candidate_id)
        if candidate is None:
            return None
        outcome = review_outcomes([*self.others, *self.own]).get(candidate_id)
        return ReviewItem(candidate=candidate, verdicts=tuple(self.gated.verdicts_of(candidate_id)), outcome=outcome)

    def accept(self, candidate: Candidate) -> None:
        """Accept it as it is; RefusedDecisionError if it was dropped and cannot come back."""
        if candidate.id not in self.gated.kept_by_id:
            self._check(candidate, candidate)
        self._add(Review(reviewer=self.reviewer, decision="accept", candidate=candidate.id))

    def edit(self, candidate: Candidate, input_text: str, output_text: str, note: str = "") -> None:
        """Accept it with these texts; RefusedDecisionError if they break a rule of the task or equal another candidate's."""
        try:
            row = edit_candidate(candidate, input_text, output_text)
        except ValueError as error:
            raise RefusedDecisionError(str(error), fix="write the input that the answer belongs to") from None
        self._check(candidate, row)
        if row.id in self.gated.kept_by_id or row.id == candidate.id:
            fix = "change something, or accept or reject it as it is"
            raise RefusedDecisionError("a candidate with this text is there already", fix=fix)
        line = Review(reviewer=self.reviewer, decision="edit", candidate=candidate.id, note=note)
        self._add(line.model_copy(update={"input": row.input, "output": row.output}))

    def reject(self, candidate: Candidate, note: str = "") -> None:
        """Keep it out of the data set."""
        self._add(Review(reviewer=self.reviewer, decision="reject", candidate=candidate.id, note=note))

    def skip(self, candidate: Candidate) -> None:
        """Leave it for the end of the next queue."""
        self._add(Review(reviewer=self.reviewer, decision="skip", candidate=candidate.id))

    def undo(self, candidate: str = "") -> Review | None:
        """Take back the reviewer's last line that holds, of this or an earlier session; None if there is none.

        Args:
            candidate: id of the candidate whose last line it is to be; empty: any.
        """
        self.own = [review for review in read_reviews(self.project, self.task) if review.reviewer == self.reviewer]
        standing = [review for review in remove_undone(self.own) if candidate in {"", review.candidate}]
        if not standing:
            return None
        self._add(Review(reviewer=self.reviewer, decision="undo", candidate=candidate))
        return standing[-1]

    def _check(self, candidate: Candidate, row: Candidate) -> None:
        if problems := row_problems(self.task, self.gated, candidate, row):
            raise RefusedDecisionError(problems)

    def _add(self, line: Review) -> None:
        line = line.model_copy(update={"posted": self.posted})
        append_line(self.path, line)
        self.own.append(line)
