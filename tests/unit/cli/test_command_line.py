"""The command line itself: help, misspelt words, and what goes where."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

from anytasktune import __version__
from anytasktune.cli.app import run_safely
from anytasktune.errors import AnyTaskTuneError, Problem


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    ended = run()
    assert ended.code == 0
    assert all(verb in ended.out for verb in ("init", "import", "check", "train", "eval", "tune", "report", "doctor"))


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out == f"anytasktune {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["trian"], "train"),
        (["train", "--dryrun"], "--dry-run"),
        (["import", "rows.csv", "--tsk", "team"], "--task"),
        (["train", "--granularity", "actoin"], "did you mean 'action'?"),
        (["report", "--language", "de"], "'en', 'zh'"),
        (["models", "fech"], "'list', 'fetch'"),
        (["init"], "FOLDER"),
        (["schema", "Domain", "Task"], "Task"),
        (["import", "rows.csv", "--append", "--replace"], "exclude each other"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_names_the_right_word(run: Run, arguments: list[str], hint: str) -> None:
    Path("domain.yaml").write_text("name: x\n", encoding="utf-8")
    ended = run(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert hint in ended.err
    as_json = run(*arguments, "--json")
    assert as_json.code == 2
    assert as_json.document["error"] == "UsageError"


def test_a_misspelt_task_is_told_its_nearest_name(run: Run, project: Path) -> None:
    ended = run("train", "tem", "-p", project)
    assert ended.code == 1
    assert ended.err == "✗ domain.yaml: there is no task 'tem'\n  → did you mean 'team'?\n"


def test_a_misspelt_record_is_told_its_nearest_name(run: Run) -> None:
    assert "did you mean 'Domain'?" in run("schema", "Domian").err


def test_every_schema_is_printed_as_json(run: Run) -> None:
    assert {"Domain", "Task", "Example", "TrainConfig", "Settings", "Run", "Report"} <= set(run("schema").document)
    assert run("schema", "Task", "--json").document["title"] == "Task"


def test_a_folder_without_a_project_says_how_to_make_one(run: Run) -> None:
    ended = run("check")
    assert ended.code == 1
    assert "domain.yaml is missing" in ended.err
    assert "anytasktune init" in ended.err


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("epoch=3", "did you mean -c train.epochs=3?"),
        ("epochs=many", "must be a valid number"),
        ("epochs=-1", "must be greater than 0"),
        ("epochs", "there is no `=` in it"),
        ("epochs=", "nothing after the `=`"),
        ("alpha=1e999", "must be a finite number"),
        ("skip_bad_rows=maybe", "must be true or false"),
        ("systems=[base,tunde]", "'base', 'few_shot', 'tuned', 'action' or 'mixed'"),
        ("dev=0.9", "leaves no rows to train on"),
        ("schema_version=2", "unknown setting"),
    ],
)
def test_a_wrong_setting_is_named_as_it_was_written(run: Run, project: Path, setting: str, words: str) -> None:
    ended = run("train", "-p", project, "-c", setting)
    assert ended.code == 1
    assert ended.err.startswith(f"✗ -c {setting}: ")
    assert words in ended.err
    assert not (project / "artifacts").exists()


def test_settings_that_do_not_go_together_are_both_named(run: Run, project: Path) -> None:
    assert "-c dev=0.5, -c test=0.6:" in run("train", "-p", project, "-c", "dev=0.5", "-c", "test=0.6").err


def test_advice_for_many_rows_is_given_once_and_long_lists_are_cut(run: Run, project: Path, quick: list[str]) -> None:
    ended = run("train", "-p", project, *quick, "-c", "max_length=90")
    (bad,) = re.findall(r"(\d+) of 30 rows cannot be used as they are, so nothing was trained", ended.err)
    assert 12 < int(bad) < 30
    assert ended.err.count("shorten the row, or raise max_length") == 1
    assert f"… and {int(bad) + 1 - 12} more" in ended.err


class _LegacyOutput(io.TextIOWrapper):
    """Standard output of a console that knows no Unicode."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict", newline="\n")

    @property
    def text(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize("encoding", ["cp1252", "gbk"])
def test_a_console_without_unicode_gets_question_marks_and_no_crash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
) -> None:
    out, err = _LegacyOutput(encoding), _LegacyOutput(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert run_safely(["init", str(tmp_path / "law")]) == 0
    assert run_safely(["init", str(tmp_path / "law")]) == 1
    assert "domain.yaml" in out.text
    assert "there is a project already" in err.text


def test_json_loses_nothing_on_a_console_without_unicode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out = _LegacyOutput("ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert run_safely(["init", str(tmp_path / "律所"), "--json"]) == 0
    assert json.loads(out.text)["project"].endswith("律所")


def test_a_reader_that_has_had_enough_gets_no_traceback() -> None:
    command = [sys.executable, "-m", "anytasktune", "schema"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() != 0


def test_doctor_names_what_is_there_and_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a file").write_text("", encoding="utf-8")
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(Path("a file").absolute()))
    ended = run("doctor")
    assert ended.code == 0
    assert all(name in ended.out for name in ("python", "torch", "computes on", "memory", "smollm2-135m"))
    assert "a file is a file: set ANYTASKTUNE_CACHE to a folder" in ended.out


def test_models_are_listed_with_their_size_and_use(run: Run) -> None:
    ended = run("models")
    assert ended.code == 0
    assert "smollm2-135m" in ended.out.splitlines()[0]
    assert "Qwen/Qwen3-0.6B" in ended.out
    assert "the smallest choice for Chinese" in ended.out


def test_an_error_reads_as_place_fault_and_advice() -> None:
    error = AnyTaskTuneError([Problem("is missing", "domain.yaml:3", "add it"), Problem("the disk is gone")])
    assert str(error) == "domain.yaml:3: is missing → add it\nthe disk is gone"
    assert len(error.problems) == 2
