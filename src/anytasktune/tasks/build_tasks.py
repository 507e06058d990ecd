"""Drafts to a Task Pool: names, instructions, hand-overs, and remarks on what was left open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from pydantic import ValidationError

from anytasktune.outputs import OutputKind, Rules, TextOutput
from anytasktune.outputs.labels_output import USUAL_ITEMS
from anytasktune.outputs.text_output import USUAL_LENGTH
from anytasktune.records import Language
from anytasktune.schema import Action, Task
from anytasktune.tasks.pool_drafts import ActionDraft, Bilingual, PoolDraft, StepDraft, proper_name
from anytasktune.text.plain_text import collapse_space

_NAMES: dict[Language, dict[Language, str]] = {"en": {"en": "English", "zh": "Chinese"}, "zh": {"en": "英文", "zh": "中文"}}
_MISSING = {
    "en": "no {language} yet; `anytasktune tasks propose --interview --language {code}` asks for it",
    "zh": "尚无{language}；可用 `anytasktune tasks propose --interview --language {code}` 补充",
}
_LEFT_OPEN = {
    "en": {
        "title": "left open: a title for people",
        "guidance": "left open: how it is done; write it at the beginning of the instruction",
        "done_by": "left open: who does it today (done_by)",
        "hands_over": "left open: what it hands over (hands_over)",
        "output": f"left open: the output; assumed: a text of at most {USUAL_LENGTH} characters",
        "labels": "left open: the answers to choose from; write output: {kind: label, labels: [...]}",
        "items": f"left open: how many items; assumed: at most {USUAL_ITEMS}",
        "fields": "left open: the keys of the form; write output.json_schema with properties and required",
        "length": f"left open: the length; assumed: at most {USUAL_LENGTH} characters",
        "labels_shared": "one list of answers for both languages; where each has its own write labels: {en: [...], zh: [...]}",
    },
    "zh": {
        "title": "待补充：给人看的名称（title）",
        "guidance": "待补充：具体怎么做，写在 instruction 开头",
        "done_by": "待补充：现在由谁来做（done_by）",
        "hands_over": "待补充：交出什么（hands_over）",
        "output": f"待补充：结果的形式；暂定为不超过{USUAL_LENGTH}个字符的文字",
        "labels": "待补充：可选的答案；写成 output: {kind: label, labels: [...]}",
        "items": f"待补充：有几项；暂定最多{USUAL_ITEMS}项",
        "fields": "待补充：表单有哪些键；在 output.json_schema 里写 properties 和 required",
        "length": f"待补充：长度；暂定不超过{USUAL_LENGTH}个字符",
        "labels_shared": "两种语言共用一份答案清单；如各有写法，请写成 labels: {en: [...], zh: [...]}",
    },
}


@dataclass(frozen=True)
class DraftedTask:
    """A task made of a draft, with comments for its editor."""

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


def build_pool(draft: PoolDraft, voice: Language = "en") -> DraftedPool:
    """Actions and tasks of a draft.

    Names are made from titles and are the same every time. A step that cannot be made a task is dropped with the reason, and
    the one after it starts from nothing.

    Args:
        voice: language of the remarks.
    """
    pool = DraftedPool()
    for number, action in enumerate(draft.actions, 1):
        if names := _add_steps(pool, action, number, voice):
            name = _new_name([action.name, *_english_first(action.title)], f"action_{number}", pool.actions)
            pool.actions[name] = Action(name=name, title=action.title, steps=names)
    return pool


def _add_steps(pool: DraftedPool, action: ActionDraft, number: int, voice: Language) -> list[str]:
    names: list[str] = []
    previous: str | None = None
    for place, step in enumerate(action.steps, 1):
        name = _new_name([step.name, *_english_first(step.title)], f"step_{number}_{place}", pool.tasks)
        try:
            pool.tasks[name] = build_task(step, name, previous if step.from_previous else None, voice)
        except ValidationError as error:
            pool.dropped[_english_first(step.title)[0] or name] = first_fault(error)
            previous = None
            continue
        names.append(name)
        previous = name
    return names


def build_task(step: StepDraft, name: str, input_from: str | None, voice: Language = "en") -> DraftedTask:
    """The task of a drafted step.

    Raises:
        ValidationError: its output and texts do not go together.
    """
    languages: list[Language] = list(step.guidance) or list(step.title) or [voice]
    drafted = step.output or TextOutput(kind="text")
    limited, rules, unlimited = drafted.with_usual_limits(step.rules)
    output = limited.in_languages(languages)
    instructions = {
        language: instruction(step.guidance.get(language) or step.title.get(language) or name, output, rules, language)
        for language in languages
    }
    fields = {"title": step.title, "done_by": step.done_by, "hands_over": step.hands_over}
    task = Task.model_validate(
        {"name": name, "instruction": instructions, "output": output, "rules": rules, "input_from": input_from, **fields}
    )
    missing = {*step.left_open, *(part for part in ("title", "guidance", "done_by", "hands_over") if not getattr(step, part))}
    if step.output is None:
        missing |= set() if "labels" in missing else {"output"}
    elif unlimited:
        missing.add(unlimited)
    if len(languages) > 1 and drafted.lacks_labels_in(languages):
        missing.add("labels_shared")
    left_open = [said for part, said in _LEFT_OPEN[voice].items() if part in missing]
    unspoken = [_MISSING[voice].format(language=_NAMES[voice][code], code=code) for code in _NAMES if code not in languages]
    return DraftedTask(task, (*step.remarks, *unspoken, *left_open))


def instruction(guidance: str, output: OutputKind, rules: Rules, language: Language) -> str:
    """The whole instruction in one language: the guidance, and then the form of the answer, said exactly."""
    text = collapse_space(guidance)
    if text and text[-1] not in ".!?;:。！？；：":
        text += "。" if language == "zh" else "."
    parts = [text, *output.form_sentences(rules, language)]
    if rules.copies_from_input:
        parts.append({"en": "Copy the words of the input exactly.", "zh": "逐字照抄原文。"}[language])
    if rules.max_length is not None:
        most = {"en": f"At most {rules.max_length} characters.", "zh": f"不超过{rules.max_length}个字符。"}
        parts.append(most[language])
    return ("" if language == "zh" else " ").join(part for part in parts if part)


def missing_language_remarks(language: Language) -> set[str]:
    """All remarks that say `language` is missing."""
    return {_MISSING[voice].format(language=_NAMES[voice][language], code=language) for voice in _NAMES}


def first_fault(error: ValidationError) -> str:
    """The first fault of a record, in a line."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def _english_first(texts: Bilingual) -> list[str]:
    return [texts[language] for language in ("en", "zh") if texts.get(language)] or [""]


def _new_name(wishes: Sequence[str], otherwise: str, taken: Mapping[str, object]) -> str:
    name = next((proper for wish in wishes if (proper := proper_name(wish))), otherwise)
    candidates = (name if number == 1 else f"{name}_{number}" for number in count(1))
    return next(candidate for candidate in candidates if candidate not in taken)
