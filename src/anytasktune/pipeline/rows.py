"""Files from anywhere → the project's seeds → frozen data sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anytasktune import __version__
from anytasktune.datasets import (
    ColumnMap,
    FrozenDataset,
    ReadResult,
    check_examples,
    drop_leaks,
    freeze,
    is_task_folder,
    load_dataset,
    read_examples,
    read_task_folder,
    save_dataset,
    split_examples,
    total_counts,
    write_examples,
)
from anytasktune.errors import ConfigError, DataError
from anytasktune.ids import content_id, file_hash
from anytasktune.pipeline.listening import Listener, Silent
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import SPLIT_NAMES, DroppedRow, Example, Language, RowCounts, SplitConfig, SplitName, Task
from anytasktune.schema.editing import add_task
from anytasktune.schema.parsing import nearest
from anytasktune.store import DOMAIN_FILE, LATEST, Project, append_line, point, pointed, write_atomic

Split = SplitName | None
"""None: the rows are still to be divided."""
DROPPED_FILE = "dropped.jsonl"
_SPLIT_STEMS: dict[str, SplitName] = {
    "train": "train",
    "dev": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
}


@dataclass(frozen=True)
class ImportOptions:
    """How a source is to be read and where its rows go.

    Attributes:
        task: which task the rows are for; None for a task folder, which says so itself.
        columns: which columns are input and output, where the names do not say it.
        language: the language of the rows, where they do not say it.
        split: the split all rows of a file belong to; None to have them divided later.
        existing: what to do if the task has rows already.
    """

    task: str | None = None
    columns: ColumnMap | None = None
    language: Language | None = None
    split: SplitName | None = None
    existing: Literal["refuse", "append", "replace"] = "refuse"


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        task: name of the task.
        added_task: whether the task was added to `domain.yaml`.
        counts: rows read, kept and dropped, over all files.
        dropped: the dropped rows with reason and place.
        kept: rows kept per target file.
        notes: what the reader noticed and the user should know.
        formats: format of each file read.
    """

    task: str
    added_task: bool
    counts: RowCounts
    dropped: tuple[DroppedRow, ...]
    kept: dict[Path, int]
    notes: tuple[str, ...]
    formats: dict[str, str]


def import_rows(workspace: Workspace, source: Path, options: ImportOptions | None = None) -> Imported:
    """Copy rows from a file or folder into the project's seeds, leaving out what cannot be used.

    `source` is a data file, a folder of `train/dev/test` files, or a task folder (`task.json` + splits), whose task is
    added to `domain.yaml` if it is not there. Good rows are kept whatever happens to others; counts always balance.

    Raises:
        DataError: if the source cannot be read or nothing in it can be kept.
        ConfigError: if the task is unknown, or has rows already and `existing` is `refuse`.
    """
    options = options or ImportOptions()
    if source.is_dir() and is_task_folder(source):
        folder = read_task_folder(source)
        return _take(workspace, folder.task, dict(folder.splits.items()), options)
    task = _named_task(workspace, source, options)
    files = _split_files(source) if source.is_dir() else {options.split: source}
    results = {split: read_examples(path, columns=options.columns, language=options.language) for split, path in files.items()}
    return _take(workspace, task, results, options)


def _named_task(workspace: Workspace, source: Path, options: ImportOptions) -> Task:
    known = [task.name for task in workspace.domain.tasks]
    if options.task is None:
        fix = f"name it: anytasktune import {source} --task NAME ({', '.join(known) or 'add a task to domain.yaml first'})"
        raise ConfigError("which task are these rows for?", where=str(source), fix=fix)
    if options.task not in known:
        raise ConfigError(f"there is no task {options.task!r}", where=DOMAIN_FILE, fix=nearest(options.task, known))
    return workspace.domain.task(options.task)


def _split_files(folder: Path) -> dict[Split, Path]:
    files: dict[Split, Path] = {
        _SPLIT_STEMS[path.stem]: path for path in sorted(folder.iterdir()) if path.is_file() and path.stem in _SPLIT_STEMS
    }
    if "train" not in files:
        fix = "give one data file, or a folder with train.*, dev.* and test.*"
        raise DataError("no train file in this folder", where=str(folder), fix=fix)
    return files


def _take(workspace: Workspace, task: Task, results: Mapping[Split, ReadResult], options: ImportOptions) -> Imported:
    project = workspace.project
    checked = {split: check_examples(task, result) for split, result in results.items()}
    targets = {split: _target(project, task.name, split) for split in checked}
    _guard_existing(project, task.name, list(targets.values()), options)
    added = _ensure_task(workspace, task)
    for split, result in checked.items():
        _write(targets[split], result.examples, options)
    return Imported(
        task=task.name,
        added_task=added,
        counts=total_counts(result.counts for result in checked.values()),
        dropped=tuple(row for result in checked.values() for row in result.dropped),
        kept={targets[split]: result.counts.kept for split, result in checked.items()},
        notes=tuple(f"{Path(result.file).name}: {note}" for result in checked.values() for note in result.notes),
        formats={result.file: result.format for result in checked.values()},
    )


def _target(project: Project, task: str, split: Split) -> Path:
    return project.seed_folder(task) / f"{split}.jsonl" if split else project.seed_file(task)


def _guard_existing(project: Project, task: str, targets: list[Path], options: ImportOptions) -> None:
    present = [path for path in targets if path.exists()]
    if present and options.existing == "refuse":
        fix = "add --append to add to them, or --replace to put these in their place"
        raise ConfigError(f"task {task} has rows already", where=str(present[0].relative_to(project.root)), fix=fix)
    other = project.seed_folder(task) if project.seed_file(task) in targets else project.seed_file(task)
    if other.exists():
        fix = f"keep one of the two: {project.seed_file(task).name} to have rows divided, or the folder with given splits"
        raise ConfigError(f"task {task} has rows in another form", where=str(other.relative_to(project.root)), fix=fix)


def _ensure_task(workspace: Workspace, task: Task) -> bool:
    if any(known.name == task.name for known in workspace.domain.tasks):
        return False
    path = workspace.project.domain_file
    write_atomic(path, add_task(path.read_text(encoding="utf-8-sig"), task))
    return True


def _write(target: Path, examples: list[Example], options: ImportOptions) -> None:
    before = read_examples(target).examples if target.exists() and options.existing == "append" else []
    known = {example.id for example in before}
    write_examples([*before, *(example for example in examples if example.id not in known)], target, "jsonl")


def frozen_dataset(workspace: Workspace, task: Task, config: SplitConfig, listener: Listener | None = None) -> FrozenDataset:
    """The task's rows as a frozen data set; made only if the seeds, the task's output or the config have changed.

    Raises:
        DataError: if the task has no rows, or none that can be used.
    """
    listener = listener or Silent()
    folder = workspace.project.datasets(task.name)
    files = _seed_files(workspace.project, task)
    sources = {path.relative_to(workspace.project.root).as_posix(): file_hash(path) for path in files.values()}
    inputs = content_id([sources, task.name, task.output.model_dump(), config.model_dump(), __version__])
    found = pointed(folder, f"from-{inputs}")
    if found:
        dataset = load_dataset(folder / found)
        point(folder, LATEST, found)
        listener.dataset(dataset.manifest, built=False)
        return dataset
    dataset, dropped = _freeze(task, files, sources, config)
    target = folder / dataset.manifest.id
    if not target.exists():  # the same rows may have been frozen from other files before
        save_dataset(dataset, target)
        for row in dropped:
            append_line(target / DROPPED_FILE, row)
    for name in (f"from-{inputs}", LATEST):
        point(folder, name, dataset.manifest.id)
    listener.dataset(dataset.manifest, built=True)
    return dataset


def _seed_files(project: Project, task: Task) -> dict[Split, Path]:
    given: dict[Split, Path] = {
        split: path for split in SPLIT_NAMES if (path := project.seed_folder(task.name) / f"{split}.jsonl").exists()
    }
    if given:
        return given
    if not project.seed_file(task.name).exists():
        fix = f"import some: anytasktune import FILE --task {task.name}"
        raise DataError(f"task {task.name} has no rows yet", where=f"seeds/{task.name}.jsonl", fix=fix)
    return {None: project.seed_file(task.name)}


def _freeze(
    task: Task, files: Mapping[Split, Path], sources: dict[str, str], config: SplitConfig
) -> tuple[FrozenDataset, list[DroppedRow]]:
    results = {split: check_examples(task, read_examples(path)) for split, path in files.items()}
    if None in results:
        splits = split_examples(results[None].examples, config)
    else:
        given = drop_leaks({split: result for split, result in results.items() if split}, near_duplicate=config.near_duplicate)
        results = dict(given.items())
        splits = {split: result.examples for split, result in given.items()}
    dataset = freeze(
        task,
        splits,
        counts=total_counts(result.counts for result in results.values()),
        sources=sources,
        split_by="grouped" if None in files else "given",
        config=config,
        code_version=__version__,
    )
    return dataset, [row for result in results.values() for row in result.dropped]
