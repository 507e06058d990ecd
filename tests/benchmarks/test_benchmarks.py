"""The benchmarks run from end to end on a tiny model, go on after a stop, and compare like with like."""

import json
import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.unit.training.rows import colour_rows, colour_task, shade_rows, shade_task

from anytasktune.chat import Encoded
from anytasktune.datasets import write_task_folder
from benchmarks.cli import main
from benchmarks.gpu_pool import main as pool_main
from benchmarks.ledger import Ledger
from benchmarks.machine import Machine, this_machine
from benchmarks.recipe import main as recipe_main
from benchmarks.recipe import without_words
from benchmarks.shape import padded_share, prefix_lengths, row_order, step_need

needs_trl = pytest.mark.skipif(find_spec("trl") is None, reason="trl is not installed: pip install -e '.[bench]'")
needs_matplotlib = pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    write_task_folder(colour_task(), {"train": colour_rows(40), "test": colour_rows(8, 500)}, folder / "colours")
    return folder


def results(out: Path, tiny_model: Path, tasks: Path, only: str) -> dict[str, Any]:
    arguments = ["--only", only, "--quick", "--model", str(tiny_model), "--dtype", "float32", "--tasks-folder", str(tasks)]
    assert main([*arguments, "--out", str(out), "--name", "tiny"]) == 0
    found: dict[str, Any] = json.loads((out / "tiny.json").read_text(encoding="utf-8"))
    return found


@needs_trl
def test_training_steps_of_trl_and_ours_have_the_same_losses(tmp_path: Path, tiny_model: Path, tasks: Path) -> None:
    (result,) = results(tmp_path, tiny_model, tasks, "training")["training"]
    assert len(result["trl_losses"]) == len(result["our_losses"]) == 3
    assert result["our_losses"] == pytest.approx(result["trl_losses"], abs=1e-4)
    assert len(result["trl_seconds"]) == 2
    assert len(result["our_seconds"]) == 2 * 3, "all timed steps once after each of TRL's steps"
    assert "| colours |" in (tmp_path / "tiny.md").read_text(encoding="utf-8")


@needs_trl
def test_settings_of_trl_are_tried(tmp_path: Path, tiny_model: Path, tasks: Path) -> None:
    trials = results(tmp_path, tiny_model, tasks, "settings")["settings"]
    assert len({json.dumps(trial["settings"]) for trial in trials}) == 2


def test_evaluation_gives_the_same_tokens_on_both_sides(tmp_path: Path, tiny_model: Path, tasks: Path) -> None:
    (result,) = results(tmp_path, tiny_model, tasks, "evaluation")["evaluation"]
    assert result["equal_answers"] == 1.0
    assert result["rows"] == 8


def test_gates_are_measured_on_planted_faults(tmp_path: Path, tiny_model: Path, tasks: Path) -> None:
    (result,) = results(tmp_path, tiny_model, tasks, "gates")["gates"]
    assert result["rows"] > result["clean"]
    for fault in ("broken_form", "exact_duplicate", "leak_exact", "personal_data"):
        assert result["faults"][fault]["found"] == result["faults"][fault]["planted"] > 0
    assert "### Found, by fault" in (tmp_path / "tiny.md").read_text(encoding="utf-8")


def test_searches_for_similar_texts_are_measured(tmp_path: Path, tiny_model: Path, tasks: Path) -> None:
    found = results(tmp_path, tiny_model, tasks, "similarity")
    assert {cost["search"]["texts"] for cost in found["searches"]} == {500}
    assert all(cost["recalled"] == cost["close"] for cost in found["searches"])
    assert [task["task"] for task in found["same_words"]] == ["colours"]
    assert "| group_similar | 0.8 | 500 |" in (tmp_path / "tiny.md").read_text(encoding="utf-8")


def test_asking_a_teacher_is_measured(tmp_path: Path, tiny_model: Path, tasks: Path) -> None:
    few, many = results(tmp_path, tiny_model, tasks, "teacher")["teacher"]
    assert (few["concurrency"], many["concurrency"]) == (32, 256)
    assert "| 256 | 200 |" in (tmp_path / "tiny.md").read_text(encoding="utf-8")


@needs_matplotlib
def test_growth_and_roofline_are_measured_and_drawn(tmp_path: Path, tiny_model: Path, tasks: Path) -> None:
    found = results(tmp_path, tiny_model, tasks, "roofline,growth")
    assert found["roofline"][0]["useful"] < found["roofline"][0]["bare"]
    assert [curve["axis"] for curve in found["growth"]] == ["examples per step", "prefix tokens", "rows", "tasks"]
    assert (tmp_path / "tiny-growth.svg").stat().st_size < 100_000
    assert (tmp_path / "tiny-growth.png").exists()


def test_finished_measurements_are_not_repeated(
    tmp_path: Path, tiny_model: Path, tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = results(tmp_path, tiny_model, tasks, "evaluation")["evaluation"]
    capsys.readouterr()
    again = results(tmp_path, tiny_model, tasks, "evaluation")["evaluation"]
    assert again == first
    assert "measured before" in capsys.readouterr().out


def test_a_half_written_line_and_other_code_do_not_count_as_measured(tmp_path: Path) -> None:
    path, machine = tmp_path / "raw.jsonl", this_machine()
    Ledger(path, "code-1").measure("machine", Machine, lambda: machine)
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"name": "cut o')
    assert Ledger(path, "code-1").measure("machine", Machine, pytest.fail) == machine
    assert Ledger(path, "code-2").measure("machine", Machine, lambda: machine) == machine


def test_a_measurement_that_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    def broken() -> Machine:
        raise ValueError("no luck")

    ledger = Ledger(tmp_path / "raw.jsonl", "code")
    assert ledger.measure("machine", Machine, broken) is None
    assert ledger.failures == {"machine": "ValueError: no luck"}


def test_peers_that_are_not_installed_are_left_out_with_a_line(
    tmp_path: Path, tiny_model: Path, tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = ["--tasks", "2", "--rows", "32", "--device", "cpu", "--tasks-folder", str(tasks)]
    assert pool_main(["--model", str(tiny_model), *size, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for side, package in (("trl_liger", "liger_kernel"), ("unsloth", "unsloth")):
        if find_spec(package) is None:
            assert f"{side}: left out" in said
    (path,) = tmp_path.glob("*-gpu-pool.json")
    assert json.loads(path.read_text(encoding="utf-8"))["results"][0]["adapters"] == 2


def test_recipes_are_compared_on_dev_and_go_on_where_they_were(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = {"train": shade_rows(40), "dev": shade_rows(20, 400), "test": shade_rows(8, 500)}
    write_task_folder(shade_task(), splits, tmp_path / "tasks" / "shades")
    arguments = ["--tasks-folder", str(tmp_path / "tasks"), "--model", str(tiny_model), "--out", str(tmp_path / "out")]
    recipe_main([*arguments, "--variants", "quick"])
    recipe_main([*arguments, "--variants", "quick,half_labels_balanced"])
    assert "measured before" in capsys.readouterr().out
    trials = json.loads((tmp_path / "out" / "recipe.json").read_text(encoding="utf-8"))
    assert [trial["variant"] for trial in trials] == ["quick", "half_labels_balanced"]
    assert [trial["train_rows"] for trial in trials] == [28, 28], "12 judge"
    assert all(len(one["answers"]) == 20 + 12 for trial in trials for one in trial["candidates"])
    assert all(0 <= trial["with_head"] <= 1 for trial in trials), "the kept weights are judged with a label head too"
    assert "| shades, 28 rows | steps | seconds | last |" in (tmp_path / "out" / "recipe.md").read_text(encoding="utf-8")


def test_recipes_learn_from_all_tasks_first_and_without_some_words(tmp_path: Path, tiny_model: Path) -> None:
    for name, start in (("shades", 0), ("tones", 700)):
        task = shade_task().model_copy(update={"name": name})
        write_task_folder(task, {"train": shade_rows(40, start), "test": shade_rows(8, start + 500)}, tmp_path / "tasks" / name)
    arguments = ["--tasks-folder", str(tmp_path / "tasks"), "--model", str(tiny_model), "--out", str(tmp_path / "out")]
    recipe_main([*arguments, "--variants", "from_mixed,mixed,dropped_words"])
    trials = json.loads((tmp_path / "out" / "recipe.json").read_text(encoding="utf-8"))
    assert [trial["variant"] for trial in trials] == ["from_mixed", "mixed", "dropped_words"] * 2
    assert [trial["train_rows"] for trial in trials] == [24] * 6, "a fifth chooses, a fifth judges"
    assert [trial["steps"] > 0 for trial in trials] == [True, False, True] * 2


def test_words_left_out_leave_the_rest_of_an_input_as_it_is() -> None:
    (row,) = shade_rows(1)
    row = row.model_copy(update={"input": "the  court 驳回上诉 today"})
    kept = without_words(row, 0.4, random.Random(1)).input
    assert kept != row.input and kept.split() and set(kept) <= set(row.input)
    assert without_words(row, 0.0, random.Random(1)).input == row.input
    assert without_words(row, 1.0, random.Random(1)).input == row.input, "a row is never empty"


def test_every_epoch_of_the_order_holds_every_row_once() -> None:
    order = row_order(10, 4, 5, seed=3)
    flat = [index for step in order for index in step]
    assert [len(step) for step in order] == [4] * 5
    assert sorted(flat[:10]) == sorted(flat[10:]) == list(range(10))


def test_padding_is_what_fills_rows_up_to_the_longest_of_their_batch() -> None:
    assert padded_share([2, 4, 6, 6], 2) == pytest.approx(1 - 18 / 20)
    assert padded_share([3, 5, 7], 1) == 0


def test_a_step_needs_each_prefix_once_and_no_last_tokens() -> None:
    rows = [Encoded([1, 2, 3, 10, 90, 91], 4), Encoded([1, 2, 3, 11, 12, 90], 5), Encoded([7, 8, 90], 2)]
    groups = ["en", "en", "zh"]
    need = step_need(rows, groups, prefix_lengths(rows, groups))
    assert need.predictions == 4
    assert need.trunk_tokens == (3 + 2 + 2) + (1 + 1)
