"""`train`, `eval` and `tune`: data sets → Task-LMs → report; finished artefacts are reused."""

from collections.abc import Callable, Sequence

from anytasktune.errors import PreflightError, Problem
from anytasktune.evaluation import AcrossTasks
from anytasktune.inference.task_predictor import decoding_for
from anytasktune.outputs import MOST_SCORED
from anytasktune.pipeline.asking_general_instructions import ask_general_instructions
from anytasktune.pipeline.build_context import BuildOptions
from anytasktune.pipeline.building import build
from anytasktune.pipeline.cross_task_answers import measure_matrix
from anytasktune.pipeline.evaluating import (
    General,
    Runs,
    compare,
    evaluated_runs,
    general_models,
    require_held_out,
    require_room_for_answers,
)
from anytasktune.pipeline.events import OnEvent, Started
from anytasktune.pipeline.production import unpromoted_notes
from anytasktune.pipeline.stored_router_evaluations import router_evaluation_of
from anytasktune.pipeline.teacher_access import Agreed
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.training_jobs import finished_training, training_job
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Estimate, Report, Run, Task
from anytasktune.settings import Settings
from anytasktune.training.adapter_targets import Granularity
from anytasktune.training.fit_label_set_head import has_label_sets
from anytasktune.training.run_plan import estimate_run
from anytasktune.training.task_rows import TrainingData
from anytasktune.training.train_runs import reusable_run, run_id, train_task_lms

TrainTargets = Callable[[TrainingContext, Sequence[TrainingData]], list[Run]]
"""Trains the Task-LMs for these data, or reuses finished ones: `train_targets`, or on a cluster `ClusterTraining.train`."""


def train(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    granularity: Granularity = "task",
    train_them: TrainTargets | None = None,
) -> list[Run]:
    """Train a Task-LM per task, an Action-LM per action, a Mixed-LM, or all of these; finished runs are reused.

    Args:
        train_them: trains elsewhere; in this process unless given.

    Raises:
        AnyTaskTuneError: for anything the user can mend; see `anytasktune.errors`.
    """
    context = TrainingContext.begin(workspace, settings, on_event)
    return (train_them or train_targets)(context, context.training_data(workspace.tasks(task_names), granularity))


def tune(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    granularity: Granularity = "task",
    options: BuildOptions | None = None,
    train_them: TrainTargets | None = None,
) -> Report:
    """Run the whole chain: freeze → check → train → predict → score → compare → report; finished artefacts are reused.

    Where a teacher is named, data sets are built with it first. Task-LMs of another granularity that were trained before are
    compared, too. `train_them` is as in `train`.
    """
    context = TrainingContext.begin(workspace, settings, on_event)
    if context.settings.teacher.name:
        build(workspace, task_names, settings, on_event, options)
    tasks = workspace.tasks(task_names)
    require_held_out(context, tasks)
    require_room_for_answers(context, tasks)
    general = general_models(context, tasks, options.agreed if options else None)
    runs = (train_them or train_targets)(context, context.training_data(tasks, granularity))
    return _measure(context, tasks, evaluated_runs(context, tasks, runs), general)


def evaluate(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    agreed: Agreed = None,
) -> Report:
    """Let base, few-shot, the Task-LMs and general models answer the same held-out rows and compare them.

    Args:
        agreed: consent to sending rows to a general model on another machine (see `BuildOptions`).

    Raises:
        ConsentError: such a model is named, and nobody has agreed.
        EvaluationError: a task has no Task-LM yet, or no held-out rows.
    """
    context = TrainingContext.begin(workspace, settings, on_event)
    tasks = workspace.tasks(task_names)
    require_held_out(context, tasks)
    runs = evaluated_runs(context, tasks)
    require_room_for_answers(context, tasks)
    return _measure(context, tasks, runs, general_models(context, tasks, agreed))


def _measure(context: TrainingContext, tasks: Sequence[Task], runs: Sequence[Runs], general: Sequence[General]) -> Report:
    config = context.settings.eval
    matrix = measure_matrix(context, tasks) if config.across_tasks else None
    forgetting = ask_general_instructions(context, tasks, matrix) if config.asks_general_instructions else None
    router = router_evaluation_of(context, len(tasks))
    return compare(context, list(zip(tasks, runs, strict=True)), general, AcrossTasks(matrix, forgetting, router))


def train_targets(context: TrainingContext, data: Sequence[TrainingData]) -> list[Run]:
    """Train the Task-LMs for these data, or reuse finished ones; the base model is loaded only if one has to be trained."""
    config, info = context.settings.train, context.model_info
    if config.method == "head":
        require_closed_lists(data)
    folders = {item.target: context.workspace.project.runs(item.target) / run_id(info.ref, item, config) for item in data}
    runs: dict[str, Run] = {}
    for target, folder in folders.items():
        if (run := reusable_run(folder, context.note)) is not None:
            runs[target] = finished_training(context, folder, run, reused=True)
    missing = [item for item in data if item.target not in runs]
    if missing:
        estimates = {item.target: estimate_run(context.planned(item), info, config, context.speed) for item in missing}
        name = f"{len(missing)} Task-LM{'' if len(missing) == 1 else 's'}"
        context.on_event(Started(stage="train", name=name, estimate=Estimate.total(estimates.values())))
        jobs = [training_job(context, item, folders[item.target], estimates[item.target]) for item in missing]
        for job, run in train_task_lms(context.base, jobs, config, context.note):
            runs[job.data.target] = finished_training(context, job.folder, run, reused=False)
    return trained(context, [runs[item.target] for item in data])


def trained(context: TrainingContext, runs: list[Run]) -> list[Run]:
    """The runs, after a remark on those that are newer than what is in production."""
    for note in unpromoted_notes(context.workspace, runs):
        context.note(note)
    return runs


def require_closed_lists(data: Sequence[TrainingData]) -> None:
    """Raise PreflightError if a task has no labels or numbers for a label head to choose from."""
    parts = [part for item in data for part in item.parts]
    others = [
        part.task.name
        for part in parts
        if not (decoding_for(part.task, part.splits["train"], 0).scores_answers or has_label_sets(part.task))
    ]
    what = f"a label head needs a closed list of labels, or at most {MOST_SCORED} possible numbers"
    fix = "name label and number tasks only, or train an adapter: --method auto"
    if others:
        raise PreflightError([Problem(what, f"task {name}", fix) for name in others])
