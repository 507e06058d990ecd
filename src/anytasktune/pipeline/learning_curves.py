"""`learning-curve`: trains on an eighth, a quarter, half and all of the rows, and measures what more rows bring."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anytasktune.datasets import FrozenDataset
from anytasktune.datasets.nested_subsets import nested_subsets
from anytasktune.errors import EvaluationError, Problem, counted
from anytasktune.evaluation import FEWEST_EVALUATED, MeasuredSize, learning_curve, score_system
from anytasktune.inference.task_predictor import decoding_for
from anytasktune.pipeline.evaluating import require_room_for_answers, system_answers, task_lm_in
from anytasktune.pipeline.events import Finished, OnEvent
from anytasktune.pipeline.simple_baselines import score_linear
from anytasktune.pipeline.stored_curves import LEARNING_CURVES, curves_record
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.trainings_beside import PartTraining, finished_parts, part_of, train_parts
from anytasktune.pipeline.tuning import train_targets
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Estimate, Example, Run, Task
from anytasktune.schema.learning_curve import Learner, LearningCurves
from anytasktune.settings import Settings, TrainConfig
from anytasktune.store import save_artifact
from anytasktune.store.run_folder import ADAPTER_FOLDER
from anytasktune.training.task_rows import TrainingData
from anytasktune.training.train_runs import run_id

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
        trainings = [part for _, part in _trainings(context, one)]
        done = finished_parts(context, trainings)
        left = [part for part in trainings if part.folder not in done]
        rows = tuple(sum(part.rows_by_task(context.settings.train).values()) for part in one.parts)
        cost = Estimate.total([part.estimate(context) for part in left])
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
            parts = [TrainingData(task.name, (part_of(part, {"train": rows}),)) for rows in subsets]
            whole = TrainingData(task.name, (part,))
            found.append(_Sizes(task, dataset, (*parts, whole), evaluated))
    if problems:
        raise EvaluationError(problems)
    return found


def _trainings(context: TrainingContext, one: _Sizes) -> list[tuple[Learner, PartTraining]]:
    found, project = [], context.workspace.project
    for learner, config, part in one.trainings(context.settings.train):
        is_usual = part is one.parts[-1] and config == context.settings.train
        place = project.runs(one.task.name) if is_usual else project.learning_curves(one.task.name) / _RUNS
        folder, rows = place / run_id(context.model_info.ref, part, config), sum(part.rows_by_task(config).values())
        found.append((learner, PartTraining(part, config, folder, counted(rows, "row"))))
    return found


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
    """All trainings of a task with their folders: those there are, and the others trained now."""
    trainings, runs = _trainings(context, one), dict[Path, Run]()
    for learner in dict.fromkeys(learner for learner, _ in trainings):
        parts = [part for other, part in trainings if other == learner]
        runs |= train_parts(context, parts, "label head" if learner == "head" else "Task-LM", "fewer rows")
    return [(learner, part.folder, runs[part.folder]) for learner, part in trainings]
