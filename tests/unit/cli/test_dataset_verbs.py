"""`anytasktune dataset`: what a data set holds, where a row comes from, what changed, copies for other programs."""

from pathlib import Path

import pytest
from tests.made_project import made_rows, write_made
from tests.tiny_project import team_rows, write_project, write_rows
from tests.unit.cli.conftest import Run

from anytasktune.datasets import read_examples
from anytasktune.schema import Origin


@pytest.fixture
def made(project: Path) -> Path:
    rows = made_rows(60)
    origin = Origin(kind="typos", parents=(rows[0].id,))
    child = rows[0].model_copy(update={"input": "mattr one thusand, with typos in all its wrds", "origin": origin})
    write_made(project, [*rows, child], made_rows(3, 9000))
    return project


def test_a_data_set_is_shown_by_split_language_way_label_and_reason(run: Run, made: Path) -> None:
    ended = run("dataset", "show", "team", "-p", made)
    assert ended.code == 0
    assert "61 kept, 3 dropped (3 near_duplicate), 1 failed (1 unusable_answer)" in ended.out
    assert "9,000 + 1,200 tokens, 0.0213 USD" in ended.out
    assert "! 12 of 18 test rows are generated" in ended.out
    assert "artifacts/datasets/team/" in ended.out
    facts = run("dataset", "show", "team", "-p", made, "--json").document
    assert facts["facts"]["train"]["origins"]["own"] == 21
    assert facts["generated"]["rows"] == {"train": 43, "dev": 6, "test": 12}


def test_only_generated_test_rows_are_warned_of(run: Run, tmp_path: Path) -> None:
    project = write_project(tmp_path / "law", rows=[])
    write_made(project)
    assert "No test row was written by a person" in run("dataset", "show", "team", "-p", project).out


def test_a_made_row_is_walked_back_to_its_document(run: Run, made: Path) -> None:
    document = run("dataset", "show", "team", "-p", made, "--json").document
    rows = (run("dataset", "show", "team", f"train:{number}", "-p", made, "--json").document for number in range(1, 65))
    row = next(found for found in rows if found["lineage"] and found["lineage"]["origin"].get("span"))
    assert document["generated"]["gated"] == row["lineage"]["gated"]
    ended = run("dataset", "show", "team", row["id"][:8], "-p", made)
    for said in (f"{row['split']}:{row['number']}", "tiny-teacher", "@0badcafe", "handbook ", "page ", "Part one › Section"):
        assert said in ended.out
    assert row["lineage"]["quote"] in ended.out


def test_an_enhanced_row_leads_to_the_row_it_was_made_after_and_an_own_row_to_its_file(run: Run, made: Path) -> None:
    row = run("dataset", "show", "team", "train:1", "-p", made, "--json").document
    for number in range(2, 65):
        if row["lineage"] and row["lineage"]["origin"]["kind"] == "typos":
            break
        row = run("dataset", "show", "team", f"train:{number}", "-p", made, "--json").document
    assert [parent["id"] for parent in row["parents"]] == [made_rows(1)[0].id]
    own = run("dataset", "show", "team", team_rows(1)[0].id, "-p", made).out
    assert "data/team.jsonl:1" in own


def test_a_row_or_version_that_is_not_there_is_said_with_what_there_is(run: Run, made: Path) -> None:
    ended = run("dataset", "show", "team", "test:999", "-p", made)
    assert ended.code == 1
    assert "there is no row 'test:999'" in ended.err
    assert "give SPLIT:NUMBER" in ended.err
    run("dataset", "show", "team", "-p", made)
    assert "the data sets of team are" in run("dataset", "diff", "team", "feedface", "-p", made).err


def test_versions_are_compared_the_last_two_by_default(run: Run, project: Path) -> None:
    first = run("dataset", "show", "team", "-p", project, "--json").document["id"]
    assert "only one version" in run("dataset", "diff", "team", "-p", project).err
    write_rows(project / "data" / "team.jsonl", team_rows(33))
    ended = run("dataset", "diff", "team", "-p", project)
    assert f"{first} → " in ended.out
    assert "3 added" in ended.out
    document = run("dataset", "diff", "team", first, "-p", project, "--json").document
    assert len(document["added"]) == 3
    assert document["rows"]["train"]["before"] == 21
    same = run("dataset", "diff", "team", first, first, "-p", project)
    assert "the same rows in the same splits" in same.out


def test_an_export_is_read_back_the_same(run: Run, made: Path) -> None:
    ended = run("dataset", "export", "--all", "-f", "sharegpt", "-o", "out", "-p", made)
    assert ended.code == 0
    files = sorted(Path("out/team").glob("*.jsonl"))
    rows = {row.id for path in files for row in read_examples(path).examples}
    assert {row.id for row in [*team_rows(), *made_rows(60)]} <= rows
    assert len(rows) == 91


def test_export_wants_to_know_which_tasks_and_names_the_formats(run: Run, made: Path) -> None:
    ended = run("dataset", "export", "-p", made)
    assert ended.code == 2
    assert "give --all" in ended.err
    wrong = run("dataset", "export", "--all", "-f", "aplaca", "-p", made)
    assert wrong.code == 2
    assert "did you mean 'alpaca'" in wrong.err
