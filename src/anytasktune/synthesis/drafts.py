"""Planned rows on their way to candidates: every slot of a plan becomes a draft, and every draft a candidate or a failure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from anytasktune.llm.asking import Asker, Question, Value
from anytasktune.outputs import AnswerTarget
from anytasktune.records import Language
from anytasktune.schema import Candidate, Cell, Example, FailedCandidate, Origin, Passage, Span
from anytasktune.schema.candidate import OriginKind

OTHER_LANGUAGE: dict[Language, Language] = {"en": "zh", "zh": "en"}


@dataclass(frozen=True)
class Slot:
    """One row that is to be made.

    Attributes:
        number: its place in the plan of its language, or in the plan of augmentations.
        language: of the new row.
        kind: source of its input, or the augmentation.
        cell: what a generated row is to be like.
        target: for its answer.
        passage: source of the input, where `kind` is `passage`.
        excerpt: part of the passage that is the input as it stands; None where an input is to be written.
        row: the row that an augmentation changes.
        variant: 0 the first time this is done to the row, then 1, ...
        request: of this number in its language and kind: the rows whose inputs are requested together; None where there is no
            input to request.
    """

    number: int
    language: Language
    kind: OriginKind
    cell: Cell = field(default_factory=Cell)
    target: AnswerTarget = field(default_factory=AnswerTarget)
    passage: Passage | None = None
    excerpt: Span | None = None
    row: Example | None = None
    variant: int = 0
    request: int | None = None

    @property
    def key(self) -> tuple[Language, int]:
        """Its name among all slots."""
        return self.language, self.number

    @property
    def row_language(self) -> Language:
        """Language of the row that an augmentation changes."""
        return OTHER_LANGUAGE[self.language] if self.kind == "translate" else self.language

    @property
    def steps(self) -> int:
        """Steps from plan to candidate, for progress: one per question, samples not counted."""
        return {"typos": 1, "translate": 3}.get(self.kind, 2)


class Refusal(NamedTuple):
    """Reason why a draft fails: a short snake_case name, and the same in words."""

    reason: str
    detail: str = ""


@dataclass
class Draft:
    """A row in the making.

    Attributes:
        text: the new input, once there is one.
        expected: the answer that an augmentation should get; empty where none is known.
        output: the answer, once there is one.
        span: the words of the passage it rests on.
        shown: rows it was written after.
        prompts: ids of the prompts used so far.
        agreement: share of the sampled answers that say the same, where several were sampled.
        refusal: why it failed; None as long as it has not.
    """

    slot: Slot
    text: str = ""
    expected: str = ""
    output: str = ""
    span: Span | None = None
    shown: tuple[Example, ...] = ()
    prompts: tuple[str, ...] = ()
    agreement: float | None = None
    refusal: Refusal | None = None

    @property
    def row(self) -> Example:
        """The row that an augmentation changes."""
        if self.slot.row is None:
            raise ValueError(f"a draft of kind {self.slot.kind} changes no row")
        return self.slot.row

    def add_prompts(self, *prompts: str) -> None:
        """Record prompts that were used, each once."""
        self.prompts = tuple(dict.fromkeys([*self.prompts, *prompts]))

    def result(self, teacher: str) -> Candidate | FailedCandidate:
        """The record that is written; no teacher is named where none was asked."""
        slot, refusal = self.slot, self.refusal
        parents = self.shown if slot.row is None else (slot.row,)
        origin = Origin(
            kind=slot.kind,
            teacher=teacher if self.prompts else "",
            prompts=self.prompts,
            passage=slot.passage.id if slot.passage else None,
            span=self.span,
            parents=tuple(row.id for row in parents),
            cell=slot.cell,
            agreement=self.agreement,
            place=slot.number if slot.row is None else None,
        )
        if refusal is not None:
            return FailedCandidate(reason=refusal.reason, detail=refusal.detail, language=slot.language, origin=origin)
        source = (parents[0].source or parents[0].id) if parents else None
        if slot.passage is not None:
            source = slot.passage.span.document
        return Candidate(input=self.text, output=self.output, language=slot.language, source=source, origin=origin)


def open_drafts(drafts: Iterable[Draft]) -> list[Draft]:
    """Drafts that have not failed."""
    return [draft for draft in drafts if draft.refusal is None]


@dataclass(frozen=True)
class Progress:
    """Progress of making candidates.

    Attributes:
        stage: `inputs` or `answers`.
        done: steps that are over, those of rows that failed included.
        total: steps of the whole plan.
        failed: rows that failed so far.
    """

    stage: str
    done: int
    total: int
    failed: int


OnProgress = Callable[[Progress], None]


class Meter:
    """Counts the steps of a plan; the rest of a slot that fails early counts as done."""

    def __init__(self, slots: Sequence[Slot], on_progress: OnProgress) -> None:
        self._left = {slot.key: slot.steps for slot in slots}
        self._on_progress = on_progress
        self._total = sum(self._left.values())
        self._done = self._failed = 0

    def step(self, stage: str, *slots: Slot) -> None:
        """One step of each of these slots is over."""
        for slot in slots:
            self._left[slot.key] -= 1
        self._report(stage, len(slots))

    def close(self, stage: str, drafts: Iterable[Draft]) -> None:
        """These drafts are over; the steps they did not need count as done."""
        closed = [draft for draft in drafts if draft.slot.key in self._left]
        self._failed += sum(draft.refusal is not None for draft in closed)
        self._report(stage, sum(self._left.pop(draft.slot.key) for draft in closed))

    def _report(self, stage: str, steps: int) -> None:
        self._done += steps
        if steps:
            self._on_progress(Progress(stage, self._done, self._total, self._failed))


def ask_for_each(
    asker: Asker,
    drafts: Sequence[Draft],
    questions: Sequence[Question[Value]],
    accept: Callable[[Draft, Value], Refusal | None],
    meter: Meter,
) -> None:
    """Ask one question about each draft; a draft fails where there is no usable answer, or where `accept` says why.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    replies = asker.ask_all(questions, lambda place, _: meter.step("inputs", drafts[place].slot))
    for draft, reply in zip(drafts, replies, strict=True):
        unanswered = Refusal(reply.fault or "unusable_answer", reply.detail)
        draft.refusal = unanswered if reply.value is None else accept(draft, reply.value)
    meter.close("inputs", [draft for draft in drafts if draft.refusal is not None])
