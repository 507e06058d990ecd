"""`mark`: a person marks answers of a report by the task's rubric, without knowing whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anytasktune.errors import DataError, EvaluationError
from anytasktune.pipeline.reporting import load_report, report_folder
from anytasktune.pipeline.workspace import Workspace
from anytasktune.reports import ITEMS_FILE
from anytasktune.schema import ReportItem, Task
from anytasktune.schema.judgement import HIGHEST_MARK, LOWEST_MARK, HumanMark
from anytasktune.store import Project, append_line, read_lines


@dataclass(frozen=True)
class AnswerToMark:
    """One answer of a report."""

    item: ReportItem
    output: str


def read_marks(project: Project, task: Task) -> list[HumanMark]:
    """All marks of people for answers to a task that fit its rubric of today, by reviewer, in the order of their lines.

    Raises:
        DataError: a line of a reviewer's file is another reviewer's.
        StoreError: a line is no mark.
    """
    criteria, found = len(task.rubric_in(None)), list[HumanMark]()
    for path in sorted(project.human_marks(task.name).glob("*.jsonl")):
        for number, mark in enumerate(read_lines(path, HumanMark), 1):
            if mark.reviewer != path.stem:
                where = f"{path.relative_to(project.root).as_posix()}:{number}"
                fix = f"every reviewer has a file: move it to {mark.reviewer}.jsonl"
                raise DataError(f"a mark of {mark.reviewer} in the file of {path.stem}", where=where, fix=fix)
            if len(mark.marks) == criteria and all(LOWEST_MARK <= one <= HIGHEST_MARK for one in mark.marks):
                found.append(mark)
    return found


@dataclass
class MarkingSession:
    """The answers one person is to mark; every mark is kept at once."""

    project: Project
    task: Task
    reviewer: str
    answers: Sequence[AnswerToMark]

    @classmethod
    def open(cls, workspace: Workspace, task: Task, reviewer: str, limit: int | None = None) -> "MarkingSession":
        """Answers of the last report that this person has not marked, in an order that says nothing of the systems.

        Raises:
            EvaluationError: there is no report, or it has no answers to the task.
        """
        report = load_report(workspace)
        lines = read_lines(report_folder(workspace.project, report.id) / ITEMS_FILE, ReportItem)
        items = [item for item in lines if item.task == task.name]
        if not items:
            fix = f"evaluate it: {workspace.project.command('eval', task.name)}"
            raise EvaluationError(f"report {report.id} has no answers to {task.name}", fix=fix)
        marked = {(one.example, one.output) for one in read_marks(workspace.project, task) if one.reviewer == reviewer}
        different = {
            (item.id, text): AnswerToMark(item, text)
            for item in items
            for one in item.answers.values()
            if one.error is None and (text := one.output.strip()) and (item.id, text) not in marked
        }
        waiting = [different[key] for key in sorted(different)]
        order = np.random.default_rng(0).permutation(len(waiting))[:limit]
        return cls(workspace.project, task, reviewer, [waiting[place] for place in order])

    def keep(self, answer: AnswerToMark, marks: Sequence[int]) -> HumanMark:
        """Add a mark to the reviewer's file."""
        mark = HumanMark(reviewer=self.reviewer, example=answer.item.id, output=answer.output, marks=list(marks))
        append_line(self.project.human_marks(self.task.name) / f"{self.reviewer}.jsonl", mark)
        return mark
