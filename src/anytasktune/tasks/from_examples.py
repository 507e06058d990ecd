"""A draft from past work alone: one step per cluster of rows, with the output of its answers."""

import json
from collections import Counter
from collections.abc import Sequence

from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.tasks.clustering import Rows, chains, cluster_examples
from anytasktune.tasks.infer_output import infer_output
from anytasktune.tasks.pool_drafts import ActionDraft, PoolDraft, StepDraft, proper_name
from anytasktune.text.language import likelier_language
from anytasktune.text.personal_data import find_personal_data
from anytasktune.text.plain_text import shorten

_SPOKEN = 0.1
"""Share of the rows from which a language is taken to be spoken in a task."""
_NAME_WORDS = 2
_GUIDANCE = {
    "en": "Read the input and answer as in the rows of past work",
    "zh": "阅读输入内容，按以往记录的做法作答",
}
_FOUND = {
    "en": "found in {count} rows of past work, e.g. {example}",
    "zh": "从{count}行以往记录中归纳得出，例如：{example}",
}


def draft_from_examples(examples: Sequence[Example], voice: Language = "en") -> tuple[PoolDraft, int]:
    """A draft whose steps are the tasks that `examples` show, chained where inputs are outputs; and how many rows fit none.

    Args:
        voice: language of the remarks.
    """
    tasks, left = cluster_examples(examples)
    actions = []
    for chain in chains(tasks):
        steps = [_step(tasks[number], voice, from_previous=place > 0) for place, number in enumerate(chain)]
        actions.append(ActionDraft(name="past_work", steps=steps))
    return PoolDraft(actions=actions), len(left)


def _step(rows: Rows, voice: Language, *, from_previous: bool) -> StepDraft:
    output, rules = infer_output(rows)
    verb, *words = output.name_words()
    # digits alone are no proper name, but tell numbers and classes apart
    names = [name for word in words if (name := proper_name(word) or "_".join(part for part in word.split() if part.isdigit()))]
    spoken = Counter(row.language or likelier_language(row.input) for row in rows)
    languages = [language for language, count in spoken.most_common() if count >= _SPOKEN * len(rows)]
    shown = min(rows, key=lambda row: len(row.input) + len(row.output))
    texts = [json.dumps(shorten(text), ensure_ascii=False) for text in (shown.input, shown.output)]
    example = "…" if find_personal_data("\n".join(texts)) else " → ".join(texts)
    return StepDraft(
        name=proper_name("_".join([verb, *names[:_NAME_WORDS]])),
        guidance={language: _GUIDANCE[language] for language in languages},
        from_previous=from_previous,
        output=output,
        rules=rules,
        left_open=["guidance"],
        remarks=[_FOUND[voice].format(count=len(rows), example=example)],
    )
