"""`ask auto`: an input whose task nobody names goes to the task the router chooses, else to the fallback or base model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from anytasktune.baselines.task_router import ROUTERS, TaskRouter, router_id
from anytasktune.errors import AnyTaskTuneError, DataError
from anytasktune.inference.base_continuation import continuations
from anytasktune.llm.chat_endpoint import ChatEndpoint
from anytasktune.pipeline.answering import system_for, usable_text
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.evaluating import take_over_settings
from anytasktune.pipeline.events import Finished, OnEvent, Started
from anytasktune.pipeline.frozen_datasets import frozen_dataset
from anytasktune.pipeline.own_rows import has_own_rows
from anytasktune.pipeline.router_fallback import open_fallback
from anytasktune.pipeline.stored_runs import last_runs
from anytasktune.pipeline.teacher_access import Agreed
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Example, SplitName
from anytasktune.schema.route import Route, RoutedAnswer
from anytasktune.settings import TASK_LMS, Settings
from anytasktune.store import find_or_make


@dataclass(frozen=True)
class PoolInputs:
    """The rows of the tasks that have any.

    Attributes:
        splits: task → split → rows.
    """

    splits: Mapping[str, Mapping[SplitName, Sequence[Example]]]

    @property
    def train(self) -> dict[str, Sequence[Example]]:
        """Task → training rows."""
        return {task: splits.get("train", []) for task, splits in self.splits.items()}

    @property
    def dev(self) -> dict[str, Sequence[Example]]:
        """Task → dev rows."""
        return {task: splits.get("dev", []) for task, splits in self.splits.items()}


def pool_inputs(context: Context) -> PoolInputs:
    """The frozen rows of the pool; a task without rows is left out."""
    workspace, found = context.workspace, {}
    for task in workspace.tasks():
        if has_own_rows(workspace.project, task) or workspace.project.gated(task.name).is_dir():
            found[task.name] = frozen_dataset(workspace, task, context.settings.split).splits
    return PoolInputs(found)


def pool_router(context: Context) -> TaskRouter:
    """The router of the Task Pool: the one that was learned from today's rows, else a new one. Learning takes seconds.

    Raises:
        DataError: fewer than two tasks have training rows.
    """
    pool = pool_inputs(context)
    for task in context.workspace.tasks():
        if not pool.train.get(task.name):
            context.note(f"{task.name}: the router cannot choose it, it has no training rows")
    inputs = sum(map(len, pool.train.values()))
    identity, detail = router_id(pool.train, pool.dev), f"{inputs:,} inputs of {len(pool.train)} tasks"

    def learn() -> TaskRouter:
        context.on_event(Started(stage="route", name="router", detail=f"learns from {detail}"))
        return TaskRouter.learn(pool.train, pool.dev)

    router, made = find_or_make(context.workspace.project.routers, ROUTERS, identity, learn, note=context.note)
    seconds = router.manifest.usage.seconds
    context.on_event(Finished(stage="route", name="router", artifact=identity, detail=detail, seconds=seconds, reused=not made))
    return router


def served_router(context: Context) -> TaskRouter | None:
    """The router of a server; None, with a note unless the pool has one task, where there can be none."""
    if len(context.workspace.domain.tasks) < 2:
        return None
    try:
        return pool_router(context)
    except AnyTaskTuneError as error:
        context.note(f"no model auto is served: {error.problems[0]}")
        return None


def ask_auto(
    workspace: Workspace,
    text: str,
    *,
    system: str = "",
    language: Language | None = None,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    agreed: Agreed = None,
) -> RoutedAnswer:
    """Answer one input by the task that the router chooses; where it abstains, by the endpoint of `router.fallback_url`.

    Where none is set, the base model answers as it is.

    Args:
        system: what answers for the task, see `system_for`.
        language: of the input; detected from its script unless given.
        agreed: consent to sending an input that fits no task to another machine.

    Raises:
        DataError: the text cannot be answered, or fewer than two tasks have training rows.
        EvaluationError: the chosen task has no Task-LM yet.
        ConsentError: the endpoint is on another machine, and nobody has agreed.
        EndpointError: the endpoint does not answer; nothing else answers instead.
    """
    context, text = TrainingContext.begin(workspace, settings, on_event), usable_text(text)
    (route,) = pool_router(context).routes([text])
    if route.task is None:
        fallback = open_fallback(context, agreed)
        return _answered_by_base(context, text, route) if fallback is None else _answered_by_endpoint(fallback, text, route)
    (task,) = workspace.tasks([route.task])
    answer = system_for(context, task, system).ask(text, language)
    return RoutedAnswer(route=route, answered_by="task", model=answer.system, text=answer.answer, answer=answer)


def _answered_by_endpoint(fallback: ChatEndpoint, text: str, route: Route) -> RoutedAnswer:
    answer = fallback.ask(text)
    return RoutedAnswer(route=route, answered_by="endpoint", model=fallback.name, text=answer.content)


def _answered_by_base(context: TrainingContext, text: str, route: Route) -> RoutedAnswer:
    runs = (run for task in context.workspace.tasks() for _, run in last_runs(context.workspace, task, TASK_LMS))
    for run in islice(runs, 1):
        take_over_settings(context, run)
    base = context.base
    is_chat = base.format.rendering.template != "plain"
    prompt = base.format.conversation_text([{"role": "user", "content": text}]) if is_chat else text
    (answer,) = continuations(base, [base.format.text_ids(prompt, begins=not is_chat)])
    if answer.error is not None:
        raise DataError(f"no answer: {answer.error}", where=f"base model {base.ref.name}", fix="shorten the text")
    return RoutedAnswer(route=route, answered_by="base", model=base.ref.name, text=answer.output)
