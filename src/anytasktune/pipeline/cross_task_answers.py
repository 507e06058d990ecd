"""Every Task-LM answers the dev rows of every task; predictions made before are reused."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import counted
from anytasktune.evaluation import MatrixTask, ScoredSystem, build_matrix, score_system
from anytasktune.evaluation.predict import EvaluatedSystem
from anytasktune.inference.task_predictor import OnRows
from anytasktune.pipeline.evaluating import answers_of, base_system, has_predictions, task_lm_system
from anytasktune.pipeline.events import Finished, Meter
from anytasktune.pipeline.stored_runs import adapter_folder
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import Example, Run, Task
from anytasktune.schema.task_matrix import BASE_MODEL, MatrixModel, TaskMatrix
from anytasktune.store import read_ref
from anytasktune.store.run_folder import finished_run, read_task_lm
from anytasktune.training.adapter_targets import targets_with


@dataclass(frozen=True)
class CrossTaskAnswers:
    """A model that is to answer the dev rows of a task.

    Attributes:
        model: of the matrix.
        task: as it is today.
        dataset: its rows.
        rows: its dev rows.
        system: the model, set up for the task.
        known: whether the predictions are there already.
    """

    model: MatrixModel
    task: Task
    dataset: FrozenDataset
    rows: Sequence[Example]
    system: EvaluatedSystem
    known: bool


def measure_matrix(context: TrainingContext, tasks: Sequence[Task]) -> TaskMatrix | None:
    """Let the base model and every Task-LM answer the dev rows of these tasks; None where no task has dev rows."""
    planned = plan_matrix(context, tasks)
    waiting, done = sum(len(one.rows) for one in planned if not one.known), 0
    meter = Meter(context.on_event, "matrix", "every Task-LM on every task", waiting) if waiting else None

    def begin(one: CrossTaskAnswers) -> OnRows:
        def on_rows(count: int) -> None:
            nonlocal done
            done += count
            if meter is not None:
                meter.update(done, max(done, waiting), f"{one.model.target or 'base model'} on {one.task.name}")

        return on_rows

    scored: dict[str, dict[str, ScoredSystem]] = {}
    models = list({one.model.target: one.model for one in planned}.values())
    for model in models:
        asked = [one for one in planned if one.model == model]
        for one in asked:
            predictions, _ = answers_of(context, (one.dataset.manifest.id, one.rows), one.system, "dev", partial(begin, one))
            scored.setdefault(one.task.name, {})[model.target] = score_system(one.task, one.rows, predictions)
        detail = f"{counted(len(asked), 'task')}, {counted(sum(len(one.rows) for one in asked), 'dev row')}"
        reused = all(one.known for one in asked)
        context.on_event(Finished(stage="matrix", name=model.target or "base model", detail=detail, reused=reused))
    rows = {one.task.name: (one.task, one.rows) for one in planned}
    answered = [MatrixTask(task, dev, scored[name]) for name, (task, dev) in rows.items()]
    return build_matrix(models, answered, context.settings.eval) if answered else None


def plan_matrix(context: TrainingContext, tasks: Sequence[Task]) -> list[CrossTaskAnswers]:
    """The answers the matrix is made of, model by model, the base model first.

    A Task-LM is not asked for a task that it learned as it is no longer: with other rows, or another instruction, output or
    rules. One without an adapter (method `head`) is asked only for its own tasks, since it is the base model on others.
    """
    data: list[tuple[Task, FrozenDataset, Sequence[Example]]] = []
    for task in tasks:
        dataset = context.dataset(task)
        if rows := dataset.splits.get("dev", [])[: context.settings.eval.max_rows]:
            data.append((task, dataset, rows))
        else:
            context.note(f"{task.name}: not part of the matrix, it has no dev rows")
    planned: list[CrossTaskAnswers] = []
    for model, run in [(MatrixModel(target=BASE_MODEL, system="base"), None), *matrix_models(context, tasks)]:
        for task, dataset, dev in data:
            system = _system_for(context, model, run, task, dataset)
            if system is not None:
                known = has_predictions(context, system, dev)
                planned.append(CrossTaskAnswers(model, task, dataset, dev, system, known))
    return planned


def matrix_models(context: TrainingContext, tasks: Sequence[Task]) -> Iterator[tuple[MatrixModel, Run]]:
    """The last Task-LM of each adapter target that holds one of the tasks, on the base model of the context."""
    targets = {target: system for task in tasks for system, target in targets_with(context.workspace.domain, task)}
    order = ("tuned", "action", "mixed")
    for target, system in sorted(targets.items(), key=lambda item: order.index(item[1])):
        folder = context.workspace.project.runs(target)
        last = read_ref(folder)
        run = finished_run(folder / last) if last else None
        here = context.model_info.ref.fingerprint, context.settings.train.dtype
        if run is None:
            continue
        if (run.base_model.fingerprint, run.config.dtype) == here:
            yield MatrixModel(target=target, system=system, learned=run.tasks, run=run.id), run
        else:
            context.note(f"{target}: not part of the matrix, it is on another base model, {run.base_model.name}")


def _system_for(
    context: TrainingContext, model: MatrixModel, run: Run | None, task: Task, dataset: FrozenDataset
) -> EvaluatedSystem | None:
    """The model, set up for a task; None where it is not asked."""
    base = base_system(context, task, dataset)
    if run is None:
        return base
    folder = adapter_folder(context.workspace.project, run)
    trained = read_task_lm(folder)
    if task.name in run.tasks:
        current = run.datasets[task.name] == dataset.manifest.id and not task.changed_since(trained.task(task.name))
        return task_lm_system(context, task.name, model.system, run) if current else None
    if run.config.method == "head":
        return None
    return EvaluatedSystem(model.system, task, base.decoding, adapter=folder, task_lm=trained.id)
