"""From training to an answer in a browser: cost, start, a refresh, the report with its script, a question, its correction."""

from pathlib import Path

import pytest

from anytasktune.schema import Correction
from anytasktune.store import read_lines
from tests.studio_browser.conftest import OpenStudio, serious_findings
from tests.unit.studio.trained_project import write_quick_project, write_trained_project

SLOW = 120_000


def test_a_training_is_estimated_started_refreshed_and_ends_with_its_report(
    tmp_path: Path, tiny_model: Path, open_studio: OpenStudio
) -> None:
    folder = write_quick_project(tmp_path / "law", tiny_model).project.root
    page = open_studio(folder)
    page.goto(f"{page.url.partition('/p/')[0].rstrip('/')}/p/law/train")
    page.get_by_role("button", name="Estimate cost").click()
    page.get_by_text("Answering test rows").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_selector("#job")
    page.reload()
    page.get_by_role("link", name="See the report").wait_for(timeout=SLOW)
    assert page.locator("polyline").count() >= 2
    assert not serious_findings(page)
    page.get_by_role("link", name="See the report").click()
    report = page.frame_locator(".report-frame")
    report.locator(".items.ready .item").first.wait_for()  # its own script has run under its own policy
    assert page.locator(".report-frame").bounding_box()["height"] > 1000


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_question_is_answered_side_by_side_and_corrected(
    language: str, tmp_path: Path, tiny_model: Path, open_studio: OpenStudio
) -> None:
    workspace = write_trained_project(tmp_path / "law", tiny_model)
    page = open_studio(workspace.project.root, language, width=375, dark=language == "zh")
    page.goto(f"{page.url.partition('/p/')[0].rstrip('/')}/p/law/try")
    page.fill("#text", "<script>alert(1)</script> \u202eevil")
    page.locator("form[action$='/try'] button.primary").click()
    page.locator(".answers[data-done]").wait_for(timeout=SLOW)
    assert page.locator(".answer").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not serious_findings(page)
    page.select_option("#right", "work")
    page.locator("form[action$='/correct'] button").click()
    page.locator(".notice[role=status]").wait_for()
    assert [line.output for line in read_lines(workspace.project.corrections("team"), Correction)] == ["work"]
