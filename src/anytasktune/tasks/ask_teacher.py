"""A draft from a teacher model: first the actions and their steps, then each step by itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from anytasktune.llm import Asker, MisfitError, Question, render_prompt
from anytasktune.records import Language
from anytasktune.tasks.build_tasks import build_task, fault_in
from anytasktune.tasks.pool_drafts import ActionDraft, Form, PoolDraft, StepDraft, Texts, proper_name
from anytasktune.tasks.teacher_answers import outline_schema, read_form, read_texts, step_schema
from anytasktune.text.plain_text import collapse_space

PROMPTS = Path(__file__).parent / "prompts"
MOST_STEPS = 24
"""Steps that are asked about at most: a weak teacher repeats itself without end."""
_OUTLINE_TOKENS, _STEP_TOKENS = 4096, 2048
"""Longest answers; an outline in two languages is long."""
_LANGUAGES: dict[Language, dict[Language, str]] = {
    "en": {"en": "English (key en)", "zh": "Chinese (key zh), as a native speaker would put it, not word for word"},
    "zh": {"en": "英文（键为en），按母语者的说法写，不逐字翻译", "zh": "中文（键为zh）"},
}
_ROLE = {"en": "You answer with JSON only.", "zh": "你只用JSON回答。"}
_BY = {"en": "proposed by the model {model}: read it over", "zh": "由模型 {model} 提出，请通读核对"}
_REASONS = {"unusable_answer": "bad_form"}
_UNKNOWN = {"en": "unknown", "zh": "未知"}


@dataclass(frozen=True)
class Refused:
    """Something a teacher proposed that could not be used.

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
        known: titles of what is there already.

    Raises:
        EndpointError: the teacher cannot be asked. What it answered before is kept by its store.
    """
    values = {"languages": _spoken(languages), "known": ", ".join(known), "material": material}
    asked = Question(
        _messages("actions", languages[0], **values),
        outline_schema(languages),
        lambda value: _outline(value, languages),
        languages[0],
        max_tokens=_OUTLINE_TOKENS,
    )
    reply = teacher.ask_all([asked])[0]
    if reply.value is None:
        return PoolDraft(), [Refused("actions", reply.fault, reply.detail)]
    outline, refused = reply.value
    made = iter(_detailed(teacher, outline, languages))
    actions = [_with_forms(action, made, refused) for action in outline.actions]
    return outline.model_copy(update={"actions": [action for action in actions if action.steps]}), refused


def proposed_by(model: str, voice: Language) -> str:
    """The remark on every task that a teacher proposed and nobody has looked at yet."""
    return _BY[voice].format(model=model)


def _with_forms(action: ActionDraft, detailed: Iterator[StepDraft | Refused], refused: list[Refused]) -> ActionDraft:
    steps: list[StepDraft] = []
    whole = True
    for _, made in zip(action.steps, detailed, strict=False):
        if isinstance(made, Refused):
            refused.append(made)
        else:
            steps.append(made if whole else made.model_copy(update={"goes_on": False}))
        whole = not isinstance(made, Refused)
    return action.model_copy(update={"steps": steps})


def _detailed(teacher: Asker, outline: PoolDraft, languages: Sequence[Language]) -> list[StepDraft | Refused]:
    """Every step of every action with its form, in order."""
    steps = [(action, step) for action in outline.actions for step in action.steps]
    remark = proposed_by(teacher.model, languages[0])
    questions = [_about_step(outline, action, step, languages, remark) for action, step in steps]
    return [
        reply.value or Refused(_title(step, languages[0]), _REASONS.get(reply.fault, reply.fault), reply.detail)
        for (_, step), reply in zip(steps, teacher.ask_all(questions), strict=True)
    ]


def _about_step(
    outline: PoolDraft, action: ActionDraft, step: StepDraft, languages: Sequence[Language], remark: str
) -> Question[StepDraft]:
    voice = languages[0]
    nothing = _UNKNOWN[voice]
    values = {
        "field": outline.title.get(voice) or outline.name or nothing,
        "action": action.title.get(voice, nothing),
        "step": _title(step, voice),
        "done_by": step.done_by.get(voice, nothing),
        "hands_over": step.hands_over.get(voice, nothing),
        "languages": _spoken(languages),
    }

    def read(value: Any) -> StepDraft:
        told, form = read_form(value, languages)
        made = step.model_copy(update={"told": told, "form": form, "remarks": [remark]})
        try:
            build_task(made, "trial", None)
        except ValidationError as error:
            raise MisfitError(fault_in(error)) from None
        return made

    return Question(_messages("step", voice, **values), step_schema(languages), read, voice, max_tokens=_STEP_TOKENS)


def _title(step: StepDraft, voice: Language) -> str:
    return step.title.get(voice, _UNKNOWN[voice])


def _messages(name: str, language: Language, **values: str) -> list[dict[str, str]]:
    prompt = render_prompt(PROMPTS, name, language, **values)
    return [{"role": "system", "content": _ROLE[language]}, {"role": "user", "content": prompt}]


def _spoken(languages: Sequence[Language]) -> str:
    return "; ".join(_LANGUAGES[languages[0]][language] for language in languages)


def _outline(value: Any, languages: Sequence[Language]) -> tuple[PoolDraft, list[Refused]]:
    """What can be used of the first answer; MisfitError if there is no step in it that can."""
    entries = value.get("actions") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise MisfitError("it has no list `actions`")
    refused: list[Refused] = []
    actions: list[ActionDraft] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries, 1):
        action = _action(entry, number, languages, seen, refused)
        if isinstance(action, ActionDraft):
            actions.append(action)
        else:
            refused.append(action)
    if not actions:
        faults = "; ".join(f"{one.what}: {one.reason.replace('_', ' ')} {one.detail}".strip() for one in refused[:3])
        raise MisfitError(f"no action with a step in it can be used ({faults})" if faults else "the list `actions` is empty")
    description = value.get("description")
    name = value.get("name")
    draft = PoolDraft(
        name=proper_name(name) if isinstance(name, str) else "",
        title=read_texts(value.get("title"), languages),
        description=collapse_space(description) if isinstance(description, str) else _first(description, languages),
        actions=actions,
    )
    return draft, refused


def _first(texts: Any, languages: Sequence[Language]) -> str:
    return next(iter(read_texts(texts, languages).values()), "")


def _action(
    entry: Any, number: int, languages: Sequence[Language], seen: set[str], refused: list[Refused]
) -> ActionDraft | Refused:
    fields: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
    title = read_texts(fields.get("title"), languages)
    what = next(iter(title.values()), f"action {number}")
    if not title:
        return Refused(what, *_why_no_title(fields))
    entries = fields.get("steps")
    steps: list[StepDraft] = []
    for step in _steps(entries if isinstance(entries, list) else [], what, languages, seen):
        if isinstance(step, Refused):
            refused.append(step)
        else:
            steps.append(step if steps else step.model_copy(update={"goes_on": False}))
    return ActionDraft(title=title, steps=steps) if steps else Refused(what, "no_steps")


def _steps(entries: Sequence[Any], action: str, languages: Sequence[Language], seen: set[str]) -> Iterator[StepDraft | Refused]:
    for number, entry in enumerate(entries, 1):
        # small models give the title where a step with a title is asked for
        fields: Mapping[str, Any] = entry if isinstance(entry, dict) else {"title": entry}
        title = read_texts(fields.get("title"), languages)
        what = next(iter(title.values()), f"{action}, step {number}")
        key = what.casefold()
        if not title:
            yield Refused(what, *_why_no_title(fields))
        elif key in seen:
            yield Refused(what, "repeated")
        elif len(seen) >= MOST_STEPS:
            yield Refused(what, "too_many", f"{MOST_STEPS} steps are asked about at most")
        else:
            seen.add(key)
            yield _step(fields, title, languages)


def _step(fields: Mapping[str, Any], title: Texts, languages: Sequence[Language]) -> StepDraft:
    return StepDraft(
        title=title,
        done_by=read_texts(fields.get("done_by"), languages),
        hands_over=read_texts(fields.get("hands_over"), languages),
        goes_on=fields.get("goes_on") is True,
        form=Form(kind="text"),
    )


def _why_no_title(fields: Mapping[str, Any]) -> tuple[str, str]:
    said = fields.get("title")
    return ("other_language", f"title is {str(said)[:60]!r}") if said else ("no_title", "")
