"""Predictions → scores: one per example, none lost, none invented."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anytasktune.errors import EvaluationError, Problem
from anytasktune.schema import Example, Prediction, PredictionSet, Score, Task
from anytasktune.scorers import score_answer
from anytasktune.settings import System


@dataclass(frozen=True)
class ScoredSystem:
    """One system's answers to the rows of a task, with what they are worth.

    Attributes:
        system: which one.
        predictions: one per row, in the order of the rows.
        scores: likewise.
        seconds: what predicting took.
        shots: examples shown in every prompt; None for a system that is shown none.
    """

    system: System
    predictions: Sequence[Prediction]
    scores: Sequence[Score]
    seconds: float
    shots: int | None = None

    @property
    def scored_rows(self) -> frozenset[int]:
        """Indices of the rows whose answer has a score."""
        return frozenset(index for index, score in enumerate(self.scores) if score.value is not None)


def score_system(task: Task, examples: Sequence[Example], predictions: PredictionSet, shots: int | None = None) -> ScoredSystem:
    """Score a prediction set and put it in the order of `examples`.

    Raises:
        EvaluationError: predictions and examples do not pair up one to one.
    """
    return ScoredSystem(
        system=predictions.system,
        predictions=[prediction for _, prediction in match_predictions(examples, predictions.predictions)],
        scores=score_predictions(task, examples, predictions),
        seconds=predictions.usage.seconds,
        shots=shots,
    )


def score_predictions(
    task: Task, examples: Sequence[Example], predictions: PredictionSet | Sequence[Prediction]
) -> list[Score]:
    """Judge the predictions of one system; one score per example, in the order of `examples`.

    A prediction that carries an error is unscored (`value` None), which is not a zero.

    Raises:
        EvaluationError: an example has no prediction, a prediction belongs to no example, or an example's reference
            cannot be used (a number task's without a number).
    """
    given = predictions.predictions if isinstance(predictions, PredictionSet) else predictions
    return [_score(task, example, prediction) for example, prediction in match_predictions(examples, given)]


def match_predictions(examples: Sequence[Example], predictions: Sequence[Prediction]) -> list[tuple[Example, Prediction]]:
    """Each example with its prediction, in the order of `examples`. Examples of the same id are served in order.

    Raises:
        EvaluationError: the two do not pair up one to one.
    """
    _check_balance(examples, predictions)
    waiting: dict[str, deque[Prediction]] = defaultdict(deque)
    for prediction in predictions:
        waiting[prediction.example_id].append(prediction)
    return [(example, waiting[example.id].popleft()) for example in examples]


def _check_balance(examples: Sequence[Example], predictions: Sequence[Prediction]) -> None:
    expected = Counter(example.id for example in examples)
    given = Counter(prediction.example_id for prediction in predictions)
    problems = []
    if missing := expected - given:
        what = f"{missing.total()} of {len(examples)} rows have no prediction, the first one {_first(missing)}"
        problems.append(Problem(what, fix="run the prediction again; an answer that failed must be kept with its error"))
    if surplus := given - expected:
        what = f"{surplus.total()} predictions belong to no row, the first one to {_first(surplus)}"
        problems.append(Problem(what, fix="predict again on the same data set and the same rows"))
    if problems:
        raise EvaluationError(problems)


def _first(ids: Iterable[str]) -> str:
    return f"example {next(iter(ids))}"


def _score(task: Task, example: Example, prediction: Prediction) -> Score:
    if prediction.error is not None:
        return Score(example_id=example.id, value=None, parsed=False)
    try:
        judgement = score_answer(task, example.input, example.output, prediction.output, example.language)
    except ValueError as error:
        fix = "correct the row; `anytasktune check` finds all such rows"
        raise EvaluationError(f"the reference of example {example.id} of task {task.name}: {error}", fix=fix) from None
    return Score(
        example_id=example.id,
        value=judgement.value,
        parsed=judgement.parsed,
        broken_rules=list(judgement.broken_rules),
    )
