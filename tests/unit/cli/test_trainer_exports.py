"""Other trainers get the task's rows, in files that exist, and a config with this project's settings."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.unit.cli.conftest import Run


def exported(run: Run, project: Path, trainer: str, *more: str) -> Path:
    ended = run("export", "team", "--to", trainer, "-p", project, "-c", "model=org/large", "-c", "rank=4", *more)
    assert ended.code == 0, ended.err
    assert "import-adapter" in ended.out
    return Path("export/team") / trainer


def test_llamafactory_finds_its_data_sets(run: Run, project: Path) -> None:
    folder = exported(run, project, "llamafactory")
    config = YAML(typ="safe").load(folder / "train.yaml")
    known = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    assert (config["dataset"], config["eval_dataset"]) == ("team_train", "team_dev")
    assert all((folder / known[name]["file_name"]).is_file() for name in ("team_train", "team_dev"))
    assert (config["model_name_or_path"], config["lora_rank"], config["lora_alpha"]) == ("org/large", 4, 32)


def test_axolotl_reads_a_file_per_language(run: Run, project: Path) -> None:
    folder = exported(run, project, "axolotl", "-c", "train.epochs=2")
    config = YAML(typ="safe").load(folder / "train.yaml")
    files = [part["path"] for part in (*config["datasets"], *config["test_datasets"])]
    assert {"team/train.en.jsonl", "team/train.zh.jsonl"} <= set(files)
    assert all((folder / file).is_file() for file in files)
    assert (config["lora_r"], config["num_epochs"]) == (4, 2.0)
    row = json.loads((folder / files[0]).read_text(encoding="utf-8").splitlines()[0])
    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]


def test_swift_gets_one_command(run: Run, project: Path) -> None:
    words = (exported(run, project, "swift") / "train.sh").read_text(encoding="utf-8").split()
    assert words[:5] == ["#!/bin/sh", "swift", "sft", "--model", "org/large"]
    assert {"team/train.en.jsonl", "team/train.zh.jsonl", "--val_dataset", "--lora_rank"} <= set(words)


@pytest.mark.parametrize("arguments", [("team", "--all"), ()])
def test_tasks_are_named_or_all(run: Run, project: Path, arguments: tuple[str, ...]) -> None:
    assert run("export", *arguments, "-p", project).code == 2
