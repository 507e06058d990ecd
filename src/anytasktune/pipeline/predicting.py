"""`predict`: the rows of a file → the same rows with answers. What was answered is kept, so a killed command goes on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anytasktune.datasets.read_inputs import InputFile, read_inputs
from anytasktune.errors import DataError, Problem, counted
from anytasktune.pipeline.answer_files import AnsweredRow, added_columns, require_places, write_answers
from anytasktune.pipeline.answering import AnsweringSystem, language_in, system_for
from anytasktune.pipeline.events import Finished, Meter, OnEvent
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Answer, AnswerThreshold, DroppedRow, Example, LoggedAnswer, TaskAnswer
from anytasktune.settings import Settings, System
from anytasktune.store import append_line, read_lines

_FIRST_ROWS, _MOST_ROWS = 16, 256
"""Rows answered at once: few at first, so that little is lost when the command is killed soon."""
_SHOWN = 3


@dataclass(frozen=True)
class PredictOptions:
    """How a file is read and answered.

    Attributes:
        system: what answers; see `system_for`.
        input: the column of the input, or several joined by `+`; found as `import` finds it unless given.
        language: of rows that name none; detected from their script unless given.
        encoding: of a text file; detected unless given.
        force: overwrite a file that this program did not write, or that was changed since.
    """

    system: str = ""
    input: str | None = None
    language: Language | None = None
    encoding: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Predicted:
    """The account of a file that was answered: `read == answered + sum(not_answered.values())`.

    Attributes:
        task: its name.
        system, version: what answered.
        in_production_since: day on which that version was promoted, if it answered because of that.
        out: the file that was written.
        columns: added column → its name in that file.
        threshold: the probability below which answers are unsure, if that is known.
        read: rows of the file.
        answered: those with an answer.
        not_answered: the others, counted by reason.
        missing: the others, with place and detail.
        unsure: answers that are unsure; None where that is not known.
        with_violations: answers that break the form or a rule.
        reused: answers that an earlier command gave.
        notes: what the user should know, a sentence each.
    """

    task: str
    system: System
    version: str
    in_production_since: str
    out: Path
    columns: dict[str, str]
    threshold: AnswerThreshold | None
    read: int
    answered: int
    not_answered: dict[str, int]
    missing: tuple[DroppedRow, ...]
    unsure: int | None
    with_violations: int
    reused: int
    notes: tuple[str, ...] = field(default=())


def predict(
    workspace: Workspace,
    task: str,
    source: Path | str,
    out: Path | str,
    options: PredictOptions | None = None,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
) -> Predicted:
    """Answer every row of a file and write the same rows, in the same order, with the answers in added columns.

    Rows that were answered before by the same system, also by a command that was killed, are not answered again.

    Raises:
        DataError: the file cannot be read or written, or no row of it can be answered.
        ConfigError: there is no such task, system, version or language.
        EvaluationError: the task has no Task-LM yet.
        StoreError: a file that this program did not write stands at `out`.
    """
    options, source, out = options or PredictOptions(), Path(source), Path(out)
    (asked,) = workspace.tasks([task])
    require_places(source, out, force=options.force)
    language_in(asked, "", options.language)
    given = read_inputs(source, column=options.input, language=options.language, encoding=options.encoding)
    _require_some([row.asked for row in given.rows], source)
    context = TrainingContext.begin(workspace, settings, on_event)
    system = system_for(context, asked, options.system)
    examples = {row.number: in_its_language(system, row.asked) for row in given.rows if isinstance(row.asked, Example)}
    answers, reused = kept_answers(context, system, list(examples.values()))
    rows = []
    for row in given.rows:
        found: TaskAnswer | DroppedRow
        if isinstance(row.asked, DroppedRow):
            found = row.asked
        elif (answer := answers[examples[row.number].id]).error is not None:
            found = DroppedRow(file=str(source), row=row.number, reason="no_answer", detail=answer.error)
        else:
            found = system.judged(examples[row.number], answer)
        rows.append(AnsweredRow(row, found))
    _require_some([row.answer for row in rows], source)
    write_answers(given, rows, out, force=options.force)
    return _account(system, given, rows, out, reused)


def _require_some(rows: Sequence[Example | TaskAnswer | DroppedRow], source: Path) -> None:
    """Raise DataError, with the reasons and the first places, if nothing but dropped rows is left."""
    missing = [row for row in rows if isinstance(row, DroppedRow)]
    if len(missing) == len(rows):
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(Counter(row.reason for row in missing).items()))
        what = f"none of {counted(len(rows), 'row')} can be answered: {reasons}"
        first = [Problem(f"{row.reason}: {row.detail}", f"{row.file}:{row.row}") for row in missing[:_SHOWN]]
        raise DataError([Problem(what, str(source), "mend these and others like them"), *first])


def in_its_language(system: AnsweringSystem, example: Example) -> Example:
    """The example in the language it is answered in."""
    if example.language is not None:
        return example
    return example.model_copy(update={"language": language_in(system.task, example.input, None)})


def kept_answers(
    context: TrainingContext, system: AnsweringSystem, examples: Sequence[Example]
) -> tuple[dict[str, Answer], int]:
    """Input id → answer, and how many of the inputs had been answered before; equal inputs are answered once."""
    log = context.workspace.project.answers(system.task.name) / f"{system.identity}.jsonl"
    answers = {line.input_id: line.answer for line in read_lines(log, LoggedAnswer)}
    every = {example.id: example for example in examples}
    waiting = [example for identity, example in every.items() if identity not in answers]
    meter, done = Meter(context.on_event, "answer", system.task.name, len(waiting), system.name), 0

    def on_rows(count: int) -> None:
        nonlocal done
        done += count
        meter.update(min(done, len(waiting)), len(waiting))

    start, size = 0, _FIRST_ROWS
    while some := waiting[start : start + size]:
        for example, answer in zip(some, system.answer(some, on_rows), strict=True):
            answers[example.id] = answer
            if answer.error is None:
                append_line(log, LoggedAnswer(input_id=example.id, answer=answer))
        start, size = start + len(some), min(size * 2, _MOST_ROWS)
    reused = len(every) - len(waiting)
    event = Finished(
        stage="answer",
        name=system.task.name,
        system=system.name,
        artifact=system.identity,
        reused=not waiting,
        detail=f"{counted(len(waiting), 'input')} answered" + (f", {reused} answered before" if reused else ""),
    )
    context.on_event(event)
    return answers, reused


def _account(system: AnsweringSystem, given: InputFile, rows: Sequence[AnsweredRow], out: Path, reused: int) -> Predicted:
    answers = [row.answer for row in rows if isinstance(row.answer, TaskAnswer)]
    missing = tuple(row.answer for row in rows if isinstance(row.answer, DroppedRow))
    known = [answer.unsure for answer in answers if answer.unsure is not None]
    return Predicted(
        task=system.task.name,
        system=system.name,
        version=system.version,
        in_production_since=system.in_production_since,
        out=out,
        columns=added_columns(given.columns),
        threshold=system.threshold,
        read=len(rows),
        answered=len(answers),
        not_answered=dict(sorted(Counter(row.reason for row in missing).items())),
        missing=missing,
        unsure=sum(known) if known else None,
        with_violations=sum(bool(answer.violations) for answer in answers),
        reused=reused,
        notes=given.notes,
    )
