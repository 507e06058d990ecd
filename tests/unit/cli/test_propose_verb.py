"""`anytasktune tasks propose`: an interview that is killed and goes on, past work, a teacher that misbehaves."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.openai_server import KEY, error, in_turn, serving
from tests.tiny_project import write_lines
from tests.unit.cli.conftest import Run

from anytasktune.schema import Domain
from anytasktune.settings.yaml_reading import parse_record

ENGLISH = [
    *["Public library", "Letters from readers.", "No fees.", "Answer an enquiry"],
    *["Sort it", "The trainee", "Say what the reader wants.", "skip", "1", "loan, search, other", "The kind of enquiry"],
    *["Reply", "The librarian", "yes", "Answer kindly in two sentences.", "skip", "5", "300", "The reply"],
    *["", ""],
]
CHINESE = [
    *["公共图书馆", "不涉及罚款。", "答复咨询"],
    *["分类", "实习生", "判断读者想要什么。", "借还，查找，其他", "咨询的类型"],
    *["回复", "馆员", "用两句话友好地回答。", "回复内容"],
]
OUTLINE = {
    "title": {"en": "Public library"},
    "description": "Readers ask.",
    "actions": [{"title": {"en": "Lend a book"}, "steps": [{"title": {"en": "Note the title"}}, {"title": {"en": "Judge"}}]}],
}
NOTE = {"guidance": {"en": "Copy what is known of the book."}, "kind": "json", "fields": ["title", "author"], "copied": True}


def by_interview(folder: Path, answers: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with answers piped in."""
    typed = "".join(f"{answer}\n" for answer in answers)
    return subprocess.run(command(folder, *options), input=typed, capture_output=True, text=True, encoding="utf-8", check=False)


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "anytasktune", "tasks", "propose", "--interview", "-p", str(folder), *options]


def pool_of(folder: Path) -> Domain:
    return parse_record(Domain, (folder / "domain.yaml").read_text(encoding="utf-8"), "domain.yaml")


@pytest.fixture(scope="module")
def asked_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A project made by an English interview, and how that ended."""
    folder = tmp_path_factory.mktemp("asked") / "library"
    return folder, by_interview(folder, ENGLISH)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes a server the teacher's endpoint."""

    def use(url: str) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)

    yield use


def test_an_interview_makes_a_project_that_a_reviewer_accepts(
    asked_once: tuple[Path, subprocess.CompletedProcess[str]], run: Run
) -> None:
    folder, ended = asked_once
    assert ended.returncode == 0, ended.stderr
    assert "1 action and 2 tasks added" in ended.stdout
    assert [task.input_from for task in pool_of(folder).tasks] == [None, "sort_it"]
    text = (folder / "domain.yaml").read_text(encoding="utf-8")
    assert "# no Chinese yet; `anytasktune tasks propose --interview --language zh` asks for it" in text
    assert (folder / "settings.yaml").exists()
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "artifacts/\n"
    review = run("tasks", "check", "-p", folder)
    assert (review.code, "no findings" in review.out) == (0, True)


def test_the_same_interview_in_chinese_adds_chinese_and_keeps_the_comments(
    asked_once: tuple[Path, subprocess.CompletedProcess[str]], run: Run, tmp_path: Path
) -> None:
    folder = copied(asked_once[0], tmp_path)
    path = folder / "domain.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("tasks:\n", "tasks:   # my remark\n"), encoding="utf-8")
    ended = by_interview(folder, CHINESE, "--language", "zh")
    assert ended.returncode == 0, ended.stderr
    assert "您用另一种语言说的是：Public library" in ended.stderr
    domain = pool_of(folder)
    assert domain.title == {"en": "Public library", "zh": "公共图书馆"}
    assert domain.task("sort_it").labels_in("zh") == ["借还", "查找", "其他"]
    text = path.read_text(encoding="utf-8")
    assert "# my remark" in text
    assert "no Chinese yet" not in text
    assert run("tasks", "check", "-p", folder).code == 0


def test_a_second_run_changes_nothing(asked_once: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    folder = copied(asked_once[0], tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ended = by_interview(folder, [])
    assert ended.returncode == 0
    assert "there already, unchanged: sort_it, reply" in ended.stdout
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def copied(folder: Path, tmp_path: Path) -> Path:
    target = tmp_path / "library"
    target.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())
    return target


def test_killed_in_the_middle_it_goes_on_with_the_next_question(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    process = subprocess.Popen(command(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("".join(f"{answer}\n" for answer in ENGLISH[:6]).encode())
    process.stdin.flush()
    wait_for_lines(folder / "interview.jsonl", 6)
    process.kill()
    process.communicate()
    with (folder / "interview.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"question":"action_1.st')  # as if killed while writing
    ended = by_interview(folder, ENGLISH[6:])
    assert ended.returncode == 0, ended.stderr
    assert "Answers so far: 6." in ended.stderr
    assert [task.name for task in pool_of(folder).tasks] == ["sort_it", "reply"]
    assert len((folder / "interview.jsonl").read_text(encoding="utf-8").splitlines()) == len(ENGLISH)


def wait_for_lines(path: Path, number: int) -> None:
    for _ in range(200):
        if path.exists() and path.read_bytes().count(b"\n") >= number:
            return
        time.sleep(0.1)
    pytest.fail(f"{path} never had {number} lines")


def test_when_the_input_ends_the_answers_are_kept_and_nothing_is_written(tmp_path: Path) -> None:
    ended = by_interview(tmp_path, ENGLISH[:6])
    assert ended.returncode == 1
    assert "the input ended after 6 answers; all answers are kept" in ended.stderr
    assert "run the same command again" in ended.stderr
    assert not (tmp_path / "domain.yaml").exists()
    assert len((tmp_path / "interview.jsonl").read_text(encoding="utf-8").splitlines()) == 6


def test_a_line_that_is_no_answer_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    by_interview(tmp_path, ENGLISH[:3])
    log = tmp_path / "interview.jsonl"
    spoilt = log.read_text(encoding="utf-8").replace('"field"', '"field')
    log.write_text(spoilt, encoding="utf-8")
    ended = by_interview(tmp_path, ENGLISH[3:])
    assert ended.returncode == 1
    assert "interview.jsonl:1: not a line of an interview" in ended.stderr.replace("\n", "")
    assert "mend or remove that line" in ended.stderr
    assert log.read_text(encoding="utf-8") == spoilt


def test_without_any_input_the_first_question_is_asked_and_nothing_breaks(tmp_path: Path) -> None:
    code = "import os, sys; os.close(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    done = subprocess.run([sys.executable, "-c", code, *command(tmp_path)[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the input ended after 0 answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_back_help_and_wrong_answers(tmp_path: Path) -> None:
    answers = ["back", "?", "Libary", "back", "Public library", *ENGLISH[1:8], "seven", *ENGLISH[8:]]
    ended = by_interview(tmp_path / "library", answers)
    assert ended.returncode == 0, ended.stderr
    assert "This is the first question." in ended.stderr
    assert "e.g. Public library" in ended.stderr
    assert "Please type one number from 1 to 5." in ended.stderr
    assert pool_of(tmp_path / "library").title == {"en": "Public library"}


def test_an_empty_line_always_means_that_there_is_nothing_to_say_here(tmp_path: Path) -> None:
    answers = [answer if answer != "skip" else "" for answer in ENGLISH]
    assert by_interview(tmp_path / "library", answers).returncode == 0
    assert by_interview(tmp_path / "with_skip", ENGLISH).returncode == 0
    written = [(tmp_path / name / "domain.yaml").read_text(encoding="utf-8") for name in ("library", "with_skip")]
    assert written[0] == written[1]


def test_a_person_at_a_terminal_can_stop_with_ctrl_c_and_go_on(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="terminals of this kind are a POSIX thing")
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "dumb"}
    process = subprocess.Popen(
        command(tmp_path), stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    said = until(master, "What field do you work in?")
    os.write(master, "公共图书馆 Library\n".encode())
    said += until(master, "What comes in on a usual day", then="> ")
    assert interrupted(process) == 130
    os.close(master)
    (line,) = (tmp_path / "interview.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["answer"] == "公共图书馆 Library"
    assert "Answers are saved as you go" in said


def interrupted(process: subprocess.Popen[bytes]) -> int:
    """Exit code after Ctrl-C, pressed again if it fell between two looks of the line editor."""
    for _ in range(10):
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=3)
    process.kill()
    return process.wait()


def until(master: int, words: str, then: str = "") -> str:
    """What the terminal shows up to `words`, and `then` behind them."""
    said = b""
    while words.encode() not in said or then.encode() not in said.partition(words.encode())[2]:
        ready, _, _ = select.select([master], [], [], 20)
        assert ready, f"after 20 s there is only: {said.decode('utf-8', 'replace')}"
        said += os.read(master, 4096)
    return said.decode("utf-8", "replace")


def test_the_other_language_waits_for_the_first(tmp_path: Path) -> None:
    by_interview(tmp_path, ENGLISH[:6])
    ended = by_interview(tmp_path, CHINESE, "--language", "zh")
    assert ended.returncode == 1
    assert "the interview was begun in en" in ended.stderr


def test_a_chinese_interview_alone_makes_a_chinese_pool(tmp_path: Path, run: Run) -> None:
    answers = ["公共图书馆", "读者来信。", "跳过", "答复咨询", "分类", "实习生"]
    answers += ["判断读者想要什么，只看来信。", "跳过", "1", "借还、查找、其他", "类型", "完成", ""]
    ended = by_interview(tmp_path / "library", answers, "--language", "zh", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["tasks"] == ["fen_lei"]
    text = (tmp_path / "library" / "domain.yaml").read_text(encoding="utf-8")
    assert "# 由 `anytasktune tasks propose` 生成" in text
    assert "# 尚无英文" in text
    assert run("tasks", "check", "-p", "library").code == 0


def past_work(folder: Path) -> Path:
    rows: list[dict[str, object]] = [{"input": f"Extend book {n} please.", "output": "loan"} for n in range(6)]
    rows += [{"input": f"Where is the atlas {n}?", "output": "search"} for n in range(6)]
    rows += [{"input": f"Found: book {n}", "output": json.dumps({"title": f"book {n}"})} for n in range(6)]
    return write_lines(folder / "rows.jsonl", [json.dumps(row) for row in [*rows, {"input": "", "output": "x"}]])


def test_past_work_alone_gives_skeletons_with_kinds_and_rules(run: Run, tmp_path: Path) -> None:
    past_work(tmp_path)
    ended = run("tasks", "propose", "--examples", "rows.jsonl", "-p", "library", "--json")
    assert ended.code == 3  # a row was dropped
    document = ended.document
    assert document["rows"] == {"read": 19, "kept": 18, "dropped": {"empty_input": 1}}
    assert document["unclustered"] == 0
    assert sorted(document["tasks"]) == ["choose_loan_search", "fill_title"]
    assert [task.output.kind for task in pool_of(tmp_path / "library").tasks] == ["label", "json"]
    assert run("tasks", "check", "-p", "library").code == 0
    again = run("tasks", "propose", "--examples", "rows.jsonl", "-p", "library", "--json").document
    assert (again["tasks"], sorted(again["known"])) == ([], ["choose_loan_search", "fill_title"])


def test_a_skeleton_is_filled_and_keeps_its_remarks_name_and_title(run: Run, tmp_path: Path) -> None:
    run("init", "library")
    before = (tmp_path / "library" / "domain.yaml").read_text(encoding="utf-8")
    ended = by_interview(tmp_path / "library", ENGLISH)
    assert "note: domain.yaml keeps its own name, title and description; here it is called Public library" in ended.stdout
    after = (tmp_path / "library" / "domain.yaml").read_text(encoding="utf-8")
    assert {line for line in before.splitlines() if line.startswith("#")} <= set(after.splitlines())
    assert pool_of(tmp_path / "library").name == "my_field"


def test_of_very_many_rows_an_even_share_is_looked_at(run: Run, tmp_path: Path) -> None:
    answers = ("loan", "search", "other")
    lines = [json.dumps({"input": f"message {n} about {answers[n % 3]}", "output": answers[n % 3]}) for n in range(11_000)]
    write_lines(tmp_path / "many.jsonl", lines)
    document = run("tasks", "propose", "--examples", "many.jsonl", "-p", "library", "--json").document
    assert document["notes"] == ["looked at 3,667 of 11,000 rows, evenly taken"]
    assert document["rows"]["kept"] == 11_000


def test_a_new_file_holds_the_proposal_alone_and_none_is_overwritten(run: Run, tmp_path: Path) -> None:
    past_work(tmp_path)
    assert run("tasks", "propose", "--examples", "rows.jsonl", "--out", "found.yaml").code == 3
    assert not (tmp_path / "domain.yaml").exists()
    assert parse_record(Domain, (tmp_path / "found.yaml").read_text(encoding="utf-8"), "found.yaml").tasks
    again = run("tasks", "propose", "--examples", "rows.jsonl", "--out", "found.yaml")
    assert (again.code, "not overwritten" in again.err) == (1, True)


def teacher(body: dict[str, Any]) -> str:
    asked = body["messages"][1]["content"]
    return json.dumps(OUTLINE if "Material" in asked else NOTE if "Step: Note" in asked else {"kind": "essay"})


def test_a_teacher_adds_to_a_pool_and_is_paid_once(run: Run, tmp_path: Path, endpoint: Any) -> None:
    past_work(tmp_path)
    run("tasks", "propose", "--examples", "rows.jsonl", "-p", "library")
    before = (tmp_path / "library" / "domain.yaml").read_text(encoding="utf-8")
    arguments = ("tasks", "propose", "--about", "A library.", "--teacher", "big", "-p", "library", "--json")
    with serving(teacher) as served:
        endpoint(served.url)
        document = run(*arguments).document
        assert document["tasks"] == ["note_the_title"]
        assert [one["reason"] for one in document["refused"]] == ["bad_form"]
        counts = {"requests": 4, "reused": 0, "prompt_tokens": 120, "answer_tokens": 28, "cost": None}
        assert document["teacher"].items() >= counts.items()
        shown = run(*arguments[:-1])
        assert "0 requests (0 + 0 tokens), 4 answers reused" in shown.out
        assert "there already, unchanged: note_the_title" in shown.out
    after = (tmp_path / "library" / "domain.yaml").read_text(encoding="utf-8")
    assert all(line in after.splitlines() for line in before.splitlines())
    assert "# proposed by the model big: read it over" in after
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in everything


def test_the_cap_of_the_project_holds_for_proposals(run: Run, tmp_path: Path, endpoint: Any) -> None:
    run("init", "library")
    (tmp_path / "library" / "settings.yaml").write_text("teacher: {max_tokens: 100}\n", encoding="utf-8")
    with serving(teacher) as served:
        endpoint(served.url)
        ended = run("tasks", "propose", "--about", "A library.", "--teacher", "big", "-p", "library")
    assert ended.code == 1
    assert "over_budget" in ended.err
    assert served.bodies == []


def test_documents_that_cannot_be_read_are_named(run: Run, tmp_path: Path, endpoint: Any) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "rules.md").write_text("Loans last 30 days.", encoding="utf-8")
    (tmp_path / "papers" / "scan.pdf").write_bytes(b"%PDF")
    with serving(teacher) as served:
        endpoint(served.url)
        ended = run("tasks", "propose", "--documents", "papers", "--teacher", "big", "-p", "library")
    assert ended.code == 0
    assert "note: not read: scan.pdf: not a whole PDF; open it in the program it came from" in ended.out
    assert "Loans last 30 days." in served.bodies[0]["messages"][1]["content"]
    assert "proposed and not taken: 1 bad_form" in ended.out


def test_a_teacher_that_gives_nothing_ends_with_1_and_suggests_the_interview(run: Run, tmp_path: Path, endpoint: Any) -> None:
    with serving(in_turn("I cannot do that.")) as served:
        endpoint(served.url)
        ended = run("tasks", "propose", "--about", "A library.", "--teacher", "small", "-p", "library")
    assert ended.code == 1
    assert "no answer of the teacher could be used" in ended.err
    assert "anytasktune tasks propose --interview" in ended.err
    assert not (tmp_path / "library" / "domain.yaml").exists()


def test_a_refusing_endpoint_ends_with_1_and_hides_the_key(run: Run, endpoint: Any) -> None:
    with serving(in_turn(error(401, f"bad key {KEY}"))) as served:
        endpoint(served.url)
        ended = run("tasks", "propose", "--about", "A library.", "--teacher", "big", "-p", "library")
    assert ended.code == 1
    assert "answers 401" in ended.err
    assert KEY not in ended.out + ended.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "nothing to find tasks in"),
        (["--about", "A library."], "--teacher"),
        (["--documents", "papers", "--interview"], "documents are read by a teacher"),
        (["--interview", "--language", "both"], "one language is written at a time"),
        (["--about", "A library.", "--language", "fr"], "'en', 'zh', 'both'"),
    ],
)
def test_a_command_line_that_cannot_work_ends_with_2(run: Run, arguments: list[str], hint: str) -> None:
    ended = run("tasks", "propose", *arguments)
    assert ended.code == 2
    assert hint in ended.err


def test_without_an_address_the_variable_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    ended = run("tasks", "propose", "--about", "A library.", "--teacher", "big")
    assert (ended.code, "OPENAI_BASE_URL is not set" in ended.err) == (1, True)


def test_a_faulty_domain_is_named_before_any_question(run: Run, tmp_path: Path) -> None:
    (tmp_path / "domain.yaml").write_text("name: x\ntsks: []\n", encoding="utf-8")
    ended = by_interview(tmp_path, ENGLISH)
    assert ended.returncode == 1
    assert "did you mean 'tasks'?" in ended.stderr
    assert not (tmp_path / "interview.jsonl").exists()
