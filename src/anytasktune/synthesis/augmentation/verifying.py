"""Whether the answer to a new input is what it has to be."""

from dataclasses import dataclass, replace

from anytasktune.schema import Example, Task
from anytasktune.synthesis.augmentation.augmented_answers import Answered
from anytasktune.synthesis.augmentation.augmented_drafts import Draft, Outcome
from anytasktune.synthesis.augmentation.same_answer import is_open, is_plausible, says_the_same
from anytasktune.text.plain_text import shorten


@dataclass(frozen=True)
class Verifying:
    """A new input, the answer it is to have, and the answer a teacher gave that had not seen that one.

    What should leave the answer as it is, passes if the two say the same. Where answers are in free words or numbers, two right
    ones may well differ; there the teacher answers the old input too, and what it says to the new one may instead be the same
    as that, if that is not far from the right answer. A counter-example passes if its answer is another one than that of the
    old input, of which the teacher must have a right idea. A spoilt text passes with whatever the answer is.

    Reasons to fail: `answer_changed`, `answer_unchanged`, `row_misjudged` (the teacher does not know the old input's answer, so
    that another one to the new input says nothing), and those for which there is no answer.
    """

    task: Task
    draft: Draft
    fresh: Answered

    @property
    def row(self) -> Example:
        """What the draft was made from."""
        return self.draft.plan.row

    @property
    def _expected(self) -> bool:
        return self._same(self.draft.output, self.fresh.output)

    def _same(self, first: str, second: str | None) -> bool:
        return second is not None and says_the_same(self.task, self.draft.plan.target, first, second)

    @property
    def needs_old(self) -> bool:
        """Whether the teacher has to answer the old input before anything can be said."""
        if self.fresh.output is None or self.draft.plan.way == "noisy_input":
            return False
        if self.draft.plan.way == "counterfactual":
            return not self._expected
        return not self._expected and is_open(self.task) and self.draft.plan.way != "translate"

    def outcome(self, old: Answered | None) -> Outcome:
        """What becomes of the draft.

        Args:
            old: the teacher's answer to the old input, where it was needed.
        """
        prompts = tuple(dict.fromkeys([*self.draft.prompts, *self.fresh.prompts]))
        draft = replace(self.draft, prompts=prompts, agreement=self.fresh.agreement)
        if self.fresh.output is None:
            return draft.failed(self.fresh.reason, self.fresh.detail)
        if draft.plan.way == "noisy_input":
            return replace(draft, output=self.fresh.output)
        if draft.plan.way == "counterfactual":
            return self._counterfactual(draft, self.fresh.output, old)
        if self._expected or (old is not None and self._as_before(self.fresh.output, old)):
            return draft
        return draft.failed("answer_changed", f"{shorten(draft.output)} became {shorten(self.fresh.output)}")

    def _counterfactual(self, draft: Draft, output: str, old: Answered | None) -> Outcome:
        if old is None or self._same(output, old.output):
            return draft.failed("answer_unchanged", shorten(output))
        if old.output is None or not is_plausible(self.task, draft.output, old.output):
            return draft.failed("row_misjudged", f"{shorten(draft.output)} was answered {shorten(old.output or 'nothing')}")
        return replace(draft, output=output)

    def _as_before(self, output: str, old: Answered) -> bool:
        return self._same(output, old.output) and is_plausible(self.task, self.draft.output, old.output or "")
