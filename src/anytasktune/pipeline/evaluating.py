"""`eval`: every system answers the same held-out rows; predictions → scores → report. Equal predictions are reused."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import EvaluationError, counted
from anytasktune.evaluation import (
    NOTHING_ACROSS,
    AcrossTasks,
    ScoredSystem,
    build_report,
    choose_way,
    report_items,
    score_system,
    task_report,
)
from anytasktune.evaluation.predict import EvaluatedSystem, predict
from anytasktune.ids import content_id
from anytasktune.inference.few_shot import SHOT_DEV_ROWS, FixedShots, choose_shots
from anytasktune.inference.similar_shots import SimilarShots
from anytasktune.inference.task_constraint import TaskConstraint
from anytasktune.inference.task_predictor import OnRows, decoding_for
from anytasktune.models.load import name_of
from anytasktune.pipeline.events import Finished, Meter, Stage
from anytasktune.pipeline.general_endpoints import EndpointGeneralModel, endpoint_general_models
from anytasktune.pipeline.general_models import LocalGeneralModel, local_general_models
from anytasktune.pipeline.simple_baselines import PREDICTIONS, score_simple
from anytasktune.pipeline.stored_curves import curves_of
from anytasktune.pipeline.stored_judgements import judged_in
from anytasktune.pipeline.stored_runs import adapter_folder
from anytasktune.pipeline.stored_transfers import transfer_of
from anytasktune.pipeline.teacher_access import Agreed
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.reports import write_report
from anytasktune.schema import (
    Decoding,
    Example,
    PredictionSet,
    Report,
    ReportItem,
    Run,
    ShotChoice,
    SplitName,
    Task,
    TaskReport,
)
from anytasktune.settings import TASK_LMS, ModelPrices, System
from anytasktune.settings.systems import general_system
from anytasktune.store import LATEST, find_or_make, is_intact, read_ref, write_ref
from anytasktune.store.run_folder import finished_run, read_task_lm
from anytasktune.training.adapter_targets import targets_with
from anytasktune.training.train_runs import versions
from anytasktune.version import __version__

Runs = Mapping[System, Run]
"""The training runs of the Task-LMs that are evaluated on one task."""
General = LocalGeneralModel | EndpointGeneralModel


def require_held_out(context: TrainingContext, tasks: Sequence[Task]) -> None:
    """Raise EvaluationError if a task has no held-out rows."""
    split = context.settings.eval.split
    for task in tasks:
        if not context.dataset(task).splits.get(split):
            what = f"task {task.name} has no {split} rows to evaluate on"
            command = context.workspace.project.command("import", "FILE", "--task", task.name, "--split", split)
            fix = f"import some: {command}"
            raise EvaluationError(what, where=f"data/{task.name}", fix=fix)


def require_room_for_answers(context: TrainingContext, tasks: Sequence[Task]) -> None:
    """Raise ConfigError if no answer that keeps to output and rules is as short as `eval.max_new_tokens`."""
    config = context.settings.eval
    if not config.max_new_tokens or not config.constrained:
        return
    format_ = context.model_info.format
    for task in tasks:
        splits = context.dataset(task).splits
        decoding = decoding_for(task, splits.get("train", []), 0)
        if not decoding.scores_answers and format_.rendering.end_of_turn:
            limited = decoding.model_copy(update={"max_new_tokens": config.max_new_tokens})
            rows = [row for split in splits.values() for row in split]
            TaskConstraint(task, limited, format_).check(rows, "eval.max_new_tokens")


def general_models(context: TrainingContext, tasks: Sequence[Task], agreed: Agreed = None) -> list[General]:
    """The general models that are compared with the Task-LMs of these tasks; what asking endpoints costs is said.

    Raises:
        ModelError, ConfigError: as `general_models_here`.
        ConfigError: the name of an endpoint is wrong.
        ConsentError: one is on another machine, and nobody has agreed that rows go there.
    """
    return [*general_models_here(context, tasks), *endpoint_general_models(context, tasks, agreed)]


def general_models_here(context: TrainingContext, tasks: Sequence[Task]) -> list[LocalGeneralModel]:
    """Those of them that are on this machine.

    Raises:
        ModelError: a model cannot be found or used.
        ConfigError: as `require_room_for_answers`.
    """
    found = local_general_models(context)
    for model in found:
        require_room_for_answers(model.context, tasks)
    return found


def evaluated_runs(context: TrainingContext, tasks: Sequence[Task], fresh: Sequence[Run] = ()) -> list[Runs]:
    """Per task, the runs whose Task-LMs are evaluated on it: those of `fresh`, else the last finished ones.

    A Task-LM that learned other rows of the task than it has now is left out, because it may know the test rows; so is one
    that was trained for another instruction, output or rules, and one on another base model. Without `fresh`, the context takes
    over the training settings of the runs found.

    Raises:
        EvaluationError: without `fresh`: a task has no such run, or the runs are on different base models.
    """
    asked = [system for system in TASK_LMS if system in context.settings.eval.systems]
    if not asked:
        return [{} for _ in tasks]
    known = functools.cache(finished_run)  # a Task-LM of several tasks is checked against its checksums once
    found = [_runs_of(context, task, asked, {run.target: run for run in fresh}, known) for task in tasks]
    if not fresh:
        if missing := [task.name for task, runs in zip(tasks, found, strict=True) if not runs]:
            granularity = () if asked[0] == "tuned" else ("--granularity", asked[0])
            fix = f"train it first: {context.workspace.project.command('train', *missing, *granularity)}"
            raise EvaluationError(f"no Task-LM yet for {', '.join(missing)} as the task and its rows are now", fix=fix)
        first = [next(iter(runs.values())) for runs in found]
        if len({(run.base_model.fingerprint, run.config.dtype) for run in first}) > 1:
            models = ", ".join(f"{run.target} on {run.base_model.name}" for run in first)
            raise EvaluationError(f"the Task-LMs are on different base models: {models}", fix="evaluate them one by one")
        take_over_settings(context, first[0])
    here = context.model_info.ref.fingerprint, context.settings.train.dtype
    for run in {run.id: run for runs in found for run in runs.values()}.values():
        if (run.base_model.fingerprint, run.config.dtype) != here:
            context.note(f"{run.target}: not compared, it is on another base model, {run.base_model.name}")
            found = [{system: other for system, other in runs.items() if other.id != run.id} for runs in found]
    return list(found)


def take_over_settings(context: TrainingContext, run: Run) -> None:
    """Give the context the training settings of a run, with its base model where that lies on this machine."""
    model = name_of(run.base_model, context.settings.train.model) or context.settings.train.model
    context.settings = context.settings.model_copy(update={"train": run.config.model_copy(update={"model": model})})


def _runs_of(
    context: TrainingContext,
    task: Task,
    asked: Sequence[System],
    fresh: Mapping[str, Run],
    known: Callable[[Path], Run | None],
) -> dict[System, Run]:
    found: dict[System, Run] = {}
    for system, target in targets_with(context.workspace.domain, task):
        runs = context.workspace.project.runs(target)
        last = read_ref(runs)
        run = fresh.get(target) or (known(runs / last) if last else None)
        if run is None or system not in asked or system in found or task.name not in run.tasks:
            continue
        trained_for = read_task_lm(adapter_folder(context.workspace.project, run)).task(task.name)
        if run.datasets[task.name] != context.dataset(task).manifest.id:
            context.note(f"{target}: not evaluated on {task.name}, whose rows or splits have changed since training")
        elif edited := task.changed_since(trained_for):
            differ = f"{' and '.join(edited)} {'differs' if edited in (['instruction'], ['output']) else 'differ'}"
            context.note(f"{target}: not evaluated on {task.name}, whose {differ} from domain.yaml; train it again")
        else:
            found[system] = run
    return {system: found[system] for system in TASK_LMS if system in found}


def compare(
    context: TrainingContext,
    tasks: Sequence[tuple[Task, Runs]],
    general: Sequence[General] = (),
    across: AcrossTasks = NOTHING_ACROSS,
) -> Report:
    """Evaluate all systems on these tasks and write the report to `artifacts/reports`.

    General models answer last, one after the other, when the base model's memory is free again.

    Args:
        across: what was measured beside the tasks.
    """
    _name_general_models(context, general)
    config = context.settings.eval
    scored = {task.name: _score_own(context, task, runs) for task, runs in tasks}
    if general:
        context.free_base()
    for model in general:
        for task, _ in tasks:
            scored[task.name] += _score_local(model, task) if isinstance(model, LocalGeneralModel) else model.score(task)
        model.context.free_base()
    measured = [_report_on(context, task, runs, scored[task.name]) for task, runs in tasks]
    report = build_report(
        domain=context.workspace.domain.name,
        model=context.model_info.ref.name,
        tasks=[task for task, _ in measured],
        config=config,
        versions=versions(),
        machine=context.machine,
        across=across,
    )
    folder = context.workspace.project.reports / report.id
    if folder.exists() and not is_intact(folder):
        context.note(f"{folder}: a file of the report does not match its checksum; it is written anew")
    write_report(report, folder, [item for _, items in measured for item in items])
    if any(task.comparisons for task in report.tasks) or read_ref(folder.parent, LATEST) is None:
        write_ref(folder.parent, LATEST, report.id)  # one system alone does not replace a comparison
    return report


def _name_general_models(context: TrainingContext, general: Sequence[General]) -> None:
    """Put names for paths and addresses into the settings of the report, and the prices that hold for endpoints, by name.

    Names of variables with keys are of this machine and left out.
    """
    priced = {model.model.name: model.config for model in general if isinstance(model, EndpointGeneralModel)}
    prices = {
        name: ModelPrices(price_in=config.price_in, price_out=config.price_out)
        for name, config in priced.items()
        if config.price_in is not None and config.price_out is not None
    }
    own, names = context.settings.eval, [model.model.name for model in general]
    named = own.model_copy(update={"general_models": names, "prices": own.prices | prices, "key_variables": {}})
    context.settings = context.settings.model_copy(update={"eval": named})


def _score_own(context: TrainingContext, task: Task, runs: Runs) -> list[ScoredSystem]:
    """The simple baselines, the base model with and without examples, and the Task-LMs, with their scores."""
    dataset, config = context.dataset(task), context.settings.eval
    rows = dataset.splits.get(config.split, [])[: config.max_rows]
    simple = score_simple(context, task, dataset, rows)
    systems = [system for system in _systems(context, task, dataset, runs) if system.name in config.systems]
    return [*simple, *(_scored(context, task, (dataset, rows), system) for system in systems)]


def _score_local(model: LocalGeneralModel, task: Task) -> list[ScoredSystem]:
    """A general model with and without examples, with its scores."""
    context = model.context
    dataset, config = context.dataset(task), context.settings.eval
    rows = dataset.splits.get(config.split, [])[: config.max_rows]
    plain = plain_general_model(model, task)
    return [_scored(context, task, (dataset, rows), one) for one in (plain, few_shot_system(context, task, dataset, plain))]


def plain_general_model(model: LocalGeneralModel, task: Task) -> EvaluatedSystem:
    """A general model without examples, told the task as it is today."""
    base = base_system(model.context, task, model.context.dataset(task))
    return replace(base, name=general_system(model.model.name, few_shot=False), general_model=model.model)


def _scored(
    context: TrainingContext, task: Task, data: tuple[FrozenDataset, Sequence[Example]], system: EvaluatedSystem
) -> ScoredSystem:
    return replace(
        score_system(task, data[1], system_answers(context, data, system)[0]),
        shots=system.shots.shown or None,
        shot_choice=system.shot_choice,
        threshold=system.threshold,
    )


def _report_on(
    context: TrainingContext, task: Task, runs: Runs, scored: Sequence[ScoredSystem]
) -> tuple[TaskReport, list[ReportItem]]:
    dataset, config = context.dataset(task), context.settings.eval
    held_out = dataset.splits.get(config.split, [])
    rows = held_out[: config.max_rows]
    generated, dataset_id = dataset.generated_in(config.split, rows), dataset.manifest.id
    report = task_report(task, rows, scored, runs, config, len(held_out), generated, dataset_id)
    items = report_items(task, rows, scored)
    curves = curves_of(context, dataset, report)
    judged = judged_in(context, task, report, items, context.model_info.ref.name) if task.rubric else None
    measured = {"learning_curves": curves, "judged": judged, "transfer": transfer_of(context, dataset, report)}
    return report.model_copy(update=measured), items


def _systems(context: TrainingContext, task: Task, dataset: FrozenDataset, runs: Runs) -> list[EvaluatedSystem]:
    """The untuned systems, asked as the task is today, and the Task-LMs, asked as they were trained."""
    systems = [base_system(context, task, dataset)]
    if "few_shot" in context.settings.eval.systems:
        systems.append(few_shot_system(context, task, dataset))
    return systems + [task_lm_system(context, task.name, name, run) for name, run in runs.items()]


def base_system(context: TrainingContext, task: Task, dataset: FrozenDataset) -> EvaluatedSystem:
    """The base model, told the task as it is today."""
    train = dataset.splits.get("train", [])
    longest = max((len(context.model_info.format.answer_ids(row.output)) for row in train), default=64)
    return EvaluatedSystem("base", task, _as_wanted(context, decoding_for(task, train, longest)))


def task_lm_system(context: TrainingContext, task: str, name: System, run: Run) -> EvaluatedSystem:
    """The Task-LM of a run, told the task as it was when it was trained."""
    return task_lm_in(context, task, name, adapter_folder(context.workspace.project, run))


def task_lm_in(context: TrainingContext, task: str, name: System, folder: Path) -> EvaluatedSystem:
    """The Task-LM of an adapter's folder, told the task as it was when it was trained."""
    trained = read_task_lm(folder)
    decoding = _as_wanted(context, trained.decoding[task])
    threshold = trained.thresholds.get(task)
    return EvaluatedSystem(name, trained.task(task), decoding, adapter=folder, task_lm=trained.id, threshold=threshold)


def _as_wanted(context: TrainingContext, decoding: Decoding) -> Decoding:
    config = context.settings.eval
    wanted: dict[str, int | bool] = {"constrained": config.constrained, "best_of": config.best_of}
    wanted |= {"max_new_tokens": config.max_new_tokens} if config.max_new_tokens else {}
    return decoding.model_copy(update=wanted)


def few_shot_ways(
    context: TrainingContext, task: Task, dataset: FrozenDataset, plain: EvaluatedSystem | None = None
) -> list[EvaluatedSystem]:
    """A model with examples shown, in the ways that settings and rows allow: fixed, then by similarity."""
    config, train = context.settings.eval, dataset.splits.get("train", [])
    plain = plain or base_system(context, task, dataset)
    name = general_system(plain.general_model.name, few_shot=True) if plain.general_model else "few_shot"
    shots = FixedShots(choose_shots(task, train, config.shots))
    fixed = replace(plain, name=name, shots=shots, shot_choice=ShotChoice(by="fixed"))
    if config.shot_choice == "fixed" or not train or (config.shot_choice == "best" and not dataset.splits.get("dev")):
        return [fixed]
    similar = replace(fixed, shots=SimilarShots.of(task, train, config.shots), shot_choice=ShotChoice(by="similar"))
    return [similar] if config.shot_choice == "similar" else [fixed, similar]


def few_shot_system(
    context: TrainingContext, task: Task, dataset: FrozenDataset, plain: EvaluatedSystem | None = None
) -> EvaluatedSystem:
    """A model with examples shown, chosen as the settings say; for `best`, as scores better on dev.

    Args:
        plain: the general model of the context without examples; the base model unless given.
    """
    ways, dev = few_shot_ways(context, task, dataset, plain), dataset.splits.get("dev", [])[:SHOT_DEV_ROWS]
    if len(ways) == 1:
        return ways[0]
    fixed, similar = ways
    answers = [system_answers(context, (dataset, dev), way, "shots") for way in (fixed, similar)]
    choice = choose_way(task, dev, *(score_system(task, dev, predictions) for predictions, _ in answers))
    scores = "".join(f", {way} {score:.3f}" for way, score in choice.dev_scores.items())
    detail = f"{choice.by} ones are shown ({counted(choice.dev_rows, 'dev row')}{scores})"
    reused = all(not made for _, made in answers)
    context.on_event(Finished(stage="shots", name=task.name, system=fixed.name, reused=reused, detail=detail))
    return replace(similar if choice.by == "similar" else fixed, shot_choice=choice)


def identifying(context: TrainingContext, system: EvaluatedSystem) -> list[object]:
    """Everything but the rows that decides on the answers of a system."""
    task = system.task
    asked = [task.definition, system.decoding.model_dump(), system.shots.identity, system.task_lm]
    model = [context.model_info.ref.fingerprint, context.model_info.format.fingerprint, context.dtype]
    return [task.name, system.name, asked, model, __version__]


def prediction_id(context: TrainingContext, system: EvaluatedSystem, rows: Sequence[Example]) -> str:
    """Id of a system's predictions on these rows."""
    *parts, version = identifying(context, system)
    return content_id([*parts, [row.id for row in rows], version])


def has_predictions(context: TrainingContext, system: EvaluatedSystem, rows: Sequence[Example]) -> bool:
    """Whether a system's predictions on these rows are there already."""
    folder = context.workspace.project.predictions(system.task.name)
    return (folder / f"{prediction_id(context, system, rows)}.json").exists()


def answers_of(
    context: TrainingContext,
    data: tuple[str, Sequence[Example]],
    system: EvaluatedSystem,
    split: SplitName,
    begin: Callable[[], OnRows],
) -> tuple[PredictionSet, bool]:
    """A system's answers to rows of a split, and whether they were made now.

    Args:
        data: the id of the data set, and the rows.
        begin: called before they are made.
    """
    dataset, rows = data
    task, identity = system.task, prediction_id(context, system, rows)

    def make() -> PredictionSet:
        predictions, usage = predict(context.base, system, rows, context.settings.eval.batch_tokens, begin())
        return PredictionSet(
            id=identity,
            task=task.name,
            system=system.name,
            decoding=system.decoding,
            dataset=dataset,
            split=split,
            task_lm=system.task_lm,
            predictions=predictions,
            usage=usage.model_copy(update={"machine": context.machine}),
            general_model=system.general_model,
        )

    folder = context.workspace.project.predictions(task.name)
    return find_or_make(folder, PREDICTIONS, identity, make, latest=None, note=context.note)


def system_answers(
    context: TrainingContext, data: tuple[FrozenDataset, Sequence[Example]], system: EvaluatedSystem, stage: Stage = "answer"
) -> tuple[PredictionSet, bool]:
    """The same with progress on the rows; `shots` answers dev rows."""
    task, rows = system.task.name, data[1]

    def begin() -> OnRows:
        meter, done = Meter(context.on_event, stage, task, len(rows), system.name), 0

        def on_rows(count: int) -> None:
            nonlocal done
            done += count
            meter.update(done, len(rows))

        return on_rows

    split = "dev" if stage == "shots" else context.settings.eval.split
    answers, made = answers_of(context, (data[0].manifest.id, rows), system, split, begin)
    if stage == "answer":
        context.on_event(Finished(stage=stage, name=task, system=system.name, artifact=answers.id, reused=not made))
    return answers, made
