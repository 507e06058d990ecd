"""`verify`: every number of a report, computed again from the stored predictions and rows and compared with what it says."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anytasktune.datasets import FrozenDataset, load_dataset
from anytasktune.errors import AnyTaskTuneError, EvaluationError, StoreError
from anytasktune.evaluation import (
    NOTHING_ACROSS,
    AcrossTasks,
    MatrixTask,
    ScoredSystem,
    build_matrix,
    build_report,
    choose_way,
    hash_of_record,
    report_id,
    report_items,
    score_system,
    task_report,
)
from anytasktune.evaluation.forgetting_guard import GENERAL_TASK, measure_forgetting
from anytasktune.inference.few_shot import SHOT_DEV_ROWS
from anytasktune.pipeline.reporting import report_folder
from anytasktune.pipeline.stored_curves import curves_again
from anytasktune.pipeline.stored_judgements import scores_again
from anytasktune.pipeline.stored_router_evaluations import stored_again
from anytasktune.pipeline.stored_transfers import transfer_again
from anytasktune.pipeline.workspace import Workspace
from anytasktune.reports import report_files
from anytasktune.schema import (
    Example,
    PredictionSet,
    Report,
    ReportItem,
    Run,
    ShotChoice,
    SystemResult,
    Task,
    TaskMatrix,
    TaskReport,
)
from anytasktune.schema.forgetting import Forgetting, ForgettingOf
from anytasktune.schema.linear_manifest import LinearModelManifest
from anytasktune.schema.task_matrix import BASE_MODEL, MatrixCell, MatrixModel
from anytasktune.settings import EvalConfig
from anytasktune.store import MANIFEST, SUMS_FILE, Project, check_sums, read_record
from anytasktune.store.run_folder import ADAPTER_FOLDER, RUN_FILE, read_task_lm
from anytasktune.version import __version__

_NEGLIGIBLE = 1e-9
"""Two numbers that differ by less, relative to their size, are the same: machines round differently."""
_PROGRAM = "anytasktune"
_Scored = SystemResult | MatrixCell | ForgettingOf | Forgetting
"""Results that name their predictions."""


@dataclass(frozen=True)
class Mismatch:
    """One thing that is not as the report says.

    Attributes:
        place: a file, and the path to the value in it.
        what: what is wrong.
        stored: the value as it is stored, as JSON; empty where it is not about a value.
        computed: the value as it is computed now, likewise.
    """

    place: str
    what: str
    stored: str = ""
    computed: str = ""


@dataclass(frozen=True)
class Verification:
    """The outcome of verifying one report.

    Attributes:
        report: its id.
        folder: the folder it is in.
        mismatches: everything that is not as it says; empty where all is.
        numbers: how many numbers were compared.
        items: how many test rows were scored again, over all tasks.
        pages_skipped: whether the pages could not be made again for comparison, since another version made them.
    """

    report: str
    folder: Path
    mismatches: tuple[Mismatch, ...]
    numbers: int
    items: int
    pages_skipped: bool = False


def verify(workspace: Workspace, identity: str | None = None) -> Verification:
    """Compute a report again from what it was made of, and compare every number, item and page.

    Args:
        identity: the report's id or the beginning of it; None: the last one.

    Raises:
        EvaluationError: there is no such report.
    """
    folder = report_folder(workspace.project, identity)
    stored, found = _read_report(folder)
    if stored is None:
        return Verification(folder.name, folder, tuple(found), 0, 0)
    if stored.id != report_id(stored) or stored.id != folder.name:
        found.append(Mismatch(str(folder), "the name of the folder is not that of the content", stored.id, report_id(stored)))
    computed: list[tuple[TaskReport, list[ReportItem]]] = []
    for task in stored.tasks:
        try:
            computed.append(_measured_again(workspace.project, task, stored.model, stored.config, found))
        except AnyTaskTuneError as error:
            found += _as_mismatches(error)
    across = NOTHING_ACROSS
    try:
        across = _across_again(workspace.project, stored, found)
    except AnyTaskTuneError as error:
        found += _as_mismatches(error)
    if len(computed) < len(stored.tasks):
        return Verification(stored.id, folder, tuple(found), 0, 0)
    again = build_report(
        stored.domain,
        stored.model,
        [task for task, _ in computed],
        stored.config,
        stored.versions,
        stored.machine,
        stored.created,
        across,
    ).model_copy(update={"id": stored.id})
    says, gives = stored.model_dump(mode="json"), again.model_dump(mode="json")
    found += [
        Mismatch(f"{folder / 'report.json'}: {path}", "another value is computed", *values)
        for path, *values in differing(says, gives)
    ]
    items = [item for _, task_items in computed for item in task_items]
    same_version = stored.versions.get(_PROGRAM) == __version__
    for name, text in report_files(again, items).items() if same_version else ():
        path = folder / name
        if path.is_file() and path.read_bytes() != text.encode():
            found.append(Mismatch(str(path), "the file is not what the predictions give"))
    return Verification(stored.id, folder, tuple(found), _count_numbers(says), len(items), not same_version)


def differing(stored: Any, computed: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """The places of two JSON values that differ: (path, stored, computed), the values as JSON."""
    if isinstance(stored, dict) and isinstance(computed, dict):
        for key in dict.fromkeys((*stored, *computed)):
            yield from differing(stored.get(key), computed.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(stored, list) and isinstance(computed, list) and len(stored) == len(computed):
        for place, (one, other) in enumerate(zip(stored, computed, strict=True)):
            yield from differing(one, other, f"{path}[{place}]")
    elif not _same(stored, computed):
        yield path, json.dumps(stored, ensure_ascii=False), json.dumps(computed, ensure_ascii=False)


def _same(stored: Any, computed: Any) -> bool:
    if isinstance(stored, float) and isinstance(computed, float):
        return abs(stored - computed) <= _NEGLIGIBLE * max(1.0, abs(stored), abs(computed))
    return bool(stored == computed)


def _count_numbers(value: Any) -> int:
    if isinstance(value, dict | list):
        return sum(map(_count_numbers, value.values() if isinstance(value, dict) else value))
    return int(isinstance(value, int | float) and not isinstance(value, bool))


def _as_mismatches(error: AnyTaskTuneError) -> list[Mismatch]:
    return [Mismatch(problem.where, problem.what) for problem in error.problems]


def _read_report(folder: Path) -> tuple[Report | None, list[Mismatch]]:
    """The report as it stands there, whether or not checksums hold, and what is wrong with the files of the folder."""
    path, found = folder / "report.json", []
    if not (folder / SUMS_FILE).is_file():
        found.append(Mismatch(str(folder / SUMS_FILE), "the file is missing"))
    try:
        check_sums(folder)
        return read_record(path, Report), found
    except StoreError as error:
        found += _as_mismatches(error)
    try:
        content = json.loads(path.read_bytes())
        return Report.model_validate({key: value for key, value in content.items() if key != "record_sha256"}), found
    except (OSError, ValueError, AttributeError) as error:
        return None, [*found, Mismatch(str(path), f"the report cannot be read: {type(error).__name__}")]


def _measured_again(
    project: Project, stored: TaskReport, model: str, config: EvalConfig, found: list[Mismatch]
) -> tuple[TaskReport, list[ReportItem]]:
    """The report on one task and its items from the artefacts it names; what does not match joins `found`.

    Raises:
        EvaluationError: the report does not say what it was made of, or predictions and rows do not go together.
        StoreError: an artefact is missing or damaged.
    """
    task = stored.definition
    if task is None or not stored.dataset:
        fix = f"make it anew: {project.command('eval', stored.task)}"
        what = "the report does not say what it was made of; an earlier version made it"
        raise EvaluationError(what, where=stored.task, fix=fix)
    dataset = load_dataset(project.datasets(stored.task) / stored.dataset)
    held_out = dataset.splits.get(config.split, [])
    rows = held_out[: config.max_rows]
    scored = [_scored_again(project, task, dataset, rows, result, found) for result in stored.systems]
    runs = {
        result.system: read_record(project.artifacts / "runs" / result.run / RUN_FILE, Run)
        for result in stored.systems
        if result.run
    }
    generated = dataset.generated_in(config.split, rows)
    report = task_report(task, rows, scored, runs, config, len(held_out), generated, stored.dataset)
    items, kept = report_items(task, rows, scored), stored.learning_curves
    curves = curves_again(project, task, dataset, kept, config) if kept else None
    judged = scores_again(project, stored, items, model)
    transfer = transfer_again(project, task, dataset, stored.transfer, config) if stored.transfer else None
    return report.model_copy(update={"learning_curves": curves, "judged": judged, "transfer": transfer}), items


def _scored_again(
    project: Project,
    task: Task,
    dataset: FrozenDataset,
    rows: Sequence[Example],
    result: SystemResult,
    found: list[Mismatch],
) -> ScoredSystem:
    predictions = _predictions(project, task.name, result, found)
    choice = result.shot_choice
    if choice and choice.predictions:
        choice = _chosen_again(project, task, dataset, choice)
    threshold = None
    if result.run:
        threshold = read_task_lm(project.artifacts / "runs" / result.run / ADAPTER_FOLDER).thresholds.get(task.name)
    scored = replace(score_system(task, rows, predictions), shots=result.shots, shot_choice=choice, threshold=threshold)
    if result.kept_at is None:
        return scored
    manifest = read_record(project.root / result.kept_at / MANIFEST, LinearModelManifest)
    return replace(scored, kept_at=result.kept_at, train_rows=manifest.train_rows, train_seconds=manifest.usage.seconds)


def _predictions(project: Project, task: str, scored: _Scored, found: list[Mismatch]) -> PredictionSet:
    """The predictions behind a result; where they are others than those that were scored, that joins `found`."""
    path = project.predictions(task) / f"{scored.predictions}.json"
    predictions = read_record(path, PredictionSet)
    if hash_of_record(predictions) != scored.predictions_sha256:
        what = "these are not the predictions that were scored"
        found.append(Mismatch(str(path), what, scored.predictions_sha256, hash_of_record(predictions)))
    return predictions


def _across_again(project: Project, stored: Report, found: list[Mismatch]) -> AcrossTasks:
    """The measurements beside those of the tasks, from the predictions it names; errors as `_measured_again`."""
    matrix, again = _matrix_again(project, stored, found), None
    if stored.forgetting:
        results: dict[str, _Scored] = {BASE_MODEL: stored.forgetting, **{one.target: one for one in stored.forgetting.models}}
        answers = {target: _predictions(project, GENERAL_TASK.name, one, found) for target, one in results.items()}
        tasks = [task.definition for task in stored.tasks if task.definition]
        models = [MatrixModel(target=one.target, system=one.system, run=one.run) for one in stored.forgetting.models]
        again = measure_forgetting(models, answers, stored.config, matrix, tasks)
    return AcrossTasks(matrix, again, stored_again(project, stored.router))


def _matrix_again(project: Project, stored: Report, found: list[Mismatch]) -> TaskMatrix | None:
    """The matrix of every Task-LM on every task from the predictions it names; errors as `_measured_again`."""
    if stored.matrix is None:
        return None
    answered = []
    for report in stored.tasks:
        cells = [cell for cell in stored.matrix.cells if cell.task == report.task]
        if report.definition and cells:
            splits = load_dataset(project.datasets(report.task) / report.dataset).splits
            rows = splits.get("dev", [])[: stored.config.max_rows]
            sets = {cell.target: _predictions(project, report.task, cell, found) for cell in cells}
            scored = {target: score_system(report.definition, rows, predictions) for target, predictions in sets.items()}
            answered.append(MatrixTask(report.definition, rows, scored))
    return build_matrix(stored.matrix.models, answered, stored.config)


def _chosen_again(project: Project, task: Task, dataset: FrozenDataset, choice: ShotChoice) -> ShotChoice:
    dev = dataset.splits.get("dev", [])[:SHOT_DEV_ROWS]
    ways = {
        way: score_system(task, dev, read_record(project.predictions(task.name) / f"{identity}.json", PredictionSet))
        for way, identity in choice.predictions.items()
    }
    return choose_way(task, dev, ways["fixed"], ways["similar"])
