"""Pages of making data: documents, teacher without its key, cost before anything is sent, consent, candidates by reason."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.made_project import made_rows, write_made
from tests.openai_server import KEY
from tests.scripted_teacher import scripted_teacher
from tests.tiny_project import team_rows, write_project
from tests.unit.studio.studio_client import open_client

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.background_jobs import find_job, list_jobs
from anytasktune.pipeline.candidate_runs import latest_gated

ELSEWHERE = "https://teacher.example/v1"
PLACES = {
    ELSEWHERE: "another machine",
    "http://127.0.0.1:9/v1": "this machine",
    "http://10.1.2.3/v1": "a private network",
}
HANDBOOK = b"# Rents\n\n" + b"Rent falls due on the first day of every month, and not later. " * 4


@pytest.fixture
def law(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    return write_project(tmp_path / "law")


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def ended(folder: Path, address: str) -> str:
    """Wait for the job of a page; its state."""
    job_id, project = job_of(address), Workspace.open(folder).project
    for _ in range(600):
        if (state := find_job(project, job_id).state) not in ("starting", "running"):
            return state
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def job_of(address: str) -> str:
    return address.rpartition("/")[2]


@dataclass(frozen=True)
class Made:
    """A project in which documents were read and rows made from the pages.

    Attributes:
        before: the page before the documents were read.
        sent_for_cost: requests that the teacher had received when the cost was known.
        cost: the page of the cost, at `cost_address`.
    """

    folder: Path
    before: str
    sent_for_cost: int
    cost: str
    cost_address: str
    build_address: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = write_project(tmp_path_factory.mktemp("making") / "law", team_rows(60))
    (folder / "settings.yaml").write_text(
        "teacher: {price_in: 1.0, price_out: 2.0, max_cost: 0.5}\nsynthesis: {feasibility_rows: 0}\n", encoding="utf-8"
    )
    with scripted_teacher() as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", served.url)
        client = open_client(folder)
        files = [("file", ("../../handbook.md", HANDBOOK)), ("file", ("broken.pdf", b"%PDF-1.4 no pdf"))]
        assert client.post("/p/law/make/documents", files=files, follow_redirects=False).status_code == 303
        before = client.get("/p/law/make").text
        assert ended(folder, post(client, "/p/law/make/read")) == "done"
        cost_address = post(client, "/p/law/make/cost", task="team", rows="2", teacher="scripted")
        assert ended(folder, cost_address) == "done"
        sent, cost = len(served.bodies), client.get(cost_address).text
        build_address = post(client, f"{cost_address}/start")
        ended(folder, build_address)
        assert served.bodies
        yield Made(folder, before, sent, cost, cost_address, build_address)


def post(client: TestClient, path: str, **fields: str) -> str:
    """The address that a form leads to."""
    reply = client.post(path, data=fields, follow_redirects=False)
    assert reply.status_code == 303, reply.text
    return reply.headers["location"]


def test_the_teacher_is_shown_without_its_key_and_where_it_is(law: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_client(law)
    assert "OPENAI_BASE_URL is not set" in client.get("/p/law/make").text
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for address, place in PLACES.items():
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        page = client.get("/p/law/make").text
        assert address in page
        assert place in page
        assert "set (never shown)" in page
        assert KEY not in page
    monkeypatch.setenv("OPENAI_BASE_URL", "nonsense")
    page = client.get("/p/law/make")
    assert page.status_code == 200
    assert "OPENAI_BASE_URL is no http(s) address" in page.text


def test_documents_are_added_read_in_a_job_and_skipped_with_a_reason(made: Made) -> None:
    assert {path.name for path in (made.folder / "documents").iterdir()} == {"handbook.md", "broken.pdf"}
    assert "0 read, 0 skipped, 2 not read yet" in plain(made.before)
    page = plain(open_client(made.folder).get("/p/law/make").text)
    assert "1 read, 1 skipped, 0 not read yet; 1 passage" in page
    assert "broken.pdf skipped · broken" in page


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("run.exe", b"MZ", "this is no document that is read"), ("a.md", b"", "the file is empty"), ("..", b"x", "has no name")],
)
def test_files_that_are_no_documents_are_refused_in_place(law: Path, name: str, content: bytes, words: str) -> None:
    reply = open_client(law).post("/p/law/make/documents", files=[("file", (name, content))])
    assert reply.status_code == 422
    assert words in reply.text
    assert not (law / "documents").exists()


def test_another_document_of_the_same_name_is_not_overwritten(law: Path) -> None:
    client = open_client(law)
    for content, status in ((b"one", 303), (b"one", 303), (b"two", 422)):
        reply = client.post("/p/law/make/documents", files=[("file", ("a.txt", content))], follow_redirects=False)
        assert reply.status_code == status
    assert (law / "documents" / "a.txt").read_bytes() == b"one"


def test_cost_comes_first_and_nothing_is_sent_for_it(made: Made) -> None:
    assert made.sent_for_cost == 0
    assert "Cap: 0.5 USD. It is never exceeded." in made.cost
    assert "this machine" in made.cost
    assert "anytasktune build team -c rows=2 --teacher=scripted" in made.cost


def test_the_build_runs_as_a_job_and_its_candidates_are_shown(made: Made) -> None:
    project = Workspace.open(made.folder).project
    assert find_job(project, job_of(made.build_address)).command == ["build", "team", "-c", "rows=2", "--teacher=scripted"]
    found = latest_gated(project, "team")
    assert found is not None
    counts = found.manifest.counts
    page = plain(open_client(made.folder).get("/p/law/make").text)
    dropped, failed = sum(counts.dropped.values()), sum(counts.failed.values())
    assert f"{counts.planned} planned = {counts.kept} kept + {dropped} dropped + {failed} failed" in page


def test_nothing_goes_to_another_machine_before_somebody_agrees(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", ELSEWHERE)
    client, before = open_client(made.folder), len(list_jobs(Workspace.open(made.folder).project))
    assert "I agree that they are sent to teacher.example" in client.get(made.cost_address).text
    refused = client.post(f"{made.cost_address}/start")
    assert refused.status_code == 422
    assert "nobody has agreed that documents and rows go to teacher.example" in refused.text
    assert len(list_jobs(Workspace.open(made.folder).project)) == before


def test_only_dry_runs_of_builds_have_a_cost_and_unknown_names_are_refused(law: Path, made: Made) -> None:
    client = open_client(made.folder)
    for job in (job_of(made.build_address), "0123456789ab"):
        assert client.get(f"/p/law/make/cost/{job}").status_code == 404
        assert client.post(f"/p/law/make/cost/{job}/start").status_code == 404
    client = open_client(law)
    refused = client.post("/p/law/make/cost", data={"task": "nothing", "rows": "5"})
    assert refused.status_code == 422
    assert "there is no task 'nothing'" in plain(refused.text).replace("&#39;", "'")
    assert client.post("/p/law/make/cost", data={"rows": "0"}).status_code == 422
    assert client.get("/p/law/make/candidates/nothing").status_code == 404
    assert client.get("/p/law/make/candidates/team").status_code == 422


def test_candidates_are_shown_by_what_became_of_them_and_only_as_text(law: Path) -> None:
    rows = made_rows(70)
    trick = rows[0].model_copy(update={"input": "<script>alert(1)</script> \x1b[2J" + "x" * 100_000})
    write_made(law, [trick, *rows[1:60]], rows[60:])
    client = open_client(law)
    page = plain(client.get("/p/law/make").text)
    assert "71 planned = 60 kept + 10 dropped + 1 failed" in page
    kept = client.get("/p/law/make/candidates/team?show=kept").text
    assert "Rows 1 to 50 of 60" in kept
    assert "<script>alert" not in kept
    assert "\x1b" not in kept
    assert client.get("/p/law/make/candidates/team?reason=near_duplicate").text.count(">near duplicate") >= 10
    assert "There are none of these" in client.get("/p/law/make/candidates/team?reason=length").text
    assert "unusable_answer" in client.get("/p/law/make/candidates/team?show=failed").text
