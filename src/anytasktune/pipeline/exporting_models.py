"""`export`: Task-LMs in the forms other programs load, each compared with the original before it is there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from anytasktune.datasets import load_dataset
from anytasktune.errors import EvaluationError, ExportError
from anytasktune.exporting.export_source import ExportSource
from anytasktune.exporting.gguf_files import write_model
from anytasktune.exporting.merged_folders import NumberFormat
from anytasktune.exporting.model_card import CardFacts
from anytasktune.exporting.parity import compare_with_training
from anytasktune.exporting.write_export import Form, write_export
from anytasktune.inference.golden_prompts import golden_prompts
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import BaseLM, load_base, name_of
from anytasktune.models.resolve import hub_id, resolve_model
from anytasktune.pipeline.answering import version_of
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.events import Finished, OnEvent, Started, ignore_event
from anytasktune.pipeline.production import production_run, promoted
from anytasktune.pipeline.reporting import load_report
from anytasktune.pipeline.stored_runs import last_runs
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Example, GoldenPrompts, GoldenRows, ParityResult, Run, Task, TaskReport, TrainedElsewhere
from anytasktune.settings import Settings, System
from anytasktune.store import exporting, read_record, read_ref
from anytasktune.store.run_folder import ADAPTER_FOLDER, GOLDEN_FILE
from anytasktune.training.train_runs import versions

PRODUCTION = "production"
"""The word for the promoted version."""


@dataclass(frozen=True)
class ExportOptions:
    """Choices of one export.

    Attributes:
        form: of the files.
        out: folder to write below; a task's export goes to `<task>/<form>` in it.
        system: the Task-LM to export: the task's own, its Action-LM, or the Mixed-LM.
        version: `production`, or the beginning of the id of a run or Task-LM, of whatever granularity; empty: the newest of
            `system`.
        number_format: of the weights; the usual one of the form unless given.
        force: overwrite files that this program did not write.
        accept_differences: write what does not answer as the Task-LM does, too; its card says so.
    """

    form: Form
    out: Path
    system: System = "tuned"
    version: str = ""
    number_format: NumberFormat | None = None
    force: bool = False
    accept_differences: bool = False


@dataclass(frozen=True)
class ExportedModel:
    """One task's export as it was written.

    Attributes:
        has_head: whether the report's answers are joined with a label head that is not part of the export.
        since_training: the Task-LM of now against that of its training; None where nothing was recorded then.
    """

    task: str
    folder: Path
    facts: CardFacts
    has_head: bool
    since_training: ParityResult | None


def number_format(given: str | None, form: Form) -> NumberFormat | None:
    """The number format of this name; None for the usual one of the form.

    Raises:
        ExportError: there is none, or llama.cpp must make it.
    """
    known = get_args(NumberFormat)
    name = given.casefold() if given else None
    if name in known or name is None:
        return cast(NumberFormat | None, name)
    if form in {"gguf", "gguf-lora", "ollama"} and re.fullmatch(r"i?q\d\w*", name):
        what = f"{name} is made by a program of llama.cpp, from a file in f16"
        fix = f"export with --quantize f16, then run: llama-quantize TASK-f16.gguf TASK-{name}.gguf {name.upper()}"
        raise ExportError(what, where="--quantize", fix=fix)
    raise ExportError(f"there is no number format {given!r}", where="--quantize", fix=f"give one of {', '.join(known)}")


def export_task_lms(
    workspace: Workspace,
    task_names: Sequence[str],
    options: ExportOptions,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
) -> list[ExportedModel]:
    """Export the Task-LM of each task and check that the copy answers as it does.

    Raises:
        EvaluationError: a task has no Task-LM, or none in production.
        ConfigError: there is no such version.
        ExportError: one cannot be exported in this form, or its copy answers otherwise; nothing is written then.
        StoreError: files that this program did not write stand in the way.
    """
    context = Context(workspace, settings or Settings(), on_event or ignore_event)
    chosen = [(task, *_chosen(context, task, options)) for task in workspace.tasks(task_names)]
    bases: dict[str, BaseLM] = {}
    exported = []
    for task, system, run in chosen:
        context.on_event(Started(stage="export", name=task.name, detail=options.form))
        source = _source(context, task.name, run, system, bases)
        exported.append(_export(context, source, options))
    return exported


def _export(context: Context, source: ExportSource, options: ExportOptions) -> ExportedModel:
    name = source.task.name
    folder = options.out / name / options.form
    base = _base_gguf(context, source, options) if options.form == "gguf-lora" else None
    _require_same_answers(source, options)
    with exporting(folder, force=options.force) as staged:
        facts = write_export(source, options.form, options.number_format, staged, base)
        parity = facts.parity
        if parity and not parity.ok and not options.accept_differences:
            what = f"the exported copy answers otherwise than the Task-LM: {parity.first_difference} "
            what += f"({sum(parity.differing.values())} of {parity.rows} golden prompts differ); nothing was written"
            fix = "choose another number format or form, or write it all the same with --accept-differences"
            raise ExportError(what, where=f"task {name}", fix=fix)
    if facts.unchecked:
        context.note(f"{name}: parity was not checked: {facts.unchecked}")
    context.on_event(Finished(stage="export", name=name, artifact=source.task_lm.manifest.id, detail=options.form))
    return ExportedModel(name, folder, facts, source.has_head, source.since_training)


def _require_same_answers(source: ExportSource, options: ExportOptions) -> None:
    """Raise ExportError where the Task-LM itself answers otherwise here than when it was trained."""
    found = source.since_training
    if found is None or found.ok or options.accept_differences:
        return
    what = f"the Task-LM itself answers otherwise here than when it was trained: {found.first_difference} "
    what += (
        f"({sum(found.differing.values())} of {found.rows} golden prompts differ; {found.checked_with}); nothing was written"
    )
    fix = "install the versions it was trained with, train it again, or export it all the same with --accept-differences"
    raise ExportError(what, where=f"task {source.task.name}", fix=fix)


def _base_gguf(context: Context, source: ExportSource, options: ExportOptions) -> Path:
    """The base model in GGUF, beside the adapters of all its tasks; written unless this program wrote it before."""
    number_format, base = options.number_format or "f16", source.task_lm.manifest.base_model
    name = f"{base.name.rpartition('/')[2]}-{base.fingerprint[:8]}-{number_format}.gguf"
    folder = options.out / "base"
    if not (folder / name).exists():
        context.on_event(Started(stage="export", name=name))
        with exporting(folder, force=options.force) as staged:
            write_model(source, staged / name, number_format, with_adapter=False)
    return folder / name


def _chosen(context: Context, task: Task, options: ExportOptions) -> tuple[System, Run]:
    """The Task-LM to export: with its name in reports, its run."""
    workspace = context.workspace
    if options.version == PRODUCTION:
        found = production_run(workspace, task)
        if found is None:
            fix = f"promote one: {workspace.project.command('promote', task.name)}; or leave --version out for the newest"
            raise EvaluationError("no version is in production", where=f"task {task.name}", fix=fix)
        system, run, _ = found
    elif options.version:
        system, run = version_of(workspace, task, options.version, "--version")
    else:
        system, run = options.system, _newest(workspace, task, options.system)
        standing = promoted(workspace.project, task.name)
        if standing and standing[-1].run != run.id:
            text = f"version {run.id} is exported, the newest; in production is {standing[-1].run} (--version {PRODUCTION})"
            context.note(f"{task.name}: {text}")
    if run.config.method == "head":
        fix = f"train an adapter: {workspace.project.command('train', task.name, '--method', 'auto')}"
        raise ExportError("this Task-LM is a label head without an adapter", where=f"task {task.name}", fix=fix)
    return system, run


def _newest(workspace: Workspace, task: Task, system: System) -> Run:
    """The last finished run of the task's Task-LM of this kind."""
    for _, run in last_runs(workspace, task, [system]):
        return run
    more = () if system == "tuned" else ("--granularity", system)
    fix = f"train it first: {workspace.project.command('train', task.name, *more)}"
    raise EvaluationError("no Task-LM yet", where=f"task {task.name}", fix=fix)


def _source(context: Context, name: str, run: Run, system: System, bases: dict[str, BaseLM]) -> ExportSource:
    """The Task-LM in memory, in float32, with its golden prompts and what the last report says of it."""
    workspace = context.workspace
    model = name_of(run.base_model, context.settings.train.model) or context.settings.train.model
    folder = resolve_model(model)
    if run.base_model.fingerprint not in bases:
        bases[run.base_model.fingerprint] = load_base(model, dtype="float32", device=context.settings.train.device)
    adapter = workspace.project.runs(run.target) / run.id / ADAPTER_FOLDER
    task_lm = TaskLM.load(adapter, bases[run.base_model.fingerprint])
    predictor = task_lm.model(name)
    prompts = golden_prompts(predictor, _dev_rows(workspace, name, run))
    golden = GoldenPrompts(
        task=name, task_lm=task_lm.manifest.id, max_new_tokens=predictor.decoding.max_new_tokens, prompts=prompts
    )
    base_name = hub_id(model) or str(folder.resolve())
    results = _results(workspace, name, run, system)
    since = _since_training(context, predictor.task, run, golden)
    elsewhere = run.trained_elsewhere or (TrainedElsewhere() if run.imported else None)
    return ExportSource(task_lm, predictor.task, system, run.train_rows, folder, base_name, golden, results, since, elsewhere)


def _since_training(context: Context, task: Task, run: Run, golden: GoldenPrompts) -> ParityResult | None:
    """The golden prompts against those recorded in training; None, with a note, where none were."""
    recorded = context.workspace.project.runs(run.target) / run.id / GOLDEN_FILE
    if not recorded.exists():
        text = "trained before golden prompts were kept: they are recorded now, which does not show what has changed since"
        context.note(f"{task.name}: {text}")
        return None
    rows, installed = read_record(recorded, GoldenRows), versions()
    changed = [f"{name} {old}, now {installed.get(name)}" for name, old in rows.versions.items() if installed.get(name) != old]
    told = f"trained with {', '.join(changed)}" if changed else f"with the same transformers {installed['transformers']}"
    return compare_with_training(task, rows.tasks.get(task.name, []), golden, rows.dtype, told)


def _dev_rows(workspace: Workspace, task: str, run: Run) -> list[Example]:
    """The dev rows of the data set the run learned from; train rows where it has none."""
    folder = workspace.project.datasets(task) / run.datasets[task]
    if not folder.exists():
        fix = f"train it again: {workspace.project.command('train', task)}"
        raise ExportError(
            "the data set it was trained on is gone, so the copy could not be checked", where=str(folder), fix=fix
        )
    splits = load_dataset(folder).splits
    return splits.get("dev") or splits["train"]


def _results(workspace: Workspace, task: str, run: Run, system: System) -> TaskReport | None:
    """The task in the last report, if that measured this very run."""
    if read_ref(workspace.project.reports) is None:
        return None
    measured = (run.train_rows, run.train_seconds)
    for part in load_report(workspace).tasks:
        for entry in part.systems:
            if part.task != task or entry.system != system:
                continue
            # reports of early versions do not name the run
            same = entry.run == f"{run.target}/{run.id}" if entry.run else (entry.train_rows, entry.train_seconds) == measured
            if same:
                return part
    return None
