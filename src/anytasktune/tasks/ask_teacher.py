"""A draft from a teacher model: first the actions and their steps, then each step by itself.

Answers are read with care: models write what they like.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from anytasktune.llm import Asker, MisfitError, Question, render_prompt
from anytasktune.outputs import OUTPUT_KINDS, LabelOutput, LabelsOutput, NumberOutput, Output, Rules, TextOutput
from anytasktune.records import Language
from anytasktune.tasks.build_tasks import build_task, first_fault
from anytasktune.tasks.pool_drafts import ActionDraft, Bilingual, PoolDraft, StepDraft, output_of_fields, proper_name
from anytasktune.text.plain_text import collapse_space
from anytasktune.text.scripts import is_in_script

PROMPTS = Path(__file__).parent / "prompts"
MOST_STEPS = 24
"""Steps that are asked about at most: a weak teacher repeats itself without end."""
_OUTLINE_TOKENS, _STEP_TOKENS = 4096, 2048
"""Longest answers; an outline in two languages is long."""
_MOST_CHARACTERS, _LARGEST = 4000, 1_000_000
_LANGUAGES: dict[Language, dict[Language, str]] = {
    "en": {"en": "English (key en)", "zh": "Chinese (key zh), as a native speaker would put it, not word for word"},
    "zh": {"en": "英文（键为en），按母语者的说法写，不逐字翻译", "zh": "中文（键为zh）"},
}
_ROLE = {"en": "You answer with JSON only.", "zh": "你只用JSON回答。"}
_BY = {"en": "proposed by the model {model}: read it over", "zh": "由模型 {model} 提出，请通读核对"}
_UNKNOWN = {"en": "unknown", "zh": "未知"}


@dataclass(frozen=True)
class Refused:
    """A proposal that could not be used.

    Attributes:
        what: its title, or a number where it has none.
        reason: a short snake_case name: `unusable_answer`, `not_answered`, `over_budget`, `no_title`, `other_language`,
            `no_steps`, `repeated`, `too_many`, `bad_form`.
        detail: why, in words.
    """

    what: str
    reason: str
    detail: str = ""


def ask_teacher(
    teacher: Asker, material: str, languages: Sequence[Language], known: Sequence[str] = ()
) -> tuple[PoolDraft, list[Refused]]:
    """Let a teacher propose actions and steps from material; also returns proposals that cannot be used.

    Args:
        languages: in which all texts are wanted; prompts and remarks are in the first of them.
        known: titles of existing actions.

    Raises:
        EndpointError: the teacher cannot be asked. What it answered before is kept by its store.
    """
    voice = languages[0]
    spoken = "; ".join(_LANGUAGES[voice][language] for language in languages)
    asked = Question(
        _messages("actions", voice, languages=spoken, known=", ".join(known), material=material),
        outline_schema(languages),
        lambda value: _read_outline(value, languages),
        voice,
        max_tokens=_OUTLINE_TOKENS,
    )
    reply = teacher.ask_all([asked])[0]
    if reply.value is None:
        return PoolDraft(), [Refused("actions", reply.fault, reply.detail)]
    outline, refused = reply.value
    remark = proposed_by(teacher.model, voice)
    questions = [
        _about_step(outline, action, step, languages, spoken, remark) for action in outline.actions for step in action.steps
    ]
    replies = iter(teacher.ask_all(questions))
    actions: list[ActionDraft] = []
    for action in outline.actions:
        steps: list[StepDraft] = []
        follows = True
        for step, answer in zip(action.steps, replies, strict=False):
            if answer.value is None:
                reason = "bad_form" if answer.fault == "unusable_answer" else answer.fault
                refused.append(Refused(step.title.get(voice, _UNKNOWN[voice]), reason, answer.detail))
            else:
                steps.append(answer.value if follows else answer.value.model_copy(update={"from_previous": False}))
            follows = answer.value is not None
        actions += [action.model_copy(update={"steps": steps})] if steps else []
    return outline.model_copy(update={"actions": actions}), refused


def proposed_by(model: str, voice: Language) -> str:
    """The remark on every task that a teacher proposed and nobody has reviewed yet."""
    return _BY[voice].format(model=model)


def outline_schema(languages: Sequence[Language]) -> dict[str, Any]:
    """JSON Schema of the answer that names actions and steps."""
    texts = _object({key: {"type": "string"} for key in languages})
    step = _object({"title": texts, "done_by": texts, "hands_over": texts, "from_previous": {"type": "boolean"}})
    action = _object({"title": texts, "steps": {"type": "array", "items": step, "minItems": 1, "maxItems": 6}})
    actions = {"type": "array", "items": action, "minItems": 1, "maxItems": 6}
    return _object({"name": {"type": "string"}, "title": texts, "description": {"type": "string"}, "actions": actions})


def step_schema(languages: Sequence[Language]) -> dict[str, Any]:
    """JSON Schema of the answer that describes one step."""
    strings, whole, number = {"type": "array", "items": {"type": "string"}}, {"type": "integer"}, {"type": "number"}
    properties = {
        "guidance": _object({key: {"type": "string"} for key in languages}),
        "kind": {"enum": list(OUTPUT_KINDS)},
        "labels": _object(dict.fromkeys(languages, strings)),
        "fields": strings,
        "minimum": number,
        "maximum": number,
        "min_items": whole,
        "max_items": whole,
        "max_length": whole,
        "copied": {"type": "boolean"},
    }
    return _object(properties) | {"required": ["guidance", "kind"]}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False}


def _messages(name: str, language: Language, **values: str) -> list[dict[str, str]]:
    prompt = render_prompt(PROMPTS, name, language, **values)
    return [{"role": "system", "content": _ROLE[language]}, {"role": "user", "content": prompt}]


def _about_step(
    outline: PoolDraft, action: ActionDraft, step: StepDraft, languages: Sequence[Language], spoken: str, remark: str
) -> Question[StepDraft]:
    voice = languages[0]
    nothing = _UNKNOWN[voice]
    values = {
        "field": outline.title.get(voice) or outline.name or nothing,
        "action": action.title.get(voice, nothing),
        "step": step.title.get(voice, nothing),
        "done_by": step.done_by.get(voice, nothing),
        "hands_over": step.hands_over.get(voice, nothing),
        "languages": spoken,
    }

    def read(value: Any) -> StepDraft:
        try:
            guidance, output, rules = read_step(value, languages)
            described = {"guidance": guidance, "output": output, "rules": rules, "remarks": [remark]}
            made = step.model_copy(update=described)
            build_task(made, "trial", None)
        except ValidationError as error:
            raise MisfitError(first_fault(error)) from None
        return made

    return Question(_messages("step", voice, **values), step_schema(languages), read, voice, max_tokens=_STEP_TOKENS)


def _read_outline(value: Any, languages: Sequence[Language]) -> tuple[PoolDraft, list[Refused]]:
    """Actions with the titles of their steps, and what of it cannot be used; MisfitError if nothing can."""
    entries = value.get("actions") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise MisfitError("it has no list `actions`")
    refused: list[Refused] = []
    actions: list[ActionDraft] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries, 1):
        fields: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
        title = read_texts(fields.get("title"), languages)
        what = next(iter(title.values()), f"action {number}")
        steps = _read_steps(fields.get("steps"), what, languages, seen, refused) if title else []
        if not steps:
            refused.append(Refused(what, "no_steps") if title else _untitled(what, fields))
            continue
        actions.append(ActionDraft(title=title, steps=[steps[0].model_copy(update={"from_previous": False}), *steps[1:]]))
    if not actions:
        faults = "; ".join(f"{one.what}: {one.reason.replace('_', ' ')} {one.detail}".strip() for one in refused[:3])
        raise MisfitError(f"no action with a step in it can be used ({faults})" if faults else "the list `actions` is empty")
    description, name = value.get("description"), value.get("name")
    if not isinstance(description, str):
        description = next(iter(read_texts(description, languages).values()), "")
    draft = PoolDraft(
        name=proper_name(name) if isinstance(name, str) else "",
        title=read_texts(value.get("title"), languages),
        description=collapse_space(description),
        actions=actions,
    )
    return draft, refused


def _read_steps(
    entries: Any, action: str, languages: Sequence[Language], seen: set[str], refused: list[Refused]
) -> list[StepDraft]:
    """The steps of an action that can be used; `seen` are the titles of all before, the others go to `refused`."""
    steps: list[StepDraft] = []
    for number, entry in enumerate(entries if isinstance(entries, list) else [], 1):
        # small models give the title where a step with a title is asked for
        fields: Mapping[str, Any] = entry if isinstance(entry, dict) else {"title": entry}
        title = read_texts(fields.get("title"), languages)
        what = next(iter(title.values()), f"{action}, step {number}")
        if not title:
            refused.append(_untitled(what, fields))
        elif what.casefold() in seen:
            refused.append(Refused(what, "repeated"))
        elif len(seen) >= MOST_STEPS:
            refused.append(Refused(what, "too_many", f"{MOST_STEPS} steps are asked about at most"))
        else:
            seen.add(what.casefold())
            texts = {name: read_texts(fields.get(name), languages) for name in ("done_by", "hands_over")}
            steps.append(StepDraft(title=title, **texts, from_previous=fields.get("from_previous") is True))
    return steps


def _untitled(what: str, fields: Mapping[str, Any]) -> Refused:
    said = fields.get("title")
    return Refused(what, "other_language", f"title is {str(said)[:60]!r}") if said else Refused(what, "no_title")


def read_texts(value: Any, languages: Sequence[Language]) -> Bilingual:
    """The texts that are in the languages they should be in; a bare text is in the first that it can be in."""
    if isinstance(value, str):
        value = next(({language: value} for language in languages if is_in_script(value, language)), {})
    texts = [(language, value.get(language) if isinstance(value, dict) else None) for language in languages]
    return {
        language: collapse_space(text)[:_MOST_CHARACTERS]
        for language, text in texts
        if isinstance(text, str) and text.strip() and is_in_script(text, language)
    }


def read_step(value: Any, languages: Sequence[Language]) -> tuple[Bilingual, Output, Rules]:
    """Directions, output and rules of a step; MisfitError or ValidationError with the fault, for the model to correct."""
    if not isinstance(value, dict):
        raise MisfitError("it is no JSON object")
    guidance = read_texts(value.get("guidance"), languages)
    if missing := [language for language in languages if language not in guidance]:
        raise MisfitError(f"guidance.{missing[0]} is missing, or not in that language")
    kind = str(value.get("kind"))
    if kind not in _READERS:
        raise MisfitError(f"kind is {kind[:40]!r}, not one of {', '.join(_READERS)}")
    return guidance, *_READERS[kind](value, languages)


def _label(value: Mapping[str, Any], languages: Sequence[Language]) -> tuple[Output, Rules]:
    labels = _labels(value.get("labels"), languages)
    if not labels:
        raise MisfitError("kind is label, and there is no list `labels`")
    return LabelOutput(kind="label", labels=labels), Rules()


def _items(value: Mapping[str, Any], languages: Sequence[Language]) -> tuple[Output, Rules]:
    low, high = _whole(value.get("min_items")) or 1, _whole(value.get("max_items"))
    rules = Rules(min_items=min(low, high or low), max_items=high or None, copies_from_input=value.get("copied") is True)
    return LabelsOutput(kind="labels", labels=_labels(value.get("labels"), languages) or None), rules


def _fields(value: Mapping[str, Any], _: Sequence[Language]) -> tuple[Output, Rules]:
    given = value.get("fields")
    names = [name for name in given if isinstance(name, str) and name.strip()] if isinstance(given, list) else []
    if not names:
        raise MisfitError("kind is json, and there is no list `fields` with names of keys")
    output = output_of_fields({"_".join(name.split()): False for name in names})
    return output, Rules(copies_from_input=value.get("copied") is True)


def _number(value: Mapping[str, Any], _: Sequence[Language]) -> tuple[Output, Rules]:
    low, high = value.get("minimum"), value.get("maximum")
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)) or not -_LARGEST <= low < high <= _LARGEST:
        raise MisfitError("kind is number, and minimum and maximum are not two numbers, the lower one first")
    return NumberOutput(kind="number", minimum=low, maximum=high, decimals=0 if float(low).is_integer() else 1), Rules()


def _text(value: Mapping[str, Any], _: Sequence[Language]) -> tuple[Output, Rules]:
    return TextOutput(kind="text"), Rules(max_length=_whole(value.get("max_length")) or None)


_READERS = {"label": _label, "labels": _items, "json": _fields, "number": _number, "text": _text}


def _labels(value: Any, languages: Sequence[Language]) -> dict[Language, list[str]]:
    """The labels per language; empty where there are none, MisfitError where there is one, or not as many in each."""
    given = {languages[0]: value} if isinstance(value, list) else value if isinstance(value, dict) else {}
    found: dict[Language, list[str]] = {}
    for language in languages:
        names = given.get(language)
        texts = [name for name in names if isinstance(name, str) and name.strip()] if isinstance(names, list) else []
        if labels := list(dict.fromkeys(map(collapse_space, texts))):
            found[language] = labels
    sizes = {len(names) for names in found.values()}
    if found and (min(sizes) < 2 or len(sizes) > 1):
        raise MisfitError("labels must be at least two different ones, as many in every language")
    return found


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < _LARGEST else 0
