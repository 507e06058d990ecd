"""A project's Task Pool under review, and as a picture."""

from pathlib import Path

from anytasktune.datasets import read_examples
from anytasktune.errors import DataError
from anytasktune.pipeline.own_rows import relative, row_files
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Domain, Task
from anytasktune.settings.yaml_reading import lines_of
from anytasktune.store import DOMAIN_FILE, write_atomic
from anytasktune.tasks import Finding, PlacedRow, check_pool, draw_mermaid, draw_svg
from anytasktune.tasks.findings import At

PICTURE, MERMAID = "task-pool.svg", "task-pool.mmd"


def review_pool(workspace: Workspace) -> list[Finding]:
    """What a good reviewer would say of the pool and its rows, each finding with its file and line; errors first.

    Raises:
        DataError: a task's rows are in two forms, or a file of them cannot be read.
    """
    seeds = {task.name: placed_rows(workspace, task) for task in workspace.domain.tasks}
    findings = check_pool(workspace.domain, seeds)
    paths = [_numbered(workspace.domain, finding.at) for finding in findings]
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


def _numbered(domain: Domain, at: At) -> At:
    """The path with tasks and actions by their number, as the file has them."""
    if len(at) < 2 or at[0] not in {"tasks", "actions"}:
        return at
    names = [task.name for task in domain.tasks] if at[0] == "tasks" else [action.name for action in domain.actions]
    return (at[0], names.index(str(at[1])), *at[2:])


def draw_pool(workspace: Workspace, folder: Path | None = None, language: Language = "en") -> list[Path]:
    """Write the pool as `task-pool.svg` and `task-pool.mmd` (Mermaid) into `folder`, by default `artifacts`; their paths."""
    if not workspace.domain.tasks:
        workspace.tasks()  # says how to fill it
    target = folder or workspace.project.artifacts
    drawings = {PICTURE: draw_svg(workspace.domain, language), MERMAID: draw_mermaid(workspace.domain, language)}
    for name, content in drawings.items():
        write_atomic(target / name, content)
    return [target / name for name in drawings]


def rows_of(workspace: Workspace, task: Task) -> int:
    """How many readable rows a task has."""
    try:
        return len(placed_rows(workspace, task))
    except DataError:
        return 0
