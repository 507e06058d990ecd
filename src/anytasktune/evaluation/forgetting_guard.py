"""General instructions of our own, asked of a base model before and after training, and what was forgotten."""

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.scoring import hash_of_record
from anytasktune.evaluation.verdicts import verdict_on
from anytasktune.ids import content_id
from anytasktune.outputs import LOWER_IS_BETTER, TextOutput
from anytasktune.schema import Decoding, Example, Interval, PredictionSet, Task
from anytasktune.schema.forgetting import Forgetting, ForgettingOf, InstructionItem, LostItem, TaskOverBudget
from anytasktune.schema.task_matrix import BASE_MODEL, MatrixModel, TaskMatrix
from anytasktune.scorers import ItemStatistics
from anytasktune.scorers.intervals import score_interval
from anytasktune.scorers.paired_tests import compare_paired
from anytasktune.scorers.statistics import holm
from anytasktune.settings import EvalConfig

_LONGEST_ANSWER = 48
_EDGES = " \t\n\r.。!！\"'“”‘’「」*`：:"
_LATIN_OR_DIGIT = "[A-Za-z0-9]"

GENERAL_TASK = Task(
    name="general_instructions",
    instruction={"en": "Follow the instruction and answer briefly.", "zh": "请按要求简短回答。"},
    output=TextOutput(kind="text"),
)
"""The instructions are rows of this task; no Task-LM has learned it."""
GENERAL_DECODING = Decoding(method="greedy", max_new_tokens=_LONGEST_ANSWER, constrained=False)


@functools.cache
def general_items() -> tuple[InstructionItem, ...]:
    """The instructions, English before Chinese."""
    folder = files(__package__) / "general_instructions"
    lines = [line for name in ("en", "zh") for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    return tuple(InstructionItem.model_validate_json(line) for line in lines)


def general_set_id() -> str:
    """Id of the content of the instructions."""
    return content_id([item.model_dump(mode="json") for item in general_items()])


def general_rows() -> list[Example]:
    """The instructions as rows, in their order."""
    return [Example(input=item.input, output=item.accept[0], language=item.language) for item in general_items()]


def is_right(item: InstructionItem, answer: str) -> bool:
    """Whether an answer passes the check of its instruction."""
    text = answer.strip(_EDGES)
    if item.check == "same_case":
        return text in item.accept
    if item.check == "exact":
        return text.casefold() in {accepted.casefold() for accepted in item.accept}
    if item.check == "contains":
        return any(_place(accepted, text) is not None for accepted in item.accept)
    places = {option: place for option in item.options if (place := _place(option, text)) is not None}
    # of options that begin at one place, such as “能” in “能够”, the longest is meant
    first = min(places, key=lambda option: (places[option], -len(option)), default=None)
    return first in item.accept


def measure_forgetting(
    models: Sequence[MatrixModel],
    answers: Mapping[str, PredictionSet],
    config: EvalConfig,
    matrix: TaskMatrix | None = None,
    tasks: Sequence[Task] = (),
) -> Forgetting:
    """Compare the answers of each Task-LM with those of the base model, on the instructions both have answered.

    Args:
        models: Task-LMs.
        answers: target → answers to `general_rows`; `BASE_MODEL` too.
        config: resamples, seed, significance and budget.
        matrix: of every Task-LM on every task, where it was asked for: other tasks are then held to the budget, too.
        tasks: of the matrix.

    Raises:
        EvaluationError: answers are not those to these instructions.
    """
    base = answers[BASE_MODEL]
    before = [mark for mark in _marks(base) if mark is not None]
    if not before:
        what = "the base model could answer no general instruction"
        raise EvaluationError(what, fix="choose one with a longer context, or leave --forgetting out")
    compared = [_compared(model, answers[model.target], base, config) for model in models]
    corrected = holm([one.p_value for one in compared])
    budget = config.forgetting_budget
    settled = [
        one.model_copy(
            update={
                "p_holm": value,
                "verdict": verdict_on(one.difference.value, value, lower_is_better=False, alpha=config.significance),
                "over_budget": budget is not None and one.difference.high < -budget,
            }
        )
        for one, value in zip(compared, corrected, strict=True)
    ]
    return Forgetting(
        instructions=dict(Counter(item.language for item in general_items())),
        set_id=general_set_id(),
        budget=budget,
        before=score_interval(_statistics(before), config.resamples, config.seed),
        predictions=base.id,
        predictions_sha256=hash_of_record(base),
        models=settled,
        tasks_over_budget=_tasks_over_budget(matrix, tasks, budget) if matrix and budget is not None else [],
    )


def _compared(model: MatrixModel, answers: PredictionSet, base: PredictionSet, config: EvalConfig) -> ForgettingOf:
    before, after, items = _marks(base), _marks(answers), general_items()
    both = [row for row in range(len(items)) if before[row] is not None and after[row] is not None]
    if not both:
        what = f"{model.target}: no general instruction could be answered"
        raise EvaluationError(what, fix="choose a base model with a longer context")
    ours, theirs = (_statistics([marks[row] is True for row in both]) for marks in (after, before))
    paired = compare_paired(ours, theirs, config.resamples, config.seed)
    lost = [
        LostItem(
            id=items[row].id,
            input=items[row].input,
            before=base.predictions[row].output,
            after=answers.predictions[row].output,
        )
        for row in both
        if before[row] and not after[row]
    ]
    return ForgettingOf(
        target=model.target,
        system=model.system,
        right=score_interval(ours, config.resamples, config.seed),
        difference=paired.difference,
        p_value=paired.p_value,
        p_holm=paired.p_value,
        verdict="inconclusive",
        lost=lost,
        gained=[items[row].id for row in both if after[row] and not before[row]],
        run=model.run,
        predictions=answers.id,
        predictions_sha256=hash_of_record(answers),
    )


def _marks(answers: PredictionSet) -> list[bool | None]:
    """Per instruction, whether it was answered rightly; None where it could not be answered."""
    if [one.example_id for one in answers.predictions] != [row.id for row in general_rows()]:
        what = f"predictions {answers.id} are not answers to the general instructions of this version"
        raise EvaluationError(what, fix="evaluate again")
    pairs = zip(general_items(), answers.predictions, strict=True)
    return [None if one.error is not None else is_right(item, one.output) for item, one in pairs]


def _statistics(marks: Sequence[bool]) -> ItemStatistics:
    return ItemStatistics("accuracy", np.array([[float(mark), 1.0] for mark in marks]).reshape(len(marks), 2))


def _tasks_over_budget(matrix: TaskMatrix, tasks: Sequence[Task], budget: float) -> list[TaskOverBudget]:
    definitions, found = {task.name: task for task in tasks}, []
    for cell in matrix.cells:
        if cell.against_base is None:
            continue
        task, difference = definitions[cell.task], cell.against_base.difference
        if task.scored_by in LOWER_IS_BETTER:
            width = task.output.full_range
            low, high = -difference.high / width, -difference.low / width
            difference = Interval(value=-difference.value / width, low=low, high=high)
        if difference.high < -budget:
            found.append(TaskOverBudget(target=cell.target, task=cell.task, difference=difference))
    return found


def _place(wanted: str, text: str) -> int | None:
    """Where `wanted` begins in `text`, whatever the case; not within a longer word or number."""
    pattern = rf"(?<!{_LATIN_OR_DIGIT}){re.escape(wanted)}(?!{_LATIN_OR_DIGIT})" if wanted.isascii() else re.escape(wanted)
    found = re.search(pattern, text, re.IGNORECASE)
    return found.start() if found else None
