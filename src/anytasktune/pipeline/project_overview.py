"""A project at a glance: its tasks by action with rows, last verdict and the next sensible step; its last report, its jobs."""

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anytasktune.datasets import read_examples
from anytasktune.errors import AnyTaskTuneError, EvaluationError
from anytasktune.pipeline.own_rows import Split, row_files
from anytasktune.pipeline.reporting import load_report
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.reports.report_summary import summarize
from anytasktune.reports.report_words import words
from anytasktune.reports.verdict_words import VerdictView, view_verdict
from anytasktune.schema import Report, Task
from anytasktune.store import JobFolder, read_ref
from anytasktune.tasks.picture import in_language, lanes
from anytasktune.training.adapter_targets import targets_with

NextStep = Literal["import", "mend", "review", "tune", "measure", "more_rows", "use", "read"]
"""What to do next for a task: import rows, mend them, review candidates, train, measure, get more rows, use the Task-LM, or
read the report, which recommends something else."""
_COMMANDS: Mapping[NextStep, tuple[str, ...]] = {
    "import": ("import", "FILE", "--task"),
    "mend": ("tasks", "check"),
    "review": ("review",),
    "tune": ("tune",),
    "measure": ("eval",),
    "more_rows": ("build",),
    "use": ("serve",),
    "read": ("report", "show"),
}
_OF_A_TASK = ("import", "review", "tune", "measure", "more_rows")
_CACHED_FILES = 512


@dataclass(frozen=True)
class TaskOverview:
    """A task at a glance.

    Attributes:
        title: for people.
        rows: split → rows per language; the split None holds rows that are still to be divided.
        verdict: of the last report, if it has the task.
        fault: why its rows cannot be read; empty where they can or there are none.
    """

    task: Task
    title: str
    rows: Mapping[Split, Mapping[Language, int]]
    verdict: VerdictView | None
    next_step: NextStep
    fault: str = ""

    @property
    def command(self) -> tuple[str, ...]:
        """The command of the next step, without the program."""
        return (*_COMMANDS[self.next_step], *((self.task.name,) if self.next_step in _OF_A_TASK else ()))


@dataclass(frozen=True)
class ProjectOverview:
    """A project at a glance.

    Attributes:
        title: for people.
        headline: of the last report; empty where there is none.
        report: id of the last report.
        running: number of jobs that run.
        actions: title of each action → its tasks in order.
    """

    title: str
    description: str
    headline: str
    report: str
    running: int
    actions: Sequence[tuple[str, Sequence[TaskOverview]]]

    @property
    def tasks(self) -> list[TaskOverview]:
        """All tasks, each once."""
        return list({each.task.name: each for _, tasks in self.actions for each in tasks}.values())

    @property
    def rows(self) -> int:
        """Number of rows of all tasks."""
        return sum(count for each in self.tasks for languages in each.rows.values() for count in languages.values())


def overview(workspace: Workspace, language: Language = "en") -> ProjectOverview:
    """Look at a project; nothing in it is changed, and what cannot be read is said with its task."""
    domain, project = workspace.domain, workspace.project
    report = _last_report(workspace)
    views = {task.name: _task(workspace, task, report, language) for task in domain.tasks}
    return ProjectOverview(
        title=in_language(domain.title, language) or domain.name,
        description=domain.description,
        headline=summarize(report, language).headline if report else "",
        report=report.id if report else "",
        running=sum(folder.state == "running" for folder in JobFolder.all_of(project)),
        actions=[(lane.title, [views[task.name] for task in lane.steps]) for lane in lanes(domain, language)],
    )


def _last_report(workspace: Workspace) -> Report | None:
    try:
        return load_report(workspace)
    except (EvaluationError, OSError):  # there is none, or it is damaged, which its own page says
        return None


def _task(workspace: Workspace, task: Task, report: Report | None, language: Language) -> TaskOverview:
    fault, rows = "", {}
    try:
        rows = rows_of_task(workspace, task)
    except AnyTaskTuneError as error:
        fault = str(error.problems[0])
    measured = next((entry for entry in report.tasks if entry.task == task.name), None) if report else None
    verdict = view_verdict(measured, words(language)) if measured else None
    step = _next_step(workspace, task, bool(rows), verdict)
    return TaskOverview(task, in_language(task.title, language) or task.name, rows, verdict, "mend" if fault else step, fault)


def _next_step(workspace: Workspace, task: Task, has_rows: bool, verdict: VerdictView | None) -> NextStep:
    project = workspace.project
    if read_ref(project.gated(task.name)) and not project.reviews(task.name).is_dir():
        return "review"
    if not has_rows:
        return "import"
    if not any(read_ref(project.runs(target)) for _, target in targets_with(workspace.domain, task)):
        return "tune"
    if verdict is None:
        return "measure"
    return "use" if verdict.use == "task_lm" else "more_rows" if verdict.use == "more_data" else "read"


def rows_of_task(workspace: Workspace, task: Task) -> dict[Split, dict[Language, int]]:
    """The own rows of a task by split and by the language they are handled in; none where it has no file of rows.

    Raises:
        DataError: its rows are in two forms, or a file of them cannot be read.
    """
    project = workspace.project
    if not project.rows_file(task.name).exists() and not project.rows_folder(task.name).is_dir():
        return {}
    counts: dict[Split, dict[Language, int]] = {}
    for split, path in row_files(project, task).items():
        state = path.stat()
        spoken = _languages(path, state.st_mtime_ns, state.st_size)
        found: Counter[Language] = Counter()
        for language, count in spoken.items():
            found[task.language_of(language)] += count
        counts[split] = {language: found[language] for language in task.languages if found[language]}
    return counts


@functools.lru_cache(_CACHED_FILES)
def _languages(path: Path, changed: int, size: int) -> Mapping[Language | None, int]:
    """Rows of a file per language; read again when it has changed."""
    return Counter(example.language for example in read_examples(path).examples)
