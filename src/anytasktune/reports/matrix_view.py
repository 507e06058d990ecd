"""Every Task-LM on every task, worded: a table of scores with their distance from the task's own Task-LM, and what follows."""

from dataclasses import dataclass
from typing import Literal

from anytasktune.reports.report_words import VERDICT_SYMBOLS, Words, clean, p_words, signed
from anytasktune.schema import Report
from anytasktune.schema.task_matrix import BASE_MODEL, MatrixCell, MatrixModel, TaskMatrix
from anytasktune.settings import System

_MOST_TRANSFERS = 12
"""Transfers between two tasks that are listed; `report.json` has all of them."""


@dataclass(frozen=True)
class CellView:
    """A model on a task.

    Attributes:
        score: as it is written; a dash where the model was not asked.
        difference: to the task's own Task-LM; empty for that one itself.
        symbol: of the verdict on the difference.
        tone: `own`, or whether the score is `better` or `worse` than that of the task's own Task-LM; empty where nothing is
            compared.
        shade: size of the difference from 0 to 1, as a share of the largest one of the task.
        learned: whether the model was trained on the task.
        spoken: all of it in words.
    """

    score: str
    difference: str = ""
    symbol: str = ""
    tone: Literal["own", "better", "worse", ""] = ""
    shade: float = 0.0
    learned: bool = False
    spoken: str = ""


@dataclass(frozen=True)
class MatrixRow:
    """A model on all tasks."""

    name: str
    learned: str
    """What it was trained on, where that is more than one task."""
    cells: tuple[CellView, ...]


@dataclass(frozen=True)
class MatrixView:
    """The matrix of a report.

    Attributes:
        tasks: name and title of each column.
        rows: a model each.
        advice: which tasks gain from being learned together and which lose; what the training for one task does to another.
    """

    tasks: tuple[tuple[str, str], ...]
    rows: tuple[MatrixRow, ...]
    advice: tuple[str, ...]
    how: str


def view_matrix(report: Report, words: Words) -> MatrixView | None:
    """The matrix in words; None where it was not asked for."""
    matrix = report.matrix
    if matrix is None:
        return None
    titles = {task.task: clean(task.titles.get(words.language) or task.title) for task in report.tasks}
    lower = {task.task for task in report.tasks if task.lower_is_better}
    return MatrixView(
        tasks=tuple((task, titles[task]) for task in matrix.rows),
        rows=tuple(
            MatrixRow(
                name=model_name(model.target, model.system, titles, words),
                learned=words.say("matrix.learned", count=len(model.learned)) if len(model.learned) > 1 else "",
                cells=tuple(_cell(matrix, model, task, lower, words) for task in matrix.rows),
            )
            for model in matrix.models
        ),
        advice=(*_joint_advice(matrix, titles, words), *_transfers(matrix, titles, words)),
        how=words.say("matrix.how"),
    )


def model_name(target: str, system: System, titles: dict[str, str], words: Words) -> str:
    """A model by the title of its task, or by its kind and action."""
    if target == BASE_MODEL:
        return words.say("system.base")
    if target in titles:
        return titles[target]
    name = words.say(f"system.{system}")
    return f"{name} {target.removeprefix('action-')}" if system == "action" else name


def _cell(matrix: TaskMatrix, model: MatrixModel, task: str, lower: set[str], words: Words) -> CellView:
    cell = matrix.cell(model.target, task)
    if cell is None or cell.score is None:
        return CellView(words.say("label.none"))
    score, own = f"{cell.score.value:.3f}", cell.against_own
    if own is None:
        tone: Literal["own", ""] = "own" if model.target == task else ""
        return CellView(score, tone=tone, learned=cell.learned, spoken=score)
    value = own.difference.value
    difference, largest = signed(value, 3), _largest(matrix, task)
    symbol = VERDICT_SYMBOLS[own.verdict]
    worse = (value > 0) == (task in lower)
    spoken = words.say(
        "matrix.spoken",
        score=score,
        difference=difference,
        low=signed(own.difference.low, 2),
        high=signed(own.difference.high, 2),
        verdict=words.say(f"verdict.{own.verdict}"),
        p=p_words(own.p_holm),
    )
    shade = abs(value) / largest if largest else 0.0
    return CellView(score, difference, symbol, "worse" if worse else "better", shade, cell.learned, spoken)


def _largest(matrix: TaskMatrix, task: str) -> float:
    found = [cell.against_own for cell in matrix.cells if cell.task == task]
    return max((abs(entry.difference.value) for entry in found if entry), default=0.0)


def _joint_advice(matrix: TaskMatrix, titles: dict[str, str], words: Words) -> list[str]:
    """A sentence per Task-LM of several tasks and outcome; where all is undecided, that nothing can be told."""
    models, lines = {model.target: model for model in matrix.models}, []
    for joint in matrix.joint:
        outcomes = {"gains": joint.gains, "losses": joint.losses}
        if not joint.gains and not joint.losses:
            outcomes = {"undecided": joint.undecided}
        for name, tasks in outcomes.items():
            if tasks:
                listed = words.say("headline.list_joint").join(titles[task] for task in tasks)
                model = model_name(joint.target, models[joint.target].system, titles, words)
                lines.append(words.say(f"matrix.{name}", model=model, tasks=listed, count=len(tasks)))
    return lines


def _transfers(matrix: TaskMatrix, titles: dict[str, str], words: Words) -> list[str]:
    """Effects on other tasks of training for one task alone, where they are shown; the clearest first."""
    single = {model.target for model in matrix.models if len(model.learned) == 1}
    shown = [
        (cell.against_base.p_holm, cell)
        for cell in matrix.cells
        if cell.target in single and cell.against_base and cell.against_base.verdict != "inconclusive"
    ]
    shown.sort(key=lambda item: item[0])
    lines = [_transfer(cell, titles, words) for _, cell in shown[:_MOST_TRANSFERS]]
    return lines + ([words.say("matrix.more", count=len(shown) - _MOST_TRANSFERS)] if len(shown) > _MOST_TRANSFERS else [])


def _transfer(cell: MatrixCell, titles: dict[str, str], words: Words) -> str:
    entry = cell.against_base
    if entry is None:
        return ""
    return words.say(
        f"matrix.transfer_{entry.verdict}",
        learned=titles[cell.target],
        task=titles[cell.task],
        difference=signed(entry.difference.value, 3),
        low=signed(entry.difference.low, 2),
        high=signed(entry.difference.high, 2),
        p=p_words(entry.p_holm),
    )
