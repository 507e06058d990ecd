"""Drafts to a Task Pool: names, instructions, hand-overs, and remarks on what is still open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pydantic import TypeAdapter, ValidationError

from anytasktune.outputs import Output, Rules
from anytasktune.records import Language
from anytasktune.schema import Action, Task
from anytasktune.tasks.instructions import instruction
from anytasktune.tasks.pool_drafts import ActionDraft, Form, PoolDraft, StepDraft, Texts, proper_name

DEFAULT_LENGTH = 400
DEFAULT_ITEMS = 5
_NAMES: dict[Language, dict[Language, str]] = {"en": {"en": "English", "zh": "Chinese"}, "zh": {"en": "英文", "zh": "中文"}}
_MISSING = {
    "en": "no {language} yet; `anytasktune tasks propose --interview --language {code}` asks for it",
    "zh": "尚无{language}；可用 `anytasktune tasks propose --interview --language {code}` 补充",
}
_OPEN = {
    "en": {
        "title": "left open: a title for people",
        "told": "left open: how it is done; write it at the beginning of the instruction",
        "done_by": "left open: who does it today (done_by)",
        "hands_over": "left open: what it hands over (hands_over)",
        "form": f"left open: what comes out; taken to be a text of at most {DEFAULT_LENGTH} characters",
        "labels": "left open: the answers to choose from; write output: {kind: label, labels: [...]}",
        "items": f"left open: how many items; taken to be at most {DEFAULT_ITEMS}",
        "fields": "left open: the keys of the form; write output.json_schema with properties and required",
        "length": f"left open: how long; taken to be at most {DEFAULT_LENGTH} characters",
        "labels_shared": "one list of answers for both languages; where each has its own write labels: {en: [...], zh: [...]}",
    },
    "zh": {
        "title": "待补充：给人看的名称（title）",
        "told": "待补充：具体怎么做，写在 instruction 开头",
        "done_by": "待补充：现在由谁来做（done_by）",
        "hands_over": "待补充：交出什么（hands_over）",
        "form": f"待补充：结果的形式；暂定为不超过{DEFAULT_LENGTH}个字符的文字",
        "labels": "待补充：可选的答案；写成 output: {kind: label, labels: [...]}",
        "items": f"待补充：有几项；暂定最多{DEFAULT_ITEMS}项",
        "fields": "待补充：表单有哪些键；在 output.json_schema 里写 properties 和 required",
        "length": f"待补充：长度；暂定不超过{DEFAULT_LENGTH}个字符",
        "labels_shared": "两种语言共用一份答案清单；如各有写法，请写成 labels: {en: [...], zh: [...]}",
    },
}
_output: TypeAdapter[Output] = TypeAdapter(Output)


@dataclass(frozen=True)
class DraftedTask:
    """A task made of a draft, and what whoever edits it should know."""

    task: Task
    remarks: tuple[str, ...]


@dataclass
class DraftedPool:
    """Actions and tasks made of drafts.

    Attributes:
        actions: name → action; its steps are names of `tasks`.
        tasks: name → task with remarks, in the order of the work.
        dropped: drafted steps that could not be made tasks: title → why.
    """

    actions: dict[str, Action] = field(default_factory=dict)
    tasks: dict[str, DraftedTask] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)


def build(draft: PoolDraft, voice: Language = "en") -> DraftedPool:
    """Actions and tasks of a draft.

    Names are made from titles and are the same every time. A step that cannot be made a task is dropped with the reason, and
    the one after it starts from nothing.

    Args:
        voice: language of the remarks.
    """
    pool = DraftedPool()
    for number, action in enumerate(draft.actions, 1):
        names = _steps(action, pool, number, voice)
        if names:
            name = _new_name([action.name, *_by_language(action.title)], f"action_{number}", pool.actions)
            pool.actions[name] = Action(name=name, title=action.title, steps=names)
    return pool


def _steps(action: ActionDraft, pool: DraftedPool, number: int, voice: Language) -> list[str]:
    names: list[str] = []
    before: str | None = None
    for place, step in enumerate(action.steps, 1):
        name = _new_name([step.name, *_by_language(step.title)], f"step_{number}_{place}", pool.tasks)
        try:
            pool.tasks[name] = build_task(step, name, before if step.goes_on else None, voice)
        except ValidationError as error:
            pool.dropped[_by_language(step.title)[0] or name] = fault_in(error)
            before = None
            continue
        names.append(name)
        before = name
    return names


def build_task(step: StepDraft, name: str, input_from: str | None, voice: Language = "en") -> DraftedTask:
    """The task of a drafted step; pydantic's ValidationError if its output or texts do not go together."""
    languages: list[Language] = list(step.told) or list(step.title) or [voice]
    form, missing = _whole_form(step.form)
    output, rules = _output_of(form, languages), form.rules
    told = {language: step.told.get(language) or step.title.get(language) or name for language in languages}
    texts: dict[Language, str] = {language: instruction(told[language], output, rules, language) for language in languages}
    missing |= {what for what in ("title", "told", "done_by", "hands_over") if not getattr(step, what)}
    if form.labels and len(languages) > 1 and set(form.labels) != set(languages):
        missing.add("labels_shared")
    task = Task(
        name=name,
        title=step.title,
        instruction=texts,
        output=output,
        rules=rules,
        input_from=input_from,
        done_by=step.done_by,
        hands_over=step.hands_over,
    )
    open_ = [_OPEN[voice][what] for what in _OPEN[voice] if what in missing]
    return DraftedTask(task, (*step.remarks, *missing_languages(languages, voice), *open_))


def missing_languages(spoken: Sequence[Language], voice: Language) -> list[str]:
    """A remark for each language that nobody spoke."""
    return [_MISSING[voice].format(language=_NAMES[voice][code], code=code) for code in _NAMES if code not in spoken]


def missing_language_remarks(language: Language) -> set[str]:
    """All remarks that say `language` is missing."""
    return {_MISSING[voice].format(language=_NAMES[voice][language], code=language) for voice in _NAMES}


def left_open(what: str, voice: Language) -> str:
    """The remark that `title`, `told`, `done_by`, … is still to be written."""
    return _OPEN[voice][what]


def fault_in(error: ValidationError) -> str:
    """The first fault of a record, in a line."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def _whole_form(form: Form | None) -> tuple[Form, set[str]]:
    """The form with defaults where a program would otherwise have nothing to check, and what these stand for."""
    if form is None:
        return Form(kind="text", rules=Rules(max_length=DEFAULT_LENGTH)), {"form"}
    if form.kind == "label" and not form.labels:
        return Form(kind="text", rules=Rules(max_length=DEFAULT_LENGTH)), {"labels"}
    if form.kind == "json" and not form.json_schema:
        return form.model_copy(update={"json_schema": {"type": "object"}}), {"fields"}
    rules = form.rules
    if form.kind == "labels" and not form.labels and rules.max_items is None:
        return form.model_copy(update={"rules": _with(rules, max_items=max(DEFAULT_ITEMS, rules.min_items or 0))}), {"items"}
    if form.kind == "text" and rules.max_length is None and rules.max_items is None and rules.pattern is None:
        return form.model_copy(update={"rules": _with(rules, max_length=DEFAULT_LENGTH)}), {"length"}
    return form, set()


def _with(rules: Rules, **changes: int) -> Rules:
    return Rules.model_validate(rules.model_dump() | changes)


def _output_of(form: Form, languages: Sequence[Language]) -> Output:
    fields: dict[str, Any] = {"kind": form.kind}
    if form.kind in {"label", "labels"} and form.labels:
        fields["labels"] = _fitting_labels(form.labels, languages)
    if form.kind == "labels":
        fields["separator"] = form.separator
    if form.kind == "json":
        fields["json_schema"] = form.json_schema
    if form.kind == "number":
        fields |= {"minimum": form.minimum, "maximum": form.maximum, "decimals": form.decimals}
    return _output.validate_python(fields)


def _fitting_labels(
    labels: Mapping[Language, list[str]], languages: Sequence[Language]
) -> list[str] | dict[Language, list[str]]:
    """One list if there is only one, or if one holds in all languages; else one per language of the instruction."""
    lists = list(labels.values())
    if len(lists) == 1 or all(given == lists[0] for given in lists) or not set(languages) <= set(labels):
        return next((labels[language] for language in languages if language in labels), lists[0])
    return {language: labels[language] for language in languages} if len(languages) > 1 else labels[languages[0]]


def _by_language(texts: Texts) -> list[str]:
    """English first: names are made of Latin letters."""
    return [texts[language] for language in ("en", "zh") if texts.get(language)] or [""]


def _new_name(wishes: Sequence[str], otherwise: str, taken: Mapping[str, object]) -> str:
    name = next((proper for wish in wishes if (proper := proper_name(wish))), otherwise)
    candidates = (name if number == 1 else f"{name}_{number}" for number in count(1))
    return next(candidate for candidate in candidates if candidate not in taken)
