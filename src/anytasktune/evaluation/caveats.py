"""Caveats: facts a reader must know before relying on the numbers of a task. `reports` words them."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from anytasktune.schema import Caveat, Run, TaskReport
from anytasktune.settings import EvalConfig, System
from anytasktune.settings.systems import is_shown_examples

SMALL_TEST_SET = 100
"""With fewer rows than this the report says which difference may be missed."""
FEWEST_SOURCES = 10
"""With at least this many sources, intervals and tests take the rows of a source together."""
RARE_LABEL = 5
"""A label with fewer test rows than this has an F1 of little meaning."""
NOTICEABLE_SHARE = 0.02
"""Share of answers truncated at the length limit from which it is reported."""

_OF_NO_EFFECT = {
    "schema_version",
    "model",
    "device",
    "sampling_temperature",
    "micro_batch_tokens",
    "checkpoint_seconds",
    "adapters_at_once",
}


def caveats_on(
    report: TaskReport, references: Sequence[str], runs: Mapping[System, Run], config: EvalConfig, sources: int
) -> list[Caveat]:
    """The caveats on one task: its test rows, the answers, the metric, the training runs compared.

    Args:
        references: of the test rows.
        runs: of the Task-LMs in the report.
        config: of the evaluation.
        sources: number of sources the rows come from; one without a source counts as one.
    """
    caveats = [] if config.simple_baselines else [Caveat(code="no_simple_baselines")]
    if config.best_of > 1:
        caveats.append(Caveat(code="best_of", values={"samples": config.best_of}))
    caveats += [*small_test_set(report), *_of_rows_and_answers(report)]
    if sources < min(FEWEST_SOURCES, report.test_rows):
        caveats.append(Caveat(code="few_sources", values={"count": sources}))
    return [*caveats, *_of_metric(report, references), *_of_training(report, runs, config.split)]


def small_test_set(report: TaskReport) -> Iterator[Caveat]:
    """The difference that a small test set may have missed, against the opponent where it is largest.

    Only comparisons without a verdict count: where there is one, nothing was missed. None is named beside a difference of that
    size or less that was seen or even established, since the two would seem to contradict each other.
    """
    established = [abs(entry.difference.value) for entry in report.comparisons if entry.verdict != "inconclusive"]
    undecided = [
        entry
        for entry in report.comparisons
        if entry.verdict == "inconclusive"
        and abs(entry.difference.value) < entry.minimum_detectable < min(established, default=math.inf)
    ]
    if report.test_rows < SMALL_TEST_SET and undecided:
        widest = max(undecided, key=lambda entry: entry.minimum_detectable)
        smallest = round(widest.minimum_detectable, 4)
        values = {"count": report.test_rows, "smallest": smallest, "system": widest.against}
        yield Caveat(code="small_test_set", values=values)


def _of_rows_and_answers(report: TaskReport) -> Iterator[Caveat]:
    rows = report.test_rows
    if report.rows_available is not None and report.rows_available > rows:
        yield Caveat(code="first_rows", values={"rows": rows, "available": report.rows_available})
    if report.generated_rows:
        yield Caveat(code="generated_test_rows", values={"count": report.generated_rows, "rows": rows})
    present = {result.system for result in report.systems}
    compared = {report.subject, *(comparison.against for comparison in report.comparisons)}
    for result in report.systems:
        if result.unscored:
            reason = next(iter(result.unscored_reasons), "")
            yield Caveat(code="unscored", values={"count": result.unscored, "system": result.system, "reason": reason})
        model = result.general_model
        if model and model.place in ("a private network", "elsewhere") and not is_shown_examples(result.system):
            code = "rows_sent_masked" if model.masked else "rows_sent"
            yield Caveat(code=code, values={"count": rows, "endpoint": model.endpoint})
        if result.truncated / rows >= NOTICEABLE_SHARE:
            yield Caveat(code="truncated", values={"share": result.truncated / rows, "system": result.system})
        if result.corrected / rows >= NOTICEABLE_SHARE:
            yield Caveat(code="corrected", values={"share": result.corrected / rows, "system": result.system})
        if report.subject in present and result.system not in compared:
            yield Caveat(code="not_compared", values={"system": result.system})


def _of_metric(report: TaskReport, references: Sequence[str]) -> Iterator[Caveat]:
    if report.metric in ("rouge_l", "token_f1"):
        yield Caveat(code="rough_metric", values={"metric": report.metric})
    if report.metric == "macro_f1":
        counts = Counter(reference.strip() for reference in references)
        if rare := sum(1 for times in counts.values() if times < RARE_LABEL):
            yield Caveat(code="rare_labels", values={"count": rare, "labels": len(counts), "fewest": RARE_LABEL})


def _of_training(report: TaskReport, runs: Mapping[System, Run], split: str) -> Iterator[Caveat]:
    own = runs.get(report.subject)
    settings = own.config.model_dump(exclude=_OF_NO_EFFECT) if own and not own.imported else {}
    for system, run in runs.items():
        if run.imported:
            yield _trained_elsewhere(system, run)
            continue
        theirs = run.config.model_dump(exclude=_OF_NO_EFFECT)
        if different := [name for name in settings if settings[name] != theirs[name]]:
            values = {"system": system, "subject": report.subject, "settings": ", ".join(different)}
            yield Caveat(code="other_settings", values=values)
        if split == "dev" and len(run.tasks) > 1:
            yield Caveat(code="dev_not_sealed", values={"system": system})


def _trained_elsewhere(system: System, run: Run) -> Caveat:
    program = run.trained_elsewhere.program if run.trained_elsewhere else ""
    if not program:
        return Caveat(code="trained_elsewhere", values={"system": system})
    return Caveat(code="trained_elsewhere_with", values={"system": system, "program": program})
