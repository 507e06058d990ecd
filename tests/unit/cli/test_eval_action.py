"""`eval-action`: which step of an action loses the score, on test rows that no system has learned."""

import json
from pathlib import Path

import pytest
from tests.action_project import write_actions
from tests.tiny_project import QUICK, write_lines
from tests.unit.cli.conftest import Run


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The project, with test rows of which those of `reply` continue those of `card`."""
    folder = write_actions(tmp_path / "shop")
    tests = {
        "kind": [("The lamp is broken, I want a refund.", "complaint")],
        "card": [("The lamp is broken, I want a refund.", '{"article": "lamp", "wishes": ["a refund"]}')],
        "reply": [('{"article": "lamp", "wishes": ["a refund"]}', "We are sorry about the lamp.")],
    }
    for task, rows in tests.items():
        lines = [json.dumps({"input": text, "output": output, "language": "en"}) for text, output in rows]
        write_lines(folder / "data" / task / "test.jsonl", lines)
    return folder


def test_scores_with_reference_and_predicted_input_are_shown_and_kept(run: Run, shop: Path) -> None:
    ended = run("eval-action", "inbox", "-p", shop, "--with", "nearest")
    assert ended.code == 0
    assert "1 chain: " in ended.out
    assert "if card were always right" in ended.out
    document = run("eval-action", "inbox", "-p", shop, "--with", "nearest", "--json").document
    reply = document["steps"][-1]
    assert (document["chains"], reply["chain_rows"], reply["test_rows"]) == (1, 1, 1)
    kept = shop / "artifacts" / "action_evaluations" / "inbox" / f"{document['id']}.json"
    assert json.loads(kept.read_text(encoding="utf-8"))["steps"][-1] == reply


def test_a_task_lm_that_may_know_the_test_rows_is_refused(run: Run, shop: Path, tiny_model: Path) -> None:
    quick = [part for setting in (f"model={tiny_model}", *QUICK) for part in ("-c", setting)]
    domain = shop / "domain.yaml"
    domain.write_text(domain.read_text(encoding="utf-8").replace("[kind, card, reply]", "[kind]"), encoding="utf-8")
    assert run("train", "kind", "-p", shop, *quick).code == 0
    assert run("eval-action", "inbox", "-p", shop).code == 0
    moved = shop / "data" / "kind" / "train.jsonl"
    moved.write_text("".join(moved.read_text(encoding="utf-8").splitlines(keepends=True)[1:]), encoding="utf-8")
    ended = run("eval-action", "inbox", "-p", shop, "--json")
    assert ended.code == 1
    assert "it may know the test rows" in ended.first_problem["what"]
    assert "anytasktune train kind" in ended.first_problem["fix"]


def test_an_action_without_test_rows_is_named(run: Run, tmp_path: Path) -> None:
    ended = run("eval-action", "inbox", "-p", write_actions(tmp_path / "shop"), "--with", "nearest", "--json")
    assert (ended.code, ended.first_problem["what"]) == (1, "task kind has no test rows to evaluate on")
