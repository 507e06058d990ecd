"""Verification of augmented rows: whether the answer to a changed input is what it has to be."""

from collections.abc import Mapping, Sequence

from anytasktune.llm.asking import Asker
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.scorers import item_value, share_of_best
from anytasktune.synthesis.answers import Unanswered, ask_answers
from anytasktune.synthesis.brief import Brief
from anytasktune.synthesis.drafts import Draft, Refusal, open_drafts
from anytasktune.text.plain_text import shorten


def verify(asker: Asker, task: Task, briefs: Mapping[Language, Brief], drafts: Sequence[Draft]) -> None:
    """Compare the answers of augmented drafts, given without knowledge of the expected ones, with those.

    An augmentation that should leave the answer as it is, passes if the two say the same. Where answers are in free words or
    numbers, two right ones may well differ; there the teacher answers the old input too, and what it says to the new one may
    instead be the same as that, if that is not far from the right answer. A counterfactual passes if its answer is another
    one than that of the old input, of which the teacher must have a right idea. A spoilt text passes with any answer.

    Reasons to fail: `answer_changed`, `answer_unchanged`, `row_misjudged` (the teacher does not know the old input's answer, so
    that another one to the new input says nothing).

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    unlike: list[Draft] = []
    for draft in open_drafts(drafts):
        if draft.slot.kind == "noisy_input":
            continue
        if not _same(task, draft, draft.expected, draft.output):
            unlike.append(draft)
        elif draft.slot.kind == "counterfactual":
            draft.refusal = Refusal("answer_unchanged", shorten(draft.output))
        else:
            draft.output = draft.expected
    asked = [
        draft
        for draft in unlike
        if draft.slot.kind == "counterfactual" or (draft.slot.kind != "translate" and not task.labels_in(None))
    ]
    old = ask_answers(asker, briefs, [Unanswered(draft.row.input, draft.slot.row_language, draft.row) for draft in asked])
    before = {draft.slot.number: answer.output for draft, answer in zip(asked, old, strict=True)}
    for draft in unlike:
        _compare(task, draft, before.get(draft.slot.number))


def _compare(task: Task, draft: Draft, before: str | None) -> None:
    """Compare an answer that differs from the expected one with the teacher's own answer to the old input."""
    same = before is not None and _same(task, draft, draft.output, before)
    plausible = before is not None and is_plausible(task, draft.expected, before)
    if draft.slot.kind != "counterfactual":
        if same and plausible:
            draft.output = draft.expected
        else:
            draft.refusal = Refusal("answer_changed", f"{shorten(draft.expected)} became {shorten(draft.output)}")
    elif same:
        draft.refusal = Refusal("answer_unchanged", shorten(draft.output))
    elif not plausible:
        draft.refusal = Refusal("row_misjudged", f"{shorten(draft.expected)} was answered {shorten(before or 'nothing')}")


def _same(task: Task, draft: Draft, first: str, second: str) -> bool:
    return task.output.says_the_same(first, second, draft.slot.language)


def is_plausible(task: Task, expected: str, given: str) -> bool:
    """Whether an answer is so far like the right one that whoever gave it can be taken to understand the task."""
    return share_of_best(task, item_value(task, expected, given)) >= task.output.plausible_from
