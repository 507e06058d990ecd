"""`anytasktune tasks`: review, tree and picture of a project's pool."""

from pathlib import Path

from tests.tiny_project import team_rows, write_project
from tests.unit.cli.conftest import Run

from anytasktune.schema import Example

FAULTY = """\
schema_version: 1
name: shop
title: {en: Shop, zh: 商店}
actions:
  - name: answer
    title: {en: Answer a message, zh: 回复留言}
    steps: [team, reply]
tasks:
  - name: team
    title: {en: Who answers, zh: 谁来回复}
    instruction:
      en: Which team takes the matter? Answer with exactly one of housing, family or work.
      zh: 由哪个团队处理这件事？只回答以下之一：housing、family、work。
    output: {kind: label, labels: [housing, family, work]}
    hands_over: {en: the team, zh: 团队}
    done_by: {en: the front desk, zh: 前台}
  - name: reply
    input_from: team
    instruction:
      en: Write a reply of 2 to 4 lines for the team that is given.
      zh: 为给出的团队写一段2到4行的回复。
    output: {kind: text}
    rules: {min_items: 3, max_items: 5}
"""


def test_findings_are_listed_with_line_reason_and_advice(run: Run, tmp_path: Path) -> None:
    write_project(tmp_path / "shop", domain=FAULTY)
    ended = run("tasks", "check", "-p", "shop")
    assert ended.code == 1
    assert "✗ domain.yaml:20: the instruction says 2 to 4, the rules say 3 to 5 items [count_contradicts]" in ended.out
    assert "→ make the instruction and rules.min_items, max_items agree" in ended.out
    assert "2 tasks: 2 errors" in ended.out


def test_a_finding_about_a_row_names_its_file_and_row(run: Run, tmp_path: Path) -> None:
    rows = [*team_rows(12), Example(input="ring me on 13812345678", output="work", language="en")]
    write_project(tmp_path / "shop", rows, FAULTY)
    document = run("tasks", "check", "-p", "shop", "--json").document
    assert document["ok"] is False
    (finding,) = [finding for finding in document["findings"] if finding["code"] == "personal_data"]
    assert finding["where"] == "data/team.jsonl:13"
    assert set(finding) == {"code", "level", "where", "why", "instead"}


def test_advice_alone_is_no_failure(run: Run) -> None:
    assert run("init", "--demo", "firm").code == 0
    ended = run("tasks", "check", "-p", "firm")
    assert ended.code == 0
    assert "3 tasks: 0 errors" in ended.out


def test_the_tree_shows_actions_steps_and_what_goes_on(run: Run, tmp_path: Path) -> None:
    write_project(tmp_path / "shop", domain=FAULTY)
    english, chinese = run("tasks", "show", "-p", "shop"), run("tasks", "show", "-p", "shop", "--language", "zh")
    assert "1. Who answers  team · label · accuracy · 30 rows" in english.out
    assert "today: the front desk" in english.out
    assert "← from Who answers" in english.out
    assert "回复留言" in chinese.out
    assert "交出：团队" in chinese.out
    assert run("tasks", "show", "-p", "shop", "--json").document["rows"] == {"team": 30, "reply": 0}


def test_the_picture_is_written_where_it_is_wanted(run: Run, tmp_path: Path) -> None:
    write_project(tmp_path / "shop", domain=FAULTY)
    assert run("tasks", "graph", "-p", "shop").code == 0
    assert (tmp_path / "shop" / "artifacts" / "task-pool.svg").read_text(encoding="utf-8").startswith("<svg")
    files = run("tasks", "graph", "-p", "shop", "--out", "pictures", "--language", "zh", "--json").document["files"]
    assert [Path(name).name for name in files] == ["task-pool.svg", "task-pool.mmd"]
    assert "回复留言" in Path("pictures", "task-pool.mmd").read_text(encoding="utf-8")


def test_tasks_are_added_to_an_empty_pool_with_the_form_of_their_answers(run: Run) -> None:
    run("init", "desk")
    told = "Say what the message is about"
    added = run("tasks", "add", "kind", "--kind", "label", "--instruction", told, "--labels", "praise, question", "-p", "desk")
    assert f"✓ task kind: {told}. Answer with exactly one of: praise, question." in added.out
    assert "import FILE --task kind -p desk" in added.out
    chinese = ("--instruction", "读出信息", "--language", "zh", "--fields", "姓名，金额", "--json")
    form = run("tasks", "add", "form", "--kind", "json", *chinese, "-p", "desk").document
    assert list(form["output"]["json_schema"]["properties"]) == ["姓名", "金额"]
    limits = ("--minimum", "1", "--maximum", "5")
    assert run("tasks", "add", "stars", "--kind", "number", "--instruction", "How many stars?", *limits, "-p", "desk").code == 0
    before = Path("desk", "domain.yaml").read_text(encoding="utf-8")
    again = run("tasks", "add", "kind", "--kind", "text", "--instruction", "Answer it.", "-p", "desk")
    assert (again.code, "there is a task 'kind' already" in again.err) == (1, True)
    open_list = run("tasks", "add", "other", "--kind", "label", "--instruction", "Judge it.", "-p", "desk")
    assert "the new task: tasks[other].output.labels: is missing" in open_list.err
    assert Path("desk", "domain.yaml").read_text(encoding="utf-8") == before


def test_an_empty_pool_and_a_missing_project_say_what_to_do(run: Run) -> None:
    run("init", "empty")
    assert "the Task Pool is empty" in run("tasks", "graph", "-p", "empty").err
    assert run("tasks", "check", "-p", "empty").code == 0
    assert run("tasks", "check", "-p", "nowhere").code == 1
    assert run("tasks", "chekc").code == 2
