"""A new project from a file: kept, previewed with its mapping, made only when a person says so."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient
from tests.tiny_project import team_rows
from tests.unit.studio.studio_client import open_client

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.project_overview import rows_of_task

COLUMNS = {"input": "letter", "output": "desk"}


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return open_client(tmp_path)


def send(client: TestClient, content: str, name: str = "Mail room", file: str = "letters.csv") -> str:
    """The address of the preview of an uploaded file."""
    reply = client.post("/new/rows", data={"name": name}, files={"file": (file, content.encode())}, follow_redirects=False)
    assert reply.status_code == 303, reply.text
    return reply.headers["location"]


def table() -> str:
    return "letter,desk\n" + "".join(f'"{row.input}",{row.output}\n' for row in team_rows(30)) + ",family\n"


def test_a_file_is_previewed_and_becomes_a_project(client: TestClient, tmp_path: Path) -> None:
    address = send(client, table())
    page = client.get(f"{address}?{urlencode(COLUMNS)}").text
    assert "31 rows read = 30 kept + 1 dropped" in page
    assert "answer with exactly one of: housing, family, work" in page
    assert not list(tmp_path.rglob("domain.yaml"))
    form = COLUMNS | {"title": "Which desk", "instruction": "Say which desk: housing, family or work."}
    made = client.post(address, data=form, follow_redirects=False)
    assert made.status_code == 303, made.text
    workspace = Workspace.open(tmp_path / "Mail room")
    (task,) = workspace.domain.tasks
    assert (task.name, task.labels_in("en")) == ("which_desk", ["housing", "family", "work"])
    assert rows_of_task(workspace, task) == {None: {"en": 30}}
    assert "31 read = 30 kept + 1 dropped" in client.get(made.headers["location"]).text


def test_columns_that_cannot_be_guessed_are_asked_for(client: TestClient) -> None:
    address = send(client, table().replace("letter,desk", "a,b"))
    page = client.get(address)
    assert page.status_code == 200
    assert "<option>a</option>" in page.text
    assert client.get(f"{address}?input=a&output=b").text.count("selected") >= 2


def test_a_chinese_table_gives_a_chinese_task(tmp_path: Path) -> None:
    client = open_client(tmp_path, "zh")
    rows = "".join(f"客户第{number}次来电询问房租押金,{('住房', '劳动')[number % 2]}\n" for number in range(12))
    address = send(client, "输入,输出\n" + rows, "来信", "来信.csv")
    page = client.get(address).text
    assert "只回答以下之一：住房、劳动" in page
    form = {"input": "输入", "output": "输出", "title": "分派", "instruction": "判断由谁处理：住房或劳动。"}
    assert client.post(address, data=form).status_code == 200
    (task,) = Workspace.open(tmp_path / "来信").domain.tasks
    assert (task.name, task.languages) == ("fen_pai", ("zh",))


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [("..", "a.csv", "x"), ("law", "a.exe", "x"), ("law", "a.csv", ""), ("law", "../../a.pickle", "x"), ("a/b", "a.csv", "x")],
)
def test_a_file_that_cannot_be_rows_makes_nothing(
    client: TestClient, tmp_path: Path, name: str, file: str, content: str
) -> None:
    reply = client.post("/new/rows", data={"name": name}, files={"file": (file, content.encode())})
    assert reply.status_code == 422
    assert not list(tmp_path.iterdir())


def test_a_project_without_instruction_or_of_an_unknown_upload_is_refused(client: TestClient, tmp_path: Path) -> None:
    address = send(client, table())
    assert client.post(address, data=COLUMNS | {"title": "Which desk"}).status_code == 422
    assert not list(tmp_path.rglob("domain.yaml"))
    assert client.get("/new/rows/law/0123456789ab").status_code in (404, 422)
