"""Every model on every task: scores, differences to the task's own Task-LM and to the base model, and what follows from them.

Learning several tasks together can improve a task or interfere with it. Which of the two is read from paired tests on the same
dev rows, corrected over all of them; where they are inconclusive, nothing is said.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from anytasktune.evaluation.comparison import compare_systems, scored_interval
from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.evaluation.verdicts import verdict_on
from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.schema import Comparison, Example, Task
from anytasktune.schema.task_matrix import BASE_MODEL, JointTraining, MatrixCell, MatrixModel, TaskMatrix
from anytasktune.scorers.statistics import holm
from anytasktune.settings import EvalConfig


@dataclass(frozen=True)
class MatrixTask:
    """A task of the matrix.

    Attributes:
        task: as it is today.
        rows: its dev rows.
        scored: target of a model → its scored answers to these rows.
    """

    task: Task
    rows: Sequence[Example]
    scored: Mapping[str, ScoredSystem]


def build_matrix(models: Sequence[MatrixModel], tasks: Sequence[MatrixTask], config: EvalConfig) -> TaskMatrix:
    """Compare the models on each task, correct the p values, and list what joint training gains and loses.

    Args:
        models: the base model (target `BASE_MODEL`) and Task-LMs.
        tasks: with the answers of these models.
        config: resamples, seed and significance.
    """
    cells = [
        _cell(model, one, config)
        for model in models
        for one in tasks
        if model.target in one.scored and one.scored[model.target].predictions
    ]
    definitions = {one.task.name: one.task for one in tasks}

    def settle(family: Callable[[MatrixCell], bool], name: str) -> None:
        entries: list[tuple[int, Comparison]] = [
            (place, entry) for place, cell in enumerate(cells) if family(cell) and (entry := getattr(cell, name)) is not None
        ]
        corrected = holm([entry.p_value for _, entry in entries])
        for (place, entry), value in zip(entries, corrected, strict=True):
            lower = definitions[cells[place].task].scored_by in LOWER_IS_BETTER
            verdict = verdict_on(entry.difference.value, value, lower, config.significance)
            settled = entry.model_copy(update={"p_holm": value, "verdict": verdict})
            cells[place] = cells[place].model_copy(update={name: settled})

    settle(lambda cell: cell.learned, "against_own")
    settle(lambda cell: not cell.learned, "against_own")
    settle(lambda cell: not cell.learned, "against_base")
    joint = [_joint_training(model, cells) for model in models if len(model.learned) > 1]
    return TaskMatrix(
        models=list(models),
        rows={one.task.name: len(one.rows) for one in tasks},
        cells=cells,
        joint=[found for found in joint if found.gains or found.losses or found.undecided],
    )


def _cell(model: MatrixModel, one: MatrixTask, config: EvalConfig) -> MatrixCell:
    task, rows, scored = one.task, one.rows, one.scored[model.target]
    learned = task.name in model.learned

    def against(target: str) -> Comparison | None:
        other = one.scored.get(target)
        return compare_systems(task, rows, (scored, other), config) if other and target != model.target else None

    return MatrixCell(
        target=model.target,
        task=task.name,
        learned=learned,
        score=scored_interval(task, rows, scored, config),
        scored=len(scored.scored_rows),
        unscored=len(rows) - len(scored.scored_rows),
        against_own=against(task.name),
        against_base=None if learned else against(BASE_MODEL),
        predictions=scored.prediction_set,
        predictions_sha256=scored.sha256,
    )


def _joint_training(model: MatrixModel, cells: Sequence[MatrixCell]) -> JointTraining:
    found = [(cell.task, cell.against_own.verdict) for cell in cells if cell.target == model.target and cell.against_own]
    learned = [(task, verdict) for task, verdict in found if task in model.learned]
    return JointTraining(
        target=model.target,
        gains=[task for task, verdict in learned if verdict == "better"],
        losses=[task for task, verdict in learned if verdict == "worse"],
        undecided=[task for task, verdict in learned if verdict == "inconclusive"],
    )
