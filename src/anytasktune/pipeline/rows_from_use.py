"""Review items and rows that come from use: corrections, and requests whose answer was unsure or that were sampled.

They become rows of the task when a person has accepted them, train rows only: what is measured never comes from what the
Task-LM answered.
"""

from collections.abc import Mapping, Sequence

from anytasktune.datasets import RowError, check_row
from anytasktune.review import GatedRows, apply_reviews, review_outcomes
from anytasktune.schema import Candidate, Correction, DroppedRow, Example, Origin, RecordedRequest, Review, SplitName, Task
from anytasktune.similarity import match_similar
from anytasktune.store import Project, read_lines
from anytasktune.text.plain_text import normalise

FROM_USE = "use/"
"""What the source of a row that comes from use begins with; then comes the id of the request, or `correction`."""


def candidates_from_use(project: Project, task: Task) -> list[Candidate]:
    """An item per input, newest last: the last correction of it, else the last request whose texts were kept."""
    found: dict[str, Candidate] = {}
    for line in read_lines(project.requests(task.name), RecordedRequest):
        if line.input.strip():
            kind, output = "request" if line.unsure else "sampled_request", line.output
            found[normalise(line.input)] = _candidate(line.input, output, line.language, kind, line.id)
    for correction in read_lines(project.corrections(task.name), Correction):
        made = _candidate(correction.input, correction.output, correction.language, "correction", correction.request)
        found[normalise(correction.input)] = made
    return list(found.values())


def accepted_from_use(project: Project, task: Task, reviews: Sequence[Review]) -> list[Candidate]:
    """The items that people accepted, in the version they wanted."""
    candidates = candidates_from_use(project, task)
    decided = review_outcomes(reviews)
    return apply_reviews(task, GatedRows([one for one in candidates if one.id in decided]), reviews).rows


def join_accepted(
    task: Task, splits: Mapping[SplitName, Sequence[Example]], accepted: Sequence[Candidate], near_duplicate: float
) -> tuple[list[Example], list[DroppedRow]]:
    """The accepted items that can be train rows beside these rows, and the others with their reasons."""
    held_out = [(split, row.input) for split in ("dev", "test") for row in splits.get(split, ())]
    inputs = [candidate.input for candidate in accepted]
    matches = match_similar(inputs, [text for _, text in held_out], near_duplicate) if held_out else [None] * len(inputs)
    known = {normalise(row.input) for row in splits.get("train", ())}
    rows: list[Example] = []
    dropped: list[DroppedRow] = []
    for number, (candidate, match) in enumerate(zip(accepted, matches, strict=True), 1):
        fault = check_row(task, candidate.example())
        if match is not None:
            split = held_out[match][0]
            fault = RowError(f"leaks_into_{split}", f"its input is the same, or nearly, as that of a row of {split}")
        elif normalise(candidate.input) in known:
            fault = RowError("duplicate", "its input is that of a train row")
        if fault is None:
            rows.append(candidate.example())
        else:
            dropped.append(DroppedRow(file=f"use/{task.name}", row=number, reason=fault.reason, detail=fault.detail))
    return rows, dropped


def _candidate(input_text: str, output: str, language: str, kind: str, request: str) -> Candidate:
    source = f"{FROM_USE}{request or 'correction'}"
    fields = {"input": input_text, "output": output, "language": language, "source": source}
    return Candidate.model_validate(fields | {"origin": Origin.model_validate({"kind": kind})})
