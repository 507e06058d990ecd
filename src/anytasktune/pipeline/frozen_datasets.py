"""A task's own and generated rows → its frozen data set, reused as long as nothing that goes into it has changed."""

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

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
from anytasktune.datasets.card import CardNotes, card_files, licence_files
from anytasktune.errors import DataError
from anytasktune.ids import content_id, file_hash
from anytasktune.models.local_places import recall
from anytasktune.pipeline.events import MOST_EXAMPLES, Finished, Note, OnEvent, ignore_event
from anytasktune.pipeline.generated_rows import UsableRows, usable_rows
from anytasktune.pipeline.own_rows import checked, has_own_rows, placed, relative, row_files
from anytasktune.pipeline.reviewing import agreement_of, read_reviews
from anytasktune.pipeline.rows_from_use import accepted_from_use, join_accepted
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import (
    Candidate,
    DatasetManifest,
    DroppedRow,
    DroppedRows,
    Example,
    GeneratedRows,
    PassageSet,
    RowCounts,
    SplitName,
    Task,
)
from anytasktune.settings import SplitConfig
from anytasktune.store import MANIFEST, ArtifactKind, Project, find_or_make, hash_of_rows, read_record, read_ref, record_kind
from anytasktune.version import __version__

DROPPED_ROWS = record_kind(DroppedRows, lambda record: record.id)


@dataclass(frozen=True)
class OwnRows:
    """The rows a task has of its own, divided.

    Attributes:
        splits: split → rows.
        counts: rows read, kept and dropped.
        dropped: those that were not used.
        sources: file → SHA-256.
        split_by: whether the rows came split.
    """

    splits: dict[SplitName, list[Example]] = field(default_factory=dict)
    counts: RowCounts = field(default_factory=RowCounts)
    dropped: Sequence[DroppedRow] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    split_by: Literal["given", "grouped"] = "grouped"


def frozen_dataset(workspace: Workspace, task: Task, config: SplitConfig, on_event: OnEvent | None = None) -> FrozenDataset:
    """The task's rows as a frozen data set; a new one only if its own or generated rows, output or config have changed.

    Raises:
        DataError: the task has no rows, or none that can be used.
    """
    on_event = on_event or ignore_event
    project, folder = workspace.project, workspace.project.datasets(task.name)
    own: OwnRows | None = None
    generated: UsableRows | None = None
    if project.gated(task.name).is_dir():
        own = own_rows(workspace, task, config, few=True)
        generated = usable_rows(project, task, own.splits, lambda text: on_event(Note(text=text)))
    files = {} if generated and not has_own_rows(project, task) else row_files(project, task)
    sources = {relative(project, path): _hash(path) for path in files.values()}
    parts = [sources, task.name, task.output.model_dump(), config.model_dump(), __version__]
    from_use = hash_of_rows(accepted) if (accepted := _accepted(project, task)) else ""
    inputs = content_id([*parts, *([generated.key] if generated else []), *([from_use] if from_use else [])])

    @functools.cache
    def read_rows() -> OwnRows:
        return own if own and generated else own_rows(workspace, task, config, few=False)

    def make() -> FrozenDataset:
        return _freeze(workspace, task, read_rows(), generated, config)

    def save(path: Path, dataset: FrozenDataset) -> None:
        save_dataset(dataset, path, card_files(task, dataset, card_notes(project, task, dataset.manifest.generated)))

    kind = ArtifactKind(load_dataset, save, lambda dataset: dataset.manifest.id)
    last = read_ref(folder)
    dataset, made = find_or_make(folder, kind, inputs, make)
    if last not in {None, dataset.manifest.id} and dataset.manifest.split_by != "given":
        before = read_record(folder / str(last) / MANIFEST, DatasetManifest).config
        _note_another_split(task, before, config, on_event)
    record, _ = find_or_make(
        folder / "dropped",
        DROPPED_ROWS,
        inputs,
        lambda: DroppedRows(id=inputs, rows=tuple(read_rows().dropped)),
        latest=None,
        note=lambda text: on_event(Note(text=text)),
    )
    dropped, manifest = record.rows, dataset.manifest
    if not made:  # other files may have given the same rows before, with other counts
        kept = sum(len(rows) - manifest.generated_in(name) for name, rows in dataset.splits.items())
        counts = RowCounts(read=kept + len(dropped), kept=kept, dropped=dict(Counter(row.reason for row in dropped)))
        manifest = manifest.model_copy(update={"counts": counts})
        dataset = replace(dataset, manifest=manifest)
    on_event(_finished(task, manifest, dropped, reused=not made))
    return dataset


def _note_another_split(task: Task, before: SplitConfig, now: SplitConfig, on_event: OnEvent) -> None:
    if changed := [name for name in SplitConfig.model_fields if getattr(before, name) != getattr(now, name)]:
        ours = ", ".join(f"split.{name} {getattr(now, name)} (was {getattr(before, name)})" for name in changed)
        what = f"{task.name}: another split than in the last command, {ours}; write it into settings.yaml to keep one"
        on_event(Note(text=what))


def _finished(task: Task, manifest: DatasetManifest, dropped: Sequence[DroppedRow], *, reused: bool) -> Finished:
    return Finished(
        stage="data",
        name=task.name,
        artifact=manifest.id,
        reused=reused,
        detail=", ".join(f"{info.rows} {name}" for name, info in manifest.splits.items()) + " rows",
        kept=manifest.counts.kept,
        dropped=manifest.counts.dropped,
        examples=tuple(f"{row.file}:{row.row}: {row.reason}, {row.detail}" for row in dropped[:MOST_EXAMPLES]),
    )


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
        return _with_rows_from_use(project, task, OwnRows(), config)
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
    own = OwnRows(
        splits,
        total_counts(result.counts for result in results.values()),
        [row.model_copy(update={"file": relative(project, Path(row.file))}) for row in dropped],
        {relative(project, path): _hash(path) for path in files.values()},
        "grouped" if None in files else "given",
    )
    return _with_rows_from_use(project, task, own, config)


def _accepted(project: Project, task: Task) -> list[Candidate]:
    return accepted_from_use(project, task, read_reviews(project, task)) if project.use.is_dir() else []


def _with_rows_from_use(project: Project, task: Task, own: OwnRows, config: SplitConfig) -> OwnRows:
    """The rows, and in train those that people accepted of what came from use."""
    accepted = _accepted(project, task)
    if not accepted:
        return own
    rows, dropped = join_accepted(task, own.splits, accepted, config.near_duplicate)
    reasons = Counter(row.reason for row in dropped)
    counts = total_counts([own.counts, RowCounts(read=len(accepted), kept=len(rows), dropped=dict(reasons))])
    splits = own.splits | {"train": [*own.splits.get("train", []), *rows]}
    sources = {**own.sources, f"use/{task.name}": hash_of_rows(accepted)}
    return replace(own, splits=splits, counts=counts, dropped=[*own.dropped, *dropped], sources=sources)


def _divide(examples: Sequence[Example], config: SplitConfig, *, few: bool) -> dict[SplitName, list[Example]]:
    try:
        return split_examples(examples, config)
    except DataError:
        if not few:
            raise
        return {"train": list(examples)}


def _freeze(workspace: Workspace, task: Task, own: OwnRows, generated: UsableRows | None, config: SplitConfig) -> FrozenDataset:
    splits, part = generated.join(own.splits, config) if generated else (own.splits, None)
    if generated and not splits.get("train"):
        fix = f"generate more of them: {workspace.project.command('build', task.name)}"
        raise DataError(f"task {task.name} has no train rows: no generated row can be used for training", fix=fix)
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


def card_notes(project: Project, task: Task, generated: GeneratedRows | None) -> CardNotes:
    """Licences beside the documents and agreement of the reviewers; nothing for a data set without generated rows."""
    if generated is None:
        return CardNotes()
    manifests = {identity: project.passages / identity / MANIFEST for identity in generated.passages}
    folders = {identity: read_record(path, PassageSet).folder for identity, path in manifests.items() if path.exists()}
    own = {identity: project.root / folder for identity, folder in folders.items()}
    # the project's own folder before one outside of it: a copy of a project must not read the original's
    places = {place if place.is_dir() else recall(identity) for identity, place in own.items()}
    licences = sorted({name for place in places if place and place.is_dir() for name in licence_files(place, project.root)})
    try:
        return CardNotes(licences, agreement_of(project, task))
    except DataError:  # no candidates any more, or a damaged review
        return CardNotes(licences)


def _hash(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path), fix="check what it is") from None
