"""A Task-LM is used as it was trained, on the base model it was trained on, or not at all."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tiny_models import save_tiny_model
from tests.unit.training.rows import colour_rows, colour_task

from anytasktune.errors import ModelError
from anytasktune.inference.task_lm import TaskLM
from anytasktune.inference.task_predictor import TaskPredictor
from anytasktune.models.load import BaseLM, load_base
from anytasktune.models.lora import WEIGHTS_FILE
from anytasktune.models.lora_stack import attached, merged
from anytasktune.outputs import LabelOutput
from anytasktune.schema import Example, Task
from anytasktune.settings import TrainConfig
from anytasktune.store.run_folder import ADAPTER_FOLDER, TASK_LM_FILE
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.training.train_runs import train_task_lm


def kind_task() -> Task:
    return Task(name="kind", instruction={"en": "One or two?"}, output=LabelOutput(kind="label", labels=["one", "two"]))


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"), "qwen3")


@pytest.fixture(scope="module")
def base(model_folder: Path) -> BaseLM:
    return load_base(str(model_folder), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def trained(base: BaseLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter folder of a Task-LM for two tasks."""
    colours, kinds = colour_rows(24), [row.model_copy(update={"output": "one"}) for row in colour_rows(12, 100)]
    parts = TaskRows(colour_task(), {"train": colours}, "colour-rows"), TaskRows(kind_task(), {"train": kinds}, "kind-rows")
    folder = tmp_path_factory.mktemp("run")
    config = TrainConfig(dtype="float32", device="cpu", epochs=4, batch_size=8, rank=4, learning_rate=5e-3)
    train_task_lm(base, TrainingData("action-look", parts), config, folder)
    return folder / ADAPTER_FOLDER


def copy_with(trained: Path, folder: Path, **changes: object) -> Path:
    """A copy of an adapter folder whose `task_lm.json` has other values."""
    shutil.copytree(trained, folder)
    if changes:
        record = json.loads((trained / TASK_LM_FILE).read_text(encoding="utf-8"))
        record.pop("record_sha256")
        (folder / TASK_LM_FILE).write_text(json.dumps(record | changes), encoding="utf-8")
        (folder / "SHA256SUMS").unlink()  # as an older version wrote it
    return folder


def test_it_answers_each_of_its_tasks_with_the_recorded_instruction_and_decoding(trained: Path, base: BaseLM) -> None:
    task_lm, rows = TaskLM.load(trained, base), colour_rows(6, 500)
    texts, labels = task_lm.answer(rows), task_lm.answer(rows, "kind")
    assert max(answer.tokens for answer in texts) <= task_lm.manifest.decoding["colours"].max_new_tokens
    assert [answer.output for answer in labels] == ["one"] * 6
    assert all(set(answer.probabilities or {}) == {"one", "two"} for answer in labels)
    untuned = TaskPredictor(base, kind_task(), task_lm.manifest.decoding["kind"]).answer(rows)
    assert [answer.prompt_tokens for answer in untuned] == [answer.prompt_tokens for answer in labels]
    assert [answer.probability for answer in untuned] != [answer.probability for answer in labels]


def test_in_bfloat16_the_products_are_those_of_training_not_of_rounded_weights(trained: Path, model_folder: Path) -> None:
    task_lm = TaskLM.load(trained, load_base(str(model_folder), dtype="bfloat16", device="cpu"))
    model, adapter, rows = task_lm.base.model, task_lm.adapter, colour_rows(12, 500)
    open_task = kind_task().model_copy(update={"output": LabelOutput(kind="label", labels=["red", "blue"])})
    predictor = task_lm.on_other_task(open_task, task_lm.manifest.decoding["kind"])  # sure of neither label
    alone = replace(predictor, adapter=None)
    with attached(model, [adapter]):
        as_trained = alone.answer(rows)
    with merged(model, adapter):
        rounded = alone.answer(rows)
    assert predictor.answer(rows) == as_trained
    assert as_trained != rounded


def test_its_base_model_is_loaded_unless_given(trained: Path, base: BaseLM) -> None:
    rows = colour_rows(3, 500)
    alone = TaskLM.load(trained)
    assert alone.base.ref.fingerprint == base.ref.fingerprint
    assert len(alone.answer(rows)) == 3


def test_prompts_are_rendered_as_recorded_whatever_the_tokenizer_says_today(
    trained: Path, base: BaseLM, tmp_path: Path
) -> None:
    rendering = base.format.rendering.model_copy(update={"system_role": False}).model_dump()
    other = TaskLM.load(copy_with(trained, tmp_path / "other", rendering=rendering), base).answer(colour_rows(2))
    assert [answer.prompt_tokens for answer in other] != [
        answer.prompt_tokens for answer in TaskLM.load(trained, base).answer(colour_rows(2))
    ]


def test_a_prompt_that_does_not_fit_is_an_error_and_not_a_wrong_answer(trained: Path, base: BaseLM) -> None:
    long = Example(input="red " * 2000, output="", language="en")
    (answer,) = TaskLM.load(trained, base).answer([long])
    assert answer.output == ""
    assert "more than the" in (answer.error or "")


def test_another_base_model_is_refused(trained: Path, tmp_path: Path) -> None:
    other = load_base(str(save_tiny_model(tmp_path / "model", "llama")), dtype="float32", device="cpu")
    with pytest.raises(ModelError, match=r"trained on .* not on"):
        TaskLM.load(trained, other)


def test_weights_that_were_changed_are_refused(trained: Path, base: BaseLM, tmp_path: Path) -> None:
    folder = copy_with(trained, tmp_path / "changed")
    weights = bytearray((folder / WEIGHTS_FILE).read_bytes())
    weights[-1] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(weights)
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors was changed: the content does not match"):
        TaskLM.load(folder, base)
    (folder / "SHA256SUMS").unlink()  # the record beside the weights knows them, too
    with pytest.raises(ModelError, match="SHA-256 is not the recorded one"):
        TaskLM.load(folder, base)


def test_another_scale_of_the_adapter_is_noticed(trained: Path, base: BaseLM, tmp_path: Path) -> None:
    config = copy_with(trained, tmp_path / "scaled") / "adapter_config.json"
    config.write_text(re.sub(r'"lora_alpha": \d+', '"lora_alpha": 99', config.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ModelError, match=r"adapter_config\.json was changed"):
        TaskLM.load(config.parent, base)


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"decoding": {}}, "decoding lacks colours, kind"), ({"adapter_sha256": 3}, "adapter_sha256"), ({"extra": 1}, "extra")],
)
def test_a_record_that_cannot_be_right_is_refused(
    trained: Path, base: BaseLM, tmp_path: Path, changes: dict[str, object], what: str
) -> None:
    with pytest.raises(ModelError, match=what):
        TaskLM.load(copy_with(trained, tmp_path / "wrong", **changes), base)


def test_a_folder_without_a_record_is_no_task_lm(trained: Path, base: BaseLM, tmp_path: Path) -> None:
    folder = copy_with(trained, tmp_path / "bare")
    (folder / TASK_LM_FILE).unlink()
    with pytest.raises(ModelError, match=r"no readable task_lm\.json"):
        TaskLM.load(folder, base)
