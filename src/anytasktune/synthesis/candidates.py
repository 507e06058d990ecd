"""Candidates: planned, given an input, answered, verified; every planned row ends as a candidate or a failure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from anytasktune.llm.asking import Asker
from anytasktune.records import Language
from anytasktune.schema import Candidate, Example, FailedCandidate, Passage, Task
from anytasktune.settings import Augmentation, SynthesisConfig
from anytasktune.synthesis.answers import answer_drafts
from anytasktune.synthesis.brief import Brief
from anytasktune.synthesis.candidate_plan import plan_augmentation, plan_generation, with_situations
from anytasktune.synthesis.drafts import Draft, Meter, OnProgress, Slot, open_drafts
from anytasktune.synthesis.generate_inputs import InputWriter
from anytasktune.synthesis.rewrite_inputs import rewrite_inputs
from anytasktune.synthesis.survey import ask_documents, ask_situations
from anytasktune.synthesis.translate import translate
from anytasktune.synthesis.typing_errors import misspell
from anytasktune.synthesis.verify import verify
from anytasktune.text.plain_text import normalise

CHUNK = 2048
"""Slots that are worked on together; so that prompts of very many rows need not be in memory at once."""


@dataclass
class Candidates:
    """Results of a plan, in its order: `planned == len(candidates) + len(failed)`.

    Attributes:
        candidates: new rows.
        failed: planned rows that failed, each with its reason.
        left_out: augmentations that cannot be made of these rows, with the reason (see `plan_augmentation`).
    """

    candidates: list[Candidate] = field(default_factory=list)
    failed: list[FailedCandidate] = field(default_factory=list)
    left_out: dict[Augmentation, str] = field(default_factory=dict)

    @property
    def planned(self) -> int:
        """Rows that were planned."""
        return len(self.candidates) + len(self.failed)


def generate(
    asker: Asker,
    task: Task,
    languages: Sequence[Language],
    rows: Sequence[Example],
    passages: Sequence[Passage],
    config: SynthesisConfig,
    on_progress: OnProgress = lambda _: None,
    done: Sequence[Candidate | FailedCandidate] = (),
) -> Candidates:
    """Generate new rows of a task with a teacher, from passages, from known rows and from the task alone.

    Given the same answers the same rows come out, in whatever order the answers come in.

    Args:
        rows: train rows; the teacher may see them.
        done: rows of earlier plans; their places are not planned again, and their inputs not written again.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    briefs = {language: Brief.of(task, language, rows, config) for language in languages}
    in_order = list(briefs.values())
    as_inputs = ask_documents(asker, in_order, passages) if passages else frozenset()
    plan = plan_generation(in_order, passages, as_inputs)
    if any(slot.kind != "passage" for slot in plan):
        plan = with_situations(plan, ask_situations(asker, in_order), config.seed)
    taken = places_of(done)
    slots = [slot for slot in plan if slot.number < config.rows and slot.key not in taken]
    inputs = [*(row.input for row in rows), *(one.input for one in done if isinstance(one, Candidate))]
    writer = InputWriter(asker, briefs, plan, {normalise(text) for text in inputs})
    made = Candidates()
    for drafts, meter in _in_chunks(slots, on_progress):
        writer.write(drafts, meter)
        answer_drafts(asker, briefs, open_drafts(drafts), meter)
        _collect(made, drafts, meter, asker.model)
    return made


def places_of(rows: Iterable[Candidate | FailedCandidate]) -> set[tuple[Language | None, int]]:
    """Language and place in the plan of rows that were generated, or failed to be."""
    return {(row.language, row.origin.place) for row in rows if row.origin.place is not None}


def augment(
    asker: Asker | None,
    task: Task,
    rows: Sequence[Example],
    config: SynthesisConfig,
    on_progress: OnProgress = lambda _: None,
    done: Mapping[tuple[str, str], int] = MappingProxyType({}),
) -> Candidates:
    """Augment rows as `config.augmentations` and `config.augmented_share` say: rewritten, translated, with typing errors.

    That an answer stays as it is, is verified: the teacher answers the new input without seeing the old answer, and has to say
    the same (see `verify`). The same arguments and replies give the same result.

    Args:
        asker: the teacher; without one only `typos` are made.
        rows: train rows; the teacher may see no others.
        done: as for `plan_augmentation`.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    briefs = {language: Brief.of(task, language, rows, config) for language in task.languages}
    slots, left_out = plan_augmentation(task, rows, config, teacher=asker is not None, done=done)
    made = Candidates(left_out=left_out)
    for drafts, meter in _in_chunks(slots, on_progress):
        for draft in drafts:
            if draft.slot.kind == "typos":
                misspell(task, draft, config.seed)
        meter.close("inputs", [draft for draft in drafts if draft.slot.kind == "typos"])
        if asker is not None:
            translated = [draft for draft in drafts if draft.slot.kind == "translate"]
            rewrite_inputs(asker, briefs, [draft for draft in drafts if draft.slot.kind not in {"typos", "translate"}], meter)
            translate(asker, briefs, translated, meter)
            written = [draft for draft in open_drafts(drafts) if not draft.output]
            answer_drafts(asker, briefs, written, meter)
            verify(asker, task, briefs, written)
        _collect(made, drafts, meter, asker.model if asker is not None else "")
    return made


def _in_chunks(slots: Sequence[Slot], on_progress: OnProgress) -> Iterator[tuple[list[Draft], Meter]]:
    meter = Meter(slots, on_progress)
    for start in range(0, len(slots), CHUNK):
        yield [Draft(slot) for slot in slots[start : start + CHUNK]], meter


def _collect(made: Candidates, drafts: Sequence[Draft], meter: Meter, teacher: str) -> None:
    meter.close("answers", drafts)
    for draft in drafts:
        result = draft.result(teacher)
        if isinstance(result, Candidate):
            made.candidates.append(result)
        else:
            made.failed.append(result)
