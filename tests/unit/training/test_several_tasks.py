"""One Task-LM for several tasks: what it learns from, what its manifest says, what makes it another run."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.tiny_models import save_tiny_model
from tests.unit.training.rows import colour_rows, colour_task

from anytasktune.errors import PreflightError
from anytasktune.models.load import load_base
from anytasktune.outputs import LabelOutput
from anytasktune.schema import Example, Run, Task, TaskLMManifest
from anytasktune.settings import TrainConfig
from anytasktune.store import read_record
from anytasktune.store.run_folder import ADAPTER_FOLDER, TASK_LM_FILE
from anytasktune.training.task_rows import TaskRows, TrainingData, instructions
from anytasktune.training.train_runs import run_id, train_task_lm

CONFIG = TrainConfig(dtype="float32", device="cpu", epochs=1, batch_size=8, rank=4)


def count_task() -> Task:
    labels = LabelOutput(kind="label", labels=["one", "two"])
    return Task(name="counts", instruction={"en": "How many things does the message name?"}, output=labels)


def count_rows(count: int, start: int = 0) -> list[Example]:
    rows = colour_rows(count, start)
    return [row.model_copy(update={"output": "two" if " and " in row.input else "one"}) for row in rows]


def together() -> TrainingData:
    colours = TaskRows(colour_task(), {"train": colour_rows(40), "dev": colour_rows(20, 500)}, "colour-rows")
    counts = TaskRows(count_task(), {"train": count_rows(12, 100), "dev": count_rows(4, 600)}, "count-rows")
    return TrainingData("action-look", (colours, counts))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    model = save_tiny_model(tmp_path_factory.mktemp("model"), "qwen3")
    folder = tmp_path_factory.mktemp("run")
    return folder, train_task_lm(load_base(str(model), dtype="float32", device="cpu"), together(), CONFIG, folder)


def test_the_run_records_every_task(trained: tuple[Path, Run]) -> None:
    _, run = trained
    assert run.target == "action-look"
    assert run.tasks == ["colours", "counts"]
    assert run.datasets == {"colours": "colour-rows", "counts": "count-rows"}
    assert run.resolved.rows_by_task == {"colours": 40, "counts": 12}
    assert (run.train_rows, run.dev_rows) == (52, 24)
    assert run.steps_done == 7
    assert run.dev_curve


def test_the_manifest_holds_how_each_task_is_answered(trained: tuple[Path, Run]) -> None:
    manifest = read_record(trained[0] / ADAPTER_FOLDER / TASK_LM_FILE, TaskLMManifest)
    assert [task.name for task in manifest.tasks] == ["colours", "counts"]
    assert {name: decoding.method for name, decoding in manifest.decoding.items()} == {
        "colours": "greedy",
        "counts": "label_scoring",
    }
    assert manifest.decoding["colours"].max_new_tokens > manifest.decoding["counts"].max_new_tokens


def test_any_change_in_one_task_makes_another_run(trained: tuple[Path, Run]) -> None:
    ref, data = trained[1].base_model, together()
    colours, counts = data.parts
    assert run_id(ref, data, CONFIG) == run_id(ref, together(), CONFIG)
    others = [
        (colours, replace(counts, dataset_id="other-rows")),
        (colours, replace(counts, left_out=("a row",))),
        (colours, replace(counts, task=counts.task.model_copy(update={"instruction": {"en": "Count."}}))),
        (colours,),
    ]
    identities = [run_id(ref, TrainingData(data.target, parts), CONFIG) for parts in others]
    assert len({run_id(ref, data, CONFIG), *identities}) == 5


def test_the_sampling_temperature_matters_only_where_there_are_several_tasks(trained: tuple[Path, Run]) -> None:
    ref, data = trained[1].base_model, together()
    alone = TrainingData("colours", data.parts[:1])
    warmer = CONFIG.model_copy(update={"sampling_temperature": 5.0})
    assert run_id(ref, data, warmer) != run_id(ref, data, CONFIG)
    assert run_id(ref, alone, warmer) == run_id(ref, alone, CONFIG)


def test_dev_rows_are_shared_out_and_training_rows_capped_task_by_task() -> None:
    config = CONFIG.model_copy(update={"max_dev_rows": 10, "max_train_rows": 15})
    assert [task.name for task, _ in together().dev_rows(config)] == ["colours"] * 6 + ["counts"] * 4
    assert together().rows_by_task(config) == {"colours": 15, "counts": 12}
    assert [task.name for task, _ in together().train_rows(config)] == ["colours"] * 15 + ["counts"] * 12


def test_rows_are_grouped_by_the_instruction_they_render() -> None:
    rows = together().train_rows(CONFIG)
    assert set(instructions(rows)) == {("colours", "en"), ("colours", "zh"), ("counts", "en")}


def test_a_task_without_training_rows_is_named() -> None:
    colours, counts = together().parts
    empty = TrainingData("mixed-pool", (colours, replace(counts, splits={"dev": count_rows(3)})))
    with pytest.raises(PreflightError, match="task counts has no training rows"):
        empty.train_rows(CONFIG)
