"""Systems tried side by side on a person's text; corrections become review items; models leave memory when idle."""

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.action_project import BROKEN_CHAIR, write_actions
from tests.unit.studio.studio_client import open_client
from tests.unit.studio.trained_project import write_trained_project

from anytasktune.errors import ConfigError
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.kept_systems import KeptSystems
from anytasktune.schema import Correction
from anytasktune.store import read_lines
from anytasktune.studio.model_thread import ModelThread, Trial

TEXT = "my <b>landlord</b> keeps the deposit"


@pytest.fixture(scope="module")
def law(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    return write_trained_project(tmp_path_factory.mktemp("studio") / "law", tiny_model)


@pytest.fixture(scope="module")
def client(law: Workspace) -> TestClient:
    return open_client(law.project.root)


def answered(client: TestClient, place: str, fragment: str) -> str:
    """The page of a trial when all its systems have answered."""
    asked = place.partition("asked=")[2].partition("#")[0].partition("&")[0]
    while "data-done" not in client.get(f"{fragment}/{asked}").text:
        time.sleep(0.05)
    return client.get(place).text


def test_systems_answer_side_by_side_with_probabilities_and_the_prompt(client: TestClient, law: Workspace) -> None:
    form = {"task": "team", "text": TEXT, "system": ["task_lm", "base", "linear"]}
    reply = client.post("/p/law/try", data=form, follow_redirects=False)
    assert reply.status_code == 303
    page = answered(client, reply.headers["location"], "/p/law/try/answers")
    assert page.count('<progress max="1"') == 3 * 3
    assert page.count("The prompt it read") == 2, "a linear model reads no prompt"
    assert "Which team takes it? Answer housing, family or work." in page
    assert "my &lt;b&gt;landlord&lt;/b&gt; keeps" in page
    assert "<b>landlord" not in page
    assert "anytasktune ask team" in page
    assert client.get(reply.headers["location"]).text.count('class="answer"') == 3  # a reload asks nobody again


def test_a_system_that_cannot_answer_says_why_beside_those_that_can(law: Workspace, tmp_path: Path) -> None:
    client = open_client(write_actions(tmp_path / "shop"))
    form = {"task": "kind", "text": BROKEN_CHAIR, "system": ["task_lm", "linear"]}
    reply = client.post("/p/shop/try", data=form, follow_redirects=False)
    page = answered(client, reply.headers["location"], "/p/shop/try/answers")
    assert "task kind has no Task-LM yet" in page
    assert page.count('class="answer"') == 1


def test_a_corrected_answer_waits_for_review(client: TestClient, law: Workspace) -> None:
    form = {"task": "team", "text": TEXT, "answer": "housing", "by": "Anna Müller"}
    page = client.post("/p/law/try/correct", data=form).text
    assert "The right answer waits for review" in page
    (line,) = read_lines(law.project.corrections("team"), Correction)
    assert (line.output, line.by, line.input) == ("housing", "anna_muller", TEXT)
    wrong = client.post("/p/law/try/correct", data=form | {"answer": "gardening"})
    assert wrong.status_code == 422
    assert "the right answer cannot be used" in wrong.text


def test_an_action_waits_for_a_person_whose_edit_is_kept_for_review(tmp_path: Path, law: Workspace) -> None:
    folder = write_actions(tmp_path / "shop", "{card: {person: edit}}", steps="kind, card")
    settings = f"train: {{model: {law.settings().train.model}, device: cpu, epochs: 1}}\neval: {{systems: [tuned]}}\n"
    (folder / "settings.yaml").write_text(settings, encoding="utf-8")
    client, workspace = open_client(folder), Workspace.open(folder)
    kept = KeptSystems(lambda _: None)
    models = client.app.state.models  # type: ignore[attr-defined]
    assert not models.is_loaded
    from anytasktune.pipeline.running_actions import ActionRunOptions, run_action

    run = run_action(workspace, "inbox", BROKEN_CHAIR, ActionRunOptions("nearest"), systems=kept.of(workspace))
    assert run.status == "waiting"
    edited = '{"article": "table", "wishes": []}'
    form = {"run_id": run.run.id, "text": BROKEN_CHAIR, "decision": "edited", "answer": edited}
    more = {"step": "card", "step_input": run.steps[-1].input, "keep": "true", "by": "me"}
    reply = client.post("/p/shop/try/actions/inbox/decide", data=form | more, follow_redirects=False)
    page = answered(client, reply.headers["location"], "/p/shop/try/actions/inbox/steps")
    assert "edited" in page
    assert "The right answer waits for review" in page
    assert [line.output for line in read_lines(workspace.project.corrections("card"), Correction)] == [edited]
    more = {"run_id": run.run.id, "text": BROKEN_CHAIR, "step": "kind", "step_input": BROKEN_CHAIR, "keep": "true", "by": "me"}
    reply = client.post("/p/shop/try/actions/inbox/edit", data=more | {"answer": "praise"}, follow_redirects=False)
    page = answered(client, reply.headers["location"], "/p/shop/try/actions/inbox/steps")
    assert page.count("Edit this answer") == 2
    assert [line.output for line in read_lines(workspace.project.corrections("kind"), Correction)] == ["praise"]
    assert client.post("/p/shop/try/actions/inbox/edit", data=more | {"answer": " "}).status_code == 422
    empty = client.post("/p/shop/try/actions/inbox/decide", data=form | {"answer": " "})
    assert empty.status_code == 422


def test_an_action_without_task_lms_says_so_and_an_unknown_one_is_not_found(tmp_path: Path) -> None:
    client = open_client(write_actions(tmp_path / "shop"))
    assert "inbox" in client.get("/p/shop/try").text
    reply = client.post("/p/shop/try/actions/inbox", data={"text": BROKEN_CHAIR}, follow_redirects=False)
    page = answered(client, reply.headers["location"], "/p/shop/try/actions/inbox/steps")
    assert "has no Task-LM yet" in page
    assert client.get("/p/shop/try/actions/nothing").status_code == 404
    assert client.get("/p/shop/try?task=nothing").status_code == 422


def test_models_leave_memory_when_nobody_asks_and_come_back() -> None:
    models = ModelThread(idle_seconds=0.05)
    for text in ("first", "second"):
        trial = models.start(Trial("law", "team", text, ("task_lm",)), lambda _, name: name)
        while not trial.is_done or models.is_loaded:
            time.sleep(0.01)
        assert trial.results == {"task_lm": "task_lm"}
    assert models.trial(trial.id, "law") is trial
    assert models.trial(trial.id, "another") is None


def test_a_fault_of_one_trial_is_told_and_ends_no_other() -> None:
    models = ModelThread(idle_seconds=0.5)

    def broken(_: KeptSystems, name: str) -> object:
        raise ConfigError("not here", fix="elsewhere") if name == "base" else ZeroDivisionError("of ours")

    trial = models.start(Trial("law", "team", "text", ("base", "linear")), broken)
    other = models.start(Trial("law", "team", "text", ("base",)), lambda _, name: 1)
    while not (trial.is_done and other.is_done):
        time.sleep(0.01)
    assert [problems[0].what for problems in trial.faults.values()] == ["not here", "ZeroDivisionError: of ours"]
    assert other.results == {"base": 1}
