"""A task whose head chooses a set of labels is answered by the server as by the Task-LM, among generated answers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest
from tests.tiny_models import save_tiny_model
from tests.unit.serving.test_answer_engine import question
from tests.unit.training.test_fit_label_set_head import topics_rows, topics_task

from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import BaseLM, load_base
from anytasktune.schema import Answer
from anytasktune.serving.answer_engine import AnswerEngine
from anytasktune.serving.api_errors import ApiError
from anytasktune.serving.engine_messages import Answered, AnswerEnd, Outcome, PendingQuestion, Question
from anytasktune.serving.served_models import ServedModels, ServedTaskLM
from anytasktune.serving.server_metrics import ServerMetrics
from anytasktune.settings import TrainConfig
from anytasktune.store.run_folder import ADAPTER_FOLDER
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.training.train_runs import train_task_lm

ROWS = topics_rows(12, 400)
SETTINGS = {"dtype": "float32", "device": "cpu", "epochs": 1, "batch_size": 16, "rank": 4}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseLM:
    return load_base(str(save_tiny_model(tmp_path_factory.mktemp("model"), "qwen3")), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def folder(base: BaseLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Task-LM with a head for sets of labels."""
    run = tmp_path_factory.mktemp("topics") / "run"
    topics = TaskRows(topics_task(), {"train": topics_rows(90), "dev": topics_rows(30, 90)}, "topics-rows")
    train_task_lm(base, TrainingData("topics", (topics,)), TrainConfig.model_validate(SETTINGS), run)
    return run / ADAPTER_FOLDER


@pytest.fixture(params=["head alone", "head that reads generated answers"])
def task_lm(base: BaseLM, folder: Path, request: pytest.FixtureRequest) -> TaskLM:
    task_lm = TaskLM.load(folder, base)
    head = task_lm.label_heads["topics"]
    weights = head.weights.model_copy(update={"tokens": 0.0 if request.param == "head alone" else 0.5})
    return replace(task_lm, label_heads={"topics": replace(head, weights=weights)})


@pytest.fixture
def expected(task_lm: TaskLM) -> list[Answer]:
    return task_lm.answer(ROWS)


@pytest.fixture
def engine(base: BaseLM, folder: Path, task_lm: TaskLM, expected: list[Answer]) -> Iterator[AnswerEngine]:
    assert task_lm.manifest.decoding["topics"].scores_label_sets
    served = ServedTaskLM(folder, task_lm.manifest, frozenset({"topics"}), 0)
    engine = AnswerEngine(ServedModels(base, ServedModels.of(base, [served]).models, {folder: task_lm}), ServerMetrics())
    engine.start()
    yield engine
    engine.close()


def test_label_sets_are_those_of_the_head_whatever_runs_beside_them(engine: AnswerEngine, expected: list[Answer]) -> None:
    arrived: Queue[tuple[int, Outcome]] = Queue()
    other = Question(engine.models.models[0], "item", AnswerEnd(30), begins=True)
    assert engine.models.find("topics").chooses_by_score
    for place, row in enumerate(ROWS):
        asked = question(engine, row.input, "topics")
        asked = replace(asked, example=row, end=AnswerEnd(100))
        waiting = [PendingQuestion(asked, lambda outcome, place=place: arrived.put((place, outcome)))]
        engine.submit([*waiting, PendingQuestion(other, lambda _: None)])
    found = dict(arrived.get(timeout=60) for _ in ROWS)
    for place, answer in enumerate(expected):
        outcome = found[place]
        assert isinstance(outcome, Answered), outcome
        assert outcome.answer.output == answer.output
        assert outcome.text == answer.output
        assert outcome.answer.probabilities == pytest.approx(answer.probabilities, abs=1e-4)


def test_half_of_a_label_set_is_refused(engine: AnswerEngine, expected: list[Answer]) -> None:
    arrived: Queue[Outcome] = Queue()
    row = next(row for row, answer in zip(ROWS, expected, strict=True) if len(answer.output) > 8)
    asked = replace(question(engine, row.input, "topics"), example=row, end=AnswerEnd(1))
    engine.submit([PendingQuestion(asked, arrived.put)])
    refused = arrived.get(timeout=60)
    assert isinstance(refused, ApiError)
    assert refused.detail.param == "max_tokens"
