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


def test_several_gpus_share_the_model_and_the_batch(run: Run, project: Path) -> None:
    load = YAML(typ="safe").load
    folder = exported(run, project, "llamafactory", "--gpus", "4")
    config, deepspeed = load(folder / "train.yaml"), json.loads((folder / "deepspeed.json").read_text(encoding="utf-8"))
    assert (config["deepspeed"], deepspeed["zero_optimization"]["stage"]) == ("deepspeed.json", 3)
    assert (config["gradient_accumulation_steps"], "quantization_bit" in config) == (4, False)
    config = load(exported(run, project, "axolotl", "--gpus", "2") / "train.yaml")
    assert (config["fsdp_version"], config["gradient_accumulation_steps"], config["adapter"]) == (2, 8, "lora")
    assert config["fsdp_config"]["state_dict_type"] == "FULL_STATE_DICT"
    assert "gradient_checkpointing" not in config
    words = (exported(run, project, "swift", "--gpus", "2") / "train.sh").read_text(encoding="utf-8").split()
    assert words[1:4] == ["NPROC_PER_NODE=2", "swift", "sft"]
    assert words[words.index("--deepspeed") + 1] == "zero3"


def test_the_commands_of_several_gpus_start_a_process_on_each(run: Run, project: Path) -> None:
    made = {}
    for trainer in ("llamafactory", "axolotl", "swift"):
        arguments = ("export", "team", "--to", trainer, "-p", project, "-c", "model=org/large", "--gpus", "3", "--json")
        (made[trainer],) = run(*arguments).document
    assert "FORCE_TORCHRUN=1 NPROC_PER_NODE=3 llamafactory-cli" in made["llamafactory"]["train"]
    assert made["axolotl"]["train"].endswith("--launcher torchrun -- --nproc_per_node=3")
    assert {item["changed"][0] for item in made.values()} == {
        "a step takes 18 rows (3 GPUs × 6), not the 16 of train.batch_size"
    }
    assert all("import-adapter" in item["take_over"] for item in made.values())


def test_a_base_model_in_four_bits(run: Run, project: Path) -> None:
    load, more = YAML(typ="safe").load, ("--method", "qlora")
    assert load(exported(run, project, "llamafactory", *more) / "train.yaml")["quantization_bit"] == 4
    config = load(exported(run, project, "axolotl", *more, "--gpus", "2") / "train.yaml")
    assert (config["adapter"], config["load_in_4bit"], config["fsdp_config"]["cpu_ram_efficient_loading"]) == (
        "qlora",
        True,
        False,
    )
    words = (exported(run, project, "swift", *more, "--gpus", "2") / "train.sh").read_text(encoding="utf-8").split()
    assert (words[words.index("--quant_bits") + 1], words[words.index("--deepspeed") + 1]) == ("4", "zero2")


def test_alpha_is_a_whole_number_there(run: Run, project: Path) -> None:
    ended = run("export", "team", "--to", "axolotl", "-p", project, "-c", "model=org/large", "-c", "train.alpha=0.4")
    assert "alpha is 1, not 0.4" in ended.out


@pytest.mark.parametrize("option", [("--gpus", "2"), ("--method", "qlora")])
def test_options_of_trainers_are_refused_for_task_lms(run: Run, project: Path, option: tuple[str, str]) -> None:
    ended = run("export", "team", "--to", "peft", *option, "-p", project)
    assert (ended.code, f"{option[0]} is for training elsewhere, not for --to peft" in ended.err) == (2, True)


@pytest.mark.parametrize("arguments", [("team", "--all"), ()])
def test_tasks_are_named_or_all(run: Run, project: Path, arguments: tuple[str, ...]) -> None:
    assert run("export", *arguments, "-p", project).code == 2
