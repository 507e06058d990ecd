"""Actions run step by step: hand-over, lists, branches, people, and going on after a kill."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.action_project import BROKEN_CHAIR, CARD, write_actions

from anytasktune import Workspace
from anytasktune.errors import ConfigError, DataError, EvaluationError, StoreError
from anytasktune.pipeline.running_actions import (
    ActionRunOptions,
    AskPerson,
    PersonDecision,
    PersonTurn,
    StepEdit,
    resume_action,
    run_action,
)
from anytasktune.schema.action_run import ActionResult
from anytasktune.store import held_alone

PRAISE = "Lovely table, thank you!"


def run(folder: Path, text: str = BROKEN_CHAIR, person: AskPerson | None = None, *, fresh: bool = False) -> ActionResult:
    """A run of the action `inbox`, answered by the nearest rows."""
    return run_action(Workspace.open(folder), "inbox", text, ActionRunOptions("nearest", person=person, fresh=fresh))


def outputs(result: ActionResult) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for line in result.steps:
        found.setdefault(line.step, []).append(line.output)
    return found


def trace_of(folder: Path, result: ActionResult) -> Path:
    return folder / "artifacts" / "action_runs" / "inbox" / result.run.id / "steps.jsonl"


def test_each_step_is_given_the_answer_of_the_step_it_continues(tmp_path: Path) -> None:
    result = run(write_actions(tmp_path))
    assert result.status == "done"
    assert outputs(result) == {"kind": ["complaint"], "card": [CARD], "reply": ["We are sorry about the chair."]}
    assert [line.input for line in result.steps] == [BROKEN_CHAIR, BROKEN_CHAIR, CARD]
    first = result.steps[0]
    assert first.answer
    assert (first.answer.system, first.answer.language, first.violations) == ("nearest", "en", [])


def test_a_chinese_input_is_answered_in_chinese_by_every_step(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{reply: {only_if: {kind: [complaint]}}}")  # 投诉 means the same
    result = run(folder, "椅子坏了，我要退款。")
    assert outputs(result)["kind"] == ["投诉"]
    assert outputs(result)["reply"] == ["很抱歉，椅子坏了。"]
    assert {line.answer.language for line in result.steps if line.answer} == {"zh"}


def test_a_step_for_each_item_is_run_once_per_item_and_later_steps_get_all_its_answers(tmp_path: Path) -> None:
    wiring = "{plan: {for_each: card.wishes}, reply: {input: '{plan}'}}"
    result = run(write_actions(tmp_path, wiring, "card, plan, reply"))
    assert outputs(result)["plan"] == ["Order one.", "Pay it back."]
    assert [(line.item, line.input) for line in result.steps if line.step == "plan"] == [(0, "a new one"), (1, "a refund")]
    assert next(line.input for line in result.steps if line.step == "reply") == "Order one.\nPay it back."
    nested = run(write_actions(tmp_path, "{plan: {for_each: card.wishes}, reply: {for_each: plan}}", "card, plan, reply"))
    assert [line.input for line in nested.steps if line.step == "reply"] == ["Order one.", "Pay it back."]


def test_a_list_without_items_runs_the_step_not_once(tmp_path: Path) -> None:
    result = run(write_actions(tmp_path, "{plan: {for_each: card.wishes}}", "card, plan"), PRAISE)
    assert (result.status, list(outputs(result))) == ("done", ["card"])


def test_a_step_runs_only_on_the_labels_it_names_and_steps_that_need_it_neither(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{card: {only_if: {kind: [complaint]}}}")
    assert outputs(run(folder))["reply"] == ["We are sorry about the chair."]
    result = run(folder, PRAISE)
    assert [(line.step, line.not_run) for line in result.steps[1:]] == [
        ("card", "kind is praise"),
        ("reply", "card was not run"),
    ]
    assert result.status == "done"


def test_a_template_joins_texts_and_add_puts_answers_into_a_json_input(tmp_path: Path) -> None:
    wiring = "{plan: {input: '{card}', add: {kind: '{kind}'}}, reply: {input: '{kind}: {card.article}'}}"
    result = run(write_actions(tmp_path, wiring, "kind, card, plan, reply"))
    given = {line.step: line.input for line in result.steps}
    assert given["plan"] == '{"article": "chair", "wishes": ["a new one", "a refund"], "kind": "complaint"}'
    assert given["reply"] == "complaint: chair"
    assert outputs(result)["plan"] == ["Call the customer."]


def test_keys_of_a_json_input_go_to_the_steps_that_name_them(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{kind: {input: '{input.message}'}, card: {input: '{input.message}'}}")
    result = run(folder, '{"message": "Lovely table, thank you!", "number": 7}')
    assert outputs(result)["kind"] == ["praise"]
    with pytest.raises(DataError, match="no JSON with that key"):
        run(folder, PRAISE)


def test_an_answer_that_breaks_a_rule_is_marked_or_asked_once_more_of_another_system(tmp_path: Path) -> None:
    wiring = "{reply: {input: 'a very long reply, longer than sixty characters allow'}}"
    marked = run(write_actions(tmp_path, wiring)).steps[-1]
    assert [broken.rule for broken in marked.violations] == ["max_length"]
    again = wiring.replace("}}", ", retry_with: constant}}")
    answered = run(write_actions(tmp_path, again)).steps[-1]
    assert answered.first_answer
    assert answered.first_answer.violations
    assert answered.answer
    assert (answered.answer.system, answered.violations) == ("constant", [])


def test_a_run_waits_for_a_person_and_goes_on_without_answering_again(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{card: {person: edit}, reply: {person: approve}}")
    result = run(folder)
    assert (result.status, result.steps[-1].step, result.steps[-1].output) == ("waiting", "card", None)
    edited = '{"article": "table", "wishes": []}'
    seen: list[PersonTurn] = []

    def person(turn: PersonTurn) -> PersonDecision | None:
        seen.append(turn)
        return PersonDecision("edited", edited) if turn.line.step == "card" else None

    workspace = Workspace.open(folder)
    result = resume_action(workspace, result.run.id[:6], person=person)
    assert (result.status, result.steps[-1].step) == ("waiting", "reply")
    assert [(turn.line.step, turn.role, turn.language) for turn in seen] == [("card", "edit", "en"), ("reply", "approve", "en")]
    assert result.steps[-1].input == edited
    result = resume_action(workspace, result.run.id, person=lambda _: PersonDecision("approved"))
    assert (result.status, outputs(result)["reply"]) == ("done", ["We are glad that you like the table."])
    assert [line.decision for line in result.steps] == [None, "edited", "approved"]
    before = trace_of(folder, result).read_bytes()
    assert run(folder) == resume_action(workspace, result.run.id) == result  # it has ended
    assert trace_of(folder, result).read_bytes() == before


def test_a_person_may_take_over_or_stop_the_action(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{card: {person: takeover}}")
    taken = run(folder, person=lambda _: PersonDecision("taken_over", '{"article": 3}'))
    assert [broken.rule for broken in taken.steps[1].violations] == ["schema"]
    assert (taken.steps[1].answer, taken.status) == (None, "done")
    stopped = run(folder, PRAISE, person=lambda _: PersonDecision("rejected"))
    assert (stopped.status, [line.step for line in stopped.steps]) == ("rejected", ["kind", "card"])


def test_a_person_may_be_asked_only_where_an_answer_is_unsure_or_has_a_violation(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{reply: {person: edit, person_when: unsure_or_violation}}")
    assert run(folder).status == "done"
    long = (
        "{reply: {person: edit, person_when: unsure_or_violation, "
        "input: 'a very long reply, longer than sixty characters allow'}}"
    )
    assert run(write_actions(tmp_path, long)).status == "waiting"


def test_the_same_is_not_run_twice_unless_it_is_to_begin_anew(tmp_path: Path) -> None:
    folder = write_actions(tmp_path)
    first, second, fresh = run(folder), run(folder), run(folder, fresh=True)
    assert first == second
    assert (fresh.run.attempt, fresh.run.id != first.run.id) == (1, True)
    assert run(folder).run.id == fresh.run.id
    assert len(trace_of(folder, first).read_bytes().splitlines()) == 3


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_while_a_person_decides_it_goes_on_and_answers_no_step_twice(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{card: {person: approve}}")
    script = (
        "import sys, time; from anytasktune import ActionRunOptions, Workspace, run_action;"
        "run_action(Workspace.open(sys.argv[1]), 'inbox', sys.argv[2], ActionRunOptions('nearest',"
        " person=lambda turn: print('asked', flush=True) or time.sleep(60)))"
    )
    words = [sys.executable, "-c", script, str(folder), BROKEN_CHAIR]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout
        assert process.stdout.readline().strip() == b"asked"
        with pytest.raises(StoreError, match="another command works on it"):
            run(folder)
        process.kill()
    trace = next(folder.glob("artifacts/action_runs/inbox/*/steps.jsonl"))
    before = trace.read_bytes()
    assert len(before.splitlines()) == 2
    trace.write_bytes(before + b'{"step": "rep')  # as if killed while writing
    result = run(folder, person=lambda _: PersonDecision("approved"))
    assert result.status == "done"
    assert trace.read_bytes().startswith(before)
    assert len(trace.read_bytes().splitlines()) == 4


def test_a_run_whose_action_or_systems_have_changed_is_not_mixed_with_others(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{card: {person: approve}}")
    waiting = run(folder)
    rows = folder / "data" / "reply" / "train.jsonl"
    rows.write_text("".join(rows.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    with pytest.raises(ConfigError, match="what answers reply has changed"):
        resume_action(Workspace.open(folder), waiting.run.id, person=lambda _: PersonDecision("approved"))
    assert run(folder).run.id != waiting.run.id
    write_actions(tmp_path, "{card: {person: edit}}")
    with pytest.raises(ConfigError, match="action inbox has changed since") as refused:
        resume_action(Workspace.open(folder), waiting.run.id)
    assert "anytasktune run inbox" in refused.value.problems[0].fix
    with pytest.raises(ConfigError, match="there is no action run 'zz'"):
        resume_action(Workspace.open(folder), "zz")


def test_unknown_actions_empty_texts_and_steps_without_a_task_lm_are_named(tmp_path: Path) -> None:
    folder = write_actions(tmp_path)
    workspace = Workspace.open(folder)
    with pytest.raises(ConfigError, match="there is no action 'inbx'"):
        run_action(workspace, "inbx", "x")
    with pytest.raises(DataError, match="the text is empty"):
        run_action(workspace, "inbox", " ")
    with pytest.raises(EvaluationError, match="task kind has no Task-LM yet"):
        run_action(workspace, "inbox", "x")
    domain = folder / "domain.yaml"
    only_english = domain.read_text(encoding="utf-8").replace(", zh: [投诉, 表扬]", "")
    domain.write_text(re.sub(r", zh: [^}]*", "", only_english), encoding="utf-8")
    with pytest.raises(ConfigError, match="no step of inbox has an instruction in zh"):
        run_action(Workspace.open(folder), "inbox", "x", ActionRunOptions("nearest", "zh"))


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with held_alone(tmp_path), pytest.raises(StoreError, match="another command"), held_alone(tmp_path):
        pass
    with held_alone(tmp_path):
        pass


def test_an_edit_of_any_step_answers_anew_only_the_steps_whose_inputs_change(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{reply: {input: '{card}', only_if: {kind: [complaint]}}}")
    workspace, first = Workspace.open(folder), run(folder)
    edited = resume_action(workspace, first.run.id, edit=StepEdit("card", '{"article": "table", "wishes": []}'))
    assert outputs(edited)["reply"] == ["We are glad that you like the table."]
    assert [line.decision for line in edited.steps] == [None, "edited", None]
    assert edited.steps[0] == first.steps[0]
    lines = trace_of(folder, first).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 + 2, "the edit, and the one step that uses it"
    praised = resume_action(workspace, first.run.id, edit=StepEdit("kind", "praise"))
    assert [line.not_run for line in praised.steps] == ["", "", "kind is praise"]
    assert praised.steps[1] == edited.steps[1], "a step that does not use the edit keeps its answer, and the person's"
    back = resume_action(workspace, first.run.id, edit=StepEdit("kind", "complaint"))
    assert outputs(back)["reply"] == ["We are glad that you like the table."]
    assert resume_action(workspace, first.run.id) == back


def test_an_edit_of_one_item_and_of_a_list_changes_the_steps_that_take_them(tmp_path: Path) -> None:
    wiring = "{plan: {for_each: card.wishes}, reply: {input: '{plan}'}}"
    folder = write_actions(tmp_path, wiring, "card, plan, reply")
    workspace, first = Workspace.open(folder), run(folder)
    one = resume_action(workspace, first.run.id, edit=StepEdit("plan", "Call.", item=1))
    assert outputs(one)["plan"] == ["Order one.", "Call."]
    assert next(line.input for line in one.steps if line.step == "reply") == "Order one.\nCall."
    fewer = resume_action(workspace, first.run.id, edit=StepEdit("card", '{"article": "chair", "wishes": ["a refund"]}'))
    assert outputs(fewer)["plan"] == ["Pay it back."]


def test_a_rejected_step_is_edited_and_the_action_goes_on_but_what_cannot_be_edited_is_refused(tmp_path: Path) -> None:
    folder = write_actions(tmp_path, "{card: {person: edit}, reply: {person: approve}}")
    workspace = Workspace.open(folder)
    rejected = run(folder, person=lambda _: PersonDecision("rejected"))
    assert rejected.status == "rejected"
    with pytest.raises(ConfigError, match="step reply has no answer to edit"):
        resume_action(workspace, rejected.run.id, edit=StepEdit("reply", "x"))
    waiting = resume_action(workspace, rejected.run.id, edit=StepEdit("card", CARD))
    assert (waiting.status, waiting.steps[-1].step) == ("waiting", "reply")
    with pytest.raises(ConfigError, match="step reply may be approved or rejected only"):
        resume_action(workspace, rejected.run.id, edit=StepEdit("reply", "x"))
    with pytest.raises(ConfigError, match="the answer of step kind is empty"):
        resume_action(workspace, rejected.run.id, edit=StepEdit("kind", " "))
    with pytest.raises(ConfigError, match="step kind:2 has no answer to edit"):
        resume_action(workspace, rejected.run.id, edit=StepEdit("kind", "praise", item=1))
