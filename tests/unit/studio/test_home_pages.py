"""The first page and a project's tasks: rows, verdicts, next steps; new projects from a pack, empty, by interview."""

from pathlib import Path

import pytest
from tests.made_project import write_made
from tests.tiny_project import team_rows, write_pool, write_project, write_rows
from tests.unit.studio.studio_client import open_client

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.project_overview import overview, rows_of_task

ANSWERS = (
    *("Letters", "Letters come in by mail.", "", "Answer a letter", "Sort it", "The clerk", "Read it and name its kind.", ""),
    *("1", "bill, advert, other", "The kind", "", ""),
)
"""What somebody says who sorts letters, in one step."""


def test_the_first_page_shows_each_project_or_why_it_cannot_be_read(tmp_path: Path) -> None:
    write_pool(tmp_path / "law")
    write_project(tmp_path / "诊所", domain="schema_version: 1\nname: law\ntaskz: []\n")
    page = open_client(tmp_path).get("/").text
    assert "3 tasks" in page
    assert "74 rows" in page
    assert "taskz" in page


def test_a_studio_of_one_project_begins_there(tmp_path: Path) -> None:
    write_project(tmp_path / "law")
    reply = open_client(tmp_path / "law").get("/", follow_redirects=False)
    assert reply.headers["location"] == "/p/law"


def test_an_empty_folder_welcomes_a_new_user(tmp_path: Path) -> None:
    assert 'href="/new"' in open_client(tmp_path, "zh").get("/").text


def test_rows_are_counted_by_split_and_language_and_again_when_they_change(tmp_path: Path) -> None:
    workspace = Workspace.open(write_project(tmp_path / "law"))
    (task,) = workspace.domain.tasks
    assert rows_of_task(workspace, task) == {None: {"en": 20, "zh": 10}}
    write_rows(workspace.project.rows_file("team"), team_rows(33))
    assert rows_of_task(workspace, task) == {None: {"en": 22, "zh": 11}}
    workspace.project.rows_file("team").unlink()
    write_rows(workspace.project.rows_folder("team") / "train.jsonl", team_rows(6))
    assert rows_of_task(workspace, task) == {"train": {"en": 4, "zh": 2}}


def test_the_next_step_follows_what_is_there(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "law", rows=[])
    (task,) = overview(Workspace.open(folder)).tasks
    assert (task.next_step, task.command) == ("import", ("import", "FILE", "--task", "team"))
    write_rows(folder / "data" / "team.jsonl", team_rows())
    assert overview(Workspace.open(folder)).tasks[0].next_step == "tune"
    (folder / "data" / "team.jsonl").write_text("no rows at all\n", encoding="utf-8")
    broken = overview(Workspace.open(folder)).tasks[0]
    assert broken.next_step == "mend"
    assert "team.jsonl" in broken.fault
    write_rows(folder / "data" / "team.jsonl", team_rows())
    write_made(folder)
    assert overview(Workspace.open(folder)).tasks[0].next_step == "review"


def test_tasks_stand_under_their_actions(tmp_path: Path) -> None:
    write_pool(tmp_path / "law")
    page = open_client(tmp_path, "zh").get("/p/law/tasks").text
    assert page.index("intake") < page.index("answer")
    assert "英文 20 条" in page
    assert "tune team -p" in page


@pytest.mark.parametrize(("language", "spoken"), [("both", {"en", "zh"}), ("zh", {"zh"})])
def test_a_pack_becomes_a_project(tmp_path: Path, language: str, spoken: set[str]) -> None:
    client = open_client(tmp_path)
    reply = client.post("/new/pack", data={"name": "My shop", "pack": "law", "language": language}, follow_redirects=False)
    assert reply.headers["location"] == "/p/My%20shop/tasks"
    workspace = Workspace.open(tmp_path / "My shop")
    assert {each for task in workspace.domain.tasks for each in task.languages} == spoken
    assert client.get("/p/My shop/tasks").status_code == 200
    again = client.post("/new/pack", data={"name": "My shop", "pack": "law", "language": language})
    assert again.status_code == 422
    assert "there is a project" in again.text


@pytest.mark.parametrize("name", ["", " ", "..", ".hidden", "a/b", "a\\b", "../up", "con", "a\x00b", "x" * 61, "<b>", "/etc"])
def test_a_name_that_is_no_name_of_a_folder_makes_nothing(tmp_path: Path, name: str) -> None:
    reply = open_client(tmp_path).post("/new/pack", data={"name": name, "pack": "demo"})
    assert reply.status_code == 422
    assert not list(tmp_path.rglob("*"))
    assert not (tmp_path.parent / "up").exists()


def test_an_unknown_pack_is_named(tmp_path: Path) -> None:
    assert "no pack &#39;lav&#39;" in open_client(tmp_path).post("/new/pack", data={"name": "law", "pack": "lav"}).text


def test_an_interview_makes_a_project_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    client = open_client(tmp_path)
    start = client.post("/new/interview", data={"name": "desk", "language": "en"}, follow_redirects=False)
    address = start.headers["location"]
    page = client.get(address).text
    for said in ANSWERS:
        assert 'name="answer"' in page
        page = open_client(tmp_path).post(address, data={"answer": said}).text
    assert "All questions are answered" in page
    finish = address.replace("?", "/finish?")
    done = open_client(tmp_path).post(finish, follow_redirects=False)
    assert done.headers["location"] == "/p/desk/tasks", done.text
    assert Workspace.open(tmp_path / "desk").domain.tasks


def test_an_answer_that_cannot_be_read_is_asked_again_and_one_can_be_taken_back(tmp_path: Path) -> None:
    client = open_client(tmp_path)
    address = client.post("/new/interview", data={"name": "柜台", "language": "zh"}, follow_redirects=False).headers["location"]
    for said in ANSWERS[:8]:
        client.post(address, data={"answer": said})
    wrong = client.post(address, data={"answer": "nine"}).text
    assert "请输入" in wrong
    assert "nine</textarea>" in wrong
    assert "8 answers" in wrong
    assert "7 answers" in client.post(address, data={"answer": ["", "back"]}).text
    assert "柜台" in client.get("/new").text
