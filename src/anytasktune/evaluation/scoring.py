"""Predictions → scores: one per example, none lost, none invented."""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from anytasktune.errors import EvaluationError, Problem, counted
from anytasktune.ids import text_hash
from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.schema import (
    AnsweringUsage,
    AnswerThreshold,
    Example,
    GeneralModel,
    ItemAnswer,
    Prediction,
    PredictionSet,
    ReportItem,
    Sample,
    Score,
    ShotChoice,
    Task,
)
from anytasktune.scorers import item_statistics, score_answer
from anytasktune.settings import System
from anytasktune.settings.systems import in_report_order

RANDOM_SAMPLES = 3
WORST_SAMPLES = 2


@dataclass(frozen=True)
class ScoredSystem:
    """One system's predictions on the rows of a task, with their scores.

    Attributes:
        system: its name.
        predictions: one per row, in the order of the rows.
        scores: likewise.
        usage: what predicting took.
        shots: examples shown in every prompt; None for a system that is shown none.
        shot_choice: how those were chosen.
        kept_at: folder of a linear model below that of the project, with its `train_rows` and `train_seconds`.
        prediction_set: id of the predictions.
        sha256: of their record.
        threshold: below which the answers of a Task-LM are unsure.
        general_model: the model, where it is not the base model of the project.
    """

    system: System
    predictions: Sequence[Prediction]
    scores: Sequence[Score]
    usage: AnsweringUsage = field(default_factory=AnsweringUsage)
    shots: int | None = None
    shot_choice: ShotChoice | None = None
    kept_at: str | None = None
    train_rows: int | None = None
    train_seconds: float | None = None
    prediction_set: str = ""
    sha256: str = ""
    threshold: AnswerThreshold | None = None
    general_model: GeneralModel | None = None

    @property
    def scored_rows(self) -> frozenset[int]:
        """Indices of the rows whose answer has a score."""
        return frozenset(index for index, score in enumerate(self.scores) if score.value is not None)


def score_system(task: Task, examples: Sequence[Example], predictions: PredictionSet) -> ScoredSystem:
    """Score a prediction set, in the order of `examples`; examples of the same id take their predictions in order.

    A prediction that carries an error is unscored (`value` None), which is not a zero.

    Raises:
        EvaluationError: predictions and examples do not pair up one to one, or an example's reference cannot be used (a
            number task's without a number).
    """
    _check_balance(examples, predictions.predictions)
    waiting: dict[str, deque[Prediction]] = defaultdict(deque)
    for prediction in predictions.predictions:
        waiting[prediction.example_id].append(prediction)
    ordered = [waiting[example.id].popleft() for example in examples]
    scores = [_score(task, example, prediction) for example, prediction in zip(examples, ordered, strict=True)]
    return ScoredSystem(
        predictions.system,
        ordered,
        scores,
        predictions.usage,
        prediction_set=predictions.id,
        sha256=hash_of_record(predictions),
        general_model=predictions.general_model,
    )


def hash_of_record(predictions: PredictionSet) -> str:
    """The SHA-256 of the record as it stands on disk before its checksum."""
    return text_hash(predictions.model_dump_json(indent=2))


def choose_way(task: Task, dev: Sequence[Example], fixed: ScoredSystem, similar: ScoredSystem) -> ShotChoice:
    """The way of choosing few-shot examples that scores better on the rows of dev both have a score for.

    The fixed examples where both are equal, and where the similar ones leave more rows unscored.
    """
    rows = sorted(fixed.scored_rows & similar.scored_rows)
    if not rows:
        return ShotChoice(by="fixed")
    ways = {"fixed": fixed, "similar": similar}
    references = [dev[row].output for row in rows]
    scores = {
        way: item_statistics(task, references, [entry.predictions[row].output for row in rows]).value()
        for way, entry in ways.items()
    }
    gain = scores["similar"] - scores["fixed"]
    better = (-gain if task.scored_by in LOWER_IS_BETTER else gain) > 0
    as_many = len(similar.scored_rows) >= len(fixed.scored_rows)
    chosen = "similar" if better and as_many else "fixed"
    made_from = {way: entry.prediction_set for way, entry in ways.items()}
    return ShotChoice.model_validate({"by": chosen, "dev_rows": len(rows), "dev_scores": scores, "predictions": made_from})


def _check_balance(examples: Sequence[Example], predictions: Sequence[Prediction]) -> None:
    expected = Counter(example.id for example in examples)
    given = Counter(prediction.example_id for prediction in predictions)
    problems = []
    if missing := expected - given:
        rows = counted(len(examples), "row")
        what = f"no prediction for {missing.total()} of {rows}, the first one example {next(iter(missing))}"
        problems.append(Problem(what, fix="run the prediction again; an answer that failed must be kept with its error"))
    if surplus := given - expected:
        what = f"{counted(surplus.total(), 'prediction')} for no row, the first one for example {next(iter(surplus))}"
        problems.append(Problem(what, fix="predict again on the same data set and the same rows"))
    if problems:
        raise EvaluationError(problems)


def _score(task: Task, example: Example, prediction: Prediction) -> Score:
    if prediction.error is not None:
        return Score(example_id=example.id, value=None, parsed=False)
    try:
        score = score_answer(task, example.input, example.output, prediction.output, example.language, example.id)
    except ValueError as error:
        fix = "correct the row; the verb `check` lists all such rows"
        raise EvaluationError(f"the reference of example {example.id} of task {task.name}: {error}", fix=fix) from None
    # an answer that was cut has no known end, whatever its beginning looks like; one that a constraint closed has the form
    cut = prediction.truncated and not prediction.corrected
    return score.model_copy(update={"broken_rules": [*score.broken_rules, "truncated"]}) if cut else score


def report_items(task: Task, examples: Sequence[Example], scored: Sequence[ScoredSystem]) -> list[ReportItem]:
    """Every row with the answers and scores of all systems, in the order of the rows."""
    in_order = sorted(scored, key=lambda entry: in_report_order(entry.system))
    return [
        ReportItem(
            task=task.name,
            row=row + 1,
            id=example.id,
            language=example.language or task.languages[0],
            source=example.source,
            input=example.input,
            reference=example.output,
            answers={entry.system: _item_answer(entry.predictions[row], entry.scores[row]) for entry in in_order},
        )
        for row, example in enumerate(examples)
    ]


def _item_answer(prediction: Prediction, score: Score) -> ItemAnswer:
    answer = prediction.model_dump(exclude={"example_id", "system"})
    return ItemAnswer(**answer, value=score.value, broken_rules=score.broken_rules)


def pick_samples(
    task: Task, examples: Sequence[Example], systems: Mapping[System, ScoredSystem], subject: System, seed: int = 0
) -> list[Sample]:
    """A few rows with every system's answer: `RANDOM_SAMPLES` drawn with `seed`, then up to `WORST_SAMPLES` of the subject's
    worst that were not drawn (none where it made no mistake)."""
    order = [int(row) for row in np.random.default_rng(seed).permutation(len(examples))]
    errors: dict[int, float] = {}
    for row in order[RANDOM_SAMPLES:]:
        value = systems[subject].scores[row].value if subject in systems else None
        if value is not None:
            errors[row] = value if task.scored_by in LOWER_IS_BETTER else 1 - value
    worst = sorted((row for row in errors if errors[row] > 0), key=lambda row: -errors[row])[:WORST_SAMPLES]
    samples = []
    for row in (*order[:RANDOM_SAMPLES], *worst):
        scored = {system: entry for system, entry in systems.items() if entry.scores[row].value is not None}
        samples.append(
            Sample(
                input=examples[row].input,
                reference=examples[row].output,
                answers={system: entry.predictions[row].output for system, entry in scored.items()},
                values={system: entry.scores[row].value or 0.0 for system, entry in scored.items()},
                picked="worst" if row in worst else "random",
            )
        )
    return samples
