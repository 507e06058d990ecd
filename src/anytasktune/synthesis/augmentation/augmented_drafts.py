"""What is being made on its way from a plan to a candidate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from anytasktune.llm.asking import Asker, Question, Value
from anytasktune.schema import Candidate, FailedCandidate, Origin
from anytasktune.synthesis.augmentation.augment_plan import Plan


@dataclass(frozen=True)
class Draft:
    """An augmentation that has not failed so far.

    Attributes:
        plan: what was to be made.
        text: the new input, once there is one.
        output: its answer, once there is one.
        prompts: ids of the prompts used so far.
        agreement: share of the sampled answers that say the same, where several were sampled.
    """

    plan: Plan
    text: str = ""
    output: str = ""
    prompts: tuple[str, ...] = ()
    agreement: float | None = None

    def asked(self, prompt: str) -> "Draft":
        """The same after one more prompt."""
        return replace(self, prompts=tuple(dict.fromkeys([*self.prompts, prompt])))

    def failed(self, reason: str, detail: str = "") -> "Failure":
        """What becomes of it when it fails."""
        return Failure(self, reason, detail)

    def candidate(self, teacher: str) -> Candidate:
        """What becomes of it when it does not."""
        row = self.plan.row
        return Candidate(
            input=self.text,
            output=self.output,
            language=self.plan.target,
            source=row.source or row.id,
            origin=self.origin(teacher),
        )

    def origin(self, teacher: str) -> Origin:
        """Where it comes from; no teacher is named where none was asked."""
        return Origin(
            kind=self.plan.way,
            teacher=teacher if self.prompts else "",
            prompts=self.prompts,
            parents=(self.plan.row.id,),
            agreement=self.agreement,
        )


@dataclass(frozen=True)
class Failure:
    """An augmentation that came to nothing, and why."""

    draft: Draft
    reason: str
    detail: str = ""

    def record(self, teacher: str) -> FailedCandidate:
        """Its record."""
        origin = self.draft.origin(teacher)
        return FailedCandidate(reason=self.reason, detail=self.detail, language=self.draft.plan.target, origin=origin)


@dataclass(frozen=True)
class Written:
    """What a teacher wrote: a new text and, where it was asked for them, pieces of an answer."""

    text: str
    pieces: tuple[str, ...] = ()


Outcome = Draft | Failure
Step = Callable[[list[Draft]], Sequence[Outcome]]


def onward(outcomes: Sequence[Outcome], *steps: Step) -> list[Outcome]:
    """Take those that have not failed through the steps, one after the other; every outcome keeps its place."""
    for step in steps:
        after = iter(step([outcome for outcome in outcomes if isinstance(outcome, Draft)]))
        outcomes = [next(after) if isinstance(outcome, Draft) else outcome for outcome in outcomes]
    return list(outcomes)


def ask_each(
    asker: Asker,
    drafts: Sequence[Draft],
    questions: Sequence[Question[Value]],
    then: Callable[[Draft, Value], Outcome],
    on_step: Callable[[], None],
) -> list[Outcome]:
    """Ask one question about each draft; what cannot be answered fails for the reason the teacher's client gives.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    replies = asker.ask_all(questions, lambda *_: on_step())
    return [
        draft.failed(reply.fault or "unusable_answer", reply.detail) if reply.value is None else then(draft, reply.value)
        for draft, reply in zip(drafts, replies, strict=True)
    ]
