"""Predictions → scores."""

import pytest
from tests.unit.evaluation.report_builders import LABELS, examples_of, number_task, predictions_of, task_with

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.scoring import score_system
from anytasktune.schema import Prediction, PredictionSet

TASK = task_with(LABELS)


def with_predictions(kept: PredictionSet, predictions: list[Prediction]) -> PredictionSet:
    return kept.model_copy(update={"predictions": predictions})


def test_scores_come_in_the_order_of_the_examples_whatever_the_order_of_the_predictions() -> None:
    examples = examples_of(["租金", "押金", "other"])
    predictions = predictions_of("base", examples, ["租金", "押金", "租金"])
    scores = score_system(TASK, examples, with_predictions(predictions, predictions.predictions[::-1])).scores
    assert [score.example_id for score in scores] == [example.id for example in examples]
    assert [score.value for score in scores] == [1.0, 1.0, 0.0]


def test_a_failed_answer_is_unscored_and_not_zero() -> None:
    examples = examples_of(["租金", "押金"])
    failed, answered = score_system(TASK, examples, predictions_of("base", examples, ["x", "x"], failed=[0])).scores
    assert failed.value is None
    assert answered.value == 0.0


def test_an_empty_answer_that_did_not_fail_is_scored() -> None:
    examples = examples_of(["租金"])
    (score,) = score_system(TASK, examples, predictions_of("base", examples, [""])).scores
    assert (score.value, score.parsed, score.broken_rules) == (0.0, False, ["empty_output"])


def test_a_row_without_a_prediction_stops_the_scoring() -> None:
    examples = examples_of(["租金", "押金", "other"])
    with pytest.raises(EvaluationError, match="no prediction for 2 of 3 rows"):
        score_system(TASK, examples, predictions_of("base", examples[:1], ["租金"]))


def test_a_prediction_for_no_row_or_given_twice_stops_the_scoring() -> None:
    examples = examples_of(["租金", "押金"])
    predictions = predictions_of("base", examples, ["租金", "押金"])
    twice = with_predictions(predictions, [*predictions.predictions, predictions.predictions[0]])
    with pytest.raises(EvaluationError, match="1 prediction for no row"):
        score_system(TASK, examples[:1], predictions)
    with pytest.raises(EvaluationError, match="for no row"):
        score_system(TASK, examples, twice)


def test_two_equal_rows_take_one_prediction_each() -> None:
    examples = examples_of(["租金"]) * 2
    scored = score_system(TASK, examples, predictions_of("base", examples, ["租金", "押金"]))
    assert [score.value for score in scored.scores] == [1.0, 0.0]


def test_a_reference_that_is_no_number_is_named() -> None:
    examples = examples_of(["high"])
    with pytest.raises(EvaluationError, match=f"{examples[0].id} of task urgency: no number in 'high'"):
        score_system(number_task(), examples, predictions_of("base", examples, ["3"]))
