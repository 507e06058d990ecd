"""A draft from examples of past work alone: one step per cluster, with the form of its answers."""

from collections import Counter
from collections.abc import Sequence

from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.tasks.answer_forms import form_of, short
from anytasktune.tasks.build_tasks import left_open
from anytasktune.tasks.clustering import Rows, chains, cluster_examples
from anytasktune.tasks.pool_drafts import ActionDraft, Form, PoolDraft, StepDraft, proper_name
from anytasktune.text.language import likelier_language
from anytasktune.text.personal_data import find_personal_data

_SPOKEN = 0.1
"""Share of the rows from which a language is taken to be spoken in a task."""
_NAME_WORDS = 2
_TOLD = {
    "en": "Read the input and answer as in the rows of past work",
    "zh": "阅读输入内容，按以往记录的做法作答",
}
_FOUND = {
    "en": "found in {count} rows of past work, e.g. {example}",
    "zh": "从{count}行以往记录中归纳得出，例如：{example}",
}
_VERBS = {"label": "choose", "labels": "list", "json": "fill", "number": "rate", "text": "write"}


def draft_from_examples(examples: Sequence[Example], voice: Language = "en") -> tuple[PoolDraft, int]:
    """A draft whose steps are the tasks that `examples` show, chained where inputs are outputs; and how many rows fit none.

    Args:
        voice: language of the remarks.
    """
    tasks, left = cluster_examples(examples)
    actions = []
    for chain in chains(tasks):
        steps = [_step(tasks[number], voice, goes_on=place > 0) for place, number in enumerate(chain)]
        actions.append(ActionDraft(name="past_work", steps=steps))
    return PoolDraft(actions=actions), len(left)


def _step(rows: Rows, voice: Language, *, goes_on: bool) -> StepDraft:
    form = form_of(rows)
    spoken = Counter(row.language or likelier_language(row.input) for row in rows)
    languages = [language for language, count in spoken.most_common() if count >= _SPOKEN * len(rows)]
    told: dict[Language, str] = {language: _TOLD[language] for language in languages}
    remarks = [_found(rows, voice), left_open("told", voice)]
    return StepDraft(name=_name(form, rows), told=told, goes_on=goes_on, form=form, remarks=remarks)


def _found(rows: Rows, voice: Language) -> str:
    shown = min(rows, key=lambda row: len(row.input) + len(row.output))
    example = f"{short(shown.input)} → {short(shown.output)}"
    return _FOUND[voice].format(count=len(rows), example="…" if find_personal_data(example) else example)


def _name(form: Form, rows: Rows) -> str:
    """A verb and what is most telling of the answers, so that other rows of the same task get the same name."""
    inner = form.json_schema.get("items") if form.json_schema.get("type") == "array" else form.json_schema
    words = [label for labels in form.labels.values() for label in sorted(labels)] or list((inner or {}).get("properties", {}))
    if form.kind == "number":
        words = [f"{form.minimum:g} to {form.maximum:g}"]
    told = "_".join([name for word in words if (name := proper_name(word) or _digits(word))][:_NAME_WORDS])
    return proper_name(f"{_VERBS[form.kind]}_{told}")


def _digits(word: str) -> str:
    return "_".join(part for part in word.split() if part.isdecimal() and part.isascii())
