"""A task's seeds → its frozen data set, made again only when something that goes into it has changed."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from anytasktune.datasets import (
    FrozenDataset,
    drop_leaks,
    freeze,
    load_dataset,
    read_examples,
    save_dataset,
    split_examples,
    total_counts,
)
from anytasktune.errors import DataError
from anytasktune.ids import content_id, file_hash
from anytasktune.pipeline.listening import Listener, Silent
from anytasktune.pipeline.seeds import Split, checked, placed, relative, seed_files
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import DroppedRow, RowCounts, SplitConfig, Task
from anytasktune.store import LATEST, Project, point, pointed, read_lines, write_atomic
from anytasktune.version import __version__


def frozen_dataset(workspace: Workspace, task: Task, config: SplitConfig, listener: Listener | None = None) -> FrozenDataset:
    """The task's rows as a frozen data set; made only if the seeds, the task's output or the config have changed.

    Raises:
        DataError: if the task has no rows, or none that can be used.
    """
    listener = listener or Silent()
    folder = workspace.project.datasets(task.name)
    files = seed_files(workspace.project, task)
    sources = {relative(workspace.project, path): _hash(path) for path in files.values()}
    inputs = content_id([sources, task.name, task.output.model_dump(), config.model_dump(), __version__])
    origin = f"from-{inputs}"
    found = pointed(folder, origin)
    if found:
        dropped = read_lines(_dropped_file(folder, origin), DroppedRow)
        dataset = _with_counts(load_dataset(folder / found), dropped)
        point(folder, LATEST, found)
        listener.dataset(dataset.manifest, dropped, built=False)
        return dataset
    dataset, dropped = _freeze(workspace.project, task, files, sources, config)
    target = folder / dataset.manifest.id
    if not target.exists():  # the same rows may have been frozen from other files before
        save_dataset(dataset, target)
    write_atomic(_dropped_file(folder, origin), "".join(row.model_dump_json() + "\n" for row in dropped))
    for name in (origin, LATEST):
        point(folder, name, dataset.manifest.id)
    listener.dataset(dataset.manifest, dropped, built=True)
    return dataset


def _hash(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path), fix="check what it is") from None


def _dropped_file(folder: Path, origin: str) -> Path:
    return folder / f"{origin}.dropped.jsonl"


def _with_counts(dataset: FrozenDataset, dropped: list[DroppedRow]) -> FrozenDataset:
    """The manifest tells of the seeds it was first made from; others may have given the same rows."""
    kept = sum(len(rows) for rows in dataset.splits.values())
    counts = RowCounts(read=kept + len(dropped), kept=kept, dropped=dict(Counter(row.reason for row in dropped)))
    return FrozenDataset(dataset.manifest.model_copy(update={"counts": counts}), dataset.splits)


def _freeze(
    project: Project, task: Task, files: Mapping[Split, Path], sources: dict[str, str], config: SplitConfig
) -> tuple[FrozenDataset, list[DroppedRow]]:
    results = {split: checked(task, read_examples(path)) for split, path in files.items()}
    if None in results:
        with placed(relative(project, files[None])):
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
    dropped = [row for result in results.values() for row in result.dropped]
    return dataset, [row.model_copy(update={"file": relative(project, Path(row.file))}) for row in dropped]
