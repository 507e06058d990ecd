"""Every page that a link leads to, over a project with hostile rows: no fault, nothing unescaped, light."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.made_project import made_rows, write_made
from tests.unit.studio.crawler import Crawl, crawl, send_forms, weight
from tests.unit.studio.studio_client import open_client
from tests.unit.studio.trained_project import write_trained_project

from anytasktune.pipeline.background_jobs import start_job
from anytasktune.schema import Example

MOST_BYTES = 100_000
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "\u202eexe.gnp \u2066isolate \u0645\u0631\u062d\u0628\u0627",
    "long " * 20_000,
    "'\"--><!-- ]]> </textarea></title></style> {{ 7*7 }} {% x %}",
)
"""Inputs of rows: markup, terminal escapes, right to left, 100 kB in a cell, ends of elements."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder with a trained project whose rows, candidates and titles are hostile, and one that cannot be read."""
    root = tmp_path_factory.mktemp("crawled")
    workspace = write_trained_project(root / "law", tiny_model)
    project = workspace.project
    rows = [Example(input=f"{number} {text}", output="work", language="en") for number, text in enumerate(HOSTILE)]
    with project.rows_file("team").open("a", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(row.model_dump(exclude_none=True)) + "\n" for row in rows)
    kept = [row.model_copy(update={"input": f"{text} {row.input}"}) for row, text in zip(made_rows(5), HOSTILE, strict=True)]
    write_made(project.root, kept)
    text = project.domain_file.read_text(encoding="utf-8")
    project.domain_file.write_text(text.replace("Which team,", "'<script>alert(3)</script>{{x}}',"), encoding="utf-8")
    start_job(project, ["check", "<script>alert(4)</script>"])
    (root / "broken").mkdir()
    (root / "broken" / "domain.yaml").write_text("<script>alert(5)</script>: [", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    yield open_client(folder)


@pytest.fixture(scope="module")
def crawled(client: TestClient) -> Crawl:
    return crawl(client)


def test_every_link_leads_to_a_page(crawled: Crawl) -> None:
    assert len(crawled.pages) >= 15
    assert not {what: status for what, status in crawled.broken.items() if "/p/broken" not in what}
    assert not [what for what, status in crawled.statuses.items() if status >= 500]


def test_texts_of_the_project_are_escaped_on_every_page(crawled: Crawl) -> None:
    for address, text in crawled.pages.items():
        if "/files/" not in address:  # a report has its own tests
            assert "<script>alert" not in text, address
            assert "<img src=x" not in text, address
            assert "\x1b" not in text, address


def test_pages_with_their_scripts_are_light(crawled: Crawl, client: TestClient) -> None:
    weights = {address: weight(client, address, text) for address, text in crawled.pages.items() if "/files/" not in address}
    assert not {address: found for address, found in weights.items() if found > MOST_BYTES}


def test_no_form_breaks_the_studio_whatever_is_sent(crawled: Crawl, folder: Path) -> None:
    sent = send_forms(open_client(folder), crawled.pages, times=2)
    assert len(sent.statuses) >= 15
    assert not {what: status for what, status in sent.statuses.items() if status >= 500}
