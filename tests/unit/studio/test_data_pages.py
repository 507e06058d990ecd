"""Pages of data: preview before anything is written, import with counts, rows with filters, lineage, card, changes."""

import io
import json
import re
from pathlib import Path

import pytest
from openpyxl import Workbook
from starlette.testclient import TestClient
from tests.made_project import made_rows, write_made
from tests.tiny_project import team_rows, write_project, write_rows
from tests.unit.studio.studio_client import open_client

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.build_context import BuildContext
from anytasktune.pipeline.dataset_views import current_dataset
from anytasktune.schema import Task

HOSTILE = "<script>alert(1)</script> \x1b[2J \u202ereversed \u2066"


@pytest.fixture
def law(tmp_path: Path) -> Path:
    return write_project(tmp_path / "law")


def upload(client: TestClient, name: str, content: bytes, task: str = "team") -> str:
    """The address of the preview."""
    reply = client.post("/p/law/data/uploads", files={"file": (name, content)}, data={"task": task}, follow_redirects=False)
    assert reply.status_code == 303, reply.text
    return reply.headers["location"]


def csv(*rows: str, header: str = "question,answer") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_file_is_shown_with_likely_columns_and_nothing_is_written(law: Path) -> None:
    client, before = open_client(law), (law / "data" / "team.jsonl").read_bytes()
    page = client.get(upload(client, "new.csv", csv("the boss fired me,work", "no rent,houses"))).text
    assert "<option selected>question</option>" in page
    assert "2 read = 1 kept + 1 dropped" in page
    assert "unknown_label" in page
    assert "anytasktune import new.csv --task team" in page
    assert (law / "data" / "team.jsonl").read_bytes() == before


def test_the_mapping_can_be_changed_and_what_was_seen_is_imported(law: Path) -> None:
    client = open_client(law)
    address = upload(client, "../../odd name.csv", csv("x,the boss fired me,work", "y,no rent,nothing", header="note,a,b"))
    first = client.get(address).text
    assert "no `input` and `output` in it; the columns are: note, a, b" in plain(first)
    assert "odd name.csv" in first
    assert ".." not in plain(first)
    choices = {"task": "team", "input": "a", "output": "b", "source_column": "note", "language": "en", "existing": "append"}
    again = client.get(address.partition("?")[0], params=choices).text
    assert "2 read = 1 kept + 1 dropped" in again
    assert "--columns input=a,output=b,source=note --language en" in again
    reply = client.post(address.partition("?")[0], data=choices, follow_redirects=False)
    assert reply.status_code == 303
    for _ in range(2):  # a refresh imports nothing again
        result = client.get(reply.headers["location"]).text
    assert "2 read = 1 kept + 1 dropped" in result
    assert "data/team.jsonl has 31 rows now" in result
    assert "unknown_label" in result
    last = json.loads((law / "data" / "team.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert last == {"input": "the boss fired me", "output": "work", "language": "en", "source": "x"}


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.xlsx", "rows.parquet", "rows.csv"])
def test_all_kinds_of_files_are_read(tmp_path: Path, name: str) -> None:
    rows = [(f"matter {number}", "work") for number in range(3)]
    if name.endswith("jsonl"):
        content = "".join(json.dumps({"input": one, "output": two}) + "\n" for one, two in rows).encode()
    elif name.endswith("xlsx"):
        book = Workbook()
        for line in [("input", "output"), *rows]:
            book.active.append(line)
        stream = io.BytesIO()
        book.save(stream)
        content = stream.getvalue()
    elif name.endswith("parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

        stream = io.BytesIO()
        pq.write_table(pa.table({"input": [one for one, _ in rows], "output": [two for _, two in rows]}), stream)
        content = stream.getvalue()
    else:
        content = csv(*(",".join(row) for row in rows), header="input,output")
    client = open_client(write_project(tmp_path / "law", rows=[]))
    address = upload(client, name, content)
    assert "3 read = 3 kept + 0 dropped" in client.get(address).text
    client.post(address.partition("?")[0], data={"task": "team"})
    assert len((tmp_path / "law" / "data" / "team.jsonl").read_text(encoding="utf-8").splitlines()) == 3


def test_files_that_cannot_be_read_are_refused_in_place(law: Path) -> None:
    client = open_client(law)
    for name, content, words in (
        ("rows.xls", b"x", "an older spreadsheet"),
        ("rows.csv", b"", "the file is empty"),
        ("...", b"x", "the file has no name"),
    ):
        reply = client.post("/p/law/data/uploads", files={"file": (name, content)}, data={"task": "team"})
        assert reply.status_code == 422
        assert words in reply.text
    broken = client.get(upload(client, "rows.xlsx", b"no workbook"))
    assert broken.status_code == 422
    assert "not a sound Excel workbook" in plain(broken.text)
    assert str(law) not in broken.text


def test_an_import_that_the_task_s_rows_forbid_says_so_above_the_preview(law: Path) -> None:
    client = open_client(law)
    address = upload(client, "new.csv", csv("the boss fired me,work", header="input,output"))
    reply = client.post(address.partition("?")[0], data={"task": "team", "existing": "refuse"})
    assert reply.status_code == 422
    assert "task team has rows already" in reply.text
    assert "1 read = 1 kept + 0 dropped" in reply.text


def test_unknown_uploads_tasks_and_versions_are_not_found(law: Path) -> None:
    client = open_client(law)
    for path in ("uploads/0123456789ab", "uploads/..%2f..%2fx", "uploads/0123456789ab/result", "nothing", "team?version=zzz"):
        assert client.get(f"/p/law/data/{path}").status_code == 404, path
    version = current_dataset(*opened(law)).frozen.manifest.id
    for path in ("rows/test:999", "plots/..", "plots/x.svg", "plots/..%2fx.svg"):
        assert client.get(f"/p/law/data/team/versions/{version}/{path}").status_code == 404, path


def opened(folder: Path) -> tuple[Workspace, Task]:
    workspace = Workspace.open(folder)
    return workspace, workspace.domain.tasks[0]


def test_rows_are_paged_filtered_and_searched_on_the_server(tmp_path: Path) -> None:
    client = open_client(write_project(tmp_path / "law", team_rows(200)))
    page = client.get("/p/law/data/team").text
    assert page.count('<th scope="row">') == 50
    assert "Rows 1 to 50 of 200" in page
    assert "Rows 151 to 200 of 200" in client.get("/p/law/data/team?page=99").text
    found = client.get("/p/law/data/team", params={"query": "MATTER 16:"}).text
    assert found.count('<th scope="row">') == 1
    some = client.get("/p/law/data/team", params={"split": "test", "label": "work", "language": "zh"}).text
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", some, re.DOTALL)
    assert rows
    assert all(">test:" in row and ">work</td>" in row and "第" in row for row in rows)
    second = client.get("/p/law/data/team?split=train&page=2").text
    assert 'href="?split=train&amp;page=1"' in second
    assert "No row fits" in client.get("/p/law/data/team?query=nothing+like+this").text


def test_a_generated_row_leads_to_the_page_of_its_document(law: Path) -> None:
    write_made(law, made_rows(40))
    client, view = open_client(law), current_dataset(*opened(law))
    line = next(one for one in view.frozen.lineage if one.page)
    number = [row.id for row in view.frozen.splits[line.split]].index(line.example) + 1
    page = plain(client.get(f"/p/law/data/team/versions/{view.frozen.manifest.id}/rows/{line.split}:{number}").text)
    assert f"Document {line.origin.span.document}" in page
    assert f"Page {line.page}" in page
    assert "Part one › Section" in page
    assert line.quote[:20] in page
    listed = client.get("/p/law/data/team?origin=generated").text
    assert listed.count(">generated</td>") == len(view.frozen.lineage)


def test_sealed_test_rows_are_counted(law: Path) -> None:
    client = open_client(law)
    assert "test rows not sealed yet" in client.get("/p/law/data/team").text
    sealed = BuildContext.begin(Workspace.open(law), None, None, None).sealed.seal
    page = plain(client.get("/p/law/data/team").text)
    assert f"{len(sealed.inputs['team'])} test inputs sealed, seal id {sealed.id}" in page


def test_the_card_is_shown_with_its_plots_in_both_languages(law: Path) -> None:
    version = current_dataset(*opened(law)).frozen.manifest.id
    for language, words in (("en", "train"), ("zh", "训练集")):
        client = open_client(law, language)
        page = client.get(f"/p/law/data/team/versions/{version}/card").text
        assert "<table>" in page
        assert words in page
        (plot, *_) = re.findall(r'src="(plots/\w+\.svg)"', page)
        reply = client.get(f"/p/law/data/team/versions/{version}/{plot}")
        assert reply.headers["content-type"] == "image/svg+xml"
        assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_two_versions_are_compared(law: Path) -> None:
    client = open_client(law)
    client.get("/p/law/data/team")
    assert "only one version" in client.get("/p/law/data/team/diff").text
    write_rows(law / "data" / "team.jsonl", team_rows(33))
    client.get("/p/law/data/team")
    page = client.get("/p/law/data/team/diff").text
    assert "3 added" in page
    ids = re.findall(r'<option value="([0-9a-f]{12})"', page)
    assert "3 removed" in client.get("/p/law/data/team/diff", params={"old": ids[0], "new": ids[1]}).text


def test_hostile_rows_are_only_text(tmp_path: Path) -> None:
    tricks = [{"input": f"{HOSTILE} " + "x" * 100_000, "output": "work"}, {"input": f"nobody pays {HOSTILE}"}]
    rows = [row.model_copy(update=trick) for row, trick in zip(team_rows(2), tricks, strict=True)] + team_rows(30, start=2)
    folder = write_project(tmp_path / "law", rows)
    client = open_client(folder)
    version = current_dataset(*opened(folder)).frozen.manifest.id
    content = "".join(row.model_dump_json(exclude_none=True) + "\n" for row in rows[:3]).encode()
    pages = [
        client.get("/p/law/data/team").text,
        client.get(f"/p/law/data/team/versions/{version}/rows/train:1").text,
        client.get(f"/p/law/data/team/versions/{version}/card").text,
        client.get(upload(client, f"{HOSTILE}.jsonl", content)).text,
    ]
    for page in pages:
        assert "<script>alert" not in page
        assert "\x1b" not in page
    assert len(pages[0]) < 100_000
