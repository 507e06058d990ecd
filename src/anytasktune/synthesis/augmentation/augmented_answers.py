"""Answers to inputs, asked for without showing the answer there is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anytasktune.llm.asking import Asker, Question, Reply
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.settings import SynthesisConfig
from anytasktune.synthesis.answer_questions import PROMPT, agree, answer_questions
from anytasktune.synthesis.brief import Brief
from anytasktune.text.plain_text import shorten


@dataclass(frozen=True)
class Unanswered:
    """An input that is to be answered.

    Attributes:
        text: the input.
        language: of the input.
        row: the row it was made from; neither it nor another one of its source is shown.
    """

    text: str
    language: Language
    row: Example


@dataclass(frozen=True)
class Answered:
    """What a teacher says to an input.

    Attributes:
        output: as a row holds it; None where there is none.
        reason, detail: why there is none, as in `FailedCandidate`.
        prompts: ids of the prompts it was asked with.
        agreement: share of the samples that say the same, where several were asked for.
    """

    output: str | None
    reason: str = ""
    detail: str = ""
    prompts: tuple[str, ...] = ()
    agreement: float | None = None


class Answerer:
    """Has inputs of one task answered, with train rows as examples.

    An input and the one it was made from are shown the same examples, as far as they are not too like one of the two.
    """

    def __init__(self, asker: Asker, task: Task, rows: Sequence[Example], config: SynthesisConfig) -> None:
        self._asker, self._task, self._config = asker, task, config
        self._briefs = {language: Brief.of(task, language, rows, config) for language in task.languages}

    def answers(self, inputs: Sequence[Unanswered], on_step: Callable[[], None] = lambda: None) -> list[Answered]:
        """An answer per input, in their order.

        Args:
            on_step: is called for every input whose answer is there.

        Raises:
            EndpointError: the teacher cannot be asked at all.
        """
        groups = [self._questions(one) for one in inputs]
        questions = [question for group in groups for question in group]
        group_of = [place for place, group in enumerate(groups) for _ in group]
        missing = [len(group) for group in groups]

        def count(place: int, _: object) -> None:
            missing[group_of[place]] -= 1
            if missing[group_of[place]] == 0:
                on_step()

        replies = iter(self._asker.ask_all(questions, count))
        return [self._answer(one, [next(replies) for _ in group]) for one, group in zip(inputs, groups, strict=True)]

    def _questions(self, one: Unanswered) -> list[Question[str]]:
        return answer_questions(self._briefs[one.language], one.text, one.row.id, [one.row])

    def _answer(self, one: Unanswered, replies: Sequence[Reply[str]]) -> Answered:
        prompts = self._briefs[one.language].prompt_ids(PROMPT)
        outputs = [reply.value for reply in replies if reply.value is not None]
        agreed = agree(self._task, one.language, outputs, len(replies))
        if agreed is None:
            return Answered(None, replies[0].fault or "unusable_answer", replies[0].detail, prompts)
        share = agreed.share if len(replies) > 1 else None
        if share is not None and share < self._config.least_agreement:
            return Answered(None, "answers_disagree", shorten(" | ".join(outputs), 120), prompts, share)
        return Answered(agreed.output, prompts=prompts, agreement=share)
