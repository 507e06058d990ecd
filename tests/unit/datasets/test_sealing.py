"""Test rows are fixed before anything is made, and no teacher is shown one."""

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.datasets import SealGuard, seal
from anytasktune.errors import DataError
from anytasktune.outputs import LabelOutput, TextOutput
from anytasktune.schema import Example, SplitName, Task

LEASE = "The tenant shall pay the rent of the flat on the first working day."
CLAUSE = "承租人应当按照约定的期限支付租金，逾期未支付的，出租人可以请求承租人在合理期限内支付。"
TASK = Task(name="clause_kind", instruction={"en": "What is it about?", "zh": "这一条讲什么？"}, output=TextOutput(kind="text"))
NAME = TASK.name
Splits = dict[SplitName, list[Example]]


def rows(*texts: str) -> list[Example]:
    return [Example(input=text, output="x") for text in texts]


def guard(*texts: str, task: Task = TASK) -> SealGuard:
    own: dict[str, Splits] = {task.name: {"test": rows(*texts)}}
    return SealGuard([task], seal(own), own)


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": "You write data."}, {"role": "user", "content": text}]


def test_a_seal_knows_test_inputs_by_hash_and_nothing_else_of_the_task() -> None:
    first = seal({NAME: {"train": rows("a"), "test": rows(LEASE, CLAUSE)}, "other": {"train": rows("c")}})
    again = seal({"other": {}, NAME: {"train": rows("b"), "test": rows(CLAUSE, f"  {LEASE.upper()} ")}})
    assert first == again
    assert seal({NAME: {"test": rows(LEASE)}}).id != first.id
    assert seal({"other": {"test": rows(LEASE, CLAUSE)}}).id != first.id
    assert LEASE not in first.model_dump_json()


def test_documents_are_dealt_beforehand_where_test_rows_have_to_be_made() -> None:
    documents = {f"doc{number}.md": 10 for number in range(20)}
    dealt = seal({NAME: {"test": rows(LEASE)}}, documents=documents).documents[NAME]
    assert [list(dealt.values()).count(name) for name in ("train", "dev", "test")] == [14, 2, 4]
    assert seal({NAME: {"test": rows(LEASE)}}, documents=dict(reversed(documents.items()))).documents == {NAME: dealt}
    enough: Splits = {"dev": rows(*map(str, range(10))), "test": rows(*map(str, range(20)))}
    assert seal({NAME: enough}, documents=documents).documents == {}
    both: dict[str, Splits] = {NAME: {"test": enough["test"]}, "other": enough}
    dealt = seal(both, documents=documents).documents
    assert list(dealt) == [NAME] and set(dealt[NAME].values()) == {"train", "dev"}


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 400), min_size=5, max_size=30))
def test_every_split_gets_a_document_and_a_huge_one_goes_to_train(documents: dict[str, int]) -> None:
    dealt = seal({NAME: {}}, documents=documents).documents[NAME]
    assert set(dealt) == set(documents)
    assert set(dealt.values()) == {"train", "dev", "test"}
    biggest = max(documents, key=lambda name: documents[name])
    if documents[biggest] > 0.8 * sum(documents.values()):
        assert dealt[biggest] == "train"


def test_few_documents_are_not_torn_from_each_other_beforehand() -> None:
    assert seal({NAME: {}}, documents={"handbook.pdf": 300, "faq.md": 3}).documents == {}


@pytest.mark.parametrize("text", [LEASE, CLAUSE, "Line one of a longer input.\n\tLine “two” of it: with a \\ in it."])
@pytest.mark.parametrize(
    "prompt",
    [
        "Write something like this:\n{}\nNow you.",
        "请仿照下面的例子：{}请开始。",
        "    {}",
    ],
)
def test_a_prompt_with_a_test_input_is_refused(text: str, prompt: str) -> None:
    watch = guard("Something else that is long enough.", text)
    for shown in (text, text.upper(), text.replace(" ", "\n  ")):
        assert f"a test row of task {NAME}" in (watch(said(prompt.format(shown))) or "")
    for ascii_only in (True, False):
        assert watch(said(prompt.format(json.dumps({"input": text}, ensure_ascii=ascii_only))))
    assert watch(said(prompt.format(text[: len(text) // 2]))) is None


@pytest.mark.parametrize(
    "prompt",
    [
        "Is it open?",
        "Input: Is it open?",
        "3. is it  OPEN?",
        "- Question: Is it open?",
        '{"input": "Is it open?"}',
        "例如“Is it open?”",
    ],
)
def test_a_short_test_input_counts_as_a_line_or_a_field_of_its_own(prompt: str) -> None:
    assert guard("Is it open?")(said(f"Examples:\n{prompt}\nWrite more."))


def test_a_short_test_input_inside_a_sentence_is_no_test_row() -> None:
    assert guard("open", "押金")(said("The shop is open.\n房东不退押金怎么办？")) is None


def test_labels_are_no_secret() -> None:
    task = Task(name="team", instruction={"en": "Which?"}, output=LabelOutput(kind="label", labels=["housing", "work"]))
    assert guard("Housing", "押金", task=task)(said("Labels:\n- housing\n- work")) is None


def test_passages_that_hold_a_test_input_or_stand_in_one_are_touched() -> None:
    watch = guard(CLAUSE, "短问题？")
    assert watch.touches(f"第七百二十二条 {CLAUSE}第七百二十三条")
    assert watch.touches(CLAUSE[:-5])
    assert watch.touches("常见问题\n短问题？\n答：可以。")
    assert not watch.touches("第七百二十四条 有下列情形之一的，承租人可以解除合同。")


def test_a_guard_is_made_only_of_the_rows_that_were_sealed() -> None:
    sealed = seal({NAME: {"test": rows(LEASE)}})
    with pytest.raises(DataError, match="not those that were sealed"):
        SealGuard([TASK], sealed, {NAME: {"test": rows(CLAUSE)}})


def test_the_test_rows_of_all_tasks_are_watched_over_and_the_labels_of_none() -> None:
    label = Task(name="team", instruction={"en": "Which?"}, output=LabelOutput(kind="label", labels=["housing", "work"]))
    own: dict[str, Splits] = {NAME: {"test": rows(CLAUSE, "Housing")}, "team": {"train": rows("a"), "test": rows(LEASE)}}
    watch = SealGuard([TASK, label], seal(own), own)
    assert "of task team" in (watch(said(f"Now this: {LEASE}")) or "")
    assert f"of task {NAME}" in (watch(said(CLAUSE)) or "")
    assert watch(said("- housing")) is None
    assert watch.holds(Example(input="short", output=f"Answer: {LEASE}"))
    assert not watch.holds(Example(input="short", output="housing"))


texts = st.text(st.sampled_from('ab \n"\\租：，Ａ-'), min_size=1, max_size=60).filter(str.strip)


@settings(max_examples=200, deadline=None)
@given(texts, texts, texts)
def test_whatever_stands_around_it_a_test_input_is_found(before: str, text: str, after: str) -> None:
    watch = guard(text)
    assert watch.find(f"{before}\n{text.strip()}\n{after}") is not None or "\n" in text.strip()
    if len(" ".join(text.split())) >= 30:
        assert watch.find(before + text + after) is not None


def test_thousands_of_prompts_are_looked_through_in_seconds() -> None:
    chance = random.Random(0)
    words = [f"word{number}" for number in range(500)]
    tests = [" ".join(chance.choices(words, k=60)) for _ in range(1000)]
    prompts = [said(" ".join(chance.choices(words, k=500))) for _ in range(500)]
    watch = guard(*tests)
    started = time.process_time()
    for prompt in prompts:
        assert watch(prompt) is None
    assert (time.process_time() - started) / len(prompts) < 0.01
