"""From training to an answer in a browser: cost, start, a refresh, the report with its script, a question, its correction."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
def test_a_training_goes_on_and_is_shown_to_its_end_though_the_server_is_killed(
    tmp_path: Path, tiny_model: Path, browser: Any
) -> None:
    folder = write_quick_project(tmp_path / "law", tiny_model).project.root

    def started(port: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "anytasktune", "studio", "-p", str(folder), "--no-browser", "--json", "--port", port]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        assert process.stdout is not None
        address = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")["start_address"]
        process.stdout.close()
        return process, address

    process, address = started("0")
    page = browser.new_context(locale="en-US").new_page()
    page.set_default_timeout(SLOW)
    page.goto(address)
    own = address.partition("/start")[0]
    page.goto(f"{own}/p/law/train")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_selector("#job")
    shown = page.url
    process.kill()
    process.wait()
    process, address = started(own.rpartition(":")[2])
    page.goto(address)
    page.goto(shown)
    page.get_by_role("link", name="See the report").wait_for()
    process.terminate()
    process.wait()


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
