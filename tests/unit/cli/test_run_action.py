"""`run`: an action on one input, in a terminal and without one."""

import contextlib
import sys
from pathlib import Path

import pytest
from tests.action_project import BROKEN_CHAIR, CARD, write_actions
from tests.unit.cli.conftest import Run

WITH = ("--with", "nearest")


def test_every_step_is_shown_with_its_answer(run: Run, tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "shop", "{reply: {only_if: {kind: [complaint]}}}")
    ended = run("run", "inbox", BROKEN_CHAIR, "-p", folder, *WITH)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[:6] == ["1 kind", "  complaint", "2 card", f"  {CARD}", "3 reply", "  We are sorry about the chair."]
    (folder / "praise.txt").write_text("Lovely table, thank you!", encoding="utf-8")
    document = run("run", "inbox", "--file", folder / "praise.txt", "-p", folder, *WITH, "--json").document
    assert (document["status"], document["steps"][-1]["not_run"]) == ("done", "kind is praise")
    assert document["run"]["systems"]["card"]["name"] == "nearest"


def test_without_a_terminal_the_run_waits_for_a_person_and_says_how_to_go_on(run: Run, tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "shop", "{card: {person: edit}, reply: {person: takeover}}")
    ended = run("run", "inbox", BROKEN_CHAIR, "-p", folder, *WITH)
    assert ended.code == 4
    assert "✋ step card waits for a person" in ended.out
    command = next(line.split() for line in ended.out.splitlines() if "--resume" in line)
    assert command[:3] == ["anytasktune", "run", "--resume"]
    resume = command[1:]
    assert run(*resume).code == 4  # nobody decided
    ended = run(*resume, "--approve")
    assert (ended.code, "step reply waits for a person" in ended.out) == (4, True)
    ended = run(*resume, "--approve")
    assert (ended.code, "step reply has no answer to approve" in ended.err) == (2, True)
    ended = run(*resume, "--answer", "A new chair is on its way.", "--json")
    assert ended.code == 0
    assert [step["decision"] for step in ended.document["steps"]] == [None, "approved", "taken_over"]
    assert run(*resume, "--reject").code == 0  # it has ended: nothing waits


def test_a_person_may_reject_a_step(run: Run, tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "shop", "{card: {person: approve}}")
    waiting = run("run", "inbox", BROKEN_CHAIR, "-p", folder, *WITH, "--json")
    resume = ("run", "--resume", waiting.document["run"]["id"], "-p", folder)
    ended = run(*resume, "--answer", "{}")
    assert (ended.code, "may be approved or rejected only" in ended.err) == (2, True)
    ended = run(*resume, "--reject")
    assert (ended.code, "a person rejected step card" in ended.out) == (1, True)


def test_an_edit_of_a_step_is_used_by_later_steps(run: Run, tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "shop", "{plan: {for_each: card.wishes}}", "card, plan")
    begun = run("run", "inbox", BROKEN_CHAIR, "-p", folder, *WITH, "--json").document["run"]["id"]
    ended = run("run", "--resume", begun, "--edit", "plan:2=Say = no.", "-p", folder)
    assert (ended.code, "2 plan 2 (edited by a person)" in ended.out, "  Say = no." in ended.out) == (0, True, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "there is no action to run"),
        (("inbox", "x", "--approve"), "--approve decides on a step of an earlier action run"),
        (("inbox", "--resume", "abc"), "--resume goes on as the action run was begun"),
        (("--resume", "abc", "--approve", "--reject"), "--approve and --reject exclude each other"),
        (("--resume", "abc", "--edit", "plan"), "--edit 'plan' names no step"),
        (("--resume", "abc", "--edit", "plan:0=x"), "names no step"),
        (("inbox", "x", "--edit", "a=b"), "--edit decides on a step of an earlier action run"),
        (("inbox", "x", "--file", "y"), "TEXT and --file exclude each other"),
    ],
)
def test_options_that_do_not_go_together_are_refused(run: Run, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    folder = write_actions(tmp_path / "shop")
    ended = run("run", *words, "-p", folder)
    assert (ended.code, said in ended.err) == (2, True)


def test_a_wrong_action_is_named_before_the_text_is_read(run: Run, tmp_path: Path) -> None:
    ended = run("run", "inbx", "-p", write_actions(tmp_path / "shop"), "--json")
    assert (ended.code, ended.first_problem["fix"]) == (1, "did you mean 'inbox'?")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_in_a_terminal_a_person_edits_and_approves(tmp_path: Path) -> None:
    from tests.unit.cli.terminal import Terminal

    folder = write_actions(tmp_path / "shop", "{card: {person: edit}, reply: {person: approve}}")
    with contextlib.closing(Terminal(["run", "inbox", "椅子坏了，我要退款。", "-p", str(folder), *WITH])) as screen:
        said = screen.waits("q 以后再定")
        assert "步骤 card：请批准或修改答案" in said
        assert "退款" in said
        screen.press("x\n", "请按上面列出的键")
        screen.press("e\n", "以空行结束")
        said = screen.press('{"article": "table", "wishes": []}\n\n', "步骤 reply")
        assert "很抱歉" in said
        said = screen.press("y\n", "✓ inbox")
        assert "3 reply (approved by a person)" in said
