"""Requests that a server records, corrections of their answers, and what becomes of both in review and training."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.serving.conftest import served

from anytasktune.errors import DataError
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.correcting import correct_input, correct_request
from anytasktune.pipeline.dataset_views import current_dataset, find_row
from anytasktune.pipeline.frozen_datasets import frozen_dataset
from anytasktune.pipeline.reviewing import ReviewSession
from anytasktune.schema import Correction, RecordedRequest
from anytasktune.serving.http_server import AnswerServer
from anytasktune.settings import SplitConfig
from anytasktune.store import read_lines


@pytest.fixture
def own(project: Path, tmp_path: Path) -> Path:
    """A copy of the project."""
    return Path(shutil.copytree(project, tmp_path / "law"))


def ask(server: AnswerServer, text: str, model: str = "team", **more: Any) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    reply = httpx.post(f"{server.address}/v1/chat/completions", json=body, timeout=30)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def correct(server: AnswerServer, **body: str) -> httpx.Response:
    return httpx.post(f"{server.address}/v1/feedback", json=body, timeout=30)


@pytest.fixture
def cautious(own: Path) -> Path:
    """The project with a Task-LM for which no answer is sure."""
    (file,) = own.glob("artifacts/runs/team/*/adapter/task_lm.json")
    fields = json.loads(file.read_text(encoding="utf-8"))
    del fields["record_sha256"]
    fields["thresholds"]["team"] = {"target": 0.9, "dev_rows": 40}
    file.write_text(json.dumps(fields), encoding="utf-8")
    (file.parent / "SHA256SUMS").unlink()
    return own


@pytest.fixture
def recording(own: Path) -> Iterator[AnswerServer]:
    """A server that keeps the texts of unsure answers only."""
    with served(own, record_requests=True, record_share=0.0) as server:
        yield server


def lines(project: Path, task: str = "team") -> list[RecordedRequest]:
    return read_lines(Workspace.open(project).project.requests(task), RecordedRequest)


def test_unsure_requests_leave_facts_and_texts_without_personal_data(cautious: Path, recording: AnswerServer) -> None:
    replies = [ask(recording, f"matter {number}: landlord boss child call 020 7946 0958") for number in range(3)]
    recorded = lines(cautious)
    assert [f"chatcmpl-{line.id}" for line in recorded] == [reply["id"] for reply in replies]
    for line, reply in zip(recorded, replies, strict=True):
        facts = reply["anytasktune"]
        assert (line.label, line.probability, line.unsure) == (
            reply["choices"][0]["message"]["content"],
            facts["probability"],
            facts["unsure"],
        )
        assert (line.unsure, line.characters, line.sampled) == (True, 48, False)
        assert line.input.endswith("landlord boss child call [PHONE_1]")
    assert "7946" not in (cautious / "use" / "team" / "requests.jsonl").read_text(encoding="utf-8")
    assert (cautious / "use" / ".gitignore").read_text(encoding="utf-8") == "*\n"
    (task,) = Workspace.open(cautious).tasks(["team"])
    queue = ReviewSession.open(Workspace.open(cautious).project, task, "ann").queue()
    assert [item.candidate.origin.kind for item in queue] == ["request"] * 3


def test_other_requests_leave_facts_only(own: Path, recording: AnswerServer) -> None:
    ask(recording, "matter 3: a secret of the landlord")
    (line,) = lines(own)
    assert (line.unsure, line.sampled, line.input, line.output) == (None, False, "", "")
    assert "secret" not in (own / "use" / "team" / "requests.jsonl").read_text(encoding="utf-8")


def test_nothing_is_recorded_unless_it_is_asked_for(own: Path) -> None:
    with served(own) as server:
        reply = ask(server, "matter 1: landlord")
        refused = correct(server, id=reply["id"], answer="work")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_recording")
    assert not (own / "use").exists()


def test_streamed_and_several_answers_are_recorded_and_drawn_ones_are_not(own: Path, recording: AnswerServer) -> None:
    body = {"model": "team", "prompt": ["matter 1: landlord", "matter 2: boss"]}
    reply = httpx.post(f"{recording.address}/v1/completions", json=body, timeout=30).json()
    chat = {"model": "reply", "messages": [{"role": "user", "content": "matter one"}], "stream": True}
    httpx.post(f"{recording.address}/v1/chat/completions", json=chat, timeout=30)
    ask(recording, "matter three", "reply", temperature=1.0)
    identity = reply["id"].removeprefix("cmpl-")
    assert sorted(line.id for line in lines(own)) == [identity, f"{identity}-1"]
    (streamed,) = lines(own, "reply")
    assert (streamed.label, streamed.characters, streamed.input) == (None, len("matter one"), "")


def test_a_correction_becomes_a_train_row_once_it_is_accepted(own: Path, recording: AnswerServer) -> None:
    reply = ask(recording, "matter 900: the lift is broken, call 020 7946 0958")
    assert correct(recording, id=reply["id"], answer="housing").json() == {
        "id": reply["id"],
        "task": "team",
        "status": "to_review",
    }
    workspace = Workspace.open(own)
    (task,) = workspace.tasks(["team"])
    before = frozen_dataset(workspace, task, SplitConfig())
    (correction,) = read_lines(workspace.project.corrections("team"), Correction)
    assert (correction.output, correction.input) == ("housing", "matter 900: the lift is broken, call [PHONE_1]")
    session = ReviewSession.open(workspace.project, task, "ann")
    item = next(item for item in session.queue() if item.candidate.origin.kind == "correction")
    assert "from_use" in item.reasons
    assert frozen_dataset(workspace, task, SplitConfig()).manifest.id == before.manifest.id  # nobody has accepted it
    session.accept(item.candidate)
    after = frozen_dataset(workspace, task, SplitConfig())
    (row,) = [row for row in after.splits["train"] if row.source and row.source.startswith("use/")]
    assert (row.input, row.output) == (correction.input, "housing")
    view = current_dataset(workspace, task)
    assert find_row(workspace, view, row.id).place == f"use/{correction.request}"
    assert {name: len(rows) for name, rows in after.splits.items() if name != "train"} == {
        name: len(rows) for name, rows in before.splits.items() if name != "train"
    }
    assert (after.manifest.counts.read, after.manifest.counts.kept) == (
        before.manifest.counts.read + 1,
        before.manifest.counts.kept + 1,
    )
    session.undo()
    assert frozen_dataset(workspace, task, SplitConfig()).manifest.id == before.manifest.id


def test_what_is_a_test_row_or_known_comes_into_no_split(own: Path) -> None:
    workspace = Workspace.open(own)
    (task,) = workspace.tasks(["team"])
    before = frozen_dataset(workspace, task, SplitConfig())
    given = [before.splits["test"][0], before.splits["dev"][0], before.splits["train"][0]]
    for row in given:
        correct_input(workspace, "team", row.input, "work", "ann", row.language)
    session = ReviewSession.open(workspace.project, task, "ann")
    for item in session.queue():
        session.accept(item.candidate)
    after = frozen_dataset(workspace, task, SplitConfig())
    assert after.splits == before.splits
    assert after.manifest.counts.dropped == {"leaks_into_test": 1, "leaks_into_dev": 1, "duplicate": 1}


def test_a_request_that_is_not_known_and_an_answer_of_another_form_are_refused(own: Path, recording: AnswerServer) -> None:
    reply = ask(recording, "matter 5: boss wage")
    unknown = correct(recording, id="chatcmpl-none", answer="work")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "request_not_found")
    wrong = correct(recording, id=reply["id"], answer="weather")
    assert (wrong.status_code, "cannot be used" in wrong.json()["error"]["message"]) == (400, True)
    with pytest.raises(DataError, match="no texts were kept"):
        correct_request(Workspace.open(own), "team", "none", "work", "ann")


def test_sampled_requests_can_be_reviewed_and_corrected_without_the_server(own: Path) -> None:
    with served(own, record_requests=True, record_share=1.0) as server:
        reply = ask(server, "matter 901: heating rent")
    workspace = Workspace.open(own)
    (task,) = workspace.tasks(["team"])
    (line,) = lines(own)
    assert (line.sampled, line.input) == (True, "matter 901: heating rent")
    (item,) = ReviewSession.open(workspace.project, task, "ann").queue()
    assert item.candidate.output == reply["choices"][0]["message"]["content"]
    kept = correct_request(workspace, "team", reply["id"], "family", "ann")
    (item,) = ReviewSession.open(workspace.project, task, "ann").queue()
    assert (kept.answered, item.candidate.output) == (line.output, "family")
    assert json.loads((own / "use" / "team" / "corrections.jsonl").read_text(encoding="utf-8"))["by"] == "ann"
