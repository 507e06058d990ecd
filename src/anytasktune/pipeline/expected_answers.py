"""`eval --dry-run`: the answers that an evaluation would need, which of them are there, and the time the others take."""

from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.evaluation.forgetting_guard import general_rows
from anytasktune.evaluation.predict import EvaluatedSystem
from anytasktune.inference.few_shot import SHOT_DEV_ROWS
from anytasktune.inference.task_predictor import label_tokens
from anytasktune.llm import Expected
from anytasktune.pipeline.asking_general_instructions import plan_general_instructions
from anytasktune.pipeline.cross_task_answers import plan_matrix
from anytasktune.pipeline.evaluating import (
    base_system,
    evaluated_runs,
    few_shot_ways,
    general_models_here,
    has_predictions,
    plain_general_model,
    require_held_out,
    task_lm_system,
)
from anytasktune.pipeline.events import OnEvent, Started
from anytasktune.pipeline.general_endpoints import requests_of
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Example, SplitName, Task
from anytasktune.settings import Settings, TeacherConfig
from anytasktune.training.batches import build_rows
from anytasktune.training.estimate import LABELS_AT_ONCE, Answering, answering_seconds

_ROWS_READ = 256
"""Training rows that say how long prompts and answers are."""


@dataclass(frozen=True)
class ExpectedAnswers:
    """Rows of a task that one model answers in an evaluation.

    Attributes:
        model: a system, or the adapter target of a Task-LM.
        task: of the rows.
        split: of the rows; few-shot examples are chosen and tasks compared on dev; general instructions count as dev.
        rows: number of rows.
        known: whether they are answered already, so that nothing would be done.
        seconds: expected time; 0 where they are.
        requests: to an endpoint, without and with examples; None for a model on this machine.
    """

    model: str
    task: str
    split: SplitName
    rows: int
    known: bool
    seconds: float
    requests: Expected | None = None


def expected_answers(
    workspace: Workspace, task_names: Sequence[str] = (), settings: Settings | None = None, on_event: OnEvent | None = None
) -> list[ExpectedAnswers]:
    """The answers of language models that `evaluate` would need; only the tokenizer is loaded. Errors as `evaluate`."""
    context = TrainingContext.begin(workspace, settings, on_event)
    tasks = workspace.tasks(task_names)
    require_held_out(context, tasks)
    config, expected = context.settings.eval, []
    for task, runs in zip(tasks, evaluated_runs(context, tasks), strict=True):
        plain = base_system(context, task, context.dataset(task))
        systems = [plain] if "base" in config.systems else []
        systems += [task_lm_system(context, task.name, name, run) for name, run in runs.items()]
        expected += [_on_held_out(context, task, system) for system in systems]
        expected += _of_few_shot(context, task, plain) if "few_shot" in config.systems else []
    for model in general_models_here(context, tasks):
        for task in tasks:
            plain = plain_general_model(model, task)
            expected += [_on_held_out(model.context, task, plain), *_of_few_shot(model.context, task, plain)]
    for task in tasks:
        rows = len(context.dataset(task).splits.get(config.split, [])[: config.max_rows])
        for name, (asked, _) in requests_of(context, [task]).items():
            known = not asked.requests
            expected.append(ExpectedAnswers(name, task.name, config.split, rows, known, round(asked.seconds, 2), asked))
    if config.across_tasks:
        for one in plan_matrix(context, tasks):
            data = one.dataset.splits.get("train", []), one.rows
            expected.append(_expected(context, data, one.system, one.model.target or "base", "dev"))
    if config.asks_general_instructions:
        for one_asked, system, _ in plan_general_instructions(context, tasks):
            expected.append(_expected(context, ([], general_rows()), system, one_asked.target or "base", "dev"))
    return expected


def expected_requests(
    workspace: Workspace, task_names: Sequence[str] = (), settings: Settings | None = None, on_event: OnEvent | None = None
) -> dict[str, tuple[Expected, TeacherConfig]]:
    """General models behind an endpoint → the requests that `evaluate` would send, with prices and caps; none is sent."""
    context = TrainingContext.begin(workspace, settings, on_event)
    tasks = workspace.tasks(task_names)
    require_held_out(context, tasks)
    found = requests_of(context, tasks)
    for name, (asked, config) in found.items():
        context.on_event(Started(stage="teacher", name=name, detail=asked.in_words(config)))
    return found


def _on_held_out(context: TrainingContext, task: Task, system: EvaluatedSystem) -> ExpectedAnswers:
    dataset, config = context.dataset(task), context.settings.eval
    rows = dataset.splits.get(config.split, [])[: config.max_rows]
    return _expected(context, (dataset.splits.get("train", []), rows), system, system.name, config.split)


def _of_few_shot(context: TrainingContext, task: Task, plain: EvaluatedSystem) -> list[ExpectedAnswers]:
    """The ways of choosing examples on dev, where there are two, and the better one on the rows evaluated."""
    dataset = context.dataset(task)
    ways, dev = few_shot_ways(context, task, dataset, plain), dataset.splits.get("dev", [])[:SHOT_DEV_ROWS]
    train = dataset.splits.get("train", [])
    tried = [_expected(context, (train, dev), way, way.name, "dev") for way in ways] if len(ways) > 1 else []
    finals = [_on_held_out(context, task, way) for way in ways]
    return [*tried, next((one for one in finals if one.known), finals[-1])]


def _expected(
    context: TrainingContext,
    data: tuple[Sequence[Example], Sequence[Example]],
    system: EvaluatedSystem,
    model: str,
    split: SplitName,
) -> ExpectedAnswers:
    """The rows of `data`, and before them rows whose answers are like those expected."""
    (alike, rows), task, config = data, system.task, context.settings.eval
    known, seconds = has_predictions(context, system, rows), 0.0
    if rows and not known:
        like = (alike or rows)[:_ROWS_READ]
        encoded, languages = context.encoder.encode(task, like), [task.language_of(row.language) for row in like]
        plan = build_rows(encoded, languages, share=True, batch_size=len(like))
        shown = 0 if system.shot_choice is None else config.shots
        fixed = system.shot_choice is None or system.shot_choice.by == "fixed"
        labels = label_tokens(task, system.decoding, context.model_info.format)
        tuned, alone = system.adapter is not None, system.shot_choice is None
        answering = Answering(
            len(rows),
            config.batch_tokens,
            shots=shown,
            label_tokens=min(labels, LABELS_AT_ONCE) if tuned else labels,
            shared=fixed,
            limit=system.decoding.max_new_tokens if alone and not tuned else 0,
        )
        times = 1 if labels else config.best_of
        seconds = times * answering_seconds(plan, context.model_info.shape, answering, context.speed)
    return ExpectedAnswers(model, task.name, split, len(rows), known, round(seconds, 2))
