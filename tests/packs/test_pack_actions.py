"""The actions of the packs: every step finds its input in the action's own or in what the steps before hand over."""

import json
from pathlib import Path

import pytest

from anytasktune import Workspace, init_project
from anytasktune.workflow.step_inputs import ActionState

PACKS = ("consumer_services", "finance", "healthcare", "human_resources", "law", "psychology", "demo")


@pytest.mark.parametrize("pack", PACKS)
def test_every_step_gets_an_input_from_right_answers_before_it(pack: str, tmp_path: Path) -> None:
    init_project(tmp_path / pack, pack=pack)
    workspace = Workspace.open(tmp_path / pack)
    rows = {}
    for task in workspace.domain.tasks:
        text = (tmp_path / pack / "data" / task.name / "test.jsonl").read_text(encoding="utf-8")
        rows[task.name] = [json.loads(line) for line in text.splitlines()]
    for action in workspace.domain.actions:
        given = {step: rows[step][0]["input"] for step in action.steps}
        text = given[action.steps[0]]
        if action.name == "matching":
            text = json.dumps({"job": given["job_requirements"], "resume": given["resume_extraction"]})
        so_far = ActionState(workspace.domain.wired(action), text)
        for step in action.steps:
            plan = so_far.plan(step)
            assert bool(plan.inputs) != bool(plan.not_run)
            outputs = tuple(rows[step][0]["output"] for _ in plan.inputs)
            so_far.answers[step] = None if plan.not_run else outputs if plan.is_list else outputs[0]
