"""A task on its page: checked while it is typed, written with the comments of domain.yaml, refused where it makes no task."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.tiny_project import DOMAIN, write_pool, write_project
from tests.unit.studio.studio_client import open_client

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.editing_tasks import fields_of
from anytasktune.studio.task_form import fields_from, form_of

TEAM = "/p/law/tasks/team"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    write_project(tmp_path / "law")
    return open_client(tmp_path)


def form(folder: Path, **changes: str) -> dict[str, str]:
    """The form of the task as its page shows it, with changes."""
    fields = fields_of(Workspace.open(folder / "law"), "team")
    return form_of(fields) | {"seen": fields.id} | changes


def test_the_form_of_a_task_gives_its_fields_back(tmp_path: Path) -> None:
    workspace = Workspace.open(write_pool(tmp_path / "law"))
    for task in workspace.domain.tasks:
        fields = fields_of(workspace, task.name)
        assert fields_from(form_of(fields)).id == fields.id


def test_a_label_is_fixed_and_comments_stay(client: TestClient, tmp_path: Path) -> None:
    reply = client.post(TEAM, data=form(tmp_path, labels_="housing\r\nfamily matters\r\nwork"), follow_redirects=False)
    assert reply.status_code == 303
    text = (tmp_path / "law" / "domain.yaml").read_text(encoding="utf-8")
    assert text == DOMAIN.replace("family, work]}", "family matters, work]}")
    assert "Saved to domain.yaml" in client.get(reply.headers["location"]).text


def test_saving_what_was_shown_changes_no_byte(client: TestClient, tmp_path: Path) -> None:
    assert client.post(TEAM, data=form(tmp_path), follow_redirects=False).status_code == 303
    assert (tmp_path / "law" / "domain.yaml").read_text(encoding="utf-8") == DOMAIN


def test_the_check_names_rows_that_a_new_label_leaves_behind_and_writes_nothing(client: TestClient, tmp_path: Path) -> None:
    found = client.post(f"{TEAM}/check", data=form(tmp_path, labels_="housing\nkin\nwork")).text
    assert "data/team.jsonl:" in found
    assert "<html" not in found
    assert (tmp_path / "law" / "domain.yaml").read_text(encoding="utf-8") == DOMAIN


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels_": "housing"}, "labels"),
        ({"rest": "output: {kind: label"}, "no YAML"),
        ({"rest": "output: {kind: lable}"}, "lable"),
        ({"rest": "outputs: {}"}, "belongs neither"),
        ({"rest": "- a"}, "no fields"),
        ({"rest": "[" * 4000}, "YAML"),
        ({"metric": "rouge_l"}, "cannot judge"),
        ({"instruction_en": "", "instruction_zh": ""}, "instruction"),
        ({"seen": "another"}, "changed meanwhile"),
    ],
)
def test_what_makes_no_task_is_named_and_the_form_keeps_what_was_typed(
    client: TestClient, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    reply = client.post(TEAM, data=form(tmp_path, title_en="typed anew", **changes))
    assert reply.status_code == 422
    assert said in reply.text
    assert "typed anew" in reply.text
    assert (tmp_path / "law" / "domain.yaml").read_text(encoding="utf-8") == DOMAIN
    assert client.post(f"{TEAM}/check", data=form(tmp_path, **changes)).status_code == 200


def test_a_task_that_is_not_there_is_a_page(client: TestClient) -> None:
    assert client.get("/p/law/tasks/teem").status_code == 404
    assert client.post("/p/law/tasks/teem", data={}).status_code == 404


def test_a_form_without_its_fields_is_refused(client: TestClient) -> None:
    assert client.post(TEAM, data={}).status_code == 422
    assert client.post(f"{TEAM}/check", data={}).status_code == 200


def test_the_first_task_of_an_empty_pool_is_added_on_its_page(tmp_path: Path) -> None:
    write_project(tmp_path / "law", rows=[], domain="schema_version: 1\nname: law\n# ours\ntasks: []\n")
    client = open_client(tmp_path)
    assert 'class="card add-task" open' in client.get("/p/law/tasks").text
    sent = {"title": "Which team", "guidance": "Who takes it?", "kind": "label", "items": "housing\r\n family \n\n"}
    reply = client.post("/p/law/tasks", data=sent, follow_redirects=False)
    assert reply.headers["location"] == "/p/law/tasks/which_team"
    (task,) = Workspace.open(tmp_path / "law").domain.tasks
    assert (task.title, task.labels_in("en")) == ({"en": "Which team"}, ["housing", "family"])
    assert task.instruction["en"].startswith("Who takes it? Answer with exactly one of: housing, family")
    assert "# ours" in (tmp_path / "law" / "domain.yaml").read_text(encoding="utf-8")
    assert client.get("/p/law/tasks/which_team").status_code == 200
    form = {"title": "金额表", "guidance": "读出信息", "kind": "json", "items": "姓名\n金额"}
    client.post("/p/law/tasks", data=form, headers={"Accept-Language": "zh"})
    assert Workspace.open(tmp_path / "law").domain.tasks[1].name == "jin_e_biao"


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "?!"},
        {"kind": "lable"},
        {"items": "one"},
        {"kind": "number", "items": "", "minimum": "5", "maximum": "1"},
        {"kind": "number", "items": "", "minimum": "x"},
        {"kind": "number", "items": "", "minimum": "nan", "maximum": "inf"},
        {"title": "team"},
        {"guidance": " "},
    ],
)
def test_a_description_that_makes_no_task_is_refused_and_nothing_written(
    client: TestClient, tmp_path: Path, wrong: dict[str, str]
) -> None:
    sent = {"title": "New", "guidance": "Who takes it?", "kind": "label", "items": "a\nb"} | wrong
    assert client.post("/p/law/tasks", data=sent).status_code in (400, 422)
    assert (tmp_path / "law" / "domain.yaml").read_text(encoding="utf-8") == DOMAIN


def test_faults_and_findings_are_in_the_language_of_the_page(tmp_path: Path) -> None:
    write_project(tmp_path / "law")
    client = open_client(tmp_path, "zh")
    found = client.post(f"{TEAM}/check", data=form(tmp_path, labels_="housing\nkin\nwork")).text
    assert "不是任务的 3 个标签之一" in found and "data/team.jsonl:" in found
    assert "没有任务 &#39;nobody&#39;" in client.get("/p/law/tasks/nobody").text
    missing = client.get("/p/law/review/nobody/queue").json()
    assert missing["problems"][0]["what"] == "没有任务 'nobody'"
