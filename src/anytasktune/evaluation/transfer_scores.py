"""Answers of Task-LMs trained on English, on Chinese and on both → what the rows of one language bring to the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from anytasktune.evaluation.bilingual import correct_transfers
from anytasktune.evaluation.comparison import compare_systems, scored_interval
from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.ids import content_id
from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.schema.language_transfer import LanguageTransfer, TrainedOn, TransferDifference, TransferModel
from anytasktune.settings import EvalConfig

OTHER: Mapping[Language, Language] = {"en": "zh", "zh": "en"}


@dataclass(frozen=True)
class TrainedAnswers:
    """The answers of one model to the rows of both languages.

    Attributes:
        scored: on all rows.
        run: id of the training run; None for the base model.
    """

    scored: ScoredSystem
    train_rows: int = 0
    seconds: float = 0.0
    run: str | None = None


def language_transfer(
    task: Task,
    rows: Sequence[Example],
    measured_on: tuple[str, Literal["dev", "test"]],
    answers: Mapping[TrainedOn, TrainedAnswers],
    config: EvalConfig,
) -> LanguageTransfer:
    """Score the models in both languages and compare them, corrected over the languages.

    Args:
        rows: of both languages, which every model has answered.
        measured_on: the id of their data set, and their split.
        answers: by the languages of the training rows.
        config: resamples, seed and significance.
    """
    parts = _Parts(task, rows, answers, config)
    compared = [parts.difference(*question) for question in _questions()]
    transfer = LanguageTransfer(
        id="",
        task=task.name,
        titles=task.title,
        metric=task.scored_by,
        lower_is_better=task.scored_by in LOWER_IS_BETTER,
        dataset=measured_on[0],
        split=measured_on[1],
        models=[parts.model(trained_on) for trained_on in answers],
        differences=[one for one in compared if one],
    )
    identity = content_id(transfer.model_dump(mode="json", exclude={"id"}))
    return correct_transfers([transfer.model_copy(update={"id": identity})], config.significance)[0]


@dataclass(frozen=True)
class _Parts:
    """The answers divided by the language of the rows."""

    task: Task
    rows: Sequence[Example]
    answers: Mapping[TrainedOn, TrainedAnswers]
    config: EvalConfig

    def places(self, language: Language) -> list[int]:
        return [place for place, row in enumerate(self.rows) if self.task.language_of(row.language) == language]

    def scored(self, trained_on: TrainedOn, language: Language) -> ScoredSystem:
        whole, own = self.answers[trained_on].scored, self.places(language)
        return replace(whole, predictions=[whole.predictions[n] for n in own], scores=[whole.scores[n] for n in own])

    def model(self, trained_on: TrainedOn) -> TransferModel:
        one = self.answers[trained_on]
        parts = {language: self.scored(trained_on, language) for language in OTHER}
        scores = {
            language: scored_interval(self.task, [self.rows[n] for n in self.places(language)], part, self.config)
            for language, part in parts.items()
        }
        return TransferModel(
            trained_on=trained_on,
            train_rows=one.train_rows,
            seconds=one.seconds,
            scores={language: score for language, score in scores.items() if score},
            rows={language: len(part.scored_rows) for language, part in parts.items()},
            predictions=one.scored.prediction_set,
            predictions_sha256=one.scored.sha256,
            run=one.run,
        )

    def difference(self, language: Language, first: TrainedOn, second: TrainedOn) -> TransferDifference | None:
        rows = [self.rows[n] for n in self.places(language)]
        pair = self.scored(first, language), self.scored(second, language)
        found = compare_systems(self.task, rows, pair, self.config)
        if found is None:
            return None
        return TransferDifference(
            language=language,
            first=first,
            second=second,
            items=found.items,
            difference=found.difference,
            p_value=found.p_value,
            p_holm=found.p_value,
            verdict=found.verdict,
        )


def _questions() -> Iterator[tuple[Language, TrainedOn, TrainedOn]]:
    """The comparisons: (language of the rows, one model, the other model)."""
    for language, other in OTHER.items():
        yield language, other, "base"
        yield language, other, language
        yield language, "both", language
