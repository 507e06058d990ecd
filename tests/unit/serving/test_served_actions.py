"""Actions behind the server: the same answers as each step by itself, people in the request, nothing kept."""

from pathlib import Path

import httpx
import pytest

from anytasktune import Workspace, ask

TEXT = "matter 3: landlord deposit rent heating boss"


def test_the_steps_answer_as_the_task_lms_do_one_by_one(http: httpx.Client, project: Path) -> None:
    reply = http.post("/v1/actions/intake", json={"input": TEXT})
    assert reply.status_code == 200
    document = reply.json()
    assert (document["status"], [step["step"] for step in document["steps"]]) == ("waiting", ["team", "facts", "reply"])
    workspace = Workspace.open(project)
    for step in document["steps"]:
        alone = ask(workspace, step["step"], step["input"], language="en")
        assert (step["answer"]["answer"], step["answer"]["probability"]) == (alone.answer, pytest.approx(alone.probability))
    assert not (project / "artifacts" / "action_runs").exists()


def test_a_person_answers_in_the_request(http: httpx.Client) -> None:
    edited = http.post("/v1/actions/intake", json={"input": TEXT, "people": {"reply": "We will call you."}}).json()
    assert (edited["status"], edited["steps"][-1]["output"], edited["steps"][-1]["decision"]) == (
        "done",
        "We will call you.",
        "edited",
    )
    approved = http.post("/v1/actions/intake", json={"input": TEXT, "people": {"reply": ""}}).json()
    assert approved["steps"][-1]["output"] == approved["steps"][-1]["answer"]["answer"]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("intak", {"input": TEXT}, 404),
        ("intake", {}, 400),
        ("intake", {"input": ""}, 400),
        ("intake", {"input": "  "}, 400),
        ("intake", {"input": 3}, 400),
        ("intake", {"input": "rent " * 5000}, 400),
    ],
)
def test_requests_that_cannot_be_answered_are_refused(
    http: httpx.Client, name: str, body: dict[str, object], status: int
) -> None:
    reply = http.post(f"/v1/actions/{name}", json=body)
    assert (reply.status_code, bool(reply.json()["error"]["message"])) == (status, True)
