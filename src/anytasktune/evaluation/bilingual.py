"""How a system does a task in English and in Chinese, from the answers of the evaluation; what is compared is corrected."""

from collections.abc import Mapping, Sequence

from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.evaluation.source_clusters import by_source
from anytasktune.evaluation.verdicts import verdict_on
from anytasktune.records import Language
from anytasktune.schema import Example, Task, TaskReport
from anytasktune.schema.language_parity import LanguageParity
from anytasktune.schema.language_transfer import LanguageTransfer, TransferDifference
from anytasktune.scorers import item_statistics
from anytasktune.scorers.intervals import score_interval
from anytasktune.scorers.statistics import holm
from anytasktune.scorers.unpaired_tests import compare_unpaired
from anytasktune.settings import EvalConfig, System
from anytasktune.text.language import has_letters, has_other_sentence
from anytasktune.text.scripts import is_in_script

LANGUAGES: tuple[Language, ...] = ("en", "zh")
FEWEST_ROWS = 10
"""Rows of each language with a score; with fewer nothing is said."""


def language_parities(
    task: Task, examples: Sequence[Example], systems: Mapping[System, ScoredSystem], config: EvalConfig
) -> list[LanguageParity]:
    """The systems that answered enough rows of both languages, not yet corrected for several tasks; none for other tasks."""
    if len(task.languages) < 2:
        return []
    found = [_parity(task, examples, entry, config) for entry in systems.values()]
    return [parity for parity in found if parity is not None]


def correct_parities(tasks: Sequence[TaskReport], alpha: float) -> list[TaskReport]:
    """The tasks with their parities corrected over all of them, system by system, and the verdicts that follow."""
    values: dict[tuple[int, System], float] = {}
    for system in dict.fromkeys(entry.system for task in tasks for entry in task.parity):
        family = [(n, entry.p_value) for n, task in enumerate(tasks) for entry in task.parity if entry.system == system]
        p_holm = holm([value for _, value in family])
        values |= {(n, system): value for (n, _), value in zip(family, p_holm, strict=True)}
    return [
        task.model_copy(
            update={"parity": [_settled(entry, values[n, entry.system], task.lower_is_better, alpha) for entry in task.parity]}
        )
        for n, task in enumerate(tasks)
    ]


def correct_task_transfers(tasks: Sequence[TaskReport], alpha: float) -> list[TaskReport]:
    """The tasks with their transfers between languages corrected over all of them."""
    measured = iter(correct_transfers([task.transfer for task in tasks if task.transfer], alpha))
    return [task.model_copy(update={"transfer": next(measured)}) if task.transfer else task for task in tasks]


def correct_transfers(transfers: Sequence[LanguageTransfer], alpha: float) -> list[LanguageTransfer]:
    """The same with p values corrected over all of them and their languages, question by question, and the verdicts."""
    settled: dict[tuple[int, int], TransferDifference] = {}
    entries = [((n, place), one) for n, transfer in enumerate(transfers) for place, one in enumerate(transfer.differences)]
    for question in dict.fromkeys(one.question for _, one in entries):
        family = [(key, one) for key, one in entries if one.question == question]
        corrected = holm([one.p_value for _, one in family])
        for (key, one), p_holm in zip(family, corrected, strict=True):
            verdict = verdict_on(one.difference.value, p_holm, transfers[key[0]].lower_is_better, alpha)
            settled[key] = one.model_copy(update={"p_holm": p_holm, "verdict": verdict})
    return [
        transfer.model_copy(update={"differences": [settled[n, place] for place in range(len(transfer.differences))]})
        for n, transfer in enumerate(transfers)
    ]


def is_other_script(task: Task, text: str, language: Language) -> bool:
    """Whether what is written freely in an answer is in another script than that of `language`, or holds a sentence of the
    other language."""
    written = " ".join(piece for _, piece in task.output.pieces(text, language))
    return has_letters(written) and (not is_in_script(written, language) or has_other_sentence(written, language))


def _settled(entry: LanguageParity, p_holm: float, is_lower: bool, alpha: float) -> LanguageParity:
    value, verdict = entry.difference.value, "inconclusive"
    if p_holm < alpha and value != 0:
        verdict = "en" if (value > 0) != is_lower else "zh"
    return entry.model_copy(update={"p_holm": p_holm, "verdict": verdict})


def _parity(task: Task, examples: Sequence[Example], entry: ScoredSystem, config: EvalConfig) -> LanguageParity | None:
    scored = sorted(entry.scored_rows)
    spoken = [task.language_of(examples[row].language) for row in scored]
    places = {language: [place for place, one in enumerate(spoken) if one == language] for language in LANGUAGES}
    if min(map(len, places.values())) < FEWEST_ROWS:
        return None
    outputs = [entry.predictions[row].output for row in scored]
    whole = item_statistics(task, [examples[row].output for row in scored], outputs)
    parts = {
        language: by_source(examples, [scored[place] for place in own], whole.take(own)) for language, own in places.items()
    }
    compared = compare_unpaired(parts["en"], parts["zh"], config.resamples, config.seed)
    free = {
        language: [place for place in own if _is_free(task, examples[scored[place]], language)]
        for language, own in places.items()
    }
    return LanguageParity(
        system=entry.system,
        scores={language: score_interval(part, config.resamples, config.seed) for language, part in parts.items()},
        rows={language: len(own) for language, own in places.items()},
        difference=compared.difference,
        p_value=compared.p_value,
        p_holm=compared.p_value,
        verdict="inconclusive",
        other_script={
            language: sum(is_other_script(task, outputs[place], language) for place in own) for language, own in free.items()
        },
        free_text={language: len(own) for language, own in free.items()},
    )


def _is_free(task: Task, example: Example, language: Language) -> bool:
    """Whether the reference has freely written text, all in the script of the row's language."""
    written = " ".join(piece for _, piece in task.output.pieces(example.output, language))
    return has_letters(written) and not is_other_script(task, example.output, language)
