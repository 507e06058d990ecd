"""Chains of reference answers: test rows of several steps of which one's input follows from the others' outputs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from anytasktune.errors import DataError
from anytasktune.ids import canonical_json
from anytasktune.records import Language
from anytasktune.schema.example import Example
from anytasktune.schema.wiring import WiredAction
from anytasktune.text.json_values import try_json
from anytasktune.workflow.step_inputs import ActionState

AnswerAll = Callable[[str, Sequence[tuple[str, Language | None]]], list[str | None]]
"""Answers inputs of a step, each in a language; None where there is no answer."""


@dataclass(frozen=True)
class Chain:
    """One input of an action, and the rows of its steps.

    Attributes:
        given: the input.
        language: of it.
        rows: step → the test row whose input is what the step is given when all answers before are right.
    """

    given: str
    language: Language | None
    rows: Mapping[str, Example] = field(default_factory=dict)


def chains_of(action: WiredAction, rows: Mapping[str, Sequence[Example]]) -> list[Chain]:
    """All chains in the test rows of the steps, those with rows of one step alone included.

    A step that is run for each item of a list ends the chain: its answers are many, a row has one.
    """
    by_input = {step: {_key(row.input): row for row in reversed(rows[step])} for step in action.steps}
    begins = [
        step for step in dict.fromkeys(action.steps) if action.wiring[step].input == "{input}" and not action.wiring[step].add
    ]
    given = {_key(row.input): row for step in reversed(begins) for row in reversed(rows[step])}
    found = []
    for first in reversed(given.values()):
        so_far, linked = ActionState(action, first.input), dict[str, Example]()
        for step in action.steps:
            row = None
            try:
                plan = so_far.plan(step)
            except DataError:  # a reference without the key that the wiring names
                plan = None
            if plan is not None and len(plan.inputs) == 1 and not plan.is_list:
                row = by_input[step].get(_key(plan.inputs[0]))
            so_far.answers[step] = row.output if row else None
            linked |= {step: row} if row else {}
        found.append(Chain(first.input, first.language, linked))
    return found


def predicted(
    action: WiredAction, chains: Sequence[Chain], answer: AnswerAll, right: Collection[str] = ()
) -> list[dict[str, str | None]]:
    """Per chain what each step answers, given what the steps before answered.

    A step that was not run answers nothing, which is an empty text: a wrong answer before it is the reason. None where a step
    could not answer.

    Args:
        right: steps that answer with their reference, where that is known.
    """
    runs = [ActionState(action, chain.given) for chain in chains]
    found: list[dict[str, str | None]] = [{} for _ in chains]
    for step in action.steps:
        waiting: list[tuple[int, str]] = []
        for place, (chain, run) in enumerate(zip(chains, runs, strict=True)):
            if step in right and step in chain.rows:
                found[place][step] = chain.rows[step].output
                continue
            found[place][step] = None if any(found[place].get(one) is None for one in action.needs(step)) else ""
            try:
                plan = run.plan(step)
            except DataError:  # an answer without the form that the wiring counts on
                continue
            if found[place][step] == "" and not plan.is_list and plan.inputs:
                waiting.append((place, plan.inputs[0]))
        answers = answer(step, [(text, chains[place].language) for place, text in waiting])
        for (place, _), output in zip(waiting, answers, strict=True):
            found[place][step] = output
        for run, outputs in zip(runs, found, strict=True):
            run.answers[step] = outputs[step] or None
    return found


def _key(text: str) -> str:
    """A text for comparison: JSON in one way of writing."""
    value = try_json(text)
    return canonical_json(value) if isinstance(value, (dict, list)) else " ".join(text.split())
