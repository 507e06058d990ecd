"""Drafts to tasks a reviewer accepts."""

import pytest

from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Rules, TextOutput
from anytasktune.records import Language
from anytasktune.schema import Domain
from anytasktune.tasks import check_pool
from anytasktune.tasks.build_tasks import build_pool
from anytasktune.tasks.pool_drafts import ActionDraft, PoolDraft, StepDraft, output_of_fields, proper_name

LABELS = {"en": ["loan", "search and find", "other"], "zh": ["借还", "查找", "其他"]}
ARRAY = {"type": "array", "items": {"type": "object", "properties": {"who": {"type": "string"}}}}
STEPS = {
    "label": StepDraft(output=LabelOutput(kind="label", labels=LABELS)),
    "closed items": StepDraft(output=LabelsOutput(kind="labels", labels=LABELS), rules=Rules(max_items=2)),
    "free items": StepDraft(output=LabelsOutput(kind="labels"), rules=Rules(min_items=2, max_items=4, copies_from_input=True)),
    "one item a line": StepDraft(output=LabelsOutput(kind="labels", separator="\n"), rules=Rules(min_items=3, max_items=3)),
    "items without a number": StepDraft(output=LabelsOutput(kind="labels")),
    "fields": StepDraft(output=output_of_fields({"title": True, "due_date": False}), rules=Rules(copies_from_input=True)),
    "array": StepDraft(output=JsonOutput(kind="json", json_schema=ARRAY)),
    "no fields": StepDraft(output=JsonOutput(kind="json")),
    "number": StepDraft(output=NumberOutput(kind="number", minimum=1, maximum=5)),
    "decimals": StepDraft(output=NumberOutput(kind="number", minimum=0, maximum=1, decimals=2)),
    "text": StepDraft(output=TextOutput(kind="text"), rules=Rules(max_length=300)),
    "lines": StepDraft(output=TextOutput(kind="text"), rules=Rules(min_items=4, max_items=6)),
    "text without a length": StepDraft(output=TextOutput(kind="text")),
    "labels to be named": StepDraft(left_open=["labels"]),
    "unknown": StepDraft(),
}
GUIDANCE: dict[Language, str] = {"en": "Read the message and do what was agreed on", "zh": "阅读来信，按约定处理"}


def domain_of(step: StepDraft, texts: dict[Language, str]) -> Domain:
    described = {"title": {"en": "Some step", "zh": "某一步"}, "guidance": texts, "done_by": texts, "hands_over": texts}
    action = ActionDraft(title={"en": "Work"}, steps=[step.model_copy(update=described)])
    pool = build_pool(PoolDraft(actions=[action]))
    assert pool.dropped == {}
    return Domain(name="library", actions=list(pool.actions.values()), tasks=[drafted.task for drafted in pool.tasks.values()])


@pytest.mark.parametrize("languages", [("en",), ("zh",), ("en", "zh")], ids="+".join)
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_reviewer_finds_no_error_in_any_output(step: StepDraft, languages: tuple[Language, ...]) -> None:
    domain = domain_of(step, {language: GUIDANCE[language] for language in languages})
    assert [finding for finding in check_pool(domain, {}) if finding.level == "error"] == []
    assert [finding.code for finding in check_pool(domain, {}) if finding.code.endswith("_unsaid")] == []


def test_labels_in_one_language_serve_both_and_it_is_said() -> None:
    output = LabelOutput(kind="label", labels={"en": ["a", "b"]})
    step = StepDraft(title={"en": "Sort"}, guidance=GUIDANCE, output=output)
    drafted = build_pool(PoolDraft(actions=[ActionDraft(steps=[step])])).tasks["sort"]
    assert drafted.task.labels_in("zh") == ["a", "b"]
    assert any("one list of answers for both languages" in remark for remark in drafted.remarks)


def test_two_steps_of_one_title_get_two_names_and_the_same_ones_again() -> None:
    steps = [StepDraft(title={"en": "Reply"}) for _ in range(3)]
    draft = PoolDraft(actions=[ActionDraft(steps=steps)])
    assert list(build_pool(draft).tasks) == list(build_pool(draft).tasks) == ["reply", "reply_2", "reply_3"]


def test_a_step_that_cannot_be_a_task_is_dropped_with_the_reason_and_nothing_hangs_on_it() -> None:
    bad = StepDraft(title={"en": "Sort"}, output=LabelOutput(kind="label", labels={"en": ["a", "a"]}))
    good = StepDraft(title={"en": "Reply"}, from_previous=True)
    pool = build_pool(PoolDraft(actions=[ActionDraft(title={"en": "Answer"}, steps=[bad, good])]))
    assert list(pool.dropped) == ["Sort"]
    assert "lists a more than once" in pool.dropped["Sort"]
    assert pool.actions["answer"].steps == ["reply"]
    assert pool.tasks["reply"].task.input_from is None


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Answer a reader's enquiry", "answer_a_readers_enquiry"),
        ("3. Größe prüfen!", "groe_prufen"),
        ("答复", "da_fu"),
        ("答复 VIP 客户（加急）", "da_fu_vip_ke_hu_jia_ji"),
        ("Ответ", ""),
        ("Ｒｅｐｌｙ", "reply"),
        ("x" * 200, "x" * 60),
        ("word " * 40, "_".join(["word"] * 12)),
        ("Con", "con_"),
    ],
)
def test_names_are_made_of_titles(title: str, name: str) -> None:
    assert proper_name(title) == name
