"""A task's seeds and the rows made for it → its frozen data set, made again only when something that goes into it changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from anytasktune.datasets import (
    FrozenDataset,
    GeneratedPart,
    drop_leaks,
    freeze,
    load_dataset,
    read_examples,
    save_dataset,
    split_examples,
    total_counts,
)
from anytasktune.datasets.card import card_files
from anytasktune.errors import DataError
from anytasktune.ids import content_id, file_hash
from anytasktune.pipeline.card_notes import card_notes
from anytasktune.pipeline.events import Listener, Silent
from anytasktune.pipeline.made_rows import MadeMaterial, made_material
from anytasktune.pipeline.own_rows import checked, has_own_rows, placed, relative, row_files
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import DatasetManifest, DroppedRow, Example, RowCounts, SplitName, Task
from anytasktune.settings import SplitConfig
from anytasktune.store import LATEST, MANIFEST, read_lines, read_record, read_ref, write_atomic, write_ref
from anytasktune.version import __version__


@dataclass(frozen=True)
class OwnRows:
    """The rows a task has of its own, divided.

    Attributes:
        splits: split → rows.
        counts: what became of the rows that were read.
        dropped: those that were not used.
        sources: file → SHA-256.
        split_by: whether the rows came split.
    """

    splits: dict[SplitName, list[Example]] = field(default_factory=dict)
    counts: RowCounts = field(default_factory=RowCounts)
    dropped: Sequence[DroppedRow] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    split_by: Literal["given", "grouped"] = "grouped"


def frozen_dataset(workspace: Workspace, task: Task, config: SplitConfig, listener: Listener | None = None) -> FrozenDataset:
    """The task's rows as a frozen data set; made only if its seeds, made rows or output, or the config have changed.

    Raises:
        DataError: if the task has no rows, or none that can be used.
    """
    listener = listener or Silent()
    project, folder = workspace.project, workspace.project.datasets(task.name)
    divided, made = _made(workspace, task, config, listener)
    files = {} if made and not has_own_rows(project, task) else row_files(project, task)
    sources = {relative(project, path): _hash(path) for path in files.values()}
    parts = [sources, task.name, task.output.model_dump(), config.model_dump(), __version__, *([made.key] if made else [])]
    origin = f"from-{content_id(parts)}"
    found = read_ref(folder, origin)
    if found:
        dropped = read_lines(_dropped_file(folder, origin), DroppedRow)
        dataset = _with_counts(load_dataset(folder / found), dropped)
        _note_another_split(folder, dataset.manifest, config, listener)
        write_ref(folder, LATEST, found)
        listener.dataset(dataset.manifest, dropped, built=False)
        return dataset
    own = divided if divided and made else own_rows(workspace, task, config, few=False)
    dataset = _freeze(task, own, made, config)
    target = folder / dataset.manifest.id
    if not target.exists():  # the same rows may have been frozen from other files before
        notes = card_notes(project, task, dataset.manifest.generated)
        save_dataset(dataset, target, card_files(task, dataset, notes))
    write_atomic(_dropped_file(folder, origin), "".join(row.model_dump_json() + "\n" for row in own.dropped))
    _note_another_split(folder, dataset.manifest, config, listener)
    for name in (origin, LATEST):
        write_ref(folder, name, dataset.manifest.id)
    listener.dataset(dataset.manifest, own.dropped, built=True)
    return dataset


def _note_another_split(folder: Path, now: DatasetManifest, config: SplitConfig, listener: Listener) -> None:
    """Say so where the rows are split by other settings than in the data set of the last command."""
    latest = read_ref(folder)
    if latest in {None, now.id} or now.split_by == "given":
        return
    last = read_record(folder / str(latest) / MANIFEST, DatasetManifest).config
    changed = [name for name in SplitConfig.model_fields if getattr(last, name) != getattr(config, name)]
    if changed:
        ours = ", ".join(f"split.{name} {getattr(config, name)} (was {getattr(last, name)})" for name in changed)
        listener.note(f"{now.task}: another split than in the last command, {ours}; write it into settings.yaml to keep one")


def own_splits(workspace: Workspace, task: Task, config: SplitConfig) -> dict[SplitName, list[Example]]:
    """The task's own rows, divided as they will be in its data set; empty if it has none, all in train if they are too few.

    Raises:
        DataError: they cannot be read, or none can be used.
    """
    return own_rows(workspace, task, config, few=True).splits


def own_rows(workspace: Workspace, task: Task, config: SplitConfig, *, few: bool) -> OwnRows:
    """The task's own rows, divided.

    Args:
        few: there may be none, or too few to be divided: then they all are train rows.

    Raises:
        DataError: they cannot be read, none can be used, or (unless `few`) there are too few of them.
    """
    project = workspace.project
    if few and not has_own_rows(project, task):
        return OwnRows()
    files = row_files(project, task)
    results = {split: checked(task, read_examples(path)) for split, path in files.items()}
    if None in results:
        with placed(relative(project, files[None])):
            splits = _divide(results[None].examples, config, few=few)
    else:
        given = drop_leaks({split: result for split, result in results.items() if split}, near_duplicate=config.near_duplicate)
        results = dict(given.items())
        splits = {split: result.examples for split, result in given.items()}
    dropped = [row for result in results.values() for row in result.dropped]
    return OwnRows(
        splits,
        total_counts(result.counts for result in results.values()),
        [row.model_copy(update={"file": relative(project, Path(row.file))}) for row in dropped],
        {relative(project, path): _hash(path) for path in files.values()},
        "grouped" if None in files else "given",
    )


def _divide(examples: Sequence[Example], config: SplitConfig, *, few: bool) -> dict[SplitName, list[Example]]:
    try:
        return split_examples(examples, config)
    except DataError:
        if not few:
            raise
        return {"train": list(examples)}


def _made(
    workspace: Workspace, task: Task, config: SplitConfig, listener: Listener
) -> tuple[OwnRows | None, MadeMaterial | None]:
    """The own rows, looked at if anything was made for the task; and what was made, if it may be used with them."""
    if not workspace.project.gated(task.name).is_dir():
        return None, None
    own = own_rows(workspace, task, config, few=True)
    return own, made_material(workspace.project, task, own.splits, listener)


def _freeze(task: Task, own: OwnRows, made: MadeMaterial | None, config: SplitConfig) -> FrozenDataset:
    splits, part = own.splits, None
    if made is not None:
        splits, part = _joined(task, own, made, config)
    return freeze(
        task,
        splits,
        counts=own.counts,
        sources=own.sources,
        split_by=own.split_by,
        config=config,
        code_version=__version__,
        made=part,
    )


def _joined(
    task: Task, own: OwnRows, made: MadeMaterial, config: SplitConfig
) -> tuple[dict[SplitName, list[Example]], GeneratedPart]:
    joined = made.join(own.splits, config)
    splits = {split: list(rows) for split, rows in own.splits.items()}
    for position, split in joined.placed.items():
        splits.setdefault(split, []).append(made.rows[position].example())
    if not splits.get("train"):
        fix = f"make more of them: anytasktune build {task.name}"
        raise DataError(f"task {task.name} has no train rows: no made row can be used for training", fix=fix)
    return splits, made.part(joined, own.splits, config)


def _hash(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path), fix="check what it is") from None


def _dropped_file(folder: Path, origin: str) -> Path:
    return folder / f"{origin}.dropped.jsonl"


def _with_counts(dataset: FrozenDataset, dropped: list[DroppedRow]) -> FrozenDataset:
    """The manifest tells of the seeds it was first made from; others may have given the same rows."""
    kept = sum(len(rows) - dataset.manifest.generated_in(name) for name, rows in dataset.splits.items())
    counts = RowCounts(read=kept + len(dropped), kept=kept, dropped=dict(Counter(row.reason for row in dropped)))
    return FrozenDataset(dataset.manifest.model_copy(update={"counts": counts}), dataset.splits, dataset.lineage)
