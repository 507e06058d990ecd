"""A new user's whole way in a real browser, in both languages, from a table to reviewed candidates; pages are accessible."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.background_jobs import list_jobs
from anytasktune.pipeline.reviewing import read_reviews
from anytasktune.studio.studio_words import page_words
from tests.made_project import made_rows, write_made
from tests.studio_browser.conftest import OpenStudio, serious_findings
from tests.tiny_project import team_rows
from tests.unit.studio.trained_project import SETTINGS

INSTRUCTIONS = {
    "en": "Which team takes it? Answer housing, family, work or other.",
    "zh": "由哪个团队处理？只回答 housing、family、work 或 other。",
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_new_user_goes_the_whole_way_without_a_network(
    tmp_path: Path, tiny_model: Path, no_network: Path, open_studio: OpenStudio, language: Any
) -> None:
    root = tmp_path / "work"
    root.mkdir()
    page = open_studio(root, language)
    make_project(page, write_table(tmp_path), language)
    workspace = Workspace.open(root / "desk")
    workspace.project.settings_file.write_text(SETTINGS.format(model=tiny_model), encoding="utf-8")
    fix_a_label(page, language)
    (task,) = Workspace.open(root / "desk").domain.tasks
    assert task.labels_in(None) == ["housing", "family", "work", "other"]
    train(page, language)
    assert [job.state for job in list_jobs(workspace.project)] == ["done"]
    read_the_report(page, language)
    try_it(page, language)
    write_made(root / "desk", made_rows(25))
    review(page, language)
    assert len(read_reviews(workspace.project, task)) == 20
    export(page, language)
    assert (root / "desk" / "export").is_dir()
    for part in [link.get_attribute("href") for link in page.query_selector_all(".bar a")]:
        page.goto(address(page) + part)
        assert page.get_attribute("html", "lang") == {"en": "en", "zh": "zh-CN"}[language]
        assert not serious_findings(page), part
    assert not no_network.read_text(encoding="utf-8")


def test_a_cut_network_is_noticed_in_child_processes(no_network: Path) -> None:
    call = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    assert b"the network is cut" in subprocess.run([sys.executable, "-c", call], capture_output=True, check=False).stderr
    with pytest.raises(OSError, match="the network is cut"):
        socket.create_connection(("example.org", 80), 1)
    assert {"192.0.2.1", "example.org"} <= set(no_network.read_text(encoding="utf-8").split())


def write_table(folder: Path) -> Path:
    table = folder / "letters.csv"
    lines = [f'"{row.input}",{row.output}' for row in team_rows(36)]
    table.write_text("\n".join(["letter,team", *lines, ",work"]) + "\n", encoding="utf-8")
    return table


def make_project(page: Any, table: Path, language: Any) -> None:
    say = page_words("new", language).say
    page.get_by_role("link", name=page_words("home", language).say("new")).click()
    assert not serious_findings(page)
    page.fill("#rows-name", "desk")
    page.set_input_files("#rows-file", table)
    page.get_by_role("button", name=say("show_preview")).click()
    page.select_option("#input", "letter")
    page.select_option("#output", "team")
    page.get_by_role("button", name=say("show_again")).click()
    page.get_by_text(say("counts", read=37, kept=36, dropped=1)).wait_for()
    assert not serious_findings(page)
    page.fill("#title", "Which team" if language == "en" else "案件分派")
    page.get_by_role("button", name=say("make_with_rows", count=36)).click()
    page.wait_for_url("**/result")


def fix_a_label(page: Any, language: Any) -> None:
    say = page_words("task", language).say
    open_part(page, "tasks")
    page.click(".steps h3 a")
    page.wait_for_url("**/tasks/*")
    page.wait_for_load_state()
    page.fill("#labels_", "housing\nfamly\nwork\nother")
    page.get_by_text(say("unfit", count=12, rows=36)).wait_for()
    page.fill("#labels_", "housing\nfamily\nwork\nother")
    page.fill(f"#instruction_{language}", INSTRUCTIONS[language])
    page.get_by_text(say("no_findings")).or_(page.locator(".findings .advice").first).wait_for()
    page.locator("#findings .error").wait_for(state="detached")
    page.get_by_role("button", name=say("save")).click()
    page.get_by_text(say("saved")).wait_for()
    assert not serious_findings(page)


def train(page: Any, language: Any) -> None:
    open_part(page, "train")
    page.get_by_role("button", name=page_words("train", language).say("start")).click()
    page.wait_for_selector(".bars li progress, #state.done", timeout=120_000)  # a slow page may come after the end
    page.reload()
    page.wait_for_selector("#state.done, #state.failed", timeout=120_000)


def read_the_report(page: Any, language: Any) -> None:
    page.get_by_role("link", name=page_words("train", language).say("see_report")).click()
    inside = page.frame_locator("iframe").locator("h1")
    inside.wait_for()
    assert inside.inner_text()


def try_it(page: Any, language: Any) -> None:
    open_part(page, "try")
    page.fill("#text", "matter 99: landlord deposit")
    page.get_by_role("button", name=page_words("try", language).say("answer"), exact=True).click()
    page.wait_for_selector("#answers [data-done]", state="attached", timeout=120_000)


def review(page: Any, language: Any) -> None:
    open_part(page, "review")
    page.fill("#reviewer", "anna")
    page.get_by_role("button", name=page_words("review", language).say("save_name")).click()
    page.click("tbody th a")
    page.wait_for_selector("article.candidate")
    for _ in range(20):
        page.keyboard.press("a")
    page.wait_for_selector("#saved[data-state=saved]")


def export(page: Any, language: Any) -> None:
    say = page_words("deploy", language).say
    open_part(page, "deploy")
    page.get_by_role("button", name=say("export_now")).click()
    page.wait_for_selector("#state.done, #state.failed", timeout=120_000)
    open_part(page, "deploy")
    page.get_by_text(say("same"), exact=True).wait_for()


def open_part(page: Any, part: str) -> None:
    page.click(f".bar nav a[href$='/{part}']")
    page.wait_for_load_state()


def address(page: Any) -> str:
    """The address of the studio."""
    return "/".join(page.url.split("/")[:3])
