"""`import`: files in many formats → the own rows of a project in `data/`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from anytasktune.datasets import (
    ColumnMap,
    ReadResult,
    is_task_folder,
    read_examples,
    read_task_folder,
    total_counts,
)
from anytasktune.datasets.write_rows import jsonl_text
from anytasktune.domain_yaml import add_task
from anytasktune.errors import ConfigError, DataError
from anytasktune.pipeline.own_rows import Split, checked, relative, row_target
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import SPLIT_NAMES, Domain, DroppedRow, RowCounts, SplitName, Task
from anytasktune.settings.yaml_reading import nearest, parse_record
from anytasktune.store import DOMAIN_FILE, Changes, Project, changing

ROW_ENDINGS = {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".xlsx"}
_SPLIT_OF_WORD: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "eval": "dev",
    "test": "test",
}
_SPLIT_FILE = re.compile(rf"({'|'.join(_SPLIT_OF_WORD)})(?:[-_](\d+)-of-\d+)?(?:\.(en|zh))?")
"""A file of a split: `val.jsonl`, a shard `train-00000-of-00002.parquet`, one language of an export `train.zh.jsonl`."""


@dataclass(frozen=True)
class _SplitFile:
    """A file to read and the split its rows belong to."""

    path: Path
    split: Split
    language: Language | None = None


@dataclass(frozen=True)
class ImportOptions:
    """Format of a source and destination of its rows.

    Attributes:
        task: the task of the rows; None for a task folder, which names it.
        columns: the columns of input and output, unless they are called so; also as `input=QUESTION,output=ANSWER`.
        language: of rows that name none.
        split: the split of all rows of a file; None to have them split later.
        existing: what to do if the task has rows already.
        encoding: of text files; detected unless given.
    """

    task: str | None = None
    columns: ColumnMap | str | None = None
    language: Language | None = None
    split: SplitName | None = None
    existing: Literal["refuse", "append", "replace"] = "refuse"
    encoding: str | None = None


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
        task: name of the task.
        added_task: whether the task was added to `domain.yaml`.
        counts: rows read, kept and dropped, over all files.
        dropped: the dropped rows with reason and place.
        files: rows each target file has now.
        notes: remarks for the user.
        formats: format of each file read.
    """

    task: str
    added_task: bool
    counts: RowCounts
    dropped: tuple[DroppedRow, ...]
    files: dict[Path, int]
    notes: tuple[str, ...]
    formats: dict[str, str]


def import_rows(workspace: Workspace, source: Path, options: ImportOptions | None = None) -> Imported:
    """Copy rows from a file or folder into the project's `data/`, leaving out what cannot be used.

    `source` is a data file, a folder of split files (train, dev or val, test; shards; a file per language), or a task folder
    (`task.json` + splits), whose task is added to `domain.yaml` if it is not there (open the workspace again to see it). Good
    rows are kept whatever happens to others; counts always balance. Files that are replaced or removed are copied first.

    Raises:
        DataError: if the source cannot be read or nothing in it can be kept.
        ConfigError: if the task is unknown, or has rows already and `existing` is `refuse`.
        StoreError: if the project cannot be written.
    """
    options = options or ImportOptions()
    if source.is_dir() and is_task_folder(source):
        _refuse_options(source, options, "task", "columns", "language", "split")
        folder = read_task_folder(source)
        known = next((task for task in workspace.domain.tasks if task.name == folder.task.name), None)
        imported = _take(workspace, known or folder.task, list(folder.splits.items()), options)
        if known in (None, folder.task):
            return imported
        note = f"task {folder.task.name} is described differently in {DOMAIN_FILE}, which is used"
        return replace(imported, notes=(note, *imported.notes))
    task = _named_task(workspace, source, options)
    passed_over: list[str] = []
    if source.is_dir():
        _refuse_options(source, options, "split")
        files, passed_over = _split_files(source)
    else:
        files = [_SplitFile(source, options.split)]
    columns = ColumnMap.parse(options.columns) if isinstance(options.columns, str) else options.columns
    results: list[tuple[Split, ReadResult]] = []
    for file in files:
        language = file.language or options.language
        results.append((file.split, read_examples(file.path, columns=columns, language=language, encoding=options.encoding)))
    imported = _take(workspace, task, results, options)
    return replace(imported, notes=(*imported.notes, *passed_over))


def _refuse_options(source: Path, options: ImportOptions, *names: str) -> None:
    given = [name for name in names if getattr(options, name) is not None]
    if given:
        what = f"--{given[0]} does not go with this folder, whose files say it"
        raise ConfigError(what, where=str(source), fix=f"leave --{given[0]} out, or import one of its files")


def _named_task(workspace: Workspace, source: Path, options: ImportOptions) -> Task:
    known = [task.name for task in workspace.domain.tasks]
    if options.task is None:
        command = workspace.project.command("import", source, "--task", "NAME")
        fix = f"name it: {command} ({', '.join(known) or 'add a task to domain.yaml first'})"
        raise ConfigError("which task are these rows for?", where=str(source), fix=fix)
    if options.task not in known:
        fix = nearest(options.task, known) if known else "add it under `tasks:`, as the remarks in the file show"
        raise ConfigError(f"there is no task {options.task!r}", where=DOMAIN_FILE, fix=fix)
    return workspace.domain.task(options.task)


def _split_files(folder: Path) -> tuple[list[_SplitFile], list[str]]:
    """The files of splits in a folder, and a note on each other data file in it."""
    found: dict[tuple[str | None, ...], _SplitFile] = {}
    passed_over: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in ROW_ENDINGS or not path.is_file():
            continue
        match = _SPLIT_FILE.fullmatch(path.name.removesuffix(path.suffix))
        if match is None:
            passed_over.append(f"{path.name} was not read: its name says no split (train, dev, val, test …)")
            continue
        split, shard, language = _SPLIT_OF_WORD[match[1]], match[2], match[3]
        if (other := found.get((split, shard, language))) is not None:
            fix = "move one of them away, or import the file you mean"
            raise DataError(f"both {other.path.name} and {path.name} hold {split} rows", where=str(folder), fix=fix)
        found[split, shard, language] = _SplitFile(path, split, "zh" if language == "zh" else "en" if language else None)
    files = list(found.values())
    if not any(file.split == "train" for file in files):
        fix = "give one data file, or a folder with train.*, dev.* and test.*"
        raise DataError("no train file in this folder", where=str(folder), fix=fix)
    return files, passed_over


def _take(workspace: Workspace, task: Task, results: Sequence[tuple[Split, ReadResult]], options: ImportOptions) -> Imported:
    """Write the rows that fit the task; the files that are there are read, and all files written, under one lock."""
    fitting: dict[Path, list[ReadResult]] = {}
    for split, result in results:
        fitting.setdefault(row_target(workspace.project, task.name, split), []).append(checked(task, result))
    counts: dict[Path, int] = {}
    notes: list[str] = []
    with changing(workspace.project.root) as changes:
        _guard_existing(workspace.project, task.name, list(fitting), options)
        added = _ensure_task(workspace, task, changes)
        for target, read in fitting.items():
            there = _rows_there(target, options)
            new = {example.id: example for result in read for example in result.examples}
            fresh = [example for identity, example in new.items() if identity not in there.ids]
            changes.write(target, there.text + jsonl_text(fresh), keep_copy=options.existing == "replace")
            counts[target] = len(there.ids) + len(fresh)
            notes += [f"{Path(result.file).name}: {note}" for result in read for note in result.notes]
            if len(fresh) < len(new):
                notes.append(f"{len(new) - len(fresh)} of the rows stood in {target.name} already")
        if options.existing == "replace" and options.split is None:
            for path in (row_target(workspace.project, task.name, split) for split in SPLIT_NAMES):
                if path not in fitting and path.exists():  # a folder stands for all rows of a task
                    changes.remove(path)
        for path, copy in changes.copies.items():
            fate = "replaced" if changes.contents[path] is not None else "removed"
            notes.append(f"{relative(workspace.project, path)} was {fate}; a copy is in {relative(workspace.project, copy)}")
    every = [result for read in fitting.values() for result in read]
    return Imported(
        task=task.name,
        added_task=added,
        counts=total_counts(result.counts for result in every),
        dropped=tuple(row for result in every for row in result.dropped),
        files=counts,
        notes=tuple(notes),
        formats={result.file: result.format for result in every},
    )


def _guard_existing(project: Project, task: str, targets: list[Path], options: ImportOptions) -> None:
    present = [path for path in targets if path.exists()]
    if present and options.existing == "refuse":
        fix = "add --append to add to them, or --replace to put these in their place"
        raise ConfigError(f"task {task} has rows already", where=relative(project, present[0]), fix=fix)
    single = project.rows_file(task)
    other = project.rows_folder(task) if single in targets else single
    if other.exists():
        fix = f"delete it or move it away first: a task has either {single.name}, to be divided, or a folder of given splits"
        raise ConfigError(f"task {task} has rows in another form", where=relative(project, other), fix=fix)


@dataclass(frozen=True)
class _RowsThere:
    """The rows a file has, to which others are to be added."""

    text: str = ""
    ids: frozenset[str] = frozenset()


def _rows_there(target: Path, options: ImportOptions) -> _RowsThere:
    """The file's text as it is: adding to it must not lose what a person wrote, not even rows that are faulty."""
    if options.existing != "append" or not target.exists() or not target.stat().st_size:
        return _RowsThere()
    rows = read_examples(target)
    try:
        text = target.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None
    if text is None or rows.format != "jsonl":
        fix = "move it out of data/ and import it, then add to it"
        raise DataError("the rows there are not UTF-8 lines of input and output", where=str(target), fix=fix)
    return _RowsThere(text if text.endswith("\n") else text + "\n", frozenset(example.id for example in rows.examples))


def _ensure_task(workspace: Workspace, task: Task, changes: Changes) -> bool:
    """Add the task to `domain.yaml` as the file is now, unless it is there."""
    path = workspace.project.domain_file
    text = path.read_bytes().decode("utf-8-sig")
    if any(known.name == task.name for known in parse_record(Domain, text, DOMAIN_FILE).tasks):
        return False
    text = add_task(text, task)
    parse_record(Domain, text, DOMAIN_FILE)  # what would not be read again is not written
    changes.write(path, text)
    return True
