"""A report in a few sentences: its headline, and the verdict on each task."""

from dataclasses import dataclass

from anytasktune.records import Language
from anytasktune.reports.report_words import clean, words
from anytasktune.reports.verdict_words import VerdictView, headline, view_verdict
from anytasktune.schema import Report


@dataclass(frozen=True)
class ReportSummary:
    """The sentences of a report in one language; a verdict stands with the title of its task."""

    report: Report
    headline: str
    verdicts: tuple[tuple[str, VerdictView], ...]


def summarize(report: Report, language: Language = "en") -> ReportSummary:
    """Word the headline and the verdicts of a report."""
    texts = words(language)
    verdicts = [(clean(task.titles.get(language) or task.title), view_verdict(task, texts)) for task in report.tasks]
    return ReportSummary(report, headline(report, texts), tuple(verdicts))
