"""A run of an action: each step planned, answered, shown to a person where it wants one, and recorded before the next."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anytasktune.errors import ConfigError
from anytasktune.records import Language
from anytasktune.schema.action_run import ActionResult, ActionRun, Decision, StepTrace
from anytasktune.schema.task_answer import AnswerViolation, TaskAnswer
from anytasktune.schema.wiring import PersonRole, WiredAction
from anytasktune.workflow.step_inputs import ActionState

AnswerStep = Callable[[str, Sequence[str], bool], list[TaskAnswer]]
"""Answers a step's inputs; the third argument asks the system of `retry_with`."""


@dataclass(frozen=True)
class PersonDecision:
    """The decision of a person on a step; `output` is the answer of one who edited it or took over."""

    decision: Decision
    output: str = ""


@dataclass(frozen=True)
class PersonTurn:
    """A step that a person decides on.

    Attributes:
        line: its input and, unless the person takes over, the model's answer.
        role: what the person may do.
        language: of the action's input.
    """

    line: StepTrace
    role: PersonRole
    language: Language


@dataclass(frozen=True)
class StepEdit:
    """A person's own answer to a step that was answered, whether the step waits for a person or not.

    Attributes:
        item: number of the item, from 0, where the step is run for each item of a list.
    """

    step: str
    output: str
    item: int | None = None


AskPerson = Callable[[PersonTurn], PersonDecision | None]
"""Shows a step to a person; None if nobody decides now."""


@dataclass(frozen=True)
class ActionRunner:
    """Everything a run needs from outside.

    Attributes:
        answer: the systems.
        violations: of a text as the answer of a step to an input.
        person: the person, if one is there.
        record: keeps a line of the trace; it is kept when this returns.
    """

    action: WiredAction
    answer: AnswerStep
    violations: Callable[[str, str, str], list[AnswerViolation]]
    person: AskPerson
    record: Callable[[StepTrace], None]

    def go_on(self, run: ActionRun, trace: Sequence[StepTrace], edit: StepEdit | None = None) -> ActionResult:
        """Run all steps that are not in the trace; of lines on the same step and input the last one holds.

        Args:
            edit: replaces the answer of a step first; later steps whose inputs change by it are answered anew.

        Raises:
            ConfigError: the step of the edit has no answer, or may be approved or rejected only.
            DataError: an answer has not the form that the wiring counts on, or a step's input is too long for its model.
        """
        known = {line.key: line for line in trace}
        if edit is not None:
            self._edit(edit, known)
        so_far = ActionState(self.action, run.input)
        done: list[StepTrace] = []
        for position, step in enumerate(self.action.steps):
            plan = so_far.plan(step)
            so_far.answers[step] = None
            if plan.not_run:
                line = known.get((position, None))
                if line is None or line.not_run != plan.not_run:
                    line = self._kept(StepTrace(step=step, position=position, not_run=plan.not_run))
                done.append(line)
                continue
            places = [(position, number if plan.is_list else None) for number in range(len(plan.inputs))]
            units = [
                StepTrace(step=step, position=position, item=item, input=text)
                for (_, item), text in zip(places, plan.inputs, strict=True)
            ]
            self._answer_all(step, [unit for unit in units if not _answers(known.get(unit.key), unit)], known)
            for unit in units:
                line = known[unit.key]
                if line.waits:
                    line = self._decided(line, run.language)
                done.append(line)
                if line.waits or line.decision == "rejected":
                    return ActionResult(run=run, status="waiting" if line.waits else "rejected", steps=done)
            outputs = tuple(line.output or "" for line in done[len(done) - len(units) :])
            so_far.answers[step] = outputs if plan.is_list else outputs[0]
        return ActionResult(run=run, status="done", steps=done)

    def _answer_all(self, step: str, units: Sequence[StepTrace], known: dict[tuple[int, int | None], StepTrace]) -> None:
        """Answer what no line of the trace answers, and keep each answer."""
        wiring = self.action.wiring[step]
        if wiring.person == "takeover":
            known.update({unit.key: self._kept(unit) for unit in units})
            return
        begun = time.monotonic()
        answers = self.answer(step, [unit.input for unit in units], False) if units else []
        for unit, first in zip(units, answers, strict=True):
            answer, replaced = first, None
            if first.violations and wiring.retry_with:
                (second,) = self.answer(step, [unit.input], True)
                if len(second.violations) < len(first.violations):
                    answer, replaced = second, first
            is_safe = not answer.unsure and not answer.violations
            asks = wiring.person is not None and not (is_safe and wiring.person_when == "unsure_or_violation")
            line = unit.model_copy(
                update={
                    "answer": answer,
                    "first_answer": replaced,
                    "output": None if asks else answer.answer,
                    "violations": answer.violations,
                    "seconds": round((time.monotonic() - begun) / len(units), 3),
                }
            )
            known[unit.key] = self._kept(line)

    def _edit(self, edit: StepEdit, known: dict[tuple[int, int | None], StepTrace]) -> None:
        """Keep a person's answer in place of the one there."""
        there = [line for line in known.values() if (line.step, line.item) == (edit.step, edit.item) and not line.not_run]
        where = f"action {self.action.name}"
        if not there:
            number = "" if edit.item is None else f":{edit.item + 1}"
            fix = "name a step that was answered, and its item where it has several: STEP, or STEP:2 for the second item"
            raise ConfigError(f"step {edit.step}{number} has no answer to edit", where=where, fix=fix)
        role = self.action.wiring[edit.step].person
        if role == "approve":
            fix = "approve or reject it; or set `person: edit` in domain.yaml"
            raise ConfigError(f"step {edit.step} may be approved or rejected only", where=where, fix=fix)
        if not edit.output.strip():
            raise ConfigError(f"the answer of step {edit.step} is empty", where=where, fix="give its text")
        line, output = there[-1], edit.output.strip()
        more = {
            "decision": "taken_over" if role == "takeover" else "edited",
            "output": output,
            "violations": self.violations(line.step, line.input, output),
        }
        known[line.key] = self._kept(line.model_copy(update=more))

    def _decided(self, line: StepTrace, language: Language) -> StepTrace:
        """The line with what a person says of it; the same if nobody does."""
        said = self.person(PersonTurn(line, self.action.wiring[line.step].person or "approve", language))
        if said is None:
            return line
        proposed = line.answer.answer if line.answer else ""
        output = {"approved": proposed, "rejected": None}.get(said.decision, said.output.strip())
        violations = self.violations(line.step, line.input, output) if output is not None else []
        return self._kept(line.model_copy(update={"decision": said.decision, "output": output, "violations": violations}))

    def _kept(self, line: StepTrace) -> StepTrace:
        self.record(line)
        return line


def _answers(line: StepTrace | None, unit: StepTrace) -> bool:
    """Whether a line of the trace is on this very input; an edit of an earlier step may have changed it."""
    return line is not None and not line.not_run and line.input == unit.input
