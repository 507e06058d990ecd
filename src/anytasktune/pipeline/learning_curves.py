"""`learning-curve`: trains on an eighth, a quarter, half and all of the rows, and measures what more rows bring."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from anytasktune.datasets import FrozenDataset
from anytasktune.datasets.nested_subsets import nested_subsets
from anytasktune.errors import EvaluationError, Problem, counted
from anytasktune.evaluation import FEWEST_EVALUATED, MeasuredSize, learning_curve, score_system
from anytasktune.inference.task_predictor import decoding_for
from anytasktune.pipeline.evaluating import require_room_for_answers, system_answers, task_lm_in
from anytasktune.pipeline.events import Finished, OnEvent, Started
from anytasktune.pipeline.simple_baselines import score_linear
from anytasktune.pipeline.stored_curves import LEARNING_CURVES, curves_record
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.tuning import train_targets, training_job
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Estimate, Example, Run, SplitName, Task
from anytasktune.schema.learning_curve import Learner, LearningCurves
from anytasktune.settings import Settings, TrainConfig
from anytasktune.store import save_artifact
from anytasktune.store.run_folder import ADAPTER_FOLDER
from anytasktune.training.run_plan import estimate_run, plan_run
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.training.train_runs import Job, reusable_run, run_id, train_task_lms

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
FEWEST_TRAINED = 8
"""Smaller parts are left out; three sizes must remain."""
_RUNS = "runs"


@dataclass(frozen=True)
class CurvePlan:
    """Expected cost of the learning curves of one task.

    Attributes:
        rows: training rows of each size.
        trained: trainings that exist already, of `trainings`.
        estimate: cost of the others.
    """

    task: str
    rows: tuple[int, ...]
    evaluated_rows: int
    trainings: int
    trained: int
    estimate: Estimate


@dataclass(frozen=True)
class _Sizes:
    """A task with its parts of the training rows, the smallest first, and the rows they are measured on."""

    task: Task
    dataset: FrozenDataset
    parts: tuple[TrainingData, ...]
    evaluated: Sequence[Example]

    def trainings(self, config: TrainConfig) -> Iterator[tuple[Learner, TrainConfig, TrainingData]]:
        """The trainings: a Task-LM of each size, and where there is a label head in it, that head alone."""
        yield from (("tuned", config, part) for part in self.parts)
        if config.method == "auto" and decoding_for(self.task, self.parts[-1].parts[0].splits["train"], 0).scores_answers:
            alone = config.model_copy(update={"method": "head"})
            yield from (("head", alone, part) for part in self.parts)


def measure_learning_curves(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    split: Literal["dev", "test"] = "dev",
) -> list[LearningCurves]:
    """The learning curves of tasks; finished trainings and answers are reused.

    The Task-LM of all rows is the one that `train` makes. Those of fewer rows lie apart from it, where nothing else uses them.

    Raises:
        EvaluationError: a task has too few rows.
    """
    context = TrainingContext.begin(workspace, settings, on_event)
    sizes = _all_sizes(context, workspace.tasks(task_names), split)
    require_room_for_answers(context, [one.task for one in sizes])
    train_targets(context, [one.parts[-1] for one in sizes])
    return [_measured(context, one, split) for one in sizes]


def plan_learning_curves(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    split: Literal["dev", "test"] = "dev",
) -> list[CurvePlan]:
    """The expected cost of `measure_learning_curves`; only the tokenizer is loaded."""
    context = TrainingContext.begin(workspace, settings, on_event)
    plans = []
    for one in _all_sizes(context, workspace.tasks(task_names), split):
        trainings = list(one.trainings(context.settings.train))
        left = [
            (config, part)
            for _, config, part in trainings
            if reusable_run(_folder(context, one, config, part), context.note) is None
        ]
        rows = tuple(_train_rows(part, context.settings.train) for part in one.parts)
        cost = Estimate.total([_estimate(context, config, part) for config, part in left])
        plans.append(CurvePlan(one.task.name, rows, len(one.evaluated), len(trainings), len(trainings) - len(left), cost))
    return plans


def _all_sizes(context: TrainingContext, tasks: Sequence[Task], split: Literal["dev", "test"]) -> list[_Sizes]:
    """The parts of the rows of every task; the context evaluates on `split` from now on.

    Raises:
        EvaluationError: naming every task that has too few rows.
    """
    config = context.settings.eval.model_copy(update={"split": split})
    context.settings = context.settings.model_copy(update={"eval": config})
    found, problems, project = [], list[Problem](), context.workspace.project
    for task in tasks:
        part, dataset = context.part(task), context.dataset(task)
        train = part.splits["train"][: context.settings.train.max_train_rows]
        subsets = nested_subsets(train, SHARES[:-1], context.settings.split)
        subsets = [rows for rows in subsets if len(rows) >= FEWEST_TRAINED]
        subsets = [rows for place, rows in enumerate(subsets) if len(rows) < len((*subsets[place + 1 :], train)[0])]
        evaluated = dataset.splits.get(split, [])
        if len(subsets) < 2:
            what = f"{counted(len(train), 'training row')} cannot be divided into three sizes of {FEWEST_TRAINED} rows and more"
            command = project.command("import", "FILE", "--task", task.name)
            problems.append(Problem(what, f"task {task.name}", f"import more rows, of different sources: {command}"))
        elif len(evaluated) < FEWEST_EVALUATED:
            what = f"{counted(len(evaluated), f'{split} row')}, fewer than the {FEWEST_EVALUATED} that a learning curve takes"
            fix = f"import more rows, or measure on test: {project.command('learning-curve', task.name, '--split', 'test')}"
            problems.append(Problem(what, f"task {task.name}", fix))
        else:
            parts = [TrainingData(task.name, (_without(part, rows),)) for rows in subsets]
            whole = TrainingData(task.name, (part,))
            found.append(_Sizes(task, dataset, (*parts, whole), evaluated))
    if problems:
        raise EvaluationError(problems)
    return found


def _without(part: TaskRows, kept: Sequence[Example]) -> TaskRows:
    """The rows of a task of which only `kept` are trained on."""
    ids = {row.id for row in kept}
    left_out = tuple(row.id for row in part.splits["train"] if row.id not in ids)
    splits: dict[SplitName, Sequence[Example]] = {**part.splits, "train": kept}
    return replace(part, splits=splits, left_out=left_out)


def _train_rows(part: TrainingData, config: TrainConfig) -> int:
    return sum(part.rows_by_task(config).values())


def _folder(context: TrainingContext, one: _Sizes, config: TrainConfig, part: TrainingData) -> Path:
    identity, project = run_id(context.model_info.ref, part, config), context.workspace.project
    is_usual = part is one.parts[-1] and config == context.settings.train
    return (project.runs(one.task.name) if is_usual else project.learning_curves(one.task.name) / _RUNS) / identity


def _estimate(context: TrainingContext, config: TrainConfig, part: TrainingData) -> Estimate:
    info, encode = context.model_info, context.encoder.encode
    plan = plan_run(info, part, config, dtype=context.dtype, device=context.device.type, encode=encode)
    return estimate_run(plan, info, config, context.speed)


def _measured(context: TrainingContext, one: _Sizes, split: Literal["dev", "test"]) -> LearningCurves:
    task, measured, config = one.task, dict[Learner, list[MeasuredSize]](), context.settings.eval
    for learner, folder, run in _trained(context, one):
        system = task_lm_in(context, task.name, "tuned", folder / ADAPTER_FOLDER)
        predictions, _ = system_answers(context, (one.dataset, one.evaluated), system, "curve")
        scored = score_system(task, one.evaluated, predictions)
        measured.setdefault(learner, []).append(MeasuredSize(run.train_rows, scored, run.usage.seconds, run.id))
    if task.output.linear_target:
        for part in one.parts:
            rows = list(part.parts[0].splits["train"][: context.settings.train.max_train_rows])
            scored = score_linear(context, task, one.dataset, (rows, one.evaluated))
            measured.setdefault("linear", []).append(MeasuredSize(len(rows), scored, scored.train_seconds or 0.0))
    curves = [learning_curve(task, one.evaluated, learner, sizes, config) for learner, sizes in measured.items()]
    found = curves_record(task, one.dataset.manifest.id, split, curves)
    folder = context.workspace.project.learning_curves(task.name)
    is_new = save_artifact(folder, LEARNING_CURVES, found)
    context.on_event(Finished(stage="curve", name=task.name, artifact=found.id, reused=not is_new))
    return found


def _trained(context: TrainingContext, one: _Sizes) -> list[tuple[Learner, Path, Run]]:
    """All trainings of a task with their folders: those there are, and the others trained now, on one base model."""
    found: dict[Path, Run] = {}
    missing: dict[Learner, list[tuple[TrainConfig, Job]]] = {}
    trainings = [(entry[0], _folder(context, one, *entry[1:]), entry) for entry in one.trainings(context.settings.train)]
    for learner, folder, (_, config, part) in trainings:
        if (run := reusable_run(folder, context.note)) is not None:
            found[folder] = run
        else:
            name = f"{one.task.name}, {counted(_train_rows(part, config), 'row')}"
            job = training_job(context, part, folder, _estimate(context, config, part), name)
            missing.setdefault(learner, []).append((config, job))
    for learner, jobs in missing.items():
        whole = Estimate.total([job.estimate for _, job in jobs if job.estimate])
        name = f"{one.task.name}: {counted(len(jobs), 'Task-LM' if learner == 'tuned' else 'label head')} on fewer rows"
        context.on_event(Started(stage="train", name=name, estimate=whole))
        for job, run in train_task_lms(context.base, [job for _, job in jobs], jobs[0][0], context.note):
            found[job.folder], rows = run, counted(run.train_rows, "row")
            detail = f"{rows}, {counted(run.steps_done, 'step')}" if learner == "tuned" else f"{rows}, label head"
            name = job.data.target
            context.on_event(Finished(stage="train", name=name, artifact=run.id, detail=detail, seconds=run.usage.seconds))
    return [(learner, folder, found[folder]) for learner, folder, _ in trainings]
