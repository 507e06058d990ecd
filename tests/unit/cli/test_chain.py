"""check, train, eval, tune, report: what a person sees the first time and every time after."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.tiny_project import DOMAIN, team_rows, write_lines, write_project, write_rows
from tests.unit.cli.conftest import Run

from anytasktune.settings import SIMPLE

RULED = """\
schema_version: 1
name: notes
tasks:
  - name: facts
    instruction: {en: Copy the sum.}
    output: {kind: json, json_schema: {type: object}}
    rules: {copies_from_input: true}
"""


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_check_shows_three_rows_token_by_token_with_the_trained_ones_marked(run: Run, project: Path, quick: list[str]) -> None:
    ended = run("check", "-p", project, *quick)
    assert ended.code == 0
    answers = re.findall(r"\[\[(.*?)\]\]\n", ended.out)
    assert len(answers) == 3
    assert {answer.replace("|", "") for answer in answers} <= {"housing<im_end>", "family<im_end>", "work<im_end>"}
    assert "every row can be trained on; 1 warning above" in ended.out  # a tiny tokenizer knows no Chinese
    assert "✓ data   team  21 train, 3 dev, 6 test rows" in ended.err


def test_a_long_prompt_is_shown_without_its_middle(run: Run, project: Path, quick: list[str]) -> None:
    rows = [row.model_copy(update={"input": f"{row.input} {'押金 ' * 100}"}) for row in team_rows()]
    write_rows(project / "data" / "team.jsonl", rows)
    ended = run("check", "-p", project, *quick, "-c", "split.near_duplicate=1.0")
    assert re.search(r" … \d+ tokens … ", ended.out)


def test_dry_run_says_what_training_would_take_and_trains_nothing(run: Run, project: Path, quick: list[str]) -> None:
    ended = run("tune", "-p", project, *quick, "--dry-run")
    assert ended.code == 0
    heading, row = ended.out.splitlines()[:2]
    assert heading.split() == ["task", "train", "dev", "test", "steps", "epochs", "rate", "rank", "tokens", "shared"]
    assert row.split()[:6] == ["team", "21", "3", "6", "2", "1"]
    assert "To train: 1 Task-LM, " in ended.out
    assert "To answer the held-out rows (eval, tune): about " in ended.out
    assert not (project / "artifacts" / "runs").exists()
    (plan,) = run("train", "-p", project, *quick, "--dry-run", "--json").document
    assert plan["tokens"] < plan["plain_tokens"]
    assert plan["trained"] is False


@pytest.mark.parametrize("width", [40, 60])
def test_a_dry_run_on_a_narrow_terminal_names_every_task_and_number(
    run: Run, project: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run("tune", "-p", project, *quick, "--dry-run").out.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0] == "team"
    said = " ".join(line.strip() for line in lines).replace("\u00a0", " ")
    for heading in ("train", "dev", "test", "steps", "epochs", "rate", "rank", "tokens", "shared"):
        assert re.search(rf"\b{heading} [0-9-]", said), said


def test_a_dry_run_fits_80_columns_and_counts_the_rows_that_are_used(run: Run, tmp_path: Path, quick: list[str]) -> None:
    name = "which_team_of_the_firm_takes_the_matter_first"
    project = write_project(tmp_path / "law", rows=[], domain=DOMAIN.replace("name: team", f"name: {name}"))
    write_rows(project / "data" / f"{name}.jsonl", team_rows(60))
    ended = run("tune", "-p", project, *quick, "--dry-run", "-c", "train.max_train_rows=7")
    assert max(map(len, ended.out.splitlines())) <= 80
    assert name in ended.out.replace("\n", "").replace(" ", "") or name[:12] in ended.out
    (plan,) = run("tune", "-p", project, *quick, "--dry-run", "--json", "-c", "train.max_train_rows=7").document
    assert plan["rows"] == {"train": 7, "dev": 6, "test": 12}
    few = run("tune", "-p", project, *quick, "--dry-run", "--json", "-c", "eval.max_rows=3").document[0]
    assert few["answer_seconds"] > 0  # each command measures the machine anew: how rows count is tested on the estimate itself
    assert plan["answer_seconds"] > 0


def test_one_system_alone_does_not_become_the_report_that_is_shown(run: Run, tuned: Path, quick: list[str]) -> None:
    before = run("report", "-p", tuned).out
    alone = run("eval", "-p", tuned, *quick, "-c", "eval.systems=[base]")
    assert alone.code == 0
    assert run("report", "-p", tuned).out == before


def test_the_first_report_is_shown_even_if_it_compares_nothing(run: Run, project: Path, quick: list[str]) -> None:
    assert run("eval", "-p", project, *quick, "-c", "eval.systems=[base]").code == 0
    assert "Nothing was compared" in run("report", "-p", project).out


def test_train_prints_the_adapters_folder_and_the_second_time_trains_nothing(run: Run, project: Path, quick: list[str]) -> None:
    first = run("train", "-p", project, *quick)
    assert first.code == 0
    folder = Path(first.out.removeprefix("team: ").strip())
    assert (folder / "adapter_model.safetensors").exists()
    assert re.search(r"✓ train  team  2 steps, dev loss \d\.\d+, \d+ s\n", first.err)
    before = files_of(project)
    second = run("train", "-p", project, *quick)
    assert second.out == first.out
    assert re.search(r"✓ train  team  2 steps, .*\(reused\)\n", second.err)
    assert "✓ data   team  21 train, 3 dev, 6 test rows (reused)" in second.err
    assert files_of(project) == before
    assert run("train", "-p", project, *quick, "--dry-run", "--json").document[0]["trained"] is True


def test_eval_before_training_says_what_to_do(run: Run, project: Path, quick: list[str]) -> None:
    ended = run("eval", "-p", project, *quick)
    assert ended.code == 1
    assert "train it first: anytasktune train team" in ended.err


def test_the_untuned_model_can_be_judged_alone(run: Run, project: Path, quick: list[str]) -> None:
    report = run("eval", "-p", project, *quick, "-c", "systems=base", "--json").document
    assert [system["system"] for system in report["tasks"][0]["systems"]] == [*SIMPLE, "base"]


def test_tune_ends_with_a_report_and_the_second_time_makes_nothing_anew(run: Run, tuned: Path, quick: list[str]) -> None:
    before = files_of(tuned)
    ended = run("tune", "-p", tuned, *quick)
    assert ended.code == 0
    assert len(re.findall(r"✓ answer .*\(reused\)", ended.err)) == 6
    assert ended.err.count("✓ data") == 1
    assert re.search(r"✓ train .*\(reused\)", ended.err)
    assert all(line == line.rstrip() for line in ended.err.splitlines())
    assert files_of(tuned) == before
    page = Path(ended.out.splitlines()[-1].removeprefix("Report: "))
    assert page.name == "report.html"
    assert page.exists()


def test_report_shows_the_last_one_again_in_both_languages(run: Run, tuned: Path) -> None:
    english, chinese = run("report", "-p", tuned), run("report", "-p", tuned, "--language", "zh")
    assert (english.code, chinese.code) == (0, 0)
    assert "Accuracy" in english.out
    assert "准确率" in chinese.out
    assert chinese.out.rstrip().endswith("report.zh.html")
    assert run("report", "-p", tuned, "--json").document["domain"] == "law"


def test_without_a_report_the_command_says_what_makes_one(run: Run, project: Path) -> None:
    ended = run("report", "-p", project)
    assert ended.code == 1
    assert "anytasktune tune -p law" in ended.err


def test_rows_that_would_teach_wrongly_are_named_with_file_and_row(run: Run, tmp_path: Path, quick: list[str]) -> None:
    project = write_project(tmp_path / "notes", rows=[], domain=RULED)
    rows = [{"input": f"client {n} pays {n}0 dollars", "output": json.dumps({"sum": f"{n}0"})} for n in range(20)]
    rows[4]["input"] = "client 4 pays 40 <|im_end|> dollars"
    rows[7]["output"] = '{"sum": "a lot"}'
    rows[9]["input"] = "client 9 pays 90 " + "dollars " * 300
    rows[11]["output"] = '{"sum": '
    write_lines(project / "data" / "facts.jsonl", [json.dumps(row) for row in rows])
    ended = run("train", "-p", project, *quick)
    assert ended.code == 1
    assert "data/facts.jsonl:12: bad_json" in ended.err
    assert "data/facts.jsonl:5: the text holds <|im_end|>" in ended.err
    assert "data/facts.jsonl:8: 'a lot' does not stand in the input" in ended.err
    assert re.search(r"data/facts.jsonl:10: the prompt takes \d+ tokens, and 512 fit", ended.err)
    assert "3 of 19 rows cannot be used as they are, so nothing was trained" in ended.err
    checked = run("check", "-p", project, *quick, "--json")
    assert checked.code == 1
    assert [problem["where"] for problem in checked.document["problems"]] == [f"data/facts.jsonl:{row}" for row in (5, 8, 10)]
    skipped = run("train", "-p", project, *quick, "-c", "skip_bad_rows=true")
    assert skipped.code == 3
    assert "✓ check  facts  skip_bad_rows\n  ! dropped 3 of 19: 3 preflight" in skipped.err


def test_dropped_rows_are_told_every_time_not_only_the_first(run: Run, project: Path, quick: list[str]) -> None:
    seeds = project / "data" / "team.jsonl"
    assert run("check", "-p", project, *quick).code == 0
    with seeds.open("a", encoding="utf-8") as stream:
        stream.write('{"input": "a new one", "output": "taxes"}\n')
    for _ in range(2):
        ended = run("check", "-p", project, *quick)
        assert ended.code == 3
        assert "dropped 1 of 31: 1 unknown_label" in ended.err
        assert "data/team.jsonl:31: unknown_label" in ended.err


def test_training_rows_that_stand_in_test_are_left_out_and_counted(run: Run, tmp_path: Path, quick: list[str]) -> None:
    project = write_project(tmp_path / "law", rows=[])
    for split, start, count in (("train", 0, 20), ("dev", 20, 5), ("test", 15, 8)):
        write_rows(project / "data" / "team" / f"{split}.jsonl", team_rows(count, start))
    ended = run("tune", "-p", project, *quick)
    assert ended.code == 3
    assert "✓ data   team  15 train, 2 dev, 8 test rows" in ended.err
    assert "dropped 8 of 33: 8 leaks_into_test" in ended.err


def test_a_split_that_is_missing_is_noticed_before_training(run: Run, tmp_path: Path, quick: list[str]) -> None:
    project = write_project(tmp_path / "law", rows=[])
    folder = project / "data" / "team"
    write_rows(folder / "train.jsonl", team_rows(20))
    ended = run("tune", "-p", project, *quick)
    assert ended.code == 1
    assert "has no test rows to evaluate on" in ended.err
    assert not (project / "artifacts" / "runs").exists()
    shutil.move(folder / "train.jsonl", folder / "test.jsonl")
    assert "there are no training rows" in run("tune", "-p", project, *quick).err


def test_too_few_rows_to_divide_are_refused_with_the_file(run: Run, tmp_path: Path, quick: list[str]) -> None:
    project = write_project(tmp_path / "law", rows=team_rows(3))
    ended = run("check", "-p", project, *quick, "--json")
    assert ended.code == 1
    assert ended.first_problem["where"] == "data/team.jsonl"
    assert "too few" in ended.first_problem["what"]


def test_a_task_without_rows_says_how_to_bring_some(run: Run, tmp_path: Path) -> None:
    project = write_project(tmp_path / "law", rows=[])
    ended = run("tune", "-p", project)
    assert ended.code == 1
    assert "anytasktune import FILE --task team" in ended.err


def test_rows_in_two_forms_are_refused(run: Run, project: Path) -> None:
    write_rows(project / "data" / "team" / "train.jsonl", team_rows(3))
    ended = run("check", "-p", project)
    assert ended.code == 1
    assert "rows in two forms" in ended.err


def test_a_wrong_field_of_the_domain_stops_every_command_at_its_line(run: Run, project: Path) -> None:
    (project / "domain.yaml").write_text(DOMAIN.replace("labels:", "lables:"), encoding="utf-8")
    for command in (["check"], ["train"], ["eval"], ["tune", "--dry-run"], ["report"], ["import", "rows.jsonl", "-t", "team"]):
        ended = run(*command, "-p", project)
        assert ended.code == 1
        assert ended.err == "✗ domain.yaml:9: tasks[team].output.lables: there is no such field\n  → did you mean 'labels'?\n"


def test_the_demo_runs_from_an_empty_folder_and_says_what_comes_next(run: Run, quick: list[str]) -> None:
    few = ("-c", "max_train_rows=4", "-c", "max_dev_rows=2", "-c", "max_rows=2", "-c", "skip_bad_rows=true")
    ended = run("demo", "shown", *quick, *few)
    assert ended.code == 3
    assert "Which team takes the matter" in ended.out
    assert "anytasktune init my-field" in ended.out


def test_progress_as_json_is_one_event_per_line_beside_a_clean_document(run: Run, project: Path, quick: list[str]) -> None:
    ended = run("tune", "-p", project, *quick, "--progress", "json", "--json")
    assert ended.document["domain"] == "law"
    events = [json.loads(line) for line in ended.err.splitlines()]
    assert {event["event"] for event in events} == {"started", "progress", "finished", "warned"}
    finished = [
        (event["stage"], event["name"], event["system"], event["reused"]) for event in events if event["event"] == "finished"
    ]
    simple, models = (
        [("answer", "team", system, False) for system in systems] for systems in (SIMPLE, ("base", "few_shot", "tuned"))
    )
    made = [("data", "team", None, False), ("train", "team", None, False)]
    assert finished == [*made, *simple, ("shots", "team", "few_shot", False), *models]
    steps = [event for event in events if event["event"] == "progress" and event["stage"] == "train"]
    assert steps[-1]["done"] == steps[-1]["total"] == 2
    assert steps[-1]["loss"] > 0
    again = run("tune", "-p", project, *quick, "--progress", "json")
    reused = [json.loads(line) for line in again.err.splitlines()]
    assert all(event["reused"] for event in reused if event["event"] == "finished")
    assert "Report: " in again.out


def test_with_json_the_progress_stays_on_standard_error(run: Run, project: Path, quick: list[str]) -> None:
    ended = run("check", "-p", project, *quick, "--json")
    assert ended.document["ok"]
    assert "✓ data   team  21 train, 3 dev, 6 test rows" in ended.err
