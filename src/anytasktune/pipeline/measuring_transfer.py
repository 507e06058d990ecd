"""`language-transfer`: Task-LMs trained on the rows of one language answer both, beside the Task-LM trained on all rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import EvaluationError, Problem, counted
from anytasktune.evaluation import score_system
from anytasktune.evaluation.bilingual import correct_transfers
from anytasktune.evaluation.predict import EvaluatedSystem
from anytasktune.evaluation.transfer_scores import OTHER, TrainedAnswers, language_transfer
from anytasktune.pipeline.evaluating import (
    base_system,
    evaluated_runs,
    require_room_for_answers,
    system_answers,
    task_lm_in,
    task_lm_system,
)
from anytasktune.pipeline.events import Finished, OnEvent
from anytasktune.pipeline.stored_transfers import LANGUAGE_TRANSFERS
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.trainings_beside import PartTraining, finished_parts, part_of, train_parts
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Estimate, Example, Run, SplitName, Task
from anytasktune.schema.language_transfer import LanguageTransfer, TrainedOn
from anytasktune.settings import Settings
from anytasktune.store import save_artifact
from anytasktune.store.run_folder import ADAPTER_FOLDER
from anytasktune.training.task_rows import TrainingData
from anytasktune.training.train_runs import run_id

FEWEST_ROWS = {"train": 8, "dev": 10, "test": 10}
"""Rows of each language: to train on, and to measure on."""
_RUNS = "runs"
_NAMES: Mapping[Language, str] = {"en": "English", "zh": "Chinese"}


@dataclass(frozen=True)
class TransferPlan:
    """Expected cost of measuring the transfer of one task.

    Attributes:
        train_rows: by language.
        evaluated_rows: by language.
        trainings: on one language each.
        trained: how many of them exist already.
        estimate: cost of the others.
    """

    task: str
    train_rows: Mapping[Language, int]
    evaluated_rows: Mapping[Language, int]
    trainings: int
    trained: int
    estimate: Estimate


@dataclass(frozen=True)
class _Bilingual:
    """A task with its current Task-LM, and a training on the rows of each language."""

    task: Task
    dataset: FrozenDataset
    rows: Sequence[Example]
    whole: Run
    trainings: Mapping[Language, PartTraining]


def measure_transfers(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    split: Literal["dev", "test"] = "test",
) -> list[LanguageTransfer]:
    """Measure the effect of training on English, on Chinese and on both; finished trainings and answers are reused.

    The Task-LM of both languages is the current one. Those of one language are trained with its settings and lie apart, where
    nothing else uses them.

    Raises:
        EvaluationError: a task has too few rows of a language, or no Task-LM yet.
    """
    context = TrainingContext.begin(workspace, settings, on_event)
    found = _bilingual_tasks(context, task_names, split)
    require_room_for_answers(context, [one.task for one in found])
    measured = [_measured(context, one, split) for one in found]
    return correct_transfers(measured, context.settings.eval.significance)


def plan_transfers(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    split: Literal["dev", "test"] = "test",
) -> list[TransferPlan]:
    """The expected cost of `measure_transfers`; only the tokenizer is loaded."""
    context = TrainingContext.begin(workspace, settings, on_event)
    plans = []
    for one in _bilingual_tasks(context, task_names, split):
        done = finished_parts(context, list(one.trainings.values()))
        left = [training.estimate(context) for training in one.trainings.values() if training.folder not in done]
        train_rows = {language: training.rows for language, training in one.trainings.items()}
        evaluated = {language: len(rows) for language, rows in one.task.by_language(one.rows).items()}
        plan = TransferPlan(one.task.name, train_rows, evaluated, len(OTHER), len(done), Estimate.total(left))
        plans.append(plan)
    return plans


def _bilingual_tasks(context: TrainingContext, names: Sequence[str], split: Literal["dev", "test"]) -> list[_Bilingual]:
    """The tasks with enough rows of both languages; the context evaluates their Task-LMs on `split` from now on.

    Without names, those with too few are named and left out.

    Raises:
        EvaluationError: a named task has too few, or all have; there is no Task-LM yet.
    """
    evaluated = context.settings.eval.model_copy(update={"split": split, "systems": ["tuned"]})
    context.settings = context.settings.model_copy(update={"eval": evaluated})
    tasks, problems = [], list[Problem]()
    for task in context.workspace.tasks(names):
        lacking = list(_lacking(context, task, split))
        problems += lacking
        tasks += [] if lacking else [task]
    if problems and (names or not tasks):
        raise EvaluationError(problems)
    for problem in problems:
        context.note(f"{problem.where}: left out, {problem.what}")
    runs = zip(tasks, evaluated_runs(context, tasks), strict=True)
    return [_divided(context, task, found["tuned"]) for task, found in runs if "tuned" in found]


def _lacking(context: TrainingContext, task: Task, split: Literal["dev", "test"]) -> Iterator[Problem]:
    """Missing instructions and rows without which a task cannot be trained on and measured in each language."""
    where, dataset, project = f"task {task.name}", context.dataset(task), context.workspace.project
    for language, name in _NAMES.items():
        if language not in task.languages:
            fix = f"write instruction.{language} in domain.yaml and import {name} rows"
            yield Problem(f"it has no instruction in {name}", where, fix)
            continue
        parts: tuple[SplitName, ...] = ("train", split)
        counts = {part: len(task.by_language(dataset.splits.get(part, [])).get(language, [])) for part in parts}
        if any(rows < FEWEST_ROWS[part] for part, rows in counts.items()):
            found = ", ".join(f"{rows} {part} (at least {FEWEST_ROWS[part]})" for part, rows in counts.items())
            command = project.command("import", "FILE", "--task", task.name, "--language", language, "--append")
            yield Problem(f"too few {name} rows: {found}", where, f"import more: {command}")


def _divided(context: TrainingContext, task: Task, whole: Run) -> _Bilingual:
    """The trainings on one language each, with the settings of the Task-LM that was trained on both."""
    config = whole.config.model_copy(update={"model": context.settings.train.model})
    own, dataset = context.part(task), context.dataset(task)
    train = task.by_language(own.splits["train"][: config.max_train_rows])
    dev = task.by_language(own.splits.get("dev", []))
    trainings = {}
    for language, name in _NAMES.items():
        part = part_of(own, {"train": train[language], "dev": dev.get(language, [])})
        data = TrainingData(task.name, (part,))
        runs = context.workspace.project.language_transfers(task.name) / _RUNS
        folder = runs / run_id(context.model_info.ref, data, config)
        trainings[language] = PartTraining(data, config, folder, f"{name} alone")
    rows = dataset.splits.get(context.settings.eval.split, [])[: context.settings.eval.max_rows]
    return _Bilingual(task, dataset, rows, whole, trainings)


def _measured(context: TrainingContext, one: _Bilingual, split: Literal["dev", "test"]) -> LanguageTransfer:
    name, folder = one.task.name, context.workspace.project.language_transfers(one.task.name)
    runs = train_parts(context, list(one.trainings.values()), "Task-LM", "one language each")
    both = task_lm_system(context, name, "tuned", one.whole)
    systems: dict[TrainedOn, tuple[EvaluatedSystem, Run | None]] = {"base": (base_system(context, one.task, one.dataset), None)}
    for language, training in one.trainings.items():
        alone = task_lm_in(context, name, "tuned", training.folder / ADAPTER_FOLDER)
        limit = max(alone.decoding.max_new_tokens, both.decoding.max_new_tokens)  # answers of the other language may be longer
        decoding = alone.decoding.model_copy(update={"max_new_tokens": limit})
        systems[language] = replace(alone, decoding=decoding), runs[training.folder]
    systems["both"] = both, one.whole
    answers: dict[TrainedOn, TrainedAnswers] = {}
    for trained_on, (system, run) in systems.items():
        predictions, _ = system_answers(context, (one.dataset, one.rows), system, "transfer")
        scored = score_system(one.task, one.rows, predictions)
        answers[trained_on] = (
            TrainedAnswers(scored, run.train_rows, run.usage.seconds, run.id) if run else TrainedAnswers(scored)
        )
    found = language_transfer(one.task, one.rows, (one.dataset.manifest.id, split), answers, context.settings.eval)
    is_new = save_artifact(folder, LANGUAGE_TRANSFERS, found)
    detail = ", ".join(counted(training.rows, f"{_NAMES[language]} row") for language, training in one.trainings.items())
    context.on_event(Finished(stage="transfer", name=name, artifact=found.id, reused=not is_new, detail=detail))
    return found
