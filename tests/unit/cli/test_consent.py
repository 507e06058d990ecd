"""Before documents and rows leave the machine: what goes where is said, and agreed to once per project and host."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.openai_server import Served
from tests.scripted_teacher import scripted_teacher
from tests.tiny_project import team_rows, write_project
from tests.unit.cli.conftest import Run
from tests.unit.cli.terminal import Terminal

from anytasktune.errors import ConsentError
from anytasktune.llm import Endpoint
from anytasktune.pipeline import BuildOptions, Workspace, synth
from anytasktune.pipeline.teacher_access import Disclosure

HOST = "teacher.example"
SMALL = ["-c", "rows=2", "-c", "feasibility_rows=0", "-c", "judge_threshold=0"]
CANARY = "13812345678"


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A teacher on another machine, reached through a proxy on this one."""
    with scripted_teacher() as served:
        monkeypatch.setenv("http_proxy", served.url.removesuffix("/v1"))
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://{HOST}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
        yield served


@pytest.fixture
def field(tmp_path: Path) -> Path:
    rows = team_rows(12)
    rows = [row.model_copy(update={"input": f"{row.input} Call {CANARY}."}) for row in rows]
    folder = write_project(tmp_path / "field", rows)
    (folder / "documents").mkdir()
    text = "The office opens at nine and closes at five on working days; the clerk answers letters on the same day."
    (folder / "documents" / "office.md").write_text(text, encoding="utf-8")
    return folder


def consents(folder: Path) -> list[dict[str, object]]:
    file = folder / "artifacts" / "teacher" / "consents.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


VERBS = [
    ("synth", "--teacher", "big", *SMALL),
    ("augment", "--teacher", "big", *SMALL),
    ("build", "--teacher", "big", *SMALL),
    ("tune", "-c", "teacher.name=big", *SMALL),
    ("tasks", "propose", "--about", "A letting office.", "--teacher", "big"),
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_without_a_terminal_and_without_yes_nothing_is_sent(run: Run, field: Path, remote: Served, verb: list[str]) -> None:
    ended = run(*verb, "-p", field)
    assert ended.code == 1
    assert f"documents and rows go to {HOST}: " in ended.err
    assert "--yes" in ended.err
    assert "big" in ended.err
    assert remote.bodies == []
    assert consents(field) == []


def test_the_judge_is_on_the_other_machine_too(run: Run, field: Path, remote: Served) -> None:
    run("augment", "-c", "augmentations=typos", "-p", field)
    ended = run("gate", "--teacher", "big", "-p", field)
    assert (ended.code, HOST in ended.err, remote.bodies) == (1, True, [])


def test_with_yes_it_is_said_once_what_goes_where_and_asked_no_more(run: Run, field: Path, remote: Served) -> None:
    ended = run("synth", "--teacher", "big", *SMALL, "-p", field, "--yes")
    assert ended.code in {0, 3}, ended.err
    assert remote.bodies
    assert f"teacher {HOST}: gets 1 passage of 1 document, " in ended.err
    assert "the instructions of team, to the model big; personal data masked" in ended.err
    assert consents(field) == [{"schema_version": 1, "host": HOST, "model": "big", "masked": True}]
    again = run("augment", "--teacher", "other", "-c", "augmentations=paraphrase", "-p", field)
    assert again.code in {0, 3}, again.err
    assert "to the model other; personal data masked" in again.err
    assert len(consents(field)) == 1


def test_with_yes_personal_data_stays_here_and_returns_in_the_rows(run: Run, field: Path, remote: Served) -> None:
    ended = run("build", "--teacher", "big", "-c", "rows=2", "-c", "feasibility_rows=8", "-p", field, "--yes")
    assert remote.bodies, ended.err
    said = json.dumps(remote.bodies, ensure_ascii=False)
    assert CANARY not in said
    assert "[PHONE_1]" in said
    for path in (field / "artifacts").rglob("*"):
        if path.is_file() and path.name != "placeholders.jsonl":
            assert b"PHONE_1]" not in path.read_bytes() or path.name.startswith("answers.sqlite")


def test_a_setting_decides_whatever_was_agreed(run: Run, field: Path, remote: Served) -> None:
    ended = run("synth", "--teacher", "big", *SMALL, "-c", "mask_personal_data=false", "-p", field, "--yes")
    assert ended.code in {0, 3}, ended.err
    assert CANARY in json.dumps(remote.bodies)
    assert "personal data as it is" in ended.err
    assert [line["masked"] for line in consents(field)] == [False]


def test_a_dry_run_asks_nobody(run: Run, field: Path, remote: Served) -> None:
    ended = run("build", "--teacher", "big", *SMALL, "--dry-run", "-p", field)
    assert (ended.code, remote.bodies, consents(field)) == (0, [], [])


def test_a_teacher_on_this_machine_is_named_and_not_asked_about(run: Run, field: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_teacher() as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        ended = run("synth", "--teacher", "big", *SMALL, "-p", field)
        assert CANARY in json.dumps(served.bodies)
    assert ended.code in {0, 3}
    assert "teacher 127.0.0.1: gets 1 passage" in ended.err
    assert "on this machine" in ended.err
    assert consents(field) == []


def test_a_masked_recording_is_replayed_elsewhere_without_a_question(
    run: Run, field: Path, remote: Served, tmp_path: Path
) -> None:
    other, recording = Path(shutil.copytree(field, tmp_path / "other")), tmp_path / "asked.jsonl"
    run("synth", "--teacher", "big", *SMALL, "--record", recording, "--yes", "-p", field)
    asked = len(remote.bodies)
    assert CANARY not in recording.read_text(encoding="utf-8")
    ended = run("synth", "--teacher", "big", *SMALL, "--replay", recording, "-p", other, "-c", "mask_personal_data=true")
    assert (ended.code in {0, 3}, len(remote.bodies), consents(other)) == (True, asked, [])


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://localhost:1/v1", "this machine"),
        ("http://LOCALHOST./v1", "this machine"),
        ("http://127.8.9.1/v1", "this machine"),
        ("http://[::1]:8/v1", "this machine"),
        ("http://[::ffff:127.0.0.1]/v1", "this machine"),
        ("http://192.168.1.7:8000/v1", "a private network"),
        ("http://10.0.0.1/v1", "a private network"),
        ("http://[fd00::1]/v1", "a private network"),
        ("https://api.deepseek.com/v1", "elsewhere"),
        ("http://localhost.example/v1", "elsewhere"),
        ("http://127.0.0.1.example/v1", "elsewhere"),
        ("http://gpu-server:8000/v1", "elsewhere"),
        ("http://8.8.8.8/v1", "elsewhere"),
    ],
)
def test_only_a_loopback_address_is_this_machine(address: str, place: str) -> None:
    assert Endpoint.from_environment({"OPENAI_BASE_URL": address}).place == place


def test_from_python_nothing_is_sent_unless_it_is_agreed(field: Path, remote: Served) -> None:
    workspace = Workspace.open(field)
    settings = workspace.settings(["teacher.name=big", "rows=2", "feasibility_rows=0"])
    with pytest.raises(ConsentError, match=HOST):
        synth(workspace, (), settings)
    with pytest.raises(ConsentError, match=f"nothing was sent to {HOST}"):
        synth(workspace, (), settings, options=BuildOptions(agreed="no"))
    assert remote.bodies == []
    told: list[Disclosure] = []

    def ask(disclosure: Disclosure) -> str:
        told.append(disclosure)
        return "as_is"

    synth(workspace, (), settings, options=BuildOptions(agreed=ask))  # type: ignore[arg-type]
    assert remote.bodies
    (one,) = told
    assert (one.host, one.model, one.place, one.masking) == (HOST, "big", "elsewhere", None)
    assert one.contents[0] == "1 passage of 1 document"


def test_doctor_names_the_endpoint_and_the_hosts_agreed_to(run: Run, field: Path, remote: Served) -> None:
    assert (
        f"teacher        {HOST}, elsewhere; documents and rows go there once it is agreed to" in run("doctor", "-p", field).out
    )
    run("synth", "--teacher", "big", *SMALL, "-p", field, "--yes")
    shown = run("doctor", "-p", field).out
    assert f"{HOST}, elsewhere; agreed for this project: documents and rows, personal data masked" in shown
    facts = {fact["name"]: fact["value"] for fact in run("doctor", "--json").document}
    assert facts["teacher"] == f"{HOST}, elsewhere; documents and rows go there once it is agreed to"


def test_doctor_says_nothing_of_a_teacher_where_none_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert "teacher" not in run("doctor").out


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("key", "code", "masked"), [("a", {0, 3}, False), ("n", {1}, None)])
def test_in_a_terminal_it_is_asked_once(
    field: Path, remote: Served, key: str, code: set[int], masked: bool | None, run: Run
) -> None:
    terminal = Terminal(["synth", "--teacher", "big", *SMALL, "-p", str(field)])
    try:
        shown = terminal.waits("[y/a/n]")
        assert f"Documents and rows go to {HOST} (elsewhere, not this machine):" in shown
        assert remote.bodies == []
        terminal.press("?\n", "[y/a/n]")
        terminal.press(f"{key}\n", "nothing was sent" if masked is None else HOST)
        assert terminal.ended() in code
    finally:
        terminal.close()
    assert [line["masked"] for line in consents(field)] == ([] if masked is None else [masked])
    assert bool(remote.bodies) == (masked is not None)
    if masked is not None:
        assert (CANARY in json.dumps(remote.bodies)) == (not masked)
