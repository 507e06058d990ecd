"""The command line speaks Chinese where its user does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anytasktune.cli.app import run_safely


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYTASKTUNE_LANG", "zh")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the task `kind`, described in Chinese, and no rows."""
    folder = tmp_path / "project"
    assert run_safely(["init", str(folder)]) == 0
    options = ["--kind", "label", "--labels", "投诉,表扬", "--language", "zh"]
    assert run_safely(["tasks", "add", "kind", "--instruction", "判断留言的类型", *options, "-p", str(folder)]) == 0
    return folder


def test_errors_name_place_and_advice_in_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_safely(["tune", "-p", str(tmp_path)]) == 1
    assert "这里没有项目：缺少 domain.yaml" in capsys.readouterr().err
    assert run_safely(["imporrt"]) == 2
    error = capsys.readouterr().err
    assert "没有命令 'imporrt'" in error and "'import'" in error
    assert run_safely(["tasks"]) == 2
    assert "没有给出命令" in capsys.readouterr().err


def test_import_counts_and_reasons_are_chinese_and_values_as_they_are(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "all rows.csv"
    rows.write_text("input,output\n我要退款,投诉\n很好,表扬\n我要退款,投诉\n2 rows,\n", encoding="utf-8")
    assert run_safely(["import", str(rows), "--task", "kind", "-p", str(project)]) in {0, 3}
    said = capsys.readouterr().out
    assert "✓ kind：读入 4，保留 2，丢弃 2 (1 duplicate, 1 empty_output)" in said
    assert "data/kind.jsonl 现有 2 条" in said
    assert "all rows.csv:4：duplicate，与第 2 行相同" in said
    assert "all rows.csv:5：empty_output，输出为空" in said


def test_findings_and_tables_are_chinese(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_safely(["tasks", "check", "-p", str(project)]) in {0, 1}
    assert "1 个任务" in capsys.readouterr().out
    assert run_safely(["doctor", "-p", str(project)]) == 0
    assert "计算设备" in capsys.readouterr().out


def test_json_is_the_same_in_all_languages(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    for language in ("zh", "en"):
        monkeypatch.setenv("ANYTASKTUNE_LANG", language)
        assert run_safely(["check", "nothing", "-p", str(project), "--json"]) == 1
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1] and "there is no task" in said[0]["problems"][0]["what"]


def test_settings_say_the_language_and_the_environment_comes_first(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "settings.yaml").write_text("language: zh\ntrain:\n  epoch: 3\n", encoding="utf-8")
    said = {}
    for language in ("", "en"):
        monkeypatch.setenv("ANYTASKTUNE_LANG", language)
        monkeypatch.setenv("LC_ALL", "C")
        assert run_safely(["check", f"--project={project}"]) == 1
        said[language] = capsys.readouterr().err
    assert "没有这个字段" in said[""] and "there is no such field" in said["en"]


@pytest.mark.parametrize(
    ("locale", "word"), [("zh_CN.UTF-8", "用法"), ("zh_TW", "用法"), ("de_DE.UTF-8", "Usage"), ("", "Usage")]
)
def test_the_system_says_the_language_otherwise(locale: str, word: str) -> None:
    plain = {name: value for name, value in os.environ.items() if name not in {"ANYTASKTUNE_LANG", "LC_ALL", "LC_MESSAGES"}}
    command = [sys.executable, "-m", "anytasktune", "import", "--help"]
    run = subprocess.run(
        command, env=plain | {"LANG": locale, "PYTHONUTF8": "1"}, capture_output=True, check=True, encoding="utf-8"
    )
    assert word in run.stdout and ("标准" in run.stdout or "Project folder" in run.stdout or "项目文件夹" in run.stdout)
    assert "…" not in run.stdout or locale == "" or word == "Usage", "Chinese lines are folded, not cut off"
