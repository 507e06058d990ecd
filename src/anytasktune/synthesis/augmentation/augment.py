"""Augmentations of the rows there are: planned, rewritten, checked, answered anew and compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from anytasktune.llm.asking import Asker, Question
from anytasktune.schema import Candidate, Example, FailedCandidate, Task
from anytasktune.settings import Augmentation, SynthesisConfig
from anytasktune.synthesis.augmentation.anchors import copied_strings, field_words, fixed_words, json_form, shared_words
from anytasktune.synthesis.augmentation.augment_choice import Chance
from anytasktune.synthesis.augmentation.augment_plan import plan_enhancements
from anytasktune.synthesis.augmentation.augmented_answers import Answerer, Unanswered
from anytasktune.synthesis.augmentation.augmented_drafts import Draft, Failure, Outcome, Written, ask_each, onward
from anytasktune.synthesis.augmentation.rewriting import check_rewrite, rewrite_prompt, rewrite_question
from anytasktune.synthesis.augmentation.translating import (
    accept_translation,
    back_question,
    check_back,
    translate_prompt,
    translate_question,
)
from anytasktune.synthesis.augmentation.typing_errors import mistype
from anytasktune.synthesis.augmentation.verifying import Verifying
from anytasktune.text.plain_text import occurs_in, shorten

OnProgress = Callable[[int, int], None]
"""Is told how many steps of how many are done; a step is one request, or one row without any."""


@dataclass(frozen=True)
class Enhanced:
    """What came of enhancing rows: `planned == len(candidates) + len(failed)`.

    Attributes:
        candidates: what was made, in the order of the plan.
        failed: what was planned and did not come to be.
        left_out: the augmentations that were asked for and cannot be made of these rows, with the reason (see `Planned`).
    """

    candidates: list[Candidate]
    failed: list[FailedCandidate]
    left_out: dict[Augmentation, str]

    @property
    def planned(self) -> int:
        """How many augmentations were planned."""
        return len(self.candidates) + len(self.failed)


@dataclass
class _Meter:
    """Counts steps; those of a draft that failed early count as done."""

    total: int
    on_progress: OnProgress
    done: int = 0

    def step(self, count: int = 1) -> None:
        if count:
            self.done += count
            self.on_progress(self.done, self.total)

    def skip(self, outcomes: Sequence[Outcome], taken: int) -> list[Outcome]:
        """Of those that failed just now, after `taken` steps, the steps left count as done."""
        failed = [outcome.draft for outcome in outcomes if isinstance(outcome, Failure)]
        self.step(sum(_steps(draft) - taken for draft in failed))
        return list(outcomes)


def enhance(
    asker: Asker | None, task: Task, rows: Sequence[Example], config: SynthesisConfig, on_progress: OnProgress = lambda *_: None
) -> Enhanced:
    """Make augmentations of rows as `config.augmentations` and `config.augmented_share` say.

    That an answer stays as it is, is verified: the teacher answers the new input without seeing the old answer, and has to say
    the same. Failures by reason, besides those of the teacher's client: `unchanged`, `wrong_language`, `lost_form`,
    `lost_facts`, `wrong_length`, `names_answer`, `too_different`, `not_translatable`, `back_check`, and those of
    `Verifying`. The same arguments and replies give the same result.

    Args:
        asker: the teacher; without one only `typos` are made.
        rows: train rows; no teacher may be shown others.
        on_progress: is told how far it is.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    planned = plan_enhancements(task, rows, config, teacher=asker is not None)
    drafts = [Draft(plan) for plan in planned.plans]
    meter = _Meter(sum(map(_steps, drafts)), on_progress)
    typed = iter([_mistyped(task, draft, meter) for draft in drafts if draft.plan.way == "typos"])
    asked = [draft for draft in drafts if draft.plan.way != "typos"]
    written = iter(_with_teacher(asker, task, asked, Answerer(asker, task, rows, config), meter) if asker else [])
    outcomes = [next(typed if draft.plan.way == "typos" else written) for draft in drafts]
    return _collected(outcomes, asker.model if asker is not None else "", planned.left_out)


def _steps(draft: Draft) -> int:
    return {"typos": 1, "translate": 3}.get(draft.plan.way, 2)


def _collected(outcomes: Sequence[Outcome], teacher: str, left_out: dict[Augmentation, str]) -> Enhanced:
    made = [outcome.candidate(teacher) for outcome in outcomes if isinstance(outcome, Draft)]
    failed = [outcome.record(teacher) for outcome in outcomes if isinstance(outcome, Failure)]
    return Enhanced(made, failed, left_out)


def _mistyped(task: Task, draft: Draft, meter: _Meter) -> Outcome:
    plan, row = draft.plan, draft.plan.row
    kept = {*copied_strings(task, row), *shared_words(task, row), *field_words(row.input), *fixed_words(task)}
    chance = Chance(plan.seed, plan.way, row.id, plan.variant)
    text = mistype(row.input, plan.language, kept, chance, is_json=json_form(row.input) is not None)
    meter.step()
    if text is None:
        return draft.failed("unchanged", "there is no word in it that may be mistyped")
    lost = [string for string in copied_strings(task, row) if not occurs_in(string, text)]
    return draft.failed("lost_facts", shorten(", ".join(lost), 120)) if lost else replace(draft, text=text, output=row.output)


def _with_teacher(asker: Asker, task: Task, drafts: list[Draft], answerer: Answerer, meter: _Meter) -> list[Outcome]:
    """Write the new inputs, translate back what was translated, have all answered anew, and compare."""
    return onward(
        drafts,
        lambda drafts: _written(asker, task, drafts, meter),
        lambda drafts: _translated_back(asker, drafts, meter),
        lambda drafts: _verified(answerer, task, drafts, meter),
    )


def _written(asker: Asker, task: Task, drafts: list[Draft], meter: _Meter) -> list[Outcome]:
    questions: list[Question[Written]] = []
    for place, draft in enumerate(drafts):
        translated = draft.plan.way == "translate"
        drafts[place] = draft.asked(
            translate_prompt("translate", draft.plan.target) if translated else rewrite_prompt(draft.plan)
        )
        question = translate_question if translated else rewrite_question
        questions.append(question(task, draft.plan))

    def accept(draft: Draft, written: Written) -> Outcome:
        if draft.plan.way == "translate":
            return accept_translation(task, draft, written)
        return check_rewrite(task, replace(draft, text=written.text, output=draft.plan.row.output))

    return meter.skip(ask_each(asker, drafts, questions, accept, meter.step), 1)


def _translated_back(asker: Asker, drafts: list[Draft], meter: _Meter) -> list[Outcome]:
    translated = [
        draft.asked(translate_prompt("back", draft.plan.language)) for draft in drafts if draft.plan.way == "translate"
    ]
    questions = [back_question(draft) for draft in translated]
    checked = iter(meter.skip(ask_each(asker, translated, questions, check_back, meter.step), 2))
    return [next(checked) if draft.plan.way == "translate" else draft for draft in drafts]


def _verified(answerer: Answerer, task: Task, drafts: list[Draft], meter: _Meter) -> list[Outcome]:
    """Have the new inputs answered, where need be the old ones too, and hold the answers against those expected."""
    fresh = answerer.answers([Unanswered(draft.text, draft.plan.target, draft.plan.row) for draft in drafts], meter.step)
    verifying = [Verifying(task, draft, answer) for draft, answer in zip(drafts, fresh, strict=True)]
    open_ = [one for one in verifying if one.needs_old]
    old = answerer.answers([Unanswered(one.row.input, one.draft.plan.language, one.row) for one in open_])
    own = {id(one): answer for one, answer in zip(open_, old, strict=True)}
    return [one.outcome(own.get(id(one))) for one in verifying]
