"""Every item of a report in its page: the data, the script, and the policy that lets only that script run."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.unit.evaluation.report_builders import CONFIG, LABELS, examples_of, predictions_of, runs_of, task_with, wrong_after

from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.scoring import report_items, score_system
from anytasktune.records import Language
from anytasktune.reports.pages import render_html
from anytasktune.schema import Report, ReportItem

EVIL = "</script><script>alert(1)</script><!-- <img src=http://evil.example/x.png>\u2028\x1b[31m"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def measured(rows: int = 12, wrong: str = "other", text: str = "letter") -> tuple[Report, list[ReportItem]]:
    labels = (["租金", "押金", "other"] * rows)[:rows]
    examples, task = examples_of(labels, text), task_with(LABELS)
    scored = [
        score_system(task, examples, predictions_of("base", examples, ["other"] * rows, failed=[0])),
        score_system(task, examples, predictions_of("tuned", examples, wrong_after(labels, rows - 4, wrong))),
    ]
    report = task_report(task, examples, scored, runs_of(["tuned"]), CONFIG)
    whole = build_report("letters", "tiny", [report], CONFIG, {}, "here", "2026-01-02T03:04:05+00:00")
    return whole, report_items(task, examples, scored)


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="items-data">(.*?)</script>', page, flags=re.S)
    assert found
    return json.loads(found[1])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_holds_every_item_with_every_answer(language: Language) -> None:
    report, items = measured()
    (task,) = data_of(render_html(report, language, items))["tasks"]
    assert [item["id"] for item in task["items"]] == [item.id for item in items]
    assert [item["input"] for item in task["items"]] == [item.input for item in items]
    for shown, item in zip(task["items"], items, strict=True):
        assert [answer["text"] for answer in shown["answers"][1:]] == [item.answers["tuned"].output]
    assert task["items"][0]["answers"][0]["text"] is None
    assert [answer["tone"] for answer in task["items"][-1]["answers"]] == ["right", "right"]
    ids = {identity for group in task["groups"]["tuned"] for identity in group["ids"]}
    assert ids == {item.id for item in items if item.answers["tuned"].value == 0}


def test_only_the_script_of_the_page_may_run_and_nothing_may_be_fetched() -> None:
    report, items = measured()
    page = render_html(report, items=items)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
    assert policy
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in policy[1]
    assert policy[1].startswith("default-src 'none'")
    assert "script-src &#39;none&#39;" in render_html(report)
    assert "<script" not in render_html(report)


def test_text_of_rows_cannot_end_the_data_of_the_script() -> None:
    report, items = measured(wrong=EVIL, text=EVIL)
    page = render_html(report, items=items)
    assert len(re.findall(r"</?script", page)) == 4
    assert "\x1b" not in page
    shown = data_of(page)["tasks"][0]["items"][0]["input"]
    assert shown.startswith("</script><script>alert(1)</script>")


def test_scores_and_faults_lead_to_their_items() -> None:
    report, items = measured()
    page = render_html(report, items=items)
    assert 'href="#items" data-task="topic" data-system="tuned"' in page
    assert "data-system" not in render_html(report)


@pytest.mark.skipif(CHROMIUM is None, reason="no browser")
def test_in_a_browser_a_score_leads_to_its_items_in_two_clicks(tmp_path: Path) -> None:
    report, items = measured(rows=120)
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", render_html(report, items=items))
    clicks = """<script>
      document.querySelector('tr.tuned a[data-system]').click();
      const outcome = document.querySelector('#items-outcome');
      outcome.value = 'wrong'; outcome.dispatchEvent(new Event('change'));
      document.querySelector('#items-list summary').click();
    </script></body>"""
    (tmp_path / "page.html").write_text(page.replace("</body>", clicks), encoding="utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=2000",
        f"--user-data-dir={tmp_path}/profile",
    ]
    place = (tmp_path / "page.html").as_uri()
    shown = subprocess.run([str(CHROMIUM), *options, "--dump-dom", place], capture_output=True, encoding="utf-8", check=True)
    after = shown.stdout.partition('id="items-list"')[2].partition("</section>")[0]
    assert after.count("<summary>") == 2
    assert items[117].input in after
    assert f"ID {items[117].id}" in after
    assert "1 to 2 of 2, 120 in all" in shown.stdout
