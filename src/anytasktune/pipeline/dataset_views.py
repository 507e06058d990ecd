"""`dataset`: the contents of a data set, the lineage of a row, changes between versions, and exports."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anytasktune.datasets import FrozenDataset, load_dataset
from anytasktune.datasets.card import CARDS, LABEL_PLOT, LENGTH_PLOT
from anytasktune.datasets.dataset_facts import SplitFacts, data_warnings, measure
from anytasktune.datasets.differences import DatasetDiff, compare
from anytasktune.datasets.exporting import ExportedTask, ExportFormat, export
from anytasktune.errors import ConfigError, DataError
from anytasktune.pipeline.candidate_runs import GatedCandidates
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.frozen_datasets import frozen_dataset
from anytasktune.pipeline.own_rows import has_own_rows, row_places
from anytasktune.pipeline.rows_from_use import FROM_USE
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.review import GatedRows
from anytasktune.schema import SPLIT_NAMES, DatasetManifest, Example, Lineage, Seal, SplitName, Task, Verdict
from anytasktune.settings import SplitConfig
from anytasktune.store import LATEST, MANIFEST, Project, disk_errors, read_record, read_ref

BESIDE = (*CARDS.values(), LABEL_PLOT, LENGTH_PLOT)
"""Files of a data set's folder that explain it."""
_PLACE = re.compile(r"(train|dev|test)[:\s]?(\d+)")
_SHORTEST_ID = 4


@dataclass(frozen=True)
class DatasetView:
    """A data set with its contents counted, its folder, and what a user of it must know."""

    task: Task
    frozen: FrozenDataset
    facts: dict[SplitName, SplitFacts]
    folder: Path
    warnings: list[str]


@dataclass(frozen=True)
class Parent:
    """A row that another one was generated from.

    Attributes:
        id: its id.
        row: its texts; None if they do not exist any more.
        place: in words: a file and row, a split and number, or `candidate`.
    """

    id: str
    row: Example | None
    place: str


@dataclass(frozen=True)
class RowView:
    """One row and its lineage.

    Attributes:
        split, number: place in the data set, counted from 1.
        place: the file and row of an own row; empty for generated ones.
        lineage: of a generated row.
        parents: the rows it was generated from, and those they were generated from, up to own rows.
        verdicts: of the gates and the judge.
    """

    split: SplitName
    number: int
    row: Example
    place: str = ""
    lineage: Lineage | None = None
    parents: tuple[Parent, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class RowFilter:
    """The rows to show; an empty field leaves out none.

    Attributes:
        query: words that stand in the input or the output, whatever their case.
        label: the whole output.
        origin: `own` or `generated`.
    """

    split: SplitName | Literal[""] = ""
    query: str = ""
    label: str = ""
    language: Language | Literal[""] = ""
    origin: Literal["", "own", "generated"] = ""


@dataclass(frozen=True)
class PlacedRow:
    """A row with its place in a data set."""

    split: SplitName
    number: int
    row: Example
    generated: bool


def matching_rows(view: DatasetView, wanted: RowFilter) -> list[PlacedRow]:
    """The rows of a data set that a filter lets through, in their order."""
    generated = {(line.split, line.example) for line in view.frozen.lineage}
    words, task = wanted.query.casefold().strip(), view.task
    return [
        PlacedRow(split, number, row, is_generated)
        for split in SPLIT_NAMES
        if wanted.split in {"", split}
        for number, row in enumerate(view.frozen.splits.get(split, ()), 1)
        if (is_generated := (split, row.id) in generated) == (wanted.origin == "generated") or not wanted.origin
        if not wanted.label or row.output.strip() == wanted.label
        if not wanted.language or task.language_of(row.language) == wanted.language
        if not words or words in row.input.casefold() or words in row.output.casefold()
    ]


def warnings_in(view: DatasetView, language: Language) -> list[str]:
    """The warnings about a data set in a language."""
    return data_warnings(view.task, view.frozen.manifest, view.facts, language)


def card_text(view: DatasetView, language: Language) -> str:
    """The card of a data set as Markdown; empty if it has none.

    Raises:
        StoreError: it cannot be read.
    """
    path = view.folder / CARDS[language]
    with disk_errors(path):
        return path.read_text(encoding="utf-8") if path.exists() else ""


def sealed_test_rows(project: Project, task: Task) -> tuple[str, int] | None:
    """The seal that was made last and the number of the task's test inputs in it; None if there is no seal yet."""
    identity = read_ref(project.seals)
    if identity is None:
        return None
    seal = read_record(project.seals / f"{identity}.json", Seal)
    return seal.id, len(seal.inputs.get(task.name, ()))


def current_dataset(workspace: Workspace, task: Task, on_event: OnEvent | None = None) -> DatasetView:
    """The task's rows of today, split with the settings of the last time; frozen if they have changed since.

    Raises:
        DataError: the task has no rows, or none that can be used.
    """
    folder = workspace.project.datasets(task.name)
    found = read_ref(folder)
    config = read_record(folder / found / MANIFEST, DatasetManifest).config if found else SplitConfig()
    frozen = frozen_dataset(workspace, task, config, on_event)
    return _view(workspace, task, frozen)


def stored_dataset(workspace: Workspace, task: Task, name: str) -> DatasetView:
    """A version of the task's data set by the beginning of its id.

    Raises:
        ConfigError: there is none, or several.
    """
    known = [manifest.id for manifest in versions(workspace, task)]
    fitting = [identity for identity in known if identity.startswith(name)]
    if len(fitting) != 1:
        what = f"there is no data set {name!r}" if not fitting else f"several data sets begin with {name!r}"
        fix = f"the data sets of {task.name} are: {', '.join(known) or 'none yet'}"
        raise ConfigError(what, where=f"task {task.name}", fix=fix)
    return _view(workspace, task, load_dataset(workspace.project.datasets(task.name) / fitting[0]))


def versions(workspace: Workspace, task: Task) -> list[DatasetManifest]:
    """All versions of the task's data set, oldest first; the one in use is the last."""
    folder = workspace.project.datasets(task.name)
    manifests = sorted(folder.glob(f"[!.]*/{MANIFEST}"), key=lambda path: (path.stat().st_mtime_ns, path.parent.name))
    found = [read_record(path, DatasetManifest) for path in manifests]
    in_use = read_ref(folder, LATEST)
    return sorted(found, key=lambda manifest: manifest.id == in_use)


def diff(workspace: Workspace, task: Task, old: str = "", new: str = "", on_event: OnEvent | None = None) -> DatasetDiff:
    """Changes between two versions; by default between the rows of today and the version before.

    Raises:
        ConfigError: there is no such version, or only one.
    """
    now = stored_dataset(workspace, task, new) if new else current_dataset(workspace, task, on_event)
    if old:
        return compare(task, stored_dataset(workspace, task, old).frozen, now.frozen)
    known = [manifest.id for manifest in versions(workspace, task)]
    earlier = known[: known.index(now.frozen.manifest.id)] or [name for name in known if name != now.frozen.manifest.id]
    if not earlier:
        fix = "there will be another once rows are added, generated or split again"
        raise ConfigError("there is only one version to compare", where=f"task {task.name}", fix=fix)
    return compare(task, stored_dataset(workspace, task, earlier[-1]).frozen, now.frozen)


def is_row(name: str) -> bool:
    """Whether `name` is a place in a split, such as `test:3`."""
    return _PLACE.fullmatch(name) is not None


def find_row(workspace: Workspace, view: DatasetView, name: str) -> RowView:
    """A row, by its place (`train:12`) or the beginning of its id, with its lineage.

    Raises:
        DataError: there is no such row, or several.
    """
    rows = [(split, number, row) for split in SPLIT_NAMES for number, row in enumerate(view.frozen.splits.get(split, ()), 1)]
    place = _PLACE.fullmatch(name.replace("：", ":"))
    if place:
        fitting = [item for item in rows if item[0] == place[1] and item[1] == int(place[2])]
    else:
        fitting = [item for item in rows if len(name) >= _SHORTEST_ID and item[2].id.startswith(name)]
    if len(fitting) != 1:
        what = f"{len(fitting)} rows have an id that begins with {name!r}" if fitting else f"there is no row {name!r}"
        near = difflib.get_close_matches(name, [item[2].id for item in rows], n=1, cutoff=0.8)
        fix = f"did you mean {near[0]}?" if near else "give SPLIT:NUMBER, such as test:3, or the id of a row or a data set"
        raise DataError(what, where=f"task {view.task.name}, data set {view.frozen.manifest.id}", fix=fix)
    split, number, row = fitting[0]
    lineage = next((line for line in view.frozen.lineage if line.split == split and line.example == row.id), None)
    places = row_places(workspace.project, view.task) if has_own_rows(workspace.project, view.task) else {}
    if lineage is None:
        elsewhere = row.source if (row.source or "").startswith(FROM_USE) else "a file of rows that has changed since"
        return RowView(split, number, row, places.get(row.id, elsewhere or ""))
    folder = workspace.project.gated(view.task.name) / lineage.gated
    found = GatedCandidates.load(folder) if folder.exists() else None
    gated = GatedRows(found.kept, found.dropped, found.verdicts) if found else GatedRows(())
    verdicts = tuple(gated.verdicts_of(lineage.candidate))
    return RowView(split, number, row, "", lineage, _parents(view, lineage, gated, places), verdicts)


def export_datasets(
    workspace: Workspace,
    tasks: Sequence[Task],
    folder: Path,
    format: ExportFormat,
    *,
    metadata: bool = False,
    force: bool = False,
    on_event: OnEvent | None = None,
) -> list[Path]:
    """Write the tasks' rows as they are now below `folder`; see `export`. Returns the files.

    Raises:
        DataError: a task has no rows that can be used.
        StoreError: as `export`.
    """
    exported = []
    for task in tasks:
        view = current_dataset(workspace, task, on_event)
        beside = {name: (view.folder / name).read_text(encoding="utf-8") for name in BESIDE if (view.folder / name).exists()}
        exported.append(ExportedTask(task, view.frozen, beside))
    domain = workspace.domain
    return export(exported, folder, format, metadata=metadata, title=domain.title.get("en", domain.name), force=force)


def _view(workspace: Workspace, task: Task, frozen: FrozenDataset) -> DatasetView:
    folder = workspace.project.datasets(task.name) / frozen.manifest.id
    facts = measure(task, frozen)
    return DatasetView(task, frozen, facts, folder, data_warnings(task, frozen.manifest, facts))


def _parents(view: DatasetView, lineage: Lineage, gated: GatedRows, places: Mapping[str, str]) -> tuple[Parent, ...]:
    """All rows a generated row goes back to, the nearest first, each once."""
    rows = {
        row.id: (row, f"{split}:{number}")
        for split, split_rows in view.frozen.splits.items()
        for number, row in enumerate(split_rows, 1)
    }
    origins = {line.example: line.origin for line in view.frozen.lineage}
    found: dict[str, Parent] = {}
    waiting = list(lineage.origin.parents)
    while waiting:
        identity = waiting.pop(0)
        if identity in found:
            continue
        candidate = gated.find(identity)
        row, place = rows.get(identity, (candidate.example() if candidate else None, "a candidate" if candidate else "gone"))
        found[identity] = Parent(identity, row, places.get(identity, place))
        origin = candidate.origin if candidate else origins.get(identity)
        waiting += origin.parents if origin else ()
    return tuple(found.values())
