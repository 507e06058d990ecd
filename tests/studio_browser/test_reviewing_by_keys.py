"""Review in a real browser: fast keys, undo, edits, a studio that stops and starts again, two windows at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from anytasktune.pipeline.reviewing import read_reviews
from anytasktune.pipeline.workspace import Workspace
from anytasktune.review import remove_undone
from anytasktune.schema import Review
from anytasktune.studio.studio_server import StudioServer
from tests.made_project import made_rows, write_made
from tests.tiny_project import DOMAIN, LABELS, write_project

ROWS = made_rows(80)
TRICK = ROWS[0].model_copy(update={"input": "<img src=x onerror=alert(1)> \u202eturned\u202c \x1b[2J " + "long " * 20_000})


@contextmanager
def studio(folder: Path, port: int = 0) -> Iterator[StudioServer]:
    server = StudioServer(folder, port)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    found = browser.new_context(locale="en-US")
    found.set_default_timeout(20_000)
    yield found
    found.close()


@pytest.fixture
def law(tmp_path: Path) -> Path:
    folder = write_project(tmp_path / "law")
    write_made(folder, [TRICK, *ROWS[1:70]], ROWS[70:])
    return folder


def address(server: StudioServer) -> str:
    return server.start_address.partition("/start")[0]


def open_review(context: Any, server: StudioServer) -> Any:
    page = context.new_page()
    page.goto(server.start_address)
    context.add_cookies([{"name": "anytasktune_reviewer", "value": "anna", "url": address(server)}])
    page.goto(f"{address(server)}/p/law/review/team")
    page.wait_for_selector("article.candidate")
    return page


def press(page: Any, keys: str) -> None:
    """Press keys as fast as the browser takes them."""
    for key in keys:
        page.keyboard.press(key)


def wait_until_saved(page: Any) -> None:
    page.wait_for_selector("#saved[data-state=saved]")


def lines(folder: Path) -> list[Review]:
    workspace = Workspace.open(folder)
    return read_reviews(workspace.project, workspace.domain.tasks[0])


def test_twenty_fast_presses_are_twenty_decisions_and_undo_takes_them_back_one_by_one(law: Path, context: Any) -> None:
    with studio(law) as server:
        page = open_review(context, server)
        press(page, "a" * 12 + "r" * 8)
        wait_until_saved(page)
        made = lines(law)
        assert [line.decision for line in made] == ["accept"] * 12 + ["reject"] * 8
        assert len({line.candidate for line in made}) == 20
        assert page.inner_text("#done") == "20 decided by you"
        press(page, "uuur")
        wait_until_saved(page)
        standing = remove_undone(lines(law))
        assert [line.candidate for line in standing] == [line.candidate for line in made[:18]]
        page.reload()
        page.wait_for_selector("article.candidate")
        press(page, "u")
        wait_until_saved(page)
        assert len(remove_undone(lines(law))) == 17
        undone = next(row for row in (TRICK, *ROWS) if row.id == made[17].candidate)
        page.wait_for_selector(f"[data-part=input]:has-text('{undone.input[:40]}')")


def test_edits_labels_and_moves(law: Path, context: Any) -> None:
    with studio(law) as server:
        page = open_review(context, server)
        first = page.inner_text("[data-part=input]")
        press(page, "jk")
        assert page.inner_text("[data-part=input]") == first
        press(page, "e")
        page.fill("#edit-output", "houses")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#refused li")
        assert "did you mean 'housing'" in page.inner_text("#refused")
        page.fill("#edit-input", "a, e and r are letters here")
        page.fill("#edit-output", "work")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#edit", state="hidden")
        shown = page.locator("[data-part=output]").inner_text()
        other = LABELS.index(next(label for label in LABELS if label != shown)) + 1
        press(page, f"9{other}")
        wait_until_saved(page)
        (edited, labelled) = lines(law)
        assert (edited.decision, edited.input, edited.output) == ("edit", "a, e and r are letters here", "work")
        assert (labelled.decision, labelled.output) == ("edit", LABELS[other - 1])
        page.evaluate(
            """() => ["a", "Process"].forEach((key) => document.dispatchEvent(
                new KeyboardEvent("keydown", { key, isComposing: key === "a", keyCode: 229 })))"""
        )
        press(page, "?a")
        page.keyboard.press("Escape")
        assert page.evaluate("document.querySelectorAll('#card img, #card script').length") == 0
        assert len(lines(law)) == 2, "composition, the help and fields decide nothing"


def test_digits_mark_the_labels_of_an_answer_that_has_several(tmp_path: Path, context: Any) -> None:
    several = DOMAIN.replace("kind: label,", "kind: labels,").replace("Answer", 'Separated by "; ", answer')
    folder = write_project(tmp_path / "law", domain=several)
    write_made(folder, [row.model_copy(update={"output": "housing; work"}) for row in ROWS[:12]])
    with studio(folder) as server:
        page = open_review(context, server)
        press(page, "23")
        pressed = [button.get_attribute("aria-pressed") for button in page.locator("[data-label]").all()]
        assert pressed == ["true", "true", "false"]
        press(page, "a")
        press(page, "22a")
        press(page, "113a")
        page.click("[data-label='2']")
        press(page, "e")
        assert page.input_value("#edit-output") == "housing; family; work"
        page.keyboard.press("Escape")
        wait_until_saved(page)
        made = [(line.decision, line.output) for line in lines(folder)]
        assert made == [("edit", "housing; family"), ("accept", ""), ("edit", "housing")]


def test_a_studio_that_stops_and_starts_again_loses_no_decision(law: Path, context: Any) -> None:
    with studio(law) as server:
        page, port = open_review(context, server), int(address(server).rpartition(":")[2])
        press(page, "aa")
        wait_until_saved(page)
    press(page, "arar")
    page.wait_for_selector("#saved[data-state=offline]:has-text('Not saved yet: 4')")
    with studio(law, port) as server:
        page.wait_for_selector("#saved[data-state=no_entry]")
        other = context.new_page()
        other.goto(server.start_address)
        wait_until_saved(page)
        assert [line.decision for line in lines(law)] == ["accept", "accept", "accept", "reject", "accept", "reject"]
        other.close()
    press(page, "rr")
    page.close()
    with studio(law, port) as server:
        page = open_review(context, server)
        assert [line.decision for line in lines(law)][6:] == ["reject", "reject"], "another window posts what a closed one kept"
        press(page, "a")
        wait_until_saved(page)
        assert len({line.candidate for line in lines(law)}) == 9


def test_two_windows_at_once_neither_lose_nor_double_a_decision(law: Path, context: Any) -> None:
    with studio(law) as server:
        one = open_review(context, server)
        other = context.new_page()
        other.goto(one.url)
        other.wait_for_selector("article.candidate")
        press(one, "a")
        other.wait_for_selector("#message:has-text('decided in another tab')")
        for _ in range(5):
            press(one, "jja")
            press(other, "jr")
        press(one, "u")
        for page in (one, other):
            wait_until_saved(page)
        made = lines(law)
        assert len({line.posted for line in made}) == len(made) == 12
        standing = [line.decision for line in remove_undone(made)]
        assert (standing.count("accept"), standing.count("reject")) == (5, 5)


def test_ten_thousand_candidates_are_listed_by_pages_and_reviewed_by_keys(tmp_path: Path, context: Any) -> None:
    folder = write_project(tmp_path / "law")
    write_made(folder, made_rows(10_000), [])
    with studio(folder) as server:
        page = open_review(context, server)
        press(page, "aaara")
        wait_until_saved(page)
        assert [line.decision for line in lines(folder)] == ["accept", "accept", "accept", "reject", "accept"]
        page.goto(f"{address(server)}/p/law/make/candidates/team?show=kept")
        assert 10 < page.locator("table.rows tbody tr").count() <= 100, "a page of them, not all"
        assert "10,000" in page.locator("main").inner_text().replace("10000", "10,000")
