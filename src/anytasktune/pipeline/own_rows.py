"""The rows a task has in `data/`: where they lie, and how they are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from anytasktune.datasets import ReadResult, check_examples, read_examples
from anytasktune.errors import AnyTaskTuneError, DataError
from anytasktune.schema import SPLIT_NAMES, SplitName, Task
from anytasktune.store import DOMAIN_FILE, Project

Split = SplitName | None
"""None: the rows are still to be divided."""


def has_own_rows(project: Project, task: Task) -> bool:
    """Whether there is any file of rows for a task."""
    return project.rows_file(task.name).exists() or any(
        (project.rows_folder(task.name) / f"{split}.jsonl").exists() for split in SPLIT_NAMES
    )


def row_files(project: Project, task: Task) -> dict[Split, Path]:
    """The files a task's rows are in; DataError if there are none."""
    given: dict[Split, Path] = {
        split: path for split in SPLIT_NAMES if (path := project.rows_folder(task.name) / f"{split}.jsonl").exists()
    }
    single = project.rows_file(task.name)
    if given and single.exists():
        fix = f"move one of them away: {single.name} to have rows divided, or the folder {task.name} of given splits"
        raise DataError(f"task {task.name} has rows in two forms", where="data", fix=fix)
    if not given and not single.exists():
        fix = f"import some: {project.command('import', 'FILE', '--task', task.name)}"
        raise DataError(f"task {task.name} has no rows yet", where=f"data/{single.name}", fix=fix)
    return given or {None: single}


def row_target(project: Project, task: str, split: Split) -> Path:
    """The file for the rows of one split, or for rows to be divided."""
    return project.rows_folder(task) / f"{split}.jsonl" if split else project.rows_file(task)


def row_places(project: Project, task: Task) -> dict[str, str]:
    """Example id → `data/FILE:row` of every usable row of a task."""
    places: dict[str, str] = {}
    for path in row_files(project, task).values():
        result = checked(task, read_examples(path))
        for row, example in zip(result.rows, result.examples, strict=True):
            places.setdefault(example.id, f"{relative(project, path)}:{row}")
    return places


def checked(task: Task, result: ReadResult) -> ReadResult:
    """The rows whose output has the form the task asks for; see `check_examples`."""
    with placed(f"{DOMAIN_FILE}, task {task.name}"):
        return check_examples(task, result)


@contextmanager
def placed(where: str) -> Iterator[None]:
    """Problems that say no place get this one."""
    try:
        yield
    except AnyTaskTuneError as error:
        raise type(error)([replace(problem, where=problem.where or where) for problem in error.problems]) from None


def relative(project: Project, path: Path) -> str:
    """A path as people see it who stand in the project."""
    return path.relative_to(project.root).as_posix()
