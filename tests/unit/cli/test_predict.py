"""`predict`: the same rows with answers added, whatever the file's format and however often the command is killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook, load_workbook
from tests.tiny_project import write_lines
from tests.unit.cli.conftest import WORDS, Run, clear_rows

from anytasktune import PredictOptions, Workspace, predict
from anytasktune.errors import AnyTaskTuneError
from anytasktune.pipeline.answer_files import ADDED

HEADER = ("number", "message", "remark")
TEXTS = ("matter 1: landlord rent rent deposit", "", "我们 离婚 child 离婚 school", "matter 3: boss fired wage fired")
RIGHT = ["housing", "", "family", "work"]


def table(folder: Path, ending: str, texts: Sequence[str] = TEXTS) -> Path:
    """A file with these texts in the column `message`, between two others."""
    path = folder / f"rows{ending}"
    rows = [[str(number), text, f"=SUM({number})"] for number, text in enumerate(texts)]
    if ending == ".xlsx":
        book = Workbook()
        for row in (HEADER, *rows):
            book.active.append(["'" + cell if cell.startswith("=") else cell for cell in row])
        book.save(path)
    elif ending in {".csv", ".tsv"}:
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter="\t" if ending == ".tsv" else ",").writerows([HEADER, *rows])
    else:
        write_lines(path, [json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) for row in rows])
    return path


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, empty cells as empty texts."""
    if path.suffix == ".xlsx":
        header, *lines = load_workbook(path).active.iter_rows(values_only=True)
        found = [dict(zip(header, line, strict=True)) for line in lines]
    elif path.suffix == ".parquet":
        found = pq.read_table(path).to_pylist()
    elif path.suffix == ".jsonl":
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    else:
        text = path.read_text(encoding="utf-8-sig").splitlines()
        found = list(csv.DictReader(text, delimiter="\t" if path.suffix == ".tsv" else ","))
    return [{key: "" if value is None else value for key, value in row.items()} for row in found]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx", ".jsonl"])
def test_rows_come_back_in_their_order_with_all_columns_and_the_answers(
    run: Run, learned_once: Path, tmp_path: Path, ending: str
) -> None:
    source, out = table(tmp_path, ending), tmp_path / f"answers{ending}"
    ended = run("predict", "team", source, "--out", out, "--input", "message", "-p", learned_once)
    assert ended.code == 3  # a row has no input
    assert "✓ team: read 4, answered 3, not answered 1 (1 empty_input)" in ended.out
    rows = read_table(out)
    assert list(rows[0]) == [*HEADER, *ADDED] if ending != ".jsonl" else True
    assert [[row[name] for name in HEADER] for row in rows] == [[row[name] for name in HEADER] for row in read_table(source)]
    assert [row["answer"] for row in rows] == RIGHT
    assert [row["not_answered"] for row in rows] == ["", "empty_input: the input is empty", "", ""]
    assert all(0.3 < float(row["probability"]) <= 1 for row in rows if row["answer"])
    assert {str(row["unsure"]).lower() for row in rows if row["answer"]} <= {"true", "false"}


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".xlsx", ".json"])
def test_the_ending_of_the_file_to_write_is_its_format(run: Run, learned_once: Path, tmp_path: Path, ending: str) -> None:
    source, out = table(tmp_path, ".jsonl", TEXTS[:1]), tmp_path / f"answers{ending}"
    assert run("predict", "team", source, "-o", out, "--input", "message", "-p", learned_once).code == 0
    (row,) = json.loads(out.read_text(encoding="utf-8")) if ending == ".json" else read_table(out)
    assert (row["message"], row["answer"]) == (TEXTS[0], "housing")
    assert row["remark"] == ("'=SUM(0)" if ending == ".csv" else "=SUM(0)")  # a spreadsheet would run it
    if ending == ".xlsx":
        assert load_workbook(out).active["C2"].data_type == "s"


def test_equal_inputs_and_later_files_are_not_answered_again(run: Run, learned_once: Path, tmp_path: Path) -> None:
    texts = [f"matter 90: rent {number}" for number in (1, 2, 1, 2, 3)]
    asked = ("predict", "team", "-p", learned_once, "--input", "message", "--json")
    first = run(*asked, table(tmp_path, ".csv", texts), "-o", "a.csv").document
    assert (first["read"], first["answered"], first["reused"]) == (5, 5, 0)
    second = run(*asked, table(tmp_path, ".csv", [*texts, "matter 91: rent"]), "-o", "b.csv").document
    assert (second["answered"], second["reused"]) == (6, 3)
    assert [row["answer"] for row in read_table(Path("b.csv"))][:5] == [row["answer"] for row in read_table(Path("a.csv"))]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_in_the_middle_it_goes_on_and_answers_nothing_twice(run: Run, learned_once: Path, tmp_path: Path) -> None:
    texts = [row.input.replace("matter", "later matter") for row in clear_rows(300)]
    source, logs = table(tmp_path, ".csv", texts), learned_once / "artifacts" / "answers" / "team"
    words = ["predict", "team", str(source), "--out", "done.csv", "--input", "message", "-p", str(learned_once)]

    def kept() -> int:
        return sum(len(path.read_bytes().splitlines()) for path in logs.glob("*.jsonl"))

    before = kept()
    process = subprocess.Popen([sys.executable, "-m", "anytasktune", *words], stderr=subprocess.DEVNULL, env=os.environ)
    while kept() == before and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not Path("done.csv").exists()
    answered = kept() - before
    assert 0 < answered < 300
    document = run(*words, "--json").document
    assert (document["answered"], document["reused"]) == (300, answered)
    assert kept() - before == 300
    assert [row["message"] for row in read_table(Path("done.csv"))] == texts


def test_a_file_of_somebody_else_is_not_overwritten(run: Run, learned_once: Path, tmp_path: Path) -> None:
    asked = ("predict", "team", table(tmp_path, ".csv"), "-p", learned_once, "--input", "message", "-o")
    assert run(*asked, "a.csv").code == 3
    assert run(*asked, "a.csv", "--with", "linear").code == 3  # its own file
    Path("mine.csv").write_text("mine\n", encoding="utf-8")
    ended = run(*asked, "mine.csv")
    assert (ended.code, "--force" in ended.err, Path("mine.csv").read_text(encoding="utf-8")) == (1, True, "mine\n")
    assert run(*asked, "mine.csv", "--force").code == 3
    ended = run(*asked, "rows.csv", "--force")
    assert (ended.code, "the rows are read from this file" in ended.err) == (1, True)


def test_columns_of_the_user_keep_their_names(run: Run, learned_once: Path) -> None:
    write_lines(Path("rows.jsonl"), ['{"input": "rent rent", "answer": "mine", "output": "housing"}'])
    document = run("predict", "team", "rows.jsonl", "-o", "a.jsonl", "-p", learned_once, "--json").document
    assert document["columns"]["answer"] == "predicted_answer"
    (row,) = read_table(Path("a.jsonl"))
    assert (row["answer"], row["output"], row["predicted_answer"]) == ("mine", "housing", "housing")


def test_dialogues_are_answered_from_their_last_answer_on_or_as_a_whole(run: Run, learned_once: Path) -> None:
    user, reply = {"role": "user", "content": "rent deposit rent"}, {"role": "assistant", "content": "family"}
    rows = [[user], [user, reply], [{"role": "user", "content": "boss wage"}, {"role": "assistant", "content": "Yes?"}, user]]
    odd = [{"role": ["user"], "content": "rent"}]
    write_lines(Path("rows.jsonl"), [json.dumps({"messages": turns}) for turns in [*rows, odd]])
    assert run("predict", "team", "rows.jsonl", "-o", "a.jsonl", "-p", learned_once).code == 3
    first, second, third, _ = read_table(Path("a.jsonl"))
    assert first["answer"] == second["answer"] == "housing"
    assert first["probability"] == second["probability"]
    assert third["messages"] == rows[2]


def test_rows_that_cannot_be_read_or_answered_stay_in_the_file(run: Run, learned_once: Path) -> None:
    lines = ['{"input": "rent"}', "no json", '{"input": "%s"}' % ("boss " * 3000), '{"input": "boss", "language": "fr"}', "[]"]
    write_lines(Path("rows.jsonl"), lines)
    ended = run("predict", "team", "rows.jsonl", "-o", "a.csv", "-p", learned_once, "--json")
    assert (ended.code, ended.document["read"], ended.document["answered"]) == (3, 5, 1)
    counts = {"bad_json": 1, "no_answer": 1, "unknown_language": 1, "wrong_type": 1}
    assert ended.document["not_answered"] == counts
    assert [row["not_answered"].partition(":")[0] for row in read_table(Path("a.csv"))] == [
        "",
        "bad_json",
        "no_answer",
        "unknown_language",
        "wrong_type",
    ]


@pytest.mark.parametrize(
    ("lines", "words", "said"),
    [
        (["input", '""', "  "], (), "none of 2 rows can be answered: 2 empty_input"),
        (["question,kind", "rent,a"], (), "--input question"),
        (["question", "rent"], ("--input", "qestion"), "did you mean 'question'?"),
        (["input"], (), "there are no rows in it"),
        (["input", "rent"], ("-o", "a.docx"), "cannot be written"),
        (["input", "rent"], ("--language", "en", "--with", "nothing"), "there is no system and no version 'nothing'"),
    ],
)
def test_bad_files_end_with_what_to_do(
    run: Run, learned_once: Path, lines: list[str], words: tuple[str, ...], said: str
) -> None:
    write_lines(Path("rows.csv"), lines)
    ended = run("predict", "team", "rows.csv", "-p", learned_once, "-o", "a.csv", *words)
    assert (ended.code, said in ended.err) == (1, True), ended.err
    assert not Path("a.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [(("team", "nowhere.csv"), "there is no such file"), (("teem", "rows.csv"), "did you mean 'team'?")],
)
def test_a_wrong_name_is_named(run: Run, learned_once: Path, words: tuple[str, ...], said: str) -> None:
    ended = run("predict", *words, "-p", learned_once, "-o", "a.csv")
    assert (ended.code, said in ended.err) == (1, True)


def test_python_predicts_as_the_command_line_does(learned_once: Path, tmp_path: Path) -> None:
    source = table(tmp_path, ".csv")
    options = PredictOptions(system="linear", input="message")
    done = predict(Workspace.open(learned_once), "team", source, tmp_path / "a.jsonl", options)
    assert (done.read, done.answered, done.not_answered) == (4, 3, {"empty_input": 1})
    assert {row["answer"] for row in read_table(done.out)} - {""} == set(WORDS)
    with pytest.raises(AnyTaskTuneError, match="no such file"):
        predict(Workspace.open(learned_once), "team", tmp_path / "none.csv", tmp_path / "b.csv")
