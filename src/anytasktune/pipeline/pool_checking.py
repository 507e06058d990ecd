"""A project's Task Pool: its review, its outline with the number of rows, and its picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.datasets import read_examples
from anytasktune.errors import DataError
from anytasktune.pipeline.own_rows import relative, row_files
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.settings.yaml_reading import lines_of
from anytasktune.store import DOMAIN_FILE, exporting, write_atomic
from anytasktune.tasks import Finding, PlacedRow, check_pool, draw_mermaid, draw_svg
from anytasktune.tasks.picture import in_language, lanes

PICTURE, MERMAID = "task-pool.svg", "task-pool.mmd"


@dataclass(frozen=True)
class StepOutline:
    """A task as one line of an outline, texts in one language; empty where nothing is known.

    Attributes:
        source: title of the step it takes its input from.
        hands_over: what it hands over.
        done_by: by whom it is done today.
    """

    title: str
    task: Task
    rows: int
    source: str
    hands_over: str
    done_by: str


@dataclass(frozen=True)
class PoolOutline:
    """Titles of a pool and its actions, with the steps of each action in order."""

    title: str
    actions: list[tuple[str, list[StepOutline]]]


def review_pool(workspace: Workspace) -> list[Finding]:
    """Findings on the pool and its rows, each with its file and line; errors first.

    Raises:
        DataError: a task's rows are in two forms, or a file of them cannot be read.
    """
    domain = workspace.domain
    return placed_in_domain(workspace, check_pool(domain, {task.name: placed_rows(workspace, task) for task in domain.tasks}))


def placed_in_domain(workspace: Workspace, findings: Sequence[Finding]) -> list[Finding]:
    """The findings, those about `domain.yaml` with their line."""
    domain = workspace.domain
    # the file has tasks and actions by number
    numbers = {
        "tasks": {task.name: number for number, task in enumerate(domain.tasks)},
        "actions": {action.name: number for number, action in enumerate(domain.actions)},
    }
    paths = [
        (finding.at[0], numbers[str(finding.at[0])][str(finding.at[1])], *finding.at[2:])
        if len(finding.at) > 1 and finding.at[0] in numbers
        else finding.at
        for finding in findings
    ]
    lines = lines_of(workspace.project.domain_file.read_bytes().decode("utf-8-sig"), paths)
    return [
        finding if finding.place else finding.placed(f"{DOMAIN_FILE}:{line}")
        for finding, line in zip(findings, lines, strict=True)
    ]


def placed_rows(workspace: Workspace, task: Task) -> list[PlacedRow]:
    """The readable rows of a task, each with `data/FILE:row`; none if it has no file of rows yet."""
    project = workspace.project
    if not project.rows_file(task.name).exists() and not project.rows_folder(task.name).is_dir():
        return []
    rows: list[PlacedRow] = []
    for path in row_files(project, task).values():
        result = read_examples(path)
        places = (f"{relative(project, path)}:{number}" for number in result.rows)
        rows += [PlacedRow(place, example) for place, example in zip(places, result.examples, strict=True)]
    return rows


def count_rows(workspace: Workspace, task: Task) -> int:
    """Number of readable rows of a task; 0 where they cannot be read."""
    try:
        return len(placed_rows(workspace, task))
    except DataError:
        return 0


def outline(workspace: Workspace, language: Language = "en") -> PoolOutline:
    """The pool in words: actions, their steps, and what goes from one to the next."""
    domain = workspace.domain
    actions = []
    for lane in lanes(domain, language):
        titles = [in_language(task.title, language) or task.name for task in lane.steps]
        steps = [
            StepOutline(
                title=title,
                task=task,
                rows=count_rows(workspace, task),
                source="" if source is None else titles[source],
                hands_over=in_language(task.hands_over, language),
                done_by=in_language(task.done_by, language),
            )
            for title, task, source in zip(titles, lane.steps, lane.links, strict=True)
        ]
        actions.append((lane.title, steps))
    return PoolOutline(in_language(domain.title, language) or domain.name, actions)


def draw_pool(
    workspace: Workspace, folder: Path | None = None, language: Language = "en", *, force: bool = False
) -> list[Path]:
    """Write the pool as `task-pool.svg` and `task-pool.mmd` (Mermaid) into `folder`, by default `artifacts`; their paths.

    Raises:
        StoreError: files of these names that were not written by it stand in `folder`, and `force` is off.
    """
    workspace.tasks()  # refuses an empty pool
    target = folder or workspace.project.artifacts
    drawings = {PICTURE: draw_svg(workspace.domain, language), MERMAID: draw_mermaid(workspace.domain, language)}
    with exporting(target, force=force or folder is None) as staged:
        for name, content in drawings.items():
            write_atomic(staged / name, content)
    return [target / name for name in drawings]
