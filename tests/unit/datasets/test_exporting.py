"""Data sets in the layouts of other programs are read back the same."""

import json
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from tests.unit.datasets.frozen_sets import TASK, frozen, rows
from tests.unit.datasets.test_dataset_writing import texts

from anytasktune.datasets import read_examples
from anytasktune.datasets.exporting import COLUMNS, ExportedTask, ExportFormat, export
from anytasktune.errors import ConfigError
from anytasktune.outputs import TextOutput
from anytasktune.schema import Example, SplitName, Task

FREE = Task(name="reply", instruction={"en": "Answer.", "zh": "请回答。"}, output=TextOutput(kind="text"))
examples = st.builds(Example, input=texts, output=texts, language=st.sampled_from([None, "en", "zh"]), source=st.none() | texts)
unique = st.lists(examples, min_size=2, max_size=8, unique_by=lambda example: example.id)


def both() -> ExportedTask:
    own: dict[SplitName, list[Example]] = {"train": rows(6), "dev": rows(2, 50), "test": rows(3, 100)}
    made: dict[SplitName, list[Example]] = {"train": rows(4, 200, "zh")}
    return ExportedTask(TASK, frozen(own, made), {"CARD.md": "# team\n", "CARD.zh.md": "# team\n"})


def sorted_rows(found: list[Example]) -> list[str]:
    return sorted(map(repr, found))


@pytest.mark.parametrize("format", [name for name in get_args(ExportFormat) if name != "llama-factory"])
@pytest.mark.parametrize("metadata", [False, True])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=unique)
def test_what_was_exported_is_read_back_the_same(
    tmp_path: Path, format: ExportFormat, metadata: bool, found: list[Example]
) -> None:
    item = ExportedTask(FREE, frozen({"train": found[1:], "test": found[:1]}, task=FREE))
    files = export([item], tmp_path, format, metadata=metadata)
    for split, members in (("train", found[1:]), ("test", found[:1])):
        again = [row for path in files if path.name.split(".")[0] == split for row in read_examples(path).examples]
        assert sorted_rows(again) == sorted_rows(members)
    for path in files:
        path.unlink()


def test_a_file_holds_one_language_where_the_data_set_has_two(tmp_path: Path) -> None:
    files = export([both()], tmp_path, "alpaca")
    names = {path.relative_to(tmp_path).as_posix() for path in files}
    assert names == {
        *(f"team/{name}" for name in ("train.en.jsonl", "train.zh.jsonl", "dev.en.jsonl", "test.en.jsonl")),
        *("team/CARD.md", "team/CARD.zh.md", "dataset_info.json"),
    }
    chinese = read_examples(tmp_path / "team" / "train.zh.jsonl")
    assert chinese.instruction == TASK.instruction["zh"]
    assert len(chinese.examples) == 4


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_metadata_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    export([both()], tmp_path / "plain", "messages")
    export([both()], tmp_path / "full", "messages", metadata=True)
    plain, full = (read_lines(tmp_path / name / "team" / "train.zh.jsonl")[0] for name in ("plain", "full"))
    assert "metadata" not in plain
    assert plain | {"metadata": full["metadata"]} == full
    assert full["metadata"] | {"id": ""} == {
        "id": "",
        "task": "team",
        "split": "train",
        "origin": "passage",
        "teacher": "tiny-teacher",
    }


def test_parquet_says_of_every_row_what_it_is_and_who_made_it(tmp_path: Path) -> None:
    export([both()], tmp_path, "parquet")
    table = pq.read_table(tmp_path / "team" / "train.en.parquet").to_pylist()
    assert tuple(table[0]) == COLUMNS
    assert {(row["origin"], row["teacher"], row["split"], row["task"]) for row in table} == {("own", None, "train", "team")}
    made = pq.read_table(tmp_path / "team" / "train.zh.parquet").to_pylist()
    assert {(row["origin"], row["teacher"]) for row in made} == {("passage", "tiny-teacher")}
    assert {row["instruction"] for row in made} == {TASK.instruction["zh"]}


def test_llama_factory_is_told_of_all_tasks_in_one_file(tmp_path: Path) -> None:
    other = ExportedTask(FREE, frozen({"train": rows(2), "test": rows(1, 9)}, task=FREE))
    export([both(), other], tmp_path, "llama-factory")
    info = json.loads((tmp_path / "dataset_info.json").read_text(encoding="utf-8"))
    assert list(info) == ["team_train", "team_dev", "team_test", "reply_train", "reply_test"]
    for entry in info.values():
        content = json.loads((tmp_path / entry["file_name"]).read_text(encoding="utf-8"))
        assert set(entry["columns"].values()) <= set(content[0])
    mixed = json.loads((tmp_path / "team_train.json").read_text(encoding="utf-8"))
    assert {row["instruction"] for row in mixed} == set(TASK.instruction.values())


@pytest.mark.parametrize(("format", "turns"), [("sharegpt", "conversations"), ("messages", "messages")])
def test_turns_have_the_tags_that_llama_factory_is_told(tmp_path: Path, format: ExportFormat, turns: str) -> None:
    export([both()], tmp_path, format)
    info = json.loads((tmp_path / "dataset_info.json").read_text(encoding="utf-8"))["team_train_en"]
    (system, user, answer) = read_lines(tmp_path / info["file_name"])[0][info["columns"]["messages"]]
    tags = info["tags"]
    roles = [turn[tags["role_tag"]] for turn in (system, user, answer)]
    assert roles == [tags["system_tag"], tags["user_tag"], tags["assistant_tag"]]
    assert system[tags["content_tag"]] == TASK.instruction["en"]
    assert info["columns"]["messages"] == turns


def test_a_hugging_face_folder_has_a_config_per_task_and_loads(tmp_path: Path) -> None:
    other = ExportedTask(FREE, frozen({"train": rows(2), "test": rows(1, 9)}, task=FREE))
    export([both(), other], tmp_path / "hub", "hf", title="Law: a “test”")
    front = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    told = YAML(typ="safe").load(front)
    assert [config["config_name"] for config in told["configs"]] == ["team", "reply"]
    datasets = pytest.importorskip("datasets.load", reason="the `datasets` package is not installed")
    loaded = datasets.load_dataset(str(tmp_path / "hub"), "team", cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in loaded.items()} == {"train": 10, "validation": 2, "test": 3}
    assert set(loaded["train"].column_names) == set(COLUMNS)
    assert {row["id"] for row in loaded["test"]} == {row.id for row in both().frozen.splits["test"]}


def test_the_same_data_set_gives_the_same_bytes(tmp_path: Path) -> None:
    for format in get_args(ExportFormat):
        contents = [
            {path.name: path.read_bytes() for path in export([both()], tmp_path / f"{format} {number}", format, title="Law")}
            for number in range(2)
        ]
        assert contents[0] == contents[1]


def test_an_unknown_format_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'sharegpt'"):
        export([both()], tmp_path, "sharegtp")  # type: ignore[arg-type]
