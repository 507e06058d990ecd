"""The rows a task has in `seeds/`: where they lie, and how they are read."""

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


def has_seeds(project: Project, task: Task) -> bool:
    """Whether there is any file of rows for a task."""
    return project.seed_file(task.name).exists() or any(
        (project.seed_folder(task.name) / f"{split}.jsonl").exists() for split in SPLIT_NAMES
    )


def seed_files(project: Project, task: Task) -> dict[Split, Path]:
    """The files a task's rows are in; DataError if there are none."""
    given: dict[Split, Path] = {
        split: path for split in SPLIT_NAMES if (path := project.seed_folder(task.name) / f"{split}.jsonl").exists()
    }
    single = project.seed_file(task.name)
    if given and single.exists():
        fix = f"move one of them away: {single.name} to have rows divided, or the folder {task.name} of given splits"
        raise DataError(f"task {task.name} has rows in two forms", where="seeds", fix=fix)
    if not given and not single.exists():
        fix = f"import some: anytasktune import FILE --task {task.name}"
        raise DataError(f"task {task.name} has no rows yet", where=f"seeds/{single.name}", fix=fix)
    return given or {None: single}


def seed_target(project: Project, task: str, split: Split) -> Path:
    """The file for the rows of one split, or for rows to be divided."""
    return project.seed_folder(task) / f"{split}.jsonl" if split else project.seed_file(task)


def row_places(project: Project, task: Task) -> dict[str, str]:
    """Example id → `seeds/FILE:row` of every usable row of a task."""
    places: dict[str, str] = {}
    for path in seed_files(project, task).values():
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
