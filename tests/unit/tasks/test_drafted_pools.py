"""Drafts to tasks a reviewer accepts."""

import pytest

from anytasktune.outputs import Rules
from anytasktune.records import Language
from anytasktune.schema import Domain
from anytasktune.tasks import check_pool
from anytasktune.tasks.build_tasks import build
from anytasktune.tasks.interview_answers import form_of_fields
from anytasktune.tasks.pool_drafts import ActionDraft, Form, PoolDraft, StepDraft, proper_name

FORMS = {
    "label": Form(kind="label", labels={"en": ["loan", "search and find", "other"], "zh": ["借还", "查找", "其他"]}),
    "closed items": Form(
        kind="labels", labels={"en": ["fee", "opening hours"], "zh": ["罚款", "开放时间"]}, rules=Rules(max_items=2)
    ),
    "free items": Form(kind="labels", rules=Rules(min_items=2, max_items=4, copies_from_input=True)),
    "one item a line": Form(kind="labels", separator="\n", rules=Rules(min_items=3, max_items=3)),
    "items without a number": Form(kind="labels"),
    "fields": form_of_fields({"title": True, "due_date": False}, copied=True),
    "array": Form(
        kind="json", json_schema={"type": "array", "items": {"type": "object", "properties": {"who": {"type": "string"}}}}
    ),
    "no fields": Form(kind="json"),
    "number": Form(kind="number", minimum=1, maximum=5),
    "decimals": Form(kind="number", minimum=0, maximum=1, decimals=2),
    "text": Form(kind="text", rules=Rules(max_length=300)),
    "lines": Form(kind="text", rules=Rules(min_items=4, max_items=6)),
    "text without a length": Form(kind="text"),
    "labels to be named": Form(kind="label"),
    "unknown": None,
}
TOLD: dict[Language, str] = {"en": "Read the message and do what was agreed on", "zh": "阅读来信，按约定处理"}


def domain_of(form: Form | None, told: dict[Language, str]) -> Domain:
    step = StepDraft(title={"en": "Some step", "zh": "某一步"}, told=told, done_by=told, hands_over=told, form=form)
    pool = build(PoolDraft(actions=[ActionDraft(title={"en": "Work"}, steps=[step])]))
    assert pool.dropped == {}
    return Domain(name="library", actions=list(pool.actions.values()), tasks=[drafted.task for drafted in pool.tasks.values()])


@pytest.mark.parametrize("languages", [("en",), ("zh",), ("en", "zh")], ids="+".join)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_reviewer_finds_no_error_in_any_form(form: Form | None, languages: tuple[Language, ...]) -> None:
    domain = domain_of(form, {language: TOLD[language] for language in languages})
    assert [finding for finding in check_pool(domain, {}) if finding.level == "error"] == []
    assert [finding.code for finding in check_pool(domain, {}) if finding.code.endswith("_unsaid")] == []


def test_labels_in_one_language_serve_both_and_it_is_said() -> None:
    step = StepDraft(title={"en": "Sort"}, told=TOLD, form=Form(kind="label", labels={"en": ["a", "b"]}))
    drafted = build(PoolDraft(actions=[ActionDraft(steps=[step])])).tasks["sort"]
    assert drafted.task.labels_in("zh") == ["a", "b"]
    assert any("one list of answers for both languages" in remark for remark in drafted.remarks)


def test_two_steps_of_one_title_get_two_names_and_the_same_ones_again() -> None:
    steps = [StepDraft(title={"en": "Reply"}) for _ in range(3)]
    draft = PoolDraft(actions=[ActionDraft(steps=steps)])
    assert list(build(draft).tasks) == list(build(draft).tasks) == ["reply", "reply_2", "reply_3"]


def test_a_step_that_cannot_be_a_task_is_dropped_with_the_reason_and_nothing_hangs_on_it() -> None:
    bad = StepDraft(title={"en": "Sort"}, form=Form(kind="label", labels={"en": ["a", "a"]}))
    good = StepDraft(title={"en": "Reply"}, goes_on=True)
    pool = build(PoolDraft(actions=[ActionDraft(title={"en": "Answer"}, steps=[bad, good])]))
    assert list(pool.dropped) == ["Sort"]
    assert "lists a more than once" in pool.dropped["Sort"]
    assert pool.actions["answer"].steps == ["reply"]
    assert pool.tasks["reply"].task.input_from is None


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Answer a reader's enquiry", "answer_a_readers_enquiry"),
        ("3. Größe prüfen!", "groe_prufen"),
        ("答复", ""),
        ("Ｒｅｐｌｙ", "reply"),
        ("x" * 200, "x" * 60),
        ("word " * 40, "_".join(["word"] * 12)),
    ],
)
def test_names_are_made_of_titles(title: str, name: str) -> None:
    assert proper_name(title) == name
