"""What a reader must know before believing the numbers of a task."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from anytasktune.reports.report_words import words
from anytasktune.schema import Remark, Run, TaskReport
from anytasktune.settings import System

SMALL_TEST_SET = 100
"""With fewer rows than this the report says what it cannot see."""
RARE_LABEL = 5
"""A label with fewer test rows than this has an F1 of little meaning."""
NOTICEABLE_SHARE = 0.02
"""Share of answers cut at the length limit from which it is worth saying."""

_OF_NO_EFFECT = {
    "schema_version",
    "model",
    "device",
    "sampling_temperature",
    "micro_batch_tokens",
    "checkpoint_seconds",
    "adapters_at_once",
}

RemarkValues = dict[str, int | float | str]


def remarks_on(report: TaskReport, references: Sequence[str], runs: Mapping[System, Run], split: str) -> list[Remark]:
    """The remarks on one task, in English, each with its code and values so that it can be said in other words."""
    found = (
        *_size_remarks(report),
        *_answer_remarks(report),
        *_metric_remarks(report, references),
        *_training_remarks(report, runs, split),
    )
    return [Remark(code=code, values=values, text=words("en").remark(code, values)) for code, values in found]


def _size_remarks(report: TaskReport) -> Iterator[tuple[str, RemarkValues]]:
    if report.rows_available is not None and report.rows_available > report.test_rows:
        yield "first_rows", {"judged": report.test_rows, "available": report.rows_available}
    if report.generated_rows:
        yield "generated_test_rows", {"count": report.generated_rows, "rows": report.test_rows}
    if report.test_rows < SMALL_TEST_SET and report.comparisons:
        smallest = max(comparison.smallest_visible for comparison in report.comparisons)
        yield "small_test_set", {"count": report.test_rows, "smallest": round(smallest, 4)}


def _answer_remarks(report: TaskReport) -> Iterator[tuple[str, RemarkValues]]:
    compared = {comparison.against for comparison in report.comparisons}
    for result in report.systems:
        if result.unscored:
            yield "unscored", {"count": result.unscored, "system": result.system}
        if result.truncated / report.test_rows >= NOTICEABLE_SHARE:
            yield "truncated", {"share": result.truncated / report.test_rows, "system": result.system}
        if result.system not in (*compared, report.subject) and any(other.system == report.subject for other in report.systems):
            yield "not_compared", {"system": result.system}


def _metric_remarks(report: TaskReport, references: Sequence[str]) -> Iterator[tuple[str, RemarkValues]]:
    if report.metric in ("rouge_l", "token_f1"):
        yield "rough_metric", {"metric": report.metric}
    if report.metric == "macro_f1":
        counts = Counter(reference.strip() for reference in references)
        rare = sum(1 for times in counts.values() if times < RARE_LABEL)
        if rare:
            yield "rare_labels", {"count": rare, "labels": len(counts), "fewest": RARE_LABEL}
    tuned = next((result.score for result in report.systems if result.system == report.subject), None)
    if tuned is not None and report.fixed_answer is not None:
        margin = report.fixed_answer - tuned.high if report.lower_is_better else tuned.low - report.fixed_answer
        if margin <= 0:
            yield "fixed_answer_rivals", {"fixed": round(report.fixed_answer, 4)}


def _training_remarks(report: TaskReport, runs: Mapping[System, Run], split: str) -> Iterator[tuple[str, RemarkValues]]:
    own = runs.get(report.subject)
    settings = own.config.model_dump(exclude=_OF_NO_EFFECT) if own else {}
    for system, run in runs.items():
        theirs = run.config.model_dump(exclude=_OF_NO_EFFECT)
        if other := [name for name in settings if settings[name] != theirs[name]]:
            yield "other_settings", {"system": system, "subject": report.subject, "settings": ", ".join(other)}
        if split == "dev" and len(run.tasks) > 1:
            yield "dev_not_sealed", {"system": system}
