"""From a plan to candidates: inputs first, then their answers, each slot ending as a candidate or a failure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anytasktune.ids import text_hash
from anytasktune.llm.asking import Asker, Question, Reply
from anytasktune.records import Language
from anytasktune.schema import Candidate, Example, FailedCandidate, Origin, Passage, Task
from anytasktune.settings import SynthesisConfig
from anytasktune.synthesis.answer_questions import PROMPT, Agreed, agree, answer_questions
from anytasktune.synthesis.brief import Brief
from anytasktune.synthesis.excerpts import text_at
from anytasktune.synthesis.generation_plan import Slot, plan, with_situations
from anytasktune.synthesis.input_drafts import Draft, DraftReader, Refusal, question_for
from anytasktune.synthesis.input_requests import Request, requests
from anytasktune.synthesis.survey import ask_documents, ask_situations
from anytasktune.text.plain_text import normalise

CHUNK = 2048
"""Slots that are worked on together; so that prompts of very many rows need not be in memory at once."""
_NOT_ASKED_AGAIN = frozenset({"not_answered", "over_budget"})


@dataclass(frozen=True)
class Progress:
    """How far the making of candidates is.

    Attributes:
        stage: what is being asked for: `inputs` or `answers`.
        done: slots for which a stage is over; as there are two, it comes to twice `planned`.
        failed: slots that failed for good so far.
    """

    stage: str
    done: int
    planned: int
    failed: int


@dataclass
class Synthesised:
    """What came of a plan; in its order.

    Attributes:
        candidates: new rows.
        failed: slots of which nothing came.
        differing: candidates whose answer is not the label that was aimed at; the answer stands.
    """

    candidates: list[Candidate] = field(default_factory=list)
    failed: list[FailedCandidate] = field(default_factory=list)
    differing: int = 0

    @property
    def planned(self) -> int:
        """Slots there were."""
        return len(self.candidates) + len(self.failed)


OnProgress = Callable[[Progress], None]


def synthesise(
    asker: Asker,
    task: Task,
    languages: Sequence[Language],
    seeds: Sequence[Example],
    passages: Sequence[Passage],
    config: SynthesisConfig,
    on_progress: OnProgress | None = None,
) -> Synthesised:
    """Make new rows of a task with a teacher.

    Given the same answers the same rows come out, in whatever order the answers come in.

    Args:
        seeds: train rows; they are shown to the teacher.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    run = _Run(asker, {language: Brief.of(task, language, seeds, config) for language in languages}, on_progress)
    as_inputs = ask_documents(asker, list(run.briefs.values()), passages) if passages else frozenset()
    slots = plan(task, languages, seeds, passages, config, as_inputs)
    if any(slot.way != "passage" for slot in slots):
        slots = with_situations(slots, ask_situations(asker, list(run.briefs.values())), config.seed)
    run.planned = len(slots)
    run.seen = {normalise(seed.input) for seed in seeds}
    for start in range(0, len(slots), CHUNK):
        run.work_on(slots[start : start + CHUNK])
    return run.made


@dataclass(frozen=True)
class _Written:
    """A slot's input, or why there is none, and where it came from."""

    slot: Slot
    draft: Draft | Refusal
    shown: tuple[Example, ...] = ()
    prompts: tuple[str, ...] = ()


@dataclass
class _Run:
    asker: Asker
    briefs: Mapping[Language, Brief]
    on_progress: OnProgress | None
    planned: int = 0
    made: Synthesised = field(default_factory=Synthesised)
    seen: set[str] = field(default_factory=set)
    """Inputs there are, normalised."""
    asked: Counter[str] = field(default_factory=Counter)
    """How often each prompt was asked: the same prompt again has to be another sample, or it would give the same answer."""
    done: Counter[str] = field(default_factory=Counter)

    def work_on(self, slots: Sequence[Slot]) -> None:
        written = {one.slot.number: one for one in self._inputs(slots)}
        whole = [self._once(written[slot.number]) for slot in slots]
        usable = [(one.slot, one.draft.text) for one in whole if isinstance(one.draft, Draft)]
        self._tell("answers", len(whole) - len(usable))
        answers = self._answers(usable)
        for one in whole:
            self._keep(one, answers.get(one.slot.number))

    def _inputs(self, slots: Sequence[Slot]) -> Iterable[_Written]:
        for slot in slots:
            if slot.passage is not None and slot.excerpt is not None:
                yield _Written(slot, Draft(text_at(slot.passage, slot.excerpt), slot.excerpt))
                self._tell("inputs", 1)
        asked = [
            request
            for language, brief in self.briefs.items()
            for request in requests(brief, [slot for slot in slots if slot.language == language and slot.excerpt is None])
        ]
        again: list[Request] = []
        for request, found in zip(asked, self._ask_inputs(asked, counted=True), strict=True):
            for part, draft in zip(request.alone(), found, strict=True):
                if isinstance(draft, Draft) or draft.reason in _NOT_ASKED_AGAIN or len(found) == 1:
                    yield _of(part, draft)
                else:
                    again.append(part)
        for part, (draft,) in zip(again, self._ask_inputs(again, counted=False), strict=True):
            yield _of(part, draft)

    def _ask_inputs(self, asked: Sequence[Request], *, counted: bool) -> list[Sequence[Draft | Refusal]]:
        questions: list[Question[list[Draft | Refusal]]] = []
        readers: list[DraftReader] = []
        for request in asked:
            question, reader = question_for(request, self.asked)
            questions.append(question)
            readers.append(reader)
        replies = self.asker.ask_all(questions, lambda place, _: self._tell("inputs", counted * len(asked[place].slots)))
        return [
            reply.value or [_why(reply, reader.refused)] * len(request.slots)
            for request, reply, reader in zip(asked, replies, readers, strict=True)
        ]

    def _once(self, written: _Written) -> _Written:
        """What was written, unless there is the same input already."""
        if isinstance(written.draft, Refusal):
            return written
        text = normalise(written.draft.text)
        if text in self.seen:
            return _Written(written.slot, Refusal("repeated_input", "there is the same input already"))
        self.seen.add(text)
        return written

    def _answers(self, inputs: Sequence[tuple[Slot, str]]) -> dict[int, Agreed | Refusal]:
        questions: list[Question[str]] = []
        starts: list[int] = []
        for slot, text in inputs:
            starts.append(len(questions))
            questions += answer_questions(self.briefs[slot.language], text, text_hash(text))
        first = set(starts)
        replies = self.asker.ask_all(questions, lambda place, _: self._tell("answers", int(place in first)))
        ends = [*starts[1:], len(questions)]
        return {
            slot.number: _agreed(self.briefs[slot.language], replies[start:end])
            for (slot, _), start, end in zip(inputs, starts, ends, strict=False)
        }

    def _keep(self, written: _Written, answer: Agreed | Refusal | None) -> None:
        slot, draft = written.slot, written.draft
        brief = self.briefs[slot.language]
        names = (*written.prompts, PROMPT) if answer else written.prompts
        origin = Origin(
            kind=slot.way,
            teacher=self.asker.model,
            prompts=brief.prompt_ids(*names),
            passage=slot.passage.id if slot.passage else None,
            span=draft.span if isinstance(draft, Draft) else None,
            parents=tuple(example.id for example in written.shown),
            cell=slot.cell,
        )
        refusal = next((one for one in (draft, answer) if isinstance(one, Refusal)), None)
        if refusal is not None or not isinstance(answer, Agreed) or not isinstance(draft, Draft):
            why = refusal or Refusal("not_answered")
            self.made.failed.append(
                FailedCandidate(reason=why.reason, detail=why.detail, language=slot.language, origin=origin)
            )
            return
        if brief.config.samples > 1:
            origin = origin.model_copy(update={"agreement": answer.share})
        self.made.differing += _differs(brief, slot, answer.output)
        self.made.candidates.append(
            Candidate(
                input=draft.text,
                output=answer.output,
                language=slot.language,
                source=_source(slot, written.shown),
                origin=origin,
            )
        )

    def _tell(self, stage: str, slots: int) -> None:
        self.done[stage] += slots
        if self.on_progress is not None and slots:
            self.on_progress(Progress(stage, self.done.total(), self.planned, len(self.made.failed)))


def _of(request: Request, draft: Draft | Refusal) -> _Written:
    return _Written(request.slots[0], draft, request.shown, request.prompts)


def _why(reply: Reply[Any], refused: Refusal | None) -> Refusal:
    """Why a question gave nothing: what our reader said of the answer, where there was one it could read."""
    if reply.fault == "unusable_answer" and refused is not None:
        return refused
    return Refusal(reply.fault or "not_answered", reply.detail)


def _agreed(brief: Brief, replies: Sequence[Reply[str]]) -> Agreed | Refusal:
    outputs = [reply.value for reply in replies if reply.value is not None]
    found = agree(brief.task, brief.language, outputs, len(replies))
    if found is None:
        return _why(replies[0], None)
    if len(replies) > 1 and found.share < brief.config.least_agreement:
        return Refusal("answers_disagree", f"{found.share:.0%} of {len(replies)} samples agree")
    return found


def _differs(brief: Brief, slot: Slot, output: str) -> bool:
    if not slot.aim.label:
        return False
    given = brief.form.value(output)
    return slot.aim.label not in (given if isinstance(given, list) else [given])


def _source(slot: Slot, shown: Sequence[Example]) -> str | None:
    if slot.passage is not None:
        return slot.passage.span.document
    return (shown[0].source or shown[0].id) if shown else None
