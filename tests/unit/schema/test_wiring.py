"""Wiring of the steps of an action: defaults, and wiring that cannot work."""

from pathlib import Path

import pytest
from tests.action_project import write_actions

from anytasktune import Workspace
from anytasktune.errors import ConfigError
from anytasktune.schema.wiring import StepReference, read_template


def test_without_wiring_a_step_takes_its_earlier_step_or_the_input_of_the_action(tmp_path: Path) -> None:
    wired = Workspace.open(write_actions(tmp_path)).action("inbox")
    assert {step: wired.wiring[step].input for step in wired.steps} == {"kind": "{input}", "card": "{input}", "reply": "{card}"}
    assert Workspace.open(write_actions(tmp_path, steps="kind, card")).action("inbox").steps == ("kind", "card")


def test_a_template_is_read_into_fixed_text_and_sources() -> None:
    assert read_template("{{x}} {card.article}: {input}") == (
        "{",
        "x",
        "}",
        " ",
        StepReference("card", "article"),
        ": ",
        StepReference("input"),
    )
    assert read_template("") == ()
    for wrong in ("{", "a } b", "{}", "{A}", "{a b}"):
        with pytest.raises(ValueError, match="write"):
            read_template(wrong)


@pytest.mark.parametrize(
    ("wiring", "what", "fix"),
    [
        ("{replay: {person: edit}}", "wiring of replay, which is none of its steps", "known: card, kind, reply"),
        ("{reply: {input: '{crad}'}}", "takes {crad}, but crad is no earlier step of action inbox", "did you mean 'card'?"),
        ("{card: {input: '{reply}'}}", "takes {reply}, but reply is no earlier step", "known: input, kind"),
        ("{kind: {input: '{kind}'}}", "takes {kind}, but kind is no earlier step", "known: input"),
        ("{reply: {input: '{card.articel}'}}", "answers of card have no key articel", "did you mean 'article'?"),
        ("{reply: {input: '{kind.x}'}}", "answers of kind have no key x", ""),
        ("{reply: {input: 'so { it'}}", "a single {", ""),
        ("{reply: {input: '{item}'}}", "item is no earlier step", ""),
        ("{reply: {for_each: kind}}", "which is one value and no list", ""),
        ("{reply: {for_each: card}}", "which is one value and no list", ""),
        ("{reply: {for_each: card.article}}", "which is one value and no list", ""),
        ("{reply: {for_each: 'Card!'}}", "is no step and no key of one", ""),
        ("{reply: {only_if: {kind: [complain]}}}", "'complain' is no label of it", ""),
        ("{reply: {only_if: {kind: []}}}", "would never run", ""),
        ("{reply: {only_if: {card: [chair]}}}", "is no value its JSON Schema allows", ""),
        ("{reply: {add: {kind: '{kind}'}, input: '{kind}'}}", "add needs an input that is one JSON object", ""),
        ("{reply: {add: {kind: '{kind}'}, input: 'x {card}'}}", "add needs an input that is one JSON object", ""),
        ("{reply: {person: approves}}", "must be 'approve', 'edit' or 'takeover'", ""),
    ],
)
def test_wiring_that_cannot_work_is_refused_with_its_line(tmp_path: Path, wiring: str, what: str, fix: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Workspace.open(write_actions(tmp_path, wiring))
    problem = refused.value.problems[0]
    assert what in problem.what
    assert fix in problem.fix
    assert problem.where == "domain.yaml:6"


@pytest.mark.parametrize(
    ("wiring", "steps"),
    [
        ("{plan: {for_each: card.wishes}}", "card, plan"),
        ("{reply: {for_each: plan}}", "plan, reply"),
        ("{reply: {only_if: {kind: [投诉]}}}", "kind, card, reply"),
        ("{plan: {only_if: {card.article: [chair]}, input: '{card}', add: {kind: '{kind}'}}}", "kind, card, plan"),
        ("{plan: {input: '{input.text}', add: {kind: '{kind}'}}}", "kind, plan"),
    ],
)
def test_wiring_that_works_is_taken(tmp_path: Path, wiring: str, steps: str) -> None:
    assert Workspace.open(write_actions(tmp_path, wiring, steps)).action("inbox").steps == tuple(steps.split(", "))
