"""`eval-router`: how good the router of a pool is on test inputs, on inputs of no task, and beside tasks that are named."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import get_args

from anytasktune.baselines.task_router import TaskRouter
from anytasktune.errors import ConfigError, DataError, EvaluationError
from anytasktune.evaluation.router_scores import NamedAnswers, RoutesByTask, coverage_curve, named_task_gap, task_routings
from anytasktune.ids import content_id
from anytasktune.pipeline.answering import system_for
from anytasktune.pipeline.evaluating import evaluated_runs, system_answers, task_lm_system
from anytasktune.pipeline.events import Finished, Meter, OnEvent
from anytasktune.pipeline.routing import PoolInputs, pool_inputs, pool_router
from anytasktune.pipeline.stored_router_evaluations import ROUTER_EVALUATIONS, held_out_rows, rows_id
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Abstention, Example, Route, Task
from anytasktune.schema.router_evaluation import HeldOutTask, NamedTaskGap, RouterEvaluation
from anytasktune.scorers.intervals import share_interval
from anytasktune.settings import SIMPLE, TASK_LMS, Settings
from anytasktune.settings.yaml_reading import nearest
from anytasktune.store import find_or_make
from anytasktune.version import __version__


def evaluate_router(
    workspace: Workspace, system: str = "", settings: Settings | None = None, on_event: OnEvent | None = None
) -> RouterEvaluation:
    """Measure the router of a pool.

    Args:
        system: what answers for the tasks in the comparison with named tasks: `tuned`, `action`, `mixed`, `linear`, `nearest`,
            `constant`; empty: the Task-LM of each task that has one.

    Raises:
        DataError: fewer than two tasks have training rows, or none has held-out rows.
        ConfigError: there is no such system.
    """
    if system not in {"", *SIMPLE, *TASK_LMS}:
        fix = nearest(system, [*TASK_LMS, *SIMPLE])
        raise ConfigError(f"no comparison with answers of {system!r}", where="--with", fix=fix)
    context = TrainingContext.begin(workspace, settings, on_event)
    config, pool, router = context.settings.eval, pool_inputs(context), pool_router(context)
    held_out = held_out_rows(pool, config)
    test = {name: rows for name, rows in held_out.items() if rows}
    if not test:
        raise DataError(f"no task has {config.split} rows to evaluate the router on", fix="import some, or lower split.test")
    notes = [f"{name} has no {config.split} rows" for name in held_out if name not in test]
    answers = _named_answers(context, test, system, notes)
    said = [[name, one.system, one.outputs] for name, one in answers.items()]
    identity = content_id([router.manifest.id, config.split, config.resamples, rows_id(test), said, __version__])

    def make() -> RouterEvaluation:
        routes = {name: router.routes([row.input for row in rows]) for name, rows in test.items()}
        gaps = [
            named_task_gap(task, answers[task.name], test[task.name], routes[task.name], config.resamples)
            for task in workspace.tasks()
            if task.name in answers
        ]
        held = _held_out_tasks(context, pool, test)
        found = _evaluation(identity, context, router, routes, _shared(pool, test), held, [gap for gap in gaps if gap], notes)
        return found.model_copy(update={"test_rows": rows_id(test)})

    folder = workspace.project.router_evaluations
    result, made = find_or_make(folder, ROUTER_EVALUATIONS, identity, make, note=context.note)
    context.on_event(Finished(stage="route", name="test inputs", artifact=identity, reused=not made))
    return result


def _evaluation(
    identity: str,
    context: TrainingContext,
    router: TaskRouter,
    routes: RoutesByTask,
    shared: int,
    held_out: list[HeldOutTask],
    gaps: list[NamedTaskGap],
    notes: list[str],
) -> RouterEvaluation:
    tasks = task_routings(routes)
    inputs, routed = sum(one.inputs for one in tasks), sum(one.routed for one in tasks)
    return RouterEvaluation(
        id=identity,
        router=router.manifest.id,
        split=context.settings.eval.split,
        threshold=router.manifest.threshold,
        least_likeness=router.manifest.least_likeness,
        inputs=inputs,
        accuracy=share_interval(sum(one.right for one in tasks), inputs),
        routed=routed,
        routed_accuracy=share_interval(sum(one.routed_right for one in tasks), routed) if routed else None,
        abstained=_reasons([route for own in routes.values() for route in own]),
        curve=coverage_curve(routes),
        tasks=tasks,
        held_out=held_out,
        gaps=gaps,
        shared_inputs=shared,
        notes=notes,
    )


def _reasons(routes: Sequence[Route]) -> dict[Abstention, int]:
    counts = Counter(route.abstained for route in routes)
    return {reason: counts[reason] for reason in get_args(Abstention) if counts[reason]}


def _shared(pool: PoolInputs, test: Mapping[str, Sequence[Example]]) -> int:
    """Test inputs that are also inputs of another task."""
    inputs = {name: {row.input for rows in splits.values() for row in rows} for name, splits in pool.splits.items()}
    shared = 0
    for name, rows in test.items():
        others = set().union(*(texts for other, texts in inputs.items() if other != name))
        shared += sum(row.input in others for row in rows)
    return shared


def _held_out_tasks(context: TrainingContext, pool: PoolInputs, test: Mapping[str, Sequence[Example]]) -> list[HeldOutTask]:
    """The routes of each task's test inputs on a router that was learned without the task."""
    if sum(bool(rows) for rows in pool.train.values()) < 3:
        return []
    found, meter = [], Meter(context.on_event, "route", "routers without one task", len(test))
    for done, (name, rows) in enumerate(test.items(), 1):
        router = TaskRouter.learn(
            *({task: own for task, own in part.items() if task != name} for part in (pool.train, pool.dev))
        )
        refused = _reasons(router.routes([row.input for row in rows]))
        found.append(HeldOutTask(task=name, inputs=len(rows), refused=refused))
        meter.update(done, len(test), name)
    return found


def _named_answers(
    context: TrainingContext, test: Mapping[str, Sequence[Example]], system: str, notes: list[str]
) -> dict[str, NamedAnswers]:
    """The answers of tasks to their own test rows; kept predictions of Task-LMs are taken, others are made."""
    found: dict[str, NamedAnswers] = {}
    for task in (task for task in context.workspace.tasks() if task.name in test):
        try:
            found[task.name] = _answers_of(context, task, test[task.name], system)
        except EvaluationError as error:
            notes.append(f"{task.name} is not compared with its named task: {error.problems[0].what}")
    return found


def _answers_of(context: TrainingContext, task: Task, rows: Sequence[Example], system: str) -> NamedAnswers:
    if system in SIMPLE:
        answered = system_for(context, task, system)
        return NamedAnswers(answered.name, [None if one.error else one.output for one in answered.answer(rows)])
    (runs,) = evaluated_runs(context, [task])
    name = next((name for name in runs if system in {"", name}), None)
    if name is None:
        raise EvaluationError(f"it has no Task-LM of the kind {system}")
    asked = task_lm_system(context, task.name, name, runs[name])
    predictions, _ = system_answers(context, (context.dataset(task), rows), asked)
    return NamedAnswers(name, [None if one.error else one.output for one in predictions.predictions])
