"""`promote`, `rollback`, `versions`: which Task-LM answers in use, and on what evidence."""

import shutil
from pathlib import Path

import pytest
from tests.tiny_project import write_project, write_rows
from tests.unit.cli.conftest import Run, clear_rows

from anytasktune import Workspace
from anytasktune.cli.app import run_safely
from anytasktune.pipeline.starting_server import ServerOptions, prepare_server
from anytasktune.store import read_ref

TEXT = "matter 7: landlord rent deposit rent"


@pytest.fixture(scope="module")
def two_once(tmp_path_factory: pytest.TempPathFactory, quick: list[str]) -> tuple[Path, str, str]:
    """A project with a version that learned six rows and, the newest, one that learned all, and a report on that one."""
    folder = write_project(tmp_path_factory.mktemp("two") / "law", clear_rows(180))
    runs = Workspace.open(folder).project.runs("team")
    assert run_safely(["train", "-p", str(folder), *quick, "-c", "max_train_rows=4", "-c", "learning_rate=1e-6"]) == 0
    poor = str(read_ref(runs))
    assert run_safely(["tune", "-p", str(folder), *quick]) == 0
    return folder, poor, str(read_ref(runs))


@pytest.fixture
def two(two_once: tuple[Path, str, str], tmp_path: Path) -> tuple[Path, str, str]:
    return Path(shutil.copytree(two_once[0], tmp_path / "law")), *two_once[1:]


def test_a_promoted_version_answers_until_it_is_rolled_back(run: Run, two: tuple[Path, str, str]) -> None:
    project, poor, good = two
    asked = ("ask", "team", TEXT, "-p", project)
    assert run(*asked, "--json").document["version"] == good
    ended = run("promote", "team", poor[:6], "-p", project, "--despite-report", "--by", "ann")
    assert (ended.code, f"version {poor} is in production" in ended.out) == (0, True)
    assert "no report has measured it" in ended.out
    document = run(*asked, "--json").document
    assert (document["version"], document["in_production_since"] != "") == (poor, True)
    assert f"version {poor}, in production since" in run(*asked).out
    assert run(*asked, "--with", "tuned", "--json").document["version"] == good
    assert run("promote", "team", "-p", project).code == 0
    assert run(*asked, "--json").document["version"] == good
    assert run("rollback", "team", "-p", project, "--json").document["run"] == poor
    assert run(*asked, "--json").document["version"] == poor
    ended = run("rollback", "team", "-p", project)
    assert (ended.code, "no version is promoted any more" in ended.out) == (0, True)
    assert run(*asked, "--json").document["in_production_since"] == ""
    assert "no version was promoted" in run("rollback", "team", "-p", project).err


def test_the_evidence_is_a_paired_test_on_dev_rows_and_is_kept(run: Run, two: tuple[Path, str, str]) -> None:
    project, poor, good = two
    run("promote", "team", poor, "-p", project, "--despite-report")
    evidence = run("promote", "team", good, "-p", project, "--json").document["evidence"]
    assert (evidence["basis"], evidence["source"], evidence["against"]) == ("paired_test", "dev", poor)
    assert evidence["verdict"] == "better"
    assert evidence["score"] - evidence["other_score"] == pytest.approx(evidence["difference"]["value"])
    document = run("versions", "team", "-p", project, "--json").document
    assert [change["run"] for change in document["changes"]] == [poor, good]
    assert document["changes"][1]["evidence"] == evidence
    (current,) = [one for one in document["versions"] if one["promotion"]]
    assert (current["run"], current["newest"], current["promotion"]["before"]) == (good, True, poor)
    shown = run("versions", "team", "-p", project).out
    assert (f"{good} promoted by" in shown, "a paired test" in shown) == (True, True)


def test_a_version_that_scores_less_is_refused_with_the_numbers(run: Run, two: tuple[Path, str, str]) -> None:
    project, poor, good = two
    run("promote", "team", good, "-p", project, "--despite-report")
    ended = run("promote", "team", poor, "-p", project, "--json")
    assert (ended.code, f"version {poor} scores significantly less than {good}" in ended.first_problem["what"]) == (1, True)
    assert "95 % interval" in ended.first_problem["what"]
    assert "--on" in ended.first_problem["fix"]
    assert run("ask", "team", TEXT, "-p", project, "--json").document["version"] == good
    again = run("promote", "team", good, "-p", project, "--json")
    assert (again.code, "in production already" in again.first_problem["what"]) == (1, True)


def test_rows_a_version_has_learned_do_not_count_in_a_new_test_set(run: Run, two: tuple[Path, str, str]) -> None:
    project, poor, good = two
    run("promote", "team", poor, "-p", project, "--despite-report")
    known, new = clear_rows(180)[:30], clear_rows(300)[180:]
    write_rows(Path("new.jsonl"), [*known, *new, new[0]])
    evidence = run("promote", "team", good, "-p", project, "--on", "new.jsonl", "--json").document["evidence"]
    left_out = evidence["left_out"]
    assert (evidence["source"], left_out["duplicate"]) == ("new.jsonl", 1)
    assert 20 <= left_out["learned_by_a_version"] <= 30  # some of them are test rows, which no version has learned
    assert evidence["rows"] + sum(left_out.values()) == len(known) + len(new) + 1


def test_a_first_version_needs_a_report_that_finds_no_simple_baseline_better(run: Run, two: tuple[Path, str, str]) -> None:
    project, poor, good = two
    ended = run("promote", "team", poor, "-p", project, "--json")
    assert (ended.code, ended.first_problem["what"]) == (1, f"no report has measured version {poor}")
    assert "--despite-report" in ended.first_problem["fix"]
    document = run("promote", "team", good, "-p", project, "--despite-report", "--json").document
    assert document["evidence"]["basis"] == "report"
    assert document["evidence"]["against"] in ("linear", "nearest", "constant")


def test_training_says_that_the_promoted_version_stays(run: Run, two: tuple[Path, str, str], quick: list[str]) -> None:
    project, poor, _ = two
    run("promote", "team", poor, "-p", project, "--despite-report")
    ended = run("train", "-p", project, *quick)
    assert f"team: version {poor} stays in production" in ended.err
    assert "promote team -p law" in ended.err


def test_the_server_gives_the_names_of_a_task_to_its_promoted_version(run: Run, two: tuple[Path, str, str]) -> None:
    project, poor, _ = two
    run("promote", "team", poor, "-p", project, "--despite-report")
    notes: list[str] = []
    server = prepare_server(
        Workspace.open(project), None, ServerOptions(port=0), lambda event: notes.append(getattr(event, "text", ""))
    )
    names = server.engine.models.names
    server.stop()
    server.run()
    for name in ("team", "team@prod"):
        source = names[name].source
        assert source is not None
        assert source.folder.parent.name == poor
    assert any(f"version {poor} answers, in production since" in note for note in notes)


def test_a_promoted_version_whose_files_are_gone_is_named_and_nothing_else_answers(
    run: Run, two: tuple[Path, str, str]
) -> None:
    project, poor, _ = two
    run("promote", "team", poor, "-p", project, "--despite-report")
    shutil.rmtree(project / "artifacts" / "runs" / "team" / poor)
    problem = run("ask", "team", TEXT, "-p", project, "--json").first_problem
    assert problem["what"] == f"version {poor} of task team is in production, and its files are gone"
    assert "rollback team" in problem["fix"]
    assert run("rollback", "team", "-p", project).code == 0
    assert run("ask", "team", TEXT, "-p", project).code == 0
