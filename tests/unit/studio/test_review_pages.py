"""Pages of review: the list, the queue, cards, posted decisions, the reviewer's name, agreement, hostile texts."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.made_project import made_rows, write_made
from tests.tiny_project import write_project
from tests.unit.pipeline.test_reviewing import DROPPED, KEPT, save_candidates
from tests.unit.review.rows import TEAM, candidate, verdict
from tests.unit.studio.studio_client import open_client

from anytasktune.pipeline.reviewing import ReviewSession, read_reviews
from anytasktune.schema import Candidate
from anytasktune.store import Project

WINDOW = "0123abcd-0000"
HOSTILE = "<script>alert(1)</script> \x1b[2J \u202ereversed \u2066 & 'quoted' \"twice\""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return save_candidates(tmp_path / "law")


@pytest.fixture
def client(project: Project) -> TestClient:
    found = open_client(project.root)
    found.cookies.set("anytasktune_reviewer", "anna", domain="127.0.0.1")
    return found


def post(client: TestClient, *decisions: dict[str, Any], window: str = WINDOW) -> Any:
    body = {"window": window, "reviewer": "anna", "decisions": list(decisions)}
    return client.post("/p/law/review/team/decisions", json=body)


def cards(client: TestClient, *candidates: Candidate, show: str = "kept") -> dict[str, Any]:
    found: dict[str, Any] = client.get(
        "/p/law/review/team/cards", params={"candidate": [each.id for each in candidates], "show": show}
    ).json()
    return found


def test_the_list_names_tasks_with_candidates_and_counts_one_s_own_decisions(project: Project, client: TestClient) -> None:
    ReviewSession.open(project, TEAM, "anna").accept(KEPT[0])
    page = client.get("/p/law/review").text
    row = re.sub(r"<[^>]+>|\s+", " ", page[page.index("<tbody>") : page.index("</tbody>")]).split()
    assert row[:5] == ["team", "5", "3", "1", "0"]
    assert "anytasktune review team" in page
    assert 'value="anna"' in page


def test_the_queue_has_the_reasons_in_the_language_of_the_page(project: Project) -> None:
    for language, words in (("en", "low mark of the judge"), ("zh", "评判模型打分低")):
        save_candidates(project.root, verdicts=[verdict(KEPT[2], score=0.3)], identity="cafecafecafe")
        queue = open_client(project.root, language).get("/p/law/review/team/queue").json()
        assert len(queue["items"]) == queue["left"] == len(KEPT)
        assert queue["items"][0] == {"id": KEPT[2].id, "why": words}


def test_a_card_shows_texts_labels_gates_judge_and_the_passage_with_the_quoted_words(tmp_path: Path) -> None:
    rows = made_rows(12)
    folder = write_project(tmp_path / "law")
    write_made(folder, rows[:10], rows[10:])
    client = open_client(folder)
    shown = cards(client, rows[0], rows[10])
    card = shown[rows[0].id]
    assert card["input"] == rows[0].input
    assert card["labels"] == ["housing", "family", "work"]
    assert "<mark>Section 0 of handboo</mark>" in card["html"]
    assert "handbook 0.md</bdi>, page 1 › <bdi>Part one</bdi>" in card["html"]
    assert "from a passage · by tiny-teacher" in card["html"]
    assert 'aria-pressed="true"><kbd>1</kbd> <bdi>housing' in card["html"]
    assert "near duplicate" in shown[rows[10].id]["html"]


def test_texts_of_others_cannot_become_markup(tmp_path: Path) -> None:
    trick = candidate(text=HOSTILE + "x" * 100_000)
    trick = trick.model_copy(update={"origin": trick.origin.model_copy(update={"teacher": HOSTILE}), "source": HOSTILE})
    folder = save_candidates(tmp_path / "law", [trick], [], [verdict(trick, score=0.2, detail=HOSTILE)]).root
    client = open_client(folder)
    card = cards(client, trick)[trick.id]
    assert "<script>" not in card["html"]
    assert "\x1b" not in card["html"]
    assert card["input"] == trick.input
    assert "<script>alert" not in client.get("/p/law/review/team").text


def test_decisions_are_written_once_and_each_is_acknowledged(project: Project, client: TestClient) -> None:
    decisions = [{"number": number, "decision": "accept", "candidate": row.id} for number, row in enumerate(KEPT, 1)]
    assert [one["status"] for one in post(client, *decisions).json()["results"]] == ["written"] * len(KEPT)
    assert [one["status"] for one in post(client, *decisions).json()["results"]] == ["known"] * len(KEPT)
    assert [line.candidate for line in read_reviews(project, TEAM)] == [row.id for row in KEPT]
    assert client.get("/p/law/review/team/queue").json() == {"items": [], "left": 0, "done": len(KEPT)}


def test_a_refused_edit_comes_back_with_the_rule(client: TestClient) -> None:
    edit = {"number": 1, "decision": "edit", "candidate": KEPT[0].id, "output": "houses"}
    (result,) = post(client, edit).json()["results"]
    assert result["status"] == "refused"
    assert "not one of the task's 3 labels" in result["problems"][0]["what"]


@pytest.mark.parametrize(
    "change",
    [
        {"window": "../etc"},
        {"reviewer": "../../x"},
        {"reviewer": "con"},
        {"decisions": [{"number": 0, "decision": "accept"}]},
        {"decisions": [{"number": 1, "decision": "delete"}]},
        {"decisions": [{"number": 1, "decision": "accept"}] * 201},
        {"decisions": "x"},
        {"more": 1},
    ],
)
def test_what_no_window_posts_is_refused(project: Project, client: TestClient, change: dict[str, Any]) -> None:
    body = {"window": WINDOW, "reviewer": "anna", "decisions": []} | change
    assert client.post("/p/law/review/team/decisions", json=body).status_code == 422
    assert not project.reviews("team").exists()


def test_a_damaged_line_is_named_as_json_and_as_a_page(project: Project, client: TestClient) -> None:
    path = project.reviews("team") / "ben.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("nonsense\n", encoding="utf-8")
    for reply in (post(client), client.get("/p/law/review/team/queue"), client.get("/p/law/review/team/cards?candidate=x")):
        assert reply.status_code == 422
        assert reply.json()["problems"][0]["where"] == "reviews/team/ben.jsonl:1"
    assert "reviews/team/ben.jsonl:1" in client.get("/p/law/review/team").text


def test_the_name_becomes_that_of_a_file_and_is_kept(project: Project, client: TestClient) -> None:
    client.cookies.delete("anytasktune_reviewer")
    reply = client.post("/p/law/review/reviewer", data={"name": "Anna Müller"}, follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, "/p/law/review")
    assert reply.cookies["anytasktune_reviewer"] == "anna_muller"
    refused = client.post("/p/law/review/reviewer", data={"name": "张三"})
    assert refused.status_code == 422
    assert "no Latin letter" in refused.text


def test_disputes_show_the_versions_of_others_and_second_opinions_do_not(project: Project, client: TestClient) -> None:
    for name, label in (("ben", "family"), ("cem", "work")):
        ReviewSession.open(project, TEAM, name).edit(KEPT[0], KEPT[0].input, label, "a note")
    card = cards(client, KEPT[0], show="disputed")[KEPT[0].id]
    assert card["versions"] == [[KEPT[0].input, "family"], [KEPT[0].input, "work"]]
    assert "a note" in card["html"]
    assert cards(client, KEPT[0])[KEPT[0].id]["versions"] == []
    assert client.get("/p/law/review/team/queue?show=disputed").json()["left"] == 1


def test_agreement_is_shown_with_its_limits(project: Project, client: TestClient) -> None:
    for name, decisions in (("anna", 5), ("ben", 3)):
        session = ReviewSession.open(project, TEAM, name)
        for row in KEPT[:decisions]:
            session.accept(row)
    page = client.get("/p/law/review/team/agreement").text
    assert "anna · ben" in page
    assert "anna · judge" in page
    assert "all 3 answers are the same" in page
    assert "anytasktune review team --agreement" in page


def test_unknown_tasks_are_not_found_and_tasks_without_candidates_say_how_to_make_some(tmp_path: Path) -> None:
    client = open_client(write_project(tmp_path / "law"))
    for path in ("", "/queue", "/cards?candidate=x", "/agreement"):
        assert client.get(f"/p/law/review/nothing{path}").status_code == 404
        reply = client.get(f"/p/law/review/team{path}")
        assert reply.status_code == 422
        assert "there are no candidates to review" in reply.text
    assert "No task has candidates yet" in client.get("/p/law/review").text


def test_a_dropped_candidate_is_shown_with_its_gate_and_comes_back(project: Project, client: TestClient) -> None:
    queue = client.get("/p/law/review/team/queue?show=dropped").json()
    assert {item["id"] for item in queue["items"]} == {row.id for row in DROPPED}
    assert "length" in cards(client, DROPPED[0])[DROPPED[0].id]["html"]
    results = [
        post(client, {"number": number, "decision": "accept", "candidate": row.id}).json()["results"][0]["status"]
        for number, row in enumerate(DROPPED, 1)
    ]
    assert results == ["written", "refused", "refused"]
