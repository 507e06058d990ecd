"""Transfer between languages, worded: scores by the language of the training rows, and what follows from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anytasktune.records import Language
from anytasktune.reports.report_words import VERDICT_SYMBOLS, Words, clean, p_words, signed, words
from anytasktune.schema.language_transfer import LanguageTransfer, TrainedOn, TransferDifference, TransferModel

_LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True)
class TransferCell:
    """A score in one language.

    Attributes:
        score: with its interval.
        difference: to the Task-LM trained on rows of this language alone, with its sign; empty where there is no such test.
        verdict: on the difference; empty likewise.
    """

    score: str
    interval: str
    difference: str
    verdict: str


@dataclass(frozen=True)
class TransferRow:
    """The base model, or a Task-LM by the languages of its training rows."""

    task: str
    title: str
    metric: str
    """The metric and its direction."""
    trained_on: str
    train_rows: str
    cells: tuple[TransferCell, ...]
    """In English, then in Chinese."""


@dataclass(frozen=True)
class TransferView:
    """The transfer of all tasks it was measured for."""

    rows: tuple[TransferRow, ...]
    findings: tuple[str, ...]
    how: str


def view_transfers(transfers: Sequence[LanguageTransfer], texts: Words) -> TransferView | None:
    """The transfers in words; None where there are none."""
    if not transfers:
        return None
    findings = [line for one in transfers for line in _findings(one, texts)]
    return TransferView(
        rows=tuple(_row(one, model, texts) for one in transfers for model in one.models),
        findings=tuple(findings) or (texts.say("transfer.nothing"),),
        how=texts.say("transfer.how"),
    )


def view_measured_transfers(transfers: Sequence[LanguageTransfer], language: Language) -> tuple[TransferView | None, Words]:
    """The same, with the words of a language."""
    return view_transfers(transfers, words(language)), words(language)


def _row(transfer: LanguageTransfer, model: TransferModel, texts: Words) -> TransferRow:
    direction = texts.say("label.lower" if transfer.lower_is_better else "label.higher")
    return TransferRow(
        task=transfer.task,
        title=_title(transfer, texts),
        metric=texts.say("label.metric_brief", metric=transfer.metric, direction=direction),
        trained_on=texts.say(f"transfer.trained_{model.trained_on}"),
        train_rows=f"{model.train_rows:,}",
        cells=tuple(_cell(transfer, model, language, texts) for language in _LANGUAGES),
    )


def _cell(transfer: LanguageTransfer, model: TransferModel, language: Language, texts: Words) -> TransferCell:
    score, found = model.scores.get(language), _against_own(transfer, model.trained_on, language)
    return TransferCell(
        score=f"{score.value:.3f}" if score else texts.say("label.none"),
        interval=f"{score.low:.2f}–{score.high:.2f}" if score else "",
        difference=f"{VERDICT_SYMBOLS[found.verdict]} {signed(found.difference.value, 3)}" if found else "",
        verdict=found.verdict if found else "",
    )


def _against_own(transfer: LanguageTransfer, trained_on: TrainedOn, language: Language) -> TransferDifference | None:
    pairs = {(one.language, one.first): one for one in transfer.differences if one.second != "base"}
    return pairs.get((language, trained_on))


def _findings(transfer: LanguageTransfer, texts: Words) -> Iterator[str]:
    for one in transfer.differences:
        if one.verdict != "inconclusive":
            other: Language = "zh" if one.language == "en" else "en"
            yield texts.say(
                f"transfer.{one.question}_{one.verdict}",
                task=_title(transfer, texts),
                own=texts.say(f"transfer.language_{one.language}"),
                other=texts.say(f"transfer.language_{other}"),
                difference=signed(one.difference.value, 3),
                low=signed(one.difference.low, 2),
                high=signed(one.difference.high, 2),
                p=p_words(one.p_holm),
            )


def _title(transfer: LanguageTransfer, texts: Words) -> str:
    return clean(transfer.titles.get(texts.language) or next(iter(transfer.titles.values()), transfer.task))
