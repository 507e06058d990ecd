"""Actions, steps and texts are added to a file that a person wrote, and their comments stay."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anytasktune.domain_yaml import add_action, add_steps, add_task, add_texts, start_domain
from anytasktune.outputs import LabelOutput
from anytasktune.packs import pack_files
from anytasktune.schema import Action, Domain, Task
from anytasktune.settings.yaml_reading import parse_record

WRITTEN = """\
schema_version: 1
name: library          # our name
title: {en: Library}
actions:
  # the one thing we do
  - name: answer       # all day
    steps: [sort]      # one for now
tasks:
  - name: sort
    # said by the head of the desk
    instruction: {en: Sort the message as agreed on at the desk.}
    output: {kind: label, labels: [loan, other]}   # two are enough
# the end
"""
COMMENTS = [line.partition("#")[2] for line in WRITTEN.splitlines() if "#" in line]
REPLY = Task(name="reply", instruction={"en": "Reply."}, output=LabelOutput(kind="label", labels=["a", "b"]))


def read(text: str) -> Domain:
    return parse_record(Domain, text, "domain.yaml")


def kept(text: str) -> list[str]:
    return [comment for comment in COMMENTS if comment in text]


def test_remarks_stand_above_what_is_added_and_everything_else_stays() -> None:
    text = add_task(WRITTEN, REPLY, ["left open: who does it", "two\nlines"])
    text = add_action(text, Action(name="close", title={"en": "Close"}, steps=["reply"]), ["made up"])
    assert "\n\n  # left open: who does it\n  # two\n  # lines\n  - name: reply\n" in text
    assert "\n\n  # made up\n  - name: close\n" in text
    assert kept(text) == COMMENTS
    assert [action.name for action in read(text).actions] == ["answer", "close"]


def test_steps_join_an_action_that_is_there() -> None:
    text = add_steps(add_task(WRITTEN, REPLY), "answer", ["reply"])
    assert read(text).actions[0].steps == ["sort", "reply"]
    assert kept(text) == COMMENTS


def test_texts_of_a_second_language_are_added_and_nothing_is_replaced() -> None:
    sort = Task(
        name="sort",
        title={"en": "Another title", "zh": "分类"},
        instruction={"en": "Another wording.", "zh": "分类。" * 40},
        output=LabelOutput(kind="label", labels={"en": ["loan", "other"], "zh": ["借还", "其他"]}),
    )
    own = {"title": {"en": "Books", "zh": "图书馆"}}
    text = add_texts(WRITTEN, [sort], [Action(name="answer", title={"zh": "答复"}, steps=["sort"])], own)
    domain = read(text)
    task = domain.task("sort")
    assert task.instruction == {"en": "Sort the message as agreed on at the desk.", "zh": "分类。" * 40}
    assert (task.labels_in("en"), task.labels_in("zh")) == (["loan", "other"], ["借还", "其他"])
    assert (domain.title, domain.actions[0].title) == ({"en": "Library", "zh": "图书馆"}, {"zh": "答复"})
    assert kept(text) == COMMENTS
    assert add_texts(text, [sort], (), own) == text


def test_as_many_labels_as_there_are_or_none() -> None:
    three = LabelOutput(kind="label", labels={"en": ["a", "b", "c"], "zh": ["一", "二", "三"]})
    sort = Task(name="sort", instruction={"en": "x", "zh": "分"}, output=three)
    assert read(add_texts(WRITTEN, [sort])).task("sort").labels_in("zh") == ["loan", "other"]


@pytest.mark.parametrize("flow", ["actions: [{name: one, steps: [sort]}]\n", "actions: []\n", "actions:\n", ""])
def test_an_action_is_added_to_any_layout(flow: str) -> None:
    text = WRITTEN.replace(WRITTEN[WRITTEN.index("actions:") : WRITTEN.index("tasks:")], flow)
    added = Action(name="close", steps=["sort"])
    assert read(add_action(text, added, ["why"])).actions[-1] == added


def test_the_skeleton_takes_actions_and_keeps_its_remarks() -> None:
    text = pack_files("empty")["domain.yaml"].decode()
    edited = add_action(add_task(text, REPLY, ["a remark"]), Action(name="close", steps=["reply"]))
    assert {line for line in text.splitlines() if line.startswith("#")} <= set(edited.splitlines())
    assert read(edited).actions == [Action(name="close", steps=["reply"])]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=200)


@settings(deadline=None)
@given(title=WORDS, description=WORDS, remark=WORDS)
@example(title="?0", description="", remark="")
def test_whatever_a_field_is_called_its_file_is_read_back_the_same(title: str, description: str, remark: str) -> None:
    domain = Domain(name="library", title={"en": title}, description=description, limits={"zh": title})
    text = add_task(start_domain(domain, [remark]), REPLY, [remark])
    assert read(text) == domain.model_copy(update={"tasks": [REPLY]})


def test_long_texts_are_folded_and_short_lists_stand_on_a_line() -> None:
    task = Task(name="long", instruction={"en": "word " * 60 + "end."}, output=LabelOutput(kind="label", labels=["a", "b"]))
    text = add_task(WRITTEN, task)
    assert max(map(len, text.splitlines())) <= 128
    assert "      en: >-\n        word word" in text
    assert "    output: {kind: label, labels: [a, b]}" in text
    assert read(text).task("long") == task
