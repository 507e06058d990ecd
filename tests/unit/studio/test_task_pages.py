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
