"""English against Chinese, worded: the scores of each system in both languages, and the answers in the wrong script."""

from dataclasses import dataclass

from anytasktune.reports.report_words import Words, clean, p_words, signed
from anytasktune.schema import Report, TaskReport
from anytasktune.schema.language_parity import LanguageParity
from anytasktune.settings import TASK_LMS

_SHOWN = ("base", *TASK_LMS)
"""Systems of the table; `report.json` has all of them."""


@dataclass(frozen=True)
class ParityRow:
    """A system on the rows of both languages of a task."""

    task: str
    title: str
    system: str
    english: str
    chinese: str
    difference: str
    verdict: str
    """`en`, `zh` or `inconclusive`."""
    word: str
    other_script: str


@dataclass(frozen=True)
class ParityView:
    """English against Chinese over all tasks that have both.

    Attributes:
        findings: a sentence per task whose Task-LM does better in one language, or answers in a wrong script.
        has_free_text: whether any task has answers with freely written text.
    """

    rows: tuple[ParityRow, ...]
    findings: tuple[str, ...]
    how: str
    has_free_text: bool


def view_parity(report: Report, words: Words) -> ParityView | None:
    """The parities in words; None where no task has enough rows of both languages."""
    shown = [(task, entry) for task in report.tasks for entry in task.parity if entry.system in _SHOWN]
    if not shown:
        return None
    findings = [line for task, entry in shown if entry.system == task.subject for line in _findings(task, entry, words)]
    return ParityView(
        rows=tuple(_row(task, entry, words) for task, entry in shown),
        findings=tuple(findings) or (words.say("parity.nothing"),),
        how=words.say("parity.how"),
        has_free_text=any(sum(entry.free_text.values()) for _, entry in shown),
    )


def _row(task: TaskReport, entry: LanguageParity, words: Words) -> ParityRow:
    english, chinese = (f"{entry.scores[language].value:.3f} ({entry.rows[language]})" for language in ("en", "zh"))
    counts = [f"{entry.other_script[language]}/{entry.free_text[language]}" for language in ("en", "zh")]
    found = entry.difference
    return ParityRow(
        task=task.task,
        title=clean(task.titles.get(words.language) or task.title),
        system=words.say(f"system.{entry.system}"),
        english=english,
        chinese=chinese,
        difference=f"{signed(found.value, 3)} [{signed(found.low, 2)}, {signed(found.high, 2)}]",
        verdict=entry.verdict,
        word=words.say(f"parity.word_{entry.verdict}"),
        other_script=" · ".join(counts) if sum(entry.free_text.values()) else words.say("label.none"),
    )


def _findings(task: TaskReport, entry: LanguageParity, words: Words) -> list[str]:
    title, name = clean(task.titles.get(words.language) or task.title), words.say(f"system.{entry.system}")
    lines = []
    if entry.verdict != "inconclusive":
        scores = {language: f"{entry.scores[language].value:.3f}" for language in entry.scores}
        lines.append(words.say(f"parity.better_{entry.verdict}", task=title, name=name, p=p_words(entry.p_holm), **scores))
    for language, count in entry.other_script.items():
        if count:
            whole = entry.free_text[language]
            lines.append(words.say(f"parity.script_{language}", task=title, name=name, count=count, rows=whole))
    return lines
